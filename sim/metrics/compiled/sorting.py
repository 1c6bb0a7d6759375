"""Sorting by date, digit by digit: twin of `sim.metrics.sorting`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.engine.compiled.jit import part, whole

Ints = NDArray[np.int64]
DIGIT = 11
"""Bits that are sorted by at once."""
DIGITS = 1 << DIGIT


@whole
def places(minute: Ints) -> Ints:
    """Return places in the order of their minutes, equal ones as they were. No minute may be negative."""
    return by_digits(minute, np.arange(len(minute)))


@part
def by_digits(key: Ints, order: Ints) -> Ints:
    """Return places in the order of their keys, those with equal keys in the given order."""
    most = np.int64(0)
    for place in order:
        most = max(most, key[place])
    other, shift = np.empty(len(order), np.int64), 0
    while most >> shift > 0:
        begin = np.zeros(DIGITS + 1, np.int64)
        for place in order:
            begin[(key[place] >> shift & DIGITS - 1) + 1] += 1
        for digit in range(DIGITS):
            begin[digit + 1] += begin[digit]
        for place in order:
            digit = key[place] >> shift & DIGITS - 1
            other[begin[digit]] = place
            begin[digit] += 1
        order, other = other, order
        shift += DIGIT
    return order
