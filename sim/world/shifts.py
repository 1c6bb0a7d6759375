"""Sets of time intervals, and what they are made of: weekdays, clock times, shifts with breaks, daylight, holidays.

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
    """Return intervals as a set: in order, without empty ones, those that overlap or touch joined."""
    not_empty = ends > starts
    if not not_empty.all():
        starts, ends = starts[not_empty], ends[not_empty]
    if (starts[1:] > ends[:-1]).all():
        return starts, ends
    order = np.argsort(starts, kind="stable")
    starts, latest_end = starts[order], np.maximum.accumulate(ends[order])
    gaps = np.flatnonzero(starts[1:] > latest_end[:-1])
    return starts[np.concatenate([[0], gaps + 1])], latest_end[np.concatenate([gaps, [len(latest_end) - 1]])]


def intersection(a: Intervals, b: Intervals) -> Intervals:
    """Return the time that is in both of two sets, each as of `merged`."""
    (a_starts, a_ends), (b_starts, b_ends) = a, b
    # for each interval of a: the first of b that overlaps it, and how many do
    first = np.searchsorted(b_ends, a_starts, side="right")
    count = np.maximum(np.searchsorted(b_starts, a_ends, side="left") - first, 0)
    # every overlapping pair, as indices into a and into b
    in_a = np.repeat(np.arange(len(count)), count)
    in_b = np.arange(len(in_a)) + np.repeat(first - (np.cumsum(count) - count), count)
    return np.maximum(a_starts[in_a], b_starts[in_b]), np.minimum(a_ends[in_a], b_ends[in_b])


def complement(intervals: Intervals, horizon: int) -> Intervals:
    """Return the time of [0, horizon) that is not in a set as of `merged`."""
    closed_starts, closed_ends = intervals
    starts = np.concatenate([np.zeros(1, dtype=np.int64), closed_ends])
    ends = np.concatenate([closed_starts, np.array([horizon], dtype=np.int64)])
    return clipped((starts, ends), horizon)


def clipped(intervals: Intervals, horizon: int) -> Intervals:
    """Return the part of a set that lies in [0, horizon)."""
    starts, ends = np.maximum(intervals[0], 0), np.minimum(intervals[1], horizon)
    not_empty = ends > starts
    return starts[not_empty], ends[not_empty]


# --- weekdays and shifts ----------------------------------------------------------------------------------------------


DAY = 1440
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def weekdays(days: str | Collection[int]) -> frozenset[int]:
    """Return weekday numbers, 0 for Monday, of a text like "mon-fri" or "mon-thu,sat"; a range may wrap.

    Raises ValueError where a word is not a weekday.
    """
    if not isinstance(days, str):
        return frozenset(days)
    numbers: set[int] = set()
    for part in days.lower().split(","):
        first, dash, last = (text.strip() for text in part.partition("-"))
        last = last if dash else first
        if first not in WEEKDAYS or last not in WEEKDAYS:
            raise ValueError(f"{part.strip()!r} is not a weekday or a range of them, like mon-sat")
        first_number = WEEKDAYS.index(first)
        length = (WEEKDAYS.index(last) - first_number) % 7 + 1
        numbers.update((first_number + step) % 7 for step in range(length))
    return frozenset(numbers)


def clock(text: str) -> int:
    """Return minutes after midnight of a clock time from "00:00" to "24:00"; ValueError where it is none."""
    match = re.fullmatch(r"([0-9]{1,2}):([0-5][0-9])", text)
    minutes = int(match[1]) * 60 + int(match[2]) if match else DAY + 1
    if minutes > DAY:
        raise ValueError(f"{text!r} is not a time of day like 07:30")
    return minutes


def clock_span(start: str, end: str) -> tuple[int, int]:
    """Return two clock times in minutes after midnight, the second on the next day if it is not later than the first."""
    start_minute, end_minute = clock(start), clock(end)
    return start_minute, end_minute if end_minute > start_minute else end_minute + DAY


def shift_without_breaks(shift: tuple[str, str], breaks: Sequence[tuple[str, str]]) -> Intervals:
    """Return a shift as the intervals between its breaks, in minutes after the midnight before it."""
    start, end = clock_span(*shift)
    pauses = np.array([clock_span(*pause) for pause in breaks], dtype=np.int64).reshape(-1, 2)
    # a night shift may have its breaks on either day
    pauses = np.concatenate([pauses - DAY, pauses, pauses + DAY])
    no_pause = complement(merged(pauses[:, 0], pauses[:, 1]), 2 * DAY)
    return intersection((np.array([start]), np.array([end])), no_pause)


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
    rows = []
    for day in range(days):
        sunrise, sunset = _sunrise_sunset(start + timedelta(days=day), latitude, longitude, clock)
        if sunset > sunrise:
            rows.append((day * DAY + sunrise - margin, day * DAY + sunset + margin))
    light = np.array(rows, np.int64).reshape(-1, 2)
    return clipped(merged(light[:, 0], light[:, 1]), days * DAY)


def _sunrise_sunset(day: date, latitude: float, longitude: float, clock: timezone) -> tuple[int, int]:
    """Return sunrise and sunset in minutes after midnight: 0 and 1440 where the sun stays up, 0 and 0 where it stays down."""
    from astral import Observer
    from astral.sun import elevation, noon, sunrise, sunset

    place = Observer(latitude, longitude)
    try:
        rises, sets = sunrise(place, day, tzinfo=clock), sunset(place, day, tzinfo=clock)
    except ValueError:
        return (0, DAY) if elevation(place, noon(place, day, tzinfo=clock)) > 0 else (0, 0)
    return rises.hour * 60 + rises.minute, sets.hour * 60 + sets.minute


# --- public holidays --------------------------------------------------------------------------------------------------


def public_holidays(
    country: str, subdivision: str | None, years: Iterable[int], names: Collection[str] = ()
) -> tuple[date, ...]:
    """Return the public holidays of a country (ISO code, like US) and subdivision (like TX), in order; or some, by name.

    Where a holiday on a weekend is made up for on another day, both are holidays. An unknown country or
    subdivision is a ValueError. The dates depend on the library's version, so a result keeps those it used.
    """
    names_wanted = set(names)
    days = _holidays_by_name(country, subdivision, tuple(years))
    return tuple(day for day, name in days if not names or names_wanted & set(name.split("; ")))


@lru_cache(maxsize=64)
def _holidays_by_name(country: str, subdivision: str | None, years: tuple[int, ...]) -> tuple[tuple[date, str], ...]:
    """Return (date, name) of all holidays of some years, in order; several on one day are named together."""
    try:
        days = holidays_by_date(country, subdivision, years)
    except NotImplementedError as unknown:
        raise ValueError(f"no holidays are known for {country} {subdivision or ''}".rstrip()) from unknown
    return tuple(sorted(days.items()))
