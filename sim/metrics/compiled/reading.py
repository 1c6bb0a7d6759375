"""Reading a log once: when every step was performed last, and the rows that are measured, kind by kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.engine.compiled.jit import whole

Ints = NDArray[np.int64]


@whole
def read(log: Ints, group_of_step: NDArray[np.uint16], groups: int) -> tuple[Ints, Ints, Ints]:
    """Return the minute of every step (-1: never), the log of all groups but 0, group by group, and their ends."""
    when = np.full(len(group_of_step), -1)
    found, ends, count = np.empty(len(log), np.int64), np.zeros(groups, np.int64), 0
    for row in range(len(log)):
        step = log[row, 1]
        when[step] = log[row, 0]
        if group_of_step[step] != 0:
            found[count] = row
            ends[group_of_step[step]] += 1
            count += 1
    for group in range(1, groups):
        ends[group] += ends[group - 1]
    place, rows = ends.copy(), np.empty((count, 3), np.int64)
    for at in range(count - 1, -1, -1):
        row = log[found[at]]
        place[group_of_step[row[1]]] -= 1
        rows[place[group_of_step[row[1]]]] = row
    return when, rows, ends
