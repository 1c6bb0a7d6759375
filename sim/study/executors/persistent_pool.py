"""Processes that stay, and run one case after the other, a piece at a time, until the next one is wanted."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from ctypes import c_long
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from sim.config.project import Project
from sim.engine.backends import Name, load
from sim.errors import SimError
from sim.study.case import Case
from sim.study.executors.worker import WorkerProcess, die_with_parent, sigint_blocked
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
CURVES = ("mw_online", "headcount", "idle_capital_usd")


@dataclass(frozen=True)
class PartialPicture:
    """Some replications: how many stalled, metrics by name, and daily curves of shape (replications, days)."""

    stalled: int
    metrics: dict[str, np.ndarray]
    curves: dict[str, np.ndarray]


class PersistentPool:
    """Some processes, each with its own line to this one; a newer case makes them leave an older one."""

    def __init__(self, number: int, engine: Name) -> None:
        """Start them; each loads the engine once."""
        context = get_context("spawn")
        resource_tracker.ensure_running()  # or it would be started with the first process, and let Ctrl-C through
        self._ticket = context.RawValue(c_long, 0)
        self._lines: list[Connection] = []
        self._due: list[int] = [0] * number
        self._processes = []
        for _ in range(number):
            here, there = context.Pipe()
            process = WorkerProcess(target=_work, args=(there, self._ticket, engine), daemon=True)
            with sigint_blocked():
                process.start()
            there.close()
            self._lines.append(here)
            self._processes.append(process)

    def leave(self) -> None:
        """Stop the work on the current case: another one is wanted."""
        self._ticket.value += 1

    def run(self, case: Case, seed: int, spans: Sequence[range]) -> Iterator[PartialPicture]:
        """Yield the replications of every span, in order; work on another case is dropped.

        Ends early where it is left itself.
        """
        self._ticket.value += 1
        self._clear()
        number = len(self._lines)
        for hand, line in enumerate(self._lines):
            mine = spans[hand::number]
            line.send((self._ticket.value, case, seed, mine))
            self._due[hand] = len(mine)
        for at in range(len(spans)):
            self._due[at % number] -= 1
            found = self._lines[at % number].recv()
            if isinstance(found, SimError):
                raise found
            if found is None:
                return
            yield found

    def _clear(self) -> None:
        """Take what is still on its way and of no use any more."""
        for hand, line in enumerate(self._lines):
            while self._due[hand]:
                line.recv()
                self._due[hand] -= 1

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
            process.join()


def _work(line: Connection, ticket: Any, engine: Name) -> None:
    """Run what comes along the line, until it is cut or the parent is gone; Ctrl-C is for the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    load(engine)
    cache: CalendarCache | None = None
    while True:
        try:
            mine, case, seed, spans = line.recv()
        except EOFError:
            return
        cache = CalendarCache(case, seed, cache)
        for span in spans:
            line.send(_piece(case, seed, span, cache, partial(_still, ticket, mine)))


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
        for done in case.replications(seed, span.start, len(span), calendars_of=cache.of):
            if not wanted():
                return None
            stalled += done.outcome.deadlock is not None
            rows.append(case.quick_metrics(done))
    except SimError as refused:
        return refused
    metrics = {name: np.array([found[name] for found, _ in rows]) for name in METRICS if name in rows[0][0]}
    curves = {name: np.array([daily[name] for _, daily in rows], np.float32) for name in CURVES}
    return PartialPicture(stalled, metrics, curves)
