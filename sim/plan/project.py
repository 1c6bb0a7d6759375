"""Start reading here: a whole project, written down as a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sim.config.project import Project
from sim.plan.context import Agreed, Brief
from sim.plan.layout import lay_out
from sim.plan.mechanisms.commissioning import ONLINE, commission_block, hand_over
from sim.plan.mechanisms.crews import await_permits, muster_crews
from sim.plan.mechanisms.demand import write_demand
from sim.plan.mechanisms.energization import energize
from sim.plan.mechanisms.factory import Plant, build_skid, open_factories, shared_out
from sim.plan.mechanisms.installation import bring_lifting_gear, build_in_place, install_skids, ready_for
from sim.plan.mechanisms.logistics import clear_places, deliver, open_yard
from sim.plan.mechanisms.orders import follow_orders
from sim.plan.mechanisms.procurement import allocate, draw_prices, procure, release_chips
from sim.plan.mechanisms.productivity import practise, state_losses
from sim.plan.mechanisms.risks import befall
from sim.plan.mechanisms.shell import erect_hall, lay_pad, prepare, site_works
from sim.plan.vocabulary import Plan
from sim.world.calendars.working_time import Calendar


def write_plan(
    project: Project, calendars: Mapping[str, Calendar], day_minutes: Mapping[str, int], agreed: Agreed
) -> Plan:
    """Write a project down as a plan, with the crews and order dates that were agreed.

    `calendars` by name as in `sim.world`; `day_minutes` are productive minutes of a "site" and a "factory" day.
    """
    plan = Plan(completion=(ONLINE, project.blocks))
    plan.works_on(calendars)
    brief = Brief(project, lay_out(project, agreed.released), agreed, plan, day_minutes["site"], day_minutes["factory"])
    state_losses(brief)
    for phase in brief.layout.phases:
        prepare(brief, phase)
        site_works(brief, phase)
        energize(brief, phase)
    for hall in brief.layout.halls:
        erect_hall(brief, hall)
    for block in brief.layout.blocks:
        lay_pad(brief, block)
    _systems(brief)
    _turnovers(brief)
    procure(brief)
    practise(brief)
    muster_crews(brief)
    release_chips(brief)
    write_demand(brief)
    follow_orders(brief)
    draw_prices(brief)
    await_permits(brief)
    befall(brief)
    return plan


def _systems(brief: Brief) -> None:
    """Write every system of every block, made in a factory or in place."""
    open_yard(brief)
    bring_lifting_gear(brief)
    for name, system in brief.project.by_system.items():
        made = system.scope == "factory"
        allocate(brief, name, system.skid.per_block if made else 1)
        for block in brief.layout.blocks:
            if made:
                install_skids(brief, name, system, block)
            else:
                build_in_place(brief, name, system, block)
        if made:
            _skids(brief, name, open_factories(brief, name, system))


def _skids(brief: Brief, name: str, plants: Sequence[Plant]) -> None:
    """Write a system's skids: as many as the blocks need, in the order of the blocks, shared out among its plants."""
    system = brief.project.by_system[name]
    clear_places(brief, name)
    makers = shared_out(plants, len(brief.layout.blocks) * system.skid.per_block)
    number = 0
    for block in brief.layout.blocks:
        called = [wait for wait in ready_for(brief, system, block) if wait.gate.split(".")[0] != block.name]
        for _ in range(system.skid.per_block):
            plant, item = makers[number], f"{name}/{block.name}"
            number += 1
            unit = f"{name}.s{number}"
            made = build_skid(brief, plant, brief.ordered(unit, block), item, block)
            brief.plan.unit(unit, [*made, *deliver(brief, plant, unit, called, item)])


def _turnovers(brief: Brief) -> None:
    """Write the commissioning of every block and of its turnover."""
    by_name = {block.name: block for block in brief.layout.blocks}
    for turnover in brief.layout.turnovers:
        for block in turnover.blocks:
            commission_block(brief, by_name[block], turnover.name)
        hand_over(brief, turnover)
