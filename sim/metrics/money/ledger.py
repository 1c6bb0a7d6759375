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
from sim.metrics.event_log import DAY, MONTH, Ints, PlanIndex, Record
from sim.metrics.kernels.interface import (
    CANCELLING,
    LOG_MINUTE,
    PERIOD,
    RECONCILING,
    Billing,
    Entries,
    Shares,
    StandingCosts,
)
from sim.metrics.kernels.numpy_kernels import bill, contract_entries, join, period_entries
from sim.metrics.money.contracts import FEE, PERIODS, STANDING_COSTS, Contracts, beds, open_site, wages
from sim.metrics.workforce import Headcount
from sim.plan.compiled_plan import Column
from sim.plan.mechanisms.orders import CANCELLED
from sim.plan.mechanisms.procurement import CAMP, GENERAL_CONDITIONS, LABOUR, ORDERABLE, price

# --- chips ------------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ChipFactors:
    """Factors of chip generations: on the price by contract, on the revenue by block; 1 for the first generation."""

    price: Floats
    revenue: Floats


def chip_factors(record: Record, ordered: Ints, contracts: Contracts, project: Project) -> ChipFactors:
    """Return the factors of the newest chip generation that could be ordered when each contract was.

    `ordered` is the minute of the order by contract, or -1.
    """
    price, revenue = np.ones(len(contracts.names)), np.ones(project.blocks)
    if not project.orders.generations:
        return ChipFactors(price, revenue)
    notes = record.noted(ORDERABLE)
    orderable_since = {
        record.plan_index.items[item]: minute for item, minute in zip(notes.item, notes.minute, strict=True)
    }
    # in the order in which they come: a later one overwrites what an earlier one set
    for generation in project.orders.generations:
        if generation.id in orderable_since:
            is_bought = contracts.compute & (ordered >= orderable_since[generation.id])
            price[is_bought] = generation.price_factor.value
            revenue[contracts.block[is_bought]] = generation.revenue_factor.value
    return ChipFactors(price, revenue)


# --- ledger -----------------------------------------------------------------------------------------------------------


RECONCILIATION = "reconciliation"
"""The item of the ledger with the difference between what was paid and what the model has paid by the data date."""


@dataclass(frozen=True)
class Ledger:
    """Every entry of one run: minute due, item (by number), cents, and the event behind it.

    An event is a step of the plan, `CANCELLING`, `RECONCILING`, or `PERIOD` − n. Items are the contracts, then the standing
    costs. `value` is each contract's price in this run; `ordered` its minute (-1: never), `cancelled` likewise. `revenue` is
    the factor of each block's chips on its revenue.
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
        """Return the cents ever paid by item."""
        return _cents_by_item(self.item, self.cents, len(self.names))


@dataclass(frozen=True)
class Run:
    """One run for the ledger: its record, the minute at which every step was done (-1: never), and people on site."""

    record: Record
    when: Ints
    people: Headcount
    paid_by_day: Floats

    @classmethod
    def of(cls, record: Record, people: Headcount, paid_by_day: Floats) -> Run:
        """Make the view of a run for the ledger; `paid_by_day` is the hours that one person is paid by day."""
        return cls(record, record.when, people, paid_by_day)


@dataclass(frozen=True)
class ReportedPayments:
    """What a project under way reports as paid and committed by its contracts, in dollars, each until the end of a minute."""

    paid_usd: float | None = None
    committed_usd: float | None = None
    paid_minute: int = 0
    committed_minute: int = 0


def reconciled(entries: Ledger, reported: ReportedPayments) -> Ledger:
    """Return a ledger in which as much is paid by the data date as was reported; later entries follow the contracts.

    The difference is an entry of its own at the report's date. Where commitments are reported too, those of the ledger differ
    by the cost increase of contracts; the rest of the difference is timing, and is taken back with the last payment.
    """
    ledger_cents = int(entries.cents[entries.minute <= reported.paid_minute].sum())
    difference = 0 if reported.paid_usd is None else round(reported.paid_usd * 100) - ledger_cents
    minutes, cents = [reported.paid_minute], [difference]
    if reported.committed_usd is not None:
        committed = (entries.ordered >= 0) & (entries.ordered <= reported.committed_minute)
        cost_increase = round(reported.committed_usd * 100) - int(entries.value[committed].sum())
        minutes.append(max(reported.paid_minute, int(entries.minute.max(initial=0))))
        cents.append(cost_increase - difference)
    count, item = len(cents), len(entries.names)
    return replace(
        entries,
        names=(*entries.names, RECONCILIATION),
        places=(*entries.places, ""),
        minute=np.append(entries.minute, minutes),
        item=np.append(entries.item, np.full(count, item)),
        cents=np.append(entries.cents, cents),
        event=np.append(entries.event, np.full(count, RECONCILING)),
    )


def ledger(run: Run, contracts: Contracts, project: Project) -> Ledger:
    """Return every entry of a run; the entries of an item that is not cancelled add up to its price exactly."""
    ordered = _minute_of_step(run.when, contracts.ordered)
    cancelled = _cancelled_minute(run, contracts)
    factors = chip_factors(run.record, ordered, contracts, project)
    value = _values(run, contracts, ordered, factors.price)
    standing, billing = standing_costs(run, len(value), project), billing_of(contracts, project)
    if cancelled.max(initial=-1) < 0:
        entries = run.record.kernels.ledger_entries(run.when, contracts.due, value, standing, billing)
    else:  # cancelling is rare, so only numpy implements it
        due = contract_entries(run.when, contracts.due, value)
        claims = _owed_cents(run.when, contracts.owed, value, cancelled)
        settlements = _settlements(due, claims, cancelled)
        entries = bill(join([due, settlements, *period_entries(standing)]), billing)
    return Ledger(
        contracts.ledger_names,
        contracts.ledger_places,
        *entries,
        value,
        ordered,
        cancelled,
        factors.revenue,
    )


def billing_of(contracts: Contracts, project: Project) -> Billing:
    """Return the terms by which the contractor bills and is paid; his fee is the last of the standing costs."""
    contractor = project.money.contractor
    return Billing(
        contracts.billed_items,
        float(contractor.fee.value),
        contractor.bills,
        round(contractor.pays_after.value * DAY),
        len(contracts.names) + STANDING_COSTS.index(FEE),
    )


def _minute_of_step(when: Ints, step: Ints) -> Ints:
    """Return the minutes in which some steps were done; -1 where there is no step."""
    return np.where(step >= 0, when[step], -1)


def _values(run: Run, contracts: Contracts, ordered: Ints, chip_price_factor: Floats) -> Ints:
    """Return the price of every contract in cents: quantity × sampled unit cost, at the prices of its order's date."""
    sampled = run.record.factors
    has_addition = contracts.addition_index >= 0
    additions = np.where(has_addition, sampled[contracts.addition_index] * contracts.addition_mw, 0.0)
    dollars = sampled[contracts.unit_cost_index] * contracts.quantity + additions
    # a contract that is never ordered has no date; its price is not paid and only has to be finite
    years = np.maximum(ordered, 0) / (12 * MONTH)
    # tax is on the price as it is at the order; rounded once: from here on money is whole cents, and sums are exact
    dollars = dollars * chip_price_factor * (1 + contracts.escalation) ** years * (1 + contracts.sales_tax)
    cents: Ints = np.rint(dollars * 100).astype(np.int64)
    return cents


def _cancelled_minute(run: Run, contracts: Contracts) -> Ints:
    """Return by contract the minute at which its order was cancelled, or -1; only items of single blocks are cancelled."""
    minute = np.full(len(contracts.names), -1, np.int64)
    notes = run.record.noted(CANCELLED)
    if len(notes.minute):
        # cancelling is rare: places are looked up only then
        blocks = [run.record.plan_index.place_of_item[item] for item in notes.item.tolist()]
        cancelled_at = dict(zip(blocks, notes.minute.tolist(), strict=True))
        for number, place in enumerate(contracts.places):
            minute[number] = cancelled_at.get(place, -1)
    return minute


def _owed_cents(when: Ints, owed: Shares, value: Ints, cancelled: Ints) -> Ints:
    """Return by contract the cents owed when it is cancelled; 0 where it is not."""
    step_minute = when[owed.step]
    # steps done after the cancelling give no claim
    before_cancelling = (step_minute >= 0) & (step_minute <= cancelled[owed.item])
    shares = np.bincount(owed.item[before_cancelling], owed.share[before_cancelling], len(value))
    cents: Ints = np.rint(value * shares).astype(np.int64)
    return cents


def _settlements(due: Entries, owed: Ints, cancelled: Ints) -> Entries:
    """Return the entries that settle cancelled orders: the cents owed beyond those paid before."""
    # what was paid beyond the claim is lost, not refunded
    unpaid = np.where(cancelled >= 0, owed - _cents_by_item(due.item, due.cents, len(owed)), 0)
    item = np.flatnonzero(unpaid > 0)
    return Entries(cancelled[item], item, unpaid[item], np.full(len(item), CANCELLING))


def standing_costs(run: Run, first_item: int, project: Project) -> StandingCosts:
    """Return the dollars by day of labour, camp and general conditions; their items are numbered from `first_item` on."""
    people, money = run.people, project.money
    costs = {LABOUR: wages(people, run.paid_by_day, project, unit_cost(run.record, LABOUR))}
    if money.camp is not None:
        costs[CAMP] = beds(people, project, unit_cost(run.record, CAMP))
    if money.general_conditions is not None:
        started = run.record.noted_rows("started")[:, LOG_MINUTE]
        opened, closed = (int(started.min()), run.record.end) if len(started) else (0, 0)
        monthly = unit_cost(run.record, GENERAL_CONDITIONS)
        costs[GENERAL_CONDITIONS] = open_site(opened, closed, len(run.paid_by_day), monthly)
    item = np.array([first_item + STANDING_COSTS.index(name) for name in costs], np.int64)
    period = np.array([PERIODS[name] for name in costs], np.int64)
    return StandingCosts(np.array(list(costs.values())), item, period)


def unit_cost(record: Record, item: str) -> float:
    """Return the unit cost of an item in a run, in dollars, as it was sampled."""
    return float(record.factors[record.plan_index.number_of_factor[price(item)]])


def _cents_by_item(item: Ints, cents: Ints, items: int) -> Ints:
    """Return the sum of cents by item, exactly: 90 trillion dollars are whole cents in a float as well."""
    sums: Ints = np.bincount(item, cents, items).astype(np.int64)
    return sums


def ledger_table(entries: Ledger, plan_index: PlanIndex) -> dict[str, NDArray[np.generic]]:
    """Return a ledger as a table by date: columns day, item, event, usd."""
    # by date for the reader; in the ledger itself entries stand by item, as sums need them
    order = np.lexsort((entries.item, entries.minute))
    names = np.array(entries.names)
    events = [
        _event(plan_index, entries.names[item], entries.places[item], event)
        for item, event in zip(entries.item[order].tolist(), entries.event[order].tolist(), strict=True)
    ]
    return {
        "day": entries.minute[order] / DAY,
        "item": names[entries.item[order]],
        "event": np.array(events),
        "usd": entries.cents[order] / 100,
    }


def _event(plan_index: PlanIndex, item: str, place: str, event: int) -> str:
    """Return in words the event that makes an entry due; `event` is its number, as in `Ledger`."""
    if event >= 0:
        note = plan_index.plan.notes[plan_index.plan.rows[event, Column.ARGUMENT]]
        return f"{note.kind} {note.item}"
    if event == RECONCILING:
        return "reconciled with what was reported"
    if event == CANCELLING:
        return f"order of {place} cancelled"
    return f"{'week' if item in {LABOUR, CAMP} else 'month'} {PERIOD - event} of {item}"
