"""The same random numbers as `sim.world.draws`, to the bit: Philox4x64-10, one draw an address.

Integers of 64 bits wrap around here, so the 128-bit products are put together from halves of 32 bits.
"""

from __future__ import annotations

import numpy as np

from sim.engine.compiled.jit import part

_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_MULTIPLIER = np.uint64(0xD2E7470EE14C6C93)
_OTHER = np.uint64(0xCA5A826395121157)
_WEYL = np.uint64(0x9E3779B97F4A7C15)
_OTHER_WEYL = np.uint64(0xBB67AE8584CAA73B)
_DROPPED = np.uint64(11)
_ZERO = np.uint64(0)
_STEP = 2.0**-53
_TOP = 1.0 - _STEP


@part
def upper(a: np.uint64, b: np.uint64) -> np.uint64:
    """Return the upper 64 bits of a product of 128."""
    a_low, a_high, b_low, b_high = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    middle = a_high * b_low + (a_low * b_low >> _HALF)
    cross = a_low * b_high + (middle & _LOW)
    return a_high * b_high + (middle >> _HALF) + (cross >> _HALF)


@part
def word(k0: np.uint64, k1: np.uint64, replication: np.uint64, attempt: np.uint64) -> np.uint64:
    """Return the first output word for the counter (replication, attempt, 0, 0)."""
    c0, c1, c2, c3 = replication, attempt, _ZERO, _ZERO
    for _ in range(10):
        high, low = upper(_MULTIPLIER, c0), _MULTIPLIER * c0
        c0, c1 = upper(_OTHER, c2) ^ c1 ^ k0, _OTHER * c2
        c2, c3 = high ^ c3 ^ k1, low
        k0, k1 = k0 + _WEYL, k1 + _OTHER_WEYL
    return c0


@part
def uniform(k0: np.uint64, k1: np.uint64, replication: np.uint64, attempt: int) -> float:
    """Draw one number strictly between 0 and 1."""
    cell = np.int64(word(k0, k1, replication, np.uint64(attempt)) >> _DROPPED)
    return min((cell + 0.5) * _STEP, _TOP)
