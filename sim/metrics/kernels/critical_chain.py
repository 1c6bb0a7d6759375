"""The walk back along the driving chain, compiled, for the minutes of every cause alone.

Read `DrivingChain._walk` of `sim.metrics.critical_chain` first: this goes the same way and asks the same questions, row
by row of the log. A row of a log is (minute, step, detail); the detail of a step that takes time is the minute it began.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.jit.toolkit import Ints, IntView, entry_point, int_view, jit
from sim.metrics.kernels.interface import (
    ARGUMENT,
    BEGUN_AT,
    BUNDLE_AMOUNTS,
    BUNDLE_BEGINS,
    BUNDLE_POOLS,
    CALENDAR,
    CALENDAR_OF_WORK,
    CAUSE,
    CHAIN_COLUMNS,
    COMPLETION_GATE,
    DATE,
    DONE_AT,
    FREE,
    HOLD,
    IS_TIMED,
    KIND,
    LOG_COLUMNS,
    LOG_DETAIL,
    LOG_MINUTE,
    LOG_STEP,
    LOST_TO_WEATHER,
    MODE,
    MODE_OF_WORK,
    MOVED_BUNDLES,
    NONE,
    OTHER_CAUSE,
    OWN_CAUSE,
    POOL_CAUSES,
    POOL_RETURNED,
    RISK_CAUSE,
    SHORT_CAUSE,
    SHORT_SINCE,
    SIGNAL,
    STEP,
    STEP_COLUMNS,
    STEPS,
    UNIT,
    UNIT_IS_OUTAGE,
    WAIT,
    WAITING_STEP,
    WORK,
    Scan,
    Table,
)


def walk(plan: Table, log: Ints, scan: Scan, free: Ints) -> Ints:
    """Return the rows of the driving chain, from the completion back, shape (rows, `CHAIN_COLUMNS`); `free` is used up."""
    log, rows = np.ascontiguousarray(log), len(log)
    chain = np.empty((rows, CHAIN_COLUMNS), np.int64)
    is_walked = np.zeros(rows, np.uint8)
    length = walk_back(plan, log, scan.previous_row, is_walked, free, scan.completion_minute, chain)
    return chain[:length]


def sum_causes(chain: Ints, weather: int, causes: int) -> Ints:
    """Return the minutes of the driving chain by cause; `weather` is that cause's number, `causes` how many there are."""
    minutes_by_cause = np.zeros(causes, np.int64)
    add_minutes_by_cause(chain, weather, minutes_by_cause)
    return minutes_by_cause


@entry_point
def walk_back(
    plan_: Table,
    log_: Ints,
    previous_row_: NDArray[np.int32],
    is_walked_: NDArray[np.uint8],
    free_: Ints,
    completion_minute: int,
    chain_: Ints,
) -> int:
    """Write the rows of the driving chain to `chain_`, from the completion back; return how many there are.

    `completion_minute` is -1 where the project was never complete; `is_walked_` is 1 for log rows that the walk has passed,
    all 0 at first. `free_` is the initial free count by pool, and behind these the number of log rows after which the
    counts hold: 0.
    """
    plan, log, previous_row, is_walked = int_view(plan_), int_view(log_), int_view(previous_row_), int_view(is_walked_)
    free, chain, rows, pools = int_view(free_), int_view(chain_), len(log_), len(free_) - 1
    row, length = _completion_row(plan, log, previous_row, rows, completion_minute), 0
    short_cause, short_since, returned_to_pool, waiting_step = NONE, 0, False, NONE
    # the second bound only guards the array: a row is walked once
    while row >= 0 and length < len(chain_):
        is_walked[row] = 1
        minute, begun = log[LOG_COLUMNS * row + LOG_MINUTE], log[LOG_COLUMNS * row + LOG_DETAIL]
        kind = _step_field(plan, log, row, KIND)
        # steps that took no time are no reason for a date; kinds are numbered so that two comparisons tell them
        if minute > begun and DATE <= kind <= WORK:
            length = _write_chain_row(plan, log, chain, length, row, short_cause, short_since, 1, waiting_step)
        elif minute > begun and WAIT <= kind <= HOLD:
            releasing_row, pool = _released_by(plan, log, previous_row, free, pools, rows, row)
            if pool != NONE and plan[plan[POOL_CAUSES] + pool] != NONE:
                short_cause, short_since = plan[plan[POOL_CAUSES] + pool], begun
                returned_to_pool = plan[plan[POOL_RETURNED] + pool] != 0
            # behind a gate, a place that others pass on explains nothing any more; a crew is still short
            elif not returned_to_pool:
                short_cause = NONE
            is_outage = (
                releasing_row >= 0 and plan[plan[UNIT_IS_OUTAGE] + _step_field(plan, log, releasing_row, UNIT)] != 0
            )
            # two units can release each other in one minute: a row is walked once, so that the walk ends
            if releasing_row >= 0 and is_walked[releasing_row] == 0 and not is_outage:
                row, waiting_step = releasing_row, log[LOG_COLUMNS * row + LOG_STEP]
                continue
            cause = plan[RISK_CAUSE] if is_outage else short_cause if short_cause != NONE else plan[OTHER_CAUSE]
            length = _write_chain_row(plan, log, chain, length, row, cause, short_since, 0, waiting_step)
            short_cause = NONE
        row = previous_row[row]
    return length


@entry_point
def add_minutes_by_cause(chain_: Ints, weather: int, minutes_by_cause_: Ints) -> None:
    """Add the minutes of the rows of the driving chain to the cause that was short, the row's own cause, and weather."""
    chain, minutes_by_cause = int_view(chain_), int_view(minutes_by_cause_)
    for first in range(0, CHAIN_COLUMNS * len(chain_), CHAIN_COLUMNS):
        begun, done = chain[first + BEGUN_AT], chain[first + DONE_AT]
        short_cause, weather_minutes = chain[first + SHORT_CAUSE], chain[first + LOST_TO_WEATHER]
        if chain[first + IS_TIMED] == 0:
            minutes_by_cause[short_cause] += done - begun
            continue
        # up to this minute a row's time is its own cause's, from then on that of what was short
        split = done if short_cause == NONE else min(max(begun, chain[first + SHORT_SINCE]), done)
        # weather is spread evenly over the work; the rest is a difference, so that no minute is lost by rounding
        weather_before_split = (split - begun) * weather_minutes // (done - begun)
        minutes_by_cause[max(short_cause, 0)] += done - split - (weather_minutes - weather_before_split)
        minutes_by_cause[chain[first + OWN_CAUSE]] += split - begun - weather_before_split
        minutes_by_cause[weather] += weather_minutes


@jit
def _step_field(plan: IntView, log: IntView, row: int, column: int) -> int:
    """Return one column of the table of steps for the step of a log row."""
    return plan[plan[STEPS] + STEP_COLUMNS * log[LOG_COLUMNS * row + LOG_STEP] + column]


@jit
def _write_chain_row(
    plan: IntView, log: IntView, chain: IntView, length: int, row: int,
    short_cause: int, short_since: int, is_timed: int, waiting_step: int,
) -> int:  # fmt: skip
    """Append a log row to the driving chain; return the chain's new length."""
    first, step = CHAIN_COLUMNS * length, log[LOG_COLUMNS * row + LOG_STEP]
    step_table_row = plan[STEPS] + STEP_COLUMNS * step
    chain[first + STEP] = step
    chain[first + DONE_AT], chain[first + BEGUN_AT] = (
        log[LOG_COLUMNS * row + LOG_MINUTE],
        log[LOG_COLUMNS * row + LOG_DETAIL],
    )
    chain[first + CALENDAR_OF_WORK] = plan[step_table_row + CALENDAR]
    chain[first + MODE_OF_WORK] = plan[step_table_row + MODE]
    chain[first + IS_TIMED], chain[first + LOST_TO_WEATHER] = is_timed, 0
    chain[first + SHORT_CAUSE], chain[first + SHORT_SINCE] = short_cause, short_since
    chain[first + OWN_CAUSE], chain[first + WAITING_STEP] = plan[step_table_row + CAUSE], waiting_step
    return length + 1


@jit
def _completion_row(plan: IntView, log: IntView, previous_row: IntView, rows: int, completion_minute: int) -> int:
    """Return the log row that opened the completion gate in the minute of the completion, or -1."""
    # from the end of the log, as completion is in its last minutes
    row, chosen_row = rows - 1, NONE
    while row >= 0 and log[LOG_COLUMNS * row + LOG_MINUTE] >= completion_minute >= 0:
        raises_gate = (
            _step_field(plan, log, row, KIND) == SIGNAL
            and _step_field(plan, log, row, ARGUMENT) == plan[COMPLETION_GATE]
        )
        is_completion = raises_gate and log[LOG_COLUMNS * row + LOG_MINUTE] == completion_minute
        if is_completion and _ranks_before(plan, log, previous_row, row, chosen_row):
            chosen_row = row
        row -= 1
    return chosen_row


@jit
def _released_by(
    plan: IntView, log: IntView, previous_row: IntView, free: IntView, pools: int, rows: int, row: int
) -> tuple[int, int]:
    """Return (log row that ended a late hold or wait, pool that was short); -1 for none."""
    # all rows of the minute: the one that released this may come after it in the log
    first, end, minute = row, row + 1, log[LOG_COLUMNS * row + LOG_MINUTE]
    while first > 0 and log[LOG_COLUMNS * (first - 1) + LOG_MINUTE] == minute:
        first -= 1
    while end < rows and log[LOG_COLUMNS * end + LOG_MINUTE] == minute:
        end += 1
    if _step_field(plan, log, row, KIND) == WAIT:
        return _signalling_row(plan, log, previous_row, row, first, end), NONE
    freeing_row, pool = NONE, NONE
    # the free counts before the minute matter only then, and restoring them is the long part
    if _several_pools_freed(plan, log, row, first, end):
        _restore_free_counts(plan, log, free, pools, first)
        freeing_row, pool = _freeing_row(plan, log, previous_row, free, row, first, end, True)
    # none of them was short, for instance as another took it in this minute: any that was given back explains it
    if freeing_row == NONE:
        freeing_row, pool = _freeing_row(plan, log, previous_row, free, row, first, end, False)
    bundle = _step_field(plan, log, row, ARGUMENT)
    first_pool_of_bundle = plan[plan[BUNDLE_POOLS] + plan[plan[BUNDLE_BEGINS] + bundle]]
    return freeing_row, pool if freeing_row != NONE else first_pool_of_bundle


@jit
def _signalling_row(plan: IntView, log: IntView, previous_row: IntView, row: int, first: int, end: int) -> int:
    """Return the log row from `first` up to `end` in which another unit raised the gate that `row` waited for, or -1."""
    chosen_row, gate, unit = NONE, _step_field(plan, log, row, ARGUMENT), _step_field(plan, log, row, UNIT)
    for candidate in range(first, end):
        raises_gate = (
            _step_field(plan, log, candidate, KIND) == SIGNAL and _step_field(plan, log, candidate, ARGUMENT) == gate
        )
        of_other_unit = _step_field(plan, log, candidate, UNIT) != unit
        if raises_gate and of_other_unit and _ranks_before(plan, log, previous_row, candidate, chosen_row):
            chosen_row = candidate
    return chosen_row


@jit
def _several_pools_freed(plan: IntView, log: IntView, row: int, first: int, end: int) -> bool:
    """Return whether, in log rows `first` to `end`, other units gave back more than one of the pools that `row` holds."""
    freed_pool, bundle, unit = NONE, _step_field(plan, log, row, ARGUMENT), _step_field(plan, log, row, UNIT)
    for candidate in range(first, end):
        if _step_field(plan, log, candidate, KIND) == FREE and _step_field(plan, log, candidate, UNIT) != unit:
            freed_bundle = plan[BUNDLE_BEGINS] + _step_field(plan, log, candidate, ARGUMENT)
            for position in range(plan[freed_bundle], plan[freed_bundle + 1]):
                pool = plan[plan[BUNDLE_POOLS] + position]
                if _amount_in_bundle(plan, bundle, pool) > 0:
                    if NONE != freed_pool != pool:
                        return True
                    freed_pool = pool
    return False


@jit
def _freeing_row(
    plan: IntView, log: IntView, previous_row: IntView, free: IntView, row: int, first: int, end: int, only_short: bool
) -> tuple[int, int]:
    """Return (log row from `first` up to `end`, pool): another unit gave back a pool there that `row` holds; -1 for none.

    With `only_short`, only pools are considered of which less was free than `row` needs.
    """
    chosen_row, chosen_pool = NONE, NONE
    bundle, unit = _step_field(plan, log, row, ARGUMENT), _step_field(plan, log, row, UNIT)
    for candidate in range(first, end):
        if _step_field(plan, log, candidate, KIND) == FREE and _step_field(plan, log, candidate, UNIT) != unit:
            freed_bundle = plan[BUNDLE_BEGINS] + _step_field(plan, log, candidate, ARGUMENT)
            for position in range(plan[freed_bundle], plan[freed_bundle + 1]):
                pool = plan[plan[BUNDLE_POOLS] + position]
                amount = _amount_in_bundle(plan, bundle, pool)
                if amount > 0 and (not only_short or free[pool] < amount):
                    if _ranks_before(plan, log, previous_row, candidate, chosen_row):
                        chosen_row, chosen_pool = candidate, pool
                    break
    return chosen_row, chosen_pool


@jit
def _amount_in_bundle(plan: IntView, bundle: int, pool: int) -> int:
    """Return the amount of a pool in a bundle; 0 if it is not in it."""
    for position in range(plan[plan[BUNDLE_BEGINS] + bundle], plan[plan[BUNDLE_BEGINS] + bundle + 1]):
        if plan[plan[BUNDLE_POOLS] + position] == pool:
            return plan[plan[BUNDLE_AMOUNTS] + position]
    return 0


@jit
def _ranks_before(plan: IntView, log: IntView, previous_row: IntView, row: int, chosen_row: int) -> bool:
    """Return whether a log row has fewer waits before it in its minute than the row chosen so far; ties by rank."""
    if chosen_row == NONE:
        return True
    waits = _waits_before(plan, log, previous_row, row)
    chosen_waits = _waits_before(plan, log, previous_row, chosen_row)
    if waits != chosen_waits:
        return waits < chosen_waits
    unit, chosen_unit = _step_field(plan, log, row, UNIT), _step_field(plan, log, chosen_row, UNIT)
    return unit < chosen_unit if unit != chosen_unit else row < chosen_row


@jit
def _waits_before(plan: IntView, log: IntView, previous_row: IntView, row: int) -> int:
    """Return how many late holds and waits of its unit ended in the minute of a log row, up to that row."""
    waits, minute = 0, log[LOG_COLUMNS * row + LOG_MINUTE]
    while row >= 0 and log[LOG_COLUMNS * row + LOG_MINUTE] == minute:
        kind = _step_field(plan, log, row, KIND)
        if log[LOG_COLUMNS * row + LOG_DETAIL] < minute and WAIT <= kind <= HOLD:
            waits += 1
        row = previous_row[row]
    return waits


@jit
def _restore_free_counts(plan: IntView, log: IntView, free: IntView, pools: int, rows: int) -> None:
    """Move the free counts of all pools to those after the first `rows` rows of the log, forward or back."""
    while free[pools] != rows:
        # the walk goes back through the log, so from row to row only the rows between are undone
        direction = 1 if free[pools] < rows else -1
        row = free[pools] if direction > 0 else free[pools] - 1
        moved_bundle = plan[plan[MOVED_BUNDLES] + log[LOG_COLUMNS * row + LOG_STEP]]
        if moved_bundle != 0:
            sign = direction if moved_bundle > 0 else -direction
            bundle = plan[BUNDLE_BEGINS] + abs(moved_bundle) - 1
            for position in range(plan[bundle], plan[bundle + 1]):
                free[plan[plan[BUNDLE_POOLS] + position]] += sign * plan[plan[BUNDLE_AMOUNTS] + position]
        free[pools] += direction
