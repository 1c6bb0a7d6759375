"""Everything the kernel reads and writes, as six flat arrays; here is which number stands where.

Passing many small arrays from function to function costs more than the work itself. So each array begins with a
list of contents: `run[run[FREE] + pool]` is the free count of a pool. Single numbers stand in the list itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

# --- the plan -------------------------------------------------------------------------------------------------

(STEPS, FIRST, BUNDLE_AT, BUNDLES, USERS_AT, USERS, QUEUE_AT, GATE_AT, CURVE_AT, CURVES) = range(10)
"""Columns of the plan. What has different lengths lies end to end; the column …_AT says where each begins.

`BUNDLES` are pairs (pool, count), `USERS` of a pool pairs (bundle, count); `QUEUE_AT` and `GATE_AT` say where the
waiting of a bundle and of a gate begins in the run's arrays.
"""
UNITS, LAST_GATE, LAST_LEVEL, RANK_BITS, MINUTE_BITS = range(10, 15)
"""Numbers of the plan: how many units, the completion gate and its level, bits of a rank and of a minute."""
PLAN = 15

OPERATION, A, B, C, D, E, LEARNING, AREA, STEP = range(9)
"""Numbers of a step, `STEP` of them: a row of the compiled plan, then its curve and its area, or -1."""

# --- a run ----------------------------------------------------------------------------------------------------

(AT, BEGUN, WITHHOLDS, JUMPS, JUMPED, FREE_COUNT, LEVEL, BEFORE, SIGNALLED, WAITERS, GATE_QUEUE) = range(11)
"""Columns of a run. Of units: the step, the minute it began, from when a request withholds, jumps made in the
minute `JUMPED`. Of pools: what is free. Of gates: level, level before the minute `SIGNALLED`, how many wait."""
(ASKING, MARKED, QUEUE, EVENTS, STARTING, READY, TOUCHED, HEADS, ATTEMPTS, COUNTERS, CONTENT, REACHED) = range(11, 23)
"""More columns. Of bundles: how many ask for it, whether it is among the `TOUCHED`. Lists: waiting, future events,
who starts to work, who can go on, bundles to look at, their heads. Then attempts by step, counters by curve,
minutes before losses by input, and how far each calendar has been read."""
(EVENTS_SIZE, STARTING_SIZE, READY_SIZE, TOUCHED_SIZE, WAITING, ROWS, DUE, ROUNDS, ROUNDED) = range(23, 32)
"""Numbers of a run: sizes of its lists, how many requests wait, rows of log, whether a grant pass is due, how many
there have been in the minute `ROUNDED`."""
OPEN, NOW, FAULT, WHO, ASKED, REPLICATION, ROOM = range(32, 39)
"""Whether the completion gate is open, the last minute, what went wrong, with which unit, for how much work;
which replication this is, and how many rows the log has room for."""
RUN = 39

WELL, LOG_FULL, JUMPS_FOR_EVER, GRANTS_FOR_EVER, NEVER_DONE, TOO_FAR = range(6)
"""What can go wrong. `NEVER_DONE`: work that its calendar has no time for; `TOO_FAR`: a date beyond all counting."""

# --- luck -----------------------------------------------------------------------------------------------------

INPUTS, GIVEN, FORCED_AT = range(3)
"""Columns of the luck: inputs, values that need no drawing, which forced uniform an input takes (-1: none). The
last two may be missing; then their place in the list of contents is 0."""
INPUT, LOSSES, DELAYS, MINUTES, FACTORS, DELAY_MINUTES, FORCED = range(3, 10)
"""Numbers of the luck: how many an input has, where among them losses and delays begin; where among the figures
minutes per unit, shared factors, shared delays and forced uniforms begin."""
LUCK = 10

KEY, OTHER_KEY, TABLE, LENGTH, TABLE_KIND, INPUT_KIND, CONTENT_FACTORS = range(7)
"""Numbers of an input: its key, its table among the figures, its kinds; then content factors, losses, delays."""

# --- calendars ------------------------------------------------------------------------------------------------

STARTS, ENDS, DONE, STRETCHES, LONGEST, CALENDAR = range(6)
"""Contents of a calendar, `CALENDAR` of them: where starts, ends and minutes worked begin; how many, the longest."""


def bound(size: int, columns: Sequence[Sequence[int] | Ints], numbers: Sequence[int]) -> Ints:
    """Return columns end to end behind a list of contents: where each begins, then single numbers."""
    parts = [np.asarray(column, np.int64).ravel() for column in columns]
    begins = size + np.concatenate([[0], np.cumsum([len(part) for part in parts])])[:-1]
    if len(begins) + len(numbers) != size:
        raise ValueError(f"{len(begins)} columns and {len(numbers)} numbers where {size} are due")
    return np.concatenate([begins.astype(np.int64), np.array(numbers, np.int64), *parts])
