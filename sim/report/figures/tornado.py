"""Which risk matters: the days that go when one cause is switched off on the same luck."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.words import SAMPLING_ONLY, measure, signed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

KINDS = {"risk": (style.ORANGE, "risk event"), "uncertainty": (style.BLUE, "uncertainty")}


@style.in_house_style
def plot_tornado(
    data: pd.DataFrame, ax: Axes | None = None, *, metric: str = "lead_time_full_days", most: int = 15, basis: str = ""
) -> Axes:
    """Draw a drivers table (name, kind, METRIC_p50, METRIC_p80: what is saved), the largest at P80 on top."""
    says = measure(metric)
    size = data[[f"{metric}_p80", f"{metric}_p50"]].abs()
    felt = size[(size >= says.finest / 2).any(axis=1)].sort_values([*size], ascending=False, kind="stable")
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
    span = float(max(np.abs(p80).max(initial=0), np.abs(p50).max(initial=0), says.finest))
    low, high = min(0.0, p80.min(initial=0), p50.min(initial=0)), max(0.0, p80.max(initial=0), p50.max(initial=0))
    ax.set_xlim(low - 0.18 * span * (low < 0) - 0.02 * span, high + 0.22 * span)
    for at, value, middle in zip(place, p80, p50, strict=True):
        end = max(value, middle, 0.0) if value >= 0 else min(value, middle)
        ax.annotate(
            style.text(signed(says.write(value, says.finest)) if value else says.write(0.0, says.finest)),
            (end, at), (9 if value >= 0 else -9, 0), textcoords="offset points", va="center",
            ha="left" if value >= 0 else "right", fontsize=11.5,
        )  # fmt: skip
    ax.set_yticks(place, [style.text(textwrap.fill(name, 34)) for name in rows["name"]], fontsize=11)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.set_xlabel(style.text(f"{says.name}: saved when it is switched off, {says.unit}"))
    style.legend_above(ax)
    style.title(ax, f"What drives {says.name}")
    note = "Each cause is switched off alone, on the same luck; effects overlap, so they do not add up"
    style.caption(ax, f"{note}\n{basis}{'; ' if basis else ''}{SAMPLING_ONLY}", drop=56, left=225)
    return ax
