"""The distribution a planner's estimate stands for."""

from __future__ import annotations

from functools import lru_cache

from sim.config.estimates import Estimate
from sim.world.distributions import Discrete, Distribution, Fixed, Lognormal, Pert, Triangular, Uniform


@lru_cache(maxsize=4096)  # a plan asks for the same few hundred tens of thousands of times
def shape(estimate: Estimate) -> Distribution:
    """Return the distribution an estimate stands for, in the estimate's own unit."""
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
