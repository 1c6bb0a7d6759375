"""What falls due when, what debt is drawn and what is earned, compiled; see `sim.metrics.kernels.numpy_kernels`."""

from __future__ import annotations

import numpy as np

from sim.jit.toolkit import Floats, FloatView, Ints, IntView, entry_point, float_view, int_view, jit
from sim.metrics.kernels.interface import PERIOD, Billing, DebtDraws, Entries, Shares, StandingCosts, Timeline

DAY, MONTH = 1440, 43_830
MINUTE, ITEM, CENTS, EVENT, COLUMNS = range(5)
"""Rows of entries, and how many there are."""


def ledger_entries(when: Ints, due: Shares, value: Ints, costs: StandingCosts, billing: Billing) -> Entries:
    """Return every entry of a run in which no order is cancelled."""
    kinds, days = costs.by_day.shape
    last = int(when.max(initial=0)) + int(due.lag.max(initial=0))
    # room for the shortest period, and for months up to the last payment, which may lie beyond the horizon
    periods = max((days * DAY - 1) // int(costs.period.min()) + 1, last // MONTH + 2)
    found = np.empty((COLUMNS, len(due.item) + (kinds + 1) * periods), np.int64)
    count = write_entries(when, due, value, costs, billing, found, np.empty(periods))
    return Entries(*found[:, :count])


@entry_point
def write_entries(
    when_: Ints, due: Shares, value_: Ints, costs: StandingCosts, billing: Billing, entries_: Ints, sums_: Floats
) -> int:
    """Write every entry of a ledger, and return how many there are.

    First the shares of prices that have fallen due; then standing costs at the ends of their periods; then, by the
    month, the contractor's fee on what he bills. If he bills by the month, what is his is paid after the end of it.
    """
    when, value, found, room = int_view(when_), int_view(value_), int_view(entries_), entries_.shape[1]
    item, step, share, lag = int_view(due.item), int_view(due.step), float_view(due.share), int_view(due.lag)
    count, before, last = 0, 0, -1
    for row in range(len(due.item)):
        if item[row] != last:
            before, last = 0, item[row]
        # the total so far is rounded, not the part: so the parts add up to the price
        upto = int(np.rint(value[last] * share[row]))
        if when[step[row]] >= 0 and upto != before:
            minute = when[step[row]] + lag[row]
            count = _entry(found, room, count, minute, last, upto - before, step[row])
        # also where nothing fell due: a step that never happens leaves its share unpaid, and not to the next one
        before = upto
    for kind in range(len(costs.item)):
        count = _periods(costs, kind, found, room, count, float_view(sums_))
    # before the dates are moved: the fee is on what falls due in a month, not on what is paid in it
    if billing.fee != 0 or billing.by_month:
        count = _fees(billing, found, room, count, float_view(sums_), len(sums_))
    if billing.by_month:
        for row in range(count):
            if billing.billed[found[ITEM * room + row]]:
                found[row] = (found[row] // MONTH + 1) * MONTH + billing.pays_after
    return count


@jit
def _entry(found: IntView, room: int, row: int, minute: int, item: int, cents: int, event: int) -> int:
    """Write an entry; return the row of the next one."""
    found[row], found[ITEM * room + row] = minute, item
    found[CENTS * room + row], found[EVENT * room + row] = cents, event
    return row + 1


@jit
def _periods(costs: StandingCosts, kind: int, found: IntView, room: int, count: int, sums: FloatView) -> int:
    """Write what is due at the end of every period; the whole cents add up to the rounded total."""
    by_day, days, length = float_view(costs.by_day), costs.by_day.shape[1], costs.period[kind]
    periods = (days * DAY - 1) // length + 1
    for period in range(periods):
        sums[period] = 0.0
    for day in range(days):
        # by the last minute of the day: a day that ends with a period belongs to it
        sums[((day + 1) * DAY - 1) // length] += by_day[kind * days + day]
    total, before = 0.0, 0
    for period in range(periods):
        total += sums[period]
        # the running total is rounded, not the period: so periods add up to the total
        cents = int(np.rint(total * 100))
        if cents != before:
            event = PERIOD - period - 1
            count = _entry(found, room, count, (period + 1) * length, costs.item[kind], cents - before, event)
        before = cents
    return count


@jit
def _fees(billing: Billing, found: IntView, room: int, count: int, sums: FloatView, months: int) -> int:
    """Write the fee on everything that is billed, month by month."""
    for month in range(months):
        sums[month] = 0.0
    for row in range(count):
        if billing.billed[found[ITEM * room + row]]:
            sums[found[row] // MONTH] += found[CENTS * room + row]
    owed, before = 0.0, 0
    for month in range(months):
        owed += sums[month]
        upto = int(np.rint(owed * billing.fee))
        if upto != before:
            end = month * MONTH + MONTH - 1
            count = _entry(found, room, count, end, billing.fee_item, upto - before, PERIOD - month)
        before = upto
    return count


def debt_draws(timeline: Timeline) -> DebtDraws:
    """Return the rows at which shares online change or debt is drawn, and each draw."""
    count = timeline.rows.shape[1]
    ints, floats = np.empty((3, count), np.int64), np.empty((4, count))
    rows, draws = write_draws(timeline.rows, timeline.states, ints, floats)
    minute, change = ints[0, :rows], floats[0, :rows]
    return DebtDraws(minute, change, *ints[1:, :draws], *floats[1:, :draws])


def earned_until(begin: Ints, rate: Floats, moment: Floats) -> Floats:
    """Return what is earned up to each moment by blocks that earn from their begin on."""
    earned = np.empty(len(moment))
    write_earned(begin, rate, moment, earned)
    return earned


@entry_point
def write_draws(rows_: Ints, states_: Floats, ints_: Ints, floats_: Floats) -> tuple[int, int]:
    """Note at which rows of a timeline shares online change or debt is drawn, and each draw; return how many of both.

    Rows of `ints_`: the minutes; of each draw its place among those rows, and that of the last one of its item. Rows
    of `floats_`: the steps; of each draw the debt, and the shares then and at the end.
    """
    rows, states, ints, floats = int_view(rows_), float_view(states_), int_view(ints_), float_view(floats_)
    total, count, draws, begin, before = rows_.shape[1], 0, 0, 0, 0.0
    for row in range(total):
        share, debt = states[4 * total + row], states[5 * total + row]
        if row == 0 or rows[row - 1] != rows[row]:
            before = 0.0
        # other rows change neither debt nor its end: interest is summed over a fraction of the timeline
        if share - before != 0 or debt != 0:
            if debt != 0:
                ints[total + draws], floats[total + draws], floats[2 * total + draws] = count, debt, share
                draws += 1
            ints[count], floats[count] = rows[total + row], share - before
            count += 1
        before = share
        # only now the item's last share is known, which its draws need
        if row == total - 1 or rows[row + 1] != rows[row]:
            for draw in range(begin, draws):
                ints[2 * total + draw], floats[3 * total + draw] = count - 1, share
            begin = draws
    return count, draws


@entry_point
def write_earned(begin_: Ints, net_: Floats, moment_: Floats, earned_: Floats) -> None:
    """Note what is earned up to each moment by blocks that earn from their begin on; both are in order."""
    begin, net, moment, earned = int_view(begin_), float_view(net_), float_view(moment_), float_view(earned_)
    place, rate, begun = 0, 0.0, 0.0
    for at in range(len(moment_)):
        # both in order: rates and begins are added up once; rate × moment less their products is the sum
        while place < len(begin_) and begin[place] < moment[at]:
            rate += net[place]
            begun += net[place] * begin[place]
            place += 1
        earned[at] = rate * moment[at] - begun
