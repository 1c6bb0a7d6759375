"""Balances in the kernel: what is free of a set of pools less what is asked for, since when at which level, and who waits.

Only what holds at the end of a minute counts. So a balance is taken over when the first change of a later minute comes, and
who waits for one looks at it only when it can have been at its level for long enough.
"""

from __future__ import annotations

from sim.engine.numba_engine.event_queue import schedule
from sim.engine.numba_engine.memory_layout import (
    AT_LEVEL,
    BALANCE,
    BALANCE_SIZE,
    BALANCES,
    BELOW,
    BUNDLE_AT,
    BUNDLES,
    CHANGED,
    ENDED,
    FOR_MINUTES,
    HIGHEST,
    LAST_LOOK,
    LEVELS_AT,
    LOWEST,
    OF_SET,
    SET_OF,
    SET_SIZE,
    SETS,
    SINCE_LEVEL,
    VALUE,
    WAIT_SIZE,
    WATCHED,
    step_kind,
)  # fmt: skip
from sim.jit.toolkit import IntView, inline, jit


@inline
def end_minute(plan: IntView, run: IntView, number: int, now: int) -> None:
    """Take over what a balance came to in the last minute in which it changed, if that is over."""
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
    """Add a bundle to the balances of its pools, or take it away."""
    for place in range(plan[plan[BUNDLE_AT] + bundle], plan[plan[BUNDLE_AT] + bundle + 1]):
        number = plan[plan[SET_OF] + plan[plan[BUNDLES] + 2 * place]]
        if number >= 0:
            end_minute(plan, run, number, now)
            run[run[BALANCE] + number * BALANCE_SIZE + VALUE] += sign * plan[plan[BUNDLES] + 2 * place + 1]


@jit
def balance_due(plan: IntView, run: IntView, wait: int, now: int) -> int:
    """Return when somebody who waits for a balance may go on: this minute or one before it, or when to look again."""
    asked = plan[BALANCES] + wait * WAIT_SIZE
    number, level, minutes = plan[asked + OF_SET], plan[asked + AT_LEVEL], plan[asked + FOR_MINUTES]
    end_minute(plan, run, number, now)
    below = 1 if run[run[BALANCE] + number * BALANCE_SIZE + ENDED] < level else 0
    if below != plan[asked + BELOW]:
        return now + minutes
    levels = plan[SETS] + number * SET_SIZE
    since = run[run[SINCE_LEVEL] + plan[levels + LEVELS_AT] + level - plan[levels + LOWEST]]
    return since + minutes


@inline
def minutes_of_balance(plan: IntView, at: int) -> int:
    """Return for how many minutes a balance must have been at its level."""
    return plan[plan[BALANCES] + plan[step_kind(plan, at) + WATCHED] * WAIT_SIZE + FOR_MINUTES]


@jit
def look_at(plan: IntView, run: IntView, unit: int, at: int, minute: int) -> None:
    """Have a unit look at a balance in a later minute, if anybody looks then."""
    if minute <= plan[plan[BALANCES] + plan[step_kind(plan, at) + WATCHED] * WAIT_SIZE + LAST_LOOK]:
        schedule(plan, run, unit, minute)


@jit
def balanced(plan: IntView, run: IntView, unit: int, at: int, now: int) -> bool:
    """Return whether a balance has been at its level for so long; otherwise look again when it may have been."""
    due = balance_due(plan, run, plan[step_kind(plan, at) + WATCHED], now)
    if due > now:
        look_at(plan, run, unit, at, due)
    return due <= now
