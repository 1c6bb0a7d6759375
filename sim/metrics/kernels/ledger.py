"""The ledger, drawdowns of debt and blocks' earnings, compiled; the reference is `sim.metrics.kernels.numpy_kernels`."""

from __future__ import annotations

import numpy as np

from sim.jit.toolkit import Floats, FloatView, Ints, IntView, entry_point, float_view, int_view, jit
from sim.metrics.kernels.interface import (
    DEBT_DRAWDOWN,
    PERIOD,
    ROW_ITEM,
    ROW_MINUTE,
    SHARE_ONLINE,
    Billing,
    DebtDrawdowns,
    Entries,
    Shares,
    StandingCosts,
    Timeline,
)

DAY, MONTH = 1440, 43_830
"""Minutes of a day, and of a month of 365.25/12 days."""
MINUTE, ITEM, CENTS, EVENT, ENTRY_ROWS = range(5)
"""Rows of the table of ledger entries, and how many there are; row r of a view begins at r × its length."""
CHANGE_MINUTE, DRAWDOWN_MINUTE, SO_FAR, IN_THE_END, DRAWDOWN_INTS = range(5)
"""Rows of the integers of `DebtDrawdowns`: minute of a change; by drawdown its minute, changes until then, and in the end."""
SHARE_CHANGE, DEBT, SHARE, SHARE_LAST, DRAWDOWN_FLOATS = range(5)
"""Rows of the floats of `DebtDrawdowns`: change of share; by drawdown cents, share then, share at the item's last row."""


def ledger_entries(when: Ints, due: Shares, value: Ints, costs: StandingCosts, billing: Billing) -> Entries:
    """Return every ledger entry of a run in which no order is cancelled; `when` is the minute by step, or -1."""
    kinds, days = costs.by_day.shape
    last_due = int(when.max(initial=0)) + int(due.lag.max(initial=0))
    # capacity for the shortest period, and for months up to the last payment, which may lie beyond the horizon
    periods = max((days * DAY - 1) // int(costs.period.min()) + 1, last_due // MONTH + 2)
    entries = np.empty((ENTRY_ROWS, len(due.item) + (kinds + 1) * periods), np.int64)
    count = write_entries(when, due, value, costs, billing, entries, np.empty(periods))
    return Entries(*entries[:, :count])


@entry_point
def write_entries(
    when_: Ints, due: Shares, value_: Ints, costs: StandingCosts, billing: Billing, entries_: Ints, sums_: Floats
) -> int:
    """Write every entry of a ledger, and return how many there are.

    First the shares of prices that have fallen due; then standing costs at the ends of their periods; then, by the month,
    the contractor's fee on what he bills. If he bills by the month, he is paid after the month's end. `sums_` is scratch
    space for sums by period or month.
    """
    when, value, entries, capacity = int_view(when_), int_view(value_), int_view(entries_), entries_.shape[1]
    item, step, share, lag = int_view(due.item), int_view(due.step), float_view(due.share), int_view(due.lag)
    count, cumulated_before, previous_item = 0, 0, -1
    for row in range(len(due.item)):
        if item[row] != previous_item:
            cumulated_before, previous_item = 0, item[row]
        # the total so far is rounded, not the part: so the parts add up to the price
        cumulated_cents = int(np.rint(value[item[row]] * share[row]))
        if when[step[row]] >= 0 and cumulated_cents != cumulated_before:
            due_minute, cents = when[step[row]] + lag[row], cumulated_cents - cumulated_before
            count = _write_entry(entries, capacity, count, due_minute, item[row], cents, step[row])
        # also where nothing fell due: a step that never happens leaves its share unpaid, and not to the next one
        cumulated_before = cumulated_cents
    for kind in range(len(costs.item)):
        count = _write_periods(costs, kind, entries, capacity, count, float_view(sums_))
    # before the dates are moved: the fee is on what falls due in a month, not on what is paid in it
    if billing.fee != 0 or billing.by_month:
        count = _write_fees(billing, entries, capacity, count, float_view(sums_), len(sums_))
    if billing.by_month:
        for entry in range(count):
            if billing.billed[entries[ITEM * capacity + entry]]:
                end_of_month = (entries[MINUTE * capacity + entry] // MONTH + 1) * MONTH
                entries[MINUTE * capacity + entry] = end_of_month + billing.pays_after
    return count


@jit
def _write_entry(entries: IntView, capacity: int, count: int, minute: int, item: int, cents: int, event: int) -> int:
    """Append an entry; return how many there are now."""
    entries[MINUTE * capacity + count], entries[ITEM * capacity + count] = minute, item
    entries[CENTS * capacity + count], entries[EVENT * capacity + count] = cents, event
    return count + 1


@jit
def _write_periods(
    costs: StandingCosts, kind: int, entries: IntView, capacity: int, count: int, period_usd: FloatView
) -> int:
    """Write the cents of one standing cost due at the end of every period; they add up to the rounded total."""
    usd_by_day, days, period_minutes = float_view(costs.by_day), costs.by_day.shape[1], costs.period[kind]
    periods = (days * DAY - 1) // period_minutes + 1
    for period in range(periods):
        period_usd[period] = 0.0
    period = 0
    for day in range(days):
        # a day that ends with a period belongs to it; counted up, as a division takes ten times as long as a sum
        while (day + 1) * DAY > (period + 1) * period_minutes:
            period += 1
        period_usd[period] += usd_by_day[kind * days + day]
    cumulated_usd, cumulated_before = 0.0, 0
    for period in range(periods):
        cumulated_usd += period_usd[period]
        # the running total is rounded, not the period: so periods add up to the total
        cumulated_cents = int(np.rint(cumulated_usd * 100))
        if cumulated_cents != cumulated_before:
            end, cents = (period + 1) * period_minutes, cumulated_cents - cumulated_before
            count = _write_entry(entries, capacity, count, end, costs.item[kind], cents, PERIOD - period - 1)
        cumulated_before = cumulated_cents
    return count


@jit
def _write_fees(
    billing: Billing, entries: IntView, capacity: int, count: int, billed_cents: FloatView, months: int
) -> int:
    """Write the contractor's fee on what he bills, month by month, in the last minute of each month."""
    for month in range(months):
        billed_cents[month] = 0.0
    for entry in range(count):
        if billing.billed[entries[ITEM * capacity + entry]]:
            billed_cents[entries[MINUTE * capacity + entry] // MONTH] += entries[CENTS * capacity + entry]
    cumulated_billed, cumulated_before = 0.0, 0
    for month in range(months):
        cumulated_billed += billed_cents[month]
        cumulated_fee = int(np.rint(cumulated_billed * billing.fee))
        if cumulated_fee != cumulated_before:
            last_minute, cents = month * MONTH + MONTH - 1, cumulated_fee - cumulated_before
            count = _write_entry(entries, capacity, count, last_minute, billing.fee_item, cents, PERIOD - month)
        cumulated_before = cumulated_fee
    return count


def debt_drawdowns(timeline: Timeline) -> DebtDrawdowns:
    """Return every drawdown of debt, and every change of a share online."""
    count = timeline.rows.shape[1]
    ints, floats = np.empty((DRAWDOWN_INTS, count), np.int64), np.empty((DRAWDOWN_FLOATS, count))
    changes, drawdowns = write_drawdowns(timeline.rows, timeline.states, ints, floats)
    minute, change = ints[CHANGE_MINUTE, :changes], floats[SHARE_CHANGE, :changes]
    return DebtDrawdowns(minute, change, *ints[DRAWDOWN_MINUTE:, :drawdowns], *floats[DEBT:, :drawdowns])


def earned_until(begin: Ints, rate: Floats, moment: Floats) -> Floats:
    """Return the dollars earned up to each moment by blocks that earn `rate` dollars a minute, each from its begin on."""
    earned = np.empty(len(moment))
    write_earned(begin, rate, moment, earned)
    return earned


@entry_point
def write_drawdowns(rows_: Ints, states_: Floats, ints_: Ints, floats_: Floats) -> tuple[int, int]:
    """Write the changes of shares online, and the drawdowns of debt; return how many there are of each.

    `rows_` and `states_` are those of a timeline; `ints_` and `floats_` become the fields of `DebtDrawdowns`.
    """
    rows, states, ints, floats = int_view(rows_), float_view(states_), int_view(ints_), float_view(floats_)
    capacity, changes, drawdowns, first_drawdown_of_item, previous_share = rows_.shape[1], 0, 0, 0, 0.0
    for row in range(capacity):
        share, debt = states[SHARE_ONLINE * capacity + row], states[DEBT_DRAWDOWN * capacity + row]
        if row == 0 or rows[ROW_ITEM * capacity + row - 1] != rows[ROW_ITEM * capacity + row]:
            previous_share = 0.0
        # other rows change neither debt nor its end: interest is summed over a fraction of the timeline
        if share - previous_share != 0:
            ints[CHANGE_MINUTE * capacity + changes] = rows[ROW_MINUTE * capacity + row]
            floats[SHARE_CHANGE * capacity + changes] = share - previous_share
            changes += 1
        if debt != 0:
            ints[DRAWDOWN_MINUTE * capacity + drawdowns] = rows[ROW_MINUTE * capacity + row]
            ints[SO_FAR * capacity + drawdowns] = changes
            floats[DEBT * capacity + drawdowns], floats[SHARE * capacity + drawdowns] = debt, share
            drawdowns += 1
        previous_share = share
        # only now the item's last share is known, which its drawdowns need
        if row == capacity - 1 or rows[ROW_ITEM * capacity + row + 1] != rows[ROW_ITEM * capacity + row]:
            for drawdown in range(first_drawdown_of_item, drawdowns):
                ints[IN_THE_END * capacity + drawdown], floats[SHARE_LAST * capacity + drawdown] = changes, share
            first_drawdown_of_item = drawdowns
    return changes, drawdowns


@entry_point
def write_earned(begin_: Ints, rate_: Floats, moment_: Floats, earned_: Floats) -> None:
    """Write the revenue up to each moment of blocks (capacity) that earn from their begin on; begins and moments rise."""
    begin, rate, moment, earned = int_view(begin_), float_view(rate_), float_view(moment_), float_view(earned_)
    blocks_earning, rate_sum, rate_times_begin = 0, 0.0, 0.0
    for position in range(len(moment_)):
        # Σ rate × (moment − begin) as two running sums, as each block is added once
        while blocks_earning < len(begin_) and begin[blocks_earning] < moment[position]:
            rate_sum += rate[blocks_earning]
            rate_times_begin += rate[blocks_earning] * begin[blocks_earning]
            blocks_earning += 1
        earned[position] = rate_sum * moment[position] - rate_times_begin
