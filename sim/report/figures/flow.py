"""Cumulative flow of skids: what has been started, tested, delivered, set, hooked up and is online."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.reading import About, Values

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BETWEEN = (
    ("started", "tested", "factory", "#dbeaf5"),
    ("tested", "delivered", "on the road", "#b3d3e8"),
    ("delivered", "set", "yard", "#f7dfa6"),
    ("set", "complete", "hook-up", "#e3b7d0"),
    ("complete", "online", "tests", "#99d8c7"),
)


@style.in_house_style
def plot_flow(data: Mapping[str, Values], ax: Axes | None = None, *, about: About) -> Axes:
    """Draw the days on which skids reached each state (`sim.report.logbook.flow`) as stacked areas of one run.

    The height of an area is the skids in that state; its width, how long one stays in it.
    """
    ax = style.canvas() if ax is None else ax
    last = max((float(days.max(initial=0)) for days in data.values()), default=1.0)
    first = min((float(days.min(initial=last)) for days in data.values()), default=0.0)
    day = np.arange(np.floor(first) - 7, np.ceil(last) + 8)
    x = style.place(about.dates, 0) + day
    counts = {state: np.searchsorted(days, day, side="right") for state, days in data.items()}
    for upper, lower, label, colour in BETWEEN:
        ax.fill_between(x, counts[lower], counts[upper], step="post", color=colour, lw=0, label=label)
    ax.fill_between(x, 0, counts["online"], step="post", color="#004d80", lw=0, label="online")
    ax.plot(x, counts["started"], drawstyle="steps-post", color=style.INK, lw=1.2)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(0, max(int(counts["started"].max(initial=1)), 1) * 1.04)
    ax.set_ylabel("skids")
    style.dates_below(ax)
    style.legend_above(ax)
    yard = counts["delivered"] - counts["set"]
    style.title(ax, f"Flow of skids: at most {int(yard.max(initial=0))} in the yard at once")
    style.caption(ax, about.of_one("Skids; height: how many, width: how long"))
    return ax
