"""Power: units are delivered one by one, installed and started; what is firm is what stays when the spares fail."""

from __future__ import annotations

from sim.config.sections.systems import Feed
from sim.plan.layout import Place
from sim.plan.mechanisms.crews import by_crews, planned_hours, step_span
from sim.plan.mechanisms.procurement import slip_of
from sim.plan.mechanisms.shell import prerequisites
from sim.plan.plan_context import PlanContext
from sim.plan.vocabulary import MINUTES_PER_DAY, MINUTES_PER_WEEK, Free, Note, Signal, Span, UnitInfo, Until, Wait, Work
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import Fixed, to_distribution
from sim.world.working_time import ALWAYS_OPEN

TEMPORARY = "temporary power"


def power(context: PlanContext, place: Place) -> str:
    """Return the pool of the firm permanent power that serves a place, in kW."""
    plant = context.layout.power_plants[0].name if context.project.energization.shared else place.phase
    return f"{plant}.power"


def kilowatts(place: Place) -> int:
    """Return the power a place needs, in kW."""
    return round(place.built_mw * 1000)


def energize(context: PlanContext, plant: Place) -> None:
    """Write the generating units and grid feeds of a plant, and the unit that counts firm power: N of N + spare running."""
    energization = context.project.energization
    units = energization.units
    units_running = context.plan.gate(f"{plant.name}.units running")
    context.plan.pool(power(context, plant), 0, "supplied", cause="power", noun="kW")
    if energization.temporary_mw.value:
        temporary_kw = round(energization.temporary_mw.value * 1000)
        context.plan.pool(TEMPORARY, temporary_kw, "passed", cause="power", noun="kW")
    for number in range(units.count):
        info = UnitInfo("generating_unit", "power", plant.name, "generation", number=number + 1)
        context.plan.unit(f"{plant.name}.g{number + 1}", _unit(context, plant, number, units_running), info)
    firm_route: list[PlanStep] = []
    for number in range(units.count - units.spare):
        firm_route += [
            Wait(units_running, number + 1 + units.spare),
            Free({power(context, plant): round(units.mw.value * 1000)}),
        ]
    if firm_route:
        context.plan.unit(f"{plant.name}.firm power", firm_route, UnitInfo("firm_power", "power", plant.name))
    for feed in energization.grid:
        info = UnitInfo("grid_feed", "power", plant.name, feed.id)
        context.plan.unit(f"{plant.name}.grid.{feed.id}", _feed(context, plant, feed), info)


def _feed(context: PlanContext, plant: Place, feed: Feed) -> list[PlanStep]:
    """Return a grid feed's route: ordered, delivered by the utility, connected after the site's works; firm from then on."""
    kw = round(feed.mw.value * 1000)
    return [
        context.decided(plant),
        Note("ordered", "grid", kw, plant.name),
        Work("grid feed", Span(to_distribution(feed.weeks), MINUTES_PER_WEEK), ALWAYS_OPEN),
        Note("delivered", "grid", kw, plant.name),
        *(Wait(gate) for gate in prerequisites(context, feed.after, plant)),
        Note("installed", "grid", kw, plant.name),
        Free({power(context, plant): kw}),
    ]


def _unit(context: PlanContext, plant: Place, number: int, running: str) -> list[PlanStep]:
    """Return a generating unit's route: order, slot, the supplier's slip, delivery, installation, running."""
    energization, place = context.project.energization, f"{plant.name}.g{number + 1}"
    units = energization.units
    week = units.first_week.value + number * units.weeks_between.value + plant.order_day / 7
    route: list[PlanStep] = [
        context.decided(plant),
        Note("ordered", "generation", place=place),
        Until("unit slot", Span(Fixed(week), MINUTES_PER_WEEK)),
        Work(
            "unit slip",
            Span(to_distribution(units.slip_days), MINUTES_PER_DAY, losses=slip_of(units.supplier)),
            ALWAYS_OPEN,
        ),
        Note("delivered", "generation", place=place),
        *(Wait(gate) for gate in prerequisites(context, energization.after, plant)),
    ]
    for step in energization.install:
        span = step_span(context, step, planned_hours(step, 0, units.mw.value))
        route += by_crews(context, plant, f"generation.{step.id}", step, span)
    return [*route, Note("installed", "generation", place=place), Signal(running)]
