"""Prerequisites: which pools must have been taken, by any unit, before a gate can open or a step can be reached.

Pools are sets of bits: bit p stands for pool p. A pool is needed where too little would be left without those who
take it; one of many units that needs a crane does not make a gate need it, as long as others can raise the gate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from sim.plan.analysis.route_classes import RouteClass
from sim.plan.compile import CompiledPlan
from sim.plan.vocabulary import HOLD, SIGNAL, WAIT


class Prerequisites:
    """The pools behind the gates, steps and supplies of a plan.

    `signals` lists per gate every (unit, step of its route, amount); `supplies` the same per pool, where a unit
    gives what it had not taken. `total` is how far every gate comes at most by the end of the run, `least` at least.
    """

    def __init__(self, plan: CompiledPlan, classes: Sequence[RouteClass], *, optional: bool = False) -> None:
        """Find out what is behind every gate; `optional` with what is taken on some paths only, and waited for there."""
        self.plan, self.classes, self.optional = plan, classes, optional
        self.class_of = {unit: route_class for route_class in classes for unit in route_class.units}
        self.signals = _by_gate(plan, classes)
        self.supplies: list[list[tuple[int, int, int]]] = [[] for _ in plan.pools]
        for route_class in classes:
            for step, pool, count in route_class.supplies():
                self.supplies[pool] += [(unit, step, count) for unit in route_class.units]
        self.least, self.total = ([0] * len(plan.gates) for _ in range(2))
        for route_class in classes:
            for step, least, most in route_class.signals:
                for unit in route_class.units:
                    self.least[route_class.row(unit, step)[1]] += least
                    self.total[route_class.row(unit, step)[1]] += most
        self._own_before: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {}
        self._signalled: dict[int, Counter[int]] = {}
        self._after_itself: dict[int, list[tuple[int, int, int]]] = {}
        """Per gate the signals of who waits for it first: the level waited for, the pools behind it, amount."""
        self._pools_before_gate: dict[tuple[int, int], int] = {}
        for gate in range(len(plan.gates)):
            self._resolve(gate)

    def of_gate(self, gate: int, level: int) -> int:
        """Return the pools that must be taken before a gate reaches a level."""
        if gate in self._signalled and (gate, level) not in self._pools_before_gate:
            raised = Counter(self._signalled[gate])
            # who waits for the gate itself raises it no further than from there: least levels first, without recursion
            for waited, pools, amount in self._after_itself.get(gate, ()):
                if waited < level:
                    if (gate, waited) not in self._pools_before_gate:
                        self._pools_before_gate[gate, waited] = _behind(raised, waited)
                    raised[pools | self._pools_before_gate[gate, waited]] += amount
            self._pools_before_gate[gate, level] = _behind(raised, level)
        return self._pools_before_gate.get((gate, level), 0)

    def of_step(self, unit: int, step: int) -> int:
        """Return the pools that are taken, by this unit or others, before it performs a step of its route."""
        needed = self.own(unit, step)
        for gate, level in self.waits(unit, step):
            needed |= self.of_gate(gate, level)
        return needed

    def own(self, unit: int, step: int) -> int:
        """Return the pools that a unit has itself taken before it performs a step of its route."""
        return self._before(self.class_of[unit], step)[0]

    def waits(self, unit: int, step: int) -> Iterator[tuple[int, int]]:
        """Yield the (gate, level) that a unit has seen before it performs a step of its route."""
        route_class = self.class_of[unit]
        for wait in self._before(route_class, step)[1]:
            _, gate, level, *_ = route_class.row(unit, wait)
            yield gate, level

    def signallers(self, waits: Iterable[tuple[int, int]], pool: int, *, only_certain: bool = False) -> dict[int, int]:
        """Return, by unit, the steps of the signals that lead from taking a pool to gates that are waited for.

        Where no single unit is needed but all together are, every one of them counts, or with `only_certain` none.
        """
        found: dict[int, int] = {}
        open_gates, known = list(waits), set()
        while open_gates:
            gate, level = open_gates.pop()
            if (gate, level) in known or not self.of_gate(gate, level) >> pool & 1:
                continue
            known.add((gate, level))
            # who signals more than can be spared must come; if nobody does, only all together are certain
            spare = sum(amount for _, _, amount in self.signals[gate]) - level
            leading = [signal for signal in self.signals[gate] if self.of_step(*signal[:2]) >> pool & 1]
            needed = [signal for signal in leading if signal[2] > spare] or ([] if only_certain else leading)
            for unit, step, _ in needed:
                found[unit] = max(found.get(unit, 0), step)
                open_gates += self.waits(unit, step)
        return found

    def of_supply(self, pool: int, wanted: int = 1) -> int:
        """Return the pools that must be taken before `wanted` of a pool are supplied."""
        supplied: Counter[int] = Counter()
        for unit, step, count in self.supplies[pool]:
            supplied[self.of_step(unit, step)] += count
        return _behind(supplied, wanted)

    @cached_property
    def place_pools(self) -> frozenset[int]:
        """Return the pools of places: units pass them on, but nothing comes back before some of it was taken."""
        behind = [self.of_supply(pool) for pool in range(len(self.plan.pools))]
        initial = self.plan.initial.tolist()
        return frozenset(
            pool
            for pool in range(len(initial))
            if initial[pool]
            and self.supplies[pool]
            and _with_their_prerequisites(behind[pool], behind, initial) >> pool & 1
        )

    def _before(self, route_class: RouteClass, step: int) -> tuple[int, tuple[int, ...]]:
        """Return the pools a unit itself has taken before a step, and the steps at which it has waited."""
        key = route_class.units[0], step
        if key not in self._own_before:
            performed = route_class.sometimes_before[step] if self.optional else route_class.always_before[step]
            done = [before for before in route_class.steps_of(HOLD, WAIT) if performed >> before & 1]
            holds = [route_class.rows[before][1] for before in done if route_class.rows[before][0] == HOLD]
            own = bits(pool for bundle in holds for pool, _ in self.plan.bundles[bundle])
            self._own_before[key] = own, tuple(before for before in done if route_class.rows[before][0] == WAIT)
        return self._own_before[key]

    def _resolve(self, gate: int) -> None:
        """Work out the prerequisites of a gate after those of all gates it depends on; a self-dependent one has none."""
        open_gates = [gate]
        opened: set[int] = set()
        while open_gates:
            gate = open_gates[-1]
            if gate not in opened and gate not in self._signalled:
                # depth first on a list of our own: chains of gates are as long as projects, longer than Python's stack
                opened.add(gate)
                open_gates += [other for other in self._depends(gate) if other not in opened]
                continue
            # all that it depends on is known now, or depends on it: a circle, which counts as nothing needed
            open_gates.pop()
            if gate not in self._signalled:
                raised: Counter[int] = Counter()
                after_itself = []
                for unit, step, amount in self.signals[gate]:
                    waited = self._waits_for(unit, step, gate)
                    if waited:
                        after_itself.append((waited, self.of_step(unit, step), amount))
                    else:
                        raised[self.of_step(unit, step)] += amount
                self._after_itself[gate] = sorted(after_itself)
                self._signalled[gate] = raised

    def _waits_for(self, unit: int, step: int, gate: int) -> int:
        """Return the level of a gate that a unit has seen, on whatever path, before a step; 0 if it waits for no level."""
        route_class = self.class_of[unit]
        always = route_class.always_before[step]
        rows = (route_class.row(unit, before) for before in route_class.steps_of(WAIT) if always >> before & 1)
        return max((row[2] for row in rows if row[1] == gate), default=0)

    def _depends(self, gate: int) -> Iterator[int]:
        for unit, step, _ in self.signals[gate]:
            for other, _ in self.waits(unit, step):
                if other not in self._signalled:
                    yield other


def _by_gate(plan: CompiledPlan, classes: Sequence[RouteClass]) -> list[list[tuple[int, int, int]]]:
    """Return per gate who signals it: unit, step and amount."""
    signals: list[list[tuple[int, int, int]]] = [[] for _ in plan.gates]
    for route_class in classes:
        for step in route_class.steps_of(SIGNAL):
            for unit in route_class.units:
                _, gate, amount, *_ = route_class.row(unit, step)
                signals[gate].append((unit, step, amount))
    return signals


def bits(pools: Iterable[int]) -> int:
    """Return pools as a set of bits."""
    found = 0
    for pool in pools:
        found |= 1 << pool
    return found


def members(pools: int) -> Iterator[int]:
    """Yield the pools of a set of bits, in order."""
    while pools:
        low = pools & -pools
        yield low.bit_length() - 1
        pools ^= low


def _behind(raised: Counter[int], level: int) -> int:
    """Return the pools without whose takers fewer than `level` would be signalled."""
    spare = sum(raised.values()) - level
    amounts: Counter[int] = Counter()
    for pools, amount in raised.items():
        for pool in members(pools):
            amounts[pool] += amount
    return bits(pool for pool, amount in amounts.items() if amount > spare)


def _with_their_prerequisites(pools: int, behind: Sequence[int], initial: Sequence[int]) -> int:
    """Return pools and the prerequisites of those of them that are empty at the start."""
    found, open_gates = pools, pools
    while open_gates:
        low = open_gates & -open_gates
        open_gates ^= low
        pool = low.bit_length() - 1
        # what lies there from the beginning needs nobody to have supplied it
        if not initial[pool]:
            open_gates |= behind[pool] & ~found
            found |= behind[pool]
    return found
