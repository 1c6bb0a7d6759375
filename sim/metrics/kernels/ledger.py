"""What falls due when, what debt costs, what is earned by then: twins of sums in `ledger`, `standing` and `finance`.

Whoever calls brings all arrays; inside, an array is where its first number stands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.jit.toolkit import Figures, Numbers, figures_of, numbers_of, part, whole_of

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DAY, MONTH = 1440, 43_830
MINUTE, ITEM, CENTS, EVENT = range(4)
"""Rows of entries."""
PERIOD = -2
"""The event of the n-th period is this less n."""


@whole_of(
    "i8[::1], i8[::1], i8[::1], f8[::1], i8[::1], i8[::1], f8[:,::1], i8[:,::1], i8[::1], f8, b1, i8, "
    "i8[:,::1], f8[::1]"
)
def entries(
    when_: Ints, item_: Ints, step_: Ints, share_: Floats, lag_: Ints, value_: Ints,
    costs_: Floats, standing_: Ints, billed_: Ints, fee: float, bills: bool, pays_after: int,
    entries_: Ints, sums_: Floats,
) -> int:  # fmt: skip
    """Write every entry of a ledger, and return how many there are.

    First the shares of prices that have fallen due. Then costs by day, each at the end of its periods: `standing_`
    are pairs (item, minutes of a period). Then, by the month, the contractor's fee on everything he is billed for;
    and if he `bills` by the month, what is his is paid so many minutes after the end of it.
    """
    when, item, step, share = numbers_of(when_), numbers_of(item_), numbers_of(step_), figures_of(share_)
    lag, value, costs, standing = numbers_of(lag_), numbers_of(value_), figures_of(costs_), numbers_of(standing_)
    billed, found, sums, room = numbers_of(billed_), numbers_of(entries_), figures_of(sums_), entries_.shape[1]
    count, before, last = 0, 0, -1
    for row in range(len(item_)):
        if item[row] != last:
            before, last = 0, item[row]
        upto = int(np.rint(value[last] * share[row]))
        if when[step[row]] >= 0 and upto != before:
            minute = when[step[row]] + lag[row]
            count = _entry(found, room, count, minute, last, upto - before, step[row])
        before = upto
    for kind in range(costs_.shape[0]):
        days, length = costs_.shape[1], standing[2 * kind + 1]
        count = _periods(costs, kind * days, days, length, standing[2 * kind], found, room, count, sums)
    if fee != 0 or bills:
        count = _fees(billed, len(billed_) - 1, fee, found, room, count, sums, len(sums_))
    if bills:
        for row in range(count):
            if billed[found[ITEM * room + row]] != 0:
                found[row] = (found[row] // MONTH + 1) * MONTH + pays_after
    return count


@part
def _entry(found: Numbers, room: int, row: int, minute: int, item: int, cents: int, event: int) -> int:
    """Write an entry; return the row of the next one."""
    found[row], found[ITEM * room + row] = minute, item
    found[CENTS * room + row], found[EVENT * room + row] = cents, event
    return row + 1


@part
def _periods(
    costs: Figures, base: int, days: int, length: int, item: int, found: Numbers, room: int, count: int, sums: Figures
) -> int:
    """Write what is due at the end of every period; the whole cents add up to the rounded total."""
    periods = (days * DAY - 1) // length + 1
    for period in range(periods):
        sums[period] = 0.0
    for day in range(days):
        sums[((day + 1) * DAY - 1) // length] += costs[base + day]
    total, before = 0.0, 0
    for period in range(periods):
        total += sums[period]
        cents = int(np.rint(total * 100))
        if cents != before:
            count = _entry(found, room, count, (period + 1) * length, item, cents - before, PERIOD - period - 1)
        before = cents
    return count


@part
def _fees(
    billed: Numbers, last: int, fee: float, found: Numbers, room: int, count: int, sums: Figures, periods: int
) -> int:
    """Write the fee on everything that is billed, month by month, for the last of all items."""
    for month in range(periods):
        sums[month] = 0.0
    for row in range(count):
        if billed[found[ITEM * room + row]] != 0:
            sums[found[row] // MONTH] += found[CENTS * room + row]
    owed, before = 0.0, 0
    for month in range(periods):
        owed += sums[month]
        upto = int(np.rint(owed * fee))
        if upto != before:
            end = month * MONTH + MONTH - 1
            count = _entry(found, room, count, end, last, upto - before, PERIOD - month)
        before = upto
    return count


@whole_of("i8[:,::1], f8[:,::1], i8[:,::1], f8[:,::1]")
def shares_and_draws(rows_: Ints, states_: Floats, ints_: Ints, floats_: Floats) -> tuple[int, int]:
    """Tell at which rows of courses shares online change or debt is drawn, and each draw; return how many of both.

    Rows of `ints_`: the minutes; of each draw its place among those rows, and that of the last one of its item. Rows
    of `floats_`: the steps; of each draw the debt, and the shares then and at the end.
    """
    rows, states, ints, floats = numbers_of(rows_), figures_of(states_), numbers_of(ints_), figures_of(floats_)
    total, count, draws, begin, before = rows_.shape[1], 0, 0, 0, 0.0
    for row in range(total):
        share, debt = states[4 * total + row], states[5 * total + row]
        if row == 0 or rows[row - 1] != rows[row]:
            before = 0.0
        if share - before != 0 or debt != 0:
            if debt != 0:
                ints[total + draws], floats[total + draws], floats[2 * total + draws] = count, debt, share
                draws += 1
            ints[count], floats[count] = rows[total + row], share - before
            count += 1
        before = share
        if row == total - 1 or rows[row + 1] != rows[row]:
            for draw in range(begin, draws):
                ints[2 * total + draw], floats[3 * total + draw] = count - 1, share
            begin = draws
    return count, draws


@whole_of("i8[::1], f8[::1], f8[::1], f8[::1]")
def earned_until(begin_: Ints, net_: Floats, moment_: Floats, earned_: Floats) -> None:
    """Tell what is earned up to each moment by blocks that earn from their begin on; both are in order."""
    begin, net, moment, earned = numbers_of(begin_), figures_of(net_), figures_of(moment_), figures_of(earned_)
    place, rate, begun = 0, 0.0, 0.0
    for at in range(len(moment_)):
        while place < len(begin_) and begin[place] < moment[at]:
            rate += net[place]
            begun += net[place] * begin[place]
            place += 1
        earned[at] = rate * moment[at] - begun
