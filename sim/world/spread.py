"""Luck spread evenly over a randomisation: a Latin hypercube, or scrambled Sobol points.

Both are made from the same named draws as plain luck (`sim.world.draws`) and not by a library's random generator:
so a draw still belongs to (seed, name, replication), whatever the chunk, the worker or the version of a library.
Of scipy only the Sobol sequence itself is taken, a published table (Joe and Kuo 2008) without any luck in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sim.world.draws import Key, uniforms
from sim.world.sampling import WrongSampling

FloatArray = NDArray[np.float64]
Words = NDArray[np.uint64]

PLACE, SCRAMBLE = 1 << 63, (1 << 63) + 1
"""Attempts that nobody will ever make: the addresses of the place in a slice, and of the scrambling."""
MOST_SOBOL = 21_201
"""Dimensions for which Joe and Kuo give numbers."""
_BITS = 53
_STEP = 2.0**-_BITS
_TOP = 1.0 - _STEP
_ROWS = 1 << 20  # draws ranked at a time


def ranks(keys: Sequence[Key], block: int, size: int) -> NDArray[np.uint16]:
    """Return which slice each replication of a randomisation has of each input, shape (len(keys), size).

    It is the rank of the replication's plain draw among those of the randomisation: a random order, and one that
    leaves each replication close to the luck it would have had.
    """
    ranked = np.empty((len(keys), size), np.uint16)
    rows = max(1, _ROWS // size)
    for begin in range(0, len(keys), rows):
        order = np.argsort(uniforms(keys[begin : begin + rows], block * size, size), axis=1, kind="stable")
        np.put_along_axis(ranked[begin : begin + rows], order, np.arange(size, dtype=np.uint16)[None, :], axis=1)
    return ranked


def latin(ranked: NDArray[np.uint16], keys: Sequence[Key], first: int, count: int) -> FloatArray:
    """Return draws of a Latin hypercube for replications inside one randomisation, shape (len(keys), count)."""
    size = ranked.shape[1]
    slices = ranked[:, first % size : first % size + count]
    drawn: FloatArray = (slices + uniforms(keys, first, count, PLACE)) / size
    np.minimum(drawn, _TOP, out=drawn)
    return drawn


def within(ends: FloatArray, drawn: FloatArray) -> FloatArray:
    """Return where in its case each draw lies, strictly between 0 and 1; the cases of a draw end at `ends`.

    Given the case it is as uniform as the draw was, so it decides what only matters in that case: both are then
    spread evenly by one number.
    """
    case = np.searchsorted(ends[:-1], drawn, side="right")
    begins = np.concatenate([[0.0], ends[:-1]])
    widths = np.append(ends[:-1], 1.0) - begins
    place: FloatArray = np.clip((drawn - begins[case]) / widths[case], _STEP / 2, _TOP)
    return place


@lru_cache(maxsize=4)
def directions(dimensions: int, digits: int) -> Words:
    """Return Sobol's direction numbers, shape (dimensions, digits): binary fractions of that many digits."""
    from scipy.stats import qmc

    if dimensions > MOST_SOBOL:
        raise WrongSampling(
            f"--sampling sobol-all: {dimensions:,} inputs, and Sobol points have at most {MOST_SOBOL:,} dimensions; "
            "use sobol (what is shared by Sobol points, the rest by Latin hypercube) or lhs"
        )
    points = qmc.Sobol(dimensions, scramble=False).random_base2(digits)
    # in the order of the Gray code, point 2^(k+1) - 1 is the k-th direction number alone
    alone = points[(1 << np.arange(1, digits + 1)) - 1].T
    numbers: Words = (alone * 2.0**digits).astype(np.uint64)
    return numbers


def scrambled(numbers: Words, keys: Sequence[Key], block: int) -> Words:
    """Return one randomisation's shift and then its direction numbers, shape (dimensions, 1 + digits).

    Matoušek's random linear scramble with a digital shift (J. Complexity 14, 1998): every digit is mixed with
    those above it at random, and all digits are flipped at random, down to the 53rd.
    """
    digits = numbers.shape[1]
    first = block * (_BITS + 1)
    random = (uniforms(keys, first, digits + 1, SCRAMBLE) * 2.0**_BITS).astype(np.uint64)
    mixed = np.zeros((len(keys), 1 + digits), np.uint64)
    mixed[:, 0] = random[:, 0]
    for digit in range(digits):
        own = np.uint64(1 << (_BITS - 1 - digit))
        column = own | (random[:, 1 + digit] & (own - np.uint64(1)))
        there = numbers >> np.uint64(digits - 1 - digit) & np.uint64(1)
        mixed[:, 1:] ^= there * column[:, None]
    return mixed


def sobol(mixed: Words, first: int, count: int) -> FloatArray:
    """Return points first … first + count − 1 of a scrambled sequence, shape (dimensions, count)."""
    places = np.arange(first, first + count, dtype=np.uint64)
    points = np.repeat(mixed[:, :1], count, axis=1)
    for k, direction in enumerate(mixed[:, 1:].T):
        points ^= direction[:, None] * (places >> np.uint64(k) & np.uint64(1))
    drawn: FloatArray = np.minimum((points + 0.5) * _STEP, _TOP)
    return drawn
