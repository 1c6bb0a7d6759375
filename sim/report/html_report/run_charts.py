"""The charts of one project's report, as data: when, who, how much money, why, and which risk matters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sim.metrics.metric import FINISH, FIRST
from sim.plan.vocabulary import DELAY_CAUSES
from sim.report.explanations import CauseImpact, RiskRow, cause_periods, critical_causes, risk_rows
from sim.report.figures import delivery, workforce
from sim.report.figures.from_result import has_convergence, has_joint, hours_runs
from sim.report.formatting import day_of_month, days, metric_format, number, percent
from sim.report.html_report.chart_spec import (
    DASHED,
    DOTTED,
    Chart,
    ChartAxis,
    Mark,
    Series,
    curve_of,
    date_axis,
    in_one_line,
    moving_days,
)
from sim.report.html_report.forecast_charts import at_data_date
from sim.report.html_report.money_charts import capital, funding, joint
from sim.report.html_report.typical_run_charts import flow, flowline, skids, trades
from sim.report.representative_run import (
    headcount_by_trade,
    skid_flow,
)
from sim.report.result_view import PEAK, ResultView, Values
from sim.study.statistics.sobol_indices import MIN_INDEX_RUNS
from sim.world.working_time import finish_date

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
    if (chart := which_risk(view)) is not None:
        yield "which_risk", chart
    yield "headcount", headcount(view)
    if len(view.values(PEAK)):
        yield "peak", peak(view)
    if len(view.hours):
        yield "man_hours", man_hours(view)
    if "skids_p50" in view.hours:
        yield "skids", skids(view)
    yield "capital", capital(view)
    if (chart := funding(view)) is not None:
        yield "funding", chart
    if has_joint(view):
        yield "joint", joint(view)
    yield from _typical_run_charts(view)
    if has_convergence(view):
        yield "convergence", convergence(view)


def _typical_run_charts(view: ResultView) -> Iterator[tuple[str, Chart]]:
    """Yield the charts of the representative run alone."""
    if not len(view.events):
        return
    people = headcount_by_trade(view.events, int(view.events["minute"].max()) // 1440 + 8)
    if people:
        yield "trades", trades(view, people)
    if (strokes := flowline(view)) is not None:
        yield "flowline", strokes
    if skids_by_day := skid_flow(view.events):
        yield "flow", flow(view, skids_by_day)


# --- when -------------------------------------------------------------------------------------------------------------


def s_curve(view: ResultView) -> Chart:
    """Return how many runs finish when, and the share of all runs that have finished by each date."""
    finish = view.dated(FINISH)
    data = view.values(finish)
    finishes = np.sort(data[np.isfinite(data)])
    low, high = delivery.day_range(finishes, view.planned(finish), view.limit(finish))
    columns = _columns_of_days(finishes)
    share = 100 * np.concatenate([[0], np.arange(1, len(finishes) + 1), [len(finishes)]]) / len(data)
    days = np.concatenate([[finishes[0]], finishes, [high]])
    title = delivery.finish_headline(view.info, (view.percentiles(finish) or {}).get("p80", math.nan))
    return Chart(
        title,
        in_one_line(view.info.caption("Columns: runs by date; line: share of runs that finish on or before a date")),
        f"S-curve of the date on which all MW are online: {title}.",
        date_axis(view.dates, low, high),
        ChartAxis(columns.name, range=(0, float(columns.y.max()) * 1.08), whole=True),
        SHARE,
        (columns, Series("share of runs, on or before", "line", "p50", days, share, step=True, axis=2)),
        (*_quoted_dates(view), *_promised_dates(view)),
    )


def _columns_of_days(reached: Values) -> Series:
    """Return how many runs finish in each few days."""
    edges = delivery.day_bins(reached)
    counts, _ = np.histogram(reached, edges)
    return Series(f"runs in {days(edges[1] - edges[0])}", "columns", "runs", edges, counts)


def _quoted_dates(view: ResultView) -> Iterator[Mark]:
    """Yield the percentiles of the finish with their dates."""
    for name, day in (view.percentiles(view.dated(FINISH)) or {}).items():
        if math.isfinite(day):
            label, colour = f"{name.upper()} {view.dates.format(day)}", "p80" if name == "p80" else "muted"
            yield Mark("curve", day, label, colour, level=100 * delivery.PERCENTILES_SHOWN[name], strong=name == "p80")


def _promised_dates(view: ResultView) -> Iterator[Mark]:
    """Yield the dates of expected plan and target, with the share of runs that keep them."""
    finish = view.dated(FINISH)
    for word, day, dash in (("expected plan", view.planned(finish), ""), ("target", view.limit(finish), DASHED)):
        if day is not None and math.isfinite(day):
            share_in_time = percent(view.share_at_most(finish, day).fraction)
            yield Mark("x", day, f"{word} {view.dates.format(day)}: {share_in_time}", "ink", dash)


RAMP_UNITS = (
    "MW gross; bands hold at each date by itself; a level line read from left to right gives the spread of a date"
)
BANDS = tuple((*band, f"band-{3 - k}") for k, band in enumerate(delivery.BANDS))


def ramp(view: ResultView) -> Chart:
    """Return the MW online by day: bands, P50, the P80 of every date, the expected plan, and milestones."""
    curve, planned = curve_of(view.curves, "mw_online"), _planned_steps(view)
    x = curve["day"].to_numpy(dtype=np.float64)
    series = [
        Series(label, "band", colour, x, curve[high], curve[low], step=True) for low, high, label, colour in BANDS
    ]
    series += [
        Series("P50", "line", "p50", x, curve["p50"], step=True),
        Series("P80 of date", "line", "p80", x, curve["p20"], step=True, width=1.8),
    ]
    low, high = moving_days(curve, [name for name in delivery.PERCENTILES if name in curve])
    if planned:
        low, high = min(low, planned[1][0] - 10), max(high, planned[-1][0] + 10)
        days, mw = zip(*planned, (high, planned[-1][1]), strict=True)
        series.append(Series("expected plan", "line", "ink", days, mw, step=True, dash=DASHED, width=1.6))
    title = delivery.mw_headline(curve, view.info, view.middle_day(FIRST), view.middle_day(FINISH))
    return Chart(
        title,
        in_one_line(view.info.caption(RAMP_UNITS)),
        f"MW online over time: {title}.",
        date_axis(view.dates, low, high),
        ChartAxis("MW online, gross", suffix=" MW"),
        None,
        tuple(series),
        tuple(mark for mark in _ramp_marks(view) if low <= mark.at <= high),
    )


def _planned_steps(view: ResultView) -> list[tuple[float, float]]:
    """Return the expected plan's MW online as (day, MW from then on), from nothing up; empty where there is no plan."""
    return [(0.0, 0.0), *view.planned_ramp] if view.planned_ramp else []


def _ramp_marks(view: ResultView) -> Iterator[Mark]:
    """Yield the marks of the ramp: the target, the contract's milestones, first MW and all MW at their P80."""
    target = view.limit(view.dated(FINISH))
    if target is not None:
        yield Mark("x", target, f"target {view.dates.format(target)}", "ink", DASHED)
    for milestone in view.dates_reached:
        if milestone.is_promised and milestone.planned is not None:
            promised = day_of_month(finish_date(view.dates.start, milestone.planned))
            yield Mark("x", milestone.planned, f"{milestone.name} {promised}", "muted", DOTTED, optional=True)
    for name, metric in (("first MW", FIRST), ("all MW", FINISH)):
        p80 = (view.percentiles(view.dated(metric)) or {}).get("p80", math.nan)
        if math.isfinite(p80):
            yield Mark("x", p80, f"{name}, P80 {view.dates.format(p80)}", "p80", optional=True)


def convergence(view: ResultView) -> Chart:
    """Return how the P80 of the finish converges with the number of runs."""
    n, middle, low, high = delivery.running_percentile(view.values(FINISH), 0.8)
    fmt = metric_format(FINISH)
    title = (
        f"P80 of {fmt.label}: {view.estimate(FINISH, 'p80').text()} ({view.estimate(FINISH, 'p80').interval_text()})"
    )
    span = (min(low, default=0), max(high, default=1))
    return Chart(
        title,
        in_one_line(
            view.info.caption("Percentile of the first n runs, days; interval from order statistics (binomial)")
        ),
        f"The P80 of the finish against the number of runs: {title}.",
        ChartAxis("runs, n", range=(0, max(n, default=1)), whole=True),
        ChartAxis("days", suffix=" days", range=span),
        None,
        (
            Series("95 % interval", "band", "runs", n, high, low, step=True),
            Series("P80 of the first n runs", "line", "p80", n, middle, step=True),
        ),
    )


# --- why, and which risk ----------------------------------------------------------------------------------------------


def why(view: ResultView) -> Chart:
    """Return what the lead time consists of: mean days by cause over all runs, and the chain of the representative run."""
    impacts = critical_causes(view.runs)
    rows = [_mean_strip(view, impacts)]
    if len(view.chain):
        rows.append(_typical_strip(view))
    largest_causes = ", ".join(f"{impact.name} {impact.mean_text()} days" for impact in impacts[:4])
    colours = {piece["colour"] for row in rows for piece in row["pieces"]}
    end = max(piece["end"] for row in rows for piece in row["pieces"])
    return Chart(
        "What the last MW waits for",
        f"Days on the driving chain, which add up to the lead time; n = {view.info.runs_text}, seed {view.info.seed}."
        + " Typical run: finish between P45 and P55, chain the most like all others'." * (len(rows) > 1),
        f"What the date is made of: {largest_causes}, in the mean of all runs that finished.",
        ChartAxis(range=(0, end), start=view.dates.start.isoformat()),
        kind="strips",
        rows=tuple(rows),
        keys=tuple((name, f"cause-{cause}") for cause, name in DELAY_CAUSES.items() if f"cause-{cause}" in colours),
        head=("row", "due to", "days"),
        table_rows=[
            (row["name"], piece["text"], number(piece["end"] - piece["begin"]))
            for row in rows
            for piece in row["pieces"]
        ],
    )


def _mean_strip(view: ResultView, impacts: Sequence[CauseImpact]) -> dict[str, Any]:
    """Return the mean days of every cause as one bar, in the order in which causes come in a project."""
    begin, pieces = 0.0, []
    order = {cause: position for position, cause in enumerate(DELAY_CAUSES)}
    for impact in sorted((impact for impact in impacts if impact.days > 0), key=lambda impact: order[impact.cause]):
        # to the day, not as the interval allows: the pieces add up to the lead time
        text = f"{impact.name}: {number(impact.days)} days in the mean"
        pieces.append(_piece(begin, begin + impact.days, impact.cause, text))
        begin += impact.days
    finished = impacts[0].runs.of
    runs = f"All {view.info.runs_text}" if finished == view.info.runs else f"{finished:,} runs that finished"
    return {"name": f"{runs}: mean days by cause, not in order of time", "pieces": pieces}


def _typical_strip(view: ResultView) -> dict[str, Any]:
    """Return the driving chain of the typical run as one bar."""
    periods = cause_periods(view.chain)
    end = view.dates.format(periods[-1].end)
    return {
        "name": f"Typical run: its driving chain in order of time, until {end}",
        "pieces": [_piece(p.begin, p.end, p.cause, f"{p.name}, {number(p.days)} days: {p.what}") for p in periods],
    }


def _piece(begin: float, end: float, cause: str, text: str) -> dict[str, Any]:
    return {"begin": begin, "end": end, "colour": f"cause-{cause}", "text": text}


def which_risk(view: ResultView) -> Chart | None:
    """Return days at P80 of each cause switched off (bar) and its share of the variance (dot), sorted by the first."""
    rows = risk_rows(view)
    if not rows:
        return None
    shares = [row.share for row in rows if row.share is not None]
    label = "share of the variance of the date, by itself (dot)"
    dots = {"label": label, "most": max(0.1, *shares) * 1.1} if shares else None
    keys = [(key_label, kind) for kind, key_label in RISK_KEYS.items() if any(row.kind == kind for row in rows)]
    note = (
        "Without a dot: drawn for each activity by itself, so that no share of the variance is its own."
        if shares
        else f"No dots here: shares of the variance are told from {MIN_INDEX_RUNS} runs on."
    )
    return Chart(
        "Which risk matters: days saved at P80 when it is switched off",
        f"Bars: each switched off alone on the same random numbers, with its 95 % interval; savings do not add up. {note}"
        f" n = {view.info.runs_text} each, seed {view.info.seed}.",
        "Which risk matters: " + "; ".join(f"{row.name} {row.text} days" for row in rows[:5]) + ".",
        y=ChartAxis("days saved at P80 (bar, 95 % interval)"),
        kind="bars",
        dots=dots,
        keys=(*keys, *((("share of the variance (lower axis)", ""),) if dots else ())),
        rows=tuple(map(_risk_bar, rows)),
        head=("cause", "days at P80", "95 % interval", "share of variance"),
        table_rows=[
            (row.name, row.text, row.interval, "" if row.share is None else percent(row.share)) for row in rows
        ],
    )


RISK_KEYS = {"risk": "risk event: days saved at P80", "uncertainty": "range: days saved at P80"}
"""Kinds of causes, which are names of colours, and what the legend calls them."""


def _risk_bar(row: RiskRow) -> dict[str, Any]:
    """Return a cause as the bar, whisker and dot of the chart."""
    return {
        "name": row.name, "value": row.days, "low": row.low, "high": row.high, "dot": row.share, "colour": row.kind,
        "text": row.text,
    }  # fmt: skip


# --- people -----------------------------------------------------------------------------------------------------------


def headcount(view: ResultView) -> Chart:
    """Return the people on site by week, its highest day: P50 as columns, P10 to P90, and the limit."""
    weeks, limit = workforce.weekly_peaks(view.curves), view.limit(PEAK)
    x = weeks["day"].to_numpy(dtype=np.float64)
    edges = np.append(x, x[-1] + 7) if len(x) else np.array([0.0, 7.0])
    p10, p50, p90 = (weeks[name].to_numpy(dtype=np.float64) for name in ("p10", "p50", "p90"))
    stepped = [np.append(values, values[-1:]) for values in (p10, p50, p90)]
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
            Series("P10 to P90", "band", "band-2", edges, stepped[2], stepped[0], step=True),
            Series("P50 of the week", "line", "p50", edges, stepped[1], step=True),
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
    positions = [edges[0], edges[-1], *(mark.at for mark in marks)]
    margin = 0.04 * (max(positions) - min(positions))
    title = workforce.headcount_headline(peaks, limit, view.percentiles(PEAK))
    return Chart(
        "Peak of each run",
        in_one_line(view.info.caption("Highest day of each run, people on site")),
        f"Distribution of the peak of each run: {title}.",
        ChartAxis("people on site at the peak", range=(min(positions) - margin, max(positions) + margin)),
        ChartAxis("runs", range=(0, max(counts.max() * 1.05, 1)), whole=True),
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
        p10, p50, p90 = (data[f"{name}_{p}"].to_numpy(dtype=np.float64) / 1e6 for p in ("p10", "p50", "p90"))
        series += [
            Series(f"{name}, P10 to P90", "band", f"{name}-band", x, p90, p10),
            Series(f"{name}, P50", "line", name, x, p50),
        ]
    series.append(Series("expected plan", "line", "ink", x, data["planned"] / 1e6, dash=DASHED, width=1.6))
    title = workforce.hours_headline(float(data["earned_p50"].iloc[-1]), float(data["paid_p50"].iloc[-1]))
    info = replace(view.info, runs=hours_runs(view))
    low, high = moving_days(data, workforce.HOURS_DRAWN)
    return Chart(
        title,
        in_one_line(
            info.caption("Cumulative. Earned: work content; paid: all people on site, also waiting and indirect")
        ),
        f"Cumulative man-hours on site: {title}.",
        date_axis(view.dates, low, high),
        ChartAxis("million man-hours, cumulative", suffix=" M hours", digits=2),
        None,
        tuple(series),
    )
