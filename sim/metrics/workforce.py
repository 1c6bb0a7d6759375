"""People: how many are on site on which day, and their hours on three bases that must not be mixed.

Hours earned are work content at reference conditions, hours worked the shift minutes of every work, hours paid those of
all who are on site, waiting or not. What is worked beyond what is earned is loss and rework; what is paid beyond what is
worked is waiting. Hours that factories pay while they work for the project are counted beside those on site.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.event_log import DAY, Ints, Record, open_hours
from sim.metrics.kernels.interface import WorkHours
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.mechanisms.acceleration import OVERTIME, SHIFT_PREMIUM
from sim.plan.mechanisms.crews import STANDBY
from sim.world.project_calendars import ON_SITE, SHIFT
from sim.world.working_time import Calendar

# --- workforce --------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Headcount:
    """People on site by day: direct by trade, shape (trades, days), and all of them with indirect people.

    `overtime` are the further people, by trade, whose hours the same people work and are paid for as overtime; `standby`
    those at home who may be called back, and `premium` those of a second shift: None where nobody is paid for it.
    `days_manned` is the number of days until everyone has left; all later days are 0.
    """

    trades: tuple[str, ...]
    direct: Ints
    total: Ints
    overtime: Ints | None = None
    standby: Ints | None = None
    premium: Ints | None = None
    days_manned: int | None = None

    @property
    def paid(self) -> Ints:
        """Return by day how many people are paid for a day on site, those counted once more who work overtime."""
        return self.total if self.overtime is None else self.total + self.overtime.sum(axis=0)


def headcount(record: Record, project: Project, days: int) -> Headcount:
    """Return how many people are on site on every day; who comes or leaves on a day is counted on that day.

    Indirect people are ceil(ratio × direct); everyone leaves with the last block online.
    """
    trades, days_manned = tuple(project.labour.trades), min(days, record.end // DAY + 1)
    direct, total = _by_day(record, "people", trades, days), np.zeros(days, np.int64)
    # a project ends long before its daily curves do
    direct_total = direct[:, :days_manned].sum(axis=0)
    total[:days_manned] = direct_total + indirect(direct_total, project)
    standby, policy = project.labour.standby, project.labour.acceleration
    return Headcount(
        trades,
        direct,
        total,
        _by_day(record, OVERTIME, trades, days) if len(record.noted_rows(OVERTIME)) else None,
        None if standby is None else _by_day(record, STANDBY, trades, days),
        None if policy is None or policy.shift is None else _by_day(record, SHIFT_PREMIUM, trades, days),
        days_manned,
    )


def _by_day(record: Record, kind: str, trades: tuple[str, ...], days: int) -> Ints:
    """Return the people of every trade that notes of a kind say are there, shape (trades, days)."""
    notes, by_day = record.noted_rows(kind), np.zeros((len(trades), days), np.int64)
    if len(notes):  # nobody, mostly, works overtime
        end = min(days - 1, record.end // DAY)
        record.kernels.people_by_day(notes, record.index.positions_by_step(trades), by_day, end)
    return by_day


def indirect(direct: Ints, project: Project) -> Ints:
    """Return indirect people for so many direct ones: the ratio, rounded up."""
    # less than a billionth of a person comes from the float product, and must not count as one more
    whole: Ints = np.ceil(direct * project.labour.indirect_ratio.value - 1e-9).astype(np.int64)
    return whole


def paid_hours_by_day(calendar: Calendar, days: int) -> Floats:
    """Return the open hours of a calendar on every day, shape (days,): what one person is paid, if it is one shift."""
    hours = np.zeros(days)
    open_minutes = calendar.open_by_day[:days]
    hours[: len(open_minutes)] = open_minutes / 60
    return hours


def hours(record: Record, people: Headcount, paid_by_day: Floats) -> dict[str, float]:
    """Return hours on site by their three bases."""
    return {
        "hours_earned": _earned(record),
        "hours_worked": _worked(record),
        "hours_paid": float((people.paid * paid_by_day).sum()),
    }


def _earned(record: Record) -> float:
    """Return person-hours of work content at reference conditions; a repeated step earns nothing more."""
    return record.kernels.earned_minutes(record.works, record.index.labour_of_step, record.content) / 60


def _worked(record: Record) -> float:
    """Return the person-hours worked: the shift minutes of every work, as often as it was done.

    What a shift loses to fatigue, night and heat is worked, too: productive minutes are divided by their share of the shifts
    between begin and end.
    """
    total, labour = 0.0, record.index.labour_of_step
    for calendar_number in record.index.peopled_calendars:
        minutes, people = record.kernels.worked_minutes(
            record.works, labour, calendar_number, _work_hours(record, calendar_number)
        )
        total += float(minutes @ people)
    return total / 60


def _work_hours(record: Record, calendar_number: int) -> WorkHours:
    """Return a calendar as it was in the run, as planned, and its shifts; off site all three are the same."""
    actual, planned = record.calendars[calendar_number], record.index.plan.base_calendars[calendar_number]
    shift = _shift(record.index.plan, calendar_number)
    if shift is None:
        return WorkHours(open_hours(actual), open_hours(actual), open_hours(actual), True, True)
    # `is`: where nothing was closed in this run, its calendar is the planned one itself
    versions = open_hours(actual), open_hours(planned), open_hours(shift)
    return WorkHours(*versions, actual is planned, _same_calendar(shift, planned))


def _shift(plan: CompiledPlan, calendar: int) -> Calendar | None:
    """Return the shifts in which a calendar's minutes are worked; None where its open minutes are."""
    if plan.calendars[calendar] not in ON_SITE or SHIFT not in plan.calendars:
        return None
    return plan.base_calendars[plan.calendars.index(SHIFT)]


@lru_cache(maxsize=64)
def _same_calendar(one: Calendar, other: Calendar) -> bool:
    return np.array_equal(one.starts, other.starts) and np.array_equal(one.ends, other.ends)


def payroll(people: Headcount, project: Project) -> int:
    """Return the most people on the payroll: those on site, those off rotation and spare ones for absences."""
    each = project.labour.payroll(project.pattern)
    # as for indirect people: rounded up, but not for the last bit of a product
    return ceil(int(people.total.max(initial=0)) * each - 1e-9)


# --- offsite ----------------------------------------------------------------------------------------------------------


def offsite_hours(record: Record, project: Project) -> float:
    """Return staff × paid hours from a factory's first skid on the line to its last delivery."""
    started, delivered = record.noted("started"), record.noted("delivered")
    if not len(delivered.minute):
        return 0.0
    systems, shifts = project.by_system, len(project.calendars.factory.shifts)
    of_system = record.index.part_positions(tuple(systems))
    # the last of the reversed rows is the first one
    first_started = _last_minutes(of_system[started.item[::-1]], started.minute[::-1], len(systems))
    last_delivered = _last_minutes(of_system[delivered.item], delivered.minute, len(systems))
    factory = record.calendars[record.index.plan.calendars.index("factory")]
    paid = paid_hours_by_day(factory, max(last_delivered) // DAY + 1)
    total = 0.0
    for system, first, last in zip(systems.values(), first_started, last_delivered, strict=True):
        if system.scope == "factory" and first >= 0 and last >= 0:
            total += system.factory.staff.value * float(paid[first // DAY : last // DAY + 1].sum()) / shifts
    return total


def _last_minutes(system: Ints, minute: Ints, systems: int) -> list[int]:
    """Return the minute that stands last for every system, or -1; what is of no system has the number -1."""
    last_minutes = np.full(systems + 1, -1, np.int64)
    # numpy keeps the last of several values; what is of no system goes to the extra place, -1
    last_minutes[system] = minute
    return list(last_minutes[:systems].tolist())
