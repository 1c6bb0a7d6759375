"""Working days that the weather costs, by month and exposure: what people on the site can hold against their memory."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from sim.config.sections.systems import EXPOSURES, Exposure
from sim.world.calendars.shifts import DAY
from sim.world.calendars.working_time import Calendar
from sim.world.weather.model import WeatherModel, closed_intervals

YEARS = 20
"""Drawn years; their mean is known to about a tenth of a day a month."""
_YEAR = 365
_SEED = 1


def lost_days_by_month(
    model: WeatherModel, shift: Calendar, start_date: date, years: int = YEARS
) -> tuple[NDArray[np.float64], dict[Exposure, NDArray[np.float64]]]:
    """Return the working days of each month, January first, and those lost by exposure, mean over drawn years.

    `shift` is the calendar of the hours worked, from `start_date` on; a lost day is a working day's share of hours.
    """
    days = min(_YEAR, shift.horizon // DAY)
    months = np.array([(start_date + timedelta(days=day)).month - 1 for day in range(days)])
    edges = np.arange(days + 1) * DAY
    worked = np.diff(shift.worked_many(edges))
    working = np.bincount(months, worked > 0, 12).astype(np.float64)
    minutes = np.maximum(np.bincount(months, worked, 12), 1)
    lost: dict[Exposure, NDArray[np.float64]] = {exposure: np.zeros(12) for exposure in EXPOSURES}
    for year in range(years):
        for exposure, rows in closed_intervals(model, start_date, days, _SEED, year).items():
            lost[exposure] += np.bincount(months, _lost_each_day(rows, shift, days), 12) / minutes * working / years
    return working, lost


def _lost_each_day(rows: NDArray[np.int64], shift: Calendar, days: int) -> NDArray[np.int64]:
    """The minutes of each day's shifts that lie in closed rows (start, end)."""
    first, last = rows[:, 0] // DAY, np.minimum((rows[:, 1] - 1) // DAY, days - 1)
    counts = np.maximum(last - first + 1, 0)
    row = np.repeat(np.arange(len(rows)), counts)
    day = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    begin, end = np.maximum(rows[row, 0], day * DAY), np.minimum(rows[row, 1], (day + 1) * DAY)
    lost = np.zeros(days, np.int64)
    np.add.at(lost, day, shift.worked_many(end) - shift.worked_many(begin))
    return lost
