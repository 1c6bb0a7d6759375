"""The event queue: hierarchical timing wheels (Varghese and Lauck 1987).

A slot of the first wheel is a minute, of the second as long as the whole first, and so on. A unit stands in the slot of the
first wheel that can tell its minute from now, and cascades inward when the clock reaches its slot. Each unit waits for one
minute at a time, so a slot is a linked list of units; one bit a slot says whether it is empty, so empty time costs nothing.
"""

from __future__ import annotations

from sim.engine.numba_engine.memory_layout import (
    CLOCK,
    DUE_AT,
    EMPTY,
    FAULT,
    FAULT_UNIT,
    MINUTE_BITS,
    NEXT,
    OCCUPIED,
    PENDING,
    READY,
    READY_SIZE,
    SLOT_BITS,
    TOO_FAR,
    WHEEL,
    WORDS,
    prefetch_step,
    unit_state,
)
from sim.jit.toolkit import IntView, inline, jit, lowest_bit

SLOTS = 1 << SLOT_BITS


@inline
def mark_occupied(run: IntView, wheel: int, slot: int) -> None:
    """Set the bit of a slot that holds a unit."""
    # two levels of bits, slots of a word and words of a wheel: a search looks at two words, never at 1024 slots
    words_at = run[OCCUPIED] + wheel * (WORDS + 1)
    run[words_at + (slot >> 6)] |= 1 << (slot & 63)
    run[words_at + WORDS] |= 1 << (slot >> 6)


@inline
def mark_empty(run: IntView, wheel: int, slot: int) -> None:
    """Clear the bit of a slot that holds no unit."""
    words_at = run[OCCUPIED] + wheel * (WORDS + 1)
    run[words_at + (slot >> 6)] &= ~(1 << (slot & 63))
    # the upper bit goes with the last slot of its word, not before
    if run[words_at + (slot >> 6)] == 0:
        run[words_at + WORDS] &= ~(1 << (slot >> 6))


@inline
def first_occupied(run: IntView, wheel: int) -> int:
    """Return the first occupied slot of a wheel, or -1."""
    words_at = run[OCCUPIED] + wheel * (WORDS + 1)
    if run[words_at + WORDS] == 0:
        return -1
    word = lowest_bit(run[words_at + WORDS])
    return word << 6 | lowest_bit(run[words_at + word])


@jit
def insert(run: IntView, unit: int, minute: int) -> None:
    """Put a unit into the slot of a minute that is not over yet."""
    # the highest digit in which the minute and the clock differ chooses the wheel: inner digits do not matter yet
    state, difference, wheel = unit_state(run, unit), (minute ^ run[CLOCK]) >> SLOT_BITS, 0
    while difference > 0:
        difference >>= SLOT_BITS
        wheel += 1
    slot = minute >> wheel * SLOT_BITS & SLOTS - 1
    slot_at = run[WHEEL] + (wheel << SLOT_BITS | slot)
    run[state + DUE_AT] = minute
    # at the front of the list: a slot is emptied as a whole, so the order within it is free
    run[state + NEXT] = run[slot_at]
    run[slot_at] = unit + 1
    mark_occupied(run, wheel, slot)


@jit
def schedule(plan: IntView, run: IntView, unit: int, minute: int) -> None:
    """Schedule a unit to continue at a later minute."""
    # requests pack the minute between priority and rank; one with more bits would spill into the priority
    if minute >> plan[MINUTE_BITS] == 0:
        insert(run, unit, minute)
        run[PENDING] += 1
    else:
        run[FAULT], run[FAULT_UNIT] = TOO_FAR, unit


@inline
def cascade(run: IntView, wheel: int, slot: int) -> None:
    """Move the clock to the start of a slot of an outer wheel, and its units to inner wheels."""
    slot_at, shift = run[WHEEL] + (wheel << SLOT_BITS | slot), wheel * SLOT_BITS
    # the clock first: `insert` chooses the wheel by the distance from it, which is now shorter
    run[CLOCK] = (run[CLOCK] >> shift + SLOT_BITS << SLOT_BITS | slot) << shift
    link = run[slot_at]
    run[slot_at] = EMPTY
    mark_empty(run, wheel, slot)
    while link != EMPTY:
        unit = link - 1
        state = unit_state(run, unit)
        link = run[state + NEXT]
        insert(run, unit, run[state + DUE_AT])


@jit
def advance(run: IntView) -> int:
    """Move the clock to the next minute in which a unit continues, and return it; at least one must be scheduled."""
    # from the innermost wheel outward: its units are due before those of all outer wheels
    wheel, slot = 0, first_occupied(run, 0)
    while wheel > 0 or slot < 0:
        if slot >= 0:
            cascade(run, wheel, slot)
        wheel = 0 if slot >= 0 else wheel + 1
        slot = first_occupied(run, wheel)
    run[CLOCK] = run[CLOCK] >> SLOT_BITS << SLOT_BITS | slot
    return run[CLOCK]


@inline
def is_due(run: IntView, now: int) -> bool:
    """Return whether any unit continues in this minute."""
    return run[run[WHEEL] + (now & SLOTS - 1)] != EMPTY


@inline
def pop_due(plan: IntView, run: IntView, now: int) -> None:
    """Make all units ready that continue in this minute, and fetch their steps into the processor's cache."""
    slot_at = run[WHEEL] + (now & SLOTS - 1)
    link = run[slot_at]
    run[slot_at] = EMPTY
    mark_empty(run, 0, now & SLOTS - 1)
    while link != EMPTY:
        unit = link - 1
        prefetch_step(plan, run, unit)
        run[run[READY] + run[READY_SIZE]] = unit
        run[READY_SIZE] += 1
        run[PENDING] -= 1
        link = run[unit_state(run, unit) + NEXT]
    # the units of the next occupied slot will most likely be needed next: fetch them while this minute is simulated
    next_slot = first_occupied(run, 0)
    if next_slot >= 0:
        prefetch_step(plan, run, run[run[WHEEL] + next_slot] - 1)
