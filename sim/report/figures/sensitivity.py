"""What moves one number: inputs moved from low to high, causes switched off, and sensitivity indices with their intervals."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.report.explanations import RiskRow
from sim.report.figures import palette, style
from sim.report.formatting import NEVER, SAMPLING_ONLY, MetricEstimate, MetricFormat, metric_format, signed
from sim.report.result_view import Values
from sim.world.fitting import kaplan_meier

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sim.world.fitting import Fit


# --- inputs at their low and high ends --------------------------------------------------------------------------------


STATISTICS = {"p50": "P50", "p80": "P80", "mean": "mean"}
DRAWN = ("low", "low_low", "low_high", "high", "high_low", "high_high")
"""Columns of a low/high table that stand along the axis: the bar of either end, and its interval."""


@style.in_house_style
def plot_low_high(
    table: pd.DataFrame, metric: str, statistic: str = "p80", ax: Axes | None = None, *, runs: int = 0, seed: int = 0
) -> Axes:
    """Draw a low/high table (columns input, low, high, low_setting, high_setting, base); bars carry their setting."""
    ax = style.canvas(top=0.86) if ax is None else ax
    fmt = metric_format(metric)
    rows = table.iloc[::-1].reset_index(drop=True)
    drawn = rows[[*DRAWN]].to_numpy(dtype=np.float64)
    widest = max(float(np.abs(drawn[np.isfinite(drawn)]).max(initial=0.0)), 1e-9)
    for end, colour in (("low", palette.ORANGE), ("high", palette.BLUE)):
        bars = rows[end].where(np.isfinite(rows[end]), 0.0)
        ax.barh(rows.index, bars, height=0.62, color=colour, label=f"input at its {end} end")
        errors = (rows[end] - rows[f"{end}_low"], rows[f"{end}_high"] - rows[end])
        has_interval = (errors[0] >= 0) & (errors[1] >= 0) & np.isfinite(errors[0]) & np.isfinite(errors[1])
        ax.errorbar(
            rows[end][has_interval], rows.index[has_interval], xerr=[error[has_interval] for error in errors], fmt="none",
            ecolor=palette.INK, elinewidth=1.1, capsize=3,
        )  # fmt: skip
    for y, row in rows.iterrows():
        for end in ("low", "high"):
            _label_end(ax, float(str(y)), row, end, widest, fmt)
    ax.axvline(0, color=palette.INK, lw=1)
    ax.set_yticks(rows.index, [style.text(str(name)) for name in rows["input"]])
    ax.set_xlim(-1.45 * widest, 1.45 * widest)
    ax.grid(visible=True, axis="x")
    ax.set_xlabel(style.text(f"change of the {STATISTICS[statistic]} in {fmt.unit or 'its own unit'}"))
    style.value_ticks(ax.xaxis, fmt)
    base = fmt.write(float(table["base"][0]), fmt.finest_step)
    style.title(ax, f"What moves the {STATISTICS[statistic]} of {fmt.label} ({base})")
    style.legend_above(ax)
    style.caption(ax, f"One input at a time, the others as configured; n = {runs:,} a point, the same random "
                      f"numbers, seed {seed}. Bars: 95 % intervals, {SAMPLING_ONLY}. Changes do not add up.")  # fmt: skip
    return ax


def _label_end(ax: Axes, place: float, row: pd.Series, end: str, widest: float, fmt: MetricFormat) -> None:
    """Write beside the end of a bar the input's setting and the change that it makes; without a bar, that there is none."""
    change, opposite_change = (_finite(row[one]) for one in (end, "high" if end == "low" else "low"))
    # no change is written on the side where the other end's bar is not
    outward = change or -opposite_change or (-1.0 if end == "low" else 1.0)
    if change * opposite_change > 0 and abs(change) < abs(opposite_change):
        return
    side = 1 if outward > 0 else -1
    reach = max(0.0, *(side * _finite(row[name]) for name in DRAWN))  # clear of the other end's interval, too
    x = side * (reach + 0.03 * widest)
    words = change_text(fmt, change) if math.isfinite(row[end]) else NEVER
    label = f"{words} at {row[f'{end}_setting']}"
    ax.text(x, place, style.text(label), va="center", ha="left" if outward > 0 else "right", fontsize=10.5)


def _finite(value: float) -> float:
    """Return a value, 0 for one that is not finite: a change where runs never finish has no bar."""
    return float(value) if math.isfinite(value) else 0.0


def change_text(fmt: MetricFormat, change: float) -> str:
    """Write a change with its sign and unit, to three figures."""
    return signed(fmt.write(change, MetricEstimate(fmt, change, math.nan, math.nan).rounding_step))


# --- causes switched off ----------------------------------------------------------------------------------------------


KINDS = {"risk": (palette.ORANGE, "risk event"), "uncertainty": (palette.BLUE, "range")}
NO_EFFECTS = "No effect on the P80 is known: too many runs never finish."
NOT_ADDITIVE = "Each cause is switched off alone, on the same random numbers; effects overlap, so they do not add up"


@style.in_house_style
def plot_which_risk(
    rows: Sequence[RiskRow], ax: Axes | None = None, *, metric: str = "lead_time_full_days", basis: str = ""
) -> Axes:
    """Draw what each cause costs: days at P80 (bar, with its interval) and its share of the variance (dot, upper axis).

    Sorted by the bars; each value stands at the right edge, clear of bars, intervals and dots.
    """
    fmt = metric_format(metric)
    ax = style.canvas(left=0.33, right=0.92, top=0.76, height=3.4 + 0.42 * max(len(rows), 4)) if ax is None else ax
    positions = np.arange(len(rows))
    bar_ends = _bars_with_intervals(ax, rows)
    ax.axvline(0, color="black", lw=1.4)
    low, high = min(bar_ends.min(initial=0.0), 0.0), max(bar_ends.max(initial=fmt.finest_step), fmt.finest_step)
    ax.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    for position, row in enumerate(rows):
        ax.annotate(
            row.text, (1, position), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
            fontsize=11.5, fontweight="bold", annotation_clip=False,
        )  # fmt: skip
    if not rows:
        ax.annotate(NO_EFFECTS, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center")
    ax.set_yticks(positions, [style.text(textwrap.fill(row.name, 34)) for row in rows], fontsize=11)
    ax.set_ylim(max(len(rows), 1) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.set_xlabel(style.text(f"{fmt.label}: saved at P80 when it is switched off, {fmt.unit}"))
    _share_axis(ax, rows)
    style.title(ax, "Which risk matters", pad=84)
    style.caption(ax, f"{NOT_ADDITIVE}\n{basis}{'; ' if basis else ''}{SAMPLING_ONLY}", drop=56, left=225)
    return ax


def _bars_with_intervals(ax: Axes, rows: Sequence[RiskRow]) -> Values:
    """Draw days saved at P80 as bars, coloured by kind of cause; return their 95 % intervals, of shape (rows, 2)."""
    for kind, (colour, kind_label) in KINDS.items():
        positions = [position for position, row in enumerate(rows) if row.kind == kind]
        if positions:
            ax.barh(
                positions,
                [_finite(rows[position].days) for position in positions],
                0.62,
                color=colour,
                label=f"{kind_label}, at P80",
            )
    intervals = np.array([(row.low, row.high) for row in rows], np.float64).reshape(-1, 2)
    bar_ends = np.array([[_finite(row.days)] * 2 for row in rows]).reshape(-1, 2)
    intervals = np.where(np.isfinite(intervals), intervals, bar_ends)
    for position, interval in enumerate(intervals):
        label = "95 % interval" if position == 0 else None
        ax.plot(interval, [position, position], color=palette.INK, lw=1.3, marker="|", ms=7, label=label)
    return intervals


def _share_axis(ax: Axes, rows: Sequence[RiskRow]) -> None:
    """Draw the shares of the variance as dots on an upper axis, whose zero is above that of the days, and add the legend."""
    shares = [(position, row.share) for position, row in enumerate(rows) if row.share is not None]
    handles, labels = ax.get_legend_handles_labels()
    if shares:
        upper = ax.twiny()
        max_share = 1.15 * max(0.1, *(share for _, share in shares))
        low, high = ax.get_xlim()
        upper.set_xlim(max_share * low / high, max_share)
        upper.plot(
            [share for _, share in shares], [position for position, _ in shares],
            "o", color=palette.INK, mfc="white", mew=1.6, ms=7, label="share of the variance (upper axis)",
        )  # fmt: skip
        upper.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f} %" if x >= -1e-9 else "")
        upper.set_xlabel("share of the variance of the date, by itself")
        upper.grid(visible=False)
        upper_legend = upper.get_legend_handles_labels()
        handles, labels = [*handles, *upper_legend[0]], [*labels, *upper_legend[1]]
    ax.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(-0.5, 1.0), borderaxespad=0.3, borderpad=0, fontsize=10.5,
        ncols=4, columnspacing=1.2, handlelength=1.5, bbox_transform=_above(ax, 48 if shares else 0),
    )  # fmt: skip


def _above(ax: Axes, points: float) -> Any:
    """Return the coordinates of the axes, so many points higher."""
    from matplotlib.transforms import ScaledTranslation

    figure = ax.get_figure(root=True)
    assert figure is not None
    return ax.transAxes + ScaledTranslation(0, points / 72, figure.dpi_scale_trans)


# --- sensitivity indices ----------------------------------------------------------------------------------------------


SHOWN = {"mu_star": "mean effect over the range (µ*)", "ST": "total share of the variance", "S1": "by itself"}


@style.in_house_style
def plot_indices(table: pd.DataFrame, metric: str, statistic: str = "p80", ax: Axes | None = None) -> Axes:
    """Draw a table of indices (columns input, mu_star or ST and S1, each with `_conf`), the largest on top."""
    ax = style.canvas(top=0.86) if ax is None else ax
    rows = table.iloc[::-1].reset_index(drop=True)
    columns = [column for column in SHOWN if column in rows]
    bar_height = 0.8 / len(columns)
    for number, column in enumerate(columns):
        positions = rows.index + bar_height * ((len(columns) - 1) / 2 - number)
        colour = (palette.BLUE, palette.ORANGE)[number]
        ax.barh(positions, rows[column], height=0.9 * bar_height, color=colour, label=SHOWN[column])
        ax.errorbar(
            rows[column],
            positions,
            xerr=rows[f"{column}_conf"],
            fmt="none",
            ecolor=palette.INK,
            elinewidth=1.1,
            capsize=3,
        )
    ax.axvline(0, color=palette.INK, lw=1)
    ax.set_yticks(rows.index, [style.text(str(name)) for name in rows["input"]])
    ax.grid(visible=True, axis="x")
    fmt = metric_format(metric)
    ax.set_xlabel(
        style.text(f"effect in {fmt.unit or 'its own unit'}" if "mu_star" in rows else "share of the variance")
    )
    if "mu_star" in rows:
        style.value_ticks(ax.xaxis, fmt)
    style.title(ax, f"What moves the {statistic.upper() if statistic != 'mean' else 'mean'} of {fmt.label}")
    style.legend_above(ax)
    crosses = "an index whose bar crosses 0 is not shown to matter"
    style.caption(ax, f"Bars: 95 % intervals of the indices from the points there are; {crosses}.")
    return ax


# --- history and what was fitted to it --------------------------------------------------------------------------------


@style.in_house_style
def plot_fit(fit: Fit, ax: Axes | None = None) -> Axes:
    """Draw the observed share (Kaplan-Meier where rows are not finished) and every candidate, the chosen one bold."""
    ax = style.canvas(top=0.84) if ax is None else ax
    history = fit.history
    values, share = kaplan_meier(history)
    ax.step(
        [0, *values],
        [0, *share],
        where="post",
        color=palette.INK,
        lw=1.6,
        label=f"observed, n = {len(history.finished)}",
    )
    line = np.linspace(0, 1.15 * float(values.max()), 300)[1:]
    colours = (palette.BLUE, palette.ORANGE, palette.MUTED)
    for number, (candidate, colour) in enumerate(zip(fit.candidates, colours, strict=False)):
        ax.plot(line, candidate.cdf(line), color=colour, lw=2.4 if number == 0 else 1.2, label=candidate.name)
    for value in history.unfinished:
        ax.plot([value], [0.01], "|", color=palette.INK, ms=9)
    ax.set_xlabel(style.text(history.column))
    ax.set_ylabel("share that takes no longer")
    ax.set_ylim(0, 1.02)
    style.legend_above(ax)
    style.title(ax, style.text(f"{history.file}: {history.column}"))
    style.caption(ax, "; ".join(fit.describe()))
    return ax
