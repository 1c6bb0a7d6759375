"""What a step of a route says, and where a unit stands in its own."""

from __future__ import annotations

from sim.engine.compiled.arrays import ABOUT, AT, ATTEMPTS, HALF, MANNERS, MORE, STATE, STEP, STEPS, UNIT
from sim.machine.jit import fetch, piece
from sim.machine.numbers import Numbers

LOWER = (1 << HALF) - 1


@piece
def manner(plan: Numbers, at: int) -> int:
    """Return where the manner of a step stands."""
    return plan[MANNERS] + (plan[plan[STEPS] + at * STEP + ABOUT] >> HALF)


@piece
def about(plan: Numbers, at: int) -> int:
    """Return what a step is about: the number of its bundle, input, gate or note."""
    return plan[plan[STEPS] + at * STEP + ABOUT] & LOWER


@piece
def more(plan: Numbers, at: int) -> int:
    """Return what else belongs to a step: a level, an amount, the place of its attempts."""
    return plan[plan[STEPS] + at * STEP + MORE]


@piece
def attempt(run: Numbers, place: int) -> int:
    """Return how often a step was performed before, and count; at place 0 are all that are performed only once."""
    made = run[run[ATTEMPTS] + place]
    if place > 0:
        run[run[ATTEMPTS] + place] = made + 1
    return made


@piece
def standing(run: Numbers, unit: int) -> int:
    """Return where a unit's state stands."""
    return run[STATE] + unit * UNIT


@piece
def fetch_step(plan: Numbers, run: Numbers, unit: int) -> None:
    """Have the step of a unit brought near that is soon to go on: it was last looked at long ago."""
    fetch(plan, plan[STEPS] + run[standing(run, unit) + AT] * STEP)
