"""Daylight at a place: from some minutes before sunrise to some minutes after sunset, day by day."""

from __future__ import annotations

from datetime import date, timedelta, timezone
from functools import lru_cache

import numpy as np

from sim.world.intervals import Intervals, merged, within
from sim.world.shifts import DAY


@lru_cache(maxsize=8)
def daylight(
    start: date, days: int, latitude: float, longitude: float, utc_offset_hours: float, margin: int
) -> Intervals:
    """Return daylight as stretches of minutes since `start`, `margin` minutes longer at either end of the day.

    The clock is the place's standard time all year. Sunrise and sunset are those of the `astral` library (solar
    position after NOAA), to the minute. Where the sun does not rise or set, the day is all night or all light.
    """
    clock = timezone(timedelta(hours=utc_offset_hours))
    rows = [
        (day * DAY + up - margin, day * DAY + down + margin)
        for day in range(days)
        for up, down in [_sun(start + timedelta(days=day), latitude, longitude, clock)]
        if down > up
    ]
    light = np.array(rows, np.int64).reshape(-1, 2)
    return within(merged(light[:, 0], light[:, 1]), days * DAY)


def _sun(day: date, latitude: float, longitude: float, clock: timezone) -> tuple[int, int]:
    """Return the minutes after midnight of sunrise and sunset; twice the same where the sun stays down."""
    from astral import Observer
    from astral.sun import elevation, noon, sunrise, sunset

    place = Observer(latitude, longitude)
    try:
        up, down = sunrise(place, day, tzinfo=clock), sunset(place, day, tzinfo=clock)
    except ValueError:
        return (0, DAY) if elevation(place, noon(place, day, tzinfo=clock)) > 0 else (0, 0)
    return up.hour * 60 + up.minute, down.hour * 60 + down.minute
