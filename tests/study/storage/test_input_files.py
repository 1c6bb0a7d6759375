"""A result and a shard have copies of the files that they were simulated with, and are simulated again from them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.files import Damaged
from sim.report.html_report.replay.scene import RunDetails
from sim.study.analyses.forecast.plan_cache import prepare_cached
from sim.study.analyses.shards import merge_shards, run_shard
from sim.study.api import levers_of_stored
from sim.study.case import Case
from sim.study.result import Result, prepare_stored
from sim.study.storage.checkpoint import Changed
from sim.study.storage.input_files import StatusChanged, files_beside
from tests.tiny_project import TINY
from tests.world.weather.test_weather_files import epw

GRADING = "p1.site_works.grading/site_works.grading"
FACTS = f"kind,what,date,start,finish\ndata_date,,2026-01-20,,\nactivity,{GRADING},,2026-01-15,2026-01-17\n"
ORDERED_JUST_IN_TIME = ("procurement.policy=just_in_time",)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a weather file and a status beside it, by relative paths; we are in its folder."""
    folder = tmp_path / "project"
    (folder / "sky").mkdir(parents=True)
    (folder / "sky" / "site.epw").write_text("\n".join(epw()) + "\n")
    tree = {**sim.load(TINY, ORDERED_JUST_IN_TIME).tree, "schema_version": 1}
    (folder / "windy.yaml").write_text(json.dumps(tree | {"weather": {"kind": "file", "file": "sky/site.epw"}}))
    (folder / "facts.csv").write_text(FACTS)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def stored(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stored forecast; configuration, weather and status are gone, and we are in another folder."""
    sim.forecast(sim.load("windy.yaml"), "facts.csv", runs=4, workers=1, out=tmp_path / "forecast")
    return leave(project, tmp_path, monkeypatch)


def leave(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Remove the project and go elsewhere; return where its forecast is."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    shutil.rmtree(project)
    return tmp_path / "forecast"


def typed(*words: object) -> None:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, done.output


def test_a_forecast_is_exported_and_reported_without_its_files(stored: Path, tmp_path: Path) -> None:
    assert (stored / "status.csv").read_text() == FACTS
    moved = stored.rename(tmp_path / "mailed")
    for again in ("once", "twice"):  # a report that is written again keeps the files
        typed("export", moved, "--to", "mspdi", "--looked-at", 1, "--out", tmp_path / f"{again}.xml")
        typed("report", moved, "--workers", 1)
    assert (tmp_path / "once.xml").read_bytes() == (tmp_path / "twice.xml").read_bytes()
    assert Result.load(moved).manifest["forecast"]["status"] == "facts.csv"


def test_levers_of_a_stored_forecast_go_on_from_its_status(project: Path, tmp_path: Path) -> None:
    """As in the forecast itself: what was ordered is ordered, so that no other policy of ordering is a lever."""
    told = sim.forecast(sim.load("windy.yaml"), "facts.csv", runs=4, workers=1, levers=True)
    sim.forecast(sim.load("windy.yaml"), "facts.csv", runs=4, workers=1, out=tmp_path / "forecast")
    sim.run(sim.load("windy.yaml"), runs=4, workers=1, out=tmp_path / "run")
    found = levers_of_stored(Result.load(tmp_path / "forecast"), 1).more["levers"]
    assert {name: list(column) for name, column in found.items()} == {
        name: list(column) for name, column in told.more["levers"].items()
    }
    assert not [lever for lever in found["id"] if str(lever).startswith("procurement.")]
    from_first_day = levers_of_stored(Result.load(tmp_path / "run"), 1).more["levers"]
    assert "procurement.policy=at_decision" in from_first_day["id"]


def test_the_replay_of_a_forecast_shows_the_run_that_goes_on_from_its_status(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, list[int]]] = []

    def prepared(result: Result) -> Case:
        """Prepare the case as the replay does, and note what it simulates."""
        case = prepare_stored(result)
        (run,) = case.replications(result.manifest["seed"], result.manifest["representative"], 1)
        seen.append((case.is_under_way, case.event_table(run)["minute"].tolist()))
        return case

    monkeypatch.setattr("sim.report.html_report.replay.scene.prepare_stored", prepared)
    result = Result.load(stored)
    assert RunDetails.of(result) is not None
    assert seen == [(True, result.events["minute"].tolist())]


def test_a_status_that_has_changed_is_told(stored: Path) -> None:
    for changed in (FACTS.replace("2026-01-17", "2026-01-18"), FACTS.replace("2026-01-20", "2026-01-21")):
        (stored / "status.csv").write_text(changed)
        with pytest.raises(StatusChanged, match=r"facts\.csv: its facts have changed since this forecast"):
            levers_of_stored(Result.load(stored), 1)


@pytest.mark.parametrize(("key", "value"), [("status", 5), ("status", None), ("learning", "yes"), ("logic", ["x"])])
def test_a_forecast_that_does_not_say_what_it_goes_on_from_is_damaged(stored: Path, key: str, value: object) -> None:
    result = Result.load(stored)
    changed = {**result.manifest["forecast"], key: value}
    replace(result, manifest={**result.manifest, "forecast": changed}).save(stored)
    with pytest.raises(Damaged, match=rf"forecast\.{key}"):
        Result.load(stored)


def test_no_file_is_taken_from_outside_a_result(stored: Path) -> None:
    """Names in a manifest may come from anybody."""
    (stored.parent / "secret.epw").write_text("secret")
    for name in ("../secret.epw", str(stored.parent / "secret.epw")):
        assert files_beside(stored, {"config": {"weather": {"file": name}}}) == {}
    (stored / "link.epw").symlink_to(stored.parent / "secret.epw")
    assert files_beside(stored, {"config": {"weather": {"file": "link.epw"}}}) == {}


@pytest.mark.parametrize("status", [None, "facts.csv"])
def test_shards_are_merged_without_the_files_of_the_project(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str | None
) -> None:
    config = sim.load("windy.yaml", status=status)
    whole = sim.run(config, runs=4, workers=1)
    for part in ("1/2", "2/2"):
        run_shard(config, part, tmp_path / "windy", runs=4, workers=1)
    leave(project, tmp_path, monkeypatch)
    shards = [tmp_path / f"windy.shard-{part}-of-2.partial" for part in (1, 2)]
    shutil.rmtree(shards[0] / "sky")  # one shard that has it is enough
    merged = merge_shards(shards, tmp_path / "forecast")
    assert merged.manifest == whole.manifest
    assert merged.log["minute"].tolist() == whole.log["minute"].tolist()
    typed("export", tmp_path / "forecast", "--to", "csv", "--looked-at", 1, "--out", tmp_path / "csv")


def test_shards_of_other_weather_are_told(project: Path, tmp_path: Path) -> None:
    shard = run_shard(sim.load("windy.yaml"), "1/1", tmp_path / "windy", runs=2, workers=1)
    assert (shard / "sky" / "site.epw").read_text() == (project / "sky" / "site.epw").read_text()
    (shard / "sky" / "site.epw").write_text("\n".join(epw()).replace("0.3", "9.9") + "\n")
    with pytest.raises(Changed, match="weather_file"):
        merge_shards([shard])


def test_a_case_that_is_cached_is_not_that_of_another_weather_file(project: Path) -> None:
    config = sim.load(project / "windy.yaml")
    first = prepare_cached(config)
    assert prepare_cached(config) is first
    weather = project / "sky" / "site.epw"
    weather.write_text("\n".join(line.replace(",0.3,", ",0.4,") for line in epw()) + "\n")
    assert prepare_cached(config) is not first
