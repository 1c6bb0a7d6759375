"""Weather and calendars by machine code are the same to the bit and the minute."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.backends import COMPILED, SIMPY
from sim.jit import available
from sim.world import working_time as interruptions
from sim.world.distributions import Fixed
from sim.world.weather.closures import limits_of
from sim.world.weather.generator import ClimateModel
from sim.world.weather.project_weather import WeatherModel, closed_intervals
from sim.world.working_time import Calendar, subtract_closures
from tests.tiny_project import tiny_case
from tests.world.weather.weather_samples import CALM, DRY, FIXED, MILD, START, STATED, climate, models

pytestmark = pytest.mark.skipif(not available(), reason="numba is an extra that is not installed")

MINUTES = st.integers(-50, 450)
ROWS = st.lists(st.tuples(MINUTES, st.integers(0, 120)), max_size=12)


def require_same(model: WeatherModel, start: date, count: int, seed: int, replication: int) -> int:
    """Ask for a weather both ways, and expect the same minutes; return how many stretches there are."""
    slow, fast = (closed_both(model, start, count, seed, replication, opened) for opened in (False, True))
    assert list(slow) == list(fast)
    for exposure, stretches in slow.items():
        assert fast[exposure].dtype == stretches.dtype
        np.testing.assert_array_equal(fast[exposure], stretches)
    return sum(len(stretches) for stretches in fast.values())


def closed_both(
    model: WeatherModel, start: date, count: int, seed: int, replication: int, opened: bool
) -> dict[str, np.ndarray]:
    return dict(closed_intervals(model, start, count, seed, replication, use_numba=opened))


def same(one: Calendar, other: Calendar) -> bool:
    told = [(hours.name, hours.horizon, hours.start_date, hours.known, hours.longest) for hours in (one, other)]
    columns = zip((one.starts, one.ends, one.done), (other.starts, other.ends, other.done), strict=True)
    return told[0] == told[1] and all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in columns)


@settings(max_examples=60, deadline=None)
@given(
    shift=st.integers(-800, 800),
    count=st.integers(1, 300),
    seed=st.integers(0, 2**64),
    replication=st.integers(0, 2**40),
)
def test_a_sky_closes_the_same_minutes(shift: int, count: int, seed: int, replication: int) -> None:
    require_same(models()["west_texas"], START + timedelta(days=shift), count, seed, replication)


@pytest.mark.parametrize("days", [400, 1800])
def test_years_of_it_too(days: int) -> None:
    assert sum(require_same(models()["west_texas"], START, days, 2, number) for number in range(10)) > 10 * days // 2


@pytest.mark.parametrize(
    "changed",
    [
        {**MILD, **CALM},
        {**MILD, **DRY},
        {**CALM, **DRY},
        {**FIXED, "p01": np.ones(12), "p10": np.zeros(12)},
        {"rain_hours": np.full(12, 30.0), "rain_mm": np.full(12, 80.0)},
        {"rain_hours": np.zeros(12)},
        {"temperature": np.full((12, 24), -20.0)},
        {"wind_c": np.full((12, 24), 90.0)},
    ],
    ids=["only rain", "only wind", "only cold", "ever wet", "floods", "wet but never long", "ever frost", "ever wind"],
)
def test_other_climates_too(changed: dict[str, np.ndarray]) -> None:
    assert sum(require_same(climate(STATED, **changed), START, 200, 4, number) for number in range(5)) > 0


def test_storm_seasons_that_overlap_too() -> None:
    model = models()["west_texas"]
    assert isinstance(model, ClimateModel)
    often = replace(model.storms, daily=np.full(12, 0.05), duration=Fixed(30.0), interior_minutes=3000)
    stormy = ClimateModel(model.climate, limits_of(STATED), often)
    for number in range(10):
        require_same(stormy, START, 150, 5, number)
    assert np.diff(closed_intervals(stormy, START, 150, 5, 0, use_numba=True)["interior"]).max() >= 3000


@settings(max_examples=300, deadline=None)
@given(stretches=ROWS, closing=ROWS)
def test_taking_stretches_out_of_a_calendar(stretches: list[tuple[int, int]], closing: list[tuple[int, int]]) -> None:
    base = Calendar.of("base", [(start, start + length) for start, length in stretches], 400, START)
    storms = np.array([(start, start + length) for start, length in closing], np.int64).reshape(-1, 2)
    for closed in (storms, storms[np.argsort(storms[:, 0], kind="stable")], np.asfortranarray(storms)):
        made = [subtract_closures(base, closed, known=300, use_numba=opened) for opened in (False, True)]
        assert same(*made)


def test_calendars_of_a_project(monkeypatch: pytest.MonkeyPatch) -> None:
    case, changed = tiny_case("weather={kind: west_texas}"), 0
    stated = case.plan.base_calendars
    for replication in range(6):
        for days in (None, 40):
            slow = case.calendars_of(9, replication, days, engine=SIMPY)
            with monkeypatch.context() as patch:
                patch.setattr(interruptions, "_subtract", None)  # by machine, not by a way round it
                fast = case.calendars_of(9, replication, days, engine=COMPILED)
            for one, other, base in zip(slow, fast, stated, strict=True):
                assert same(one, other)
                assert (one is base) == (other is base)
                changed += one is not base
    assert changed > 30
