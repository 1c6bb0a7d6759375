"""Two cases on the same luck: how much one is ahead of the other, replication by replication.

The same replication has the same weather, the same failures and the same crews' pace in both cases, so the
difference is known far better than either number.
"""

from __future__ import annotations

from math import inf, nan

import numpy as np
import numpy.typing as npt

from sim.study.chunk import Floats
from sim.study.intervals import LEVEL, UNKNOWN, Interval, mean_interval, proportion_interval, quantile, rank

BOOTSTRAPS = 1000
BOOTSTRAP_SEED = 20_110_311
TRUSTED_N = 2000
SHIFT_DAYS = 10 / 24
DAYS_A_MONTH = 365.25 / 12


def pairs(case: Floats, base: Floats) -> tuple[Floats, Floats]:
    """The replications in which both have a number (infinity is one)."""
    known = ~(np.isnan(case) | np.isnan(base))
    return case[known], base[known]


def minus(case: Floats | float, base: Floats | float) -> Floats:
    """The case less the base, where two infinities (neither ever finishes) are no difference."""
    with np.errstate(invalid="ignore"):
        return np.where(np.equal(case, base), 0.0, np.subtract(case, base))


def mean_difference(case: Floats, base: Floats, level: float = LEVEL) -> Interval:
    """Mean of the paired differences with its t-interval; not-a-number where a run stalled."""
    case, base = pairs(case, base)
    if np.isinf(case).any() or np.isinf(base).any():
        return Interval(nan, nan, nan, len(case))
    return mean_interval(case - base, level)


def quantile_difference(case: Floats, base: Floats, share: float, level: float = LEVEL) -> Interval:
    """Difference of the two quantiles with its paired bootstrap interval (fixed seed, percentile method).

    Below `TRUSTED_N` pairs it is too narrow where the cases coincide in most replications (CHECKS §4).
    """
    return quantile_differences(case, base, (share,), level)[0]


def quantile_differences(case: Floats, base: Floats, shares: tuple[float, ...], level: float = LEVEL) -> list[Interval]:
    """The same for several quantiles at once, on the same resamples."""
    case, base = pairs(case, base)
    n, tail = len(case), (1 - level) / 2
    if n == 0:
        return [UNKNOWN for _ in shares]
    ranks = np.array([rank(share, n) for share in shares])
    estimates = minus(np.sort(case)[ranks - 1], np.sort(base)[ranks - 1])
    resampled = np.sort(_resampled(case, base, ranks), axis=0)
    return [
        Interval(float(estimate), quantile(drawn, tail), quantile(drawn, 1 - tail), n)
        for estimate, drawn in zip(estimates, resampled.T, strict=True)
    ]


def _resampled(case: Floats, base: Floats, ranks: npt.NDArray[np.int_]) -> Floats:
    """Differences at these ranks, a row a resample; a resample takes the same replications of both cases."""
    n = len(case)
    generator = np.random.Generator(np.random.Philox(BOOTSTRAP_SEED))
    orders = np.argsort(case, kind="stable"), np.argsort(base, kind="stable")
    ordered = case[orders[0]], base[orders[1]]
    drawn = np.empty((BOOTSTRAPS, len(ranks)))
    for i in range(BOOTSTRAPS):
        # how often each replication is drawn; in sorted order, the counts reach the rank at the quantile
        times = np.bincount(generator.integers(0, n, n), minlength=n)
        at = [np.searchsorted(np.cumsum(times[order]), ranks) for order in orders]
        drawn[i] = minus(ordered[0][at[0]], ordered[1][at[1]])
    return drawn


def better(case: Floats, base: Floats, direction: int, level: float = LEVEL) -> tuple[Interval, float]:
    """Share of replications in which `case` beats `base` strictly (Wilson interval), and the share of ties.

    `direction` is −1 where less is better (dates, people, money) and +1 where more is.
    """
    case, base = pairs(case, base)
    if len(case) == 0:
        return UNKNOWN, nan
    ahead = case > base if direction > 0 else case < base
    return proportion_interval(int(ahead.sum()), len(case), level), float((case == base).mean())


def practical(metric: str, base: float, shift_days: float = SHIFT_DAYS) -> float:
    """Below this a difference means nothing on site: 0.1 % of the base, and one shift where it is a time."""
    shift = {"days": shift_days, "months": shift_days / DAYS_A_MONTH}.get(metric.rpartition("_")[2], 0.0)
    if metric.endswith("usd_months"):
        shift = 0.0
    return max(0.001 * abs(base), shift) if abs(base) < inf else shift
