"""Unit costs: each is drawn once a project, by name, so that strategies that buy the same thing pay the same for it."""

from __future__ import annotations

from collections.abc import Iterator

from sim.config.estimates import Estimate
from sim.config.project import Project
from sim.plan.brief import Brief
from sim.world.shapes import shape

LABOUR, CAMP, GENERAL_CONDITIONS = "labour", "camp", "general_conditions"


def price(item: str) -> str:
    """Return the name of the factor that is an item's unit cost."""
    return f"price.{item}"


def addition(item: str) -> str:
    """Return the name of the factor that is what an item costs more where it is made in a factory."""
    return f"price.{item} in factory"


def draw_prices(brief: Brief) -> None:
    """Write every unit cost into the plan, to be drawn."""
    for name, estimate in unit_costs(brief.project):
        brief.plan.factor(name, shape(estimate))


def unit_costs(project: Project) -> Iterator[tuple[str, Estimate]]:
    """Yield the unit costs of a project by name."""
    money = project.money
    for item, given in money.prices.items():
        yield price(item), given.unit_cost
        if given.in_factory_usd_per_mw is not None:
            yield addition(item), given.in_factory_usd_per_mw
    yield price(LABOUR), money.labour.factor
    if money.camp is not None:
        yield price(CAMP), money.camp.usd_per_bed_day
    if money.general_conditions is not None:
        yield price(GENERAL_CONDITIONS), money.general_conditions.usd_per_month
