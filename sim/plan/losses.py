"""What the minutes of crews on site lose, and where: one stated total, shared out among the mechanisms that are on.

The total is `labour.losses`, minutes worked per minute earned, drawn for each trade. What a mechanism contains of
it is taken out here and comes back where it arises: fatigue, night and heat in the site's calendars, crowding in
the halls, absence and turnover as they are in this project instead of as they were when the total was stated.
"""

from __future__ import annotations

from sim.config.steps import EXPOSURES
from sim.plan.brief import Brief
from sim.plan.layout import Place
from sim.world.clock import stated_share
from sim.world.distributions import Fixed
from sim.world.productivity import crowd_factors
from sim.world.shapes import shape


def state_losses(brief: Brief) -> None:
    """Add the factors that a trade's work is multiplied with; the total alone where no mechanism is on."""
    labour = brief.project.labour
    everywhere = labour.productivity.everywhere if labour.productivity else 1.0
    for name, trade in labour.trades.items():
        factor, total = everywhere / trade.output, shape(labour.losses)
        brief.plan.factor(f"loss.{name}", total if factor == 1.0 else total.scaled(factor))
    for exposure in EXPOSURES if labour.productivity else ():
        brief.plan.factor(_in_calendar(exposure), Fixed(stated_share(brief.project, exposure)))


def losses(brief: Brief, trade: str, exposure: str) -> tuple[str, ...]:
    """Return the factors on the minutes of work that is led by a trade, under an exposure."""
    names = (f"loss.{trade}", _in_calendar(exposure))
    return tuple(name for name in names if name in brief.plan.factors)


def crowding(brief: Brief, place: Place, exposure: str) -> str | None:
    """Return the area in which people at work in a hall are in each other's way; None outdoors or where it is off."""
    productivity = brief.project.labour.productivity
    if productivity is None or productivity.crowding is None or exposure != "interior":
        return None
    hall = next((hall for hall in brief.layout.halls if hall.name == place.hall), None)
    if hall is None or not brief.project.shell.steps:
        return None
    if hall.name not in brief.plan.areas:
        sqft = hall.built_mw * brief.project.hall.sqft_per_mw.value
        brief.plan.area(hall.name, crowd_factors(productivity.crowding, sqft))
    return hall.name


def _in_calendar(exposure: str) -> str:
    """Return the name of the factor that takes out of the total what the calendar has of it."""
    return f"in calendar.{exposure}"
