"""Choosing: crews, lines, trucks and yard within bounds, so that one number is small while others keep their limits.

A limit is kept with a probability: P80 of the finish on or before a day, P80 of the peak at most 450. All designs are
tried on the same random numbers, which makes them comparable and the best of them look better than it is; so the best
is run again on random numbers that no design was chosen by.
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

from sim.config.load import ConfigLike
from sim.config.overrides import takes_integers
from sim.config.study import Constraint, Input, Scalar
from sim.display import Displayed
from sim.errors import SimError
from sim.study.analyses.design import Design, NoDesign, Settings, of_python, read_study
from sim.study.analyses.sweep import Sweep, SweepSeries, identity, manifest, run_series, sweep_series
from sim.study.chunk import ChunkStore, Floats, StoreView
from sim.study.intervals import quantile
from sim.study.runner import Progress
from sim.study.sample import Sample
from sim.study.storage.checkpoint import open_checkpoint
from sim.study.storage.results import STUDY, require_place, write_study

if TYPE_CHECKING:
    import pandas as pd

KIND = "tuning"
BATCH = 8
"""Designs asked for at a time: fixed, so that the answer does not depend on the number of workers."""
FRESH = 1_000_003
"""Added to the seed for random numbers that nothing was chosen by."""
SHARES = {"p50": 0.5, "p80": 0.8}


class NoTuner(SimError):
    """A library that is asked for only here is missing."""

    exit_code = 2


@dataclass(frozen=True)
class Relaxation:
    """Limits as they would have to be, by metric, and the number of the design that keeps all limits then."""

    at_most: Mapping[str, float]
    design: int


def _limit(limits: Sequence[Constraint], metric: str) -> float:
    return next(limit.at_most for limit in limits if limit.metric == metric)


@dataclass(frozen=True, repr=False)
class Tuned(Displayed):
    """Every design that was tried (the first is the configuration as it is), and the best on fresh random numbers.

    `trials`: a row a design, its settings, objective, the quantile of every constraint, `feasible`, `pareto`, `best`.
    `fresh`: start and best on random numbers nothing was chosen by, with the share of runs that keeps each limit.
    """

    manifest: dict[str, Any]
    trials: pd.DataFrame
    fresh: pd.DataFrame

    def headline(self) -> str:
        """Return what it holds in one line."""
        return f"{len(self.trials)} designs tried"

    @property
    def best(self) -> pd.Series:
        """The best design; the one that misses its limits least where none keeps them."""
        return self.trials[self.trials["best"]].iloc[0]

    def relaxations(self) -> list[Relaxation]:
        """Where no design keeps every limit: how far each limit alone must be relaxed, and which design then keeps all.

        A limit is left out that no relaxing of it alone helps; the last may then say what to relax together.
        """
        if self.trials["feasible"].any():
            return []
        limits = [Constraint.model_validate(limit) for limit in self.manifest["tune"]["constraints"]]
        reached = {limit.metric: self.trials[reached_column(limit)] for limit in limits}
        found: list[Relaxation] = []
        for limit in limits:
            others = [one for one in limits if one is not limit]
            keeps = np.array([all(reached[o.metric][at] <= o.at_most for o in others) for at in self.trials.index])
            numbers = reached[limit.metric].where(keeps, math.inf)
            if math.isfinite(float(numbers.min())):
                found.append(Relaxation({limit.metric: float(numbers.min())}, int(str(numbers.idxmin()))))
        if not found:
            at = int(str(self.best.name))
            missed = {limit.metric: float(reached[limit.metric][at]) for limit in limits}
            found.append(Relaxation({m: v for m, v in missed.items() if v > _limit(limits, m)}, at))
        return found


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
    progress: Progress | None = None,
) -> Tuned:
    """Choose values of inputs that make one metric small while others keep their limits.

    inputs       (low, high) or a list of values, by path as for `--set`
    metric       what is to be small, in its mean, p50 or p80 (`statistic`)
    at_most      limits by metric, each kept with `probability`
    against      second axis of the Pareto set, at its P80
    trials       designs tried: all where there are no more, else chosen by Optuna (extra `tune`)
    runs         replications a design; the start and the best are run again with `fresh_runs` other random numbers

    Instead of a configuration and inputs, the path of a study file may be given; it states all but workers and out.
    Returns an object with `trials`, `fresh` (DataFrames) and `best`. With `out`, finished designs are kept beside that
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
        wanted = {
            "metric": metric, "statistic": statistic, "constraints": limits, "against": against, "trials": trials,
            "fresh_runs": fresh_runs,
        }  # fmt: skip
        design = of_python(config, inputs or {}, ranges=True, runs=runs, seed=seed, tune=wanted)
    return tune_design(design, workers=workers, out=out, resume=resume, progress=progress)


def tune_design(
    design: Design, *, workers: int | None = None, out: str | Path | None = None, resume: bool = False,
    progress: Progress | None = None, extras: Any = None,
) -> Tuned:  # fmt: skip
    """Try designs of a study and return them with the best; `extras(tuned, directory)` adds figures to `out`.

    With `out`, designs that are finished are kept beside it, and `resume` goes on from them: the search is the same
    whatever it was interrupted by, for it depends on the numbers alone.
    """
    if len(design.bases) != 1 or not design.study.inputs:
        raise NoDesign("tuning needs one configuration and `inputs` with bounds")
    tries = _Evaluations(design, workers, progress)
    if out is None:
        return _tuned(design, tries, workers)
    target, wanted = Path(out).absolute(), design.study.tune.model_dump()
    inputs = {name: varied.model_dump() for name, varied in design.study.inputs.items()}
    stated = {**identity(tries.case, design.study.seed), "tune": wanted, "varied": inputs}
    require_place(target, STUDY)
    with open_checkpoint(target, stated, resume=resume) as store:
        tries.store = store
        found = _tuned(design, tries, workers)
        parts = {"trials": found.trials, "fresh": found.fresh}
        write_study(target, KIND, found.manifest, parts, (lambda place: extras(found, place)) if extras else None)
        store.discard()
    return found


def _tuned(design: Design, tries: _Evaluations, workers: int | None) -> Tuned:
    """Try the configuration as it is, then every design or those that Optuna asks for; run the best again."""
    tries.run([{}])
    _require_known(design, tries.case)
    ranges = {name: choices(design, varied) for name, varied in design.study.inputs.items()}
    size = math.prod(len(options) if options else math.inf for options in ranges.values())
    if size <= design.study.tune.trials:
        tries.run(
            [dict(zip(ranges, row, strict=True)) for row in product(*(options or () for options in ranges.values()))]
        )
    else:
        _search(design, tries, ranges)
    trials = _table(design, tries)
    fresh = _on_fresh_seeds(design, tries, trials, workers)
    stated = {**manifest(tries.case, design.study.seed), "tune": design.study.tune.model_dump(), "points": len(trials)}
    return Tuned({**stated, "every_design_tried": size <= design.study.tune.trials}, trials, fresh)


class _Evaluations:
    """Designs tried so far, each once. In the chunk store, they lie in the order in which they were tried."""

    def __init__(self, design: Design, workers: int | None, progress: Progress | None) -> None:
        self.design, self.workers, self.progress = design, workers, progress
        self.samples: dict[tuple[Scalar, ...], Sample] = {}
        self.settings: list[Settings] = []
        self.store: ChunkStore | None = None
        self.case = sweep_series(design, [design.point(0, {})], design.study.runs)

    def run(self, wanted: Sequence[Settings]) -> None:
        """Try those designs that are new."""
        new = list(
            {self.key(settings): settings for settings in wanted if self.key(settings) not in self.samples}.values()
        )
        if not new:
            return
        points = self.design.crossed(new)
        case = SweepSeries(self.design.study.runs, self.case.metrics, self.design, points)
        first, count = len(self.settings) * case.runs, len(new) * case.runs
        store = None if self.store is None else StoreView(self.store, first, count)
        found: Sweep = run_series(case, self.design.study.seed, self.workers, self.progress, store)
        for settings, sample in zip(new, found.samples, strict=True):
            self.samples[self.key(settings)] = sample
            self.settings.append(settings)

    @staticmethod
    def key(settings: Settings) -> tuple[Scalar, ...]:
        """What tells two designs apart."""
        return tuple(settings.values())

    def sample(self, settings: Settings) -> Sample:
        """The replications of a design."""
        return self.samples[self.key(settings)]


def choices(design: Design, varied: Input) -> tuple[Scalar, ...] | None:
    """The values an input may take; None where it is a range of numbers that are not whole."""
    if varied.values:
        return varied.values
    assert varied.low is not None  # the model asks for one or the other
    assert varied.high is not None
    whole = all(takes_integers(design.bases[0], path) for path in design.paths(0, varied.paths))
    if varied.times or not whole:
        return None
    return tuple(range(math.ceil(varied.low), math.floor(varied.high) + 1))


def _require_known(design: Design, case: SweepSeries) -> None:
    """Refuse a metric that is not there."""
    wanted = [design.study.tune.metric, design.study.tune.against, *(c.metric for c in design.study.tune.constraints)]
    if lost := [metric for metric in wanted if metric not in case.metrics]:
        raise NoDesign(f"there is no metric {lost[0]!r}; there are {', '.join(case.metrics)}")


def value(sample: Sample, metric: str, statistic: str) -> float:
    """One number of a design; infinite where it has none, because runs stalled or failed."""
    values = sample.values(metric)
    if len(values) < sample.size or not len(values):
        return math.inf
    found = float(values.mean()) if statistic == "mean" else quantile(np.sort(values), SHARES[statistic])
    return found if math.isfinite(found) else math.inf


def excess(sample: Sample, limit: Constraint) -> float:
    """By how much a design misses a limit, as a share of the limit; not above 0 if it keeps it."""
    values = sample.values(limit.metric)
    if len(values) < sample.size or not len(values):
        return math.inf
    reached = quantile(np.sort(values), limit.probability)
    return (reached - limit.at_most) / max(abs(limit.at_most), 1e-9) if math.isfinite(reached) else math.inf


def _search(design: Design, tries: _Evaluations, ranges: Mapping[str, tuple[Scalar, ...] | None]) -> None:
    """Let Optuna choose designs, a batch at a time, learning from those before."""
    try:
        import optuna
    except ImportError as error:
        raise NoTuner("tuning needs Optuna: pip install optuna, or this package with its extra tune") from error
    wanted = design.study.tune
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=design.study.seed % 2**32, constant_liar=True, n_startup_trials=max(10, wanted.trials // 4)
        )  # fmt: skip
        study = optuna.create_study(sampler=sampler)
        for done in range(0, wanted.trials, BATCH):
            asked = [study.ask() for _ in range(min(BATCH, wanted.trials - done))]
            settings = [_suggested(trial, design, ranges) for trial in asked]
            tries.run(settings)
            for trial, chosen in zip(asked, settings, strict=True):
                sample = tries.sample(chosen)
                for limit in wanted.constraints:
                    trial.set_constraint(reached_column(limit), min(excess(sample, limit), 1e9))
                study.tell(trial, min(value(sample, wanted.metric, wanted.statistic), 1e300))


def _suggested(trial: Any, design: Design, ranges: Mapping[str, tuple[Scalar, ...] | None]) -> dict[str, Scalar]:
    """The settings Optuna suggests."""
    found: dict[str, Scalar] = {}
    for name, options in ranges.items():
        varied = design.study.inputs[name]
        if options is None:
            found[name] = trial.suggest_float(name, varied.low, varied.high)
        elif varied.values:
            found[name] = trial.suggest_categorical(name, options)
        else:
            found[name] = trial.suggest_int(name, options[0], options[-1])
    return found


def _table(design: Design, tries: _Evaluations) -> pd.DataFrame:
    """Every design with its numbers, in the order tried; the start has no settings of its own."""
    import pandas as pd

    wanted = design.study.tune
    rows = []
    for settings in tries.settings:
        sample = tries.sample(settings)
        missed = [excess(sample, limit) for limit in wanted.constraints]
        row: dict[str, Any] = {name: settings.get(name) for name in design.study.inputs}
        row["objective"] = value(sample, wanted.metric, wanted.statistic)
        row["against"] = value(sample, wanted.against, "p80")
        for limit, over in zip(wanted.constraints, missed, strict=True):
            row[reached_column(limit)] = limit.at_most + over * max(abs(limit.at_most), 1e-9)
        rows.append(
            {**row, "missed": sum(max(over, 0.0) for over in missed), "feasible": max(missed, default=0.0) <= 0}
        )
    table = pd.DataFrame(rows)
    # where no design keeps every limit, the Pareto set is that of all designs, with what they miss as a third axis
    some = bool(table["feasible"].any())
    axes = ["objective", "against"] if some else ["objective", "against", "missed"]
    among = table["feasible"].to_numpy() if some else np.ones(len(table), bool)
    table["pareto"] = pareto(table[axes].to_numpy(dtype=np.float64), among)
    order = table.sort_values(["missed", "objective"], kind="stable")
    table["best"] = table.index == order.index[0]
    return table


def reached_column(limit: Constraint) -> str:
    """The name of the column with what a design reaches of a limited metric."""
    return f"p{limit.probability * 100:g}_{limit.metric}"


def pareto(points: Floats, feasible: np.ndarray) -> np.ndarray:
    """Which points no other feasible point beats in every column."""
    alive = feasible & np.isfinite(points).all(axis=1)
    found = alive.copy()
    for at in np.flatnonzero(alive):
        better = alive & (points <= points[at]).all(axis=1) & (points < points[at]).any(axis=1)
        found[at] = not better.any()
    return found


def _on_fresh_seeds(design: Design, tries: _Evaluations, trials: pd.DataFrame, workers: int | None) -> pd.DataFrame:
    """Run start and best again on random numbers that no design was chosen by."""
    import pandas as pd

    best = tries.settings[int(trials.index[trials["best"]][0])]
    points = [design.point(0, settings) for settings in ({}, best)]
    case = SweepSeries(design.study.tune.fresh_runs, tries.case.metrics, design, tuple(points))
    found = run_series(case, design.study.seed + FRESH, workers)
    rows = [_fresh_row(design, name, sample) for name, sample in zip(("start", "best"), found.samples, strict=True)]
    return pd.DataFrame(rows)


def _fresh_row(design: Design, name: str, sample: Sample) -> dict[str, Any]:
    """Return the row of one candidate, at the start or the best: objective and constraints on fresh random numbers."""
    wanted = design.study.tune
    row: dict[str, Any] = {
        "design": name,
        "objective": value(sample, wanted.metric, wanted.statistic),
        "n": sample.size,
    }
    for limit, column in _columns(wanted.constraints):
        over = excess(sample, limit)
        row[column] = limit.at_most + over * max(abs(limit.at_most), 1e-9)
        row[f"kept_{limit.metric}"] = float((sample.values(limit.metric) <= limit.at_most).sum() / sample.size)
    return row


def _columns(limits: Sequence[Constraint]) -> Iterator[tuple[Constraint, str]]:
    """Each limit with the name of its column."""
    return ((limit, reached_column(limit)) for limit in limits)
