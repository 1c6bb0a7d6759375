"""What is stated twice in a list, and hours that overlap: each is refused with the line of the other.

Two shifts at one time would be two crews in one place for the calendar and one for the headcount, and a step that is
named twice has two sets of predecessors. Every list of a configuration is looked at: entries with an `id`, links,
plain names, hours of a day. Numbers and amounts may repeat, as months and payments do.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from sim.config.project import Project
from sim.config.sections.logistics import Curfew
from sim.config.sections.systems import Predecessor
from sim.config.sections.working_week import ClockSpan
from sim.errors import Finding

KeyPath = tuple[str | int, ...]
DAY = 1440
"""Minutes of a day."""


def repetitions(project: Project) -> Iterator[Finding]:
    """Yield everything in a project's lists that stands there already, and hours that overlap others."""
    for path, entries in _lists(project, ()):
        yield from _again(path, entries)
        yield from _overlaps(path, entries)


def _lists(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Sequence[Any]]]:
    """Yield every list of a section and of the sections in it, with its path."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _lists(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _lists(part, (*path, name))
    elif isinstance(value, tuple):
        yield path, value
        for at, part in enumerate(value):
            yield from _lists(part, (*path, at))


def _identity(entry: Any) -> tuple[KeyPath, Hashable]:
    """Where in an entry of a list its name stands, and the name; None for what may be there several times."""
    if isinstance(entry, Predecessor):
        return (), f"{entry.id} {entry.type}" if not entry.plain else entry.id
    if isinstance(entry, BaseModel) and "id" in type(entry).model_fields:
        return ("id",), getattr(entry, "id")  # noqa: B009 (not every section has one)
    return (), entry if isinstance(entry, str) else None


def _again(path: KeyPath, entries: Sequence[Any]) -> Iterator[Finding]:
    """Yield the entries of a list whose name another one has before them."""
    first: dict[Hashable, KeyPath] = {}
    for at, entry in enumerate(entries):
        inside, name = _identity(entry)
        place = (*path, at, *inside)
        if name is None:
            continue
        if name in first:
            each = "each id" if inside else "each"
            yield Finding(place, name, f"{each} once in {path[-1]}; it stands at {{beside}} already", "", first[name])
        first.setdefault(name, place)


def _overlaps(path: KeyPath, entries: Sequence[Any]) -> Iterator[Finding]:
    """Yield hours of a list that overlap hours before them on the same day, past midnight too."""
    spans = [(at, _hours(entry), _days(entry)) for at, entry in enumerate(entries) if _hours(entry) is not None]
    for number, (at, hours, days) in enumerate(spans):
        for before, other, others_days in spans[:number]:
            if hours is not None and other is not None and days & others_days and _overlap(hours, other):
                what = f"hours that do not overlap {other.start} to {other.end} ({{beside}})"
                yield Finding((*path, at), f"{hours.start} to {hours.end}", what, "", (*path, before))
                break


def _hours(entry: Any) -> ClockSpan | None:
    """The hours that an entry of a list states, if it states any."""
    found = entry.hours if isinstance(entry, Curfew) else entry
    return found if isinstance(found, ClockSpan) else None


def _days(entry: Any) -> frozenset[str]:
    """The days on which an entry applies: those it states, or any."""
    return frozenset(entry.days) if isinstance(entry, Curfew) else frozenset({"any"})


def _overlap(one: ClockSpan, other: ClockSpan) -> bool:
    """Whether two spans have a minute in common, on one day or from one day to the next."""
    (start, end), (begin, over) = _minutes(one), _minutes(other)
    return any(start < over + shift and begin + shift < end for shift in (-DAY, 0, DAY))


def _minutes(span: ClockSpan) -> tuple[int, int]:
    """Start and end in minutes after midnight, the end on the next day where it is not later than the start."""
    start, end = (int(text[:2]) * 60 + int(text[3:]) for text in (span.start, span.end))
    return start, end if end > start else end + DAY
