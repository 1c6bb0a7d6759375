"""One replication of the 250 MW hybrid against bare SimPy doing as many timeouts and resource cycles.

Both are measured in this process, in turns, and the ratio of the medians is printed: it holds on any machine.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter

import numpy as np

from benchmarks.bare_simpy import seconds
from sim.events import HOLD, UNTIL, WORK
from sim.plan.luck import Draws
from sim.study.case import Case, prepare
from sim.study.running import load

CONFIG = "configs/hybrid.yaml"
ROUNDS = 3
AT_ONCE = 4


def counts(case: Case, replication: int) -> tuple[int, int]:
    """Return how many timeouts and resource cycles a replication performs."""
    luck = next(Draws(case.plan.inputs, 1).chunk(replication, 1))
    operation = case.plan.rows[case.perform(luck).log[:, 1], 0]
    return int(np.isin(operation, (WORK, UNTIL)).sum()), int((operation == HOLD).sum())


def main() -> None:
    """Measure and print."""
    case = prepare(load(CONFIG).value)
    case.replicate(1, 0, 2)
    timeouts, cycles = counts(case, 0)
    ours: list[float] = []
    bare: list[float] = []
    for turn in range(ROUNDS):
        began = perf_counter()
        case.replicate(1, turn * AT_ONCE, AT_ONCE)
        ours.append((perf_counter() - began) / AT_ONCE)
        bare.append(seconds(timeouts, cycles, repeat=1))
    print(f"{CONFIG}: {len(case.plan.units):,} units, {len(case.plan.rows):,} steps")
    print(f"one replication, sampling and metrics included: {median(ours) * 1e3:.0f} ms")
    print(f"bare SimPy, {timeouts:,} timeouts and {cycles:,} resource cycles: {median(bare) * 1e3:.0f} ms")
    print(f"ratio: {median(ours) / median(bare):.2f}")


if __name__ == "__main__":
    main()
