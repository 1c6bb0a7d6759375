"""Weathers to test with: West Texas with some of its climate changed, and one of each kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.config.sections.systems import Exposure
from sim.config.sections.weather import LostDays, Weather
from sim.world.weather.climate import climate_of, storm_seasons
from sim.world.weather.closures import MONTH_DAYS, Closed, limits_of
from sim.world.weather.generator import ClimateModel, LostDaysModel, Resampled, closed_hours, lost_days_model
from sim.world.weather.project_weather import WeatherModel, closed_intervals, weather_model
from sim.world.weather.weather_files import Year

DAY, HOUR = 1440, 60
START = date(2026, 3, 1)
NEW_YEAR = date(2027, 1, 1)
STATED = Weather(kind="west_texas")
NO_STORMS = Weather.model_validate({"kind": "west_texas", "storms": {"per_year": 0}})
FIXED: dict[str, Any] = {"rain_mm": np.full(12, 10.0), "rain_hours": np.full(12, 1.5), "rain_shape": 1.0}
MILD: dict[str, Any] = {"temperature": np.full((12, 24), 20.0), "temperature_sd": np.full(12, 0.1)}
CALM: dict[str, Any] = {"wind_c": np.full((12, 24), 0.01)}
DRY: dict[str, Any] = {"p01": np.zeros(12), "p10": np.ones(12)}


def climate(stated: Weather = NO_STORMS, **changed: Any) -> ClimateModel:
    """West Texas with some of its climate changed, and without storm seasons unless stated."""
    numbers = replace(climate_of("west_texas"), **changed)
    return ClimateModel(numbers, limits_of(stated), storm_seasons(stated.storms, np.ones(12)))


def table_model(table: LostDays) -> LostDaysModel:
    """A table of lost days without storm seasons."""
    return lost_days_model(table, storm_seasons(NO_STORMS.storms, np.ones(12)))


@cache
def noisy_year() -> Year:
    """A year that is closed for one reason or another in every month."""
    rng = np.random.default_rng(9)
    rain = np.where(rng.random((365, 24)) < 0.02, rng.exponential(6, (365, 24)), 0.0)
    return Year(rng.weibull(2, (365, 24)) * 5, rng.normal(8, 6, (365, 24)), rain)


@cache
def models() -> dict[str, WeatherModel]:
    """One of each kind."""
    table = LostDays(earthwork=(2.0,) * 12, crane=(3.0,) * 12)
    storms = storm_seasons(STATED.storms, np.ones(12))
    return {
        "west_texas": weather_model(STATED),
        "table": lost_days_model(table, storms),
        "file": Resampled(closed_hours(noisy_year(), limits_of(STATED)), storms),
    }


def rows(closed: Closed) -> dict[str, list[list[int]]]:
    return {exposure: stretches.tolist() for exposure, stretches in closed.items()}


def by_month(model: WeatherModel, exposure: Exposure, years: int) -> NDArray[np.float64]:
    """Share of each month that is closed, a row a year."""
    edges = np.cumsum([0, *MONTH_DAYS]) * DAY
    shares = np.empty((years, 12))
    for year in range(years):
        stretches = closed_intervals(model, NEW_YEAR, 365, 5, year)[exposure]
        starts, ends = stretches[:, 0, None], stretches[:, 1, None]
        shares[year] = np.maximum(np.minimum(ends, edges[1:]) - np.maximum(starts, edges[:-1]), 0).sum(0)
    return shares / np.diff(edges)


def assert_mean(sample: NDArray[np.float64], expected: NDArray[np.float64]) -> None:
    error = sample.std(axis=0, ddof=1) / sqrt(len(sample))
    assert (abs(sample.mean(axis=0) - expected) <= 4 * error + 1e-12).all()
