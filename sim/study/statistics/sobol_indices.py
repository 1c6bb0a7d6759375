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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.metrics.metric import LEAD_TIMES, finish_metric
from sim.plan.draws import factors_and_delays
from sim.plan.vocabulary import FactorGroup
from sim.study.analyses.switch_off import RISK, UNCERTAINTY
from sim.study.case import Case
from sim.study.chunk import Columns, Floats
from sim.study.sample import Sample
from sim.world.quantile_tables import FIXED
from sim.world.quantile_tables import sample as drawn

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
    inputs, factors = case.plan.inputs, common_factors(case, seed, 0, runs)
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


def common_factors(case: Case, seed: int, first: int, runs: int) -> Floats:
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
