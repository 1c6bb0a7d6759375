"""Delay by cause: the minutes of the driving chain that are due to each, and what closed days cost a piece of work.

Causes are stated in the plan (`sim.plan.vocabulary.DELAY_CAUSES`) by the unit, step or pool that causes a delay.
Weather is the one that no step can state: it is in the calendars of a replication, and is found by asking how much
earlier work would have been done on the stated calendar.

`sim.metrics.critical_chain` defines the chain and has its segments; here the compiled kernel walks it over
integer arrays and adds up the minutes, as every run is measured.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from sim.metrics.event_log import Index, Ints, Record, open_hours
from sim.metrics.kernels import interface as layout
from sim.metrics.kernels.interface import ChainKernels
from sim.plan.compile import CAUSES, MODES
from sim.plan.vocabulary import FREE, HOLD, OTHER, SIGNAL, TOKEN, UNTIL, WAIT, WORK

# --- weather ----------------------------------------------------------------------------------------------------------


PAUSING, WHOLE = MODES["pausing"], MODES["whole"]


def lost_to_weather(record: Record, row: int) -> int:
    """Return the minutes that a row of work was done later than on the stated calendar, begun at the same minute.

    What closes a calendar besides nights, Sundays and holidays is weather, or a site or plant at a standstill.
    """
    plan, step = record.index.plan, int(record.step[row])
    operation, _, number, mode = plan.rows[step, :4].tolist()
    # identity, not equality: where nothing was closed in a run its calendar is the planned one itself
    if operation != WORK or record.calendars[number] is plan.base_calendars[number]:
        return 0
    stated, real = plan.base_calendars[number], record.calendars[number]
    begun, done = int(record.begun[row]), int(record.minute[row])
    if mode == PAUSING:
        return max(0, done - stated.finish(begun, real.worked(done) - real.worked(begun)))
    if mode == WHOLE:
        # work in one piece may have waited for this stretch: its minutes count from there
        opened = int(real.starts[real.starts < done][-1])
        minutes = done - max(begun, opened)
        # an actual one that took longer than any stretch did pause after all, and says nothing of weather
        return max(0, done - stated.finish_whole(begun, minutes)) if minutes <= stated.longest else 0
    # a drive has no minutes to lay out anew: what counts is the open minutes that the road lost
    open_in_vain = stated.worked(done) - stated.worked(begun) - (real.worked(done) - real.worked(begun))
    return max(0, min(done - begun, open_in_vain))


# --- minutes by cause -------------------------------------------------------------------------------------------------


NUMBER = {name: number for number, name in enumerate(CAUSES)}


class ChainPlan:
    """A plan in the form the walk reads."""

    def __init__(self, index: Index) -> None:
        """Lay out the plan."""
        self.table = _chain_table(index)
        # the last number is the row up to which the counts are brought; the kernel moves both
        self.free = np.append(index.plan.initial, 0)


chain_plan = lru_cache(maxsize=8)(ChainPlan)


def _chain_table(index: Index) -> layout.Table:
    """Return what the walk asks of a plan, in one array: of small numbers, for the cache of the processor and for memory."""
    plan, header = index.plan, np.zeros(layout.HEADER, np.int32)
    header[layout.GATE], header[layout.BY_RISK], header[layout.BY_OTHER] = (
        plan.finish[0],
        NUMBER["risk"],
        NUMBER[OTHER],
    )
    parts, size = [header], layout.HEADER
    for name, table in _tables(index).items():
        header[name] = size
        parts.append(np.asarray(table, np.int32).reshape(-1))
        size += parts[-1].size
    return np.concatenate(parts)


def _tables(index: Index) -> dict[int, ArrayLike]:
    """Return the tables of a plan by their places in the header."""
    plan = index.plan
    flat = np.array([pair for bundle in plan.bundles for pair in bundle], np.int64).reshape(-1, 2)
    return {
        layout.FIRST: np.cumsum([0, *(len(bundle) for bundle in plan.bundles)]),
        layout.POOL: flat[:, 0],
        layout.AMOUNT: flat[:, 1],
        layout.CAUSE: [layout.NONE if cause == TOKEN else NUMBER[cause] for cause in plan.pool_causes],
        layout.STAYS: [kind != "passed" for kind in plan.pool_kinds],
        layout.STRIKES: [info.kind == "outage" for info in plan.unit_info],
        layout.STEPS: _steps(index),
    }


def _steps(index: Index) -> layout.Table:
    """Return what is known of every step; what is no work has no calendar."""
    steps, works = np.empty((len(index.operation), layout.WORDS), np.int32), index.operation == WORK
    kinds = {
        HOLD: layout.HOLD, WAIT: layout.WAIT, WORK: layout.WORK, UNTIL: layout.DATE, FREE: layout.FREE, SIGNAL: layout.SIGNAL
    }  # fmt: skip
    # a table from the engine's numbers of operations to the walk's, which put the waits and timed steps side by side
    kind = np.full(1 + max(index.operation.max(), *kinds), layout.OTHER)
    kind[list(kinds)] = list(kinds.values())
    steps[:, layout.KIND] = kind[index.operation]
    steps[:, layout.ARGUMENT], steps[:, layout.UNIT] = index.first_argument, index.plan.unit_of
    steps[:, layout.CALENDAR] = np.where(works, index.plan.rows[:, 2], layout.NONE)
    steps[:, layout.MODE], steps[:, layout.CAUSE_OF] = index.plan.rows[:, 3], index.plan.cause_of
    return steps


def noted_rows(record: Record, kernels: ChainKernels) -> Ints:
    """Return the rows of the chain as the kernel notes them, from the completion back; none where it never came."""
    plan = chain_plan(record.index)
    # `free` is moved by the walk: each run gets its own copy
    found = kernels.walk(plan.table, record.log, record.scan, plan.free.copy())
    planned = record.index.plan.base_calendars
    # only calendars on the chain, and of these the ones that something was closed on
    for number in np.unique(found[:, layout.CALENDAR_OF]).tolist():
        real, stated = record.calendars[number], planned[number]
        if number != layout.NONE and real is not stated:
            kernels.note_weather_loss(found, number, open_hours(real), open_hours(stated))
    return found


def compiled_chain_minutes(record: Record, kernels: ChainKernels) -> dict[str, int] | None:
    """Return the minutes on the chain by cause without making its segments; None where the run was never finished."""
    found = noted_rows(record, kernels)
    if not len(found):
        return None
    total = kernels.sum_causes(found, NUMBER["weather"], len(NUMBER))
    return dict(zip(CAUSES, total.tolist(), strict=True))


def shares_of_rows(found: Ints) -> tuple[Ints, Ints, Ints]:
    """Return of rows of the chain the minutes due to what was short (`WHY`), to themselves (`OWN`), and to weather."""
    begun, done, why, lost = (found[:, column] for column in (layout.BEGUN, layout.DONE, layout.WHY, layout.LOST))
    timed = found[:, layout.TIMED] == 1
    cut = np.where(timed & (why == layout.NONE), done, np.minimum(np.maximum(begun, found[:, layout.SINCE]), done))
    cut = np.where(timed, cut, begun)
    # weather is spread evenly over the work; the rest is a difference, so that no minute is lost by rounding
    stormy = (cut - begun) * lost // np.maximum(done - begun, 1)
    return done - cut - (lost - stormy), cut - begun - stormy, lost
