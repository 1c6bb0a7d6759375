"""Simulating a plan with the compiled engine, one replication or many, and explaining the deadlocks and errors of runs.

`KernelPlan` is the plan as the kernel reads it, `Workspace` the memory of one run, used again by the next. Deadlocks and
plans that cannot go on are described in the words of the reference engine, so that both end alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Timer
from time import perf_counter

import numpy as np

from sim.engine import dispatcher, simpy_engine
from sim.engine.deadlock import Deadlock, SimulationState
from sim.engine.dispatcher import EndlessLoop
from sim.engine.initial_state import InitialState, StateOf
from sim.engine.numba_engine.calendars import CalendarArrays
from sim.engine.numba_engine.kernel import run_kernel
from sim.engine.numba_engine.memory_layout import (
    BEYOND_KNOWN,
    CONTENT,
    CURRENT_STEP,
    ENDLESS_GRANTS,
    FAULT,
    FAULT_DETAIL,
    FAULT_UNIT,
    FINISHED,
    FREE_COUNT,
    LAST_MINUTE,
    LEVEL,
    LOG_CAPACITY,
    LOG_FULL,
    MAX_JUMPS,
    MAX_ROUNDS,
    MAX_ROWS,
    NEVER_FINISHED,
    NO_FAULT,
    READY,
    READY_SIZE,
    REPLICATION,
    ROWS,
    SPARE,
    STATE,
    TOO_FAR,
    TOO_MANY_EVENTS,
    UNIT_SIZE,
    attempt_slots,
    initial_run,
    plan_array,
    write_remaining_work,
    write_state,
)
from sim.engine.numba_engine.sampling import DrawTables, fixed_draws
from sim.engine.simpy_engine import RunOutcome, too_many_events
from sim.errors import Stalled
from sim.jit.toolkit import Floats, Ints
from sim.plan.compile import compile_plan
from sim.plan.compiled_plan import MODES, Column, CompiledPlan
from sim.plan.deterministic_draws import most_likely_draws
from sim.plan.draws import DRAWN_TOGETHER, SampledInputs, Uniforms
from sim.plan.vocabulary import Plan, PlanError, Signal
from sim.world.roads import duty_finish
from sim.world.working_time import ALL, Calendar, CalendarEnds, CalendarsUntil, NoWindow

# --- endings ----------------------------------------------------------------------------------------------------------


def deadlock_or_raise(plan: CompiledPlan, run: Ints, calendars: Sequence[Calendar]) -> Deadlock | None:
    """Return the deadlock in which a run ended, None if it finished; raise as the SimPy engine does where it cannot go on."""
    fault, now, unit_name = int(run[FAULT]), int(run[LAST_MINUTE]), plan.units[run[FAULT_UNIT]]
    if fault == NO_FAULT:
        return None if run[FINISHED] else _deadlock(plan, run, "")
    if fault == NEVER_FINISHED:
        return _deadlock(plan, run, _out_of_time(plan, run, calendars))
    if fault == TOO_FAR:
        raise Stalled(f"{unit_name}: what begins at minute {now} ends beyond all counting")
    if fault == TOO_MANY_EVENTS:
        raise EndlessLoop(too_many_events(now, unit_name))
    if fault == ENDLESS_GRANTS:
        # the units granted last are ready and have not gone on: they are part of the loop
        granted = _column(run, READY, min(5, int(run[READY_SIZE])))
        names = ", ".join(plan.units[unit] for unit in granted) + " and others"
        raise EndlessLoop(f"minute {now}: {names} go round for ever while no time passes")
    raise EndlessLoop(f"minute {now}: {unit_name} goes round for ever while no time passes")


def _deadlock(plan: CompiledPlan, run: Ints, because: str) -> Deadlock:
    """Return the deadlock at the end of a run: which unit waits for which gate or pools, and who holds these."""
    free = _column(run, FREE_COUNT, len(plan.pools))
    step_of_unit = run[run[STATE] :][: len(plan.units) * UNIT_SIZE : UNIT_SIZE].tolist()
    level = _column(run, LEVEL, len(plan.gates))
    return SimulationState(plan, step_of_unit, free, level, int(run[LAST_MINUTE])).deadlock(because)


def _out_of_time(plan: CompiledPlan, run: Ints, calendars: Sequence[Calendar]) -> str:
    """Return the message that a calendar ends before a work does; raise `NoWindow` where the work can never be done."""
    step, minutes = int(run[run[STATE] + run[FAULT_UNIT] * UNIT_SIZE + CURRENT_STEP]), int(run[FAULT_DETAIL])
    work = f"{plan.units[run[FAULT_UNIT]]}, {plan.activities[plan.activity_of[step]]}"
    if minutes < 0:
        raise PlanError(f"{work}: {minutes} minutes of work are less than none")
    try:
        _raise_calendar_error(plan, step, calendars, int(run[LAST_MINUTE]), minutes)
    except CalendarEnds as error:
        return f"{work}: {error}"
    except NoWindow as error:
        raise NoWindow(f"{work}: {error}") from error
    raise Stalled(f"{work}: {minutes} minutes from minute {run[LAST_MINUTE]} on never end")


def _raise_calendar_error(plan: CompiledPlan, step: int, calendars: Sequence[Calendar], now: int, minutes: int) -> None:
    """Raise the calendar's error for a work of so many minutes from `now` on, for which the kernel found no end."""
    calendar, mode = calendars[plan.rows[step, Column.CALENDAR]], plan.rows[step, Column.MODE]
    if mode == MODES["pausing"]:
        calendar.finish(now, minutes)
    elif mode == MODES["whole"]:
        calendar.finish_whole(now, minutes)
    else:
        duty_finish(now, minutes, calendar)


def _column(run: Ints, column: int, size: int) -> list[int]:
    """Return the first `size` values of a column of a run as a list."""
    values: list[int] = run[run[column] : run[column] + size].tolist()
    return values


# --- simulating -------------------------------------------------------------------------------------------------------


Calendars = Sequence[Calendar]
LOAD_SECONDS = 3.0
"""Seconds to load machine code from the disk in; what takes longer is being compiled."""
COMPILING = "compiling the fast engine for this machine: once, for about ten seconds"
"""Engine, weather and metrics, one after the other, when each is first called."""
MAX_CACHED_TABLES = 4
MAX_CACHED_STATES = 16  # states whose runs are cached at their start: replications take ten in turns
LOG_ROWS_PER_STEP = 1.5
"""Rows of log to begin with, per step of the plan; more where rework needs more."""


@dataclass(frozen=True, kw_only=True)
class CompiledOutcome(RunOutcome):
    """The outcome of a run, its draws (minutes before losses by input, 0 if not reached; common factors), its calendars."""

    content: Ints
    factors: Floats
    calendars: Calendars


class KernelPlan:
    """A plan in the form the kernel reads, as `SimpyPlan` is for the reference; several threads may simulate it at once.

    `arrays` is the plan, `initial_run` a run at its first minute.
    """

    def __init__(self, plan: CompiledPlan) -> None:
        """Lay out the plan."""
        self.plan = plan
        self.arrays = plan_array(plan)
        self.initial_run = initial_run(plan)
        self._draw_tables: dict[tuple[int, Uniforms | None], DrawTables] = {}
        self._runs_from_states: dict[tuple[int, ...], tuple[tuple[Ints, ...], Ints]] = {}

    @cached_property
    def attempt_slots(self) -> Ints:
        """Return per step the slot of its attempts; needed only by runs that continue from a state."""
        return attempt_slots(self.plan)

    def run_from_state(self, state: InitialState) -> Ints:
        """Return a run that begins at a state, but for what remains of work under way; cached by the state's arrays.

        The arrays are kept here, so that their ids stay theirs, and become read-only.
        """
        key = state.minute, *map(id, state.history_arrays)
        if key not in self._runs_from_states:
            for array in state.history_arrays:
                array.flags.writeable = False
            run = self.initial_run.copy()
            write_state(run, self.plan, self.attempt_slots, state)
            latest = [*self._runs_from_states.items()][1 - MAX_CACHED_STATES :]
            self._runs_from_states = dict(latest) | {key: (state.history_arrays, run)}
        return self._runs_from_states[key][1]

    def draw_tables(self, seed: int, uniforms: Uniforms | None = None) -> DrawTables:
        """Return the plan's draws under a seed, as the kernel reads them; the latest ones are cached."""
        # in a dict of this object: `lru_cache` would keep the plan alive, of the class for ever, of the object as a cycle
        key = seed, uniforms
        if key not in self._draw_tables:
            self._draw_tables[key] = DrawTables(self.plan.inputs, seed, uniforms)
            while len(self._draw_tables) > MAX_CACHED_TABLES:
                self._draw_tables.pop(next(iter(self._draw_tables)))
        return self._draw_tables[key]


class Workspace:
    """The memory of one run at a time, used again by the next: its state, its log, its calendars."""

    def __init__(self, prepared: KernelPlan, draws: Ints, parameters: Floats) -> None:
        """Allocate the memory for runs of one plan with these draws and the parameters that they refer to."""
        self.prepared, self.draws, self.parameters = prepared, draws, parameters
        self.run = np.empty_like(prepared.initial_run)
        self.log = np.empty((100 + int(LOG_ROWS_PER_STEP * len(prepared.plan.rows)), 3), np.int64)
        self.calendar_arrays = CalendarArrays()

    def simulate(
        self,
        replication: int,
        factors: Floats,
        calendars: Calendars,
        calendars_until: CalendarsUntil | None = None,
        state: InitialState | None = None,
    ) -> CompiledOutcome:
        """Simulate the plan once; again, on calendars that are known up to a later minute, if these do not suffice."""
        plan = self.prepared.plan
        if state is not None and state.complete:
            return CompiledOutcome(state.history, content=state.content, factors=factors, calendars=calendars)
        # on calendars that end early a bad end proves nothing: weather that is not drawn yet may leave more time
        while self.simulate_to_end(replication, calendars, state) and any(
            calendar.known < ALL for calendar in calendars
        ):
            if calendars_until is None:
                raise ValueError("calendars are not known to their end, and `calendars_until` is missing")
            calendars = calendars_until(
                replication, int(self.run[FAULT_DETAIL]) if self.run[FAULT] == BEYOND_KNOWN else ALL
            )
        deadlock = deadlock_or_raise(plan, self.run, calendars)
        # what is left of interrupted work that was never reached stands below zero
        content = np.maximum(self.run[self.run[CONTENT] :][: len(plan.inputs.names)], 0)
        log = self.log[: self.run[ROWS]]
        # copies: the next run writes into the same memory
        log = log.copy() if state is None else np.concatenate([state.history, log])
        return CompiledOutcome(log, deadlock, content=content, factors=factors, calendars=calendars)

    def outcome_on_base_calendars(self, replication: int) -> RunOutcome:
        """Simulate the plan on its own calendars; the log is not copied, and valid until the next run."""
        plan, run = self.prepared.plan, self.run
        self.simulate_to_end(replication, plan.base_calendars)
        deadlock = deadlock_or_raise(plan, run, plan.base_calendars)
        return RunOutcome(self.log[: run[ROWS]], deadlock, run[run[SPARE] :][: len(plan.pools)])

    def simulate_to_end(self, replication: int, calendars: Calendars, state: InitialState | None = None) -> bool:
        """Have the kernel simulate the plan on calendars; return whether it ended in a fault or unfinished."""
        calendar_array = self.calendar_arrays.of(calendars)
        # begun anew rather than resumed: rework that needs more rows is rare, and the larger log stays for later runs
        while self.simulate_once(replication, calendar_array, state) == LOG_FULL:
            self.log = np.empty((2 * int(self.run[ROWS]), 3), np.int64)
        return bool(self.run[FAULT] != NO_FAULT or not self.run[FINISHED])

    def simulate_once(self, replication: int, calendar_array: Ints, state: InitialState | None = None) -> int:
        """Have the kernel simulate the plan until its end or until the log is full; return the fault, or `NO_FAULT`."""
        # the whole state in one copy, so that nothing of the run before can be left in it
        self.run[:] = self.prepared.initial_run if state is None else self.prepared.run_from_state(state)
        if state is not None:
            write_remaining_work(self.run, state)
        self.run[REPLICATION], self.run[LOG_CAPACITY] = replication, len(self.log)
        # limits stand in the array of the run, not in the code: tests lower them
        self.run[MAX_JUMPS], self.run[MAX_ROUNDS] = simpy_engine.MAX_JUMPS_PER_MINUTE, dispatcher.MAX_ROUNDS_PER_MINUTE
        self.run[MAX_ROWS] = simpy_engine.MAX_EVENTS_PER_RUN
        return run_kernel(self.prepared.arrays, self.run, self.draws, self.parameters, calendar_array, self.log)


def simulate_many(
    prepared: KernelPlan,
    seed: int,
    first: int,
    count: int,
    calendars_of: Callable[[int], Calendars],
    uniforms: Uniforms | None = None,
    calendars_until: CalendarsUntil | None = None,
    state_of: StateOf | None = None,
) -> Iterator[CompiledOutcome]:
    """Simulate replications first … first + count − 1, each on its own calendars, and yield them in order.

    Where calendars are not known to their end, `calendars_until` gives those of a replication up to a minute at least;
    `state_of` gives the state that a replication continues from, where it does not begin at minute 0.
    `uniforms` is where the random numbers of first attempts come from if they are not plain, as for `sim.plan.draws.Draws`.
    A plan that cannot go on at all raises, as in the reference; a deadlock is an outcome.
    """
    tables = prepared.draw_tables(seed, uniforms)
    workspace, fixed_size = None, len(tables.parameters)
    for begin in range(first, first + count, DRAWN_TOGETHER):
        for draws in tables.chunk(begin, min(DRAWN_TOGETHER, first + count - begin)):
            if workspace is None:
                workspace = Workspace(prepared, tables.draws, np.concatenate([tables.parameters, draws.parameters]))
            # the distribution tables come first and stay; only the parameters of the replication are overwritten
            workspace.parameters[fixed_size:] = draws.parameters
            calendars = calendars_of(draws.replication)
            state = state_of(draws.replication) if state_of else None
            yield workspace.simulate(draws.replication, draws.factors, calendars, calendars_until, state)


def simulate_given(prepared: KernelPlan, draws: SampledInputs, calendars: Calendars) -> CompiledOutcome:
    """Simulate the plan with the value of every input given, as in the most likely and the expected plan."""
    return given_workspace(prepared, draws).simulate(0, np.empty(0), calendars)


def given_workspace(prepared: KernelPlan, draws: SampledInputs) -> Workspace:
    """Return a workspace in which every input has its given value, at later attempts too."""
    return Workspace(prepared, *fixed_draws(prepared.plan.inputs, draws.values, later_values(draws)))


def later_values(draws: SampledInputs) -> Sequence[int] | Ints:
    """Return the value of every input at later attempts."""
    later: Sequence[int] | Ints | None = draws.later_values
    return [draws.at_attempt(number, 1) for number in range(len(draws.values))] if later is None else later


def load_kernel(announce: Callable[[str], None] | None = None) -> float:
    """Load the kernel, or compile it where the disk has none for this machine yet; return the seconds it took.

    `announce` is called if it takes longer than a moment, by another thread while this one works.
    """
    start = perf_counter()
    # whether it takes long is known only once it has, so the announcement waits on a timer of its own
    announcement = Timer(LOAD_SECONDS, announce or str, [COMPILING])
    announcement.start()
    try:
        # the smallest plan will do: functions are compiled for types, and these are the same for every plan
        plan = compile_plan(_smallest_plan())
        simulate_given(KernelPlan(plan), most_likely_draws(plan.inputs), [])
    finally:
        announcement.cancel()
        announcement.join()  # a process forks only where no thread is left over
    return perf_counter() - start


def _smallest_plan() -> Plan:
    """Return the smallest plan there is: one unit that signals the completion gate."""
    plan = Plan(("done", 1))
    plan.unit("only", [Signal(plan.gate("done"))])
    return plan
