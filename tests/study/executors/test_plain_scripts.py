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
result = sim.run(sim.load({str(TINY)!r}, ["commissioning.l3.fails=0.3"]), runs=16, seed=1, workers=2, engine="simpy")
print(len(result.runs), result.runs["status"].nunique())
"""
PATIENCE = 120
"""Seconds; the scripts take three, and hung for ever when every worker ran the script again."""


@pytest.mark.parametrize("how", ["file", pytest.param("piped", marks=pytest.mark.slow)])  # also cli/test_first_use.py
def test_a_script_without_a_guarded_main_runs_with_workers(how: str, tmp_path: Path) -> None:
    script = tmp_path / "analysis.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script)] if how == "file" else [sys.executable, "-"]
    done = subprocess.run(
        command, input=SCRIPT if how == "piped" else None, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["16", "1"]


UNSENDABLE = """
import sys, threading
from dataclasses import dataclass, field
from collections.abc import Callable
from sim.study.runner import run
from tests.study.toy_case import Toy

@dataclass(frozen=True)
class Local(Toy):
    rule: Callable[[], int] = field(default_factory=lambda: lambda: 1)

if "thread" in sys.argv:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
print((run(Local(), seed=1, runs=20, workers=2).runs["status"] == "ok").sum())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
def test_forked_workers_have_their_case_without_being_sent_it() -> None:
    done = _run_unsendable()
    assert (done.returncode, done.stdout.split()) == (0, ["20"]), done.stderr


def test_beside_another_thread_workers_are_new_interpreters_that_are_sent_their_case() -> None:
    done = _run_unsendable("thread")
    assert done.returncode != 0
    # "Can't pickle local object", and from Python 3.13 on "Can't get local object"
    assert "local object" in done.stderr


def _run_unsendable(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", UNSENDABLE, *arguments], cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
