"""The luck of the sky, and the days it chooses: twin of `weather_luck` and of `persistence.wet_days`.

Series are drawn in whole blocks of four numbers, end to end, with counter (block, 0, replication, 0).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.machine.jit import figures_of, numbers_of, part, upper, whole_of

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]
WET, DRY, STORM, CHANCES = range(4)
"""Of a month: below which number a day is wet, from which it is dry, below which a storm season begins."""
MULTIPLIER = np.uint64(0xD2E7470EE14C6C93)
OTHER = np.uint64(0xCA5A826395121157)
WEYL = np.uint64(0x9E3779B97F4A7C15)
OTHER_WEYL = np.uint64(0xBB67AE8584CAA73B)
DROPPED = np.uint64(11)
ZERO = np.uint64(0)
STEP = 2.0**-53
HALF_STEP = 2.0**-54
TOP = 1.0 - STEP

_at: Any = numbers_of
_figures: Any = figures_of


@whole_of("u8[::1], i8, i8[::1], f8[::1]")
def draw(keys: Words, replication: int, blocks: Ints, luck: Floats) -> None:
    """Draw series after series into `luck`; of each are given two words of its key, its first block, their count."""
    into, at = _figures(luck), 0
    for series in range(len(blocks) // 2):
        first = blocks[2 * series]
        for block in range(first, first + blocks[2 * series + 1]):
            c0, c1, c2, c3 = np.uint64(block), ZERO, np.uint64(replication), ZERO
            k0, k1 = keys[2 * series], keys[2 * series + 1]
            for _ in range(10):
                high, low = upper(MULTIPLIER, c0), MULTIPLIER * c0
                c0, c1 = upper(OTHER, c2) ^ c1 ^ k0, OTHER * c2
                c2, c3 = high ^ c3 ^ k1, low
                k0, k1 = k0 + WEYL, k1 + OTHER_WEYL
            into[at], into[at + 1] = _number(c0), _number(c1)
            into[at + 2], into[at + 3] = _number(c2), _number(c3)
            at += 4


@part
def _number(word: Any) -> float:
    """Make a number between 0 and 1 of a word."""
    return min(np.int64(word >> DROPPED) * STEP + HALF_STEP, TOP)


@whole_of("i8[::1], f8[::1], f8[::1], f8[::1], i8[::1], f8[::1]")
def choose(
    month_: Ints, chances_: Floats, rain_: Floats, storms_: Floats, days_: Ints, luck_: Floats
) -> tuple[int, int]:
    """Put down the wet days, then those on which a storm season begins; return how many are wet, and how many all.

    `rain` has four numbers a day, `storms` two. With each wet day go the numbers of its length and of its hour, with
    a season that of its length: two numbers in `luck` for each.
    """
    month, chances, rain, storms = _at(month_), _figures(chances_), _figures(rain_), _figures(storms_)
    days, luck = _at(days_), _figures(luck_)
    wet, count = False, 0
    for day in range(len(month_)):
        its, decides = CHANCES * month[day], rain[4 * day]
        if decides < chances[its + WET]:
            wet = True
        elif decides >= chances[its + DRY]:
            wet = False
        if wet:
            days[count], luck[2 * count], luck[2 * count + 1] = day, rain[4 * day + 1], rain[4 * day + 2]
            count += 1
    both = count
    for day in range(len(month_)):
        if storms[2 * day] < chances[CHANCES * month[day] + STORM]:
            days[both], luck[2 * both], luck[2 * both + 1] = day, storms[2 * day + 1], 0.0
            both += 1
    return count, both
