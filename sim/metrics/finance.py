"""What money costs while it waits, and how much must be raised: interest, equity, debt, cash by the month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config.finance import Finance
from sim.machine import by_machine
from sim.metrics.capital import Courses
from sim.metrics.record import DAY, MONTH, Ints
from sim.metrics.sorting import by

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Draws:
    """All payments of a run by date: minute, item, dollars, how much of each is debt; and its entry in the ledger."""

    minute: Ints
    item: Ints
    usd: Floats
    debt: Floats
    entry: Ints


def draws(minute: Ints, item: Ints, cents: Ints, finance: Finance) -> Draws:
    """Return the draws on equity and debt: debt by the gearing, or once the equity's share of the total is spent."""
    order = by(minute)
    usd, gearing = cents[order] / 100, finance.gearing.value
    debt = usd * gearing
    if finance.draw == "equity_first":
        debt = usd * _beyond(minute[order], usd, (1 - gearing) * usd.sum())
    return Draws(minute[order], item[order], usd, debt, order)


def _beyond(minute: Ints, usd: Floats, equity: float) -> Floats:
    """Return the share of every payment that lies beyond so much equity; payments of one minute share alike."""
    first = np.flatnonzero(np.diff(minute, prepend=-1))
    together = np.add.reduceat(usd, first) if len(first) else usd
    debt = np.diff(np.maximum(np.cumsum(together) - equity, 0.0), prepend=0.0)
    shares = np.divide(debt, together, out=np.zeros(len(together)), where=together != 0)
    return np.repeat(shares, np.diff(np.append(first, len(minute))))


def interest(found: Courses, percent_per_year: float) -> float:
    """Return the interest on debt until the blocks it was drawn for are online, or to the horizon, compounded monthly.

    A draw D for an item, of which block b is the share w, costs D × Σ w ((1 + r/12)^m − 1), m the months from the
    draw to b online; what is online already costs nothing, what never is costs to the horizon.
    """
    if not percent_per_year or not found.debt.any():
        return 0.0
    growth = np.log1p(percent_per_year / 1200) / MONTH
    since, change, rows, end, debt, share, share_at_end = _shares_and_draws(found)
    grown = np.exp(growth * np.minimum(since, found.horizon))
    costs = np.cumsum(change * grown)
    later, never = costs[end] - costs[rows], 1.0 - share_at_end
    factor = (later + never * np.exp(growth * found.horizon)) / grown[rows] - (1.0 - share)
    return float(debt @ factor) / 100


def _shares_and_draws(found: Courses) -> tuple[Ints, Floats, Ints, Ints, Floats, Floats, Floats]:
    """Return the minutes and steps at which shares online change or debt is drawn, and each draw.

    Of a draw: its place among those rows, that of the last one of its item, the debt, and the shares then and there.
    """
    if by_machine():
        return _shares_and_draws_by_kernel(found)
    change = found.steps(found.share)
    needed, rows = (change != 0) | (found.debt != 0), np.flatnonzero(found.debt)
    place = np.cumsum(needed) - 1
    last = np.append(found.first[1:], len(found.item)) - 1
    end = np.repeat(last, np.diff(np.append(found.first, len(found.item))))[rows]
    at_end, then = found.share[end], found.share[rows]
    return found.minute[needed], change[needed], place[rows], place[end], found.debt[rows], then, at_end


def _shares_and_draws_by_kernel(found: Courses) -> tuple[Ints, Floats, Ints, Ints, Floats, Floats, Floats]:
    """Return the minutes and steps at which shares online change or debt is drawn, and each draw."""
    from sim.metrics.compiled import paying as kernel

    count = found.rows.shape[1]
    ints, floats = np.empty((3, count), np.int64), np.empty((4, count))
    rows, draws = kernel.shares_and_draws(found.rows, found.states, ints, floats)
    since, change = ints[0, :rows], floats[0, :rows]
    return since, change, ints[1, :draws], ints[2, :draws], floats[1, :draws], floats[2, :draws], floats[3, :draws]


def monthly(minute: Ints, usd: Floats, days: int) -> Floats:
    """Return dollars of the month in which each day lies, shape (days,): a step curve of months."""
    month = np.arange(days) * DAY // MONTH
    inside = minute < days * DAY
    sums = np.bincount(minute[inside] // MONTH, usd[inside], int(month[-1]) + 1)
    return np.asarray(sums[month], np.float64)


def running(minute: Ints, usd: Floats, days: int) -> Floats:
    """Return the sum of dollars at the end of every day, shape (days,)."""
    day = np.minimum(minute // DAY, days)
    return np.cumsum(np.bincount(day, usd, days + 1)[:days])
