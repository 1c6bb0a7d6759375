"""Grants of pools: free counts are granted at the end of an instant, in one global order of all requests.

SimPy's own resources grant in the middle of an instant, before all units that become ready at the same minute have
requested; then the result depends on the order of the event list. Here all events of a minute come first. Rules are
numbered as in `docs/engine.md`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from functools import lru_cache
from heapq import heapify, heappop, heapreplace
from typing import Final

import simpy

from sim.engine.initial_state import NetLevelState
from sim.errors import Stalled
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.vocabulary import LEAVING_PRIORITY

MAX_ROUNDS_PER_MINUTE = 100_000
"""Grant passes within one minute after which a plan counts as looping for ever."""

Bundle = tuple[tuple[int, int], ...]
Request = tuple[int, int, int, int, int, simpy.Event]
"""(priority, minute asked, rank of the unit, bundle, minute from which it withholds or -1, granted)."""
WITHHOLDS_FROM: Final = 4
"""Position in a request of the minute from which it withholds what is free from requests behind it, or -1 for never."""


class EndlessLoop(Stalled):
    """Units that loop within one minute for ever, or a replication that exceeds its limit of steps."""


class Dispatcher:
    """The free counts of all pools and the queues of requests for them.

    Requests for the same bundle (counts by pool) stand in one queue, in order: behind a request that fails in a grant pass
    every later one of its queue fails too, as counts only fall. So a pass looks at the heads of the queues, and
    of these only at those in `to_check` or with a limited patience: no other can have become possible since.
    """

    def __init__(self, env: simpy.Environment, plan: CompiledPlan) -> None:
        """Start with the initial counts of the plan's pools."""
        self.env, self.bundles, self.units = env, plan.bundles, plan.units
        self.free: list[int] = plan.initial.tolist()
        self.queues: dict[int, list[Request]] = {}
        self.to_check: set[int] = set()
        self.limited_patience: set[int] = set()
        self.bundles_of_pool = _bundles_of_pools(plan.bundles, len(plan.pools))
        self.net_levels = NetLevels(plan) if plan.net_level_conditions else None
        self._minute, self._rounds = -1, 0

    def enqueue(
        self, now: int, rank: int, bundle: int, priority: int, patience: int, *, counted: bool = False
    ) -> simpy.Event:
        """Add a request to the queue of a bundle; return the event that happens when all of it is granted together.

        `counted` says that the net levels (free less requested counts) of its sets of pools include it already.
        """
        granted = simpy.Event(self.env)
        if self.net_levels is not None and priority < LEAVING_PRIORITY and not counted:
            self.net_levels.change(now, bundle, -1)
        withholds_from = -1 if patience < 0 else now + patience
        request = (priority, now, rank, bundle, withholds_from, granted)
        queue = self.queues.get(bundle)
        if queue is None:
            self.queues[bundle] = [request]
        else:
            # only a new head matters: behind one that does not fit nothing of its queue fits
            if request < queue[0] and queue[0][WITHHOLDS_FROM] >= 0:
                self.to_check.update(self.queues)  # what the old head withheld may be there for others
            # requests come mostly in order, so this is an append; a heap would not keep the second one in view
            insort(queue, request)
        if patience >= 0:
            self.limited_patience.add(bundle)
        self.to_check.add(bundle)
        return granted

    def release(self, now: int, bundle: int) -> None:
        """Add a bundle's counts to its pools, given back or supplied; they can be granted at the end of this instant.

        Where some unit waits for a net level of pools (free less requested counts), that rises as well.
        """
        if self.net_levels is not None:
            self.net_levels.change(now, bundle, 1)
        free, queues = self.free, self.queues
        for pool, count in self.bundles[bundle]:
            free[pool] += count
            for waiting_bundle in self.bundles_of_pool[pool]:
                if waiting_bundle in queues:
                    self.to_check.add(waiting_bundle)

    def grant(self, now: int) -> bool:
        """Make one grant pass, after everything that ends in this minute; False if nothing can be granted.

        A granted unit resumes at once, without a place in the event list.
        """
        granted = self._grant_pass(now)
        if not granted:
            return False
        self._count_round(now, granted)
        for *_, event in granted:
            # succeed() would queue the event behind others of this minute; a granted unit resumes before the next pass
            event._ok, event._value = True, None
            (resume,), event.callbacks = event.callbacks, None  # type: ignore[assignment]  # what SimPy itself does
            resume(event)
        return True

    def _grant_pass(self, now: int) -> list[Request]:
        """Go once through all requests by (priority, minute asked, rank); return those that are granted.

        Only the first request of a queue that fails withholds its counts from requests after it, and only past its patience.
        """
        free, queues, bundles = self.free, self.queues, self.bundles
        heads = self._heads(now)
        withheld: list[Bundle] = []
        granted: list[Request] = []
        while heads:
            request = heads[0]
            priority, _, _, bundle, withholds_from, _ = request
            counts = bundles[bundle]
            if _fits(free, counts):
                _add(free, counts, -1)
                if self.net_levels is not None and priority >= LEAVING_PRIORITY:
                    self.net_levels.change(now, bundle, -1)
                granted.append(request)
                self._replace_head(heads, queues[bundle])
                continue
            heappop(heads)
            if 0 <= withholds_from <= now:
                # past its patience a head withholds its counts from all behind it: what is missing goes below zero, so
                # nothing of it fits
                _add(free, counts, -1)
                withheld.append(counts)
        # given back once the pass is over: withholding binds this pass only
        for counts in withheld:
            _add(free, counts, 1)
        return granted

    def _heads(self, now: int) -> list[Request]:
        """Return as a heap, in the order of requests, the first request of each queue that may be granted or withhold now."""
        queues = self.queues
        heads = [queues[bundle][0] for bundle in self.to_check]
        # patience can end without any event, so queues with a limited patience are looked at in every pass
        for bundle in self.limited_patience - self.to_check:
            head = queues[bundle][0]
            if 0 <= head[WITHHOLDS_FROM] <= now:
                heads.append(head)
        self.to_check.clear()
        heapify(heads)
        return heads

    def _replace_head(self, heads: list[Request], queue: list[Request]) -> None:
        """Remove the head of a queue, and put the next request of the queue in its place among the heads."""
        _, _, _, bundle, _, _ = queue.pop(0)
        if queue:
            heapreplace(heads, queue[0])
        else:
            heappop(heads)
            del self.queues[bundle]
            self.limited_patience.discard(bundle)

    def _count_round(self, now: int, granted: list[Request]) -> None:
        """Count a grant pass of this minute; raise `EndlessLoop` where units loop within it for ever."""
        self._rounds = self._rounds + 1 if now == self._minute else 1
        self._minute = now
        if self._rounds > MAX_ROUNDS_PER_MINUTE:
            names = ", ".join(self.units[rank] for _, _, rank, *_ in granted[:5])
            raise EndlessLoop(f"minute {now}: {names} and others go round for ever while no time passes")


class NetLevels:
    """The net levels of sets of pools: free counts less requested ones, as on hand less back orders of an inventory.

    Only the net level at the end of a minute counts: so the order of events within a minute does not matter.
    """

    def __init__(self, plan: CompiledPlan) -> None:
        """Start with the initial counts of the pools."""
        self._bundles, self._conditions = plan.bundles, plan.net_level_conditions
        self._set_of = {pool: number for number, pools in enumerate(plan.net_level_pools) for pool in pools}
        # by set of pools: its net level, that before the minute of the last change, and that minute
        self.value = [sum(int(plan.initial[pool]) for pool in pools) for pools in plan.net_level_pools]
        self._value_before, self._last_minute = self.value.copy(), [-1] * len(self.value)
        self._minute_crossed: list[dict[int, int]] = [{} for _ in self.value]
        """By set and threshold, when the net level last rose to it or fell below it; missing where it never did."""

    def continue_from(self, states: Sequence[NetLevelState]) -> None:
        """Take the net levels from a state."""
        for pool_set, (value, value_before, last_minute, minute_crossed) in enumerate(states):
            self.value[pool_set], self._value_before[pool_set] = value, value_before
            self._last_minute[pool_set], self._minute_crossed[pool_set] = last_minute, dict(minute_crossed)

    def change(self, now: int, bundle: int, sign: int) -> None:
        """Add a bundle's counts, times `sign`, to the net levels (free less requested counts) of its sets of pools."""
        for pool, count in self._bundles[bundle]:
            pool_set = self._set_of.get(pool)
            if pool_set is not None:
                self._end_minute(now, pool_set)
                self.value[pool_set] += sign * count

    def next_check(self, now: int, condition: int) -> int:
        """Return the minute from which a condition on a net level of pools may hold; it holds where that is at most `now`."""
        pool_set, threshold, minutes, _, below = self._conditions[condition]
        self._end_minute(now, pool_set)
        if (self._value_before[pool_set] < threshold) != below:
            return now + minutes
        return self._minute_crossed[pool_set].get(threshold, 0) + minutes

    def _end_minute(self, now: int, pool_set: int) -> None:
        """Record the net level of a set of pools at the end of the minute in which it last changed, if that is over."""
        if self._last_minute[pool_set] == now:
            return
        before, value = self._value_before[pool_set], self.value[pool_set]
        for threshold in range(min(before, value) + 1, max(before, value) + 1):
            self._minute_crossed[pool_set][threshold] = self._last_minute[pool_set]
        self._value_before[pool_set], self._last_minute[pool_set] = value, now


@lru_cache(maxsize=4)
def _bundles_of_pools(bundles: tuple[Bundle, ...], pools: int) -> tuple[tuple[int, ...], ...]:
    """Return by pool the numbers of the bundles that contain it; cached, as replications of a plan share it."""
    bundles_of_pool: list[list[int]] = [[] for _ in range(pools)]
    for number, counts in enumerate(bundles):
        for pool, _ in counts:
            bundles_of_pool[pool].append(number)
    return tuple(tuple(of_pool) for of_pool in bundles_of_pool)


def _fits(free: list[int], counts: Bundle) -> bool:
    """Return whether every pool of a bundle has its count free."""
    for pool, count in counts:  # noqa: SIM110 (a generator costs three times as much here)
        if free[pool] < count:
            return False
    return True


def _add(free: list[int], counts: Bundle, sign: int) -> None:
    """Add a bundle's counts, times `sign`, to the free counts of its pools."""
    for pool, count in counts:
        free[pool] += sign * count
