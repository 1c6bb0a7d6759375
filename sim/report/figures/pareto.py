"""The designs that were tried: objective against finish, those that keep the limits, the Pareto set, start and best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.words import SAMPLING_ONLY, measure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@style.in_house_style
def plot_pareto(
    trials: pd.DataFrame, objective: str, against: str, ax: Axes | None = None, *, statistic: str = "mean",
    runs: int = 0, seed: int = 0,
) -> Axes:  # fmt: skip
    """Draw the trials of a tuning (columns objective, against, feasible, pareto, best; the first is the start)."""
    ax = style.canvas(top=0.84) if ax is None else ax
    x, y = trials["against"].to_numpy(dtype=np.float64), trials["objective"].to_numpy(dtype=np.float64)
    there = np.isfinite(x) & np.isfinite(y)
    keeps, best = trials["feasible"].to_numpy(dtype=bool), trials["best"].to_numpy(dtype=bool)
    groups = (
        ("misses a limit", there & ~keeps, style.MUTED, "x"),
        ("keeps every limit", there & keeps, style.BLUE, "o"),
    )
    for label, chosen, colour, mark in groups:
        ax.plot(x[chosen], y[chosen], mark, color=colour, ms=6, alpha=0.75, label=label, ls="")
    front = np.flatnonzero(trials["pareto"].to_numpy(dtype=bool))
    front = front[np.argsort(x[front], kind="stable")]
    if len(front):
        ax.step(x[front], y[front], where="post", color=style.ORANGE, lw=2, label="Pareto set")
    for label, place, mark in (("start", 0, "s"), ("best", int(np.flatnonzero(best)[0]), "*")):
        if there[place]:
            size = 15 if mark == "*" else 9
            ax.plot(x[place], y[place], mark, color=style.INK, ms=size, mfc="none", mew=2, ls="", label=label)
    ax.set_xlabel(style.text(f"P80 of {_with_unit(against)}"))
    said = "mean" if statistic == "mean" else statistic.upper()
    ax.set_ylabel(style.text(f"{said} of {_with_unit(objective)}"))
    ax.margins(0.08)
    ax.grid(visible=True, axis="both")
    style.legend_above(ax)
    style.title(ax, f"{len(trials)} designs for a small {measure(objective).name}")
    caption = (
        f"n = {runs:,} runs a design on the same luck, seed {seed}; {SAMPLING_ONLY}. The best of many looks better "
    )
    style.caption(ax, f"{caption}than it is: see it on fresh luck.")
    return ax


def _with_unit(metric: str) -> str:
    """A metric's name with its unit."""
    says = measure(metric)
    return f"{says.name}, {says.unit}" if says.unit else says.name
