"""When is it all online: the S-curve over its histogram, with the dates a planner quotes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.reading import About, Values, percentile, share_at_most
from sim.report.words import NEVER, NOT_QUOTED, days, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUOTED = {"p10": 0.10, "p50": 0.50, "p80": 0.80, "p90": 0.90}
WIDTHS = (1, 2, 3, 5, 7, 14, 28, 56, 112, 224)


@style.in_house_style
def plot_finish(
    data: Values,
    ax: Axes | None = None,
    *,
    about: About,
    quoted: Mapping[str, float] | None = None,
    planned: float | None = None,
    target: float | None = None,
) -> Axes:
    """Draw the finish of every run (days, +inf where it stalled) as histogram (left) and step S-curve (right).

    `quoted` are the p10, p50, p80, p90 in days (read off the runs where not given); `planned` is the finish of the
    deterministic run and `target` the date wanted, both in days, each with its share of runs.
    """
    ax = style.canvas(right=0.905, top=0.815) if ax is None else ax
    reached = np.sort(data[np.isfinite(data)])
    quoted = quoted or {name: percentile(data, p) for name, p in QUOTED.items()}
    style.title(ax, _headline(about, quoted["p80"]), pad=48)
    right = ax.twinx()
    low, high = _span(reached, planned, target)
    if len(reached):
        _histogram(ax, reached, about)
        _s_curve(right, reached, len(data), about, high)
    ax.set_xlim(style.place(about.dates, low), style.place(about.dates, high))
    style.dates_below(ax)
    _quoted(right, quoted, about)
    _promise(right, data, planned, about, "planned", (0, ()), 6)
    _promise(right, data, target, about, "target", (0, (6, 4)), 24)
    _frame(ax, right)
    style.caption(ax, about.caption("Share of runs that finish on or before a date", *_missing(data)))
    return ax


def _headline(about: About, p80: float) -> str:
    """Say the date that is quoted."""
    if not math.isfinite(p80):
        return f"All MW online: P80 {NOT_QUOTED if math.isnan(p80) else NEVER}"
    return f"All MW online on or before {about.dates.say(p80)} (P80)"


def _missing(data: Values) -> list[str]:
    """Say in how many runs the finish is not reached."""
    stalled = int(np.isinf(data).sum())
    return [f"not reached in {percent(stalled / len(data))} of runs"] if stalled else []


def _span(reached: Values, planned: float | None, target: float | None) -> tuple[float, float]:
    """Return the days the axis spans: all runs and both promises, and a column for the labels left of them."""
    told = [d for d in (planned, target) if d is not None and math.isfinite(d)]
    days = [*reached[:1], *reached[-1:], *told] or [0.0]
    low, high = min(days), max(days)
    wide = max(high - low, 14.0)
    return low - 0.33 * wide, max(high, low + wide / 2) + 0.05 * wide


def bins(reached: Values) -> Values:
    """Return edges of whole-day bins, about as wide as Freedman and Diaconis' rule asks."""
    spread = float(np.subtract(*np.quantile(reached, [0.75, 0.25])))
    ideal = 2 * spread / len(reached) ** (1 / 3)
    span = float(reached[-1] - reached[0])
    width = next((w for w in WIDTHS if w >= ideal and span / w <= 60), WIDTHS[-1])
    first = math.floor(reached[0] / width) * width
    return np.arange(first, reached[-1] + 2 * width, width, dtype=np.float64)


def _histogram(ax: Axes, reached: Values, about: About) -> None:
    """Draw how many runs finish in each bin of days."""
    edges = bins(reached)
    counts, _ = np.histogram(reached, edges)
    ax.stairs(counts, style.place(about.dates, 0) + edges, fill=True, color=style.PALE, label="runs")
    ax.set_ylim(0, counts.max() * 1.08)
    ax.set_ylabel(f"runs in {days(float(edges[1] - edges[0]))}")


def _s_curve(right: Axes, reached: Values, of: int, about: About, high: float) -> None:
    """Draw the step curve of the share of all runs that finished by each day; stalls keep it under 100 %."""
    x = style.place(about.dates, 0) + np.concatenate([[reached[0]], reached, [high]])
    y = np.concatenate([[0], np.arange(1, len(reached) + 1), [len(reached)]]) / of * 100
    right.plot(x, y, drawstyle="steps-post", color=style.BLUE, lw=2.4, label="S-curve")


def _quoted(right: Axes, quoted: Mapping[str, float], about: About) -> None:
    """Drop a line from the curve at each quoted percentile, and lead back from it to its date on the left."""
    left = right.get_xlim()[0]
    for name, day in quoted.items():
        if not math.isfinite(day):
            continue
        share, x, red = QUOTED[name] * 100, style.place(about.dates, day), name == "p80"
        colour = style.RED if red else style.MUTED
        right.plot([x, x], [0, share], color=colour, lw=2 if red else 1.3, label=name.upper(), zorder=3 if red else 2)
        right.plot([left, x], [share, share], color=colour, lw=0.9, ls=(0, (1, 3)))
        right.plot([x], [share], "o", color=colour, ms=6, zorder=3 if red else 2.5)
        right.annotate(
            f"{name.upper()}  {about.dates.say(day)}", (0, share), (8, 2), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="bottom", color=style.RED if red else style.INK,
            fontweight="bold" if red else "normal", path_effects=style.halo(),
        )  # fmt: skip


def _promise(
    right: Axes, data: Values, day: float | None, about: About, word: str, dashes: tuple[int, tuple[int, ...]], up: int
) -> None:
    """Draw a promised date as a black vertical with the share of runs that keep it."""
    if day is None or not math.isfinite(day):
        return
    x = style.place(about.dates, day)
    right.axvline(x, color="black", lw=1.6, ls=dashes, label=word)
    low, high = right.get_xlim()
    at = (x - low) / (high - low)
    says = f"{word} {about.dates.say(day)}: {percent(share_at_most(data, day).fraction)}"
    side = "left" if at < 0.2 else "right" if at > 0.8 else "center"
    right.annotate(
        says, (x, 1), (0, up), xycoords=("data", "axes fraction"), textcoords="offset points", ha=side, va="bottom",
        color="black", annotation_clip=False,
    )  # fmt: skip


def _frame(ax: Axes, right: Axes) -> None:
    """Give both axes their scales."""
    from matplotlib.ticker import MaxNLocator

    right.set_ylim(0, 104)
    right.set_yticks(range(0, 101, 20), [f"{p} %" for p in range(0, 101, 20)])
    right.set_ylabel("share of runs, on or before")
    right.grid(visible=False)
    ax.grid(visible=False)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    right.spines["right"].set_visible(True)
    ax.spines["right"].set_visible(False)
