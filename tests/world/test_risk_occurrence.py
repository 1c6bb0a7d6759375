from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.world.distributions import RiskOccurrence
from sim.world.quantile_tables import compile_all, sample
from sim.world.streams import stream_key, uniforms


@pytest.mark.parametrize("probability", [0, 0.25, 0.9, 1])
def test_no_plan_counts_on_it(probability: float) -> None:
    occurs = RiskOccurrence.with_probability(probability)
    assert occurs.planned() == 0
    assert occurs.mean() == probability


@given(st.floats(0, 1), st.lists(st.floats(1e-9, 1 - 1e-9), min_size=1))
def test_it_occurs_in_the_upper_part_of_its_draws_and_is_sampled_like_that(p: float, draws: list[float]) -> None:
    u = np.array([draws])
    occurs = RiskOccurrence.with_probability(p)
    tables = compile_all([occurs])
    expected = (u >= 1 - p).astype(float)
    assert np.array_equal(occurs.ppf(u), expected)
    assert np.array_equal(sample(tables, np.array([0]), u), expected)


@given(st.floats(0, 1), st.floats(0, 1))
def test_what_is_mitigated_occurs_only_where_it_occurred_before(p: float, q: float) -> None:
    u = uniforms([stream_key(1, "risk.any")], 0, 200)
    low, high = (RiskOccurrence.with_probability(chance).ppf(u) for chance in sorted((p, q)))
    assert (low <= high).all()
