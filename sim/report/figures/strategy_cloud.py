"""Strategies side by side: every run as a dot of lead time and idle capital, as large as its peak workforce."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.reading import Values, of_runs, percentile
from sim.report.words import SAMPLING_ONLY, measure, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LEAD, IDLE, PEAK = "lead_time_full_days", "idle_capital_months", "peak_workforce_onsite"
LARGEST = 220.0


@style.in_house_style
def plot_strategy_cloud(
    data: Mapping[str, pd.DataFrame], ax: Axes | None = None, *, lead: str = LEAD, idle: str = IDLE, seed: int = 0
) -> Axes:
    """Draw the runs tables of several strategies: lead time (days) by idle capital (months), one dot a run.

    The diamond stands at the P80 of each axis by itself; a joint 80 % it is not, and the caption says so.
    Runs that stalled have no dot and are counted in the legend.
    """
    ax = style.canvas(right=0.715, top=0.87) if ax is None else ax
    largest = max((of_runs(runs, PEAK).max(initial=1.0) for runs in data.values()), default=1.0)
    for name, colour in style.colours(list(data)).items():
        _cloud(ax, name, data[name], lead, idle, colour, largest)
    ax.set_xlabel(f"{measure(lead).name}, days after the decision")
    ax.set_ylabel("idle capital, deployed, months")
    ax.margins(0.08)
    ax.grid(visible=True, axis="both")
    ax.legend(
        fontsize=11.5, loc="upper left", bbox_to_anchor=(1.01, 1), labelspacing=1.1, borderaxespad=0, handletextpad=0.4
    )
    style.title(ax, "Lead time, idle capital and people, strategy by strategy", pad=14)
    runs = max((len(table) for table in data.values()), default=0)
    means = "Area of a dot: peak workforce; diamond: P80 of each axis by itself, not of both at once"
    style.caption(ax, f"{means}\nn = {runs:,} runs each, seed {seed}; {SAMPLING_ONLY}", drop=56)
    return ax


def _cloud(ax: Axes, name: str, runs: pd.DataFrame, lead: str, idle: str, colour: str, largest: float) -> None:
    """Draw the dots of one strategy and the diamond at its P80."""
    x, y, peak = (runs[m].to_numpy(dtype=np.float64) for m in (lead, idle, PEAK))
    there = np.isfinite(x) & np.isfinite(y) & (runs["status"] != "failed").to_numpy()
    ax.scatter(
        x[there], y[there], s=LARGEST * peak[there] / largest, color=colour, alpha=0.35, lw=0, rasterized=True,
        label=_legend(name, peak[there], int(np.isinf(x).sum())),
    )  # fmt: skip
    corner = percentile(of_runs(runs, lead), 0.8), percentile(of_runs(runs, idle), 0.8)
    if np.isfinite(corner).all():
        ax.plot(*corner, "D", color=colour, ms=11, mec="black", mew=1.5, gid=f"P80 {name}")


def _legend(name: str, peak: Values, stalled: int) -> str:
    """Name a strategy with its peak and what is missing of it."""
    people = f"\npeak {number(percentile(peak, 0.5))} people (P50)" if len(peak) else ""
    return textwrap.fill(name, 22) + people + (f"\n{stalled:,} runs stalled" if stalled else "")
