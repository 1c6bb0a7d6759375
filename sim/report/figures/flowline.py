"""The flow of work in the representative run: the line of balance of the blocks, and the cumulative flow of skids.

In a line of balance (flowline) each stage of a block is a stroke; steep is fast, a gap is waiting. In a cumulative flow
diagram the height between two lines is the skids in a state, the width how long they stay in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.report.figures import palette, style
from sim.report.representative_run import STAGES, Values, hall_releases, online_days, stages
from sim.report.result_view import RunInfo

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


# --- line of balance --------------------------------------------------------------------------------------------------


@style.in_house_style
def plot_flowline(data: pd.DataFrame, ax: Axes | None = None, *, info: RunInfo, hall_blocks: int = 0) -> Axes:
    """Draw the blocks of one run's log: a stroke a stage, from the block's lower edge to its upper one.

    Strokes are not joined: what follows on the next block may be another crew. A thick grey line is the day on
    which a hall was released to the blocks in it (`hall_blocks` to a hall), a black dot a block's first day online.
    """
    ax = style.canvas() if ax is None else ax
    start, stage_periods = style.date_position(info.dates, 0), [*stages(data)]
    for stage, colour in palette.STAGES.items():
        strokes = [(block, begin, end) for block, stage_of_work, begin, end in stage_periods if stage_of_work == stage]
        _strokes(ax, strokes, start, colour, "tests, until online" if stage == STAGES[-1] else stage)
    _halls(ax, hall_releases(data), start, hall_blocks)
    online = online_days(data)
    x, y = [start + day for day in online.values()], list(online)
    ax.plot(x, y, ".", ls="", color="black", ms=3.5, label="online")
    ax.set_ylim(0, max([*(block for block, *_ in stage_periods), 1]) + 1)
    ax.margins(x=0.02)
    ax.set_ylabel("block")
    style.date_axis(ax)
    style.legend_above(ax)
    style.title(ax, "Flowline of the typical run: steep is fast, a gap is waiting")
    style.caption(ax, info.caption_of_one_run("Strokes are not joined across crews"))
    return ax


def _strokes(ax: Axes, stretches: Sequence[tuple[int, float, float]], start: float, colour: str, label: str) -> None:
    """Draw the strokes of one stage as one line with breaks."""
    if not stretches:
        return
    x = np.array([(start + begin, start + end, np.nan) for _, begin, end in stretches]).ravel()
    y = np.array([(block - 0.5, block + 0.5, np.nan) for block, _, _ in stretches]).ravel()
    ax.plot(x, y, color=colour, lw=1.9, solid_capstyle="butt", label=label)


def _halls(ax: Axes, release_days: Sequence[tuple[str, float]], start: float, hall_blocks: int) -> None:
    """Draw the release of every hall beside its blocks."""
    for number, (_, day) in enumerate(sorted(release_days, key=lambda hall: int(hall[0].lstrip("h") or 0))):
        edges = number * hall_blocks + 0.5, (number + 1) * hall_blocks + 0.5
        if hall_blocks:
            label = "hall dry-in" if number == 0 else None
            ax.plot([start + day] * 2, edges, color=palette.MUTED, lw=4, alpha=0.7, solid_capstyle="butt", label=label)


# --- cumulative flow of skids -----------------------------------------------------------------------------------------


BETWEEN = (
    ("started", "tested", "factory"),
    ("tested", "delivered", "on the road"),
    ("delivered", "set", "yard"),
    ("set", "complete", "hook-up"),
    ("complete", "online", "tests"),
)


@style.in_house_style
def plot_flow(data: Mapping[str, Values], ax: Axes | None = None, *, info: RunInfo) -> Axes:
    """Draw the days on which skids reached each state (as `skid_flow` returns them) as stacked areas of one run.

    The height of an area is the skids in that state; its width, how long one stays in it.
    """
    ax = style.canvas() if ax is None else ax
    last = max((float(days.max(initial=0)) for days in data.values()), default=1.0)
    first = min((float(days.min(initial=last)) for days in data.values()), default=0.0)
    day = np.arange(np.floor(first) - 7, np.ceil(last) + 8)
    x = style.date_position(info.dates, 0) + day
    counts = {state: np.searchsorted(days, day, side="right") for state, days in data.items()}
    for upper, lower, label in BETWEEN:
        ax.fill_between(
            x, counts[lower], counts[upper], step="post", color=palette.SKID_STATES[upper], lw=0, label=label
        )
    ax.fill_between(x, 0, counts["online"], step="post", color=palette.SKID_STATES["online"], lw=0, label="online")
    ax.plot(x, counts["started"], drawstyle="steps-post", color=palette.INK, lw=1.2)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(0, max(int(counts["started"].max(initial=1)), 1) * 1.04)
    ax.set_ylabel("skids")
    style.date_axis(ax)
    style.legend_above(ax)
    yard = counts["delivered"] - counts["set"]
    style.title(ax, f"Flow of skids: at most {int(yard.max(initial=0))} in the yard at once")
    style.caption(ax, info.caption_of_one_run("Skids; height: how many, width: how long"))
    return ax
