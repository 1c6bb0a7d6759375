"""How long a working day is, so that work on any calendar can be told in days."""

from __future__ import annotations

from sim.plan.vocabulary import MINUTES_PER_DAY
from sim.world.calendars import Calendar


def always_open(calendar: Calendar) -> bool:
    """Tell whether a calendar never closes: what takes time on it is waiting, not work."""
    return calendar.worked(calendar.horizon) == calendar.horizon


def day_minutes(calendar: Calendar) -> float:
    """Return the open minutes of a calendar's mean working day: all that are open, by the days on which any are."""
    if always_open(calendar):
        return MINUTES_PER_DAY
    first, last = calendar.starts // MINUTES_PER_DAY, (calendar.ends - 1) // MINUTES_PER_DAY
    days = int((last - first + 1).sum()) - int((first[1:] == last[:-1]).sum())
    return float((calendar.ends - calendar.starts).sum()) / max(1, days)
