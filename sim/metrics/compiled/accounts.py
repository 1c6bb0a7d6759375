"""The money of a run by machine code: room is made here for what `paying` and `coursing` write."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.config.money import Contractor
from sim.metrics.capital import Courses, Summed
from sim.metrics.claims import Claims
from sim.metrics.compiled import coursing, paying
from sim.metrics.contracts import Contracts
from sim.metrics.record import DAY, MONTH
from sim.metrics.standing import LENGTHS, STANDING

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def entries(
    when: Ints, end: int, bought: Contracts, value: Ints, costs: Mapping[str, Floats], contractor: Contractor
) -> tuple[Ints, Ints, Ints, Ints]:
    """Return (minute, item, cents, event) of every entry of a run in which no order was cancelled."""
    due, first = bought.due, len(value)
    days = max(len(cost) for cost in costs.values())
    standing = np.array([(first + STANDING.index(name), LENGTHS[name]) for name in costs], np.int64)
    periods = max((days * DAY - 1) // int(standing[:, 1].min()) + 1, (end + bought.longest_lag) // MONTH + 2)
    found = np.empty((4, len(due.item) + (len(costs) + 1) * periods), np.int64)
    by_day, sums, after = np.array(list(costs.values())), np.empty(periods), round(contractor.pays_after.value * DAY)
    count = paying.entries(
        when, due.item, due.step, due.share, due.lag, value,
        by_day, standing, bought.his, float(contractor.fee.value), contractor.bills, after, found, sums,
    )  # fmt: skip
    minute, item, cents, event = found[:, :count]
    return minute, item, cents, event


def courses(claims: Claims, total: Floats, built: Floats, horizon: int, never: int) -> Courses:
    """Return the course of every item of a run."""
    entries, bought, when = claims.entries, claims.bought, claims.when
    serving, owed, contracts = bought.serving, bought.owed, len(bought.names)
    standing = len(total) - contracts
    room = len(entries.item) + len(serving.item) + standing * len(claims.online) + len(owed.item) + 2 * contracts
    raw, figures = np.empty((coursing.RAW, room), np.int64), np.empty((coursing.FIGURES, room))
    count = coursing.lay(
        entries.item, entries.minute, entries.cents, claims.debt,
        serving.item, serving.moment, serving.kw, claims.moments,
        owed.item, owed.step, owed.share, when,
        entries.value, entries.ordered, entries.cancelled, total,
        claims.online, standing, claims.block_kw, never,
        raw, figures, np.empty(contracts, np.int64),
    )  # fmt: skip
    rows, states = np.empty((3, count), np.int64), np.empty((6, count))
    first = np.empty(min(count, len(total)), np.int64)
    items = coursing.course(raw, figures, total, built, horizon, rows, first, states, _scratch(count))
    return Courses(rows, first[:items], states, horizon, total)


def summed(found: Courses) -> Summed:
    """Return what is summed over courses."""
    items, count, days = len(found.total), found.rows.shape[1], found.horizon // DAY
    by_item, by_day, stranded = np.zeros((2, items)), np.zeros((4, days)), np.empty(count)
    left, highest = coursing.summed(
        found.rows, found.states, found.total, found.horizon,
        by_item, stranded, by_day, np.empty(count), _scratch(count),
    )  # fmt: skip
    return Summed(by_item[0], by_item[1], stranded[:left], highest, by_day)


def shares_and_draws(found: Courses) -> tuple[Ints, Floats, Ints, Ints, Floats, Floats, Floats]:
    """Return the minutes and steps at which shares online change or debt is drawn, and each draw."""
    count = found.rows.shape[1]
    ints, floats = np.empty((3, count), np.int64), np.empty((4, count))
    rows, draws = paying.shares_and_draws(found.rows, found.states, ints, floats)
    since, change = ints[0, :rows], floats[0, :rows]
    return since, change, ints[1, :draws], ints[2, :draws], floats[1, :draws], floats[2, :draws], floats[3, :draws]


def earned_until(begin: Ints, net: Floats, moment: Floats) -> Floats:
    """Return what is earned up to each moment by blocks that earn from their begin on."""
    earned = np.empty(len(moment))
    paying.earned_until(begin, net, moment, earned)
    return earned


def in_order(minute: Ints) -> Ints:
    """Return places in the order of their minutes."""
    scratch = _scratch(len(minute))
    begin = coursing.in_order(np.ascontiguousarray(minute), scratch)
    return scratch[begin : begin + len(minute)]


def _scratch(count: int) -> Ints:
    """Return room to sort so many."""
    return np.empty(2 * count + coursing.DIGITS, np.int64)
