"""What the steps of a history have given to gates and taken from pools, and who passed or holds what.

A gate stands at the sum of its signals, a pool at what there was at first and was given less what is held. Where a history
is put together from a few facts, a gate may have been passed before it was signalled as often as that takes, or more be held
than there is: then something is missing in the history.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.plan.vocabulary import FREE, HOLD, SIGNAL, WAIT
from sim.study.analyses.forecast.plan_steps import Ints, PlanSteps


class GatesAndPools:
    """Gates and pools after so many steps of every unit, `number`; what units do more, or did not do, is counted after.

    `level` is by gate, `balance` by pool. `waits` has by gate (level needed, unit, place) of those that passed, `holders` by
    pool that is supplied (unit, place) of those that took from it.
    """

    def __init__(self, steps: PlanSteps, number: Sequence[int]) -> None:
        self.steps, self.plan = steps, steps.plan
        self.waits: dict[int, set[tuple[int, int, int]]] = {}
        self.holders: dict[int, set[tuple[int, int]]] = {}
        unit, place, step, _ = steps.first_of_ways(number)
        operation, a, b = self.plan.rows[step, :3].T
        signals = operation == SIGNAL
        self.level: list[int] = np.bincount(a[signals], b[signals], len(self.plan.gates)).astype(np.int64).tolist()
        self.balance = self._balance(a[operation == FREE], a[operation == HOLD])
        for gate, needed, *at in np.column_stack([a, b, unit, place])[operation == WAIT].tolist():
            self.waits.setdefault(gate, set()).add((needed, *at))
        for bundle, *at in np.column_stack([a, unit, place])[operation == HOLD].tolist():
            for pool in steps.supplied[bundle]:
                self.holders.setdefault(pool, set()).add((*at,))

    def _balance(self, freed: Ints, held: Ints) -> list[int]:
        """Return what is in every pool after some bundles were freed and held."""
        balance: list[int] = self.plan.initial.tolist()
        many = len(self.plan.bundles)
        net = np.bincount(freed, minlength=many) - np.bincount(held, minlength=many)
        for bundle in np.flatnonzero(net).tolist():
            for pool, count in self.plan.bundles[bundle]:
                balance[pool] += count * int(net[bundle])
        return balance

    def count(self, unit: int, places: range, sign: int) -> None:
        """Count what steps of a unit signal, hold and free; with sign -1 they are taken back."""
        steps, rows, supplied = self.steps.routes[unit].steps, self.steps.rows, self.steps.supplied
        for place in places:
            operation, a, b = rows[steps[place]][:3]
            if operation == SIGNAL:
                self.level[a] += sign * b
            elif operation == WAIT:
                waits = self.waits.setdefault(a, set())
                (waits.add if sign > 0 else waits.discard)((b, unit, place))
            elif operation in (HOLD, FREE):
                for pool, count in self.plan.bundles[a]:
                    self.balance[pool] += sign * (count if operation == FREE else -count)
                for pool in supplied[a] if operation == HOLD else ():
                    holders = self.holders.setdefault(pool, set())
                    (holders.add if sign > 0 else holders.discard)((unit, place))
