"""Reading a log once: when every step was performed last, what is measured, who came before whom, when it was over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.machine.jit import whole

Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]
NONE = -1


@whole
def read(
    log: Ints, group_of_step: NDArray[np.uint16], groups: int, unit_of_step: Shorts, units: int, level: int
) -> tuple[Ints, Ints, Ints, Shorts, int]:
    """Return the minute of every step (-1: never); the log of all groups but 0, group by group, and their ends.

    Then the row before each of the same unit, or -1; and the minute in which the signals of the last group reached
    a level, or -1.
    """
    when, before, last = np.empty(len(group_of_step), np.int64), np.empty(len(log), np.int32), np.empty(units, np.int32)
    when[:], last[:] = NONE, NONE
    found, ends, count, over = np.empty(len(log), np.int64), np.zeros(groups, np.int64), 0, NONE
    for row in range(len(log)):
        minute, step = log[row, 0], log[row, 1]
        when[step] = minute
        unit, group = unit_of_step[step], group_of_step[step]
        before[row] = last[unit]
        last[unit] = row
        if group != 0:
            found[count] = row
            ends[group] += 1
            count += 1
            if group == groups - 1:
                level -= log[row, 2]
                if level <= 0 and over == NONE:
                    over = minute
    for group in range(1, groups):
        ends[group] += ends[group - 1]
    place, rows = ends.copy(), np.empty((count, 3), np.int64)
    for at in range(count - 1, -1, -1):
        row = found[at]
        group = group_of_step[log[row, 1]]
        place[group] -= 1
        for column in range(3):
            rows[place[group], column] = log[row, column]
    return when, rows, ends, before, over
