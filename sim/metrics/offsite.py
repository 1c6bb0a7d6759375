"""Hours paid in factories while they work for this project."""

from __future__ import annotations

from sim.config.project import Project
from sim.metrics.record import DAY, Ints, Noted, Record
from sim.metrics.workforce import paid_hours_by_day


def offsite_hours(record: Record, project: Project) -> float:
    """Return staff × paid hours from a factory's first skid on the line to its last delivery."""
    started, delivered = record.noted("started"), record.noted("delivered")
    if not len(delivered.minute):
        return 0.0
    of_system = record.index.things_among(tuple(project.by_system))
    begun, ended = _by_system(of_system, started, project), _by_system(of_system, delivered, project)
    factory = record.calendars[record.index.plan.calendars.index("factory")]
    shifts = len(project.calendars.factory.shifts)
    total = 0.0
    for given, first, last in zip(project.by_system.values(), begun, ended, strict=True):
        if given.scope == "factory" and len(first) and len(last):
            days = paid_hours_by_day(factory, int(last[-1]) // DAY + 1)[int(first[0]) // DAY :]
            total += given.factory.staff.value * float(days.sum()) / shifts
    return total


def _by_system(of_system: Ints, noted: Noted, project: Project) -> list[Ints]:
    """Return the minutes of notes by system, in order."""
    number = of_system[noted.item]
    return [noted.minute[number == system] for system in range(len(project.by_system))]
