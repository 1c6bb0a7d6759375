"""Man-hours: planned and earned against paid, added up over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.reading import About
from sim.report.words import number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

PAID_TINT = "#f8dfa6"


@style.in_house_style
def plot_man_hours(data: pd.DataFrame, ax: Axes | None = None, *, about: About, runs: int) -> Axes:
    """Draw the table `hours` of a result, of so many runs: hours planned, earned and paid until each day.

    Earned is work content done; what is paid beyond it is waiting, losses, rework and indirect people.
    """
    ax = style.canvas(right=0.97) if ax is None else ax
    x = style.place(about.dates, 0) + data["day"].to_numpy(dtype=float)
    for name, colour, tint in (("paid", style.ORANGE, PAID_TINT), ("earned", style.BLUE, style.TINTS[1])):
        low, middle, high = (data[f"{name}_{p}"].to_numpy(dtype=float) / 1e6 for p in ("p10", "p50", "p90"))
        ax.fill_between(x, low, high, color=tint, lw=0)
        ax.plot(x, middle, color=colour, lw=2.4, label=f"{name}, P50 (band: P10 to P90)")
    ax.plot(x, data["planned"] / 1e6, color="black", lw=1.6, ls=(0, (5, 3)), label="planned")
    moving = np.flatnonzero(
        np.diff(data[["earned_p10", "paid_p10", "planned"]].to_numpy(dtype=float), axis=0).any(axis=1)
    )
    if len(moving):
        ax.set_xlim(x[max(moving[0] - 14, 0)], x[min(moving[-1] + 28, len(x) - 1)])
    ax.set_ylim(0, max(float(data["paid_p90"].max()), float(data["planned"].max()), 1.0) / 1e6 * 1.06)
    ax.set_ylabel("man-hours until then, millions")
    style.dates_below(ax)
    style.legend_above(ax)
    style.title(ax, _headline(float(data["earned_p50"].iloc[-1]), float(data["paid_p50"].iloc[-1])))
    meaning = f"Earned: work content done; paid: everybody on site, also waiting and indirect; of {runs} runs"
    style.caption(ax, about.caption(meaning))
    return ax


def _headline(earned: float, paid: float) -> str:
    """Say how much is paid for an hour that is earned."""
    if not earned:
        return "Man-hours on site"
    return f"Man-hours on site: {number(paid / earned, 0.1)} paid for each one earned (P50 of each)"
