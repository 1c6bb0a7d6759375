"""Start reading here: a whole project, written down as a plan."""

from __future__ import annotations

from collections.abc import Mapping

from sim.config.project import Project
from sim.plan.brief import Agreed, Brief, shape
from sim.plan.commissioning import ONLINE, commission_block, hand_over
from sim.plan.crews import muster_crews
from sim.plan.energization import energize
from sim.plan.factory import Plant, build_skid, open_factory
from sim.plan.installation import bring_lifting_gear, build_in_place, install_skids, ready_for
from sim.plan.layout import lay_out
from sim.plan.logistics import deliver, hire_trucks, open_yard
from sim.plan.plan import Plan
from sim.plan.procurement import procure
from sim.plan.shell import erect_hall, lay_pad, prepare, site_works
from sim.world.calendars import Calendar


def write_plan(
    project: Project, calendars: Mapping[str, Calendar], day_minutes: Mapping[str, int], agreed: Agreed
) -> Plan:
    """Write a project down as a plan, with the crews and order dates that were agreed.

    `calendars` by name as in `sim.world`; `day_minutes` are productive minutes of a "site" and a "factory" day.
    """
    plan = Plan(completion=(ONLINE, project.blocks))
    plan.works_on(calendars)
    brief = Brief(project, lay_out(project), agreed, plan, day_minutes["site"], day_minutes["factory"])
    for trade in project.labour.trades:
        plan.factor(f"loss.{trade}", shape(project.labour.losses))
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
    muster_crews(brief)
    return plan


def _systems(brief: Brief) -> None:
    """Write every system of every block, made in a factory or in place."""
    open_yard(brief)
    bring_lifting_gear(brief)
    for name, system in brief.project.by_system.items():
        plant = open_factory(brief, name, system) if system.scope == "factory" else None
        for block in brief.layout.blocks:
            if plant is None:
                build_in_place(brief, name, system, block)
            else:
                install_skids(brief, name, system, block)
        if plant is not None:
            _skids(brief, plant)


def _skids(brief: Brief, plant: Plant) -> None:
    """Write a factory's skids: as many as the blocks need, in the order of the blocks."""
    system = brief.project.by_system[plant.system]
    fleet = hire_trucks(brief, plant.system)
    number = 0
    for block in brief.layout.blocks:
        called = [wait for wait in ready_for(brief, system, block) if wait.gate.split(".")[0] != block.name]
        for _ in range(system.skid.per_block):
            number += 1
            unit, item = f"{plant.system}.s{number}", f"{plant.system}/{block.name}"
            made = build_skid(brief, plant, brief.ordered(unit, block), item)
            brief.plan.unit(unit, [*made, *deliver(brief, plant, fleet, called, item)])


def _turnovers(brief: Brief) -> None:
    """Write the commissioning of every block and of its turnover."""
    by_name = {block.name: block for block in brief.layout.blocks}
    for turnover in brief.layout.turnovers:
        for block in turnover.blocks:
            commission_block(brief, by_name[block], turnover.name)
        hand_over(brief, turnover)
