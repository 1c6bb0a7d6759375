"""Risks at the data date: what can no longer happen does not, what happened stays, what may still come keeps its part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sim
from sim.config.load import Loaded
from sim.config.project import Project
from sim.plan.vocabulary import MINUTES_PER_WEEK, WORK, Log
from sim.study.analyses.forecast.case_under_way import ForecastCase
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.open_risks import with_other_probabilities
from sim.study.analyses.forecast.status import Fact
from sim.study.case import compiled_plan, prepare_case
from tests.study.analyses.forecast.test_forecast import status

OUTAGE = "risks.drivers.electricians"
SHARE = 0.6
"""Share of the planned time that has passed."""


def may_lose_electricians(low: float, mode: float, high: float) -> Loaded[Project]:
    """Return a project that loses electricians half of the time, from one of these weeks on."""
    weeks = f"{{low: {low}, mode: {mode}, high: {high}}}"
    return sim.load("one_block", [f"{OUTAGE}.inherent.probability=0.5", f"{OUTAGE}.from_week={weeks}"])


def rows_of_outage(case: ForecastCase) -> list[Log]:
    """Return what the outage does in each replication, the history included."""
    is_outage = np.array([name.startswith("risk.electricians") for name in case.plan.units])
    assert is_outage.any()
    logs = [replication.outcome.log for replication in case.replications(1, 0, 20)]
    return [log[is_outage[case.plan.unit_of[log[:, 1]]]] for log in logs]


def test_lost_capacity_that_has_not_come_does_not_come_after_its_last_day() -> None:
    """Its unit jumps to its end, and was taken to stand before what it had jumped over: every run lost the crews."""
    case = forecast_case(may_lose_electricians(1, 2, 3), status(SHARE, Fact(2, "risk", "electricians", state="closed")))
    rows = rows_of_outage(case)
    assert all(len(of_run) and (of_run[:, 0] < case.status.minute).all() for of_run in rows)


def test_lost_capacity_that_was_reported_is_in_every_history() -> None:
    case = forecast_case(
        may_lose_electricians(1, 2, 3), status(SHARE, Fact(2, "risk", "electricians", state="happened"))
    )
    assert all((case.plan.operation_of[of_run[:, 1]] == WORK).any() for of_run in rows_of_outage(case))


@pytest.mark.parametrize(("weeks_ago", "ahead"), [(-12, 1.0), (0, 0.5), (12, 0.0)])
def test_lost_capacity_keeps_the_part_of_its_chance_that_lies_ahead(weeks_ago: float, ahead: float) -> None:
    given = status(SHARE)
    week = given.minute / MINUTES_PER_WEEK - weeks_ago
    case = forecast_case(may_lose_electricians(week - 10, week, week + 10), given)
    (remaining,) = (
        state.probability.value for driver, state in case.project.risks.active() if driver.id == "electricians"
    )
    assert remaining == pytest.approx(0.5 * ahead / (1 - 0.5 * (1 - ahead)), abs=1e-3)


def test_a_plan_with_other_probabilities_is_the_one_that_is_written_for_them() -> None:
    """Only what is drawn of the register is changed in it; nothing is written and compiled once more."""
    base = prepare_case(sim.load("one_block"), engine="auto")
    drivers = "risks.drivers"
    other = sim.load(
        "one_block",
        [
            f"{drivers}.ground.inherent.probability=1", f"{drivers}.ground.inherent.factor=1.4",
            f"{drivers}.systemic_commissioning.inherent.probability=0.7", f"{drivers}.electricians.inherent.probability=0.9",
            f"{drivers}.switchgear.inherent.slip_days=90", f"{drivers}.gpus.inherent.probability=0",
        ],
    ).value  # fmt: skip
    quick = with_other_probabilities(base, other)
    written = replace(base, project=other, plan=compiled_plan(other, base.crew_plan.resource_plan))
    assert quick.plan.has_steps_of(written.plan)
    for one, two in zip(quick.replications(3, 0, 12), written.replications(3, 0, 12), strict=True):
        assert np.array_equal(one.outcome.log, two.outcome.log)
        assert np.array_equal(one.factors, two.factors)
    assert quick.as_planned[0] == written.as_planned[0]
