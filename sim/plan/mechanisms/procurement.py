"""Procurement: long-lead items, allocations, unit costs, and newer generations of chips.

An item is ordered at a date and delivered after a lead time, never before a held slot or an allocation. A unit cost is
drawn once a project, by name, so that strategies that buy the same thing pay the same for it. From a drawn date on,
whatever compute is not ordered yet is of the newer generation.
"""

from __future__ import annotations

from collections.abc import Iterator

from sim.config.project import Project
from sim.config.sections.estimates import Estimate
from sim.config.sections.orders import Item
from sim.plan.context import PlanContext
from sim.plan.layout import Place
from sim.plan.vocabulary import MINUTES_PER_DAY, MINUTES_PER_WEEK, Free, Hold, Note, Signal, Span, UnitInfo, Until, Work
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
    lead = Span(to_distribution(item.lead_weeks), MINUTES_PER_WEEK, losses=slip_of(item.supplier))
    return [
        context.ordered(gate, place),
        Note("ordered", item.id, place=place.name),
        Work(f"{item.id} lead time", lead, "always"),
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
