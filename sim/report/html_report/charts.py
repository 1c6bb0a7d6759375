"""Charts one can point at: the same numbers as the pictures, drawn by Bokeh in the reader's browser.

None of them carries code: a report's policy forbids to evaluate any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    DatetimeTickFormatter,
    HoverTool,
    LinearAxis,
    NumeralTickFormatter,
    PanTool,
    Range1d,
    ResetTool,
    SaveTool,
    WheelZoomTool,
)
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from sim.report.figures import style
from sim.report.figures.delivery import day_bins
from sim.report.result_view import RunInfo, Values

if TYPE_CHECKING:
    import pandas as pd

DAY_MS = 86_400_000.0
HEIGHT = 380
Steps = list[tuple[float, float]]


def epoch_ms(info: RunInfo, days: Values | list[float]) -> Values:
    """Return project days as the milliseconds since 1970 that a browser counts in."""
    start = float(np.datetime64(info.dates.start, "ms").astype(np.int64))
    found: Values = start + np.asarray(days, dtype=np.float64) * DAY_MS
    return found


def canvas(y: str, *, dated: bool = True, hover: HoverTool | None = None, **options: Any) -> Any:
    """Return an empty chart, as wide as there is room, with zoom by wheel only where it is asked for."""
    tools = [PanTool(dimensions="width"), WheelZoomTool(dimensions="width"), ResetTool(), SaveTool()]
    chart = figure(
        height=HEIGHT, sizing_mode="stretch_width", tools=[*tools, *([hover] if hover else [])],
        x_axis_type="datetime" if dated else "linear", y_axis_label=y, toolbar_location="above", **options,
    )  # fmt: skip
    chart.toolbar.logo = None
    chart.toolbar.autohide = True
    for axis in chart.axis:
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "13px"
        axis.axis_label_text_font_style = "normal"
    if dated:
        chart.xaxis.formatter = DatetimeTickFormatter(days="%d %b", months="%b %Y", years="%Y")
    chart.min_border_right = 16
    return chart


def with_legend_below(chart: Any) -> Any:
    """Put the key below, where it hides nothing, and let a click on it hide what it names."""
    for legend in [*chart.legend]:
        chart.center.remove(legend)
        legend.orientation, legend.ncols, legend.click_policy = "horizontal", 3, "hide"
        legend.location, legend.label_text_font_size, legend.margin = "top_left", "13px", 0
        legend.spacing = 16
        legend.border_line_color = legend.background_fill_color = None
        chart.add_layout(legend, "below")
    return chart


def step_line(x: Values, y: Values) -> dict[str, Values]:
    """Return a line that stays until it changes."""
    return {"x": np.repeat(x, 2)[1:], "y": np.repeat(y, 2)[:-1]}


# --- one project ------------------------------------------------------------------------------------------------------


def s_curve(data: Values, info: RunInfo, quoted: Mapping[str, float], promises: Mapping[str, float | None]) -> Any:
    """Return the finish of every run: columns, the share of runs by date, and the dates people quote."""
    reached = np.sort(data[np.isfinite(data)])
    chart = canvas("share of runs, on or before", name="s_curve")
    chart.y_range = Range1d(start=0, end=104)
    chart.yaxis.axis_label = "% of runs, on or before"
    shown = [day for day in (*reached[:1], *reached[-1:], *promises.values()) if day is not None and np.isfinite(day)]
    if shown:
        margin = max(5.0, 0.04 * (max(shown) - min(shown)))
        first, last = epoch_ms(info, [min(shown) - margin, max(shown) + margin])
        chart.x_range = Range1d(start=first, end=last)
    if len(reached):
        edges = day_bins(reached)
        counts, _ = np.histogram(reached, edges)
        chart.extra_y_ranges = {"runs": Range1d(start=0, end=max(1.0, counts.max() * 2.2))}
        chart.add_layout(LinearAxis(y_range_name="runs", axis_label="runs"), "right")
        chart.quad(
            left=epoch_ms(info, edges[:-1]), right=epoch_ms(info, edges[1:]), bottom=0, top=counts,
            y_range_name="runs", color=style.BLUE, alpha=0.3, line_color=None, legend_label="runs",
        )  # fmt: skip
        share = 100 * np.arange(1, len(reached) + 1) / len(data)
        drawn = chart.line(
            **step_line(epoch_ms(info, reached), share), color=style.BLUE, width=2.5, legend_label="S-curve"
        )  # fmt: skip
        chart.add_tools(_dated_hover([drawn], "@y{0} % on or before"))
    if np.isfinite(quoted.get("p80", np.nan)):
        chart.add_layout(_vertical_line(info, quoted["p80"], style.ORANGE, "dotdash", "picked"))
    for name, day in quoted.items():
        if np.isfinite(day):
            colour = style.RED if name == "p80" else style.MUTED
            chart.add_layout(_vertical_line(info, day, colour, "solid" if name == "p80" else "dotted"))
    for name, promised in promises.items():
        if promised is not None and np.isfinite(promised):
            chart.add_layout(_vertical_line(info, promised, style.INK, "dashed" if name == "target" else "solid", name))
    return with_legend_below(chart)


def _vertical_line(info: RunInfo, day: float, colour: str, dash: str, name: str = "") -> Span:
    place = float(epoch_ms(info, [day])[0])
    return Span(location=place, dimension="height", line_color=colour, line_dash=dash, line_width=2, name=name or None)


def _dated_hover(renderers: list[Any], words: str, mode: str = "vline") -> HoverTool:
    shown = [("", "@x{%d %b %Y}"), ("", words)]
    return HoverTool(renderers=renderers, tooltips=shown, formatters={"@x": "datetime"}, mode=mode)  # type: ignore[arg-type]


BANDS = (("p5", "p95", "5-95 %", 0.14), ("p10", "p90", "10-90 %", 0.22), ("p20", "p80", "20-80 % of runs", 0.34))
"""Bands and how dense they are: see-through, so that a dark page stays dark."""


def ramp(curves: pd.DataFrame, info: RunInfo, planned: Steps) -> Any:
    """Return the MW online by day: bands, P50, the P80 of every date, and the planned ramp."""
    curve = curves[curves["curve"] == "mw_online"].sort_values("day")
    curve = _without_flat_ends(curve, ["p5", "p95"])
    x = epoch_ms(info, curve["day"].to_numpy(dtype=np.float64))
    chart = canvas("MW online, gross", name="ramp")
    for low, high, label, dense in BANDS:
        lower, upper = (step_line(x, curve[column].to_numpy(dtype=np.float64)) for column in (low, high))
        chart.varea(x=lower["x"], y1=lower["y"], y2=upper["y"], color=style.BLUE, alpha=dense, legend_label=label)
    p50 = chart.line(**_step_of(curve, x, "p50"), color=style.BLUE, width=2.5, legend_label="P50")
    p80 = chart.line(**_step_of(curve, x, "p20"), color=style.RED, width=2, legend_label="P80 of date")
    if planned and len(x):
        days, mw = [0.0, *(day for day, _ in planned)], [0.0, *(mw for _, mw in planned)]
        line = step_line(epoch_ms(info, days), np.array(mw))
        last = {"x": np.append(line["x"], x[-1]), "y": np.append(line["y"], mw[-1])}
        inside = last["x"] >= x[0]
        drawn = {name: column[inside] for name, column in last.items()}
        chart.line(**drawn, color=style.INK, width=1.6, line_dash="dashed", legend_label="expected plan")
    chart.add_tools(_dated_hover([p50], "P50: @y{0.0} MW"), _dated_hover([p80], "P80: @y{0.0} MW"))
    return with_legend_below(chart)


def _step_of(curve: pd.DataFrame, x: Values, column: str) -> dict[str, Values]:
    return step_line(x, curve[column].to_numpy(dtype=np.float64))


def _without_flat_ends(curve: pd.DataFrame, columns: list[str], around: int = 20) -> pd.DataFrame:
    """Return the part of a curve from just before it begins to move to just after it has come to rest."""
    values = curve[columns].to_numpy(dtype=np.float64)
    changes = np.flatnonzero(np.any(np.diff(values, axis=0) != 0, axis=1))
    if not len(changes):
        return curve
    return curve.iloc[max(0, changes[0] - around) : changes[-1] + around]


def capital(curves: pd.DataFrame, info: RunInfo) -> Any:
    """Return capital by day, the mean of all runs: in service, idle, deployed, committed; in millions."""
    means = {name: rows.sort_values("day") for name, rows in curves.groupby("curve")}
    deployed = means["capital_deployed_usd"]
    x = epoch_ms(info, deployed["day"].to_numpy(dtype=np.float64))
    paid, service = (
        means[f"capital_{n}_usd"]["mean"].to_numpy(dtype=np.float64) / 1e6 for n in ("deployed", "in_service")
    )
    chart = canvas("capital, $M", name="capital")
    rest = np.flatnonzero(service < 0.995 * paid.max(initial=0))
    chart.x_range = Range1d(start=x[0], end=x[min(len(x) - 1, (rest[-1] if len(rest) else 0) + 45)])
    chart.yaxis.formatter = NumeralTickFormatter(format="0,0")
    chart.varea(x=x, y1=0 * service, y2=service, color=style.BLUE, alpha=0.35, legend_label="in service")
    chart.varea(x=x, y1=service, y2=paid, color=style.ORANGE, alpha=0.4, legend_label="idle")
    line = chart.line(x=x, y=paid, color=style.INK, width=2.2, legend_label="deployed (paid)")
    earns = chart.line(x=x, y=service, color=style.BLUE, width=2)
    if "capital_committed_usd" in means:
        signed = means["capital_committed_usd"]["mean"].to_numpy(dtype=np.float64) / 1e6
        chart.line(x=x, y=signed, color=style.MUTED, width=1.6, line_dash="dashed", legend_label="committed")
    chart.add_tools(_dated_hover([line], "deployed $@y{0,0} M"), _dated_hover([earns], "in service $@y{0,0} M"))
    return with_legend_below(chart)


# --- several strategies -----------------------------------------------------------------------------------------------


def ramps(
    curves: Mapping[str, pd.DataFrame], infos: Mapping[str, RunInfo], curve: str, y: str, scale: float = 1.0
) -> Any:
    """Return one curve of several strategies, the P50 of each day; a click on a name hides it."""
    chart = canvas(y, name=curve)
    chart.yaxis.formatter = NumeralTickFormatter(format="0,0")
    for name, colour in style.colours(list(curves)).items():
        rows = _without_flat_ends(curves[name][curves[name]["curve"] == curve].sort_values("day"), ["p50"])
        x = epoch_ms(infos[name], rows["day"].to_numpy(dtype=np.float64))
        values = rows["p50"].to_numpy(dtype=np.float64) / scale
        line = chart.line(**step_line(x, values), color=colour, width=2.5, legend_label=name)
        chart.add_tools(_dated_hover([line], f"{name}: @y{{0,0}}"))
    chart.y_range.start = 0
    return with_legend_below(chart)


def cloud(runs: Mapping[str, pd.DataFrame], lead: str, idle: str, peak: str) -> Any:
    """Return every run of several strategies as a dot: lead time by idle capital; a click on a name hides it."""
    chart = canvas("idle capital, deployed, months", dated=False, name="cloud")
    chart.xaxis.axis_label = "days after the decision until all MW are online"
    for name, colour in style.colours(list(runs)).items():
        table = runs[name]
        sound = table[np.isfinite(table[lead].to_numpy(dtype=np.float64))] if lead in table else table.iloc[:0]
        data = {"x": sound[lead], "y": sound[idle], "people": sound[peak], "run": sound["replication"]}
        dots = chart.scatter(
            "x", "y", source=ColumnDataSource(data), color=colour, alpha=0.5, size=7, line_color=None, legend_label=name
        )
        words = [
            (name, "run @run"),
            ("all MW", "@x{0} days"),
            ("idle", "@y{0.0} months"),
            ("peak", "@people{0} people"),
        ]
        chart.add_tools(HoverTool(renderers=[dots], tooltips=words))
    return with_legend_below(chart)
