"""The memory layout of the kernel: which number stands where in the six flat arrays that it reads and writes.

Passing many small arrays from function to function costs more than the work itself. So each array begins with a header
that says where each of its columns begins: `run[run[FREE_COUNT] + pool]` is the free count of a pool. Single numbers
stand in the header itself.

`plan_array` lays out a compiled plan, `initial_run` a run at its first minute. A step has two numbers; all else about it
(operation, calendar, mode, area, …) is its record, which it shares with all steps that are alike in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sim.engine.initial_state import InitialState, net_levels_after
from sim.jit.toolkit import Ints, IntView, inline, jit, prefetch
from sim.plan.compiled_plan import Column, CompiledPlan
from sim.plan.identical_units import unique_rows
from sim.plan.vocabulary import HOLD, JUMP, LEAVING_PRIORITY, UNTIL, WAIT, WORK

# --- the plan ---------------------------------------------------------------------------------------------------------

(
    STEPS, STEP_RECORDS, FIRST, BUNDLE_AT, BUNDLES, POOL_BUNDLES_AT, POOL_BUNDLES, QUEUE_AT, GATE_AT, CURVE_AT, CURVES,
    SET_OF, SETS, CONDITIONS,
) = range(14)  # fmt: skip
"""Columns of the plan. Lists of different lengths lie end to end; the column …_AT says where each begins.

`BUNDLES` are pairs (pool, count), `POOL_BUNDLES` of a pool pairs (bundle, count); `QUEUE_AT` and `GATE_AT` say where the
queue of a bundle and of a gate begins in the run's arrays. `SET_OF` a pool is the set with which it has a net level, or
-1; `SETS` are the sets of pools, `CONDITIONS` those on their net levels that steps wait for.
"""
UNITS, COMPLETION_GATE, COMPLETION_LEVEL, RANK_BITS, MINUTE_BITS, NET_LEVELS, FIRST_LEAVING_REQUEST = range(14, 21)
"""Numbers of units, the completion gate and its level, bits of a rank and of a minute, number of sets of pools, and the
smallest request with the priority of a crew that leaves."""
PLAN_HEADER = 21
LOWEST, HIGHEST, THRESHOLDS_AT, SET_SIZE = range(4)
"""Numbers of a set of pools: the lowest and the highest threshold of its net level, where its thresholds begin in a run."""
CONDITION_SET, THRESHOLD, CONDITION_MINUTES, WATCHED_UNTIL, BELOW, CONDITION_SIZE = range(6)

ARGUMENT, SECOND_ARGUMENT, STEP_SIZE = range(3)
"""Numbers of a step. `ARGUMENT` is two in one: where its record stands among the records, and in the lower `HALF` bits its
argument: bundle of a hold or free, input of a work or date, gate of a wait or signal, chance of a jump, note of a note.
`SECOND_ARGUMENT` is the level of a wait, the amount of a signal or note, the slot of a work's attempts; of a jump its
slot, and above `HALF` bits its gate. Steps are short because there are tens of thousands of them, and a processor's cache
is small; they share some hundred records."""
OPERATION, AREA, PEOPLE, LEARNING, WORK_CALENDAR, MODE, STEP_RECORD_SIZE = range(7)
"""Numbers of a step's record: the operation, then area, people, curve, calendar and mode of a work; area -1 of all others."""
PRIORITY, PATIENCE = 2, 3
"""Of a hold instead: its priority's rank, shifted to the bits where requests have it, and its patience or -1."""
AWAITED_CONDITION, NET_LEVEL_DATE = 2, -2
"""Of a date instead: the condition that is waited for from it on; then its area is `NET_LEVEL_DATE`."""
LIMIT, NEEDED, OFFSET, DRAWN = 2, 3, 4, 5
"""Of a jump instead: its limit, the level of its gate, how many steps it goes on or back, whether it is drawn."""
HALF = 32

# --- a run ------------------------------------------------------------------------------------------------------------

(STATE, JUMPS, JUMPS_MINUTE, FREE_COUNT, LEVEL, LEVEL_BEFORE, SIGNAL_MINUTE, WAITERS, GATE_QUEUE) = range(9)
"""Columns of a run. By unit: its state, jumps made in the minute `JUMPS_MINUTE`. By pool: free counts. By gate: level, level
before the minute `SIGNAL_MINUTE`, how many units wait."""
(
    QUEUE_SIZE, MARKED, QUEUE, WHEEL, OCCUPIED, STARTING, READY, TO_CHECK, CANDIDATES, ATTEMPTS, COUNTERS, CONTENT,
    REACHED, SPARE, NET_LEVEL, CROSSED_AT,
) = range(9, 25)  # fmt: skip
"""More columns. By bundle: requests in its queue, whether it is in `TO_CHECK`. Lists: queues, the event queue's slots and
bits of those that are occupied, units that start to work, units that are ready, bundles to check, candidates of a grant
pass. Then attempts at steps that can be repeated, counters by curve, minutes before losses by input, by calendar the
interval that was reached, by pool how many fewer would always have sufficed, or -1 where it was short, by set of pools
its net level (`NET_LEVEL_SIZE` numbers), and by set and threshold since which minute that is at it, or below."""
VALUE, VALUE_BEFORE, LAST_CHANGE, NET_LEVEL_SIZE = range(4)
"""Of a net level: its value now, its value before the minute `LAST_CHANGE`, and that minute, in which it last changed."""
(CLOCK, PENDING, STARTING_SIZE, READY_SIZE, TO_CHECK_SIZE, WAITING, ROWS, GRANT_DUE, ROUNDS, ROUNDS_MINUTE) = range(
    25, 35
)
"""Numbers of a run: its minute, events in the event queue, sizes of its lists, waiting requests, rows of the log, whether
a grant pass is due, how many there have been in the minute `ROUNDS_MINUTE`."""
(
    FINISHED, LAST_MINUTE, FAULT, FAULT_UNIT, FAULT_DETAIL, REPLICATION, LOG_CAPACITY, MAX_JUMPS, MAX_ROUNDS, MAX_ROWS,
    INTERRUPTED,
) = range(35, 46)  # fmt: skip
"""Whether the completion gate is open, the last minute, what went wrong, with which unit, with how many minutes of work;
which replication this is, how many rows the log has room for, the budgets of a minute and of a replication, how many
works are interrupted: their remaining minutes stand as -1 - minutes in `CONTENT`."""
RUN_HEADER = 46

CURRENT_STEP, BEGUN_AT, WITHHOLDS, REQUESTED_BUNDLE, UNIT_SIZE = range(5)
"""State of a unit: its step, the minute in which that began, from when its request withholds, for which bundle it is."""
DUE_AT, NEXT = WITHHOLDS, REQUESTED_BUNDLE
"""Of a unit that works or waits for a date instead: its minute, and the next unit in the same slot of the event queue."""
SINCE, TOTAL_MINUTES, NOT_BEGUN = WITHHOLDS, REQUESTED_BUNDLE, -1
"""Of a unit whose work was under way when the run began: since when it counts, and its whole length. `NOT_BEGUN` stands
for the minute `BEGUN_AT` of a unit that has only come to its step."""
PLENTY = 1 << 40
"""More than there is of any pool."""
EMPTY = 0
"""An empty slot; units are numbered from 1 where they stand in a slot."""
SLOT_BITS, WHEELS = 10, 5
"""Bits of a slot of a wheel, and how many wheels: 2^50 minutes, two billion years, can be told apart."""
WORDS = 1 << SLOT_BITS - 6
"""Words of bits a wheel has, a bit for each slot; one more tells which of them are not empty."""

NO_FAULT, LOG_FULL, ENDLESS_JUMPS, ENDLESS_GRANTS, NEVER_FINISHED, TOO_FAR, TOO_MANY_EVENTS, BEYOND_KNOWN = range(8)
"""What can go wrong. `NEVER_FINISHED`: work that its calendar has no time for; `TOO_FAR`: a date beyond all counting;
`BEYOND_KNOWN`: work that ends later than its calendar is known."""

# --- draws ------------------------------------------------------------------------------------------------------------

INPUTS, RECIPES, FIXED_VALUES = range(3)
"""Columns of the draws: inputs, their recipes, and values in place of draws. Without the last, its number in the header
is 0."""
RECIPE_SIZE, LOSSES, DELAYS, MINUTES, FACTORS, DELAY_MINUTES, FORCED = range(3, 10)
"""Numbers of the draws: the size of a recipe, and where in it losses and delays begin; where in the parameters the
minutes per unit of each recipe, common factors, common delays and given uniforms of inputs begin (0: none are given)."""
DRAWS_HEADER = 10

KEY_0, KEY_1, INPUT_RECIPE, INPUT_SIZE = range(4)
"""Numbers of an input: the key of its stream (two words), and its recipe. Thousands of inputs share a few dozen recipes."""
TABLE, LENGTH, TABLE_KIND, INPUT_KIND, CONTENT_FACTORS = range(5)
"""Numbers of a recipe: where its table begins in the parameters, the table's length and kind, the input's kind; then the
numbers of its content factors, losses and delays, or -1."""

# --- calendars --------------------------------------------------------------------------------------------------------

STARTS, ENDS, WORKED_BY_END, INTERVALS, LONGEST_INTERVAL, KNOWN, CALENDAR_SIZE = range(7)
"""Header of a calendar: where its starts, ends and minutes worked begin; how many open intervals, the longest; until which
minute the calendar is known."""


def with_header(size: int, columns: Sequence[Sequence[int] | Ints], numbers: Sequence[int]) -> Ints:
    """Return columns end to end behind a header of a size: where each begins, then single numbers."""
    parts = [np.asarray(column, np.int64).ravel() for column in columns]
    positions = size + np.concatenate([[0], np.cumsum([len(part) for part in parts])])[:-1]
    if len(positions) + len(numbers) != size:
        raise ValueError(f"{len(positions)} columns and {len(numbers)} numbers where {size} are due")
    return np.concatenate([positions.astype(np.int64), np.array(numbers, np.int64), *parts])


# --- laying out -------------------------------------------------------------------------------------------------------


BITS = 63
"""Bits of a request: its priority's rank, the minute it was asked, its unit's rank."""


def plan_array(plan: CompiledPlan) -> Ints:
    """Return the plan as one array, with the columns and numbers of `the plan` above."""
    priorities = np.unique(plan.rows[plan.operation_of == HOLD, Column.PRIORITY])
    rank_bits = _bits(len(plan.units))
    # what priority and rank leave of 63 bits: with the sign bit 0, requests compare as plain integers
    minute_bits = min(BITS - rank_bits - _bits(len(priorities)), WHEELS * SLOT_BITS)
    priority_rank = np.searchsorted(priorities, np.where(plan.operation_of == HOLD, plan.rows[:, Column.PRIORITY], 0))
    bundle_at, bundles = _end_to_end(plan.bundles)
    pool_bundles_at, pool_bundles = _end_to_end(_bundles_of_pools(plan))
    curve_at, curves = _end_to_end([*plan.learning, *plan.areas])
    columns = [
        # ranks of priorities, not priorities: a few dozen different ones need few bits, however large they are
        *_steps(plan, priority_rank, minute_bits + rank_bits),
        plan.first,
        bundle_at,
        bundles,
        pool_bundles_at,
        pool_bundles,
        _queue_offsets(plan, HOLD, len(plan.bundles)),
        _queue_offsets(plan, WAIT, len(plan.gates)),
        curve_at,
        curves,
        *_net_level_columns(plan),
    ]
    first_leaving = min(int(np.searchsorted(priorities, LEAVING_PRIORITY)) << minute_bits + rank_bits, (1 << BITS) - 1)
    sizes = (rank_bits, minute_bits, len(plan.net_level_pools), first_leaving)
    return with_header(PLAN_HEADER, columns, [len(plan.units), *plan.completion, *sizes])


def _net_level_columns(plan: CompiledPlan) -> tuple[Ints, Ints, Ints]:
    """Return the columns `SET_OF`, `SETS` and `CONDITIONS` of the plan."""
    set_of, sets = np.full(len(plan.pools), -1, np.int64), np.zeros((len(plan.net_level_pools), SET_SIZE), np.int64)
    first_slot = 0
    for number, pools in enumerate(plan.net_level_pools):
        set_of[list(pools)] = number
        thresholds = [threshold for set_number, threshold, *_ in plan.net_level_conditions if set_number == number]
        sets[number] = min(thresholds), max(thresholds), first_slot
        first_slot += max(thresholds) - min(thresholds) + 1
    return set_of, sets, np.array(plan.net_level_conditions, np.int64).reshape(-1, CONDITION_SIZE)


def initial_run(plan: CompiledPlan) -> Ints:
    """Return the array of a run at its first minute, with the columns and numbers of `a run` above."""
    units, gates, bundles = len(plan.units), len(plan.gates), len(plan.bundles)
    requests, waiters = _queue_offsets(plan, HOLD, bundles)[-1], _queue_offsets(plan, WAIT, gates)[-1]
    # -1, as minute 0 is one in which things happen
    never = np.full(max(units, gates), -1, np.int64)
    contents = [
        *(_units_at_start(plan), units, never[:units]),
        *(plan.initial, gates, gates, never[:gates], gates, waiters),
        *(bundles, bundles, requests, WHEELS << SLOT_BITS, WHEELS * (WORDS + 1), units, units, bundles, bundles),
        *(
            int(attempt_slots(plan).max(initial=0)) + 1,
            len(plan.learning) + len(plan.areas),
            len(plan.inputs.names),
            len(plan.calendars),
            plan.initial * 0 + PLENTY,
            _initial_net_levels(plan),
            sum(int(count) for count in np.diff(_net_level_columns(plan)[1][:, :THRESHOLDS_AT]).ravel() + 1),
        ),
    ]
    # a number stands for so many zeros
    columns = [np.zeros(column, np.int64) if np.ndim(column) == 0 else column for column in contents]
    run = with_header(RUN_HEADER, columns, [0] * (RUN_HEADER - len(columns)))
    run[ROUNDS_MINUTE] = -1
    return run


def _initial_net_levels(plan: CompiledPlan) -> Ints:
    """Return the net levels of the sets of pools at the start of a run, shape (sets, 3)."""
    values = [int(plan.initial[list(pools)].sum()) for pools in plan.net_level_pools]
    return np.array([(value, value, -1) for value in values], np.int64)


def _steps(plan: CompiledPlan, priority: Ints, bits: int) -> tuple[Ints, Ints]:
    """Return the columns `STEPS` and `STEP_RECORDS`; a hold's priority is its rank, shifted by `bits` as in requests."""
    rows, operation = plan.rows, plan.operation_of
    holds, works, jumps = (operation == kind for kind in (HOLD, WORK, JUMP))
    area = np.where(plan.area_of < 0, -1, plan.area_of + len(plan.learning))
    net_level_dates = (operation == UNTIL) & (rows[:, Column.NET_LEVEL] > 0)
    offset = np.where(jumps, plan.argument_of - np.arange(len(rows)), 0)
    drawn_jumps = jumps & (rows[:, Column.CHANCE] >= 0)
    people, limit, condition = rows[:, Column.PEOPLE], rows[:, Column.LIMIT], rows[:, Column.NET_LEVEL] - 1
    # a column for each number of a record, from `OPERATION` on; what it means depends on the operation
    record_of_step = np.column_stack(
        [
            operation,
            np.where(works, area, np.where(net_level_dates, NET_LEVEL_DATE, -1)),
            np.select([works, holds, jumps, net_level_dates], (people, priority, limit, condition)),
            np.select([works, holds, jumps], (plan.learning_of, rows[:, Column.PATIENCE], rows[:, Column.JUMP_LEVEL])),
            np.where(works, rows[:, Column.CALENDAR], offset),
            np.where(works, rows[:, Column.MODE], drawn_jumps),
        ]
    ).astype(np.int64, copy=False)
    records, record_number = unique_rows(record_of_step)
    records[records[:, OPERATION] == HOLD, PRIORITY] <<= bits
    argument = np.where(jumps, np.maximum(rows[:, Column.CHANCE], 0), plan.argument_of)
    # in one number with the gate of a jump: -1 for no gate stays below 0 through the shift
    attempts = attempt_slots(plan)
    gate_and_attempts = rows[:, Column.JUMP_GATE] << HALF | attempts
    second_argument = np.select([works, jumps], [attempts, gate_and_attempts], rows[:, Column.LEVEL])
    return np.column_stack([record_number * STEP_RECORD_SIZE << HALF | argument, second_argument]), records


def attempt_slots(plan: CompiledPlan) -> Ints:
    """Return per step the slot of its count of attempts: from 1 on where a unit can come to it a second time, else 0.

    Those are the steps that some jump goes back over, from itself to its target.
    """
    jumps = np.flatnonzero(plan.operation_of == JUMP)
    back = jumps[plan.argument_of[jumps] <= jumps]
    change = np.zeros(len(plan.rows) + 1, np.int64)
    # the running sum counts the jumps that lead back over a step; `add.at`, as several may lead to the same one
    np.add.at(change, plan.argument_of[back], 1)
    np.add.at(change, back + 1, -1)
    repeatable = np.cumsum(change)[:-1] > 0
    # only these draw or count by attempt; any other step needs no slot
    repeatable &= np.isin(plan.operation_of, (WORK, JUMP))
    return np.where(repeatable, np.cumsum(repeatable), 0)


def _units_at_start(plan: CompiledPlan) -> Ints:
    """Return the states of all units at the start of a run, shape (units, `UNIT_SIZE`)."""
    rows = np.zeros((len(plan.units), UNIT_SIZE), np.int64)
    rows[:, CURRENT_STEP], rows[:, BEGUN_AT] = plan.first[:-1], NOT_BEGUN
    return rows


def write_state(run: Ints, plan: CompiledPlan, slots: Ints, state: InitialState) -> None:
    """Write a state, but for what remains of work under way, into a run at its start; `slots` are of `attempt_slots`."""
    units = run[run[STATE] :][: len(plan.units) * UNIT_SIZE].reshape(-1, UNIT_SIZE)
    units[:, CURRENT_STEP], units[:, BEGUN_AT] = state.at, state.begun
    counters = np.concatenate([state.first_attempts, state.people_in_area])
    columns = ((FREE_COUNT, state.free), (LEVEL, state.level), (COUNTERS, counters), (CONTENT, state.content))
    for column, numbers in columns:
        run[run[column] :][: len(numbers)] = numbers
    repeatable = slots > 0
    run[run[ATTEMPTS] + slots[repeatable]] = state.attempts[repeatable]
    sets = _net_level_columns(plan)[1].tolist()
    for number, (*values, minute_crossed) in enumerate(net_levels_after(plan, state) if plan.net_level_pools else ()):
        run[run[NET_LEVEL] + number * NET_LEVEL_SIZE :][:NET_LEVEL_SIZE] = values
        lowest, highest, first = sets[number]
        for threshold in range(lowest, highest + 1):
            run[run[CROSSED_AT] + first + threshold - lowest] = minute_crossed.get(threshold, 0)
    run[CLOCK] = run[LAST_MINUTE] = state.minute


def write_remaining_work(run: Ints, state: InitialState) -> None:
    """Write how long work under way, or interrupted, takes into a run to which `write_state` wrote the rest of a state."""
    units = run[run[STATE] :][: len(state.at) * UNIT_SIZE].reshape(-1, UNIT_SIZE)
    units[:, SINCE], units[:, TOTAL_MINUTES] = state.since, state.minutes
    interrupted = np.flatnonzero(state.interrupted >= 0)
    run[run[CONTENT] + interrupted] = -1 - state.interrupted[interrupted]
    run[INTERRUPTED] = len(interrupted)


def _bundles_of_pools(plan: CompiledPlan) -> list[list[tuple[int, int]]]:
    """Return by pool the (bundle, count) of the bundles that contain it."""
    bundles_of_pool: list[list[tuple[int, int]]] = [[] for _ in plan.pools]
    for bundle, counts in enumerate(plan.bundles):
        for pool, count in counts:
            bundles_of_pool[pool].append((bundle, count))
    return bundles_of_pool


def _queue_offsets(plan: CompiledPlan, operation: int, kinds: int) -> Ints:
    """Return where the queue of each bundle (of holds) or gate (of waits) begins: it has room for every unit that may wait.

    `kinds` is the number of bundles or gates.
    """
    rows = np.flatnonzero(plan.operation_of == operation)
    # a unit waits for one thing at a time: its steps with the same queue need one place together
    pairs = np.unique(plan.argument_of[rows] * len(plan.units) + plan.unit_of[rows])
    return offsets(np.bincount(pairs // len(plan.units), minlength=kinds))


def _end_to_end(lists: Iterable[Sequence[object]]) -> tuple[Ints, Ints]:
    """Return where each list begins in the array of all of them, and that array."""
    parts = list(lists)
    flat = [item for part in parts for item in part]
    return offsets([len(part) for part in parts]), np.array(flat, np.int64)


def offsets(lengths: Sequence[int] | Ints) -> Ints:
    """Return where each of several lists begins when they lie end to end, and where the last one ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.asarray(lengths, np.int64))])


def _bits(number: int) -> int:
    """Return the number of bits in which so many numbers can be told apart, at least one."""
    return max(1, (number - 1).bit_length())


# --- steps ------------------------------------------------------------------------------------------------------------


LOWER = (1 << HALF) - 1


@inline
def step_record(plan: IntView, step: int) -> int:
    """Return the position in the plan at which the record of a step begins, which steps of a kind share."""
    return plan[STEP_RECORDS] + (plan[plan[STEPS] + step * STEP_SIZE + ARGUMENT] >> HALF)


@inline
def argument(plan: IntView, step: int) -> int:
    """Return the argument of a step: the number of its bundle, input, gate or note."""
    return plan[plan[STEPS] + step * STEP_SIZE + ARGUMENT] & LOWER


@inline
def second_argument(plan: IntView, step: int) -> int:
    """Return the second argument of a step: the level of a wait, an amount, the slot of its attempts."""
    return plan[plan[STEPS] + step * STEP_SIZE + SECOND_ARGUMENT]


@inline
def count_attempt(run: IntView, slot: int) -> int:
    """Return how often the step of a slot was begun before, and count it; slot 0 is that of all steps done only once."""
    attempts = run[run[ATTEMPTS] + slot]
    if slot > 0:
        run[run[ATTEMPTS] + slot] = attempts + 1
    return attempts


@inline
def unit_state(run: IntView, unit: int) -> int:
    """Return the position in the run at which the numbers of a unit's state begin."""
    return run[STATE] + unit * UNIT_SIZE


@inline
def prefetch_step(plan: IntView, run: IntView, unit: int) -> None:
    """Fetch the step of a unit, which is needed soon, into the processor's cache: it was last read long ago."""
    prefetch(plan, plan[STEPS] + run[unit_state(run, unit) + CURRENT_STEP] * STEP_SIZE)


# --- log -----------------------------------------------------------------------------------------------------------


@jit
def write_log_row(run: IntView, log: IntView, minute: int, step: int, detail: int) -> None:
    """Append a row to the event log; where it is full, set a fault and only count how many rows would be needed."""
    # the fault is checked between units only: this route may still add rows, which must not be written past the end
    row = run[ROWS]
    run[ROWS] = row + 1
    if row < run[LOG_CAPACITY]:
        log[3 * row] = minute
        log[3 * row + 1] = step
        log[3 * row + 2] = detail
    else:
        run[FAULT] = LOG_FULL
