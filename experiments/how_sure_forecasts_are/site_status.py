"""The status that the site of a simulated project would keep: what is done until a midnight, and its risk register.

A project is simulated from a seed of its own; the status is all that a forecast is told of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import numpy as np

import sim
from sim.config.load import Loaded
from sim.config.project import Project
from sim.plan.vocabulary import JUMP, MINUTES_PER_DAY, WORK, Log
from sim.study.analyses.forecast.learning import Posterior, PosteriorUniforms
from sim.study.analyses.forecast.open_risks import affected_inputs, finished_inputs
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.status import ONLINE, Fact, Status
from sim.study.case import Case, prepare_case

TRUTH_SEED = 77
MW_ONLINE, PLANNED_TIME = "MW", "planned time"
EVERY = 28 * MINUTES_PER_DAY
"""Counts are stated every four weeks."""
Floats = np.ndarray


@dataclass(frozen=True)
class Truth:
    """What really happens in a project: its event log, and the risk drivers that occur."""

    log: Log
    occurred: frozenset[str]


@cache
def config() -> Loaded[Project]:
    """Return the project: the hybrid, small enough for thousands of forecasts, with every mechanism."""
    return sim.load("hybrid", ["scale.capacity_mw=20", "name=hybrid_20mw"])


@cache
def planned() -> Case:
    """Return its case from the first day."""
    return prepare_case(config(), engine="auto")


@cache
def steps() -> PlanSteps:
    """Return where facts stand in its plan."""
    return PlanSteps.of(planned())


@cache
def passing() -> PlanSteps:
    """Return the same where every unit passes all its tests."""
    found = steps().copy()
    found.assume_tests_pass(dict.fromkeys(range(len(found.routes)), -1))
    return found


def truth_of(number: int, pace: float | None) -> Truth:
    """Return what really happens in a true project; with a stated pace of everyone, where there is one."""
    case = planned()
    if pace is None:
        (replication,) = case.replications(TRUTH_SEED, number, 1)
        return Truth(replication.outcome.log, _occurred(replication.factors))
    from scipy.special import ndtri

    from sim.engine.simpy_engine import simulate
    from sim.plan.draws import Draws
    from sim.world.quantile_tables import sample_one

    inputs = case.plan.inputs
    table = int(inputs.factor_table[inputs.factors.index("pace.everyone")])
    share = np.linspace(0.001, 0.999, 999)
    at = float(np.interp(pace, [sample_one(inputs.tables, table, u) for u in share], share))
    fixed = Posterior(("pace.everyone",), np.array([float(ndtri(at))]), np.zeros((1, 1)), np.ones(1))
    draws = Draws(inputs, TRUTH_SEED, PosteriorUniforms(inputs, case.draws(TRUTH_SEED).uniforms, fixed))
    (sampled,) = draws.chunk(number, 1)
    calendars = case.calendars_of(TRUTH_SEED, number, engine="simpy")
    return Truth(simulate(case.simpy_plan, sampled, calendars).log, _occurred(sampled.factors))


def _occurred(factors: Floats) -> frozenset[str]:
    """Return the risk drivers that occur where the common factors have these values."""
    names = planned().plan.inputs.factors
    return frozenset(
        driver.id for driver, _ in planned().project.risks.active() if factors[names.index(f"risk.{driver.id}")] == 1
    )


# --- status ---------------------------------------------------------------------------------------------------------


def data_date(log: Log, share_of: str, cut: float) -> int:
    """Return the midnight after a share of the MW is online, or of the planned time has passed, as a minute."""
    if share_of == PLANNED_TIME:
        minute = round(cut * int(planned().planned_run.log[-1, 0]))
    else:
        blocks = sorted(
            log[log[:, 1] == steps().routes[unit].steps[place], 0].min() for unit, place in steps().stages[ONLINE]
        )
        minute = int(blocks[round(cut * len(blocks)) - 1])
    return -(-minute // MINUTES_PER_DAY) * MINUTES_PER_DAY


def status_of(true: Truth, minute: int, grain: str) -> Status:
    """Return the status that a site would keep: what is done until a midnight, at a grain, and the risk register."""
    log = true.log
    done = np.full(len(planned().plan.rows), np.iinfo(np.int64).max, np.int64)
    done[log[:, 1]] = log[:, 0]
    of_grain = {"milestones": _milestones, "counts": _counts, "activities": _activities}[grain]
    day = planned().project.scale.start_date + timedelta(days=minute // MINUTES_PER_DAY - 1)
    return Status("simulated", day, minute, (*of_grain(log, done, minute), *_register(true, minute)))


def _register(true: Truth, minute: int) -> Iterator[Fact]:
    """Yield what the site knows of its risks: once a work that a driver affects is done it has happened, or is closed."""
    plan, done = planned().plan, true.log[true.log[:, 0] <= minute]
    finished = finished_inputs(plan, done)
    begun = [plan.unit_info[unit] for unit in np.unique(plan.unit_of[done[:, 1]])]
    decided_outages = {unit.part for unit in begun if unit.kind == "outage"}
    for driver, _ in planned().project.risks.active():
        if driver.id in decided_outages or (affected_inputs(plan, driver.id) & finished).any():
            yield Fact(1, "risk", driver.id, state="happened" if driver.id in true.occurred else "closed")


def _milestones(_: Log, done: Floats, minute: int) -> Iterator[Fact]:
    for name in steps().milestones:
        route = steps().routes[steps().units[name]]
        if done[route.steps[-1]] <= minute:
            yield Fact(1, "milestone", name, finish=int(done[route.steps[-1]]))
        elif route.planned[-1] <= minute:
            yield Fact(1, "milestone", name)
    yield _count(done, ONLINE, minute)


def _counts(log: Log, done: Floats, minute: int) -> Iterator[Fact]:
    for what in steps().stages:
        for date in range(minute % EVERY or EVERY, minute + 1, EVERY):
            yield _count(done, what, date)
    yield from (fact for fact in _milestones(log, done, minute) if fact.what != ONLINE)


def _count(done: Floats, what: str, date: int) -> Fact:
    places = [steps().routes[unit].steps[place] for unit, place in steps().stages[what]]
    per = steps().mw_of_block if what == ONLINE else 1
    return Fact(1, "count", what, date=date, count=float((done[places] <= date).sum()) * per)


def _activities(log: Log, _: Floats, minute: int) -> Iterator[Fact]:
    """Yield the last time that each activity was begun, with its finish where it has one, and what is due but not begun."""
    works = log[(planned().plan.rows[log[:, 1], 0] == WORK) & (log[:, 2] < minute)]
    begun = np.full(len(planned().plan.rows), -1, np.int64)
    ended = np.full(len(begun), np.iinfo(np.int64).max, np.int64)
    begun[works[:, 1]], ended[works[:, 1]] = works[:, 2], works[:, 0]
    names = {step: name for name, (_, step) in steps().work_steps.items()}
    for step, name in names.items():
        if begun[step] >= 0:
            finish = int(ended[step]) if ended[step] <= minute else None
            yield Fact(1, "activity", name, start=int(begun[step]), finish=finish)
    for step in _due(log[log[:, 0] <= minute], begun, minute):
        if step in names:
            yield Fact(1, "activity", names[step])


def _due(past: Log, begun: Floats, minute: int) -> Iterator[int]:
    """Yield works that a site knows to be due: the first of a unit that should have begun, the mending of what has failed.

    Of what a status does not speak of a forecast assumes that it goes as planned.
    """
    plan, routes = planned().plan, steps().routes
    has_begun = {*plan.unit_of[begun >= 0].tolist()}
    stands_at = dict(enumerate(plan.first[:-1].tolist()))
    for _, step, detail in past.tolist():
        jumped = plan.rows[step, 0] == JUMP and detail == 1
        stands_at[int(plan.unit_of[step])] = int(plan.rows[step, 1]) if jumped else step + 1
    for unit, step in stands_at.items():
        work = _next_work(step, int(plan.first[unit + 1]))
        if work is None or begun[work] >= 0:
            continue
        if unit in has_begun:
            if work not in passing().routes[unit].steps:
                yield work
        elif work in routes[unit].steps:
            place = routes[unit].steps.index(work)
            if not place or routes[unit].planned[place - 1] < minute:
                yield work


def _next_work(step: int, end: int) -> int | None:
    """Return the work that follows for certain: None where chance decides first."""
    for at in range(step, end):
        operation = planned().plan.rows[at, 0]
        if operation in (WORK, JUMP):
            return at if operation == WORK else None
    return None
