"""Worker processes that are kept for many cases; each runs ranges of replications until a newer case is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from ctypes import c_long
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from sim.config.project import Project
from sim.engine.backends import COMPILED, Name, load
from sim.errors import SimError
from sim.metrics.metric import FINISH_DAY, FIRST_DAY, LEAD_TIMES
from sim.study.case import Case
from sim.study.chunk import in_batches
from sim.study.executors.worker_process import WorkerConnection, WorkerLost, begin_work, can_fork, packed
from sim.world.working_time import Calendar

METRICS = (
    *LEAD_TIMES,
    FIRST_DAY,
    FINISH_DAY,
    "peak_workforce_onsite",
    "idle_capital_months",
    "idle_capital_peak_usd",
    "capital_total_usd",
)
CURVES = ("mw_online", "headcount", "capital_deployed_usd", "idle_capital_usd")


@dataclass(frozen=True)
class PartialSnapshot:
    """Some replications: how many stalled, metrics by name, and daily curves of shape (replications, days)."""

    stalled: int
    metrics: dict[str, np.ndarray]
    curves: dict[str, np.ndarray]


class LostWorker(SimError):
    """A worker process ended while it worked for a snapshot; another one has taken its place."""


class PersistentPool:
    """Some processes, each with its own pipe to this one; they stop working on a case when a newer one is run."""

    def __init__(self, number: int, engine: Name) -> None:
        """Start them; each loads the engine once."""
        self._engine = engine
        self._ticket = get_context("spawn").RawValue(c_long, 0)
        self._outstanding: list[int] = [0] * number
        self._workers = [self._start_worker() for _ in range(number)]

    def _start_worker(self) -> WorkerConnection:
        return WorkerConnection(_work, self._ticket, self._engine, fork=can_fork())

    def leave(self) -> None:
        """Stop the work on the current case: another one is wanted."""
        self._ticket.value += 1

    def run(self, case: Case, seed: int, ranges: Sequence[range]) -> Iterator[PartialSnapshot]:
        """Yield the replications of every range, in order; work on an earlier case is dropped.

        Ends early when `leave` is called meanwhile. Raises LostWorker where a process ends; it is replaced.
        """
        self._ticket.value += 1
        number, message = len(self._workers), packed((self._ticket.value, case, seed))  # the case once for all of them
        for worker in range(number):
            self._clear(worker)
            share = ranges[worker::number]
            self._send(worker, message, packed(share))
            self._outstanding[worker] = len(share)
        for position in range(len(ranges)):
            part = self._receive(position % number)
            if isinstance(part, SimError):
                raise part
            if part is None:
                return
            yield part

    def _send(self, worker: int, *messages: bytes) -> None:
        """Send some messages; a process that has ended since its last case is replaced without a message to the user."""
        for message in messages:
            self._workers[worker].send(message)
        if self._workers[worker].lost:
            self._replace(worker)
            for message in messages:
                self._workers[worker].send(message)

    def _receive(self, worker: int) -> PartialSnapshot | SimError | None:
        """Return what a process sends next. Raises LostWorker."""
        try:
            part: PartialSnapshot | SimError | None = self._workers[worker].receive()
        except WorkerLost as lost:
            self._replace(worker)
            raise LostWorker(f"a worker process was lost ({lost}); another one takes its place") from None
        self._outstanding[worker] -= 1
        return part

    def _clear(self, worker: int) -> None:
        """Take what is still on its way and of no use any more."""
        while self._outstanding[worker]:
            with suppress(LostWorker):
                self._receive(worker)

    def _replace(self, worker: int) -> None:
        """Put a fresh process in the place of one that has ended."""
        self._workers[worker], self._outstanding[worker] = self._start_worker(), 0

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.close()


def _work(pipe: Connection, ticket: Any, engine: Name) -> None:
    """Simulate what is asked for through the pipe, until it is closed or the parent has ended; Ctrl-C is for the parent."""
    begin_work()
    load(engine)
    cache: CalendarCache | None = None
    with suppress(EOFError, OSError):  # the parent has gone
        while True:
            (own_ticket, case, seed), ranges = pipe.recv(), pipe.recv()
            cache = CalendarCache(case, seed, cache)
            for replications in ranges:
                pipe.send(_simulate_range(case, seed, replications, cache, partial(_is_current, ticket, own_ticket)))


def _is_current(ticket: Any, mine: int) -> bool:
    """Return whether a case is still the one that is wanted."""
    return bool(ticket.value == mine)


class CalendarCache:
    """The calendars of replications, kept from one case to the next where weather and shifts are the same."""

    def __init__(self, case: Case, seed: int, previous: CalendarCache | None) -> None:
        """Take over the calendars of the previous cache where weather, outages and base calendars are the same."""
        self.case, self.seed = case, seed
        self.calendars_by_replication: dict[int, Sequence[Calendar]] = {}
        if previous is not None and self._has_same_calendars(previous):
            new_base, old_base = case.plan.base_calendars, previous.case.plan.base_calendars
            self.calendars_by_replication = {
                number: [
                    new if cached is old else cached
                    for cached, old, new in zip(calendars, old_base, new_base, strict=True)
                ]
                for number, calendars in previous.calendars_by_replication.items()
            }

    def _has_same_calendars(self, previous: CalendarCache) -> bool:
        """Return whether replications have the same calendars as in the previous case."""
        case, previous_case = self.case, previous.case
        return (
            self.seed == previous.seed
            and _closure_inputs(case.project) == _closure_inputs(previous_case.project)
            and case.plan.calendars == previous_case.plan.calendars
            and all(map(_same_calendar, case.plan.base_calendars, previous_case.plan.base_calendars))
        )

    def of(self, replication: int) -> Sequence[Calendar]:
        """Return the calendars of a replication."""
        if replication not in self.calendars_by_replication:
            self.calendars_by_replication[replication] = self.case.calendars_of(self.seed, replication)
        return self.calendars_by_replication[replication]


def _closure_inputs(project: Project) -> tuple[Any, ...]:
    """Return the inputs on which random closures depend: dates, weather, and outages of plants."""
    systems = project.by_system.items()
    stops = [(system.scope, system.factory.plant_stops, system.factory.plants(name)) for name, system in systems]
    return project.scale, project.weather, stops


def _same_calendar(one: Calendar, other: Calendar) -> bool:
    return np.array_equal(one.starts, other.starts) and np.array_equal(one.ends, other.ends)


def _simulate_range(
    case: Case, seed: int, replications: range, cache: CalendarCache, still_wanted: Callable[[], bool]
) -> PartialSnapshot | SimError | None:
    """Simulate some replications and return what is shown of them; an error instead if the project cannot be simulated.

    None where it is not wanted any more, as a slider was moved.
    """
    stalled, rows = 0, []
    try:
        simulated = case.replications(seed, replications.start, len(replications), calendars_of=cache.of)
        for replication in in_batches(simulated, len(case.plan.rows)) if case.engine == COMPILED else simulated:
            if not still_wanted():
                return None
            stalled += replication.outcome.deadlock is not None
            rows.append(case.quick_metrics(replication))
    except SimError as error:
        return error
    metrics = {name: np.array([row[name] for row, _ in rows]) for name in METRICS if name in rows[0][0]}
    curves = {name: np.array([daily[name] for _, daily in rows], np.float32) for name in CURVES}
    return PartialSnapshot(stalled, metrics, curves)
