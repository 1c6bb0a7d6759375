"""Hours earned and worked by people: twin of the sums in `sim.metrics.workforce`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.machine.jit import figures_of, numbers_of, part, whole_of
from sim.machine.numbers import Numbers

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
CALENDAR, PEOPLE, EARNS = range(3)
"""What is known of every step, as in `sim.metrics.record`: its calendar, people, and the input it earns, or -1."""


@whole_of("i8[:,::1], i8[:,::1], i8[::1], u1[::1]")
def earned_minutes(works_: Ints, labour_: Ints, content_: Ints, done_: NDArray[np.uint8]) -> int:
    """Return person-minutes of work content of the steps performed; a repeated one earns nothing more.

    `done` tells of every step whether it was met; none yet.
    """
    works, labour, content, done = numbers_of(works_), numbers_of(labour_), numbers_of(content_), numbers_of(done_)
    total = 0
    for row in range(len(works_)):
        step = works[3 * row + 1]
        earns = labour[3 * step + EARNS]
        if earns >= 0 and done[step] == 0:
            done[step] = 1
            total += content[earns] * labour[3 * step + PEOPLE]
    return total


@whole_of(
    "i8[:,::1], i8[:,::1], i8, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], "
    "b1, b1, f8[:,::1]"
)
def worked_minutes(
    works_: Ints, labour_: Ints, calendar: int,
    opens_: Ints, closes_: Ints, open_until_: Ints,
    start_: Ints, end_: Ints, planned_until_: Ints,
    on_: Ints, off_: Ints, shift_until_: Ints, same: bool, alike: bool, found_: Floats,
) -> int:  # fmt: skip
    """Note the shift minutes of every work on a calendar, and behind all of them its people; return how many there are.

    The calendar is given as it is in this run, as planned, and as the shifts are: starts, ends, and the working minutes
    until each end. `same` tells that nothing is closed in this run beyond what was planned, `alike` that the shifts
    lose no minutes.
    """
    works, labour, found, most = numbers_of(works_), numbers_of(labour_), figures_of(found_), len(works_)
    opens, closes, open_until = numbers_of(opens_), numbers_of(closes_), numbers_of(open_until_)
    start, end, planned_until = numbers_of(start_), numbers_of(end_), numbers_of(planned_until_)
    on, off, shift_until = numbers_of(on_), numbers_of(off_), numbers_of(shift_until_)
    count, at, stated, shifts = 0, 0, 0, 0
    for row in range(most):
        done, step, begun = works[3 * row], works[3 * row + 1], works[3 * row + 2]
        if labour[3 * step + CALENDAR] != calendar:
            continue
        at = _passed(opens, len(opens_), at, done)
        open_ = _between(opens, closes, open_until, at, begun, done)
        earning = worked = open_
        if not same:
            stated = _passed(start, len(start_), stated, done)
            earning = worked = _between(start, end, planned_until, stated, begun, done)
        if not alike:
            shifts = _passed(on, len(on_), shifts, done)
            worked = _between(on, off, shift_until, shifts, begun, done)
        found[count] = open_ * (worked / max(earning, 1) if earning > 0 else 1.0)
        found[most + count] = labour[3 * step + PEOPLE]
        count += 1
    return count


@part
def _passed(start: Numbers, count: int, place: int, minute: int) -> int:
    """Return how many stretches begin until a minute; minutes come in order, and the last one was at `place`."""
    while place < count and start[place] <= minute:
        place += 1
    return place


@part
def _between(start: Numbers, end: Numbers, until: Numbers, place: int, begun: int, done: int) -> int:
    """Return the open minutes from a begin to an end, until which so many stretches begin."""
    total = _counted(end, until, place - 1, done)
    while place > 0 and start[place - 1] > begun:
        place -= 1
    return total - _counted(end, until, place - 1, begun)


@part
def _counted(end: Numbers, until: Numbers, place: int, minute: int) -> int:
    """Return the working minutes until a minute in the stretch at a place, or behind it."""
    return until[place] - max(end[place] - minute, 0) if place >= 0 else 0
