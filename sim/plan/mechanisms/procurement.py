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
from sim.plan.layout import Layout, Place, place_kind, place_number
from sim.plan.plan_context import PlanContext
from sim.plan.vocabulary import (
    MINUTES_PER_DAY,
    MINUTES_PER_WEEK,
    Free,
    Hold,
    Jump,
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
from sim.world.working_time import ALWAYS_OPEN

# --- procurement ------------------------------------------------------------------------------------------------------


def arrived(context: PlanContext, item: str, place: Place) -> str:
    """Return the gate of an item's arrival for a place: it is bought once for its phase, for its hall or for itself."""
    per = next(config.per for config in context.project.procurement.items if config.id == item)
    bought_for = {"phase": place.phase, "hall": place.hall, "block": place.name}[per]
    return context.plan.gate(f"{bought_for}.{item}")


def slip_of(supplier: str | None) -> tuple[str, ...]:
    """Return the name of the common factor on all lead times of a supplier; nothing where none is named."""
    return () if supplier is None else (f"supplier.{supplier}",)


def lead_time(
    context: PlanContext, unit: str, activity: str, place: Place, weeks: Estimate, terms: Factory | SiteBuilt | Item
) -> Work:
    """Return the lead time of what a unit needs for a place, as work: drawn once for its lot, times its supplier's factor.

    A lot that is delivered over time comes block by block, in the order of the work, from its lead time on.
    """
    shape, slip = to_distribution(weeks), slip_of(terms.supplier)
    planned = shape.planned()
    if terms.lot is None or isinstance(shape, Fixed) or planned <= 0:
        return Work(activity, Span(shape, MINUTES_PER_WEEK, losses=slip), ALWAYS_OPEN, cause="parts")
    copies, spans = context.plan.copies, list[Span]()
    for unit_name, place_name in zip(copies.names_now(unit), copies.names_now(place.name), strict=True):
        lot_name, blocks_before = lot_of(context.layout, terms.lot, place_name)
        factor = context.plan.factor(f"lot.{activity}.{lot_name}", shape.scaled(1 / planned), group="lots")
        rate = terms.lot_delivered_per_week
        weeks_later = 0.0 if rate is None else blocks_before / rate.value
        spans.append(Span(Fixed(planned + weeks_later), MINUTES_PER_WEEK, losses=(factor, *slip)))
        context.plan.own_spans.setdefault(unit_name, {})[activity] = spans[-1]
    return Work(activity, spans[0], ALWAYS_OPEN, cause="parts")


def lot_of(layout: Layout, lot: Lot, place: str) -> tuple[str, int]:
    """Return the name of the lot of a place's first block, and how many blocks of the lot come before that block.

    A lot is a number of blocks, a hall, or all that is ordered on one day.

    >>> lot_of(layout_of(project), 4, "b6")
    ('2', 1)
    """
    places = {"phase": layout.phases, "hall": layout.halls, "block": layout.blocks}[place_kind(place)]
    block_index = place_number(places[place_number(place) - 1].blocks[0]) - 1
    if isinstance(lot, int):
        return f"{block_index // lot + 1}", block_index % lot
    block = layout.blocks[block_index]
    if lot == "hall":
        hall = layout.halls[place_number(block.hall) - 1]
        return hall.name, block_index - place_number(hall.blocks[0]) + 1
    first_index = bisect_left(layout.blocks, block.order_day, key=lambda other: other.order_day)
    return f"day {block.order_day}", block_index - first_index


def procure(context: PlanContext) -> None:
    """Write a unit for every purchase of an item that some step needs, and a factor on lead times for every supplier."""
    for name, supplier in context.project.procurement.suppliers.items():
        context.plan.factor(f"supplier.{name}", to_distribution(supplier.slip), group="suppliers")
    places = {"phase": context.layout.phases, "hall": context.layout.halls, "block": context.layout.blocks}
    for item in context.project.procurement.items:
        for number, place in enumerate(places[item.per]):
            gate = f"{place.name}.{item.id}"
            if gate in context.plan.gates:
                info = UnitInfo("lot", "parts", place.name, item.id)
                context.plan.unit(gate, _lot(context, item, place, number, gate), info)


def _lot(context: PlanContext, item: Item, place: Place, number: int, gate: str) -> list[PlanStep]:
    """Return the route of a purchase: the order, its lead time, its delivery slot, its arrival; `number` is its slot's."""
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
    """Return the pool of a system's allocations that its maker has granted and no unit has taken yet."""
    return f"{system}.allocation"


def allocate(context: PlanContext, system: str, per_block: int) -> None:
    """Write a unit for each date at which a maker grants more of a system; a block takes `per_block` allocations."""
    allocations = context.project.by_system[system].allocations
    if not allocations:
        return
    context.plan.pool(allocation(system), 0, "passed", cause="parts")
    mw, blocks_before = 0.0, 0
    for number, promised in enumerate(sorted(allocations, key=lambda promised: promised.week.value), 1):
        mw += promised.mw.value
        blocks = min(context.project.blocks, int(mw / context.project.block.mw_gross.value + 1e-9))
        route: list[PlanStep] = [Until("allocation", Span(Fixed(promised.week.value), MINUTES_PER_WEEK))]
        if promised.slip_days is not None:
            route.append(
                Work("allocation slip", Span(to_distribution(promised.slip_days), MINUTES_PER_DAY), ALWAYS_OPEN)
            )
        if blocks > blocks_before:
            route.append(Free({allocation(system): (blocks - blocks_before) * per_block}))
        context.plan.unit(
            f"{allocation(system)}.{number}", route, UnitInfo("allocation", "parts", "", system, "", number)
        )
        blocks_before = blocks


def allotted(context: PlanContext, system: str, count: int, block: Place) -> list[PlanStep]:
    """Return the step that takes a count of a system's allocations, for earlier blocks first; none without allocations."""
    if not context.project.by_system[system].allocations:
        return []
    return [Hold({allocation(system): count}, block.sequence)]


# --- what the blocks do not need --------------------------------------------------------------------------------------


RECEIVED = "received"


def receive_all(context: PlanContext) -> None:
    """Let the run go on until everything that is bought has come, where blocks can be online without some of it.

    Such are power beyond what the blocks need, and last steps of a network for which nothing waits: they were
    ordered, and come and are paid for all the same. The finish of the project stays that of the blocks.
    """
    plan, finish = context.plan, context.plan.completion
    awaited = {gate for route in plan.units.values() for gate in _awaited(route)}
    may_come_last = [name for name, route in plan.units.items() if _may_come_last(context, name, route, awaited)]
    if not may_come_last:
        return
    received_gate, end_gate = plan.gate(RECEIVED), plan.gate("all received")
    for name in may_come_last:
        plan.units[name] = [*plan.units[name], Signal(received_gate)]
    units_to_receive = sum(plan.copies.number(name) for name in may_come_last)
    plan.unit(
        "everything received",
        [Wait(*finish), Wait(received_gate, units_to_receive), Signal(end_gate)],
        UnitInfo("unit", "parts"),
    )
    plan.finish, plan.completion = finish, (end_gate, 1)


def _awaited(route: Iterable[PlanStep]) -> Iterator[str]:
    """Yield the gates of a route's waits and jumps."""
    for step in route:
        if isinstance(step, Wait) or (isinstance(step, Jump) and step.gate is not None):
            yield str(step.gate)


def _may_come_last(context: PlanContext, name: str, route: Iterable[PlanStep], awaited: Container[str]) -> bool:
    """Return whether a unit pays for something that may come after all blocks are online: nothing waits for its end."""
    info = context.plan.info(name)
    if info.kind in ("generating_unit", "grid_feed"):
        return _power_to_spare(context, info)
    # the last signal of a step is that it is finished; all else that is bought is part of something that blocks need
    return info.kind == "step" and [step.gate for step in route if isinstance(step, Signal)][-1] not in awaited


def _power_to_spare(context: PlanContext, info: UnitInfo) -> bool:
    """Return whether a plant has enough power for its blocks without its last generating unit, or without a grid feed."""
    energization = context.project.energization
    units, feeds = energization.units, {feed.id: feed.mw.value for feed in energization.grid}
    mw_needed = next(plant.built_mw for plant in context.layout.power_plants if plant.name == info.place)
    firm_mw = max(0, units.count - units.spare) * units.mw.value + fsum(feeds.values())
    return firm_mw - (units.mw.value if info.kind == "generating_unit" else feeds[info.part]) >= mw_needed


# --- prices -----------------------------------------------------------------------------------------------------------


LABOUR, CAMP, GENERAL_CONDITIONS = "labour", "camp", "general_conditions"


def price(item: str) -> str:
    """Return the name of the sampled input that is an item's unit cost."""
    return f"price.{item}"


def addition(item: str) -> str:
    """Return the name of the sampled input that is added to the unit cost of an item where that is made in a factory."""
    return f"price.{item} in factory"


def draw_prices(context: PlanContext) -> None:
    """Write every unit cost into the plan as a common factor, which is an input that is sampled once a replication."""
    for name, estimate in unit_costs(context.project):
        context.plan.factor(name, to_distribution(estimate), group="prices")


def unit_costs(project: Project) -> Iterator[tuple[str, Estimate]]:
    """Yield (name as a sampled input, estimate) for every unit cost of a project, and for every addition to one."""
    money = project.money
    for item, item_price in money.prices.items():
        yield price(item), item_price.unit_cost
        if item_price.in_factory_usd_per_mw is not None:
            yield addition(item), item_price.in_factory_usd_per_mw
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
