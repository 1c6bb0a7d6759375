"""How many replications a better sampling saves: variance ratios on the real model (method: CHECKS §3).

The ratio is the variance of an estimate from plain luck over that from spread luck, at the same number of
replications. Plain luck's variance comes from bootstrapping all of its replications; that of spread luck from
many randomisations, so it is itself uncertain: with 16 of them a ratio's 95 % interval is 0.45 to 2 times it.
For a change of the project, plain pairs on common luck stand against independent runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Row, at_least, told
from sim.engine.either import AUTO, chosen
from sim.study.case import prepare
from sim.study.intervals import quantile
from sim.study.running import load
from sim.world.sampling import PLAIN, Method, Sampling

CONFIG = "configs/hybrid.yaml"
SMALL = "scale.capacity_mw=25"
CHANGE = "systems.electrical.factory.lines=10"
LEAD, IDLE = "lead_time_full_days", "idle_capital_months"
RANDOMISATIONS, SIZE = 16, 512
BOOTSTRAPS = 4000

Floats = NDArray[np.float64]
Estimate = Callable[[Floats], float]


def p80(values: Floats) -> float:
    """Return the P80."""
    return quantile(np.sort(values), 0.8)


def mean(values: Floats) -> float:
    """Return the mean."""
    return float(values.mean())


def collect(sampling: Sampling, *overrides: str, blocks: int = RANDOMISATIONS, size: int = SIZE) -> dict[str, Floats]:
    """Return lead time and idle capital of blocks · size replications of the 25 MW hybrid."""
    case = replace(prepare(load(CONFIG, [SMALL, *overrides])), sampling=sampling, engine=chosen(AUTO))
    parts = [case.replicate(1, block * size, size).runs for block in range(blocks)]
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


def rows(blocks: int = RANDOMISATIONS) -> list[Row]:
    """Measure; 5 · blocks · 512 replications."""
    plain = collect(PLAIN, blocks=blocks)
    changed = collect(PLAIN, CHANGE, blocks=blocks)
    methods: tuple[Method, ...] = ("lhs", "sobol", "sobol-all")
    spread = {method: collect(Sampling(method, SIZE), blocks=blocks) for method in methods}
    return compared(plain, changed, spread)


def compared(
    plain: dict[str, Floats], changed: dict[str, Floats], spread: dict[Method, dict[str, Floats]]
) -> list[Row]:
    """Return the ratios beside their targets."""
    found = []
    for method, target in (("lhs", 2.0), ("sobol", 3.0), ("sobol-all", 3.0)):
        runs = spread[method]  # type: ignore[index]
        found.append(at_least(f"{method}: P80 of lead time", ratio(plain[LEAD], runs[LEAD], p80), target))
        found.append(at_least(f"{method}: mean idle capital", ratio(plain[IDLE], runs[IDLE], mean), 20))
    return [
        *found,
        at_least("common luck: mean lead time of +1 line", common(changed[LEAD], plain[LEAD]), 20),
        at_least("common luck: mean idle capital of +1 line", common(changed[IDLE], plain[IDLE]), 100),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--randomisations", type=int, default=RANDOMISATIONS)
    print(told(rows(parser.parse_args().randomisations)))
