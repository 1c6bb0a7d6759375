"""The same random numbers as `sim.world.draws`, to the bit: Philox4x64-10, one draw an address.

Integers of 64 bits wrap around here; the upper half of a product of 128 bits is an instruction of its own.
"""

from __future__ import annotations

import numpy as np

from sim.machine.jit import piece, upper

_MULTIPLIER = np.uint64(0xD2E7470EE14C6C93)
_OTHER = np.uint64(0xCA5A826395121157)
_WEYL = np.uint64(0x9E3779B97F4A7C15)
_OTHER_WEYL = np.uint64(0xBB67AE8584CAA73B)
_DROPPED = np.uint64(11)
_ZERO = np.uint64(0)
_STEP = 2.0**-53
_TOP = 1.0 - _STEP


@piece
def word(k0: np.uint64, k1: np.uint64, replication: np.uint64, attempt: np.uint64) -> np.uint64:
    """Return the first output word for the counter (replication, attempt, 0, 0)."""
    c0, c1, c2, c3 = replication, attempt, _ZERO, _ZERO
    for _ in range(10):
        high, low = upper(_MULTIPLIER, c0), _MULTIPLIER * c0
        c0, c1 = upper(_OTHER, c2) ^ c1 ^ k0, _OTHER * c2
        c2, c3 = high ^ c3 ^ k1, low
        k0, k1 = k0 + _WEYL, k1 + _OTHER_WEYL
    return c0


@piece
def uniform(k0: np.uint64, k1: np.uint64, replication: np.uint64, attempt: int) -> float:
    """Draw one number strictly between 0 and 1."""
    cell = np.int64(word(k0, k1, replication, np.uint64(attempt)) >> _DROPPED)
    return min((cell + 0.5) * _STEP, _TOP)
