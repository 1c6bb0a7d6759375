"""How sure a sampled number is: the 95 % intervals that are printed beside it.

They cover the error of sampling only, neither the inputs' nor the model's. Infinite values (runs that
stalled) count in quantiles; a mean over them does not exist and is given as not-a-number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf, isfinite, nan, sqrt

import numpy as np

from sim.study.chunk import Floats

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with the interval around it, from `n` replications."""

    value: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half of the interval's length; infinite where the sample is too small to bound it."""
        width = self.high - self.low
        return width / 2 if isfinite(width) else inf

    def overlaps(self, other: Interval) -> bool:
        """Whether the two intervals have a value in common."""
        return self.low <= other.high and other.low <= self.high


UNKNOWN = Interval(nan, nan, nan, 0)


def rank(share: float, n: int) -> int:
    """Rank (1 = smallest) of the smallest of n values with at least that share on or before it."""
    # 0.07 * 100 is a hair above 7 in binary; without the allowance the rank would be 8
    return min(max(ceil(share * n - 1e-9), 1), n)


def quantile(ordered: Floats, share: float) -> float:
    """The smallest value that at least that share of the sorted values do not exceed ("on or before")."""
    return float(ordered[rank(share, len(ordered)) - 1]) if len(ordered) else nan


@lru_cache(maxsize=4096)
def interval_ranks(share: float, n: int, level: float = LEVEL) -> tuple[int, int]:
    """Ranks of the two order statistics that bound a quantile; 0 or n + 1 means that n is too small for it.

    Exact and free of any distribution: the number of values below the quantile is binomial(n, share).
    """
    tail = (1 - level) / 2
    return _binomial(tail, n, share), _binomial(1 - tail, n, share) + 1


def _binomial(probability: float, n: int, share: float) -> int:
    """Smallest k with P(binomial(n, share) <= k) >= probability."""
    from scipy.special import bdtr, bdtrik

    k = max(ceil(float(bdtrik(probability, n, share))), 0)
    while k > 0 and float(bdtr(k - 1, n, share)) >= probability:
        k -= 1
    return k


def quantile_interval(values: Floats, share: float, level: float = LEVEL) -> Interval:
    """A quantile with its order-statistic interval; infinite bounds where the sample is too small."""
    return ordered_interval(np.sort(values), share, level)


def ordered_interval(ordered: Floats, share: float, level: float = LEVEL) -> Interval:
    """The same for values already sorted."""
    n = len(ordered)
    if n == 0:
        return UNKNOWN
    low, high = interval_ranks(share, n, level)
    return Interval(
        quantile(ordered, share),
        float(ordered[low - 1]) if low >= 1 else -inf,
        float(ordered[high - 1]) if high <= n else inf,
        n,
    )


def mean_interval(values: Floats, level: float = LEVEL) -> Interval:
    """A mean with its t-interval; not-a-number where a value is infinite."""
    n = len(values)
    if n == 0 or not bool(np.isfinite(values).all()):
        return Interval(nan, nan, nan, n)
    mean = float(values.mean())
    if n == 1:
        return Interval(mean, -inf, inf, n)
    half = student((1 + level) / 2, n - 1) * float(values.std(ddof=1)) / sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def student(probability: float, freedom: int) -> float:
    """Quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def proportion_interval(hits: int, n: int, level: float = LEVEL) -> Interval:
    """A share of n with Wilson's interval, which stays inside 0..1 and is honest at 0 and n hits."""
    if n == 0:
        return UNKNOWN
    from scipy.special import ndtri

    z2, share = float(ndtri((1 + level) / 2)) ** 2, hits / n
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = sqrt(z2 * (share * (1 - share) + z2 / (4 * n)) / n) / (1 + z2 / n)
    # rounding must not leave a bound a hair outside what can be
    return Interval(share, 0.0 if hits == 0 else middle - half, 1.0 if hits == n else middle + half, n)
