"""A piece of work by crews: they come together, work, go to the next thing, and report what is done."""

from __future__ import annotations

from collections.abc import Mapping

from sim.config.commissioning import Level
from sim.config.estimates import Estimate
from sim.config.steps import Step
from sim.plan.brief import Brief, working_days
from sim.plan.layout import Place
from sim.plan.losses import crowding, losses
from sim.plan.vocabulary import (
    CREW_PATIENCE,
    Again,
    Chance,
    Free,
    Hold,
    Label,
    Mode,
    Signal,
    Span,
    Work,
)
from sim.plan.vocabulary import Step as PlanStep
from sim.world.shapes import shape

SITE = "site."
"""Site calendars are named by exposure: `site.interior`, `site.crane`, …"""


def crew(trade: str) -> str:
    """Return the pool of a trade's crews."""
    return f"crew.{trade}"


def done(trade: str) -> str:
    """Return the gate that counts the person-hours a trade has behind it."""
    return f"done.{trade}"


def planned_hours(step: Step, sqft: float, mw: float) -> Estimate | None:
    """Return a step's work content in person-hours for an instance of that size, or None if it is given in days."""
    for estimate, size in ((step.hours, 1.0), (step.hours_per_sqft, sqft), (step.hours_per_mw, mw)):
        if estimate is not None:
            return estimate if size == 1.0 else scaled(estimate, size)
    return None


def scaled(estimate: Estimate, size: float) -> Estimate:
    """Return an estimate times a size."""
    numbers = {key: value * size for key, value in estimate.numbers().items() if isinstance(value, float)}
    return estimate.model_copy(update=numbers)


def step_span(brief: Brief, step: Step, hours: Estimate | None) -> Span:
    """Return how long a step takes its crews: content spread over its people, times the leading trade's losses."""
    if hours is None:
        assert step.days is not None  # the config allows nothing else
        return working_days(step.days, brief.site_day_minutes)
    people = sum(brief.people(step.crews).values())
    content = shape(hours)
    if hours.shape == "fixed":
        content = shape(brief.project.labour.content_spread).scaled(hours.planned)
    return Span(content, 60 / people, losses=losses(brief, next(iter(step.crews)), step.exposure))


def by_crews(brief: Brief, place: Place, activity: str, step: Step, span: Span) -> list[PlanStep]:
    """Return: a step's crews come together, work, go, and report their hours."""
    mode: Mode = "whole" if step.whole else "pausing"
    area = crowding(brief, place, step.exposure) if step.crews else None
    work = Work(activity, span, SITE + step.exposure, mode, brief.people(step.crews), area=area)
    if not step.crews:
        return [work]
    pools = {crew(trade): count for trade, count in step.crews.items()}
    return [Hold(pools, place.sequence, CREW_PATIENCE), work, Free(pools), *report(brief, work)]


def until_passed(brief: Brief, place: Place, activity: str, crews: Mapping[str, int], level: Level) -> list[PlanStep]:
    """Return: crews test, and while the test fails, mend and test again; the hours are reported once."""
    pools = {crew(trade): count for trade, count in crews.items()}
    people, day = brief.people(crews), brief.site_day_minutes
    work = Work(activity, working_days(level.days, day), f"{SITE}interior", people=people)
    passes = Chance(level.fails.value, otherwise=True)
    return [
        Hold(pools, place.sequence, CREW_PATIENCE),
        Label(f"{activity} again"),
        work,
        Again(f"{activity} passed", f"{activity} passes", passes),
        Work(f"{activity} fix", working_days(level.fix_days, day), f"{SITE}interior", people=people, earns=False),
        Again(f"{activity} again", limit=level.retests),
        Label(f"{activity} passed"),
        Free(pools),
        *report(brief, work),
    ]


def report(brief: Brief, *works: Work) -> list[Signal]:
    """Return the signals that count the planned person-hours of works by trade; crews leave on these counts."""
    hours: dict[str, float] = {}
    for work in works:
        minutes = work.span.shape.planned() * work.span.minutes
        for trade, people in work.people.items():
            hours[trade] = hours.get(trade, 0.0) + people * minutes / 60
    return [Signal(brief.plan.gate(done(trade)), max(1, round(amount))) for trade, amount in hours.items()]
