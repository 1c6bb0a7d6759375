"""`--status`: what is wrong with the file is told before anything is worked out, drawn or forked for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.report.figures.drawing import FigureDrawing
from tests.tiny_project import TINY

STUDY = """
schema_version: 1
name: cranes
question: How many cranes?
configs: [PROJECT]
inputs:
  cranes: {paths: [logistics.cranes], values: [1, 2]}
runs: 2
metrics: [lead_time_full_days]
"""
COMMANDS = {
    "forecast": ["CONFIG"],
    "run": ["CONFIG"],
    "preview": ["CONFIG", "--preview"],
    "drivers": ["CONFIG"],
    "compare": ["CONFIG", "hybrid"],
    "export": ["CONFIG", "--to", "csv"],
    "ask": ["CONFIG", "mw >= 1"],
    "baseline check": ["CONFIG", "baseline.json"],
    "sweep": ["STUDY"],
}


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "nothing.csv: there is no such file"), ("kind,date\ndata_date,then\n", "nothing.csv:2: date: then given")],
    ids=["missing", "wrong"],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_status_is_read_before_anything_is_worked_out(
    command: str, text: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("worked before the status was read")

    monkeypatch.setattr("sim.study.case.crew_plan_of", work)
    monkeypatch.setattr(FigureDrawing, "get_ready", work)
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("nothing.csv").write_text(text, encoding="utf-8")
    Path("study.yaml").write_text(STUDY.replace("PROJECT", str(TINY)), encoding="utf-8")
    words = [{"CONFIG": str(TINY), "STUDY": "study.yaml"}.get(word, word) for word in COMMANDS[command]]
    name = ["run"] if command == "preview" else command.split()
    done = CliRunner().invoke(main, [*name, *words, "--status", "nothing.csv"])
    assert done.exit_code == 2, done.output
    assert message in done.output
