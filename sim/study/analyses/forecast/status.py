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
A column `comment` or `note` is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

from sim.errors import ConfigError, Problem, SimError, did_you_mean
from sim.plan.vocabulary import MINUTES_PER_DAY
from sim.study.analyses.forecast.status_file import (
    COLUMNS,
    DATES,
    NUMBERS,
    is_mapping,
    parse_minute,
    parse_number,
    read_rows,
)

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
AT_DAY_BEGIN = ("start", "resumed")
"""Columns whose date, without a time, is the beginning of its day; of the others it is the end."""
COLUMNS_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "data_date": ("date",),
    "config": ("state",),
    "logic": (),
    "milestone": ("finish",),
    "count": ("date", "count"),
    "activity": ("start", "finish", "suspended", "resumed", "remaining_days", "percent"),
    "promise": ("finish", "low", "high"),
    "people": ("date", "count"),
    "hours": ("date", "count"),
    "risk": ("value", "state"),
    "money": ("date", "value"),
}
"""By kind of fact the columns that may be filled, besides `kind` and `what`."""
HAS = {"activity": "an activity has", "people": "people have", "hours": "hours have", "money": "money has"}
HEADER_KINDS = ("data_date", "config", "logic")
MAX_PROBLEMS = 50
"""Mistakes that are told one by one."""
STATES = ("happened", "closed", "open")
Logic = Literal["retained_logic", "progress_override"]
LOGIC: tuple[Logic, ...] = get_args(Logic)
"""Options for the remaining work of out-of-sequence activities: see `progress`."""
STAGES = ("made", "passed", "shipped", "on_site", "set", "hooked_up", "tested")
"""Stages counted by system: skids made, past their acceptance test, shipped, on site; blocks set, hooked up and tested."""
ONLINE = "online"


class UnsoundStatus(SimError):
    """A status states what cannot be: `sim status check` has listed it."""

    exit_code = 2


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

    def misplaced(self) -> Iterator[tuple[str, str]]:
        """Yield every filled column that this kind of fact does not have, and in which column it has what was meant."""
        used = COLUMNS_OF_KIND.get(self.kind, COLUMNS)
        for column in (*DATES, *NUMBERS, "state"):
            if column not in used and getattr(self, column) not in (None, ""):
                yield column, self._hint(column, used)

    def _hint(self, column: str, used: Sequence[str]) -> str:
        has = HAS.get(self.kind, f"a {self.kind.replace('_', ' ')} has")
        group = next((columns for columns in (DATES, NUMBERS) if column in columns), ())
        meant = [f"`{other}`" for other in used if other in group]
        noun = "date" if column in DATES else "number"
        return f"{has} the {noun} in {' or '.join(meant)}" if meant else f"{has} no `{column}`"


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
    unread: tuple[Fact, ...] = ()
    """Rows that say nothing, as the cell with their amount or date is empty."""

    def facts_of(self, kind: str) -> tuple[Fact, ...]:
        """Return the facts of a kind, in the order of their rows."""
        return tuple(fact for fact in self.facts if fact.kind == kind)

    def latest(self, kind: str) -> dict[str, Fact]:
        """Return the latest fact of a kind about each thing."""
        return {fact.what: fact for fact in sorted(self.facts_of(kind), key=lambda fact: fact.date or 0)}

    def only(self, *kinds: str) -> Status:
        """Return this status with the facts of the given kinds only."""
        return self.without(*(kind for kind in KINDS if kind not in kinds))

    def without(self, *kinds: str) -> Status:
        """Return this status without the facts of the given kinds."""
        return replace(self, facts=tuple(fact for fact in self.facts if fact.kind not in kinds))


NO_STATUS = Status("", date.min, 0, ())


def facts_digest(status: Status) -> str:
    """Return a fingerprint of the facts of a status."""
    return sha256(repr(status.facts).encode()).hexdigest()


def read_status(path: str | Path, start_date: date) -> Status:
    """Read the status of a project that starts on `start_date`; raises ConfigError with row and column of every mistake."""
    path = Path(path)
    return _parse_status(str(path), list(read_rows(path)), start_date)


# --- facts ----------------------------------------------------------------------------------------------------------


def _parse_status(file: str, rows: list[tuple[int, Mapping[str, Any]]], start_date: date) -> Status:
    """Return the status that rows contain; raises ConfigError with every cell that cannot be read."""
    problems: list[Problem] = []
    facts: list[Fact] = []
    for number, row in rows:
        facts.append(_parse_fact(file, number, row, start_date, problems))
        if len(problems) >= MAX_PROBLEMS:
            message = "what is wrong in the rows after this one is told when these are mended"
            raise ConfigError([*problems, Problem(file, number, 0, "", "", message)])
    data_dates = [fact for fact in facts if fact.kind == "data_date"]
    if len(data_dates) != 1 or data_dates[0].date is None:
        mistake = "there is none" if not data_dates else "each status has one"
        line = data_dates[1].row if len(data_dates) > 1 else 0
        message = f"a row `data_date` with its date is needed; {mistake}"
        problems.append(Problem(file, line, 0, "data_date", "", message))
    elif data_dates[0].date < MINUTES_PER_DAY:
        text = day_text(start_date, data_dates[0].date, is_finish=True)
        message = f"a day from the project's start on, {start_date}"
        problems.append(Problem(file, data_dates[0].row, 1 + COLUMNS.index("date"), "date", text, message))
    problems += _stated_twice(file, [fact for fact in facts if fact.kind in HEADER_KINDS[1:]])
    if problems:
        raise ConfigError(problems)
    minute = data_dates[0].date or 0
    config = next((fact for fact in facts if fact.kind == "config"), Fact(0, "config", ""))
    day = start_date + timedelta(days=minute // MINUTES_PER_DAY - 1)
    logic = next((fact.what for fact in facts if fact.kind == "logic"), "")
    stated = [fact for fact in facts if fact.kind not in HEADER_KINDS]
    actuals = tuple(fact for fact in stated if not _is_empty(fact))
    # risks of the sheet of `sim status init` are open as long as nothing is filled in
    unread = tuple(fact for fact in stated if fact.kind != "risk" and _is_empty(fact))
    return Status(file, day, minute, actuals, config.what, logic, config.state, unread)


def _stated_twice(file: str, header: Sequence[Fact]) -> Iterator[Problem]:
    """Yield a problem for every header row of a kind of which there is one already."""
    first_of_kind: dict[str, Fact] = {}
    for fact in header:
        first = first_of_kind.setdefault(fact.kind, fact)
        if first is not fact:
            message = f"only one row `{fact.kind}`; row {first.row} is one as well"
            yield Problem(file, fact.row, 1, "kind", fact.kind, message)


def _is_empty(fact: Fact) -> bool:
    """Return whether a row has no content but the subject's name.

    A milestone or an activity without dates is never empty: it was not reached, or had not started, by the data date.
    """
    cells = (*(getattr(fact, name) for name in (*DATES, *NUMBERS) if name != "date"), fact.state or None)
    # a date alone says nothing of a count or an amount; elsewhere it is in a column that the kind does not have
    has_date = fact.date is not None and "date" not in COLUMNS_OF_KIND.get(fact.kind, ())
    return fact.kind not in {"milestone", "activity"} and not has_date and all(cell is None for cell in cells)


def _parse_fact(file: str, number: int, row: Mapping[str, Any], start_date: date, problems: list[Problem]) -> Fact:
    """Return one row as a fact, and add its mistakes to `problems`."""
    kind, state = str(row.get("kind", "")).strip(), str(row.get("state") or "").strip()
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS)
        problems.append(Problem(file, number, 1, "kind", kind, f"one of {', '.join(KINDS)}", hint))
    what = str(row.get("what") or "").strip()
    if kind == "logic" and what not in LOGIC:
        problems.append(Problem(file, number, 2, "what", what, f"one of {', '.join(LOGIC)}", did_you_mean(what, LOGIC)))
    if kind == "config" and state and not is_mapping(state):
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
            at_day_end = name not in AT_DAY_BEGIN
            cells[name] = parse_minute(text, start_date, at_day_end) if name in DATES else parse_number(text)
        except ValueError as error:
            column = 1 + COLUMNS.index(name)
            problems.append(Problem(file, number, column, name, str(text), str(error)))
    fact = Fact(number, kind, what, **cells, state=state)
    if kind in HEADER_KINDS:
        for name, hint in fact.misplaced():
            problems.append(Problem(file, number, 1 + COLUMNS.index(name), name, str(row[name]), "nothing", hint))
    return fact


def day_text(start_date: date, minute: int, *, is_finish: bool) -> str:
    """Return the date of a minute as a status has it; a finish at midnight belongs to the day before."""
    return (start_date + timedelta(days=(minute - int(is_finish)) // MINUTES_PER_DAY)).isoformat()
