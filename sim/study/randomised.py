"""How sure a number is when luck was spread evenly: from the scatter between independent randomisations.

Inside a randomisation the replications keep out of each other's way, so an interval that takes them for
independent says far too little of how good the sample is (it covers 99.5-100 %, CHECKS §4). The randomisations
are independent of each other: the estimates of at least eight of them have a t-interval.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite, nan, sqrt

import numpy as np

from sim.study.chunk import Floats
from sim.study.intervals import LEVEL, Interval, mean_interval, quantile, quantile_interval, student
from sim.study.paired import mean_difference, minus, pairs, quantile_differences
from sim.world.sampling import Sampling

Estimate = Callable[[Floats], float]


def between(estimate: Estimate, rows: Floats, size: int, level: float = LEVEL) -> Interval:
    """The estimate from all replications, with the t-interval of the same estimate from each randomisation.

    `rows`: a value (or a row of values) a replication, in order, not-a-number where one failed. Replications
    beyond the last whole randomisation count in the estimate alone. The bounds are infinite where there are
    fewer than two randomisations, or where one of them is infinite (runs that stalled).
    """
    known = _known(rows)
    if len(known) == 0:
        return Interval(nan, nan, nan, 0)
    value, n = estimate(known), len(known)
    count = len(rows) // size
    found = [estimate(part) for k in range(count) if len(part := _known(rows[k * size : (k + 1) * size]))]
    if len(found) < 2 or not all(map(isfinite, [value, *found])):
        return Interval(value, -inf, inf, n)
    half = student((1 + level) / 2, len(found) - 1) * float(np.std(found, ddof=1)) / sqrt(len(found))
    return Interval(value, value - half, value + half, n)


def _known(rows: Floats) -> Floats:
    """The replications that have all their values."""
    lacking = np.isnan(rows)
    return np.asarray(rows[~(lacking if rows.ndim == 1 else lacking.any(axis=1))], dtype=np.float64)


def quantile_known(rows: Floats, share: float, sampling: Sampling, level: float = LEVEL) -> Interval:
    """A quantile with its interval: order statistics where replications are independent, else as `between`."""
    if sampling.is_plain:
        return quantile_interval(_known(rows), share, level)
    return between(lambda values: quantile(np.sort(values), share), rows, sampling.size, level)


def mean_known(rows: Floats, sampling: Sampling, level: float = LEVEL) -> Interval:
    """A mean with its t-interval, of replications or of randomisations."""
    if sampling.is_plain:
        return mean_interval(_known(rows), level)
    found = between(_mean, rows, sampling.size, level)
    return found if isfinite(found.value) else Interval(nan, nan, nan, found.n)


def mean_apart(case: Floats, base: Floats, sampling: Sampling, level: float = LEVEL) -> Interval:
    """Mean of the paired differences with its t-interval, of pairs or of randomisations."""
    if sampling.is_plain:
        return mean_difference(case, base, level)
    return mean_known(minus(case, base), sampling, level)


def quantiles_apart(
    case: Floats, base: Floats, shares: tuple[float, ...], sampling: Sampling, level: float = LEVEL
) -> list[Interval]:
    """Differences of quantiles with their intervals: paired bootstrap, or the scatter between randomisations."""
    if sampling.is_plain:
        return quantile_differences(case, base, shares, level)
    return [between(_apart(share), np.column_stack([case, base]), sampling.size, level) for share in shares]


def _apart(share: float) -> Estimate:
    """The difference of a quantile of the first column and that of the second."""

    def estimate(rows: Floats) -> float:
        first, second = pairs(rows[:, 0], rows[:, 1])
        return float(minus(quantile(np.sort(first), share), quantile(np.sort(second), share)))

    return estimate


def _mean(values: Floats) -> float:
    """The mean; infinite where a replication is."""
    return float(values.mean())
