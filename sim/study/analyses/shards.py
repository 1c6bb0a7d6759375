"""A study in parts (shards), for batch queues: part i of n on each machine, merged afterwards.

The machines need not know of each other: replications are numbered, and random numbers depend on seed and number
only, so merged parts are the undivided run, byte by byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from sim import files
from sim.config.project import Project
from sim.engine.backends import AUTO
from sim.errors import PartialResults, SimError
from sim.study.api import RUNS, SEED, Config, cores, result_of
from sim.study.case import prepare_case
from sim.study.chunk import Chunk, Column, format_ranges, missing
from sim.study.executors.memory_estimate import require_memory
from sim.study.result import Result, identity, write_result
from sim.study.runner import ReportProgress, run_range
from sim.study.sample import Sample, gather
from sim.study.storage.checkpoint import (
    RUN_DOCUMENT,
    Changed,
    Checkpoint,
    checkpoint_directory,
    differences,
    open_checkpoint,
    read_checkpoint,
)
from sim.study.storage.input_files import InputFiles, copy_files, files_beside, input_files, stored_config
from sim.study.storage.output_directory import output_lock
from sim.study.storage.result_schema import require_part, require_rows
from sim.study.storage.results import RESULT, require_place
from sim.study.storage.sealed_files import json_value
from sim.world.streams import PLAIN_MONTE_CARLO, Sampling

# --- shards -----------------------------------------------------------------------------------------------------------


RUNS_KEY = "runs"


class WrongShard(SimError):
    """A part that does not exist."""

    exit_code = 2


@dataclass(frozen=True)
class Shard:
    """Part `number` (from 1) of `of`."""

    number: int
    of: int

    def part(self, runs: int) -> range:
        """Return the replications of this part; all parts together are 0 … runs − 1, and differ by one at most."""
        return range(runs * (self.number - 1) // self.of, runs * self.number // self.of)

    def target(self, directory: Path) -> Path:
        """Return where this part is kept: `NAME.shard-2-of-4`, beside the result it is for."""
        return directory.with_name(f"{directory.name}.shard-{self.number}-of-{self.of}")


def parse(text: str) -> Shard:
    """Read `2/4`; WrongShard says what is allowed."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise WrongShard(f"--shard {text}: write it like 2/4, part 2 of 4")
    return Shard(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class Parts:
    """The shards of one study as one chunk store; each keeps its chunks where they are."""

    shards: list[Checkpoint]

    def put(self, chunk: Chunk) -> None:
        """Nothing is added to parts that are put together."""
        raise NotImplementedError(f"replications {chunk.span} belong to a shard")

    def ranges(self) -> list[range]:
        """Which stretches of replications are here."""
        return [span for shard in self.shards for span in shard.ranges()]

    def rows(self, span: range) -> Chunk:
        """Status, metrics and notes of a stretch; Damaged if they are none of this run."""
        holder = self._holder(span)
        chunk = holder.rows(span)
        require_rows(chunk.runs, holder.identity["metrics"], len(span), f"{holder.directory}: replications {span}")
        return chunk

    def curve_names(self) -> list[str]:
        """Return the names of the curves, sorted."""
        return sorted({name for shard in self.shards for name in shard.curve_names()})

    def curve(self, span: range, name: str) -> Column | None:
        """Return one curve of a stretch; None where every replication of it failed."""
        return self._holder(span).curve(span, name)

    def input_files(self) -> InputFiles:
        """Return the files that the study is simulated with, from any shard that has a copy."""
        found = (files_beside(shard.directory, shard.identity) for shard in self.shards)
        return {name: path for files_of_shard in found for name, path in files_of_shard.items()}

    def _holder(self, span: range) -> Checkpoint:
        """Return the shard that has a stretch."""
        return next(shard for shard in self.shards if span in shard.ranges())


@dataclass(frozen=True)
class Merged:
    """What shards together are: how many replications, of what (the identity of the run), and the sample of them."""

    parts: Parts
    runs: int
    identity: dict[str, Any]

    @property
    def sampling(self) -> Sampling:
        """Return how the random numbers were sampled."""
        return Sampling.read(self.identity["sampling"]) if self.identity.get("sampling") else PLAIN_MONTE_CARLO

    @cached_property
    def sample(self) -> Sample:
        """Return all replications, in order; only now are they read."""
        return gather(self.parts, tuple(self.identity["metrics"]), self.runs, sampling=self.sampling)


def merge(directories: Sequence[Path]) -> Merged:
    """Put the shards in these directories together; `about["runs"]` says how many replications there must be.

    Raises WrongShard without directories, WrongPlace or Damaged for one that is no shard, Changed if they are not of one
    study, PartialResults if replications are missing.
    """
    if not directories:
        raise WrongShard("there is nothing to merge: name the shards' directories")
    shards = [read_checkpoint(_found(directory)) for directory in directories]
    for shard in shards:
        require_part(shard.identity, shard.about, str(shard.directory / RUN_DOCUMENT))
    identity, about = shards[0].identity, shards[0].about
    for shard in shards[1:]:
        then, now = {**identity, RUNS_KEY: about[RUNS_KEY]}, {**shard.identity, RUNS_KEY: shard.about[RUNS_KEY]}
        if changes := differences(then, now):
            raise Changed(f"{shard.directory} and {shards[0].directory} differ: {'; '.join(changes)}")
    parts, runs = Parts(shards), int(about[RUNS_KEY])
    if gaps := missing(parts.ranges(), range(runs)):
        raise PartialResults(f"replications {format_ranges(gaps)} of {runs:,} are in none of the shards")
    return Merged(parts, runs, identity)


def _found(directory: Path) -> Path:
    """Return a shard's chunks, by the directory itself or by the name the shard was given."""
    for place in (directory, checkpoint_directory(directory)):
        if files.exists(place / RUN_DOCUMENT):
            return place
    raise files.WrongPlace(f"{directory}: there is no shard here (no {RUN_DOCUMENT})")


# --- sharding ---------------------------------------------------------------------------------------------------------


def run_shard(
    config: Config | Project,
    shard: str,
    out: str | Path,
    *,
    runs: int = RUNS,
    seed: int = SEED,
    workers: int | None = None,
    sampling: str = "mc",
    engine: str = AUTO,
    resume: bool = False,
    progress: ReportProgress | None = None,
) -> Path:
    """Run part `shard` ("2/4") of a study of `runs` replications; return where its chunks lie.

    They stay beside `out` (`NAME.shard-2-of-4.partial`) for `merge_shards`; `resume` goes on from what an
    interrupted part left. Raises SimError.
    """
    requested = parse(shard)
    case = prepare_case(config, sampling=sampling, runs=runs, engine=engine)
    runs, workers = case.sampling.fit(runs), cores() if workers is None else workers
    require_memory(case, len(requested.part(runs)), workers)
    target = requested.target(Path(out).absolute())
    with open_checkpoint(target, identity(case, seed), resume=resume, about={RUNS_KEY: runs}) as store:
        copy_files(input_files(config), store.directory)
        run_range(
            case, seed=seed, part=requested.part(runs), store=store, progress=progress, workers=workers
        )  # fmt: skip
        return store.directory


def merge_shards(
    directories: Sequence[str | Path],
    out: str | Path | None = None,
    extras: Callable[[Result, Path], object] | None = None,
) -> Result:
    """Put the parts of a study together: the result is the one an undivided run would have given, byte by byte.

    The project is taken from the parts themselves. Raises PartialResults if replications are missing, TooLarge if
    they do not fit into memory, Changed if the parts are of different studies or were made by another version of
    this program or of its libraries.
    """
    if out is not None:
        require_place(Path(out).absolute(), RESULT)
    merged = merge([Path(directory).absolute() for directory in directories])
    seed = int(merged.identity["seed"])
    if not isinstance(merged.identity.get("config"), dict):
        raise files.Damaged(f"{merged.parts.shards[0].directory / RUN_DOCUMENT}: the configuration is missing")
    found = merged.parts.input_files()
    case = prepare_case(
        stored_config(merged.identity, found), sampling=merged.sampling.method, runs=merged.runs, engine=AUTO
    )
    if changes := differences(merged.identity, json_value(identity(case, seed))):
        raise Changed(f"the shards were made by another version of this program: {'; '.join(changes[:5])}")
    require_memory(case, merged.runs, 1)
    if out is None:
        return result_of(case, seed, merged.sample, found)
    target = Path(out).absolute()
    # locked first: a directory that is taken or read-only is refused now, not after the shards are read
    with output_lock(target):
        result = result_of(case, seed, merged.sample, found)
        write_result(result, target, partial(extras, result) if extras else None)
    return result
