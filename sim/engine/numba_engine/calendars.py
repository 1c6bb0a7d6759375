"""Working time in the kernel: when work ends on a calendar, and when a truck arrives.

The same rules as in `sim.world.working_time`, and in `sim.world.roads` for drivers who must rest and roads that
may be closed. The clock only moves forward, so a run remembers how far it has read each calendar, and a search begins there
with steps that double. An answer of -1 means that the calendar has no such time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.engine.numba_engine.memory_layout import CALENDAR, DONE, ENDS, LONGEST, REACHED, STARTS, STRETCHES
from sim.jit.toolkit import Ints, IntView, inline, jit
from sim.world.roads import BREAK, DRIVING, DUTY, REST, UNBROKEN
from sim.world.working_time import Calendar

# --- timetable --------------------------------------------------------------------------------------------------------


class Timetables:
    """Lays out calendars, and again only those that change from run to run: they stand behind all others."""

    def __init__(self) -> None:
        """Begin without calendars."""
        self._calendars: tuple[Calendar, ...] = ()
        self._changing: list[int] = []
        self._begin = 0
        self._array: Ints = np.empty(0, np.int64)

    def of(self, calendars: Sequence[Calendar]) -> Ints:
        """Return calendars as one array: a list of contents each, then starts, ends and minutes worked.

        The array may be used again for the next calendars.
        """
        known, self._calendars = self._calendars, tuple(calendars)
        if len(known) != len(calendars):
            self._changing = []
            self._lay_out_all()
            return self._array
        changed = {place for place, calendar in enumerate(calendars) if calendar is not known[place]}
        # one that seemed to stay has changed: from now on it stands behind with the changing ones
        if not changed <= set(self._changing):
            self._changing = sorted(changed | set(self._changing))
            self._lay_out_all()
        elif changed:
            self._lay_out(self._changing, self._begin)
        return self._array

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
        if end > len(self._array):
            # grown, never shrunk: runs differ by a few closures, and most fit where the last one's stood
            self._array = np.concatenate([self._array[:begin], np.empty(end - min(begin, len(self._array)), np.int64)])
        at = begin
        for place, calendar in zip(places, calendars, strict=True):
            size = len(calendar.starts)
            contents = (at, at + size, at + 2 * size, size, calendar.longest, calendar.known)
            self._array[place * CALENDAR : (place + 1) * CALENDAR] = contents
            at += 3 * size
        parts = [part for calendar in calendars for part in (calendar.starts, calendar.ends, calendar.done)]
        if parts:
            np.concatenate(parts, out=self._array[begin:end])
        return end


# --- working time ----------------------------------------------------------------------------------------------------


@jit
def first_above(rising: IntView, base: int, low: int, end: int, value: int) -> int:
    """Return the first place in [low, end] whose number, `base` places on, is above `value`; none before is."""
    # the clock moves little between two looks, so the answer is mostly one of the first places
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


@inline
def stretches_begun(run: IntView, timetable: IntView, calendar: int, now: int) -> int:
    """Return how many stretches have begun by now, and remember it."""
    at, reached = calendar * CALENDAR, run[REACHED] + calendar
    run[reached] = first_above(timetable, timetable[at + STARTS], run[reached], timetable[at + STRETCHES], now)
    return run[reached]


@inline
def finish(run: IntView, timetable: IntView, calendar: int, now: int, minutes: int) -> int:
    """Return when `minutes` of work begun now are done, pausing while the calendar is closed."""
    if minutes == 0:
        return now
    at = calendar * CALENDAR
    ends, done, stretches = timetable[at + ENDS], timetable[at + DONE], timetable[at + STRETCHES]
    place = stretches_begun(run, timetable, calendar, now)
    target = minutes
    if place > 0:
        # minutes worked are tabulated from the calendar's begin: what was open until now comes on top of what is asked
        place -= 1
        target += timetable[done + place] - max(timetable[ends + place] - now, 0)
    # the first stretch at whose end all is worked: work that just fills a stretch ends with it, not at the next opening
    place = first_above(timetable, done, place, stretches, target - 1)
    if place == stretches:
        return -1
    return timetable[ends + place] - (timetable[done + place] - target)


@inline
def finish_whole(run: IntView, timetable: IntView, calendar: int, now: int, minutes: int) -> int:
    """Return when `minutes` in one piece are done, in the first stretch that is long enough from now on."""
    if minutes == 0:
        return now
    at = calendar * CALENDAR
    if minutes > timetable[at + LONGEST]:
        return -1
    # one back: the stretch that is open now has begun already
    for place in range(max(stretches_begun(run, timetable, calendar, now) - 1, 0), timetable[at + STRETCHES]):
        end = max(now, timetable[timetable[at + STARTS] + place]) + minutes
        if end <= timetable[timetable[at + ENDS] + place]:
            return end
    return -1


# --- driving ----------------------------------------------------------------------------------------------------------


@inline
def stretch(timetable: IntView, at: int, place: int, moment: int) -> int:
    """Return the first stretch from `place` on that is not over at a moment; -1 if all are."""
    place = first_above(timetable, timetable[at + ENDS], place, timetable[at + STRETCHES], moment)
    return place if place < timetable[at + STRETCHES] else -1


@jit
def arrival(run: IntView, timetable: IntView, calendar: int, start: int, minutes: int) -> int:
    """Return when `minutes` at the wheel, begun at `start`, are over; -1 if the road's calendar ends before."""
    if minutes == 0:
        return start
    at, left = calendar * CALENDAR, minutes
    starts, ends = timetable[at + STARTS], timetable[at + ENDS]
    place = stretch(timetable, at, max(stretches_begun(run, timetable, calendar, start) - 1, 0), start)
    if place < 0:
        return -1
    now = max(start, timetable[starts + place])
    since, driven, unbroken = now, 0, 0
    while True:
        # what ends a leg first: arrival, the day's driving, the break that is due, the end of duty, or the road closing
        leg = min(left, DRIVING - driven, UNBROKEN - unbroken, since + DUTY - now, timetable[ends + place] - now)
        stopped, left, driven, unbroken = now + leg, left - leg, driven + leg, unbroken + leg
        if left == 0:
            return stopped
        go = stopped + (BREAK if unbroken >= UNBROKEN else 0)
        place = stretch(timetable, at, place, go)
        if place < 0:
            return -1
        now = max(go, timetable[starts + place])
        # a closed road may outlast the duty day: the long rest is due even where driving time is left
        if driven >= DRIVING or now >= since + DUTY:
            place = stretch(timetable, at, place, stopped + REST)
            if place < 0:
                return -1
            now = max(stopped + REST, timetable[starts + place])
        # waiting at a closed road is rest as well, where it is long enough
        if now - stopped >= REST:
            since, driven, unbroken = now, 0, 0
        elif now - stopped >= BREAK:
            unbroken = 0
