"""Who waits for which pools, and who gets them: a queue for each kind of request, and only its head is looked at.

A kind is a bundle: the same pools by the same counts. If its head cannot be granted, nobody behind it can. After
everything of an instant has happened, heads that may fit are tried in the one global order.
"""

from __future__ import annotations

from sim.engine.compiled.arrays import (
    ASKING,
    BUNDLE_AT,
    BUNDLES,
    DUE,
    FAULT,
    FREE_COUNT,
    GRANTS_FOR_EVER,
    HEADS,
    KIND,
    MARKED,
    MOST_ROUNDS,
    PATIENCE,
    PRIORITY,
    QUEUE,
    QUEUE_AT,
    RANK_BITS,
    READY,
    READY_SIZE,
    ROUNDED,
    ROUNDS,
    TOUCHED,
    TOUCHED_SIZE,
    USERS,
    USERS_AT,
    WAITING,
    WITHHOLDS,
)
from sim.engine.compiled.heap import pop, push
from sim.engine.compiled.steps import about, fetch_step, manner, standing
from sim.machine.jit import part, piece
from sim.machine.numbers import Numbers

NEVER = 2**62
"""From when an endlessly patient request withholds."""


@piece
def head(plan: Numbers, run: Numbers, kind: int) -> int:
    """Return the first request of a kind that somebody asks for."""
    return run[run[QUEUE] + plan[plan[QUEUE_AT] + kind]]


@piece
def rank(plan: Numbers, packed: int) -> int:
    """Return the unit of a packed request or event."""
    return packed & ((1 << plan[RANK_BITS]) - 1)


@piece
def withholds(plan: Numbers, run: Numbers, request: int, now: int) -> bool:
    """Whether a request has been overtaken for as long as it is willing to be."""
    return run[standing(run, rank(plan, request)) + WITHHOLDS] <= now


@piece
def touch(run: Numbers, kind: int) -> None:
    """Have a kind of request looked at in the next grant pass."""
    if run[run[ASKING] + kind] > 0 and run[run[MARKED] + kind] == 0:
        run[run[MARKED] + kind] = 1
        run[run[TOUCHED] + run[TOUCHED_SIZE]] = kind
        run[TOUCHED_SIZE] += 1


@part
def touch_users(plan: Numbers, run: Numbers, pool: int) -> None:
    """Have every kind of request looked at that wants some of a pool."""
    users = plan[USERS] + 2 * plan[plan[USERS_AT] + pool]
    for place in range(users, plan[USERS] + 2 * plan[plan[USERS_AT] + pool + 1], 2):
        touch(run, plan[place])


@part
def ask(plan: Numbers, run: Numbers, unit: int, at: int, now: int) -> None:
    """Queue up for a bundle of pools."""
    way, kind, mine = manner(plan, at), about(plan, at), standing(run, unit)
    patience = plan[way + PATIENCE]
    asking = run[run[ASKING] + kind]
    before = head(plan, run, kind) if asking > 0 else NEVER
    request = plan[way + PRIORITY] | now << plan[RANK_BITS] | unit
    run[mine + KIND] = kind
    run[mine + WITHHOLDS] = now + patience if patience >= 0 else NEVER
    push(run, run[QUEUE] + plan[plan[QUEUE_AT] + kind], asking, request)
    run[run[ASKING] + kind] = asking + 1
    run[WAITING] += 1
    run[DUE] = 1
    if asking == 0 or request < before:
        touch(run, kind)
        if asking > 0 and withholds(plan, run, before, now):
            loosen(plan, run, kind)


@part
def loosen(plan: Numbers, run: Numbers, kind: int) -> None:
    """Have those looked at from whom a kind withheld: its head has changed, and the new one is patient still."""
    for place in range(plan[plan[BUNDLE_AT] + kind], plan[plan[BUNDLE_AT] + kind + 1]):
        touch_users(plan, run, plan[plan[BUNDLES] + 2 * place])


@part
def give(plan: Numbers, run: Numbers, bundle: int) -> None:
    """Give a bundle of pools back, or supply it."""
    if run[WAITING] > 0:
        run[DUE] = 1
    for place in range(plan[plan[BUNDLE_AT] + bundle], plan[plan[BUNDLE_AT] + bundle + 1]):
        pool = plan[plan[BUNDLES] + 2 * place]
        run[run[FREE_COUNT] + pool] += plan[plan[BUNDLES] + 2 * place + 1]
        if run[WAITING] > 0:
            touch_users(plan, run, pool)


@piece
def fits(plan: Numbers, run: Numbers, kind: int) -> bool:
    """Whether all pools of a kind have its count, whoever else wants them."""
    bundles, free = plan[BUNDLES], run[FREE_COUNT]
    for place in range(plan[plan[BUNDLE_AT] + kind], plan[plan[BUNDLE_AT] + kind + 1]):
        if run[free + plan[bundles + 2 * place]] < plan[bundles + 2 * place + 1]:
            return False
    return True


@piece
def withheld(plan: Numbers, run: Numbers, pool: int, request: int, now: int) -> int:
    """Return how many of a pool the heads before a request withhold from it."""
    count, users = 0, plan[USERS]
    for place in range(plan[plan[USERS_AT] + pool], plan[plan[USERS_AT] + pool + 1]):
        other = plan[users + 2 * place]
        if run[run[ASKING] + other] > 0:
            first = head(plan, run, other)
            if first < request and withholds(plan, run, first, now):
                count += plan[users + 2 * place + 1]
    return count


@piece
def grantable(plan: Numbers, run: Numbers, kind: int, request: int, now: int) -> bool:
    """Whether a head fits what is free less what heads before it withhold."""
    bundles, free = plan[BUNDLES], run[FREE_COUNT]
    for place in range(plan[plan[BUNDLE_AT] + kind], plan[plan[BUNDLE_AT] + kind + 1]):
        pool = plan[bundles + 2 * place]
        left = run[free + pool] - plan[bundles + 2 * place + 1]
        if left < 0 or left < withheld(plan, run, pool, request, now):
            return False
    return True


@piece
def take(plan: Numbers, run: Numbers, kind: int) -> None:
    """Take the pools of a kind for its head, who leaves the queue."""
    for place in range(plan[plan[BUNDLE_AT] + kind], plan[plan[BUNDLE_AT] + kind + 1]):
        pool = plan[plan[BUNDLES] + 2 * place]
        run[run[FREE_COUNT] + pool] -= plan[plan[BUNDLES] + 2 * place + 1]
    pop(run, run[QUEUE] + plan[plan[QUEUE_AT] + kind], run[run[ASKING] + kind])
    run[run[ASKING] + kind] -= 1
    run[WAITING] -= 1


@piece
def gather(plan: Numbers, run: Numbers) -> int:
    """Put the heads of all touched kinds that may fit in order; return how many there are."""
    trying = 0
    for place in range(run[TOUCHED_SIZE]):
        kind = run[run[TOUCHED] + place]
        run[run[MARKED] + kind] = 0
        if fits(plan, run, kind):
            push(run, run[HEADS], trying, head(plan, run, kind))
            trying += 1
    run[TOUCHED_SIZE] = 0
    return trying


@part
def grant(plan: Numbers, run: Numbers, now: int) -> None:
    """Go once through the heads that may fit, in order, and grant what is free; those granted become ready."""
    run[DUE] = 0
    trying = gather(plan, run)
    while trying > 0:
        request = pop(run, run[HEADS], trying)
        trying -= 1
        unit = rank(plan, request)
        kind = run[standing(run, unit) + KIND]
        if not grantable(plan, run, kind, request, now):
            continue
        fetch_step(plan, run, unit)
        take(plan, run, kind)
        run[run[READY] + run[READY_SIZE]] = unit
        run[READY_SIZE] += 1
        if run[run[ASKING] + kind] > 0 and fits(plan, run, kind):
            push(run, run[HEADS], trying, head(plan, run, kind))
            trying += 1
    if run[READY_SIZE] > 0:
        count_round(run, now)


@piece
def count_round(run: Numbers, now: int) -> None:
    """Stop a plan that goes round within one minute for ever; those granted last stand among the ready ones."""
    run[ROUNDS] = run[ROUNDS] + 1 if run[ROUNDED] == now else 1
    run[ROUNDED] = now
    if run[ROUNDS] > run[MOST_ROUNDS]:
        run[FAULT] = GRANTS_FOR_EVER
