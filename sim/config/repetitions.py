"""Entries that a list has twice, and hours that overlap: each is refused with the line of the other.

Two shifts at one time would be two crews in one place for the calendar and one for the headcount, and a step that is
named twice has two sets of predecessors. Every list of a configuration is checked: entries with an `id`, links,
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
from sim.errors import Mistake

KeyPath = tuple[str | int, ...]
DAY = 1440
"""Minutes of a day."""


def repetitions(project: Project) -> Iterator[Mistake]:
    """Yield the entries of a project's lists that are there already, and hours that overlap others."""
    for path, entries in _lists(project, ()):
        yield from _repeated(path, entries)
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
        for index, part in enumerate(value):
            yield from _lists(part, (*path, index))


def _identity(entry: Any) -> tuple[KeyPath, Hashable]:
    """Return (path of its name within an entry of a list, the name); None in place of the name where it may repeat."""
    if isinstance(entry, Predecessor):
        return (), f"{entry.id} {entry.type}" if not entry.plain else entry.id
    if isinstance(entry, BaseModel) and "id" in type(entry).model_fields:
        return ("id",), getattr(entry, "id")  # noqa: B009 (not every section has one)
    return (), entry if isinstance(entry, str) else None


def _repeated(path: KeyPath, entries: Sequence[Any]) -> Iterator[Mistake]:
    """Yield the entries of a list with the name of an earlier one."""
    first_path: dict[Hashable, KeyPath] = {}
    for index, entry in enumerate(entries):
        path_in_entry, name = _identity(entry)
        name_path = (*path, index, *path_in_entry)
        if name is None:
            continue
        if name in first_path:
            each_text = "each id" if path_in_entry else "each"
            message = f"{each_text} once in {path[-1]}; it stands at {{other_position}} already"
            yield Mistake(name_path, name, message, "", first_path[name])
        first_path.setdefault(name, name_path)


def _overlaps(path: KeyPath, entries: Sequence[Any]) -> Iterator[Mistake]:
    """Yield hours of a list that overlap earlier ones of the list on the same day, past midnight too."""
    spans = [
        (index, hours, _days(entry)) for index, entry in enumerate(entries) if (hours := _hours(entry)) is not None
    ]
    for number, (index, hours, days) in enumerate(spans):
        for earlier_index, earlier_hours, earlier_days in spans[:number]:
            if days & earlier_days and _overlap(hours, earlier_hours):
                message = f"hours that do not overlap {earlier_hours.start} to {earlier_hours.end} ({{other_position}})"
                yield Mistake((*path, index), f"{hours.start} to {hours.end}", message, "", (*path, earlier_index))
                break


def _hours(entry: Any) -> ClockSpan | None:
    """Return the hours of an entry of a list; None if it has none."""
    hours = entry.hours if isinstance(entry, Curfew) else entry
    return hours if isinstance(hours, ClockSpan) else None


def _days(entry: Any) -> frozenset[str]:
    """Return the days on which the hours of an entry apply; "any" where it does not say."""
    return frozenset(entry.days) if isinstance(entry, Curfew) else frozenset({"any"})


def _overlap(one: ClockSpan, other: ClockSpan) -> bool:
    """Return whether two spans have a minute in common, on one day or from one day to the next."""
    (start, end), (other_start, other_end) = _minutes(one), _minutes(other)
    return any(start < other_end + shift and other_start + shift < end for shift in (-DAY, 0, DAY))


def _minutes(span: ClockSpan) -> tuple[int, int]:
    """Return start and end in minutes after midnight, the end on the next day where it is not later than the start."""
    start, end = (int(text[:2]) * 60 + int(text[3:]) for text in (span.start, span.end))
    return start, end if end > start else end + DAY
