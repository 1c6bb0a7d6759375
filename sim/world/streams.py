"""Random streams addressed by name, and the sampling methods: plain Monte Carlo, Latin hypercube, scrambled Sobol points.

A draw is addressed by (seed, name, replication, attempt) and by nothing else: not by the caller, the order, the
process or the size of a chunk. So a unit has common random numbers under every strategy, and
1,000 replications are the first 1,000 of 2,000. The generator is Philox4x64-10 (Salmon, Moraes, Dror, Shaw: "Parallel
random numbers: as easy as 1, 2, 3", SC 2011): a keyed bijection of a 256-bit counter. The key is a digest of seed and
name; the counter is (replication, attempt, 0, 0); of the four words of output only the first is used.

Plain draws leave gaps and clumps. Stratified over a group of replications, each input falls once into each of as many
equal slices of (0, 1), and estimates scatter less. How much less can only be seen from several groups that were
randomised independently: the randomisations. Randomisation b is replications b·size … (b+1)·size − 1. A study that
goes on adds randomisations of the same size, so its first 1,000 replications stay what they were; another size is
another sample: here 1,000 runs are not the first 1,000 of 2,000.

Latin hypercube and Sobol points are made from the same named draws, not by a library's generator. Of scipy only the
unscrambled Sobol sequence is taken, a published table (Joe and Kuo 2008) without any randomness in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from math import ceil
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimError
from sim.jit import loaded

# --- named streams ----------------------------------------------------------------------------------------------------


RNG_VERSION = 1
"""Goes into every manifest; changes whenever the same address would give another number."""

Key: TypeAlias = tuple[int, int]
Keys: TypeAlias = Sequence[Key] | NDArray[np.uint64]
"""Keys of several streams; as an array of shape (streams, 2)."""

_WORD = (1 << 64) - 1
_COUNTER = (1 << 256) - 1
_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS = 10
_STEP = 2.0**-53
_TOP = 1.0 - _STEP
"""The largest draw. Without it the last of the 2**53 cells would round up to 1.0, which has no quantile."""


def stream_key(seed: int, name: str) -> Key:
    """Return the key of a stream: two 64-bit words, the blake2b-128 digest of "seed/name" read little-endian."""
    digest = _digest(seed, name)
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


@lru_cache(maxsize=8)
def stream_keys(seed: int, names: tuple[str, ...]) -> NDArray[np.uint64]:
    """Return the keys of streams, shape (names, 2); cached, as plans that differ only in probabilities share them."""
    digests = b"".join([_digest(seed, name) for name in names])
    return np.frombuffer(digests, "<u8").astype(np.uint64).reshape(-1, 2)


def _digest(seed: int, name: str) -> bytes:
    """Return the 16 bytes of a stream's key."""
    return blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()


def uniforms(keys: Keys, first: int, count: int, attempt: int = 0) -> NDArray[np.float64]:
    """Return the draws of many streams for a chunk of replications, shape (len(keys), count).

    Element [i, j] is the draw of `keys[i]` in replication `first + j`, strictly between 0 and 1, with the same
    bits as `uniform(keys[i], first + j, attempt)`.
    """
    values = np.empty((len(keys), count))
    # one counter yields four words; only the first is used, so that a draw does not depend on the size of the chunk
    blocks = np.empty(4 * count)
    for row, generator in enumerate(_generators_at(keys, first, attempt)):
        generator.random(out=blocks)  # (word >> 11) * 2**-53, four words a replication
        np.add(blocks[::4], _STEP / 2, out=values[row])
    return np.minimum(values, _TOP, out=values)


def quick_uniforms(keys: Keys, first: int, count: int, attempt: int = 0) -> NDArray[np.float64]:
    """Return the same as `uniforms`, compiled where numba is loaded: for designs, which both engines take from one source.

    Plain draws of the reference engine are numpy's, so that comparing engines compares generators, too.
    """
    if not loaded():
        return uniforms(keys, first, count, attempt)
    from sim.world.kernels import draw_streams

    values = np.empty((len(keys), count))
    draw_streams(np.asarray(keys, np.uint64).ravel(), first, count, np.uint64(attempt), values.reshape(-1))
    return values


def uniform(key: Key, replication: int, attempt: int) -> float:
    """Return one draw, strictly between 0 and 1, as for a repeated attempt, which is drawn during the run."""
    return min(((word(key, replication, attempt) >> 11) + 0.5) * _STEP, _TOP)


def _generators_at(keys: Keys, first: int, attempt: int) -> Iterator[np.random.Generator]:
    """Yield one generator, moved in turn to the counter (`first` replication, `attempt` of a draw) of each key's stream.

    Moving costs 2 microseconds, creating one 18. numpy steps its counter before the first output, so it is
    set to one less.
    """
    bit_generator = np.random.Philox(key=0)
    generator = np.random.Generator(bit_generator)
    counter = ((first | attempt << 64) - 1) & _COUNTER
    philox_state: dict[str, Any] = {"counter": [counter >> shift & _WORD for shift in (0, 64, 128, 192)]}
    state: Any = {"bit_generator": "Philox", "state": philox_state, "has_uint32": 0, "uinteger": 0}
    state |= {"buffer": [0] * 4, "buffer_pos": 4}
    for key in keys:
        philox_state["key"] = key
        bit_generator.state = state
        yield generator


def word(key: Key, replication: int, attempt: int) -> int:
    """Return the first output word of Philox4x64-10 for (replication, attempt, 0, 0): the raw draw."""
    return philox((replication, attempt, 0, 0), key)[0]


def philox(counter: tuple[int, int, int, int], key: Key) -> tuple[int, int, int, int]:
    """Return the four output words of Philox4x64-10 for a counter and a key of 64-bit words."""
    # Python's integers do not overflow, so every product is masked back to 64 bits
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        a, b = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = b >> 64 ^ c1 ^ k0, b & _WORD, a >> 64 ^ c3 ^ k1, a & _WORD
        k0, k1 = k0 + _WEYL[0] & _WORD, k1 + _WEYL[1] & _WORD
    return c0, c1, c2, c3


# --- sampling methods -------------------------------------------------------------------------------------------------


Method: TypeAlias = Literal["mc", "lhs", "sobol", "sobol-all"]
METHODS: tuple[Method, ...] = get_args(Method)
RANDOMISATIONS = 8
"""The fewest from whose scatter an interval can be computed; a t-interval has one degree of freedom less."""
MAX_POINTS = 1024
"""Replications of one randomisation at most: what a process caches of it stays small. More runs are more of them."""
MIN_POINTS = 16
"""Fewer leave a P80 to the fourth largest of a randomisation."""
_NAMES = {
    "mc": "plain Monte Carlo",
    "lhs": "Latin hypercube",
    "sobol": "scrambled Sobol points for what is shared, Latin hypercube for the rest",
    "sobol-all": "scrambled Sobol points",
}


class WrongSampling(SimError):
    """A sampling method that does not exist or does not fit the project."""

    exit_code = 2


@dataclass(frozen=True)
class Sampling:
    """A method, and how many replications make one randomisation of it (1 for plain Monte Carlo)."""

    method: Method = "mc"
    size: int = 1

    @property
    def is_plain(self) -> bool:
        """Return whether it is plain Monte Carlo: every replication is drawn independently."""
        return self.method == "mc"

    def fit(self, runs: int) -> int:
        """Return the smallest number of replications, at least `runs`, that is enough whole randomisations."""
        return runs if self.is_plain else self.size * max(RANDOMISATIONS, ceil(runs / self.size))

    def describe(self, runs: int) -> str:
        """Return the method as text, with its randomisations of so many runs."""
        name = _NAMES[self.method]
        return name if self.is_plain else f"{name} ({runs // self.size} randomisations of {self.size:,})"

    def document(self) -> dict[str, Any]:
        """Return the sampling as it is stored in a manifest."""
        return {"method": self.method, "size": self.size}

    @classmethod
    def read(cls, document: dict[str, Any]) -> Sampling:
        """Return the sampling that is stored in a manifest."""
        return cls(_known(document["method"]), int(document["size"]))


PLAIN_MONTE_CARLO = Sampling()


def choose_sampling(method: str, runs: int) -> Sampling:
    """Return a sampling by a method for about `runs` replications; WrongSampling lists the methods.

    It has eight randomisations, or more where they would be too large; Sobol points are balanced in powers of two only.
    """
    name = _known(method)
    if name == "mc":
        return PLAIN_MONTE_CARLO
    # more runs than 8 x 1024 become more randomisations, which makes the t-interval narrower
    size = min(max(ceil(runs / RANDOMISATIONS), MIN_POINTS), MAX_POINTS)
    return Sampling(name, size if name == "lhs" else 1 << (size - 1).bit_length())


def _known(method: str) -> Method:
    if method not in METHODS:
        raise WrongSampling(f"--sampling {method}: there are {', '.join(METHODS)}")
    return method


# --- Latin hypercube and scrambled Sobol points -----------------------------------------------------------------------


FloatArray = NDArray[np.float64]
Words = NDArray[np.uint64]

PLACE, SCRAMBLE = 1 << 63, (1 << 63) + 1
"""Attempt numbers beyond any real one: addresses of the draws of the position within a slice, and of the scrambling."""
MAX_SOBOL_DIMENSIONS = 21_201
"""Dimensions for which Joe and Kuo give numbers."""
_BITS = 53
_SPREAD_STEP = 2.0**-_BITS
_TOP = 1.0 - _SPREAD_STEP
_ROWS = 1 << 20  # draws ranked at a time


def ranks(keys: Keys, randomisation: int, size: int) -> NDArray[np.uint16]:
    """Return the slice of (0, 1) of each input in each replication of a randomisation, shape (len(keys), size).

    It is the rank of the replication's plain draw among those of the randomisation: a random order, and one that
    leaves each replication close to its plain draws.
    """
    # 16 bits hold 1,024 ranks: with 60,000 inputs this array is what a process caches
    rank_of_draw = np.empty((len(keys), size), np.uint16)
    rows = max(1, _ROWS // size)
    for begin in range(0, len(keys), rows):
        plain_draws = quick_uniforms(keys[begin : begin + rows], randomisation * size, size)
        order = np.argsort(plain_draws, axis=1, kind="stable")
        np.put_along_axis(rank_of_draw[begin : begin + rows], order, np.arange(size, dtype=np.uint16)[None, :], axis=1)
    return rank_of_draw


def latin_hypercube(ranks_of_draws: NDArray[np.uint16], keys: Keys, first: int, count: int) -> FloatArray:
    """Return draws of a Latin hypercube for replications inside one randomisation, shape (len(keys), count).

    `ranks_of_draws` are the ranks of all its replications, `first` the number of the first one in the study.
    """
    size = ranks_of_draws.shape[1]
    # each slice of (0, 1) is used once in a randomisation; within its slice a draw is uniform
    slices = ranks_of_draws[:, first % size : first % size + count]
    uniforms_drawn: FloatArray = (slices + quick_uniforms(keys, first, count, PLACE)) / size
    np.minimum(uniforms_drawn, _TOP, out=uniforms_drawn)
    return uniforms_drawn


def rescaled_in_case(case_ends: FloatArray, uniforms_drawn: FloatArray) -> FloatArray:
    """Return the position of each draw within its case, strictly between 0 and 1; the cases of a draw end at `case_ends`.

    Given the case, the position is as uniform as the draw was, so it can draw what matters only in that case: both
    are then spread evenly by one number.
    """
    # the last end may round to less than 1: the last case reaches to 1
    case = np.searchsorted(case_ends[:-1], uniforms_drawn, side="right")
    case_begins = np.concatenate([[0.0], case_ends[:-1]])
    case_widths = np.append(case_ends[:-1], 1.0) - case_begins
    position: FloatArray = np.clip((uniforms_drawn - case_begins[case]) / case_widths[case], _SPREAD_STEP / 2, _TOP)
    return position


@dataclass(frozen=True)
class CommonUniforms:
    """Uniforms of the common factors and delays of replications only; every other input is drawn plainly."""

    draws: Callable[[Sequence[str], int, int], FloatArray]

    def __call__(self, names: Sequence[str], first: int, count: int) -> FloatArray:
        """Return the draws of factors and delays by name, shape (names, count)."""
        return self.draws(names, first, count)


@lru_cache(maxsize=4)
def direction_numbers(dimensions: int, digits: int) -> Words:
    """Return Sobol's direction numbers, shape (dimensions, digits): binary fractions of that many digits.

    They are those of Joe and Kuo (SIAM J. Sci. Comput. 30, 2008), from the table of primitive polynomials and first numbers
    in scipy. `scipy.stats.qmc` computes the same, but loading it takes half a second.
    """
    import scipy

    if dimensions > MAX_SOBOL_DIMENSIONS:
        raise WrongSampling(
            f"--sampling sobol-all: {dimensions:,} inputs, and Sobol points have at most {MAX_SOBOL_DIMENSIONS:,} "
            "dimensions; use sobol (what is shared by Sobol points, the rest by Latin hypercube) or lhs"
        )
    try:
        with np.load(Path(scipy.__file__).parent / "stats" / "_sobol_direction_numbers.npz") as table:
            polynomial, first = table["poly"][:dimensions], table["vinit"][:dimensions]
    except OSError:  # a scipy that keeps it elsewhere
        return directions_by_scipy(dimensions, digits)
    # the degree of a polynomial over {0, 1} is the position of its highest digit
    degrees = np.frexp(polynomial.astype(np.float64))[1] - 1
    odd_numbers = np.ones((dimensions, digits), np.uint64)
    for digit in range(digits):
        in_table = digit < degrees
        odd_numbers[in_table, digit] = first[in_table, min(digit, first.shape[1] - 1)]
        # Bratley and Fox (ACM TOMS 14, 1988), algorithm 659: each one from the `degree` numbers before it
        for degree in np.unique(degrees[~in_table & (degrees > 0)]).tolist():
            rows = np.flatnonzero(degrees == degree)
            number = odd_numbers[rows, digit - degree]
            for steps_back in range(degree):
                coefficient = (polynomial[rows] >> (degree - 1 - steps_back) & 1).astype(np.uint64)
                number ^= coefficient * (odd_numbers[rows, digit - steps_back - 1] << np.uint64(steps_back + 1))
            odd_numbers[rows, digit] = number
    return odd_numbers << np.arange(digits - 1, -1, -1, dtype=np.uint64)


def directions_by_scipy(dimensions: int, digits: int) -> Words:
    """Return the same direction numbers from scipy's Sobol points: the reference."""
    from scipy.stats import qmc

    points = qmc.Sobol(dimensions, scramble=False).random_base2(digits)
    # in the order of the Gray code, point 2^(k+1) - 1 is the k-th direction number alone
    alone = points[(1 << np.arange(1, digits + 1)) - 1].T
    numbers: Words = (alone * 2.0**digits).astype(np.uint64)
    return numbers


def scrambled_directions(numbers: Words, keys: Keys, randomisation: int) -> Words:
    """Return one randomisation's digital shift, and then its direction numbers, shape (dimensions, 1 + digits).

    Matoušek's random linear scramble with a digital shift (J. Complexity 14, 1998): every digit is mixed with
    those above it at random, and all digits are flipped at random, down to the 53rd.
    """
    digits = numbers.shape[1]
    first = randomisation * (_BITS + 1)
    random = (quick_uniforms(keys, first, digits + 1, SCRAMBLE) * 2.0**_BITS).astype(np.uint64)
    scrambled = np.zeros((len(keys), 1 + digits), np.uint64)
    scrambled[:, 0] = random[:, 0]
    for digit in range(digits):
        # 1 on the diagonal keeps the matrix invertible, so no two points fall together
        diagonal = np.uint64(1 << (_BITS - 1 - digit))
        column = diagonal | (random[:, 1 + digit] & (diagonal - np.uint64(1)))
        bits = numbers >> np.uint64(digits - 1 - digit) & np.uint64(1)
        scrambled[:, 1:] ^= bits * column[:, None]
    return scrambled


def sobol_points(scrambled: Words, first: int, count: int) -> FloatArray:
    """Return points first … first + count − 1 of a scrambled Sobol sequence, shape (dimensions, count).

    `scrambled` are the shift and directions as of `scrambled_directions`.
    """
    numbers = np.arange(first, first + count, dtype=np.uint64)
    points = np.repeat(scrambled[:, :1], count, axis=1)
    # the binary digits of the point's number choose which directions are added, modulo 2
    for digit, direction in enumerate(scrambled[:, 1:].T):
        points ^= direction[:, None] * (numbers >> np.uint64(digit) & np.uint64(1))
    uniforms_drawn: FloatArray = np.minimum((points + 0.5) * _SPREAD_STEP, _TOP)
    return uniforms_drawn
