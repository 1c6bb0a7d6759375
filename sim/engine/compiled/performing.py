"""Performing a plan with the compiled engine: the twin of the reference's `perform`, one run or many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sim.engine.compiled.arrays import CONTENT, LOG_FULL, REPLICATION, ROOM, ROWS, Floats, Ints
from sim.engine.compiled.endings import ending
from sim.engine.compiled.kernel import perform as kernel
from sim.engine.compiled.lucky import Luck, Uniforms, given
from sim.engine.compiled.preparing import plan_array, beginning
from sim.engine.compiled.timetable import Timetables
from sim.engine.processes import Performance
from sim.plan.compile import Compiled
from sim.world.calendars import Calendar

Calendars = Sequence[Calendar]
ROOM_A_STEP = 1.5
"""Rows of log to begin with, per step of the plan; more where rework needs more."""


@dataclass(frozen=True, kw_only=True)
class Performed(Performance):
    """A performance, and what it drew: minutes before losses of every input performed (else 0), shared factors."""

    content: Ints
    factors: Floats


class Prepared:
    """A plan in the form the kernel reads; made once, performed many times, by several threads at once if wanted.

    The twin of the reference's `Prepared`. `arrays` is the plan, `beginning` a run at its first minute.
    """

    def __init__(self, plan: Compiled) -> None:
        self.plan = plan
        self.arrays = plan_array(plan)
        self.beginning = beginning(plan)
        self.luck = lru_cache(maxsize=4)(self._luck)

    def _luck(self, seed: int, forced: tuple[str, ...] = ()) -> Luck:
        """Return the luck of this plan under a seed."""
        return Luck(self.plan.inputs, seed, forced)


class Stage:
    """Room for one run at a time, used again by the next: the state, the log, the calendars."""

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.run = np.empty_like(prepared.beginning)
        self.log = np.empty((100 + int(ROOM_A_STEP * len(prepared.plan.rows)), 3), np.int64)
        self.timetables = Timetables()

    def perform(
        self, numbers: Ints, figures: Floats, factors: Floats, replication: int, calendars: Calendars
    ) -> Performed:
        """Perform the plan once; where the log was too short, again with a longer one."""
        prepared, hours = self.prepared, self.timetables.of(calendars)
        while True:
            self.run[:] = prepared.beginning
            self.run[REPLICATION], self.run[ROOM] = replication, len(self.log)
            if kernel(prepared.arrays, self.run, numbers, figures, hours, self.log) != LOG_FULL:
                break
            self.log = np.empty((2 * int(self.run[ROWS]), 3), np.int64)
        stuck = ending(prepared.plan, self.run, calendars)
        begin = self.run[CONTENT]
        content = self.run[begin : begin + len(prepared.plan.inputs.names)].copy()
        rows = self.log[: self.run[ROWS]].copy()
        return Performed(rows, stuck, content=content, factors=factors)


def perform_many(
    prepared: Prepared,
    seed: int,
    first: int,
    count: int,
    calendars_of: Callable[[int], Calendars],
    instead: Uniforms | None = None,
) -> Iterator[Performed]:
    """Perform replications first … first + count − 1, each on its own calendars.

    `instead` holds uniforms, one a replication, for inputs, factors and delays that are not to be drawn.
    """
    names = prepared.plan.inputs.names
    luck = prepared.luck(seed, tuple(name for name in names if name in (instead or {})))
    stage = Stage(prepared)
    for shared in luck.chunk(first, count, instead):
        calendars = calendars_of(shared.replication)
        yield stage.perform(luck.numbers, shared.figures, shared.factors, shared.replication, calendars)


def perform(prepared: Prepared, seed: int, replication: int, calendars: Calendars) -> Performed:
    """Perform one replication."""
    return next(perform_many(prepared, seed, replication, 1, lambda _: calendars))


def perform_given(prepared: Prepared, values: Sequence[int], calendars: Calendars) -> Performed:
    """Perform the plan with the value of every input given, as in the planned run; repeats take the same value."""
    numbers, figures = given(prepared.plan.inputs, values)
    return Stage(prepared).perform(numbers, figures, np.empty(0), 0, calendars)
