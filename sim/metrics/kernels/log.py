"""Passes over a log, compiled: reading it once, hours earned and worked, and what works lost to weather.

The reference is `scan_log`, `earned_minutes`, `worked_minutes` and `people_by_day` of `numpy_kernels`, and
`lost_to_weather` of `sim.metrics.critical_chain`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.jit.toolkit import Floats, Ints, entry_point, float_view, int_view, jit, prefetch
from sim.metrics.kernels.interface import (
    BEGUN,
    CALENDAR_OF,
    DONE,
    GROUP_BITS,
    LOST,
    MODE_OF,
    NONE,
    NOTED,
    PAUSING,
    WHOLE,
    OpenHours,
    Scan,
    StepGroups,
    Table,
    WorkHours,
)

Shorts = NDArray[np.int32]
DAY = 1440
ROWS_AHEAD = 12
CALENDAR_OF_STEP, PEOPLE, EARNS = range(3)
"""What is known of every step, as in `PlanIndex.labour_of_step`: its calendar, people, and the input it earns, or -1."""

# --- reading ----------------------------------------------------------------------------------------------------------


def scan_log(log: Ints, groups: StepGroups) -> Scan:
    """Read a log once: when every step was done, the rows that are measured, who came before whom."""
    # kernels have no strides; a log that was sliced or sorted may have others
    log = np.ascontiguousarray(log)
    when, before = np.full(len(groups.mark), -1, np.int64), np.empty(len(log), np.int32)
    last, ends = np.full(groups.units, -1, np.int32), np.zeros(groups.groups, np.int64)
    rows = np.empty((2, len(log), 3), np.int64)
    completed = read(log, groups.mark, groups.level, when, before, last, ends, rows)
    return Scan(when, rows[1, : ends[-1]], ends, before, completed)


@entry_point
def read(
    log_: Ints, marks_: Table, level: int, when_: Ints, before_: Shorts, last_: Shorts, ends_: Ints, rows_: Ints
) -> int:
    """Return the minute in which the signals of the last group reached a level, or -1.

    Noted are the minute of every step that was done; the row before each of the same unit, or -1; and in
    `rows_[1]` the log of all groups but 0, group by group, with their ends. The caller has filled `when` and `last`
    with -1 and `ends` with 0; `rows_[0]` is room for what is found on the way.
    """
    log, marks, when, before = int_view(log_), int_view(marks_), int_view(when_), int_view(before_)
    last, ends, found = int_view(last_), int_view(ends_), int_view(rows_)
    groups, count, completed, sorted_ = len(ends_), 0, NONE, 3 * len(log_)
    last_row = len(log_) - 1
    for row in range(len(log_)):
        # steps of successive rows lie anywhere in memory: what some rows ahead need is fetched meanwhile
        step_ahead = log[3 * min(row + ROWS_AHEAD, last_row) + 1]
        prefetch(marks, step_ahead)
        prefetch(when, step_ahead)
        minute, step = log[3 * row], log[3 * row + 1]
        # one look-up for both, as each is a jump through memory
        unit, group = marks[step] >> GROUP_BITS, marks[step] & (1 << GROUP_BITS) - 1
        when[step] = minute
        before[row] = last[unit]
        last[unit] = row
        if group != 0:
            found[3 * count], found[3 * count + 1], found[3 * count + 2] = minute, step, log[3 * row + 2]
            ends[group] += 1
            count += 1
            if group == groups - 1:
                level -= log[3 * row + 2]
                if level <= 0 and completed == NONE:
                    completed = minute
    # a counting sort: two passes for few groups, and stable, as the reference needs
    for group in range(1, groups):
        ends[group] += ends[group - 1]
    # from the back, so that rows of a group keep the order of the log
    for at in range(count - 1, -1, -1):
        group = marks[found[3 * at + 1]] & (1 << GROUP_BITS) - 1
        ends[group] -= 1
        for column in range(3):
            found[sorted_ + 3 * ends[group] + column] = found[3 * at + column]
    # ends were counted down to begins; the end of a group is the begin of the next
    for group in range(1, groups - 1):
        ends[group] = ends[group + 1]
    ends[groups - 1] = count
    return completed


# --- hours ------------------------------------------------------------------------------------------------------------


def earned_minutes(works: Ints, labour: Table, content: Ints) -> int:
    """Return person-minutes of work content of the steps done; a repeated one earns nothing more."""
    return sum_earned(works, labour, np.ascontiguousarray(content), np.zeros(len(labour), np.uint8))


def worked_minutes(works: Ints, labour: Table, calendar: int, hours: WorkHours) -> tuple[Floats, Floats]:
    """Return the shift minutes of every work on a calendar, and its people."""
    found = np.empty((2, len(works)))
    count = write_worked(works, labour, calendar, hours, found)
    return found[0, :count], found[1, :count]


@entry_point
def sum_earned(works_: Ints, labour_: Table, content_: Ints, done_: NDArray[np.uint8]) -> int:
    """Return person-minutes of work content of the steps done; a repeated one earns nothing more.

    `done` has of every step whether it was met; none yet.
    """
    works, labour, content, done = int_view(works_), int_view(labour_), int_view(content_), int_view(done_)
    total = 0
    for row in range(len(works_)):
        step = works[3 * row + 1]
        earns = labour[3 * step + EARNS]
        # rework is worked and paid again, but the work content is there only once
        if earns >= 0 and done[step] == 0:
            done[step] = 1
            total += content[earns] * labour[3 * step + PEOPLE]
    return total


@entry_point
def write_worked(works_: Ints, labour_: Table, calendar: int, hours: WorkHours, found_: Floats) -> int:
    """Write the shift minutes of every work on a calendar, and in the next row its people; return how many there are.

    Works come in the order of the log, so each calendar is read forward once and no search is needed.
    """
    works, labour, found, most = int_view(works_), int_view(labour_), float_view(found_), len(works_)
    count, at, planned, shifts = 0, 0, 0, 0
    for row in range(most):
        done, step, begun = works[3 * row], works[3 * row + 1], works[3 * row + 2]
        if labour[3 * step + CALENDAR_OF_STEP] != calendar:
            continue
        # by the ends, which rise in the log; begins do not, so from there the way back is searched
        at = _passed(hours.real, at, done)
        open_ = _between(hours.real, at, begun, done)
        earning = worked = open_
        if not hours.as_planned:
            planned = _passed(hours.planned, planned, done)
            earning = worked = _between(hours.planned, planned, begun, done)
        if not hours.as_shifts:
            shifts = _passed(hours.shifts, shifts, done)
            worked = _between(hours.shifts, shifts, begun, done)
        # a work whose whole span was closed as planned has no share to count by: its open minutes are taken
        found[count] = open_ * (worked / max(earning, 1) if earning > 0 else 1.0)
        found[most + count] = labour[3 * step + PEOPLE]
        count += 1
    return count


@jit
def _passed(hours: OpenHours, place: int, minute: int) -> int:
    """Return how many stretches begin until a minute; minutes come in order, and the last one was at `place`."""
    starts = int_view(hours.starts)
    while place < len(hours.starts) and starts[place] <= minute:
        place += 1
    return place


@jit
def _between(hours: OpenHours, place: int, begun: int, done: int) -> int:
    """Return the open minutes from a begin to an end, until which `place` stretches begin."""
    starts, total = int_view(hours.starts), _counted(hours, place - 1, done)
    while place > 0 and starts[place - 1] > begun:
        place -= 1
    return total - _counted(hours, place - 1, begun)


@jit
def _counted(hours: OpenHours, place: int, minute: int) -> int:
    """Return the open minutes until a minute in the stretch at a place, or behind it."""
    ends, until = int_view(hours.ends), int_view(hours.done)
    return until[place] - max(ends[place] - minute, 0) if place >= 0 else 0


@entry_point
def people_by_day(notes_: Ints, trade_: Table, by_day_: Ints, end: int) -> None:
    """Write the people of every trade by day, all 0 before: who comes or leaves on a day is there on that day."""
    notes, trade, by_day = int_view(notes_), int_view(trade_), int_view(by_day_)
    trades, days = by_day_.shape
    for row in range(len(notes_)):
        minute, step, people = notes[3 * row], notes[3 * row + 1], notes[3 * row + 2]
        day = min(minute // DAY, days - 1) + int(people <= 0)
        if day < days:
            by_day[trade[step] * days + day] += people
    for one in range(trades):
        for day in range(1, days):
            place = one * days + day
            by_day[place] = by_day[place] + by_day[place - 1] if day <= end else 0


# --- weather ----------------------------------------------------------------------------------------------------------


@entry_point
def note_weather_loss(works_: Ints, calendar: int, real: OpenHours, stated: OpenHours) -> None:
    """Note the minutes that the works on a calendar were done later than on the stated one, begun at the same minutes."""
    works, opens = int_view(works_), int_view(real.starts)
    for at in range(0, NOTED * len(works_), NOTED):
        if works[at + CALENDAR_OF] != calendar:
            continue
        begin, finish, lost = works[at + BEGUN], works[at + DONE], 0
        # what was really worked is asked of the stated calendar, from the same begin on
        productive = _worked(real, finish) - _worked(real, begin)
        if works[at + MODE_OF] == PAUSING:
            lost = finish - _finish(stated, begin, productive)
        elif works[at + MODE_OF] == WHOLE:
            # the stretch in which it was done; it may have been ready before that one opened
            minutes = finish - max(begin, opens[_before(real.starts, finish) - 1])
            lost = finish - _finish_whole(stated, begin, minutes)
        else:
            # hours of service cannot be laid out anew from here: what counts is the open minutes that the road lost
            meant = _worked(stated, finish) - _worked(stated, begin)
            lost = min(finish - begin, meant - productive)
        works[at + LOST] = max(0, lost)


@jit
def _worked(hours: OpenHours, minute: int) -> int:
    """Count open minutes until a minute; before the project's start every minute counts."""
    ends, done, place = int_view(hours.ends), int_view(hours.done), _before(hours.starts, minute + 1) - 1
    if place < 0:
        return min(minute, 0)
    return done[place] - max(ends[place] - minute, 0)


@jit
def _finish(hours: OpenHours, begin: int, minutes: int) -> int:
    """Return when so many open minutes have passed since a begin."""
    if minutes == 0:
        return begin
    ends, done, target = int_view(hours.ends), int_view(hours.done), _worked(hours, begin) + minutes
    # the stated calendar may end before the real finish: then its last stretch is stretched
    place = min(_before(hours.done, target), len(hours.done) - 1)
    return ends[place] - (done[place] - target)


@jit
def _finish_whole(hours: OpenHours, begin: int, minutes: int) -> int:
    """Return when so many minutes in one piece have passed since a begin."""
    if minutes == 0:
        return begin
    starts, ends, place = int_view(hours.starts), int_view(hours.ends), _before(hours.ends, begin + 1)
    while place < len(hours.starts) - 1 and max(begin, starts[place]) + minutes > ends[place]:
        place += 1
    return max(begin, starts[place]) + minutes


@jit
def _before(minutes_: Ints, minute: int) -> int:
    """Return how many of some minutes in order lie before one."""
    minutes, low, high = int_view(minutes_), 0, len(minutes_)
    while low < high:
        middle = (low + high) // 2
        if minutes[middle] < minute:
            low = middle + 1
        else:
            high = middle
    return low
