"""Every distribution has the moments, quantiles and bounds of its closed form."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from sim.world.distributions import Discrete, Distribution, Fixed, Lognormal, Pert, Triangular, Uniform
from sim.world.streams import stream_key, uniforms

DRAWS = 400_000
SOME_U = np.array([2.0**-54, 1e-9, 0.001, 0.1, 0.25, 0.5, 0.8, 0.9, 0.999, 1 - 1e-9, 1 - 2.0**-53])
SHAPES: list[Distribution] = [
    Fixed(3.5),
    Uniform(2, 9),
    Triangular(1, 2, 9),
    Triangular(0, 0, 4),
    Triangular(0, 4, 4),
    Pert(20, 25, 45),
    Pert(0, 0, 1),
    Pert(0, 1, 1),
    Lognormal(60, 110),
    Discrete((5, 1, 3), (2, 1, 1)),
]


def drawn(name: str) -> NDArray[np.float64]:
    return uniforms([stream_key(20261123, name)], 0, DRAWS).ravel()


def assert_moments(sample: NDArray[np.float64], mean: float, variance: float) -> None:
    """Sample mean and variance lie within four standard errors of the true ones."""
    off = sample - mean
    assert abs(off.mean()) < 4 * math.sqrt(variance / len(sample))
    assert abs((off**2).mean() - variance) < 4 * (off**2).std() / math.sqrt(len(sample))


def test_triangular_moments() -> None:
    a, m, b = 20.0, 25.0, 45.0
    variance = (a * a + m * m + b * b - a * b - a * m - m * b) / 18
    assert_moments(Triangular(a, m, b).ppf(drawn("triangular")), (a + m + b) / 3, variance)


def test_pert_moments_are_those_of_its_beta_not_the_rule_of_thumb() -> None:
    sample = Pert(20, 25, 45).ppf(drawn("pert"))
    assert_moments(sample, 27.5, (27.5 - 20) * (45 - 27.5) / 7)
    assert abs(sample.var() - ((45 - 20) / 6) ** 2) > 1


def test_lognormal_gives_back_median_and_p90() -> None:
    sample = Lognormal(60, 110).ppf(drawn("lognormal"))
    for share, value in ((0.5, 60), (0.9, 110)):
        assert abs((sample < value).mean() - share) < 4 * math.sqrt(share * (1 - share) / DRAWS)


def test_uniform_and_discrete_moments() -> None:
    assert_moments(Uniform(2, 8).ppf(drawn("uniform")), 5, 3)
    assert_moments(Discrete((1, 3, 5), (1, 1, 2)).ppf(drawn("discrete")), 3.5, 2.75)


def test_quantiles_are_those_of_scipy() -> None:
    u = np.linspace(0.0005, 0.9995, 1999)
    beta = stats.beta(1 + 4 * 0.2, 1 + 4 * 0.8, loc=20, scale=25)
    sigma = math.log(110 / 60) / stats.norm.ppf(0.9)
    np.testing.assert_allclose(Pert(20, 25, 45).ppf(u), beta.ppf(u), rtol=1e-9)
    np.testing.assert_allclose(Triangular(20, 25, 45).ppf(u), stats.triang(0.2, 20, 25).ppf(u), rtol=1e-12)
    np.testing.assert_allclose(Lognormal(60, 110).ppf(u), stats.lognorm(sigma, scale=60).ppf(u), rtol=1e-12)


def test_discrete_values_reign_by_weight_whatever_their_order() -> None:
    shape = Discrete((5, 1, 3), (2, 1, 1))
    u = np.array([0.001, 0.2499, 0.25, 0.4999, 0.5, 0.75, 0.9999])
    assert shape.ppf(u).tolist() == [1, 1, 3, 3, 5, 5, 5]
    assert Discrete((3, 1, 5), (1, 1, 2)) == shape


def test_a_case_without_weight_never_comes() -> None:
    assert set(Discrete((1, 2, 3), (0, 1, 0)).ppf(SOME_U).tolist()) == {2.0}


def test_observations_count_alike() -> None:
    assert Discrete.observed([4, 4, 1, 3]).mean() == 3
    assert Discrete.observed([4, 4, 1, 3]).ppf(np.array([0.2, 0.3, 0.6, 0.9])).tolist() == [1, 3, 4, 4]


@pytest.mark.parametrize(
    ("shape", "planned", "mean"),
    [
        (Fixed(3.5), 3.5, 3.5),
        (Uniform(2, 9), 5.5, 5.5),
        (Triangular(1, 2, 9), 2, 4),
        (Pert(20, 25, 45), 25, 27.5),
        (Lognormal(60, 60), 60, 60),
        (Discrete((5, 1, 3), (2, 1, 1)), 5, 3.5),
        (Discrete((1, 2), (1, 1)), 1, 1.5),
    ],
)
def test_planned_value_and_mean(shape: Distribution, planned: float, mean: float) -> None:
    assert (shape.planned(), shape.mean()) == (planned, mean)


def test_planned_lognormal_is_its_median() -> None:
    assert Lognormal(60, 110).planned() == 60
    assert Lognormal(60, 110).mean() == pytest.approx(stats.lognorm(0.47297, scale=60).mean(), rel=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_scaling_scales_every_quantile_and_the_plan(shape: Distribution) -> None:
    np.testing.assert_allclose(shape.scaled(2.5).ppf(SOME_U), 2.5 * shape.ppf(SOME_U), rtol=1e-10)
    assert shape.scaled(2.5).planned() == 2.5 * shape.planned()
    assert shape.scaled(2.5).mean() == pytest.approx(2.5 * shape.mean())


@pytest.mark.parametrize("shape", SHAPES)
def test_more_luck_is_never_a_smaller_value(shape: Distribution) -> None:
    values = shape.ppf(np.sort(np.concatenate([SOME_U, np.linspace(0.001, 0.999, 997)])))
    assert (np.diff(values) >= 0).all()
    assert np.isfinite(values).all()


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=3).map(sorted))
def test_three_points_bound_every_value(points: list[float]) -> None:
    for shape in (Triangular(*points), Pert(*points)):
        values = shape.ppf(SOME_U)
        assert values.min() >= points[0]
        assert values.max() <= points[2]


@pytest.mark.parametrize("shape", [Uniform(4, 4), Triangular(4, 4, 4), Pert(4, 4, 4), Lognormal(4, 4)])
def test_a_range_without_width_is_its_value(shape: Distribution) -> None:
    assert shape.ppf(SOME_U).tolist() == [4.0] * len(SOME_U)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Fixed(math.nan),
        lambda: Uniform(3, 2),
        lambda: Triangular(1, 9, 8),
        lambda: Pert(5, 4, 9),
        lambda: Pert(1, 2, math.inf),
        lambda: Lognormal(0, 5),
        lambda: Lognormal(5, 4),
        lambda: Discrete((), ()),
        lambda: Discrete((1, 2), (1,)),
        lambda: Discrete((1, 2), (1, -1)),
        lambda: Discrete((1, 2), (0, 0)),
        lambda: Discrete((1, math.nan), (1, 1)),
    ],
)
def test_what_is_no_distribution_is_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(ValueError, match=r"must|needs"):
        wrong()


def test_reading_the_world_loads_nothing_heavy() -> None:
    modules = ("project_calendars", "quantile_tables", "streams", "roads")
    world = ", ".join(f"sim.world.{module}" for module in modules)
    heavy = "{'scipy.stats', 'holidays', 'simpy'}"
    show = f"import sys, {world}; print({heavy} & sys.modules.keys())"
    told = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"
