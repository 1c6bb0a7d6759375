from __future__ import annotations

from math import inf, isnan, nan

import numpy as np
import pytest

from sim.study import intervals as paired
from sim.study.intervals import better, mean_difference, practical, quantile_difference, quantile_differences


@pytest.fixture
def base() -> np.ndarray:
    return np.random.default_rng(3).normal(300, 20, 400).round(2)


def test_a_constant_lead_is_known_exactly(base: np.ndarray) -> None:
    assert mean_difference(base - 4, base).high == pytest.approx(-4)
    for found in quantile_differences(base - 4, base, (0.5, 0.8)):
        assert [found.value, found.low, found.high] == pytest.approx([-4, -4, -4])
        assert found.n == 400
    ahead, equal = better(base - 4, base, -1)
    assert (ahead.value, ahead.high, equal) == (1.0, 1.0, 0.0)


def test_a_case_against_itself_is_no_difference(base: np.ndarray) -> None:
    found = quantile_difference(base, base, 0.8)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    ahead, equal = better(base, base, -1)
    assert (ahead.value, equal) == (0.0, 1.0)


def test_mean_difference_is_the_t_interval_of_the_differences() -> None:
    # differences 1, 2, 3, 4, 5: mean 3, half-width 2.776445 * sqrt(0.5)
    found = mean_difference(np.array([11.0, 22, 33, 44, 55]), np.array([10.0, 20, 30, 40, 50]))
    assert (found.value, found.high - found.value) == pytest.approx((3.0, 1.963243), abs=1e-6)


def test_the_bootstrap_is_the_textbook_one(base: np.ndarray) -> None:
    case = base + np.random.default_rng(4).normal(-3, 2, 400)
    generator = np.random.Generator(np.random.Philox(paired.BOOTSTRAP_SEED))
    plain = []
    for _ in range(paired.BOOTSTRAPS):
        picks = generator.integers(0, 400, 400)
        plain.append(np.sort(case[picks])[319] - np.sort(base[picks])[319])
    plain.sort()
    found = quantile_difference(case, base, 0.8)
    assert (found.low, found.high) == pytest.approx((plain[24], plain[974]))
    assert found == quantile_difference(case, base, 0.8)


def test_runs_that_stall_are_infinitely_late() -> None:
    case, base = np.array([inf, inf, 5.0, 6.0, nan]), np.array([inf, 4.0, inf, 7.0, 1.0])
    assert isnan(mean_difference(case, base).value)
    ahead, equal = better(case, base, -1)
    assert (ahead.value, equal, ahead.n) == (0.5, 0.25, 4)
    assert paired.minus(case, base)[:3].tolist() == [0.0, inf, -inf]


def test_more_can_be_better(base: np.ndarray) -> None:
    assert better(base + 1, base, +1)[0].value == 1.0
    assert better(base + 1, base, -1)[0].value == 0.0


def test_what_means_nothing_on_site() -> None:
    assert practical("lead_time_full_days", 100) == pytest.approx(10 / 24)
    assert practical("lead_time_full_days", 1000) == pytest.approx(1.0)
    assert practical("capital_total_usd", 2e9) == pytest.approx(2e6)
    assert practical("idle_capital_months", 6) == pytest.approx(10 / 24 / 30.4375)
    assert practical("idle_capital_usd_months", 1000) == pytest.approx(1.0)
