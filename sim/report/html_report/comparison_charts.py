"""The charts of a comparison's report, as data: every strategy's fan, every run as a dot, paired differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

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
    moving_days,
)
from sim.report.result_view import FINISH, PEAK, ResultView, paired_differences

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


def comparison_charts(views: Mapping[str, ResultView], differences: pd.DataFrame) -> dict[str, Chart]:
    """Return the charts of a comparison by name, of the results in which any run succeeded."""
    known = {name: view for name, view in views.items() if not view.info.all_failed}
    return dict(_charts(known, differences)) if known else {}


def _charts(views: Mapping[str, ResultView], differences: pd.DataFrame) -> Iterator[tuple[str, Chart]]:
    """Yield every chart for which there are numbers."""
    for curve, title, y, note in FANS:
        yield curve, fan(views, curve, title, y, note)
    if all(FINISH in view.runs for view in views.values()):
        yield "cloud", cloud(views)
    for case, base in dict.fromkeys(zip(differences["case"], differences["base"], strict=True)):
        if case in views and base in views and all(FINISH in views[name].runs for name in (case, base)):
            yield f"difference_{case}_{base}", difference(views, str(case), str(base))


def fan(views: Mapping[str, ResultView], curve: str, title: str, y: str, note: str) -> Chart:
    """Return one curve of all strategies: band and P50 of each, on the dates of the first."""
    first = next(iter(views.values()))
    scale, unit = 1.0, ""
    if curve.endswith("_usd"):
        scale, unit = money_scale(max(float(curve_of(view.curves, curve)["p90"].max()) for view in views.values()))
    bands, lines, spans = [], [], []
    for k, (name, view) in enumerate(views.items()):
        rows = curve_of(view.curves, curve)
        shift = float((view.dates.start - first.dates.start).days)
        x = rows["day"].to_numpy(dtype=np.float64) + shift
        p10, p50, p90 = (rows[p].to_numpy(dtype=np.float64) / scale for p in ("p10", "p50", "p90"))
        tone = f"strategy-{k % 6}"
        band = Series(f"{name}, P10 to P90", "band", f"{tone}-band", x, p90, p10, step=True, unlisted=True, group=name)
        bands.append(band)
        lines.append(Series(f"{name}, P50", "line", tone, x, p50, step=True, width=2.6, group=name))
        if curve == "mw_online":
            late = rows["p20"].to_numpy(dtype=np.float64)  # what 80 % of the runs have by a day
            lines.append(
                Series(f"{name}, P80 of date", "line", tone, x, late, step=True, dash=DASHED, width=1.6,
                       unlisted=True, group=name)
            )  # fmt: skip
        spans.append(np.array(moving_days(rows, ["p10", "p90"])) + shift)
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    axis = ChartAxis(f"{y}, ${unit}", prefix="$", suffix=f" {unit}", digits=2) if unit else ChartAxis(y)
    finishes = "; ".join(
        f"{name} P50 {view.dates.format(float(view.summary['p50'][FINISH]))}"
        for name, view in views.items()
        if view.has(FINISH)
    )
    return Chart(
        title,
        in_one_line(first.info.caption(note)),
        f"{title} of {', '.join(views)}. All MW online: {finishes}.",
        ChartAxis(range=(low, high), start=first.dates.start.isoformat()),
        axis,
        None,
        (*bands, *lines),
    )


def cloud(views: Mapping[str, ResultView]) -> Chart:
    """Return every run of several strategies as a dot, lead time by idle capital, with a diamond at both P80s."""
    series, marks, days, idle = [], [], [], []
    first = next(iter(views.values()))
    for k, (name, view) in enumerate(views.items()):
        runs = view.runs
        done = np.isfinite(runs[FINISH].to_numpy(dtype=np.float64)) if FINISH in runs else np.zeros(len(runs), bool)
        x, y = (runs[metric].to_numpy(dtype=np.float64)[done] for metric in (FINISH, IDLE))
        shift = float((view.dates.start - first.dates.start).days)
        x = x + shift
        series.append(Series(name, "points", f"strategy-{k % 6}", x, y, width=3.2))
        p80 = [float(view.summary["p80"][metric]) for metric in (FINISH, IDLE)]
        if all(map(math.isfinite, p80)):
            marks.append(Mark("point", p80[0] + shift, colour=f"strategy-{k % 6}", level=p80[1]))
        days += [*x]
        idle += [*y, p80[1]]
    wide = max(max(days, default=1.0) - min(days, default=0.0), 1.0)
    rows = [
        (
            name,
            *(
                view.dates.format(float(view.summary[p][m])) if m == FINISH else number(float(view.summary[p][m]), s)
                for m, s in ((FINISH, 1.0), (IDLE, 0.1), (PEAK, 1.0))
                for p in ("p50", "p80")
            ),
        )
        for name, view in views.items()
        if view.has(FINISH)
    ]
    return Chart(
        "Every run: when all MW are online, by idle capital",
        in_one_line(
            first.info.caption(
                "Each dot is one simulated project, on the dates of the first; diamond: P80 of each axis by itself"
            )
        ),
        "Lead time by idle capital of every run; P50 and P80 in the table.",
        date_axis(first.dates, min(days, default=0.0) - 0.05 * wide, max(days, default=1.0) + 0.05 * wide),
        ChartAxis("idle capital, deployed, months", digits=1, suffix=" months", range=_around(idle)),
        None,
        tuple(series),
        tuple(marks),
        head=(
            "strategy",
            "all online, P50",
            "all online, P80",
            "idle months, P50",
            "idle months, P80",
            "peak, P50",
            "peak, P80",
        ),
        table_rows=rows,
    )


def _around(values: Sequence[float]) -> tuple[float, float]:
    """Return a range with some room around finite values."""
    known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    room = 0.1 * max(max(known) - min(known), 0.1)
    return min(known) - room, max(known) + room


def difference(views: Mapping[str, ResultView], case: str, base: str) -> Chart:
    """Return the differences of the finish, pair by pair on the same random numbers, as columns."""
    apart = paired_differences(views[case].runs, views[base].runs, FINISH)
    known = apart[np.isfinite(apart)]
    better = percent(float((apart < 0).mean())) if len(apart) else ""
    width = max(1.0, math.ceil(float(np.ptp(known)) / 40)) if len(known) else 1.0
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    edges = np.arange(math.floor(low / width) * width, high + 2 * width, width)
    counts, _ = np.histogram(known, edges)
    ends = (min(edges[0], 0.0) - width, max(edges[-1], 0.0) + width)
    title = f"{case} less {base}: {case} is faster in {better} of pairs"
    return Chart(
        title,
        in_one_line(
            views[case].info.caption(f"{metric_format(FINISH).label}, days, run by run on the same random numbers")
        ),
        f"{title}.",
        ChartAxis("days later", range=ends),
        ChartAxis("pairs", range=(0.0, max(float(counts.max(initial=1)) * 1.05, 1.0))),
        None,
        (Series("pairs", "columns", "band-1", edges, counts),),
        (Mark("x", 0.0, "no difference"),),
    )
