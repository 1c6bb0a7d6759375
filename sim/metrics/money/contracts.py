"""Contracts: everything a project buys, at which unit cost, and which steps of its plan make how much of it due.

Worked out once for a plan, as it does not depend on dates; `sim.metrics.money.ledger` adds those of a run. An item is a
price at a place of the layout: switchgear of block 17. What is due of it follows from milestones that the plan notes
(ordered, delivered, complete); what is owed if it is cancelled, and when compute changes hands, likewise.

Beside contracts stand costs that run as long as something is there: people, their beds, the open site. They are no
contracts but dollars by day, paid at the end of a week or month; the contractor's fee on what he bills is the last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.config.sections.money import PARTS, Price, Stage
from sim.config.sections.systems import System
from sim.metrics.event_log import DAY, MONTH, Index, Ints
from sim.metrics.kernels.interface import Shares
from sim.metrics.money.in_service import Serving, served_by
from sim.metrics.workforce import Headcount
from sim.plan.layout import Layout, Place, generating_units
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.mechanisms.procurement import CAMP, GENERAL_CONDITIONS, LABOUR, addition, price
from sim.plan.vocabulary import NOTE

# --- milestones--------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]
Steps = Sequence[tuple[int, int]]
"""Notes of one kind about one thing: the step of the plan, and how much it notes."""
Noted = Mapping[str, Steps]
"""The notes about one item, by kind."""
Due = tuple[int, float, int]
"""A step of the plan, a share of the price, and minutes from the one to the other."""
DELIVERED = (Stage(since="delivered", share=1.0),)


def payments(terms: Price, noted: Noted) -> Iterator[Due]:
    """Yield (step, share up to and with it, lag): a milestone in parts is paid in parts, less what is kept back.

    Milestones that the plan does not note for this item leave their shares to the others.
    """
    retained = terms.retention
    # nothing is kept back until a milestone that never comes: it would never be paid
    kept = retained.share.value if retained is not None and noted.get(retained.until) else 0.0
    # terms are shared by many items, and not each has all milestones: the shares that apply are scaled to 1
    there = fsum(payment.share for payment in terms.payments if noted.get(payment.on))
    upto = 0.0
    for payment in terms.payments:
        for step, part in _parts(noted.get(payment.on, ())):
            # cumulated, as the ledger rounds totals: parts then add up to the price in cents
            upto += payment.share / there * part * (1 - kept)
            yield step, upto, _minutes(payment.lag_days.value)
    if retained is not None and kept:
        for step, part in _parts(noted[retained.until]):
            upto += kept * part
            yield step, upto, _minutes(retained.lag_days.value)


def owed(terms: Price, noted: Noted) -> Iterator[Due]:
    """Yield (step, further share that is owed even if the item is cancelled, 0), stage after stage."""
    before = 0.0
    for stage in terms.cancelling or DELIVERED:
        for step, part in _parts(noted.get(stage.since, ())):
            # stages are stated as totals; what is added is the step from the one before
            yield step, (stage.share - before) * part, 0
        before = stage.share if noted.get(stage.since) else before


def title(kind: str, noted: Noted) -> Iterator[Due]:
    """Yield (step, share that changes hands, 0), part by part."""
    for step, part in _parts(noted.get(kind, ())):
        yield step, part, 0


def _parts(steps: Steps) -> Iterator[tuple[int, float]]:
    """Yield steps with their share of all that they note together."""
    whole = sum(amount for _, amount in steps)
    for step, amount in steps:
        yield step, amount / whole


def _minutes(days: float) -> int:
    return round(days * DAY)


def shares(rows: Sequence[Sequence[Due]]) -> Shares:
    """Return the rows of every item, in the order of items."""
    flat = [row for rows_ in rows for row in rows_]
    return Shares(
        np.repeat(np.arange(len(rows)), [len(one) for one in rows]),
        np.array([step for step, _, _ in flat], np.int64),
        np.array([share for _, share, _ in flat], np.float64),
        np.array([lag for _, _, lag in flat], np.int64),
    )


# --- standing ---------------------------------------------------------------------------------------------------------


FEE = "fee"
STANDING = (LABOUR, CAMP, GENERAL_CONDITIONS, FEE)
WEEK = 7 * DAY
LENGTHS = {LABOUR: WEEK, CAMP: WEEK, GENERAL_CONDITIONS: MONTH}
"""Minutes of the period at whose end each of them falls due."""


def wages(people: Headcount, paid_by_day: Floats, project: Project, factor: float) -> Floats:
    """Return dollars by day: headcount × paid hours × loaded rate, indirect people at the rate of those they serve.

    Hours of overtime cost the rate times what overtime costs more, those of a second shift what it costs beyond the rate, and
    those of crews that stand by the share that is agreed.
    """
    rates = np.array([project.labour.trades[trade].paid_rate for trade in people.trades])
    crowd = people.direct.sum(axis=0)
    # indirect people have no trade: they are paid as the mean of those they serve
    whole = np.divide(people.total, crowd, out=np.zeros(len(crowd)), where=crowd > 0)
    by_day: Floats = _weighted(rates, people.direct) * paid_by_day * whole * factor
    policy = project.labour.acceleration
    if policy is not None and policy.overtime is not None:
        by_day = by_day + _weighted(rates, people.overtime) * paid_by_day * (policy.overtime.pay.value * factor)
    if policy is not None and policy.shift is not None and people.premium is not None:
        by_day = by_day + _weighted(rates, people.premium) * paid_by_day * ((policy.shift.pay - 1) * factor)
    if project.labour.standby is not None and people.standby is not None:
        by_day = by_day + _weighted(rates, people.standby) * paid_by_day * (project.labour.standby.share.value * factor)
    return by_day


def _weighted(rates: Floats, people: NDArray[np.int64]) -> Floats:
    """Return the sum of rate × people over trades, trade by trade.

    Not by a matrix product: how that adds up is the library's and the processor's choice, and half a cent of wages more or
    less is a cent in another week.
    """
    found: Floats = (rates[:, None] * people).sum(axis=0)
    return found


def beds(people: Headcount, project: Project, usd_per_bed_day: float) -> Floats:
    """Return dollars by day for a bed for everyone on site who lives in the camp."""
    housed = project.money.camp.housed.value if project.money.camp is not None else 0.0
    return np.asarray(people.total * (housed * usd_per_bed_day), np.float64)


def open_site(opened: int, closed: int, days: int, usd_per_month: float) -> Floats:
    """Return dollars by day for a site open from one minute to another."""
    # days that are open in part cost in part; `max`, as a site that never opened has closed at 0
    edges = np.clip(np.arange(0, (days + 1) * DAY, DAY), opened, max(opened, closed))
    by_day: Floats = np.diff(edges) * (usd_per_month / MONTH)
    return by_day


# --- contracts --------------------------------------------------------------------------------------------------------


LEGAL_WIDTH_FT, LEGAL_LB = 8.5, 48_000


@dataclass(frozen=True)
class Contracts:
    """Everything that is bought: names, unit costs by factor, quantities, and when it is due.

    `unit` and `extra` number the plan's factors (-1: none); `group` numbers what is authorised together, `block` is
    the first block it is for, `authorised` the minute, or -1 where that is the block's order's. `title` are the
    steps with which compute changes hands.
    """

    names: tuple[str, ...]
    prices: tuple[str, ...]
    places: tuple[str, ...]
    unit: Ints
    quantity: Floats
    extra: Ints
    extra_quantity: Floats
    escalation: Floats
    sales_tax: Floats
    part: Ints
    billed: NDArray[np.bool_]
    ordered: Ints
    group: Ints
    block: Ints
    authorised: Ints
    due: Shares
    owed: Shares
    title: Shares
    serving: Serving

    @property
    def compute(self) -> NDArray[np.bool_]:
        """Return which items are compute."""
        return np.asarray(self.part == PARTS.index("compute"))

    @cached_property
    def billed_items(self) -> NDArray[np.bool_]:
        """Return which items of the ledger the contractor bills: standing costs are his."""
        return np.append(self.billed, np.ones(len(STANDING), np.bool_))


@dataclass(frozen=True)
class _Bought:
    """One item on the way to becoming a row of the contracts."""

    price: str
    terms: Price
    place: Place
    noted: Mapping[str, Steps]

    @property
    def name(self) -> str:
        """Return its name: what it is and for which place."""
        return f"{self.price}/{self.place.name}"


def contracts(index: Index, layout: Layout, project: Project) -> Contracts:
    """Return what a project buys, by the items that its plan notes."""
    bought = list(_bought(index, layout, project))
    factors = {name: number for number, name in enumerate(index.plan.inputs.factors)}
    blocks = {block.name: number for number, block in enumerate(layout.blocks)}
    first = np.array([blocks[item.place.blocks[0]] for item in bought], np.int64)
    # groups are numbered in the order in which they first come, so that numbers do not depend on hashing
    keys = [_group(item, number, project) for item, number in zip(bought, first.tolist(), strict=True)]
    groups = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    compute = [item.terms.part == "compute" for item in bought]
    return Contracts(
        names=tuple(item.name for item in bought),
        prices=tuple(item.price for item in bought),
        places=tuple(item.place.name for item in bought),
        unit=np.array([factors[price(item.price)] for item in bought], np.int64),
        quantity=np.array([_quantity(item, project) for item in bought]),
        extra=np.array([factors.get(addition(item.price), -1) for item in bought], np.int64),
        extra_quantity=np.array([_extra(item, project) for item in bought]),
        escalation=np.array([item.terms.escalation.value / 100 for item in bought]),
        sales_tax=np.array([item.terms.sales_tax.value for item in bought]),
        part=np.array([PARTS.index(item.terms.part) for item in bought], np.int64),
        billed=np.array([item.terms.paid_by == "contractor" for item in bought], np.bool_),
        ordered=np.array([_first(item) for item in bought], np.int64),
        group=np.array([groups[key] for key in keys], np.int64),
        block=first,
        authorised=np.array([_authorised(item, project) for item in bought], np.int64),
        due=shares([list(payments(item.terms, item.noted)) for item in bought]),
        owed=shares([list(owed(item.terms, item.noted)) for item in bought]),
        title=shares([list(_title(item, project)) for item in bought]),
        serving=served_by([item.place for item in bought], compute, layout, project),
    )


# --- what there is to buy -------------------------------------------------------------------------------------


def _bought(index: Index, layout: Layout, project: Project) -> Iterator[_Bought]:
    """Yield every item with a price that the plan notes at some place, in the order of prices and places."""
    noted = _noted(index)
    places = {place.name: place for group in (layout.phases, layout.halls, layout.blocks) for place in group}
    places |= {place.name: place for place in generating_units(project, layout)}
    plants = {plant.name: plant for plant in layout.plants}
    for name, terms in project.money.prices.items():
        sources = terms.of or (name,)
        # a dict for its order: items must stand in the same order in every process
        at = dict.fromkeys(place for source in sources for place in noted.get(source, {}))
        for place in at:
            notes = _merged_notes([noted[source][place] for source in sources if place in noted.get(source, {})])
            served = (plants if "grid" in sources else places)[place]
            item = _Bought(name, terms, served, {**notes, ONLINE: _online(served, noted)})
            # an item that costs nothing in any run would be a row in every sum
            if _quantity(item, project) or _extra(item, project):
                yield item


def _online(place: Place, noted: Mapping[str, Mapping[str, Mapping[str, Steps]]]) -> Steps:
    """Return the steps with which the blocks of a place are online."""
    return [step for block in place.blocks for step in noted.get("", {}).get(block, {}).get(ONLINE, ())]


def _noted(index: Index) -> dict[str, dict[str, dict[str, list[tuple[int, int]]]]]:
    """Return the notes of a plan: part, place, kind → steps and amounts."""
    found: dict[str, dict[str, dict[str, list[tuple[int, int]]]]] = defaultdict(lambda: defaultdict(dict))
    plan = index.plan
    for step in np.flatnonzero(plan.rows[:, 0] == NOTE).tolist():
        kind, part, place = plan.notes[plan.rows[step, 1]]
        found[part][place].setdefault(kind, []).append((step, int(plan.rows[step, 2])))
    return found


def _merged_notes(notes: Sequence[Mapping[str, Steps]]) -> dict[str, Steps]:
    """Return the notes of several things by kind."""
    found: dict[str, list[tuple[int, int]]] = {}
    for one in notes:
        for kind, steps in one.items():
            found.setdefault(kind, []).extend(steps)
    return {kind: tuple(steps) for kind, steps in found.items()}


def _group(item: _Bought, block: int, project: Project) -> tuple[str, int | str]:
    """Return what an item is authorised together with: all of its kind with the same order."""
    if project.orders.policy == "follow_demand":
        return item.price, block // project.orders.lot_blocks
    return item.price, item.place.phase if project.orders.phase_after_units else item.place.order_day


def _authorised(item: _Bought, project: Project) -> int:
    """Return the minute at which an item is authorised, or -1 where it is authorised with an order without a date."""
    orders, place = project.orders, item.place
    dated = orders.policy != "follow_demand" and not orders.phase_after_units
    return place.order_day * DAY if dated else -1


def _first(item: _Bought) -> int:
    """Return the step with which an item is ordered: its first order, or the first thing that makes it due."""
    ordered = item.noted.get("ordered") or item.noted.get(item.terms.payments[0].on) or ()
    return ordered[0][0] if ordered else -1


def _title(item: _Bought, project: Project) -> Iterator[Due]:
    """Yield when a block's compute becomes the owner's; it loses value from then on."""
    if item.terms.part == "compute" and len(item.place.blocks) == 1:
        yield from title(project.money.business.title, item.noted)


# --- how much of it -------------------------------------------------------------------------------------------


def _quantity(item: _Bought, project: Project) -> float:
    """Return the quantity that the unit cost is multiplied with."""
    terms, place = item.terms, item.place
    if terms.usd_per_mw is not None:
        return place.built_mw
    if terms.usd_per_sqft is not None:
        return place.built_mw * project.hall.sqft_per_mw.value
    if terms.usd_per_load_mile is not None:
        return fsum(_load_miles(system, project, terms) for system in _made_in_factory(item, project))
    return 1.0


def _load_miles(system: str, project: Project, terms: Price) -> float:
    """Return the miles of a block's loads from a factory; those of a load beyond legal size count more."""
    skid = project.by_system[system].skid
    # beyond legal size or weight a load needs a permit and an escort
    legal = skid.width_ft.value <= LEGAL_WIDTH_FT and skid.weight_lb.value <= LEGAL_LB
    miles = getattr(project.logistics.fleets, system).distance_miles.value
    return skid.per_block * float(miles) * (1.0 if legal else terms.oversize_factor.value)


def _extra(item: _Bought, project: Project) -> float:
    """Return the MW for which a factory's addition is paid."""
    added = item.terms.in_factory_usd_per_mw is not None and any(_made_in_factory(item, project))
    return item.place.built_mw if added else 0.0


def _made_in_factory(item: _Bought, project: Project) -> list[str]:
    """Return the systems an item is about that are made in a factory."""
    systems: dict[str, System] = project.by_system
    about = item.terms.of or (item.price,)
    return [name for name in about if name in systems and systems[name].scope == "factory"]
