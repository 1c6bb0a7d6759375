"""The kernel of the compiled engine: one replication from its first minute to its last, without a Python object.

Read `simulate_minute` first, the order of events in a minute. `follow_route` goes through the steps of one unit that take
no time, until it has to wait; `start_works` begins the works that became ready in this minute and schedules their ends.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from sim.engine.numba_engine.calendars import end_of_drive, finish, finish_whole
from sim.engine.numba_engine.event_queue import advance, is_due, pop_due, schedule
from sim.engine.numba_engine.memory_layout import (
    AREA,
    BEGUN_AT,
    BEYOND_KNOWN,
    CALENDAR_SIZE,
    CLOCK,
    COUNTERS,
    CURRENT_STEP,
    CURVE_AT,
    CURVES,
    DRAWN,
    ENDLESS_JUMPS,
    FAULT,
    FAULT_DETAIL,
    FAULT_UNIT,
    FINISHED,
    FIRST,
    GRANT_DUE,
    HALF,
    INPUT_SIZE,
    INPUTS,
    JUMPS,
    JUMPS_MINUTE,
    KNOWN,
    LAST_MINUTE,
    LEARNING,
    LEVEL,
    LIMIT,
    LOWER,
    MAX_JUMPS,
    MAX_ROWS,
    MODE,
    NEEDED,
    NET_LEVEL_DATE,
    NEVER_FINISHED,
    NO_FAULT,
    NOT_BEGUN,
    OFFSET,
    OPERATION,
    PENDING,
    PEOPLE,
    REACHED,
    READY,
    READY_SIZE,
    ROWS,
    SINCE,
    STARTING,
    STARTING_SIZE,
    TOO_MANY_EVENTS,
    TOTAL_MINUTES,
    UNITS,
    WORK_CALENDAR,
    argument,
    count_attempt,
    second_argument,
    step_record,
    unit_state,
    write_log_row,
)
from sim.engine.numba_engine.net_levels import check_net_level_at, net_level_holds, net_level_minutes
from sim.engine.numba_engine.resources import (
    await_level,
    grant,
    level_before,
    pop,
    push,
    release_bundle,
    request_bundle,
    signal,
)
from sim.engine.numba_engine.sampling import input_value, interrupted_minutes
from sim.jit.toolkit import Floats, FloatView, Ints, IntView, entry_point, float_view, inline, int_view, jit, prefetch
from sim.plan.compiled_plan import MODES
from sim.plan.vocabulary import FREE, HOLD, JUMP, SIGNAL, UNTIL, WAIT, WORK

# --- works ------------------------------------------------------------------------------------------------------------


# factors are whole millionths and are applied in integers, so that no rounding of a float can move an end by a minute
MILLION = 1_000_000
PAUSING, WHOLE = MODES["pausing"], MODES["whole"]


@inline
def scaled(plan: IntView, minutes: int, curve: int, position: int) -> int:
    """Return minutes × the factor at a position of a curve, or its last factor beyond its end, rounded half up."""
    # learning curves and areas are numbered through in one list: both are factors at a position
    curve_at = plan[CURVE_AT] + curve
    entry = min(plan[curve_at] + position, plan[curve_at + 1] - 1)
    # everything twice: adding the half before a floor division rounds half up without a float
    return (2 * minutes * plan[plan[CURVES] + entry] + MILLION) // (2 * MILLION)


@inline
def work_minutes(plan: IntView, run: IntView, draws: IntView, parameters: FloatView, step: int) -> int:
    """Return drawn minutes × learning × crowding at the start of the work, or what remains of interrupted work."""
    record_at, attempt = step_record(plan, step), count_attempt(run, second_argument(plan, step))
    remaining = interrupted_minutes(run, argument(plan, step))
    minutes = remaining if remaining >= 0 else input_value(run, draws, parameters, argument(plan, step), attempt)
    learning, area = plan[record_at + LEARNING], plan[record_at + AREA]
    # repeated work was learnt the first time: it neither gets quicker nor counts as another piece
    if learning >= 0 and attempt == 0:
        minutes = scaled(plan, minutes, learning, run[run[COUNTERS] + learning]) if remaining < 0 else remaining
        run[run[COUNTERS] + learning] += 1
    # those who begin crowd one another as well: counted before the factor is read, in the order of ranks
    if area >= 0:
        run[run[COUNTERS] + area] += plan[record_at + PEOPLE]
        minutes = scaled(plan, minutes, area, run[run[COUNTERS] + area]) if remaining < 0 else remaining
    return minutes


@inline
def end_of_work(plan: IntView, run: IntView, calendars: IntView, step: int, now: int, minutes: int) -> int:
    """Return the minute at which work that begins now ends on its calendar, -1 if it never does."""
    record_at = step_record(plan, step)
    calendar, mode = plan[record_at + WORK_CALENDAR], plan[record_at + MODE]
    if mode == PAUSING:
        return finish(run, calendars, calendar, now, minutes)
    if mode == WHOLE:
        return finish_whole(run, calendars, calendar, now, minutes)
    return end_of_drive(run, calendars, calendar, now, minutes)


@jit
def start_works(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, calendars: IntView, now: int
) -> None:
    """Start the works of all units that are ready for it, in the order of their ranks, and schedule their ends."""
    while run[STARTING_SIZE] > 0 and run[FAULT] == NO_FAULT:
        unit = pop(run, run[STARTING], run[STARTING_SIZE])
        run[STARTING_SIZE] -= 1
        step = run[unit_state(run, unit) + CURRENT_STEP]
        minutes = work_minutes(plan, run, draws, parameters, step)
        schedule_end(plan, run, calendars, unit, step, now, minutes)


@inline
def schedule_end(
    plan: IntView, run: IntView, calendars: IntView, unit: int, step: int, begin: int, minutes: int
) -> None:
    """Schedule the end of work that begins, or began, at a minute: at its end, or now where that end has passed."""
    # Python reports negative minutes with the reference engine's message; here they only must not reach a calendar
    minute = end_of_work(plan, run, calendars, step, begin, minutes) if minutes >= 0 else -1
    # closures that are not drawn yet may still move this end: the caller draws them and simulates again
    if minute > calendars[plan[step_record(plan, step) + WORK_CALENDAR] * CALENDAR_SIZE + KNOWN]:
        run[FAULT], run[FAULT_UNIT], run[FAULT_DETAIL] = BEYOND_KNOWN, unit, minute
    elif minute >= begin:
        schedule(plan, run, unit, max(minute, run[CLOCK]))
    else:
        run[FAULT], run[FAULT_UNIT], run[FAULT_DETAIL] = NEVER_FINISHED, unit, minutes


# --- routes -----------------------------------------------------------------------------------------------------------


FIRST_ATTEMPT = cast(int, np.int64(0))
"""Not a plain 0: numba would compile everything behind it once more for that one number."""
STAYS = -1
"""In place of the next step: the unit has to wait at this one."""


@jit
def follow_route(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, log: IntView, unit: int, step: int, now: int
) -> None:
    """Follow a unit's route from a step on until it has to wait or the route ends."""
    end = plan[plan[FIRST] + unit + 1]
    next_step = step
    while next_step != STAYS and next_step < end:
        step = next_step
        operation = plan[step_record(plan, step) + OPERATION]
        if operation == HOLD:
            request_bundle(plan, run, unit, step, now, 0)
            next_step = STAYS
        elif operation == WORK:
            # it is drawn once this minute has settled; by then the memory has brought it near
            prefetch(draws, draws[INPUTS] + argument(plan, step) * INPUT_SIZE)
            push(run, run[STARTING], run[STARTING_SIZE], unit)
            run[STARTING_SIZE] += 1
            next_step = STAYS
        # operations are numbered so that the two that may wait for long are neighbours
        elif WAIT <= operation <= UNTIL:
            next_step = await_gate_or_date(plan, run, draws, parameters, log, unit, step, now)
        elif operation == JUMP:
            next_step = jump(plan, run, draws, parameters, log, unit, step, now)
        else:
            next_step = perform_instant_step(plan, run, log, step, now)
    state = unit_state(run, unit)
    # at its end the step is one past the last: so it differs from a unit that is stuck
    run[state + CURRENT_STEP] = step if next_step == STAYS else end
    run[state + BEGUN_AT] = now


@inline
def complete_step(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, log: IntView, unit: int, now: int
) -> None:
    """Complete the step at which a unit has waited or worked, and follow its route from there."""
    state = unit_state(run, unit)
    step = run[state + CURRENT_STEP]
    record_at = step_record(plan, step)
    # only works have an area; works begin after all completions of a minute, so the order among these is free
    if plan[record_at + AREA] >= 0:
        run[run[COUNTERS] + plan[record_at + AREA]] -= plan[record_at + PEOPLE]
    elif plan[record_at + AREA] == NET_LEVEL_DATE and not net_level_holds(plan, run, unit, step, now):
        return
    # before the steps it leads to: a unit's rows stand in the order of its route
    write_log_row(run, log, now, step, run[state + BEGUN_AT])
    follow_route(plan, run, draws, parameters, log, unit, step + 1, now)


@inline
def await_gate_or_date(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, log: IntView, unit: int, step: int, now: int
) -> int:
    """Put a unit in the queue of its gate, or schedule its date; return the next step where it need not wait."""
    if plan[step_record(plan, step) + OPERATION] == WAIT:
        gate, level = argument(plan, step), second_argument(plan, step)
        # the level of now: a unit that comes later in this minute is let through as well, so their order does not matter
        if run[run[LEVEL] + gate] < level:
            await_level(plan, run, gate, level, unit)
            return STAYS
    else:
        date = input_value(run, draws, parameters, argument(plan, step), FIRST_ATTEMPT)
        if plan[step_record(plan, step) + AREA] == NET_LEVEL_DATE:
            check_net_level_at(plan, run, unit, step, max(date, now) + net_level_minutes(plan, step))
            return STAYS
        if date > now:
            schedule(plan, run, unit, date)
            return STAYS
    write_log_row(run, log, now, step, now)
    return step + 1


@inline
def perform_instant_step(plan: IntView, run: IntView, log: IntView, step: int, now: int) -> int:
    """Perform a free, signal or note, and return the next step."""
    operation, detail = plan[step_record(plan, step) + OPERATION], second_argument(plan, step)
    if operation == FREE:
        detail = argument(plan, step)
        release_bundle(plan, run, detail, now)
    elif operation == SIGNAL:
        signal(plan, run, argument(plan, step), detail, now)
    write_log_row(run, log, now, step, detail)
    return step + 1


@inline
def jump(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, log: IntView, unit: int, step: int, now: int
) -> int:
    """Decide whether to jump, and return the next step; a unit that loops for ever within a minute is stopped."""
    # a unit that loops without end must jump, so jumps are all there is to count
    jumps, jumps_minute = run[JUMPS] + unit, run[JUMPS_MINUTE] + unit
    run[jumps] = run[jumps] + 1 if run[jumps_minute] == now else 1
    run[jumps_minute] = now
    taken = decide(plan, run, draws, parameters, step, now)
    write_log_row(run, log, now, step, taken)
    if run[jumps] > run[MAX_JUMPS]:
        run[FAULT], run[FAULT_UNIT] = ENDLESS_JUMPS, unit
        return STAYS
    # the row of this jump is in the log already; the SimPy engine counts before it writes its row
    if run[ROWS] > run[MAX_ROWS] + 1:
        run[FAULT], run[FAULT_UNIT] = TOO_MANY_EVENTS, unit
        return STAYS
    return step + plan[step_record(plan, step) + OFFSET] if taken == 1 else step + 1


@inline
def decide(plan: IntView, run: IntView, draws: IntView, parameters: FloatView, step: int, now: int) -> int:
    """Return 1 if a jump is taken: by chance, by a gate's level before this minute, or always."""
    record_at, gate_and_slot = step_record(plan, step), second_argument(plan, step)
    gate, limit = gate_and_slot >> HALF, plan[record_at + LIMIT]
    # counted whether or not it is used: the number of the attempt is part of the counter of its random number
    attempt = count_attempt(run, gate_and_slot & LOWER)
    if 0 <= limit <= attempt:
        return 0
    if plan[record_at + DRAWN] == 1:
        return input_value(run, draws, parameters, argument(plan, step), attempt)
    # the level before this minute: unlike a wait, a choice would depend on the order of units within it
    if gate >= 0:
        return 1 if level_before(run, gate, now) >= plan[record_at + NEEDED] else 0
    return 1


# --- kernel -----------------------------------------------------------------------------------------------------------


@inline
def complete_due(plan: IntView, run: IntView, draws: IntView, parameters: FloatView, log: IntView, now: int) -> None:
    """Complete all steps that are due, and let units go on until none can."""
    if is_due(run, now):
        pop_due(plan, run, now)
    while run[READY_SIZE] > 0 and run[FAULT] == NO_FAULT:
        # last in, first out costs least; the order within a minute only moves rows, which `canonical` sorts
        run[READY_SIZE] -= 1
        complete_step(plan, run, draws, parameters, log, run[run[READY] + run[READY_SIZE]], now)


@inline
def simulate_minute(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, calendars: IntView, log: IntView, now: int
) -> None:
    """Simulate a minute: completions, then grants, repeated until nothing is granted; then works begin."""
    while run[FAULT] == NO_FAULT:
        complete_due(plan, run, draws, parameters, log, now)
        # grants before works: a unit that is granted its crews begins in this minute, and crowds with all others that do
        if run[GRANT_DUE] != 0:
            grant(plan, run, now)
            continue
        start_works(plan, run, draws, parameters, calendars, now)
        # work of no minutes ends in the minute in which it began, and may let others go on
        if not is_due(run, now):
            return


@inline
def start_routes(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, calendars: IntView, log: IntView, now: int
) -> None:
    """Start every unit on its route, or in the step that it had begun before this run."""
    for unit in range(plan[UNITS]):
        state = unit_state(run, unit)
        if run[state + BEGUN_AT] == NOT_BEGUN:
            follow_route(plan, run, draws, parameters, log, unit, run[state + CURRENT_STEP], now)
        else:
            continue_step(plan, run, draws, parameters, calendars, unit, now)


@jit
def continue_step(
    plan: IntView, run: IntView, draws: IntView, parameters: FloatView, calendars: IntView, unit: int, now: int
) -> None:
    """Put a unit into the queue, or schedule the end, of the step that it had begun before this run."""
    state = unit_state(run, unit)
    step, begun = run[state + CURRENT_STEP], run[state + BEGUN_AT]
    record_at = step_record(plan, step)
    operation = plan[record_at + OPERATION]
    if operation == HOLD:
        request_bundle(plan, run, unit, step, begun, 1)
    elif operation == WORK:
        # read before they are written over: both share the unit's places with its slot in the event queue
        since, minutes = run[state + SINCE], run[state + TOTAL_MINUTES]
        schedule_end(plan, run, calendars, unit, step, since, minutes)
        # a calendar is read forward from where it was read last; the next unit may have begun earlier
        run[run[REACHED] + plan[record_at + WORK_CALENDAR]] = 0
    elif operation == UNTIL and plan[record_at + AREA] == NET_LEVEL_DATE:
        date = max(begun, input_value(run, draws, parameters, argument(plan, step), FIRST_ATTEMPT))
        check_net_level_at(plan, run, unit, step, max(now, date + net_level_minutes(plan, step)))
    elif operation == UNTIL:
        schedule(plan, run, unit, max(now, input_value(run, draws, parameters, argument(plan, step), FIRST_ATTEMPT)))
    elif run[run[LEVEL] + argument(plan, step)] < second_argument(plan, step):
        await_level(plan, run, argument(plan, step), second_argument(plan, step), unit)
    else:
        schedule(plan, run, unit, now)


@inline
def is_over(run: IntView) -> bool:
    """Return whether the run is over: the project is finished, or no unit can go on, or a fault has occurred."""
    return run[FAULT] != NO_FAULT or run[FINISHED] != 0 or run[PENDING] == 0


@entry_point
def run_kernel(plan_: Ints, run_: Ints, draws_: Ints, parameters_: Floats, calendars_: Ints, log_: Ints) -> int:
    """Simulate a plan in arrays as of `memory_layout` until the run is over; return the fault that ended it, or NO_FAULT."""
    # views have no bounds and no reference counts; the arrays are kept alive by the caller
    plan, run, draws = int_view(plan_), int_view(run_), int_view(draws_)
    parameters, calendars, log = float_view(parameters_), int_view(calendars_), int_view(log_)
    now = run[CLOCK]
    start_routes(plan, run, draws, parameters, calendars, log, now)
    while True:
        simulate_minute(plan, run, draws, parameters, calendars, log, now)
        # looked at between minutes only: what else happens in the last minute belongs to the log
        if is_over(run):
            break
        now = advance(run)
    run[LAST_MINUTE] = now
    return run[FAULT]
