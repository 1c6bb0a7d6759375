"""The walk back along the driving chain, compiled, for the minutes of every cause alone.

Read `DrivingChain._walk` of `sim.metrics.critical_chain` first: this goes the same way and asks the same questions, row
by row of the log.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.jit.toolkit import Ints, IntView, entry_point, int_view, jit
from sim.metrics.kernels.interface import (
    AMOUNT,
    ARGUMENT,
    BEGUN,
    BY_OTHER,
    BY_RISK,
    CALENDAR,
    CALENDAR_OF,
    CAUSE,
    CAUSE_OF,
    DATE,
    DONE,
    FIRST,
    FREE,
    GATE,
    HOLD,
    KIND,
    LOST,
    MODE,
    MODE_OF,
    NONE,
    NOTED,
    OWN,
    POOL,
    SIGNAL,
    SINCE,
    STAYS,
    STEP,
    STEPS,
    STRIKES,
    TIMED,
    UNIT,
    WAIT,
    WAITER,
    WHY,
    WORDS,
    WORK,
    Scan,
    Table,
)


def walk(plan: Table, log: Ints, scan: Scan, free: Ints) -> Ints:
    """Return what is noted of the rows of the chain, from the completion back; `free` is used up."""
    log, rows = np.ascontiguousarray(log), len(log)
    found = np.empty((rows, NOTED), np.int64)
    count = walk_back(plan, log, scan.before, np.zeros(rows, np.uint8), free, scan.completed, found)
    return found[:count]


def sum_causes(found: Ints, weather: int, causes: int) -> Ints:
    """Return the minutes of the rows noted by cause."""
    total = np.zeros(causes, np.int64)
    share(found, weather, total)
    return total


@entry_point
def walk_back(
    plan_: Table,
    log_: Ints,
    before_: NDArray[np.int32],
    seen_: NDArray[np.uint8],
    free_: Ints,
    completed: int,
    found_: Ints,
) -> int:
    """Note the rows of the chain in `found`, from the completion back; return how many there are.

    `completed` is the minute of the completion, or -1; `seen` the rows passed so far, none yet; `free` what is free of every
    pool in the beginning, and behind it a number that is 0.
    """
    plan, log, before, seen = int_view(plan_), int_view(log_), int_view(before_), int_view(seen_)
    free, found, rows, pools = int_view(free_), int_view(found_), len(log_), len(free_) - 1
    row, why, since, stays, count = _completion(plan, log, before, rows, completed), NONE, 0, False, 0
    waiter = NONE
    # the second bound only guards the array: a row is walked once
    while row >= 0 and count < len(found_):
        seen[row] = 1
        minute, begun, kind = log[3 * row], log[3 * row + 2], _of(plan, log, row, KIND)
        # steps that took no time are no reason for a date; kinds are numbered so that two comparisons tell them
        if minute > begun and DATE <= kind <= WORK:
            count = _note(plan, log, found, count, row, why, since, 1, waiter)
        elif minute > begun and WAIT <= kind <= HOLD:
            by, pool = _released_by(plan, log, before, free, pools, rows, row)
            if pool != NONE and plan[plan[CAUSE] + pool] != NONE:
                why, since, stays = plan[plan[CAUSE] + pool], begun, plan[plan[STAYS] + pool] != 0
            # behind a gate a place explains nothing any more; a crew that is short still does
            elif not stays:
                why = NONE
            struck = by >= 0 and plan[plan[STRIKES] + _of(plan, log, by, UNIT)] != 0
            # two units can release each other within one minute: without `seen` the walk would not end
            if by >= 0 and seen[by] == 0 and not struck:
                row, waiter = by, log[3 * row + 1]
                continue
            reason = plan[BY_RISK] if struck else why if why != NONE else plan[BY_OTHER]
            count = _note(plan, log, found, count, row, reason, since, 0, waiter)
            why = NONE
        row = before[row]
    return count


@entry_point
def share(found_: Ints, weather: int, total_: Ints) -> None:
    """Sum the minutes of the rows noted by cause: what is short, else themselves; and weather."""
    found, total = int_view(found_), int_view(total_)
    for at in range(0, NOTED * len(found_), NOTED):
        begun, done, why, lost = found[at + BEGUN], found[at + DONE], found[at + WHY], found[at + LOST]
        if found[at + TIMED] == 0:
            total[why] += done - begun
            continue
        cut = done if why == NONE else min(max(begun, found[at + SINCE]), done)
        # weather is spread evenly over the work; the rest is a difference, so that no minute is lost by rounding
        stormy = (cut - begun) * lost // (done - begun)
        total[max(why, 0)] += done - cut - (lost - stormy)
        total[found[at + OWN]] += cut - begun - stormy
        total[weather] += lost


@jit
def _of(plan: IntView, log: IntView, row: int, what: int) -> int:
    """Return something about the step of a row."""
    return plan[plan[STEPS] + WORDS * log[3 * row + 1] + what]


@jit
def _note(
    plan: IntView, log: IntView, found: IntView, count: int, row: int, why: int, since: int, timed: int, waiter: int
) -> int:
    """Note a row; return how many are noted now."""
    at, step = NOTED * count, log[3 * row + 1]
    known = plan[STEPS] + WORDS * step
    found[at + STEP], found[at + DONE], found[at + BEGUN] = step, log[3 * row], log[3 * row + 2]
    found[at + CALENDAR_OF], found[at + MODE_OF] = plan[known + CALENDAR], plan[known + MODE]
    found[at + TIMED], found[at + WHY], found[at + SINCE], found[at + LOST] = timed, why, since, 0
    found[at + OWN], found[at + WAITER] = plan[known + CAUSE_OF], waiter
    return count + 1


@jit
def _completion(plan: IntView, log: IntView, before: IntView, rows: int, completed: int) -> int:
    """Return the row that opened the completion gate in the minute of the completion, or -1."""
    # from the end of the log, as completion is in its last minutes
    row, best = rows - 1, NONE
    while row >= 0 and log[3 * row] >= completed >= 0:
        raises = _of(plan, log, row, KIND) == SIGNAL and _of(plan, log, row, ARGUMENT) == plan[GATE]
        if raises and log[3 * row] == completed and _sooner(plan, log, before, row, best):
            best = row
        row -= 1
    return best


@jit
def _released_by(
    plan: IntView, log: IntView, before: IntView, free: IntView, pools: int, rows: int, row: int
) -> tuple[int, int]:
    """Return the row that let a late hold or wait go on, and the pool that was short; -1 for none."""
    first, end, wanted = row, row + 1, _of(plan, log, row, ARGUMENT)
    while first > 0 and log[3 * (first - 1)] == log[3 * row]:
        first -= 1
    while end < rows and log[3 * end] == log[3 * row]:
        end += 1
    if _of(plan, log, row, KIND) == WAIT:
        return _signalled(plan, log, before, row, first, end), NONE
    best, pool = NONE, NONE
    # only then what was free before matters; bringing it there is the long part
    if _released_several_pools(plan, log, row, first, end):
        _level(plan, log, free, pools, first)
        best, pool = _freed(plan, log, before, free, row, first, end, True)
    # none of them was short, for instance as another took it in this minute: any that was given back explains it
    if best == NONE:
        best, pool = _freed(plan, log, before, free, row, first, end, False)
    return best, pool if best != NONE else plan[plan[POOL] + plan[plan[FIRST] + wanted]]


@jit
def _signalled(plan: IntView, log: IntView, before: IntView, row: int, first: int, end: int) -> int:
    """Return the row of the minute in which another unit raised the gate that a row waited for."""
    best, gate, unit = NONE, _of(plan, log, row, ARGUMENT), _of(plan, log, row, UNIT)
    for other in range(first, end):
        signals = _of(plan, log, other, KIND) == SIGNAL and _of(plan, log, other, ARGUMENT) == gate
        if signals and _of(plan, log, other, UNIT) != unit and _sooner(plan, log, before, other, best):
            best = other
    return best


@jit
def _released_several_pools(plan: IntView, log: IntView, row: int, first: int, end: int) -> bool:
    """Return whether others gave back more than one of the pools that a row wants, in its minute."""
    one, wanted, unit = NONE, _of(plan, log, row, ARGUMENT), _of(plan, log, row, UNIT)
    for other in range(first, end):
        if _of(plan, log, other, KIND) == FREE and _of(plan, log, other, UNIT) != unit:
            bundle = plan[FIRST] + _of(plan, log, other, ARGUMENT)
            for place in range(plan[bundle], plan[bundle + 1]):
                pool = plan[plan[POOL] + place]
                if _wanted(plan, wanted, pool) > 0:
                    if NONE != one != pool:
                        return True
                    one = pool
    return False


@jit
def _freed(
    plan: IntView, log: IntView, before: IntView, free: IntView, row: int, first: int, end: int, short: bool
) -> tuple[int, int]:
    """Return who gave back what a row wants, and which pool; with `short`, only of pools that had too little."""
    best, which, wanted, unit = NONE, NONE, _of(plan, log, row, ARGUMENT), _of(plan, log, row, UNIT)
    for other in range(first, end):
        if _of(plan, log, other, KIND) == FREE and _of(plan, log, other, UNIT) != unit:
            bundle = plan[FIRST] + _of(plan, log, other, ARGUMENT)
            for place in range(plan[bundle], plan[bundle + 1]):
                pool = plan[plan[POOL] + place]
                count = _wanted(plan, wanted, pool)
                if count > 0 and (not short or free[pool] < count):
                    if _sooner(plan, log, before, other, best):
                        best, which = other, pool
                    break
    return best, which


@jit
def _wanted(plan: IntView, bundle: int, pool: int) -> int:
    """Return how many of a pool a bundle has."""
    for place in range(plan[plan[FIRST] + bundle], plan[plan[FIRST] + bundle + 1]):
        if plan[plan[POOL] + place] == pool:
            return plan[plan[AMOUNT] + place]
    return 0


@jit
def _sooner(plan: IntView, log: IntView, before: IntView, row: int, best: int) -> bool:
    """Return whether a row owes less to others of its minute than the best so far, or stands before it by rank."""
    if best == NONE:
        return True
    one, other = _released(plan, log, before, row), _released(plan, log, before, best)
    if one != other:
        return one < other
    mine, its = _of(plan, log, row, UNIT), _of(plan, log, best, UNIT)
    return mine < its if mine != its else row < best


@jit
def _released(plan: IntView, log: IntView, before: IntView, row: int) -> int:
    """Return how many late holds and waits a unit has behind it in the minute of one of its rows."""
    found, minute = 0, log[3 * row]
    while row >= 0 and log[3 * row] == minute:
        kind = _of(plan, log, row, KIND)
        if log[3 * row + 2] < minute and WAIT <= kind <= HOLD:
            found += 1
        row = before[row]
    return found


@jit
def _level(plan: IntView, log: IntView, free: IntView, pools: int, rows: int) -> None:
    """Bring what is free of every pool to where it was after so many rows, forward or back."""
    while free[pools] != rows:
        # the walk goes back through the log, so from row to row only the rows between are undone
        way = 1 if free[pools] < rows else -1
        row = free[pools] if way > 0 else free[pools] - 1
        kind, bundle = _of(plan, log, row, KIND), plan[FIRST] + _of(plan, log, row, ARGUMENT)
        if HOLD <= kind <= FREE:
            sign = way if kind == FREE else -way
            for place in range(plan[bundle], plan[bundle + 1]):
                free[plan[plan[POOL] + place]] += sign * plan[plan[AMOUNT] + place]
        free[pools] += way
