"""Before and after: projects and stored results side by side, on the same random numbers or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.cli import main
from sim.report.html_report import compare_report, run_report
from tests.tiny_project import TINY


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # pages and pictures are the dear part of a small run; they have tests of their own
    monkeypatch.setattr(run_report, "write_run", lambda *_: None)
    monkeypatch.setattr(compare_report, "write_comparison", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(*words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--workers", "1"])


def test_a_change_is_held_against_what_was_before(place: Path) -> None:
    done = told("run", str(TINY), "--runs", "3", "--set", "scale.preparation_days=12", "--against", str(TINY))
    assert done.exit_code == 0, done.output
    first = done.output.index("after against before: what is stated otherwise")
    change = done.output.index("input scale.preparation_days.value: 10.0, now 12.0")
    assert first < change < done.output.index("after − before")  # what was changed, then what that moves
    assert (place / "out" / "tiny_against" / "differences.csv").is_file()


def test_a_stored_result_is_compared_with_a_project_on_its_own_random_numbers(place: Path) -> None:
    assert told("run", str(TINY), "--runs", "3", "--seed", "7", "--out", "before").exit_code == 0
    done = told("compare", "before", str(TINY), "--set", "scale.preparation_days=12")
    assert done.exit_code == 0, done.output
    assert "3 runs, seed 7" in done.output
    refused = told("compare", "before", str(TINY), "--seed", "8")
    assert refused.exit_code == 2
    assert "not run on the same random numbers" in refused.output


def test_two_stored_results_are_compared(place: Path) -> None:
    for name in ("one", "two"):
        assert told("run", str(TINY), "--runs", "3", "--out", name).exit_code == 0
    done = told("compare", "one", "two", "--out", "both")
    assert done.exit_code == 0, done.output
    assert {"one", "two"} <= {path.name for path in (place / "both").iterdir()}
    assert "two − one" in done.output  # both are of one project: they go by their folders


@pytest.mark.parametrize("option", [("--seed", "8"), ("--sampling", "lhs")])
def test_what_a_run_cannot_be_compared_with_is_refused_before_the_run(place: Path, option: tuple[str, str]) -> None:
    assert told("run", str(TINY), "--runs", "3", "--seed", "7", "--out", "before").exit_code == 0
    refused = told("run", str(TINY), "--runs", "3", "--seed", "7", *option, "--against", "before", "--out", "after")
    assert refused.exit_code == 2
    assert "not run on the same random numbers" in refused.output
    missing = told("run", str(TINY), "--runs", "3", "--against", "nothing.yaml", "--out", "after")
    assert missing.exit_code == 2
    assert "nothing.yaml" in missing.output
    assert not (place / "after").exists()
