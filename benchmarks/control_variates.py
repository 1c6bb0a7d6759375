"""What a control variate saves: the mean and the P80 of the 250 MW hybrid, regressed on what a whole project shares.

A control variate takes away what is a known function of inputs whose mean is known (Glasserman 2003, Monte Carlo Methods
in Financial Engineering, 4.1). Here these are all risks, pace, suppliers, losses and prices: each by itself, its square,
and the size of a risk where it occurs. Ten of these nearly two hundred functions are chosen in every sample, one after the
other, by what they explain: with all of them a sample of 200 would explain its own noise. The estimate is cross-fitted
(Chernozhukov et al. 2018): with slopes from the same runs 95 % intervals held the mean in 90 %. Of a quantile q the share of
runs at or below q is estimated, which is what its interval comes from. The saving is the ratio of variances, on runs that
neither choice nor regression have seen; the interval's coverage is that of many samples, each with its own choice.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Row, at_least, told
from sim.engine.backends import AUTO, select_backend
from sim.plan.draws import shared
from sim.study.api import load
from sim.study.case import Case, prepare_case
from sim.study.intervals import quantile
from sim.world.quantile_tables import FIXED
from sim.world.quantile_tables import sample as drawn

CONFIG = "configs/hybrid.yaml"
LEAD, IDLE = "lead_time_full_days", "idle_capital_months"
RUNS, FOLDS, SAMPLES = 4096, 8, 400
MOST = 10
"""Controls that are chosen."""
FIRST = 100
"""Replications before these were run by both engines elsewhere."""

Floats = NDArray[np.float64]


def controls(case: Case, seed: int, first: int, runs: int) -> Floats:
    """Return what is subtracted: functions of shared inputs, shape (functions, runs), each less its mean of a million."""
    inputs = case.plan.inputs
    uniforms = case.draws(seed).uniforms(inputs.factors, first, runs)
    every = np.random.Generator(np.random.Philox(11)).random((len(inputs.factors), 1 << 18))
    random = np.array([inputs.tables.kind[at] != FIXED for at in inputs.factor_table])
    here, whole = (_functions(case, one, random) for one in (uniforms, every))
    kept = whole.std(axis=1) > 0
    found = (here[kept] - whole[kept].mean(axis=1, keepdims=True)) / whole[kept].std(axis=1, keepdims=True)
    # what is the same function twice (a risk that has no size) would make the regression singular
    return np.asarray(found[np.unique(np.round(found, 9), axis=0, return_index=True)[1]])


def _functions(case: Case, uniforms: Floats, random: NDArray[np.bool_]) -> Floats:
    """Return factors as they apply, and their squares."""
    inputs = case.plan.inputs
    nothing = np.zeros((len(inputs.delay_names), uniforms.shape[1]))
    factors, _ = shared(inputs, drawn(inputs.tables, inputs.factor_table, uniforms.copy()), nothing)
    linear = factors[random]
    return np.concatenate([linear, linear**2])


def unexplained(x: Floats, y: Floats) -> float:
    """Return the share of the variance that a regression leaves in runs that it has not seen."""
    return float(left_over(x, y).var() / y.var())


def left_over(x: Floats, y: Floats) -> Floats:
    """Return what is left of every run: cross-fitted, its controls and slopes are those of the other runs."""
    fold = np.arange(len(y)) % FOLDS
    left = np.empty_like(y)
    for number in range(FOLDS):
        seen = fold != number
        chosen, slopes = _regression(x[:, seen], y[seen])
        left[~seen] = y[~seen] - x[chosen][:, ~seen].T @ slopes
    return left


def _regression(x: Floats, y: Floats) -> tuple[list[int], Floats]:
    """Return the controls that are chosen, forward, and their slopes by least squares with a constant."""
    centred, residual, chosen = x - x.mean(axis=1, keepdims=True), y - y.mean(), list[int]()
    length = np.maximum(np.linalg.norm(centred, axis=1), 1e-12)
    slopes = np.zeros(0)
    for _ in range(MOST):
        explains = np.abs(centred @ residual) / length
        explains[chosen] = -1.0
        chosen.append(int(explains.argmax()))
        slopes = np.linalg.lstsq(centred[chosen].T, y - y.mean(), rcond=None)[0]
        residual = y - y.mean() - centred[chosen].T @ slopes
    return chosen, np.asarray(slopes)


def coverage(x: Floats, y: Floats, size: int) -> tuple[float, float]:
    """Return how often a 95 % interval by regression holds the mean of all runs, and its width over the plain one's."""
    draw = np.random.Generator(np.random.Philox(5))
    held, widths = 0, []
    controls_of_all, slopes = _regression(x, y)
    truth = float((y - x[controls_of_all].T @ slopes).mean())
    for _ in range(SAMPLES):
        runs = draw.choice(len(y), size, replace=False)
        left = left_over(x[:, runs], y[runs])
        spread = left.std(ddof=1) / np.sqrt(size)
        # drawn without replacement from all runs, the sample's mean differs from theirs by that much less
        known = np.sqrt(1 - size / len(y))
        held += abs(left.mean() - truth) <= 1.96 * spread * known
        widths.append(spread / (y[runs].std(ddof=1) / np.sqrt(size)))
    return held / SAMPLES, float(np.mean(widths))


def rows(runs: int = RUNS) -> list[Row]:
    """Measure."""
    case = replace(prepare_case(load(CONFIG)), engine=select_backend(AUTO))
    found = case.simulate_chunk(1, FIRST, runs).runs
    x = controls(case, 1, FIRST, runs)
    told_rows = [Row("controls", f"{len(x)} functions of {len(case.plan.inputs.factors)} shared inputs, {runs:,} runs")]
    for metric, target in ((IDLE, 20), (LEAD, 5)):
        y = np.asarray(found[metric], np.float64)
        below = (y <= quantile(np.sort(y), 0.8)).astype(np.float64)
        told_rows.append(at_least(f"mean {metric}: runs saved", 1 / unexplained(x, y), target))
        told_rows.append(at_least(f"P80 of {metric}: runs saved", 1 / unexplained(x, below), target))
        for size in (size for size in (200, 1000) if 2 * size <= runs):
            held, width = coverage(x, y, size)
            words = f"{100 * held:.1f} %, {width:.2f} as wide as the plain one"
            told_rows.append(
                Row(
                    f"mean {metric}: coverage of 95 % intervals, {size} runs",
                    words,
                    "93.5 to 97 %",
                    0.935 <= held <= 0.97,
                )
            )
    return told_rows  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    print(told(rows(parser.parse_args().runs)))
