"""Losses of productivity of crews on site: one stated total, divided among the mechanisms that are switched on.

The total is `labour.losses`, minutes worked per minute earned, drawn for each trade. The part of it that a mechanism
models is taken out here and comes back where it arises: fatigue, night and heat in the site's calendars, crowding in
the halls, absence and turnover as they are in this project instead of as they were when the total was stated.

Learning comes on top: the hundredth block is connected faster than the first, for the same people have done it before.
So does the pace of the project: one factor on all work on site, one on all work of a factory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from math import exp

from sim.config.sections.risks import Z90
from sim.config.sections.systems import EXPOSURES
from sim.plan.layout import Place
from sim.plan.plan_context import PlanContext
from sim.plan.vocabulary import CREW_KINDS, Plan, Step, Work
from sim.world.distributions import Distribution, Fixed, Lognormal, to_distribution
from sim.world.productivity_factors import crowd_factors, unit_curve
from sim.world.project_calendars import is_on_site, reference_productive_share

# --- losses -----------------------------------------------------------------------------------------------------------


def apply_losses(context: PlanContext) -> None:
    """Add to the plan the common factors on work: a loss by trade, a loss by weather exposure, and the paces.

    The factor of a trade is `labour.losses`, the stated total, divided by the output of its people. `loss_adjustment`
    first replaces what the total contains for absence and turnover by this project's own, and takes crowding out of it.
    That of a weather exposure (indoors, outdoors, earthwork or crane) is the share of shift minutes that is productive in
    the week for which the total is stated. It takes fatigue, night and heat out of the total, as the calendar on which
    the work is done is already shortened by those of this project.
    """
    labour = context.project.labour
    total, loss_adjustment = to_distribution(labour.losses), 1.0
    if labour.productivity is not None:
        loss_adjustment = labour.productivity.loss_adjustment
    for name, trade in labour.trades.items():
        factor = loss_adjustment / trade.relative_output
        context.plan.factor(f"loss.{name}", total if factor == 1.0 else total.scaled(factor), group="productivity")
    if labour.productivity is not None:
        for exposure in EXPOSURES:
            share = Fixed(reference_productive_share(context.project, exposure))
            context.plan.factor(_calendar_loss_name(exposure), share, group="productivity")
    add_pace(context, "site")
    # also of plants at which this plan makes nothing: all strategies then have the same random inputs
    for name, system in context.project.by_system.items():
        for plant in system.factory.plants(name):
            add_pace(context, plant)


def losses(context: PlanContext, trade: str, exposure: str) -> tuple[str, ...]:
    """Return the names of the loss factors on work of a trade (the first of a step) under a weather exposure."""
    names = (f"loss.{trade}", _calendar_loss_name(exposure))
    return tuple(name for name in names if name in context.plan.factors)


def crowding(context: PlanContext, place: Place, exposure: str) -> str | None:
    """Return the crowding area of work in a place, its hall, which is added to the plan; None outdoors or where it is off."""
    productivity = context.project.labour.productivity
    if productivity is None or productivity.crowding is None or exposure != "interior":
        return None
    hall = next((hall for hall in context.layout.halls if hall.name == place.hall), None)
    if hall is None or not context.project.shell.steps:
        return None
    if hall.name not in context.plan.areas:
        sqft = hall.built_mw * context.project.hall.sqft_per_mw.value
        context.plan.area(hall.name, crowd_factors(productivity.crowding, sqft))
    return hall.name


def _calendar_loss_name(exposure: str) -> str:
    """Return the name of the factor that takes out of the stated total the losses that are in the site's calendars."""
    return f"in calendar.{exposure}"


# --- learning ---------------------------------------------------------------------------------------------------------


def apply_learning(context: PlanContext) -> None:
    """Let every activity of crews that is stated in hours and done more than once follow the unit curve.

    The units of one activity are counted together, in the order in which their work begins.
    """
    learning, plan = context.project.labour.learning, context.plan
    if learning is None:
        return
    counts: Counter[str] = Counter()
    for unit, _, work in _repeatable(plan):
        counts[work.activity] += plan.copies.number(unit)
    curves = {
        activity: plan.learns(f"site {activity}", unit_curve(learning, count))
        for activity, count in counts.items()
        if count > 1
    }
    for unit, position, work in list(_repeatable(plan)):
        if work.activity in curves:
            route = list(plan.units[unit])
            route[position] = replace(work, learning=curves[work.activity])
            plan.units[unit] = route


def _repeatable(plan: Plan) -> Iterator[tuple[str, int, Work]]:
    """Yield (unit, position in its route, work) of all work that is stated in hours: it has a trade's loss factor."""
    for unit, route in plan.units.items():
        for position, step in enumerate(route):
            if isinstance(step, Work) and any(plan.factor_groups[name] == "productivity" for name in step.span.losses):
                yield unit, position, step


# --- pace -------------------------------------------------------------------------------------------------------------


COMMON = "pace.everyone"
"""The factor that the site and every factory have in common; their own are `pace.site` and `pace.PLANT`."""


def add_pace(context: PlanContext, place: str) -> tuple[str, ...]:
    """Add the factors on all work of the site, or of a plant: one common to all, and one of its own; return their names.

    A one-factor Gaussian model of the logarithms: their product is lognormal with the stated spread, and any two have
    the stated correlation.
    """
    pace = context.project.pace
    if pace is None:
        return ()
    estimate = pace.site if place == "site" else pace.factory
    common = (_add_lognormal_factor(context, COMMON, 1.0, pace.common),) if pace.common else ()
    return (*common, _add_lognormal_factor(context, f"pace.{place}", estimate.planned, pace.own(estimate)))


def _add_lognormal_factor(context: PlanContext, name: str, median: float, sigma: float) -> str:
    """Add a factor with a median and the standard deviation of its logarithm; return its name."""
    shape: Distribution = Lognormal(median, median * exp(Z90 * sigma)) if sigma else Fixed(median)
    return context.plan.factor(name, shape, group="pace")


def apply_pace(context: PlanContext) -> None:
    """Multiply the work of crews on site with the site's pace; factories write their own into their work.

    Lifts and pours have the machine's time; permits, curing and burn-in, which no crew does, have their own; and
    crews come and go by the calendar, as does what a risk takes away for a time (an outage).
    """
    site = add_pace(context, "site")
    for unit, route in context.plan.units.items() if site else ():
        if context.plan.info(unit).kind not in {*CREW_KINDS, "outage"}:
            context.plan.units[unit] = [_with_pace(step, site) for step in route]


def _with_pace(step: Step, paces: tuple[str, ...]) -> Step:
    """Return a step, with the pace factors added if it is work of crews on site that may pause."""
    if not (isinstance(step, Work) and is_on_site(step.calendar) and step.mode == "pausing"):
        return step
    if not (step.people or step.role == "lag"):
        return step
    return replace(step, span=replace(step.span, losses=(*step.span.losses, *paces)))
