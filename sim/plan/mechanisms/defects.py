"""Defects of skids that are found only on site: repaired there, or in their factory and installed again."""

from __future__ import annotations

from collections.abc import Mapping

from sim.config.sections.systems import SiteDefects, System
from sim.plan.layout import Place
from sim.plan.mechanisms.crews import SITE, crew
from sim.plan.mechanisms.factory import Plant, makers_in_order, plant_days, plants_of
from sim.plan.mechanisms.logistics import CRANE, convoy, drive
from sim.plan.plan_context import PlanContext, working_days
from sim.plan.vocabulary import CREW_PATIENCE, MINUTES_PER_HOUR, Chance, Free, Hold, Jump, Label, Span, Work
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import to_distribution
from sim.world.project_calendars import LIFTS


def mend_transit_damage(context: PlanContext, name: str, system: System, block: Place) -> list[PlanStep]:
    """Return the steps by which a hook-up crew repairs minor transit damage of a block's skids, by chance."""
    damage = context.project.logistics.damage
    if not damage.minor.value:
        return []
    crews = next((step.crews for step in system.hook_up if step.crews), {context.project.logistics.lifting_trade: 1})
    damaged = at_least_one(damage.minor.value, system.skid.per_block)
    days = working_days(damage.mend_days, context.site_day_minutes)
    return [
        Jump(f"{name} unhurt", f"{name} unhurt on the road", Chance(damaged, otherwise=True)),
        *_repair(context, block, f"{name} mend transit damage", crews, days),
        Label(f"{name} unhurt"),
    ]


def site_defects(context: PlanContext, block: Place) -> list[PlanStep]:
    """Return the steps after site acceptance that repair defects of a block's factory-made skids, by chance."""
    route: list[PlanStep] = []
    for name, system in context.project.by_system.items():
        defects = system.factory.site_defects
        if system.scope == "factory" and defects is not None and defects.found.value:
            route += _defect(context, block, name, system, defects)
    return route


def _defect(context: PlanContext, block: Place, name: str, system: System, defects: SiteDefects) -> list[PlanStep]:
    """Return the steps of a system's random defect on site: with a probability, a repair in place or one in its factory."""
    no_defect, goes_back = f"{name} sound", f"{name} goes back"
    probability = at_least_one(defects.found.value, system.skid.per_block)
    commissioning = context.project.commissioning
    crews = {commissioning.trade: commissioning.crews}
    repair = working_days(defects.mend_days, context.site_day_minutes)
    return [
        Jump(no_defect, f"{name} has no site defect", Chance(probability, otherwise=True)),
        Jump(goes_back, f"{name} defect goes back", Chance(defects.sent_back.value)),
        *_repair(context, block, f"{name} mend defect", crews, repair),
        Jump(no_defect),
        Label(goes_back),
        *_rework_in_factory(context, block, name, system, defects),
        *_repair(
            context, block, f"{name} reconnect", crews, working_days(defects.reconnect_days, context.site_day_minutes)
        ),
        Label(no_defect),
    ]


def _rework_in_factory(
    context: PlanContext, block: Place, name: str, system: System, defects: SiteDefects
) -> list[PlanStep]:
    """Return the steps of a skid that is lifted out, driven to its factory, reworked, driven back and lifted in again."""
    plant = _maker(context, block, name, system)
    rework = plant_days(context, plant, defects.rework_days)
    last_station, truck = {plant.stations[-1]: 1}, convoy(context, plant)
    return [
        *_lift(block, f"{name} lift out", system),
        Hold(truck),
        *drive(context, plant, f"{name} defect out"),
        Free(truck),
        Hold(last_station),
        Work(f"{name} rework of defect", rework, plant.calendar, earns=False, cause="factory"),
        Free(last_station),
        Hold(truck),
        *drive(context, plant, f"{name} defect back"),
        Free(truck),
        *_lift(block, f"{name} lift in", system),
    ]


def _lift(block: Place, activity: str, system: System) -> list[PlanStep]:
    span = Span(to_distribution(system.skid.lift_hours), MINUTES_PER_HOUR)
    return [Hold({CRANE: 1}, block.sequence), Work(activity, span, LIFTS, "whole"), Free({CRANE: 1})]


def _repair(context: PlanContext, block: Place, activity: str, crews: Mapping[str, int], span: Span) -> list[PlanStep]:
    """Return the steps of repair work by crews, which earns no hours."""
    pools = {crew(trade): count for trade, count in crews.items()}
    work = Work(activity, span, f"{SITE}interior", people=context.people(crews), earns=False)
    return [Hold(pools, block.sequence, CREW_PATIENCE), work, Free(pools)]


def makers_of(context: PlanContext, block: Place) -> tuple[str, ...]:
    """Return the plants to which a block's skids would go back, of the systems that several plants make."""
    several = [(name, system) for name, system in context.project.by_system.items() if system.factory.partners]
    return tuple(_maker(context, block, name, system).name for name, system in several if system.scope == "factory")


def _maker(context: PlanContext, block: Place, name: str, system: System) -> Plant:
    """Return the plant that makes the first skid of a block."""
    plants = plants_of(context, name, system)
    if len(plants) == 1:
        return plants[0]
    first_skid = [place.name for place in context.layout.blocks].index(block.name) * system.skid.per_block
    return makers_in_order(plants, first_skid + 1)[first_skid]


def at_least_one(probability: float, number: int) -> float:
    """Return the probability that at least one of `number` independent events occurs, each with the same probability."""
    return probability if number == 1 else 1 - (1 - probability) ** number
