"""What falls due when, what debt costs, what is earned by then: twins of sums in `ledger`, `standing` and `finance`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.machine.jit import whole

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DAY = 1440


@whole
def fall_due(
    when: Ints, item: Ints, step: Ints, share: Floats, lag: Ints, value: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Return (minute, item, cents, event) of every share of a price that has fallen due, in whole cents."""
    minute, whose, cents = np.empty(len(item), np.int64), np.empty(len(item), np.int64), np.empty(len(item), np.int64)
    event, count, before, last = np.empty(len(item), np.int64), 0, 0, -1
    for row in range(len(item)):
        if item[row] != last:
            before, last = 0, item[row]
        upto = int(np.rint(value[last] * share[row]))
        if when[step[row]] >= 0 and upto != before:
            minute[count], whose[count] = when[step[row]] + lag[row], last
            cents[count], event[count] = upto - before, step[row]
            count += 1
        before = upto
    return minute[:count], whose[:count], cents[:count], event[:count]


@whole
def due_by_period(dollars_by_day: Floats, minutes: int) -> tuple[Ints, Ints]:
    """Return the minute of the end of every period and the whole cents due then; their sum is the rounded total."""
    periods = (len(dollars_by_day) * DAY - 1) // minutes + 1
    sums, ends, cents = np.zeros(periods), np.empty(periods, np.int64), np.empty(periods, np.int64)
    for day in range(len(dollars_by_day)):
        sums[((day + 1) * DAY - 1) // minutes] += dollars_by_day[day]
    count, total, before = 0, 0.0, 0
    for period in range(periods):
        total += sums[period]
        whole_cents = int(np.rint(total * 100))
        if whole_cents != before:
            ends[count], cents[count] = (period + 1) * minutes, whole_cents - before
            count += 1
        before = whole_cents
    return ends[:count], cents[:count]


@whole
def shares_and_draws(
    item: Ints, minute: Ints, share: Floats, debt: Floats
) -> tuple[Ints, Floats, Ints, Ints, Floats, Floats, Floats]:
    """Return the minutes and steps at which shares online change or debt is drawn, and each draw.

    Of a draw: its place among those rows, that of the last one of its item, the debt, and the shares then and there.
    """
    rows = len(item)
    since, change, count = np.empty(rows, np.int64), np.empty(rows), 0
    place, last, draws = np.empty(rows, np.int64), np.empty(rows, np.int64), 0
    drawn, then, at_end = np.empty(rows), np.empty(rows), np.empty(rows)
    begin = 0
    for row in range(rows):
        step = share[row]
        if row > 0 and item[row - 1] == item[row]:
            step = share[row] - share[row - 1]
        if step != 0 or debt[row] != 0:
            if debt[row] != 0:
                place[draws], drawn[draws], then[draws] = count, debt[row], share[row]
                draws += 1
            since[count], change[count] = minute[row], step
            count += 1
        if row == rows - 1 or item[row + 1] != item[row]:
            last[begin:draws], at_end[begin:draws] = count - 1, share[row]
            begin = draws
    return since[:count], change[:count], place[:draws], last[:draws], drawn[:draws], then[:draws], at_end[:draws]


@whole
def earned_until(begin: Ints, net: Floats, moment: Floats) -> Floats:
    """Return what is earned up to each moment by blocks that earn from their begin on; both are in order."""
    earned, place, rate, begun = np.empty(len(moment)), 0, 0.0, 0.0
    for at in range(len(moment)):
        while place < len(begin) and begin[place] < moment[at]:
            rate += net[place]
            begun += net[place] * begin[place]
            place += 1
        earned[at] = rate * moment[at] - begun
    return earned
