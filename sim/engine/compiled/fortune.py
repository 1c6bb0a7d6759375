"""What an input comes out at: a quantile of its table, times factors, plus delays, rounded once.

The operations and their order are those of `sim.world.quantiles.lookup_one` and `sim.plan.luck.value_of`: only so
do two engines get the same last bit.
"""

from __future__ import annotations

from math import floor, frexp

import numpy as np

from sim.engine.compiled.arrays import (
    CONTENT,
    CONTENT_FACTORS,
    DELAY_MINUTES,
    DELAYS,
    FACTORS,
    FORCED,
    FORCED_AT,
    GIVEN,
    INPUT,
    INPUT_KIND,
    INPUTS,
    KEY,
    LENGTH,
    LOSSES,
    MINUTES,
    OTHER_KEY,
    REPLICATION,
    TABLE,
    TABLE_KIND,
    Floats,
    Ints,
)
from sim.engine.compiled.jit import part, piece
from sim.engine.compiled.philox import uniform
from sim.plan.inputs import OTHERWISE, SPAN
from sim.world.quantiles import CELLS, DISCRETE, FIXED, OCTAVES, SIDE

_SCALE = 2.0 * CELLS
_FIRST = OCTAVES * CELLS + 1
_DEEP = 2.0 ** (OCTAVES + 1)


@piece
def case(figures: Floats, start: int, cases: int, u: float) -> float:
    """Return the value in a list of cases whose share of the weights contains `u`."""
    low, high = start + cases, start + 2 * cases
    while low < high:
        middle = (low + high) >> 1
        if figures[middle] <= u:
            low = middle + 1
        else:
            high = middle
    return figures[low - cases]


@piece
def quantile(figures: Floats, start: int, u: float) -> float:
    """Return the value at `u` of a table of quantiles."""
    t = u
    if u > 0.5:
        t = 1.0 - u
        start += SIDE
    m, e = frexp(t)
    x = (m - 0.5) * _SCALE
    cell = int(x)
    f = x - cell
    knot = cell + e * CELLS + _FIRST
    if e < -OCTAVES:
        knot = 0
        f = t * _DEEP
    low = figures[start + knot]
    return low + f * (figures[start + knot + 1] - low)


@piece
def luck_of(luck: Ints, figures: Floats, number: int, row: int, replication: int, attempt: int) -> float:
    """Return the uniform of an input: its own draw, unless that of its first attempt is forced."""
    if attempt == 0 and luck[FORCED_AT] > 0 and luck[luck[FORCED_AT] + number] >= 0:
        return figures[luck[FORCED] + luck[luck[FORCED_AT] + number]]
    keys = np.uint64(luck[row + KEY]), np.uint64(luck[row + OTHER_KEY])
    return uniform(keys[0], keys[1], np.uint64(replication), np.uint64(attempt))


@piece
def shaped(luck: Ints, figures: Floats, row: int, u: float) -> float:
    """Return the value of an input's distribution at `u`, in its own unit."""
    start, kind = luck[row + TABLE], luck[row + TABLE_KIND]
    if kind == FIXED:
        return figures[start]
    if kind == DISCRETE:
        return case(figures, start, luck[row + LENGTH] >> 1, u)
    return quantile(figures, start, u)


@piece
def times(luck: Ints, figures: Floats, begin: int, end: int, amount: float) -> float:
    """Return an amount times the shared factors whose numbers stand from `begin` to `end`."""
    for place in range(begin, end):
        if luck[place] >= 0:
            amount *= figures[luck[FACTORS] + luck[place]]
    return amount


@part
def value(run: Ints, luck: Ints, figures: Floats, number: int, attempt: int) -> int:
    """Return what an input comes out at: minutes, or 1 and 0 of a decision.

    Its minutes before losses are kept for the metrics, those of the first attempt.
    """
    if luck[GIVEN] > 0:
        return luck[luck[GIVEN] + number]
    row = luck[INPUTS] + number * luck[INPUT]
    u = luck_of(luck, figures, number, row, run[REPLICATION], attempt)
    amount = shaped(luck, figures, row, u) * figures[luck[MINUTES] + number]
    amount = times(luck, figures, row + CONTENT_FACTORS, row + luck[LOSSES], amount)
    if attempt == 0:
        run[run[CONTENT] + number] = int(floor(amount + 0.5))
    amount = times(luck, figures, row + luck[LOSSES], row + luck[DELAYS], amount)
    for place in range(row + luck[DELAYS], row + luck[INPUT]):
        if luck[place] >= 0:
            amount += figures[luck[DELAY_MINUTES] + luck[place]]
    if luck[row + INPUT_KIND] == SPAN:
        return int(floor(amount + 0.5))
    limit = 1.0 - amount if luck[row + INPUT_KIND] == OTHERWISE else amount
    return 1 if u < limit else 0
