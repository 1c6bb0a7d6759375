"""Two engines behind one interface: a study names one, and gets replications that are the same row for row.

The reference is a SimPy model; the compiled version of it is about fifty times faster and an extra of the installation.
The first replications of a run are made by both and compared row for row; where they part is said in words.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.engine import simpy_engine as processes
from sim.engine.initial_state import StateOf
from sim.engine.simpy_engine import RunOutcome
from sim.errors import CheckFailed, SimError
from sim.jit import available, load_numba, switched_off
from sim.plan.compile import NONE, CompiledPlan
from sim.plan.draws import Draws, SampledInputs, Uniforms
from sim.plan.vocabulary import BEGUN, FREE, HOLD, NOTE, OPERATIONS, SIGNAL, WAIT, canonical
from sim.world.working_time import Calendar

if TYPE_CHECKING:
    from sim.engine.numba_engine.simulate import CompiledOutcome, KernelPlan


# --- equality ---------------------------------------------------------------------------------------------------------


AROUND = 3
"""Rows of the unit's own timeline that are shown before and after the difference."""

Rows = NDArray[np.int64]


def same(plan: CompiledPlan, one: RunOutcome, other: RunOutcome) -> bool:
    """Whether two runs have the same rows in canonical order, and the same end."""
    return difference(plan, one, other) is None


def difference(
    plan: CompiledPlan, one: RunOutcome, other: RunOutcome, names: tuple[str, str] = ("simpy", "compiled")
) -> str | None:
    """Return where two runs differ first: the unit, its step, the minute, and both timelines around it.

    None where they do not. `names` are what the two are called in the text.
    """
    # the order of units within a minute is each engine's own, and no difference
    logs = canonical(one.log, plan.unit_of), canonical(other.log, plan.unit_of)
    at = _first_difference(*logs)
    if at is not None:
        return _parting(plan, logs, at, names)
    if one.deadlock != other.deadlock:
        ends = [outcome.deadlock.explain() if outcome.deadlock else "finished" for outcome in (one, other)]
        return f"the logs are the same, but not the ends:\n{names[0]}: {ends[0]}\n{names[1]}: {ends[1]}"
    return None


def _first_difference(one: Rows, other: Rows) -> int | None:
    """Return the first row in which two canonical logs differ; one of them may just end there."""
    both = min(len(one), len(other))
    rows = np.flatnonzero((one[:both] != other[:both]).any(axis=1))
    if len(rows):
        return int(rows[0])
    return both if len(one) != len(other) else None


def _parting(plan: CompiledPlan, logs: tuple[Rows, Rows], at: int, names: tuple[str, str]) -> str:
    """Describe what one unit does around the first row that differs, by both logs."""
    # the earlier of the two: the other log may have nothing there yet, and what comes later follows from it
    minute, unit = min((int(log[at, 0]), int(plan.unit_of[log[at, 1]])) for log in logs if at < len(log))
    lines = [f"the engines part at minute {minute}, in what {plan.units[unit]} does:"]
    for name, log in zip(names, logs, strict=True):
        lines += [f"  {name}:", *_timeline(plan, log, unit, at)]
    return "\n".join(lines)


def _timeline(plan: CompiledPlan, log: Rows, unit: int, at: int) -> list[str]:
    """Describe a unit's rows around row `at` of a log; an arrow points to the first that is not before it."""
    own = np.flatnonzero(plan.unit_of[log[:, 1]] == unit)
    here = int(np.searchsorted(own, at))
    shown = range(max(here - AROUND, 0), min(here + AROUND + 1, len(own)))
    lines = [f"  {'>' if place == here else ' '} {describe_row(plan, log[own[place]])}" for place in shown]
    return lines if here < len(own) else [*lines, "  > nothing more"]


def describe_row(plan: CompiledPlan, row: Rows) -> str:
    """Return one row of a log in words: `minute 700: b17, step 3: work hook up, since minute 100`."""
    minute, step, detail = row.tolist()
    unit = int(plan.unit_of[step])
    operation, a = plan.rows[step, :2].tolist()
    activity = int(plan.activity_of[step])
    what = plan.activities[activity] if activity != NONE else _about(plan, operation, a)
    more = f", since minute {detail}" if operation in BEGUN else "" if operation == FREE else f": {detail}"
    who = f"{plan.units[unit]}, step {step - int(plan.first[unit]) + 1}"
    return f"minute {minute}: {who}: {' '.join(filter(None, (OPERATIONS[operation], what)))}{more}"


def _about(plan: CompiledPlan, operation: int, a: int) -> str:
    """Return what a step without an activity is about: its pools, its gate, its note."""
    if operation in (WAIT, SIGNAL):
        return plan.gates[a]
    if operation == NOTE:
        return "/".join(part for part in plan.notes[a] if part)
    if operation in (HOLD, FREE):
        return " + ".join(f"{count} {plan.pools[pool]}" for pool, count in plan.bundles[a])
    return ""


# --- backends ---------------------------------------------------------------------------------------------------------


log = logging.getLogger(__name__)

Name: TypeAlias = Literal["simpy", "compiled"]
SIMPY: Name = "simpy"
COMPILED: Name = "compiled"
AUTO = "auto"
ENGINES: tuple[str, ...] = (AUTO, SIMPY, COMPILED)
INSTALL = "pip install numba, or this package with its extra fast"
AT_ONCE = 64
"""Replications whose inputs are drawn together: enough for numpy, little enough for memory."""

CalendarsOf = Callable[[int], Sequence[Calendar]]
"""The calendars of a replication."""
Further = Callable[[int, int], Sequence[Calendar]]
"""The calendars of a replication, known at least up to a minute."""


class WrongEngine(SimError):
    """An engine that does not exist, or that is not installed here."""

    exit_code = 2


class EnginesDiffer(CheckFailed):
    """The two engines differ: one of them is wrong, and no result of either can be trusted."""


@dataclass(frozen=True)
class Replication:
    """One simulated replication: its log, the minutes before losses of its inputs, its shared factors, its calendars."""

    replication: int
    outcome: RunOutcome
    content: NDArray[np.int64]
    factors: NDArray[np.float64]
    calendars: Sequence[Calendar]


def select_backend(engine: str) -> Name:
    """Return the engine that a name means here, ready to be used; writes to stderr, once, if it is being compiled."""
    by = resolve_backend(engine)
    if by == COMPILED:
        _compile_once()
    return by


def resolve_backend(engine: str) -> Name:
    """Return the engine that a name means here; WrongEngine names those there are.

    `auto` is the compiled one where it is installed. Writes to stderr, once, that it is not.
    """
    if engine not in ENGINES:
        raise WrongEngine(f"--engine {engine}: there are {', '.join(ENGINES)}")
    if engine == SIMPY:
        return SIMPY
    if available():
        return COMPILED
    if engine == COMPILED:
        why = "switched off by NUMBA_DISABLE_JIT" if switched_off() else f"not installed; {INSTALL}"
        raise WrongEngine(f"--engine {COMPILED}: numba is {why}")
    _warn_missing()
    return SIMPY


def load(engine: Name) -> None:
    """Load an engine that was chosen, in a process that is to use it, without a message."""
    if engine == COMPILED:
        load_numba()
        from sim.engine.numba_engine.simulate import ready

        ready()


@cache
def _warn_missing() -> None:
    log.warning(
        "numba is not installed, or switched off: SimPy simulates every replication, many times slower (%s)", INSTALL
    )


@cache
def _compile_once() -> None:
    """Compile before any worker process starts, so that these only load the machine code."""
    load_numba()
    from sim.engine.numba_engine.simulate import A_MOMENT, ready

    try:
        seconds = ready(log.warning)
    except Exception as error:  # noqa: BLE001 -- numba reads its cache with whatever a damaged file makes it raise
        from sim.jit.cache import discard

        log.warning("compiled code could not be read (%s): it is compiled again", type(error).__name__)
        discard()
        seconds = ready(log.warning)
    if seconds > A_MOMENT:
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
    for begin in range(first, first + count, AT_ONCE):
        for sampled in draws.chunk(begin, min(AT_ONCE, first + count - begin)):
            calendars = calendars_of(sampled.replication)
            state = state_of(sampled.replication) if state_of else None
            outcome = processes.simulate(prepared, sampled, calendars, state)
            content = sampled.content
            if state is not None:
                # what was done before has the content that the history states, not one that is drawn
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
    further: Further | None = None,
    state_of: StateOf | None = None,
) -> Iterator[Replication]:
    """Simulate replications first … first + count − 1 with the compiled engine, which draws what it reaches.

    Where `calendars_of` gives calendars that are not known to their end, `further` gives more of them if it is needed;
    `state_of` gives the state that a replication continues from.
    """
    from sim.engine.numba_engine.simulate import simulate_many

    outcomes = simulate_many(prepared, seed, first, count, calendars_of, uniforms, further, state_of)
    # no loop, whose variable would hold one run's log while the next is performed
    return map(_replication_of, itertools.count(first), outcomes)


def _replication_of(replication: int, one: CompiledOutcome) -> Replication:
    """Return an outcome with its number; its calendars, not those asked for first, as more may have been asked for."""
    return Replication(replication, one, one.content, one.factors, one.calendars)


GivenRun = Callable[[Mapping[int, int]], RunOutcome]
"""Simulates a plan with these counts in some pools."""


def given_runs(plan: CompiledPlan, draws: SampledInputs, abreast: int = 1) -> list[GivenRun]:
    """Return what simulates a plan with given inputs and other counts in some pools: by numba where it is installed.

    Of the `abreast` functions each may be called by a thread of its own. Both engines give the same log; SimPy takes
    about fifty times as long, and there is one function then.
    """
    if available():
        from sim.engine.numba_engine.simulate import GivenRuns

        first = GivenRuns(plan, draws)
        return [first.run, *(first.another().run for _ in range(abreast - 1))]

    def run(initial: Mapping[int, int]) -> RunOutcome:
        return processes.simulate(processes.SimpyPlan(_with_counts(plan, initial)), draws, plan.base_calendars)

    return [run]


RunsWith = Callable[[Mapping[int, int]], list[RunOutcome]]
"""Simulates some replications of a plan with these counts in some pools."""


def drawn_runs(plan: CompiledPlan, draws: Draws, replications: int, threads: int = 1) -> RunsWith:
    """Return what simulates the first replications of some draws, on the plan's own calendars, with other counts in pools.

    The random numbers are the same for all counts; the order of the replications is the engine's own. Both engines give the
    same logs, as of `given_runs`.
    """
    if available():
        from sim.engine.numba_engine.simulate import DrawnRuns

        return DrawnRuns(plan, draws, replications, threads).run

    def run(initial: Mapping[int, int]) -> list[RunOutcome]:
        prepared = processes.SimpyPlan(_with_counts(plan, initial))
        drawn = draws.chunk(0, replications)
        return [processes.simulate(prepared, sampled, plan.base_calendars) for sampled in drawn]

    return run


def _with_counts(plan: CompiledPlan, initial: Mapping[int, int]) -> CompiledPlan:
    """Return a plan with these counts in some pools; the arrays are shared with the plan, so these are copied."""
    counts = plan.initial.copy()
    counts[list(initial)] = list(initial.values())
    return replace(plan, initial=counts)


def require_same(plan: CompiledPlan, reference: Replication, compiled: Replication) -> None:
    """Raise EnginesDiffer with both timelines if one replication is not the same in both engines, row for row."""
    # logs only in canonical order: the order of units within a minute is each engine's own
    parting = difference(plan, reference.outcome, compiled.outcome, (SIMPY, COMPILED))
    if parting is None and not np.array_equal(reference.factors, compiled.factors):
        parting = "the logs are the same, but not the shared factors that the replication drew"
    if parting is not None:
        raise EnginesDiffer(
            f"replication {compiled.replication}: {parting}\n"
            f"One of the engines is wrong; please report this. --engine {SIMPY} goes on with the reference."
        )
