"""Sensitivity indices with their intervals: Morris's mean effect, or Sobol's total and first-order shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report import style
from sim.report.words import measure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

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
    says = measure(metric)
    ax.set_xlabel(f"effect in {says.unit or 'its own unit'}" if "mu_star" in rows else "share of the variance")
    style.title(ax, f"What moves the {statistic.upper() if statistic != 'mean' else 'mean'} of {says.name}")
    style.legend_above(ax)
    crosses = "an index whose bar crosses 0 is not shown to matter"
    style.caption(ax, f"Bars: 95 % intervals of the indices from the points there are; {crosses}.")
    return ax
