"""The worked example of the monthly update, done literally on the shipped project: only with fewer runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.report.html_report import run_report
from tests.docs.test_docs import FENCED, file_of, small
from tests.docs.test_readme import commands

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how_to" / "monthly_update.md"


@pytest.mark.slow
def test_three_months_of_the_hybrid_are_done_as_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # reports are the dear part of a small run; they have tests of their own
    monkeypatch.setattr(run_report, "write_run", lambda *_: None)
    said = {}
    for language, block in ((found[1], found[2]) for found in FENCED.finditer(PAGE.read_text(encoding="utf-8"))):
        if language == "yaml" and (file := file_of(block)):
            file.write_text(block)
        for command in commands(block) if language == "console" else ():
            words = small(command)
            if words[0] == "forecast":
                words += ["--runs", "8", "--moves", "4", "--workers", "1"]
            done = CliRunner().invoke(main, words)
            assert done.exit_code == 0, f"$ {command}\n{done.output}\n{done.exception!r}"
            said[command] = done.output
    months = sorted(path.stem for path in Path("out/hybrid-forecast.history").iterdir())
    assert months == ["2026-12-31", "2027-01-31", "2027-02-28"]
    february = next(text for command, text in said.items() if "forecast" in command and "february" in command)
    assert "as of 31 Jan 2027" in february
    # the trend has a line a month, and its last one is what the verdict says
    kept = json.loads(Path("out/hybrid-forecast.history/2027-02-28.json").read_text())
    numbers = json.loads(Path("out/hybrid-forecast/summary.json").read_text())
    assert kept["days"]["all"]["p80"] == numbers["lead_time_full_days"]["p80"]
