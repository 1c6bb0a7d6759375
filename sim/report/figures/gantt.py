"""Gantt of one run: what was done when, and what each bar had waited for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.metrics.mechanisms import MECHANISMS
from sim.report import style
from sim.report.logbook import Bar, waits, works
from sim.report.reading import About
from sim.report.why import spells

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

ROW_INCHES = 0.23
SHORTEST = 1.0
"""Days: shorter gaps are not drawn."""
MOST_ROWS = 44


@dataclass(frozen=True)
class Row:
    """A row of the chart: its name, its work, and the gaps in it with what was waited for."""

    name: str
    bars: tuple[Bar, ...]
    gaps: tuple[Bar, ...]


@style.in_house_style
def plot_gantt(data: pd.DataFrame, ax: Axes | None = None, *, about: About, chain: pd.DataFrame | None = None) -> Axes:
    """Draw one run's log: site works, power, halls, and the last block of every hall; waits hatched by what for.

    A bar on the driving chain (`chain`) has a red frame. Bars are real ones of one run, never means.
    """
    shown = [*_chain_row(chain), *rows(data)]
    ax = style.canvas(left=0.2, right=0.97, height=2.6 + ROW_INCHES * max(len(shown), 6)) if ax is None else ax
    start, driving = style.place(about.dates, 0), _driving(chain)
    for at, row in enumerate(shown):
        for gap in row.gaps:
            ax.barh(
                at, gap.end - gap.begin, 0.5, left=start + gap.begin, color="white", hatch="/////", lw=0,
                edgecolor=style.MECHANISM[gap.mechanism], gid=gap.mechanism,
            )  # fmt: skip
        for bar in row.bars:
            critical = (bar.unit, bar.what) in driving
            ax.barh(
                at, bar.end - bar.begin, 0.72, left=start + bar.begin, color=style.MECHANISM[bar.mechanism],
                edgecolor=style.RED if critical else "white", lw=1.6 if critical else 0.3, zorder=3 if critical else 2,
            )  # fmt: skip
    ax.set_yticks(range(len(shown)), [row.name for row in shown], fontsize=9.5)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.02)
    style.dates_below(ax)
    _key(ax, shown)
    style.title(ax, "One whole run: what was done, and what it waited for", pad=62)
    legend = "Bars: work, by kind; hatched: waiting for that; red frame: on the driving chain"
    style.caption(ax, about.caption(legend, "of each hall, the block that came online last"), left=140)
    return ax


def _key(ax: Axes, shown: Sequence[Row]) -> None:
    """Name the colours that are there."""
    from matplotlib.patches import Patch

    there = {bar.mechanism for row in shown for bar in (*row.bars, *row.gaps)}
    patches = [Patch(color=style.MECHANISM[name], label=words) for name, words in MECHANISMS.items() if name in there]
    ax.legend(
        handles=patches, loc="lower left", bbox_to_anchor=(-0.18, 1.0), ncols=5, borderaxespad=0.3, borderpad=0,
        columnspacing=1.2, handlelength=1.2, handletextpad=0.5, fontsize=10.5,
    )  # fmt: skip


def _chain_row(chain: pd.DataFrame | None) -> Iterator[Row]:
    """Yield the driving chain as a row of its own, by what its days are due to."""
    if chain is not None and len(chain):
        found = spells(chain)
        yield Row("driving chain", tuple(Bar("", "", s.begin, s.end, s.mechanism) for s in found), ())


def _driving(chain: pd.DataFrame | None) -> set[tuple[str, str]]:
    if chain is None or not len(chain):
        return set()
    return {*zip(chain["unit"], chain["activity"], strict=True)}


# --- which rows ---------------------------------------------------------------------------------------


def rows(events: pd.DataFrame) -> list[Row]:
    """Return the rows: permits and site works, power, each hall's shell, each hall's last block; gaps in them."""
    done, waited = works(events), waits(events)
    by_place: dict[str, list[Bar]] = {}
    for bar in done:
        by_place.setdefault(bar.unit, []).append(bar)
    found = []
    for name, pattern in _places(events):
        units = [unit for unit in by_place if re.fullmatch(pattern, unit)]
        bars = sorted((bar for unit in units for bar in by_place[unit]), key=lambda bar: (bar.begin, bar.end))
        if bars:
            mine = [wait for wait in waited if wait.unit in units and not _own(wait)]
            found.append(Row(name, tuple(bars), tuple(_gaps(bars, mine))))
    return found


def _places(events: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield rows as (name, pattern of the units in it), at most so many."""
    units = [*dict.fromkeys(events["unit"])]
    yield "permits and design", r"p1\.preparation"
    site = sorted({unit.split(".", 2)[2] for unit in units if unit.startswith("p1.site_works.")})
    begun = dict(zip(events["unit"], events["minute"], strict=True))
    for step in sorted(site, key=lambda step: begun[f"p1.site_works.{step}"]):
        yield step.replace("_", " "), re.escape(f"p1.site_works.{step}")
    yield "power units", r"p1\.(g\d+|grid\..*)"
    halls = sorted({int(u[1:].split(".")[0]) for u in units if re.match(r"h\d+\.shell\.", u)})
    blocks = _last_blocks(events)
    room = max(1, MOST_ROWS - len(site) - 2 - len(blocks))
    for hall in halls[:room]:
        yield f"hall {hall}: shell", rf"h{hall}\.shell\..*"
    for block, turnover in blocks:
        yield f"block {block}", rf"b{block}\.(electrical|mechanical|compute|commissioning|pad).*|{turnover}"


def _last_blocks(events: pd.DataFrame) -> list[tuple[int, str]]:
    """Return of every tenth of the blocks the one that came online last, with the unit that handed it over."""
    notes = events[(events["kind"] == "note") & events["resource"].str.startswith("online/b")]
    numbers = notes["resource"].str.slice(len("online/b")).astype(int)
    ready = [*zip(numbers, notes["minute"], notes["unit"], strict=True)]
    ready.sort()
    size = max(1, -(-len(ready) // 10))
    groups = [ready[at : at + size] for at in range(0, len(ready), size)]
    return [(last[0], re.escape(last[2])) for last in (max(group, key=lambda block: block[1]) for group in groups)]


def _own(wait: Bar) -> bool:
    """Tell whether a unit waited for something of its own place that stands in the same row."""
    place, gate = wait.unit.split(".")[0], wait.what
    return place[:1] in "hbt" and gate.startswith(f"{place}.") and not gate.endswith(".material")


def _gaps(bars: Sequence[Bar], waited: Sequence[Bar]) -> Iterator[Bar]:
    """Yield the times in which nothing was done in a row, each with what most of it was waited for."""
    end = min((wait.begin for wait in waited if wait.end == bars[0].begin and wait.begin > 0), default=bars[0].begin)
    end = max(end, bars[0].begin - 60)
    for bar in bars:
        if bar.begin - end >= SHORTEST:
            overlaps = [
                (wait.end == bar.begin, min(wait.end, bar.begin) - max(wait.begin, end), wait.mechanism)
                for wait in waited
                if min(wait.end, bar.begin) > max(wait.begin, end)
            ]
            if overlaps:
                yield Bar(bar.unit, "", end, bar.begin, max(overlaps)[2])
        end = max(end, bar.end)
