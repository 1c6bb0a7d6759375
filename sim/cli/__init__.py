"""The command line: parse, call, print."""

from __future__ import annotations

from typing import Any

import click

from sim.cli.check import baseline, check, schema, verify
from sim.cli.exchange import export, import_, live, report
from sim.cli.reference import reference
from sim.cli.run import compare, merge, run
from sim.cli.studies import drivers, sensitivity, sweep, tune
from sim.errors import SimError


class Commands(click.Group):
    """The commands; whatever goes wrong is one clear message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a SimError is its message on stderr and its exit code."""
        try:
            return super().invoke(ctx)
        except SimError as error:
            click.echo(str(error), err=True)
            ctx.exit(error.exit_code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="hybrid-dc-sim")
def main() -> None:
    """Simulate how a data center is built, and when its megawatts come online.

    A project is a YAML file (configs/hybrid.yaml is one). Start with

    \b
      sim run configs/hybrid.yaml
      sim compare configs/stick_built.yaml configs/hybrid.yaml configs/modular.yaml --runs 200
      sim check configs/hybrid.yaml

    Exit codes: 0 good, 1 an internal error or a check that failed, 2 wrong input, 3 a stall or an exceeded
    budget, 4 partial results, 130 interrupted.
    """  # noqa: D301 (click reads the backspace)


COMMANDS = (
    run,
    compare,
    merge,
    sweep,
    live,
    drivers,
    report,
    sensitivity,
    tune,
    check,
    verify,
    baseline,
    export,
    import_,
    schema,
    reference,
)
for command in COMMANDS:
    main.add_command(command)
