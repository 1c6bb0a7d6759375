"""Line of balance: every block's work as a stroke from its begin to its end, the blocks above one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.report import style
from sim.report.logbook import STAGES, dry, online, stages
from sim.report.reading import About, Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLOURS = dict(zip(STAGES, (style.BLUE, style.ORANGE, "#009e73", "#cc79a7"), strict=True))


@style.in_house_style
def plot_flowline(data: pd.DataFrame, ax: Axes | None = None, *, about: About, hall_blocks: int = 0) -> Axes:
    """Draw the blocks of one run's log: a stroke a stage, from the block's lower edge to its upper one.

    Strokes are not joined: what follows on the next block may be another crew. A thick grey line is the day on
    which a hall was released to the blocks in it (`hall_blocks` to a hall), a black dot a block's first day online.
    """
    ax = style.canvas() if ax is None else ax
    start, spans = style.place(about.dates, 0), [*stages(data)]
    for stage, colour in COLOURS.items():
        of = [(block, begin, end) for block, found, begin, end in spans if found == stage]
        _strokes(ax, of, start, colour, "tests, until online" if stage == STAGES[-1] else stage)
    _halls(ax, dry(data), start, hall_blocks)
    ready = online(data)
    x, y = [start + day for day in ready.values()], list(ready)
    ax.plot(x, y, ".", ls="", color="black", ms=3.5, label="online")
    ax.set_ylim(0, max([*(block for block, *_ in spans), 1]) + 1)
    ax.margins(x=0.02)
    ax.set_ylabel("block")
    style.dates_below(ax)
    style.legend_above(ax)
    style.title(ax, "Flowline of the representative run: steep is fast, a gap is waiting")
    style.caption(ax, about.of_one("Strokes are not joined across crews"))
    return ax


def _strokes(ax: Axes, of: Sequence[tuple[int, float, float]], start: float, colour: str, label: str) -> None:
    """Draw the strokes of one stage as one line with breaks."""
    if not of:
        return
    x = np.array([(start + begin, start + end, np.nan) for _, begin, end in of]).ravel()
    y = np.array([(block - 0.5, block + 0.5, np.nan) for block, _, _ in of]).ravel()
    ax.plot(x, y, color=colour, lw=1.9, solid_capstyle="butt", label=label)


def _halls(ax: Axes, released: Sequence[tuple[str, float]], start: float, hall_blocks: int) -> None:
    """Draw the release of every hall beside its blocks."""
    for number, (_, day) in enumerate(sorted(released, key=lambda hall: int(hall[0].lstrip("h") or 0))):
        edges = number * hall_blocks + 0.5, (number + 1) * hall_blocks + 0.5
        if hall_blocks:
            label = "hall released" if number == 0 else None
            ax.plot([start + day] * 2, edges, color=style.MUTED, lw=4, alpha=0.7, solid_capstyle="butt", label=label)


def hall_blocks_of(result: Result) -> int:
    """Return the blocks in a hall, 0 where the project has no halls."""
    config = result.manifest.get("config", {})
    return int(config["hall"]["blocks"]) if config.get("shell", {}).get("steps") else 0
