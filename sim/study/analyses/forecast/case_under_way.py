"""The case of a project under way: its replications continue from the state at the data date.

It is a case like any other, so executors, checkpoints, sweeps and metrics work for it as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from functools import cached_property, partial
from typing import Any

import numpy as np

from sim.config.project import Project
from sim.engine.backends import COMPILED
from sim.engine.initial_state import InitialState, StateOf
from sim.metrics.measure import MetricContext
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.draws import Draws, Spreader, Uniforms
from sim.plan.vocabulary import MINUTES_PER_DAY, Log
from sim.study.analyses.forecast.earned_value import project_earned_value, reported_payments
from sim.study.analyses.forecast.learning import (
    PRIOR_SEED,
    SMALL_PLAN_STEPS,
    LearntFactor,
    Posterior,
    PosteriorUniforms,
    PriorReplications,
    prior_replications_of,
)  # fmt: skip
from sim.study.analyses.forecast.plan_cache import (
    RecentCache,
    renumber_steps,
    share_plan_results,
)  # fmt: skip
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.progress import Progress
from sim.study.analyses.forecast.remaining import CHUNK, CommonFactors, History, StateSampler, history_of
from sim.study.analyses.forecast.sheet.status_checks import notes_of, other_configuration
from sim.study.analyses.forecast.status import LOGIC, NO_STATUS, ONLINE, Logic, Status, facts_digest
from sim.study.case import Case, compiled_plan
from sim.study.executors.worker_process import in_two_halves
from sim.study.result import digest
from sim.world.project_calendars import day_minutes
from sim.world.streams import CommonUniforms

HISTORIES = 10
"""Number of histories, those of the prior replications nearest to the facts, that replications continue from in turns."""
LARGE_PLAN_STEPS = 200_000
"""Steps of a plan up to which the planned routes of its nearest prior replications are cached for the next status."""
PRIOR_CACHE: RecentCache[PriorReplications] = RecentCache(4)
HISTORY_CACHE: RecentCache[tuple[History, ...]] = RecentCache(3)
EXPECTED_HISTORY_CACHE: RecentCache[tuple[Progress, InitialState]] = RecentCache(3)


@dataclass(frozen=True)
class ForecastOptions:
    """What a forecast continues from, and how.

    Where something is changed from the data date on (a lever, a sweep), `unchanged_case` is the case before the change: its
    plan is the one that the history followed.
    """

    status: Status = NO_STATUS
    learning: bool = True
    logic: Logic = LOGIC[0]
    use_promises: bool = True
    """Whether promises are believed; if not, the lead time of what has not arrived is drawn."""
    chunk_size: int = CHUNK
    """Number of replications whose remaining durations are drawn together."""
    unchanged_case: Case | None = None
    given_baseline: Case | None = None
    """The case of the plan with the risk probabilities as stated; the prior case where it is None."""
    given_prior_case: Case | None = None
    """The case whose replications from the first day on are the prior ones; see `prior_case` where it is None."""
    stated_project: Project | None = None
    """The project with the risk probabilities as stated, not as they remain at the data date."""
    history_plan: CompiledPlan | None = None
    """The plan with other risk probabilities but the same steps, under which the histories are cached."""


@dataclass(frozen=True, repr=False)
class ForecastCase(Case):
    """A case whose replications continue from the state at a data date."""

    options: ForecastOptions = ForecastOptions()

    @property
    def status(self) -> Status:
        """Return the status that it continues from."""
        return self.options.status

    @property
    def is_under_way(self) -> bool:
        """Return that the project goes on from a status."""
        return True

    @property
    def data_date(self) -> date:
        """Return the last day of which the facts are known."""
        return self.status.data_date

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs, with posterior and histories, so that they are worked out only once."""
        return super().__getstate__() | {"posterior": self.posterior, "histories": self.histories}

    def manifest_of_status(self) -> dict[str, Any]:
        """Return what the manifest has about a forecast: its data date, what was learnt, implied and out of sequence."""
        return deepcopy(self._manifest_of_status)

    @cached_property
    def _manifest_of_status(self) -> dict[str, Any]:
        """Return it as it is worked out once; identity and manifest of a run both have it."""
        project = self.options.stated_project or self.project
        planned_usd = self.baseline.as_planned[1]["capital_deployed_usd"]
        return {
            "forecast": {
                "data_date": self.data_date.isoformat(),
                "status": self.status.file,
                "status_digest": facts_digest(self.status),
                "facts": len(self.status.facts),
                "notes": notes_of(self.plan_steps, self.status, planned_usd),
                "kinds": sorted({fact.kind for fact in self.status.facts}),
                "logic": self.options.logic,
                "learning": self.options.learning,
                "implied": self.progress.implied_steps,
                "late_days": self.progress.delay / MINUTES_PER_DAY,
                "out_of_sequence": list(self.progress.out_of_sequence),
                "other_configuration": list(other_configuration(project, self.status)),
                "evidence": self.prior_replications.evidence if self.options.learning else 0,
                "not_learnt_from": self.prior_replications.not_learnt_from if self.options.learning else [],
                "learnt": [asdict(factor) for factor in self.learnt_factors],
                "earned_value": self.earned_value(),
            },
            # as stated: the remaining risk probabilities follow from the status
            "config_digest": digest(project),
            "config": project.model_dump(mode="json"),
        }

    def earned_value(self) -> dict[str, Any]:
        """Return earned value at the data date, in hours and in dollars."""
        expected_log = renumber_steps(self.baseline.planned_run.log, self._followed_plan, self.plan)
        paid = self.baseline.as_planned[1]["capital_deployed_usd"]
        return project_earned_value(
            self.plan, expected_log, self.state.history, self.planned.content, np.asarray(paid, float), self.status
        )

    def delivered(self) -> list[tuple[float, float]]:
        """Return for every block that is reported as online the total MW with it and the day since when."""
        done_minutes = self.progress.done_minutes
        days = [
            done_minutes[unit][position] / MINUTES_PER_DAY
            for unit, position in self.plan_steps.stages[ONLINE]
            if position < len(done_minutes[unit])
        ]
        return [(self.plan_steps.mw_of_block * number, day) for number, day in enumerate(sorted(days), 1)]

    def continued_by(self, other: Case) -> Case:
        """Return a changed case that continues from this status; its history and its crews are those of this plan."""
        changes = {field.name: getattr(other, field.name) for field in fields(Case)}
        changes |= self.agreed_crews(other)
        options = replace(self.options, unchanged_case=self.prior_case, history_plan=None, stated_project=other.project)
        changed = replace(self, **changes, options=options)
        # what the facts teach does not depend on what is changed from the data date on
        changed.__dict__["prior_replications"] = self.prior_replications
        return changed

    def agreed_crews(self, other: Case) -> dict[str, Any]:
        """Return crew plan and plan of a changed case, with the crews of this one as far as they are agreed.

        Where labour is as it was these are all crews, so that what is changed is seen by itself; where it is changed they
        are those that have arrived: the crews planned for a change would not have done what was done.
        """
        agreed, planned = self.crew_plan.resource_plan, other.crew_plan.resource_plan
        if agreed is planned:
            return {}
        mobilisations, reviews = dict(planned.mobilisations), planned.reviews
        if other.project.labour == self.project.labour:
            reviews = agreed.reviews
            mobilisations |= {
                trade: agreed.mobilisations[trade] for trade in mobilisations if trade in agreed.mobilisations
            }
        else:
            for trade, arrived in self._arrived_crews().items():
                stays = mobilisations.get(trade, ())
                mobilisations[trade] = (*agreed.mobilisations[trade][:arrived], *stays[arrived:])
        resource_plan = replace(planned, mobilisations=mobilisations, reviews=reviews)
        if resource_plan == planned:
            return {}
        crew_plan = replace(other.crew_plan, resource_plan=resource_plan)
        return {"crew_plan": crew_plan, "plan": compiled_plan(other.project, resource_plan)}

    def _arrived_crews(self) -> dict[str, int]:
        """Return by trade how many of its planned crews have arrived by the data date."""
        done_minutes, arrived = self.progress.done_minutes, dict[str, int]()
        for trade, stays in self.crew_plan.resource_plan.mobilisations.items():
            arrivals = self.plan_steps.crews[trade].arrivals if trade in self.plan_steps.crews else ()
            numbers = [n for n, (_, _, unit, position) in enumerate(arrivals, 1) if position < len(done_minutes[unit])]
            arrived[trade] = min(len(stays), max(numbers, default=0))
        return arrived

    def with_options(self, **options: Any) -> ForecastCase:
        """Return this case with other values of `learning`, `use_promises` or `chunk_size`."""
        return share_plan_results(self, replace(self, options=replace(self.options, **options)))

    # --- history ------------------------------------------------------------------------------------------------

    @property
    def _followed_plan(self) -> CompiledPlan:
        """Return the plan that the history followed."""
        unchanged = self.options.unchanged_case
        return self.plan if unchanged is None else unchanged.plan

    @cached_property
    def plan_steps(self) -> PlanSteps:
        """Return the planned routes by the expected plan."""
        return self._plan_steps_of(self.baseline.planned_run.log)

    def _plan_steps_of(self, log: Log) -> PlanSteps:
        """Return the planned routes by a run of the plan that the history followed."""
        return PlanSteps(self.project, self.plan, renumber_steps(log, self._followed_plan, self.plan))

    def _history(self, plan_steps: PlanSteps, prior_replication: int | None = None) -> tuple[Progress, InitialState]:
        """Return the history that the status implies by some planned routes, and the state that it ends in."""
        progress = Progress(plan_steps, self.status, day_minutes(self.project), self.options.logic, prior_replication)
        return progress, progress.state(self.planned)

    @property
    def _history_key(self) -> tuple[object, ...]:
        """Return what histories depend on, beyond the plan."""
        return self.options.logic, self.status.minute, *self.status.without("risk", "money", "hours").facts

    @cached_property
    def _expected_history(self) -> tuple[Progress, InitialState]:
        """Return the history by the expected plan, and the state that it ends in."""
        objects = self.baseline, self.options.history_plan or self.plan
        return EXPECTED_HISTORY_CACHE.get(objects, self._history_key, lambda: self._history(self.plan_steps))

    @property
    def progress(self) -> Progress:
        """Return the history that the status implies by the expected plan."""
        return self._expected_history[0]

    @property
    def state(self) -> InitialState:
        """Return the state at the data date by the expected plan."""
        return self._expected_history[1]

    @cached_property
    def prior_case(self) -> Case:
        """Return the case from its first day, whose replications are the prior ones."""
        return self.options.given_prior_case or self.options.unchanged_case or self._own_case

    @cached_property
    def _own_case(self) -> Case:
        """Return the case of this project from its first day."""
        return Case(**{field.name: getattr(self, field.name) for field in fields(Case)})

    @property
    def baseline(self) -> Case:
        """Return the case of the plan before any fact was known."""
        return self.options.given_baseline or self.prior_case

    @cached_property
    def prior_replications(self) -> PriorReplications:
        """Return the prior replications, with their statistics and those of the status."""
        return self.find_prior_replications(1)

    def find_prior_replications(self, workers: int) -> PriorReplications:
        """Return `prior_replications`; half of them are simulated in another process where there are two workers."""
        # statuses that differ in promises alone have the same statistics
        key = self.status.minute, *self.status.only("count", "milestone", "activity", "hours").facts
        return PRIOR_CACHE.get(
            (self.prior_case,), key, partial(prior_replications_of, self.prior_case, self.status, workers)
        )

    @cached_property
    def histories(self) -> tuple[History, ...]:
        """Return the histories that replications continue from in turns: all have the facts, and differ between them."""
        return self.find_histories(1)

    def find_histories(self, workers: int) -> tuple[History, ...]:
        """Return `histories`; half of them are worked out in another process where there are two workers."""
        objects = self.prior_case, self.options.history_plan or self.plan
        return HISTORY_CACHE.get(objects, self._history_key, partial(self._nearest_histories, workers))

    def _nearest_histories(self, workers: int) -> tuple[History, ...]:
        """Return the histories by the nearest prior replications; where all of these are complete, the expected one."""
        nearest = self.prior_replications.nearest(HISTORIES)
        # of a small plan the routes are cached in this process, for the next status
        fork = workers > 1 and len(self.plan.rows) > SMALL_PLAN_STEPS
        histories = in_two_halves(self._histories_by, nearest, fork=fork)
        unfinished = tuple(history for history in histories if not history.state.complete)
        return unfinished or (history_of(*self._expected_history),)

    def _histories_by(self, replications: Sequence[int]) -> list[History]:
        """Return the histories that the status implies by the routes of some prior replications."""
        return [history_of(*self._history(self._plan_steps_of_prior(number), number)) for number in replications]

    def _plan_steps_of_prior(self, replication: int) -> PlanSteps:
        """Return the planned routes by a prior replication."""
        cached: dict[int, PlanSteps] = self.prior_case.__dict__.setdefault("_cached_plan_steps", {})
        of_other_plan = self.prior_case.plan is not self.plan and self.prior_case.plan is not self.options.history_plan
        if of_other_plan or len(self.plan.rows) > LARGE_PLAN_STEPS:
            cached = {}
        elif len(self.plan.rows) > SMALL_PLAN_STEPS and replication not in cached and len(cached) >= HISTORIES:
            cached.clear()
        if replication not in cached:
            (prior,) = self.prior_case.replications(PRIOR_SEED, replication, 1)
            cached[replication] = plan_steps = self._plan_steps_of(prior.outcome.log)
            plan_steps.signal_steps, plan_steps.supply_steps, plan_steps.stages  # noqa: B018 (worked out before it is copied)
        return cached[replication].copy()

    @cached_property
    def posterior(self) -> Posterior | None:
        """Return the posterior of the common factors; None where learning is off or nothing is learnt."""
        posterior = self.prior_replications.posterior if self.options.learning else None
        return posterior if posterior is not None and posterior.factors else None

    @property
    def learnt_factors(self) -> list[LearntFactor]:
        """Return the common factors that the actuals teach something about, in the order of how far they have moved."""
        return [] if self.posterior is None else self.posterior.learnt_factors(self.prior_case.plan.inputs)

    @cached_property
    def metric_context(self) -> MetricContext:
        """Return what replications are measured with: up to the data date they are history, with the reported payments."""
        prior_case = self.prior_case
        is_same = prior_case.project is self.project and prior_case.plan is self.plan
        context = prior_case.metric_context if is_same else super().metric_context
        cost_model = replace(context.cost_model, reported=reported_payments(self.status))
        return replace(context, since=self.status.minute, cost_model=cost_model)

    @property
    def quick_context(self) -> MetricContext:
        """Return the same context: quick metrics need the reported payments too."""
        return self.metric_context

    @cached_property
    def as_planned(self) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Return the metrics and curves of the expected plan from its first day."""
        return self.prior_case.as_planned

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Return the names of the metrics: of this project, whose contract or orders may be changed, not of its history."""
        before, after = (dict(case.project) | {"risks": None} for case in (self.prior_case, self))
        return super().metrics if before == after else self._own_case.metrics

    # --- forecast -----------------------------------------------------------------------------------------------

    def draws(self, seed: int) -> Draws:
        """Return the source of random numbers; those of learnt factors follow the posterior."""
        if seed not in self._draws:
            uniforms: Uniforms = Spreader(self.plan.inputs, seed, self.sampling)
            if self.posterior is not None:
                uniforms = PosteriorUniforms(self.plan.inputs, uniforms, self.posterior)
            self._draws[seed] = Draws(self.plan.inputs, seed, uniforms)
        return self._draws[seed]

    def make_ready(self, seed: int) -> None:
        """Work out what all replications have in common, and the first state of every history."""
        super().make_ready(seed)
        for replication in range(len(self.histories)):
            state = self.state_of_replication(seed, replication)
            if self.engine == COMPILED:
                self.kernel_plan.run_from_state(state)

    @cached_property
    def _state_samplers(self) -> dict[int, list[StateSampler]]:
        """Return by seed the state samplers that are ready, one for every history."""
        return {}

    def state_of_replication(self, seed: int, replication: int) -> InitialState:
        """Return the state that a replication under a seed continues from."""
        if seed not in self._state_samplers:
            common = CommonFactors(self.plan.inputs, self.draws(seed).uniforms, self.options.chunk_size)
            number = len(self.histories)
            self._state_samplers[seed] = [
                StateSampler(self.plan, seed, history, common, (index, number), use_promises=self.options.use_promises)
                for index, history in enumerate(self.histories)
            ]
        samplers = self._state_samplers[seed]
        return samplers[replication % len(samplers)](replication)

    def _state_of(self, seed: int) -> StateOf:
        return partial(self.state_of_replication, seed)

    def _uniforms(self, seed: int) -> Uniforms | None:
        """Return the source of the uniforms of first attempts; None where they are plain.

        Sources are equal where their draws are, as the tables of draws are cached by their source.
        """
        if self.sampling.is_plain and self.posterior is None:
            return None
        uniforms = self.draws(seed).uniforms
        return CommonUniforms(uniforms) if self.sampling.is_plain else uniforms
