"""When the weather closes the site: stretches of minutes, by what the work is exposed to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.config.steps import EXPOSURES, Exposure
from sim.world.intervals import merged, within
from sim.world.shifts import DAY

Closed: TypeAlias = dict[Exposure, NDArray[np.int64]]
"""By exposure, rows (start, end) of closed minutes since the project's start: in order, apart."""

Stretches: TypeAlias = NDArray[np.int64]
"""Rows (start, end) in any order, overlapping or not; minutes may be negative."""


def hourly(closed: NDArray[np.bool_], first_day: int) -> Stretches:
    """Turn closed hours, (days, 24), into stretches; `first_day` counts from the project's start."""
    flat = closed.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[:1].any():
        edges = np.concatenate([[0], edges])
    if flat[-1:].any():
        edges = np.concatenate([edges, [len(flat)]])
    return edges.reshape(-1, 2) * 60 + first_day * DAY


def stretches(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Stretches:
    """Put starts and ends side by side."""
    rows = np.empty((len(starts), 2), np.int64)  # np.column_stack takes ten times as long for so few
    rows[:, 0], rows[:, 1] = starts, ends
    return rows


def gathered(parts: Mapping[Exposure, Sequence[Stretches]], horizon: int) -> Closed:
    """Join what closes each exposure, and keep what lies in [0, horizon)."""
    closed: Closed = {}
    for exposure in EXPOSURES:
        rows = np.concatenate([nothing(), *parts.get(exposure, ())])
        closed[exposure] = stretches(*within(merged(rows[:, 0], rows[:, 1]), horizon))
    return closed


def nothing() -> Stretches:
    """No stretch at all."""
    return np.empty((0, 2), dtype=np.int64)
