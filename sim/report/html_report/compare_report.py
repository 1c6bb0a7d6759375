"""The report of a comparison: several strategies on the same random numbers, side by side and pair by pair.

`rebuild` writes the report of a stored result or comparison anew.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from sim import files
from sim.config.load import checked
from sim.config.project import Project
from sim.files import WrongPlace
from sim.report.console import comparison_notes, comparison_tables, sample_note
from sim.report.figures import figures_of_comparison, style
from sim.report.formatting import metric_format, p50_and_p80, percent
from sim.report.html_report import render
from sim.report.html_report.comparison_charts import comparison_charts
from sim.report.html_report.run_report import REPORT, write_run
from sim.report.result_view import FINISH, FIRST, PEAK, ResultView, RunData
from sim.report.verdict import verdict_sentences
from sim.study.api import compared
from sim.study.result import Result
from sim.study.storage.result_schema import is_name
from sim.study.storage.results import FIGURES, MANIFEST

if TYPE_CHECKING:
    import pandas as pd

TITLE = "Strategies on the same random numbers"
DIFFERENCES = "differences.csv"
MOST_CSV = 20_000_000
"""Bytes of a table of differences that is read."""


def write_comparison(results: Mapping[str, RunData], differences: pd.DataFrame, directory: Path) -> None:
    """Write figures, numbers and the report of a comparison into a directory that holds the results by name."""
    files.make_directory(directory / FIGURES)
    views = ResultView.of_each(results)
    for name, ax in figures_of_comparison(views, differences):
        style.save(ax, directory / FIGURES, name)
    charts = comparison_charts(views, differences)
    dates = next(iter(views.values())).dates
    for name, chart in charts.items():
        files.write(directory / FIGURES / f"{name}.csv", chart.csv(dates))
    files.write(directory / REPORT, page(views, differences))


def page(views: Mapping[str, ResultView], differences: pd.DataFrame) -> bytes:
    """Return the report of a comparison as one HTML file; it links to the report of each result."""
    first = next(iter(views.values()))
    labels = short_labels(views)
    named = {labels[name]: view for name, view in views.items()}
    apart = differences.assign(case=differences["case"].map(labels), base=differences["base"].map(labels))
    side, pairs = comparison_tables(named, apart)
    return render(
        "compare.html.jinja", comparison_charts(named, apart), first.dates,
        title=TITLE, made=f"{', '.join(views)}; seed {first.manifest['seed']}", first="pay_get",
        reports=[(labels[name], f"{name}/{REPORT}") for name in views], side=_cells(side),
        verdicts=[(label, " ".join(verdict_sentences(view))) for label, view in named.items()],
        pay_get={"head": ["", *named], "rows": [*pay_and_get(named)]},
        pairs=[_cells(pair) for pair in pairs], basis=sample_note(first),
        remarks=" ".join(comparison_notes(named, apart)),
    )  # fmt: skip


def short_labels(views: Mapping[str, ResultView]) -> dict[str, str]:
    """Return what each result is called: its label without what stands in brackets; its name where two are the same."""
    labels = {name: view.info.name.partition("(")[0].strip() or name for name, view in views.items()}
    known = [*labels.values()]
    return {name: label if known.count(label) == 1 else name for name, label in labels.items()}


GETS = (FIRST, FINISH)
PAYS = (
    "capital_total_usd", "installed_cost_usd_per_mw", "idle_capital_months", "idle_capital_peak_usd",
    "carrying_cost_usd", "hours_paid", "liquidated_damages_usd", "foregone_revenue_usd",
)  # fmt: skip


def pay_and_get(views: Mapping[str, ResultView]) -> Iterator[tuple[str, ...]]:
    """Yield what you get (dates, people, confidence) and what you pay for it, a column a strategy: P50 / P80."""
    for metric in GETS:
        if all(view.has(metric) for view in views.values()):
            label = metric_format(metric).label
            yield (
                f"you get: {label}, P50",
                *(view.dates.format(view.quote(metric, "p50").value) for view in views.values()),
            )
            yield (
                f"you get: {label}, P80",
                *(view.dates.format(view.quote(metric, "p80").value) for view in views.values()),
            )
    if all(view.limit(FINISH) is not None and view.has(FINISH) for view in views.values()):
        yield "you get: the target kept in", *(
            percent(view.share_at_most(FINISH, view.limit(FINISH) or 0.0).fraction) for view in views.values()
        )  # fmt: skip
    yield (
        "you house: peak on site, P50 / P80",
        *(p50_and_p80(view.summary, PEAK) if view.has(PEAK) else "" for view in views.values()),
    )
    for metric in PAYS:
        if any(view.has(metric) for view in views.values()):
            cells = (p50_and_p80(view.summary, metric) if view.has(metric) else "" for view in views.values())
            yield f"you pay: {metric_format(metric).label}, P50 / P80", *cells


def _cells(table: Table) -> dict[str, Any]:
    """Return a table of the console as plain texts."""
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    return {
        "title": str(table.title or ""),
        "head": [str(column.header) for column in table.columns],
        "rows": [*zip(*columns, strict=True)],
        "numbers": range(1, len(columns)),
    }


# --- stored results ---------------------------------------------------------------------------------------------------


def rebuild(directory: Path) -> Path:
    """Write the report and the figures of what lies in a directory anew; WrongPlace where there is nothing."""
    if not files.exists(directory / MANIFEST) and files.exists(directory / DIFFERENCES):
        results = {name: _loaded(directory / name) for name in _compared_names(directory / DIFFERENCES)}
        for name, result in results.items():
            result.save(directory / name, lambda new, result=result: write_run(result, new))  # type: ignore[misc]
        write_comparison(results, compared(results).table(), directory)
    else:
        result = _loaded(directory)
        result.save(directory, lambda new: write_run(result, new))
    return directory / REPORT


def _loaded(directory: Path) -> Result:
    """Read a result whose configuration is one: the report shows its numbers. Raises ConfigError or Damaged."""
    result = Result.load(directory)
    checked(Project, result.manifest["config"])
    return result


def _compared_names(path: Path) -> list[str]:
    """Return the results of a comparison, its base first."""
    try:
        rows = [*csv.DictReader(files.read(path, MOST_CSV).decode().splitlines())]
        names = [*dict.fromkeys([rows[0]["base"], *(row["case"] for row in rows)])]
    except (KeyError, IndexError, UnicodeDecodeError, csv.Error) as error:
        raise WrongPlace(f"{path}: not the differences of a comparison ({type(error).__name__}: {error})") from error
    # a name is a folder that is read and written: it must be one beside this file
    if wrong := [name for name in names if not isinstance(name, str) or not is_name(name)]:
        raise WrongPlace(f"{path}: {wrong[0]!r} is not the name of a result in this folder")
    return names
