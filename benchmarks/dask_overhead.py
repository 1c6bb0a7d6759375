"""What a Dask cluster costs a chunk: a stub engine that sleeps, on 2, 64 and 512 simulated workers.

Workers are threads of this process that wait, so that two cores stand for many machines; scheduler, client, pipes, chunk
sizes and chunk store are the real ones. Chunks take as long as the runner has them take with so many workers: a second, with
512 of them 32. The overhead is the time in which workers have nothing to do, over that in which they sleep, from the end of
everybody's first chunk to the end of the last one: connecting is no cost of a chunk. Processor time includes that of workers.
"""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.rows import Row, told
from sim.study.chunk import OK, Chunk, chunk_seconds
from sim.study.executors.dask_cluster import DaskExecutor
from sim.study.runner import run

WORKERS = (2, 64, 512)
REPLICATION, WAVES = 0.02, 5
"""Seconds of a replication; chunks of full length for each worker."""
PROCESSES = 16
"""Dask workers at most that stand for all; each has as many threads as it takes."""


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


def overhead(workers: int) -> tuple[float, float]:
    """Return the time in which workers do not sleep over that in which they do, in percent, and processor ms a chunk."""
    from distributed import Client, LocalCluster

    processes, runs = min(workers, PROCESSES), round(workers * WAVES * chunk_seconds(workers) / REPLICATION)
    SLEPT.clear()
    with (
        LocalCluster(
            n_workers=processes, threads_per_worker=workers // processes, processes=False, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        executor = DaskExecutor(client, Sleeper(), 1)
        began = time.process_time()
        sample = run(Sleeper(), seed=1, runs=runs, executor=nullcontext(executor))
        taken = time.process_time() - began
    assert sample.size == runs
    return 100 * _idle_share(workers), 1000 * taken / len(SLEPT)


def _idle_share(workers: int) -> float:
    """Return the time in which nobody slept over that in which somebody did, once everybody had done a chunk."""
    first_ends: dict[int, float] = {}
    for slept in SLEPT:
        first_ends.setdefault(slept.worker, slept.end)
    assert len(first_ends) == workers
    since, until = max(first_ends.values()), max(slept.end for slept in SLEPT)
    asleep = sum(max(0.0, slept.end - max(slept.begin, since)) for slept in SLEPT)
    return workers * (until - since) / asleep - 1


def rows() -> list[Row]:
    """Measure."""
    found = []
    for workers in WORKERS:
        share, each = overhead(workers)
        what = f"Dask, {workers} workers, chunks of {chunk_seconds(workers):g} s: overhead of a chunk"
        found.append(Row(what, f"{share:.1f} %, {each:.1f} ms of processor time", "≤ 5 %", share <= 5))
    return found


if __name__ == "__main__":
    print(told(rows()))
