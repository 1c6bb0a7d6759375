"""A sample: all replications of one case, in order, with the bands of their curves.

A daily curve of many projects as bands: on each day, what one in ten, half, nine in ten have at most.

A band is read day by day and is no project's history: the peak of a P80 band is not the P80 of the peaks.

The numbers people quote: of every metric the mean, P10, P50, P80, P90, and how sure P50 and P80 are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import nan

import numpy as np

from sim.metrics.delivery import TENTHS, block_of_curves, days_reached
from sim.study.chunk import FAILED, STATUS, Chunk, ChunkStore, Column, Columns, Floats, covering
from sim.study.executors.worker_process import in_two_forks
from sim.study.statistics.intervals import (
    CONFIDENCE_LEVEL,
    UNKNOWN,
    Interval,
    interval_ranks,
    quantile,
    rank,
    sampled_mean,
    sampled_quantile,
    student,
)
from sim.world.streams import PLAIN_MONTE_CARLO, Sampling

# --- bands ------------------------------------------------------------------------------------------------------------


SHARES = {"p5": 0.05, "p10": 0.10, "p20": 0.20, "p50": 0.50, "p80": 0.80, "p90": 0.90, "p95": 0.95}
BOUNDED = ("p10", "p50", "p90")


def bands(curves: Column, randomisations: Column | None = None) -> Columns:
    """Return quantiles and mean of each day, and the 95 % interval of P10, P50 and P90.

    `curves` is (replications, days); each column of the answer is (days,). Not-a-number where the sample is
    too small for a bound, and everywhere when there is no replication at all. `randomisations` has the number
    of each replication's randomisation if random numbers were stratified (`sim.study.statistics.intervals`), else it is None.
    """
    return _bands_by_day(curves.T.copy(order="C"), randomisations)


SOME_DAYS = 128
"""Days whose running sums are in memory at once."""
RUNS_FOR_FORK = 200
"""Replications from which on half of the bands save more time than another process takes to start."""
MAX_NEW_DAYS = 0.5
"""Share of days that differ from the day before up to which these alone are looked at, in a copy of that size."""


def _bands_by_day(by_day: Column, randomisations: Column | None) -> Columns:
    """Return `bands` of curves of shape (days, replications), which are sorted in place to spare the memory of a copy.

    Most days are as the day before in every replication, long before the project begins or after it is done: they have the
    same bands, and are not sorted once more.
    """
    is_new = np.ones(len(by_day), np.bool_)
    is_new[1:] = (by_day[1:] != by_day[:-1]).any(axis=1)
    if is_new.sum() > MAX_NEW_DAYS * len(by_day):
        return _bands_of_sorted(by_day, randomisations)
    columns = _bands_of_sorted(by_day[is_new], randomisations)
    day_of_bands = np.cumsum(is_new) - 1
    return {name: column[day_of_bands] for name, column in columns.items()}


def _bands_of_sorted(by_day: Column, randomisations: Column | None) -> Columns:
    """Return `bands` of curves of shape (days, replications), sorting them in place."""
    days, n = by_day.shape
    if n == 0:
        names = [*SHARES, *(f"{name}_{end}" for name in BOUNDED for end in ("low", "high")), "mean"]
        return {name: np.full(days, np.nan) for name in names}
    numbers: Column | list[int] = [] if randomisations is None else np.unique(randomisations)
    sorted_parts = [np.sort(by_day[:, randomisations == randomisation], axis=1) for randomisation in numbers]
    by_day.sort(axis=1)
    columns: Columns = {name: by_day[:, rank(share, n) - 1].astype(np.float64) for name, share in SHARES.items()}
    # added up one after the other, so that the digits do not depend on how many days are looked at together
    day_slices = (by_day[day : day + SOME_DAYS] for day in range(0, max(days, 1), SOME_DAYS))
    columns["mean"] = np.concatenate([np.cumsum(part, axis=1, dtype=np.float64)[:, -1] for part in day_slices]) / n
    return columns | (_t_bounds(columns, sorted_parts) if sorted_parts else _order_statistic_bounds(by_day))


def _order_statistic_bounds(ordered: Column) -> Columns:
    """Return 95 % bounds by order statistics for independent replications; `ordered` is (days, replications)."""
    days, n = ordered.shape
    bounds: Columns = {}
    for name in BOUNDED:
        for end, k in zip(("low", "high"), interval_ranks(SHARES[name], n), strict=True):
            bounds[f"{name}_{end}"] = ordered[:, k - 1].astype(np.float64) if 1 <= k <= n else np.full(days, np.nan)
    return bounds


def _t_bounds(columns: Columns, sorted_parts: list[Column]) -> Columns:
    """Return columns of 95 % bounds of each quantile, by Student's t over the randomisations, each a sorted part."""
    count, bounds = len(sorted_parts), Columns()
    for name in BOUNDED:
        # replications of one randomisation depend on each other, so the scatter of randomisations says how sure the band is
        quantiles = np.array(
            [part[:, rank(SHARES[name], part.shape[1]) - 1] for part in sorted_parts], dtype=np.float64
        )
        scatter = quantiles.std(axis=0, ddof=1) if count > 1 else np.full(len(sorted_parts[0]), np.nan)
        # few randomisations: Student's t instead of the normal distribution
        half_width = student((1 + CONFIDENCE_LEVEL) / 2, max(count - 1, 1)) * scatter / np.sqrt(count)
        bounds |= {f"{name}_low": columns[name] - half_width, f"{name}_high": columns[name] + half_width}
    return bounds


def long_table(bands_by_curve: dict[str, Columns]) -> Columns:
    """Return the bands of several curves as one long table: columns `curve`, `day`, then the statistics."""
    if not bands_by_curve:
        return {"curve": np.array([], dtype=object), "day": np.array([], dtype=np.int64)}
    days = [len(band["mean"]) for band in bands_by_curve.values()]
    table: Columns = {
        "curve": np.repeat(np.array(list(bands_by_curve), dtype=object), days),
        "day": np.concatenate([np.arange(count, dtype=np.int64) for count in days]),
    }
    for statistic in next(iter(bands_by_curve.values())):
        table[statistic] = np.concatenate([band[statistic] for band in bands_by_curve.values()])
    return table


# --- sample -----------------------------------------------------------------------------------------------------------


SLICE_BYTES = 1 << 25
"""Bytes of a curve in memory at once while its bands are worked out, some days at a time."""
RAMP = "mw_online"
"""The curve whose dates are kept of every replication."""
ALL_DAYS = slice(None)

Parts = list[tuple[range, slice]]
"""Ranges of replications in a chunk store, and which slice of each is wanted."""


@dataclass(frozen=True)
class Sample:
    """Replications 0 … n − 1 of one case.

    `runs`: `replication`, `status` ("ok", "stalled", "failed"), then the metrics; a row a replication.
    `curves`: long, `curve`, `day` and the statistics of `bands`. `notes`: why a replication failed, or that time ran out.
    `remark`: the stopping rule's remark, if there was one. `sampling`: how random numbers were drawn.
    `ramp`: `replication`, then a column for every tenth of the MW and every block (of many, every so many), named by
    the MW: the day on which so many were online.
    """

    runs: Columns
    curves: Columns
    notes: dict[int, str] = field(default_factory=dict)
    remark: str = ""
    sampling: Sampling = PLAIN_MONTE_CARLO
    ramp: Columns = field(default_factory=dict)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return the metrics' names, in the order of the columns."""
        return tuple(name for name in self.runs if name not in {"replication", "status"})

    @property
    def size(self) -> int:
        """Return how many replications there are, whatever became of them."""
        return len(self.runs["replication"])

    def count_status(self, status: str) -> int:
        """Return how many replications ended as "ok", "stalled" or "failed"."""
        return int((self.runs["status"] == status).sum())

    def values(self, metric: str) -> Floats:
        """Return a metric of every replication that has one, in order; those that failed have none."""
        values = self.runs[metric]
        return np.asarray(values[(self.runs["status"] != "failed") & ~np.isnan(values)], dtype=np.float64)

    def rows(self, metric: str) -> Floats:
        """Return a metric of every replication, in order; not-a-number where there is none."""
        return np.where(self.runs["status"] == "failed", np.nan, self.runs[metric]).astype(np.float64)

    def quantile(self, metric: str, share: float, level: float = CONFIDENCE_LEVEL) -> Interval:
        """Return a quantile of a metric with the interval that this way of sampling has."""
        return sampled_quantile(self.rows(metric), share, self.sampling, level)

    def mean(self, metric: str, level: float = CONFIDENCE_LEVEL) -> Interval:
        """Return the mean of a metric with its interval; not-a-number where a replication is infinite."""
        return sampled_mean(self.rows(metric), self.sampling, level)


OnRuns = Callable[[Sample], object]
"""Is told as soon as the replications are there."""


def gather(
    store: ChunkStore, metrics: tuple[str, ...], runs: int, remark: str = "", sampling: Sampling = PLAIN_MONTE_CARLO,
    workers: int = 1, on_runs: OnRuns | None = None,
) -> Sample:  # fmt: skip
    """Return the first `runs` replications of a chunk store as a sample; of each curve, some days are in memory at a time.

    With two `workers` other processes work on the curves; `on_runs` is called meanwhile, with a sample that has none yet.
    """
    parts = list(covering(store.ranges(), range(runs)))
    chunks = [(store.rows(span), part) for span, part in parts]
    table: Columns = {"replication": np.arange(runs, dtype=np.int64)}
    table["status"] = STATUS[_column(chunks, "status")].astype(object)
    table |= {metric: _column(chunks, metric) for metric in metrics}
    if len(table["status"]) != runs:
        raise ValueError(f"{len(table['status'])} of {runs} replications are there")
    notes = {r: text for chunk, _ in chunks for r, text in chunk.notes.items() if r < runs}
    del chunks  # all their rows are in the table now
    not_failed = table["status"] != STATUS[FAILED]
    randomisations = None if sampling.is_plain else (np.arange(runs) // sampling.size)[not_failed]
    names, bands_of = store.curve_names(), partial(_bands_of_curves, store, parts, not_failed, randomisations)
    wait_for_bands = in_two_forks(bands_of, names, fork=runs >= RUNS_FOR_FORK and workers > 1)
    if on_runs is not None:
        on_runs(Sample(table, {}, notes, remark, sampling))
    bands_by_curve = dict(zip(names, wait_for_bands(), strict=True))
    ramp = _ramp(store, parts, table["replication"][not_failed], not_failed) if RAMP in bands_by_curve else {}
    return Sample(table, long_table(bands_by_curve), notes, remark, sampling, ramp)


def values_so_far(store: ChunkStore, metric: str, runs: int) -> Floats:
    """Return a metric of the first `runs` replications in a chunk store, not-a-number for those that failed."""
    chunks = [(store.rows(span), part) for span, part in covering(store.ranges(), range(runs))]
    values, status = _column(chunks, metric), _column(chunks, "status")
    return np.where(status == FAILED, np.nan, values).astype(np.float64)


def samples_by_case(sample: Sample, runs: int) -> tuple[Sample, ...]:
    """Split replications of several cases that were simulated as one, `runs` each, into samples numbered from 0."""
    samples = []
    for first in range(0, sample.size, runs):
        rows: Columns = {name: column[first : first + runs] for name, column in sample.runs.items()}
        rows["replication"] = np.arange(runs, dtype=np.int64)
        notes = {r - first: text for r, text in sample.notes.items() if first <= r < first + runs}
        samples.append(Sample(rows, {}, notes))
    return tuple(samples)


def _column(chunks: list[tuple[Chunk, slice]], name: str) -> Column:
    """Return one column of several chunks in a row."""
    return np.concatenate([chunk.runs[name][part] for chunk, part in chunks])


def _bands_of_curves(
    store: ChunkStore, parts: Parts, not_failed: Column, randomisations: Column | None, names: Sequence[str]
) -> list[Columns]:
    """Return the bands of some curves, one after the other."""
    # one buffer for all curves: large arrays that are freed are not all given back to the system
    buffer = np.empty(SLICE_BYTES, np.uint8)
    return [_bands(store, parts, name, not_failed, randomisations, buffer) for name in names]


def _bands(
    store: ChunkStore, parts: Parts, name: str, not_failed: Column, randomisations: Column | None, buffer: Column
) -> Columns:
    """Return the bands of one curve, worked out some days at a time: no day depends on another."""
    width = max(1, SLICE_BYTES // (4 * max(len(not_failed), 1)))
    slices: list[Columns] = []
    while not slices or len(slices[-1]["mean"]) == width:
        days = slice(width * len(slices), width * (len(slices) + 1))
        slices.append(_bands_by_day(_curve(store, parts, name, not_failed, days, buffer), randomisations))
    return {statistic: np.concatenate([part[statistic] for part in slices]) for statistic in slices[0]}


def _ramp(store: ChunkStore, parts: Parts, replications: Column, not_failed: Column) -> Columns:
    """Return the day on which each replication had each tenth of the most MW, one chunk in memory at a time."""
    curves = partial(_curve_parts, store, parts, RAMP, not_failed)
    max_mw, step = block_of_curves(curves())
    days_by_part = [days_reached(curve, max_mw, step) for curve in curves()]
    return {"replication": replications} | {
        level: np.concatenate([days_of[level] for days_of in days_by_part]) for level in days_by_part[0]
    }


def _curve(store: ChunkStore, parts: Parts, name: str, not_failed: Column, days: slice, buffer: Column) -> Column:
    """Return some days of one curve of the replications that did not fail, (days, replications), in `buffer` if it fits."""
    filled, by_day = 0, np.empty((0, 0), np.float32)
    for curve_part in _curve_parts(store, parts, name, not_failed, days):
        if not filled:
            shape = curve_part.shape[1], int(not_failed.sum())
            size, memory = shape[0] * shape[1] * curve_part.itemsize, buffer
            if size > len(buffer):
                memory = np.empty(size, buffer.dtype)
            by_day = memory[:size].view(curve_part.dtype).reshape(shape)
        by_day[:, filled : filled + len(curve_part)] = curve_part.T
        filled += len(curve_part)
    return by_day


def _curve_parts(
    store: ChunkStore, parts: Parts, name: str, not_failed: Column, days: slice = ALL_DAYS
) -> Iterator[Column]:
    """Yield some days of one curve of the replications that did not fail, chunk by chunk."""
    for span, part in parts:
        curve = store.curve(span, name)
        if curve is not None:
            yield curve[part, days][not_failed[span.start + part.start : span.start + part.stop]]


MIDDLE = (0.45, 0.55)
"""Quantiles between which a replication's finish counts as typical."""
COMPARED = 1000
"""Replications that a candidate is compared with at most, evenly spaced over the sample."""


def representative(sample: Sample, metric: str) -> int:
    """Return the replication to show as an example: of a middle `metric`, the one whose driving chain is typical.

    Of the replications between P45 and P55 it is the medoid: the one whose days by cause on the driving chain (columns
    `chain_*_days`) differ least, summed, from those of all others that were finished. Without such columns, or where no
    middle one was finished, the one that has the P50. Replication 0 where no replication has that metric.
    """
    values = sample.runs[metric]
    usable = np.flatnonzero((sample.runs["status"] != "failed") & ~np.isnan(values))
    if len(usable) == 0:
        return 0
    order = usable[np.argsort(values[usable], kind="stable")]
    middle_value = values[order[rank(0.5, len(order)) - 1]]
    middle = usable[values[usable] == middle_value]
    chains = [sample.runs[name] for name in sample.runs if name.startswith("chain_")]
    low, high = (values[order[rank(share, len(order)) - 1]] for share in MIDDLE)
    candidates = usable[(values[usable] >= min(low, middle_value)) & (values[usable] <= max(high, middle_value))]
    return _medoid(np.stack(chains, axis=1), candidates, usable, int(middle[0])) if chains else int(middle[0])


def _medoid(days: Floats, candidates: Column, usable: Column, otherwise: int) -> int:
    """Return the candidate whose row has the least total distance to the rows of all; `otherwise` if none is finite."""
    finished = usable[np.isfinite(days[usable]).all(axis=1)]
    finite_candidates = candidates[np.isfinite(days[candidates]).all(axis=1)]
    if len(finite_candidates) == 0:
        return otherwise
    compared = days[finished[:: max(1, len(finished) // COMPARED)]]
    distances = [float(np.abs(compared - days[candidate]).sum()) for candidate in finite_candidates.tolist()]
    return int(finite_candidates[int(np.argmin(distances))])


# --- summary ----------------------------------------------------------------------------------------------------------


COLUMNS = ("mean", "p10", "p50", "p80", "p90", "p50_low", "p50_high", "p80_low", "p80_high", "n")
# replications that fail are the long ones, so what is left is too good; beyond this share no P80 is reported
MAX_FAILED_SHARE = 0.001
INVALID_IF_MANY_FAIL = ("p80", "p80_low", "p80_high", "p90")


def summary(sample: Sample) -> dict[str, dict[str, float]]:
    """Return a row a metric, columns as in `COLUMNS`; nothing that failed is averaged.

    The mean is not-a-number where a replication is infinite; P80 and P90 are where over 0.1 % failed.
    """
    few_failed = sample.count_status("failed") <= MAX_FAILED_SHARE * sample.size
    return {metric: _summary_row(sample, metric, few_failed) for metric in sample.metrics}


def _summary_row(sample: Sample, metric: str, few_failed: bool) -> dict[str, float]:
    """Return the statistics of one metric by name, as in `COLUMNS`; upper percentiles that are not valid are not-a-number."""
    ordered = np.sort(sample.values(metric))
    p50, p80 = sample.quantile(metric, 0.5), sample.quantile(metric, 0.8)
    statistics = (sample.mean(metric).value, quantile(ordered, 0.1), p50.value, p80.value, quantile(ordered, 0.9))
    bounds = (p50.low, p50.high, p80.low, p80.high)
    row = dict(zip(COLUMNS, (*statistics, *bounds, len(ordered)), strict=True))
    return row if few_failed else row | dict.fromkeys(INVALID_IF_MANY_FAIL, nan)


def summarise_ramp(sample: Sample) -> Columns:
    """Return a table, a row a tenth of the MW: `mw`, P50 and P80 of the day it is online, their intervals, and n."""
    names = [name for name in sample.ramp if name != "replication"]
    # a tenth is the stored level next to it: worked out from a rounded name it may be another text
    stored = np.array([float(name) for name in names])
    max_mw = stored.max(initial=0.0)
    tenths = [names[np.abs(stored - max_mw * k / TENTHS).argmin()] for k in range(1, TENTHS + 1) if names]
    few_failed = sample.count_status("failed") <= MAX_FAILED_SHARE * sample.size
    rows = []
    for level in tenths:
        days = np.full(sample.size, nan)
        days[sample.ramp["replication"]] = sample.ramp[level]
        p50 = sampled_quantile(days, 0.5, sample.sampling)
        p80 = sampled_quantile(days, 0.8, sample.sampling) if few_failed else UNKNOWN
        rows.append([float(level), *(part for day in (p50, p80) for part in (day.value, day.low, day.high)), p50.n])
    columns = ("mw", "p50", "p50_low", "p50_high", "p80", "p80_low", "p80_high", "n")
    return {
        name: np.array(column) for name, column in zip(columns, [*zip(*rows, strict=True)] or [()] * 8, strict=True)
    }
