"""Work in the kernel: how long it lasts, when it ends, and the event of its end."""

from __future__ import annotations

from sim.engine.compiled.arrays import (
    AREA,
    ASKED,
    AT,
    CALENDAR,
    COMING,
    COUNTERS,
    CURVE_AT,
    CURVES,
    FAULT,
    KNOWN,
    LEARNING,
    MINUTE_BITS,
    MODE,
    NEVER_DONE,
    ON,
    PEOPLE,
    STARTING,
    STARTING_SIZE,
    TOO_FAR,
    UNKNOWN,
    WELL,
    WHO,
)
from sim.engine.compiled.driving import arrival
from sim.engine.compiled.fortune import value
from sim.engine.compiled.heap import pop
from sim.engine.compiled.hours import finish, finish_whole
from sim.engine.compiled.steps import about, attempt, manner, more, standing
from sim.engine.compiled.wheel import come_back
from sim.machine.jit import part, piece
from sim.machine.numbers import Figures, Numbers
from sim.plan.compile import MODES

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
