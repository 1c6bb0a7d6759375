"""Route classes: units that follow the same route under different names, such as eight hundred skids.

Analyses look at one unit of a class instead of at all. What a unit holds and has signalled when it comes to a step
must be the same whatever path it took; `states` works it out and finds conflicts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from sim.plan.compiled_plan import NONE, Column, CompiledPlan
from sim.plan.vocabulary import FREE, HOLD, JUMP, SIGNAL, WAIT, WORK

# --- states -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Conflict:
    """Two paths to one step on which a unit holds, or has signalled, different amounts, by name of pool or gate."""

    unit: str
    step: int
    one_path: dict[str, int]
    other_path: dict[str, int]


State = tuple[dict[int, int], dict[int, int]]
"""Pools held and gates signalled, by count."""


def states(plan: CompiledPlan, unit: int) -> tuple[dict[int, State], list[Conflict]]:
    """Return by reachable step of a unit its (counts of pools held, amounts of gates signalled), and conflicts of paths.

    Freed tokens and supplies count as negative holdings, so that the balance of a route can be read at its end.
    The step number behind the last one stands for the end of the route. A step that a loop repeats counts once: where a
    round of the loop changes what is held or signalled, that is a conflict.
    """
    first, end = int(plan.first[unit]), int(plan.first[unit + 1])
    state_at: dict[int, State] = {first: ({}, {})}
    conflicts: list[Conflict] = []
    open_steps = [first]
    while open_steps:
        step = open_steps.pop()
        if step >= end:
            continue
        state_after_step = _state_after(plan, step, state_at[step])
        for next_step in successors(plan.rows[step].tolist(), step):
            if next_step not in state_at:
                state_at[next_step] = state_after_step
                open_steps.append(next_step)
            elif state_at[next_step] != state_after_step:
                conflicts.append(_conflict(plan, unit, next_step, state_at[next_step], state_after_step))
    return state_at, conflicts


def _state_after(plan: CompiledPlan, step: int, state: State) -> State:
    """Return the counts of pools held and the amounts of gates signalled after one pass of a step."""
    operation, bundle_or_gate, amount, *_ = plan.rows[step].tolist()
    held_counts, signalled_amounts = state
    if operation in (HOLD, FREE):
        sign = 1 if operation == HOLD else -1
        counts = Counter(held_counts)
        counts.update({pool: sign * count for pool, count in plan.bundles[bundle_or_gate]})
        return {pool: count for pool, count in counts.items() if count}, signalled_amounts
    if operation == SIGNAL:
        return held_counts, {**signalled_amounts, bundle_or_gate: signalled_amounts.get(bundle_or_gate, 0) + amount}
    return state


def _conflict(plan: CompiledPlan, unit: int, step: int, one_path: State, other_path: State) -> Conflict:
    """Return the conflict of two states at a step of a unit, with the names of pools and gates."""

    def by_name(state: State) -> dict[str, int]:
        held_counts, signalled_amounts = state
        pools = {plan.pools[pool]: count for pool, count in held_counts.items()}
        return pools | {plan.gates[gate]: amount for gate, amount in signalled_amounts.items()}

    return Conflict(plan.units[unit], step, by_name(one_path), by_name(other_path))


# --- route classes ----------------------------------------------------------------------------------------------------


HeldCounts = dict[int, int]
"""Counts by pool that a unit holds; negative where it freed more than it had taken."""


@dataclass(frozen=True)
class RouteClass:
    """All units that follow the same route under different names, such as 800 skids; steps count from the route's start.

    `rows` are those of the first unit; the other units differ in the gates they name and their draws.
    `held_at_step` has per step the counts by pool that a unit holds when it comes to it, None where no path leads; the last
    entry is for the end of the route.
    `timed` tells per step whether it is work that can take time. `reachable` are the steps to which a path leads before
    the run is over: a unit that waits for the completion gate comes no further.
    """

    plan: CompiledPlan
    units: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]
    timed: tuple[bool, ...]
    held_at_step: tuple[HeldCounts | None, ...]
    conflicts: tuple[Conflict, ...]
    reachable: frozenset[int]
    signals: tuple[tuple[int, int, int], ...]
    """Per gate that is signalled during the run: (one of the steps that signal it, least amount in all, most in all)."""
    all_rows: Sequence[Sequence[int]] = field(repr=False)
    """The rows of the whole plan, as plain numbers."""

    @property
    def held_at_end(self) -> HeldCounts | None:
        """Return the counts by pool that a unit still holds at the end of its route, or None if it never comes there."""
        return self.held_at_step[-1]

    @property
    def name(self) -> str:
        """Return the name of the first unit, and how many others there are."""
        return abbreviated(self.plan.units[unit] for unit in self.units)

    def row(self, unit: int, step: int) -> Sequence[int]:
        """Return the row (operation and its arguments) of a step of one of the units."""
        return self.all_rows[self.plan.first[unit] + step]

    def steps_of(self, *operations: int) -> Iterator[int]:
        """Yield the reachable steps of some operations, in the order of the route."""
        return (
            step for step, row in enumerate(self.rows) if row[Column.OPERATION] in operations and step in self.reachable
        )

    def takes(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield (step, pool, count taken, count held before) for every pool that a step takes."""
        for step in self.steps_of(HOLD):
            held_counts = self.held_at_step[step] or {}
            for pool, count in self.plan.bundles[self.rows[step][Column.ARGUMENT]]:
                yield step, pool, count, held_counts.get(pool, 0)

    def supplies(self) -> Iterator[tuple[int, int, int]]:
        """Yield (step, pool, count) for every step that frees more of a pool than its unit had taken: what it supplies."""
        for step in self.steps_of(FREE):
            held_counts = self.held_at_step[step] or {}
            for pool, count in self.plan.bundles[self.rows[step][Column.ARGUMENT]]:
                supplied = count - min(count, max(0, held_counts.get(pool, 0)))
                if supplied:
                    yield step, pool, supplied

    @cached_property
    def largest_held(self) -> HeldCounts:
        """Return by pool the largest count that a unit holds at once."""
        max_counts: HeldCounts = {}
        for held_counts in self.held_at_step:
            for pool, count in (held_counts or {}).items():
                max_counts[pool] = max(max_counts.get(pool, 0), count)
        return max_counts

    @cached_property
    def always_before(self) -> tuple[int, ...]:
        """Return by step, as a bit mask, the steps that every path to it has performed."""
        predecessors = self.predecessors
        every_step = (1 << len(self.rows)) - 1
        always_before = [0] + [every_step] * len(self.rows)
        changed = True
        while changed:
            changed = False
            for step in range(1, len(self.rows) + 1):
                on_all_paths = every_step
                for predecessor in predecessors[step]:
                    on_all_paths &= always_before[predecessor] | 1 << predecessor
                if on_all_paths != always_before[step]:
                    always_before[step], changed = on_all_paths, True
        return tuple(always_before)

    @cached_property
    def sometimes_before(self) -> tuple[int, ...]:
        """Return by step, as a bit mask, the steps that some path to it has performed."""
        predecessors = self.predecessors
        sometimes_before = [0] * (len(self.rows) + 1)
        changed = True
        while changed:
            changed = False
            for step, predecessors_of_step in enumerate(predecessors):
                on_some_path = sometimes_before[step]
                for predecessor in predecessors_of_step:
                    on_some_path |= sometimes_before[predecessor] | 1 << predecessor
                if on_some_path != sometimes_before[step]:
                    sometimes_before[step], changed = on_some_path, True
        return tuple(sometimes_before)

    @cached_property
    def predecessors(self) -> list[list[int]]:
        """Return by step, and for the end of the route, the steps right before it on some path."""
        predecessors: list[list[int]] = [[] for _ in range(len(self.rows) + 1)]
        for step, row in enumerate(self.rows):
            if self.held_at_step[step] is not None:
                for next_step in successors(row, step):
                    predecessors[next_step].append(step)
        return predecessors


def successors(row: Sequence[int], step: int) -> Iterator[int]:
    """Yield the steps that may come right after one; its `row` counts the target of a jump as `step` is counted."""
    operation, target, chance, limit, gate, _ = row
    if operation == JUMP:
        yield target
    if operation != JUMP or (chance, limit, gate) != (NONE,) * 3:
        yield step + 1


def route_classes(plan: CompiledPlan) -> list[RouteClass]:
    """Return the units of a plan in classes that follow the same route, in the order of their first units."""
    rows, first, is_timed = plan.rows.tolist(), plan.first.tolist(), _timed(plan)
    by_signature: dict[tuple[tuple[int, ...], ...], list[int]] = {}
    for unit in range(len(plan.units)):
        route = slice(first[unit], first[unit + 1])
        by_signature.setdefault(_signature(plan, rows[route], is_timed[route], first[unit]), []).append(unit)
    return [_route_class(plan, tuple(units), rows, is_timed) for units in by_signature.values()]


def waits_for_completion(plan: CompiledPlan, row: Sequence[int]) -> bool:
    """Return whether a step waits for the completion gate: what comes after it is not performed during the run."""
    operation, gate, level, *_ = row
    completion_gate, completion_level = plan.completion
    return operation == WAIT and gate == completion_gate and level >= completion_level


def _timed(plan: CompiledPlan) -> list[bool]:
    """Return by step whether it is work that can take time; a date takes none when it has passed."""
    inputs, rows = plan.inputs, plan.rows
    max_value = np.array([inputs.tables.of(number).max() for number in range(len(inputs.tables.kind))])
    max_minutes = max_value[inputs.table] * inputs.minutes
    # below half a minute every draw rounds to zero; a delay is shared, and its size is drawn elsewhere
    takes_time = (max_minutes >= 0.5) | (inputs.delays != NONE).any(axis=1)
    works = rows[:, Column.OPERATION] == WORK
    is_timed = np.zeros(len(rows), np.bool_)
    is_timed[works] = takes_time[rows[works, Column.ARGUMENT]]
    return list(is_timed.tolist())


def _signature(
    plan: CompiledPlan, rows: Sequence[Sequence[int]], is_timed: Sequence[bool], first: int
) -> tuple[tuple[int, ...], ...]:
    """Return what is the same of units of one class: their route, with gates in order of appearance and without draws."""
    gates: dict[int, int] = {NONE: NONE}
    route: list[tuple[int, ...]] = []
    for row, takes_time in zip(rows, is_timed, strict=True):
        operation = row[Column.OPERATION]
        # what comes after the completion gate is not run, so which gate and level it names makes no difference
        if waits_for_completion(plan, row):
            route.append((operation, NONE))
        elif operation in (WAIT, SIGNAL):
            # each block has gates of its own: only where the same gate comes again counts, not its name
            route.append((operation, gates.setdefault(row[Column.ARGUMENT], len(gates)), row[Column.LEVEL]))
        elif operation == JUMP:
            _, target, chance, limit, gate, level = row
            gate_number = gates.setdefault(gate, len(gates))
            route.append((operation, target - first, chance == NONE, limit, gate_number, level))
        elif operation == WORK:
            _, _, calendar, mode, people, _ = row
            route.append((operation, takes_time, calendar, mode, people))
        elif operation in (HOLD, FREE):
            route.append((operation, row[Column.ARGUMENT]))
        else:
            route.append((operation,))
    return tuple(route)


def _route_class(
    plan: CompiledPlan, units: tuple[int, ...], rows: Sequence[Sequence[int]], is_timed: Sequence[bool]
) -> RouteClass:
    """Return the route class of some units, with the route of the first; `rows` and `is_timed` are of the whole plan."""
    begin, end = plan.first[units[0] : units[0] + 2].tolist()
    state_at, conflicts = states(plan, units[0])
    held_counts = tuple(state_at[step][0] if step in state_at else None for step in range(begin, end + 1))
    route = tuple(_from_start(row, begin) for row in rows[begin:end])
    reachable = _reachable(plan, route)
    signalled_before = {step - begin: amounts for step, (_, amounts) in state_at.items()}
    signals = _signals(plan, route, signalled_before, reachable)
    return RouteClass(
        plan, units, route, tuple(is_timed[begin:end]), held_counts, tuple(conflicts), reachable, signals, rows
    )


def _reachable(plan: CompiledPlan, route: Sequence[Sequence[int]]) -> frozenset[int]:
    """Return the steps of a route, its end included, to which some path leads before the run is over."""
    open_steps, reachable = [0], set[int]()
    while open_steps:
        step = open_steps.pop()
        if step not in reachable:
            reachable.add(step)
            if step < len(route) and not waits_for_completion(plan, route[step]):
                open_steps += successors(route[step], step)
    return frozenset(reachable)


def _signals(
    plan: CompiledPlan,
    route: Sequence[Sequence[int]],
    signalled_before: Mapping[int, Mapping[int, int]],
    reachable: Collection[int],
) -> tuple[tuple[int, int, int], ...]:
    """Return by gate (a step that signals it, min, max): how much the route signals until the run is over.

    `signalled_before` has by step what was signalled before it, an amount by gate.
    """
    ends = [step for step in reachable if step == len(route) or waits_for_completion(plan, route[step])]
    signal_steps = [s for s in reachable if s < len(route) and route[s][Column.OPERATION] == SIGNAL]
    step_of_gate = {route[step][Column.ARGUMENT]: step for step in signal_steps}
    signals = []
    for gate, step in step_of_gate.items():
        amounts = [signalled_before[end].get(gate, 0) for end in ends or reachable]
        signals.append((step, min(amounts), max(amounts)))
    return tuple(signals)


def _from_start(row: Sequence[int], begin: int) -> tuple[int, ...]:
    """Return a row in which a jump names its target counted from the route's start."""
    operation, target, *others = row
    return (operation, target - begin, *others) if operation == JUMP else tuple(row)


def abbreviated(names: Iterable[str]) -> str:
    """Return the first of some names, and how many others there are: "electrical.s1 and 199 more"."""
    first, *other_names = names
    return f"{first} and {len(other_names)} more" if other_names else first
