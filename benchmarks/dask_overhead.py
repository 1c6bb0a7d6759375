"""What a Dask cluster costs a chunk: a stub engine that sleeps, on 2, 64 and 512 simulated workers.

Scheduler and client are a process each and speak TCP, as on a cluster; client, chunk sizes and chunk store are the real ones.
Workers are threads of a third process that wait, eight to a Dask worker, so that two cores stand for many machines. Tasks
take as long as the runner has them take with so many workers: a second, with 512 of them 32. The overhead is the time in
which workers have nothing to do, over that in which they sleep, from the end of the first chunk to the end of the last one:
connecting is no cost of a chunk. Beside it stands what share of a core scheduler and client take: these grow with a cluster,
while the processor time of a worker is its own.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np

from benchmarks.rows import Row, at_most, told
from sim.study.chunk import OK, Chunk, chunk_seconds
from sim.study.executors.dask_cluster import DaskExecutor
from sim.study.runner import run

WORKERS = (2, 64, 512)
REPLICATION, WAVES, LEAST_SECONDS = 0.02, 3, 20
"""Seconds of a replication; tasks of full length for each worker, and seconds of them at least."""
THREADS = 8
"""Workers that one of Dask's stands for, where there are many."""
QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "60s",
    "distributed.worker.memory.terminate": False,
}
"""What each of Dask's workers does beside its tasks, a hundred times a second, would be done here 64 times."""


class Slept(NamedTuple):
    """When a worker (a thread) slept for a chunk."""

    worker: int
    begin: float
    end: float


SLEPT: list[Slept] = []


@dataclass(frozen=True)
class Sleeper:
    """A case that sleeps."""

    name: str = "sleeper"
    days: int = 20
    metrics: tuple[str, ...] = ("lead_time_full_days",)

    def simulate_chunk(self, seed: int, first: int, count: int) -> Chunk:
        """Sleep for a chunk's time."""
        begin = time.perf_counter()
        time.sleep(REPLICATION * count)
        SLEPT.append(Slept(threading.get_ident(), begin, time.perf_counter()))
        runs = {
            "status": np.full(count, OK, np.int8),
            "lead_time_full_days": np.arange(first, first + count) + float(seed),
        }
        return Chunk(first, runs, {"mw_online": np.zeros((count, self.days), np.float32)})


# --- processes --------------------------------------------------------------------------------------------------------


class Process:
    """A part of the cluster in a process of its own."""

    def __init__(self, part: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None:
        """Start it, and wait until it is there."""
        context = get_context("spawn")
        self._pipe, other_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(part, other_end, *args), daemon=True)
        self._process.start()
        other_end.close()
        self.address = self._pipe.recv()

    def ask(self) -> tuple[float, list[Slept]]:
        """Return its processor time so far, and when its workers slept."""
        self._pipe.send(None)
        told: tuple[float, list[Slept]] = self._pipe.recv()
        return told

    def close(self) -> None:
        """Have it end, which takes many workers a while."""
        self._pipe.close()
        self._process.join(30)
        self._process.kill()


def _serve(part: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None:
    import dask
    import distributed  # noqa: F401 -- sets the level of its log

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(QUIET):
        asyncio.run(part(*args))


async def scheduler(pipe: Connection) -> None:
    """Be a scheduler."""
    from distributed import Scheduler

    async with Scheduler(host="127.0.0.1", port=0, dashboard=False, dashboard_address="127.0.0.1:0") as served:
        pipe.send(served.address)
        await _answer(pipe)


async def workers(pipe: Connection, address: str, count: int, threads: int) -> None:
    """Be workers of a scheduler."""
    from distributed import Worker

    options: dict[str, Any] = {"host": "127.0.0.1", "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    async with AsyncExitStack() as stack:
        for _ in range(count):
            await stack.enter_async_context(Worker(address, nthreads=threads, memory_limit=0, **options))
        pipe.send(address)
        await _answer(pipe)


async def _answer(pipe: Connection) -> None:
    with suppress(EOFError):
        while True:
            await asyncio.to_thread(pipe.recv)
            pipe.send((time.process_time(), SLEPT))


@contextmanager
def simulated_cluster(count: int) -> Iterator[tuple[Process, Process]]:
    """Yield a scheduler, and so many workers of it."""
    threads = min(THREADS, -(-count // THREADS))
    served = Process(scheduler)
    try:
        working = Process(workers, served.address, count // threads, threads)
        try:
            yield served, working
        finally:
            working.close()
    finally:
        served.close()


# --- measurement ------------------------------------------------------------------------------------------------------


class Cost(NamedTuple):
    """Time in which workers do not sleep over that in which they do, and processor time over wall time by process."""

    idle: float
    scheduler: float
    client: float
    workers: float
    seconds: float
    chunks: int


def cost(count: int) -> Cost:
    """Measure the cost of a study with so many workers."""
    from distributed import Client

    runs = round(count * max(WAVES * chunk_seconds(count), LEAST_SECONDS) / REPLICATION)
    with simulated_cluster(count) as (served, working), Client(served.address) as client:
        executor = DaskExecutor(client, Sleeper(), 1)
        began, before = time.perf_counter(), _processor_seconds(served, working)
        sample = run(Sleeper(), seed=1, runs=runs, executor=nullcontext(executor))
        seconds, after = time.perf_counter() - began, _processor_seconds(served, working)
        slept = working.ask()[1]
    assert sample.size == runs
    by_scheduler, by_client, by_workers = ((b - a) / seconds for a, b in zip(before, after, strict=True))
    return Cost(_idle_share(slept, count), by_scheduler, by_client, by_workers, seconds, len(slept))


def _processor_seconds(served: Process, working: Process) -> tuple[float, float, float]:
    return served.ask()[0], time.process_time(), working.ask()[0]


def _idle_share(slept: list[Slept], count: int) -> float:
    """Return the time in which nobody slept over that in which somebody did, from the end of the first chunk on."""
    assert len({sleep.worker for sleep in slept}) == count
    since, until = min(sleep.end for sleep in slept), max(sleep.end for sleep in slept)
    asleep = sum(max(0.0, sleep.end - max(sleep.begin, since)) for sleep in slept)
    return count * (until - since) / asleep - 1


def rows() -> list[Row]:
    """Measure."""
    found = []
    for count in WORKERS:
        measured = cost(count)
        what = f"Dask, {count} workers, tasks of {chunk_seconds(count):g} s"
        found.append(at_most(f"{what}: overhead of a chunk", 100 * measured.idle, 5, "%", 1))
        shares = f"{100 * measured.scheduler:.0f}, {100 * measured.client:.0f}, {100 * measured.workers:.0f} %"
        each = 1000 * (measured.scheduler + measured.client) * measured.seconds / measured.chunks
        found.append(
            Row(f"{what}: of a core, scheduler, client, all simulated workers", f"{shares}; {each:.1f} ms a chunk")
        )
    return found


if __name__ == "__main__":
    from benchmarks import dask_overhead  # under its name, by which workers know its classes

    print(told(dask_overhead.rows()))
