"""The long passes in numpy: what every compiled kernel is compared with, and what runs where numba is not installed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sim.metrics.kernels.interface import (
    GROUP_BITS,
    NEVER,
    PERIOD,
    Billing,
    CapitalEvents,
    DebtDraws,
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
    """Read a log once: when every step was done, the rows that are measured, who came before whom."""
    minute, step, detail = log.T
    when = np.full(len(groups.mark), -1, np.int64)
    # repeated steps: numpy keeps the last of several values, which is the last time it was done
    when[step] = minute
    group = groups.group[step]
    rows = np.flatnonzero(group)
    ends = np.cumsum(np.bincount(group[rows], minlength=groups.groups))
    # stable: within a group rows stay in the order of the log, on which sums of floats depend
    ordered = log[rows[np.argsort(group[rows], kind="stable")]]
    # the last group is the signals of the completion gate
    last = group == groups.groups - 1
    reached = np.flatnonzero(np.cumsum(detail[last]) >= groups.level)
    completed = int(minute[last][reached[0]]) if len(reached) else -1
    return Scan(when, ordered, ends, _row_before(groups.mark[step] >> GROUP_BITS), completed)


def _row_before(unit: Ints) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Return per row the one before it of the same unit, or -1."""
    order = np.argsort(unit, kind="stable")
    # 32 bits: a log has far fewer rows than 2**31, and half the memory is looked up faster
    before = np.full(len(unit), -1, np.int32)
    same = np.diff(unit[order]) == 0
    before[order[1:][same]] = order[:-1][same]
    return before


def earned_minutes(works: Ints, labour: Table, content: Ints) -> int:
    """Return person-minutes of work content; `labour` is calendar, people and input earned (or -1) by step."""
    done = np.zeros(len(labour), bool)
    done[works[:, 1]] = True
    steps = np.flatnonzero(done & (labour[:, 2] >= 0))
    return int(content[labour[steps, 2]] @ labour[steps, 1])


def worked_minutes(works: Ints, labour: Table, calendar: int, hours: WorkHours) -> tuple[Floats, Floats]:
    """Return the shift minutes of every work on a calendar, and its people.

    Open minutes are counted up by what the planned ones between begin and end are of the shifts there.
    """
    mine = works[labour[works[:, 1], 0] == calendar]
    begun, done = mine[:, 2], mine[:, 0]
    open_ = _between(hours.real, begun, done)
    earning = open_ if hours.as_planned else _between(hours.planned, begun, done)
    worked = earning if hours.as_shifts else _between(hours.shifts, begun, done)
    # real open minutes by the share of shifts in the planned span; without a planned minute there is no share
    minutes = open_ * np.where(earning > 0, worked / np.maximum(earning, 1), 1.0)
    return np.asarray(minutes, np.float64), labour[mine[:, 1], 1].astype(np.float64)


def people_by_day(notes: Ints, trade: Table, by_day: Ints, end: int) -> None:
    """Write the people of every trade by day, shape (trades, days), all 0 before; `trade` is by step.

    Rows of `notes` are minute, step, and how many come, or leave if below 0.
    """
    trades, days = by_day.shape
    day = np.minimum(notes[:, 0] // DAY, days - 1)
    changes = np.zeros((trades, days + 1), np.int64)
    # who leaves is still there on that day, so the change comes a day later; `add.at`, as many come on one day
    np.add.at(changes.reshape(-1), trade[notes[:, 1]] * (days + 1) + day + (notes[:, 2] <= 0), notes[:, 2])
    by_day[:] = np.cumsum(changes, axis=1)[:, :days]
    # crews that no one sent home: their routes end with the project
    by_day[:, end + 1 :] = 0


def _between(hours: OpenHours, begun: Ints, done: Ints) -> Ints:
    return _opened(hours, done) - _opened(hours, begun)


def _opened(hours: OpenHours, times: Ints) -> Ints:
    """Return the open minutes up to each time."""
    if not len(hours.starts):
        return np.zeros_like(times)
    # the minutes up to the stretch's end less what of it is still to come
    place = np.searchsorted(hours.starts, times, side="right") - 1
    return np.where(place < 0, 0, hours.done[place] - np.maximum(hours.ends[place] - times, 0))


# --- ledger -----------------------------------------------------------------------------------------------------------


def ledger_entries(when: Ints, due: Shares, value: Ints, costs: StandingCosts, billing: Billing) -> Entries:
    """Return every entry of a run in which no order is cancelled."""
    entries = [contract_entries(when, due, value), *period_entries(costs)]
    return bill(join(entries), billing)


def join(entries: list[Entries]) -> Entries:
    """Return entries one behind the other."""
    return Entries(*(np.concatenate(column) for column in zip(*entries, strict=True)))


def contract_entries(when: Ints, due: Shares, value: Ints) -> Entries:
    """Return what has fallen due of contracts: rounded totals, so the entries of an item add up to its price."""
    whole = np.rint(value[due.item] * due.share).astype(np.int64)
    # totals are rounded, not parts: rounded parts would miss the price by some cents
    cents = np.diff(whole, prepend=0)
    first = np.flatnonzero(np.diff(due.item, prepend=-1))
    # the difference across two items is no amount: every item begins anew
    cents[first] = whole[first]
    happened = when[due.step]
    # dropped only after the differences: what never happens stays unpaid and is not moved to a later share
    there = (happened >= 0) & (cents != 0)
    return Entries((happened + due.lag)[there], due.item[there], cents[there], due.step[there])


def period_entries(costs: StandingCosts) -> list[Entries]:
    """Return what standing costs make due at the ends of their periods, kind by kind."""
    found = []
    for by_day, item, length in zip(costs.by_day, costs.item.tolist(), costs.period.tolist(), strict=True):
        period, cents = period_cents(by_day, length)
        found.append(Entries((period + 1) * length, np.full(len(period), item), cents, PERIOD - period - 1))
    return found


def period_cents(dollars_by_day: Floats, minutes: int) -> tuple[Ints, Ints]:
    """Return the periods at whose end something is due, and whole cents that add up to the rounded total."""
    # `bincount` adds up in the order of days, as the kernel's loop does: the same bits
    sums = np.bincount(_period_of_day(len(dollars_by_day), minutes), dollars_by_day)
    whole: Ints = np.rint(np.cumsum(sums) * 100).astype(np.int64)
    cents = np.diff(whole, prepend=0)
    there = np.flatnonzero(cents)
    return there, cents[there]


@lru_cache(maxsize=8)
def _period_of_day(days: int, minutes: int) -> Ints:
    """Return in which period of so many minutes each day ends; every run asks for the same."""
    return (np.arange(1, days + 1) * DAY - 1) // minutes


def fee_cents(minute: Ints, cents: Ints, fee: float) -> tuple[Ints, Ints]:
    """Return the months in which the contractor's fee is due, and the fee on what he bills in each."""
    if not fee or not len(minute):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # the running fee is rounded, so that months add up to the fee on everything
    owed = np.cumsum(np.bincount(minute // MONTH, cents.astype(np.float64)))
    fees: Ints = np.diff(np.rint(owed * fee).astype(np.int64), prepend=0)
    there = np.flatnonzero(fees)
    return there, fees[there]


def bill(entries: Entries, billing: Billing) -> Entries:
    """Return entries of which the contractor bills his own by the month, with his fee."""
    if not billing.by_month and not billing.fee:
        return entries
    his = billing.billed[entries.item]
    month, fees = fee_cents(entries.minute[his], entries.cents[his], billing.fee)
    # in the last minute of its month, so that it is billed and paid with that month's other bills
    fee = Entries(month * MONTH + MONTH - 1, np.full(len(month), billing.fee_item), fees, PERIOD - month)
    both = join([entries, fee])
    if not billing.by_month:
        return both
    paid = (both.minute // MONTH + 1) * MONTH + billing.pays_after
    return both._replace(minute=np.where(billing.billed[both.item], paid, both.minute))


def order_by_minute(minutes: Ints) -> Ints:
    """Return the positions of some minutes in the order of time; those of one minute keep their order.

    Sorting numbers that hold the position behind the minute is several times as fast as a stable sort of positions.
    """
    bits = len(minutes).bit_length()
    order = minutes << bits | np.arange(len(minutes))
    order.sort()
    order &= (1 << bits) - 1
    return order


# --- capital ----------------------------------------------------------------------------------------------------------


def capital_timeline(events: CapitalEvents, built_kw: Floats, horizon: int) -> Timeline:
    """Return the state of every item between any two changes; in service is min(paid, total × share online).

    `built_kw` is what each item was built to serve. Changes that never come are left out.
    """
    item, minute, amounts = _changes(events)
    there = np.flatnonzero((minute >= 0) & (minute < NEVER))
    # stable as well: changes of one item in one minute keep the order in which they are written
    order = there[np.lexsort((minute[there], item[there]))]
    item, minute = item[order], minute[order]
    first = np.flatnonzero(np.diff(item, prepend=-1))
    lengths = np.diff(np.append(first, len(item)))
    paid, kw, owed, contract = (_since_first(amount[order], first, lengths) for amount in amounts[:4])
    # kW can add up to more than was built, if only in the last bits
    share = np.minimum(kw / built_kw[item], 1.0)
    # a state holds until the item's next change; that of the last one to the horizon
    until = np.append(minute[1:], horizon)
    until[first[1:] - 1] = horizon
    if len(until):
        until[-1] = horizon
    states = np.array([
        paid, np.minimum(paid, events.total[item] * share), contract, np.maximum(paid, owed), share, amounts[4][order],
    ])  # fmt: skip
    return Timeline(np.array([item, minute, np.maximum(until, minute)]), first, states)


def _changes(events: CapitalEvents) -> tuple[Ints, Ints, Floats]:
    """Return item, minute and amounts of all changes: cents paid, kW online, cents owed, contracted, debt.

    Their order is that in which the kernel writes them; rows of one item and minute keep it.
    """
    contracts = len(events.value)
    standing = np.arange(contracts, len(events.total))
    signed, left = np.flatnonzero(events.ordered >= 0), np.flatnonzero(events.cancelled >= 0)
    on_order = np.where(events.item >= contracts, events.cents, 0)  # standing costs have no contract ahead of them
    online = np.tile(events.online, len(standing))
    parts: list[tuple[Ints, Ints, dict[int, Floats | Ints | float]]] = [
        (events.item, events.minute, {0: events.cents, 3: on_order, 4: events.debt}),
        (events.serving_item, events.moments[events.serving_moment], {1: events.serving_kw}),
        (np.repeat(standing, len(events.online)), online, {1: events.block_kw}),
        (events.owed_item, events.when[events.owed_step], {2: events.owed_share * events.value[events.owed_item]}),
        (signed, _signed(events)[signed], {3: events.value[signed]}),
        (left, events.cancelled[left], {3: events.total[left] - events.value[left]}),
    ]
    item, minute = (np.concatenate([part[column] for part in parts]) for column in (0, 1))
    amounts, begin = np.zeros((5, len(item))), 0
    for its, _, given in parts:
        for row, amount in given.items():
            amounts[row, begin : begin + len(its)] = amount
        begin += len(its)
    return item, minute, amounts


def _signed(events: CapitalEvents) -> Ints:
    """Return when contracts are signed: with their order, or with the first payment where that comes before."""
    # a payment before the order is the order: money that is paid was committed
    first = np.full(len(events.total), NEVER)
    np.minimum.at(first, events.item, events.minute)
    return np.minimum(events.ordered, first[: len(events.ordered)])


def _since_first(amount: Floats, first: Ints, lengths: Ints) -> Floats:
    """Return the running total of an amount within every item.

    One sum over all items less what stood before each: the kernel adds up in the same order, so the bits agree.
    """
    total = np.cumsum(amount)
    before = total[first - 1]
    # index -1 wrapped around to the last total for the item that begins at row 0
    before[first == 0] = 0.0
    total -= np.repeat(before, lengths)
    return total


def capital_integrals(timeline: Timeline, total: Floats, horizon: int, days: int) -> Integrals:
    """Return integrals, idle capital at the horizon and its peak, and the changes of so many days."""
    item, minute, until = timeline.rows
    paid, earning, committed, _, share, _ = timeline.states
    length = (np.minimum(until, horizon) - np.minimum(minute, horizon)).astype(np.float64)
    idle = paid - earning
    # row by row: capital online beyond its contract must not offset other items that wait
    waiting = np.maximum(committed - total[item] * share, 0.0)
    # the row that holds at the horizon; there is one per item at most
    at_end = (minute < horizon) & (until >= horizon)
    idle_sum, waiting_sum = (_by_item(item, amount * length, len(total)) for amount in (idle, waiting))
    day = np.minimum(minute // DAY, days)
    # what happens later falls into one more day, which is cut off
    changes = [np.bincount(day, steps(timeline, state), days + 1)[:days] for state in timeline.states[:4]]
    return Integrals(idle_sum, waiting_sum, idle[at_end], _highest(timeline, horizon), np.array(changes))


def _by_item(item: Ints, amount: Floats, items: int) -> Floats:
    return np.bincount(item, amount, items).astype(np.float64)


def steps(timeline: Timeline, state: Floats) -> Floats:
    """Return by how much a state changes at every row."""
    changes = state.copy()
    changes[1:] -= state[:-1]
    changes[timeline.first] = state[timeline.first]
    return changes


def _highest(timeline: Timeline, horizon: int) -> float:
    """Return the most that all items together have out and idle at any moment up to the horizon."""
    # stable, as the kernel breaks ties by row: the sum of floats depends on the order
    order = order_by_minute(timeline.rows[1])
    minute = timeline.rows[1][order]
    out = np.cumsum(steps(timeline, timeline.states[0] - timeline.states[1])[order])
    last = np.diff(minute, append=-1) != 0  # of one minute only the sum counts
    return float(out[last & (minute <= horizon)].max(initial=0.0))


# --- finance ----------------------------------------------------------------------------------------------------------


def debt_draws(timeline: Timeline) -> DebtDraws:
    """Return the rows at which shares online change or debt is drawn, and each draw."""
    minute, share, debt = timeline.rows[1], timeline.states[4], timeline.states[5]
    change = steps(timeline, share)
    # interest is summed over these rows alone, a fraction of the timeline
    needed, rows = (change != 0) | (debt != 0), np.flatnonzero(debt)
    place = np.cumsum(needed) - 1
    last = np.append(timeline.first[1:], len(minute)) - 1
    end = np.repeat(last, np.diff(np.append(timeline.first, len(minute))))[rows]
    return DebtDraws(minute[needed], change[needed], place[rows], place[end], debt[rows], share[rows], share[end])


def earned_until(begin: Ints, rate: Floats, moment: Floats) -> Floats:
    """Return what is earned up to each moment by blocks that earn from their begin on."""
    count = np.searchsorted(begin, moment)
    # Σ rate × (moment - begin) as two running sums: one look-up per moment instead of a table of all pairs
    total = np.append(0.0, np.cumsum(rate))[count]
    begun = np.append(0.0, np.cumsum(rate * begin))[count]
    return np.asarray(total * moment - begun, np.float64)


NUMPY = Kernels(
    scan_log,
    earned_minutes,
    worked_minutes,
    people_by_day,
    ledger_entries,
    capital_timeline,
    capital_integrals,
    debt_draws,
    earned_until,
)
