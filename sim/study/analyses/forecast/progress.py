"""The history of a project up to its data date, worked out from a status: which steps are done, and when.

Rules. A unit with facts is at the step that they report; the minutes of its steps before are interpolated between the facts,
in proportion to the planned intervals. A unit without facts follows the plan, with the median delay of all facts. A unit that
is reported as not past a step, though it should be, is overdue: a part of the planned time to that step remains, drawn at
random. Steps that a fact requires are done (a hall that is dried in has foundations), unless they are reported as not done:
then the fact is out of sequence. Nothing happens after the data date.

Out-of-sequence work is treated as in P6. With `retained_logic` its remaining duration waits until its predecessors are
finished; with `progress_override` it continues at the data date, in parallel to them. What is finished stays finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain
from statistics import median

import numpy as np

from sim.engine.initial_state import InitialState, state_of_history, take_back_begin
from sim.plan.compiled_plan import Column, LogColumn
from sim.plan.draws import SampledInputs
from sim.plan.mechanisms.crews import done
from sim.plan.vocabulary import FREE, HOLD, JUMP, NOTE, SIGNAL, TOKEN, UNTIL, WORK, Log
from sim.study.analyses.forecast.learning import PRIOR_SEED
from sim.study.analyses.forecast.plan_steps import NEVER, PlannedStep, PlanSteps, units_and_positions
from sim.study.analyses.forecast.precedence import MAX_ROUNDS, DoneMinutes, GatesAndPools, PrecedenceAdjuster
from sim.study.analyses.forecast.status import Logic, Status
from sim.study.analyses.forecast.unit_status import (
    NO_FACTS,
    NOTHING_REMAINS,
    OutOfSequenceWork,
    RemainingDuration,
    StatusByUnit,
    UnitStatus,
    capped_at_actuals,
    interpolated_minutes,
    overdue_delay,
    overdue_remaining_share,
)
from sim.world.streams import stream_key, uniform


class Progress:
    """The history of a project up to the data date: `done_minutes` has by unit the minutes of the steps that are done.

    `retained` are the out-of-sequence works that wait for their predecessors, `parallel` those that continue in parallel.
    `delay` is the median delay of all facts, `implied_steps` the number of steps that are done because facts require them.
    """

    def __init__(
        self, plan_steps: PlanSteps, status: Status, day_minutes: dict[str, int], logic: Logic = "retained_logic",
        prior_replication: int | None = None,
    ) -> None:  # fmt: skip
        """Work the history out; `prior_replication` is the one whose routes `plan_steps` has, None for the expected plan."""
        self.plan_steps, self.plan, self.data_minute = plan_steps, plan_steps.plan, status.minute
        self.logic, self.prior_replication = logic, prior_replication
        facts = StatusByUnit(plan_steps, status, day_minutes)
        self.unit_status, self.remaining = facts.of_unit, facts.remaining
        self.retained: list[OutOfSequenceWork] = []
        self.parallel: list[OutOfSequenceWork] = []
        self.out_of_sequence: list[str] = []
        self.implied_steps = 0
        for unit, unit_status in self.unit_status.items():
            self._resolve_sequence(unit, unit_status)
            unit_status.done_at = capped_at_actuals(unit_status)
        self._assume_tests_pass()
        self._set_done_minutes()
        self._satisfy_predecessors()
        adjuster = PrecedenceAdjuster(plan_steps, self.done_minutes, self.unit_status)
        adjuster.adjust(self.gates_and_pools.waits, self.gates_and_pools.holders)

    # --- out-of-sequence work -----------------------------------------------------------------------------------

    def _resolve_sequence(self, unit: int, unit_status: UnitStatus) -> None:
        """Decide which of a unit's works is its current one, where a later work has started before an earlier is finished."""
        if not unit_status.position_reported:
            return
        done_at, in_progress = unit_status.done_at, unit_status.in_progress
        first_unfinished = min([*in_progress, unit_status.not_done_from])
        reported = sorted({*done_at, *in_progress})
        later = [position for position in reported if position > first_unfinished and self._is_work(unit, position)]
        if later:
            self._note_out_of_sequence(unit, self._name(unit, first_unfinished), self._name(unit, later[-1]))
        last_started = max((position for position in in_progress if position in later), default=None)
        if later and self.logic == "progress_override" and last_started is not None and last_started == later[-1]:
            # the last one is the current work; it does not finish before those in parallel to it
            self.parallel += [
                self._out_of_sequence_work(unit, position, in_progress.get(position, NEVER))
                for position in range(first_unfinished, last_started)
                if self._is_work(unit, position) and position not in done_at
            ]
            unit_status.in_progress, unit_status.not_done_from = {last_started: in_progress[last_started]}, NEVER
        elif later:
            for position in later:
                start = in_progress.pop(position, done_at.get(position, 0))
                self.retained.append(self._out_of_sequence_work(unit, position, start, NOTHING_REMAINS))
            unit_status.done_at = {
                position: minute for position, minute in done_at.items() if position < first_unfinished
            }
        for position, start in unit_status.in_progress.items():
            if position:
                unit_status.done_at[position - 1] = min(start, unit_status.done_at.get(position - 1, start))

    def _out_of_sequence_work(
        self, unit: int, position: int, start: int, unreported: RemainingDuration | None = None
    ) -> OutOfSequenceWork:
        """Return an out-of-sequence work with its reported remaining duration, or `unreported` where there is none."""
        remaining = self.remaining.get((unit, position), unreported or RemainingDuration())
        return OutOfSequenceWork(unit, position, start, remaining)

    def _is_work(self, unit: int, position: int) -> bool:
        steps = self.plan_steps.routes[unit].steps
        return 0 <= position < len(steps) and self.plan_steps.rows[steps[position]][Column.OPERATION] == WORK

    def _name(self, unit: int, position: int) -> str:
        """Return the name of the activity at a position of a unit's route."""
        return self.plan.activities[self.plan.activity_of[self.plan_steps.routes[unit].steps[position]]]

    def _note_out_of_sequence(self, unit: int, predecessor: str, activity: str) -> None:
        text = f"{self.plan.units[unit]}: {activity or 'it'} went on before {predecessor}"
        if text not in self.out_of_sequence:
            self.out_of_sequence.append(text)

    def _assume_tests_pass(self) -> None:
        """Assume that tests pass which are later in a unit's route than all of its facts: a failure would be reported too."""
        positions: dict[int, list[int]] = {}
        for unit, unit_status in self.unit_status.items():
            if unit_status.position_reported and unit_status.not_done_from >= NEVER:
                positions[unit] = [*unit_status.done_at, *unit_status.in_progress]
        for work in (*self.retained, *self.parallel):
            if work.unit in positions:
                positions[work.unit].append(work.position)
        self.plan_steps.assume_tests_pass({unit: max(reported) for unit, reported in positions.items() if reported})

    # --- minutes ----------------------------------------------------------------------------------------------

    def _set_done_minutes(self) -> None:
        """Set the minutes of all steps that are done, by the facts of each unit and the plan."""
        delays = [
            minute - self.plan_steps.routes[unit].planned[position]
            for unit, unit_status in self.unit_status.items()
            if self.plan.unit_info[unit].kind != "crew"  # early or late people are no early or late work
            for position, minute in unit_status.done_at.items()
            if self.plan_steps.routes[unit].planned[position] < NEVER
        ]
        self.delay = round(median(delays)) if delays else 0
        self.done_minutes: DoneMinutes = [self._done_minutes_of(unit) for unit in range(len(self.plan.units))]

    def _done_minutes_of(self, unit: int) -> list[int]:
        """Return the minutes of a unit's steps: by its facts, and from its last fact on as planned, with its delay."""
        route, unit_status = self.plan_steps.routes[unit], self.unit_status.get(unit, NO_FACTS)
        if not unit_status.done_at and route.planned and route.planned[0] + self.delay > self.data_minute:
            return []
        known = sorted(unit_status.done_at.items())
        minutes = [min(minute, self.data_minute) for minute in interpolated_minutes(route.planned, known)]
        delay = minutes[-1] - route.planned[len(minutes) - 1] if minutes else self.delay
        if minutes and route.planned[len(minutes) - 1] >= NEVER:
            delay = 0
        if unit_status.not_done_from < len(route.steps) and not unit_status.position_reported:
            last_position, remaining_share = max(0, len(minutes) - 1), partial(self._remaining_share, unit)
            delay += overdue_delay(
                route.planned, last_position, unit_status.not_done_from, delay, self.data_minute, remaining_share
            )
        has_activities = unit_status.position_reported or unit_status.current_work is not None
        minute = minutes[-1] if minutes else 0
        for position in range(len(minutes), min(len(route.steps), unit_status.not_done_from)):
            step = route.steps[position]
            # dates pass by themselves; of a unit with activities, other steps that take time are done only if reported
            is_date = self.plan_steps.rows[step][Column.OPERATION] == UNTIL
            takes_time = self.plan_steps.takes_time[step] and not (is_date and unit_status.position_reported)
            if takes_time and has_activities:
                break
            if takes_time or is_date or not minutes:
                minute = max(route.planned[position] + delay, minute)
            if minute > self.data_minute:
                break
            minutes.append(minute)
        return minutes

    def _remaining_share(self, unit: int) -> float:
        """Return the drawn share of its planned time that remains to an overdue unit; by the expected plan the median."""
        if self.prior_replication is None:
            return overdue_remaining_share(0.5)
        key = stream_key(PRIOR_SEED, self.plan.units[unit])
        return overdue_remaining_share(uniform(key, self.prior_replication, 0))

    # --- predecessors -----------------------------------------------------------------------------------------

    def _satisfy_predecessors(self) -> None:
        """Do the steps that the facts require; undo steps that were only assumed and whose predecessors are not done."""
        self.undone_units: set[int] = set()
        self.next_candidate: dict[tuple[int, int], int] = {}
        self.gates_and_pools = GatesAndPools(self.plan_steps, [len(minutes) for minutes in self.done_minutes])
        waits, holders = self.gates_and_pools.waits, self.gates_and_pools.holders
        for _ in range(MAX_ROUNDS):
            if not any([*map(self._satisfy_gate, [*waits]), *map(self._satisfy_pool, [*holders])]):
                return

    def _satisfy_gate(self, gate: int) -> bool:
        """Do steps that signal a gate until its level is what passed waits need; return whether anything changed."""
        waits, level, changed = self.gates_and_pools.waits[gate], self.gates_and_pools.level, False
        if not waits or max(waits)[0] <= level[gate]:
            return False
        signal_steps = self.plan_steps.signal_steps.get(gate, [])
        for needed, unit, position in sorted(waits):
            info = self.plan.unit_info[unit]
            if info.kind == "crew":
                # people may come before they are called, but do not go home before their work is done
                if self.plan.gates[gate] == done(info.part) and level[gate] < needed:
                    changed |= self._undo(unit, position, self.plan.gates[gate], is_sequence=False)
                continue
            while level[gate] < needed and position < len(self.done_minutes[unit]):
                if not self._do_next((SIGNAL, gate), signal_steps, self.done_minutes[unit][position]):
                    changed |= self._undo(unit, position, self.plan.gates[gate], is_sequence=True)
                    break
                changed = True
        return changed

    def _satisfy_pool(self, pool: int) -> bool:
        """Do steps that supply a pool until its balance is not negative; return whether anything changed."""
        balance, changed = self.gates_and_pools.balance, False
        # too few people or places are not a matter of sequence
        is_sequence = self.plan.pool_causes[pool] == TOKEN
        if balance[pool] >= 0:
            return False
        supply_steps = self.plan_steps.supply_steps.get(pool, [])
        # what no fact says (that a crew has left) is undone before what one does, the latest first
        holders = sorted(
            self.gates_and_pools.holders[pool],
            key=lambda holder: (not self._is_past(*holder), self.done_minutes[holder[0]][holder[1]]),
        )
        # crews that are missing come; that a work which would give them back is done already is not assumed
        if not is_sequence:
            supply_steps = self._without_returns(pool, supply_steps)
        for unit, position in reversed(holders):
            while balance[pool] < 0 and position < len(self.done_minutes[unit]):
                if not self._do_next((FREE, pool), supply_steps, self.done_minutes[unit][position]):
                    changed |= self._undo(unit, position, self.plan.pools[pool], is_sequence=is_sequence)
                    break
                changed = True
            if balance[pool] >= 0:
                break
        return changed

    def _is_past(self, unit: int, position: int) -> bool:
        """Return whether a fact says that a unit is past a position."""
        unit_status = self.unit_status.get(unit, NO_FACTS)
        current = unit_status.current_work
        return any(done >= position for done in unit_status.done_at) or (current is not None and current[0] > position)

    def _without_returns(self, pool: int, supply_steps: Sequence[PlannedStep]) -> list[PlannedStep]:
        """Return the steps that supply a pool, without those of units that took from it before."""
        bundles = [number for number, pools in enumerate(self.plan_steps.supplied_pools) if pool in pools]
        takes = np.flatnonzero((self.plan.operation_of == HOLD) & np.isin(self.plan.argument_of, bundles))
        first_take = dict(zip(self.plan.unit_of[takes[::-1]].tolist(), takes[::-1].tolist(), strict=True))
        routes = self.plan_steps.routes
        return [one for one in supply_steps if first_take.get(one[1], NEVER) > routes[one[1]].steps[one[2]]]

    def _do_next(self, target: tuple[int, int], candidates: list[PlannedStep], minute: int) -> bool:
        """Do the next step that adds to a gate or pool, by a minute if its unit allows it; return whether there was one."""
        # a step that is done, or cannot be done, stays so: undone units are not advanced again
        for index in range(self.next_candidate.get(target, 0), len(candidates)):
            _, unit, position = candidates[index]
            self.next_candidate[target] = index + 1
            unit_status, minutes = self.unit_status.get(unit, NO_FACTS), self.done_minutes[unit]
            is_done = position < len(minutes)
            is_reported = unit_status.position_reported or position >= unit_status.not_done_from
            if is_done or is_reported or unit in self.undone_units:
                continue
            number_done = len(minutes)
            latest = max(minute, minutes[-1] if minutes else 0)
            minutes.extend([latest] * (position + 1 - number_done))
            self.gates_and_pools.update(unit, range(number_done, position + 1), 1)
            self.implied_steps += 1
            return True
        return False

    def _undo(self, unit: int, position: int, predecessor: str, *, is_sequence: bool) -> bool:
        """Undo a unit's steps from a position on, as a predecessor is not done; return False where facts forbid it."""
        unit_status = self.unit_status.get(unit, NO_FACTS)
        if unit_status.current_work is not None and unit_status.current_work[0] > position:
            current, start = unit_status.current_work
            self._note_out_of_sequence(unit, predecessor, self._name(unit, current))
            if self.logic == "progress_override" or any(
                self._is_work(unit, done) for done in unit_status.done_at if done >= position
            ):
                return False
            self.retained.append(self._out_of_sequence_work(unit, current, start))
            unit_status.in_progress, unit_status.not_done_from = {}, position
            unit_status.done_at = {done: minute for done, minute in unit_status.done_at.items() if done < position}
        if any(done >= position for done in unit_status.done_at):
            if is_sequence:
                self._note_out_of_sequence(unit, predecessor, "")
            return False
        self.undone_units.add(unit)
        self.gates_and_pools.update(unit, range(position, len(self.done_minutes[unit])), -1)
        del self.done_minutes[unit][position:]
        return True

    # --- state ------------------------------------------------------------------------------------------------

    def state(self, expected: SampledInputs) -> InitialState:
        """Return the state at the data date; works in progress have no remaining duration yet."""
        log = event_log_of(self.plan_steps, self.done_minutes)
        steps_done = log[:, LogColumn.STEP]
        inputs_drawn = self.plan.argument_of[steps_done[self.plan.operation_of[steps_done] == WORK]]
        # minutes before losses: earned hours count these
        work_content = np.zeros(len(expected.content), np.int64)
        work_content[inputs_drawn] = expected.content[inputs_drawn]
        state = state_of_history(self.plan, log, self.data_minute, work_content)
        for unit in state.under_way.tolist():
            input_number = self.plan.argument_of[state.at[unit]]
            work_content[input_number] = expected.content[input_number]
            unit_status = self.unit_status.get(unit, NO_FACTS)
            current_work = unit_status.current_work
            if current_work is not None and current_work[0] == self.position_of(unit):
                # until a remaining duration is drawn, which counts from the data date, its length counts from its start
                state.begun[unit] = state.since[unit] = current_work[1]
            elif unit_status.position_reported:
                take_back_begin(state, self.plan, unit)
        return state

    def position_of(self, unit: int) -> int:
        """Return the position in its route of the step that a unit is at; a repeated test is at several positions."""
        return len(self.done_minutes[unit])


def event_log_of(plan_steps: PlanSteps, done_minutes: DoneMinutes) -> Log:
    """Return the event log of the steps that are done, in canonical order."""
    routes, number_done = plan_steps.routes, [len(minutes) for minutes in done_minutes]
    unit, position = units_and_positions(number_done)
    minute = np.array([*chain.from_iterable(done_minutes)], np.int64)
    steps_of_unit = [(routes[unit].steps, count) for unit, count in enumerate(number_done)]
    step = np.array([*chain.from_iterable(steps[:count] for steps, count in steps_of_unit)], np.int64)
    ends = plan_steps.plan.first[1:].tolist()
    # a route whose last step jumps over what is left ends with its unit
    next_steps = ((*steps, end)[1 : count + 1] for (steps, count), end in zip(steps_of_unit, ends, strict=True))
    next_step = np.array([*chain.from_iterable(next_steps)], np.int64)
    rows = plan_steps.plan.rows[step]
    operation, argument = rows[:, Column.OPERATION], rows[:, Column.ARGUMENT]
    # the detail of a row depends on its operation, see `LogColumn`: the minute begun is that at which the step before ended
    detail = np.where(position > 0, np.concatenate([[0], minute[:-1]]), 0)
    has_amount = np.isin(operation, (SIGNAL, NOTE))
    detail = np.where(operation == FREE, argument, np.where(has_amount, rows[:, Column.AMOUNT], detail))
    detail = np.where(operation == JUMP, next_step == argument, detail)
    return np.column_stack([minute, step, detail])[np.lexsort((position, unit, minute))]
