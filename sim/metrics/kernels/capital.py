"""Capital over time, compiled: the changes of every item, its state between two changes, and integrals over time.

The reference is `capital_timeline` and `capital_integrals` of `sim.metrics.kernels.numpy_kernels`; sums are taken in the
same order as there, so they are the same in every bit. A table of several rows is one array here: row r begins at index
r × its length.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.jit.toolkit import Floats, FloatView, Ints, IntView, entry_point, float_view, int_view, jit
from sim.metrics.kernels.interface import (
    COMMITTED,
    DEBT_DRAWDOWN,
    EXPOSED,
    IN_SERVICE,
    NEVER,
    PAID,
    ROW_ITEM,
    ROW_MINUTE,
    ROW_UNTIL,
    SHARE_ONLINE,
    STATES,
    CapitalEvents,
    Integrals,
    Timeline,
)

DAY = 1440
MINUTE_BITS = 40
"""Bits of a minute before `NEVER`."""
KIND_PAID, KIND_KW, KIND_OWED, KIND_CONTRACTED = range(4)
"""Kinds of changes, by what their amount is: cents paid, kW online, cents owed if cancelled, cents contracted."""
ITEM_AND_MINUTE, KIND, INT_ROWS = range(3)
"""Rows of the table of integers of changes, and how many there are; item and minute are one number, as they are sorted."""
AMOUNT, CONTRACTED_WITH_IT, DEBT, FLOAT_ROWS = range(4)
"""Rows of the table of floats of changes, and how many there are.

The amount is of the change's kind; a payment may contract some cents at the same moment, and some of its cents are debt.
"""
DAILY_STATES = 4
"""How many states have daily curves: the first four, from cents paid to cents exposed."""


# --- order ------------------------------------------------------------------------------------------------------------


DIGIT_BITS = 11
"""Bits of a digit in the radix sort: so many counts are near in the processor, and a minute has two digits."""


def stable_order(keys: Ints) -> Ints:
    """Return the positions of keys in ascending order, by a stable sort."""
    order = np.empty((2, len(keys)), np.int64)
    row = sort_by_digits(np.ascontiguousarray(keys), order, np.empty(1 << DIGIT_BITS, np.int64))
    return np.argsort(keys, kind="stable") if row < 0 else order[row]


@entry_point
def sort_by_digits(keys_: Ints, order_: Ints, counts_: Ints) -> int:
    """Sort keys by one digit after the other, from the last to the first, each by counting: a radix sort.

    The two rows of `order_` take the positions in turn; returned is the one that has them in the end, or -1 where some keys
    are below 0 and others are not. A digit that all keys share is left out.
    """
    keys, order, counts, count = int_view(keys_), int_view(order_), int_view(counts_), len(keys_)
    digits, row, differing = 1 << DIGIT_BITS, 0, 0
    for position in range(count):
        order[position] = position
        differing |= keys[position] ^ keys[0]
    if differing < 0:
        return -1
    shift = 0
    while differing >> shift > 0:
        if differing >> shift & digits - 1 > 0:
            for digit in range(digits):
                counts[digit] = 0
            for position in range(count):
                counts[keys[position] >> shift & digits - 1] += 1
            begin = 0
            for digit in range(digits):
                begin, counts[digit] = begin + counts[digit], begin
            for position in range(row * count, (row + 1) * count):
                digit = keys[order[position]] >> shift & digits - 1
                order[(1 - row) * count + counts[digit]] = order[position]
                counts[digit] += 1
            row = 1 - row
        shift += DIGIT_BITS
    return row


# --- timeline ---------------------------------------------------------------------------------------------------------


class Changes(NamedTuple):
    """All changes of items of capital, as one table of integers and one of floats; each row has `capacity` numbers."""

    ints: IntView
    floats: FloatView
    capacity: int


def capital_timeline(events: CapitalEvents, built_kw: Floats, horizon: int) -> Timeline:
    """Return the state of every item between any two changes; `built_kw` is by item the kW that it was built to serve."""
    items, contracts = len(events.total), len(events.value)
    # the most there can be: every payment, every pair of item and moment, every claim, contract and cancellation
    capacity = len(events.item) + len(events.serving_item) + (items - contracts) * len(events.online)
    capacity += len(events.owed_item) + 2 * contracts
    ints, floats = np.empty((INT_ROWS, capacity), np.int64), np.empty((FLOAT_ROWS, capacity))
    count = collect_changes(events, ints, floats, np.empty(contracts, np.int64))
    rows, states = np.empty((3, count), np.int64), np.empty((STATES, count))
    first = np.empty(min(count, items), np.int64)
    # numpy's sort makes use of it that changes come in runs of rising items, and is the faster one here
    order = np.argsort(ints[ITEM_AND_MINUTE, :count], kind="stable")
    items_with_rows = follow_items(ints, floats, order, events.total, built_kw, horizon, rows, first, states)
    return Timeline(rows, first[:items_with_rows], states)


@entry_point
def collect_changes(events: CapitalEvents, ints_: Ints, floats_: Floats, signed_minute_: Ints) -> int:
    """Write every change of an item whose minute is from 0 on and before `NEVER`; return how many there are.

    In this order: payments (those of standing costs contract the same cents), items that begin to serve, standing costs
    that serve with every block ordered, what is owed, contracts that are signed, and contracts that are cancelled.
    `signed_minute_` gets by contract the minute in which it is signed.
    """
    item, minute = int_view(events.item), int_view(events.minute)
    cents, debt = int_view(events.cents), float_view(events.debt)
    value, total = int_view(events.value), float_view(events.total)
    ordered, cancelled = int_view(events.ordered), int_view(events.cancelled)
    signed_minute, contracts = int_view(signed_minute_), len(events.value)
    changes = Changes(int_view(ints_), float_view(floats_), ints_.shape[1])
    count = 0
    for contract in range(contracts):
        signed_minute[contract] = ordered[contract]
    for payment in range(len(events.item)):
        paid_item, contracted_with_it = item[payment], 0.0
        if paid_item < contracts:
            # a payment before the order is the order
            signed_minute[paid_item] = min(signed_minute[paid_item], minute[payment])
        else:
            contracted_with_it = float(cents[payment])
        count = _write(
            changes,
            count,
            paid_item,
            minute[payment],
            KIND_PAID,
            float(cents[payment]),
            contracted_with_it,
            debt[payment],
        )
    count = _collect_serving(changes, count, events)
    count = _collect_owed(changes, count, events)
    for contract in range(contracts):
        if ordered[contract] >= 0:
            # contracts come after payments: of changes in one minute the order is that of writing, in the reference too
            price = float(value[contract])
            count = _write(changes, count, contract, signed_minute[contract], KIND_CONTRACTED, price, 0.0, 0.0)
    for contract in range(contracts):
        if cancelled[contract] >= 0:
            # the contract falls to what was paid for it in the end
            reduction = total[contract] - value[contract]
            count = _write(changes, count, contract, cancelled[contract], KIND_CONTRACTED, reduction, 0.0, 0.0)
    return count


@jit
def _collect_serving(changes: Changes, count: int, events: CapitalEvents) -> int:
    """Write the kW that items serve from a minute on; return how many changes there are now."""
    item, moment, kw = int_view(events.serving_item), int_view(events.serving_moment), float_view(events.serving_kw)
    minute_of_moment, online = int_view(events.moments), int_view(events.online)
    for row in range(len(events.serving_item)):
        count = _write(changes, count, item[row], minute_of_moment[moment[row]], KIND_KW, kw[row], 0.0, 0.0)
    for standing_cost in range(len(events.value), len(events.total)):
        for block in range(len(events.online)):
            count = _write(changes, count, standing_cost, online[block], KIND_KW, events.block_kw, 0.0, 0.0)
    return count


@jit
def _collect_owed(changes: Changes, count: int, events: CapitalEvents) -> int:
    """Write the cents of contracts that are owed from a step on if cancelled; return how many changes there are now."""
    item, step, share = int_view(events.owed_item), int_view(events.owed_step), float_view(events.owed_share)
    minute_of_step, value = int_view(events.when), int_view(events.value)
    for row in range(len(events.owed_item)):
        cents = share[row] * value[item[row]]
        count = _write(changes, count, item[row], minute_of_step[step[row]], KIND_OWED, cents, 0.0, 0.0)
    return count


@jit
def _write(
    changes: Changes,
    count: int,
    item: int,
    minute: int,
    kind: int,
    amount: float,
    contracted_with_it: float,
    debt: float,
) -> int:
    """Append a change, unless its minute never comes; return how many changes there are now."""
    # left out rather than sorted to the end: they would need a mark of their own in the sort key
    if minute < 0 or minute >= NEVER:
        return count
    ints, floats, capacity = changes.ints, changes.floats, changes.capacity
    ints[ITEM_AND_MINUTE * capacity + count] = item << MINUTE_BITS | minute
    ints[KIND * capacity + count] = kind
    floats[AMOUNT * capacity + count], floats[DEBT * capacity + count] = amount, debt
    floats[CONTRACTED_WITH_IT * capacity + count] = contracted_with_it
    return count + 1


@entry_point
def follow_items(
    ints_: Ints, floats_: Floats, order_: Ints, total_: Floats, built_kw_: Floats, horizon: int,
    rows_: Ints, first_: Ints, states_: Floats,
) -> int:  # fmt: skip
    """Write the timeline of every item from its changes; return how many items have any.

    `order_` has the changes by item and minute. `rows_`, `first_` and `states_` become those of `Timeline`, a row for every
    change.
    """
    ints, floats, total, built_kw = int_view(ints_), float_view(floats_), float_view(total_), float_view(built_kw_)
    rows, first, states = int_view(rows_), int_view(first_), float_view(states_)
    order, capacity, count = int_view(order_), ints_.shape[1], rows_.shape[1]
    # totals run on over all items, less what stood before each: the reference adds up like that, and bits must agree
    paid = kw = owed = contracted = paid_before = kw_before = owed_before = contracted_before = 0.0
    items, item_built_kw, item_total = 0, 1.0, 0.0
    for row in range(count):
        change = order[row]
        item_and_minute = ints[ITEM_AND_MINUTE * capacity + change]
        item, minute = item_and_minute >> MINUTE_BITS, item_and_minute & (1 << MINUTE_BITS) - 1
        kind, amount = ints[KIND * capacity + change], floats[AMOUNT * capacity + change]
        if row == 0 or rows[ROW_ITEM * count + row - 1] != item:
            first[items] = row
            items += 1
            paid_before, kw_before, owed_before, contracted_before = paid, kw, owed, contracted
            item_built_kw, item_total = built_kw[item], total[item]
            if row > 0:
                rows[ROW_UNTIL * count + row - 1] = max(rows[ROW_MINUTE * count + row - 1], horizon)
        else:
            rows[ROW_UNTIL * count + row - 1] = minute
        # all four in every row, without a branch: adding 0.0 keeps the bits
        paid += amount if kind == KIND_PAID else 0.0
        kw += amount if kind == KIND_KW else 0.0
        owed += amount if kind == KIND_OWED else 0.0
        contracted += amount if kind == KIND_CONTRACTED else floats[CONTRACTED_WITH_IT * capacity + change]
        # kW may add up to more than was built, in the last bits or by blocks beyond a unit's part
        share = min((kw - kw_before) / item_built_kw, 1.0)
        rows[ROW_ITEM * count + row], rows[ROW_MINUTE * count + row] = item, minute
        states[PAID * count + row] = paid - paid_before
        # what is online serves its share of everything ever paid for the item, but no more than was paid so far
        states[IN_SERVICE * count + row] = min(paid - paid_before, item_total * share)
        states[COMMITTED * count + row] = contracted - contracted_before
        # what is owed on cancelling counts as lost once it is more than what was paid
        states[EXPOSED * count + row] = max(paid - paid_before, owed - owed_before)
        states[SHARE_ONLINE * count + row] = share
        states[DEBT_DRAWDOWN * count + row] = floats[DEBT * capacity + change]
    if count > 0:
        rows[ROW_UNTIL * count + count - 1] = max(rows[ROW_MINUTE * count + count - 1], horizon)
    return items


# --- integrals --------------------------------------------------------------------------------------------------------


def capital_integrals(timeline: Timeline, total: Floats, horizon: int, days: int) -> Integrals:
    """Return the integrals of a timeline up to the horizon, idle capital there and at its peak, and the changes by day."""
    items, count = len(total), timeline.rows.shape[1]
    by_item, by_day, stranded = np.zeros((2, items)), np.zeros((DAILY_STATES, days)), np.empty(count)
    idle_changes, change_minutes = np.empty(count), np.empty(count, np.int64)
    stranded_rows, changed_rows = integrate(
        timeline.rows, timeline.states, total, horizon, by_item, stranded, by_day, idle_changes, change_minutes
    )
    highest = peak(stable_order(change_minutes[:changed_rows]), change_minutes, idle_changes, horizon)
    return Integrals(by_item[0], by_item[1], stranded[:stranded_rows], highest, by_day)


@entry_point
def integrate(
    rows_: Ints, states_: Floats, total_: Floats, horizon: int,
    by_item_: Floats, stranded_: Floats, by_day_: Floats, idle_changes_: Floats, change_minutes_: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Integrate a timeline; return how many items have a state at the horizon, and at how many rows idle capital changes.

    `by_item_` gets cents × minutes of idle capital, then of what is committed and not online; `stranded_` the cents idle at
    the horizon; `by_day_`, all 0 before, the cents paid, in service, committed and exposed; `idle_changes_` and
    `change_minutes_` the cents by which idle capital changes, and when.
    """
    rows, states, total, by_item = int_view(rows_), float_view(states_), float_view(total_), float_view(by_item_)
    stranded, by_day, idle_changes = float_view(stranded_), float_view(by_day_), float_view(idle_changes_)
    change_minutes, count, items, days = int_view(change_minutes_), rows_.shape[1], len(total_), by_day_.shape[1]
    stranded_rows, changed_rows = 0, 0
    for row in range(count):
        item = rows[ROW_ITEM * count + row]
        minute, until = rows[ROW_MINUTE * count + row], rows[ROW_UNTIL * count + row]
        same_item = row > 0 and rows[ROW_ITEM * count + row - 1] == item
        # rows that begin beyond the horizon get length 0 instead of a branch
        length = float(min(until, horizon) - min(minute, horizon))
        idle = states[PAID * count + row] - states[IN_SERVICE * count + row]
        by_item[item] += idle * length
        waiting = states[COMMITTED * count + row] - total[item] * states[SHARE_ONLINE * count + row]
        # per item: one that is online beyond its contract must not offset another that waits
        by_item[items + item] += max(waiting, 0.0) * length
        # the row that holds at the horizon; `until` of an item's last row reaches it
        if minute < horizon <= until:
            stranded[stranded_rows] = idle
            stranded_rows += 1
        day = minute // DAY
        if day < days:
            for state in range(DAILY_STATES):
                previous = states[state * count + row - 1] if same_item else 0.0
                by_day[state * days + day] += states[state * count + row] - previous
        previous_idle = states[PAID * count + row - 1] - states[IN_SERVICE * count + row - 1] if same_item else 0.0
        idle_change = idle - previous_idle
        # most rows are orders and claims, which leave idle capital as it is: the sort gets a fraction of them
        if idle_change != 0:
            idle_changes[changed_rows], change_minutes[changed_rows] = idle_change, minute
            changed_rows += 1
    # from changes to amounts; the states inside, as four sums that do not wait for each other take the time of one
    for day in range(1, days):
        for state in range(DAILY_STATES):
            by_day[state * days + day] += by_day[state * days + day - 1]
    return stranded_rows, changed_rows


@entry_point
def peak(order_: Ints, minutes_: Ints, changes_: Floats, horizon: int) -> float:
    """Return the highest running sum of changes by the minute, up to the horizon; `order_` is the changes by minute."""
    order, minutes, changes, count = int_view(order_), int_view(minutes_), float_view(changes_), len(order_)
    highest, running_sum = 0.0, 0.0
    for rank in range(count):
        change = order[rank]
        running_sum += changes[change]
        # changes of one minute count together: between them nothing is idle for any time
        last_of_minute = rank == count - 1 or minutes[order[rank + 1]] != minutes[change]
        if last_of_minute and minutes[change] <= horizon:
            highest = max(highest, running_sum)
    return highest
