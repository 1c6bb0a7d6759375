"""What users call: load a project, run it, compare strategies on the same random numbers."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim import files
from sim.arguments import checked_arguments
from sim.config.load import ConfigLike, Loaded, as_config, load_as
from sim.config.overrides import continued
from sim.config.project import Project
from sim.config.study import Study, other_kind
from sim.display import Displayed
from sim.engine.backends import AUTO
from sim.errors import ConfigError, SimError
from sim.metrics.metric import finish_metric
from sim.metrics.registry import directions_of
from sim.study.analyses.case_series import are_levers_quick, measure_levers
from sim.study.case import Case, prepare_case
from sim.study.compare import Difference
from sim.study.compare import compare as paired
from sim.study.executors.interruption import interruptible
from sim.study.executors.memory_estimate import require_memory
from sim.study.executors.process_pool import ProcessPool
from sim.study.executors.worker_process import WorkerConnection
from sim.study.gantt_ranges import BINDINGS, RECORDED_RUNS, gantt_ranges
from sim.study.result import Result, ResultBuilder, digest, identity, manifest, prepare_stored, versions, write_result
from sim.study.runner import ReportProgress, default_executor, expectations, interrupt_message
from sim.study.runner import parse as parse_precision
from sim.study.runner import run as replicate
from sim.study.sample import Sample, representative
from sim.study.statistics.control_variates import CONTROLS, controls
from sim.study.statistics.sobol_indices import indices
from sim.study.storage.checkpoint import Checkpoint, open_checkpoint
from sim.study.storage.input_files import InputFiles, input_files
from sim.study.storage.results import RESULT, csv_bytes, require_place
from sim.world.streams import RNG_VERSION, choose_sampling
from sim.world.weather.project_weather import fingerprint, weather_model

if TYPE_CHECKING:
    import pandas as pd

    from sim.study.chunk import CaseLike
    from sim.study.executors.dask_cluster import DaskExecutor

RUNS, SEED = 1000, 1
FIRST_STRATIFIED_RUNS = 1024
"""Replications with which a stratified sample begins that grows until it is precise enough."""
HELD_SECONDS = 12.0
"""Seconds for which chunks are held in memory: a run that ends sooner shows its verdict before it loads the code that
writes files; each of three compared runs of a thousand replications does."""
Config = Loaded[Project]


@dataclass(frozen=True, repr=False)
class Comparison(Displayed):
    """Several projects on the same random numbers: their results by name, and the paired differences to the first.

    >>> found = sim.compare([sim.load("configs/hybrid.yaml"), sim.load("configs/modular.yaml")], runs=200)
    >>> found.results["hybrid"].summary()
    >>> found.table()
    """

    results: Mapping[str, Result]
    differences: tuple[Difference, ...]

    def headline(self) -> str:
        """Return what it holds in one line."""
        return f"{', '.join(self.results)}; differences to {next(iter(self.results), 'none')}"

    def table(self) -> pd.DataFrame:
        """Return the paired differences as a DataFrame: a row a metric and pair."""
        from sim.study.compare import table

        return table(list(self.differences))

    @checked_arguments
    def write(self, path: str | Path) -> None:
        """Write the paired differences as CSV."""
        files.write(Path(path), csv_bytes(self.table()))


@checked_arguments
def load(
    source: str | Path | Mapping[str, Any], overrides: Sequence[str] = (), *, status: str | Path | None = None
) -> Config:
    """Read and check a project; `overrides` are "a.b=c". Raises ConfigError with every problem at once.

    `source` is a path, the name of a shipped project (`sim examples` lists them), or a dictionary with a file's keys.
    `status` is a file as `sim status init` writes it: whatever is done with the project then goes on from there.

    >>> mine = sim.load({"extends": "hybrid", "name": "mine", "scale": {"capacity_mw": 120}})
    >>> config = sim.load("configs/hybrid.yaml", ["logistics.cranes=3"])
    >>> config.value.scale.capacity_mw
    """
    try:
        loaded = load_as(Project, source, overrides)
    except ConfigError as error:
        hint = f"is a study, not a project: sim sweep {source} runs it"
        raise other_kind(error, Study.model_fields, source, hint) from None
    return loaded if status is None else continued(loaded, status)


@checked_arguments
def run(
    config: ConfigLike,
    *,
    runs: int = RUNS,
    seed: int = SEED,
    workers: int | None = None,
    precision: str | None = None,
    max_runs: int = 5000,
    sampling: str = "mc",
    engine: str = AUTO,
    scheduler: str | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: ReportProgress | None = None,
    extras: Callable[[Result, Path], object] | None = None,
    on_runs: Callable[[Result], object] | None = None,
    on_sample: Callable[[Result, Sequence[WorkerConnection]], object] | None = None,
    on_details: Callable[[Result], object] | None = None,
    levers: bool | None = False,
) -> Result:
    """Run a project many times; return its metrics, curves and one representative run.

    `config`: what `sim.load` returns or takes. `workers`: processes, all cores if None.
    `precision` like "1%@p80:lead_time_full_days" grows the sample up to
    `max_runs` instead. `sampling` is mc, lhs, sobol or sobol-all; all but mc round `runs` up to whole
    randomisations. `engine` is auto, simpy or compiled: the same numbers, later or sooner. `scheduler` is a Dask
    scheduler's address, or local. With `out`, finished chunks are kept beside that directory until `discard`ed,
    and `resume` goes on from them; `extras(result, directory)` adds figures to it. `on_runs(result)` is
    called as soon as all replications are there, with a result that has neither curves nor control variates yet,
    `on_sample(result, idle_workers)` as soon as it has these but no representative run, `on_details(result)` as soon as it
    has one. `levers` adds what one more line, crew or crane, or another policy, buys
    (`result.table("levers")`); None: if that takes a few seconds.
    `progress(done, total, seconds_left)` is told how far it is; without it a notebook or a terminal has a bar.
    Raises SimError.

    >>> result = sim.run(sim.load("configs/hybrid.yaml"), runs=200, seed=1)
    >>> result.summary().loc["lead_time_full_days", ["p50", "p80"]]
    """
    sampled = sampled_run(
        config, runs=runs, seed=seed, workers=workers, precision=precision, max_runs=max_runs, sampling=sampling,
        engine=engine, scheduler=scheduler, out=out, resume=resume, progress=progress, on_runs=on_runs,
        on_sample=on_sample,
    )  # fmt: skip
    with sampled as run_so_far:
        result = run_so_far.finished(extras=extras, on_details=on_details, levers=levers)
        run_so_far.discard_chunks()
    return result


@dataclass(frozen=True)
class SampledRun:
    """A run whose replications are there: its case, its result without details, and the place where it is written."""

    case: Case
    result: Result
    workers: int
    out: Path | None
    store: Checkpoint | None
    idle_workers: Sequence[WorkerConnection] = ()
    """Processes that have simulated, and may have kept some replications."""

    def finished(
        self, *, extras: Callable[[Result, Path], object] | None = None,
        on_details: Callable[[Result], object] | None = None, levers: bool | None = False, workers: int | None = None,
    ) -> Result:  # fmt: skip
        """Return the result with its details, written where it belongs; the arguments are those of `run`."""
        workers = self.workers if workers is None else workers
        result = with_details(self.case, self.result, workers, self.idle_workers)
        if on_details is not None:
            on_details(result)
        result = with_levers(self.case, result, workers, measure=levers)
        if self.out is not None:
            write_result(result, self.out, None if extras is None else partial(extras, result))
        return result

    def discard_chunks(self) -> None:
        """Remove what an interrupted run would go on from: the result is in its place."""
        if self.store is not None:
            self.store.discard()


@contextmanager
def sampled_run(
    config: ConfigLike, *, runs: int, seed: int, workers: int | None, sampling: str, engine: str, scheduler: str | None,
    out: str | Path | None, resume: bool, progress: ReportProgress | None,
    on_sample: Callable[[Result, Sequence[WorkerConnection]], object] | None,
    on_runs: Callable[[Result], object] | None = None,
    precision: str | None = None, max_runs: int = 5000, keep_workers: bool = True,
) -> Iterator[SampledRun]:  # fmt: skip
    """Run a project many times, and hold the place of its result until the block ends; the arguments are those of `run`.

    Without `keep_workers` the processes that have simulated end before the block begins.
    """
    target = None if out is None else absolute(out)
    if target is not None:
        require_place(target, RESULT)
    checked_config = as_config(config)
    case = prepare_case(
        checked_config, sampling=sampling, runs=FIRST_STRATIFIED_RUNS if precision else runs, engine=engine
    )
    expectations(checked_config, case.metrics)
    goal = parse_precision(precision, case.metrics, max_runs, case.sampling) if precision else None
    workers = cores() if workers is None else workers
    builder = ResultBuilder(case, seed, case.sampling.fit(runs), input_files(checked_config))
    if workers > 1:
        case.make_ready(seed)
        case = case.keeping(RECORDED_RUNS) if keep_workers else case
    require_memory(case, max_runs if precision else case.sampling.fit(runs), workers, on_disk=target is not None)
    with (
        nullcontext()
        if target is None
        else open_checkpoint(target, identity(case, seed), resume=resume, hold=HELD_SECONDS) as store,
        interruptible(interrupt_message(store)),
        ExitStack() as working,
    ):
        executor = working.enter_context(
            cluster_executor(case, seed, workers, scheduler)
            or default_executor(case, seed, workers, builder.steps(), case.without_comparison())
        )
        result: Result | None = None

        def answer(runs_alone: Sample) -> None:
            """Make the result, tell it, and fit its control variates, all while the bands of its curves are worked out."""
            nonlocal result
            result = builder.result(runs_alone)
            if on_runs is not None:
                on_runs(result)
            result = replace(result, more=builder.controls(runs_alone))

        sample = replicate(
            case, seed=seed, runs=case.sampling.fit(runs), workers=workers, store=store, progress=progress,
            precision=goal, sampling=case.sampling, executor=nullcontext(executor), on_runs=answer,
        )  # fmt: skip
        assert result is not None
        result = replace(result, sample=sample)
        if on_sample is not None:
            on_sample(result, executor.idle if isinstance(executor, ProcessPool) else ())
        if not keep_workers:
            working.close()
        # after the sample was told, as whoever was told may have given them something to do
        idle_workers = executor.idle if keep_workers and isinstance(executor, ProcessPool) else ()
        yield SampledRun(case, result, workers, target, store, idle_workers)


@checked_arguments
def compare(
    configs: Sequence[ConfigLike | Result],
    *,
    runs: int = RUNS,
    seed: int = SEED,
    workers: int | None = None,
    sampling: str = "mc",
    engine: str = AUTO,
    scheduler: str | None = None,
    progress: ReportProgress | None = None,
) -> Comparison:
    """Run several projects on the same random numbers; differences are to the first of them, pair by pair.

    A result, or the folder of one, may stand among them: it is taken as it is, if its seed and sampling fit. The
    options are those of `sim.run`. Raises SimError.

    >>> found = sim.compare([sim.load("configs/hybrid.yaml"), sim.load("configs/modular.yaml")], runs=200)
    >>> found.table()[["metric", "case", "mean", "mean_low", "mean_high", "p_better"]]
    """
    results: dict[str, Result] = {}
    for config in configs:
        if isinstance(config, Result):
            result = config
        else:
            result = stored_result(config) or run(
                config, runs=runs, seed=seed, workers=workers, sampling=sampling, engine=engine, scheduler=scheduler,
                progress=progress,
            )  # fmt: skip
        results[unique_name(str(result.manifest["name"]), results)] = result
    return compare_results(results)


def stored_result(given: ConfigLike) -> Result | None:
    """Return the result in a folder; None for what is no folder, such as a configuration."""
    return Result.load(given) if isinstance(given, str | Path) and Path(given).is_dir() else None


def unique_name(name: str, taken: Collection[str], separator: str = "-") -> str:
    """Return a name that is not taken: `hybrid`, then `hybrid-2`."""
    candidates = [name, *(f"{name}{separator}{number}" for number in range(2, len(taken) + 2))]
    return next(candidate for candidate in candidates if candidate not in taken)


def compare_results(results: Mapping[str, Result]) -> Comparison:
    """Return results with their paired differences to the first of them."""
    samples = {name: result.sample for name, result in results.items()}
    columns = dict.fromkeys(metric for sample in samples.values() for metric in sample.metrics)
    seeds = {name: int(result.manifest["seed"]) for name, result in results.items()}
    explained = {name: result.more[CONTROLS] for name, result in results.items() if CONTROLS in result.more}
    return Comparison(results, tuple(paired(samples, directions_of(columns), seeds=seeds, explained=explained)))


def reusable_result(directory: Path, config: Config, *, runs: int, seed: int, sampling: str = "mc") -> Result | None:
    """Return the stored result in a directory if this run would give the same; None if not, or if it is damaged.

    What continues from a status is run again: the status file may have changed since.
    """
    if config.continuation is not None:
        return None
    try:
        result = Result.load(directory)
    except SimError:
        return None
    chosen_sampling = choose_sampling(sampling, runs)
    expected = {
        "seed": seed,
        "runs": chosen_sampling.fit(runs),
        "rng": RNG_VERSION,
        "config_digest": digest(config.value),
    }
    weather = config.value.weather
    weather_file = fingerprint(weather_model(weather, config.files[0].parent)) if weather.kind == "file" else ""
    stored_versions = {name: result.manifest["versions"].get(name) for name in versions()}
    matches = (
        all(result.manifest[key] == value for key, value in expected.items())
        and result.manifest.get("weather_file", "") == weather_file
        and result.sample.sampling == chosen_sampling
    )
    return result if matches and stored_versions == versions() else None


def absolute(directory: str | Path) -> Path:
    """Return where a directory is, whatever becomes of the working directory."""
    return Path(directory).absolute()


def cores() -> int:
    """Return how many processes this machine has room for."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cluster_executor(
    case: CaseLike, seed: int, workers: int, scheduler: str | None
) -> AbstractContextManager[DaskExecutor] | None:
    """Return the executor of a Dask cluster; None for processes on this machine."""
    if scheduler is None:
        return None
    from sim.study.executors.dask_cluster import cluster

    return cluster(case, seed, scheduler, workers)


def result_of(case: Case, seed: int, sample: Sample, found: InputFiles | None = None) -> Result:
    """Return what users get of a sample, and of the files that it was simulated with."""
    return with_details(case, Result(manifest(case, seed, sample.size), sample, input_files=found or {}))


def with_details(case: Case, result: Result, workers: int = 1, idle_workers: Sequence[WorkerConnection] = ()) -> Result:
    """Return a result with its representative run, Gantt ranges, Sobol indices and control variates."""
    sample, seed = result.sample, int(result.manifest["seed"])
    representative = _representative(sample)
    (simulated,) = case.replications(seed, representative, 1)
    log = case.event_table(simulated)
    control_table = {CONTROLS: result.more[CONTROLS]} if CONTROLS in result.more else controls(case, seed, sample)
    ranges = gantt_ranges(case, seed, sample, log, workers, idle_workers)
    tables = {**ranges, **indices(case, seed, sample), **control_table}
    new_manifest = {**result.manifest, "representative": representative}
    return replace(result, manifest=new_manifest, log=log, driving=case.chain_table(simulated), more=tables)


def with_levers(case: Case, result: Result, workers: int, *, measure: bool | None = True) -> Result:
    """Return a result with the effect of each lever; unchanged if not wanted (None: only where it takes a few seconds)."""
    bindings = result.more.get(BINDINGS, {})
    if measure is False or not bindings or (measure is None and not are_levers_quick(case, bindings)):
        return result
    levers = measure_levers(case, int(result.manifest["seed"]), bindings, workers=workers)
    return replace(result, more={**result.more, "levers": levers}) if levers else result


def levers_of_stored(result: Result, workers: int | None = None) -> Result:
    """Return a stored result with the effect of each lever, measured on the same seed and sampling, from the same status."""
    case, seed = prepare_stored(result), int(result.manifest["seed"])
    tables = dict(result.more)
    if BINDINGS not in tables:  # an earlier version kept none
        (simulated,) = case.replications(seed, _representative(result.sample), 1)
        tables[BINDINGS] = gantt_ranges(case, seed, result.sample, case.event_table(simulated)).get(BINDINGS, {})
    return with_levers(case, replace(result, more=tables), cores() if workers is None else workers)


def _representative(sample: Sample) -> int:
    """Return the typical replication: a middle finish, and the driving chain that is most like all others'."""
    return representative(sample, finish_metric(sample.runs))
