"""The reference engine: every unit of the plan is a SimPy process that follows its route.

Read `follow` first: it is the meaning of the vocabulary. Rules are numbered as in `docs/engine.md`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

import numpy as np
import simpy
from numpy.typing import NDArray

from sim.engine.deadlock import Deadlock, SimulationState
from sim.engine.dispatcher import Dispatcher, EndlessLoop
from sim.engine.initial_state import MILLION, NOT_BEGUN, InitialState, net_levels_after
from sim.jit import gc_paused
from sim.plan.compiled_plan import NONE, Column, CompiledPlan
from sim.plan.draws import SampledInputs
from sim.plan.vocabulary import FREE, HOLD, JUMP, NOTE, SIGNAL, UNTIL, WAIT, WORK, PlanError
from sim.world.roads import duty_finish
from sim.world.working_time import Calendar, CalendarEnds, NoWindow

MAX_JUMPS_PER_MINUTE = 10_000
"""Jumps of one unit within one minute after which it counts as looping for ever."""
MAX_EVENTS_PER_RUN = 5_000_000
"""Steps of one replication after which it counts as looping for ever; 250 MW have about 20,000."""


Process = Generator[simpy.Event, None, None]


@dataclass(frozen=True)
class RunOutcome:
    """The event log of a run: one row per step done (minute done, step, detail), in the order in which they were done.

    The detail is the minute begun (hold, work, wait, until), 1 or 0 for a jump taken or not, the amount (signal, note), or
    the number of the bundle (free). `deadlock` says which unit waited for what, if the project could not be finished.
    """

    log: NDArray[np.int64]
    deadlock: Deadlock | None = None
    spare: NDArray[np.int64] | None = None
    """Where it is recorded: by pool how many fewer would have given the same log; -1 where the pool was once short."""


class SimpyPlan:
    """A plan as plain lists, the form that a Python loop reads fastest; built once, simulated many times."""

    def __init__(self, plan: CompiledPlan) -> None:
        """Turn the plan's arrays into lists: rows of steps (columns as `Column` says), and by unit its first step."""
        self.plan = plan
        with gc_paused():
            self.rows = [tuple(row) for row in plan.rows.tolist()]
        self.first = plan.first.tolist()
        self.learning_of = plan.learning_of.tolist()
        self.area_of = plan.area_of.tolist()


class Simulation:
    """One replication under way: the clock, the pools, the gates and all units on their routes."""

    def __init__(
        self,
        prepared: SimpyPlan,
        draws: SampledInputs,
        calendars: Sequence[Calendar],
        state: InitialState | None = None,
    ) -> None:
        """Put all units at the start of their routes, or at their steps in a state."""
        self.prepared, self.plan, self.draws = prepared, prepared.plan, draws
        # per calendar a function for each mode of work, in the order of MODES: (begin, minutes) → minute of the end
        self.finish = [(each.finish, each.finish_whole, partial(duty_finish, windows=each)) for each in calendars]
        self.env = simpy.Environment(initial_time=state.minute if state else 0)
        self.pools = Dispatcher(self.env, self.plan)
        # per gate: level, (level before, minute) of its latest signal, waiters (level, event of its opening)
        self.level = [0] * len(self.plan.gates)
        self.level_before = [(0, -1)] * len(self.plan.gates)
        self.waiters: list[list[tuple[int, simpy.Event]]] = [[] for _ in self.plan.gates]
        # per step: attempts; per unit: (jumps, minute); per learning curve: first attempts begun; per area: people
        self.attempts = [0] * len(prepared.rows)
        self.jumps = [(0, -1)] * len(self.plan.units)
        self.first_attempts = [0] * len(self.plan.learning)
        self.people_in_area = [0] * len(self.plan.areas)
        # works that begin at the end of this minute: (unit, step, event of their end)
        self.beginning: list[tuple[int, int, simpy.Event]] = []
        self.step_of = list(prepared.first[:-1])
        self.log: list[int] = []
        self.complete = False
        self.interrupted: dict[int, int] = {}
        self.state = state
        if state is not None:
            self._continue_from(state)

    def _continue_from(self, state: InitialState) -> None:
        """Take free counts, gate levels, counts of attempts and the units' steps from a state."""
        self.pools.free[:] = state.free.tolist()
        if self.pools.net_levels is not None:
            self.pools.net_levels.continue_from(net_levels_after(self.plan, state))
        self.level, self.attempts = state.level.tolist(), state.attempts.tolist()
        self.first_attempts, self.people_in_area = state.first_attempts.tolist(), state.people_in_area.tolist()
        self.step_of, self.complete = state.at.tolist(), state.complete
        interrupted = np.flatnonzero(state.interrupted >= 0).tolist()
        self.interrupted = {number: int(state.interrupted[number]) for number in interrupted}

    def simulate(self) -> RunOutcome:
        """Let every unit follow its route until the completion gate is open, or until none can go on; return the outcome."""
        for unit in range(len(self.plan.units)):
            self.env.process(self.follow(unit))
        try:
            while not self.complete and self._simulate_minute():
                pass
            deadlock = None if self.complete else self._current_state().deadlock()
        # beyond the calendar's end there may be time: the project is not known to be impossible
        except CalendarEnds as error:
            deadlock = self._current_state().deadlock(str(error))
        log = np.array(self.log, np.int64).reshape(-1, 3)
        return RunOutcome(log if self.state is None else np.concatenate([self.state.history, log]), deadlock)

    def _simulate_minute(self) -> bool:
        """Simulate the next minute in which something happens: events, then grants, then works.

        Each may let other units go on within this minute: those come first. False if no event is left.
        """
        env = self.env
        minute = env.peek()
        if minute == inf:
            return False
        now = int(minute)
        while True:
            # SimPy's list may get further events of this minute while it is worked on
            while env.peek() == now:
                env.step()
            if self.pools.to_check and self.pools.grant(now):
                continue
            if not self.beginning:
                return True
            self._begin_all(now)

    def _current_state(self) -> SimulationState:
        """Return the steps of all units, the pools and the gates now, to explain a deadlock."""
        return SimulationState(self.plan, self.step_of, self.pools.free, self.level, int(self.env.now))

    def follow(self, unit: int) -> Process:
        """Follow one unit's route; steps that take no time and cannot wait happen at once.

        What the columns of a row mean, by operation, says `sim.plan.compiled_plan.Column`.
        """
        env, rows, log, step_of, values = self.env, self.prepared.rows, self.log, self.step_of, self.draws.values
        now, step = yield from self._resume_step(unit)
        end = self.prepared.first[unit + 1]
        while step < end:
            step_of[unit] = step
            operation, argument, second, third, _, _ = rows[step]
            detail, next_step, event = now, step + 1, None
            if operation == WORK:
                event = self.begin_work(unit, step)
            elif operation == HOLD:  # bundle, priority, patience
                event = self.pools.enqueue(now, unit, argument, second, third)
            elif operation == FREE:  # bundle
                detail = argument
                self.pools.release(now, argument)
            elif operation == NOTE:  # note, amount
                detail = second
            elif operation == JUMP:  # target
                detail = self.decide(now, unit, step)
                next_step = argument if detail else next_step
            elif operation == SIGNAL:  # gate, amount
                detail = second
                self.signal(now, argument, second)
            elif operation == WAIT:  # gate, level
                event = self.opening(argument, second) if self.level[argument] < second else None
            elif operation == UNTIL and second:  # input of the date, number of the condition on a net level from 1
                yield from self._until_net_level(second - 1, max(now, values[argument]), now)
                now = int(env.now)
            elif operation == UNTIL:
                event = env.timeout(values[argument] - now) if values[argument] > now else None
            if event is not None:
                yield event
                now = int(env.now)
            # one flat list: a tuple per row would be one more object for every step
            log += (now, step, detail)
            step = next_step
        step_of[unit] = end

    def _until_net_level(self, condition: int, begun: int, first_check: int) -> Process:
        """Wait until a condition on a net level (what is free in pools less what is requested) has held for its minutes.

        These are all after minute `begun`; after the condition's last minute it is too late, and the wait has no end.
        `first_check` is the earliest minute at which it may be found to hold; `condition` is its number in the plan.
        """
        assert self.pools.net_levels is not None  # the plan has one
        _, _, minutes, last_minute, _ = self.plan.net_level_conditions[condition]
        next_check = max(begun + minutes, first_check)
        while True:
            if next_check > last_minute:
                yield simpy.Event(self.env)  # an event that never happens
            yield self.env.timeout(next_check - int(self.env.now))
            now = int(self.env.now)
            next_check = self.pools.net_levels.next_check(now, condition)
            if next_check <= now:
                return

    def _resume_step(self, unit: int) -> Generator[simpy.Event, None, tuple[int, int]]:
        """Complete the step that a unit had begun before this run, if any; return the minute then and its next step."""
        step, now, state = self.step_of[unit], int(self.env.now), self.state
        if state is None or step == self.prepared.first[unit + 1] or state.begun[unit] == NOT_BEGUN:
            return now, step
        begun = int(state.begun[unit])
        row = self.prepared.rows[step]
        if row[Column.OPERATION] == UNTIL and row[Column.NET_LEVEL]:
            date = self.draws.values[row[Column.ARGUMENT]]
            yield from self._until_net_level(row[Column.NET_LEVEL] - 1, max(begun, date), now)
            self.log += (int(self.env.now), step, begun)
            return int(self.env.now), step + 1
        event = self._end_of_step(state, unit, step, begun)
        if event is not None:
            yield event
            now = int(self.env.now)
        self.log += (now, step, begun)
        return now, step + 1

    def _end_of_step(self, state: InitialState, unit: int, step: int, begun: int) -> simpy.Event | None:
        """Return the event that ends a step which began before the state's minute; None where it ends at once."""
        operation, argument, second, third, _, _ = self.prepared.rows[step]
        if operation == HOLD:  # bundle, priority, patience
            return self.pools.enqueue(begun, unit, argument, second, third, counted=True)
        if operation == WAIT:  # gate, level
            return self.opening(argument, second) if self.level[argument] < second else None
        if operation == UNTIL:  # input of the date
            date = self.draws.values[argument]
            return self.env.timeout(date - state.minute) if date > state.minute else None
        end_event = simpy.Event(self.env)
        end = self._end_of_work(unit, step, int(state.since[unit]), int(state.minutes[unit]))
        self._schedule_end(step, end_event, max(end - state.minute, 0))
        return end_event

    # --- work -----------------------------------------------------------------------------------------------

    def begin_work(self, unit: int, step: int) -> simpy.Event:
        """Return the event of the end of a work, which begins after all events and grants of this minute."""
        end_event = simpy.Event(self.env)
        self.beginning.append((unit, step, end_event))
        return end_event

    def _begin_all(self, now: int) -> None:
        """Begin the work of all units that are ready, in the order of their ranks."""
        # by rank, as learning and crowding depend on the order, and that of the event list is no rule
        beginning, self.beginning = sorted(self.beginning, key=_rank), []
        for unit, step, end_event in beginning:
            row = self.prepared.rows[step]
            minutes = self._minutes(step, row[Column.ARGUMENT], row[Column.PEOPLE])
            end = self._end_of_work(unit, step, now, minutes)
            self._schedule_end(step, end_event, end - now)

    def _end_of_work(self, unit: int, step: int, begin: int, minutes: int) -> int:
        """Return the minute at which work of so many minutes, begun at minute `begin`, ends on its calendar.

        Its mode says whether it pauses while the calendar is closed, waits for a window for all of it, or is driving duty.
        """
        row = self.prepared.rows[step]
        finish = self.finish[row[Column.CALENDAR]][row[Column.MODE]]
        try:
            if minutes < 0:
                raise PlanError(f"{minutes} minutes of work are less than none")
            return finish(begin, minutes)
        except (CalendarEnds, NoWindow, PlanError) as error:
            activity = self.plan.activities[self.plan.activity_of[step]]
            # the same class, as a calendar that ends is a deadlock and one that never opens an error
            raise type(error)(f"{self.plan.units[unit]}, {activity}: {error}") from error

    def _schedule_end(self, step: int, end_event: simpy.Event, delay: int) -> None:
        """Schedule the end of a work after a delay; its people then leave their area."""
        end_event._ok, end_event._value = True, None
        if self.prepared.area_of[step] != NONE:
            people = self.prepared.rows[step][Column.PEOPLE]
            end_event.callbacks.append(partial(self._leave_area, self.prepared.area_of[step], people))
        self.env.schedule(end_event, delay=delay)

    def _minutes(self, step: int, duration: int, people: int) -> int:
        """Return drawn minutes × learning × crowding, rounded half up after each factor.

        `duration` is the number of the work's input. Interrupted work takes its remaining minutes, without factors.
        """
        attempt = self.attempts[step]
        self.attempts[step] = attempt + 1
        remaining = self.interrupted.pop(duration, None)
        if remaining is not None:
            return self._continue_work(step, remaining, people, attempt)
        minutes = self.draws.values[duration] if attempt == 0 else self.draws.at_attempt(duration, attempt)
        curve, area = self.prepared.learning_of[step], self.prepared.area_of[step]
        # repeated work was learnt the first time: it neither gets quicker nor counts as another piece
        if curve != NONE and attempt == 0:
            minutes = scaled(minutes, self.plan.learning[curve], self.first_attempts[curve])
            self.first_attempts[curve] += 1
        if area != NONE:
            self.people_in_area[area] += people
            minutes = scaled(minutes, self.plan.areas[area], self.people_in_area[area])
        return minutes

    def _continue_work(self, step: int, remaining: int, people: int, attempt: int) -> int:
        """Count interrupted work in its curve and area; return its minutes, whose factors are fixed already."""
        curve, area = self.prepared.learning_of[step], self.prepared.area_of[step]
        if curve != NONE and attempt == 0:
            self.first_attempts[curve] += 1
        if area != NONE:
            self.people_in_area[area] += people
        return remaining

    def _leave_area(self, area: int, people: int, _: simpy.Event) -> None:
        """Take people out of a crowding area at the end of their work."""
        self.people_in_area[area] -= people

    # --- gates ----------------------------------------------------------------------------------------------

    def signal(self, now: int, gate: int, amount: int) -> None:
        """Raise a gate by an amount and let all units through that wait for a level it has reached."""
        _, minute_of_signal = self.level_before[gate]
        # the first signal of a minute only: later ones must not move the level before the minute
        if minute_of_signal != now:
            self.level_before[gate] = (self.level[gate], now)
        self.level[gate] += amount
        new_level = self.level[gate]
        if self.waiters[gate]:
            for level, opening in self.waiters[gate]:
                if level <= new_level:
                    opening.succeed()
            self.waiters[gate] = [(level, opening) for level, opening in self.waiters[gate] if level > new_level]
        completion_gate, completion_level = self.plan.completion
        self.complete = self.complete or (gate == completion_gate and new_level >= completion_level)

    def opening(self, gate: int, level: int) -> simpy.Event:
        """Return the event that happens when a gate reaches a level, which is above its present one."""
        opening = simpy.Event(self.env)
        self.waiters[gate].append((level, opening))
        return opening

    # --- jumps ----------------------------------------------------------------------------------------------

    def decide(self, now: int, unit: int, step: int) -> int:
        """Return 1 if a jump is taken, else 0: by chance, by a gate's level before this minute, or always."""
        self._count_jump(now, unit)
        _, _, chance, limit, gate, level = self.prepared.rows[step]
        # counted even where the limit decides: it numbers the attempt's random number
        attempt = self.attempts[step]
        self.attempts[step] = attempt + 1
        if limit != NONE and attempt >= limit:
            return 0
        if chance != NONE:
            return self.draws.values[chance] if attempt == 0 else self.draws.at_attempt(chance, attempt)
        if gate != NONE:
            # before this minute: the level of now would depend on the order of units within it
            level_before, minute = self.level_before[gate]
            return int((level_before if minute == now else self.level[gate]) >= level)
        return 1

    def _count_jump(self, now: int, unit: int) -> None:
        """Count a jump of a unit; raise `EndlessLoop` where it loops within one minute or exceeds the limit of steps."""
        jumps, minute = self.jumps[unit]
        jumps = jumps + 1 if minute == now else 1
        self.jumps[unit] = jumps, now
        if jumps > MAX_JUMPS_PER_MINUTE:
            raise EndlessLoop(f"minute {now}: {self.plan.units[unit]} goes round for ever while no time passes")
        # a route without end must jump, so this is the place to count steps
        if len(self.log) > 3 * MAX_EVENTS_PER_RUN:
            raise EndlessLoop(too_many_events(now, self.plan.units[unit]))


def too_many_events(now: int, unit: str) -> str:
    """Return the sentence that a replication has reached its limit of steps, with the unit that jumped last."""
    used_up = f"{MAX_EVENTS_PER_RUN:,} steps are the budget of a replication and are used up"
    return f"minute {now}: {used_up}; {unit} went round last"


def scaled(minutes: int, millionths: Sequence[int], position: int) -> int:
    """Return minutes × the factor (in millionths) at a position of a list, or its last one, rounded half up in integers."""
    factor = millionths[min(position, len(millionths) - 1)]
    return (2 * minutes * factor + MILLION) // (2 * MILLION)


def _rank(beginning: tuple[int, int, simpy.Event]) -> int:
    """Return the rank by which works that begin in the same minute are ordered: the number of their unit."""
    unit, _, _ = beginning
    return unit


def simulate(
    prepared: SimpyPlan, draws: SampledInputs, calendars: Sequence[Calendar], state: InitialState | None = None
) -> RunOutcome:
    """Simulate a plan once with the given draws on the given calendars, from minute 0 or from a state."""
    with gc_paused():
        return Simulation(prepared, draws, calendars, state).simulate()
