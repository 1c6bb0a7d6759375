"""The report of a comparison: several strategies on the same luck, side by side and pair by pair."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from sim import files
from sim.report import reading, style
from sim.report.figures import of_a_comparison
from sim.report.findings import FINISH, PEAK
from sim.report.page import charts
from sim.report.page.render import render
from sim.report.page.run import REPORT, sample
from sim.report.reading import Result
from sim.report.verdict import basis, remarks, tables
from sim.study.store import FIGURES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TITLE = "Strategies on the same luck"
IDLE = "idle_capital_months"


def write_comparison(results: Mapping[str, Result], differences: pd.DataFrame, directory: Path) -> None:
    """Write the figures and the report of a comparison into a directory that holds the results by name."""
    files.make_directory(directory / FIGURES)
    drawn = dict(of_a_comparison(results, differences))
    for name, ax in drawn.items():
        style.save(ax, directory / FIGURES, name)
    files.write(directory / REPORT, page(results, differences, drawn))


def page(results: Mapping[str, Result], differences: pd.DataFrame, figures: Mapping[str, Axes] | None = None) -> bytes:
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


def _charts(results: Mapping[str, Result]) -> dict[str, Any]:
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
