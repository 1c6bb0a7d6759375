"""The weather of a project: when rain, mud, frost and wind close the site, one series per replication.

Everything on site shares it. It belongs to civil days (see `closures.WeatherDraws`), so it is the same under every strategy,
and a project that starts later meets the same storms at another stage.
"""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import numpy as np

from sim.config.sections.systems import EXPOSURES
from sim.config.sections.weather import Weather
from sim.errors import ConfigError, Problem
from sim.jit import by_machine
from sim.world.weather.climate import storm_seasons, west_texas
from sim.world.weather.closures import MONTH_DAYS, Closed, WeatherDraws, civil_days, limits_of, no_intervals
from sim.world.weather.files import read_year
from sim.world.weather.generator import ClimateModel, LostDaysModel, lost_days_model
from sim.world.weather.resampling import Resampled, closed_hours

MM_PER_INCH = 25.4

WeatherModel: TypeAlias = ClimateModel | Resampled | LostDaysModel | None
"""Weather of a project: built-in climate, from a file, from a table, or none."""


def weather_model(weather: Weather, folder: Path = Path()) -> WeatherModel:
    """Return the weather model of a project; a file's name is relative to `folder`, the configuration's.

    ConfigError (exit 2) where the file cannot be used. The result can be pickled.
    """
    if weather.kind == "table" and weather.lost_days is not None:
        return lost_days_model(weather.lost_days)
    if weather.kind == "file" and weather.file is not None:
        inches = weather.file_rain_in
        monthly_mm = None if inches is None else [MM_PER_INCH * inch for inch in inches]
        year = read_year(_confined(folder, weather.file), weather.file_rain, monthly_mm)
        rain = np.add.reduceat(year.rain.sum(axis=1), np.cumsum([0, *MONTH_DAYS[:-1]]))
        return Resampled(closed_hours(year, limits_of(weather)), storm_seasons(weather.storms, rain), year.rain_from)
    if weather.kind == "west_texas":
        climate = west_texas()
        return ClimateModel(climate, limits_of(weather), storm_seasons(weather.storms, climate.monthly_rain))
    return None


def closed_intervals(model: WeatherModel, start_date: date, horizon_days: int, seed: int, replication: int) -> Closed:
    """Return the minutes the weather closes in one replication, by exposure.

    Arrays (n, 2) of int64 [start, end), in order and apart, within [0, horizon_days · 1440), from 00:00 of
    `start_date`. A pure function: the same arguments give the same minutes, in any process and order.
    """
    if model is None:
        return {exposure: no_intervals() for exposure in EXPOSURES}
    span, draws = civil_days(start_date, horizon_days), WeatherDraws(seed, replication)
    if isinstance(model, ClimateModel) and by_machine():
        from sim.world.weather.generator_numba import closed

        return closed(model, span, draws)
    return model.closed(span, draws)


def fingerprint(model: WeatherModel) -> str:
    """Return a digest that differs between weather files; empty where the configuration states all of it."""
    if not isinstance(model, Resampled):
        return ""
    return sha256(b"".join(hours.tobytes() for _, hours in sorted(model.hours.items()))).hexdigest()


def _confined(folder: Path, name: str) -> Path:
    """Join the two; refuse a file that a link leads out of the folder."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ConfigError([Problem(str(path), 0, 0, "", "", "leads out of the folder of the configuration")])
    return path
