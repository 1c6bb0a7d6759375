"""How many replications a better sampling saves: variance ratios on the real model (method: CHECKS §3).

The ratio is the variance of an estimate from plain luck over that from spread luck, at the same number of
replications. Plain luck's variance comes from bootstrapping all of its replications; that of spread luck from
many randomisations, so it is itself uncertain: with 40 of them a ratio's 95 % interval is 0.6 to 1.5 times it.
Small randomisations are measured as well: a study of 1,000 replications has eight of 128.
For a change of the project, plain pairs on common luck stand against independent runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Row, at_least, told
from sim.engine.backends import AUTO, select_backend
from sim.study.api import load
from sim.study.case import prepare_case
from sim.study.statistics.intervals import quantile
from sim.world.streams import PLAIN_MONTE_CARLO, Sampling

CONFIG = "configs/hybrid.yaml"
MEGAWATTS = 25
CHANGE = "systems.electrical.factory.lines=10"
LEAD, IDLE = "lead_time_full_days", "idle_capital_months"
RANDOMISATIONS, SIZE, SMALL_SIZE = 40, 512, 128
TARGETS = {"lhs": 2.0, "sobol": 3.0, "sobol-all": 3.0}
"""Methods, and how many times fewer replications each is to need for the P80 of the lead time."""
PLAIN_BLOCKS = 16
"""Times SIZE: replications by plain luck; their bootstrap needs no more."""
BOOTSTRAPS = 4000

Floats = NDArray[np.float64]
Estimate = Callable[[Floats], float]


def p80(values: Floats) -> float:
    """Return the P80."""
    return quantile(np.sort(values), 0.8)


def mean(values: Floats) -> float:
    """Return the mean."""
    return float(values.mean())


def collect(
    sampling: Sampling, megawatts: int, *overrides: str, blocks: int = RANDOMISATIONS, size: int = SIZE
) -> dict[str, Floats]:
    """Return lead time and idle capital of blocks · size replications of the hybrid of so many megawatts."""
    config = load(CONFIG, [f"scale.capacity_mw={megawatts}", *overrides])
    case = replace(prepare_case(config), sampling=sampling, engine=select_backend(AUTO))
    parts = [case.simulate_chunk(1, block * size, size).runs for block in range(blocks)]
    return {metric: np.concatenate([part[metric] for part in parts]) for metric in (LEAD, IDLE)}


def ratio(plain: Floats, spread: Floats, estimate: Estimate, size: int = SIZE) -> float:
    """Return the variance of an estimate from `size` plain replications over that from a randomisation."""
    draw = np.random.Generator(np.random.Philox(7))
    resampled = [estimate(plain[draw.integers(0, len(plain), size)]) for _ in range(BOOTSTRAPS)]
    scattered = [estimate(part) for part in spread.reshape(-1, size)]
    return float(np.var(resampled)) / max(float(np.var(scattered, ddof=1)), 1e-300)


def common(case: Floats, base: Floats) -> float:
    """Return what common luck saves for a mean difference: independent variance over that of the pairs."""
    return float((case.var() + base.var()) / max((case - base).var(), 1e-300))


def rows(
    blocks: int = RANDOMISATIONS, megawatts: int = MEGAWATTS, methods: Sequence[str] = tuple(TARGETS)
) -> list[Row]:
    """Measure; with 40 randomisations and all methods 110,000 replications."""
    plain = collect(PLAIN_MONTE_CARLO, megawatts, blocks=PLAIN_BLOCKS)
    changed = collect(PLAIN_MONTE_CARLO, megawatts, CHANGE, blocks=PLAIN_BLOCKS)
    found = []
    for method in methods:
        for size in (SIZE, SMALL_SIZE):
            runs = collect(Sampling(method, size), megawatts, blocks=blocks, size=size)  # type: ignore[arg-type]
            found += compared(plain, runs, f"{method}, {size} at a time", TARGETS[method], size)
    return [
        *found,
        at_least("common luck: mean lead time of +1 line", common(changed[LEAD], plain[LEAD]), 20),
        Row("common luck: mean idle capital of +1 line", f"{common(changed[IDLE], plain[IDLE]):.0f} ×"),
    ]


def compared(plain: dict[str, Floats], runs: dict[str, Floats], named: str, p80s: float, size: int) -> list[Row]:
    """Return the ratios of one way of sampling; the issue's targets, and the others it is good to know."""
    lead, idle = (partial(ratio, plain[metric], runs[metric], size=size) for metric in (LEAD, IDLE))
    return [
        at_least(f"{named}: P80 of lead time", lead(p80), p80s),
        at_least(f"{named}: mean idle capital", idle(mean), 20),
        Row(f"{named}: mean lead time, P80 of idle capital", f"{lead(mean):.1f} and {idle(p80):.1f} ×"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--randomisations", type=int, default=RANDOMISATIONS)
    parser.add_argument("--megawatts", type=int, default=MEGAWATTS)
    parser.add_argument("--methods", nargs="+", choices=TARGETS, default=[*TARGETS])
    given = parser.parse_args()
    print(told(rows(given.randomisations, given.megawatts, given.methods)))
