"""The compiled engine and the SimPy one: the same log, row for row, on plans nobody would think of."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.backends import COMPILED, SIMPY, require_same
from sim.engine.simpy_engine import RunOutcome
from sim.plan.compile import compile_plan
from sim.plan.vocabulary import Plan
from tests.engine.numba_engine.any_plans import PLANS, any_plan
from tests.engine.numba_engine.both import agree, drawn_by
from tests.engine.random_plans import random_plan

CONFIGS = sorted((Path(__file__).parents[3] / "configs").glob("*.yaml"))


@settings(max_examples=150)
@given(PLANS, st.integers(0, 2**70), st.integers(0, 5_000))
def test_any_plan_has_the_same_log_in_both_engines(plan: Plan, seed: int, replication: int) -> None:
    agree(compile_plan(plan), seed, replication)


@pytest.mark.parametrize("seed", range(6))
def test_crowds_have_the_same_log_in_both_engines(seed: int) -> None:
    plan = compile_plan(any_plan(seed, 60, 8, sound=True))
    for replication in range(3):
        done = agree(plan, seed, replication)
        assert isinstance(done, RunOutcome)
        assert len(done.log) > 400


def test_random_plans_are_worth_performing() -> None:
    outcomes = [agree(compile_plan(any_plan(seed, 10, 5, sound=seed % 2 == 0))) for seed in range(60)]
    ends = Counter(type(done).__name__ if isinstance(done, str) else done.deadlock is None for done in outcomes)
    assert ends[True] > 20
    assert ends[False] > 5
    assert sum(len(done.log) for done in outcomes if isinstance(done, RunOutcome)) > 3_000


SMALL = ("scale.capacity_mw=25", "scale.phases=1")


@pytest.mark.parametrize("config", [path for path in CONFIGS if path.stem != "base"], ids=lambda path: str(path.stem))
def test_shipped_projects_in_small_have_the_same_log_in_both_engines(config: Path) -> None:
    from sim.study.api import load
    from sim.study.case import prepare_case

    case = prepare_case(load(config, () if config.stem == "one_block" else SMALL).value)
    for replication in range(2):
        done = agree(case.plan, 1, replication, case.calendars_of(1, replication))
        assert isinstance(done, RunOutcome)
        assert done.deadlock is None


REWORK = (
    *(f"commissioning.l{level}.fails=0.5" for level in (2, 3, 4, 5)),
    "commissioning.flush.fails=0.5",
    "hall.blocks=5",
    "turnover_blocks=10",
    "shell.steps.steel.cranes=2",
    "shell.section_sqft=12500",
    "labour.early_weeks=0",
    "labour.trades.electricians.crews_by_month=[0, 0, 0, 0, 0, 0, 2, 4, 6, 8, 8, 8, 2, 0, 3]",
    *(f"systems.electrical.factory.test.{key}" for key in ("bays=1", "rework_places=1", "fails=0.5")),
)


@pytest.mark.parametrize("name", ["hybrid", "stick_built"])
def test_rework_at_places_of_its_own_and_crews_by_area_have_the_same_log_in_both_engines(name: str) -> None:
    from sim.study.api import load
    from sim.study.case import prepare_case

    (config,) = (path for path in CONFIGS if path.stem == name)
    case = prepare_case(load(config, (*SMALL, *REWORK)).value)
    for replication in range(3):
        done = agree(case.plan, 1, replication, case.calendars_of(1, replication))
        assert isinstance(done, RunOutcome)
        assert done.deadlock is None


@pytest.mark.slow
@settings(max_examples=4_000)
@given(PLANS, st.integers(0, 2**70), st.integers(0, 5_000))
def test_thousands_of_plans_have_the_same_log_in_both_engines(plan: Plan, seed: int, replication: int) -> None:
    agree(compile_plan(plan), seed, replication)


@pytest.mark.slow
@pytest.mark.parametrize("thousand", range(8))
def test_larger_plans_have_the_same_log_in_both_engines(thousand: int) -> None:
    for seed in range(1_000 * thousand, 1_000 * (thousand + 1)):
        units, passages, sound = 1 + seed % 20, 1 + seed % 7, seed % 2 == 0
        write = any_plan if seed % 3 else random_plan
        agree(compile_plan(write(seed, units, passages, sound=sound)), seed, seed % 11)


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: str(path.stem))
def test_shipped_projects_have_the_same_log_in_both_engines(config: Path) -> None:
    from sim.study.api import load
    from sim.study.case import prepare_case

    if config.stem == "base":
        pytest.skip("no project of its own")
    case = prepare_case(load(config).value)
    both = (replace(case, engine=engine).replications(1, 0, 200) for engine in (SIMPY, COMPILED))
    for reference, twin in zip(*both, strict=True):
        require_same(case.plan, reference, twin)
        drawn = drawn_by(case.plan, twin.outcome)
        assert np.array_equal(reference.content[drawn], twin.content[drawn])
