"""What control variates save, and what could be saved at most: means and P80 of the 250 MW hybrid, difference to stick-built.

The functions and the regression are the program's (`sim.study.statistics`). The saving is the
ratio of variances, cross-fitted; the interval's coverage is that of many samples, each with its own choice. Of a P80, the
share of runs on or before it is estimated, which is what its interval comes from.

The bound is by pick-freeze: a second run with the same common factors and everything else drawn anew. The covariance of the
two over the variance is the closed Sobol index S of these factors (Gamboa, Janon, Klein, Lagnoux and Prieur 2016), and no
control variate, spreading or conditioning on them alone saves more than 1 / (1 - S).
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Row, at_least, told
from sim.engine.backends import AUTO, select_backend
from sim.plan.draws import Uniforms
from sim.study.api import load
from sim.study.case import Case, prepare_case
from sim.study.statistics.control_variates import (
    DRAWS_PER_RUN,
    ControlFunctions,
    control_functions,
    control_variates,
    cross_fitted_slopes,
    share_explained,
)
from sim.study.statistics.intervals import (
    Interval,
    controlled_mean,
    controlled_quantile,
    mean_interval,
    quantile,
    quantile_interval,
)
from sim.study.statistics.sobol_indices import common_factors
from sim.world.streams import CommonUniforms, Sampling, stream_keys, uniforms

CONFIG = "configs/hybrid.yaml"
OTHER = "configs/stick_built.yaml"
LEAD, IDLE = "lead_time_full_days", "idle_capital_months"
EVERYONE, BUT_PACE = "pace.everyone", "all but the pace of the whole project, conditional expectation over that"
RUNS, SAMPLES = 4096, 400
DISJOINT, DISJOINT_SEED, CHUNK = (LEAD, IDLE), 7, 256
FIRST, ANEW = 100, 1 << 20
"""Replications before these were run by both engines elsewhere; from `ANEW` on, other numbers are drawn for the same runs."""

Floats = NDArray[np.float64]


# --- the bound ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class PickFreeze(Case):
    """A case in whose replications some common factors are those of the replication a number `ANEW` before or after it."""

    moved: frozenset[str] = frozenset()
    by: int = 0

    def _uniforms(self, seed: int) -> Uniforms:
        """Return what draws the common factors; everything else is drawn by the replication's own number."""

        def draw(names: Sequence[str], first: int, count: int) -> Floats:
            keys = [(word0, word1) for word0, word1 in stream_keys(seed, tuple(names)).tolist()]
            drawn, moved = uniforms(keys, first, count), [row for row, name in enumerate(names) if name in self.moved]
            if moved:
                drawn[moved] = uniforms([keys[row] for row in moved], first + self.by, count)
            return drawn

        return CommonUniforms(draw)


def frozen(case: Case, held: Collection[str], runs: int) -> dict[str, Floats]:
    """Return the metrics of the same runs with these common factors held and everything else drawn anew."""
    return dict(pick_freeze(case, held, -ANEW).simulate_chunk(1, FIRST + ANEW, runs).runs)


def without(case: Case, factor: str, runs: int) -> dict[str, Floats]:
    """Return the metrics of the same runs with one common factor drawn anew and everything else held."""
    return dict(pick_freeze(case, {factor}, ANEW).simulate_chunk(1, FIRST, runs).runs)


def pick_freeze(case: Case, moved: Collection[str], by: int) -> PickFreeze:
    """Return a case with these factors moved; only the plain case's runs are compared between the engines."""
    values = {field.name: getattr(case, field.name) for field in fields(Case)}
    values |= {"compared_runs": 0, "compared_in_every_process": False}
    return PickFreeze(**values, moved=frozenset(moved), by=by)


def closed_index(one: Floats, other: Floats) -> Interval:
    """Return the closed Sobol index of what two samples share, run by run, with its bootstrap interval."""
    draw, n = np.random.Generator(np.random.Philox(3)), len(one)
    resamples = [np.arange(n), *(draw.integers(0, n, n) for _ in range(400))]
    found = [covariance_share(one[runs], other[runs]) for runs in resamples]
    low, high = np.quantile(found[1:], [0.025, 0.975]).tolist()
    return Interval(found[0], low, high, n)


def covariance_share(one: Floats, other: Floats) -> float:
    """Return the covariance over the variance, both from the mean and the variance of both samples."""
    middle = (one.mean() + other.mean()) / 2
    return float(2 * ((one - middle) * (other - middle)).mean() / ((one - middle) ** 2 + (other - middle) ** 2).mean())


def bounds(case: Case, found: dict[str, Floats], runs: int) -> Iterator[Row]:
    """Yield the closed Sobol indices of groups of inputs, and what knowing them would save at most."""
    inputs = case.plan.inputs
    risks = [name for name in (*inputs.factors, *inputs.delay_names) if name.startswith("risk.")]
    groups = {
        "common factors": frozen(case, {*inputs.factors, *inputs.delay_names}, runs),
        "common factors but risks": frozen(case, {*inputs.factors, *inputs.delay_names} - {*risks}, runs),
        "risks": frozen(case, risks, runs),
        BUT_PACE: without(case, EVERYONE, runs),
    }
    for name, other in groups.items():
        for metric in (IDLE, LEAD):
            value = quantile(np.sort(found[metric]), 0.8)
            for what, one, two in (
                (f"mean {metric}", found[metric], other[metric]),
                (f"P80 of {metric}", on_or_before(found[metric], value), on_or_before(other[metric], value)),
            ):
                index = closed_index(one, two)
                # conditional expectation over an input takes away all that is not due to the others: its total effect
                left = (share if name == BUT_PACE else 1 - share for share in (index.value, index.low, index.high))
                times = sorted(1 / share for share in left)
                words = f"{index.value:.3f} ({index.low:.3f} to {index.high:.3f})"
                at_most = f"at most {times[1]:.3g} × ({times[0]:.3g} to {times[2]:.3g})"
                yield Row(f"{name}: closed Sobol index, {what}", f"{words}: {at_most}")


# --- control variates ---------------------------------------------------------------------------------------------------


def on_or_before(y: Floats, value: float) -> Floats:
    """Return 1 where a value is on or before another one, and 0 elsewhere."""
    return (y <= value).astype(np.float64)


def explained(x: Floats, y: Floats) -> Floats:
    """Return what control variates explain of a metric."""
    return np.asarray(control_variates(x, (y - y.mean())[None, :])[0])


def saved(y: Floats, part: Floats) -> float:
    """Return the ratio of the variance to what is left of it; each run's part was fitted in other runs."""
    return float(y.var() / (y - part).var())


def coverage(x: Floats, y: Floats, size: int, *, share: float | None = None) -> tuple[float, float]:
    """Return how often the 95 % interval holds the mean (or the quantile) of all runs, and its width over the plain one's."""
    draw = np.random.Generator(np.random.Philox(5))
    held, widths = 0, []
    # all runs stand for everything there is: controls then have the mean 0 among them
    x, truth = x - x.mean(axis=1, keepdims=True), float(y.mean()) if share is None else quantile(np.sort(y), share)
    # drawn without replacement from all runs, the sample's estimate differs from theirs by that much less
    known = np.sqrt(1 - size / len(y))
    for _ in range(SAMPLES):
        runs = draw.choice(len(y), size, replace=False)
        if share is None:
            plain = mean_interval(y[runs])
            found = controlled_mean(y[runs], explained(x[:, runs], y[runs])) or plain
            held += abs(found.value - truth) <= found.half_width * known
        else:
            plain = quantile_interval(y[runs], share)
            part = share_explained(x[:, runs], y[runs], share, [x])
            found = controlled_quantile(y[runs], part, share) or plain
            # compared as shares on or before: days between two finishes differ too much to be scaled
            below = on_or_before(y[runs], quantile(np.sort(y[runs]), share))
            of_share = controlled_mean(below, part) or mean_interval(below)
            held += abs(np.mean(y[runs] <= truth) - part.mean() - share) <= of_share.half_width * known
        widths.append(found.half_width / plain.half_width)
    return held / SAMPLES, float(np.mean(widths))


def disjoint_coverage(runs: int, sizes: Sequence[int] = (200, 500, 1000)) -> Iterator[Row]:
    """Yield how often 95 % intervals of samples that share no run hold what all runs say; five minutes for 65,536 runs."""
    case = pick_freeze(replace(prepare_case(load(CONFIG)), engine=select_backend(AUTO)), (), 0)
    chunks = [case.simulate_chunk(DISJOINT_SEED, first, CHUNK).runs for first in range(0, runs, CHUNK)]
    y = np.array([np.concatenate([chunk[metric] for chunk in chunks]) for metric in DISJOINT])
    y = (y - y.mean(axis=1, keepdims=True)) / y.std(axis=1, keepdims=True)
    x, functions_of = control_functions(case, DISJOINT_SEED, 0, runs), ControlFunctions(case.plan.inputs)
    # by control variates as well, as the mean of all runs is not much better known than that of a thousand by them
    means, p80s = (y - control_variates(x, y)).mean(axis=1), [quantile(np.sort(values), 0.8) for values in y]
    for size in sizes:
        samples = [slice(first, first + size) for first in range(0, runs - size + 1, size)]
        held, held_p80 = np.zeros(len(y)), np.zeros(len(y))
        for number, part in enumerate(samples):
            scale = y[:, part].std(axis=1, keepdims=True)
            standard = (y[:, part] - y[:, part].mean(axis=1, keepdims=True)) / scale
            folds = [*cross_fitted_slopes(x[:, part], standard)]
            explained_parts = control_variates(x[:, part], standard, folds) * scale
            anew = common_factors(
                replace(case, sampling=Sampling("sobol", 1024)), 1000 + number, 0, DRAWS_PER_RUN * size
            )
            for row, values in enumerate(y[:, part]):
                mean = controlled_mean(values, explained_parts[row]) or mean_interval(values)
                held[row] += mean.low <= means[row] <= mean.high
                slopes = [(in_fold, slopes[row]) for in_fold, slopes in folds]
                share = share_explained(x[:, part], standard[row], 0.8, [functions_of(anew)], slopes)
                p80 = controlled_quantile(values, share, 0.8) or quantile_interval(values, 0.8)
                held_p80[row] += p80.low <= p80s[row] <= p80.high
        error = 100 * np.sqrt(0.95 * 0.05 / len(samples))
        for row, metric in enumerate(DISJOINT):
            words = f"mean {100 * held[row] / len(samples):.1f} %, P80 {100 * held_p80[row] / len(samples):.1f} %"
            yield Row(
                f"{metric}: coverage of 95 % intervals, {len(samples)} samples of {size} runs",
                f"{words} (± {error:.1f})",
            )


def rows(runs: int = RUNS) -> list[Row]:
    """Measure."""
    case, other = (replace(prepare_case(load(name)), engine=select_backend(AUTO)) for name in (CONFIG, OTHER))
    found, beside = (one.simulate_chunk(1, FIRST, runs).runs for one in (case, other))
    x = control_functions(case, 1, FIRST, runs)
    told_rows = [
        Row("controls", f"{len(x)} functions of {len(case.plan.inputs.factors)} common factors, {runs:,} runs"),
        *bounds(case, found, runs),
    ]
    for metric in (IDLE, LEAD):
        y = np.asarray(found[metric], np.float64)
        difference = np.asarray(beside[metric], np.float64) - y
        below = on_or_before(y, quantile(np.sort(y), 0.8))
        for size in (size for size in (200, 1000, runs) if size <= runs):
            parts = [slice(first, first + size) for first in range(0, runs - size + 1, size)]
            means = [saved(y[part], explained(x[:, part], y[part])) for part in parts]
            p80s = [saved(below[part], share_explained(x[:, part], y[part], 0.8, [x])) for part in parts]
            differences = [saved(difference[part], explained(x[:, part], difference[part])) for part in parts]
            named = f"{metric}, {size:,} runs: runs saved"
            told_rows.append(at_least(f"mean {named}", float(np.mean(means)), 20))
            told_rows.append(at_least(f"P80 of {named}", float(np.mean(p80s)), 5))
            told_rows.append(Row(f"mean difference of {named}", f"{np.mean(differences):.1f} ×"))
        for what, values, share in (
            (f"mean {metric}", y, None),
            (f"mean difference of {metric}", difference, None),
            (f"P80 of {metric}", y, 0.8),
        ):
            for size in (size for size in (200, 1000) if 2 * size <= runs):
                held, width = coverage(x, values, size, share=share)
                words = f"{100 * held:.1f} %, {width:.2f} as wide as the plain one"
                inside = 0.935 <= held <= 0.97
                told_rows.append(Row(f"{what}: coverage of 95 % intervals, {size} runs", words, "93.5 to 97 %", inside))
    return told_rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument(
        "--disjoint", type=int, help="measure the coverage alone, in samples that share none of so many runs"
    )
    asked = parser.parse_args()
    print(told(rows(asked.runs) if asked.disjoint is None else [*disjoint_coverage(asked.disjoint)]))
