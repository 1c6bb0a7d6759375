"""Hours paid in factories while they work for this project."""

from __future__ import annotations

import numpy as np

from sim.config.project import Project
from sim.metrics.record import DAY, Ints, Record
from sim.metrics.workforce import paid_hours_by_day


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
