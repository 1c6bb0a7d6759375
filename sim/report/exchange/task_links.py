"""What follows what in a run: through a unit's own route, through gates, and through what is handed on.

A gate reached or a token taken is a link to whatever was finished before it was signalled or handed on; one to the
start of a task where the gate says that it has started. Crews, cranes, lines and places are not links: they are shared,
and who had them before is no logic of the project. A lag makes the link longer and is no task.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sim.plan.compile import CompiledPlan
from sim.plan.vocabulary import FREE, HOLD, SIGNAL, WAIT

STARTED = " started"
"""How the gate of a step's start ends."""


class Head(NamedTuple):
    """What a unit's next task follows: a task, or the start of one that is not finished; and how much later."""

    task: int
    """Its number; below zero the place in `Following.starts`, from -1 down."""
    lag: int = 0


Heads = frozenset[Head]
NONE: Heads = frozenset()


class Following:
    """The tasks that whatever a unit does next follows, kept up to date along the log."""

    def __init__(self, plan: CompiledPlan) -> None:
        self.plan = plan
        self.starts: list[tuple[int, int, int]] = []
        """Starts that were signalled: unit, how many tasks it had done before, minute."""
        self._heads: dict[int, Heads] = {}
        self._done: dict[int, int] = {}
        self._signals: dict[int, list[tuple[int, Heads]]] = {}
        self._given: dict[int, list[tuple[int, Heads]]] = {}
        self._taken: dict[int, int] = {}
        self._handed_on = handed_on(plan)

    def before(self, unit: int) -> tuple[Head, ...]:
        """What the next task of a unit follows; of two lags after one task the longer."""
        longest: dict[int, int] = {}
        for head in self._heads.get(unit, NONE):
            longest[head.task] = max(head.lag, longest.get(head.task, head.lag))
        return tuple(Head(task, lag) for task, lag in sorted(longest.items()))

    def worked(self, unit: int, task: int) -> int:
        """A unit has done a task: what it does next follows that alone; return how many it had done before."""
        self._heads[unit] = frozenset([Head(task)])
        self._done[unit] = self._done.get(unit, 0) + 1
        return self._done[unit] - 1

    def delayed(self, unit: int, minutes: int) -> None:
        """A lag has passed."""
        self._heads[unit] = frozenset(Head(task, lag + minutes) for task, lag in self._heads.get(unit, NONE))

    def give(self, unit: int, row: list[int], amount: int, minute: int) -> None:
        """A unit signals a gate or hands something on."""
        heads = self._heads.get(unit, NONE)
        if row[0] == SIGNAL:
            if self.plan.gates[row[1]].endswith(STARTED):
                self.starts.append((unit, self._done.get(unit, 0), minute))
                heads = frozenset([Head(-len(self.starts))])
            self._add(self._signals, row[1], amount, heads)
            return
        for pool, count in self.plan.bundles[row[1]]:
            if pool in self._handed_on:
                self._add(self._given, pool, count, heads)

    def wait(self, unit: int, row: list[int]) -> None:
        """A unit has reached a gate, or has taken what was handed on."""
        found: Heads = self._heads.get(unit, NONE)
        if row[0] == WAIT:
            found |= self._between(self._signals.get(row[1], []), 0, row[2])
        else:
            for pool, count in self.plan.bundles[row[1]]:
                if pool in self._handed_on:
                    begin = self._taken.get(pool, 0)
                    self._taken[pool] = begin + count
                    found |= self._between(self._given.get(pool, []), begin, begin + count)
        self._heads[unit] = found

    @staticmethod
    def _add(counters: dict[int, list[tuple[int, Heads]]], which: int, amount: int, heads: Heads) -> None:
        """Raise a counter and remember after what."""
        history = counters.setdefault(which, [])
        history.append(((history[-1][0] if history else 0) + amount, heads))

    @staticmethod
    def _between(history: Iterable[tuple[int, Heads]], low: int, high: int) -> Heads:
        """What is behind the rises of a counter that lie in (low, high]."""
        found: set[Head] = set()
        before = 0
        for level, heads in history:
            if before < high and level > low:
                found |= heads
            before = level
        return frozenset(found)


def handed_on(plan: CompiledPlan) -> set[int]:
    """The pools through which one unit hands something to another: empty at first, and nobody gives back what he took.

    A finished skid and power are handed on; crews, lines, places and cranes are shared.
    """
    takes, gives = _users(plan, HOLD), _users(plan, FREE)
    return {
        pool
        for pool, initial in enumerate(plan.initial.tolist())
        if initial == 0 and takes.get(pool) and not takes[pool] & gives.get(pool, set())
    }


def _users(plan: CompiledPlan, operation: int) -> dict[int, set[int]]:
    """The units that take from (or give to) each pool."""
    users: dict[int, set[int]] = {}
    for step, (kind, bundle) in enumerate(plan.rows[:, :2].tolist()):
        if kind == operation:
            for pool, _ in plan.bundles[bundle]:
                users.setdefault(pool, set()).add(int(plan.unit_of[step]))
    return users
