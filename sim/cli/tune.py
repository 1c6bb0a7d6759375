"""What to choose: `sim tune`."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.options import WORKERS, guarded, show, watched
from sim.cli.sweep import STUDY, STUDY_RUNS, STUDY_SEED, STUDY_SET, asked


@click.command()
@STUDY
@STUDY_RUNS
@STUDY_SEED
@WORKERS
@STUDY_SET
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="Output directory; out/NAME_tuned if not given."
)
@click.option("--resume", is_flag=True, help="Go on from the designs that an interrupted tuning has finished.")
@guarded
def tune(
    study: Path, runs: int | None, seed: int | None, workers: int | None, overrides: tuple[str, ...],
    out: Path | None, resume: bool,
) -> None:  # fmt: skip
    """Choose values of a study's inputs that make one number small while others keep their limits.

    STUDY is a YAML file whose inputs have bounds and whose section `tune` states the objective and limits such as
    "P80 of the peak at most 450". The best design is run again on fresh luck. Where there are few designs all are
    tried; otherwise Optuna (extra `tune`) chooses. Writes OUT/trials and fresh as .parquet and .csv, and figures/.
    """
    from sim.report.tunings import told, write_figure
    from sim.study.design import read_study
    from sim.study.tuning import tune as choose

    design = read_study(study, asked(overrides, {"runs": runs, "seed": seed}))
    target = out or Path("out") / f"{design.study.name}_tuned"
    with watched(design.study.name) as progress:
        found = choose(
            design, workers=workers, out=target, resume=resume, progress=progress,
            extras=lambda found, directory: write_figure(found, directory / "figures"),
        )  # fmt: skip
    show(told(found))
    click.echo(f"\nwritten to {target}: trials and fresh as .parquet and .csv, figures/")
