"""The course of every item of capital, and what is summed over it: twin of `sim.metrics.capital`.

The sums are taken in the same order as there, so that they are the same in every bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.machine.jit import part, whole

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DAY = 1440
PAID, KW, OWED, CONTRACT, DEBT = range(5)
"""Rows of amounts, as in `sim.metrics.capital.AMOUNTS`."""
EARNING, COMMITTED, EXPOSED, SHARE, DRAWN = range(1, 6)
"""Rows of states; the first is what is paid."""
DIGIT = 11
"""Bits that are sorted by at once."""
DIGITS = 1 << DIGIT


@whole
def course(
    item: Ints, minute: Ints, amounts: Floats, total: Floats, built: Floats, horizon: int, never: int
) -> tuple[Ints, Ints, Ints, Ints, Floats]:
    """Return item, minute and end of every row, where each item begins, and the states, one row a state.

    Changes that do not come (before 0, or at `never`) are left out.
    """
    there, count = np.empty(len(item), np.int64), 0
    for row in range(len(item)):
        if 0 <= minute[row] < never:
            there[count] = row
            count += 1
    order = _by_digits(item, _by_digits(minute, there[:count]))
    whose, since, until = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    first, firsts = np.empty(count, np.int64), 0
    states = np.empty((6, count))
    paid = kw = owed = contract = paid_before = kw_before = owed_before = contract_before = 0.0
    for place in range(count):
        row = order[place]
        its = item[row]
        if place == 0 or whose[place - 1] != its:
            first[firsts] = place
            firsts += 1
            paid_before, kw_before, owed_before, contract_before = paid, kw, owed, contract
        paid, kw = paid + amounts[PAID, row], kw + amounts[KW, row]
        owed, contract = owed + amounts[OWED, row], contract + amounts[CONTRACT, row]
        share = min((kw - kw_before) / built[its], 1.0)
        whose[place], since[place] = its, minute[row]
        states[PAID, place] = paid - paid_before
        states[EARNING, place] = min(paid - paid_before, total[its] * share)
        states[COMMITTED, place] = contract - contract_before
        states[EXPOSED, place] = max(paid - paid_before, owed - owed_before)
        states[SHARE, place] = share
        states[DRAWN, place] = amounts[DEBT, row]
    for place in range(count):
        last = place == count - 1 or whose[place + 1] != whose[place]
        until[place] = max(since[place], horizon if last else since[place + 1])
    return whose, since, until, first[:firsts].copy(), states


@whole
def idle_and_committed(
    item: Ints, minute: Ints, until: Ints, states: Floats, total: Floats, horizon: int
) -> tuple[Floats, Floats, Floats]:
    """Return by item the integrals of what is idle and of what is committed and waits, and what is idle at the end."""
    idle, waiting = np.zeros(len(total)), np.zeros(len(total))
    stranded, count = np.empty(len(item)), 0
    for row in range(len(item)):
        length = float(min(until[row], horizon) - min(minute[row], horizon))
        out = states[PAID, row] - states[EARNING, row]
        idle[item[row]] += out * length
        waiting[item[row]] += max(states[COMMITTED, row] - total[item[row]] * states[SHARE, row], 0.0) * length
        if minute[row] < horizon <= until[row]:
            stranded[count] = out
            count += 1
    return idle, waiting, stranded[:count].copy()


@whole
def peak(item: Ints, minute: Ints, states: Floats, horizon: int) -> float:
    """Return the most that all items together have out and idle at any moment before the horizon."""
    changes, rows, count = np.empty(len(item)), np.empty(len(item), np.int64), 0
    for row in range(len(item)):
        change = states[PAID, row] - states[EARNING, row]
        if row > 0 and item[row - 1] == item[row]:
            change -= states[PAID, row - 1] - states[EARNING, row - 1]
        if change != 0:
            changes[row], rows[count] = change, row
            count += 1
    order = _by_digits(minute, rows[:count])
    most, out = 0.0, 0.0
    for place in range(count):
        row = order[place]
        out += changes[row]
        last = place == count - 1 or minute[order[place + 1]] != minute[row]
        if last and minute[row] <= horizon:
            most = max(most, out)
    return most


@whole
def by_day(item: Ints, minute: Ints, states: Floats, days: int) -> Floats:
    """Return what paid, earning, committed and exposed change on every day, all items together: shape (4, days)."""
    changes = np.zeros((4, days))
    for row in range(len(item)):
        day = minute[row] // DAY
        if day < days:
            same = row > 0 and item[row - 1] == item[row]
            for state in range(4):
                before = states[state, row - 1] if same else 0.0
                changes[state, day] += states[state, row] - before
    return changes


# --- sorting by date, digit by digit: twin of `sim.metrics.sorting` ---------------------------------------------


@whole
def in_order(minute: Ints) -> Ints:
    """Return places in the order of their minutes, equal ones as they were. No minute may be negative."""
    return _by_digits(minute, np.arange(len(minute)))


@part
def _by_digits(key: Ints, order: Ints) -> Ints:
    """Return places in the order of their keys, those with equal keys in the given order.

    Key and place travel in one number, so that every pass reads in a row.
    """
    bits, most = 1, 0
    while len(key) >> bits > 0:
        bits += 1
    packed, other = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
    for at in range(len(order)):
        most = max(most, int(key[order[at]]))
        packed[at] = key[order[at]] << bits | order[at]
    shift = bits
    while most > 0:
        begin = np.zeros(DIGITS, np.int64)
        for number in packed:
            begin[number >> shift & DIGITS - 1] += 1
        total = 0
        for digit in range(DIGITS):
            total, begin[digit] = total + begin[digit], total
        for number in packed:
            digit = int(number >> shift & DIGITS - 1)
            other[begin[digit]] = number
            begin[digit] += 1
        packed, other = other, packed
        shift, most = shift + DIGIT, most >> DIGIT
    for at in range(len(packed)):
        packed[at] &= (1 << bits) - 1
    return packed
