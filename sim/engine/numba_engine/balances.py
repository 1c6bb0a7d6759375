"""Balances in the kernel: what is free of a set of pools less what is requested, and since when it is at each level.

Only the balance at the end of a minute counts. So it is recorded when the first change of a later minute comes, and a unit
that waits for a balance checks it only when it can have been at its level for long enough.
"""

from __future__ import annotations

from sim.engine.numba_engine.event_queue import schedule
from sim.engine.numba_engine.memory_layout import (
    AWAITED_BALANCE,
    BALANCE,
    BALANCE_LEVEL,
    BALANCE_MINUTES,
    BALANCE_SET,
    BALANCE_SIZE,
    BALANCE_WAIT_SIZE,
    BALANCES,
    BELOW,
    BUNDLE_AT,
    BUNDLES,
    HIGHEST,
    LAST_CHANGE,
    LEVELS_AT,
    LOWEST,
    SET_OF,
    SET_SIZE,
    SETS,
    SINCE_LEVEL,
    VALUE,
    VALUE_BEFORE,
    WATCHED_UNTIL,
    step_kind,
)  # fmt: skip
from sim.jit.toolkit import IntView, inline, jit


@inline
def end_minute(plan: IntView, run: IntView, pool_set: int, now: int) -> None:
    """Record the balance of a set of pools at the end of the last minute in which it changed, if that minute is over."""
    balance_at = run[BALANCE] + pool_set * BALANCE_SIZE
    last_change = run[balance_at + LAST_CHANGE]
    if last_change == now:
        return
    value_before, value = run[balance_at + VALUE_BEFORE], run[balance_at + VALUE]
    set_at = plan[SETS] + pool_set * SET_SIZE
    lowest = plan[set_at + LOWEST]
    lowest_crossed = max(min(value_before, value) + 1, lowest)
    # the levels that it crossed: one, as a rule
    for level in range(lowest_crossed, min(max(value_before, value), plan[set_at + HIGHEST]) + 1):
        run[run[SINCE_LEVEL] + plan[set_at + LEVELS_AT] + level - lowest] = last_change
    run[balance_at + VALUE_BEFORE] = value
    run[balance_at + LAST_CHANGE] = now


@jit
def change_balances(plan: IntView, run: IntView, bundle: int, sign: int, now: int) -> None:
    """Add a bundle's counts, times `sign`, to the balances (free less requested counts) of its sets of pools."""
    for entry in range(plan[plan[BUNDLE_AT] + bundle], plan[plan[BUNDLE_AT] + bundle + 1]):
        pool_set = plan[plan[SET_OF] + plan[plan[BUNDLES] + 2 * entry]]
        if pool_set >= 0:
            end_minute(plan, run, pool_set, now)
            run[run[BALANCE] + pool_set * BALANCE_SIZE + VALUE] += sign * plan[plan[BUNDLES] + 2 * entry + 1]


@jit
def next_balance_check(plan: IntView, run: IntView, condition: int, now: int) -> int:
    """Return the minute from which a condition on a balance of pools may hold; it holds where that is at most `now`."""
    condition_at = plan[BALANCES] + condition * BALANCE_WAIT_SIZE
    pool_set, level, minutes = (
        plan[condition_at + BALANCE_SET],
        plan[condition_at + BALANCE_LEVEL],
        plan[condition_at + BALANCE_MINUTES],
    )
    end_minute(plan, run, pool_set, now)
    is_below = 1 if run[run[BALANCE] + pool_set * BALANCE_SIZE + VALUE_BEFORE] < level else 0
    if is_below != plan[condition_at + BELOW]:
        return now + minutes
    set_at = plan[SETS] + pool_set * SET_SIZE
    since = run[run[SINCE_LEVEL] + plan[set_at + LEVELS_AT] + level - plan[set_at + LOWEST]]
    return since + minutes


@inline
def minutes_of_balance(plan: IntView, step: int) -> int:
    """Return for how many minutes the balance of pools (free less requested counts) that a step waits for must last."""
    return plan[plan[BALANCES] + plan[step_kind(plan, step) + AWAITED_BALANCE] * BALANCE_WAIT_SIZE + BALANCE_MINUTES]


@jit
def check_balance_at(plan: IntView, run: IntView, unit: int, step: int, minute: int) -> None:
    """Schedule a unit to check the balance it waits for at a later minute, unless its wait is over by then."""
    condition_at = plan[BALANCES] + plan[step_kind(plan, step) + AWAITED_BALANCE] * BALANCE_WAIT_SIZE
    if minute <= plan[condition_at + WATCHED_UNTIL]:
        schedule(plan, run, unit, minute)


@jit
def balance_holds(plan: IntView, run: IntView, unit: int, step: int, now: int) -> bool:
    """Return whether the balance for which a step waits has held for long enough; otherwise schedule the next check."""
    next_check = next_balance_check(plan, run, plan[step_kind(plan, step) + AWAITED_BALANCE], now)
    if next_check > now:
        check_balance_at(plan, run, unit, step, next_check)
    return next_check <= now
