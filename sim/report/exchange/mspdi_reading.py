"""Reads the activities of a Microsoft Project XML file (MSPDI): lengths, finish-to-start links, lags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from sim.report.exchange.network import ROUND_THE_CLOCK, Activity, Link, Working, WrongFile, refuse
from sim.report.exchange.xml_reading import read_xml

LINKS = {"0": "FF", "1": "FS", "2": "SF", "3": "SS"}
CONSTRAINTS = {
    "0": "", "1": "as late as possible", "2": "must start on", "3": "must finish on", "4": "start no earlier than",
    "5": "start no later than", "6": "finish no earlier than", "7": "finish no later than",
}  # fmt: skip
ELAPSED_LAGS = {"4", "6", "8", "10", "12"}
WORKING_LAGS = {"3", "5", "7", "9", "11"}
_LENGTH = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_YES = {"1", "true"}


@dataclass(frozen=True)
class _Row:
    """A task as the file has it, with the tasks it stands above."""

    element: Element
    uid: str
    level: int
    parts: list[str]
    headings: tuple[_Row, ...]

    def text(self, tag: str, otherwise: str = "") -> str:
        """The text of one of its elements."""
        return (self.element.findtext(tag) or otherwise).strip()


def read_mspdi(data: bytes, file: str) -> list[Activity]:
    """Read the activities of an MSPDI file; WrongFile if it is none or uses what a step network cannot say."""
    root = read_xml(data, file)
    if root.tag != "Project":
        raise WrongFile(f"{file}: not a Microsoft Project XML file: it begins with <{root.tag[:40]}>")
    day, week = _whole(root, "MinutesPerDay", 480, file), _whole(root, "MinutesPerWeek", 2400, file)
    project = Working(day, week / day)
    calendars = dict(_calendars(root))
    rows = _rows(root, file)
    refuse(file, "have links that are not finish-to-start", [r.text("Name") for r in rows.values() if _other(r, file)])
    return [
        Activity(
            row.uid,
            row.text("Name", f"task {row.uid}"),
            project.days_of(_minutes(row.text("Duration", "PT0H0M0S"), row, file), _own(row, calendars, project)),
            tuple(_links(row, rows, file, project)),
            _left_out(row, file),
        )
        for row in rows.values()
        if not row.parts
    ]


def _rows(root: Element, file: str) -> dict[str, _Row]:
    """The active tasks by number, each with its direct and indirect parts."""
    rows: dict[str, _Row] = {}
    open_rows: list[_Row] = []
    for element in root.iterfind("Tasks/Task"):
        text = {tag: (element.findtext(tag) or "").strip() for tag in ("UID", "OutlineLevel", "IsNull", "Active")}
        if text["IsNull"] in _YES or text["Active"] in {"0", "false"} or text["UID"] == "0":
            continue
        if not text["UID"].isdecimal() or text["UID"] in rows:
            raise WrongFile(f"{file}: a task whose UID is {text['UID'] or 'missing'!r}, not a number of its own")
        level = int(text["OutlineLevel"]) if text["OutlineLevel"].isdecimal() else 1
        open_rows = [other for other in open_rows if other.level < level]
        row = rows[text["UID"]] = _Row(element, text["UID"], level, [], tuple(open_rows))
        for other in open_rows:
            other.parts.append(row.uid)
        open_rows.append(row)
    return rows


def _other(row: _Row, file: str) -> bool:
    """Whether a task has a link that is not finish-to-start; a link of no known type is an error."""
    types = [(link.findtext("Type") or "1").strip() for link in row.element.iterfind("PredecessorLink")]
    for kind in types:
        if kind not in LINKS:
            raise WrongFile(f"{file}: task {row.uid}: {kind!r} is no type of link; known: {', '.join(LINKS)}")
    return any(LINKS[kind] != "FS" for kind in types)


def _links(row: _Row, rows: dict[str, _Row], file: str, project: Working) -> Iterator[Link]:
    """What a task follows, its headings' links included; a link to a heading is one to all its parts."""
    for owner in (row, *row.headings):
        for link in owner.element.iterfind("PredecessorLink"):
            before = (link.findtext("PredecessorUID") or "").strip()
            if before not in rows:
                raise WrongFile(f"{file}: task {row.uid} follows task {before!r}, which is not in the file")
            lag = _lag(link, row, file, project)
            parts = [part for part in rows[before].parts if not rows[part].parts] or [before]
            yield from (Link(part, lag) for part in parts)


def _lag(link: Element, row: _Row, file: str, project: Working) -> float:
    """The lag of a link in calendar days; the file has tenths of minutes."""
    text, unit = (link.findtext("LinkLag") or "0").strip(), (link.findtext("LagFormat") or "7").strip()
    if text == "0":
        return 0.0
    if not text.isdecimal():
        raise WrongFile(
            f"{file}: task {row.uid}: a lead (lag of {text}) is not read; a step begins after its predecessors"
        )
    if unit not in ELAPSED_LAGS | WORKING_LAGS:
        raise WrongFile(f"{file}: task {row.uid}: a lag in format {unit!r} (percent, or unknown) is not read")
    minutes = int(text) / 10
    return (ROUND_THE_CLOCK if unit in ELAPSED_LAGS else project).calendar_days(minutes)


def _calendars(root: Element) -> Iterator[tuple[str, Working]]:
    """How much each calendar works that states its own week."""
    for calendar in root.iterfind("Calendars/Calendar"):
        days = [_worked(day) for day in calendar.iterfind("WeekDays/WeekDay") if day.findtext("DayType") != "0"]
        working = [minutes for minutes in days if minutes]
        if working:
            yield (calendar.findtext("UID") or "").strip(), Working(sum(working) / len(working), len(working))


def _worked(day: Element) -> int:
    """The working minutes of a day; a time that ends at midnight ends with the day."""
    minutes = 0
    for time in day.iterfind("WorkingTimes/WorkingTime"):
        begin, end = _clock(time.findtext("FromTime") or ""), _clock(time.findtext("ToTime") or "")
        minutes += (end or 1440) - begin
    return minutes


def _clock(text: str) -> int:
    """A time of day in minutes; 0 where there is none."""
    found = re.fullmatch(r"(\d\d):(\d\d)(:\d\d)?", text.strip())
    return int(found[1]) * 60 + int(found[2]) if found else 0


def _own(row: _Row, calendars: dict[str, Working], project: Working) -> Working:
    """The working time in which a task's length is stated: elapsed, its own calendar's, or the project's."""
    if row.text("DurationFormat") in ELAPSED_LAGS:
        return ROUND_THE_CLOCK
    return calendars.get(row.text("CalendarUID"), project)


def _left_out(row: _Row, file: str) -> str:
    """What a step cannot say: a date constraint."""
    kind = row.text("ConstraintType", "0")
    if kind not in CONSTRAINTS:
        raise WrongFile(f"{file}: task {row.uid}: {kind!r} is no type of constraint; known: 0 to 7")
    return f"not taken over: {CONSTRAINTS[kind]} {row.text('ConstraintDate')}".rstrip() if CONSTRAINTS[kind] else ""


def _minutes(text: str, row: _Row, file: str) -> float:
    """The minutes of an ISO length."""
    found = _LENGTH.fullmatch(text)
    if not found or text in {"P", "PT"}:
        raise WrongFile(f"{file}: task {row.uid}: {text[:40]!r} is no length like PT40H0M0S")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return days * 1440 + hours * 60 + minutes + seconds / 60


def _whole(root: Element, tag: str, otherwise: int, file: str) -> int:
    """A whole number of the project that is more than nothing."""
    text = (root.findtext(tag) or str(otherwise)).strip()
    if not text.isdecimal() or int(text) == 0:
        raise WrongFile(f"{file}: {tag} is {text[:40]!r}, not a number of minutes")
    return int(text)
