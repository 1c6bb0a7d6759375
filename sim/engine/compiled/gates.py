"""Gates in the kernel: counters that rise, and who waits for which level, the lowest level in front."""

from __future__ import annotations

from sim.engine.compiled.arrays import (
    BEFORE,
    GATE_AT,
    GATE_QUEUE,
    LAST_GATE,
    LAST_LEVEL,
    LEVEL,
    OPEN,
    RANK_BITS,
    READY,
    READY_SIZE,
    SIGNALLED,
    WAITERS,
)
from sim.engine.compiled.heap import pop, push
from sim.engine.compiled.steps import fetch_step
from sim.machine.jit import part, piece
from sim.machine.numbers import Numbers


@piece
def await_level(plan: Numbers, run: Numbers, gate: int, level: int, unit: int) -> None:
    """Join those who wait at a gate."""
    waiters = run[WAITERS] + gate
    push(run, run[GATE_QUEUE] + plan[plan[GATE_AT] + gate], run[waiters], level << plan[RANK_BITS] | unit)
    run[waiters] += 1


@part
def signal(plan: Numbers, run: Numbers, gate: int, amount: int, now: int) -> None:
    """Raise a gate and make everyone ready whose level it has reached."""
    level, waiters, bits = run[LEVEL] + gate, run[WAITERS] + gate, plan[RANK_BITS]
    if run[run[SIGNALLED] + gate] != now:
        run[run[SIGNALLED] + gate] = now
        run[run[BEFORE] + gate] = run[level]
    run[level] += amount
    queue = run[GATE_QUEUE] + plan[plan[GATE_AT] + gate]
    while run[waiters] > 0 and run[queue] >> bits <= run[level]:
        waiter = pop(run, queue, run[waiters])
        run[waiters] -= 1
        fetch_step(plan, run, waiter & ((1 << bits) - 1))
        run[run[READY] + run[READY_SIZE]] = waiter & ((1 << bits) - 1)
        run[READY_SIZE] += 1
    if gate == plan[LAST_GATE] and run[level] >= plan[LAST_LEVEL]:
        run[OPEN] = 1


@piece
def before(run: Numbers, gate: int, now: int) -> int:
    """Return a gate's level before this minute."""
    return run[run[BEFORE] + gate] if run[run[SIGNALLED] + gate] == now else run[run[LEVEL] + gate]
