"""The weather of a project: when rain, mud, frost and wind close the site, one series per replication.

Everything on site shares it. It belongs to civil days (see `weather_luck`), so it is the same under every strategy,
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
from sim.world.weather.climate import storms_of, west_texas
from sim.world.weather.closures import MONTH_DAYS, Closed, Sky, days, limits_of, nothing
from sim.world.weather.files import Resampled, closed_hours, read_year
from sim.world.weather.generator import Derived, Monthly, monthly

Model: TypeAlias = Derived | Resampled | Monthly | None
"""A weather made ready once for a study: built-in, from a file, from a table, or none."""


def prepared(weather: Weather, folder: Path = Path()) -> Model:
    """Make a weather ready; a file's name is relative to `folder`, the configuration's.

    ConfigError (exit 2) where the file cannot be used. The result can be pickled.
    """
    if weather.kind == "table" and weather.lost_days is not None:
        return monthly(weather.lost_days)
    if weather.kind == "file" and weather.file is not None:
        year = read_year(_confined(folder, weather.file), weather.file_rain)
        rain = np.add.reduceat(year.rain.sum(axis=1), np.cumsum([0, *MONTH_DAYS[:-1]]))
        return Resampled(closed_hours(year, limits_of(weather)), storms_of(weather.storms, rain))
    if weather.kind == "west_texas":
        climate = west_texas()
        return Derived(climate, limits_of(weather), storms_of(weather.storms, climate.monthly_rain))
    return None


def closed_intervals(model: Model, start_date: date, horizon_days: int, seed: int, replication: int) -> Closed:
    """Return the minutes the weather closes in one replication, by exposure.

    Arrays (n, 2) of int64 [start, end), in order and apart, within [0, horizon_days · 1440), from 00:00 of
    `start_date`. A pure function: the same arguments give the same minutes, whoever asks and in which order.
    """
    if model is None:
        return {exposure: nothing() for exposure in EXPOSURES}
    span, sky = days(start_date, horizon_days), Sky(seed, replication)
    if isinstance(model, Derived) and by_machine():
        from sim.world.weather.generator_numba import closed

        return closed(model, span, sky)
    return model.closed(span, sky)


def fingerprint(model: Model) -> str:
    """Return what tells one weather file from another; empty where the configuration says it all."""
    if not isinstance(model, Resampled):
        return ""
    return sha256(b"".join(hours.tobytes() for _, hours in sorted(model.hours.items()))).hexdigest()


def _confined(folder: Path, name: str) -> Path:
    """Join the two; refuse a file that a link leads out of the folder."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ConfigError([Problem(str(path), 0, 0, "", "", "leads out of the folder of the configuration")])
    return path
