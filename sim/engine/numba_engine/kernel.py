"""The kernel of the compiled engine: one replication from its first minute to its last, without a Python object.

Read `simulate_minute` first: it is rule 1 of docs/engine.md. `follow_route` goes through the steps of one unit that take
no time, until it has to wait; `start_works` begins what was made ready in this minute and schedules its end.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from sim.engine.numba_engine.balances import balanced, look_at, minutes_of_balance
from sim.engine.numba_engine.calendars import arrival, finish, finish_whole
from sim.engine.numba_engine.event_queue import advance, is_due, pop_due, schedule
from sim.engine.numba_engine.memory_layout import (
    AREA,
    ASKED,
    AT,
    BALANCED_DATE,
    BEGUN,
    BUDGET_SPENT,
    CALENDAR,
    CLOCK,
    COUNTERS,
    CURVE_AT,
    CURVES,
    DRAWN,
    DUE,
    ENDLESS_JUMPS,
    FAULT,
    FAULT_UNIT,
    FINISHED,
    FIRST,
    HALF,
    INPUT,
    INPUTS,
    JUMPED,
    JUMPS,
    KNOWN,
    LEARNING,
    LEVEL,
    LIMIT,
    LOWER,
    MODE,
    MOST_JUMPS,
    MOST_ROWS,
    NEEDED,
    NEVER_FINISHED,
    NO_FAULT,
    NOW,
    OFFSET,
    ON,
    OPERATION,
    PENDING,
    PEOPLE,
    REACHED,
    READY,
    READY_SIZE,
    ROWS,
    SETS_OUT,
    SINCE,
    STARTING,
    STARTING_SIZE,
    UNITS,
    UNKNOWN,
    WHOLE_MINUTES,
    argument,
    attempt,
    extra,
    step_kind,
    unit_state,
    write,
)
from sim.engine.numba_engine.resources import (
    await_level,
    before,
    grant,
    pop,
    push,
    release_bundle,
    request_bundle,
    signal,
)
from sim.engine.numba_engine.sampling import minutes_left, value
from sim.jit.toolkit import Floats, FloatView, Ints, IntView, entry_point, float_view, inline, int_view, jit, prefetch
from sim.plan.compile import MODES
from sim.plan.vocabulary import AGAIN, FREE, HOLD, SIGNAL, UNTIL, WAIT, WORK

# --- works ------------------------------------------------------------------------------------------------------------


# factors are whole millionths and are applied in integers, so that no rounding of a float can move an end by a minute
MILLION = 1_000_000
PAUSING, WHOLE = MODES["pausing"], MODES["whole"]


@inline
def scaled(plan: IntView, minutes: int, curve: int, position: int) -> int:
    """Return minutes × the factor at a position of a curve (the last one stays), rounded half up."""
    # learning curves and areas are numbered through in one list: both are factors at a position
    curve_at = plan[CURVE_AT] + curve
    at = min(plan[curve_at] + position, plan[curve_at + 1] - 1)
    # everything twice: adding the half before a floor division rounds half up without a float
    return (2 * minutes * plan[plan[CURVES] + at] + MILLION) // (2 * MILLION)


@inline
def work_minutes(plan: IntView, run: IntView, draws: IntView, parameters: FloatView, at: int) -> int:
    """Return drawn minutes × learning × crowding, as they are at the start of the work."""
    kind_at, made = step_kind(plan, at), attempt(run, extra(plan, at))
    left = minutes_left(run, argument(plan, at))
    minutes = left if left >= 0 else value(run, draws, parameters, argument(plan, at), made)
    learning, area = plan[kind_at + LEARNING], plan[kind_at + AREA]
    # repeated work was learnt the first time: it neither gets quicker nor counts as another piece
    if learning >= 0 and made == 0:
        minutes = scaled(plan, minutes, learning, run[run[COUNTERS] + learning]) if left < 0 else left
        run[run[COUNTERS] + learning] += 1
    # those who begin crowd one another as well: counted before the factor is read, in the order of ranks
    if area >= 0:
        run[run[COUNTERS] + area] += plan[kind_at + PEOPLE]
        minutes = scaled(plan, minutes, area, run[run[COUNTERS] + area]) if left < 0 else left
    return minutes


@inline
def end_of_work(plan: IntView, run: IntView, timetable: IntView, at: int, now: int, minutes: int) -> int:
    """Return when work that begins now ends on its calendar, -1 if it never does."""
    kind_at = step_kind(plan, at)
    calendar, mode = plan[kind_at + ON], plan[kind_at + MODE]
    if mode == PAUSING:
        return finish(run, timetable, calendar, now, minutes)
    if mode == WHOLE:
        return finish_whole(run, timetable, calendar, now, minutes)
    return arrival(run, timetable, calendar, now, minutes)


@jit
def start_works(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, timetable: IntView, now: int
) -> None:
    """Start everyone who is ready to work, by rank."""
    while run[STARTING_SIZE] > 0 and run[FAULT] == NO_FAULT:
        unit = pop(run, run[STARTING], run[STARTING_SIZE])
        run[STARTING_SIZE] -= 1
        at = run[unit_state(run, unit) + AT]
        minutes = work_minutes(plan, run, draws, parameters, at)
        schedule_end(plan, run, timetable, unit, at, now, minutes)


@inline
def schedule_end(plan: IntView, run: IntView, timetable: IntView, unit: int, at: int, begin: int, minutes: int) -> None:
    """Schedule the end of work that begins or began then; at once where that is over."""
    # less than no minutes is refused in Python, in the words of the reference; it must only not reach a calendar
    minute = end_of_work(plan, run, timetable, at, begin, minutes) if minutes >= 0 else -1
    # closures that are not drawn yet may still move this end: the caller looks further ahead and simulates again
    if minute > timetable[plan[step_kind(plan, at) + ON] * CALENDAR + KNOWN]:
        run[FAULT], run[FAULT_UNIT], run[ASKED] = UNKNOWN, unit, minute
    elif minute >= begin:
        schedule(plan, run, unit, max(minute, run[CLOCK]))
    else:
        run[FAULT], run[FAULT_UNIT], run[ASKED] = NEVER_FINISHED, unit, minutes


# --- routes -----------------------------------------------------------------------------------------------------------


FIRST_ATTEMPT = cast(int, np.int64(0))
"""Not a plain 0: numba would compile everything behind it once more for that one number."""
STAYS = -1
"""Instead of the next step: the unit has to wait where it is."""


@jit
def follow_route(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, log: IntView, unit: int, at: int, now: int
) -> None:
    """Follow a unit's route from step `at` on until it has to wait or the route ends."""
    end = plan[plan[FIRST] + unit + 1]
    to = at
    while to != STAYS and to < end:
        at = to
        operation = plan[step_kind(plan, at) + OPERATION]
        if operation == HOLD:
            request_bundle(plan, run, unit, at, now, 0)
            to = STAYS
        elif operation == WORK:
            # it is drawn once this minute has settled; by then the memory has brought it near
            prefetch(draws, draws[INPUTS] + argument(plan, at) * INPUT)
            push(run, run[STARTING], run[STARTING_SIZE], unit)
            run[STARTING_SIZE] += 1
            to = STAYS
        # operations are numbered so that the two that may wait for long are neighbours
        elif WAIT <= operation <= UNTIL:
            to = await_step(plan, run, draws, parameters, log, unit, at, now)
        elif operation == AGAIN:
            to = jump(plan, run, draws, parameters, log, unit, at, now)
        else:
            to = act(plan, run, log, at, now)
    mine = unit_state(run, unit)
    # one behind the last step: by this a unit at its end differs from one that is stuck
    run[mine + AT] = at if to == STAYS else end
    run[mine + BEGUN] = now


@inline
def resume(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, log: IntView, unit: int, now: int
) -> None:
    """Complete the step at which a unit has waited or worked, and go on."""
    mine = unit_state(run, unit)
    at = run[mine + AT]
    kind_at = step_kind(plan, at)
    # only works have an area; works begin after all completions of a minute, so the order among these is free
    if plan[kind_at + AREA] >= 0:
        run[run[COUNTERS] + plan[kind_at + AREA]] -= plan[kind_at + PEOPLE]
    elif plan[kind_at + AREA] == BALANCED_DATE and not balanced(plan, run, unit, at, now):
        return
    # before the steps it leads to: a unit's rows stand in the order of its route
    write(run, log, now, at, run[mine + BEGUN])
    follow_route(plan, run, draws, parameters, log, unit, at + 1, now)


@inline
def await_step(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, log: IntView, unit: int, at: int, now: int
) -> int:
    """Wait for a gate or a date that is not there yet; where it is, go on at once."""
    if plan[step_kind(plan, at) + OPERATION] == WAIT:
        gate, level = argument(plan, at), extra(plan, at)
        # the level of now: who comes later in this minute is let through as well, so the order does not matter
        if run[run[LEVEL] + gate] < level:
            await_level(plan, run, gate, level, unit)
            return STAYS
    else:
        date = value(run, draws, parameters, argument(plan, at), FIRST_ATTEMPT)
        if plan[step_kind(plan, at) + AREA] == BALANCED_DATE:
            look_at(plan, run, unit, at, max(date, now) + minutes_of_balance(plan, at))
            return STAYS
        if date > now:
            schedule(plan, run, unit, date)
            return STAYS
    write(run, log, now, at, now)
    return at + 1


@inline
def act(plan: IntView, run: IntView, log: IntView, at: int, now: int) -> int:
    """Carry out a step that takes no time: give back, signal or note."""
    operation, detail = plan[step_kind(plan, at) + OPERATION], extra(plan, at)
    if operation == FREE:
        detail = argument(plan, at)
        release_bundle(plan, run, detail, now)
    elif operation == SIGNAL:
        signal(plan, run, argument(plan, at), detail, now)
    write(run, log, now, at, detail)
    return at + 1


@inline
def jump(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, log: IntView, unit: int, at: int, now: int
) -> int:
    """Decide whether to jump, and return the step to go on with; a unit that goes round for ever is stopped."""
    # who goes round without end in a minute must jump, so jumps are all there is to count
    jumps, jumped = run[JUMPS] + unit, run[JUMPED] + unit
    run[jumps] = run[jumps] + 1 if run[jumped] == now else 1
    run[jumped] = now
    taken = decide(plan, run, draws, parameters, at, now)
    write(run, log, now, at, taken)
    if run[jumps] > run[MOST_JUMPS]:
        run[FAULT], run[FAULT_UNIT] = ENDLESS_JUMPS, unit
        return STAYS
    # the row of this jump stands already; the reference counts before it writes its row
    if run[ROWS] > run[MOST_ROWS] + 1:
        run[FAULT], run[FAULT_UNIT] = BUDGET_SPENT, unit
        return STAYS
    return at + plan[step_kind(plan, at) + OFFSET] if taken == 1 else at + 1


@inline
def decide(plan: IntView, run: IntView, draws: IntView, parameters: FloatView, at: int, now: int) -> int:
    """Return 1 if a jump is taken: by chance, by a gate's level before this minute, or always."""
    kind_at, watched = step_kind(plan, at), extra(plan, at)
    gate, limit = watched >> HALF, plan[kind_at + LIMIT]
    # counted whether or not it is used: the number of the attempt is part of the counter of its random number
    made = attempt(run, watched & LOWER)
    if 0 <= limit <= made:
        return 0
    if plan[kind_at + DRAWN] == 1:
        return value(run, draws, parameters, argument(plan, at), made)
    # the level before this minute: unlike a wait, a choice would depend on the order of units within it
    if gate >= 0:
        return 1 if before(run, gate, now) >= plan[kind_at + NEEDED] else 0
    return 1


# --- kernel -----------------------------------------------------------------------------------------------------------


@inline
def settle(plan: IntView, run: IntView, draws: IntView, parameters: FloatView, log: IntView, now: int) -> None:
    """Complete everything that is due, and let units go on until none can."""
    if is_due(run, now):
        pop_due(plan, run, now)
    while run[READY_SIZE] > 0 and run[FAULT] == NO_FAULT:
        # last in, first out costs least; the order within a minute only moves rows, which `canonical` sorts
        run[READY_SIZE] -= 1
        resume(plan, run, draws, parameters, log, run[run[READY] + run[READY_SIZE]], now)


@inline
def simulate_minute(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, timetable: IntView, log: IntView, now: int
) -> None:
    """Simulate a minute: completions, then grants, again until nothing is granted; then works begin."""
    while run[FAULT] == NO_FAULT:
        settle(plan, run, draws, parameters, log, now)
        # grants before works: who is granted something may begin in this minute, and crowds with all others who do
        if run[DUE] != 0:
            grant(plan, run, now)
            continue
        start_works(plan, run, draws, parameters, timetable, now)
        # work of no minutes ends in the minute in which it began, and may let others go on
        if not is_due(run, now):
            return


@inline
def start_routes(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, timetable: IntView, log: IntView, now: int
) -> None:
    """Have every unit set out on its route, or go on with the step that it began before this run."""
    for unit in range(plan[UNITS]):
        mine = unit_state(run, unit)
        if run[mine + BEGUN] == SETS_OUT:
            follow_route(plan, run, draws, parameters, log, unit, run[mine + AT], now)
        else:
            go_on(plan, run, draws, parameters, timetable, unit, now)


@jit
def go_on(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, timetable: IntView, unit: int, now: int
) -> None:
    """Have a unit wait for, or work on, the step that it began before this run (rule 13)."""
    mine = unit_state(run, unit)
    at, begun = run[mine + AT], run[mine + BEGUN]
    kind_at = step_kind(plan, at)
    operation = plan[kind_at + OPERATION]
    if operation == HOLD:
        request_bundle(plan, run, unit, at, begun, 1)
    elif operation == WORK:
        # read before they are written over: both share the unit's places with its slot in the event queue
        since, minutes = run[mine + SINCE], run[mine + WHOLE_MINUTES]
        schedule_end(plan, run, timetable, unit, at, since, minutes)
        # a calendar is read forward from where it was read last; the next unit may have begun earlier
        run[run[REACHED] + plan[kind_at + ON]] = 0
    elif operation == UNTIL and plan[kind_at + AREA] == BALANCED_DATE:
        date = max(begun, value(run, draws, parameters, argument(plan, at), FIRST_ATTEMPT))
        look_at(plan, run, unit, at, max(now, date + minutes_of_balance(plan, at)))
    elif operation == UNTIL:
        schedule(plan, run, unit, max(now, value(run, draws, parameters, argument(plan, at), FIRST_ATTEMPT)))
    elif run[run[LEVEL] + argument(plan, at)] < extra(plan, at):
        await_level(plan, run, argument(plan, at), extra(plan, at), unit)
    else:
        schedule(plan, run, unit, now)


@inline
def finished(run: IntView) -> bool:
    """Whether the project is finished, or no unit can go on."""
    return run[FAULT] != NO_FAULT or run[FINISHED] != 0 or run[PENDING] == 0


@entry_point
def run_kernel(plan_: Ints, run_: Ints, draws_: Ints, parameters_: Floats, timetable_: Ints, log_: Ints) -> int:
    """Simulate a plan in arrays of these layouts until it is finished; return the fault that ended it, or NO_FAULT."""
    # views have no bounds and no reference counts; the arrays are kept alive by the caller
    plan, run, draws = int_view(plan_), int_view(run_), int_view(draws_)
    parameters, timetable, log = float_view(parameters_), int_view(timetable_), int_view(log_)
    now = run[CLOCK]
    start_routes(plan, run, draws, parameters, timetable, log, now)
    while True:
        simulate_minute(plan, run, draws, parameters, timetable, log, now)
        # looked at between minutes only: what else happens in the last minute belongs to the log
        if finished(run):
            break
        now = advance(run)
    run[NOW] = now
    return run[FAULT]
