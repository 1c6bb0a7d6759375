"""Performing a plan with the compiled engine: the twin of the reference's `perform`, one run or many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Timer
from time import perf_counter

import numpy as np

from sim.engine import dispatch, processes
from sim.engine.compiled.arrays import (
    ASKED,
    CONTENT,
    FAULT,
    LOG_FULL,
    MOST_JUMPS,
    MOST_ROUNDS,
    MOST_ROWS,
    OPEN,
    REPLICATION,
    ROOM,
    ROWS,
    UNKNOWN,
    WELL,
)
from sim.engine.compiled.endings import ending
from sim.engine.compiled.kernel import perform as kernel
from sim.engine.compiled.lucky import Luck, given
from sim.engine.compiled.preparing import beginning, plan_array
from sim.engine.compiled.timetable import Timetables
from sim.engine.processes import Performance
from sim.machine.numbers import Floats, Ints
from sim.plan.compile import Compiled, compile_plan
from sim.plan.luck import Uniforms
from sim.plan.plan import Plan
from sim.plan.vocabulary import Signal
from sim.world.calendars import ALL, Calendar

Calendars = Sequence[Calendar]
Further = Callable[[int, int], Calendars]
A_MOMENT = 3.0
"""Seconds to load machine code from the disk in; what takes longer is being compiled."""
COMPILING = "compiling the fast engine for this machine: once, for about ten seconds"
AT_ONCE = 64
"""Replications whose shared luck is drawn together."""
ROOM_A_STEP = 1.5
"""Rows of log to begin with, per step of the plan; more where rework needs more."""


@dataclass(frozen=True, kw_only=True)
class Performed(Performance):
    """A performance, and what it drew: minutes before losses of every input performed (else 0), shared factors.

    `hours` are the calendars it was performed on.
    """

    content: Ints
    factors: Floats
    hours: Calendars


class Prepared:
    """A plan in the form the kernel reads; made once, performed many times, by several threads at once if wanted.

    The twin of the reference's `Prepared`. `arrays` is the plan, `beginning` a run at its first minute.
    """

    def __init__(self, plan: Compiled) -> None:
        """Lay out the plan."""
        self.plan = plan
        self.arrays = plan_array(plan)
        self.beginning = beginning(plan)
        self.luck = lru_cache(maxsize=4)(self._luck)

    def _luck(self, seed: int, uniforms: Uniforms | None = None) -> Luck:
        """Return the luck of this plan under a seed."""
        return Luck(self.plan.inputs, seed, uniforms)


class Stage:
    """Room for one run at a time, used again by the next: the state, the log, the calendars."""

    def __init__(self, prepared: Prepared, numbers: Ints, figures: Floats) -> None:
        """Set up for runs of one plan with the luck in `numbers` and `figures`."""
        self.prepared, self.numbers, self.figures = prepared, numbers, figures
        self.run = np.empty_like(prepared.beginning)
        self.log = np.empty((100 + int(ROOM_A_STEP * len(prepared.plan.rows)), 3), np.int64)
        self.timetables = Timetables()

    def perform(
        self, replication: int, factors: Floats, calendars: Calendars, further: Further | None = None
    ) -> Performed:
        """Perform the plan once, again with calendars that are known further if these do not suffice."""
        plan = self.prepared.plan
        while self.play_whole(replication, calendars) and any(calendar.known < ALL for calendar in calendars):
            if further is None:
                raise ValueError("calendars that are not known to their end, and nobody who knows more")
            calendars = further(replication, int(self.run[ASKED]) if self.run[FAULT] == UNKNOWN else ALL)
        stuck = ending(plan, self.run, calendars)
        content = self.run[self.run[CONTENT] :][: len(plan.inputs.names)]
        return Performed(
            self.log[: self.run[ROWS]].copy(), stuck, content=content.copy(), factors=factors, hours=calendars
        )

    def play_whole(self, replication: int, calendars: Calendars) -> bool:
        """Have the kernel perform the plan on calendars; return whether it ended otherwise than well."""
        hours = self.timetables.of(calendars)
        while self.play(replication, hours) == LOG_FULL:
            self.log = np.empty((2 * int(self.run[ROWS]), 3), np.int64)
        return bool(self.run[FAULT] != WELL or not self.run[OPEN])

    def play(self, replication: int, hours: Ints) -> int:
        """Have the kernel perform the plan as far as the log has room, and return what went wrong."""
        self.run[:] = self.prepared.beginning
        self.run[REPLICATION], self.run[ROOM] = replication, len(self.log)
        self.run[MOST_JUMPS], self.run[MOST_ROUNDS] = processes.JUMPS_A_MINUTE, dispatch.ROUNDS_A_MINUTE
        self.run[MOST_ROWS] = processes.EVENTS_A_RUN
        return kernel(self.prepared.arrays, self.run, self.numbers, self.figures, hours, self.log)


def perform_many(
    prepared: Prepared,
    seed: int,
    first: int,
    count: int,
    calendars_of: Callable[[int], Calendars],
    uniforms: Uniforms | None = None,
    further: Further | None = None,
) -> Iterator[Performed]:
    """Perform replications first … first + count − 1, each on its own calendars, and yield them in order.

    Where calendars are not known to their end, `further` gives those of a replication up to a minute at least.
    `uniforms` is where the luck of first attempts comes from if it is not plain, as for `sim.plan.luck.Draws`.
    What cannot go on at all is raised, as by the reference; a stall is a performance that is stuck.
    """
    luck = prepared.luck(seed, uniforms)
    stage, lasting = None, len(luck.figures)
    for begin in range(first, first + count, AT_ONCE):
        for common in luck.chunk(begin, min(AT_ONCE, first + count - begin)):
            stage = stage or Stage(prepared, luck.numbers, np.concatenate([luck.figures, common.figures]))
            stage.figures[lasting:] = common.figures
            calendars = calendars_of(common.replication)
            yield stage.perform(common.replication, common.factors, calendars, further)


def perform(prepared: Prepared, seed: int, replication: int, calendars: Calendars) -> Performed:
    """Perform one replication."""
    return next(perform_many(prepared, seed, replication, 1, lambda _: calendars))


def perform_given(prepared: Prepared, values: Sequence[int], calendars: Calendars) -> Performed:
    """Perform the plan with the value of every input given, as in the planned run; repeats take the same value."""
    numbers, figures = given(prepared.plan.inputs, values)
    return Stage(prepared, numbers, figures).perform(0, np.empty(0), calendars)


def ready(announce: Callable[[str], None] | None = None) -> float:
    """Load the kernel, or compile it where the disk has none for this machine yet; return the seconds it took.

    `announce` is told if it takes longer than a moment, by another thread while this one works.
    """
    began = perf_counter()
    telling = Timer(A_MOMENT, announce or str, [COMPILING])
    telling.start()
    try:
        perform_given(Prepared(compile_plan(_nothing())), [], [])
    finally:
        telling.cancel()
    return perf_counter() - began


def _nothing() -> Plan:
    """Return the smallest plan there is."""
    plan = Plan(("done", 1))
    plan.unit("nobody", [Signal(plan.gate("done"))])
    return plan
