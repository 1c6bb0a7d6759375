"""The event queue: hierarchical timing wheels (Varghese and Lauck 1987).

A slot of the first wheel is a minute, of the second as long as the whole first, and so on. A unit stands in the slot of the
first wheel that can tell its minute from now, and cascades inward when the clock reaches its slot. Each unit waits for one
minute at a time, so a slot is a chain of units; one bit a slot says whether it is empty, so empty time costs nothing.
"""

from __future__ import annotations

from sim.engine.numba_engine.memory_layout import (
    CLOCK,
    DUE_AT,
    EMPTY,
    NEXT,
    OCCUPIED,
    PENDING,
    READY,
    READY_SIZE,
    SLOT_BITS,
    WHEEL,
    WORDS,
    prefetch_step,
    unit_state,
)
from sim.jit.toolkit import IntView, inline, jit, lowest_bit

SLOTS = 1 << SLOT_BITS


@inline
def mark(run: IntView, wheel: int, slot: int) -> None:
    """Remember that somebody stands in a slot."""
    words = run[OCCUPIED] + wheel * (WORDS + 1)
    run[words + (slot >> 6)] |= 1 << (slot & 63)
    run[words + WORDS] |= 1 << (slot >> 6)


@inline
def clear(run: IntView, wheel: int, slot: int) -> None:
    """Remember that a slot is empty."""
    words = run[OCCUPIED] + wheel * (WORDS + 1)
    run[words + (slot >> 6)] &= ~(1 << (slot & 63))
    if run[words + (slot >> 6)] == 0:
        run[words + WORDS] &= ~(1 << (slot >> 6))


@inline
def occupied(run: IntView, wheel: int) -> int:
    """Return the first slot of a wheel in which somebody stands, or -1."""
    words = run[OCCUPIED] + wheel * (WORDS + 1)
    if run[words + WORDS] == 0:
        return -1
    word = lowest_bit(run[words + WORDS])
    return word << 6 | lowest_bit(run[words + word])


@jit
def insert(run: IntView, unit: int, minute: int) -> None:
    """Have a unit go on at a minute that is not over yet."""
    mine, apart, wheel = unit_state(run, unit), (minute ^ run[CLOCK]) >> SLOT_BITS, 0
    while apart > 0:
        apart >>= SLOT_BITS
        wheel += 1
    slot = minute >> wheel * SLOT_BITS & SLOTS - 1
    place = run[WHEEL] + (wheel << SLOT_BITS | slot)
    run[mine + DUE_AT] = minute
    run[mine + NEXT] = run[place]
    run[place] = unit + 1
    mark(run, wheel, slot)


@inline
def cascade(run: IntView, wheel: int, slot: int) -> None:
    """Move the clock to the begin of a slot of an outer wheel, and everyone who stands there further in."""
    place, length = run[WHEEL] + (wheel << SLOT_BITS | slot), wheel * SLOT_BITS
    run[CLOCK] = (run[CLOCK] >> length + SLOT_BITS << SLOT_BITS | slot) << length
    coming = run[place]
    run[place] = EMPTY
    clear(run, wheel, slot)
    while coming != EMPTY:
        unit = coming - 1
        mine = unit_state(run, unit)
        coming = run[mine + NEXT]
        insert(run, unit, run[mine + DUE_AT])


@jit
def advance(run: IntView) -> int:
    """Move the clock to the next minute in which anybody goes on, and return it; somebody must be waiting."""
    wheel, slot = 0, occupied(run, 0)
    while wheel > 0 or slot < 0:
        if slot >= 0:
            cascade(run, wheel, slot)
        wheel = 0 if slot >= 0 else wheel + 1
        slot = occupied(run, wheel)
    run[CLOCK] = run[CLOCK] >> SLOT_BITS << SLOT_BITS | slot
    return run[CLOCK]


@inline
def due(run: IntView, now: int) -> bool:
    """Whether anybody goes on in this minute."""
    return run[run[WHEEL] + (now & SLOTS - 1)] != EMPTY


@inline
def pop_due(plan: IntView, run: IntView, now: int) -> None:
    """Make everyone ready who goes on in this minute; their steps were last looked at long ago."""
    place = run[WHEEL] + (now & SLOTS - 1)
    coming = run[place]
    run[place] = EMPTY
    clear(run, 0, now & SLOTS - 1)
    while coming != EMPTY:
        unit = coming - 1
        prefetch_step(plan, run, unit)
        run[run[READY] + run[READY_SIZE]] = unit
        run[READY_SIZE] += 1
        run[PENDING] -= 1
        coming = run[unit_state(run, unit) + NEXT]
    after = occupied(run, 0)
    if after >= 0:
        prefetch_step(plan, run, run[run[WHEEL] + after] - 1)
