"""Checks of one fact by itself: which columns its kind has, what is missing, and in what order its dates must be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from sim.config.sections.estimates import Bounds
from sim.config.sections.risks import State
from sim.errors import Problem
from sim.plan.vocabulary import MINUTES_PER_DAY
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.status import AT_DAY_BEGIN, COLUMNS_OF_KIND, ONLINE, Fact, Status, day_text
from sim.study.analyses.forecast.status_file import COLUMNS, DATES, NUMBERS
from sim.study.analyses.forecast.unit_status import working_day
from sim.world.project_calendars import day_minutes

Severity = Literal["error", "note"]
COMPLETE_PERCENT = 100


@dataclass(frozen=True)
class StatusFinding:
    """One finding about a status: an error prevents a forecast, a note does not."""

    severity: Severity
    problem: Problem


def problem_of(status: Status, fact: Fact, column: str, value: object, message: str, hint: str = "") -> Problem:
    """Return a problem with the cell of a fact."""
    return Problem(status.file, fact.row, 1 + COLUMNS.index(column), column, str(value), message, hint)


def error(status: Status, fact: Fact, column: str, value: object, message: str, hint: str = "") -> StatusFinding:
    """Return an error of the cell of a fact; `message` is what is allowed."""
    return StatusFinding("error", problem_of(status, fact, column, value, message, hint))


def note(status: Status, fact: Fact, column: str, message: str) -> StatusFinding:
    """Return a note about the cell of a fact, which is accepted."""
    return StatusFinding("note", problem_of(status, fact, column, "", message))


def check_fact(plan_steps: PlanSteps, status: Status, fact: Fact) -> Iterator[StatusFinding]:
    """Yield the findings about one fact by itself."""
    yield from _columns(plan_steps, status, fact)
    yield from _dates(plan_steps, status, fact)
    yield from _amounts(plan_steps, status, fact)
    if fact.kind == "activity":
        yield from _activity(plan_steps, status, fact)
    elif fact.kind == "risk":
        yield from _risk(plan_steps, status, fact)


def cell_text(plan_steps: PlanSteps, fact: Fact, column: str) -> str:
    """Return a cell as a status has it: a date with its time unless it is midnight."""
    value = getattr(fact, column)
    if column not in DATES:
        return f"{value:g}" if isinstance(value, float) else str(value)
    start = plan_steps.project.scale.start_date
    try:
        day = day_text(start, value, is_finish=column not in AT_DAY_BEGIN and not value % MINUTES_PER_DAY)
    except OverflowError:
        return "a date"
    hours, minutes = divmod(value % MINUTES_PER_DAY, 60)
    return f"{day}T{hours:02d}:{minutes:02d}" if hours or minutes else day


# --- columns --------------------------------------------------------------------------------------------------------


REQUIRED_COLUMNS = {
    "count": ("date", "count"), "promise": ("finish",), "people": ("date", "count"), "hours": ("date", "count"),
    "money": ("date", "value"),
}  # fmt: skip
"""The columns that must be filled, by kind of fact."""


def _columns(plan_steps: PlanSteps, status: Status, fact: Fact) -> Iterator[StatusFinding]:
    """Yield an error for every cell in a column that the kind of fact does not have, and for every one that is missing."""
    misplaced = dict(fact.misplaced())
    for column, hint in misplaced.items():
        yield error(status, fact, column, cell_text(plan_steps, fact, column), "nothing", hint)
    for column in REQUIRED_COLUMNS.get(fact.kind, ()):
        group = DATES if column in DATES else NUMBERS
        # what stands in another column is told there
        if getattr(fact, column) is None and not any(name in group for name in misplaced):
            yield error(status, fact, column, "", "is missing")


# --- dates ----------------------------------------------------------------------------------------------------------


def horizon(plan_steps: PlanSteps) -> int:
    """Return the minute at which the calendars of a project end."""
    return plan_steps.project.scale.horizon_days * MINUTES_PER_DAY


def last_day(plan_steps: PlanSteps) -> str:
    """Return the last day that the calendars of a project have."""
    scale = plan_steps.project.scale
    return (scale.start_date + timedelta(days=scale.horizon_days - 1)).isoformat()


MAY_BE_AHEAD = {"promise": ("finish", "low", "high"), "activity": ("resumed",)}
"""Columns whose date may be later than the data date, by kind of fact."""
ORDER = (
    ("start", "finish", "no earlier than its start"),
    ("start", "suspended", "no earlier than its start"),
    ("suspended", "finish", "no earlier than it was suspended"),
    ("suspended", "resumed", "no earlier than it was suspended"),
    ("resumed", "finish", "no earlier than it resumed"),
)
"""Pairs of columns of an activity in the order that their dates must have."""


def _dates(plan_steps: PlanSteps, status: Status, fact: Fact) -> Iterator[StatusFinding]:
    """Yield errors of dates outside the project, or that contradict the data date or each other."""
    wrong = set()
    for column in COLUMNS_OF_KIND.get(fact.kind, ()):
        minute = getattr(fact, column) if column in DATES else None
        if minute is None:
            continue
        allowed = ""
        is_ahead = column in MAY_BE_AHEAD.get(fact.kind, ())
        if minute < 0:
            allowed = f"no earlier than the project's start, {plan_steps.project.scale.start_date}"
        elif minute > status.minute and not is_ahead:
            allowed = f"no later than the data date, {status.data_date}"
        elif minute > horizon(plan_steps):
            allowed = f"no later than {last_day(plan_steps)}, the end of the calendars (scale.horizon_days)"
        elif fact.kind == "promise" and column == "finish" and minute < status.minute:
            allowed = f"later than the data date, {status.data_date}"
        if allowed:
            wrong.add(column)
            yield error(status, fact, column, cell_text(plan_steps, fact, column), allowed)
    if not wrong:
        yield from _order(plan_steps, status, fact)


def _order(plan_steps: PlanSteps, status: Status, fact: Fact) -> Iterator[StatusFinding]:
    """Yield errors of dates that are not in their order."""
    pairs = ORDER if fact.kind == "activity" else ()
    for first, then, message in pairs:
        before, after = getattr(fact, first), getattr(fact, then)
        # suspended and resumed on the same day: the end of that day, and its beginning
        same_day = (first, then) == ("suspended", "resumed") and before is not None and not before % MINUTES_PER_DAY
        if before is not None and after is not None and after < before - same_day * MINUTES_PER_DAY:
            yield error(status, fact, then, cell_text(plan_steps, fact, then), message)
    if fact.kind == "promise" and fact.finish is not None:
        text = cell_text(plan_steps, fact, "finish")
        if fact.low is not None and fact.high is not None and fact.low > fact.high:
            yield error(status, fact, "low", cell_text(plan_steps, fact, "low"), "no later than `high`")
        elif fact.low is not None and fact.low > fact.finish:
            yield error(status, fact, "finish", text, "no earlier than `low`, as it is the likely date")
        elif fact.high is not None and fact.high < fact.finish:
            yield error(status, fact, "finish", text, "no later than `high`, as it is the likely date")


# --- amounts --------------------------------------------------------------------------------------------------------


MAX_PART_OF_BLOCK = 0.02
"""Part of a block by which MW online may be off a whole number of blocks: they are reported as rounded."""


def _amounts(plan_steps: PlanSteps, status: Status, fact: Fact) -> Iterator[StatusFinding]:
    """Yield errors of amounts that cannot be."""
    if fact.kind == "count" and fact.what != ONLINE and fact.count is not None and fact.count % 1:
        yield error(status, fact, "count", f"{fact.count:g}", "a whole number of units")
    if fact.kind == "count" and fact.what == ONLINE and fact.count is not None:
        blocks = fact.count / plan_steps.mw_of_block
        if abs(blocks - round(blocks)) > MAX_PART_OF_BLOCK:
            message = f"a whole number of blocks of {plan_steps.mw_of_block:g} MW"
            yield error(status, fact, "count", f"{fact.count:g}", message)


SHARE_WITHOUT_WEATHER = 0.75
"""Share of the working time until the end of the calendars that weather leaves in any case."""


def _activity(plan_steps: PlanSteps, status: Status, fact: Fact) -> Iterator[StatusFinding]:
    """Yield what is wrong or odd with an activity's progress."""
    if fact.start is None:
        needs_start = ("percent", "remaining_days", "finish", "suspended", "resumed")
        column = next((name for name in needs_start if getattr(fact, name) is not None), "")
        if column:
            yield error(status, fact, column, cell_text(plan_steps, fact, column), "only with an actual start")
        return
    if fact.percent is not None and fact.percent > COMPLETE_PERCENT:
        yield error(status, fact, "percent", f"{fact.percent:g}", "from 0 to 100")
    if fact.resumed is not None and fact.suspended is None:
        text = cell_text(plan_steps, fact, "resumed")
        yield error(status, fact, "resumed", text, "only with the date on which it was suspended")
    if fact.finish is not None:
        if fact.remaining_days:
            yield error(status, fact, "remaining_days", f"{fact.remaining_days:g}", "0 or empty, as it is finished")
        if fact.percent is not None and fact.percent < COMPLETE_PERCENT:
            yield error(status, fact, "percent", f"{fact.percent:g}", "100 or empty, as it is finished")
        return
    yield from _odd_percent(status, fact)
    if fact.suspended is not None and fact.resumed is None:
        yield note(status, fact, "suspended", "it is still suspended: taken to resume at the data date")
    if fact.remaining_days is not None and fact.what in plan_steps.work_steps:
        _, step = plan_steps.work_steps[fact.what]
        open_minutes = plan_steps.working_minutes(step, min(status.minute, horizon(plan_steps)), horizon(plan_steps))
        day = working_day(plan_steps, step, day_minutes(plan_steps.project))
        most_days = int(SHARE_WITHOUT_WEATHER * open_minutes / day)
        if fact.remaining_days > most_days:
            message = f"at most {most_days}, as the calendars end on {last_day(plan_steps)} (scale.horizon_days)"
            yield error(status, fact, "remaining_days", f"{fact.remaining_days:g}", message)


def _odd_percent(status: Status, fact: Fact) -> Iterator[StatusFinding]:
    """Yield a note where the percentage of an unfinished activity is that of a finished one, or looks like a share."""
    if fact.percent == COMPLETE_PERCENT:
        yield note(status, fact, "percent", "100 % without a finish: it is in progress until it has one")
    elif fact.percent is not None and 0 < fact.percent <= 1:
        message = (
            f"taken for {fact.percent:g} % of the work: write {COMPLETE_PERCENT * fact.percent:g} where that is done"
        )
        yield note(status, fact, "percent", message)


def _risk(plan_steps: PlanSteps, status: Status, fact: Fact) -> Iterator[StatusFinding]:
    """Yield what is wrong with the state of a risk and its value: a chance, or an effect."""
    if not fact.state:
        yield error(status, fact, "state", "", "is missing: happened, closed or open")
    if fact.value is None or fact.state not in {"open", "closed", "happened"}:
        return
    value = f"{fact.value:g}"
    if fact.state == "closed":
        yield error(status, fact, "value", value, "nothing", "a risk that is closed has no effect and no chance")
    elif fact.state == "open" and fact.value > 1:
        hint = f"write {fact.value / 100:g} for {value} %" if fact.value <= COMPLETE_PERCENT else ""
        yield error(status, fact, "value", value, "the chance that is left, from 0 to 1", hint)
    elif fact.state == "happened":
        driver = next((one for one in plan_steps.project.risks.drivers if one.id == fact.what), None)
        bounds = None if driver is None else _bounds_of(driver.effect)
        low, high = (0.0, None) if bounds is None else (bounds.low, bounds.high)
        if driver is not None and low is not None and high is not None and not low <= fact.value <= high:
            allowed = f"{driver.effect.replace('_', ' ')} from {low:g} to {high:g}"
            yield error(status, fact, "value", value, allowed)


def _bounds_of(effect: str) -> Bounds | None:
    """Return what an effect of a risk may be."""
    for annotation in get_args(State.model_fields[effect].annotation):
        for part in get_args(annotation):
            if isinstance(part, Bounds):
                return part
    return None
