"""The files of several projects, written side by side, are those that one process would have written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Done

from sim.cli import main
from sim.cli.project_runs import UnwrittenRun
from sim.errors import SimError
from sim.study.result import Result
from sim.study.storage.checkpoint import checkpoint_directory
from tests.tiny_project import TINY

pytestmark = pytest.mark.draws


@pytest.fixture
def compared(tmp_path: Path) -> tuple[str, ...]:
    """The words of a comparison of two projects, without its workers and place."""
    other = tmp_path / "other.yaml"
    other.write_text(f"schema_version: 1\nextends: {TINY}\nname: other\nscale: {{preparation_days: 3}}\n")
    return ("compare", str(TINY), str(other), "--runs", "12")


def sim(*words: str) -> Done:
    return CliRunner().invoke(main, words)


def files_in(place: Path) -> dict[Path, bytes]:
    return {file.relative_to(place): file.read_bytes() for file in sorted(place.rglob("*")) if file.is_file()}


def test_files_written_side_by_side_are_those_of_one_process(tmp_path: Path, compared: tuple[str, ...]) -> None:
    for workers in ("1", "2"):
        done = sim(*compared, "--workers", workers, "--out", str(tmp_path / "out" / workers))
        assert done.exit_code == 0, done.output
    one, two = (files_in(tmp_path / "out" / workers) for workers in ("1", "2"))
    assert [*one] == [*two]
    assert {Path("other/figures/mw_online.png"), Path("figures/strategy_cloud.svg"), Path("other/runs.parquet")} <= {
        *one
    }
    assert [file for file, data in one.items() if two[file] != data] == []


def test_what_a_lost_process_has_not_written_another_writes(
    tmp_path: Path, compared: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    written, this_process, here = UnwrittenRun.written, os.getpid(), list[str]()

    def lost_in_a_fork(run: UnwrittenRun, workers: int | None = None) -> Result:
        if os.getpid() != this_process:
            os._exit(9)
        here.append(run.sampled.case.name)
        return written(run, workers)

    monkeypatch.setattr(UnwrittenRun, "written", lost_in_a_fork)
    done = sim(*compared, "--workers", "2", "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    assert len(here) == 2
    assert all((tmp_path / "out" / name / "report.html").exists() for name in here)
    assert [*tmp_path.rglob("*.partial")] == []


def test_what_was_simulated_before_a_project_that_cannot_be_run_is_written(tmp_path: Path) -> None:
    never = tmp_path / "never.yaml"
    never.write_text(
        f"schema_version: 1\nextends: {TINY}\nname: never\nweather: {{kind: file, file: nowhere.csv}}\n",
        encoding="utf-8",
    )
    done = sim("compare", str(TINY), str(never), "--runs", "12", "--workers", "2", "--out", str(tmp_path / "out"))
    assert done.exit_code == 2
    assert "nowhere.csv" in done.output
    assert (tmp_path / "out" / "tiny" / "report.html").exists()
    assert [*tmp_path.rglob("*.partial")] == []


def test_an_error_in_a_process_that_writes_is_told_once_and_in_one_line(
    tmp_path: Path, compared: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> Result:
        raise SimError("the disk is full")

    monkeypatch.setattr(UnwrittenRun, "written", full)
    done = sim(*compared, "--workers", "2", "--out", str(tmp_path / "out"))
    assert done.exit_code == 1
    assert "the disk is full" in done.output
    assert "Traceback" not in done.output + capfd.readouterr().err


def test_what_is_left_beside_a_complete_result_is_removed(tmp_path: Path, compared: tuple[str, ...]) -> None:
    words = (*compared, "--workers", "1", "--figures", "none", "--out", str(tmp_path / "out"))
    assert sim(*words).exit_code == 0
    left = checkpoint_directory(tmp_path / "out" / "tiny")
    left.mkdir()
    assert sim(*words, "--resume").exit_code == 0
    assert not left.exists()
