"""The course of every item of capital, and what is summed over it: twin of `sim.metrics.money.capital`.

The sums are taken in the same order as there, so that they are the same in every bit. Whoever calls brings all
arrays; inside, an array is where its first number stands, which compiles in a fraction of the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.jit.toolkit import Figures, Numbers, figures_of, numbers_of, part, whole_of

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DAY = 1440
PAID, KW, OWED, CONTRACT, DEBT = range(5)
"""Kinds of changes, as in `sim.metrics.money.capital.AMOUNTS`."""
EARNING, COMMITTED, EXPOSED, SHARE, DRAWN = range(1, 6)
"""Rows of states; the first is what is paid."""
ITEM, MINUTE, KIND, RAW = range(4)
"""Rows of what is known of a change in whole numbers."""
AMOUNT, TOO, BORROWED, FIGURES = range(4)
"""Rows of the rest: by how much, by how much its contract too, and how much of it is debt."""
DIGIT = 11
"""Bits that are sorted by at once."""
DIGITS = 1 << DIGIT


@whole_of(
    "i8[::1], i8[::1], i8[::1], f8[::1], i8[::1], i8[::1], f8[::1], i8[::1], i8[::1], i8[::1], f8[::1], "
    "i8[::1], i8[::1], i8[::1], i8[::1], f8[::1], i8[::1], i8, f8, i8, i8[:,::1], f8[:,::1], i8[::1]"
)
def lay(
    item_: Ints, minute_: Ints, cents_: Ints, debt_: Floats,
    serving_: Ints, moment_: Ints, kw_: Floats, moments_: Ints,
    owed_item_: Ints, owed_step_: Ints, owed_: Floats, when_: Ints,
    value_: Ints, ordered_: Ints, cancelled_: Ints, total_: Floats,
    online_: Ints, standing: int, standing_kw: float, never: int,
    raw_: Ints, figures_: Floats, signed_: Ints,
) -> int:  # fmt: skip
    """Lay out everything that changes an item, row by row, and return how many rows come: from 0, before `never`.

    Payments (of `standing` items, behind all others, contracts as well), items that serve, `standing` items that
    serve with every block ordered, what is owed, contracts that are signed and that are cancelled.
    """
    item, minute, cents, debt = numbers_of(item_), numbers_of(minute_), numbers_of(cents_), figures_of(debt_)
    serving, moment, kw, moments = numbers_of(serving_), numbers_of(moment_), figures_of(kw_), numbers_of(moments_)
    whose, step, owed, when = numbers_of(owed_item_), numbers_of(owed_step_), figures_of(owed_), numbers_of(when_)
    value, ordered, total = numbers_of(value_), numbers_of(ordered_), figures_of(total_)
    cancelled, online, signed = numbers_of(cancelled_), numbers_of(online_), numbers_of(signed_)
    raw, figures, room, contracts = numbers_of(raw_), figures_of(figures_), raw_.shape[1], len(value_)
    row = 0
    for at in range(contracts):
        signed[at] = ordered[at]
    for at in range(len(item_)):
        its = item[at]
        if its < contracts:
            signed[its] = min(signed[its], minute[at])
        too = float(cents[at]) if its >= contracts else 0.0
        row = _change(raw, figures, room, row, its, minute[at], PAID, float(cents[at]), too, debt[at], never)
    for at in range(len(serving_)):
        row = _change(raw, figures, room, row, serving[at], moments[moment[at]], KW, kw[at], 0.0, 0.0, never)
    for number in range(standing):
        for at in range(len(online_)):
            row = _change(raw, figures, room, row, contracts + number, online[at], KW, standing_kw, 0.0, 0.0, never)
    for at in range(len(owed_item_)):
        claim = owed[at] * value[whose[at]]
        row = _change(raw, figures, room, row, whose[at], when[step[at]], OWED, claim, 0.0, 0.0, never)
    for at in range(contracts):
        if ordered[at] >= 0:
            row = _change(raw, figures, room, row, at, signed[at], CONTRACT, float(value[at]), 0.0, 0.0, never)
    for at in range(contracts):
        if cancelled[at] >= 0:
            less = total[at] - value[at]
            row = _change(raw, figures, room, row, at, cancelled[at], CONTRACT, less, 0.0, 0.0, never)
    return row


@part
def _change(
    raw: Numbers, figures: Figures, room: int, row: int,
    item: int, minute: int, kind: int, amount: float, too: float, debt: float, never: int,
) -> int:  # fmt: skip
    """Add a change if its minute comes; return the row of the next one."""
    if minute < 0 or minute >= never:
        return row
    raw[ITEM * room + row], raw[MINUTE * room + row], raw[KIND * room + row] = item, minute, kind
    figures[AMOUNT * room + row], figures[TOO * room + row], figures[BORROWED * room + row] = amount, too, debt
    return row + 1


@whole_of("i8[:,::1], f8[:,::1], f8[::1], f8[::1], i8, i8[:,::1], i8[::1], f8[:,::1], i8[::1]")
def course(
    raw_: Ints, figures_: Floats, total_: Floats, built_: Floats, horizon: int,
    rows_: Ints, first_: Ints, states_: Floats, scratch_: Ints,
) -> int:  # fmt: skip
    """Put changes in order and follow every item; return how many items there are.

    `rows_` gets item, minute and end of every row, `first_` where each item begins, `states_` what holds from then.
    """
    raw, figures, total, built = numbers_of(raw_), figures_of(figures_), figures_of(total_), figures_of(built_)
    rows, first, states = numbers_of(rows_), numbers_of(first_), figures_of(states_)
    scratch, room, count = numbers_of(scratch_), raw_.shape[1], rows_.shape[1]
    bits = _bits(count)
    at = _ordered(raw, MINUTE * room, scratch, count, bits)
    at = _ordered_again(raw, ITEM * room, scratch, count, bits, at)
    paid = kw = owed = contract = paid_before = kw_before = owed_before = contract_before = 0.0
    items, whole_kw, price = 0, 1.0, 0.0
    for place in range(count):
        row = scratch[at + place] & (1 << bits) - 1
        its, minute, kind = raw[ITEM * room + row], raw[MINUTE * room + row], raw[KIND * room + row]
        amount = figures[AMOUNT * room + row]
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
        contract += amount if kind == CONTRACT else figures[TOO * room + row]
        share = min((kw - kw_before) / whole_kw, 1.0)
        rows[place], rows[count + place] = its, minute
        states[place] = paid - paid_before
        states[EARNING * count + place] = min(paid - paid_before, price * share)
        states[COMMITTED * count + place] = contract - contract_before
        states[EXPOSED * count + place] = max(paid - paid_before, owed - owed_before)
        states[SHARE * count + place] = share
        states[DRAWN * count + place] = figures[BORROWED * room + row]
    if count > 0:
        rows[3 * count - 1] = max(rows[2 * count - 1], horizon)
    return items


@whole_of("i8[:,::1], f8[:,::1], f8[::1], i8, f8[:,::1], f8[::1], f8[:,::1], f8[::1], i8[::1]")
def summed(
    rows_: Ints, states_: Floats, total_: Floats, horizon: int,
    by_item_: Floats, stranded_: Floats, by_day_: Floats, changes_: Floats, scratch_: Ints,
) -> tuple[int, float]:  # fmt: skip
    """Sum up courses; return how many rows are stranded, and the most that is out and idle at any moment.

    `by_item_` gets the integrals of what is idle and of what is committed and waits, `stranded_` what is idle at the
    end row by row, `by_day_` what paid, earning, committed and exposed change on every day.
    """
    rows, states, total, by_item = numbers_of(rows_), figures_of(states_), figures_of(total_), figures_of(by_item_)
    stranded, by_day, changes = figures_of(stranded_), figures_of(by_day_), figures_of(changes_)
    scratch, count, items, days = numbers_of(scratch_), rows_.shape[1], len(total_), by_day_.shape[1]
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


@part
def _peak(
    rows: Numbers, changes: Figures, scratch: Numbers, count: int, changed: int, most: int, horizon: int
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


# --- sorting by date, digit by digit: twin of `sim.metrics.money.in_service` ---------------------------------------------


@whole_of("i8[::1], i8[::1]")
def in_order(minute_: Ints, scratch_: Ints) -> int:
    """Put places in the order of their minutes, equal ones as they were; return where in `scratch_` they begin.

    No minute may be negative. The room is two numbers for every minute, and `DIGITS`.
    """
    minute, scratch, count = numbers_of(minute_), numbers_of(scratch_), len(minute_)
    bits = _bits(count)
    at = _ordered(minute, 0, scratch, count, bits)
    for place in range(at, at + count):
        scratch[place] &= (1 << bits) - 1
    return at


@part
def _bits(count: int) -> int:
    """Return how many bits a place among so many takes."""
    bits = 1
    while count >> bits > 0:
        bits += 1
    return bits


@part
def _ordered(key: Numbers, base: int, scratch: Numbers, count: int, bits: int) -> int:
    """Return where places begin that are in the order of their keys; each behind its key, in one number."""
    most = 0
    for place in range(count):
        scratch[place] = key[base + place] << bits | place
        most = max(most, key[base + place])
    return _sorted(scratch, count, count, bits, most)


@part
def _ordered_again(key: Numbers, base: int, scratch: Numbers, count: int, bits: int, at: int) -> int:
    """Return the same for another key of places in some order, which those with equal keys keep."""
    most = 0
    for place in range(count):
        number = scratch[at + place] & (1 << bits) - 1
        scratch[place] = key[base + number] << bits | number
        most = max(most, key[base + number])
    return _sorted(scratch, count, count, bits, most)


@part
def _sorted(scratch: Numbers, count: int, room: int, shift: int, most: int) -> int:
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
