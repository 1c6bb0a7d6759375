"""Workers killed while they start, and processes that cannot be started: nothing waits for ever, Ctrl-C always ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from sim.errors import SimError
from sim.study.runner import run
from tests.faults.conftest import Observed
from tests.faults.processes import ROOT, TINY, surroundings, words
from tests.study.executors.test_worker_signals import gone
from tests.study.toy_case import Heavy

pytestmark = [pytest.mark.faults, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
MOMENTS = (0.0, 0.05, 0.1, 0.3, 0.6, 1.0)
"""Seconds after a worker process has appeared."""
STUDY = f"""schema_version: 1
name: power
question: How late may the power be?
configs: [{TINY.as_posix()}]
inputs: {{week: {{paths: [energization.units.first_week], values: [3, 4]}}}}
metrics: [lead_time_full_days]
"""
RUN: list[str | Path] = ["run", TINY, "--runs", "30", "--workers", "2", "--engine", "simpy"]
COMMANDS: dict[str, list[str | Path]] = {
    "run": RUN,
    "compare": ["compare", TINY, ROOT / "configs" / "one_block.yaml", *RUN[2:]],
    "sweep": ["sweep", "study.yaml", "--runs", "6", "--workers", "2"],
    "drivers": ["drivers", TINY, "--runs", "8", "--workers", "2", "--engine", "simpy"],
}
FOR_LONG = """
from sim.study.runner import run
from tests.study.toy_case import Heavy
run(Heavy(seconds=1), seed=1, runs=900, workers=2)
"""


def workers_of(pid: int, *, forked: bool = True) -> list[int]:
    """The worker processes that a process has started; `forked`: copies of it count as well.

    A copy is also what any program begins as: Python's own resource tracker, say, whose death Python warns of.
    """
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        # one that ends at this moment has no fields, and the names of others' are any bytes
        with suppress(OSError, IndexError):
            fields = status.read_bytes().rpartition(b")")[2].split()
            command = (status.parent / "cmdline").read_bytes()
            if int(fields[1]) == pid and (
                b"spawn_main" in command or (forked and command == Path(f"/proc/{pid}/cmdline").read_bytes())
            ):
                found.append(int(status.parent.name))
    return sorted(found)


def at_this_load(seconds: float) -> float:
    """Seconds on an idle machine: where more processes want to run than there are cores, each gets on so much slower."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def kill_first_worker(pid: int, after: float, *, forked: bool = True, seconds: float = 60.0) -> int | None:
    """Kill the first worker of a process some time after it has appeared; return its number."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := workers_of(pid, forked=forked):
            time.sleep(after)
            with suppress(ProcessLookupError):
                os.kill(found[0], signal.SIGKILL)
            return found[0]
        time.sleep(0.002)
    return None


@pytest.mark.parametrize("after", MOMENTS)
def test_a_worker_killed_while_it_starts_is_replaced(after: float) -> None:
    # the thread is why nothing is forked here
    killer = threading.Thread(target=kill_first_worker, args=(os.getpid(), after), kwargs={"forked": False})
    killer.start()
    sample = run(Heavy(seconds=0.02), seed=1, runs=40, workers=2)
    killer.join()
    assert (sample.runs["status"] == "ok").all()


def test_workers_that_are_always_killed_while_they_start_are_not_started_for_ever() -> None:
    over = threading.Event()

    def kill_all() -> None:
        while not over.is_set():
            for worker in workers_of(os.getpid(), forked=False):
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            time.sleep(0.005)

    killer = threading.Thread(target=kill_all)
    killer.start()
    try:
        with pytest.raises(SimError, match=r"worker processes cannot start.*killed"):
            run(Heavy(), seed=1, runs=40, workers=2)
    finally:
        over.set()
        killer.join()


def test_an_interpreter_that_may_not_be_executed_is_told(tmp_path: Path) -> None:
    locked = tmp_path / "python"
    locked.write_text("#!/bin/sh\n")
    code = f"""
import multiprocessing
from sim.errors import SimError
from sim.study.runner import run
from sim.study.executors import process_pool
from tests.study.toy_case import Heavy
process_pool.can_fork = lambda: False  # a fork executes nothing
multiprocessing.set_executable({str(locked)!r})
try:
    run(Heavy(), seed=1, runs=40, workers=2)
except SimError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=surroundings(), check=True
    )
    assert "worker processes cannot start" in done.stdout
    assert str(locked) in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("after", [0.0, 0.2, 0.6])
def test_ctrl_c_ends_it_within_five_seconds_also_while_workers_start(after: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", FOR_LONG], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=surroundings(),
        start_new_session=True,
    )  # fmt: skip
    # the process that would read what it is sent is gone, the moment at which the parent waited for ever
    assert kill_first_worker(process.pid, after) is not None
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    try:
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert time.monotonic() - began <= at_this_load(5)
    assert gone(process.pid, at_this_load(5))


@pytest.mark.slow
@pytest.mark.parametrize("after", MOMENTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_with_workers_goes_on(command: str, after: float, tmp_path: Path, observed: Observed) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    process = subprocess.Popen(
        words([*COMMANDS[command], "--out", "out"]), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, env=surroundings(), start_new_session=True,
    )  # fmt: skip
    killed = kill_first_worker(process.pid, after)
    try:
        _, told = process.communicate(timeout=200)
    finally:
        process.kill()
    assert killed is not None
    assert process.returncode == 0, told
    assert gone(process.pid, at_this_load(10))
    observed(f"{command}: killed after {after} s, exit code 0")


def test_sigterm_while_workers_start_is_one_line_and_143(tmp_path: Path) -> None:
    process = subprocess.Popen(
        words([*RUN, "--out", tmp_path / "out"]), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, env=surroundings(), start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not workers_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 143, told
    assert len(told.splitlines()) == 1, told
    assert told.startswith("interrupted")
    assert gone(process.pid, at_this_load(5))
