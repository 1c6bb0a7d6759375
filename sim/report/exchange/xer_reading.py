"""Reads the activities of a Primavera P6 XER file, strictly: what it does not know, it refuses by name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from sim.report.exchange.network import Activity, Link, Working, WrongFile, refuse

MOST_BYTES = 64_000_000
TASKS = {"TT_Task", "TT_Rsrc", "TT_Mile", "TT_FinMile"}
HAMMOCKS = {"TT_LOE", "TT_WBS"}
LINKS = {"PR_FS", "PR_SS", "PR_FF", "PR_SF"}
NEEDED = ("PROJECT", "CALENDAR", "TASK")
Row = Mapping[str, str]
USUAL = Working(480, 5)


def read_xer(data: bytes, file: str) -> list[Activity]:
    """Read the activities of an XER file with one project; WrongFile for anything else."""
    tables = _tables(data, file)
    if missing := [name for name in NEEDED if not tables.get(name)]:
        raise WrongFile(f"{file}: has no {', '.join(missing)} table")
    if len(tables["PROJECT"]) > 1:
        raise WrongFile(f"{file}: holds {len(tables['PROJECT'])} projects; export one of them")
    calendars = {_cell(row, "clndr_id", file): _hours(row, file) for row in tables["CALENDAR"]}
    tasks = {_cell(row, "task_id", file): row for row in tables["TASK"] if _is_activity(row, file)}
    names = {key: _cell(row, "task_name", file) for key, row in tasks.items()}
    links = [row for row in tables.get("TASKPRED", []) if _cell(row, "task_id", file) in tasks]
    links = [row for row in links if _cell(row, "pred_task_id", file) in tasks or not _is_hammock(row, tables)]
    for row in links:
        if (kind := _cell(row, "pred_type", file)) not in LINKS:
            raise WrongFile(f"{file}: {kind!r} is no type of link; known: {', '.join(sorted(LINKS))}")
    project = calendars.get(tables["PROJECT"][0].get("clndr_id", ""), USUAL)
    by_task: dict[str, list[Row]] = {}
    for row in links:
        by_task.setdefault(row["task_id"], []).append(row)
    other = [names[row["task_id"]] for row in links if row["pred_type"] != "PR_FS"]
    refuse(file, "have links that are not finish-to-start", list(dict.fromkeys(other)))
    return [
        Activity(
            key,
            names[key],
            project.days_of(60 * _number(row, "target_drtn_hr_cnt", file), _calendar(row, calendars, file)),
            tuple(_link(pred, row, calendars, file) for pred in by_task.get(key, [])),
            _left_out(row),
        )
        for key, row in tasks.items()
    ]


def _tables(data: bytes, file: str) -> dict[str, list[Row]]:
    """The tables of the file, rows by field."""
    if len(data) > MOST_BYTES:
        raise WrongFile(f"{file}: {len(data):,} bytes; at most {MOST_BYTES:,} are read")
    if not data.startswith(b"ERMHDR\t"):
        raise WrongFile(f"{file}: not an XER file: it does not begin with ERMHDR")
    tables: dict[str, list[Row]] = {}
    name, fields = "", list[str]()
    for number, line in enumerate(data.decode("cp1252", errors="replace").split("\n"), 1):
        mark, *cells = line.rstrip("\r").split("\t")
        if mark == "%T" and cells:
            name, fields = cells[0], []
            tables.setdefault(name, [])
        elif mark == "%F":
            fields = cells
        elif mark == "%R":
            if not name or not fields or len(cells) > len(fields):
                raise WrongFile(
                    f"{file}:{number}: {len(cells)} values for {len(fields)} fields of {name or 'no table'}"
                )
            tables[name].append(dict(zip(fields, [*cells, *[""] * (len(fields) - len(cells))], strict=True)))
        elif mark == "%E":
            return tables
    raise WrongFile(f"{file}: ends before its end mark (%E); it is not whole")


def _cell(row: Row, field: str, file: str) -> str:
    """A value that must be there."""
    if not row.get(field):
        raise WrongFile(f"{file}: a row without {field}: {', '.join(list(row.values())[:4])}")
    return row[field]


def _is_activity(row: Row, file: str) -> bool:
    """Whether a row is an activity: levels of effort and summaries have no length of their own."""
    kind = _cell(row, "task_type", file)
    if kind not in TASKS | HAMMOCKS:
        raise WrongFile(f"{file}: {kind!r} is no type of activity; known: {', '.join(sorted(TASKS | HAMMOCKS))}")
    return kind in TASKS


def _is_hammock(row: Row, tables: Mapping[str, list[Row]]) -> bool:
    """Whether a link comes from a level of effort or a summary, which nothing is made to follow."""
    kinds = {task["task_id"]: task.get("task_type", "") for task in tables["TASK"]}
    return kinds.get(row.get("pred_task_id", ""), "") in HAMMOCKS


def _hours(row: Row, file: str) -> Working:
    """How much a calendar works."""
    day, week = _number(row, "day_hr_cnt", file, 8.0), _number(row, "week_hr_cnt", file, 40.0)
    if day <= 0 or week <= 0:
        raise WrongFile(f"{file}: calendar {row.get('clndr_name', '')!r} has no working hours")
    return Working(60 * day, week / day)


def _calendar(row: Row, calendars: Mapping[str, Working], file: str) -> Working:
    """The calendar of an activity."""
    key = _cell(row, "clndr_id", file)
    if key not in calendars:
        raise WrongFile(f"{file}: activity {row.get('task_name', '')!r} has calendar {key}, which is not in the file")
    return calendars[key]


def _number(row: Row, field: str, file: str, otherwise: float = 0.0) -> float:
    """A number that is not negative."""
    text = row.get(field, "").replace(",", ".")
    try:
        number = float(text) if text else otherwise
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise WrongFile(f"{file}: {field} is {text[:40]!r}, not a number of hours from 0 up")
    return number


def _link(pred: Row, row: Row, calendars: Mapping[str, Working], file: str) -> Link:
    """One link with its lag."""
    if pred.get("lag_hr_cnt", "").startswith("-"):
        raise WrongFile(f"{file}: activity {row['task_name']!r} has a lead; a step begins after its predecessors")
    lag = 60 * _number(pred, "lag_hr_cnt", file)
    return Link(pred["pred_task_id"], _calendar(row, calendars, file).calendar_days(lag))


def _left_out(row: Row) -> str:
    """What a step cannot say: date constraints."""
    kinds = [f"{row[kind]} {row.get(when, '')}".strip() for kind, when in _constraints() if row.get(kind)]
    return f"not taken over: {', '.join(kinds)}" if kinds else ""


def _constraints() -> Iterator[tuple[str, str]]:
    yield "cstr_type", "cstr_date"
    yield "cstr_type2", "cstr_date2"
