"""The kernel: one replication from its first minute to its last, without a Python object.

Read `play` first: it is rule 1 of the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from sim.engine.compiled.arrays import (
    COMING,
    DUE,
    FAULT,
    FIRST,
    NOW,
    OPEN,
    READY,
    READY_SIZE,
    UNITS,
    WELL,
)
from sim.engine.compiled.requests import grant
from sim.engine.compiled.routes import follow, resume
from sim.engine.compiled.sources import fingerprint
from sim.engine.compiled.wheel import arrive, due, turn
from sim.engine.compiled.works import start
from sim.machine.jit import figures_of, numbers_of, piece, whole
from sim.machine.numbers import Figures, Floats, Ints, Numbers

Kernel: TypeAlias = Callable[[Ints, Ints, Ints, Floats, Ints, Ints], int]


@piece
def settle(plan: Numbers, run: Numbers, luck: Numbers, figures: Figures, log: Numbers, now: int) -> None:
    """Complete everything that is due, and let units go on until none can."""
    if due(run, now):
        arrive(plan, run, now)
    while run[READY_SIZE] > 0 and run[FAULT] == WELL:
        run[READY_SIZE] -= 1
        resume(plan, run, luck, figures, log, run[run[READY] + run[READY_SIZE]], now)


@piece
def play(plan: Numbers, run: Numbers, luck: Numbers, figures: Figures, hours: Numbers, log: Numbers, now: int) -> None:
    """Play out a minute: completions, then grants, again until nothing is granted; then works begin."""
    while run[FAULT] == WELL:
        settle(plan, run, luck, figures, log, now)
        if run[DUE] != 0:
            grant(plan, run, now)
            continue
        start(plan, run, luck, figures, hours, now)
        if not due(run, now):
            return


@piece
def begin(plan: Numbers, run: Numbers, luck: Numbers, figures: Figures, log: Numbers, now: int) -> None:
    """Have every unit set out on its route."""
    for unit in range(plan[UNITS]):
        follow(plan, run, luck, figures, log, unit, plan[plan[FIRST] + unit], now)


@piece
def over(run: Numbers) -> bool:
    """Whether the project is finished, or nobody can go on."""
    return run[FAULT] != WELL or run[OPEN] != 0 or run[COMING] == 0


def _outermost(source: str) -> Kernel:
    """Make the kernel; that `source` is part of it keeps machine code of other sources from being used."""

    @whole
    def perform(plan_: Ints, run_: Ints, luck_: Ints, figures_: Floats, hours_: Ints, log_: Ints) -> int:
        """Perform a plan in arrays of these layouts until it is over; return what went wrong."""
        plan, run, luck = numbers_of(plan_), numbers_of(run_), numbers_of(luck_)
        figures, hours, log = figures_of(figures_), numbers_of(hours_), numbers_of(log_)
        now = len(source) * 0
        begin(plan, run, luck, figures, log, now)
        while True:
            play(plan, run, luck, figures, hours, log, now)
            if over(run):
                break
            now = turn(run)
        run[NOW] = now
        return run[FAULT]

    return perform


perform = _outermost(fingerprint())
