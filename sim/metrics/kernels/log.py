"""Hours earned and worked by people: twin of the sums in `sim.metrics.workforce`.

What closed days cost the works of one calendar: twin of `sim.metrics.critical_chain`, for many rows at once.

Reading a log once: when every step was performed last, what is measured, who came before whom, when it was over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.jit.toolkit import Numbers, figures_of, numbers_of, part, whole_of

# --- working ----------------------------------------------------------------------------------------------------------


Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
CALENDAR_OF_STEP, PEOPLE, EARNS = range(3)
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
        if labour[3 * step + CALENDAR_OF_STEP] != calendar:
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


# --- weather ----------------------------------------------------------------------------------------------------------


PAUSING, WHOLE = 0, 1
"""The numbers of `sim.plan.compile.MODES`; any other one is driving duty."""


BEGUN, DONE, CALENDAR, MODE, LOST = range(5)
"""What is noted of a work, as in `sim.metrics.kernels.critical_chain`."""
NOTED = 10


@whole_of("i8[:,::1], i8, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1]")
def note_lost(
    works_: Ints, calendar: int, opens_: Ints, closes_: Ints, open_until_: Ints, start_: Ints, end_: Ints, done_: Ints
) -> None:
    """Note the minutes that the works on a calendar were done later than on the stated one, begun at the same minutes.

    A calendar is its starts, its ends, and the working minutes until each end: first the real one, then the stated one.
    """
    works, real, stated = numbers_of(works_), len(opens_), len(start_)
    opens, closes, open_until = numbers_of(opens_), numbers_of(closes_), numbers_of(open_until_)
    start, end, done = numbers_of(start_), numbers_of(end_), numbers_of(done_)
    for at in range(0, NOTED * len(works_), NOTED):
        if works[at + CALENDAR] != calendar:
            continue
        begin, finish, lost = works[at + BEGUN], works[at + DONE], 0
        productive = _worked(opens, closes, open_until, real, finish) - _worked(opens, closes, open_until, real, begin)
        if works[at + MODE] == PAUSING:
            lost = finish - _finish(start, end, done, stated, begin, productive)
        elif works[at + MODE] == WHOLE:
            minutes = finish - max(begin, opens[_before(opens, real, finish) - 1])
            lost = finish - _finish_whole(start, end, stated, begin, minutes)
        else:
            meant = _worked(start, end, done, stated, finish) - _worked(start, end, done, stated, begin)
            lost = min(finish - begin, meant - productive)
        works[at + LOST] = max(0, lost)


@part
def _worked(start: Numbers, end: Numbers, done: Numbers, count: int, minute: int) -> int:
    """Count working minutes until a minute; before the project's start every minute counts."""
    place = _before(start, count, minute + 1) - 1
    if place < 0:
        return min(minute, 0)
    return done[place] - max(end[place] - minute, 0)


@part
def _finish(start: Numbers, end: Numbers, done: Numbers, count: int, begin: int, minutes: int) -> int:
    """Return when so many working minutes have passed since a begin."""
    if minutes == 0:
        return begin
    target = _worked(start, end, done, count, begin) + minutes
    place = min(_before(done, count, target), count - 1)
    return end[place] - (done[place] - target)


@part
def _finish_whole(start: Numbers, end: Numbers, count: int, begin: int, minutes: int) -> int:
    """Return when so many minutes in one piece have passed since a begin."""
    if minutes == 0:
        return begin
    place = _before(end, count, begin + 1)
    while place < count - 1 and max(begin, start[place]) + minutes > end[place]:
        place += 1
    return max(begin, start[place]) + minutes


@part
def _before(minutes: Numbers, count: int, minute: int) -> int:
    """Return how many of some minutes in order lie before one."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if minutes[middle] < minute:
            low = middle + 1
        else:
            high = middle
    return low


# --- reading ----------------------------------------------------------------------------------------------------------


Shorts = NDArray[np.int32]
UNIT = 16
"""Where the unit begins in the mark of a step; the bits before it are its group."""
NONE = -1


@whole_of("i8[:,::1], i8[::1], i8, i8[::1], i4[::1], i4[::1], i8[::1], i8[:,:,::1]")
def read(
    log_: Ints, marks_: Ints, level: int, when_: Ints, before_: Shorts, last_: Shorts, ends_: Ints, rows_: Ints
) -> int:
    """Return the minute in which the signals of the last group reached a level, or -1.

    Noted are the minute of every step that was performed; the row before each of the same unit, or -1; and in
    `rows_[1]` the log of all groups but 0, group by group, with their ends. The caller has filled `when` and `last`
    with -1 and `ends` with 0; `rows_[0]` is room for what is found on the way.
    """
    log, marks, when, before = numbers_of(log_), numbers_of(marks_), numbers_of(when_), numbers_of(before_)
    last, ends, found = numbers_of(last_), numbers_of(ends_), numbers_of(rows_)
    groups, count, over, sorted_ = len(ends_), 0, NONE, 3 * len(log_)
    for row in range(len(log_)):
        minute, step = log[3 * row], log[3 * row + 1]
        unit, group = marks[step] >> UNIT, marks[step] & (1 << UNIT) - 1
        when[step] = minute
        before[row] = last[unit]
        last[unit] = row
        if group != 0:
            found[3 * count], found[3 * count + 1], found[3 * count + 2] = minute, step, log[3 * row + 2]
            ends[group] += 1
            count += 1
            if group == groups - 1:
                level -= log[3 * row + 2]
                if level <= 0 and over == NONE:
                    over = minute
    for group in range(1, groups):
        ends[group] += ends[group - 1]
    for at in range(count - 1, -1, -1):
        group = marks[found[3 * at + 1]] & (1 << UNIT) - 1
        ends[group] -= 1
        for column in range(3):
            found[sorted_ + 3 * ends[group] + column] = found[3 * at + column]
    for group in range(1, groups - 1):
        ends[group] = ends[group + 1]
    ends[groups - 1] = count
    return over
