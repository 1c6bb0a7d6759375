"""Probability distributions of estimates such as "5 to 9 days, most likely 6".

Each one turns a uniform draw into a value by its inverse CDF (`ppf`, "percent point function"), so one draw belongs to
one input, and at the same draw a longer estimate is a longer duration. Values have the unit of the estimate; nothing
is rounded. `to_distribution` gives the distribution of a planner's estimate; `RiskOccurrence` draws whether a risk
driver occurs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from math import exp, fsum, inf, isfinite, log
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.config.sections.estimates import Estimate
from sim.jit import special_functions

Floats: TypeAlias = NDArray[np.float64]

KEPT_SIZE = 1024
"""Quantiles of a distribution that are cached when they are computed at once: a half of its table has 642."""
MAX_KEPT_SHAPES = 256
DIGEST_BYTES = 16
_Z90 = 1.2815515655446004  # the 90 % point of the standard normal


@dataclass(frozen=True, slots=True)
class Fixed:
    """A number that is known."""

    value: float

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        _require_ordered(self.value)

    def ppf(self, u: Floats) -> Floats:
        """Return the value, whatever the draw."""
        return np.full_like(u, self.value, dtype=np.float64)

    def mean(self) -> float:
        """Return the value."""
        return self.value

    def planned(self) -> float:
        """Return the value."""
        return self.value

    def scaled(self, k: float) -> Fixed:
        """Multiply the number by `k`."""
        return Fixed(self.value * k)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Anything between two bounds, none more likely than another."""

    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse bounds out of order."""
        _require_ordered(self.low, self.high)

    def ppf(self, u: Floats) -> Floats:
        """Return the quantiles at `u`."""
        return self.low + u * (self.high - self.low)

    def mean(self) -> float:
        """Return the middle."""
        return (self.low + self.high) / 2

    def planned(self) -> float:
        """Return the middle."""
        return (self.low + self.high) / 2

    def scaled(self, k: float) -> Uniform:
        """Multiply both bounds by `k` > 0."""
        return Uniform(self.low * k, self.high * k)


@dataclass(frozen=True, slots=True)
class ThreePoints:
    """Bounds and the most likely value between them: what triangular and PERT estimates have in common."""

    low: float
    mode: float
    high: float

    def __post_init__(self) -> None:
        """Refuse points out of order."""
        _require_ordered(self.low, self.mode, self.high)

    def planned(self) -> float:
        """Return the most likely value."""
        return self.mode

    def scaled(self, k: float) -> Self:
        """Multiply all three points by `k` > 0."""
        return type(self)(self.low * k, self.mode * k, self.high * k)


@dataclass(frozen=True, slots=True)
class Triangular(ThreePoints):
    """Three points joined by straight lines: fat tails, for rough estimates."""

    def ppf(self, u: Floats) -> Floats:
        """Return the quantiles at `u`."""
        width = self.high - self.low
        rising = self.low + np.sqrt(u * width * (self.mode - self.low))
        falling = self.high - np.sqrt((1.0 - u) * width * (self.high - self.mode))
        # both branches are computed and one is taken; rounding may leave the range by one last digit, hence the clip
        values = np.where(u * width < self.mode - self.low, rising, falling)
        return np.clip(values, self.low, self.high)

    def mean(self) -> float:
        """Return the mean of the three points."""
        return (self.low + self.mode + self.high) / 3


@dataclass(frozen=True, slots=True)
class Pert(ThreePoints):
    """Three points as a beta distribution with weight 4 on the most likely: the planner's usual estimate.

    Its mean is (low + 4 mode + high)/6 and its variance (mean - low)(high - mean)/7, which is not the rule of
    thumb ((high - low)/6)².
    """

    def ppf(self, u: Floats) -> Floats:
        """Return the quantiles at `u`."""
        width = self.high - self.low
        if width == 0:
            return np.full_like(u, self.low, dtype=np.float64)
        # beta(1 + 4a, 1 + 4b) with a + b = 1 has the mean (low + 4 mode + high) / 6
        below_mode, above_mode = (self.mode - self.low) / width, (self.high - self.mode) / width
        share = _beta_quantiles(1 + 4 * below_mode, 1 + 4 * above_mode, u)
        return np.clip(self.low + share * width, self.low, self.high)

    def mean(self) -> float:
        """Return (low + 4 mode + high) / 6."""
        return (self.low + 4 * self.mode + self.high) / 6


def _beta_quantiles(a: float, b: float, u: Floats) -> Floats:
    """Return the quantiles of beta(a, b); cached for few uniforms, as most estimates of a project have few shapes."""
    if u.size > KEPT_SIZE:
        quantiles: Floats = special_functions().betaincinv(a, b, u)
        return quantiles
    # a digest instead of the uniforms: those of a table are many, and the same for every shape
    key = a, b, blake2b(np.asarray(u, np.float64).tobytes(), digest_size=DIGEST_BYTES).digest()
    if key not in beta_quantiles:
        quantiles = special_functions().betaincinv(a, b, np.ravel(u))
        quantiles.flags.writeable = False  # all callers share the array
        beta_quantiles[key] = quantiles
        while len(beta_quantiles) > MAX_KEPT_SHAPES:
            beta_quantiles.pop(next(iter(beta_quantiles)))
    return beta_quantiles[key].reshape(u.shape)


beta_quantiles: dict[tuple[float, float, bytes], Floats] = {}
"""Quantiles that are cached: by the shape of a beta distribution and a digest of the uniforms."""


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A median and a bad case: lead times, delays, what goes wrong by a factor."""

    median: float
    p90: float

    def __post_init__(self) -> None:
        """Refuse a median that is not positive or a P90 below it."""
        _require_ordered(self.median, self.p90)
        if self.median <= 0:
            raise ValueError(f"a lognormal's median must be positive, not {self.median}")

    def sigma(self) -> float:
        """Return the standard deviation of the logarithm."""
        return log(self.p90 / self.median) / _Z90

    def ppf(self, u: Floats) -> Floats:
        """Return the quantiles at `u`; 0 at 0 and infinite at 1 unless the P90 is the median."""
        if self.p90 == self.median:
            return np.full_like(u, self.median, dtype=np.float64)
        normal: Floats = special_functions().ndtri(u)
        return self.median * np.exp(self.sigma() * normal)

    def mean(self) -> float:
        """Return the mean, which is above the median."""
        return self.median * exp(self.sigma() ** 2 / 2)

    def planned(self) -> float:
        """Return the median."""
        return self.median

    def scaled(self, k: float) -> Lognormal:
        """Multiply median and P90 by `k` > 0."""
        return Lognormal(self.median * k, self.p90 * k)


@dataclass(frozen=True, slots=True)
class Exponential:
    """The time to something that strikes without memory: a breakdown, an accident."""

    average: float

    def __post_init__(self) -> None:
        """Refuse an average that is not positive."""
        _require_ordered(0.0, self.average)
        if self.average == 0:
            raise ValueError("an exponential's average must be more than 0")

    def ppf(self, u: Floats) -> Floats:
        """Return the quantiles at `u`; infinite at 1."""
        with np.errstate(divide="ignore"):
            # log1p keeps the digits of short times, where 1 - u would round
            return -self.average * np.log1p(-u)

    def mean(self) -> float:
        """Return the average."""
        return self.average

    def planned(self) -> float:
        """Return twelve times the average: no plan counts on an accident."""
        return 12 * self.average

    def scaled(self, k: float) -> Exponential:
        """Multiply the average by `k` > 0."""
        return Exponential(self.average * k)


@dataclass(frozen=True, slots=True)
class Discrete:
    """A list of cases with weights, or past observations with none: weights need not sum to one."""

    values: tuple[float, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        """Put the cases in order of value, so that a larger draw is never a smaller value."""
        if not self.values or len(self.values) != len(self.weights):
            raise ValueError("a discrete distribution needs as many weights as values, and at least one")
        if min(self.weights) < 0 or not 0 < fsum(self.weights) < inf:
            raise ValueError(f"weights must be zero or more and have a positive sum: {self.weights}")
        cases = sorted(zip(self.values, self.weights, strict=True))
        _require_ordered(*(value for value, _ in cases))
        object.__setattr__(self, "values", tuple(float(value) for value, _ in cases))
        object.__setattr__(self, "weights", tuple(float(weight) for _, weight in cases))

    @classmethod
    def observed(cls, values: Sequence[float]) -> Discrete:
        """Take past observations, each as likely as the others."""
        return cls(tuple(values), (1.0,) * len(values))

    def cumulative(self) -> Floats:
        """Return the draw up to which each value applies; the last is exactly 1."""
        total = np.cumsum(self.weights)
        return np.asarray(total / total[-1], dtype=np.float64)

    def ppf(self, u: Floats) -> Floats:
        """Return the values whose shares of the weights contain `u`."""
        # a draw exactly on a boundary belongs to the next value, as in the kernel's search
        place = np.searchsorted(self.cumulative(), u, side="right")
        return np.asarray(self.values)[np.minimum(place, len(self.values) - 1)]

    def mean(self) -> float:
        """Return the weighted mean."""
        return fsum(v * w for v, w in zip(self.values, self.weights, strict=True)) / fsum(self.weights)

    def planned(self) -> float:
        """Return the most likely value; of two that are equally likely, the smaller."""
        return max(zip(self.values, self.weights, strict=True), key=lambda case: case[1])[0]

    def scaled(self, k: float) -> Discrete:
        """Multiply all values by `k` > 0 and leave the weights."""
        return Discrete(tuple(value * k for value in self.values), self.weights)


Distribution: TypeAlias = Fixed | Uniform | Triangular | Pert | Lognormal | Exponential | Discrete


def _require_ordered(*points: float) -> None:
    """Refuse points that are out of order or not finite."""
    if any(a > b for a, b in pairwise(points)) or not all(map(isfinite, points)):
        raise ValueError(f"points must be finite and in rising order: {points}")


# --- from an estimate to its distribution -----------------------------------------------------------------------------


@lru_cache(maxsize=4096)  # a plan asks for the same few hundred tens of thousands of times
def to_distribution(estimate: Estimate) -> Distribution:
    """Return the distribution of an estimate, in the estimate's own unit."""
    match estimate:
        case Estimate(shape="uniform", low=float(low), high=float(high)):
            return Uniform(low, high)
        case Estimate(shape="pert", low=float(low), mode=float(mode), high=float(high)):
            return Pert(low, mode, high)
        case Estimate(shape="triangular", low=float(low), mode=float(mode), high=float(high)):
            return Triangular(low, mode, high)
        case Estimate(shape="lognormal", median=float(median), p90=float(p90)):
            return Lognormal(median, p90)
        case Estimate(shape="discrete", values=tuple(values), weights=tuple(weights)):
            return Discrete(values, weights)
    return Fixed(estimate.planned)


# --- occurrence of a risk driver --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RiskOccurrence(Discrete):
    """1 with a probability, else 0; it occurs for the largest draws.

    So a driver whose probability is mitigated occurs in some of the replications in which it occurred before, and
    in no other. The planned value is 0 however probable it is: the deterministic run is the one without drivers.
    """

    @classmethod
    def with_probability(cls, probability: float) -> RiskOccurrence:
        """Return the occurrence of something with a probability from 0 to 1."""
        return cls((0.0, 1.0), (1.0 - probability, probability))

    def planned(self) -> float:
        """Return 0."""
        return 0.0
