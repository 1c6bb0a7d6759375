"""Control variates: means and a P80 that are more precise, as what a metric owes to common factors is taken away.

The means of functions of the inputs are known, so what a metric owes to them by a regression is known without error of
sampling (Glasserman 2003, Monte Carlo Methods in Financial Engineering, 4.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from sim.metrics.metric import finish_metric
from sim.metrics.registry import directions_of
from sim.plan.draws import Inputs
from sim.study.case import Case
from sim.study.chunk import Columns, Floats
from sim.study.sample import Sample
from sim.study.statistics.intervals import MAX_CONTROLS, MAX_VARIANCE_LEFT, MIN_RUNS, RUNS_PER_CONTROL, quantile
from sim.study.statistics.sobol_indices import common_factors
from sim.world.quantile_tables import FIXED
from sim.world.quantile_tables import sample as drawn
from sim.world.streams import Sampling

# --- table of controls ------------------------------------------------------------------------------------------------


CONTROLS = "controls"
MAX_RUNS = 20_000
"""Runs beyond which no controls are fitted: means are precise enough, and the functions would take 100 MB."""
DRAWS_PER_RUN, BLOCK = 10, 1024
"""Draws of the factors, by Sobol points, for the mean of a probability: they add 5 % to the variance of the P80 at 250 MW.
Their functions are in memory block by block, 4 MB each: fresh memory for all of 1,000 runs would take a tenth of a second."""
MAX_KEPT_BLOCKS = 32
"""Blocks of other draws that are drawn before the sample is there: those of 3,200 runs, 26 MB."""
P80 = ".p80"
"""What the column of a metric's P80 ends in."""
GRID = (np.arange(4096) + 0.5) / 4096
"""Points at which functions of a uniform number are averaged (midpoint rule)."""


def may_have_controls(case: Case, runs: int) -> bool:
    """Return whether controls are fitted to so many runs, if all of them end.

    They are not where there are too few runs, or too many to need it, where runs are stratified or go on from a status.
    """
    return MIN_RUNS <= runs <= MAX_RUNS and case.sampling.is_plain and not case.is_under_way


class ControlInputs:
    """What controls are fitted with and does not depend on the sample: functions of the runs' inputs, and of others."""

    def __init__(self, case: Case, seed: int, runs: int) -> None:
        """Draw the common factors of the runs once more, and of few enough runs also those of other draws."""
        self._case, self._seed = case, seed
        self._functions_of = ControlFunctions(case.plan.inputs)
        self.functions = self._functions_of(common_factors(case, seed, 0, runs))
        self._drawn_anew = replace(case, sampling=Sampling("sobol", BLOCK))
        self._firsts = range(0, DRAWS_PER_RUN * runs, BLOCK)
        # in blocks, so that memory does not grow with the runs
        self._first_blocks = [self._new_factors(first) for first in self._firsts[:MAX_KEPT_BLOCKS]]

    def new_functions(self) -> Iterator[Floats]:
        """Yield the functions of other draws of the inputs, block by block."""
        for number, first in enumerate(self._firsts):
            yield self._functions_of(
                self._first_blocks[number] if number < MAX_KEPT_BLOCKS else self._new_factors(first)
            )

    def _new_factors(self, first: int) -> Floats:
        return common_factors(self._drawn_anew, self._seed, first, BLOCK)


def controls(case: Case, seed: int, sample: Sample, inputs: ControlInputs | None = None) -> dict[str, Columns]:
    """Return the table `controls`: replication, and by metric what control variates explain of it, with mean 0.

    Nothing where `may_have_controls` says so, or not all runs end; metrics of which no input explains much are left out.
    `inputs` are those of as many runs, if they were worked out before.
    """
    if not may_have_controls(case, sample.size) or sample.count_status("ok") < sample.size:
        return {}
    metrics = [*directions_of(sample.metrics)]
    y = np.array([sample.rows(metric) for metric in metrics])
    usable = np.isfinite(y).all(axis=1) & (np.ptp(y, axis=1) > 0)
    inputs = inputs or ControlInputs(case, seed, sample.size)
    x = inputs.functions
    if not usable.any() or not len(x):
        return {}
    y, metrics = y[usable], [metric for metric, is_usable in zip(metrics, usable.tolist(), strict=True) if is_usable]
    # metrics have sizes from shares to dollars: all are regressed at once, each in its own spread
    deviation = y.std(axis=1, keepdims=True)
    standard = (y - y.mean(axis=1, keepdims=True)) / deviation
    folds = [*cross_fitted_slopes(x, standard)]
    explained = control_variates(x, standard, folds) * deviation
    worth_it = (y - explained).var(axis=1) <= MAX_VARIANCE_LEFT * y.var(axis=1)
    columns = {metric: explained[row] for row, metric in enumerate(metrics) if worth_it[row]}
    if (finish := finish_metric(sample.runs)) in columns:
        row = metrics.index(finish)
        slopes = [(in_fold, slopes[row]) for in_fold, slopes in folds]
        columns[finish + P80] = share_explained(x, standard[row], 0.8, inputs.new_functions(), slopes)
    return {CONTROLS: {"replication": np.arange(sample.size), **columns}} if columns else {}


def share_explained(
    x: Floats, y: Floats, share: float, new_functions: Iterable[Floats], folds: Sequence[Fold] = ()
) -> Floats:
    """Return what control functions explain of whether each value of y is on or before its quantile; its mean is 0.

    A regression of y and the spread of its errors give the probability by run, of which a regression of yes and no explains
    less. The mean of that probability has no formula, and is taken over other draws of the inputs, `new_functions`.
    """
    value, explained = quantile(np.sort(y), share), np.empty_like(y)

    def probabilities(slopes: Floats, errors: Floats, functions: Floats) -> Floats:
        return np.searchsorted(errors, value - slopes @ functions, side="right") / len(errors)

    folds = folds or [(in_fold, slopes) for in_fold, (slopes,) in cross_fitted_slopes(x, y[None, :])]
    models = [(slopes, np.sort(np.delete(y - slopes @ x, in_fold))) for in_fold, slopes in folds]
    means = [[probabilities(*model, functions).mean() for model in models] for functions in new_functions]
    for (in_fold, _), model, mean in zip(folds, models, np.mean(means, axis=0).tolist(), strict=True):
        explained[in_fold] = probabilities(*model, x[:, in_fold]) - mean
    return explained


def control_functions(case: Case, seed: int, first: int, runs: int) -> Floats:
    """Return the regressors of some replications, shape (functions, runs), of mean 0 and standard deviation 1."""
    return ControlFunctions(case.plan.inputs)(common_factors(case, seed, first, runs))


class ControlFunctions:
    """Regressors: every common factor and its square, and each pace times the other paces and the risks.

    A pace multiplies what risks lengthen. An input that depends on another one, as a risk's size does, is 1 where that is 0.
    """

    def __init__(self, inputs: Inputs) -> None:
        """Find the mean and spread of each function, and which are multiplied."""
        grid = drawn(inputs.tables, inputs.factor_table, np.tile(GRID, (len(inputs.factors), 1)))
        self.scales, self.factor_of = list[tuple[float, float, float, float]](), list[int]()
        for row, condition in enumerate(inputs.only_with.tolist()):
            scale = _scale(grid[row], 1.0 if condition < 0 else float((grid[condition] != 0).mean()))
            if inputs.tables.kind[inputs.factor_table[row]] != FIXED and scale[1] > 0:
                self.scales.append(scale)
                self.factor_of += [row] * (1 + (scale[-1] > 0))
        groups = [inputs.factor_groups[row] for row in self.factor_of]
        others = [k for k, group in enumerate(groups) if group in ("pace", "risk")]
        paces = [k for k in others if groups[k] == "pace" and k == self.factor_of.index(self.factor_of[k])]
        # of independent inputs, so a product too has the mean 0 and the standard deviation 1; each pair of paces once
        pairs = ((pace, k) for pace in paces for k in others if k > pace or k not in paces)
        self.pairs = [(pace, k) for pace, k in pairs if self.factor_of[pace] != self.factor_of[k]]

    def __call__(self, factors: Floats) -> Floats:
        """Return the functions of common factors, shape (factors, runs)."""
        functions, row = np.empty((len(self.factor_of) + len(self.pairs), factors.shape[1])), 0
        for (mean, deviation, skew, of_square), factor in zip(self.scales, dict.fromkeys(self.factor_of), strict=True):
            standard = functions[row] = (factors[factor] - mean) / deviation
            if of_square > 0:
                functions[row + 1] = (standard**2 - 1 - skew * standard) / of_square
            row += 1 + (of_square > 0)
        for product, (pace, other) in zip(functions[row:], self.pairs, strict=True):
            np.multiply(functions[pace], functions[other], out=product)
        return functions


def _scale(grid: Floats, occurs: float) -> tuple[float, float, float, float]:
    """Return mean, standard deviation, skewness and the deviation of the square made orthogonal; 0 for what never differs.

    `grid` are values at even steps of probability; a factor of a risk is 1 where the risk does not occur, with 1 - `occurs`.
    """

    def moment(power: int, middle: float) -> float:
        # multiplied out: a power is 20 times as slow
        distance = grid - middle
        return occurs * float(np.multiply.reduce([distance] * power).mean()) + (1 - occurs) * (1 - middle) ** power

    mean = moment(1, 0.0)
    deviation = moment(2, mean) ** 0.5
    if not deviation > 1e-9 * max(abs(mean), 1e-9):
        return mean, 0.0, 0.0, 0.0
    skew, kurtosis = moment(3, mean) / deviation**3, moment(4, mean) / deviation**4
    # an input of two values has a square that is a linear function of itself
    variance = kurtosis - 1 - skew**2
    return mean, deviation, skew, variance**0.5 if variance >= 1e-6 else 0.0


# --- regression -------------------------------------------------------------------------------------------------------


FOLDS = 8
Fold: TypeAlias = tuple[slice, Floats]
"""Which runs are in a fold, and the slopes that are fitted in the other runs."""


def control_variates(x: Floats, y: Floats, folds: Iterable[Fold] = ()) -> Floats:
    """Return what functions x of the inputs, each of mean 0, explain of metrics y, shape (metrics, runs); its mean is 0."""
    explained = np.empty_like(y)
    for in_fold, slopes in folds or cross_fitted_slopes(x, y):
        explained[:, in_fold] = slopes @ x[:, in_fold]
    return explained


def cross_fitted_slopes(x: Floats, y: Floats) -> Iterator[Fold]:
    """Yield which runs are in a fold, and the slopes of all metrics, shape (metrics, functions), fitted in the other runs.

    They are cross-fitted (Chernozhukov et al. 2018): controls are chosen and slopes fitted in the other runs, as with slopes
    from the same runs 95 % intervals hold in 90 %.
    """
    folds = [slice(k, None, FOLDS) for k in range(FOLDS)]
    moments = [_moments(x[:, fold].copy(), y[:, fold]) for fold in folds]
    totals = [sum(parts) for parts in zip(*moments, strict=True)]
    for fold, in_fold in zip(folds, moments, strict=True):
        other_folds = [total - part for total, part in zip(totals, in_fold, strict=True)]
        yield fold, _slopes(min(MAX_CONTROLS, y.shape[1] // RUNS_PER_CONTROL), *other_folds)


def _moments(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return the sums that a regression is made of: runs, x, y, x × x, x × y."""
    return np.array(float(x.shape[1])), x.sum(axis=1), y.sum(axis=1), x @ x.T, x @ y.T


def _slopes(most: int, n: Floats, x: Floats, y: Floats, xx: Floats, xy: Floats) -> Floats:
    """Return by metric the least-squares slopes of the controls that forward selection chooses; 0 for the rest."""
    covariance, cross_covariance = xx - np.outer(x, x) / n, (xy - np.outer(x, y) / n).T
    rows, steps = np.arange(len(cross_covariance)), min(most, len(covariance))
    # a Cholesky factor of the chosen controls by metric, so that a step costs one row of it
    factor, chosen_controls = np.empty((steps, *cross_covariance.shape)), np.empty((len(rows), steps), np.int64)
    residual, variance = cross_covariance.copy(), np.tile(np.diag(covariance), (len(rows), 1))
    least_variance = 1e-6 * variance + 1e-12  # of what is nearly a sum of those chosen before
    for step in range(steps):
        positive_variance = np.maximum(variance, least_variance)
        gain = residual * residual / positive_variance
        gain[rows[:, None], chosen_controls[:, :step]] = -1.0
        chosen = chosen_controls[:, step] = gain.argmax(axis=1)
        deviation = np.sqrt(positive_variance[rows, chosen])[:, None]
        # by hand, not as a product of matrices: of such small ones the library's threads take a hundred times as long
        by_chosen = np.einsum("sm,smk->mk", factor[:step, rows, chosen], factor[:step])
        factor[step] = (covariance[chosen] - by_chosen) / deviation
        residual -= residual[rows, chosen][:, None] / deviation * factor[step]
        variance -= factor[step] * factor[step]
    # nearly the same function twice must not make the equations singular
    normal_matrix = covariance[chosen_controls[:, :, None], chosen_controls[:, None, :]]
    normal_matrix += (1e-9 * np.diag(covariance)[chosen_controls] + 1e-12)[:, :, None] * np.eye(steps)
    slopes, right_sides = np.zeros_like(cross_covariance), cross_covariance[rows[:, None], chosen_controls]
    solutions = np.linalg.solve(normal_matrix, right_sides[:, :, None])
    np.put_along_axis(slopes, chosen_controls, solutions[:, :, 0], axis=1)
    return slopes
