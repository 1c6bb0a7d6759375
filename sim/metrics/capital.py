"""Capital: what is paid when, what of it earns, what is committed, what could be lost, how long it sits (DESIGN §7).

Everything that changes an item is a row: a payment, MW of it coming online, a claim on a cancelled order, its contract.
Between two rows nothing changes, so every integral is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.metrics.record import DAY, MONTH, Ints
from sim.metrics.serving import NEVER
from sim.metrics.sorting import by

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
MONTH_DAYS = 365.25 / 12
AMOUNTS = ("paid", "kw", "owed", "contract", "debt")


@dataclass(frozen=True)
class Changes:
    """What changes items, one row a change: cents paid and how many of them are debt, kW online, cents owed, contracts.

    Owed is what cancelling would cost from then on, over what it did before.
    """

    item: Ints
    minute: Ints
    paid: Floats
    kw: Floats
    owed: Floats
    contract: Floats
    debt: Floats

    @classmethod
    def of(cls, item: Ints, minute: Ints, **amounts: Floats | Ints) -> Changes:
        """Return rows with some of the amounts; the others are 0."""
        none = np.zeros(len(item))
        return cls(item, minute, *(np.asarray(amounts.get(name, none), np.float64) for name in AMOUNTS))


def together(parts: Sequence[Changes]) -> Changes:
    """Return the changes of several kinds as one, without those that never come."""
    item, minute = (np.concatenate([getattr(part, name) for part in parts]) for name in ("item", "minute"))
    amounts = (np.concatenate([getattr(part, name) for part in parts]) for name in AMOUNTS)
    there = (minute >= 0) & (minute < NEVER)
    if there.all():
        return Changes(item, minute, *amounts)
    return Changes(item[there], minute[there], *(amount[there] for amount in amounts))


@dataclass(frozen=True)
class Courses:
    """The course of every item: rows by item and date, with the state from each row to the next (cents).

    `until` is the minute of the item's next row, or the horizon; `share` is the part of the item that is online.
    `debt` is what is drawn on debt at the row itself.
    """

    item: Ints
    minute: Ints
    until: Ints
    first: Ints
    paid: Floats
    earning: Floats
    committed: Floats
    exposed: Floats
    share: Floats
    debt: Floats
    horizon: int
    items: int

    @cached_property
    def length(self) -> Floats:
        """Return the minutes of every row that lie before the horizon."""
        return (np.minimum(self.until, self.horizon) - np.minimum(self.minute, self.horizon)).astype(np.float64)

    def integral(self, amount: Floats) -> Floats:
        """Return the integral of a state up to the horizon, by item (cent-minutes)."""
        by_item: Floats = np.bincount(self.item, amount * self.length, self.items).astype(np.float64)
        return by_item

    def steps(self, state: Floats) -> Floats:
        """Return by how much a state changes at every row."""
        changes = state.copy()
        changes[1:] -= state[:-1]
        changes[self.first] = state[self.first]
        return changes

    def by_day(self, state: Floats, days: int) -> Floats:
        """Return dollars of all items together at the end of every day, shape (days,)."""
        return np.cumsum(np.bincount(self._day(days), self.steps(state), days + 1)[:days]) / 100

    def _day(self, days: int) -> Ints:
        """Return the day of every row, the same for all states; what is later lies on day `days`."""
        if days not in self._known_days:
            self._known_days[days] = np.minimum(self.minute // DAY, days)
        return self._known_days[days]

    @cached_property
    def _known_days(self) -> dict[int, Ints]:
        return {}


def courses(changes: Changes, total: Floats, built_kw: Floats, horizon: int) -> Courses:
    """Return the course of every item; in service is min(paid, total × share online), item by item.

    `total` is everything ever paid by item (cents), `built_kw` what it was built to serve.
    """
    order = by(changes.minute, changes.item)
    item, minute = changes.item[order], changes.minute[order]
    first = np.flatnonzero(np.diff(item, prepend=-1))
    lengths = np.diff(np.append(first, len(item)))
    paid, kw, owed, contract = (
        _since_first(amount[order], first, lengths)
        for amount in (changes.paid, changes.kw, changes.owed, changes.contract)
    )
    share = np.minimum(kw / built_kw[item], 1.0)
    until = np.append(minute[1:], horizon)
    until[first[1:] - 1] = horizon
    if len(until):
        until[-1] = horizon
    return Courses(
        item, minute, np.maximum(until, minute), first, paid, np.minimum(paid, total[item] * share),
        contract, np.maximum(paid, owed), share, changes.debt[order], horizon, len(total),
    )  # fmt: skip


def _since_first(amount: Floats, first: Ints, lengths: Ints) -> Floats:
    """Return the running total of an amount within every item."""
    total = np.cumsum(amount)
    before = total[first - 1]
    before[first == 0] = 0.0
    total -= np.repeat(before, lengths)
    return total


def peak(found: Courses) -> float:
    """Return the most that all items together have out and idle at any moment before the horizon, in dollars."""
    order = by(found.minute)
    minute = found.minute[order]
    out = np.cumsum(found.steps(found.paid - found.earning)[order])
    last = np.diff(minute, append=-1) != 0
    return float(out[last & (minute <= found.horizon)].max(initial=0.0)) / 100


def capital_metrics(
    found: Courses, total: Floats, compute: Flags, mw: float, cost_of_capital: float
) -> dict[str, float]:
    """Return the capital metrics of DESIGN §7 that follow from the courses of all items, in dollars and months."""
    dollars = total / 100
    idle = found.integral(found.paid - found.earning) / 100 / MONTH
    waiting = np.maximum(found.committed - total[found.item] * found.share, 0.0)
    committed = found.integral(waiting) / 100 / MONTH
    sums, months = float(dollars.sum()), float(idle.sum())
    at_end = (found.minute < found.horizon) & (found.until >= found.horizon)
    return {
        "capital_total_usd": sums,
        "idle_capital_peak_usd": peak(found),
        "idle_capital_usd_months": months,
        "idle_capital_months": over(months, sums),
        "idle_capital_months_infrastructure": over(idle[~compute].sum(), dollars[~compute].sum()),
        "idle_capital_months_compute": over(idle[compute].sum(), dollars[compute].sum()),
        "committed_idle_months": over(committed.sum(), sums),
        "stranded_capital_usd": float((found.paid - found.earning)[at_end].sum()) / 100,
        "carrying_cost_usd": cost_of_capital / 100 / 12 * months,
        "installed_cost_usd_per_mw": over(sums, mw),
    }


def over(part: float, whole: float) -> float:
    """Return a ratio, 0 where there is nothing to divide by."""
    return float(part / whole) if whole else 0.0
