"""Numbers written with another unit than their field's, such as `30 m`, `25 %` or `850 km`, as numbers in that unit.

Factors are exact where a unit is defined by another (an inch is 25.4 mm, a pound 0.45359237 kg: NIST SP 811, appendix B);
a month is 365.25/12 days, as everywhere here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import BaseModel

from sim.config.sections.display_units import FOOT, INCH, MILE, POUND
from sim.config.source_positions import allowed_at, value_at
from sim.config.yaml_reader import Document

WRITTEN = re.compile(r"(?P<number>[-+]?[0-9][0-9_]*(?:\.[0-9]+)?)\s*(?P<unit>[%°$A-Za-zµ][A-Za-z0-9²/^ °]*)")
DAYS_A_MONTH = 365.25 / 12
_DAYS = {"d": 1.0, "day": 1.0, "days": 1.0, "week": 7.0, "weeks": 7.0, "month": DAYS_A_MONTH, "months": DAYS_A_MONTH,
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
    "min": {"min": 1, "minutes": 1, "h": 60, "hours": 60},
    "days": _DAYS,
    "weeks": {unit: days / 7 for unit, days in _DAYS.items()},
    "months": {"months": 1, "month": 1, "weeks": 7 / DAYS_A_MONTH, "days": 1 / DAYS_A_MONTH, "years": 12},
    "years": {"years": 1, "months": 1 / 12},
    "working days": {"working days": 1, "days": 1, "weeks": 5},
    "share": _SHARE,
    "probability": _SHARE,
    "correlation": _SHARE,
    "×": _SHARE,
    "%/year": {"%": 1, "%/year": 1},
    "%/month": {"%": 1, "%/month": 1},
    "$": {"$": 1, "USD": 1, "usd": 1, "k": 1e3, "M": 1e6, "bn": 1e9},
}
"""By the unit of a field: the units that may be written instead, and what one of them is in it."""


def convert_units(document: Document, model: type[BaseModel]) -> None:
    """Turn texts such as `30 m` into numbers in the unit of their field, in place; what fits no unit stays a text.

    >>> from sim.config.project import Project
    >>> from sim.config.yaml_reader import read_text
    >>> written = read_text("scale: {capacity_mw: 0.12 GW}", "x.yaml")
    >>> convert_units(written, Project)
    >>> written.tree
    {'scale': {'capacity_mw': 120}}
    """
    for address in list(document.positions):
        value = value_at(document.tree, address)
        if type(value) is str and (found := WRITTEN.fullmatch(value.strip())):
            number = in_unit(
                float(found["number"].replace("_", "")), found["unit"].strip(), allowed_at(model, address).unit
            )
            if number is not None:
                value_at(document.tree, address[:-1])[address[-1]] = int(number) if number.is_integer() else number


def in_unit(number: float, written: str, unit: str) -> float | None:
    """Return a number of one unit in another, to twelve figures; None where they do not fit.

    >>> in_unit(30, "m", "ft"), in_unit(25, "%", "share"), in_unit(5, "C", "°F"), in_unit(3, "kg", "ft")
    (98.4251968504, 0.25, 41.0, None)
    """
    if unit == "°F" and written in ("C", "°C"):
        return float(f"{number * 9 / 5 + 32:.12g}")
    factor = FACTORS.get(unit, {}).get(written)
    return None if factor is None else float(f"{number * factor:.12g}")


def hint_for_text(text: str, unit: str) -> str:
    """Return how a number is to be written that has a unit its field does not know; empty where it is no number.

    >>> hint_for_text("30 furlongs", "ft")
    'a number in ft, or one with ft, feet, m, cm, in behind it'
    """
    if not WRITTEN.fullmatch(text.strip()) or unit not in FACTORS:
        return ""
    return f"a number in {unit}, or one with {', '.join(FACTORS[unit])} behind it"
