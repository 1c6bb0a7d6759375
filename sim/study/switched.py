"""All causes of a project switched off one after the other, as one long case: performed, kept and shared like any other.

Replication number k × runs + r is replication r without the k-th cause; luck is addressed by r alone, so that every
case meets the same. A process prepares a case when it comes to it, and only looks at what is asked of a cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.engine.either import COMPILED, SIMPY, Done, require_same
from sim.study.case import Case
from sim.study.chunk import OK, STALLED, Chunk, Columns, stitched
from sim.study.switching import Cause, Switches


@dataclass(frozen=True)
class Switched:
    """A project without each of these sets of causes in turn, `runs` replications each."""

    of: Case
    seed: int
    off: tuple[tuple[Cause, ...], ...]
    runs: int
    metrics: tuple[str, ...]

    def __getstate__(self) -> dict[str, object]:
        """Travel to another process without what was prepared here."""
        return {name: getattr(self, name) for name in ("of", "seed", "off", "runs", "metrics")}

    @property
    def name(self) -> str:
        """Return the project's name."""
        return self.of.name

    @property
    def days(self) -> int:
        """Return the length of daily curves; none are kept."""
        return 1

    @cached_property
    def _last(self) -> dict[int, Case]:
        """Return the case that is being performed; those before it are let go."""
        return {}

    def case(self, number: int) -> Case:
        """Return the project without the causes of this number, ready to run."""
        if number not in self._last:
            self._last.clear()
            self._last[number] = Switches(self.of, self.seed).without(self.off[number])
        return self._last[number]

    def replicate(self, seed: int, first: int, count: int) -> Chunk:
        """Perform a stretch of replications, which may reach over several cases."""
        parts, at = [], first
        while at < first + count:
            number, replication = divmod(at, self.runs)
            here = min(self.runs - replication, first + count - at)
            parts.append(self._part(self.case(number), seed, replication, range(at, at + here)))
            at += here
        return stitched(parts)

    def _part(self, case: Case, seed: int, replication: int, span: range) -> Chunk:
        """Perform replications of one case and keep what is asked of them."""
        rows: list[list[float]] = []
        status = np.full(len(span), OK, np.int8)
        for at, done in enumerate(case.performed(seed, replication, len(span))):
            if at == 0:
                _check(case, seed, done)
            status[at] = OK if done.performance.stuck is None else STALLED
            metrics, _ = case.glance(done)
            rows.append([metrics[metric] for metric in self.metrics])
        columns = np.array(rows, np.float64).T
        runs: Columns = {"status": status, **dict(zip(self.metrics, columns, strict=True))}
        return Chunk(span.start, runs, {})


def _check(case: Case, seed: int, done: Done) -> None:
    """Have SimPy perform a replication of the compiled engine as well; EnginesDiffer if it is not the same."""
    if case.engine == COMPILED:
        (reference,) = case.performed(seed, done.replication, 1, engine=SIMPY)
        require_same(case.plan, reference, done)
