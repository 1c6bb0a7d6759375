"""One replication of the 250 MW hybrid against bare SimPy doing as many timeouts and resource cycles.

Both are measured in this process, in turns, by processor time; the ratio of the medians holds on any machine.
"""

from __future__ import annotations

from functools import partial
from statistics import median

import numpy as np

from benchmarks.bare_simpy import seconds
from benchmarks.rows import Row, at_most, cpu_seconds, told
from sim.plan.draws import Draws
from sim.plan.vocabulary import HOLD, UNTIL, WORK
from sim.study.api import load
from sim.study.case import Case, prepare_case

CONFIG = "configs/hybrid.yaml"
ROUNDS = 8
CHUNK = 10
"""Replications that are performed together, as in a run: names are looked up once a chunk, whatever it holds."""


def counts(case: Case, replication: int) -> tuple[int, int]:
    """Return how many timeouts and resource cycles a replication performs; two pools held together are two cycles."""
    luck = next(Draws(case.plan.inputs, 1).chunk(replication, 1))
    steps = case.plan.rows[case.simulate(luck).log[:, 1]]
    bundles = steps[steps[:, 0] == HOLD, 1]
    return int(np.isin(steps[:, 0], (WORK, UNTIL)).sum()), sum(len(case.plan.bundles[held]) for held in bundles)


def rows() -> list[Row]:
    """Measure both in turns, by the processor time of this process, and compare the medians."""
    case = prepare_case(load(CONFIG))
    case.simulate_chunk(1, 0, 2)
    timeouts, cycles = counts(case, 0)
    ours: list[float] = []
    bare: list[float] = []
    for turn in range(ROUNDS):
        ours.append(cpu_seconds(partial(case.simulate_chunk, 1, turn * CHUNK, CHUNK)) / CHUNK)
        bare.append(cpu_seconds(partial(seconds, timeouts, cycles, CHUNK)) / CHUNK)
    size = f"{len(case.plan.units):,} units, {len(case.plan.rows):,} steps"
    return [
        Row(f"one replication of {CONFIG} by SimPy ({size})", f"{median(ours) * 1e3:.0f} ms"),
        Row(f"bare SimPy, {timeouts:,} timeouts and {cycles:,} resource cycles", f"{median(bare) * 1e3:.0f} ms"),
        at_most("model over engine: everything on, sampling and metrics included", median(ours) / median(bare), 2.5),
    ]


if __name__ == "__main__":
    print(told(rows()))
