"""Microsoft Project's XML (MSPDI): the way into MS Project and Primavera P6 that both document.

Every task has its dates, its links, its calendar, its crews, a baseline (the expected plan) and six fields: what it
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

from sim.report.exchange.export import ExportedResult
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
CALENDAR_MINUTES = 4 * 7 * 1440
"""Minutes of a calendar from which the working week is read at least."""
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def mspdi(exported: ExportedResult) -> bytes:
    """Return an exported result as MSPDI XML."""
    schedule = exported.schedule
    root = Element("Project", xmlns=NAMESPACE)
    end = max((task.finish for task in schedule.tasks), default=0)
    calendars = {name: number for number, name in enumerate(schedule.calendars, 1)}
    _project_fields(root, exported, end)
    _fields(root)
    calendars_element = SubElement(root, "Calendars")
    for name, number in calendars.items():
        _calendar(calendars_element, schedule, name, number, end + DAYS_AFTER_THE_END * 1440)
    numbers = _tasks(SubElement(root, "Tasks"), exported, calendars)
    _crews(root, exported, numbers)
    indent(root)
    return ('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + tostring(root, encoding="unicode")).encode()


def _project_fields(root: Element, exported: ExportedResult, end: int) -> None:
    """Write the fields of the whole file; nothing is scheduled manually."""
    schedule = exported.schedule
    site = next(iter(schedule.calendars.values()))
    minutes = [
        sum(e - b for b, e in hours)
        for hours in week_of(site, schedule.project.scale.start_date, max(end, CALENDAR_MINUTES)).days
    ]
    day = max(minutes)
    texts = {
        "SaveVersion": "14",
        "Name": f"{exported.name}.xml",
        "Title": exported.name,
        "Subject": exported.about(),
        "ScheduleFromStart": "1",
        "StartDate": date_text(schedule.moment(0)),
        "FinishDate": date_text(schedule.moment(end)),
        "CalendarUID": "1",
        "DefaultStartTime": "08:00:00",
        "DefaultFinishTime": "17:00:00",
        "MinutesPerDay": str(day),
        "MinutesPerWeek": str(sum(minutes)),
        "DaysPerMonth": str(round(52 / 12 * sum(minute > 0 for minute in minutes))),
        "DurationFormat": "7",
        "NewTasksAreManual": "0",
    }
    if exported.since:
        # the last minute of the data date: midnight would be the day after
        texts["StatusDate"] = date_text(schedule.moment(exported.since - 1))
    for name, text in texts.items():
        _put(root, name, text)


def _fields(root: Element) -> None:
    """Name the fields that are ours."""
    list_element = SubElement(root, "ExtendedAttributes")
    for number, field, alias in FIELDS:
        attribute = SubElement(list_element, "ExtendedAttribute")
        for name, text in (("FieldID", number), ("FieldName", field), ("Alias", alias)):
            _put(attribute, name, text)


def _calendar(parent: Element, schedule: Schedule, name: str, number: int, end: int) -> None:
    """Write one calendar: its week, then its exceptions."""
    calendar = SubElement(parent, "Calendar")
    for tag, text in (("UID", str(number)), ("Name", name), ("IsBaseCalendar", "1"), ("BaseCalendarUID", "-1")):
        _put(calendar, tag, text)
    week = week_of(schedule.calendars[name], schedule.project.scale.start_date, end)
    days = SubElement(calendar, "WeekDays")
    for weekday, hours in enumerate(week.days):
        day = SubElement(days, "WeekDay")
        _put(day, "DayType", str((weekday + 1) % 7 + 1))  # 1 is Sunday
        _put(day, "DayWorking", "1" if hours else "0")
        _times(day, hours)
    exceptions = SubElement(calendar, "Exceptions")
    for day_date, hours in week.exceptions.items():
        exception = SubElement(exceptions, "Exception")
        _put(exception, "EnteredByOccurrences", "0")
        period = SubElement(exception, "TimePeriod")
        _put(period, "FromDate", f"{day_date.isoformat()}T00:00:00")
        _put(period, "ToDate", f"{day_date.isoformat()}T23:59:00")
        for tag, text in (("Occurrences", "1"), ("Name", "other hours"), ("Type", "1")):
            _put(exception, tag, text)
        _put(exception, "DayWorking", "1" if hours else "0")
        _times(exception, hours)


def _times(parent: Element, hours: Hours) -> None:
    """Write the working times of a day."""
    if hours:
        times_element = SubElement(parent, "WorkingTimes")
        for begin, end in hours:
            time_element = SubElement(times_element, "WorkingTime")
            _put(time_element, "FromTime", f"{clock(begin)}:00")
            _put(time_element, "ToTime", f"{clock(end)}:00")


def _tasks(parent: Element, exported: ExportedResult, calendars: dict[str, int]) -> dict[int, int]:
    """Write every heading and the tasks below it; return the UIDs of the tasks by their numbers."""
    schedule = exported.schedule
    rows = list(_rows(schedule))
    numbers = {task.number: uid for uid, (_, task) in enumerate(rows, 1) if task is not None}
    dates_of_heading = _heading_dates(schedule)
    outline_numbers: list[int] = []
    for uid, (group, task) in enumerate(rows, 1):
        level = len(group) + (task is not None)
        outline_numbers = [*outline_numbers[:level], *[0] * (level - len(outline_numbers))]
        outline_numbers[level - 1] += 1
        element, outline = SubElement(parent, "Task"), ".".join(map(str, outline_numbers))
        name = group[-1] if task is None else task.name
        fields = {
            "UID": str(uid),
            "ID": str(uid),
            "Name": name,
            "Manual": "0",
            "Type": "1",
            "IsNull": "0",
            "WBS": outline,
        }
        fields |= {"OutlineNumber": outline, "OutlineLevel": str(level)}
        for tag, text in fields.items():
            _put(element, tag, text)
        if task is None:
            start, finish = dates_of_heading[group]
            for tag, text in (
                ("Start", date_text(schedule.moment(start))),
                ("Finish", date_text(schedule.moment(finish))),
                ("Summary", "1"),
            ):
                _put(element, tag, text)
        else:
            _task(element, exported, task, calendars[task.calendar], numbers)
    return numbers


def _rows(schedule: Schedule) -> Iterator[tuple[tuple[str, ...], Task | None]]:
    """Yield the headings, each before what is below it, and the tasks."""
    headings_written: set[tuple[str, ...]] = set()
    for task in schedule.tasks:
        for depth in range(1, len(task.group) + 1):
            if task.group[:depth] not in headings_written:
                headings_written.add(task.group[:depth])
                yield task.group[:depth], None
        yield task.group, task


def _heading_dates(schedule: Schedule) -> dict[tuple[str, ...], tuple[int, int]]:
    """Return (first start, last finish) below every heading."""
    dates: dict[tuple[str, ...], tuple[int, int]] = {}
    for task in schedule.tasks:
        for depth in range(1, len(task.group) + 1):
            start, finish = dates.get(task.group[:depth], (task.start, task.finish))
            dates[task.group[:depth]] = (min(start, task.start), max(finish, task.finish))
    return dates


def _crews(root: Element, exported: ExportedResult, numbers: Mapping[int, int]) -> None:
    """Write the trades as resources, and how many hours people of each trade work on each task."""
    tasks = exported.schedule.tasks
    trades = sorted({trade for task in tasks for trade in task.people})
    elements = SubElement(root, "Resources")
    for uid, trade in enumerate(trades, 1):
        element = SubElement(elements, "Resource")
        max_people = max(task.people.get(trade, 0) for task in tasks)
        for tag, text in (("UID", str(uid)), ("ID", str(uid)), ("Name", trade), ("Type", "1"), ("IsNull", "0"),
                          ("MaxUnits", str(max_people))):  # fmt: skip
            _put(element, tag, text)
    elements = SubElement(root, "Assignments")
    pairs = ((task, trade, people) for task in tasks for trade, people in task.people.items())
    for uid, (task, trade, people) in enumerate(pairs, 1):
        element = SubElement(elements, "Assignment")
        keys = {"UID": uid, "TaskUID": numbers[task.number], "ResourceUID": trades.index(trade) + 1}
        for tag, number in keys.items():
            _put(element, tag, str(number))
        for tag, text in _work(exported, task, people).items():
            _put(element, tag, text)


def _work(exported: ExportedResult, task: Task, people: int) -> dict[str, str]:
    """Return the work of some people on a task, done and remaining, in the order of the format."""
    has_begun, has_ended, remaining = exported.progress(task)
    start, finish = (date_text(exported.schedule.moment(minute)) for minute in (task.start, task.finish))
    actual = ({"ActualFinish": finish} if has_ended else {}) | ({"ActualStart": start} if has_begun else {})
    return {
        "PercentWorkComplete": _percent_complete(exported, task),
        **actual,
        "ActualWork": duration(people * (task.minutes - remaining)),
        "Finish": finish,
        "RemainingWork": duration(people * remaining),
        "Start": start,
        "Units": str(people),
        "Work": duration(people * task.minutes),
    }


def _task(element: Element, exported: ExportedResult, task: Task, calendar: int, numbers: Mapping[int, int]) -> None:
    """Write the other fields of one task, in the order of the format."""
    schedule = exported.schedule
    start = date_text(schedule.moment(task.start))
    finish = date_text(schedule.moment(task.finish))
    length = duration(task.minutes)
    texts = {"Start": start, "Finish": finish, "Duration": length, "DurationFormat": "5"}
    if (pause := exported.pause(task)) is not None:
        stop = {} if pause.suspended is None else {"Stop": date_text(schedule.moment(pause.suspended))}
        texts |= {**stop, "Resume": date_text(schedule.moment(pause.resumed))}
    texts |= {"EffortDriven": "0"}
    texts |= {"Estimated": "0", "Milestone": str(int(task.milestone)), "Summary": "0"}
    texts |= _progress(exported, task, start, finish)
    texts |= {"ConstraintType": NO_EARLIER if task.held_back else "0", "CalendarUID": str(calendar)}
    if task.held_back:
        texts |= {"ConstraintDate": start}
    if task.due:
        texts |= {"Deadline": f"{task.due.isoformat()}T23:59:00"}
    texts |= {"IgnoreResourceCalendar": "1", "Notes": task.held_back}
    for tag, text in texts.items():
        if text:
            _put(element, tag, text)
    for predecessor in task.after:
        link = SubElement(element, "PredecessorLink")
        links = (
            ("PredecessorUID", str(numbers[predecessor.number])),
            ("Type", LINK_TYPES[predecessor.type]),
            ("CrossProject", "0"),
        )
        lag = (("LinkLag", str(10 * predecessor.lag)), ("LagFormat", ELAPSED_HOURS if predecessor.lag else "7"))
        for tag, text in (*links, *lag):
            _put(link, tag, text)
    _custom_fields(element, exported, task)
    if task.key in exported.planned:
        begin, end = (date_text(schedule.moment(minute)) for minute in exported.planned[task.key])
        baseline = SubElement(element, "Baseline")
        for tag, text in (("Number", "0"), ("Start", begin), ("Finish", end)):
            _put(baseline, tag, text)


def _progress(exported: ExportedResult, task: Task, start: str, finish: str) -> dict[str, str]:
    """Return what is done of a task at the data date, and what remains."""
    has_begun, has_ended, remaining = exported.progress(task)
    actual = ({"ActualStart": start} if has_begun else {}) | ({"ActualFinish": finish} if has_ended else {})
    lengths = {"ActualDuration": duration(task.minutes - remaining), "RemainingDuration": duration(remaining)}
    return {"PercentComplete": _percent_complete(exported, task), **actual, **lengths}


def _percent_complete(exported: ExportedResult, task: Task) -> str:
    """Return how much of a task is done at the data date; below 100 until it has ended."""
    has_begun, has_ended, remaining = exported.progress(task)
    share = round(100 * (1 - remaining / task.minutes)) if has_begun and task.minutes else 0
    return "100" if has_ended else str(min(share, 99))


def _custom_fields(element: Element, exported: ExportedResult, task: Task) -> None:
    """Write our custom fields."""
    values = {TEXT2: activity_id(task.unit, task.activity, task.key[1]) if task.activity else ""}
    values[TEXT1] = task.held_back[:255]
    if quantiles := exported.quantiles.get(task.key):
        values[NUMBER1] = "" if isnan(quantiles.critical) else f"{100 * quantiles.critical:.0f}"
        values[NUMBER2] = f"{100 * quantiles.done:.0f}"
        values[DATE1] = date_text(exported.schedule.moment(round(quantiles.p80)))
        values[DATE2] = date_text(exported.schedule.moment(round(quantiles.p50)))
    if (total_float := exported.total_float.get(task.key)) is not None:
        values[NUMBER3] = f"{total_float / 1440:.1f}"
    for number, value in values.items():
        if value:
            field = SubElement(element, "ExtendedAttribute")
            _put(field, "FieldID", number)
            _put(field, "Value", value)


def _put(above: Element, tag: str, text: str) -> None:
    """Write one element, without characters that XML cannot hold."""
    SubElement(above, tag).text = _UNPRINTABLE.sub(" ", text)


def date_text(moment: datetime) -> str:
    """Return a moment as MSPDI has it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def duration(minutes: int) -> str:
    """Return a length of working time as MSPDI has it: PT40H0M0S."""
    return f"PT{minutes // 60}H{minutes % 60}M0S"
