"""95 % confidence intervals of sampled means, quantiles and shares, and of the differences between two cases.

They cover the error of sampling only, neither the inputs' nor the model's. Infinite values (runs that stalled) count in
quantiles; a mean over them does not exist and is given as not-a-number.

Two cases are compared on common random numbers: the same replication has the same weather, failures and pace of crews in
both, so the difference is known far better than either number.

Stratified samples (Sobol, Latin hypercube) consist of independent randomisations. Inside one, replications keep out of
each other's way, and an interval that takes them for independent would be far too wide (it covers 99.5 to 100 %, not 95 %);
so the estimates of at least eight randomisations have a t-interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf, isfinite, nan, sqrt

import numpy as np
import numpy.typing as npt

from sim.jit import special_functions
from sim.study.chunk import Floats
from sim.world.streams import Sampling

# --- intervals --------------------------------------------------------------------------------------------------------


CONFIDENCE_LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with the interval around it, from `n` replications."""

    value: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Return half of the interval's length; infinite where the sample is too small to bound it."""
        width = self.high - self.low
        return width / 2 if isfinite(width) else inf

    def overlaps(self, other: Interval) -> bool:
        """Return whether the two intervals have a value in common."""
        return self.low <= other.high and other.low <= self.high


UNKNOWN = Interval(nan, nan, nan, 0)


def rank(share: float, n: int) -> int:
    """Return the rank (1 = smallest) of the smallest of n values with at least that share on or before it."""
    # 0.07 * 100 is a hair above 7 in binary; without the allowance the rank would be 8
    return min(max(ceil(share * n - 1e-9), 1), n)


def quantile(ordered: Floats, share: float) -> float:
    """Return the smallest value that at least that share of the sorted values do not exceed ("on or before")."""
    return float(ordered[rank(share, len(ordered)) - 1]) if len(ordered) else nan


@lru_cache(maxsize=4096)
def interval_ranks(share: float, n: int, level: float = CONFIDENCE_LEVEL) -> tuple[int, int]:
    """Return the ranks of the two order statistics that bound a quantile; 0 or n + 1 means that n is too small for it.

    Exact and free of any distribution: the number of values below the quantile is binomial(n, share).
    """
    # half the error on either side; both bounds are rounded outwards, so that coverage is never below the level
    tail = (1 - level) / 2
    return _binomial_quantile(tail, n, share), _binomial_quantile(1 - tail, n, share) + 1


def _binomial_quantile(probability: float, n: int, share: float) -> int:
    """Return the smallest k with P(binomial(n, share) <= k) >= probability."""
    bdtr, bdtrik = special_functions().bdtr, special_functions().bdtrik
    # the continuous inverse may be off by one: the loop goes down to the first k that satisfies the definition
    k = max(ceil(float(bdtrik(probability, n, share))), 0)
    while k > 0 and float(bdtr(k - 1, n, share)) >= probability:
        k -= 1
    return k


def quantile_interval(values: Floats, share: float, level: float = CONFIDENCE_LEVEL) -> Interval:
    """Return a quantile with its order-statistic interval; infinite bounds where the sample is too small."""
    return ordered_interval(np.sort(values), share, level)


def ordered_interval(sorted_values: Floats, share: float, level: float = CONFIDENCE_LEVEL) -> Interval:
    """Return a quantile of values in ascending order, with its interval from order statistics."""
    n = len(sorted_values)
    if n == 0:
        return UNKNOWN
    low, high = interval_ranks(share, n, level)
    return Interval(
        quantile(sorted_values, share),
        float(sorted_values[low - 1]) if low >= 1 else -inf,
        float(sorted_values[high - 1]) if high <= n else inf,
        n,
    )


def mean_interval(values: Floats, level: float = CONFIDENCE_LEVEL) -> Interval:
    """Return a mean with its t-interval; not-a-number where a value is infinite."""
    n = len(values)
    if n == 0 or not bool(np.isfinite(values).all()):
        return Interval(nan, nan, nan, n)
    mean = float(values.mean())
    if n == 1:
        return Interval(mean, -inf, inf, n)
    half_width = student((1 + level) / 2, n - 1) * float(values.std(ddof=1)) / sqrt(n)
    return Interval(mean, mean - half_width, mean + half_width, n)


def student(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t."""
    return float(special_functions().stdtrit(freedom, probability))


def proportion_interval(hits: int, n: int, level: float = CONFIDENCE_LEVEL) -> Interval:
    """Return the share of hits in n with Wilson's interval, which stays inside 0..1 and holds near 0 and n hits."""
    if n == 0:
        return UNKNOWN
    z2, share = float(special_functions().ndtri((1 + level) / 2)) ** 2, hits / n
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half_width = sqrt(z2 * (share * (1 - share) + z2 / (4 * n)) / n) / (1 + z2 / n)
    # rounding must not leave a bound a hair outside what can be
    return Interval(share, 0.0 if hits == 0 else middle - half_width, 1.0 if hits == n else middle + half_width, n)


# --- paired -----------------------------------------------------------------------------------------------------------


BOOTSTRAPS = 1000
BOOTSTRAP_SEED = 20_110_311
BATCH_REPLICATIONS = 10_000
"""Replications of resamples that are drawn in one go: few enough to stay in a processor's cache."""
MAX_CACHED_RUNS = 5000
"""Replications up to which resamples are cached from one metric to the next: 20 MB."""
TRUSTED_N = 2000


def pairs(case: Floats, base: Floats) -> tuple[Floats, Floats]:
    """Return (case, base) for the replications in which both have a number (infinity is one)."""
    both_known = ~(np.isnan(case) | np.isnan(base))
    return case[both_known], base[both_known]


def minus(case: Floats | float, base: Floats | float) -> Floats:
    """Return the case less the base, where two infinities (neither ever finishes) are no difference."""
    with np.errstate(invalid="ignore"):
        return np.where(np.equal(case, base), 0.0, np.subtract(case, base))


def mean_difference(case: Floats, base: Floats, level: float = CONFIDENCE_LEVEL) -> Interval:
    """Return the mean of the paired differences with its t-interval; not-a-number where a run stalled."""
    case, base = pairs(case, base)
    if np.isinf(case).any() or np.isinf(base).any():
        return Interval(nan, nan, nan, len(case))
    return mean_interval(case - base, level)


def quantile_differences(
    case: Floats, base: Floats, shares: tuple[float, ...], level: float = CONFIDENCE_LEVEL
) -> list[Interval]:
    """Return the differences of several quantiles with their paired bootstrap intervals, all on the same resamples.

    The bootstrap has a fixed seed and the percentile method. Below `TRUSTED_N` pairs it is too narrow where the cases
    coincide in most replications.
    """
    case, base = pairs(case, base)
    if (n := len(case)) == 0:
        return [UNKNOWN for _ in shares]
    # one set of resamples for all quantiles: both cases are then sorted once, however many are asked for
    ranks = np.array([rank(share, n) for share in shares])
    estimates = minus(np.sort(case)[ranks - 1], np.sort(base)[ranks - 1])
    resampled, tail = np.sort(_resampled_differences(case, base, ranks), axis=0), (1 - level) / 2
    return [
        Interval(float(estimate), quantile(differences, tail), quantile(differences, 1 - tail), n)
        for estimate, differences in zip(estimates, resampled.T, strict=True)
    ]


def _resampled_differences(case: Floats, base: Floats, ranks: npt.NDArray[np.int_]) -> Floats:
    """Return the differences at these ranks, a row a resample; a resample takes the same replications of both cases."""
    n, parts = len(case), list[Floats]()
    orders = np.argsort(case, kind="stable"), np.argsort(base, kind="stable")
    sorted_values = case[orders[0]], base[orders[1]]
    for counts in _cached_resample_counts(n) if n <= MAX_CACHED_RUNS else _resample_counts(n):
        # in sorted order, the counts add up to the rank at the quantile
        positions = [_positions_of_ranks(counts.take(order, axis=1), ranks) for order in orders]
        parts.append(minus(sorted_values[0][positions[0]], sorted_values[1][positions[1]]))
    return np.concatenate(parts)


def _resample_counts(n: int) -> Iterator[npt.NDArray[np.int32]]:
    """Yield how often each of n replications is drawn in a resample of n draws, shape (resamples, n), batch by batch."""
    generator, batch = np.random.Generator(np.random.Philox(BOOTSTRAP_SEED)), max(1, BATCH_REPLICATIONS // n)
    for first in range(0, BOOTSTRAPS, batch):
        resamples = min(batch, BOOTSTRAPS - first)
        indices = generator.integers(0, n, (resamples, n))
        indices += n * np.arange(resamples)[:, None]
        yield np.bincount(indices.ravel(), minlength=resamples * n).reshape(resamples, n).astype(np.int32)


@lru_cache(maxsize=1)
def _cached_resample_counts(n: int) -> tuple[npt.NDArray[np.int32], ...]:
    """Return the resamples of n replications: those of every metric are the same."""
    return tuple(_resample_counts(n))


def _positions_of_ranks(counts: npt.NDArray[np.int32], ranks: npt.NDArray[np.int_]) -> npt.NDArray[np.int_]:
    """Return where the cumulated counts of each row reach the ranks, shape (resamples, ranks)."""
    return np.array([cumulated.searchsorted(ranks) for cumulated in counts.cumsum(axis=1)])


# --- randomised -------------------------------------------------------------------------------------------------------


Estimate = Callable[[Floats], float]


def randomisation_interval(estimate: Estimate, rows: Floats, size: int, level: float = CONFIDENCE_LEVEL) -> Interval:
    """Return the estimate from all replications, with the t-interval of the same estimate from each randomisation.

    `rows`: a value (or a row of values) a replication, in order, not-a-number where one failed. Replications
    beyond the last whole randomisation count in the estimate alone. The bounds are infinite where there are
    fewer than two randomisations, or where one of them is infinite (runs that stalled).
    """
    complete = _complete_rows(rows)
    if len(complete) == 0:
        return Interval(nan, nan, nan, 0)
    value, n = estimate(complete), len(complete)
    # a last randomisation that is not complete is unbalanced: its own estimate would widen the interval
    count = len(rows) // size
    estimates = [estimate(part) for k in range(count) if len(part := _complete_rows(rows[k * size : (k + 1) * size]))]
    if len(estimates) < 2 or not all(map(isfinite, [value, *estimates])):
        return Interval(value, -inf, inf, n)
    half_width = student((1 + level) / 2, len(estimates) - 1) * float(np.std(estimates, ddof=1)) / sqrt(len(estimates))
    return Interval(value, value - half_width, value + half_width, n)


def _complete_rows(rows: Floats) -> Floats:
    """Return the replications that have all their values."""
    missing = np.isnan(rows)
    return np.asarray(rows[~(missing if rows.ndim == 1 else missing.any(axis=1))], dtype=np.float64)


def sampled_quantile(rows: Floats, share: float, sampling: Sampling, level: float = CONFIDENCE_LEVEL) -> Interval:
    """A quantile with its interval: order statistics where replications are independent, else as `randomisation_interval`."""
    if sampling.is_plain:
        return quantile_interval(_complete_rows(rows), share, level)
    return randomisation_interval(lambda values: quantile(np.sort(values), share), rows, sampling.size, level)


def sampled_mean(rows: Floats, sampling: Sampling, level: float = CONFIDENCE_LEVEL) -> Interval:
    """Return a mean with its t-interval, of replications or of randomisations."""
    if sampling.is_plain:
        return mean_interval(_complete_rows(rows), level)
    estimate = randomisation_interval(_mean, rows, sampling.size, level)
    return estimate if isfinite(estimate.value) else Interval(nan, nan, nan, estimate.n)


def sampled_mean_difference(
    case: Floats, base: Floats, sampling: Sampling, level: float = CONFIDENCE_LEVEL
) -> Interval:
    """Return the mean of the paired differences with its t-interval, of pairs or of randomisations.

    Not-a-number where a run stalled, in both cases too: what neither finishes is no difference in days, and no mean.
    """
    if sampling.is_plain:
        return mean_difference(case, base, level)
    differences = np.where(np.isinf(case) & np.isinf(base), np.inf, minus(case, base))
    return sampled_mean(differences, sampling, level)


def sampled_quantile_differences(
    case: Floats, base: Floats, shares: tuple[float, ...], sampling: Sampling, level: float = CONFIDENCE_LEVEL
) -> list[Interval]:
    """Return differences of quantiles with their intervals: paired bootstrap, or the scatter between randomisations."""
    if sampling.is_plain:
        return quantile_differences(case, base, shares, level)
    return [
        randomisation_interval(_quantile_difference(share), np.column_stack([case, base]), sampling.size, level)
        for share in shares
    ]


def _quantile_difference(share: float) -> Estimate:
    """Return a function that takes two columns and returns the difference of their quantiles."""

    def estimate(rows: Floats) -> float:
        first, second = pairs(rows[:, 0], rows[:, 1])
        return float(minus(quantile(np.sort(first), share), quantile(np.sort(second), share)))

    return estimate


def _mean(values: Floats) -> float:
    """Return the mean; infinite where a replication is."""
    return float(values.mean())


# --- by control variates ----------------------------------------------------------------------------------------------


MAX_CONTROLS, RUNS_PER_CONTROL = 40, 20
"""Controls that are chosen for a metric at most, and runs that each needs: with more a sample would explain its own noise."""
MIN_RUNS = 200
"""Fewer runs have no controls: for so many the coverage is measured (docs/explanation/statistics.md)."""
MAX_VARIANCE_LEFT = 0.8
"""A control is used where it leaves at most so much of the variance."""


def controlled_mean(values: Floats, explained: Floats, level: float = CONFIDENCE_LEVEL) -> Interval | None:
    """Return the mean by control variates; None where they explain too little of the variance, or runs are too few."""
    if len(values) < MIN_RUNS or not np.isfinite(values).all() or float(np.ptp(values)) == 0:
        return None
    if float((values - explained).var()) > MAX_VARIANCE_LEFT * float(values.var()):
        return None
    mean = mean_interval(values - explained, level)
    # folds share the runs that their slopes are fitted in: unwidened, 200 runs of 250 MW cover 93.0 to 94.5 %
    half_width = mean.half_width * sqrt(1 + 2 * min(MAX_CONTROLS / len(values), 1 / RUNS_PER_CONTROL))
    return Interval(mean.value, mean.value - half_width, mean.value + half_width, mean.n)


def controlled_quantile(values: Floats, explained: Floats, share: float) -> Interval | None:
    """Return a quantile by control variates (Hesterberg and Nelson 1998); None where they explain too little.

    `explained` is what they explain of whether each value is on or before the sample's own quantile.
    """
    ordered = np.sort(values)
    by_controls = controlled_mean(np.less_equal(values, quantile(ordered, share)).astype(np.float64), explained)
    if by_controls is None:
        return None
    shares = share + float(explained.mean()) + by_controls.half_width * np.array([0.0, -1.0, 1.0])
    value, low, high = (quantile(ordered, each) for each in shares.tolist())
    return Interval(value, low, high, len(values))
