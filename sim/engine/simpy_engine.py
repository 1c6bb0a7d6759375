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
from sim.engine.dispatcher import Dispatcher, EndlessGrants
from sim.engine.initial_state import MILLION, SETS_OUT, InitialState, balances_after
from sim.jit import gc_paused
from sim.plan.compile import NONE, CompiledPlan
from sim.plan.draws import SampledInputs
from sim.plan.vocabulary import AGAIN, FREE, HOLD, NOTE, SIGNAL, UNTIL, WAIT, WORK, PlanError
from sim.world.roads import duty_finish
from sim.world.working_time import Calendar, CalendarEnds, NoWindow

JUMPS_A_MINUTE = 10_000
"""Jumps of one unit within one minute after which it counts as going round for ever."""
EVENTS_A_RUN = 5_000_000
"""Steps of one replication after which it counts as going round for ever; 250 MW have about 20,000."""


Process = Generator[simpy.Event, None, None]


@dataclass(frozen=True)
class RunOutcome:
    """What happened: one row per step done (minute done, step, detail), in the order in which they were.

    The detail is the minute begun (hold, work, wait, until), the branch taken (again), the amount (signal, note), or
    the number of the bundle (free). `deadlock` has which unit waited for what if the project could not be finished.
    """

    log: NDArray[np.int64]
    deadlock: Deadlock | None = None
    spare: NDArray[np.int64] | None = None
    """Where it is recorded: by pool how many fewer would have given the same log; below zero where more might not have."""


class SimpyPlan:
    """A plan in the form a Python loop reads fastest; made once, simulated many times."""

    def __init__(self, plan: CompiledPlan) -> None:
        """Turn the plan's arrays into plain lists."""
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
        """Put all units at the start of their routes, or where they stand in a state."""
        self.prepared, self.plan, self.draws = prepared, prepared.plan, draws
        # one way of working per mode, in the order of MODES
        self.finish = [(on.finish, on.finish_whole, partial(duty_finish, windows=on)) for on in calendars]
        self.env = simpy.Environment(initial_time=state.minute if state else 0)
        self.pools = Dispatcher(self.env, self.plan)
        self.level = [0] * len(self.plan.gates)
        self.before = [(0, -1)] * len(self.plan.gates)
        self.at_gate: list[list[tuple[int, simpy.Event]]] = [[] for _ in self.plan.gates]
        self.attempts = [0] * len(prepared.rows)
        self.jumps = [(0, -1)] * len(self.plan.units)
        self.learnt = [0] * len(self.plan.learning)
        self.crowd = [0] * len(self.plan.areas)
        self.beginning: list[tuple[int, int, simpy.Event]] = []
        self.where = list(prepared.first[:-1])
        self.log: list[int] = []
        self.complete = False
        self.interrupted: dict[int, int] = {}
        self.state = state
        if state is not None:
            self._continue_from(state)

    def _continue_from(self, state: InitialState) -> None:
        """Take over counts and positions of a state (rule 13)."""
        self.pools.free[:] = state.free.tolist()
        if self.pools.balances is not None:
            self.pools.balances.continue_from(balances_after(self.plan, state))
        self.level, self.attempts = state.level.tolist(), state.attempts.tolist()
        self.learnt, self.crowd = state.learnt.tolist(), state.crowd.tolist()
        self.where, self.complete = state.at.tolist(), state.complete
        self.interrupted = {n: int(state.interrupted[n]) for n in np.flatnonzero(state.interrupted >= 0).tolist()}

    def simulate(self) -> RunOutcome:
        """Let every unit follow its route until the completion gate is open, or until none can go on."""
        for unit in range(len(self.plan.units)):
            self.env.process(self.follow(unit))
        try:
            while not self.complete and self._minute():
                pass
            deadlock = None if self.complete else self._standing().explain()
        # beyond the calendar's end there may be time: the project is not known to be impossible
        except CalendarEnds as ended:
            deadlock = self._standing().explain(str(ended))
        log = np.array(self.log, np.int64).reshape(-1, 3)
        return RunOutcome(log if self.state is None else np.concatenate([self.state.history, log]), deadlock)

    def _minute(self) -> bool:
        """Simulate the next minute in which something happens: events, then grants, then works (rule 1).

        Each may let others go on within this minute: those come first. False if nothing is to come any more.
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

    def _standing(self) -> SimulationState:
        """Return where all units stand now."""
        return SimulationState(self.plan, self.where, self.pools.free, self.level, int(self.env.now))

    def follow(self, unit: int) -> Process:
        """Follow one unit's route; steps that take no time and cannot wait happen at once."""
        env, rows, log, where, values = self.env, self.prepared.rows, self.log, self.where, self.draws.values
        now, at = yield from self._set_out(unit)
        end = self.prepared.first[unit + 1]
        while at < end:
            where[unit] = at
            operation, a, b, c, _, _ = rows[at]
            detail, to, waited = now, at + 1, None
            if operation == WORK:
                waited = self.begin_work(unit, at)
            elif operation == HOLD:
                waited = self.pools.enqueue(now, unit, a, b, c)
            elif operation == FREE:
                detail = a
                self.pools.release(now, a)
            elif operation == NOTE:
                detail = b
            elif operation == AGAIN:
                detail = self.decide(now, unit, at)
                to = a if detail else to
            elif operation == SIGNAL:
                detail = b
                self.signal(now, a, b)
            elif operation == WAIT:
                waited = self.opening(a, b) if self.level[a] < b else None
            elif operation == UNTIL and b:
                yield from self._until_balanced(b - 1, max(now, values[a]), now)
                now = int(env.now)
            elif operation == UNTIL:
                waited = env.timeout(values[a] - now) if values[a] > now else None
            if waited is not None:
                yield waited
                now = int(env.now)
            # one flat list: a tuple per row would be one more object for every step
            log += (now, at, detail)
            at = to
        where[unit] = end

    def _until_balanced(self, wait: int, begun: int, first: int) -> Process:
        """Wait until a balance has been at its level for its minutes, all of them since `begun`; look first at `first`."""
        assert self.pools.balances is not None  # the plan has one
        _, _, minutes, last, _ = self.plan.balances[wait]
        due = max(begun + minutes, first)
        while True:
            if due > last:
                yield simpy.Event(self.env)  # nobody looks any more
            yield self.env.timeout(due - int(self.env.now))
            now = int(self.env.now)
            due = self.pools.balances.due(now, wait)
            if due <= now:
                return

    def _set_out(self, unit: int) -> Generator[simpy.Event, None, tuple[int, int]]:
        """Complete the step that a unit began before this run, if it did; return now and the step it goes on with."""
        at, now, state = self.where[unit], int(self.env.now), self.state
        if state is None or at == self.prepared.first[unit + 1] or state.begun[unit] == SETS_OUT:
            return now, at
        begun = int(state.begun[unit])
        operation, date, balance = self.prepared.rows[at][:3]
        if operation == UNTIL and balance:
            yield from self._until_balanced(balance - 1, max(begun, self.draws.values[date]), now)
            self.log += (int(self.env.now), at, begun)
            return int(self.env.now), at + 1
        waited = self.resume(state, unit, at, begun)
        if waited is not None:
            yield waited
            now = int(self.env.now)
        self.log += (now, at, begun)
        return now, at + 1

    def resume(self, state: InitialState, unit: int, at: int, begun: int) -> simpy.Event | None:
        """Return the event that ends a step which began before the state's minute; None where it ends at once."""
        operation, a, b, c, _, _ = self.prepared.rows[at]
        if operation == HOLD:
            return self.pools.enqueue(begun, unit, a, b, c, counted=True)
        if operation == WAIT:
            return self.opening(a, b) if self.level[a] < b else None
        if operation == UNTIL:
            date = self.draws.values[a]
            return self.env.timeout(date - state.minute) if date > state.minute else None
        done = simpy.Event(self.env)
        end = self._end_of_work(unit, at, int(state.since[unit]), int(state.minutes[unit]))
        self._schedule_end(at, done, max(end - state.minute, 0))
        return done

    # --- work -----------------------------------------------------------------------------------------------

    def begin_work(self, unit: int, at: int) -> simpy.Event:
        """Return the end of a work that begins once this minute has settled."""
        done = simpy.Event(self.env)
        self.beginning.append((unit, at, done))
        return done

    def _begin_all(self, now: int) -> None:
        """Begin the work of all units that are ready, in name order, on the settled state (rule 1 iv)."""
        # by rank, as learning and crowding depend on the order, and that of the event list is no rule
        beginning, self.beginning = sorted(self.beginning, key=_rank), []
        for unit, at, done in beginning:
            _, number, _, _, people, _ = self.prepared.rows[at]
            self._schedule_end(at, done, self._end_of_work(unit, at, now, self._minutes(at, number, people)) - now)

    def _end_of_work(self, unit: int, at: int, begin: int, minutes: int) -> int:
        """Return when work of so many minutes that begins then is done on its calendar."""
        _, _, calendar, mode, _, _ = self.prepared.rows[at]
        try:
            if minutes < 0:
                raise PlanError(f"{minutes} minutes of work are less than none")
            return self.finish[calendar][mode](begin, minutes)
        except (CalendarEnds, NoWindow, PlanError) as refused:
            what = self.plan.activities[self.plan.activity_of[at]]
            # the same class, as a calendar that ends is a deadlock and one that never opens an error
            raise type(refused)(f"{self.plan.units[unit]}, {what}: {refused}") from refused

    def _schedule_end(self, at: int, done: simpy.Event, delay: int) -> None:
        """Have work end after a delay, and its people leave their area."""
        done._ok, done._value = True, None
        if self.prepared.area_of[at] != NONE:
            done.callbacks.append(partial(self._leave_area, self.prepared.area_of[at], self.prepared.rows[at][4]))
        self.env.schedule(done, delay=delay)

    def _minutes(self, at: int, number: int, people: int) -> int:
        """Return drawn minutes × learning × crowding, rounded half up after each factor (rule 10)."""
        attempt = self.attempts[at]
        self.attempts[at] = attempt + 1
        left = self.interrupted.pop(number, None)
        if left is not None:
            return self._go_on(at, left, people)
        minutes = self.draws.values[number] if attempt == 0 else self.draws.later(number, attempt)
        curve, area = self.prepared.learning_of[at], self.prepared.area_of[at]
        # repeated work was learnt the first time: it neither gets quicker nor counts as another piece
        if curve != NONE and attempt == 0:
            minutes = scaled(minutes, self.plan.learning[curve], self.learnt[curve])
            self.learnt[curve] += 1
        if area != NONE:
            self.crowd[area] += people
            minutes = scaled(minutes, self.plan.areas[area], self.crowd[area])
        return minutes

    def _go_on(self, at: int, left: int, people: int) -> int:
        """Return what is left of work that was interrupted; its factors were fixed when it began (rule 13)."""
        curve, area = self.prepared.learning_of[at], self.prepared.area_of[at]
        if curve != NONE:
            self.learnt[curve] += 1
        if area != NONE:
            self.crowd[area] += people
        return left

    def _leave_area(self, area: int, people: int, _: simpy.Event) -> None:
        """Make room in an area for works that begin in the minute in which others end."""
        self.crowd[area] -= people

    # --- gates ----------------------------------------------------------------------------------------------

    def signal(self, now: int, gate: int, amount: int) -> None:
        """Raise a gate and let all waiters through whose level it has reached (rule 8)."""
        # the first signal of a minute only: later ones must not move the level before the minute
        if self.before[gate][1] != now:
            self.before[gate] = (self.level[gate], now)
        self.level[gate] += amount
        reached = self.level[gate]
        if self.at_gate[gate]:
            for level, opened in self.at_gate[gate]:
                if level <= reached:
                    opened.succeed()
            self.at_gate[gate] = [waiter for waiter in self.at_gate[gate] if waiter[0] > reached]
        last, enough = self.plan.completion
        self.complete = self.complete or (gate == last and reached >= enough)

    def opening(self, gate: int, level: int) -> simpy.Event:
        """Return the event of a gate reaching a level."""
        opened = simpy.Event(self.env)
        self.at_gate[gate].append((level, opened))
        return opened

    # --- jumps ----------------------------------------------------------------------------------------------

    def decide(self, now: int, unit: int, at: int) -> int:
        """Return 1 if a jump is taken: by chance, by a gate before this minute, or always (rules 8, 9)."""
        self._count_jump(now, unit)
        _, _, chance, limit, gate, level = self.prepared.rows[at]
        # counted even where the limit decides: it numbers the attempt's random number
        attempt = self.attempts[at]
        self.attempts[at] = attempt + 1
        if limit != NONE and attempt >= limit:
            return 0
        if chance != NONE:
            return self.draws.values[chance] if attempt == 0 else self.draws.later(chance, attempt)
        if gate != NONE:
            # before this minute: the level of now would depend on the order of units within it
            count, minute = self.before[gate]
            return int((count if minute == now else self.level[gate]) >= level)
        return 1

    def _count_jump(self, now: int, unit: int) -> None:
        """Stop a unit that goes round within one minute for ever."""
        jumps, minute = self.jumps[unit]
        jumps = jumps + 1 if minute == now else 1
        self.jumps[unit] = jumps, now
        if jumps > JUMPS_A_MINUTE:
            raise EndlessGrants(f"minute {now}: {self.plan.units[unit]} goes round for ever while no time passes")
        # a route without end must jump, so this is the place to count steps
        if len(self.log) > 3 * EVENTS_A_RUN:
            raise EndlessGrants(budget_spent(now, self.plan.units[unit]))


def budget_spent(now: int, unit: str) -> str:
    """Return in words that a replication has used up its budget of steps, and which unit jumped last."""
    return (
        f"minute {now}: {EVENTS_A_RUN:,} steps are the budget of a replication and are used up; {unit} went round last"
    )


def scaled(minutes: int, millionths: Sequence[int], position: int) -> int:
    """Return minutes × the factor at a position (the last one stays), rounded half up, all in integers."""
    factor = millionths[min(position, len(millionths) - 1)]
    return (2 * minutes * factor + MILLION) // (2 * MILLION)


def _rank(beginning: tuple[int, int, simpy.Event]) -> int:
    """Return the rank of the unit whose work begins."""
    return beginning[0]


def simulate(
    prepared: SimpyPlan, draws: SampledInputs, calendars: Sequence[Calendar], state: InitialState | None = None
) -> RunOutcome:
    """Simulate a plan once with the given draws on the given calendars, from its begin or from a state."""
    with gc_paused():
        return Simulation(prepared, draws, calendars, state).simulate()
