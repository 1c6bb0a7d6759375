"""Rows of weather files: TMY3 (NREL) and EPW (EnergyPlus), and what is said where one is wrong."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from sim.errors import ConfigError, Problem
from sim.world import weather_codes

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
_WIND, _DRY_BULB, _OBSERVED, _CODES, _RAIN = 21, 6, 26, 27, 33


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
            weather_codes.metar(fields[columns[_CODE]]),
        )


def epw(lines: list[str], reading: Reading) -> Iterator[Row]:
    """Rows of an EPW file: header lines up to DATA PERIODS, then a line an hour; older ones end before the rain."""
    header = [line for line, text in enumerate(lines[:HEADER_LINES], 1) if text.startswith("DATA PERIODS")]
    if not header:
        reading.refuse(0, "", "", "an EPW file has a header line that begins with DATA PERIODS; here it is missing")
    for line, fields in reading.fields(lines, header[0] + 1):
        if len(fields) <= _CODES:
            reading.refuse(line, "", "", f"at least {_CODES + 1} fields are expected and {len(fields)} are there")
        texts = (fields[_WIND], fields[_DRY_BULB], fields[_RAIN] if len(fields) > _RAIN else "")
        wind, dry_bulb, rain = (reading.number(line, text, kind) for text, kind in zip(texts, _EPW, strict=True))
        yield Row(
            line,
            reading.whole(line, "month", fields[1], 12),
            reading.whole(line, "day", fields[2], 31),
            reading.whole(line, "hour", fields[3], 24),
            wind,
            dry_bulb,
            rain,
            weather_codes.epw(fields[_OBSERVED], fields[_CODES]),
        )
