from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import SimError
from sim.world.streams import (
    MAX_SOBOL_DIMENSIONS,
    PLAIN_MONTE_CARLO,
    Sampling,
    choose_sampling,
    direction_numbers,
    directions_by_scipy,
    latin_hypercube,
    ranks,
    scrambled_directions,
    sobol_points,
    stream_key,
    uniforms,
)

KEYS = [stream_key(1, f"input {number}") for number in range(40)]


def test_how_many_runs_make_a_study() -> None:
    assert choose_sampling("mc", 1000) == PLAIN_MONTE_CARLO
    assert PLAIN_MONTE_CARLO.fit(123) == 123
    assert choose_sampling("lhs", 1000) == Sampling("lhs", 125)
    assert choose_sampling("lhs", 1001).fit(1001) == 1008
    assert choose_sampling("sobol", 1000) == Sampling("sobol", 128)
    assert Sampling("sobol", 128).fit(1000) == 1024
    assert Sampling("sobol", 128).fit(1025) == 1152
    assert choose_sampling("sobol", 1) == Sampling("sobol", 16)
    assert choose_sampling("sobol-all", 100_000).size == 1024
    assert Sampling("lhs", 125).describe(1000) == "Latin hypercube (8 randomisations of 125)"
    assert Sampling.read(Sampling("lhs", 125).document()) == Sampling("lhs", 125)


def test_a_method_that_does_not_exist() -> None:
    with pytest.raises(SimError, match="there are mc, lhs, sobol, sobol-all") as caught:
        choose_sampling("halton", 1000)
    assert caught.value.exit_code == 2


def is_even(drawn: np.ndarray) -> bool:
    """Whether every input has one draw in each slice."""
    slices = np.sort((drawn * drawn.shape[1]).astype(int), axis=1)
    return bool((slices == np.arange(drawn.shape[1])).all())


@given(size=st.integers(1, 200), block=st.integers(0, 50))
def test_a_latin_hypercube_has_each_slice_once(size: int, block: int) -> None:
    drawn = latin_hypercube(ranks(KEYS, block, size), KEYS, block * size, size)
    assert is_even(drawn)
    assert ((drawn > 0) & (drawn < 1)).all()


def test_a_latin_hypercube_keeps_the_order_of_plain_luck() -> None:
    plain = uniforms(KEYS, 3 * 64, 64)
    drawn = latin_hypercube(ranks(KEYS, 3, 64), KEYS, 3 * 64, 64)
    assert (np.argsort(plain, axis=1) == np.argsort(drawn, axis=1)).all()
    # the rank of 64 uniforms strays from its value by 1 / sqrt(6 * 64) = 0.05 on average
    assert 0.03 < np.sqrt(np.mean((plain - drawn) ** 2)) < 0.07


def test_a_draw_does_not_depend_on_the_chunk() -> None:
    ranked, mixed = ranks(KEYS, 2, 64), scrambled_directions(direction_numbers(40, 6), KEYS, 2)
    whole, points = latin_hypercube(ranked, KEYS, 128, 64), sobol_points(mixed, 0, 64)
    for first in range(64):
        assert (latin_hypercube(ranked, KEYS, 128 + first, 1)[:, 0] == whole[:, first]).all()
        assert (sobol_points(mixed, first, 1)[:, 0] == points[:, first]).all()


def test_sobol_numbers_are_the_published_ones() -> None:
    """From new-joe-kuo-6.21201 by hand: m_1 … m_4 of dimensions 1 to 5, the last ones by Sobol's recurrence."""
    published = [[1, 1, 1, 1], [1, 3, 5, 15], [1, 3, 3, 9], [1, 3, 1, 5], [1, 1, 1, 11]]
    # m_k has k binary digits, and stands as a fraction of four
    assert direction_numbers(5, 4).tolist() == [[m << (3 - k) for k, m in enumerate(row)] for row in published]


@pytest.mark.parametrize(("dimensions", "digits"), [(1, 3), (40, 7), (300, 12), (21_201, 4)])
def test_sobol_numbers_are_those_that_scipy_works_out(dimensions: int, digits: int) -> None:
    assert (direction_numbers(dimensions, digits) == directions_by_scipy(dimensions, digits)).all()


def test_scrambled_points_are_even_in_every_input_and_in_pairs() -> None:
    for block in range(5):
        drawn = sobol_points(scrambled_directions(direction_numbers(40, 6), KEYS, block), 0, 64)
        assert is_even(drawn)
        assert ((drawn > 0) & (drawn < 1)).all()
        # the first two dimensions are a (0, 2)-sequence: one point in each of 8 x 8 squares
        cells = (drawn[:2] * 8).astype(int)
        assert len(set(zip(*cells.tolist(), strict=True))) == 64


def test_sobol_points_go_on() -> None:
    """The first 64 of 256 are the 64: a longer sequence begins with the shorter one."""
    keys = KEYS[:7]
    short, long = (
        sobol_points(scrambled_directions(direction_numbers(7, digits), keys, 0), 0, 64) for digits in (6, 8)
    )
    assert (short == long).all()


def test_randomisations_are_uniform_and_independent() -> None:
    """Over 400 scramblings a point falls anywhere: mean 1/2, variance 1/12, no tie to the next scrambling."""
    numbers = direction_numbers(40, 4)
    points = np.array([sobol_points(scrambled_directions(numbers, KEYS, block), 5, 1)[:, 0] for block in range(400)])
    assert abs(points.mean() - 0.5) < 4 * np.sqrt(1 / 12 / points.size)
    assert abs(points.var() - 1 / 12) < 0.003
    assert abs(np.corrcoef(points[:-1].ravel(), points[1:].ravel())[0, 1]) < 4 / np.sqrt(points.size)


def test_a_mean_is_known_far_better_than_by_plain_luck() -> None:
    """The sum of 40 uniforms: exact variance 40/12/64 of a plain mean; evenly spread it is 40/12/64^3 or so."""
    numbers = direction_numbers(40, 6)
    hypercubes = [latin_hypercube(ranks(KEYS, block, 64), KEYS, block * 64, 64) for block in range(60)]
    nets = [sobol_points(scrambled_directions(numbers, KEYS, block), 0, 64) for block in range(60)]
    for randomisations in (hypercubes, nets):
        means = np.array([drawn.sum(axis=0).mean() for drawn in randomisations])
        assert abs(means.mean() - 20) < 4 * means.std() / np.sqrt(60)
        assert means.var() < 40 / 12 / 64 / 1000


def test_more_inputs_than_sobol_has_dimensions() -> None:
    with pytest.raises(SimError, match=r"21,202 inputs.*use sobol") as caught:
        direction_numbers(MAX_SOBOL_DIMENSIONS + 1, 4)
    assert caught.value.exit_code == 2
