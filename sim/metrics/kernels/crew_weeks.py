"""Crews by trade and week, compiled: how many are busy in a log, and how many are manned through short idle times.

The reference is `crew_weeks` of `sim.study.crew_planning.manning`; a crew plan is found by reading hundreds of
logs in this way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.jit.toolkit import Ints, IntView, entry_point, int_view, jit
from sim.metrics.kernels.interface import LOG_COLUMNS, LOG_MINUTE, LOG_STEP


def crew_weeks(
    log: Ints, change_of_step: NDArray[np.int32], changes: Ints, week_minutes: int, idle_weeks: int
) -> tuple[Ints, Ints]:
    """Return (busy, manned) crews, each by trade and week.

    `changes` are the crews by trade that become busy, or idle if below 0, shape (different changes, trades);
    `change_of_step` is the row of it that a step makes, or -1. Crews are manned through up to `idle_weeks` idle weeks.
    """
    log = np.ascontiguousarray(log)
    busy = np.zeros((changes.shape[1], int(log[-1, LOG_MINUTE]) // week_minutes + 1), np.int64)
    manned, crews_now = np.empty_like(busy), np.zeros(changes.shape[1], np.int64)
    read_crews(log, change_of_step, np.ascontiguousarray(changes), week_minutes, crews_now, busy)
    fill_valleys(busy, idle_weeks + 1, manned)
    return busy, manned


@entry_point
def read_crews(
    log_: Ints, change_of_step_: NDArray[np.int32], changes_: Ints, week_minutes: int, crews_now_: Ints, busy_: Ints
) -> None:  # fmt: skip
    """Write the most crews busy by trade and week; `crews_now_` is scratch space by trade, all 0 at first."""
    log, change_of_step, changes = int_view(log_), int_view(change_of_step_), int_view(changes_)
    crews_now, busy = int_view(crews_now_), int_view(busy_)
    trades, weeks = busy_.shape
    last_week_written = -1
    for row in range(len(log_)):
        change = change_of_step[log[LOG_COLUMNS * row + LOG_STEP]]
        if change < 0:
            continue
        minute = log[LOG_COLUMNS * row + LOG_MINUTE]
        week = minute // week_minutes
        # crews busy before a change count in its week, unless the change is in the first minute of that week
        counts_in_week = minute > week * week_minutes and week > last_week_written
        _write_weeks(crews_now, busy, trades, weeks, last_week_written + 1, week + int(counts_in_week))
        last_week_written = max(last_week_written, week)
        for trade in range(trades):
            crews_now[trade] += changes[change * trades + trade]
            busy[trade * weeks + week] = max(busy[trade * weeks + week], crews_now[trade])
    _write_weeks(crews_now, busy, trades, weeks, last_week_written + 1, weeks)


@jit
def _write_weeks(crews_now: IntView, busy: IntView, trades: int, weeks: int, first_week: int, end_week: int) -> None:
    """Write the crews busy now as those of some weeks, from the first up to but without the end."""
    for week in range(first_week, end_week):
        for trade in range(trades):
            busy[trade * weeks + week] = crews_now[trade]


@entry_point
def fill_valleys(busy_: Ints, window: int, manned_: Ints) -> None:
    """Write the grey closing of every trade's weeks: the least of the maxima of all windows that a week is in.

    `window` is in weeks: idle times shorter than that are filled.
    """
    busy, manned = int_view(busy_), int_view(manned_)
    trades, weeks = busy_.shape
    for trade in range(trades):
        for week in range(weeks):
            min_maximum = 2**62
            for last_week in range(week, week + window):
                maximum = 0
                for week_of_window in range(max(0, last_week - window + 1), min(weeks, last_week + 1)):
                    maximum = max(maximum, busy[trade * weeks + week_of_window])
                min_maximum = min(min_maximum, maximum)
            manned[trade * weeks + week] = min_maximum
