"""People: how many on site on which day, and their hours earned, worked and paid, which never mix."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.record import DAY, Ints, Record
from sim.world.calendars import Calendar
from sim.world.clock import SHIFT

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Headcount:
    """People on site by day: direct by trade, shape (trades, days), and all of them with indirect people."""

    trades: tuple[str, ...]
    direct: Ints
    total: Ints


def headcount(record: Record, project: Project, days: int) -> Headcount:
    """Return who is on site on every day; who comes or leaves on a day is there on that day.

    Indirect people are ceil(ratio × direct); everyone who is left goes home with the last block online.
    """
    trades = tuple(project.labour.trades)
    noted = record.noted("people")
    number = {name: at for at, name in enumerate(trades)}
    trade = np.array([number.get(name, -1) for name in record.index.items], np.int64)[noted.item]
    end = min(days - 1, int(record.minute[-1]) // DAY) if len(record.minute) else 0
    day = np.minimum(noted.minute // DAY, days - 1)
    changes = np.zeros((len(trades), days + 1), np.int64)
    came = noted.amount > 0
    np.add.at(changes, (trade[came], day[came]), noted.amount[came])
    np.add.at(changes, (trade[~came], day[~came] + 1), noted.amount[~came])
    direct = np.cumsum(changes, axis=1)[:, :days]
    direct[:, end + 1 :] = 0
    crowd = direct.sum(axis=0)
    return Headcount(trades, direct, crowd + indirect(crowd, project))


def indirect(direct: Ints, project: Project) -> Ints:
    """Return indirect people for so many direct ones: the ratio, rounded up."""
    whole: Ints = np.ceil(direct * project.labour.indirect_ratio.value - 1e-9).astype(np.int64)
    return whole


def paid_hours_by_day(calendar: Calendar, days: int) -> Floats:
    """Return the open hours of a calendar on every day, shape (days,): what one person is paid, if it is one shift."""
    hours: Floats = np.diff(calendar.worked_many(np.arange(days + 1, dtype=np.int64) * DAY)) / 60
    return hours


def hours(record: Record, people: Headcount, paid_by_day: Floats) -> dict[str, float]:
    """Return hours on site by their three bases."""
    return {
        "hours_earned": _earned(record),
        "hours_worked": _worked(record),
        "hours_paid": float(people.total @ paid_by_day),
    }


def _earned(record: Record) -> float:
    """Return person-hours of work content at reference conditions; a repeated step earns nothing more."""
    plan = record.index.plan
    done = np.zeros(len(plan.rows), bool)
    done[record.step[record.works]] = True
    steps = np.flatnonzero(done & plan.earns)
    minutes = record.content[plan.rows[steps, 1]]
    return float(minutes @ plan.people[steps].sum(axis=1)) / 60


def _worked(record: Record) -> float:
    """Return person-hours actually worked: the shift minutes of every work, as often as it was done.

    What a shift loses to fatigue, night and heat is worked as well: productive minutes are counted up by what they
    are of the shifts between begin and end.
    """
    plan, rows = record.index.plan, record.works
    steps = record.step[rows]
    people = plan.people[steps].sum(axis=1)
    calendar = plan.rows[steps, 2]
    total = 0.0
    for number in np.unique(calendar):
        mine = rows[calendar == number]
        begun, done = record.x[mine], record.minute[mine]
        minutes = _between(record.calendars[number], begun, done) * _paid_for(record, int(number), begun, done)
        total += float(minutes @ people[calendar == number])
    return total / 60


def _paid_for(record: Record, calendar: int, begun: Ints, done: Ints) -> Floats:
    """Return the shift minutes for each productive minute of works on a calendar of the site; 1 on any other."""
    plan = record.index.plan
    productive = plan.base_calendars[calendar]
    if not plan.calendars[calendar].startswith("site.") or SHIFT not in plan.calendars:
        return np.ones(len(begun))
    shift = plan.base_calendars[plan.calendars.index(SHIFT)]
    earning = _between(productive, begun, done)
    return np.where(earning > 0, _between(shift, begun, done) / np.maximum(earning, 1), 1.0)


def _between(calendar: Calendar, begun: Ints, done: Ints) -> Ints:
    return calendar.worked_many(done) - calendar.worked_many(begun)


def payroll(people: Headcount, project: Project) -> int:
    """Return the most people on the payroll: those on site, those off rotation and spare ones for absences."""
    each = project.labour.payroll(project.pattern)
    return ceil(int(people.total.max(initial=0)) * each - 1e-9)
