"""What actuals teach about common factors, and which simulated projects agree with the actuals best.

Some hundred prior replications are simulated: the whole project from its first day, before any fact is known. Each has two
kinds of numbers: the standard normal scores of its common factors (pace, labour losses, suppliers, lots), and summary
statistics: the numbers that the status would have had if this replication were the actual project.

Learning is Bayes linear (Goldstein and Wooff, Bayes Linear Statistics, 2007, section 3.1; in weather forecasting the ensemble
smoother, van Leeuwen and Evensen 1996): each score is regressed on the statistics, by ridge regression whose penalty has the
smallest leave-one-out error (Golub, Heath and Wahba 1979). The posterior has the mean that the regression predicts from the
actual statistics, and the spread and correlation of its leave-one-out residuals: what the statistics do not predict out of
sample is not learnt, so a few facts change little. Nothing is learnt from a statistic that all others contradict: a mistyped
date, or what happened to one thing only. The posterior is applied to the draws of the factors: random numbers stay common.

What a status does not report is taken from the prior replications whose statistics are nearest to the actual ones (multiple
imputation, Rubin 1987; nearest by rejection, Beaumont et al. 2002). A status with few facts agrees with several different
histories, and the forecast is as uncertain as they differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.jit import special_functions
from sim.plan.compiled_plan import Column, CompiledPlan, LogColumn
from sim.plan.draws import Inputs, Uniforms
from sim.plan.vocabulary import WORK, Log
from sim.study.analyses.forecast.plan_steps import NEVER, PlanSteps
from sim.study.analyses.forecast.status import ONLINE, Fact, Status
from sim.study.case import Case
from sim.study.executors.worker_process import in_two_halves
from sim.study.statistics.regression import at_odds, ridge_regression
from sim.world.quantile_tables import DISCRETE, FIXED, sample_one
from sim.world.working_time import Calendar

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MIN_EXPLAINED = 0.05
"""Share of a factor's variance that the statistics must explain out of sample; less is sampling noise."""
MAX_DEVIATIONS = 6.0
"""Standard deviations from the prior mean to which an actual statistic is limited, as no regression line is trusted further;
from one that is further from what the others predict nothing is learnt."""
EDGE = 1e-6
PRIOR_SIZE = 200
"""Number of prior replications."""
PRIOR_SEED = 1_000_003
"""Seed of the prior replications: another one than that of forecasts, whose draws must be independent of them."""
GROUPS_NOT_LEARNT = ("prices", "risk")
"""Groups of factors that are not learnt: dates do not depend on prices, and whether a risk occurred is a fact."""


@dataclass(frozen=True)
class LearntFactor:
    """A common factor: its median, P10 and P90 before and after learning, and the explained share of its variance."""

    factor: str
    explained: float
    prior: tuple[float, float, float]
    posterior: tuple[float, float, float]


@dataclass(frozen=True)
class Posterior:
    """The joint normal distribution of the scores of the learnt factors, given the facts: z' = mean + root @ z."""

    factors: tuple[str, ...]
    mean: Floats
    root: Floats
    explained: Floats

    def learnt_factors(self, inputs: Inputs) -> list[LearntFactor]:
        """Return prior and posterior of every learnt factor, in the order of how far its mean has moved."""
        spread = np.sqrt((self.root**2).sum(axis=1))
        order = np.argsort(-np.abs(self.mean))
        return [self._learnt_factor(inputs, index, float(spread[index])) for index in order.tolist()]

    def _learnt_factor(self, inputs: Inputs, index: int, spread: float) -> LearntFactor:
        """Return prior and posterior of one factor, in its own unit."""
        name = self.factors[index]
        table = int(inputs.factor_table[inputs.factors.index(name)])
        prior_scores = special_functions().ndtri(np.array([0.5, 0.1, 0.9]))
        prior, posterior = (
            tuple(sample_one(inputs.tables, table, float(u)) for u in special_functions().ndtr(scores))
            for scores in (prior_scores, self.mean[index] + spread * prior_scores)
        )
        return LearntFactor(name, float(self.explained[index]), prior, posterior)  # type: ignore[arg-type]


class PosteriorUniforms:
    """Uniform draws of first attempts, where those of learnt factors follow the posterior."""

    def __init__(self, inputs: Inputs, prior: Uniforms, posterior: Posterior) -> None:
        self.inputs, self.prior, self.posterior = inputs, prior, posterior
        present = [index for index, name in enumerate(posterior.factors) if name in inputs.factors]
        self.rows = [inputs.factors.index(posterior.factors[index]) for index in present]
        self.mean, self.root = posterior.mean[present], posterior.root[np.ix_(present, present)]

    def __call__(self, names: Sequence[str], first: int, count: int) -> Floats:
        """Return the draws of some inputs or factors, shape (names, count)."""
        drawn = self.prior(names, first, count)
        if names is self.inputs.factors and self.rows:
            prior_scores = special_functions().ndtri(drawn[self.rows])
            posterior_scores = np.repeat(self.mean[:, None], count, axis=1)
            # column by column: the last bit of a product of matrices depends on how many replications are drawn together
            for column, scores in zip(self.root.T, prior_scores, strict=True):
                posterior_scores = posterior_scores + column[:, None] * scores
            drawn[self.rows] = np.clip(special_functions().ndtr(posterior_scores), EDGE, 1 - EDGE)
        return drawn


# --- summary statistics ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StepMinutes:
    """The minutes at which replications did each step, shape (replications, steps); NEVER where one did not do it.

    `finish` has the minute at which a step was done last, `start` the minute at which a work was started first; where it is
    not needed `start` has no steps.
    """

    finish: Ints
    start: Ints


def step_minutes_of(plan: CompiledPlan, logs: Sequence[Log], *, with_starts: bool = True) -> StepMinutes:
    """Return the minutes of steps in some event logs; of a repeated step the last finish, as in a status."""
    steps = len(plan.rows)
    finish, start = (np.full((len(logs), size), NEVER, np.int64) for size in (steps, steps if with_starts else 0))
    for replication, log in enumerate(logs):
        # numpy keeps the last value that is assigned to an element
        finish[replication, log[:, LogColumn.STEP]] = log[:, LogColumn.MINUTE]
        if with_starts:
            works = log[plan.operation_of[log[:, LogColumn.STEP]] == WORK][::-1]
            start[replication, works[:, LogColumn.STEP]] = works[:, LogColumn.DETAIL]
    return StepMinutes(finish, start)


class Statistic(NamedTuple):
    """A number that summarises facts: its actual value, its function of replications, and how many events are reported."""

    name: str
    actual: float
    of: Callable[[StepMinutes], Floats]
    evidence: int
    only_if_silent: bool = False  # used where a status has no other


class SummaryStatistics:
    """The few numbers that summarise the facts of a status: counts, earned hours, mean finishes and log durations by kind."""

    def __init__(self, plan_steps: PlanSteps, status: Status) -> None:
        self.plan_steps = plan_steps
        self.statistics: list[Statistic] = []
        for what in dict.fromkeys(fact.what for fact in status.facts_of("count")):
            self._add_counts(what, [fact for fact in status.facts_of("count") if fact.what == what])
        self._add_hours(status)
        milestones = list(self._milestones(status))
        self._add_finishes([(kind, step, finish) for kind, step, finish in milestones if finish is not None])
        self._add_reached(milestones, status.minute)
        self._add_finishes(list(self._activities(status)))
        started_and_finished = self._durations_by_activity(status)
        self.needs_starts = bool(started_and_finished)
        self._add_durations(started_and_finished)

    def of(self, step_minutes: StepMinutes) -> Floats:
        """Return the statistics of some replications, shape (replications, statistics)."""
        values = np.empty((len(step_minutes.finish), len(self.statistics)))
        for column, statistic in enumerate(self.statistics):
            values[:, column] = statistic.of(step_minutes)
        return values

    def _add_counts(self, what: str, facts: Iterable[Fact]) -> None:
        """Add the counts of a stage at its dates."""
        routes = self.plan_steps.routes
        steps = np.array([routes[unit].steps[position] for unit, position in self.plan_steps.stages[what]])
        per_unit = self.plan_steps.mw_of_block if what == ONLINE else 1.0
        for fact in facts:
            date, count = int(fact.date or 0), float(fact.count or 0) / per_unit
            self.statistics.append(Statistic(f"the count of {what}", count, partial(_done_by, steps, date), int(count)))

    def _add_hours(self, status: Status) -> None:
        """Add the hours that are reported as earned; a replication has earned the budget of the works that it has done."""
        facts = [fact for fact in status.facts_of("hours") if fact.what == "earned" and fact.date is not None]
        if facts:
            steps, budget = self.plan_steps.budget
            for fact in facts:
                compute = partial(_earned_by, steps, budget, int(fact.date or 0))
                self.statistics.append(Statistic("the hours earned", float(fact.count or 0), compute, 1))

    def _milestones(self, status: Status) -> Iterator[tuple[str, int, int | None]]:
        """Yield kind, last step and minute of every milestone; None for one that was not reached."""
        for fact in status.facts_of("milestone"):
            unit = self.plan_steps.unit_of_milestone(fact.what)
            if unit is not None:
                info = self.plan_steps.plan.unit_info[unit]
                name = fact.what.rpartition(".")[2] if info.kind == "step" else ""
                yield f"{info.kind} {info.part} {name}".strip(), self.plan_steps.routes[unit].steps[-1], fact.finish

    def _add_reached(self, milestones: Sequence[tuple[str, int, int | None]], minute: int) -> None:
        """Add by kind how many of the reported milestones were reached, where some were not.

        It is for statuses that say nothing else: beside dates and counts it made forecasts too late (calibration).
        """
        for kind in dict.fromkeys(kind for kind, _, finish in milestones if finish is None):
            finish_of_step = [(step, finish) for other, step, finish in milestones if other == kind]
            not_reached = sum(finish is None for _, finish in finish_of_step)
            compute = partial(_done_by, np.array([step for step, _ in finish_of_step]), minute)
            reached = float(len(finish_of_step) - not_reached)
            self.statistics.append(Statistic(kind, reached, compute, not_reached, only_if_silent=True))

    def _activities(self, status: Status) -> Iterator[tuple[str, int, int]]:
        """Yield name, step and minute of every activity that is finished."""
        for fact in status.facts_of("activity"):
            if fact.finish is not None:
                yield fact.what.partition("/")[2], self.plan_steps.work_steps[fact.what][1], fact.finish

    def _add_finishes(self, finishes: Sequence[tuple[str, int, int]]) -> None:
        """Add the mean finish by kind, from kind, step and minute of each finish."""
        for kind in dict.fromkeys(kind for kind, _, _ in finishes):
            of_kind = [(step, minute) for other, step, minute in finishes if other == kind]
            steps = np.array([step for step, _ in of_kind])
            mean = float(np.mean([minute for _, minute in of_kind]))
            self.statistics.append(Statistic(f"the finish of {kind}", mean, partial(_mean_finish, steps), len(of_kind)))

    def _durations_by_activity(self, status: Status) -> dict[str, list[tuple[int, int, int]]]:
        """Return step, start and finish of the activities whose duration is known, by the activity's name.

        An activity that started and finished in the same minute is known from a count, which does not tell its duration.
        """
        by_name: dict[str, list[tuple[int, int, int]]] = {}
        for fact in status.facts_of("activity"):
            if fact.start is not None and fact.finish is not None and fact.finish > fact.start:
                step = self.plan_steps.work_steps[fact.what][1]
                by_name.setdefault(fact.what.partition("/")[2], []).append((step, fact.start, fact.finish))
        return by_name

    def _add_durations(self, by_name: dict[str, list[tuple[int, int, int]]]) -> None:
        """Add the mean duration by activity, in working minutes on the calendar of the first one of its name."""
        for name, durations in by_name.items():
            steps, starts, finishes = np.array(durations, np.int64).T
            calendar = self.plan_steps.plan.base_calendars[self.plan_steps.rows[durations[0][0]][Column.CALENDAR]]
            actual = StepMinutes(finish=finishes[None, :], start=starts[None, :])
            actual_mean = float(_mean_log_duration(np.arange(len(steps)), calendar, actual)[0])
            compute = partial(_mean_log_duration, steps, calendar)
            self.statistics.append(Statistic(f"the duration of {name}", actual_mean, compute, evidence=0))


def _done_by(steps: Ints, date: int, step_minutes: StepMinutes) -> Floats:
    """Return by replication how many of some steps were done by a minute."""
    return np.asarray((step_minutes.finish[:, steps] <= date).sum(axis=1), float)


def _earned_by(steps: Ints, hours: Floats, date: int, step_minutes: StepMinutes) -> Floats:
    """Return by replication the hours that some works have earned by a minute."""
    return np.asarray((step_minutes.finish[:, steps] <= date) @ hours, float)


def _mean_finish(steps: Ints, step_minutes: StepMinutes) -> Floats:
    """Return by replication the mean minute at which some steps were done, of those that were done."""
    finish = step_minutes.finish[:, steps]
    return _mean_where(finish, finish < NEVER)


def _mean_log_duration(steps: Ints, calendar: Calendar, step_minutes: StepMinutes) -> Floats:
    """Return by replication the mean logarithm of the working minutes that some works took, of those that were done."""
    finish, start = step_minutes.finish[:, steps], step_minutes.start[:, steps]
    is_done = finish < NEVER
    duration = np.ones(finish.shape)
    duration[is_done] = calendar.worked_many(finish[is_done]) - calendar.worked_many(start[is_done])
    return _mean_where(np.log(np.maximum(duration, 1)), is_done)


def _mean_where(values: Ints | Floats, included: NDArray[np.bool_]) -> Floats:
    """Return the mean of each row's included values; not-a-number where none is included."""
    number = included.sum(axis=1)
    total = np.where(included, values, 0).sum(axis=1)
    return np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)


# --- prior replications ---------------------------------------------------------------------------------------------


class PriorReplications:
    """Prior replications of a project: the scores of their factors, and their statistics next to the actual ones.

    Statistics are standardised by the mean and standard deviation of the prior replications: `standardised` has the shape
    (replications, statistics), `actual` the statistics of the status.
    """

    def __init__(
        self, inputs: Inputs, drawn: Floats, statistics: Sequence[Statistic], values: Floats, steps_done: Floats
    ) -> None:
        """Standardise `values`; `drawn` are uniforms, (factors, replications), `steps_done` counts by replication."""
        self.inputs, self.steps_done = inputs, steps_done
        self.scores: Floats = special_functions().ndtri(np.clip(drawn, EDGE, 1 - EDGE))
        # a statistic that some replication does not have, or that is equal in all of them, teaches nothing
        usable: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=0))
        usable[usable] = values[:, usable].std(axis=0) > 0
        only_if_silent = np.array([statistic.only_if_silent for statistic in statistics], np.bool_)
        is_silent = not (usable & ~only_if_silent).any()
        usable &= is_silent | ~only_if_silent
        mean, spread = values[:, usable].mean(axis=0), values[:, usable].std(axis=0)
        self.standardised: Floats = (values[:, usable] - mean) / spread
        actual = np.array([statistic.actual for statistic in statistics])[usable]
        self.actual: Floats = np.clip((actual - mean) / spread, -MAX_DEVIATIONS, MAX_DEVIATIONS)
        self.at_odds = at_odds(self.standardised, self.actual, MAX_DEVIATIONS)
        left_out = [statistics[column] for column in np.flatnonzero(usable)[self.at_odds]]
        self.not_learnt_from = [statistic.name for statistic in left_out]
        learnt_from = [s for s in statistics if s not in left_out and (is_silent or not s.only_if_silent)]
        self.evidence = sum(statistic.evidence for statistic in learnt_from)

    def nearest(self, number: int) -> list[int]:
        """Return the replications whose statistics are nearest to the actual ones, in the order of their distance.

        Where more than are asked for are equally near, as the status does not tell them apart, evenly spaced ones of
        these, from the slowest to the fastest.
        """
        distance = ((self.standardised - self.actual) ** 2).sum(axis=1)
        order = np.lexsort((self.steps_done, distance))
        furthest = distance[order[number - 1]]
        nearer, tied = order[distance[order] < furthest], order[distance[order] == furthest]
        missing = number - len(nearer)
        ranks = (np.arange(missing) + 0.5) / missing * len(tied)
        return [int(replication) for replication in (*nearer, *tied[ranks.astype(np.int64)])]

    @cached_property
    def posterior(self) -> Posterior:
        """Return the distribution of the factors given the facts."""
        names, groups = self.inputs.factors, self.inputs.factor_groups
        is_continuous = ~np.isin(self.inputs.tables.kind[self.inputs.factor_table], (FIXED, DISCRETE))
        rows = [row for row in np.flatnonzero(is_continuous).tolist() if groups[row] not in GROUPS_NOT_LEARNT]
        nothing_learnt = Posterior((), np.zeros(0), np.zeros((0, 0)), np.zeros(0))
        if not rows or self.at_odds.all():
            return nothing_learnt
        trusted = ~self.at_odds
        statistics, actual = self.standardised[:, trusted], self.actual[trusted]
        mean, residuals, explained = ridge_regression(statistics, self.scores[rows].T, actual)
        learnt = np.flatnonzero(explained >= MIN_EXPLAINED)
        if not len(learnt):
            return nothing_learnt
        correlation = np.atleast_2d(np.corrcoef(residuals[:, learnt], rowvar=False))
        spread = np.sqrt(1 - explained[learnt])
        values, vectors = np.linalg.eigh(correlation * np.outer(spread, spread))
        # the symmetric root: of all roots of the covariance the one that changes each draw least
        root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
        return Posterior(tuple(names[rows[index]] for index in learnt), mean[learnt], root, explained[learnt])


def prior_replications_of(case: Case, status: Status, workers: int = 1) -> PriorReplications:
    """Return the prior replications of a case, with their statistics and those of a status."""
    statistics = SummaryStatistics(PlanSteps.of(case), status)
    # of a small plan the replications are cached in this process, for the next status
    fork = workers > 1 and len(case.plan.rows) > SMALL_PLAN_STEPS
    compute = partial(_statistics, case, statistics, status.minute)
    columns = np.array(in_two_halves(compute, range(PRIOR_SIZE), fork=fork))
    drawn = case.draws(PRIOR_SEED).uniforms(case.plan.inputs.factors, 0, PRIOR_SIZE)
    return PriorReplications(case.plan.inputs, drawn, statistics.statistics, columns[:, 1:], columns[:, 0])


SMALL_PLAN_STEPS = 20_000
"""Steps of a plan up to which what is simulated of it is cached for the next status: 64 MB."""
BATCH = 10
"""Prior replications whose statistics are worked out together."""
PRIOR_STEP_MINUTES = "_prior_step_minutes"
"""Name under which a case has them."""


def _statistics(case: Case, statistics: SummaryStatistics, minute: int, replications: Sequence[int]) -> Floats:
    """Return by prior replication, of some consecutive ones, the steps done by a minute and the statistics."""
    batches = simulate_prior(case, replications[0], len(replications), with_starts=statistics.needs_starts)
    return np.concatenate([
        np.column_stack([(step_minutes.finish <= minute).sum(axis=1), statistics.of(step_minutes)])
        for step_minutes in batches
    ])  # fmt: skip


def simulate_prior(
    case: Case, first: int = 0, count: int = PRIOR_SIZE, *, with_starts: bool = True
) -> Iterable[StepMinutes]:
    """Return the minutes of steps in prior replications, batch by batch; they are the same for every status of a case.

    Those of all prior replications of a small plan are cached.
    """
    is_cached = (first, count) == (0, PRIOR_SIZE) and len(case.plan.rows) <= SMALL_PLAN_STEPS
    if is_cached and PRIOR_STEP_MINUTES in case.__dict__:
        return list[StepMinutes](case.__dict__[PRIOR_STEP_MINUTES])
    with_starts |= is_cached  # another status may need them
    logs = (replication.outcome.log for replication in case.replications(PRIOR_SEED, first, count))
    batches = iter(lambda: [*islice(logs, BATCH)], [])
    step_minutes = (step_minutes_of(case.plan, batch, with_starts=with_starts) for batch in batches)
    # all at once: what is interrupted halfway is not taken for the whole
    return case.__dict__.setdefault(PRIOR_STEP_MINUTES, [*step_minutes]) if is_cached else step_minutes
