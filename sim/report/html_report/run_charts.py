"""The charts of one project's report, as data: when, who, how much money, why, and which risk matters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from sim.plan.vocabulary import DELAY_CAUSES
from sim.report.explanations import cause_periods, critical_causes, risk_rows
from sim.report.figures import delivery, workforce
from sim.report.figures.from_result import has_joint, hours_runs
from sim.report.formatting import metric_format, number, percent
from sim.report.html_report.chart_spec import (
    DASHED,
    Chart,
    ChartAxis,
    Mark,
    Series,
    at_data_date,
    curve_of,
    date_axis,
    in_one_line,
    moving_days,
)
from sim.report.html_report.money_charts import capital, funding, joint
from sim.report.html_report.typical_run_charts import flow, flowline, trades
from sim.report.representative_run import (
    headcount_by_trade,
    skid_flow,
)
from sim.report.result_view import FINISH, FIRST, PEAK, ResultView

SHARE = ChartAxis("share of runs, on or before", suffix=" %", range=(0, 104))


def run_charts(view: ResultView) -> dict[str, Chart]:
    """Return the charts of a result by name, in the order in which they are read; none where every run failed."""
    return {} if view.info.all_failed else at_data_date(view, dict(_run_charts(view)))


def _run_charts(view: ResultView) -> Iterator[tuple[str, Chart]]:
    """Yield every chart for which there are numbers."""
    if view.has(FINISH) and np.isfinite(view.values(FINISH)).any():
        yield "finish", s_curve(view)
    yield "mw_online", ramp(view)
    if critical_causes(view.runs):
        yield "why", why(view)
    if (found := which_risk(view)) is not None:
        yield "which_risk", found
    yield "headcount", headcount(view)
    if len(view.values(PEAK)):
        yield "peak", peak(view)
    if len(view.hours):
        yield "man_hours", man_hours(view)
    yield "capital", capital(view)
    if (found := funding(view)) is not None:
        yield "funding", found
    if has_joint(view):
        yield "joint", joint(view)
    yield from _of_one_run(view)
    if view.has(FINISH) and np.isfinite(view.values(FINISH)).any():
        yield "convergence", convergence(view)


def _of_one_run(view: ResultView) -> Iterator[tuple[str, Chart]]:
    """Yield what is drawn of the typical run alone."""
    if not len(view.events):
        return
    people = headcount_by_trade(view.events, int(view.events["minute"].max()) // 1440 + 8)
    if people:
        yield "trades", trades(view, people)
    yield "flowline", flowline(view)
    if found := skid_flow(view.events):
        yield "flow", flow(view, found)


# --- when -------------------------------------------------------------------------------------------------------------


def s_curve(view: ResultView) -> Chart:
    """Return how many runs finish when, and the share of all runs that have finished by each date."""
    data, info = view.values(FINISH), view.info
    reached = np.sort(data[np.isfinite(data)])
    planned, target = view.planned(FINISH), view.limit(FINISH)
    low, high = delivery.day_range(reached, planned, target)
    edges = delivery.day_bins(reached)
    counts, _ = np.histogram(reached, edges)
    share = 100 * np.concatenate([[0], np.arange(1, len(reached) + 1), [len(reached)]]) / len(data)
    quoted = view.percentiles(FINISH) or {}
    marks = [
        Mark(
            "curve",
            day,
            f"{name.upper()} {view.dates.format(day)}",
            "p80" if name == "p80" else "muted",
            level=100 * delivery.QUOTED[name],
            strong=name == "p80",
        )
        for name, day in quoted.items()
        if math.isfinite(day)
    ]
    for word, day, dash in (("expected plan", planned, ""), ("target", target, DASHED)):
        if day is not None and math.isfinite(day):
            kept = percent(view.share_at_most(FINISH, day).fraction)
            marks.append(Mark("x", day, f"{word} {view.dates.format(day)}: {kept}", "ink", dash))
    wide = edges[1] - edges[0]
    return Chart(
        delivery.finish_headline(info, quoted.get("p80", math.nan)),
        in_one_line(info.caption("Columns: runs by date; line: share of runs that finish on or before a date")),
        f"S-curve of the date on which all MW are online: {delivery.finish_headline(info, quoted.get('p80', math.nan))}.",
        date_axis(view.dates, low, high),
        ChartAxis(f"runs in {number(wide)} days", range=(0, counts.max() * 1.08)),
        SHARE,
        (
            Series(f"runs in {number(wide)} days", "columns", "runs", edges, counts),
            Series(
                "share of runs, on or before",
                "line",
                "p50",
                np.concatenate([[reached[0]], reached, [high]]),
                share,
                step=True,
                axis=2,
            ),
        ),
        tuple(marks),
    )


BANDS = (
    ("p5", "p95", "5 to 95 % of runs", "band-3"),
    ("p10", "p90", "10 to 90 %", "band-2"),
    ("p20", "p80", "20 to 80 %", "band-1"),
)


def ramp(view: ResultView) -> Chart:
    """Return the MW online by day: bands, P50, the P80 of every date, the expected plan, and milestones."""
    curve = curve_of(view.curves, "mw_online")
    x, planned = curve["day"].to_numpy(dtype=np.float64), view.planned_ramp
    series = [
        Series(label, "band", colour, x, curve[high], curve[low], step=True) for low, high, label, colour in BANDS
    ]
    series += [
        Series("P50", "line", "p50", x, curve["p50"], step=True),
        Series("P80 of date", "line", "p80", x, curve["p20"], step=True, width=1.8),
    ]
    low, high = moving_days(curve, ["p5", "p95"])
    if planned:
        days, mw = [0.0, *(day for day, _ in planned)], [0.0, *(mw for _, mw in planned)]
        high = max(high, days[-1] + 10)
        series.append(
            Series("expected plan", "line", "ink", [*days, high], [*mw, mw[-1]], step=True, dash=DASHED, width=1.6)
        )
        low = min(low, days[1] - 10)
    first, full = (float(view.summary["p50"][m]) if view.has(m) else None for m in (FIRST, FINISH))
    title = delivery.mw_headline(curve, view.info, first, full)
    return Chart(
        title,
        in_one_line(
            view.info.caption(
                "MW gross; bands hold at each date by itself; a level line read from left to right gives the spread of a date"
            )
        ),
        f"MW online over time: {title}.",
        date_axis(view.dates, low, high),
        ChartAxis("MW online, gross", suffix=" MW"),
        None,
        tuple(series),
    )


def convergence(view: ResultView) -> Chart:
    """Return how the P80 of the finish settled with the number of runs."""
    n, middle, low, high = delivery.running_percentile(view.values(FINISH), 0.8)
    fmt = metric_format(FINISH)
    title = f"P80 of {fmt.label}: {view.quote(FINISH, 'p80').text()} ({view.quote(FINISH, 'p80').interval_text()})"
    span = (min(low, default=0), max(high, default=1))
    return Chart(
        title,
        in_one_line(
            view.info.caption("Percentile of the first n runs, days; interval from order statistics (binomial)")
        ),
        f"The P80 of the finish against the number of runs: {title}.",
        ChartAxis("runs, n", range=(0, max(n, default=1))),
        ChartAxis("days", suffix=" days", range=span),
        None,
        (
            Series("95 % interval", "band", "runs", n, high, low, step=True),
            Series("P80 of the first n runs", "line", "p80", n, middle, step=True),
        ),
    )


# --- why, and which risk ----------------------------------------------------------------------------------------------


def why(view: ResultView) -> Chart:
    """Return what the date is made of: the mean over all runs, and the chain of the typical run."""
    impacts = critical_causes(view.runs)
    rows: list[dict[str, Any]] = []
    at = 0.0
    pieces: list[dict[str, Any]] = []
    for cause in DELAY_CAUSES:
        for impact in (one for one in impacts if one.cause == cause and one.days > 0):
            pieces.append(_piece(at, at + impact.days, cause, f"{impact.name}: {impact.mean_text()} days in the mean"))
            at += impact.days
    rows.append({"name": f"All {view.info.count}: mean days by cause, not in order of time", "pieces": pieces})
    periods = cause_periods(view.chain) if len(view.chain) else []
    if periods:
        rows.append(
            {
                "name": f"Typical run: its driving chain in order of time, until {view.dates.format(periods[-1].end)}",
                "pieces": [
                    _piece(p.begin, p.end, p.cause, f"{p.name}, {number(p.days)} days: {p.what}") for p in periods
                ],
            }
        )
    largest = ", ".join(f"{impact.name} {impact.mean_text()} days" for impact in impacts[:4])
    there = {piece["colour"] for row in rows for piece in row["pieces"]}
    end = max(piece["end"] for row in rows for piece in row["pieces"])
    return Chart(
        "What the last MW waits for",
        f"Days on the driving chain, which add up to the lead time; n = {view.info.count}, seed {view.info.seed}."
        " Typical run: finish between P45 and P55, chain the most like all others'.",
        f"What the date is made of: {largest}, in the mean of all runs.",
        ChartAxis(range=(0, end), start=view.dates.start.isoformat()),
        kind="strips",
        rows=tuple(rows),
        keys=tuple((name, f"cause-{cause}") for cause, name in DELAY_CAUSES.items() if f"cause-{cause}" in there),
        head=("row", "due to", "days"),
        table_rows=[(row["name"], p["text"], number(p["end"] - p["begin"])) for row in rows for p in row["pieces"]],
    )


def _piece(begin: float, end: float, cause: str, text: str) -> dict[str, Any]:
    return {"begin": begin, "end": end, "colour": f"cause-{cause}", "text": text}


def which_risk(view: ResultView) -> Chart | None:
    """Return days at P80 of each cause switched off (bar) and its share of the variance (dot), sorted by the first."""
    rows = risk_rows(view)
    if not rows:
        return None
    shares = [row.share for row in rows if row.share is not None]
    keys = [
        (words, colour)
        for kind, words, colour in (
            ("risk", "risk event: days saved at P80", "risk"),
            ("uncertainty", "range: days saved at P80", "uncertainty"),
        )
        if any(r.kind == kind for r in rows)
    ]
    dots = (
        {"label": "share of the variance of the date, by itself (dot)", "most": max(0.1, *shares) * 1.1}
        if shares
        else None
    )
    return Chart(
        "Which risk matters: days saved at P80 when it is switched off",
        f"Bars: each switched off alone on the same random numbers, with its 95 % interval; savings do not add up."
        f" n = {view.info.count} each, seed {view.info.seed}.",
        "Which risk matters: " + "; ".join(f"{row.name} {row.text} days" for row in rows[:5]) + ".",
        y=ChartAxis("days saved at P80 (bar, 95 % interval)"),
        kind="bars",
        dots=dots,
        keys=(*keys, *((("share of the variance (lower axis)", ""),) if dots else ())),
        rows=tuple(
            {
                "name": row.name,
                "value": row.days,
                "low": row.low,
                "high": row.high,
                "dot": row.share,
                "colour": row.kind,
                "text": row.text,
            }
            for row in rows
        ),
        head=("cause", "days at P80", "95 % interval", "share of variance"),
        table_rows=[
            (row.name, row.text, row.interval, "" if row.share is None else percent(row.share)) for row in rows
        ],
    )


# --- people -----------------------------------------------------------------------------------------------------------


def headcount(view: ResultView) -> Chart:
    """Return the people on site by week, its highest day: P50 as columns, P10 to P90, and the limit."""
    weeks, limit = workforce.weekly_peaks(view.curves), view.limit(PEAK)
    x = weeks["day"].to_numpy(dtype=np.float64)
    edges = np.append(x, x[-1] + 7) if len(x) else np.array([0.0, 7.0])
    p10, p50, p90 = (weeks[name].to_numpy(dtype=np.float64) for name in ("p10", "p50", "p90"))
    held = [np.append(values, values[-1:]) for values in (p10, p50, p90)]
    title = workforce.headcount_headline(view.values(PEAK), limit, view.percentiles(PEAK))
    return Chart(
        title,
        in_one_line(
            view.info.caption(
                "People on site, highest day of each week, direct and indirect",
                "a peak is one run's own highest day, never read off the band",
            )
        ),
        f"People on site over time: {title}.",
        date_axis(view.dates, edges[0], edges[-1]),
        ChartAxis("people on site"),
        None,
        (
            Series("P10 to P90", "band", "band-2", edges, held[2], held[0], step=True),
            Series("P50 of the week", "line", "p50", edges, held[1], step=True),
        ),
        () if limit is None else (Mark("y", limit, colour="limit", dash=DASHED, key=f"limit {number(limit)}"),),
    )


def peak(view: ResultView) -> Chart:
    """Return how the highest day of each run is distributed, against the limit."""
    peaks, limit = view.values(PEAK), view.limit(PEAK)
    edges = workforce.peak_bins(peaks)
    counts, _ = np.histogram(peaks, edges)
    p80 = float(view.summary["p80"][PEAK])
    marks = [Mark("x", p80, f"P80 {number(p80)}", "p80")] if math.isfinite(p80) else []
    marks += [Mark("x", limit, f"limit {number(limit)}", "limit", DASHED)] if limit is not None else []
    ends = [edges[0], edges[-1], *(mark.at for mark in marks)]
    margin = 0.04 * (max(ends) - min(ends))
    title = workforce.headcount_headline(peaks, limit, view.percentiles(PEAK))
    return Chart(
        "Peak of each run",
        in_one_line(view.info.caption("Highest day of each run, people on site")),
        f"Distribution of the peak of each run: {title}.",
        ChartAxis("people on site at the peak", range=(min(ends) - margin, max(ends) + margin)),
        ChartAxis("runs", range=(0, max(counts.max() * 1.05, 1))),
        None,
        (Series("runs", "columns", "band-1", edges, counts),),
        tuple(marks),
    )


def man_hours(view: ResultView) -> Chart:
    """Return man-hours planned, earned and paid, cumulative."""
    data = view.hours
    x = data["day"].to_numpy(dtype=np.float64)
    series = []
    for name in ("paid", "earned"):
        below, middle, above = (data[f"{name}_{p}"].to_numpy(dtype=np.float64) / 1e6 for p in ("p10", "p50", "p90"))
        series += [
            Series(f"{name}, P10 to P90", "band", f"{name}-band", x, above, below),
            Series(f"{name}, P50", "line", name, x, middle),
        ]
    series.append(Series("expected plan", "line", "ink", x, data["planned"] / 1e6, dash=DASHED, width=1.6))
    title = workforce.hours_headline(float(data["earned_p50"].iloc[-1]), float(data["paid_p50"].iloc[-1]))
    runs = hours_runs(view)
    low, high = moving_days(data, ["earned_p10", "paid_p10", "planned"])
    return Chart(
        title,
        in_one_line(
            view.info.caption(
                "Cumulative, millions of hours. Earned: work content; paid: all people on site, also waiting and indirect",
                f"of {runs} runs",
            )
        ),
        f"Cumulative man-hours on site: {title}.",
        date_axis(view.dates, low, high),
        ChartAxis("man-hours, cumulative", suffix=" M hours", digits=2),
        None,
        tuple(series),
    )
