"""The ledger: every payment with the event that makes it due, in whole cents.

Which generation of chips every block has: the newest that could be ordered when its compute was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.config.sections.money import Contractor
from sim.jit import by_machine
from sim.metrics.money.contracts import (
    LENGTHS,
    STANDING,
    Contracts,
    Periods,
    Shares,
    beds,
    bills,
    open_site,
    periods,
    wages,
)
from sim.metrics.record import DAY, MONTH, Index, Ints, Record
from sim.metrics.workforce import Headcount
from sim.plan.mechanisms.orders import CANCELLED
from sim.plan.mechanisms.procurement import CAMP, GENERAL_CONDITIONS, LABOUR, ORDERABLE, price

# --- chips ------------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Newer:
    """By contract the factor on its price, and by block the factor on its revenue; 1 for the first generation."""

    price: Floats
    revenue: Floats


def newer(record: Record, ordered: Ints, bought: Contracts, project: Project) -> Newer:
    """Return what newer chips change in a run, by the minute at which every contract was ordered."""
    price, revenue = np.ones(len(bought.names)), np.ones(project.blocks)
    noted = record.noted(ORDERABLE)
    since = {record.index.items[item]: minute for item, minute in zip(noted.item, noted.minute, strict=True)}
    for generation in project.orders.generations:
        if generation.id in since:
            takes = bought.compute & (ordered >= since[generation.id])
            price[takes] = generation.price_factor.value
            revenue[bought.block[takes]] = generation.revenue_factor.value
    return Newer(price, revenue)


# --- ledger -----------------------------------------------------------------------------------------------------------


CANCELLING, PERIOD = -1, -2
"""Events that are no step of the plan: an order is cancelled; the n-th period ends (PERIOD − n)."""


@dataclass(frozen=True)
class Ledger:
    """Every entry of one run: minute due, item (by number), cents, and the event behind it.

    An event is a step of the plan, `CANCELLING`, or `PERIOD` − n. Items are the contracts, then what stands.
    `value` is each contract's price in this run; `ordered` its minute (-1: never), `cancelled` likewise.
    `revenue` is the factor on the revenue of every block that its chips bring.
    """

    names: tuple[str, ...]
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
    """One run as the ledger sees it: when every step was performed (-1: never), unit costs, people on site."""

    record: Record
    when: Ints
    people: Headcount
    paid_by_day: Floats

    @classmethod
    def of(cls, record: Record, people: Headcount, paid_by_day: Floats) -> Run:
        """Take a run, its people and the hours that are paid."""
        return cls(record, record.when, people, paid_by_day)


def ledger(run: Run, bought: Contracts, project: Project) -> Ledger:
    """Return every entry of a run; the entries of an item that is not cancelled add up to its price exactly."""
    ordered = _at(run.when, bought.ordered)
    cancelled = _cancelled(run, bought)
    chips = newer(run.record, ordered, bought, project)
    value = _values(run, bought, ordered, chips.price)
    names = (*bought.names, *STANDING)
    if by_machine() and cancelled.max(initial=-1) < 0:
        costs, contractor = standing_costs(run, project), project.money.contractor
        columns = _entries_by_kernel(run.when, run.record.end, bought, value, costs, contractor)
        return Ledger(names, *columns, value, ordered, cancelled, chips.revenue)
    minute, item, cents, event = _contract_entries(run.when, bought.due, value)
    owed = _owed(run.when, bought.owed, value, cancelled)
    entries = [(minute, item, cents, event), _cancellations(item, cents, owed, cancelled)]
    entries += _standing_entries(run, project, len(value))
    minute, item, cents, event = (np.concatenate(column) for column in zip(*entries, strict=True))
    found = Ledger(names, minute, item, cents, event, value, ordered, cancelled, chips.revenue)
    return _billed(found, bought, project)


def _at(when: Ints, step: Ints) -> Ints:
    """Return when steps were performed; -1 where there is no step."""
    return np.where(step >= 0, when[step], -1)


def _values(run: Run, bought: Contracts, ordered: Ints, chips: Floats) -> Ints:
    """Return the price of every contract in cents: quantity × unit cost, at the prices of its order's date."""
    factors = run.record.factors
    extra = np.where(bought.extra >= 0, factors[bought.extra] * bought.extra_quantity, 0.0)
    dollars = factors[bought.unit] * bought.quantity + extra
    years = np.maximum(ordered, 0) / (12 * MONTH)
    cents: Ints = np.rint(dollars * chips * (1 + bought.escalation) ** years * 100).astype(np.int64)
    return cents


def _entries_by_kernel(
    when: Ints, end: int, bought: Contracts, value: Ints, costs: Mapping[str, Floats], contractor: Contractor
) -> tuple[Ints, Ints, Ints, Ints]:
    """Return (minute, item, cents, event) of every entry of a run in which no order was cancelled."""
    from sim.metrics.kernels import ledger as kernel

    due, first = bought.due, len(value)
    days = max(len(cost) for cost in costs.values())
    standing = np.array([(first + STANDING.index(name), LENGTHS[name]) for name in costs], np.int64)
    periods = max((days * DAY - 1) // int(standing[:, 1].min()) + 1, (end + bought.longest_lag) // MONTH + 2)
    found = np.empty((4, len(due.item) + (len(costs) + 1) * periods), np.int64)
    by_day, sums, after = np.array(list(costs.values())), np.empty(periods), round(contractor.pays_after.value * DAY)
    count = kernel.entries(
        when, due.item, due.step, due.share, due.lag, value,
        by_day, standing, bought.his, float(contractor.fee.value), contractor.bills, after, found, sums,
    )  # fmt: skip
    minute, item, cents, event = found[:, :count]
    return minute, item, cents, event


def _contract_entries(when: Ints, due: Shares, value: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return (minute, item, cents, event) of everything that has fallen due."""
    whole = np.rint(value[due.item] * due.share).astype(np.int64)
    cents = np.diff(whole, prepend=0)
    first = np.flatnonzero(np.diff(due.item, prepend=-1))
    cents[first] = whole[first]
    happened = when[due.step]
    there = (happened >= 0) & (cents != 0)
    return (happened + due.lag)[there], due.item[there], cents[there], due.step[there]


def _cancelled(run: Run, bought: Contracts) -> Ints:
    """Return when the order of every contract was cancelled, or -1; only a block's own items are."""
    minute = np.full(len(bought.names), -1, np.int64)
    noted = run.record.noted(CANCELLED)
    if len(noted.minute):
        names = [run.record.index.items[item] for item in noted.item.tolist()]
        when = dict(zip(names, noted.minute.tolist(), strict=True))
        for number, name in enumerate(bought.names):
            minute[number] = when.get(name.partition("/")[2], -1)
    return minute


def _owed(when: Ints, owed: Shares, value: Ints, cancelled: Ints) -> Ints:
    """Return in cents what is owed by item at its cancelling; 0 where nothing is cancelled."""
    happened = when[owed.step]
    there = (happened >= 0) & (happened <= cancelled[owed.item])
    shares = np.bincount(owed.item[there], owed.share[there], len(value))
    cents: Ints = np.rint(value * shares).astype(np.int64)
    return cents


def _cancellations(item: Ints, cents: Ints, owed: Ints, cancelled: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return the entries with which cancelled orders are settled: what is owed beyond what was paid."""
    if cancelled.max(initial=-1) < 0:
        return (np.zeros(0, np.int64),) * 4
    rest = np.where(cancelled >= 0, owed - _sums(item, cents, len(owed)), 0)
    whose = np.flatnonzero(rest > 0)
    return cancelled[whose], whose, rest[whose], np.full(len(whose), CANCELLING)


def _standing_entries(run: Run, project: Project, first: int) -> list[tuple[Ints, Ints, Ints, Ints]]:
    """Return the entries of what costs money as long as it is there; items are numbered from `first`."""
    costs = standing_costs(run, project)
    found = []
    for number, name in enumerate(STANDING):
        if name in costs:
            found.append(_of_periods(periods(costs[name], LENGTHS[name]), first + number, LENGTHS[name]))
    return found


def standing_costs(run: Run, project: Project) -> Mapping[str, Floats]:
    """Return dollars by day of labour, camp and general conditions."""
    people, money = run.people, project.money
    costs = {LABOUR: wages(people, run.paid_by_day, project, unit_cost(run.record, LABOUR))}
    if money.camp is not None:
        costs[CAMP] = beds(people, project, unit_cost(run.record, CAMP))
    if money.general_conditions is not None:
        started = run.record.noted("started").minute
        opened, closed = (int(started.min()), run.record.end) if len(started) else (0, 0)
        monthly = unit_cost(run.record, GENERAL_CONDITIONS)
        costs[GENERAL_CONDITIONS] = open_site(opened, closed, len(run.paid_by_day), monthly)
    return costs


def unit_cost(record: Record, item: str) -> float:
    """Return the unit cost of an item in a run."""
    return float(record.factors[record.index.plan.inputs.factors.index(price(item))])


def _of_periods(found: Periods, item: int, length: int) -> tuple[Ints, Ints, Ints, Ints]:
    number = found.minute // length
    return found.minute, np.full(len(number), item), found.cents, PERIOD - number


def _billed(entries: Ledger, bought: Contracts, project: Project) -> Ledger:
    """Return a ledger in which the contractor bills what he buys and whom he pays by the month, with his fee."""
    contractor = project.money.contractor
    fee = contractor.fee.value
    if not contractor.bills and not fee:
        return entries
    his = np.concatenate([bought.billed, np.ones(len(STANDING), np.bool_)])[entries.item]
    fees = bills(entries.minute[his], entries.cents[his], fee)
    item, event = np.full(len(fees.minute), len(entries.names) - 1), PERIOD - fees.minute // MONTH
    minute = np.concatenate([entries.minute, fees.minute])
    if contractor.bills:
        his = np.concatenate([his, np.ones(len(fees.minute), np.bool_)])
        end = (minute // MONTH + 1) * MONTH + round(contractor.pays_after.value * DAY)
        minute = np.where(his, end, minute)
    return replace(
        entries,
        minute=minute,
        item=np.concatenate([entries.item, item]),
        cents=np.concatenate([entries.cents, fees.cents]),
        event=np.concatenate([entries.event, event]),
    )


def _sums(item: Ints, cents: Ints, items: int) -> Ints:
    """Return whole cents by item, exactly: 90 trillion dollars are whole cents in a float as well."""
    sums: Ints = np.bincount(item, cents, items).astype(np.int64)
    return sums


def told(entries: Ledger, index: Index) -> dict[str, NDArray[np.generic]]:
    """Return a ledger as people read it, by date: columns day, item, event, usd."""
    order = np.lexsort((entries.item, entries.minute))
    names = np.array(entries.names)
    events = [_event(index, entries.names[item], event) for item, event in zip(
        entries.item[order].tolist(), entries.event[order].tolist(), strict=True)]  # fmt: skip
    return {
        "day": entries.minute[order] / DAY,
        "item": names[entries.item[order]],
        "event": np.array(events),
        "usd": entries.cents[order] / 100,
    }


def _event(index: Index, item: str, event: int) -> str:
    """Return an event in words."""
    if event >= 0:
        kind, what = index.plan.notes[index.plan.rows[event, 1]]
        return f"{kind} {what}"
    if event == CANCELLING:
        return f"order of {item.partition('/')[2]} cancelled"
    return f"{'week' if item in {LABOUR, CAMP} else 'month'} {PERIOD - event} of {item}"
