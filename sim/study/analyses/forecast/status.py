"""A status: the facts of a project up to its data date, as planners keep them, in a sheet of one row a fact.

CSV, YAML (a list of the same rows under `rows`) or a sheet `status` of an Excel workbook. Every row has a `kind`, and says
in `what` what it is about; the other columns are filled as the kind needs:

| kind      | what                            | columns                                                          |
|-----------|---------------------------------|------------------------------------------------------------------|
| data_date | empty                           | date: the last day that is known                                 |
| config    | digest of the configuration     | state: what it states otherwise than the shipped base, as JSON   |
| logic     | retained_logic or progress_override | how work out of sequence goes on, as the schedule was calculated |
| milestone | a unit of the plan, or hN.dry_in | finish; without it, not reached by the data date                 |
| count     | SYSTEM.STAGE, or online (MW)    | date, count: so many until the end of that day                   |
| activity  | UNIT/ACTIVITY                   | start, finish, remaining_days or percent, suspended, resumed     |
| promise   | a unit that delivers            | finish: the new date; low and high where it is a range           |
| people    | a trade                         | date, count                                                      |
| hours     | spent or earned                 | date, count                                                      |
| risk      | a driver of the register        | state: happened, closed or open; value: factor, days, weeks or chance |
| money     | paid or committed               | date, value in USD                                               |

An activity without a start was not begun by the data date. A date without a time is a whole day: what starts begins with it,
what finishes ends with it. `2027-03-31T14:30` is exact.
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
"""How what is left of work out of sequence goes on: see `progress`."""
STAGES = ("made", "passed", "shipped", "on_site", "set", "hooked_up", "tested")
"""What is counted by system: skids made, through their acceptance test, shipped and on site; blocks set and hooked up."""
ONLINE = "online"
LARGEST_BYTES = 20_000_000
LENGTH_OF_A_DATE = len("2027-03-31")


class Finished(SimError):
    """A status after the completion of its project: there is nothing left to forecast."""

    exit_code = 2


@dataclass(frozen=True)
class Fact:
    """One row of a status; minutes since the project's start, or None where the column is empty."""

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
    """How work out of sequence goes on; empty where the status does not say it."""
    inputs: str = ""
    """What the configuration of the digest states otherwise than the shipped base, as JSON; empty where it is not said."""

    def of(self, kind: str) -> tuple[Fact, ...]:
        """Return the facts of a kind, in order."""
        return tuple(fact for fact in self.facts if fact.kind == kind)

    def only(self, *kinds: str) -> Status:
        """Return the status with the facts of some kinds alone."""
        return self.without(*(kind for kind in KINDS if kind not in kinds))

    def without(self, *kinds: str) -> Status:
        """Return the status without the facts of some kinds."""
        return replace(self, facts=tuple(fact for fact in self.facts if fact.kind not in kinds))


NOTHING_KNOWN = Status("", date.min, 0, ())


def read_status(path: str | Path, start_date: date) -> Status:
    """Read a status of a project that starts at `start_date`; raises ConfigError with row and column of every mistake."""
    path = Path(path)
    return _status(str(path), list(_rows(path)), start_date)


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the number of each row in its file, and its cells by column."""
    if path.suffix in {".yaml", ".yml"}:
        tree = read_file(path).tree
        rows = tree.get("rows", []) if isinstance(tree, dict) else []
        yield from ((number, row) for number, row in enumerate(rows, 1) if isinstance(row, dict))
        return
    data = files.read(path, LARGEST_BYTES)
    table = _sheet(data, path) if path.suffix == ".xlsx" else _table(data, path)
    head, *lines = table or [(1, [])]
    names = [str(name).strip() for name in head[1]]
    unknown = [name for name in names if name and name not in COLUMNS]
    if "kind" not in names or unknown:
        wrong = unknown[0] if unknown else ""
        message = f"the first row has the columns' names: {', '.join(COLUMNS)}"
        raise ConfigError([Problem(str(path), 1, 1, "", wrong, message, did_you_mean(wrong, COLUMNS) if wrong else "")])
    for number, cells in lines:
        if len(cells) > len(names):
            message = f"has {len(cells)} cells where the first row has {len(names)} (numbers have a point: 12.5)"
            raise ConfigError([Problem(str(path), number, 1, "", "", message)])
        if any(str(cell).strip() for cell in cells if cell is not None):
            yield number, dict(zip(names, cells, strict=False))


def _table(data: bytes, path: Path) -> list[tuple[int, list[Any]]]:
    """Return the lines of a CSV, by number."""
    try:
        text = data.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in text.partition("\n")[0] else ",")
        lines = [(reader.line_num, line) for line in reader]
        if len(lines) > 1 and text[-1] not in "\r\n" and len(lines[-1][1]) < len(lines[0][1]):
            message = (
                f"the file ends within a row, which has {len(lines[-1][1])} of {len(lines[0][1])} cells: it is cut off"
            )
            raise ConfigError([Problem(str(path), lines[-1][0], 1, "", "", message)])
        return lines
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError([Problem(str(path), 0, 0, "", "", f"is no CSV in UTF-8: {error}")]) from error


def _sheet(data: bytes, path: Path) -> list[tuple[int, list[Any]]]:
    """Return the rows of the sheet `status` of a workbook, by number."""
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


def _status(file: str, rows: list[tuple[int, Mapping[str, Any]]], start_date: date) -> Status:
    """Return the status that rows state; every cell that can't be read is a problem."""
    problems: list[Problem] = []
    facts = [_fact(file, number, row, start_date, problems) for number, row in rows]
    dated = [fact for fact in facts if fact.kind == "data_date"]
    if len(dated) != 1 or dated[0].date is None:
        found = "there is none" if not dated else "each status has one"
        where = dated[1].row if len(dated) > 1 else 0
        message = f"a row `data_date` with its date is needed; {found}"
        problems.append(Problem(file, where, 0, "data_date", "", message))
    if problems:
        raise ConfigError(problems)
    minute = dated[0].date or 0
    config = next((fact for fact in facts if fact.kind == "config"), Fact(0, "config", ""))
    day = start_date + timedelta(days=minute // MINUTES_PER_DAY - 1)
    logic = next((fact.what for fact in facts if fact.kind == "logic"), "")
    kept = tuple(fact for fact in facts if fact.kind not in {"data_date", "config", "logic"} and not _is_empty(fact))
    return Status(file, day, minute, kept, config.what, logic, config.state)


def _is_empty(fact: Fact) -> bool:
    """Return whether a row of a sheet says nothing: only its name, nothing known.

    A milestone or an activity without dates says that it was not reached or not begun by the data date.
    """
    filled = (*(getattr(fact, name) for name in (*DATES, *NUMBERS) if name != "date"), fact.state or None)
    return fact.kind not in {"milestone", "activity"} and all(cell is None for cell in filled)


def _fact(file: str, number: int, row: Mapping[str, Any], start: date, problems: list[Problem]) -> Fact:
    """Return one row as a fact, and add what is wrong in it."""
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
            cells[name] = _minute(text, start, name not in {"start", "resumed"}) if name in DATES else _number(text)
        except ValueError as error:
            column = 1 + COLUMNS.index(name)
            problems.append(Problem(file, number, column, name, str(text), str(error)))
    return Fact(number, kind, what, **cells, state=state)


def _is_mapping(text: str) -> bool:
    """Return whether a text is a mapping in JSON."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _minute(cell: Any, start: date, ends: bool) -> int:
    """Return the minute of a date; without a time its whole day: the end of it where something `ends`."""
    when = cell if isinstance(cell, date) else None
    text = str(cell).strip()
    if when is None:
        try:
            when = date.fromisoformat(text) if len(text) <= LENGTH_OF_A_DATE else datetime.fromisoformat(text)
        except ValueError:
            serial = " (a serial number of Excel: format the column as a date)" if text.isdecimal() else ""
            raise ValueError(f"a date like 2027-03-31, or with a time 2027-03-31T14:30{serial}") from None
    if isinstance(when, datetime) and when.time() != time():
        return round((when.replace(tzinfo=None) - datetime.combine(start, time())).total_seconds() / 60)
    if isinstance(when, datetime):
        # an Excel cell with a date is midnight; a written T00:00 means that minute
        ends, when = ends and isinstance(cell, date), when.date()
    return ((when - start).days + int(ends)) * MINUTES_PER_DAY


def _number(cell: Any) -> float:
    """Return a number of a cell, which has a point and no thousands."""
    text = str(cell).strip()
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"a number with a point, like {text.replace(',', '.') if ',' in text else '12.5'}") from None
    if not 0 <= number < float("inf"):
        raise ValueError("a number of at least 0")
    return number


# --- writing --------------------------------------------------------------------------------------------------------


def written(rows: Sequence[Mapping[str, object]], path: Path) -> bytes:
    """Return rows as a file that `read_status` reads, by the ending of its name: CSV, YAML, or an Excel workbook."""
    if path.suffix in {".yaml", ".yml"}:
        lines = ("{" + ", ".join(f"{name}: {json.dumps(cell)}" for name, cell in row.items()) + "}" for row in rows)
        return ("rows:\n" + "".join(f"  - {line}\n" for line in lines)).encode()
    if path.suffix == ".xlsx":
        return _workbook(rows)
    return write_csv(rows)


def _workbook(rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return rows as a workbook with a sheet `status`."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = "status"
    for line in (COLUMNS, *([row.get(name) for name in COLUMNS] for row in rows)):
        sheet.append(list(line))
    sheet.freeze_panes = "C2"
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def write_csv(rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return rows as a CSV that `read_status` reads and a spreadsheet opens."""
    sink = io.StringIO()
    writer = csv.DictWriter(sink, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue().encode()


def day_text(start: date, minute: int, *, ends: bool) -> str:
    """Return the day of a minute as a status has it: what ends at midnight ends with the day before."""
    return (start + timedelta(days=(minute - int(ends)) // MINUTES_PER_DAY)).isoformat()
