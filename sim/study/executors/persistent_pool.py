"""Processes that stay, and run one case after the other, a piece at a time, until the next one is wanted."""

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
from sim.study.case import Case
from sim.study.chunk import in_batches
from sim.study.executors.worker_process import WorkerConnection, WorkerLost, begin_work, can_fork, packed
from sim.world.working_time import Calendar

METRICS = (
    "lead_time_first_mw_days",
    "lead_time_full_days",
    "lead_time_mw_weighted_days",
    "peak_workforce_onsite",
    "idle_capital_months",
    "idle_capital_peak_usd",
    "capital_total_usd",
)
CURVES = ("mw_online", "headcount", "capital_deployed_usd", "idle_capital_usd")


@dataclass(frozen=True)
class PartialPicture:
    """Some replications: how many stalled, metrics by name, and daily curves of shape (replications, days)."""

    stalled: int
    metrics: dict[str, np.ndarray]
    curves: dict[str, np.ndarray]


class LostWorker(SimError):
    """A worker process ended while it worked for a picture; another one has taken its place."""


class PersistentPool:
    """Some processes, each with its own pipe to this one; a newer case makes them leave an older one."""

    def __init__(self, number: int, engine: Name) -> None:
        """Start them; each loads the engine once."""
        self._engine = engine
        self._ticket = get_context("spawn").RawValue(c_long, 0)
        self._due: list[int] = [0] * number
        self._workers = [self._started() for _ in range(number)]

    def _started(self) -> WorkerConnection:
        return WorkerConnection(_work, self._ticket, self._engine, fork=can_fork())

    def leave(self) -> None:
        """Stop the work on the current case: another one is wanted."""
        self._ticket.value += 1

    def run(self, case: Case, seed: int, spans: Sequence[range]) -> Iterator[PartialPicture]:
        """Yield the replications of every span, in order; work on another case is dropped.

        Ends early where it is left itself. Raises LostWorker where a process ends meanwhile; it is replaced.
        """
        self._ticket.value += 1
        number, message = len(self._workers), packed((self._ticket.value, case, seed))  # the case once for all of them
        for hand in range(number):
            self._clear(hand)
            mine = spans[hand::number]
            self._send(hand, message, packed(mine))
            self._due[hand] = len(mine)
        for at in range(len(spans)):
            found = self._receive(at % number)
            if isinstance(found, SimError):
                raise found
            if found is None:
                return
            yield found

    def _send(self, hand: int, *messages: bytes) -> None:
        """Send some messages; a process that has ended since it was last needed is replaced without a word."""
        for message in messages:
            self._workers[hand].send(message)
        if self._workers[hand].lost:
            self._replace(hand)
            for message in messages:
                self._workers[hand].send(message)

    def _receive(self, hand: int) -> PartialPicture | SimError | None:
        """What a process sends next. Raises LostWorker."""
        try:
            found: PartialPicture | SimError | None = self._workers[hand].receive()
        except WorkerLost as lost:
            self._replace(hand)
            raise LostWorker(f"a worker process was lost ({lost}); another one takes its place") from None
        self._due[hand] -= 1
        return found

    def _clear(self, hand: int) -> None:
        """Take what is still on its way and of no use any more."""
        while self._due[hand]:
            with suppress(LostWorker):
                self._receive(hand)

    def _replace(self, hand: int) -> None:
        """Put a fresh process in the place of one that has ended."""
        self._workers[hand], self._due[hand] = self._started(), 0

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.close()


def _work(pipe: Connection, ticket: Any, engine: Name) -> None:
    """Run what comes along the pipe, until it is cut or the parent is gone; Ctrl-C is for the parent."""
    begin_work()
    load(engine)
    cache: CalendarCache | None = None
    with suppress(EOFError, OSError):  # the parent has gone
        while True:
            (mine, case, seed), spans = pipe.recv(), pipe.recv()
            cache = CalendarCache(case, seed, cache)
            for span in spans:
                pipe.send(_piece(case, seed, span, cache, partial(_still, ticket, mine)))


def _still(ticket: Any, mine: int) -> bool:
    """Return whether a case is still the one that is wanted."""
    return bool(ticket.value == mine)


class CalendarCache:
    """The calendars of replications, kept from one case to the next: moving a crane does not change the weather."""

    def __init__(self, case: Case, seed: int, before: CalendarCache | None) -> None:
        """Take over what is known where weather, stops and the stated calendars are still the same."""
        self.case, self.seed = case, seed
        self.known: dict[int, Sequence[Calendar]] = {}
        if before is not None and self._same(before):
            stated, given = case.plan.base_calendars, before.case.plan.base_calendars
            self.known = {
                number: [new if kept is old else kept for kept, old, new in zip(hours, given, stated, strict=True)]
                for number, hours in before.known.items()
            }

    def _same(self, before: CalendarCache) -> bool:
        """Whether a replication has the same calendars as it had in another case."""
        one, other = self.case, before.case
        return (
            self.seed == before.seed
            and _closing(one.project) == _closing(other.project)
            and one.plan.calendars == other.plan.calendars
            and all(map(_alike, one.plan.base_calendars, other.plan.base_calendars))
        )

    def of(self, replication: int) -> Sequence[Calendar]:
        """Return the calendars of a replication."""
        if replication not in self.known:
            self.known[replication] = self.case.calendars_of(self.seed, replication)
        return self.known[replication]


def _closing(project: Project) -> tuple[Any, ...]:
    """Return what of a project decides what random events close: its dates, its weather, and plants that stand still."""
    systems = project.by_system.items()
    stops = [(system.scope, system.factory.plant_stops, system.factory.plants(name)) for name, system in systems]
    return project.scale, project.weather, stops


def _alike(one: Calendar, other: Calendar) -> bool:
    return np.array_equal(one.starts, other.starts) and np.array_equal(one.ends, other.ends)


def _piece(
    case: Case, seed: int, span: range, cache: CalendarCache, wanted: Callable[[], bool]
) -> PartialPicture | SimError | None:
    """Run some replications and keep what is shown; an error instead of it where the project cannot go on.

    Nothing where it is not wanted any more: a slider was moved.
    """
    stalled, rows = 0, []
    try:
        each = case.replications(seed, span.start, len(span), calendars_of=cache.of)
        for done in in_batches(each, len(case.plan.rows)) if case.engine == COMPILED else each:
            if not wanted():
                return None
            stalled += done.outcome.deadlock is not None
            rows.append(case.quick_metrics(done))
    except SimError as refused:
        return refused
    metrics = {name: np.array([found[name] for found, _ in rows]) for name in METRICS if name in rows[0][0]}
    curves = {name: np.array([daily[name] for _, daily in rows], np.float32) for name in CURVES}
    return PartialPicture(stalled, metrics, curves)
