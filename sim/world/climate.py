"""A climate: what the weather of a place is like by month, as a small table.

The built-in one, West Texas, was derived from two typical years; `experiments/west_texas_weather` says how and
does it again.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim import files
from sim.errors import ConfigError, Problem, SimError
from sim.world.weather_luck import MONTH_DAYS

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
WEST_TEXAS = "west_texas.csv"

_HERE = Path(__file__).resolve()
_PLACES = (_HERE.parent, _HERE.parents[2] / "configs" / "weather")
"""Beside the code where it is installed, among the configurations where it is worked on."""

_DAY = slice(7, 19)


@dataclass(frozen=True, eq=False)
class Climate:
    """Twelve numbers each unless said otherwise; wind at 10 m above ground, hours of the civil day."""

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
        """Return the mm of a usual month."""
        rain: Floats = self.p01 / (self.p01 + self.p10) * np.array(MONTH_DAYS) * self.rain_mm
        return rain

    def windier(self, speed: float) -> Floats:
        """Return the chance of more than `speed` m/s, by month and hour: (12, 24)."""
        chance: Floats = np.exp(-((speed / self.wind_c) ** self.wind_k))
        return chance


@lru_cache(maxsize=1)
def west_texas() -> Climate:
    """Read the built-in climate; SimError where it was not installed."""
    for folder in _PLACES:
        if (folder / WEST_TEXAS).is_file():
            return read_climate(folder / WEST_TEXAS)
    raise SimError(f"the built-in weather is missing: {WEST_TEXAS} was not installed with the program")


def read_climate(path: Path) -> Climate:
    """Read a table with a row per quantity and a column per month; ConfigError where it is not one."""
    rows = _rows(path)
    hours = np.arange(24)
    day = np.isin(hours, hours[_DAY])
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
        wind_k=np.where(day, rows["wind_k_day"][:, None], rows["wind_k_night"][:, None]),
        wind_c=np.where(day, rows["wind_c_day"][:, None], rows["wind_c_night"][:, None]) * factor,
        wind_daily_share=_one(rows, "wind_daily_share"),
        wind_daily_persistence=_one(rows, "wind_daily_persistence"),
        wind_3h_persistence=_one(rows, "wind_3h_persistence"),
    )


def _rows(path: Path) -> Mapping[str, Floats]:
    """Read every row's twelve numbers; lines that begin with # say where they are from."""
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
    """A number that is the same in every month."""
    return float(rows[quantity][0])


def _by_hour(rows: Mapping[str, Floats], quantity: str) -> Floats:
    """Put 24 rows together: (12, 24)."""
    return np.column_stack([rows[f"{quantity}_{hour:02d}"] for hour in range(24)])
