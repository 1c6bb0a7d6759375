"""What closed days cost the works of one calendar: twin of `sim.metrics.weather_loss`, for many rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.machine.jit import part, whole

Ints = NDArray[np.int64]
PAUSING, WHOLE = 0, 1
"""The numbers of `sim.plan.compile.MODES`; any other one is driving duty."""


@whole
def lost_minutes(
    begun: Ints, done: Ints, mode: Ints, real: tuple[Ints, Ints, Ints], stated: tuple[Ints, Ints, Ints]
) -> Ints:
    """Return the minutes that works were done later than on the stated calendar, begun at the same minutes.

    A calendar is its starts, its ends, and the working minutes until each end.
    """
    lost = np.zeros(len(begun), np.int64)
    for at in range(len(begun)):
        begin, end = begun[at], done[at]
        productive = _worked(real, end) - _worked(real, begin)
        if mode[at] == PAUSING:
            lost[at] = max(0, end - _finish(stated, begin, productive))
        elif mode[at] == WHOLE:
            opened = real[0][_before(real[0], end) - 1]
            lost[at] = max(0, end - _finish_whole(stated, begin, end - max(begin, opened)))
        else:
            in_vain = _worked(stated, end) - _worked(stated, begin) - productive
            lost[at] = max(0, min(end - begin, in_vain))
    return lost


@part
def _worked(calendar: tuple[Ints, Ints, Ints], minute: int) -> int:
    """Count working minutes until a minute; before the project's start every minute counts."""
    starts, ends, done = calendar
    place = _before(starts, minute + 1) - 1
    if place < 0:
        return min(minute, 0)
    return done[place] - max(ends[place] - minute, 0)


@part
def _finish(calendar: tuple[Ints, Ints, Ints], start: int, minutes: int) -> int:
    """Return when so many working minutes have passed since a start."""
    _, ends, done = calendar
    if minutes == 0:
        return start
    target = _worked(calendar, start) + minutes
    place = min(_before(done, target), len(done) - 1)
    return ends[place] - (done[place] - target)


@part
def _finish_whole(calendar: tuple[Ints, Ints, Ints], start: int, minutes: int) -> int:
    """Return when so many minutes in one piece have passed since a start."""
    starts, ends, _ = calendar
    if minutes == 0:
        return start
    place = _before(ends, start + 1)
    while place < len(ends) - 1 and max(start, starts[place]) + minutes > ends[place]:
        place += 1
    return max(start, starts[place]) + minutes


@part
def _before(minutes: Ints, minute: int) -> int:
    """Return how many of some minutes in order lie before one."""
    low, high = 0, len(minutes)
    while low < high:
        middle = (low + high) // 2
        if minutes[middle] < minute:
            low = middle + 1
        else:
            high = middle
    return low
