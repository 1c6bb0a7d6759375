"""The forecast: a case whose replications continue from the state at the data date.

It is a case like any other, so that whatever runs a case runs a forecast: executors, checkpoints, sweeps, metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from sim.config.load import ConfigLike, Loaded, as_loaded
from sim.config.overrides import continued
from sim.config.project import Project
from sim.engine.backends import AUTO, COMPILED
from sim.engine.initial_state import InitialState, StateOf
from sim.errors import ConfigError, Problem
from sim.metrics.measure import MetricContext
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.draws import Draws, Spreader, Uniforms
from sim.plan.vocabulary import MINUTES_PER_DAY, Log
from sim.study.analyses.forecast.earned_value import payments, project_earned_value
from sim.study.analyses.forecast.learning import (
    KEPT_STEPS,
    PAST_SEED,
    Learnt,
    Pasts,
    Posterior,
    PosteriorUniforms,
    pasts_beside_facts,
)  # fmt: skip
from sim.study.analyses.forecast.open_risks import with_other_chances, with_risks
from sim.study.analyses.forecast.plan_cache import Recent, prepared, share_plan_results, translated
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.progress import Progress
from sim.study.analyses.forecast.remaining import CHUNK, CommonFactors, History, RemainingWork, history_of
from sim.study.analyses.forecast.status import LOGIC, NOTHING_KNOWN, ONLINE, Finished, Logic, Status, read_status
from sim.study.analyses.forecast.status_checks import other_configuration, require_sound
from sim.study.api import RUNS, SEED
from sim.study.api import run as run_many
from sim.study.case import Case, prepare_case
from sim.study.executors.worker_process import WorkerConnection, in_two_halves
from sim.study.result import Result, digest
from sim.study.runner import Progress as RunProgress
from sim.world.project_calendars import day_minutes
from sim.world.streams import SharedUniforms

HISTORIES = 10
"""So many of them, the nearest to the facts, are gone on from in turns."""
MOST_STEPS = 200_000
"""Steps of a plan up to which the routes of the pasts that are gone on from are kept for the next status."""
SEEN_PASTS: Recent[Pasts] = Recent(4)
SEEN_HISTORIES: Recent[tuple[History, ...]] = Recent(3)
SEEN_BY_PLAN: Recent[tuple[Progress, InitialState]] = Recent(3)
FORECASTS: Recent[ForecastCase] = Recent(3)
"""Forecasts that differ in what they learn from, or in promises and risks, share what they have in common."""


@dataclass(frozen=True, repr=False)
class ForecastCase(Case):
    """A case whose replications continue from the state at a data date.

    `basis` is the case of the plan by which the past is seen: that before anything was changed to see what it does.
    """

    status: Status = NOTHING_KNOWN
    learning: bool = True
    logic: Logic = "retained_logic"
    basis: Case | None = None
    planned_by: Case | None = None
    """The case of the plan with all chances as they were before anything was known."""
    stated: Project | None = None
    """The project as it was stated, with all chances."""
    begun: Case | None = None
    """The case from its first day with these chances, where nothing is known of any risk."""
    seen_in: CompiledPlan | None = None
    """The plan with other chances but the same steps, of which histories are found already."""
    promised: bool = True
    """Whether new promises are believed, or what is not there yet takes what it was drawn to take."""
    chunk: int = CHUNK
    """Replications whose remaining work is drawn together."""

    def __getstate__(self) -> dict[str, Any]:
        """Travel to another process with what was worked out about the past."""
        self.posterior, self.histories  # noqa: B018 (worked out once, here, not in every process)
        known = {name: self.__dict__[name] for name in ("posterior", "histories") if name in self.__dict__}
        return super().__getstate__() | known

    def under_way(self) -> dict[str, Any]:
        """Return what a forecast was made from: its data date, and what was learnt, implied and out of sequence."""
        return {
            "forecast": {
                "data_date": self.status.data_date.isoformat(),
                "status": self.status.file,
                "status_digest": sha256(repr(self.status.facts).encode()).hexdigest(),
                "facts": len(self.status.facts),
                "logic": self.logic,
                "learning": self.learning,
                "implied": self.progress.implied,
                "late_days": self.progress.late / MINUTES_PER_DAY,
                "out_of_sequence": list(self.progress.out_of_sequence),
                "other_configuration": list(other_configuration(self.stated or self.project, self.status)),
                "evidence": self.pasts.evidence if self.learning else 0,
                "learnt": [asdict(one) for one in self.learnt],
                "earned_value": self.earned_value(),
            },
            # as it was stated: chances that are left of risks follow from the status
            "config_digest": digest(self.stated or self.project),
            "config": (self.stated or self.project).model_dump(mode="json"),
        }

    def earned_value(self) -> dict[str, Any]:
        """Return earned value at the data date, in hours and in dollars."""
        log = translated(self.baseline.planned_run.log, self.plan if self.basis is None else self.basis.plan, self.plan)
        paid = self.baseline.as_planned[1]["capital_deployed_usd"]
        return project_earned_value(
            self.plan, log, self.state.history, self.planned.content, np.asarray(paid, float), self.status
        )

    def delivered(self) -> list[tuple[float, float]]:
        """Return MW online and the day since when, as reported."""
        done, online = self.progress.times, self.steps.stages[ONLINE]
        days = sorted(done[unit][place] / MINUTES_PER_DAY for unit, place in online if place < len(done[unit]))
        return [(self.steps.mw_of_block * number, day) for number, day in enumerate(days, 1)]

    def continued_by(self, other: Case) -> Case:
        """Return a changed case that goes on from this status, its past seen by this plan."""
        given = {field.name: getattr(other, field.name) for field in fields(Case)}
        found = replace(self, **given, basis=self.plain, stated=other.project, seen_in=None)
        # what the facts teach does not depend on what is changed from here on
        found.__dict__["pasts"] = self.pasts
        return found

    def otherwise(self, **changes: Any) -> ForecastCase:
        """Return this case as it is where something else is learnt or believed of the same facts."""
        return share_plan_results(self, replace(self, **changes))

    # --- past ---------------------------------------------------------------------------------------------------

    @cached_property
    def steps(self) -> PlanSteps:
        """Return where facts stand in the plan."""
        return self._steps_by(self.baseline.planned_run.log)

    def _steps_by(self, log: Log) -> PlanSteps:
        """Return where facts stand in the plan as a run of the basis went."""
        plan = self.plan if self.basis is None else self.basis.plan
        return PlanSteps(self.project, self.plan, translated(log, plan, self.plan))

    def _seen(self, steps: PlanSteps, past: int | None = None) -> tuple[Progress, InitialState]:
        """Return the past as it is seen by those steps, and the state it leaves."""
        progress = Progress(steps, self.status, day_minutes(self.project), self.logic, past)
        return progress, progress.state(self.planned)

    @property
    def _told(self) -> tuple[object, ...]:
        """Return what histories are made of."""
        return self.logic, self.status.minute, *self.status.without("risk", "money", "hours").facts

    @cached_property
    def _seen_by_plan(self) -> tuple[Progress, InitialState]:
        """Return the past that is nearest to the expected plan."""
        return SEEN_BY_PLAN.get((self.baseline, self.seen_in or self.plan), self._told, lambda: self._seen(self.steps))

    @property
    def progress(self) -> Progress:
        """Return the history that the status implies, seen by the expected plan."""
        return self._seen_by_plan[0]

    @property
    def state(self) -> InitialState:
        """Return the state at the data date, seen by the expected plan."""
        return self._seen_by_plan[1]

    @cached_property
    def plain(self) -> Case:
        """Return the case from its first day, by which the past is simulated."""
        return self.begun or self.basis or Case(**{field.name: getattr(self, field.name) for field in fields(Case)})

    @property
    def baseline(self) -> Case:
        """Return the case of the plan as it was before anything was known."""
        return self.planned_by or self.plain

    @cached_property
    def pasts(self) -> Pasts:
        """Return simulated pasts beside the facts."""
        return self.pasts_by(1)

    def pasts_by(self, workers: int) -> Pasts:
        """Return simulated pasts beside the facts, half of them by another process where there are two workers."""
        # statuses that differ in what they promise have the same pasts
        told = self.status.minute, *self.status.only("count", "milestone", "activity", "hours").facts
        return SEEN_PASTS.get((self.plain,), told, partial(pasts_beside_facts, self.plain, self.status, workers))

    @cached_property
    def histories(self) -> tuple[History, ...]:
        """Return the histories that replications go on from in turns: the facts, and between them what is possible."""
        return self.histories_by(1)

    def histories_by(self, workers: int) -> tuple[History, ...]:
        """Return these histories, half of them by another process where there are two workers."""
        by = self.plain, self.seen_in or self.plan
        return SEEN_HISTORIES.get(by, self._told, partial(self._find_histories, workers))

    def _find_histories(self, workers: int) -> tuple[History, ...]:
        nearest = self.pasts.nearest(HISTORIES)  # a small plan's routes are kept here, for the next status
        fork = workers > 1 and len(self.plan.rows) > KEPT_STEPS
        found = in_two_halves(self._histories_of, nearest, fork=fork)
        return tuple(one for one in found if not one.state.complete) or (history_of(*self._seen_by_plan),)

    def _histories_of(self, pasts: Sequence[int]) -> list[History]:
        """Return the histories that the facts and some simulated pasts make together."""
        return [history_of(*self._seen(self._steps_of_past(past), past)) for past in pasts]

    def _steps_of_past(self, past: int) -> PlanSteps:
        """Return where facts stand in the plan as a simulated past went."""
        known: dict[int, PlanSteps] = self.plain.__dict__.setdefault("_steps_of_pasts", {})
        others = self.plain.plan is not self.plan and self.plain.plan is not self.seen_in
        if others or len(self.plan.rows) > MOST_STEPS:
            known = {}
        elif len(self.plan.rows) > KEPT_STEPS and past not in known and len(known) >= HISTORIES:
            known.clear()
        if past not in known:
            (done,) = self.plain.replications(PAST_SEED, past, 1)
            known[past] = made = self._steps_by(done.outcome.log)
            made.signallers, made.suppliers, made.stages  # noqa: B018 (worked out once, before it is copied)
        return known[past].copy()

    @cached_property
    def posterior(self) -> Posterior | None:
        """Return what the actuals teach about common factors; nothing where learning is off or nothing is learnt."""
        return self.pasts.posterior if self.learning and self.pasts.posterior.factors else None

    @property
    def learnt(self) -> list[Learnt]:
        """Return the factors that the actuals teach something about, those that moved most first."""
        return [] if self.posterior is None else self.posterior.described(self.plain.plan.inputs)

    @cached_property
    def metric_context(self) -> MetricContext:
        """Return what runs are measured with, which are history until the data date: what was paid is paid."""
        is_plain = self.plain.project is self.project and self.plain.plan is self.plan
        found = self.plain.metric_context if is_plain else super().metric_context
        model = replace(found.cost_model, reported=payments(self.status))
        return replace(found, since=self.status.minute, cost_model=model)

    @property
    def quick_context(self) -> MetricContext:
        """Return the same: what was paid is part of every picture."""
        return self.metric_context

    @cached_property
    def as_planned(self) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Return the metrics and curves of the expected plan, of which nothing has happened yet."""
        return self.plain.as_planned

    # --- future -------------------------------------------------------------------------------------------------

    def draws(self, seed: int) -> Draws:
        """Return where random numbers come from, with learnt factors where their posterior has them."""
        if seed not in self._draws:
            uniforms: Uniforms = Spreader(self.plan.inputs, seed, self.sampling)
            if self.posterior is not None:
                uniforms = PosteriorUniforms(self.plan.inputs, uniforms, self.posterior)
            self._draws[seed] = Draws(self.plan.inputs, seed, uniforms)
        return self._draws[seed]

    def make_ready(self, seed: int) -> None:
        """Work out what all replications have in common, and the states that those of the first turn continue from."""
        super().make_ready(seed)
        for turn in range(len(self.histories)):
            state = self.remaining(seed, turn)
            if self.engine == COMPILED:
                self.kernel_plan.run_from_state(state)

    @cached_property
    def _remaining(self) -> dict[int, list[RemainingWork]]:
        """Return the states of replications already made ready, by seed."""
        return {}

    def remaining(self, seed: int, replication: int) -> InitialState:
        """Return the state that a replication under a seed continues from."""
        if seed not in self._remaining:
            common, of = CommonFactors(self.plan.inputs, self.draws(seed).uniforms, self.chunk), len(self.histories)
            self._remaining[seed] = [
                RemainingWork(self.plan, seed, history, common, (number, of), promised=self.promised)
                for number, history in enumerate(self.histories)
            ]
        turns = self._remaining[seed]
        return turns[replication % len(turns)](replication)

    def _state_of(self, seed: int) -> StateOf:
        return partial(self.remaining, seed)

    def _uniforms(self, seed: int) -> Uniforms | None:
        """Return what draws first attempts, None where they are plain; equal ones, as draw tables are found by them."""
        if self.sampling.is_plain and self.posterior is None:
            return None
        draws = self.draws(seed).uniforms
        return SharedUniforms(draws) if self.sampling.is_plain else draws


# --- preparing ------------------------------------------------------------------------------------------------------


def continued_case(config: Loaded[Project], *, sampling: str, runs: int, engine: str) -> Case:
    """Return the case of a project under way, as `sim.prepare` gives it."""
    how = config.continuation
    assert how is not None
    plain = replace(config, continuation=None)
    basis = None if how.base.value == config.value else prepared(how.base, engine)
    found = forecast_case(
        plain, how.status, learning=how.learning, logic=how.logic, engine=engine, sampling=sampling, runs=runs, basis=basis,
        planned=prepared(plain, engine) if sampling == "mc" else None,
    )  # fmt: skip
    found.histories, found.posterior  # noqa: B018 (worked out once, here, before workers are forked that have them)
    return found


def forecast_case(
    config: Loaded[Project], status: Status | str | Path, *, learning: bool = True, logic: str | None = None,
    engine: str = AUTO, sampling: str = "mc", runs: int = 0, planned: Case | None = None, basis: Case | None = None,
    past: Case | None = None, promised: bool = True,
) -> ForecastCase:  # fmt: skip
    """Return a project ready to be continued from its status; raises ConfigError where the status is not sound.

    `planned` is the case of the same configuration, where it was prepared already; `basis` that of the plan by which the
    past is seen, where it is another one; `past` the case whose replications are the pasts, where other facts chose it;
    `promised` says whether promises are believed.
    """
    if not isinstance(status, Status):
        status = read_status(status, config.value.scale.start_date)
    logic = logic or status.logic or LOGIC[0]
    if logic not in LOGIC:
        raise ConfigError([Problem("", 0, 0, "logic", logic, f"one of {', '.join(LOGIC)}")])
    base = planned or prepare_case(config, sampling=sampling, runs=runs, engine=engine)
    how = {"status": status, "learning": learning, "logic": logic, "promised": promised, "basis": basis}
    drawn = {"sampling": sampling, "runs": 0 if sampling == "mc" else runs, "engine": engine}
    says = config.value, status, learning, logic, promised, *drawn.values()
    return FORECASTS.get((base, basis, past), says, partial(_with_chances_left, config, base, past, how, drawn))


def _with_chances_left(
    config: Loaded[Project], base: Case, past: Case | None, how: Mapping[str, Any], drawn: Mapping[str, Any]
) -> ForecastCase:
    """Return a case that goes on from a status, with the chances of risks that it leaves."""
    status, basis = how["status"], how["basis"]
    how = {**how, "planned_by": basis or base}
    case = _as_forecast(base, {**how, "begun": past or base})
    if past is None:
        require_sound(case.steps, status)
    if case.state.complete:
        raise Finished(f"{status.file}: everything is online by {status.data_date}; there is nothing left to forecast")
    if (changed := with_risks(config, status, case.plan, case.state)) is config:
        return case
    # risks change chances alone; crews and order dates stay, and with them the history
    other = with_other_chances(base, changed, drawn)
    begun = past or (None if basis is not None else other if status.of("risk") else case.begun)
    seen = case.plan if case.plan.has_steps_of(other.plan) else None
    return _as_forecast(other, {**how, "begun": begun, "stated": config.value, "seen_in": seen})


def _as_forecast(base: Case, how: Mapping[str, Any]) -> ForecastCase:
    """Return a case with all that is its own, that goes on from a status."""
    return share_plan_results(
        base, ForecastCase(**{field.name: getattr(base, field.name) for field in fields(Case)}, **how)
    )


# --- running --------------------------------------------------------------------------------------------------------


def forecast(
    config: ConfigLike, status: Status | str | Path, *, runs: int = RUNS, seed: int = SEED, workers: int | None = None,
    learning: bool = True, logic: str | None = None, engine: str = AUTO, sampling: str = "mc",
    out: str | Path | None = None, resume: bool = False, progress: RunProgress | None = None,
    extras: Callable[[Result, Path], object] | None = None,
    on_sample: Callable[[Result, Sequence[WorkerConnection]], object] | None = None, levers: bool | None = False,
) -> Result:  # fmt: skip
    """Continue a project from its status, many times; return its metrics and curves as `sim.run` does.

    `status` is a file as `sim status init` writes it. With `learning` common factors are learnt from the actuals; `logic` is
    retained_logic or progress_override, for work that is out of sequence; left out, what the status says. The manifest says
    under `forecast` what was learnt, implied and out of sequence. Further options as of `sim.run`. Raises SimError.

    >>> config = sim.load("configs/hybrid.yaml")
    >>> result = sim.forecast(config, "configs/status/hybrid_december.csv", runs=200)
    >>> result.summary().loc["lead_time_full_days", ["p50", "p80"]]
    """
    under_way = continued(as_loaded(config), status, learning=learning, logic=logic)
    return run_many(
        under_way, runs=runs, seed=seed, workers=workers, engine=engine, sampling=sampling, out=out, resume=resume,
        progress=progress, extras=extras, on_sample=on_sample, levers=levers,
    )  # fmt: skip
