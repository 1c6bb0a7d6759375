"""The risk register at the data date: what has happened, what is closed, and the remaining probability of what is open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sim.config.load import Loaded
from sim.config.overrides import with_settings
from sim.config.project import Project
from sim.engine.initial_state import InitialState
from sim.plan.compiled_plan import CompiledPlan, LogColumn
from sim.plan.vocabulary import WORK
from sim.study.analyses.forecast.plan_cache import RecentCache
from sim.study.analyses.forecast.status import Status
from sim.study.case import Case, compiled_plan
from sim.study.result import digest

CASE_CACHE: RecentCache[Case] = RecentCache(3)


def with_risks(config: Loaded[Project], status: Status, plan: CompiledPlan, state: InitialState) -> Loaded[Project]:
    """Return a configuration whose risk drivers have their remaining probabilities.

    A driver that happened has probability 1 and, where the status states it, its actual effect; one that is closed has
    probability 0. One that is open keeps the part of its probability that is still ahead: p (1 - done) / (1 - p done), where
    `done` is the share of the works it affects that are finished.
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
            done = _share_finished(plan, state, f"risk.{driver.id}.size")
            # what surely happens stays sure, also where all that it can affect is finished
            probability = 1.0 if probability == 1 else probability * (1 - done) / (1 - probability * done)
        if abs(probability - current.probability.value) > 1e-9:
            settings[f"{address}.probability"] = round(probability, 6)
    return with_settings(config, settings) if settings else config


def with_other_probabilities(base: Case, project: Project) -> Case:
    """Return the case of a project that differs from that of `base` in risk probabilities alone: its crews are the same."""

    def case() -> Case:
        return replace(base, project=project, plan=compiled_plan(project, base.crew_plan.resource_plan))

    changed = CASE_CACHE.get((base,), (digest(project),), case)
    # probabilities do not change the weather, and thereby not the calendars of the expected plan
    changed.__dict__.setdefault("planned_calendars", base.planned_calendars)
    return changed


def _share_finished(plan: CompiledPlan, state: InitialState, factor: str) -> float:
    """Return the share of the works affected by a factor that are finished at the data date."""
    inputs = plan.inputs
    if factor not in inputs.factors:
        return 0.0
    number = inputs.factors.index(factor)
    affected = (inputs.losses == number).any(axis=1) if inputs.losses.size else np.zeros(len(inputs.names), np.bool_)
    if inputs.delay_losses.size and inputs.delays.size:
        affected_delays = np.flatnonzero((inputs.delay_losses == number).any(axis=1))
        affected = affected | np.isin(inputs.delays, affected_delays).any(axis=1)
    if not affected.any():
        return 0.0
    steps_done = state.history[:, LogColumn.STEP]
    finished = np.zeros(len(inputs.names), np.bool_)
    finished[plan.argument_of[steps_done[plan.operation_of[steps_done] == WORK]]] = True
    return float((finished & affected).sum() / affected.sum())
