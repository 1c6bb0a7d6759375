"""What follows what in a run: through a unit's own route, through gates, and through what is handed on.

A gate reached or a token taken is a link to whatever was finished before it was signalled or handed on. Crews,
cranes, lines and places are not links: they are shared, and who had them before is no logic of the project.
"""

from __future__ import annotations

from collections.abc import Iterable

from sim.plan.compile import FREE, HOLD, SIGNAL, WAIT, Compiled

Tasks = frozenset[int]
NONE: Tasks = frozenset()


class Following:
    """The tasks that whatever a unit does next follows, kept up to date along the log."""

    def __init__(self, plan: Compiled) -> None:
        self.plan = plan
        self._heads: dict[int, Tasks] = {}
        self._signals: dict[int, list[tuple[int, Tasks]]] = {}
        self._given: dict[int, list[tuple[int, Tasks]]] = {}
        self._taken: dict[int, int] = {}
        self._handed_on = handed_on(plan)

    def before(self, unit: int) -> tuple[int, ...]:
        """The tasks that what a unit does now follows."""
        return tuple(sorted(self._heads.get(unit, NONE)))

    def worked(self, unit: int, task: int) -> None:
        """A unit has done a task: what it does next follows that alone."""
        self._heads[unit] = frozenset([task])

    def give(self, unit: int, row: list[int], amount: int) -> None:
        """A unit signals a gate or hands something on."""
        heads = self._heads.get(unit, NONE)
        if row[0] == SIGNAL:
            self._add(self._signals, row[1], amount, heads)
            return
        for pool, count in self.plan.bundles[row[1]]:
            if pool in self._handed_on:
                self._add(self._given, pool, count, heads)

    def wait(self, unit: int, row: list[int]) -> None:
        """A unit has reached a gate, or has taken what was handed on."""
        found: Tasks = self._heads.get(unit, NONE)
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
    def _add(counters: dict[int, list[tuple[int, Tasks]]], which: int, amount: int, heads: Tasks) -> None:
        """Raise a counter and remember after what."""
        history = counters.setdefault(which, [])
        history.append(((history[-1][0] if history else 0) + amount, heads))

    @staticmethod
    def _between(history: Iterable[tuple[int, Tasks]], low: int, high: int) -> Tasks:
        """The tasks behind the rises of a counter that lie in (low, high]."""
        found: set[int] = set()
        before = 0
        for level, heads in history:
            if before < high and level > low:
                found |= heads
            before = level
        return frozenset(found)


def handed_on(plan: Compiled) -> set[int]:
    """The pools through which one unit hands something to another: empty at first, and nobody gives back what he took.

    A finished skid and power are handed on; crews, lines, places and cranes are shared.
    """
    takes, gives = _users(plan, HOLD), _users(plan, FREE)
    return {
        pool
        for pool, initial in enumerate(plan.initial.tolist())
        if initial == 0 and takes.get(pool) and not takes[pool] & gives.get(pool, set())
    }


def _users(plan: Compiled, operation: int) -> dict[int, set[int]]:
    """The units that take from (or give to) each pool."""
    users: dict[int, set[int]] = {}
    for step, (kind, bundle) in enumerate(plan.rows[:, :2].tolist()):
        if kind == operation:
            for pool, _ in plan.bundles[bundle]:
                users.setdefault(pool, set()).add(int(plan.unit_of[step]))
    return users
