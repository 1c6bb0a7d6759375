"""Rows of weather files: TMY3 (NREL) and EPW (EnergyPlus), and what is said where one is wrong.

Rain told in codes: what an observer wrote down where no gauge was read.

Only how hard it rained or snowed is taken from them, in the classes of TMY2 and EPW (light up to 2.5 mm an hour,
moderate up to 7.6, heavy above), each as one depth of water.

A weather file of the site: a typical year, hour by hour, as the user brought it.

Read are wind at 10 m, air temperature and rain of TMY3 and EPW files, in local standard time; an hour's row stands
for the hour that ends then. What is wrong is told with file, line and value. Nothing is guessed, except:

- a reading marked missing is taken from the hour before, for at most a twentieth of the year;
- rain marked missing, or a year of nothing but zeros, is taken from the weather codes;
- rain of TMY3 is read as tenths of millimetres although its header says mm. The values are hundredths of an inch in
  that unit (3, 5, 8, 10, 13, …), and as mm the Chihuahuan desert would have 4 m a year. `file_rain` says otherwise.

Weather from the user's own file: its year, cut into blocks of days and put together anew every time.

Five days in a row of the simulated calendar are five days in a row of the file, from at most two weeks earlier or
later in the year (a block bootstrap: Künsch 1989; for weather Rajagopalan and Lall 1999). So hours, days and the
three readings keep together as they were, and nothing has to be fitted. The alternative, to derive a climate
as for West Texas, would fit some thirty parameters a month to one month of data and needs a person to look at
them. The price: no day comes that the file does not have, and memory ends with a block; what a typical year
lacks is added by `storms`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from sim import files
from sim.config.sections.systems import Exposure
from sim.errors import ConfigError, Problem
from sim.world.calendars.shifts import DAY
from sim.world.weather.climate import Storms
from sim.world.weather.closures import (
    MONTH_DAYS,
    WARM_UP,
    Closed,
    Days,
    Limits,
    WeatherDraws,
    closures_by_exposure,
    hourly,
)

# --- weather codes ----------------------------------------------------------------------------------------------------


LIGHT, MODERATE, HEAVY = 1.0, 5.0, 10.0

_PRECIPITATION = range(50, 100)
_MODERATE = {62, 63, 67, 69, 81, 84, 92, 94, 95, 96}
_HEAVY = {64, 65, 82, 97, 99}
_RAIN, _OTHER = 1, slice(2, 6)
"""Of nine digits: rain; drizzle, snow, snow showers, sleet. Before them thunder, after them fog, smoke, hail."""


def metar(text: str) -> float | None:
    """Return mm in the hour for a two-digit code of present weather (WMO table 4677); None if there is none."""
    digits = text.strip()
    if not digits.isascii() or not digits.isdigit():
        return None
    code = int(digits[:4])
    if code in _HEAVY:
        return HEAVY
    if code in _MODERATE:
        return MODERATE
    return LIGHT if code in _PRECIPITATION else 0.0


def epw_code_rain(observed: str, codes: str) -> float | None:
    """Return mm in the hour for EPW's nine digits, each 9 for nothing; None where nobody observed."""
    digits = codes.strip().strip("'\"").zfill(9)
    if observed.strip() != "0" or len(digits) != 9 or not digits.isascii() or not digits.isdigit():
        return None
    if digits[_RAIN] != "9":
        return (LIGHT, MODERATE, HEAVY)[int(digits[_RAIN]) % 3]
    return LIGHT if digits[_OTHER] != "9999" else 0.0


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

    def whole(self, line: int, field: str, text: str, high: int) -> int:
        """A whole number from 1 to `high`."""
        digits = text.strip()
        if not digits.isascii() or not digits.isdigit() or not 1 <= int(digits[:9]) <= high:
            self.refuse(line, field, repr(text), f"a whole number from 1 to {high}")
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
_WIND, _DRY_BULB, _OBSERVED, _CODES, _RAIN_COLUMN = 21, 6, 26, 27, 33


def tmy3(lines: list[str], reading: Reading) -> Iterator[Row]:
    """Rows of a TMY3 file: a line about the station, a line of column names, then a line an hour."""
    names = [name.strip() for name in lines[1].split(",")] if len(lines) > 1 else []
    columns = {}
    for name in (_DATE, _TIME, *(kind.name for kind in _TMY3), _CODE):
        if name not in names:
            message = "is missing: not TMY3 (line 2 names this column), nor EPW (line 1 begins with LOCATION)"
            reading.refuse(2, name, "", message)
        columns[name] = names.index(name)
    for line, fields in reading.fields(lines, 3):
        if len(fields) <= max(columns.values()):
            reading.refuse(line, "", "", f"{len(names)} fields are expected and {len(fields)} are there")
        month, day, *_ = (*fields[columns[_DATE]].split("/"), "", "")
        wind, dry_bulb, rain = (reading.number(line, fields[columns[kind.name]], kind) for kind in _TMY3)
        yield Row(
            line,
            reading.whole(line, _DATE, month, 12),
            reading.whole(line, _DATE, day, 31),
            reading.whole(line, _TIME, fields[columns[_TIME]].split(":")[0], 24),
            wind,
            dry_bulb,
            rain,
            metar(fields[columns[_CODE]]),
        )


def epw(lines: list[str], reading: Reading) -> Iterator[Row]:
    """Rows of an EPW file: header lines up to DATA PERIODS, then a line an hour; older ones end before the rain."""
    header = [line for line, text in enumerate(lines[:HEADER_LINES], 1) if text.startswith("DATA PERIODS")]
    if not header:
        reading.refuse(0, "", "", "an EPW file has a header line that begins with DATA PERIODS; here it is missing")
    for line, fields in reading.fields(lines, header[0] + 1):
        if len(fields) <= _CODES:
            reading.refuse(line, "", "", f"at least {_CODES + 1} fields are expected and {len(fields)} are there")
        texts = (fields[_WIND], fields[_DRY_BULB], fields[_RAIN_COLUMN] if len(fields) > _RAIN_COLUMN else "")
        wind, dry_bulb, rain = (reading.number(line, text, kind) for text, kind in zip(texts, _EPW, strict=True))
        yield Row(
            line,
            reading.whole(line, "month", fields[1], 12),
            reading.whole(line, "day", fields[2], 31),
            reading.whole(line, "hour", fields[3], 24),
            wind,
            dry_bulb,
            rain,
            epw_code_rain(fields[_OBSERVED], fields[_CODES]),
        )


# --- weather files ----------------------------------------------------------------------------------------------------


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


# --- weather years ----------------------------------------------------------------------------------------------------


Hours = NDArray[np.bool_]

BLOCK = 5
SHIFT = 14
MEASURABLE_MM = 0.25
"""An hour with less than 0.01 inch is no rain."""


@dataclass(frozen=True, eq=False)
class Resampled:
    """Hours that the file's year closes, (365, 24) by exposure, and the storms it lacks."""

    hours: dict[Exposure, Hours]
    storms: Storms

    def closed(self, span: Days, draws: WeatherDraws) -> Closed:
        """Return what one replication's weather closes."""
        source = _sources(span, draws)[WARM_UP:]
        outdoors, everyone = self.storms.seasons(span, draws)
        parts = {exposure: [hourly(hours[source], 0), outdoors] for exposure, hours in self.hours.items()}
        parts["interior"][1] = everyone
        return closures_by_exposure(parts, (span.count - WARM_UP) * DAY)


def _sources(span: Days, draws: WeatherDraws) -> NDArray[np.int64]:
    """Return the day of the file's year that each day takes its weather from."""
    into = (span.first + np.arange(span.count)) % BLOCK
    blocks = (span.first + np.arange(span.count)) // BLOCK
    uniforms = draws.series("days of the file", int(blocks[0]), int(blocks[-1] - blocks[0]) + 1)
    shift = np.floor(uniforms * (2 * SHIFT + 1)).astype(np.int64)[blocks - blocks[0]] - SHIFT
    # The block's first day, and from it on in a row: so 29 February does not repeat a day within a block.
    first = np.maximum(np.arange(span.count) - into, 0)
    source: NDArray[np.int64] = (span.of_year[first] + np.arange(span.count) - first + shift) % 365
    return source


def closed_hours(year: Year, limits: Limits) -> dict[Exposure, Hours]:
    """Apply the limits to a year, which goes round: mud of 31 December is there on 1 January. (365, 24) each."""
    rain = year.rain >= MEASURABLE_MM
    first = rain & (np.cumsum(rain, axis=1) == 1)
    depth = year.rain.sum(axis=1, keepdims=True)
    costly, muddy, shut = (
        first & (depth >= much) for much in (limits.earthwork_rain, limits.mud_rain, limits.shut_rain)
    )
    closed = _after(shut, 24)
    mud_hours = 24 + -(-limits.mud_minutes // 60)
    return {
        "earthwork": rain | _after(costly, 24) | _after(muddy, mud_hours) | (year.temperature < limits.frost) | closed,
        "exterior": _after(rain, 1 + -(-limits.exterior_drying // 60)) | (year.wind > limits.exterior_wind) | closed,
        "crane": rain | (year.wind > limits.crane_wind) | closed,
        "interior": closed,
    }


def _after(began: Hours, hours: int) -> Hours:
    """Mark every hour that is one of `hours` from a marked one on."""
    flat = began.ravel()
    count = np.cumsum(np.concatenate([flat[-hours:], flat]))
    return (count[hours:] > count[:-hours]).reshape(began.shape)
