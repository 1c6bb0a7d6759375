"""The passes over a run that take long, as functions of arrays: one set of them in numpy, one compiled.

`MetricContext` holds one set and hands it down, so no metric asks whether numba is there. Both sets give the same
bits: what is rounded or summed is rounded and summed in the same order. What a kernel is given are the named tuples
below, whose arrays numba reads as they are; where every number of the driving chain stands is said at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Table: TypeAlias = NDArray[np.int32]
"""Small numbers of a plan, looked up by step."""

NEVER = 2**40
"""A minute that does not come."""
CANCELLING, RECONCILING, PERIOD = -1, -2, -3
"""Events of the ledger that are no step of the plan.

An order is cancelled; payments are made equal to those that were reported; the end of the n-th period is PERIOD − n.
"""


GROUP_BITS = 12
"""Bits of a step's mark that hold its group; the unit stands above them, in 32 bits together: half a million units."""


class StepGroups(NamedTuple):
    """What a scan looks up about every step of a plan.

    mark        unit << GROUP_BITS | group; one look-up for every row of a log
    group       the group of every step, as small numbers
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
    """A log read once.

    when        minute in which every step was done last, or -1
    rows        the rows of all groups but 0, group by group, shape (rows, 3)
    ends        where each group ends in `rows`
    before      per row of the log the one before it of the same unit, or -1
    completed   minute in which the project was complete, or -1
    """

    when: Ints
    rows: Ints
    ends: Ints
    before: NDArray[np.int32]
    completed: int


class OpenHours(NamedTuple):
    """A calendar: starts and ends of its open stretches, and the open minutes up to each end."""

    starts: Ints
    ends: Ints
    done: Ints


class WorkHours(NamedTuple):
    """One calendar in three versions: as it was in this run, as it was planned, and the shifts it stands for.

    `as_planned`: the first is the second; `as_shifts`: the second is the third.
    """

    real: OpenHours
    planned: OpenHours
    shifts: OpenHours
    as_planned: bool
    as_shifts: bool


class Shares(NamedTuple):
    """Steps of the plan that make a share of an item's price due, or owed; in the order of items."""

    item: Ints
    step: Ints
    share: Floats
    lag: Ints


class StandingCosts(NamedTuple):
    """What costs money as long as it is there: dollars by day, shape (kinds, days), the item and minutes of a period."""

    by_day: Floats
    item: Ints
    period: Ints


class Billing(NamedTuple):
    """How the contractor is paid: which items he bills, his fee as a share, and minutes after a month's end.

    `fee_item` is the item of the fee; without `by_month` what he buys is paid when it falls due.
    """

    billed: NDArray[np.bool_]
    fee: float
    by_month: bool
    pays_after: int
    fee_item: int


class Entries(NamedTuple):
    """Entries of a ledger: minute due, item, cents, and the event behind each."""

    minute: Ints
    item: Ints
    cents: Ints
    event: Ints


class CapitalEvents(NamedTuple):
    """Everything that changes an item of capital in one run; items are the contracts, then the standing costs.

    item, minute, cents, debt       payments, and how many cents of each are debt
    when                            minute of every step, or -1
    serving_…, moments              the kW that an item serves from a numbered moment on, and the minutes of moments
    owed_…                          share of a contract's price that is owed from a step on even if it is cancelled
    value, ordered, cancelled       price, order and cancellation of every contract; -1 for never
    total                           everything ever paid by item, in cents
    online, block_kw                when the ordered blocks are online: standing costs serve them all
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
    """Rows by item and date, with the state from each to the next, in cents.

    rows    item, minute, and minute of the item's next row or the horizon; shape (3, rows)
    first   the row with which every item begins
    states  paid, in service, contracted, exposed, share online, debt drawn; shape (6, rows)
    """

    rows: Ints
    first: Ints
    states: Floats


class Integrals(NamedTuple):
    """What is summed over a timeline, in cents.

    idle, waiting   integrals up to the horizon by item: paid and not in service; contracted and not online
    stranded        what is idle at the horizon, row by row
    highest         the most that is idle at any moment, all items together
    by_day          by how much paid, in service, contracted and exposed change on every day; shape (4, days)
    """

    idle: Floats
    waiting: Floats
    stranded: Floats
    highest: float
    by_day: Floats


class DebtDraws(NamedTuple):
    """Rows of a timeline at which shares online change or debt is drawn, and the draws among them.

    minute, change          of every row: since when, and by how much the share online changes
    row, last               of every draw: its place among those rows, and that of the last row of its item
    debt, share, share_last of every draw: cents, and the shares online then and at the last row
    """

    minute: Ints
    change: Floats
    row: Ints
    last: Ints
    debt: Floats
    share: Floats
    share_last: Floats


class ChainKernels(NamedTuple):
    """The walk back along the driving chain; arrays as named below.

    walk(plan, log, scan, free)                     → rows of the chain, from the completion back, with their own causes
    note_weather_loss(rows, calendar, real, stated) writes into the rows what each lost to weather
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
    worked_minutes(works, labour, calendar, hours) → (shift minutes, people) of the works on a calendar
    people_by_day(notes, trade, by_day, end)    adds up who comes and leaves, and leaves nobody after day `end`
    ledger_entries(when, due, value, costs, billing) → Entries of a run without cancelled orders
    capital_timeline(events, built_kw, horizon) → Timeline
    capital_integrals(timeline, total, horizon, days) → Integrals
    debt_draws(timeline)                        → DebtDraws
    earned_until(begin, rate, moment)           → earned up to each moment; both in order
    """

    scan_log: Callable[[Ints, StepGroups], Scan]
    earned_minutes: Callable[[Ints, Table, Ints], int]
    worked_minutes: Callable[[Ints, Table, int, WorkHours], tuple[Floats, Floats]]
    people_by_day: Callable[[Ints, Table, Ints, int], None]
    ledger_entries: Callable[[Ints, Shares, Ints, StandingCosts, Billing], Entries]
    capital_timeline: Callable[[CapitalEvents, Floats, int], Timeline]
    capital_integrals: Callable[[Timeline, Floats, int, int], Integrals]
    debt_draws: Callable[[Timeline], DebtDraws]
    earned_until: Callable[[Ints, Floats, Floats], Floats]
    chain: ChainKernels | None = None


# --- arrays of the driving chain --------------------------------------------------------------------------------------


OTHER, DATE, WORK, WAIT, HOLD, FREE, SIGNAL = range(7)
"""Kinds of steps as the walk sees them; those that are asked for together stand together."""
NONE = -1
FIRST, POOL, AMOUNT, CAUSE, STAYS, STRIKES, STEPS, GATE, BY_RISK, BY_OTHER = range(10)
"""The plan as the walk sees it, one array that begins with these: where in it every table begins, and some numbers.

Bundles, whose pools and amounts stand from `FIRST` on; pools, with their cause (none for tokens) and whether they
stay with who has them; units, and whether they are risk drivers'; steps; the completion gate; two causes.
"""
HEADER = 10
KIND, ARGUMENT, UNIT, CALENDAR, MODE, CAUSE_OF = range(6)
"""What is known of a step."""
WORDS = 6
BEGUN, DONE, CALENDAR_OF, MODE_OF, LOST, STEP, TIMED, WHY, SINCE, OWN, WAITER = range(11)
"""What is noted of a row on the way: when it was begun and done; its calendar and mode, if it is work.

Then what it lost to weather; its step; whether it is work or a date; a cause or none, and since when that was
short; its own cause; and the step of the late hold or wait that led to it, or none. What it lost is noted later.
"""
NOTED = 11
PAUSING, WHOLE = 0, 1
"""The numbers of `sim.plan.compile.MODES`; any other one is driving duty."""
