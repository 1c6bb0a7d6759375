"""Contracts: every item that a project buys, its unit cost, and the steps of the plan that make shares of its price due.

Worked out once for a plan, as it does not depend on dates; `sim.metrics.money.ledger` adds those of a run. An item is a
price at a place of the layout: switchgear of block 17. The shares due of its price follow from milestones that the plan
notes (ordered, delivered, complete), and so do the shares owed on cancelling and the title to compute.

Beside contracts there are standing costs, which are dollars by day, paid at the end of a week or month: people, their
beds, the open site. The contractor's fee on what he bills is the last of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import fsum

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.config.sections.money import PARTS, Price, Stage
from sim.config.sections.systems import System
from sim.metrics.event_log import DAY, MONTH, Ints, PlanIndex
from sim.metrics.kernels.interface import Shares
from sim.metrics.money.in_service import Serving, served_by
from sim.metrics.workforce import Headcount
from sim.plan.compiled_plan import Column
from sim.plan.layout import Layout, Place, generating_units
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.mechanisms.procurement import CAMP, GENERAL_CONDITIONS, LABOUR, addition, price
from sim.plan.vocabulary import NOTE

# --- milestones -------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]
Steps = Sequence[tuple[int, int]]
"""(step of the plan, amount) of every note of one kind about one item."""
NotesByKind = Mapping[str, Steps]
"""The notes about one item, by kind."""
DueShare = tuple[int, float, int]
"""(step of the plan, share of the price that it makes due, lag in minutes from the step until it is due)."""
DELIVERED = (Stage(since="delivered", share=1.0),)


def payments(terms: Price, notes: NotesByKind) -> Iterator[DueShare]:
    """Yield (step, cumulated share of the price, lag): a milestone in parts is paid in parts, less the retention.

    The shares of milestones that the plan does not note for this item go to the others.
    """
    retained = terms.retention
    # nothing is kept back until a milestone that never comes: it would never be paid
    retained_share = retained.share.value if retained is not None and notes.get(retained.until) else 0.0
    # terms are shared by many items, and not each has all milestones: the shares that apply are scaled to 1
    applicable_shares = fsum(payment.share for payment in terms.payments if notes.get(payment.on))
    cumulated = 0.0
    for payment in terms.payments:
        for step, fraction in _parts(notes.get(payment.on, ())):
            # cumulated, as the ledger rounds totals: parts then add up to the price in cents
            cumulated += payment.share / applicable_shares * fraction * (1 - retained_share)
            yield step, cumulated, _minutes(payment.lag_days.value)
    if retained is not None and retained_share:
        for step, fraction in _parts(notes[retained.until]):
            cumulated += retained_share * fraction
            yield step, cumulated, _minutes(retained.lag_days.value)


def owed(terms: Price, notes: NotesByKind) -> Iterator[DueShare]:
    """Yield (step, additional share owed if the item is cancelled after it, 0), stage after stage."""
    owed_before = 0.0
    for stage in terms.cancelling or DELIVERED:
        for step, fraction in _parts(notes.get(stage.since, ())):
            # stages are stated as totals; what is added is the step from the one before
            yield step, (stage.share - owed_before) * fraction, 0
        owed_before = stage.share if notes.get(stage.since) else owed_before


def title(kind: str, notes: NotesByKind) -> Iterator[DueShare]:
    """Yield (step, share of the item that changes hands with it, 0), part by part."""
    for step, fraction in _parts(notes.get(kind, ())):
        yield step, fraction, 0


def _parts(steps: Steps) -> Iterator[tuple[int, float]]:
    """Yield steps with their share of the amount that they note together."""
    total = sum(amount for _, amount in steps)
    for step, amount in steps:
        yield step, amount / total


def _minutes(days: float) -> int:
    return round(days * DAY)


def shares(rows: Sequence[Sequence[DueShare]]) -> Shares:
    """Return the shares of all items as arrays, in the order of items; `rows` is by item."""
    flat_rows = [row for item_rows in rows for row in item_rows]
    return Shares(
        np.repeat(np.arange(len(rows)), [len(item_rows) for item_rows in rows]),
        np.array([step for step, _, _ in flat_rows], np.int64),
        np.array([share for _, share, _ in flat_rows], np.float64),
        np.array([lag for _, _, lag in flat_rows], np.int64),
    )


# --- standing costs ---------------------------------------------------------------------------------------------------


FEE = "fee"
STANDING_COSTS = (LABOUR, CAMP, GENERAL_CONDITIONS, FEE)
WEEK = 7 * DAY
PERIODS = {LABOUR: WEEK, CAMP: WEEK, GENERAL_CONDITIONS: MONTH}
"""Minutes of the period at whose end each standing cost is due."""


def wages(people: Headcount, paid_by_day: Floats, project: Project, factor: float) -> Floats:
    """Return dollars by day of wages: headcount × paid hours × loaded rate, indirect people at the mean rate of direct ones.

    `paid_by_day` is the hours that one person is paid by day, `factor` that of this run on all rates. Overtime hours cost the
    rate times the overtime factor, those of a second shift its surcharge on the rate, and those of standby crews the agreed
    share.
    """
    rates = np.array([project.labour.trades[trade].paid_rate for trade in people.trades])
    by_day, manned, policy = np.zeros(len(people.total)), slice(people.days_manned), project.labour.acceleration
    direct, paid_hours = people.direct[:, manned], paid_by_day[manned]
    direct_total = direct.sum(axis=0)
    # indirect people have no trade: they are paid as the mean of those they serve
    people_per_direct = np.divide(
        people.total[manned], direct_total, out=np.zeros(len(direct_total)), where=direct_total > 0
    )
    by_day[manned] = _weighted(rates, direct) * paid_hours * people_per_direct * factor
    if policy is not None and policy.overtime is not None and people.overtime is not None:
        by_day += _weighted(rates, people.overtime) * paid_by_day * (policy.overtime.pay.value * factor)
    if policy is not None and policy.shift is not None and people.premium is not None:
        by_day += _weighted(rates, people.premium) * paid_by_day * ((policy.shift.pay - 1) * factor)
    if project.labour.standby is not None and people.standby is not None:
        by_day += _weighted(rates, people.standby) * paid_by_day * (project.labour.standby.share.value * factor)
    return by_day


def _weighted(rates: Floats, people: NDArray[np.int64]) -> Floats:
    """Return by day the sum over trades of rate × people, trade by trade.

    Not by a matrix product: how that adds up is the library's and the processor's choice, and half a cent of wages more or
    less is a cent in another week.
    """
    total: Floats = (rates[:, None] * people).sum(axis=0)
    return total


def beds(people: Headcount, project: Project, usd_per_bed_day: float) -> Floats:
    """Return dollars by day for a bed for everyone on site who lives in the camp."""
    housed = project.money.camp.housed.value if project.money.camp is not None else 0.0
    return np.asarray(people.total * (housed * usd_per_bed_day), np.float64)


def open_site(opened: int, closed: int, days: int, usd_per_month: float) -> Floats:
    """Return dollars by day for a site open from one minute to another."""
    # days that are open in part cost in part; `max`, as a site that never opened has closed at 0
    edges = np.minimum(np.maximum(_midnights(days), opened), max(opened, closed))
    by_day: Floats = (edges[1:] - edges[:-1]) * (usd_per_month / MONTH)
    return by_day


@lru_cache(maxsize=8)
def _midnights(days: int) -> Ints:
    """Return the first minute of each of so many days, and of the day after the last; every run asks for the same."""
    return np.arange(0, (days + 1) * DAY, DAY)


# --- contracts --------------------------------------------------------------------------------------------------------


LEGAL_WIDTH_FT, LEGAL_LB = 8.5, 48_000
"""Width in feet and weight in pounds up to which a load goes by truck without a permit."""


@dataclass(frozen=True)
class Contracts:
    """Every item that is bought, as arrays by item: name, unit cost, quantity, and the shares of its price.

    `unit_cost_index` and `addition_index` (for making it in a factory; -1: none) say which sampled inputs of a replication
    (`Record.factors`) are its dollars a unit and its additional dollars a MW, `addition_mw` for how many MW. `ordered` is
    the step of its order; `group` is the number of those authorised together, `block` the first block it is for,
    `authorised` the minute, or -1 where that is the minute of the block's order. `due`, `owed` (on cancelling) and `title`
    are shares by step.
    """

    names: tuple[str, ...]
    prices: tuple[str, ...]
    places: tuple[str, ...]
    unit_cost_index: Ints
    quantity: Floats
    addition_index: Ints
    addition_mw: Floats
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
        """Return by item whether it is compute."""
        return np.asarray(self.part == PARTS.index("compute"))

    @cached_property
    def ledger_names(self) -> tuple[str, ...]:
        """Return the names of all items of the ledger: standing costs stand behind the contracts."""
        return (*self.names, *STANDING_COSTS)

    @cached_property
    def ledger_places(self) -> tuple[str, ...]:
        """Return the place by item of the ledger; empty for standing costs."""
        return (*self.places, *[""] * len(STANDING_COSTS))

    @cached_property
    def billed_items(self) -> NDArray[np.bool_]:
        """Return by item of the ledger whether the contractor bills it; he bills all standing costs."""
        return np.append(self.billed, np.ones(len(STANDING_COSTS), np.bool_))


@dataclass(frozen=True)
class _PricedItem:
    """One item before it becomes a row of the contracts."""

    price: str
    terms: Price
    place: Place
    noted: Mapping[str, Steps]

    @property
    def name(self) -> str:
        """Return the name of the item: its price and its place."""
        return f"{self.price}/{self.place.name}"


def contracts(plan_index: PlanIndex, layout: Layout, project: Project) -> Contracts:
    """Return the contracts of a project, for the items that its plan notes."""
    items = list(_priced_items(plan_index, layout, project))
    factors = plan_index.number_of_factor
    blocks = {block.name: number for number, block in enumerate(layout.blocks)}
    first_blocks = np.array([blocks[item.place.blocks[0]] for item in items], np.int64)
    # groups are numbered in the order in which they first come, so that numbers do not depend on hashing
    keys = [_group(item, number, project) for item, number in zip(items, first_blocks.tolist(), strict=True)]
    groups = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    compute = [item.terms.part == "compute" for item in items]
    return Contracts(
        names=tuple(item.name for item in items),
        prices=tuple(item.price for item in items),
        places=tuple(item.place.name for item in items),
        unit_cost_index=np.array([factors[price(item.price)] for item in items], np.int64),
        quantity=np.array([_quantity(item, project) for item in items]),
        addition_index=np.array([factors.get(addition(item.price), -1) for item in items], np.int64),
        addition_mw=np.array([_addition_mw(item, project) for item in items]),
        escalation=np.array([item.terms.escalation.value / 100 for item in items]),
        sales_tax=np.array([item.terms.sales_tax.value for item in items]),
        part=np.array([PARTS.index(item.terms.part) for item in items], np.int64),
        billed=np.array([item.terms.paid_by == "contractor" for item in items], np.bool_),
        ordered=np.array([_order_step(item) for item in items], np.int64),
        group=np.array([groups[key] for key in keys], np.int64),
        block=first_blocks,
        authorised=np.array([_authorised(item, project) for item in items], np.int64),
        due=shares([list(payments(item.terms, item.noted)) for item in items]),
        owed=shares([list(owed(item.terms, item.noted)) for item in items]),
        title=shares([list(_title(item, project)) for item in items]),
        serving=served_by([item.place for item in items], compute, layout, project),
    )


# --- items with a price ---------------------------------------------------------------------------------------


def _priced_items(plan_index: PlanIndex, layout: Layout, project: Project) -> Iterator[_PricedItem]:
    """Yield every item with a price that the plan notes at some place, in the order of prices and places."""
    notes_by_part = _notes_of_plan(plan_index)
    places = {place.name: place for group in (layout.phases, layout.halls, layout.blocks) for place in group}
    places |= {place.name: place for place in generating_units(project, layout)}
    plants = {plant.name: plant for plant in layout.power_plants}
    for name, terms in project.money.prices.items():
        sources = terms.of or (name,)
        # a dict keeps the order: items must have the same order in every process
        places_of_item = dict.fromkeys(place for source in sources for place in notes_by_part.get(source, {}))
        for place in places_of_item:
            notes = _merged_notes(
                [notes_by_part[source][place] for source in sources if place in notes_by_part.get(source, {})]
            )
            place_of_item = (plants if "grid" in sources else places)[place]
            item = _PricedItem(
                name, terms, place_of_item, {**notes, ONLINE: _online_steps(place_of_item, notes_by_part)}
            )
            # items without cost in any run are left out
            if _quantity(item, project) or _addition_mw(item, project):
                yield item


def _online_steps(place: Place, notes: Mapping[str, Mapping[str, Mapping[str, Steps]]]) -> Steps:
    """Return the steps with which the blocks of a place are online; `notes` is by part, place and kind."""
    return [step for block in place.blocks for step in notes.get("", {}).get(block, {}).get(ONLINE, ())]


def _notes_of_plan(plan_index: PlanIndex) -> dict[str, dict[str, dict[str, list[tuple[int, int]]]]]:
    """Return (step, amount) of the notes of a plan, by part, place and kind."""
    notes: dict[str, dict[str, dict[str, list[tuple[int, int]]]]] = defaultdict(lambda: defaultdict(dict))
    plan = plan_index.plan
    for step in np.flatnonzero(plan.rows[:, Column.OPERATION] == NOTE).tolist():
        kind, part, place = plan.notes[plan.rows[step, Column.ARGUMENT]]
        notes[part][place].setdefault(kind, []).append((step, int(plan.rows[step, Column.AMOUNT])))
    return notes


def _merged_notes(notes: Sequence[Mapping[str, Steps]]) -> dict[str, Steps]:
    """Return the steps of several mappings from kinds of notes to steps, concatenated by kind."""
    merged: dict[str, list[tuple[int, int]]] = {}
    for steps_by_kind in notes:
        for kind, steps in steps_by_kind.items():
            merged.setdefault(kind, []).extend(steps)
    return {kind: tuple(steps) for kind, steps in merged.items()}


def _group(item: _PricedItem, block: int, project: Project) -> tuple[str, int | str]:
    """Return the key of the items that are authorised together: all of one price with the same order."""
    if project.orders.policy == "follow_demand":
        return item.price, block // project.orders.lot_blocks
    return item.price, item.place.phase if project.orders.phase_after_units else item.place.order_day


def _authorised(item: _PricedItem, project: Project) -> int:
    """Return the minute at which an item is authorised, or -1 where it is authorised with an order without a date."""
    orders, place = project.orders, item.place
    dated = orders.policy != "follow_demand" and not orders.phase_after_units
    return place.order_day * DAY if dated else -1


def _order_step(item: _PricedItem) -> int:
    """Return the step with which an item is ordered: its first order, else the first step that makes a payment due; or -1."""
    ordered = item.noted.get("ordered") or item.noted.get(item.terms.payments[0].on) or ()
    return ordered[0][0] if ordered else -1


def _title(item: _PricedItem, project: Project) -> Iterator[DueShare]:
    """Yield the shares of a block's compute that become the owner's, by step; they lose value from then on."""
    if item.terms.part == "compute" and len(item.place.blocks) == 1:
        yield from title(project.money.business.title, item.noted)


# --- quantities -----------------------------------------------------------------------------------------------


def _quantity(item: _PricedItem, project: Project) -> float:
    """Return the quantity of an item in the unit of its unit cost: MW, square feet, load-miles, or 1."""
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
    is_legal = skid.width_ft.value <= LEGAL_WIDTH_FT and skid.weight_lb.value <= LEGAL_LB
    miles = getattr(project.logistics.fleets, system).distance_miles.value
    return skid.per_block * float(miles) * (1.0 if is_legal else terms.oversize_factor.value)


def _addition_mw(item: _PricedItem, project: Project) -> float:
    """Return the MW of an item for which the addition of a factory to its unit cost is paid."""
    has_addition = item.terms.in_factory_usd_per_mw is not None and any(_made_in_factory(item, project))
    return item.place.built_mw if has_addition else 0.0


def _made_in_factory(item: _PricedItem, project: Project) -> list[str]:
    """Return those systems of an item that are made in a factory."""
    systems: dict[str, System] = project.by_system
    parts = item.terms.of or (item.price,)
    return [name for name in parts if name in systems and systems[name].scope == "factory"]
