"""Reports of results that are there already: `sim report`."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.options import guarded


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@guarded
def report(directory: Path) -> None:
    """Write the report and the figures of a result, or of a comparison, anew from what is stored in DIRECTORY.

    DIRECTORY is what `sim run` or `sim compare` has written; nothing is simulated and no number changes.
    """
    from sim.report.page.renewing import renew

    click.echo(f"written: {renew(directory)}")
