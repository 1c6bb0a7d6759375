"""A weather file of the site: a typical year, hour by hour, as the user brought it.

Read are wind at 10 m, air temperature and rain of TMY3 and EPW files, in local standard time; an hour's row stands
for the hour that ends then. What is wrong is told with file, line and value. Nothing is guessed, except:

- a reading marked missing is taken from the hour before, for at most a twentieth of the year;
- rain marked missing, or a year of nothing but zeros, is taken from the weather codes;
- rain of TMY3 is read as tenths of millimetres although its header says mm. The values are hundredths of an inch in
  that unit (3, 5, 8, 10, 13, …), and as mm the Chihuahuan desert would have 4 m a year. `file_rain` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim import files
from sim.world.weather_formats import Reading, Row, epw, tmy3
from sim.world.weather_luck import MONTH_DAYS

Floats = NDArray[np.float64]
RainUnit = Literal["auto", "mm", "tenths_mm"]

HOURS = 8760
LARGEST_BYTES = 20_000_000
MOST_MISSING = HOURS // 20
WETTEST_YEAR_MM = 13_000.0
"""More rain than anywhere on earth: the unit is wrong."""

_CALENDAR = [
    (month, day, hour)
    for month, days in enumerate(MONTH_DAYS, 1)
    for day in range(1, days + 1)
    for hour in range(1, 25)
]


@dataclass(frozen=True, eq=False)
class Year:
    """A typical year of 365 days: (365, 24) each, hours of the civil day."""

    wind: Floats  # m/s at 10 m
    temperature: Floats  # °C
    rain: Floats  # mm in the hour


def read_year(path: Path, rain_unit: RainUnit = "auto") -> Year:
    """Read a TMY3 or EPW file; ConfigError (exit 2) with file, line and value where it cannot be used."""
    reading = Reading(path)
    lines = _lines(reading)
    is_epw = lines[0].startswith("LOCATION") if lines else False
    rows = [row for row in (epw if is_epw else tmy3)(lines, reading) if (row.month, row.day) != (2, 29)]
    _in_order(rows, reading)
    scale = {"auto": 1.0 if is_epw else 0.1, "mm": 1.0, "tenths_mm": 0.1}[rain_unit]
    return Year(
        wind=_filled("wind", [row.wind for row in rows], reading),
        temperature=_filled("temperature", [row.temperature for row in rows], reading),
        rain=_rain(rows, scale, reading),
    )


def _lines(reading: Reading) -> list[str]:
    """The file's lines, if it can be read and is no larger than a year of hours can be."""
    try:
        if not reading.path.is_file():
            reading.refuse(0, "", "", "cannot be read: there is no such file")
        data = files.read_at_most(reading.path, LARGEST_BYTES + 1)
        if len(data) > LARGEST_BYTES:
            reading.refuse(0, "", "", f"is larger than {LARGEST_BYTES // 1_000_000} MB, which no year of hours is")
        return data.decode("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        reading.refuse(0, "", "", f"cannot be read: {error.strerror or error}")


def _in_order(rows: list[Row], reading: Reading) -> None:
    """Refuse a file that is not every hour of one year of 365 days, once and in order."""
    for row, expected in zip_longest(rows, _CALENDAR):
        if row is None:
            reading.refuse(0, "", "", f"ends before {_words(*expected)}: a whole year of hours is needed")
        if expected is None:
            reading.refuse(row.line, "", "", "goes on after the last hour of a year: one year is needed")
        if (row.month, row.day, row.hour) != expected:
            found = _words(row.month, row.day, row.hour)
            reading.refuse(row.line, "date and time", found, f"every hour once and in order, here {_words(*expected)}")


def _words(month: int, day: int, hour: int) -> str:
    """Say an hour of the year."""
    return f"month {month} day {day} hour {hour}"


def _filled(name: str, values: list[float | None], reading: Reading) -> Floats:
    """A year with missing hours taken from the last hour before that is known, around the year."""
    array = np.array(values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(array))
    if len(known) < HOURS - MOST_MISSING:
        message = f"is missing in {HOURS - len(known)} of {HOURS} hours; at most {MOST_MISSING} can be filled in"
        reading.refuse(0, name, "", message)
    last = known[np.searchsorted(known, np.arange(HOURS), side="right") - 1]
    return array[last].reshape(365, 24)


def _rain(rows: list[Row], scale: float, reading: Reading) -> Floats:
    """Rain in mm: the gauge where it was read, otherwise the code, otherwise none for at most a twentieth."""
    gauge = np.array([row.rain for row in rows], dtype=np.float64) * scale
    if not np.nansum(gauge):
        gauge[:] = np.nan
    told = np.where(np.isnan(gauge), np.array([row.code_rain for row in rows], dtype=np.float64), gauge)
    unknown = int(np.isnan(told).sum())
    if unknown > MOST_MISSING and np.isnan(gauge).all():
        reading.refuse(0, "rain", "", f"neither a depth nor a weather code in {unknown} hours: state lost_days instead")
    if unknown > MOST_MISSING:
        reading.refuse(0, "rain", "", f"is missing in {unknown} hours; at most {MOST_MISSING} can be taken as dry")
    rain = np.nan_to_num(told)
    if rain.sum() > WETTEST_YEAR_MM:
        reading.refuse(0, "rain", f"{rain.sum():.0f} mm a year", "more than falls anywhere: set file_rain to its unit")
    return rain.reshape(365, 24)
