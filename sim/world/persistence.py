"""Weather remembers: a wet day follows a wet day, a windy afternoon a windy noon.

Both memories are finite, so that a day's weather is found from the luck of the days before it without going
back to the beginning of time, and to the same bits wherever a series begins.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MEMORY = 31
"""Steps before the first one known that `remembered` needs: 1 + 1 + 2 + 4 + 8 + 16 terms."""

_DOUBLINGS = (1, 2, 4, 8, 16)


def wet_days(luck: Floats, p01: Floats, p10: Floats) -> NDArray[np.bool_]:
    """Run the two-state chain of wet and dry days: p01 from dry to wet, p10 from wet to dry, day by day.

    Wet spells are geometric with mean 1/p10; the share of wet days is p01/(p01 + p10) (Gabriel and Neumann 1962,
    Richardson 1981). The same draw decides from either state: below p01 it is wet anyway, above 1 − p10 dry
    anyway, between them as yesterday. So the chain forgets where it began at the first draw outside, and needs
    no loop. Weather persists: p01 + p10 ≤ 1. Before the first such draw it is dry.
    """
    decided = (luck < p01) | (luck >= 1 - p10)
    since = np.maximum.accumulate(np.where(decided, np.arange(len(luck)), 0))
    wet: NDArray[np.bool_] = (luck < p01)[since]
    return wet


def remembered(noise: Floats, correlation: float) -> Floats:
    """Give independent normal numbers a memory: correlation ** steps between two of them, over 31 steps.

    The sum of the last 32 numbers with weights 1, r, r², …, brought back to variance 1: a first-order
    autoregression cut off where r³² is nothing. Five additions instead of 32: (1 + r)(1 + r²)(1 + r⁴)….
    The first MEMORY numbers are used up.
    """
    weights, norm = memory(correlation)
    for shift, weight in zip(_DOUBLINGS, weights, strict=True):
        noise = noise[shift:] + weight * noise[:-shift]
    return noise / norm


def memory(correlation: float) -> tuple[tuple[float, ...], float]:
    """Return the weight of each doubling in `remembered`, and what brings the sum back to variance 1."""
    norm = sqrt(sum(correlation ** (2 * step) for step in range(MEMORY + 1)))
    return tuple(correlation**shift for shift in _DOUBLINGS), norm


def between(knots: Floats, correlation: float, late: float) -> Floats:
    """Return what lies a share `late` of the way from each knot to the next, of variance 1 like the knots."""
    before, after = shares(correlation, late)
    return knots[:-1] * before + knots[1:] * after


def shares(correlation: float, late: float) -> tuple[float, float]:
    """Return the weights of two knots a share `late` of the way between them; `correlation` is that of the two."""
    spread = sqrt((1 - late) ** 2 + late**2 + 2 * late * (1 - late) * correlation)
    return (1 - late) / spread, late / spread
