"""Studies of one project: `sim sweep`, `sim sensitivity`, `sim tune` and `sim drivers`.

That is: many settings, which inputs matter, which values to choose, and what each risk costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from sim.cli.options import (
    CONFIG,
    ENGINE,
    SCHEDULER,
    SEED,
    SET,
    STATUS,
    WORKERS,
    WholeNumber,
    exit_unless_all_finished,
    from_status,
    load,
    show,
    stored_manifest,
    tell_replaced,
    watched,
    write_or_print,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim.study.analyses.design import StudyDesign

T = TypeVar("T")

# --- sweep ------------------------------------------------------------------------------------------------------------


STUDY = click.argument("study", type=click.Path(path_type=Path))
STUDY_SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="A.B=C",
    help="Change one value of the study, e.g. --set runs=50. May be given often.",
)
STUDY_RUNS = click.option(
    "--runs",
    type=WholeNumber(1, 1_000_000),
    default=None,
    help="Replications a point, instead of the study's.",
)
STUDY_SEED = click.option(
    "--seed",
    type=WholeNumber(0, 2**63 - 1),
    default=None,
    help="Seed of the random numbers, instead of the study's.",
)


def asked(overrides: tuple[str, ...], stated: Mapping[str, int | str | None]) -> tuple[str, ...]:
    """Return the overrides of a study file with those that have an option of their own."""
    return (*overrides, *(f"{name}={value}" for name, value in stated.items() if value is not None))


def study_options(default: str, resumed: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds the options of a study to a command; `default` and `resumed` are texts for their help."""
    options = (
        STUDY, STUDY_RUNS, STUDY_SEED, WORKERS, STUDY_SET, STATUS,
        click.option(
            "--out", type=click.Path(path_type=Path), default=None, help=f"Output directory; {default} if not given."
        ),
        click.option("--resume", is_flag=True, help=f"Go on from {resumed}."),
    )  # fmt: skip

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


def _design_of_study(study: Path, overrides: tuple[str, ...]) -> StudyDesign:
    """Read a study; its projects continue from a status where one is given."""
    from dataclasses import replace

    from sim.study.analyses.design import read_study

    design = read_study(study, overrides)
    return replace(design, bases=from_status(design.bases))


def run_study(
    analysis: Callable[..., T], design: StudyDesign, target: Path, *, workers: int | None, resume: bool,
    draw: Callable[[T, Path], object], describe: Callable[[T], RenderableType], tables: str,
) -> None:  # fmt: skip
    """Run the analysis of a study, write its tables and figures, and print its result."""
    with watched(design.study.name) as progress:
        result = analysis(
            design, workers=workers, out=target, resume=resume, progress=progress,
            extras=lambda result, directory: draw(result, directory / "figures"),
        )  # fmt: skip
    show(describe(result))
    click.echo(f"\nwritten to {target}: {tables} as .parquet and .csv, figures/")


@click.command()
@study_options("out/NAME", "what an interrupted sweep has left")
@SCHEDULER
def sweep(
    study: Path, runs: int | None, seed: int | None, workers: int | None, overrides: tuple[str, ...],
    out: Path | None, resume: bool, scheduler: str | None,
) -> None:  # fmt: skip
    """Run a study: every point of its design on the same random numbers, as one tidy table.

    STUDY is a YAML file such as experiments/how_many_trucks/study.yaml; --set changes a value of it.
    Writes OUT/runs (a row a replication, with its settings), summary (a row a point and metric) and points, each as
    .parquet and .csv, and figures/: lines for one input, a heat map for two, a panel for each of more.
    """
    from sim.report.figures.sweep import write_sweep_figures
    from sim.report.study_tables import describe_sweep
    from sim.study.analyses.sweep import sweep_design

    design = _design_of_study(study, asked(overrides, {"runs": runs, "seed": seed}))
    run_study(
        partial(sweep_design, scheduler=scheduler), design, out or Path("out") / design.study.name,
        workers=workers, resume=resume, draw=write_sweep_figures, describe=describe_sweep, tables="runs, summary and points",
    )  # fmt: skip


# --- sensitivity ------------------------------------------------------------------------------------------------------


@click.command()
@study_options("out/NAME_METHOD", "what an interrupted analysis has left")
@click.option(
    "--method",
    type=click.Choice(["low_high", "morris", "sobol"]),
    default=None,
    help="One input at a time, elementary effects, or shares of the variance, instead of the study's.",
)
def sensitivity(
    study: Path, method: str | None, runs: int | None, seed: int | None, workers: int | None,
    overrides: tuple[str, ...], out: Path | None, resume: bool,
) -> None:  # fmt: skip
    """Say which of a study's inputs matter for one number, the P80 of the finish for example.

    STUDY is a YAML file whose inputs have `low` and `high` (or values, of which the first and the last count);
    its section `sensitivity` says which number. Morris and Sobol need the extra `sensitivity` (SALib). Writes
    OUT/sensitivity, points and summary as .parquet and .csv, and figures/.
    """
    from sim.report.study_tables import describe_sensitivity, write_sensitivity_figure
    from sim.study.analyses.sensitivity import analyse

    design = _design_of_study(study, asked(overrides, {"runs": runs, "seed": seed, "sensitivity.method": method}))
    target = out or Path("out") / f"{design.study.name}_{design.study.sensitivity.method}"
    run_study(
        analyse, design, target, workers=workers, resume=resume,
        draw=write_sensitivity_figure, describe=describe_sensitivity, tables="sensitivity, points and summary",
    )  # fmt: skip


# --- tune -------------------------------------------------------------------------------------------------------------


@click.command()
@study_options("out/NAME_tuned", "the designs that an interrupted tuning has finished")
def tune(
    study: Path, runs: int | None, seed: int | None, workers: int | None, overrides: tuple[str, ...],
    out: Path | None, resume: bool,
) -> None:  # fmt: skip
    """Choose values of a study's inputs that make one number small while others keep their limits.

    STUDY is a YAML file whose inputs have bounds and whose section `tune` states the objective and limits such as
    "P80 of the peak at most 450". The best design is run again on fresh random numbers. Where there are few, all are
    tried; otherwise Optuna (extra `tune`) chooses. Writes OUT/trials and fresh as .parquet and .csv, and figures/.
    """
    from sim.report.figures.sweep import write_tuning_figure
    from sim.report.study_tables import describe_tuning
    from sim.study.analyses.tuning import tune_design

    design = _design_of_study(study, asked(overrides, {"runs": runs, "seed": seed}))
    run_study(
        tune_design, design, out or Path("out") / f"{design.study.name}_tuned", workers=workers, resume=resume,
        draw=write_tuning_figure, describe=describe_tuning, tables="trials and fresh",
    )  # fmt: skip


# --- drivers ----------------------------------------------------------------------------------------------------------


@click.command()
@CONFIG
@click.option(
    "--runs", type=WholeNumber(1, 1_000_000), default=200, show_default=True, help="Replications of each case."
)
@SEED
@WORKERS
@ENGINE
@SET
@STATUS
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Output directory; out/NAME if not given.")
def drivers(
    config: Path, runs: int, seed: int, workers: int | None, engine: str, overrides: tuple[str, ...], out: Path | None
) -> None:
    """Say what each risk driver and each group of uncertainty costs: days, dollars and people, at P50 and P80.

    The project is run with everything on, and again with one cause off at a time, on the same random numbers: as many
    cases as there are causes. Writes what `sim run` writes, with drivers.parquet and the tornado in the report.
    """
    from sim.report.console import describe_drivers
    from sim.report.html_report.run_report import write_run
    from sim.study.analyses.drivers import drivers as switch_off

    loaded = load(config, overrides)
    target = out or Path("out") / loaded.value.name
    before = stored_manifest(target)
    result = switch_off(
        loaded, runs=runs, seed=seed, workers=workers, engine=engine, out=target, watch=watched, extras=write_run
    )
    show(describe_drivers(result))
    click.echo(f"\nwritten to {target}: report.html, drivers.parquet, figures/tornado.png, and what sim run writes")
    tell_replaced(before, result.result, target)
    exit_unless_all_finished(result.result)


# --- own history ------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("data", metavar="DATA.csv", type=click.Path(path_type=Path))
@click.option(
    "--key", required=True, metavar="A.B.C", help="The number it is for: systems.mechanical.factory.stations.pipe"
)
@click.option("--column", default=None, help="Column of numbers; the only one, or the one with a unit, if not given.")
@click.option(
    "--unit",
    default="",
    help='Unit of the column if its name has none: "working hours", "calendar days", weeks, kg, %.',
)
@click.option(
    "--like", type=click.Path(path_type=Path), default=Path("hybrid"), show_default=True, help="Whose key it is."
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="File to write; standard output if not given."
)
@click.option(
    "--picture", type=click.Path(path_type=Path), default=None, help="PNG (and SVG) of the data and the candidates."
)
def fit(
    data: Path, key: str, column: str | None, unit: str, like: Path, out: Path | None, picture: Path | None
) -> None:
    """Turn own history into an estimate: a table of durations, lead times, hours or failures becomes a piece of YAML.

    DATA.csv has a column of numbers. A unit in its name (`duration_h`, weeks, `working hours`) is converted into that of the
    key, or refused where it is one of something else. `finished` (yes or no) says which rows are not over yet, `units` what
    to divide by. Or it has `failed` and `tested`, for a share. Candidates are lognormal, gamma and Weibull;
    the smallest AICc is taken. With fewer than eight rows no shape can be told, and the estimate is widened.
    """
    from sim.world.fitting import factor_to_key_unit, fragment, read_history, unit_note
    from sim.world.fitting import fit as fitted

    history, loaded = read_history(data, column), load(like, ())
    interpretation = unit_note(factor_to_key_unit(history, key, loaded.value, unit)[1])
    fit_result = fitted(history)
    for line in (*fit_result.describe(), *interpretation):
        click.echo(line, err=True)
    text, override = fragment(fit_result, key, loaded.value, unit)
    load(like, (override,))  # what the key does not allow is told here
    if picture is not None:
        from sim.report.figures.sensitivity import plot_fit
        from sim.report.figures.style import save

        save(plot_fit(fit_result), picture.absolute().parent, picture.stem)
    write_or_print(text, out, f"written to {out}: {key}")
