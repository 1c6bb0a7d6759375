"""Crews by week, compiled: how many of every trade a log has busy, and how many are manned through short valleys.

The reference is `_weekly` and `closed` of `sim.study.crew_planning.manning`; a crew plan is found by reading hundreds of
logs in this way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.jit.toolkit import Ints, IntView, entry_point, int_view, jit


def crew_weeks(log: Ints, change_of: NDArray[np.int32], changes: Ints, week: int, idle_weeks: int) -> tuple[Ints, Ints]:
    """Return crews by trade and week, busy and manned; `week` is its minutes.

    `changes` are crews taken, shape (different changes, trades); `change_of` is by step which of them it makes, or -1.
    """
    log = np.ascontiguousarray(log)
    busy = np.zeros((changes.shape[1], int(log[-1, 0]) // week + 1), np.int64)
    manned, now = np.empty_like(busy), np.zeros(changes.shape[1], np.int64)
    read_crews(log, change_of, np.ascontiguousarray(changes), week, now, busy)
    fill_valleys(busy, idle_weeks + 1, manned)
    return busy, manned


@entry_point
def read_crews(
    log_: Ints, change_of_: NDArray[np.int32], changes_: Ints, week: int, now_: Ints, busy_: Ints
) -> None:  # fmt: skip
    """Write the most crews busy in every week; a count holds from its minute to the next one."""
    log, change_of, changes = int_view(log_), int_view(change_of_), int_view(changes_)
    now, busy = int_view(now_), int_view(busy_)
    trades, weeks = busy_.shape
    current = -1
    for row in range(len(log_)):
        change = change_of[log[3 * row + 1]]
        if change < 0:
            continue
        minute = log[3 * row]
        this = minute // week
        # what was busy before a change in the first minute of a week is not of that week
        carry(now, busy, trades, weeks, current + 1, this + int(minute > this * week and this > current))
        current = max(current, this)
        for trade in range(trades):
            now[trade] += changes[change * trades + trade]
            busy[trade * weeks + this] = max(busy[trade * weeks + this], now[trade])
    carry(now, busy, trades, weeks, current + 1, weeks)


@jit
def carry(now: IntView, busy: IntView, trades: int, weeks: int, first: int, end: int) -> None:
    """Write what is busy as some weeks begin."""
    for at in range(first, end):
        for trade in range(trades):
            busy[trade * weeks + at] = now[trade]


@entry_point
def fill_valleys(busy_: Ints, span: int, manned_: Ints) -> None:
    """Write a grey closing of every row: the least of all highest of `span` weeks that a week is in."""
    busy, manned = int_view(busy_), int_view(manned_)
    trades, weeks = busy_.shape
    for trade in range(trades):
        for week in range(weeks):
            least = 2**62
            for end in range(week, week + span):
                highest = 0
                for at in range(max(0, end - span + 1), min(weeks, end + 1)):
                    highest = max(highest, busy[trade * weeks + at])
                least = min(least, highest)
            manned[trade * weeks + week] = least
