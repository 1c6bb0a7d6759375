"""A climate by month, the persistence of weather from day to day, and storm seasons.

A climate is a small table; the built-in ones, by region, were derived from typical years
(`experiments/west_texas_weather` repeats that). Wet days follow wet days (a two-state Markov chain), and wind and
temperature are autocorrelated. Both look back over a fixed number of days only, so that a day's weather follows from
the draws of the days before it, to the same bits wherever a series begins.

Typical years are put together from typical months, so what stops a job for a whole season is in none of them. Each day
a storm season may therefore begin, more likely in rainy months; it lasts as long as the planner's estimate says.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import fsum, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim import files
from sim.config.sections import weather as weather_config
from sim.errors import ConfigError, Problem, SimError
from sim.world.distributions import Distribution, to_distribution
from sim.world.shifts import DAY
from sim.world.weather.closures import (
    MONTH_DAYS,
    WARM_UP_DAYS,
    Days,
    IntervalRows,
    WeatherDraws,
    interval_rows,
    no_intervals,
)

Floats = NDArray[np.float64]

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
QUANTITIES = (
    *("p01", "p10", "rain_hours", "rain_mm", "rain_shape"),
    *(f"temperature_{hour:02d}" for hour in range(24)),
    *("temperature_sd", "temperature_persistence"),
    *("wind_k_day", "wind_c_day", "wind_k_night", "wind_c_night"),
    *(f"wind_factor_{hour:02d}" for hour in range(24)),
    *("wind_daily_share", "wind_daily_persistence", "wind_3h_persistence"),
)

_HERE = Path(__file__).resolve()
CLIMATES = (_HERE.parents[2] / "configs" / "weather", _HERE.parents[3] / "configs" / "weather")
"""Among the configurations: in the package where it is installed, beside it in a checkout."""

_DAY = slice(7, 19)


@dataclass(frozen=True, eq=False)
class Climate:
    """A climate by month: twelve numbers each unless stated otherwise; wind at 10 m above ground, hours of the civil day."""

    p01: Floats
    p10: Floats
    rain_hours: Floats
    rain_mm: Floats
    rain_shape: float
    temperature: Floats  # (12, 24) °C
    temperature_sd: Floats
    temperature_persistence: float
    wind_k: Floats  # (12, 24) Weibull shape
    wind_c: Floats  # (12, 24) Weibull scale, m/s
    wind_daily_share: float
    wind_daily_persistence: float
    wind_3h_persistence: float

    @property
    def monthly_rain(self) -> Floats:
        """Return the mean mm of rain of each month."""
        rain: Floats = self.p01 / (self.p01 + self.p10) * np.array(MONTH_DAYS) * self.rain_mm
        return rain

    def wind_exceedance(self, speed: float) -> Floats:
        """Return the probability of more than `speed` m/s, by month and hour: (12, 24)."""
        # the survival function of the Weibull distribution
        probability: Floats = np.exp(-((speed / self.wind_c) ** self.wind_k))
        return probability


@lru_cache(maxsize=4)
def climate_of(region: weather_config.Region) -> Climate:
    """Return a built-in climate; SimError where it was not installed.

    >>> float(climate_of("ohio").monthly_rain.sum().round())
    1050.0
    """
    for folder in CLIMATES:
        if (folder / f"{region}.csv").is_file():
            return read_climate(folder / f"{region}.csv")
    raise SimError(f"the built-in weather is missing: {region}.csv was not installed with the program")


def read_climate(path: Path) -> Climate:
    """Return the climate of a table with a row per quantity and a column per month; ConfigError where it is not one."""
    rows = _rows(path)
    hours = np.arange(24)
    is_day = np.isin(hours, hours[_DAY])
    factor = _by_hour(rows, "wind_factor")
    return Climate(
        p01=rows["p01"],
        p10=rows["p10"],
        rain_hours=rows["rain_hours"],
        rain_mm=rows["rain_mm"],
        rain_shape=_one(rows, "rain_shape"),
        temperature=_by_hour(rows, "temperature"),
        temperature_sd=rows["temperature_sd"],
        temperature_persistence=_one(rows, "temperature_persistence"),
        wind_k=np.where(is_day, rows["wind_k_day"][:, None], rows["wind_k_night"][:, None]),
        wind_c=np.where(is_day, rows["wind_c_day"][:, None], rows["wind_c_night"][:, None]) * factor,
        wind_daily_share=_one(rows, "wind_daily_share"),
        wind_daily_persistence=_one(rows, "wind_daily_persistence"),
        wind_3h_persistence=_one(rows, "wind_3h_persistence"),
    )


def _rows(path: Path) -> Mapping[str, Floats]:
    """Return the twelve numbers of every row, by quantity; lines that begin with # are comments."""
    text = files.read(path).decode(errors="replace")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    try:
        rows = {row["quantity"]: np.array([float(row[month]) for month in MONTHS]) for row in csv.DictReader(lines)}
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        message = f"a column `quantity` and twelve months of numbers are expected ({error})"
        raise ConfigError([Problem(str(path), 0, 0, "", "", message)]) from error
    missing = [quantity for quantity in QUANTITIES if quantity not in rows]
    if missing:
        raise ConfigError(Problem(str(path), 0, 0, quantity, "", "this row is missing") for quantity in missing)
    return rows


def _one(rows: Mapping[str, Floats], quantity: str) -> float:
    """Return the number of a quantity that is the same in every month."""
    return float(rows[quantity][0])


def _by_hour(rows: Mapping[str, Floats], quantity: str) -> Floats:
    """Return the 24 rows of a quantity, one per hour, as (12, 24)."""
    return np.column_stack([rows[f"{quantity}_{hour:02d}"] for hour in range(24)])


# --- persistence from day to day --------------------------------------------------------------------------------------


LAGS = 31
"""Steps before the first result that `autocorrelated` needs: 1 + 1 + 2 + 4 + 8 + 16 terms."""

_DOUBLINGS = (1, 2, 4, 8, 16)


def wet_days(uniforms: Floats, p01: Floats, p10: Floats) -> NDArray[np.bool_]:
    """Return which days are wet in a two-state Markov chain: p01 from dry to wet, p10 from wet to dry, day by day.

    Wet spells are geometric with mean 1/p10; the share of wet days is p01/(p01 + p10) (Gabriel and Neumann 1962,
    Richardson 1981). The same draw decides from either state: below p01 it is wet anyway, above 1 − p10 dry
    anyway, between them as yesterday. So from the first draw outside on the chain does not depend on its start, and needs
    no loop. Weather persists: p01 + p10 ≤ 1. Before the first such draw it is dry.
    """
    is_decided = (uniforms < p01) | (uniforms >= 1 - p10)
    last_decided = np.maximum.accumulate(np.where(is_decided, np.arange(len(uniforms)), 0))
    is_wet: NDArray[np.bool_] = (uniforms < p01)[last_decided]
    return is_wet


def autocorrelated(noise: Floats, correlation: float) -> Floats:
    """Return independent normal numbers as an autocorrelated series: correlation ** steps between two of them, to 31 steps.

    The sum of the last 32 numbers with weights 1, r, r², …, divided to variance 1: a first-order
    autoregression cut off where r³² is negligible. Five additions instead of 32: (1 + r)(1 + r²)(1 + r⁴)….
    The result has LAGS numbers less.
    """
    weights, norm = autocorrelation_weights(correlation)
    for shift, weight in zip(_DOUBLINGS, weights, strict=True):
        noise = noise[shift:] + weight * noise[:-shift]
    return noise / norm


def autocorrelation_weights(correlation: float) -> tuple[tuple[float, ...], float]:
    """Return the weight of each doubling in `autocorrelated`, and the divisor that brings the sum back to variance 1."""
    # the variance of a sum of independent numbers is the sum of the squared weights
    norm = sqrt(fsum(correlation ** (2 * step) for step in range(LAGS + 1)))
    return tuple(correlation**shift for shift in _DOUBLINGS), norm


def interpolated(knots: Floats, correlation: float, late: float) -> Floats:
    """Return numbers at a share `late` of the way from each knot to the next, of variance 1 like the knots."""
    weight, next_weight = interpolation_weights(correlation, late)
    return knots[:-1] * weight + knots[1:] * next_weight


def interpolation_weights(correlation: float, late: float) -> tuple[float, float]:
    """Return the weights of two knots for a share `late` of the way between them; `correlation` is that of the two."""
    # a weighted mean of two correlated numbers varies less than either: divide by its standard deviation
    spread = sqrt((1 - late) ** 2 + late**2 + 2 * late * (1 - late) * correlation)
    return (1 - late) / spread, late / spread


# --- storm seasons ----------------------------------------------------------------------------------------------------


MAX_DAYS = 90
"""Days; a season that began before the project is known only as far as weather is drawn before it."""


@dataclass(frozen=True, eq=False)
class Storms:
    """Probability per day that a season begins, by month; its duration; minutes at its start without indoor work."""

    daily: Floats
    duration: Distribution
    interior_minutes: int

    def seasons(self, span: Days, draws: WeatherDraws) -> tuple[IntervalRows, IntervalRows]:
        """Return the intervals of storm seasons: those closed to work outdoors, and those closed to all work."""
        uniforms = draws.daily("storms", span.first, span.count, 2)
        first_days = np.flatnonzero(uniforms[:, 0] < self.daily[span.month])
        return self.intervals(first_days, uniforms[first_days, 1])

    def intervals(self, days: NDArray[np.int64], uniforms: Floats) -> tuple[IntervalRows, IntervalRows]:
        """Return the intervals of storm seasons that begin on these days; `uniforms` draw their durations."""
        if not len(days):
            return no_intervals(), no_intervals()
        starts = (days - WARM_UP_DAYS) * DAY
        minutes = np.round(np.clip(self.duration.ppf(uniforms), 1, MAX_DAYS)).astype(np.int64) * DAY
        return (
            interval_rows(starts, starts + minutes),
            interval_rows(starts, starts + np.minimum(minutes, self.interior_minutes)),
        )


def storm_seasons(storms: weather_config.Storms, monthly_rain: Floats) -> Storms:
    """Return storm seasons whose yearly number is spread over the months by their share of the rain; evenly without any."""
    total = monthly_rain.sum()
    share = monthly_rain / total if total > 0 else np.array(MONTH_DAYS) / 365
    return Storms(
        daily=np.minimum(storms.per_year.value * share / np.array(MONTH_DAYS), 1.0),
        duration=to_distribution(storms.days),
        interior_minutes=round(storms.interior_days.value * DAY),
    )
