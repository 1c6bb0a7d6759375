"""The process that is nothing but `sim`: what is set before anything is loaded, and what users have set themselves."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from click.testing import CliRunner

from sim.cli import BLAS_THREADS, GC_THRESHOLD, main

SCRIPT = """
import gc, os, sys
import sim.cli
assert "numpy" not in sys.modules  # or it has counted the cores already
sim.cli.main = lambda: print(gc.get_threshold()[0], *(os.environ[name] for name in sim.cli.BLAS_THREADS))
sim.cli.run_process()
print(gc.get_freeze_count() > 0)
"""


def test_the_command_is_a_process_of_its_own() -> None:
    (command,) = (entry for entry in entry_points(group="console_scripts") if entry.name == "sim")
    assert command.load().__name__ == "run_process"


@pytest.mark.parametrize(("given", "threads"), [({}, "1 1 1"), ({"OPENBLAS_NUM_THREADS": "4"}, "4 1 1")])
def test_linear_algebra_has_one_thread_unless_the_user_says_otherwise(given: dict[str, str], threads: str) -> None:
    surroundings = {name: value for name, value in os.environ.items() if name not in BLAS_THREADS} | given
    told = subprocess.run([sys.executable, "-c", SCRIPT], env=surroundings, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == [f"{GC_THRESHOLD} {threads}", "True"]


def test_who_calls_the_commands_from_python_keeps_their_garbage_collector() -> None:
    before = gc.get_threshold()
    CliRunner().invoke(main, ["examples"])
    assert gc.get_threshold() == before
