"""The report of a comparison: several strategies on the same random numbers, side by side and pair by pair.

`rebuild` writes the report of a stored result or comparison anew.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from sim import files
from sim.config.load import checked
from sim.config.project import Project
from sim.config.sections.display_units import in_display_units
from sim.files import WrongPlace
from sim.metrics.metric import FINISH, FIRST
from sim.report.console import comparison_notes, comparison_tables, sample_note
from sim.report.figures.drawing import FigureDrawing
from sim.report.formatting import MetricEstimate, interval, metric_format, p50_and_p80, percent, signed
from sim.report.html_report import render
from sim.report.html_report.comparison_charts import comparison_charts
from sim.report.html_report.run_report import REPORT, write_run
from sim.report.result_view import PEAK, ResultView
from sim.report.verdict import verdict_sentences
from sim.study.api import compare_results, levers_of_stored
from sim.study.result import Result
from sim.study.storage.result_schema import is_name
from sim.study.storage.results import FIGURES, MANIFEST

if TYPE_CHECKING:
    import pandas as pd

TITLE = "Strategies on the same random numbers"
DIFFERENCES = "differences.csv"
MAX_CSV_BYTES = 20_000_000
"""Bytes of a table of differences that is read."""


@in_display_units
def write_comparison(
    results: Mapping[str, Result], differences: pd.DataFrame, directory: Path, drawing: FigureDrawing | None = None
) -> None:
    """Write figures, numbers and the report of a comparison into a directory that holds the results by name.

    Where `drawing` draws nothing the figures are those of the report alone, with their numbers.
    """
    files.make_directory(directory / FIGURES)
    pictures = (drawing or FigureDrawing()).begin_comparison(results, differences)
    views = ResultView.of_each(results)
    charts = comparison_charts(views, differences)
    dates = next(iter(views.values())).dates
    for name, chart in charts.items():
        files.write(directory / FIGURES / f"{name}.csv", chart.csv(dates))
    files.write(directory / REPORT, page(views, differences))
    for name, data in pictures().items():
        files.write(directory / FIGURES / name, data)


def page(views: Mapping[str, ResultView], differences: pd.DataFrame) -> bytes:
    """Return the report of a comparison as one HTML file; it links to the report of each result."""
    first = next(iter(views.values()))
    labels = short_labels(views)
    views_by_label = {labels[name]: view for name, view in views.items()}
    differences_by_label = differences.assign(
        case=differences["case"].map(labels), base=differences["base"].map(labels)
    )
    side_by_side, pair_tables = comparison_tables(views_by_label, differences_by_label)
    return render(
        "compare.html.jinja", comparison_charts(views, differences, labels), first.dates,
        title=TITLE, made=f"{', '.join(views)}; seed {first.manifest['seed']}", first_section="pay_get",
        reports=[(labels[name], f"{name}/{REPORT}") for name in views], side=_cells(side_by_side),
        headline=headline(differences_by_label),
        verdicts=[(label, " ".join(verdict_sentences(view))) for label, view in views_by_label.items()],
        pay_get={"head": ["", *views_by_label], "rows": [*pay_and_get(views_by_label)]},
        pairs=[_cells(pair) for pair in pair_tables], basis=sample_note(first),
        remarks=" ".join(comparison_notes(views_by_label, differences_by_label)),
    )  # fmt: skip


def short_labels(views: Mapping[str, ResultView]) -> dict[str, str]:
    """Return what each result is called: its label without what stands in brackets; its name where two are the same."""
    labels = {name: view.info.name.partition("(")[0].strip() or name for name, view in views.items()}
    known = [*labels.values()]
    return {name: label if known.count(label) == 1 else name for name, label in labels.items()}


DATE_METRICS = (FIRST, FINISH)
COST_METRICS = (
    "capital_total_usd", "installed_cost_usd_per_mw", "idle_capital_months", "idle_capital_peak_usd",
    "carrying_cost_usd", "hours_paid", "liquidated_damages_usd", "foregone_revenue_usd",
)  # fmt: skip


def pay_and_get(views: Mapping[str, ResultView]) -> Iterator[tuple[str, ...]]:
    """Yield rows of what each strategy delivers (dates, people, confidence) and costs: P50 / P80, a column a strategy."""
    yield ("You get",)
    for metric in DATE_METRICS:
        if any(view.has(metric) for view in views.values()):
            for p in ("p50", "p80"):
                days = (
                    view.dates.format(view.estimate(view.dated(metric), p).value) if view.has(metric) else ""
                    for view in views.values()
                )  # fmt: skip
                yield f"{metric_format(metric).label}, {p.upper()}", *days
    finishes = [(view, view.dated(FINISH)) for view in views.values() if view.has(FINISH)]
    targets = [(view, day, limit) for view, day in finishes if (limit := view.limit(day)) is not None]
    if len(targets) == len(views):
        dates = {view.dates.format(limit) for view, _, limit in targets}
        yield f"target {dates.pop()} kept in" if len(dates) == 1 else "target kept in", *(
            percent(view.share_at_most(day, limit).fraction) for view, day, limit in targets
        )  # fmt: skip
    for heading, metrics in (("You house, P50 / P80", (PEAK,)), ("You pay, P50 / P80", COST_METRICS)):
        yield (heading,)
        for metric in (name for name in metrics if any(view.has(name) for view in views.values())):
            cells = (p50_and_p80(view.summary, metric) if view.has(metric) else "" for view in views.values())
            yield metric_format(metric).label, *cells


HEADLINE_METRICS = ((FINISH, "all MW online"), (PEAK, "peak on site"), ("capital_total_usd", "capital"))


def headline(differences: pd.DataFrame) -> list[str]:
    """Return a sentence for each strategy: its mean differences from the first one, over all pairs."""
    sentences = []
    for case, base in dict.fromkeys(zip(differences["case"], differences["base"], strict=True)):
        rows = differences[(differences["case"] == case) & (differences["base"] == base)].set_index("metric")
        parts = [
            f"{label} {_mean_difference_text(rows.loc[metric], metric)}"
            for metric, label in HEADLINE_METRICS
            if metric in rows.index
        ]
        share_sooner = (
            f"; sooner in {percent(float(rows.loc[FINISH, 'p_better']))} of pairs" if FINISH in rows.index else ""
        )
        sentences.append(f"{case} against {base}: {', '.join(parts)}{share_sooner}.")
    return sentences


def _mean_difference_text(row: pd.Series[Any], metric: str) -> str:
    """Return a mean difference with its sign and its interval: `+34 days (+24 to +44 days)`."""
    estimate = MetricEstimate(metric_format(metric), *(float(row[name]) for name in ("mean", "mean_low", "mean_high")))
    if not math.isfinite(estimate.value):
        return "without a mean difference, as runs stall"

    def write(value: float) -> str:
        return signed(estimate.metric.write(value, estimate.rounding_step))

    return f"{write(estimate.value)} ({interval(estimate.low, estimate.high, write)})"


def _cells(table: Table) -> dict[str, Any]:
    """Return a table of the console as plain text: title, headings, rows, and which columns are numbers."""
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    return {
        "title": str(table.title or ""),
        "head": [str(column.header) for column in table.columns],
        "rows": [*zip(*columns, strict=True)],
        "numbers": range(1, len(columns)),
    }


# --- stored results ---------------------------------------------------------------------------------------------------


def rebuild(directory: Path, *, levers: bool = False, workers: int | None = None) -> Path:
    """Write again the report and the figures of the result or comparison in a directory; WrongPlace where there is none.

    With `levers`, the effect of each lever is measured first.
    """
    if not files.exists(directory / MANIFEST) and files.exists(directory / DIFFERENCES):
        results = {name: _loaded(directory / name) for name in _compared_names(directory / DIFFERENCES)}
        if levers:
            results = {name: levers_of_stored(result, workers) for name, result in results.items()}
        for name, result in results.items():
            result.save(directory / name, lambda new, result=result: write_run(result, new))  # type: ignore[misc]
        write_comparison(results, compare_results(results).table(), directory)
    else:
        result = levers_of_stored(_loaded(directory), workers) if levers else _loaded(directory)
        result.save(directory, lambda new: write_run(result, new))
    return directory / REPORT


def _loaded(directory: Path) -> Result:
    """Read a result whose configuration is one: the report shows its numbers. Raises ConfigError or Damaged."""
    result = Result.load(directory)
    checked(Project, result.manifest["config"])
    return result


def _compared_names(path: Path) -> list[str]:
    """Return the names of the results of a comparison, its base first."""
    try:
        rows = [*csv.DictReader(files.read(path, MAX_CSV_BYTES).decode().splitlines())]
        names = [*dict.fromkeys([rows[0]["base"], *(row["case"] for row in rows)])]
    except (KeyError, IndexError, UnicodeDecodeError, csv.Error) as error:
        raise WrongPlace(f"{path}: not the differences of a comparison ({type(error).__name__}: {error})") from error
    # a name is a folder that is read and written: it must be one beside this file
    if invalid := [name for name in names if not isinstance(name, str) or not is_name(name)]:
        raise WrongPlace(f"{path}: {invalid[0]!r} is not the name of a result in this folder")
    return names
