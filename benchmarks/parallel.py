"""The same replications by one worker process and by two: wall time, for that is what workers are there to save.

The time of starting a pool is left out by running long enough; on a machine that is busy with something else the
figure says nothing, so the load is printed with it.
"""

from __future__ import annotations

import os
from time import perf_counter

from benchmarks.rows import Row, at_least, told
from sim.study.api import load
from sim.study.case import Case, prepare_case
from sim.study.runner import run

CONFIG = "configs/hybrid.yaml"
RUNS = 160


def seconds(case: Case, workers: int, runs: int) -> float:
    """Return the wall time from the first chunk that is there to the last one."""
    began: list[float] = []

    def watch(done: int, _total: int, _left: float | None) -> None:
        if done and not began:
            began.append(perf_counter())

    run(case, seed=1, runs=runs, workers=workers, chunk=4, progress=watch)
    return perf_counter() - began[0]


def rows(runs: int = RUNS) -> list[Row]:
    """Measure in turns, one, two, one, two; the shorter of each."""
    case = prepare_case(load(CONFIG).value)
    found = {1: [0.0] * 0, 2: [0.0] * 0}
    for _ in range(2):
        for workers, times in found.items():
            times.append(seconds(case, workers, runs))
    load_now = os.getloadavg()[0]
    row = at_least(f"two workers against one, {runs} runs (load {load_now:.0f})", min(found[1]) / min(found[2]), 1.8)
    return [row]


if __name__ == "__main__":
    print(told(rows()))
