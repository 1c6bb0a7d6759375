"""The passes over a run that take long, as functions of arrays: one set of them in numpy, one compiled.

`MetricContext` holds one set and hands it down, so no metric asks whether numba is there. Both sets give the same
bits: sums are taken and rounded in the same order. Kernels are given the named tuples below, whose arrays numba reads as
they are. A view of a table has no columns, only the numbers end to end: the constants here are the offsets of its columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.plan.compiled_plan import LogColumn

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Table: TypeAlias = NDArray[np.int32]
"""Small numbers of a plan, looked up by step."""

NEVER = 2**40
"""A minute that does not come."""
LOG_MINUTE, LOG_STEP, LOG_DETAIL = LogColumn.MINUTE, LogColumn.STEP, LogColumn.DETAIL
LOG_COLUMNS = 3
"""Columns of a log, and how many there are: minute in which a step was done; its number; minute it began, or amount."""
LABOUR_CALENDAR, LABOUR_PEOPLE, LABOUR_INPUT, LABOUR_COLUMNS = range(4)
"""Columns of `PlanIndex.labour_of_step`, and how many there are: calendar, people, input whose work content is earned."""
ROW_ITEM, ROW_MINUTE, ROW_UNTIL = range(3)
"""Index in `Timeline.rows`: item, minute from which a state holds, and minute until which it does."""
PAID, IN_SERVICE, COMMITTED, EXPOSED, SHARE_ONLINE, DEBT_DRAWDOWN, STATES = range(7)
"""Index in `Timeline.states`, and how many there are; the share is in 0..1, the others are cents.

A row holds until the next of its item; only `DEBT_DRAWDOWN` is of its minute alone: the debt that is drawn in it."""
CANCELLING, RECONCILING, PERIOD = -1, -2, -3
"""Events of the ledger that are no step of the plan.

An order is cancelled; payments are made equal to those that were reported; the end of the n-th period is PERIOD − n.
"""


GROUP_BITS = 12
"""Bits of a step's mark that hold its group; the unit stands above them, in 32 bits together: half a million units."""


class StepGroups(NamedTuple):
    """Unit and group by step of a plan, which a scan of a log looks up; steps of group 0 are not measured by rows.

    mark        unit << GROUP_BITS | group, by step: one look-up for every row of a log
    group       group by step
    groups      how many groups there are; the last one is the steps that signal completion
    units       how many units there are
    level       the level of the completion gate at which the project is complete
    """

    mark: Table
    group: NDArray[np.uint16]
    groups: int
    units: int
    level: int


class Scan(NamedTuple):
    """The result of one pass over a log.

    done_minute         by step: the minute in which it was done last, or -1
    grouped_rows        log rows of all groups but 0, group by group, shape (rows, 3)
    group_ends          by group: where its rows end in `grouped_rows`
    previous_row        by log row: the row before it of the same unit, or -1
    completion_minute   minute in which the project was complete, or -1
    """

    done_minute: Ints
    grouped_rows: Ints
    group_ends: Ints
    previous_row: NDArray[np.int32]
    completion_minute: int


class OpenHours(NamedTuple):
    """A calendar: starts and ends of its open intervals, and the open minutes from the project's start to each end."""

    starts: Ints
    ends: Ints
    open_until_end: Ints


class WorkHours(NamedTuple):
    """One calendar in three versions: as it was in this run, as planned, and the shifts whose productive minutes it has.

    `same_as_planned`: the actual one is the planned one; `planned_is_shifts`: the planned one is the shifts.
    """

    actual: OpenHours
    planned: OpenHours
    shifts: OpenHours
    same_as_planned: bool
    planned_is_shifts: bool


class Shares(NamedTuple):
    """Steps of the plan that make a share of an item's price due or owed, in the order of items; `lag` is in minutes."""

    item: Ints
    step: Ints
    share: Floats
    lag: Ints


class StandingCosts(NamedTuple):
    """Costs without a contract (labour, camp, general conditions): dollars by day, shape (kinds, days), and by kind the rest.

    `item` is its number in the ledger, `period` the minutes of a period, at whose end it is due.
    """

    by_day: Floats
    item: Ints
    period: Ints


class Billing(NamedTuple):
    """How the contractor is paid: by item whether he bills it, his fee as a share, and in which minute he is paid.

    `by_month`: what he bills is paid `pays_after` minutes after the end of its month, else when it falls due. `fee_item` is
    the item of the fee.
    """

    billed: NDArray[np.bool_]
    fee: float
    by_month: bool
    pays_after: int
    fee_item: int


class Entries(NamedTuple):
    """Entries of a ledger: minute due, item, cents, and the event that makes each due (a step of the plan, or below 0)."""

    minute: Ints
    item: Ints
    cents: Ints
    event: Ints


class CapitalEvents(NamedTuple):
    """Every event that changes an item of capital in one run; items are the contracts, then the standing costs.

    item, minute, cents, debt       by payment; `debt` is how many of its cents are debt
    when                            minute by step of the plan, or -1
    serving_…, moments              kW that an item serves from a numbered moment on, and minute by moment
    owed_…                          share of a contract's price that is owed from a step on even if it is cancelled
    value, ordered, cancelled       by contract: price in cents, minute of its order and of its cancellation (-1: never)
    total                           cents ever paid by item
    online, block_kw                minute online by ordered block, and kW of one block: standing costs serve them all
    """

    item: Ints
    minute: Ints
    cents: Ints
    debt: Floats
    when: Ints
    serving_item: Ints
    serving_moment: Ints
    serving_kw: Floats
    moments: Ints
    owed_item: Ints
    owed_step: Ints
    owed_share: Floats
    value: Ints
    ordered: Ints
    cancelled: Ints
    total: Floats
    online: Ints
    block_kw: float


class Timeline(NamedTuple):
    """The state of every item of capital from each of its events to the next, by item and minute.

    rows    item, minute, and minute of the item's next row or the horizon (`ROW_…`); shape (3, rows)
    first   by item: its first row
    states  cents paid, in service, committed, exposed; share online; cents of debt drawn; shape (`STATES`, rows)
    """

    rows: Ints
    first: Ints
    states: Floats


class Integrals(NamedTuple):
    """Integrals of a timeline over time, and its states by day.

    idle, waiting   cents × minutes up to the horizon by item: paid and not in service; committed and not online
    stranded        cents idle at the horizon, of every item that has begun by then
    highest         the most cents that are idle at any moment, all items together
    by_day          cents paid, in service, committed and exposed at the end of every day; shape (4, days)
    """

    idle: Floats
    waiting: Floats
    stranded: Floats
    highest: float
    by_day: Floats


class DebtDrawdowns(NamedTuple):
    """Drawdowns of debt, and the changes of the shares online of a timeline's items, item by item.

    change_minute, change   by change: its minute, and by how much the share of its item that is online changes
    minute                  by drawdown: its minute
    so_far, in_the_end      by drawdown: how many changes there are up to its own row, and up to the last row of its item
    debt, share, share_last by drawdown: cents, and the share of the item that is online then and at the last row
    """

    change_minute: Ints
    change: Floats
    minute: Ints
    so_far: Ints
    in_the_end: Ints
    debt: Floats
    share: Floats
    share_last: Floats


class ChainKernels(NamedTuple):
    """The walk back along the driving chain; arrays as named below.

    walk(plan, log, scan, free)                     → rows of the chain, from the completion back, with their own causes
    note_weather_loss(rows, calendar, actual, planned) writes into the rows how many minutes each lost to weather
    sum_causes(rows, weather, causes)               → minutes by cause
    """

    walk: Callable[[Table, Ints, Scan, Ints], Ints]
    note_weather_loss: Callable[[Ints, int, OpenHours, OpenHours], None]
    sum_causes: Callable[[Ints, int, int], Ints]


@dataclass(frozen=True)
class Kernels:
    """One implementation of every long pass; `chain` is None where the driving chain is walked in Python.

    scan_log(log, groups)                       → Scan
    earned_minutes(works, labour, content)      → person-minutes of work content; a repeated step earns once
    worked_minutes(works, labour, hours)        → (shift minutes, people) of the works on one calendar
    people_by_day(notes, trade, by_day, end)    writes the people on site by trade and day; nobody after day `end`
    ledger_entries(when, due, value, costs, billing) → Entries of a run without cancelled orders
    capital_timeline(events, built_kw, horizon) → Timeline
    capital_integrals(timeline, total, horizon, days) → Integrals
    debt_drawdowns(timeline)                    → DebtDrawdowns
    earned_until(begin, rate, moment)           → dollars earned up to each moment; begins and moments rise
    stable_order(keys)                          → positions of the keys in ascending order
    """

    scan_log: Callable[[Ints, StepGroups], Scan]
    earned_minutes: Callable[[Ints, Table, Ints], int]
    worked_minutes: Callable[[Ints, Table, WorkHours], tuple[Floats, Floats]]
    people_by_day: Callable[[Ints, Table, Ints, int], None]
    ledger_entries: Callable[[Ints, Shares, Ints, StandingCosts, Billing], Entries]
    capital_timeline: Callable[[CapitalEvents, Floats, int], Timeline]
    capital_integrals: Callable[[Timeline, Floats, int, int], Integrals]
    debt_drawdowns: Callable[[Timeline], DebtDrawdowns]
    earned_until: Callable[[Ints, Floats, Floats], Floats]
    stable_order: Callable[[Ints], Ints]
    chain: ChainKernels | None = None


# --- arrays of the driving chain --------------------------------------------------------------------------------------


OTHER, DATE, WORK, WAIT, HOLD, FREE, SIGNAL = range(7)
"""Kinds of steps as the walk sees them; those that are asked for together stand together."""
NONE = -1
(
    BUNDLE_BEGINS,
    BUNDLE_POOLS,
    BUNDLE_AMOUNTS,
    POOL_CAUSES,
    POOL_RETURNED,
    UNIT_IS_OUTAGE,
    MOVED_BUNDLES,
    STEPS,
    COMPLETION_GATE,
    RISK_CAUSE,
    OTHER_CAUSE,
    HEADER_SIZE,
) = range(12)
"""Header of a plan as the walk sees it, one array of integers: where in it each table begins, then three numbers.

BUNDLE_BEGINS                   table by bundle: where its pools begin in the next two tables
BUNDLE_POOLS, BUNDLE_AMOUNTS    tables of the pools of all bundles, and how many of each
POOL_CAUSES, POOL_RETURNED      tables by pool: cause of delay (`NONE` for tokens); 1 if given back, 0 if passed on
UNIT_IS_OUTAGE                  table by unit: 1 for a risk driver that takes capacity away
MOVED_BUNDLES                   table by step: 1 + the bundle that it gives back, −1 − the one that it takes, or 0
STEPS                           table by step, with the columns below
COMPLETION_GATE                 number of the completion gate
RISK_CAUSE, OTHER_CAUSE         numbers of the causes "risk" and "other"
"""
KIND, ARGUMENT, UNIT, CALENDAR, MODE, CAUSE, STEP_COLUMNS = range(7)
"""Columns of the table of steps, and how many there are; the argument is a bundle or a gate."""
(
    BEGUN_AT,
    DONE_AT,
    CALENDAR_OF_WORK,
    MODE_OF_WORK,
    LOST_TO_WEATHER,
    STEP,
    IS_TIMED,
    SHORT_CAUSE,
    SHORT_SINCE,
    OWN_CAUSE,
    WAITING_STEP,
    CHAIN_COLUMNS,
) = range(12)
"""Columns of the rows of the driving chain that the walk writes, and how many there are.

BEGUN_AT, DONE_AT                     minutes
CALENDAR_OF_WORK, MODE_OF_WORK  numbers of calendar and mode; no calendar (`NONE`) where the step is no work
LOST_TO_WEATHER                 minutes; 0 until `note_weather_loss` has written them
STEP                            step of the plan
IS_TIMED                        1 for work and for a wait for a date, 0 for a hold or a wait for a gate
SHORT_CAUSE, SHORT_SINCE        cause of the pool that was short, or `NONE`, and the minute since when it was
OWN_CAUSE                       cause that the plan states for the step
WAITING_STEP                    step of the late hold or wait that led to this row, or `NONE`
"""
PAUSING, WHOLE = 0, 1
"""The numbers of `sim.plan.compiled_plan.MODES`; any other one is driving duty."""
