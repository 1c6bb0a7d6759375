"""Productivity of site labour: what fatigue, night, heat, crowding and learning make of an hour on site.

Fatigue, night and heat shorten the shifts: they take away the last minutes before each break, when people are tired
and the afternoon is hot. A shift stays one interval, so that a lift that cannot pause still finds its window.
Crowding and learning are factors on the minutes of each piece of work, read when it begins.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from math import fsum

import numpy as np
from numpy.typing import NDArray

from sim.config.sections.labour import Crowding, Heat, Night, Overtime, Pattern, Productivity, SiteLearning
from sim.config.sections.working_week import Calendar as Stated
from sim.world.shifts import DAY, Intervals, Minutes, shift_without_breaks, weekdays
from sim.world.working_time import Calendar, weekly

Floats = NDArray[np.float64]
MILLIONTHS = 1_000_000
REGULAR_WEEK = 40.0
"""Hours a week without overtime."""


def all_shifts(stated: Stated, start_date: date, horizon_days: int, holidays: Collection[date]) -> Intervals:
    """Return every shift of a calendar up to the horizon, as intervals between breaks, in order.

    Unlike a calendar's open intervals they stay apart where one shift follows the other without a gap.
    """
    day = np.arange(-1, horizon_days)
    chosen = np.isin((start_date.weekday() + day) % 7, list(weekdays(",".join(stated.days))))
    chosen &= ~np.isin(day, [(off - start_date).days for off in holidays])
    breaks = [(pause.start, pause.end) for pause in stated.breaks]
    pieces = [shift_without_breaks((shift.start, shift.end), breaks) for shift in stated.shifts]
    begins = np.concatenate([(day[chosen, None] * DAY + starts).ravel() for starts, _ in pieces])
    ends = np.concatenate([(day[chosen, None] * DAY + ends).ravel() for _, ends in pieces])
    begins, ends = np.clip(begins, 0, None), np.clip(ends, None, horizon_days * DAY)
    order = np.lexsort((ends, begins))
    real = (ends > begins)[order]
    return begins[order][real], ends[order][real]


def productive_minutes(
    shifts: Intervals, productivity: Productivity, pattern: Pattern, start_date: date, heat_share: float
) -> Minutes:
    """Return the productive minutes of every shift; `heat_share` is the share of the heat loss that applies there."""
    starts, ends = shifts
    night = _night_share(shifts, productivity.night, start_date)
    kept = np.full(len(starts), 1.0 - _overtime_loss_of(productivity.overtime, pattern))
    if productivity.night is not None:
        kept *= 1.0 - productivity.night.loss.value * night
    if productivity.heat is not None:
        kept *= 1.0 - heat_share * (1.0 - night) * _heat_loss(starts, productivity.heat, start_date)
    minutes: Minutes = np.floor((ends - starts) * kept + 0.5).astype(np.int64)
    return minutes


def shortened(name: str, shifts: Intervals, minutes: Minutes, horizon: int, start_date: date) -> Calendar:
    """Return a calendar whose shifts have only so many minutes, from their begin."""
    starts, _ = shifts
    return Calendar.of(name, np.column_stack([starts, starts + minutes]).tolist(), horizon, start_date)


def _overtime_loss_of(overtime: Overtime | None, pattern: Pattern) -> float:
    return 0.0 if overtime is None else overtime_loss(overtime, hours_a_week(pattern), pattern.weeks_on)


def _night_share(shifts: Intervals, night: Night | None, start_date: date) -> Floats:
    """Return the share of every shift that lies in the night."""
    starts, ends = shifts
    if night is None or not len(ends):
        return np.zeros(len(starts))
    last = int(ends.max()) // DAY + 2
    nights = weekly("night", start_date, last, days="mon-sun", shifts=[(night.begins, night.ends)])
    dark: Floats = (nights.worked_many(ends) - nights.worked_many(starts)) / (ends - starts)
    return dark


def _heat_loss(minutes: Minutes, heat: Heat, start_date: date) -> Floats:
    """Return the loss by heat in the month of every minute."""
    months = (np.datetime64(start_date, "D") + minutes // DAY).astype("datetime64[M]").astype(np.int64) % 12
    return np.asarray(heat.loss_by_month)[months]


def hours_a_week(pattern: Pattern) -> float:
    """Return the hours one person works in a week: those of one of the shifts, on every working day."""
    breaks = [(pause.start, pause.end) for pause in pattern.breaks]
    minutes = 0
    for shift in pattern.shifts:
        starts, ends = shift_without_breaks((shift.start, shift.end), breaks)
        minutes += int((ends - starts).sum())
    return minutes / 60 * len(pattern.days) / len(pattern.shifts)


def overtime_loss(overtime: Overtime, hours: float, weeks_on: int | None) -> float:
    """Return the mean loss over the weeks people stay; without an end the loss that builds up and stays.

    Between two stated weeks it is interpolated by hours, below the first one from nothing at 40 hours.
    """
    stated = [(week.hours, _mean_over_stay(week.loss_by_week, weeks_on)) for week in overtime.weeks]
    if stated[0][0] > REGULAR_WEEK:
        stated.insert(0, (REGULAR_WEEK, 0.0))
    return float(np.interp(hours, [week for week, _ in stated], [loss for _, loss in stated]))


def _mean_over_stay(loss_by_week: Sequence[float], weeks_on: int | None) -> float:
    """Return the mean of the first weeks, the last one staying; the last one where there is no end."""
    if weeks_on is None:
        return loss_by_week[-1]
    lost = [loss_by_week[min(week, len(loss_by_week) - 1)] for week in range(weeks_on)]
    return fsum(lost) / weeks_on


def crowd_factors(crowding: Crowding, sqft: float) -> tuple[int, ...]:
    """Return the factor on minutes in millionths for 0, 1, 2, … people at work in a hall of so many square feet.

    The loss is interpolated by the area per person; the last factor is that of the densest stated crowd.
    """
    areas = np.array([density.sqft_per_person for density in crowding.densities])[::-1]
    losses = np.array([density.loss for density in crowding.densities])[::-1]
    people = np.arange(1, int(np.ceil(sqft / areas[0])) + 1)
    factors = MILLIONTHS / (1.0 - np.interp(sqft / people, areas, losses))
    return (MILLIONTHS, *np.floor(factors + 0.5).astype(int).tolist())


def unit_curve(learning: SiteLearning, count: int) -> tuple[int, ...]:
    """Return the Crawford unit curve of `count` repetitions in millionths of the unit the hours are stated for.

    Unit n takes n^log2(rate) of the first; from the plateau on nothing more is learnt, and the last factor stays.
    Stated for the average, the factors of all repetitions add up to their number.
    """
    slope = np.log2(learning.rate)
    units = np.minimum(np.arange(1, count + 1), learning.plateau) ** slope
    unit = {"first": 1.0, "plateau": learning.plateau**slope, "average": float(units.mean())}[learning.stated_for]
    factors = units[: learning.plateau] / unit * MILLIONTHS
    return tuple(np.floor(factors + 0.5).astype(int).tolist())
