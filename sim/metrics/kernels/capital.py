"""Capital over time, compiled: what changes every item, the state between two changes, and what is summed over it.

The reference is `capital_timeline` and `capital_integrals` of `sim.metrics.kernels.numpy_kernels`; sums are taken in the
same order as there, so they are the same in every bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.jit.toolkit import Floats, FloatView, Ints, IntView, entry_point, float_view, int_view, jit
from sim.metrics.kernels.interface import NEVER, CapitalEvents, Integrals, Timeline

DAY = 1440
PAID, KW, OWED, CONTRACT = range(4)
"""Kinds of changes: cents paid, kW online, cents owed, cents contracted."""
EARNING, COMMITTED, EXPOSED, SHARE, DRAWN, STATES = range(1, 7)
"""Rows of states behind row 0, what is paid; and how many there are."""
ITEM, MINUTE, KIND, CHANGE_INTS = range(4)
"""Rows of the whole numbers of a change, and how many there are."""
AMOUNT, ON_ORDER, DEBT, CHANGE_FLOATS = range(4)
"""Rows of the rest: by how much, by how much its contract too, and how much of it is debt."""
DIGIT = 11
"""Bits that are sorted by at once: a table of 2,048 counts fits the processor's first cache."""
DIGITS = 1 << DIGIT


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
    scratch = np.empty(2 * count + DIGITS, np.int64)
    found = follow_items(ints, floats, events.total, built_kw, horizon, rows, first, states, scratch)
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
            row = _write(changes, row, at, signed[at], CONTRACT, float(value[at]), 0.0, 0.0)
    for at in range(contracts):
        if cancelled[at] >= 0:
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
    if minute < 0 or minute >= NEVER:
        return row
    ints, floats, room = changes.ints, changes.floats, changes.room
    ints[ITEM * room + row], ints[MINUTE * room + row], ints[KIND * room + row] = item, minute, kind
    floats[AMOUNT * room + row], floats[ON_ORDER * room + row], floats[DEBT * room + row] = amount, on_order, debt
    return row + 1


@entry_point
def follow_items(
    ints_: Ints, floats_: Floats, total_: Floats, built_: Floats, horizon: int,
    rows_: Ints, first_: Ints, states_: Floats, scratch_: Ints,
) -> int:  # fmt: skip
    """Sort changes by item and minute and follow every item; return how many items there are.

    `rows_` gets item, minute and end of every row, `first_` where each item begins, `states_` what holds from then.
    """
    ints, floats, total, built = int_view(ints_), float_view(floats_), float_view(total_), float_view(built_)
    rows, first, states = int_view(rows_), int_view(first_), float_view(states_)
    scratch, room, count = int_view(scratch_), ints_.shape[1], rows_.shape[1]
    bits = _bits(count)
    at = _ordered(ints, MINUTE * room, scratch, count, bits)
    at = _ordered_again(ints, ITEM * room, scratch, count, bits, at)
    paid = kw = owed = contract = paid_before = kw_before = owed_before = contract_before = 0.0
    items, whole_kw, price = 0, 1.0, 0.0
    for place in range(count):
        row = scratch[at + place] & (1 << bits) - 1
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
        paid += amount if kind == PAID else 0.0
        kw += amount if kind == KW else 0.0
        owed += amount if kind == OWED else 0.0
        contract += amount if kind == CONTRACT else floats[ON_ORDER * room + row]
        share = min((kw - kw_before) / whole_kw, 1.0)
        rows[place], rows[count + place] = its, minute
        states[place] = paid - paid_before
        states[EARNING * count + place] = min(paid - paid_before, price * share)
        states[COMMITTED * count + place] = contract - contract_before
        states[EXPOSED * count + place] = max(paid - paid_before, owed - owed_before)
        states[SHARE * count + place] = share
        states[DRAWN * count + place] = floats[DEBT * room + row]
    if count > 0:
        rows[3 * count - 1] = max(rows[2 * count - 1], horizon)
    return items


# --- integrals --------------------------------------------------------------------------------------------------------


def capital_integrals(timeline: Timeline, total: Floats, horizon: int) -> Integrals:
    """Return integrals, idle capital at the horizon and its peak, and daily changes."""
    items, count, days = len(total), timeline.rows.shape[1], horizon // DAY
    by_item, by_day, stranded = np.zeros((2, items)), np.zeros((4, days)), np.empty(count)
    left, highest = integrate(
        timeline.rows, timeline.states, total, horizon,
        by_item, stranded, by_day, np.empty(count), np.empty(2 * count + DIGITS, np.int64),
    )  # fmt: skip
    return Integrals(by_item[0], by_item[1], stranded[:left], highest, by_day)


@entry_point
def integrate(
    rows_: Ints, states_: Floats, total_: Floats, horizon: int,
    by_item_: Floats, stranded_: Floats, by_day_: Floats, changes_: Floats, scratch_: Ints,
) -> tuple[int, float]:  # fmt: skip
    """Sum over a timeline; return how many rows are stranded, and the most that is out and idle at any moment.

    `by_item_` gets the integrals of what is idle and of what is committed and waits, `stranded_` what is idle at the
    end row by row, `by_day_` what paid, earning, committed and exposed change on every day.
    """
    rows, states, total, by_item = int_view(rows_), float_view(states_), float_view(total_), float_view(by_item_)
    stranded, by_day, changes = float_view(stranded_), float_view(by_day_), float_view(changes_)
    scratch, count, items, days = int_view(scratch_), rows_.shape[1], len(total_), by_day_.shape[1]
    left, changed, most = 0, 0, 0
    for row in range(count):
        item, minute, until = rows[row], rows[count + row], rows[2 * count + row]
        same = row > 0 and rows[row - 1] == item
        length = float(min(until, horizon) - min(minute, horizon))
        out = states[row] - states[EARNING * count + row]
        by_item[item] += out * length
        waits = states[COMMITTED * count + row] - total[item] * states[SHARE * count + row]
        by_item[items + item] += max(waits, 0.0) * length
        if minute < horizon <= until:
            stranded[left] = out
            left += 1
        if minute // DAY < days:
            for state in range(4):
                before = states[state * count + row - 1] if same else 0.0
                by_day[state * days + minute // DAY] += states[state * count + row] - before
        change = out - (states[row - 1] - states[EARNING * count + row - 1] if same else 0.0)
        if change != 0:
            changes[row], scratch[changed] = change, row
            changed, most = changed + 1, max(most, minute)
    return left, _peak(rows, changes, scratch, count, changed, most, horizon)


@jit
def _peak(
    rows: IntView, changes: FloatView, scratch: IntView, count: int, changed: int, most: int, horizon: int
) -> float:
    """Return the highest sum of changes, of those of one minute together, up to the horizon."""
    bits = _bits(count)
    for place in range(changed):
        scratch[place] |= rows[count + scratch[place]] << bits
    at = _sorted(scratch, changed, count, bits, most)
    highest, out = 0.0, 0.0
    for place in range(changed):
        number = scratch[at + place]
        out += changes[number & (1 << bits) - 1]
        last = place == changed - 1 or scratch[at + place + 1] >> bits != number >> bits
        if last and number >> bits <= horizon:
            highest = max(highest, out)
    return highest


# --- sorting ----------------------------------------------------------------------------------------------------------
# A stable radix sort of places packed behind their keys: docs/decisions.md says what np.lexsort would cost.


@jit
def _bits(count: int) -> int:
    """Return how many bits a place among so many takes."""
    bits = 1
    while count >> bits > 0:
        bits += 1
    return bits


@jit
def _ordered(key: IntView, base: int, scratch: IntView, count: int, bits: int) -> int:
    """Return where places begin that are in the order of their keys; each behind its key, in one number."""
    most = 0
    for place in range(count):
        scratch[place] = key[base + place] << bits | place
        most = max(most, key[base + place])
    return _sorted(scratch, count, count, bits, most)


@jit
def _ordered_again(key: IntView, base: int, scratch: IntView, count: int, bits: int, at: int) -> int:
    """Return the same for another key of places in some order, which those with equal keys keep."""
    most = 0
    for place in range(count):
        number = scratch[at + place] & (1 << bits) - 1
        scratch[place] = key[base + number] << bits | number
        most = max(most, key[base + number])
    return _sorted(scratch, count, count, bits, most)


@jit
def _sorted(scratch: IntView, count: int, room: int, shift: int, most: int) -> int:
    """Sort the first numbers by what stands above `shift` bits, at most `most`; return where they begin then."""
    at, begin = 0, 2 * room
    while most > 0:
        for digit in range(begin, begin + DIGITS):
            scratch[digit] = 0
        for place in range(at, at + count):
            scratch[begin + (scratch[place] >> shift & DIGITS - 1)] += 1
        total = room - at
        for digit in range(begin, begin + DIGITS):
            total, scratch[digit] = total + scratch[digit], total
        for place in range(at, at + count):
            digit = begin + (scratch[place] >> shift & DIGITS - 1)
            scratch[scratch[digit]] = scratch[place]
            scratch[digit] += 1
        at = room - at
        shift, most = shift + DIGIT, most >> DIGIT
    return at
