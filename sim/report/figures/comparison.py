"""Strategies against each other: every run as a dot, and the differences of two strategies run by run.

Differences are paired: both strategies of a replication have the same random numbers, which makes their difference much
surer than the two results by themselves.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sim.metrics.metric import OF_ORDERS, finish_metric
from sim.report.figures import palette, style
from sim.report.formatting import SAMPLING_ONLY, metric_format, number, signed
from sim.report.result_view import Share, Values, percentile, sound_values

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


# --- every run as a dot -----------------------------------------------------------------------------------------------


IDLE, PEAK = "idle_capital_months", "peak_workforce_onsite"
MAX_AREA = 220.0


@style.in_house_style
def plot_strategy_cloud(
    data: Mapping[str, pd.DataFrame], ax: Axes | None = None, *, lead: str = "", idle: str = IDLE, seed: int = 0
) -> Axes:
    """Draw the runs tables of several strategies: lead time (days) by idle capital (months), one dot a run.

    The lead time is that of all MW, or where a strategy has several orders, of the mean over MW, if none is named.
    The diamond stands at the P80 of each axis by itself; it is not a joint 80 %, as the caption states.
    Runs that stalled have no dot and are counted in the legend.
    """
    ax = style.canvas(right=0.715, top=0.87) if ax is None else ax
    lead = lead or finish_metric(set.intersection(*({*map(str, runs)} for runs in data.values())))
    max_peak = max((sound_values(runs, PEAK).max(initial=1.0) for runs in data.values()), default=1.0)
    for name, colour in palette.strategy_colours(list(data)).items():
        _draw_strategy(ax, name, data[name], lead, idle, colour, max_peak)
    ax.set_xlabel(f"{metric_format(lead).label}, days after the {'order' if lead == OF_ORDERS else 'decision'}")
    ax.set_ylabel("idle capital, deployed, months")
    ax.margins(0.08)
    ax.grid(visible=True, axis="both")
    ax.legend(
        fontsize=11.5, loc="upper left", bbox_to_anchor=(1.01, 1), labelspacing=1.1, borderaxespad=0, handletextpad=0.4
    )
    style.title(ax, "Lead time, idle capital and people, strategy by strategy", pad=14)
    runs = max((len(table) for table in data.values()), default=0)
    means = "Area of a dot: peak workforce; diamond: P80 of each axis by itself, not of both at once"
    style.caption(ax, f"{means}\nn = {runs:,} runs each, seed {seed}; {SAMPLING_ONLY}", drop=56)
    return ax


def _draw_strategy(ax: Axes, name: str, runs: pd.DataFrame, lead: str, idle: str, colour: str, max_peak: float) -> None:
    """Draw the dots of one strategy and the diamond at its P80."""
    x, y, peak = (runs[metric].to_numpy(dtype=np.float64) for metric in (lead, idle, PEAK))
    finished = np.isfinite(x) & np.isfinite(y) & (runs["status"] != "failed").to_numpy()
    ax.scatter(
        x[finished], y[finished], s=MAX_AREA * peak[finished] / max_peak, color=colour, alpha=0.35, lw=0, rasterized=True,
        label=_legend_label(name, peak[finished], int(np.isinf(x).sum())),
    )  # fmt: skip
    p80_point = percentile(sound_values(runs, lead), 0.8), percentile(sound_values(runs, idle), 0.8)
    if np.isfinite(p80_point).all():
        ax.plot(*p80_point, "D", color=colour, ms=11, mec="black", mew=1.5, gid=f"P80 {name}")


def _legend_label(name: str, peak: Values, stalled: int) -> str:
    """Return a strategy with its peak and how many of its runs stalled."""
    people = f"\npeak {number(percentile(peak, 0.5))} people (P50)" if len(peak) else ""
    return textwrap.fill(name, 22) + people + (f"\n{stalled:,} runs stalled" if stalled else "")


# --- differences run by run -------------------------------------------------------------------------------------------


def paired_differences(a: pd.DataFrame, b: pd.DataFrame, metric: str) -> Values:
    """Return metric of A minus metric of B, replication by replication.

    Only replications that failed in neither; -inf where only B stalled, +inf where only A, NaN where both.
    """
    a_values, b_values = (table.loc[table["status"] != "failed"].set_index("replication")[metric] for table in (a, b))
    pairs = a_values.to_frame("a").join(b_values.to_frame("b"), how="inner").to_numpy(dtype=np.float64)
    with np.errstate(invalid="ignore"):
        differences: Values = pairs[:, 0] - pairs[:, 1]
    return differences


@style.in_house_style
def plot_paired_difference(
    data: Values,
    ax: Axes | None = None,
    *,
    a: str,
    b: str,
    metric: str = "lead_time_full_days",
    more_is_better: bool = False,
    seed: int = 0,
) -> Axes:
    """Draw the differences A - B of a metric over paired replications, with the zero line and P(A better).

    Infinite differences (one of the two stalled) count in the probability and have no bar; NaN is a tie.
    """
    ax = style.canvas() if ax is None else ax
    finite_values = data[np.isfinite(data)]
    share_better = Share(int(((data > 0) if more_is_better else (data < 0)).sum()), len(data))
    if len(finite_values):
        _draw_histogram(ax, finite_values, more_is_better=more_is_better)
    ax.axvline(0, color="black", lw=1.8, label="no difference")
    _mark_median(ax, percentile(finite_values, 0.5), metric)
    unit = f", {metric_format(metric).unit}" if metric_format(metric).unit else ""
    ax.set_xlabel(style.text(f"{metric_format(metric).label}: {a} \N{MINUS SIGN} {b}{unit}"))
    style.value_ticks(ax.xaxis, metric_format(metric))
    ax.set_ylabel("pairs of runs")
    comparative = "faster" if metric_format(metric).unit == "days" else "better"
    style.title(ax, f"P({a} {comparative} than {b}) = {share_better.text()}")
    pairs = f"n = {len(data):,} pairs on the same random numbers, seed {seed}{_stalled_pairs_note(data)}"
    style.caption(ax, f"{pairs}\nThe interval is of this pair alone; {SAMPLING_ONLY}", drop=56)
    return ax


def _draw_histogram(ax: Axes, finite_values: Values, *, more_is_better: bool) -> None:
    """Draw the histogram with an edge at zero, better in blue and worse in grey."""
    low, high = min(finite_values.min(), 0.0), max(finite_values.max(), 0.0)
    width = max(high - low, 1e-9) / min(40, 8 + 2 * np.sqrt(len(finite_values)))
    edges = np.arange(np.floor(low / width), np.ceil(high / width) + 1) * width
    edges = np.append(edges, edges[-1] + width)
    counts, _ = np.histogram(finite_values, edges)
    middle = (edges[:-1] + edges[1:]) / 2
    better = middle > 0 if more_is_better else middle < 0
    ax.bar(middle, counts, width, color=np.where(better, palette.TINTS[2], "#b4bcc6"))
    ax.margins(x=0.04)


def _mark_median(ax: Axes, median: float, metric: str) -> None:
    """Mark the median of the differences."""
    if not np.isfinite(median):
        return
    fmt = metric_format(metric)
    ax.axvline(median, color=palette.INK, lw=1.5, ls=(0, (4, 3)))
    ax.annotate(
        style.text(f"P50 {signed(fmt.write(median, fmt.finest_step))}"), (median, 1), (0, 6),
        xycoords=("data", "axes fraction"), textcoords="offset points", ha="center", va="bottom", annotation_clip=False,
    )  # fmt: skip


def _stalled_pairs_note(data: Values) -> str:
    """Return how many pairs have no column."""
    lost = int((~np.isfinite(data)).sum())
    return f", {lost:,} with a stalled run have no column" if lost else ""
