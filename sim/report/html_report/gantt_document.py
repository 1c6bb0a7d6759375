"""What the Gantt of a report reads: rows of the roll-up over all runs, milestones, and the work of the typical run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sim.metrics.metric import FINISH
from sim.report.figures.gantt import RangeRow, data_day, range_rows
from sim.report.figures.palette import CRITICALITY
from sim.report.html_report.chart_spec import iso_date, json_value
from sim.report.representative_run import Bar, wait_bars, work_bars
from sim.report.result_view import Milestone, ResultView
from sim.study.gantt_ranges import ATTRIBUTES, PHASE, GanttRow, gantt_rows
from sim.world.working_time import finish_date

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("minute", "note", "note_place", *ATTRIBUTES)
MIN_DAYS = 1.0
"""Days: shorter waits are not drawn."""


def gantt_document(view: ResultView) -> dict[str, Any] | None:
    """Return the Gantt chart as JSON values for the page's script; None where no ranges were computed.

    Days are days after the decision. `works` has, by name of a row that opens to the work of the typical run, its units:
    name, [begin, end, cause, activity] of each work, and the same of each wait.
    """
    rows = range_rows(view.spread) if len(view.spread) else []
    if not rows:
        return None
    target = view.limit(view.dated(FINISH))
    chart_rows = [*map(_milestone, view.dates_reached), *map(_row, rows)]
    # a promise far behind everything else would leave the works no room
    planned_ends = [row["plan"][1] for row in chart_rows if row["plan"] and not row.get("milestone")]
    ends = [row[end] for row in chart_rows for end in ("end", "p80")] + planned_ends + [target]
    end_days = [end for end in ends if end is not None and math.isfinite(end)]
    rows_and_works = json_value(
        {"rows": chart_rows, "works": dict(_works(view.events, rows)) if len(view.events) else {}}
    )
    return {
        "start": view.dates.start.isoformat(), "range": [0, max(end_days, default=1.0) * 1.02], "target": target,
        "target_text": "" if target is None else view.dates.format(target),
        "shades": CRITICALITY, "today": data_day(view.manifest), **rows_and_works,
    }  # fmt: skip


def gantt_csv(view: ResultView) -> str:
    """Return the rows of the Gantt chart as CSV: dates of the expected plan, P50 and P80, and criticality."""
    finish_of = partial(finish_date, view.dates.start)
    lines = ["row,level,parent,plan_begin,plan_end,begin_p50,end_p50,end_p80,critical"]
    for row in range_rows(view.spread):
        plan_begin, plan_end = row.planned
        dates = (
            iso_date(plan_begin, view.dates.date_of), iso_date(plan_end, finish_of),
            iso_date(row.begin, view.dates.date_of), iso_date(row.end, finish_of), iso_date(row.p80, finish_of),
        )  # fmt: skip
        lines.append(",".join([f'"{row.name}"', str(row.level), f'"{row.parent}"', *dates, f"{row.critical:g}"]))
    return "\n".join(lines) + "\n"


def _milestone(milestone: Milestone) -> dict[str, Any]:
    """Return a milestone as a row of the document: a diamond at its P50; what is never reached is null."""
    planned, p50, p80 = (
        day if day is not None and math.isfinite(day) else None
        for day in (milestone.planned, milestone.p50, milestone.p80)
    )
    return {
        "name": milestone.name, "level": PHASE, "begin": p50, "end": p50, "p80": p80,
        "plan": None if planned is None else [planned, planned], "critical": 0.0, "milestone": True,
    }  # fmt: skip


def _row(row: RangeRow) -> dict[str, Any]:
    """Return a row of the ranges of all runs as a row of the document, in days after the decision."""
    planned = row.planned if all(map(math.isfinite, row.planned)) else None
    return {
        "name": row.name, "level": row.level, "parent": row.parent, "begin": row.begin, "end": row.end, "p80": row.p80,
        "plan": planned, "critical": row.critical,
    }  # fmt: skip


# --- the work of the typical run --------------------------------------------------------------------------------------


def _works(events: pd.DataFrame, drawn_rows: Sequence[RangeRow]) -> Iterator[tuple[str, list[Any]]]:
    """Yield (name of a row, its units) for every row that has no rows below it; a unit is a list as `_unit` returns it."""
    works, waits = _by_unit(work_bars(events)), _by_unit(wait_bars(events))
    attribute_table = events.drop_duplicates("unit").set_index("unit")[[*ATTRIBUTES]]
    attributes = {str(unit): tuple(map(str, row)) for unit, *row in attribute_table.itertuples()}
    rows = gantt_rows({name: events[name].to_numpy() for name in COLUMNS})
    names, parents = {row.name for row in drawn_rows}, {row.parent for row in drawn_rows}
    leaves = [
        row for row in rows if row.name in names and row.name not in parents and (row.level != PHASE or _alone(row))
    ]
    # by place first: a row has a few of some thousand units
    units_at_place: dict[str, list[tuple[int, str]]] = {}
    for number, unit in enumerate(works):
        units_at_place.setdefault(attributes[unit][1], []).append((number, unit))
    for row in leaves:
        candidates = sorted(unit for place in row.all_places for unit in units_at_place.get(place, ()))
        units = [unit for _, unit in candidates if row.has(*attributes[unit])]
        documents = [_unit(unit, works[unit], waits.get(unit, [])) for unit in units]
        if documents:
            yield row.name, sorted(documents, key=lambda unit: unit[1][0][0])


def _alone(row: GanttRow) -> bool:
    """Return whether a phase of the work has no rows of its own in the roll-up."""
    return "preparation" in row.kinds or "generating_unit" in row.kinds


def _by_unit(bars: Sequence[Bar]) -> dict[str, list[Bar]]:
    """Return the bars of each unit by its name."""
    bars_of_unit: dict[str, list[Bar]] = {}
    for bar in bars:
        bars_of_unit.setdefault(bar.unit, []).append(bar)
    return bars_of_unit


def _unit(name: str, works: Sequence[Bar], waits: Sequence[Bar]) -> list[Any]:
    """Return [name, bars of work, bars of waits long enough to draw] of a unit; a bar is [begin, end, cause, activity]."""
    first = min(bar.begin for bar in works)
    visible = [bar for bar in waits if bar.end - max(bar.begin, first - 30) >= MIN_DAYS]
    return [
        name,
        [[bar.begin, bar.end, bar.cause, bar.what] for bar in works],
        [[max(bar.begin, first - 30), bar.end, bar.cause, bar.what] for bar in visible],
    ]
