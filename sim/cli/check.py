"""What a configuration says and may say: `sim check`, `sim schema`."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.options import CONFIG, SET, guarded, load, show


@click.command()
@CONFIG
@SET
@guarded
def check(config: Path, overrides: tuple[str, ...]) -> None:
    """Say a project's plan in words: scope, quantities, crews, capacity against load, and what looks wrong.

    Exit code 2 where the plan cannot work.
    """
    from sim.report.checkup import checkup
    from sim.study.case import prepare

    text, sound = checkup(prepare(load(config, overrides)))
    show(text)
    if not sound:
        raise SystemExit(2)


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="File to write; standard output if not given."
)
@guarded
def schema(out: Path | None) -> None:
    """Write the JSON Schema of a configuration, so that editors complete and check it."""
    from json import dumps

    from sim import files
    from sim.config.project import Project
    from sim.config.schema import json_schema

    text = dumps(json_schema(Project), indent=1, ensure_ascii=False) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        files.write(out, text.encode())
