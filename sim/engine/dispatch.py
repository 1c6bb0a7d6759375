"""Who gets what: everything that is free is granted at the end of an instant, in one global order.

SimPy's own resources hand things on in the middle of an instant, before everybody who becomes ready at the
same minute has asked; then the result depends on the order of the event list. Here a minute is played out
first.
Rules are numbered as in `docs/engine.md`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from functools import lru_cache
from heapq import heapify, heappop, heapreplace

import simpy

from sim.errors import Stalled
from sim.plan.compile import Compiled

AT_END_OF_INSTANT, WHEN_OVER = 2, 3
"""Places within a minute, behind SimPy's own 0 and 1: grants and works that begin once all is settled; stop."""

ROUNDS_A_MINUTE = 100_000
"""Grant passes within one minute after which a plan counts as going round for ever."""

Bundle = tuple[tuple[int, int], ...]
Request = tuple[int, int, int, int, int, simpy.Event]
"""(priority, minute asked, rank of the unit, bundle, minute from which it withholds or -1, granted)."""


class GoesRound(Stalled):
    """Units that go round within one minute for ever."""


class Dispatcher:
    """The free counts of all pools and everyone who waits for some of them.

    Who waits for the same bundle stands in one queue, in order: behind a request that fails in a grant pass
    every later one of its queue fails too, as counts only fall. So a pass looks at the heads of the queues, and
    of these at the stirred ones: nothing else can have become possible since the last pass.
    """

    def __init__(self, env: simpy.Environment, plan: Compiled, settled: Callable[[], None] = lambda: None) -> None:
        """Start with what the plan's pools have at the start; `settled` is called when nothing more is granted."""
        self.env, self.bundles, self.units, self.settled = env, plan.bundles, plan.units, settled
        self.free: list[int] = plan.initial.tolist()
        self.queues: dict[int, list[Request]] = {}
        self.stirred: set[int] = set()
        self.users = _users(plan.bundles, len(plan.pools))
        self._due = False
        self._minute, self._rounds = -1, 0

    def ask(self, rank: int, bundle: int, priority: int, patience: int) -> simpy.Event:
        """Join the queue for a bundle of pools; the event happens when all of it is granted together."""
        now = int(self.env.now)
        granted = simpy.Event(self.env)
        withholds = -1 if patience < 0 else now + patience
        request = (priority, now, rank, bundle, withholds, granted)
        queue = self.queues.setdefault(bundle, [])
        if queue and request < queue[0] and queue[0][4] >= 0:
            self.stirred.update(self.queues)  # what the old head withheld may be there for others
        insort(queue, request)
        self.stirred.add(bundle)
        self.settle()
        return granted

    def give(self, bundle: int) -> None:
        """Give a bundle of pools back (or supply it); it can be granted at the end of this instant."""
        for pool, count in self.bundles[bundle]:
            self.free[pool] += count
            for user in self.users[pool]:
                if user in self.queues:
                    self.stirred.add(user)
        if self.stirred:
            self.settle()

    def settle(self) -> None:
        """See to it that this minute is settled when nobody can go on without it."""
        if not self._due:
            self._due = True
            happening(self.env, self._end_of_instant, AT_END_OF_INSTANT)

    def _end_of_instant(self, _: simpy.Event) -> None:
        """Grant what is free until nothing more can be granted; then the minute is settled (rule 1 ii-iv).

        Who goes on may let others go on within this minute: then those come first, and this once more after them.
        """
        now = self.env.now
        while self.stirred and (granted := self._grant_pass()):
            self._hand_over(granted)
            if self.env.peek() <= now:
                self._due = False
                self.settle()
                return
        self._due = False
        self.settled()

    def _grant_pass(self) -> list[Request]:
        """Go once through all requests by (priority, minute asked, rank); return those that are granted (rule 2).

        Only the first request of a queue that fails withholds, and only past its patience (rule 3).
        """
        now, left = int(self.env.now), self.free.copy()
        heads = [q[0] for bundle, q in self.queues.items() if bundle in self.stirred or 0 <= q[0][4] <= now]
        heapify(heads)
        self.stirred.clear()
        granted: list[Request] = []
        while heads:
            request = heads[0]
            counts = self.bundles[request[3]]
            if _fits(left, counts):
                _add(left, counts, -1)
                granted.append(request)
                self._next_head(heads, self.queues[request[3]])
                continue
            heappop(heads)
            if 0 <= request[4] <= now:
                _add(left, counts, -1)
        return granted

    def _next_head(self, heads: list[Request], queue: list[Request]) -> None:
        """Take the head of a queue out, and let the next in it take its place among the heads."""
        request = queue.pop(0)
        if queue:
            heapreplace(heads, queue[0])
        else:
            heappop(heads)
            del self.queues[request[3]]

    def _hand_over(self, granted: list[Request]) -> None:
        """Give every granted request what it asked for; who asked goes on at once, without a place in the event list."""
        self._count_round(granted)
        for request in granted:
            _add(self.free, self.bundles[request[3]], -1)
        for *_, event in granted:
            event._ok, event._value = True, None
            (go_on,), event.callbacks = event.callbacks, None  # type: ignore[assignment]  # what SimPy itself does
            go_on(event)

    def _count_round(self, granted: list[Request]) -> None:
        """Stop a plan that goes round within one minute for ever, and name who is granted something again."""
        now = int(self.env.now)
        self._rounds = self._rounds + 1 if now == self._minute else 1
        self._minute = now
        if self._rounds > ROUNDS_A_MINUTE:
            who = ", ".join(self.units[request[2]] for request in granted[:5])
            raise GoesRound(f"minute {now}: {who} and others go round for ever while no time passes")


@lru_cache(maxsize=4)
def _users(bundles: tuple[Bundle, ...], pools: int) -> tuple[tuple[int, ...], ...]:
    """Return for every pool the bundles that contain it; the same for every run of a plan."""
    users: list[list[int]] = [[] for _ in range(pools)]
    for number, counts in enumerate(bundles):
        for pool, _ in counts:
            users[pool].append(number)
    return tuple(tuple(of_pool) for of_pool in users)


def _fits(free: list[int], counts: Bundle) -> bool:
    """Whether every pool of a bundle has its count."""
    for pool, count in counts:  # noqa: SIM110 (a generator costs three times as much here)
        if free[pool] < count:
            return False
    return True


def _add(free: list[int], counts: Bundle, sign: int) -> None:
    """Add a bundle's counts to free ones, or take them away."""
    for pool, count in counts:
        free[pool] += sign * count


def happening(env: simpy.Environment, do: Callable[[simpy.Event], None], place: int) -> None:
    """Have something done in this minute, at a place within it."""
    event = simpy.Event(env)
    event._ok, event._value = True, None
    event.callbacks = [do]
    env.schedule(event, place)  # type: ignore[arg-type]  # SimPy types only its own two places
