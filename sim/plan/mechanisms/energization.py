"""Power: units are delivered one by one, installed and started; what is firm is what stays when the spares fail."""

from __future__ import annotations

from sim.config.sections.systems import Feed
from sim.plan.context import PlanContext
from sim.plan.layout import Place
from sim.plan.mechanisms.crews import by_crews, planned_hours, step_span
from sim.plan.mechanisms.procurement import slip_of
from sim.plan.mechanisms.shell import prerequisites
from sim.plan.vocabulary import MINUTES_PER_DAY, MINUTES_PER_WEEK, Free, Note, Signal, Span, UnitInfo, Until, Wait, Work
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import Fixed, to_distribution

TEMPORARY = "temporary power"


def power(place: Place) -> str:
    """Return the pool of a phase's firm permanent power, in kW."""
    return f"{place.phase}.power"


def kilowatts(place: Place) -> int:
    """Return the power a place needs, in kW."""
    return round(place.built_mw * 1000)


def energize(context: PlanContext, phase: Place) -> None:
    """Write the units of a phase, and the count of what is firm: N+1 units before the first N."""
    energization = context.project.energization
    units = energization.units
    running = context.plan.gate(f"{phase.name}.units running")
    context.plan.pool(power(phase), 0, "supplied", cause="power", noun="kW")
    if energization.temporary_mw.value:
        kilowatt = round(energization.temporary_mw.value * 1000)
        context.plan.pool(TEMPORARY, kilowatt, "passed", cause="power", noun="kW")
    for number in range(units.count):
        info = UnitInfo("generating_unit", "power", phase.name, "generation", number=number + 1)
        context.plan.unit(f"{phase.name}.g{number + 1}", _unit(context, phase, number, running), info)
    firm: list[PlanStep] = []
    for number in range(units.count - units.spare):
        firm += [Wait(running, number + 1 + units.spare), Free({power(phase): round(units.mw.value * 1000)})]
    if firm:
        context.plan.unit(f"{phase.name}.firm power", firm, UnitInfo("firm_power", "power", phase.name))
    for feed in energization.grid:
        info = UnitInfo("grid_feed", "power", phase.name, feed.id)
        context.plan.unit(f"{phase.name}.grid.{feed.id}", _feed(context, phase, feed), info)


def _feed(context: PlanContext, phase: Place, feed: Feed) -> list[PlanStep]:
    """Return a grid feed's route: ordered, ready at the utility's end, then at ours; firm from then on."""
    kilowatt = round(feed.mw.value * 1000)
    return [
        context.decided(phase),
        Note("ordered", "grid", kilowatt, phase.name),
        Work("grid feed", Span(to_distribution(feed.weeks), MINUTES_PER_WEEK), "always"),
        Note("delivered", "grid", kilowatt, phase.name),
        *(Wait(gate) for gate in prerequisites(context, feed.after, phase)),
        Note("installed", "grid", kilowatt, phase.name),
        Free({power(phase): kilowatt}),
    ]


def _unit(context: PlanContext, phase: Place, number: int, running: str) -> list[PlanStep]:
    """Return one unit's route: slot, slip, delivery, installation, first power."""
    energization, place = context.project.energization, f"{phase.name}.g{number + 1}"
    units = energization.units
    week = units.first_week.value + number * units.weeks_between.value + phase.order_day / 7
    route: list[PlanStep] = [
        context.decided(phase),
        Note("ordered", "generation", place=place),
        Until("unit slot", Span(Fixed(week), MINUTES_PER_WEEK)),
        Work(
            "unit slip",
            Span(to_distribution(units.slip_days), MINUTES_PER_DAY, losses=slip_of(units.supplier)),
            "always",
        ),
        Note("delivered", "generation", place=place),
        *(Wait(gate) for gate in prerequisites(context, energization.after, phase)),
    ]
    for step in energization.install:
        span = step_span(context, step, planned_hours(step, 0, units.mw.value))
        route += by_crews(context, phase, f"generation.{step.id}", step, span)
    return [*route, Note("installed", "generation", place=place), Signal(running)]
