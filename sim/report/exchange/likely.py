"""How sure the dates of a schedule are: each task's P50 and P80 finish, and how often it was critical."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.metrics.latest import latest
from sim.plan.commissioning import ONLINE
from sim.plan.compile import NOTE, WORK
from sim.report.exchange.schedule import Key
from sim.study.case import Case
from sim.study.intervals import rank
from sim.world.calendars import Calendar

DAY = 1440
LOOKED_AT = 50
"""Replications performed once more to learn the spread of every task."""


@dataclass(frozen=True)
class Likely:
    """One task over many runs: percentiles of its finish (minutes) where it was done, and shares of all runs.

    `critical` counts the runs in which a day's delay of the task would have delayed the last block, waits for crews,
    cranes and places included. `done` is below 1 for rework, which not every run needs.
    """

    p50: float
    p80: float
    critical: float
    done: float


def likely(case: Case, seed: int, runs: int) -> Mapping[Key, Likely]:
    """Perform the first replications of a study again and count, task by task."""
    finishes: dict[Key, list[int]] = {}
    critical: dict[Key, int] = {}
    performed = 0
    for done in case.performed(seed, 0, runs):
        performance = done.performance
        if performance.stuck is not None:
            continue
        performed += 1
        bound = _float(case, performance.log, done.hours)
        times: dict[int, int] = {}
        kinds = case.plan.rows[performance.log[:, 1], 0]
        for row in np.flatnonzero((kinds == WORK) | (kinds == NOTE)).tolist():
            minute, step, _ = performance.log[row].tolist()
            key = (step, times.get(step, 0))
            times[step] = key[1] + 1
            finishes.setdefault(key, []).append(minute)
            critical[key] = critical.get(key, 0) + (bound[row] < DAY)
    return {key: _counted(ends, critical[key], performed) for key, ends in finishes.items()}


def _float(case: Case, log: np.ndarray, hours: Sequence[Calendar]) -> np.ndarray:
    """How much later each row could have been without delaying the last block, in minutes."""
    notes = np.array([kind == ONLINE for kind, _ in case.plan.notes])
    kinds, arguments = case.plan.rows[log[:, 1], 0], case.plan.rows[log[:, 1], 1]
    online = np.flatnonzero((kinds == NOTE) & notes[np.where(kinds == NOTE, arguments, 0)])
    last = int(online[np.argmax(log[online, 0])])
    return np.asarray(latest(case.plan, log, hours, {last: int(log[last, 0])}) - log[:, 0])


def _counted(ends: list[int], critical: int, performed: int) -> Likely:
    """The numbers of one task."""
    ordered = sorted(ends)
    p50, p80 = (float(ordered[rank(share, len(ordered)) - 1]) for share in (0.5, 0.8))
    return Likely(p50, p80, critical / performed, len(ordered) / performed)
