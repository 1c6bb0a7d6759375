"""Prerequisites: which pools must have been taken, by any unit, before a gate can open or a step can be reached.

Sets of pools are bit masks (`PoolMask`). A pool is needed where too little would be left without those who
take it; one of many units that needs a crane does not make a gate need it, as long as others can raise the gate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from sim.plan.analysis.route_classes import RouteClass
from sim.plan.compiled_plan import Column, CompiledPlan
from sim.plan.vocabulary import HOLD, SIGNAL, WAIT

PoolMask = int
"""A set of pools: bit p stands for pool p."""


class Prerequisites:
    """The pools that must have been taken before the gates, steps and supplies of a plan, as bit masks.

    `signals` lists per gate every (unit, step of its route, amount); `supplies` the same per pool, where a unit
    gives what it had not taken. By the end of the run a gate reaches at least its `min_level`, and at most its `max_level`.
    """

    def __init__(self, plan: CompiledPlan, classes: Sequence[RouteClass], *, on_some_path: bool = False) -> None:
        """Work out the pools before every gate; with `on_some_path`, steps count that a unit may but need not perform."""
        self.plan, self.classes, self.on_some_path = plan, classes, on_some_path
        self.class_of = {unit: route_class for route_class in classes for unit in route_class.units}
        self.signals = _by_gate(plan, classes)
        self.supplies: list[list[tuple[int, int, int]]] = [[] for _ in plan.pools]
        for route_class in classes:
            for step, pool, count in route_class.supplies():
                self.supplies[pool] += [(unit, step, count) for unit in route_class.units]
        self.min_level, self.max_level = ([0] * len(plan.gates) for _ in range(2))
        for route_class in classes:
            for step, min_amount, max_amount in route_class.signals:
                for unit in route_class.units:
                    self.min_level[route_class.row(unit, step)[Column.ARGUMENT]] += min_amount
                    self.max_level[route_class.row(unit, step)[Column.ARGUMENT]] += max_amount
        self._own_before: dict[tuple[int, int], tuple[PoolMask, tuple[int, ...]]] = {}
        self._signalled: dict[int, Counter[PoolMask]] = {}
        """By gate: what its signals amount to, by the pools before them."""
        self._signals_after_wait: dict[int, list[tuple[int, PoolMask, int]]] = {}
        """By gate, signals of units that wait for it first: (level waited for, pools before the signal, amount)."""
        self._gate_results: dict[tuple[int, int], PoolMask] = {}
        """By gate and level: the pools before it."""
        for gate in range(len(plan.gates)):
            self._resolve(gate)

    def pools_before_gate(self, gate: int, level: int) -> PoolMask:
        """Return the pools that must be taken before a gate reaches a level."""
        if gate in self._signalled and (gate, level) not in self._gate_results:
            amount_by_pools = Counter(self._signalled[gate])
            # a unit that waits for the gate itself signals only after that: least levels first, without recursion
            for own_level, pools, amount in self._signals_after_wait.get(gate, ()):
                if own_level < level:
                    if (gate, own_level) not in self._gate_results:
                        self._gate_results[gate, own_level] = _needed_pools(amount_by_pools, own_level)
                    amount_by_pools[pools | self._gate_results[gate, own_level]] += amount
            self._gate_results[gate, level] = _needed_pools(amount_by_pools, level)
        return self._gate_results.get((gate, level), 0)

    def pools_before_step(self, unit: int, step: int) -> PoolMask:
        """Return the pools that are taken, by this unit or others, before it performs a step of its route."""
        pools = self.own_pools_before(unit, step)
        for gate, level in self.waits_before(unit, step):
            pools |= self.pools_before_gate(gate, level)
        return pools

    def own_pools_before(self, unit: int, step: int) -> PoolMask:
        """Return the pools that a unit has itself taken before it performs a step of its route."""
        return self._before(self.class_of[unit], step)[0]

    def waits_before(self, unit: int, step: int) -> Iterator[tuple[int, int]]:
        """Yield every (gate, level) for which a unit has waited before it performs a step of its route."""
        route_class = self.class_of[unit]
        for wait in self._before(route_class, step)[1]:
            _, gate, level, *_ = route_class.row(unit, wait)
            yield gate, level

    def signallers(self, waits: Iterable[tuple[int, int]], pool: int, *, only_certain: bool = False) -> dict[int, int]:
        """Return, by unit, the step of its last signal that leads from taking a pool to (gate, level) in `waits`.

        Where no single unit is needed but all together are, every one of them counts, or with `only_certain` none.
        """
        signal_steps: dict[int, int] = {}
        open_waits, visited_waits = list(waits), set()
        while open_waits:
            gate, level = open_waits.pop()
            if (gate, level) in visited_waits or not self.pools_before_gate(gate, level) >> pool & 1:
                continue
            visited_waits.add((gate, level))
            # a unit that signals more than can be spared is needed; if there is none, only all together are
            spare = sum(amount for _, _, amount in self.signals[gate]) - level
            after_pool = [signal for signal in self.signals[gate] if self.pools_before_step(*signal[:2]) >> pool & 1]
            needed_signals = [(unit, step) for unit, step, amount in after_pool if amount > spare]
            if not needed_signals and not only_certain:
                needed_signals = [(unit, step) for unit, step, _ in after_pool]
            for unit, step in needed_signals:
                signal_steps[unit] = max(signal_steps.get(unit, 0), step)
                open_waits += self.waits_before(unit, step)
        return signal_steps

    def pools_before_supply(self, pool: int, count: int = 1) -> PoolMask:
        """Return the pools that must be taken before `count` of a pool are supplied."""
        amount_by_pools: Counter[PoolMask] = Counter()
        for unit, step, amount in self.supplies[pool]:
            amount_by_pools[self.pools_before_step(unit, step)] += amount
        return _needed_pools(amount_by_pools, count)

    @cached_property
    def circulating_pools(self) -> frozenset[int]:
        """Return the pools whose slots units pass on: none of them is given back before some were taken."""
        before_supply = [self.pools_before_supply(pool) for pool in range(len(self.plan.pools))]
        initial = self.plan.initial.tolist()
        return frozenset(
            pool
            for pool in range(len(initial))
            if initial[pool]
            and self.supplies[pool]
            and _with_their_prerequisites(before_supply[pool], before_supply, initial) >> pool & 1
        )

    def _before(self, route_class: RouteClass, step: int) -> tuple[PoolMask, tuple[int, ...]]:
        """Return the pools a unit itself has taken before a step, and the steps at which it has waited."""
        key = route_class.units[0], step
        if key not in self._own_before:
            performed = route_class.sometimes_before[step] if self.on_some_path else route_class.always_before[step]
            holds, waits = (
                [earlier_step for earlier_step in route_class.steps_of(operation) if performed >> earlier_step & 1]
                for operation in (HOLD, WAIT)
            )
            bundles = [self.plan.bundles[route_class.rows[hold][Column.ARGUMENT]] for hold in holds]
            self._own_before[key] = pool_mask(pool for bundle in bundles for pool, _ in bundle), tuple(waits)
        return self._own_before[key]

    def _resolve(self, gate: int) -> None:
        """Work out what a gate's signals need, after all gates on which it depends; a cycle of gates counts as no need."""
        open_gates = [gate]
        visited: set[int] = set()
        while open_gates:
            gate = open_gates[-1]
            if gate not in visited and gate not in self._signalled:
                # depth first on a list of our own: chains of gates are as long as projects, longer than Python's stack
                visited.add(gate)
                open_gates += [other for other in self._unresolved_before(gate) if other not in visited]
                continue
            # all that it depends on is known now, or depends on it: a cycle, which counts as no need
            open_gates.pop()
            if gate not in self._signalled:
                amount_by_pools: Counter[PoolMask] = Counter()
                signals_after_wait = []
                for unit, step, amount in self.signals[gate]:
                    own_level = self._level_awaited(unit, step, gate)
                    if own_level:
                        signals_after_wait.append((own_level, self.pools_before_step(unit, step), amount))
                    else:
                        amount_by_pools[self.pools_before_step(unit, step)] += amount
                self._signals_after_wait[gate] = sorted(signals_after_wait)
                self._signalled[gate] = amount_by_pools

    def _level_awaited(self, unit: int, step: int, gate: int) -> int:
        """Return the highest level of a gate for which a unit has waited, on every path, before a step; 0 if for none."""
        route_class = self.class_of[unit]
        steps_before = route_class.always_before[step]
        waits = (step for step in route_class.steps_of(WAIT) if steps_before >> step & 1)
        rows = (route_class.row(unit, wait) for wait in waits)
        return max((row[Column.LEVEL] for row in rows if row[Column.ARGUMENT] == gate), default=0)

    def _unresolved_before(self, gate: int) -> Iterator[int]:
        """Yield the gates for which the signallers of a gate wait, and which are not worked out yet."""
        for unit, step, _ in self.signals[gate]:
            for awaited_gate, _ in self.waits_before(unit, step):
                if awaited_gate not in self._signalled:
                    yield awaited_gate


def _by_gate(plan: CompiledPlan, classes: Sequence[RouteClass]) -> list[list[tuple[int, int, int]]]:
    """Return per gate who signals it: unit, step and amount."""
    signals: list[list[tuple[int, int, int]]] = [[] for _ in plan.gates]
    for route_class in classes:
        for step in route_class.steps_of(SIGNAL):
            for unit in route_class.units:
                _, gate, amount, *_ = route_class.row(unit, step)
                signals[gate].append((unit, step, amount))
    return signals


def pool_mask(pools: Iterable[int]) -> PoolMask:
    """Return pools as a bit mask."""
    bits = 0
    for pool in pools:
        bits |= 1 << pool
    return bits


def pools_in(pools: PoolMask) -> Iterator[int]:
    """Yield the pools of a bit mask, in order."""
    while pools:
        lowest_bit = pools & -pools
        yield lowest_bit.bit_length() - 1
        pools ^= lowest_bit


def _needed_pools(amount_by_pools: Counter[PoolMask], level: int) -> PoolMask:
    """Return the pools without whose takers fewer than `level` would be signalled.

    `amount_by_pools` has the amount of signals by the pools that must be taken before them.
    """
    spare = sum(amount_by_pools.values()) - level
    amounts: Counter[int] = Counter()
    for pools, amount in amount_by_pools.items():
        for pool in pools_in(pools):
            amounts[pool] += amount
    return pool_mask(pool for pool, amount in amounts.items() if amount > spare)


def _with_their_prerequisites(pools: PoolMask, before_supply: Sequence[PoolMask], initial: Sequence[int]) -> PoolMask:
    """Return pools, and all pools before the supply of those that are empty at the start, as a mask."""
    closure, to_visit = pools, pools
    while to_visit:
        lowest_bit = to_visit & -to_visit
        to_visit ^= lowest_bit
        pool = lowest_bit.bit_length() - 1
        # what is there from the start needs no supply
        if not initial[pool]:
            to_visit |= before_supply[pool] & ~closure
            closure |= before_supply[pool]
    return closure
