"""Crews: they are called, travel, are on site whether busy or waiting, and leave when the rest can do without them."""

from __future__ import annotations

from collections.abc import Mapping

from sim.config.labour import Ramp, Trade
from sim.plan.brief import Brief
from sim.plan.crew_work import crew, done
from sim.plan.vocabulary import LEAVING, MINUTES_PER_WEEK, Free, Hold, Note, Route, Signal, Until, Wait, Work, fixed
from sim.plan.vocabulary import Step as PlanStep

UNLIMITED = 1_000_000


def muster_crews(brief: Brief) -> None:
    """Write every trade that the plan asks for: its crews as units, or as a plain pool while it is rehearsed."""
    most, hours = largest_counts(brief.plan.units), reported_hours(brief.plan.units)
    for trade in most:
        if trade not in brief.agreed.stays:
            brief.plan.pool(crew(trade), brief.agreed.crews.get(trade, UNLIMITED), "supplied")
            continue
        given = brief.trade(trade)
        brief.plan.pool(crew(trade), 0, "supplied")
        brief.plan.pool(f"hiring.{trade}", max(1, round(given.hired_per_week.value / given.crew_size)))
        for number, stay in enumerate(brief.agreed.stays[trade]):
            # the last ones, as many as any step takes at once, stay for all the work of their trade
            level = hours[trade] if number < most[trade] else stay.until_hours
            brief.plan.unit(f"crew.{trade}.{number + 1}", _crew(brief, trade, given, stay.called, level))


def _crew(brief: Brief, trade: str, given: Trade, called: int, level: int) -> list[PlanStep]:
    """Return a crew's stay: called, hired, inducted; then at work until so much is done, and home."""
    induction = fixed(brief.project.labour.mobilisation_days.value * brief.site_day_minutes)
    return [
        Until("called", fixed(called)),
        Hold({f"hiring.{trade}": 1}),
        Work("week of hiring", fixed(MINUTES_PER_WEEK), "always"),
        Free({f"hiring.{trade}": 1}),
        Note("people", trade, given.crew_size),
        Work("induction", induction, "site.interior"),
        Free({crew(trade): 1}),
        Wait(brief.plan.gate(done(trade)), level),
        Hold({crew(trade): 1}, priority=LEAVING),
        Note("people", trade, -given.crew_size),
    ]


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
