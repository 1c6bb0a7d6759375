"""Stretches of time as sets: rising integer starts and ends, each [start, end), never touching."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Minutes: TypeAlias = NDArray[np.int64]
Intervals: TypeAlias = tuple[Minutes, Minutes]


def merged(starts: Minutes, ends: Minutes) -> Intervals:
    """Put stretches in order, drop empty ones, join those that overlap or touch."""
    real = ends > starts
    if not real.all():
        starts, ends = starts[real], ends[real]
    if (starts[1:] > ends[:-1]).all():
        return starts, ends
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    gaps = np.flatnonzero(starts[1:] > reach[:-1])
    return starts[np.concatenate([[0], gaps + 1])], reach[np.concatenate([gaps, [len(reach) - 1]])]


def common(a: Intervals, b: Intervals) -> Intervals:
    """Keep the time that is in both of two merged sets."""
    first = np.searchsorted(b[1], a[0], side="right")
    count = np.maximum(np.searchsorted(b[0], a[1], side="left") - first, 0)
    mine = np.repeat(np.arange(len(count)), count)
    other = np.arange(len(mine)) + np.repeat(first - (np.cumsum(count) - count), count)
    return np.maximum(a[0][mine], b[0][other]), np.minimum(a[1][mine], b[1][other])


def rest(a: Intervals, horizon: int) -> Intervals:
    """Keep the time of [0, horizon) that is not in a merged set."""
    starts = np.concatenate([np.zeros(1, dtype=np.int64), a[1]])
    ends = np.concatenate([a[0], np.array([horizon], dtype=np.int64)])
    return within((starts, ends), horizon)


def within(a: Intervals, horizon: int) -> Intervals:
    """Keep the part of a set that lies in [0, horizon)."""
    starts, ends = np.maximum(a[0], 0), np.minimum(a[1], horizon)
    real = ends > starts
    return starts[real], ends[real]
