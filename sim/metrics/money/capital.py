"""Capital: what is paid when, what of it earns, what is committed, what could be lost, how long it sits (DESIGN §7).

Everything that changes an item is a row: a payment, MW of it coming online, a claim on a cancelled order, its contract.
Between two rows nothing changes, so every integral is exact.

Everything that changes an item of capital in one run: payments, MW online, what is owed, contracts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.jit import by_machine
from sim.metrics.money.contracts import STANDING, Contracts
from sim.metrics.money.in_service import NEVER, by
from sim.metrics.money.ledger import Ledger
from sim.metrics.record import DAY, MONTH, Ints

# --- capital ----------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
MONTH_DAYS = 365.25 / 12
AMOUNTS = ("paid", "kw", "owed", "contract", "debt")


Part = tuple[Ints, Ints, Mapping[str, Floats | Ints]]
"""Items, minutes, and the amounts by which they change, by name."""


@dataclass(frozen=True)
class CapitalChanges:
    """What changes items, one row a change: cents paid, kW online, cents owed, contracts, and how many paid are debt.

    `amounts` has a row for each of them. Owed is what cancelling would cost from then on, over what it did before.
    """

    item: Ints
    minute: Ints
    amounts: Floats


def together(parts: Sequence[Part]) -> CapitalChanges:
    """Return the changes of several kinds as one; amounts that are not given are 0."""
    item, minute = (np.concatenate([part[column] for part in parts]) for column in (0, 1))
    amounts, begin = np.zeros((len(AMOUNTS), len(item))), 0
    for its, _, given in parts:
        for name, amount in given.items():
            amounts[AMOUNTS.index(name), begin : begin + len(its)] = amount
        begin += len(its)
    return CapitalChanges(item, minute, amounts)


@dataclass(frozen=True)
class CapitalIntegrals:
    """What is summed over courses, in cents: integrals of what is idle, and of what is committed and waits, by item.

    Then what is idle at the horizon, row by row; the most that is out and idle at any moment; and by how much all
    items together change on every day: paid, in service, committed and exposed, shape (4, days).
    """

    idle: Floats
    waiting: Floats
    stranded: Floats
    highest: float
    by_day: Floats


@dataclass(frozen=True)
class CapitalTimeline:
    """The course of every item: rows by item and date, with the state from each row to the next (cents).

    `rows` are its item, its minute, and the minute of the item's next row or the horizon; `first` the rows with which
    items begin. `states` has a row for each state; `share` is the part of the item that is online, `debt` what is
    drawn at the row itself. `total` is what is ever paid by item.
    """

    rows: Ints
    first: Ints
    states: Floats
    horizon: int
    total: Floats

    @property
    def item(self) -> Ints:
        """Return whose every row is."""
        return self.rows[0]

    @property
    def minute(self) -> Ints:
        """Return since when every row holds."""
        return self.rows[1]

    @property
    def until(self) -> Ints:
        """Return until when every row holds."""
        return self.rows[2]

    @property
    def paid(self) -> Floats:
        """Return what is paid."""
        return self.states[0]

    @property
    def earning(self) -> Floats:
        """Return what of it is in service."""
        return self.states[1]

    @property
    def committed(self) -> Floats:
        """Return what is contracted."""
        return self.states[2]

    @property
    def exposed(self) -> Floats:
        """Return what could be lost."""
        return self.states[3]

    @property
    def share(self) -> Floats:
        """Return which part of the item is online."""
        return self.states[4]

    @property
    def debt(self) -> Floats:
        """Return how much debt is drawn at every row."""
        return self.states[5]

    @cached_property
    def length(self) -> Floats:
        """Return the minutes of every row that lie before the horizon."""
        return (np.minimum(self.until, self.horizon) - np.minimum(self.minute, self.horizon)).astype(np.float64)

    def integral(self, amount: Floats) -> Floats:
        """Return the integral of a state up to the horizon, by item (cent-minutes)."""
        by_item: Floats = np.bincount(self.item, amount * self.length, len(self.total)).astype(np.float64)
        return by_item

    def steps(self, state: Floats) -> Floats:
        """Return by how much a state changes at every row."""
        changes = state.copy()
        changes[1:] -= state[:-1]
        changes[self.first] = state[self.first]
        return changes

    def daily(self) -> Floats:
        """Return dollars paid, in service, committed and exposed at the end of every day, shape (4, days)."""
        daily: Floats = np.cumsum(self.summed.by_day, axis=1) / 100
        return daily

    @cached_property
    def summed(self) -> CapitalIntegrals:
        """Return what is summed over all rows."""
        if by_machine():
            return _summed_by_kernel(self)
        idle = self.paid - self.earning
        waiting = np.maximum(self.committed - self.total[self.item] * self.share, 0.0)
        at_end = (self.minute < self.horizon) & (self.until >= self.horizon)
        return CapitalIntegrals(
            self.integral(idle), self.integral(waiting), idle[at_end], _highest(self), self._by_day()
        )

    def _by_day(self) -> Floats:
        """Return by how much states change on every day; what is later than all days is left out."""
        days = self.horizon // DAY
        day = np.minimum(self.minute // DAY, days)
        return np.array([np.bincount(day, self.steps(state), days + 1)[:days] for state in self.states[:4]])


def _summed_by_kernel(found: CapitalTimeline) -> CapitalIntegrals:
    """Return what is summed over courses."""
    from sim.metrics.kernels import capital as kernel

    items, count, days = len(found.total), found.rows.shape[1], found.horizon // DAY
    by_item, by_day, stranded = np.zeros((2, items)), np.zeros((4, days)), np.empty(count)
    left, highest = kernel.summed(
        found.rows, found.states, found.total, found.horizon,
        by_item, stranded, by_day, np.empty(count), np.empty(2 * count + kernel.DIGITS, np.int64),
    )  # fmt: skip
    return CapitalIntegrals(by_item[0], by_item[1], stranded[:left], highest, by_day)


def timeline(changes: CapitalChanges, total: Floats, built_kw: Floats, horizon: int) -> CapitalTimeline:
    """Return the course of every item; in service is min(paid, total × share online), item by item.

    `total` is everything ever paid by item (cents), `built_kw` what it was built to serve. Changes that never come
    are left out.
    """
    there = np.flatnonzero((changes.minute >= 0) & (changes.minute < NEVER))
    order = there[by(changes.minute[there], changes.item[there])]
    item, minute = changes.item[order], changes.minute[order]
    first = np.flatnonzero(np.diff(item, prepend=-1))
    lengths = np.diff(np.append(first, len(item)))
    paid, kw, owed, contract = (_since_first(amount[order], first, lengths) for amount in changes.amounts[:4])
    share = np.minimum(kw / built_kw[item], 1.0)
    until = np.append(minute[1:], horizon)
    until[first[1:] - 1] = horizon
    if len(until):
        until[-1] = horizon
    earning, exposed = np.minimum(paid, total[item] * share), np.maximum(paid, owed)
    states = np.array([paid, earning, contract, exposed, share, changes.amounts[4][order]])
    return CapitalTimeline(np.array([item, minute, np.maximum(until, minute)]), first, states, horizon, total)


def _since_first(amount: Floats, first: Ints, lengths: Ints) -> Floats:
    """Return the running total of an amount within every item."""
    total = np.cumsum(amount)
    before = total[first - 1]
    before[first == 0] = 0.0
    total -= np.repeat(before, lengths)
    return total


def _highest(found: CapitalTimeline) -> float:
    """Return the most that all items together have out and idle at any moment before the horizon, in cents."""
    order = by(found.minute)
    minute = found.minute[order]
    out = np.cumsum(found.steps(found.paid - found.earning)[order])
    last = np.diff(minute, append=-1) != 0
    return float(out[last & (minute <= found.horizon)].max(initial=0.0))


def capital_metrics(found: CapitalTimeline, compute: Flags, mw: float, cost_of_capital: float) -> dict[str, float]:
    """Return the capital metrics of DESIGN §7 that follow from the courses of all items, in dollars and months."""
    dollars, summed = found.total / 100, found.summed
    idle, committed = summed.idle / 100 / MONTH, summed.waiting / 100 / MONTH
    sums, months = float(dollars.sum()), float(idle.sum())
    return {
        "capital_total_usd": sums,
        "idle_capital_peak_usd": summed.highest / 100,
        "idle_capital_usd_months": months,
        "idle_capital_months": over(months, sums),
        "idle_capital_months_infrastructure": over(idle[~compute].sum(), dollars[~compute].sum()),
        "idle_capital_months_compute": over(idle[compute].sum(), dollars[compute].sum()),
        "committed_idle_months": over(committed.sum(), sums),
        "stranded_capital_usd": float(summed.stranded.sum()) / 100,
        "carrying_cost_usd": cost_of_capital / 100 / 12 * months,
        "installed_cost_usd_per_mw": over(sums, mw),
    }


def over(part: float, whole: float) -> float:
    """Return a ratio, 0 where there is nothing to divide by."""
    return float(part / whole) if whole else 0.0


# --- claims -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CapitalEvents:
    """What a run knows of all its changes: its entries and how much of each is debt, and when every step was done.

    `moments` are all moments at which items serve, `online` those of the blocks that are ordered, `block_kw` what one
    of them serves.
    """

    entries: Ledger
    debt: Floats
    when: Ints
    bought: Contracts
    moments: Ints
    online: Ints
    block_kw: float


def followed(events: CapitalEvents, built_kw: Floats, horizon: int) -> CapitalTimeline:
    """Return the course of every item; `built_kw` is what each was built to serve."""
    total = events.entries.total.astype(np.float64)
    if by_machine():
        return _courses_by_kernel(events, total, built_kw, horizon, NEVER)
    return timeline(_changes(events), total, built_kw, horizon)


def _courses_by_kernel(
    events: CapitalEvents, total: Floats, built: Floats, horizon: int, never: int
) -> CapitalTimeline:
    """Return the course of every item of a run."""
    from sim.metrics.kernels import capital as kernel

    entries, bought, when = events.entries, events.bought, events.when
    serving, owed, contracts = bought.serving, bought.owed, len(bought.names)
    standing = len(total) - contracts
    room = len(entries.item) + len(serving.item) + standing * len(events.online) + len(owed.item) + 2 * contracts
    raw, figures = np.empty((kernel.RAW, room), np.int64), np.empty((kernel.FIGURES, room))
    count = kernel.lay(
        entries.item, entries.minute, entries.cents, events.debt,
        serving.item, serving.moment, serving.kw, events.moments,
        owed.item, owed.step, owed.share, when,
        entries.value, entries.ordered, entries.cancelled, total,
        events.online, standing, events.block_kw, never,
        raw, figures, np.empty(contracts, np.int64),
    )  # fmt: skip
    rows, states = np.empty((3, count), np.int64), np.empty((6, count))
    first = np.empty(min(count, len(total)), np.int64)
    items = kernel.course(
        raw, figures, total, built, horizon, rows, first, states, np.empty(2 * count + kernel.DIGITS, np.int64)
    )
    return CapitalTimeline(rows, first[:items], states, horizon, total)


def _changes(events: CapitalEvents) -> CapitalChanges:
    """Return all changes as one table."""
    entries, bought, contracts = events.entries, events.bought, len(events.bought.names)
    serving, owed, when = bought.serving, bought.owed, events.when[events.bought.owed.step]
    signed, left = np.flatnonzero(entries.ordered >= 0), np.flatnonzero(entries.cancelled >= 0)
    standing = entries.item >= contracts
    paid = {"paid": entries.cents, "contract": np.where(standing, entries.cents, 0), "debt": events.debt}
    return together([
        (entries.item, entries.minute, paid),
        (serving.item, events.moments[serving.moment], {"kw": serving.kw}),
        _served_together(events, contracts),
        (owed.item, when, {"owed": owed.share * entries.value[owed.item]}),
        (signed, _signed(entries)[signed], {"contract": entries.value[signed]}),
        (left, entries.cancelled[left], {"contract": (entries.total[:contracts] - entries.value)[left]}),
    ])  # fmt: skip


def _served_together(events: CapitalEvents, first: int) -> Part:
    """Return the MW that labour, camp and the like serve: all that are ordered, together."""
    items = np.repeat(np.arange(first, first + len(STANDING)), len(events.online))
    kw = np.full(len(items), events.block_kw)
    return items, np.tile(events.online, len(STANDING)), {"kw": kw}


def _signed(entries: Ledger) -> Ints:
    """Return when contracts are signed: with their order, or with the first payment where that comes before."""
    first = np.full(len(entries.names), NEVER)
    np.minimum.at(first, entries.item, entries.minute)
    signed: Ints = np.minimum(entries.ordered, first[: len(entries.ordered)])
    return signed
