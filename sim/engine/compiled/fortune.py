"""What an input comes out at: a quantile of its table, times factors, plus delays, rounded once.

The operations and their order are those of `sim.world.quantiles.lookup_one` and `sim.plan.luck.value_of`: only so
do two engines get the same last bit.
"""

from __future__ import annotations

from math import floor, isnan

import numpy as np

from sim.engine.compiled.arrays import (
    CONTENT,
    CONTENT_FACTORS,
    DELAY_MINUTES,
    DELAYS,
    FACTORS,
    FORCED,
    GIVEN,
    INPUT,
    INPUT_KIND,
    INPUTS,
    KEY,
    LENGTH,
    LOSSES,
    MADE,
    MINUTES,
    OTHER_KEY,
    RECIPE,
    RECIPES,
    REPLICATION,
    TABLE,
    TABLE_KIND,
)
from sim.engine.compiled.philox import uniform
from sim.machine.jit import bits_of, float_of, part, piece
from sim.machine.numbers import Figures, Numbers
from sim.plan.inputs import OTHERWISE, SPAN
from sim.world.quantiles import CELLS, DISCRETE, FIXED, OCTAVES, SIDE

_SCALE = 2.0 * CELLS
_FIRST = OCTAVES * CELLS + 1
_DEEP = 2.0 ** (OCTAVES + 1)
_FRACTION, _BIAS = 52, 1022
_FRACTION_BITS, _HALF_BITS = (1 << _FRACTION) - 1, _BIAS << _FRACTION
"""How a float is written: a number from 0.5 to 1 in its fraction's bits, times a power of two (IEEE 754)."""


@piece
def case(figures: Figures, start: int, cases: int, u: float) -> float:
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
def quantile(figures: Figures, start: int, u: float) -> float:
    """Return the value at `u` of a table of quantiles."""
    t = u
    if u > 0.5:
        t = 1.0 - u
        start += SIDE
    bits = bits_of(t)
    e = (bits >> _FRACTION) - _BIAS
    x = (float_of(bits & _FRACTION_BITS | _HALF_BITS) - 0.5) * _SCALE
    cell = int(x)
    f = x - cell
    knot = cell + e * CELLS + _FIRST
    if e < -OCTAVES:
        knot = 0
        f = t * _DEEP
    low = figures[start + knot]
    return low + f * (figures[start + knot + 1] - low)


@piece
def luck_of(luck: Numbers, figures: Figures, number: int, replication: int, attempt: int) -> float:
    """Return the uniform of an input: its own draw, unless that of its first attempt is forced."""
    if attempt == 0 and luck[FORCED] > 0 and not isnan(figures[luck[FORCED] + number]):
        return figures[luck[FORCED] + number]
    row = luck[INPUTS] + number * INPUT
    keys = np.uint64(luck[row + KEY]), np.uint64(luck[row + OTHER_KEY])
    return uniform(keys[0], keys[1], np.uint64(replication), np.uint64(attempt))


@piece
def shaped(luck: Numbers, figures: Figures, recipe: int, u: float) -> float:
    """Return the value of a recipe's distribution at `u`, in its own unit."""
    start, kind = luck[recipe + TABLE], luck[recipe + TABLE_KIND]
    if kind == FIXED:
        return figures[start]
    if kind == DISCRETE:
        return case(figures, start, luck[recipe + LENGTH] >> 1, u)
    return quantile(figures, start, u)


@piece
def times(luck: Numbers, figures: Figures, begin: int, end: int, amount: float) -> float:
    """Return an amount times the shared factors whose numbers stand from `begin` to `end`."""
    for place in range(begin, end):
        if luck[place] < 0:
            break
        amount *= figures[luck[FACTORS] + luck[place]]
    return amount


@part
def value(run: Numbers, luck: Numbers, figures: Figures, number: int, attempt: int) -> int:
    """Return what an input comes out at: minutes, or 1 and 0 of a decision.

    Its minutes before losses are kept for the metrics, those of the first attempt.
    """
    if luck[GIVEN] > 0:
        return luck[luck[GIVEN] + number]
    made = luck[luck[INPUTS] + number * INPUT + MADE]
    recipe = luck[RECIPES] + made * luck[RECIPE]
    certain = luck[recipe + TABLE_KIND] == FIXED and luck[recipe + INPUT_KIND] == SPAN
    u = 0.5 if certain else luck_of(luck, figures, number, run[REPLICATION], attempt)
    amount = shaped(luck, figures, recipe, u) * figures[luck[MINUTES] + made]
    amount = times(luck, figures, recipe + CONTENT_FACTORS, recipe + luck[LOSSES], amount)
    if attempt == 0:
        run[run[CONTENT] + number] = floor(amount + 0.5)
    amount = times(luck, figures, recipe + luck[LOSSES], recipe + luck[DELAYS], amount)
    for place in range(recipe + luck[DELAYS], recipe + luck[RECIPE]):
        if luck[place] < 0:
            break
        amount += figures[luck[DELAY_MINUTES] + luck[place]]
    if luck[recipe + INPUT_KIND] == SPAN:
        return floor(amount + 0.5)
    limit = 1.0 - amount if luck[recipe + INPUT_KIND] == OTHERWISE else amount
    return 1 if u < limit else 0
