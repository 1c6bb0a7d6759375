"""Expected delivery curves: `sim baseline save|check`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sim.cli.options import CONFIG, RUNS, SEED, SET, WORKERS, guarded, load, watched


@click.group()
def baseline() -> None:
    """Keep an expected delivery curve, and check later whether today's project still fits it."""


@baseline.command("save")
@CONFIG
@click.argument("file", type=click.Path(path_type=Path))
@RUNS
@SEED
@WORKERS
@SET
@guarded
def baseline_save(
    config: Path, file: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...]
) -> None:
    """Run a project and write its dates and delivery curve to FILE."""
    from sim.study.baseline import save

    save(run_quietly(config, runs, seed, workers, overrides), file)
    click.echo(f"saved to {file}")


@baseline.command("check")
@CONFIG
@click.argument("file", type=click.Path(path_type=Path))
@RUNS
@SEED
@WORKERS
@SET
@guarded
def baseline_check(
    config: Path, file: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...]
) -> None:
    """Run a project and compare it with FILE; exit code 1 and the first dates that moved if it no longer fits."""
    from sim.study.baseline import require

    require(run_quietly(config, runs, seed, workers, overrides), file)
    click.echo(f"fits {file}")


def run_quietly(config: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...]) -> Any:
    """Run a project without writing anything."""
    from sim.study.running import run as run_many

    loaded = load(config, overrides)
    with watched(loaded.value.name) as progress:
        return run_many(loaded, runs=runs, seed=seed, workers=workers, progress=progress)
