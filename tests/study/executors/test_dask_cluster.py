from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import pytest

from sim.errors import SimError
from sim.study.executors.dask_cluster import DaskExecutor, cluster
from sim.study.runner import run
from sim.study.storage import sealed_files as tables
from tests.study.toy_case import Toy

pytest.importorskip("distributed")

RUNS = 60
ROOT = Path(__file__).resolve().parents[3]
# Dask's own processes, started as the README says; what they print is theirs
DASK = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
WORKER = [sys.executable, "-m", "distributed.cli.dask_worker"]


def started(command: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def worker(address: str, place: Path, log: int | IO[bytes] = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    command = [*WORKER, address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(place)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    file = tmp_path / "scheduler.json"
    process = started([*DASK, "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)])
    try:
        yield _address(file)
    finally:
        process.terminate()
        process.wait(30)


def _address(file: Path) -> str:
    import json

    for _ in range(600):
        if file.exists() and file.read_text().endswith("}"):
            return str(json.loads(file.read_text())["address"])
        time.sleep(0.1)
    raise TimeoutError("no scheduler")


def same(one: Any, other: Any) -> bool:
    return (
        tables.to_bytes(one.runs) == tables.to_bytes(other.runs)
        and tables.to_bytes(one.curves) == tables.to_bytes(other.curves)
        and one.notes == other.notes
    )


@pytest.mark.slow
@pytest.mark.faults
def test_a_worker_killed_midway_changes_nothing(scheduler: str, tmp_path: Path) -> None:
    case = Toy(seconds=0.05, raises=frozenset({20}), stalls=frozenset({33}))
    workers = [worker(scheduler, tmp_path / str(number)) for number in range(2)]
    seen: list[int] = []

    def kill_one(done: int, _total: int, _left: float | None) -> None:
        if done >= RUNS // 3 and not seen:
            seen.append(done)
            workers[0].send_signal(signal.SIGKILL)

    try:
        found = run(case, seed=1, runs=RUNS, chunk=4, progress=kill_one, executor=cluster(case, 1, scheduler, 2))
        assert workers[0].wait(30) == -signal.SIGKILL
        assert workers[1].poll() is None
    finally:
        for process in workers:
            process.terminate()
            process.wait(30)
    assert seen
    assert same(found, run(case, seed=1, runs=RUNS))


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device here that is always full")
def test_a_worker_whose_log_is_full_changes_nothing(scheduler: str, tmp_path: Path) -> None:
    case = Toy(raises=frozenset({3}))
    with Path("/dev/full").open("wb") as full:
        helper = worker(scheduler, tmp_path / "worker", full)
    try:
        found = run(case, seed=1, runs=RUNS, chunk=4, executor=cluster(case, 1, scheduler, 1))
    finally:
        helper.terminate()
        helper.wait(30)
    assert same(found, run(case, seed=1, runs=RUNS))


@pytest.mark.slow
def test_a_local_cluster_gives_the_bytes_of_one_process_and_leaves_nobody_behind() -> None:
    case = Toy(raises=frozenset({3}))
    found = run(case, seed=2, runs=RUNS, chunk=7, executor=cluster(case, 2, "local", 2))
    assert same(found, run(case, seed=2, runs=RUNS))
    assert not [thread for thread in threading.enumerate() if "Nanny" in thread.name]


@pytest.mark.parametrize("address", ["tcp://192.0.2.7:8786", "tcp://example.com:8786", "tcp://[2001:db8::1]:8786"])
def test_another_machine_is_spoken_to_by_tls_only(address: str) -> None:
    with pytest.raises(SimError, match="TLS only") as caught, cluster(Toy(), 1, address, 2):
        pass
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("address", ["8786", "http://127.0.0.1:8786", "tcp://127.0.0.1", "tcp://127.0.0.1:x", "tcp://"])
def test_wording_of_an_address(address: str) -> None:
    with pytest.raises(SimError, match="write it like"), cluster(Toy(), 1, address, 2):
        pass


@pytest.mark.slow
def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.study.executors.dask_cluster._CONNECT_SECONDS", 2)
    import socket

    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(SimError, match="no scheduler answers"), cluster(Toy(), 1, address, 2):
        pass


LOST = """
import sys
from sim.errors import SimError
from sim.study.executors.dask_cluster import cluster
from sim.study.runner import run
from tests.study.toy_case import Toy
case = Toy(seconds=0.05)
try:
    run(case, seed=1, runs=2000, executor=cluster(case, 1, sys.argv[1], 2), progress=lambda *_: print("on", flush=True))
except SimError as error:
    sys.exit(str(error))
"""


@pytest.mark.slow
@pytest.mark.faults
def test_a_scheduler_that_is_lost_is_told_once_and_in_words(tmp_path: Path) -> None:
    """Was: asyncio's CancelledError with 30 lines of Dask before the sentence."""
    file = tmp_path / "scheduler.json"
    lost = started([*DASK, "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)])
    helper = worker(_address(file), tmp_path / "worker")
    process = subprocess.Popen(
        [sys.executable, "-c", LOST, _address(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        lost.kill()
        _, told = process.communicate(timeout=120)
    finally:
        for each in (lost, helper, process):
            each.kill()
            each.wait(30)
    assert process.returncode == 1
    assert told.startswith("the cluster's scheduler was lost")
    assert "Traceback" not in told
    assert len(told.splitlines()) <= 2


class Lines:
    """A client whose first calls find the line broken."""

    scheduler: object = None  # as with a client that has given up

    def __init__(self, broken: int, error: type[Exception] = OSError) -> None:
        self.broken, self.left, self.error = broken, list[str](), error

    def register_plugin(self, plugin: object, name: str) -> None:
        self.broken -= 1
        if self.broken >= 0:
            raise self.error("Stream is closed")
        self.left.append(name)


def test_a_worker_lost_while_the_case_is_left_with_it_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    lines = Lines(2)
    DaskExecutor(lines, Toy(), 1)
    assert len(lines.left) == 1
    with pytest.raises(SimError, match="scheduler was lost"):
        DaskExecutor(Lines(99), Toy(), 1)


def test_a_client_that_has_given_up_its_scheduler_is_told() -> None:
    """Was: AttributeError, for a scheduler killed before the case was left with its workers."""
    with pytest.raises(SimError, match="scheduler was lost"):
        DaskExecutor(Lines(1, AttributeError), Toy(), 1)
    client = Lines(1, AttributeError)
    client.scheduler = object()
    with pytest.raises(AttributeError):
        DaskExecutor(client, Toy(), 1)
