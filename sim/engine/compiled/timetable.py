"""The calendars of a replication, laid out for the kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.engine.compiled.arrays import CALENDAR
from sim.machine.numbers import Ints
from sim.world.calendars import Calendar


class Timetables:
    """Lays out calendars, again only where they have changed: without weather all replications have the same."""

    def __init__(self) -> None:
        """Begin without calendars."""
        self._calendars: tuple[Calendar, ...] | None = None
        self._hours: Ints = np.empty(0, np.int64)

    def of(self, calendars: Sequence[Calendar]) -> Ints:
        """Return calendars as one array: a list of contents each, then starts, ends and minutes worked.

        The array may be used again for the next calendars.
        """
        known = self._calendars
        if (
            known is None
            or len(known) != len(calendars)
            or any(a is not b for a, b in zip(known, calendars, strict=True))
        ):
            self._calendars = tuple(calendars)
            self._lay_out(self._calendars)
        return self._hours

    def _lay_out(self, calendars: tuple[Calendar, ...]) -> None:
        """Write calendars end to end, into the room there is if it suffices."""
        sizes = np.array([len(calendar.starts) for calendar in calendars], np.int64)
        begins = len(calendars) * CALENDAR + 3 * (np.cumsum(sizes) - sizes)
        longest = np.array([calendar.longest for calendar in calendars], np.int64)
        known = np.array([calendar.known for calendar in calendars], np.int64)
        contents = np.column_stack([begins, begins + sizes, begins + 2 * sizes, sizes, longest, known])
        parts = [part for calendar in calendars for part in (calendar.starts, calendar.ends, calendar.done)]
        length = contents.size + 3 * int(sizes.sum())
        if length > len(self._hours):
            self._hours = np.empty(length, np.int64)
        np.concatenate([contents.ravel(), *parts], out=self._hours[:length])
