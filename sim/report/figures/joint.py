"""Both at once: in how many runs is the date kept and the budget too."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.reading import About, Values
from sim.report.words import money, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVELS = ((0.5, (0, (1, 2))), (0.7, (0, (5, 3))), (0.8, "solid"))
KEPT, MISSED, HALF = "#009e73", style.RED, "#9aa3ad"


@style.in_house_style
def plot_joint(
    data: tuple[Values, Values], ax: Axes | None = None, *, about: About, target: float, budget: float
) -> Axes:
    """Draw (finish in days, cost in dollars) of every run against a target date and a budget, with joint confidence.

    The curves join dates and costs that are both kept in 50, 70 and 80 % of runs: the 70 % date together with the
    70 % cost is not 70 %.
    """
    ax = style.canvas() if ax is None else ax
    finish, cost = data
    at_once = np.isfinite(finish) & np.isfinite(cost)
    scale, unit = (1e9, "bn") if np.nanmax(cost, initial=0) >= 1e9 else (1e6, "M")
    x, y = style.place(about.dates, 0) + finish[at_once], cost[at_once] / scale
    kept, thrifty = finish[at_once] <= target, cost[at_once] <= budget
    colours = np.where(kept & thrifty, KEPT, np.where(~kept & ~thrifty, MISSED, HALF))
    ax.scatter(x, y, s=18, c=colours, alpha=0.6, lw=0, rasterized=True)
    for level, dashes in LEVELS:
        days, dollars = frontier(finish, cost, level)
        if len(days):
            when, label = style.place(about.dates, 0) + days, f"{level:.0%} both"
            ax.plot(when, dollars / scale, color=style.INK, lw=1.4, ls=dashes, drawstyle="steps-post", label=label)
    ax.axvline(style.place(about.dates, target), color="black", lw=1.4)
    ax.axhline(budget / scale, color="black", lw=1.4)
    ax.set_ylabel(style.text(f"capital in total, ${unit}"))
    ax.grid(visible=False)
    ax.margins(0.06)
    _room_for_the_early(ax, style.place(about.dates, target))
    style.dates_below(ax)
    _quadrants(ax, finish, cost, target, budget)
    style.legend_above(ax)
    both = float(((finish <= target) & (cost <= budget)).mean()) if len(finish) else math.nan
    style.title(ax, f"Date and budget both kept in {percent(both)} of runs")
    limits = f"target {about.dates.say(target)}, budget {money(budget)}"
    style.caption(ax, about.caption(f"Each dot a run; {limits}; curves: that share of runs keeps both"))
    return ax


def frontier(finish: Values, cost: Values, level: float, points: int = 80) -> tuple[Values, Values]:
    """Return dates and costs that a share of the runs keeps both: for each date the least cost."""
    n = len(finish)
    wanted = math.ceil(level * n - 1e-9)
    if not n or wanted > int((np.isfinite(finish) & np.isfinite(cost)).sum()):
        return np.zeros(0), np.zeros(0)
    order = np.argsort(finish, kind="stable")
    days = finish[order]
    places = np.unique(np.linspace(wanted - 1, int(np.isfinite(days).sum()) - 1, points).astype(int))
    least = [float(np.sort(cost[order[: place + 1]])[wanted - 1]) for place in places]
    return days[places], np.array(least)


def _room_for_the_early(ax: Axes, target: float) -> None:
    """Keep the target far enough from the left edge for a share to stand there."""
    low, high = ax.get_xlim()
    ax.set_xlim(min(low, target - 0.1 * (high - target)), high)


def _quadrants(ax: Axes, finish: Values, cost: Values, target: float, budget: float) -> None:
    """Write into each corner the share of runs in that quadrant; a run that never finishes is late."""
    late, dear = ~(finish <= target), ~(cost <= budget)
    corners = (
        (0.01, 0.02, ~late & ~dear),
        (0.99, 0.02, late & ~dear),
        (0.01, 0.97, ~late & dear),
        (0.99, 0.97, late & dear),
    )
    for x, y, inside in corners:
        share = percent(float(inside.mean())) if len(finish) else ""
        ax.annotate(
            share, (x, y), xycoords="axes fraction", ha="left" if x < 0.5 else "right",
            va="bottom" if y < 0.5 else "top", fontweight="bold", path_effects=style.halo(),
        )  # fmt: skip
