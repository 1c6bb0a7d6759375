"""Late dates, compiled: the backward pass over a log, equal to `sim.metrics.schedule.latest`, which is read first.

A counter is a gate, or everything ever given to a pool; gates are numbered first, pools behind them. The needs of every
counter lie in a heap, the highest level first, as they are asked for by falling level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sim.engine.numba_engine.calendars import CalendarArrays
from sim.engine.numba_engine.memory_layout import CALENDAR_SIZE, ENDS, INTERVALS, STARTS, WORKED_BY_END
from sim.engine.numba_engine.resources import pop, push
from sim.jit.toolkit import Ints, IntView, entry_point, inline, int_view, jit
from sim.metrics.kernels.interface import LOG_COLUMNS, LOG_DETAIL, LOG_MINUTE, LOG_STEP
from sim.plan.compiled_plan import MODES, Column, CompiledPlan
from sim.plan.vocabulary import FREE, HOLD, SIGNAL, WAIT, WORK
from sim.world.working_time import Calendar

NEVER = 2**63 - 1
WHOLE, DUTY = MODES["whole"], MODES["duty"]
ROW_BITS = 24
"""Bits of a log row in a number of a heap; the bits above are how far the level needed is below `HIGHEST_LEVEL`."""
HIGHEST_LEVEL = 1 << 38
OPERATION, ARGUMENT, LEVEL, CALENDAR, MODE = (
    Column.OPERATION, Column.ARGUMENT, Column.LEVEL, Column.CALENDAR, Column.MODE,
)  # fmt: skip
"""Columns of the steps of a plan: the argument is a gate, bundle or input; a wait has a level, a work calendar and mode."""
STEP_COLUMNS = 6
LATEST_OF_UNIT, LATEST_OF_COUNTER, RISEN, TAKEN, SCRATCH_ROWS = range(5)
HEAP_SIZE = TAKEN
"""Rows of the scratch space, and how many there are.

By unit the latest minute of its next step. By counter the latest minute of its next rise; its level while counts are taken
forward; and what was taken of a pool by then. On the way back the last of these rows has the sizes of the heaps.
"""
BUNDLE_COLUMNS = 2
"""Columns of the table of bundles: pool and amount."""


def latest(plan: CompiledPlan, log: Ints, calendars: Sequence[Calendar], anchors: Mapping[int, int]) -> Ints | None:
    """Return the latest minute by log row; None where a calendar ends before a minute that is asked for."""
    if len(log) >= 1 << ROW_BITS:
        return None
    latest_minute = np.full(len(log), NEVER, np.int64)
    latest_minute[list(anchors)] = list(anchors.values())
    pools_by_bundle = [len(bundle) for bundle in plan.bundles]
    bundle_begins = np.concatenate([[0], np.cumsum(pools_by_bundle)]).astype(np.int64)
    bundles = np.array([pair for bundle in plan.bundles for pair in bundle], np.int64).reshape(-1, BUNDLE_COLUMNS)
    operation, argument = plan.rows[log[:, LOG_STEP], : ARGUMENT + 1].T
    is_hold_or_free = (operation == HOLD) | (operation == FREE)
    counts_by_row = np.where(is_hold_or_free, np.array([*pools_by_bundle, 0])[argument % len(bundle_begins)], 1)
    waits_by_gate = np.bincount(argument[operation == WAIT], minlength=len(plan.gates))
    holds_by_bundle = np.bincount(argument[operation == HOLD], minlength=len(pools_by_bundle))
    # of every pool as many needs as there are holds of bundles that contain it
    holds_by_pool = np.bincount(
        bundles[:, 0], weights=np.repeat(holds_by_bundle, pools_by_bundle), minlength=len(plan.pools)
    ).astype(np.int64)
    heap_begins = np.concatenate([[0], np.cumsum(np.concatenate([waits_by_gate, holds_by_pool]))]).astype(np.int64)
    calendars_suffice = backward(
        np.ascontiguousarray(plan.rows), plan.unit_of, bundle_begins, bundles, plan.initial, np.ascontiguousarray(log),
        np.empty(int(counts_by_row.sum()), np.int64), heap_begins, np.empty(int(heap_begins[-1]) + 1, np.int64),
        np.full((SCRATCH_ROWS, max(len(plan.units), len(heap_begins))), NEVER, np.int64), CalendarArrays().of(calendars),
        np.array([calendar.horizon for calendar in calendars], np.int64), latest_minute,
    )  # fmt: skip
    return latest_minute if calendars_suffice else None


@entry_point
def backward(
    steps_: Ints, unit_of_step_: Ints, bundle_begins_: Ints, bundles_: Ints, initial_: Ints, log_: Ints, counts_: Ints,
    heap_begins_: Ints, heap_: Ints, scratch_: Ints, calendars_: Ints, horizon_: Ints, latest_minute_: Ints,
) -> bool:  # fmt: skip
    """Write the latest minute by log row over its anchor; return whether the calendars are known far enough.

    `counts_` gets the counts of `count_forward`; `heap_` has space for the needs of every counter from its `heap_begins_` on;
    the rows of `scratch_` are `LATEST_OF_UNIT` and so on. `horizon_` is by calendar the minute until which it is known.
    """
    steps, unit_of_step = int_view(steps_), int_view(unit_of_step_)
    bundle_begins, bundles = int_view(bundle_begins_), int_view(bundles_)
    log, counts, heap_begins, heap = int_view(log_), int_view(counts_), int_view(heap_begins_), int_view(heap_)
    scratch, calendars, horizon, latest_minute = (
        int_view(scratch_),
        int_view(calendars_),
        int_view(horizon_),
        int_view(latest_minute_),
    )
    width, pools = scratch_.shape[1], len(initial_)
    gates = len(heap_begins_) - 1 - pools
    count_forward(
        steps, bundle_begins, bundles, int_view(initial_), log, len(log_), counts, scratch, width, gates, pools
    )
    # counts lie in the order of the log, so the way back reads them from the end
    count_index = len(counts_)
    for row in range(len(log_) - 1, -1, -1):
        step = log[LOG_COLUMNS * row + LOG_STEP]
        operation, argument = steps[STEP_COLUMNS * step + OPERATION], steps[STEP_COLUMNS * step + ARGUMENT]
        unit = unit_of_step[step]
        # no later than the next step of the same unit, and than the anchor of the row itself
        bound = min(scratch[LATEST_OF_UNIT * width + unit], latest_minute[row])
        # what raises a counter must come before everybody who needs it above the level it had
        if operation == SIGNAL:
            count_index -= 1
            bound = min(
                bound, latest_rise(heap_begins, heap, scratch, width, argument, counts[count_index], latest_minute)
            )
        elif operation == WAIT:
            latest_minute[row] = bound
            count_index -= 1
            level = steps[STEP_COLUMNS * step + LEVEL]
            push_need(heap_begins, heap, scratch, width, argument, level, row)
        elif operation == FREE:
            count_index -= bundle_begins[argument + 1] - bundle_begins[argument]
            for pair in range(bundle_begins[argument], bundle_begins[argument + 1]):
                given_before = counts[count_index + pair - bundle_begins[argument]]
                counter = gates + bundles[BUNDLE_COLUMNS * pair]
                bound = min(bound, latest_rise(heap_begins, heap, scratch, width, counter, given_before, latest_minute))
        elif operation == HOLD:
            latest_minute[row] = bound
            count_index -= bundle_begins[argument + 1] - bundle_begins[argument]
            for pair in range(bundle_begins[argument], bundle_begins[argument + 1]):
                level = counts[count_index + pair - bundle_begins[argument]]
                push_need(heap_begins, heap, scratch, width, gates + bundles[BUNDLE_COLUMNS * pair], level, row)
        else:
            count_index -= 1
        latest_minute[row] = bound
        scratch[LATEST_OF_UNIT * width + unit] = bound
        if operation == WORK and bound != NEVER:
            calendar, mode = steps[STEP_COLUMNS * step + CALENDAR], steps[STEP_COLUMNS * step + MODE]
            begun, done = log[LOG_COLUMNS * row + LOG_DETAIL], log[LOG_COLUMNS * row + LOG_MINUTE]
            # a calendar may end before the bound: the caller then draws more weather and tries again
            if mode != DUTY and max(bound, done, begun) > horizon[calendar]:
                return False
            begin = latest_begin(calendars, calendar * CALENDAR_SIZE, mode, begun, done, bound)
            scratch[LATEST_OF_UNIT * width + unit] = begin
    return True


@jit
def count_forward(
    steps: IntView, bundle_begins: IntView, bundles: IntView, initial: IntView, log: IntView, rows: int, counts: IntView,
    scratch: IntView, width: int, gates: int, pools: int,
) -> None:  # fmt: skip
    """Write by log row the gate count before a signal, the pool counts given before a free, or those needed by a hold.

    The counters' rows of `scratch` are free until the way back.
    """
    risen, taken = RISEN * width, TAKEN * width
    for counter in range(gates + pools):
        scratch[risen + counter] = 0
        scratch[taken + counter] = 0
    count_index = 0
    for row in range(rows):
        step = log[LOG_COLUMNS * row + LOG_STEP]
        operation, argument = steps[STEP_COLUMNS * step + OPERATION], steps[STEP_COLUMNS * step + ARGUMENT]
        if operation <= FREE:  # a hold or a free
            for pair in range(bundle_begins[argument], bundle_begins[argument + 1]):
                pool, amount = bundles[BUNDLE_COLUMNS * pair], bundles[BUNDLE_COLUMNS * pair + 1]
                counter = gates + pool
                if operation == FREE:
                    counts[count_index] = scratch[risen + counter]
                    scratch[risen + counter] += amount
                else:
                    scratch[taken + counter] += amount
                    # first given, first taken: the n-th taken beyond the initial count needs the n-th given back
                    counts[count_index] = scratch[taken + counter] - initial[pool]
                count_index += 1
            continue
        if operation == SIGNAL:
            counts[count_index] = scratch[risen + argument]
            scratch[risen + argument] += log[LOG_COLUMNS * row + LOG_DETAIL]
        count_index += 1
    for counter in range(gates + pools):
        scratch[taken + counter] = 0


@inline
def push_need(
    heap_begins: IntView, heap: IntView, scratch: IntView, width: int, counter: int, level: int, row: int
) -> None:  # fmt: skip
    """Record that a counter must have reached a level by the latest minute of a log row."""
    size = scratch[HEAP_SIZE * width + counter]
    push(heap, heap_begins[counter], size, (HIGHEST_LEVEL - level) << ROW_BITS | row)
    scratch[HEAP_SIZE * width + counter] = size + 1


@jit
def latest_rise(
    heap_begins: IntView, heap: IntView, scratch: IntView, width: int, counter: int, count: int, latest_minute: IntView
) -> int:  # fmt: skip
    """Return the latest minute of the rise of a counter beyond `count`; counts are asked for in falling order."""
    base, minute = heap_begins[counter], scratch[LATEST_OF_COUNTER * width + counter]
    while scratch[HEAP_SIZE * width + counter] > 0 and HIGHEST_LEVEL - (heap[base] >> ROW_BITS) > count:
        row = pop(heap, base, scratch[HEAP_SIZE * width + counter]) & ((1 << ROW_BITS) - 1)
        scratch[HEAP_SIZE * width + counter] -= 1
        minute = min(minute, latest_minute[row])
    scratch[LATEST_OF_COUNTER * width + counter] = minute
    return minute


# --- calendars --------------------------------------------------------------------------------------------------------


@jit
def first_at_least(numbers: IntView, base: int, count: int, bound: int) -> int:
    """Return the first of `count` ascending numbers, from index `base` on, that is at least `bound`; `count` if none is."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if numbers[base + middle] < bound:
            low = middle + 1
        else:
            high = middle
    return low


@jit
def worked(calendars: IntView, header: int, minute: int) -> int:
    """Return the open minutes of a calendar before a minute; before the project's start every minute counts, below 0.

    `header` is the index at which the calendar's header begins in the calendars.
    """
    intervals = calendars[header + INTERVALS]
    interval = first_at_least(calendars, calendars[header + STARTS], intervals, minute + 1) - 1
    if interval < 0:
        return min(minute, 0)
    minutes_to_go = max(calendars[calendars[header + ENDS] + interval] - minute, 0)
    return calendars[calendars[header + WORKED_BY_END] + interval] - minutes_to_go


@jit
def latest_begin(calendars: IntView, header: int, mode: int, begun: int, done: int, bound: int) -> int:
    """Return the latest begin of a work that took from `begun` to `done` and must be done by `bound`."""
    intervals, starts, ends = calendars[header + INTERVALS], calendars[header + STARTS], calendars[header + ENDS]
    if mode == DUTY:
        # hours of service depend on when a trip begins; one that begins later by so much is as long, near enough
        return begun + bound - done
    if mode == WHOLE:
        # it may have waited for a shift long enough: only the interval it was done in is work
        opened = calendars[starts + first_at_least(calendars, ends, intervals, done)]
        return latest_begin_whole(calendars, header, bound, done - max(begun, opened))
    minutes = worked(calendars, header, done) - worked(calendars, header, begun)
    if minutes == 0:
        return bound
    worked_before_begin = worked(calendars, header, bound) - minutes
    if worked_before_begin < 0:
        return worked_before_begin
    worked_by_end = calendars[header + WORKED_BY_END]
    interval = first_at_least(calendars, worked_by_end, intervals, worked_before_begin + 1)
    return calendars[ends + interval] - (calendars[worked_by_end + interval] - worked_before_begin)


@jit
def latest_begin_whole(calendars: IntView, header: int, bound: int, minutes: int) -> int:
    """Return the latest begin of work in one piece that must be done by `bound`; negative if there is none."""
    if minutes == 0:
        return bound
    starts, ends = calendars[header + STARTS], calendars[header + ENDS]
    intervals_begun = first_at_least(calendars, starts, calendars[header + INTERVALS], bound)
    for interval in range(intervals_begun - 1, -1, -1):
        begin = min(bound, calendars[ends + interval]) - minutes
        if begin >= calendars[starts + interval]:
            return begin
    return -minutes
