"""Orders that are not dated beforehand: placed when demand comes in sight, or when the phase before has its power.

Each is a unit of its own. What belongs to a place of the order waits for it instead of for a date. What is never
ordered, or cancelled in time, waits for ever; its order makes the signals that others count on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sim.plan.brief import Brief
from sim.plan.commissioning import ONLINE
from sim.plan.demand import BROKEN_OFF, CLOSED, NEEDS
from sim.plan.layout import Place
from sim.plan.vocabulary import (
    MINUTES_PER_DAY,
    Again,
    Label,
    Note,
    Signal,
    Until,
    Wait,
    Work,
    days,
    fixed,
)
from sim.plan.vocabulary import Step as PlanStep

APPROVED, CANCELLED = "approved", "cancelled"
PLACED, FIRM = ".placed", ".firm"
"""How the gates of an order end."""


@dataclass(frozen=True)
class Order:
    """Blocks that are ordered at once: the order's name, its planned day, its blocks, what it waits for."""

    name: str
    day: float
    blocks: tuple[Place, ...]
    waits: tuple[PlanStep, ...]

    @property
    def placed(self) -> str:
        """Return the gate of the order."""
        return self.name + PLACED

    @property
    def firm(self) -> str:
        """Return the gate that opens when the order can no longer be cancelled."""
        return self.name + FIRM


def orders_of(brief: Brief) -> Iterator[Order]:
    """Yield the orders that wait for demand, or for the power of the phase before."""
    orders, layout = brief.project.orders, brief.layout
    if orders.policy == "follow_demand":
        for number, at in enumerate(range(0, len(layout.blocks), orders.lot_blocks), 1):
            lot = layout.blocks[at : at + orders.lot_blocks]
            waits = (Wait(NEEDS, at + 1), Again("never", gate=CLOSED))
            yield Order(f"order.{number}", lot[0].order_day, lot, waits)
    elif orders.phase_after_units:
        for before, phase in zip(layout.phases, layout.phases[1:], strict=False):
            blocks = tuple(block for block in layout.blocks if block.phase == phase.name)
            powered = Wait(brief.plan.gate(f"{before.name}.units running"), orders.phase_after_units)
            date = Until("phase may be ordered", days(phase.order_day))
            yield Order(f"order.{phase.name}", phase.order_day, blocks, (date, powered))


def order_route(brief: Brief, order: Order, reports: Mapping[str, int]) -> list[PlanStep]:
    """Return an order's route: placed and, after a while, firm; or never, or cancelled.

    What was not signalled on one way is signalled after the run is over, so that every way signals the same.
    """
    approved = [Note(APPROVED, block.name, round(block.built_mw * 1000)) for block in order.blocks]
    placed, firm = Signal(brief.plan.gate(order.placed)), Signal(brief.plan.gate(order.firm))
    if brief.project.orders.policy != "follow_demand":
        return [*order.waits, *approved, placed, firm]
    without = [Signal(gate, amount) for gate, amount in reports.items()] + [Signal(ONLINE, len(order.blocks))]
    return [
        *order.waits,
        *approved,
        placed,
        *_cancellable(brief),
        firm,
        *after_the_run(brief, "placed"),
        *without,
        Again("end"),
        Label("cancelled"),
        *(Note(CANCELLED, block.name) for block in order.blocks),
        *without,
        *after_the_run(brief, "cancelled"),
        firm,
        Again("end"),
        Label("never"),
        *without,
        *after_the_run(brief, "never"),
        placed,
        firm,
        Label("end"),
    ]


def after_the_run(brief: Brief, way: str) -> list[PlanStep]:
    """Return the wait for what comes after the run is over, and so never does."""
    return [Wait(brief.plan.completion[0]), Work(f"after the end, {way}", fixed(1), "always")]


def _cancellable(brief: Brief) -> list[PlanStep]:
    """Return the time in which an order may be cancelled, and the decision at its end."""
    cancelling, demand = brief.project.orders.cancelling, brief.project.orders.demand
    if cancelling is None or demand is None or demand.ending is None:
        return []
    within = fixed(cancelling.within_days.value * MINUTES_PER_DAY)
    return [Work("may be cancelled", within, "always"), Again("cancelled", gate=BROKEN_OFF)]
