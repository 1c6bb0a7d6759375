from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.study.storage.output_directory import Occupied, output_lock

ROOT = Path(__file__).parents[3]
HOLD = """
import sys, time
from pathlib import Path
from sim.study.storage.output_directory import Occupied, output_lock
try:
    with output_lock(Path(sys.argv[1])):
        print("inside", flush=True)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not Path(sys.argv[1]).with_name("leave").exists():
            time.sleep(0.01)
except Occupied as error:
    raise SystemExit(error.exit_code)
"""


def holder(target: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(target)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.faults
def test_a_second_run_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    process = holder(tmp_path / "toy")
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "inside"
        with pytest.raises(Occupied, match=r"toy: another run is writing") as caught, output_lock(tmp_path / "toy"):
            pass
    finally:
        process.kill()
        process.communicate()
    assert caught.value.exit_code == 2
    # killed, it has left its file behind, but not the lock
    assert (tmp_path / "toy.lock").exists()
    with output_lock(tmp_path / "toy"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.faults
@pytest.mark.parametrize("left_behind", [False, True])
def test_of_several_at_once_one_gets_in(tmp_path: Path, left_behind: bool) -> None:
    if left_behind:
        (tmp_path / "toy.lock").touch()
    processes = [holder(tmp_path / "toy") for _ in range(4)]
    while sum(process.poll() is None for process in processes) > 1:
        time.sleep(0.01)
    (tmp_path / "leave").touch()
    for process in processes:
        process.communicate(timeout=60)
    assert sorted(process.returncode for process in processes) == [0, 2, 2, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["leave"]


def test_a_second_run_of_the_same_process_is_refused(tmp_path: Path) -> None:
    with output_lock(tmp_path / "toy"):
        with pytest.raises(Occupied), output_lock(tmp_path / "toy"):
            pass
        assert (tmp_path / "toy.lock").exists()
    assert list(tmp_path.iterdir()) == []
