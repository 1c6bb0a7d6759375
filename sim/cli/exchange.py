"""Commands around results: `sim export` and `sim import` for planners' tools, `sim live`, `sim report` and `sim ask`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.options import (
    CONFIG,
    SEED,
    SET,
    STATUS,
    WORKERS,
    WholeNumber,
    load,
    refuse_for_stored,
    require_ending,
    watched,
    write_or_print,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.report.exchange.importers.network_import import PlannerNetwork
    from sim.study.api import Config
    from sim.study.result import Result


# --- planners' files --------------------------------------------------------------------------------------------------


ENDINGS = {"mspdi": ".xml", "xer": ".xer", "excel": ".xlsx", "csv": ""}


@click.command("export")
@click.argument("what", metavar="DIR_OR_CONFIG", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "form",
    type=click.Choice(list(ENDINGS)),
    required=True,
    help="Microsoft Project XML (also read by Primavera P6), XER (experimental), a workbook, or a folder of CSV files.",
)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="File to write (csv: folder).")
@click.option(
    "--runs", type=WholeNumber(1, 1_000_000), default=200, show_default=True, help="For a CONFIG: replications."
)
@click.option(
    "--looked-at",
    type=WholeNumber(1, 100_000),
    default=50,
    show_default=True,
    help="Runs simulated again for the P80 and the criticality of every activity.",
)
@click.option(
    "--level",
    type=click.Choice(["2", "3", "4"]),
    default="4",
    show_default=True,
    help="Lines of the schedule: halls (about 60), systems of a block (about 600), or every activity.",
)
@SEED
@WORKERS
@SET
@STATUS
def export(
    what: Path, form: str, out: Path | None, runs: int, looked_at: int, level: str, seed: int, workers: int | None,
    overrides: tuple[str, ...],
) -> None:  # fmt: skip
    """Hand a schedule to a planner's tool: the representative run, its links and calendars, P80 and criticality.

    DIR is a result of `sim run` (out/hybrid); a CONFIG is run first. The dates are those of the run with the P50
    finish, never means; the plan without uncertainty is the baseline. In XER, names go no further than the project.
    """
    from sim import files
    from sim.report.exchange.export import prepare_export
    from sim.report.exchange.formats import write
    from sim.study.api import cores
    from sim.study.result import Result

    if what.is_dir():
        refuse_for_stored(what, overrides)
    if out is not None and form != "csv":
        if out.suffix.lower() not in {*ENDINGS.values()} - {""}:
            click.echo(f"{out}: schedule tools look for {ENDINGS[form]} where --to {form} is written", err=True)
        require_ending(out, form, ENDINGS)
        files.require_writable(out.absolute())
    elif out is not None and out.is_file():
        raise files.WrongPlace(f"{out}: a file stands where the folder of CSV files would be")
    loaded = None if what.is_dir() else load(what, overrides)
    result = Result.load(what) if loaded is None else _run(loaded, runs, seed, workers)
    target = out or Path("out") / f"{result.manifest['name']}{ENDINGS[form] or '_csv'}"
    processes = cores() if workers is None else workers
    exported = prepare_export(result, looked_at, loaded, level=int(level), workers=processes)
    tasks = write(exported, form, target)
    if form == "xer":
        click.echo("XER is experimental: import it into an empty database first", err=True)
    click.echo(f"written to {target}: {tasks:,} activities")


def _run(loaded: Config, runs: int, seed: int, workers: int | None) -> Result:
    """Run a configuration without writing its result."""
    from sim.study.api import run

    with watched(loaded.value.name) as progress:
        return run(loaded, runs=runs, seed=seed, workers=workers, progress=progress)


@click.command("import")
@click.argument("files_", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--as",
    "--network",
    "network",
    type=click.Choice(["site_works", "shell", "fit_out", "pad"]),
    default="site_works",
    show_default=True,
    help="The network that the steps are for; a fit-out comes into the shell behind its dry-in.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="File to write; standard output if not given."
)
@click.option(
    "--into", type=click.Path(path_type=Path), default=None, help="Configuration to write, with all else as in --like."
)
@click.option("--like", type=click.Path(path_type=Path), default=Path("hybrid"), show_default=True)
@click.option(
    "--provides",
    multiple=True,
    metavar="STEP=ACTIVITY",
    help="With --into: which activity provides a step that other parts of the project wait for.",
)
@click.option(
    "--trades",
    type=click.Path(path_type=Path),
    default=None,
    help="CSV (resource, trade, crews of one unit): the planner's resources become crews of the steps.",
)
@click.option("--week", is_flag=True, help="With --into: the site works the planner's week.")
@click.option("--calendars", is_flag=True, help="Each step works by its planner's own calendar, holidays included.")
@click.option("--dry-run", is_flag=True, help="Only say what would come in, of any number of files.")
@click.option("--encoding", default=None, help="Code page of the text, where the file does not say it: cp1251, gbk, …")
@click.option("--project", default=None, help="Short name of the project to read, where an XER holds several.")
def import_(
    files_: tuple[Path, ...], network: str, out: Path | None, into: Path | None, like: Path,
    provides: tuple[str, ...], trades: Path | None, week: bool, calendars: bool, dry_run: bool, encoding: str | None,
    project: str | None,
) -> None:  # fmt: skip
    """Turn a planner's network into steps of a configuration: Microsoft Project XML (.xml) or Primavera XER (.xer).

    Lengths, links of all four types, lags and leads are taken over. What a step network has no place for (dates,
    resources, levels of effort, links to other projects) is listed by kind with the ids of the activities.
    """
    from sim.report.exchange.formats import read_network
    from sim.report.exchange.importers.into_config import (
        FIT_OUT,
        calendars_of,
        fragment,
        read_trades,
        with_trades,
    )
    from sim.report.exchange.importers.planner_calendars import calendars_text

    if dry_run:
        _dry_run(files_, network, encoding, project)
        return
    if len(files_) > 1:
        raise click.UsageError("several files: with --dry-run only")
    imported = read_network(files_[0], encoding, project)
    if trades is not None:
        imported = with_trades(imported, read_trades(trades, load(like, ()).value.labour.trades))
    if into is not None:
        _write_config(imported, network, like, into, provides, week, calendars)
        return
    if week or network == FIT_OUT:
        raise click.UsageError("--week and --as fit_out are for --into")
    names = calendars_of(imported) if calendars else None
    text = fragment(imported, network, calendars=names) + (f"\n{calendars_text(names)}" if names else "")
    write_or_print(text, out, f"written to {out}: {len(imported.activities)} steps")


def _write_config(
    imported: PlannerNetwork,
    network: str,
    like: Path,
    target: Path,
    provides: tuple[str, ...],
    week: bool,
    calendars: bool,
) -> None:
    """Write a configuration with an imported network; the file is removed again if the configuration is not valid."""
    from sim import files
    from sim.config.shipped import find_config
    from sim.errors import SimError
    from sim.report.exchange.importers.into_config import config_text, milestones, place_of
    from sim.report.plan_check import check

    if week and calendars:
        raise click.UsageError("--week or --calendars: the site's week, or one for each step")
    pairs = [text.partition("=") for text in provides]
    if malformed := [name for name, sign, activity in pairs if not (name and sign and activity)]:
        raise click.UsageError(f"--provides {malformed[0]}: STEP=ACTIVITY is meant")
    if files.exists(target):
        raise files.WrongPlace(f"{target} is there already")
    like = find_config(like)
    project = load(like, ()).value
    place, providers = place_of(project, network), {name: activity for name, _, activity in pairs}
    steps = milestones(imported, project, network, providers)
    files.write(target, config_text(imported, place, like, target, steps, week=week, calendars=calendars).encode())
    try:
        remarks = check(load(target, ()))
    except SimError:
        files.remove(target)
        raise
    for remark in remarks:
        click.echo(remark, err=True)
    click.echo(f"written to {target}: {len(imported.activities)} steps of {network}; next: sim check {target}")


def _dry_run(paths: tuple[Path, ...], network: str, encoding: str | None, project: str | None) -> None:
    """Print for every project in every file what would be read, or why it is refused; exit code 2 if one is."""
    from sim.report.formatting import counted

    previews = [preview for path in paths for preview in _preview_projects(path, network, encoding, project)]
    for title, lines, is_refused in previews:
        click.echo(f"{title}: refused: {lines[0]}" if is_refused else "\n  ".join([f"{title}:", *lines]))
    refused = sum(is_refused for _, _, is_refused in previews)
    projects = f" ({len(previews)} projects)" if len(previews) > len(paths) else ""
    file_count = counted(len(paths), "file", "files")
    click.echo(f"{len(previews) - refused} of {len(previews)} can be read, {file_count}{projects}")
    if refused:
        raise SystemExit(2)


def _preview_projects(
    path: Path, network: str, encoding: str | None, project: str | None
) -> Iterator[tuple[str, Sequence[str], bool]]:
    """Yield (title, lines, is refused) for each project of a file: what would be read of it."""
    from sim.errors import SimError
    from sim.report.exchange.formats import read_network, without_name
    from sim.report.exchange.importers.into_config import FIT_OUT, fragment
    from sim.report.exchange.importers.xer_import import SeveralProjects

    title = f"{path}" if project is None else f"{path}, project {project}"
    try:
        imported = read_network(path, encoding, project)
        fragment(imported, "shell" if network == FIT_OUT else network)
    except SeveralProjects as several:
        for name in several.names:
            yield from _preview_projects(path, network, encoding, name)
    except SimError as error:
        yield title, [without_name(str(error), path)], True
    else:
        yield title, list(imported.describe()), False


# --- sliders ----------------------------------------------------------------------------------------------------------


@click.command()
@CONFIG
@click.option("--runs", type=WholeNumber(1, 10_000), default=500, show_default=True, help="Replications a picture.")
@SEED
@WORKERS
@SET
@click.option(
    "--status", type=click.Path(path_type=Path), default=None, help="Facts of a project under way: see sim status."
)
@click.option("--port", type=WholeNumber(0, 65_535), default=0, help="Port of the page; any free one if not given.")
def live(
    config: Path, runs: int, seed: int, workers: int | None, overrides: tuple[str, ...], port: int, status: Path | None
) -> None:
    """Open a page on this machine with dates, strategy, crews, lines, trucks, yard, cranes, shifts, reaction and risks.

    It redraws MW online, headcount and idle capital against a pinned baseline while they move, on the same random numbers.
    "Save as config" gives the YAML of what is on screen, "Open report" runs it. With --status the project goes on from its
    facts at the data date. Only this machine can see the page. Ctrl-C ends it.
    """
    import asyncio

    from sim.errors import SimError
    from sim.study.analyses.live import Live
    from sim.study.api import cores

    try:
        from sim.report.live.server import serve
    except ImportError as missing:
        raise SimError("sim live needs tornado: pip install tornado, or this package with its extra live") from missing

    click.echo("sizing the baseline …", err=True)
    with Live(config, overrides, runs=runs, seed=seed, workers=max(1, workers or cores()), status=status) as session:
        asyncio.run(serve(session, port, lambda address: click.echo(f"{address}  (Ctrl-C ends it)")))


# --- replay -----------------------------------------------------------------------------------------------------------


FORMS_OF_REPLAY = ["html", "gif", "mp4"]


@click.command()
@click.argument("directories", metavar="DIR [DIR2]", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=None, help="File to write; replay.html if not given.")
@click.option(
    "--to",
    "form",
    type=click.Choice(FORMS_OF_REPLAY),
    default="html",
    show_default=True,
    help="A page to play in a browser, or a film of eight seconds for slides (mp4 needs ffmpeg, or the extra film).",
)
@click.option("--columns", type=WholeNumber(1, 100), default=None, help="Halls beside each other on the site plan.")
def replay(directories: tuple[Path, ...], out: Path | None, form: str, columns: int | None) -> None:
    """Write a page that plays the typical run of a result: one file, no network, two results on one clock.

    Factories, road, yard, cranes, halls and blocks, crews, power, and what is waited for, from the event log of the run;
    above them its weather as sky, beside them MW online, people and idle capital. Click a thing for its story.
    """
    from sim.report.html_report.replay.film import write_film
    from sim.report.html_report.replay.write_replay import write_replay
    from sim.study.result import Result

    if len(directories) > 2:
        raise click.UsageError("one result, or two side by side")
    if out is not None:
        require_ending(out, form, {name: f".{name}" for name in FORMS_OF_REPLAY})
    results, target = [Result.load(directory) for directory in directories], out or Path(f"replay.{form}")
    if form == "html":
        size = write_replay(results, target, columns or 0, with_details=True)
        click.echo(f"written to {target}: {size / 1e6:.1f} MB; open it in a browser")
    else:
        write_film(results, target, form, columns or 0)
        click.echo(f"written to {target}")


# --- reports ----------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--levers", is_flag=True, help="Measure what one more line, crew or crane, or another policy, buys.")
@click.option("--slide", is_flag=True, help="Also write slide.png: the first page as a slide of 16:9.")
@WORKERS
def report(directory: Path, levers: bool, slide: bool, workers: int | None) -> None:
    """Write the report and the figures of a result or a comparison again, from what is stored in DIRECTORY.

    DIRECTORY is what `sim run` or `sim compare` has written; no number changes. With --levers the project is simulated
    again with one thing more or another policy at a time, on the same random numbers, and the result keeps that.
    """
    from sim.report.html_report.compare_report import rebuild

    click.echo(f"written: {rebuild(directory, levers=levers, workers=workers)}")
    if slide:
        from sim.report.html_report.one_page import write_slide
        from sim.study.result import Result

        click.echo(f"written: {write_slide(Result.load(directory), directory)}")


@click.command()
@click.argument("what", metavar="DIR_OR_CONFIG", type=click.Path(path_type=Path))
@click.argument("questions", nargs=-1, required=True, metavar="QUESTION...")
@click.option(
    "--runs", type=WholeNumber(1, 1_000_000), default=200, show_default=True, help="For a CONFIG: replications."
)
@SEED
@WORKERS
@SET
@STATUS
def ask(
    what: Path, questions: tuple[str, ...], runs: int, seed: int, workers: int | None, overrides: tuple[str, ...]
) -> None:
    """Answer questions about a result, each in a line: how likely a date or a limit is, or when something is so.

    \b
      sim ask out/hybrid "mw >= 100 by 2027-06-30"
      sim ask out/hybrid "finish by 2027-12-31" "peak_workforce_onsite < 450"
      sim ask out/hybrid "mw >= 100" lead_time_full_days

    The name of a milestone of the contract is a question too. DIR is a result of `sim run`; a CONFIG is run first.
    """  # noqa: D301 (click reads the backspace)
    from sim.study.result import Result

    if what.is_dir():
        refuse_for_stored(what, overrides)
    result = Result.load(what) if what.is_dir() else _run(load(what, overrides), runs, seed, workers)
    for question in questions:
        answer = result.ask(question)
        click.echo(f"{answer}{f' ({answer.note})' if answer.note else ''}")
