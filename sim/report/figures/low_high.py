"""The classic tornado: how far each input, moved by itself from low to high, moves one number; the widest on top."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.report import style
from sim.report.quoting import Quote
from sim.report.words import SAMPLING_ONLY, Measure, measure, signed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

STATISTICS = {"p50": "P50", "p80": "P80", "mean": "mean"}


@style.in_house_style
def plot_low_high(
    table: pd.DataFrame, metric: str, statistic: str = "p80", ax: Axes | None = None, *, runs: int = 0, seed: int = 0
) -> Axes:
    """Draw a low/high table (columns input, low, high, low_setting, high_setting, base); bars carry their setting."""
    ax = style.canvas(top=0.86) if ax is None else ax
    says = measure(metric)
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
            _label(ax, float(str(place)), row, end, widest, says)
    ax.axvline(0, color=style.INK, lw=1)
    ax.set_yticks(rows.index, [style.text(str(name)) for name in rows["input"]])
    ax.set_xlim(-1.45 * widest, 1.45 * widest)
    ax.grid(visible=True, axis="x")
    ax.set_xlabel(f"change of the {STATISTICS[statistic]} in {says.unit or 'its own unit'}")
    base = says.write(float(table["base"][0]), says.finest)
    style.title(ax, f"What moves the {STATISTICS[statistic]} of {says.name} ({base})")
    style.legend_above(ax)
    style.caption(ax, f"One input at a time, the others as configured; n = {runs:,} a point, the same luck, seed {seed}. "
                      f"Bars: 95 % intervals, {SAMPLING_ONLY}. Changes do not add up.")  # fmt: skip
    return ax


def _label(ax: Axes, place: float, row: pd.Series, end: str, widest: float, says: Measure) -> None:
    """Write an end's setting and change outside its bar."""
    change = float(row[end])
    outward = change or (-1.0 if end == "low" else 1.0)
    both_same_side = float(row["low"]) * float(row["high"]) > 0
    if both_same_side and abs(change) < max(abs(float(row["low"])), abs(float(row["high"]))):
        return
    reach = max(abs(change), abs(float(row[f"{end}_{'high' if outward > 0 else 'low'}"])))
    x = (reach + 0.03 * widest) * (1 if outward > 0 else -1)
    words = f"{written(says, change)} at {row[f'{end}_setting']}"
    ax.text(x, place, style.text(words), va="center", ha="left" if outward > 0 else "right", fontsize=10.5)


def written(says: Measure, change: float) -> str:
    """Write a change with its sign and unit, to three figures."""
    return signed(says.write(change, Quote(says, change, math.nan, math.nan).step))
