"""The calendars of one replication: the stated ones, less what this replication's bad luck closes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.world.calendars import ALL, Calendar
from sim.world.clock import LIFTS, SITE
from sim.world.interruptions import without
from sim.world.outages import standing_still
from sim.world.shifts import DAY
from sim.world.weather import Model, closed_intervals

Closed = NDArray[np.int64]
Name = TypeVar("Name", bound=str)


def calendars_of(
    project: Project,
    weather: Model,
    base: Mapping[str, Calendar],
    seed: int,
    replication: int,
    days: int | None = None,
) -> Mapping[str, Calendar]:
    """Return the calendars of a replication under the names of the stated ones, in their order.

    Whatever closes a calendar for a while returns rows (start, end) by calendar name and is added in `closed_in`.
    A calendar that nothing closes is the stated one itself, so that whoever prepares calendars can keep it.
    If `days` are given, weather is drawn for so many only, and what it may close is `known` until then.
    """
    if weather is None or days is None or days >= project.scale.horizon_days:
        return less(base, closed_in(project, weather, seed, replication))
    return less(base, closed_in(project, weather, seed, replication, days), days * DAY)


def less(base: Mapping[Name, Calendar], closed: Mapping[Name, Closed], known: int = ALL) -> dict[Name, Calendar]:
    """Take closed minutes out of calendars, name by name; what nothing closes, now or later, stays the same object."""
    return {
        name: without(calendar, closed[name], known=known)
        if name in closed and (known < ALL or len(closed[name]))
        else calendar
        for name, calendar in base.items()
    }


def closed_in(
    project: Project, weather: Model, seed: int, replication: int, days: int | None = None
) -> dict[str, Closed]:
    """Return by calendar the minutes that a replication closes: rows (start, end), in any order; weather of `days`."""
    scale = project.scale
    skies = closed_intervals(weather, scale.start_date, days or scale.horizon_days, seed, replication)
    on_site = {f"{SITE}.{exposure}": rows for exposure, rows in skies.items()}
    return {**standing_still(project, seed, replication), **on_site, LIFTS: skies["crane"]}
