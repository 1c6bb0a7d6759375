"""The luck of the draws is addressed by civil day, to the bit."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.world.streams import philox, stream_key
from sim.world.weather.closures import WARM_UP_DAYS, WeatherDraws, civil_days


@given(st.integers(0, 2**32), st.integers(0, 2**40), st.integers(0, 2**24), st.integers(1, 30))
def test_a_number_is_the_philox_word_of_its_place(seed: int, replication: int, first: int, count: int) -> None:
    drawn = WeatherDraws(seed, replication).series("rain", first, count)
    for place, number in enumerate(drawn.tolist(), start=first):
        word = philox((place // 4, 0, replication, 0), stream_key(seed, "weather/rain"))[place % 4]
        assert number == min(((word >> 11) + 0.5) * 2.0**-53, 1 - 2.0**-53)


@given(st.integers(700_000, 800_000), st.integers(0, 50), st.integers(1, 40), st.integers(1, 8))
def test_a_day_has_the_same_numbers_wherever_a_series_begins(first: int, skip: int, count: int, per_day: int) -> None:
    draws = WeatherDraws(11, 3)
    whole = draws.daily("wind", first, skip + count, per_day)
    assert (draws.daily("wind", first + skip, count, per_day) == whole[skip:]).all()


def test_quantities_replications_and_seeds_have_luck_of_their_own() -> None:
    drawn = [
        WeatherDraws(seed, replication).series(quantity, 4, 1000)
        for seed, replication, quantity in [(1, 0, "rain"), (1, 0, "wind"), (1, 1, "rain"), (2, 0, "rain")]
    ]
    correlation = np.corrcoef(drawn)
    assert abs(correlation - np.eye(4)).max() < 4 / 1000**0.5


def test_days_know_month_and_day_of_a_year_of_365() -> None:
    span = civil_days(date(2028, 2, 27), 4)
    assert span.first == date(2028, 2, 27).toordinal() - WARM_UP_DAYS
    assert span.count == WARM_UP_DAYS + 4
    assert span.month[WARM_UP_DAYS:].tolist() == [1, 1, 1, 2]
    assert span.of_year[WARM_UP_DAYS:].tolist() == [57, 58, 58, 59]


@given(st.dates(date(1990, 1, 1), date(2080, 1, 1)))
def test_months_are_those_of_the_calendar(start: date) -> None:
    span = civil_days(start, 500)
    for day in range(-WARM_UP_DAYS, 500, 37):
        civil = start + timedelta(days=day)
        assert span.month[day + WARM_UP_DAYS] == civil.month - 1
        usual = civil.replace(year=2027, day=min(civil.day, 28 if civil.month == 2 else 31))
        assert span.of_year[day + WARM_UP_DAYS] == usual.timetuple().tm_yday - 1
