"""Checks: `sim verify`, `sim baseline save|check`, `sim check` and `sim schema`.

The engine against textbook answers, a result against a saved one, and a configuration before it is run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.options import (
    CONFIG,
    RUNS,
    SEED,
    SET,
    STATUS,
    WORKERS,
    load,
    require_ending,
    show,
    watched,
    write_or_print,
)

if TYPE_CHECKING:
    from rich.console import Group

    from sim.study.analyses.validation import CheckResult


# --- verify -----------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("config", type=click.Path(path_type=Path), required=False)
@RUNS
@SEED
@WORKERS
@SET
@click.option("--junit", type=click.Path(path_type=Path), default=None, help="Also write a JUnit XML file, for CI.")
@click.option("--strict", is_flag=True, help="Exit code 1 also where so few runs cannot tell.")
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
    from sim.study.analyses.validation import count

    if junit is not None:
        _require_writable(junit)
    title, rows = _textbook() if config is None else _expectations(config, runs, seed, workers, overrides)
    if junit is not None:
        _write_junit(junit, title, rows)
    show(describe_checks(title, rows))
    if count(rows, "fails") or (strict and count(rows, "inconclusive")):
        sys.exit(1)


STYLES = {"holds": "green", "fails": "bold red", "inconclusive": "yellow"}


def describe_checks(title: str, rows: Sequence[CheckResult]) -> Group:
    """Return the rows as a table, with how many hold below it."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "what", "expected", "observed"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(Text(row.outcome, style=STYLES[row.outcome]), row.name, row.expected, row.observed)
        if row.remark:
            table.add_row("", f"  {row.remark}", "", "")
    return Group(table, "", count_outcomes(rows))


def count_outcomes(rows: Sequence[CheckResult]) -> str:
    """Return how many hold, fail and cannot be decided."""
    from sim.study.analyses.validation import count

    counts = [f"{count(rows, 'holds')} of {len(rows)} hold"]
    if failing := count(rows, "fails"):
        counts.append(f"{failing} fail")
    if inconclusive := count(rows, "inconclusive"):
        counts.append(f"{inconclusive} inconclusive at this number of runs")
    return ", ".join(counts)


def _require_writable(path: Path) -> None:
    """Refuse a file that could not be written after the run."""
    from sim import files

    files.require_writable(path.absolute())


def _textbook() -> tuple[str, list[CheckResult]]:
    from sim.study.verification import textbook

    return "textbook", list(textbook())


def _expectations(
    config: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...]
) -> tuple[str, list[CheckResult]]:
    from sim.study.analyses.validation import verify

    loaded = load(config, overrides)
    with watched(loaded.value.name) as progress:
        return loaded.value.name, verify(loaded, runs=runs, seed=seed, workers=workers, progress=progress)


def _write_junit(path: Path, title: str, rows: list[CheckResult]) -> None:
    from sim import files
    from sim.study.analyses.validation import junit

    files.write(path.absolute(), junit(title, rows))


# --- baseline ---------------------------------------------------------------------------------------------------------


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
def baseline_save(
    config: Path, file: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...]
) -> None:
    """Run a project and write its dates and delivery curve to FILE."""
    from sim.study.analyses.baseline import save

    _require_writable(file)
    save(run_quietly(config, runs, seed, workers, overrides), file)
    click.echo(f"saved to {file}")


@baseline.command("check")
@CONFIG
@click.argument("file", type=click.Path(path_type=Path))
@RUNS
@SEED
@WORKERS
@SET
@STATUS
def baseline_check(
    config: Path, file: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...]
) -> None:
    """Run a project and compare it with FILE; exit code 1 and the first dates that moved if it no longer fits.

    With --status it is the project under way that is checked: whether the MW that are online really lie between P10 and P90
    of the expected delivery, and if not, since when; nothing is run.
    """
    from sim.study.analyses.baseline import require, require_actuals

    loaded = load(config, overrides)
    if loaded.continuation is not None:
        click.echo(require_actuals(loaded, file))
        return
    require(run_quietly(config, runs, seed, workers, overrides), file)
    click.echo(f"fits {file}")


def run_quietly(config: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...]) -> Any:
    """Run a project without writing anything."""
    from sim.study.api import run as run_many

    loaded = load(config, overrides)
    with watched(loaded.value.name) as progress:
        return run_many(loaded, runs=runs, seed=seed, workers=workers, progress=progress)


# --- check ------------------------------------------------------------------------------------------------------------


@click.command()
@CONFIG
@SET
def check(config: Path, overrides: tuple[str, ...]) -> None:
    """Say a project's plan in words: scope, quantities, crews, capacity against load, and what looks wrong.

    Exit code 2 where the plan cannot work.
    """
    from sim.report.plan_check import describe_plan
    from sim.study.case import prepare_case
    from sim.study.runner import expectations

    case = prepare_case(loaded := load(config, overrides))
    expectations(loaded, case.metrics)  # an expectation that names no metric is an error
    text, sound = describe_plan(case)
    show(text)
    if not sound:
        raise SystemExit(2)


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="File to write; standard output if not given."
)
def schema(out: Path | None) -> None:
    """Write the JSON Schema of a configuration, so that editors complete and check it."""
    from json import dumps

    from sim.config.json_schema import json_schema
    from sim.config.project import Project

    write_or_print(dumps(json_schema(Project), indent=1, ensure_ascii=False) + "\n", out)


# --- plan -------------------------------------------------------------------------------------------------------------


ENDINGS = {"svg": ".svg", "mermaid": ".mmd", "html": ".html"}


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--to", "form", type=click.Choice([*ENDINGS]), default="html", show_default=True,
    help="A picture, text that GitHub and wikis draw, or a page with the method of the strategy beside the picture.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="File to write; standard output if not given."
)
@SET
def plan(config: Path, form: str, out: Path | None, overrides: tuple[str, ...]) -> None:
    """Draw how a project is built: what follows what, what is handed on, and what is shared, as a flow diagram."""
    from sim.report.figures.flow_diagram import as_mermaid, as_page, as_svg, flow_of
    from sim.study.case import prepare_case

    if out is not None:
        require_ending(out, form, ENDINGS)
    case = prepare_case(load(config, overrides))
    flow = flow_of(case.plan)
    text = as_page(flow, case.project) if form == "html" else {"svg": as_svg, "mermaid": as_mermaid}[form](flow)
    write_or_print(text, out, f"written to {out}: {len(flow.boxes)} boxes, {len(flow.arrows)} arrows")
