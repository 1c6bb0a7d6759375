"""What moved a date: from the plan before to the forecast of today, by the engine and the files of the project."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.config.load import Loaded
from sim.config.project import Project
from sim.engine.backends import COMPILED, SIMPY
from sim.files import Damaged
from sim.study.analyses.forecast import trend
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.plan_cache import prepare_cached
from sim.study.analyses.forecast.status import read_status
from sim.study.analyses.forecast.trend import Attribution, DateShift, _finish_days, saved_forecasts
from sim.study.case import Case
from sim.study.result import digest
from sim.study.storage.disk_cache import FOLDER
from tests.study.analyses.forecast.test_forecast import CONFIG, status
from tests.tiny_project import TINY
from tests.world.weather.test_weather_files import epw


def saved(config: sim.Config, data_date: str) -> dict[str, Any]:
    """Return what is read of a forecast that was saved."""
    project = config.value
    return {"data_date": data_date, "config": project.model_dump(mode="json"), "config_digest": digest(project)}


def sheet(folder: Path, config: sim.Config, days: int) -> Path:
    """Write the status of a project of which nothing is known but the day."""
    path = folder / f"day_{days}.csv"
    path.write_text(f"kind,date\ndata_date,{config.value.scale.start_date + timedelta(days=days)}\n", encoding="utf-8")
    return path


@pytest.fixture
def windy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a weather file beside it; we are in another folder."""
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    (project / "site.epw").write_text("\n".join(epw()) + "\n")
    tree = {**sim.load(TINY).tree, "schema_version": 1, "weather": {"kind": "file", "file": "site.epw"}}
    (project / "windy.yaml").write_text(json.dumps(tree))
    monkeypatch.chdir(elsewhere)
    return project / "windy.yaml"


def test_the_second_forecast_after_a_changed_plan_finds_the_weather_file(windy: Path, tmp_path: Path) -> None:
    config = sim.load(windy)
    told = []
    for days, change in ((5, []), (8, ["--set", "logistics.cranes=2"])):
        words = ["forecast", str(windy), "--status", str(sheet(tmp_path, config, days)), "--runs", "2", "--moves", "2"]
        words += ["--workers", "1", "--out", str(tmp_path / "out"), "--figures", "none", "--no-levers", *change]
        told.append(CliRunner().invoke(main, words))
        assert told[-1].exit_code == 0, told[-1].output
    assert "changed plan" in told[-1].output
    assert "note: the plan of" not in told[-1].output


def test_a_plan_that_can_no_longer_be_simulated_is_left_out_and_said() -> None:
    before = saved(sim.load("one_block", ["logistics.cranes=2"]), "2026-01-01")
    before["config"]["logistics"]["rockets"] = 3
    attribution = Attribution(CONFIG, status(0.3), runs=4, seed=1, earlier=[before])
    assert "changed plan" not in [shift.cause for shift in attribution.shifts()]
    assert attribution.note.startswith("the plan of the forecast as of 2026-01-01 can no longer be simulated")
    assert "logistics.rockets" in attribution.note
    before["config"]["logistics"].pop("rockets")
    attribution = Attribution(CONFIG, status(0.3), runs=4, seed=1, earlier=[before])
    assert ([shift.cause for shift in attribution.shifts()][1], attribution.note) == ("changed plan", "")


def test_the_weather_file_of_the_plan_before_may_be_gone(windy: Path, tmp_path: Path) -> None:
    before = saved(sim.load(windy), "2026-01-01")
    before["config"]["weather"]["file"], before["config_digest"] = "gone.epw", "of another plan"
    config = sim.load(windy)
    given = read_status(sheet(tmp_path, config, 8), config.value.scale.start_date)
    attribution = Attribution(config, given, runs=2, seed=1, earlier=[before])
    assert "gone.epw" in attribution.note
    assert [shift.cause for shift in attribution.shifts()][1] == "actual progress"


@pytest.mark.parametrize("document", [{"config": 5}, {"config": [1]}, {"shifts": []}, {"days": 3}])
def test_a_saved_forecast_whose_parts_are_something_else_is_damaged(tmp_path: Path, document: dict[str, Any]) -> None:
    history = tmp_path / "out.history"
    history.mkdir()
    text = json.dumps({"data_date": "2026-05-31", "days": {}, **document})
    (history / "2026-05-31.json").write_text(text)
    with pytest.raises(Damaged, match="may be deleted"):
        saved_forecasts(tmp_path / "out")


def test_the_days_of_a_plan_are_simulated_once_for_all_months(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    simulated: list[int] = []

    def counted(cases: Sequence[Case], contexts: Any, seed: int, runs: int) -> Any:
        simulated.append(sum(not case.is_under_way for case in cases))
        return _finish_days(cases, contexts, seed, runs)

    monkeypatch.setattr(trend, "_finish_days", counted)

    def told(month: float, seed: int = 1, config: Loaded[Project] = CONFIG) -> tuple[DateShift, int]:
        simulated.clear()
        return Attribution(config, status(month), runs=4, seed=seed).shifts()[0], sum(simulated)

    first, second = told(0.3), told(0.5)
    assert (first[1], second[1]) == (1, 0)
    assert second[0] == first[0]
    assert [told(0.5, seed=2)[1], told(0.5, config=sim.load("one_block", ["logistics.cranes=2"]))[1]] == [1, 1]


def test_what_moved_is_simulated_by_the_engine_of_the_forecast() -> None:
    before = saved(sim.load("one_block", ["logistics.cranes=2"]), "2026-01-01")
    given = status(0.3)
    for engine in (SIMPY, COMPILED):
        attribution = Attribution(CONFIG, given, runs=4, seed=1, engine=engine, earlier=[before])
        assert {case.engine for case in (*attribution.plans, attribution.forecast_case)} == {engine}
        # what is worked out for it is that of the forecast, not the same once more
        assert (
            forecast_case(CONFIG, given, engine=engine, base=prepare_cached(CONFIG, engine))
            is attribution.forecast_case
        )


def test_the_compiled_engine_is_not_asked_where_simpy_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled(*_: object) -> None:
        raise AssertionError("the compiled engine was asked")

    monkeypatch.setattr("sim.study.case.Case.kernel_plan", property(compiled))
    config = sim.load(TINY)
    words = ["forecast", str(TINY), "--status", str(sheet(tmp_path, config, 5)), "--runs", "2", "--moves", "2"]
    words += ["--workers", "1", "--engine", "simpy", "--out", str(tmp_path / "out"), "--figures", "none", "--no-levers"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
