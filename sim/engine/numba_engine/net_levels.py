"""Net levels in the kernel: what is free of a set of pools less what is requested, and when it crossed each threshold.

The word is an inventory's, whose net level is what is on hand less what is on back order. Only its value at the end of a
minute counts. So it is recorded when the first change of a later minute comes, and a unit that waits for a net level checks
it only when that can have been on one side of its threshold for long enough.
"""

from __future__ import annotations

from sim.engine.numba_engine.event_queue import schedule
from sim.engine.numba_engine.memory_layout import (
    AWAITED_CONDITION,
    BELOW,
    BUNDLE_AT,
    BUNDLES,
    CONDITION_MINUTES,
    CONDITION_SET,
    CONDITION_SIZE,
    CONDITIONS,
    CROSSED_AT,
    HIGHEST,
    LAST_CHANGE,
    LOWEST,
    NET_LEVEL,
    NET_LEVEL_SIZE,
    SET_OF,
    SET_SIZE,
    SETS,
    THRESHOLD,
    THRESHOLDS_AT,
    VALUE,
    VALUE_BEFORE,
    WATCHED_UNTIL,
    step_record,
)  # fmt: skip
from sim.jit.toolkit import IntView, inline, jit


@inline
def end_minute(plan: IntView, run: IntView, pool_set: int, now: int) -> None:
    """Record the net level of a set of pools at the end of the minute in which it last changed, if that is over."""
    net_level_at = run[NET_LEVEL] + pool_set * NET_LEVEL_SIZE
    last_change = run[net_level_at + LAST_CHANGE]
    if last_change == now:
        return
    value_before, value = run[net_level_at + VALUE_BEFORE], run[net_level_at + VALUE]
    set_at = plan[SETS] + pool_set * SET_SIZE
    lowest = plan[set_at + LOWEST]
    first_crossed = max(min(value_before, value) + 1, lowest)
    # the thresholds that it crossed: one, as a rule
    for threshold in range(first_crossed, min(max(value_before, value), plan[set_at + HIGHEST]) + 1):
        run[run[CROSSED_AT] + plan[set_at + THRESHOLDS_AT] + threshold - lowest] = last_change
    run[net_level_at + VALUE_BEFORE] = value
    run[net_level_at + LAST_CHANGE] = now


@jit
def change_net_levels(plan: IntView, run: IntView, bundle: int, sign: int, now: int) -> None:
    """Add a bundle's counts, times `sign`, to the net levels (free less requested counts) of its sets of pools."""
    for entry in range(plan[plan[BUNDLE_AT] + bundle], plan[plan[BUNDLE_AT] + bundle + 1]):
        pool_set = plan[plan[SET_OF] + plan[plan[BUNDLES] + 2 * entry]]
        if pool_set >= 0:
            end_minute(plan, run, pool_set, now)
            run[run[NET_LEVEL] + pool_set * NET_LEVEL_SIZE + VALUE] += sign * plan[plan[BUNDLES] + 2 * entry + 1]


@jit
def next_net_level_check(plan: IntView, run: IntView, condition: int, now: int) -> int:
    """Return the minute from which a condition on a net level of pools may hold; it holds where that is at most `now`."""
    condition_at = plan[CONDITIONS] + condition * CONDITION_SIZE
    pool_set, threshold, minutes = (
        plan[condition_at + CONDITION_SET],
        plan[condition_at + THRESHOLD],
        plan[condition_at + CONDITION_MINUTES],
    )
    end_minute(plan, run, pool_set, now)
    is_below = 1 if run[run[NET_LEVEL] + pool_set * NET_LEVEL_SIZE + VALUE_BEFORE] < threshold else 0
    if is_below != plan[condition_at + BELOW]:
        return now + minutes
    set_at = plan[SETS] + pool_set * SET_SIZE
    since = run[run[CROSSED_AT] + plan[set_at + THRESHOLDS_AT] + threshold - plan[set_at + LOWEST]]
    return since + minutes


@inline
def net_level_minutes(plan: IntView, step: int) -> int:
    """Return for how many minutes the net level of pools (free less requested counts) that a step waits for must last."""
    return plan[
        plan[CONDITIONS] + plan[step_record(plan, step) + AWAITED_CONDITION] * CONDITION_SIZE + CONDITION_MINUTES
    ]


@jit
def check_net_level_at(plan: IntView, run: IntView, unit: int, step: int, minute: int) -> None:
    """Schedule a unit to check the net level it waits for at a later minute, unless its wait is over by then."""
    condition_at = plan[CONDITIONS] + plan[step_record(plan, step) + AWAITED_CONDITION] * CONDITION_SIZE
    if minute <= plan[condition_at + WATCHED_UNTIL]:
        schedule(plan, run, unit, minute)


@jit
def net_level_holds(plan: IntView, run: IntView, unit: int, step: int, now: int) -> bool:
    """Return whether the net level for which a step waits has held for long enough; otherwise schedule the next check."""
    next_check = next_net_level_check(plan, run, plan[step_record(plan, step) + AWAITED_CONDITION], now)
    if next_check > now:
        check_net_level_at(plan, run, unit, step, next_check)
    return next_check <= now
