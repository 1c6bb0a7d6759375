"""The Gantt as a roll-up over all runs: expected plan, P50, P80 and criticality of every row, with milestones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sim.plan.vocabulary import DELAY_CAUSES
from sim.report.explanations import cause_periods
from sim.report.figures import palette, style
from sim.report.formatting import day_of_month
from sim.report.result_view import Milestone, RunInfo
from sim.study.gantt_ranges import DETAIL, PHASE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

ROW_INCHES = 0.235
CHAIN = "typical driving chain"
HATCH = "//////"


def data_day(manifest: Mapping[str, Any]) -> int | None:
    """Return the first day after the data date of a forecast; None where the project begins at its first day."""
    forecast = manifest.get("forecast")
    if forecast is None:
        return None
    start, data_date = (date.fromisoformat(text) for text in (manifest["start_date"], forecast["data_date"]))
    return (data_date - start).days + 1


@dataclass(frozen=True)
class RangeRow:
    """A row of the chart in days: P50 of its begin and end, P80 of its end, the expected plan, how often critical."""

    name: str
    level: int
    parent: str
    begin: float
    end: float
    p80: float
    planned: tuple[float, float]
    critical: float


def range_rows(range_table: pd.DataFrame) -> list[RangeRow]:
    """Return the rows of a table `range_table`, in the order in which they stand in the chart."""
    columns = ("place", "level", "parent", "begin_p50", "end_p50", "end_p80", "plan_begin", "plan_end", "critical")
    return [
        RangeRow(str(name), int(level), str(parent), begin, end, p80, (plan_begin, plan_end), critical)
        for name, level, parent, begin, end, p80, plan_begin, plan_end, critical in zip(
            *(range_table[column].tolist() for column in columns), strict=True
        )
    ]


@style.in_house_style
def plot_gantt(
    data: pd.DataFrame,
    ax: Axes | None = None,
    *,
    info: RunInfo,
    chain: pd.DataFrame | None = None,
    milestones: Sequence[Milestone] = (),
    target: float | None = None,
    data_day: float | None = None,
) -> Axes:
    """Draw the table `spread` of a result: a row for each phase of the work, site work, hall and group of blocks.

    The bar reaches from the P50 of the begin to the P50 of the end, its colour is the share of runs in which the row is
    critical; the whisker ends at the P80 of the end; the thin bar is the expected plan. On top the typical run's driving
    chain (`chain`), by what its days are due to, and diamonds for `milestones`; a dashed line is the `target` (day). Of a
    project under way what was done by `data_day` is solid, and what remains is hatched.
    """
    rows = [row for row in range_rows(data) if row.level != DETAIL]
    top_rows = [CHAIN] * (chain is not None and len(chain) > 0) + [milestone.name for milestone in milestones]
    count = len(top_rows) + len(rows)
    ax = style.canvas(left=0.2, right=0.97, top=0.74, height=3.6 + ROW_INCHES * max(count, 8)) if ax is None else ax
    start, shades = style.date_position(info.dates, 0), criticality_colours()
    causes = [*_draw_chain(ax, chain, start)] if CHAIN in top_rows else []
    _draw_milestones(ax, milestones, start, len(top_rows) - len(milestones))
    for position, row in enumerate(rows, len(top_rows)):
        _draw_row(ax, position, row, start, shades, data_day)
    if data_day is not None:
        ax.axvline(start + data_day, color=palette.INK, lw=1.4, gid="data date")
    if target is not None:
        ax.axvline(start + target, color="black", lw=1.4, ls=(0, (6, 4)))
    _frame(
        ax,
        [*top_rows, *(row.name for row in rows)],
        {position for position, row in enumerate(rows, len(top_rows)) if row.level == PHASE},
    )
    _add_legend(ax, causes, shades, target=target is not None)
    style.title(ax, "Schedule over all runs: expected plan, P50, P80 and criticality", pad=88)
    style.caption(ax, _caption(info, data, target, data_day), left=140)
    return ax


def _caption(info: RunInfo, data: pd.DataFrame, target: float | None, data_day: float | None) -> str:
    """Return what the marks mean, and what they rest on."""
    runs = int(data["runs"].max()) if len(data) else 0
    line = "" if target is None else f"; dashed: target {info.dates.format(target)}"
    if data_day is not None:
        line += f"; hatched: after {day_of_month(info.dates.date_of(data_day - 1))}"
    return info.caption(f"Bars: P50 of begin to P50 of end, whisker: to P80 of end, of {runs} runs{line}")


def _draw_chain(ax: Axes, chain: pd.DataFrame | None, start: float) -> Iterator[str]:
    """Draw the driving chain in the top row; yield the causes that are on it."""
    assert chain is not None
    for period in cause_periods(chain):
        ax.barh(0, period.days, 0.58, left=start + period.begin, color=palette.CAUSES[period.cause], lw=0)
        yield period.cause


def _draw_milestones(ax: Axes, milestones: Sequence[Milestone], start: float, first: int) -> None:
    """Draw a diamond at the P50, a whisker to the P80, and a stroke where the expected plan has it."""
    for y, milestone in enumerate(milestones, first):
        ax.plot([start + milestone.p50, start + milestone.p80], [y, y], color=palette.INK, lw=1.2)
        ax.plot([start + milestone.p50], [y], "D", color=palette.INK, ms=6)
        if milestone.planned is not None:
            ax.plot([start + milestone.planned] * 2, [y - 0.3, y + 0.3], color=palette.INK, lw=2.2)


def _draw_row(ax: Axes, y: float, row: RangeRow, start: float, shades: Colormap, data_day: float | None = None) -> None:
    """Draw one row: bar, whisker, and the expected plan above them."""
    plan_begin, plan_end = row.planned
    if math.isfinite(plan_end):
        ax.barh(y - 0.36, plan_end - plan_begin, 0.14, left=start + plan_begin, color=palette.INK, lw=0, gid="plan")
    past_end = -math.inf if data_day is None else min(max(data_day, row.begin), row.end)
    parts = [(row.begin, row.end, "p50", "")] if data_day is None else [
        (row.begin, past_end, "actual", ""), (past_end, row.end, "remaining", HATCH)]  # fmt: skip
    for begin, end, name, hatch in parts:
        if end > begin or name == "p50":
            ax.barh(
                y + 0.08, end - begin, 0.34 if row.level == PHASE else 0.56, left=start + begin, hatch=hatch,
                color="white" if hatch else shades(row.critical), lw=0.5, gid=name,
                edgecolor=shades(max(row.critical, 0.2)) if hatch else palette.MUTED,
            )  # fmt: skip
    if row.p80 > row.end:
        ax.plot([start + row.end, start + row.p80], [y + 0.08] * 2, color=palette.INK, lw=1.2, gid="p80")
        ax.plot([start + row.p80] * 2, [y - 0.1, y + 0.26], color=palette.INK, lw=1.2)


def _frame(ax: Axes, names: Sequence[str], phases: set[int]) -> None:
    """Name the rows and the dates."""
    ax.set_yticks(range(len(names)), names, fontsize=9.5)
    for position, label in enumerate(ax.get_yticklabels()):
        label.set_fontweight("bold" if position in phases else "normal")
    ax.set_ylim(len(names) - 0.3, -0.7)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.02)
    style.date_axis(ax)


def criticality_colours() -> Colormap:
    """Return grey to red, for a share of runs from 0 to 1."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("critical", palette.CRITICALITY)


def _add_legend(ax: Axes, causes: Sequence[str], shades: Colormap, *, target: bool) -> None:
    """Name the marks in one key and the causes on the chain in another, both between title and axes."""
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks: list[Patch | Line2D] = [
        Line2D([], [], color=palette.INK, lw=2.5, label="expected plan"),
        *(Patch(facecolor=shades(share), edgecolor=palette.MUTED, label=f"critical in {label}") for share, label in (
            (0.0, "no run"), (0.5, "half of the runs"), (1.0, "all"))),
        Line2D([], [], color=palette.INK, lw=1.2, marker="|", label="to P80"),
        Line2D([], [], color=palette.INK, lw=0, marker="D", ms=6, label="milestone, P50"),
    ]  # fmt: skip
    marks += [Line2D([], [], color="black", lw=1.4, ls=(0, (4, 3)), label="target")] * target
    patches = [Patch(color=palette.CAUSES[name], label=label) for name, label in DELAY_CAUSES.items() if name in causes]
    legend_style: dict[str, Any] = {
        "loc": "lower left", "borderaxespad": 0.3, "borderpad": 0, "columnspacing": 0.9, "handlelength": 1.3,
        "handletextpad": 0.4, "fontsize": 9.5, "frameon": False,
    }  # fmt: skip
    ax.legend(handles=marks, bbox_to_anchor=(-0.19, 1.0), ncols=7, **legend_style)
    if patches:
        row_height = 16 / (ax.get_window_extent().height / ax.get_figure(root=True).dpi * 72)  # type: ignore[union-attr]
        labels = [str(patch.get_label()) for patch in patches]
        ax.add_artist(Legend(ax, patches, labels, bbox_to_anchor=(-0.19, 1.0 + row_height), ncols=5, **legend_style))
