"""The command line: parse, call, print."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import click

from sim.errors import SimError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim.study.running import Config

P = ParamSpec("P")
CONFIG = click.argument("config", type=click.Path(path_type=Path))
SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="A.B=C",
    help="Change one value, e.g. --set logistics.cranes=4. May be given often.",
)
RUNS = click.option("--runs", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="Replications.")
SEED = click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=1,
    show_default=True,
    help="The luck; the same seed is the same luck in every strategy.",
)
WORKERS = click.option(
    "--workers",
    type=click.IntRange(0, 256),
    default=None,
    help="Processes; all cores if not given. Results do not depend on it.",
)


class Commands(click.Group):
    """The commands; whatever goes wrong is one clear message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a SimError is its message on stderr and its exit code."""
        try:
            return super().invoke(ctx)
        except SimError as error:
            click.echo(str(error), err=True)
            ctx.exit(error.exit_code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="hybrid-dc-sim")
def main() -> None:
    r"""Simulate how a data center is built, and when its megawatts come online.

    A project is a YAML file (configs/hybrid.yaml is one). Start with

    \b
      sim run configs/hybrid.yaml
      sim compare configs/stick_built.yaml configs/hybrid.yaml configs/modular.yaml --runs 200
      sim check configs/hybrid.yaml

    Exit codes: 0 good, 1 an internal error or a check that failed, 2 wrong input, 3 a stall or an exceeded
    budget, 4 partial results, 130 interrupted.
    """


def _guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Let a Ctrl-C end a command quietly with exit code 130."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            sys.exit(130)

    return guarded


@main.command()
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
@_guarded
def run(
    config: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...],
    out: Path | None, precision: str | None, max_runs: int, resume: bool, sampling: str,
) -> None:  # fmt: skip
    """Run a project many times: dates, people and idle capital, with their spread.

    Writes OUT/manifest.json, summary.json, runs.parquet (a row a replication), curves.parquet, events.parquet
    (one representative run) and figures/, and prints a short verdict.
    """
    from sim.report.figures import write_all
    from sim.report.verdict import verdict
    from sim.study.running import run as run_many
    from sim.study.store import FIGURES

    loaded = _load(config, overrides)
    target = out or Path("out") / loaded.value.name
    with _progress(loaded.value.name) as progress:
        result = run_many(
            loaded, runs=runs, seed=seed, workers=workers, precision=precision, max_runs=max_runs, sampling=sampling,
            out=target, resume=resume, progress=progress,
            extras=lambda result, directory: write_all(result, directory / FIGURES),
        )  # fmt: skip
    _print(verdict(result))
    click.echo(f"\nwritten to {target}: summary.json, runs.parquet, curves.parquet, events.parquet, figures/")
    _warn_stalls(result)


@main.command()
@click.argument("configs", type=click.Path(path_type=Path), nargs=-1, required=True)
@RUNS
@SEED
@WORKERS
@SET
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("out/compare"), show_default=True, help="Output directory."
)
@_guarded
def compare(
    configs: tuple[Path, ...], runs: int, seed: int, workers: int | None, overrides: tuple[str, ...], out: Path
) -> None:
    """Run several projects on the same luck and print their differences to the first, pair by pair.

    Writes each result to OUT/NAME, the paired differences to OUT/differences.csv, and figures to OUT/figures.
    """
    from sim.report.figures import write_comparison
    from sim.report.verdict import comparison
    from sim.study.running import compared
    from sim.study.running import run as run_many

    results = {}
    for loaded in [_load(config, overrides) for config in configs]:
        name = loaded.value.name
        if name in results:
            raise click.UsageError(f"two configurations are named {name}; give one another name")
        with _progress(name) as progress:
            results[name] = run_many(loaded, runs=runs, seed=seed, workers=workers, out=out / name, progress=progress)
    found = compared(results)
    write_comparison(results, found.table(), out / "figures")
    found.write(out / "differences.csv")
    _print(comparison(results, found.table()))
    click.echo(f"\nwritten to {out}: a folder for each, differences.csv, figures/")


@main.command()
@CONFIG
@SET
@_guarded
def check(config: Path, overrides: tuple[str, ...]) -> None:
    """Say a project's plan in words: scope, quantities, crews, capacity against load, and what looks wrong.

    Exit code 2 where the plan cannot work.
    """
    from sim.report.checkup import checkup
    from sim.study.case import prepare

    text, sound = checkup(prepare(_load(config, overrides).value))
    _print(text)
    if not sound:
        raise SystemExit(2)


@main.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="File to write; standard output if not given."
)
@_guarded
def schema(out: Path | None) -> None:
    """Write the JSON Schema of a configuration, so that editors complete and check it."""
    from json import dumps

    from sim.config.project import Project
    from sim.config.schema import json_schema

    text = dumps(json_schema(Project), indent=1, ensure_ascii=False) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")


@main.group()
def baseline() -> None:
    """Keep an expected delivery curve, and check later whether today's project still fits it."""


@baseline.command("save")
@CONFIG
@click.argument("file", type=click.Path(path_type=Path))
@RUNS
@SEED
@WORKERS
@SET
@_guarded
def baseline_save(
    config: Path, file: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...]
) -> None:
    """Run a project and write its dates and delivery curve to FILE."""
    from sim.study.baseline import save

    save(_run_quietly(config, runs, seed, workers, overrides), file)
    click.echo(f"saved to {file}")


@baseline.command("check")
@CONFIG
@click.argument("file", type=click.Path(path_type=Path))
@RUNS
@SEED
@WORKERS
@SET
@_guarded
def baseline_check(
    config: Path, file: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...]
) -> None:
    """Run a project and compare it with FILE; exit code 1 and the first dates that moved if it no longer fits."""
    from sim.study.baseline import require

    require(_run_quietly(config, runs, seed, workers, overrides), file)
    click.echo(f"fits {file}")


def _run_quietly(config: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...]) -> Any:
    """Run a project without writing anything."""
    from sim.study.running import run as run_many

    loaded = _load(config, overrides)
    with _progress(loaded.value.name) as progress:
        return run_many(loaded, runs=runs, seed=seed, workers=workers, progress=progress)


def _load(config: Path, overrides: tuple[str, ...]) -> Config:
    """Read a configuration with its overrides."""
    from sim.study.running import load

    return load(config, overrides)


def _progress(name: str) -> Any:
    """Return a progress bar with the time left, on stderr, where somebody watches."""
    from sim.report.progress import progress

    return progress(name)


def _print(text: RenderableType) -> None:
    """Print to the console; plain where it is not a terminal."""
    from sim.report.progress import console

    console().print(text)


def _warn_stalls(result: Any) -> None:
    """End with exit code 3 or 4 where replications stalled or failed."""
    status = result.sample.runs["status"]
    for word, code in (("failed", 4), ("stalled", 3)):
        if number := int((status == word).sum()):
            click.echo(f"{number} of {len(status)} replications {word}", err=True)
            sys.exit(code)
