"""What a Dask cluster costs a chunk: a stub engine that sleeps, on 2, 64 and 512 simulated workers.

Workers are threads of this process that wait, so that two cores stand for many machines; scheduler, client, pipes and
chunk store are the real ones. Chunks take as long as the runner has them take with so many workers: a second, with 512 of
them eight. The overhead is the wall time from the end of the first chunk of all workers to that of the last, over the time
that sleeping alone would take: connecting is no cost of a chunk. Processor time includes the workers' side.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from benchmarks.rows import Row, told
from sim.study.chunk import OK, Chunk, chunk_seconds
from sim.study.executors.dask_cluster import DaskExecutor
from sim.study.runner import run

WORKERS = (2, 64, 512)
REPLICATION, WAVES = 0.02, 5
"""Seconds of a replication; chunks for each worker."""
PROCESSES = 16
"""Dask workers at most that stand for all; each has as many threads as it takes."""


@dataclass(frozen=True)
class Sleeper:
    """A case that sleeps."""

    name: str = "sleeper"
    days: int = 20
    metrics: tuple[str, ...] = ("lead_time_full_days",)

    def simulate_chunk(self, seed: int, first: int, count: int) -> Chunk:
        """Sleep for a chunk's time."""
        time.sleep(REPLICATION * count)
        runs = {
            "status": np.full(count, OK, np.int8),
            "lead_time_full_days": np.arange(first, first + count) + float(seed),
        }
        return Chunk(first, runs, {"mw_online": np.zeros((count, self.days), np.float32)})


def overhead(workers: int) -> tuple[float, float]:
    """Return the wall time of chunks over the time they sleep, less one, in percent, and processor milliseconds a chunk."""
    from distributed import Client, LocalCluster

    processes, chunk = min(workers, PROCESSES), round(chunk_seconds(workers) / REPLICATION)
    runs, marks = workers * WAVES * chunk, list[float]()

    def watch(done: int, _total: int, _left: float | None) -> None:
        if done >= workers * chunk:
            marks.append(time.perf_counter())

    with (
        LocalCluster(
            n_workers=processes, threads_per_worker=workers // processes, processes=False, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        executor = DaskExecutor(client, Sleeper(), 1)
        began = time.process_time()
        sample = run(Sleeper(), seed=1, runs=runs, chunk=chunk, executor=nullcontext(executor), progress=watch)
        taken = time.process_time() - began
    assert sample.size == runs
    sleeping = (WAVES - 1) * chunk_seconds(workers)
    return 100 * ((marks[-1] - marks[0]) / sleeping - 1), 1000 * taken / (WAVES * workers)


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
