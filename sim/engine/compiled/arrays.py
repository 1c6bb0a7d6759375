"""Everything the kernel reads and writes, as six flat arrays; here is which number stands where.

Passing many small arrays from function to function costs more than the work itself. So each array begins with a
list of contents: `run[run[FREE] + pool]` is the free count of a pool. Single numbers stand in the list itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.machine.numbers import Ints

# --- the plan -------------------------------------------------------------------------------------------------

(STEPS, MANNERS, FIRST, BUNDLE_AT, BUNDLES, USERS_AT, USERS, QUEUE_AT, GATE_AT, CURVE_AT, CURVES) = range(11)
"""Columns of the plan. What has different lengths lies end to end; the column …_AT says where each begins.

`BUNDLES` are pairs (pool, count), `USERS` of a pool pairs (bundle, count); `QUEUE_AT` and `GATE_AT` say where the
waiting of a bundle and of a gate begins in the run's arrays.
"""
UNITS, LAST_GATE, LAST_LEVEL, RANK_BITS, MINUTE_BITS = range(11, 16)
"""Numbers of the plan: how many units, the completion gate and its level, bits of a rank and of a minute."""
PLAN = 16

ABOUT, MORE, STEP = range(3)
"""Numbers of a step. `ABOUT` is two in one: where its manner stands among them, and below `HALF` bits what it is
about: bundle of a hold or free, input of a work or date, gate of a wait or signal, chance of a jump, note of a note.
`MORE` is the level of a wait, the amount of a signal or note, the place of a work's attempts; of a jump the same, and
above `HALF` bits its gate. Tens of thousands of steps are short, as the memory near a processor is small; they share
some hundred manners."""
OPERATION, AREA, PEOPLE, LEARNING, ON, MODE, WAY = range(7)
"""Numbers of a manner: the operation, then area, people, curve, calendar and mode of a work; area -1 of all others."""
PRIORITY, PATIENCE = 2, 3
"""Of a hold instead: its priority's rank at the place where requests have it, its patience or -1."""
LIMIT, NEEDED, OFFSET, DRAWN = 2, 3, 4, 5
"""Of a jump instead: its limit, the level of its gate, how many steps it goes on or back, whether it is drawn."""
HALF = 32

# --- a run ----------------------------------------------------------------------------------------------------

(STATE, JUMPS, JUMPED, FREE_COUNT, LEVEL, BEFORE, SIGNALLED, WAITERS, GATE_QUEUE) = range(9)
"""Columns of a run. Of units: where they stand, jumps made in the minute `JUMPED`. Of pools: what is free. Of gates:
level, level before the minute `SIGNALLED`, how many wait."""
(ASKING, MARKED, QUEUE, WHEEL, OCCUPIED, STARTING, READY, TOUCHED, HEADS, ATTEMPTS, COUNTERS, CONTENT, REACHED) = range(
    9, 22
)
"""More columns. Of bundles: how many ask for it, whether it is among the `TOUCHED`. Lists: waiting, who goes on when
and which slots of that are occupied, who starts to work, who can go on, bundles to look at, their heads. Then
attempts at steps that can be repeated, counters by curve, minutes before losses by input, and how far each calendar
has been read."""
(CLOCK, COMING, STARTING_SIZE, READY_SIZE, TOUCHED_SIZE, WAITING, ROWS, DUE, ROUNDS, ROUNDED) = range(22, 32)
"""Numbers of a run: the minute it has come to, how many go on later, sizes of its lists, how many requests wait, rows
of log, whether a grant pass is due, how many there have been in the minute `ROUNDED`."""
OPEN, NOW, FAULT, WHO, ASKED, REPLICATION, ROOM, MOST_JUMPS, MOST_ROUNDS, MOST_ROWS = range(32, 42)
"""Whether the completion gate is open, the last minute, what went wrong, with which unit, for how much work;
which replication this is, how many rows the log has room for,
the budgets of a minute, and that of a replication."""
RUN = 42

AT, BEGUN, WITHHOLDS, KIND, UNIT = range(5)
"""Where a unit stands: its step, the minute that began, from when its request withholds, for which bundle it is."""
DUE_AT, NEXT = WITHHOLDS, KIND
"""Of one that asks for nothing, but works or waits for a date: its minute, and who stands behind it in its slot."""
NOBODY = 0
"""Nobody stands there; units are numbered from 1 where they stand in a slot."""
SLOT_BITS, WHEELS = 10, 5
"""Bits of a slot of a wheel, and how many wheels: 2^50 minutes, two billion years, can be told apart."""
WORDS = 1 << SLOT_BITS - 6
"""Words of bits a wheel has, a bit for each slot; one more tells which of them are not empty."""

WELL, LOG_FULL, JUMPS_FOR_EVER, GRANTS_FOR_EVER, NEVER_DONE, TOO_FAR, BUDGET_SPENT, UNKNOWN = range(8)
"""What can go wrong. `NEVER_DONE`: work that its calendar has no time for; `TOO_FAR`: a date beyond all counting;
`UNKNOWN`: work that ends later than its calendar is known."""

# --- luck -----------------------------------------------------------------------------------------------------

INPUTS, RECIPES, GIVEN = range(3)
"""Columns of the luck: inputs, what they are made of, and values that need no drawing. There may be none of the
last; then its place in the list of contents is 0."""
RECIPE, LOSSES, DELAYS, MINUTES, FACTORS, DELAY_MINUTES, FORCED = range(3, 10)
"""Numbers of the luck: how many a recipe has, where among them losses and delays begin; where among the figures
minutes per unit of each recipe, shared factors, shared delays and forced uniforms of inputs begin (0: none are)."""
LUCK = 10

KEY, OTHER_KEY, MADE, INPUT = range(4)
"""Numbers of an input: its key, and which recipe it is made by. Thousands of inputs share a few dozen recipes."""
TABLE, LENGTH, TABLE_KIND, INPUT_KIND, CONTENT_FACTORS = range(5)
"""Numbers of a recipe: its table among the figures, its kinds; then content factors, losses, delays, or -1."""

# --- calendars ------------------------------------------------------------------------------------------------

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
