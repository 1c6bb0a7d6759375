"""Calendars less what closes them: twin of `sim.world.calendars.without`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.machine.jit import numbers_of, part, whole_of

Ints = NDArray[np.int64]
UNORDERED = -1

_at: Any = numbers_of


@whole_of("i8[::1], i8[::1], i8[:,::1], i8[:,::1]")
def leave(starts_: Ints, ends_: Ints, closed_: Ints, left_: Ints) -> tuple[int, int]:
    """Put what is left of stretches less closed ones, rows (start, end), into `left`: starts, ends, minutes until each.

    Return how many are left, and the longest. `left` has three rows as long as both together. The closed ones may
    overlap; if they are not by rising starts, nothing is done and `UNORDERED` returned.
    """
    starts, ends, closed, left, width = _at(starts_), _at(ends_), _at(closed_), _at(left_), left_.shape[1]
    count, done, longest, row, last = 0, 0, 0, 0, 2 * len(closed_)
    for at in range(2, last, 2):
        if closed[at] < closed[at - 2]:
            return UNORDERED, 0
    for place in range(len(starts_)):
        now, end = starts[place], ends[place]
        while row < last and closed[row] < end:
            if closed[row + 1] > closed[row]:
                if closed[row] > now:
                    done += closed[row] - now
                    longest = max(longest, closed[row] - now)
                    count = _put(left, width, count, now, closed[row], done)
                now = max(now, closed[row + 1])
            if closed[row + 1] > end:
                break
            row += 2
        if now < end:
            done += end - now
            longest = max(longest, end - now)
            count = _put(left, width, count, now, end, done)
    return count, longest


@part
def _put(left: Any, width: int, count: int, start: int, end: int, done: int) -> int:
    """Add a stretch that is left; return how many there are."""
    left[count], left[width + count], left[2 * width + count] = start, end, done
    return count + 1
