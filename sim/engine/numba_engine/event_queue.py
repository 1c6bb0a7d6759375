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
    """Remember that a slot is occupied."""
    # two levels of bits, slots of a word and words of a wheel: a search looks at two words, never at 1024 slots
    words = run[OCCUPIED] + wheel * (WORDS + 1)
    run[words + (slot >> 6)] |= 1 << (slot & 63)
    run[words + WORDS] |= 1 << (slot >> 6)


@inline
def clear(run: IntView, wheel: int, slot: int) -> None:
    """Remember that a slot is empty."""
    words = run[OCCUPIED] + wheel * (WORDS + 1)
    run[words + (slot >> 6)] &= ~(1 << (slot & 63))
    # the upper bit goes with the last slot of its word, not before
    if run[words + (slot >> 6)] == 0:
        run[words + WORDS] &= ~(1 << (slot >> 6))


@inline
def occupied(run: IntView, wheel: int) -> int:
    """Return the first occupied slot of a wheel, or -1."""
    words = run[OCCUPIED] + wheel * (WORDS + 1)
    if run[words + WORDS] == 0:
        return -1
    word = lowest_bit(run[words + WORDS])
    return word << 6 | lowest_bit(run[words + word])


@jit
def insert(run: IntView, unit: int, minute: int) -> None:
    """Have a unit go on at a minute that is not over yet."""
    # the highest digit in which the minute and the clock differ chooses the wheel: inner digits do not matter yet
    mine, apart, wheel = unit_state(run, unit), (minute ^ run[CLOCK]) >> SLOT_BITS, 0
    while apart > 0:
        apart >>= SLOT_BITS
        wheel += 1
    slot = minute >> wheel * SLOT_BITS & SLOTS - 1
    place = run[WHEEL] + (wheel << SLOT_BITS | slot)
    run[mine + DUE_AT] = minute
    # in front of the chain: a slot is emptied as a whole, so the order within it is free
    run[mine + NEXT] = run[place]
    run[place] = unit + 1
    mark(run, wheel, slot)


@inline
def cascade(run: IntView, wheel: int, slot: int) -> None:
    """Move the clock to the begin of a slot of an outer wheel, and the units that stand there further in."""
    place, length = run[WHEEL] + (wheel << SLOT_BITS | slot), wheel * SLOT_BITS
    # the clock first: by their distance from it the units below find their wheel, which is now further in
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
    """Move the clock to the next minute in which a unit goes on, and return it; at least one must be waiting."""
    # from the innermost wheel on: what stands there is due before all that stands further out
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
    """Whether any unit goes on in this minute."""
    return run[run[WHEEL] + (now & SLOTS - 1)] != EMPTY


@inline
def pop_due(plan: IntView, run: IntView, now: int) -> None:
    """Make all units ready that go on in this minute; their steps were last looked at long ago."""
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
    # most likely the next to go on, while this minute is worked on
    after = occupied(run, 0)
    if after >= 0:
        prefetch_step(plan, run, run[run[WHEEL] + after] - 1)
