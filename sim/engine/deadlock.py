"""Deadlocks: no unit can go on before the project is finished; which of them waits for what, and which holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sim.plan.analysis.route_classes import State, states
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.vocabulary import HOLD, WAIT

LINES_OF_CONSEQUENCES = 3
"""Lines of what others wait for where the reason of a deadlock is known."""


@dataclass(frozen=True)
class BlockedUnit:
    """A unit that cannot go on, and what it waits for, as a phrase."""

    unit: str
    wants: str


@dataclass(frozen=True)
class Deadlock:
    """The deadlock of a project at the minute of its last event: the units that wait, and a line per pool that is short.

    `because` is empty where no event is left, and has the reason where the calendar ran out of time.
    """

    minute: int
    waiting: tuple[BlockedUnit, ...]
    holders: tuple[str, ...]
    because: str = ""

    def explain(self, max_lines: int = 12) -> str:
        """Return the deadlock as text, the most common causes first, at most `max_lines` of them.

        Where time ran out, that is the cause and what else is waiting its consequence: a few lines of it are enough.
        """
        max_lines = min(max_lines, LINES_OF_CONSEQUENCES) if self.because else max_lines
        causes = Counter(waiter.wants for waiter in self.waiting)
        lines = [f"stalled on day {self.minute / 1440:.1f}, units not at their end: {len(self.waiting)}"]
        lines += [f"  {self.because}"] if self.because else []
        for wants, count in causes.most_common(max_lines):
            units = [waiter.unit for waiter in self.waiting if waiter.wants == wants]
            more = f" and {count - 3} more" if count > 3 else ""
            lines.append(f"  {', '.join(units[:3])}{more}: {wants}")
        if len(causes) > max_lines:
            lines.append(f"  and {len(causes) - max_lines} more that others wait for")
        lines += [f"  {holder}" for holder in self.holders[:max_lines]]
        return "\n".join(lines)


@dataclass(frozen=True)
class SimulationState:
    """The steps of all units, the free counts of pools and the levels of gates after the last event."""

    plan: CompiledPlan
    step_of: Sequence[int]
    free: Sequence[int]
    level: Sequence[int]
    minute: int

    def deadlock(self, because: str = "") -> Deadlock:
        """Return the deadlock: which units wait for what, and which hold the pools that are short."""
        waiting: list[BlockedUnit] = []
        short_pools: set[int] = set()
        for unit, step in enumerate(self.step_of):
            if step < self.plan.first[unit + 1]:
                wants, pools = self._wants(step)
                waiting.append(BlockedUnit(self.plan.units[unit], wants))
                short_pools |= pools
        return Deadlock(self.minute, tuple(waiting), tuple(self._holders(short_pools)), because)

    def _wants(self, step: int) -> tuple[str, set[int]]:
        """Return as a phrase what the unit at a step waits for, and the pools of which too few are free for it."""
        operation, gate_or_bundle, level, *_ = self.plan.rows[step].tolist()
        if operation == WAIT:
            gate = self.plan.gates[gate_or_bundle]
            return f"waits for {gate} to reach {level} (it is at {self.level[gate_or_bundle]})", set()
        if operation != HOLD:
            return "is under way", set()
        counts = self.plan.bundles[gate_or_bundle]
        text = " and ".join(f"{count} of {self.plan.pools[pool]} ({self.free[pool]} free)" for pool, count in counts)
        # a bundle is granted together: what is free of its other pools explains nothing
        short_pools = {pool for pool, count in counts if self.free[pool] < count}
        return f"waits for {text}" + ("" if short_pools else ", kept back for who has waited longer"), short_pools

    def _holders(self, short_pools: set[int]) -> list[str]:
        """Return one line per short pool with the units that hold some of it."""
        holders: dict[int, list[str]] = {pool: [] for pool in sorted(short_pools)}
        first, route_of = self.plan.first.tolist(), self.plan.route_of.tolist()
        # by route: its first step and the states along it, as units that share a route hold the same at the same step
        states_of: dict[int, tuple[int, dict[int, State]]] = {}
        for unit, step in enumerate(self.step_of) if holders else ():
            # worked out from the route: the engines keep counts of pools, not who has them
            if route_of[unit] not in states_of:
                states_of[route_of[unit]] = first[unit], states(self.plan, unit)[0]
            begin, state_at = states_of[route_of[unit]]
            held_counts, _ = state_at.get(int(step) - first[unit] + begin, ({}, {}))
            for pool, count in held_counts.items():
                if pool in holders and count > 0:
                    holders[pool].append(f"{self.plan.units[unit]} ({count})")
        return [
            f"{self.plan.pools[pool]} is held by {', '.join(units[:5]) or 'nobody'}"
            + (f" and {len(units) - 5} more" if len(units) > 5 else "")
            for pool, units in holders.items()
        ]
