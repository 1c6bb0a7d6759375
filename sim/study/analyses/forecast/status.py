"""A status: the actuals of a project up to its data date, one fact per row.

The file is CSV, YAML (a list of the same rows under `rows`) or an Excel workbook with a sheet `status`. Every row has a
`kind`, and names in `what` the subject of the fact; which other columns are filled depends on the kind:

| kind      | what                            | columns                                                          |
|-----------|---------------------------------|------------------------------------------------------------------|
| data_date | empty                           | date: the last day of which the facts are known                  |
| config    | digest of the configuration     | state: its inputs that differ from the shipped base, as JSON     |
| logic     | retained_logic or progress_override | how the schedule treats out-of-sequence work                     |
| milestone | a unit of the plan, or hN.dry_in | finish; empty: not reached by the data date                      |
| count     | SYSTEM.STAGE, or online (MW)    | date, count: the number reached by the end of that day           |
| activity  | UNIT/ACTIVITY                   | start, finish, remaining_days or percent, suspended, resumed     |
| promise   | a unit that is delivered        | finish: the new date; low and high where it is a range           |
| people    | a trade                         | date, count                                                      |
| hours     | spent or earned                 | date, count                                                      |
| risk      | a driver of the register        | state: happened, closed or open; value: factor, days, weeks or chance |
| money     | paid or committed               | date, value in USD                                               |

An activity without a start has not started by the data date. A date without a time is a whole day: a start is at its
beginning, a finish at its end. `2027-03-31T14:30` is exact.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from sim import files
from sim.config.yaml_reader import read_file
from sim.errors import ConfigError, Problem, SimError, did_you_mean
from sim.plan.vocabulary import MINUTES_PER_DAY

KINDS = (
    "data_date",
    "config",
    "logic",
    "milestone",
    "count",
    "activity",
    "promise",
    "people",
    "hours",
    "risk",
    "money",
)
DATES = ("date", "start", "finish", "suspended", "resumed", "low", "high")
NUMBERS = ("count", "remaining_days", "percent", "value")
COLUMNS = ("kind", "what", *DATES, *NUMBERS, "state")
STATES = ("happened", "closed", "open")
Logic = Literal["retained_logic", "progress_override"]
LOGIC: tuple[Logic, ...] = get_args(Logic)
"""Options for the remaining work of out-of-sequence activities: see `progress`."""
STAGES = ("made", "passed", "shipped", "on_site", "set", "hooked_up", "tested")
"""Stages counted by system: skids made, past their acceptance test, shipped, on site; blocks set, hooked up and tested."""
ONLINE = "online"
LARGEST_BYTES = 20_000_000
LENGTH_OF_DATE = len("2027-03-31")


class ProjectComplete(SimError):
    """The project is complete by the data date of its status: there is nothing left to forecast."""

    exit_code = 2


@dataclass(frozen=True)
class Fact:
    """One row of a status. Dates are minutes since the project's start; a column that is empty is None."""

    row: int
    kind: str
    what: str
    date: int | None = None
    start: int | None = None
    finish: int | None = None
    suspended: int | None = None
    resumed: int | None = None
    low: int | None = None
    high: int | None = None
    count: float | None = None
    remaining_days: float | None = None
    percent: float | None = None
    value: float | None = None
    state: str = ""


@dataclass(frozen=True)
class Status:
    """The facts of a project up to the minute of its data date."""

    file: str
    data_date: date
    minute: int
    facts: tuple[Fact, ...]
    digest: str = ""
    logic: str = ""
    """The option for out-of-sequence work, one of `LOGIC`; empty where the status has none."""
    inputs: str = ""
    """Inputs of the configuration with this digest that differ from the shipped base, as JSON; empty if the row has none."""

    def facts_of(self, kind: str) -> tuple[Fact, ...]:
        """Return the facts of a kind, in the order of their rows."""
        return tuple(fact for fact in self.facts if fact.kind == kind)

    def only(self, *kinds: str) -> Status:
        """Return this status with the facts of the given kinds only."""
        return self.without(*(kind for kind in KINDS if kind not in kinds))

    def without(self, *kinds: str) -> Status:
        """Return this status without the facts of the given kinds."""
        return replace(self, facts=tuple(fact for fact in self.facts if fact.kind not in kinds))


NO_STATUS = Status("", date.min, 0, ())


def read_status(path: str | Path, start_date: date) -> Status:
    """Read the status of a project that starts on `start_date`; raises ConfigError with row and column of every mistake."""
    path = Path(path)
    return _parse_status(str(path), list(_read_rows(path)), start_date)


def _read_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of a file: row number, and cells by column name."""
    if path.suffix in {".yaml", ".yml"}:
        tree = read_file(path).tree
        rows = tree.get("rows", []) if isinstance(tree, dict) else []
        yield from ((number, row) for number, row in enumerate(rows, 1) if isinstance(row, dict))
        return
    data = files.read(path, LARGEST_BYTES)
    numbered_rows = _workbook_rows(data, path) if path.suffix == ".xlsx" else _csv_rows(data, path)
    (_, header), *body = numbered_rows or [(1, [])]
    columns = [str(name).strip() for name in header]
    unknown = [name for name in columns if name and name not in COLUMNS]
    if "kind" not in columns or unknown:
        wrong = unknown[0] if unknown else ""
        message = f"the first row has the columns' names: {', '.join(COLUMNS)}"
        raise ConfigError([Problem(str(path), 1, 1, "", wrong, message, did_you_mean(wrong, COLUMNS) if wrong else "")])
    for number, cells in body:
        if len(cells) > len(columns):
            message = f"has {len(cells)} cells where the first row has {len(columns)} (numbers have a point: 12.5)"
            raise ConfigError([Problem(str(path), number, 1, "", "", message)])
        if any(str(cell).strip() for cell in cells if cell is not None):
            yield number, dict(zip(columns, cells, strict=False))


def _csv_rows(data: bytes, path: Path) -> list[tuple[int, list[Any]]]:
    """Return the rows of a CSV: line number and cells."""
    try:
        text = data.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in text.partition("\n")[0] else ",")
        rows = [(reader.line_num, cells) for cells in reader]
        if len(rows) > 1 and text[-1] not in "\r\n" and len(rows[-1][1]) < len(rows[0][1]):
            message = (
                f"the file ends within a row, which has {len(rows[-1][1])} of {len(rows[0][1])} cells: it is cut off"
            )
            raise ConfigError([Problem(str(path), rows[-1][0], 1, "", "", message)])
        return rows
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError([Problem(str(path), 0, 0, "", "", f"is no CSV in UTF-8: {error}")]) from error


def _workbook_rows(data: bytes, path: Path) -> list[tuple[int, list[Any]]]:
    """Return the rows of the sheet `status` of a workbook: row number and cells."""
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except Exception as error:  # a damaged file ends in whatever zipfile or the parser raises
        raise ConfigError([Problem(str(path), 0, 0, "", "", f"is no Excel workbook: {error}")]) from error
    if "status" not in book.sheetnames:
        message = f"has no sheet `status`; there are {', '.join(book.sheetnames)}"
        raise ConfigError([Problem(str(path), 0, 0, "", "", message)])
    rows = book["status"].iter_rows(values_only=True)
    return [(number, ["" if cell is None else cell for cell in row]) for number, row in enumerate(rows, 1)]


# --- cells ----------------------------------------------------------------------------------------------------------


def _parse_status(file: str, rows: list[tuple[int, Mapping[str, Any]]], start_date: date) -> Status:
    """Return the status that rows contain; raises ConfigError with every cell that cannot be read."""
    problems: list[Problem] = []
    facts = [_parse_fact(file, number, row, start_date, problems) for number, row in rows]
    data_dates = [fact for fact in facts if fact.kind == "data_date"]
    if len(data_dates) != 1 or data_dates[0].date is None:
        mistake = "there is none" if not data_dates else "each status has one"
        line = data_dates[1].row if len(data_dates) > 1 else 0
        message = f"a row `data_date` with its date is needed; {mistake}"
        problems.append(Problem(file, line, 0, "data_date", "", message))
    if problems:
        raise ConfigError(problems)
    minute = data_dates[0].date or 0
    config = next((fact for fact in facts if fact.kind == "config"), Fact(0, "config", ""))
    day = start_date + timedelta(days=minute // MINUTES_PER_DAY - 1)
    logic = next((fact.what for fact in facts if fact.kind == "logic"), "")
    actuals = (fact for fact in facts if fact.kind not in {"data_date", "config", "logic"} and not _is_empty(fact))
    return Status(file, day, minute, tuple(actuals), config.what, logic, config.state)


def _is_empty(fact: Fact) -> bool:
    """Return whether a row has no content but the subject's name.

    A milestone or an activity without dates is never empty: it was not reached, or had not started, by the data date.
    """
    cells = (*(getattr(fact, name) for name in (*DATES, *NUMBERS) if name != "date"), fact.state or None)
    return fact.kind not in {"milestone", "activity"} and all(cell is None for cell in cells)


def _parse_fact(file: str, number: int, row: Mapping[str, Any], start_date: date, problems: list[Problem]) -> Fact:
    """Return one row as a fact, and add its mistakes to `problems`."""
    kind, state = str(row.get("kind", "")).strip(), str(row.get("state") or "").strip()
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS)
        problems.append(Problem(file, number, 1, "kind", kind, f"one of {', '.join(KINDS)}", hint))
    what = str(row.get("what") or "").strip()
    if kind == "logic" and what not in LOGIC:
        problems.append(Problem(file, number, 2, "what", what, f"one of {', '.join(LOGIC)}", did_you_mean(what, LOGIC)))
    if kind == "config" and state and not _is_mapping(state):
        problems.append(
            Problem(file, number, 1 + COLUMNS.index("state"), "state", state, "as `sim status init` wrote it")
        )
    elif state and state not in STATES and kind != "config":
        hint = did_you_mean(state, STATES)
        problems.append(Problem(file, number, 1, "state", state, f"one of {', '.join(STATES)}", hint))
    cells: dict[str, Any] = {}
    for name in (*DATES, *NUMBERS):
        text = row.get(name)
        if text is None or not str(text).strip():
            continue
        try:
            at_day_end = name not in {"start", "resumed"}
            cells[name] = _parse_minute(text, start_date, at_day_end) if name in DATES else _parse_number(text)
        except ValueError as error:
            column = 1 + COLUMNS.index(name)
            problems.append(Problem(file, number, column, name, str(text), str(error)))
    return Fact(number, kind, what, **cells, state=state)


def _is_mapping(text: str) -> bool:
    """Return whether a text is a JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _parse_minute(cell: Any, start_date: date, at_day_end: bool) -> int:
    """Return the minute of a date; of a date without a time the end of its day where `at_day_end`, else its begin."""
    parsed = cell if isinstance(cell, date) else None
    text = str(cell).strip()
    if parsed is None:
        try:
            parsed = date.fromisoformat(text) if len(text) <= LENGTH_OF_DATE else datetime.fromisoformat(text)
        except ValueError:
            serial = " (a serial number of Excel: format the column as a date)" if text.isdecimal() else ""
            raise ValueError(f"a date like 2027-03-31, or with a time 2027-03-31T14:30{serial}") from None
    if isinstance(parsed, datetime) and parsed.time() != time():
        return round((parsed.replace(tzinfo=None) - datetime.combine(start_date, time())).total_seconds() / 60)
    if isinstance(parsed, datetime):
        # an Excel cell with a date has the time 0:00; a written T00:00 is that minute
        at_day_end, parsed = at_day_end and isinstance(cell, date), parsed.date()
    return ((parsed - start_date).days + int(at_day_end)) * MINUTES_PER_DAY


def _parse_number(cell: Any) -> float:
    """Return the number in a cell, with a decimal point and no thousands separators."""
    text = str(cell).strip()
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"a number with a point, like {text.replace(',', '.') if ',' in text else '12.5'}") from None
    if not 0 <= number < float("inf"):
        raise ValueError("a number of at least 0")
    return number


# --- writing --------------------------------------------------------------------------------------------------------


def status_bytes(rows: Sequence[Mapping[str, object]], path: Path) -> bytes:
    """Return rows as a file that `read_status` reads, in the format of the path's suffix: CSV, YAML or Excel workbook."""
    if path.suffix in {".yaml", ".yml"}:
        lines = ("{" + ", ".join(f"{name}: {json.dumps(cell)}" for name, cell in row.items()) + "}" for row in rows)
        return ("rows:\n" + "".join(f"  - {line}\n" for line in lines)).encode()
    if path.suffix == ".xlsx":
        return _workbook_bytes(rows)
    return csv_bytes(rows)


def _workbook_bytes(rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return rows as a workbook with a sheet `status`."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = "status"
    for cells in (COLUMNS, *([row.get(name) for name in COLUMNS] for row in rows)):
        sheet.append(list(cells))
    sheet.freeze_panes = "C2"
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def csv_bytes(rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return rows as a CSV that `read_status` reads and a spreadsheet opens."""
    sink = io.StringIO()
    writer = csv.DictWriter(sink, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue().encode()


def day_text(start_date: date, minute: int, *, is_finish: bool) -> str:
    """Return the date of a minute as a status has it; a finish at midnight belongs to the day before."""
    return (start_date + timedelta(days=(minute - int(is_finish)) // MINUTES_PER_DAY)).isoformat()
