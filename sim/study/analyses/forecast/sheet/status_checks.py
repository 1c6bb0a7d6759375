"""Checks of a status: errors and notes by row and column; no fact is dropped silently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from json import dumps, loads
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.config.load import load_as
from sim.config.project import Project
from sim.errors import ConfigError, Problem, did_you_mean
from sim.plan.compiled_plan import Column
from sim.plan.vocabulary import MINUTES_PER_DAY, WAIT
from sim.study.analyses.baseline_diff import flat_inputs
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.progress import Progress
from sim.study.analyses.forecast.sheet.status_fact_checks import (
    REQUIRED_COLUMNS,
    StatusFinding,
    check_fact,
    error,
    horizon,
    last_day,
    note,
)
from sim.study.analyses.forecast.status import MAX_PROBLEMS, ONLINE, STAGES, Fact, Status
from sim.study.result import digest
from sim.world.project_calendars import day_minutes


def check_status(plan_steps: PlanSteps, status: Status) -> list[StatusFinding]:
    """Return the errors and notes of a status that follow from its rows alone, in their order."""
    findings = [
        *_unknown_names(plan_steps, status),
        *_data_date(plan_steps, status),
        *(finding for fact in status.facts for finding in check_fact(plan_steps, status, fact)),
        *_rows_that_say_nothing(status),
        *_duplicates(status),
        *_counts(plan_steps, status),
        *_falling_totals(status),
        *_old_totals(status),
        *_large_totals(plan_steps, status),
        *_early_milestones(plan_steps, status),
        *_overlapping_activities(plan_steps, status),
        *_power(plan_steps, status),
        *_online(plan_steps, status),
    ]
    for difference in other_configuration(plan_steps.project, status):
        message = f"was written for another configuration: {difference}"
        findings.append(StatusFinding("note", Problem(status.file, 0, 0, "config", "", message)))
    return sorted(findings, key=lambda finding: (finding.problem.line, finding.problem.column))


def findings_of(
    plan_steps: PlanSteps, status: Status, planned_usd: Sequence[float] | NDArray[np.float64] = ()
) -> list[StatusFinding]:
    """Return all findings about a status; work that is out of sequence among them where no finding is an error.

    `planned_usd` has the planned payments until the end of each day, where they are known.
    """
    findings = check_status(plan_steps, status)
    if any(finding.severity == "error" for finding in findings):
        return findings
    return [*findings, *_paid(status, planned_usd), *_out_of_sequence(plan_steps, status)]


def notes_of(plan_steps: PlanSteps, status: Status, planned_usd: Sequence[float] | NDArray[np.float64]) -> list[str]:
    """Return the notes about a status as text, but for what a forecast says of it anyway (sequence, configuration)."""
    findings = [*check_status(plan_steps, status), *_paid(status, planned_usd)]
    return [
        place_and_text(finding)
        for finding in findings
        if finding.severity == "note" and finding.problem.path != "config"
    ]


def place_and_text(finding: StatusFinding) -> str:
    """Return a finding as text, with its row and column."""
    problem = finding.problem
    place = f"{problem.file}:{problem.line}"
    return str(problem).replace(place, f"{problem.file}: row {problem.line}, column {problem.path}", 1)


MIN_SHARE_PAID = 0.001


def _paid(status: Status, planned_usd: Sequence[float] | NDArray[np.float64]) -> Iterator[StatusFinding]:
    """Yield a note for amounts so far from the plan that thousands or millions are meant, or cents."""
    for fact in status.facts_of("money"):
        day = min((fact.date or 0) // MINUTES_PER_DAY, len(planned_usd)) - 1
        if day >= 0 and fact.value and fact.value < MIN_SHARE_PAID * planned_usd[day]:
            message = (
                f"{fact.value:,.0f} USD, where the plan has {planned_usd[day]:,.0f}: in whole dollars, not millions"
            )
            yield note(status, fact, "value", message)
        if day >= 0 and fact.value and fact.value > MAX_TIMES_PLANNED * planned_usd[-1]:
            message = f"{fact.value:,.0f} USD, where the whole plan has {planned_usd[-1]:,.0f}: in whole dollars"
            yield note(status, fact, "value", message)


def _out_of_sequence(plan_steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield a note for work that progressed before its predecessors were finished."""
    # predecessors of other units are known only once the history of the whole project is worked out
    progress = Progress(plan_steps.copy(), status, day_minutes(plan_steps.project))
    for text in progress.out_of_sequence:
        yield StatusFinding("note", Problem(status.file, 0, 0, "", "", f"out of sequence: {text}; accepted"))


def require_sound(plan_steps: PlanSteps, status: Status) -> None:
    """Raise ConfigError with all errors of a status, if it has any."""
    errors = [finding.problem for finding in check_status(plan_steps, status) if finding.severity == "error"]
    if errors:
        raise ConfigError(errors)


PARTS_OF_PLAN = ("milestone", "count", "activity", "promise")
"""Kinds of facts about something that is built or delivered."""


def require_known(plan_steps: PlanSteps, status: Status) -> None:
    """Raise ConfigError where a changed project, which continues from a sound status, does not have what is reported."""
    facts = tuple(fact for fact in status.facts if fact.kind in PARTS_OF_PLAN)
    name = plan_steps.project.name
    hint = f"{name} does not have it: with `--status` all have the same past"
    errors = [finding.problem for finding in _unknown_names(plan_steps, replace(status, facts=facts))]
    if errors:
        raise ConfigError(replace(problem, hint=hint) for problem in errors)


# --- another configuration ------------------------------------------------------------------------------------------


MAX_CELL_LENGTH = 30_000
"""Characters that a cell of a workbook can hold, rounded down."""
NOT_STATED = ("label", "is_base")
"""Inputs that are not written into a status, as they do not change a result."""


def stated_inputs(project: Project) -> str:
    """Return the inputs of a project that differ from the shipped base, by path as JSON; empty if too long for a cell."""
    base, current = _base_inputs(), flat_inputs(project.model_dump(mode="json"))
    differing = {path: current.get(path) for path in {**base, **current} if base.get(path) != current.get(path)}
    text = dumps({path: value for path, value in differing.items() if path not in NOT_STATED}, ensure_ascii=False)
    return text if len(text) < MAX_CELL_LENGTH else ""


def _base_inputs() -> dict[str, Any]:
    return flat_inputs(load_as(Project, "base").value.model_dump(mode="json"))


def other_configuration(project: Project, status: Status) -> tuple[str, ...]:
    """Return how a project differs from the one that its status was written for, an input each; empty if it does not."""
    if not status.digest or digest(project).startswith(status.digest):
        return ()
    if not status.inputs:
        return ("it does not say what that one states",)
    base, current = _base_inputs(), flat_inputs(project.model_dump(mode="json"))
    original = {path: value for path, value in {**base, **loads(status.inputs)}.items() if value is not None}
    differing = [
        path for path in {**original, **current} if path not in NOT_STATED and original.get(path) != current.get(path)
    ]
    differences = (f"{path} was {dumps(original.get(path))}, is {dumps(current.get(path))}" for path in differing)
    return tuple(differences) or ("nothing differs that moves a result",)


# --- facts ----------------------------------------------------------------------------------------------------------


def _unknown_names(plan_steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield an error for every name that the plan does not have, with the name that was probably meant."""
    names_of_kind = {kind: frozenset(NAMES[kind](plan_steps)) for kind in {fact.kind for fact in status.facts}}
    unknown = []
    for fact in status.facts:
        is_milestone = fact.kind == "milestone" and plan_steps.unit_of_milestone(fact.what) is not None
        if not is_milestone and fact.what not in names_of_kind[fact.kind]:
            unknown.append(fact)
        elif fact.kind == "promise" and plan_steps.lead_time_position(plan_steps.units[fact.what]) is None:
            yield error(status, fact, "what", fact.what, "a unit that delivers after some time")
    for fact in unknown[:MAX_PROBLEMS]:
        hint = did_you_mean(fact.what, names_of_kind[fact.kind])
        yield error(status, fact, "what", fact.what or "nothing", SUBJECTS[fact.kind], hint)
    if len(unknown) > MAX_PROBLEMS:
        more = unknown[MAX_PROBLEMS:]
        message = f"{len(more)} more rows, from this one to row {more[-1].row}, have names that the plan does not have"
        yield error(status, more[0], "what", "", message)


SUBJECTS: Mapping[str, str] = {
    "milestone": "a unit of the plan that has an end",
    "count": f"SYSTEM.STAGE ({', '.join(STAGES)})",
    "activity": "an activity, UNIT/ACTIVITY",
    "promise": "a unit that is delivered",
    "people": "a trade",
    "hours": "spent or earned",
    "risk": "a driver of the risk register",
    "money": "paid or committed",
}
"""By kind of fact what its subject is, in words."""
NAMES: Mapping[str, Callable[[PlanSteps], Iterable[str]]] = {
    "milestone": lambda plan_steps: plan_steps.milestones,
    "count": lambda plan_steps: plan_steps.stages,
    "activity": lambda plan_steps: plan_steps.work_steps,
    "promise": lambda plan_steps: plan_steps.deliveries(),
    "people": lambda plan_steps: plan_steps.plan.trades,
    "hours": lambda _: ("spent", "earned"),
    "risk": lambda plan_steps: (driver.id for driver in plan_steps.project.risks.drivers),
    "money": lambda _: ("paid", "committed"),
}
"""By kind of fact the subjects that it may have."""


def _data_date(plan_steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield an error where the calendars of the project end before the data date."""
    if status.minute > horizon(plan_steps):
        message = f"no later than {last_day(plan_steps)}, the end of the calendars (scale.horizon_days)"
        yield StatusFinding("error", Problem(status.file, 0, 0, "data_date", status.data_date.isoformat(), message))


def _rows_that_say_nothing(status: Status) -> Iterator[StatusFinding]:
    """Yield a note for every row without the amount or date that it should have."""
    for fact in status.unread:
        column = REQUIRED_COLUMNS[fact.kind][-1]
        yield note(status, fact, column, "is empty: the row says nothing and is not read")


def _falling_totals(status: Status) -> Iterator[StatusFinding]:
    """Yield a note where hours or money are less than at an earlier date: they are totals since the start."""
    for kind, column in (("hours", "count"), ("money", "value")):
        latest: dict[str, Fact] = {}
        for fact in sorted(status.facts_of(kind), key=lambda fact: fact.date or 0):
            amount, previous = getattr(fact, column), latest.get(fact.what)
            before = 0.0 if previous is None else getattr(previous, column) or 0.0
            if previous is not None and amount is not None and amount < before:
                message = f"{amount:,.0f} is less than before ({before:,.0f} in row {previous.row}): a total is meant"
                yield note(status, fact, column, f"{message}; accepted")
            latest[fact.what] = fact


def _early_milestones(plan_steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield a note for every milestone that is reported as reached before one that it follows in the plan."""
    facts = {plan_steps.unit_of_milestone(fact.what): fact for fact in status.facts_of("milestone")}
    reached = {unit: fact for unit, fact in facts.items() if unit is not None and fact.finish is not None}
    for unit, fact in reached.items():
        steps = plan_steps.routes[unit].steps
        gates = [plan_steps.rows[step][Column.ARGUMENT] for step in steps if plan_steps.plan.operation_of[step] == WAIT]
        signalling = {other for gate in gates for _, other, _ in plan_steps.signal_steps.get(gate, ())}
        for before in sorted(signalling & reached.keys() - {unit}):
            other = reached[before]
            if (fact.finish or 0) < (other.finish or 0):
                message = f"out of sequence: it was reached before {other.what} (row {other.row}); accepted"
                yield note(status, fact, "finish", message)


MAX_TIMES_PLANNED = 5
"""Times the planned total from which on an amount is noted: another unit is meant, or a decimal sign is lost."""


def _large_totals(plan_steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield a note for people and hours that are far more than the whole plan has."""
    for fact in status.facts_of("people"):
        crews = plan_steps.crews.get(fact.what)
        most = 0 if crews is None else sum(people for _, people, _, _ in crews.arrivals)
        if most and (fact.count or 0) > most:
            message = f"{fact.count:,.0f} people, where all crews of the plan have {most:,}: all have come; accepted"
            yield note(status, fact, "count", message)
    for fact in status.facts_of("hours"):
        if (fact.count or 0) > MAX_TIMES_PLANNED * (planned := float(plan_steps.budget[1].sum())):
            message = (
                f"{fact.count:,.0f} hours, where the whole plan has {planned:,.0f}: a total of hours is meant; accepted"
            )
            yield note(status, fact, "count", message)


MAX_AGE_DAYS = 7


def _old_totals(status: Status) -> Iterator[StatusFinding]:
    """Yield a note where the latest hours or money are older than the data date, as of which earned value is told."""
    for kind, column in (("hours", "count"), ("money", "value")):
        for fact in status.latest(kind).values():
            days = (status.minute - (fact.date or 0)) // MINUTES_PER_DAY
            if days > MAX_AGE_DAYS:
                message = f"the latest {kind} {fact.what} are {days} days older than the data date, as of which earned"
                yield note(status, fact, column, f"{message} value is told; accepted")


def _duplicates(status: Status) -> Iterator[StatusFinding]:
    """Yield an error for every fact that is stated twice."""
    row_of_key: dict[tuple[object, ...], int] = {}
    for fact in status.facts:
        minute = fact.date if fact.kind in {"count", "people", "hours", "money"} else None
        key = fact.kind, fact.what, minute
        if key in row_of_key:
            yield error(status, fact, "what", fact.what, f"only once; row {row_of_key[key]} states it as well")
        row_of_key.setdefault(key, fact.row)


def _counts(plan_steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield errors of counts that decrease, exceed the plan's total, or exceed the count of the stage before.

    A count of the stage before bounds those of its own date and of earlier dates: later there may be more.
    """
    latest: dict[str, Fact] = {}
    counted: dict[str, list[Fact]] = {}
    for fact in sorted(status.facts_of("count"), key=lambda fact: (fact.what, fact.date or 0)):
        if fact.what not in plan_steps.stages:
            continue
        total = len(plan_steps.stages[fact.what]) * (plan_steps.mw_of_block if fact.what == ONLINE else 1)
        if (fact.count or 0) > total:
            yield error(status, fact, "count", f"{fact.count or 0:g}", f"at most {total:g}: there are no more")
        if fact.count is None:  # told as missing
            continue
        previous = latest.get(fact.what)
        if previous is not None and fact.count < (previous.count or 0):
            message = f"no less than before ({previous.count or 0:g} in row {previous.row})"
            yield error(status, fact, "count", f"{fact.count or 0:g}", message)
        latest[fact.what] = fact
        counted.setdefault(fact.what, []).append(fact)
    for fact in chain.from_iterable(counted.values()):
        system, _, stage = fact.what.partition(".")
        stage_before = f"{system}.{STAGES[STAGES.index(stage) - 1]}" if stage in STAGES[1:4] else ""
        stage_before, mw = (STAGES[-1], plan_steps.mw_of_block) if fact.what == ONLINE else (stage_before, 1.0)
        bounds = [bound for bound in counted.get(stage_before, ()) if (bound.date or 0) >= (fact.date or 0)]
        if bounds and (fact.count or 0) > mw * (bounds[0].count or 0) + 1e-6:
            message = f"no more than {bounds[0].what} ({bounds[0].count or 0:g}"
            unit = f" blocks of {mw:g} MW)" if fact.what == ONLINE else ")"
            yield error(status, fact, "count", f"{fact.count or 0:g}", f"{message}{unit}")


def _overlapping_activities(plan_steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield a note for every activity that started before the previous activity of the same unit finished."""
    fact_of_activity = {fact.what: fact for fact in status.facts_of("activity") if fact.what in plan_steps.work_steps}
    positions = plan_steps.reported_positions({what: fact.start for what, fact in fact_of_activity.items()})
    facts_of_unit: dict[int, list[tuple[int, Fact]]] = {}
    for what, fact in fact_of_activity.items():
        unit, position = positions[what]
        facts_of_unit.setdefault(unit, []).append((position, fact))
    for facts in facts_of_unit.values():
        facts.sort(key=lambda position_and_fact: position_and_fact[0])
        for (_, before), (_, after) in pairwise(facts):
            if after.start is not None and (before.finish is None or after.start < before.finish):
                message = f"out of sequence: it began before {before.what} (row {before.row}) ended; accepted"
                yield note(status, after, "start", message)


def _power(plan_steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield an error where the MW online exceed the power of the generating units reported, if any are reported."""
    reported = [fact for fact in status.facts_of("milestone") if _is_generating_unit(plan_steps, fact.what)]
    running = [fact for fact in reported if fact.finish is not None]
    online = max(status.facts_of("count"), key=lambda fact: (fact.what == ONLINE, fact.date or 0), default=None)
    if online is None or online.what != ONLINE:
        return
    if not running:
        if online.count and not reported and _has_generating_units(plan_steps):
            message = "no generating unit is reported: those that it needs are taken as on"
            yield note(status, online, "count", message)
        return
    planned = plan_steps.project.energization.units
    firm_mw = max(0, len(running) - planned.spare) * planned.mw.value
    if (online.count or 0) > firm_mw + planned.mw.value:
        message = f"no more than the power there is: {len(running)} units on carry {firm_mw:g} MW"
        yield error(status, online, "count", f"{online.count or 0:g}", message)


def _online(plan_steps: PlanSteps, status: Status) -> Iterator[StatusFinding]:
    """Yield errors of counts of MW online that contradict the milestones of blocks."""
    milestone_of_unit = {plan_steps.unit_of_milestone(fact.what): fact for fact in status.facts_of("milestone")}
    blocks = plan_steps.stages.get(ONLINE, ())
    milestones = [milestone_of_unit[unit] for unit, _ in blocks if unit in milestone_of_unit]
    most_mw = (len(blocks) - sum(milestone.finish is None for milestone in milestones)) * plan_steps.mw_of_block
    for fact in status.facts_of("count"):
        if fact.what == ONLINE:
            by_date = fact.date or 0
            reached = [one for one in milestones if one.finish is not None and one.finish <= by_date]
            least_mw, mw = len(reached) * plan_steps.mw_of_block, fact.count or 0.0
            if mw > most_mw + 1e-6:
                message = f"at most {most_mw:g}: milestones of the other blocks are stated as not reached"
                yield error(status, fact, "count", f"{mw:g}", message)
            elif mw < least_mw - 1e-6:
                message = f"at least {least_mw:g}, of the blocks whose milestones are reached by then"
                yield error(status, fact, "count", f"{mw:g}", message)


def _is_generating_unit(plan_steps: PlanSteps, name: str) -> bool:
    unit = plan_steps.unit_of_milestone(name)
    return unit is not None and plan_steps.plan.unit_info[unit].kind == "generating_unit"


def _has_generating_units(plan_steps: PlanSteps) -> bool:
    return any(info.kind == "generating_unit" for info in plan_steps.plan.unit_info)
