"""Chains and merges of drawn durations follow the textbook: sums, maxima, and shared luck."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import gamma

from sim.world.distributions import Pert, Uniform
from sim.world.streams import stream_key, uniforms

RUNS = 100_000


def luck(activities: int) -> NDArray[np.float64]:
    return uniforms([stream_key(5, f"activity {number}") for number in range(activities)], 0, RUNS)


def assert_share_below(sample: NDArray[np.float64], quantile: float, share: float) -> None:
    assert abs((sample <= quantile).mean() - share) < 4 * math.sqrt(share * (1 - share) / len(sample))


@pytest.mark.parametrize("activities", [2, 5, 12])
def test_a_chain_of_exponentials_is_a_gamma(activities: int) -> None:
    total = (-np.log1p(-luck(activities)) * 3.0).sum(axis=0)
    assert_share_below(total, float(gamma(activities, scale=3.0).ppf(0.8)), 0.8)


def test_variances_of_a_chain_add_up() -> None:
    shapes = [Pert(5, 6, 12), Pert(20, 25, 45), Pert(2, 3, 4)]
    total = np.sum([shape.ppf(u) for shape, u in zip(shapes, luck(3), strict=True)], axis=0)
    variance = sum((s.mean() - s.low) * (s.high - s.mean()) / 7 for s in shapes)
    off = (total - sum(shape.mean() for shape in shapes)) ** 2
    assert abs(off.mean() - variance) < 4 * off.std() / math.sqrt(RUNS)


def test_shared_luck_adds_deviations_instead() -> None:
    """Correlation 1: the variance of the sum is (s1 + s2)², where independence gives s1² + s2²."""
    u = luck(1)[0]
    off = (Uniform(0, 6).ppf(u) + Uniform(10, 14).ppf(u) - 15.0) ** 2
    assert abs(off.mean() - (6 + 4) ** 2 / 12) < 4 * off.std() / math.sqrt(RUNS)


@pytest.mark.parametrize("paths", [2, 5, 20])
def test_a_merge_of_uniform_paths_is_late(paths: int) -> None:
    merge = Uniform(10, 20).ppf(luck(paths)).max(axis=0)
    assert abs(merge.mean() - (10 + 10 * paths / (paths + 1))) < 4 * merge.std() / math.sqrt(RUNS)
    assert_share_below(merge, 10 + 10 * 0.8 ** (1 / paths), 0.8)


def test_a_merge_of_exponential_paths_takes_the_harmonic_sum() -> None:
    merge = (-np.log1p(-luck(6)) * 2.0).max(axis=0)
    assert abs(merge.mean() - 2.0 * sum(1 / k for k in range(1, 7))) < 4 * merge.std() / math.sqrt(RUNS)
