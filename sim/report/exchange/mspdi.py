"""Microsoft Project's XML (MSPDI): the way into MS Project and Primavera P6 that both document.

Every task has its dates, its links, its calendar, a baseline (the plan without luck) and three fields: what it
waited for, its P80 finish and how often it was critical. A task that something besides its links held back starts no
earlier than it did, with the reason in its note: otherwise the tool would move it on the first recalculation.
"""

from __future__ import annotations

import re
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sim.report.exchange.export import Handover
from sim.report.exchange.schedule_model import Hours, Schedule, Task, clock, week_of

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
