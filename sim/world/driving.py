"""Hours of service: when a truck arrives whose driver must stop, and whose road may be closed.

The limits of 49 CFR 395.3 for property-carrying drivers: at most 11 hours of driving, none after the 14th
hour of a duty period, 30 minutes without driving after 8 hours of it, and 10 hours off before a new duty
period. The weekly limits (60 or 70 hours) are not modelled: fleets change drivers between loads.

The driver is rested at the start, drives whenever rules and road allow, and does nothing else on duty: so
every minute without driving is off duty, a road closed for half an hour is a break, for ten hours a rest.
"""

from __future__ import annotations

from sim.world.calendars import Calendar

DRIVING = 11 * 60
DUTY = 14 * 60
UNBROKEN = 8 * 60
BREAK = 30
REST = 10 * 60


def duty_finish(start: int, driving_minutes: int, windows: Calendar | None = None) -> int:
    """Return the clock minute of arrival after `driving_minutes` at the wheel, only while `windows` are open.

    A duty period begins when its first driving does. No driving at all arrives at once.
    """
    if driving_minutes == 0:
        return start
    now = _open(start, windows)
    left, began, driven, unbroken = driving_minutes, now, 0, 0
    while True:
        leg = min(left, DRIVING - driven, UNBROKEN - unbroken, began + DUTY - now)
        if windows is not None:
            leg = min(leg, windows.closes(now) - now)
        now, left, driven, unbroken = now + leg, left - leg, driven + leg, unbroken + leg
        if left == 0:
            return now
        go = _open(now + BREAK if unbroken >= UNBROKEN else now, windows)
        if driven >= DRIVING or go >= began + DUTY:
            go = _open(now + REST, windows)
        if go - now >= REST:
            began, driven = go, 0
        if go - now >= BREAK:
            unbroken = 0
        now = go


def _open(t: int, windows: Calendar | None) -> int:
    """Return the first minute at or after `t` at which driving is permitted."""
    return t if windows is None else windows.next_open(t)
