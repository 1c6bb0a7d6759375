"""One mechanism of the tiny project on a bench: routes written by the product, performed alone, told by unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from sim.engine.simpy_engine import RunOutcome, SimpyPlan, simulate
from sim.plan.compile import compile_plan
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.deterministic_draws import most_likely_draws
from sim.plan.draws import Draws, SampledInputs
from sim.plan.layout import layout_of
from sim.plan.plan_context import PlanContext, ResourcePlan
from sim.plan.vocabulary import NOTE, WORK, Plan, Signal
from sim.plan.vocabulary import Step as PlanStep
from sim.world.project_calendars import day_minutes, project_calendars
from sim.world.working_time import Calendar
from tests.tiny_project import HOUR, tiny

OVER = "over"
Replication = tuple[str, float, float]


def bench(*overrides: str, units: int = 1) -> PlanContext:
    """An empty plan of the tiny project; it is over when so many units say so."""
    project = tiny(*overrides)
    plan = Plan((OVER, units))
    plan.works_on(project_calendars(project))
    plan.gate(OVER)
    minutes = day_minutes(project)
    return PlanContext(project, layout_of(project), ResourcePlan(), plan, minutes["site"], minutes["factory"])


def goes(context: PlanContext, unit: str, *route: PlanStep) -> None:
    """Add a unit whose end counts."""
    context.plan.unit(unit, [*route, Signal(OVER)])


def run(
    plan: CompiledPlan, luck: SampledInputs | None = None, hours: Sequence[Calendar] | None = None
) -> Mapping[str, list[Replication]]:
    """Perform a plan, without luck if none is given; by unit its works (activity, begun, done) in hours, in order."""
    outcome = simulate(SimpyPlan(plan), luck or most_likely_draws(plan.inputs), hours or plan.base_calendars)
    assert outcome.deadlock is None, outcome.deadlock.explain()
    return told(plan, outcome)


def told(plan: CompiledPlan, outcome: RunOutcome) -> Mapping[str, list[Replication]]:
    """By unit its works in the order in which they were done."""
    found: dict[str, list[Replication]] = defaultdict(list)
    for done, step, begun in outcome.log.tolist():
        if plan.rows[step, 0] == WORK:
            activity = plan.activities[plan.activity_of[step]]
            found[plan.units[plan.unit_of[step]]].append((activity, begun / HOUR, done / HOUR))
    return found


def alone(context: PlanContext, luck: SampledInputs | None = None) -> Mapping[str, list[Replication]]:
    """Perform what is on the bench."""
    return run(compile_plan(context.plan), luck)


def fated(plan: CompiledPlan, first: Mapping[str, int], later: Mapping[str, int] | None = None) -> SampledInputs:
    """No luck at all, but for the inputs named "activity/unit": what they come out at first, and ever after."""
    names, plain = plan.inputs.names, most_likely_draws(plan.inputs)
    values = list(plain.values)
    for name, value in first.items():
        values[names.index(name)] = value
    after = {names.index(name): value for name, value in (later or {}).items()}
    return replace(plain, values=values, at_attempt=lambda number, _: after.get(number, plain.values[number]))


def counts(context: PlanContext, activity: str, replications: int, seed: int = 1) -> np.ndarray:
    """How often each unit performed an activity, over replications with luck; a number a unit and replication."""
    plan = compile_plan(context.plan)
    prepared, found = SimpyPlan(plan), []
    wanted = [s for s, a in enumerate(plan.activity_of) if a >= 0 and plan.activities[a] == activity]
    for luck in Draws(plan.inputs, seed).chunk(0, replications):
        log = simulate(prepared, luck, plan.base_calendars).log
        found.append(np.bincount(log[:, 1], minlength=len(plan.rows))[wanted])
    return np.concatenate(found)


def notes(plan: CompiledPlan, luck: SampledInputs | None = None) -> list[tuple[float, str, str, int]]:
    """Every note (hour, kind, item, amount) of a run, in order."""
    log = simulate(SimpyPlan(plan), luck or most_likely_draws(plan.inputs), plan.base_calendars).log
    rows = log[plan.rows[log[:, 1], 0] == NOTE]
    noted = ((minute, plan.notes[plan.rows[step, 1]], amount) for minute, step, amount in rows.tolist())
    return [(minute / HOUR, note.kind, note.item, amount) for minute, note, amount in noted]
