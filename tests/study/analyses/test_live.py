"""Sliders: what can be moved, that it moves what it says, and that what is on screen can be taken home as a file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.plan.plan_context import Mobilisation, ResourcePlan, Review, TradeReviews
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.sheet.status_sheet import GRAINS, status_sheet
from sim.study.analyses.forecast.status_file import csv_bytes
from sim.study.analyses.live import Live, UnknownLever, levers, with_changed_crews
from sim.study.api import load, run
from sim.study.case import prepare_case
from tests.tiny_project import TINY, tiny

ROOT = Path(__file__).parents[3]
SLOWER = {"labour.trades.electricians.crews": 1, "systems.electrical.factory.lines": 3, "logistics.cranes": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny project in a folder of its own, with the base it extends."""
    top = tmp_path_factory.mktemp("live")
    for path in (ROOT / "configs" / "base.yaml", TINY):
        target = top / path.relative_to(ROOT)
        target.parent.mkdir(parents=True)
        shutil.copy(path, target)
    return top / TINY.relative_to(ROOT).parent


@pytest.fixture(scope="module")
def live(folder: Path) -> Iterator[Live]:
    with Live(folder / TINY.name, ["logistics.gates=2"], runs=12, seed=1, workers=1) as shown:
        yield shown


def last(live: Live, changes: dict[str, Any], *, replan: bool = False) -> dict[str, Any]:
    """The whole snapshot."""
    *_, snapshot = live.snapshots(changes, lambda: True, replan=replan)
    assert snapshot["runs"] == live.runs
    return snapshot


def test_there_is_a_lever_for_everything_a_planner_moves(live: Live) -> None:
    at = {lever.path: lever for lever in live.levers}
    assert at["labour.trades.electricians.crews"].value == 2
    assert at["systems.electrical.factory.lines"].value == 1
    assert "systems.mechanical.factory.lines" not in at
    assert {"logistics.fleets.electrical.trucks", "logistics.laydown.electrical", "logistics.cranes"} <= set(at)
    assert at["logistics.gates"].value == 2
    assert at["calendars.site.days"].kind == "choice"


def test_risks_and_patterns_can_be_moved_where_there_are_any() -> None:
    driver = {"id": "rain", "name": "A wet spring", "on": ["activity:slab"], "inherent": {"probability": 0.5, "factor": 2},
              "source": "test"}  # fmt: skip
    project = tiny()
    risks = project.risks.model_validate({"drivers": [driver]})
    (switches,) = (
        lever
        for lever in levers(project.model_copy(update={"risks": risks}), ResourcePlan(), {})
        if lever.kind == "risks"
    )
    assert switches.path == "risks.without"
    assert switches.choices == (("A wet spring (50 %)", "rain"),)


def test_a_way_of_working_can_be_chosen_where_it_alone_says_the_week() -> None:
    base = load(TINY.parents[2] / "configs" / "hybrid.yaml").value
    paths = {lever.path for lever in levers(base, ResourcePlan(), {})}
    assert "labour.pattern" in paths
    assert "calendars.site.days" not in paths


def test_moving_something_moves_the_picture_on_the_same_luck(live: Live) -> None:
    base, fewer = last(live, {}), last(live, {"labour.trades.electricians.crews": 1})
    assert fewer["metrics"]["peak_workforce_onsite"][0] < base["metrics"]["peak_workforce_onsite"][0]
    shorter = last(live, {"calendars.site.days": ["mon", "tue", "wed", "thu", "fri"]})
    assert shorter["metrics"]["lead_time_full_days"][0] > base["metrics"]["lead_time_full_days"][0]
    assert last(live, {}) == base
    assert base["curves"]["mw_online"][1][-1] == 5
    assert base["curves"]["idle_capital_usd"][1][-1] == pytest.approx(0, abs=1)


def test_sized_anew_it_is_what_a_run_of_the_copied_file_says(live: Live, folder: Path) -> None:
    copy = folder / "copied.yaml"
    copy.write_text(live.as_config(SLOWER), encoding="utf-8")
    config = load(copy)
    assert config.value.name == "tiny_live"
    assert config.value.logistics.gates == 2
    result = run(config, runs=live.runs, seed=1, workers=0)
    shown = last(live, SLOWER, replan=True)["metrics"]
    for metric, values in shown.items():
        assert values == result.sample.runs[metric].tolist()


def test_a_file_that_extends_nothing_is_extended(tmp_path: Path) -> None:
    from sim.config.overrides import extended

    (tmp_path / "own.yaml").write_text("schema_version: 1\nname: own\n", encoding="utf-8")
    lines = extended(tmp_path / "own.yaml", {"logistics.cranes": 4}, "_live", "More cranes.").splitlines()
    assert lines[:1] == ["# More cranes."]
    assert lines[1:] == ['extends: "own.yaml"', "schema_version: 1", 'name: "own_live"', "logistics:", "  cranes: 4"]


def test_pictures_grow_and_end_when_nobody_wants_them(live: Live) -> None:
    live_runs, live.runs = live.runs, 100
    try:
        grown = [snapshot["runs"] for snapshot in live.snapshots({}, lambda: True)]
        answers = iter([True, True, False])
        left = [snapshot["runs"] for snapshot in live.snapshots({"logistics.cranes": 2}, lambda: next(answers))]
        again = [snapshot["runs"] for snapshot in live.snapshots({"logistics.cranes": 2}, lambda: True)]
        at_once = [snapshot["runs"] for snapshot in live.snapshots({"logistics.cranes": 2}, lambda: True)]
        unwanted = [*live.snapshots({"logistics.cranes": 3}, lambda: False)]
    finally:
        live.runs = live_runs
    assert grown == [50, 100]
    assert left == [50]
    assert again == grown
    assert at_once == [100]
    assert unwanted == []


def test_who_is_told_to_leave_stops_in_the_middle(live: Live) -> None:
    live_runs, live.runs = live.runs, 400
    try:
        seen = []
        for snapshot in live.snapshots({"logistics.cranes": 5}, lambda: True):
            seen.append(snapshot["runs"])
            live.pool.leave()
    finally:
        live.runs = live_runs
    assert seen[0] == 50
    assert len(seen) < 8
    assert last(live, {"logistics.cranes": 5})["runs"] == live.runs


def test_what_is_not_offered_or_not_possible_is_refused(live: Live) -> None:
    with pytest.raises(UnknownLever, match=r"money\.horizon_days"):
        last(live, {"money.horizon_days": 5})
    with pytest.raises(ConfigError, match=r"logistics\.cranes"):
        live.as_config({"logistics.cranes": -1})


def test_kept_crews_are_the_first_to_come_and_more_come_with_the_last() -> None:
    stays = (Mobilisation(0, 90), Mobilisation(100, 50), Mobilisation(200, 20))
    resource_plan = ResourcePlan({"riggers": 3}, {"riggers": stays}, {"b1": 7})
    assert with_changed_crews(resource_plan, {"labour.trades.riggers.crews": 2}).mobilisations["riggers"] == stays[:2]
    more = with_changed_crews(resource_plan, {"labour.trades.riggers.crews": 5, "logistics.cranes": 1})
    assert more.mobilisations["riggers"] == (*stays, stays[2], stays[2])
    assert more.crews == {"riggers": 5}
    assert more.order_minutes == {"b1": 7}
    # what else was planned stays: who goes first, and what is done about a slip
    reviews = {"riggers": TradeReviews((Review(30 * 1440, (100,), 120),), 1, 0)}
    all_planned = replace(resource_plan, priorities={"b1.x": (3,)}, reviews=reviews)
    assert with_changed_crews(all_planned, {}) == all_planned


def test_a_glance_sees_the_numbers_of_a_whole_measurement() -> None:
    case = prepare_case(load(ROOT / "configs" / "one_block.yaml").value)
    for done in case.replications(1, 0, 3):
        metrics, curves = case.quick_metrics(done)
        whole, daily = case.measured(_luck(case, done.replication), done.outcome, done.calendars)
        assert metrics == {name: whole[name] for name in metrics}
        assert np.array_equal(curves["headcount"], daily["headcount"])
        idle = daily["capital_deployed_usd"] - daily["capital_in_service_usd"]
        assert np.array_equal(curves["idle_capital_usd"], idle)
        assert np.array_equal(curves["capital_deployed_usd"], daily["capital_deployed_usd"])


def _luck(case: Any, replication: int) -> Any:
    return next(case.draws(1).chunk(replication, 1))


def test_the_weather_is_kept_where_a_move_does_not_change_it() -> None:
    from sim.study.executors.persistent_pool import CalendarCache

    case, crane, later = (
        prepare_case(load(ROOT / "configs" / "one_block.yaml", moved).value)
        for moved in ([], ["logistics.cranes=1"], ["scale.start_date=2026-03-02"])
    )
    before = CalendarCache(case, 1, None)
    hours = before.of(3)
    assert any(kept is not stated for kept, stated in zip(hours, case.plan.base_calendars, strict=True))
    again = CalendarCache(crane, 1, before)
    assert list(again.calendars_by_replication) == [3]
    for stated, known, fresh in zip(crane.plan.base_calendars, again.of(3), crane.calendars_of(1, 3), strict=True):
        assert np.array_equal(known.starts, fresh.starts)
        assert np.array_equal(known.ends, fresh.ends)
        assert (known is stated) == (fresh is stated)
    assert CalendarCache(later, 1, before).calendars_by_replication == {}
    assert CalendarCache(crane, 2, before).calendars_by_replication == {}


def test_with_a_status_what_is_past_stays_and_only_what_lies_ahead_moves(tmp_path: Path) -> None:
    base = prepare_case(load(TINY))
    day = base.project.scale.start_date + timedelta(days=15)
    sheet = status_sheet(PlanSteps.of(base), day, GRAINS[1])
    (tmp_path / "status.csv").write_bytes(csv_bytes(sheet))
    with Live(TINY, runs=4, seed=1, workers=1, status=tmp_path / "status.csv") as here:
        shown = last(here, {})
        case = forecast_case(load(TINY), tmp_path / "status.csv")
        ahead = [case.quick_metrics(done)[0]["lead_time_full_days"] for done in case.replications(1, 0, 4)]
        assert shown["metrics"]["lead_time_full_days"] == ahead
        assert {lever.kind for lever in here.levers} >= {"date", "target", "choice", "slider"}
        slower = last(here, {"systems.electrical.factory.lines": 1})
        assert min(slower["metrics"]["lead_time_full_days"]) >= min(ahead)


def test_dates_are_dates_and_nothing_else() -> None:
    start, target = (lever for lever in levers(tiny(), ResourcePlan(), {}) if lever.group == "dates")
    assert start.takes("2027-02-01")
    assert not any(start.takes(odd) for odd in ("2027-2-1", "soon", 3, None, "2027-02-30"))
    assert target.takes(300)
    assert not any(target.takes(odd) for odd in (True, "300", None))
