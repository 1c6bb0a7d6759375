from __future__ import annotations

from math import inf, isnan, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.study.compare import better, practical
from sim.study.statistics import intervals
from sim.study.statistics.control_variates import control_variates
from sim.study.statistics.intervals import (
    controlled_mean,
    interval_ranks,
    mean_difference,
    mean_interval,
    ordered_interval,
    proportion_interval,
    quantile,
    quantile_differences,
    quantile_interval,
    rank,
)


def test_p80_of_a_thousand_is_bounded_by_the_775th_and_the_825th() -> None:
    assert interval_ranks(0.8, 1000) == (775, 825)
    values = np.random.default_rng(1).permutation(np.arange(1.0, 1001.0))
    found = quantile_interval(values, 0.8)
    assert (found.value, found.low, found.high, found.n) == (800.0, 775.0, 825.0, 1000)


def test_p80_of_five_thousand_is_bounded_by_p78_9_and_p81_1() -> None:
    low, high = interval_ranks(0.8, 5000)
    assert (round(low / 50, 1), round(high / 50, 1)) == (78.9, 81.1)


@settings(max_examples=150, deadline=None)
@given(n=st.integers(1, 3000), share=st.sampled_from([0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95]))
def test_ranks_are_those_of_the_binomial_distribution(n: int, share: float) -> None:
    from scipy.stats import binom

    assert interval_ranks(share, n) == (binom.ppf(0.025, n, share), binom.ppf(0.975, n, share) + 1)


@pytest.mark.parametrize(
    ("share", "n", "expected"),
    [(0.8, 10, 8), (0.8, 11, 9), (0.5, 4, 2), (0.5, 5, 3), (0.07, 100, 7), (0.1, 3, 1), (0.9, 1, 1)],
)
def test_a_quantile_is_the_smallest_value_with_that_share_on_or_before(share: float, n: int, expected: int) -> None:
    values = np.arange(1.0, n + 1)
    assert rank(share, n) == expected
    assert quantile(values, share) == expected
    assert (values <= expected).mean() >= share > (values < expected).mean()


def test_a_sample_too_small_for_a_bound_has_none() -> None:
    found = quantile_interval(np.arange(1.0, 11.0), 0.8)
    assert (found.value, found.high) == (8.0, inf)
    assert found.half_width == inf
    assert isnan(ordered_interval(np.array([]), 0.5).value)


def test_runs_that_stalled_count_in_quantiles_and_leave_no_mean() -> None:
    values = np.concatenate([np.arange(1.0, 91.0), np.full(10, inf)])
    assert quantile_interval(values, 0.8).value == 80.0
    assert quantile_interval(values, 0.95).value == inf
    assert isnan(mean_interval(values).value)


def test_t_interval_of_a_mean() -> None:
    # t(0.975, 4) = 2.776445; s = sqrt(2.5)
    found = mean_interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    half = 2.7764451 * sqrt(2.5 / 5)
    assert (found.value, found.low, found.high) == pytest.approx((3.0, 3.0 - half, 3.0 + half), abs=1e-6)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_wilson_interval_as_published_by_newcombe(hits: int, n: int, low: float, high: float) -> None:
    found = proportion_interval(hits, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5.1e-5)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_95_percent_intervals_cover_the_truth_that_often() -> None:
    draws = np.sort(np.random.default_rng(7).exponential(size=(2000, 200)), axis=1)
    for share in (0.5, 0.8):
        truth = -np.log(1 - share)
        hits = sum(one.low <= truth <= one.high for one in (ordered_interval(row, share) for row in draws))
        # four standard errors of 2,000 trials are 1.9 %; the method is exact and never below 95 %
        assert 0.932 <= hits / 2000 <= 0.985


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
    (found,) = quantile_differences(base, base, (0.8,))
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    ahead, equal = better(base, base, -1)
    assert (ahead.value, equal) == (0.0, 1.0)


def test_mean_difference_is_the_t_interval_of_the_differences() -> None:
    # differences 1, 2, 3, 4, 5: mean 3, half-width 2.776445 * sqrt(0.5)
    found = mean_difference(np.array([11.0, 22, 33, 44, 55]), np.array([10.0, 20, 30, 40, 50]))
    assert (found.value, found.high - found.value) == pytest.approx((3.0, 1.963243), abs=1e-6)


def test_the_bootstrap_is_the_textbook_one(base: np.ndarray) -> None:
    case = base + np.random.default_rng(4).normal(-3, 2, 400)
    generator = np.random.Generator(np.random.Philox(intervals.BOOTSTRAP_SEED))
    plain = []
    for _ in range(intervals.BOOTSTRAPS):
        picks = generator.integers(0, 400, 400)
        plain.append(np.sort(case[picks])[319] - np.sort(base[picks])[319])
    plain.sort()
    (found,) = quantile_differences(case, base, (0.8,))
    assert (found.low, found.high) == pytest.approx((plain[24], plain[974]))
    assert [found] == quantile_differences(case, base, (0.8,))


def test_runs_that_stall_are_infinitely_late() -> None:
    case, base = np.array([inf, inf, 5.0, 6.0, nan]), np.array([inf, 4.0, inf, 7.0, 1.0])
    assert isnan(mean_difference(case, base).value)
    ahead, equal = better(case, base, -1)
    assert (ahead.value, equal, ahead.n) == (0.5, 0.25, 4)
    assert intervals.minus(case, base)[:3].tolist() == [0.0, inf, -inf]


def test_more_can_be_better(base: np.ndarray) -> None:
    assert better(base + 1, base, +1)[0].value == 1.0
    assert better(base + 1, base, -1)[0].value == 0.0


def test_what_means_nothing_on_site() -> None:
    assert practical("days", 100) == pytest.approx(10 / 24)
    assert practical("days", 1000) == pytest.approx(1.0)
    assert practical("$", 2e9) == pytest.approx(2e6)
    assert practical("months", 6) == pytest.approx(10 / 24 / 30.4375)
    assert practical("$-months", 1000) == pytest.approx(1.0)


# --- control variates -------------------------------------------------------------------------------------------------


def a_sample(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Sixty functions of mean 0, and three metrics of mean 10: of five functions and chance, of chance, skewed."""
    x = random.normal(size=(60, n))
    noise = random.normal(size=(3, n))
    return x, 10 + np.array(
        [2 * x[0] - x[1] + x[2:5].sum(axis=0) + noise[0], noise[1], np.exp(0.5 * x[0] + 0.25 * noise[2])]
    )


def test_intervals_by_control_variates_hold_the_mean_as_often_as_they_say() -> None:
    random = np.random.default_rng(7)
    truth, held, width = (10.0, 10.0, 10 + np.exp(0.3125 / 2)), np.zeros(3), np.zeros(3)
    samples = 500
    for _ in range(samples):
        x, y = a_sample(random, 200)
        explained = control_variates(x, y - y.mean(axis=1, keepdims=True))
        for row in range(3):
            # what nothing explains has the plain interval
            found = controlled_mean(y[row], explained[row]) or mean_interval(y[row])
            held[row] += found.low <= truth[row] <= found.high
            width[row] += found.half_width / mean_interval(y[row]).half_width / samples
    assert (held[:2] / samples > 0.935).all()
    # 500 samples: two standard errors are 2 %; a skewed metric is covered a little less, as by the plain interval
    assert held[2] / samples > 0.92
    assert (held / samples < 0.975).all()
    assert width[0] < 0.47
    assert width[1] < 1.01


def test_controls_that_explain_too_little_are_not_used() -> None:
    x, y = a_sample(np.random.default_rng(8), 400)
    explained = control_variates(x, y - y.mean(axis=1, keepdims=True))
    assert controlled_mean(y[1], explained[1]) is None
    found = controlled_mean(y[0], explained[0])
    assert found is not None
    assert abs(found.value - 10) < 3 * found.half_width
    assert found.half_width < 0.5 * mean_interval(y[0]).half_width
    assert controlled_mean(y[0][:150], explained[0][:150]) is None
    assert controlled_mean(np.append(y[0][1:], np.inf), explained[0]) is None


def test_a_control_for_other_runs_than_the_metric_is_not_better_than_none() -> None:
    x, y = a_sample(np.random.default_rng(9), 400)
    assert controlled_mean(y[0], np.roll(control_variates(x, y)[0], 1)) is None
