"""Sobol indices of the inputs drawn once a project, and control variates from them for the means of metrics.

The first-order Sobol index of a driver is the share of the variance that goes with it: the variance of the mean, given the
driver, over the variance. Runs are put into classes of like values of the driver (those in which a risk did not occur
are one), and the means of the classes are compared: Pearson's correlation ratio, freed of its bias as Kelley (1935)
does. Plischke, Borgonovo and Smith (2013), "Global sensitivity measures from given data", European Journal of
Operational Research 226, is the source of the approach. No further replication is run.

The same numbers are control variates of means: their own means are known, so what a metric owes to them by a regression is
taken away, and with it most of the error of sampling.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.metrics.metric import LEAD_TIMES, finish_metric
from sim.metrics.registry import directions_of
from sim.plan.draws import Inputs, factors_and_delays
from sim.plan.vocabulary import FactorGroup
from sim.study.analyses.switch_off import RISK, UNCERTAINTY
from sim.study.case import Case
from sim.study.chunk import Columns, Floats
from sim.study.intervals import MAX_VARIANCE_LEFT, MIN_RUNS, Fold, control_variates, cross_fitted_slopes, quantile
from sim.study.sample import Sample
from sim.world.quantile_tables import FIXED
from sim.world.quantile_tables import sample as drawn
from sim.world.streams import Sampling

INDICES = "indices"
METRICS = ("idle_capital_months", "capital_total_usd")
"""Metrics that have indices, beside the finish."""
MIN_INDEX_RUNS = 100
"""Fewest finished runs for which indices are estimated."""
MAX_CLASSES, MIN_CLASS_RUNS = 10, 20
"""Most classes of a driver, and fewest runs in one."""
RESAMPLES = 200
STANDARD_ERRORS = 1.96
"""Half the width of a 95 % interval, in standard errors of the bootstrap."""
GROUPS: tuple[FactorGroup, ...] = ("productivity", "pace", "suppliers", "prices", "demand")
"""Groups of common factors that have indices, each factor by itself."""
FACTOR_KINDS = {
    "loss": "labour losses, {}",
    "pace": "pace of the {} factory",
    "supplier": "delay of suppliers, {}",
    "lot": "lead time of one lot, {}",
    "price": "price of {}",
    "risk": "risk {}",
}
"""What a common factor of this kind is called; between the braces stands which one it is."""
FACTORS = {"pace.everyone": "pace of the whole project", "pace.site": "pace of work on site"}


def factor_in_words(factor: str) -> str:
    """Write the name of a common factor as a planner reads it; names stand in files.

    >>> factor_in_words("pace.site"), factor_in_words("loss.civil"), factor_in_words("supplier.electrical_gear")
    ('pace of work on site', 'labour losses, civil', 'delay of suppliers, electrical gear')
    """
    kind, _, which = factor.partition(".")
    which = which.replace("_", " ").replace(".", ", ")
    return FACTORS.get(factor) or FACTOR_KINDS.get(kind, f"{kind} {{}}").format(which).strip()


@dataclass(frozen=True)
class DriverSample:
    """A driver drawn once a project: its id, kind (risk or uncertainty), name, and its class in every replication."""

    id: str
    kind: str
    name: str
    classes: NDArray[np.int64]
    group: FactorGroup = "risk"


def indices(case: Case, seed: int, sample: Sample) -> dict[str, Columns]:
    """Return the table `indices`; nothing where there are too few runs, or no driver that a whole project shares.

    It has a row a driver and metric: id, kind, name, metric, index, low, high, runs.
    `low` and `high` bound the 95 % interval of the bootstrap over replications.
    """
    metrics = [metric for metric in (finish_metric(sample.runs), *METRICS) if metric in sample.runs]
    drivers_by_runs: dict[bytes, tuple[list[DriverSample], Floats]] = {}
    rows = [row for metric in metrics for row in _metric_indices(case, seed, sample, metric, drivers_by_runs)]
    names = ("id", "kind", "name", "metric", "index", "low", "high", "runs")
    kinds = (*[object] * 4, *[np.float64] * 3, np.int64)
    columns = [*zip(*rows, strict=True)] or [()] * len(names)
    table = {name: np.array(column, kind) for name, column, kind in zip(names, columns, kinds, strict=True)}
    return {INDICES: table} if rows else {}


def _metric_indices(
    case: Case, seed: int, sample: Sample, metric: str, drivers_by_runs: dict[bytes, tuple[list[DriverSample], Floats]]
) -> Iterator[tuple[str, str, str, str, float, float, float, int]]:
    """Yield the rows of the table of Sobol indices of one metric; `drivers_by_runs` caches drivers and resamples."""
    values = sample.rows(metric)
    finite_rows = np.flatnonzero(np.isfinite(values))
    if len(finite_rows) < MIN_INDEX_RUNS or np.ptp(values[finite_rows]) == 0:
        return
    key = finite_rows.tobytes()
    if key not in drivers_by_runs:
        drivers_by_runs[key] = [*drivers(case, seed, sample.size, finite_rows)], resampled(len(finite_rows))
    all_drivers, counts = drivers_by_runs[key]
    # in the model no date depends on a price
    relevant_drivers = [driver for driver in all_drivers if not (driver.group == "prices" and metric in LEAD_TIMES)]
    estimates = indices_of(values[finite_rows], [driver.classes for driver in relevant_drivers], counts)
    for driver, estimate in zip(relevant_drivers, estimates, strict=True):
        yield driver.id, driver.kind, driver.name, metric, *estimate, len(finite_rows)


def drivers(case: Case, seed: int, runs: int, chosen_runs: NDArray[np.int64]) -> Iterator[DriverSample]:
    """Yield the inputs that are drawn once a project and differ between runs, with the classes of the chosen runs."""
    inputs, factors = case.plan.inputs, _factors(case, seed, 0, runs)
    row_of = {name: row for row, name in enumerate(inputs.factors)}
    for driver, _ in case.project.risks.active():
        # whether it occurs is the first class, so that its size is compared among the runs in which it does
        occurs, size = (factors[row_of[f"risk.{driver.id}{end}"], chosen_runs] for end in ("", ".size"))
        yield DriverSample(driver.id, RISK, driver.name, np.where(occurs == 0, 0, 1 + classes(size, occurs != 0)))
    for name, row in row_of.items():
        group = inputs.factor_groups[row]
        if group in GROUPS and inputs.tables.kind[inputs.factor_table[row]] != FIXED:
            number_of_class = classes(factors[row, chosen_runs], np.ones(len(chosen_runs), np.bool_))
            yield DriverSample(name, UNCERTAINTY, factor_in_words(name), number_of_class, group)


def _factors(case: Case, seed: int, first: int, runs: int) -> Floats:
    """Return what is drawn once a project, shape (factors, runs): again, as the same seed gives what the runs had."""
    inputs = case.plan.inputs
    uniforms = case.draws(seed).uniforms(inputs.factors, first, runs)
    delays = np.zeros((len(inputs.delay_names), runs))  # they are not asked for
    return factors_and_delays(inputs, drawn(inputs.tables, inputs.factor_table, uniforms), delays)[0]


def classes(values: Floats, of: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return in which class each value lies, as many in each: those `of` which it is asked; the others in class 0."""
    count = max(1, min(MAX_CLASSES, int(of.sum()) // MIN_CLASS_RUNS))
    edges = np.quantile(values[of], np.arange(1, count) / count) if of.any() else np.zeros(0)
    return np.where(of, np.searchsorted(edges, values, side="left"), 0)


def resampled(n: int) -> Floats:
    """Return how often each of n runs counts, shape (1 + RESAMPLES, n): once each in row 0, then in each resample."""
    counts, generator = np.ones((1 + RESAMPLES, n)), np.random.default_rng(0)
    # the same resamples for every driver: their indices then differ by the drivers alone, and a rerun by nothing;
    # one by one, for all of 20,000 runs would be there twice: 32 MB
    for row in counts[1:]:
        row[:] = generator.multinomial(n, np.full(n, 1 / n))
    return counts


def index(y: Floats, number: NDArray[np.int64], counts: Floats) -> tuple[float, float, float]:
    """Return the share of the variance of y that goes with the class, and its 95 % interval.

    The share itself may come out a little below 0, so that those of drivers without effect add up to nothing.
    """
    return indices_of(y, [number], counts)[0]


MAX_CELLS = 4_000_000
"""Most elements (runs times classes) of a matrix: 32 MB."""


def indices_of(
    y: Floats, classes_by_driver: Sequence[NDArray[np.int64]], counts: Floats
) -> list[tuple[float, float, float]]:
    """Return the first-order index of several drivers with its 95 % interval, as (index, low, high)."""
    y = y - y.mean()  # the difference of squares below would cancel away where the mean is large beside the spread
    n, ratios = len(y), list[Floats]()
    mean = counts @ y / n
    total = counts @ y**2 / n - mean**2
    classes_by_driver = [np.unique(classes_of, return_inverse=True)[1] for classes_of in classes_by_driver]
    while classes_by_driver:
        sizes = np.array([int(classes_of.max()) + 1 for classes_of in classes_by_driver])
        batch = max(1, int(np.searchsorted(sizes.cumsum() * n, MAX_CELLS)))
        ratios += _correlation_ratios(counts, y, classes_by_driver[:batch], sizes[:batch], mean, total)
        classes_by_driver = classes_by_driver[batch:]
    half_widths = [STANDARD_ERRORS * float(ratio[1:].std(ddof=1)) for ratio in ratios]
    return [
        (value, min(max(value - half_width, 0.0), 1.0), min(max(value + half_width, 0.0), 1.0))
        for value, half_width in (
            (float(ratio[0]), half_width) for ratio, half_width in zip(ratios, half_widths, strict=True)
        )
    ]


def _correlation_ratios(
    weights: Floats,
    y: Floats,
    classes_by_driver: Sequence[NDArray[np.int64]],
    sizes: NDArray[np.int64],
    mean: Floats,
    total: Floats,
) -> list[Floats]:
    """Return by driver the unbiased correlation ratio for each row of weights (how often each run counts)."""
    n, first_column = len(y), np.cumsum(sizes) - sizes
    membership = np.zeros((n, int(sizes.sum())))
    for classes_of, column in zip(classes_by_driver, first_column.tolist(), strict=True):
        membership[np.arange(n), column + classes_of] = 1.0
    count = weights @ membership
    membership *= y[:, None]
    variance_of_means = (
        np.add.reduceat((weights @ membership) ** 2 / np.maximum(count, 1), first_column, axis=1) / n
        - mean[:, None] ** 2
    )
    ratio = variance_of_means / np.where(total > 0, total, 1.0)[:, None]
    # Kelley's epsilon squared: classes explain something by chance alone, about (many - 1) / (n - 1)
    return [*np.asarray(1 - (1 - ratio) * (n - 1) / np.maximum(n - sizes, 1)).T]


# --- control variates -------------------------------------------------------------------------------------------------


CONTROLS = "controls"
MAX_RUNS = 20_000
"""Runs beyond which no controls are fitted: means are precise enough, and the functions would take 100 MB."""
DRAWS_PER_RUN, BLOCK = 10, 8192
"""Draws of the factors, by Sobol points, for the mean of a probability: they add 5 % to the variance of the P80 at 250 MW."""
P80 = ".p80"  # what the column of a metric's P80 ends in
GRID = (np.arange(4096) + 0.5) / 4096
"""Points at which functions of a uniform number are averaged (midpoint rule)."""


def may_have_controls(case: Case, runs: int) -> bool:
    """Return whether controls are fitted to so many runs, if all of them end.

    They are not where there are too few runs, or too many to need it, where runs are stratified or go on from a status.
    """
    return MIN_RUNS <= runs <= MAX_RUNS and case.sampling.is_plain and not case.is_under_way


def controls(case: Case, seed: int, sample: Sample, functions: Floats | None = None) -> dict[str, Columns]:
    """Return the table `controls`: replication, and by metric what control variates explain of it, with mean 0.

    Nothing where `may_have_controls` says so, or not all runs end; metrics of which no input explains much are left out.
    `functions` are the regressors, if these were worked out before.
    """
    if not may_have_controls(case, sample.size) or sample.count_status("ok") < sample.size:
        return {}
    metrics = [*directions_of(sample.metrics)]
    y = np.array([sample.rows(metric) for metric in metrics])
    usable = np.isfinite(y).all(axis=1) & (np.ptp(y, axis=1) > 0)
    x = control_functions(case, seed, 0, sample.size) if functions is None else functions
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
        # in blocks, so that memory does not grow with the runs
        functions_of, drawn_anew = ControlFunctions(case.plan.inputs), replace(case, sampling=Sampling("sobol", 1024))
        firsts, row = range(0, DRAWS_PER_RUN * sample.size, BLOCK), metrics.index(finish)
        new_functions = (functions_of(_factors(drawn_anew, seed, first, BLOCK)) for first in firsts)
        slopes = [(in_fold, slopes[row]) for in_fold, slopes in folds]
        columns[finish + P80] = share_explained(x, standard[row], 0.8, new_functions, slopes)
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
    return ControlFunctions(case.plan.inputs)(_factors(case, seed, first, runs))


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
        return occurs * float(((grid - middle) ** power).mean()) + (1 - occurs) * (1 - middle) ** power

    mean = moment(1, 0.0)
    deviation = moment(2, mean) ** 0.5
    if not deviation > 1e-9 * max(abs(mean), 1e-9):
        return mean, 0.0, 0.0, 0.0
    skew, kurtosis = moment(3, mean) / deviation**3, moment(4, mean) / deviation**4
    # an input of two values has a square that is a linear function of itself
    variance = kurtosis - 1 - skew**2
    return mean, deviation, skew, variance**0.5 if variance >= 1e-6 else 0.0


# --- regression on statistics -----------------------------------------------------------------------------------------


PENALTIES = np.logspace(-2, 5, 22)
"""Penalties of ridge regression that are tried."""


def ridge_regression(x: Floats, z: Floats, x_new: Floats) -> tuple[Floats, Floats, Floats]:
    """Return by column of z its prediction at `x_new`, leave-one-out residuals, and the share of variance explained.

    `x` is standardised, shape (n, p); z has mean 0 and variance 1 by definition, shape (n, q). The penalty of each column has
    the smallest leave-one-out error (Golub, Heath and Wahba 1979).
    """
    # the thin singular value decomposition x = u d v, from the smaller product: there are more statistics than replications
    values, u = np.linalg.eigh(x @ x.T)
    positive = values > values[-1] * 1e-12
    d, u = np.sqrt(values[positive]), u[:, positive]
    v = (u / d).T @ x
    mean_z = z.mean(axis=0)
    projected = u.T @ (z - mean_z)
    variance = ((z - mean_z) ** 2).sum(axis=0)
    least_error, prediction, residuals = np.full(z.shape[1], np.inf), np.zeros(z.shape[1]), z.copy()
    for penalty in PENALTIES:
        shrinkage = d**2 / (d**2 + penalty)
        leverage = 1 / len(x) + (u**2 * shrinkage).sum(axis=1)
        left_out = (z - mean_z - u @ (shrinkage[:, None] * projected)) / (1 - leverage)[:, None]
        error = (left_out**2).sum(axis=0)
        better = error < least_error
        least_error = np.where(better, error, least_error)
        residuals[:, better] = left_out[:, better]
        prediction[better] = ((v @ x_new) * (d / (d**2 + penalty)) @ projected)[better]
    return prediction, residuals, np.clip(1 - least_error / variance, 0.0, 0.999)


SHRINKAGE = 0.02
"""Part of a correlation matrix that is replaced by the identity (Ledoit and Wolf 2004), so that it has an inverse."""


def at_odds(x: Floats, x_new: Floats, most_deviations: float) -> NDArray[np.bool_]:
    """Return which values of `x_new` are further than so many standard deviations from what its other values predict.

    `x` is standardised, shape (n, p). The furthest is left out first, as it distorts what is predicted of the others.
    """
    left_out = np.zeros(len(x_new), np.bool_)
    correlation = (1 - SHRINKAGE) * x.T @ x / len(x) + SHRINKAGE * np.eye(len(x_new))
    while not left_out.all():
        rest = np.flatnonzero(~left_out)
        # of a normal distribution, the precision matrix has each value's regression on the others
        precision = np.linalg.inv(correlation[np.ix_(rest, rest)])
        deviations = np.abs(precision @ x_new[rest]) / np.sqrt(np.diag(precision))
        if deviations.max() <= most_deviations:
            break
        left_out[rest[deviations.argmax()]] = True
    return left_out
