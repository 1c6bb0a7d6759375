"""Philox4x64-10 for kernels: the random numbers of `sim.world.randomness.streams`, equal to the bit.

Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A block of four words is a keyed
bijection of a counter of four words, so a draw is computed where it is needed and no state is carried along.
"""

from __future__ import annotations

import numpy as np

from sim.jit.toolkit import inline, jit, multiply_high

_MULTIPLIER = np.uint64(0xD2E7470EE14C6C93)
_OTHER_MULTIPLIER = np.uint64(0xCA5A826395121157)
_WEYL = np.uint64(0x9E3779B97F4A7C15)
_OTHER_WEYL = np.uint64(0xBB67AE8584CAA73B)
_DROPPED = np.uint64(11)
"""A float has 53 bits of the 64."""
_ZERO = np.uint64(0)
_STEP = 2.0**-53
_TOP = 1.0 - _STEP
"""The largest draw: the last of the 2**53 cells would round up to 1.0, which has no quantile."""

Block = tuple[np.uint64, np.uint64, np.uint64, np.uint64]


@inline
def block(k0: np.uint64, k1: np.uint64, c0: np.uint64, c1: np.uint64, c2: np.uint64) -> Block:
    """Return the four words for a key and the counter (c0, c1, c2, 0)."""
    c3 = _ZERO
    for _ in range(10):
        # Python's integers have no 64-bit overflow, numba's do: the low half of a product is just the product
        high, low = multiply_high(_MULTIPLIER, c0), _MULTIPLIER * c0
        c0, c1 = multiply_high(_OTHER_MULTIPLIER, c2) ^ c1 ^ k0, _OTHER_MULTIPLIER * c2
        c2, c3 = high ^ c3 ^ k1, low
        # after the round, not before: the key of the first round is the key itself
        k0, k1 = k0 + _WEYL, k1 + _OTHER_WEYL
    return c0, c1, c2, c3


@jit
def to_unit(word: np.uint64) -> float:
    """Return the middle of the cell of (0, 1) that a word names, strictly between the two."""
    # by half a cell, so that 0 cannot come up: quantiles at 0 and 1 may be infinite
    return min((np.int64(word >> _DROPPED) + 0.5) * _STEP, _TOP)
