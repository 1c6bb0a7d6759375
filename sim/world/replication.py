"""The calendars of one replication: the stated ones, less what this replication's bad luck closes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.world.calendars import Calendar, without
from sim.world.outages import standing_still

Closed = NDArray[np.int64]


def calendars_of(project: Project, base: Mapping[str, Calendar], seed: int, replication: int) -> Mapping[str, Calendar]:
    """Return the calendars of a replication under the names of the stated ones, in their order.

    Whatever closes a calendar for a while returns rows (start, end) by calendar name and is added in `closed_in`.
    A calendar that nothing closes is the stated one itself, so that whoever prepares calendars can keep it.
    """
    closed = closed_in(project, seed, replication)
    return {
        name: without(calendar, closed[name]) if len(closed.get(name, ())) else calendar
        for name, calendar in base.items()
    }


def closed_in(project: Project, seed: int, replication: int) -> dict[str, Closed]:
    """Return by calendar the minutes that a replication closes: rows (start, end), in any order."""
    return standing_still(project, seed, replication)
