"""A schedule that was exported by us and statused in MS Project or Primavera P6: its actuals as the facts of a status.

Every activity carries its id, `UNIT/ACTIVITY` and the number of the attempt, in a field of its own (Text2, in XER a
user-defined field), so that names, links and rows may be changed in the planner's tool. Taken over are actual start and
finish, remaining duration, percent complete where there is no remaining duration, suspend and resume, and of every unit
which activity is its next one; the data date is the file's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from xml.etree.ElementTree import Element

from sim import files
from sim.report.exchange.importers.mspdi_import import duration_minutes, progress_of
from sim.report.exchange.importers.planner_calendars import PlannerCalendar, mspdi_calendars
from sim.report.exchange.importers.source_text import Row as XerRow
from sim.report.exchange.importers.source_text import WrongFile, moment, plain_number, read_xml
from sim.report.exchange.importers.xer_import import decimal_mark_of, logic_of, number_in, read_tables
from sim.study.analyses.forecast.status import Logic

MAX_BYTES = 64_000_000
TEXT2 = "188743734"
"""The field of MS Project that has the id."""
UDF_NAME = "sim_activity_id"
"""The user-defined field of P6 that has the id."""
UNIT_SIGN = "/"
"""Separates unit and activity in an id."""
ATTEMPT_SIGN = " #"
"""Separates an id from the number of the attempt, where that is not the first."""
WHOLE = 100
Row = dict[str, object]


@dataclass(frozen=True)
class ActivityProgress:
    """One activity of a statused schedule: when the schedule has it start, and the cells of its status; none unless begun."""

    scheduled: str
    cells: Row

    @property
    def begun(self) -> bool:
        """Whether it has an actual start."""
        return "start" in self.cells


@dataclass(frozen=True)
class StatusedSchedule:
    """A schedule with actuals: its data date, None where the file has none, and the rows of a status.

    A row for each activity that has begun, and one without dates for the activity that each unit does next: not begun.
    `logic` is its scheduling option for progress out of sequence.
    """

    data_date: str | None
    rows: tuple[Row, ...]
    activities: int
    logic: Logic = "retained_logic"

    @property
    def begun(self) -> int:
        """Return how many activities have begun."""
        return sum("start" in row for row in self.rows)


def activity_id(unit: str, activity: str, time: int) -> str:
    """Return the id under which an activity is exported; `time` is 0 the first time it is done."""
    return f"{unit}{UNIT_SIGN}{activity}{f'{ATTEMPT_SIGN}{time + 1}' if time else ''}"


def read_statused(path: Path) -> StatusedSchedule:
    """Read the actuals of a Microsoft Project XML file or an XER; WrongFile where it is none of ours."""
    data = files.read(path, MAX_BYTES)
    reader = {".xml": _mspdi, ".xer": _xer}.get(path.suffix.lower())
    if reader is None:
        raise WrongFile(f"{path}: .xml (Microsoft Project) and .xer (Primavera P6) are read")
    data_date, logic, activities = reader(data, path.name)
    if not activities:
        raise WrongFile(f"{path}: has no activity with an id of ours; it is not a schedule of `sim export`")
    cells = {**_begun(activities), **{name: {} for name in _next(activities)}}
    rows = tuple({"kind": "activity", "what": name, **row} for name, row in cells.items())
    return StatusedSchedule(data_date, rows, len(activities), logic)


def _begun(activities: Mapping[str, ActivityProgress]) -> dict[str, Row]:
    """Return the cells of activities that have begun; of repeated ones the last attempt that has begun, as in a status."""
    latest: dict[str, Row] = {}
    for name, activity in sorted(activities.items(), key=lambda pair: _attempt(pair[0])):
        if activity.begun:
            latest[_without_attempt(name)] = activity.cells
    return latest


def _next(activities: Mapping[str, ActivityProgress]) -> Iterator[str]:
    """Yield what each unit does next, as the schedule has it: without it, overdue work would count as done as planned."""
    begun = {_without_attempt(name) for name, activity in activities.items() if activity.begun}
    units: set[str] = set()
    for name, _ in sorted(activities.items(), key=lambda pair: pair[1].scheduled):
        unit = name.partition(UNIT_SIGN)[0]
        if _without_attempt(name) not in begun and unit not in units:
            units.add(unit)
            yield _without_attempt(name)


def _without_attempt(name: str) -> str:
    return name.partition(ATTEMPT_SIGN)[0]


def _attempt(name: str) -> int:
    time = name.partition(ATTEMPT_SIGN)[2]
    return int(time) if time.isdecimal() else 1


def _cells(
    where: str, start: str, finish: str, remaining_days: float | None, percent: float | None, suspended: str,
    resumed: str,
) -> Row:  # fmt: skip
    """Return the cells of one activity; a finished one has only its dates."""
    row: Row = {"start": _status_moment(start, where), "finish": _status_moment(finish, where)}
    if start and not finish:
        if remaining_days is not None:
            row["remaining_days"] = round(remaining_days, 4)
        elif percent:
            row["percent"] = percent
        row |= {"suspended": _status_moment(suspended, where), "resumed": _status_moment(resumed, where)}
    return {name: cell for name, cell in row.items() if cell not in ("", None)}


def _status_moment(text: str, where: str) -> str:
    """Return date and time as a status has them; blank for blank."""
    return _moment(text, where).strftime("%Y-%m-%dT%H:%M") if text.strip() else ""


def _data_date(text: str, where: str) -> str | None:
    """Return the day at whose end a file's data date is: at midnight, it is the day that ends; None for blank.

    A date without a time of day means that day. So does any other time, as what was done in the morning was done that day.
    """
    if not text.strip():
        return None
    when, has_time = _moment(text, where), len(text.strip()) > len(date.min.isoformat())
    is_over = has_time and when.time() == time()
    return (when.date() - timedelta(days=is_over)).isoformat()


def _moment(text: str, where: str) -> datetime:
    """Return a date and time of a file; WrongFile where it is none."""
    if (when := moment(text.strip())) is None:
        raise WrongFile(f"{where}: {text[:40]!r} is no date")
    return when


# --- Microsoft Project ----------------------------------------------------------------------------------------------


def _mspdi(data: bytes, file: str) -> tuple[str | None, Logic, dict[str, ActivityProgress]]:
    """Return the data date, the progress logic, and the progress of every activity of ours by its id."""
    root = read_xml(data, file)
    if root.tag != "Project":
        raise WrongFile(f"{file}: not a Microsoft Project XML file: it begins with <{root.tag[:40]}>")
    calendars = mspdi_calendars(root)
    activities: dict[str, ActivityProgress] = {}
    for task in root.iterfind("Tasks/Task"):
        name = next(iter(_fields(task, TEXT2)), "")
        if name:
            cells = _mspdi_cells(task, calendars.get(_text(task, "CalendarUID")), f"{file}: {name}")
            activities[name] = ActivityProgress(_text(task, "Start"), cells)
    return _data_date(_text(root, "StatusDate"), f"{file}: StatusDate"), progress_of(root).logic, activities


def _mspdi_cells(task: Element, calendar: PlannerCalendar | None, where: str) -> Row:
    """Return the actuals of one task; a split is a suspension."""
    start, finish = _text(task, "ActualStart"), _text(task, "ActualFinish")
    remaining, percent = _text(task, "RemainingDuration"), plain_number(_text(task, "PercentComplete") or "0", ".")
    if percent is None:
        raise WrongFile(f"{where}: PercentComplete is {_text(task, 'PercentComplete')[:40]!r}, not a percentage")
    days = None
    if remaining:
        minutes = duration_minutes(remaining, where)
        days = minutes / (calendar.day_minutes if calendar and calendar.day_minutes else 1440)
    stop, resume = _text(task, "Stop"), _text(task, "Resume")
    is_suspended = bool(stop and resume and resume[:16] > stop[:16])
    pause = (stop, resume) if is_suspended else ("", "")
    return _cells(where, start, finish, days, percent or None, *pause)


def _fields(task: Element, number: str) -> Iterator[str]:
    for field in task.iterfind("ExtendedAttribute"):
        if _text(field, "FieldID") == number:
            yield _text(field, "Value")


def _text(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


# --- Primavera P6 ---------------------------------------------------------------------------------------------------


def _xer(data: bytes, file: str) -> tuple[str | None, Logic, dict[str, ActivityProgress]]:
    """Return the data date, the progress logic, and the progress of every activity of ours by its id."""
    tables = read_tables(data, file)
    our_field_types = {row["udf_type_id"] for row in tables.get("UDFTYPE", []) if row["udf_type_name"] == UDF_NAME}
    names = {
        row["fk_id"]: row["udf_text"] for row in tables.get("UDFVALUE", []) if row["udf_type_id"] in our_field_types
    }
    decimal = decimal_mark_of(tables)
    hours_of_day = {
        row["clndr_id"]: number_in(row, "day_hr_cnt", f"{file}:{row.line}", decimal)
        for row in tables.get("CALENDAR", [])
    }
    activities: dict[str, ActivityProgress] = {}
    for task in tables.get("TASK", []):
        if name := names.get(task["task_id"]):
            cells = _xer_cells(task, hours_of_day.get(task["clndr_id"]) or 24, f"{file}:{task.line}: {name}", decimal)
            activities[name] = ActivityProgress(task["early_start_date"] or task["target_start_date"], cells)
    project = next(iter(tables.get("PROJECT", [])), None)
    data_date = None if project is None else _data_date(project["last_recalc_date"], f"{file}:{project.line}")
    return data_date, logic_of(tables.get("SCHEDOPTIONS", [])), activities


def _xer_cells(task: XerRow, day_hours: float, where: str, decimal: str) -> Row:
    """Return the actuals of one row of TASK, on a calendar with days of so many hours."""
    remaining = number_in(task, "remain_drtn_hr_cnt", where, decimal)
    percent = number_in(task, "phys_complete_pct", where, decimal, what="a percentage")
    return _cells(
        where, task["act_start_date"], task["act_end_date"], None if remaining is None else remaining / day_hours,
        percent or None, task["suspend_date"], task["resume_date"],
    )  # fmt: skip
