"""Productivity of site labour: the effects of fatigue, night, heat, crowding and learning on an hour on site.

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
from sim.config.sections.working_week import Calendar as WeekConfig
from sim.world.shifts import DAY, Intervals, Minutes, shift_without_breaks, weekdays
from sim.world.working_time import Calendar, weekly

Floats = NDArray[np.float64]
MILLIONTHS = 1_000_000
REGULAR_WEEK = 40.0
"""Hours a week without overtime."""


def all_shifts(config: WeekConfig, start_date: date, horizon_days: int, holidays: Collection[date]) -> Intervals:
    """Return every shift of a configured week up to the horizon, as intervals between breaks, in order.

    Unlike a calendar's open intervals they stay apart where one shift follows the other without a gap.
    """
    day = np.arange(-1, horizon_days)
    is_worked = np.isin((start_date.weekday() + day) % 7, list(weekdays(",".join(config.days))))
    is_worked &= ~np.isin(day, [(holiday - start_date).days for holiday in holidays])
    breaks = [(pause.start, pause.end) for pause in config.breaks]
    between_breaks = [shift_without_breaks((shift.start, shift.end), breaks) for shift in config.shifts]
    midnight = day[is_worked, None] * DAY
    starts = np.concatenate([(midnight + shift_starts).ravel() for shift_starts, _ in between_breaks])
    ends = np.concatenate([(midnight + shift_ends).ravel() for _, shift_ends in between_breaks])
    starts, ends = np.clip(starts, 0, None), np.clip(ends, None, horizon_days * DAY)
    order = np.lexsort((ends, starts))
    not_empty = (ends > starts)[order]
    return starts[order][not_empty], ends[order][not_empty]


def productive_minutes(
    shifts: Intervals, productivity: Productivity, pattern: Pattern, start_date: date, heat_share: float
) -> Minutes:
    """Return the productive minutes of every shift; `heat_share` is the share of the heat loss at this exposure."""
    starts, ends = shifts
    night = _night_share(shifts, productivity.night, start_date)
    productive_share = np.full(len(starts), 1.0 - _overtime_loss_of(productivity.overtime, pattern))
    if productivity.night is not None:
        productive_share *= 1.0 - productivity.night.loss.value * night
    if productivity.heat is not None:
        productive_share *= 1.0 - heat_share * (1.0 - night) * _heat_loss(starts, productivity.heat, start_date)
    minutes: Minutes = np.floor((ends - starts) * productive_share + 0.5).astype(np.int64)
    return minutes


def shortened(name: str, shifts: Intervals, minutes: Minutes, horizon: int, start_date: date) -> Calendar:
    """Return a calendar whose shifts are cut to so many minutes, from their starts."""
    starts, _ = shifts
    return Calendar.of(name, np.column_stack([starts, starts + minutes]).tolist(), horizon, start_date)


def _overtime_loss_of(overtime: Overtime | None, pattern: Pattern) -> float:
    return 0.0 if overtime is None else overtime_loss(overtime, hours_per_week(pattern), pattern.weeks_on)


def _night_share(shifts: Intervals, night: Night | None, start_date: date) -> Floats:
    """Return the share of every shift that is night work."""
    starts, ends = shifts
    if night is None or not len(ends):
        return np.zeros(len(starts))
    days = int(ends.max()) // DAY + 2
    nights = weekly("night", start_date, days, days="mon-sun", shifts=[(night.begins, night.ends)])
    share: Floats = (nights.worked_many(ends) - nights.worked_many(starts)) / (ends - starts)
    return share


def _heat_loss(minutes: Minutes, heat: Heat, start_date: date) -> Floats:
    """Return the share lost to heat in the month of each minute."""
    months = (np.datetime64(start_date, "D") + minutes // DAY).astype("datetime64[M]").astype(np.int64) % 12
    return np.asarray(heat.loss_by_month)[months]


def hours_per_week(pattern: Pattern) -> float:
    """Return the hours that one person works in a week: one shift on every working day, the mean of the shifts."""
    breaks = [(pause.start, pause.end) for pause in pattern.breaks]
    minutes = 0
    for shift in pattern.shifts:
        starts, ends = shift_without_breaks((shift.start, shift.end), breaks)
        minutes += int((ends - starts).sum())
    return minutes / 60 * len(pattern.days) / len(pattern.shifts)


def overtime_loss(overtime: Overtime, hours: float, weeks_on: int | None) -> float:
    """Return the mean share lost to overtime over a stay of `weeks_on`; without an end, the loss of the last stated week.

    Between the stated hours a week it is interpolated; below the first of them from no loss at 40 hours.
    """
    weekly_hours = [week.hours for week in overtime.weeks]
    losses = [_mean_over_stay(week.loss_by_week, weeks_on) for week in overtime.weeks]
    if weekly_hours[0] > REGULAR_WEEK:
        weekly_hours, losses = [REGULAR_WEEK, *weekly_hours], [0.0, *losses]
    return float(np.interp(hours, weekly_hours, losses))


def _mean_over_stay(loss_by_week: Sequence[float], weeks_on: int | None) -> float:
    """Return the mean loss of the first `weeks_on` weeks, the last stated one repeated; that one if there is no end."""
    if weeks_on is None:
        return loss_by_week[-1]
    losses = [loss_by_week[min(week, len(loss_by_week) - 1)] for week in range(weeks_on)]
    return fsum(losses) / weeks_on


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
    """Return the Crawford unit curve of `count` repetitions, in millionths of the unit for which hours are stated.

    Unit n takes n^log2(rate) of the first; from the plateau on nothing more is learnt, and the last factor stays.
    If hours are stated for the average, the factors of all repetitions add up to their number.
    """
    slope = np.log2(learning.rate)
    times = np.minimum(np.arange(1, count + 1), learning.plateau) ** slope
    reference = {"first": 1.0, "plateau": learning.plateau**slope, "average": float(times.mean())}[learning.stated_for]
    factors = times[: learning.plateau] / reference * MILLIONTHS
    return tuple(np.floor(factors + 0.5).astype(int).tolist())
