"""The risk register at the data date: what has happened, what is closed, and the remaining probability of what is open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.config.load import Loaded
from sim.config.overrides import with_settings
from sim.config.project import Project
from sim.config.sections.estimates import Estimate
from sim.engine.initial_state import InitialState
from sim.plan.compiled_plan import NONE, Column, CompiledPlan, LogColumn
from sim.plan.mechanisms.risks import factor_shapes
from sim.plan.vocabulary import JUMP, MINUTES_PER_WEEK, WORK, Log
from sim.study.analyses.forecast.plan_cache import RecentCache
from sim.study.analyses.forecast.status import Status
from sim.study.case import Case
from sim.study.result import digest
from sim.world.distributions import to_distribution

Bools = NDArray[np.bool_]
CASE_CACHE: RecentCache[Case] = RecentCache(3)
PROBABILITIES = 1000
"""Evenly spaced probabilities at which the days of a distribution are looked at."""


def with_risks(config: Loaded[Project], status: Status, plan: CompiledPlan, state: InitialState) -> Loaded[Project]:
    """Return a configuration whose risk drivers have their remaining probabilities.

    A driver that happened has probability 1 and, where the status states it, its actual effect; one that is closed has
    probability 0. One that is open keeps the part of its probability that is still ahead: p (1 - done) / (1 - p done), where
    `done` is the share of the works and tests it affects that are finished; of lost capacity, the share of the days on which
    it may begin that have passed.
    """
    register = config.value.risks
    if register.mode == "none":
        return config
    fact_of_driver = {fact.what: fact for fact in status.facts_of("risk")}
    settings: dict[str, Any] = {}
    for driver, current in register.active():
        fact, probability = fact_of_driver.get(driver.id), current.probability.value
        version = "mitigated" if register.mode == "mitigated" and driver.mitigated else "inherent"
        address = f"risks.drivers.{driver.id}.{version}"
        if fact is not None and fact.state == "happened":
            probability = 1.0
            if fact.value is not None:
                settings[f"{address}.{driver.effect}"] = {"value": fact.value}
        elif fact is not None and fact.state == "closed":
            probability = 0.0
        elif fact is not None and fact.value is not None:
            probability = fact.value
        else:
            done = (
                _share_finished(plan, state, driver.id)
                if driver.from_week is None
                else _share_passed(driver.from_week, state.minute)
            )
            # what surely happens stays sure, also where all that it can affect is finished
            probability = 1.0 if probability == 1 else probability * (1 - done) / (1 - probability * done)
        if abs(probability - current.probability.value) > 1e-9:
            settings[f"{address}.probability"] = round(probability, 6)
    return with_settings(config, settings) if settings else config


def with_other_probabilities(base: Case, project: Project) -> Case:
    """Return the case of a project that differs from that of `base` in risk probabilities alone: its crews are the same."""

    def case() -> Case:
        shapes = {name: shape for risk in project.risks.active() for name, shape in factor_shapes(*risk).items()}
        return replace(base, project=project, plan=base.plan.with_factors(shapes))

    changed = CASE_CACHE.get((base,), (digest(project),), case)
    # probabilities do not change the weather, and thereby not the calendars of the expected plan
    changed.__dict__.setdefault("planned_calendars", base.planned_calendars)
    return changed


def _share_passed(from_week: Estimate, minute: int) -> float:
    """Return the share of the days on which lost capacity may begin that have passed by a minute."""
    quantiles = to_distribution(from_week).ppf((np.arange(PROBABILITIES) + 0.5) / PROBABILITIES)
    return float((quantiles * MINUTES_PER_WEEK <= minute).mean())


def _share_finished(plan: CompiledPlan, state: InitialState, driver: str) -> float:
    """Return the share of the works and tests that a risk driver affects that are finished at the data date."""
    affected = affected_inputs(plan, driver)
    if not affected.any():
        return 0.0
    return float((finished_inputs(plan, state.history) & affected).sum() / affected.sum())


def affected_inputs(plan: CompiledPlan, driver: str) -> Bools:
    """Return which inputs (durations, lead times, chances to fail a test) are other ones where a risk driver occurs."""
    inputs, factor = plan.inputs, f"risk.{driver}.size"
    if factor not in inputs.factors:
        return np.zeros(len(inputs.names), np.bool_)
    number = inputs.factors.index(factor)
    affected: Bools = (
        (inputs.losses == number).any(axis=1) if inputs.losses.size else np.zeros(len(inputs.names), np.bool_)
    )
    if inputs.delay_losses.size and inputs.delays.size:
        affected_delays = np.flatnonzero((inputs.delay_losses == number).any(axis=1))
        affected = affected | np.isin(inputs.delays, affected_delays).any(axis=1)
    return affected


def finished_inputs(plan: CompiledPlan, log: Log) -> Bools:
    """Return which inputs were drawn for works that are finished, or for tests that were decided, in an event log."""
    steps_done = log[:, LogColumn.STEP]
    drawn = np.concatenate([
        plan.argument_of[steps_done[plan.operation_of[steps_done] == WORK]],
        plan.rows[steps_done[plan.operation_of[steps_done] == JUMP], Column.CHANCE],
    ])  # fmt: skip
    finished = np.zeros(len(plan.inputs.names), np.bool_)
    finished[drawn[drawn != NONE]] = True
    return finished
