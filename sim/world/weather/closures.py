"""Parts of all weather models: random numbers by civil day, limits at which work stops, closed minutes by exposure.

A weather draw is addressed by (seed, quantity, replication, civil day), never by the caller or the order. So the
weather of 3 March 2027 is the same under every strategy, in every process, and for a project that starts a month
later; what moves is which work meets it. There is one stream per quantity ("weather/rain", "weather/wind", …):
Philox4x64-10 with the keys of `sim.world.streams`, but with the position in the series as its first counter
word, because whole years are drawn for one replication at a time. Counter (position // 4, 0, replication, 0) gives
four numbers; positions count from the year 1, so a day's numbers do not depend on where a series begins.

Limits are the planner's, turned into the units of weather stations. Stations measure wind at 10 m; work stops for the
wind where it is done. The mean grows with height by a power law; a gust is the mean at that height plus 0.4 times the
mean at 10 m, the rule of crane makers (Grove RT765E-2 operator's manual, figure 2-1: V(z) = ((z/10)^0.14 + 0.4) · v).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.config.sections.systems import EXPOSURES, Exposure
from sim.config.sections.weather import Weather
from sim.world.shifts import DAY, clipped, merged
from sim.world.streams import stream_key

# --- draws by civil day -----------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]

WARM_UP_DAYS = 96
"""Days drawn before the first day of a project: for the autocorrelation, and for storm seasons that are under way."""

MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_BEFORE = np.array([0, *accumulate(MONTH_DAYS)][:12])
_ALL = (1 << 256) - 1
_WORD = (1 << 64) - 1
_UNUSED: dict[str, Any] = {
    "bit_generator": "Philox",
    "has_uint32": 0,
    "uinteger": 0,
    "buffer": [0] * 4,
    "buffer_pos": 4,
}
_HALF_STEP = 2.0**-54
_TOP = 1.0 - 2.0**-53


@dataclass(frozen=True, eq=False)
class Days:
    """Consecutive civil days: the first (since the year 1), their count, `month` of each from 0, and `of_year`.

    `of_year` is the day from 0 in a year of 365 days (29 February counts as the 28th).
    """

    first: int
    count: int
    month: NDArray[np.int64]
    of_year: NDArray[np.int64]


@lru_cache(maxsize=8)
def civil_days(start: date, count: int) -> Days:
    """Return the civil days of a project of `count` days from `start`, with WARM_UP_DAYS days before it."""
    stamps = np.datetime64(start) + np.arange(-WARM_UP_DAYS, count)
    month = stamps.astype("datetime64[M]").astype(np.int64) % 12
    day = (stamps - stamps.astype("datetime64[M]")).astype(np.int64)
    day = np.minimum(day, np.array(MONTH_DAYS)[month] - 1)
    return Days(start.toordinal() - WARM_UP_DAYS, count + WARM_UP_DAYS, month, _BEFORE[month] + day)


@dataclass(frozen=True)
class WeatherDraws:
    """Random numbers of one replication's weather, addressed by civil day."""

    seed: int
    replication: int

    def daily(self, quantity: str, first: int, count: int, per_day: int = 1) -> Floats:
        """Return `per_day` uniforms in (0, 1) for each of `count` days from ordinal `first`: (count, per_day)."""
        return self.series(quantity, first * per_day, count * per_day).reshape(count, per_day)

    def series(self, quantity: str, first: int, count: int) -> Floats:
        """Return the uniforms at positions first … first + count − 1 of a weather quantity's random stream."""
        block, skipped = divmod(first, 4)
        counter = ((block | self.replication << 128) - 1) & _ALL  # numpy steps before its first output
        words = [counter >> shift & _WORD for shift in (0, 64, 128, 192)]
        key = stream_key(self.seed, f"weather/{quantity}")
        self._generator.state = _UNUSED | {"state": {"counter": words, "key": key}}
        uniforms = np.random.Generator(self._generator).random(skipped + count)[skipped:]
        uniforms += _HALF_STEP
        return np.minimum(uniforms, _TOP, out=uniforms)

    @cached_property
    def _generator(self) -> Any:
        """Return the bit generator that is moved to the start of each series: creating one takes ten times as long."""
        return np.random.Philox(key=0)


# --- limits at which work stops ---------------------------------------------------------------------------------------


METRES_PER_FOOT = 0.3048
METRES_PER_SECOND_PER_MPH = 0.44704
MM_PER_INCH = 25.4
STATION_M = 10.0
GUST_SHARE = 0.4


@dataclass(frozen=True)
class Limits:
    """Limits at which work stops: sustained wind at 10 m in m/s, rain in mm a day, frost in °C, times in minutes."""

    crane_wind: float
    exterior_wind: float
    exterior_drying: int
    earthwork_rain: float
    mud_rain: float
    mud_minutes: int
    frost: float
    shut_rain: float


def limits_of(weather: Weather) -> Limits:
    """Return the configured limits in the units and at the height of weather stations."""
    crane, exterior, earthwork = weather.crane, weather.exterior, weather.earthwork
    exponent = weather.roughness_exponent.value
    at_crane = _wind_factor(crane.height_ft.value, exponent)
    at_roof = _wind_factor(exterior.height_ft.value, exponent)
    crane_mph = min(crane.limit_mph.value / at_crane, crane.gust_limit_mph.value / (at_crane + GUST_SHARE))
    return Limits(
        crane_wind=METRES_PER_SECOND_PER_MPH * crane_mph,
        exterior_wind=METRES_PER_SECOND_PER_MPH * exterior.limit_mph.value / at_roof,
        exterior_drying=round(exterior.drying_hours.value * 60),
        earthwork_rain=earthwork.rain_in.value * MM_PER_INCH,
        mud_rain=earthwork.mud_in.value * MM_PER_INCH,
        mud_minutes=round(earthwork.mud_days.value * 1440),
        frost=(earthwork.frost_f.value - 32) / 1.8,
        shut_rain=weather.interior.rain_in.value * MM_PER_INCH,
    )


def _wind_factor(height_ft: float, exponent: float) -> float:
    """Return the wind speed at a height over that at 10 m, by the power law."""
    return float((height_ft * METRES_PER_FOOT / STATION_M) ** exponent)


# --- closed minutes by exposure ---------------------------------------------------------------------------------------


Closed: TypeAlias = dict[Exposure, NDArray[np.int64]]
"""By exposure, rows (start, end) of closed minutes since the project's start: in order, apart."""

IntervalRows: TypeAlias = NDArray[np.int64]
"""Rows (start, end) in any order, overlapping or not; minutes may be negative."""


def hourly(is_closed: NDArray[np.bool_], first_day: int) -> IntervalRows:
    """Return closed hours, (days, 24), as rows (start, end) in minutes; `first_day` counts from the project's start."""
    flat = is_closed.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[:1].any():
        edges = np.concatenate([[0], edges])
    if flat[-1:].any():
        edges = np.concatenate([edges, [len(flat)]])
    return edges.reshape(-1, 2) * 60 + first_day * DAY


def interval_rows(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> IntervalRows:
    """Return starts and ends as rows (start, end)."""
    rows = np.empty((len(starts), 2), np.int64)  # np.column_stack takes ten times as long for so few
    rows[:, 0], rows[:, 1] = starts, ends
    return rows


def closures_by_exposure(parts: Mapping[Exposure, Sequence[IntervalRows]], horizon: int) -> Closed:
    """Return for each exposure its closed intervals joined, in order, as far as they lie in [0, horizon)."""
    closed_by_exposure: Closed = {}
    for exposure in EXPOSURES:
        rows = np.concatenate([no_intervals(), *parts.get(exposure, ())])
        closed_by_exposure[exposure] = interval_rows(*clipped(merged(rows[:, 0], rows[:, 1]), horizon))
    return closed_by_exposure


def no_intervals() -> IntervalRows:
    """Return no intervals: shape (0, 2)."""
    return np.empty((0, 2), dtype=np.int64)
