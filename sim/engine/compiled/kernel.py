"""The kernel: one replication from its first minute to its last, without a Python object.

Read `play` first: it is rule 1 of the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from sim.engine.compiled.arrays import (
    DUE,
    EVENTS,
    EVENTS_SIZE,
    FAULT,
    FIRST,
    NOW,
    OPEN,
    RANK_BITS,
    READY,
    READY_SIZE,
    UNITS,
    WELL,
    Floats,
    Ints,
)
from sim.engine.compiled.heap import pop
from sim.engine.compiled.jit import fingerprint, part, piece, pointer, whole
from sim.engine.compiled.requests import grant, rank
from sim.engine.compiled.routes import follow, resume
from sim.engine.compiled.works import start

Kernel: TypeAlias = Callable[[Ints, Ints, Ints, Floats, Ints, Ints], int]


@piece
def due(plan: Ints, run: Ints, now: int) -> bool:
    """Whether something ends in this minute."""
    return run[EVENTS_SIZE] > 0 and run[run[EVENTS]] >> plan[RANK_BITS] == now


@piece
def settle(plan: Ints, run: Ints, luck: Ints, figures: Floats, log: Ints, now: int) -> None:
    """Complete everything that is due, and let units go on until none can."""
    while due(plan, run, now):
        event = pop(run, run[EVENTS], run[EVENTS_SIZE])
        run[EVENTS_SIZE] -= 1
        run[run[READY] + run[READY_SIZE]] = rank(plan, event)
        run[READY_SIZE] += 1
    while run[READY_SIZE] > 0 and run[FAULT] == WELL:
        run[READY_SIZE] -= 1
        resume(plan, run, luck, figures, log, run[run[READY] + run[READY_SIZE]], now)


@piece
def play(plan: Ints, run: Ints, luck: Ints, figures: Floats, hours: Ints, log: Ints, now: int) -> None:
    """Play out a minute: completions, then grants, again until nothing is granted; then works begin."""
    while run[FAULT] == WELL:
        settle(plan, run, luck, figures, log, now)
        if run[DUE] != 0:
            grant(plan, run, now)
            continue
        start(plan, run, luck, figures, hours, now)
        if not due(plan, run, now):
            return


@part
def run_through(plan: Ints, run: Ints, luck: Ints, figures: Floats, hours: Ints, log: Ints) -> int:
    """Perform a plan until its completion gate is open, or nobody can go on; return what went wrong."""
    now = 0
    for unit in range(plan[UNITS]):
        follow(plan, run, luck, figures, log, unit, plan[plan[FIRST] + unit], now)
    while True:
        play(plan, run, luck, figures, hours, log, now)
        if run[FAULT] != WELL or run[OPEN] != 0 or run[EVENTS_SIZE] == 0:
            run[NOW] = now
            return run[FAULT]
        now = run[run[EVENTS]] >> plan[RANK_BITS]


def _outermost(source: str) -> Kernel:
    """Make the kernel; that `source` is part of it keeps machine code of other sources from being used."""

    @whole
    def perform(plan: Ints, run: Ints, luck: Ints, figures: Floats, hours: Ints, log: Ints) -> int:
        """Perform a plan in arrays of these layouts; return what went wrong."""
        places = pointer(plan), pointer(run), pointer(luck), pointer(figures), pointer(hours), pointer(log)
        return run_through(*places) + len(source) * 0

    return perform


perform = _outermost(fingerprint())
