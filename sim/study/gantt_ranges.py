"""Ranges for the Gantt chart: how far its bars move from run to run, how often they are critical, hours by day.

The rows are those of the representative run's chart: permits and site works, power, each hall's shell, some blocks.
Some replications are run once more for this, on their own random numbers: keeping it for every replication of every
study would cost each of them what only a report shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.engine.backends import COMPILED
from sim.metrics.record import Ints, Record
from sim.metrics.schedule import critical, earned_by_day, paid_by_day, worked
from sim.metrics.workforce import headcount
from sim.plan.compile import NONE
from sim.study.case import Case
from sim.study.chunk import Column, Columns, Floats
from sim.study.intervals import quantile
from sim.study.sample import Sample

# --- rows -------------------------------------------------------------------------------------------------------------


MOST_ROWS = 44
LINK = " after "
"""In the name of what is no work but the lag or lead of a link between two steps."""
ONLINE = "online/b"


def gantt_rows(log: Mapping[str, Column]) -> list[tuple[str, str]]:
    """Return the rows of a log as (name, pattern of the units in it), at most so many.

    `log` has the columns that `sim.metrics.schedule` gives. Of every tenth of the blocks there is the last to come online.
    """
    return [*_gantt_rows(log)]


def _gantt_rows(log: Mapping[str, Column]) -> Iterator[tuple[str, str]]:
    """Yield the rows from the first day's work to the last blocks."""
    ended = dict(zip(_list(log["unit"]), _list(log["minute"]), strict=True))
    yield "permits and design", r"p1\.preparation"
    site = {unit.split(".", 2)[2] for unit in ended if unit.startswith("p1.site_works.") and LINK not in unit}
    for step in sorted(site, key=lambda step: (ended[f"p1.site_works.{step}"], step)):
        yield step.replace("_", " "), re.escape(f"p1.site_works.{step}")
    yield "power units", r"p1\.(g\d+|grid\..*)"
    blocks = _last_blocks(log)
    halls = sorted({int(unit[1:].split(".")[0]) for unit in ended if re.match(r"h\d+\.shell\.", unit)})
    for hall in halls[: max(1, MOST_ROWS - len(site) - 2 - len(blocks))]:
        yield f"hall {hall}: shell", rf"h{hall}\.shell\..*"
    for block, turnover in blocks:
        yield f"block {block}", rf"b{block}\.(electrical|mechanical|compute|commissioning|pad).*|{turnover}"


def _last_blocks(log: Mapping[str, Column]) -> list[tuple[int, str]]:
    """Return of every tenth of the blocks the one that came online last, with the unit that handed it over."""
    noted = np.flatnonzero(np.asarray(log["kind"]) == "note")
    resource, minute, unit = (_list(np.asarray(log[name])[noted]) for name in ("resource", "minute", "unit"))
    ready = sorted(
        (int(what.removeprefix(ONLINE)), when, who)
        for what, when, who in zip(resource, minute, unit, strict=True)
        if what.startswith(ONLINE)
    )
    size = max(1, -(-len(ready) // 10))
    groups = [ready[at : at + size] for at in range(0, len(ready), size)]
    return [(last[0], re.escape(last[2])) for last in (max(group, key=lambda block: block[1]) for group in groups)]


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
    def of(cls, case: Case, rows: Sequence[tuple[str, str]]) -> Groups:
        """Number the steps that stand in a row of the chart: by the row, and by their own unit and activity."""
        plan = case.plan
        by_place, by_work = np.full(len(plan.rows), NONE), np.full(len(plan.rows), NONE)
        names = [(name, "", "") for name, _ in rows]
        number: dict[tuple[str, str, str], int] = {}
        placed = [
            next((k for k, (_, pattern) in enumerate(rows) if re.fullmatch(pattern, u)), NONE) for u in plan.units
        ]
        for step, (unit, activity) in enumerate(zip(plan.unit_of.tolist(), plan.activity_of.tolist(), strict=True)):
            if placed[unit] != NONE:
                by_place[step] = placed[unit]
                if activity != NONE:
                    key = rows[placed[unit]][0], plan.units[unit], plan.activities[activity]
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
    """Return the hours earned until each day in the run without luck."""
    planned = case.planned
    return earned_by_day(
        Record.of(case.metric_context.index, case.planned_run.log, planned.content, case.plan.base_calendars), case.days
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
