"""A unit's day book: one step after the other, without a gap and without being in two places, while it is open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.events import AGAIN, BEGUN, FREE, NOTE, SIGNAL, WORK
from sim.plan.compile import MODES

if TYPE_CHECKING:
    from sim.metrics.conservation.found import Found

AT_ONCE = (FREE, SIGNAL, AGAIN, NOTE)


def steps(found: Found) -> Iterator[str]:
    """Yield where a unit's log has a gap, an overlap, a leap over a step, or work while nobody may work."""
    yield from _times(found)
    yield from _route(found)
    yield from _stays(found)
    yield from _open(found)


def _times(found: Found) -> Iterator[str]:
    """Every step begins in the minute in which the one before it was done."""
    record, plan = found.record, found.plan
    if len(record.minute) and bool((np.diff(record.minute) < 0).any()):
        yield "the log goes back in time"
    order = np.argsort(found.unit, kind="stable")
    unit, done = found.unit[order], record.minute[order]
    began = np.where(np.isin(record.operation, BEGUN), record.x, record.minute)[order]
    first = np.concatenate([[True], np.diff(unit) != 0]) if len(unit) else np.zeros(0, np.bool_)
    before = np.where(first, 0, np.concatenate([[0], done[:-1]]))[: len(unit)]
    for row in np.flatnonzero((began != before) | (done < began)).tolist():
        yield (
            f"{plan.units[unit[row]]} is done with a step at minute {before[row]}, "
            f"and the next one goes from {began[row]} to {done[row]}"
        )


def _route(found: Found) -> Iterator[str]:
    """Every step is followed by the next one of the route, or by where it jumped to."""
    record, plan = found.record, found.plan
    order = np.argsort(found.unit, kind="stable")
    unit, step = found.unit[order], record.step[order]
    jumped = (record.operation[order] == AGAIN) & (record.x[order] == 1)
    after = np.where(jumped, plan.rows[step, 1], step + 1)
    same = np.diff(unit) == 0
    begins = np.concatenate([[True], ~same]) if len(unit) else np.zeros(0, np.bool_)
    for row in np.flatnonzero(same & (after[:-1] != step[1:])).tolist():
        yield f"{plan.units[unit[row]]} leaps from step {step[row]} to step {step[row + 1]}"
    for row in np.flatnonzero(begins & (plan.first[unit] != step)).tolist():
        yield f"{plan.units[unit[row]]} does not begin with its first step"


def _stays(found: Found) -> Iterator[str]:
    """Nobody is left standing before a step that takes no time and needs nothing."""
    plan = found.plan
    stands = plan.first[:-1].copy()
    order = np.argsort(found.unit, kind="stable")
    unit, step = found.unit[order], found.record.step[order]
    jumped = (found.record.operation[order] == AGAIN) & (found.record.x[order] == 1)
    stands[unit] = np.where(jumped, plan.rows[step, 1], step + 1)
    for one in np.flatnonzero(stands < plan.first[1:]).tolist():
        if plan.rows[stands[one], 0] in AT_ONCE:
            yield f"{plan.units[one]} never performs step {stands[one]}, which nothing keeps it from"


def _open(found: Found) -> Iterator[str]:
    """The last minute of every work lies in an open stretch of its calendar."""
    record, plan = found.record, found.plan
    rows = np.flatnonzero((record.operation == WORK) & (record.minute > record.x))
    rows = rows[plan.rows[record.step[rows], 3] != MODES["duty"]]
    calendar = plan.rows[record.step[rows], 2]
    for number in np.unique(calendar).tolist():
        mine = rows[calendar == number]
        hours, done = record.calendars[number], record.minute[mine]
        shut = hours.worked_many(done) == hours.worked_many(done - 1)
        for row in mine[shut].tolist():
            activity = plan.activities[plan.activity_of[record.step[row]]]
            yield f"{activity} ends at minute {record.minute[row]}, when {plan.calendars[number]} is closed"
