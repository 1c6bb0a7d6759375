"""Hours of service in the kernel: when a truck arrives whose driver must stop and whose road may be closed.

Says the same as `sim.world.driving`, which explains the rules.
"""

from __future__ import annotations

from sim.engine.compiled.arrays import CALENDAR, ENDS, STARTS, STRETCHES
from sim.engine.compiled.hours import begun, beyond
from sim.machine.jit import part, piece
from sim.machine.numbers import Numbers
from sim.world.driving import BREAK, DRIVING, DUTY, REST, UNBROKEN


@piece
def stretch(hours: Numbers, at: int, place: int, moment: int) -> int:
    """Return the first stretch from `place` on that is not over at a moment; -1 if all are."""
    place = beyond(hours, hours[at + ENDS], place, hours[at + STRETCHES], moment)
    return place if place < hours[at + STRETCHES] else -1


@part
def arrival(run: Numbers, hours: Numbers, calendar: int, start: int, minutes: int) -> int:
    """Return when `minutes` at the wheel, begun at `start`, are over; -1 if the road's calendar ends before."""
    if minutes == 0:
        return start
    at, left = calendar * CALENDAR, minutes
    starts, ends = hours[at + STARTS], hours[at + ENDS]
    place = stretch(hours, at, max(begun(run, hours, calendar, start) - 1, 0), start)
    if place < 0:
        return -1
    now = max(start, hours[starts + place])
    since, driven, unbroken = now, 0, 0
    while True:
        leg = min(left, DRIVING - driven, UNBROKEN - unbroken, since + DUTY - now, hours[ends + place] - now)
        stopped, left, driven, unbroken = now + leg, left - leg, driven + leg, unbroken + leg
        if left == 0:
            return stopped
        go = stopped + (BREAK if unbroken >= UNBROKEN else 0)
        place = stretch(hours, at, place, go)
        if place < 0:
            return -1
        now = max(go, hours[starts + place])
        if driven >= DRIVING or now >= since + DUTY:
            place = stretch(hours, at, place, stopped + REST)
            if place < 0:
                return -1
            now = max(stopped + REST, hours[starts + place])
        if now - stopped >= REST:
            since, driven, unbroken = now, 0, 0
        elif now - stopped >= BREAK:
            unbroken = 0
