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

from sim.plan.analysis.prerequisites import PoolMask, Prerequisites, pool_mask, pools_in
from sim.plan.analysis.route_classes import RouteClass, abbreviated
from sim.plan.checks.capacity import Yard
from sim.plan.checks.finding import Finding, Severity
from sim.plan.checks.reachability import Reach
from sim.plan.compiled_plan import NONE, CompiledPlan
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
    """The edges from one pool, as masks of the pools to which they lead.

    requested  what its holders ask for
    awaited    what its holders ask for or wait for behind a gate
    withheld   what is requested together with it by a request that withholds all it asks for
    holders    by awaited pool who holds some of it: (unit, step at which it waits, count held)
    """

    requested: PoolMask = 0
    awaited: PoolMask = 0
    withheld: PoolMask = 0
    holders: dict[int, list[tuple[int, int, int]]] = field(default_factory=lambda: defaultdict(list))


class DeadlockSearch:
    """The cycles in a plan's wait-for graph."""

    def __init__(
        self,
        plan: CompiledPlan,
        classes: Sequence[RouteClass],
        prerequisites: Prerequisites,
        circulating_pools: Collection[int],
        yards: Sequence[Yard],
    ) -> None:
        """Build the wait-for graph; `prerequisites` are the possible ones, `circulating_pools` those that units pass on."""
        self.plan, self.classes = plan, classes
        self.prerequisites, self.circulating_pools = prerequisites, circulating_pools
        # by pool: the most there can ever be; the (route class, count) that take it; the largest hold; the count used up
        self.capacity = plan.initial.tolist()
        for pool, supplies in enumerate(prerequisites.supplies):
            if pool not in circulating_pools:
                self.capacity[pool] += sum(count for _, _, count in supplies)
        # tokens occupy slots: never more of them at once than their yard has room for
        for yard in yards:
            for token in yard.tokens:
                self.capacity[token] = min(self.capacity[token], yard.max_tokens(token, plan.initial.tolist()))
        self.takes: dict[int, list[tuple[RouteClass, int]]] = defaultdict(list)
        self.largest: dict[int, int] = defaultdict(int)
        self.consumed: dict[int, int] = defaultdict(int)
        for route_class in classes:
            for _, pool, count, held_before in route_class.takes():
                self.takes[pool].append((route_class, count + max(0, held_before)))
                if held_before >= 0:
                    self.largest[pool] = max(self.largest[pool], held_before + count)
            # what is kept at the end of a route never comes back: all units of the class together need it; of two departures
            # that wait for the same crew only one takes anything, and no one's supply depends on it
            departs = plan.unit_info[route_class.units[0]].kind == "departure"
            for pool, count in () if departs else (route_class.held_at_end or {}).items():
                self.consumed[pool] += max(0, count) * len(route_class.units)
        tokens = {yard.pool: pool_mask(yard.tokens) for yard in yards}
        self.before_supply = [self._needed_for_supply(pool) & ~tokens.get(pool, 0) for pool in range(len(plan.pools))]
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

    def _needed_for_supply(self, pool: int) -> PoolMask:
        """Return the pools that must be taken before enough of a pool is supplied: for one hold, for all used up."""
        if pool in self.circulating_pools:
            return self.prerequisites.pools_before_supply(pool)
        missing = max(self.largest[pool], self.consumed[pool]) - int(self.plan.initial[pool])
        return self.prerequisites.pools_before_supply(pool, missing) if missing > 0 else 0

    # --- wait-for graph -----------------------------------------------------------------------------------------

    def _wait_graph(self) -> list[WaitEdges]:
        """Return the edges of every pool; a pool with enough for all units at once has none."""
        edges = [WaitEdges() for _ in self.plan.pools]
        scarce = self._scarce()
        for route_class in self.classes:
            for step in route_class.steps_of(HOLD, WAIT):
                self._add_withheld(edges, route_class.rows[step])
                held_scarce = {
                    pool: count for pool, count in self._held_while_waiting(route_class, step) if pool in scarce
                }
                if held_scarce:
                    self._add_edges(edges, route_class, step, held_scarce)
        return edges

    def _add_withheld(self, edges: list[WaitEdges], row: Sequence[int]) -> None:
        """Add the edges of a hold with a patience: when that is over, it withholds all the pools it asks for."""
        operation, bundle, _, patience, *_ = row
        if operation == HOLD and patience != NONE:
            requested = pool_mask(pool for pool, _ in self.plan.bundles[bundle])
            for pool in pools_in(requested):
                edges[pool].withheld |= requested & ~(1 << pool)

    def _scarce(self) -> set[int]:
        """Return the pools of which all units together may hold more than their capacity."""
        demand: dict[int, int] = defaultdict(int)
        for route_class in self.classes:
            for pool, count in route_class.largest_held.items():
                demand[pool] += count * len(route_class.units)
        return {pool for pool, count in demand.items() if count > self.capacity[pool]}

    def _held_while_waiting(self, route_class: RouteClass, step: int) -> Iterator[tuple[int, int]]:
        """Yield (pool, count) that a unit holds while it waits at a step, but for what it never gives back."""
        for pool, count in (route_class.held_at_step[step] or {}).items():
            given_back = route_class.held_at_end is None or route_class.held_at_end.get(pool, 0) <= 0
            if count > 0 and (self.plan.pool_kinds[pool] == "returned" or given_back or pool in self.circulating_pools):
                yield pool, count

    def _add_edges(self, edges: list[WaitEdges], route_class: RouteClass, step: int, held: dict[int, int]) -> None:
        """Add the edges from what the units of a route class hold (count by pool) to what they wait for at a step."""
        for unit in route_class.units:
            operation, bundle_or_gate, level, *_ = route_class.row(unit, step)
            if operation == HOLD:
                awaited = pool_mask(pool for pool, _ in self.plan.bundles[bundle_or_gate])
            else:
                awaited = self.prerequisites.pools_before_gate(bundle_or_gate, level)
            for pool, count in held.items():
                if operation == HOLD:
                    edges[pool].requested |= awaited
                edges[pool].awaited |= awaited
                for awaited_pool in pools_in(awaited):
                    edges[pool].holders[awaited_pool].append((unit, step, count))

    # --- cycles -------------------------------------------------------------------------------------------------

    def _cycles(self, kind: int) -> list[PoolMask]:
        """Return the sets of pools that can deadlock, as masks; `kind` says which edges count, and all of lesser kinds."""
        ignored = 0
        # a pool that cannot run out breaks its cycles, which may make others harmless: until nothing changes
        while True:
            graph = [self._successors(pool, kind, ignored) for pool in range(len(self.plan.pools))]
            cycles = [
                cycle
                for cycle in _strongly_connected(graph)
                if any(self._is_held_in(pool, cycle, ignored) for pool in pools_in(cycle))
            ]
            harmless = 0
            for cycle in cycles:
                for pool in pools_in(cycle):
                    if self._is_held_in(pool, cycle, ignored) and not self._can_run_out(pool, cycle):
                        harmless |= 1 << pool
            if not harmless:
                return cycles
            ignored |= harmless

    def _successors(self, pool: int, kind: int, ignored: PoolMask) -> PoolMask:
        """Return the pools to which edges of a kind, or a lesser one, lead from one pool, as a mask."""
        edges = self.edges[pool]
        successors = self.before_supply[pool] if kind >= BY_GATE else 0
        if not ignored >> pool & 1:
            successors |= edges.awaited if kind >= BY_GATE else edges.requested
        return successors | (edges.withheld if kind == BY_WITHHOLDING else 0)

    def _is_held_in(self, pool: int, cycle: PoolMask, ignored: PoolMask) -> bool:
        """Return whether some unit holds some of a pool while waiting within a cycle."""
        return bool(self.edges[pool].awaited & cycle) and not ignored >> pool & 1

    def _holders(self, pool: int, cycle: PoolMask) -> dict[int, int]:
        """Return by unit how much of a pool it holds while it waits for other units within a cycle."""
        held_by: dict[int, int] = {}
        for awaited_pool in pools_in(self.edges[pool].awaited & cycle):
            for unit, step, count in self.edges[pool].holders[awaited_pool]:
                operation, gate, level, *_ = self.prerequisites.class_of[unit].row(unit, step)
                if operation == HOLD or self._others_take(awaited_pool, gate, level, unit):
                    held_by[unit] = max(held_by.get(unit, 0), count)
        return held_by

    def _others_take(self, pool: int, gate: int, level: int, unit: int) -> bool:
        """Return whether a gate opens only after another unit has taken a pool."""
        signallers = self.prerequisites.signallers([(gate, level)], pool)
        return any(
            signaller != unit and self.prerequisites.own_pools_before(signaller, step) >> pool & 1
            for signaller, step in signallers.items()
        )

    def _can_run_out(self, pool: int, cycle: PoolMask) -> bool:
        """Return whether holders can have taken so much of a pool that too little is left for a unit they wait for."""
        holders = self._holders(pool, cycle)
        held_by_all = sum(holders.values())
        for route_class, count in self.takes[pool] if holders else ():
            # units that are themselves what others take, such as crews, are looked at below
            is_supplier = any(self.plan.pool_kinds[other] == "supplied" for _, other, _ in route_class.supplies())
            if not is_supplier and any(
                held_by_all - holders.get(unit, 0) + count > self.capacity[pool] for unit in route_class.units
            ):
                return True
        return any(self._starves_supply(other_pool, pool, holders) for other_pool in pools_in(cycle))

    def _starves_supply(self, supplied_pool: int, pool: int, holders: dict[int, int]) -> bool:
        """Return whether holders (unit -> count) can keep so much of `pool` that too little of another one is supplied.

        Suppliers that wait themselves, such as crews in camp beds, starve others, not their own kind.
        """
        supplies, own_before = self.prerequisites.supplies[supplied_pool], self.prerequisites.own_pools_before
        suppliers = [unit for unit, step, _ in supplies if own_before(unit, step) >> pool & 1]
        holding_suppliers = [unit for unit in suppliers if unit in holders]
        if not suppliers or not holders:
            return False
        needed = max((count for route_class, count in self.takes[pool] if route_class.units[0] in suppliers), default=1)
        # a supplier that is itself a holder brings one each: as many must come as the largest hold needs
        if holding_suppliers:
            from_others = sum(count for unit, _, count in supplies if unit not in suppliers)
            needed *= max(0, self.largest[supplied_pool] - int(self.plan.initial[supplied_pool]) - from_others)
        held_by_others = sum(holders.values()) - sum(holders[unit] for unit in holding_suppliers)
        return bool(needed) and held_by_others + needed > self.capacity[pool]

    def _describe(self, cycle: PoolMask, kind: int) -> Finding:
        """Return the finding about a cycle of pools: who keeps what while waiting for what."""
        units: set[int] = set()
        parts = []
        shortage = 0
        for pool in pools_in(cycle):
            holders = self._holders(pool, cycle)
            units |= holders.keys()
            if holders:
                awaited = [self.plan.pools[successor] for successor in pools_in(self.edges[pool].awaited & cycle)]
                parts.append(f"{self.plan.pools[pool]} is kept while waiting for {' and '.join(awaited)}")
                shortage = max(
                    shortage, max(holders.values()) + max(n for _, n in self.takes[pool]) - self.capacity[pool]
                )
        severity: Severity = "error" if kind == BY_REQUEST or (shortage > 0 and kind == BY_GATE) else "warning"
        names = [self.plan.pools[pool] for pool in pools_in(cycle)]
        whom = "each other" if len(units) > 1 else "others"
        sentence = f"{{who}}: can wait for {whom} for ever, {EXPLANATIONS[kind]}: {'; '.join(parts)}"
        return Finding(severity, " and ".join(names), sentence, tuple(self.plan.units[unit] for unit in sorted(units)))

    def _exhausted(self) -> Iterator[Finding]:
        """Yield a finding per pool that others can use up before the units get theirs on whom further supply depends."""
        for pool, count_used in self.consumed.items():
            supplies = self.prerequisites.supplies[pool] if pool not in self.circulating_pools else []
            before_step = self.prerequisites.pools_before_step
            dependent = [(unit, count) for unit, step, count in supplies if before_step(unit, step) >> pool & 1]
            independent = self.capacity[pool] - sum(count for _, count in dependent)
            if dependent and independent < count_used:
                name = self.plan.pools[pool]
                sentence = f"{{who}}: more {name} comes only after some is taken, and others can take it all before"
                yield Finding("warning", name, sentence, tuple(self.plan.units[unit] for unit, _ in dependent))


def _strongly_connected(graph: Sequence[PoolMask]) -> list[PoolMask]:
    """Return the strongly connected components of a graph (successors per node), as masks; a lone node needs a loop."""
    reachable = list(graph)
    # Warshall's closure on bit masks: after round m, paths through nodes up to m are in
    for middle in range(len(graph)):
        for node in range(len(graph)):
            if reachable[node] >> middle & 1:
                reachable[node] |= reachable[middle]
    components: list[PoolMask] = []
    for node, others in enumerate(reachable):
        if others >> node & 1 and not any(component >> node & 1 for component in components):
            components.append(pool_mask(other for other in pools_in(others) if reachable[other] >> node & 1))
    return components


# --- units that never finish ------------------------------------------------------------------------------------------


MAX_CYCLE_UNITS = 6
"""Units of a cycle that a finding names; in longer ones the middle is left out."""


def never_finishing(plan: CompiledPlan, prerequisites: Prerequisites, reach: Reach) -> Iterator[Finding]:
    """Yield a finding per gate that never opens and per cycle of units that wait for each other; one if none can finish."""
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
    """Yield the same for units that are stuck on some path only; `worst` is how far units come on every path."""
    worst.stuck = {unit: steps for unit, steps in worst.stuck.items() if unit not in reach.stuck}
    yield from _never_opened(plan, prerequisites, worst, "warning", " on one of its paths")
    yield from _circular_waits(plan, prerequisites, worst, "warning", " on one of their paths")


def has_waits_on_some_path(classes: Sequence[RouteClass]) -> bool:
    """Return whether some unit waits for something on some paths only."""
    return any(
        not route_class.always_before[-1] >> step & 1
        for route_class in classes
        if route_class.held_at_end is not None
        for step in route_class.steps_of(WAIT, HOLD)
    )


def _never_opened(
    plan: CompiledPlan, prerequisites: Prerequisites, reach: Reach, severity: Severity, on_path: str
) -> Iterator[Finding]:
    """Yield a finding per gate that is never signalled, or not often enough; one for all units of a route class."""
    waits_of_class: dict[tuple[int, int, int], list[tuple[str, str]]] = defaultdict(list)
    for unit, steps in sorted(reach.stuck.items()):
        route_class = prerequisites.class_of[unit]
        for step in steps:
            operation, gate, level, *_ = route_class.row(unit, step)
            if operation == WAIT and prerequisites.max_level[gate] < level and not _repeats(prerequisites, gate):
                waits_of_class[route_class.units[0], level, prerequisites.max_level[gate]].append(
                    (plan.units[unit], plan.gates[gate])
                )
    for (_, level, total), pairs in waits_of_class.items():
        gates = abbreviated(dict.fromkeys(gate for _, gate in pairs))
        why = f"only comes to {total:,} of {level:,}" if total else "nobody ever opens"
        sentence = f"{{who}}: waits{on_path} for {gates}, which {why}"
        yield Finding(severity, pairs[0][1], sentence, tuple(unit for unit, _ in pairs))


def _repeats(prerequisites: Prerequisites, gate: int) -> bool:
    """Return whether a gate is signalled in a loop, so that its level has no bound."""
    return any(prerequisites.class_of[unit].conflicts for unit, _, _ in prerequisites.signals[gate])


def _circular_waits(
    plan: CompiledPlan, prerequisites: Prerequisites, reach: Reach, severity: Severity, on_path: str
) -> Iterator[Finding]:
    """Yield a finding per cycle of stuck units that wait for each other; `on_path` ends its sentence."""
    waits_for = {unit: _awaited(prerequisites, reach, unit, steps) for unit, steps in sorted(reach.stuck.items())}
    visited: set[int] = set()
    for start in waits_for:
        path: dict[int, str] = {}
        unit: int | None = start
        while unit is not None and unit not in visited and unit not in path:
            awaited = waits_for[unit]
            path[unit] = ""
            if awaited is not None:
                awaited_unit, gate_or_pool = awaited
                path[unit] = f"{plan.units[unit]} waits for {plan.units[awaited_unit]} ({gate_or_pool})"
            unit = awaited[0] if awaited else None
        if unit in path:
            cycle = list(path)[list(path).index(unit) :]
            yield _cycle_finding(plan, severity, cycle, [path[member] for member in cycle], on_path)
        visited.update(path)


def _awaited(prerequisites: Prerequisites, reach: Reach, unit: int, steps: list[int]) -> tuple[int, str] | None:
    """Return another stuck unit for which a stuck unit waits, and the gate or pool by name; None if there is none."""
    plan, route_class = prerequisites.plan, prerequisites.class_of[unit]
    for step in (step for step in steps if (route_class.units[0], step) not in reach.ruled_out):
        operation, gate_or_bundle, *_ = route_class.row(unit, step)
        # (name of the gate or pool, the (unit, step, amount) that signal or supply it)
        sources = [(plan.gates[gate_or_bundle], prerequisites.signals[gate_or_bundle])] if operation == WAIT else []
        if operation == HOLD:
            bundle = plan.bundles[gate_or_bundle]
            sources = [(plan.pools[pool], prerequisites.supplies[pool]) for pool, _ in bundle]
        for name, providers in sources:
            for provider, provider_step, _ in providers:
                if provider in reach.stuck and not reach.passed(provider, provider_step):
                    return provider, name
    return None


def _cycle_finding(plan: CompiledPlan, severity: Severity, cycle: list[int], waits: list[str], on_path: str) -> Finding:
    """Return the finding about units that wait for each other; `waits` has a phrase per unit: whom it waits for."""
    if len(cycle) == 1:
        return Finding(severity, plan.units[cycle[0]], f"a unit waits for itself{on_path}: {waits[0]}")
    if len(waits) > MAX_CYCLE_UNITS:
        waits = [*waits[: MAX_CYCLE_UNITS - 1], f"and so on through {len(waits) - MAX_CYCLE_UNITS} more", waits[-1]]
    return Finding(severity, plan.units[cycle[0]], f"units wait for each other{on_path}: {', '.join(waits)}")
