"""Memory of the weather, against Markov chain theory and against sums written out."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.world.weather.climate import LAGS, autocorrelated, interpolated, wet_days

DAYS = 400_000


@pytest.mark.parametrize(("p01", "p10"), [(0.08, 0.6), (0.2, 0.5), (0.3, 0.7), (0.02, 0.2)])
def test_wet_share_and_mean_spell_are_those_of_the_chain(p01: float, p10: float) -> None:
    luck = np.random.default_rng(7).random(DAYS)
    wet = wet_days(luck, np.full(DAYS, p01), np.full(DAYS, p10))
    share, memory = p01 / (p01 + p10), 1 - p01 - p10
    error = sqrt(share * (1 - share) / DAYS * (1 + memory) / (1 - memory))
    assert abs(wet.mean() - share) < 4 * error
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wet, [0]])))
    spells = edges[1::2] - edges[::2]
    assert abs(spells.mean() - 1 / p10) < 4 * sqrt(1 - p10) / p10 / sqrt(len(spells))


@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.floats(0, 0.5), st.floats(0.01, 0.5)), min_size=1),
    st.booleans(),
)
def test_the_chain_without_a_loop_is_the_chain_with_one(days: list[tuple[float, float, float]], wet: bool) -> None:
    luck, p01, p10 = (np.array(column) for column in zip(*days, strict=True))
    found, sure = wet_days(luck, p01, p10), False
    for day, (one, to_wet, to_dry) in enumerate(days):
        wet = one < (1 - to_dry if wet else to_wet)
        sure = sure or one < to_wet or one >= 1 - to_dry
        if sure:
            assert found[day] == wet


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6, 0.9])
def test_memory_is_the_sum_of_the_last_32_numbers(correlation: float) -> None:
    noise = np.random.default_rng(3).normal(size=200)
    weights = correlation ** np.arange(LAGS + 1)
    expected = np.convolve(noise, weights / sqrt((weights**2).sum()), mode="valid")
    assert autocorrelated(noise, correlation) == pytest.approx(expected)
    assert len(expected) == 200 - LAGS


def test_memory_does_not_depend_on_where_the_series_begins() -> None:
    noise = np.random.default_rng(3).normal(size=500)
    whole = autocorrelated(noise, 0.61)
    assert (autocorrelated(noise[137:], 0.61) == whole[137:]).all()


def test_memory_keeps_variance_and_has_its_correlation() -> None:
    series = autocorrelated(np.random.default_rng(5).normal(size=DAYS), 0.6)
    error = 4 * sqrt((1 + 0.6**2) / (1 - 0.6**2) / DAYS)
    assert abs(series.var() - 1) < sqrt(2) * error
    assert abs((series[1:] * series[:-1]).mean() - 0.6) < sqrt(2) * error


@pytest.mark.parametrize("correlation", [0.0, 0.14, 0.7])
def test_hours_between_knots_keep_the_variance(correlation: float) -> None:
    knots = autocorrelated(np.random.default_rng(5).normal(size=DAYS), correlation)
    assert (interpolated(knots, correlation, 0.0) == knots[:-1]).all()
    later = interpolated(knots, correlation, 1 / 3)
    error = 4 * sqrt(2 * (1 + correlation**2) / (1 - correlation**2) / DAYS) * 1.5
    assert abs(later.var() - 1) < error
    third = (2 + correlation) / sqrt(5 + 4 * correlation)  # its correlation with the knot before
    assert abs((knots[:-1] * later).mean() - third) < error
