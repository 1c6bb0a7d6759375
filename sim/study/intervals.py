"""How sure a sampled number is, and a difference of two cases: the 95 % intervals that are printed beside them.

They cover the error of sampling only, neither the inputs' nor the model's. Infinite values (runs that stalled) count in
quantiles; a mean over them does not exist and is given as not-a-number.

Two cases are compared on common random numbers: the same replication has the same weather, failures and pace of crews in
both, so the difference is known far better than either number.

Stratified samples (Sobol, Latin hypercube) consist of independent randomisations. Inside one, replications keep out of
each other's way, and an interval that takes them for independent would be far too wide (it covers 99.5-100 %, CHECKS §4);
so the estimates of at least eight randomisations have a t-interval.

A mean is known better once what is a known function of inputs, whose mean is known, is taken away: control variates
(Glasserman 2003, Monte Carlo Methods in Financial Engineering, 4.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf, isfinite, nan, sqrt

import numpy as np
import numpy.typing as npt

from sim.jit import special_functions
from sim.study.chunk import Floats
from sim.world.streams import Sampling

# --- intervals --------------------------------------------------------------------------------------------------------


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
    # half the error on either side; both bounds are rounded outwards, so that coverage is never below the level
    tail = (1 - level) / 2
    return _binomial(tail, n, share), _binomial(1 - tail, n, share) + 1


def _binomial(probability: float, n: int, share: float) -> int:
    """Smallest k with P(binomial(n, share) <= k) >= probability."""
    bdtr, bdtrik = special_functions().bdtr, special_functions().bdtrik
    # the continuous inverse may be off by one: the loop goes down to the first k that satisfies the definition
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
    return float(special_functions().stdtrit(freedom, probability))


def proportion_interval(hits: int, n: int, level: float = LEVEL) -> Interval:
    """A share of n with Wilson's interval, which stays inside 0..1 and is honest at 0 and n hits."""
    if n == 0:
        return UNKNOWN
    z2, share = float(special_functions().ndtri((1 + level) / 2)) ** 2, hits / n
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = sqrt(z2 * (share * (1 - share) + z2 / (4 * n)) / n) / (1 + z2 / n)
    # rounding must not leave a bound a hair outside what can be
    return Interval(share, 0.0 if hits == 0 else middle - half, 1.0 if hits == n else middle + half, n)


# --- paired -----------------------------------------------------------------------------------------------------------


BOOTSTRAPS = 1000
BOOTSTRAP_SEED = 20_110_311
DRAWN_TOGETHER = 10_000
"""Replications of resamples that are drawn in one go: few enough to stay in a processor's cache."""
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


def quantile_differences(case: Floats, base: Floats, shares: tuple[float, ...], level: float = LEVEL) -> list[Interval]:
    """Differences of several quantiles, each with its paired bootstrap interval, all on the same resamples.

    The bootstrap has a fixed seed and the percentile method. Below `TRUSTED_N` pairs it is too narrow where the cases
    coincide in most replications (CHECKS §4).
    """
    case, base = pairs(case, base)
    n, tail = len(case), (1 - level) / 2
    if n == 0:
        return [UNKNOWN for _ in shares]
    # one set of resamples for all quantiles: both cases are then sorted once, however many are asked for
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
    together, parts = max(1, DRAWN_TOGETHER // n), list[Floats]()
    for first in range(0, BOOTSTRAPS, together):
        many = min(together, BOOTSTRAPS - first)
        times = _times_drawn(generator, many, n)
        # in sorted order, the counts reach the rank at the quantile
        at = [_reached(times.take(order, axis=1), ranks) for order in orders]
        parts.append(minus(ordered[0][at[0]], ordered[1][at[1]]))
    return np.concatenate(parts)


def _times_drawn(generator: np.random.Generator, many: int, n: int) -> npt.NDArray[np.int_]:
    """How often each of n replications is drawn by n draws: a row a resample."""
    drawn = generator.integers(0, n, (many, n))
    drawn += n * np.arange(many)[:, None]
    return np.bincount(drawn.ravel(), minlength=many * n).reshape(many, n)


def _reached(times: npt.NDArray[np.int_], ranks: npt.NDArray[np.int_]) -> npt.NDArray[np.int_]:
    """Where the counts of each row, added up, reach the ranks: a row a resample."""
    return np.array([counts.searchsorted(ranks) for counts in times.cumsum(axis=1)])


def better(case: Floats, base: Floats, direction: int, level: float = LEVEL) -> tuple[Interval, float]:
    """Share of replications in which `case` beats `base` strictly (Wilson interval), and the share of ties.

    `direction` is −1 where less is better (dates, people, money) and +1 where more is.
    """
    case, base = pairs(case, base)
    if len(case) == 0:
        return UNKNOWN, nan
    # strictly: a tie, usual where a change does not touch the finish, is no win of either
    ahead = case > base if direction > 0 else case < base
    return proportion_interval(int(ahead.sum()), len(case), level), float((case == base).mean())


def practical(unit: str, base: float, shift_days: float = SHIFT_DAYS) -> float:
    """Below this a difference means nothing on site: 0.1 % of the base, and one shift where the unit is days or months."""
    shift = {"days": shift_days, "months": shift_days / DAYS_A_MONTH}.get(unit, 0.0)
    return max(0.001 * abs(base), shift) if abs(base) < inf else shift


# --- randomised -------------------------------------------------------------------------------------------------------


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
    # the last, begun randomisation is unbalanced: its own estimate would widen the interval
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


# --- control variates -------------------------------------------------------------------------------------------------


FOLDS = 8
MOST_CONTROLS = 10
"""Controls that are chosen of a metric: with all of them a sample of 200 would explain its own noise."""
LEAST_RUNS = 200
"""Runs without which no control is fitted: for so many the coverage is measured (docs/explanation/statistics.md)."""
WORTH_IT = 0.8
"""A control is used where it leaves at most so much of the variance."""


def control_variates(x: Floats, y: Floats) -> Floats:
    """Return what known functions explain of some metrics, run by run, shape (metrics, runs): its mean is 0.

    `x` are functions of inputs with mean 0, shape (functions, runs); `y` the metrics, shape (metrics, runs). They are
    cross-fitted (Chernozhukov et al. 2018): controls are chosen and slopes fitted in the other runs, as with slopes from the
    same runs 95 % intervals hold in 90 %.
    """
    fold = np.arange(y.shape[1]) % FOLDS
    moments = [_moments(x[:, fold == k], y[:, fold == k]) for k in range(FOLDS)]
    whole = [sum(parts) for parts in zip(*moments, strict=True)]
    found = np.empty_like(y)
    for k, own in enumerate(moments):
        others = [total - part for total, part in zip(whole, own, strict=True)]
        found[:, fold == k] = _slopes(*others) @ x[:, fold == k]
    return found


def _moments(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return the sums that a regression is made of: runs, x, y, x × x, x × y."""
    return np.array(float(x.shape[1])), x.sum(axis=1), y.sum(axis=1), x @ x.T, x @ y.T


def _slopes(n: Floats, x: Floats, y: Floats, xx: Floats, xy: Floats) -> Floats:
    """Return by metric the slopes of the functions chosen for it, forward, by least squares; 0 for all others."""
    covariance, with_y = xx - np.outer(x, x) / n, (xy - np.outer(x, y) / n).T
    lengths = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    rows, left = np.arange(len(with_y)), with_y
    chosen, slopes = np.empty((len(with_y), 0), np.int64), np.zeros_like(with_y)
    fitted: Floats = np.empty((len(with_y), 0))
    for _ in range(min(MOST_CONTROLS, len(lengths))):
        explains = np.abs(left) / lengths
        np.put_along_axis(explains, chosen, -1.0, axis=1)
        chosen = np.column_stack([chosen, explains.argmax(axis=1)])
        within = covariance[chosen[:, :, None], chosen[:, None, :]]
        # nearly the same function twice must not make the equations singular
        within += 1e-9 * (lengths[chosen] ** 2)[:, :, None] * np.eye(chosen.shape[1])
        solved = np.linalg.solve(within, with_y[rows[:, None], chosen][:, :, None])
        fitted = np.asarray(solved[:, :, 0], np.float64)
        # by hand, not as a product of matrices: of such small ones the library's threads take a hundred times as long
        left = with_y - np.einsum("ms,msk->mk", fitted, covariance[chosen])
    np.put_along_axis(slopes, chosen, fitted, axis=1)
    return slopes


def controlled_mean(values: Floats, explained: Floats, level: float = LEVEL) -> Interval | None:
    """Return the mean by control variates; None where these leave too much of the variance, or there are too few runs."""
    if len(values) < LEAST_RUNS or not np.isfinite(values).all() or float(np.ptp(values)) == 0:
        return None
    left = values - explained
    if float(left.var()) > WORTH_IT * float(values.var()):
        return None
    found = mean_interval(left, level)
    # folds share the runs that their slopes are fitted in: unwidened, 200 runs of 250 MW cover 93.0 to 94.5 %
    half = found.half_width * sqrt(1 + 2 * MOST_CONTROLS / len(values))
    return Interval(found.value, found.value - half, found.value + half, found.n)
