"""Several projects on the same random numbers: `sim compare`, and what `sim run --against` prints."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

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
    watched,
    write_files,
)
from sim.cli.project_runs import run_all

if TYPE_CHECKING:
    from sim.report.figures.drawing import FigureDrawing
    from sim.study.api import Comparison, Config
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
        configs, out, drawers, verdict.show, resume=resume, runs=runs, seed=seed, workers=workers, sampling=sampling,
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
