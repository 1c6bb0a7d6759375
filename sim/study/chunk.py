"""A chunk: a stretch of consecutive replications of one case, and what came out of them.

Chunks are what travels between processes and what is kept when a run is interrupted; their size never shows
in a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]
Columns = dict[str, Column]
Floats = npt.NDArray[np.float64]

OK, STALLED, FAILED = 0, 1, 2
STATUS = np.array(["ok", "stalled", "failed"])


@dataclass(frozen=True)
class Chunk:
    """Replications `first`, `first` + 1, … of one case.

    `runs` holds arrays of one length: `status` (int8: OK, STALLED, FAILED) and every metric (float64).
    `curves` holds arrays (count, days); it may be empty where every replication failed.
    `notes` says why a replication failed.
    """

    first: int
    runs: Columns
    curves: Columns
    notes: Mapping[int, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many replications."""
        return len(self.runs["status"])

    @property
    def span(self) -> range:
        """The replications' indices."""
        return range(self.first, self.first + self.count)


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

    def replicate(self, seed: int, first: int, count: int) -> Chunk:
        """Perform replications `first` to `first + count - 1`."""


def failed(span: range, metrics: tuple[str, ...], note: str) -> Chunk:
    """Rows for replications that could not be performed: no numbers, and the reason."""
    runs: Columns = {"status": np.full(len(span), FAILED, dtype=np.int8)}
    runs |= {metric: np.full(len(span), np.nan) for metric in metrics}
    return Chunk(span.start, runs, {}, dict.fromkeys(span, note))


def tidy(chunk: Chunk, span: range, case: CaseLike) -> Chunk:
    """The chunk in the types it is kept in (curves as float32); a ValueError if it is not what was asked."""
    if chunk.span != span or set(chunk.runs) != {"status", *case.metrics}:
        raise ValueError(
            f"{case.name} was asked for replications {span} of {case.metrics}, and gave "
            f"{chunk.span} of {tuple(chunk.runs)}"
        )
    runs: Columns = {"status": np.asarray(chunk.runs["status"], dtype=np.int8)}
    runs |= {metric: np.asarray(chunk.runs[metric], dtype=np.float64) for metric in case.metrics}
    curves: Columns = {name: np.asarray(c, dtype=np.float32) for name, c in chunk.curves.items()}
    if any(column.shape != (len(span),) for column in runs.values()):
        raise ValueError(f"{case.name}: a column of replications {span} has another length")
    if any(curve.shape != (len(span), case.days) for curve in curves.values()):
        raise ValueError(f"{case.name}: a curve of replications {span} is not {len(span)} x {case.days}")
    return Chunk(span.start, runs, curves, dict(chunk.notes))


def stitched(chunks: list[Chunk]) -> Chunk:
    """Neighbouring chunks as one, whether all of them have curves or not."""
    runs: Columns = {name: np.concatenate([c.runs[name] for c in chunks]) for name in chunks[0].runs}
    named = {name: curve.shape[1] for c in chunks for name, curve in c.curves.items()}
    curves: Columns = {
        name: np.concatenate([c.curves.get(name, np.full((c.count, days), np.nan, np.float32)) for c in chunks])
        for name, days in named.items()
    }
    return Chunk(chunks[0].first, runs, curves, {r: note for c in chunks for r, note in c.notes.items()})
