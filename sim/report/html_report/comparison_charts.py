"""The charts of a comparison's report, as data: every strategy's fan, every run as a dot, paired differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.metrics.metric import FINISH
from sim.report.figures.comparison import paired_differences
from sim.report.formatting import metric_format, money_scale, number, percent
from sim.report.html_report.chart_spec import (
    DASHED,
    Chart,
    ChartAxis,
    Mark,
    Series,
    curve_of,
    date_axis,
    in_one_line,
    money_axis,
    moving_days,
)
from sim.report.result_view import PEAK, ResultView

if TYPE_CHECKING:
    import pandas as pd

IDLE = "idle_capital_months"
FANS = (
    ("mw_online", "MW online", "MW online, gross", "Line: P50; dashed: P80 of each date; band: P10 to P90"),
    (
        "headcount",
        "People on site",
        "people on site",
        "Line: P50 of each day; band: P10 to P90; a peak is never read off it",
    ),
    ("capital_deployed_usd", "Capital paid", "paid", "Line: P50 of each day; band: P10 to P90"),
    ("capital_in_service_usd", "Capital in service", "in service", "Line: P50 of each day; band: P10 to P90"),
)


def comparison_charts(
    views: Mapping[str, ResultView], differences: pd.DataFrame, labels: Mapping[str, str] | None = None
) -> dict[str, Chart]:
    """Return the charts of a comparison by name, of the results in which any run succeeded.

    `labels` are what the charts call the results; without them they are called by their names.
    """
    known = {name: view for name, view in views.items() if not view.info.all_failed}
    return dict(_charts(known, differences, labels or {name: name for name in known})) if known else {}


def _charts(
    views: Mapping[str, ResultView], differences: pd.DataFrame, labels: Mapping[str, str]
) -> Iterator[tuple[str, Chart]]:
    """Yield every chart for which there are numbers; labels stand in charts, never in their names."""
    views_by_label = {labels[name]: view for name, view in views.items()}
    for curve, title, y, note in FANS:
        yield curve, fan(views_by_label, curve, title, y, note)
    if all(FINISH in view.runs for view in views.values()):
        yield "cloud", cloud(views_by_label)
    for case, base in dict.fromkeys(zip(differences["case"], differences["base"], strict=True)):
        if case in views and base in views and all(FINISH in views[name].runs for name in (case, base)):
            yield f"difference_{case}_{base}", difference(views_by_label, labels[case], labels[base])


def fan(views: Mapping[str, ResultView], curve: str, title: str, y: str, note: str) -> Chart:
    """Return one curve of all strategies: band and P50 of each, on the dates of the first."""
    first = next(iter(views.values()))
    curves = {name: curve_of(view.curves, curve) for name, view in views.items()}
    scale, unit = 1.0, ""
    if curve.endswith("_usd"):
        scale, unit = money_scale(max(float(rows["p90"].max()) for rows in curves.values()))
    bands, lines, spans = [], [], []
    for position, (name, view) in enumerate(views.items()):
        shift = _days_after(view, first)
        band, *lines_of_case = _fan_series(
            curves[name], name, f"strategy-{position % 6}", shift, scale, with_p80=curve == "mw_online"
        )
        bands.append(band)
        lines += lines_of_case
        spans.append(np.array(moving_days(curves[name], ["p10", "p20", "p50", "p90"])) + shift)
    marks = _shared_target(views) if curve == "mw_online" else []
    days = [*(day for span in spans for day in span), *(mark.at for mark in marks)]
    low, high = min(days), max(days)
    finishes = "; ".join(
        f"{name} P50 {view.dates.format(day)}"
        for name, view in views.items()
        if (day := view.middle_day(FINISH)) is not None
    )
    return Chart(
        title,
        in_one_line(first.info.caption(note)),
        f"{title} of {', '.join(views)}. All MW online: {finishes}.",
        date_axis(first.dates, float(low), float(high)),
        money_axis(y, unit) if unit else ChartAxis(y),
        None,
        (*bands, *lines),
        tuple(marks),
    )


def _shared_target(views: Mapping[str, ResultView]) -> list[Mark]:
    """Return the target, where all have the same date for it."""
    days = {view.limit(view.dated(FINISH)) for view in views.values()}
    starts = {view.dates.start for view in views.values()}
    day, dates = days.pop(), next(iter(views.values())).dates
    if days or len(starts) > 1 or day is None:
        return []
    return [Mark("x", day, f"target {dates.format(day)}", dash=DASHED)]


def _fan_series(
    rows: pd.DataFrame, name: str, tone: str, shift: float, scale: float, *, with_p80: bool
) -> Iterator[Series]:
    """Yield band, P50 and, for MW, the P80 of each date: what 80 % of the runs have by a day."""
    x = rows["day"].to_numpy(dtype=np.float64) + shift
    p10, p20, p50, p90 = (rows[p].to_numpy(dtype=np.float64) / scale for p in ("p10", "p20", "p50", "p90"))
    yield Series(f"{name}, P10 to P90", "band", f"{tone}-band", x, p90, p10, step=True, unlisted=True, group=name)
    yield Series(f"{name}, P50", "line", tone, x, p50, step=True, width=2.6, group=name)
    if with_p80:
        label = f"{name}, P80 of date"
        yield Series(label, "line", tone, x, p20, step=True, dash=DASHED, width=1.6, unlisted=True, group=name)


def cloud(views: Mapping[str, ResultView]) -> Chart:
    """Return every run of several strategies as a dot, lead time by idle capital, with a diamond at both P80s."""
    first = next(iter(views.values()))
    series = [_dots(view, name, position, first) for position, (name, view) in enumerate(views.items())]
    marks = [mark for position, view in enumerate(views.values()) for mark in _diamond(view, position, first)]
    days, idle = ([v for dots in series for v in getattr(dots, axis)] for axis in ("x", "y"))
    width = max(max(days, default=1.0) - min(days, default=0.0), 1.0)
    note = "Each dot is one simulated project, on the dates of the first; diamond: P80 of each axis by itself"
    return Chart(
        "Every run: when all MW are online, by idle capital",
        in_one_line(first.info.caption(note)),
        "Lead time by idle capital of every run; P50 and P80 in the table.",
        date_axis(first.dates, min(days, default=0.0) - 0.05 * width, max(days, default=1.0) + 0.05 * width),
        ChartAxis(
            "idle capital, deployed, months",
            digits=1,
            suffix=" months",
            range=_around([*idle, *(m.level for m in marks)]),
        ),
        None,
        tuple(series),
        tuple(marks),
        head=("strategy", *(f"{words}, {p.upper()}" for words, _, _ in CLOUD_TABLE for p in ("p50", "p80"))),
        table_rows=[_cloud_row(name, view) for name, view in views.items() if view.has(FINISH)],
    )


CLOUD_TABLE = (("all online", FINISH, 1.0), ("idle months", IDLE, 0.1), ("peak", PEAK, 1.0))


def _days_after(view: ResultView, first: ResultView) -> float:
    """Return how many days later than the first a project was decided."""
    return float((view.dates.start - first.dates.start).days)


def _dots(view: ResultView, name: str, k: int, first: ResultView) -> Series:
    """Return the finished runs of a strategy as dots, on the dates of the first."""
    x, y = (view.runs[metric].to_numpy(dtype=np.float64) for metric in (view.dated(FINISH), IDLE))
    done = np.isfinite(x)
    return Series(name, "points", f"strategy-{k % 6}", x[done] + _days_after(view, first), y[done], width=3.2)


def _diamond(view: ResultView, k: int, first: ResultView) -> Iterator[Mark]:
    """Yield the place of both P80s, where they are known."""
    finish, idle = (float(view.summary["p80"][metric]) for metric in (view.dated(FINISH), IDLE))
    if math.isfinite(finish) and math.isfinite(idle):
        yield Mark("point", finish + _days_after(view, first), colour=f"strategy-{k % 6}", level=idle)


def _cloud_row(name: str, view: ResultView) -> tuple[str, ...]:
    """Return P50 and P80 of date, idle capital and peak as texts."""

    def write(metric: str, p: str, step: float) -> str:
        value = float(view.summary[p][view.dated(metric)])
        return view.dates.format(value) if metric == FINISH else number(value, step)

    cells = (write(metric, p, step) for _, metric, step in CLOUD_TABLE for p in ("p50", "p80"))
    return name, *cells


def _around(values: Sequence[float]) -> tuple[float, float]:
    """Return a range with some room around finite values."""
    known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    room = 0.1 * max(max(known) - min(known), 0.1)
    return min(known) - room, max(known) + room


def difference(views: Mapping[str, ResultView], case: str, base: str) -> Chart:
    """Return the differences of the finish, pair by pair on the same random numbers, as columns."""
    differences = paired_differences(views[case].runs, views[base].runs, FINISH)
    finite_days = differences[np.isfinite(differences)]
    better = percent(float((differences < 0).mean())) if len(differences) else ""
    width = max(1.0, math.ceil(float(np.ptp(finite_days)) / 40)) if len(finite_days) else 1.0
    low, high = (float(finite_days.min()), float(finite_days.max())) if len(finite_days) else (0.0, 1.0)
    edges = np.arange(math.floor(low / width) * width, high + 2 * width, width)
    counts, _ = np.histogram(finite_days, edges)
    x_range = (min(edges[0], 0.0) - width, max(edges[-1], 0.0) + width)
    title = f"{case} less {base}: {case} is faster in {better} of pairs"
    return Chart(
        title,
        in_one_line(
            views[case].info.caption(f"{metric_format(FINISH).label}, days, run by run on the same random numbers")
        ),
        f"{title}.",
        ChartAxis("days later", range=x_range),
        ChartAxis("pairs", range=(0.0, max(float(counts.max(initial=1)) * 1.05, 1.0)), whole=True),
        None,
        (Series("pairs", "columns", "band-1", edges, counts),),
        (Mark("x", 0.0, "no difference"),),
    )
