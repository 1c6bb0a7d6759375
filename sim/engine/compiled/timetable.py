"""The calendars of a replication, laid out for the kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.engine.compiled.arrays import CALENDAR, Ints
from sim.world.calendars import Calendar


def timetable(calendars: Sequence[Calendar]) -> Ints:
    """Return calendars as one array: a list of contents each, then starts, ends and minutes worked end to end."""
    contents = np.empty((len(calendars), CALENDAR), np.int64)
    parts, at = [contents.ravel()], contents.size
    for row, calendar in zip(contents, calendars, strict=True):
        size = len(calendar.starts)
        row[:] = at, at + size, at + 2 * size, size, calendar.longest
        parts += [calendar.starts, calendar.ends, calendar.done]
        at += 3 * size
    return np.concatenate(parts).astype(np.int64)


class Timetables:
    """Remembers the last timetable: most replications of a project without weather have the same calendars."""

    def __init__(self) -> None:
        self._calendars: tuple[Calendar, ...] = ()
        self._hours: Ints | None = None

    def of(self, calendars: Sequence[Calendar]) -> Ints:
        """Return the timetable of these calendars."""
        same = len(calendars) == len(self._calendars)
        same = same and all(a is b for a, b in zip(calendars, self._calendars, strict=True))
        if self._hours is None or not same:
            self._calendars, self._hours = tuple(calendars), timetable(calendars)
        return self._hours
