"""Orders without a date: placed when demand comes in sight, or when the phase before has its power.

The mechanisms write their routes with dates; here, when the plan is finished, those dates become times after an order:
of purchases, work, deliveries and crews' calls. Each order is a unit of its own. The units of an order that is never
placed, or cancelled in time, wait for ever; the order itself makes the signals that others count on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sim.config.project import Project
from sim.plan.layout import Layout, Place, generating_units
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.mechanisms.crews import done as hours_done
from sim.plan.mechanisms.demand import BROKEN_OFF, CLOSED, NEEDS
from sim.plan.mechanisms.procurement import RECEIVED
from sim.plan.plan_context import PlanContext
from sim.plan.vocabulary import (
    MINUTES_PER_DAY,
    MINUTES_PER_WEEK,
    Free,
    Hold,
    Jump,
    Label,
    Note,
    Signal,
    UnitInfo,
    Until,
    Wait,
    Work,
    days,
    fixed,
)
from sim.plan.vocabulary import Step as PlanStep
from sim.world.working_time import ALWAYS_OPEN

# --- orders -----------------------------------------------------------------------------------------------------------


APPROVED, CANCELLED = "approved", "cancelled"
PLACED, FIRM = ".placed", ".firm"
"""Suffixes of the names of an order's two gates."""


@dataclass(frozen=True)
class Order:
    """Blocks that are ordered at once: the order's name, its planned day, its blocks, the steps before it is placed."""

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


def orders_of(context: PlanContext) -> Iterator[Order]:
    """Yield the orders that wait for demand, or for the power of the phase before."""
    orders, layout = context.project.orders, context.layout
    if orders.policy == "follow_demand":
        for number, first in enumerate(range(0, len(layout.blocks), orders.lot_blocks), 1):
            blocks_of_lot = layout.blocks[first : first + orders.lot_blocks]
            waits = (Wait(NEEDS, first + 1), Jump("never", gate=CLOSED))
            yield Order(f"order.{number}", blocks_of_lot[0].order_day, blocks_of_lot, waits)
    elif orders.phase_after_units:
        for phase_before, phase in zip(layout.phases, layout.phases[1:], strict=False):
            blocks = tuple(block for block in layout.blocks if block.phase == phase.name)
            power_of_phase_before = Wait(
                context.plan.gate(f"{phase_before.name}.units running"), orders.phase_after_units
            )
            date = Until("phase may be ordered", days(phase.order_day), cause="order_date")
            yield Order(f"order.{phase.name}", phase.order_day, blocks, (date, power_of_phase_before))


def order_route(
    context: PlanContext, order: Order, block_signals: Mapping[str, int], hall_signals: Mapping[str, int]
) -> list[PlanStep]:
    """Return an order's route: placed and, after a while, firm; or never placed; or cancelled.

    Amounts by gate are what the units of its blocks and of its halls will signal; halls are built even if it is cancelled.
    What is not signalled on one path is signalled after the run is over, so that every path signals the same.
    """
    approved = [Note(APPROVED, amount=round(block.built_mw * 1000), place=block.name) for block in order.blocks]
    placed, firm = Signal(context.plan.gate(order.placed)), Signal(context.plan.gate(order.firm))
    if context.project.orders.policy != "follow_demand":
        return [*order.waits, *approved, placed, firm]
    # what the order signals in place of units that never come to it
    for_blocks = [Signal(gate, amount) for gate, amount in block_signals.items()]
    for_blocks.append(Signal(ONLINE, len(order.blocks)))
    for_halls = [Signal(gate, amount) for gate, amount in hall_signals.items()]
    return [
        *order.waits,
        *approved,
        placed,
        *_cancellable(context),
        firm,
        *after_the_run(context, "placed"),
        *for_blocks,
        *for_halls,
        Jump("end"),
        Label("cancelled"),
        *(Note(CANCELLED, place=block.name) for block in order.blocks),
        *for_blocks,
        *after_the_run(context, "cancelled"),
        *for_halls,
        firm,
        Jump("end"),
        Label("never"),
        *for_blocks,
        *for_halls,
        *after_the_run(context, "never"),
        placed,
        firm,
        Label("end"),
    ]


def after_the_run(context: PlanContext, path: str) -> list[PlanStep]:
    """Return the steps that wait for the end of the run: what comes after them on this path of a route never happens."""
    return [Wait(context.plan.completion[0]), Work(f"after the end, {path}", fixed(1), ALWAYS_OPEN)]


def _cancellable(context: PlanContext) -> list[PlanStep]:
    """Return the steps of the time in which an order may be cancelled, with the decision at its end; none by config."""
    cancelling, demand = context.project.orders.cancelling, context.project.orders.demand
    if cancelling is None or demand is None or demand.ending is None:
        return []
    cancelling_time = fixed(cancelling.within_days.value * MINUTES_PER_DAY)
    return [Work("may be cancelled", cancelling_time, ALWAYS_OPEN), Jump("cancelled", gate=BROKEN_OFF)]


# --- undated orders ---------------------------------------------------------------------------------------------------


@dataclass
class OrderBook:
    """All orders without a date, and the order (and place) to which each block and unit of the plan belongs."""

    context: PlanContext
    orders: list[Order]
    of_block: dict[str, Order] = field(default_factory=dict)
    cancellable: frozenset[str] = frozenset()
    """Blocks and turnovers whose order may be cancelled."""
    of_unit: dict[str, tuple[Order, Place]] = field(default_factory=dict)


def follow_orders(context: PlanContext) -> None:
    """Rewrite a finished plan so that every unit waits for its order, where orders have no dates."""
    orders = list(orders_of(context))
    if not orders:
        return
    lots = (
        (*context.layout.blocks, *context.layout.turnovers) if context.project.orders.policy == "follow_demand" else ()
    )
    of_block = {block.name: order for order in orders for block in order.blocks}
    book = OrderBook(context, orders, of_block, frozenset(place.name for place in lots))
    book.of_unit.update(_orders_of_units(book))
    amounts = _signalled_amounts(book)
    for name, (order, place) in book.of_unit.items():
        context.plan.units[name] = _after_order(book, name, order, place)
    _call_crews_after_orders(book)
    for order in orders:
        block_signals, hall_signals = (amounts.get((order.name, cancellable), {}) for cancellable in (True, False))
        route = order_route(context, order, block_signals, hall_signals)
        context.plan.unit(order.name, route, UnitInfo("order", "order_date"))


def _orders_of_units(book: OrderBook) -> Iterator[tuple[str, tuple[Order, Place]]]:
    """Yield (unit, (order, place)) for every unit of the plan that belongs to a place of an order."""
    places = _places(book.context.project, book.context.layout)
    for name in book.context.plan.units:
        place = _place_of(book.context.plan.info(name), places)
        order = book.of_block.get(place.blocks[0]) if place is not None else None
        if place is not None and order is not None:
            yield name, (order, place)


def _places(project: Project, layout: Layout) -> dict[tuple[str, int], Place]:
    """Return all places, by (name, 0); generating units by (their phase, their number).

    A generating unit is ordered with the first block that needs its power.
    """
    groups = (layout.phases, layout.halls, layout.turnovers, layout.blocks)
    places = {(place.name, 0): place for group in groups for place in group}
    return places | {(unit.phase, unit.unit): unit for unit in generating_units(project, layout)}


def _place_of(info: UnitInfo, places: Mapping[tuple[str, int], Place]) -> Place | None:
    """Return the place with which a unit is ordered; None for a unit that no single place needs, such as firm power."""
    if info.kind == "firm_power":
        return None
    return places.get((info.place, info.number if info.kind == "generating_unit" else 0))


def _signalled_amounts(book: OrderBook) -> dict[tuple[str, bool], dict[str, int]]:
    """Return by (order, whether it may be cancelled) what its units signal in all: person-hours and purchases, by gate.

    The units of blocks are cancelled with their order; a hall is built to its end once it was ordered.
    """
    amounts: dict[tuple[str, bool], dict[str, int]] = {}
    counting_gates = {hours_done(trade) for trade in book.context.project.labour.trades} | {RECEIVED}
    for name, (order, place) in book.of_unit.items():
        of_order = amounts.setdefault((order.name, place.name in book.cancellable), {})
        copies = book.context.plan.copies.number(name)
        for step in book.context.plan.units[name]:
            if isinstance(step, Signal) and step.gate in counting_gates:
                of_order[step.gate] = of_order.get(step.gate, 0) + step.amount * copies
    return amounts


# --- dates become times after an order ------------------------------------------------------------------


def _after_order(book: OrderBook, name: str, order: Order, place: Place) -> list[PlanStep]:
    """Return a unit's route with its dates counted from its order; no work begins on it before the order is firm."""
    route: list[PlanStep] = []
    for step in book.context.plan.units[name]:
        if isinstance(step, Until) and step.event in {"decision", "order"}:
            route += [Wait(order.placed)]
            route += _purchase(book, name, order, place) if step.event == "order" else []
        elif isinstance(step, Until) and step.event == "unit slot":
            route += _slot(book, step, order, place)
        else:
            route.append(step)
    if place.name in book.cancellable:
        route = list(_when_firm(route, order))
        route += _stopping(book.context) if any(isinstance(step, Jump) and step.to == "stop" for step in route) else []
    return route


def _purchase(book: OrderBook, name: str, order: Order, place: Place) -> list[PlanStep]:
    """Return the steps from an order to the purchase it entails; the unit stops there if the order is cancelled by then."""
    order_minutes, plan = book.context.resource_plan.order_minutes, book.context.plan
    minute_placed = _planned_minute(book, order)
    for unit in plan.copies.units(name) if order_minutes else ():
        # beside what procurement has written there: the lead time of its own lot
        plan.own_spans.setdefault(unit, {})["order"] = fixed(max(0, order_minutes.get(unit, 0) - minute_placed))
    delay = max(0, order_minutes.get(name, 0) - minute_placed)
    cancelling = book.context.project.orders.cancelling
    wait_steps: list[PlanStep] = [Work("order", fixed(delay), ALWAYS_OPEN, cause="order_date")]
    if cancelling is None or place.name not in book.cancellable or not delay:
        return wait_steps
    firm_by_then = delay >= cancelling.within_days.value * MINUTES_PER_DAY
    return [*wait_steps, Wait(order.firm) if firm_by_then else Jump("stop", gate=BROKEN_OFF)]


def _planned_minute(book: OrderBook, order: Order) -> int:
    """Return the minute at which an order is planned to be placed."""
    return book.context.resource_plan.placement_minutes.get(order.name, round(order.day * MINUTES_PER_DAY))


def _stopping(context: PlanContext) -> list[PlanStep]:
    """Return the end of a route on which a unit may stop for good: it waits until the run is over."""
    return [Jump("done"), Label("stop"), *after_the_run(context, "stopped"), Jump("stop"), Label("done")]


def _slot(book: OrderBook, slot: Until, order: Order, place: Place) -> list[PlanStep]:
    """Return the steps of a generating unit from its order to its delivery slot, counted from the order.

    Where units are ordered one by one, each takes the first unit's time, and its maker still makes one at a time.
    """
    units = book.context.project.energization.units
    if book.context.project.orders.policy != "follow_demand":
        weeks = slot.date.shape.planned() - order.day / 7
        return [Work(slot.event, fixed(max(0.0, weeks) * MINUTES_PER_WEEK), ALWAYS_OPEN)]
    making_weeks = min(units.first_week.value, units.weeks_between.value)
    maker = {book.context.plan.pool(f"{place.phase}.unit maker", 1, cause="power"): 1}
    return [
        Work(slot.event, fixed((units.first_week.value - making_weeks) * MINUTES_PER_WEEK), ALWAYS_OPEN),
        Hold(maker),
        Work("unit made", fixed(making_weeks * MINUTES_PER_WEEK), ALWAYS_OPEN),
        Free(maker),
    ]


def _when_firm(route: Sequence[PlanStep], order: Order) -> Iterator[PlanStep]:
    """Yield the steps of a route, with a wait until the order is firm before the first one that cannot be undone."""
    has_waited = False
    for step in route:
        if not has_waited and _cannot_be_undone(step):
            has_waited = True
            yield Wait(order.firm)
        yield step


def _cannot_be_undone(step: PlanStep) -> bool:
    """Return whether a step holds, frees, signals, reports or works; to order and to wait can be undone."""
    if isinstance(step, Work):
        return step.calendar != ALWAYS_OPEN
    return isinstance(step, Hold | Free | Signal) or (isinstance(step, Note) and step.kind != "ordered")


def _call_crews_after_orders(book: OrderBook) -> None:
    """Rewrite the routes of crews: each is called so many minutes after the order whose work needs it, not on a date."""
    units = book.context.plan.units
    first_of = {unit: first for first in book.of_unit for unit in book.context.plan.copies.units(first)}
    for trade, stays in book.context.resource_plan.mobilisations.items():
        for number, stay in enumerate(stays, 1):
            name = f"crew.{trade}.{number}"
            if name in units and stay.because in first_of:
                order, _ = book.of_unit[first_of[stay.because]]
                delay = max(0, stay.called - _planned_minute(book, order))
                units[name] = list(_called_after(units[name], order, delay))


def _called_after(route: Iterable[PlanStep], order: Order, delay: int) -> Iterator[PlanStep]:
    """Yield a crew's route in which it is called `delay` minutes after an order is placed."""
    for step in route:
        if isinstance(step, Until):
            yield Wait(order.placed)
            yield Work("called", fixed(delay), ALWAYS_OPEN)
        else:
            yield step
