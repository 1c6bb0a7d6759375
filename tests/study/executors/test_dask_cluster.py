from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pytest

import sim
from sim.errors import SimError
from sim.study.analyses.design import design_of_call
from sim.study.analyses.sweep import sweep_design
from sim.study.chunk import MAX_CHUNK_SIZE, Chunk
from sim.study.executors.dask_cluster import CasePlugin, Compressed, DaskExecutor, cluster, run_task
from sim.study.runner import run
from sim.study.storage import sealed_files as tables
from tests.study.toy_case import Toy
from tests.tiny_project import TINY

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
    process, address = started_scheduler(tmp_path / "scheduler.json")
    try:
        yield address
    finally:
        process.terminate()
        process.wait(30)


def started_scheduler(file: Path) -> tuple[subprocess.Popen[bytes], str]:
    process = started([*DASK, "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)])
    return process, _address(file)


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
@pytest.mark.parametrize(("runs", "chunk"), [(RUNS, 7), (2 * MAX_CHUNK_SIZE + RUNS, 2 * MAX_CHUNK_SIZE)])
def test_a_local_cluster_gives_the_bytes_of_one_process_and_leaves_nobody_behind(runs: int, chunk: int) -> None:
    case = Toy(raises=frozenset({3}))
    found = run(case, seed=2, runs=runs, chunk=chunk, executor=cluster(case, 2, "local", 2))
    assert same(found, run(case, seed=2, runs=runs))
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
    lost, address = started_scheduler(tmp_path / "scheduler.json")
    helper = worker(address, tmp_path / "worker")
    process = subprocess.Popen(
        [sys.executable, "-c", LOST, address], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
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
    assert told.startswith("the cluster's scheduler was lost; --resume goes on with what was finished")
    assert "Traceback" not in told
    assert len(told.splitlines()) <= 2


@pytest.mark.slow
@pytest.mark.faults
def test_a_study_of_many_points_shares_one_cluster_and_goes_on_after_its_loss(tmp_path: Path) -> None:
    study = design_of_call(
        sim.load(TINY), {"energization.units.first_week": [3, 4, 5, 6]}, runs=8, seed=7, design="grid"
    )
    lost, address = started_scheduler(tmp_path / "lost.json")
    processes = [lost, worker(address, tmp_path / "first")]

    def lose(done: int, _total: int, _left: float | None) -> None:
        if done >= 8:
            lost.kill()

    try:
        with pytest.raises(SimError, match="scheduler was lost"):
            sweep_design(study, workers=2, scheduler=address, out=tmp_path / "out", progress=lose)
        kept = {path.name for path in (tmp_path / "out.partial").glob("chunk-*")}
        again, address = started_scheduler(tmp_path / "again.json")
        processes += [again, worker(address, tmp_path / "second")]
        found = sweep_design(study, workers=2, scheduler=address, out=tmp_path / "out", resume=True)
    finally:
        for process in processes:
            process.kill()
            process.wait(30)
    assert kept
    pd.testing.assert_frame_equal(found.runs, sweep_design(study, workers=1).runs)


class Process:
    """A worker of Dask that has been given a case."""

    def __init__(self, case: Toy) -> None:
        self.plugins = {"case": CasePlugin("case", case, 1)}


def test_a_task_of_several_chunks_has_one_of_them_in_memory_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, case = list[int](), Toy()
    monkeypatch.setattr("sim.study.executors.dask_cluster.get_worker", lambda: Process(case))
    monkeypatch.setattr(Toy, "simulate_chunk", noting(sizes, Toy.simulate_chunk))
    compressed = run_task("case", range(100, 100 + 2 * MAX_CHUNK_SIZE + 1))
    assert sizes == [MAX_CHUNK_SIZE, MAX_CHUNK_SIZE, 1]
    chunks = [one.outcome().get() for one in compressed]
    assert [replication for chunk in chunks for replication in chunk.span] == [*range(100, 101 + 2 * MAX_CHUNK_SIZE)]
    assert (
        sum(len(one.data) for one in compressed)
        < sum(curve.nbytes for chunk in chunks for curve in chunk.curves.values()) / 5
    )


def noting(sizes: list[int], simulate: Callable[[Toy, int, int, int], Chunk]) -> Callable[[Toy, int, int, int], Chunk]:
    def simulate_and_note(case: Toy, seed: int, first: int, count: int) -> Chunk:
        sizes.append(count)
        return simulate(case, seed, first, count)

    return simulate_and_note


def test_a_case_that_refuses_ends_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.study.executors.dask_cluster.get_worker", lambda: Process(Toy(refuses=frozenset({5}))))
    (compressed,) = run_task("case", range(3 * MAX_CHUNK_SIZE))
    with pytest.raises(SimError, match="at least 1"):
        compressed.outcome().get()


class Memory:
    """A cluster in this process, where tasks are done when they are submitted; it notes how much is submitted and fetched."""

    def __init__(self, workers: int) -> None:
        self.workers, self.plugins = workers, dict[str, CasePlugin]()
        self.submitted, self.fetched = list[list[int]](), list[int]()

    def register_plugin(self, plugin: CasePlugin, name: str) -> None:
        self.plugins[name] = plugin

    def nthreads(self) -> dict[str, int]:
        return {"all": self.workers}

    def map(
        self, task: Callable[..., list[Compressed]], names: list[str], spans: list[range], **_: object
    ) -> list[Done]:
        self.submitted.append([len(span) for span in spans])
        return [Done(task(name, span)) for name, span in zip(names, spans, strict=True)]

    def gather(self, tasks: list[Done]) -> list[list[Compressed]]:
        self.fetched.append(sum(len(result.data) for task in tasks for result in task.results))
        return [task.results for task in tasks]


class Done:
    """A task that is done."""

    status = "finished"

    def __init__(self, results: list[Compressed]) -> None:
        self.results = results


class AllDone:
    """What has been submitted, all of it at once."""

    def __init__(self, _: object) -> None:
        self.tasks: list[Done] = []

    def add(self, task: Done) -> None:
        self.tasks.append(task)

    def next_batch(self) -> list[Done]:
        tasks, self.tasks = self.tasks, []
        return tasks


def test_what_is_in_memory_at_once_is_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Was: all that had ended meanwhile was fetched at once, uncompressed, and chunks of curves of any length were 250."""
    case = Toy(seconds=1e-5)
    client = Memory(workers=8)
    monkeypatch.setattr("sim.study.executors.dask_cluster.get_worker", lambda: client)
    monkeypatch.setattr("distributed.as_completed", AllDone)
    monkeypatch.setattr("sim.study.executors.dask_cluster.TASK_BYTES", 40_000)
    monkeypatch.setattr("sim.study.executors.dask_cluster.FETCHED_BYTES", 100_000)
    executor = DaskExecutor(client, case, 1)
    found = run(case, seed=1, runs=4000, executor=nullcontext(executor))
    assert same(found, run(case, seed=1, runs=4000))
    assert client.submitted[0] == [1] * 8  # one each until it is known how long they take
    assert max(client.fetched) < 100_000 + 2 * 40_000
    assert len([size for sizes in client.submitted for size in sizes if size > 1]) > 10


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
