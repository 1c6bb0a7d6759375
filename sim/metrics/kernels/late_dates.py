"""Late dates, compiled: the backward pass over a log, equal to `sim.metrics.schedule.latest`, which is read first.

What a gate or a pool is needed for lies in a heap each: the highest level first, as they are asked for by falling level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sim.engine.numba_engine.calendars import Timetables
from sim.engine.numba_engine.memory_layout import CALENDAR_SIZE, DONE, ENDS, INTERVALS, STARTS
from sim.engine.numba_engine.resources import pop, push
from sim.jit.toolkit import Ints, IntView, entry_point, inline, int_view, jit
from sim.plan.compile import MODES, CompiledPlan
from sim.plan.vocabulary import FREE, HOLD, SIGNAL, WAIT, WORK
from sim.world.working_time import Calendar

NEVER = 2**63 - 1
WHOLE, DUTY = MODES["whole"], MODES["duty"]
ROW_BITS = 24
"""Bits of a row's number in a heap; above them is how far its level is below `HIGHEST`."""
HIGHEST = 1 << 38
ROW = 6
"""Numbers of a step of a plan."""


def latest(plan: CompiledPlan, log: Ints, calendars: Sequence[Calendar], anchors: Mapping[int, int]) -> Ints | None:
    """Return the latest minute of every row of a log; None where a calendar ends before a minute that is asked for."""
    if len(log) >= 1 << ROW_BITS:
        return None
    result = np.full(len(log), NEVER, np.int64)
    result[list(anchors)] = list(anchors.values())
    sizes = [len(bundle) for bundle in plan.bundles]
    bundle_at = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    bundles = np.array([pair for bundle in plan.bundles for pair in bundle], np.int64).reshape(-1, 2)
    operation, argument = plan.rows[log[:, 1], :2].T
    counted = np.where((operation == HOLD) | (operation == FREE), np.array([*sizes, 0])[argument % len(bundle_at)], 1)
    needed = np.bincount(argument[operation == WAIT], minlength=len(plan.gates))
    held = np.bincount(argument[operation == HOLD], minlength=len(sizes))
    # of every pool as many needs as there are holds of bundles that contain it
    taken = np.bincount(bundles[:, 0], weights=np.repeat(held, sizes), minlength=len(plan.pools)).astype(np.int64)
    heaps = np.concatenate([[0], np.cumsum(np.concatenate([needed, taken]))]).astype(np.int64)
    known = backward(
        np.ascontiguousarray(plan.rows), plan.unit_of, bundle_at, bundles, plan.initial, np.ascontiguousarray(log),
        np.empty(int(counted.sum()), np.int64), heaps, np.empty(int(heaps[-1]) + 1, np.int64),
        np.full((4, max(len(plan.units), len(heaps))), NEVER, np.int64), Timetables().of(calendars),
        np.array([calendar.horizon for calendar in calendars], np.int64), result,
    )  # fmt: skip
    return result if known else None


@entry_point
def backward(
    rows_: Ints, unit_of_: Ints, bundle_at_: Ints, bundles_: Ints, initial_: Ints, log_: Ints, counts_: Ints,
    heaps_: Ints, heap_: Ints, room_: Ints, timetable_: Ints, horizon_: Ints, result_: Ints,
) -> bool:  # fmt: skip
    """Write the latest minute of every row over its anchor; return whether the calendars are known far enough.

    `room_` has four rows: what comes after a unit, by counter the latest so far, its level and the size of its heap.
    """
    rows, unit_of, bundle_at, bundles = int_view(rows_), int_view(unit_of_), int_view(bundle_at_), int_view(bundles_)
    log, counts, heaps, heap = int_view(log_), int_view(counts_), int_view(heaps_), int_view(heap_)
    room, timetable, horizon, result = int_view(room_), int_view(timetable_), int_view(horizon_), int_view(result_)
    width, gates = room_.shape[1], len(heaps_) - 1 - len(initial_)
    count_forward(
        rows, bundle_at, bundles, int_view(initial_), log, len(log_), counts, room, width, gates, len(initial_)
    )
    # counts lie in the order of the log, so the way back reads them from the end
    place = len(counts_)
    for row in range(len(log_) - 1, -1, -1):
        step = log[3 * row + 1]
        operation, argument = rows[step * ROW], rows[step * ROW + 1]
        unit = unit_of[step]
        # no later than the next step of the same unit, and than the anchor of the row itself
        bound = min(room[unit], result[row])
        # what raises a counter must come before everybody who needs it above the level it had
        if operation == SIGNAL:
            place -= 1
            bound = min(bound, before(heaps, heap, room, width, argument, counts[place], result))
        elif operation == WAIT:
            result[row] = bound
            place -= 1
            need(heaps, heap, room, width, argument, rows[step * ROW + 2], row)
        elif operation == FREE:
            place -= bundle_at[argument + 1] - bundle_at[argument]
            for at in range(bundle_at[argument], bundle_at[argument + 1]):
                count = counts[place + at - bundle_at[argument]]
                bound = min(bound, before(heaps, heap, room, width, gates + bundles[2 * at], count, result))
        elif operation == HOLD:
            result[row] = bound
            place -= bundle_at[argument + 1] - bundle_at[argument]
            for at in range(bundle_at[argument], bundle_at[argument + 1]):
                level = counts[place + at - bundle_at[argument]]
                need(heaps, heap, room, width, gates + bundles[2 * at], level, row)
        else:
            place -= 1
        result[row] = bound
        room[unit] = bound
        if operation == WORK and bound != NEVER:
            calendar, mode = rows[step * ROW + 2], rows[step * ROW + 3]
            begun, done = log[3 * row + 2], log[3 * row]
            # a calendar may end before the bound: the caller then draws more weather and tries again
            if mode != DUTY and max(bound, done, begun) > horizon[calendar]:
                return False
            room[unit] = latest_begin(timetable, calendar * CALENDAR_SIZE, mode, begun, done, bound)
    return True


@jit
def count_forward(
    rows: IntView, bundle_at: IntView, bundles: IntView, initial: IntView, log: IntView, size: int, counts: IntView,
    room: IntView, width: int, gates: int, pools: int,
) -> None:  # fmt: skip
    """Write per row the gate count before a signal, pool counts given before a free, or needed by a hold."""
    # the counters' own rows of `room` are free until the way back: level or given, and taken
    level, taken = 2 * width, 3 * width
    for counter in range(gates + pools):
        room[level + counter] = 0
        room[taken + counter] = 0
    place = 0
    for row in range(size):
        step = log[3 * row + 1]
        operation, argument = rows[step * ROW], rows[step * ROW + 1]
        if operation <= FREE:
            for at in range(bundle_at[argument], bundle_at[argument + 1]):
                counter, count = gates + bundles[2 * at], bundles[2 * at + 1]
                if operation == FREE:
                    counts[place] = room[level + counter]
                    room[level + counter] += count
                else:
                    room[taken + counter] += count
                    counts[place] = room[taken + counter] - initial[bundles[2 * at]]
                place += 1
            continue
        if operation == SIGNAL:
            counts[place] = room[level + argument]
            room[level + argument] += log[3 * row + 2]
        place += 1
    for counter in range(gates + pools):
        room[taken + counter] = 0


@inline
def need(heaps: IntView, heap: IntView, room: IntView, width: int, counter: int, level: int, row: int) -> None:
    """Record that a counter must have reached a level by the latest minute of a row."""
    size = room[3 * width + counter]
    push(heap, heaps[counter], size, (HIGHEST - level) << ROW_BITS | row)
    room[3 * width + counter] = size + 1


@jit
def before(
    heaps: IntView, heap: IntView, room: IntView, width: int, counter: int, count: int, result: IntView
) -> int:  # fmt: skip
    """Return how late the rise of a counter beyond `count` may come."""
    base, found = heaps[counter], room[width + counter]
    while room[3 * width + counter] > 0 and HIGHEST - (heap[base] >> ROW_BITS) > count:
        row = pop(heap, base, room[3 * width + counter]) & ((1 << ROW_BITS) - 1)
        room[3 * width + counter] -= 1
        found = min(found, result[row])
    room[width + counter] = found
    return found


# --- calendars --------------------------------------------------------------------------------------------------------


@jit
def first_at_least(rising: IntView, base: int, end: int, value: int) -> int:
    """Return the first of `end` places whose number, `base` places on, is at least `value`; `end` if none is."""
    low, high = 0, end
    while low < high:
        middle = (low + high) >> 1
        if rising[base + middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@jit
def worked(timetable: IntView, at: int, minute: int) -> int:
    """Count working minutes before a minute; before the project's start every minute counts."""
    place = first_at_least(timetable, timetable[at + STARTS], timetable[at + INTERVALS], minute + 1) - 1
    if place < 0:
        return min(minute, 0)
    return timetable[timetable[at + DONE] + place] - max(timetable[timetable[at + ENDS] + place] - minute, 0)


@jit
def latest_begin(timetable: IntView, at: int, mode: int, begun: int, done: int, bound: int) -> int:
    """Return the latest begin of a work that took from `begun` to `done` and must be done by `bound`."""
    stretches, starts, ends = timetable[at + INTERVALS], timetable[at + STARTS], timetable[at + ENDS]
    if mode == DUTY:
        # hours of service depend on when a trip begins; one that begins later by so much is as long, near enough
        return begun + bound - done
    if mode == WHOLE:
        # it may have waited for a shift long enough: only the piece it was done in is work
        minutes = done - max(begun, timetable[starts + first_at_least(timetable, ends, stretches, done)])
        return latest_begin_whole(timetable, at, bound, minutes)
    minutes = worked(timetable, at, done) - worked(timetable, at, begun)
    if minutes == 0:
        return bound
    left = worked(timetable, at, bound) - minutes
    if left < 0:
        return left
    place = first_at_least(timetable, timetable[at + DONE], stretches, left + 1)
    return timetable[ends + place] - (timetable[timetable[at + DONE] + place] - left)


@jit
def latest_begin_whole(timetable: IntView, at: int, bound: int, minutes: int) -> int:
    """Return the latest begin of work in one piece that must be done by `bound`; negative if there is none."""
    if minutes == 0:
        return bound
    starts, ends = timetable[at + STARTS], timetable[at + ENDS]
    for place in range(first_at_least(timetable, starts, timetable[at + INTERVALS], bound) - 1, -1, -1):
        begin = min(bound, timetable[ends + place]) - minutes
        if begin >= timetable[starts + place]:
            return begin
    return -minutes
