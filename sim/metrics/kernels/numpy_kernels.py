"""The long passes in numpy: what every compiled kernel is compared with, and what runs where numba is not installed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sim.metrics.kernels.interface import (
    DEBT_DRAWDOWN,
    EXPOSED,
    GROUP_BITS,
    IN_SERVICE,
    LABOUR_INPUT,
    LABOUR_PEOPLE,
    LOG_DETAIL,
    LOG_MINUTE,
    LOG_STEP,
    NEVER,
    PAID,
    PERIOD,
    ROW_MINUTE,
    SHARE_ONLINE,
    Billing,
    CapitalEvents,
    DebtDrawdowns,
    Entries,
    Floats,
    Integrals,
    Ints,
    Kernels,
    OpenHours,
    Scan,
    Shares,
    StandingCosts,
    StepGroups,
    Table,
    Timeline,
    WorkHours,
)

DAY = 1440
MONTH = 43_830
"""Minutes of a month of 365.25/12 days."""

# --- log and hours ----------------------------------------------------------------------------------------------------


def scan_log(log: Ints, groups: StepGroups) -> Scan:
    """Read a log once: when every step was done, its rows by group, the previous row of each unit, and the completion."""
    minute, step, detail = log.T
    done_minute = np.full(len(groups.mark), -1, np.int64)
    # repeated steps: numpy keeps the last of several values, which is the last time it was done
    done_minute[step] = minute
    group_of_row = groups.group[step]
    measured_rows = np.flatnonzero(group_of_row)
    group_ends = np.cumsum(np.bincount(group_of_row[measured_rows], minlength=groups.groups))
    # stable: within a group rows stay in the order of the log, on which sums of floats depend
    grouped_rows = log[measured_rows[np.argsort(group_of_row[measured_rows], kind="stable")]]
    # the last group is the signals of the completion gate
    is_completing = group_of_row == groups.groups - 1
    at_level = np.flatnonzero(np.cumsum(detail[is_completing]) >= groups.level)
    completion_minute = int(minute[is_completing][at_level[0]]) if len(at_level) else -1
    return Scan(
        done_minute, grouped_rows, group_ends, _previous_row(groups.mark[step] >> GROUP_BITS), completion_minute
    )


def _previous_row(unit: Ints) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Return by log row the row before it of the same unit, or -1; `unit` is by row."""
    order = np.argsort(unit, kind="stable")
    # 32 bits: a log has far fewer rows than 2**31, and half the memory is looked up faster
    previous_row = np.full(len(unit), -1, np.int32)
    same_unit = np.diff(unit[order]) == 0
    previous_row[order[1:][same_unit]] = order[:-1][same_unit]
    return previous_row


def earned_minutes(works: Ints, labour: Table, content: Ints) -> int:
    """Return person-minutes of work content of the steps done; a repeated one earns nothing more.

    `works` are log rows, `content` is minutes by input; `labour` is by step, with the columns `LABOUR_…`.
    """
    is_done = np.zeros(len(labour), bool)
    is_done[works[:, LOG_STEP]] = True
    steps = np.flatnonzero(is_done & (labour[:, LABOUR_INPUT] >= 0))
    return int(content[labour[steps, LABOUR_INPUT]] @ labour[steps, LABOUR_PEOPLE])


def worked_minutes(works: Ints, labour: Table, hours: WorkHours) -> tuple[Floats, Floats]:
    """Return the shift minutes of every one of the works on a calendar, and its people.

    Actual open minutes are scaled by the ratio of shift minutes to planned open minutes between begin and end of the work.
    """
    begun, done = works[:, LOG_DETAIL], works[:, LOG_MINUTE]
    actual = _open_between(hours.actual, begun, done)
    planned = actual if hours.same_as_planned else _open_between(hours.planned, begun, done)
    shifts = planned if hours.planned_is_shifts else _open_between(hours.shifts, begun, done)
    # a work whose whole span was closed as planned has no ratio: its open minutes are taken
    minutes = actual * np.where(planned > 0, shifts / np.maximum(planned, 1), 1.0)
    people = labour[works[:, LOG_STEP], LABOUR_PEOPLE].astype(np.float64)
    return np.asarray(minutes, np.float64), people


def people_by_day(notes: Ints, trade_of_step: Table, by_day: Ints, end: int) -> None:
    """Write the people on site by trade and day, shape (trades, days), all 0 before; nobody is there after day `end`.

    Rows of `notes` are (minute, step, people who come, or leave if below 0).
    """
    trades, days = by_day.shape
    minute, step, people = notes.T
    day = np.minimum(minute // DAY, days - 1)
    changes = np.zeros((trades, days + 1), np.int64)
    # who leaves is still there on that day, so the change comes a day later; `add.at`, as many come on one day
    np.add.at(changes.reshape(-1), trade_of_step[step] * (days + 1) + day + (people <= 0), people)
    by_day[:] = np.cumsum(changes, axis=1)[:, :days]
    # crews that no one sent home: their routes end with the project
    by_day[:, end + 1 :] = 0


def _open_between(hours: OpenHours, begin: Ints, end: Ints) -> Ints:
    """Return the open minutes of a calendar from each begin to its end."""
    return _open_until(hours, end) - _open_until(hours, begin)


def _open_until(hours: OpenHours, minutes: Ints) -> Ints:
    """Return the open minutes of a calendar up to each of these minutes."""
    if not len(hours.starts):
        return np.zeros_like(minutes)
    # the minutes up to the interval's end less what of it is still to come
    interval = np.searchsorted(hours.starts, minutes, side="right") - 1
    minutes_to_go = np.maximum(hours.ends[interval] - minutes, 0)
    return np.where(interval < 0, 0, hours.open_until_end[interval] - minutes_to_go)


# --- ledger -----------------------------------------------------------------------------------------------------------


def ledger_entries(when: Ints, due: Shares, value: Ints, costs: StandingCosts, billing: Billing) -> Entries:
    """Return every ledger entry of a run in which no order is cancelled; `when` is the minute by step, or -1."""
    entries = [contract_entries(when, due, value), *period_entries(costs)]
    return bill(join(entries), billing)


def join(entries: list[Entries]) -> Entries:
    """Return entries one behind the other."""
    return Entries(*(np.concatenate(column) for column in zip(*entries, strict=True)))


def contract_entries(when: Ints, due: Shares, value: Ints) -> Entries:
    """Return an entry for every share of a contract's price that has fallen due; those of an item add up to its price."""
    cumulated_cents = np.rint(value[due.item] * due.share).astype(np.int64)
    # totals are rounded, not parts: rounded parts would miss the price by some cents
    cents = np.diff(cumulated_cents, prepend=0)
    first_of_item = np.flatnonzero(np.diff(due.item, prepend=-1))
    # the difference across two items is no amount: every item begins anew
    cents[first_of_item] = cumulated_cents[first_of_item]
    step_minute = when[due.step]
    # dropped only after the differences: what never happens stays unpaid and is not moved to a later share
    is_due = (step_minute >= 0) & (cents != 0)
    return Entries((step_minute + due.lag)[is_due], due.item[is_due], cents[is_due], due.step[is_due])


def period_entries(costs: StandingCosts) -> list[Entries]:
    """Return the entries of standing costs at the ends of their periods, kind by kind."""
    entries = []
    for by_day, item, length in zip(costs.by_day, costs.item.tolist(), costs.period.tolist(), strict=True):
        period, cents = period_cents(by_day, length)
        entries.append(Entries((period + 1) * length, np.full(len(period), item), cents, PERIOD - period - 1))
    return entries


def period_cents(dollars_by_day: Floats, minutes: int) -> tuple[Ints, Ints]:
    """Return (number of a period of so many minutes, cents due at its end); whole cents that add up to the rounded total."""
    # `bincount` adds up in the order of days, as the kernel's loop does: the same bits
    dollars_by_period = np.bincount(_period_of_day(len(dollars_by_day), minutes), dollars_by_day)
    cumulated_cents: Ints = np.rint(np.cumsum(dollars_by_period) * 100).astype(np.int64)
    cents = np.diff(cumulated_cents, prepend=0)
    due_periods = np.flatnonzero(cents)
    return due_periods, cents[due_periods]


@lru_cache(maxsize=8)
def _period_of_day(days: int, minutes: int) -> Ints:
    """Return by day the number of the period of so many minutes in which it ends; every run asks for the same."""
    return (np.arange(1, days + 1) * DAY - 1) // minutes


def fee_cents(minute: Ints, cents: Ints, fee: float) -> tuple[Ints, Ints]:
    """Return (number of a month, cents of the contractor's fee due at its end); `minute` and `cents` are what he bills."""
    if not fee or not len(minute):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # the running fee is rounded, so that months add up to the fee on everything
    cumulated_billed = np.cumsum(np.bincount(minute // MONTH, cents.astype(np.float64)))
    fee_by_month: Ints = np.diff(np.rint(cumulated_billed * fee).astype(np.int64), prepend=0)
    due_months = np.flatnonzero(fee_by_month)
    return due_months, fee_by_month[due_months]


def bill(entries: Entries, billing: Billing) -> Entries:
    """Return entries with the contractor's fee added, and what he bills moved to after the end of its month."""
    if not billing.by_month and not billing.fee:
        return entries
    is_billed = billing.billed[entries.item]
    month, fees = fee_cents(entries.minute[is_billed], entries.cents[is_billed], billing.fee)
    # in the last minute of its month, so that it is billed and paid with that month's other bills
    fee_entries = Entries(month * MONTH + MONTH - 1, np.full(len(month), billing.fee_item), fees, PERIOD - month)
    with_fee = join([entries, fee_entries])
    if not billing.by_month:
        return with_fee
    paid_minute = (with_fee.minute // MONTH + 1) * MONTH + billing.pays_after
    return with_fee._replace(minute=np.where(billing.billed[with_fee.item], paid_minute, with_fee.minute))


def stable_order(keys: Ints) -> Ints:
    """Return the positions of keys in ascending order, by a stable sort."""
    return np.argsort(keys, kind="stable")


# --- capital ----------------------------------------------------------------------------------------------------------


def capital_timeline(events: CapitalEvents, built_kw: Floats, horizon: int) -> Timeline:
    """Return the state of every item between any two changes; in service is min(paid, total × share online).

    `built_kw` is what each item was built to serve. Changes that never come are left out.
    """
    item, minute, amounts = _changes(events)
    in_time = np.flatnonzero((minute >= 0) & (minute < NEVER))
    # stable as well: changes of one item in one minute keep the order in which they are written
    order = in_time[np.lexsort((minute[in_time], item[in_time]))]
    item, minute = item[order], minute[order]
    first = np.flatnonzero(np.diff(item, prepend=-1))
    rows_by_item = np.diff(np.append(first, len(item)))
    paid, kw, owed, contracted = (_cumulated_by_item(amount[order], first, rows_by_item) for amount in amounts[:DEBT])
    # kW can add up to more than was built, if only in the last bits
    share = np.minimum(kw / built_kw[item], 1.0)
    # a state holds until the item's next change; that of the last one to the horizon
    until = np.append(minute[1:], horizon)
    until[first[1:] - 1] = horizon
    if len(until):
        until[-1] = horizon
    in_service, exposed = np.minimum(paid, events.total[item] * share), np.maximum(paid, owed)
    states = np.array([paid, in_service, contracted, exposed, share, amounts[DEBT][order]])
    return Timeline(np.array([item, minute, np.maximum(until, minute)]), first, states)


AMOUNT_PAID, KW_ONLINE, AMOUNT_OWED, AMOUNT_CONTRACTED, DEBT, AMOUNTS = range(6)
"""Rows of the amounts of changes of items of capital, and how many there are: kW online, the others in cents."""


def _changes(events: CapitalEvents) -> tuple[Ints, Ints, Floats]:
    """Return item, minute and amounts of all changes of items of capital; amounts have shape (`AMOUNTS`, changes).

    Their order is that in which the kernel writes them; changes of one item in one minute keep it.
    """
    contracts = len(events.value)
    standing_costs = np.arange(contracts, len(events.total))
    ordered, cancelled = np.flatnonzero(events.ordered >= 0), np.flatnonzero(events.cancelled >= 0)
    # standing costs have no contract ahead of them: each payment contracts the same cents
    contracted_with_payment = np.where(events.item >= contracts, events.cents, 0)
    owed_cents = events.owed_share * events.value[events.owed_item]
    reduction = events.total[cancelled] - events.value[cancelled]
    payments: dict[int, Ints | Floats | float] = {
        AMOUNT_PAID: events.cents, AMOUNT_CONTRACTED: contracted_with_payment, DEBT: events.debt,
    }  # fmt: skip
    # (items, minutes, amounts by row) of each kind of change
    kinds: list[tuple[Ints, Ints, dict[int, Ints | Floats | float]]] = [
        (events.item, events.minute, payments),
        (events.serving_item, events.moments[events.serving_moment], {KW_ONLINE: events.serving_kw}),
        (
            np.repeat(standing_costs, len(events.online)),
            np.tile(events.online, len(standing_costs)),
            {KW_ONLINE: events.block_kw},
        ),
        (events.owed_item, events.when[events.owed_step], {AMOUNT_OWED: owed_cents}),
        (ordered, _signed_minute(events)[ordered], {AMOUNT_CONTRACTED: events.value[ordered]}),
        (cancelled, events.cancelled[cancelled], {AMOUNT_CONTRACTED: reduction}),
    ]
    item, minute = (np.concatenate([kind[column] for kind in kinds]) for column in (0, 1))
    amounts, begin = np.zeros((AMOUNTS, len(item))), 0
    for items, _, amounts_of_kind in kinds:
        for row, amount in amounts_of_kind.items():
            amounts[row, begin : begin + len(items)] = amount
        begin += len(items)
    return item, minute, amounts


def _signed_minute(events: CapitalEvents) -> Ints:
    """Return by contract the minute in which it is signed: that of its order, or of an earlier payment."""
    # a payment before the order is the order: money that is paid was committed
    first_payment = np.full(len(events.total), NEVER)
    np.minimum.at(first_payment, events.item, events.minute)
    return np.minimum(events.ordered, first_payment[: len(events.ordered)])


def _cumulated_by_item(amount: Floats, first: Ints, rows_by_item: Ints) -> Floats:
    """Return the running total of an amount within every item; `first` is the first row of each item.

    One sum over all items less what stood before each: the kernel adds up in the same order, so the bits agree.
    """
    total = np.cumsum(amount)
    total_before_item = total[first - 1]
    # index -1 wrapped around to the last total for the item that begins at row 0
    total_before_item[first == 0] = 0.0
    total -= np.repeat(total_before_item, rows_by_item)
    return total


def capital_integrals(timeline: Timeline, total: Floats, horizon: int, days: int) -> Integrals:
    """Return the integrals of a timeline up to the horizon, idle capital there and at its peak, and states by day."""
    item, minute, until = timeline.rows
    paid, in_service, committed, _, share, _ = timeline.states
    length = (np.minimum(until, horizon) - np.minimum(minute, horizon)).astype(np.float64)
    idle = paid - in_service
    # row by row: capital online beyond its contract must not offset other items that wait
    waiting = np.maximum(committed - total[item] * share, 0.0)
    # the row that holds at the horizon; there is one per item at most
    at_horizon = (minute < horizon) & (until >= horizon)
    idle_sum, waiting_sum = (_sum_by_item(item, amount * length, len(total)) for amount in (idle, waiting))
    day = np.minimum(minute // DAY, days)
    # what happens later falls into one more day, which is cut off
    daily_states = timeline.states[PAID : EXPOSED + 1]
    by_day = [np.cumsum(np.bincount(day, steps(timeline, state), days + 1)[:days]) for state in daily_states]
    return Integrals(idle_sum, waiting_sum, idle[at_horizon], _peak_idle(timeline, horizon), np.array(by_day))


def _sum_by_item(item: Ints, amount: Floats, items: int) -> Floats:
    """Return the sum of an amount by item."""
    return np.bincount(item, amount, items).astype(np.float64)


def steps(timeline: Timeline, state: Floats) -> Floats:
    """Return by row of a timeline the change of a state from the item's row before, from 0 at its first row."""
    changes = state.copy()
    changes[1:] -= state[:-1]
    changes[timeline.first] = state[timeline.first]
    return changes


def _peak_idle(timeline: Timeline, horizon: int) -> float:
    """Return the most cents that are paid and not in service at any moment up to the horizon, all items together."""
    # stable, as the kernel breaks ties by row: the sum of floats depends on the order
    order = stable_order(timeline.rows[ROW_MINUTE])
    minute = timeline.rows[ROW_MINUTE][order]
    idle_by_row = timeline.states[PAID] - timeline.states[IN_SERVICE]
    idle = np.cumsum(steps(timeline, idle_by_row)[order])
    last_of_minute = np.diff(minute, append=-1) != 0  # of one minute only the sum counts
    return float(idle[last_of_minute & (minute <= horizon)].max(initial=0.0))


# --- finance ----------------------------------------------------------------------------------------------------------


def debt_drawdowns(timeline: Timeline) -> DebtDrawdowns:
    """Return every drawdown of debt, and every change of a share online."""
    minute, share, debt = timeline.rows[ROW_MINUTE], timeline.states[SHARE_ONLINE], timeline.states[DEBT_DRAWDOWN]
    share_change = steps(timeline, share)
    # interest is summed over these rows alone, a fraction of the timeline
    is_change, drawdown_rows = share_change != 0, np.flatnonzero(debt)
    changes_until = np.cumsum(is_change)
    last_of_item = np.append(timeline.first[1:], len(minute)) - 1
    rows_by_item = np.diff(np.append(timeline.first, len(minute)))
    last_rows = np.repeat(last_of_item, rows_by_item)[drawdown_rows]
    return DebtDrawdowns(
        minute[is_change], share_change[is_change], minute[drawdown_rows], changes_until[drawdown_rows],
        changes_until[last_rows], debt[drawdown_rows], share[drawdown_rows], share[last_rows],
    )  # fmt: skip


def earned_until(begin: Ints, rate: Floats, moment: Floats) -> Floats:
    """Return the dollars earned up to each moment by blocks that earn `rate` dollars a minute, each from its begin on."""
    blocks_earning = np.searchsorted(begin, moment)
    # Σ rate × (moment - begin) as two running sums: one look-up per moment instead of a table of all pairs
    rate_sum = np.append(0.0, np.cumsum(rate))[blocks_earning]
    rate_times_begin = np.append(0.0, np.cumsum(rate * begin))[blocks_earning]
    return np.asarray(rate_sum * moment - rate_times_begin, np.float64)


NUMPY = Kernels(
    scan_log=scan_log,
    earned_minutes=earned_minutes,
    worked_minutes=worked_minutes,
    people_by_day=people_by_day,
    ledger_entries=ledger_entries,
    capital_timeline=capital_timeline,
    capital_integrals=capital_integrals,
    debt_drawdowns=debt_drawdowns,
    earned_until=earned_until,
    stable_order=stable_order,
)
