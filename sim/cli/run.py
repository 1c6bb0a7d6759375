"""Run projects many times: `sim run`, `sim compare`."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from sim.cli.options import (
    CONFIG,
    ENGINE,
    FIGURES,
    RESUME,
    RUNS,
    SAMPLING,
    SCHEDULER,
    SEED,
    SET,
    STATUS,
    WORKERS,
    WholeNumber,
    load,
    show,
    warn_stalls,
    watched,
)

if TYPE_CHECKING:
    from sim.report.figures.drawing import FigureDrawing
    from sim.study.api import Config
    from sim.study.executors.worker_process import WorkerConnection
    from sim.study.result import Result


GIVEN_SOURCES = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
"""Sources of an option that the user has given, not the default."""


@click.command()
@CONFIG
@RUNS
@SEED
@WORKERS
@SET
@STATUS
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Output directory; out/NAME if not given.")
@click.option(
    "--precision",
    metavar="1%@p80:METRIC",
    default=None,
    help="Run until the 95 % interval of that percentile is that narrow, e.g. 1%@p80:lead_time_full_days.",
)
@click.option(
    "--max-runs",
    type=WholeNumber(200, 1_000_000),
    default=5000,
    show_default=True,
    help="Where --precision stops at the latest.",
)
@RESUME
@SAMPLING
@SCHEDULER
@click.option("--shard", metavar="I/N", default=None, help="Run part I of N only; `sim merge` puts the parts together.")
@FIGURES
@click.option("--preview", is_flag=True, help="Say how long it will take and how much it needs, and stop.")
@click.option(
    "--against",
    metavar="CONFIG_OR_DIR",
    type=click.Path(path_type=Path),
    default=None,
    help="Say what moved against another project or result, run by run on the same random numbers.",
)
@click.option(
    "--levers/--no-levers",
    default=None,
    help="Say what one more line, crew or crane, or another policy, buys; by default where that takes a few seconds.",
)
@ENGINE
def run(
    config: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...],
    out: Path | None, precision: str | None, max_runs: int, resume: bool, sampling: str,
    scheduler: str | None, shard: str | None, figures: str, preview: bool, against: Path | None, levers: bool | None,
    engine: str,
) -> None:  # fmt: skip
    """Run a project many times: dates, people and idle capital, with their spread.

    Writes OUT/manifest.json, summary.json, runs.parquet (a row a replication), curves.parquet, events.parquet
    (one representative run), chain.parquet (why it ended when it did), figures/ and report.html. The verdict is printed
    first; files follow.
    """
    from sim.report.figures.drawing import FigureDrawing
    from sim.study.api import cores
    from sim.study.api import run as run_many

    loaded = load(config, overrides)
    target = out or Path("out") / loaded.value.name
    if preview:
        show_preview(loaded, runs=runs, seed=seed, workers=workers, sampling=sampling)
        return
    if shard is not None:
        if precision or scheduler or against:
            raise click.UsageError(
                "--shard is a part of a stated number of runs here: no --precision, --scheduler or --against"
            )
        run_one_shard(loaded, shard, target, runs=runs, seed=seed, workers=workers, sampling=sampling, resume=resume)
        return
    drawing = FigureDrawing(figures)
    drawing.get_ready(cores())
    with ExitStack() as bar:
        progress = bar.enter_context(watched(loaded.value.name))

        def answer(result: Result, idle: Sequence[WorkerConnection]) -> None:
            """Print the verdict, and have figures drawn meanwhile by workers that have nothing else to do."""
            drawing.begin(result, idle)
            bar.close()
            show_verdict(result)
            sys.stdout.flush()  # into a pipe or a file, too, the verdict comes before the files

        result = run_many(
            loaded, runs=runs, seed=seed, workers=workers, precision=precision, max_runs=max_runs, sampling=sampling,
            engine=engine, scheduler=scheduler, out=target, resume=resume, progress=progress,
            extras=partial(write_files, drawing=drawing), on_sample=answer, on_details=drawing.go_on, levers=levers,
        )  # fmt: skip
    if len(result.more.get("levers", {})):
        show_levers(result)
    click.echo(f"\nwritten to {target}: report.html, figures/, summary.json and tables (runs, curves, events, chain)")
    if against is not None:
        place = target.with_name(f"{target.name}_against")
        compare_against(result, against, place, engine=engine, workers=workers, scheduler=scheduler)
    warn_stalls(result)


def compare_against(
    result: Result, other: Path, place: Path, *, engine: str, workers: int | None, scheduler: str | None
) -> None:
    """Print and draw the differences from another project, run with the same seed, or from a stored result."""
    from sim.study.analyses.baseline_diff import input_differences
    from sim.study.api import run as run_many
    from sim.study.api import stored_result

    reference = stored_result(other)
    if reference is None:
        loaded = load(other, ())
        with watched(f"{loaded.value.name}, to hold against") as progress:
            reference = run_many(
                loaded, runs=result.sample.size, seed=int(result.manifest["seed"]), workers=workers, engine=engine,
                sampling=result.sample.sampling.method, scheduler=scheduler, progress=progress,
            )  # fmt: skip
    names = [str(stored.manifest["name"]) for stored in (reference, result)]
    if names[0] == names[1]:
        names = ["before", "after"]
    changes = [*input_differences(reference.manifest["config"], result.manifest["config"])]
    click.echo(
        f"\n{names[1]} against {names[0]}: " + ("the same inputs" if not changes else "what is stated otherwise")
    )
    for line in changes:
        click.echo(f"  {line}")
    show_comparison(dict(zip(names, (reference, result), strict=True)), place)


def show_comparison(results: Mapping[str, Result], place: Path, names_written: Collection[str] = ()) -> None:
    """Print a comparison of results and write it, with each result in its folder unless it is in `names_written` already."""
    from sim import files
    from sim.report.console import describe_comparison
    from sim.report.html_report.compare_report import write_comparison
    from sim.report.html_report.run_report import write_run
    from sim.study.api import compare_results

    comparison = compare_results(results)
    for folder in (place.parent, place):
        files.make_directory(folder)
    for name, result in results.items():
        if name not in names_written:
            result.save(place / name, partial(write_run, result))
    show(describe_comparison(results, comparison.table()))
    write_comparison(results, comparison.table(), place)
    comparison.write(place / "differences.csv")
    click.echo(f"\nwritten to {place}: report.html, a folder for each, differences.csv, figures/")


def show_levers(result: Result) -> None:
    """Print what binds, and what each lever buys."""
    from sim.report.console import describe_levers

    show(describe_levers(result))


def write_files(result: Result, directory: Path, drawing: FigureDrawing) -> None:
    """Write report and figures; what draws and writes them is loaded only now, after the verdict."""
    from sim.report.html_report.run_report import write_run

    write_run(result, directory, drawing)


def show_verdict(result: Result) -> None:
    """Print the key results of a sample."""
    from sim.report.console import describe_run

    show(describe_run(result))
    if result.sample.remark:
        click.echo(f"\n{result.sample.remark}")


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
@FIGURES
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
    from sim.study.api import cores, reusable_result, stored_result, unique_name
    from sim.study.api import run as run_many
    from sim.study.result import Result
    from sim.study.storage.results import RESULT, require_place

    inputs = [stored_result(path) or load(path, overrides) for path in what]
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
    results: dict[str, Result] = {}
    # the folder for the results of each, two deep by default
    for folder in (out.parent, out):
        files.make_directory(folder)
    names: list[str] = []
    for name in result_names(inputs, what):
        names.append(unique_name(name, names))
        require_place(out.absolute() / names[-1], RESULT)
    names_to_run = {name for name, source in zip(names, inputs, strict=True) if not isinstance(source, Result)}
    drawers = FigureDrawing(figures)
    if names_to_run:
        drawers.get_ready(cores())
    for name, source in zip(names, inputs, strict=True):
        if isinstance(source, Result):
            results[name] = source
            continue
        drawing = drawers.of_another()
        with watched(name) as progress:
            reusable = reusable_result(out / name, source, runs=runs, seed=seed, sampling=sampling) if resume else None
            results[name] = reusable or run_many(
                source, runs=runs, seed=seed, workers=workers, sampling=sampling, scheduler=scheduler,
                engine=engine, out=out / name, resume=resume, progress=progress,
                extras=partial(write_files, drawing=drawing), on_sample=drawing.begin, on_details=drawing.go_on,
            )  # fmt: skip
    drawers.close()
    show_comparison(results, out, names_written=names_to_run)
    for result in results.values():
        warn_stalls(result)


def result_names(inputs: Sequence[Result | Config], paths: Sequence[Path]) -> list[str]:
    """Return the name of each input: its project's, or that of its folder where results of one project are compared."""
    from sim.study.result import Result

    names = [str(source.manifest["name"]) if isinstance(source, Result) else source.value.name for source in inputs]
    return [
        path.absolute().name if isinstance(source, Result) and names.count(name) > 1 else name
        for source, path, name in zip(inputs, paths, names, strict=True)
    ]


def with_common_history(inputs: list[Result | Config]) -> list[Result | Config]:
    """Return inputs whose projects under way have the history of the first one: they differ after the data date only."""
    from dataclasses import replace

    from sim.config.load import Loaded

    base = next(
        (config.continuation.base for config in inputs if isinstance(config, Loaded) and config.continuation), None
    )
    return [
        replace(config, continuation=replace(config.continuation, base=base))
        if isinstance(config, Loaded) and config.continuation
        else config
        for config in inputs
    ]


def require_distinct_names(names: list[str]) -> None:
    """Refuse names that would share a folder; where capitals do not count, Hybrid and hybrid do."""
    for number, name in enumerate(names):
        if name.casefold() in {other.casefold() for other in names[:number]}:
            raise click.UsageError(f"two configurations are named {name}; give one another name")


def show_preview(loaded: Config, *, runs: int, seed: int, workers: int | None, sampling: str) -> None:
    """Print how long a run will take and what it needs."""
    from sim.study.analyses.run_preview import preview

    click.echo(preview(loaded, runs=runs, seed=seed, workers=workers, sampling=sampling).describe())


def run_one_shard(
    loaded: Config, shard: str, target: Path, *, runs: int, seed: int, workers: int | None, sampling: str, resume: bool
) -> None:
    """Simulate one shard of a run, and print how to merge all of them."""
    from sim.study.analyses.shards import run_shard

    with watched(f"{loaded.value.name} {shard}") as progress:
        checkpoint = run_shard(
            loaded, shard, target, runs=runs, seed=seed, workers=workers, sampling=sampling, resume=resume,
            progress=progress,
        )  # fmt: skip
    click.echo(
        f"part {shard} is in {checkpoint}; with all parts in one place: sim merge {target}.shard-* --out {target}"
    )


@click.command()
@click.argument("directories", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="DIR...")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Output directory.")
def merge(directories: tuple[Path, ...], out: Path) -> None:
    """Put the parts of a run (`sim run --shard`) together into the result of the whole.

    DIR... are what the parts left: NAME.shard-1-of-4.partial and so on. The result is that of an undivided run,
    byte by byte. Exit code 4 where replications are missing, 2 where the parts are not of one study.
    """
    from sim.report.console import describe_run
    from sim.report.html_report.run_report import write_run
    from sim.study.analyses.shards import merge_shards

    result = merge_shards(directories, out, write_run)
    show(describe_run(result))
    click.echo(f"\nwritten to {out}")
    warn_stalls(result)
