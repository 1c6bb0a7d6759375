"""What moves one number: inputs moved from low to high, causes switched off, and sensitivity indices with their intervals."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from sim.report.figures import style
from sim.report.formatting import SAMPLING_ONLY, MetricFormat, Quote, metric_format, signed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


# --- inputs at their low and high ends --------------------------------------------------------------------------------


STATISTICS = {"p50": "P50", "p80": "P80", "mean": "mean"}


@style.in_house_style
def plot_low_high(
    table: pd.DataFrame, metric: str, statistic: str = "p80", ax: Axes | None = None, *, runs: int = 0, seed: int = 0
) -> Axes:
    """Draw a low/high table (columns input, low, high, low_setting, high_setting, base); bars carry their setting."""
    ax = style.canvas(top=0.86) if ax is None else ax
    fmt = metric_format(metric)
    rows = table.iloc[::-1].reset_index(drop=True)
    widest = max(float(rows[["low", "high"]].abs().to_numpy().max(initial=0.0)), 1e-9)
    for end, colour in (("low", style.ORANGE), ("high", style.BLUE)):
        ax.barh(rows.index, rows[end], height=0.62, color=colour, label=f"input at its {end} end")
        errors = (rows[end] - rows[f"{end}_low"], rows[f"{end}_high"] - rows[end])
        known = (errors[0] >= 0) & (errors[1] >= 0)
        ax.errorbar(
            rows[end][known], rows.index[known], xerr=[error[known] for error in errors], fmt="none",
            ecolor=style.INK, elinewidth=1.1, capsize=3,
        )  # fmt: skip
    for place, row in rows.iterrows():
        for end in ("low", "high"):
            _label_end(ax, float(str(place)), row, end, widest, fmt)
    ax.axvline(0, color=style.INK, lw=1)
    ax.set_yticks(rows.index, [style.text(str(name)) for name in rows["input"]])
    ax.set_xlim(-1.45 * widest, 1.45 * widest)
    ax.grid(visible=True, axis="x")
    ax.set_xlabel(f"change of the {STATISTICS[statistic]} in {fmt.unit or 'its own unit'}")
    base = fmt.write(float(table["base"][0]), fmt.finest_step)
    style.title(ax, f"What moves the {STATISTICS[statistic]} of {fmt.label} ({base})")
    style.legend_above(ax)
    style.caption(ax, f"One input at a time, the others as configured; n = {runs:,} a point, the same random "
                      f"numbers, seed {seed}. Bars: 95 % intervals, {SAMPLING_ONLY}. Changes do not add up.")  # fmt: skip
    return ax


def _label_end(ax: Axes, place: float, row: pd.Series, end: str, widest: float, fmt: MetricFormat) -> None:
    """Write an end's setting and change outside its bar."""
    change = float(row[end])
    outward = change or (-1.0 if end == "low" else 1.0)
    both_same_side = float(row["low"]) * float(row["high"]) > 0
    if both_same_side and abs(change) < max(abs(float(row["low"])), abs(float(row["high"]))):
        return
    reach = max(abs(change), abs(float(row[f"{end}_{'high' if outward > 0 else 'low'}"])))
    x = (reach + 0.03 * widest) * (1 if outward > 0 else -1)
    words = f"{change_text(fmt, change)} at {row[f'{end}_setting']}"
    ax.text(x, place, style.text(words), va="center", ha="left" if outward > 0 else "right", fontsize=10.5)


def change_text(fmt: MetricFormat, change: float) -> str:
    """Write a change with its sign and unit, to three figures."""
    return signed(fmt.write(change, Quote(fmt, change, math.nan, math.nan).step))


# --- causes switched off ----------------------------------------------------------------------------------------------


KINDS = {"risk": (style.ORANGE, "risk event"), "uncertainty": (style.BLUE, "uncertainty")}


@style.in_house_style
def plot_tornado(
    data: pd.DataFrame, ax: Axes | None = None, *, metric: str = "lead_time_full_days", most: int = 15, basis: str = ""
) -> Axes:
    """Draw a drivers table (name, kind, METRIC_p50, METRIC_p80: what is saved), the largest at P80 on top."""
    fmt = metric_format(metric)
    size = data[[f"{metric}_p80", f"{metric}_p50"]].abs()
    felt = size[(size >= fmt.finest_step / 2).any(axis=1)].sort_values([*size], ascending=False, kind="stable")
    rows = data.reindex(felt.index).head(most)
    ax = style.canvas(left=0.33, height=2.6 + 0.42 * max(len(rows), 4)) if ax is None else ax
    place = np.arange(len(rows))
    p80, p50 = (rows[f"{metric}_{p}"].to_numpy(dtype=np.float64) for p in ("p80", "p50"))
    for kind, (colour, words) in KINDS.items():
        of = (rows["kind"] == kind).to_numpy()
        if of.any():
            ax.barh(place[of], p80[of], 0.62, color=colour, label=f"{words}, at P80")
    ax.plot(p50, place, "d", ls="", color=style.INK, ms=7, mfc="white", mew=1.5, label="at P50")
    ax.axvline(0, color="black", lw=1.4)
    span = float(max(np.abs(p80).max(initial=0), np.abs(p50).max(initial=0), fmt.finest_step))
    low, high = min(0.0, p80.min(initial=0), p50.min(initial=0)), max(0.0, p80.max(initial=0), p50.max(initial=0))
    ax.set_xlim(low - 0.18 * span * (low < 0) - 0.02 * span, high + 0.22 * span)
    for at, value, middle in zip(place, p80, p50, strict=True):
        end = max(value, middle, 0.0) if value >= 0 else min(value, middle)
        ax.annotate(
            style.text(signed(fmt.write(value, fmt.finest_step)) if value else fmt.write(0.0, fmt.finest_step)),
            (end, at), (9 if value >= 0 else -9, 0), textcoords="offset points", va="center",
            ha="left" if value >= 0 else "right", fontsize=11.5,
        )  # fmt: skip
    ax.set_yticks(place, [style.text(textwrap.fill(name, 34)) for name in rows["name"]], fontsize=11)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.set_xlabel(style.text(f"{fmt.label}: saved when it is switched off, {fmt.unit}"))
    style.legend_above(ax)
    style.title(ax, f"What drives {fmt.label}")
    note = "Each cause is switched off alone, on the same random numbers; effects overlap, so they do not add up"
    style.caption(ax, f"{note}\n{basis}{'; ' if basis else ''}{SAMPLING_ONLY}", drop=56, left=225)
    return ax


# --- sensitivity indices ----------------------------------------------------------------------------------------------


SHOWN = {"mu_star": "mean effect over the range (µ*)", "ST": "total share of the variance", "S1": "by itself"}


@style.in_house_style
def plot_indices(table: pd.DataFrame, metric: str, statistic: str = "p80", ax: Axes | None = None) -> Axes:
    """Draw a table of indices (columns input, mu_star or ST and S1, each with `_conf`), the largest on top."""
    ax = style.canvas(top=0.86) if ax is None else ax
    rows = table.iloc[::-1].reset_index(drop=True)
    shown = [column for column in SHOWN if column in rows]
    high = 0.8 / len(shown)
    for number, column in enumerate(shown):
        at = rows.index + high * ((len(shown) - 1) / 2 - number)
        colour = (style.BLUE, style.ORANGE)[number]
        ax.barh(at, rows[column], height=0.9 * high, color=colour, label=SHOWN[column])
        ax.errorbar(
            rows[column], at, xerr=rows[f"{column}_conf"], fmt="none", ecolor=style.INK, elinewidth=1.1, capsize=3
        )
    ax.axvline(0, color=style.INK, lw=1)
    ax.set_yticks(rows.index, [style.text(str(name)) for name in rows["input"]])
    ax.grid(visible=True, axis="x")
    fmt = metric_format(metric)
    ax.set_xlabel(f"effect in {fmt.unit or 'its own unit'}" if "mu_star" in rows else "share of the variance")
    style.title(ax, f"What moves the {statistic.upper() if statistic != 'mean' else 'mean'} of {fmt.label}")
    style.legend_above(ax)
    crosses = "an index whose bar crosses 0 is not shown to matter"
    style.caption(ax, f"Bars: 95 % intervals of the indices from the points there are; {crosses}.")
    return ax
