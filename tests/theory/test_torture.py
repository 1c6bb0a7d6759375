"""Random projects with everything on: they finish and conserve what must be, or they stand still and say why."""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.config.project import Project
from sim.errors import Stalled
from sim.metrics.conservation import switched_on
from sim.study.case import Case, prepare_case
from tests.theory.random_projects import random_project

QUICK, NIGHT = 25, 1000
MANY = int(os.environ.get("SIM_TORTURE", NIGHT))
"""How many projects the long test tries: `make torture PROJECTS=50000`."""
SEEDS = st.integers(0, 2**32)


def named(case: Case | None, told: str) -> bool:
    """Whether a diagnosis says how many units are not at their end, and names a unit and what it waits for."""
    return "stalled on day" in told and "units not at their end" in told and (
        case is None or any(unit in told for unit in case.plan.units)
    )  # fmt: skip


def planned(project: Project) -> Case | str:
    """A project ready to run, or why its run without luck stands still."""
    try:
        return prepare_case(project)
    except Stalled as stall:
        return str(stall)


def torture(seed: int) -> str:
    """Build and run a random project twice; return how it ended. Identities are checked in every run."""
    assert switched_on()
    project = random_project(seed)
    case = planned(project)
    if isinstance(case, str):
        assert named(None, case), case
        return "cannot be planned"
    ended = "finished"
    for luck in case.draws(seed).chunk(0, 2):
        hours = case.calendars_of(seed, luck.replication)
        verdict = case.simulate(luck, hours)
        metrics, curves = case.measured(luck, verdict, hours)
        if verdict.deadlock is not None:
            assert named(case, verdict.deadlock.explain()), verdict.deadlock.explain()
            assert metrics["lead_time_mw_weighted_days"] == np.inf
            ended = "stalled"
        else:
            assert np.isfinite(metrics["lead_time_mw_weighted_days"])
            assert curves["mw_online"][-1] <= project.blocks * project.block.mw_gross.value
    return ended


@settings(max_examples=QUICK)
@given(SEEDS)
def test_a_random_project_finishes_whole_or_says_why_not(seed: int) -> None:
    torture(seed)


@pytest.mark.slow
@settings(max_examples=MANY)
@given(SEEDS)
def test_many_random_projects_finish_whole_or_say_why_not(seed: int) -> None:
    torture(seed)


@pytest.mark.slow
def test_most_of_them_finish_and_some_do_not() -> None:
    ends = Counter(torture(seed) for seed in range(60))
    assert ends["finished"] >= 30
    assert ends["stalled"] + ends["cannot be planned"] >= 1
