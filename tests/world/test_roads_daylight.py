"""Sunrise tables against what is known of the sun without them."""

from __future__ import annotations

from datetime import date
from math import acos, cos, degrees, radians, sin, tan

import numpy as np
import pytest

from sim.world.shifts import DAY, daylight

SITE = (30.89, -102.88, -6.0)


def length_of_day(day: date, latitude: float = SITE[0], longitude: float = SITE[1], offset: float = SITE[2]) -> int:
    starts, ends = daylight(day, 1, latitude, longitude, offset, 0)
    return int((ends - starts).sum())


@pytest.mark.parametrize(("day", "declination"), [(date(2026, 6, 21), 23.43), (date(2026, 12, 21), -23.43)])
def test_longest_and_shortest_day_follow_from_latitude(day: date, declination: float) -> None:
    """cos of the half day = (sin -0.833° - sin φ sin δ) / (cos φ cos δ), the sun's upper edge with refraction."""
    phi, delta = radians(SITE[0]), radians(declination)
    half = acos((sin(radians(-0.833)) - sin(phi) * sin(delta)) / (cos(phi) * cos(delta)))
    assert abs(length_of_day(day) - degrees(half) * 8) <= 2


def test_at_the_equinox_refraction_alone_makes_the_day_longer_than_the_night() -> None:
    half = acos(sin(radians(-0.833)) / cos(radians(SITE[0])) - tan(radians(SITE[0])) * tan(0))
    assert abs(length_of_day(date(2026, 3, 20)) - degrees(half) * 8) <= 3


@pytest.mark.parametrize("day", [date(2026, 4, 15), date(2026, 6, 13), date(2026, 9, 1), date(2026, 12, 25)])
def test_noon_is_where_the_longitude_puts_it_on_days_without_equation_of_time(day: date) -> None:
    starts, ends = daylight(day, 1, *SITE, 0)
    noon = (int(starts[0]) + int(ends[0])) / 2
    assert abs(noon - (12 * 60 + (-SITE[1] - 90) * 4)) <= 2


def test_the_margin_lengthens_both_ends_and_days_follow_each_other() -> None:
    plain, long = daylight(date(2026, 1, 5), 400, *SITE, 0), daylight(date(2026, 1, 5), 400, *SITE, 30)
    assert np.array_equal(plain[0] - 30, long[0])
    assert np.array_equal(plain[1] + 30, long[1])
    assert np.array_equal(plain[0] // DAY, np.arange(400))
    assert np.abs(np.diff(plain[0] % DAY)).max() <= 2  # the sun has no jumps, not even in a year's end


def test_beyond_the_circle_a_day_is_all_night_or_all_light() -> None:
    assert length_of_day(date(2026, 12, 21), 75, 20, 1) == 0
    assert length_of_day(date(2026, 6, 21), 75, 20, 1) == DAY
