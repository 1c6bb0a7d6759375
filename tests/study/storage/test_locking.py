from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.study.storage.locking import Occupied, held, me

ROOT = Path(__file__).parents[3]
HOLD = """
import sys, time
from pathlib import Path
from sim.study.storage.locking import Occupied, held
try:
    with held(Path(sys.argv[1])):
        print("inside", flush=True)
        deadline = time.monotonic() + float(sys.argv[2])
        while time.monotonic() < deadline and not Path(sys.argv[1]).with_name("leave").exists():
            time.sleep(0.01)
except Occupied as error:
    print(error, flush=True)
    raise SystemExit(error.exit_code)
"""


def holder(target: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(target), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.faults
def test_a_second_run_is_refused_with_the_name_of_the_first(tmp_path: Path) -> None:
    process = holder(tmp_path / "toy", 60)
    try:
        assert first_line(process) == "inside"
        with pytest.raises(Occupied) as caught, held(tmp_path / "toy"):
            pass
    finally:
        process.kill()
        process.communicate()
    assert caught.value.exit_code == 2
    assert f"process {process.pid} on {socket.gethostname()} is at work here" in str(caught.value)
    # now it is dead, and its note hangs there still
    assert (tmp_path / "toy.lock").exists()
    with held(tmp_path / "toy"):
        assert json.loads((tmp_path / "toy.lock").read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.faults
@pytest.mark.parametrize("stale", [False, True])
def test_of_several_at_once_one_gets_in(tmp_path: Path, stale: bool) -> None:
    if stale:
        owner = {"pid": 2**22 + 1, "host": socket.gethostname(), "began": "1"}
        (tmp_path / "toy.lock").write_text(json.dumps(owner))
    processes = [holder(tmp_path / "toy", 120) for _ in range(4)]
    while sum(process.poll() is None for process in processes) > 1:
        time.sleep(0.01)
    (tmp_path / "leave").touch()
    codes = sorted(ended(process)[0] for process in processes)
    assert codes == [0, 2, 2, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["leave"]


def test_a_note_of_another_machine_is_respected_and_explained(tmp_path: Path) -> None:
    note = tmp_path / "toy.lock"
    note.write_text(json.dumps({"pid": 1, "host": "elsewhere", "began": "1"}))
    with (
        pytest.raises(Occupied, match=r"process 1 on elsewhere .* remove .*toy.lock"),
        held(tmp_path / "toy"),
    ):
        pass
    assert note.exists()


def test_a_number_that_came_again_is_another_process(tmp_path: Path) -> None:
    note = {"pid": os.getpid(), "host": socket.gethostname(), "began": "an earlier life"}
    (tmp_path / "toy.lock").write_text(json.dumps(note))
    with held(tmp_path / "toy"):
        assert json.loads((tmp_path / "toy.lock").read_text())["began"] == me().began


def test_an_empty_note_is_respected_only_while_it_may_be_being_written(tmp_path: Path) -> None:
    note = tmp_path / "toy.lock"
    note.touch()
    with pytest.raises(Occupied), held(tmp_path / "toy"):
        pass
    os.utime(note, (time.time() - 60, time.time() - 60))
    with held(tmp_path / "toy"):
        pass
    assert not note.exists()


def test_the_same_run_may_come_in_twice(tmp_path: Path) -> None:
    with held(tmp_path / "toy"):
        with held(tmp_path / "toy"):
            pass
        assert (tmp_path / "toy.lock").exists()
    assert not (tmp_path / "toy.lock").exists()
