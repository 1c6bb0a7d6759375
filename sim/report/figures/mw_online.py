"""How many MW are online when: the ramp of turnovers, fanned out over the runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.reading import About, Values

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BANDS = (("p5", "p95", "5-95 % of runs"), ("p10", "p90", "10-90 %"), ("p20", "p80", "20-80 %"))

PERCENTILES = ("p5", "p10", "p20", "p50", "p80", "p90", "p95")


@style.in_house_style
def plot_mw_online(
    data: pd.DataFrame,
    ax: Axes | None = None,
    *,
    about: About,
    ramp: Sequence[tuple[float, float]] | None = None,
    ramp_name: str = "committed",
    first: float | None = None,
    full: float | None = None,
) -> Axes:
    """Draw the MW online by day (curves table of a result) as steps: bands, P50, and P80 where there is a p20.

    The ramp only ever rises, so a horizontal reading is a percentile of a date: four runs of five have at
    least the p20 of MW on a day, which makes that line the P80 of every date. `ramp` is a promised or
    planned one as (day, MW) steps; `first` and `full` are the P50 days of the first and of all MW, for the headline.
    """
    ax = style.canvas() if ax is None else ax
    curve = data[data["curve"] == "mw_online"].sort_values("day")
    x = style.place(about.dates, 0) + curve["day"].to_numpy(dtype=float)
    for (low, high, label), tint in zip(BANDS, style.TINTS, strict=True):
        if low in curve and high in curve:
            ax.fill_between(x, curve[low], curve[high], step="post", color=tint, lw=0, label=label)
    ax.plot(x, curve["p50"], drawstyle="steps-post", color=style.BLUE, lw=2.4, label="P50")
    if "p20" in curve:
        ax.plot(x, curve["p20"], drawstyle="steps-post", color=style.RED, lw=1.8, label="P80 of date")
    if ramp:
        _ramp(ax, ramp, ramp_name, about, float(curve["day"].max()))
    _frame(ax, curve, x, [(style.place(about.dates, day), mw) for day, mw in ramp or ()])
    style.title(ax, _headline(curve, about, first, full))
    style.caption(ax, about.caption("MW gross; bands hold at each date by itself"))
    return ax


def _ramp(ax: Axes, ramp: Sequence[tuple[float, float]], name: str, about: About, last: float) -> None:
    """Draw the promised steps, held from the last of them to the end of the curves."""
    steps = sorted(ramp)
    days = [0.0, *(day for day, _ in steps), max(last, steps[-1][0])]
    mw = [0.0, *(mw for _, mw in steps), steps[-1][1]]
    x = [style.place(about.dates, day) for day in days]
    ax.plot(x, mw, drawstyle="steps-post", color="black", lw=1.6, ls=(0, (5, 3)), label=name)


def _headline(curve: pd.DataFrame, about: About, first: float | None, full: float | None) -> str:
    """Say when the first and the last MW are online in half of the runs, as far as they are."""
    if first is None or not math.isfinite(first):
        return "MW online" if first is None else "MW online: none in half of the runs"
    if full is None or not math.isfinite(full) or full == first:
        return f"First MW online {about.dates.say(first)} (P50)"
    whole = f"{curve['p90'].max():g} MW"
    return f"First MW online {about.dates.say(first)}, all {whole} {about.dates.say(full)} (P50)"


def _frame(ax: Axes, curve: pd.DataFrame, x: Values, promised: list[tuple[float, float]]) -> None:
    """Show the time from just before the first MW to just after the last change, promised or in any band."""
    top = curve[[c for c in PERCENTILES if c in curve]].to_numpy(dtype=float)
    moving = np.flatnonzero(np.any(np.diff(top, axis=0) != 0, axis=1))
    dates = [at for at, _ in promised]
    ax.set_ylim(0, 1.06 * max([top.max(initial=0.0), 1.0, *(mw for _, mw in promised)]))
    if len(moving):
        low, high = min([x[moving[0]], *dates]), max([x[moving[-1] + 1], *dates])
        margin = 0.06 * max(high - low, 10.0)
        ax.set_xlim(low - margin, high + margin)
    style.dates_below(ax)
    ax.set_ylabel("MW online, gross")
    style.legend_above(ax)
