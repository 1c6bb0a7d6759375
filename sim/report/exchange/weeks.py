"""A calendar as planners' tools keep it: a working week, and the days that are not as the week says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

from sim.world.calendars.working_time import Calendar

DAY = 1440
Hours = tuple[tuple[int, int], ...]
"""Working times of a day, in minutes since midnight; the end of the day is 1440."""


@dataclass(frozen=True)
class Week:
    """Working times by weekday (Monday is 0), and by date where a day differs."""

    days: tuple[Hours, ...]
    exceptions: dict[date, Hours]

    def on(self, day: date) -> Hours:
        """The working times of one date."""
        return self.exceptions.get(day, self.days[day.weekday()])


def week_of(calendar: Calendar, start: date, until: int) -> Week:
    """Read the working week off a calendar, from its first day to minute `until`."""
    by_day = _by_day(calendar, until)
    count = -(-until // DAY)
    dates = [start + timedelta(days=day) for day in range(count)]
    met: list[Counter[Hours]] = [Counter() for _ in range(7)]
    for day, when in enumerate(dates):
        met[when.weekday()][by_day.get(day, ())] += 1
    days = tuple(counter.most_common(1)[0][0] if counter else () for counter in met)
    different = {when: by_day.get(day, ()) for day, when in enumerate(dates)}
    return Week(days, {when: hours for when, hours in different.items() if hours != days[when.weekday()]})


def _by_day(calendar: Calendar, until: int) -> dict[int, Hours]:
    """The working times of each day of the project that has any."""
    found: dict[int, list[tuple[int, int]]] = {}
    for begin, end in zip(calendar.starts.tolist(), calendar.ends.tolist(), strict=True):
        if begin >= until:
            break
        for day in range(begin // DAY, min(-(-end // DAY), -(-until // DAY))):
            found.setdefault(day, []).append((max(begin - day * DAY, 0), min(end - day * DAY, DAY)))
    return {day: tuple(times) for day, times in found.items()}


def clock(minute: int) -> str:
    """A minute of the day as HH:MM; the end of a day is 00:00."""
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"
