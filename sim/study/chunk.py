"""A chunk: a range of consecutive replications of one case, and their results.

Chunks are what travels between processes and what is kept when a run is interrupted; their size never shows in a result.
Beside them: where finished ones wait until the last is there, which ranges are missing, and how many replications make one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from sim.config.sections.contract import DAYS, MILESTONE
from sim.metrics.metric import CANCELLED, ORDERED
from sim.metrics.registry import metric_of

# --- chunk ------------------------------------------------------------------------------------------------------------


Column = npt.NDArray[Any]
Columns = dict[str, Column]
Floats = npt.NDArray[np.float64]
T = TypeVar("T")

OK, STALLED, FAILED = 0, 1, 2
STATUS = np.array(["ok", "stalled", "failed"])


@dataclass(frozen=True)
class Chunk:
    """Replications `first`, `first` + 1, … of one case.

    `runs` holds arrays of one length: `status` (int8: OK, STALLED, FAILED) and every metric (float64).
    `curves` holds arrays (count, days); it may be empty where every replication failed.
    `notes` says why a replication failed, or that time ran out.
    """

    first: int
    runs: Columns
    curves: Columns
    notes: Mapping[int, str] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Callable[..., Chunk], tuple[Any, ...]]:
        """Travel to another process without the last days, on which no curve changes: half of all that is sent."""
        return _restored, (
            self.first,
            self.runs,
            {name: _trimmed(c) for name, c in self.curves.items()},
            self.notes,
        )

    @property
    def count(self) -> int:
        """Return how many replications."""
        return len(self.runs["status"])

    @property
    def span(self) -> range:
        """Return the replications' indices."""
        return range(self.first, self.first + self.count)


DAYS_TOGETHER = 256
"""Days that are compared with the last one at a time."""


def _trimmed(curve: Column) -> tuple[Column, int]:
    """Return the first days of a curve, after which every row stays as it is to the last bit, and how many days it has."""
    curve = np.ascontiguousarray(curve)
    bits, days = curve.view(f"u{curve.itemsize}"), curve.shape[1]
    changing = days
    while changing > 1 and (bits[:, max(changing - DAYS_TOGETHER, 0) : changing] == bits[:, -1:]).all():
        changing = max(changing - DAYS_TOGETHER, 1)
    # and the first of the days that are equal: the one before may still be another
    return curve[:, : changing + 1], days


def _restored(first: int, runs: Columns, curves: Mapping[str, tuple[Column, int]], notes: Mapping[int, str]) -> Chunk:
    """Return a chunk whose curves stay on their last days as they were before."""
    whole: Columns = {}
    for name, (changing, days) in curves.items():
        whole[name] = np.empty((len(changing), days), changing.dtype)
        whole[name][:, : changing.shape[1]] = changing
        whole[name][:, changing.shape[1] :] = changing[:, -1:]
    return Chunk(first, runs, whole, notes)


class CaseLike(Protocol):
    """What a study needs of a case; it must survive the trip to a freshly started process."""

    @property
    def name(self) -> str:
        """The case's name, e.g. "hybrid"."""

    @property
    def days(self) -> int:
        """Length of the daily curves."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics' names, in the order of the columns."""

    def simulate_chunk(self, seed: int, first: int, count: int) -> Chunk:
        """Run replications `first` to `first + count - 1`."""


def failed(span: range, metrics: tuple[str, ...], note: str) -> Chunk:
    """Return rows for replications that could not be run: no numbers, and the reason."""
    runs: Columns = {"status": np.full(len(span), FAILED, dtype=np.int8)}
    runs |= {metric: np.full(len(span), np.nan) for metric in metrics}
    return Chunk(span.start, runs, {}, dict.fromkeys(span, note))


def validated(chunk: Chunk, replications: range, case: CaseLike) -> Chunk:
    """Return the chunk in the types in which it is stored (curves as float32); ValueError if it is not the chunk asked for.

    A metric of a finished replication that is not a finite number is an error as well: the replication becomes a failed row
    that names the metric, where it would have turned every mean into not-a-number. Where nothing is ordered, what is said
    of orders is not known, and a milestone of a contract may never be reached: that is no error.
    """
    if chunk.span != replications or set(chunk.runs) != {"status", *case.metrics}:
        raise ValueError(
            f"{case.name} was asked for replications {replications} of {case.metrics}, and gave "
            f"{chunk.span} of {tuple(chunk.runs)}"
        )
    # float32 halves what a study keeps; curves are only drawn and banded, metrics stay exact
    runs: Columns = {"status": np.asarray(chunk.runs["status"], dtype=np.int8)}
    runs |= {metric: np.asarray(chunk.runs[metric], dtype=np.float64) for metric in case.metrics}
    curves: Columns = {name: np.asarray(c, dtype=np.float32) for name, c in chunk.curves.items()}
    if any(column.shape != (len(replications),) for column in runs.values()):
        raise ValueError(f"{case.name}: a column of replications {replications} has another length")
    if any(curve.shape != (len(replications), case.days) for curve in curves.values()):
        raise ValueError(
            f"{case.name}: a curve of replications {replications} is not {len(replications)} x {case.days}"
        )
    if unsound := not_finite(runs, case.metrics):
        raise ValueError(f"not a finite number in a finished run: {', '.join(unsound)}")
    return Chunk(replications.start, runs, curves, dict(chunk.notes))


def not_finite(runs: Columns, metrics: Iterable[str]) -> list[str]:
    """Return the metrics that are not a finite number in a finished replication, unless nothing is ordered in it.

    The day of a contract's milestone may be infinite: a run can be finished without it (MW that nobody needs).
    """
    finished = runs["status"] == OK
    nothing = runs[ORDERED] <= runs[CANCELLED] if {ORDERED, CANCELLED} <= runs.keys() else np.zeros_like(finished)

    def is_sound(metric: str) -> bool:
        values, row = runs[metric][finished], metric_of(metric)
        may_be_unknown = nothing[finished] & (row is not None and row.of_orders)
        may_be_never = metric.startswith(MILESTONE) and metric.endswith(DAYS)
        is_never = np.isposinf(values) & may_be_never
        return bool((np.isfinite(values) | (np.isnan(values) & may_be_unknown) | is_never).all())

    return [metric for metric in metrics if not is_sound(metric)]


def concatenated(chunks: list[Chunk]) -> Chunk:
    """Return consecutive chunks as one, whether all of them have curves or not."""
    runs: Columns = {name: np.concatenate([chunk.runs[name] for chunk in chunks]) for name in chunks[0].runs}
    # a chunk whose replications all failed has no curves: it is filled up with not-a-number
    days_by_curve = {name: curve.shape[1] for chunk in chunks for name, curve in chunk.curves.items()}
    curves: Columns = {
        name: np.concatenate(
            [chunk.curves.get(name, np.full((chunk.count, days), np.nan, np.float32)) for chunk in chunks]
        )
        for name, days in days_by_curve.items()
    }
    return Chunk(
        chunks[0].first,
        runs,
        curves,
        {replication: note for chunk in chunks for replication, note in chunk.notes.items()},
    )


# --- chunk stores -----------------------------------------------------------------------------------------------------


class ChunkStore(Protocol):
    """Where finished chunks are stored: in memory or on the disk."""

    def put(self, chunk: Chunk) -> None:
        """Keep a chunk."""

    def ranges(self) -> list[range]:
        """Which stretches of replications are here."""

    def rows(self, span: range) -> Chunk:
        """Status, metrics and notes of a stretch, without its curves."""

    def curve_names(self) -> list[str]:
        """The names of the curves, sorted."""

    def curve(self, span: range, name: str) -> Column | None:
        """One curve of a stretch; None where every replication of it failed."""


class InMemoryStore:
    """Chunks in memory: for a run that keeps nothing."""

    def __init__(self) -> None:
        self._chunks: dict[range, Chunk] = {}

    def put(self, chunk: Chunk) -> None:
        """Keep a chunk."""
        self._chunks[chunk.span] = chunk

    def ranges(self) -> list[range]:
        """Which stretches of replications are here."""
        return list(self._chunks)

    def rows(self, span: range) -> Chunk:
        """Status, metrics and notes of a stretch."""
        return self._chunks[span]

    def curve_names(self) -> list[str]:
        """Return the names of the curves, sorted."""
        return sorted({name for chunk in self._chunks.values() for name in chunk.curves})

    def curve(self, span: range, name: str) -> Column | None:
        """Return one curve of a stretch; None where every replication of it failed."""
        return self._chunks[span].curves.get(name)


class StoreView:
    """A range of replications of another store, numbered from 0: the part that belongs to one of several studies."""

    def __init__(self, store: ChunkStore, first: int, count: int) -> None:
        self.store = store
        self._stretch = range(first, first + count)

    def put(self, chunk: Chunk) -> None:
        """Keep a chunk."""
        first = self._stretch.start
        notes = {replication + first: note for replication, note in chunk.notes.items()}
        self.store.put(Chunk(chunk.first + first, chunk.runs, chunk.curves, notes))

    def ranges(self) -> list[range]:
        """Which stretches of replications are here."""
        here = (span for span in self.store.ranges() if span.start in self._stretch and span.stop <= self._stretch.stop)
        return [range(span.start - self._stretch.start, span.stop - self._stretch.start) for span in here]

    def rows(self, span: range) -> Chunk:
        """Status, metrics and notes of a stretch."""
        first, found = self._stretch.start, self.store.rows(self._there(span))
        notes = {replication - first: note for replication, note in found.notes.items()}
        return Chunk(span.start, found.runs, found.curves, notes)

    def curve_names(self) -> list[str]:
        """Return the names of the curves, sorted."""
        return self.store.curve_names()

    def curve(self, span: range, name: str) -> Column | None:
        """Return one curve of a stretch; None where every replication of it failed."""
        return self.store.curve(self._there(span), name)

    def _there(self, span: range) -> range:
        return range(span.start + self._stretch.start, span.stop + self._stretch.start)


# --- spans ------------------------------------------------------------------------------------------------------------


def missing(stored: Iterable[range], requested: range) -> list[range]:
    """Return the ranges of `requested` that are in none of the `stored` ranges, in order."""
    missing_ranges, position = [], requested.start
    for span in sorted(stored, key=lambda span: span.start):
        if position < min(span.start, requested.stop):
            missing_ranges.append(range(position, min(span.start, requested.stop)))
        position = max(position, span.stop)
    if position < requested.stop:
        missing_ranges.append(range(position, requested.stop))
    return missing_ranges


def covering(stored: Iterable[range], requested: range) -> Iterator[tuple[range, slice]]:
    """Yield each stored range that is needed to cover `requested` once, with the slice of it to use."""
    position = requested.start
    # the longest of those that begin together first: after a retry stretches may overlap
    for span in sorted(stored, key=lambda span: (span.start, -len(span))):
        start, stop = max(position, span.start), min(span.stop, requested.stop)
        if start < stop:
            yield span, slice(start - span.start, stop - span.start)
            position = stop


def count_replications(ranges: Iterable[range]) -> int:
    """Return how many replications they are."""
    return sum(len(span) for span in ranges)


def format_ranges(ranges: Iterable[range]) -> str:
    """For people: "0-63, 128, 200-255"."""
    return ", ".join(f"{s.start}-{s.stop - 1}" if len(s) > 1 else f"{s.start}" for s in ranges)


class PendingRanges:
    """What is still to be handed out, in order, in pieces of any size."""

    def __init__(self, ranges: Iterable[range]) -> None:
        # the next one last, where a list gives and takes at no cost
        self._spans = list(reversed(list(ranges)))

    @property
    def count(self) -> int:
        """Return how many replications are left."""
        return count_replications(self._spans)

    def take(self, size: int) -> range:
        """Return the next `size` replications, fewer at a gap; there must be some left."""
        span = self._spans.pop()
        if len(span) > size:
            self._spans.append(range(span.start + size, span.stop))
        return range(span.start, min(span.stop, span.start + size))

    def put_back(self, span: range) -> None:
        """Hand a piece back; it is the next to be taken."""
        self._spans.append(span)


# --- batches ---------------------------------------------------------------------------------------------------------


BATCH = 8
"""So many replications are run before they are measured, of a plan of up to `STEPS` steps; fewer where logs are long."""
STEPS = 60_000


def in_batches(replications: Iterator[T], steps: int) -> Iterator[T]:
    """Yield replications, simulated in batches: simulating and measuring each find their own data in the processor's cache.

    Replications that were yielded are not held on to: the next ones are simulated in their memory.
    """
    while batch := deque(islice(replications, max(1, BATCH * STEPS // max(STEPS, steps)))):
        while batch:
            yield batch.popleft()


# --- pace -------------------------------------------------------------------------------------------------------------


CHUNK_SECONDS = 1.0
MANY_WORKERS = 16
"""So many workers' chunks a second cost a cluster's scheduler 2 % of a core, and who collects them too, measured."""
FIRST_CHUNK_SIZE = 1
"""A chunk while nothing is known: the first replications are run by both engines, so one worker should not have them all."""
MAX_CHUNK_SPLIT = 10
"""Into how many parts a full chunk is divided at most near the end, so that workers finish at nearly the same time."""
MAX_CHUNK_SIZE = 250
"""Of the smallest projects a second is a thousand, whose curves and copies of them would be most of a process's memory."""


def chunk_seconds(workers: int) -> float:
    """Return how long a chunk is to take: longer with very many workers, all of whose chunks one process collects."""
    return CHUNK_SECONDS * max(1.0, workers / MANY_WORKERS)


class ChunkSizer:
    """Learns from finished chunks; it decides how work is cut up, which no result can show."""

    def __init__(self, chunk: int | None = None) -> None:
        self.fixed = chunk
        self.seconds_each: float | None = None
        self._began = time.perf_counter()
        self._done = 0

    def learn(self, count: int, seconds: float) -> None:
        """Take note of a finished chunk."""
        self._done += count
        if seconds > 0:
            # the latest counts, not the mean: a worker's first chunk includes its warming up
            self.seconds_each = seconds / count

    def size(self, remaining: int, workers: int) -> int:
        """Return how many replications the next chunk is to have, so that all workers finish together."""
        if self.fixed:
            return self.fixed
        if self.seconds_each is None:
            return FIRST_CHUNK_SIZE
        full = chunk_seconds(workers) / self.seconds_each
        share = -(-remaining // max(workers, 1))
        # half a share each: the second half evens out workers of different speed at the end, in chunks worth their collection
        half_share = max(-(-share // 2), min(share, round(full / MAX_CHUNK_SPLIT)))
        return max(1, min(round(full), half_share, MAX_CHUNK_SIZE))

    def seconds_left(self, left: int) -> float | None:
        """Return how long what is left will take at the pace so far; None before anything is finished."""
        if not self._done:
            return None
        return (time.perf_counter() - self._began) / self._done * left
