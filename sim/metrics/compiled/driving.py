"""The minutes of the driving chain by mechanism, without its pieces: what every run is measured by.

`sim.metrics.chain` says what the chain is, and has its pieces where somebody wants to read them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sim.metrics.chain import step_mechanism
from sim.metrics.compiled.walking import DATE, NONE, OTHER, ROW, SINCE, TIMED, WHY, Trace, Ways, walk
from sim.metrics.compiled.walking import FREE as FREES
from sim.metrics.compiled.walking import HOLD as HOLDS
from sim.metrics.compiled.walking import SIGNAL as SIGNALS
from sim.metrics.compiled.walking import WAIT as WAITS
from sim.metrics.compiled.walking import WORK as WORKS
from sim.metrics.compiled.weather import lost_minutes
from sim.metrics.mechanisms import MECHANISMS, of_pool
from sim.metrics.record import Index, Ints, Record
from sim.plan.compile import FREE, HOLD, SIGNAL, UNTIL, WAIT, WORK
from sim.plan.risks import AWAY

KINDS = {HOLD: HOLDS, WAIT: WAITS, WORK: WORKS, UNTIL: DATE, FREE: FREES, SIGNAL: SIGNALS}
NUMBER = {name: number for number, name in enumerate(MECHANISMS)}
UNKNOWN = -2


class Prepared:
    """A plan in the form the walk reads; the mechanism of a step is looked up when it is first met on a chain."""

    def __init__(self, index: Index) -> None:
        """Lay out the plan."""
        self.index, self.ways = index, _ways(index)
        self._mechanisms = np.full(len(index.operation), UNKNOWN)

    def mechanisms(self, steps: Ints) -> Ints:
        """Return the mechanisms of steps that take time, by number."""
        found = self._mechanisms[steps]
        for step in steps[found == UNKNOWN].tolist():
            self._mechanisms[step] = NUMBER[step_mechanism(self.index, step)]
        return self._mechanisms[steps]


prepared = lru_cache(maxsize=8)(Prepared)


def _ways(index: Index) -> Ways:
    """Return what the walk asks of a plan."""
    plan = index.plan
    pools = [of_pool(pool) for pool in plan.pools]
    sizes = [len(bundle) for bundle in plan.bundles]
    flat = np.array([pair for bundle in plan.bundles for pair in bundle], np.int64).reshape(-1, 2)
    kind = np.array([KINDS.get(operation, OTHER) for operation in range(len(KINDS) + 2)], np.uint8)
    return Ways(
        kind=kind[index.operation],
        argument=index.first_argument,
        unit=index.short_unit_of_step,
        completes=index.completes.astype(np.uint8),
        first=np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]),
        pool=flat[:, 0].copy(),
        amount=flat[:, 1].copy(),
        initial=plan.initial,
        mechanism=np.array([NUMBER[name] if name else NONE for name in pools], np.int64),
        stays=np.array([kind != "passed" for kind in plan.pool_kinds], np.uint8),
        strikes=np.array([unit.startswith(AWAY) for unit in plan.units], np.uint8),
        other=NUMBER["other"],
        risk=NUMBER["risk"],
    )


def chain_minutes(record: Record) -> dict[str, int] | None:
    """Return the minutes on the chain that are due to every mechanism; None where the run was never finished."""
    plan = prepared(record.index)
    *_, before, over = record.scanned
    log, rows = np.ascontiguousarray(record.log), len(record.log)
    seen, free, upto = np.zeros(rows, np.uint8), plan.ways.initial.copy(), np.zeros(1, np.int64)
    room = np.empty((rows, 4), np.int64)
    found = room[: walk(plan.ways, Trace(log, rows, before, seen, free, upto), over, room)]
    if not len(found):
        return None
    timed, log = found[:, TIMED] == 1, record.log[found[:, ROW]]
    waited = np.bincount(found[~timed, WHY], (log[:, 0] - log[:, 2])[~timed], len(MECHANISMS))
    worked = _pieces(plan, record, log[timed], found[timed])
    return {name: int(waited[number]) + worked[number] for number, name in enumerate(MECHANISMS)}


def _pieces(plan: Prepared, record: Record, log: Ints, found: Ints) -> list[int]:
    """Return the minutes of works and waits for dates by mechanism: what is short, else themselves; and weather."""
    begun, done, why = log[:, 2], log[:, 0], found[:, WHY]
    lost, own = _lost(record, log), plan.mechanisms(log[:, 1])
    cut = np.where(why != NONE, np.minimum(np.maximum(begun, found[:, SINCE]), done), done)
    length = done - begun
    stormy = (cut - begun) * lost // length
    total = np.zeros(len(MECHANISMS), np.int64)
    np.add.at(total, np.maximum(why, 0), done - cut - (lost - stormy))
    np.add.at(total, own, cut - begun - stormy)
    total[NUMBER["weather"]] += lost.sum()
    return [int(minutes) for minutes in total]


def _lost(record: Record, log: Ints) -> Ints:
    """Return what works lost to weather, calendar by calendar; other rows lose nothing."""
    plan = record.index.plan
    rows = plan.rows[log[:, 1]]
    lost: NDArray[np.int64] = np.zeros(len(log), np.int64)
    works = rows[:, 0] == WORK
    for number in sorted({*rows[works, 2].tolist()}):
        real, stated = record.calendars[number], plan.base_calendars[number]
        if real is not stated:
            its = np.flatnonzero(works & (rows[:, 2] == number))
            lost[its] = lost_minutes(log[its, 2], log[its, 0], rows[its, 3],
                (real.starts, real.ends, real.done), (stated.starts, stated.ends, stated.done))  # fmt: skip
    return lost
