"""Several projects on the same random numbers: `sim compare`, and what `sim run --against` prints."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from sim.cli.options import (
    ENGINE,
    RESUME,
    RUNS,
    SAMPLING,
    SCHEDULER,
    SEED,
    SET,
    STATUS,
    WORKERS,
    exit_unless_all_finished,
    figures_option,
    load,
    refuse_for_stored,
    show,
    stored_manifest,
    tell_replaced,
    watched,
    write_files,
)

if TYPE_CHECKING:
    from sim.report.figures.drawing import FigureDrawing
    from sim.study.api import Comparison, Config, SampledRun
    from sim.study.executors.worker_process import WorkerConnection
    from sim.study.result import Result


GIVEN_SOURCES = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
"""Sources of an option that the user has given, not the default."""


@click.command()
@click.argument("what", metavar="CONFIG_OR_DIR...", type=click.Path(path_type=Path), nargs=-1, required=True)
@RUNS
@SEED
@WORKERS
@SET
@STATUS
@RESUME
@SAMPLING
@SCHEDULER
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("out/compare"), show_default=True, help="Output directory."
)
@figures_option("few")
@ENGINE
@click.pass_context
def compare(
    context: click.Context, what: tuple[Path, ...], runs: int, seed: int, workers: int | None,
    overrides: tuple[str, ...], resume: bool, sampling: str, scheduler: str | None, out: Path, figures: str, engine: str,
) -> None:  # fmt: skip
    """Compare several projects on the same random numbers: their differences to the first, pair by pair.

    A configuration is run; the folder of a stored result (out/hybrid) is taken as it is, and configurations beside it are
    run with its seed, sampling and number of runs where these are not stated. Results of different seeds or samplings have
    no pairs, and are refused.

    Writes each result to OUT/NAME, the paired differences to OUT/differences.csv, figures to OUT/figures and the
    report of the comparison to OUT/report.html.
    """
    from sim import files
    from sim.report.figures.drawing import FigureDrawing
    from sim.study.api import cores, stored_result, unique_name
    from sim.study.result import Result
    from sim.study.storage.results import RESULT, require_place

    inputs = [stored_result(path) or load(path, overrides) for path in what]
    if all(isinstance(source, Result) for source in inputs):
        refuse_for_stored(what[0], overrides)
    inputs = with_common_history(inputs)
    first_result = next((source for source in inputs if isinstance(source, Result)), None)
    if first_result is not None:
        given_options = {
            name for name in ("runs", "seed", "sampling") if context.get_parameter_source(name) in GIVEN_SOURCES
        }
        runs = runs if "runs" in given_options else first_result.sample.size
        seed = seed if "seed" in given_options else int(first_result.manifest["seed"])
        sampling = sampling if "sampling" in given_options else first_result.sample.sampling.method
    require_distinct_names([source.value.name for source in inputs if not isinstance(source, Result)])
    # the folder for the results of each, two deep by default
    for folder in (out.parent, out):
        files.make_directory(folder)
    names: list[str] = []
    for name in result_names(inputs, what):
        names.append(unique_name(name, names))
        require_place(out.absolute() / names[-1], RESULT)
    sources = dict(zip(names, inputs, strict=True))
    results = {name: source for name, source in sources.items() if isinstance(source, Result)}
    configs = {name: source for name, source in sources.items() if not isinstance(source, Result)}
    workers = cores() if workers is None else workers
    drawers, verdict = FigureDrawing(figures), ComparisonVerdict(names)
    if configs:
        drawers.get_ready(workers)
    for name, result in results.items():
        verdict.show(name, result)
    results |= run_all(
        configs, out, drawers, verdict, resume=resume, runs=runs, seed=seed, workers=workers, sampling=sampling,
        scheduler=scheduler, engine=engine,
    )  # fmt: skip
    write_compared(verdict.of({name: results[name] for name in names}), out, drawers, names_written=configs)
    drawers.close()
    for result in results.values():
        exit_unless_all_finished(result)


class ComparisonVerdict:
    """Prints a comparison as soon as the samples of all its results are there; `names` are those of the results."""

    def __init__(self, names: Sequence[str]) -> None:
        """Have nothing to compare yet."""
        self._results: dict[str, Result | None] = dict.fromkeys(names)
        self._comparison: Comparison | None = None

    def show(self, name: str, result: Result) -> None:
        """Take a result, which may be without details yet, and print the comparison where it was the last to come."""
        from sim.report.console import describe_comparison
        from sim.study.api import compare_results

        self._results[name] = result
        results = {known: found for known, found in self._results.items() if found is not None}
        if self._comparison is None and len(results) == len(self._results):
            self._comparison = compare_results(results)
            show(describe_comparison(results, self._comparison.table()))
            sys.stdout.flush()  # into a pipe or a file, too, the verdict comes before the files

    def of(self, results: Mapping[str, Result]) -> Comparison:
        """Return the comparison that was printed, of the same results with their details."""
        assert self._comparison is not None
        return replace(self._comparison, results=results)


# --- runs of several projects -----------------------------------------------------------------------------------------


MAX_WAITING_STEPS = 200_000
"""Steps of a plan whose files may wait for other runs; what a larger one holds in memory is needed by the next."""
WRITTEN_TOGETHER = 4
"""Results that are written at the same time at most, each by a process."""


LOADED_BEFORE_FORKS = ("pyarrow.parquet", "sim.report.html_report.run_report")
"""Modules that write a result: loaded once, not by each process."""


@dataclass(frozen=True)
class UnwrittenRun:
    """A run whose replications are there, and the figures of its result, which are being drawn."""

    sampled: SampledRun
    drawing: FigureDrawing

    @property
    def may_wait(self) -> bool:
        """Return whether its files can be written later, by another process: then it asks nobody for more figures."""
        from sim.report.figures.drawing import ALL

        is_small = len(self.sampled.case.plan.rows) <= MAX_WAITING_STEPS
        return is_small and not self.drawing.needs_idle_workers and self.drawing.choice != ALL

    def written(self, workers: int | None = None) -> Result:
        """Return the result with its details, written where it belongs."""
        extras = partial(write_files, drawing=self.drawing)
        return self.sampled.finished(extras=extras, on_details=self.drawing.go_on, workers=workers)


def run_all(
    configs: Mapping[str, Config], out: Path, drawers: FigureDrawing, verdict: ComparisonVerdict, *, resume: bool,
    runs: int, seed: int, sampling: str, **options: Any,
) -> dict[str, Result]:  # fmt: skip
    """Run several projects, compare them, and write the files of all side by side; return their results.

    With `resume` a stored result that a run would give again is taken, and an interrupted run is gone on with.
    """
    from sim.study.api import reusable_result

    results: dict[str, Result] = {}
    waiting: dict[str, UnwrittenRun] = {}
    before = {name: stored_manifest(out / name) for name in configs}
    with ExitStack() as places:
        for name, config in configs.items():
            reusable = reusable_result(out / name, config, runs=runs, seed=seed, sampling=sampling) if resume else None
            if reusable is not None:
                results[name] = reusable
                verdict.show(name, reusable)
                continue
            drawing = drawers.of_another()
            sampled = simulated(
                name, config, drawing, [*waiting.values()], verdict, out=out / name, resume=resume, runs=runs, seed=seed,
                sampling=sampling, **options,
            )  # fmt: skip
            with ExitStack() as place:
                run = UnwrittenRun(place.enter_context(sampled), drawing)
                if run.may_wait:
                    waiting[name] = run
                    places.enter_context(place.pop_all())
                else:
                    results[name] = run.written()
                    run.sampled.discard_chunks()
        results |= written_together(waiting)
    for name in configs:
        tell_replaced(before[name], results[name], out / name)
    return results


@contextmanager
def simulated(
    name: str, config: Config, drawing: FigureDrawing, waiting: Sequence[UnwrittenRun], verdict: ComparisonVerdict,
    **options: Any,
) -> Iterator[SampledRun]:  # fmt: skip
    """Simulate one of several projects, have its figures drawn, and print a comparison that waits for nothing else."""
    from sim.study.api import sampled_run

    with ExitStack() as bar:
        progress = bar.enter_context(watched(name))

        def answer(result: Result, idle: Sequence[WorkerConnection]) -> None:
            """Have figures drawn, and show what is compared."""
            for run in waiting:
                run.drawing.collect()  # a process that waits to be read does not read what it is asked next
            drawing.begin(result, idle)
            bar.close()
            verdict.show(name, result)

        kept = drawing.needs_idle_workers
        with sampled_run(config, progress=progress, on_sample=answer, keep_workers=kept, **options) as sampled:
            yield sampled


def written_together(waiting: Mapping[str, UnwrittenRun]) -> dict[str, Result]:
    """Return the results of runs by name, written side by side, each by a process."""
    from sim.study.executors.worker_process import in_fork

    results: dict[str, Result] = {}
    names = [*waiting]
    for module in LOADED_BEFORE_FORKS if len(names) > 1 else ():
        import_module(module)
    for first in range(0, len(names), WRITTEN_TOGETHER):
        # the last one here, as its figures are still being drawn, for this process
        *others, name = names[first : first + WRITTEN_TOGETHER]
        for other in others:
            waiting[other].drawing.collect()
        written_by_others = {other: in_fork(waiting[other].written, 1) for other in others}
        results[name] = waiting[name].written(1 if others else None)
        results |= {other: written() for other, written in written_by_others.items()}
    for run in waiting.values():
        run.sampled.discard_chunks()
    return results


# --- a comparison -----------------------------------------------------------------------------------------------------


def write_compared(
    comparison: Comparison, place: Path, drawing: FigureDrawing, names_written: Collection[str] = ()
) -> None:
    """Write a comparison, and each of its results in its folder unless it is in `names_written` already."""
    from sim import files
    from sim.report.html_report.compare_report import write_comparison

    for folder in (place.parent, place):
        files.make_directory(folder)
    for name, result in comparison.results.items():
        if name not in names_written:
            result.save(place / name, partial(write_files, result, drawing=drawing.of_another()))
    write_comparison(comparison.results, comparison.table(), place, drawing)
    comparison.write(place / "differences.csv")
    click.echo(f"\nwritten to {place}: report.html, a folder for each, differences.csv, figures/")


def reference_for(other: Path, name: str, target: Path, *, seed: int, sampling: str) -> Result | Config:
    """Return the project or stored result that the run of a project is compared against, before hours are spent on it.

    Raises NotComparable where a stored result was run with another seed or sampling than the run will be, and WrongPlace
    where the comparison cannot be written.
    """
    from sim.study.api import stored_result
    from sim.study.compare import NotComparable
    from sim.study.result import Result
    from sim.study.storage.results import RESULT, require_place

    reference = stored_result(other) or load(other, ())
    for compared in before_and_after(project_name(reference), name):
        require_place(against_place(target).absolute() / compared, RESULT)
    if not isinstance(reference, Result):
        return reference
    stored_seed, stored_sampling = int(reference.manifest["seed"]), reference.sample.sampling.method
    if (stored_seed, stored_sampling) != (seed, sampling):
        raise NotComparable(
            f"--against {other}: not run on the same random numbers; it has --seed {stored_seed} --sampling "
            f"{stored_sampling}, this run --seed {seed} --sampling {sampling}"
        )
    return reference


def project_name(source: Result | Config) -> str:
    """Return the name of the project of a result or a configuration."""
    from sim.study.result import Result

    return str(source.manifest["name"]) if isinstance(source, Result) else source.value.name


def before_and_after(other: str, name: str) -> tuple[str, str]:
    """Return what the results of two projects are called side by side."""
    return ("before", "after") if other == name else (other, name)


def against_place(target: Path) -> Path:
    """Return where the comparison of a run with another is written: beside its own result."""
    return target.with_name(f"{target.name}_against")


def compare_against(
    result: Result, reference: Result | Config, target: Path, *,
    engine: str, workers: int | None, scheduler: str | None, figures: str = "all",
) -> None:  # fmt: skip
    """Print and draw the differences from another project, run with the same seed, or from a stored result."""
    from sim.report.figures.drawing import FigureDrawing
    from sim.study.analyses.baseline_diff import input_differences
    from sim.study.api import run as run_many
    from sim.study.result import Result

    if not isinstance(reference, Result):
        with watched(f"{reference.value.name}, to hold against") as progress:
            reference = run_many(
                reference, runs=result.sample.size, seed=int(result.manifest["seed"]), workers=workers, engine=engine,
                sampling=result.sample.sampling.method, scheduler=scheduler, progress=progress,
            )  # fmt: skip
    names = before_and_after(project_name(reference), project_name(result))
    changes = [*input_differences(reference.manifest["config"], result.manifest["config"])]
    click.echo(
        f"\n{names[1]} against {names[0]}: " + ("the same inputs" if not changes else "what is stated otherwise")
    )
    for line in changes:
        click.echo(f"  {line}")
    results, verdict = dict(zip(names, (reference, result), strict=True)), ComparisonVerdict(names)
    for name, compared in results.items():
        verdict.show(name, compared)
    write_compared(verdict.of(results), against_place(target), FigureDrawing(figures))


def result_names(inputs: Sequence[Result | Config], paths: Sequence[Path]) -> list[str]:
    """Return the name of each input: its project's, or that of its folder where results of one project are compared."""
    from sim.study.result import Result

    names = [project_name(source) for source in inputs]
    return [
        path.absolute().name if isinstance(source, Result) and names.count(name) > 1 else name
        for source, path, name in zip(inputs, paths, names, strict=True)
    ]


def with_common_history(inputs: list[Result | Config]) -> list[Result | Config]:
    """Return inputs whose projects under way have the history of the first one: they differ after the data date only."""
    from sim.config.load import Loaded

    under_way = [config.continuation for config in inputs if isinstance(config, Loaded) and config.continuation]
    return [
        replace(config, continuation=replace(config.continuation, base=under_way[0].base))
        if isinstance(config, Loaded) and config.continuation
        else config
        for config in inputs
    ]


def require_distinct_names(names: list[str]) -> None:
    """Refuse names that would share a folder; where capitals do not count, Hybrid and hybrid do."""
    for number, name in enumerate(names):
        other = next((other for other in names[:number] if other.casefold() == name.casefold()), None)
        if other is not None:
            named = name if name == other else f"{other} and {name}, which differ in capitals only"
            raise click.UsageError(
                f"two configurations are named {named}; give one another `name:`, or use sim run --against"
            )
