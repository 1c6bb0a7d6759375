"""Precedence between the steps of a history: the gates and pools by which steps wait for steps of other units.

The level of a gate is the sum of its signals. The balance of a pool is its initial count plus what was freed less what is
held. In a history assembled from a few facts a gate can have been passed below the level needed, and a balance can be
negative: then a step that signals the gate or supplies the pool is still missing in the history.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

import numpy as np

from sim.plan.compiled_plan import Column
from sim.plan.vocabulary import FREE, HOLD, SIGNAL, WAIT, WORK
from sim.study.analyses.forecast.plan_steps import Ints, PlannedStep, PlanSteps, UnitPosition
from sim.study.analyses.forecast.unit_status import NO_FACTS, UnitStatus

DoneMinutes = list[list[int]]
"""By unit the minute of each step of its route that is done, from the first step on."""


class GatesAndPools:
    """Gates and pools where of each unit's route the first `number_done` steps are done; kept up to date by `update`.

    `level` is by gate, `balance` by pool. `waits` has by gate the steps that passed it, as (level needed, unit, position);
    `holders` by supplied pool the steps that took from it.
    """

    def __init__(self, plan_steps: PlanSteps, number_done: Sequence[int]) -> None:
        self.plan_steps, self.plan = plan_steps, plan_steps.plan
        self.waits: dict[int, set[tuple[int, int, int]]] = {}
        self.holders: dict[int, set[UnitPosition]] = {}
        unit, position, step = plan_steps.steps_done(number_done)
        rows = self.plan.rows[step]
        operation, argument = rows[:, Column.OPERATION], rows[:, Column.ARGUMENT]
        is_signal, is_wait, is_hold = operation == SIGNAL, operation == WAIT, operation == HOLD
        levels = np.bincount(argument[is_signal], rows[is_signal, Column.AMOUNT], len(self.plan.gates))
        self.level: list[int] = levels.astype(np.int64).tolist()
        self.balance = self._balances(freed=argument[operation == FREE], held=argument[is_hold])
        waits = np.column_stack([argument, rows[:, Column.LEVEL], unit, position])[is_wait]
        for gate, needed, *unit_position in waits.tolist():
            self.waits.setdefault(gate, set()).add((needed, *unit_position))
        for bundle, *unit_position in np.column_stack([argument, unit, position])[is_hold].tolist():
            for pool in plan_steps.supplied_pools[bundle]:
                self.holders.setdefault(pool, set()).add((*unit_position,))

    def _balances(self, freed: Ints, held: Ints) -> list[int]:
        """Return the balance of every pool after some bundles were freed and some held."""
        balance: list[int] = self.plan.initial.tolist()
        number_of_bundles = len(self.plan.bundles)
        net = np.bincount(freed, minlength=number_of_bundles) - np.bincount(held, minlength=number_of_bundles)
        for bundle in np.flatnonzero(net).tolist():
            for pool, count in self.plan.bundles[bundle]:
                balance[pool] += count * int(net[bundle])
        return balance

    def update(self, unit: int, positions: range, sign: int) -> None:
        """Add the steps at some positions of a unit's route (sign 1), or remove them (sign -1)."""
        steps, rows = self.plan_steps.routes[unit].steps, self.plan_steps.rows
        supplied_pools = self.plan_steps.supplied_pools
        for position in positions:
            row = rows[steps[position]]
            operation, argument = row[Column.OPERATION], row[Column.ARGUMENT]
            if operation == SIGNAL:
                self.level[argument] += sign * row[Column.AMOUNT]
            elif operation == WAIT:
                waits = self.waits.setdefault(argument, set())
                (waits.add if sign > 0 else waits.discard)((row[Column.LEVEL], unit, position))
            elif operation in (HOLD, FREE):
                for pool, count in self.plan.bundles[argument]:
                    self.balance[pool] += sign * (count if operation == FREE else -count)
                for pool in supplied_pools[argument] if operation == HOLD else ():
                    holders = self.holders.setdefault(pool, set())
                    (holders.add if sign > 0 else holders.discard)((unit, position))


# --- minutes in the order of precedence -------------------------------------------------------------------------------


MAX_ROUNDS = 200


class PrecedenceAdjuster:
    """Moves the minutes of steps after what they wait for or take from a pool; actuals stay as they are."""

    def __init__(self, plan_steps: PlanSteps, done_minutes: DoneMinutes, unit_status: Mapping[int, UnitStatus]) -> None:
        self.plan_steps, self.done_minutes, self.unit_status = plan_steps, done_minutes, unit_status
        self.bundles = [dict(bundle) for bundle in plan_steps.plan.bundles]
        self.moved_units: set[int] = set()

    def adjust(
        self, waits: Mapping[int, Collection[tuple[int, int, int]]], holders: Mapping[int, Collection[UnitPosition]]
    ) -> None:
        """Change `done_minutes` in place, by the steps that passed gates and those that hold supplied pools.

        `waits` has by gate (level needed, unit, position), `holders` by pool (unit, position). As moved steps signal and
        supply later themselves, this is repeated until nothing moves.
        """
        gates, pools = {*waits}, {*holders}
        for _ in range(MAX_ROUNDS):
            self.moved_units = set()
            for pool in sorted(pools, reverse=True):
                self._move_after_supply(pool, holders[pool])
            for gate in sorted(gates):
                self._move_after_signals(gate, waits[gate])
            if not self.moved_units:
                break
            gates = self._with_moved_steps(self.plan_steps.signal_steps) & waits.keys()
            pools = self._with_moved_steps(self.plan_steps.supply_steps) & holders.keys()
            pools |= {pool for pool, steps in holders.items() if any(unit in self.moved_units for unit, _ in steps)}
        for unit, minutes in enumerate(self.done_minutes):
            if len(minutes) > 1:
                self._align_steps_without_time(unit)
        self._end_waits_as_gates_open(waits)

    def _with_moved_steps(self, steps_of_target: Mapping[int, Collection[PlannedStep]]) -> set[int]:
        """Return the gates or pools that units which have moved add to."""
        return {
            target
            for target, planned_steps in steps_of_target.items()
            if any(unit in self.moved_units for _, unit, _ in planned_steps)
        }

    def _amounts(self, planned_steps: Iterable[tuple[int, int, int]], pool: int) -> Iterator[int]:
        """Yield how much each of some steps adds to a gate, or adds to or takes from a pool."""
        rows, routes, bundles = self.plan_steps.rows, self.plan_steps.routes, self.bundles
        for _, unit, position in planned_steps:
            row = rows[routes[unit].steps[position]]
            yield row[Column.AMOUNT] if row[Column.OPERATION] == SIGNAL else bundles[row[Column.ARGUMENT]][pool]

    def _cumulative(self, planned_steps: Collection[PlannedStep], pool: int = -1) -> tuple[list[int], list[int]]:
        """Return the minutes at which steps that are done added to a gate or pool, and the total after each of them."""
        done_minutes = self.done_minutes
        done = sorted(
            (done_minutes[unit][position], unit, position)
            for _, unit, position in planned_steps
            if position < len(done_minutes[unit])
        )
        return [minute for minute, _, _ in done], list(accumulate(self._amounts(done, pool)))

    def _move_after_signals(self, gate: int, waits: Collection[tuple[int, int, int]]) -> None:
        """Move the steps that passed a gate to when the level that each needed was reached."""
        minutes, levels = self._cumulative(self.plan_steps.signal_steps.get(gate, ()))
        for needed, unit, position in waits:
            self._move(unit, position, minutes, levels, needed)

    def _align_steps_without_time(self, unit: int) -> None:
        """Have steps that take no time done with the step before: a hold lasts until the work that a fact says started."""
        minutes, plan_steps = self.done_minutes[unit], self.plan_steps
        takes_time, steps = plan_steps.takes_time, plan_steps.routes[unit].steps
        actuals = self.unit_status.get(unit, NO_FACTS).actual_positions
        instants = [at for at in range(1, len(minutes)) if not takes_time[steps[at]]]
        for at in reversed(instants):
            if at - 1 not in actuals and plan_steps.rows[steps[at - 1]][Column.OPERATION] != WORK:
                minutes[at - 1] = max(minutes[at - 1], minutes[at])
        for at in instants:
            if at not in actuals:
                minutes[at] = minutes[at - 1]

    def _end_waits_as_gates_open(self, waits: Mapping[int, Collection[tuple[int, int, int]]]) -> None:
        """Have every wait end when its gate opened: what came later was held up by something else, as a crane or a crew.

        What a unit does at the end of a wait may open other gates, so this is repeated until nothing moves.
        """
        for _ in range(MAX_ROUNDS):
            opened: list[tuple[int, int, int]] = []
            for gate, steps in waits.items():
                minutes, levels = self._cumulative(self.plan_steps.signal_steps.get(gate, ()))
                for needed, unit, position in steps:
                    if (reached := _minute_reached(minutes, levels, needed)) is not None:
                        opened.append((unit, position, reached))
            # one after the other, as one wait may follow another
            if not sum(self._end_wait(*wait) for wait in sorted(opened)):
                return

    def _end_wait(self, unit: int, position: int, opened: int) -> bool:
        """Have a wait end when its gate opened, with all that its unit did in that minute; return whether it moved."""
        minutes, steps = self.done_minutes[unit], self.plan_steps.routes[unit].steps
        minute, end = max(minutes[position - 1] if position else 0, opened), position + 1
        while end < len(minutes) and not self.plan_steps.takes_time[steps[end]]:
            end += 1
        actuals = self.unit_status.get(unit, NO_FACTS).actual_positions
        if minute >= minutes[position] or any(position <= actual < end for actual in actuals):
            return False
        minutes[position:end] = [minute] * (end - position)
        return True

    def _move_after_supply(self, pool: int, holders: Collection[UnitPosition]) -> None:
        """Move the steps that took from a pool to when enough had been supplied for them and all takers before them."""
        minutes, supplied = self._cumulative(self.plan_steps.supply_steps.get(pool, ()), pool)
        taken = -int(self.plan_steps.plan.initial[pool])
        takers = sorted((self.done_minutes[unit][position], unit, position) for unit, position in holders)
        for (_, unit, position), amount in zip(takers, self._amounts(takers, pool), strict=True):
            taken += amount
            self._move(unit, position, minutes, supplied, taken)

    def _move(self, unit: int, position: int, minutes: list[int], totals: list[int], needed: int) -> None:
        """Move a step of a unit and all after it to the minute at which a total was reached, if no actual is earlier."""
        reached, done_minutes = _minute_reached(minutes, totals, needed), self.done_minutes[unit]
        if reached is None or done_minutes[position] >= reached:
            return
        unit_status = self.unit_status.get(unit, NO_FACTS)
        actuals = [
            done_minutes[actual] for actual in unit_status.actual_positions if position <= actual < len(done_minutes)
        ]
        actuals += [unit_status.current_work[1]] if unit_status.current_work is not None else []
        if not actuals or min(actuals) >= reached:
            done_minutes[position:] = [max(minute, reached) for minute in done_minutes[position:]]
            self.moved_units.add(unit)


def _minute_reached(minutes: Sequence[int], totals: Sequence[int], needed: int) -> int | None:
    """Return the first minute at which a total was as much as needed; None where it never was."""
    if needed <= 0:
        return 0
    at = bisect_left(totals, needed)
    return minutes[at] if at < len(totals) else None
