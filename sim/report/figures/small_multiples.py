"""A sweep of many inputs: a panel an input, every point of the design in each, joined by the mean at each value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.words import SAMPLING_ONLY, measure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

ACROSS = 3
FEW = 8
"""Different values up to which each has its own mean; of more, as many classes of neighbours have one."""
APART = 0.35, 0.5
"""Between panels, sideways and upwards, in panels."""
STATISTICS = {"p50": "P50", "p80": "P80", "mean": "mean"}


@style.in_house_style
def plot_small_multiples(
    table: pd.DataFrame, metric: str, inputs: Sequence[str], ax: Axes | None = None, *, statistic: str = "p80",
    runs: int = 0, seed: int = 0,
) -> Axes:  # fmt: skip
    """Draw a sweep's table (a row a point: config, inputs, the metric), a panel an input, on one scale.

    Dots are points; the line is their mean at each value, over whatever else was varied. A colour is a configuration.
    """
    down = -(-len(inputs) // ACROSS)
    ax = style.canvas(height=2.2 + 2.6 * down, right=0.97, top=0.85) if ax is None else ax
    ax.set_axis_off()
    known = table[np.isfinite(table[metric].to_numpy(dtype=np.float64))]
    colours = style.colours([str(name) for name in dict.fromkeys(table["config"])])
    panels = [ax.inset_axes(_place(at, min(ACROSS, len(inputs)), down)) for at in range(len(inputs))]
    for number, (panel, name) in enumerate(zip(panels, inputs, strict=True)):
        _draw(panel, known, metric, name, colours)
        panel.set_xlabel(style.text(name.replace("_", " ")), fontsize=11)
        panel.tick_params(labelsize=10)
        panel.sharey(panels[0])
        panel.tick_params(labelleft=number % ACROSS == 0)
    says = measure(metric)
    panels[0].margins(y=0.12)
    ax.annotate(
        style.text(f"{STATISTICS[statistic]}, {says.unit}" if says.unit else STATISTICS[statistic]), (0, 1), (-40, 8),
        xycoords="axes fraction", textcoords="offset points", fontsize=11, annotation_clip=False,
    )  # fmt: skip
    if len(colours) > 1:
        panels[0].legend(
            *panels[0].get_legend_handles_labels(), loc="lower left", bbox_to_anchor=(0.3, 1.02), ncols=4, fontsize=10.5
        )
    style.title(ax, f"{STATISTICS[statistic]} of {says.name}: what each input does", pad=34)
    meaning = "Dots: points of the design; line: their mean at a value, over whatever else was varied"
    style.caption(ax, f"{meaning}\nn = {runs:,} runs a point on the same luck, seed {seed}; {SAMPLING_ONLY}", drop=52)
    return ax


def _place(at: int, across: int, down: int) -> tuple[float, float, float, float]:
    """Return left, bottom, width and height of a panel, from the top left on."""
    wide, high = 1 / (across + (across - 1) * APART[0] / 2), 1 / (down + (down - 1) * APART[1])
    row, column = divmod(at, across)
    return column * wide * (1 + APART[0] / 2), 1 - high - row * high * (1 + APART[1]), wide, high


def _draw(panel: Axes, table: pd.DataFrame, metric: str, name: str, colours: dict[str, str]) -> None:
    """Draw one input: the points of every configuration, and their means."""
    values = [*dict.fromkeys(table[name].dropna())]
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    places = {value: float(value) if numeric else float(at) for at, value in enumerate(values)}
    for config, colour in colours.items():
        rows = table[(table["config"].astype(str) == config) & table[name].notna()]
        x, y = np.array([places[value] for value in rows[name]]), rows[metric].to_numpy(dtype=np.float64)
        panel.plot(x, y, "o", color=colour, ms=4, alpha=0.4, mec="none")
        panel.plot(*means(x, y), "-" if numeric else "D", color=colour, lw=2.2, label=config.replace("_", " "))
    if not numeric or len(places) <= FEW:
        words = [f"{value:g}" if isinstance(value, float) else style.text(str(value)) for value in values]
        panel.set_xticks([*places.values()], words)
    panel.margins(x=0.08)


def means(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of y at every value of x; where there are many values, at the mean of each class of neighbours."""
    different = np.unique(x)
    if len(different) <= FEW:
        return different, np.array([y[x == value].mean() for value in different])
    parts = np.array_split(np.argsort(x, kind="stable"), FEW)
    return np.array([x[part].mean() for part in parts]), np.array([y[part].mean() for part in parts])
