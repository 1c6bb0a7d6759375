"""Which risk matters: savings that can be worked out by hand, and luck that stays where it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.config.project import Project
from sim.config.sections.risks import Risks
from sim.engine.backends import COMPILED
from sim.jit import available
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.deterministic_draws import mean_draws
from sim.report.explanations import OVERLAP, drivers_header, drivers_rows
from sim.report.html_report.run_report import page
from sim.report.result_view import ResultView
from sim.report.study_tables import lever_rows
from sim.study.analyses import case_series
from sim.study.analyses.case_series import are_levers_quick, lever_trials, measure_levers
from sim.study.analyses.drivers import Drivers, drivers
from sim.study.analyses.switch_off import (
    ALL,
    RISK,
    UNCERTAINTY,
    Cause,
    Switches,
    SwitchOffSeries,
    at_means,
    groups_of_inputs,
)
from sim.study.api import load
from sim.study.case import Case, prepare_case
from sim.study.result import Result
from sim.study.storage.output_directory import Occupied, output_lock
from tests.tiny_project import TINY, tiny

FINISH = "lead_time_full_days"
PERMITS = "scale.preparation_days={low: 10, mode: 10, high: 60}"
TESTS = "commissioning.l2={days: {low: 1, mode: 2, high: 4}, fails: 0.3, fix_days: 1}"


def driver(name: str, probability: float, on: str, **effect: Any) -> dict[str, Any]:
    return {"id": name, "name": f"{name} happens", "on": [on], "inherent": {"probability": probability, **effect}}


def project(*register: dict[str, Any], overrides: tuple[str, ...] = ()) -> Project:
    return tiny(*overrides).model_copy(update={"risks": Risks.model_validate({"drivers": register})})


@pytest.fixture(scope="module")
def certain() -> Drivers:
    """Two drivers that always occur: one on the last tests, one where there is time to spare."""
    late = driver("late_tests", 1.0, "level:L5", added_days=2)
    harmless = driver("harmless", 1.0, "step:shell.slab", factor=1.5)
    return drivers(project(late, harmless), runs=12, workers=1)


def row(found: Drivers, cause: str) -> dict[str, Any]:
    return dict(found.table().set_index("id").loc[cause])


def test_a_driver_costs_what_one_can_work_out_by_hand(certain: Drivers) -> None:
    # Two blocks are tested one after the other by the one commissioning crew: two days each.
    assert certain.result.numbers[FINISH]["p80"] == 34
    late = row(certain, "late_tests")
    assert {late[f"{FINISH}_{name}"] for name in ("p50", "p80", "mean")} == {4.0}
    assert row(certain, "harmless")[f"{FINISH}_p80"] == 0.0
    assert row(certain, "all_risk")[f"{FINISH}_p80"] == 4.0


def test_causes_are_ranked_by_days_at_p80_and_say_their_kind(certain: Drivers) -> None:
    table = certain.table()
    assert certain.metric == FINISH
    assert table[f"{FINISH}_p80"].is_monotonic_decreasing
    assert set(table["kind"]) == {RISK, UNCERTAINTY, ALL}
    assert row(certain, "late_tests")["name"] == "late_tests happens"
    prices = row(certain, "prices")
    assert prices[f"{FINISH}_p80"] == 0
    assert prices["capital_total_usd_p80"] != 0
    assert row(certain, "late_tests")["peak_workforce_onsite_p80"] == 0


@pytest.fixture(scope="module")
def uncertain() -> Case:
    likely = driver("strike", 0.5, "level:L2", added_days=3)
    return prepare_case(project(likely, overrides=(PERMITS, TESTS)))


def test_the_groups_are_those_in_which_anything_is_uncertain(uncertain: Case) -> None:
    groups = {cause.id for cause in Switches(uncertain, 1).causes if cause.kind == UNCERTAINTY}
    assert groups >= {"permits", "commissioning", "tests", "prices"}
    assert not groups & {"site", "factory", "road", "demand", "weather"}  # every number of these is known


def test_switching_a_group_off_leaves_all_other_luck_where_it_was(uncertain: Case) -> None:
    of_inputs, of_factors = groups_of_inputs(uncertain.plan)
    off = Switches(uncertain, 1).without([Cause("permits", UNCERTAINTY, "")])
    changed = 0
    for one, other in zip(uncertain.draws(1).chunk(0, 30), off.draws(1).chunk(0, 30), strict=True):
        for group, before, after in zip(of_inputs, one.values, other.values, strict=True):
            assert group == "permits" or before == after
            changed += before != after
        np.testing.assert_array_equal(one.factors, other.factors)
    assert changed > 20
    planned = mean_draws(uncertain.plan.inputs).values
    at = of_inputs.index("permits")
    assert {luck.values[at] for luck in off.draws(1).chunk(0, 30)} == {planned[at]}
    assert len(of_factors) == len(uncertain.plan.inputs.factors)


def test_switching_a_driver_off_leaves_all_other_luck_where_it_was(uncertain: Case) -> None:
    off = Switches(uncertain, 1).without([Cause("strike", RISK, "")])
    assert off.plan.units == uncertain.plan.units
    names = [name for name in off.plan.inputs.names if not name.startswith("L2")]
    here, there = ([case.plan.inputs.names.index(name) for name in names] for case in (uncertain, off))
    for one, other in zip(uncertain.draws(1).chunk(0, 10), off.draws(1).chunk(0, 10), strict=True):
        assert [one.values[at] for at in here] == [other.values[at] for at in there]


def test_without_any_cause_every_run_is_at_the_means(uncertain: Case) -> None:
    switches = Switches(uncertain, 1)
    nothing_left = switches.without(switches.causes)
    chunk = nothing_left.simulate_chunk(1, 0, 5)
    draws = mean_draws(nothing_left.plan.inputs)
    planned, _ = nothing_left.measured(draws, nothing_left.simulate(draws))
    assert set(chunk.runs[FINISH]) == {planned[FINISH]}
    np.testing.assert_allclose(chunk.runs["capital_total_usd"], planned["capital_total_usd"])


def test_likely_decisions_stay_as_they_are_most_likely(uncertain: Case) -> None:
    calm = at_means(uncertain.plan, {"tests"})
    inputs = calm.inputs
    at = [number for number, name in enumerate(inputs.names) if "passes/" in name]
    assert at
    case = Case(uncertain.project, uncertain.crew_plan, calm)
    for luck in case.draws(3).chunk(0, 20):
        assert {luck.values[number] for number in at} == {1}
        assert {luck.at_attempt(number, 1) for number in at} == {1}


def test_a_case_without_weather_has_the_stated_calendars(uncertain: Case) -> None:
    calm = Switches(uncertain, 1).without([Cause("weather", UNCERTAINTY, "")])
    assert calm.without_weather
    assert calm.calendars_of(1, 7) is calm.plan.base_calendars


def test_a_result_keeps_its_causes_and_shows_them(certain: Drivers, tmp_path: Path) -> None:
    where = certain.result.save(tmp_path / "tiny")
    again = Drivers(Result.load(where))
    pd.testing.assert_frame_equal(again.table(), certain.table())
    told = drivers_rows(again)
    assert told[0][0:4] == ("late_tests happens", "risk", "+4", "+4")
    assert {cells[0] for cells in told[-3:]} == {
        "everything: as expected", "all risk events together", "all uncertainty together",
    }  # fmt: skip
    assert len(drivers_header(again)) == len(told[0])
    assert "do not add up" in OVERLAP


def test_the_command_and_the_notebook_say_the_same(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main,
        ["drivers", str(TINY), "--set", PERMITS, "--runs", "4", "--seed", "3", "--workers", "2",
         "--out", str(tmp_path / "told")],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    by_command = Drivers(Result.load(tmp_path / "told")).table()
    in_python = drivers(load(TINY, [PERMITS]), runs=4, seed=3, workers=1, engine="simpy").table()
    pd.testing.assert_frame_equal(by_command, in_python)
    assert float(in_python[f"{FINISH}_p80"].abs().max()) > 0


def test_a_cause_that_is_switched_off_is_looked_at_as_a_run_is(certain: Drivers) -> None:
    """What is looked at of a cause is what a whole run of the same project says."""
    late = driver("late_tests", 1.0, "level:L5", added_days=2)
    harmless = driver("harmless", 1.0, "step:shell.slab", factor=1.5)
    switches = Switches(prepare_case(project(late, harmless)), 1)
    whole = switches.without([switches.causes[0]]).simulate_chunk(1, 0, 12)
    with_it, without = certain.result.sample.runs, whole.runs
    for metric in ("lead_time_full_days", "capital_total_usd", "peak_workforce_onsite"):
        saved = float((with_it[metric] - without[metric]).mean())
        assert row(certain, switches.causes[0].id)[f"{metric}_mean"] == pytest.approx(saved, abs=1e-6)


@pytest.mark.skipif(not available(), reason="the compiled engine is not installed")
def test_of_the_causes_those_whose_plan_has_other_steps_are_compared_with_simpy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strike = driver("strike", 0.5, "level:L2", added_days=3)
    # while lines are lost a unit of its own holds them
    outage = driver("outage", 0.5, "lines:electrical", lost_weeks=2) | {"from_week": 1}
    case = prepare_case(project(strike, outage, overrides=(PERMITS, TESTS)), engine=COMPILED)
    causes = Switches(case, 1).causes
    compared: list[CompiledPlan] = []
    monkeypatch.setattr(case_series, "require_same", lambda plan, *_: compared.append(plan))
    series = SwitchOffSeries(3, (FINISH,), case, 1, tuple((cause,) for cause in causes))
    series.simulate_chunk(1, 0, 3 * len(causes))
    others = [Switches(case, 1).without([cause]).plan for cause in causes]
    with_other_steps = [plan for plan in others if not plan.has_steps_of(case.plan)]
    assert [plan.units for plan in compared] == [plan.units for plan in with_other_steps]
    assert len(with_other_steps) == 1
    assert len(others) > 4


def test_a_taken_directory_is_refused_before_anything_is_simulated(tmp_path: Path) -> None:
    with output_lock(tmp_path / "taken"), pytest.raises(Occupied):
        drivers(project(), runs=10**6, workers=1, out=tmp_path / "taken")


# --- levers -----------------------------------------------------------------------------------------------------------


def test_a_lever_is_what_the_same_setting_gives_pair_by_pair() -> None:
    case = prepare_case(tiny())
    bindings = {
        "cause": np.array(["factory"], object),
        "what": np.array(["electrical"], object),
        "days": np.array([5.0]),
    }
    trials = lever_trials(case, bindings)
    line = trials[0]
    assert (line.path, line.value) == (
        "systems.electrical.factory.lines",
        case.project.systems.electrical.factory.lines + 1,
    )
    found = measure_levers(case, 1, bindings, runs=4)
    row = found["id"].tolist().index(f"{line.path}={line.value}")
    by_setting = sim.compare(
        [sim.load(TINY), sim.load(TINY, [f"{line.path}={line.value}", "name=more"])], runs=4, workers=1
    )
    table = by_setting.table().set_index("metric")
    for metric in ("lead_time_full_days", "capital_total_usd", "peak_workforce_onsite"):
        for name in ("mean", "mean_low", "p80"):
            other = {"mean": "mean", "mean_low": "mean_high", "p80": "p80"}[name]
            assert found[f"{metric}_{name}"][row] == pytest.approx(-table[other][metric], abs=1e-9)


def test_levers_are_stored_with_what_binds_and_the_report_says_both(tmp_path: Path) -> None:
    result = sim.run(tiny("systems.electrical.factory.lines=1"), runs=6, workers=1, out=tmp_path / "tiny", levers=True)
    stored = Result.load(tmp_path / "tiny")
    assert len(stored.table("levers")) == len(result.table("levers")) >= 1
    chain = result.table("bindings")
    mean = result.runs[[name for name in result.runs if str(name).startswith("chain_")]].sum(axis=1).mean()
    assert chain["days"].sum() == pytest.approx(mean)  # nothing of the chain is lost
    assert (chain["share"] <= 1).all()
    best = lever_rows(ResultView.of(stored))[0]
    assert (
        f"{best.name}: {best.buys()}" in page(stored).decode().replace("\N{NO-BREAK SPACE}", " ")
        or best.mean.value <= 0
    )


def test_levers_are_not_measured_unasked_where_that_takes_long() -> None:
    assert not len(sim.run(tiny(), runs=2, workers=1).table("levers"))
    case = prepare_case(
        sim.load("configs/hybrid.yaml", ["scale.capacity_mw=50", "energization.units.count=3"]), engine="auto"
    )
    assert not are_levers_quick(
        case, {"cause": np.array([], object), "what": np.array([], object), "days": np.array([])}
    )
