"""Trip times against log books filled in by hand, and against a driver who decides minute by minute."""

from __future__ import annotations

import random
from datetime import date

import pytest

from sim.world.roads import duty_finish
from sim.world.working_time import Calendar, CalendarEnds, always, weekly

DAY = 1440


def at(day: int, hour: int, minute: int = 0) -> int:
    return day * DAY + hour * 60 + minute


def daily(*windows: tuple[int, int], days: int = 40) -> Calendar:
    """The same hours of the clock open every day."""
    hours = [(at(day, begin), at(day, end)) for day in range(days) for begin, end in windows]
    return Calendar.of("road", hours, days * DAY)


@pytest.mark.parametrize(
    ("driving", "arrival"),
    [
        (0, 0),
        (480, 480),  # 8 h: there before the break is due
        (481, 511),  # 8 h, 30 min break, 1 min
        (660, 690),  # 8 h, 30 min, 3 h
        (661, 690 + 600 + 1),  # ... and after 10 h of rest one minute more
        (660 + 660, 690 + 600 + 690),
        (660 + 660 + 1, 2 * (690 + 600) + 1),
    ],
)
def test_on_an_open_road_eleven_hours_take_eleven_and_a_half_and_then_comes_a_rest(driving: int, arrival: int) -> None:
    assert duty_finish(0, driving) == arrival
    assert duty_finish(1234, driving) == 1234 + arrival
    assert duty_finish(1234, driving, always(9 * DAY)) == 1234 + arrival


def test_log_book_of_a_daylight_load() -> None:
    """Road open 06-18. Leave 12:00, 12 h of driving.

    Day 0: 12:00-18:00 drive 6 h. Closed for 12 h, which is a rest.
    Day 1: new duty at 06:00, 06:00-12:00 drive 6 h. Arrive.
    """
    assert duty_finish(at(0, 12), 12 * 60, daily((6, 18))) == at(1, 12)


def test_log_book_of_a_load_that_waits_for_morning() -> None:
    """Road open 06-18. Ready at 20:00, 14 h of driving: the duty period starts when the road opens.

    Day 1: 06:00-14:00 drive 8 h, break, 14:30-17:30 drive 3 h: 11 h are full. Rest, then closed until 06:00.
    Day 2: 06:00-09:00 drive 3 h. Arrive.
    """
    assert duty_finish(at(0, 20), 14 * 60, daily((6, 18))) == at(2, 9)


def test_log_book_of_a_midday_curfew() -> None:
    """Road open 06-09 and 15-24. Leave 06:00, 9 h of driving.

    06:00-09:00 drive 3 h. Closed for 6 h: a break, not a rest, and the 14 h run on until 20:00.
    15:00-20:00 drive 5 h (8 h in all, but 5 since the break). Rest until 06:00.
    Day 1: 06:00-07:00 drive 1 h. Arrive.
    """
    assert duty_finish(at(0, 6), 9 * 60, daily((6, 9), (15, 24))) == at(1, 7)


def test_log_book_of_a_short_night() -> None:
    """Road open 06-22. Leave 12:00, 10 h of driving.

    12:00-20:00 drive 8 h, break, 20:30-22:00 drive 1.5 h. Closed for 8 h, and the 14 h are over at 02:00:
    the rest counts from 22:00, so the driver goes on at 08:00, not at 06:00.
    Day 1: 08:00-08:30 drive 0.5 h. Arrive.
    """
    assert duty_finish(at(0, 12), 10 * 60, daily((6, 22))) == at(1, 8, 30)


def test_log_book_of_a_break_that_meets_a_closed_road() -> None:
    """Road open 00:00-08:00 and 08:10-24:00. Leave 00:00, 9 h: the closed minutes are part of the break."""
    road = Calendar.of("road", [(0, 480), (490, DAY)], DAY)
    assert duty_finish(0, 540, road) == at(0, 9, 30)


def test_a_trip_past_the_last_known_day_is_an_error_that_names_the_road() -> None:
    with pytest.raises(CalendarEnds, match="calendar road ends on day 2"):
        duty_finish(at(1, 17), 61, daily((6, 18), days=2))


def drive_by_the_minute(start: int, driving: int, is_open: list[bool]) -> int:
    """A driver who looks at his log book before every minute: may I drive this one?"""
    minute, left, idle = start, driving, 10**6
    duty_began = in_duty = since_break = 0
    while left:
        if idle >= 10 * 60:
            duty_began, in_duty, since_break = minute, 0, 0
        if idle >= 30:
            since_break = 0
        may = in_duty < 11 * 60 and minute < duty_began + 14 * 60 and since_break < 8 * 60
        if may and is_open[minute]:
            left, idle, in_duty, since_break = left - 1, 0, in_duty + 1, since_break + 1
        else:
            idle += 1
        minute += 1
    return minute


def random_road(luck: random.Random, days: int) -> list[tuple[int, int]]:
    """Windows of a few hours with gaps from minutes to half a day."""
    windows, now = [], luck.randrange(600)
    while now < days * DAY:
        end = now + luck.choice([20, 200, 480, 600, 840, 900, luck.randrange(1, 1200)])
        windows.append((now, end))
        now = end + luck.choice([1, 29, 30, 31, 120, 599, 600, 601, luck.randrange(1, 800)])
    return windows


def test_random_trips_against_a_driver_who_decides_minute_by_minute() -> None:
    luck = random.Random(395)
    days = 20
    for case in range(600):
        windows = [(0, days * DAY)] if case % 20 == 0 else random_road(luck, days)
        is_open = [False] * (2 * days * DAY)
        for begin, end in windows:
            is_open[begin:end] = [True] * (end - begin)
        road = Calendar.of("road", windows, 2 * days * DAY)
        start, driving = luck.randrange(2 * DAY), luck.choice([1, 480, 660, luck.randrange(1, 2700)])
        arrival = drive_by_the_minute(start, driving, is_open)
        assert duty_finish(start, driving, road) == arrival, (case, windows)


def test_daylight_windows_of_a_week_without_sunday() -> None:
    """Saturday noon, 8 h to go, road open 07-17 from Monday to Saturday: 5 h, no Sunday, 3 h."""
    road = weekly("daylight", date(2026, 11, 23), 14, days="mon-sat", shifts=[("07:00", "17:00")])
    assert duty_finish(at(5, 12), 8 * 60, road) == at(7, 10)
