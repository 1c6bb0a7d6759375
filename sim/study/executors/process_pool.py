"""A gang of worker processes for one case, and what is done when one of them is killed."""

from __future__ import annotations

import logging
import signal
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from ctypes import c_bool
from multiprocessing.context import SpawnContext, SpawnProcess
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Self

from sim.errors import SimError
from sim.study.chunk import CaseLike, ChunkSizer, PendingRanges, failed, format_ranges
from sim.study.executors.worker import Outcome, WorkerProcess, initialize_worker, run_sent_chunk, sigint_blocked

log = logging.getLogger(__name__)
# one being worked on and one waiting, so that no worker is ever idle and little is lost with a pool
QUEUED_A_WORKER = 2
_JOIN_SECONDS = 5.0
_AGAIN_SECONDS = 0.001


def exit_code(process: SpawnProcess) -> int | None:
    """How a process came to its end; None if it lives on."""
    deadline = monotonic() + _JOIN_SECONDS
    process.join(_JOIN_SECONDS)
    # the executor's thread waits for it too, and the second to wait gets no answer until the first has noted it
    while process.exitcode is None and monotonic() < deadline:
        sleep(_AGAIN_SECONDS)
    return process.exitcode


class _Remembering(SpawnContext):
    """Starts processes and remembers them: the executor neither reports why one died nor lets one be ended."""

    def __init__(self) -> None:
        self._made: list[SpawnProcess] = []

    @property
    def started(self) -> list[SpawnProcess]:
        """The processes that came to life."""
        return [process for process in self._made if process.pid is not None]

    def Process(self, *args: Any, **kwargs: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802
        """Make a process, as the executor asks for it."""
        process = WorkerProcess(*args, **kwargs)
        self._made.append(process)
        return process


class WorkerPool:
    """Some worker processes that have been sent the case; it lasts until one of them dies."""

    def __init__(self, case: CaseLike, seed: int, workers: int) -> None:
        self._context = _Remembering()
        # in memory that is shared with the workers: a pool that never starts must not be started for ever
        self._started = self._context.RawValue(c_bool, False)
        self._executor = ProcessPoolExecutor(
            workers, self._context, initializer=initialize_worker, initargs=(case, seed, self._started)
        )

    def submit(self, span: range) -> Future[Outcome]:
        """Submit a chunk to the process that is free first."""
        with sigint_blocked():
            return self._executor.submit(run_sent_chunk, span.start, len(span))

    def outcome(self, future: Future[Outcome]) -> Outcome | None:
        """What became of a chunk; None if a worker died over it."""
        try:
            return future.result()
        except BrokenProcessPool as error:
            if not self._started.value:
                raise SimError(f"worker processes cannot start ({self.cause()}): {error}") from error
            return None

    def cause(self) -> str:
        """How the first worker that died came to its end."""
        codes = [code for process in self._context.started if (code := exit_code(process))]
        # those the executor ended itself, once one had died, are no evidence
        code = next((code for code in codes if code != -signal.SIGTERM), -signal.SIGTERM)
        if code == -signal.SIGKILL:
            return "killed, by hand or because memory ran out"
        return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended itself with code {code}"

    def end(self, at_once: bool) -> None:
        """Send everybody home; `at_once` without waiting for what they are at."""
        if at_once:
            for process in self._context.started:
                process.kill()
        self._executor.shutdown(wait=True, cancel_futures=True)


class ProcessPool:
    """Runs chunks on several processes, and goes on when one of them is killed."""

    def __init__(self, case: CaseLike, seed: int, workers: int) -> None:
        self._case, self._seed, self._workers = case, seed, workers
        self._pool: WorkerPool | None = None

    def __enter__(self) -> Self:
        """No process is started yet: that happens with the first chunk."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no process behind."""
        if self._pool is not None:
            self._pool.end(at_once=kind is not None)

    def run(self, pending: PendingRanges, sizer: ChunkSizer) -> Generator[Outcome]:
        """Outcomes of all that is to be done, in the order in which they are finished."""
        in_flight: dict[Future[Outcome], range] = {}
        while pending.count or in_flight:
            pool = self._pool = self._pool or WorkerPool(self._case, self._seed, self._workers)
            whole = self._hand_out(pool, pending, in_flight, sizer)
            done = wait(in_flight, return_when=FIRST_COMPLETED).done if in_flight else set()
            for future in done:
                if (outcome := pool.outcome(future)) is None:
                    whole = False
                else:
                    del in_flight[future]
                    yield outcome
            if not whole:
                suspects = sorted(in_flight.values(), key=lambda span: span.start)
                in_flight.clear()
                yield from self._after_a_death(pool, suspects)

    def _hand_out(
        self, pool: WorkerPool, pending: PendingRanges, in_flight: dict[Future[Outcome], range], sizer: ChunkSizer
    ) -> bool:
        """Keep every worker busy; False if the gang turns out to be broken."""
        while pending.count and len(in_flight) < QUEUED_A_WORKER * self._workers:
            span = pending.take(sizer.size(pending.count, self._workers))
            try:
                in_flight[pool.submit(span)] = span
            except BrokenProcessPool:
                pending.put_back(span)
                return False
        return True

    def _after_a_death(self, pool: WorkerPool, suspects: list[range]) -> Generator[Outcome]:
        """Run what was being worked on once more, a chunk at a time, to find which one kills."""
        cause = pool.cause()
        pool.end(at_once=True)
        self._pool = None
        log.warning("a worker process was lost (%s); repeating replications %s", cause, format_ranges(suspects))
        with CrashIsolation(self._case, self._seed) as isolation:
            for span in suspects:
                yield from isolation.run(span)


class CrashIsolation:
    """One worker that runs one suspect at a time, so that it is clear which killed it."""

    def __init__(self, case: CaseLike, seed: int) -> None:
        self._case, self._seed = case, seed
        self._pool: WorkerPool | None = None
        self._cause = ""

    def __enter__(self) -> Self:
        """No process is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no process behind."""
        if self._pool is not None:
            self._pool.end(at_once=kind is not None)

    def run(self, span: range) -> Generator[Outcome]:
        """The chunk whole; if it kills, each replication alone; one that kills twice is a failed row."""
        outcome = self._attempt(span)
        if outcome is not None:
            yield outcome
            return
        for r in span:
            alone = range(r, r + 1)
            outcome = (self._attempt(alone) if len(span) > 1 else None) or self._attempt(alone)
            yield outcome or Outcome(failed(alone, self._case.metrics, f"its process was {self._cause}"), 0.0)

    def _attempt(self, span: range) -> Outcome | None:
        """Run it with a living worker; None if that one dies over it."""
        pool = self._pool = self._pool or WorkerPool(self._case, self._seed, 1)
        outcome = pool.outcome(pool.submit(span))
        if outcome is None:
            self._cause = pool.cause()
            pool.end(at_once=True)
            self._pool = None
        return outcome
