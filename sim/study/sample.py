"""A sample: all replications of one case, in order, with the bands of their curves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from sim.study.bands import bands, long_table
from sim.study.chunk import FAILED, STATUS, Chunk, Column, Columns, Floats
from sim.study.intervals import LEVEL, Interval, rank
from sim.study.randomised import mean_known, quantile_known
from sim.study.shelf import Shelf
from sim.study.spans import pieces
from sim.world.sampling import PLAIN, Sampling

SLICE_BYTES = 1 << 25
"""Of a curve of all replications that are in memory at once while its bands are worked out, some days at a time."""
RAMP = "mw_online"
"""The curve whose dates are kept of every replication."""
TENTHS = 10
ALL_DAYS = slice(None)

Parts = list[tuple[range, slice]]
"""Stretches of replications on a shelf, and what of each is wanted."""


@dataclass(frozen=True)
class Sample:
    """Replications 0 … n − 1 of one case.

    `runs`: `replication`, `status` ("ok", "stalled", "failed"), then the metrics; a row a replication.
    `curves`: long, `curve`, `day` and the statistics of `bands`. `notes`: why a replication failed.
    `remark`: what the stopping rule has to say, if there was one. `sampling`: how its luck was spread.
    `ramp`: `replication`, then a column for every tenth of the MW, named by the MW: the day on which so many were online.
    """

    runs: Columns
    curves: Columns
    notes: dict[int, str] = field(default_factory=dict)
    remark: str = ""
    sampling: Sampling = PLAIN
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


def gather(shelf: Shelf, metrics: tuple[str, ...], runs: int, remark: str = "", sampling: Sampling = PLAIN) -> Sample:
    """Put the first `runs` replications of a shelf in order, some days of one curve in memory at a time."""
    parts = list(pieces(shelf.spans(), range(runs)))
    chunks = [(shelf.rows(span), part) for span, part in parts]
    table: Columns = {"replication": np.arange(runs, dtype=np.int64)}
    table["status"] = STATUS[_column(chunks, "status")].astype(object)
    table |= {metric: _column(chunks, metric) for metric in metrics}
    if len(table["status"]) != runs:
        raise ValueError(f"{len(table['status'])} of {runs} replications are there")
    sound = table["status"] != STATUS[FAILED]
    blocks = None if sampling.is_plain else (np.arange(runs) // sampling.size)[sound]
    named = {name: _bands(shelf, parts, name, sound, blocks) for name in shelf.curve_names()}
    ramp = _ramp(shelf, parts, table["replication"][sound], sound) if RAMP in named else {}
    notes = {r: text for chunk, _ in chunks for r, text in chunk.notes.items() if r < runs}
    return Sample(table, long_table(named), notes, remark, sampling, ramp)


def reached(curve: Column, most: float) -> Columns:
    """Return per tenth of `most`, named by it, the day on which each replication had so much.

    `curve` is (replications, days) and never falls. Infinite where a replication never has so much.
    """
    levels = [most * k / TENTHS for k in range(1, TENTHS + 1)] if most > 0 else []
    there = ((level, curve >= level - 1e-6 * most) for level in levels)
    return {f"{level:g}": np.where(has[:, -1], has.argmax(axis=1), np.inf) for level, has in there}


def values_so_far(shelf: Shelf, metric: str, runs: int) -> Floats:
    """A metric of the first `runs` replications on a shelf, not-a-number for those that failed."""
    chunks = [(shelf.rows(span), part) for span, part in pieces(shelf.spans(), range(runs))]
    values, status = _column(chunks, metric), _column(chunks, "status")
    return np.where(status == FAILED, np.nan, values).astype(np.float64)


def divided(found: Sample, runs: int) -> tuple[Sample, ...]:
    """Return the samples of several cases that were performed as one, `runs` replications each, numbered from 0."""
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


def _bands(shelf: Shelf, parts: Parts, name: str, sound: Column, blocks: Column | None) -> Columns:
    """The bands of one curve, worked out some days at a time: no day's depends on another's."""
    width = max(1, SLICE_BYTES // (4 * max(len(sound), 1)))
    found: list[Columns] = []
    while not found or len(found[-1]["mean"]) == width:
        days = slice(width * len(found), width * (len(found) + 1))
        found.append(bands(_curve(shelf, parts, name, sound, days), blocks))
    return {statistic: np.concatenate([part[statistic] for part in found]) for statistic in found[0]}


def _ramp(shelf: Shelf, parts: Parts, replications: Column, sound: Column) -> Columns:
    """When every replication had each tenth of the most megawatts, a stretch of them in memory at a time."""
    curves = partial(_stretches, shelf, parts, RAMP, sound)
    most = max(float(curve.max(initial=0.0)) for curve in curves())
    found = [reached(curve, most) for curve in curves()]
    return {"replication": replications} | {
        level: np.concatenate([days[level] for days in found]) for level in found[0]
    }


def _curve(shelf: Shelf, parts: Parts, name: str, sound: Column, days: slice) -> Column:
    """Some days of one curve of the replications that did not fail, (replications, days)."""
    return np.concatenate(list(_stretches(shelf, parts, name, sound, days)))


def _stretches(shelf: Shelf, parts: Parts, name: str, sound: Column, days: slice = ALL_DAYS) -> Iterator[Column]:
    """Yield some days of one curve of the replications that did not fail, stretch by stretch."""
    for span, part in parts:
        curve = shelf.curve(span, name)
        if curve is not None:
            yield curve[part, days][sound[span.start + part.start : span.start + part.stop]]


def representative(sample: Sample, metric: str) -> int:
    """The replication to show as an example: the one that has the P50 of `metric`, the first if several do.

    Replication 0 where no replication has that metric.
    """
    values = sample.runs[metric]
    usable = np.flatnonzero((sample.runs["status"] != "failed") & ~np.isnan(values))
    if len(usable) == 0:
        return 0
    order = usable[np.argsort(values[usable], kind="stable")]
    middle = values[order[rank(0.5, len(order)) - 1]]
    return int(usable[values[usable] == middle][0])
