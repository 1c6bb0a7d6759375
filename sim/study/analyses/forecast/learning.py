"""What actuals teach about common factors, and which histories they leave possible: simulated pasts beside the facts.

Some hundred replications of the whole project are simulated from its first day. Each gives a past that might have been, and
with it two things: what its facts would have been (summary statistics), and the standard normal scores of its common factors
(pace, labour losses, suppliers, lots).

Learning is Bayes linear (Goldstein and Wooff, Bayes Linear Statistics, 2007, section 3.1; in weather forecasting the ensemble
smoother, van Leeuwen and Evensen 1996): each score is regressed on the statistics, by ridge regression whose penalty has the
smallest leave-one-out error (Golub, Heath and Wahba 1979). The posterior has the mean of the regression at the actual
facts, and the spread and correlation of its leave-one-out residuals: what the facts do not predict out of sample is not
learnt, so few data move little. The draws of the factors are moved, so what is common stays common random numbers.

What a status does not state is filled in from the simulated pasts whose facts are nearest (multiple imputation, Rubin 1987;
nearest by rejection, Beaumont et al. 2002): a coarse status leaves several pasts possible, and the forecast is as wide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from sim.jit import special_functions
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.deterministic_draws import expected_draws
from sim.plan.draws import Inputs, Uniforms
from sim.plan.vocabulary import WORK, Log
from sim.study.analyses.forecast.plan_steps import NEVER, PlanSteps
from sim.study.analyses.forecast.status import ONLINE, Fact, Status
from sim.study.case import Case
from sim.study.executors.worker_process import in_two_halves
from sim.world.quantile_tables import DISCRETE, FIXED, sample_one
from sim.world.working_time import Calendar

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LEAST_LEARNT = 0.05
"""Share of the variance of a factor that facts must predict out of sample; less is noise of the simulated pasts."""
PENALTIES = np.logspace(-2, 5, 22)
FURTHEST = 6.0
"""Standard deviations from the simulated pasts beyond which a fact says no more: a line is not trusted further."""
EDGE = 1e-6
PASTS = 200
"""Pasts that are simulated, to learn from and to fill in what a status does not state."""
PAST_SEED = 1_000_003
"""Seed of the pasts: another one than that of forecasts, whose future must not be their own past."""
NOT_LEARNT = ("prices", "risk")
"""Groups of factors that no status speaks of: dates say nothing about prices, and whether a risk happened is a fact."""


@dataclass(frozen=True)
class Learnt:
    """One common factor: median, P10 and P90 before and after, and the share of its variance that the facts explain."""

    factor: str
    explained: float
    prior: tuple[float, float, float]
    posterior: tuple[float, float, float]


@dataclass(frozen=True)
class Posterior:
    """Scores of the factors that were learnt, given the facts: z' = mean + root @ z."""

    factors: tuple[str, ...]
    mean: Floats
    root: Floats
    explained: Floats

    def described(self, inputs: Inputs) -> list[Learnt]:
        """Return prior and posterior of every factor that was learnt, those that moved most first."""
        spread = np.sqrt((self.root**2).sum(axis=1))
        order = np.argsort(-np.abs(self.mean))
        return [self._learnt(inputs, number, float(spread[number])) for number in order.tolist()]

    def _learnt(self, inputs: Inputs, number: int, spread: float) -> Learnt:
        """Return prior and posterior of one factor, in its own unit."""
        name = self.factors[number]
        table = int(inputs.factor_table[inputs.factors.index(name)])
        scores = special_functions().ndtri(np.array([0.5, 0.1, 0.9]))
        before, after = (
            tuple(sample_one(inputs.tables, table, float(u)) for u in special_functions().ndtr(at))
            for at in (scores, self.mean[number] + spread * scores)
        )
        return Learnt(name, float(self.explained[number]), before, after)  # type: ignore[arg-type]


class PosteriorUniforms:
    """Draws of first attempts as elsewhere, but those of learnt factors are moved to where the posterior has them."""

    def __init__(self, inputs: Inputs, plain: Uniforms, posterior: Posterior) -> None:
        self.inputs, self.plain, self.posterior = inputs, plain, posterior
        there = [n for n, name in enumerate(posterior.factors) if name in inputs.factors]
        self.rows = [inputs.factors.index(posterior.factors[n]) for n in there]
        self.mean, self.root = posterior.mean[there], posterior.root[np.ix_(there, there)]

    def __call__(self, names: Sequence[str], first: int, count: int) -> Floats:
        """Return the draws of these names, shape (names, count)."""
        drawn = self.plain(names, first, count)
        if names is self.inputs.factors and self.rows:
            scores = special_functions().ndtri(drawn[self.rows])
            moved = np.repeat(self.mean[:, None], count, axis=1)
            # column by column: the last bit of a product of matrices depends on how many replications are drawn together
            for column, score in zip(self.root.T, scores, strict=True):
                moved = moved + column[:, None] * score
            drawn[self.rows] = np.clip(special_functions().ndtr(moved), EDGE, 1 - EDGE)
        return drawn


# --- facts as statistics --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Past:
    """When projects did which step, last (`done`) and first (`begun`), in minutes; NEVER where one did not.

    Both have the shape (pasts, steps); `begun` has no steps where nobody asks for it.
    """

    done: Ints
    begun: Ints


def pasts_of(plan: CompiledPlan, logs: Sequence[Log], *, begins: bool = True) -> Past:
    """Return simulated pasts; of a step that is done again the last time counts, as in what is reported."""
    steps = len(plan.rows)
    done, begun = (np.full((len(logs), many), NEVER, np.int64) for many in (steps, steps if begins else 0))
    for past, log in enumerate(logs):
        # numpy keeps the last value that is assigned to a place
        done[past, log[:, 1]] = log[:, 0]
        if begins:
            works = log[plan.rows[log[:, 1], 0] == WORK][::-1]
            begun[past, works[:, 1]] = works[:, 2]
    return Past(done, begun)


class Statistics:
    """The few numbers that sum the facts of a status up, and the same numbers of a simulated past.

    Counts by stage; by kind of milestone and of activity the mean finish, and of activities the mean logarithm of how long
    they took.
    """

    def __init__(self, steps: PlanSteps, status: Status) -> None:
        self.steps = steps
        self.evidence = 0
        self.needs_begins = False
        self.actual: list[float] = []
        self._of: list[Callable[[Past], Floats]] = []
        for what in dict.fromkeys(fact.what for fact in status.of("count")):
            self._count(what, [fact for fact in status.of("count") if fact.what == what])
        self._hours(status)
        self._finishes(list(self._milestones(status)))
        self._finishes(list(self._activities(status)))
        self._lengths(status)

    def of(self, pasts: Past) -> Floats:
        """Return what the facts would have been in some pasts, shape (pasts, statistics)."""
        found = np.empty((len(pasts.done), len(self._of)))
        for column, statistic in enumerate(self._of):
            found[:, column] = statistic(pasts)
        return found

    def _add(self, actual: float, statistic: Callable[[Past], Floats], evidence: int) -> None:
        self.actual.append(actual)
        self._of.append(statistic)
        self.evidence += evidence

    def _count(self, what: str, facts: Iterable[Fact]) -> None:
        places = np.array([self.steps.routes[unit].steps[place] for unit, place in self.steps.stages[what]])
        per = self.steps.mw_of_block if what == ONLINE else 1.0
        for fact in facts:
            date, count = int(fact.date or 0), float(fact.count or 0) / per
            self._add(count, partial(_done_by, places, date), int(count))

    def _hours(self, status: Status) -> None:
        """Add the hours that are reported as earned: what the works done by then were budgeted."""
        facts = [fact for fact in status.of("hours") if fact.what == "earned" and fact.date is not None]
        if facts:
            plan = self.steps.plan
            steps = np.flatnonzero((plan.rows[:, 0] == WORK) & plan.earns)
            budget = plan.people[steps].sum(axis=1) * expected_draws(plan.inputs).content[plan.rows[steps, 1]] / 60
            for fact in facts:
                self._add(float(fact.count or 0), partial(_earned_by, steps, budget, int(fact.date or 0)), 1)

    def _milestones(self, status: Status) -> Iterator[tuple[str, int, int]]:
        """Yield kind, last step and minute of every milestone that was reached."""
        for fact in status.of("milestone"):
            unit = self.steps.milestone(fact.what)
            if unit is not None and fact.finish is not None:
                info = self.steps.plan.unit_info[unit]
                name = fact.what.rpartition(".")[2] if info.kind == "step" else ""
                yield f"{info.kind} {info.part} {name}", self.steps.routes[unit].steps[-1], fact.finish

    def _activities(self, status: Status) -> Iterator[tuple[str, int, int]]:
        """Yield name, step and minute of every activity that is finished."""
        for fact in status.of("activity"):
            if fact.finish is not None:
                yield fact.what.partition("/")[2], self.steps.works[fact.what][1], fact.finish

    def _finishes(self, facts: Sequence[tuple[str, int, int]]) -> None:
        for kind in dict.fromkeys(kind for kind, _, _ in facts):
            mine = [(step, minute) for other, step, minute in facts if other == kind]
            places = np.array([step for step, _ in mine])
            mean = float(np.mean([minute for _, minute in mine]))
            self._add(mean, partial(_mean_finish, places), len(mine))

    def _lengths(self, status: Status) -> None:
        """Add how long activities of a name took: the mean, in working minutes of the first one's calendar."""
        by_name: dict[str, list[tuple[int, int, int]]] = {}
        for fact in status.of("activity"):
            # begun and finished in one minute: how long it took is not known, as of what only a count tells
            if fact.start is not None and fact.finish is not None and fact.finish > fact.start:
                step = self.steps.works[fact.what][1]
                by_name.setdefault(fact.what.partition("/")[2], []).append((step, fact.start, fact.finish))
        self.needs_begins = bool(by_name)
        for mine in by_name.values():
            rows = np.array(mine, np.int64)
            calendar = self.steps.plan.base_calendars[self.steps.rows[mine[0][0]][2]]

            actual = Past(done=rows[None, :, 2], begun=rows[None, :, 1])
            self._add(
                float(_mean_length(np.arange(len(rows)), calendar, actual)[0]),
                partial(_mean_length, rows[:, 0], calendar),
                evidence=0,
            )


def _done_by(steps: Ints, date: int, pasts: Past) -> Floats:
    """Return how many of some steps were done by a minute, by past."""
    return np.asarray((pasts.done[:, steps] <= date).sum(axis=1), float)


def _earned_by(steps: Ints, hours: Floats, date: int, pasts: Past) -> Floats:
    """Return the hours that some works have earned by a minute, by past."""
    return np.asarray((pasts.done[:, steps] <= date) @ hours, float)


def _mean_finish(steps: Ints, pasts: Past) -> Floats:
    """Return the mean minute at which some steps were done, of those that were, by past."""
    return _mean_where(pasts.done[:, steps], pasts.done[:, steps] < NEVER)


def _mean_length(steps: Ints, calendar: Calendar, pasts: Past) -> Floats:
    """Return the mean logarithm of the working minutes that some works took, of those that were done, by past."""
    done, begun = pasts.done[:, steps], pasts.begun[:, steps]
    there = done < NEVER
    worked = np.ones(done.shape)
    worked[there] = calendar.worked_many(done[there]) - calendar.worked_many(begun[there])
    return _mean_where(np.log(np.maximum(worked, 1)), there)


def _mean_where(values: Ints | Floats, there: NDArray[np.bool_]) -> Floats:
    """Return the mean of each row's values that are there; not-a-number where none is."""
    number = there.sum(axis=1)
    total = np.where(there, values, 0).sum(axis=1)
    return np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)


# --- simulated pasts ------------------------------------------------------------------------------------------------


class Pasts:
    """Simulated pasts of a project: the scores of their factors, and their statistics beside the actual ones."""

    def __init__(self, inputs: Inputs, drawn: Floats, statistics: Statistics, found: Floats) -> None:
        """Set the actual statistics beside those `found` in pasts; `drawn` are uniforms of the factors, (factors, pasts)."""
        self.inputs, self.evidence = inputs, statistics.evidence
        self.scores: Floats = special_functions().ndtri(np.clip(drawn, EDGE, 1 - EDGE))
        there: NDArray[np.bool_] = np.asarray(np.isfinite(found).all(axis=0))
        mean, spread = found[:, there].mean(axis=0), found[:, there].std(axis=0)
        there[there] = spread > 0
        mean, spread = mean[spread > 0], spread[spread > 0]
        self.standard: Floats = (found[:, there] - mean) / spread
        actual = np.array(statistics.actual)[there]
        self.actual: Floats = np.clip((actual - mean) / spread, -FURTHEST, FURTHEST)

    def nearest(self, number: int) -> list[int]:
        """Return so many pasts whose statistics are nearest to the actual ones, in order of their distance."""
        distance = ((self.standard - self.actual) ** 2).sum(axis=1)
        return [int(at) for at in np.argsort(distance, kind="stable")[:number]]

    @cached_property
    def posterior(self) -> Posterior:
        """Return what the facts say about the factors."""
        names, groups = self.inputs.factors, self.inputs.factor_groups
        continuous = ~np.isin(self.inputs.tables.kind[self.inputs.factor_table], (FIXED, DISCRETE))
        rows = [n for n in np.flatnonzero(continuous).tolist() if groups[n] not in NOT_LEARNT]
        nothing = Posterior((), np.zeros(0), np.zeros((0, 0)), np.zeros(0))
        if not rows or not self.standard.shape[1]:
            return nothing
        mean, residual, explained = _ridge(self.standard, self.scores[rows].T, self.actual)
        kept = np.flatnonzero(explained >= LEAST_LEARNT)
        if not len(kept):
            return nothing
        correlation = np.atleast_2d(np.corrcoef(residual[:, kept], rowvar=False))
        spread = np.sqrt(1 - explained[kept])
        values, vectors = np.linalg.eigh(correlation * np.outer(spread, spread))
        # the symmetric root: of all roots the one that leaves each draw nearest to what it was
        root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
        return Posterior(tuple(names[rows[n]] for n in kept), mean[kept], root, explained[kept])


def _ridge(x: Floats, z: Floats, at: Floats) -> tuple[Floats, Floats, Floats]:
    """Return predictions of every column of z at a point, leave-one-out residuals, and the share of variance explained.

    `x` is standardised, shape (n, p); z has mean 0 and variance 1 by definition, shape (n, q).
    """
    # the thin singular value decomposition by the smaller of the two products: there are more facts than pasts
    values, u = np.linalg.eigh(x @ x.T)
    kept = values > values[-1] * 1e-12
    d, u = np.sqrt(values[kept]), u[:, kept]
    v = (u / d).T @ x
    middle = z.mean(axis=0)
    projected = u.T @ (z - middle)
    total = ((z - middle) ** 2).sum(axis=0)
    best, mean, residual = np.full(z.shape[1], np.inf), np.zeros(z.shape[1]), z.copy()
    for penalty in PENALTIES:
        shrunk = d**2 / (d**2 + penalty)
        leverage = 1 / len(x) + (u**2 * shrunk).sum(axis=1)
        left = (z - middle - u @ (shrunk[:, None] * projected)) / (1 - leverage)[:, None]
        error = (left**2).sum(axis=0)
        better = error < best
        best = np.where(better, error, best)
        residual[:, better] = left[:, better]
        mean[better] = ((v @ at) * (d / (d**2 + penalty)) @ projected)[better]
    return mean, residual, np.clip(1 - best / total, 0.0, 0.999)


def pasts_beside_facts(case: Case, status: Status, workers: int = 1) -> Pasts:
    """Return simulated pasts of a case from its first day, beside the facts of a status."""
    statistics = Statistics(PlanSteps.of(case), status)
    # of a small plan the logs of pasts are kept here, where the next status asks for them
    fork = workers > 1 and len(case.plan.rows) > KEPT_STEPS
    found = np.array(in_two_halves(partial(_statistics, case, statistics), range(PASTS), fork=fork))
    drawn = case.draws(PAST_SEED).uniforms(case.plan.inputs.factors, 0, PASTS)
    return Pasts(case.plan.inputs, drawn, statistics, found)


KEPT_STEPS = 20_000
"""Steps of a plan up to which its simulated pasts are kept for the next status: 64 MB."""
TOGETHER = 10
"""Pasts that are looked at together."""


def _statistics(case: Case, statistics: Statistics, pasts: Sequence[int]) -> Floats:
    """Return the statistics of some consecutive pasts, shape (pasts, statistics)."""
    simulated = simulated_pasts(case, pasts[0], len(pasts), begins=statistics.needs_begins)
    return np.concatenate([statistics.of(some) for some in simulated])


def simulated_pasts(case: Case, first: int = 0, count: int = PASTS, *, begins: bool = True) -> Iterable[Past]:
    """Return pasts that might have been, some at a time, the same ones for every status of a case."""
    begins |= len(case.plan.rows) <= KEPT_STEPS  # what is kept is for every status
    logs = (done.outcome.log for done in case.replications(PAST_SEED, first, count))
    found = (pasts_of(case.plan, some, begins=begins) for some in iter(lambda: [*islice(logs, TOGETHER)], []))
    if len(case.plan.rows) > KEPT_STEPS:
        return found
    kept: list[Past] = case.__dict__.setdefault("_pasts", [])
    if not kept:
        kept += found
    return kept
