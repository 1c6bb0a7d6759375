"""A sweep along one input: the P50 with its interval and the P80 of a metric at every value, a line a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.words import SAMPLING_ONLY, measure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@style.in_house_style
def plot_sweep_lines(
    summary: pd.DataFrame, metric: str, by: str, ax: Axes | None = None, *, seed: int = 0, title: str = ""
) -> Axes:
    """Draw one metric of a sweep's summary against the input `by`; its other inputs must not vary.

    Full lines are P50 with their 95 % interval, dashed ones P80. Texts stand in the order in which they were tried.
    """
    ax = style.canvas(top=0.84) if ax is None else ax
    rows = summary[summary["metric"] == metric]
    lines = {"": rows} if by == "config" else dict(iter(rows.groupby("config", sort=False)))
    places = _places(list(rows[by]))
    joined = "-" if rows[by].dtype != object else ""
    for name, colour in style.colours([str(line) for line in lines]).items():
        line = lines[name]
        x = np.array([places[value] for value in line[by]])
        called = f"{name} " if len(lines) > 1 else ""
        low, high = (line[f"p50_{end}"].to_numpy(dtype=np.float64) for end in ("low", "high"))
        middle = line["p50"].to_numpy(dtype=np.float64)
        known = np.isfinite(low) & np.isfinite(high)
        ax.errorbar(
            x[known], middle[known], yerr=(middle[known] - low[known], high[known] - middle[known]),
            fmt="none", ecolor=colour, elinewidth=1.6, capsize=4, alpha=0.7,
        )  # fmt: skip
        ax.plot(x, middle, f"o{joined}", color=colour, lw=2.2, ms=6, label=f"{called}P50, bar: 95 % interval")
        ax.plot(
            x,
            line["p80"],
            "D" + ("--" if joined else ""),
            color=colour,
            lw=1.6,
            ms=5,
            mfc="white",
            label=f"{called}P80",
        )
    ax.set_xticks(sorted(places.values()), [_said(value) for value in sorted(places, key=lambda v: places[v])])
    ax.set_xlabel(style.text(by))
    says = measure(metric)
    ax.set_ylabel(style.text(f"{says.name}, {says.unit}" if says.unit else says.name))
    if says.unit.startswith("$"):  # millions and billions in words, instead of a power of ten in the corner
        ax.yaxis.set_major_formatter(lambda y, _: style.text(says.write(y, says.finest)))
        ax.set_ylabel("")  # the title says it
    ax.margins(x=0.06, y=0.12)
    style.legend_above(ax)
    style.title(ax, title or f"{measure(metric).name} by {by}")
    n = int(rows["n"].max()) if len(rows) else 0
    style.caption(ax, f"n = {n:,} runs a point on the same luck, seed {seed}; {SAMPLING_ONLY}")
    return ax


def _places(values: list[object]) -> dict[object, float]:
    """Where each value stands: at itself if it is a number, otherwise in the order met."""
    once = list(dict.fromkeys(values))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in once):
        return {value: float(value) for value in once}  # type: ignore[arg-type]
    return {value: float(place) for place, value in enumerate(once)}


def _said(value: object) -> str:
    """A value on the axis."""
    return f"{value:g}" if isinstance(value, float) else style.text(str(value))
