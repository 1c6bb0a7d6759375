"""People on site: by week against the limit, by trade in the representative run, and man-hours over time.

The peak is a number of each run. A band over time lies below the P80 of the peaks, because runs peak on different days.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sim.report.figures import palette, style
from sim.report.formatting import number, percent
from sim.report.result_view import RunInfo, Values, percentile, share_below

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


# --- headcount and peak -----------------------------------------------------------------------------------------------


@style.in_house_style
def plot_headcount(
    data: pd.DataFrame,
    ax: Axes | None = None,
    *,
    info: RunInfo,
    peaks: Values | None = None,
    percentiles: Mapping[str, float] | None = None,
    limit: float | None = None,
) -> Axes:
    """Draw the headcount of each week (its highest day; curves table of a result): P50 as columns, P10 to P90.

    The band at a date is no bound on a peak, since every run peaks on its own day; so `peaks`, the highest
    day of each run, stand beside it with their P80 (`percentiles`: its p50 and p80 as
    the summary has them; read off the runs where not given).
    """
    ax = style.canvas(right=0.76) if ax is None else ax
    weeks = weekly_peaks(data)
    x = style.date_position(info.dates, 0) + weeks["day"].to_numpy(dtype=float)
    edges = np.append(x, x[-1] + 7) if len(x) else np.array([0.0, 7.0])
    p10, p50, p90 = (weeks[c].to_numpy(dtype=float) for c in ("p10", "p50", "p90"))
    ax.stairs(p50, edges, color=palette.BLUE, lw=2.2, zorder=3, label="P50 of the week")
    ax.fill_between(
        edges, np.append(p10, p10[-1:]), np.append(p90, p90[-1:]), step="post", color=palette.TINTS[1], lw=0,
        label="P10 to P90",
    )  # fmt: skip
    if limit is not None:
        ax.axhline(limit, color=palette.RED, lw=2, ls=(0, (6, 4)), zorder=4, label=f"limit {number(limit)}")
    _set_scales(ax, edges, [float(p90.max(initial=0)), limit or 0, *(() if peaks is None else (peaks.max(initial=0),))])
    if peaks is not None and len(peaks):
        percentiles = percentiles or {"p50": percentile(peaks, 0.5), "p80": percentile(peaks, 0.8)}
        _draw_peak_distribution(ax, peaks, percentiles["p80"], limit)
    style.title(ax, headcount_headline(peaks, limit, percentiles))
    note = "a peak is one run's own highest day, never read off the band"
    style.caption(ax, info.caption("People on site, highest day of each week, direct and indirect", note))
    return ax


def weekly_peaks(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the headcount curves by week of the project: first day of the week, highest value of each column.

    Ends soon after the week in which nine runs of ten have no one left on site.
    """
    curve = curves[curves["curve"] == "headcount"].drop(columns="curve").sort_values("day")
    week = (curve["day"] // 7).astype(int)
    weekly_max = curve.groupby(week).max()
    weeks = weekly_max.assign(day=weekly_max.index.to_numpy() * 7.0).reset_index(drop=True)
    return weeks.loc[: weeks["p90"].to_numpy().nonzero()[0].max(initial=0) + 2]


def headcount_headline(peaks: Values | None, limit: float | None, percentiles: Mapping[str, float] | None) -> str:
    """Return the title: the peak, and how often it stays under the limit."""
    if peaks is None or percentiles is None:
        return "Headcount on site"
    p50 = f"Peak workforce: P50 {number(percentiles['p50'])} people"
    if limit is None:
        return p50
    return f"{p50}, under {number(limit)} in {percent(share_below(peaks, limit).fraction)} of runs"


def _set_scales(ax: Axes, edges: Values, tops: list[float]) -> None:
    """Set the scales of the axes so that bands, peaks and limit fit."""
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, max(*tops, 1.0) * 1.08)
    ax.set_ylabel("people on site")
    ax.yaxis.set_major_formatter(lambda y, _: number(y))
    style.date_axis(ax)
    style.legend_above(ax)


def _draw_peak_distribution(ax: Axes, peaks: Values, p80: float, limit: float | None) -> None:
    """Draw the distribution of the peak to the right, on the same scale of people."""
    side = ax.inset_axes((1.03, 0, 0.28, 1), sharey=ax)
    edges = peak_bins(peaks, np.ceil(ax.get_ylim()[1] / 80))
    counts, _ = np.histogram(peaks, edges)
    side.stairs(counts, edges, fill=True, orientation="horizontal", color=palette.TINTS[2])
    side.set_xlim(0, counts.max() * 1.05)
    if np.isfinite(p80):
        side.axhline(p80, color=palette.RED, lw=2)
        _label_p80(side, p80, limit)
    if limit is not None:
        side.axhline(limit, color=palette.RED, lw=2, ls=(0, (6, 4)))
    side.set_xlabel("peak of each run", labelpad=8)
    side.set_xticks([])
    side.tick_params(axis="y", labelleft=False, length=0)
    side.grid(visible=False)


def peak_bins(peaks: Values, narrowest: float = 1.0) -> Values:
    """Return edges of bins of whole people, at most 24 of them."""
    low, high = float(peaks.min()), float(peaks.max())
    width = max(1.0, np.ceil((high - low) / min(24, 2 * np.sqrt(len(peaks)))), narrowest)
    edges = np.arange(np.floor(low / width) * width, high + width, width)
    return edges if edges[-1] > high else np.append(edges, edges[-1] + width)


def _label_p80(side: Axes, p80: float, limit: float | None) -> None:
    """Write the P80 of the peak on the side of its line that the limit leaves free."""
    is_below = limit is not None and p80 < limit
    side.annotate(
        f"P80 {number(p80)}", (1, p80), (-3, -5 if is_below else 5), xycoords=("axes fraction", "data"),
        textcoords="offset points", ha="right", va="top" if is_below else "bottom", color=palette.RED, fontweight="bold",
        path_effects=style.halo(),
    )  # fmt: skip


# --- people by trade --------------------------------------------------------------------------------------------------


MAX_TRADES = 7
"""Trades shown by themselves; the smaller ones are put together."""
INDIRECT = "indirect"


@style.in_house_style
def plot_trades(
    data: Mapping[str, Values],
    ax: Axes | None = None,
    *,
    info: RunInfo,
    indirect: float = 0.0,
    limit: float | None = None,
) -> Axes:
    """Draw direct people by trade and day, stacked, each week at its highest day; `indirect` is people per direct one.

    This is one whole run, not a band: its peak is a peak that can happen.
    """
    ax = style.canvas(right=0.80) if ax is None else ax
    layers = by_week(data, indirect)
    weeks = next(iter(layers.values()), np.zeros(0))
    edges = style.date_position(info.dates, 0) + 7.0 * np.arange(len(weeks) + 1)
    floor = np.zeros(len(weeks))
    for (trade, layer), colour in zip(
        layers.items(), (*palette.TRADES[: max(len(layers) - 1, 0)], palette.PALE), strict=False
    ):
        ax.stairs(floor + layer, edges, baseline=floor, fill=True, color=colour, label=trade.replace("_", " "))
        floor = floor + layer
    if limit is not None:
        ax.axhline(limit, color=palette.RED, lw=2, ls=(0, (6, 4)), label=f"limit {number(limit)}")
    if len(weeks):
        ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, max(floor.max(initial=1.0), limit or 0.0) * 1.08)
    ax.set_ylabel("people on site")
    style.date_axis(ax)
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, fontsize=11)
    style.title(ax, f"People on site by trade: peak {number(float(floor.max(initial=0)))} in this run", pad=14)
    style.caption(
        ax, info.caption_of_one_run("Direct people by trade and indirect ones by their ratio, highest day of each week")
    )
    return ax


def by_week(data: Mapping[str, Values], indirect: float) -> dict[str, Values]:
    """Return layers by name from the bottom (largest trades, others, indirect people): people on each week's busiest day."""
    if not data:
        return {}
    largest_first = sorted(data, key=lambda trade: -float(data[trade].sum()))
    daily = {trade: data[trade] for trade in largest_first[:MAX_TRADES]}
    if len(largest_first) > MAX_TRADES:
        daily["others"] = np.sum([data[trade] for trade in largest_first[MAX_TRADES:]], axis=0)
    direct = np.sum(list(daily.values()), axis=0)
    daily[INDIRECT] = np.ceil(direct * indirect - 1e-9)
    return {trade: _on_busiest_days(values, direct) for trade, values in daily.items()}


def _on_busiest_days(values: Values, direct: Values) -> Values:
    """Return a value for each week: that of the day on which most direct people are on site."""
    weeks = int(np.flatnonzero(direct)[-1]) // 7 + 2 if direct.any() else 0
    days = [slice(7 * week, 7 * week + 7) for week in range(weeks)]
    return np.array([values[day][np.argmax(direct[day])] if len(direct[day]) else 0.0 for day in days])


# --- man-hours --------------------------------------------------------------------------------------------------------


PAID_TINT = "#f8dfa6"
HOURS_DRAWN = [f"{name}_{p}" for name in ("earned", "paid") for p in ("p10", "p50", "p90")] + ["planned"]
"""Columns of the table `hours` that are drawn: the axis ends when the last of them has come to rest."""


@style.in_house_style
def plot_man_hours(data: pd.DataFrame, ax: Axes | None = None, *, info: RunInfo, runs: int) -> Axes:
    """Draw the table `hours` of a result, of so many runs: hours planned, earned and paid until each day.

    Earned is work content done; what is paid beyond it is waiting, losses, rework and indirect people.
    """
    ax = style.canvas(right=0.97) if ax is None else ax
    x = style.date_position(info.dates, 0) + data["day"].to_numpy(dtype=float)
    for name, colour, tint in (("paid", palette.ORANGE, PAID_TINT), ("earned", palette.BLUE, palette.TINTS[1])):
        low, middle, high = (data[f"{name}_{p}"].to_numpy(dtype=float) / 1e6 for p in ("p10", "p50", "p90"))
        ax.fill_between(x, low, high, color=tint, lw=0)
        ax.plot(x, middle, color=colour, lw=2.4, label=f"{name}, P50 (band: P10 to P90)")
    ax.plot(x, data["planned"] / 1e6, color="black", lw=1.6, ls=(0, (5, 3)), label="expected plan")
    changes = np.flatnonzero(np.diff(data[HOURS_DRAWN].to_numpy(dtype=float), axis=0).any(axis=1))
    if len(changes):
        ax.set_xlim(x[max(changes[0] - 14, 0)], x[min(changes[-1] + 28, len(x) - 1)])
    ax.set_ylim(0, max(float(data["paid_p90"].max()), float(data["planned"].max()), 1.0) / 1e6 * 1.06)
    ax.set_ylabel("man-hours, cumulative, millions")
    style.date_axis(ax)
    style.legend_above(ax)
    style.title(ax, hours_headline(float(data["earned_p50"].iloc[-1]), float(data["paid_p50"].iloc[-1])))
    meaning = f"Earned: work content done; paid: all people on site, also waiting and indirect; of {runs} runs"
    style.caption(ax, info.caption(meaning))
    return ax


def hours_headline(earned: float, paid: float) -> str:
    """Return the title: how much is paid for an hour that is earned."""
    if not earned:
        return "Man-hours on site"
    return f"Man-hours on site: {number(paid / earned, 0.1)} paid for each one earned (P50 of each)"
