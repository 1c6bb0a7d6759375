from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from math import log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.config.sections.labour import Crowding, Heat, Night, Overtime, Pattern, Productivity, SiteLearning
from sim.config.sections.working_week import Calendar as Stated
from sim.world.productivity_factors import (
    MILLIONTHS,
    all_shifts,
    crowd_factors,
    hours_per_week,
    overtime_loss,
    productive_minutes,
    shortened,
    unit_curve,
)
from sim.world.shifts import DAY
from sim.world.working_time import Calendar, weekly

START = date(2026, 1, 5)  # a Monday
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat"]
ALL_WEEK = [*WEEK, "sun"]
OVERTIME = Overtime.model_validate(
    {"weeks": [{"hours": 50, "loss_by_week": [0.0, 0.1]}, {"hours": 60, "loss_by_week": [0.1, 0.2, 0.3]}]}
)
HEAT = Heat.model_validate({"loss_by_month": [0] * 5 + [0.1, 0.2, 0.3] + [0] * 4, "indoors": 0.5})
NIGHT = Night.model_validate({"loss": 0.1, "begins": "19:00", "ends": "06:00"})
CROWDING = Crowding.model_validate(
    {
        "densities": [
            {"sqft_per_person": 320, "loss": 0},
            {"sqft_per_person": 200, "loss": 0.1},
            {"sqft_per_person": 104, "loss": 0.35},
        ],
        "in_losses": 0.05,
    }
)


def pattern(*shifts: tuple[str, str], days: list[str] | None = None, **more: Any) -> Pattern:
    """A way of working."""
    stated = {"days": days or WEEK, "shifts": [{"start": start, "end": end} for start, end in shifts], **more}
    return Pattern.model_validate(stated)


def site(way: Pattern) -> Stated:
    """A calendar with that way of working, without holidays."""
    return Stated(days=way.days, shifts=way.shifts, breaks=way.breaks)


def productive(way: Pattern, productivity: Productivity, horizon_days: int = 400, felt: float = 1.0) -> Calendar:
    """The calendar of productive minutes."""
    shifts = all_shifts(site(way), START, horizon_days, ())
    minutes = productive_minutes(shifts, productivity, way, START, felt)
    return shortened("site", shifts, minutes, horizon_days * DAY, START)


def mechanisms(**stated: object) -> Productivity:
    """Mechanisms, the others off."""
    return Productivity.model_validate({"stated_for": "6x10", **stated})


TEN_HOURS = pattern(("07:00", "17:00"))


# --- weeks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "hours"),
    [
        (pattern(("07:00", "15:30"), days=WEEK[:5], breaks=[{"start": "12:00", "end": "12:30"}]), 40),
        (TEN_HOURS, 60),
        (pattern(("06:00", "16:00"), ("18:00", "04:00")), 60),
        (pattern(("07:00", "19:00"), days=ALL_WEEK), 84),
    ],
)
def test_hours_a_week_are_those_of_one_person(way: Pattern, hours: float) -> None:
    assert hours_per_week(way) == hours


@pytest.mark.parametrize(
    ("hours", "weeks_on", "loss"),
    [
        (60, None, 0.3),  # nobody goes home: the loss has built up
        (60, 1, 0.1),
        (60, 2, (0.1 + 0.2) / 2),
        (60, 5, (0.1 + 0.2 + 3 * 0.3) / 5),  # the last week stays
        (50, 2, 0.05),
        (55, 1, (0.0 + 0.1) / 2),  # between two stated weeks
        (45, None, 0.05),  # between 40 hours and the first stated week
        (40, None, 0.0),
        (36, 3, 0.0),
        (72, 1, 0.1),  # beyond the last stated week nothing is known that is worse
    ],
)
def test_overtime_is_the_mean_over_the_weeks_people_stay(hours: float, weeks_on: int | None, loss: float) -> None:
    assert overtime_loss(OVERTIME, hours, weeks_on) == pytest.approx(loss)


# --- productive minutes in the calendar --------------------------------------------------------------------------


def test_without_a_mechanism_every_minute_of_the_shifts_is_productive() -> None:
    own, plain = productive(TEN_HOURS, mechanisms()), weekly("site", START, 400, shifts=[("07:00", "17:00")])
    assert np.array_equal(own.starts, plain.starts)
    assert np.array_equal(own.ends, plain.ends)


def test_heat_shortens_the_shifts_of_its_months_at_their_end() -> None:
    own = productive(TEN_HOURS, mechanisms(heat=HEAT.model_dump()))
    first_of = {month: (date(2026, month, 10) - START).days * DAY for month in (1, 6, 8)}
    lengths = {month: own.worked(minute + DAY) - own.worked(minute) for month, minute in first_of.items()}
    assert lengths == {1: 600, 6: 540, 8: 420}
    assert own.next_open(first_of[8]) == first_of[8] + 7 * 60


def test_a_lift_that_cannot_pause_still_finds_its_window_in_a_shortened_shift() -> None:
    own = productive(TEN_HOURS, mechanisms(heat=HEAT.model_dump()))
    august = (date(2026, 8, 10) - START).days * DAY
    assert own.finish_whole(august, 420) == august + 14 * 60


def test_shifts_that_follow_each_other_without_a_gap_lose_their_own_minutes() -> None:
    way = pattern(("06:00", "18:00"), ("18:00", "06:00"), days=ALL_WEEK)
    own = productive(way, mechanisms(night=NIGHT.model_dump()), horizon_days=3)
    # eleven hours of the second shift are dark, none of the first one
    dark = round(720 * (1 - 0.1 * 11 / 12))
    assert own.worked(2 * DAY + 6 * 60) - own.worked(6 * 60) == 2 * (720 + dark)
    assert own.starts.tolist()[1] == 6 * 60  # behind what is left of the night shift of the evening before


@given(
    first=st.integers(0, 23),
    length=st.integers(1, 24),
    night=st.floats(0, 0.5),
    heat=st.lists(st.floats(0, 0.5), min_size=12, max_size=12),
    felt=st.floats(0, 1),
    days=st.sets(st.sampled_from(ALL_WEEK), min_size=1),
)
def test_minutes_against_a_walk_through_every_shift(
    first: int, length: int, night: float, heat: list[float], felt: float, days: set[str]
) -> None:
    way = pattern((f"{first:02d}:00", f"{(first + length) % 24:02d}:00"), days=sorted(days, key=ALL_WEEK.index))
    productivity = mechanisms(
        night={"loss": night, "begins": "19:00", "ends": "06:00"}, heat={"loss_by_month": heat, "indoors": 1}
    )
    starts, ends = all_shifts(site(way), START, 60, ())
    minutes = productive_minutes((starts, ends), productivity, way, START, felt)
    for begin, end, kept in zip(starts.tolist(), ends.tolist(), minutes.tolist(), strict=True):
        moments = [datetime(2026, 1, 5) + timedelta(minutes=minute) for minute in range(begin, end, 60)]
        dark = sum(moment.hour >= 19 or moment.hour < 6 for moment in moments) / len(moments)
        hot = heat[moments[0].month - 1]
        assert kept == pytest.approx((end - begin) * (1 - night * dark) * (1 - felt * (1 - dark) * hot), abs=0.51)


# --- crowds -------------------------------------------------------------------------------------------------------


def test_crowding_at_the_stated_densities() -> None:
    factors = crowd_factors(CROWDING, 64_000)
    assert factors[64_000 // 320] == MILLIONTHS
    assert factors[64_000 // 200] == round(MILLIONTHS / 0.9)
    assert factors[-1] == round(MILLIONTHS / 0.65)
    assert len(factors) == 64_000 // 104 + 2  # the last one is packed, and stays


def test_nobody_is_crowded_alone_and_one_more_never_helps() -> None:
    factors = crowd_factors(CROWDING, 5_000)
    assert factors[:2] == (MILLIONTHS, MILLIONTHS)
    assert all(after >= before for before, after in pairwise(factors))


def test_between_two_densities_the_loss_goes_by_the_room_each_has() -> None:
    # 260 square feet each lie in the middle between 320 (no loss) and 200 (10 %)
    assert crowd_factors(CROWDING, 26_000)[100] == round(MILLIONTHS / 0.95)


# --- practice -----------------------------------------------------------------------------------------------------


def learning(rate: float, plateau: int, stated_for: str) -> SiteLearning:
    """A unit curve."""
    return SiteLearning.model_validate({"rate": rate, "plateau": plateau, "stated_for": stated_for})


@pytest.mark.parametrize(("rate", "units"), [(0.85, 72), (0.4, 500)])
def test_the_sum_of_the_unit_curve_is_the_difference_of_two_zeta_functions(rate: float, units: int) -> None:
    # Crawford: unit n takes n^b of the first, b = log2(rate); the sum of all is ζ(−b) − ζ(−b, N + 1)
    curve = unit_curve(SiteLearning.model_construct(rate=rate, plateau=1_000, stated_for="first"), units)
    assert sum(curve) / MILLIONTHS == pytest.approx(
        _hurwitz(-log2(rate), 1) - _hurwitz(-log2(rate), units + 1), rel=1e-5
    )


def test_the_worked_example_of_the_unit_curve() -> None:
    # a = 100 h, rate 0.85, 72 units; read as a cumulative average it would be 2641.5
    curve = unit_curve(learning(0.85, 1_000, "first"), 72)
    assert 100 * sum(curve) / MILLIONTHS == pytest.approx(3390.133, abs=0.004)


def _hurwitz(s: float, a: float) -> float:
    """ζ(s, a), also for s below 1, by the formula of Euler and Maclaurin from 30 terms on."""
    tail = a + 30
    head = sum((a + n) ** -s for n in range(30))
    return float(head + tail ** (1 - s) / (s - 1) + tail**-s / 2 + s * tail ** (-s - 1) / 12)


@pytest.mark.parametrize("rate", [0.8, 0.92, 1.0])
def test_twice_the_units_take_the_rate_of_the_time(rate: float) -> None:
    curve = unit_curve(learning(rate, 1_000, "first"), 64)
    assert [curve[2 * n - 1] / curve[n - 1] for n in (1, 2, 5, 32)] == pytest.approx([rate] * 4, rel=1e-5)


@given(st.floats(0.6, 1), st.integers(1, 80), st.integers(1, 200))
def test_stated_for_the_average_the_hours_of_all_units_stay(rate: float, plateau: int, count: int) -> None:
    curve = unit_curve(learning(rate, plateau, "average"), count)
    all_units = [*curve, *[curve[-1]] * (count - len(curve))]
    assert len(curve) == min(count, plateau)
    assert sum(all_units) / MILLIONTHS == pytest.approx(count, abs=count * 0.5e-6)
    assert all(after <= before for before, after in pairwise(curve))


def test_stated_for_the_plateau_practice_ends_at_one() -> None:
    curve = unit_curve(learning(0.9, 16, "plateau"), 100)
    assert curve[-1] == MILLIONTHS
    assert curve[0] == pytest.approx(MILLIONTHS * 0.9**-4, abs=1)
