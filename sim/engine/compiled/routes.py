"""Following a route in the kernel: steps that take no time are performed at once, until one has to wait."""

from __future__ import annotations

from typing import cast

import numpy as np

from sim.engine.compiled.arrays import (
    AREA,
    AT,
    BEGUN,
    BUDGET_SPENT,
    COUNTERS,
    DRAWN,
    FAULT,
    FIRST,
    HALF,
    INPUT,
    INPUTS,
    JUMPED,
    JUMPS,
    JUMPS_FOR_EVER,
    LEVEL,
    LIMIT,
    LOG_FULL,
    MOST_JUMPS,
    MOST_ROWS,
    NEEDED,
    OFFSET,
    OPERATION,
    PEOPLE,
    ROOM,
    ROWS,
    STARTING,
    STARTING_SIZE,
    WHO,
)
from sim.engine.compiled.fortune import value
from sim.engine.compiled.gates import await_level, before, signal
from sim.engine.compiled.heap import push
from sim.engine.compiled.requests import ask, give
from sim.engine.compiled.steps import LOWER, about, attempt, manner, more, standing
from sim.engine.compiled.works import schedule
from sim.machine.jit import fetch, part, piece
from sim.machine.numbers import Figures, Numbers
from sim.plan.compile import AGAIN, FREE, HOLD, SIGNAL, UNTIL, WAIT, WORK

FIRST_ATTEMPT = cast(int, np.int64(0))
"""Not a plain 0: numba would compile everything behind it once more for that one number."""
STAYS = -1
"""Instead of the next step: the unit has to wait where it is."""


@part
def write(run: Numbers, log: Numbers, minute: int, at: int, x: int) -> None:
    """Add a row to the log; where there is no room left the run is void, and only counts what it would need."""
    row = run[ROWS]
    run[ROWS] = row + 1
    if row < run[ROOM]:
        log[3 * row] = minute
        log[3 * row + 1] = at
        log[3 * row + 2] = x
    else:
        run[FAULT] = LOG_FULL


@part
def follow(
    plan: Numbers, run: Numbers, luck: Numbers, figures: Figures, log: Numbers, unit: int, at: int, now: int
) -> None:
    """Perform a unit's steps from `at` on until it has to wait or its route ends."""
    end = plan[plan[FIRST] + unit + 1]
    to = at
    while to != STAYS and to < end:
        at = to
        operation = plan[manner(plan, at) + OPERATION]
        if operation == HOLD:
            ask(plan, run, unit, at, now)
            to = STAYS
        elif operation == WORK:
            fetch(luck, luck[INPUTS] + about(plan, at) * INPUT)
            push(run, run[STARTING], run[STARTING_SIZE], unit)
            run[STARTING_SIZE] += 1
            to = STAYS
        elif WAIT <= operation <= UNTIL:
            to = await_step(plan, run, luck, figures, log, unit, at, now)
        elif operation == AGAIN:
            to = jump(plan, run, luck, figures, log, unit, at, now)
        else:
            to = act(plan, run, log, at, now)
    mine = standing(run, unit)
    run[mine + AT] = at if to == STAYS else end
    run[mine + BEGUN] = now


@piece
def resume(plan: Numbers, run: Numbers, luck: Numbers, figures: Figures, log: Numbers, unit: int, now: int) -> None:
    """Complete the step at which a unit has waited or worked, and go on."""
    mine = standing(run, unit)
    at = run[mine + AT]
    way = manner(plan, at)
    if plan[way + AREA] >= 0:
        run[run[COUNTERS] + plan[way + AREA]] -= plan[way + PEOPLE]
    write(run, log, now, at, run[mine + BEGUN])
    follow(plan, run, luck, figures, log, unit, at + 1, now)


@piece
def await_step(
    plan: Numbers, run: Numbers, luck: Numbers, figures: Figures, log: Numbers, unit: int, at: int, now: int
) -> int:
    """Wait for a gate or a date that is not there yet; where it is, go on at once."""
    if plan[manner(plan, at) + OPERATION] == WAIT:
        gate, level = about(plan, at), more(plan, at)
        if run[run[LEVEL] + gate] < level:
            await_level(plan, run, gate, level, unit)
            return STAYS
    else:
        date = value(run, luck, figures, about(plan, at), FIRST_ATTEMPT)
        if date > now:
            schedule(plan, run, unit, date)
            return STAYS
    write(run, log, now, at, now)
    return at + 1


@piece
def act(plan: Numbers, run: Numbers, log: Numbers, at: int, now: int) -> int:
    """Perform a step that takes no time: give back, signal or leave a row."""
    operation, x = plan[manner(plan, at) + OPERATION], more(plan, at)
    if operation == FREE:
        x = about(plan, at)
        give(plan, run, x)
    elif operation == SIGNAL:
        signal(plan, run, about(plan, at), x, now)
    write(run, log, now, at, x)
    return at + 1


@piece
def jump(
    plan: Numbers, run: Numbers, luck: Numbers, figures: Figures, log: Numbers, unit: int, at: int, now: int
) -> int:
    """Decide whether to jump, and return the step to go on with; a unit that goes round for ever is stopped."""
    jumps, jumped = run[JUMPS] + unit, run[JUMPED] + unit
    run[jumps] = run[jumps] + 1 if run[jumped] == now else 1
    run[jumped] = now
    taken = decide(plan, run, luck, figures, at, now)
    write(run, log, now, at, taken)
    if run[jumps] > run[MOST_JUMPS]:
        run[FAULT], run[WHO] = JUMPS_FOR_EVER, unit
        return STAYS
    if run[ROWS] > run[MOST_ROWS] + 1:
        run[FAULT], run[WHO] = BUDGET_SPENT, unit
        return STAYS
    return at + plan[manner(plan, at) + OFFSET] if taken == 1 else at + 1


@piece
def decide(plan: Numbers, run: Numbers, luck: Numbers, figures: Figures, at: int, now: int) -> int:
    """Return 1 if a jump is taken: by chance, by a gate's level before this minute, or always."""
    way, watched = manner(plan, at), more(plan, at)
    gate, limit = watched >> HALF, plan[way + LIMIT]
    made = attempt(run, watched & LOWER)
    if 0 <= limit <= made:
        return 0
    if plan[way + DRAWN] == 1:
        return value(run, luck, figures, about(plan, at), made)
    if gate >= 0:
        return 1 if before(run, gate, now) >= plan[way + NEEDED] else 0
    return 1
