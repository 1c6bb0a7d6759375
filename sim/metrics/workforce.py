"""People: how many on site on which day, and their hours earned, worked and paid, which never mix.

Hours paid in factories while they work for this project.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.jit import by_machine
from sim.metrics.record import DAY, Ints, Record
from sim.plan.compile import CompiledPlan
from sim.world.calendars.project_calendars import SHIFT
from sim.world.calendars.working_time import Calendar

# --- workforce --------------------------------------------------------------------------------------------------------


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
    trade = record.index.places_of(trades)[noted.item]
    end = min(days - 1, record.end // DAY)
    day = np.minimum(noted.minute // DAY, days - 1)
    changes = np.zeros((len(trades), days + 1), np.int64)
    np.add.at(changes.reshape(-1), trade * (days + 1) + day + (noted.amount <= 0), noted.amount)
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
    hours = np.zeros(days)
    known = calendar.open_by_day[:days]
    hours[: len(known)] = known / 60
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
    plan, index = record.index.plan, record.index
    if by_machine():
        from sim.metrics.kernels.log import earned_minutes

        done = np.zeros(len(plan.rows), np.uint8)
        content = np.ascontiguousarray(record.content)
        return earned_minutes(record.works, index.labour_of_step, content, done) / 60
    done = np.zeros(len(plan.rows), bool)
    done[record.works[:, 1]] = True
    steps = np.flatnonzero(done & plan.earns)
    minutes = record.content[record.index.first_argument[steps]]
    return float(minutes @ record.index.people_of_step[steps]) / 60


def _worked(record: Record) -> float:
    """Return person-hours actually worked: the shift minutes of every work, as often as it was done.

    What a shift loses to fatigue, night and heat is worked as well: productive minutes are counted up by what they
    are of the shifts between begin and end.
    """
    worked = _worked_by_machine if by_machine() else _worked_by_calendar
    return sum(float(minutes @ people) for minutes, people in worked(record)) / 60


def _worked_by_calendar(record: Record) -> Iterator[tuple[Floats, Ints]]:
    """Yield, calendar by calendar, the shift minutes of all works on it, and their people."""
    works = record.works
    people, calendar = record.index.people_of_step[works[:, 1]], record.index.calendar_of_step[works[:, 1]]
    for number in np.flatnonzero(np.bincount(calendar)).tolist():
        its = calendar == number
        yield _minutes(record, number, works[its, 2], works[its, 0]), people[its]


def _worked_by_machine(record: Record) -> Iterator[tuple[Floats, Floats]]:
    """Yield the same, looked up once for each calendar that people work on."""
    from sim.metrics.kernels.log import worked_minutes

    index, plan, works = record.index, record.index.plan, record.works
    found = np.empty((2, len(works)))
    for number in index.peopled_calendars:
        real, productive = record.calendars[number], plan.base_calendars[number]
        shift = _shift(plan, number)
        same, alike = shift is None or real is productive, shift is None or _alike(shift, productive)
        shift = shift or productive
        count = worked_minutes(
            works, index.labour_of_step, number, real.starts, real.ends, real.done,
            productive.starts, productive.ends, productive.done, shift.starts, shift.ends, shift.done,
            same, alike, found,
        )  # fmt: skip
        yield found[0, :count], found[1, :count]


def _shift(plan: CompiledPlan, calendar: int) -> Calendar | None:
    """Return the shifts in which a calendar's minutes are worked; None where its open minutes are."""
    if not plan.calendars[calendar].startswith("site.") or SHIFT not in plan.calendars:
        return None
    return plan.base_calendars[plan.calendars.index(SHIFT)]


def _minutes(record: Record, calendar: int, begun: Ints, done: Ints) -> Floats:
    """Return the shift minutes of works on a calendar of the site, the open minutes of works on any other.

    Where nothing is closed in this run, productive minutes are those that were planned.
    """
    plan = record.index.plan
    productive = plan.base_calendars[calendar]
    open_ = _between(record.calendars[calendar], begun, done)
    shift = _shift(plan, calendar)
    if shift is None:
        return open_.astype(np.float64)
    earning = open_ if record.calendars[calendar] is productive else _between(productive, begun, done)
    worked = earning if _alike(shift, productive) else _between(shift, begun, done)
    return np.asarray(open_ * np.where(earning > 0, worked / np.maximum(earning, 1), 1.0), np.float64)


@lru_cache(maxsize=64)
def _alike(one: Calendar, other: Calendar) -> bool:
    return np.array_equal(one.starts, other.starts) and np.array_equal(one.ends, other.ends)


def _between(calendar: Calendar, begun: Ints, done: Ints) -> Ints:
    return calendar.worked_many(done) - calendar.worked_many(begun)


def payroll(people: Headcount, project: Project) -> int:
    """Return the most people on the payroll: those on site, those off rotation and spare ones for absences."""
    each = project.labour.payroll(project.pattern)
    return ceil(int(people.total.max(initial=0)) * each - 1e-9)


# --- offsite ----------------------------------------------------------------------------------------------------------


def offsite_hours(record: Record, project: Project) -> float:
    """Return staff × paid hours from a factory's first skid on the line to its last delivery."""
    started, delivered = record.noted("started"), record.noted("delivered")
    if not len(delivered.minute):
        return 0.0
    systems, shifts = project.by_system, len(project.calendars.factory.shifts)
    of_system = record.index.things_among(tuple(systems))
    begun = _last(of_system[started.item[::-1]], started.minute[::-1], len(systems))
    ended = _last(of_system[delivered.item], delivered.minute, len(systems))
    factory = record.calendars[record.index.plan.calendars.index("factory")]
    paid = paid_hours_by_day(factory, max(ended) // DAY + 1)
    total = 0.0
    for given, first, last in zip(systems.values(), begun, ended, strict=True):
        if given.scope == "factory" and first >= 0 and last >= 0:
            total += given.factory.staff.value * float(paid[first // DAY : last // DAY + 1].sum()) / shifts
    return total


def _last(system: Ints, minute: Ints, systems: int) -> list[int]:
    """Return the minute that stands last for every system, or -1; what is of no system has the number -1."""
    found = np.full(systems + 1, -1, np.int64)
    found[system] = minute
    return list(found[:systems].tolist())
