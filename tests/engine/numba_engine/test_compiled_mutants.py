"""Mistakes planted in the kernel, one at a time: each makes it differ from SimPy on some random plan."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.numba_engine.kernel_mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[3]
PLANS = 600
FOUND = 3
SEARCH = f"""
import sys
sys.path[:0] = sys.argv[1:]
import sim.engine.numba_engine
assert sim.engine.numba_engine.__file__.startswith(sys.argv[1])
from sim.plan.compile import compile_plan
from tests.engine.numba_engine.any_plans import any_plan
from tests.engine.numba_engine.both import agree
for seed in range({PLANS}):
    plan = compile_plan(any_plan(seed, 1 + seed % 20, 1 + seed % 7, sound=seed % 2 == 0))
    try:
        agree(plan, seed, seed % 11)
    except AssertionError:
        sys.exit({FOUND})
"""


def search(folder: Path) -> int:
    """Compare the engines of a copy of the sources on random plans; return how that ended."""
    command = [sys.executable, "-c", SEARCH, str(folder), str(ROOT)]
    # machine code of a mutant is kept beside it: in the user's cache it would evict that of the real sources
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "machine_code")}
    return subprocess.run(command, timeout=900, check=False, capture_output=True, env=environment).returncode


def copied(folder: Path) -> Path:
    """A copy of the sources without machine code."""
    shutil.copytree(ROOT / "sim", folder / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake.replace(" ", "-"))
def test_a_mistake_is_planted_in_what_is_there(mutant: Mutant) -> None:
    source = (ROOT / "sim" / "engine" / "numba_engine" / mutant.file).read_text(encoding="utf-8")
    assert source.count(mutant.right) == 1


@pytest.mark.slow
def test_there_is_no_mistake_to_be_found_without_one(tmp_path: Path) -> None:
    assert search(copied(tmp_path)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake.replace(" ", "-"))
def test_every_mistake_is_found(mutant: Mutant, tmp_path: Path) -> None:
    kernel = copied(tmp_path) / "sim" / "engine" / "numba_engine" / mutant.file
    source = kernel.read_text(encoding="utf-8")
    kernel.write_text(source.replace(mutant.right, mutant.wrong), encoding="utf-8")
    assert search(tmp_path) == FOUND
