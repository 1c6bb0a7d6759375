"""Working time in the kernel: when work ends on a calendar of open stretches.

Says the same as `sim.world.calendars`. The clock only moves forward, so a run remembers how far it has read each
calendar, and a search begins there with steps that double. An answer of -1 means that the calendar has none.
"""

from __future__ import annotations

from sim.engine.compiled.arrays import CALENDAR, DONE, ENDS, LONGEST, REACHED, STARTS, STRETCHES
from sim.machine.jit import part, piece
from sim.machine.numbers import Numbers


@part
def beyond(rising: Numbers, base: int, low: int, end: int, value: int) -> int:
    """Return the first place in [low, end] whose number, `base` places on, is above `value`; none before is."""
    high, stride = low, 1
    while high < end and rising[base + high] <= value:
        low = high + 1
        high += stride
        stride *= 2
    high = min(high, end)
    while low < high:
        middle = (low + high) >> 1
        if rising[base + middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low


@piece
def begun(run: Numbers, hours: Numbers, calendar: int, now: int) -> int:
    """Return how many stretches have begun by now, and remember it."""
    at, reached = calendar * CALENDAR, run[REACHED] + calendar
    run[reached] = beyond(hours, hours[at + STARTS], run[reached], hours[at + STRETCHES], now)
    return run[reached]


@piece
def finish(run: Numbers, hours: Numbers, calendar: int, now: int, minutes: int) -> int:
    """Return when `minutes` of work begun now are done, pausing while the calendar is closed."""
    if minutes == 0:
        return now
    at = calendar * CALENDAR
    ends, done, stretches = hours[at + ENDS], hours[at + DONE], hours[at + STRETCHES]
    place = begun(run, hours, calendar, now)
    target = minutes
    if place > 0:
        place -= 1
        target += hours[done + place] - max(hours[ends + place] - now, 0)
    place = beyond(hours, done, place, stretches, target - 1)
    if place == stretches:
        return -1
    return hours[ends + place] - (hours[done + place] - target)


@piece
def finish_whole(run: Numbers, hours: Numbers, calendar: int, now: int, minutes: int) -> int:
    """Return when `minutes` in one piece are done, in the first stretch that is long enough from now on."""
    if minutes == 0:
        return now
    at = calendar * CALENDAR
    if minutes > hours[at + LONGEST]:
        return -1
    for place in range(max(begun(run, hours, calendar, now) - 1, 0), hours[at + STRETCHES]):
        over = max(now, hours[hours[at + STARTS] + place]) + minutes
        if over <= hours[hours[at + ENDS] + place]:
            return over
    return -1
