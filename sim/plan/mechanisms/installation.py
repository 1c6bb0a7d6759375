"""Installation of a system in its block: skids are set and hooked up, or all of it is built in place."""

from __future__ import annotations

from sim.config.sections.systems import System
from sim.plan.layout import Place
from sim.plan.mechanisms.crews import by_crews, crew, planned_hours, signal_hours_done, step_span
from sim.plan.mechanisms.defects import mend_transit_damage
from sim.plan.mechanisms.logistics import CRANE, GATE, MATERIAL, YARD, laydown, new_slots, skids_in_yard, slots
from sim.plan.mechanisms.procurement import allotted, lead_time
from sim.plan.mechanisms.shell import Instance, prerequisites, write_network
from sim.plan.plan_context import PlanContext
from sim.plan.vocabulary import (
    MINUTES_PER_DAY,
    MINUTES_PER_HOUR,
    Free,
    Hold,
    Note,
    Signal,
    Span,
    UnitInfo,
    Wait,
    Work,
)
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import to_distribution
from sim.world.project_calendars import LIFTS


def ready_for(context: PlanContext, system: System, block: Place) -> list[Wait]:
    """Return the waits before anything of a system comes into a block: for steps of its hall, and for other systems."""
    steps = [name for name in system.after if "." in name]
    systems = [f"{block.name}.{name}" for name in system.after if "." not in name]
    return [Wait(context.plan.gate(gate)) for gate in [*prerequisites(context, steps, block), *systems]]


def install_skids(context: PlanContext, name: str, system: System, block: Place) -> None:
    """Write the unit of a system in a block: a crane and riggers set any of its skids from the yard, crews hook them up."""
    number = system.skid.per_block
    riggers = {context.project.logistics.lifting_trade: 1}
    lift = Span(to_distribution(system.skid.lift_hours), MINUTES_PER_HOUR)
    people = context.people(riggers)
    lifts = [Work(f"{name} lift {n + 1}", lift, LIFTS, "whole", people) for n in range(number)]
    lifting = {CRANE: 1, **{crew(trade): count for trade, count in riggers.items()}}
    route: list[PlanStep] = [
        context.decided(block),
        *ready_for(context, system, block),
        Hold({**lifting, skids_in_yard(name): number}, block.sequence),
        *lifts,
        Free({**lifting, laydown(name): number}),
        *mend_transit_damage(context, name, system, block),
        *signal_hours_done(context, *lifts),
        Note("set", name, place=block.name),
    ]
    for step in system.hook_up:
        span = step_span(context, step, planned_hours(step, 0, block.built_mw))
        route += by_crews(context, block, f"{name}.{step.id}", step, span)
    _finish(context, name, block, route)


def build_in_place(context: PlanContext, name: str, system: System, block: Place) -> None:
    """Write the units of a system that is built in a block: its material through the gate, then its step network."""
    site, yard_places = system.site, {MATERIAL: system.site.loads_per_block}
    material = f"{block.name}.{name}.material"
    unload = Span(to_distribution(site.unload_hours), MINUTES_PER_HOUR)
    ready, gate_slots = ready_for(context, system, block), slots(context, site.loads_per_block)
    context.plan.unit(
        material,
        [
            context.ordered(material, block),
            Note("ordered", name, place=block.name),
            lead_time(context, material, f"{name} material lead time", block, site.lead_weeks, site),
            *allotted(context, name, 1, block),
            *ready,
            Hold({GATE: 1, **gate_slots, **yard_places}, block.sequence, MINUTES_PER_DAY if gate_slots else None),
            Work(f"{name} material unload", unload, "gate", cause=YARD),
            Free({GATE: 1}),
            *new_slots(context, material, site.loads_per_block, block.name, name),
            Note("delivered", name, place=block.name),
            Signal(context.plan.gate(material)),
        ],
        UnitInfo("material", "installation", block.name, name),
    )
    instance = Instance(block, name, "installation", mw=block.built_mw, roots=(*ready, Wait(material)))
    last_gates = write_network(context, site.steps, instance)
    _finish(context, name, block, [*(Wait(gate) for gate in last_gates), Free(yard_places)])


def bring_lifting_gear(context: PlanContext) -> None:
    """Write the cranes."""
    context.plan.pool(CRANE, context.project.logistics.cranes, cause="crane", noun="cranes")


def _finish(context: PlanContext, name: str, block: Place, route: list[PlanStep]) -> None:
    """Write the unit of a system in a block, with this route until its completion."""
    done = context.plan.gate(f"{block.name}.{name}")
    ends: list[PlanStep] = [Note("complete", name, place=block.name), Signal(done)]
    context.plan.unit(done, [*route, *ends], UnitInfo("installation", "installation", block.name, name))
