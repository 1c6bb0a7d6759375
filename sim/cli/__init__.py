"""The command line: parse, call, print. Every `click` command in a file of this folder is a command of `sim`."""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import click

from sim.errors import SimError, Stalled, printable

ADDRESS_SPACE, ADDRESS_SPACE_PER_CORE = 800_000_000, 64_000_000
"""Bytes below which libraries do not load: with less (`ulimit -v`) some wait for ever, others end the process."""
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Error numbers of a disk that is full, where standard output is a file."""
GC_THRESHOLD = 100_000
"""New objects after which cyclic garbage is looked for: of 700, Python's own number, a fifth of the time to a verdict goes
into looking through modules and a plan that all stay."""
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Variables that say how many threads numpy's linear algebra takes. Processes are what runs beside each other here: on busy
cores the threads of a matrix of 200 rows wait for each other for half a second."""


class Commands(click.Group):
    """The commands; errors are caught here and nowhere else: one clear message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a SimError is its message on stderr and its exit code, also for Ctrl-C and SIGTERM."""
        from sim.study.executors.interruption import ends_soon, interruptible

        try:
            _require_address_space()
            with ends_soon(), interruptible():
                result = super().invoke(ctx)
                sys.stdout.flush()
        except SimError as error:
            click.echo(printable(str(error)), err=True)
            ctx.exit(error.exit_code)
        except MemoryError:
            click.echo("memory ran out: take fewer --runs or --workers, or a smaller project", err=True)
            ctx.exit(Stalled.exit_code)
        except OSError as error:
            if error.filename is not None or error.errno not in DISK_ERRORS:
                raise
            click.echo(f"standard output could not be written: {error.strerror}", err=True)
            os._exit(1)  # an orderly end would try to write it once more, and complain
        return result


def _require_address_space() -> None:
    """Refuse a limit on address space under which numpy, scipy and numba cannot be loaded."""
    if os.name != "posix":
        return
    import resource

    bytes_needed = ADDRESS_SPACE + ADDRESS_SPACE_PER_CORE * (os.cpu_count() or 1)
    max_bytes = resource.getrlimit(resource.RLIMIT_AS)[0]
    if resource.RLIM_INFINITY != max_bytes < bytes_needed:
        raise Stalled(
            f"{max_bytes / 1e6:,.0f} MB of address space are allowed and {bytes_needed / 1e6:,.0f} MB are needed for the "
            "libraries alone: raise the limit (ulimit -v)"
        )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="hybrid-dc-sim")
def main() -> None:
    """Simulate how a data center is built, and when its megawatts come online.

    A project is a YAML file, your own or one that is shipped (sim examples lists them). Start with

    \b
      sim init west --mw 120 --place ohio
      sim run west/west.yaml
      sim compare stick_built hybrid modular --runs 200

    Exit codes: 0 good, 1 an internal error or a check that failed, 2 wrong input, 3 a stall or an exceeded
    budget, 4 partial results, 130 interrupted, 143 ended by the system (SIGTERM).
    """  # noqa: D301 (click reads the backspace)


def _commands_of_modules() -> Iterator[click.Command]:
    """Yield every command that a module of this folder defines, those of a group with the group."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    commands = {
        id(value): value for module in modules for value in vars(module).values() if isinstance(value, click.Command)
    }
    subcommands = {
        id(subcommand)
        for value in commands.values()
        if isinstance(value, click.Group)
        for subcommand in value.commands.values()
    }
    yield from (command for key, command in commands.items() if key not in subcommands)


for command in _commands_of_modules():
    main.add_command(command)


def run_process() -> None:
    """Run the command line in a process that has nothing else to do: what `sim` calls."""
    for name in BLAS_THREADS:  # read when numpy is imported; workers inherit it
        os.environ.setdefault(name, "1")
    gc.set_threshold(GC_THRESHOLD)
    try:
        main()
    finally:
        gc.freeze()  # or Python looks for garbage in everything once more before it ends
