"""What the weather closes: exact days under a told sky, and exact hours of a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from math import exp

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.config.sections.systems import EXPOSURES
from sim.config.sections.weather import Weather
from sim.world.weather.climate import storm_seasons
from sim.world.weather.closures import WARM_UP_DAYS, WeatherDraws, civil_days, hourly, limits_of
from sim.world.weather.generator import BLOCK, SHIFT, Resampled, closed_hours
from sim.world.weather.project_weather import closed_intervals
from sim.world.weather.weather_files import Year
from tests.world.weather.weather_samples import (
    CALM,
    DAY,
    FIXED,
    HOUR,
    MILD,
    NO_STORMS,
    START,
    STATED,
    assert_mean,
    by_month,
    climate,
    noisy_year,
    rows,
)


@dataclass(frozen=True)
class Told(WeatherDraws):
    """A sky on which it rains as told: {day of the project: (mean depths, share of the day gone at its start)}."""

    seed: int = 0
    replication: int = 0
    rain: dict[int, tuple[float, float]] = field(default_factory=dict)

    def series(self, quantity: str, first: int, count: int) -> NDArray[np.float64]:
        luck = np.full(count, 0.5)
        if quantity == "rain":
            luck[:] = 0.9999
            for day, (much, gone) in self.rain.items():
                luck[4 * (day + WARM_UP_DAYS) :][:3] = 0.0, 1 - exp(-much), gone
        return luck


def told(rain: dict[int, tuple[float, float]]) -> dict[str, list[list[int]]]:
    """What ten days close on which it rains 10 mm and 1.5 h times the first number, and is mild and calm."""
    model = climate(**FIXED, **MILD, **CALM)
    return rows(model.closed(civil_days(START, 10), Told(rain=rain)))


def test_a_light_rain_stops_work_outdoors_while_it_falls_and_the_roof_an_hour_more() -> None:
    closed = told({3: (0.5, 0.5)})  # 5 mm in 45 minutes from half of the 1395 minutes before
    begin = 3 * DAY + 697
    assert closed["crane"] == closed["earthwork"] == [[begin, begin + 45]]
    assert closed["exterior"] == [[begin, begin + 105]]
    assert closed["interior"] == []


def test_a_third_of_an_inch_costs_earthwork_a_day_and_an_inch_two() -> None:
    closed = told({2: (1.0, 0.0), 6: (2.0, 0.0)})
    assert closed["earthwork"] == [[2 * DAY, 3 * DAY], [6 * DAY, 8 * DAY]]
    assert closed["crane"] == [[2 * DAY, 2 * DAY + 90], [6 * DAY, 6 * DAY + 180]]


def test_two_inches_shut_the_whole_site_for_a_day() -> None:
    closed = told({1: (6.0, 0.0)})
    assert closed["interior"] == closed["crane"] == closed["exterior"] == [[DAY, 2 * DAY]]
    assert closed["earthwork"] == [[DAY, 3 * DAY]]


def test_yesterdays_rain_is_mud_on_the_first_morning_and_what_is_over_the_horizon_is_cut() -> None:
    assert told({-1: (2.0, 0.0), 9: (2.0, 0.0)})["earthwork"] == [[0, DAY], [9 * DAY, 10 * DAY]]


def test_frost_closes_earthwork_in_the_hours_that_are_cold() -> None:
    cold = np.full((12, 24), 10.0)
    cold[2, 4:8] = 1.6  # 35 °F is 1.67 °C
    model = climate(**(MILD | {"temperature": cold}), **CALM)
    closed = rows(model.closed(civil_days(START, 2), Told()))
    assert closed["earthwork"] == [[4 * HOUR, 8 * HOUR], [DAY + 4 * HOUR, DAY + 8 * HOUR]]
    assert closed["crane"] == closed["exterior"] == []


def test_closed_hours_become_stretches() -> None:
    hours = np.zeros((2, 24), dtype=bool)
    hours[0, [0, 1, 22, 23]] = hours[1, [0, 23]] = True
    assert hourly(hours, 0).tolist() == [[0, 120], [1320, 1500], [2820, 2880]]
    assert hourly(~hours, 1).tolist() == [[1560, 2760], [2940, 4260]]
    assert hourly(np.zeros((3, 24), dtype=bool), 0).tolist() == []
    assert hourly(np.ones((3, 24), dtype=bool), 0).tolist() == [[0, 3 * DAY]]


def test_limits_are_those_of_the_station_ten_metres_up() -> None:
    limits = limits_of(Weather.model_validate({"crane": {"limit_mph": 25, "gust_limit_mph": 80}}))
    assert limits.crane_wind == pytest.approx(25 / (30.48 / 10) ** 0.143 * 0.44704)
    gusty = limits_of(Weather.model_validate({"crane": {"limit_mph": 80, "gust_limit_mph": 30}}))
    assert gusty.crane_wind == pytest.approx(30 / ((30.48 / 10) ** 0.143 + 0.4) * 0.44704)
    level = limits_of(Weather.model_validate({"exterior": {"limit_mph": 10, "height_ft": 32.808399}}))
    assert level.exterior_wind == pytest.approx(4.4704)
    assert (limits.mud_rain, limits.frost) == pytest.approx((19.05, 5 / 3))


def test_limits_close_the_hours_of_a_file() -> None:
    rain = np.zeros((365, 24))
    rain[364, 20] = 20.0
    rain[100, 5:7] = 4.0
    rain[200, 9] = 1.0
    wind, temperature = np.zeros((365, 24)), np.full((365, 24), 20.0)
    wind[10, 3], wind[10, 4], temperature[50, 6] = 9.0, 14.0, 1.6
    closed = closed_hours(Year(wind, temperature, rain), limits_of(STATED))
    earth = set(np.flatnonzero(closed["earthwork"]).tolist())
    december = [(364 * 24 + 20 + hour) % 8760 for hour in range(48)]
    assert earth == {*december, *range(2405, 2405 + 24), 200 * 24 + 9, 50 * 24 + 6}
    assert np.flatnonzero(closed["crane"]).tolist() == [243, 244, 2405, 2406, 4809, 8756]
    assert np.flatnonzero(closed["exterior"]).tolist() == [244, 2405, 2406, 2407, 4809, 4810, 8756, 8757]
    assert not closed["interior"].any()


def test_years_from_a_file_are_its_days_in_blocks_from_the_same_season() -> None:
    day = np.arange(365)
    hours = ((day[:, None] >> np.arange(24)) & 1).astype(bool)  # the day's number, written in its hours
    model = Resampled(dict.fromkeys(EXPOSURES, hours), storm_seasons(NO_STORMS.storms, np.ones(12)))
    closed = closed_intervals(model, date(2027, 1, 1), 365, 1, 0)["crane"]
    bits = np.zeros(365 * 24, dtype=int)
    for start, end in closed // HOUR:
        bits[start:end] = 1
    source = (bits.reshape(365, 24) << np.arange(24)).sum(axis=1)
    away = (source - day + 182) % 365 - 182
    assert abs(away).max() <= SHIFT
    starts = (date(2027, 1, 1).toordinal() + day) % BLOCK == 0
    assert (np.diff(away)[~starts[1:]] == 0).all()
    assert len(set(away.tolist())) > SHIFT


def test_years_from_a_file_close_as_much_as_the_file_does() -> None:
    year = noisy_year()
    hours = closed_hours(year, limits_of(STATED))
    model = Resampled(hours, storm_seasons(NO_STORMS.storms, np.ones(12)))
    for exposure in ("crane", "earthwork"):
        shares = by_month(model, exposure, 200).mean(axis=1, keepdims=True)
        assert_mean(shares, np.array([hours[exposure].mean()]))
