"""Balances in the kernel: what is free of a set of pools less what is requested, and since when it is at each level.

Only the balance at the end of a minute counts. So it is recorded when the first change of a later minute comes, and a unit
that waits for a balance checks it only when it can have been at its level for long enough.
"""

from __future__ import annotations

from sim.engine.numba_engine.event_queue import schedule
from sim.engine.numba_engine.memory_layout import (
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
    CHANGED,
    ENDED,
    HIGHEST,
    LEVELS_AT,
    LOWEST,
    SET_OF,
    SET_SIZE,
    SETS,
    SINCE_LEVEL,
    VALUE,
    WATCHED,
    WATCHED_UNTIL,
    step_kind,
)  # fmt: skip
from sim.jit.toolkit import IntView, inline, jit


@inline
def end_minute(plan: IntView, run: IntView, number: int, now: int) -> None:
    """Record what a balance came to in the last minute in which it changed, if that minute is over."""
    balance = run[BALANCE] + number * BALANCE_SIZE
    changed = run[balance + CHANGED]
    if changed == now:
        return
    before, value = run[balance + ENDED], run[balance + VALUE]
    levels = plan[SETS] + number * SET_SIZE
    lowest = plan[levels + LOWEST]
    first = max(min(before, value) + 1, lowest)
    # the levels that it crossed: one, as a rule
    for level in range(first, min(max(before, value), plan[levels + HIGHEST]) + 1):
        run[run[SINCE_LEVEL] + plan[levels + LEVELS_AT] + level - lowest] = changed
    run[balance + ENDED] = value
    run[balance + CHANGED] = now


@jit
def change_balances(plan: IntView, run: IntView, bundle: int, sign: int, now: int) -> None:
    """Add a bundle's counts, times `sign`, to the balances of its pools."""
    for entry in range(plan[plan[BUNDLE_AT] + bundle], plan[plan[BUNDLE_AT] + bundle + 1]):
        number = plan[plan[SET_OF] + plan[plan[BUNDLES] + 2 * entry]]
        if number >= 0:
            end_minute(plan, run, number, now)
            run[run[BALANCE] + number * BALANCE_SIZE + VALUE] += sign * plan[plan[BUNDLES] + 2 * entry + 1]


@jit
def balance_due(plan: IntView, run: IntView, wait: int, now: int) -> int:
    """Return since when (at most `now`) the condition of a wait for a balance holds, or a later minute to check again."""
    condition = plan[BALANCES] + wait * BALANCE_WAIT_SIZE
    number, level, minutes = (
        plan[condition + BALANCE_SET],
        plan[condition + BALANCE_LEVEL],
        plan[condition + BALANCE_MINUTES],
    )
    end_minute(plan, run, number, now)
    below = 1 if run[run[BALANCE] + number * BALANCE_SIZE + ENDED] < level else 0
    if below != plan[condition + BELOW]:
        return now + minutes
    levels = plan[SETS] + number * SET_SIZE
    since = run[run[SINCE_LEVEL] + plan[levels + LEVELS_AT] + level - plan[levels + LOWEST]]
    return since + minutes


@inline
def minutes_of_balance(plan: IntView, step: int) -> int:
    """Return for how many minutes the balance for which a step waits must have been at its level."""
    return plan[plan[BALANCES] + plan[step_kind(plan, step) + WATCHED] * BALANCE_WAIT_SIZE + BALANCE_MINUTES]


@jit
def check_balance_at(plan: IntView, run: IntView, unit: int, step: int, minute: int) -> None:
    """Schedule a unit to check its balance at a later minute, unless that is past the last minute of its wait."""
    if minute <= plan[plan[BALANCES] + plan[step_kind(plan, step) + WATCHED] * BALANCE_WAIT_SIZE + WATCHED_UNTIL]:
        schedule(plan, run, unit, minute)


@jit
def balance_holds(plan: IntView, run: IntView, unit: int, step: int, now: int) -> bool:
    """Return whether the balance for which a step waits has held for long enough; otherwise schedule the next check."""
    due = balance_due(plan, run, plan[step_kind(plan, step) + WATCHED], now)
    if due > now:
        check_balance_at(plan, run, unit, step, due)
    return due <= now
