"""The sheet that a planner fills: what should have started or finished by the data date, with the plan's dates in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from sim.plan.vocabulary import MINUTES_PER_DAY
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.status import ONLINE, day_text
from sim.study.analyses.forecast.status_checks import stated_inputs
from sim.study.result import digest

Grain = Literal["milestones", "counts", "activities"]
GRAINS: tuple[Grain, ...] = ("milestones", "counts", "activities")
Row = dict[str, object]


def status_sheet(steps: PlanSteps, as_of: date, grain: Grain = "counts") -> list[Row]:
    """Return the rows of a sheet as of a date: its head, then what the plan has by then at the grain that is asked for."""
    start = steps.project.scale.start_date
    minute = ((as_of - start).days + 1) * MINUTES_PER_DAY
    of_grain = {"milestones": _milestones, "counts": _counts, "activities": _activities}[grain]
    return [
        {"kind": "data_date", "date": as_of.isoformat()},
        {"kind": "config", "what": digest(steps.project)[:12], "state": stated_inputs(steps.project)},
        *of_grain(steps, start, minute),
        *(Row(kind="risk", what=driver.id) for driver, _ in steps.project.risks.active()),
    ]


def _milestones(steps: PlanSteps, start: date, minute: int) -> Iterator[Row]:
    """Yield what should be reached, and the MW online."""
    for name in steps.milestones:
        unit = steps.units[name]
        done = steps.routes[unit].planned[-1]
        if 0 < done <= minute:
            yield {"kind": "milestone", "what": name, "finish": day_text(start, done, ends=True)}
    yield _count_row(steps, start, minute, ONLINE)


def _counts(steps: PlanSteps, start: date, minute: int) -> Iterator[Row]:
    """Yield every count as of the data date, and the milestones that no count speaks of."""
    for what in steps.stages:
        if what != ONLINE:
            yield _count_row(steps, start, minute, what)
    yield from _milestones(steps, start, minute)


def _count_row(steps: PlanSteps, start: date, minute: int, what: str) -> Row:
    done = sum(steps.routes[unit].planned[place] <= minute for unit, place in steps.stages[what])
    count = done * steps.mw_of_block if what == ONLINE else done
    return {"kind": "count", "what": what, "date": day_text(start, minute, ends=True), "count": f"{count:g}"}


def _activities(steps: PlanSteps, start: date, minute: int) -> Iterator[Row]:
    """Yield every activity that should have started, with its planned dates."""
    for name, (unit, place) in steps.activities.items():
        route = steps.routes[unit]
        begin, end = route.planned[place - 1] if place else 0, route.planned[place]
        if begin >= minute:
            continue
        row: Row = {"kind": "activity", "what": name, "start": exact(start, begin)}
        yield row | ({"finish": exact(start, end)} if end <= minute else {})


def exact(start: date, minute: int) -> str:
    """Return date and time of a minute as a status has them."""
    hours, minutes = divmod(minute % MINUTES_PER_DAY, 60)
    return f"{day_text(start, minute, ends=False)}T{hours:02d}:{minutes:02d}"
