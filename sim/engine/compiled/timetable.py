"""The calendars of a replication, laid out for the kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.engine.compiled.arrays import CALENDAR
from sim.machine.numbers import Ints
from sim.world.calendars import Calendar


class Timetables:
    """Lays out calendars, and again only those that change from run to run: they stand behind all others."""

    def __init__(self) -> None:
        """Begin without calendars."""
        self._calendars: tuple[Calendar, ...] = ()
        self._changing: list[int] = []
        self._begin = 0
        self._hours: Ints = np.empty(0, np.int64)

    def of(self, calendars: Sequence[Calendar]) -> Ints:
        """Return calendars as one array: a list of contents each, then starts, ends and minutes worked.

        The array may be used again for the next calendars.
        """
        known, self._calendars = self._calendars, tuple(calendars)
        if len(known) != len(calendars):
            self._changing = []
            self._lay_out_all()
            return self._hours
        changed = {place for place, calendar in enumerate(calendars) if calendar is not known[place]}
        if not changed <= set(self._changing):
            self._changing = sorted(changed | set(self._changing))
            self._lay_out_all()
        elif changed:
            self._lay_out(self._changing, self._begin)
        return self._hours

    def _lay_out_all(self) -> None:
        """Write what stays, then what changes."""
        places = range(len(self._calendars))
        staying = [place for place in places if place not in self._changing]
        self._begin = self._lay_out(staying, len(places) * CALENDAR)
        self._lay_out(self._changing, self._begin)

    def _lay_out(self, places: Sequence[int], begin: int) -> int:
        """Write calendars end to end from somewhere on; return where they end."""
        calendars = [self._calendars[place] for place in places]
        end = begin + 3 * sum(len(calendar.starts) for calendar in calendars)
        if end > len(self._hours):
            self._hours = np.concatenate([self._hours[:begin], np.empty(end - min(begin, len(self._hours)), np.int64)])
        at = begin
        for place, calendar in zip(places, calendars, strict=True):
            size = len(calendar.starts)
            contents = (at, at + size, at + 2 * size, size, calendar.longest, calendar.known)
            self._hours[place * CALENDAR : (place + 1) * CALENDAR] = contents
            at += 3 * size
        parts = [part for calendar in calendars for part in (calendar.starts, calendar.ends, calendar.done)]
        if parts:
            np.concatenate(parts, out=self._hours[begin:end])
        return end
