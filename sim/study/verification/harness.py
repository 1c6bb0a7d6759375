"""A textbook check: a small plan run by the engine, an answer, and how far off it may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.engine.simpy_engine import RunOutcome, SimpyPlan, simulate
from sim.errors import SimError
from sim.plan.compile import compile_plan
from sim.plan.compiled_plan import CompiledPlan, LogColumn
from sim.plan.draws import Draws, SampledInputs
from sim.plan.vocabulary import Free, Hold, Plan, Pool, Route, Signal, Step, Wait, Work, fixed
from sim.study.analyses.validation import CheckResult
from sim.world.working_time import ALWAYS_OPEN, Calendar, always

LONG = 1_000_000_000
OVER = "everybody is done"


@dataclass(frozen=True)
class Check:
    """One question: what is built, the answer that is known, what the engine finds, and how far off it may be."""

    group: str
    name: str
    known: float
    observe: Callable[[], float]
    within: Callable[[], float] | float = 0.0


def run_check(check: Check) -> CheckResult:
    """Run a check; an engine that raises has not given the answer."""
    tolerance = check.within() if callable(check.within) else check.within
    expected = f"{check.known:.8g}" if tolerance == 0 else f"{check.known:.6g} ± {tolerance:.2g}"
    try:
        observed = check.observe()
    except SimError as error:
        return CheckResult(check.group, check.name, expected, "no answer", "fails", str(error))
    holds = abs(observed - check.known) <= tolerance
    return CheckResult(check.group, check.name, expected, f"{observed:.8g}", "holds" if holds else "fails")


@dataclass(frozen=True)
class SimulatedPlan:
    """A small plan that was run."""

    plan: CompiledPlan
    draws: SampledInputs
    outcome: RunOutcome

    @property
    def finish(self) -> int:
        """Return the minute of the last row."""
        return int(self.outcome.log[-1, LogColumn.MINUTE])

    def times(self, operation: int, activity: str = "") -> dict[str, tuple[int, int]]:
        """Return (begin, end), in minutes, of the last step of an operation by unit; of one activity if it is named."""
        times_by_unit = {}
        for end, step, begin in self.outcome.log.tolist():
            activity_name = (
                self.plan.activities[self.plan.activity_of[step]] if self.plan.activity_of[step] >= 0 else ""
            )
            if self.plan.operation_of[step] == operation and activity in ("", activity_name):
                times_by_unit[self.plan.units[self.plan.unit_of[step]]] = (begin, end)
        return times_by_unit

    def drawn(self, activity: str) -> dict[str, int]:
        """Return what an activity came out at, by unit."""
        inputs = enumerate(self.plan.inputs.names)
        pairs = ((name.partition("/"), self.draws.values[number]) for number, name in inputs)
        return {unit: value for (what, _, unit), value in pairs if what == activity}


def simulate_plan(
    routes: Mapping[str, Route], pools: Mapping[str, int | Pool], *, finish: tuple[str, int] | None = None,
    seed: int = 1, replication: int = 0, calendars: Mapping[str, Calendar] | None = None,
    learning: Mapping[str, tuple[int, ...]] | None = None,
) -> SimulatedPlan:  # fmt: skip
    """Simulate routes over pools once; without `finish` the simulation ends when every unit is at its end."""
    plan = Plan(finish or (OVER, len(routes)))
    plan.works_on({ALWAYS_OPEN: always(LONG), **(calendars or {})})
    for name, curve in (learning or {}).items():
        plan.learns(name, curve)
    for name, pool in pools.items():
        plan.pools[name] = pool if isinstance(pool, Pool) else Pool(pool)
    for name, route in routes.items():
        plan.unit(name, route if finish else [*route, Signal(OVER)])
        for step in plan.units[name]:
            if isinstance(step, Wait | Signal):
                plan.gate(step.gate)
    compiled = compile_plan(plan)
    (draws,) = Draws(compiled.inputs, seed).chunk(replication, 1)
    return SimulatedPlan(compiled, draws, simulate(SimpyPlan(compiled), draws, compiled.base_calendars))


def work(minutes: float, activity: str = "work", calendar: str = ALWAYS_OPEN) -> Work:
    """Return an activity of a fixed number of minutes."""
    return Work(activity, fixed(minutes), calendar)


def job(minutes: float, pool: str, activity: str = "work", *, priority: int = 0) -> list[Step]:
    """Take one of a pool, work, and give it back."""
    return [Hold({pool: 1}, priority), work(minutes, activity), Free({pool: 1})]
