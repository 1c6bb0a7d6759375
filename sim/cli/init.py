"""Begin a project anywhere: `sim init NAME` writes a folder of its own, `sim examples` lists and copies what is shipped."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from datetime import date
from math import ceil
from pathlib import Path
from shutil import get_terminal_size
from textwrap import dedent, fill
from typing import Any

import click

from sim.cli.options import RealNumber

STRATEGIES = ("hybrid", "modular", "stick_built")
PHASE_MW, UNIT_MW, SPARE_UNITS = 250, 30, 1
BLOCK_MW, HALL_BLOCKS, TURNOVER_BLOCKS = 2.5, 10, 10
"""Of the shipped base: MW of one phase, of one generating unit, and the units that stand by."""
PHASE_INTERVAL_DAYS = 120
HORIZON_DAYS, MONEY_HORIZON_DAYS, MOST_DAYS = 2555, 1460, 14_600
"""Of the shipped base, for one phase: last day of the calendars, and of what is counted of capital; and the most allowed."""
PHASE_DAYS = 365
"""Days that each phase more adds to both: phases share factories, trades and camp. Without chance it takes 260."""
OPTIONS = {"name": "NAME", "scale.start_date": "--start", "scale.capacity_mw": "--mw"}
"""Which option states a value of the configuration."""
STATUS = "status"
HOME_PLACE, START = "west_texas", "2027-01-04"
FIRST_COMMENT = re.compile(r"(?:^# (?!yaml-language-server).+\n)+", re.MULTILINE)
SCHEMA_LINE = re.compile(r"^# yaml-language-server:.*\n", re.MULTILINE)


# --- init -------------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("name")
@click.option("--mw", type=RealNumber(0.1, 20_000), default=None, help="Gross capacity; 250 if not given.")
@click.option("--place", default=None, help="State of the United States, such as ohio or OH; west_texas if not given.")
@click.option("--strategy", type=click.Choice(STRATEGIES), default=None, help="How it is built; hybrid if not given.")
@click.option("--start", metavar="DATE", default=None, help="Day of the first order, like 2027-01-04.")
def init(name: str, mw: float | None, place: str | None, strategy: str | None, start: str | None) -> None:
    """Begin a project: a folder NAME with a configuration, a study, a notebook, a script and a README.

    What no option says is asked, where somebody is there to answer. The configuration extends a shipped one by its
    name, so the folder can be anywhere.
    """
    from sim import files
    from sim.config.sections.base import NAME_PATTERN

    # who names the file means the project: a folder mine.yaml would hold a mine.yaml.yaml
    folder = Path(re.sub(r"(?<=.)\.ya?ml$", "", name))
    project = folder.name
    if not re.fullmatch(NAME_PATTERN, project):
        raise click.BadParameter(
            f"{project!r}: letters, digits, dots, hyphens and underscores expected", param_hint="NAME"
        )
    if files.exists(folder):
        raise click.BadParameter(f"{folder} is there already", param_hint="NAME")
    capacity = mw if mw is not None else float(_prompt("Gross MW", PHASE_MW))
    if not 0.1 <= capacity <= 20_000:
        raise click.BadParameter(f"{capacity:g}: 0.1 to 20,000 MW expected", param_hint="--mw")
    place_and_code = _parse_place(place if place is not None else str(_prompt("State", HOME_PLACE)))
    chosen_strategy = strategy or str(_prompt("Strategy", STRATEGIES[0], STRATEGIES))
    texts = project_files(
        project, capacity, place_and_code, chosen_strategy, _day(start or str(_prompt("Day of the first order", START)))
    )
    _require_sound(texts[f"{project}.yaml"])
    files.make_directory(folder)
    for file, text in texts.items():
        files.write(folder / file, text.encode())
    click.echo(f"written to {folder}: {', '.join(texts)}")
    click.echo(f"go on with: sim run {folder / f'{project}.yaml'}")


def _prompt(question: str, default: Any, choices: tuple[str, ...] = ()) -> Any:
    """Ask for what no option says; the default where nobody can answer."""
    if not sys.stdin.isatty():
        return default
    return click.prompt(question, default=default, type=click.Choice(choices) if choices else None)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r}: a day like 2027-01-04 expected", param_hint="--start") from None


def _parse_place(text: str) -> tuple[str, str]:
    """Return a place as (word, code of its state): ("ohio", "OH")."""
    from holidays import country_holidays

    from sim.errors import did_you_mean

    word = re.sub(r"[^a-z]+", "_", text.lower()).strip("_")
    if word in (HOME_PLACE, "north_texas"):
        return word, "TX"
    states = country_holidays("US")
    codes = {name.lower().replace(" ", "_"): code for name, code in states.subdivisions_aliases.items()}
    codes |= {code.lower(): code for code in states.subdivisions}
    if word not in codes:
        suggestion = did_you_mean(word, [HOME_PLACE, *(state for state in codes if len(state) > 2)])
        raise click.BadParameter(
            f"{text!r}: a state of the United States, by name or code, expected{f' ({suggestion})' if suggestion else ''}",
            param_hint="--place",
        )
    names = {code: state for state, code in codes.items() if len(state) > 2}
    return names.get(codes[word], word), codes[word]


def _require_sound(text: str) -> None:
    """Read a configuration back before it is written: what is written is right; BadParameter where an option is not."""
    from sim.config.load import load_as
    from sim.config.project import Project
    from sim.config.yaml_reader import read_text
    from sim.errors import ConfigError, expected

    try:
        load_as(Project, read_text(text, "new").tree)
    except ConfigError as error:
        for problem in error.problems:
            if option := OPTIONS.get(problem.path):
                raise click.BadParameter(f"{problem.value}: {expected(problem.message)}", param_hint=option) from None
        raise


# --- what is written --------------------------------------------------------------------------------------------------


def project_files(name: str, mw: float, place: tuple[str, str], strategy: str, start: date) -> dict[str, str]:
    """Return the files of a new project by name; `place` is a word and the code of its state."""
    return {
        f"{name}.yaml": _config(name, mw, place, strategy, start),
        "study.yaml": _study(name),
        "analysis.py": _script(name),
        "notebook.ipynb": _notebook(name),
        "README.md": _readme(name, mw, place[0], strategy, start),
    }


def _config(name: str, mw: float, place: tuple[str, str], strategy: str, start: date) -> str:
    """Return the configuration: size, place and start; everything else is inherited."""
    phases = ceil(mw / PHASE_MW)
    blocks = ceil(mw / phases / BLOCK_MW)
    # not more power, and no larger hall, than a small site has blocks for: what they do not use would be idle for ever
    unit_mw = min(UNIT_MW, blocks * BLOCK_MW)
    units = ceil(blocks * BLOCK_MW / unit_mw) + SPARE_UNITS
    unit_size = f"mw: {unit_mw:g}, " if unit_mw < UNIT_MW else ""
    hall = f"hall: {{blocks: {blocks}}}\n        " if blocks < HALL_BLOCKS else ""
    if strategy == "stick_built" and blocks < TURNOVER_BLOCKS:  # the others hand over block by block
        hall += f"turnover_blocks: {blocks}\n        "
    interval = money = ""
    if phases > 1:
        horizon, money_horizon = (
            min(days + PHASE_DAYS * (phases - 1), MOST_DAYS) for days in (HORIZON_DAYS, MONEY_HORIZON_DAYS)
        )
        interval = f", phases: {phases}, phase_interval_days: {PHASE_INTERVAL_DAYS}, horizon_days: {horizon}"
        money = f"money: {{horizon_days: {money_horizon}}} # days for which capital is counted\n        "
    word, code = place
    return dedent(f"""\
        # {mw:g} MW, {strategy.replace("_", "-")}, {_in_words(word)}. What is not stated here is that of the shipped
        # `{strategy}` and of `base` below it, where each number has its source: `sim examples base` prints it.
        extends: {strategy}
        schema_version: 1
        name: {name}
        label: {mw:g} MW in {_in_words(word)}, {strategy.replace("_", "-")}

        scale: {{capacity_mw: {mw:g}{interval}, start_date: {start.isoformat()}}}
        {money}{hall}energization: # per phase: enough for its MW, and one that stands by
          units: {{{unit_size}count: {units}}}
        calendars:
          site: {{holidays: {{country: US, subdivision: {code}}}}}
          gate: {{holidays: {{country: US, subdivision: {code}}}}}
        """) + _weather(word) + dedent("""\

        # What `sim verify` holds the results to, such as [lead_time_full_days.p80 <= 700, peak_workforce_onsite.p80 < 450].
        expect: []

        # What was promised, and what a day of delay costs. Without the `#` it is in the verdict and the report.
        # milestones:
        #   - {name: first block, mw: 2.5, date: 2028-06-30, damages_usd_per_day: 50000}
        """)  # fmt: skip


def _in_words(place: str) -> str:
    """Return a place as it is written: `new_york` is New York."""
    return " ".join(part if part == "of" else part.capitalize() for part in place.split("_"))


def _weather(place: str) -> str:
    """Return the lines for the weather of a place: its own if it is shipped, else a comment on which one stands in for it."""
    from sim.config.sections.weather import REGIONS

    if place in REGIONS:
        return f"weather: {{kind: {place}}}\n"
    return (
        "# weather: that of West Texas stands in for this place. With a year of its own (TMY3 or EPW file) in this folder:\n"
        f"# weather: {{kind: file, file: {place}.epw}}\n"
    )


def _study(name: str) -> str:
    """Return a first study file."""
    return dedent(f"""\
        # sim sweep study.yaml
        schema_version: 1
        name: {name}_cranes
        question: How many cranes and trucks are worth having?
        configs: [{name}.yaml]
        runs: 100
        inputs:
          cranes: {{paths: [logistics.cranes], values: [2, 3, 4]}}
          trucks: {{paths: [logistics.fleets.*.trucks], values: [8, 16]}}
        """)


def _script(name: str) -> str:
    """Return a script that runs the project, prints its verdict and draws its finish; it needs no `if __name__` guard."""
    return dedent(f'''\
        """Run the project, say how sure its dates are, and draw them."""

        from pathlib import Path

        import sim

        HERE = Path(__file__).parent

        result = sim.run(HERE / "{name}.yaml", runs=200)
        print(result.verdict())
        result.plot.finish().figure.savefig(HERE / "finish.png")
        result.report(HERE / "report.html")
        print("written: finish.png, report.html")
        ''')


def _notebook(name: str) -> str:
    """Return a notebook of a few cells, without outputs."""
    cells = [
        _cell("markdown", f"# {name}\n\nRun the project, then look at its dates."),
        _cell("code", f'import sim\n\nconfig = sim.load("{name}.yaml")\nconfig'),
        _cell("code", "result = sim.run(config, runs=200)\nresult"),
        _cell("code", "result.plot.finish();"),
        _cell("code", 'print(result.ask("finish"))'),
        _cell("code", 'sim.compare([config, "stick_built"], runs=100)'),
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def _cell(kind: str, text: str) -> dict[str, Any]:
    body: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}
    return body if kind == "markdown" else body | {"execution_count": None, "outputs": []}


def _readme(name: str, mw: float, place: str, strategy: str, start: date) -> str:
    """Return a README: what each file is, and which commands to run next."""
    return dedent(f"""\
        # {name}

        {mw:g} MW in {_in_words(place)}, built {strategy.replace("_", "-")}, ordered on {start.isoformat()}.

        | file | what it is |
        |---|---|
        | `{name}.yaml` | the project: what differs from the shipped `{strategy}` |
        | `study.yaml` | a question about it: cranes and trucks |
        | `analysis.py` | a script: run, verdict, picture, report |
        | `notebook.ipynb` | the same in a notebook |

        ```console
        $ sim check {name}.yaml
        $ sim run {name}.yaml --runs 200
        $ sim run {name}.yaml --set logistics.cranes=4 --against {name}.yaml
        $ sim ask out/{name} "mw >= {min(mw, 100):g} by {start.year + 1}-12-31"
        $ sim sweep study.yaml
        $ python analysis.py
        ```
        """)


# --- examples ---------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("name", required=False)
@click.option("--to", "folder", type=click.Path(path_type=Path), default=None, help="Folder to copy NAME into.")
def examples(name: str | None, folder: Path | None) -> None:
    """List the shipped projects; with NAME, print one of them, or copy it with --to FOLDER.

    A shipped project runs by its name (`sim run hybrid`), and is extended by it (`extends: hybrid`). Where the status of a
    project under way is shipped too, it is copied into FOLDER/status.
    """
    from sim import files
    from sim.config.shipped import shipped, shipped_names
    from sim.errors import did_you_mean

    if name is None:
        for line in _two_columns({example: _first_sentence(_read(example)) for example in shipped_names()}):
            click.echo(line)
        return
    if shipped(name) is None:
        raise click.BadParameter(f"{name!r} is not shipped ({did_you_mean(name, shipped_names())})", param_hint="NAME")
    text = _by_names(_read(name))
    if folder is None:
        click.echo(text, nl=False)
        return
    copies = {f"{name}.yaml": text.encode(), **_statuses(name)}
    for file in copies:
        if files.exists(folder / file):
            raise click.BadParameter(f"{folder / file} is there already", param_hint="--to")
    for file, data in copies.items():
        files.make_directory((folder / file).parent)
        files.write(folder / file, data)
        click.echo(f"written to {folder / file}")


def _statuses(name: str) -> dict[str, bytes]:
    """Return the shipped statuses of a project by where they are copied to."""
    from sim import files
    from sim.config.shipped import shipped_folder

    status_files = sorted((shipped_folder() / STATUS).glob(f"{name}_*.csv"))
    return {f"{STATUS}/{path.name}": files.read(path) for path in status_files}


def _read(name: str) -> str:
    from sim import files
    from sim.config.shipped import shipped_folder

    return files.read(shipped_folder() / f"{name}.yaml").decode()


def _first_sentence(text: str) -> str:
    """Return the first sentence of what a configuration says of itself in its first comment."""
    found = FIRST_COMMENT.search(text)
    words = " ".join(line.removeprefix("# ") for line in found[0].splitlines()) if found else ""
    return re.split(r"(?<=[.]) ", words)[0]


def _two_columns(text_of: Mapping[str, str]) -> list[str]:
    """Return names with a text beside each, wrapped to the width of the terminal."""
    indent = max(map(len, text_of), default=0) + 2
    width = max(indent + 30, min(get_terminal_size().columns, 120))
    return [
        fill(text or "-", width, initial_indent=f"{name:<{indent}}", subsequent_indent=" " * indent)
        for name, text in text_of.items()
    ]


def _by_names(text: str) -> str:
    """Return a shipped configuration as it stands in any folder: what it extends by its name, no schema beside it."""
    return re.sub(r"^extends: (\w+)\.yaml$", r"extends: \1", SCHEMA_LINE.sub("", text), flags=re.MULTILINE)
