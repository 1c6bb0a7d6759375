"""A place that a result must not take is refused before the first replication, by every command that writes one."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import sim.study.case
from sim import files
from sim.cli import main
from sim.study.storage.output_directory import output_lock
from tests.tiny_project import TINY

STUDY = f"""schema_version: 1
name: power
question: How late may the power be?
configs: [{TINY.as_posix()}]
inputs: {{week: {{paths: [energization.units.first_week], values: [3, 4], low: 3, high: 4}}}}
metrics: [lead_time_full_days]
"""
COMMANDS = {
    "run": ["run", str(TINY)],
    "drivers": ["drivers", str(TINY)],
    "sweep": ["sweep", "study.yaml"],
    "sensitivity": ["sensitivity", "study.yaml", "--method", "low_high"],
    "tune": ["tune", "study.yaml"],
}


@pytest.fixture(autouse=True)
def nothing_is_simulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder to work in, where the first replication fails the test."""

    def simulate_chunk(*_: object, **__: object) -> None:
        raise AssertionError("a replication was run")

    monkeypatch.setattr(sim.study.case.Case, "simulate_chunk", simulate_chunk)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(STUDY.replace("values: [3, 4], ", ""))
    return tmp_path


def places(here: Path) -> dict[str, Path]:
    """What somebody may give by mistake."""
    mine = here / "photos"
    mine.mkdir()
    (mine / "holiday.jpg").write_bytes(b"me")
    (here / "file").write_text("mine")
    (here / "link").symlink_to(mine)
    return {"folder": mine, "file": here / "file", "root": Path("/"), "current": Path(), "link": here / "link"}


@pytest.mark.parametrize("place", ["folder", "file", "root", "current", "link"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_place_that_is_not_for_a_result_is_refused_first(command: str, place: str, tmp_path: Path) -> None:
    target = places(tmp_path)[place]
    done = CliRunner().invoke(main, [*COMMANDS[command], "--runs", "2", "--workers", "0", "--out", str(target)])
    assert done.exit_code == 2, done.output
    assert len(done.output.strip().splitlines()) == 1
    assert (tmp_path / "photos" / "holiday.jpg").read_bytes() == b"me"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("command", ["compare", "merge"])
def test_several_results_and_their_parts_too(command: str, tmp_path: Path) -> None:
    target = places(tmp_path)["folder"]
    (target / "tiny").mkdir()
    (target / "tiny" / "holiday.jpg").write_bytes(b"me")
    words = ["compare", str(TINY)] if command == "compare" else ["merge", str(tmp_path / "tiny.shard-1-of-2.partial")]
    done = CliRunner().invoke(main, [*words, "--out", str(target)])
    assert done.exit_code == 2, done.output
    assert "holds files" in done.output


@pytest.mark.parametrize(
    "words",
    [
        ["baseline", "save", str(TINY), "photos"],
        ["verify", str(TINY), "--junit", "photos"],
        ["export", str(TINY), "--to", "mspdi", "--out", "photos"],
        ["export", str(TINY), "--to", "csv", "--out", "file"],
    ],
)
def test_files_that_cannot_be_written_are_refused_first(words: list[str], tmp_path: Path) -> None:
    places(tmp_path)
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2, done.output
    assert "photos" in done.output or "file" in done.output


@pytest.mark.parametrize(
    ("out", "said"), [("file/x", "file: is a file, not a folder"), ("file/x/y", "file: is a file, not a folder"),
                      ("none/x/y", "none: there is no such folder")],
)  # fmt: skip
def test_what_stands_above_the_output_is_said_by_its_name(out: str, said: str, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "file").write_text("hi")
    with pytest.raises(files.WrongPlace, match=said) as refused, output_lock(here / out):
        pass
    assert refused.value.exit_code == 2
    with pytest.raises(files.WrongPlace, match=said):
        files.write(here / out / "more", b"")
    assert [path.name for path in here.iterdir()] == ["file"]
