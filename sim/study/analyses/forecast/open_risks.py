"""What is left of the risk register at a data date: facts of what happened, and the chances that lie ahead."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from sim.config.load import Loaded
from sim.config.overrides import with_settings
from sim.config.project import Project
from sim.engine.initial_state import InitialState
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.vocabulary import WORK
from sim.study.analyses.forecast.plan_cache import Recent
from sim.study.analyses.forecast.status import Status
from sim.study.case import Case, prepare_case
from sim.study.result import digest

CHANGED: Recent[Case] = Recent(3)


def with_risks(config: Loaded[Project], status: Status, plan: CompiledPlan, state: InitialState) -> Loaded[Project]:
    """Return a configuration whose drivers have the chances that are left of them.

    What happened has probability 1 and, where it is stated, its size; what is closed 0. What is open keeps the part of its
    chance that lies ahead: p (1 - done) / (1 - p done), where `done` is the share of the works it hits that are over.
    """
    register = config.value.risks
    if register.mode == "none":
        return config
    stated = {fact.what: fact for fact in status.of("risk")}
    settings: dict[str, Any] = {}
    for driver, current in register.active():
        fact, probability = stated.get(driver.id), current.probability.value
        version = "mitigated" if register.mode == "mitigated" and driver.mitigated else "inherent"
        address = f"risks.drivers.{driver.id}.{version}"
        if fact is not None and fact.state == "happened":
            probability = 1.0
            if fact.value is not None:
                settings[f"{address}.{driver.effect}"] = {"value": fact.value}
        elif fact is not None and fact.state == "closed":
            probability = 0.0
        else:
            chance = fact.value if fact is not None and fact.value is not None else None
            done = _share_done(plan, state, f"risk.{driver.id}.size")
            probability = chance if chance is not None else probability * (1 - done) / (1 - probability * done)
        if abs(probability - current.probability.value) > 1e-9:
            settings[f"{address}.probability"] = round(probability, 6)
    return with_settings(config, settings) if settings else config


def with_other_chances(base: Case, changed: Loaded[Project], drawn: Mapping[str, Any]) -> Case:
    """Return the case of a configuration that differs from that of another case in chances alone, `drawn` as stated."""
    other = CHANGED.get((base,), (digest(changed.value), *drawn.values()), partial(prepare_case, changed, **drawn))
    # chances do not change the weather, and thereby the calendars of the expected plan
    other.__dict__.setdefault("anticipated_calendars", base.anticipated_calendars)
    return other


def _share_done(plan: CompiledPlan, state: InitialState, factor: str) -> float:
    """Return the share of the works a factor hits that are over at the data date."""
    inputs = plan.inputs
    if factor not in inputs.factors:
        return 0.0
    number = inputs.factors.index(factor)
    hit = (inputs.losses == number).any(axis=1) if inputs.losses.size else np.zeros(len(inputs.names), np.bool_)
    if inputs.delay_losses.size and inputs.delays.size:
        delays = np.flatnonzero((inputs.delay_losses == number).any(axis=1))
        hit = hit | np.isin(inputs.delays, delays).any(axis=1)
    if not hit.any():
        return 0.0
    steps = state.history[:, 1]
    over = np.zeros(len(inputs.names), np.bool_)
    over[plan.rows[steps[plan.rows[steps, 0] == WORK], 1]] = True
    return float((over & hit).sum() / hit.sum())
