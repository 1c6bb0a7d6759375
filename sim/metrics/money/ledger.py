"""The ledger of one run: every payment in whole cents, with its date and the event that makes it due.

It fills the contracts of a plan with the dates and unit costs of a run. A contract's price is that of its order's date,
in whole cents, and its payments add up to it exactly; a cancelled order is settled by what is owed at that moment.
Compute is bought in the newest generation of chips that could be ordered when it was, which sets its price and, through
the blocks it is for, their revenue. Standing costs and the contractor's fee follow by week and month.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.event_log import DAY, MONTH, Index, Ints, Record
from sim.metrics.kernels.interface import CANCELLING, PERIOD, RECONCILING, Billing, Entries, Shares, StandingCosts
from sim.metrics.kernels.numpy_kernels import bill, contract_entries, join, period_entries
from sim.metrics.money.contracts import FEE, LENGTHS, STANDING, Contracts, beds, open_site, wages
from sim.metrics.workforce import Headcount
from sim.plan.mechanisms.orders import CANCELLED
from sim.plan.mechanisms.procurement import CAMP, GENERAL_CONDITIONS, LABOUR, ORDERABLE, price

# --- chips ------------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ChipFactors:
    """By contract the factor on its price, and by block the factor on its revenue; 1 for the first generation."""

    price: Floats
    revenue: Floats


def chip_factors(record: Record, ordered: Ints, bought: Contracts, project: Project) -> ChipFactors:
    """Return what newer chips change in a run, by the minute at which every contract was ordered."""
    price, revenue = np.ones(len(bought.names)), np.ones(project.blocks)
    noted = record.noted(ORDERABLE)
    since = {record.index.items[item]: minute for item, minute in zip(noted.item, noted.minute, strict=True)}
    # in the order in which they come: a later one overwrites what an earlier one set
    for generation in project.orders.generations:
        if generation.id in since:
            takes = bought.compute & (ordered >= since[generation.id])
            price[takes] = generation.price_factor.value
            revenue[bought.block[takes]] = generation.revenue_factor.value
    return ChipFactors(price, revenue)


# --- ledger -----------------------------------------------------------------------------------------------------------


RECONCILIATION = "reconciliation"
"""The item of the ledger with the difference between what was paid and what the model has paid by the data date."""


@dataclass(frozen=True)
class Ledger:
    """Every entry of one run: minute due, item (by number), cents, and the event behind it.

    An event is a step of the plan, `CANCELLING`, `RECONCILING`, or `PERIOD` − n. Items are the contracts, then what stands.
    `value` is each contract's price in this run; `ordered` its minute (-1: never), `cancelled` likewise.
    `revenue` is the factor on the revenue of every block that its chips bring.
    """

    names: tuple[str, ...]
    places: tuple[str, ...]
    minute: Ints
    item: Ints
    cents: Ints
    event: Ints
    value: Ints
    ordered: Ints
    cancelled: Ints
    revenue: Floats

    @cached_property
    def total(self) -> Ints:
        """Return by item everything that is ever paid for it."""
        return _sums(self.item, self.cents, len(self.names))


@dataclass(frozen=True)
class Run:
    """One run as the ledger sees it: when every step was done (-1: never), unit costs, people on site."""

    record: Record
    when: Ints
    people: Headcount
    paid_by_day: Floats

    @classmethod
    def of(cls, record: Record, people: Headcount, paid_by_day: Floats) -> Run:
        """Take a run, its people and the hours that are paid."""
        return cls(record, record.when, people, paid_by_day)


@dataclass(frozen=True)
class ReportedPayments:
    """What a project under way has paid until the end of a minute, and what its contracts come to, in dollars."""

    minute: int
    paid_usd: float | None = None
    committed_usd: float | None = None


def reconciled(entries: Ledger, reported: ReportedPayments) -> Ledger:
    """Return a ledger in which as much is paid by the data date as was reported; the rest follows the contracts.

    The difference is an entry of its own at the data date. Where commitments are reported too, those of the ledger differ
    by what contracts cost more; the rest of the difference is timing, and comes back with the last payment.
    """
    before = int(entries.cents[entries.minute <= reported.minute].sum())
    paid = 0 if reported.paid_usd is None else round(reported.paid_usd * 100) - before
    minutes, cents = [reported.minute], [paid]
    if reported.committed_usd is not None:
        signed = (entries.ordered >= 0) & (entries.ordered <= reported.minute)
        dearer = round(reported.committed_usd * 100) - int(entries.value[signed].sum())
        minutes.append(max(reported.minute, int(entries.minute.max(initial=0))))
        cents.append(dearer - paid)
    new, item = len(cents), len(entries.names)
    return replace(
        entries,
        names=(*entries.names, RECONCILIATION),
        places=(*entries.places, ""),
        minute=np.append(entries.minute, minutes),
        item=np.append(entries.item, np.full(new, item)),
        cents=np.append(entries.cents, cents),
        event=np.append(entries.event, np.full(new, RECONCILING)),
    )


def ledger(run: Run, bought: Contracts, project: Project) -> Ledger:
    """Return every entry of a run; the entries of an item that is not cancelled add up to its price exactly."""
    ordered = _at(run.when, bought.ordered)
    cancelled = _cancelled(run, bought)
    chips = chip_factors(run.record, ordered, bought, project)
    value = _values(run, bought, ordered, chips.price)
    costs, billing = standing_costs(run, len(value), project), billing_of(bought, project)
    if cancelled.max(initial=-1) < 0:
        entries = run.record.kernels.ledger_entries(run.when, bought.due, value, costs, billing)
    else:  # cancelling is rare: only numpy knows how
        due = contract_entries(run.when, bought.due, value)
        owed = _owed(run.when, bought.owed, value, cancelled)
        settled = _cancellations(due, owed, cancelled)
        entries = bill(join([due, settled, *period_entries(costs)]), billing)
    return Ledger(
        (*bought.names, *STANDING),
        (*bought.places, *[""] * len(STANDING)),
        *entries,
        value,
        ordered,
        cancelled,
        chips.revenue,
    )


def billing_of(bought: Contracts, project: Project) -> Billing:
    """Return how the contractor is paid; his fee is the last of the standing costs."""
    contractor = project.money.contractor
    return Billing(
        bought.billed_items,
        float(contractor.fee.value),
        contractor.bills,
        round(contractor.pays_after.value * DAY),
        len(bought.names) + STANDING.index(FEE),
    )


def _at(when: Ints, step: Ints) -> Ints:
    """Return when steps were done; -1 where there is no step."""
    return np.where(step >= 0, when[step], -1)


def _values(run: Run, bought: Contracts, ordered: Ints, chips: Floats) -> Ints:
    """Return the price of every contract in cents: quantity × unit cost, at the prices of its order's date."""
    factors = run.record.factors
    extra = np.where(bought.extra >= 0, factors[bought.extra] * bought.extra_quantity, 0.0)
    dollars = factors[bought.unit] * bought.quantity + extra
    # one that is never ordered has no date; its price is not paid, and must only be a number
    years = np.maximum(ordered, 0) / (12 * MONTH)
    # tax is on the price as it is at the order; rounded once: from here on money is whole cents, and sums are exact
    dollars = dollars * chips * (1 + bought.escalation) ** years * (1 + bought.sales_tax)
    cents: Ints = np.rint(dollars * 100).astype(np.int64)
    return cents


def _cancelled(run: Run, bought: Contracts) -> Ints:
    """Return when the order of every contract was cancelled, or -1; only a block's own items are."""
    minute = np.full(len(bought.names), -1, np.int64)
    noted = run.record.noted(CANCELLED)
    if len(noted.minute):
        # cancelling is rare: places are looked up only then
        blocks = [run.record.index.place_of_item[item] for item in noted.item.tolist()]
        when = dict(zip(blocks, noted.minute.tolist(), strict=True))
        for number, place in enumerate(bought.places):
            minute[number] = when.get(place, -1)
    return minute


def _owed(when: Ints, owed: Shares, value: Ints, cancelled: Ints) -> Ints:
    """Return in cents what is owed by item at its cancelling; 0 where nothing is cancelled."""
    happened = when[owed.step]
    # what happens later is no claim any more, even if the plan goes on to do it
    there = (happened >= 0) & (happened <= cancelled[owed.item])
    shares = np.bincount(owed.item[there], owed.share[there], len(value))
    cents: Ints = np.rint(value * shares).astype(np.int64)
    return cents


def _cancellations(due: Entries, owed: Ints, cancelled: Ints) -> Entries:
    """Return the entries with which cancelled orders are settled: what is owed beyond what was paid."""
    # what was paid beyond the claim is lost, not refunded
    rest = np.where(cancelled >= 0, owed - _sums(due.item, due.cents, len(owed)), 0)
    item = np.flatnonzero(rest > 0)
    return Entries(cancelled[item], item, rest[item], np.full(len(item), CANCELLING))


def standing_costs(run: Run, first: int, project: Project) -> StandingCosts:
    """Return what labour, camp and general conditions cost day by day; their items are numbered from `first` on."""
    people, money = run.people, project.money
    costs = {LABOUR: wages(people, run.paid_by_day, project, unit_cost(run.record, LABOUR))}
    if money.camp is not None:
        costs[CAMP] = beds(people, project, unit_cost(run.record, CAMP))
    if money.general_conditions is not None:
        started = run.record.noted("started").minute
        opened, closed = (int(started.min()), run.record.end) if len(started) else (0, 0)
        monthly = unit_cost(run.record, GENERAL_CONDITIONS)
        costs[GENERAL_CONDITIONS] = open_site(opened, closed, len(run.paid_by_day), monthly)
    item = np.array([first + STANDING.index(name) for name in costs], np.int64)
    period = np.array([LENGTHS[name] for name in costs], np.int64)
    return StandingCosts(np.array(list(costs.values())), item, period)


def unit_cost(record: Record, item: str) -> float:
    """Return the unit cost of an item in a run."""
    return float(record.factors[record.index.plan.inputs.factors.index(price(item))])


def _sums(item: Ints, cents: Ints, items: int) -> Ints:
    """Return whole cents by item, exactly: 90 trillion dollars are whole cents in a float as well."""
    sums: Ints = np.bincount(item, cents, items).astype(np.int64)
    return sums


def ledger_table(entries: Ledger, index: Index) -> dict[str, NDArray[np.generic]]:
    """Return a ledger as people read it, by date: columns day, item, event, usd."""
    # by date for the reader; in the ledger itself entries stand by item, as sums need them
    order = np.lexsort((entries.item, entries.minute))
    names = np.array(entries.names)
    events = [
        _event(index, entries.names[item], entries.places[item], event)
        for item, event in zip(entries.item[order].tolist(), entries.event[order].tolist(), strict=True)
    ]
    return {
        "day": entries.minute[order] / DAY,
        "item": names[entries.item[order]],
        "event": np.array(events),
        "usd": entries.cents[order] / 100,
    }


def _event(index: Index, item: str, place: str, event: int) -> str:
    """Return an event in words."""
    if event >= 0:
        note = index.plan.notes[index.plan.rows[event, 1]]
        return f"{note.kind} {note.item}"
    if event == RECONCILING:
        return "reconciled with what was reported"
    if event == CANCELLING:
        return f"order of {place} cancelled"
    return f"{'week' if item in {LABOUR, CAMP} else 'month'} {PERIOD - event} of {item}"
