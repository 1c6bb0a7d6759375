"""A result made with a weather file has a copy of it, so that it is exported wherever it or the reader is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.study.result import Result
from tests.tiny_project import TINY
from tests.world.weather.test_weather_files import epw


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stored result; its configuration is gone, and we are in another folder."""
    project = tmp_path / "project"
    (project / "sky" / "far").mkdir(parents=True)
    (project / "sky" / "far" / "site.epw").write_text("\n".join(epw()) + "\n")
    tree = {**sim.load(TINY).tree, "schema_version": 1, "weather": {"kind": "file", "file": "sky/far/site.epw"}}
    (project / "windy.yaml").write_text(json.dumps(tree))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    sim.run(sim.load(project / "windy.yaml"), runs=2, workers=1, out=elsewhere / "stored")
    shutil.rmtree(project)
    return elsewhere / "stored"


def test_it_is_exported_without_its_configuration(stored: Path, tmp_path: Path) -> None:
    moved = stored.rename(tmp_path / "mailed")
    done = CliRunner().invoke(main, ["export", str(moved), "--to", "mspdi", "--out", str(tmp_path / "plan.xml")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "plan.xml").exists()


def test_without_the_copy_one_is_told_which_file_is_missing(stored: Path) -> None:
    shutil.rmtree(stored / "sky")
    done = CliRunner().invoke(main, ["export", str(stored), "--to", "csv"])
    assert done.exit_code == 2
    assert "sky/far/site.epw" in done.output


def test_the_copy_is_no_part_of_the_numbers(stored: Path) -> None:
    assert Result.load(stored).manifest["config"]["weather"]["file"] == "sky/far/site.epw"
    assert (stored / "sky" / "far" / "site.epw").read_text().splitlines() == list(epw())
