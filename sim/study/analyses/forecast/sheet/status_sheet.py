"""The status sheet that a planner fills in: what is planned to have started or finished by the data date, with its dates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal

from sim.errors import ConfigError, Problem
from sim.plan.vocabulary import MINUTES_PER_DAY
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.sheet.status_checks import stated_inputs
from sim.study.analyses.forecast.status import ONLINE, day_text
from sim.study.result import digest

Grain = Literal["milestones", "counts", "activities"]
GRAINS: tuple[Grain, ...] = ("milestones", "counts", "activities")
Row = dict[str, object]


def status_sheet(plan_steps: PlanSteps, as_of: date, grain: Grain = "counts") -> list[Row]:
    """Return the rows of a status sheet as of a date: its header rows, then what the plan has by then, at a grain."""
    start_date, horizon_days = plan_steps.project.scale.start_date, plan_steps.project.scale.horizon_days
    last_day = start_date + timedelta(days=horizon_days - 1)
    if not start_date <= as_of <= last_day:
        message = f"a day of the project, from {start_date} to {last_day}"
        raise ConfigError([Problem("", 0, 0, "as of", as_of.isoformat(), message)])
    minute = ((as_of - start_date).days + 1) * MINUTES_PER_DAY
    rows_of_grain = {"milestones": _milestones, "counts": _counts, "activities": _activities}[grain]
    return [
        {"kind": "data_date", "date": as_of.isoformat()},
        {"kind": "config", "what": digest(plan_steps.project)[:12], "state": stated_inputs(plan_steps.project)},
        *rows_of_grain(plan_steps, start_date, minute),
        *(Row(kind="risk", what=driver.id) for driver, _ in plan_steps.project.risks.active()),
    ]


def _milestones(plan_steps: PlanSteps, start_date: date, minute: int) -> Iterator[Row]:
    """Yield the milestones planned to be reached, and the count of MW online."""
    for name in plan_steps.milestones:
        finish = plan_steps.routes[plan_steps.units[name]].planned[-1]
        if 0 < finish <= minute:
            yield {"kind": "milestone", "what": name, "finish": day_text(start_date, finish, is_finish=True)}
    yield _count_row(plan_steps, start_date, minute, ONLINE)


def _counts(plan_steps: PlanSteps, start_date: date, minute: int) -> Iterator[Row]:
    """Yield the count of every stage as of the data date, and the milestones."""
    for what in plan_steps.stages:
        if what != ONLINE:
            yield _count_row(plan_steps, start_date, minute, what)
    yield from _milestones(plan_steps, start_date, minute)


def _count_row(plan_steps: PlanSteps, start_date: date, minute: int, what: str) -> Row:
    units_past = sum(plan_steps.routes[unit].planned[position] <= minute for unit, position in plan_steps.stages[what])
    count = units_past * plan_steps.mw_of_block if what == ONLINE else units_past
    date_cell = day_text(start_date, minute, is_finish=True)
    return {"kind": "count", "what": what, "date": date_cell, "count": f"{count:g}"}


def _activities(plan_steps: PlanSteps, start_date: date, minute: int) -> Iterator[Row]:
    """Yield every activity planned to have started, with its planned dates."""
    for name, (unit, position) in plan_steps.activities.items():
        route = plan_steps.routes[unit]
        start, finish = route.planned[position - 1] if position else 0, route.planned[position]
        if start >= minute:
            continue
        row: Row = {"kind": "activity", "what": name, "start": date_and_time(start_date, start)}
        yield row | ({"finish": date_and_time(start_date, finish)} if finish <= minute else {})


def date_and_time(start_date: date, minute: int) -> str:
    """Return date and time of a minute as a status has them."""
    hours, minutes = divmod(minute % MINUTES_PER_DAY, 60)
    return f"{day_text(start_date, minute, is_finish=False)}T{hours:02d}:{minutes:02d}"
