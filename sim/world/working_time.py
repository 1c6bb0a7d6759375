"""Working-time calendars: when a crew, a crane or a road is available.

A calendar is the set of minutes that are open, counted from 00:00 of the project's first day, on a civil clock without
time zone or daylight saving. It is used as one rising function, the working minutes until a moment, and its inverse:
40 working hours are one look-up, however many nights, Sundays and storms they span. `subtract_closures` takes out what
interrupts it: storms, plant outages, curfews.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, timedelta
from functools import cached_property
from math import ceil
from typing import TypeVar

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
ALWAYS_OPEN = "always"
"""Name of the calendar that is always open."""


def finish_date(start_date: date, day: float) -> date:
    """Return the civil date of a finish on a finite project day, with its fraction: midnight ends the day before.

    >>> finish_date(date(2027, 1, 4), 1.0), finish_date(date(2027, 1, 4), 1.25)
    (datetime.date(2027, 1, 4), datetime.date(2027, 1, 5))
    """
    return start_date + timedelta(days=finish_day(day) - 1)


def finish_day(day: float) -> int:
    """Return the number of the calendar day on which a finish falls: day 1 is the start date.

    >>> finish_day(1.0), finish_day(402.57)
    (1, 403)
    """
    return max(ceil(day), 1)


Day = TypeVar("Day", float, NDArray[np.float64])


def day_of_finish(minute: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Return the day, counted from 0, by whose end something is finished that finishes at a minute: midnight ends a day.

    >>> day_of_finish(np.array([0, 1, 1440, 1441]))
    array([0, 0, 0, 1])
    """
    return np.maximum(np.asarray(minute) - 1, 0) // DAY


def end_of_day(number: Day) -> Day:
    """Return the end of a day, as a project day, from its number counted from 0: what is reached on it is over by then.

    >>> finish_date(date(2027, 1, 4), end_of_day(0.0))
    datetime.date(2027, 1, 4)
    """
    return number + 1


class CalendarEnds(SimError):
    """The project ran past the last day its calendars know about."""

    exit_code = 3


class NoWindow(SimError):
    """Work that cannot pause is longer than every open interval of its calendar."""

    exit_code = 2


class Calendar:
    """Open intervals of time, in integer minutes since the project's start, up to a horizon.

    `starts`, `ends` and `done` (working minutes until each end) are rising int64 arrays of one length;
    intervals neither overlap nor touch. Past minute `horizon` nothing is known: queries raise `CalendarEnds`.
    """

    known = ALL
    """Minute until which closures have been subtracted; the intervals after it are those without closures."""

    def __init__(self, name: str, starts: Minutes, ends: Minutes, horizon: int, start_date: date | None = None) -> None:
        """Make a calendar of intervals that are in order and do not touch; `Calendar.of` takes any."""
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
        """Return a calendar with this one's horizon and other intervals: rows starts, ends and done, known to be in order."""
        # checking the order again would cost more than the kernel that made the intervals
        calendar = object.__new__(Calendar)
        calendar.name, calendar.horizon, calendar.start_date = name or self.name, self.horizon, self.start_date
        calendar.starts, calendar.ends, calendar.done = intervals
        calendar.longest = longest
        return calendar

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
        """Return the minutes of the longest open interval."""
        return int((self.ends - self.starts).max(initial=0))

    @property
    def intervals(self) -> Intervals:
        """Return starts and ends as a pair."""
        return self.starts, self.ends

    def moment(self, minute: int) -> str:
        """Return the day of a minute as text: its date, or its number in the project where no date is known."""
        if self.start_date is None:
            return f"day {minute // DAY}"
        return (self.start_date + timedelta(days=minute // DAY)).isoformat()

    @property
    def never_closes(self) -> bool:
        """Whether it is open around the clock up to its horizon: an activity on it is waiting, not work."""
        return self.worked(self.horizon) == self.horizon

    def worked(self, t: int) -> int:
        """Return the working minutes in [0, t), negative for a t before the project's start, where every minute counts."""
        if t > self.horizon:
            raise self._past_horizon()
        return self._worked(t)

    def worked_many(self, times: Minutes) -> Minutes:
        """Return the working minutes in [0, t) for many times t; past the horizon it counts as closed."""
        if not len(self.starts):
            return np.zeros_like(times)
        interval = np.searchsorted(self.starts, times, side="right") - 1
        # inside an interval its end lies ahead: the remainder is not worked yet
        worked = self.done[interval] - np.maximum(self.ends[interval] - times, 0)
        return np.where(interval < 0, 0, worked)

    @cached_property
    def open_by_day(self) -> Minutes:
        """Return the open minutes of every day up to the horizon."""
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
        interval = bisect_left(done, target)
        if interval == len(done):
            raise self._past_horizon()
        return self._ends[interval] - (done[interval] - target)

    def latest_start(self, finish: int, minutes: int) -> int:
        """Return the latest start from which `minutes` of work are done by `finish`; it may be negative."""
        if minutes == 0:
            return finish
        # the inverse of `finish`: before the project's start every minute counts, so the answer may be negative
        target = self.worked(finish) - minutes
        if target < 0:
            return target
        interval = bisect_right(self._done, target)
        return self._ends[interval] - (self._done[interval] - target)

    def finish_whole(self, start: int, minutes: int) -> int:
        """Return the clock minute at which `minutes` without a pause end, in the first interval long enough.

        Raises NoWindow where no interval of the calendar is long enough.
        """
        if minutes == 0:
            return start
        if minutes > self.longest:
            raise NoWindow(
                f"calendar {self.name}: work of {_hours(minutes)} that cannot pause does not fit its longest"
                f" open interval of {_hours(self.longest)}"
            )
        starts, ends = self._starts, self._ends
        # the search begins with the interval that is open at `start`, which may end too soon
        for interval in range(bisect_right(ends, start), len(ends)):
            end = max(start, starts[interval]) + minutes
            if end <= ends[interval]:
                return end
        raise self._past_horizon()

    def latest_start_whole(self, finish: int, minutes: int) -> int:
        """Return the latest start of work without a pause that is done by `finish`; negative if there is none."""
        if minutes == 0:
            return finish
        starts, ends = self._starts, self._ends
        for interval in range(bisect_left(starts, finish) - 1, -1, -1):
            begin = min(finish, ends[interval]) - minutes
            if begin >= starts[interval]:
                return begin
        return -minutes

    def next_open(self, t: int) -> int:
        """Return the first open minute at or after `t`."""
        interval = bisect_right(self._ends, t)
        if interval == len(self._ends):
            raise self._past_horizon()
        return max(t, self._starts[interval])

    def closes(self, t: int) -> int:
        """Return the end of the open interval that contains minute `t` or, when closed at `t`, of the next one."""
        interval = bisect_right(self._ends, t)
        if interval == len(self._ends):
            raise self._past_horizon()
        return self._ends[interval]

    def _worked(self, t: int) -> int:
        """Return the working minutes in [0, t); past the horizon it counts as closed."""
        interval = bisect_right(self._starts, t) - 1
        if interval < 0:
            return min(t, 0)
        return self._done[interval] - max(self._ends[interval] - t, 0)

    def _past_horizon(self) -> CalendarEnds:
        """Return the error of a query past the horizon."""
        return CalendarEnds(
            f"calendar {self.name} ends on {self.moment(self.horizon)} and the project is not done by then:"
            " raise scale.horizon_days, by which all calendars end, or look for what keeps the project from finishing"
        )


CalendarsOf = Callable[[int], Sequence[Calendar]]
"""The calendars of a replication, by its number."""
CalendarsUntil = Callable[[int, int], Sequence[Calendar]]
"""The calendars of a replication, known at least up to a minute: (replication, minute) → calendars."""


def always(horizon: int, name: str = ALWAYS_OPEN, start_date: date | None = None) -> Calendar:
    """Return a calendar that is open day and night until the horizon."""
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
    """Return a calendar that repeats a week: shifts by clock time on some weekdays, less breaks and holidays.

    `days` is like "mon-fri" or "mon-thu,sat", or weekday numbers from 0 for Monday. A shift that ends at or
    before its start ends on the next day; it is worked if the day on which it starts is a working day.
    Breaks are unpaid and closed: 07:00 to 17:30 with 12:00 to 12:30 off gives 600 minutes a day.
    """
    horizon = horizon_days * DAY
    day = np.arange(-1, horizon_days)  # a night shift of the evening before reaches into the first day
    is_worked = np.isin((start_date.weekday() + day) % 7, list(weekdays(days)))
    is_worked &= ~np.isin(day, [(holiday - start_date).days for holiday in holidays])
    midnight = day[is_worked, None] * DAY
    between_breaks = [shift_without_breaks(shift, breaks) for shift in shifts]
    starts = np.concatenate([(midnight + shift_starts).ravel() for shift_starts, _ in between_breaks])
    ends = np.concatenate([(midnight + shift_ends).ravel() for _, shift_ends in between_breaks])
    return Calendar(name, *clipped(merged(starts, ends), horizon), horizon, start_date)


def intersect(a: Calendar, b: Calendar, name: str = "") -> Calendar:
    """Return the calendar that is open when both are, up to the earlier horizon."""
    horizon = min(a.horizon, b.horizon)
    both = clipped(intersection(a.intervals, b.intervals), horizon)
    return Calendar(name or f"{a.name} and {b.name}", *both, horizon, a.start_date or b.start_date)


def union(a: Calendar, b: Calendar, name: str = "") -> Calendar:
    """Return the calendar that is open when either is, up to the earlier horizon."""
    horizon = min(a.horizon, b.horizon)
    either = clipped(merged(np.concatenate([a.starts, b.starts]), np.concatenate([a.ends, b.ends])), horizon)
    return Calendar(name or f"{a.name} or {b.name}", *either, horizon, a.start_date or b.start_date)


def _pairs(intervals: Iterable[tuple[int, int]]) -> Intervals:
    """Return pairs (start, end) as two arrays."""
    pairs = np.array(list(intervals), dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _plain(minutes: Minutes) -> list[int]:
    """Return an array as a list of Python's own integers."""
    numbers: list[int] = minutes.tolist()
    return numbers


def _hours(minutes: int) -> str:
    """Return a length of time as text."""
    return f"{minutes / 60:g} h"


# --- calendar minus closures ------------------------------------------------------------------------------------------


def subtract_closures(
    calendar: Calendar, closed: NDArray[np.int64], name: str = "", *, known: int = ALL, use_numba: bool = False
) -> Calendar:
    """Return a calendar less closures such as storms: rows (start, end) in any order, overlapping or not.

    They are complete up to minute `known`; intervals after the last of them stay as they are. With `use_numba` a
    kernel computes the same.
    """
    remaining = (_subtract_by_kernel if use_numba else _subtract)(calendar, closed, name)
    remaining.known = known
    return remaining


def _subtract_by_kernel(calendar: Calendar, closed: NDArray[np.int64], name: str) -> Calendar:
    """Return a calendar less closures, by the kernel in one pass where they are in order, else by numpy."""
    from sim.world.kernels import UNORDERED, subtract_intervals

    intervals = np.empty((3, len(calendar.starts) + len(closed)), np.int64)
    starts, ends, rows = (np.ascontiguousarray(part) for part in (calendar.starts, calendar.ends, closed))
    count, longest = subtract_intervals(starts, ends, rows, intervals)
    if count == UNORDERED:
        return _subtract(calendar, closed, name)
    return calendar.like(intervals[:, :count], longest, name)


def _subtract(calendar: Calendar, closed: NDArray[np.int64], name: str) -> Calendar:
    """Return a calendar less closures: the time that is open on it and outside every closure."""
    # only the part up to the last closure is cut: the years after it keep their intervals as they are
    closures = merged(closed[:, 0], closed[:, 1])
    cut_end = min(int(closures[1][-1]), calendar.horizon) if len(closures[1]) else 0
    first_kept = int(np.searchsorted(calendar.ends, cut_end, side="right"))
    if first_kept < len(calendar.starts) and calendar.starts[first_kept] < cut_end:
        # the last closure ends inside an open interval: cut that one as well
        first_kept, cut_end = first_kept + 1, int(calendar.ends[first_kept])
    cut = calendar.starts[:first_kept], calendar.ends[:first_kept]
    starts, ends = intersection(cut, complement(closures, cut_end))
    starts = np.concatenate([starts, calendar.starts[first_kept:]])
    ends = np.concatenate([ends, calendar.ends[first_kept:]])
    return Calendar(name or calendar.name, starts, ends, calendar.horizon, calendar.start_date)
