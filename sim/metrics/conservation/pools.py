"""Crews, cranes, trucks, places and power: never more in use than there are, and all given back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.events import HOLD

if TYPE_CHECKING:
    from sim.metrics.conservation.found import Found


def pools(found: Found) -> Iterator[str]:
    """Yield pools of which more is taken than there is, or given back than was taken, and units that keep some.

    Looked at when a minute is over: in which order its rows are written is the engine's own.
    """
    moves, plan = found.moves, found.plan
    for pool, name in enumerate(plan.pools):
        mine = moves.pool == pool
        last = np.diff(moves.minute[mine], append=-1) != 0
        free = (plan.initial[pool] + np.cumsum(moves.count[mine]))[last]
        if len(free) and int(free.min()) < 0:
            yield f"{-int(free.min())} of {name} are taken that are not there"
        if plan.pool_kinds[pool] == "returned" and len(free) and int(free.max()) > plan.initial[pool]:
            yield f"{int(free.max()) - int(plan.initial[pool])} of {name} are given back that were never taken"
    yield from _kept(found)


def _kept(found: Found) -> Iterator[str]:
    """Who is at the end of its route has given back what is not its own."""
    moves, plan, units = found.moves, found.plan, len(found.plan.units)
    last = np.full(units, -1, np.int64)
    last[found.unit] = found.record.step
    over = last + 1 == plan.first[1:]
    returned = np.array([kind == "returned" for kind in plan.pool_kinds], np.bool_)
    whose = returned[moves.pool] & over[moves.unit]
    left = np.zeros((units, len(plan.pools)), np.int64)
    np.subtract.at(left, (moves.unit[whose], moves.pool[whose]), moves.count[whose])
    for unit, pool in np.argwhere(left != 0).tolist():
        yield f"{plan.units[unit]} is at its end and keeps {left[unit, pool]} of {plan.pools[pool]}"


def queues(found: Found) -> Iterator[str]:
    """Yield queues that break Little's law: people in the queue, added up over time, are the sum of their waits."""
    record, plan = found.record, found.plan
    rows = np.flatnonzero(record.operation == HOLD)
    bundle = record.index.first_argument[record.step[rows]]
    for number in np.unique(bundle).tolist():
        mine = rows[bundle == number]
        asked, granted = record.x[mine], record.minute[mine]
        times, place = np.unique(np.concatenate([asked, granted]), return_inverse=True)
        change = np.concatenate([np.ones(len(mine), np.int64), np.full(len(mine), -1)])
        waiting = np.cumsum(np.bincount(place, change, len(times)))
        area = float((waiting[:-1] * np.diff(times)).sum())
        if area != float((granted - asked).sum()) or bool((waiting < 0).any()):
            wanted = " + ".join(plan.pools[pool] for pool, _ in plan.bundles[number])
            yield f"who waits for {wanted} over time is {area:g} minutes, the waits are {(granted - asked).sum()}"
