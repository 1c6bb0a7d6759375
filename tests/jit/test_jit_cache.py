"""Machine code is made once and kept: the next process only loads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.numba_engine.both import KernelPlan

ROOT = Path(__file__).parents[2]
LOAD = """
from sim.engine.numba_engine.simulate import ready
from sim.engine.numba_engine.kernel import run_kernel
ready()
print(sum(run_kernel.stats.cache_hits.values()), sum(run_kernel.stats.cache_misses.values()))
"""


@pytest.mark.slow
def test_the_second_process_finds_what_the_first_one_compiled(tmp_path: Path) -> None:
    assert KernelPlan.__module__ == "sim.engine.numba_engine.simulate"
    kept = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (
        subprocess.run(
            [sys.executable, "-c", LOAD], cwd=ROOT, env=kept, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    )
    assert first.split() == ["0", "1"]
    assert second.split() == ["1", "0"]
