"""How long a run will take and how much it needs, before it is begun.

A few replications are run and timed on this machine; what memory is needed is worked out (`memory_estimate`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from sim.config.project import Project
from sim.engine.backends import AUTO
from sim.study.api import RUNS, SEED, Config, cores
from sim.study.case import Case, prepare_case
from sim.study.executors.memory_estimate import free_bytes, memory_needed

PROBE_SECONDS = 2.0
MAX_PROBED = 64
# Measured with configs/hybrid.yaml; what is left of a preview's error is a few seconds.
STARTING_SECONDS = 4.0
"""A worker process until its first chunk: imports, and what is worked out once from the plan."""
ENDING_SECONDS = 6.0
"""Tables, the manifest and figures at the end."""
SHARED_CORES = 0.9
"""How much of its speed a process keeps where others work beside it."""


@dataclass(frozen=True)
class Preview:
    """What a run will take: seconds on the clock, and bytes of memory at its most."""

    runs: int
    workers: int
    preparing: float
    each: float
    memory: int
    fixed: float = ENDING_SECONDS

    @property
    def seconds(self) -> float:
        """On the clock, from the command to the result."""
        together = min(self.workers, cores()) * (SHARED_CORES if self.workers > 1 else 1.0)
        starting = STARTING_SECONDS if self.workers > 1 else 0.0
        return self.preparing + starting + self.runs * self.each / max(together, 1.0) + self.fixed

    def describe(self) -> str:
        """Return two lines of text: how long the run will take, and how much memory it needs."""
        processes = f"{self.workers} processes" if self.workers > 1 else "one process"
        return (
            f"about {_clock(self.seconds)} for {self.runs:,} replications with {processes} on this machine: "
            f"{_clock(self.preparing)} to prepare, {1000 * self.each:.3g} ms each, {_clock(self.fixed)} at the end\n"
            f"up to {self.memory / 1e9:.1f} GB of memory{_of_available()}"
        )


def preview(
    config: Config | Project, *, runs: int = RUNS, seed: int = SEED, workers: int | None = None, sampling: str = "mc",
    engine: str = AUTO,
) -> Preview:  # fmt: skip
    """Prepare a project, time a few of its replications, and say how long `runs` of them will take."""
    started = time.perf_counter()
    case = prepare_case(config, sampling=sampling, runs=runs, engine=engine)
    case.simulate_chunk(seed, 0, 1)
    preparing = time.perf_counter() - started
    replications, processes = case.sampling.fit(runs), cores() if workers is None else max(workers, 1)
    return Preview(
        replications,
        processes,
        preparing,
        _each(case, seed, replications),
        memory_needed(case, replications, processes),
    )


def _each(case: Case, seed: int, runs: int) -> float:
    """Return seconds of one replication, from as many as fit into two seconds."""
    runs_done, chunk_size, began = 0, 2, time.perf_counter()
    while time.perf_counter() - began < PROBE_SECONDS and runs_done < min(MAX_PROBED, runs):
        case.simulate_chunk(seed, runs_done, chunk_size)
        runs_done, chunk_size = runs_done + chunk_size, 2 * chunk_size
    return (time.perf_counter() - began) / runs_done


def _of_available() -> str:
    """Return how much there is, where that is known."""
    there = free_bytes()
    return "" if there is None else f"; {there / 1e9:.1f} GB are free here"


def _clock(seconds: float) -> str:
    """Return seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 1 else "under 1 s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
