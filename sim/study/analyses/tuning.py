"""Tuning: values of inputs within bounds, such as crews or trucks, that minimise one metric while others keep limits.

A limit is kept with a probability: P80 of the finish on or before a day, P80 of the peak at most 450. All candidates are
simulated on the same random numbers, which makes them comparable but the best one look better than it is; so the best
is simulated again on fresh random numbers, by which none was chosen.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arguments import checked_arguments
from sim.config.load import ConfigLike
from sim.config.overrides import takes_integers
from sim.config.study import Constraint, Input, Scalar
from sim.display import Displayed
from sim.errors import SimError
from sim.study.analyses.design import Settings, StudyDesign, design_of_call, read_study
from sim.study.analyses.sweep import Sweep, SweepSeries, identity, manifest, run_series, sweep_series
from sim.study.chunk import ChunkStore, Floats, StoreView
from sim.study.runner import ReportProgress
from sim.study.sample import Sample
from sim.study.statistics.intervals import quantile
from sim.study.storage.checkpoint import open_checkpoint
from sim.study.storage.results import STUDY, require_place, write_study

if TYPE_CHECKING:
    import pandas as pd

KIND = "tuning"
BATCH = 8
"""Candidates that Optuna suggests at a time: fixed, so that results do not depend on the number of workers."""
FRESH_SEED_OFFSET = 1_000_003
"""Added to the seed for fresh random numbers, by which no candidate was chosen."""
SHARES = {"p50": 0.5, "p80": 0.8}


class MissingOptuna(SimError):
    """Optuna, which only tuning needs, is not installed."""

    exit_code = 2


@dataclass(frozen=True)
class Relaxation:
    """Relaxed limits by metric, and the number of the candidate that keeps all limits then."""

    at_most: Mapping[str, float]
    design: int


def _limit(limits: Sequence[Constraint], metric: str) -> float:
    return next(limit.at_most for limit in limits if limit.metric == metric)


@dataclass(frozen=True, repr=False)
class TuningResult(Displayed):
    """Every candidate that was tried (the first is the configuration as it is), and the best on fresh random numbers.

    `trials`: a row a candidate, its settings, objective, the quantile of every constraint, `feasible`, `pareto`, `best`.
    `fresh`: start and best on fresh random numbers, with the share of runs that keeps each limit.
    """

    manifest: dict[str, Any]
    trials: pd.DataFrame
    fresh: pd.DataFrame

    def headline(self) -> str:
        """Return what it holds in one line."""
        return f"{len(self.trials)} designs tried"

    @property
    def best(self) -> pd.Series:
        """Return the best candidate; the one that misses its limits least where none keeps them."""
        return self.trials[self.trials["best"]].iloc[0]

    def relaxations(self) -> list[Relaxation]:
        """Return how far each limit alone must be relaxed, and which candidate then keeps all; empty if one keeps them now.

        A limit is left out where relaxing it alone does not help; if none helps, one relaxation has several limits.
        """
        if self.trials["feasible"].any():
            return []
        limits = [Constraint.model_validate(limit) for limit in self.manifest["tune"]["constraints"]]
        reached_of = {limit.metric: self.trials[reached_column(limit)] for limit in limits}
        relaxed: list[Relaxation] = []
        for limit in limits:
            others = [(reached_of[other.metric], other.at_most) for other in limits if other is not limit]
            keeps = [all(reached[row] <= at_most for reached, at_most in others) for row in self.trials.index]
            candidates = reached_of[limit.metric].where(np.array(keeps), math.inf)
            if math.isfinite(float(candidates.min())):
                relaxed.append(Relaxation({limit.metric: float(candidates.min())}, int(str(candidates.idxmin()))))
        if not relaxed:
            best = int(str(self.best.name))
            best_reached = {limit.metric: float(reached_of[limit.metric][best]) for limit in limits}
            missed = {name: level for name, level in best_reached.items() if level > _limit(limits, name)}
            relaxed.append(Relaxation(missed, best))
        return relaxed


@checked_arguments
def tune(
    config: ConfigLike,
    inputs: Mapping[str | tuple[str, ...], Sequence[Any]] | None = None,
    *,
    metric: str = "idle_capital_months",
    statistic: str = "mean",
    at_most: Mapping[str, float] | None = None,
    probability: float = 0.8,
    against: str = "lead_time_full_days",
    trials: int = 60,
    runs: int = 200,
    fresh_runs: int = 400,
    seed: int = 1,
    workers: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: ReportProgress | None = None,
) -> TuningResult:
    """Choose values of inputs that make one metric small while others keep their limits.

    inputs       (low, high) or a list of values, by path as for `--set`
    metric       what is to be small, in its mean, p50 or p80 (`statistic`)
    at_most      limits by metric, each kept with `probability`
    against      second axis of the Pareto set, at its P80
    trials       candidates tried: all where there are no more, else chosen by Optuna (extra `tune`)
    runs         replications a candidate; the start and the best are run again with `fresh_runs` other random numbers

    Instead of a configuration and inputs, the path of a study file may be given; it states all but workers and out.
    Returns an object with `trials`, `fresh` (DataFrames) and `best`. With `out`, finished candidates are kept beside that
    directory and `resume` goes on from them. Raises SimError, ConfigError.

    >>> tuned = sim.tune(
    ...     sim.load("configs/hybrid.yaml"),
    ...     {"logistics.cranes": (2, 4)},
    ...     at_most={"peak_workforce_onsite": 450},
    ...     runs=60,
    ... )
    >>> tuned.best
    """
    if isinstance(config, str | Path) and inputs is None:
        design = read_study(config)
    else:
        limits = [
            {"metric": name, "at_most": limit, "probability": probability} for name, limit in (at_most or {}).items()
        ]
        goal = {
            "metric": metric, "statistic": statistic, "constraints": limits, "against": against, "trials": trials,
            "fresh_runs": fresh_runs,
        }  # fmt: skip
        design = design_of_call(config, inputs or {}, ranges=True, runs=runs, seed=seed, tune=goal)
    return tune_design(design, workers=workers, out=out, resume=resume, progress=progress)


def tune_design(
    design: StudyDesign, *, workers: int | None = None, out: str | Path | None = None, resume: bool = False,
    progress: ReportProgress | None = None, extras: Any = None,
) -> TuningResult:  # fmt: skip
    """Try candidates of a study and return them with the best; `extras(tuned, directory)` adds figures to `out`.

    With `out`, candidates that are finished are kept beside it, and `resume` goes on from them: the search is the same
    whatever it was interrupted by, for it depends on the numbers alone.
    """
    if len(design.bases) != 1 or not design.study.inputs:
        raise design.invalid(("inputs",), "tuning needs one configuration and `inputs` with bounds")
    evaluations = _Evaluations(design, workers, progress)
    if out is None:
        return _search_and_rerun(design, evaluations, workers)
    target, goal = Path(out).absolute(), design.study.tune.model_dump()
    inputs = {name: varied.model_dump() for name, varied in design.study.inputs.items()}
    identity_ = {**identity(evaluations.case, design.study.seed), "tune": goal, "varied": inputs}
    require_place(target, STUDY)
    with open_checkpoint(target, identity_, resume=resume) as store:
        evaluations.store = store
        result = _search_and_rerun(design, evaluations, workers)
        parts = {"trials": result.trials, "fresh": result.fresh}
        write_study(target, KIND, result.manifest, parts, (lambda place: extras(result, place)) if extras else None)
        store.discard()
    return result


def _search_and_rerun(design: StudyDesign, evaluations: _Evaluations, workers: int | None) -> TuningResult:
    """Evaluate the configuration as it is, then all candidates or those that Optuna suggests; simulate the best again."""
    evaluations.run([{}])
    _require_metrics(design, evaluations.case)
    ranges = {name: choices(design, varied) for name, varied in design.study.inputs.items()}
    candidates = math.prod(len(options) if options else math.inf for options in ranges.values())
    if candidates <= design.study.tune.trials:
        evaluations.run(
            [dict(zip(ranges, row, strict=True)) for row in product(*(options or () for options in ranges.values()))]
        )
    else:
        _search(design, evaluations, ranges)
    trials = _trials_table(design, evaluations)
    runs_on_fresh_seeds = _rerun_on_fresh_seeds(design, evaluations, trials, workers)
    run_manifest = {**manifest(evaluations.case, design.study.seed), "tune": design.study.tune.model_dump()}
    counts = {"points": len(trials), "every_design_tried": candidates <= design.study.tune.trials}
    return TuningResult({**run_manifest, **counts}, trials, runs_on_fresh_seeds)


class _Evaluations:
    """Candidates simulated so far, each once; the chunk store has them in the order in which they were simulated."""

    def __init__(self, design: StudyDesign, workers: int | None, progress: ReportProgress | None) -> None:
        self.design, self.workers, self.progress = design, workers, progress
        self.samples: dict[tuple[Scalar, ...], Sample] = {}
        self.settings: list[Settings] = []
        self.store: ChunkStore | None = None
        self.case = sweep_series(design, [design.point(0, {})], design.study.runs)

    def run(self, candidates: Sequence[Settings]) -> None:
        """Simulate those candidates that are new."""
        new = list(
            {self.key(settings): settings for settings in candidates if self.key(settings) not in self.samples}.values()
        )
        if not new:
            return
        points = self.design.all_points(new)
        case = SweepSeries(self.design.study.runs, self.case.metrics, self.design, points)
        first, count = len(self.settings) * case.runs, len(new) * case.runs
        store = None if self.store is None else StoreView(self.store, first, count)
        sweep: Sweep = run_series(case, self.design.study.seed, self.workers, self.progress, store)
        for settings, sample in zip(new, sweep.samples, strict=True):
            self.samples[self.key(settings)] = sample
            self.settings.append(settings)

    @staticmethod
    def key(settings: Settings) -> tuple[Scalar, ...]:
        """Return what tells two designs apart."""
        return tuple(settings.values())

    def sample(self, settings: Settings) -> Sample:
        """Return the replications of a design."""
        return self.samples[self.key(settings)]


def choices(design: StudyDesign, varied: Input) -> tuple[Scalar, ...] | None:
    """Return the values that an input may take; None for a range of numbers that are not whole."""
    if varied.values:
        return varied.values
    assert varied.low is not None  # the model asks for one or the other
    assert varied.high is not None
    integers = all(takes_integers(design.bases[0], path) for path in design.paths(0, varied.paths))
    if varied.times or not integers:
        return None
    return tuple(range(math.ceil(varied.low), math.floor(varied.high) + 1))


def _require_metrics(design: StudyDesign, case: SweepSeries) -> None:
    """Refuse a metric that is not there."""
    wanted = [design.study.tune.metric, design.study.tune.against, *(c.metric for c in design.study.tune.constraints)]
    if lost := [metric for metric in wanted if metric not in case.metrics]:
        raise design.invalid(("tune",), f"there is no metric {lost[0]!r}; there are {', '.join(case.metrics)}")


def value(sample: Sample, metric: str, statistic: str) -> float:
    """Return one number of a candidate; infinite where it has none, because runs stalled or failed."""
    values = sample.values(metric)
    if len(values) < sample.size or not len(values):
        return math.inf
    number = float(values.mean()) if statistic == "mean" else quantile(np.sort(values), SHARES[statistic])
    return number if math.isfinite(number) else math.inf


def excess(sample: Sample, limit: Constraint) -> float:
    """Return by how much a candidate misses a limit, as a share of the limit; not above 0 if it keeps it."""
    values = sample.values(limit.metric)
    if len(values) < sample.size or not len(values):
        return math.inf
    quantile_reached = quantile(np.sort(values), limit.probability)
    return (
        (quantile_reached - limit.at_most) / max(abs(limit.at_most), 1e-9)
        if math.isfinite(quantile_reached)
        else math.inf
    )


def _search(design: StudyDesign, evaluations: _Evaluations, ranges: Mapping[str, tuple[Scalar, ...] | None]) -> None:
    """Let Optuna suggest candidates, a batch at a time, from the results of those before."""
    try:
        import optuna
    except ImportError as error:
        raise MissingOptuna("tuning needs Optuna: pip install optuna, or this package with its extra tune") from error
    goal = design.study.tune
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=design.study.seed % 2**32, constant_liar=True, n_startup_trials=max(10, goal.trials // 4)
        )  # fmt: skip
        study = optuna.create_study(sampler=sampler)
        for first in range(0, goal.trials, BATCH):
            optuna_trials = [study.ask() for _ in range(min(BATCH, goal.trials - first))]
            settings = [_suggested_settings(trial, design, ranges) for trial in optuna_trials]
            evaluations.run(settings)
            for trial, candidate in zip(optuna_trials, settings, strict=True):
                sample = evaluations.sample(candidate)
                for limit in goal.constraints:
                    trial.set_constraint(reached_column(limit), min(excess(sample, limit), 1e9))
                study.tell(trial, min(value(sample, goal.metric, goal.statistic), 1e300))


def _suggested_settings(
    trial: Any, design: StudyDesign, ranges: Mapping[str, tuple[Scalar, ...] | None]
) -> dict[str, Scalar]:
    """Return the settings that Optuna suggests."""
    settings: dict[str, Scalar] = {}
    for name, options in ranges.items():
        varied = design.study.inputs[name]
        if options is None:
            settings[name] = trial.suggest_float(name, varied.low, varied.high)
        elif varied.values:
            settings[name] = trial.suggest_categorical(name, options)
        else:
            settings[name] = trial.suggest_int(name, options[0], options[-1])
    return settings


def _trials_table(design: StudyDesign, evaluations: _Evaluations) -> pd.DataFrame:
    """Return all candidates with their numbers, in the order tried; the first, the start, has no settings of its own."""
    import pandas as pd

    goal = design.study.tune
    rows = []
    for settings in evaluations.settings:
        sample = evaluations.sample(settings)
        misses = [excess(sample, limit) for limit in goal.constraints]
        row: dict[str, Any] = {name: settings.get(name) for name in design.study.inputs}
        row["objective"] = value(sample, goal.metric, goal.statistic)
        row["against"] = value(sample, goal.against, "p80")
        for limit, miss in zip(goal.constraints, misses, strict=True):
            row[reached_column(limit)] = limit.at_most + miss * max(abs(limit.at_most), 1e-9)
        rows.append(
            {**row, "missed": sum(max(miss, 0.0) for miss in misses), "feasible": max(misses, default=0.0) <= 0}
        )
    table = pd.DataFrame(rows)
    # where no design keeps every limit, the Pareto set is that of all designs, with what they miss as a third axis
    any_feasible = bool(table["feasible"].any())
    axes = ["objective", "against"] if any_feasible else ["objective", "against", "missed"]
    eligible = table["feasible"].to_numpy() if any_feasible else np.ones(len(table), bool)
    table["pareto"] = pareto(table[axes].to_numpy(dtype=np.float64), eligible)
    order = table.sort_values(["missed", "objective"], kind="stable")
    table["best"] = table.index == order.index[0]
    return table


def reached_column(limit: Constraint) -> str:
    """Return the name of the column with what a candidate reaches of a limited metric."""
    return f"p{limit.probability * 100:g}_{limit.metric}"


def pareto(points: Floats, feasible: np.ndarray) -> np.ndarray:
    """Return which feasible points are Pareto-optimal, smaller being better: no other is at least as good in all columns."""
    eligible = feasible & np.isfinite(points).all(axis=1)
    optimal = eligible.copy()
    for row in np.flatnonzero(eligible):
        dominating = eligible & (points <= points[row]).all(axis=1) & (points < points[row]).any(axis=1)
        optimal[row] = not dominating.any()
    return optimal


def _rerun_on_fresh_seeds(
    design: StudyDesign, evaluations: _Evaluations, trials: pd.DataFrame, workers: int | None
) -> pd.DataFrame:
    """Simulate start and best on random numbers by which no candidate was chosen; return a row for each."""
    import pandas as pd

    best = evaluations.settings[int(trials.index[trials["best"]][0])]
    points = [design.point(0, settings) for settings in ({}, best)]
    case = SweepSeries(design.study.tune.fresh_runs, evaluations.case.metrics, design, tuple(points))
    sweep = run_series(case, design.study.seed + FRESH_SEED_OFFSET, workers)
    rows = [_fresh_row(design, name, sample) for name, sample in zip(("start", "best"), sweep.samples, strict=True)]
    return pd.DataFrame(rows)


def _fresh_row(design: StudyDesign, name: str, sample: Sample) -> dict[str, Any]:
    """Return the row of one candidate, at the start or the best: objective and constraints on fresh random numbers."""
    goal = design.study.tune
    row: dict[str, Any] = {"design": name, "objective": value(sample, goal.metric, goal.statistic), "n": sample.size}
    for limit, column in _columns(goal.constraints):
        miss = excess(sample, limit)
        row[column] = limit.at_most + miss * max(abs(limit.at_most), 1e-9)
        row[f"kept_{limit.metric}"] = float((sample.values(limit.metric) <= limit.at_most).sum() / sample.size)
    return row


def _columns(limits: Sequence[Constraint]) -> Iterator[tuple[Constraint, str]]:
    """Each limit with the name of its column."""
    return ((limit, reached_column(limit)) for limit in limits)
