"""Were there enough runs: the P80 as it settles with more of them, and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtrik

from sim.report import style
from sim.report.reading import About, Values
from sim.report.words import Measure, interval, measure, number, step_for

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
    ax.legend(loc="upper right")
    style.caption(ax, about.caption("Interval from order statistics (binomial)"), drop=56)
    return ax


def _settled(says: Measure, middle: float, low: float, high: float) -> str:
    step = step_for(low, high, says.finest)
    return f"{says.write(middle, step)} ({interval(low, high, lambda v: says.write(v, step))})"


def running(sample: Values, p: float, points: int = 120) -> tuple[Values, Values, Values, Values]:
    """Return n, the percentile of the first n values and its 95 % interval, where the interval is finite.

    The ends are order statistics whose ranks hold p with 97.5 % either way (binomial, distribution-free).
    """
    n = np.unique(np.linspace(1, len(sample), min(points, len(sample))).astype(np.int64)) if len(sample) else np.empty(0)
    below = np.floor(bdtrik(0.025, n, p)).astype(np.int64)
    above = np.ceil(bdtrik(0.975, n, p)).astype(np.int64)
    fits = (below >= 0) & (above < n) & (bdtrik(0.025, n, p) >= 0)
    rows = [_ranks(sample[:k], (int(np.ceil(k * p)) - 1, lo, hi)) for k, lo, hi in zip(n, below, above, strict=True)]
    table = np.array([[k, *row] for k, row, ok in zip(n, rows, fits, strict=True) if ok]).reshape(-1, 4)
    table = table[np.isfinite(table).all(axis=1)]
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]


def _ranks(first: Values, ranks: tuple[int, ...]) -> list[float]:
    """Return the values at the given ranks (from 0) of the sorted sample, NaN beyond it."""
    ordered = np.sort(first)
    return [float(ordered[r]) if 0 <= r < len(ordered) else np.nan for r in ranks]
