"""Reads the activities of a Primavera P6 XER file, strictly: what it does not know, it refuses with line and id.

Lengths are hours on the activity's own calendar, whose week is read from its working times (`clndr_data`); the hours
of a day beside it only format what P6 shows, and are used where a calendar has no times. Lags are hours on the calendar
that the scheduling options name, by P6's default the predecessor's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from sim.config.sections.systems import LinkType
from sim.report.exchange.importers.network_import import (
    RESOURCES,
    Activity,
    PlannerNetwork,
    Remarks,
    ScheduleStatus,
    SourceLink,
    SourceTask,
    listed,
    network_of,
)
from sim.report.exchange.importers.planner_calendars import ROUND_THE_CLOCK, PlannerCalendar, even_week, p6_week
from sim.report.exchange.importers.source_text import (
    FIELDS_OF_USERS,
    MAX_BYTES,
    TABLES_READ,
    Row,
    Tables,
    WrongFile,
    decimal_mark,
    moment,
    plain_number,
    xer_tables,
    xer_text,
)
from sim.study.analyses.forecast.status import Logic

TASKS = {"TT_Task", "TT_Rsrc", "TT_Mile", "TT_FinMile"}
MILESTONES = {"TT_Mile", "TT_FinMile"}
EFFORTS = {"TT_LOE", "TT_WBS"}
LINKS = {"PR_FS", "PR_SS", "PR_FF", "PR_SF"}
LAG_CALENDARS = {"rcal_Predecessor", "rcal_Successor", "rcal_24Hour", "rcal_ProjDefault"}
DEEPEST_GROUP = 30
FIELDS_LEFT_OUT = (
    ("date constraints, not taken over", "cstr_type"),
    ("second date constraints, not taken over", "cstr_type2"),
    ("expected finish dates, not taken over", "expect_end_date"),
    ("early starts by other projects, not taken over", "external_early_start_date"),
    ("late finishes by other projects, not taken over", "external_late_end_date"),
    ("suspended activities, taken as going on", "suspend_date"),
)
"""Fields of an activity that a network has no place for."""


class SeveralProjects(WrongFile):
    """A file with several projects of which none was asked for; `names` are those with activities."""

    def __init__(self, message: str, names: Sequence[str]) -> None:
        super().__init__(message)
        self.names = tuple(names)


def read_xer(data: bytes, file: str, encoding: str | None = None, project: str | None = None) -> PlannerNetwork:
    """Read the network of one project of an XER file; WrongFile for anything else.

    `project` is the short name of the project to read, where the file holds several with activities.
    """
    if len(data) > MAX_BYTES:
        raise WrongFile(f"{file}: {len(data):,} bytes; at most {MAX_BYTES:,} are read")
    text, encoding_used = xer_text(data, file, encoding)
    remarks = Remarks()
    tables = xer_tables(text, file, remarks.add)
    if missing := [name for name in ("PROJECT", "TASK") if not tables.get(name)]:
        raise WrongFile(f"{file}: has no {', '.join(missing)} table, or nothing in it")
    return _Reader(file, tables, remarks, project, encoding_used).network()


def read_tables(data: bytes, file: str) -> Tables:
    """Return the tables of an XER file as they stand there; WrongFile where it is none."""
    if len(data) > MAX_BYTES:
        raise WrongFile(f"{file}: {len(data):,} bytes; at most {MAX_BYTES:,} are read")
    text, _ = xer_text(data, file)
    return xer_tables(text, file, Remarks().add, TABLES_READ | FIELDS_OF_USERS)


@dataclass
class _Reader:
    """Reads the tasks and links of one project."""

    file: str
    tables: Tables
    remarks: Remarks
    wanted: str | None
    encoding: str
    hours: dict[str, float] = field(default_factory=dict)

    def network(self) -> PlannerNetwork:
        """Return the network of the project."""
        self.row = self._project()
        self.decimal = decimal_mark_of(self.tables)
        self.calendars = self._calendars()
        self.default = self.calendars.get(self.row["clndr_id"]) or PlannerCalendar("usual")
        rows = [row for row in self.tables["TASK"] if self._in_project(row, "proj_id")]
        tasks: dict[str, SourceTask] = {}
        for row in rows:
            key = self._cell(row, "task_id")
            if key in tasks:
                raise WrongFile(f"{self.file}:{row.line}: task_id {key} twice")
            tasks[key] = self._task(key, row)
        links = list(self._links(tasks))
        self._options(rows)
        self._resources(tasks)
        options = self._schedule_options()
        if any(row["sched_progress_override"] == row["sched_retained_logic"] == "N" for row in options):
            self.remarks.add("progress by actual dates, read as retained logic", "SCHEDOPTIONS")
        progress = ScheduleStatus(moment(self.row["last_recalc_date"]), logic_of(options))
        return network_of(self.file, tasks, links, self.remarks, self.default, self.encoding, progress)

    # --- the project ---

    def _project(self) -> Row:
        """Return the row of the project to read: the one asked for, or the only one with activities."""
        projects = self.tables["PROJECT"]
        names = [row["proj_short_name"] or row["proj_id"] for row in projects]
        if self.wanted is not None:
            if self.wanted not in names:
                raise WrongFile(f"{self.file}: no project {self.wanted!r}; there are {listed(names)}")
            return projects[names.index(self.wanted)]
        with_activities = {row["proj_id"] for row in self.tables["TASK"]}
        candidates = [
            number for number, row in enumerate(projects) if row["proj_id"] in with_activities or len(projects) == 1
        ]
        if len(candidates) != 1:
            message = f"{self.file}: holds {len(projects)} projects ({listed(names)}); choose one with --project"
            raise SeveralProjects(message, [names[number] for number in candidates] or names)
        (index,) = candidates
        for name in [*names[:index], *names[index + 1 :]]:
            self.remarks.add("projects without activities, left out", name)
        return projects[index]

    def _in_project(self, row: Row, name: str) -> bool:
        """Return whether a row belongs to the project."""
        return not row[name] or not self.row["proj_id"] or row[name] == self.row["proj_id"]

    def _options(self, rows: list[Row]) -> None:
        """Add a remark for every date and option that is not taken over."""
        if self.row["plan_end_date"]:
            self.remarks.add("must finish by, not taken over", self.row["plan_end_date"])
        for row in rows:
            for kind, name in FIELDS_LEFT_OUT:
                if row[name] and not (name == "suspend_date" and row["resume_date"]):
                    self.remarks.add(kind, row["task_code"] or row["task_id"])

    def _schedule_options(self) -> list[Row]:
        """Return the scheduling options of the project."""
        return [row for row in self.tables.get("SCHEDOPTIONS", []) if self._in_project(row, "proj_id")]

    def _resources(self, tasks: Mapping[str, SourceTask]) -> None:
        """Add its resources to every task, each with its units, and a remark that it has some."""
        names = {row["rsrc_id"]: row["rsrc_short_name"] or row["rsrc_name"] for row in self.tables.get("RSRC", [])}
        for row in self.tables.get("TASKRSRC", []):
            if (task := tasks.get(row["task_id"])) is not None:
                self.remarks.add(RESOURCES, task.activity.id)
                rate = row["target_qty_per_hr"].replace(",", ".")
                units = float(rate) if re.fullmatch(r"\d+(\.\d*)?", rate) else 1.0
                resources = (*task.activity.resources, (names.get(row["rsrc_id"]) or row["rsrc_id"], units))
                task.activity = replace(task.activity, resources=resources)

    # --- calendars ---

    def _calendars(self) -> dict[str, PlannerCalendar]:
        """Return every calendar by its id."""
        rows = {row["clndr_id"]: row for row in self.tables.get("CALENDAR", []) if row["clndr_id"]}
        return {key: self._calendar(key, rows) for key in rows}

    def _calendar(self, key: str, rows: Mapping[str, Row]) -> PlannerCalendar:
        """Return a calendar from its working times, those of its base, or its hours of a day and of a week."""
        ancestry, ancestor = list[Row](), key
        while ancestor in rows and rows[ancestor] not in ancestry:
            ancestry.append(rows[ancestor])
            ancestor = rows[ancestor]["base_clndr_id"]
        week = None
        for row in reversed(ancestry):
            week = p6_week(row["clndr_data"], week) or week
        name = rows[key]["clndr_name"] or key
        if week is not None:
            return PlannerCalendar(name, week)
        day_hours, week_hours = (
            self._hours(rows[key], field_name, key) for field_name in ("day_hr_cnt", "week_hr_cnt")
        )
        if day_hours is None or week_hours is None:
            self.remarks.add("calendars without working times, taken as 5 days of 8 h", name)
            return PlannerCalendar(name)
        if not 0 < day_hours <= week_hours:
            raise WrongFile(f"{self.file}:{rows[key].line}: calendar {name!r} has no working hours")
        return even_week(name, day_hours, week_hours)

    def _activity_calendar(self, row: Row) -> PlannerCalendar:
        """Return the calendar of an activity, or the project's where it has none."""
        key = row["clndr_id"]
        if key and key not in self.calendars:
            raise WrongFile(
                f"{self.file}:{row.line}: activity {row['task_code'] or row['task_id']} has calendar {key}, "
                "which is not in the file"
            )
        if not key:
            self.remarks.add("without calendar, the project's taken", row["task_code"] or row["task_id"])
        return self.calendars[key] if key else self.default

    # --- activities ---

    def _task(self, key: str, row: Row) -> SourceTask:
        """Return one row of TASK as an activity, with its status."""
        task_type, code = self._cell(row, "task_type"), row["task_code"] or key
        if task_type not in TASKS | EFFORTS:
            known_types = ", ".join(sorted(TASKS | EFFORTS))
            raise WrongFile(f"{self.file}:{row.line}: {task_type!r} is no type of activity; known: {known_types}")
        calendar = self._activity_calendar(row)
        activity = Activity(
            key, row["task_name"] or code, 0.0, note=_constraints(row), code=code, calendar=calendar,
            group=self._group(row["wbs_id"]),
        )  # fmt: skip
        if task_type in EFFORTS:
            self.remarks.add("levels of effort and summaries, left out", code)
            return SourceTask(activity, "effort")
        hours = self.hours[key] = self._remaining_hours(row, code)
        if not calendar.day_minutes:
            if hours:
                raise WrongFile(
                    f"{self.file}:{row.line}: activity {code}: its calendar {calendar.name!r} has no working time"
                )
            return SourceTask(activity)
        if row["status_code"] == "TK_Complete":
            finish_note = f"finished {row['act_end_date'][:10]}".strip()
            activity = replace(activity, note="; ".join(x for x in (activity.note, finish_note) if x))
        if hours:
            activity = replace(activity, days=calendar.days(60 * hours))
        is_done = row["status_code"] == "TK_Complete" or (not row["status_code"] and bool(row["act_end_date"]))
        return SourceTask(
            activity, begun=moment(row["act_start_date"]), done=moment(row["act_end_date"]),
            is_begun=row["status_code"] == "TK_Active", is_done=is_done,
        )  # fmt: skip

    def _remaining_hours(self, row: Row, code: str) -> float:
        """Return the hours still to do: 0 if finished, the remaining duration if begun, else the planned duration."""
        status, remark = row["status_code"], "begun activities, what remains of them"
        duration = self._hours(row, "target_drtn_hr_cnt", code)
        remaining = self._hours(row, "remain_drtn_hr_cnt", code)
        if status == "TK_Complete" or (not status and row["act_end_date"]):
            self.remarks.add("finished activities, nothing left to do", code)
            return 0.0
        if status == "TK_Active" and remaining is not None:
            self.remarks.add(remark, code)
            return remaining
        if status == "TK_Active":
            self.remarks.add("begun activities without a remaining duration, their whole length taken", code)
        if duration is None and remaining is None and row["task_type"] not in MILESTONES:
            raise WrongFile(f"{self.file}:{row.line}: activity {code} has no duration (target_drtn_hr_cnt is blank)")
        return duration if duration is not None else remaining or 0.0

    def _group(self, wbs: str) -> tuple[str, ...]:
        """Return the headings of the work breakdown above an activity, outermost first, without the project's own."""
        if not hasattr(self, "_nodes"):
            self._nodes = {row["wbs_id"]: row for row in self.tables.get("PROJWBS", [])}
        names: list[str] = []
        while wbs in self._nodes and len(names) < DEEPEST_GROUP and self._nodes[wbs]["proj_node_flag"] != "Y":
            names.append(self._nodes[wbs]["wbs_name"] or self._nodes[wbs]["wbs_short_name"])
            wbs = self._nodes[wbs]["parent_wbs_id"]
        return tuple(reversed(names))

    # --- links ---

    def _links(self, tasks: Mapping[str, SourceTask]) -> Iterator[SourceLink]:
        """Yield the links between activities of the project; links to others are left out with a remark."""
        lag_setting = next((row["sched_calendar_on_relationship_lag"] for row in self._schedule_options()), "")
        if lag_setting and lag_setting not in LAG_CALENDARS:
            self.remarks.add("calendar of lags that is not known, the predecessor's taken", lag_setting)
        for row in self.tables.get("TASKPRED", []):
            successor, predecessor = self._cell(row, "task_id"), self._cell(row, "pred_task_id")
            if successor not in tasks and predecessor not in tasks:
                continue
            if successor not in tasks or predecessor not in tasks:
                inside, outside = (successor, predecessor) if successor in tasks else (predecessor, successor)
                self.remarks.add("links with other projects or tasks outside the file, left out; of",
                                 f"{tasks[inside].activity.id} with {outside}")  # fmt: skip
                continue
            if (kind := self._cell(row, "pred_type")) not in LINKS:
                raise WrongFile(
                    f"{self.file}:{row.line}: {kind!r} is no type of link; known: {', '.join(sorted(LINKS))}"
                )
            lag = self._hours(row, "lag_hr_cnt", tasks[successor].activity.id, signed=True) or 0.0
            if not lag:
                yield SourceLink(predecessor, successor, cast(LinkType, kind[3:]), 0.0)
                continue
            calendar = self._lag_calendar(lag_setting, tasks, predecessor, successor)
            days = calendar.calendar_days(60 * lag)
            yield SourceLink(
                predecessor, successor, cast(LinkType, kind[3:]), days, None if calendar.always else calendar
            )

    def _lag_calendar(
        self, lag_setting: str, tasks: Mapping[str, SourceTask], predecessor: str, successor: str
    ) -> PlannerCalendar:
        """Return the calendar on which the lag of a link is counted."""
        calendar = {
            "rcal_24Hour": ROUND_THE_CLOCK,
            "rcal_Successor": tasks[successor].activity.calendar,
            "rcal_ProjDefault": self.default,
        }.get(lag_setting, tasks[predecessor].activity.calendar)
        if not calendar.day_minutes:
            raise WrongFile(f"{self.file}: a lag counts on calendar {calendar.name!r}, which has no working time")
        return calendar

    # --- values ---

    def _cell(self, row: Row, name: str) -> str:
        """Return a value that the row must have; WrongFile where it is blank."""
        if not row[name]:
            values = ", ".join([value for value in row.values() if value][:4])
            raise WrongFile(f"{self.file}:{row.line}: a row without {name}: {values}")
        return row[name]

    def _hours(self, row: Row, name: str, owner: str, *, signed: bool = False) -> float | None:
        """Return the hours in a field of a row; None where it is blank, WrongFile where it is no number of hours."""
        return number_in(row, name, f"{self.file}:{row.line}: {owner}", self.decimal, signed=signed)


def decimal_mark_of(tables: Tables) -> str:
    """Return the decimal separator of the hours in a file, "." or ","; empty if they do not show it."""
    texts = [
        row[name]
        for table, names in (("TASK", ("target_drtn_hr_cnt", "remain_drtn_hr_cnt")), ("TASKPRED", ("lag_hr_cnt",)),
                             ("CALENDAR", ("day_hr_cnt", "week_hr_cnt")))
        for row in tables.get(table, [])
        for name in names
    ]  # fmt: skip
    return decimal_mark(texts)


def number_in(
    row: Row, name: str, where: str, decimal: str, *, signed: bool = False, what: str = "a number of hours"
) -> float | None:
    """Return the number in a field of a row; None where it is blank, WrongFile where it is none."""
    text = row[name]
    if not text:
        return None
    number = plain_number(text, decimal)
    if number is None or (number < 0 and not signed):
        raise WrongFile(f"{where}: {name} is {text[:40]!r}, not {what}{'' if signed else ' from 0 up'}")
    return number


def logic_of(options: Iterable[Row]) -> Logic:
    """Return how begun activities go on, by rows of SCHEDOPTIONS; the third way of P6, by actual dates, is not known."""
    override = any(row["sched_progress_override"] == "Y" for row in options)
    return "progress_override" if override else "retained_logic"


def _constraints(row: Row) -> str:
    """Return what a step cannot say: date constraints."""
    pairs = (("cstr_type", "cstr_date"), ("cstr_type2", "cstr_date2"))
    kinds = [f"{row[kind]} {row[when]}".strip() for kind, when in pairs if row[kind]]
    return f"not taken over: {', '.join(kinds)}" if kinds else ""
