"""Simulates a case many times, in this or in several processes, and puts its replications in order.

The result is the same to the last bit whatever the number of workers, the size of a chunk, the order in which
they finish, or how often the run was interrupted: a replication is known by its index alone.

Run until a number is known well enough: `1%@p80:lead_time_full_days`.

The sample grows by index, 200, 260, 338 … replications, so where it stops depends on the numbers alone, not
on who was quick. Stopping so costs a little of the interval's coverage (measured: 94.5 % instead of 95 %).
Where random numbers are stratified it grows by whole randomisations.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from functools import partial
from math import ceil, isfinite
from typing import Protocol

from sim.config.load import ConfigLike, Loaded, as_config, as_loaded
from sim.config.project import Expectation, Project, parse_expectation
from sim.config.source_positions import Fault, nearest_position, problem_of
from sim.display import watched
from sim.errors import NOTHING, ConfigError, SimError, did_you_mean
from sim.study.chunk import CaseLike, ChunkSizer, ChunkStore, Floats, InMemoryStore, PendingRanges, StoreView, missing
from sim.study.executors.interruption import interruptible
from sim.study.executors.memory_estimate import give_back_memory
from sim.study.executors.process_pool import ProcessPool
from sim.study.executors.worker import Outcome, run_chunk
from sim.study.sample import OnRuns, Sample, gather, values_so_far
from sim.study.statistics.intervals import Interval, sampled_quantile
from sim.study.storage.checkpoint import Checkpoint
from sim.world.streams import PLAIN_MONTE_CARLO, Sampling

# --- precision --------------------------------------------------------------------------------------------------------


FIRST_RUNS = 200
GROWTH = 1.3
MAX_RUNS = 5000
_PRECISION_TEXT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*@\s*[pP]([0-9]{1,2})\s*:\s*([a-z0-9_]+)\s*")


class WrongPrecision(SimError):
    """A precision that cannot be understood or met."""

    exit_code = 2


@dataclass(frozen=True)
class Precision:
    """The half-width of the 95 % interval a quantile of a metric is to have, as a share of the quantile."""

    half_width: float
    quantile: float
    metric: str
    max_runs: int = MAX_RUNS
    sampling: Sampling = PLAIN_MONTE_CARLO

    @property
    def _name(self) -> str:
        """Return the quantile as people call it."""
        return f"P{100 * self.quantile:.0f} of {self.metric}"

    @property
    def first(self) -> int:
        """Return how many replications to begin with."""
        return self.sampling.fit(min(FIRST_RUNS, self.max_runs))

    def next(self, runs: int) -> int:
        """Return how many replications to go on to."""
        return self.sampling.fit(min(ceil(runs * GROWTH), self.max_runs))

    def interval(self, values: Floats) -> Interval:
        """Return the quantile and how well these values know it; not-a-number where a replication failed."""
        return sampled_quantile(values, self.quantile, self.sampling)

    def reached(self, values: Floats) -> bool:
        """Return whether these values know the quantile well enough."""
        interval = self.interval(values)
        return isfinite(interval.value) and interval.half_width <= self.half_width * abs(interval.value)

    def remark(self, values: Floats, runs: int) -> str:
        """Return what to print beside the result: how well it is known, and whether the cap came first."""
        goal = f"±{100 * self.half_width:g} % of {self._name} was asked"
        is_known = f"±{100 * _relative(self.interval(values)):.2g} % after {runs:,} runs"
        if self.reached(values):
            return f"{goal}: {is_known}"
        return f"{goal} and not reached: {is_known}, the most allowed"


def _relative(interval: Interval) -> float:
    """Half-width as a share of the value; none of a value that is surely 0."""
    if interval.half_width == 0:
        return 0.0
    return interval.half_width / abs(interval.value) if interval.value else float("inf")


def parse(
    text: str, metrics: tuple[str, ...], max_runs: int = MAX_RUNS, sampling: Sampling = PLAIN_MONTE_CARLO
) -> Precision:
    """Read `1%@p80:lead_time_full_days`; WrongPrecision says what is allowed."""
    match = _PRECISION_TEXT.fullmatch(text)
    if not match:
        raise WrongPrecision(f"--precision {text}: write it like 1%@p80:lead_time_full_days")
    share, percentile, metric = float(match[1]) / 100, int(match[2]), match[3]
    if metric not in metrics:
        close_names = difflib.get_close_matches(metric, metrics, 1)
        suggestion = f"; did you mean {close_names[0]}?" if close_names else f"; there are {', '.join(metrics)}"
        raise WrongPrecision(f"--precision {text}: there is no metric {metric}{suggestion}")
    if not 0 < share < 1 or percentile < 1 or max_runs < 1:
        raise WrongPrecision(f"--precision {text}: above 0 % and below 100 %, p1 to p99, at least 1 run")
    return Precision(share, percentile / 100, metric, max_runs, sampling)


# --- runner -----------------------------------------------------------------------------------------------------------


ReportProgress = Callable[[int, int, float | None], None]


class Executor(Protocol):
    """Runs the chunks of a case: in this process, in worker processes or on a cluster."""

    def run(self, pending: PendingRanges, sizer: ChunkSizer) -> Generator[Outcome]:
        """Outcomes of all that is to be done, in any order."""


@dataclass(frozen=True)
class InProcess:
    """Runs chunks in this process, one after the other."""

    case: CaseLike
    seed: int

    def run(self, pending: PendingRanges, sizer: ChunkSizer) -> Generator[Outcome]:
        """Outcomes of all that is to be done, in order."""
        while pending.count:
            yield run_chunk(self.case, self.seed, pending.take(sizer.size(pending.count, 1)))


def default_executor(
    case: CaseLike, seed: int, workers: int, meanwhile: Iterable[Callable[[], object]] = (),
    further_case: CaseLike | None = None,
) -> AbstractContextManager[Executor]:  # fmt: skip
    """This process for 0 or 1 workers, otherwise others; what is in `meanwhile` is called here while these are at work.

    `further_case` is the case for all forked workers but the first, see `CaseSource`.
    """
    if workers > 1:
        return ProcessPool(case, seed, workers, meanwhile, further_case)
    return nullcontext(InProcess(case, seed))


def run(
    case: CaseLike,
    *,
    seed: int,
    runs: int,
    workers: int = 1,
    chunk: int | None = None,
    store: ChunkStore | None = None,
    progress: ReportProgress | None = None,
    precision: Precision | None = None,
    sampling: Sampling = PLAIN_MONTE_CARLO,
    executor: AbstractContextManager[Executor] | None = None,
    on_runs: OnRuns | None = None,
) -> Sample:
    """Replications 0 … runs − 1 of a case, or as many as `precision` asks for (then `runs` does not matter).

    `workers`: 0 or 1 stay in this process. `chunk`: replications at a time; about a second's worth if None.
    `store`: where finished chunks are kept and looked for; in memory if None.
    `sampling`: how the case draws its random numbers; then `runs` are whole randomisations (`Sampling.fit`).
    `executor`: what runs the chunks (a cluster); processes of this machine if None.
    `progress(done, total, seconds_left)` is called after every chunk; seconds are None when not known yet. Where it is not
    given a bar is shown, if somebody watches (a notebook, a terminal).
    `on_runs` is called with the sample as soon as all replications are there, while the bands of its curves are worked out.
    Raises Interrupted on Ctrl-C or SIGTERM, and whatever SimError the case raises; any other failure of a
    replication is a row with status "failed" and a note.
    """
    chunks = InMemoryStore() if store is None else store
    with (
        watched(progress, str(getattr(case, "name", "runs"))) as reporter,
        interruptible(interrupt_message(chunks)),
        executor or default_executor(case, seed, workers) as active_executor,
    ):
        if precision is None:
            simulate_missing(active_executor, chunks, range(runs), ChunkSizer(chunk), reporter)
            give_back_memory()
            sample = gather(chunks, case.metrics, runs, sampling=sampling, workers=workers, on_runs=on_runs)
            give_back_memory()
            return sample
        gathered = partial(gather, workers=workers, on_runs=on_runs)
        return _grow_until_precise(precision, active_executor, case, chunks, ChunkSizer(chunk), reporter, gathered)


def _grow_until_precise(
    precision: Precision,
    executor: Executor,
    case: CaseLike,
    store: ChunkStore,
    sizer: ChunkSizer,
    progress: ReportProgress | None,
    gathered: Callable[..., Sample],
) -> Sample:
    """Grow the sample until it is precise enough or has as many replications as are allowed."""
    n = precision.first
    while True:
        simulate_missing(executor, store, range(n), sizer, progress)
        values = values_so_far(store, precision.metric, n)
        if n >= precision.max_runs or precision.reached(values):
            return gathered(store, case.metrics, n, precision.remark(values, n), precision.sampling)
        n = precision.next(n)


def run_range(
    case: CaseLike,
    *,
    seed: int,
    part: range,
    store: ChunkStore,
    workers: int = 1,
    chunk: int | None = None,
    progress: ReportProgress | None = None,
    executor: AbstractContextManager[Executor] | None = None,
) -> None:
    """Simulate a range of replications and leave them in the chunk store: the part of one shard."""
    with interruptible(interrupt_message(store)), executor or default_executor(case, seed, workers) as active_executor:
        simulate_missing(active_executor, store, part, ChunkSizer(chunk), progress)


def simulate_missing(
    executor: Executor, store: ChunkStore, requested: range, sizer: ChunkSizer, progress: ReportProgress | None
) -> None:
    """Simulate those of the wanted replications that are not in the chunk store yet."""
    pending = PendingRanges(missing(store.ranges(), requested))
    remaining = pending.count
    _report(progress, requested, remaining, sizer)
    with closing(executor.run(pending, sizer)) as outcomes:
        for outcome in outcomes:
            chunk = outcome.get()
            store.put(chunk)
            sizer.learn(chunk.count, outcome.seconds)
            remaining -= chunk.count
            _report(progress, requested, remaining, sizer)


def _report(progress: ReportProgress | None, requested: range, remaining: int, sizer: ChunkSizer) -> None:
    """Report the progress."""
    if progress is not None:
        progress(len(requested) - remaining, len(requested), sizer.seconds_left(remaining))


def interrupt_message(store: ChunkStore | None) -> str:
    """Return the line with which an interrupted run ends."""
    store = store.store if isinstance(store, StoreView) else store
    if isinstance(store, Checkpoint):
        return f"interrupted; finished replications are kept in {store.directory}, --resume goes on from there"
    return "interrupted; nothing was kept"


# --- what a project expects -------------------------------------------------------------------------------------------


EXPECT = "expect"


def require_expectations(loaded: Loaded[Project]) -> None:
    """Raise ConfigError for a project that expects nothing of itself."""
    if not loaded.value.expect:
        message = "states nothing to verify: add lines such as [peak_workforce_onsite.p80 < 450]"
        fault = Fault((EXPECT,), nearest_position(loaded.positions, (EXPECT,)), NOTHING, message)
        raise ConfigError([problem_of(fault, loaded.tree)])


def expectations(config: ConfigLike, metrics: Sequence[str]) -> tuple[Expectation, ...]:
    """Return a project's expectations; ConfigError at the line of each whose metric the project does not have."""
    config = as_config(config)
    lines = (config.value if isinstance(config, Loaded) else config).expect
    parsed = [parse_expectation(line) for line in lines]
    if all(expectation.metric in metrics for expectation in parsed):
        return tuple(parsed)
    loaded = as_loaded(config)
    raise ConfigError(
        problem_of(
            Fault(
                address := (EXPECT, number), nearest_position(loaded.positions, address), lines[number],
                "a metric of this project", did_you_mean(expectation.metric, metrics),
            ),
            loaded.tree,
        )
        for number, expectation in enumerate(parsed)
        if expectation.metric not in metrics
    )  # fmt: skip
