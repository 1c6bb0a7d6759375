"""Workers of a script as analysts write it: no guarded main, typed into an interpreter, or piped into one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_project import TINY

ROOT = Path(__file__).parents[3]
SCRIPT = f"""
import sim
result = sim.run(sim.load({str(TINY)!r}, ["commissioning.l3.fails=0.3"]), runs=60, seed=1, workers=2, engine="simpy")
print(len(result.runs), result.runs["status"].nunique())
"""
PATIENCE = 120
"""Seconds; the scripts take three, and hung for ever when every worker ran the script again."""


@pytest.mark.parametrize("how", ["file", "piped"])
def test_a_script_without_a_guarded_main_runs_with_workers(how: str, tmp_path: Path) -> None:
    script = tmp_path / "analysis.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script)] if how == "file" else [sys.executable, "-"]
    done = subprocess.run(
        command, input=SCRIPT if how == "piped" else None, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["60", "1"]
