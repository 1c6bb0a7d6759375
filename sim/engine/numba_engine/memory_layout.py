"""Everything the kernel reads and writes, as six flat arrays: which number stands where, and how a plan is laid out.

Passing many small arrays from function to function costs more than the work itself. So each array begins with a list of
contents: `run[run[FREE_COUNT] + pool]` is the free count of a pool. Single numbers stand in the list itself.

`plan_array` lays out a compiled plan, `beginning` a run at its first minute. A step has two numbers, and shares what else
is known of it (its kind: operation, calendar, mode, area, …) with all steps of the same kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sim.engine.initial_state import InitialState, balances_after
from sim.jit.toolkit import Ints, IntView, inline, jit, prefetch
from sim.plan.compile import CompiledPlan
from sim.plan.copies import unique_rows
from sim.plan.vocabulary import AGAIN, HOLD, LEAVING, UNTIL, WAIT, WORK

# --- the plan ---------------------------------------------------------------------------------------------------------

(
    STEPS, STEP_KINDS, FIRST, BUNDLE_AT, BUNDLES, POOL_BUNDLES_AT, POOL_BUNDLES, QUEUE_AT, GATE_AT, CURVE_AT, CURVES,
    SET_OF, SETS, BALANCES,
) = range(14)  # fmt: skip
"""Columns of the plan. What has different lengths lies end to end; the column …_AT says where each begins.

`BUNDLES` are pairs (pool, count), `POOL_BUNDLES` of a pool pairs (bundle, count); `QUEUE_AT` and `GATE_AT` say where the
waiting of a bundle and of a gate begins in the run's arrays. `SET_OF` a pool is the set with which it has a balance, or
-1; `SETS` has of each set its levels and where the first stands in `SINCE_LEVEL`, `BALANCES` what somebody waits for.
"""
UNITS, LAST_GATE, LAST_LEVEL, RANK_BITS, MINUTE_BITS, BALANCED, LEAVES = range(14, 21)
"""Numbers: units, the completion gate and its level, bits of a rank and a minute, sets of pools, first request to leave."""
PLAN = 21
LOWEST, HIGHEST, LEVELS_AT, SET_SIZE = range(4)
OF_SET, AT_LEVEL, FOR_MINUTES, LAST_LOOK, BELOW, WAIT_SIZE = range(6)

ARGUMENT, EXTRA, STEP = range(3)
"""Numbers of a step. `ARGUMENT` is two in one: where its kind stands among the kinds, and in the lower `HALF` bits what
it is about: bundle of a hold or free, input of a work or date, gate of a wait or signal, chance of a jump, note of a
note. `EXTRA` is the level of a wait, the amount of a signal or note, the place of a work's attempts; of a jump the
same, and above `HALF` bits its gate. Tens of thousands of steps are short, as the memory near a processor is small;
they share some hundred kinds."""
OPERATION, AREA, PEOPLE, LEARNING, ON, MODE, STEP_KIND = range(7)
"""Numbers of a kind of step: the operation, then area, people, curve, calendar and mode of a work; area -1 of all others."""
PRIORITY, PATIENCE = 2, 3
"""Of a hold instead: its priority's rank at the place where requests have it, its patience or -1."""
WATCHED, BALANCED_DATE = 2, -2
"""Of a date instead: the balance that is waited for from it on; then its area is `BALANCED_DATE`."""
LIMIT, NEEDED, OFFSET, DRAWN = 2, 3, 4, 5
"""Of a jump instead: its limit, the level of its gate, how many steps it goes on or back, whether it is drawn."""
HALF = 32

# --- a run ------------------------------------------------------------------------------------------------------------

(STATE, JUMPS, JUMPED, FREE_COUNT, LEVEL, BEFORE, SIGNALLED, WAITERS, GATE_QUEUE) = range(9)
"""Columns of a run. Of units: where they stand, jumps made in the minute `JUMPED`. Of pools: what is free. Of gates:
level, level before the minute `SIGNALLED`, how many wait."""
(
    QUEUE_SIZE, MARKED, QUEUE, WHEEL, OCCUPIED, STARTING, READY, TO_CHECK, CANDIDATES, ATTEMPTS, COUNTERS, CONTENT,
    REACHED, SPARE, BALANCE, SINCE_LEVEL,
) = range(9, 25)  # fmt: skip
"""More columns. Of bundles: how many ask for it, whether it stands in `TO_CHECK`. Lists: waiting, who goes on when
and which slots of that are occupied, who starts to work, who can go on, bundles to look at, their heads. Then
attempts at steps that can be repeated, counters by curve, minutes before losses by input, how far each calendar
has been read, by pool how many fewer would have done all the time, or -1 where it was short, by set of pools its balance
(`BALANCE_SIZE` numbers), and by set and level since which minute the balance is at it, or below."""
VALUE, ENDED, CHANGED, BALANCE_SIZE = range(4)
"""Of a balance: what it is now, what it was at the end of the minute before `CHANGED`, in which it last changed."""
(CLOCK, PENDING, STARTING_SIZE, READY_SIZE, TO_CHECK_SIZE, WAITING, ROWS, DUE, ROUNDS, ROUNDED) = range(25, 35)
"""Numbers of a run: the minute it has come to, how many go on later, sizes of its lists, how many requests wait, rows
of log, whether a grant pass is due, how many there have been in the minute `ROUNDED`."""
FINISHED, NOW, FAULT, FAULT_UNIT, ASKED, REPLICATION, ROOM, MOST_JUMPS, MOST_ROUNDS, MOST_ROWS, INTERRUPTED = range(
    35, 46
)
"""Whether the completion gate is open, the last minute, what went wrong, with which unit, for how much work;
which replication this is, how many rows the log has room for,
the budgets of a minute, and that of a replication, how many works are interrupted: what is left of these stands as
-1 - minutes among the contents."""
RUN = 46

AT, BEGUN, WITHHOLDS, KIND, UNIT = range(5)
"""Where a unit stands: its step, the minute that began, from when its request withholds, for which bundle it is."""
DUE_AT, NEXT = WITHHOLDS, KIND
"""Of one that asks for nothing, but works or waits for a date: its minute, and who stands behind it in its slot."""
SINCE, WHOLE_MINUTES, SETS_OUT = WITHHOLDS, KIND, -1
"""Of one whose work was under way when the run began: since when it counts, and its whole length. `BEGUN` of one that
only sets out on its step."""
PLENTY = 1 << 40
"""More than there is of any pool."""
EMPTY = 0
"""An empty slot; units are numbered from 1 where they stand in a slot."""
SLOT_BITS, WHEELS = 10, 5
"""Bits of a slot of a wheel, and how many wheels: 2^50 minutes, two billion years, can be told apart."""
WORDS = 1 << SLOT_BITS - 6
"""Words of bits a wheel has, a bit for each slot; one more tells which of them are not empty."""

NO_FAULT, LOG_FULL, ENDLESS_JUMPS, ENDLESS_GRANTS, NEVER_FINISHED, TOO_FAR, BUDGET_SPENT, UNKNOWN = range(8)
"""What can go wrong. `NEVER_FINISHED`: work that its calendar has no time for; `TOO_FAR`: a date beyond all counting;
`UNKNOWN`: work that ends later than its calendar is known."""

# --- draws ------------------------------------------------------------------------------------------------------------

INPUTS, RECIPES, GIVEN = range(3)
"""Columns of the draws: inputs, what they are made of, and values that need no drawing. There may be none of the
last; then its place in the list of contents is 0."""
RECIPE, LOSSES, DELAYS, MINUTES, FACTORS, DELAY_MINUTES, FORCED = range(3, 10)
"""Numbers of the draws: how many a recipe has, where among them losses and delays begin; where among the parameters
minutes per unit of each recipe, shared factors, shared delays and forced uniforms of inputs begin (0: none are)."""
DRAWS = 10

KEY, OTHER_KEY, MADE, INPUT = range(4)
"""Numbers of an input: its key, and which recipe it is made by. Thousands of inputs share a few dozen recipes."""
TABLE, LENGTH, TABLE_KIND, INPUT_KIND, CONTENT_FACTORS = range(5)
"""Numbers of a recipe: its table among the parameters, its kinds; then content factors, losses, delays, or -1."""

# --- calendars --------------------------------------------------------------------------------------------------------

STARTS, ENDS, DONE, STRETCHES, LONGEST, KNOWN, CALENDAR = range(7)
"""Contents of a calendar, `CALENDAR` of them: where starts, ends and minutes worked begin; how many, the longest;
until which minute it holds."""


def bound(size: int, columns: Sequence[Sequence[int] | Ints], numbers: Sequence[int]) -> Ints:
    """Return columns end to end behind a list of contents: where each begins, then single numbers."""
    parts = [np.asarray(column, np.int64).ravel() for column in columns]
    begins = size + np.concatenate([[0], np.cumsum([len(part) for part in parts])])[:-1]
    if len(begins) + len(numbers) != size:
        raise ValueError(f"{len(begins)} columns and {len(numbers)} numbers where {size} are due")
    return np.concatenate([begins.astype(np.int64), np.array(numbers, np.int64), *parts])


# --- laying out -------------------------------------------------------------------------------------------------------


BITS = 63
"""Bits of a request: its priority's rank, the minute it was asked, its unit's rank."""


def plan_array(plan: CompiledPlan) -> Ints:
    """Return the plan as one array, with the columns and numbers of `the plan` above."""
    priorities = np.unique(plan.rows[plan.rows[:, 0] == HOLD, 2])
    rank_bits = _bits(len(plan.units))
    # what priority and rank leave of 63 bits: with the sign bit 0, requests compare as plain integers
    minute_bits = min(BITS - rank_bits - _bits(len(priorities)), WHEELS * SLOT_BITS)
    rank = np.searchsorted(priorities, np.where(plan.rows[:, 0] == HOLD, plan.rows[:, 2], 0))
    bundle_at, bundles = _end_to_end(plan.bundles)
    users_at, users = _end_to_end(_users(plan))
    curve_at, curves = _end_to_end([*plan.learning, *plan.areas])
    columns = [
        # ranks of priorities, not priorities: a few dozen different ones need few bits, however large they are
        *_steps(plan, rank, minute_bits + rank_bits),
        plan.first,
        bundle_at,
        bundles,
        users_at,
        users,
        _room(plan, HOLD, len(plan.bundles)),
        _room(plan, WAIT, len(plan.gates)),
        curve_at,
        curves,
        *_balances(plan),
    ]
    leaves = min(int(np.searchsorted(priorities, LEAVING)) << minute_bits + rank_bits, (1 << BITS) - 1)
    sizes = (rank_bits, minute_bits, len(plan.balanced), leaves)
    return bound(PLAN, columns, [len(plan.units), *plan.completion, *sizes])


def _balances(plan: CompiledPlan) -> tuple[Ints, Ints, Ints]:
    """Return the set of every pool, the sets, and what is waited for of their balances."""
    set_of, sets, at = np.full(len(plan.pools), -1, np.int64), np.zeros((len(plan.balanced), SET_SIZE), np.int64), 0
    for number, pools in enumerate(plan.balanced):
        set_of[list(pools)] = number
        levels = [level for of, level, *_ in plan.balances if of == number]
        sets[number], at = (min(levels), max(levels), at), at + max(levels) - min(levels) + 1
    return set_of, sets, np.array(plan.balances, np.int64).reshape(-1, WAIT_SIZE)


def beginning(plan: CompiledPlan) -> Ints:
    """Return the state of a run at its first minute, with the columns and numbers of `a run` above."""
    units, gates, bundles = len(plan.units), len(plan.gates), len(plan.bundles)
    requests, waiters = _room(plan, HOLD, bundles)[-1], _room(plan, WAIT, gates)[-1]
    # -1, as minute 0 is one in which things happen
    never = np.full(max(units, gates), -1, np.int64)
    lengths = [
        *(_standing(plan), units, never[:units]),
        *(plan.initial, gates, gates, never[:gates], gates, waiters),
        *(bundles, bundles, requests, WHEELS << SLOT_BITS, WHEELS * (WORDS + 1), units, units, bundles, bundles),
        *(
            int(repeated(plan).max(initial=0)) + 1,
            len(plan.learning) + len(plan.areas),
            len(plan.inputs.names),
            len(plan.calendars),
            plan.initial * 0 + PLENTY,
            _balances_at_start(plan),
            sum(int(levels) for levels in np.diff(_balances(plan)[1][:, :LEVELS_AT]).ravel() + 1),
        ),
    ]
    columns = [np.zeros(column, np.int64) if np.ndim(column) == 0 else column for column in lengths]
    run = bound(RUN, columns, [0] * (RUN - len(columns)))
    run[ROUNDED] = -1
    return run


def _balances_at_start(plan: CompiledPlan) -> Ints:
    """Return the balances at the beginning."""
    values = [int(plan.initial[list(pools)].sum()) for pools in plan.balanced]
    return np.array([(value, value, -1) for value in values], np.int64)


def _steps(plan: CompiledPlan, priority: Ints, bits: int) -> tuple[Ints, Ints]:
    """Return steps and their kinds; a hold's priority is its rank, at the place where requests have it: above `bits`."""
    operation, a, b, c, d, e = plan.rows.T
    holds, works, jumps = (operation == kind for kind in (HOLD, WORK, AGAIN))
    area = np.where(plan.area_of < 0, -1, plan.area_of + len(plan.learning))
    watched = (operation == UNTIL) & (b > 0)
    offset = np.where(jumps, a - np.arange(len(a)), 0)
    ways = np.column_stack(
        [
            *(operation, np.where(works, area, np.where(watched, BALANCED_DATE, -1))),
            np.select([works, holds, jumps, watched], (d, priority, c, b - 1)),
            np.select([works, holds, jumps], (plan.learning_of, c, e)),
            *(np.where(works, column, other) for column, other in ((b, offset), (c, jumps & (b >= 0)))),
        ]
    ).astype(np.int64)
    kinds, step_kind = unique_rows(ways)
    kinds[kinds[:, OPERATION] == HOLD, PRIORITY] <<= bits
    argument = np.where(jumps, np.maximum(b, 0), a)
    # in one number with the gate of a jump: -1 for no gate stays below 0 through the shift
    attempts = repeated(plan)
    extra = np.select([works, jumps], [attempts, d << HALF | attempts], b)
    return np.column_stack([step_kind * STEP_KIND << HALF | argument, extra]), kinds


def repeated(plan: CompiledPlan) -> Ints:
    """Give the steps that a unit can come to a second time numbers from 1 on; 0 to all others.

    Those are the steps that some jump goes back over, from itself to where it leads.
    """
    jumps = np.flatnonzero(plan.rows[:, 0] == AGAIN)
    back = jumps[plan.rows[jumps, 1] <= jumps]
    over = np.zeros(len(plan.rows) + 1, np.int64)
    # the running sum counts the jumps that lead back over a step; `add.at`, as several may lead to the same one
    np.add.at(over, plan.rows[back, 1], 1)
    np.add.at(over, back + 1, -1)
    can = np.cumsum(over)[:-1] > 0
    # only these draw or count by attempt; any other step needs no place
    can &= np.isin(plan.rows[:, 0], (WORK, AGAIN))
    return np.where(can, np.cumsum(can), 0)


def _standing(plan: CompiledPlan) -> Ints:
    """Return where units stand at the beginning."""
    rows = np.zeros((len(plan.units), UNIT), np.int64)
    rows[:, AT], rows[:, BEGUN] = plan.first[:-1], SETS_OUT
    return rows


def write_settled(run: Ints, plan: CompiledPlan, places: Ints, state: InitialState) -> None:
    """Write what is settled of a state into a run at its beginning; `places` are those of attempts, as of `repeated`."""
    units = run[run[STATE] :][: len(plan.units) * UNIT].reshape(-1, UNIT)
    units[:, AT], units[:, BEGUN] = state.at, state.begun
    counters = np.concatenate([state.learnt, state.crowd])
    columns = ((FREE_COUNT, state.free), (LEVEL, state.level), (COUNTERS, counters), (CONTENT, state.content))
    for column, numbers in columns:
        run[run[column] :][: len(numbers)] = numbers
    there = places > 0
    run[run[ATTEMPTS] + places[there]] = state.attempts[there]
    sets = _balances(plan)[1].tolist()
    for number, (*values, since) in enumerate(balances_after(plan, state) if plan.balanced else ()):
        run[run[BALANCE] + number * BALANCE_SIZE :][:BALANCE_SIZE] = values
        lowest, highest, first = sets[number]
        for level in range(lowest, highest + 1):
            run[run[SINCE_LEVEL] + first + level - lowest] = since.get(level, 0)
    run[CLOCK] = run[NOW] = state.minute


def write_lengths(run: Ints, state: InitialState) -> None:
    """Write how long what is under way or interrupted takes into a run that has what is settled of the state."""
    units = run[run[STATE] :][: len(state.at) * UNIT].reshape(-1, UNIT)
    units[:, SINCE], units[:, WHOLE_MINUTES] = state.since, state.minutes
    interrupted = np.flatnonzero(state.interrupted >= 0)
    run[run[CONTENT] + interrupted] = -1 - state.interrupted[interrupted]
    run[INTERRUPTED] = len(interrupted)


def _users(plan: CompiledPlan) -> list[list[tuple[int, int]]]:
    """Return per pool the bundles that contain it, and by what count."""
    users: list[list[tuple[int, int]]] = [[] for _ in plan.pools]
    for bundle, counts in enumerate(plan.bundles):
        for pool, count in counts:
            users[pool].append((bundle, count))
    return users


def _room(plan: CompiledPlan, operation: int, kinds: int) -> Ints:
    """Return where each queue begins: it has room for every unit that has such a step."""
    rows = np.flatnonzero(plan.rows[:, 0] == operation)
    # a unit waits for one thing at a time: its steps with the same queue need one place together
    pairs = np.unique(plan.rows[rows, 1] * len(plan.units) + plan.unit_of[rows])
    return begins(np.bincount(pairs // len(plan.units), minlength=kinds))


def _end_to_end(lists: Iterable[Sequence[object]]) -> tuple[Ints, Ints]:
    """Return where each list begins in the array of all of them, and that array."""
    parts = list(lists)
    flat = [item for part in parts for item in part]
    return begins([len(part) for part in parts]), np.array(flat, np.int64)


def begins(lengths: Sequence[int] | Ints) -> Ints:
    """Return the running total of lengths from 0, one more than there are lengths."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.asarray(lengths, np.int64))])


def _bits(number: int) -> int:
    """Return how many bits tell so many things apart, at least one."""
    return max(1, (number - 1).bit_length())


# --- steps ------------------------------------------------------------------------------------------------------------


LOWER = (1 << HALF) - 1


@inline
def step_kind(plan: IntView, at: int) -> int:
    """Return where the kind of a step stands."""
    return plan[STEP_KINDS] + (plan[plan[STEPS] + at * STEP + ARGUMENT] >> HALF)


@inline
def argument(plan: IntView, at: int) -> int:
    """Return what a step is about: the number of its bundle, input, gate or note."""
    return plan[plan[STEPS] + at * STEP + ARGUMENT] & LOWER


@inline
def extra(plan: IntView, at: int) -> int:
    """Return what else belongs to a step: a level, an amount, the place of its attempts."""
    return plan[plan[STEPS] + at * STEP + EXTRA]


@inline
def attempt(run: IntView, place: int) -> int:
    """Return how often a step was reached before, and count; at place 0 are all that are reached only once."""
    made = run[run[ATTEMPTS] + place]
    if place > 0:
        run[run[ATTEMPTS] + place] = made + 1
    return made


@inline
def unit_state(run: IntView, unit: int) -> int:
    """Return where a unit's state stands."""
    return run[STATE] + unit * UNIT


@inline
def prefetch_step(plan: IntView, run: IntView, unit: int) -> None:
    """Have the step of a unit brought near that is soon to go on: it was last looked at long ago."""
    prefetch(plan, plan[STEPS] + run[unit_state(run, unit) + AT] * STEP)


# --- log -----------------------------------------------------------------------------------------------------------


@jit
def write(run: IntView, log: IntView, minute: int, at: int, detail: int) -> None:
    """Add a row to the log; where there is no room left the run is void, and only counts what it would need."""
    # the fault is looked at between units only: rows of this route still come, and must not be written past the end
    row = run[ROWS]
    run[ROWS] = row + 1
    if row < run[ROOM]:
        log[3 * row] = minute
        log[3 * row + 1] = at
        log[3 * row + 2] = detail
    else:
        run[FAULT] = LOG_FULL
