"""Hours paid in factories while they work for this project."""

from __future__ import annotations

from sim.config.project import Project
from sim.metrics.record import DAY, Record
from sim.metrics.workforce import paid_hours_by_day


def offsite_hours(record: Record, project: Project) -> float:
    """Return staff × paid hours from a factory's first skid on the line to its last delivery."""
    started, delivered = record.noted("started"), record.noted("delivered")
    of_system = record.index.things_among(tuple(project.by_system))
    plan = record.index.plan
    factory = record.calendars[plan.calendars.index("factory")]
    shifts = len(project.calendars.factory.shifts)
    total = 0.0
    for number, given in enumerate(project.by_system.values()):
        if given.scope == "factory" and len(delivered.minute):
            begun = started.minute[of_system[started.item] == number]
            ended = delivered.minute[of_system[delivered.item] == number]
            if len(begun) and len(ended):
                days = paid_hours_by_day(factory, int(ended.max()) // DAY + 1)[int(begun.min()) // DAY :]
                total += given.factory.staff.value * float(days.sum()) / shifts
    return total
