"""Move sliders and look: `sim live`."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.options import CONFIG, SEED, SET, WORKERS, guarded


@click.command()
@CONFIG
@click.option("--runs", type=click.IntRange(1, 10_000), default=500, show_default=True, help="Replications a picture.")
@SEED
@WORKERS
@SET
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port of the page; any free one if not given.")
@guarded
def live(config: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...], port: int) -> None:
    """Open a page on this machine with sliders for crews, lines, trucks, yard, cranes, shifts and risks.

    It redraws MW online, headcount and idle capital against a pinned baseline while they move, on the same luck.
    "Copy as config" gives the YAML of what is on screen. Only this machine can see the page. Ctrl-C ends it.
    """
    import asyncio

    from sim.errors import SimError
    from sim.study.live import Live
    from sim.study.running import cores

    try:
        from sim.report.live.server import serve
    except ImportError as missing:
        raise SimError("sim live needs tornado: pip install tornado, or this package with its extra live") from missing

    click.echo("sizing the baseline …", err=True)
    with Live(config, overrides, runs=runs, seed=seed, workers=max(1, workers or cores())) as shown:
        asyncio.run(serve(shown, port, lambda address: click.echo(f"{address}  (Ctrl-C ends it)")))
