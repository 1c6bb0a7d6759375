"""From the factory's door to the yard and back: one skid, one flatbed truck."""

from __future__ import annotations

from collections.abc import Sequence

from sim.config.logistics import Fleet, Logistics
from sim.plan.brief import Brief, shape
from sim.plan.factory import Plant
from sim.plan.vocabulary import MINUTES_PER_HOUR, Free, Hold, Note, Span, Wait, Work
from sim.plan.vocabulary import Step as PlanStep

GATE = "gate"
MATERIAL = "laydown.material"


def trucks(system: str) -> str:
    """Return the pool of the trucks that serve a system's factory."""
    return f"{system}.truck"


def laydown(system: str) -> str:
    """Return the pool of a system's places in the yard."""
    return f"laydown.{system}"


def skids_in_yard(system: str) -> str:
    """Return the pool of skids that lie ready: any of them fits any block."""
    return f"{system}.skid"


def open_yard(brief: Brief) -> None:
    """Write the gate and the yard."""
    logistics = brief.project.logistics
    brief.plan.pool(GATE, logistics.gates)
    brief.plan.pool(MATERIAL, logistics.laydown.material, "passed")


def hire_trucks(brief: Brief, system: str) -> Fleet:
    """Write the fleet of one factory, its places in the yard, and the skids that lie there (none yet)."""
    logistics = brief.project.logistics
    fleet: Fleet = getattr(logistics.fleets, system)
    brief.plan.pool(trucks(system), fleet.trucks)
    brief.plan.pool(laydown(system), getattr(logistics.laydown, system), "passed")
    brief.plan.pool(skids_in_yard(system), 0, "passed")
    return fleet


def deliver(brief: Brief, plant: Plant, fleet: Fleet, called: Sequence[Wait], item: str) -> list[PlanStep]:
    """Return the second part of a skid's route: called off, loaded, driven, unloaded; and the truck's way back."""
    system, logistics = plant.system, brief.project.logistics
    place, drive = {laydown(system): 1}, _drive(fleet)
    pushed = logistics.release == "push"
    return [
        *(called if logistics.release == "just_in_time" else ()),
        Hold({trucks(system): 1} if pushed else {trucks(system): 1, **place}),
        Work(f"{system} load", _hours(logistics, "load_hours"), "factory"),
        Free({plant.finished: 1}),
        Work(f"{system} drive", drive, "road", "duty"),
        Hold({GATE: 1, **place} if pushed else {GATE: 1}),
        Work(f"{system} unload", _hours(logistics, "unload_hours"), "gate"),
        Free({GATE: 1, skids_in_yard(system): 1}),
        Note("delivered", item),
        Work(f"{system} return", drive, "road", "duty"),
        Free({trucks(system): 1}),
    ]


def _drive(fleet: Fleet) -> Span:
    hours = fleet.distance_miles.value / fleet.speed_mph.value
    return Span(shape(fleet.delay), hours * MINUTES_PER_HOUR)


def _hours(logistics: Logistics, name: str) -> Span:
    return Span(shape(getattr(logistics, name)), MINUTES_PER_HOUR)
