"""Delay by cause: the minutes of the driving chain that are due to each, and the minutes that work loses to weather.

Causes are stated in the plan (`sim.plan.vocabulary.DELAY_CAUSES`) by the unit, step or pool that causes a delay.
Weather is the one that no step can state: it is in the calendars of a replication, and is the time by which work would
have been done earlier on the planned calendar.

`sim.metrics.critical_chain` defines the chain and has its segments; here the compiled kernel walks it over
integer arrays and adds up the minutes, as every run is measured.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from sim.metrics.event_log import Ints, PlanIndex, Record, open_hours
from sim.metrics.kernels import interface
from sim.metrics.kernels.interface import ChainKernels
from sim.plan.compiled_plan import CAUSES, MODES, Column
from sim.plan.vocabulary import FREE, HOLD, OTHER, SIGNAL, TOKEN, UNTIL, WAIT, WORK

# --- weather ----------------------------------------------------------------------------------------------------------


PAUSING, WHOLE = MODES["pausing"], MODES["whole"]


def lost_to_weather(record: Record, row: int) -> int:
    """Return by how many minutes a row of work ended later than on the planned calendar, begun at the same minute.

    What closes a calendar besides nights, Sundays and holidays is weather, or an outage of a site or plant.
    """
    plan, step = record.plan_index.plan, int(record.step[row])
    operation, _, calendar, mode = plan.rows[step, :4].tolist()
    # identity, not equality: where nothing was closed in a run its calendar is the planned one itself
    if operation != WORK or record.calendars[calendar] is plan.base_calendars[calendar]:
        return 0
    planned, actual = plan.base_calendars[calendar], record.calendars[calendar]
    begun, done = int(record.begun[row]), int(record.minute[row])
    if mode == PAUSING:
        return max(0, done - planned.finish(begun, actual.worked(done) - actual.worked(begun)))
    if mode == WHOLE:
        # work in one piece may have waited for this open interval: its minutes count from its start
        opened = int(actual.starts[actual.starts < done][-1])
        minutes = done - max(begun, opened)
        # actual work longer than any open interval did pause, so that its loss is not known
        return max(0, done - planned.finish_whole(begun, minutes)) if minutes <= planned.longest else 0
    # a drive is not rescheduled: its loss is the open minutes that the road lost
    lost_open_minutes = planned.worked(done) - planned.worked(begun) - (actual.worked(done) - actual.worked(begun))
    return max(0, min(done - begun, lost_open_minutes))


# --- minutes by cause -------------------------------------------------------------------------------------------------


NUMBER_OF_CAUSE = {name: number for number, name in enumerate(CAUSES)}


class ChainPlan:
    """A plan in the form that the compiled walk reads."""

    def __init__(self, plan_index: PlanIndex) -> None:
        """Copy the plan into one array, and the initial counts of its pools into another."""
        self.table = _chain_table(plan_index)
        # free counts by pool, then the number of log rows after which they hold: the kernel moves both along the log
        self.free = np.append(plan_index.plan.initial, 0)


chain_plan = lru_cache(maxsize=8)(ChainPlan)


def _chain_table(plan_index: PlanIndex) -> interface.Table:
    """Return a plan as the compiled walk reads it: one array of 32-bit integers, its header first."""
    plan, header = plan_index.plan, np.zeros(interface.HEADER_SIZE, np.int32)
    header[interface.COMPLETION_GATE], header[interface.RISK_CAUSE], header[interface.OTHER_CAUSE] = (
        plan.finish[0],
        NUMBER_OF_CAUSE["risk"],
        NUMBER_OF_CAUSE[OTHER],
    )
    parts, begin = [header], interface.HEADER_SIZE
    for position, table in _tables(plan_index).items():
        header[position] = begin
        parts.append(np.asarray(table, np.int32).reshape(-1))
        begin += parts[-1].size
    return np.concatenate(parts)


def _tables(plan_index: PlanIndex) -> dict[int, ArrayLike]:
    """Return the tables of a plan by their positions in the header."""
    plan = plan_index.plan
    pairs = np.array([pair for bundle in plan.bundles for pair in bundle], np.int64).reshape(-1, 2)
    return {
        interface.BUNDLE_BEGINS: np.cumsum([0, *(len(bundle) for bundle in plan.bundles)]),
        interface.BUNDLE_POOLS: pairs[:, 0],
        interface.BUNDLE_AMOUNTS: pairs[:, 1],
        interface.POOL_CAUSES: [
            interface.NONE if cause == TOKEN else NUMBER_OF_CAUSE[cause] for cause in plan.pool_causes
        ],
        interface.POOL_RETURNED: [kind != "passed" for kind in plan.pool_kinds],
        interface.UNIT_IS_OUTAGE: [info.kind == "outage" for info in plan.unit_info],
        interface.MOVED_BUNDLES: _moved_bundles(plan_index),
        interface.STEPS: _steps(plan_index),
    }


def _moved_bundles(plan_index: PlanIndex) -> interface.Table:
    """Return by step 1 + the number of the bundle that it gives back, −1 − that of the one that it takes, or 0.

    Apart from the other columns of steps: it is read for every row of a log, and alone stays in the processor's cache.
    """
    sign = (plan_index.operation == FREE).astype(np.int32) - (plan_index.operation == HOLD)
    return sign * (1 + plan_index.first_argument)


def _steps(plan_index: PlanIndex) -> interface.Table:
    """Return kind, argument, unit, calendar, mode and cause by step; steps that are no work have no calendar."""
    steps, is_work = (
        np.empty((len(plan_index.operation), interface.STEP_COLUMNS), np.int32),
        plan_index.operation == WORK,
    )
    kind_of_operation = {
        HOLD: interface.HOLD, WAIT: interface.WAIT, WORK: interface.WORK,
        UNTIL: interface.DATE, FREE: interface.FREE, SIGNAL: interface.SIGNAL,
    }  # fmt: skip
    # from the engine's numbers of operations to the walk's, in which waits and timed steps are adjacent
    kind = np.full(1 + max(plan_index.operation.max(), *kind_of_operation), interface.OTHER)
    kind[list(kind_of_operation)] = list(kind_of_operation.values())
    steps[:, interface.KIND] = kind[plan_index.operation]
    steps[:, interface.ARGUMENT], steps[:, interface.UNIT] = plan_index.first_argument, plan_index.plan.unit_of
    steps[:, interface.CALENDAR] = np.where(is_work, plan_index.plan.rows[:, Column.CALENDAR], interface.NONE)
    steps[:, interface.MODE], steps[:, interface.CAUSE] = plan_index.plan.rows[:, Column.MODE], plan_index.plan.cause_of
    return steps


def chain_rows(record: Record, kernels: ChainKernels) -> Ints:
    """Return the rows of the driving chain as the kernel writes them, from the completion back; empty if never completed."""
    plan = chain_plan(record.plan_index)
    # `free` is moved by the walk: each run gets its own copy
    rows = kernels.walk(plan.table, record.log, record.scan, plan.free.copy())
    base_calendars = record.plan_index.plan.base_calendars
    # only calendars on the chain, and of these the ones that something was closed on
    for number in set(rows[:, interface.CALENDAR_OF_WORK].tolist()):
        actual, base = record.calendars[number], base_calendars[number]
        if number != interface.NONE and actual is not base:
            kernels.note_weather_loss(rows, number, open_hours(actual), open_hours(base))
    return rows


def compiled_chain_minutes(record: Record, kernels: ChainKernels) -> dict[str, int] | None:
    """Return the minutes on the chain by cause without making its segments; None where the run was never finished."""
    rows = chain_rows(record, kernels)
    if not len(rows):
        return None
    total = kernels.sum_causes(rows, NUMBER_OF_CAUSE["weather"], len(NUMBER_OF_CAUSE))
    return dict(zip(CAUSES, total.tolist(), strict=True))


def shares_of_rows(rows: Ints) -> tuple[Ints, Ints, Ints]:
    """Return for rows of the chain the minutes due to a short resource, to the row's own cause, and to weather."""
    begun, done, short_cause, weather = (
        rows[:, column]
        for column in (interface.BEGUN_AT, interface.DONE_AT, interface.SHORT_CAUSE, interface.LOST_TO_WEATHER)
    )
    timed = rows[:, interface.IS_TIMED] == 1
    split = np.where(
        timed & (short_cause == interface.NONE),
        done,
        np.minimum(np.maximum(begun, rows[:, interface.SHORT_SINCE]), done),
    )
    split = np.where(timed, split, begun)
    # weather is spread evenly over the work; the rest is a difference, so that no minute is lost by rounding
    weather_before_split = (split - begun) * weather // np.maximum(done - begun, 1)
    return done - split - (weather - weather_before_split), split - begun - weather_before_split, weather
