"""Long-lead items: ordered at a date, delivered after a lead time, never before a held slot."""

from __future__ import annotations

from sim.config.procurement import Item
from sim.plan.brief import Brief, shape
from sim.plan.layout import Place
from sim.plan.vocabulary import MINUTES_PER_WEEK, Note, Signal, Span, Until, Work
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import Fixed


def arrived(brief: Brief, item: str, place: Place) -> str:
    """Return the gate of an item's arrival for a place: its own lot, its hall's or its phase's."""
    per = next(given.per for given in brief.project.procurement.items if given.id == item)
    lot = {"phase": place.phase, "hall": place.hall, "block": place.name}[per]
    return brief.plan.gate(f"{lot}.{item}")


def procure(brief: Brief) -> None:
    """Write every lot of every item into the plan that some step needs."""
    lots = {"phase": brief.layout.phases, "hall": brief.layout.halls, "block": brief.layout.blocks}
    for item in brief.project.procurement.items:
        for place in lots[item.per]:
            gate = f"{place.name}.{item.id}"
            if gate in brief.plan.gates:
                brief.plan.unit(gate, _lot(brief, item, place, gate))


def _lot(brief: Brief, item: Item, place: Place, gate: str) -> list[PlanStep]:
    """Return: order, wait out the lead time and the slot, receive."""
    slot = item.slot_week.value if item.slot_week else 0
    return [
        brief.ordered(gate, place),
        Note("ordered", f"{item.id}/{place.name}"),
        Work(f"{item.id} lead time", Span(shape(item.lead_weeks), MINUTES_PER_WEEK), "always"),
        Until(f"{item.id} slot", Span(Fixed(slot), MINUTES_PER_WEEK)),
        Note("delivered", f"{item.id}/{place.name}"),
        Signal(gate),
    ]
