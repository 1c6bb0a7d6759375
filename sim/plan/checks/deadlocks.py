"""Deadlocks: units that could wait for each other for ever, each holding what the other waits for.

The search goes through a wait-for graph of pools (Coffman, Elphick, Shoshani: "System deadlocks", 1971). An edge leads
from one pool to another where a unit holds some of the one while it waits for the other, or for a gate that does not
open without it, or where the one is only supplied by units that take the other. A cycle is a deadlock, unless its
holders can never have taken so much that too little is left for the units they wait for. Units also wait for ever for
gates that are never opened, or not far enough.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from sim.plan.analysis.prerequisites import Prerequisites, bits, members
from sim.plan.analysis.route_classes import RouteClass, abbreviated
from sim.plan.checks.capacity import Yard
from sim.plan.checks.finding import Finding, Severity
from sim.plan.checks.reachability import Reach
from sim.plan.compile import NONE, CompiledPlan
from sim.plan.vocabulary import HOLD, WAIT

# --- cycles of pools --------------------------------------------------------------------------------------------------


BY_REQUEST, BY_GATE, BY_WITHHOLDING = range(3)
EXPLANATIONS = (
    "in this order and the other",
    "behind a gate",
    "and what is withheld for requests that have waited their patience closes the cycle",
)


@dataclass
class WaitEdges:
    """The edges from one pool, as sets of pools.

    requested  what its holders ask for
    awaited    what its holders ask for or wait for behind a gate
    withheld   what is requested together with it by a request that withholds all it asks for
    holders    who holds some of it while waiting, by awaited pool
    """

    requested: int = 0
    awaited: int = 0
    withheld: int = 0
    holders: dict[int, list[tuple[int, int, int]]] = field(default_factory=lambda: defaultdict(list))
    """Per awaited pool: (unit, step, count held)."""


class DeadlockSearch:
    """The cycles in a plan's wait-for graph."""

    def __init__(
        self,
        plan: CompiledPlan,
        classes: Sequence[RouteClass],
        prerequisites: Prerequisites,
        place_pools: Collection[int],
        yards: Sequence[Yard],
    ) -> None:
        """Build the wait-for graph; `prerequisites` are those on any path, `place_pools` the pools of places."""
        self.plan, self.classes, self.prerequisites, self.place_pools = plan, classes, prerequisites, place_pools
        self.room = plan.initial.tolist()
        for pool, supplies in enumerate(prerequisites.supplies):
            if pool not in place_pools:
                self.room[pool] += sum(count for _, _, count in supplies)
        # tokens occupy places: never more of them at once than their yard has room for
        for yard in yards:
            for token in yard.tokens:
                self.room[token] = min(self.room[token], yard.most(token, plan.initial.tolist()))
        self.takes: dict[int, list[tuple[RouteClass, int]]] = defaultdict(list)
        self.largest: dict[int, int] = defaultdict(int)
        self.consumed: dict[int, int] = defaultdict(int)
        for route_class in classes:
            for _, pool, count, held in route_class.takes():
                self.takes[pool].append((route_class, count + max(0, held)))
                if held >= 0:
                    self.largest[pool] = max(self.largest[pool], held + count)
            # what is kept at the end of a route never comes back: all units of the class together need it; of two departures
            # that wait for the same crew only one takes anything, and no one's supply depends on it
            departs = plan.unit_info[route_class.units[0]].kind == "departure"
            for pool, count in () if departs else (route_class.end or {}).items():
                self.consumed[pool] += max(0, count) * len(route_class.units)
        stored = {yard.places: bits(yard.tokens) for yard in yards}
        self.before_supply = [self._needed_for_supply(pool) & ~stored.get(pool, 0) for pool in range(len(plan.pools))]
        self.edges = self._wait_graph()

    def findings(self) -> Iterator[Finding]:
        """Yield every cycle: of pools requested one after the other, then through gates, then through withheld counts."""
        yield from self._exhausted()
        reported = 0
        for kind in (BY_REQUEST, BY_GATE, BY_WITHHOLDING):
            for cycle in self._cycles(kind):
                if not cycle & reported:
                    reported |= cycle
                    yield self._describe(cycle, kind)

    def _needed_for_supply(self, pool: int) -> int:
        """Return the pools that must be taken before enough of a pool is supplied: for one hold, for all used up."""
        if pool in self.place_pools:
            return self.prerequisites.of_supply(pool)
        wanted = max(self.largest[pool], self.consumed[pool]) - int(self.plan.initial[pool])
        return self.prerequisites.of_supply(pool, wanted) if wanted > 0 else 0

    # --- wait-for graph -----------------------------------------------------------------------------------------

    def _wait_graph(self) -> list[WaitEdges]:
        """Return the edges of every pool; a pool with enough for all units at once has none."""
        edges = [WaitEdges() for _ in self.plan.pools]
        scarce = self._scarce()
        for route_class in self.classes:
            for step in route_class.steps_of(HOLD, WAIT):
                self._add_withheld(edges, route_class.rows[step])
                held = {pool: count for pool, count in self._held_while_waiting(route_class, step) if pool in scarce}
                if held:
                    self._add_edges(edges, route_class, step, held)
        return edges

    def _add_withheld(self, edges: list[WaitEdges], row: Sequence[int]) -> None:
        """Note that a request that has waited its patience withholds all it asks for (rule 3)."""
        operation, bundle, _, patience, *_ = row
        if operation == HOLD and patience != NONE:
            together = bits(pool for pool, _ in self.plan.bundles[bundle])
            for pool in members(together):
                edges[pool].withheld |= together & ~(1 << pool)

    def _scarce(self) -> set[int]:
        """Return the pools of which more may be wanted than there are."""
        wanted: dict[int, int] = defaultdict(int)
        for route_class in self.classes:
            for pool, count in route_class.most.items():
                wanted[pool] += count * len(route_class.units)
        return {pool for pool, count in wanted.items() if count > self.room[pool]}

    def _held_while_waiting(self, route_class: RouteClass, step: int) -> Iterator[tuple[int, int]]:
        """Yield what a unit holds while it waits; what it consumes for good is not waited for by others."""
        for pool, count in (route_class.held[step] or {}).items():
            given_back = route_class.end is None or route_class.end.get(pool, 0) <= 0
            if count > 0 and (self.plan.pool_kinds[pool] == "returned" or given_back or pool in self.place_pools):
                yield pool, count

    def _add_edges(self, edges: list[WaitEdges], route_class: RouteClass, step: int, held: dict[int, int]) -> None:
        """Note that the units of a route class hold these counts while they wait at a step."""
        for unit in route_class.units:
            operation, a, b, *_ = route_class.row(unit, step)
            if operation == HOLD:
                to = bits(pool for pool, _ in self.plan.bundles[a])
            else:
                to = self.prerequisites.of_gate(a, b)
            for pool, count in held.items():
                if operation == HOLD:
                    edges[pool].requested |= to
                edges[pool].awaited |= to
                for other in members(to):
                    edges[pool].holders[other].append((unit, step, count))

    # --- cycles -------------------------------------------------------------------------------------------------

    def _cycles(self, kind: int) -> list[int]:
        """Return the sets of pools that can deadlock."""
        ignored = 0
        # a pool that cannot run out breaks its cycles, which may make others harmless: until nothing changes
        while True:
            graph = [self._successors(pool, kind, ignored) for pool in range(len(self.plan.pools))]
            cycles = [
                cycle
                for cycle in _strongly_connected(graph)
                if any(self._is_held_in(pool, cycle, ignored) for pool in members(cycle))
            ]
            harmless = 0
            for cycle in cycles:
                for pool in members(cycle):
                    if self._is_held_in(pool, cycle, ignored) and not self._can_run_out(pool, cycle):
                        harmless |= 1 << pool
            if not harmless:
                return cycles
            ignored |= harmless

    def _successors(self, pool: int, kind: int, ignored: int) -> int:
        """Return the pools to which edges lead from one pool."""
        edges = self.edges[pool]
        successors = self.before_supply[pool] if kind >= BY_GATE else 0
        if not ignored >> pool & 1:
            successors |= edges.awaited if kind >= BY_GATE else edges.requested
        return successors | (edges.withheld if kind == BY_WITHHOLDING else 0)

    def _is_held_in(self, pool: int, cycle: int, ignored: int) -> bool:
        """Tell whether some unit holds some of a pool while waiting within a cycle."""
        return bool(self.edges[pool].awaited & cycle) and not ignored >> pool & 1

    def _holders(self, pool: int, cycle: int) -> dict[int, int]:
        """Return how much of a pool each unit holds while it waits, within a cycle, for other units."""
        found: dict[int, int] = {}
        for other in members(self.edges[pool].awaited & cycle):
            for unit, step, count in self.edges[pool].holders[other]:
                operation, gate, level, *_ = self.prerequisites.class_of[unit].row(unit, step)
                if operation == HOLD or self._others_take(other, gate, level, unit):
                    found[unit] = max(found.get(unit, 0), count)
        return found

    def _others_take(self, pool: int, gate: int, level: int, unit: int) -> bool:
        """Tell whether a gate opens only after another unit has taken a pool."""
        awaited = self.prerequisites.signallers([(gate, level)], pool)
        return any(other != unit and self.prerequisites.own(other, step) >> pool & 1 for other, step in awaited.items())

    def _can_run_out(self, pool: int, cycle: int) -> bool:
        """Tell whether holders can have taken so much of a pool that too little is left for a unit they wait for."""
        holders = self._holders(pool, cycle)
        held = sum(holders.values())
        for route_class, count in self.takes[pool] if holders else ():
            if not self._is_itself_supplied(route_class) and any(
                held - holders.get(unit, 0) + count > self.room[pool] for unit in route_class.units
            ):
                return True
        return any(self._starves_supply(other, pool, holders) for other in members(cycle))

    def _is_itself_supplied(self, route_class: RouteClass) -> bool:
        """Tell whether a unit is itself what others take, such as a crew."""
        return any(self.plan.pool_kinds[pool] == "supplied" for _, pool, _ in route_class.supplies())

    def _starves_supply(self, other: int, pool: int, holders: dict[int, int]) -> bool:
        """Tell whether holders can keep so much of a pool that too little of another one is ever supplied.

        Suppliers that wait themselves, such as crews in camp beds, starve others, not their own kind.
        """
        suppliers = [
            unit
            for unit, step, _ in self.prerequisites.supplies[other]
            if self.prerequisites.own(unit, step) >> pool & 1
        ]
        staying = [unit for unit in suppliers if unit in holders]
        if not suppliers or not holders:
            return False
        wanted = max((count for route_class, count in self.takes[pool] if route_class.units[0] in suppliers), default=1)
        # a supplier that is itself a holder brings one each: as many must come as the largest hold needs
        if staying:
            elsewhere = sum(count for unit, _, count in self.prerequisites.supplies[other] if unit not in suppliers)
            wanted *= max(0, self.largest[other] - int(self.plan.initial[other]) - elsewhere)
        held = sum(holders.values()) - sum(holders[unit] for unit in staying)
        return bool(wanted) and held + wanted > self.room[pool]

    def _describe(self, cycle: int, kind: int) -> Finding:
        """Return the finding about a cycle."""
        units: set[int] = set()
        parts = []
        worst = 0
        for pool in members(cycle):
            holders = self._holders(pool, cycle)
            units |= holders.keys()
            if holders:
                successors = [self.plan.pools[other] for other in members(self.edges[pool].awaited & cycle)]
                parts.append(f"{self.plan.pools[pool]} is kept while waiting for {' and '.join(successors)}")
                worst = max(worst, max(holders.values()) + max(n for _, n in self.takes[pool]) - self.room[pool])
        severity: Severity = "error" if kind == BY_REQUEST or (worst > 0 and kind == BY_GATE) else "warning"
        names = [self.plan.pools[pool] for pool in members(cycle)]
        whom = "each other" if len(units) > 1 else "others"
        sentence = f"{{who}}: can wait for {whom} for ever, {EXPLANATIONS[kind]}: {'; '.join(parts)}"
        return Finding(severity, " and ".join(names), sentence, tuple(self.plan.units[unit] for unit in sorted(units)))

    def _exhausted(self) -> Iterator[Finding]:
        """Yield pools that can be consumed before the units have theirs on which further supply depends."""
        for pool, used in self.consumed.items():
            supplies = self.prerequisites.supplies[pool] if pool not in self.place_pools else []
            later = [supply for supply in supplies if self.prerequisites.of_step(*supply[:2]) >> pool & 1]
            left = self.room[pool] - sum(count for _, _, count in later)
            if later and left < used:
                name = self.plan.pools[pool]
                sentence = f"{{who}}: more {name} comes only after some is taken, and others can take it all before"
                yield Finding("warning", name, sentence, tuple(self.plan.units[unit] for unit, _, _ in later))


def _strongly_connected(graph: Sequence[int]) -> list[int]:
    """Return the sets of nodes that lead to each other, as bits; a single node counts if it leads to itself."""
    reach = list(graph)
    # Warshall's closure on sets of bits: after round m, paths through nodes up to m are in
    for middle in range(len(graph)):
        for node in range(len(graph)):
            if reach[node] >> middle & 1:
                reach[node] |= reach[middle]
    found: list[int] = []
    for node, to in enumerate(reach):
        if to >> node & 1 and not any(circle >> node & 1 for circle in found):
            found.append(bits(other for other in members(to) if reach[other] >> node & 1))
    return found


# --- units that never finish ------------------------------------------------------------------------------------------


LONGEST_CYCLE = 6
"""Units of a cycle that a finding names; in longer ones the middle is left out."""


def never_finishing(plan: CompiledPlan, prerequisites: Prerequisites, reach: Reach) -> Iterator[Finding]:
    """Yield why units can never finish, as far as it is each other; and whether the project can."""
    severity: Severity = "warning" if reach.finishes else "error"
    yield from _never_opened(plan, prerequisites, reach, severity, "")
    yield from _circular_waits(plan, prerequisites, reach, severity, "")
    if not reach.finishes:
        gate, level = plan.completion
        sentence = f"the project can never finish: {plan.gates[gate]} comes to {reach.level[gate]} of {level} at most"
        yield Finding("error", plan.gates[gate], sentence)


def never_finishing_on_some_path(
    plan: CompiledPlan, prerequisites: Prerequisites, reach: Reach, worst: Reach
) -> Iterator[Finding]:
    """Yield why units can never finish that take a certain path; `worst` is how far all come on every path."""
    worst.stuck = {unit: steps for unit, steps in worst.stuck.items() if unit not in reach.stuck}
    yield from _never_opened(plan, prerequisites, worst, "warning", " on one of its ways")
    yield from _circular_waits(plan, prerequisites, worst, "warning", " on one of their ways")


def has_optional_waits(classes: Sequence[RouteClass]) -> bool:
    """Tell whether some unit waits for something on some paths only."""
    return any(
        not route_class.always_before[-1] >> step & 1
        for route_class in classes
        if route_class.end is not None
        for step in route_class.steps_of(WAIT, HOLD)
    )


def _never_opened(
    plan: CompiledPlan, prerequisites: Prerequisites, reach: Reach, severity: Severity, where: str
) -> Iterator[Finding]:
    """Yield gates that are never signalled, or not often enough; one finding for all units of a route class."""
    found: dict[tuple[int, int, int], list[tuple[str, str]]] = defaultdict(list)
    for unit, steps in sorted(reach.stuck.items()):
        route_class = prerequisites.class_of[unit]
        for step in steps:
            operation, gate, level, *_ = route_class.row(unit, step)
            if operation == WAIT and prerequisites.total[gate] < level and not _repeats(prerequisites, gate):
                found[route_class.units[0], level, prerequisites.total[gate]].append(
                    (plan.units[unit], plan.gates[gate])
                )
    for (_, level, total), pairs in found.items():
        gates = abbreviated(dict.fromkeys(gate for _, gate in pairs))
        why = f"only comes to {total:,} of {level:,}" if total else "nobody ever opens"
        sentence = f"{{who}}: waits{where} for {gates}, which {why}"
        yield Finding(severity, pairs[0][1], sentence, tuple(who for who, _ in pairs))


def _repeats(prerequisites: Prerequisites, gate: int) -> bool:
    """Tell whether a gate is signalled in a loop, so that its level has no bound."""
    return any(prerequisites.class_of[unit].conflicts for unit, _, _ in prerequisites.signals[gate])


def _circular_waits(
    plan: CompiledPlan, prerequisites: Prerequisites, reach: Reach, severity: Severity, where: str
) -> Iterator[Finding]:
    """Yield units that wait for each other in a cycle."""
    waits_for = {unit: _awaited(prerequisites, reach, unit, steps) for unit, steps in sorted(reach.stuck.items())}
    visited: set[int] = set()
    for start in waits_for:
        path: dict[int, str] = {}
        unit: int | None = start
        while unit is not None and unit not in visited and unit not in path:
            other = waits_for[unit]
            path[unit] = f"{plan.units[unit]} waits for {plan.units[other[0]]} ({other[1]})" if other else ""
            unit = other[0] if other else None
        if unit in path:
            cycle = list(path)[list(path).index(unit) :]
            yield _cycle_finding(plan, severity, cycle, [path[member] for member in cycle], where)
        visited.update(path)


def _awaited(prerequisites: Prerequisites, reach: Reach, unit: int, steps: list[int]) -> tuple[int, str] | None:
    """Return a stuck unit that a stuck unit waits for, and by which gate or pool; None if there is none."""
    plan, route_class = prerequisites.plan, prerequisites.class_of[unit]
    for step in (step for step in steps if (route_class.units[0], step) not in reach.ruled_out):
        operation, a, _, *_ = route_class.row(unit, step)
        sources = [(plan.gates[a], prerequisites.signals[a])] if operation == WAIT else []
        if operation == HOLD:
            sources = [(plan.pools[pool], prerequisites.supplies[pool]) for pool, _ in plan.bundles[a]]
        for name, source in sources:
            for other, at, _ in source:
                if other in reach.stuck and not reach.passed(other, at):
                    return other, name
    return None


def _cycle_finding(plan: CompiledPlan, severity: Severity, cycle: list[int], waits: list[str], where: str) -> Finding:
    """Return the finding about units that wait for each other; `waits` says of each what it waits for."""
    if len(cycle) == 1:
        return Finding(severity, plan.units[cycle[0]], f"a unit waits for itself{where}: {waits[0]}")
    if len(waits) > LONGEST_CYCLE:
        waits = [
            *waits[: LONGEST_CYCLE - 1],
            f"and so on through {len(waits) - LONGEST_CYCLE} more",
            waits[-1],
        ]
    return Finding(severity, plan.units[cycle[0]], f"units wait for each other{where}: {', '.join(waits)}")
