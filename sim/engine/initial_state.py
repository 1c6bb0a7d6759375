"""The state from which a replication continues: every unit's step at a minute, worked out from a history.

A history is an event log up to a minute. Everything else follows from it: what is free is what there was at the start
plus what was given back less what is held, a gate stands at the sum of its signals, attempts and learning are counts
(docs/engine.md, "Going on from a state"). Only how long work under way still takes is not in it, and is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.plan.compiled_plan import NONE, Column, CompiledPlan, LogColumn
from sim.plan.identical_units import SmallArray
from sim.plan.vocabulary import BLOCKING_OPERATIONS, FREE, HOLD, JUMP, LEAVING_PRIORITY, SIGNAL, WORK, Log

Ints = NDArray[np.int64]
NOT_BEGUN = -1
"""In place of the minute in which a unit began its step, where it has not begun it."""
MILLION = 1_000_000


@dataclass(frozen=True)
class InitialState:
    """The state in which a replication begins, at the end of `minute`.

    Per unit: `at` is its step (the first one of the next unit where it is at its end), `begun` the minute in which that
    step began or `NOT_BEGUN`, as the log has it. Of work under way `minutes` is the length counted from the minute `since`:
    its whole length from `begun`, or what remains of it from the data date or a later day on which it resumes.
    Per pool, gate, step, learning curve and area: free counts, levels, attempts, first attempts begun, people at work.
    `history` are the rows of the log until then, `content` has by input the work content (minutes before losses) of what
    was begun in it. Per input, `interrupted` has the remaining minutes of work that was begun and stopped, or NONE: it
    takes these when its unit comes to it, whatever would have been drawn.
    """

    minute: int
    at: Ints
    begun: Ints
    since: Ints
    minutes: Ints
    free: Ints
    level: Ints
    attempts: Ints
    first_attempts: Ints
    people_in_area: Ints
    history: Log
    content: Ints
    interrupted: Ints
    complete: bool = False

    @property
    def history_arrays(self) -> tuple[Ints, ...]:
        """Return the arrays that do not depend on the remaining minutes of work under way or interrupted."""
        return (
            self.at, self.begun, self.free, self.level, self.attempts, self.first_attempts, self.people_in_area,
            self.history, self.content,
        )  # fmt: skip

    @property
    def under_way(self) -> Ints:
        """Return the numbers of the units whose work is under way, in order."""
        return np.flatnonzero(self.minutes >= 0)

    def lasting(self, minutes: Ints, since: int | None = None) -> InitialState:
        """Return this state with the whole length of every work under way, counted from its begin or from `since`."""
        minutes_of_unit, begin = np.full(len(self.at), NONE, np.int64), self.since
        minutes_of_unit[self.under_way] = minutes
        if since is not None:
            begin = np.where(minutes_of_unit >= 0, since, self.since)
        return replace(self, minutes=minutes_of_unit, since=begin.copy(), interrupted=self.interrupted.copy())


StateOf = Callable[[int], InitialState]
"""The state from which a replication continues, by its number."""


def state_of_history(plan: CompiledPlan, history: Log, minute: int, content: Ints) -> InitialState:
    """Return the state after a history, the rows of a log until `minute` in the order in which they were done.

    Work under way has 0 minutes until `lasting` says how many. A unit before a step that takes no time has not begun it.
    """
    steps_done, details = history[:, LogColumn.STEP], history[:, LogColumn.DETAIL]
    current_step, begun_at = _steps_of_units(plan, history)
    on_route = current_step < plan.first[1:]
    current_operation = np.where(on_route, plan.operation_of[np.minimum(current_step, len(plan.rows) - 1)], NONE)
    begun_at = np.where(np.isin(current_operation, BLOCKING_OPERATIONS), begun_at, NOT_BEGUN)
    working = np.flatnonzero(current_operation == WORK)
    operations_done = plan.operation_of[steps_done]
    repeatable = np.flatnonzero((operations_done == WORK) | (operations_done == JUMP))
    attempts = np.bincount(steps_done[repeatable], minlength=len(plan.rows))
    works_begun = np.flatnonzero((attempts > 0) & (plan.operation_of == WORK))
    works_begun = np.union1d(works_begun, current_step[working])
    attempts[current_step[working]] += 1
    level = np.zeros(len(plan.gates), np.int64)
    signals = operations_done == SIGNAL
    np.add.at(level, plan.argument_of[steps_done[signals]], details[signals])
    minutes = np.full(len(plan.units), NONE, np.int64)
    minutes[working] = 0
    completion_gate, completion_level = plan.completion
    return InitialState(
        minute, current_step, begun_at, begun_at.copy(), minutes, _free_counts(plan, steps_done), level, attempts,
        _count(plan.learning_of[works_begun], len(plan.learning)),
        _count(plan.area_of[current_step[working]], len(plan.areas), plan.rows[current_step[working], Column.PEOPLE]),
        history, content, np.full(len(content), NONE, np.int64), bool(level[completion_gate] >= completion_level),
    )  # fmt: skip


def _steps_of_units(plan: CompiledPlan, history: Log) -> tuple[Ints, Ints]:
    """Return by unit its step after a history, and the minute in which it came to that step."""
    current_step, begun_at = plan.first[:-1].copy(), np.zeros(len(plan.units), np.int64)
    # the last row of each unit: numpy keeps the last value that is assigned to a place
    unit, steps = plan.unit_of[history[:, LogColumn.STEP]], history[:, LogColumn.STEP]
    jumped = (plan.operation_of[steps] == JUMP) & (history[:, LogColumn.DETAIL] == 1)
    current_step[unit] = np.where(jumped, plan.argument_of[steps], steps + 1)
    begun_at[unit] = history[:, LogColumn.MINUTE]
    return current_step, begun_at


def _free_counts(plan: CompiledPlan, steps_done: Ints) -> Ints:
    """Return by pool its free count after the steps of all units that were done."""
    free = plan.initial.copy()
    for operation, sign in ((FREE, 1), (HOLD, -1)):
        bundles = plan.argument_of[steps_done[plan.operation_of[steps_done] == operation]]
        for bundle, times in zip(*np.unique(bundles, return_counts=True), strict=True):
            for pool, count in plan.bundles[bundle]:
                free[pool] += sign * count * times
    return free


NetLevelState = tuple[int, int, int, dict[int, int]]
"""A net level: value, value before the minute of its last change, that minute, and by threshold when it last crossed it."""


def net_levels_after(plan: CompiledPlan, state: InitialState) -> list[NetLevelState]:
    """Return the net levels of a plan after the history of a state, in the order of their sets of pools.

    A request counts from the minute in which it is made, that of a crew which leaves from the minute of its grant.
    """
    steps_done = state.history[:, LogColumn.STEP]
    operation, priority = plan.operation_of[steps_done], plan.rows[steps_done, Column.PRIORITY]
    on_route = np.flatnonzero(state.at < plan.first[1:])
    requesting = on_route[(plan.operation_of[state.at[on_route]] == HOLD) & (state.begun[on_route] != NOT_BEGUN)]
    requesting = requesting[plan.rows[state.at[requesting], Column.PRIORITY] < LEAVING_PRIORITY]
    is_hold, is_free = operation == HOLD, operation == FREE
    changes_net_level = is_hold | is_free
    counts_from_request = is_hold & (priority < LEAVING_PRIORITY)
    minute_done, minute_begun = state.history[:, LogColumn.MINUTE], state.history[:, LogColumn.DETAIL]
    minute = np.where(counts_from_request, minute_begun, minute_done)
    minute = np.concatenate([minute[changes_net_level], state.begun[requesting]])
    bundle = plan.argument_of[np.concatenate([steps_done[changes_net_level], state.at[requesting]])]
    sign = np.concatenate([np.where(is_free, 1, -1)[changes_net_level], np.full(len(requesting), -1)])
    states = []
    for pools in plan.net_level_pools:
        count_in_bundle = np.array(
            [sum(count for pool, count in counts if pool in pools) for counts in plan.bundles], np.int64
        )
        states.append(_net_level_after(int(plan.initial[list(pools)].sum()), minute, sign * count_in_bundle[bundle]))
    return states


def _net_level_after(initial: int, minute: Ints, change: Ints) -> NetLevelState:
    """Return the state of a net level after changes in some minutes, of which the last one is not over yet."""
    not_zero = change != 0
    minutes, index = np.unique(minute[not_zero], return_inverse=True)
    change_of_minute = np.bincount(index, change[not_zero], len(minutes)).astype(np.int64).tolist()
    value, value_before, last_minute, minute_crossed = initial, initial, -1, dict[int, int]()
    for now, amount in zip(minutes.tolist(), change_of_minute, strict=True):
        thresholds_crossed = range(min(value_before, value) + 1, max(value_before, value) + 1)
        minute_crossed |= dict.fromkeys(thresholds_crossed, last_minute)
        value_before, last_minute, value = value, now, value + amount
    return value, value_before, last_minute, minute_crossed


def _count(numbers: SmallArray, size: int, weights: Ints | None = None) -> Ints:
    """Return by number below `size` how often it occurs, or the sum of its weights; NONE is left out."""
    present = numbers != NONE
    return np.bincount(numbers[present], None if weights is None else weights[present], size).astype(np.int64)


def take_back_begin(state: InitialState, plan: CompiledPlan, unit: int) -> None:
    """Change a state in place, so that the work that a unit has under way has not begun; it begins at the state's minute."""
    step = int(state.at[unit])
    state.begun[unit], state.minutes[unit] = NOT_BEGUN, -1
    state.attempts[step] -= 1
    curve, area = int(plan.learning_of[step]), int(plan.area_of[step])
    if curve >= 0 and state.attempts[step] == 0:
        state.first_attempts[curve] -= 1
    if area >= 0:
        state.people_in_area[area] -= plan.rows[step, Column.PEOPLE]


# --- work under way -------------------------------------------------------------------------------------------------


def factors_at_start(plan: CompiledPlan, state: InitialState) -> tuple[Ints, Ints]:
    """Return, for every work under way, the millionths of learning and of crowding that were fixed when it began."""
    units = state.under_way
    done = state.history[plan.operation_of[state.history[:, LogColumn.STEP]] == WORK]
    # all work that was begun so far, done or under way: begin, unit, step, end
    begin = np.concatenate([done[:, LogColumn.DETAIL], state.begun[units]])
    unit = np.concatenate([plan.unit_of[done[:, LogColumn.STEP]], units])
    step = np.concatenate([done[:, LogColumn.STEP], state.at[units]])
    end = np.concatenate([done[:, LogColumn.MINUTE], np.full(len(units), np.iinfo(np.int64).max)])
    learning, crowding = np.full(len(units), MILLION, np.int64), np.full(len(units), MILLION, np.int64)
    curves, areas = plan.learning_of[step], plan.area_of[step]
    # only work on the same curve, or in the same area, counts: looked up once for all units of it
    on_curve = {
        curve: np.flatnonzero(curves == curve) for curve in np.unique(plan.learning_of[state.at[units]]).tolist()
    }
    in_area = {area: np.flatnonzero(areas == area) for area in np.unique(plan.area_of[state.at[units]]).tolist()}
    for position, own_unit in enumerate(units.tolist()):
        own_begin, own_step = int(state.begun[own_unit]), int(state.at[own_unit])
        curve, area = int(plan.learning_of[own_step]), int(plan.area_of[own_step])
        # repeated work was learnt the first time, and does not count as another piece
        if curve != NONE and state.attempts[own_step] == 1:
            works = on_curve[curve]
            learnt = len(np.unique(step[works[_begun_before(begin[works], unit[works], own_begin, own_unit)]]))
            learning[position] = plan.learning[curve][min(learnt, len(plan.learning[curve]) - 1)]
        if area != NONE:
            works = in_area[area]
            at_work = _begun_before(begin[works], unit[works], own_begin, own_unit) & (end[works] > own_begin)
            people_of = plan.rows[:, Column.PEOPLE]
            people = int(people_of[step[works[at_work]]].sum() + people_of[own_step])
            crowding[position] = plan.areas[area][min(people, len(plan.areas[area]) - 1)]
    return learning, crowding


def _begun_before(begin: Ints, unit: Ints, own_begin: int, own_unit: int) -> NDArray[np.bool_]:
    """Return which works began before the work of one unit; of those begun in the same minute, units of smaller number."""
    return (begin < own_begin) | ((begin == own_begin) & (unit < own_unit))


def whole_minutes(minutes: Ints, learning: Ints, crowding: Ints) -> Ints:
    """Return drawn minutes × learning × crowding (both in millionths), rounded half up after each, as the engines do."""
    for factor in (learning, crowding):
        minutes = np.where(factor == MILLION, minutes, (2 * minutes * factor + MILLION) // (2 * MILLION))
    return minutes
