"""One project under many settings: `sim sweep`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from sim.cli.options import WORKERS, guarded, show, watched

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
    type=click.IntRange(1, 1_000_000),
    default=None,
    help="Replications a point, instead of the study's.",
)
STUDY_SEED = click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=None,
    help="The luck, instead of the study's.",
)


def asked(overrides: tuple[str, ...], stated: Mapping[str, int | None]) -> tuple[str, ...]:
    """Return the overrides of a study file with those that have an option of their own."""
    return (*overrides, *(f"{name}={value}" for name, value in stated.items() if value is not None))


@click.command()
@STUDY
@STUDY_RUNS
@STUDY_SEED
@WORKERS
@STUDY_SET
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Output directory; out/NAME if not given.")
@click.option("--resume", is_flag=True, help="Go on from what an interrupted sweep has left.")
@guarded
def sweep(
    study: Path, runs: int | None, seed: int | None, workers: int | None, overrides: tuple[str, ...],
    out: Path | None, resume: bool,
) -> None:  # fmt: skip
    """Run a study: every point of its design on the same luck, as one tidy table.

    STUDY is a YAML file such as experiments/how_many_trucks/study.yaml; --set changes a value of it.
    Writes OUT/runs (a row a replication, with its settings), summary (a row a point and metric) and points, each as
    .parquet and .csv, and figures/: lines for one input, a heat map for two, a panel for each of more.
    """
    from sim.report.sweeps import told, write_figures
    from sim.study.design import read_study
    from sim.study.sweep import sweep_design

    design = read_study(study, asked(overrides, {"runs": runs, "seed": seed}))
    target = out or Path("out") / design.study.name
    with watched(design.study.name) as progress:
        found = sweep_design(
            design, workers=workers, out=target, resume=resume, progress=progress,
            extras=lambda found, directory: write_figures(found, directory / "figures"),
        )  # fmt: skip
    show(told(found))
    click.echo(f"\nwritten to {target}: runs, summary and points as .parquet and .csv, figures/")
