"""Ranges for the Gantt chart: how far its rows move from run to run, how often they are critical, hours by day.

The rows are a roll-up in three levels: phases of the work, site works and halls, the blocks of a hall. For this some
replications are simulated once more, on the same random numbers, so that a study need not keep it for every replication.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.engine.backends import COMPILED, Replication
from sim.metrics.critical_chain import chain_summary
from sim.metrics.event_log import DAY, Ints, Record
from sim.metrics.schedule import begin_and_end_of_work, earned_by_day, on_chain, paid_by_day, skids_by_day
from sim.metrics.workforce import headcount
from sim.plan.compiled_plan import NONE
from sim.plan.layout import place_number
from sim.plan.mechanisms.commissioning import ONLINE
from sim.study.case import Case
from sim.study.chunk import Column, Columns, Floats, in_batches
from sim.study.executors.worker import OfCase
from sim.study.executors.worker_process import WorkerConnection, WorkerLost, in_two_halves, packed
from sim.study.sample import Sample
from sim.study.statistics.intervals import quantile

# --- rows -------------------------------------------------------------------------------------------------------------


MAX_GROUPS = 12
"""Halls, or groups of blocks, that have a row of the roll-up each; where there are more they are put together."""
PHASE, ROLL_UP, DETAIL = 0, 1, 2
"""Levels of rows: permits and site works, power, shell, blocks; what a roll-up shows; each hall or block of such a row."""
SYSTEM_PARTS = frozenset({"electrical", "mechanical", "compute", "commissioning", "flush", "pad"})
"""What is built and tested in a block."""
IN_BLOCK = frozenset({"material", "gate_slot", "installation", "commissioning", "step", "link"})
"""Kinds of units at a block itself: skids in the factory would start the row a year earlier."""


@dataclass(frozen=True)
class GanttRow:
    """A row of the chart: the units at some places, of some kinds, parts and steps of the network (empty: of any).

    What `place`, `part` and `step` of a unit are, see `UnitInfo`.
    """

    name: str
    level: int
    places: frozenset[str]
    kinds: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    step: str = ""
    handed_over_by: frozenset[str] = frozenset()
    """The turnovers that its blocks belong to; their units are in the row, too."""
    parent: str = ""
    """The row of the roll-up that it is a part of."""

    @property
    def all_places(self) -> frozenset[str]:
        """Return the places of all units that may stand in the row."""
        return self.places | self.handed_over_by

    def has(self, kind: str, place: str, part: str, step: str) -> bool:
        """Return whether a unit belongs to the row."""
        if kind == "turnover":
            return place in self.handed_over_by
        return (
            place in self.places
            and (not self.kinds or kind in self.kinds)
            and (not self.parts or part in self.parts)
            and (not self.step or step == self.step)
        )


ATTRIBUTES = ("unit_kind", "place", "part", "step")
"""Columns of a log with the attributes of its units (`UnitInfo`), in the order in which `GanttRow.has` takes them."""


def gantt_rows(log: Mapping[str, Column]) -> list[GanttRow]:
    """Return the rows of a log from the first day's work to the last blocks, each followed by its parts.

    `log` has the columns that `sim.metrics.schedule` gives.
    """
    return [*_site_rows(log), *_hall_rows(log), *_block_rows(log)]


def _site_rows(log: Mapping[str, Column]) -> Iterator[GanttRow]:
    """Yield the rows of permits, of site works and of power."""
    # a later row of the same unit overwrites an earlier one: what is left is when the unit ended
    end_minute = dict(
        zip(zip(*(_list(log[name]) for name in ATTRIBUTES), strict=True), _list(log["minute"]), strict=True)
    )
    phases = frozenset(
        place for kind, place, _, _ in end_minute if kind in {"preparation", "generating_unit", "grid_feed"}
    )
    end_of_step = {
        step: minute
        for (kind, place, part, step), minute in end_minute.items()
        if kind == "step" and part == "site_works"
    }
    works = phases | frozenset(place for kind, place, part, _ in end_minute if kind == "step" and part == "site_works")
    yield GanttRow("permits and design", PHASE, works, frozenset({"preparation"}))
    yield GanttRow("site works", PHASE, works, frozenset({"step"}), frozenset({"site_works"}))
    for step in sorted(end_of_step, key=lambda step: (end_of_step[step], step)):
        yield GanttRow(
            step.replace("_", " "), ROLL_UP, works, frozenset({"step"}), frozenset({"site_works"}), step
        )  # fmt: skip
    yield GanttRow("power units", PHASE, phases, frozenset({"generating_unit", "grid_feed"}))


def _hall_rows(log: Mapping[str, Column]) -> Iterator[GanttRow]:
    """Yield the rows of the shell: of all halls, of each hall or group of halls, and of each hall of a group."""
    halls = _halls(log)
    shell = frozenset({"shell"})
    if halls:
        yield GanttRow("shell", PHASE, frozenset(halls), parts=shell)
    for group in _groups(halls):
        name = f"{_span('hall', group)}: shell"
        yield GanttRow(name, ROLL_UP, frozenset(group), parts=shell)
        for hall in group if len(group) > 1 else ():
            yield GanttRow(f"hall {place_number(hall)}: shell", DETAIL, frozenset({hall}), parts=shell, parent=name)


def _block_rows(log: Mapping[str, Column]) -> Iterator[GanttRow]:
    """Yield the rows of installation and tests: of all blocks, of those of each hall or tenth, and of each block."""
    online_rows = np.flatnonzero(np.asarray(log["note"]) == ONLINE)
    turnover = dict(zip(*(_list(np.asarray(log[name])[online_rows]) for name in ("note_place", "place")), strict=True))
    blocks = sorted(turnover, key=place_number)
    if not blocks:
        return

    def row(name: str, level: int, members: Sequence[str], parent: str = "") -> GanttRow:
        turnovers = frozenset(turnover[block] for block in members)
        return GanttRow(
            name, level, frozenset(members), IN_BLOCK, SYSTEM_PARTS, handed_over_by=turnovers, parent=parent
        )

    yield row("installation and tests", PHASE, blocks)
    for name, group in _block_groups(blocks, _halls(log)):
        yield row(name, ROLL_UP, group)
        for block in group if len(group) > 1 else ():
            yield row(f"block {place_number(block)}", DETAIL, [block], name)


def _block_groups(blocks: Sequence[str], halls: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield (name, blocks) of each hall or group of halls; of tenths where halls do not hold the same number of blocks."""
    if halls and len(blocks) % len(halls) == 0:
        blocks_per_hall, first = len(blocks) // len(halls), 0
        for group in _groups(halls):
            members = blocks[first : first + blocks_per_hall * len(group)]
            first += len(members)
            yield f"{_span('hall', group)}: {_span('block', members)}", members
    else:
        for members in _groups(blocks):
            yield _span("block", members), members


def _halls(log: Mapping[str, Column]) -> list[str]:
    """Return the places that have a shell, in order."""
    is_shell = np.asarray(log["part"]) == "shell"
    return sorted({*_list(np.asarray(log["place"])[is_shell])} - {""}, key=place_number)


def _groups(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield names that follow each other, in at most so many groups of one size."""
    size = max(1, -(-len(names) // MAX_GROUPS))
    yield from (names[at : at + size] for at in range(0, len(names), size))


def _span(noun: str, names: Sequence[str]) -> str:
    """Write one place or the first and the last of several: `hall 3`, `blocks 1 to 10`."""
    first, last = place_number(names[0]), place_number(names[-1])
    return f"{noun} {first}" if len(names) == 1 else f"{noun}s {first} to {last}"


def _list(column: Any) -> list[Any]:
    return list(np.asarray(column).tolist())


# --- ranges -----------------------------------------------------------------------------------------------------------


SPREAD, HOURS, BINDINGS = "spread", "hours", "bindings"
RECORDED_RUNS, MIN_SIMPY_RUNS = 100, 20
"""Replications that are simulated again: a hundred; with SimPy one in ten of the run, at least twenty."""
SHARES = {"p10": 0.1, "p50": 0.5, "p80": 0.8, "p90": 0.9}


@dataclass(frozen=True)
class StepRows:
    """The row of the chart that each step of the plan belongs to: for every level, its number or -1."""

    rows: tuple[GanttRow, ...]
    by_level: tuple[Ints, ...]

    @classmethod
    def of(cls, case: Case, rows: Sequence[GanttRow]) -> StepRows:
        """Return the rows of a plan's steps; a step belongs to one row of each level at most."""
        plan = case.plan
        levels = []
        attributes_of_unit = [(info.kind, info.place, info.part, info.step) for info in plan.unit_info]
        for level in (PHASE, ROLL_UP, DETAIL):
            # by place first: of some thousand units and rows only a few pairs are at one place
            rows_at: dict[str, list[tuple[int, GanttRow]]] = {}
            for number, row in enumerate(rows):
                for place in row.all_places if row.level == level else ():
                    rows_at.setdefault(place, []).append((number, row))
            row_of = {
                (kind, place, part, step): next(
                    (number for number, row in rows_at.get(place, ()) if row.has(kind, place, part, step)), NONE
                )
                for kind, place, part, step in dict.fromkeys(attributes_of_unit)
            }
            levels.append(np.array([row_of[attributes] for attributes in attributes_of_unit], np.int64)[plan.unit_of])
        return cls(tuple(rows), tuple(levels))

    @property
    def levels(self) -> tuple[tuple[Ints, int], ...]:
        """Return for every level the row numbers of the steps, and how many rows there are."""
        return tuple((numbers, len(self.rows)) for numbers in self.by_level)

    def dates(self, record: Record) -> tuple[Floats, Floats]:
        """Return the days on which work of each row began and ended, not-a-number where there was none."""
        return begin_and_end_of_work(record, self.by_level, len(self.rows))


class RowTimes(NamedTuple):
    """One replication in the chart: days by row, whether each row is critical, daily curves, minutes on the driving chain."""

    begin: Floats
    end: Floats
    critical: NDArray[np.bool_]
    earned: Floats
    paid: Floats
    skids: Floats
    resource_minutes: Mapping[tuple[str, str], int]


def gantt_ranges(
    case: Case, seed: int, sample: Sample, log: Mapping[str, Column], workers: int = 1,
    idle_workers: Sequence[WorkerConnection] = (),
) -> dict[str, Columns]:  # fmt: skip
    """Return the tables `spread`, `hours` and `bindings`; nothing where no replication came to its end.

    `spread` has a row a row of the chart: place, level, parent, begin and end in days (P10, P50, P80, P90), `plan_begin`
    and `plan_end` of the expected plan, and `critical`, the share of replications in which it had a part of the driving
    chain; `runs` is how many were simulated. `hours` has a row a day: planned, and P10, P50, P80, P90 of person-hours
    earned and paid until then, and in columns `skids_` of skids that have come to the site. `bindings` has a row a
    resource on the driving chain: cause, what (the system of a factory, the trade of a crew), mean days, and the share of
    replications in which it held the chain a day or more. `idle_workers` may have kept some replications; the others are
    simulated once more, with two `workers` half of them by another process.
    """
    replications = sampled_replications(case, sample).tolist()
    if not replications:
        return {}
    step_rows = StepRows.of(case, gantt_rows(log))
    times = _times_of_kept(idle_workers, step_rows, replications)
    missing = [replication for replication in replications if replication not in times]
    simulated_times = (
        in_two_halves(partial(_row_times, case, seed, step_rows), missing, fork=workers > 1) if missing else []
    )
    times |= dict(zip(missing, simulated_times, strict=True))
    row_times = [times[replication] for replication in replications]
    begins, ends, criticality, earned, paid, skids, resource_minutes = zip(*row_times, strict=True)
    planned = _planned(case)
    range_table = _spread(step_rows, np.array(begins), np.array(ends), np.array(criticality), step_rows.dates(planned))
    bands = {**_bands("earned", earned), **_bands("paid", paid)}
    if skids[0].any():
        bands |= {"skids_planned": skids_by_day(planned, case.days), **_bands("skids", skids)}
    hours: Columns = {"day": np.arange(case.days), "planned": earned_by_day(planned, case.days), **bands}
    return {SPREAD: range_table, HOURS: hours, BINDINGS: _bindings(resource_minutes)}


def _times_of_kept(
    workers: Sequence[WorkerConnection], step_rows: StepRows, replications: Sequence[int]
) -> dict[int, RowTimes]:
    """Ask workers what the replications that they have kept contribute to the chart; return it by replication."""
    request, times = packed(OfCase(partial(row_times_of_kept, step_rows, replications))), dict[int, RowTimes]()
    for worker in workers:
        worker.send(request)
    for worker in workers:
        with suppress(WorkerLost):
            answer = worker.receive()
            times |= answer if isinstance(answer, dict) else {}
    return times


def row_times_of_kept(step_rows: StepRows, replications: Sequence[int], case: Case, _seed: int) -> dict[int, RowTimes]:
    """Return what those of some replications that this process has kept contribute to the chart."""
    kept = case.kept.keys() & {*replications}
    return {replication: _row_times_of(case, step_rows, case.kept[replication]) for replication in sorted(kept)}


def _row_times(case: Case, seed: int, step_rows: StepRows, replications: Sequence[int]) -> list[RowTimes]:
    """Simulate some replications once more, and return what each of them contributes to the chart."""
    return [_row_times_of(case, step_rows, replication) for replication in _simulated(case, seed, replications)]


def _row_times_of(case: Case, step_rows: StepRows, replication: Replication) -> RowTimes:
    """Return what a replication contributes to the chart."""
    record = case.record(replication)
    people = headcount(record, case.project, case.days)
    paid_hours = paid_by_day(people, case.metric_context.paid_by_day)
    begin, end = step_rows.dates(record)
    chain = chain_summary(record)
    critical = np.any(on_chain(chain.steps, *step_rows.levels), axis=0)
    earned, skids = earned_by_day(record, case.days), skids_by_day(record, case.days)
    return RowTimes(begin, end, critical, earned, paid_hours, skids, chain.minutes)


def _bindings(resource_minutes: Sequence[Mapping[tuple[str, str], int]]) -> Columns:
    """Return a table, a row a resource that was on the driving chain, those with most days first."""
    keys = sorted({key for minutes in resource_minutes for key in minutes})
    days = np.array([[minutes.get(key, 0) / DAY for key in keys] for minutes in resource_minutes])
    order = np.argsort(-days.mean(axis=0), kind="stable")
    causes, details = (np.array([keys[number][part] for number in order.tolist()], object) for part in (0, 1))
    return {
        "cause": causes, "what": details, "days": days.mean(axis=0)[order],
        "share": (days >= 1).mean(axis=0)[order], "runs": np.full(len(keys), len(resource_minutes)),
    }  # fmt: skip


def sampled_replications(case: Case, sample: Sample) -> Column:
    """Return the replications that are looked at: the first that came to their end."""
    max_runs = RECORDED_RUNS if case.engine == COMPILED else min(RECORDED_RUNS, max(MIN_SIMPY_RUNS, sample.size // 10))
    return np.flatnonzero(sample.runs["status"] == "ok")[:max_runs]


def _simulated(case: Case, seed: int, replications: Sequence[int]) -> Iterator[Replication]:
    """Yield some replications, simulated once more."""
    # consecutive numbers together, as inputs are drawn for many replications at once
    for consecutive in np.split(replications, np.flatnonzero(np.diff(replications) > 1) + 1):
        yield from in_batches(case.replications(seed, int(consecutive[0]), len(consecutive)), len(case.plan.rows))


def _planned(case: Case) -> Record:
    """Return the run without random numbers as it is measured; of a project under way that of its first day."""
    by = case.baseline if case.baseline.plan.has_steps_of(case.plan) else case
    return Record.of(case.metric_context.plan_index, by.planned_run.log, by.planned.content, by.planned_calendars)


def _spread(
    step_rows: StepRows, begins: Floats, ends: Floats, criticality: Column, planned: tuple[Floats, Floats]
) -> Columns:
    """Return a table, a row a row of the chart that was worked on in any replication."""
    row_numbers = np.flatnonzero(~np.isnan(ends).all(axis=0))
    rows = [step_rows.rows[number] for number in row_numbers]
    columns: Columns = {
        "place": np.array([row.name for row in rows], object),
        "level": np.array([row.level for row in rows], np.int64),
        "parent": np.array([row.parent for row in rows], object),
    }
    for name, values in (("begin", begins), ("end", ends)):
        for percentile, share in SHARES.items():
            observed = (np.sort(column[~np.isnan(column)]) for column in values[:, row_numbers].T)
            columns[f"{name}_{percentile}"] = np.array([quantile(column, share) for column in observed])
    for name, days in zip(("plan_begin", "plan_end"), planned, strict=True):
        columns[name] = days[row_numbers]
    return {
        **columns,
        "critical": criticality[:, row_numbers].mean(axis=0),
        "runs": np.full(len(row_numbers), len(ends)),
    }


def _bands(name: str, curves: Sequence[Floats]) -> Columns:
    """Return percentiles of a curve, day by day."""
    return {
        f"{name}_{percentile}": np.quantile(np.array(curves), share, axis=0, method="inverted_cdf")
        for percentile, share in SHARES.items()
    }
