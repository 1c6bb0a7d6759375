"""Reading a log once: when every step was performed last, what is measured, who came before whom, when it was over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.machine.jit import numbers_of, whole_of

Ints = NDArray[np.int64]
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
