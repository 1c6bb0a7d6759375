"""What a whole project shares, drawn once for it: how much of the variance goes with each, and how much of a mean's error.

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

from sim.metrics.registry import directions_of
from sim.plan.draws import factors_and_delays
from sim.plan.vocabulary import FactorGroup
from sim.study.analyses.switch_off import RISK, UNCERTAINTY
from sim.study.case import Case
from sim.study.chunk import Columns, Floats
from sim.study.intervals import LEAST_RUNS, WORTH_IT, control_variates
from sim.study.sample import Sample
from sim.world.quantile_tables import FIXED
from sim.world.quantile_tables import sample as drawn

INDICES = "indices"
DATES = ("lead_time_full_days", "lead_time_mw_weighted_days")
METRICS = (*DATES, "idle_capital_months", "capital_total_usd")
"""What is explained; of the two lead times the first there is."""
ENOUGH = 100
"""Finished runs without which no index is estimated."""
CLASSES, IN_A_CLASS = 10, 20
"""At most so many classes, of at least so many runs."""
RESAMPLES = 200
HALF = 1.96
"""Half a 95 % interval in standard errors, those of the bootstrap."""
WORDS: dict[FactorGroup, str] = {
    "productivity": "productivity", "pace": "pace", "suppliers": "supplier", "prices": "price", "demand": "demand",
}  # fmt: skip


@dataclass(frozen=True)
class DriverSample:
    """Something drawn once for a project: its id, whether it is a risk, its name, its classes in every replication."""

    id: str
    kind: str
    name: str
    classes: NDArray[np.int64]
    group: FactorGroup = "risk"


def indices(case: Case, seed: int, sample: Sample) -> dict[str, Columns]:
    """Return the table of that name; nothing where there are too few runs, or nothing that all of a project shares.

    It has a row a driver and metric: id, kind, name, metric, index, low, high, runs.
    `low` and `high` bound the 95 % interval; it is the bootstrap's over replications.
    """
    metrics = [metric for metric in METRICS if metric in sample.runs]
    metrics = [m for m in metrics if not (m == METRICS[1] and METRICS[0] in metrics)]
    drivers_by_runs: dict[bytes, tuple[list[DriverSample], Floats]] = {}
    rows = [row for metric in metrics for row in _of_metric(case, seed, sample, metric, drivers_by_runs)]
    names = ("id", "kind", "name", "metric", "index", "low", "high", "runs")
    kinds = (*[object] * 4, *[np.float64] * 3, np.int64)
    columns = [*zip(*rows, strict=True)] or [()] * len(names)
    table = {name: np.array(column, kind) for name, column, kind in zip(names, columns, kinds, strict=True)}
    return {INDICES: table} if rows else {}


def _of_metric(
    case: Case, seed: int, sample: Sample, metric: str, drivers_by_runs: dict[bytes, tuple[list[DriverSample], Floats]]
) -> Iterator[tuple[str, str, str, str, float, float, float, int]]:
    """Yield the rows of one metric; drivers and resamples of the same runs are looked up in `drivers_by_runs`."""
    values = sample.rows(metric)
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < ENOUGH or np.ptp(values[known]) == 0:
        return
    key = known.tobytes()
    if key not in drivers_by_runs:
        drivers_by_runs[key] = [*drivers(case, seed, sample.size, known)], resampled(len(known))
    every, counts = drivers_by_runs[key]
    # no date of the model asks for a price
    asked = [one for one in every if not (one.group == "prices" and metric in DATES)]
    found = indices_of(values[known], [one.classes for one in asked], counts)
    for one, share in zip(asked, found, strict=True):
        yield one.id, one.kind, one.name, metric, *share, len(known)


def drivers(case: Case, seed: int, runs: int, chosen: NDArray[np.int64]) -> Iterator[DriverSample]:
    """Yield what is drawn once a project and differs between runs, with the classes of the chosen ones."""
    inputs, factors = case.plan.inputs, _factors(case, seed, 0, runs)
    number = {name: at for at, name in enumerate(inputs.factors)}
    for driver, _ in case.project.risks.active():
        # whether it occurs is the first class, so that its size is compared among the runs in which it does
        occurs, size = (factors[number[f"risk.{driver.id}{end}"], chosen] for end in ("", ".size"))
        yield DriverSample(driver.id, RISK, driver.name, np.where(occurs == 0, 0, 1 + classes(size, occurs != 0)))
    for name, at in number.items():
        group, what = inputs.factor_groups[at], name.partition(".")[2]  # of the name only the words of the label
        if group in WORDS and inputs.tables.kind[inputs.factor_table[at]] != FIXED:
            words = f"{WORDS[group]}: {what.replace('_', ' ').replace('.', ' ')}"
            number_of_class = classes(factors[at, chosen], np.ones(len(chosen), np.bool_))
            yield DriverSample(name, UNCERTAINTY, words, number_of_class, group)


def _factors(case: Case, seed: int, first: int, runs: int) -> Floats:
    """Return what is drawn once a project, shape (factors, runs): again, as the same seed gives what the runs had."""
    inputs = case.plan.inputs
    uniforms = case.draws(seed).uniforms(inputs.factors, first, runs)
    delays = np.zeros((len(inputs.delay_names), runs))  # they are not asked for
    return factors_and_delays(inputs, drawn(inputs.tables, inputs.factor_table, uniforms), delays)[0]


def classes(values: Floats, of: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return in which class each value lies, as many in each: those `of` which it is asked; the others in class 0."""
    count = max(1, min(CLASSES, int(of.sum()) // IN_A_CLASS))
    edges = np.quantile(values[of], np.arange(1, count) / count) if of.any() else np.zeros(0)
    return np.where(of, np.searchsorted(edges, values, side="left"), 0)


def resampled(n: int) -> Floats:
    """Return how often each of n runs counts: once in the first row, in the others as the bootstrap has it."""
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


MOST_CELLS = 4_000_000
"""Runs times classes of a product of matrices: 32 MB."""


def indices_of(y: Floats, numbers: Sequence[NDArray[np.int64]], counts: Floats) -> list[tuple[float, float, float]]:
    """Return the index of several drivers and its interval, each as `index` gives it, in a few products of matrices."""
    y = y - y.mean()  # the difference of squares below would cancel away where the mean is large beside the spread
    n, found = len(y), list[Floats]()
    mean = counts @ y / n
    total = counts @ y**2 / n - mean**2
    numbers = [np.unique(number, return_inverse=True)[1] for number in numbers]
    while numbers:
        sizes = np.array([int(number.max()) + 1 for number in numbers])
        taken = max(1, int(np.searchsorted(sizes.cumsum() * n, MOST_CELLS)))
        found += _ratios(counts, y, numbers[:taken], sizes[:taken], mean, total)
        numbers = numbers[taken:]
    halves = [HALF * float(ratio[1:].std(ddof=1)) for ratio in found]
    return [
        (value, min(max(value - half, 0.0), 1.0), min(max(value + half, 0.0), 1.0))
        for value, half in ((float(ratio[0]), half) for ratio, half in zip(found, halves, strict=True))
    ]


def _ratios(
    weights: Floats,
    y: Floats,
    numbers: Sequence[NDArray[np.int64]],
    sizes: NDArray[np.int64],
    mean: Floats,
    total: Floats,
) -> list[Floats]:
    """Return by driver the correlation ratio without its bias, for each row of weights (how often each run counts)."""
    n, first = len(y), np.cumsum(sizes) - sizes
    member = np.zeros((n, int(sizes.sum())))
    for number, at in zip(numbers, first.tolist(), strict=True):
        member[np.arange(n), at + number] = 1.0
    count = weights @ member
    member *= y[:, None]
    between = np.add.reduceat((weights @ member) ** 2 / np.maximum(count, 1), first, axis=1) / n - mean[:, None] ** 2
    ratio = between / np.where(total > 0, total, 1.0)[:, None]
    # Kelley's epsilon squared: classes explain something by chance alone, about (many - 1) / (n - 1)
    return [*np.asarray(1 - (1 - ratio) * (n - 1) / np.maximum(n - sizes, 1)).T]


# --- control variates -------------------------------------------------------------------------------------------------


CONTROLS = "controls"
MOST_RUNS = 50_000
"""Runs from which on no control is fitted: a mean is known well enough, and the functions would take 100 MB."""
GRID = (np.arange(4096) + 0.5) / 4096
"""Where functions of one uniform number are summed up for their mean (midpoint rule)."""


def controls(case: Case, seed: int, sample: Sample) -> dict[str, Columns]:
    """Return the table of that name: replication, and by metric what control variates explain of it, with mean 0.

    Nothing where there are too few runs, or too many to need it, where runs are stratified, go on from a status, or did not
    all end; metrics of which no input explains much are left out.
    """
    few = not LEAST_RUNS <= sample.size <= MOST_RUNS
    if few or not sample.sampling.is_plain or case.under_way() or sample.having("ok") < sample.size:
        return {}
    metrics = [*directions_of(sample.metrics)]
    y = np.array([sample.rows(metric) for metric in metrics])
    usable = np.isfinite(y).all(axis=1) & (np.ptp(y, axis=1) > 0)
    x = control_functions(case, seed, 0, sample.size)
    if not usable.any() or not len(x):
        return {}
    y, metrics = y[usable], [metric for metric, there in zip(metrics, usable.tolist(), strict=True) if there]
    # metrics have sizes from shares to dollars: all are regressed at once, each in its own spread
    deviation = y.std(axis=1, keepdims=True)
    explained = control_variates(x, (y - y.mean(axis=1, keepdims=True)) / deviation) * deviation
    worth_it = (y - explained).var(axis=1) <= WORTH_IT * y.var(axis=1)
    found = {metric: explained[row] for row, metric in enumerate(metrics) if worth_it[row]}
    return {CONTROLS: {"replication": np.arange(sample.size), **found}} if found else {}


def control_functions(case: Case, seed: int, first: int, runs: int) -> Floats:
    """Return what is regressed on, shape (functions, runs): every shared input and its square, of mean 0 and spread 1.

    An input that depends on another one, such as the size of a risk, is 1 where that one is 0.
    """
    inputs = case.plan.inputs
    grid = drawn(inputs.tables, inputs.factor_table, np.tile(GRID, (len(inputs.factors), 1)))
    found = list[Floats]()
    for at, value in enumerate(_factors(case, seed, first, runs)):
        if inputs.tables.kind[inputs.factor_table[at]] == FIXED:
            continue
        on = int(inputs.only_with[at])
        occurs = 1.0 if on < 0 else float((grid[on] != 0).mean())
        found += _orthonormal_powers(value, grid[at], occurs)
    return np.array(found).reshape(-1, runs)


def _orthonormal_powers(value: Floats, grid: Floats, occurs: float) -> list[Floats]:
    """Return an input and its square, each of mean 0 and standard deviation 1; nothing of one that never differs.

    The two are orthogonal to each other. `grid` are the input's values at even steps of probability; a factor of a risk is 1
    where the risk does not occur, and it occurs with the chance `occurs` (1 for any other input).
    """

    def mean(power: int, middle: float) -> float:
        return occurs * float(((grid - middle) ** power).mean()) + (1 - occurs) * (1 - middle) ** power

    middle = mean(1, 0.0)
    deviation = mean(2, middle) ** 0.5
    if not deviation > 1e-9 * max(abs(middle), 1e-9):
        return []
    standard = (value - middle) / deviation
    skew, kurtosis = mean(3, middle) / deviation**3, mean(4, middle) / deviation**4
    # of two values alone the square is the input itself once more
    rest = kurtosis - 1 - skew**2
    return [standard] if rest < 1e-6 else [standard, (standard**2 - 1 - skew * standard) / rest**0.5]
