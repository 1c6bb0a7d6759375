"""Hours of service: when a truck arrives whose driver must stop, and whose road may be closed.

The limits of 49 CFR 395.3 for property-carrying drivers: at most 11 hours of driving, none after the 14th
hour of a duty period, 30 minutes without driving after 8 hours of it, and 10 hours off before a new duty
period. The weekly limits (60 or 70 hours) are not modelled: fleets change drivers between loads.

The driver is rested at the start, drives whenever rules and road allow, and does nothing else on duty: so
every minute without driving is off duty, a road closed for half an hour is a break, for ten hours a rest.
"""

from __future__ import annotations

from typing import NamedTuple

from sim.world.calendars import Calendar

DRIVING = 11 * 60
DUTY = 14 * 60
UNBROKEN = 8 * 60
BREAK = 30
REST = 10 * 60


class Duty(NamedTuple):
    """A duty period so far: the minute it began, minutes driven in it, and since the last break."""

    began: int
    driven: int = 0
    unbroken: int = 0

    def allows(self, now: int) -> int:
        """Return the minutes the driver may drive from now on without stopping."""
        return min(DRIVING - self.driven, UNBROKEN - self.unbroken, self.began + DUTY - now)

    def after(self, minutes: int) -> Duty:
        """Drive on and return the state then."""
        return Duty(self.began, self.driven + minutes, self.unbroken + minutes)


def duty_finish(start: int, driving_minutes: int, windows: Calendar | None = None) -> int:
    """Return the clock minute of arrival after `driving_minutes` at the wheel, only while `windows` are open.

    A duty period begins when its first driving does. No driving at all arrives at once.
    """
    if driving_minutes == 0:
        return start
    now = start if windows is None else windows.next_open(start)
    left, duty = driving_minutes, Duty(now)
    while True:
        leg = min(left, duty.allows(now))
        if windows is not None:
            leg = min(leg, windows.closes(now) - now)
        now, left, duty = now + leg, left - leg, duty.after(leg)
        if left == 0:
            return now
        now, duty = _stop(now, duty, windows)


def _stop(now: int, duty: Duty, windows: Calendar | None) -> tuple[int, Duty]:
    """Stop at `now` for as long as rules and road demand: the minute of going on, and the state then."""
    needed = BREAK if duty.unbroken >= UNBROKEN else 0
    go = _open(now + needed, windows)
    if duty.driven >= DRIVING or go >= duty.began + DUTY:
        go = _open(now + REST, windows)
    if go - now >= REST:
        return go, Duty(go)
    return go, duty._replace(unbroken=0) if go - now >= BREAK else duty


def _open(t: int, windows: Calendar | None) -> int:
    """Return the first minute at or after `t` at which driving is permitted."""
    return t if windows is None else windows.next_open(t)
