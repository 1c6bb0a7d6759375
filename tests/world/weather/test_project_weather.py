"""What the weather of a project must not depend on, and working time without it, minute by minute."""

from __future__ import annotations

import pickle
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sim.config.sections.systems import EXPOSURES
from sim.config.sections.weather import Weather
from sim.world.project_calendars import subtract_by_name
from sim.world.weather.project_weather import closed_intervals, lost_days_by_month, typical_weather, weather_model
from sim.world.working_time import Calendar, weekly
from tests.world.weather.weather_samples import DAY, START, models, rows

KINDS = pytest.mark.parametrize("kind", ["west_texas", "table", "file"])


def test_no_weather_closes_nothing_and_leaves_the_calendar_itself() -> None:
    base = weekly("site", START, 100)
    closed = closed_intervals(weather_model(Weather()), START, 100, 1, 0)
    assert rows(closed) == {exposure: [] for exposure in EXPOSURES}
    assert all(calendar is base for calendar in subtract_by_name(dict.fromkeys(EXPOSURES, base), closed).values())


@KINDS
def test_stretches_are_in_order_apart_and_within_the_horizon(kind: str) -> None:
    for replication in range(30):
        for stretches in closed_intervals(models()[kind], START, 400, 1, replication).values():
            assert stretches.dtype == np.int64
            assert stretches.ndim == 2
            edges = stretches.ravel()
            assert (np.diff(edges) > 0).all()
            assert not len(edges) or (edges[0] >= 0 and edges[-1] <= 400 * DAY)


@KINDS
def test_the_same_weather_whoever_asks_in_which_order(kind: str) -> None:
    model = models()[kind]
    forward = [rows(closed_intervals(model, START, 200, 1, replication)) for replication in range(8)]
    travelled = pickle.loads(pickle.dumps(model))
    backward = [rows(closed_intervals(travelled, START, 200, 1, replication)) for replication in reversed(range(8))]
    assert forward == backward[::-1]
    assert len({str(one) for one in forward}) == 8
    assert rows(closed_intervals(model, START, 200, 2, 0)) != forward[0]


@KINDS
@settings(max_examples=25, deadline=None)
@given(shift=st.integers(-400, 400), count=st.integers(1, 300), replication=st.integers(0, 10**6))
def test_a_project_that_starts_later_meets_the_same_weather(
    kind: str, shift: int, count: int, replication: int
) -> None:
    model, middle = models()[kind], 450
    long = closed_intervals(model, START, middle + 400 + 300, 1, replication)
    begin = START + timedelta(days=middle + shift)
    short = closed_intervals(model, begin, count, 1, replication)
    for exposure, stretches in long.items():
        moved = np.clip(stretches - (middle + shift) * DAY, 0, count * DAY)
        assert short[exposure].tolist() == [row for row in moved.tolist() if row[1] > row[0]]


@KINDS
def test_calendars_without_the_weather_hour_by_hour(kind: str) -> None:
    base = weekly("site", START, 60, breaks=[("12:00", "12:30")], holidays=[START + timedelta(days=9)])
    rng = np.random.default_rng(4)
    for replication in range(6):
        closed = closed_intervals(models()[kind], START, 60, 3, replication)
        for exposure, calendar in subtract_by_name(dict.fromkeys(EXPOSURES, base), closed).items():
            check_by_minutes(calendar, open_minutes(closed[exposure]), rng)


def open_minutes(closed: NDArray[np.int64]) -> NDArray[np.int64]:
    """The minutes that are worked, one by one: six days of 07:00 to 17:30 less lunch, one holiday, no weather."""
    minute = np.arange(60 * DAY)
    day, clock = minute // DAY, minute % DAY
    worked = (clock >= 420) & (clock < 1050) & ~((clock >= 720) & (clock < 750))
    worked &= ((START.weekday() + day) % 7 != 6) & (day != 9)
    for start, end in closed:
        worked[start:end] = False
    return np.flatnonzero(worked)


def check_by_minutes(calendar: Calendar, minutes: NDArray[np.int64], rng: np.random.Generator) -> None:
    for start, length in zip(rng.integers(0, 40 * DAY, 12).tolist(), rng.integers(1, 2_000, 12).tolist(), strict=True):
        assert calendar.worked(start) == np.searchsorted(minutes, start)
        later = minutes[np.searchsorted(minutes, start) :]
        if len(later) >= length:
            assert calendar.finish(start, length) == later[length - 1] + 1
        run = later[np.flatnonzero(np.diff(later, prepend=-2) > 1)]
        ends = later[np.flatnonzero(np.diff(later, append=10**9) > 1)] + 1
        fits = np.flatnonzero(ends - run >= min(length, 240))
        if len(fits) and min(length, 240) <= calendar.longest:
            assert calendar.finish_whole(start, min(length, 240)) == run[fits[0]] + min(length, 240)


@KINDS
def test_typical_weather_costs_what_weather_costs_on_the_mean_and_its_months_were_drawn(kind: str) -> None:
    model, shift, years = models()[kind], weekly("shift", START, 2 * 365), 20
    typical = typical_weather(model, shift, START, years)
    working, lost = lost_days_by_month(model, shift, START, years)
    for exposure, stretches in typical.items():
        assert (np.diff(stretches.ravel()) >= 0).all()
        open_ = shift.worked(shift.horizon)
        left = subtract_by_name({exposure: shift}, {exposure: stretches})[exposure].worked(shift.horizon)
        stated = lost[exposure].sum() / working.sum()
        assert 1 - left / open_ == pytest.approx(stated, rel=0.25, abs=0.01)
    march = {exposure: within(stretches, 31 * DAY) for exposure, stretches in typical.items()}
    years_drawn = (closed_intervals(model, START, 2 * 365, 1, year) for year in range(years))
    assert march in [{exposure: within(drawn[exposure], 31 * DAY) for exposure in EXPOSURES} for drawn in years_drawn]


def within(stretches: NDArray[np.int64], end: int) -> list[tuple[int, int]]:
    """The stretches before a minute."""
    return [(begin, min(last, end)) for begin, last in stretches.tolist() if begin < end]
