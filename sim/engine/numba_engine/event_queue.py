"""Who goes on when: a wheel of minutes, and wheels of ever longer stretches of time around it.

A slot of the first wheel is a minute, of the second as long as the whole first, and so on. A unit stands in the slot of
the first wheel that can tell its minute from now, and moves inward when the clock reaches its slot; each waits
for one minute at a time, so a slot is a chain of units. Where anybody stands is one bit a slot, so that empty time
costs nothing. A heap of a thousand events decides ten times on the way up or down; this hardly ever.
(Varghese and Lauck 1987, hierarchical timing wheels.)
"""

from __future__ import annotations

from sim.engine.numba_engine.memory_layout import (
    CLOCK,
    COMING,
    DUE_AT,
    NEXT,
    NOBODY,
    OCCUPIED,
    READY,
    READY_SIZE,
    SLOT_BITS,
    WHEEL,
    WORDS,
    fetch_step,
    standing,
)
from sim.jit.toolkit import Numbers, lowest, part, piece

SLOTS = 1 << SLOT_BITS


@piece
def mark(run: Numbers, wheel: int, slot: int) -> None:
    """Remember that somebody stands in a slot."""
    words = run[OCCUPIED] + wheel * (WORDS + 1)
    run[words + (slot >> 6)] |= 1 << (slot & 63)
    run[words + WORDS] |= 1 << (slot >> 6)


@piece
def clear(run: Numbers, wheel: int, slot: int) -> None:
    """Remember that a slot is empty."""
    words = run[OCCUPIED] + wheel * (WORDS + 1)
    run[words + (slot >> 6)] &= ~(1 << (slot & 63))
    if run[words + (slot >> 6)] == 0:
        run[words + WORDS] &= ~(1 << (slot >> 6))


@piece
def occupied(run: Numbers, wheel: int) -> int:
    """Return the first slot of a wheel in which somebody stands, or -1."""
    words = run[OCCUPIED] + wheel * (WORDS + 1)
    if run[words + WORDS] == 0:
        return -1
    word = lowest(run[words + WORDS])
    return word << 6 | lowest(run[words + word])


@part
def come_back(run: Numbers, unit: int, minute: int) -> None:
    """Have a unit go on at a minute that is not over yet."""
    mine, apart, wheel = standing(run, unit), (minute ^ run[CLOCK]) >> SLOT_BITS, 0
    while apart > 0:
        apart >>= SLOT_BITS
        wheel += 1
    slot = minute >> wheel * SLOT_BITS & SLOTS - 1
    place = run[WHEEL] + (wheel << SLOT_BITS | slot)
    run[mine + DUE_AT] = minute
    run[mine + NEXT] = run[place]
    run[place] = unit + 1
    mark(run, wheel, slot)


@piece
def inward(run: Numbers, wheel: int, slot: int) -> None:
    """Move the clock to the begin of a slot of an outer wheel, and everyone who stands there further in."""
    place, length = run[WHEEL] + (wheel << SLOT_BITS | slot), wheel * SLOT_BITS
    run[CLOCK] = (run[CLOCK] >> length + SLOT_BITS << SLOT_BITS | slot) << length
    coming = run[place]
    run[place] = NOBODY
    clear(run, wheel, slot)
    while coming != NOBODY:
        unit = coming - 1
        mine = standing(run, unit)
        coming = run[mine + NEXT]
        come_back(run, unit, run[mine + DUE_AT])


@part
def turn(run: Numbers) -> int:
    """Move the clock to the next minute in which anybody goes on, and return it; somebody must be waiting."""
    wheel, slot = 0, occupied(run, 0)
    while wheel > 0 or slot < 0:
        if slot >= 0:
            inward(run, wheel, slot)
        wheel = 0 if slot >= 0 else wheel + 1
        slot = occupied(run, wheel)
    run[CLOCK] = run[CLOCK] >> SLOT_BITS << SLOT_BITS | slot
    return run[CLOCK]


@piece
def due(run: Numbers, now: int) -> bool:
    """Whether anybody goes on in this minute."""
    return run[run[WHEEL] + (now & SLOTS - 1)] != NOBODY


@piece
def arrive(plan: Numbers, run: Numbers, now: int) -> None:
    """Make everyone ready who goes on in this minute; their steps were last looked at long ago."""
    place = run[WHEEL] + (now & SLOTS - 1)
    coming = run[place]
    run[place] = NOBODY
    clear(run, 0, now & SLOTS - 1)
    while coming != NOBODY:
        unit = coming - 1
        fetch_step(plan, run, unit)
        run[run[READY] + run[READY_SIZE]] = unit
        run[READY_SIZE] += 1
        run[COMING] -= 1
        coming = run[standing(run, unit) + NEXT]
    after = occupied(run, 0)
    if after >= 0:
        fetch_step(plan, run, run[run[WHEEL] + after] - 1)
