"""A project under way in the charts of its report: the data date, and the actual line before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from sim.report.html_report.chart_spec import DASHED, Chart, Mark, Series, curve_of
from sim.report.result_view import ResultView

ACTUAL = ("mw_online", "headcount")
"""Charts of one curve by day that have an actual line."""


def at_data_date(view: ResultView, charts: Mapping[str, Chart]) -> dict[str, Chart]:
    """Return charts with the data date where they have dates; as they are where the project begins at its first day."""
    made = view.manifest.get("forecast")
    if made is None:
        return dict(charts)
    start, known = (date.fromisoformat(text) for text in (view.manifest["start_date"], made["data_date"]))
    day = (known - start).days + 1
    return {name: _marked(view, name, chart, day) if chart.x.start else chart for name, chart in charts.items()}


def _marked(view: ResultView, name: str, chart: Chart, day: int) -> Chart:
    """Return a chart with the data date, and what is actual until then."""
    mark = Mark("x", float(day), f"data date {view.dates.format(day - 1)}", "ink", DASHED)
    series = chart.series
    if name in ACTUAL:
        curve = curve_of(view.curves, name)
        curve = curve[curve["day"] < day]
        series = (*series, Series("actual", "line", "ink", curve["day"].to_numpy(), curve["p50"].to_numpy(), width=2.5))
    return replace(chart, series=series, marks=(*chart.marks, mark))
