"""Runs a case many times, here or on several processes, and puts its replications in order.

The answer is the same to the last bit whatever the number of workers, the size of a chunk, the order in which
they finish, or how often the run was interrupted: a replication is known by its index alone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from typing import Protocol

from sim.study.chunk import CaseLike
from sim.study.interrupting import interruptible
from sim.study.pace import Pace
from sim.study.pool import Pool
from sim.study.precision import Precision
from sim.study.resume import Partial
from sim.study.sample import Sample, gather, values_so_far
from sim.study.shelf import Memory, Shelf, Window
from sim.study.spans import Todo, missing
from sim.study.working import Outcome, perform
from sim.world.sampling import PLAIN, Sampling

Progress = Callable[[int, int, float | None], None]


class Hands(Protocol):
    """Who performs chunks."""

    def perform(self, todo: Todo, pace: Pace) -> Generator[Outcome]:
        """Outcomes of all that is to be done, in any order."""


@dataclass(frozen=True)
class Here:
    """Performs chunks in this process, one after the other."""

    case: CaseLike
    seed: int

    def perform(self, todo: Todo, pace: Pace) -> Generator[Outcome]:
        """Outcomes of all that is to be done, in order."""
        while todo.count:
            yield perform(self.case, self.seed, todo.take(pace.size(todo.count, 1)))


def _hands(case: CaseLike, seed: int, workers: int) -> AbstractContextManager[Hands]:
    """This process for 0 or 1 workers, otherwise others."""
    return Pool(case, seed, workers) if workers > 1 else nullcontext(Here(case, seed))


def run(
    case: CaseLike,
    *,
    seed: int,
    runs: int,
    workers: int = 1,
    chunk: int | None = None,
    shelf: Shelf | None = None,
    progress: Progress | None = None,
    precision: Precision | None = None,
    sampling: Sampling = PLAIN,
    hands: AbstractContextManager[Hands] | None = None,
) -> Sample:
    """Replications 0 … runs − 1 of a case, or as many as `precision` asks for (then `runs` does not matter).

    `workers`: 0 or 1 stay in this process. `chunk`: replications at a time; about a second's worth if None.
    `shelf`: where finished chunks are kept and looked for (`keeping`); in memory if None.
    `sampling`: how the case spreads its luck; then `runs` are whole randomisations (`Sampling.fit`).
    `hands`: others who perform the chunks (a cluster); processes of this machine if None.
    `progress(done, total, seconds_left)` is called after every chunk; seconds are None when not known yet.
    Raises Interrupted on Ctrl-C or SIGTERM, and whatever SimError the case raises; any other failure of a
    replication is a row with status "failed" and a note.
    """
    kept = Memory() if shelf is None else shelf
    with interruptible(_farewell(kept)), hands or _hands(case, seed, workers) as team:
        if precision is None:
            fill(team, kept, range(runs), Pace(chunk), progress)
            return gather(kept, case.metrics, runs, sampling=sampling)
        return _until(precision, team, case, kept, Pace(chunk), progress)


def _until(
    precision: Precision, hands: Hands, case: CaseLike, shelf: Shelf, pace: Pace, progress: Progress | None
) -> Sample:
    """Grow the sample until it is precise enough or as large as is allowed."""
    n = precision.first
    while True:
        fill(hands, shelf, range(n), pace, progress)
        values = values_so_far(shelf, precision.metric, n)
        if n >= precision.max_runs or precision.reached(values):
            return gather(shelf, case.metrics, n, precision.remark(values, n), precision.sampling)
        n = precision.next(n)


def perform_part(
    case: CaseLike,
    *,
    seed: int,
    part: range,
    shelf: Shelf,
    workers: int = 1,
    chunk: int | None = None,
    progress: Progress | None = None,
    hands: AbstractContextManager[Hands] | None = None,
) -> None:
    """Perform some replications of a study and leave them on the shelf: a shard's share."""
    with interruptible(_farewell(shelf)), hands or _hands(case, seed, workers) as team:
        fill(team, shelf, part, Pace(chunk), progress)


def fill(hands: Hands, shelf: Shelf, wanted: range, pace: Pace, progress: Progress | None) -> None:
    """Perform those of the wanted replications that are not on the shelf yet."""
    todo = Todo(missing(shelf.spans(), wanted))
    left = todo.count
    _tell(progress, wanted, left, pace)
    with closing(hands.perform(todo, pace)) as outcomes:
        for outcome in outcomes:
            chunk = outcome.get()
            shelf.put(chunk)
            pace.learn(chunk.count, outcome.seconds)
            left -= chunk.count
            _tell(progress, wanted, left, pace)


def _tell(progress: Progress | None, wanted: range, left: int, pace: Pace) -> None:
    """Say how far it is."""
    if progress is not None:
        progress(len(wanted) - left, len(wanted), pace.seconds_left(left))


def _farewell(shelf: Shelf) -> str:
    """The line with which an interrupted run ends."""
    shelf = shelf.shelf if isinstance(shelf, Window) else shelf
    if isinstance(shelf, Partial):
        return f"interrupted; finished replications are kept in {shelf.directory}, --resume goes on from there"
    return "interrupted; nothing was kept"
