from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from sim.study.executors.interruption import Interrupted, Terminated, ends_soon, interruptible

ROOT = Path(__file__).parents[3]
STUDY = """
import sys
from contextlib import suppress
from pathlib import Path
from tests.study.toy_case import Toy
from sim.errors import SimError
from sim.study.storage.checkpoint import open_checkpoint
from sim.study.runner import run
try:
    with open_checkpoint(Path(sys.argv[1]), {"metrics": Toy().metrics}) as store:
        run(Toy(seconds=0.05), seed=1, runs=2000, workers=int(sys.argv[2]), chunk=3, store=store,
            progress=lambda done, total, left: print(done, flush=True))
except SimError as error:
    print(error, file=sys.stderr)
    raise SystemExit(error.exit_code)
"""


def study(target: Path, workers: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STUDY, str(target), str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def at_work(process: subprocess.Popen[str]) -> None:
    """Wait until some chunks are finished."""
    assert process.stdout is not None
    while int(process.stdout.readline()) < 9:
        pass


def living(session: int) -> list[int]:
    """The processes of a session (its number is that of its first process)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):  # one that ends at this moment has no fields
            fields = stat.read_bytes().rpartition(b")")[2].split()
            if int(fields[3]) == session and fields[0] != b"Z":
                found.append(int(stat.parent.name))
    return found


def gone(session: int, seconds: float = 60.0) -> bool:
    """Whether all processes of a session end; they do so within a second where there is a core for them."""
    deadline = time.monotonic() + seconds
    while living(session) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not living(session)


@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("how", "workers", "everybody"),
    [
        (signal.SIGINT, 2, True),
        (signal.SIGINT, 1, True),
        (signal.SIGTERM, 2, False),
        (signal.SIGTERM, 2, True),
    ],
)
def test_an_interrupted_run_ends_in_one_line_and_leaves_no_process(
    tmp_path: Path, how: signal.Signals, workers: int, everybody: bool
) -> None:
    process = study(tmp_path / "toy", workers)
    at_work(process)
    # a terminal sends Ctrl-C to every process of the group, a batch system may send its signal to one or all
    (os.killpg if everybody else os.kill)(process.pid, how)
    _, told = process.communicate(timeout=240)
    assert process.returncode == 128 + how, told
    assert len(told.splitlines()) == 1, told
    assert "Traceback" not in told
    assert "--resume" in told.splitlines()[-1]
    assert gone(process.pid)
    assert len(list((tmp_path / "toy.partial").glob("chunk-*"))) >= 3
    assert not (tmp_path / "toy.lock").exists()


@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    process = study(tmp_path / "toy", 2)
    at_work(process)
    assert len(living(process.pid)) >= 3
    process.kill()
    process.communicate(timeout=240)
    assert gone(process.pid)


def test_the_program_around_us_keeps_its_own_way_to_end() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated, match="told so") as caught, interruptible("told so"):
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.exit_code == 143
    with pytest.raises(Interrupted, match="told so") as stopped, interruptible("told so"):
        signal.raise_signal(signal.SIGINT)
    assert stopped.value.exit_code == 130
    assert signal.getsignal(signal.SIGTERM) is before


THROWN_AWAY = """
import signal, sys, time
from sim.study.executors.interruption import Interrupted, ends_soon, interruptible

class Thrown:
    def __del__(self):
        signal.raise_signal(int(sys.argv[1]))
        time.sleep(0)

try:
    with ends_soon(), interruptible():
        Thrown()
        time.sleep(3)
except Interrupted as error:
    print(error.exit_code)
"""


MADE_ANOTHER = """
import os, signal, sys
from pydantic import BaseModel, model_serializer
from sim.study.executors.interruption import Interrupted, ends_soon, interruptible

class Serialized(BaseModel):
    @model_serializer
    def stated(self):
        os.kill(os.getpid(), int(sys.argv[1]))
        return {}

try:
    with ends_soon(), interruptible():
        Serialized().model_dump()
except Interrupted as error:
    print(error.exit_code)
"""


@pytest.mark.parametrize("script", [THROWN_AWAY, MADE_ANOTHER])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, "143"), (signal.SIGINT, "130")])
def test_a_signal_whose_exception_is_swallowed_ends_it_in_silence(number: int, code: str, script: str) -> None:
    """Python prints what a destructor raises, and goes on; pydantic makes another error of it: both found by SIGTERM."""
    done = subprocess.run(
        [sys.executable, "-c", script, str(int(number))],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
    )
    assert (done.stdout.strip(), done.stderr) == (code, "")


def test_an_error_without_a_signal_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError), ends_soon(), interruptible():
        raise ZeroDivisionError
