"""Route classes: units that follow the same route under different names, such as eight hundred skids.

Analyses look at one unit of a class instead of at all. What a unit holds and has signalled when it comes to a step
must be the same whatever path it took (rule 6); `states` works it out and finds conflicts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from sim.plan.compile import NONE, CompiledPlan
from sim.plan.vocabulary import AGAIN, FREE, HOLD, SIGNAL, WAIT, WORK

# --- states -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Conflict:
    """Two paths to one step on which a unit holds, or has signalled, different things."""

    unit: str
    step: int
    one: dict[str, int]
    other: dict[str, int]


State = tuple[dict[int, int], dict[int, int]]


def states(plan: CompiledPlan, unit: int) -> tuple[dict[int, State], list[Conflict]]:
    """Return per reachable step of a unit its (pools held, gates signalled), and where two paths disagree.

    Freed tokens and supplies count as negative holdings, so that the balance of a route can be read at its end.
    The step number behind the last one stands for the end of the route.
    """
    first, end = int(plan.first[unit]), int(plan.first[unit + 1])
    reached: dict[int, State] = {first: ({}, {})}
    conflicts: list[Conflict] = []
    todo = [first]
    while todo:
        at = todo.pop()
        if at >= end:
            continue
        after = _after(plan, at, reached[at])
        for to in _next(plan, at):
            if to not in reached:
                reached[to] = after
                todo.append(to)
            elif reached[to] != after:
                conflicts.append(_conflict(plan, unit, to, reached[to], after))
    return reached, conflicts


def _next(plan: CompiledPlan, at: int) -> Iterator[int]:
    operation, to, chance, limit, gate, _ = plan.rows[at].tolist()
    if operation == AGAIN:
        yield to
    always = operation == AGAIN and chance == NONE and gate == NONE and limit == NONE
    if not always:
        yield at + 1


def _after(plan: CompiledPlan, at: int, state: State) -> State:
    """Return what is held and signalled behind a step; signals of repeated work count once."""
    operation, a, b, _, _, _ = plan.rows[at].tolist()
    held, signalled = state
    if operation in (HOLD, FREE):
        sign = 1 if operation == HOLD else -1
        counts = Counter(held)
        counts.update({pool: sign * count for pool, count in plan.bundles[a]})
        return {pool: count for pool, count in counts.items() if count}, signalled
    if operation == SIGNAL:
        return held, {**signalled, a: signalled.get(a, 0) + b}
    return state


def _conflict(plan: CompiledPlan, unit: int, step: int, one: State, other: State) -> Conflict:
    def named(state: State) -> dict[str, int]:
        held, signalled = state
        return {plan.pools[p]: n for p, n in held.items()} | {plan.gates[g]: n for g, n in signalled.items()}

    return Conflict(plan.units[unit], step, named(one), named(other))


# --- route classes ----------------------------------------------------------------------------------------------------


Held = dict[int, int]
"""Pools a unit has, by count; what it gave without having taken it is negative."""


@dataclass(frozen=True)
class RouteClass:
    """A route and the units that follow it; steps are counted from the start of the route.

    `rows` are those of the first unit; the other units differ in the gates they name and their draws.
    `held` is what a unit has when it comes to a step, or None where no path leads; the last one is the end.
    `timed` are the steps that are work whose longest span is not nothing; `reachable` those that a path leads to before
    the run is over: a unit that waits for the completion gate comes no further.
    """

    plan: CompiledPlan
    units: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]
    timed: tuple[bool, ...]
    held: tuple[Held | None, ...]
    conflicts: tuple[Conflict, ...]
    reachable: frozenset[int]
    signals: tuple[tuple[int, int, int], ...]
    """Per gate that is signalled during the run: one of the steps that do it, the least and the most in all."""
    all_rows: Sequence[Sequence[int]] = field(repr=False)
    """The rows of the whole plan, as plain numbers."""

    @property
    def end(self) -> Held | None:
        """Return what a unit still has at its end, or None if it never ends."""
        return self.held[-1]

    @property
    def name(self) -> str:
        """Name the first unit and count the others."""
        return abbreviated(self.plan.units[unit] for unit in self.units)

    def row(self, unit: int, step: int) -> Sequence[int]:
        """Return the row of a step of one of the units."""
        return self.all_rows[self.plan.first[unit] + step]

    def steps_of(self, *operations: int) -> Iterator[int]:
        """Yield the steps that some path leads to before the run is over, of these operations."""
        return (step for step, row in enumerate(self.rows) if row[0] in operations and step in self.reachable)

    def takes(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield every (step, pool, count, held before) with which something is taken."""
        for step in self.steps_of(HOLD):
            held = self.held[step] or {}
            for pool, count in self.plan.bundles[self.rows[step][1]]:
                yield step, pool, count, held.get(pool, 0)

    def supplies(self) -> Iterator[tuple[int, int, int]]:
        """Yield every (step, pool, count) with which something is given that the unit had not taken."""
        for step in self.steps_of(FREE):
            held = self.held[step] or {}
            for pool, count in self.plan.bundles[self.rows[step][1]]:
                given = count - min(count, max(0, held.get(pool, 0)))
                if given:
                    yield step, pool, given

    @cached_property
    def most(self) -> Held:
        """Return the largest count of every pool that a unit has at once."""
        most: Held = {}
        for held in self.held:
            for pool, count in (held or {}).items():
                most[pool] = max(most.get(pool, 0), count)
        return most

    @cached_property
    def always_before(self) -> tuple[int, ...]:
        """Return per step, as a set of bits, the steps that every path to it has performed."""
        predecessors = self.predecessors
        every_step = (1 << len(self.rows)) - 1
        sure = [0] + [every_step] * len(self.rows)
        changed = True
        while changed:
            changed = False
            for step in range(1, len(self.rows) + 1):
                found = every_step
                for before in predecessors[step]:
                    found &= sure[before] | 1 << before
                if found != sure[step]:
                    sure[step], changed = found, True
        return tuple(sure)

    @cached_property
    def sometimes_before(self) -> tuple[int, ...]:
        """Return per step, as a set of bits, the steps that some path to it has performed."""
        predecessors = self.predecessors
        sometimes_before = [0] * (len(self.rows) + 1)
        changed = True
        while changed:
            changed = False
            for step, before in enumerate(predecessors):
                found = sometimes_before[step]
                for path in before:
                    found |= sometimes_before[path] | 1 << path
                if found != sometimes_before[step]:
                    sometimes_before[step], changed = found, True
        return tuple(sometimes_before)

    @cached_property
    def predecessors(self) -> list[list[int]]:
        """Return per step the steps from which it is reached at once."""
        predecessors: list[list[int]] = [[] for _ in range(len(self.rows) + 1)]
        for step, row in enumerate(self.rows):
            if self.held[step] is not None:
                for to in successors(row, step):
                    predecessors[to].append(step)
        return predecessors


def successors(row: Sequence[int], step: int) -> Iterator[int]:
    """Yield the steps that may come after one; `row` names the target of a jump from the route's start."""
    operation, to, chance, limit, gate, _ = row
    if operation == AGAIN:
        yield to
    if operation != AGAIN or (chance, limit, gate) != (NONE,) * 3:
        yield step + 1


def route_classes(plan: CompiledPlan) -> list[RouteClass]:
    """Return the units of a plan by route class, in the order of their first units."""
    rows, first, timed = plan.rows.tolist(), plan.first.tolist(), _timed(plan)
    by_signature: dict[tuple[tuple[int, ...], ...], list[int]] = {}
    for unit in range(len(plan.units)):
        route = slice(first[unit], first[unit + 1])
        by_signature.setdefault(_signature(plan, rows[route], timed[route], first[unit]), []).append(unit)
    return [_route_class(plan, tuple(units), rows, timed) for units in by_signature.values()]


def waits_for_completion(plan: CompiledPlan, row: Sequence[int]) -> bool:
    """Tell whether a step waits for the completion gate: what comes after it is not performed during the run."""
    gate, level = plan.completion
    return row[0] == WAIT and row[1] == gate and row[2] >= level


def _timed(plan: CompiledPlan) -> list[bool]:
    """Tell per step whether it is work that can take time; a date takes none when it has passed."""
    inputs, rows = plan.inputs, plan.rows
    longest = np.array([inputs.tables.of(number).max() for number in range(len(inputs.tables.kind))])
    minutes = longest[inputs.table] * inputs.minutes
    # below half a minute every draw rounds to zero; a delay is shared, and its size is drawn elsewhere
    takes_time = (minutes >= 0.5) | (inputs.delays != NONE).any(axis=1)
    works = rows[:, 0] == WORK
    timed = np.zeros(len(rows), np.bool_)
    timed[works] = takes_time[rows[works, 1]]
    return list(timed.tolist())


def _signature(
    plan: CompiledPlan, rows: Sequence[Sequence[int]], timed: Sequence[bool], first: int
) -> tuple[tuple[int, ...], ...]:
    """Return a route without what is the unit's own: gates by the order of their appearance, no draws."""
    gates: dict[int, int] = {NONE: NONE}
    route: list[tuple[int, ...]] = []
    for row, takes_time in zip(rows, timed, strict=True):
        operation, a, b, c, d, e = row
        # what comes after the completion gate is not run, so which gate and level it names makes no difference
        if waits_for_completion(plan, row):
            route.append((operation, NONE))
        elif operation in (WAIT, SIGNAL):
            # each block has gates of its own: only where the same gate comes again counts, not its name
            route.append((operation, gates.setdefault(a, len(gates)), b))
        elif operation == AGAIN:
            route.append((operation, a - first, b == NONE, c, gates.setdefault(d, len(gates)), e))
        elif operation == WORK:
            route.append((operation, takes_time, b, c, d))
        elif operation in (HOLD, FREE):
            route.append((operation, a))
        else:
            route.append((operation,))
    return tuple(route)


def _route_class(
    plan: CompiledPlan, units: tuple[int, ...], rows: Sequence[Sequence[int]], timed: Sequence[bool]
) -> RouteClass:
    """Return a route class as its first unit has it."""
    begin, end = plan.first[units[0] : units[0] + 2].tolist()
    reached, conflicts = states(plan, units[0])
    held = tuple(reached[at][0] if at in reached else None for at in range(begin, end + 1))
    own = tuple(_from_start(row, begin) for row in rows[begin:end])
    reachable = _reachable(plan, own)
    signals = _signals(plan, own, {at - begin: signalled for at, (_, signalled) in reached.items()}, reachable)
    return RouteClass(plan, units, own, tuple(timed[begin:end]), held, tuple(conflicts), reachable, signals, rows)


def _reachable(plan: CompiledPlan, route: Sequence[Sequence[int]]) -> frozenset[int]:
    """Return the steps of a route, its end included, that some path leads to before the run is over."""
    todo, reachable = [0], set[int]()
    while todo:
        step = todo.pop()
        if step not in reachable:
            reachable.add(step)
            if step < len(route) and not waits_for_completion(plan, route[step]):
                todo += successors(route[step], step)
    return frozenset(reachable)


def _signals(
    plan: CompiledPlan,
    route: Sequence[Sequence[int]],
    signalled: Mapping[int, Mapping[int, int]],
    reachable: Collection[int],
) -> tuple[tuple[int, int, int], ...]:
    """Return per gate a step that signals it, and the least and most that is signalled when the run is over."""
    ends = [step for step in reachable if step == len(route) or waits_for_completion(plan, route[step])] or list(
        reachable
    )
    at = {route[step][1]: step for step in reachable if step < len(route) and route[step][0] == SIGNAL}
    amounts = {gate: [signalled[step].get(gate, 0) for step in ends] for gate in at}
    return tuple((at[gate], min(found), max(found)) for gate, found in amounts.items())


def _from_start(row: Sequence[int], begin: int) -> tuple[int, ...]:
    return (row[0], row[1] - begin, *row[2:]) if row[0] == AGAIN else tuple(row)


def abbreviated(names: Iterable[str]) -> str:
    """Name the first of some and count the others: "electrical.s1 and 199 more"."""
    first, *others = names
    return f"{first} and {len(others)} more" if others else first
