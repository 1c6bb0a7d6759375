"""A sample: all replications of one case, in order, with the bands of their curves.

A daily curve of many projects as bands: on each day, what one in ten, half, nine in ten have at most.

A band is read day by day and is no project's history: the peak of a P80 band is not the P80 of the peaks.

The numbers people quote: of every metric the mean, P10, P50, P80, P90, and how sure P50 and P80 are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from math import isfinite, isnan, nan
from typing import Any

import numpy as np

from sim.study.chunk import FAILED, STATUS, Chunk, ChunkStore, Column, Columns, Floats, covering
from sim.study.intervals import (
    LEVEL,
    UNKNOWN,
    Interval,
    interval_ranks,
    mean_known,
    quantile,
    quantile_known,
    rank,
    student,
)
from sim.world.streams import PLAIN_MONTE_CARLO, Sampling

# --- bands ------------------------------------------------------------------------------------------------------------


SHARES = {"p5": 0.05, "p10": 0.10, "p20": 0.20, "p50": 0.50, "p80": 0.80, "p90": 0.90, "p95": 0.95}
BOUNDED = ("p10", "p50", "p90")


def bands(curves: Column, blocks: Column | None = None) -> Columns:
    """Quantiles and mean of each day, and the 95 % interval of P10, P50 and P90.

    `curves` is (replications, days); each column of the answer is (days,). Not-a-number where the sample is
    too small for a bound, and everywhere when there is no replication at all. `blocks` is the randomisation of
    each replication where random numbers were stratified (`sim.study.intervals`); None if they are independent.
    """
    return _bands_by_day(curves.T.copy(order="C"), blocks)


SOME_DAYS = 128
"""Days whose running sums are in memory at once."""


def _bands_by_day(by_day: Column, blocks: Column | None) -> Columns:
    """The same of (days, replications), which are sorted where they are: the memory of a second copy is spared."""
    days, n = by_day.shape
    if n == 0:
        nothing = [*SHARES, *(f"{name}_{end}" for name in BOUNDED for end in ("low", "high")), "mean"]
        return {name: np.full(days, np.nan) for name in nothing}
    parts = [] if blocks is None else [np.sort(by_day[:, blocks == block], axis=1) for block in np.unique(blocks)]
    by_day.sort(axis=1)
    found: Columns = {name: by_day[:, rank(share, n) - 1].astype(np.float64) for name, share in SHARES.items()}
    # added up one after the other, so that the digits do not depend on how many days are looked at together
    some = (by_day[day : day + SOME_DAYS] for day in range(0, max(days, 1), SOME_DAYS))
    found["mean"] = np.concatenate([np.cumsum(part, axis=1, dtype=np.float64)[:, -1] for part in some]) / n
    return found | (_scattered(found, parts) if parts else _ranked(by_day))


def _ranked(ordered: Column) -> Columns:
    """The intervals from order statistics, for replications that are independent; `ordered` is (days, n)."""
    days, n = ordered.shape
    found: Columns = {}
    for name in BOUNDED:
        for end, k in zip(("low", "high"), interval_ranks(SHARES[name], n), strict=True):
            found[f"{name}_{end}"] = ordered[:, k - 1].astype(np.float64) if 1 <= k <= n else np.full(days, np.nan)
    return found


def _scattered(found: Columns, parts: list[Column]) -> Columns:
    """The t-intervals of the quantiles of each randomisation, a sorted part, around those of all replications."""
    many, bounds = len(parts), Columns()
    for name in BOUNDED:
        # replications of one randomisation depend on each other, so the scatter of randomisations says how sure the band is
        each = np.array([part[:, rank(SHARES[name], part.shape[1]) - 1] for part in parts], dtype=np.float64)
        scatter = each.std(axis=0, ddof=1) if many > 1 else np.full(len(parts[0]), np.nan)
        # few randomisations: Student's t instead of the normal distribution
        half = student((1 + LEVEL) / 2, max(many - 1, 1)) * scatter / np.sqrt(many)
        bounds |= {f"{name}_low": found[name] - half, f"{name}_high": found[name] + half}
    return bounds


def long_table(named: dict[str, Columns]) -> Columns:
    """The bands of several curves under each other: columns `curve`, `day`, then the statistics."""
    if not named:
        return {"curve": np.array([], dtype=object), "day": np.array([], dtype=np.int64)}
    days = [len(band["mean"]) for band in named.values()]
    table: Columns = {
        "curve": np.repeat(np.array(list(named), dtype=object), days),
        "day": np.concatenate([np.arange(count, dtype=np.int64) for count in days]),
    }
    for statistic in next(iter(named.values())):
        table[statistic] = np.concatenate([band[statistic] for band in named.values()])
    return table


# --- sample -----------------------------------------------------------------------------------------------------------


SLICE_BYTES = 1 << 25
"""Of a curve of all replications that are in memory at once while its bands are worked out, some days at a time."""
RAMP = "mw_online"
"""The curve whose dates are kept of every replication."""
TENTHS = 10
MOST_LEVELS = 200
"""Of the MW whose dates are kept of every replication, beside the tenths."""
ALL_DAYS = slice(None)

Parts = list[tuple[range, slice]]
"""Stretches of replications in a chunk store, and what of each is wanted."""


@dataclass(frozen=True)
class Sample:
    """Replications 0 … n − 1 of one case.

    `runs`: `replication`, `status` ("ok", "stalled", "failed"), then the metrics; a row a replication.
    `curves`: long, `curve`, `day` and the statistics of `bands`. `notes`: why a replication failed.
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
        """The metrics' names, in the order of the columns."""
        return tuple(name for name in self.runs if name not in {"replication", "status"})

    @property
    def size(self) -> int:
        """How many replications there are, whatever became of them."""
        return len(self.runs["replication"])

    def having(self, status: str) -> int:
        """How many replications ended as "ok", "stalled" or "failed"."""
        return int((self.runs["status"] == status).sum())

    def values(self, metric: str) -> Floats:
        """A metric of every replication that has one, in order; those that failed have none."""
        values = self.runs[metric]
        return np.asarray(values[(self.runs["status"] != "failed") & ~np.isnan(values)], dtype=np.float64)

    def rows(self, metric: str) -> Floats:
        """A metric of every replication, in order; not-a-number where there is none."""
        return np.where(self.runs["status"] == "failed", np.nan, self.runs[metric]).astype(np.float64)

    def quantile(self, metric: str, share: float, level: float = LEVEL) -> Interval:
        """A quantile of a metric with the interval that this way of sampling has."""
        return quantile_known(self.rows(metric), share, self.sampling, level)

    def mean(self, metric: str, level: float = LEVEL) -> Interval:
        """The mean of a metric with its interval; not-a-number where a replication is infinite."""
        return mean_known(self.rows(metric), self.sampling, level)


def gather(
    store: ChunkStore, metrics: tuple[str, ...], runs: int, remark: str = "", sampling: Sampling = PLAIN_MONTE_CARLO
) -> Sample:
    """Put the first `runs` replications of a chunk store in order, some days of one curve in memory at a time."""
    parts = list(covering(store.ranges(), range(runs)))
    chunks = [(store.rows(span), part) for span, part in parts]
    table: Columns = {"replication": np.arange(runs, dtype=np.int64)}
    table["status"] = STATUS[_column(chunks, "status")].astype(object)
    table |= {metric: _column(chunks, metric) for metric in metrics}
    if len(table["status"]) != runs:
        raise ValueError(f"{len(table['status'])} of {runs} replications are there")
    notes = {r: text for chunk, _ in chunks for r, text in chunk.notes.items() if r < runs}
    del chunks  # all their rows are in the table now
    sound = table["status"] != STATUS[FAILED]
    blocks = None if sampling.is_plain else (np.arange(runs) // sampling.size)[sound]
    # one piece of memory for all of them: what is freed in such pieces is not all given back to the system
    room = np.empty(SLICE_BYTES, np.uint8)
    named = {name: _bands(store, parts, name, sound, blocks, room) for name in store.curve_names()}
    ramp = _ramp(store, parts, table["replication"][sound], sound) if RAMP in named else {}
    return Sample(table, long_table(named), notes, remark, sampling, ramp)


def reached(curve: Column, most: float, step: float = 0.0) -> Columns:
    """Return per tenth of `most` and per multiple of `step`, named by it, the day on which each replication had so much.

    `curve` is (replications, days) and never falls. Infinite where a replication never has so much. No step: tenths only.
    """
    levels = ramp_levels(most, step)
    wanted = np.array(levels) - 1e-6 * most
    days = np.array([row.searchsorted(wanted) for row in curve], dtype=np.float64).reshape(len(curve), len(levels))
    days[days == curve.shape[1]] = np.inf
    return {f"{level:g}": days[:, column] for column, level in enumerate(levels)}


def ramp_levels(most: float, step: float) -> list[float]:
    """Return the MW whose dates are kept: every tenth, and every block, or every so many where there are too many."""
    if not most > 0:
        return []
    blocks = round(most / step) if step > 0 else 0
    every = max(1, -(-blocks // MOST_LEVELS))
    found = [*(most * k / TENTHS for k in range(1, TENTHS + 1)), *(step * k for k in range(every, blocks + 1, every))]
    return sorted({float(f"{level:g}") for level in found})


def _step(curve: Column) -> float:
    """Return the smallest rise of a curve of MW, of all replications: a block, or what is handed over at once."""
    rises = np.diff(curve, axis=1, prepend=0)
    return float(rises[rises > 0].min(initial=np.inf))


def values_so_far(store: ChunkStore, metric: str, runs: int) -> Floats:
    """A metric of the first `runs` replications in a chunk store, not-a-number for those that failed."""
    chunks = [(store.rows(span), part) for span, part in covering(store.ranges(), range(runs))]
    values, status = _column(chunks, metric), _column(chunks, "status")
    return np.where(status == FAILED, np.nan, values).astype(np.float64)


def divided(found: Sample, runs: int) -> tuple[Sample, ...]:
    """Return the samples of several cases that were run as one, `runs` replications each, numbered from 0."""
    samples = []
    for first in range(0, found.size, runs):
        rows: Columns = {name: column[first : first + runs] for name, column in found.runs.items()}
        rows["replication"] = np.arange(runs, dtype=np.int64)
        notes = {r - first: text for r, text in found.notes.items() if first <= r < first + runs}
        samples.append(Sample(rows, {}, notes))
    return tuple(samples)


def _column(chunks: list[tuple[Chunk, slice]], name: str) -> Column:
    """One column of several chunks in a row."""
    return np.concatenate([chunk.runs[name][part] for chunk, part in chunks])


def _bands(store: ChunkStore, parts: Parts, name: str, sound: Column, blocks: Column | None, room: Column) -> Columns:
    """The bands of one curve, worked out some days at a time: no day's depends on another's."""
    width = max(1, SLICE_BYTES // (4 * max(len(sound), 1)))
    found: list[Columns] = []
    while not found or len(found[-1]["mean"]) == width:
        days = slice(width * len(found), width * (len(found) + 1))
        found.append(_bands_by_day(_curve(store, parts, name, sound, days, room), blocks))
    return {statistic: np.concatenate([part[statistic] for part in found]) for statistic in found[0]}


def _ramp(store: ChunkStore, parts: Parts, replications: Column, sound: Column) -> Columns:
    """When every replication had each tenth of the most megawatts, a stretch of them in memory at a time."""
    curves = partial(_stretches, store, parts, RAMP, sound)
    most = max(float(curve.max(initial=0.0)) for curve in curves())
    step = min((_step(curve) for curve in curves()), default=np.inf)
    found = [reached(curve, most, step if np.isfinite(step) else 0.0) for curve in curves()]
    return {"replication": replications} | {
        level: np.concatenate([days[level] for days in found]) for level in found[0]
    }


def _curve(store: ChunkStore, parts: Parts, name: str, sound: Column, days: slice, room: Column) -> Column:
    """Some days of one curve of the replications that did not fail, (days, replications), in `room` if that is enough."""
    at, by_day = 0, np.empty((0, 0), np.float32)
    for stretch in _stretches(store, parts, name, sound, days):
        if not at:
            size, shape = stretch.shape[1] * int(sound.sum()), (stretch.shape[1], int(sound.sum()))
            needed = size * stretch.itemsize
            enough = room[:needed].view(stretch.dtype) if needed <= len(room) else np.empty(size, stretch.dtype)
            by_day = enough.reshape(shape)
        by_day[:, at : at + len(stretch)] = stretch.T
        at += len(stretch)
    return by_day


def _stretches(store: ChunkStore, parts: Parts, name: str, sound: Column, days: slice = ALL_DAYS) -> Iterator[Column]:
    """Yield some days of one curve of the replications that did not fail, stretch by stretch."""
    for span, part in parts:
        curve = store.curve(span, name)
        if curve is not None:
            yield curve[part, days][sound[span.start + part.start : span.start + part.stop]]


MIDDLE = (0.45, 0.55)
"""Shares of the finish between which a replication is an example of when."""
COMPARED = 1000
"""Replications that an example is compared with, evenly over the sample."""


def representative(sample: Sample, metric: str) -> int:
    """The replication to show as an example: of those with a middle `metric`, the one whose driving chain is typical.

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
    """The candidate whose row differs least from the rows of all; `otherwise` where none is finite."""
    done = usable[np.isfinite(days[usable]).all(axis=1)]
    known = candidates[np.isfinite(days[candidates]).all(axis=1)]
    if len(known) == 0:
        return otherwise
    others = days[done[:: max(1, len(done) // COMPARED)]]
    apart = [float(np.abs(others - days[candidate]).sum()) for candidate in known.tolist()]
    return int(known[int(np.argmin(apart))])


# --- summary ----------------------------------------------------------------------------------------------------------


COLUMNS = ("mean", "p10", "p50", "p80", "p90", "p50_low", "p50_high", "p80_low", "p80_high", "n")
# replications that fail are the long ones, so what is left is too good; beyond this share no P80 is quoted
QUOTABLE_FAILED_SHARE = 0.001
UNQUOTED = ("p80", "p80_low", "p80_high", "p90")


def summary(sample: Sample) -> dict[str, dict[str, float]]:
    """A row a metric, columns as in `COLUMNS`; nothing that failed is averaged.

    The mean is not-a-number where a replication is infinite; P80 and P90 are where over 0.1 % failed.
    """
    quotable = sample.having("failed") <= QUOTABLE_FAILED_SHARE * sample.size
    return {metric: _row(sample, metric, quotable) for metric in sample.metrics}


def _row(sample: Sample, metric: str, quotable: bool) -> dict[str, float]:
    """The numbers of one metric."""
    ordered = np.sort(sample.values(metric))
    p50, p80 = sample.quantile(metric, 0.5), sample.quantile(metric, 0.8)
    row = dict(
        zip(
            COLUMNS,
            (
                sample.mean(metric).value,
                quantile(ordered, 0.1),
                p50.value,
                p80.value,
                quantile(ordered, 0.9),
                p50.low,
                p50.high,
                p80.low,
                p80.high,
                len(ordered),
            ),
            strict=True,
        )
    )
    return row if quotable else row | dict.fromkeys(UNQUOTED, nan)


def of_the_ramp(sample: Sample) -> Columns:
    """A row a tenth of the MW: `mw`, P50 and P80 of the day on which so many were online, with their intervals, and n."""
    most = max((float(name) for name in sample.ramp if name != "replication"), default=0.0)
    levels = [f"{level:g}" for level in ramp_levels(most, 0.0)]
    quotable = sample.having("failed") <= QUOTABLE_FAILED_SHARE * sample.size
    rows = []
    for level in levels:
        days = np.full(sample.size, nan)
        days[sample.ramp["replication"]] = sample.ramp[level]
        p50 = quantile_known(days, 0.5, sample.sampling)
        p80 = quantile_known(days, 0.8, sample.sampling) if quotable else UNKNOWN
        rows.append([float(level), *(part for one in (p50, p80) for part in (one.value, one.low, one.high)), p50.n])
    names = ("mw", "p50", "p50_low", "p50_high", "p80", "p80_low", "p80_high", "n")
    return {name: np.array(column) for name, column in zip(names, [*zip(*rows, strict=True)] or [()] * 8, strict=True)}


def plain(value: Any) -> Any:
    """A value as JSON can hold it: not-a-number is null, the infinite are the texts "inf" and "-inf"."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not isfinite(value):
        return None if isnan(value) else str(value)
    return value


def number(value: float | str | None) -> float:
    """The number behind what `plain` wrote."""
    return nan if value is None else float(value)
