"""Run a project many times: `sim run`, and `sim merge` of what was run in parts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.compare_projects import compare_against, reference_for
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
    exit_unless_all_finished,
    load,
    show,
    show_levers,
    stored_manifest,
    tell_replaced,
    watched,
    write_files,
)

if TYPE_CHECKING:
    from sim.study.api import Config
    from sim.study.executors.worker_process import WorkerConnection
    from sim.study.result import Result


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
@click.option("--shard", metavar="I/N", default=None, help="Run part I of N only; `sim merge` puts parts together.")
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
    from sim.report.console import describe_by_controls
    from sim.report.figures.drawing import FigureDrawing
    from sim.study.api import cores
    from sim.study.api import run as run_many

    loaded = load(config, overrides)
    target = out or Path("out") / loaded.value.name
    for option in ("shard" if shard is not None else "", "preview" if preview else ""):
        if option and (precision or scheduler or against or levers):
            raise click.UsageError(
                f"--{option} is of a stated number of runs here: no --precision, --scheduler, --against or --levers"
            )
    options: dict[str, Any] = {"runs": runs, "seed": seed, "workers": workers, "sampling": sampling, "engine": engine}
    if preview:
        from sim.study.analyses.run_preview import preview as preview_run

        click.echo(preview_run(loaded, **options).describe())
        return
    if shard is not None:
        run_one_shard(loaded, shard, target, resume=resume, **options)
        return
    reference = (
        None if against is None else reference_for(against, loaded.value.name, target, seed=seed, sampling=sampling)
    )
    workers = cores() if workers is None else workers
    drawing, before = FigureDrawing(figures), stored_manifest(target)
    drawing.get_ready(workers)
    with ExitStack() as bar:
        progress = bar.enter_context(watched(loaded.value.name))

        def answer(result: Result) -> None:
            """Print the verdict."""
            bar.close()
            show_verdict(result)
            sys.stdout.flush()  # into a pipe or a file, too, the verdict comes before the files

        def draw(result: Result, idle: Sequence[WorkerConnection]) -> None:
            """Have figures drawn, and print what control variates say, which takes a moment longer than the verdict."""
            drawing.begin(result, idle)
            show(describe_by_controls(result))

        result = run_many(
            loaded, runs=runs, seed=seed, workers=workers, precision=precision, max_runs=max_runs, sampling=sampling,
            engine=engine, scheduler=scheduler, out=target, resume=resume, progress=progress,
            extras=partial(write_files, drawing=drawing), on_runs=answer, on_sample=draw, on_details=drawing.go_on,
            levers=levers,
        )  # fmt: skip
    if len(result.more.get("levers", {})):
        show_levers(result)
    click.echo(f"\nwritten to {target}: report.html, figures/, summary.json and tables (runs, curves, events, chain)")
    tell_replaced(before, result, target)
    if reference is not None:
        compare_against(result, reference, target, engine=engine, workers=workers, scheduler=scheduler, figures=figures)
    exit_unless_all_finished(result)


def show_verdict(result: Result) -> None:
    """Print the key results of a sample."""
    from sim.report.console import describe_run

    show(describe_run(result))
    if result.sample.remark:
        click.echo(f"\n{result.sample.remark}")


def run_one_shard(loaded: Config, shard: str, target: Path, **options: Any) -> None:
    """Simulate one shard of a run, and print how to merge all of them."""
    from sim.study.analyses.shards import run_shard

    with watched(f"{loaded.value.name} {shard}") as progress:
        checkpoint = run_shard(loaded, shard, target, progress=progress, **options)
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
    exit_unless_all_finished(result)
