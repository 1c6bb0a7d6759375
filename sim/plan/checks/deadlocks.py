"""Deadlocks: units that could wait for each other for ever, each holding what the other waits for.

A pool leads to another where a unit keeps some of the one while it waits for the other, or for a gate that does not
open without it, or where the one is only supplied by those who take the other. A ring of such leads is a deadlock,
unless the waiters of a ring can never have taken so much that too little is left for those they wait for. Units also
wait in vain for gates that are never opened, or not far enough.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from sim.plan.analysis.prerequisites import Prerequisites, bits, members
from sim.plan.analysis.route_classes import RouteClass, several
from sim.plan.checks.capacity import Yard
from sim.plan.checks.finding import Finding, Severity
from sim.plan.checks.reachability import Reach
from sim.plan.compile import NONE, CompiledPlan
from sim.plan.vocabulary import HOLD, WAIT

# --- rings of pools ---------------------------------------------------------------------------------------------------


ASKED, BEHIND_A_GATE, KEPT_BACK = range(3)
HOW = ("in this order and the other", "behind a gate", "and what is kept back for the impatient closes the ring")


@dataclass
class Leads:
    """What one pool leads to: asked for, asked or waited for, or what a request waits for that keeps it back.

    `waiters` are those who keep some of it while waiting for others.
    """

    asked: int = 0
    behind: int = 0
    kept_back: int = 0
    waiters: dict[int, list[tuple[int, int, int]]] = field(default_factory=lambda: defaultdict(list))
    """Per pool led to: (unit, step, count kept)."""


class Locks:
    """The rings of a plan."""

    def __init__(
        self,
        plan: CompiledPlan,
        classes: Sequence[RouteClass],
        prerequisites: Prerequisites,
        slots: Collection[int],
        yards: Sequence[Yard],
    ) -> None:
        """Find out what leads to what; `prerequisites` are those that may arise, `slots` the pools of places."""
        self.plan, self.classes, self.prerequisites, self.slots = plan, classes, prerequisites, slots
        self.room = plan.initial.tolist()
        for pool, supplies in enumerate(prerequisites.supplies):
            if pool not in slots:
                self.room[pool] += sum(count for _, _, count in supplies)
        # tokens lie on places: never more of them at once than their yard has room for
        for yard in yards:
            for token in yard.tokens:
                self.room[token] = min(self.room[token], yard.most(token, plan.initial.tolist()))
        self.takes: dict[int, list[tuple[RouteClass, int]]] = defaultdict(list)
        self.largest: dict[int, int] = defaultdict(int)
        self.used_up: dict[int, int] = defaultdict(int)
        for route_class in classes:
            for _, pool, count, held in route_class.takes():
                self.takes[pool].append((route_class, count + max(0, held)))
                if held >= 0:
                    self.largest[pool] = max(self.largest[pool], held + count)
            # what is kept at the end of a route never comes back: all units of the class together need it
            for pool, count in (route_class.end or {}).items():
                self.used_up[pool] += max(0, count) * len(route_class.units)
        lying = {yard.places: bits(yard.tokens) for yard in yards}
        self.supplied = [self._behind_supply(pool) & ~lying.get(pool, 0) for pool in range(len(plan.pools))]
        self.leads = self._all_leads()

    def findings(self) -> Iterator[Finding]:
        """Yield every ring: of pools asked for one after the other, then through gates, then through patience."""
        yield from self._eaten_up()
        told = 0
        for how in (ASKED, BEHIND_A_GATE, KEPT_BACK):
            for ring in self._rings(how):
                if not ring & told:
                    told |= ring
                    yield self._told(ring, how)

    def _behind_supply(self, pool: int) -> int:
        """Return the pools that must be taken before enough of a pool is supplied: for one hold, for all used up."""
        if pool in self.slots:
            return self.prerequisites.of_supply(pool)
        wanted = max(self.largest[pool], self.used_up[pool]) - int(self.plan.initial[pool])
        return self.prerequisites.of_supply(pool, wanted) if wanted > 0 else 0

    # --- leads --------------------------------------------------------------------------------------------------

    def _all_leads(self) -> list[Leads]:
        """Return per pool what it leads to; of a pool with enough for everybody nothing is ever short."""
        leads = [Leads() for _ in self.plan.pools]
        scarce = self._scarce()
        for route_class in self.classes:
            for step in route_class.does(HOLD, WAIT):
                self._keep_back(leads, route_class.rows[step])
                kept = {pool: count for pool, count in self._kept(route_class, step) if pool in scarce}
                if kept:
                    self._lead(leads, route_class, step, kept)
        return leads

    def _keep_back(self, leads: list[Leads], row: Sequence[int]) -> None:
        """Note that a request that has lost its patience keeps back everything it asks for (rule 3)."""
        operation, bundle, _, patience, *_ = row
        if operation == HOLD and patience != NONE:
            together = bits(pool for pool, _ in self.plan.bundles[bundle])
            for pool in members(together):
                leads[pool].kept_back |= together & ~(1 << pool)

    def _scarce(self) -> set[int]:
        """Return the pools of which more may be wanted than there are."""
        wanted: dict[int, int] = defaultdict(int)
        for route_class in self.classes:
            for pool, count in route_class.most.items():
                wanted[pool] += count * len(route_class.units)
        return {pool for pool, count in wanted.items() if count > self.room[pool]}

    def _kept(self, route_class: RouteClass, step: int) -> Iterator[tuple[int, int]]:
        """Yield what a unit keeps from others while it waits; what it uses up for good is no longer waited for."""
        for pool, count in (route_class.held[step] or {}).items():
            given_back = route_class.end is None or route_class.end.get(pool, 0) <= 0
            if count > 0 and (self.plan.pool_kinds[pool] == "returned" or given_back or pool in self.slots):
                yield pool, count

    def _lead(self, leads: list[Leads], route_class: RouteClass, step: int, kept: dict[int, int]) -> None:
        """Note that the units of a route class keep these counts while they wait at a step."""
        for unit in route_class.units:
            operation, a, b, *_ = route_class.row(unit, step)
            if operation == HOLD:
                to = bits(pool for pool, _ in self.plan.bundles[a])
            else:
                to = self.prerequisites.of_gate(a, b)
            for pool, count in kept.items():
                if operation == HOLD:
                    leads[pool].asked |= to
                leads[pool].behind |= to
                for other in members(to):
                    leads[pool].waiters[other].append((unit, step, count))

    # --- rings --------------------------------------------------------------------------------------------------

    def _rings(self, how: int) -> list[int]:
        """Return sets of pools that lead to each other and can lock."""
        dropped = 0
        # a pool that cannot run out breaks its rings, which may make others harmless: until nothing changes
        while True:
            graph = [self._led(pool, how, dropped) for pool in range(len(self.plan.pools))]
            rings = [ring for ring in _circles(graph) if any(self._in(pool, ring, dropped) for pool in members(ring))]
            harmless = 0
            for ring in rings:
                for pool in members(ring):
                    if self._in(pool, ring, dropped) and not self._can_run_out(pool, ring):
                        harmless |= 1 << pool
            if not harmless:
                return rings
            dropped |= harmless

    def _led(self, pool: int, how: int, dropped: int) -> int:
        """Return the pools one pool leads to."""
        leads = self.leads[pool]
        led = self.supplied[pool] if how >= BEHIND_A_GATE else 0
        if not dropped >> pool & 1:
            led |= leads.behind if how >= BEHIND_A_GATE else leads.asked
        return led | (leads.kept_back if how == KEPT_BACK else 0)

    def _in(self, pool: int, ring: int, dropped: int) -> bool:
        """Tell whether somebody keeps some of a pool while waiting within a ring."""
        return bool(self.leads[pool].behind & ring) and not dropped >> pool & 1

    def _waiters(self, pool: int, ring: int) -> dict[int, int]:
        """Return how much of a pool each unit keeps while it waits, within a ring, for others than itself."""
        found: dict[int, int] = {}
        for other in members(self.leads[pool].behind & ring):
            for unit, step, count in self.leads[pool].waiters[other]:
                operation, gate, level, *_ = self.prerequisites.class_of[unit].row(unit, step)
                if operation == HOLD or self._others_take(other, gate, level, unit):
                    found[unit] = max(found.get(unit, 0), count)
        return found

    def _others_take(self, pool: int, gate: int, level: int, unit: int) -> bool:
        """Tell whether a gate waits for someone other than a unit to take a pool."""
        behind = self.prerequisites.behind([(gate, level)], pool)
        return any(other != unit and self.prerequisites.own(other, step) >> pool & 1 for other, step in behind.items())

    def _can_run_out(self, pool: int, ring: int) -> bool:
        """Tell whether waiters can have taken so much of a pool that too little is left for one they wait for."""
        waiters = self._waiters(pool, ring)
        kept = sum(waiters.values())
        for route_class, count in self.takes[pool] if waiters else ():
            if not self._arrives(route_class) and any(
                kept - waiters.get(unit, 0) + count > self.room[pool] for unit in route_class.units
            ):
                return True
        return any(self._shuts_out(other, pool, waiters) for other in members(ring))

    def _arrives(self, route_class: RouteClass) -> bool:
        """Tell whether a unit is itself what others take, such as a crew."""
        return any(self.plan.pool_kinds[pool] == "supplied" for _, pool, _ in route_class.supplies())

    def _shuts_out(self, other: int, pool: int, waiters: dict[int, int]) -> bool:
        """Tell whether waiters can keep so much of a pool that too little of another one is ever supplied.

        Suppliers who wait themselves, such as crews in camp beds, shut out others, not their own kind.
        """
        suppliers = [
            unit
            for unit, step, _ in self.prerequisites.supplies[other]
            if self.prerequisites.own(unit, step) >> pool & 1
        ]
        staying = [unit for unit in suppliers if unit in waiters]
        if not suppliers or not waiters:
            return False
        wanted = max((count for route_class, count in self.takes[pool] if route_class.units[0] in suppliers), default=1)
        # a supplier that is itself a waiter brings one each: as many must come as the largest hold needs
        if staying:
            elsewhere = sum(count for unit, _, count in self.prerequisites.supplies[other] if unit not in suppliers)
            wanted *= max(0, self.largest[other] - int(self.plan.initial[other]) - elsewhere)
        kept = sum(waiters.values()) - sum(waiters[unit] for unit in staying)
        return bool(wanted) and kept + wanted > self.room[pool]

    def _told(self, ring: int, how: int) -> Finding:
        """Return a ring in words."""
        units: set[int] = set()
        parts = []
        worst = 0
        for pool in members(ring):
            waiters = self._waiters(pool, ring)
            units |= waiters.keys()
            if waiters:
                led = [self.plan.pools[other] for other in members(self.leads[pool].behind & ring)]
                parts.append(f"{self.plan.pools[pool]} is kept while waiting for {' and '.join(led)}")
                worst = max(worst, max(waiters.values()) + max(n for _, n in self.takes[pool]) - self.room[pool])
        severity: Severity = "error" if how == ASKED or (worst > 0 and how == BEHIND_A_GATE) else "warning"
        names = [self.plan.pools[pool] for pool in members(ring)]
        whom = "each other" if len(units) > 1 else "others"
        sentence = f"{{who}}: can wait for {whom} for ever, {HOW[how]}: {'; '.join(parts)}"
        return Finding(severity, " and ".join(names), sentence, tuple(self.plan.units[unit] for unit in sorted(units)))

    def _eaten_up(self) -> Iterator[Finding]:
        """Yield pools that others can use up before those have theirs on whom further supply depends."""
        for pool, used in self.used_up.items():
            supplies = self.prerequisites.supplies[pool] if pool not in self.slots else []
            later = [supply for supply in supplies if self.prerequisites.of_step(*supply[:2]) >> pool & 1]
            there = self.room[pool] - sum(count for _, _, count in later)
            if later and there < used:
                name = self.plan.pools[pool]
                sentence = f"{{who}}: more {name} comes only after some is taken, and others can take it all before"
                yield Finding("warning", name, sentence, tuple(self.plan.units[unit] for unit, _, _ in later))


def _circles(graph: Sequence[int]) -> list[int]:
    """Return the sets of nodes that lead to each other, as bits; a single node counts if it leads to itself."""
    reach = list(graph)
    # Warshall's closure on sets of bits: after round m, ways through nodes up to m are in
    for middle in range(len(graph)):
        for node in range(len(graph)):
            if reach[node] >> middle & 1:
                reach[node] |= reach[middle]
    found: list[int] = []
    for node, to in enumerate(reach):
        if to >> node & 1 and not any(circle >> node & 1 for circle in found):
            found.append(bits(other for other in members(to) if reach[other] >> node & 1))
    return found


# --- waits in vain ----------------------------------------------------------------------------------------------------


LONGEST_RING = 6
"""Units of a ring that are told; in longer ones the middle is left out."""


def in_vain(plan: CompiledPlan, prerequisites: Prerequisites, reach: Reach) -> Iterator[Finding]:
    """Yield why units can never finish, as far as it is each other; and whether the project can."""
    severity: Severity = "warning" if reach.finishes else "error"
    yield from _never_opened(plan, prerequisites, reach, severity, "")
    yield from _in_rings(plan, prerequisites, reach, severity, "")
    if not reach.finishes:
        gate, level = plan.completion
        sentence = f"the project can never finish: {plan.gates[gate]} comes to {reach.level[gate]} of {level} at most"
        yield Finding("error", plan.gates[gate], sentence)


def out_of_luck(plan: CompiledPlan, prerequisites: Prerequisites, reach: Reach, worst: Reach) -> Iterator[Finding]:
    """Yield why units can never finish that take the wrong way at a jump; `worst` is how far all come on every way."""
    worst.stuck = {unit: steps for unit, steps in worst.stuck.items() if unit not in reach.stuck}
    yield from _never_opened(plan, prerequisites, worst, "warning", " on one of its ways")
    yield from _in_rings(plan, prerequisites, worst, "warning", " on one of their ways")


def has_choices(classes: Sequence[RouteClass]) -> bool:
    """Tell whether anybody waits for something on some ways only."""
    return any(
        not route_class.surely[-1] >> step & 1
        for route_class in classes
        if route_class.end is not None
        for step in route_class.does(WAIT, HOLD)
    )


def _never_opened(
    plan: CompiledPlan, prerequisites: Prerequisites, reach: Reach, severity: Severity, where: str
) -> Iterator[Finding]:
    """Yield gates that nobody signals, or not often enough; one finding for all units of a route class."""
    found: dict[tuple[int, int, int], list[tuple[str, str]]] = defaultdict(list)
    for unit, steps in sorted(reach.stuck.items()):
        route_class = prerequisites.class_of[unit]
        for step in steps:
            operation, gate, level, *_ = route_class.row(unit, step)
            if operation == WAIT and prerequisites.total[gate] < level and not _endless(prerequisites, gate):
                found[route_class.units[0], level, prerequisites.total[gate]].append(
                    (plan.units[unit], plan.gates[gate])
                )
    for (_, level, total), pairs in found.items():
        gates = several(dict.fromkeys(gate for _, gate in pairs))
        why = f"only comes to {total:,} of {level:,}" if total else "nobody ever opens"
        sentence = f"{{who}}: waits{where} for {gates}, which {why}"
        yield Finding(severity, pairs[0][1], sentence, tuple(who for who, _ in pairs))


def _endless(prerequisites: Prerequisites, gate: int) -> bool:
    """Tell whether a gate is signalled by a unit that goes round, so that nobody can say how often."""
    return any(prerequisites.class_of[unit].conflicts for unit, _, _ in prerequisites.signals[gate])


def _in_rings(
    plan: CompiledPlan, prerequisites: Prerequisites, reach: Reach, severity: Severity, where: str
) -> Iterator[Finding]:
    """Yield units that wait for each other in a ring, one finding for all rings of the same route classes."""
    for_whom = {unit: _awaited(prerequisites, reach, unit, steps) for unit, steps in sorted(reach.stuck.items())}
    known: set[int] = set()
    for start in for_whom:
        way: dict[int, str] = {}
        unit: int | None = start
        while unit is not None and unit not in known and unit not in way:
            other = for_whom[unit]
            way[unit] = f"{plan.units[unit]} waits for {plan.units[other[0]]} ({other[1]})" if other else ""
            unit = other[0] if other else None
        if unit in way:
            ring = list(way)[list(way).index(unit) :]
            yield _ring(plan, severity, ring, [way[member] for member in ring], where)
        known.update(way)


def _awaited(prerequisites: Prerequisites, reach: Reach, unit: int, steps: list[int]) -> tuple[int, str] | None:
    """Return someone stuck whom a stuck unit waits for, and by which gate or pool; None if it is nobody."""
    plan, route_class = prerequisites.plan, prerequisites.class_of[unit]
    for step in (step for step in steps if (route_class.units[0], step) not in reach.hopeless):
        operation, a, _, *_ = route_class.row(unit, step)
        sources = [(plan.gates[a], prerequisites.signals[a])] if operation == WAIT else []
        if operation == HOLD:
            sources = [(plan.pools[pool], prerequisites.supplies[pool]) for pool, _ in plan.bundles[a]]
        for name, source in sources:
            for other, at, _ in source:
                if other in reach.stuck and not reach.passed(other, at):
                    return other, name
    return None


def _ring(plan: CompiledPlan, severity: Severity, ring: list[int], told: list[str], where: str) -> Finding:
    if len(ring) == 1:
        return Finding(severity, plan.units[ring[0]], f"a unit waits for itself{where}: {told[0]}")
    if len(told) > LONGEST_RING:
        told = [*told[: LONGEST_RING - 1], f"and so on through {len(told) - LONGEST_RING} more", told[-1]]
    return Finding(severity, plan.units[ring[0]], f"units wait for each other{where}: {', '.join(told)}")
