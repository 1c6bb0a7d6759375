"""Were there enough runs: the P80 as it settles with more of them, and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.reading import About, Values
from sim.report.words import Measure, interval, measure, number, step_for
from sim.study.intervals import quantile_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@style.in_house_style
def plot_convergence(
    data: Values, ax: Axes | None = None, *, about: About, metric: str = "lead_time_full_days", p: float = 0.8
) -> Axes:
    """Draw the percentile `p` of the first n runs (replication order) and its 95 % interval against n."""
    ax = style.canvas() if ax is None else ax
    n, middle, low, high = running(data, p)
    name = f"P{p * 100:.0f}"
    ax.fill_between(n, low, high, step="post", color=style.PALE, lw=0, label="95 % interval")
    colour = style.RED if name == "P80" else style.BLUE
    ax.plot(n, middle, drawstyle="steps-post", color=colour, lw=2.2, label=f"{name} of the first n runs")
    ax.set_xlabel("runs, n")
    says = measure(metric)
    ax.set_ylabel(style.text(f"{says.name}, {says.unit}"))
    ax.xaxis.set_major_formatter(lambda x, _: number(x))
    if len(n):
        ax.set_xlim(0, n[-1])
        style.title(ax, f"{name} of {says.name}: {_settled(says, middle[-1], low[-1], high[-1])}")
    style.legend_above(ax)
    style.caption(ax, about.caption("Interval from order statistics (binomial)"), drop=56)
    return ax


def _settled(says: Measure, middle: float, low: float, high: float) -> str:
    """Write where the percentile has come to rest, with its interval."""
    step = step_for(low, high, says.finest)
    return f"{says.write(middle, step)} ({interval(low, high, lambda v: says.write(v, step))})"


def running(sample: Values, p: float, points: int = 120) -> tuple[Values, Values, Values, Values]:
    """Return n, the percentile of the first n values and its 95 % interval, where both ends are finite."""
    sizes = sorted({int(n) for n in np.linspace(1, len(sample), points)} - {0})
    found = [quantile_interval(sample[:n], p) for n in sizes if n <= len(sample)]
    rows = [(f.n, f.value, f.low, f.high) for f in found if np.isfinite([f.value, f.low, f.high]).all()]
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]
