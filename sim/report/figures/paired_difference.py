"""How sure is it that one strategy beats another: the difference run by run, on the same luck."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.reading import Share, Values, percentile
from sim.report.words import SAMPLING_ONLY, measure, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@style.in_house_style
def plot_paired_difference(
    data: Values,
    ax: Axes | None = None,
    *,
    a: str,
    b: str,
    metric: str = "lead_time_full_days",
    more_is_better: bool = False,
    seed: int = 0,
) -> Axes:
    """Draw the differences A - B of a metric over paired replications, with the zero line and P(A better).

    Infinite differences (one of the two stalled) count in the probability and have no bar; NaN is a tie.
    """
    ax = style.canvas() if ax is None else ax
    finite = data[np.isfinite(data)]
    better = Share(int(((data > 0) if more_is_better else (data < 0)).sum()), len(data))
    if len(finite):
        _columns(ax, finite, more_is_better=more_is_better)
    ax.axvline(0, color="black", lw=1.8, label="no difference")
    _p50(ax, percentile(finite, 0.5), metric)
    unit = f", {measure(metric).unit}" if measure(metric).unit else ""
    ax.set_xlabel(style.text(f"{measure(metric).name}: {a} \N{MINUS SIGN} {b}{unit}"))
    ax.set_ylabel("pairs of runs")
    word = "faster" if metric.startswith("lead_time") else "better"
    style.title(ax, f"P({a} {word} than {b}) = {better.say()}")
    pairs = f"n = {len(data):,} pairs on the same luck, seed {seed}{_lost(data)}; the interval is of this pair alone"
    style.caption(ax, f"{pairs}; {SAMPLING_ONLY}", drop=56)
    return ax


def _columns(ax: Axes, finite: Values, *, more_is_better: bool) -> None:
    """Draw the histogram with an edge at zero, better in blue and worse in grey."""
    low, high = min(finite.min(), 0.0), max(finite.max(), 0.0)
    width = max(high - low, 1e-9) / min(40, 8 + 2 * np.sqrt(len(finite)))
    edges = np.arange(np.floor(low / width), np.ceil(high / width) + 1) * width
    edges = np.append(edges, edges[-1] + width)
    counts, _ = np.histogram(finite, edges)
    middle = (edges[:-1] + edges[1:]) / 2
    better = middle > 0 if more_is_better else middle < 0
    ax.bar(middle, counts, width, color=np.where(better, style.TINTS[2], "#b4bcc6"))
    ax.margins(x=0.04)


def _p50(ax: Axes, middle: float, metric: str) -> None:
    """Mark the middle of the differences."""
    if not np.isfinite(middle):
        return
    says = measure(metric)
    ax.axvline(middle, color=style.INK, lw=1.5, ls=(0, (4, 3)))
    ax.annotate(
        style.text(f"P50 {signed(says.write(middle, says.finest))}"), (middle, 1), (0, 6),
        xycoords=("data", "axes fraction"), textcoords="offset points", ha="center", va="bottom", annotation_clip=False,
    )  # fmt: skip


def _lost(data: Values) -> str:
    """Say how many pairs have no column."""
    lost = int((~np.isfinite(data)).sum())
    return f", {lost:,} with a stalled run have no column" if lost else ""
