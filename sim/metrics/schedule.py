"""The schedule of one run: late dates and slack, its log as a table, and what was worked on when.

Late dates come from a backward pass over the log. Each row must be done early enough for what came after it: the next
step of its unit, the units that waited for the gate it raised, and those that took what it gave back (first given, first
taken). Waiting is slack. The tables have dates and names instead of numbers.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sim.metrics.critical_chain import ChainSegment, DrivingChain
from sim.metrics.event_log import DAY, Floats, Ints, Record
from sim.metrics.workforce import Headcount
from sim.plan.compiled_plan import NONE, Column, CompiledPlan
from sim.plan.vocabulary import BLOCKING_OPERATIONS, FREE, HOLD, NOTE, OPERATIONS, SIGNAL, UNTIL, WAIT, WORK
from sim.world.working_time import Calendar, day_of_finish

# --- late dates -------------------------------------------------------------------------------------------------------


NEVER = np.iinfo(np.int64).max
WHOLE, DUTY = 1, 2


class _Counter:
    """A count that only rises (the level of a gate, or everything ever given to a pool), and by when it must have risen."""

    def __init__(self) -> None:
        self.needs: list[tuple[int, int]] = []
        """Heap of (minus the level needed, minute by which it is needed)."""
        self.latest_minute = NEVER

    def push_need(self, level: int, minute: int) -> None:
        """Record that a level must be reached by a minute."""
        # by falling level, as they are asked for: each need is looked at once
        heapq.heappush(self.needs, (-level, minute))

    def latest_rise(self, count: int) -> int:
        """Return the latest minute of the rise beyond `count`; counts are asked for in falling order."""
        while self.needs and -self.needs[0][0] > count:
            self.latest_minute = min(self.latest_minute, heapq.heappop(self.needs)[1])
        return self.latest_minute


def latest(
    plan: CompiledPlan, log: NDArray[np.int64], calendars: Sequence[Calendar], anchors: Mapping[int, int]
) -> NDArray[np.int64]:
    """Return the latest minute of every log row such that no anchor (row → minute) is missed; NEVER if none binds.

    `log` is in the order in which steps were done, shape (rows, 3).
    """
    rows, steps, unit_of = plan.rows.tolist(), log.tolist(), plan.unit_of.tolist()
    # counted forward first, as the level of a gate or pool at a row is not known on the way back
    counts = _counts_by_row(plan, steps)
    gates: dict[int, _Counter] = {}
    pools: dict[int, _Counter] = {}
    latest_of_unit = [NEVER] * len(plan.units)
    result = np.full(len(steps), NEVER, np.int64)
    # backwards through the log: every row that this one could delay is worked out before it
    for row in range(len(steps) - 1, -1, -1):
        minute, step, begun = steps[row]
        # level of a wait, or calendar and mode of work; the argument is a gate or a bundle
        operation, argument, level_or_calendar, mode, _, _ = rows[step]
        unit = unit_of[step]
        # what the unit itself goes on with, and a date that the row must keep
        bound = min(latest_of_unit[unit], anchors.get(row, NEVER))
        if operation == SIGNAL:
            bound = min(bound, gates.setdefault(argument, _Counter()).latest_rise(counts[row][0]))
        elif operation == FREE:
            for (pool, _), count in zip(plan.bundles[argument], counts[row], strict=True):
                bound = min(bound, pools.setdefault(pool, _Counter()).latest_rise(count))
        elif operation == WAIT:
            gates.setdefault(argument, _Counter()).push_need(level_or_calendar, bound)
        elif operation == HOLD:
            for (pool, _), level in zip(plan.bundles[argument], counts[row], strict=True):
                pools.setdefault(pool, _Counter()).push_need(level, bound)
        result[row] = bound
        # only work takes time; a wait is slack, so what is before it may be as late as its end
        if operation == WORK:
            latest_of_unit[unit] = _latest_begin(calendars[level_or_calendar], mode, begun, minute, bound)
        else:
            latest_of_unit[unit] = bound
    return result


def _counts_by_row(plan: CompiledPlan, steps: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return by log row the gate count before a signal, the pool counts given before a free, or those needed by a hold."""
    rows = plan.rows.tolist()
    level, released, taken = [0] * len(plan.gates), [0] * len(plan.pools), [0] * len(plan.pools)
    initial = plan.initial.tolist()
    counts: list[list[int]] = []
    for _, step, amount in steps:
        operation, argument = rows[step][:2]
        row_counts: list[int] = []
        if operation == SIGNAL:
            row_counts = [level[argument]]
            level[argument] += amount
        elif operation in (FREE, HOLD):
            for pool, count in plan.bundles[argument]:
                if operation == FREE:
                    row_counts.append(released[pool])
                    released[pool] += count
                else:
                    taken[pool] += count
                    # first given, first taken: the n-th taken beyond the initial count needs the n-th given back
                    row_counts.append(taken[pool] - initial[pool])
        counts.append(row_counts)
    return counts


def _latest_begin(calendar: Calendar, mode: int, begun: int, done: int, bound: int) -> int:
    """Return the latest minute at which work done from `begun` to `done` may begin to be done by `bound`."""
    if bound == NEVER:
        return NEVER
    # a drive is shifted as a whole: its hours of service are not scheduled again
    if mode == DUTY:
        return begun + bound - done
    if mode == WHOLE:
        length = done - max(begun, _opened(calendar, done))
        # actual work longer than any open window did pause: it is shifted as a whole, too
        return calendar.latest_start_whole(bound, length) if length <= calendar.longest else begun + bound - done
    return calendar.latest_start(bound, calendar.worked(done) - calendar.worked(begun))


def _opened(calendar: Calendar, done: int) -> int:
    """Return the minute in which the open interval of a calendar began in which work was done."""
    return int(calendar.starts[np.searchsorted(calendar.ends, done)])


# --- event table ------------------------------------------------------------------------------------------------------


Columns = dict[str, NDArray[np.generic]]


def event_table(record: Record, start_date: date) -> Columns:
    """Return columns minute, date, kind, activity, unit, resource, amount, began, mechanism, …; a row for every step done.

    `resource` is what is held, freed, waited for, signalled or noted; `began` is -1 where nothing has a begin;
    `mechanism` is what time was spent with, by work or by a wait, and empty where none was. What follows is what the
    unit is (`unit_kind`, `place`, `part`, `step`) and, for a note, what it says (`note`, `note_part`, `note_place`):
    a stored result has no plan, so its readers would else have to take these attributes out of names.
    """
    plan = record.plan_index.plan
    # by unit within a minute, so that both engines give the same table
    order = np.lexsort((plan.unit_of[record.step], record.minute))
    minute, step, detail = (column[order] for column in (record.minute, record.step, record.detail))
    operation = plan.rows[step, Column.OPERATION]
    day0 = np.datetime64(start_date, "D")
    return {
        "minute": minute,
        "date": (day0 + minute // DAY).astype(str),
        "kind": np.array(OPERATIONS)[operation],
        "activity": np.array([*plan.activities, ""])[plan.activity_of[step]],
        "unit": np.array(plan.units)[plan.unit_of[step]],
        "resource": _resources(plan, step),
        "amount": np.where(np.isin(operation, BLOCKING_OPERATIONS) | (operation == FREE), 0, detail),
        "began": np.where(np.isin(operation, BLOCKING_OPERATIONS), detail, NONE),
        "mechanism": np.array(_causes(record), dtype=object)[order].astype(str),
        **_attributes(plan, step),
    }


def _attributes(plan: CompiledPlan, step: Ints) -> Columns:
    """Return the attributes of the units and notes of some steps, by column."""
    info = plan.unit_info
    unit_columns = {
        "unit_kind": np.array([unit.kind for unit in info]),
        "place": np.array([unit.place for unit in info]),
        "part": np.array([unit.part for unit in info]),
        "step": np.array([unit.step for unit in info]),
    }
    note = np.where(
        plan.rows[step, Column.OPERATION] == NOTE, plan.rows[step, Column.ARGUMENT], len(plan.notes)
    )  # the last one: no note
    notes = zip(("note", "note_part", "note_place"), zip(*plan.notes, ("", "", ""), strict=True), strict=True)
    return {
        **{name: column[plan.unit_of[step]] for name, column in unit_columns.items()},
        **{name: np.array(column)[note] for name, column in notes},
    }


def chain_table(record: Record) -> Columns:
    """Return the driving chain by segment: begin, end (minutes), days, unit, activity, mechanism, waiting, waiting_for.

    `waiting` is the unit that could not go on before, `waiting_for` the gate or the pools it waited for; both are
    empty where the next step of the same unit follows.
    """
    segments = [*DrivingChain(record).segments]
    waited_for = _resources(record.plan_index.plan, record.step[[segment.waiting for segment in segments]]).tolist()
    rows = [
        (*_segment(record, segment), *_waiting(record, segment, resource))
        for segment, resource in zip(segments, waited_for, strict=True)
    ]
    names = ("begin", "end", "days", "unit", "activity", "mechanism", "waiting", "waiting_for")
    kinds = (np.int64, np.int64, np.float64, *[object] * 5)
    columns = [*zip(*rows, strict=True)] or [()] * len(names)
    return {name: np.array(column, dtype=kind) for name, column, kind in zip(names, columns, kinds, strict=True)}


def _segment(record: Record, segment: ChainSegment) -> tuple[int, int, float, str, str, str]:
    """Return begin and end (minutes), days, unit, activity and cause of a segment."""
    plan, step = record.plan_index.plan, record.step[segment.row]
    activity = plan.activities[plan.activity_of[step]] if plan.activity_of[step] != NONE else ""
    days = (segment.end - segment.begin) / DAY
    return segment.begin, segment.end, days, plan.units[plan.unit_of[step]], activity, segment.cause


def _waiting(record: Record, segment: ChainSegment, waited_for: str) -> tuple[str, str]:
    """Return the unit that had to wait for a segment, and what it waited for; both empty where none had to."""
    if segment.waiting == NONE:
        return "", ""
    plan, step = record.plan_index.plan, record.step[segment.waiting]
    return plan.units[plan.unit_of[step]], waited_for


def _causes(record: Record) -> list[str]:
    """Return for each row of the log the cause of delay that its time was spent on; empty where it took none."""
    chain = DrivingChain(record)
    rows_with_time = np.flatnonzero((record.begun < record.minute) & np.isin(record.operation, BLOCKING_OPERATIONS))
    causes = [""] * len(record.operation)
    for row, operation in zip(rows_with_time.tolist(), record.operation[rows_with_time].tolist(), strict=True):
        if operation in (WORK, UNTIL):
            causes[row] = chain.cause(row)
        elif operation == HOLD:
            causes[row] = chain.short(row)
        else:
            releasing_row, _ = chain.released_by(row)
            causes[row] = chain.cause_of_unit(releasing_row)
    return causes


def _resources(plan: CompiledPlan, step: Ints) -> NDArray[np.str_]:
    """Return for some steps the names of their pools, gate or noted item."""
    bundles = [" + ".join(f"{count} {plan.pools[pool]}" for pool, count in bundle) for bundle in plan.bundles]
    notes = ["/".join(text for text in note if text) for note in plan.notes]
    first_gate, first_note = len(bundles), len(bundles) + len(plan.gates)
    names = np.array([*bundles, *plan.gates, *notes, ""])
    operation, argument = plan.rows[step, Column.OPERATION], plan.rows[step, Column.ARGUMENT]
    kinds = [np.isin(operation, kind) for kind in ((HOLD, FREE), (WAIT, SIGNAL), (NOTE,))]
    return names[np.select(kinds, [argument, argument + first_gate, argument + first_note], len(names) - 1)]


# --- dates of groups --------------------------------------------------------------------------------------------------


def begin_and_end_of_work(record: Record, groupings: Sequence[Ints], count: int) -> tuple[Floats, Floats]:
    """Return the days on which work of each group began and ended; not-a-number where there was none.

    Each of `groupings` has a group number for every step of the plan, or -1; no two groupings share a number.
    """
    rows = np.flatnonzero((record.operation == WORK) & (record.minute > record.begun))
    steps, begun, done = record.step[rows], record.begun[rows], record.minute[rows]
    begin, end = np.full(count, NEVER), np.full(count, -1)
    for group in groupings:
        number = group[steps]
        in_group = number >= 0
        np.minimum.at(begin, number[in_group], begun[in_group])
        # of several assignments to one place the last stays, and the log is in the order of its minutes
        end[number[in_group]] = done[in_group]
    without_work = end < 0
    return np.where(without_work, np.nan, begin / DAY), np.where(without_work, np.nan, end / DAY)


def on_chain(steps: Ints, *groupings: tuple[Ints, int]) -> list[NDArray[np.bool_]]:
    """Return for each grouping which groups are on the driving chain; one is group numbers by step (or -1) and how many."""
    results = []
    for group, count in groupings:
        has_step = np.zeros(count, np.bool_)
        number = group[steps]
        has_step[number[number >= 0]] = True
        results.append(has_step)
    return results


def earned_by_day(record: Record, days: int) -> Floats:
    """Return person-hours earned until the end of each day, shape (days,); repeated work earns nothing more."""
    plan, works = record.plan_index.plan, record.works
    # `unique` has the first row of each step: rework earns nothing
    first_works = works[np.unique(works[:, 1], return_index=True)[1]]
    first_works = first_works[plan.earns[first_works[:, 1]]]
    minutes, steps = first_works[:, 0], first_works[:, 1]
    hours = record.content[record.plan_index.first_argument[steps]] * record.plan_index.people_of_step[steps] / 60
    day = np.minimum(day_of_finish(minutes), days - 1)
    return np.cumsum(np.bincount(day, weights=hours, minlength=days)[:days])


def skids_by_day(record: Record, days: int) -> Floats:
    """Return how many skids have been delivered to the site until the end of each day, shape (days,)."""
    rows, index = record.noted_rows("delivered"), record.plan_index
    arrival_minutes = rows[index.is_skid[index.plan.unit_of[rows[:, 1]]], 0]
    day = np.minimum(day_of_finish(arrival_minutes), days - 1)
    return np.cumsum(np.bincount(day, minlength=days)[:days]).astype(np.float64)


def paid_by_day(people: Headcount, paid_hours: Floats) -> Floats:
    """Return person-hours paid until the end of each day, waiting and indirect people included.

    `paid_hours` is the hours that one person is paid by day.
    """
    return np.cumsum(people.paid * paid_hours)
