"""Procurement: long-lead items, allocations, unit costs, and newer generations of chips.

An item is ordered at a date and delivered after a lead time, never before a held slot or an allocation. A unit cost is
drawn once a project, by name, so that strategies that buy the same thing pay the same for it. From a drawn date on,
whatever compute is not ordered yet is of the newer generation.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator
from math import fsum

from sim.config.project import Project
from sim.config.sections.estimates import Estimate, Lot
from sim.config.sections.orders import Item
from sim.config.sections.systems import Factory, SiteBuilt
from sim.plan.context import PlanContext
from sim.plan.layout import Layout, Place, place_kind, place_number
from sim.plan.vocabulary import (
    MINUTES_PER_DAY,
    MINUTES_PER_WEEK,
    Again,
    Free,
    Hold,
    Note,
    Signal,
    Span,
    UnitInfo,
    Until,
    Wait,
    Work,
)
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import Fixed, to_distribution

# --- procurement ------------------------------------------------------------------------------------------------------


def arrived(context: PlanContext, item: str, place: Place) -> str:
    """Return the gate of an item's arrival for a place: its own lot, its hall's or its phase's."""
    per = next(given.per for given in context.project.procurement.items if given.id == item)
    lot = {"phase": place.phase, "hall": place.hall, "block": place.name}[per]
    return context.plan.gate(f"{lot}.{item}")


def slip_of(supplier: str | None) -> tuple[str, ...]:
    """Return the shared factor on everything that comes from a supplier."""
    return () if supplier is None else (f"supplier.{supplier}",)


def lead_time(
    context: PlanContext, unit: str, activity: str, place: Place, weeks: Estimate, terms: Factory | SiteBuilt | Item
) -> Work:
    """Return the lead time of what a unit needs for a place: drawn once for its lot, times what its supplier slips.

    A lot that is delivered over time comes block by block, in the order of the work, from its lead time on.
    """
    shape, slip = to_distribution(weeks), slip_of(terms.supplier)
    planned = shape.planned()
    if terms.lot is None or isinstance(shape, Fixed) or planned <= 0:
        return Work(activity, Span(shape, MINUTES_PER_WEEK, losses=slip), "always", cause="parts")
    copies, spans = context.plan.copies, list[Span]()
    for own, where in zip(copies.names_now(unit), copies.names_now(place.name), strict=True):
        lot, before = lot_of(context.layout, terms.lot, where)
        drawn = context.plan.factor(f"lot.{activity}.{lot}", shape.scaled(1 / planned), group="lots")
        rate = terms.lot_delivered_per_week
        later = 0.0 if rate is None else before / rate.value
        spans.append(Span(Fixed(planned + later), MINUTES_PER_WEEK, losses=(drawn, *slip)))
        context.plan.own_spans.setdefault(own, {})[activity] = spans[-1]
    return Work(activity, spans[0], "always", cause="parts")


def lot_of(layout: Layout, lot: Lot, place: str) -> tuple[str, int]:
    """Return the name of the lot of a phase, hall or block, and how many of the lot's blocks come before it.

    >>> lot_of(layout_of(project), 4, "b6")
    ('2', 1)
    """
    within = {"phase": layout.phases, "hall": layout.halls, "block": layout.blocks}[place_kind(place)]
    number = place_number(within[place_number(place) - 1].blocks[0]) - 1
    if isinstance(lot, int):
        return f"{number // lot + 1}", number % lot
    block = layout.blocks[number]
    if lot == "hall":
        hall = layout.halls[place_number(block.hall) - 1]
        return hall.name, number - place_number(hall.blocks[0]) + 1
    first = bisect_left(layout.blocks, block.order_day, key=lambda other: other.order_day)
    return f"day {block.order_day}", number - first


def procure(context: PlanContext) -> None:
    """Write every lot of every item into the plan that some step needs, and what suppliers do to all they make."""
    for name, supplier in context.project.procurement.suppliers.items():
        context.plan.factor(f"supplier.{name}", to_distribution(supplier.slip), group="suppliers")
    lots = {"phase": context.layout.phases, "hall": context.layout.halls, "block": context.layout.blocks}
    for item in context.project.procurement.items:
        for number, place in enumerate(lots[item.per]):
            gate = f"{place.name}.{item.id}"
            if gate in context.plan.gates:
                lot = UnitInfo("lot", "parts", place.name, item.id)
                context.plan.unit(gate, _lot(context, item, place, number, gate), lot)


def _lot(context: PlanContext, item: Item, place: Place, number: int, gate: str) -> list[PlanStep]:
    """Return: order, wait out the lead time and the slot, receive."""
    slot = item.slot_week.value if item.slot_week else 0
    weeks_between = item.slot_weeks_between.value if item.slot_weeks_between else 0
    return [
        context.ordered(gate, place),
        Note("ordered", item.id, place=place.name),
        lead_time(context, gate, f"{item.id} lead time", place, item.lead_weeks, item),
        Until(f"{item.id} slot", Span(Fixed(slot + number * weeks_between), MINUTES_PER_WEEK)),
        Note("delivered", item.id, place=place.name),
        Signal(gate),
    ]


def allocation(system: str) -> str:
    """Return the pool of what a maker has allotted to a system and that is not taken yet."""
    return f"{system}.allocation"


def allocate(context: PlanContext, system: str, per_block: int) -> None:
    """Write what a maker has promised for a system: at each date so much more can be had, `per_block` a block."""
    given = context.project.by_system[system].allocations
    if not given:
        return
    context.plan.pool(allocation(system), 0, "passed", cause="parts")
    mw, so_far = 0.0, 0
    for number, promised in enumerate(sorted(given, key=lambda promised: promised.week.value), 1):
        mw += promised.mw.value
        blocks = min(context.project.blocks, int(mw / context.project.block.mw_gross.value + 1e-9))
        route: list[PlanStep] = [Until("allocation", Span(Fixed(promised.week.value), MINUTES_PER_WEEK))]
        if promised.slip_days is not None:
            route.append(Work("allocation slip", Span(to_distribution(promised.slip_days), MINUTES_PER_DAY), "always"))
        if blocks > so_far:
            route.append(Free({allocation(system): (blocks - so_far) * per_block}))
        context.plan.unit(
            f"{allocation(system)}.{number}", route, UnitInfo("allocation", "parts", "", system, "", number)
        )
        so_far = blocks


def allotted(context: PlanContext, system: str, count: int, block: Place) -> list[PlanStep]:
    """Return the step that takes so much of what was allotted, for earlier blocks first; none without allocations."""
    if not context.project.by_system[system].allocations:
        return []
    return [Hold({allocation(system): count}, block.sequence)]


# --- what the blocks do not need --------------------------------------------------------------------------------------


RECEIVED = "received"


def receive_all(context: PlanContext) -> None:
    """Let the run go on until all that is bought has come, where blocks can be online without some of it.

    Power beyond what they need is such a thing, and the last steps of a network that nothing waits for: they were
    ordered, and come and are paid for all the same. The finish is that of the blocks.
    """
    plan, before = context.plan, context.plan.completion
    awaited = {gate for route in plan.units.values() for gate in _awaited(route)}
    late = [name for name, route in plan.units.items() if _may_come_last(context, name, route, awaited)]
    if not late:
        return
    received, over = plan.gate(RECEIVED), plan.gate("all received")
    for name in late:
        plan.units[name] = [*plan.units[name], Signal(received)]
    number = sum(plan.copies.number(name) for name in late)
    plan.unit("everything received", [Wait(*before), Wait(received, number), Signal(over)], UnitInfo("unit", "parts"))
    plan.finish, plan.completion = before, (over, 1)


def _awaited(route: Iterable[PlanStep]) -> Iterator[str]:
    """Yield the gates that a route waits for or looks at."""
    for step in route:
        if isinstance(step, Wait) or (isinstance(step, Again) and step.gate is not None):
            yield str(step.gate)


def _may_come_last(context: PlanContext, name: str, route: Iterable[PlanStep], awaited: Container[str]) -> bool:
    """Tell whether something is paid for on a route whose end nobody needs to wait for."""
    info = context.plan.info(name)
    if info.kind in ("generating_unit", "grid_feed"):
        return _power_to_spare(context, info)
    # the last signal of a step is that it is finished; all else that is bought is part of something that blocks need
    return info.kind == "step" and [step.gate for step in route if isinstance(step, Signal)][-1] not in awaited


def _power_to_spare(context: PlanContext, info: UnitInfo) -> bool:
    """Tell whether a plant has the power that its blocks need without the last unit, or without a feed."""
    energization = context.project.energization
    units, feeds = energization.units, {feed.id: feed.mw.value for feed in energization.grid}
    needed = next(plant.built_mw for plant in context.layout.plants if plant.name == info.place)
    firm = max(0, units.count - units.spare) * units.mw.value + fsum(feeds.values())
    return firm - (units.mw.value if info.kind == "generating_unit" else feeds[info.part]) >= needed


# --- prices -----------------------------------------------------------------------------------------------------------


LABOUR, CAMP, GENERAL_CONDITIONS = "labour", "camp", "general_conditions"


def price(item: str) -> str:
    """Return the name of the factor that is an item's unit cost."""
    return f"price.{item}"


def addition(item: str) -> str:
    """Return the name of the factor that is what an item costs more where it is made in a factory."""
    return f"price.{item} in factory"


def draw_prices(context: PlanContext) -> None:
    """Write every unit cost into the plan, to be drawn."""
    for name, estimate in unit_costs(context.project):
        context.plan.factor(name, to_distribution(estimate), group="prices")


def unit_costs(project: Project) -> Iterator[tuple[str, Estimate]]:
    """Yield the unit costs of a project by name."""
    money = project.money
    for item, given in money.prices.items():
        yield price(item), given.unit_cost
        if given.in_factory_usd_per_mw is not None:
            yield addition(item), given.in_factory_usd_per_mw
    yield price(LABOUR), money.labour.factor
    if money.camp is not None:
        yield price(CAMP), money.camp.usd_per_bed_day
    if money.general_conditions is not None:
        yield price(GENERAL_CONDITIONS), money.general_conditions.usd_per_month


# --- chips ------------------------------------------------------------------------------------------------------------


ORDERABLE = "orderable"


def release_chips(context: PlanContext) -> None:
    """Write the date from which each newer generation may be ordered."""
    for generation in context.project.orders.generations:
        date = Until("chips orderable", Span(to_distribution(generation.day), MINUTES_PER_DAY))
        info = UnitInfo("chips", "parts", part=generation.id)
        context.plan.unit(f"chips.{generation.id}", [date, Note(ORDERABLE, generation.id)], info)
