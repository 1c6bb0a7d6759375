"""Whether the numbers can be believed: `sim verify`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.options import RUNS, SEED, SET, WORKERS, guarded, load, show, watched

if TYPE_CHECKING:
    from sim.study.checked import Checked


@click.command()
@click.argument("config", type=click.Path(path_type=Path), required=False)
@RUNS
@SEED
@WORKERS
@SET
@click.option("--junit", type=click.Path(path_type=Path), default=None, help="Also write a JUnit XML file, for CI.")
@click.option("--strict", is_flag=True, help="Exit code 1 also where so few runs cannot tell.")
@guarded
def verify(
    config: Path | None, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...],
    junit: Path | None, strict: bool,
) -> None:  # fmt: skip
    """Hold a project to its own expectations; without CONFIG, hold the engine to the textbooks.

    A project states what it expects as lines of `expect`:

    \b
      expect:
        - peak_workforce_onsite.p80 < 450
        - lead_time_full_days.p80 <= 540

    Each is judged by the 95 % interval of that number: it holds, it fails, or it is inconclusive at this number
    of runs. Without CONFIG the engine on this machine answers questions whose answers are known: batches, lines,
    fleets, Graham's anomalies, queues, rework, learning.

    Exit code 0 where nothing fails, 1 where something does (with --strict also where something is inconclusive),
    2 for wrong input. A replication that stalls counts as later than any date.
    """  # noqa: D301 (click reads the backspace)
    from sim.report.verified import verified
    from sim.study.checked import count

    title, rows = _textbook() if config is None else _expectations(config, runs, seed, workers, overrides)
    if junit is not None:
        _write_junit(junit, title, rows)
    show(verified(title, rows))
    if count(rows, "fails") or (strict and count(rows, "inconclusive")):
        sys.exit(1)


def _textbook() -> tuple[str, list[Checked]]:
    from sim.study.textbook import textbook

    return "textbook", list(textbook())


def _expectations(
    config: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...]
) -> tuple[str, list[Checked]]:
    from sim.study.expecting import verify

    loaded = load(config, overrides)
    with watched(loaded.value.name) as progress:
        return loaded.value.name, verify(loaded, runs=runs, seed=seed, workers=workers, progress=progress)


def _write_junit(path: Path, title: str, rows: list[Checked]) -> None:
    from sim import files
    from sim.study.checked import junit

    files.write(path.absolute(), junit(title, rows))
