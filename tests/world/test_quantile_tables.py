"""Compiled distributions: as exact as need be, and the same bits from numpy and from plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from sim.world.distributions import Discrete, Distribution, Fixed, Lognormal, Pert, Triangular, Uniform
from sim.world.quantile_tables import (
    DISCRETE,
    FIXED,
    SIDE,
    TABLE,
    compile_all,
    kind,
    lookup,
    lookup_one,
    sample,
    sample_one,
    table,
)
from sim.world.streams import stream_key, uniforms

CURVES: list[Distribution] = [
    Uniform(3, 4),
    Triangular(1, 2, 9),
    Triangular(0, 0, 4),
    Pert(20, 25, 45),
    Pert(0, 0, 1),
    Pert(5, 6, 60),
    Pert(1, 9, 9),
    Lognormal(60, 110),
    Lognormal(5, 20),
]
SHAPES: list[Distribution] = [Fixed(3), Discrete((5, 1, 3), (2, 1, 1)), Discrete((7,), (1,)), *CURVES]
LOOKED_UP = [(kind(shape), table(shape), table(shape).tolist()) for shape in SHAPES]
# Ends, middle and every border between two octaves, with their neighbours.
BORDERS = [border for octave in range(1, 54) for border in (2.0**-octave, 1 - 2.0**-octave)]
CORNERS = sorted({u for b in BORDERS for u in (math.nextafter(b, 0), b, math.nextafter(b, 1)) if 0 < u < 1})


@pytest.mark.parametrize("shape", CURVES)
def test_tables_are_true_to_a_ten_thousandth_of_the_range(shape: Distribution) -> None:
    u = np.sort(uniforms([stream_key(1, "accuracy")], 0, 200_000)[0])
    body = u[(u > 2.0**-10) & (u < 1 - 2.0**-10)]
    low, high = shape.ppf(np.array([2.0**-10, 1 - 2.0**-10]))
    assert np.abs(lookup(table(shape), body) - shape.ppf(body)).max() <= 1e-4 * (high - low)
    tails = u[(u > 2.0**-20) & (u < 1 - 2.0**-20)]
    np.testing.assert_allclose(lookup(table(shape), tails), shape.ppf(tails), rtol=1e-3)


@pytest.mark.parametrize("shape", CURVES)
def test_knots_are_exact(shape: Distribution) -> None:
    u = np.array([2.0**-21, 2.0**-10, 0.125, 0.25 + 1 / 128, 0.5, 0.75, 1 - 2.0**-12, 1 - 2.0**-21])
    np.testing.assert_allclose(lookup(table(shape), u), shape.ppf(u), rtol=1e-14)


@pytest.mark.parametrize("shape", CURVES)
def test_tables_keep_the_mean(shape: Distribution) -> None:
    middles = (np.arange(2**16) + 0.5) / 2**16
    assert lookup(table(shape), middles).mean() == pytest.approx(shape.mean(), rel=2e-4)


def test_more_luck_is_never_a_smaller_value() -> None:
    u = np.sort(np.concatenate([CORNERS, uniforms([stream_key(1, "rising")], 0, 20_000)[0]]))
    for shape in SHAPES:
        values = lookup(table(shape), u, kind(shape))
        assert (np.diff(values) >= -1e-12 * np.abs(values[1:])).all()


def test_a_lognormal_is_cut_at_its_last_finite_knot() -> None:
    last = 60 * math.exp(math.log(110 / 60) / norm.ppf(0.9) * norm.ppf(1 - 2.0**-21))
    top = lookup(table(Lognormal(60, 110)), np.array([1 - 2.0**-21, 1 - 2.0**-30, 1 - 2.0**-53]))
    assert top.tolist() == pytest.approx([last] * 3, rel=1e-9)


def assert_same_bits(u: float) -> None:
    for which, compiled, plain in LOOKED_UP:
        many = lookup(compiled, np.array([u]), which)[0]
        one = lookup_one(plain, u, which)
        assert type(one) is float
        assert one == many


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_one_and_many_have_the_same_bits(u: float) -> None:
    assert_same_bits(u)


def test_one_and_many_have_the_same_bits_at_every_corner() -> None:
    for u in CORNERS:
        assert_same_bits(u)


def test_a_discrete_table_steps_where_its_distribution_does() -> None:
    shape = Discrete((5, 1, 3, 8), (2, 1, 1, 0.7))
    u = uniforms([stream_key(1, "steps")], 0, 10_000)[0]
    assert (lookup(table(shape), u, DISCRETE) == shape.ppf(u)).all()


def test_kinds_and_layout() -> None:
    tables = compile_all([Fixed(3), Discrete((5, 1), (1, 3)), Pert(1, 2, 3)])
    assert tables.kind.tolist() == [FIXED, DISCRETE, TABLE] == [0, 1, 2]
    assert tables.start.tolist() == [0, 1, 5]
    assert tables.length.tolist() == [1, 4, 2 * SIDE]
    assert tables.data[:5].tolist() == [3, 1, 5, 0.75, 1]
    assert [array.dtype.name for array in (tables.data, tables.start)] == ["float64", "int64"]


def test_equal_distributions_share_their_table() -> None:
    tables = compile_all([Pert(1, 2, 3), Fixed(3), Pert(1.0, 2.0, 3.0), Triangular(1, 2, 3)])
    assert tables.start[0] == tables.start[2]
    assert len(set(tables.start.tolist())) == 3
    assert len(tables.data) == 1 + 2 * 2 * SIDE


def test_sampling_many_inputs_is_looking_each_up() -> None:
    rng = np.random.default_rng(3)
    index = rng.integers(0, len(SHAPES), 200)
    u = rng.random((200, 7))
    tables = compile_all(SHAPES)
    values = sample(tables, index, u)
    for row, distribution in enumerate(index):
        assert values[row].tolist() == [sample_one(tables, int(distribution), float(draw)) for draw in u[row]]
        assert (values[row] == lookup(tables.of(distribution), u[row], int(tables.kind[distribution]))).all()


def test_nothing_to_sample() -> None:
    nothing = np.empty((0, 4))
    assert sample(compile_all([]), np.empty(0, dtype=np.int64), nothing).shape == (0, 4)
    assert sample(compile_all([Fixed(1)]), np.empty(0, dtype=np.int64), nothing).shape == (0, 4)
