"""Quantile tables: the inverse CDF of every distribution tabulated in advance, so that a sample costs a look-up.

A plan of 17,000 inputs is sampled for every replication, and an inverse beta is far too slow for that. The
tables are also how two engines get the same digits: the same few operations in the same order, whether numpy,
Python or compiled code does them.

A table has two halves of SIDE knots, one for u <= 1/2 and one for u > 1/2, each by the distance t to the
nearer end (u or 1 - u). A half is the quantile at t = 0, then OCTAVES octaves [2**-21, 2**-20) ... [1/4, 1/2)
of CELLS equal cells, then t = 1/2: cells get finer towards both ends, where quantiles bend most. A draw is

    t = m * 2**e with m in [1/2, 1)     (frexp)
    x = (m - 1/2) * 2 * CELLS,  knot = 1 + (e + OCTAVES) * CELLS + floor(x),  f = x - floor(x)
    or, nearer to the end than 2**-21:  knot = 0,  f = t * 2**21

(all exact) and its value low + f * (next - low) with low = half[knot], next = half[knot + 1]. An infinite end
is cut at the last finite knot: a lognormal stops at its quantile 1 - 2**-21, one draw in two million.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import frexp

import numpy as np
from numpy.typing import NDArray

from sim.world.distributions import Discrete, Distribution, Fixed, Floats

FIXED, DISCRETE, TABLE = 0, 1, 2
"""Kinds of compiled data: one value; n values, then their n cumulative weights; quantiles."""

OCTAVES, CELLS = 20, 32
SIDE = OCTAVES * CELLS + 2
"""Knots of one half of a table."""

_SCALE = 2.0 * CELLS
_FIRST = OCTAVES * CELLS + 1
_DEEP = 2.0 ** (OCTAVES + 1)
_BLOCK = 8192  # draws looked up at a time: what a processor's nearest memory holds


@dataclass(frozen=True, slots=True)
class Tables:
    """Many compiled distributions in flat arrays; equal distributions share their data.

    Distribution d has `length[d]` numbers from `data[start[d]]` on, to be read as `kind[d]` says.
    """

    kind: NDArray[np.int8]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    data: Floats

    def of(self, distribution: int) -> Floats:
        """Return the data of one distribution, by its number."""
        begin = self.start[distribution]
        return self.data[begin : begin + self.length[distribution]]

    def and_those_of(self, distributions: Sequence[Distribution]) -> Tables:
        """Return these tables, and those of other distributions behind them."""
        other = compile_all(distributions)
        return Tables(
            np.concatenate([self.kind, other.kind]),
            np.concatenate([self.start, other.start + len(self.data)]),
            np.concatenate([self.length, other.length]),
            np.concatenate([self.data, other.data]),
        )


def kind(dist: Distribution) -> int:
    """Return FIXED, DISCRETE or TABLE."""
    return FIXED if isinstance(dist, Fixed) else DISCRETE if isinstance(dist, Discrete) else TABLE


@lru_cache(maxsize=1024)
def table(dist: Distribution) -> Floats:
    """Return the data of a distribution, laid out by its kind; cached, as a plan is compiled several times."""
    if isinstance(dist, Fixed):
        return np.array([dist.value], dtype=np.float64)
    if isinstance(dist, Discrete):
        return np.concatenate([np.asarray(dist.values), dist.cumulative()])
    # both halves are kept by their distance from the nearer end, so that the tails are as fine as the middle
    distances = _distances()
    lower, upper = dist.ppf(distances), dist.ppf(1.0 - distances)
    if not np.isfinite(upper[0]):
        # an infinite quantile cannot be interpolated: beyond the last knot the quantile of that knot is used
        upper[0] = upper[1]
    return np.concatenate([lower, upper])


def _distances() -> Floats:
    """Return the SIDE distances from an end of (0, 1) at which quantiles are tabulated, from 0 to 1/2."""
    octave = 1.0 + np.arange(CELLS) / CELLS
    # as floats are spaced: each halving of the distance has the same number of knots, found by its exponent
    starts = 2.0 ** np.arange(-OCTAVES - 1, -1)
    return np.concatenate([[0.0], np.outer(starts, octave).ravel(), [0.5]])


def compile_all(distributions: Sequence[Distribution]) -> Tables:
    """Return the tables of many distributions, in their order; equal ones are tabulated once."""
    different: dict[Distribution, int] = {}
    index = [different.setdefault(distribution, len(different)) for distribution in distributions]
    parts = [table(distribution) for distribution in different]
    lengths = np.array([len(part) for part in parts], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    kinds = np.array([kind(distribution) for distribution in different], dtype=np.int8)
    data = np.concatenate(parts) if parts else np.empty(0)
    return Tables(kinds[index], starts[index], lengths[index], data)


def sample(tables: Tables, index: NDArray[np.integer], u: Floats) -> Floats:
    """Return samples of many inputs, in the shape of `u`: row r is of distribution `index[r]` at the uniforms `u[r]`."""
    values = np.empty_like(u)
    starts = tables.start[index]
    # rows of one distribution together: its table stays in the processor's cache while they are looked up
    order = np.argsort(starts, kind="stable")
    firsts = np.flatnonzero(np.diff(starts[order], prepend=-1)).tolist()
    rows_at_once = max(1, _BLOCK // max(1, u.shape[1]))
    for first, last in pairwise([*firsts, len(order)]):
        distribution = int(index[order[first]])
        data, table_kind = tables.of(distribution), int(tables.kind[distribution])
        for begin in range(first, last, rows_at_once):
            rows = order[begin : min(begin + rows_at_once, last)]
            values[rows] = lookup(data, u[rows], table_kind)
    return values


def lookup(table: Floats, u: Floats, kind: int = TABLE) -> Floats:
    """Return the values of one tabulated distribution at uniforms in (0, 1)."""
    if kind == FIXED:
        return np.full_like(u, table[0])
    if kind == DISCRETE:
        cases = len(table) // 2
        return table[np.searchsorted(table[cases:], u, side="right")]
    upper = u > 0.5
    tail = np.where(upper, 1.0 - u, u)
    # exponent and leading digits of the distance are the knot: no search
    mantissa, exponent = np.frexp(tail)
    position = (mantissa - 0.5) * _SCALE
    cell = position.astype(np.intp)
    fraction = position - cell
    knot = cell + (exponent * np.intp(CELLS) + _FIRST)
    below_first_knot = exponent < -OCTAVES
    # closer to the end than the first knot: on the straight line to the end itself
    if below_first_knot.any():
        knot[below_first_knot], fraction[below_first_knot] = 0, tail[below_first_knot] * _DEEP
    knot += upper * np.intp(SIDE)
    low = table[knot]
    values: Floats = low + fraction * (table[knot + 1] - low)
    return values


def sample_one(tables: Tables, distribution: int, u: float) -> float:
    """Return one sample of a tabulated distribution at one uniform, with the bits of `sample`."""
    return float(lookup_one(tables.of(distribution), u, int(tables.kind[distribution])))


def lookup_one(table: Sequence[float] | Floats, u: float, kind: int = TABLE) -> float:
    """Return one value of a table at one uniform in plain Python, with the bits of `lookup`; fastest if it is a list."""
    if kind == FIXED:
        return table[0]
    if kind == DISCRETE:
        cases = len(table) // 2
        return table[bisect_right(table, u, cases) - cases]
    tail, side = (1.0 - u, SIDE) if u > 0.5 else (u, 0)
    mantissa, exponent = frexp(tail)
    position = (mantissa - 0.5) * _SCALE
    cell = int(position)
    fraction = position - cell
    knot = cell + exponent * CELLS + _FIRST
    if exponent < -OCTAVES:
        knot, fraction = 0, tail * _DEEP
    low = table[side + knot]
    return low + fraction * (table[side + knot + 1] - low)
