"""A weather file of the site, TMY3 (NREL) or EPW (EnergyPlus): a typical year, hour by hour, as the user brought it.

Read are wind at 10 m, air temperature and rain of TMY3 and EPW files, in local standard time; an hour's row stands
for the hour that ends then. What is wrong is told with file, line and value. Nothing is guessed, except:

- a reading marked missing is taken from the hour before, for at most a twentieth of the year;
- rain marked missing, or a year of nothing but zeros, is taken from the weather codes; where there are none either, as
  in EPW files made of TMY3, a month has the rain that is stated (`file_rain_in`) or that of the nearest place known;
- rain of TMY3 is read as tenths of millimetres although its header says mm. The values are hundredths of an inch in
  that unit (3, 5, 8, 10, 13, …), and as mm the Chihuahuan desert would have 4 m a year; with decimals they are mm.
  An EPW with more than 3 m a year has tenths as well. `file_rain` says otherwise.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from sim import files
from sim.errors import ConfigError, Problem
from sim.world.weather.closures import MONTH_DAYS
from sim.world.weather.rain import Place, epw_code_rain, metar, nearest, on_dampest_days

# --- weather formats --------------------------------------------------------------------------------------------------


HEADER_LINES = 30
"""Lines among which an EPW's last header line is looked for; there are eight."""


class Row(NamedTuple):
    """One hour as it stands in the file; None is marked missing."""

    line: int
    month: int
    day: int
    hour: int  # 1 to 24
    wind: float | None
    temperature: float | None
    rain: float | None
    code_rain: float | None
    damp: float = 0.0
    """Relative humidity and cloud cover, in percent together: the damper, the likelier rain."""


class Kind(NamedTuple):
    """A reading: its name in the file, what it may be, and which numbers mean that it is missing."""

    name: str
    unit: str
    low: float
    high: float
    missing: Callable[[float], bool]


@dataclass(frozen=True)
class Reading:
    """The file being read: turns fields into numbers, and mistakes into errors with a place."""

    path: Path

    def refuse(self, line: int, field: str, value: str, message: str) -> NoReturn:
        """Give up, naming the place."""
        raise ConfigError([Problem(str(self.path), line, 0, field, value[:60], message)])

    def whole(self, line: int, field: str, text: str, high: int, low: int = 1) -> int:
        """A whole number from `low` to `high`."""
        digits = text.strip()
        if not digits.isascii() or not digits.isdigit() or not low <= int(digits[:9]) <= high:
            self.refuse(line, field, repr(text), f"a whole number from {low} to {high}")
        return int(digits[:9])

    def number(self, line: int, text: str, kind: Kind) -> float | None:
        """A reading within its range; None where it is blank or marked missing."""
        if not text.strip():
            return None
        try:
            value = float(text)
        except ValueError:
            self.refuse(line, kind.name, repr(text), f"a number in {kind.unit}")
        if kind.missing(value):
            return None
        if not kind.low <= value <= kind.high:
            self.refuse(line, kind.name, repr(text), f"{kind.low:g} to {kind.high:g} {kind.unit}")
        return value

    def fields(self, lines: list[str], first: int) -> Iterator[tuple[int, list[str]]]:
        """Line numbers from `first` (counted from 1) on, and what stands between commas; blank lines are skipped."""
        for line, text in enumerate(lines[first - 1 :], start=first):
            if text.strip():
                try:
                    yield line, next(csv.reader([text]))
                except (csv.Error, StopIteration) as error:
                    self.refuse(line, "", repr(text), f"fields between commas ({error})")


def _gone(value: float) -> bool:
    """TMY3 marks a missing reading by -9900."""
    return value <= -900


_DATE, _TIME, _CODE = "Date (MM/DD/YYYY)", "Time (HH:MM)", "PresWth (METAR code)"
_TMY3 = (
    Kind("Wspd (m/s)", "m/s", 0, 60, _gone),
    Kind("Dry-bulb (C)", "°C", -70, 70, _gone),
    Kind("Lprecip depth (mm)", "(unit as in file_rain)", 0, 5_000, _gone),
)
_EPW = (
    Kind("wind speed", "m/s", 0, 60, lambda value: value >= 999),
    Kind("dry bulb temperature", "°C", -70, 70, lambda value: value >= 99.9),
    Kind("liquid precipitation depth", "(unit as in file_rain)", 0, 998, lambda value: value >= 999),
)
_DRY_BULB, _HUMIDITY, _WIND, _CLOUDS, _OBSERVED, _CODES, _RAIN_COLUMN = 6, 8, 21, 22, 26, 27, 33


def tmy3(lines: list[str], reading: Reading) -> Iterator[Row]:
    """Rows of a TMY3 file: a line about the station, a line of column names, then a line an hour.

    Wind and temperature must be there; rain, weather codes, humidity and clouds are read where they are.
    """
    names = [name.strip() for name in lines[1].split(",")] if len(lines) > 1 else []
    columns = {name: names.index(name) for name in names}
    for name in (_DATE, _TIME, *(kind.name for kind in _TMY3[:2])):
        if name not in columns:
            message = "is missing: not TMY3 (line 2 names this column), nor EPW (line 1 begins with LOCATION)"
            reading.refuse(2, name, "", message)
    last = max(columns[name] for name in columns if name in (_DATE, _TIME, *(kind.name for kind in _TMY3)))
    for line, fields in reading.fields(lines, 3):
        if len(fields) <= last:
            reading.refuse(line, "", "", f"{len(names)} fields are expected and {len(fields)} are there")
        texts = {name: fields[at] for name, at in columns.items() if at < len(fields)}
        month, day, *_ = (*texts[_DATE].split("/"), "", "")
        wind, dry_bulb, rain = (reading.number(line, texts.get(kind.name, ""), kind) for kind in _TMY3)
        yield Row(
            line,
            reading.whole(line, _DATE, month, 12),
            reading.whole(line, _DATE, day, 31),
            reading.whole(line, _TIME, texts[_TIME].split(":")[0], 24, 0),
            wind,
            dry_bulb,
            rain,
            metar(texts.get(_CODE, "")),
            _damp(texts.get("RHum (%)", ""), texts.get("TotCld (tenths)", "")),
        )


def epw(lines: list[str], reading: Reading) -> Iterator[Row]:
    """Rows of an EPW file: header lines up to DATA PERIODS, then a line an hour; what follows the wind may be left out."""
    header = [line for line, text in enumerate(lines[:HEADER_LINES], 1) if text.startswith("DATA PERIODS")]
    if not header:
        reading.refuse(0, "", "", "an EPW file has a header line that begins with DATA PERIODS; here it is missing")
    for line, fields in reading.fields(lines, header[0] + 1):
        if len(fields) <= _WIND:
            reading.refuse(line, "", "", f"at least {_WIND + 1} fields are expected and {len(fields)} are there")
        fields.extend([""] * (_RAIN_COLUMN + 1 - len(fields)))
        texts = (fields[_WIND], fields[_DRY_BULB], fields[_RAIN_COLUMN])
        wind, dry_bulb, rain = (reading.number(line, text, kind) for text, kind in zip(texts, _EPW, strict=True))
        yield Row(
            line,
            reading.whole(line, "month", fields[1], 12),
            reading.whole(line, "day", fields[2], 31),
            reading.whole(line, "hour", fields[3], 24, 0),
            wind,
            dry_bulb,
            rain,
            epw_code_rain(fields[_OBSERVED], fields[_CODES]),
            _damp(fields[_HUMIDITY], fields[_CLOUDS]),
        )


def hours_from_one(rows: Iterator[Row]) -> Iterator[Row]:
    """Yield rows with hours 1 to 24: midnight written as 00:00 ends the day before, or every hour is counted from 0."""
    before: Row | None = None
    shift = 0
    for row in rows:
        if before is None:
            shift = int(row.hour == 0)
        if before is not None and row.hour + shift == 0:
            yield row._replace(month=before.month, day=before.day, hour=24)
        else:
            yield row._replace(hour=row.hour + shift)
        before = row


def place_of(lines: list[str]) -> Place | None:
    """Return latitude and longitude of the station in the first line of an EPW or TMY3 file; None if it has none."""
    fields = next(csv.reader(lines[:1]), [])
    at = 6 if fields[:1] == ["LOCATION"] else 4
    try:
        latitude, longitude = (float(text) for text in fields[at : at + 2])
    except ValueError:
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _damp(humidity: str, clouds: str) -> float:
    """How damp an hour is: relative humidity, and cloud cover as much again; what is missing counts nothing."""
    total = 0.0
    for text, most, scale in ((humidity, 110, 1.0), (clouds, 10, 10.0)):
        try:
            value = float(text)
        except ValueError:
            continue
        total += scale * value if 0 <= value <= most else 0.0
    return total


# --- weather files ----------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]
RainUnit = Literal["auto", "mm", "tenths_mm"]

HOURS = 8760
LARGEST_BYTES = 20_000_000
MOST_MISSING = HOURS // 20
WETTEST_YEAR_MM = 13_000.0
"""More rain than anywhere on earth: the unit is wrong."""
TENTHS_FROM_MM = 3_000.0
"""More than a year's rain anywhere that data centers are built: an EPW with more has tenths of millimetres."""

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
    rain_from: str = ""
    """Where its rain is from, if not as it stands in the file."""


def read_year(path: Path, rain_unit: RainUnit = "auto", monthly_mm: Sequence[float] | None = None) -> Year:
    """Read a TMY3 or EPW file; ConfigError (exit 2) with file, line and value where it cannot be used.

    `monthly_mm` is the rain of each month for a file that has none; without it, that of the nearest known place.
    """
    reading = Reading(path)
    lines = _lines(reading)
    is_epw = lines[0].startswith("LOCATION") if lines else False
    read = hours_from_one((epw if is_epw else tmy3)(lines, reading))
    rows = [row for row in read if (row.month, row.day) != (2, 29)]
    _in_order(rows, reading)
    rain, source = _rain(rows, is_epw, rain_unit, reading)
    if rain is None:
        rain, source = _by_month(rows, monthly_mm, place_of(lines), reading)
    return Year(
        wind=_filled("wind", [row.wind for row in rows], reading),
        temperature=_filled("temperature", [row.temperature for row in rows], reading),
        rain=rain,
        rain_from=source,
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


def _rain(rows: list[Row], is_epw: bool, unit: RainUnit, reading: Reading) -> tuple[Floats | None, str]:
    """Rain in mm and how it was read: the gauge, else the code, else none for at most a twentieth; None without both."""
    gauge = np.array([row.rain for row in rows], dtype=np.float64)
    scale, source = _unit(gauge, is_epw, unit)
    gauge *= scale
    if not np.nansum(gauge):
        gauge[:] = np.nan
    coded = np.array([row.code_rain for row in rows], dtype=np.float64)
    rain = np.where(np.isnan(gauge), coded, gauge)
    if np.isnan(rain).sum() > MOST_MISSING or not np.nansum(rain):
        return None, ""
    rain = np.nan_to_num(rain)
    if rain.sum() > WETTEST_YEAR_MM:
        reading.refuse(0, "rain", f"{rain.sum():.0f} mm a year", "more than falls anywhere: set file_rain to its unit")
    if np.isnan(gauge).all():
        source = "rain by weather codes: the file has no gauge"
    return rain.reshape(365, 24), source


def _unit(gauge: Floats, is_epw: bool, unit: RainUnit) -> tuple[float, str]:
    """Return the mm of one unit of a file's rain, and what was recognised that its format does not say."""
    if unit != "auto":
        return (1.0 if unit == "mm" else 0.1), ""
    if is_epw:
        tenths = float(np.nansum(gauge)) > TENTHS_FROM_MM
        told = f"rain read as tenths of mm: as mm it would be {np.nansum(gauge):,.0f} a year (file_rain)"
        return (0.1, told) if tenths else (1.0, "")
    whole = bool((np.nan_to_num(gauge) % 1 == 0).all())
    return (0.1, "") if whole else (1.0, "rain read as mm: it has decimals, which tenths of mm have not (file_rain)")


def _by_month(
    rows: list[Row], monthly_mm: Sequence[float] | None, place: Place | None, reading: Reading
) -> tuple[Floats, str]:
    """Rain for a year without any, by the stated months or those of the nearest known place, and which."""
    near = nearest(place)
    if near is None and monthly_mm is None:
        message = (
            "has neither a depth nor weather codes, and no place whose rain is known is near: state file_rain_in, "
            "the inches of each month, or lost_days"
        )
        reading.refuse(0, "rain", "", message)
    damp = np.array([row.damp for row in rows]).reshape(365, 24)
    rain = on_dampest_days(damp, monthly_mm, near)
    whose = f"{near.name}, {near.km} km away" if near is not None and monthly_mm is None else "the stated months"
    return rain, f"the file has no rain; that of {whose}, on its dampest days ({rain.sum():,.0f} mm a year)"
