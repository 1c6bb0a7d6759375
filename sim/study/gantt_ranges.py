"""Ranges for the Gantt chart: how far its bars move from run to run, how often they are critical, hours by day.

The rows are those of the representative run's chart: permits and site works, power, each hall's shell, some blocks.
Some replications are run once more for this, on their own random numbers: keeping it for every replication of every
study would cost each of them what only a report shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.engine.backends import COMPILED
from sim.metrics.event_log import Ints, Record
from sim.metrics.schedule import critical, earned_by_day, paid_by_day, worked
from sim.metrics.workforce import headcount
from sim.plan.compile import NONE
from sim.plan.layout import place_number
from sim.plan.mechanisms.commissioning import ONLINE
from sim.study.case import Case
from sim.study.chunk import Column, Columns, Floats
from sim.study.intervals import quantile
from sim.study.sample import Sample

# --- rows -------------------------------------------------------------------------------------------------------------


MOST_ROWS = 44
SYSTEM_PARTS = frozenset({"electrical", "mechanical", "compute", "commissioning", "flush", "pad"})
"""What is built and tested in a block."""
IN_BLOCK = frozenset({"material", "gate_slot", "installation", "commissioning", "step", "link"})
"""Units that work at a block itself: its skids are made far away and would stretch the row by a year."""


@dataclass(frozen=True)
class GanttRow:
    """A row of the chart: the units of some places that are of some kinds, parts and steps (empty: of any)."""

    name: str
    places: frozenset[str]
    kinds: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    step: str = ""
    handed_over_by: str = ""
    """The turnover that a block belongs to."""
    is_place: bool = False
    """The row is all of a hall or block: that one of its units waits for another is no wait of the row."""

    def has(self, kind: str, place: str, part: str, step: str) -> bool:
        """Tell whether a unit stands in the row."""
        if kind == "turnover":
            return place == self.handed_over_by
        return (
            place in self.places
            and (not self.kinds or kind in self.kinds)
            and (not self.parts or part in self.parts)
            and (not self.step or step == self.step)
        )


FACTS = ("unit_kind", "place", "part", "step")


def gantt_rows(log: Mapping[str, Column]) -> list[GanttRow]:
    """Return the rows of a log, at most so many, and which units stand in each.

    `log` has the columns that `sim.metrics.schedule` gives. Of every tenth of the blocks there is the last to come online.
    """
    return [*_gantt_rows(log)]


def _gantt_rows(log: Mapping[str, Column]) -> Iterator[GanttRow]:
    """Yield the rows from the first day's work to the last blocks."""
    # a later row of the same unit overwrites an earlier one: what is left is when the unit ended
    ended = dict(zip(zip(*(_list(log[name]) for name in FACTS), strict=True), _list(log["minute"]), strict=True))
    first = frozenset({"p1"})
    yield GanttRow("permits and design", first, frozenset({"preparation"}))
    site = {
        step: minute
        for (kind, place, part, step), minute in ended.items()
        if kind == "step" and place in first and part == "site_works"
    }
    for step in sorted(site, key=lambda step: (site[step], step)):
        yield GanttRow(step.replace("_", " "), first, frozenset({"step"}), frozenset({"site_works"}), step)
    yield GanttRow("power units", first, frozenset({"generating_unit", "grid_feed"}))
    blocks = _last_blocks(log)
    halls = sorted({place for _, place, part, _ in ended if part == "shell"}, key=place_number)
    for hall in halls[: max(1, MOST_ROWS - len(site) - 2 - len(blocks))]:
        yield GanttRow(
            f"hall {place_number(hall)}: shell", frozenset({hall}), parts=frozenset({"shell"}), is_place=True
        )
    for block, turnover in blocks:
        name = f"block {place_number(block)}"
        yield GanttRow(name, frozenset({block}), IN_BLOCK, SYSTEM_PARTS, handed_over_by=turnover, is_place=True)


def _last_blocks(log: Mapping[str, Column]) -> list[tuple[str, str]]:
    """Return of every tenth of the blocks the one that came online last, with the turnover that handed it over."""
    noted = np.flatnonzero(np.asarray(log["note"]) == ONLINE)
    columns = (_list(np.asarray(log[name])[noted]) for name in ("note_place", "minute", "place"))
    ready = sorted(zip(*columns, strict=True), key=lambda block: place_number(block[0]))
    size = max(1, -(-len(ready) // 10))
    groups = [ready[at : at + size] for at in range(0, len(ready), size)]
    return [(last[0], last[2]) for last in (max(group, key=lambda block: block[1]) for group in groups)]


def _list(column: Any) -> list[Any]:
    return list(np.asarray(column).tolist())


# --- ranges -----------------------------------------------------------------------------------------------------------


SPREAD, HOURS = "spread", "hours"
ENOUGH, TOO_FEW_WHEN_SLOW = 100, 20
"""Replications that are looked at: a hundred; with SimPy one in ten of the run, at least twenty."""
SHARES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}


@dataclass(frozen=True)
class Groups:
    """Steps of the plan in groups: (place, unit, activity) of each, unit and activity empty for a whole place."""

    names: tuple[tuple[str, str, str], ...]
    by_place: Ints
    by_work: Ints

    @property
    def ways(self) -> tuple[Ints, Ints]:
        """Return both ways of grouping; no group belongs to more than one."""
        return self.by_place, self.by_work

    @classmethod
    def of(cls, case: Case, rows: Sequence[GanttRow]) -> Groups:
        """Number the steps that stand in a row of the chart: by the row, and by their own unit and activity."""
        plan = case.plan
        by_place, by_work = np.full(len(plan.rows), NONE), np.full(len(plan.rows), NONE)
        names = [(row.name, "", "") for row in rows]
        number: dict[tuple[str, str, str], int] = {}
        placed = [
            next((k for k, row in enumerate(rows) if row.has(info.kind, info.place, info.part, info.step)), NONE)
            for info in plan.unit_info
        ]
        for step, (unit, activity) in enumerate(zip(plan.unit_of.tolist(), plan.activity_of.tolist(), strict=True)):
            if placed[unit] != NONE:
                by_place[step] = placed[unit]
                if activity != NONE:
                    key = rows[placed[unit]].name, plan.units[unit], plan.activities[activity]
                    by_work[step] = number.setdefault(key, len(names) + len(number))
        return cls((*names, *number), by_place, by_work)


def gantt_ranges(case: Case, seed: int, sample: Sample, log: Mapping[str, Column]) -> dict[str, Columns]:
    """Return the tables `spread` and `hours`; nothing where no replication came to its end.

    `spread` has a row a group: place, unit, activity, begin and end in days (P10, P50, P90), and `critical`, the share of
    replications in which it had a part of the driving chain; `runs` is how many were looked at. `hours` has a row a
    day: planned, and P10, P50, P90 of person-hours earned and paid until then.
    """
    chosen = sampled_replications(case, sample)
    if not len(chosen):
        return {}
    groups = Groups.of(case, gantt_rows(log))
    begins, ends, chains, earned, paid = [], [], [], [], []
    for replication in chosen.tolist():
        record, people = _record(case, seed, replication)
        by_place, by_work = (worked(record, of, len(groups.names)) for of in groups.ways)
        begins.append(np.fmin(by_place[0], by_work[0]))
        ends.append(np.fmax(by_place[1], by_work[1]))
        chains.append(np.any(critical(record, *((of, len(groups.names)) for of in groups.ways)), axis=0))
        earned.append(earned_by_day(record, case.days))
        paid.append(people)
    spread = _spread(groups, np.array(begins), np.array(ends), np.array(chains))
    bands = {**_bands("earned", earned), **_bands("paid", paid)}
    hours: Columns = {"day": np.arange(case.days), "planned": _planned(case), **bands}
    return {SPREAD: spread, HOURS: hours}


def sampled_replications(case: Case, sample: Sample) -> Column:
    """Return the replications that are looked at: the first that came to their end."""
    most = ENOUGH if case.engine == COMPILED else min(ENOUGH, max(TOO_FEW_WHEN_SLOW, sample.size // 10))
    return np.flatnonzero(sample.runs["status"] == "ok")[:most]


def _record(case: Case, seed: int, replication: int) -> tuple[Record, Floats]:
    """Return a replication as it is measured, and the hours paid until each day."""
    (done,) = case.replications(seed, replication, 1)
    record = case.record(done)
    people = headcount(record, case.project, case.days)
    return record, paid_by_day(people, case.metric_context.paid_by_day)


def _planned(case: Case) -> Floats:
    """Return the hours earned until each day in the run without random numbers."""
    planned = case.planned
    return earned_by_day(
        Record.of(case.metric_context.index, case.planned_run.log, planned.content, case.anticipated_calendars),
        case.days,
    )


def _spread(groups: Groups, begins: Floats, ends: Floats, chains: Column) -> Columns:
    """Return a row a group that was ever worked on."""
    there = np.flatnonzero(~np.isnan(ends).all(axis=0))
    names = [*zip(*(groups.names[row] for row in there), strict=True)] or [()] * 3
    columns: Columns = {
        name: np.array(of, object) for name, of in zip(("place", "unit", "activity"), names, strict=True)
    }
    for name, values in (("begin", begins), ("end", ends)):
        for percentile, share in SHARES.items():
            known = (np.sort(column[~np.isnan(column)]) for column in values[:, there].T)
            columns[f"{name}_{percentile}"] = np.array([quantile(column, share) for column in known])
    return {**columns, "critical": chains[:, there].mean(axis=0), "runs": np.full(len(there), len(ends))}


def _bands(name: str, curves: Sequence[Floats]) -> Columns:
    """Return percentiles of a curve, day by day."""
    return {
        f"{name}_{percentile}": np.quantile(np.array(curves), share, axis=0, method="inverted_cdf")
        for percentile, share in SHARES.items()
    }
