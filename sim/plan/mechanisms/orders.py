"""Orders that are not dated: placed when demand comes in sight, or when the phase before has its power.

The mechanisms write their routes with dates; here, when the plan is finished, those dates become times after an order:
of purchases, work, deliveries and crews' calls. Each order is a unit of its own. What is never ordered, or cancelled
in time, waits for ever; its order makes the signals that others count on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sim.config.project import Project
from sim.plan.context import PlanContext
from sim.plan.layout import Layout, Place, generating_units
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.mechanisms.crews import done as hours_done
from sim.plan.mechanisms.demand import BROKEN_OFF, CLOSED, NEEDS
from sim.plan.mechanisms.procurement import RECEIVED
from sim.plan.vocabulary import (
    MINUTES_PER_DAY,
    MINUTES_PER_WEEK,
    Again,
    Free,
    Hold,
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

# --- orders -----------------------------------------------------------------------------------------------------------


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


def orders_of(context: PlanContext) -> Iterator[Order]:
    """Yield the orders that wait for demand, or for the power of the phase before."""
    orders, layout = context.project.orders, context.layout
    if orders.policy == "follow_demand":
        for number, at in enumerate(range(0, len(layout.blocks), orders.lot_blocks), 1):
            lot = layout.blocks[at : at + orders.lot_blocks]
            waits = (Wait(NEEDS, at + 1), Again("never", gate=CLOSED))
            yield Order(f"order.{number}", lot[0].order_day, lot, waits)
    elif orders.phase_after_units:
        for before, phase in zip(layout.phases, layout.phases[1:], strict=False):
            blocks = tuple(block for block in layout.blocks if block.phase == phase.name)
            powered = Wait(context.plan.gate(f"{before.name}.units running"), orders.phase_after_units)
            date = Until("phase may be ordered", days(phase.order_day), cause="order_date")
            yield Order(f"order.{phase.name}", phase.order_day, blocks, (date, powered))


def order_route(
    context: PlanContext, order: Order, reports: Mapping[str, int], built: Mapping[str, int]
) -> list[PlanStep]:
    """Return an order's route: placed and, after a while, firm; or never, or cancelled.

    `reports` is what its blocks will signal, `built` what its halls will, which are built even if it is cancelled. What was
    not signalled on one way is signalled after the run is over, so that every way signals the same.
    """
    approved = [Note(APPROVED, amount=round(block.built_mw * 1000), place=block.name) for block in order.blocks]
    placed, firm = Signal(context.plan.gate(order.placed)), Signal(context.plan.gate(order.firm))
    if context.project.orders.policy != "follow_demand":
        return [*order.waits, *approved, placed, firm]
    without = [Signal(gate, amount) for gate, amount in reports.items()] + [Signal(ONLINE, len(order.blocks))]
    halls = [Signal(gate, amount) for gate, amount in built.items()]
    return [
        *order.waits,
        *approved,
        placed,
        *_cancellable(context),
        firm,
        *after_the_run(context, "placed"),
        *without,
        *halls,
        Again("end"),
        Label("cancelled"),
        *(Note(CANCELLED, place=block.name) for block in order.blocks),
        *without,
        *after_the_run(context, "cancelled"),
        *halls,
        firm,
        Again("end"),
        Label("never"),
        *without,
        *halls,
        *after_the_run(context, "never"),
        placed,
        firm,
        Label("end"),
    ]


def after_the_run(context: PlanContext, way: str) -> list[PlanStep]:
    """Return the wait for what comes after the run is over, and so never does."""
    return [Wait(context.plan.completion[0]), Work(f"after the end, {way}", fixed(1), "always")]


def _cancellable(context: PlanContext) -> list[PlanStep]:
    """Return the time in which an order may be cancelled, and the decision at its end."""
    cancelling, demand = context.project.orders.cancelling, context.project.orders.demand
    if cancelling is None or demand is None or demand.ending is None:
        return []
    within = fixed(cancelling.within_days.value * MINUTES_PER_DAY)
    return [Work("may be cancelled", within, "always"), Again("cancelled", gate=BROKEN_OFF)]


# --- undated orders ---------------------------------------------------------------------------------------------------


@dataclass
class OrderBook:
    """All orders that are not dated, and whose order everything in the plan is."""

    context: PlanContext
    orders: list[Order]
    of_block: dict[str, Order] = field(default_factory=dict)
    cancellable: frozenset[str] = frozenset()
    """Blocks and turnovers whose order may be cancelled."""
    of_unit: dict[str, tuple[Order, Place]] = field(default_factory=dict)


def follow_orders(context: PlanContext) -> None:
    """Let everything in a finished plan wait for its order where that is not dated beforehand."""
    orders = list(orders_of(context))
    if not orders:
        return
    lots = (
        (*context.layout.blocks, *context.layout.turnovers) if context.project.orders.policy == "follow_demand" else ()
    )
    of_block = {block.name: order for order in orders for block in order.blocks}
    book = OrderBook(context, orders, of_block, frozenset(place.name for place in lots))
    book.of_unit.update(_whose(book))
    reports = _reports(book)
    for name, (order, place) in book.of_unit.items():
        context.plan.units[name] = _waiting(book, name, order, place)
    _crews(book)
    for order in orders:
        of_blocks, of_halls = (reports.get((order.name, cancellable), {}) for cancellable in (True, False))
        route = order_route(context, order, of_blocks, of_halls)
        context.plan.unit(order.name, route, UnitInfo("order", "order_date"))


def _whose(book: OrderBook) -> Iterator[tuple[str, tuple[Order, Place]]]:
    """Yield every unit of the plan that belongs to a place of an order."""
    places = _places(book.context.project, book.context.layout)
    for name in book.context.plan.units:
        place = _place_of(book.context.plan.info(name), places)
        order = book.of_block.get(place.blocks[0]) if place is not None else None
        if place is not None and order is not None:
            yield name, (order, place)


def _places(project: Project, layout: Layout) -> dict[tuple[str, int], Place]:
    """Return every place by name and 0, generating units by their phase and number.

    A generating unit is ordered with the first block that needs its power.
    """
    groups = (layout.phases, layout.halls, layout.turnovers, layout.blocks)
    places = {(place.name, 0): place for group in groups for place in group}
    return places | {(unit.phase, unit.unit): unit for unit in generating_units(project, layout)}


def _place_of(info: UnitInfo, places: Mapping[tuple[str, int], Place]) -> Place | None:
    """Return the place with whose order a unit is ordered; None for what is shared, such as the count of firm power."""
    if info.kind == "firm_power":
        return None
    return places.get((info.place, info.number if info.kind == "generating_unit" else 0))


def _reports(book: OrderBook) -> dict[tuple[str, bool], dict[str, int]]:
    """Return what units will report, person-hours by trade's gate and purchases, by order and whether it may be cancelled.

    Blocks go with their order; a hall is built to its end once it was ordered, and reports itself.
    """
    done: dict[tuple[str, bool], dict[str, int]] = {}
    counted = {hours_done(trade) for trade in book.context.project.labour.trades} | {RECEIVED}
    for name, (order, place) in book.of_unit.items():
        key = order.name, place.name in book.cancellable
        alike = book.context.plan.copies.number(name)
        for step in book.context.plan.units[name]:
            if isinstance(step, Signal) and step.gate in counted:
                hours = done.setdefault(key, {})
                hours[step.gate] = hours.get(step.gate, 0) + step.amount * alike
    return done


# --- dates become times after an order ------------------------------------------------------------------


def _waiting(book: OrderBook, name: str, order: Order, place: Place) -> list[PlanStep]:
    """Return a unit's route with its dates counted from its order, and nothing begun before that is firm."""
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
        route += _stopping(book.context) if any(isinstance(step, Again) and step.to == "stop" for step in route) else []
    return route


def _purchase(book: OrderBook, name: str, order: Order, place: Place) -> list[PlanStep]:
    """Return the time from an order to the purchase it entails; no purchase where it is or will be cancelled."""
    bought, plan = book.context.resource_plan.order_minutes, book.context.plan
    for own in plan.copies.units(name) if bought else ():
        plan.own_spans[own] = {"order": fixed(max(0, bought.get(own, 0) - _planned(book, order)))}
    later = max(0, bought.get(name, 0) - _planned(book, order))
    cancelling = book.context.project.orders.cancelling
    wait: list[PlanStep] = [Work("order", fixed(later), "always", cause="order_date")]
    if cancelling is None or place.name not in book.cancellable or not later:
        return wait
    settled = later >= cancelling.within_days.value * MINUTES_PER_DAY
    return [*wait, Wait(order.firm) if settled else Again("stop", gate=BROKEN_OFF)]


def _planned(book: OrderBook, order: Order) -> int:
    """Return the minute at which an order is planned to be placed."""
    return book.context.resource_plan.placed.get(order.name, round(order.day * MINUTES_PER_DAY))


def _stopping(context: PlanContext) -> list[PlanStep]:
    """Return the end of a route on which a unit may stop for good: it waits until the run is over."""
    return [Again("done"), Label("stop"), *after_the_run(context, "stopped"), Again("stop"), Label("done")]


def _slot(book: OrderBook, slot: Until, order: Order, place: Place) -> list[PlanStep]:
    """Return a generating unit's time from its order to its delivery: its slot, counted from the order.

    Where units are ordered one by one, each takes the first unit's time, and its maker still makes one at a time.
    """
    units = book.context.project.energization.units
    if book.context.project.orders.policy != "follow_demand":
        weeks = slot.date.shape.planned() - order.day / 7
        return [Work(slot.event, fixed(max(0.0, weeks) * MINUTES_PER_WEEK), "always")]
    making = min(units.first_week.value, units.weeks_between.value)
    maker = {book.context.plan.pool(f"{place.phase}.unit maker", 1, cause="power"): 1}
    return [
        Work(slot.event, fixed((units.first_week.value - making) * MINUTES_PER_WEEK), "always"),
        Hold(maker),
        Work("unit made", fixed(making * MINUTES_PER_WEEK), "always"),
        Free(maker),
    ]


def _when_firm(route: Sequence[PlanStep], order: Order) -> Iterator[PlanStep]:
    """Yield a route that takes nothing and does nothing before its order is firm."""
    begun = False
    for step in route:
        if not begun and _begins(step):
            begun = True
            yield Wait(order.firm)
        yield step


def _begins(step: PlanStep) -> bool:
    """Tell whether a step takes something, does something or reports something that cannot be undone."""
    if isinstance(step, Work):
        return step.calendar != "always"
    return isinstance(step, Hold | Free | Signal) or (isinstance(step, Note) and step.kind != "ordered")


def _crews(book: OrderBook) -> None:
    """Call crews a time after the order whose work needs them, not on a date."""
    written = {own: unit for unit in book.of_unit for own in book.context.plan.copies.units(unit)}
    for trade, stays in book.context.resource_plan.mobilisations.items():
        for number, stay in enumerate(stays, 1):
            name = f"crew.{trade}.{number}"
            if name in book.context.plan.units and stay.because in written:
                order, _ = book.of_unit[written[stay.because]]
                later = max(0, stay.called - _planned(book, order))
                called = list(_called(book.context.plan.units[name], order, later))
                book.context.plan.units[name] = called


def _called(route: Iterable[PlanStep], order: Order, later: int) -> Iterator[PlanStep]:
    """Yield a crew's route with its call counted from an order."""
    for step in route:
        if isinstance(step, Until):
            yield Wait(order.placed)
            yield Work("called", fixed(later), "always")
        else:
            yield step
