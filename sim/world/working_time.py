"""Working-time calendars: when a crew, a crane or a road is available.

A calendar is the set of minutes that are open, counted from 00:00 of the project's first day, on a civil clock without
time zone or daylight saving. It is used as one rising function, the working minutes until a moment, and its inverse:
40 working hours are one look-up, however many nights, Sundays and storms they span. `subtract_closures` takes out what
interrupts it: storms, plant outages, curfews.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimError
from sim.world.shifts import (
    DAY,
    Intervals,
    Minutes,
    clipped,
    complement,
    intersection,
    merged,
    shift_without_breaks,
    weekdays,
)

ALL = 2**62
"""A minute later than any: `known` of a calendar without an end to what is known."""


class CalendarEnds(SimError):
    """The project ran past the last day its calendars know about."""

    exit_code = 3


class NoWindow(SimError):
    """Work that cannot pause is longer than every open interval of its calendar."""

    exit_code = 2


class Calendar:
    """Open intervals of time, in integer minutes since the project's start, up to a horizon.

    `starts`, `ends` and `done` (working minutes until each end) are rising int64 arrays of one length;
    intervals neither overlap nor touch. Nothing is known past minute `horizon`: asking is a `CalendarEnds`.
    """

    known = ALL
    """Minute until which closures have been taken out; the intervals after it are the stated ones."""

    def __init__(self, name: str, starts: Minutes, ends: Minutes, horizon: int, start_date: date | None = None) -> None:
        """Take intervals that are in order and do not touch; `Calendar.of` takes any."""
        outside = len(starts) and (starts[0] < 0 or ends[-1] > horizon)
        if outside or (ends <= starts).any() or (starts[1:] <= ends[:-1]).any():
            raise ValueError(f"calendar {name}: intervals must be in order, apart and before {horizon}")
        self.name, self.horizon, self.start_date = name, horizon, start_date
        self.starts, self.ends = np.ascontiguousarray(starts), np.ascontiguousarray(ends)
        self.done: Minutes = np.cumsum(ends - starts)

    @classmethod
    def of(
        cls, name: str, intervals: Iterable[tuple[int, int]], horizon: int, start_date: date | None = None
    ) -> Calendar:
        """Make a calendar of (start, end) pairs in any order, overlapping or not, clipped to the horizon."""
        starts, ends = clipped(merged(*_pairs(intervals)), horizon)
        return cls(name, starts, ends, horizon, start_date)

    def like(self, intervals: Minutes, longest: int, name: str = "") -> Calendar:
        """Return a calendar known as far as this one: rows of starts, ends and `done`, found to be in order elsewhere."""
        # checking the order again would cost more than the kernel that made the intervals
        made = object.__new__(Calendar)
        made.name, made.horizon, made.start_date = name or self.name, self.horizon, self.start_date
        made.starts, made.ends, made.done = intervals
        made.longest = longest
        return made

    def __repr__(self) -> str:
        """Show name, size and end."""
        return f"Calendar({self.name!r}, {len(self.starts)} intervals to {self.moment(self.horizon)})"

    @cached_property
    def _starts(self) -> list[int]:
        """`starts` as plain numbers, which bisect searches fastest."""
        return _plain(self.starts)

    @cached_property
    def _ends(self) -> list[int]:
        """`ends` as plain numbers."""
        return _plain(self.ends)

    @cached_property
    def _done(self) -> list[int]:
        """`done` as plain numbers."""
        return _plain(self.done)

    @cached_property
    def longest(self) -> int:
        """Minutes of the longest open interval."""
        return int((self.ends - self.starts).max(initial=0))

    @property
    def intervals(self) -> Intervals:
        """Starts and ends together."""
        return self.starts, self.ends

    def moment(self, minute: int) -> str:
        """Return a minute as text: its date, or its day of the project where no date is known."""
        if self.start_date is None:
            return f"day {minute // DAY}"
        return (self.start_date + timedelta(days=minute // DAY)).isoformat()

    def worked(self, t: int) -> int:
        """Count working minutes in [0, t); before the project's start every minute counts."""
        if t > self.horizon:
            raise self._past_horizon()
        return self._worked(t)

    def worked_many(self, times: Minutes) -> Minutes:
        """Count working minutes in [0, t) for many times, taking what lies past the horizon as closed."""
        if not len(self.starts):
            return np.zeros_like(times)
        place = np.searchsorted(self.starts, times, side="right") - 1
        # inside an interval its end lies ahead: what is left of it is not worked yet
        counted = self.done[place] - np.maximum(self.ends[place] - times, 0)
        return np.where(place < 0, 0, counted)

    @cached_property
    def open_by_day(self) -> Minutes:
        """Open minutes of every day up to the horizon."""
        return np.diff(self.worked_many(np.arange(self.horizon // DAY + 2, dtype=np.int64) * DAY))

    def finish(self, start: int, minutes: int) -> int:
        """Return the clock minute at which `minutes` working minutes have passed since `start`.

        Work pauses while the calendar is closed. It finishes at the end of an interval rather than at the start
        of the next; no work at all finishes at once, open or closed.
        """
        if minutes == 0:
            return start
        # in working time nothing is closed, so the finish is a sum there and one search leads back to the clock
        target = self._worked(start) + minutes
        done = self._done
        place = bisect_left(done, target)
        if place == len(done):
            raise self._past_horizon()
        return self._ends[place] - (done[place] - target)

    def latest_start(self, finish: int, minutes: int) -> int:
        """Return the latest start from which `minutes` of work are done by `finish`; it may be negative."""
        if minutes == 0:
            return finish
        # the inverse of `finish`: before the project's start every minute counts, so the answer may be negative
        left = self.worked(finish) - minutes
        if left < 0:
            return left
        place = bisect_right(self._done, left)
        return self._ends[place] - (self._done[place] - left)

    def finish_whole(self, start: int, minutes: int) -> int:
        """Return the clock minute at which `minutes` in one piece end, in the first interval long enough.

        Raises NoWindow where no interval of the calendar is.
        """
        if minutes == 0:
            return start
        if minutes > self.longest:
            raise NoWindow(
                f"calendar {self.name}: work of {_hours(minutes)} that cannot pause does not fit its longest"
                f" open interval of {_hours(self.longest)}"
            )
        starts, ends = self._starts, self._ends
        # the open interval at `start` may have too little left, so the search begins with it
        for place in range(bisect_right(ends, start), len(ends)):
            end = max(start, starts[place]) + minutes
            if end <= ends[place]:
                return end
        raise self._past_horizon()

    def latest_start_whole(self, finish: int, minutes: int) -> int:
        """Return the latest start of a piece of work that is over by `finish`; negative if there is none."""
        if minutes == 0:
            return finish
        starts, ends = self._starts, self._ends
        for place in range(bisect_left(starts, finish) - 1, -1, -1):
            begin = min(finish, ends[place]) - minutes
            if begin >= starts[place]:
                return begin
        return -minutes

    def next_open(self, t: int) -> int:
        """Return the first open minute at or after `t`."""
        place = bisect_right(self._ends, t)
        if place == len(self._ends):
            raise self._past_horizon()
        return max(t, self._starts[place])

    def closes(self, t: int) -> int:
        """Return the end of the open interval that contains `t` or, when closed at `t`, of the next."""
        place = bisect_right(self._ends, t)
        if place == len(self._ends):
            raise self._past_horizon()
        return self._ends[place]

    def _worked(self, t: int) -> int:
        """Count working minutes in [0, t), taking what lies past the horizon as closed."""
        place = bisect_right(self._starts, t) - 1
        if place < 0:
            return min(t, 0)
        return self._done[place] - max(self._ends[place] - t, 0)

    def _past_horizon(self) -> CalendarEnds:
        """Return the error of asking past the horizon."""
        return CalendarEnds(
            f"calendar {self.name} ends on {self.moment(self.horizon)} and the project is not done by then:"
            " give it a later last day, or look for what keeps the project from finishing"
        )


def always(horizon: int, name: str = "always", start_date: date | None = None) -> Calendar:
    """Make a calendar that is open day and night until the horizon."""
    return Calendar.of(name, [(0, horizon)], horizon, start_date)


def weekly(
    name: str,
    start_date: date,
    horizon_days: int,
    *,
    days: str | Collection[int] = "mon-sat",
    shifts: Sequence[tuple[str, str]] = (("07:00", "17:30"),),
    breaks: Sequence[tuple[str, str]] = (),
    holidays: Collection[date] = (),
) -> Calendar:
    """Repeat a week: shifts by clock time on some weekdays, less breaks and holidays.

    `days` is like "mon-fri" or "mon-thu,sat", or weekday numbers from 0 for Monday. A shift that ends at or
    before its start ends on the next day; it is worked if the day on which it starts is a working day.
    Breaks are unpaid and closed: 07:00 to 17:30 with 12:00 to 12:30 off gives 600 minutes a day.
    """
    horizon = horizon_days * DAY
    day = np.arange(-1, horizon_days)  # a night shift of the evening before reaches into the first day
    chosen = np.isin((start_date.weekday() + day) % 7, list(weekdays(days)))
    chosen &= ~np.isin(day, [(off - start_date).days for off in holidays])
    pieces = [shift_without_breaks(shift, breaks) for shift in shifts]
    begins = [(day[chosen, None] * DAY + starts).ravel() for starts, _ in pieces]
    lasts = [(day[chosen, None] * DAY + ends).ravel() for _, ends in pieces]
    open_ = clipped(merged(np.concatenate(begins), np.concatenate(lasts)), horizon)
    return Calendar(name, *open_, horizon, start_date)


def intersect(a: Calendar, b: Calendar, name: str = "") -> Calendar:
    """Return the calendar that is open when both are, as far as both are known."""
    horizon = min(a.horizon, b.horizon)
    both = clipped(intersection(a.intervals, b.intervals), horizon)
    return Calendar(name or f"{a.name} and {b.name}", *both, horizon, a.start_date or b.start_date)


def union(a: Calendar, b: Calendar, name: str = "") -> Calendar:
    """Return the calendar that is open when either is, as far as both are known."""
    horizon = min(a.horizon, b.horizon)
    either = merged(np.concatenate([a.starts, b.starts]), np.concatenate([a.ends, b.ends]))
    known = clipped(either, horizon)
    return Calendar(name or f"{a.name} or {b.name}", *known, horizon, a.start_date or b.start_date)


def _pairs(intervals: Iterable[tuple[int, int]]) -> Intervals:
    """Turn pairs into two arrays."""
    pairs = np.array(list(intervals), dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _plain(minutes: Minutes) -> list[int]:
    """Turn an array into a list of Python's own integers."""
    numbers: list[int] = minutes.tolist()
    return numbers


def _hours(minutes: int) -> str:
    """Return a length of time as text."""
    return f"{minutes / 60:g} h"


# --- calendar minus closures ------------------------------------------------------------------------------------------


def subtract_closures(
    calendar: Calendar, closed: NDArray[np.int64], name: str = "", *, known: int = ALL, compiled: bool = False
) -> Calendar:
    """Take closures such as storms out of a calendar: rows (start, end) in any order, overlapping or not.

    They are complete up to minute `known`; what lies behind the last of them stays as it is. `compiled` has a
    kernel do the same.
    """
    made = (_without_compiled if compiled else _without)(calendar, closed, name)
    made.known = known
    return made


def _without_compiled(calendar: Calendar, closed: NDArray[np.int64], name: str) -> Calendar:
    """Take out closures by the kernel, in one pass where they are in order."""
    from sim.world.kernels import UNORDERED, subtract_intervals

    room = np.empty((3, len(calendar.starts) + len(closed)), np.int64)
    starts, ends, rows = (np.ascontiguousarray(part) for part in (calendar.starts, calendar.ends, closed))
    count, longest = subtract_intervals(starts, ends, rows, room)
    return _without(calendar, closed, name) if count == UNORDERED else calendar.like(room[:, :count], longest, name)


def _without(calendar: Calendar, closed: NDArray[np.int64], name: str) -> Calendar:
    """Take closures out of a calendar: what is left is open on it and outside every closure."""
    # only the part up to the last closure is cut: the years after it keep their intervals as they are
    closures = merged(closed[:, 0], closed[:, 1])
    last = min(int(closures[1][-1]), calendar.horizon) if len(closures[1]) else 0
    later = int(np.searchsorted(calendar.ends, last, side="right"))
    if later < len(calendar.starts) and calendar.starts[later] < last:
        # the last closure ends inside an open interval: cut that one as well
        later, last = later + 1, int(calendar.ends[later])
    starts, ends = intersection((calendar.starts[:later], calendar.ends[:later]), complement(closures, last))
    left = np.concatenate([starts, calendar.starts[later:]]), np.concatenate([ends, calendar.ends[later:]])
    return Calendar(name or calendar.name, *left, calendar.horizon, calendar.start_date)
