"""A two-way sweep: one number of one metric as a field of colours, with the number in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.quoting import Quote
from sim.report.words import NEVER, SAMPLING_ONLY, measure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

STATISTICS = {"p50": "P50", "p80": "P80", "mean": "mean"}


@style.in_house_style
def plot_heat_map(
    grid: pd.DataFrame, metric: str, ax: Axes | None = None, *, statistic: str = "p80", runs: int = 0, seed: int = 0
) -> Axes:
    """Draw a two-way table (rows and columns are values of two inputs); deeper is more.

    A field without a number is a point that does not finish, or that could not be run.
    """
    from matplotlib.colors import LinearSegmentedColormap

    longest = max(len(line) for value in grid.index for line in _said(value).split("\n"))
    ax = style.canvas(top=0.87, left=max(0.095, 0.055 + 0.0085 * longest)) if ax is None else ax
    values = grid.to_numpy(dtype=np.float64)
    shown = np.where(np.isfinite(values), values, np.nan)
    colours = LinearSegmentedColormap.from_list("house", ["white", *style.TINTS, style.BLUE])
    ax.imshow(shown, aspect="auto", cmap=colours.with_extremes(bad=style.PALE), origin="lower")
    ax.grid(visible=False)
    middle = np.nanmin(shown) + 0.75 * (np.nanmax(shown) - np.nanmin(shown)) if np.isfinite(shown).any() else 0
    for (row, column), value in np.ndenumerate(values):
        words = _written(metric, float(value))
        ink = "white" if np.isfinite(value) and value > middle else style.INK
        ax.text(column, row, style.text(words), ha="center", va="center", color=ink, fontsize=11.5)
    ax.set_xticks(range(len(grid.columns)), [_said(value) for value in grid.columns])
    ax.set_yticks(range(len(grid.index)), [_said(value) for value in grid.index])
    ax.set_xlabel(style.text(str(grid.columns.name)))
    ax.set_ylabel(style.text(str(grid.index.name)))
    style.title(ax, f"{STATISTICS[statistic]} of {measure(metric).name}", pad=14)
    style.caption(ax, f"n = {runs:,} runs a field on the same luck, seed {seed}; {SAMPLING_ONLY}")
    return ax


def _written(metric: str, value: float) -> str:
    """The number in a field."""
    if not np.isfinite(value):
        return NEVER if np.isinf(value) else "not run"
    quoted = Quote(measure(metric), value, np.nan, np.nan)
    return quoted.measure.write(value, quoted.step)


def _said(value: object) -> str:
    """A value on an axis."""
    return f"{value:g}" if isinstance(value, float) else style.text(str(value))
