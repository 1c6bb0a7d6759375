"""Cells of a status: a date as minutes since the project's start, a number as a planner writes it."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, time
from typing import Any

from sim.errors import without_thousands
from sim.plan.vocabulary import MINUTES_PER_DAY

LENGTH_OF_DATE = len("2027-03-31")


def is_mapping(text: str) -> bool:
    """Return whether a text is a JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def parse_minute(cell: Any, start_date: date, at_day_end: bool) -> int:
    """Return the minute of a date; of a date without a time the end of its day where `at_day_end`, else its begin."""
    parsed = cell if isinstance(cell, date) else None
    text = str(cell).strip()
    if parsed is None:
        try:
            parsed = date.fromisoformat(text) if len(text) <= LENGTH_OF_DATE else datetime.fromisoformat(text)
        except ValueError:
            serial = " (a serial number of Excel: format the column as a date)" if text.isdecimal() else ""
            raise ValueError(f"a date like 2027-03-31, or with a time 2027-03-31T14:30{serial}") from None
    if isinstance(parsed, datetime) and parsed.time() != time():
        return round((parsed.replace(tzinfo=None) - datetime.combine(start_date, time())).total_seconds() / 60)
    if isinstance(parsed, datetime):
        # an Excel cell with a date has the time 0:00; a written T00:00 is that minute
        at_day_end, parsed = at_day_end and isinstance(cell, date), parsed.date()
    return ((parsed - start_date).days + int(at_day_end)) * MINUTES_PER_DAY


def parse_number(cell: Any) -> float:
    """Return the number in a cell, with a decimal point and no thousands separators."""
    text = str(cell).strip()
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"a number with a point, like {_plain_number(text) or '12.5'}") from None
    if not 0 <= number < float("inf"):
        raise ValueError("a number of at least 0")
    return number


def _plain_number(text: str) -> str:
    """Return a number as it should be written, without currency and thousands separators; empty where it is none."""
    plain = without_thousands(re.sub(r"[$€£%'\s]", "", text))
    if plain.count(".") > 1 or plain.find(",") > plain.find(".") > -1:
        plain = plain.replace(".", "")
    plain = plain.replace(",", ".")
    return plain if re.fullmatch(r"[0-9]+(\.[0-9]+)?", plain) else ""
