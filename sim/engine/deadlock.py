"""Deadlock: no unit can go on before the project is finished. Which waits for what, and which holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sim.plan.analysis.route_classes import State, states
from sim.plan.compile import CompiledPlan
from sim.plan.vocabulary import HOLD, WAIT


@dataclass(frozen=True)
class BlockedUnit:
    """A unit that cannot go on: what it wants, and what there is of it."""

    unit: str
    wants: str


@dataclass(frozen=True)
class Deadlock:
    """The state of a project that stalled, at the minute of its last event.

    `because` is empty where nothing can happen any more, and has the reason where the calendar ran out of time.
    """

    minute: int
    waiting: tuple[BlockedUnit, ...]
    holders: tuple[str, ...]
    because: str = ""

    def explain(self, most: int = 12) -> str:
        """Return the stall in words, the most common causes first."""
        causes = Counter(waiter.wants for waiter in self.waiting)
        lines = [f"stalled on day {self.minute / 1440:.1f}, units not at their end: {len(self.waiting)}"]
        lines += [f"  {self.because}"] if self.because else []
        for wants, number in causes.most_common(most):
            who = [waiter.unit for waiter in self.waiting if waiter.wants == wants]
            more = f" and {number - 3} more" if number > 3 else ""
            lines.append(f"  {', '.join(who[:3])}{more}: {wants}")
        lines += [f"  {holder}" for holder in self.holders[:most]]
        return "\n".join(lines)


@dataclass(frozen=True)
class SimulationState:
    """Where all units stand when the last event has happened."""

    plan: CompiledPlan
    where: Sequence[int]
    free: Sequence[int]
    level: Sequence[int]
    minute: int

    def explain(self, because: str = "") -> Deadlock:
        """Return which units wait for what, and which hold the pools that are short."""
        waiting: list[BlockedUnit] = []
        short: set[int] = set()
        for unit, at in enumerate(self.where):
            if at < self.plan.first[unit + 1]:
                wants, pools = self._wants(at)
                waiting.append(BlockedUnit(self.plan.units[unit], wants))
                short |= pools
        return Deadlock(self.minute, tuple(waiting), tuple(self._holders(short)), because)

    def _wants(self, at: int) -> tuple[str, set[int]]:
        """Return in words what the unit at a step waits for, and the pools that are short of it."""
        operation, a, b, _, _, _ = self.plan.rows[at].tolist()
        if operation == WAIT:
            return f"waits for {self.plan.gates[a]} to reach {b} (it is at {self.level[a]})", set()
        if operation != HOLD:
            return "is under way", set()
        counts = self.plan.bundles[a]
        text = " and ".join(f"{n} of {self.plan.pools[p]} ({self.free[p]} free)" for p, n in counts)
        # a bundle is granted together: what is free of its other pools explains nothing
        short = {p for p, n in counts if self.free[p] < n}
        return f"waits for {text}" + ("" if short else ", kept back for who has waited longer"), short

    def _holders(self, short: set[int]) -> list[str]:
        """Return one line per short pool with the units that hold some of it."""
        held: dict[int, list[str]] = {pool: [] for pool in sorted(short)}
        first, route_of = self.plan.first.tolist(), self.plan.route_of.tolist()
        # by route, since units that were written as one hold the same at the same step
        known: dict[int, tuple[int, dict[int, State]]] = {}
        for unit, at in enumerate(self.where) if held else ():
            # worked out from the route: the engines keep counts of pools, not who has them
            if route_of[unit] not in known:
                known[route_of[unit]] = first[unit], states(self.plan, unit)[0]
            begin, reached = known[route_of[unit]]
            state = reached.get(int(at) - first[unit] + begin)
            for pool, count in state[0].items() if state else ():
                if pool in held and count > 0:
                    held[pool].append(f"{self.plan.units[unit]} ({count})")
        return [
            f"{self.plan.pools[pool]} is held by {', '.join(who[:5]) or 'nobody'}"
            + (f" and {len(who) - 5} more" if len(who) > 5 else "")
            for pool, who in held.items()
        ]
