"""A study in parts, for batch queues: part i of n on each machine, put together afterwards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sim import files
from sim.errors import PartialResults, SimError
from sim.study.chunk import Chunk, Column
from sim.study.resume import ABOUT, Changed, Partial, differences, opened, partial_directory
from sim.study.sample import Sample, gather
from sim.study.spans import missing, worded
from sim.world.sampling import PLAIN, Sampling

RUNS = "runs"


class WrongShard(SimError):
    """A part that does not exist."""

    exit_code = 2


@dataclass(frozen=True)
class Shard:
    """Part `number` (from 1) of `of`."""

    number: int
    of: int

    def part(self, runs: int) -> range:
        """The replications of this part; all parts together are 0 … runs − 1, and differ by one at most."""
        return range(runs * (self.number - 1) // self.of, runs * self.number // self.of)

    def target(self, directory: Path) -> Path:
        """Where this part is kept: `NAME.shard-2-of-4`, beside the result it is for."""
        return directory.with_name(f"{directory.name}.shard-{self.number}-of-{self.of}")


def parse(text: str) -> Shard:
    """Read `2/4`; WrongShard says what is allowed."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise WrongShard(f"--shard {text}: write it like 2/4, part 2 of 4")
    return Shard(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class Parts:
    """The shards of one study on one shelf; each keeps its chunks where they are."""

    shards: list[Partial]

    def put(self, chunk: Chunk) -> None:
        """Nothing is added to parts that are put together."""
        raise NotImplementedError(f"replications {chunk.span} belong to a shard")

    def spans(self) -> list[range]:
        """Which stretches of replications are here."""
        return [span for shard in self.shards for span in shard.spans()]

    def rows(self, span: range) -> Chunk:
        """Status, metrics and notes of a stretch."""
        return self._holder(span).rows(span)

    def curve_names(self) -> list[str]:
        """The names of the curves, sorted."""
        return sorted({name for shard in self.shards for name in shard.curve_names()})

    def curve(self, span: range, name: str) -> Column | None:
        """One curve of a stretch; None where every replication of it failed."""
        return self._holder(span).curve(span, name)

    def _holder(self, span: range) -> Partial:
        """The shard that has a stretch."""
        return next(shard for shard in self.shards if span in shard.spans())


@dataclass(frozen=True)
class Merged:
    """What shards together are: how many replications, of what (`keeping` was told), and the sample of them."""

    parts: Parts
    runs: int
    identity: dict[str, Any]

    @property
    def sampling(self) -> Sampling:
        """How luck was spread."""
        return Sampling.read(self.identity["sampling"]) if "sampling" in self.identity else PLAIN

    @cached_property
    def sample(self) -> Sample:
        """All replications, in order; only now are they read."""
        return gather(self.parts, tuple(self.identity["metrics"]), self.runs, sampling=self.sampling)


def merge(directories: Sequence[Path]) -> Merged:
    """Put the shards in these directories together; `about["runs"]` says how many replications there must be.

    Raises WrongPlace or Damaged for a directory that is no shard, Changed if they are not of one study,
    PartialResults if replications are missing.
    """
    if not directories:
        raise WrongShard("there is nothing to merge: name the shards' directories")
    shards = [opened(_found(directory)) for directory in directories]
    identity, about = shards[0].identity, shards[0].about
    for shard in shards[1:]:
        then, now = {**identity, RUNS: about[RUNS]}, {**shard.identity, RUNS: shard.about[RUNS]}
        if changes := differences(then, now):
            raise Changed(f"{shard.directory} and {shards[0].directory} differ: {'; '.join(changes)}")
    parts, runs = Parts(shards), int(about[RUNS])
    if gaps := missing(parts.spans(), range(runs)):
        raise PartialResults(f"replications {worded(gaps)} of {runs:,} are in none of the shards")
    return Merged(parts, runs, identity)


def _found(directory: Path) -> Path:
    """A shard's chunks, by the directory itself or by the name the shard was given."""
    for place in (directory, partial_directory(directory)):
        if files.exists(place / ABOUT):
            return place
    raise files.WrongPlace(f"{directory}: there is no shard here (no {ABOUT})")
