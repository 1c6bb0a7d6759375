"""Calendars laid out for the kernel: whatever was laid out before, each is found where the contents say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba", reason="the compiled engine is an extra that is not installed")

from sim.engine.numba_engine.calendars import CalendarArrays
from sim.engine.numba_engine.memory_layout import (
    CALENDAR_SIZE,
    ENDS,
    INTERVALS,
    KNOWN,
    LONGEST_INTERVAL,
    STARTS,
    WORKED_BY_END,
)
from sim.jit.toolkit import Ints
from sim.world.working_time import Calendar

SHIFTS = [
    Calendar.of(f"{count} every {pause}", [(at * pause, at * pause + 5 + at % 3) for at in range(count)], 10_000)
    for count, pause in ((0, 10), (1, 10), (3, 20), (40, 100), (200, 30), (7, 11))
]


def require_there(hours: Ints, calendars: list[Calendar]) -> None:
    """Read calendars the way the kernel does."""
    for place, calendar in enumerate(calendars):
        contents = hours[place * CALENDAR_SIZE :][:CALENDAR_SIZE]
        size = len(calendar.starts)
        assert (contents[INTERVALS], contents[LONGEST_INTERVAL], contents[KNOWN]) == (
            size,
            calendar.longest,
            calendar.known,
        )
        columns = zip((STARTS, ENDS, WORKED_BY_END), (calendar.starts, calendar.ends, calendar.done), strict=True)
        for column, minutes in columns:
            assert np.array_equal(hours[contents[column] :][:size], minutes)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(0, len(SHIFTS) - 1), min_size=4, max_size=4), min_size=1, max_size=8))
def test_calendars_are_found_whatever_was_there_before(runs: list[list[int]]) -> None:
    calendar_arrays = CalendarArrays()
    for run in runs:
        calendars = [SHIFTS[shift] for shift in run]
        require_there(calendar_arrays.of(calendars), calendars)


def test_more_calendars_or_fewer() -> None:
    calendar_arrays = CalendarArrays()
    for count in (2, 6, 6, 1, 0, 4):
        require_there(calendar_arrays.of(SHIFTS[:count]), SHIFTS[:count])


def test_what_stays_is_not_written_again() -> None:
    calendar_arrays, last = CalendarArrays(), len(SHIFTS) - 1
    runs = [SHIFTS, [*SHIFTS[:last], SHIFTS[0]], SHIFTS, [*SHIFTS[:last], SHIFTS[1]]]
    hours = [calendar_arrays.of(calendars) for calendars in runs[:2]][-1]
    staying = hours[hours[4 * CALENDAR_SIZE + STARTS] :][:200]
    staying += 1  # as nobody would; so one sees that nobody writes it
    calendar_arrays.of(runs[2])
    assert np.array_equal(calendar_arrays.of(runs[3])[hours[4 * CALENDAR_SIZE + STARTS] :][:200], SHIFTS[4].starts + 1)
