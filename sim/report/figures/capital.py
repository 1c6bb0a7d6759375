"""How long capital waits: what has been paid, what of it is in service, and the idle capital between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.reading import About, Values

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

DEFINITION = "idle capital (deployed) = paid - in service; in service = share of each item's MW that is online"


@style.in_house_style
def plot_capital(data: pd.DataFrame, ax: Axes | None = None, *, about: About, idle: str | None = None) -> Axes:
    """Draw capital deployed and in service by day (curves table of a result, dollars), the mean of all runs.

    Means, because their gap is the mean idle capital exactly, which no pair of percentile curves is. `idle` is
    what to write into the gap (lines of words); without it, its area in $M-months over the days given.
    """
    ax = style.canvas() if ax is None else ax
    day, deployed = _mean(data, "capital_deployed_usd")
    service = np.interp(day, *_mean(data, "capital_in_service_usd"))
    scale, unit = (1e9, "bn") if deployed.max(initial=0) >= 1e9 else (1e6, "M")
    x = style.place(about.dates, 0) + day
    ax.fill_between(x, 0, service / scale, color=style.TINTS[1], lw=0, label="in service")
    ax.fill_between(x, service / scale, deployed / scale, color="#f7dfa6", lw=0, label="idle")
    ax.plot(x, deployed / scale, color=style.INK, lw=2.2, label="deployed (paid)")
    ax.plot(x, service / scale, color=style.BLUE, lw=2.2)
    _frame(ax, x, deployed / scale, service / scale, unit)
    if len(x):
        words = idle or f"idle {area_in_millions(day, deployed - service):,.0f} $M-months"
        _write_into_gap(ax, x, service / scale, deployed / scale, words)
    style.title(ax, "Capital deployed against capital in service")
    style.caption(ax, about.caption("Dollars, mean of all runs", DEFINITION))
    return ax


def area_in_millions(day: Values, gap: Values) -> float:
    """Return the area under a gap in dollars by day as millions of dollars x months of 365.25/12 days."""
    return float(np.trapezoid(gap, day)) / (365.25 / 12) / 1e6


def _mean(curves: pd.DataFrame, name: str) -> tuple[Values, Values]:
    curve = curves[curves["curve"] == name].sort_values("day")
    return curve["day"].to_numpy(dtype=np.float64), curve["mean"].to_numpy(dtype=np.float64)


def _frame(ax: Axes, x: Values, deployed: Values, service: Values, unit: str) -> None:
    """Show the time until all that is paid is in service, or all there is."""
    ax.set_ylim(0, max(float(deployed.max(initial=0)), 1e-9) * 1.12)
    if len(x):
        waiting = np.flatnonzero(service < 0.995 * deployed.max())
        ax.set_xlim(x[0], min(x[-1], x[waiting[-1]] + 30) if len(waiting) else x[-1])
    ax.set_ylabel(style.text(f"capital, ${unit}"))
    style.dates_below(ax)
    ax.legend(loc="upper left")


def _write_into_gap(ax: Axes, x: Values, low: Values, high: Values, words: str) -> None:
    """Write on the left, where nothing is paid yet, with a line to the gap where it crosses the same height."""
    level = 0.5 * float(high.max())
    gap = np.flatnonzero((low < level) & (high > level))
    into = float(x[gap].mean()) if len(gap) else float(x[-1])
    ax.annotate(
        style.text(words), (into, level), (0.03, level), xycoords="data", textcoords=("axes fraction", "data"),
        ha="left", va="center", linespacing=1.5, path_effects=style.halo(),
        arrowprops={"arrowstyle": "-|>", "color": style.INK, "lw": 1.2, "relpos": (1, 0.5), "shrinkA": 6, "shrinkB": 0},
    )  # fmt: skip
