"""People: headcount by day, and hours on three bases that must not be mixed.

Hours earned are work content at reference conditions, hours worked the shift minutes of every work, hours paid those of
all who are on site, waiting or not. Hours worked beyond hours earned are loss and rework; hours paid beyond hours worked
are waiting. Hours that factories pay while they work for the project are counted beside those on site.
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
    """People on site: `direct` by trade and day, shape (trades, days), and `total` by day, indirect people included.

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
        """Return by day the people paid for a day on site; who works overtime is counted twice."""
        return self.total if self.overtime is None else self.total + self.overtime.sum(axis=0)


def headcount(record: Record, project: Project, days: int) -> Headcount:
    """Return the people on site by day; who comes or leaves on a day is counted on that day.

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
    """Return the people on site by trade and day, shape (trades, days), as notes of one kind have them."""
    notes, by_day = record.noted_rows(kind), np.zeros((len(trades), days), np.int64)
    if len(notes):  # nobody, mostly, works overtime
        end = min(days - 1, record.end // DAY)
        record.kernels.people_by_day(notes, record.plan_index.positions_by_step(trades), by_day, end)
    return by_day


def indirect(direct: Ints, project: Project) -> Ints:
    """Return the indirect people for so many direct ones: ratio × direct, rounded up."""
    # less than a billionth of a person comes from the float product, and must not count as one more
    people: Ints = np.ceil(direct * project.labour.indirect_ratio.value - 1e-9).astype(np.int64)
    return people


def paid_hours_by_day(calendar: Calendar, days: int) -> Floats:
    """Return the open hours of a calendar by day, shape (days,): those that one person is paid, if it has one shift."""
    hours = np.zeros(days)
    open_minutes = calendar.open_by_day[:days]
    hours[: len(open_minutes)] = open_minutes / 60
    return hours


def hours(record: Record, people: Headcount, paid_by_day: Floats) -> dict[str, float]:
    """Return person-hours on site by metric: earned, worked, and paid."""
    return {
        "hours_earned": _earned(record),
        "hours_worked": _worked(record),
        "hours_paid": float((people.paid * paid_by_day).sum()),
    }


def _earned(record: Record) -> float:
    """Return person-hours of work content at reference conditions; a repeated step earns nothing more."""
    return record.kernels.earned_minutes(record.works, record.plan_index.labour_of_step, record.content) / 60


def _worked(record: Record) -> float:
    """Return the person-hours worked: the shift minutes of every work, as often as it was done.

    What a shift loses to fatigue, night and heat is worked, too: productive minutes are divided by their share of the shifts
    between begin and end.
    """
    total, labour = 0.0, record.plan_index.labour_of_step
    for calendar_number, works in record.works_by_calendar():
        minutes, people = record.kernels.worked_minutes(works, labour, _work_hours(record, calendar_number))
        total += float(minutes @ people)
    return total / 60


def _work_hours(record: Record, calendar_number: int) -> WorkHours:
    """Return a calendar as it was in the run, as planned, and its shifts; off site all three are the same."""
    actual, planned = record.calendars[calendar_number], record.plan_index.plan.base_calendars[calendar_number]
    shift = _shift(record.plan_index.plan, calendar_number)
    if shift is None:
        return WorkHours(open_hours(actual), open_hours(actual), open_hours(actual), True, True)
    # `is`: where nothing was closed in this run, its calendar is the planned one itself
    versions = open_hours(actual), open_hours(planned), open_hours(shift)
    return WorkHours(*versions, actual is planned, _same_calendar(shift, planned))


def _shift(plan: CompiledPlan, calendar: int) -> Calendar | None:
    """Return the calendar of the shifts in which a calendar's minutes are worked; None where they are its open minutes."""
    if plan.calendars[calendar] not in ON_SITE or SHIFT not in plan.calendars:
        return None
    return plan.base_calendars[plan.calendars.index(SHIFT)]


@lru_cache(maxsize=64)
def _same_calendar(first: Calendar, second: Calendar) -> bool:
    """Return whether two calendars have the same open intervals."""
    return np.array_equal(first.starts, second.starts) and np.array_equal(first.ends, second.ends)


def payroll(people: Headcount, project: Project) -> int:
    """Return the most people on the payroll: those on site, those off rotation and spare ones for absences."""
    payroll_per_person = project.labour.payroll(project.pattern)
    # as for indirect people: rounded up, but not for the last bit of a product
    return ceil(int(people.total.max(initial=0)) * payroll_per_person - 1e-9)


# --- offsite ----------------------------------------------------------------------------------------------------------


def offsite_hours(record: Record, project: Project) -> float:
    """Return the person-hours that factories pay: staff × paid hours from the first skid on the line to the last delivery."""
    started, delivered = record.noted("started"), record.noted("delivered")
    if not len(delivered.minute):
        return 0.0
    systems, shifts = project.by_system, len(project.calendars.factory.shifts)
    of_system = record.plan_index.part_positions(tuple(systems))
    # the last of the reversed rows is the first one
    first_started = _last_minutes(of_system[started.item[::-1]], started.minute[::-1], len(systems))
    last_delivered = _last_minutes(of_system[delivered.item], delivered.minute, len(systems))
    factory = record.calendars[record.plan_index.plan.calendars.index("factory")]
    total = 0.0
    for system, first_minute, last_minute in zip(systems.values(), first_started, last_delivered, strict=True):
        if system.scope == "factory" and first_minute >= 0 and last_minute >= 0:
            total += (
                system.factory.staff.value
                * float((factory.open_by_day[first_minute // DAY : last_minute // DAY + 1] / 60).sum())
                / shifts
            )
    return total


def _last_minutes(system: Ints, minute: Ints, systems: int) -> list[int]:
    """Return by system the last of its minutes in the order given, or -1; `system` is -1 for a minute of no system."""
    last_minutes = np.full(systems + 1, -1, np.int64)
    # numpy keeps the last of several values; minutes of no system go to the extra element, index -1
    last_minutes[system] = minute
    return list(last_minutes[:systems].tolist())
