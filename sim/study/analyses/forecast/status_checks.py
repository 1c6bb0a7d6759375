"""What is wrong with a status, and what is worth knowing: by row and column, nothing dropped silently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from json import dumps, loads
from typing import Any, Literal

from sim.config.load import load_as
from sim.config.project import Project
from sim.errors import ConfigError, Problem, did_you_mean
from sim.study.analyses.baseline_diff import flat_inputs
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.progress import Progress
from sim.study.analyses.forecast.status import COLUMNS, ONLINE, STAGES, Fact, Status
from sim.study.result import digest
from sim.world.project_calendars import day_minutes

Weight = Literal["error", "note"]
WHOLE = 100


@dataclass(frozen=True)
class StatusFinding:
    """One thing about a status: an error stops a forecast, a note is accepted and said."""

    weight: Weight
    problem: Problem


def check_status(steps: PlanSteps, status: Status) -> list[StatusFinding]:
    """Return everything that a status says which cannot be, or is worth knowing, in the order of its rows."""
    found = [
        *_names(steps, status),
        *(one for fact in status.facts for one in (*_dates(status, fact), *_amounts(status, fact))),
        *_doubled(status),
        *_counts(steps, status),
        *_sequence(steps, status),
        *_power(steps, status),
        *_online(steps, status),
    ]
    for one in other_configuration(steps.project, status):
        message = f"was written for another configuration: {one}"
        found.append(StatusFinding("note", Problem(status.file, 0, 0, "config", "", message)))
    return sorted(found, key=lambda one: (one.problem.line, one.problem.column))


def findings_of(steps: PlanSteps, status: Status) -> list[StatusFinding]:
    """Return what a status is checked for and, where nothing is an error, what was done before what it follows."""
    found = check_status(steps, status)
    return found if any(one.weight == "error" for one in found) else [*found, *_out_of_sequence(steps, status)]


def _out_of_sequence(steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield what was done before what it follows: accepted."""
    # what another unit had to do first is seen only where the facts stand in the plan
    progress = Progress(steps.copy(), status, day_minutes(steps.project))
    for text in progress.out_of_sequence:
        yield StatusFinding("note", Problem(status.file, 0, 0, "", "", f"out of sequence: {text}; accepted"))


def require_sound(steps: PlanSteps, status: Status) -> None:
    """Raise ConfigError with everything that cannot be."""
    errors = [one.problem for one in check_status(steps, status) if one.weight == "error"]
    if errors:
        raise ConfigError(errors)


# --- another configuration ------------------------------------------------------------------------------------------


LONGEST = 30_000
"""Characters that a cell of a workbook holds, nearly."""
UNSAID = ("label", "is_base")


def stated_inputs(project: Project) -> str:
    """Return what a project states otherwise than the shipped base, by path as JSON; empty where no cell holds it."""
    base, mine = _base_inputs(), flat_inputs(project.model_dump(mode="json"))
    stated = {path: mine.get(path) for path in {**base, **mine} if base.get(path) != mine.get(path)}
    text = dumps({path: value for path, value in stated.items() if path not in UNSAID}, ensure_ascii=False)
    return text if len(text) < LONGEST else ""


def _base_inputs() -> dict[str, Any]:
    return flat_inputs(load_as(Project, "base").value.model_dump(mode="json"))


def other_configuration(project: Project, status: Status) -> tuple[str, ...]:
    """Return what differs between a project and that which its status was written for, an input each; empty if none does."""
    if not status.digest or digest(project).startswith(status.digest):
        return ()
    if not status.inputs:
        return ("it does not say what that one states",)
    base, now = _base_inputs(), flat_inputs(project.model_dump(mode="json"))
    then = {path: value for path, value in {**base, **loads(status.inputs)}.items() if value is not None}
    paths = [path for path in {**then, **now} if path not in UNSAID and then.get(path) != now.get(path)]
    return (*(f"{path} was {dumps(then.get(path))}, is {dumps(now.get(path))}" for path in paths),) or (
        "nothing differs that moves a result",
    )


# --- facts ----------------------------------------------------------------------------------------------------------


def _at(status: Status, fact: Fact, column: str, value: object, message: str, hint: str = "") -> Problem:
    return Problem(status.file, fact.row, 1 + COLUMNS.index(column), column, str(value), message, hint)


def _error(status: Status, fact: Fact, column: str, value: object, message: str, hint: str = "") -> StatusFinding:
    return StatusFinding("error", _at(status, fact, column, value, message, hint))


def _names(steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield names that the plan does not have, with what was meant."""
    names = {kind: tuple(NAMES[kind](steps)) for kind in {fact.kind for fact in status.facts}}
    for fact in status.facts:
        there, name = names[fact.kind], fact.what
        if fact.kind == "milestone" and steps.milestone(name) is not None:
            continue
        if name not in there:
            what = {"milestone": "a unit of the plan that has an end", "count": f"SYSTEM.STAGE ({', '.join(STAGES)})"}
            allowed = what.get(fact.kind, f"the name of a {fact.kind}")
            yield _error(status, fact, "what", name or "nothing", allowed, did_you_mean(name, there))
        elif fact.kind == "promise" and steps.promised(steps.units[name]) is None:
            yield _error(status, fact, "what", name, "a unit that delivers after some time")


NAMES: Mapping[str, Callable[[PlanSteps], Iterable[str]]] = {
    "milestone": lambda steps: steps.milestones,
    "count": lambda steps: steps.stages,
    "activity": lambda steps: steps.works,
    "promise": lambda steps: steps.deliveries(),
    "people": lambda steps: steps.plan.trades,
    "hours": lambda _: ("spent", "earned"),
    "risk": lambda steps: (driver.id for driver in steps.project.risks.drivers),
    "money": lambda _: ("paid", "committed"),
}
"""The names that facts of a kind may have."""


def _dates(status: Status, fact: Fact) -> Iterator[StatusFinding]:
    """Yield dates that contradict the data date or each other, and amounts without what they need."""
    if fact.kind != "promise":
        for column in ("date", "start", "finish", "suspended"):
            minute = getattr(fact, column)
            if minute is not None and minute > status.minute:
                yield _error(status, fact, column, "a date", f"no later than the data date, {status.data_date}")
    elif fact.finish is not None and fact.finish < status.minute:
        yield _error(status, fact, "finish", "a promise", f"later than the data date, {status.data_date}")
    if fact.start is not None and fact.finish is not None and fact.finish < fact.start:
        yield _error(status, fact, "finish", "a date", "no earlier than its start")
    if fact.low is not None and fact.high is not None and fact.low > fact.high:
        yield _error(status, fact, "low", "a date", "no later than `high`")


NEEDS = {
    "count": "date", "promise": "finish", "people": "date", "hours": "date", "money": "date",
}  # fmt: skip
"""The column that a kind of fact cannot do without."""


def _amounts(status: Status, fact: Fact) -> Iterator[StatusFinding]:
    """Yield amounts without what they need, and those out of their range."""
    needed = NEEDS.get(fact.kind)
    if needed is not None and getattr(fact, needed) is None:
        yield _error(status, fact, needed, "", "is missing")
    if fact.kind == "activity" and fact.start is None:
        stated = next((name for name in ("percent", "remaining_days", "finish") if getattr(fact, name) is not None), "")
        if stated:
            yield _error(status, fact, stated, getattr(fact, stated), "only with an actual start")
    if fact.percent is not None and fact.percent > WHOLE:
        yield _error(status, fact, "percent", fact.percent, "from 0 to 100")
    if fact.kind == "risk" and not fact.state:
        yield _error(status, fact, "state", "", "is missing: happened, closed or open")


def _doubled(status: Status) -> Iterator[StatusFinding]:
    """Yield what is stated twice."""
    seen: dict[tuple[object, ...], int] = {}
    for fact in status.facts:
        dated = fact.date if fact.kind in {"count", "people", "hours", "money"} else None
        key = fact.kind, fact.what, dated
        if key in seen:
            yield _error(status, fact, "what", fact.what, f"only once; row {seen[key]} states it as well")
        seen.setdefault(key, fact.row)


def _counts(steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield counts that fall, or exceed what exists, and later stages that are ahead of earlier ones."""
    last: dict[str, Fact] = {}
    for fact in sorted(status.of("count"), key=lambda fact: (fact.what, fact.date or 0)):
        if fact.what not in steps.stages:
            continue
        there = len(steps.stages[fact.what]) * (steps.mw_of_block if fact.what == ONLINE else 1)
        if (fact.count or 0) > there:
            yield _error(status, fact, "count", fact.count, f"at most {there:g}: there are no more")
        before = last.get(fact.what)
        if before is not None and (fact.count or 0) < (before.count or 0):
            yield _error(
                status, fact, "count", fact.count, f"no less than before ({before.count:g} in row {before.row})"
            )
        last[fact.what] = fact
    for what, fact in last.items():
        system, _, stage = what.partition(".")
        earlier = last.get(f"{system}.{STAGES[STAGES.index(stage) - 1]}") if stage in STAGES[1:4] else None
        if earlier is not None and (fact.count or 0) > (earlier.count or 0):
            yield _error(status, fact, "count", fact.count, f"no more than {earlier.what} ({earlier.count:g})")


def _sequence(steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield activities of one unit that began before the one in front of them ended: accepted as out of sequence."""
    stated = {fact.what: fact for fact in status.of("activity") if fact.what in steps.works}
    places = steps.placed({what: fact.start for what, fact in stated.items()})
    ends: dict[int, list[tuple[int, Fact]]] = {}
    for what, fact in stated.items():
        unit, place = places[what]
        ends.setdefault(unit, []).append((place, fact))
    for facts in ends.values():
        facts.sort(key=lambda one: one[0])
        for (_, before), (_, after) in pairwise(facts):
            if after.start is not None and (before.finish is None or after.start < before.finish):
                message = f"out of sequence: it began before {before.what} (row {before.row}) ended; accepted"
                yield StatusFinding("note", _at(status, after, "start", "", message))


def _power(steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield MW online without generating units that are reported, where units are reported at all."""
    units = [fact for fact in status.of("milestone") if fact.finish is not None and _is_generating(steps, fact.what)]
    online = max(status.of("count"), key=lambda fact: (fact.what == ONLINE, fact.date or 0), default=None)
    if not units or online is None or online.what != ONLINE:
        return
    supplied = steps.project.energization.units
    firm = max(0, len(units) - supplied.spare) * supplied.mw.value
    if (online.count or 0) > firm + supplied.mw.value:
        message = f"no more than the power there is: {len(units)} units on carry {firm:g} MW"
        yield _error(status, online, "count", online.count, message)


def _online(steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield counts of MW online that say something else than the milestones of blocks."""
    said = {steps.milestone(fact.what): fact for fact in status.of("milestone")}
    blocks = [said[unit] for unit, _ in steps.stages.get(ONLINE, ()) if unit in said]
    most = (len(steps.stages.get(ONLINE, ())) - sum(one.finish is None for one in blocks)) * steps.mw_of_block
    for fact in status.of("count"):
        if fact.what == ONLINE:
            reached = [one for one in blocks if one.finish is not None and one.finish <= (fact.date or 0)]
            least, mw = len(reached) * steps.mw_of_block, fact.count or 0.0
            if mw > most + 1e-6:
                message = f"at most {most:g}: milestones of the other blocks are stated as not reached"
                yield _error(status, fact, "count", mw, message)
            elif mw < least - 1e-6:
                message = f"at least {least:g}, of the blocks whose milestones are reached by then"
                yield _error(status, fact, "count", mw, message)


def _is_generating(steps: PlanSteps, name: str) -> bool:
    unit = steps.milestone(name)
    return unit is not None and steps.plan.unit_info[unit].kind == "generating_unit"
