"""Working time against days counted by hand and minute by minute."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sim.world.working_time import Calendar, CalendarEnds, NoWindow, always, intersect, subtract_closures, union, weekly

DAY = 1440
MONDAY = date(2026, 11, 23)
LUNCH = [("12:00", "12:30")]
Minutes = NDArray[np.bool_]


def at(day: int, clock: str) -> int:
    hours, minutes = clock.split(":")
    return day * DAY + int(hours) * 60 + int(minutes)


@pytest.fixture
def site() -> Calendar:
    """Six days of ten hours from a Monday on, lunch unpaid, Thanksgiving (the first Thursday) off."""
    return weekly("site", MONDAY, 28, breaks=LUNCH, holidays=[date(2026, 11, 26)])


def test_a_week_of_six_tens_has_sixty_hours_less_the_holiday(site: Calendar) -> None:
    assert site.worked(at(1, "00:00")) == 600
    assert site.worked(at(7, "00:00")) == 5 * 600
    assert site.worked(at(14, "00:00")) == 11 * 600


def test_working_minutes_of_many_moments_at_once(site: Calendar) -> None:
    moments = np.arange(0, 28 * DAY, 97)
    assert site.worked_many(moments).tolist() == [site.worked(moment) for moment in moments.tolist()]
    assert site.worked_many(np.array([40 * DAY])).tolist() == [site.worked(28 * DAY)]


def test_work_pauses_over_lunch_night_holiday_and_sunday(site: Calendar) -> None:
    assert site.finish(at(0, "11:00"), 120) == at(0, "13:30")
    assert site.finish(at(0, "17:00"), 60) == at(1, "07:30")
    assert site.finish(at(2, "17:00"), 60) == at(4, "07:30")
    assert site.finish(at(5, "17:00"), 60) == at(7, "07:30")


def test_work_finishes_at_the_end_of_a_shift_not_at_the_start_of_the_next(site: Calendar) -> None:
    assert site.finish(at(0, "07:00"), 600) == at(0, "17:30")
    assert site.finish(at(0, "07:00"), 601) == at(1, "07:01")
    assert site.finish(at(0, "18:00"), 300) == at(1, "12:00")


def test_no_work_at_all_ends_at_once_even_when_closed(site: Calendar) -> None:
    assert site.finish(at(6, "03:00"), 0) == at(6, "03:00")
    assert site.finish_whole(at(6, "03:00"), 0) == at(6, "03:00")
    assert site.latest_start(at(6, "03:00"), 0) == at(6, "03:00")


def test_work_that_cannot_pause_waits_for_a_stretch_that_is_long_enough(site: Calendar) -> None:
    assert site.finish_whole(at(0, "07:00"), 300) == at(0, "12:00")
    assert site.finish_whole(at(0, "07:01"), 300) == at(0, "17:30")
    assert site.finish_whole(at(0, "12:31"), 300) == at(1, "12:00")
    assert site.finish_whole(at(5, "13:00"), 300) == at(7, "12:00")


def test_work_longer_than_any_stretch_is_an_error_that_names_the_calendar(site: Calendar) -> None:
    with pytest.raises(NoWindow, match=r"site.*5\.01667 h.*longest open interval of 5 h"):
        site.finish_whole(0, 301)
    assert site.longest == 300


def test_the_latest_start_leaves_just_enough_time(site: Calendar) -> None:
    assert site.latest_start(at(1, "07:30"), 60) == at(0, "17:00")
    assert site.latest_start(at(1, "06:00"), 600) == at(0, "07:00")
    assert site.latest_start(at(1, "17:30"), 600) == at(1, "07:00")
    assert site.latest_start_whole(at(1, "12:15"), 300) == at(1, "07:00")
    assert site.latest_start_whole(at(1, "11:59"), 300) == at(0, "12:30")


def test_before_the_project_every_minute_counts(site: Calendar) -> None:
    assert site.latest_start(at(0, "08:00"), 100) == -40
    assert site.latest_start_whole(at(0, "08:00"), 100) == -100
    assert site.worked(-40) == -40


def test_next_open_and_closes(site: Calendar) -> None:
    assert [site.next_open(at(0, clock)) for clock in ("06:00", "07:00", "11:59", "12:00", "17:30")] == [
        at(0, "07:00"),
        at(0, "07:00"),
        at(0, "11:59"),
        at(0, "12:30"),
        at(1, "07:00"),
    ]
    assert (site.closes(at(0, "08:00")), site.closes(at(0, "12:00"))) == (at(0, "12:00"), at(0, "17:30"))


@pytest.mark.parametrize(
    "ask",
    [
        lambda site: site.finish(0, 24 * 600),
        lambda site: site.finish(at(400, "00:00"), 1),
        lambda site: site.finish_whole(at(27, "08:00"), 300),
        lambda site: site.worked(28 * DAY + 1),
        lambda site: site.next_open(28 * DAY),
        lambda site: site.closes(27 * DAY),
        lambda site: site.latest_start(28 * DAY + 1, 5),
    ],
)
def test_past_its_last_day_a_calendar_says_so(site: Calendar, ask: Callable[[Calendar], int]) -> None:
    with pytest.raises(CalendarEnds, match=r"calendar site ends on 2026-12-21.*raise scale\.horizon_days") as raised:
        ask(site)
    assert raised.value.exit_code == 3
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


def test_without_a_date_the_error_counts_days() -> None:
    with pytest.raises(CalendarEnds, match="calendar always ends on day 2"):
        always(2 * DAY).finish(0, 2 * DAY + 1)
    assert always(2 * DAY).finish(7, 2 * DAY - 7) == 2 * DAY


def test_the_leap_day_and_the_new_year_are_days_like_others() -> None:
    leap = weekly("five eights", date(2028, 2, 28), 7, days="mon-fri", shifts=[("08:00", "16:00")])
    assert leap.finish(at(0, "08:00"), 3 * 480) == at(2, "16:00")  # 28 and 29 February, 1 March
    eve = weekly("six tens", date(2026, 12, 31), 9, breaks=LUNCH, holidays=[date(2027, 1, 1)])
    assert eve.finish(at(0, "07:00"), 601) == at(2, "07:01")  # New Year's Friday off, on with Saturday


def test_night_shifts_belong_to_the_day_they_start_on() -> None:
    shift, pause = [("19:00", "05:30")], [("00:00", "00:30")]
    nights = weekly("nights", MONDAY, 14, days="mon-fri", shifts=shift, breaks=pause)
    assert nights.worked(at(0, "12:00")) == 0  # no shift began on Sunday
    assert nights.finish(at(0, "19:00"), 600) == at(1, "05:30")
    assert nights.finish(at(4, "19:00"), 301) == at(5, "00:31")  # Friday's shift reaches into Saturday
    from_tuesday = weekly("nights", date(2026, 11, 24), 2, days="mon-fri", shifts=shift)
    assert from_tuesday.worked(at(0, "12:00")) == 330  # Monday's does into the first day


def test_shifts_that_meet_are_one_stretch() -> None:
    shifts = [("06:00", "18:00"), ("18:00", "06:00")]
    two = weekly("round the clock", MONDAY, 7, days="mon-sun", shifts=shifts)
    assert two.starts.tolist() == [0]
    assert two.finish_whole(5, 7 * DAY - 5) == 7 * DAY
    assert weekly("all", MONDAY, 7, days="mon-sun", shifts=[("00:00", "24:00")]).longest == 7 * DAY


@pytest.mark.parametrize(
    ("words", "days"),
    [("mon-sat", 6), ("fri-mon", 4), ("sun", 1), ("Mon-Thu, sat", 5), ({0, 3}, 2)],
)
def test_words_for_weekdays(words: str | set[int], days: int) -> None:
    assert weekly("w", MONDAY, 7, days=words, shifts=[("08:00", "09:00")]).worked(7 * DAY) == days * 60


def test_what_is_no_week_is_refused() -> None:
    with pytest.raises(ValueError, match="'mon-son' is not a weekday"):
        weekly("w", MONDAY, 7, days="mon-son")
    for wrong in ("25:00", "7", "07:60", "24:01", "7.30"):
        with pytest.raises(ValueError, match=f"'{wrong}' is not a time of day like 07:30"):
            weekly("w", MONDAY, 7, shifts=[("06:00", wrong)])


def test_intervals_must_be_in_order_and_apart() -> None:
    for starts, ends in (([5, 1], [9, 3]), ([1, 3], [3, 5]), ([1], [11]), ([-1], [5]), ([4], [4])):
        with pytest.raises(ValueError, match="calendar wrong: intervals"):
            Calendar("wrong", np.array(starts), np.array(ends), 10)
    mended = Calendar.of("mended", [(5, 9), (-3, 2), (2, 3), (8, 40), (6, 6)], 10)
    assert (mended.starts.tolist(), mended.ends.tolist()) == ([0, 5], [3, 10])


def test_a_calendar_that_is_never_open_is_no_trouble() -> None:
    never = Calendar.of("never", [], DAY)
    assert never.worked(DAY) == never.longest == 0
    assert subtract_closures(always(DAY), np.array([[0, DAY]])).worked(DAY) == 0
    assert union(never, always(DAY)).worked(DAY) == DAY
    with pytest.raises(CalendarEnds):
        never.finish(0, 1)


class Week(NamedTuple):
    """A random week and the minutes it should be open."""

    calendar: Calendar
    is_open: Minutes


STARTS = [date(2028, 2, 25), date(2026, 12, 28), date(2026, 3, 5), date(2026, 10, 29), date(2027, 6, 30)]
SHIFTS = [
    [("07:00", "17:30")],
    [("06:00", "14:00"), ("14:00", "22:00")],
    [("19:00", "05:30")],
    [("08:00", "12:00"), ("22:30", "02:15")],
    [("00:00", "24:00")],
    [("07:00", "19:30"), ("18:00", "07:30")],
]
NIGHT_BREAKS = [("09:00", "09:15"), ("00:30", "01:00"), ("23:50", "00:10")]


def random_week(luck: random.Random, horizon: int = 21) -> Week:
    """A week worked out the slow way too: civil day by civil day, minute by minute."""
    start = luck.choice(STARTS) + timedelta(days=luck.randrange(7))
    days = set(luck.sample(range(7), luck.randint(1, 7)))
    shifts, breaks = luck.choice(SHIFTS), luck.choice([[], LUNCH, NIGHT_BREAKS])
    off = {start + timedelta(days=luck.randrange(-1, horizon)) for _ in range(luck.randrange(4))}
    is_open = np.zeros(horizon * DAY, dtype=np.bool_)
    for number in range(-1, horizon):
        today = datetime.combine(start, datetime.min.time()) + timedelta(days=number)
        if today.weekday() in days and today.date() not in off:
            for begin, end in shifts:
                open_shift(is_open, number, at(0, begin), at(0, end), breaks)
    calendar = weekly("w", start, horizon, days=days, shifts=shifts, breaks=breaks, holidays=off)
    return Week(calendar, is_open)


def open_shift(is_open: Minutes, day: int, begin: int, end: int, breaks: list[tuple[str, str]]) -> None:
    shift = np.arange(begin, end if end > begin else end + DAY)
    for pause, over in breaks:
        first, last = at(0, pause), at(0, over)
        clock = shift % DAY
        paused = (first <= clock) & (clock < last) if first < last else (clock >= first) | (clock < last)
        shift = shift[~paused]
    minutes = shift + day * DAY
    is_open[minutes[(minutes >= 0) & (minutes < len(is_open))]] = True


def test_three_thousand_random_questions_against_minute_by_minute() -> None:
    luck = random.Random(28)
    weeks = [random_week(luck) for _ in range(300)]
    for case in range(3000):
        week = weeks[case // 10]
        done = np.concatenate([[0], np.cumsum(week.is_open)])
        start, minutes = luck.randrange(14 * DAY), luck.choice([1, 7, 60, 600, luck.randrange(1, 6000)])
        assert week.calendar.worked(start) == done[start]
        reached = np.flatnonzero(done >= done[start] + minutes)
        if not len(reached):
            with pytest.raises(CalendarEnds):
                week.calendar.finish(start, minutes)
            continue
        finish = week.calendar.finish(start, minutes)
        assert finish == reached[0]
        opens = start + int(np.argmax(week.is_open[start:]))
        assert week.calendar.next_open(start) == opens
        assert week.calendar.latest_start(finish, minutes) == opens  # add, then subtract
        assert week.calendar.finish(opens, minutes) == finish


def test_whole_work_and_latest_starts_against_every_minute() -> None:
    luck = random.Random(29)
    for _ in range(300):
        week = random_week(luck, horizon=9)
        done = np.concatenate([[0], np.cumsum(week.is_open)])
        minutes, moment = luck.randrange(1, 400), luck.randrange(1, 7 * DAY)
        starts = np.arange(len(done) - minutes)
        fits = starts[done[minutes:] - done[: len(starts)] == minutes]
        later, earlier = fits[fits >= moment], fits[fits <= moment - minutes]
        if len(later):
            assert week.calendar.finish_whole(moment, minutes) == later[0] + minutes
        else:
            with pytest.raises((CalendarEnds, NoWindow)):
                week.calendar.finish_whole(moment, minutes)
        latest = earlier[-1] if len(earlier) else -minutes
        assert week.calendar.latest_start_whole(moment, minutes) == latest
        enough = np.flatnonzero(done[: moment + 1] <= done[moment] - minutes)
        expected = enough[-1] if len(enough) else done[moment] - minutes
        assert week.calendar.latest_start(moment, minutes) == expected


PIECES = st.lists(st.tuples(st.integers(-5, 60), st.integers(0, 9)), max_size=8)


def as_minutes(intervals: list[tuple[int, int]], horizon: int) -> Minutes:
    is_open = np.zeros(horizon, dtype=np.bool_)
    for start, end in intervals:
        is_open[max(start, 0) : max(end, 0)] = True
    return is_open


def minutes_of(calendar: Calendar) -> Minutes:
    stretches = zip(calendar.starts.tolist(), calendar.ends.tolist(), strict=True)
    return as_minutes(list(stretches), calendar.horizon)


@given(one=PIECES, two=PIECES, first=st.integers(1, 60), second=st.integers(1, 60))
def test_calendars_combine_like_sets_of_minutes(
    one: list[tuple[int, int]], two: list[tuple[int, int]], first: int, second: int
) -> None:
    lists = [[(start, start + length) for start, length in pieces] for pieces in (one, two)]
    a, b = Calendar.of("a", lists[0], first), Calendar.of("b", lists[1], second)
    known = min(first, second)
    in_a, in_b = as_minutes(lists[0], first), as_minutes(lists[1], second)
    assert (minutes_of(a) == in_a).all()
    assert (minutes_of(intersect(a, b)) == (in_a[:known] & in_b[:known])).all()
    assert (minutes_of(union(a, b)) == (in_a[:known] | in_b[:known])).all()
    storms = np.array(lists[1], dtype=np.int64).reshape(-1, 2)
    assert (minutes_of(subtract_closures(a, storms)) == (in_a & ~as_minutes(lists[1], first))).all()


def test_combined_calendars_keep_their_names_and_dates(site: Calendar) -> None:
    other = always(9 * DAY, "gate")
    assert (intersect(site, other).name, union(site, other).name) == ("site and gate", "site or gate")
    assert intersect(other, site).moment(2 * DAY) == "2026-11-25"
    assert subtract_closures(site, np.empty((0, 2), dtype=np.int64), "crane").name == "crane"
    assert repr(intersect(site, other, "both")) == "Calendar('both', 14 intervals to 2026-12-02)"


def test_no_time_zone_and_no_language_of_the_machine_reaches_a_calendar() -> None:
    show = (
        "from datetime import date; from sim.world.working_time import weekly;"
        "c = weekly('w', date(2026, 3, 2), 800, days='fri-mon', shifts=[('22:00', '06:00')]);"
        "print(c.starts.sum(), c.ends.sum(), c.finish(9000, 90000), c.moment(729 * 1440))"
    )
    seen = set()
    for zone in ("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Apia"):
        told = subprocess.run(
            [sys.executable, "-c", show],
            env={**os.environ, "TZ": zone, "LC_ALL": "de_DE.UTF-8"},
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(told.stdout)
    assert len(seen) == 1
    assert seen.pop().endswith("2028-02-29\n")
