"""All points of a study as one long case, so that it is performed, kept and resumed like any other.

Replication number p × runs + r is replication r of point p; luck is addressed by r alone, so every point meets
the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.errors import CheckFailed, SimError
from sim.study.case import Case
from sim.study.chunk import Chunk, Columns, failed, stitched
from sim.study.design import Config, Design, Point
from sim.study.running import laid_out

KEPT = 2
"""Prepared points a process keeps: the one under way and the one before, which the next chunk may still need."""


@dataclass(frozen=True)
class Swept:
    """A study as a case: its points one after the other, `runs` replications each."""

    design: Design
    points: tuple[Point, ...]
    runs: int
    metrics: tuple[str, ...]

    def __getstate__(self) -> dict[str, object]:
        """Travel to another process without what was prepared here."""
        return {"design": self.design, "points": self.points, "runs": self.runs, "metrics": self.metrics}

    @property
    def name(self) -> str:
        """The study's name."""
        return self.design.study.name

    @property
    def days(self) -> int:
        """Length of daily curves; a study keeps none."""
        return 1

    @cached_property
    def _cases(self) -> dict[int, Case]:
        """The points prepared last."""
        return {}

    def keep(self, prepared: Mapping[int, Case]) -> None:
        """Take points that are prepared already."""
        self._cases.update(prepared)

    def case(self, point: int) -> Case:
        """A point ready to be run."""
        if point not in self._cases:
            while len(self._cases) >= KEPT:
                del self._cases[next(iter(self._cases))]
            self._cases[point] = ready(self.design.config(self.points[point]))
        return self._cases[point]

    def _is_ready(self, point: int) -> bool:
        """Whether a point could be prepared, so that what went wrong is one replication's."""
        return point in self._cases

    def replicate(self, seed: int, first: int, count: int) -> Chunk:
        """Perform a stretch of replications, which may reach over several points."""
        parts, at = [], first
        while at < first + count:
            point, replication = divmod(at, self.runs)
            here = min(self.runs - replication, first + count - at)
            parts.append(self._part(seed, point, replication, range(at, at + here)))
            at += here
        return stitched(parts)

    def _part(self, seed: int, point: int, replication: int, span: range) -> Chunk:
        """Perform replications of one point; those it cannot perform are failed rows with the reason.

        One point must not end the others; but two engines that differ must.
        """
        try:
            found = self.case(point).replicate(seed, replication, len(span))
        except CheckFailed:
            raise
        except SimError as error:
            if len(span) == 1 or not self._is_ready(point):
                return failed(span, self.metrics, str(error))
            return stitched([self._part(seed, point, replication + at, span[at : at + 1]) for at in range(len(span))])
        nothing = np.full(len(span), np.nan)
        runs: Columns = {"status": found.runs["status"]}
        runs |= {metric: found.runs.get(metric, nothing) for metric in self.metrics}
        return Chunk(span.start, runs, {}, {r - replication + span.start: text for r, text in found.notes.items()})


def swept(design: Design, points: Sequence[Point], runs: int) -> Swept:
    """A study ready to be run; its metrics are those of all its configurations."""
    known: dict[str, None] = {}
    prepared: dict[int, Case] = {}
    for base in range(len(design.bases)):
        first = next(number for number, point in enumerate(points) if point.base == base)
        try:
            prepared[first] = ready(design.config(points[first]))
            known |= dict.fromkeys(prepared[first].metrics)
        except SimError:  # a row of its own in the table; its base has the same metrics
            known |= dict.fromkeys(ready(design.bases[base]).metrics)
    found = Swept(design, tuple(points), runs, tuple(known))
    found.keep(prepared)
    return found


def ready(config: Config) -> Case:
    """A configuration ready to be run by the fastest engine there is."""
    return laid_out(config, "mc", 0)
