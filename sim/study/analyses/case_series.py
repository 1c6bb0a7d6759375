"""Several cases one after the other as one long case, so that they are run, kept and resumed like any other.

Replication number k × runs + r is replication r of the k-th case. Random numbers are addressed by r alone, so all
cases meet the same ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import cached_property

from sim.study.case import Case
from sim.study.chunk import Chunk, concatenated

KEPT = 2
"""Prepared cases a process keeps: the one under way and the one before, which the next chunk may still need."""


@dataclass(frozen=True)
class CaseSeries(ABC):
    """A series of cases with `runs` replications each, of which these metrics are kept; see `CaseLike`."""

    runs: int
    metrics: tuple[str, ...]

    def __getstate__(self) -> dict[str, object]:
        """Travel to another process without the cases that were prepared here."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the series."""

    @property
    def days(self) -> int:
        """Length of daily curves; a series keeps none."""
        return 1

    @cached_property
    def prepared(self) -> dict[int, Case]:
        """The cases prepared last, by their number."""
        return {}

    def case(self, number: int) -> Case:
        """One case of the series, ready to be run."""
        if number not in self.prepared:
            while len(self.prepared) >= KEPT:
                del self.prepared[next(iter(self.prepared))]
            self.prepared[number] = self.prepare(number)
        return self.prepared[number]

    @abstractmethod
    def prepare(self, number: int) -> Case:
        """Make one case of the series ready to be run."""

    @abstractmethod
    def simulate_part(self, number: int, seed: int, replication: int, span: range) -> Chunk:
        """Run replications of one case, from `replication` on; `span` are their numbers in the series."""

    def simulate_chunk(self, seed: int, first: int, count: int) -> Chunk:
        """Run a range of replications, which may reach over several cases."""
        parts, at = [], first
        while at < first + count:
            number, replication = divmod(at, self.runs)
            here = min(self.runs - replication, first + count - at)
            parts.append(self.simulate_part(number, seed, replication, range(at, at + here)))
            at += here
        return concatenated(parts)
