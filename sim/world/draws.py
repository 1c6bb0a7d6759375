"""Luck: every random number has an address, and asking for it twice gives the same number.

A draw is addressed by (seed, name, replication, attempt) and by nothing else: not by who asks, in which
order, in which process or in how large a chunk. So the same unit has the same luck under every strategy, and
1,000 replications are the first 1,000 of 2,000.

The generator is Philox4x64-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3",
SC 2011): a keyed bijection of a 256-bit counter. The key is a digest of seed and name; the counter is
(replication, attempt, 0, 0); of the four words of output only the first is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

RNG_VERSION = 1
"""Goes into every manifest; changes whenever the same address would give another number."""

Key: TypeAlias = tuple[int, int]

_WORD = (1 << 64) - 1
_COUNTER = (1 << 256) - 1
_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS = 10
_STEP = 2.0**-53
_TOP = 1.0 - _STEP
"""The largest draw. Without it the last of the 2**53 cells would round up to 1.0, which has no quantile."""


def key(seed: int, name: str) -> Key:
    """Name a stream: two 64-bit words, the blake2b-128 digest of "seed/name" read little-endian."""
    digest = blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def uniforms(keys: Sequence[Key], first: int, count: int, attempt: int = 0) -> NDArray[np.float64]:
    """Draw many streams for a chunk of replications.

    Element [i, j] of the (len(keys), count) result is the draw of `keys[i]` in replication `first + j`,
    strictly between 0 and 1, with the same bits as `uniform(keys[i], first + j, attempt)`.
    """
    drawn = np.empty((len(keys), count))
    blocks = np.empty(4 * count)
    for row, generator in enumerate(_at(keys, first, attempt)):
        generator.random(out=blocks)  # (word >> 11) * 2**-53, four words a replication
        np.add(blocks[::4], _STEP / 2, out=drawn[row])
    return np.minimum(drawn, _TOP, out=drawn)


def uniform(key: Key, replication: int, attempt: int) -> float:
    """Draw one number, strictly between 0 and 1, for what is decided late: a repeated test."""
    return min(((word(key, replication, attempt) >> 11) + 0.5) * _STEP, _TOP)


def _at(keys: Sequence[Key], first: int, attempt: int) -> Iterator[np.random.Generator]:
    """Yield one generator, moved to the start of each stream in turn.

    Moving costs 2 microseconds, creating one 18. numpy steps its counter before the first output, so it is
    set to one less than the counter that is wanted.
    """
    bits = np.random.Philox(key=0)
    generator = np.random.Generator(bits)
    before = ((first | attempt << 64) - 1) & _COUNTER
    place: dict[str, Any] = {"counter": [before >> shift & _WORD for shift in (0, 64, 128, 192)]}
    state: Any = {"bit_generator": "Philox", "state": place, "has_uint32": 0, "uinteger": 0}
    state |= {"buffer": [0] * 4, "buffer_pos": 4}
    for stream in keys:
        place["key"] = stream
        bits.state = state
        yield generator


def word(key: Key, replication: int, attempt: int) -> int:
    """Return the first output word of Philox4x64-10 for (replication, attempt, 0, 0): the raw draw."""
    return philox((replication, attempt, 0, 0), key)[0]


def philox(counter: tuple[int, int, int, int], key: Key) -> tuple[int, int, int, int]:
    """Return the four output words of Philox4x64-10 for a counter and a key of 64-bit words."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        a, b = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = b >> 64 ^ c1 ^ k0, b & _WORD, a >> 64 ^ c3 ^ k1, a & _WORD
        k0, k1 = k0 + _WEYL[0] & _WORD, k1 + _WEYL[1] & _WORD
    return c0, c1, c2, c3
