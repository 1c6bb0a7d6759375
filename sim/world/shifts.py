"""The words of a working week: weekdays, clock times, shifts with breaks, as numbers."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np

from sim.world.intervals import Intervals, common, merged, rest

DAY = 1440
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def weekdays(days: str | Collection[int]) -> frozenset[int]:
    """Return weekday numbers, 0 for Monday, of a wording like "mon-fri" or "mon-thu,sat"; a range may wrap.

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


def span(start: str, end: str) -> tuple[int, int]:
    """Return two clock times as minutes, the second on the next day if it is not later than the first."""
    begin, over = clock(start), clock(end)
    return begin, over if over > begin else over + DAY


def paid(shift: tuple[str, str], breaks: Sequence[tuple[str, str]]) -> Intervals:
    """Return a shift as the stretches between its breaks, in minutes after the midnight before it."""
    start, end = span(*shift)
    off = np.array([span(*pause) for pause in breaks], dtype=np.int64).reshape(-1, 2)
    off = np.concatenate([off - DAY, off, off + DAY])
    return common((np.array([start]), np.array([end])), rest(merged(off[:, 0], off[:, 1]), 2 * DAY))
