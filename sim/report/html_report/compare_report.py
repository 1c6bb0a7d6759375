"""The report of a comparison: several strategies on the same luck, side by side and pair by pair.

Reports written anew from what is stored, of a result or of a comparison.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from sim import files
from sim.files import WrongPlace
from sim.report import result_view as reading
from sim.report.console import basis, remarks, tables
from sim.report.figures import of_a_comparison, style
from sim.report.html_report import charts
from sim.report.html_report.render import render
from sim.report.html_report.run_report import REPORT, sample, write_run
from sim.report.result_view import ResultView
from sim.report.verdict import FINISH, PEAK
from sim.study.api import compared
from sim.study.result import Result
from sim.study.storage.results import FIGURES, MANIFEST

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


# --- compare ----------------------------------------------------------------------------------------------------------


TITLE = "Strategies on the same luck"
IDLE = "idle_capital_months"


def write_comparison(results: Mapping[str, ResultView], differences: pd.DataFrame, directory: Path) -> None:
    """Write the figures and the report of a comparison into a directory that holds the results by name."""
    files.make_directory(directory / FIGURES)
    drawn = dict(of_a_comparison(results, differences))
    for name, ax in drawn.items():
        style.save(ax, directory / FIGURES, name)
    files.write(directory / REPORT, page(results, differences, drawn))


def page(
    results: Mapping[str, ResultView], differences: pd.DataFrame, figures: Mapping[str, Axes] | None = None
) -> bytes:
    """Return the report of a comparison as one HTML file; it links to the report of each result."""
    first = next(iter(results.values()))
    figures = dict(of_a_comparison(results, differences)) if figures is None else figures
    side, pairs = tables(results, differences)
    return render(
        "compare.html.jinja", _charts(results), figures,
        title=TITLE, made=f"{', '.join(results)}; seed {first.manifest['seed']}",
        reports=[(name, f"{name}/{REPORT}") for name in results], side=_cells(side),
        pairs=[_cells(pair) for pair in pairs], basis=basis(first),
        sample=sample(reading.about(first)), remarks=" ".join(remarks(results, differences)),
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


def _charts(results: Mapping[str, ResultView]) -> dict[str, Any]:
    """Return the charts one can point at."""
    known = {name: result for name, result in results.items() if reading.about(result).failed < len(result.runs)}
    curves = {name: result.curves for name, result in known.items()}
    abouts = {name: reading.about(result) for name, result in known.items()}
    if not known:
        return {}
    drawn = {
        "mw_online": charts.ramps(curves, abouts, "mw_online", "MW online, gross"),
        "headcount": charts.ramps(curves, abouts, "headcount", "people on site"),
        "capital_deployed_usd": charts.ramps(curves, abouts, "capital_deployed_usd", "paid, $M", 1e6),
        "capital_in_service_usd": charts.ramps(curves, abouts, "capital_in_service_usd", "in service, $M", 1e6),
    }
    if all(FINISH in result.runs for result in known.values()):
        drawn["cloud"] = charts.cloud({name: result.runs for name, result in known.items()}, FINISH, IDLE, PEAK)
    return drawn


# --- renewing ---------------------------------------------------------------------------------------------------------


DIFFERENCES = "differences.csv"


def renew(directory: Path) -> Path:
    """Write the report and the figures of what lies in a directory anew; WrongPlace where there is nothing."""
    if not files.exists(directory / MANIFEST) and files.exists(directory / DIFFERENCES):
        results = {name: Result.load(directory / name) for name in _names(directory / DIFFERENCES)}
        for name, result in results.items():
            result.save(directory / name, lambda new, result=result: write_run(result, new))  # type: ignore[misc]
        write_comparison(results, compared(results).table(), directory)
    else:
        result = Result.load(directory)
        result.save(directory, lambda new: write_run(result, new))
    return directory / REPORT


def _names(path: Path) -> list[str]:
    """Return the results of a comparison, its base first."""
    rows = [*csv.DictReader(files.read(path).decode().splitlines())]
    if not rows:
        raise WrongPlace(f"{path}: no differences are in it")
    return [*dict.fromkeys([rows[0]["base"], *(row["case"] for row in rows)])]
