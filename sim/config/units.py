"""Conversion of numbers that are written with another unit than their field's, such as `30 m`, `25 %` or `850 km`.

Also the unit in the name of a table's column (`duration_h`, `lead time [weeks]`), and its factor to the unit of a field,
where hours and days may be working or calendar ones.

Factors are exact where a unit is defined by another (an inch is 25.4 mm, a pound 0.45359237 kg: NIST SP 811, appendix B);
a month is 365.25/12 days, as everywhere here.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel

from sim.config.sections.display_units import FOOT, INCH, MILE, POUND
from sim.config.source_positions import allowed_at, value_at
from sim.config.yaml_reader import Document
from sim.errors import SimError

WRITTEN = re.compile(r"(?P<number>[-+]?[0-9][0-9_]*(?:\.[0-9]+)?)\s*(?P<unit>[%°$A-Za-zµ][A-Za-z0-9²/^ °]*)")
DAYS_PER_MONTH = 365.25 / 12
_DAYS = {"d": 1.0, "day": 1.0, "days": 1.0, "week": 7.0, "weeks": 7.0, "month": DAYS_PER_MONTH, "months": DAYS_PER_MONTH,
         "h": 1 / 24, "hours": 1 / 24}  # fmt: skip
_SHARE = {"%": 0.01, "percent": 0.01}
FACTORS: Mapping[str, Mapping[str, float]] = {
    "ft": {"ft": 1, "feet": 1, "m": 1 / FOOT, "cm": 0.01 / FOOT, "in": 1 / 12},
    "in": {"in": 1, "inches": 1, "mm": 1 / INCH, "cm": 10 / INCH},
    "miles": {"mi": 1, "mile": 1, "miles": 1, "km": 1 / MILE},
    "mph": {"mph": 1, "kph": 1 / MILE, "km/h": 1 / MILE, "kmh": 1 / MILE, "m/s": 3.6 / MILE},
    "sq ft": {"sq ft": 1, "sqft": 1, "ft2": 1, "m2": 1 / FOOT**2, "m²": 1 / FOOT**2, "sqm": 1 / FOOT**2},
    "sq ft/person": {"m2": 1 / FOOT**2, "m²": 1 / FOOT**2, "sqm": 1 / FOOT**2},
    "h/sq ft": {"h/sq ft": 1, "h/m2": FOOT**2, "h/m²": FOOT**2},
    "$/sq ft": {"$/sq ft": 1, "$/m2": FOOT**2, "$/m²": FOOT**2},
    "$/mile": {"$/mile": 1, "$/km": MILE},
    "lb": {"lb": 1, "lbs": 1, "kg": 1 / POUND, "t": 1000 / POUND},
    "MW": {"MW": 1, "GW": 1000, "kW": 0.001},
    "h": {"h": 1, "hours": 1, "min": 1 / 60, "minutes": 1 / 60, "days": 24},
    "person-hours": {"person-hours": 1, "h": 1, "hours": 1},
    "min": {"min": 1, "minutes": 1, "h": 60, "hours": 60},
    "days": _DAYS,
    "weeks": {unit: days / 7 for unit, days in _DAYS.items()},
    "months": {"months": 1, "month": 1, "weeks": 7 / DAYS_PER_MONTH, "days": 1 / DAYS_PER_MONTH, "years": 12},
    "years": {"years": 1, "months": 1 / 12},
    "working days": {"working days": 1, "days": 1, "weeks": 5},
    "share": _SHARE,
    "probability": _SHARE,
    "correlation": _SHARE,
    "×": _SHARE,
    "%/year": {"%": 1, "%/year": 1},
    "%/month": {"%": 1, "%/month": 1},
    "$": {"$": 1, "USD": 1, "usd": 1},
}
"""By the unit of a field: the units that may be written instead, with their factors to it."""
MULTIPLES: Mapping[str, float] = {"k": 1e3, "M": 1e6, "bn": 1e9}
"""Multiples of dollars, which may be written behind any price: `13k` for a field in $/MW/year."""


LIMIT = r"(?P<limit>[-+]?[0-9][0-9_,]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?)\s*(?P<multiple>k|M|bn)?"
"""A number as it is written behind a metric: `450`, `1,200`, and of dollars `8.2bn`."""


def limit_of(found: re.Match[str], metric: str) -> float:
    """Return the number of a match of `LIMIT`; ValueError where a multiple stands behind a metric that is no dollars.

    >>> limit_of(re.fullmatch(LIMIT, "8.5 bn"), "capital_total_usd")
    8500000000.0
    """
    multiple = found["multiple"]
    if multiple and "usd" not in metric.split("_"):
        raise ValueError(f"{multiple} stands behind dollars only, and {metric} has none: write the number in full")
    return float(re.sub("[_,]", "", found["limit"])) * MULTIPLES.get(multiple or "", 1)


def factors_to(unit: str) -> Mapping[str, float]:
    """Return the units that may be written for a field in a unit, with their factors to it.

    >>> factors_to("$/day")
    {'k': 1000.0, 'M': 1000000.0, 'bn': 1000000000.0}
    """
    return {**FACTORS.get(unit, {}), **(MULTIPLES if unit.startswith("$") else {})}


def convert_units(document: Document, model: type[BaseModel]) -> None:
    """Turn texts such as `30 m` into numbers in the unit of their field, in place; a text with no fitting unit stays.

    >>> from sim.config.project import Project
    >>> from sim.config.yaml_reader import read_text
    >>> written = read_text("scale: {capacity_mw: 0.12 GW}", "x.yaml")
    >>> convert_units(written, Project)
    >>> written.tree
    {'scale': {'capacity_mw': 120}}
    """
    for address in list(document.positions):
        value = value_at(document.tree, address)
        if type(value) is str and (match := WRITTEN.fullmatch(value.strip())):
            number = in_unit(
                float(match["number"].replace("_", "")), match["unit"].strip(), allowed_at(model, address).unit
            )
            if number is not None:
                value_at(document.tree, address[:-1])[address[-1]] = int(number) if number.is_integer() else number


def in_unit(number: float, written_unit: str, unit: str) -> float | None:
    """Return a number of a written unit in the unit of a field, to twelve figures; None where they do not fit.

    >>> in_unit(30, "m", "ft"), in_unit(25, "%", "share"), in_unit(5, "C", "°F"), in_unit(3, "kg", "ft")
    (98.4251968504, 0.25, 41.0, None)
    """
    if unit == "°F" and written_unit in ("C", "°C"):
        return float(f"{number * 9 / 5 + 32:.12g}")
    factor = factors_to(unit).get(written_unit)
    return None if factor is None else float(f"{number * factor:.12g}")


def hint_for_text(text: str, unit: str) -> str:
    """Return a hint which units a field knows, for a number with another one; empty where the text is no number.

    >>> hint_for_text("30 furlongs", "ft")
    'a number in ft, or one with ft, feet, m, cm, in behind it'
    """
    if not WRITTEN.fullmatch(text.strip()) or not factors_to(unit):
        return ""
    return f"a number in {unit}, or one with {', '.join(factors_to(unit))} behind it"


_NAMES = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")  # fmt: skip
_MONTHS = [name[:3] for name in _NAMES]


def days_meant(text: str) -> tuple[date, ...]:
    """Return the dates that a text not in ISO form may mean: two where day and month may be either way round.

    >>> [str(day) for text in ("30 June 2027", "June 30, 2027", "5.1.2027", "01/05/2027") for day in days_meant(text)]
    ['2027-06-30', '2027-06-30', '2027-01-05', '2027-01-05', '2027-05-01']
    """
    parts = [part for part in re.split(r"[./ ,-]+", text.strip().lower()) if part]
    is_month = [any(name.startswith(part) for name in _NAMES) and len(part) > 2 for part in parts]
    numbers = [str(_MONTHS.index(part[:3]) + 1) if name else part for part, name in zip(parts, is_month, strict=True)]
    if len(numbers) != 3 or not all(re.fullmatch("[0-9]{1,2}", number) for number in numbers[:2]):
        return ()
    if not re.fullmatch("[1-9][0-9]{3}", numbers[2]):
        return ()
    first_number, second_number, year = map(int, numbers)
    month_and_day = [(first_number, second_number)] if is_month[0] else [(second_number, first_number)]
    if not any(is_month) and "." not in text:
        month_and_day = [(first_number, second_number), (second_number, first_number)]
    dates = []
    for month, day in dict.fromkeys(month_and_day):
        if 0 < month < 13 and 0 < day <= monthrange(year, month)[1]:
            dates.append(date(year, month, day))
    return tuple(dates)


# --- the unit in the name of a column ---------------------------------------------------------------------------------


_HOURS: Mapping[str, float] = {"hours": 1, "minutes": 1 / 60}
_LONG: Mapping[str, float] = {"days": 1, "weeks": 7, "months": DAYS_PER_MONTH, "years": 365.25}
_SPELLED = {
    "hours": "hours hour hrs hr h", "minutes": "minutes minute mins min", "days": "days day d",
    "weeks": "weeks week wks wk", "months": "months month", "years": "years year yrs yr",
    "person-hours": "manhours personhours mh mhrs", "%": "% percent pct", "ft": "ft feet foot", "m": "m metres meters",
    "km": "km kilometres kilometers", "miles": "miles mile mi", "mm": "mm", "cm": "cm", "in": "in inches inch", "kg": "kg",
    "lb": "lb lbs pounds", "t": "t tonnes", "MW": "mw", "GW": "gw", "kW": "kw", "kph": "kph kmh", "mph": "mph",
    "sq ft": "sqft ft2", "m2": "sqm m2 m²", "$": "$ usd dollars", "EUR": "€ eur euros", "GBP": "£ gbp", "C": "°c celsius",
}  # fmt: skip
_UNITS = {word: unit for unit, words in _SPELLED.items() for word in words.split()}
_UNIT_KINDS = {
    **dict.fromkeys(("working", "work", "worked", "shift", "net"), "working"),
    **dict.fromkeys(("calendar", "elapsed", "clock", "gross"), "calendar"),
    **dict.fromkeys(("person", "man", "labour", "labor", "crew"), "person"),
}
_ONLY_AT_THE_END = {"in", "m", "t", "d", "h", "mh"}
"""Words that are no unit within a name: days_in_shop, rate_t_kind."""
_WORD = re.compile(r"[A-Z]?[a-z]+[²2]?|[A-Z]+[2]?(?![a-z])|[%$€£]|°[Cc]|/")


@dataclass(frozen=True)
class Workday:
    """The working days of a calendar: its name (the site, a factory), the hours of one, and how many a week has."""

    whose: str
    hours: float
    a_week: float


def units_named(name: str) -> tuple[str, ...]:
    """Return the units that a name may mean, the one at its end alone if there is one; none where it names none.

    >>> units_named("duration_h"), units_named("Working hours"), units_named("hours_per_sqft"), units_named("skid")
    (('hours',), ('working hours',), ('h/sq ft',), ())
    """
    words = [word.lower() for word in _WORD.findall(name.replace("sq ft", "sqft").replace("sq_ft", "sqft"))]
    unit_at = dict(_units_with_positions(words))
    at_end = [unit for position, unit in unit_at.items() if position == len(words) - 1]
    return tuple(dict.fromkeys(at_end or unit_at.values()))


def _units_with_positions(words: list[str]) -> Iterator[tuple[int, str]]:
    """Yield (position of its last word, unit) of every unit among the words of a name; hours per sqft are one unit."""
    position, end = 0, len(words) - 1
    while position <= end:
        is_rate = words[position + 1 : position + 2] in (["per"], ["/"])
        unit = _UNITS.get(words[position], "")
        if unit and (position == end or is_rate or words[position] not in _ONLY_AT_THE_END):
            kind = _UNIT_KINDS.get(words[position - 1], "") if position else ""
            per_unit = _UNITS.get(words[position + 2], "") if is_rate and position + 2 <= end else ""
            if per_unit:
                yield position + 2, f"{'h' if unit == 'hours' else unit}/{per_unit}"
            else:
                yield position, f"person-{unit}" if kind == "person" else f"{kind} {unit}".strip()
        position += 3 if is_rate else 1


def factor_between(written_unit: str, unit: str, day: Workday) -> tuple[float, str] | None:
    """Return (factor from a named unit to the unit of a field, what it assumes as text); None where they do not fit.

    Hours and days without a kind, for a field in the other one, may be working or calendar ones: AmbiguousUnit.

    >>> factor_between("calendar days", "working days", Workday("the site", 10, 5))
    (0.7142857142857143, '5 working days in 7 of the calendar')
    """
    word = written_unit.removeprefix("working ").removeprefix("calendar ")
    kind = written_unit.removesuffix(word).strip()
    if unit == "working days":
        return _factor_to_working_days(kind, word, day)
    if unit in ("days", "weeks", "months", "years") and word in {**_HOURS, **_LONG}:
        factor, assumption = _factor_to_calendar_days(kind, word, day)
        return factor / _LONG[unit], assumption
    if unit in ("h", "min") and word in _LONG:
        if not kind:
            raise AmbiguousUnit((f"working {word}", f"calendar {word}"))
        days = _LONG[word] if kind == "calendar" else _LONG[word] * (day.a_week / 7 if word != "days" else 1)
        return days * (24 if kind == "calendar" else day.hours) * (60 if unit == "min" else 1), _hours_per_day(
            kind, day
        )
    if unit in ("h", "min") and word in _HOURS:
        return _HOURS[word] * (60 if unit == "min" else 1), ""
    if unit == "person-hours":
        hours = {"hours": 1.0, "person-hours": 1.0, "person-days": day.hours}.get(written_unit)
        return (
            None if hours is None else (hours, _hours_per_day("working", day) if written_unit == "person-days" else "")
        )
    factors = {written_unit: 1.0} if written_unit == unit else FACTORS.get(unit, {})
    return (factors[written_unit], "") if written_unit in factors else None


class AmbiguousUnit(ValueError):
    """A unit that may mean two things; `args[0]` has both."""


class UnfitUnit(SimError):
    """A unit of another quantity than a field's, or one that may mean two things."""

    exit_code = 2


def conversion(name: str, unit: str, day: Workday, column_name: str, key: str) -> tuple[float, str]:
    """Return (factor from the unit in a column's name to that of a field, description); UnfitUnit where none fits.

    `column_name` and `key` (the field) are for the message.
    """
    units = units_named(name)
    if not units:
        return 1.0, f"taken as {unit}, as its name has no unit" if unit else ""
    try:
        fits = None if len(units) > 1 else factor_between(units[0], unit, day)
    except AmbiguousUnit as ambiguous:
        units, fits = ambiguous.args[0], None
    if fits is None and len(units) > 1:
        options = " or ".join(f'--unit "{option}"{_assumption_of(option, unit, day)}' for option in units)
        raise UnfitUnit(f"{column_name} may be in {' or '.join(units)}, and {key} is in {unit}: add {options}")
    if fits is None:
        quantity = f"in {unit}" if unit else "a number without a unit"
        raise UnfitUnit(
            f"{column_name} is in {units[0]}, and {key} is {quantity}: the one is none of the other; "
            "name another column with --column, or the unit that is meant with --unit"
        )
    factor, assumption = fits
    if factor == 1 and not assumption:
        return 1.0, "taken as working days" if unit == "working days" and units[0] == "days" else ""
    return factor, f"{units[0]} × {factor:.4g} = {unit}" + (f" ({assumption})" if assumption else "")


def _assumption_of(written: str, unit: str, day: Workday) -> str:
    """Return what a conversion assumes, in brackets; empty where nothing."""
    fits = factor_between(written, unit, day)
    return f" ({fits[1]})" if fits and fits[1] else ""


def _factor_to_working_days(kind: str, word: str, day: Workday) -> tuple[float, str] | None:
    """Return (factor to working days, assumption) of a unit of time; `kind` is working, calendar or empty."""
    working_share = day.a_week / 7
    if word in _HOURS:
        if not kind:
            raise AmbiguousUnit((f"working {word}", f"calendar {word}"))
        return _HOURS[word] * (1 / day.hours if kind == "working" else working_share / 24), _hours_per_day(kind, day)
    if word == "days" and kind != "calendar":
        return 1.0, ""
    if word not in _LONG:
        return None
    return _LONG[word] * working_share, f"{day.a_week:g} working days in 7 of the calendar"


def _factor_to_calendar_days(kind: str, word: str, day: Workday) -> tuple[float, str]:
    """Return (factor to calendar days, assumption) of a unit of time; `kind` is working, calendar or empty."""
    calendar_per_working_day = 7 / day.a_week
    if word in _HOURS:
        days = calendar_per_working_day / day.hours if kind == "working" else 1 / 24
        return _HOURS[word] * days, _hours_per_day(kind or "calendar", day)
    if word == "days" and kind == "working":
        return calendar_per_working_day, f"7 days of the calendar for {day.a_week:g} working days"
    return _LONG[word], ""


def _hours_per_day(kind: str, day: Workday) -> str:
    """Return the sentence how many hours a day of a kind (working or calendar) has."""
    return (
        f"{day.hours:g} h a working day of {day.whose}"
        if kind == "working"
        else "24 h a day, nights and weekends counted"
    )
