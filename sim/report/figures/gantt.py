"""The Gantt of the representative run: what was done when, what each bar waited for, and how critical it is over the runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.plan.vocabulary import DELAY_CAUSES
from sim.report.explanations import cause_periods
from sim.report.figures import style
from sim.report.representative_run import Bar, wait_bars, work_bars
from sim.report.result_view import RunInfo
from sim.study.gantt_ranges import FACTS, gantt_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

ROW_INCHES = 0.25
SHORTEST = 1.0
"""Days: shorter gaps are not drawn."""
CHAIN = "driving chain"
COLUMNS = ("minute", "note", "note_place", *FACTS)
GHOSTS = "thin bar: P10 of begin to P90 of end"


@dataclass(frozen=True)
class Row:
    """A row of the chart: its name, its work, and the gaps in it with what was waited for."""

    name: str
    bars: tuple[Bar, ...]
    gaps: tuple[Bar, ...]


@dataclass(frozen=True)
class Spread:
    """How a bar chart differs from run to run, of so many runs.

    `ghosts`: per place the P10 of its begin and the P90 of its end, in days. `critical`: in which share of runs each
    work, by unit and activity, was critical.
    """

    runs: int
    ghosts: Mapping[str, tuple[float, float]]
    critical: Mapping[tuple[str, str], float]

    @classmethod
    def of(cls, table: pd.DataFrame) -> Spread:
        """Read the table `spread` of a result."""
        whole, single = table[table["unit"] == ""], table[table["unit"] != ""]
        ghosts = {str(row["place"]): (row["begin_p10"], row["end_p90"]) for row in whole.to_dict("records")}
        shares = {(str(row["unit"]), str(row["activity"])): row["critical"] for row in single.to_dict("records")}
        return cls(int(table["runs"].max()), ghosts, shares)


@style.in_house_style
def plot_gantt(
    data: pd.DataFrame,
    ax: Axes | None = None,
    *,
    info: RunInfo,
    chain: pd.DataFrame | None = None,
    spread: pd.DataFrame | None = None,
) -> Axes:
    """Draw one run's log: site works, power, halls, and the last block of every tenth; waits hatched by what for.

    With `spread` (table of a result), bars are coloured by the share of runs in which they are critical, and a thin bar
    below shows how far a row moves. A bar on the driving chain (`chain`) has a black frame. Bars are real ones of one
    run, never means.
    """
    shown = [*_chain_row(chain), *rows(data)]
    ax = (
        style.canvas(left=0.2, right=0.97, top=0.78, height=3.2 + ROW_INCHES * max(len(shown), 6)) if ax is None else ax
    )
    start, driving = style.date_position(info.dates, 0), _works_on_chain(chain)
    known = None if spread is None or spread.empty else Spread.of(spread)
    shades = _criticality_colours()
    for at, row in enumerate(shown):
        for gap in row.gaps:
            ax.barh(
                at, gap.end - gap.begin, 0.46, left=start + gap.begin, color="white", hatch="/////", lw=0,
                edgecolor=style.CAUSES[gap.cause], gid=gap.cause,
            )  # fmt: skip
        for bar in row.bars:
            framed = (bar.unit, bar.what) in driving
            by_share = known is not None and row.name != CHAIN
            share = known.critical.get((bar.unit, bar.what), 0.0) if known is not None else 0.0
            ax.barh(
                at, bar.end - bar.begin, 0.58, left=start + bar.begin, zorder=3 if framed else 2,
                color=shades(share) if by_share else style.CAUSES[bar.cause],
                edgecolor=style.INK if framed else "white", lw=1.5 if framed else 0.3,
            )  # fmt: skip
        if known is not None and row.name in known.ghosts:
            begin, end = known.ghosts[row.name]
            ax.barh(at + 0.41, end - begin, 0.14, left=start + begin, color="#9aa3ad", lw=0, gid="ghost")
    _frame(ax, shown)
    _add_legend(ax, shown, all_kinds=known is None)
    if known is not None:
        _add_colour_key(ax, shades)
    style.title(ax, "One whole run: what was done, and what it waited for", pad=66)
    style.caption(ax, _caption(info, known), left=140)
    return ax


def _caption(info: RunInfo, known: Spread | None) -> str:
    """Return what the marks mean, and what they rest on."""
    marks, blocks = "Hatched: waiting; framed: driving chain", "blocks: the last of each tenth"
    if known is None:
        return info.caption_of_one_run("Bars: work, by kind", marks, blocks)
    return info.caption_of_one_run(marks, f"{GHOSTS} ({known.runs} runs)", blocks)


def _frame(ax: Axes, shown: Sequence[Row]) -> None:
    """Name the rows and the dates."""
    ax.set_yticks(range(len(shown)), [row.name for row in shown], fontsize=9.5)
    ax.set_ylim(len(shown) - 0.3, -0.6)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.02)
    style.date_axis(ax)


def _criticality_colours() -> Colormap:
    """Return grey to red, for a share of runs from 0 to 1."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("critical", ["#ccd2d8", "#e8988a", style.RED])


def _add_colour_key(ax: Axes, shades: Colormap) -> None:
    """Draw the key of the shares, right of the title."""
    import numpy as np

    key = ax.inset_axes((0.76, 1.012, 0.24, 0.012))
    key.imshow(np.linspace(0, 1, 64)[None, :], aspect="auto", cmap=shades, extent=(0, 100, 0, 1))
    key.set_yticks([])
    key.set_xticks([0, 50, 100], ["0", "50", "100 %"], fontsize=9.5)
    key.xaxis.tick_top()
    key.tick_params(length=0, pad=1)
    key.set_title("bar: critical in so many runs", fontsize=10.5, fontweight="normal", loc="left", pad=3)
    key.grid(visible=False)


def _add_legend(ax: Axes, shown: Sequence[Row], *, all_kinds: bool) -> None:
    """Name the colours that are there: of waits and of the driving chain, and of all work where it has them."""
    from matplotlib.patches import Patch

    coloured = (bar for row in shown for bar in (*row.gaps, *(row.bars if all_kinds or row.name == CHAIN else ())))
    there = {bar.cause for bar in coloured}
    patches = [Patch(color=style.CAUSES[name], label=words) for name, words in DELAY_CAUSES.items() if name in there]
    ax.legend(
        handles=patches, loc="lower left", bbox_to_anchor=(-0.18, 1.0), ncols=5 if all_kinds else 4, borderaxespad=0.3,
        borderpad=0, columnspacing=0.9, handlelength=1.1, handletextpad=0.4, fontsize=9.5,
    )  # fmt: skip


def _chain_row(chain: pd.DataFrame | None) -> Iterator[Row]:
    """Yield the driving chain as a row of its own, by what its days are due to."""
    if chain is not None and len(chain):
        found = cause_periods(chain)
        yield Row(CHAIN, tuple(Bar("", "", s.begin, s.end, s.cause) for s in found), ())


def _works_on_chain(chain: pd.DataFrame | None) -> set[tuple[str, str]]:
    if chain is None or not len(chain):
        return set()
    return {*zip(chain["unit"], chain["activity"], strict=True)}


# --- rows of the chart ------------------------------------------------------------------------------------------------


def rows(events: pd.DataFrame) -> list[Row]:
    """Return the rows: permits and site works, power, each hall's shell, each hall's last block; gaps in them."""
    done, waited = work_bars(events), wait_bars(events)
    by_place: dict[str, list[Bar]] = {}
    for bar in done:
        by_place.setdefault(bar.unit, []).append(bar)
    found = []
    signals = events[events["kind"] == "signal"]
    givers = dict(zip(signals["resource"], zip(signals["place"], signals["unit_kind"], strict=True), strict=True))
    known = events.drop_duplicates("unit").set_index("unit")[[*FACTS]]
    for row in gantt_rows({name: events[name].to_numpy() for name in COLUMNS}):
        units = {str(facts[0]) for facts in known.itertuples() if row.has(*facts[1:])}
        bars = sorted((bar for unit in units for bar in by_place.get(unit, ())), key=lambda bar: (bar.begin, bar.end))
        if bars:
            mine = [wait for wait in waited if wait.unit in units and not (row.is_place and _is_within(wait, givers))]
            found.append(Row(row.name, tuple(bars), tuple(_gaps(bars, mine))))
    return found


def _is_within(wait: Bar, givers: Mapping[str, tuple[str, str]]) -> bool:
    """Tell whether a unit waited for its own place, which stands in the same row; material comes from elsewhere."""
    place, kind = givers.get(wait.what, ("", ""))
    return place == wait.place and kind != "material"


def _gaps(bars: Sequence[Bar], waited: Sequence[Bar]) -> Iterator[Bar]:
    """Yield the times in which nothing was done in a row, each with what most of it was waited for."""
    end = min((wait.begin for wait in waited if wait.end == bars[0].begin and wait.begin > 0), default=bars[0].begin)
    end = max(end, bars[0].begin - 60)
    for bar in bars:
        if bar.begin - end >= SHORTEST:
            overlaps = [
                (wait.end == bar.begin, min(wait.end, bar.begin) - max(wait.begin, end), wait.cause)
                for wait in waited
                if min(wait.end, bar.begin) > max(wait.begin, end)
            ]
            if overlaps:
                yield Bar(bar.unit, "", end, bar.begin, max(overlaps)[2])
        end = max(end, bar.end)
