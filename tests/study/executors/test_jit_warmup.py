"""On a new machine, other processes compile while this one plans; whatever becomes of them, the run is the same."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.engine.backends import COMPILED, SIMPY
from sim.jit import available
from sim.study.api import run
from sim.study.executors import jit_warmup as beforehand
from sim.study.executors.jit_warmup import COMPILING, ENGINE, MEASURING, ready
from tests.tiny_project import tiny

ROOT = Path(__file__).parents[3]
needs_numba = pytest.mark.skipif(not available(), reason="the compiled engine is an extra that is not installed")
Helper = subprocess.Popen[bytes]
LACKING = "from sim.study.executors.jit_warmup import _lacking; print(*_lacking())"
LEFT = """
import os
from sim.study.executors.jit_warmup import _helper
print(_helper("engine").pid, flush=True)
os._exit(0)
"""
MADE = """
from sim.study.executors.jit_warmup import _measuring, ready
with ready("compiled"):
    pass
from sim.engine.numba_engine.kernel import run_kernel
from sim.jit.toolkit import make
for function, types in _measuring():
    make(function, types)
functions = [run_kernel, *(function for function, _ in _measuring())]
print(len(functions), *(sum(count.values()) for one in functions for count in [one.stats.cache_misses]))
"""


def python(script: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run a few lines where machine code is kept in a folder of its own."""
    kept = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=kept, capture_output=True, text=True, check=True
    )


def asleep() -> Helper:
    """Start a process that is busy for longer than any test."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdin=subprocess.PIPE)


@needs_numba
def test_on_a_new_machine_both_parts_are_lacking(tmp_path: Path) -> None:
    assert python(LACKING, tmp_path).stdout.split() == [ENGINE, MEASURING]


@needs_numba
def test_what_was_made_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for make in beforehand.MAKING.values():
        make()
    monkeypatch.setattr(beforehand, "_helper", lambda part: pytest.fail(f"{part} is compiled again"))
    with ready("auto") as by:
        assert by == COMPILED


def test_simpy_needs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beforehand, "_lacking", lambda: pytest.fail("looked for machine code"))
    with ready("simpy") as by:
        assert by == SIMPY


@needs_numba
@pytest.mark.parametrize("python", ["false", "no-such-python"])
def test_processes_that_fail_change_nothing(
    python: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slow = run(tiny(), runs=3, workers=0, engine=SIMPY).sample.runs
    expected = {name: column.astype(str).tolist() for name, column in slow.items()}
    monkeypatch.setattr(beforehand, "_lacking", lambda: [ENGINE, MEASURING])
    monkeypatch.setattr(sys, "executable", python)
    found = run(tiny(), runs=3, workers=0, engine=COMPILED).sample.runs
    assert {name: column.astype(str).tolist() for name, column in found.items()} == expected
    assert "is ready after" not in caplog.text


@needs_numba
def test_whatever_ends_the_planning_ends_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    started: list[Helper] = []

    def helper(_part: str) -> Helper:
        started.append(asleep())
        return started[-1]

    monkeypatch.setattr(beforehand, "_lacking", lambda: [ENGINE, MEASURING])
    monkeypatch.setattr(beforehand, "_helper", helper)
    with caplog.at_level(logging.WARNING), pytest.raises(KeyboardInterrupt), ready("auto"):
        raise KeyboardInterrupt
    assert [one.poll() is None for one in started] == [False, False]
    assert caplog.messages == [COMPILING]


@needs_numba
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nobody_outlives_the_process_that_wanted_them(tmp_path: Path) -> None:
    process = Path("/proc") / python(LEFT, tmp_path).stdout.strip() / "stat"
    deadline = time.monotonic() + 60
    while living(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not living(process)
    assert not [*tmp_path.rglob("*.nbc")]  # it has not ended because it had finished


def living(stat: Path) -> bool:
    """Whether there is a process, and it is not only waiting to be buried."""
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@needs_numba
@pytest.mark.slow
def test_what_others_have_compiled_is_only_loaded(tmp_path: Path) -> None:
    done = python(MADE, tmp_path)
    number, *missed = map(int, done.stdout.split())
    assert missed == [0] * number
    assert number > 10
    assert done.stderr.splitlines()[0] == COMPILING
    assert not [*tmp_path.rglob("*.tmp.*")]
