"""Start reading here: a whole project, written down as a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sim.config.project import Project
from sim.plan.layout import layout_of
from sim.plan.mechanisms.acceleration import accelerate
from sim.plan.mechanisms.commissioning import ONLINE, commission_block, hand_over
from sim.plan.mechanisms.crews import await_permits, mobilise_crews
from sim.plan.mechanisms.defects import makers_of
from sim.plan.mechanisms.demand import write_demand
from sim.plan.mechanisms.energization import energize
from sim.plan.mechanisms.factory import Plant, build_skid, makers_in_order, open_factories
from sim.plan.mechanisms.installation import bring_lifting_gear, build_in_place, install_skids, ready_for
from sim.plan.mechanisms.logistics import deliver, open_yard, write_laydown
from sim.plan.mechanisms.orders import follow_orders
from sim.plan.mechanisms.procurement import allocate, draw_prices, procure, receive_all, release_chips
from sim.plan.mechanisms.productivity import apply_learning, apply_losses, apply_pace
from sim.plan.mechanisms.risks import apply_risks
from sim.plan.mechanisms.shell import erect_halls, lay_pad, permits_and_design, site_works
from sim.plan.plan_context import PlanContext, ResourcePlan
from sim.plan.vocabulary import Plan, UnitInfo
from sim.world.working_time import Calendar


def write_plan(
    project: Project, calendars: Mapping[str, Calendar], day_minutes: Mapping[str, int], resource_plan: ResourcePlan
) -> Plan:
    """Write a project down as a plan, with the crews and order dates that were agreed.

    `calendars` by name as in `sim.world`; `day_minutes` are productive minutes of a "site" and a "factory" day.
    """
    plan = Plan(completion=(ONLINE, project.blocks))
    plan.works_on(calendars)
    context = PlanContext(
        project,
        layout_of(project, resource_plan.release_days),
        resource_plan,
        plan,
        day_minutes["site"],
        day_minutes["factory"],
    )
    apply_losses(context)
    for phase in context.layout.phases:
        permits_and_design(context, phase)
        site_works(context, phase)
        for plant in context.layout.power_plants:
            if plant.phase == phase.name:
                energize(context, plant)
    erect_halls(context)
    for block in context.each(context.layout.blocks):
        lay_pad(context, block)
    _systems(context)
    _turnovers(context)
    procure(context)
    apply_learning(context)
    mobilise_crews(context)
    accelerate(context)
    release_chips(context)
    write_demand(context)
    receive_all(context)
    follow_orders(context)
    draw_prices(context)
    await_permits(context)
    apply_pace(context)
    apply_risks(context)
    plan.priorities = resource_plan.priorities
    plan.require_causes()
    return plan


def _systems(context: PlanContext) -> None:
    """Write the units of every system of every block, and of the skids of those that are made in factories."""
    open_yard(context)
    bring_lifting_gear(context)
    for name, system in context.project.by_system.items():
        in_factory = system.scope == "factory"
        allocate(context, name, system.skid.per_block if in_factory else 1)
        for block in context.each(context.layout.blocks):
            if in_factory:
                install_skids(context, name, system, block)
            else:
                build_in_place(context, name, system, block)
        if in_factory:
            _skids(context, name, open_factories(context, name, system))


def _skids(context: PlanContext, name: str, plants: Sequence[Plant]) -> None:
    """Write a unit for each of a system's skids: as many as the blocks need, in their order, divided among its plants."""
    system = context.project.by_system[name]
    write_laydown(context, name)
    blocks = [block for block in context.layout.blocks for _ in range(system.skid.per_block)]
    blocks_and_makers = zip(blocks, makers_in_order(plants, len(blocks)), strict=True)
    skids = [(f"{name}.s{n}", block, plant.name) for n, (block, plant) in enumerate(blocks_and_makers, 1)]
    number_of, plant_of = {unit: n for n, (unit, _, _) in enumerate(skids, 1)}, {plant.name: plant for plant in plants}
    for unit, block, maker in context.each_unit(skids):
        plant = plant_of[maker]
        # called off when the hall is ready; other systems of the block may still be in work
        call_off = [wait for wait in ready_for(context, system, block) if wait.gate.split(".")[0] != block.name]
        to_finished_goods = build_skid(context, plant, context.ordered(unit, block), block, unit)
        to_site = deliver(context, plant, unit, call_off, block)
        info = UnitInfo("skid", "factory", block.name, name, number=number_of[unit])
        context.plan.unit(unit, [*to_finished_goods, *to_site], info)


def _turnovers(context: PlanContext) -> None:
    """Write the commissioning of every block and of its turnover."""
    blocks = [(block.name, block, makers_of(context, block)) for block in context.layout.blocks]
    for _, block, _ in context.each_unit(blocks):
        commission_block(context, block, context.turnover_of(block))
    for turnover in context.each(context.layout.turnovers):
        hand_over(context, turnover)
