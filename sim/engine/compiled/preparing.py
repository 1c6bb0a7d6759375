"""A compiled plan laid out for the kernel: the plan itself, and a run at its first minute."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sim.engine.compiled.arrays import AT, HALF, PLAN, ROUNDED, RUN, SLOT_BITS, UNIT, WAY, WHEELS, WORDS, bound
from sim.machine.numbers import Ints
from sim.plan.compile import AGAIN, HOLD, WAIT, WORK, Compiled

BITS = 63
"""Bits of a request: its priority's rank, the minute it was asked, its unit's rank."""


def plan_array(plan: Compiled) -> Ints:
    """Return the plan as one array; `arrays` says what stands where."""
    priorities = np.unique(plan.rows[plan.rows[:, 0] == HOLD, 2])
    rank_bits = _bits(len(plan.units))
    minute_bits = min(BITS - rank_bits - _bits(len(priorities)), WHEELS * SLOT_BITS)
    bundle_at, bundles = _end_to_end(plan.bundles)
    users_at, users = _end_to_end(_users(plan))
    curve_at, curves = _end_to_end([*plan.learning, *plan.areas])
    columns = [
        *_steps(plan, np.searchsorted(priorities, plan.rows[:, 2]) << minute_bits + rank_bits),
        plan.first,
        bundle_at,
        bundles,
        users_at,
        users,
        _room(plan, HOLD, len(plan.bundles)),
        _room(plan, WAIT, len(plan.gates)),
        curve_at,
        curves,
    ]
    return bound(PLAN, columns, [len(plan.units), *plan.completion, rank_bits, minute_bits])


def beginning(plan: Compiled) -> Ints:
    """Return the state of a run at its first minute; `arrays` says what stands where."""
    units, gates, bundles = len(plan.units), len(plan.gates), len(plan.bundles)
    requests, waiters = _room(plan, HOLD, bundles)[-1], _room(plan, WAIT, gates)[-1]
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
        ),
    ]
    columns = [np.zeros(column, np.int64) if np.ndim(column) == 0 else column for column in lengths]
    run = bound(RUN, columns, [0] * (RUN - len(columns)))
    run[ROUNDED] = -1
    return run


def _steps(plan: Compiled, priority: Ints) -> tuple[Ints, Ints]:
    """Return steps and their manners; a hold's priority is its rank, at the place where requests have it."""
    operation, a, b, c, d, e = plan.rows.T
    holds, works, jumps = (operation == kind for kind in (HOLD, WORK, AGAIN))
    area = np.where(plan.area_of < 0, -1, plan.area_of + len(plan.learning))
    offset = np.where(jumps, a - np.arange(len(a)), 0)
    ways = np.column_stack(
        [
            *(operation, np.where(works, area, -1)),
            *(np.select([works, holds, jumps], column) for column in ((d, priority, c), (plan.learning_of, c, e))),
            *(np.where(works, column, other) for column, other in ((b, offset), (c, jumps & (b >= 0)))),
        ]
    ).astype(np.int64)
    manners, manner = different(ways)
    about = np.where(jumps, np.maximum(b, 0), a)
    attempts = repeated(plan)
    more = np.select([works, jumps], [attempts, d << HALF | attempts], b)
    return np.column_stack([manner * WAY << HALF | about, more]), manners


def repeated(plan: Compiled) -> Ints:
    """Give the steps that a unit can come to a second time numbers from 1 on; 0 to all others.

    Those are the steps that some jump goes back over, from itself to where it leads.
    """
    jumps = np.flatnonzero(plan.rows[:, 0] == AGAIN)
    back = jumps[plan.rows[jumps, 1] <= jumps]
    over = np.zeros(len(plan.rows) + 1, np.int64)
    np.add.at(over, plan.rows[back, 1], 1)
    np.add.at(over, back + 1, -1)
    can = np.cumsum(over)[:-1] > 0
    can &= np.isin(plan.rows[:, 0], (WORK, AGAIN))
    return np.where(can, np.cumsum(can), 0)


def _standing(plan: Compiled) -> Ints:
    """Return where units stand at the beginning."""
    rows = np.zeros((len(plan.units), UNIT), np.int64)
    rows[:, AT] = plan.first[:-1]
    return rows


def different(rows: Ints) -> tuple[Ints, Ints]:
    """Return the different rows of a table in order, and which of them each row is: `np.unique`, column by column.

    Thousands of rows have a few dozen values in each column; sorting whole rows takes twenty times as long.
    """
    kind = np.zeros(len(rows), np.int64)
    for column in rows.T:
        values, place = np.unique(column, return_inverse=True)
        _, kind = np.unique(kind * len(values) + place.ravel(), return_inverse=True)
    _, first = np.unique(kind, return_index=True)
    return rows[first], kind.ravel()


def _users(plan: Compiled) -> list[list[tuple[int, int]]]:
    """Return per pool the bundles that contain it, and by what count."""
    users: list[list[tuple[int, int]]] = [[] for _ in plan.pools]
    for bundle, counts in enumerate(plan.bundles):
        for pool, count in counts:
            users[pool].append((bundle, count))
    return users


def _room(plan: Compiled, operation: int, kinds: int) -> Ints:
    """Return where each queue begins: it has room for every unit that has such a step."""
    rows = np.flatnonzero(plan.rows[:, 0] == operation)
    pairs = np.unique(np.column_stack([plan.rows[rows, 1], plan.unit_of[rows]]), axis=0)
    return begins(np.bincount(pairs[:, 0], minlength=kinds))


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
