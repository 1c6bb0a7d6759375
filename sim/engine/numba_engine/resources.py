"""Pools and gates in the kernel: who waits for what, and who gets it.

A queue for each bundle (the same pools by the same counts): if its head cannot be granted, nothing behind it can. After
everything of an instant has happened, heads that may fit are tried in the one global order. Gates are counters that rise;
who waits for the lowest level stands in front.

Queues are binary heaps of integers, several side by side in one array. A request (priority, minute asked, rank) is packed
into one integer, so that comparing two is one comparison; on the way down a heap nothing is decided but by arithmetic,
because a processor predicts every second of such branches wrongly.
"""

from __future__ import annotations

from sim.engine.numba_engine.balances import change_balances
from sim.engine.numba_engine.memory_layout import (
    BALANCED,
    BEFORE,
    BUNDLE_AT,
    BUNDLES,
    CANDIDATES,
    DUE,
    ENDLESS_GRANTS,
    FAULT,
    FINISHED,
    FREE_COUNT,
    GATE_AT,
    GATE_QUEUE,
    KIND,
    LAST_GATE,
    LAST_LEVEL,
    LEAVES,
    LEVEL,
    MARKED,
    MOST_ROUNDS,
    PATIENCE,
    POOL_BUNDLES,
    POOL_BUNDLES_AT,
    PRIORITY,
    QUEUE,
    QUEUE_AT,
    QUEUE_SIZE,
    RANK_BITS,
    READY,
    READY_SIZE,
    ROUNDED,
    ROUNDS,
    SIGNALLED,
    SPARE,
    TO_CHECK,
    TO_CHECK_SIZE,
    WAITERS,
    WAITING,
    WITHHOLDS,
    argument,
    prefetch_step,
    step_kind,
    unit_state,
)
from sim.jit.toolkit import IntView, inline, jit

# --- heap -------------------------------------------------------------------------------------------------------------


LARGEST = 2**63 - 1


@jit
def push(heap: IntView, base: int, size: int, number: int) -> None:
    """Add a number to the heap of `size` numbers that begins at `base`."""
    # the gap rises to where the number belongs: one copy a level instead of a swap
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if heap[base + above] <= number:
            break
        heap[base + at] = heap[base + above]
        at = above
    heap[base + at] = number


@jit
def pop(heap: IntView, base: int, size: int) -> int:
    """Take the smallest of the `size` numbers that begin at `base`: the gap sinks to the end, the last fills it."""
    smallest, end = heap[base], size - 1
    last = heap[base + end]
    # a sentinel, so that a node with one child is compared as if it had two
    heap[base + end] = LARGEST
    at, below = 0, 1
    while below < end:
        # added, not decided: which child is smaller is a coin toss to the processor, and a wrong guess costs more
        below += int(heap[base + below + 1] < heap[base + below])
        heap[base + at] = heap[base + below]
        at = below
        below = 2 * at + 1
    while at > 0:
        # the last number is among the largest: from the bottom it seldom rises far
        above = (at - 1) >> 1
        if heap[base + above] <= last:
            break
        heap[base + at] = heap[base + above]
        at = above
    heap[base + at] = last
    return smallest


# --- requests ---------------------------------------------------------------------------------------------------------


NEVER = 2**62
"""The minute from which a request of unlimited patience withholds."""


@inline
def head(plan: IntView, run: IntView, kind: int) -> int:
    """Return the first request in the queue of a kind, which must not be empty."""
    return run[run[QUEUE] + plan[plan[QUEUE_AT] + kind]]


@inline
def rank(plan: IntView, packed: int) -> int:
    """Return the unit of a packed request or event."""
    return packed & ((1 << plan[RANK_BITS]) - 1)


@inline
def withholds(plan: IntView, run: IntView, request: int, now: int) -> bool:
    """Return whether a request has waited its patience, so that it withholds from those after it (rule 3)."""
    return run[unit_state(run, rank(plan, request)) + WITHHOLDS] <= now


@inline
def mark_to_check(run: IntView, kind: int) -> None:
    """Have the next grant pass try a kind of request."""
    # every kind stands in the list at most once; the list has room for no more
    if run[run[QUEUE_SIZE] + kind] > 0 and run[run[MARKED] + kind] == 0:
        run[run[MARKED] + kind] = 1
        run[run[TO_CHECK] + run[TO_CHECK_SIZE]] = kind
        run[TO_CHECK_SIZE] += 1


@jit
def mark_kinds_of_pool(plan: IntView, run: IntView, pool: int) -> None:
    """Have the next grant pass try every kind of request for a pool."""
    bundles_of_pool = plan[POOL_BUNDLES] + 2 * plan[plan[POOL_BUNDLES_AT] + pool]
    for place in range(bundles_of_pool, plan[POOL_BUNDLES] + 2 * plan[plan[POOL_BUNDLES_AT] + pool + 1], 2):
        mark_to_check(run, plan[place])


@jit
def request_bundle(plan: IntView, run: IntView, unit: int, at: int, now: int, counted: int) -> None:
    """Queue up for a bundle of pools; `counted` is 1 where the balances of its pools have it already."""
    kind_at, kind, state = step_kind(plan, at), argument(plan, at), unit_state(run, unit)
    patience = plan[kind_at + PATIENCE]
    queued = run[run[QUEUE_SIZE] + kind]
    before = head(plan, run, kind) if queued > 0 else NEVER
    # the priority is shifted already: three fields in 63 bits, in the order of rule 2
    request = plan[kind_at + PRIORITY] | now << plan[RANK_BITS] | unit
    if plan[BALANCED] > 0 and counted == 0 and request < plan[LEAVES]:
        change_balances(plan, run, kind, -1, now)
    run[state + KIND] = kind
    run[state + WITHHOLDS] = now + patience if patience >= 0 else NEVER
    push(run, run[QUEUE] + plan[plan[QUEUE_AT] + kind], queued, request)
    run[run[QUEUE_SIZE] + kind] = queued + 1
    run[WAITING] += 1
    run[DUE] = 1
    # behind a head that does not fit nothing of its queue fits, so only a new head can change anything
    if queued == 0 or request < before:
        mark_to_check(run, kind)
        # the old head withheld something from others, which the new one may leave to them
        if queued > 0 and withholds(plan, run, before, now):
            mark_kinds_sharing_pools(plan, run, kind)


@jit
def mark_kinds_sharing_pools(plan: IntView, run: IntView, kind: int) -> None:
    """Have the next grant pass try those from whom a kind withheld: its new head is patient still."""
    for place in range(plan[plan[BUNDLE_AT] + kind], plan[plan[BUNDLE_AT] + kind + 1]):
        mark_kinds_of_pool(plan, run, plan[plan[BUNDLES] + 2 * place])


@jit
def release_bundle(plan: IntView, run: IntView, bundle: int, now: int) -> None:
    """Give a bundle of pools back, or supply it."""
    if plan[BALANCED] > 0:
        change_balances(plan, run, bundle, 1, now)
    # most of what is given back is not waited for: then no grant pass is needed
    if run[WAITING] > 0:
        run[DUE] = 1
    for place in range(plan[plan[BUNDLE_AT] + bundle], plan[plan[BUNDLE_AT] + bundle + 1]):
        pool = plan[plan[BUNDLES] + 2 * place]
        run[run[FREE_COUNT] + pool] += plan[plan[BUNDLES] + 2 * place + 1]
        if run[WAITING] > 0:
            mark_kinds_of_pool(plan, run, pool)


@inline
def fits(plan: IntView, run: IntView, kind: int) -> bool:
    """Return whether all pools of a kind have its count free, whatever is withheld; remember the first that has not."""
    bundles, free = plan[BUNDLES], run[FREE_COUNT]
    for place in range(plan[plan[BUNDLE_AT] + kind], plan[plan[BUNDLE_AT] + kind + 1]):
        if run[free + plan[bundles + 2 * place]] < plan[bundles + 2 * place + 1]:
            run[run[SPARE] + plan[bundles + 2 * place]] = -1
            return False
    return True


@inline
def withheld(plan: IntView, run: IntView, pool: int, request: int, now: int) -> int:
    """Return how many of a pool the heads before a request withhold from it."""
    count, bundles_of_pool = 0, plan[POOL_BUNDLES]
    for place in range(plan[plan[POOL_BUNDLES_AT] + pool], plan[plan[POOL_BUNDLES_AT] + pool + 1]):
        other = plan[bundles_of_pool + 2 * place]
        if run[run[QUEUE_SIZE] + other] > 0:
            # heads alone withhold, and only from what is behind them in the one order of all requests
            first = head(plan, run, other)
            if first < request and withholds(plan, run, first, now):
                count += plan[bundles_of_pool + 2 * place + 1]
    return count


@inline
def grantable(plan: IntView, run: IntView, kind: int, request: int, now: int) -> bool:
    """Return whether a head fits what is free less what heads before it withhold."""
    bundles, free = plan[BUNDLES], run[FREE_COUNT]
    for place in range(plan[plan[BUNDLE_AT] + kind], plan[plan[BUNDLE_AT] + kind + 1]):
        pool = plan[bundles + 2 * place]
        # the own count first: it fails most often and costs one load; what others withhold takes a loop
        left = run[free + pool] - plan[bundles + 2 * place + 1]
        spare = left - withheld(plan, run, pool, request, now) if left >= 0 else -1
        if spare < 0:
            run[run[SPARE] + pool] = -1
            return False
        run[run[SPARE] + pool] = min(run[run[SPARE] + pool], spare)
    return True


@inline
def acquire(plan: IntView, run: IntView, kind: int) -> None:
    """Take the pools of a kind for its head, who leaves the queue."""
    for place in range(plan[plan[BUNDLE_AT] + kind], plan[plan[BUNDLE_AT] + kind + 1]):
        pool = plan[plan[BUNDLES] + 2 * place]
        run[run[FREE_COUNT] + pool] -= plan[plan[BUNDLES] + 2 * place + 1]
    # only heads are granted, so leaving the queue is taking its smallest
    pop(run, run[QUEUE] + plan[plan[QUEUE_AT] + kind], run[run[QUEUE_SIZE] + kind])
    run[run[QUEUE_SIZE] + kind] -= 1
    run[WAITING] -= 1


@inline
def gather_candidates(plan: IntView, run: IntView) -> int:
    """Put the heads of all marked kinds that may fit into a heap of candidates; return how many there are."""
    candidates = 0
    for place in range(run[TO_CHECK_SIZE]):
        kind = run[run[TO_CHECK] + place]
        run[run[MARKED] + kind] = 0
        # counts only fall during a pass: a head that does not fit at its beginning need not be tried in it
        if fits(plan, run, kind):
            push(run, run[CANDIDATES], candidates, head(plan, run, kind))
            candidates += 1
    run[TO_CHECK_SIZE] = 0
    return candidates


@jit
def grant(plan: IntView, run: IntView, now: int) -> None:
    """Try the heads that may fit once, in order, and grant what is free; units granted become ready."""
    run[DUE] = 0
    candidates = gather_candidates(plan, run)
    while candidates > 0:
        request = pop(run, run[CANDIDATES], candidates)
        candidates -= 1
        unit = rank(plan, request)
        kind = run[unit_state(run, unit) + KIND]
        # it does not stop other queues, unless its patience is over: then `withheld` keeps its share
        if not grantable(plan, run, kind, request, now):
            continue
        prefetch_step(plan, run, unit)
        if plan[BALANCED] > 0 and request >= plan[LEAVES]:
            change_balances(plan, run, kind, -1, now)
        acquire(plan, run, kind)
        run[run[READY] + run[READY_SIZE]] = unit
        run[READY_SIZE] += 1
        # the next of this queue is tried in the same pass, at its own place in the order
        if run[run[QUEUE_SIZE] + kind] > 0 and fits(plan, run, kind):
            push(run, run[CANDIDATES], candidates, head(plan, run, kind))
            candidates += 1
    # a pass that grants nothing ends the minute by itself, so only others can loop for ever
    if run[READY_SIZE] > 0:
        count_round(run, now)


@inline
def count_round(run: IntView, now: int) -> None:
    """Stop a plan that loops within one minute for ever; the units granted last are among the ready ones."""
    run[ROUNDS] = run[ROUNDS] + 1 if run[ROUNDED] == now else 1
    run[ROUNDED] = now
    if run[ROUNDS] > run[MOST_ROUNDS]:
        run[FAULT] = ENDLESS_GRANTS


# --- gates ------------------------------------------------------------------------------------------------------------


@inline
def await_level(plan: IntView, run: IntView, gate: int, level: int, unit: int) -> None:
    """Add a unit to the queue of a gate."""
    waiters = run[WAITERS] + gate
    push(run, run[GATE_QUEUE] + plan[plan[GATE_AT] + gate], run[waiters], level << plan[RANK_BITS] | unit)
    run[waiters] += 1


@jit
def signal(plan: IntView, run: IntView, gate: int, amount: int, now: int) -> None:
    """Raise the level of a gate and make all units ready that waited for a level it has reached."""
    level, waiters, bits = run[LEVEL] + gate, run[WAITERS] + gate, plan[RANK_BITS]
    # only the first signal of a minute keeps the level there was before it
    if run[run[SIGNALLED] + gate] != now:
        run[run[SIGNALLED] + gate] = now
        run[run[BEFORE] + gate] = run[level]
    run[level] += amount
    queue = run[GATE_QUEUE] + plan[plan[GATE_AT] + gate]
    # a heap by level: the first that is not reached ends the search
    while run[waiters] > 0 and run[queue] >> bits <= run[level]:
        waiter = pop(run, queue, run[waiters])
        run[waiters] -= 1
        prefetch_step(plan, run, waiter & ((1 << bits) - 1))
        run[run[READY] + run[READY_SIZE]] = waiter & ((1 << bits) - 1)
        run[READY_SIZE] += 1
    if gate == plan[LAST_GATE] and run[level] >= plan[LAST_LEVEL]:
        run[FINISHED] = 1


@inline
def before(run: IntView, gate: int, now: int) -> int:
    """Return a gate's level before this minute."""
    return run[run[BEFORE] + gate] if run[run[SIGNALLED] + gate] == now else run[run[LEVEL] + gate]
