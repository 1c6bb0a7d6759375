"""The reference pages: configuration, study files, metrics, commands and Python, each written from its source."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

WIDTH = 100
PYTHON = (
    ("sim.study.api", ("load",)),
    ("sim.report.plan_check", ("check",)),
    ("sim.study.api", ("run", "compare")),
    ("sim.study.analyses.sweep", ("sweep",)),
    ("sim.study.analyses.sensitivity", ("sensitivity",)),
    ("sim.study.analyses.tuning", ("tune",)),
    ("sim.study.analyses.drivers", ("drivers",)),
    ("sim.study.analyses.forecast.forecast_case", ("forecast",)),
    ("sim.world.fitting", ("fit",)),
    ("sim.metrics.registry", ("metrics_table",)),
    ("sim.study.case", ("prepare",)),
    ("sim.study.result", ("Result",)),
    ("sim.study.api", ("Comparison",)),
    ("sim.study.analyses.sweep", ("Sweep",)),
    ("sim.study.analyses.drivers", ("Drivers",)),
    ("sim.world.fitting", ("Fit",)),
    ("sim.errors", ("ConfigError", "SimError")),
)
"""Where each public name of `sim` is defined, in the order of the page."""


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("docs/reference"),
    show_default=True,
    help="Folder to write to.",
)
@click.option(
    "--gallery",
    type=click.Path(path_type=Path),
    default=None,
    help="Draw every figure of sim.plot into this folder instead.",
)
def reference(out: Path, gallery: Path | None) -> None:
    """Write the reference pages: configuration, study files, metrics, commands, Python.

    With --gallery, every figure of sim.plot is drawn of a small project, and gallery.md shows them.
    """
    from sim import files

    if gallery is not None:
        files.make_directory(gallery)
        files.write(out / "gallery.md", gallery_page(gallery, out).encode())
        click.echo(f"written to {out / 'gallery.md'} and {gallery}")
        return

    pages = pages_by_name(click.get_current_context().find_root().command)
    files.make_directory(out)
    for name, text in pages.items():
        files.write(out / name, text.encode())
    click.echo(f"written to {out}: {', '.join(pages)}")


def pages_by_name(root: click.Command) -> dict[str, str]:
    """Return the pages by file name; `root` is the command that holds all others."""
    from sim.report.docs_pages import configuration, metrics, studies

    return {
        "config.md": configuration(),
        "study.md": studies(),
        "metrics.md": metrics(),
        "commands.md": commands(root),
        "python.md": python(),
    }


def commands(root: click.Command) -> str:
    """Return every command's help as one page."""
    head = "# Commands\n\nWritten by `make docs` from `--help`.\n"
    return head + "".join(f"\n## {name}\n\n```text\n{text}\n```\n" for name, text in _help_texts(root, "sim"))


def _help_texts(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """Yield name and help text of a command and of its subcommands, always in the width of the page."""
    context = click.Context(
        command, info_name=name.rpartition(" ")[2], parent=parent, terminal_width=WIDTH,
        help_option_names=["-h", "--help"],
    )  # fmt: skip
    yield name, command.get_help(context).rstrip()
    if isinstance(command, click.Group):
        for word in command.list_commands(context):
            yield from _help_texts(command.commands[word], f"{name} {word}", context)


def python() -> str:
    """Return the public functions and classes with signatures and docstrings as one page."""
    from importlib import import_module

    parts = ["# Python\n\nWritten by `make docs` from the docstrings. `import sim` has all of these.\n"]
    for module, names in PYTHON:
        for name in names:
            parts += _entry(f"sim.{name}", getattr(import_module(module), name))
    plot = import_module("sim.plot")
    parts.append(f"\n## sim.plot\n\n{_doc(plot)}\n")
    for name in plot.__all__:
        function = getattr(plot, name)
        parts.append(f"\n### sim.plot.{name}{_signature(function)}\n\n{_doc(function)}\n")
    return "".join(parts)


def _entry(name: str, definition: Any) -> Iterator[str]:
    """Yield the text of one function, or of one class with its methods and properties."""
    if inspect.isclass(definition):
        yield f"\n## {name}\n\n{_doc(definition)}\n"
        for member_name, member in vars(definition).items():
            if not member_name.startswith("_") and (callable(member) or hasattr(member, "__get__")) and _doc(member):
                yield f"\n### {name}.{member_name}{_signature(member)}\n\n{_doc(member)}\n"
    else:
        yield f"\n## {name}\n\n```python\n{name}{_signature(definition)}\n```\n\n{_doc(definition)}\n"


def _doc(thing: Any) -> str:
    """Return the docstring, also that of a property or a class method; its example as a block of code."""
    inner = getattr(thing, "__func__", None) or getattr(thing, "func", None) or getattr(thing, "fget", None) or thing
    return "\n\n".join(_paragraph(text) for text in (inspect.getdoc(inner) or "").split("\n\n"))


def _paragraph(text: str) -> str:
    """Return a paragraph as Markdown: an example or an indented table keeps its lines."""
    if text.startswith(">>> "):
        return f"```pycon\n{text}\n```"
    return f"```text\n{text}\n```" if "\n           " in text or "     " in text.split("\n", maxsplit=1)[0] else text


def _signature(definition: Any) -> str:
    """Return the parameters without their types, which the docstring explains; nothing for a property."""
    function = getattr(definition, "__func__", definition)
    if not inspect.isfunction(function):
        return ""
    words, starred = [], False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in {"self", "cls"}:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            words.append("*")
            starred = True
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        words.append(f"{parameter.name}{default}")
    return f"({', '.join(words)})"


# --- gallery ----------------------------------------------------------------------------------------------------------


SMALL = ("scale.capacity_mw=25", "energization.units.count=3", "energization.units.spare=1", "energization.units.mw=15")
"""A project of 25 MW, so that the gallery is drawn in a minute."""
GALLERY_RUNS, GALLERY_DPI = 100, 64
QUESTIONS = {
    "mw_online": "How many MW are online, when?",
    "finish": "When is all of it online, and how sure is that?",
    "convergence": "Have we simulated enough?",
    "joint": "Which date and which cost can be promised together?",
    "headcount": "How many people are on site?",
    "trades": "Which trades are on site, when?",
    "man_hours": "How many man-hours are planned, earned and paid?",
    "capital": "How much capital stands idle, and for how long?",
    "flowline": "Do the stages of the blocks keep out of each other's way?",
    "skids": "Where are the skids?",
    "gantt": "What was done when, and what was critical?",
    "tornado": "Which risk costs how many days?",
    "strategy_cloud": "Which strategy is better at what?",
    "paired_difference": "Is one strategy really better, run by run?",
    "sweep_lines": "What does one more of something do?",
    "heat_map": "Which of two choices go together?",
    "small_multiples": "What do several inputs do, one by one?",
    "sensitivity": "Which of my guesses matter?",
    "pareto": "Which designs are worth having?",
}
"""What each figure of `sim.plot` answers."""
GALLERY_HEAD = """# Gallery

One picture and five lines of Python for each question: every figure of `sim.plot`, drawn by `make gallery` of a project
of 25 MW with 100 runs. Each takes what `sim.run`, `sim.compare`, `sim.sweep` or another study returns, and `ax=None`: axes of
your own to draw on. Each returns the axes.
"""


def gallery_page(folder: Path, page_folder: Path) -> str:
    """Draw every figure of `sim.plot` into a folder, and return the page, to be stored in `page_folder`, that shows them."""
    from os.path import relpath

    from sim import files

    axes = _gallery_axes()
    for name, ax in axes.items():
        files.write(folder / f"{name}.png", _small_png(ax))
    return gallery_text(axes, relpath(folder, page_folder))


def gallery_text(names: Iterable[str], pictures: str) -> str:
    """Return the gallery page in Markdown: for each figure its question, its image in the folder `pictures`, and the code."""
    from importlib import import_module

    parts, plot = [GALLERY_HEAD], import_module("sim.plot")
    for name in names:
        summary, _, details = _doc(getattr(plot, name)).partition("\n\n")
        example = [line.removeprefix(">>> ") for line in details.splitlines() if line.startswith(">>> ")]
        preparation = (
            [] if len(example) > 1 or "sim.drivers" in example[0] else ['result = sim.run("hybrid", runs=200)']
        )
        code = "\n".join(["import sim\n", *preparation, *example, f'ax.figure.savefig("{name}.png")'])
        # by name, which is found wherever sim is installed
        code = code.replace("configs/", "").replace(".yaml", "")
        picture = f"![sim.plot.{name}]({pictures}/{name}.png)"
        parts.append(f"\n## {QUESTIONS[name]}\n\n{summary}\n\n{picture}\n\n```python\n{code}\n```\n")
    return "".join(parts)


def _small_png(ax: Any) -> bytes:
    """Return the figure of some axes as a small PNG, always the same bytes."""
    from io import BytesIO

    from sim.report.figures import style

    buffer = BytesIO()
    with style.house():
        ax.figure.savefig(buffer, format="png", dpi=GALLERY_DPI, metadata={"Software": None})
    return buffer.getvalue()


def _gallery_axes() -> dict[str, Any]:
    """Draw every figure of `sim.plot` from studies of a small project; return the axes by name."""
    from importlib import import_module

    from sim.study.analyses.drivers import drivers
    from sim.study.analyses.sensitivity import sensitivity
    from sim.study.analyses.sweep import sweep
    from sim.study.analyses.tuning import tune
    from sim.study.api import compare, load, run

    plot = import_module("sim.plot")
    config, runs = load("hybrid", SMALL), GALLERY_RUNS
    lines, trucks, cranes = "systems.compute.factory.lines", "logistics.fleets.*.trucks", "logistics.cranes"
    result = run(config, runs=runs)
    comparison = compare([result, load("modular", SMALL)], runs=runs)
    line_sweep = sweep(config, {lines: [1, 2, 3, 6]}, runs=30)
    grid_sweep = sweep(config, {lines: [1, 2, 4], trucks: [1, 2, 4]}, runs=30)
    analysis = sensitivity(config, {lines: (1, 4), cranes: (1, 3), trucks: (1, 6)}, runs=30)
    tuning = tune(config, {lines: (1, 4), cranes: (1, 3)}, runs=20)
    metric = "lead_time_full_days"
    study_figures = {
        "tornado": lambda: plot.tornado(drivers(config, runs=40)),
        "strategy_cloud": lambda: plot.strategy_cloud(comparison),
        "paired_difference": lambda: plot.paired_difference(comparison, [*comparison.results][1]),
        "sweep_lines": lambda: plot.sweep_lines(line_sweep, metric),
        "heat_map": lambda: plot.heat_map(grid_sweep, metric, grid_sweep.inputs[0], grid_sweep.inputs[1]),
        "small_multiples": lambda: plot.small_multiples(grid_sweep, metric),
        "sensitivity": lambda: plot.sensitivity(analysis),
        "pareto": lambda: plot.pareto(tuning),
    }
    return {
        name: study_figures[name]() if name in study_figures else getattr(plot, name)(result) for name in plot.__all__
    }
