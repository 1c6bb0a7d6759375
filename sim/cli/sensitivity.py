"""Which inputs matter: `sim sensitivity`."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.options import WORKERS, guarded, show, watched
from sim.cli.sweep import STUDY, STUDY_RUNS, STUDY_SEED, STUDY_SET, asked


@click.command()
@STUDY
@click.option(
    "--method",
    type=click.Choice(["low_high", "morris", "sobol"]),
    default=None,
    help="One input at a time, elementary effects, or shares of the variance, instead of the study's.",
)
@STUDY_RUNS
@STUDY_SEED
@WORKERS
@STUDY_SET
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="Output directory; out/NAME_METHOD if not given."
)
@click.option("--resume", is_flag=True, help="Go on from what an interrupted analysis has left.")
@guarded
def sensitivity(
    study: Path, method: str | None, runs: int | None, seed: int | None, workers: int | None,
    overrides: tuple[str, ...], out: Path | None, resume: bool,
) -> None:  # fmt: skip
    """Say which of a study's inputs matter for one number, the P80 of the finish for example.

    STUDY is a YAML file whose inputs have `low` and `high` (or values, of which the first and the last count);
    its section `sensitivity` says which number. Morris and Sobol need the extra `sensitivity` (SALib). Writes
    OUT/sensitivity, points and summary as .parquet and .csv, and figures/.
    """
    from sim.report.sensitivities import told, write_figure
    from sim.study.design import read_study
    from sim.study.sensitivity import analyse

    changes = asked(overrides, {"runs": runs, "seed": seed})
    design = read_study(study, (*changes, *([f"sensitivity.method={method}"] if method else [])))
    target = out or Path("out") / f"{design.study.name}_{design.study.sensitivity.method}"
    with watched(design.study.name) as progress:
        found = analyse(
            design, workers=workers, out=target, resume=resume, progress=progress,
            extras=lambda found, directory: write_figure(found, directory / "figures"),
        )  # fmt: skip
    show(told(found))
    click.echo(f"\nwritten to {target}: sensitivity, points and summary as .parquet and .csv, figures/")
