"""The minutes of the driving chain by mechanism, without its pieces: what every run is measured by.

`sim.metrics.chain` says what the chain is, and has its pieces where somebody wants to read them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from sim.metrics.chain import step_mechanism
from sim.metrics.compiled import walking as walk
from sim.metrics.compiled.weather import note_lost
from sim.metrics.mechanisms import MECHANISMS, of_pool
from sim.metrics.record import Index, Ints, Record
from sim.plan.compile import FREE, HOLD, SIGNAL, UNTIL, WAIT, WORK
from sim.plan.risks import AWAY

KINDS = {
    HOLD: walk.HOLD, WAIT: walk.WAIT, WORK: walk.WORK, UNTIL: walk.DATE, FREE: walk.FREE, SIGNAL: walk.SIGNAL
}  # fmt: skip
NUMBER = {name: number for number, name in enumerate(MECHANISMS)}
UNKNOWN = -2


class Prepared:
    """A plan in the form the walk reads; the mechanism of a step is looked up when it is first met on a chain."""

    def __init__(self, index: Index) -> None:
        """Lay out the plan."""
        self.index, self.laid_out = index, _laid_out(index)
        self.free = np.append(index.plan.initial, 0)
        self._mechanisms = np.full(len(index.operation), UNKNOWN)

    def mechanisms(self, steps: Ints) -> Ints:
        """Return the mechanisms of steps that take time, by number."""
        found = self._mechanisms[steps]
        for step in steps[found == UNKNOWN].tolist():
            self._mechanisms[step] = NUMBER[step_mechanism(self.index, step)]
        return self._mechanisms[steps]


prepared = lru_cache(maxsize=8)(Prepared)


def _laid_out(index: Index) -> Ints:
    """Return what the walk asks of a plan, in one array."""
    plan, header = index.plan, np.zeros(walk.HEADER, np.int64)
    header[walk.GATE], header[walk.BY_RISK], header[walk.BY_OTHER] = plan.completion[0], NUMBER["risk"], NUMBER["other"]
    parts, size = [header], walk.HEADER
    for name, table in _tables(index).items():
        header[name] = size
        parts.append(np.asarray(table, np.int64).reshape(-1))
        size += parts[-1].size
    return np.concatenate(parts)


def _tables(index: Index) -> dict[int, ArrayLike]:
    """Return the tables of a plan by their places in the header."""
    plan, pools = index.plan, [of_pool(pool) for pool in index.plan.pools]
    flat = np.array([pair for bundle in plan.bundles for pair in bundle], np.int64).reshape(-1, 2)
    return {
        walk.FIRST: np.cumsum([0, *(len(bundle) for bundle in plan.bundles)]),
        walk.POOL: flat[:, 0],
        walk.AMOUNT: flat[:, 1],
        walk.MECHANISM: [NUMBER[name] if name else walk.NONE for name in pools],
        walk.STAYS: [kind != "passed" for kind in plan.pool_kinds],
        walk.STRIKES: [unit.startswith(AWAY) for unit in plan.units],
        walk.STEPS: _steps(index),
    }


def _steps(index: Index) -> Ints:
    """Return what is known of every step; what is no work has no calendar."""
    steps, works = np.empty((len(index.operation), walk.WORDS), np.int64), index.operation == WORK
    kind = np.full(1 + max(index.operation.max(), *KINDS), walk.OTHER)
    kind[list(KINDS)] = list(KINDS.values())
    steps[:, walk.KIND] = kind[index.operation]
    steps[:, walk.ARGUMENT], steps[:, walk.UNIT] = index.first_argument, index.plan.unit_of
    steps[:, walk.CALENDAR] = np.where(works, index.plan.rows[:, 2], walk.NONE)
    steps[:, walk.MODE] = index.plan.rows[:, 3]
    return steps


def chain_minutes(record: Record) -> dict[str, int] | None:
    """Return the minutes on the chain that are due to every mechanism; None where the run was never finished."""
    plan, scanned, rows = prepared(record.index), record.scanned, len(record.log)
    seen, room, total = (
        np.zeros(rows, np.uint8),
        np.empty((rows, walk.NOTED), np.int64),
        np.zeros(len(NUMBER), np.int64),
    )
    count = walk.walk(plan.laid_out, scanned.log, scanned.before, seen, plan.free.copy(), scanned.over, room)
    if not count:
        return None
    found, planned = room[:count], record.index.plan.base_calendars
    for number in sorted({*found[:, walk.CALENDAR_OF].tolist()} - {walk.NONE}):
        real, stated = record.calendars[number], planned[number]
        if real is not stated:
            note_lost(found, number, real.starts, real.ends, real.done, stated.starts, stated.ends, stated.done)
    timed = found[:, walk.TIMED] == 1
    found[timed, walk.OWN] = plan.mechanisms(found[timed, walk.STEP])
    walk.share(found, NUMBER["weather"], total)
    return dict(zip(MECHANISMS, total.tolist(), strict=True))
