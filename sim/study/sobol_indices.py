"""Sobol indices of what a whole project shares, from the sample of a run itself: which driver decides the date.

The first-order index of a driver is the share of the variance that goes with it: the variance of the mean, given the
driver, over the variance. Runs are put into classes of like values of the driver (those in which a risk did not occur
are one), and the means of the classes are compared: Pearson's correlation ratio, freed of its bias as Kelley (1935)
does. Plischke, Borgonovo and Smith (2013), "Global sensitivity measures from given data", European Journal of
Operational Research 226, is the source of the approach. No further replication is run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.plan.draws import Inputs, shared
from sim.plan.vocabulary import FactorGroup
from sim.study.analyses.switch_off import RISK, UNCERTAINTY
from sim.study.case import Case
from sim.study.chunk import Columns, Floats
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
class Shared:
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
    rows = [row for metric in metrics for row in _of_metric(case, seed, sample, metric)]
    names = ("id", "kind", "name", "metric", "index", "low", "high", "runs")
    kinds = (*[object] * 4, *[np.float64] * 3, np.int64)
    columns = [*zip(*rows, strict=True)] or [()] * len(names)
    table = {name: np.array(column, kind) for name, column, kind in zip(names, columns, kinds, strict=True)}
    return {INDICES: table} if rows else {}


def _of_metric(
    case: Case, seed: int, sample: Sample, metric: str
) -> Iterator[tuple[str, str, str, str, float, float, float, int]]:
    """Yield the rows of one metric."""
    values = sample.rows(metric)
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < ENOUGH or np.ptp(values[known]) == 0:
        return
    y = values[known]
    counts = resampled(len(y))
    for one in drivers(case, seed, sample.size, known):
        if one.group == "prices" and metric in DATES:  # no date of the model asks for a price
            continue
        yield one.id, one.kind, one.name, metric, *index(y, one.classes, counts), len(y)


def drivers(case: Case, seed: int, runs: int, chosen: NDArray[np.int64]) -> Iterator[Shared]:
    """Yield what is drawn once a project and differs between runs, with the classes of the chosen ones."""
    inputs = case.plan.inputs
    drawn_uniforms = case.draws(seed).uniforms(inputs.factors, 0, runs)
    # drawn again, not stored: the same seed gives what the runs had
    factors, _ = shared(inputs, drawn(inputs.tables, inputs.factor_table, drawn_uniforms), _no_delays(inputs, runs))
    number = {name: at for at, name in enumerate(inputs.factors)}
    for driver, _ in case.project.risks.active():
        # whether it occurs is the first class, so that its size is compared among the runs in which it does
        occurs, size = (factors[number[f"risk.{driver.id}{end}"], chosen] for end in ("", ".size"))
        yield Shared(driver.id, RISK, driver.name, np.where(occurs == 0, 0, 1 + classes(size, occurs != 0)))
    for name, at in number.items():
        group, what = inputs.factor_groups[at], name.partition(".")[2]  # of the name only the words of the label
        if group in WORDS and inputs.tables.kind[inputs.factor_table[at]] != FIXED:
            words = f"{WORDS[group]}: {what.replace('_', ' ').replace('.', ' ')}"
            number_of_class = classes(factors[at, chosen], np.ones(len(chosen), np.bool_))
            yield Shared(name, UNCERTAINTY, words, number_of_class, group)


def _no_delays(inputs: Inputs, runs: int) -> Floats:
    """Return delays that are not asked for."""
    return np.zeros((len(inputs.delay_names), runs))


def classes(values: Floats, of: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return in which class each value lies, as many in each: those `of` which it is asked; the others in class 0."""
    count = max(1, min(CLASSES, int(of.sum()) // IN_A_CLASS))
    edges = np.quantile(values[of], np.arange(1, count) / count) if of.any() else np.zeros(0)
    return np.where(of, np.searchsorted(edges, values, side="left"), 0)


def resampled(n: int) -> Floats:
    """Return how often each of n runs counts: once in the first row, in the others as the bootstrap has it."""
    # the same resamples for every driver: their indices then differ by the drivers alone, and a rerun by nothing
    counts = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    return np.concatenate([np.ones((1, n)), counts])


def index(y: Floats, number: NDArray[np.int64], counts: Floats) -> tuple[float, float, float]:
    """Return the share of the variance of y that goes with the class, and its 95 % interval.

    The share itself may come out a little below 0, so that those of drivers without effect add up to nothing.
    """
    _, number = np.unique(number, return_inverse=True)
    found = _ratio(counts, y, number)
    value, half = float(found[0]), HALF * float(found[1:].std(ddof=1))
    return value, min(max(value - half, 0.0), 1.0), min(max(value + half, 0.0), 1.0)


def _ratio(weights: Floats, y: Floats, number: NDArray[np.int64]) -> Floats:
    """Return the correlation ratio without its bias, for each row of weights (how often each run counts)."""
    many, n = int(number.max()) + 1, len(y)
    y = y - y.mean()  # the difference of squares below would cancel away where the mean is large beside the spread
    member = np.eye(many)[number]
    count = weights @ member
    mean = weights @ y / n
    between = ((weights @ (member * y[:, None])) ** 2 / np.maximum(count, 1)).sum(axis=1) / n - mean**2
    total = weights @ y**2 / n - mean**2
    ratio = between / np.where(total > 0, total, 1.0)
    # Kelley's epsilon squared: classes explain something by chance alone, about (many - 1) / (n - 1)
    return np.asarray(1 - (1 - ratio) * (n - 1) / max(n - many, 1))
