"""What control variates save: means of the 250 MW hybrid, of its difference to stick-built, and the P80.

The functions and the regression are the program's (`sim.study.common_factors`, `sim.study.intervals`). Of a quantile q the
share of runs at or below q is estimated, which is what its interval comes from. The saving is the ratio of variances, on runs
that neither choice nor regression have seen; the interval's coverage is that of many samples, each with its own choice.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Row, at_least, told
from sim.engine.backends import AUTO, select_backend
from sim.study.api import load
from sim.study.case import prepare_case
from sim.study.common_factors import control_functions
from sim.study.intervals import control_variates, controlled_mean, mean_interval, quantile

CONFIG = "configs/hybrid.yaml"
OTHER = "configs/stick_built.yaml"
LEAD, IDLE = "lead_time_full_days", "idle_capital_months"
RUNS, SAMPLES = 4096, 400
FIRST = 100
"""Replications before these were run by both engines elsewhere."""

Floats = NDArray[np.float64]


def unexplained(x: Floats, y: Floats) -> float:
    """Return the share of the variance that a regression leaves in runs that it has not seen."""
    return float((y - explained(x, y)).var() / y.var())


def explained(x: Floats, y: Floats) -> Floats:
    """Return what control variates explain of a metric."""
    return np.asarray(control_variates(x, (y - y.mean())[None, :])[0])


def coverage(x: Floats, y: Floats, size: int) -> tuple[float, float]:
    """Return how often the 95 % interval holds the mean of all runs, and its width over the plain one's."""
    draw = np.random.Generator(np.random.Philox(5))
    held, widths = 0, []
    # all runs stand for everything there is: controls then have the mean 0 among them
    x, truth = x - x.mean(axis=1, keepdims=True), float(y.mean())
    for _ in range(SAMPLES):
        runs = draw.choice(len(y), size, replace=False)
        plain = mean_interval(y[runs])
        found = controlled_mean(y[runs], explained(x[:, runs], y[runs])) or plain
        # drawn without replacement from all runs, the sample's mean differs from theirs by that much less
        known = np.sqrt(1 - size / len(y))
        held += abs(found.value - truth) <= found.half_width * known
        widths.append(found.half_width / plain.half_width)
    return held / SAMPLES, float(np.mean(widths))


def rows(runs: int = RUNS) -> list[Row]:
    """Measure."""
    case, other = (replace(prepare_case(load(name)), engine=select_backend(AUTO)) for name in (CONFIG, OTHER))
    found, beside = (one.simulate_chunk(1, FIRST, runs).runs for one in (case, other))
    x = control_functions(case, 1, FIRST, runs)
    told_rows = [
        Row("controls", f"{len(x)} functions of {len(case.plan.inputs.factors)} common factors, {runs:,} runs")
    ]
    for metric, target in ((IDLE, 20), (LEAD, 5)):
        y = np.asarray(found[metric], np.float64)
        below = (y <= quantile(np.sort(y), 0.8)).astype(np.float64)
        told_rows.append(at_least(f"mean {metric}: runs saved", 1 / unexplained(x, y), target))
        told_rows.append(at_least(f"P80 of {metric}: runs saved", 1 / unexplained(x, below), target))
        difference = np.asarray(beside[metric], np.float64) - y
        told_rows.append(Row(f"mean difference of {metric}: runs saved", f"{1 / unexplained(x, difference):.1f} x"))
        for what, values in ((f"mean {metric}", y), (f"mean difference of {metric}", difference)):
            for size in (size for size in (200, 1000) if 2 * size <= runs):
                held, width = coverage(x, values, size)
                words = f"{100 * held:.1f} %, {width:.2f} as wide as the plain one"
                inside = 0.935 <= held <= 0.97
                told_rows.append(Row(f"{what}: coverage of 95 % intervals, {size} runs", words, "93.5 to 97 %", inside))
    return told_rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    print(told(rows(parser.parse_args().runs)))
