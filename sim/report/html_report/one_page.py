"""What the first page of a report says: key figures, causes, levers, milestones; and the page as a slide."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim import files
from sim.config.sections.display_units import in_display_units
from sim.metrics.metric import FINISH, FIRST
from sim.report.explanations import critical_causes, risk_rows
from sim.report.figures.palette import MEANINGS
from sim.report.formatting import ProjectDates, day_of_month, metric_format, money, number, p50_and_p80, percent, signed
from sim.report.html_report.chart_spec import Chart, Mark, Series
from sim.report.result_view import PEAK, Milestone, ResultView, RunData, promise_of
from sim.report.study_tables import lever_rows
from sim.report.verdict import verdict_sentences
from sim.world.working_time import finish_date

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

THREE = 3
NO_LEVERS = (
    "No lever was measured: sim report --levers adds what one more line, crew or crane buys;"
    " sim drivers what a risk costs."
)
LEVERS_NOTE = "Each alone, on the same random numbers, with its 95 % interval; they do not add up."


@dataclass(frozen=True)
class Tile:
    """One key figure: what it is, its value, and a note below it."""

    label: str
    value: str
    note: str = ""
    key: bool = False


def tiles(view: ResultView) -> list[Tile]:
    """Return the key figures of the first page."""
    return [] if view.info.all_failed else [*_dates(view), *_people_and_money(view)]


def _dates(view: ResultView) -> Iterator[Tile]:
    """Yield the dates: P80, P50, the plan and the target with their confidence."""
    dates, finish, first_mw = view.dates, view.dated(FINISH), view.dated(FIRST)
    if view.has(finish):
        p50, p80 = view.estimate(finish, "p50"), view.estimate(finish, "p80")
        yield Tile("all MW online, P80", dates.format(p80.value), p80.date_interval_text(dates), key=True)
        yield Tile("all MW online, P50", dates.format(p50.value), p50.date_interval_text(dates))
    for label, day in (("expected plan", view.planned(finish)), ("target", view.limit(finish))):
        if view.has(finish) and day is not None:
            yield Tile(label, dates.format(day), f"kept in {view.share_at_most(finish, day).text()} of runs")
    if view.has(first_mw):
        first = view.estimate(first_mw, "p80")
        yield Tile("first MW online, P80", dates.format(first.value), first.date_interval_text(dates))


def _people_and_money(view: ResultView) -> Iterator[Tile]:
    """Yield the peak workforce, idle capital and total capital."""
    if view.has(PEAK):
        limit = view.limit(PEAK)
        limit_note = (
            ""
            if limit is None
            else f"under {number(limit)} in {percent(view.share_below(PEAK, limit).fraction)} of runs"
        )
        yield Tile("peak on site, P50 / P80", p50_and_p80(view.summary, PEAK), limit_note)
    for metric in ("idle_capital_months", "capital_total_usd"):
        if view.has(metric):
            note = "paid, not yet in service" if metric.startswith("idle") else "all that is ever paid"
            yield Tile(f"{metric_format(metric).label}, P50 / P80", p50_and_p80(view.summary, metric), note)


def three_causes(view: ResultView) -> list[str]:
    """Return the three causes with most days on the driving chain."""
    return [
        f"{impact.name}: {impact.mean_text()} days in the mean ({impact.interval_text()}), critical in"
        f" {percent(impact.runs.fraction)} of runs"
        for impact in critical_causes(view.runs)[:THREE]
    ]


def three_levers(view: ResultView) -> dict[str, Any]:
    """Return the three levers with the largest effect in the mean; of drivers at P80 where no lever was measured."""
    measured = [row for row in lever_rows(view) if row.mean.value > 0][:THREE]
    if measured:
        rows = [f"{row.name}: {row.buys()} in the mean" for row in measured]
        return {"title": "Three levers: what buys most", "rows": rows, "note": LEVERS_NOTE}
    drivers = [row for row in risk_rows(view) if row.days >= 1][:THREE]
    rows = [f"{row.name}: {row.text} days at P80 if it did not happen or vary ({row.interval})" for row in drivers]
    return {"title": "Three levers: what buys most", "rows": rows, "note": LEVERS_NOTE if rows else NO_LEVERS}


def early_order_sentence(view: ResultView) -> str:
    """Return what ordering everything at the decision would cost and gain; empty where that lever was not measured."""
    lever = next((row for row in lever_rows(view) if row.cause == "order_date"), None)
    if lever is None:
        return ""
    direction, months = "more" if lever.idle_peak >= 0 else "less", signed(number(lever.idle_months, 0.1))
    effect = lever.buys().replace("buys", "buy").replace("costs", "cost")
    return (
        f" Ordering at the decision would hold {money(abs(lever.idle_peak))} {direction} idle capital at its peak"
        f" ({months} months in the mean), and {effect}."
    )


def milestone_table(view: ResultView) -> dict[str, Any]:
    """Return the milestones: name, planned or promised day, P50, P80, how often it is kept, and damages if there are.

    Those of the contract that most runs never reach are last: without a P50 they are in no chart.
    """
    promises = (promise_of(forecast, view.dates.start) for forecast in view.milestones)
    never = [promise for promise in promises if math.isinf(promise.p50)]
    rows = [_milestone(view, milestone) for milestone in (*view.dates_reached, *never)]
    columns = len(MILESTONE_HEAD) if any(row[-1] for row in rows) else len(MILESTONE_HEAD) - 1
    return {"head": MILESTONE_HEAD[:columns], "rows": [row[:columns] for row in rows]}


MILESTONE_HEAD = ("milestone", "expected plan or promise", "P50", "P80, on or before", "kept", "damages")


def _milestone(view: ResultView, milestone: Milestone) -> tuple[str, ...]:
    """Return the row of a milestone: its planned or promised date, P50 and P80, whether it is kept, and damages."""
    day, dates = milestone.planned, view.dates
    planned = ""
    if day is not None:
        planned = day_of_month(finish_date(dates.start, day)) if milestone.is_promised else dates.format(day)
    name = f"{milestone.name} (contract)" if milestone.is_promised else milestone.name
    damages = milestone.damages
    if milestone.name == "all MW online" and not damages and view.has("liquidated_damages_usd"):
        damages = f"damages {p50_and_p80(view.summary, 'liquidated_damages_usd')} (P50 / P80)"
    return name, planned, dates.format(milestone.p50), dates.format(milestone.p80), milestone.kept, damages


# --- the page as a slide ----------------------------------------------------------------------------------------------


SLIDE = "slide.png"
WIDE, HIGH, SLIDE_DPI = 40 / 3, 7.5, 144
"""Inches of a slide of 16:9, and dots an inch: 1,920 by 1,080."""
SHOWN = (
    ("finish", "All MW online: share of runs, on or before"), ("mw_online", "MW online: P50, P80 of date, bands of runs"),
    ("headcount", "People on site: P50, P10 to P90, limit"), ("capital", "Capital: in service, idle, deployed"),
)  # fmt: skip


@in_display_units
def write_slide(result: RunData | ResultView, directory: Path) -> Path:
    """Write the first page as slide.png: verdict, key figures, four charts, three causes and three levers."""
    from sim.report.figures import style

    view, buffer = ResultView.of(result), BytesIO()
    with style.house():
        slide(view).savefig(buffer, format="png", dpi=SLIDE_DPI, metadata={"Software": None})
    files.write(directory / SLIDE, buffer.getvalue())
    return directory / SLIDE


def slide(view: ResultView) -> Figure:
    """Return the first page as a figure of 16:9."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from sim.report.html_report.run_charts import run_charts

    figure, charts = Figure(figsize=(WIDE, HIGH), dpi=SLIDE_DPI), run_charts(view)
    FigureCanvasAgg(figure)
    _write_text(figure, view.info.name, 0.03, 0.965, 19, weight="bold")
    _write_text(figure, " ".join(verdict_sentences(view)), 0.03, 0.915, 12.5, characters=138)
    for k, tile in enumerate(tiles(view)[:8]):
        x = 0.03 + 0.119 * k
        _write_text(figure, tile.label, x, 0.795, 8.5, "muted", characters=24)
        _write_text(figure, tile.value, x, 0.752, 10.5, "p80" if tile.key else "ink", weight="bold", characters=18)
    shown_charts = [(name, title) for name, title in SHOWN if name in charts]
    for k, (name, title) in enumerate(shown_charts):
        ax = figure.add_axes((0.065 + 0.335 * (k % 2), 0.455 - 0.335 * (k // 2), 0.255, 0.185))
        draw_chart(ax, charts[name], view.dates)
        ax.set_title(title, fontsize=10.5, pad=8)
    levers = three_levers(view)
    _write_text(figure, "What the last MW waits for", 0.71, 0.67, 12, weight="bold")
    _write_text(figure, _listed(three_causes(view), 44), 0.71, 0.635, 10.5)
    _write_text(figure, levers["title"], 0.71, 0.375, 12, weight="bold")
    _write_text(figure, _listed(levers["rows"], 44) or textwrap.fill(levers["note"], 46), 0.71, 0.34, 10.5)
    _write_text(figure, view.info.caption().replace("\n", " "), 0.03, 0.03, 8.5, "muted", characters=200)
    return figure


def _listed(rows: Sequence[str], wide: int) -> str:
    """Write rows with their numbers, broken to a width."""
    return "\n".join(textwrap.fill(f"{k}. {row}", wide, subsequent_indent="    ") for k, row in enumerate(rows, 1))


def _write_text(
    figure: Figure,
    content: str,
    x: float,
    y: float,
    size: float,
    colour: str = "ink",
    *,
    weight: str = "normal",
    characters: int = 0,
) -> None:
    """Write text below a position, wrapped at `characters` characters (0: not wrapped)."""
    wrapped = textwrap.fill(content, characters) if characters else content
    figure.text(
        x,
        y,
        wrapped.replace("$", r"\$"),
        size=size,
        weight=weight,
        color=MEANINGS[colour][0],
        va="top",
        linespacing=1.3,
    )


def draw_chart(ax: Axes, chart: Chart, dates: ProjectDates) -> None:
    """Draw a chart of the page with matplotlib, small: the same series in the same colours."""
    from sim.report.figures import style

    right_axis = ax.twinx() if chart.y2 else None
    shift = style.date_position(dates, 0.0) if chart.x.start else 0.0
    for series in chart.series:
        _draw_series(right_axis if series.axis == 2 and right_axis is not None else ax, series, shift)
    vertical_lines = [mark.at for mark in chart.marks if mark.axis == "x" or mark.colour == "p80"]
    min_distance = CLOSE * (chart.x.range[1] - chart.x.range[0]) if chart.x.range else 0.0
    for mark in chart.marks:
        line: dict[str, Any] = {"color": MEANINGS[mark.colour][0], "ls": "--" if mark.dash else "-", "lw": 1.3}
        if mark.axis == "y":
            ax.axhline(mark.at, label=mark.key, **line)
        elif mark.axis == "x" or mark.colour == "p80":
            ax.axvline(mark.at + shift, **line)
            _label_line(
                ax, mark, shift, on_right=any(0 < mark.at - line_at < min_distance for line_at in vertical_lines)
            )
    ax.tick_params(labelsize=8.5, length=2)
    ax.set_ylabel(chart.y.label, fontsize=8.5)
    if right_axis is not None and chart.y2 and chart.y2.range:
        right_axis.set_ylim(*chart.y2.range)
        right_axis.set_yticks([])
    if chart.y.range:
        ax.set_ylim(*chart.y.range)
    if chart.x.range:
        ax.set_xlim(chart.x.range[0] + shift, chart.x.range[1] + shift)
    if chart.x.start:
        style.date_axis(ax, 6)
    _draw_legend(ax, right_axis)


DATED = re.compile(r" \d{1,2} [A-Z][a-z]{2} \d{4}.*")


CLOSE = 0.045
"""Share of a small chart's width that a label along a line takes, with a margin."""


def _label_line(ax: Axes, mark: Mark, shift: float, *, on_right: bool) -> None:
    """Write the label of a line along it, on its right where another line is close on its left; without its date."""
    from sim.report.figures import style

    ax.annotate(
        DATED.sub("", mark.label), (mark.at + shift, 1), (3 if on_right else -3, -3), xycoords=("data", "axes fraction"),
        textcoords="offset points", rotation=90, ha="left" if on_right else "right", va="top", fontsize=7,
        path_effects=style.halo(),
    )  # fmt: skip


def _draw_legend(ax: Axes, right_axis: Axes | None) -> None:
    """Write the legend of a small chart below it."""
    legends = [axes.get_legend_handles_labels() for axes in (ax, right_axis) if axes is not None]
    handles_ = {label: handle for handles, labels in legends for handle, label in zip(handles, labels, strict=True)}
    ax.legend(
        [*handles_.values()], [*handles_], loc="upper center", bbox_to_anchor=(0.5, -0.24), ncol=3, fontsize=7, frameon=False,
        handlelength=1.6, columnspacing=1.2, labelspacing=0.3,
    )  # fmt: skip


def _draw_series(ax: Axes, series: Series, shift: float) -> None:
    """Draw a series: lines, bands, areas and columns."""
    x, colour, label = series.x + shift, MEANINGS[series.colour][0], series.name
    low = 0.0 if series.y0 is None else series.y0
    if series.kind in {"band", "area"}:
        ax.fill_between(x, series.y, low, step="post" if series.step else None, color=colour, lw=0, label=label)
    elif series.kind == "columns":
        ax.stairs(series.y, x, baseline=low, fill=True, color=colour, label=label)
    elif series.kind == "line":
        ax.plot(
            x,
            series.y,
            color=colour,
            lw=1.7,
            label=label,
            ls="--" if series.dash else "-",
            drawstyle="steps-post" if series.step else "default",
        )
