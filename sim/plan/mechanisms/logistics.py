"""From the factory's door to the yard and back: one skid, one truck, by roads that are not always open."""

from __future__ import annotations

from collections.abc import Sequence

from sim.config.sections.logistics import Logistics
from sim.plan.layout import Place
from sim.plan.mechanisms.factory import Plant, plant_days, rework_on_line
from sim.plan.plan_context import PlanContext
from sim.plan.vocabulary import (
    MINUTES_PER_DAY,
    MINUTES_PER_HOUR,
    TOKEN,
    Chance,
    Free,
    Hold,
    Jump,
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
    """Return the pool of a system's skids in the yard: any of them fits any block."""
    return f"{system}.skid"


def open_yard(context: PlanContext) -> None:
    """Write the pools of the gate, its slots of a day, the yard's material places, and the escorts for large loads."""
    logistics = context.project.logistics
    context.plan.pool(GATE, logistics.gates, cause=YARD, noun="gates")
    context.plan.pool(MATERIAL, logistics.laydown.material, "passed", cause=YARD)
    if logistics.gate_slots_per_day is not None:
        context.plan.pool(GATE_SLOT, logistics.gate_slots_per_day, "supplied", cause=YARD, noun="slots")
    if logistics.roads.escort_vehicles is not None:
        context.plan.pool(ESCORT, logistics.roads.escort_vehicles, cause=ROAD, noun="escorts")


def write_laydown(context: PlanContext, system: str) -> None:
    """Write the pools of a system's places in the yard and of its skids there (none yet)."""
    context.plan.pool(laydown(system), getattr(context.project.logistics.laydown, system), "passed", cause=YARD)
    context.plan.pool(skids_in_yard(system), 0, "passed", cause=TOKEN)


def deliver(context: PlanContext, plant: Plant, unit: str, call_off: Sequence[Wait], block: Place) -> list[PlanStep]:
    """Return the second part of a skid's route: called off, loaded, driven, unloaded; and the truck's way back.

    `call_off` are the waits until the site asks for it, where delivery is just in time.
    """
    system, logistics = plant.system, context.project.logistics
    truck, place = convoy(context, plant), {laydown(system): 1}
    push = logistics.release == "push"
    return [
        Label(SHIP),
        *_permit(context, plant),
        *(call_off if logistics.release == "just_in_time" else ()),
        # unless pushed, a skid holds a place in the yard before its truck leaves, so no truck ever waits for one on site
        Hold(truck if push else {**truck, **place}),
        *_call(plant),
        Work(f"{system} load", _hours(logistics, "load_hours"), plant.calendar),
        # only when it is loaded does a skid leave its finished-goods place
        Free({plant.finished: 1}),
        *drive(context, plant, f"{system} drive"),
        *_random_delay(logistics, system),
        Hold({GATE: 1, **slots(context, 1), **(place if push else {})}),
        Work(f"{system} unload", _hours(logistics, "unload_hours"), "gate", cause=YARD),
        *_sent_back(context, plant, truck),
        Free({GATE: 1, skids_in_yard(system): 1}),
        *new_slots(context, unit, 1),
        Note("delivered", system, place=block.name),
        # from here on this unit is the truck: its skid is in the yard, for the block that asks first
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
    """Return the time until a road permit is granted, applied for when the load is finished; none where none is needed."""
    days = movement(plant.load, context.project.logistics.roads).permit_days
    if days is None:
        return []
    return [Work(f"{plant.system} permit", Span(to_distribution(days), MINUTES_PER_DAY), OPEN_ROAD, cause=ROAD)]


def _call(plant: Plant) -> list[PlanStep]:
    """Return the time until a carrier's truck comes, after it is called; none for a dedicated fleet."""
    fleet = plant.fleet
    if fleet.kind == "dedicated" or fleet.call_days is None:
        return []
    return [
        Work(f"{plant.system} call", Span(to_distribution(fleet.call_days), MINUTES_PER_DAY), OPEN_ROAD, cause=ROAD)
    ]


def _return(plant: Plant) -> list[PlanStep]:
    """Return a dedicated truck's way back, empty, on the open road."""
    if plant.fleet.kind == "hired":
        return []
    return [Work(f"{plant.system} return", _driving(plant), OPEN_ROAD, "duty", cause=ROAD, role="way_home")]


def _random_delay(logistics: Logistics, system: str) -> list[PlanStep]:
    """Return the steps of a load's random delay: with a probability it is late by a drawn number of calendar days."""
    late_loads = logistics.late
    if not late_loads.share.value:
        return []
    return [
        Jump(ON_TIME, f"{system} on time", Chance(late_loads.share.value, otherwise=True)),
        Work(f"{system} late", Span(to_distribution(late_loads.days), MINUTES_PER_DAY), OPEN_ROAD, cause=ROAD),
        Label(ON_TIME),
    ]


def _sent_back(context: PlanContext, plant: Plant, truck: dict[str, int]) -> list[PlanStep]:
    """Return the steps of a skid that arrives badly damaged, by chance: back to its line, tested and shipped once more."""
    system, damage = plant.system, context.project.logistics.damage
    if not damage.serious.value:
        return []
    rework = plant_days(context, plant, damage.rework_days)
    return [
        Jump(WHOLE, f"{system} arrives whole", Chance(damage.serious.value, otherwise=True)),
        # it never counts as delivered, and its place and its slot of the day go to the next load
        Free({GATE: 1, laydown(system): 1, **slots(context, 1)}),
        *drive(context, plant, f"{system} damaged return", "way_home"),
        Free(truck),
        *rework_on_line(plant, f"{system} rework of damage", rework),
        Label(WHOLE),
    ]


def slots(context: PlanContext, loads: int) -> dict[str, int]:
    """Return the gate slots that so many loads hold, by pool; none where the slots of a day are not limited."""
    return {} if context.project.logistics.gate_slots_per_day is None else {GATE_SLOT: loads}


def new_slots(context: PlanContext, unit: str, loads: int, place: str = "", part: str = "") -> list[Signal]:
    """Write the unit that gives used gate slots back at the end of the day; return the signal that starts it."""
    if context.project.logistics.gate_slots_per_day is None:
        return []
    # not the load's own unit: that must not wait for the end of the day
    slots_used = context.plan.gate(f"{unit}.in")
    route: list[PlanStep] = [Wait(slots_used), Work("gate slot", fixed(1), DAYS_END), Free({GATE_SLOT: loads})]
    context.plan.unit(f"{unit}.slot", route, UnitInfo("gate_slot", YARD, place, part))
    return [Signal(slots_used)]


def _driving(plant: Plant, speed: float = 1.0) -> Span:
    """Return the hours of driving between a plant and the site, at a share of the fleet's mean speed, times its delay."""
    # miles an hour of the whole way, so that rest and fuel stops are in it; the drivers' hours are the calendar's
    hours = plant.fleet.distance_miles.value / (plant.fleet.speed_mph.value * speed)
    return Span(to_distribution(plant.fleet.delay), hours * MINUTES_PER_HOUR)


def _hours(logistics: Logistics, name: str) -> Span:
    return Span(to_distribution(getattr(logistics, name)), MINUTES_PER_HOUR)
