"""Working time in the kernel: when work ends on a calendar, and when a truck arrives.

The same rules as in `sim.world.working_time`, and in `sim.world.roads` for drivers who must rest and roads that
may be closed. The clock only moves forward, so a run remembers how far it has read each calendar, and a search begins there
with steps that double. An answer of -1 means that the calendar has no such time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.engine.numba_engine.memory_layout import (
    CALENDAR_SIZE,
    ENDS,
    INTERVALS,
    LONGEST_INTERVAL,
    REACHED,
    STARTS,
    WORKED_BY_END,
)
from sim.jit.toolkit import Ints, IntView, inline, jit
from sim.world.roads import BREAK, DRIVING, DUTY, REST, UNBROKEN
from sim.world.working_time import Calendar

# --- calendars --------------------------------------------------------------------------------------------------------


class CalendarArrays:
    """The calendars of runs as arrays for the kernel; those that change from run to run stand behind all others."""

    def __init__(self) -> None:
        """Begin without calendars."""
        self._calendars: tuple[Calendar, ...] = ()
        self._changing: list[int] = []
        self._changing_from = 0
        self._array: Ints = np.empty(0, np.int64)

    def of(self, calendars: Sequence[Calendar]) -> Ints:
        """Return calendars as one array: for each where its numbers begin, then its starts, ends and minutes worked.

        The next call may write into the same array.
        """
        latest, self._calendars = self._calendars, tuple(calendars)
        if len(latest) != len(calendars):
            self._changing = []
            self._write_all()
            return self._array
        changed = {number for number, calendar in enumerate(calendars) if calendar is not latest[number]}
        # one that seemed to stay has changed: from now on it stands behind with the changing ones
        if not changed <= set(self._changing):
            self._changing = sorted(changed | set(self._changing))
            self._write_all()
        elif changed:
            self._write(self._changing, self._changing_from)
        return self._array

    def _write_all(self) -> None:
        """Write the calendars that stay the same, then those that change."""
        numbers = range(len(self._calendars))
        staying = [number for number in numbers if number not in self._changing]
        self._changing_from = self._write(staying, len(numbers) * CALENDAR_SIZE)
        self._write(self._changing, self._changing_from)

    def _write(self, numbers: Sequence[int], begin: int) -> int:
        """Write some calendars end to end from position `begin` on; return the position at which they end."""
        calendars = [self._calendars[number] for number in numbers]
        end = begin + 3 * sum(len(calendar.starts) for calendar in calendars)
        if end > len(self._array):
            # grown, never shrunk: runs differ by a few closures, and most fit where the last one's stood
            self._array = np.concatenate([self._array[:begin], np.empty(end - min(begin, len(self._array)), np.int64)])
        position = begin
        for number, calendar in zip(numbers, calendars, strict=True):
            size = len(calendar.starts)
            header = (position, position + size, position + 2 * size, size, calendar.longest, calendar.known)
            self._array[number * CALENDAR_SIZE : (number + 1) * CALENDAR_SIZE] = header
            position += 3 * size
        parts = [part for calendar in calendars for part in (calendar.starts, calendar.ends, calendar.done)]
        if parts:
            np.concatenate(parts, out=self._array[begin:end])
        return end


# --- working time ----------------------------------------------------------------------------------------------------


@jit
def first_above(rising: IntView, base: int, low: int, end: int, value: int) -> int:
    """Return the first position in [low, end) at which the sorted numbers from `base` on are above `value`, or `end`.

    None before `low` is above it.
    """
    # the clock moves little between two searches, so the answer is mostly one of the first positions
    high, stride = low, 1
    while high < end and rising[base + high] <= value:
        low = high + 1
        high += stride
        stride *= 2
    high = min(high, end)
    while low < high:
        middle = (low + high) >> 1
        if rising[base + middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low


@inline
def intervals_begun(run: IntView, calendars: IntView, calendar: int, now: int) -> int:
    """Return how many open intervals of a calendar have begun by now, and record it as where the next search begins."""
    header, reached_at = calendar * CALENDAR_SIZE, run[REACHED] + calendar
    run[reached_at] = first_above(
        calendars, calendars[header + STARTS], run[reached_at], calendars[header + INTERVALS], now
    )
    return run[reached_at]


@inline
def finish(run: IntView, calendars: IntView, calendar: int, now: int, minutes: int) -> int:
    """Return the minute at which `minutes` of work begun now are done, pausing while the calendar is closed; -1 if never."""
    if minutes == 0:
        return now
    header = calendar * CALENDAR_SIZE
    ends, done, intervals = calendars[header + ENDS], calendars[header + WORKED_BY_END], calendars[header + INTERVALS]
    interval = intervals_begun(run, calendars, calendar, now)
    worked_minutes_at_end = minutes
    if interval > 0:
        # minutes worked are tabulated from the calendar's begin: what was open until now comes on top of what is asked
        interval -= 1
        worked_minutes_at_end += calendars[done + interval] - max(calendars[ends + interval] - now, 0)
    # the first stretch at whose end all is worked: work that just fills a stretch ends with it, not at the next opening
    interval = first_above(calendars, done, interval, intervals, worked_minutes_at_end - 1)
    if interval == intervals:
        return -1
    return calendars[ends + interval] - (calendars[done + interval] - worked_minutes_at_end)


@inline
def finish_whole(run: IntView, calendars: IntView, calendar: int, now: int, minutes: int) -> int:
    """Return the minute at which `minutes` without a pause are done, in the first open interval long enough; -1 if never."""
    if minutes == 0:
        return now
    header = calendar * CALENDAR_SIZE
    if minutes > calendars[header + LONGEST_INTERVAL]:
        return -1
    # one back: the stretch that is open now has begun already
    for interval in range(max(intervals_begun(run, calendars, calendar, now) - 1, 0), calendars[header + INTERVALS]):
        end = max(now, calendars[calendars[header + STARTS] + interval]) + minutes
        if end <= calendars[calendars[header + ENDS] + interval]:
            return end
    return -1


# --- driving ----------------------------------------------------------------------------------------------------------


@inline
def interval_at(calendars: IntView, header: int, interval: int, minute: int) -> int:
    """Return the first open interval, from a number on, that is not over at a minute; -1 if all are."""
    interval = first_above(calendars, calendars[header + ENDS], interval, calendars[header + INTERVALS], minute)
    return interval if interval < calendars[header + INTERVALS] else -1


@jit
def end_of_drive(run: IntView, calendars: IntView, calendar: int, start: int, minutes: int) -> int:
    """Return the minute at which `minutes` of driving, begun at `start`, end; -1 if the road's calendar ends before."""
    if minutes == 0:
        return start
    header, remaining = calendar * CALENDAR_SIZE, minutes
    starts, ends = calendars[header + STARTS], calendars[header + ENDS]
    interval = interval_at(calendars, header, max(intervals_begun(run, calendars, calendar, start) - 1, 0), start)
    if interval < 0:
        return -1
    now = max(start, calendars[starts + interval])
    duty_began, driven, unbroken = now, 0, 0
    while True:
        # what ends a leg first: arrival, the day's driving, the break that is due, the end of duty, or the road closing
        leg = min(
            remaining, DRIVING - driven, UNBROKEN - unbroken, duty_began + DUTY - now, calendars[ends + interval] - now
        )
        stopped, remaining, driven, unbroken = now + leg, remaining - leg, driven + leg, unbroken + leg
        if remaining == 0:
            return stopped
        may_go = stopped + (BREAK if unbroken >= UNBROKEN else 0)
        interval = interval_at(calendars, header, interval, may_go)
        if interval < 0:
            return -1
        now = max(may_go, calendars[starts + interval])
        # a closed road may outlast the duty day: the long rest is due even where driving time is left
        if driven >= DRIVING or now >= duty_began + DUTY:
            interval = interval_at(calendars, header, interval, stopped + REST)
            if interval < 0:
                return -1
            now = max(stopped + REST, calendars[starts + interval])
        # waiting at a closed road is rest as well, where it is long enough
        if now - stopped >= REST:
            duty_began, driven, unbroken = now, 0, 0
        elif now - stopped >= BREAK:
            unbroken = 0
