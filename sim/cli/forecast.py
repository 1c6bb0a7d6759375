"""A project under way: `sim forecast` continues it from its status, `sim status` makes and checks the status."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.options import (
    CONFIG,
    ENGINE,
    RESUME,
    RUNS,
    SEED,
    SET,
    WORKERS,
    WholeNumber,
    exit_unless_all_finished,
    figures_option,
    load,
    show_levers,
    watched,
)

if TYPE_CHECKING:
    from sim.study.analyses.forecast.plan_steps import PlanSteps
    from sim.study.analyses.forecast.sheet.status_sheet import Grain
    from sim.study.api import Config

REQUIRED_STATUS = click.option(
    "--status", type=click.Path(path_type=Path), required=True, help="File of facts, as `sim status init` writes it."
)


def _require_ending(_context: click.Context, _option: click.Parameter, out: Path | None) -> Path | None:
    """Return the file to write; refuse one of another format before anything is worked out for it."""
    if out is not None:
        from sim.study.analyses.forecast.status_file import written_ending

        written_ending(out)
    return out


SHEET = click.option(
    "--out", type=click.Path(path_type=Path), default=None, callback=_require_ending,
    help="File to write: .csv, .yaml or .xlsx; standard output if not given.",
)  # fmt: skip


@click.command()
@CONFIG
@REQUIRED_STATUS
@RUNS
@SEED
@WORKERS
@SET
@click.option(
    "--learning/--no-learning", default=True, show_default=True,
    help="Learn pace, labour losses, suppliers and other common factors from the actuals.",
)  # fmt: skip
@click.option(
    "--out-of-sequence", "logic", type=click.Choice(["retained_logic", "progress_override"]), default=None,
    help="Work that began before what it follows: what is left waits for that, or goes on at once; left out, what the status "
    "says, and retained_logic where it says nothing.",
)  # fmt: skip
@click.option(
    "--moves", type=WholeNumber(0, 100_000), default=64, show_default=True,
    help="Replications for what moved the date, switched on one after another; 0 leaves it out.",
)  # fmt: skip
@click.option(
    "--levers/--no-levers", default=None,
    help="What one more line, crew, crane or truck buys from here, in days; if neither is given, where it takes seconds.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="Output directory; out/NAME-forecast if not given."
)
@RESUME
@figures_option("few")
@ENGINE
def forecast(
    config: Path, status: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...],
    learning: bool, logic: str | None, moves: int, levers: bool | None, out: Path | None, resume: bool, figures: str,
    engine: str,
) -> None:  # fmt: skip
    """Forecast a project under way from its status: when it will be done from here, and what moved the date.

    Writes to OUT what `sim run` writes, with the actual dates before the data date, and keeps what it tells in OUT.history/,
    so that the next forecast can say what moved since. Exit code 2 where the status is not sound: see `sim status check`.
    """
    from sim.report.figures.drawing import FigureDrawing
    from sim.study.analyses.forecast.status import read_status
    from sim.study.api import cores

    loaded = load(config, overrides)
    facts = read_status(status, loaded.value.scale.start_date)
    workers = cores() if workers is None else workers
    drawing = FigureDrawing(figures)
    drawing.get_ready(workers)
    # all else is loaded only now: others draw and plan meanwhile
    from sim.report.html_report.run_report import write_run
    from sim.report.presentation import describe_forecast, describe_trend
    from sim.study.analyses.forecast.forecast_case import forecast as run_forecast
    from sim.study.analyses.forecast.trend import Attribution, save_forecast, saved_forecasts, with_trend

    target = out or Path("out") / f"{loaded.value.name}-forecast"
    earlier = saved_forecasts(target)
    attribution = None
    if moves:
        attribution = Attribution(
            loaded, facts, runs=min(moves, runs), seed=seed, learning=learning, logic=logic, earlier=earlier,
            workers=workers, engine=engine,
        )  # fmt: skip
    with watched(loaded.value.name) as progress:
        result = run_forecast(
            loaded, facts, runs=runs, seed=seed, workers=workers, learning=learning, logic=logic, engine=engine,
            out=target, resume=resume, progress=progress, levers=levers, on_sample=drawing.begin,
            extras=lambda found, directory: write_run(with_trend(found, earlier), directory, drawing),
        )  # fmt: skip
    date_shifts = attribution.shifts(result.sample) if attribution else []
    save_forecast(result, target, date_shifts)
    note, replications = (attribution.note, attribution.runs) if attribution else ("", None)
    click.echo(describe_forecast(result, date_shifts, earlier, note, replications))
    click.echo(f"\n{describe_trend(saved_forecasts(target), result.manifest['start_date'])}")
    if len(result.more.get("levers", {})):
        show_levers(result)
    click.echo(f"\nwritten to {target}; what it tells is kept in {target}.history")
    exit_unless_all_finished(result)


@click.group()
def status() -> None:
    """The facts of a project under way, in a sheet of one row a fact: write it, check it."""


@status.command("init")
@CONFIG
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Data date: the last day that is known."
)
@click.option(
    "--grain", type=click.Choice(["milestones", "counts", "activities"]), default="counts", show_default=True,
    help="How finely facts are stated.",
)  # fmt: skip
@SHEET
@SET
def init_status(config: Path, as_of: datetime, grain: Grain, out: Path | None, overrides: tuple[str, ...]) -> None:
    """Write the sheet that a planner fills: what should be done by the data date, with the plan's dates in it.

    A row that is left as it is says that it went as planned.
    """
    from sim.study.analyses.forecast.sheet.status_sheet import status_sheet

    loaded = load(config, overrides)
    rows = status_sheet(_steps(loaded), as_of.date(), grain)
    _write_sheet(rows, out, f"{len(rows)} rows written to {out}: correct what is not as planned, then sim status check")


@status.command("from")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Data date, where it is another than the file's."
)
@click.option(
    "--with", "former", type=click.Path(path_type=Path), default=None,
    help="A former status whose promises, risks, people, hours and money are taken over: a schedule has none.",
)  # fmt: skip
@SHEET
def from_schedule(file: Path, as_of: datetime | None, former: Path | None, out: Path | None) -> None:
    """Take the actuals of a schedule that `sim export` wrote and MS Project or Primavera P6 has saved again.

    FILE is .xml (Microsoft Project) or .xer (P6). Actual start and finish, remaining duration, percent complete, suspend and
    resume come back by the activities' own ids, whatever their names and rows have become.
    """
    from sim.report.exchange.importers.statused_schedule import read_statused
    from sim.study.analyses.forecast.status_file import rows_of_no_schedule

    taken_over = [] if former is None else rows_of_no_schedule(former)
    schedule = read_statused(file)
    data_date = as_of.date().isoformat() if as_of else schedule.data_date
    if data_date is None:
        raise click.UsageError(f"{file} has no status date: say --as-of DATE")
    rows: list[dict[str, object]] = [
        {"kind": "data_date", "date": data_date},
        {"kind": "logic", "what": schedule.logic},
    ]
    rows += [*schedule.rows, *taken_over]
    message = f"{schedule.begun} of {schedule.activities} activities have begun by {data_date}: written to {out}"
    if former is None:
        message += (
            "; promises, risks, people, hours and money are in no schedule: --with takes them from a former status"
        )
    _write_sheet(rows, out, message)


def _write_sheet(rows: list[dict[str, object]], out: Path | None, message: str) -> None:
    """Write rows of a status to a file and print a message, or print the rows where no file is given."""
    from sim import files
    from sim.study.analyses.forecast.status_file import csv_bytes, status_bytes

    if out is None:
        click.echo(csv_bytes(rows).decode(), nl=False)
        return
    files.write(out.absolute(), status_bytes(rows, out))
    click.echo(message)


@status.command("check")
@CONFIG
@click.argument("file", type=click.Path(path_type=Path))
@SET
def check(config: Path, file: Path, overrides: tuple[str, ...]) -> None:
    """Check a status: what can't be, with row and column, and what is accepted and worth knowing.

    Exit code 2 where something cannot be.
    """
    from sim.report.formatting import counted
    from sim.report.presentation import describe_findings
    from sim.study.analyses.forecast.plan_steps import PlanSteps
    from sim.study.analyses.forecast.sheet.status_checks import findings_of
    from sim.study.analyses.forecast.status import UnsoundStatus, read_status
    from sim.study.case import prepare_case

    loaded = load(config, overrides)
    facts = read_status(file, loaded.value.scale.start_date)
    case = prepare_case(loaded, engine="auto")
    findings = findings_of(PlanSteps.of(case), facts, case.as_planned[1]["capital_deployed_usd"])
    errors = sum(finding.severity == "error" for finding in findings)
    if findings:
        click.echo(describe_findings(findings))
    error_count, note_count = counted(errors, "error", "errors"), counted(len(findings) - errors, "note", "notes")
    fact_count = counted(len(facts.facts), "fact", "facts")
    click.echo(f"{fact_count} until {facts.data_date}: {error_count}, {note_count}")
    if errors:
        raise UnsoundStatus(f"{file}: {error_count}")


def _steps(loaded: Config) -> PlanSteps:
    """Return where facts stand in the plan of a configuration."""
    from sim.study.analyses.forecast.plan_steps import PlanSteps
    from sim.study.case import prepare_case

    return PlanSteps.of(prepare_case(loaded, engine="auto"))
