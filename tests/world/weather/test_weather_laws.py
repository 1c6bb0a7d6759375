"""The weather against the laws of its climate: how often, how long, in which season."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from sim.config.sections.systems import EXPOSURES
from sim.config.sections.weather import LostDays, Weather
from sim.world.weather.climate import climate_of
from sim.world.weather.project_weather import closed_intervals, weather_model
from tests.world.weather.weather_samples import (
    CALM,
    DAY,
    DRY,
    MILD,
    NEW_YEAR,
    START,
    assert_mean,
    by_month,
    climate,
    rows,
    table_model,
)


def test_cranes_stand_as_often_as_the_weibull_distributions_say() -> None:
    model = climate(**DRY, **MILD)
    expected = model.climate.wind_exceedance(model.limits.crane_wind).mean(axis=1)
    assert expected[3] > 2 * expected[7]  # a windy spring, a calm late summer
    assert_mean(by_month(model, "crane", 300), expected)


def test_frost_comes_as_often_as_the_normal_distribution_says() -> None:
    model = climate(**DRY, **CALM)
    numbers = model.climate
    score = (model.limits.frost - numbers.temperature) / numbers.temperature_sd[:, None]
    expected = ndtr(score).mean(axis=1)
    assert expected[0] > 0.1
    assert expected[4:9].max() < 1e-4
    cold = expected > 1e-3
    assert_mean(by_month(model, "earthwork", 300)[:, cold], expected[cold])


def test_rain_falls_as_long_as_the_climate_says() -> None:
    numbers = climate_of("west_texas")
    often = numbers.p01 / (numbers.p01 + numbers.p10)
    shorter = 1 - np.exp(-24 / numbers.rain_hours)  # no rain outlasts its day
    may: dict[str, Any] = {name: np.full(12, getattr(numbers, name)[4]) for name in ("p01", "p10")}
    settled = climate(**may, **MILD, **CALM)
    settled = replace(settled, limits=replace(settled.limits, shut_rain=1e9))
    assert_mean(by_month(settled, "crane", 300), often[4] * numbers.rain_hours / 24 * shorter)


def test_storm_seasons_come_as_often_and_last_as_long_as_stated() -> None:
    stated = Weather.model_validate(
        {
            "kind": "west_texas",
            "storms": {"per_year": 0.5, "days": {"low": 10, "mode": 20, "high": 60}, "interior_days": 2},
        }
    )
    model = climate(stated, **DRY, **MILD, **CALM)
    outdoors = [closed_intervals(model, START, 3650, 2, year)["crane"] for year in range(100)]
    every = np.concatenate(outdoors)
    whole = every[(every[:, 0] > 0) & (every[:, 1] < 3650 * DAY)]
    lengths = whole[:, 1] - whole[:, 0]
    assert lengths.min() >= 10 * DAY
    assert np.median(lengths) / DAY == pytest.approx(25, abs=3)  # that of the PERT estimate, and of seasons that meet
    count = np.array([len(stretches) for stretches in outdoors])
    assert abs(count.mean() - 5) < 4 * sqrt(5 / 100) + 0.3  # seasons that overlap are one stretch
    shut = closed_intervals(model, START, 3650, 2, 0)["interior"]
    assert set((shut[:, 1] - shut[:, 0]).tolist()) <= {DAY, 2 * DAY}
    assert rows(closed_intervals(climate(**DRY, **MILD, **CALM), START, 3650, 2, 0)) == {e: [] for e in EXPOSURES}


def test_a_table_of_lost_days_is_lost_in_the_mean() -> None:
    crane = (2.5, 3.0, 4.5, 4.5, 3.5, 3.0, 1.5, 1.2, 1.2, 1.8, 2.3, 2.3)
    table = LostDays(crane=crane, earthwork=(0.0,) * 6 + (26.0,) * 6)
    shares = by_month(table_model(table), "crane", 600)
    assert_mean(shares * 26, np.array(crane))
    assert (by_month(table_model(table), "earthwork", 3) == np.repeat([0.0, 1.0], 6)).all()


def test_bad_days_of_a_table_come_in_groups_and_hit_everything_at_once() -> None:
    table = LostDays(crane=(5.2,) * 12, earthwork=(2.6,) * 12)
    closed = closed_intervals(table_model(table), NEW_YEAR, 3650, 1, 0)
    lost = {exposure: np.zeros(3650, dtype=bool) for exposure in EXPOSURES}
    for exposure, stretches in closed.items():
        for start, end in stretches // DAY:
            lost[exposure][start:end] = True
    assert not (lost["earthwork"] & ~lost["crane"]).any()
    crane = lost["crane"]
    after_a_bad_day = crane[1:][crane[:-1]].mean()
    assert after_a_bad_day > crane.mean() + 4 * sqrt(0.2 * 0.8 / crane.sum())


STORM = {"per_year": 0.5, "days": 20, "interior_days": 2}


def test_a_table_has_storm_seasons_as_well() -> None:
    """Nothing is lost by the table: what is closed is a season a day's chance of 0.5 / 365 brings, of twenty days."""
    model = weather_model(Weather.model_validate({"kind": "table", "lost_days": {}, "storms": STORM}))
    lost = np.array(
        [np.diff(closed_intervals(model, NEW_YEAR, 3650, 3, year)["crane"]).sum() / DAY for year in range(100)]
    )
    # ten years of half a season a year are 5 x 20 days, less where seasons meet (a chance of 20 x 0.5 / 365 each)
    assert_mean(lost[:, None], np.array([5 * 20 * (1 - 0.5 * 20 * 0.5 / 365)]))


@pytest.mark.parametrize("kind", [{"kind": "none"}, {"kind": "table", "lost_days": {}}, {"kind": "west_texas"}])
def test_a_dated_storm_closes_its_days_whatever_the_weather(kind: dict[str, object]) -> None:
    storm = {"start": "2027-02-01", "days": 10, "interior_days": 1}
    quiet = kind | {"storms": {"per_year": 0}}
    without = weather_model(Weather.model_validate(quiet))
    model = weather_model(Weather.model_validate(quiet | {"dated_storms": [storm]}))
    for use_numba in (False, True):
        before = closed_intervals(without, NEW_YEAR, 120, 1, 0, use_numba=use_numba)
        after = closed_intervals(model, NEW_YEAR, 120, 1, 0, use_numba=use_numba)
        for exposure in EXPOSURES:
            days = 1 if exposure == "interior" else 10
            expected = np.zeros(120 * DAY, bool)
            for start, end in [*before[exposure].tolist(), [31 * DAY, (31 + days) * DAY]]:
                expected[start:end] = True
            found = np.zeros(120 * DAY, bool)
            for start, end in after[exposure].tolist():
                found[start:end] = True
            assert (found == expected).all()


def test_a_drawn_length_of_a_dated_storm_is_the_same_under_every_strategy() -> None:
    """It belongs to the replication and to the storm's place in the list, not to when the project starts."""
    storms = [{"start": "2027-02-01", "days": {"low": 5, "mode": 10, "high": 40}}]
    model = weather_model(Weather.model_validate({"kind": "none", "dated_storms": storms}))
    early = [closed_intervals(model, NEW_YEAR, 120, 1, r)["crane"] for r in range(20)]
    late = [closed_intervals(model, date(2027, 1, 15), 120, 1, r)["crane"] for r in range(20)]
    assert all((a - 14 * DAY == b).all() for a, b in zip(early, late, strict=True))
    assert len({int(a[0, 1]) for a in early}) > 10
