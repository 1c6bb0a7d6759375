"""Worker processes for one case, and how the pool recovers when one of them is killed.

Every worker has a pipe of its own, so it is known which of them died and over which chunk: that one is run again by a
fresh worker, alone, and the others go on.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable
from functools import cached_property
from types import TracebackType
from typing import Self

from sim.errors import SimError
from sim.study.chunk import CaseLike, ChunkSizer, PendingRanges, failed, format_ranges
from sim.study.executors.worker import Outcome, serve_chunks
from sim.study.executors.worker_process import (
    START_ATTEMPTS,
    WorkerConnection,
    WorkerLost,
    answering,
    can_fork,
    cannot_start,
    packed,
)

log = logging.getLogger(__name__)
# one being worked on and one waiting, so that no worker is ever idle and little is lost with one
QUEUED_PER_WORKER = 2


class CaseSource:
    """A case and its seed for workers: a forked worker inherits them, any other is sent them."""

    def __init__(self, case: CaseLike, seed: int, further_case: CaseLike | None = None) -> None:
        """Nothing is packed yet; `further_case` is what forks after the first have, where it is not the same case."""
        self.case, self.seed = case, seed
        self._further_case = case if further_case is None else further_case
        self._has_forked = False

    def worker(self) -> CaseWorker:
        """Return a new process; it is given the case by `give`, so that several can start together."""
        fork = can_fork()
        case = self._further_case if self._has_forked else self.case
        self._has_forked |= fork
        return CaseWorker((case, self.seed) if fork else None, fork=fork)

    def give(self, worker: CaseWorker) -> None:
        """Send a worker the case, if it has none."""
        if not worker.forked:
            worker.send(self._packed)

    @cached_property
    def _packed(self) -> bytes:
        """Return the case as it is sent."""
        return packed((self.case, self.seed))


class CaseWorker(WorkerConnection):
    """One process that has the case, and its queue of chunks, of which it is running the first."""

    def __init__(self, inherited: tuple[CaseLike, int] | None, *, fork: bool) -> None:
        """Start the process; `inherited` are case and seed of a forked one."""
        super().__init__(serve_chunks, inherited, fork=fork)
        self._unanswered = int(fork)  # a forked worker confirms a case that it was not sent
        self.forked = fork
        self.ready = False
        self.queue: deque[range] = deque()

    def submit(self, span: range) -> None:
        """Have a chunk run after those that it has."""
        self.queue.append(span)
        self.send(packed(span))

    def outcome(self) -> Outcome | None:
        """Return its next message: None after taking the case, or the outcome of a chunk. Raises WorkerLost."""
        message = self.receive()
        if isinstance(message, SimError):
            raise cannot_start(str(message))
        if message is not None:
            self.queue.popleft()
        self.ready = True
        return message


class ProcessPool:
    """Runs chunks on several processes, and goes on when one of them is killed."""

    def __init__(
        self, case: CaseLike, seed: int, workers: int, meanwhile: Iterable[Callable[[], object]] = (),
        further_case: CaseLike | None = None,
    ) -> None:  # fmt: skip
        """Run nothing yet; `meanwhile` is called here once workers have something to do, one by one between their answers.

        `further_case` is the case for all forked workers but the first, see `CaseSource`.
        """
        self._meanwhile = deque(meanwhile)
        self._source, self._max_workers = CaseSource(case, seed, further_case), workers
        self._workers: list[CaseWorker] = []
        self._lost_starts = 0

    def __enter__(self) -> Self:
        """No process is started yet: that happens with the first chunk."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no process behind."""
        for worker in self._workers:
            worker.close()

    @property
    def idle(self) -> list[CaseWorker]:
        """Return the workers that have taken the case and have nothing to do: they may be asked for something else."""
        return [worker for worker in self._workers if worker.ready and worker.answers]

    def run(self, pending: PendingRanges, sizer: ChunkSizer) -> Generator[Outcome]:
        """Yield the outcomes of all pending ranges, in the order in which they are finished."""
        while pending.count or any(worker.queue for worker in self._workers):
            self._start(min(self._max_workers - len(self._workers), pending.count))
            self._hand_out(pending, sizer)
            if self._meanwhile:
                self._meanwhile.popleft()()
            for worker in answering(self._workers):
                try:
                    outcome = worker.outcome()
                except WorkerLost as lost:
                    yield from self._after_loss(worker, pending, str(lost))
                else:
                    self._lost_starts = 0
                    if outcome is not None:
                        yield outcome

    def _start(self, count: int) -> None:
        """Start some workers, all at once, and then send them the case."""
        new_workers = []
        for _ in range(count):
            new_workers.append(self._source.worker())
            self._workers.append(new_workers[-1])
        for worker in new_workers:
            self._source.give(worker)

    def _hand_out(self, pending: PendingRanges, sizer: ChunkSizer) -> None:
        """Keep every worker busy."""
        for depth in range(QUEUED_PER_WORKER):
            for worker in self._workers:
                if pending.count and len(worker.queue) <= depth:
                    worker.submit(pending.take(sizer.size(pending.count, self._max_workers)))

    def _after_loss(self, worker: CaseWorker, pending: PendingRanges, cause: str) -> Generator[Outcome]:
        """Continue without a worker: its queued chunks are pending again, and the interrupted one is run as a suspect."""
        self._workers.remove(worker)
        interrupted = [worker.queue.popleft()] if worker.ready and worker.queue else []
        for replications in reversed(worker.queue):
            pending.put_back(replications)
        if not worker.ready:
            self._note_lost_start(cause)
        for replications in interrupted:
            log.warning(
                "a worker process was lost (%s); repeating replications %s", cause, format_ranges([replications])
            )
            yield from run_suspect(self._source, replications)

    def _note_lost_start(self, cause: str) -> None:
        """Count a worker lost while it started; after too many in a row no more are started."""
        self._lost_starts += 1
        if self._lost_starts < START_ATTEMPTS:
            log.warning("a worker process was lost while it started (%s); another one is started", cause)
            return
        self._max_workers = sum(worker.ready for worker in self._workers)
        if not self._max_workers:
            raise cannot_start(f"{START_ATTEMPTS} in a row were {cause}")
        log.warning("workers cannot start any more (%s); going on with %d", cause, self._max_workers)


def run_suspect(source: CaseSource, replications: range) -> Generator[Outcome]:
    """Run a chunk whose worker died with a worker of its own; if that dies too, each replication alone.

    A replication that kills twice is a failed row.
    """
    with Isolation(source) as isolation:
        outcome = isolation.run(replications)
        if outcome is not None:
            yield outcome
            return
        for replication in replications:
            alone = range(replication, replication + 1)
            outcome = (isolation.run(alone) if len(replications) > 1 else None) or isolation.run(alone)
            yield outcome or Outcome(failed(alone, source.case.metrics, f"its process was {isolation.cause}"), 0.0)


class Isolation:
    """One worker that runs one chunk at a time, so that it is clear which killed it."""

    def __init__(self, source: CaseSource) -> None:
        self._source = source
        self._worker: CaseWorker | None = None
        self.cause = ""

    def __enter__(self) -> Self:
        """No process is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no process behind."""
        if self._worker is not None:
            self._worker.close()

    def run(self, replications: range) -> Outcome | None:
        """Run a chunk with a living worker; None if that one dies over it."""
        worker = self._worker = self._worker or self._start_worker()
        worker.submit(replications)
        try:
            return worker.outcome()
        except WorkerLost as lost:
            self.cause, self._worker = str(lost), None
            return None

    def _start_worker(self) -> CaseWorker:
        """Return a worker process that has received the case of which it will simulate chunks."""
        for _ in range(START_ATTEMPTS):
            worker = self._source.worker()
            self._source.give(worker)
            try:
                worker.outcome()
            except WorkerLost as lost:
                self.cause = str(lost)
            else:
                return worker
        raise cannot_start(f"{START_ATTEMPTS} in a row were {self.cause}")
