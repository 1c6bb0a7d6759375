"""What commands share: options, reading a configuration, printing."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.errors import without_thousands

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim.report.figures.drawing import FigureDrawing
    from sim.study.api import Config
    from sim.study.result import Result


class WholeNumber(click.IntRange):
    """A whole number on the command line, with the same error messages as in a file."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; BadParameter with what was typed, what is expected, and how to write it."""
        return int(convert_number(self, super().convert, "a whole number", value, param, ctx))


class RealNumber(click.FloatRange):
    """A number on the command line, with the same error messages as in a file."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; BadParameter with what was typed, what is expected, and how to write it."""
        return float(convert_number(self, super().convert, "a number", value, param, ctx))


def convert_number(
    kind: click.IntRange | click.FloatRange, convert: Callable[..., Any], expected: str, value: Any,
    param: click.Parameter | None, ctx: click.Context | None,
) -> Any:  # fmt: skip
    """Return what `convert` makes of a text; if invalid fail with `1,000 given, a whole number from 1 to 9 expected`."""
    try:
        return convert(value, param, ctx)
    except click.BadParameter:
        digits = without_thousands(str(value).strip())
        number = re.match(r"-?[0-9]+(?:\.[0-9]+)?", digits)
        hint = f" (write {number[0]})" if number and number[0] != str(value) else ""
        kind.fail(f"{value} given, {expected} from {kind.min:,} to {kind.max:,} expected{hint}", param, ctx)


CONFIG = click.argument("config", type=click.Path(path_type=Path))
RUNS = click.option("--runs", type=WholeNumber(1, 1_000_000), default=1000, show_default=True, help="Replications.")
SEED = click.option(
    "--seed",
    type=WholeNumber(0, 2**63 - 1),
    default=1,
    show_default=True,
    help="Seed of the random numbers; the same seed gives every strategy the same ones.",
)
WORKERS = click.option(
    "--workers",
    type=WholeNumber(0, 256),
    default=None,
    help="Processes; all cores if not given. Results do not depend on it.",
)
ENGINE = click.option(
    "--engine",
    type=click.Choice(["auto", "simpy", "compiled"]),
    default="auto",
    show_default=True,
    help="What simulates the plan: the SimPy reference, or the compiled engine (auto: where installed). Same numbers.",
)


def SET(command: Callable[..., None]) -> Callable[..., None]:  # noqa: N802 (a decorator like the options around it)
    """Add the options that change a configuration (--set, --risks, --without, as `overrides`), and --most-steps."""

    @wraps(command)
    def overridden(
        *,
        overrides: tuple[str, ...],
        risks: str | None,
        without: tuple[str, ...],
        most_steps: int | None,
        **other_options: Any,
    ) -> None:
        from sim.study.executors.memory_estimate import MAX_STEPS, steps_allowed

        mode = (f"risks.mode={risks}",) if risks else ()
        switched_off = (f"risks.without=[{', '.join(without)}]",) if without else ()
        with steps_allowed(most_steps or MAX_STEPS), _named_as_typed(switched_off):
            command(overrides=(*overrides, *mode, *switched_off), **other_options)

    for option in reversed(_CONFIG_OPTIONS):
        overridden = option(overridden)
    return overridden


@contextmanager
def _named_as_typed(switched_off: tuple[str, ...]) -> Iterator[None]:
    """Name --without in errors about ids that were given with it, in place of the --set that it stands for."""
    from sim.errors import ConfigError

    try:
        yield
    except ConfigError as error:
        if not switched_off:
            raise
        raise ConfigError(
            replace(problem, file="--without", path="") if problem.file == "--set risks.without" else problem
            for problem in error.problems
        ) from error


_CONFIG_OPTIONS = (
    click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="A.B=C",
        help="Change one value, e.g. --set logistics.cranes=4. May be given often.",
    ),
    click.option(
        "--risks",
        type=click.Choice(["inherent", "mitigated", "none"]),
        default=None,
        help="The risk register as things are, after mitigation, or not at all.",
    ),
    click.option("--without", multiple=True, metavar="ID", help="Leave one risk driver out. May be given often."),
    click.option(
        "--most-steps",
        type=WholeNumber(1, 1_000_000_000),
        default=None,
        help="Steps a plan may have at most before it is refused (exit code 3); 5,000,000 if not given.",
    ),
)

SAMPLING = click.option(
    "--sampling",
    type=click.Choice(["mc", "lhs", "sobol", "sobol-all"]),
    default="mc",
    show_default=True,
    help="Plain Monte Carlo, Latin hypercube, or Sobol for what is shared (sobol-all: for everything).",
)
RESUME = click.option("--resume", is_flag=True, help="Go on from what an interrupted run has left.")


def figures_option(default: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the option of which pictures are written; where several results are, few of each unless it is said otherwise."""
    return click.option(
        "--figures",
        type=click.Choice(["none", "few", "all"]),
        default=default,
        show_default=True,
        help="Picture files: none, few (MW online, people, finish, capital) or all; report.html has its charts anyway.",
    )


FIGURES = figures_option("all")
SCHEDULER = click.option(
    "--scheduler",
    metavar="ADDRESS",
    default=None,
    help="Let a Dask cluster do it: tcp://127.0.0.1:8786, tls://HOST:8786, or local for one on this machine. "
    "Results do not depend on it.",
)


_STATUS: ContextVar[Path | None] = ContextVar("status", default=None)


def STATUS(command: Callable[..., None]) -> Callable[..., None]:  # noqa: N802 (a decorator like the options around it)
    """Add --status: every project that the command loads continues from that status."""

    @wraps(command)
    def continued(*, status: Path | None, **other_options: Any) -> None:
        token = _STATUS.set(status)
        try:
            command(**other_options)
        finally:
            _STATUS.reset(token)

    return click.option(
        "--status", type=click.Path(path_type=Path), default=None, metavar="FILE",
        help="Go on from the status of a project under way, as `sim status init` writes it, instead of its first day.",
    )(continued)  # fmt: skip


def load(config: Path, overrides: tuple[str, ...]) -> Config:
    """Read a configuration with its overrides; one that goes on from a status where the command was given one."""
    from sim.study.api import load

    return from_status((load(config, overrides),))[0]


def from_status(bases: tuple[Config, ...]) -> tuple[Config, ...]:
    """Return the configurations of a study, going on from a status where the command was given one."""
    status = _STATUS.get()
    if status is None:
        return bases
    from sim.config.overrides import continued
    from sim.study.analyses.forecast.status import read_status

    for base in bases if status.is_file() or not status.exists() else ():  # of a pipe there is only one reading
        # what is wrong with it is told before anything is worked out
        read_status(status, base.value.scale.start_date)
    return tuple(continued(base, status) for base in bases)


def refuse_for_stored(directory: Path, overrides: tuple[str, ...] = ()) -> None:
    """Refuse --status and --set of a result that is stored: it has the status and the inputs that it was run with."""
    for option, is_given in (("--status", _STATUS.get() is not None), ("--set", bool(overrides))):
        if is_given:
            raise click.UsageError(
                f"{option} is of a configuration that is run: {directory} is a result, which was run with its own"
            )


def stored_manifest(directory: Path) -> dict[str, Any]:
    """Return the manifest of what is stored in a directory; empty where nothing is that can be read."""
    from sim.errors import SimError
    from sim.study.storage.results import MANIFEST
    from sim.study.storage.sealed_files import read

    try:
        return read(directory / MANIFEST)
    except SimError:
        return {}


def require_ending(out: Path, form: str, endings: Mapping[str, str]) -> None:
    """Refuse a file with the ending of another of some formats; `endings` has them by format, empty where it has none."""
    suffix, ending = out.suffix.lower(), endings[form]
    if suffix != ending and suffix in {*endings.values()} - {""}:
        raise click.BadParameter(
            f"{out}: a file ending in {ending} expected, which is what --to {form} writes (write {out.with_suffix(ending)})",
            param_hint="--out",
        )


def tell_replaced(before: dict[str, Any], result: Result, directory: Path) -> None:
    """Print in a line which runs a result was written in place of, where they are not the same again."""
    same_inputs = all(before.get(key, "") == result.manifest[key] for key in ("config_digest", "weather_file"))
    if {"runs", "seed"} <= before.keys() and not (
        same_inputs and all(before[name] == result.manifest[name] for name in ("runs", "seed"))
    ):
        inputs = "" if same_inputs else ", of other inputs"
        click.echo(f"{directory}: replaces {before['runs']} runs, seed {before['seed']}{inputs}")


def watched(name: str) -> Any:
    """Return a progress bar with the time left, on stderr, where that is a terminal."""
    from sim.report.console import progress

    return progress(name)


def show(text: RenderableType) -> None:
    """Print to the console; plain where it is not a terminal."""
    from sim.report.console import console

    console().print(text)


def write_files(result: Result, directory: Path, drawing: FigureDrawing) -> None:
    """Write report and figures; what draws and writes them is loaded only now, after the verdict."""
    from sim.report.html_report.run_report import write_run

    write_run(result, directory, drawing)


def show_levers(result: Result) -> None:
    """Print what binds, and what each lever buys."""
    from sim.report.console import describe_levers

    show(describe_levers(result))


def write_or_print(text: str, out: Path | None, message: str = "") -> None:
    """Write a text to a file and print a message, or print the text where no file is given."""
    from sim import files

    if out is None:
        click.echo(text, nl=False)
        return
    files.write(out.absolute(), text.encode())
    if message:
        click.echo(message)


def exit_unless_all_finished(result: Any) -> None:
    """End with exit code 3 or 4 where replications stalled or failed."""
    status = result.sample.runs["status"]
    for word, code in (("failed", 4), ("stalled", 3)):
        if number := int((status == word).sum()):
            replications = result.sample.runs["replication"][status == word].tolist()
            notes = [(run, result.sample.notes[run]) for run in replications if run in result.sample.notes]
            why = "".join(f"; the first, {run}: {note}" for run, note in notes[:1])
            click.echo(f"{number} of {len(status)} replications {word}{why}", err=True)
            sys.exit(code)
