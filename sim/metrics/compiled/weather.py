"""What closed days cost the works of one calendar: twin of `sim.metrics.weather_loss`, for many rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.machine.jit import numbers_of, part, whole_of
from sim.machine.numbers import Numbers

Ints = NDArray[np.int64]
PAUSING, WHOLE = 0, 1
"""The numbers of `sim.plan.compile.MODES`; any other one is driving duty."""


BEGUN, DONE, CALENDAR, MODE, LOST = range(5)
"""What is noted of a work, as in `sim.metrics.compiled.walking`."""
NOTED = 10


@whole_of("i8[:,::1], i8, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1]")
def note_lost(
    works_: Ints, calendar: int, opens_: Ints, closes_: Ints, open_until_: Ints, start_: Ints, end_: Ints, done_: Ints
) -> None:
    """Note the minutes that the works on a calendar were done later than on the stated one, begun at the same minutes.

    A calendar is its starts, its ends, and the working minutes until each end: first the real one, then the stated one.
    """
    works, real, stated = numbers_of(works_), len(opens_), len(start_)
    opens, closes, open_until = numbers_of(opens_), numbers_of(closes_), numbers_of(open_until_)
    start, end, done = numbers_of(start_), numbers_of(end_), numbers_of(done_)
    for at in range(0, NOTED * len(works_), NOTED):
        if works[at + CALENDAR] != calendar:
            continue
        begin, finish, lost = works[at + BEGUN], works[at + DONE], 0
        productive = _worked(opens, closes, open_until, real, finish) - _worked(opens, closes, open_until, real, begin)
        if works[at + MODE] == PAUSING:
            lost = finish - _finish(start, end, done, stated, begin, productive)
        elif works[at + MODE] == WHOLE:
            minutes = finish - max(begin, opens[_before(opens, real, finish) - 1])
            lost = finish - _finish_whole(start, end, stated, begin, minutes)
        else:
            meant = _worked(start, end, done, stated, finish) - _worked(start, end, done, stated, begin)
            lost = min(finish - begin, meant - productive)
        works[at + LOST] = max(0, lost)


@part
def _worked(start: Numbers, end: Numbers, done: Numbers, count: int, minute: int) -> int:
    """Count working minutes until a minute; before the project's start every minute counts."""
    place = _before(start, count, minute + 1) - 1
    if place < 0:
        return min(minute, 0)
    return done[place] - max(end[place] - minute, 0)


@part
def _finish(start: Numbers, end: Numbers, done: Numbers, count: int, begin: int, minutes: int) -> int:
    """Return when so many working minutes have passed since a begin."""
    if minutes == 0:
        return begin
    target = _worked(start, end, done, count, begin) + minutes
    place = min(_before(done, count, target), count - 1)
    return end[place] - (done[place] - target)


@part
def _finish_whole(start: Numbers, end: Numbers, count: int, begin: int, minutes: int) -> int:
    """Return when so many minutes in one piece have passed since a begin."""
    if minutes == 0:
        return begin
    place = _before(end, count, begin + 1)
    while place < count - 1 and max(begin, start[place]) + minutes > end[place]:
        place += 1
    return max(begin, start[place]) + minutes


@part
def _before(minutes: Numbers, count: int, minute: int) -> int:
    """Return how many of some minutes in order lie before one."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if minutes[middle] < minute:
            low = middle + 1
        else:
            high = middle
    return low
