"""The compiled engine and the SimPy one: the same log, row for row, on plans nobody would think of."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.plan.compile import compile_plan
from sim.plan.plan import Plan
from tests.engine_compiled.any_plans import PLANS
from tests.engine_compiled.both import agree

LARGE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@settings(max_examples=300, suppress_health_check=LARGE)
@given(PLANS, st.integers(0, 2**70), st.integers(0, 5_000))
def test_any_plan_has_the_same_log_in_both_engines(plan: Plan, seed: int, replication: int) -> None:
    agree(compile_plan(plan), seed, replication)


@pytest.mark.slow
@settings(max_examples=4_000, suppress_health_check=LARGE)
@given(PLANS, st.integers(0, 2**70), st.integers(0, 5_000))
def test_many_plans_have_the_same_log_in_both_engines(plan: Plan, seed: int, replication: int) -> None:
    agree(compile_plan(plan), seed, replication)
