"""Hours earned and worked by people: twin of the sums in `sim.metrics.workforce`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.machine.jit import part, whole

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Hours = tuple[Ints, Ints, Ints]
"""A calendar: its starts, its ends, and the working minutes until each end."""


@whole
def earned_minutes(works: Ints, earns: NDArray[np.bool_], input_of: Ints, people: Ints, content: Ints) -> int:
    """Return person-minutes of work content of the steps performed; a repeated one earns nothing more."""
    total, done = 0, np.zeros(len(earns), np.bool_)
    for row in range(len(works)):
        step = works[row, 1]
        if earns[step] and not done[step]:
            done[step] = True
            total += content[input_of[step]] * people[step]
    return total


@whole
def worked_minutes(
    works: tuple[Ints, Ints, Ints], calendar: int, hours: tuple[Hours, ...], same: bool, alike: bool
) -> tuple[Floats, Floats]:
    """Return the shift minutes of every work on a calendar, and its people.

    `works` are their rows of the log, and the calendar and the people of every step; `hours` the calendar in this
    run, as planned, and of the shifts. `same` tells that nothing is closed in this run beyond what was planned,
    `alike` that the shifts lose no minutes.
    """
    (rows, calendar_of, people), (real, productive, shift) = works, hours
    minutes, crowd, count = np.empty(len(rows)), np.empty(len(rows)), 0
    at, stated, shifts = np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64)
    for row in range(len(rows)):
        done, step, begun = rows[row]
        if calendar_of[step] != calendar:
            continue
        open_ = _between(real, at, begun, done)
        earning = open_ if same else _between(productive, stated, begun, done)
        worked = earning if alike else _between(shift, shifts, begun, done)
        minutes[count] = open_ * (worked / max(earning, 1) if earning > 0 else 1.0)
        crowd[count] = people[step]
        count += 1
    return minutes[:count].copy(), crowd[:count].copy()


@part
def _between(hours: Hours, at: Ints, begun: int, done: int) -> int:
    """Return the open minutes from a begin to an end; ends come in order, and the last one was found near `at`."""
    starts = hours[0]
    place = at[0]
    while place < len(starts) and starts[place] <= done:
        place += 1
    at[0] = place
    until = _counted(hours, place - 1, done)
    while place > 0 and starts[place - 1] > begun:
        place -= 1
    return until - _counted(hours, place - 1, begun)


@part
def _counted(hours: Hours, place: int, minute: int) -> int:
    """Return the working minutes until a minute in the stretch at a place, or behind it."""
    _, ends, done = hours
    return done[place] - max(ends[place] - minute, 0) if place >= 0 else 0
