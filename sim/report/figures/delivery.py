"""When MW come online: the S-curve of the finish, the ramp, date and budget together, and how the P80 settled.

All four draw every run that did not fail; a run that stalled never reaches a date, so it lowers shares and has no dot.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.report.figures import palette, style
from sim.report.formatting import (
    NEVER,
    NOT_QUOTED,
    MetricFormat,
    days,
    interval,
    metric_format,
    money,
    money_scale,
    number,
    percent,
    step_for,
)
from sim.report.result_view import RunInfo, Values, percentile, share_at_most
from sim.study.statistics.intervals import quantile_interval

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


# --- S-curve of the finish --------------------------------------------------------------------------------------------


PERCENTILES_SHOWN = {"p10": 0.10, "p50": 0.50, "p80": 0.80, "p90": 0.90}
WIDTHS = (1, 2, 3, 5, 7, 14, 28, 56, 112, 224)


@style.in_house_style
def plot_finish(
    data: Values,
    ax: Axes | None = None,
    *,
    info: RunInfo,
    percentiles: Mapping[str, float] | None = None,
    planned: float | None = None,
    target: float | None = None,
) -> Axes:
    """Draw the finish of every run (days, +inf where it stalled) as histogram (left) and step S-curve (right).

    `percentiles` are the p10, p50, p80, p90 in days (read off the runs where not given); `planned` is the finish of the
    deterministic run and `target` the date wanted, both in days, each with its share of runs.
    """
    ax = style.canvas(right=0.905, top=0.815) if ax is None else ax
    finishes = np.sort(data[np.isfinite(data)])
    percentiles = percentiles or {name: percentile(data, p) for name, p in PERCENTILES_SHOWN.items()}
    style.title(ax, finish_headline(info, percentiles["p80"]), pad=48)
    share_axis = ax.twinx()
    low, high = day_range(finishes, planned, target)
    if len(finishes):
        _histogram(ax, finishes, info)
        _s_curve(share_axis, finishes, len(data), info, high)
    ax.set_xlim(style.date_position(info.dates, low), style.date_position(info.dates, high))
    style.date_axis(ax)
    _draw_percentiles(share_axis, percentiles, info)
    _draw_promised_date(share_axis, data, planned, info, "expected plan", (0, ()), 6)
    _draw_promised_date(share_axis, data, target, info, "target", (0, (6, 4)), 24)
    _set_scales(ax, share_axis)
    style.caption(ax, info.caption("Share of runs that finish on or before a date", *_stalled_note(data)))
    return ax


def finish_headline(info: RunInfo, p80: float) -> str:
    """Return the title: the P80 date."""
    if not math.isfinite(p80):
        return f"All MW online: P80 {NOT_QUOTED if math.isnan(p80) else NEVER}"
    return f"All MW online on or before {info.dates.format(p80)} (P80)"


def _stalled_note(data: Values) -> list[str]:
    """Return in how many runs the finish is not reached."""
    stalled = int(np.isinf(data).sum())
    return [f"not reached in {percent(stalled / len(data))} of runs"] if stalled else []


def day_range(finishes: Values, planned: float | None, target: float | None) -> tuple[float, float]:
    """Return the days the axis spans: all runs and both promises, and a column for the labels left of them."""
    promised_days = [d for d in (planned, target) if d is not None and math.isfinite(d)]
    days = [*finishes[:1], *finishes[-1:], *promised_days] or [0.0]
    low, high = min(days), max(days)
    span = max(high - low, 14.0)
    # whole bins: of few runs they are wide
    first_bin, *_, last_bin = day_bins(finishes) if len(finishes) else (low, high)
    return min(low - 0.33 * span, first_bin), max(high + 0.05 * span, low + 0.55 * span, last_bin)


def day_bins(finishes: Values) -> Values:
    """Return the edges of bins of whole days, about as wide as the rule of Freedman and Diaconis recommends.

    Of few runs as narrow as Sturges' rule has them, which is the choice of numpy's `auto` as well.
    """
    quartile_range, span = float(np.subtract(*np.quantile(finishes, [0.75, 0.25]))), float(finishes[-1] - finishes[0])
    ideal = min(2 * quartile_range / len(finishes) ** (1 / 3), span / (1 + math.log2(len(finishes))))
    width = next((w for w in WIDTHS if w >= 0.7 * ideal and span / w <= 60), WIDTHS[-1])
    first = math.floor(finishes[0] / width) * width
    return np.arange(first, (math.floor(finishes[-1] / width) + 1.5) * width, width, dtype=np.float64)


def _histogram(ax: Axes, finishes: Values, info: RunInfo) -> None:
    """Draw how many runs finish in each bin of days."""
    edges = day_bins(finishes)
    counts, _ = np.histogram(finishes, edges)
    ax.stairs(counts, style.date_position(info.dates, 0) + edges, fill=True, color=palette.PALE, label="runs")
    ax.set_ylim(0, counts.max() * 1.08)
    ax.set_ylabel(f"runs in {days(float(edges[1] - edges[0]))}")


def _s_curve(right: Axes, reached: Values, of: int, info: RunInfo, high: float) -> None:
    """Draw the step curve of the share of all runs that finished by each day; stalls keep it under 100 %."""
    x = style.date_position(info.dates, 0) + np.concatenate([[reached[0]], reached, [high]])
    y = np.concatenate([[0], np.arange(1, len(reached) + 1), [len(reached)]]) / of * 100
    right.plot(x, y, drawstyle="steps-post", color=palette.BLUE, lw=2.4, label="S-curve")


def _draw_percentiles(share_axis: Axes, percentiles: Mapping[str, float], info: RunInfo) -> None:
    """Drop a line from the curve at each percentile, and lead back from it to its date on the left."""
    left_edge = share_axis.get_xlim()[0]
    for name, day in percentiles.items():
        if not math.isfinite(day):
            continue
        share, x, highlighted = PERCENTILES_SHOWN[name] * 100, style.date_position(info.dates, day), name == "p80"
        colour = palette.RED if highlighted else palette.MUTED
        share_axis.plot(
            [x, x],
            [0, share],
            color=colour,
            lw=2 if highlighted else 1.3,
            label=name.upper(),
            zorder=3 if highlighted else 2,
        )
        share_axis.plot([left_edge, x], [share, share], color=colour, lw=0.9, ls=(0, (1, 3)))
        share_axis.plot([x], [share], "o", color=colour, ms=6, zorder=3 if highlighted else 2.5)
        share_axis.annotate(
            f"{name.upper()}  {info.dates.format(day)}", (0, share), (8, 2), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="bottom", color=palette.RED if highlighted else palette.INK,
            fontweight="bold" if highlighted else "normal", path_effects=style.halo(),
        )  # fmt: skip


def _draw_promised_date(
    share_axis: Axes,
    data: Values,
    day: float | None,
    info: RunInfo,
    label: str,
    line_style: tuple[int, tuple[int, ...]],
    offset: int,
) -> None:
    """Draw a promised date as a black vertical line with the share of runs that keep it."""
    if day is None or not math.isfinite(day):
        return
    x = style.date_position(info.dates, day)
    share_axis.axvline(x, color="black", lw=1.6, ls=line_style, label=label)
    low, high = share_axis.get_xlim()
    position = (x - low) / (high - low)
    text = f"{label} {info.dates.format(day)}: {percent(share_at_most(data, day).fraction)}"
    side = "left" if position < 0.2 else "right" if position > 0.8 else "center"
    share_axis.annotate(
        text, (x, 1), (0, offset), xycoords=("data", "axes fraction"), textcoords="offset points", ha=side, va="bottom",
        color="black", annotation_clip=False,
    )  # fmt: skip


def _set_scales(ax: Axes, share_axis: Axes) -> None:
    """Set the scales of both axes."""
    from matplotlib.ticker import MaxNLocator

    share_axis.set_ylim(0, 104)
    share_axis.set_yticks(range(0, 101, 20), [f"{p} %" for p in range(0, 101, 20)])
    share_axis.set_ylabel("share of runs, on or before")
    share_axis.grid(visible=False)
    ax.grid(visible=False)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    share_axis.spines["right"].set_visible(True)
    ax.spines["right"].set_visible(False)


# --- date and budget together -----------------------------------------------------------------------------------------


JOINT_CONFIDENCE = ((0.5, (0, (1, 2))), (0.7, (0, (5, 3))), (0.8, "solid"))


@style.in_house_style
def plot_joint(
    data: tuple[Values, Values], ax: Axes | None = None, *, info: RunInfo, target: float, budget: float
) -> Axes:
    """Draw (finish in days, cost in dollars) of every run against a target date and a budget, with joint confidence.

    The curves join dates and costs that are both kept in 50, 70 and 80 % of runs: the 70 % date together with the
    70 % cost is not 70 %.
    """
    ax = style.canvas() if ax is None else ax
    finish, cost = data
    finished = np.isfinite(finish) & np.isfinite(cost)
    scale, unit = money_scale(float(np.nanmax(cost, initial=0)))
    x, y = style.date_position(info.dates, 0) + finish[finished], cost[finished] / scale
    in_time, in_budget = finish[finished] <= target, cost[finished] <= budget
    colours = np.where(in_time & in_budget, palette.KEPT, np.where(~in_time & ~in_budget, palette.MISSED, palette.HALF))
    ax.scatter(x, y, s=18, c=colours, alpha=0.6, lw=0, rasterized=True)
    for share, dashes in JOINT_CONFIDENCE:
        days, dollars = frontier(finish, cost, share)
        if len(days):
            dates, label = style.date_position(info.dates, 0) + days, f"{100 * share:.0f} % of runs keep both"
            ax.plot(dates, dollars / scale, color=palette.BLUE, lw=1.4, ls=dashes, drawstyle="steps-post", label=label)
    ax.axvline(style.date_position(info.dates, target), color="black", lw=1.4, ls=(0, (5, 3)))
    ax.axhline(budget / scale, color="black", lw=1.4)
    ax.set_ylabel(style.text(f"capital in total, {unit}"))
    ax.grid(visible=False)
    ax.margins(0.06)
    _room_for_the_early(ax, style.date_position(info.dates, target))
    style.date_axis(ax)
    _quadrants(ax, finish, cost, target, budget)
    style.legend_above(ax)
    share_of_both = float(((finish <= target) & (cost <= budget)).mean()) if len(finish) else math.nan
    style.title(ax, f"Date and budget both kept in {percent(share_of_both)} of runs")
    limits = f"target {info.dates.format(target)}, budget {money(budget)}"
    style.caption(ax, info.caption(f"Each dot a run; {limits}; curves: that share of runs keeps both"))
    return ax


def frontier(finish: Values, cost: Values, share: float, points: int = 80) -> tuple[Values, Values]:
    """Return pairs of date and cost that a share of the runs keeps both: for each of some dates the least such cost."""
    n = len(finish)
    runs_needed = math.ceil(share * n - 1e-9)
    if not n or runs_needed > int((np.isfinite(finish) & np.isfinite(cost)).sum()):
        return np.zeros(0), np.zeros(0)
    order = np.argsort(finish, kind="stable")
    days = finish[order]
    ranks = np.unique(np.linspace(runs_needed - 1, int(np.isfinite(days).sum()) - 1, points).astype(int))
    costs = [float(np.sort(cost[order[: rank + 1]])[runs_needed - 1]) for rank in ranks]
    return days[ranks], np.array(costs)


def _room_for_the_early(ax: Axes, target: float) -> None:
    """Keep the target far enough from the left edge for a share to stand there."""
    low, high = ax.get_xlim()
    ax.set_xlim(min(low, target - 0.1 * (high - target)), high)


def _quadrants(ax: Axes, finish: Values, cost: Values, target: float, budget: float) -> None:
    """Write into each corner the share of runs in that quadrant; a run that never finishes is late."""
    is_late, over_budget = ~(finish <= target), ~(cost <= budget)
    corners = (
        (0.01, 0.02, ~is_late & ~over_budget),
        (0.99, 0.02, is_late & ~over_budget),
        (0.01, 0.97, ~is_late & over_budget),
        (0.99, 0.97, is_late & over_budget),
    )
    for x, y, in_quadrant in corners:
        share = percent(float(in_quadrant.mean())) if len(finish) else ""
        ax.annotate(
            share, (x, y), xycoords="axes fraction", ha="left" if x < 0.5 else "right",
            va="bottom" if y < 0.5 else "top", fontweight="bold", path_effects=style.halo(),
        )  # fmt: skip


# --- ramp of MW online ------------------------------------------------------------------------------------------------


BANDS = (("p5", "p95", "5 to 95 % of runs"), ("p10", "p90", "10 to 90 %"), ("p20", "p80", "20 to 80 %"))

PERCENTILES = ("p5", "p10", "p20", "p50", "p80", "p90", "p95")


@style.in_house_style
def plot_mw_online(
    data: pd.DataFrame,
    ax: Axes | None = None,
    *,
    info: RunInfo,
    ramp: Sequence[tuple[float, float]] | None = None,
    ramp_name: str = "committed",
    first: float | None = None,
    full: float | None = None,
) -> Axes:
    """Draw the MW online by day (curves table of a result) as steps: bands, P50, and P80 where there is a p20.

    The ramp only ever rises, so a horizontal reading is a percentile of a date: four runs of five have at
    least the p20 of MW on a day, which makes that line the P80 of every date. `ramp` is a promised or
    planned one as (day, MW) steps; `first` and `full` are the P50 days of the first and of all MW, for the headline.
    """
    ax = style.canvas() if ax is None else ax
    curve = data[data["curve"] == "mw_online"].sort_values("day")
    x = style.date_position(info.dates, 0) + curve["day"].to_numpy(dtype=float)
    for (low, high, label), tint in zip(BANDS, palette.TINTS, strict=True):
        if low in curve and high in curve:
            ax.fill_between(x, curve[low], curve[high], step="post", color=tint, lw=0, label=label)
    ax.plot(x, curve["p50"], drawstyle="steps-post", color=palette.BLUE, lw=2.4, label="P50")
    if "p20" in curve:
        ax.plot(x, curve["p20"], drawstyle="steps-post", color=palette.RED, lw=1.8, label="P80 of date")
    if ramp:
        _ramp(ax, ramp, ramp_name, info, float(curve["day"].max()))
    _set_mw_scales(ax, curve, x, [(style.date_position(info.dates, day), mw) for day, mw in ramp or ()])
    style.title(ax, mw_headline(curve, info, first, full))
    style.caption(ax, info.caption("MW gross; bands hold at each date by itself"))
    return ax


def _ramp(ax: Axes, ramp: Sequence[tuple[float, float]], name: str, info: RunInfo, last: float) -> None:
    """Draw the promised steps, held from the last of them to the end of the curves."""
    steps = sorted(ramp)
    days = [0.0, *(day for day, _ in steps), max(last, steps[-1][0])]
    mw = [0.0, *(mw for _, mw in steps), steps[-1][1]]
    x = [style.date_position(info.dates, day) for day in days]
    ax.plot(x, mw, drawstyle="steps-post", color="black", lw=1.6, ls=(0, (5, 3)), label=name)


def mw_headline(curve: pd.DataFrame, info: RunInfo, first: float | None, full: float | None) -> str:
    """Return when the first and the last MW are online in half of the runs, as far as they are."""
    if first is None or not math.isfinite(first):
        return "MW online" if first is None else "MW online: none in half of the runs"
    if full is None or not math.isfinite(full) or full == first:
        return f"First MW online {info.dates.format(first)} (P50)"
    all_mw = f"{curve['p90'].max():g} MW"
    return f"First MW online {info.dates.format(first)}, all {all_mw} {info.dates.format(full)} (P50)"


def _set_mw_scales(ax: Axes, curve: pd.DataFrame, x: Values, promised: list[tuple[float, float]]) -> None:
    """Show the time from just before the first MW to just after the last change, promised or in any band."""
    bands = curve[[c for c in PERCENTILES if c in curve]].to_numpy(dtype=float)
    changes = np.flatnonzero(np.any(np.diff(bands, axis=0) != 0, axis=1))
    dates = [date for date, _ in promised]
    ax.set_ylim(0, 1.06 * max([bands.max(initial=0.0), 1.0, *(mw for _, mw in promised)]))
    if len(changes):
        low, high = min([x[changes[0]], *dates]), max([x[changes[-1] + 1], *dates])
        margin = 0.06 * max(high - low, 10.0)
        ax.set_xlim(low - margin, high + margin)
    style.date_axis(ax)
    ax.set_ylabel("MW online, gross")
    style.legend_above(ax)


# --- convergence of the P80 -------------------------------------------------------------------------------------------


@style.in_house_style
def plot_convergence(
    data: Values, ax: Axes | None = None, *, info: RunInfo, metric: str = "lead_time_full_days", p: float = 0.8
) -> Axes:
    """Draw the percentile `p` of the first n runs (replication order) and its 95 % interval against n."""
    from matplotlib.ticker import MaxNLocator

    ax = style.canvas() if ax is None else ax
    n, middle, low, high = running_percentile(data, p)
    name = f"P{p * 100:.0f}"
    ax.fill_between(n, low, high, step="post", color=palette.PALE, lw=0, label="95 % interval")
    colour = palette.RED if name == "P80" else palette.BLUE
    ax.plot(n, middle, drawstyle="steps-post", color=colour, lw=2.2, label=f"{name} of the first n runs")
    ax.set_xlabel("runs, n")
    fmt = metric_format(metric)
    ax.set_ylabel(style.text(f"{fmt.label}, {fmt.unit}"))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.xaxis.set_major_formatter(lambda x, _: number(x))
    if len(n):
        ax.set_xlim(0, n[-1])
        style.title(ax, f"{name} of {fmt.label}: {_value_with_interval(fmt, middle[-1], low[-1], high[-1])}")
    style.legend_above(ax)
    style.caption(ax, info.caption("Interval from order statistics (binomial)"), drop=56)
    return ax


def _value_with_interval(fmt: MetricFormat, middle: float, low: float, high: float) -> str:
    """Write where the percentile has come to rest, with its interval."""
    step = step_for(low, high, fmt.finest_step)
    return f"{fmt.write(middle, step)} ({interval(low, high, lambda v: fmt.write(v, step))})"


def running_percentile(sample: Values, p: float, points: int = 120) -> tuple[Values, Values, Values, Values]:
    """Return n, the percentile of the first n values and its 95 % interval, where both ends are finite."""
    sizes = sorted({int(n) for n in np.linspace(1, len(sample), points)} - {0})
    intervals = [quantile_interval(sample[:n], p) for n in sizes if n <= len(sample)]
    rows = [(f.n, f.value, f.low, f.high) for f in intervals if np.isfinite([f.value, f.low, f.high]).all()]
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]
