"""How late everything could have been: a backward pass over the log of one run.

Each row must be done early enough for what came after it: the next step of its unit, everyone who waited for the
gate it raised, everyone who took what it gave back (first given, first taken). Waiting is slack.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sim.plan.compile import FREE, HOLD, SIGNAL, WAIT, WORK, Compiled
from sim.world.calendars import Calendar

NEVER = np.iinfo(np.int64).max
WHOLE, DUTY = 1, 2


class _Counter:
    """Something that rises: a gate, or everything ever given to a pool; and how late each level may be reached."""

    def __init__(self) -> None:
        self.needed: list[tuple[int, int]] = []
        self.latest = NEVER

    def need(self, level: int, latest: int) -> None:
        """Record that a level must be reached by a minute."""
        heapq.heappush(self.needed, (-level, latest))

    def before(self, count: int) -> int:
        """Return how late the rise beyond `count` may come; counts are asked for in falling order."""
        while self.needed and -self.needed[0][0] > count:
            self.latest = min(self.latest, heapq.heappop(self.needed)[1])
        return self.latest


def latest(
    plan: Compiled, log: NDArray[np.int64], calendars: Sequence[Calendar], anchors: Mapping[int, int]
) -> NDArray[np.int64]:
    """Return the latest minute of every log row such that no anchor (row → minute) is missed; NEVER if none binds.

    `log` is in the order in which it was performed, shape (rows, 3).
    """
    rows, steps, unit_of = plan.rows.tolist(), log.tolist(), plan.unit_of.tolist()
    counts = _counts(plan, steps)
    gates: dict[int, _Counter] = {}
    pools: dict[int, _Counter] = {}
    after = [NEVER] * len(plan.units)
    result = np.full(len(steps), NEVER, np.int64)
    for row in range(len(steps) - 1, -1, -1):
        minute, at, begun = steps[row]
        operation, a, b, c, _, _ = rows[at]
        unit = unit_of[at]
        bound = min(after[unit], anchors.get(row, NEVER))
        if operation == SIGNAL:
            bound = min(bound, gates.setdefault(a, _Counter()).before(counts[row][0]))
        elif operation == FREE:
            for (pool, _), count in zip(plan.bundles[a], counts[row], strict=True):
                bound = min(bound, pools.setdefault(pool, _Counter()).before(count))
        elif operation == WAIT:
            gates.setdefault(a, _Counter()).need(b, bound)
        elif operation == HOLD:
            for (pool, _), level in zip(plan.bundles[a], counts[row], strict=True):
                pools.setdefault(pool, _Counter()).need(level, bound)
        result[row] = bound
        after[unit] = _latest_begin(calendars[b], c, begun, minute, bound) if operation == WORK else bound
    return result


def _counts(plan: Compiled, steps: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return per row the gate count before a signal, pool counts given before a free, or needed by a hold."""
    rows = plan.rows.tolist()
    level, given, taken = [0] * len(plan.gates), [0] * len(plan.pools), [0] * len(plan.pools)
    initial = plan.initial.tolist()
    counts: list[list[int]] = []
    for _, at, x in steps:
        operation, a, _, _, _, _ = rows[at]
        found: list[int] = []
        if operation == SIGNAL:
            found = [level[a]]
            level[a] += x
        elif operation in (FREE, HOLD):
            for pool, count in plan.bundles[a]:
                if operation == FREE:
                    found.append(given[pool])
                    given[pool] += count
                else:
                    taken[pool] += count
                    found.append(taken[pool] - initial[pool])
        counts.append(found)
    return counts


def _latest_begin(calendar: Calendar, mode: int, begun: int, done: int, bound: int) -> int:
    """Return the latest begin of a work that took from `begun` to `done` and must be done by `bound`."""
    if bound == NEVER:
        return NEVER
    if mode == DUTY:
        return begun + bound - done
    if mode == WHOLE:
        return calendar.latest_start_whole(bound, done - max(begun, _opened(calendar, done)))
    return calendar.latest_start(bound, calendar.worked(done) - calendar.worked(begun))


def _opened(calendar: Calendar, done: int) -> int:
    """Return when the stretch opened in which work was done."""
    return int(calendar.starts[np.searchsorted(calendar.ends, done)])
