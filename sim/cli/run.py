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


STATED = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
"""Where an option came from that somebody has given, and that is not the default."""


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
        run_part(loaded, shard, target, runs=runs, seed=seed, workers=workers, sampling=sampling, resume=resume)
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
        hold_against(result, against, place, engine=engine, workers=workers, scheduler=scheduler)
    warn_stalls(result)


def hold_against(
    result: Result, other: Path, place: Path, *, engine: str, workers: int | None, scheduler: str | None
) -> None:
    """Print and draw what moved against another project, run with the same seed, or against a stored result."""
    from sim.study.analyses.baseline_diff import changed_inputs
    from sim.study.api import run as run_many
    from sim.study.api import stored

    before = stored(other)
    if before is None:
        loaded = load(other, ())
        with watched(f"{loaded.value.name}, to hold against") as progress:
            before = run_many(
                loaded, runs=result.sample.size, seed=int(result.manifest["seed"]), workers=workers, engine=engine,
                sampling=result.sample.sampling.method, scheduler=scheduler, progress=progress,
            )  # fmt: skip
    names = [str(one.manifest["name"]) for one in (before, result)]
    if names[0] == names[1]:
        names = ["before", "after"]
    changes = [*changed_inputs(before.manifest["config"], result.manifest["config"])]
    click.echo(
        f"\n{names[1]} against {names[0]}: " + ("the same inputs" if not changes else "what is stated otherwise")
    )
    for line in changes:
        click.echo(f"  {line}")
    show_comparison(dict(zip(names, (before, result), strict=True)), place)


def show_comparison(results: Mapping[str, Result], place: Path, written: Collection[str] = ()) -> None:
    """Print what differs between results, and write their comparison, each result that is not `written` in its folder."""
    from sim import files
    from sim.report.console import describe_comparison
    from sim.report.html_report.compare_report import write_comparison
    from sim.report.html_report.run_report import write_run
    from sim.study.api import compared

    found = compared(results)
    for folder in (place.parent, place):
        files.make_directory(folder)
    for name, result in results.items():
        if name not in written:
            result.save(place / name, partial(write_run, result))
    show(describe_comparison(results, found.table()))
    write_comparison(results, found.table(), place)
    found.write(place / "differences.csv")
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
    from sim.study.api import cores, finished, stored, unique_name
    from sim.study.api import run as run_many
    from sim.study.result import Result
    from sim.study.storage.results import RESULT, require_place

    given = [stored(path) or load(path, overrides) for path in what]
    given = seen_by_first(given)
    known = next((one for one in given if isinstance(one, Result)), None)
    if known is not None:
        own = {name for name in ("runs", "seed", "sampling") if context.get_parameter_source(name) in STATED}
        runs = runs if "runs" in own else known.sample.size
        seed = seed if "seed" in own else int(known.manifest["seed"])
        sampling = sampling if "sampling" in own else known.sample.sampling.method
    require_names_apart([one.value.name for one in given if not isinstance(one, Result)])
    results: dict[str, Result] = {}
    # the folder for the results of each, two deep by default
    for folder in (out.parent, out):
        files.make_directory(folder)
    names: list[str] = []
    for name in names_of(given, what):
        names.append(unique_name(name, names))
        require_place(out.absolute() / names[-1], RESULT)
    run_here = {name for name, one in zip(names, given, strict=True) if not isinstance(one, Result)}
    drawers = FigureDrawing(figures)
    if run_here:
        drawers.get_ready(cores())
    for name, one in zip(names, given, strict=True):
        if isinstance(one, Result):
            results[name] = one
            continue
        drawing = drawers.of_another()
        with watched(name) as progress:
            done = finished(out / name, one, runs=runs, seed=seed, sampling=sampling) if resume else None
            results[name] = done or run_many(
                one, runs=runs, seed=seed, workers=workers, sampling=sampling, scheduler=scheduler,
                engine=engine, out=out / name, resume=resume, progress=progress,
                extras=partial(write_files, drawing=drawing), on_sample=drawing.begin, on_details=drawing.go_on,
            )  # fmt: skip
    drawers.close()
    show_comparison(results, out, written=run_here)
    for result in results.values():
        warn_stalls(result)


def names_of(given: Sequence[Result | Config], what: Sequence[Path]) -> list[str]:
    """Return what each is called: its project's name, or that of its folder where results of one project are compared."""
    from sim.study.result import Result

    names = [str(one.manifest["name"]) if isinstance(one, Result) else one.value.name for one in given]
    return [
        path.absolute().name if isinstance(one, Result) and names.count(name) > 1 else name
        for one, path, name in zip(given, what, names, strict=True)
    ]


def seen_by_first(given: list[Result | Config]) -> list[Result | Config]:
    """Have projects that go on from one status see their past by the plan of the first: what differs is the way from here."""
    from dataclasses import replace

    from sim.config.load import Loaded

    base = next((one.continuation.base for one in given if isinstance(one, Loaded) and one.continuation), None)
    return [
        replace(one, continuation=replace(one.continuation, base=base))
        if isinstance(one, Loaded) and one.continuation
        else one
        for one in given
    ]


def require_names_apart(names: list[str]) -> None:
    """Refuse names that would share a folder; where capitals do not count, Hybrid and hybrid do."""
    for number, name in enumerate(names):
        if name.casefold() in {other.casefold() for other in names[:number]}:
            raise click.UsageError(f"two configurations are named {name}; give one another name")


def show_preview(loaded: Config, *, runs: int, seed: int, workers: int | None, sampling: str) -> None:
    """Print how long a run will take and what it needs."""
    from sim.study.analyses.run_preview import preview

    click.echo(preview(loaded, runs=runs, seed=seed, workers=workers, sampling=sampling).describe())


def run_part(
    loaded: Config, shard: str, target: Path, *, runs: int, seed: int, workers: int | None, sampling: str, resume: bool
) -> None:
    """Run one part of a study and say how it goes on."""
    from sim.study.analyses.shards import run_shard

    with watched(f"{loaded.value.name} {shard}") as progress:
        kept = run_shard(
            loaded, shard, target, runs=runs, seed=seed, workers=workers, sampling=sampling, resume=resume,
            progress=progress,
        )  # fmt: skip
    click.echo(f"part {shard} is in {kept}; with all parts in one place: sim merge {target}.shard-* --out {target}")


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
