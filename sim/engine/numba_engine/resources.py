"""Pools and gates in the kernel: the queues of requests for pools, their grants, and the queues at gates.

A queue for each bundle (the same pools by the same counts): if its head cannot be granted, nothing behind it can. After
everything of an instant has happened, heads that may fit are tried in the one global order. Gates are counters that rise;
their queues are in the order of the levels that are waited for.

Queues are binary heaps of integers, several side by side in one array. A request (priority, minute asked, rank) is packed
into one integer, so that comparing two is one comparison; on the way down a heap nothing is decided but by arithmetic,
because a processor predicts every second of such branches wrongly.
"""

from __future__ import annotations

from sim.engine.numba_engine.memory_layout import (
    BUNDLE_AT,
    BUNDLES,
    CANDIDATES,
    COMPLETION_GATE,
    COMPLETION_LEVEL,
    ENDLESS_GRANTS,
    FAULT,
    FINISHED,
    FIRST_LEAVING_REQUEST,
    FREE_COUNT,
    GATE_AT,
    GATE_QUEUE,
    GRANT_DUE,
    LEVEL,
    LEVEL_BEFORE,
    MARKED,
    MAX_ROUNDS,
    NET_LEVELS,
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
    REQUESTED_BUNDLE,
    ROUNDS,
    ROUNDS_MINUTE,
    SIGNAL_MINUTE,
    SPARE,
    TO_CHECK,
    TO_CHECK_SIZE,
    WAITERS,
    WAITING,
    WITHHOLDS,
    argument,
    prefetch_step,
    step_record,
    unit_state,
)
from sim.engine.numba_engine.net_levels import change_net_levels
from sim.jit.toolkit import IntView, inline, jit

# --- heap -------------------------------------------------------------------------------------------------------------


LARGEST = 2**63 - 1


@jit
def push(heap: IntView, base: int, size: int, number: int) -> None:
    """Add a number to the heap of `size` numbers that begins at `base`."""
    # the gap rises to where the number belongs: one copy a level instead of a swap
    gap = size
    while gap > 0:
        parent = (gap - 1) >> 1
        if heap[base + parent] <= number:
            break
        heap[base + gap] = heap[base + parent]
        gap = parent
    heap[base + gap] = number


@jit
def pop(heap: IntView, base: int, size: int) -> int:
    """Take the smallest of the `size` numbers that begin at `base`: the gap sinks to the end, the last fills it."""
    smallest, end = heap[base], size - 1
    last = heap[base + end]
    # a sentinel, so that a node with one child is compared as if it had two
    heap[base + end] = LARGEST
    gap, child = 0, 1
    while child < end:
        # added, not decided: which child is smaller is a coin toss to the processor, and a wrong guess costs more
        child += int(heap[base + child + 1] < heap[base + child])
        heap[base + gap] = heap[base + child]
        gap = child
        child = 2 * gap + 1
    while gap > 0:
        # the last number is among the largest: from the bottom it seldom rises far
        parent = (gap - 1) >> 1
        if heap[base + parent] <= last:
            break
        heap[base + gap] = heap[base + parent]
        gap = parent
    heap[base + gap] = last
    return smallest


# --- requests ---------------------------------------------------------------------------------------------------------


NEVER = 2**62
"""The minute from which a request of unlimited patience withholds."""


@inline
def first_request(plan: IntView, run: IntView, bundle: int) -> int:
    """Return the first request in the queue of a bundle, which must not be empty."""
    return run[run[QUEUE] + plan[plan[QUEUE_AT] + bundle]]


@inline
def unit_of(plan: IntView, packed: int) -> int:
    """Return the unit (its number is its rank) of a packed request, or of a waiter at a gate."""
    return packed & ((1 << plan[RANK_BITS]) - 1)


@inline
def withholds(plan: IntView, run: IntView, request: int, now: int) -> bool:
    """Return whether a request has waited its patience, so that it withholds its counts from requests after it."""
    return run[unit_state(run, unit_of(plan, request)) + WITHHOLDS] <= now


@inline
def mark_to_check(run: IntView, bundle: int) -> None:
    """Have the next grant pass try the first request for a bundle, if there is one."""
    # every bundle stands in the list at most once; the list has room for no more
    if run[run[QUEUE_SIZE] + bundle] > 0 and run[run[MARKED] + bundle] == 0:
        run[run[MARKED] + bundle] = 1
        run[run[TO_CHECK] + run[TO_CHECK_SIZE]] = bundle
        run[TO_CHECK_SIZE] += 1


@jit
def mark_bundles_of_pool(plan: IntView, run: IntView, pool: int) -> None:
    """Have the next grant pass try every bundle that contains a pool."""
    bundles_of_pool = plan[POOL_BUNDLES] + 2 * plan[plan[POOL_BUNDLES_AT] + pool]
    for entry in range(bundles_of_pool, plan[POOL_BUNDLES] + 2 * plan[plan[POOL_BUNDLES_AT] + pool + 1], 2):
        mark_to_check(run, plan[entry])


@jit
def request_bundle(plan: IntView, run: IntView, unit: int, step: int, now: int, counted: int) -> None:
    """Put the request of a unit at a hold into the queue of its bundle; `counted` is 1 where net levels have it already."""
    record_at, bundle, state = step_record(plan, step), argument(plan, step), unit_state(run, unit)
    patience = plan[record_at + PATIENCE]
    queue_size = run[run[QUEUE_SIZE] + bundle]
    old_head = first_request(plan, run, bundle) if queue_size > 0 else NEVER
    # the priority is shifted already: three fields in 63 bits, priority, minute asked, rank
    request = plan[record_at + PRIORITY] | now << plan[RANK_BITS] | unit
    if plan[NET_LEVELS] > 0 and counted == 0 and request < plan[FIRST_LEAVING_REQUEST]:
        change_net_levels(plan, run, bundle, -1, now)
    run[state + REQUESTED_BUNDLE] = bundle
    run[state + WITHHOLDS] = now + patience if patience >= 0 else NEVER
    push(run, run[QUEUE] + plan[plan[QUEUE_AT] + bundle], queue_size, request)
    run[run[QUEUE_SIZE] + bundle] = queue_size + 1
    run[WAITING] += 1
    run[GRANT_DUE] = 1
    # behind a head that does not fit nothing of its queue fits, so only a new head can change anything
    if queue_size == 0 or request < old_head:
        mark_to_check(run, bundle)
        # the old head withheld something from others, which the new one may leave to them
        if queue_size > 0 and withholds(plan, run, old_head, now):
            mark_bundles_sharing_pools(plan, run, bundle)


@jit
def mark_bundles_sharing_pools(plan: IntView, run: IntView, bundle: int) -> None:
    """Have the next grant pass try the bundles from which one withheld: its new head does not withhold yet."""
    for entry in range(plan[plan[BUNDLE_AT] + bundle], plan[plan[BUNDLE_AT] + bundle + 1]):
        mark_bundles_of_pool(plan, run, plan[plan[BUNDLES] + 2 * entry])


@jit
def release_bundle(plan: IntView, run: IntView, bundle: int, now: int) -> None:
    """Add a bundle's counts to the free counts of its pools: they are given back, or supplied."""
    if plan[NET_LEVELS] > 0:
        change_net_levels(plan, run, bundle, 1, now)
    # most of what is given back is not waited for: then no grant pass is needed
    if run[WAITING] > 0:
        run[GRANT_DUE] = 1
    for entry in range(plan[plan[BUNDLE_AT] + bundle], plan[plan[BUNDLE_AT] + bundle + 1]):
        pool = plan[plan[BUNDLES] + 2 * entry]
        run[run[FREE_COUNT] + pool] += plan[plan[BUNDLES] + 2 * entry + 1]
        if run[WAITING] > 0:
            mark_bundles_of_pool(plan, run, pool)


@inline
def fits(plan: IntView, run: IntView, bundle: int) -> bool:
    """Return whether all pools of a bundle have its count free, whatever is withheld; record the first that has not."""
    bundles, free = plan[BUNDLES], run[FREE_COUNT]
    for entry in range(plan[plan[BUNDLE_AT] + bundle], plan[plan[BUNDLE_AT] + bundle + 1]):
        if run[free + plan[bundles + 2 * entry]] < plan[bundles + 2 * entry + 1]:
            run[run[SPARE] + plan[bundles + 2 * entry]] = -1
            return False
    return True


@inline
def withheld(plan: IntView, run: IntView, pool: int, request: int, now: int) -> int:
    """Return how many of a pool first requests, of other queues and earlier in the order, withhold from a request."""
    count, bundles_of_pool = 0, plan[POOL_BUNDLES]
    for entry in range(plan[plan[POOL_BUNDLES_AT] + pool], plan[plan[POOL_BUNDLES_AT] + pool + 1]):
        other_bundle = plan[bundles_of_pool + 2 * entry]
        if run[run[QUEUE_SIZE] + other_bundle] > 0:
            # heads alone withhold, and only from what is behind them in the one order of all requests
            first = first_request(plan, run, other_bundle)
            if first < request and withholds(plan, run, first, now):
                count += plan[bundles_of_pool + 2 * entry + 1]
    return count


@inline
def grantable(plan: IntView, run: IntView, bundle: int, request: int, now: int) -> bool:
    """Return whether a first request fits what is free less what others before it withhold; record what is spare."""
    bundles, free = plan[BUNDLES], run[FREE_COUNT]
    for entry in range(plan[plan[BUNDLE_AT] + bundle], plan[plan[BUNDLE_AT] + bundle + 1]):
        pool = plan[bundles + 2 * entry]
        # the own count first: it fails most often and costs one load; what others withhold takes a loop
        left = run[free + pool] - plan[bundles + 2 * entry + 1]
        spare = left - withheld(plan, run, pool, request, now) if left >= 0 else -1
        if spare < 0:
            run[run[SPARE] + pool] = -1
            return False
        run[run[SPARE] + pool] = min(run[run[SPARE] + pool], spare)
    return True


@inline
def acquire(plan: IntView, run: IntView, bundle: int) -> None:
    """Take a bundle's counts for the first request in its queue, and remove that."""
    for entry in range(plan[plan[BUNDLE_AT] + bundle], plan[plan[BUNDLE_AT] + bundle + 1]):
        pool = plan[plan[BUNDLES] + 2 * entry]
        run[run[FREE_COUNT] + pool] -= plan[plan[BUNDLES] + 2 * entry + 1]
    # only heads are granted, so leaving the queue is taking its smallest
    pop(run, run[QUEUE] + plan[plan[QUEUE_AT] + bundle], run[run[QUEUE_SIZE] + bundle])
    run[run[QUEUE_SIZE] + bundle] -= 1
    run[WAITING] -= 1


@inline
def gather_candidates(plan: IntView, run: IntView) -> int:
    """Put the first requests of all marked bundles that may fit into a heap of candidates; return how many there are."""
    candidates = 0
    for entry in range(run[TO_CHECK_SIZE]):
        bundle = run[run[TO_CHECK] + entry]
        run[run[MARKED] + bundle] = 0
        # counts only fall during a pass: a head that does not fit at its beginning need not be tried in it
        if fits(plan, run, bundle):
            push(run, run[CANDIDATES], candidates, first_request(plan, run, bundle))
            candidates += 1
    run[TO_CHECK_SIZE] = 0
    return candidates


@jit
def grant(plan: IntView, run: IntView, now: int) -> None:
    """Make a grant pass: try the first requests that may fit, in order, and grant what is free; those units become ready."""
    run[GRANT_DUE] = 0
    candidates = gather_candidates(plan, run)
    while candidates > 0:
        request = pop(run, run[CANDIDATES], candidates)
        candidates -= 1
        unit = unit_of(plan, request)
        bundle = run[unit_state(run, unit) + REQUESTED_BUNDLE]
        # it does not stop other queues, unless its patience is over: then `withheld` keeps its share
        if not grantable(plan, run, bundle, request, now):
            continue
        prefetch_step(plan, run, unit)
        if plan[NET_LEVELS] > 0 and request >= plan[FIRST_LEAVING_REQUEST]:
            change_net_levels(plan, run, bundle, -1, now)
        acquire(plan, run, bundle)
        run[run[READY] + run[READY_SIZE]] = unit
        run[READY_SIZE] += 1
        # the next of this queue is tried in the same pass, at its own place in the order
        if run[run[QUEUE_SIZE] + bundle] > 0 and fits(plan, run, bundle):
            push(run, run[CANDIDATES], candidates, first_request(plan, run, bundle))
            candidates += 1
    # a pass that grants nothing ends the minute by itself, so only others can loop for ever
    if run[READY_SIZE] > 0:
        count_round(run, now)


@inline
def count_round(run: IntView, now: int) -> None:
    """Count a grant pass of this minute, and stop a plan that loops within one minute for ever."""
    run[ROUNDS] = run[ROUNDS] + 1 if run[ROUNDS_MINUTE] == now else 1
    run[ROUNDS_MINUTE] = now
    if run[ROUNDS] > run[MAX_ROUNDS]:
        run[FAULT] = ENDLESS_GRANTS


# --- gates ------------------------------------------------------------------------------------------------------------


@inline
def await_level(plan: IntView, run: IntView, gate: int, level: int, unit: int) -> None:
    """Add a unit that waits for a level to the queue of a gate."""
    waiters = run[WAITERS] + gate
    push(run, run[GATE_QUEUE] + plan[plan[GATE_AT] + gate], run[waiters], level << plan[RANK_BITS] | unit)
    run[waiters] += 1


@jit
def signal(plan: IntView, run: IntView, gate: int, amount: int, now: int) -> None:
    """Raise the level of a gate and make all units ready that waited for a level it has reached."""
    level, waiters, bits = run[LEVEL] + gate, run[WAITERS] + gate, plan[RANK_BITS]
    # only the first signal of a minute keeps the level there was before it
    if run[run[SIGNAL_MINUTE] + gate] != now:
        run[run[SIGNAL_MINUTE] + gate] = now
        run[run[LEVEL_BEFORE] + gate] = run[level]
    run[level] += amount
    queue = run[GATE_QUEUE] + plan[plan[GATE_AT] + gate]
    # a heap by level: the first that is not reached ends the search
    while run[waiters] > 0 and run[queue] >> bits <= run[level]:
        waiter = pop(run, queue, run[waiters])
        run[waiters] -= 1
        prefetch_step(plan, run, waiter & ((1 << bits) - 1))
        run[run[READY] + run[READY_SIZE]] = waiter & ((1 << bits) - 1)
        run[READY_SIZE] += 1
    if gate == plan[COMPLETION_GATE] and run[level] >= plan[COMPLETION_LEVEL]:
        run[FINISHED] = 1


@inline
def level_before(run: IntView, gate: int, now: int) -> int:
    """Return a gate's level before this minute."""
    return run[run[LEVEL_BEFORE] + gate] if run[run[SIGNAL_MINUTE] + gate] == now else run[run[LEVEL] + gate]
