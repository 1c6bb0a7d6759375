"""A sweep: many configurations on the same random numbers, as one tidy table.

The points of a study are a series of cases (`SweepSeries`), run, kept and resumed like one case. A point that cannot
be run is a row with its reason and ends no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arguments import checked_arguments, refused, require_known
from sim.config.load import ConfigLike
from sim.display import Displayed
from sim.engine.backends import AUTO
from sim.errors import CheckFailed, SimError
from sim.metrics.registry import DIRECTIONS
from sim.study.analyses.case_series import CaseSeries
from sim.study.analyses.design import Config, Point, StudyDesign, design_of_call, labels, read_study, text_of
from sim.study.api import cluster_executor, cores
from sim.study.case import Case, prepare_case
from sim.study.chunk import Chunk, ChunkStore, Columns, Floats, concatenated, failed
from sim.study.compare import compare, table
from sim.study.executors.memory_estimate import STUDY_TABLE_COPIES, require_memory
from sim.study.result import digest, versions
from sim.study.runner import ReportProgress
from sim.study.runner import run as replicate
from sim.study.sample import COLUMNS, Sample, samples_by_case, summary
from sim.study.statistics.intervals import mean_difference, quantile_differences
from sim.study.storage import results as store
from sim.study.storage.checkpoint import open_checkpoint
from sim.study.storage.output_directory import output_lock
from sim.study.storage.results import STUDY, Extras, require_place, write_study
from sim.world.streams import RNG_VERSION

if TYPE_CHECKING:
    import pandas as pd


# --- case series ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SweepSeries(CaseSeries):
    """The points of a study as one long case: replications 0 … runs − 1 are those of the first point, and so on.

    `runs` is the number of replications of each point.
    """

    design: StudyDesign
    points: tuple[Point, ...]

    @property
    def name(self) -> str:
        """Return the study's name."""
        return self.design.study.name

    def prepare(self, number: int) -> Case:
        """Return the case of a point, prepared to be run."""
        return prepare_for_fastest_engine(self.design.config(self.points[number]))

    def simulate_part(self, case_number: int, seed: int, first: int, replications: range) -> Chunk:
        """Return replications of one point as a chunk; those that cannot be run are failed rows with the reason.

        One point must not end the others; but two engines that differ must.
        """
        try:
            chunk = self.case(case_number).simulate_chunk(seed, first, len(replications))
        except CheckFailed:
            raise
        except SimError as error:
            # a point that could not be prepared fails as a whole; otherwise one replication is to blame
            if len(replications) == 1 or case_number not in self.prepared:
                return failed(replications, self.metrics, str(error))
            return concatenated(
                [
                    self.simulate_part(case_number, seed, first + offset, replications[offset : offset + 1])
                    for offset in range(len(replications))
                ]
            )
        missing = np.full(len(replications), np.nan)
        runs: Columns = {"status": chunk.runs["status"]}
        runs |= {metric: chunk.runs.get(metric, missing) for metric in self.metrics}
        return Chunk(
            replications.start, runs, {}
        )  # the note of a point is why it could not be run, not that time ran out


def sweep_series(design: StudyDesign, points: Sequence[Point], runs: int) -> SweepSeries:
    """Return the points of a study as a series of cases; its metrics are those of all its configurations."""
    metrics: dict[str, None] = {}
    prepared: dict[int, Case] = {}
    for base in range(len(design.bases)):
        first = next(number for number, point in enumerate(points) if point.base == base)
        try:
            prepared[first] = prepare_for_fastest_engine(design.config(points[first]))
            metrics |= dict.fromkeys(prepared[first].metrics)
        except SimError:  # a row of its own in the table; its base has the same metrics
            metrics |= dict.fromkeys(prepare_for_fastest_engine(design.bases[base]).metrics)
    series = SweepSeries(runs, tuple(metrics), design, tuple(points))
    series.prepared.update(prepared)
    return series


def prepare_for_fastest_engine(config: Config) -> Case:
    """Return a configuration ready to be run by the fastest engine there is, checked by the reference in one replication."""
    return replace(prepare_case(config, engine=AUTO), compared_in_every_process=False)


# --- sweep ------------------------------------------------------------------------------------------------------------


KIND = "sweep"
BASE_COLUMNS = ("point", "config")
AS_IT_IS = "as configured"


@dataclass(frozen=True, repr=False)
class Sweep(Displayed):
    """The points of a study with their replications, all on the same random numbers.

    `points` has a row a point: its number, its configuration, its settings, and why it could not be run if so.
    `samples` holds the replications of each point, in order. `manifest` says what was run.

    >>> swept = sim.sweep(sim.load("configs/hybrid.yaml"), {"logistics.cranes": [2, 3, 4]}, runs=200)
    >>> swept.summary(["lead_time_full_days"])
    """

    manifest: dict[str, Any]
    points: pd.DataFrame
    samples: tuple[Sample, ...] = field(repr=False)

    def headline(self) -> str:
        """Return what it holds in one line."""
        return f"{self.manifest.get('study', '') or ', '.join(self.inputs)}: {len(self.points)} points"

    @property
    def inputs(self) -> list[str]:
        """Return the names of what was varied, with `config` first where there are several."""
        several = ["config"] if self.points["config"].nunique() > 1 else []
        return several + list(self.manifest["inputs"])

    @cached_property
    def runs(self) -> pd.DataFrame:
        """Tidy: a row a replication, with the settings of its point, its status and its metrics."""
        import pandas as pd

        rows = [pd.DataFrame({"point": number, **sample.runs}) for number, sample in enumerate(self.samples)]
        return self._settings().merge(pd.concat(rows, ignore_index=True), on="point", validate="one_to_many")

    @checked_arguments
    def summary(self, metrics: Sequence[str] | None = None) -> pd.DataFrame:
        """Tidy: a row a point and metric; settings, mean, P10 … P90, the 95 % intervals of P50 and P80, n."""
        import pandas as pd

        for metric in metrics or ():
            require_known("metric", metric, self.samples[0].metrics)
        rows = [
            {"point": number, "metric": metric, **numbers}
            for number, sample in enumerate(self.samples)
            for metric, numbers in summary(sample).items()
            if metrics is None or metric in metrics
        ]
        statistics = pd.DataFrame(rows, columns=["point", "metric", *COLUMNS])
        return self._settings().merge(statistics, on="point", validate="one_to_many")

    @checked_arguments
    def table(self, metric: str, statistic: str = "p80") -> pd.DataFrame:
        """A row a point: its settings and one number of one metric; SimError names the metrics there are."""
        require_known("metric", metric, self.samples[0].metrics)
        require_known("statistic", statistic, COLUMNS)
        rows = self.summary([metric])
        columns = [*BASE_COLUMNS, *self.manifest["inputs"]]
        interval_columns = [f"{statistic}{end}" for end in ("_low", "_high") if f"{statistic}{end}" in rows]
        return rows[[*columns, statistic, *interval_columns]].rename(columns={statistic: metric})

    @checked_arguments
    def grid(self, metric: str, row: str, column: str, statistic: str = "p80") -> pd.DataFrame:
        """Return one number of one metric as a two-way table of two inputs: the mean over whatever else was varied."""
        for name in (row, column):
            require_known("input", name, [*BASE_COLUMNS, *self.manifest["inputs"]])
        return self.table(metric, statistic).pivot_table(index=row, columns=column, values=metric, sort=False)

    @checked_arguments
    def as_good_as_best(self, metric: str, statistic: str = "p80") -> list[bool]:
        """Return by point whether it cannot be told from the best: the 95 % interval of their paired difference contains 0.

        The best has the smallest number, or the largest of a metric where more is better; points that do not finish are not.
        """
        require_known("metric", metric, self.samples[0].metrics)
        require_known("statistic", statistic, ("mean", *SHARES))
        values = [sample.runs[metric].astype(float) for sample in self.samples]
        numbers = np.array([summary(sample).get(metric, {}).get(statistic, np.nan) for sample in self.samples])
        numbers = np.where(np.isfinite(numbers), -DIRECTIONS.get(metric, -1) * numbers, np.inf)
        best = int(np.argmin(numbers))
        if not np.isfinite(numbers[best]):
            return [False] * len(values)
        return [
            bool(np.isfinite(number)) and (index == best or _is_as_good(values[index], values[best], statistic))
            for index, number in enumerate(numbers)
        ]

    @checked_arguments
    def differences(self, base: int = 0) -> pd.DataFrame:
        """Return every other point against one of them on the same random numbers, pair by pair: a row a metric and point."""
        if type(base) is not int or not 0 <= base < len(self.samples):
            raise refused("base", base, f"the number of a point, from 0 to {len(self.samples) - 1}")
        named = dict(zip(self.labels(), self.samples, strict=True))
        return table(compare(named, DIRECTIONS, base=self.labels()[base]))

    def labels(self) -> list[str]:
        """Return what each point is called."""
        return [str(label) for label in self.points["label"]]

    def _settings(self) -> pd.DataFrame:
        """Return the points without what is only for people."""
        return self.points.drop(columns=["label", "note"])

    @checked_arguments
    def save(self, directory: str | Path, extras: Extras | None = None) -> Path:
        """Write the sweep, all of it or nothing: runs, summary and points as Parquet and CSV, and a manifest."""
        target = Path(directory).absolute()
        with output_lock(target):
            write_study(target, KIND, self.manifest, self.parts(), extras)
        return target

    def parts(self) -> dict[str, pd.DataFrame]:
        """Return the tables that are written."""
        return {"runs": self.runs, "summary": self.summary(), "points": self.points}

    @classmethod
    @checked_arguments
    def load(cls, directory: str | Path) -> Sweep:
        """Read a sweep back; SimError with exit code 2 if there is none or a file of it is damaged."""
        manifest, parts = store.read_study(Path(directory).absolute(), KIND)
        points, runs = parts["points"], parts["runs"]
        skipped = {*BASE_COLUMNS, *manifest["inputs"]}
        metrics = [str(column) for column in runs.columns if column not in skipped]
        samples = [
            Sample({column: rows[column].to_numpy() for column in metrics}, {})
            for _, rows in runs.groupby("point", sort=True)
        ]
        return cls(manifest, points, tuple(samples))


SHARES = {"p50": 0.5, "p80": 0.8}


def _is_as_good(case: Floats, base: Floats, statistic: str) -> bool:
    """Return whether the interval of a paired difference has 0 in it."""
    if statistic == "mean":
        difference = mean_difference(case, base)
    else:
        (difference,) = quantile_differences(case, base, (SHARES[statistic],))
    return bool(difference.low <= 0 <= difference.high)


@checked_arguments
def sweep(
    config: ConfigLike,
    inputs: Mapping[str | tuple[str, ...], Sequence[Any]] | None = None,
    *,
    runs: int | None = None,
    seed: int | None = None,
    workers: int | None = None,
    design: str = "grid",
    scheduler: str | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: ReportProgress | None = None,
) -> Sweep:
    """Run a configuration under many settings, all on the same random numbers.

    `inputs`: values by the path they are set at (as for `--set`; `*` stands for every key), or by a tuple of paths
    that get the same value. `design` is grid (every combination) or list (the k-th value of each). Instead of a
    configuration and inputs, the path of a study file may be given. `scheduler` is a Dask scheduler's address, or local.
    With `out`, finished work is kept beside that directory and `resume` goes on from it. Raises SimError, ConfigError.

    >>> swept = sim.sweep(sim.load("configs/hybrid.yaml"), {"logistics.cranes": [2, 3, 4]}, runs=200)
    >>> swept.table("lead_time_full_days", "p50")
    """
    if isinstance(config, str | Path) and inputs is None:
        study_design = read_study(config)
        counts = {name: value for name, value in {"runs": runs, "seed": seed}.items() if value is not None}
        study_design = replace(study_design, study=study_design.study.model_copy(update=counts))
    else:
        seed = 1 if seed is None else seed
        study_design = design_of_call(config, inputs or {}, runs=runs or 200, seed=seed, design=design)
    return sweep_design(study_design, workers=workers, scheduler=scheduler, out=out, resume=resume, progress=progress)


def sweep_design(
    design: StudyDesign,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: ReportProgress | None = None,
    extras: Any = None,
) -> Sweep:
    """Run every point of a study; `extras(sweep, directory)` adds figures to `out`."""
    points = design.all_points(design.settings())
    case = sweep_series(design, points, design.study.runs)
    if out is None:
        return run_series(case, design.study.seed, workers, progress, scheduler=scheduler)
    target = Path(out).absolute()
    require_place(target, STUDY)
    with open_checkpoint(target, identity(case, design.study.seed), resume=resume) as store:
        result = run_series(case, design.study.seed, workers, progress, store, scheduler)
        write_study(target, KIND, result.manifest, result.parts(), lambda place: extras and extras(result, place))
        store.discard()
    return result


def run_series(
    series: SweepSeries, seed: int, workers: int | None,
    progress: ReportProgress | None = None, store: ChunkStore | None = None, scheduler: str | None = None,
) -> Sweep:  # fmt: skip
    """Return the sweep of all points of a series, each run `series.runs` times; a `store` keeps what was run before.

    Where there are at least twice as many points as workers, a worker is given one whole point at a time. `scheduler`: that
    of a Dask cluster, which all points share; processes of this machine if None.
    """
    processes, total_runs = cores() if workers is None else workers, len(series.points) * series.runs
    require_memory(series, total_runs, processes, tables=STUDY_TABLE_COPIES)
    with cluster_executor(series, seed, processes, scheduler) or nullcontext() as on_cluster:
        workers_there = on_cluster.workers if on_cluster else processes
        is_chunk_a_point = len(series.points) >= 2 * max(workers_there, 1)
        replications = replicate(
            series, seed=seed, runs=total_runs, workers=processes,
            chunk=series.runs if is_chunk_a_point else None, store=store, progress=progress,
            executor=nullcontext(on_cluster) if on_cluster else None,
        )  # fmt: skip
    return Sweep(manifest(series, seed), points_table(series, replications), samples_by_case(replications, series.runs))


def points_table(case: SweepSeries, sample: Sample) -> pd.DataFrame:
    """Return a table, a row a point: number, configuration, settings, label, and why it could not be run if so."""
    import pandas as pd

    names, inputs = [base.value.name for base in case.design.bases], case.design.study.inputs
    point_labels = list(labels(case.points, names))
    rows = [
        {
            "point": number,
            "config": names[point.base],
            **{name: point.settings.get(name, np.nan) for name in inputs},
            "label": point_labels[number],
            "note": sample.notes.get(number * case.runs, ""),
        }
        for number, point in enumerate(case.points)
    ]
    columns = pd.DataFrame(rows)
    for name in inputs:
        if columns[name].dtype == object:  # numbers and texts in one column are all texts
            columns[name] = [AS_IT_IS if pd.isna(value) else text_of(value) for value in columns[name]]
    return columns


def manifest(case: SweepSeries, seed: int) -> dict[str, Any]:
    """Return what was run, as it is stored."""
    study = case.design.study
    return {
        "name": study.name,
        "question": study.question,
        "inputs": {name: list(varied.paths) for name, varied in study.inputs.items()},
        "metrics": list(study.metrics),
        "points": len(case.points),
        "runs": case.runs,
        "seed": seed,
        "rng": RNG_VERSION,
        "versions": versions(),
        "display": case.design.bases[0].value.display.model_dump(mode="json"),
        "configs": {base.value.name: digest(base.value) for base in case.design.bases},
        "weather_files": case.design.weather_files(),
        **({"statuses": statuses} if (statuses := case.design.status_digests()) else {}),
    }


def identity(case: SweepSeries, seed: int) -> dict[str, Any]:
    """Return what must be equal for two sweeps to be the same."""
    return {
        **manifest(case, seed),
        "metrics": list(case.metrics),
        "settings": [
            [point.base, {path: str(value) for path, value in point.changes.items()}] for point in case.points
        ],
    }
