"""Capital over time, compiled: what changes every item, the state between two changes, and what is summed over it.

The reference is `capital_timeline` and `capital_integrals` of `sim.metrics.kernels.numpy_kernels`; sums are taken in the
same order as there, so they are the same in every bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.jit.toolkit import Floats, FloatView, Ints, IntView, entry_point, float_view, int_view, jit
from sim.metrics.kernels.interface import NEVER, CapitalEvents, Integrals, Timeline
from sim.metrics.kernels.numpy_kernels import order_by_minute

DAY = 1440
MINUTE_BITS = 40
"""Bits of a minute before `NEVER`."""
PAID, KW, OWED, CONTRACT = range(4)
"""Kinds of changes: cents paid, kW online, cents owed, cents contracted."""
EARNING, COMMITTED, EXPOSED, SHARE, DRAWN, STATES = range(1, 7)
"""Rows of states behind row 0, what is paid; and how many there are."""
ITEM, MINUTE, KIND, CHANGE_INTS = range(4)
"""Rows of the whole numbers of a change, and how many there are."""
AMOUNT, ON_ORDER, DEBT, CHANGE_FLOATS = range(4)
"""Rows of the rest: by how much, by how much its contract too, and how much of it is debt."""


# --- timeline ---------------------------------------------------------------------------------------------------------


class Changes(NamedTuple):
    """Changes on the way to becoming rows: whole numbers and floats, each row of them `room` long."""

    ints: IntView
    floats: FloatView
    room: int


def capital_timeline(events: CapitalEvents, built_kw: Floats, horizon: int) -> Timeline:
    """Return the state of every item between any two changes."""
    items, contracts = len(events.total), len(events.value)
    # the most there can be: every payment, every pair of item and moment, every claim, contract and cancellation
    room = len(events.item) + len(events.serving_item) + (items - contracts) * len(events.online)
    room += len(events.owed_item) + 2 * contracts
    ints, floats = np.empty((CHANGE_INTS, room), np.int64), np.empty((CHANGE_FLOATS, room))
    count = collect_changes(events, ints, floats, np.empty(contracts, np.int64))
    rows, states = np.empty((3, count), np.int64), np.empty((STATES, count))
    first = np.empty(min(count, items), np.int64)
    # one stable sort of both keys in one number: rows come in runs of rising items, of which it makes use
    order = np.argsort(ints[ITEM, :count] << MINUTE_BITS | ints[MINUTE, :count], kind="stable")
    found = follow_items(ints, floats, order, events.total, built_kw, horizon, rows, first, states)
    return Timeline(rows, first[:found], states)


@entry_point
def collect_changes(events: CapitalEvents, ints_: Ints, floats_: Floats, signed_: Ints) -> int:
    """Write everything that changes an item, row by row, and return how many rows come from 0 on, before `NEVER`.

    Payments (of standing costs, behind all contracts, contracted at the same moment), items that serve, standing costs
    that serve with every block ordered, what is owed, contracts that are signed and that are cancelled.
    """
    item, minute, cents, debt = (
        int_view(events.item),
        int_view(events.minute),
        int_view(events.cents),
        float_view(events.debt),
    )
    value, ordered, cancelled, total = (
        int_view(events.value),
        int_view(events.ordered),
        int_view(events.cancelled),
        float_view(events.total),
    )
    signed, contracts = int_view(signed_), len(events.value)
    changes = Changes(int_view(ints_), float_view(floats_), ints_.shape[1])
    row = 0
    for at in range(contracts):
        signed[at] = ordered[at]
    for at in range(len(events.item)):
        its, on_order = item[at], 0.0
        if its < contracts:
            signed[its] = min(signed[its], minute[at])  # a payment before the order is the order
        else:
            on_order = float(cents[at])
        row = _write(changes, row, its, minute[at], PAID, float(cents[at]), on_order, debt[at])
    row = _collect_serving(changes, row, events)
    row = _collect_owed(changes, row, events)
    for at in range(contracts):
        if ordered[at] >= 0:
            # contracts come after payments: of changes in one minute the order is that of writing, in the reference too
            row = _write(changes, row, at, signed[at], CONTRACT, float(value[at]), 0.0, 0.0)
    for at in range(contracts):
        if cancelled[at] >= 0:
            # the contract falls to what was paid for it in the end
            row = _write(changes, row, at, cancelled[at], CONTRACT, total[at] - value[at], 0.0, 0.0)
    return row


@jit
def _collect_serving(changes: Changes, row: int, events: CapitalEvents) -> int:
    """Write from when on items serve how many kW; return the next row."""
    item, moment, kw = int_view(events.serving_item), int_view(events.serving_moment), float_view(events.serving_kw)
    moments, online = int_view(events.moments), int_view(events.online)
    for at in range(len(events.serving_item)):
        row = _write(changes, row, item[at], moments[moment[at]], KW, kw[at], 0.0, 0.0)
    for standing in range(len(events.value), len(events.total)):
        for at in range(len(events.online)):
            row = _write(changes, row, standing, online[at], KW, events.block_kw, 0.0, 0.0)
    return row


@jit
def _collect_owed(changes: Changes, row: int, events: CapitalEvents) -> int:
    """Write what is owed of every contract from which step on; return the next row."""
    item, step, share = int_view(events.owed_item), int_view(events.owed_step), float_view(events.owed_share)
    when, value = int_view(events.when), int_view(events.value)
    for at in range(len(events.owed_item)):
        row = _write(changes, row, item[at], when[step[at]], OWED, share[at] * value[item[at]], 0.0, 0.0)
    return row


@jit
def _write(
    changes: Changes, row: int, item: int, minute: int, kind: int, amount: float, on_order: float, debt: float
) -> int:
    """Write a change if its minute comes; return the next row."""
    # left out rather than sorted to the end: they would need a mark of their own in the sort key
    if minute < 0 or minute >= NEVER:
        return row
    ints, floats, room = changes.ints, changes.floats, changes.room
    ints[ITEM * room + row], ints[MINUTE * room + row], ints[KIND * room + row] = item, minute, kind
    floats[AMOUNT * room + row], floats[ON_ORDER * room + row], floats[DEBT * room + row] = amount, on_order, debt
    return row + 1


@entry_point
def follow_items(
    ints_: Ints, floats_: Floats, order_: Ints, total_: Floats, built_: Floats, horizon: int,
    rows_: Ints, first_: Ints, states_: Floats,
) -> int:  # fmt: skip
    """Follow every item through its changes, in order of item and minute; return how many items there are.

    `rows_` gets item, minute and end of every row, `first_` where each item begins, `states_` what holds from then.
    """
    ints, floats, total, built = int_view(ints_), float_view(floats_), float_view(total_), float_view(built_)
    rows, first, states = int_view(rows_), int_view(first_), float_view(states_)
    order, room, count = int_view(order_), ints_.shape[1], rows_.shape[1]
    # totals run on over all items, less what stood before each: the reference adds up like that, and bits must agree
    paid = kw = owed = contract = paid_before = kw_before = owed_before = contract_before = 0.0
    items, whole_kw, price = 0, 1.0, 0.0
    for place in range(count):
        row = order[place]
        its, minute, kind = ints[ITEM * room + row], ints[MINUTE * room + row], ints[KIND * room + row]
        amount = floats[AMOUNT * room + row]
        if place == 0 or rows[place - 1] != its:
            first[items] = place
            items += 1
            paid_before, kw_before, owed_before, contract_before = paid, kw, owed, contract
            whole_kw, price = built[its], total[its]
            if place > 0:
                rows[2 * count + place - 1] = max(rows[count + place - 1], horizon)
        else:
            rows[2 * count + place - 1] = minute
        # all four in every row, without a branch: adding 0.0 keeps the bits
        paid += amount if kind == PAID else 0.0
        kw += amount if kind == KW else 0.0
        owed += amount if kind == OWED else 0.0
        contract += amount if kind == CONTRACT else floats[ON_ORDER * room + row]
        # kW may add up to more than was built, in the last bits or by blocks beyond a unit's part
        share = min((kw - kw_before) / whole_kw, 1.0)
        rows[place], rows[count + place] = its, minute
        states[place] = paid - paid_before
        # what is online earns the item's full price share, but no more than was paid of it so far
        states[EARNING * count + place] = min(paid - paid_before, price * share)
        states[COMMITTED * count + place] = contract - contract_before
        # what is owed on cancelling counts as lost once it is more than what was paid
        states[EXPOSED * count + place] = max(paid - paid_before, owed - owed_before)
        states[SHARE * count + place] = share
        states[DRAWN * count + place] = floats[DEBT * room + row]
    if count > 0:
        rows[3 * count - 1] = max(rows[2 * count - 1], horizon)
    return items


# --- integrals --------------------------------------------------------------------------------------------------------


def capital_integrals(timeline: Timeline, total: Floats, horizon: int, days: int) -> Integrals:
    """Return integrals, idle capital at the horizon and its peak, and the changes of so many days."""
    items, count = len(total), timeline.rows.shape[1]
    by_item, by_day, stranded = np.zeros((2, items)), np.zeros((4, days)), np.empty(count)
    changes, minutes = np.empty(count), np.empty(count, np.int64)
    left, changed = integrate(
        timeline.rows, timeline.states, total, horizon, by_item, stranded, by_day, changes, minutes
    )
    highest = peak(order_by_minute(minutes[:changed]), minutes, changes, horizon)
    return Integrals(by_item[0], by_item[1], stranded[:left], highest, by_day)


@entry_point
def integrate(
    rows_: Ints, states_: Floats, total_: Floats, horizon: int,
    by_item_: Floats, stranded_: Floats, by_day_: Floats, changes_: Floats, minutes_: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Sum over a timeline; return how many rows are stranded, and at how many idle capital changes.

    `by_item_` gets the integrals of what is idle and of what is committed and waits, `stranded_` what is idle at the
    end row by row, `by_day_` what paid, earning, committed and exposed change on every day; `changes_` and `minutes_` by
    how much idle capital changes, and when.
    """
    rows, states, total, by_item = int_view(rows_), float_view(states_), float_view(total_), float_view(by_item_)
    stranded, by_day, changes = float_view(stranded_), float_view(by_day_), float_view(changes_)
    minutes, count, items, days = int_view(minutes_), rows_.shape[1], len(total_), by_day_.shape[1]
    left, changed = 0, 0
    for row in range(count):
        item, minute, until = rows[row], rows[count + row], rows[2 * count + row]
        same = row > 0 and rows[row - 1] == item
        # rows that begin beyond the horizon get length 0 instead of a branch
        length = float(min(until, horizon) - min(minute, horizon))
        out = states[row] - states[EARNING * count + row]
        by_item[item] += out * length
        waits = states[COMMITTED * count + row] - total[item] * states[SHARE * count + row]
        # per item: one that is online beyond its contract must not offset another that waits
        by_item[items + item] += max(waits, 0.0) * length
        # the row that holds at the horizon; `until` of an item's last row reaches it
        if minute < horizon <= until:
            stranded[left] = out
            left += 1
        if minute // DAY < days:
            for state in range(4):
                before = states[state * count + row - 1] if same else 0.0
                by_day[state * days + minute // DAY] += states[state * count + row] - before
        change = out - (states[row - 1] - states[EARNING * count + row - 1] if same else 0.0)
        # most rows are orders and claims, which leave idle capital as it is: the sort gets a fraction of them
        if change != 0:
            changes[changed], minutes[changed] = change, minute
            changed += 1
    return left, changed


@entry_point
def peak(order_: Ints, minutes_: Ints, changes_: Floats, horizon: int) -> float:
    """Return the highest sum of changes in the order of their minutes, up to the horizon."""
    order, minutes, changes, count = int_view(order_), int_view(minutes_), float_view(changes_), len(order_)
    highest, out = 0.0, 0.0
    for place in range(count):
        row = order[place]
        out += changes[row]
        # changes of one minute count together: between them nothing is idle for any time
        last = place == count - 1 or minutes[order[place + 1]] != minutes[row]
        if last and minutes[row] <= horizon:
            highest = max(highest, out)
    return highest
