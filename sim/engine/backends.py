"""Two engines behind one interface: a study names one, and gets replications that are the same row for row.

The reference is a SimPy model; the compiled version of it is about fifty times faster and an extra of the installation.
The first replication of a run, and of every process with machine code of its own, is simulated by both and compared row
for row.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.engine import simpy_engine as processes
from sim.engine.initial_state import StateOf
from sim.engine.simpy_engine import RunOutcome
from sim.errors import CheckFailed, SimError
from sim.jit import available, load_numba, switched_off
from sim.plan.compiled_plan import NONE, CompiledPlan, LogColumn
from sim.plan.draws import DRAWN_TOGETHER, Draws, SampledInputs, Uniforms
from sim.plan.vocabulary import BLOCKING_OPERATIONS, FREE, HOLD, NOTE, OPERATIONS, SIGNAL, WAIT, canonical
from sim.world.working_time import Calendar, CalendarsOf, CalendarsUntil

if TYPE_CHECKING:
    from sim.engine.numba_engine.simulate import CompiledOutcome, KernelPlan


# --- equality ---------------------------------------------------------------------------------------------------------


AROUND = 3
"""Rows of the unit's own log that are shown before and after the difference."""

Rows = NDArray[np.int64]


def difference(
    plan: CompiledPlan, first: RunOutcome, second: RunOutcome, names: tuple[str, str] = ("simpy", "compiled")
) -> str | None:
    """Return a description of where two runs differ first: the unit, the minute, and both logs of the unit around it.

    None where they do not differ. `names` are the names of the two in the text.
    """
    # the order of units within a minute is each engine's own, and no difference
    logs = canonical(first.log, plan.unit_of), canonical(second.log, plan.unit_of)
    row = _first_difference(*logs)
    if row is not None:
        return _describe_difference(plan, logs, row, names)
    if first.deadlock != second.deadlock:
        endings = [outcome.deadlock.explain() if outcome.deadlock else "finished" for outcome in (first, second)]
        return f"the logs are the same, but not the ends:\n{names[0]}: {endings[0]}\n{names[1]}: {endings[1]}"
    return None


def _first_difference(first: Rows, second: Rows) -> int | None:
    """Return the first row in which two canonical logs differ, or one of them has ended; None if they are the same."""
    shorter = min(len(first), len(second))
    differing = np.flatnonzero((first[:shorter] != second[:shorter]).any(axis=1))
    if len(differing):
        return int(differing[0])
    return shorter if len(first) != len(second) else None


def _describe_difference(plan: CompiledPlan, logs: tuple[Rows, Rows], row: int, names: tuple[str, str]) -> str:
    """Describe what one unit does around the first row that differs, by both logs."""
    # the earlier of the two: the other log may have nothing there yet, and what comes later follows from it
    minute, unit = min(
        (int(log[row, LogColumn.MINUTE]), int(plan.unit_of[log[row, LogColumn.STEP]])) for log in logs if row < len(log)
    )
    lines = [f"the engines part at minute {minute}, in what {plan.units[unit]} does:"]
    for name, log in zip(names, logs, strict=True):
        lines += [f"  {name}:", *_describe_rows_around(plan, log, unit, row)]
    return "\n".join(lines)


def _describe_rows_around(plan: CompiledPlan, log: Rows, unit: int, row: int) -> list[str]:
    """Return a line for each of a unit's rows around a row of a log; an arrow marks its first from that row on."""
    rows_of_unit = np.flatnonzero(plan.unit_of[log[:, LogColumn.STEP]] == unit)
    marked = int(np.searchsorted(rows_of_unit, row))
    shown = range(max(marked - AROUND, 0), min(marked + AROUND + 1, len(rows_of_unit)))
    lines = [f"  {'>' if n == marked else ' '} {describe_row(plan, log[rows_of_unit[n]])}" for n in shown]
    return lines if marked < len(rows_of_unit) else [*lines, "  > nothing more"]


def describe_row(plan: CompiledPlan, row: Rows) -> str:
    """Return one row of a log in words: `minute 700: b17, step 3: work hook up, since minute 100`."""
    minute, step, detail = row.tolist()
    unit = int(plan.unit_of[step])
    operation, argument = plan.rows[step, :2].tolist()
    activity = int(plan.activity_of[step])
    subject = plan.activities[activity] if activity != NONE else _subject(plan, operation, argument)
    suffix = (
        f", since minute {detail}" if operation in BLOCKING_OPERATIONS else "" if operation == FREE else f": {detail}"
    )
    unit_and_step = f"{plan.units[unit]}, step {step - int(plan.first[unit]) + 1}"
    return f"minute {minute}: {unit_and_step}: {' '.join(filter(None, (OPERATIONS[operation], subject)))}{suffix}"


def _subject(plan: CompiledPlan, operation: int, argument: int) -> str:
    """Return the pools, the gate or the note of a step as text; its argument is their number."""
    if operation in (WAIT, SIGNAL):
        return plan.gates[argument]
    if operation == NOTE:
        return "/".join(part for part in plan.notes[argument] if part)
    if operation in (HOLD, FREE):
        return " + ".join(f"{count} {plan.pools[pool]}" for pool, count in plan.bundles[argument])
    return ""


# --- backends ---------------------------------------------------------------------------------------------------------


log = logging.getLogger(__name__)

Name: TypeAlias = Literal["simpy", "compiled"]
SIMPY: Name = "simpy"
COMPILED: Name = "compiled"
AUTO = "auto"
ENGINES: tuple[str, ...] = (AUTO, SIMPY, COMPILED)
INSTALL = "pip install numba, or this package with its extra fast"
CALENDARS_TOGETHER = 16
"""Replications whose calendars are computed together."""


class WrongEngine(SimError):
    """An engine that does not exist, or that is not installed here."""

    exit_code = 2


class EnginesDiffer(CheckFailed):
    """The two engines differ: one of them is wrong, and no result of either can be trusted."""


@dataclass(frozen=True)
class Replication:
    """One simulated replication: its log, the minutes before losses of its inputs, its common factors, its calendars."""

    replication: int
    outcome: RunOutcome
    content: NDArray[np.int64]
    factors: NDArray[np.float64]
    calendars: Sequence[Calendar]


def select_backend(engine: str) -> Name:
    """Return the engine that a name means here, loaded or compiled; writes to stderr, once, if it is being compiled."""
    backend = resolve_backend(engine)
    if backend == COMPILED:
        _compile_once()
    return backend


def resolve_backend(engine: str) -> Name:
    """Return the engine that a name means here; raises WrongEngine for an unknown name or one that is not installed.

    `auto` is the compiled one where it is installed, else SimPy, which it writes to stderr, once.
    """
    if engine not in ENGINES:
        raise WrongEngine(f"--engine {engine}: there are {', '.join(ENGINES)}")
    if engine == SIMPY:
        return SIMPY
    if available():
        return COMPILED
    if engine == COMPILED:
        reason = "switched off by NUMBA_DISABLE_JIT" if switched_off() else f"not installed; {INSTALL}"
        raise WrongEngine(f"--engine {COMPILED}: numba is {reason}")
    _warn_missing()
    return SIMPY


def load(engine: Name) -> None:
    """Load an engine in a worker process that is to use it, without a message."""
    if engine == COMPILED:
        load_numba()
        from sim.engine.numba_engine.simulate import load_kernel

        load_kernel()


@cache
def _warn_missing() -> None:
    log.warning(
        "numba is not installed, or switched off: SimPy simulates every replication, many times slower (%s)", INSTALL
    )


@cache
def _compile_once() -> None:
    """Compile the kernel before any worker process starts, so that these only load the machine code."""
    load_numba()
    from sim.engine.numba_engine.simulate import LOAD_SECONDS, load_kernel

    try:
        seconds = load_kernel(log.warning)
    except Exception as error:  # noqa: BLE001 -- numba reads its cache with whatever a damaged file makes it raise
        from sim.jit.cache import discard

        log.warning("compiled code could not be read (%s): it is compiled again", type(error).__name__)
        discard()
        seconds = load_kernel(log.warning)
    if seconds > LOAD_SECONDS:
        log.warning("the fast engine is ready after %.1f s", seconds)


def run_simpy(
    prepared: processes.SimpyPlan,
    draws: Draws,
    first: int,
    count: int,
    calendars_of: CalendarsOf,
    state_of: StateOf | None = None,
) -> Iterator[Replication]:
    """Simulate replications first … first + count − 1 with SimPy, each from its state where `state_of` gives one."""
    for begin in range(first, first + count, DRAWN_TOGETHER):
        for sampled in draws.chunk(begin, min(DRAWN_TOGETHER, first + count - begin)):
            calendars = calendars_of(sampled.replication)
            state = state_of(sampled.replication) if state_of else None
            outcome = processes.simulate(prepared, sampled, calendars, state)
            content = sampled.content
            if state is not None:
                # work that was done before has the content of the history, not a drawn one
                content = np.where(state.content > 0, state.content, content)
                content = np.where(state.interrupted >= 0, state.interrupted, content)
            yield Replication(sampled.replication, outcome, content, sampled.factors, calendars)


def run_numba(
    prepared: KernelPlan,
    seed: int,
    uniforms: Uniforms | None,
    first: int,
    count: int,
    calendars_of: CalendarsOf,
    calendars_until: CalendarsUntil | None = None,
    state_of: StateOf | None = None,
) -> Iterator[Replication]:
    """Simulate replications first … first + count − 1 with the compiled engine, which draws what it reaches.

    Where `calendars_of` gives calendars that are not known to their end, `calendars_until` extends them if it is needed;
    `state_of` gives the state from which a replication continues.
    """
    from sim.engine.numba_engine.simulate import simulate_many

    calendars = _computed_together(calendars_of, first + count)
    outcomes = simulate_many(prepared, seed, first, count, calendars, uniforms, calendars_until, state_of)
    # no loop, whose variable would hold one run's log while the next is performed
    return map(_replication_of, itertools.count(first), outcomes)


def _computed_together(calendars_of: CalendarsOf, end: int) -> CalendarsOf:
    """Return a function that computes the calendars of several replications before `end` when the first of them is asked for.

    One after the other they find their data in the processor's cache. Computed between two runs of the kernel they take a
    third longer, and so does the kernel.
    """
    computed: dict[int, Sequence[Calendar]] = {}

    def calendars(replication: int) -> Sequence[Calendar]:
        if replication not in computed:
            for number in range(replication, min(replication + CALENDARS_TOGETHER, end)):
                computed[number] = calendars_of(number)
        return computed.pop(replication)

    return calendars


def _replication_of(replication: int, outcome: CompiledOutcome) -> Replication:
    """Return an outcome as a replication, with the calendars on which it was simulated."""
    return Replication(replication, outcome, outcome.content, outcome.factors, outcome.calendars)


RunsWith = Callable[[Mapping[int, int], Callable[[RunOutcome], float]], list[float]]
"""Simulates some replications of a plan with these initial counts of some pools; returns a number of each outcome."""


class RepeatedRuns(Protocol):
    """Runs of one plan again and again, with other initial counts of some pools (count by number of the pool)."""

    def run(self, initial: Mapping[int, int], thread: int = 0) -> RunOutcome:
        """Simulate the plan with given inputs; the log is valid until the next run of the same thread."""

    def drawn(self, draws: Draws, replications: int, threads: int) -> RunsWith:
        """Return a function that simulates the first replications, in the order of the engine.

        All counts get common random numbers and the plan's own calendars.
        """


class SimpyRuns:
    """Runs of one plan by SimPy, in one thread: more gain nothing."""

    def __init__(self, plan: CompiledPlan, draws: SampledInputs) -> None:
        """Keep the plan and its inputs."""
        self._plan, self._draws = plan, draws

    def run(self, initial: Mapping[int, int], thread: int = 0) -> RunOutcome:  # noqa: ARG002 (as in `RepeatedRuns`)
        """Simulate the plan with given inputs."""
        plan = processes.SimpyPlan(_with_counts(self._plan, initial))
        return processes.simulate(plan, self._draws, self._plan.base_calendars)

    def drawn(self, draws: Draws, replications: int, threads: int) -> RunsWith:  # noqa: ARG002 (as in `RepeatedRuns`)
        """Return a function that simulates the first replications."""
        plan = self._plan

        def run(initial: Mapping[int, int], result_of: Callable[[RunOutcome], float]) -> list[float]:
            prepared = processes.SimpyPlan(_with_counts(plan, initial))
            drawn = draws.chunk(0, replications)
            return [result_of(processes.simulate(prepared, sampled, plan.base_calendars)) for sampled in drawn]

        return run


def repeated_runs(plan: CompiledPlan, draws: SampledInputs) -> RepeatedRuns:
    """Return what simulates a plan with given inputs, and other initial counts of some pools, many times.

    By numba where it is installed. Both engines give the same log; SimPy takes about fifty times as long.
    """
    if available():
        from sim.engine.numba_engine.repeated_runs import CompiledRuns

        return CompiledRuns(plan, draws)
    return SimpyRuns(plan, draws)


def _with_counts(plan: CompiledPlan, initial: Mapping[int, int]) -> CompiledPlan:
    """Return a plan with these initial counts of some pools, by their numbers."""
    counts = plan.initial.copy()
    counts[list(initial)] = list(initial.values())
    return replace(plan, initial=counts)


def require_same(plan: CompiledPlan, reference: Replication, compiled: Replication) -> None:
    """Raise EnginesDiffer, with the difference described, if a replication is not the same in both engines row for row."""
    # logs only in canonical order: the order of units within a minute is each engine's own
    description = difference(plan, reference.outcome, compiled.outcome, (SIMPY, COMPILED))
    if description is None and not np.array_equal(reference.factors, compiled.factors):
        description = "the logs are the same, but not the common factors that the replication drew"
    if description is not None:
        raise EnginesDiffer(
            f"replication {compiled.replication}: {description}\n"
            f"One of the engines is wrong; please report this. --engine {SIMPY} goes on with the reference."
        )
