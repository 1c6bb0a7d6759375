"""Who is on site: people by trade, week by week, in one run that is like the middle one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.reading import About, Values
from sim.report.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 7
"""Trades shown by themselves; the smaller ones are put together."""
COLOURS = (style.BLUE, style.ORANGE, "#009e73", "#cc79a7", "#56b4e9", "#7a6a00", "#b08968", "#9aa3ad")
INDIRECT = "indirect"


@style.in_house_style
def plot_trades(
    data: Mapping[str, Values],
    ax: Axes | None = None,
    *,
    about: About,
    indirect: float = 0.0,
    limit: float | None = None,
) -> Axes:
    """Draw direct people by trade and day, stacked, each week at its highest day; `indirect` is people per direct one.

    This is one whole run, not a band: its peak is a peak that can happen.
    """
    ax = style.canvas(right=0.80) if ax is None else ax
    layers = by_week(data, indirect)
    weeks = next(iter(layers.values()), np.zeros(0))
    edges = style.place(about.dates, 0) + 7.0 * np.arange(len(weeks) + 1)
    floor = np.zeros(len(weeks))
    for (trade, layer), colour in zip(layers.items(), (*COLOURS[: max(len(layers) - 1, 0)], style.PALE), strict=False):
        ax.stairs(floor + layer, edges, baseline=floor, fill=True, color=colour, label=trade.replace("_", " "))
        floor = floor + layer
    if limit is not None:
        ax.axhline(limit, color=style.RED, lw=2, ls=(0, (6, 4)), label=f"limit {number(limit)}")
    if len(weeks):
        ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, max(floor.max(initial=1.0), limit or 0.0) * 1.08)
    ax.set_ylabel("people on site")
    style.dates_below(ax)
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, fontsize=11)
    style.title(ax, f"People on site by trade: peak {number(float(floor.max(initial=0)))} in this run", pad=14)
    style.caption(ax, about.of_one("Direct people by trade and indirect ones by their ratio, highest day of each week"))
    return ax


def by_week(data: Mapping[str, Values], indirect: float) -> dict[str, Values]:
    """Return layers from the bottom: the largest trades, all others, indirect people; their sum on each week's top day."""
    if not data:
        return {}
    largest = sorted(data, key=lambda trade: -float(data[trade].sum()))
    daily = {trade: data[trade] for trade in largest[:MOST]}
    if len(largest) > MOST:
        daily["others"] = np.sum([data[trade] for trade in largest[MOST:]], axis=0)
    direct = np.sum(list(daily.values()), axis=0)
    daily[INDIRECT] = np.ceil(direct * indirect - 1e-9)
    return {trade: _of_top_days(values, direct) for trade, values in daily.items()}


def _of_top_days(values: Values, direct: Values) -> Values:
    """Return a value for each week: that of the day on which most direct people are on site."""
    weeks = int(np.flatnonzero(direct)[-1]) // 7 + 2 if direct.any() else 0
    days = [slice(7 * week, 7 * week + 7) for week in range(weeks)]
    return np.array([values[day][np.argmax(direct[day])] if len(direct[day]) else 0.0 for day in days])
