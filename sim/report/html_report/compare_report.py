"""The report of a comparison: several strategies on the same random numbers, side by side and pair by pair.

`rebuild` writes the report of a stored result or comparison anew.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from sim import files
from sim.files import WrongPlace
from sim.report.console import comparison_notes, comparison_tables, sample_note
from sim.report.figures import figures_of_comparison, style
from sim.report.html_report import charts, render
from sim.report.html_report.run_report import REPORT, sample, write_run
from sim.report.result_view import FINISH, PEAK, ResultView, RunData
from sim.study.api import compared
from sim.study.result import Result
from sim.study.storage.results import FIGURES, MANIFEST

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TITLE = "Strategies on the same random numbers"
IDLE = "idle_capital_months"
DIFFERENCES = "differences.csv"


def write_comparison(results: Mapping[str, RunData], differences: pd.DataFrame, directory: Path) -> None:
    """Write the figures and the report of a comparison into a directory that holds the results by name."""
    files.make_directory(directory / FIGURES)
    views = ResultView.of_each(results)
    figures = dict(figures_of_comparison(views, differences))
    for name, ax in figures.items():
        style.save(ax, directory / FIGURES, name)
    files.write(directory / REPORT, page(views, differences, figures))


def page(views: Mapping[str, ResultView], differences: pd.DataFrame, figures: Mapping[str, Axes]) -> bytes:
    """Return the report of a comparison as one HTML file; it links to the report of each result."""
    first = next(iter(views.values()))
    side, pairs = comparison_tables(views, differences)
    return render(
        "compare.html.jinja", _charts(views), figures,
        title=TITLE, made=f"{', '.join(views)}; seed {first.manifest['seed']}",
        reports=[(name, f"{name}/{REPORT}") for name in views], side=_cells(side),
        pairs=[_cells(pair) for pair in pairs], basis=sample_note(first),
        sample=sample(first.info), remarks=" ".join(comparison_notes(views, differences)),
    )  # fmt: skip


def _cells(table: Table) -> dict[str, Any]:
    """Return a table of the console as plain texts."""
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    return {
        "title": str(table.title or ""),
        "head": [str(column.header) for column in table.columns],
        "rows": [*zip(*columns, strict=True)],
        "numbers": range(1, len(columns)),
    }


def _charts(views: Mapping[str, ResultView]) -> dict[str, Any]:
    """Return the charts one can point at, of the results in which any run succeeded."""
    known = {name: view for name, view in views.items() if not view.info.all_failed}
    curves = {name: view.curves for name, view in known.items()}
    infos = {name: view.info for name, view in known.items()}
    if not known:
        return {}
    drawn = {
        "mw_online": charts.ramps(curves, infos, "mw_online", "MW online, gross"),
        "headcount": charts.ramps(curves, infos, "headcount", "people on site"),
        "capital_deployed_usd": charts.ramps(curves, infos, "capital_deployed_usd", "paid, $M", 1e6),
        "capital_in_service_usd": charts.ramps(curves, infos, "capital_in_service_usd", "in service, $M", 1e6),
    }
    if all(FINISH in view.runs for view in known.values()):
        drawn["cloud"] = charts.cloud({name: view.runs for name, view in known.items()}, FINISH, IDLE, PEAK)
    return drawn


# --- stored results ---------------------------------------------------------------------------------------------------


def rebuild(directory: Path) -> Path:
    """Write the report and the figures of what lies in a directory anew; WrongPlace where there is nothing."""
    if not files.exists(directory / MANIFEST) and files.exists(directory / DIFFERENCES):
        results = {name: Result.load(directory / name) for name in _compared_names(directory / DIFFERENCES)}
        for name, result in results.items():
            result.save(directory / name, lambda new, result=result: write_run(result, new))  # type: ignore[misc]
        write_comparison(results, compared(results).table(), directory)
    else:
        result = Result.load(directory)
        result.save(directory, lambda new: write_run(result, new))
    return directory / REPORT


def _compared_names(path: Path) -> list[str]:
    """Return the results of a comparison, its base first."""
    rows = [*csv.DictReader(files.read(path).decode().splitlines())]
    if not rows:
        raise WrongPlace(f"{path}: no differences are in it")
    return [*dict.fromkeys([rows[0]["base"], *(row["case"] for row in rows)])]
