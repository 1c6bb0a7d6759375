"""How the time of a replication grows with the project: 250 MW, and campuses of two, four and eight such phases.

Proportional growth is the aim: eight times the megawatts in at most 8.5 times the time, metrics included.
"""

from __future__ import annotations

from functools import partial
from math import log
from statistics import median

import numpy as np

from benchmarks.rows import Row, at_most, cpu_seconds, told
from sim.study.case import Case, prepare
from sim.study.running import load

CAMPUS = "configs/horizon_2gw.yaml"
PHASES = (1, 2, 4, 8)
RUNS = 3


def of_phases(phases: int) -> Case:
    """Return a campus of so many phases of 250 MW, ready to be run."""
    return prepare(load(CAMPUS, [f"scale.phases={phases}", f"scale.capacity_mw={250 * phases}"]))


def seconds(case: Case, runs: int = RUNS) -> tuple[float, float]:
    """Return CPU seconds of performing and of measuring one replication, medians of so many."""
    lucks = list(case.draws(1).chunk(0, runs))
    performances = [case.perform(luck) for luck in lucks]
    measured = [partial(case.measured, luck, done) for luck, done in zip(lucks, performances, strict=True)]
    perform = median(cpu_seconds(partial(case.perform, luck)) for luck in lucks)
    measure = median(cpu_seconds(action) for action in measured)
    return perform, measure


def rows(phases: tuple[int, ...] = PHASES) -> list[Row]:
    """Measure every size and compare it with the smallest."""
    found = {number: seconds(of_phases(number)) for number in phases}
    first = found[phases[0]]
    named = [
        Row(
            f"{250 * number:,} MW: one replication",
            f"{1000 * (perform + measure):,.0f} ms, of which metrics {1000 * measure:,.0f}",
        )
        for number, (perform, measure) in found.items()
    ]
    most, megawatts = max(phases), [log(250 * number) for number in found]
    times = [log(perform + measure) for perform, measure in found.values()]
    return [
        *named,
        at_most("exponent of time against MW", float(np.polyfit(megawatts, times, 1)[0]), 1.1),
        at_most(f"{250 * most:,} MW over 250 MW, whole replication", sum(found[most]) / sum(first), 1.0625 * most, "x"),
        at_most(f"{250 * most:,} MW over 250 MW, metrics alone", found[most][1] / first[1], 1.0625 * most, "x"),
    ]


if __name__ == "__main__":
    print(told(rows()))
