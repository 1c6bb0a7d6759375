"""Which risk matters: `sim drivers`."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.options import CONFIG, ENGINE, SEED, SET, WORKERS, guarded, load, show, warn_stalls, watched


@click.command()
@CONFIG
@click.option(
    "--runs", type=click.IntRange(1, 1_000_000), default=200, show_default=True, help="Replications of each case."
)
@SEED
@WORKERS
@ENGINE
@SET
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Output directory; out/NAME if not given.")
@guarded
def drivers(
    config: Path, runs: int, seed: int, workers: int | None, engine: str, overrides: tuple[str, ...], out: Path | None
) -> None:
    """Say what each risk driver and each group of uncertainty costs: days, dollars and people, at P50 and P80.

    The project is run with everything on, and again with one cause switched off at a time, on the same luck: as many
    cases as there are causes. Writes what `sim run` writes, with drivers.parquet and the tornado in the report.
    """
    from sim.report.causes import told
    from sim.report.page.run import write_run
    from sim.study.drivers import drivers as switch_off

    loaded = load(config, overrides)
    target = out or Path("out") / loaded.value.name
    found = switch_off(
        loaded, runs=runs, seed=seed, workers=workers, engine=engine, out=target, watch=watched, extras=write_run
    )
    show(told(found))
    click.echo(f"\nwritten to {target}: report.html, drivers.parquet, figures/tornado.png, and what sim run writes")
    warn_stalls(found.result)
