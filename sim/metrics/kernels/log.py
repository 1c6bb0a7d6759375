"""Passes over a log, compiled: reading it once, hours earned and worked, and what works lost to weather.

The reference is `scan_log`, `earned_minutes`, `worked_minutes` and `people_by_day` of `numpy_kernels`, and
`lost_to_weather` of `sim.metrics.critical_chain`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.jit.toolkit import Floats, Ints, entry_point, float_view, int_view, jit
from sim.metrics.kernels.interface import (
    BEGUN_AT,
    CALENDAR_OF_WORK,
    CHAIN_COLUMNS,
    DONE_AT,
    GROUP_BITS,
    LABOUR_COLUMNS,
    LABOUR_INPUT,
    LABOUR_PEOPLE,
    LOG_COLUMNS,
    LOG_DETAIL,
    LOG_MINUTE,
    LOG_STEP,
    LOST_TO_WEATHER,
    MODE_OF_WORK,
    NONE,
    PAUSING,
    WHOLE,
    OpenHours,
    Scan,
    StepGroups,
    Table,
    WorkHours,
)

Ints32 = NDArray[np.int32]
DAY = 1440

# --- reading ----------------------------------------------------------------------------------------------------------


def scan_log(log: Ints, groups: StepGroups) -> Scan:
    """Read a log of (minute, step, detail) once: when every step was done, its rows by group, and the completion.

    A signal's detail is its amount. The previous row is that of the same unit.
    """
    # kernels have no strides; a log that was sliced or sorted may have others
    log = np.ascontiguousarray(log)
    done_minute, previous_row = np.full(len(groups.mark), -1, np.int64), np.empty(len(log), np.int32)
    last_row_of_unit, group_ends = np.full(groups.units, -1, np.int32), np.zeros(groups.groups, np.int64)
    rows = np.empty((2, len(log), LOG_COLUMNS), np.int64)
    completion_minute = read(
        log, groups.mark, groups.level, done_minute, previous_row, last_row_of_unit, group_ends, rows
    )
    return Scan(done_minute, rows[1, : group_ends[-1]], group_ends, previous_row, completion_minute)


@entry_point
def read(
    log_: Ints, marks_: Table, level: int, done_minute_: Ints, previous_row_: Ints32, last_row_of_unit_: Ints32,
    group_ends_: Ints, rows_: Ints,
) -> int:  # fmt: skip
    """Return the minute in which the signals of the last group reached a level, or -1.

    Writes the minute by step that was done; by log row the previous row of the same unit, or -1; and into `rows_[1]` the
    rows of all groups but 0, group by group, with their ends. The caller has filled `done_minute_` and `last_row_of_unit_`
    with -1 and `group_ends_` with 0; `rows_[0]` is scratch space for these rows in the order of the log.
    """
    log, marks, done_minute = int_view(log_), int_view(marks_), int_view(done_minute_)
    previous_row, last_row_of_unit = int_view(previous_row_), int_view(last_row_of_unit_)
    group_ends, rows = int_view(group_ends_), int_view(rows_)
    groups, count, completion_minute = len(group_ends_), 0, NONE
    sorted_rows = LOG_COLUMNS * len(log_)
    for row in range(len(log_)):
        minute, step, detail = (
            log[LOG_COLUMNS * row + LOG_MINUTE],
            log[LOG_COLUMNS * row + LOG_STEP],
            log[LOG_COLUMNS * row + LOG_DETAIL],
        )
        # one look-up for both, as each is a jump through memory
        unit, group = marks[step] >> GROUP_BITS, marks[step] & (1 << GROUP_BITS) - 1
        done_minute[step] = minute
        previous_row[row] = last_row_of_unit[unit]
        last_row_of_unit[unit] = row
        if group != 0:
            first = LOG_COLUMNS * count
            rows[first + LOG_MINUTE], rows[first + LOG_STEP], rows[first + LOG_DETAIL] = minute, step, detail
            group_ends[group] += 1
            count += 1
            if group == groups - 1:
                level -= detail
                if level <= 0 and completion_minute == NONE:
                    completion_minute = minute
    # a counting sort: two passes for few groups, and stable, as the reference needs
    for group in range(1, groups):
        group_ends[group] += group_ends[group - 1]
    # from the back, so that rows of a group keep the order of the log
    for row in range(count - 1, -1, -1):
        group = marks[rows[LOG_COLUMNS * row + LOG_STEP]] & (1 << GROUP_BITS) - 1
        group_ends[group] -= 1
        for column in range(LOG_COLUMNS):
            rows[sorted_rows + LOG_COLUMNS * group_ends[group] + column] = rows[LOG_COLUMNS * row + column]
    # ends were counted down to begins; the end of a group is the begin of the next
    for group in range(1, groups - 1):
        group_ends[group] = group_ends[group + 1]
    group_ends[groups - 1] = count
    return completion_minute


# --- hours ------------------------------------------------------------------------------------------------------------


def earned_minutes(works: Ints, labour: Table, content: Ints) -> int:
    """Return person-minutes of work content of the steps done; a repeated one earns nothing more."""
    return sum_earned(works, labour, np.ascontiguousarray(content), np.zeros(len(labour), np.uint8))


def worked_minutes(works: Ints, labour: Table, hours: WorkHours) -> tuple[Floats, Floats]:
    """Return the shift minutes of every one of the works on a calendar, and its people."""
    minutes_and_people = np.empty((2, len(works)))
    write_worked(works, labour, hours, minutes_and_people)
    return minutes_and_people[0], minutes_and_people[1]


@entry_point
def sum_earned(works_: Ints, labour_: Table, content_: Ints, is_earned_: NDArray[np.uint8]) -> int:
    """Return person-minutes of work content of the steps done; a repeated one earns nothing more.

    `works_` are log rows, `content_` is minutes by input; `is_earned_` is 1 by step that has earned, all 0 at first.
    """
    works, labour, content, is_earned = int_view(works_), int_view(labour_), int_view(content_), int_view(is_earned_)
    person_minutes = 0
    for row in range(len(works_)):
        step = works[LOG_COLUMNS * row + LOG_STEP]
        input_number = labour[LABOUR_COLUMNS * step + LABOUR_INPUT]
        # rework is worked and paid again, but the work content is there only once
        if input_number >= 0 and is_earned[step] == 0:
            is_earned[step] = 1
            person_minutes += content[input_number] * labour[LABOUR_COLUMNS * step + LABOUR_PEOPLE]
    return person_minutes


@entry_point
def write_worked(works_: Ints, labour_: Table, hours: WorkHours, minutes_and_people_: Floats) -> None:
    """Write the shift minutes of every one of the works on a calendar, and in the next row its people.

    Works come in the order of the log, so the calendar is read forward once and no search is needed.
    """
    works, labour, minutes_and_people = int_view(works_), int_view(labour_), float_view(minutes_and_people_)
    count, actual_begun, planned_begun, shifts_begun = len(works_), 0, 0, 0
    for row in range(count):
        done, step, begun = (
            works[LOG_COLUMNS * row + LOG_MINUTE],
            works[LOG_COLUMNS * row + LOG_STEP],
            works[LOG_COLUMNS * row + LOG_DETAIL],
        )
        # by the ends, which rise in the log; begins do not, so from there the way back is searched
        actual_begun = _intervals_begun(hours.actual, actual_begun, done)
        actual_minutes = _open_between(hours.actual, actual_begun, begun, done)
        planned_minutes = shift_minutes = actual_minutes
        if not hours.same_as_planned:
            planned_begun = _intervals_begun(hours.planned, planned_begun, done)
            planned_minutes = shift_minutes = _open_between(hours.planned, planned_begun, begun, done)
        if not hours.planned_is_shifts:
            shifts_begun = _intervals_begun(hours.shifts, shifts_begun, done)
            shift_minutes = _open_between(hours.shifts, shifts_begun, begun, done)
        # a work whose whole span was closed as planned has no share to count by: its open minutes are taken
        shifts_per_planned = shift_minutes / max(planned_minutes, 1) if planned_minutes > 0 else 1.0
        minutes_and_people[row] = actual_minutes * shifts_per_planned
        minutes_and_people[count + row] = labour[LABOUR_COLUMNS * step + LABOUR_PEOPLE]


@jit
def _intervals_begun(hours: OpenHours, begun_before: int, minute: int) -> int:
    """Return how many open intervals have begun by a minute; by an earlier one it was `begun_before`."""
    starts, intervals_begun = int_view(hours.starts), begun_before
    while intervals_begun < len(hours.starts) and starts[intervals_begun] <= minute:
        intervals_begun += 1
    return intervals_begun


@jit
def _open_between(hours: OpenHours, intervals_begun: int, begin: int, end: int) -> int:
    """Return the open minutes between two minutes; by the end, `intervals_begun` intervals have begun."""
    starts, minutes_until_end = int_view(hours.starts), _open_until(hours, intervals_begun - 1, end)
    while intervals_begun > 0 and starts[intervals_begun - 1] > begin:
        intervals_begun -= 1
    return minutes_until_end - _open_until(hours, intervals_begun - 1, begin)


@jit
def _open_until(hours: OpenHours, interval: int, minute: int) -> int:
    """Return the open minutes up to a minute that lies in an interval or between it and the next; 0 for interval -1."""
    ends, open_until_end = int_view(hours.ends), int_view(hours.open_until_end)
    return open_until_end[interval] - max(ends[interval] - minute, 0) if interval >= 0 else 0


@entry_point
def people_by_day(notes_: Ints, trade_of_step_: Table, by_day_: Ints, end: int) -> None:
    """Write the people on site by trade and day, all 0 before; who comes or leaves on a day is there on that day.

    Rows of `notes_` are (minute, step, people who come, or leave if below 0); nobody is there after day `end`.
    """
    notes, trade_of_step, by_day = int_view(notes_), int_view(trade_of_step_), int_view(by_day_)
    trades, days = by_day_.shape
    for row in range(len(notes_)):
        minute, step, people = (
            notes[LOG_COLUMNS * row + LOG_MINUTE],
            notes[LOG_COLUMNS * row + LOG_STEP],
            notes[LOG_COLUMNS * row + LOG_DETAIL],
        )
        # who leaves is still there on that day, so the change comes a day later
        day = min(minute // DAY, days - 1) + int(people <= 0)
        if day < days:
            by_day[trade_of_step[step] * days + day] += people
    for trade in range(trades):
        # all later days are 0 already, but the one after the end, on which the last people leave
        for day in range(1, min(end + 2, days)):
            cell = trade * days + day
            by_day[cell] = by_day[cell] + by_day[cell - 1] if day <= end else 0


# --- weather ----------------------------------------------------------------------------------------------------------


@entry_point
def note_weather_loss(chain_: Ints, calendar: int, actual: OpenHours, planned: OpenHours) -> None:
    """Write the minutes by which works on a calendar were done later than on the planned one, begun at the same minutes.

    `chain_` are rows of the driving chain, as `critical_chain.walk` returns them.
    """
    chain, starts = int_view(chain_), int_view(actual.starts)
    for first in range(0, CHAIN_COLUMNS * len(chain_), CHAIN_COLUMNS):
        if chain[first + CALENDAR_OF_WORK] != calendar:
            continue
        begun, done, lost = chain[first + BEGUN_AT], chain[first + DONE_AT], 0
        # the minutes really worked are laid out on the planned calendar, from the same begin on
        productive = _worked(actual, done) - _worked(actual, begun)
        if chain[first + MODE_OF_WORK] == PAUSING:
            lost = done - _finish(planned, begun, productive)
        elif chain[first + MODE_OF_WORK] == WHOLE:
            # the open interval in which it was done; the work may have waited for it
            minutes = done - max(begun, starts[_count_below(actual.starts, done) - 1])
            lost = done - _finish_whole(planned, begun, minutes)
        else:
            # hours of service cannot be laid out anew from here: what counts is the open minutes that the road lost
            planned_minutes = _worked(planned, done) - _worked(planned, begun)
            lost = min(done - begun, planned_minutes - productive)
        chain[first + LOST_TO_WEATHER] = max(0, lost)


@jit
def _worked(hours: OpenHours, minute: int) -> int:
    """Return the open minutes up to a minute; before the project's start every minute counts, below 0."""
    ends, open_until_end = int_view(hours.ends), int_view(hours.open_until_end)
    interval = _count_below(hours.starts, minute + 1) - 1
    if interval < 0:
        return min(minute, 0)
    return open_until_end[interval] - max(ends[interval] - minute, 0)


@jit
def _finish(hours: OpenHours, begin: int, minutes: int) -> int:
    """Return the minute by which so many open minutes have passed since a begin."""
    if minutes == 0:
        return begin
    ends, open_until_end = int_view(hours.ends), int_view(hours.open_until_end)
    target = _worked(hours, begin) + minutes
    # the planned calendar may end before the actual finish: then its last interval is made longer
    interval = min(_count_below(hours.open_until_end, target), len(hours.open_until_end) - 1)
    return ends[interval] - (open_until_end[interval] - target)


@jit
def _finish_whole(hours: OpenHours, begin: int, minutes: int) -> int:
    """Return the minute by which work of so many minutes in one piece is done, begun no earlier than `begin`."""
    if minutes == 0:
        return begin
    starts, ends, interval = int_view(hours.starts), int_view(hours.ends), _count_below(hours.ends, begin + 1)
    while interval < len(hours.starts) - 1 and max(begin, starts[interval]) + minutes > ends[interval]:
        interval += 1
    return max(begin, starts[interval]) + minutes


@jit
def _count_below(ascending_: Ints, minute: int) -> int:
    """Return the count of ascending minutes that are below a minute, by bisection."""
    ascending, low, high = int_view(ascending_), 0, len(ascending_)
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] < minute:
            low = middle + 1
        else:
            high = middle
    return low
