"""Following a route in the kernel: steps that take no time are performed at once, until one has to wait.

Work in the kernel: how long it lasts, when it ends, and the event of its end.

Which sources the kernel is made of: machine code of other sources must never be used.

The kernel: one replication from its first minute to its last, without a Python object.

Read `play` first: it is rule 1 of the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from inspect import getsource
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np

from sim.engine.numba_engine.calendars import arrival, finish, finish_whole
from sim.engine.numba_engine.event_queue import arrive, come_back, due, turn
from sim.engine.numba_engine.memory_layout import (
    AREA,
    ASKED,
    AT,
    BEGUN,
    BUDGET_SPENT,
    CALENDAR,
    COMING,
    COUNTERS,
    CURVE_AT,
    CURVES,
    DRAWN,
    DUE,
    FAULT,
    FIRST,
    HALF,
    INPUT,
    INPUTS,
    JUMPED,
    JUMPS,
    JUMPS_FOR_EVER,
    KNOWN,
    LEARNING,
    LEVEL,
    LIMIT,
    LOG_FULL,
    LOWER,
    MINUTE_BITS,
    MODE,
    MOST_JUMPS,
    MOST_ROWS,
    NEEDED,
    NEVER_DONE,
    NOW,
    OFFSET,
    ON,
    OPEN,
    OPERATION,
    PEOPLE,
    READY,
    READY_SIZE,
    ROOM,
    ROWS,
    STARTING,
    STARTING_SIZE,
    TOO_FAR,
    UNITS,
    UNKNOWN,
    WELL,
    WHO,
    about,
    attempt,
    manner,
    more,
    standing,
)
from sim.engine.numba_engine.resources import ask, await_level, before, give, grant, pop, push, signal
from sim.engine.numba_engine.sampling import value
from sim.jit import toolkit as jit
from sim.jit.toolkit import Figures, Floats, Ints, Numbers, fetch, figures_of, numbers_of, part, piece, whole
from sim.plan import compile as compiling
from sim.plan import draws as inputs
from sim.plan import vocabulary as events
from sim.plan.compile import MODES
from sim.plan.vocabulary import AGAIN, FREE, HOLD, SIGNAL, UNTIL, WAIT, WORK
from sim.world import roads as driving
from sim.world.randomness import quantile_tables as quantiles

# --- works ------------------------------------------------------------------------------------------------------------


MILLION = 1_000_000
PAUSING, WHOLE = MODES["pausing"], MODES["whole"]


@piece
def scaled(plan: Numbers, minutes: int, curve: int, position: int) -> int:
    """Return minutes × the factor at a position of a curve (the last one stays), rounded half up."""
    curve_at = plan[CURVE_AT] + curve
    at = min(plan[curve_at] + position, plan[curve_at + 1] - 1)
    return (2 * minutes * plan[plan[CURVES] + at] + MILLION) // (2 * MILLION)


@piece
def lasting(plan: Numbers, run: Numbers, luck: Numbers, figures: Figures, at: int) -> int:
    """Return drawn minutes × learning × crowding, as they are at the start of the work."""
    way, made = manner(plan, at), attempt(run, more(plan, at))
    minutes = value(run, luck, figures, about(plan, at), made)
    learning, area = plan[way + LEARNING], plan[way + AREA]
    if learning >= 0 and made == 0:
        minutes = scaled(plan, minutes, learning, run[run[COUNTERS] + learning])
        run[run[COUNTERS] + learning] += 1
    if area >= 0:
        run[run[COUNTERS] + area] += plan[way + PEOPLE]
        minutes = scaled(plan, minutes, area, run[run[COUNTERS] + area])
    return minutes


@piece
def ending(plan: Numbers, run: Numbers, hours: Numbers, at: int, now: int, minutes: int) -> int:
    """Return when work that begins now ends on its calendar, -1 if it never does."""
    way = manner(plan, at)
    calendar, mode = plan[way + ON], plan[way + MODE]
    if mode == PAUSING:
        return finish(run, hours, calendar, now, minutes)
    if mode == WHOLE:
        return finish_whole(run, hours, calendar, now, minutes)
    return arrival(run, hours, calendar, now, minutes)


@part
def schedule(plan: Numbers, run: Numbers, unit: int, minute: int) -> None:
    """Have a unit go on at a later minute."""
    if minute >> plan[MINUTE_BITS] == 0:
        come_back(run, unit, minute)
        run[COMING] += 1
    else:
        run[FAULT], run[WHO] = TOO_FAR, unit


@part
def start(plan: Numbers, run: Numbers, luck: Numbers, figures: Figures, hours: Numbers, now: int) -> None:
    """Start everyone who is ready to work, by rank."""
    while run[STARTING_SIZE] > 0 and run[FAULT] == WELL:
        unit = pop(run, run[STARTING], run[STARTING_SIZE])
        run[STARTING_SIZE] -= 1
        at = run[standing(run, unit) + AT]
        minutes = lasting(plan, run, luck, figures, at)
        minute = ending(plan, run, hours, at, now, minutes) if minutes >= 0 else -1
        if minute > hours[plan[manner(plan, at) + ON] * CALENDAR + KNOWN]:
            run[FAULT], run[WHO], run[ASKED] = UNKNOWN, unit, minute
        elif minute >= now:
            schedule(plan, run, unit, minute)
        else:
            run[FAULT], run[WHO], run[ASKED] = NEVER_DONE, unit, minutes


# --- routes -----------------------------------------------------------------------------------------------------------


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


# --- sources ----------------------------------------------------------------------------------------------------------


def fingerprint() -> str:
    """Return a digest of all sources of the kernel: this package, and the modules whose pieces and constants it knows.

    Numba notices a change only in the file in which the outermost function stands.
    """
    digest = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    for module in (events, jit, compiling, inputs, quantiles, driving):
        digest.update(getsource(module).encode())
    return digest.hexdigest()


# --- kernel -----------------------------------------------------------------------------------------------------------


Kernel: TypeAlias = Callable[[Ints, Ints, Ints, Floats, Ints, Ints], int]


@piece
def settle(plan: Numbers, run: Numbers, luck: Numbers, figures: Figures, log: Numbers, now: int) -> None:
    """Complete everything that is due, and let units go on until none can."""
    if due(run, now):
        arrive(plan, run, now)
    while run[READY_SIZE] > 0 and run[FAULT] == WELL:
        run[READY_SIZE] -= 1
        resume(plan, run, luck, figures, log, run[run[READY] + run[READY_SIZE]], now)


@piece
def play(plan: Numbers, run: Numbers, luck: Numbers, figures: Figures, hours: Numbers, log: Numbers, now: int) -> None:
    """Play out a minute: completions, then grants, again until nothing is granted; then works begin."""
    while run[FAULT] == WELL:
        settle(plan, run, luck, figures, log, now)
        if run[DUE] != 0:
            grant(plan, run, now)
            continue
        start(plan, run, luck, figures, hours, now)
        if not due(run, now):
            return


@piece
def begin(plan: Numbers, run: Numbers, luck: Numbers, figures: Figures, log: Numbers, now: int) -> None:
    """Have every unit set out on its route."""
    for unit in range(plan[UNITS]):
        follow(plan, run, luck, figures, log, unit, plan[plan[FIRST] + unit], now)


@piece
def over(run: Numbers) -> bool:
    """Whether the project is finished, or nobody can go on."""
    return run[FAULT] != WELL or run[OPEN] != 0 or run[COMING] == 0


def _outermost(source: str) -> Kernel:
    """Make the kernel; that `source` is part of it keeps machine code of other sources from being used."""

    @whole
    def run_kernel(plan_: Ints, run_: Ints, luck_: Ints, figures_: Floats, hours_: Ints, log_: Ints) -> int:
        """Perform a plan in arrays of these layouts until it is over; return what went wrong."""
        plan, run, luck = numbers_of(plan_), numbers_of(run_), numbers_of(luck_)
        figures, hours, log = figures_of(figures_), numbers_of(hours_), numbers_of(log_)
        now = len(source) * 0
        begin(plan, run, luck, figures, log, now)
        while True:
            play(plan, run, luck, figures, hours, log, now)
            if over(run):
                break
            now = turn(run)
        run[NOW] = now
        return run[FAULT]

    return run_kernel


run_kernel = _outermost(fingerprint())
