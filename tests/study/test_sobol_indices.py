"""Sobol indices from the run's own sample: known shares are found, nothing is found where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

import sim
from sim.report import explanations as shares
from sim.report.result_view import ResultView
from sim.study.sobol_indices import classes, index, resampled
from tests.tiny_project import tiny

N = 2000
EVERYONE = np.ones(N, bool)


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    return resampled(N)


def test_a_sum_of_two_is_shared_out_as_the_squares_of_its_weights(counts: np.ndarray) -> None:
    one, two, noise = np.random.default_rng(1).uniform(size=(3, N))
    y = one + 2 * two + noise  # 1 : 4 : 1
    found = [index(y, classes(x, EVERYONE), counts) for x in (one, two)]
    for (share, low, high), truth in zip(found, (1 / 6, 4 / 6), strict=True):
        assert share == pytest.approx(truth, abs=0.04)
        assert low < truth < high
        assert high - low < 0.12


def test_a_curved_effect_is_seen_too(counts: np.ndarray) -> None:
    x = np.random.default_rng(2).uniform(-1, 1, N)
    assert np.corrcoef(x, x**2)[0, 1] ** 2 < 0.01
    assert index(x**2, classes(x, EVERYONE), counts)[0] > 0.9


def test_shares_of_what_has_no_effect_add_up_to_nothing(counts: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(size=N)
    found = [index(y, classes(rng.uniform(size=N), EVERYONE), counts) for _ in range(60)]
    assert abs(sum(share for share, _, _ in found)) < 0.05
    assert sum(low > 0 for _, low, _ in found) <= 6


def test_a_risk_that_rarely_occurs_is_one_class_more(counts: np.ndarray) -> None:
    rng = np.random.default_rng(4)
    occurs = rng.uniform(size=N) < 0.2
    y = np.where(occurs, 5.0, 0.0) + rng.normal(size=N)
    number = np.where(occurs, 1 + classes(rng.uniform(size=N), occurs), 0)
    assert set(number[~occurs]) == {0}
    share, low, high = index(y, number, counts)
    assert low < 25 * 0.16 / (25 * 0.16 + 1) < high
    assert share == pytest.approx(0.8, abs=0.03)


def test_a_run_without_drivers_says_so_in_a_line() -> None:
    result = sim.run(tiny(), runs=2, seed=1, workers=1)
    assert result.table("indices").empty
    assert shares.variance_rows(ResultView.of(result)) == []
    assert "\n" not in shares.missing_indices_note(ResultView.of(result))
