"""The walk back from the completion to the decision: twin of `sim.metrics.chain`, for its minutes alone.

Read `Chain._walk` first: this goes the same way and asks the same questions, row by row of the log.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.machine.jit import numbers_of, part, whole

Ints = NDArray[np.int64]
Flags = NDArray[np.uint8]
OTHER, HOLD, WAIT, WORK, DATE, FREE, SIGNAL = range(7)
"""Kinds of steps as the walk sees them."""
NONE = -1
ROW, WHY, SINCE, TIMED = range(4)
"""What is noted of a row on the way: the row, a mechanism or none, since when it is short; whether it is work."""

_at: Any = numbers_of


class Ways(NamedTuple):
    """What the walk asks of a plan: steps; bundles, whose pools stand from `first` on; pools; units.

    `mechanism` is that of each pool, none for tokens; `stays` are pools that are not passed on; `strikes` the units
    of risk drivers.
    """

    kind: NDArray[np.uint8]
    argument: Ints
    unit: NDArray[np.int32]
    completes: Flags
    first: Ints
    pool: Ints
    amount: Ints
    initial: Ints
    mechanism: Ints
    stays: Flags
    strikes: Flags
    other: int
    risk: int


class Trace(NamedTuple):
    """One run: its log, the row before each of the same unit, rows already seen, and what is free of every pool.

    `free` holds after `upto[0]` rows.
    """

    log: Ints
    rows: int
    before: NDArray[np.int32]
    seen: Flags
    free: Ints
    upto: Ints


@whole
def walk(ways_: Ways, trace_: Trace, over: int, found: Ints) -> int:
    """Note the rows of the chain in `found`, from the completion back; return how many there are.

    `over` is the minute of the completion, or -1. Inside, arrays are where their first numbers stand, which compiles
    in half the time; they must all come from outside, as nobody would know in here that they are still in use.
    """
    log, seen, free = _at(trace_.log), _at(trace_.seen), _at(trace_.free)
    trace = Trace(log, trace_.rows, _at(trace_.before), seen, free, _at(trace_.upto))
    ways = Ways(
        _at(ways_.kind), _at(ways_.argument), _at(ways_.unit), _at(ways_.completes),
        _at(ways_.first), _at(ways_.pool), _at(ways_.amount), _at(ways_.initial),
        _at(ways_.mechanism), _at(ways_.stays), _at(ways_.strikes), ways_.other, ways_.risk,
    )  # fmt: skip
    row, why, since, stays, count = _completion(ways, trace, over), NONE, 0, False, 0
    while row >= 0 and count < len(found):
        trace.seen[row] = 1
        minute, begun, kind = log[3 * row], log[3 * row + 2], ways.kind[log[3 * row + 1]]
        if kind in (WORK, DATE) and minute > begun:
            count = _note(found, count, row, why, since, True)
        elif kind in (HOLD, WAIT) and minute > begun:
            before, pool = _released_by(ways, trace, row)
            if pool != NONE and ways.mechanism[pool] != NONE:
                why, since, stays = ways.mechanism[pool], begun, ways.stays[pool] != 0
            elif not stays:
                why = NONE
            struck = before >= 0 and ways.strikes[ways.unit[log[3 * before + 1]]] != 0
            if before >= 0 and trace.seen[before] == 0 and not struck:
                row = before
                continue
            reason = ways.risk if struck else why if why != NONE else ways.other
            count = _note(found, count, row, reason, since, False)
            why = NONE
        row = trace.before[row]
    return count


@part
def _note(found: Ints, count: int, row: int, why: int, since: int, timed: bool) -> int:
    found[count, ROW], found[count, WHY], found[count, SINCE], found[count, TIMED] = row, why, since, timed
    return count + 1


@part
def _completion(ways: Ways, trace: Trace, over: int) -> int:
    """Return the row that opened the completion gate in the minute in which all was over, or -1."""
    log, row, best = trace.log, trace.rows - 1, NONE
    while row >= 0 and log[3 * row] >= over >= 0:
        if log[3 * row] == over and ways.completes[log[3 * row + 1]] != 0 and _sooner(ways, trace, row, best):
            best = row
        row -= 1
    return best


@part
def _released_by(ways: Ways, trace: Trace, row: int) -> tuple[int, int]:
    """Return the row that let a late hold or wait go on, and the pool that was short; -1 for none."""
    log, first, end = trace.log, row, row + 1
    while first > 0 and log[3 * (first - 1) + 0] == log[3 * row]:
        first -= 1
    while end < trace.rows and log[3 * end] == log[3 * row]:
        end += 1
    if ways.kind[log[3 * row + 1]] == WAIT:
        return _signalled(ways, trace, row, first, end), NONE
    wanted = ways.argument[log[3 * row + 1]]
    several = _several(ways, trace, row, first, end)
    best, pool = NONE, NONE
    if several:
        _level(ways, trace, first)
        best, pool = _freed(ways, trace, row, first, end, True)
    if best == NONE:
        best, pool = _freed(ways, trace, row, first, end, False)
    return best, pool if best != NONE else ways.pool[ways.first[wanted]]


@part
def _signalled(ways: Ways, trace: Trace, row: int, first: int, end: int) -> int:
    """Return the row of the minute in which another unit raised the gate that a row waited for."""
    log, best = trace.log, NONE
    gate, unit = ways.argument[log[3 * row + 1]], ways.unit[log[3 * row + 1]]
    for other in range(first, end):
        step = log[3 * other + 1]
        signals = ways.kind[step] == SIGNAL and ways.argument[step] == gate and ways.unit[step] != unit
        if signals and _sooner(ways, trace, other, best):
            best = other
    return best


@part
def _several(ways: Ways, trace: Trace, row: int, first: int, end: int) -> bool:
    """Tell whether others gave back more than one of the pools that a row wants, in its minute."""
    log, one = trace.log, NONE
    wanted, unit = ways.argument[log[3 * row + 1]], ways.unit[log[3 * row + 1]]
    for other in range(first, end):
        step = log[3 * other + 1]
        if ways.kind[step] == FREE and ways.unit[step] != unit:
            bundle = ways.argument[step]
            for place in range(ways.first[bundle], ways.first[bundle + 1]):
                if _wanted(ways, wanted, ways.pool[place]) > 0:
                    if one != NONE and one != ways.pool[place]:
                        return True
                    one = ways.pool[place]
    return False


@part
def _freed(ways: Ways, trace: Trace, row: int, first: int, end: int, short: bool) -> tuple[int, int]:
    """Return who gave back what a row wants, and which pool; with `short`, only of pools that had too little."""
    log, best, which = trace.log, NONE, NONE
    wanted, unit = ways.argument[log[3 * row + 1]], ways.unit[log[3 * row + 1]]
    for other in range(first, end):
        step = log[3 * other + 1]
        if ways.kind[step] == FREE and ways.unit[step] != unit:
            bundle = ways.argument[step]
            for place in range(ways.first[bundle], ways.first[bundle + 1]):
                pool = ways.pool[place]
                count = _wanted(ways, wanted, pool)
                if count > 0 and (not short or trace.free[pool] < count):
                    if _sooner(ways, trace, other, best):
                        best, which = other, pool
                    break
    return best, which


@part
def _wanted(ways: Ways, bundle: int, pool: int) -> int:
    """Return how many of a pool a bundle has."""
    for place in range(ways.first[bundle], ways.first[bundle + 1]):
        if ways.pool[place] == pool:
            return ways.amount[place]
    return 0


@part
def _sooner(ways: Ways, trace: Trace, row: int, best: int) -> bool:
    """Tell whether a row owes less to others of its minute than the best so far, or stands before it by rank."""
    if best == NONE:
        return True
    one, other = _released(ways, trace, row), _released(ways, trace, best)
    if one != other:
        return one < other
    mine, its = ways.unit[trace.log[3 * row + 1]], ways.unit[trace.log[3 * best + 1]]
    return mine < its if mine != its else row < best


@part
def _released(ways: Ways, trace: Trace, row: int) -> int:
    """Return how many late holds and waits a unit has behind it in the minute of one of its rows."""
    log, found, minute = trace.log, 0, trace.log[3 * row]
    while row >= 0 and log[3 * row] == minute:
        kind = ways.kind[log[3 * row + 1]]
        if kind in (HOLD, WAIT) and log[3 * row + 2] < minute:
            found += 1
        row = trace.before[row]
    return found


@part
def _level(ways: Ways, trace: Trace, rows: int) -> None:
    """Bring what is free of every pool to where it was after so many rows, forward or back."""
    while trace.upto[0] < rows:
        _move(ways, trace, trace.upto[0], 1)
        trace.upto[0] += 1
    while trace.upto[0] > rows:
        trace.upto[0] -= 1
        _move(ways, trace, trace.upto[0], -1)


@part
def _move(ways: Ways, trace: Trace, row: int, way: int) -> None:
    step = trace.log[3 * row + 1]
    kind, bundle = ways.kind[step], ways.argument[step]
    if kind in (FREE, HOLD):
        sign = way if kind == FREE else -way
        for place in range(ways.first[bundle], ways.first[bundle + 1]):
            trace.free[ways.pool[place]] += sign * ways.amount[place]
