"""Run projects many times: `sim run`, `sim compare`."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.options import CONFIG, ENGINE, RUNS, SEED, SET, WORKERS, guarded, load, show, warn_stalls, watched


@click.command()
@CONFIG
@RUNS
@SEED
@WORKERS
@SET
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Output directory; out/NAME if not given.")
@click.option(
    "--precision",
    metavar="1%@p80:METRIC",
    default=None,
    help="Run until the 95 % interval of that percentile is that narrow, e.g. 1%@p80:lead_time_full_days.",
)
@click.option(
    "--max-runs",
    type=click.IntRange(200, 1_000_000),
    default=5000,
    show_default=True,
    help="Where --precision stops at the latest.",
)
@click.option("--resume", is_flag=True, help="Go on from what an interrupted run has left.")
@click.option(
    "--sampling",
    type=click.Choice(["mc", "lhs", "sobol", "sobol-all"]),
    default="mc",
    show_default=True,
    help="Plain Monte Carlo, Latin hypercube, or Sobol for what is shared (sobol-all: for everything).",
)
@ENGINE
@guarded
def run(
    config: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...],
    out: Path | None, precision: str | None, max_runs: int, resume: bool, sampling: str, engine: str,
) -> None:  # fmt: skip
    """Run a project many times: dates, people and idle capital, with their spread.

    Writes OUT/manifest.json, summary.json, runs.parquet (a row a replication), curves.parquet, events.parquet
    (one representative run) and figures/, and prints a short verdict.
    """
    from sim.report.figures import write_all
    from sim.report.verdict import verdict
    from sim.study.running import run as run_many
    from sim.study.store import FIGURES

    loaded = load(config, overrides)
    target = out or Path("out") / loaded.value.name
    with watched(loaded.value.name) as progress:
        result = run_many(
            loaded, runs=runs, seed=seed, workers=workers, precision=precision, max_runs=max_runs, sampling=sampling,
            engine=engine, out=target, resume=resume, progress=progress,
            extras=lambda result, directory: write_all(result, directory / FIGURES),
        )  # fmt: skip
    show(verdict(result))
    click.echo(f"\nwritten to {target}: summary.json, runs.parquet, curves.parquet, events.parquet, figures/")
    warn_stalls(result)


@click.command()
@click.argument("configs", type=click.Path(path_type=Path), nargs=-1, required=True)
@RUNS
@SEED
@WORKERS
@SET
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("out/compare"), show_default=True, help="Output directory."
)
@ENGINE
@guarded
def compare(
    configs: tuple[Path, ...], runs: int, seed: int, workers: int | None, overrides: tuple[str, ...], out: Path,
    engine: str,
) -> None:  # fmt: skip
    """Run several projects on the same luck and print their differences to the first, pair by pair.

    Writes each result to OUT/NAME, the paired differences to OUT/differences.csv, and figures to OUT/figures.
    """
    from sim.report.figures import write_comparison
    from sim.report.verdict import comparison
    from sim.study.running import compared
    from sim.study.running import run as run_many

    results = {}
    for loaded in [load(config, overrides) for config in configs]:
        name = loaded.value.name
        if name in results:
            raise click.UsageError(f"two configurations are named {name}; give one another name")
        with watched(name) as progress:
            results[name] = run_many(
                loaded, runs=runs, seed=seed, workers=workers, engine=engine, out=out / name, progress=progress
            )
    found = compared(results)
    write_comparison(results, found.table(), out / "figures")
    found.write(out / "differences.csv")
    show(comparison(results, found.table()))
    click.echo(f"\nwritten to {out}: a folder for each, differences.csv, figures/")
