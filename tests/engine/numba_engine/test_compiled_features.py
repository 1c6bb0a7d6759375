"""With and without every feature: whatever of a project's luck is switched off, both engines still do the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.engine.simpy_engine import RunOutcome
from sim.study.analyses.switch_off import Switches
from sim.study.api import load
from sim.study.case import Case, prepare_case
from tests.engine.numba_engine.both import agree

CONFIGS = Path(__file__).parents[3] / "configs"
SMALL = ("scale.capacity_mw=25",)


def compare(case: Case, runs: int) -> None:
    """Assert that both engines perform a case alike."""
    for replication in range(runs):
        done = agree(case.plan, 1, replication, case.calendars_of(1, replication))
        assert isinstance(done, RunOutcome)
        assert len(done.log) > 100


def without_each(case: Case, runs: int) -> int:
    """Compare the engines with everything, without each cause, and without all of them; return how many there are."""
    switches = Switches(case, 1)
    compare(case, runs)
    for cause in switches.causes:
        compare(switches.without([cause]), runs)
    compare(switches.without(switches.causes), 1)
    return len(switches.causes)


def test_one_block_without_each_cause_is_the_same_in_both_engines() -> None:
    assert without_each(prepare_case(load(CONFIGS / "one_block.yaml").value), 1) > 10


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["hybrid", "stick_built", "modular", "electrical_skids", "incremental_hybrid"])
def test_projects_without_each_cause_are_the_same_in_both_engines(strategy: str) -> None:
    assert without_each(prepare_case(load(CONFIGS / f"{strategy}.yaml", SMALL).value), 10) > 10
