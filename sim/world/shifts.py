"""Sets of time intervals, and what makes them: weekdays, clock times, shifts with breaks, daylight, public holidays.

A set of intervals is two arrays of rising integer starts and ends in minutes, each interval [start, end), never
touching. Daylight runs from some minutes before sunrise to some minutes after sunset.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta, timezone
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.config.sections.working_week import holidays_by_date

# --- sets of intervals ------------------------------------------------------------------------------------------------


Minutes: TypeAlias = NDArray[np.int64]
Intervals: TypeAlias = tuple[Minutes, Minutes]


def merged(starts: Minutes, ends: Minutes) -> Intervals:
    """Put intervals in order, drop empty ones, join those that overlap or touch."""
    real = ends > starts
    if not real.all():
        starts, ends = starts[real], ends[real]
    if (starts[1:] > ends[:-1]).all():
        return starts, ends
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    gaps = np.flatnonzero(starts[1:] > reach[:-1])
    return starts[np.concatenate([[0], gaps + 1])], reach[np.concatenate([gaps, [len(reach) - 1]])]


def intersection(a: Intervals, b: Intervals) -> Intervals:
    """Keep the time that is in both of two merged sets."""
    first = np.searchsorted(b[1], a[0], side="right")
    count = np.maximum(np.searchsorted(b[0], a[1], side="left") - first, 0)
    mine = np.repeat(np.arange(len(count)), count)
    other = np.arange(len(mine)) + np.repeat(first - (np.cumsum(count) - count), count)
    return np.maximum(a[0][mine], b[0][other]), np.minimum(a[1][mine], b[1][other])


def complement(a: Intervals, horizon: int) -> Intervals:
    """Keep the time of [0, horizon) that is not in a merged set."""
    starts = np.concatenate([np.zeros(1, dtype=np.int64), a[1]])
    ends = np.concatenate([a[0], np.array([horizon], dtype=np.int64)])
    return clipped((starts, ends), horizon)


def clipped(a: Intervals, horizon: int) -> Intervals:
    """Keep the part of a set that lies in [0, horizon)."""
    starts, ends = np.maximum(a[0], 0), np.minimum(a[1], horizon)
    real = ends > starts
    return starts[real], ends[real]


# --- weekdays and shifts ----------------------------------------------------------------------------------------------


DAY = 1440
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def weekdays(days: str | Collection[int]) -> frozenset[int]:
    """Return weekday numbers, 0 for Monday, of a text like "mon-fri" or "mon-thu,sat"; a range may wrap.

    Raises ValueError where a word is not a weekday.
    """
    if not isinstance(days, str):
        return frozenset(days)
    chosen: set[int] = set()
    for part in days.lower().split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        last = last if dash else first
        if first not in WEEKDAYS or last not in WEEKDAYS:
            raise ValueError(f"{part.strip()!r} is not a weekday or a range of them, like mon-sat")
        begin = WEEKDAYS.index(first)
        length = (WEEKDAYS.index(last) - begin) % 7 + 1
        chosen.update((begin + step) % 7 for step in range(length))
    return frozenset(chosen)


def clock(text: str) -> int:
    """Return minutes after midnight of a clock time from "00:00" to "24:00"; ValueError where it is none."""
    match = re.fullmatch(r"([0-9]{1,2}):([0-5][0-9])", text)
    minutes = int(match[1]) * 60 + int(match[2]) if match else DAY + 1
    if minutes > DAY:
        raise ValueError(f"{text!r} is not a time of day like 07:30")
    return minutes


def clock_span(start: str, end: str) -> tuple[int, int]:
    """Return two clock times as minutes, the second on the next day if it is not later than the first."""
    begin, over = clock(start), clock(end)
    return begin, over if over > begin else over + DAY


def shift_without_breaks(shift: tuple[str, str], breaks: Sequence[tuple[str, str]]) -> Intervals:
    """Return a shift as the intervals between its breaks, in minutes after the midnight before it."""
    start, end = clock_span(*shift)
    off = np.array([clock_span(*pause) for pause in breaks], dtype=np.int64).reshape(-1, 2)
    off = np.concatenate([off - DAY, off, off + DAY])
    return intersection((np.array([start]), np.array([end])), complement(merged(off[:, 0], off[:, 1]), 2 * DAY))


# --- daylight ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def daylight(
    start: date, days: int, latitude: float, longitude: float, utc_offset_hours: float, margin: int
) -> Intervals:
    """Return daylight as intervals of minutes since `start`, `margin` minutes longer at either end of the day.

    The clock is the place's standard time all year. Sunrise and sunset are those of the `astral` library (solar
    position after NOAA), to the minute. Where the sun does not rise or set, the day is all night or all light.
    """
    clock = timezone(timedelta(hours=utc_offset_hours))
    rows = [
        (day * DAY + up - margin, day * DAY + down + margin)
        for day in range(days)
        for up, down in [_sunrise_sunset(start + timedelta(days=day), latitude, longitude, clock)]
        if down > up
    ]
    light = np.array(rows, np.int64).reshape(-1, 2)
    return clipped(merged(light[:, 0], light[:, 1]), days * DAY)


def _sunrise_sunset(day: date, latitude: float, longitude: float, clock: timezone) -> tuple[int, int]:
    """Return the minutes after midnight of sunrise and sunset; twice the same where the sun stays down."""
    from astral import Observer
    from astral.sun import elevation, noon, sunrise, sunset

    place = Observer(latitude, longitude)
    try:
        up, down = sunrise(place, day, tzinfo=clock), sunset(place, day, tzinfo=clock)
    except ValueError:
        return (0, DAY) if elevation(place, noon(place, day, tzinfo=clock)) > 0 else (0, 0)
    return up.hour * 60 + up.minute, down.hour * 60 + down.minute


# --- public holidays --------------------------------------------------------------------------------------------------


def public_holidays(
    country: str, subdivision: str | None, years: Iterable[int], names: Collection[str] = ()
) -> tuple[date, ...]:
    """List public holidays of a country (ISO code, like US) and subdivision (like TX), in order; or some, by name.

    Where a holiday on a weekend is made up for on another day, both are holidays. An unknown country or
    subdivision is a ValueError. The dates depend on the library's version, so a result keeps those it used.
    """
    wanted = set(names)
    days = _holidays_by_name(country, subdivision, tuple(years))
    return tuple(day for day, name in days if not names or wanted & set(name.split("; ")))


@lru_cache(maxsize=64)
def _holidays_by_name(country: str, subdivision: str | None, years: tuple[int, ...]) -> tuple[tuple[date, str], ...]:
    """Return all holidays of those years with their names, in order; several on one day are named together."""
    try:
        days = holidays_by_date(country, subdivision, years)
    except NotImplementedError as unknown:
        raise ValueError(f"no holidays are known for {country} {subdivision or ''}".rstrip()) from unknown
    return tuple(sorted(days.items()))
