"""Readers of a site's weather file, TMY3 (NREL) or EPW (EnergyPlus): a typical year, hour by hour.

Read are wind at 10 m, air temperature and rain of TMY3 and EPW files, in local standard time; an hour's row is of
the hour that ends then. Mistakes are reported with file, line and value. Nothing is guessed, except:

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
from sim.world.weather.rain import Place, epw_code_rain, metar, nearest, on_likeliest_days

# --- weather formats --------------------------------------------------------------------------------------------------


HEADER_LINES = 30
"""Lines among which an EPW's last header line is looked for; there are eight."""


class Row(NamedTuple):
    """The readings of one hour in the file; None where one is marked missing."""

    line: int
    month: int
    day: int
    hour: int  # 1 to 24
    wind: float | None
    temperature: float | None
    rain: float | None
    code_rain: float | None
    rain_index: float = 0.0
    """Relative humidity and cloud cover, in percent together: the higher, the likelier rain."""


class Quantity(NamedTuple):
    """A measured quantity: its name in the file, its unit and range, and which numbers mean that it is missing."""

    name: str
    unit: str
    low: float
    high: float
    missing: Callable[[float], bool]


@dataclass(frozen=True)
class FieldReader:
    """Reads the fields of a file as numbers; raises ConfigError with the line of a mistake."""

    path: Path

    def refuse(self, line: int, field: str, value: str, message: str) -> NoReturn:
        """Raise ConfigError for a value at a line and field."""
        raise ConfigError([Problem(str(self.path), line, 0, field, value[:60], message)])

    def whole(self, line: int, field: str, text: str, high: int, low: int = 1) -> int:
        """Return a field as a whole number from `low` to `high`."""
        digits = text.strip()
        if not digits.isascii() or not digits.isdigit() or not low <= int(digits[:9]) <= high:
            self.refuse(line, field, repr(text), f"a whole number from {low} to {high}")
        return int(digits[:9])

    def number(self, line: int, text: str, quantity: Quantity) -> float | None:
        """Return a field as a number within its quantity's range; None where it is blank or marked missing."""
        if not text.strip():
            return None
        try:
            value = float(text)
        except ValueError:
            self.refuse(line, quantity.name, repr(text), f"a number in {quantity.unit}")
        if quantity.missing(value):
            return None
        if not quantity.low <= value <= quantity.high:
            self.refuse(line, quantity.name, repr(text), f"{quantity.low:g} to {quantity.high:g} {quantity.unit}")
        return value

    def fields(self, lines: list[str], first: int) -> Iterator[tuple[int, list[str]]]:
        """Yield (line number, fields between commas) from line `first` on, counted from 1; blank lines are skipped."""
        for line, text in enumerate(lines[first - 1 :], start=first):
            if text.strip():
                try:
                    yield line, next(csv.reader([text]))
                except (csv.Error, StopIteration) as error:
                    self.refuse(line, "", repr(text), f"fields between commas ({error})")


def _tmy3_missing(value: float) -> bool:
    """Return whether a reading of TMY3 is marked missing, by -9900."""
    return value <= -900


_DATE, _TIME, _CODE = "Date (MM/DD/YYYY)", "Time (HH:MM)", "PresWth (METAR code)"
_TMY3 = (
    Quantity("Wspd (m/s)", "m/s", 0, 60, _tmy3_missing),
    Quantity("Dry-bulb (C)", "°C", -70, 70, _tmy3_missing),
    Quantity("Lprecip depth (mm)", "(unit as in file_rain)", 0, 5_000, _tmy3_missing),
)
_EPW = (
    Quantity("wind speed", "m/s", 0, 60, lambda value: value >= 999),
    Quantity("dry bulb temperature", "°C", -70, 70, lambda value: value >= 99.9),
    Quantity("liquid precipitation depth", "(unit as in file_rain)", 0, 998, lambda value: value >= 999),
)
_DRY_BULB, _HUMIDITY, _WIND, _CLOUDS, _OBSERVED, _CODES, _RAIN_COLUMN = 6, 8, 21, 22, 26, 27, 33


def tmy3(lines: list[str], reader: FieldReader) -> Iterator[Row]:
    """Yield the rows of a TMY3 file: after a line about the station and a line of column names, a line an hour.

    Wind and temperature must be there; rain, weather codes, humidity and clouds are read if they are.
    """
    names = [name.strip() for name in lines[1].split(",")] if len(lines) > 1 else []
    columns = {name: names.index(name) for name in names}
    for name in (_DATE, _TIME, *(quantity.name for quantity in _TMY3[:2])):
        if name not in columns:
            message = "is missing: not TMY3 (line 2 names this column), nor EPW (line 1 begins with LOCATION)"
            reader.refuse(2, name, "", message)
    last = max(columns[name] for name in columns if name in (_DATE, _TIME, *(quantity.name for quantity in _TMY3)))
    for line, fields in reader.fields(lines, 3):
        if len(fields) <= last:
            reader.refuse(line, "", "", f"{len(names)} fields are expected and {len(fields)} are there")
        texts = {name: fields[column] for name, column in columns.items() if column < len(fields)}
        month, day, *_ = (*texts[_DATE].split("/"), "", "")
        wind, dry_bulb, rain = (reader.number(line, texts.get(quantity.name, ""), quantity) for quantity in _TMY3)
        yield Row(
            line,
            reader.whole(line, _DATE, month, 12),
            reader.whole(line, _DATE, day, 31),
            reader.whole(line, _TIME, texts[_TIME].split(":")[0], 24, 0),
            wind,
            dry_bulb,
            rain,
            metar(texts.get(_CODE, "")),
            _rain_index(texts.get("RHum (%)", ""), texts.get("TotCld (tenths)", "")),
        )


def epw(lines: list[str], reader: FieldReader) -> Iterator[Row]:
    """Yield the rows of an EPW file: a line per hour after the header (to DATA PERIODS); fields after wind are optional."""
    header = [line for line, text in enumerate(lines[:HEADER_LINES], 1) if text.startswith("DATA PERIODS")]
    if not header:
        reader.refuse(0, "", "", "an EPW file has a header line that begins with DATA PERIODS; here it is missing")
    for line, fields in reader.fields(lines, header[0] + 1):
        if len(fields) <= _WIND:
            reader.refuse(line, "", "", f"at least {_WIND + 1} fields are expected and {len(fields)} are there")
        fields.extend([""] * (_RAIN_COLUMN + 1 - len(fields)))
        texts = (fields[_WIND], fields[_DRY_BULB], fields[_RAIN_COLUMN])
        wind, dry_bulb, rain = (reader.number(line, text, quantity) for text, quantity in zip(texts, _EPW, strict=True))
        yield Row(
            line,
            reader.whole(line, "month", fields[1], 12),
            reader.whole(line, "day", fields[2], 31),
            reader.whole(line, "hour", fields[3], 24, 0),
            wind,
            dry_bulb,
            rain,
            epw_code_rain(fields[_OBSERVED], fields[_CODES]),
            _rain_index(fields[_HUMIDITY], fields[_CLOUDS]),
        )


def hours_from_one(rows: Iterator[Row]) -> Iterator[Row]:
    """Yield rows with hours 1 to 24: midnight written as 00:00 ends the day before, or every hour is counted from 0."""
    previous: Row | None = None
    shift = 0
    for row in rows:
        if previous is None:
            shift = int(row.hour == 0)
        if previous is not None and row.hour + shift == 0:
            yield row._replace(month=previous.month, day=previous.day, hour=24)
        else:
            yield row._replace(hour=row.hour + shift)
        previous = row


def place_of(lines: list[str]) -> Place | None:
    """Return latitude and longitude of the station in the first line of an EPW or TMY3 file; None if it has none."""
    fields = next(csv.reader(lines[:1]), [])
    latitude_field = 6 if fields[:1] == ["LOCATION"] else 4
    try:
        latitude, longitude = (float(text) for text in fields[latitude_field : latitude_field + 2])
    except ValueError:
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _rain_index(humidity: str, clouds: str) -> float:
    """Return relative humidity plus cloud cover, in percent each; a missing one counts as 0."""
    total = 0.0
    for text, largest, scale in ((humidity, 110, 1.0), (clouds, 10, 10.0)):
        try:
            value = float(text)
        except ValueError:
            continue
        total += scale * value if 0 <= value <= largest else 0.0
    return total


# --- weather files ----------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]
RainUnit = Literal["auto", "mm", "tenths_mm"]

HOURS = 8760
MAX_BYTES = 20_000_000
MAX_MISSING_HOURS = HOURS // 20
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
    """The source of its rain, where that is not the file's gauge as its format says."""


def read_year(path: Path, rain_unit: RainUnit = "auto", monthly_mm: Sequence[float] | None = None) -> Year:
    """Read a TMY3 or EPW file; ConfigError (exit 2) with file, line and value where it cannot be used.

    `monthly_mm` is the rain of each month for a file that has none; without it, that of the nearest known place.
    """
    reader = FieldReader(path)
    lines = _lines(reader)
    is_epw = lines[0].startswith("LOCATION") if lines else False
    all_rows = hours_from_one((epw if is_epw else tmy3)(lines, reader))
    rows = [row for row in all_rows if (row.month, row.day) != (2, 29)]
    _require_whole_year(rows, reader)
    rain, source = _rain(rows, is_epw, rain_unit, reader)
    if rain is None:
        rain, source = _by_month(rows, monthly_mm, place_of(lines), reader)
    return Year(
        wind=_filled("wind", [row.wind for row in rows], reader),
        temperature=_filled("temperature", [row.temperature for row in rows], reader),
        rain=rain,
        rain_from=source,
    )


def _lines(reader: FieldReader) -> list[str]:
    """Return the file's lines; ConfigError where it cannot be read or is larger than a year of hours can be."""
    try:
        if not reader.path.is_file():
            reader.refuse(0, "", "", "cannot be read: there is no such file")
        data = files.read_at_most(reader.path, MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            reader.refuse(0, "", "", f"is larger than {MAX_BYTES // 1_000_000} MB, which no year of hours is")
        return data.decode("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        reader.refuse(0, "", "", f"cannot be read: {error.strerror or error}")


def _require_whole_year(rows: list[Row], reader: FieldReader) -> None:
    """Raise ConfigError for a file that is not every hour of one year of 365 days, once and in order."""
    for row, expected in zip_longest(rows, _CALENDAR):
        if row is None:
            reader.refuse(0, "", "", f"ends before {_hour_text(*expected)}: a whole year of hours is needed")
        if expected is None:
            reader.refuse(row.line, "", "", "goes on after the last hour of a year: one year is needed")
        if (row.month, row.day, row.hour) != expected:
            actual, expected_text = _hour_text(row.month, row.day, row.hour), _hour_text(*expected)
            reader.refuse(row.line, "date and time", actual, f"every hour once and in order, here {expected_text}")


def _hour_text(month: int, day: int, hour: int) -> str:
    """Return an hour of the year as text."""
    return f"month {month} day {day} hour {hour}"


def _filled(name: str, values: list[float | None], reader: FieldReader) -> Floats:
    """Return a year of readings, (365, 24), missing hours filled with the last known hour before, going round the year."""
    array = np.array(values, dtype=np.float64)
    known_hours = np.flatnonzero(~np.isnan(array))
    if len(known_hours) < HOURS - MAX_MISSING_HOURS:
        message = (
            f"is missing in {HOURS - len(known_hours)} of {HOURS} hours; at most {MAX_MISSING_HOURS} can be filled in"
        )
        reader.refuse(0, name, "", message)
    last = known_hours[np.searchsorted(known_hours, np.arange(HOURS), side="right") - 1]
    return array[last].reshape(365, 24)


def _rain(rows: list[Row], is_epw: bool, unit: RainUnit, reader: FieldReader) -> tuple[Floats | None, str]:
    """Return (rain in mm by hour, its source): of the gauge, else of weather codes; None where too much is missing."""
    gauge = np.array([row.rain for row in rows], dtype=np.float64)
    scale, source = _rain_unit(gauge, is_epw, unit)
    gauge *= scale
    if not np.nansum(gauge):
        gauge[:] = np.nan
    by_code = np.array([row.code_rain for row in rows], dtype=np.float64)
    rain = np.where(np.isnan(gauge), by_code, gauge)
    if np.isnan(rain).sum() > MAX_MISSING_HOURS or not np.nansum(rain):
        return None, ""
    rain = np.nan_to_num(rain)
    if rain.sum() > WETTEST_YEAR_MM:
        reader.refuse(0, "rain", f"{rain.sum():.0f} mm a year", "more than falls anywhere: set file_rain to its unit")
    if np.isnan(gauge).all():
        source = "rain by weather codes: the file has no gauge"
    return rain.reshape(365, 24), source


def _rain_unit(gauge: Floats, is_epw: bool, unit: RainUnit) -> tuple[float, str]:
    """Return (mm in one unit of a file's rain, a sentence where the unit is not the one of its format)."""
    if unit != "auto":
        return (1.0 if unit == "mm" else 0.1), ""
    if is_epw:
        if float(np.nansum(gauge)) <= TENTHS_FROM_MM:
            return 1.0, ""
        return 0.1, f"rain read as tenths of mm: as mm it would be {np.nansum(gauge):,.0f} a year (file_rain)"
    if (np.nan_to_num(gauge) % 1 == 0).all():
        return 0.1, ""
    return 1.0, "rain read as mm: it has decimals, which tenths of mm have not (file_rain)"


def _by_month(
    rows: list[Row], monthly_mm: Sequence[float] | None, place: Place | None, reader: FieldReader
) -> tuple[Floats, str]:
    """Return (rain in mm by hour, its source) for a file without rain: of given months or of the nearest known place."""
    nearby = nearest(place)
    if nearby is None and monthly_mm is None:
        message = (
            "has neither a depth nor weather codes, and no place whose rain is known is near: state file_rain_in, "
            "the inches of each month, or lost_days"
        )
        reader.refuse(0, "rain", "", message)
    rain_index = np.array([row.rain_index for row in rows]).reshape(365, 24)
    rain = on_likeliest_days(rain_index, monthly_mm, nearby)
    source = f"{nearby.name}, {nearby.km} km away" if nearby is not None and monthly_mm is None else "the stated months"
    return rain, f"the file has no rain; that of {source}, on its dampest days ({rain.sum():,.0f} mm a year)"
