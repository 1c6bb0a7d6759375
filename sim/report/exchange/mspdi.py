"""Microsoft Project's XML (MSPDI): the way into MS Project and Primavera P6 that both document.

Every task has its dates, its links, its calendar, its crews, a baseline (the deterministic plan) and six fields: what it
waited for, its P50 and P80 finish, its total float, how often it was critical and how often it was done at all. A task
that something besides its links held back starts no earlier than it did, with the reason in its note: otherwise the
tool would move it on the first recalculation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from math import isnan
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sim.report.exchange.export import Handover
from sim.report.exchange.importers.statused_schedule import TEXT2, activity_id
from sim.report.exchange.schedule_model import Hours, Schedule, Task, clock, week_of

NAMESPACE = "http://schemas.microsoft.com/project"
TEXT1, NUMBER1, NUMBER2, NUMBER3, DATE1, DATE2 = (
    "188743731", "188743767", "188743768", "188743769", "188743945", "188743946"
)  # fmt: skip
FIELDS = (
    (TEXT2, "Text2", "Activity id"), (TEXT1, "Text1", "Waited for"), (NUMBER1, "Number1", "Critical in % of runs"),
    (NUMBER2, "Number2", "Done in % of runs"), (NUMBER3, "Number3", "Total float in days"),
    (DATE1, "Date1", "P80 finish"), (DATE2, "Date2", "P50 finish"),
)  # fmt: skip
NO_EARLIER = "4"
LINK_TYPES = {"FS": "1", "SS": "3"}
ELAPSED_HOURS = "6"
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
    numbers = _tasks(SubElement(root, "Tasks"), handover, calendars)
    _crews(root, run, numbers)
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
    if handover.since:
        # the last minute of the data date: midnight would be the day after
        texts["StatusDate"] = said(run.moment(handover.since - 1))
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


def _tasks(listed: Element, handover: Handover, calendars: dict[str, int]) -> dict[int, int]:
    """Write every heading and the tasks below it; return the UIDs of the tasks by their numbers."""
    run = handover.run
    rows = list(_rows(run))
    numbers = {task.number: uid for uid, (_, task) in enumerate(rows, 1) if task is not None}
    parts = _parts(run)
    place: list[int] = []
    for uid, (group, task) in enumerate(rows, 1):
        level = len(group) + (task is not None)
        place = [*place[:level], *[0] * (level - len(place))]
        place[level - 1] += 1
        one, outline = SubElement(listed, "Task"), ".".join(map(str, place))
        name = group[-1] if task is None else task.name
        first = {
            "UID": str(uid),
            "ID": str(uid),
            "Name": name,
            "Manual": "0",
            "Type": "1",
            "IsNull": "0",
            "WBS": outline,
        }
        first |= {"OutlineNumber": outline, "OutlineLevel": str(level)}
        for tag, text in first.items():
            _put(one, tag, text)
        if task is None:
            start, finish = parts[group]
            for tag, text in (
                ("Start", said(run.moment(start))),
                ("Finish", said(run.moment(finish))),
                ("Summary", "1"),
            ):
                _put(one, tag, text)
        else:
            _task(one, handover, task, calendars[task.calendar], numbers)
    return numbers


def _rows(run: Schedule) -> Iterator[tuple[tuple[str, ...], Task | None]]:
    """Yield the headings, each before what is below it, and the tasks."""
    there: set[tuple[str, ...]] = set()
    for task in run.tasks:
        for depth in range(1, len(task.group) + 1):
            if task.group[:depth] not in there:
                there.add(task.group[:depth])
                yield task.group[:depth], None
        yield task.group, task


def _parts(run: Schedule) -> dict[tuple[str, ...], tuple[int, int]]:
    """The first start and the last finish below every heading."""
    found: dict[tuple[str, ...], tuple[int, int]] = {}
    for task in run.tasks:
        for depth in range(1, len(task.group) + 1):
            start, finish = found.get(task.group[:depth], (task.start, task.finish))
            found[task.group[:depth]] = (min(start, task.start), max(finish, task.finish))
    return found


def _crews(root: Element, run: Schedule, numbers: Mapping[int, int]) -> None:
    """Write the trades as resources, and who is with which task for how many hours."""
    trades = sorted({trade for task in run.tasks for trade in task.people})
    listed = SubElement(root, "Resources")
    for uid, trade in enumerate(trades, 1):
        one = SubElement(listed, "Resource")
        most = max(task.people.get(trade, 0) for task in run.tasks)
        for tag, text in (("UID", str(uid)), ("ID", str(uid)), ("Name", trade), ("Type", "1"), ("IsNull", "0"),
                          ("MaxUnits", str(most))):  # fmt: skip
            _put(one, tag, text)
    listed, uid = SubElement(root, "Assignments"), 0
    for task in run.tasks:
        for trade, people in task.people.items():
            uid += 1
            one = SubElement(listed, "Assignment")
            work = duration(people * task.minutes)
            for tag, text in (("UID", str(uid)), ("TaskUID", str(numbers[task.number])),
                              ("ResourceUID", str(trades.index(trade) + 1)), ("RemainingWork", work),
                              ("Start", said(run.moment(task.start))), ("Finish", said(run.moment(task.finish))),
                              ("Units", str(people)), ("Work", work)):  # fmt: skip
                _put(one, tag, text)


def _task(one: Element, handover: Handover, task: Task, calendar: int, numbers: Mapping[int, int]) -> None:
    """Write the rest of one task, in the order the format asks for."""
    run = handover.run
    start, finish, length = said(run.moment(task.start)), said(run.moment(task.finish)), duration(task.minutes)
    texts = {"Start": start, "Finish": finish, "Duration": length, "DurationFormat": "5", "EffortDriven": "0"}
    texts |= {"Estimated": "0", "Milestone": str(int(task.milestone)), "Summary": "0"}
    texts |= _progress(handover, task, start, finish)
    texts |= {"ConstraintType": NO_EARLIER if task.held_back else "0", "CalendarUID": str(calendar)}
    if task.held_back:
        texts |= {"ConstraintDate": start}
    if task.due:
        texts |= {"Deadline": f"{task.due.isoformat()}T23:59:00"}
    texts |= {"IgnoreResourceCalendar": "1", "Notes": task.held_back}
    for tag, text in texts.items():
        if text:
            _put(one, tag, text)
    for before in task.after:
        link = SubElement(one, "PredecessorLink")
        links = (
            ("PredecessorUID", str(numbers[before.number])),
            ("Type", LINK_TYPES[before.type]),
            ("CrossProject", "0"),
        )
        lag = (("LinkLag", str(10 * before.lag)), ("LagFormat", ELAPSED_HOURS if before.lag else "7"))
        for tag, text in (*links, *lag):
            _put(link, tag, text)
    _ours(one, handover, task)
    if task.key in handover.planned:
        begin, end = (said(run.moment(minute)) for minute in handover.planned[task.key])
        baseline = SubElement(one, "Baseline")
        for tag, text in (("Number", "0"), ("Start", begin), ("Finish", end)):
            _put(baseline, tag, text)


def _progress(handover: Handover, task: Task, start: str, finish: str) -> dict[str, str]:
    """Return what is done of a task at the data date, and what remains."""
    begun, ended, left = handover.progress(task)
    share = 100 if ended else round(100 * (1 - left / task.minutes)) if begun and task.minutes else 0
    actual = ({"ActualStart": start} if begun else {}) | ({"ActualFinish": finish} if ended else {})
    lengths = {"ActualDuration": duration(task.minutes - left), "RemainingDuration": duration(left)}
    return {"PercentComplete": str(min(share, 99) if not ended else 100), **actual, **lengths}


def _ours(one: Element, handover: Handover, task: Task) -> None:
    """Write the fields that are ours."""
    found = {TEXT2: activity_id(task.unit, task.activity, task.key[1]) if task.activity else ""}
    found[TEXT1] = task.held_back[:255]
    if spread := handover.spread.get(task.key):
        found[NUMBER1] = "" if isnan(spread.critical) else f"{100 * spread.critical:.0f}"
        found[NUMBER2] = f"{100 * spread.done:.0f}"
        found[DATE1] = said(handover.run.moment(round(spread.p80)))
        found[DATE2] = said(handover.run.moment(round(spread.p50)))
    if (slack := handover.slack.get(task.key)) is not None:
        found[NUMBER3] = f"{slack / 1440:.1f}"
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
