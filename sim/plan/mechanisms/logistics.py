"""From the factory's door to the yard and back: one skid, one truck, by roads that are not always open."""

from __future__ import annotations

from collections.abc import Sequence

from sim.config.sections.logistics import Logistics
from sim.plan.context import PlanContext
from sim.plan.layout import Place
from sim.plan.mechanisms.factory import Plant, mend_on_line, plant_days
from sim.plan.vocabulary import (
    MINUTES_PER_DAY,
    MINUTES_PER_HOUR,
    TOKEN,
    Again,
    Chance,
    Free,
    Hold,
    Label,
    Note,
    Signal,
    Span,
    UnitInfo,
    Wait,
    Work,
    WorkRole,
    fixed,
)
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import to_distribution
from sim.world.project_calendars import DAYS_END
from sim.world.roads import OPEN_ROAD, movement, road_of

GATE = "gate"
CRANE = "crane"
GATE_SLOT = "gate slot"
MATERIAL = "laydown.material"
ESCORT = "escort"
YARD, ROAD = "yard", "truck"
"""The causes of delay by gate and yard, and by trucks and the road."""
SHIP, WHOLE, ON_TIME = "ship", "arrived whole", "on time"


def laydown(system: str) -> str:
    """Return the pool of a system's places in the yard."""
    return f"laydown.{system}"


def skids_in_yard(system: str) -> str:
    """Return the pool of skids that lie ready: any of them fits any block."""
    return f"{system}.skid"


def open_yard(context: PlanContext) -> None:
    """Write the gate, what is let in a day, the yard, and the escorts there are for large loads."""
    logistics = context.project.logistics
    context.plan.pool(GATE, logistics.gates, cause=YARD, noun="gates")
    context.plan.pool(MATERIAL, logistics.laydown.material, "passed", cause=YARD)
    if logistics.gate_slots_per_day is not None:
        context.plan.pool(GATE_SLOT, logistics.gate_slots_per_day, "supplied", cause=YARD, noun="slots")
    if logistics.roads.escort_vehicles is not None:
        context.plan.pool(ESCORT, logistics.roads.escort_vehicles, cause=ROAD, noun="escorts")


def clear_places(context: PlanContext, system: str) -> None:
    """Write the places of a system in the yard, and the skids that lie there (none yet)."""
    context.plan.pool(laydown(system), getattr(context.project.logistics.laydown, system), "passed", cause=YARD)
    context.plan.pool(skids_in_yard(system), 0, "passed", cause=TOKEN)


def deliver(context: PlanContext, plant: Plant, unit: str, called: Sequence[Wait], block: Place) -> list[PlanStep]:
    """Return the second part of a skid's route: called off, loaded, driven, unloaded; and the truck's way back."""
    system, logistics = plant.system, context.project.logistics
    truck, place = convoy(context, plant), {laydown(system): 1}
    pushed = logistics.release == "push"
    return [
        Label(SHIP),
        *_permit(context, plant),
        *(called if logistics.release == "just_in_time" else ()),
        # pulled: a place in the yard is promised before the truck leaves, so no truck ever waits for one on site
        Hold(truck if pushed else {**truck, **place}),
        *_call(plant),
        Work(f"{system} load", _hours(logistics, "load_hours"), plant.calendar),
        # only now: a loaded trailer is what makes room among the finished
        Free({plant.finished: 1}),
        *drive(context, plant, f"{system} drive"),
        *_late(logistics, system),
        Hold({GATE: 1, **slots(context, 1), **(place if pushed else {})}),
        Work(f"{system} unload", _hours(logistics, "unload_hours"), "gate", cause=YARD),
        *_sent_back(context, plant, truck),
        Free({GATE: 1, skids_in_yard(system): 1}),
        *new_slots(context, unit, 1),
        Note("delivered", system, place=block.name),
        # from here on this unit is the truck: its skid lies in the yard, for whoever asks first
        *_return(plant),
        Free(truck),
    ]


def drive(context: PlanContext, plant: Plant, activity: str, role: WorkRole = "work") -> list[PlanStep]:
    """Return a loaded trip between a plant and the site: as fast as its class may, while it may be on the road."""
    roads = context.project.logistics.roads
    span = _driving(plant, movement(plant.load, roads).speed)
    return [
        Note("trip", f"{plant.load.name}/{plant.system}", round(plant.fleet.distance_miles.value)),
        Work(activity, span, road_of(plant.system, plant.load, roads), "duty", cause=ROAD, role=role),
    ]


def convoy(context: PlanContext, plant: Plant) -> dict[str, int]:
    """Return what a load takes on the road: a truck, and escorts where they are scarce."""
    escorts = plant.load.escorts if context.project.logistics.roads.escort_vehicles is not None else 0
    return {plant.trucks: 1, **({ESCORT: escorts} if escorts else {})}


def _permit(context: PlanContext, plant: Plant) -> list[PlanStep]:
    """Return the wait for a permit, asked for when the load is finished."""
    days = movement(plant.load, context.project.logistics.roads).permit_days
    return (
        []
        if days is None
        else [Work(f"{plant.system} permit", Span(to_distribution(days), MINUTES_PER_DAY), OPEN_ROAD, cause=ROAD)]
    )


def _call(plant: Plant) -> list[PlanStep]:
    """Return the wait for a carrier's truck."""
    fleet = plant.fleet
    if fleet.kind == "dedicated" or fleet.call_days is None:
        return []
    return [
        Work(f"{plant.system} call", Span(to_distribution(fleet.call_days), MINUTES_PER_DAY), OPEN_ROAD, cause=ROAD)
    ]


def _return(plant: Plant) -> list[PlanStep]:
    """Return a dedicated truck's way back, on the open road."""
    if plant.fleet.kind == "hired":
        return []
    return [Work(f"{plant.system} return", _driving(plant), OPEN_ROAD, "duty", cause=ROAD, role="way_home")]


def _late(logistics: Logistics, system: str) -> list[PlanStep]:
    """Return the days by which some loads are late."""
    late = logistics.late
    if not late.share.value:
        return []
    return [
        Again(ON_TIME, f"{system} on time", Chance(late.share.value, otherwise=True)),
        Work(f"{system} late", Span(to_distribution(late.days), MINUTES_PER_DAY), OPEN_ROAD, cause=ROAD),
        Label(ON_TIME),
    ]


def _sent_back(context: PlanContext, plant: Plant, truck: dict[str, int]) -> list[PlanStep]:
    """Return what is done with a skid that arrives badly damaged: back to its line, tested and shipped once more."""
    system, damage = plant.system, context.project.logistics.damage
    if not damage.serious.value:
        return []
    rework = plant_days(context, plant, damage.rework_days)
    return [
        Again(WHOLE, f"{system} arrives whole", Chance(damage.serious.value, otherwise=True)),
        # it never counts as delivered, and its place and its slot of the day go to the next load
        Free({GATE: 1, laydown(system): 1, **slots(context, 1)}),
        *drive(context, plant, f"{system} damaged return", "way_home"),
        Free(truck),
        *mend_on_line(plant, f"{system} rework of damage", rework),
        Label(WHOLE),
    ]


def slots(context: PlanContext, loads: int) -> dict[str, int]:
    """Return the gate slots of the day that so many loads take, if they are counted."""
    return {} if context.project.logistics.gate_slots_per_day is None else {GATE_SLOT: loads}


def new_slots(context: PlanContext, unit: str, loads: int, place: str = "", part: str = "") -> list[Signal]:
    """Write who gives out at the day's end the gate slots that loads have used; return the signal that they have."""
    if context.project.logistics.gate_slots_per_day is None:
        return []
    # a unit of its own gives the slot back: the skid itself must not wait for the end of the day
    used = context.plan.gate(f"{unit}.in")
    route: list[PlanStep] = [Wait(used), Work("gate slot", fixed(1), DAYS_END), Free({GATE_SLOT: loads})]
    context.plan.unit(f"{unit}.slot", route, UnitInfo("gate_slot", YARD, place, part))
    return [Signal(used)]


def _driving(plant: Plant, speed: float = 1.0) -> Span:
    # miles an hour of the whole way, so that rest and fuel stops are in it; the drivers' hours are the calendar's
    hours = plant.fleet.distance_miles.value / (plant.fleet.speed_mph.value * speed)
    return Span(to_distribution(plant.fleet.delay), hours * MINUTES_PER_HOUR)


def _hours(logistics: Logistics, name: str) -> Span:
    return Span(to_distribution(getattr(logistics, name)), MINUTES_PER_HOUR)
