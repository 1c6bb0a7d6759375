"""Capital: what is paid when, what of it earns, and how long it sits idle (DESIGN §7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.metrics.record import DAY, Ints

Floats = NDArray[np.float64]
MONTH_DAYS = 365.25 / 12


@dataclass(frozen=True)
class Ledger:
    """Every entry: minute due, item (by number), cents. Items have a capital kind and blocks they serve.

    `serves` is the share of what an item was built to serve that each block stands for, shape (items, blocks):
    its rows add up to less than 1 where more was built than is ordered.
    """

    minute: Ints
    item: Ints
    cents: Ints
    items: tuple[str, ...]
    compute: NDArray[np.bool_]
    serves: Floats


@dataclass(frozen=True)
class Idle:
    """Money that is out and does not earn yet, per item: its integral in cent-minutes, and the curve over time."""

    integral: Floats
    minute: Ints
    paid: Floats
    in_service: Floats


def idle(ledger: Ledger, online: Ints, horizon: int) -> Idle:
    """Return idle capital up to `horizon` (minute), exactly, from breakpoint to breakpoint.

    `online` is the minute of every block, or -1. In service is min(paid, total × share online), item by item.
    """
    item, minute, cents, share = _changes(ledger, online)
    order = np.lexsort((minute, item))
    item, minute, cents, share = item[order], minute[order], cents[order], share[order]
    first = np.flatnonzero(np.diff(item, prepend=-1))
    paid, served = _within(np.cumsum(cents), first, item), _within(np.cumsum(share), first, item)
    total = np.bincount(ledger.item, ledger.cents, len(ledger.items))
    earning = np.minimum(paid, total[item] * np.minimum(served, 1.0))
    until = np.append(minute[1:], horizon)
    until[np.append(first[1:], len(item)) - 1] = horizon
    length = np.clip(until, None, horizon) - np.clip(minute, None, horizon)
    integral = np.bincount(item, (paid - earning) * length, len(ledger.items)).astype(np.float64)
    return Idle(integral, *_together(minute, paid, earning, first))


def _changes(ledger: Ledger, online: Ints) -> tuple[Ints, Ints, Floats, Floats]:
    """Return every change of every item: entries of the ledger, and blocks coming online."""
    served, block = np.nonzero(ledger.serves * (online >= 0))
    item = np.concatenate([ledger.item, served])
    minute = np.concatenate([ledger.minute, online[block]])
    cents = np.concatenate([ledger.cents.astype(np.float64), np.zeros(len(served))])
    share = np.concatenate([np.zeros(len(ledger.item)), ledger.serves[served, block]])
    return item, minute, cents, share


def _within(running: Floats, first: Ints, item: Ints) -> Floats:
    """Turn a running sum over all items into one that starts anew with every item."""
    before = np.where(first > 0, running[first - 1], 0.0)
    starts = np.zeros(int(item[-1]) + 1 if len(item) else 0)
    starts[item[first]] = before
    return running - starts[item]


def _together(minute: Ints, paid: Floats, earning: Floats, first: Ints) -> tuple[Ints, Floats, Floats]:
    """Return (minute, paid, in service) of all items together, at every moment at which something changes."""
    order = np.argsort(minute, kind="stable")
    moments, paid_then, earning_then = minute[order], _steps(paid, first)[order], _steps(earning, first)[order]
    last = np.flatnonzero(np.diff(moments, append=-1))
    return moments[last], np.cumsum(paid_then)[last], np.cumsum(earning_then)[last]


def _steps(running: Floats, first: Ints) -> Floats:
    """Return the changes of sums that start anew with every item."""
    steps = np.diff(running, prepend=0.0)
    steps[first] = running[first]
    return steps


def by_day(idle_: Idle, days: int) -> tuple[Floats, Floats]:
    """Return dollars deployed and in service at the end of every day, each of shape (days,)."""
    at = np.searchsorted(idle_.minute, np.arange(1, days + 1) * DAY, side="left") - 1
    known = at >= 0
    return np.where(known, idle_.paid[at], 0.0) / 100, np.where(known, idle_.in_service[at], 0.0) / 100


def capital_metrics(ledger: Ledger, found: Idle, mw: float, cost_of_capital: float) -> dict[str, float]:
    """Return the capital metrics of DESIGN §7 that follow from the ledger and what is in service, in dollars."""
    total = np.bincount(ledger.item, ledger.cents, len(ledger.items)) / 100
    months = found.integral / 100 / DAY / MONTH_DAYS
    compute, sums = ledger.compute, float(total.sum())
    return {
        "capital_total_usd": sums,
        "idle_capital_peak_usd": float((found.paid - found.in_service).max(initial=0.0)) / 100,
        "idle_capital_usd_months": float(months.sum()),
        "idle_capital_months": _over(months.sum(), sums),
        "idle_capital_months_infrastructure": _over(months[~compute].sum(), total[~compute].sum()),
        "idle_capital_months_compute": _over(months[compute].sum(), total[compute].sum()),
        "carrying_cost_usd": cost_of_capital / 100 / 12 * float(months.sum()),
        "installed_cost_usd_per_mw": sums / mw,
    }


def _over(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
