"""Simulating a plan with the compiled engine, one replication or many, and how a run can end other than well.

`KernelPlan` is the plan as the kernel reads it, `Workspace` the memory of one run, used again by the next. Deadlocks and
plans that cannot go on are described in the words of the reference engine, so that both end alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import Timer
from time import perf_counter

import numpy as np

from sim.engine import dispatcher as dispatch
from sim.engine import simpy_engine as processes
from sim.engine.deadlock import Deadlock, SimulationState
from sim.engine.dispatcher import EndlessGrants
from sim.engine.initial_state import InitialState, StateOf
from sim.engine.numba_engine.calendars import Timetables
from sim.engine.numba_engine.kernel import run_kernel
from sim.engine.numba_engine.memory_layout import (
    ASKED,
    AT,
    BUDGET_SPENT,
    CONTENT,
    ENDLESS_GRANTS,
    FAULT,
    FAULT_UNIT,
    FINISHED,
    FREE_COUNT,
    LEVEL,
    LOG_FULL,
    MOST_JUMPS,
    MOST_ROUNDS,
    MOST_ROWS,
    NEVER_FINISHED,
    NO_FAULT,
    NOW,
    READY,
    READY_SIZE,
    REPLICATION,
    ROOM,
    ROWS,
    SPARE,
    STATE,
    TOO_FAR,
    UNIT,
    UNKNOWN,
    beginning,
    plan_array,
    repeated,
    write_lengths,
    write_settled,
)
from sim.engine.numba_engine.sampling import DrawTables, SharedDraws, fixed_draws
from sim.engine.simpy_engine import RunOutcome, budget_spent
from sim.errors import Stalled
from sim.jit.toolkit import Floats, Ints
from sim.plan.compile import MODES, CompiledPlan, compile_plan
from sim.plan.deterministic_draws import most_likely_draws
from sim.plan.draws import Draws, SampledInputs, Uniforms
from sim.plan.vocabulary import Plan, PlanError, Signal
from sim.world.roads import duty_finish
from sim.world.working_time import ALL, Calendar, CalendarEnds, NoWindow

# --- endings ----------------------------------------------------------------------------------------------------------


def ending(plan: CompiledPlan, run: Ints, calendars: Sequence[Calendar]) -> Deadlock | None:
    """Return where units stand at a deadlock, None without one; raise what the reference raises where a run cannot go on."""
    fault, now, who = int(run[FAULT]), int(run[NOW]), plan.units[run[FAULT_UNIT]]
    if fault == NO_FAULT:
        return None if run[FINISHED] else _standing(plan, run, "")
    if fault == NEVER_FINISHED:
        return _standing(plan, run, _out_of_time(plan, run, calendars))
    if fault == TOO_FAR:
        raise Stalled(f"{who}: what begins at minute {now} ends beyond all counting")
    if fault == BUDGET_SPENT:
        raise EndlessGrants(budget_spent(now, who))
    if fault == ENDLESS_GRANTS:
        # those granted last are ready and have not gone on: they are in the circle
        granted = _column(run, READY, min(5, int(run[READY_SIZE])))
        who = ", ".join(plan.units[unit] for unit in granted) + " and others"
        raise EndlessGrants(f"minute {now}: {who} go round for ever while no time passes")
    raise EndlessGrants(f"minute {now}: {who} goes round for ever while no time passes")


def _standing(plan: CompiledPlan, run: Ints, because: str) -> Deadlock:
    """Return where all units stand at a deadlock."""
    free = _column(run, FREE_COUNT, len(plan.pools))
    where = run[run[STATE] :][: len(plan.units) * UNIT : UNIT].tolist()
    level = _column(run, LEVEL, len(plan.gates))
    return SimulationState(plan, where, free, level, int(run[NOW])).explain(because)


def _out_of_time(plan: CompiledPlan, run: Ints, calendars: Sequence[Calendar]) -> str:
    """Return in words that a calendar ends before a work does; raise `NoWindow` where none would ever do."""
    at = int(run[run[STATE] + run[FAULT_UNIT] * UNIT + AT])
    what = f"{plan.units[run[FAULT_UNIT]]}, {plan.activities[plan.activity_of[at]]}"
    if run[ASKED] < 0:
        raise PlanError(f"{what}: {run[ASKED]} minutes of work are less than none")
    try:
        _ask_calendar(plan, at, calendars, int(run[NOW]), int(run[ASKED]))
    except CalendarEnds as refused:
        return f"{what}: {refused}"
    except NoWindow as refused:
        raise NoWindow(f"{what}: {refused}") from refused
    raise Stalled(f"{what}: {run[ASKED]} minutes from minute {run[NOW]} on never end")


def _ask_calendar(plan: CompiledPlan, at: int, calendars: Sequence[Calendar], now: int, minutes: int) -> None:
    """Ask the calendar itself, whose error has the words for what the kernel found."""
    _, _, calendar, mode, _, _ = plan.rows[at].tolist()
    hours = calendars[calendar]
    if mode == MODES["pausing"]:
        hours.finish(now, minutes)
    elif mode == MODES["whole"]:
        hours.finish_whole(now, minutes)
    else:
        duty_finish(now, minutes, hours)


def _column(run: Ints, column: int, size: int) -> list[int]:
    """Return one column of a run as plain numbers."""
    numbers: list[int] = run[run[column] : run[column] + size].tolist()
    return numbers


# --- simulating -------------------------------------------------------------------------------------------------------


Calendars = Sequence[Calendar]
Further = Callable[[int, int], Calendars]
A_MOMENT = 3.0
"""Seconds to load machine code from the disk in; what takes longer is being compiled."""
COMPILING = "compiling the fast engine for this machine: once, for about half a minute"
"""Engine, weather and metrics, one after the other, when each is first called."""
AT_ONCE = 64
"""Replications whose shared draws are drawn together."""
MOST_BEGUN = 16  # histories whose runs are kept as they begin: replications take ten in turns
ROOM_A_STEP = 1.5
"""Rows of log to begin with, per step of the plan; more where rework needs more."""


@dataclass(frozen=True, kw_only=True)
class CompiledOutcome(RunOutcome):
    """A run, and what it drew: minutes before losses of every input that was reached (else 0), shared factors.

    `calendars` are those it was simulated on.
    """

    content: Ints
    factors: Floats
    calendars: Calendars


class KernelPlan:
    """A plan in the form the kernel reads; made once, simulated many times, by several threads at once if wanted.

    It corresponds to `SimpyPlan` of the reference. `arrays` is the plan, `beginning` a run at its first minute.
    """

    def __init__(self, plan: CompiledPlan) -> None:
        """Lay out the plan."""
        self.plan = plan
        self.arrays = plan_array(plan)
        self.beginning = beginning(plan)
        # a cache of this object: one on the class would keep every plan alive
        self.draw_tables = lru_cache(maxsize=4)(self._draw_tables)
        self._begun: dict[tuple[int, ...], tuple[tuple[Ints, ...], Ints]] = {}

    @cached_property
    def attempt_slots(self) -> Ints:
        """Return where attempts are counted; only runs that go on from a state ask."""
        return repeated(self.plan)

    def begun_at(self, state: InitialState) -> Ints:
        """Return a run that begins at a state, without how long what is under way takes: laid out once for each history.

        A history is known by its arrays, which are kept here and can be written no more.
        """
        known = state.minute, *map(id, state.settled)
        if known not in self._begun:
            for array in state.settled:
                array.flags.writeable = False
            write_settled(run := self.beginning.copy(), self.plan, self.attempt_slots, state)
            self._begun = dict([*self._begun.items()][1 - MOST_BEGUN :]) | {known: (state.settled, run)}
        return self._begun[known][1]

    def _draw_tables(self, seed: int, uniforms: Uniforms | None = None) -> DrawTables:
        """Return what this plan draws from under a seed."""
        return DrawTables(self.plan.inputs, seed, uniforms)


class Workspace:
    """Room for one run at a time, used again by the next: the state, the log, the calendars."""

    def __init__(self, prepared: KernelPlan, numbers: Ints, parameters: Floats) -> None:
        """Set up for runs of one plan with the draws in `numbers` and `parameters`."""
        self.prepared, self.numbers, self.parameters = prepared, numbers, parameters
        self.run = np.empty_like(prepared.beginning)
        self.log = np.empty((100 + int(ROOM_A_STEP * len(prepared.plan.rows)), 3), np.int64)
        self.timetables = Timetables()

    def simulate(
        self,
        replication: int,
        factors: Floats,
        calendars: Calendars,
        further: Further | None = None,
        state: InitialState | None = None,
    ) -> CompiledOutcome:
        """Simulate the plan once, again with calendars that are known further if these do not suffice."""
        plan = self.prepared.plan
        if state is not None and state.complete:
            return CompiledOutcome(state.history, content=state.content, factors=factors, calendars=calendars)
        # on calendars that end early a bad end proves nothing: what looks like no time left may be weather not drawn
        # yet
        while self.simulate_to_end(replication, calendars, state) and any(
            calendar.known < ALL for calendar in calendars
        ):
            if further is None:
                raise ValueError("calendars are not known to their end, and `further` is missing")
            calendars = further(replication, int(self.run[ASKED]) if self.run[FAULT] == UNKNOWN else ALL)
        deadlock = ending(plan, self.run, calendars)
        # what is left of interrupted work that was never reached stands below zero
        content = np.maximum(self.run[self.run[CONTENT] :][: len(plan.inputs.names)], 0)
        log = self.log[: self.run[ROWS]]
        # copies: the next run writes into the same memory
        log = log.copy() if state is None else np.concatenate([state.history, log])
        return CompiledOutcome(log, deadlock, content=content, factors=factors, calendars=calendars)

    def simulate_to_end(self, replication: int, calendars: Calendars, state: InitialState | None = None) -> bool:
        """Have the kernel simulate the plan on calendars; return whether it ended otherwise than well."""
        timetable = self.timetables.of(calendars)
        # begun anew rather than resumed: rework that needs more rows is rare, and the larger log stays for later runs
        while self.simulate_once(replication, timetable, state) == LOG_FULL:
            self.log = np.empty((2 * int(self.run[ROWS]), 3), np.int64)
        return bool(self.run[FAULT] != NO_FAULT or not self.run[FINISHED])

    def simulate_once(self, replication: int, timetable: Ints, state: InitialState | None = None) -> int:
        """Have the kernel simulate the plan as far as the log has room, and return what went wrong."""
        # the whole state in one copy, so that nothing of the run before can be left in it
        self.run[:] = self.prepared.beginning if state is None else self.prepared.begun_at(state)
        if state is not None:
            write_lengths(self.run, state)
        self.run[REPLICATION], self.run[ROOM] = replication, len(self.log)
        # budgets are numbers of the run, not compiled in: tests lower them
        self.run[MOST_JUMPS], self.run[MOST_ROUNDS] = processes.JUMPS_A_MINUTE, dispatch.ROUNDS_A_MINUTE
        self.run[MOST_ROWS] = processes.EVENTS_A_RUN
        return run_kernel(self.prepared.arrays, self.run, self.numbers, self.parameters, timetable, self.log)


def simulate_many(
    prepared: KernelPlan,
    seed: int,
    first: int,
    count: int,
    calendars_of: Callable[[int], Calendars],
    uniforms: Uniforms | None = None,
    further: Further | None = None,
    state_of: StateOf | None = None,
) -> Iterator[CompiledOutcome]:
    """Simulate replications first … first + count − 1, each on its own calendars, and yield them in order.

    Where calendars are not known to their end, `further` gives those of a replication up to a minute at least;
    `state_of` gives the state that a replication continues from, where it does not begin at minute 0.
    `uniforms` is where the random numbers of first attempts come from if they are not plain, as for `sim.plan.draws.Draws`.
    What cannot go on at all is raised, as by the reference; a deadlock is an outcome.
    """
    tables = prepared.draw_tables(seed, uniforms)
    workspace, lasting = None, len(tables.parameters)
    for begin in range(first, first + count, AT_ONCE):
        for common in tables.chunk(begin, min(AT_ONCE, first + count - begin)):
            if workspace is None:
                workspace = Workspace(prepared, tables.numbers, np.concatenate([tables.parameters, common.parameters]))
            # the tables of distributions stand in front and stay; only what is the replication's own is written over
            workspace.parameters[lasting:] = common.parameters
            calendars = calendars_of(common.replication)
            state = state_of(common.replication) if state_of else None
            yield workspace.simulate(common.replication, common.factors, calendars, further, state)


def simulate(prepared: KernelPlan, seed: int, replication: int, calendars: Calendars) -> CompiledOutcome:
    """Simulate one replication."""
    return next(simulate_many(prepared, seed, replication, 1, lambda _: calendars))


def simulate_given(prepared: KernelPlan, draws: SampledInputs, calendars: Calendars) -> CompiledOutcome:
    """Simulate the plan with the value of every input given, as in the most likely and the expected plan."""
    return given_workspace(prepared, draws).simulate(0, np.empty(0), calendars)


def given_workspace(prepared: KernelPlan, draws: SampledInputs) -> Workspace:
    """Return a workspace in which every input has its given value, at later attempts too."""
    repeated = draws.repeated if draws.repeated is not None else [draws.later(n, 1) for n in range(len(draws.values))]
    return Workspace(prepared, *fixed_draws(prepared.plan.inputs, draws.values, repeated))


class GivenRuns:
    """Runs of one plan with the same given inputs, each with other counts in some of its pools at the beginning."""

    def __init__(self, plan: CompiledPlan, draws: SampledInputs) -> None:
        """Lay out the plan once; a run then costs what the kernel costs."""
        self._kernel_plan = KernelPlan(plan)
        self._workspace = given_workspace(self._kernel_plan, draws)

    def another(self) -> GivenRuns:
        """Return the same once more, for another thread: the plan is shared, what a run writes into is not."""
        other, before = copy(self), self._workspace
        other._kernel_plan = copy(self._kernel_plan)
        other._kernel_plan.beginning = self._kernel_plan.beginning.copy()
        other._workspace = Workspace(other._kernel_plan, before.numbers, before.parameters)
        return other

    def run(self, initial: Mapping[int, int]) -> RunOutcome:
        """Simulate the plan with these counts by pool, and the plan's own in all other pools.

        The log is good until the next run, which is written over it.
        """
        plan = self._kernel_plan.plan
        _begin_with(self._kernel_plan, initial)
        self._workspace.simulate_to_end(0, plan.base_calendars)
        deadlock = ending(plan, self._workspace.run, plan.base_calendars)
        spare = self._workspace.run[self._workspace.run[SPARE] :][: len(plan.pools)]
        return RunOutcome(self._workspace.log[: self._workspace.run[ROWS]], deadlock, spare)


class DrawnRuns:
    """Runs of the first replications of a plan by some draws, each time with other counts in some of its pools."""

    def __init__(self, plan: CompiledPlan, draws: Draws, replications: int, threads: int) -> None:
        """Lay out the plan and draw once; each thread has room for a run of its own."""
        self._kernel_plan = KernelPlan(plan)
        tables = self._kernel_plan.draw_tables(draws.seed, draws.uniforms)
        self._shared = [*tables.chunk(0, replications)]
        self._lasting = len(tables.parameters)
        parameters = np.concatenate([tables.parameters, self._shared[0].parameters])
        self._workspaces = [Workspace(self._kernel_plan, tables.numbers, parameters.copy()) for _ in range(threads)]
        self._threads = ThreadPoolExecutor(threads)

    def run(self, initial: Mapping[int, int]) -> list[RunOutcome]:
        """Simulate the replications with these counts by pool, and the plan's own in all other pools."""
        _begin_with(self._kernel_plan, initial)
        every = len(self._workspaces)
        parts = [
            self._threads.submit(self._simulate, workspace, self._shared[at::every])
            for at, workspace in enumerate(self._workspaces)
        ]
        found: list[RunOutcome] = [outcome for part in parts for outcome in part.result()]
        return found

    def _simulate(self, workspace: Workspace, shared: Sequence[SharedDraws]) -> list[CompiledOutcome]:
        """Simulate some of the replications in one workspace."""
        found = []
        for one in shared:
            workspace.parameters[self._lasting :] = one.parameters
            calendars = self._kernel_plan.plan.base_calendars
            found.append(workspace.simulate(one.replication, one.factors, calendars))
        return found


def _begin_with(prepared: KernelPlan, initial: Mapping[int, int]) -> None:
    """Have the runs of a plan begin with these counts by pool, and the plan's own in all other pools."""
    counts = prepared.plan.initial.copy()
    counts[list(initial)] = list(initial.values())
    begin = prepared.beginning[FREE_COUNT]
    # into the beginning, from which every run is copied
    prepared.beginning[begin : begin + len(counts)] = counts


def ready(announce: Callable[[str], None] | None = None) -> float:
    """Load the kernel, or compile it where the disk has none for this machine yet; return the seconds it took.

    `announce` is called if it takes longer than a moment, by another thread while this one works.
    """
    began = perf_counter()
    # whether it takes long is known only once it has, so the announcement waits on a timer of its own
    announcement = Timer(A_MOMENT, announce or str, [COMPILING])
    announcement.start()
    try:
        # the smallest plan will do: functions are compiled for types, and these are the same for every plan
        plan = compile_plan(_smallest_plan())
        simulate_given(KernelPlan(plan), most_likely_draws(plan.inputs), [])
    finally:
        announcement.cancel()
        announcement.join()  # a process forks only where no thread is left over
    return perf_counter() - began


def _smallest_plan() -> Plan:
    """Return the smallest plan there is."""
    plan = Plan(("done", 1))
    plan.unit("only", [Signal(plan.gate("done"))])
    return plan
