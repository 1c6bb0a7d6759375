"""Capital over time: what has been paid, what of it is in service, and the idle capital between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report.figures import style
from sim.report.formatting import money_months
from sim.report.result_view import RunInfo, Values

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

DEFINITION = "idle = paid - in service (each item's share of MW online)"


@style.in_house_style
def plot_capital(data: pd.DataFrame, ax: Axes | None = None, *, info: RunInfo, idle: str = "", note: str = "") -> Axes:
    """Draw capital deployed and in service by day (curves table of a result, dollars), the mean of all runs.

    Means, because their gap is the mean idle capital exactly, which no pair of percentile curves is. `idle` is
    what to call the gap, dollar-months in words; without it, its area over the days given. `note` stands above.
    """
    ax = style.canvas() if ax is None else ax
    day, deployed = _mean(data, "capital_deployed_usd")
    service = np.interp(day, *_mean(data, "capital_in_service_usd"))
    scale, unit = (1e9, "bn") if deployed.max(initial=0) >= 1e9 else (1e6, "M")
    x = style.date_position(info.dates, 0) + day
    words = f"Mean of all runs; idle {idle or money_months(area_between(day, deployed - service))}"
    ax.fill_between(x, 0, service / scale, color=style.TINTS[1], lw=0, label="in service")
    ax.fill_between(x, service / scale, deployed / scale, color="#f7dfa6", lw=0, label="idle")
    if (data["curve"] == "capital_committed_usd").any():
        signed = np.interp(day, *_mean(data, "capital_committed_usd"))
        ax.plot(x, signed / scale, color=style.MUTED, lw=1.6, ls=(0, (5, 3)), label="committed (under contract)")
    ax.plot(x, deployed / scale, color=style.INK, lw=2.2, label="deployed (paid)")
    ax.plot(x, service / scale, color=style.BLUE, lw=2.2)
    _frame(ax, x, deployed / scale, service / scale, unit)
    _subtitle(ax, note)
    style.title(ax, "Capital deployed against capital in service")
    style.caption(ax, info.caption(words, DEFINITION))
    return ax


def area_between(day: Values, gap: Values) -> float:
    """Return the area under a gap in dollars by day as dollars x months of 365.25/12 days."""
    return float(np.trapezoid(gap, day)) / (365.25 / 12)


def _mean(curves: pd.DataFrame, name: str) -> tuple[Values, Values]:
    """Return days and mean of a curve."""
    curve = curves[curves["curve"] == name].sort_values("day")
    return curve["day"].to_numpy(dtype=np.float64), curve["mean"].to_numpy(dtype=np.float64)


def _frame(ax: Axes, x: Values, deployed: Values, service: Values, unit: str) -> None:
    """Show the time until all that is paid is in service, or all there is."""
    ax.set_ylim(0, max(float(deployed.max(initial=0)), 1e-9) * 1.12)
    if len(x):
        waiting = np.flatnonzero(service < 0.995 * deployed.max())
        ax.set_xlim(x[0], min(x[-1], x[waiting[-1]] + 30) if len(waiting) else x[-1])
    ax.set_ylabel(style.text(f"capital, ${unit}"))
    style.date_axis(ax)
    ax.legend(loc="lower right")


def _subtitle(ax: Axes, words: str) -> None:
    """Write a line between title and axes."""
    ax.annotate(
        style.text(words), (0, 1), (0, 9), xycoords="axes fraction", textcoords="offset points", va="bottom",
        fontsize=12, annotation_clip=False,
    )  # fmt: skip
