"""Working time less what interrupts it: storms, stops of a plant, curfews."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.machine import by_machine
from sim.world.calendars import ALL, Calendar
from sim.world.intervals import common, merged, rest


def without(calendar: Calendar, closed: NDArray[np.int64], name: str = "", *, known: int = ALL) -> Calendar:
    """Close stretches such as storms: rows (start, end) in any order, overlapping or not, and `known` until then.

    What lies behind the last of them stays as it is.
    """
    made = (_without_by_machine if by_machine() else _without)(calendar, closed, name)
    made.known = known
    return made


def _without_by_machine(calendar: Calendar, closed: NDArray[np.int64], name: str) -> Calendar:
    """Close stretches, in one pass where they are in order."""
    from sim.world.compiled.opening import UNORDERED, leave

    room = np.empty((3, len(calendar.starts) + len(closed)), np.int64)
    starts, ends, rows = (np.ascontiguousarray(part) for part in (calendar.starts, calendar.ends, closed))
    count, longest = leave(starts, ends, rows, room)
    return _without(calendar, closed, name) if count == UNORDERED else calendar.like(room[:, :count], longest, name)


def _without(calendar: Calendar, closed: NDArray[np.int64], name: str) -> Calendar:
    """Close stretches: what is open on the calendar and in the rest of the time."""
    storms = merged(closed[:, 0], closed[:, 1])
    last = min(int(storms[1][-1]), calendar.horizon) if len(storms[1]) else 0
    later = int(np.searchsorted(calendar.ends, last, side="right"))
    if later < len(calendar.starts) and calendar.starts[later] < last:
        later, last = later + 1, int(calendar.ends[later])
    starts, ends = common((calendar.starts[:later], calendar.ends[:later]), rest(storms, last))
    left = np.concatenate([starts, calendar.starts[later:]]), np.concatenate([ends, calendar.ends[later:]])
    return Calendar(name or calendar.name, *left, calendar.horizon, calendar.start_date)
