"""Crews: they are called, travel, are on site whether busy or waiting, and leave when the rest can do without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sim.config.labour import Ramp
from sim.plan.brief import Brief, Stay
from sim.plan.camp import NO_CAMP, Quarters, pitch_camp
from sim.plan.crew_work import crew, done
from sim.plan.vocabulary import (
    CREW_PATIENCE,
    LEAVING,
    MINUTES_PER_DAY,
    MINUTES_PER_WEEK,
    Free,
    Hold,
    Note,
    Route,
    Signal,
    Until,
    Wait,
    Work,
    fixed,
)
from sim.plan.vocabulary import Step as PlanStep

UNLIMITED = 1_000_000


def muster_crews(brief: Brief) -> None:
    """Write every trade that the plan asks for: its crews as units, or as a plain pool while it is rehearsed."""
    most, hours = largest_counts(brief.plan.units), reported_hours(brief.plan.units)
    quarters = pitch_camp(brief, most)
    for trade in most:
        if trade not in brief.agreed.stays:
            brief.plan.pool(crew(trade), brief.agreed.crews.get(trade, UNLIMITED), "supplied")
            continue
        brief.plan.pool(crew(trade), 0, "supplied")
        brief.plan.pool(f"hiring.{trade}", hired_per_week(brief, trade))
        for number, stay in enumerate(brief.agreed.stays[trade]):
            # the last ones, as many as any step takes at once, stay for all the work of their trade
            level = hours[trade] if number < most[trade] else stay.until_hours
            stays = replace(stay, until_hours=level)
            route = _crew(brief, trade, stays, quarters.get((trade, number), NO_CAMP))
            brief.plan.unit(f"crew.{trade}.{number + 1}", route)


def hired_per_week(brief: Brief, trade: str) -> int:
    """Return the crews of a trade that can be brought in within a week, those who relieve them included."""
    labour, given = brief.project.labour, brief.trade(trade)
    people = on_site(brief, trade) * labour.payroll(brief.project.pattern)
    return max(1, round(given.hired_per_week.value / people))


def on_site(brief: Brief, trade: str) -> int:
    """Return the direct people of one crew of a trade on site: a team in every shift."""
    return brief.trade(trade).team * len(brief.project.pattern.shifts)


def _crew(brief: Brief, trade: str, stay: Stay, quarters: Quarters) -> list[PlanStep]:
    """Return a crew's stay: called, given beds, hired, inducted; then at work until so much is done, and home."""
    induction = fixed(brief.project.labour.mobilisation_days.value * brief.site_day_minutes)
    people = on_site(brief, trade)
    before, beds = quarters.moving_in()
    return [
        Until("called", fixed(stay.called)),
        *before,
        Hold({f"hiring.{trade}": 1, **beds}, patience=CREW_PATIENCE if beds else None),
        Work("week of hiring", fixed(MINUTES_PER_WEEK), "always"),
        Free({f"hiring.{trade}": 1}),
        Note("people", trade, people),
        Work("induction", induction, "site.interior"),
        Free({crew(trade): 1}),
        Wait(brief.plan.gate(done(trade)), stay.until_hours),
        Hold({crew(trade): 1}, priority=LEAVING),
        Note("people", trade, -people),
        *quarters.moving_out(),
    ]


def await_permits(brief: Brief) -> None:
    """Call crews a time after the permits are there, not on a date, where the project says so.

    Who is called before the permits are expected comes on his date, or nobody would be there when they come.
    """
    if brief.project.labour.called_by == "date":
        return
    first = brief.layout.phases[0]
    expected = round(brief.project.scale.preparation_days.planned * MINUTES_PER_DAY)
    for trade, stays in brief.agreed.stays.items():
        for number, stay in enumerate(stays, 1):
            name = f"crew.{trade}.{number}"
            route = brief.plan.units.get(name, ())
            if stay.called > expected and route and isinstance(route[0], Until):
                later = Work("called", fixed(stay.called - expected), "always")
                brief.plan.units[name] = [Wait(f"{first.name}.permitted"), later, *route[1:]]


def mean_over_peak(ramp: Ramp) -> float:
    """Return the mean headcount of a ramp over its peak: 0.675 for 35/35/30 %."""
    return 1 - ramp.up.value / 2 - ramp.down.value / 2


def largest_counts(units: Mapping[str, Route]) -> dict[str, int]:
    """Return by trade the largest number of crews that any step takes at once."""
    largest: dict[str, int] = {}
    for route in units.values():
        for step in route:
            for pool, count in step.pools.items() if isinstance(step, Hold) else ():
                if pool.startswith("crew."):
                    trade = pool.removeprefix("crew.")
                    largest[trade] = max(largest.get(trade, 0), count)
    return largest


def reported_hours(units: Mapping[str, Route]) -> dict[str, int]:
    """Return by trade the person-hours that all units together will report."""
    hours: dict[str, int] = {}
    for route in units.values():
        for step in route:
            if isinstance(step, Signal) and step.gate.startswith("done."):
                trade = step.gate.removeprefix("done.")
                hours[trade] = hours.get(trade, 0) + step.amount
    return hours
