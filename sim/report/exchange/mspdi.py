"""Microsoft Project's XML (MSPDI): the way into MS Project and Primavera P6 that both document.

Every task has its dates, its links, its calendar, a baseline (the plan without luck) and three fields: what it
waited for, its P80 finish and how often it was critical. A task that something besides its links held back starts no
earlier than it did, with the reason in its note: otherwise the tool would move it on the first recalculation.

Reads the activities of a Microsoft Project XML file (MSPDI): lengths, finish-to-start links, lags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sim.report.exchange.export import Handover
from sim.report.exchange.network_import import ROUND_THE_CLOCK, Activity, Link, Working, WrongFile, read_xml, refuse
from sim.report.exchange.schedule_model import Hours, Schedule, Task, clock, week_of

# --- mspdi ------------------------------------------------------------------------------------------------------------


NAMESPACE = "http://schemas.microsoft.com/project"
TEXT1, NUMBER1, NUMBER2, DATE1 = "188743731", "188743767", "188743768", "188743945"
FIELDS = (
    (TEXT1, "Text1", "Waited for"), (NUMBER1, "Number1", "Critical in % of runs"),
    (NUMBER2, "Number2", "Done in % of runs"), (DATE1, "Date1", "P80 finish"),
)  # fmt: skip
NO_EARLIER = "4"
FINISH_TO_START = "1"
DAYS_AFTER_THE_END = 60
WEEKS = 4 * 7 * 1440
"""Least stretch over which the working week is read off a calendar."""
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def mspdi(handover: Handover) -> bytes:
    """Write a handover as MSPDI XML."""
    run = handover.run
    root = Element("Project", xmlns=NAMESPACE)
    end = max((task.finish for task in run.tasks), default=0)
    calendars = {name: number for number, name in enumerate(run.calendars, 1)}
    _head(root, handover, end)
    _fields(root)
    listed = SubElement(root, "Calendars")
    for name, number in calendars.items():
        _calendar(listed, run, name, number, end + DAYS_AFTER_THE_END * 1440)
    _tasks(SubElement(root, "Tasks"), handover, calendars)
    SubElement(root, "Resources")
    SubElement(root, "Assignments")
    indent(root)
    return ('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + tostring(root, encoding="unicode")).encode()


def _head(root: Element, handover: Handover, end: int) -> None:
    """Write what holds for the whole file; nothing is scheduled by hand."""
    run = handover.run
    site = next(iter(run.calendars.values()))
    minutes = [
        sum(e - b for b, e in hours) for hours in week_of(site, run.project.scale.start_date, max(end, WEEKS)).days
    ]
    day = max(minutes)
    texts = {
        "SaveVersion": "14",
        "Name": f"{handover.name}.xml",
        "Title": handover.name,
        "Subject": handover.about(),
        "ScheduleFromStart": "1",
        "StartDate": said(run.moment(0)),
        "FinishDate": said(run.moment(end)),
        "CalendarUID": "1",
        "DefaultStartTime": "08:00:00",
        "DefaultFinishTime": "17:00:00",
        "MinutesPerDay": str(day),
        "MinutesPerWeek": str(sum(minutes)),
        "DaysPerMonth": str(round(52 / 12 * sum(minute > 0 for minute in minutes))),
        "DurationFormat": "7",
        "NewTasksAreManual": "0",
    }
    for name, text in texts.items():
        _put(root, name, text)


def _fields(root: Element) -> None:
    """Name the fields that are ours."""
    listed = SubElement(root, "ExtendedAttributes")
    for number, field, alias in FIELDS:
        one = SubElement(listed, "ExtendedAttribute")
        for name, text in (("FieldID", number), ("FieldName", field), ("Alias", alias)):
            _put(one, name, text)


def _calendar(listed: Element, run: Schedule, name: str, number: int, until: int) -> None:
    """Write one calendar: its week, then the days that differ."""
    one = SubElement(listed, "Calendar")
    for tag, text in (("UID", str(number)), ("Name", name), ("IsBaseCalendar", "1"), ("BaseCalendarUID", "-1")):
        _put(one, tag, text)
    week = week_of(run.calendars[name], run.project.scale.start_date, until)
    days = SubElement(one, "WeekDays")
    for weekday, hours in enumerate(week.days):
        day = SubElement(days, "WeekDay")
        _put(day, "DayType", str((weekday + 1) % 7 + 1))  # 1 is Sunday
        _put(day, "DayWorking", "1" if hours else "0")
        _times(day, hours)
    exceptions = SubElement(one, "Exceptions")
    for when, hours in week.exceptions.items():
        other = SubElement(exceptions, "Exception")
        _put(other, "EnteredByOccurrences", "0")
        period = SubElement(other, "TimePeriod")
        _put(period, "FromDate", f"{when.isoformat()}T00:00:00")
        _put(period, "ToDate", f"{when.isoformat()}T23:59:00")
        for tag, text in (("Occurrences", "1"), ("Name", "other hours"), ("Type", "1")):
            _put(other, tag, text)
        _put(other, "DayWorking", "1" if hours else "0")
        _times(other, hours)


def _times(above: Element, hours: Hours) -> None:
    """Write the working times of a day."""
    if hours:
        listed = SubElement(above, "WorkingTimes")
        for begin, end in hours:
            one = SubElement(listed, "WorkingTime")
            _put(one, "FromTime", f"{clock(begin)}:00")
            _put(one, "ToTime", f"{clock(end)}:00")


def _tasks(listed: Element, handover: Handover, calendars: dict[str, int]) -> None:
    """Write a heading for each group and its tasks below it."""
    run = handover.run
    numbers: dict[int, int] = {}
    rows: list[tuple[str, Task | None]] = []
    for group in run.groups:
        rows.append((group, None))
        rows += [(task.name, task) for task in run.tasks if task.group == group]
    for uid, (_, task) in enumerate(rows, 1):
        if task is not None:
            numbers[task.number] = uid
    outline, below = 0, 0
    for uid, (name, task) in enumerate(rows, 1):
        outline, below = (outline + 1, 0) if task is None else (outline, below + 1)
        one = SubElement(listed, "Task")
        place = f"{outline}.{below}" if task else str(outline)
        first = {"UID": str(uid), "ID": str(uid), "Name": name, "Manual": "0", "Type": "1", "IsNull": "0", "WBS": place}
        first |= {"OutlineNumber": place, "OutlineLevel": "2" if task else "1"}
        for tag, text in first.items():
            _put(one, tag, text)
        if task is None:
            _heading(one, run, name)
        else:
            _task(one, handover, task, calendars[task.calendar], [numbers[before] for before in task.after])


def _heading(one: Element, run: Schedule, group: str) -> None:
    """Write a summary task; its dates are those of its parts."""
    parts = [task for task in run.tasks if task.group == group]
    _put(one, "Start", said(run.moment(min(task.start for task in parts))))
    _put(one, "Finish", said(run.moment(max(task.finish for task in parts))))
    _put(one, "Summary", "1")


def _task(one: Element, handover: Handover, task: Task, calendar: int, after: list[int]) -> None:
    """Write the rest of one task, in the order the format asks for."""
    run = handover.run
    start, finish, length = said(run.moment(task.start)), said(run.moment(task.finish)), duration(task.minutes)
    texts = {"Start": start, "Finish": finish, "Duration": length, "DurationFormat": "5", "EffortDriven": "0"}
    texts |= {"Estimated": "0", "Milestone": str(int(task.milestone)), "Summary": "0"}
    texts |= {"PercentComplete": "0", "ActualDuration": duration(0), "RemainingDuration": length}
    texts |= {"ConstraintType": NO_EARLIER if task.held_back else "0", "CalendarUID": str(calendar)}
    if task.held_back:
        texts |= {"ConstraintDate": start}
    texts |= {"IgnoreResourceCalendar": "1", "Notes": task.held_back}
    for tag, text in texts.items():
        if text:
            _put(one, tag, text)
    for before in after:
        link = SubElement(one, "PredecessorLink")
        links = (("PredecessorUID", str(before)), ("Type", FINISH_TO_START), ("CrossProject", "0"))
        for tag, text in (*links, ("LinkLag", "0"), ("LagFormat", "7")):
            _put(link, tag, text)
    _ours(one, handover, task)
    if task.key in handover.planned:
        begin, end = (said(run.moment(minute)) for minute in handover.planned[task.key])
        baseline = SubElement(one, "Baseline")
        for tag, text in (("Number", "0"), ("Start", begin), ("Finish", end)):
            _put(baseline, tag, text)


def _ours(one: Element, handover: Handover, task: Task) -> None:
    """Write the fields that are ours."""
    found = {TEXT1: task.held_back[:255]}
    if spread := handover.spread.get(task.key):
        found[NUMBER1], found[NUMBER2] = f"{100 * spread.critical:.0f}", f"{100 * spread.done:.0f}"
        found[DATE1] = said(handover.run.moment(round(spread.p80)))
    for number, value in found.items():
        if value:
            field = SubElement(one, "ExtendedAttribute")
            _put(field, "FieldID", number)
            _put(field, "Value", value)


def _put(above: Element, tag: str, text: str) -> None:
    """Write one element, without characters that XML cannot hold."""
    SubElement(above, tag).text = _UNPRINTABLE.sub(" ", text)


def said(moment: datetime) -> str:
    """A moment as MSPDI has it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def duration(minutes: int) -> str:
    """A length of working time as MSPDI has it: PT40H0M0S."""
    return f"PT{minutes // 60}H{minutes % 60}M0S"


# --- mspdi reading ----------------------------------------------------------------------------------------------------


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
