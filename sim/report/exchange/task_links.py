"""Which task follows which in a run: through a unit's own route, through gates, and through tokens that are handed on.

A gate reached or a token taken is a link to whatever was finished before it was signalled or handed on; one to the
start of a task where the gate says that it has started. Crews, cranes, lines and places are not links: they are shared,
and who had them before is no logic of the project. A lag makes the link longer and is no task.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sim.plan.compiled_plan import CompiledPlan
from sim.plan.vocabulary import FREE, HOLD, SIGNAL, WAIT

STARTED = " started"
"""The ending of the name of a gate that signals the start of a step."""


class Predecessor(NamedTuple):
    """A predecessor of a unit's next task: a task, or the start of one that is not finished; and the lag in minutes."""

    task: int
    """Its number; below zero the place in `PredecessorTracker.starts`, from -1 down."""
    lag: int = 0


Predecessors = frozenset[Predecessor]
NONE: Predecessors = frozenset()


class PredecessorTracker:
    """The predecessors of each unit's next task, updated row by row along the log."""

    def __init__(self, plan: CompiledPlan) -> None:
        self.plan = plan
        self.starts: list[tuple[int, int, int]] = []
        """Starts that were signalled: unit, how many tasks it had done before, minute."""
        self._predecessors_of: dict[int, Predecessors] = {}
        self._done: dict[int, int] = {}
        self._signals: dict[int, list[tuple[int, Predecessors]]] = {}
        self._freed: dict[int, list[tuple[int, Predecessors]]] = {}
        self._taken: dict[int, int] = {}
        self._handed_on = handed_on(plan)

    def before(self, unit: int) -> tuple[Predecessor, ...]:
        """Return the predecessors of a unit's next task; of two lags after one task the longer."""
        longest_lag: dict[int, int] = {}
        for link in self._predecessors_of.get(unit, NONE):
            longest_lag[link.task] = max(link.lag, longest_lag.get(link.task, link.lag))
        return tuple(Predecessor(task, lag) for task, lag in sorted(longest_lag.items()))

    def worked(self, unit: int, task: int) -> int:
        """Note that a unit has done a task, now the only predecessor of its next; return how many it had done before."""
        self._predecessors_of[unit] = frozenset([Predecessor(task)])
        self._done[unit] = self._done.get(unit, 0) + 1
        return self._done[unit] - 1

    def delayed(self, unit: int, minutes: int) -> None:
        """Add minutes to the lags of a unit's predecessors."""
        self._predecessors_of[unit] = frozenset(
            Predecessor(task, lag + minutes) for task, lag in self._predecessors_of.get(unit, NONE)
        )

    def give(self, unit: int, row: list[int], amount: int, minute: int) -> None:
        """Note that a unit signals a gate or hands a token on."""
        predecessors = self._predecessors_of.get(unit, NONE)
        operation, argument = row[:2]
        if operation == SIGNAL:
            if self.plan.gates[argument].endswith(STARTED):
                self.starts.append((unit, self._done.get(unit, 0), minute))
                predecessors = frozenset([Predecessor(-len(self.starts))])
            self._add(self._signals, argument, amount, predecessors)
            return
        for pool, count in self.plan.bundles[argument]:
            if pool in self._handed_on:
                self._add(self._freed, pool, count, predecessors)

    def wait(self, unit: int, row: list[int]) -> None:
        """Add the predecessors of a unit that has waited for a gate or taken a token."""
        predecessors: Predecessors = self._predecessors_of.get(unit, NONE)
        operation, argument, level = row[:3]
        if operation == WAIT:
            predecessors |= self._between(self._signals.get(argument, []), 0, level)
        else:
            for pool, count in self.plan.bundles[argument]:
                if pool in self._handed_on:
                    begin = self._taken.get(pool, 0)
                    self._taken[pool] = begin + count
                    predecessors |= self._between(self._freed.get(pool, []), begin, begin + count)
        self._predecessors_of[unit] = predecessors

    @staticmethod
    def _add(
        counters: dict[int, list[tuple[int, Predecessors]]], counter: int, amount: int, predecessors: Predecessors
    ) -> None:
        """Raise a counter, and note the predecessors of that rise."""
        history = counters.setdefault(counter, [])
        history.append(((history[-1][0] if history else 0) + amount, predecessors))

    @staticmethod
    def _between(history: Iterable[tuple[int, Predecessors]], low: int, high: int) -> Predecessors:
        """Return the predecessors behind those rises of a counter that lie in (low, high]."""
        predecessors_between: set[Predecessor] = set()
        level_before = 0
        for level, predecessors in history:
            if level_before < high and level > low:
                predecessors_between |= predecessors
            level_before = level
        return frozenset(predecessors_between)


def handed_on(plan: CompiledPlan) -> set[int]:
    """Return the numbers of pools through which units hand tokens to others: empty at first, never refilled by their users.

    A finished skid and power are handed on; crews, lines, places and cranes are shared.
    """
    takers, givers = _users(plan, HOLD), _users(plan, FREE)
    return {
        pool
        for pool, initial in enumerate(plan.initial.tolist())
        if initial == 0 and takers.get(pool) and not takers[pool] & givers.get(pool, set())
    }


def _users(plan: CompiledPlan, operation: int) -> dict[int, set[int]]:
    """Return the units that take from (or give to) each pool."""
    users: dict[int, set[int]] = {}
    for step, (kind, bundle) in enumerate(plan.rows[:, :2].tolist()):
        if kind == operation:
            for pool, _ in plan.bundles[bundle]:
                users.setdefault(pool, set()).add(int(plan.unit_of[step]))
    return users
