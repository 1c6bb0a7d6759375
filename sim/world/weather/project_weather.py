"""The weather of a project: when rain, mud, frost and wind close the site, one series per replication.

Everything on site shares it. It belongs to civil days (see `closures.WeatherDraws`), so it is the same under every
strategy, and a project that starts later meets the same storms at another stage. `lost_days_by_month` tells how many
working days it costs, which people on the site can compare with what they remember.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.config.sections.systems import EXPOSURES, Exposure
from sim.config.sections.weather import REGIONS, Weather
from sim.errors import ConfigError, Problem
from sim.world.shifts import DAY
from sim.world.weather.climate import climate_of, storm_seasons
from sim.world.weather.closures import MONTH_DAYS, Closed, WeatherDraws, civil_days, limits_of, no_intervals
from sim.world.weather.generator import (
    ClimateModel,
    DatedStorms,
    LostDaysModel,
    Resampled,
    closed_hours,
    lost_days_model,
)
from sim.world.weather.weather_files import read_year
from sim.world.working_time import Calendar

MM_PER_INCH = 25.4

Generator: TypeAlias = ClimateModel | Resampled | LostDaysModel | None
"""A weather model by its source: a built-in climate, a file, a table of lost days, or none."""


@dataclass(frozen=True, eq=False)
class WithDatedStorms:
    """A weather model with storms on known dates added to it."""

    drawn: Generator
    storms: DatedStorms

    @property
    def rain_from(self) -> str:
        """Return the source of a file's rain, where it is not its gauge; empty for other models."""
        return getattr(self.drawn, "rain_from", "")


WeatherModel: TypeAlias = Generator | WithDatedStorms
"""Weather of a project."""


def weather_model(weather: Weather, folder: Path = Path()) -> WeatherModel:
    """Return the weather model of a project; a file's name is relative to `folder`, the configuration's.

    ConfigError (exit 2) where the file cannot be used. The result can be pickled.
    """
    model = _generator(weather, folder)
    return WithDatedStorms(model, DatedStorms.of(weather.dated_storms)) if weather.dated_storms else model


def _generator(weather: Weather, folder: Path) -> Generator:
    """Return the weather model of a project without its dated storms."""
    if weather.kind == "table" and weather.lost_days is not None:
        # no rain by month is known here: a season begins as likely in every month
        return lost_days_model(weather.lost_days, storm_seasons(weather.storms, np.zeros(12)))
    if weather.kind == "file" and weather.file is not None:
        inches = weather.file_rain_in
        monthly_mm = None if inches is None else [MM_PER_INCH * inch for inch in inches]
        year = read_year(_confined(folder, weather.file), weather.file_rain, monthly_mm)
        rain = np.add.reduceat(year.rain.sum(axis=1), np.cumsum([0, *MONTH_DAYS[:-1]]))
        return Resampled(closed_hours(year, limits_of(weather)), storm_seasons(weather.storms, rain), year.rain_from)
    if weather.kind in REGIONS:
        climate = climate_of(weather.kind)
        return ClimateModel(climate, limits_of(weather), storm_seasons(weather.storms, climate.monthly_rain))
    return None


def closed_intervals(
    model: WeatherModel, start_date: date, horizon_days: int, seed: int, replication: int, *, use_numba: bool = False
) -> Closed:
    """Return the minutes the weather closes in one replication, by exposure.

    Arrays (n, 2) of int64 [start, end), in order and apart, within [0, horizon_days · 1440), from 00:00 of
    `start_date`. A pure function: the same arguments give the same minutes, in any process and order.
    """
    span, draws = civil_days(start_date, horizon_days), WeatherDraws(seed, replication)
    if isinstance(model, WithDatedStorms):
        closed_by_exposure = closed_intervals(
            model.drawn, start_date, horizon_days, seed, replication, use_numba=use_numba
        )
        return model.storms.added_to(closed_by_exposure, span, draws)
    if model is None:
        return {exposure: no_intervals() for exposure in EXPOSURES}
    if use_numba and isinstance(model, ClimateModel):
        from sim.world.weather.generator_numba import closed

        return closed(model, span, draws)
    return model.closed(span, draws)


def fingerprint(model: WeatherModel) -> str:
    """Return a digest that differs between weather files; empty where the configuration states all of it."""
    model = model.drawn if isinstance(model, WithDatedStorms) else model
    if not isinstance(model, Resampled):
        return ""
    return sha256(b"".join(hours.tobytes() for _, hours in sorted(model.hours.items()))).hexdigest()


def _confined(folder: Path, name: str) -> Path:
    """Return the path of a file in a folder; ConfigError where a link leads out of the folder."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ConfigError([Problem(str(path), 0, 0, "", "", "leads out of the folder of the configuration")])
    return path


# --- working days lost by month ---------------------------------------------------------------------------------------


YEARS = 20
"""Drawn years; their mean is known to about a tenth of a day a month."""
_YEAR = 365
_SEED = 1


def lost_days_by_month(
    model: WeatherModel, shift: Calendar, start_date: date, years: int = YEARS
) -> tuple[NDArray[np.float64], dict[Exposure, NDArray[np.float64]]]:
    """Return the working days of each month, January first, and the lost ones by exposure, mean over drawn years.

    `shift` is the calendar of the hours worked, from `start_date` on; a lost day is as many hours as a working day has.
    """
    days = min(_YEAR, shift.horizon // DAY)
    months = np.array([(start_date + timedelta(days=day)).month - 1 for day in range(days)])
    edges = np.arange(days + 1) * DAY
    worked_minutes = np.diff(shift.worked_many(edges))
    working_days = np.bincount(months, worked_minutes > 0, 12).astype(np.float64)
    minutes = np.maximum(np.bincount(months, worked_minutes, 12), 1)
    lost_days: dict[Exposure, NDArray[np.float64]] = {exposure: np.zeros(12) for exposure in EXPOSURES}
    for year in range(years):
        for exposure, rows in closed_intervals(model, start_date, days, _SEED, year).items():
            lost_days[exposure] += (
                np.bincount(months, _lost_each_day(rows, shift, days), 12) / minutes * working_days / years
            )
    return working_days, lost_days


def _lost_each_day(rows: NDArray[np.int64], shift: Calendar, days: int) -> NDArray[np.int64]:
    """Return the minutes of each day's shifts that lie in closed rows (start, end)."""
    first, last = rows[:, 0] // DAY, np.minimum((rows[:, 1] - 1) // DAY, days - 1)
    counts = np.maximum(last - first + 1, 0)
    # one entry per closed row and day on which it lies: its row, its day, and its part on that day
    row = np.repeat(np.arange(len(rows)), counts)
    day = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    begin, end = np.maximum(rows[row, 0], day * DAY), np.minimum(rows[row, 1], (day + 1) * DAY)
    lost_minutes = np.zeros(days, np.int64)
    np.add.at(lost_minutes, day, shift.worked_many(end) - shift.worked_many(begin))
    return lost_minutes


# --- typical weather --------------------------------------------------------------------------------------------------


def typical_weather(
    model: WeatherModel, shift: Calendar, start_date: date, replications: int = YEARS, *, use_numba: bool = False
) -> Closed:
    """Return the closed minutes by exposure of typical weather, to the end of the shifts' calendar.

    Every month is that of the replication whose lost working hours, all exposures together, are closest to the mean: as
    the months of a typical meteorological year are chosen (Hall et al. 1978, Sandia SAND78-1601).
    """
    days = shift.horizon // DAY
    closures = [
        closed_intervals(model, start_date, days, _SEED, number, use_numba=use_numba) for number in range(replications)
    ]
    months = (np.datetime64(start_date, "D") + np.arange(days)).astype("datetime64[M]").astype(np.int64)
    months -= months[0]
    lost_by_day = np.array([sum(_lost_each_day(rows, shift, days) for rows in closed.values()) for closed in closures])
    lost_by_month = np.array([np.bincount(months, of_replication) for of_replication in lost_by_day])
    typical = np.abs(lost_by_month - lost_by_month.mean(axis=0)).argmin(axis=0)
    begins = np.append(np.flatnonzero(np.diff(months, prepend=-1)), days) * DAY
    parts: dict[Exposure, list[NDArray[np.int64]]] = {exposure: [no_intervals()] for exposure in EXPOSURES}
    for month, replication in enumerate(typical.tolist()):
        for exposure, rows in closures[replication].items():
            in_month = np.clip(rows, begins[month], begins[month + 1])
            parts[exposure].append(in_month[in_month[:, 0] < in_month[:, 1]])
    return {exposure: np.concatenate(rows) for exposure, rows in parts.items()}


# --- how far ahead ----------------------------------------------------------------------------------------------------


OF_FINISH, OF_LATEST, STEP = 1.5, 1.1, 1.25
"""Factors: on the planned finish, for the first days; on the minute that a run needs beyond them; from days to more days."""
LATE_SHARE = 0.025
"""Share of runs that may need more days than are drawn at first: each is simulated twice, at the price of 6,000 days."""


class WeatherHorizon:
    """The number of `days` for which weather is drawn at first: as many as all but a few runs have needed so far.

    The project's horizon is generous, and most of its storms come after the last block is online. A run that needs a later
    day gets the same storms as if they had been drawn at once: they belong to civil days.
    """

    def __init__(self, finish: int) -> None:
        """Set the horizon by the minute of the planned finish."""
        self.days = max(1, ceil(OF_FINISH * finish / DAY))
        self._runs = 0
        self._late: list[int] = []

    def of_next_run(self) -> int:
        """Return the days for which the weather of another run is drawn at first."""
        self._runs += 1
        return self.days

    def extended(self, minute: int) -> int:
        """Return the days for a run that needs a minute beyond its weather; later runs get more days where many do."""
        needed, days = ceil(OF_LATEST * minute / DAY), self.days
        # in few steps, as tables are made for every number of days
        while days < needed:
            days = ceil(STEP * days)
        insort(self._late, days)
        # one late run alone, or a few of many, shall not make all others draw as much as they need
        allowed = 1 + int(LATE_SHARE * self._runs)
        if len(self._late) > allowed:
            self.days = max(self.days, self._late[-1 - allowed])
        return days
