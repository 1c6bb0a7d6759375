"""Whole plants that stand still for a while: a fire, a flood, a strike. Work there pauses and resumes."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log1p

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.config.systems import Stops
from sim.world.calendars import Calendar, always
from sim.world.draws import key, uniform
from sim.world.shapes import shape
from sim.world.shifts import DAY

FACTORY = "factory"
ENDLESS = "endless"
"""Always open, far beyond the horizon: what may never happen must not stop a project by taking too long."""
HORIZONS = 1000


def factory_calendar(plant: str, stops: Stops | None) -> str:
    """Return the name of a plant's calendar: its own if it can stand still, else the one of all factories."""
    return FACTORY if stops is None else f"{FACTORY}.{plant}"


def plant_calendars(project: Project, factory: Calendar) -> dict[str, Calendar]:
    """Return a calendar of its own for every plant that can stand still, as it is while it does not.

    Where single lines can stand still, there is one without an end beside them.
    """
    lines = any(system.factory.line_stops is not None for system in project.by_system.values())
    endless = {ENDLESS: always(project.scale.horizon_days * DAY * HORIZONS, ENDLESS)} if lines else {}
    return {**dict.fromkeys(_stopping(project), factory), **endless}


def standing_still(project: Project, seed: int, replication: int) -> dict[str, NDArray[np.int64]]:
    """Return by calendar when plants stand still in a replication: rows (start, end) in order.

    From the end of one stop to the next passes an exponential time; a stop lasts as estimated. Draws are named
    after the plant; the k-th stop takes attempts 2 k and 2 k + 1.
    """
    horizon = project.scale.horizon_days * DAY
    return {
        name: _stops(stops, key(seed, f"{name} stops"), replication, horizon)
        for name, stops in _stopping(project).items()
    }


def _stopping(project: Project) -> Mapping[str, Stops]:
    """Return by calendar name how the plants stop that do."""
    return {
        f"{FACTORY}.{plant}": system.factory.plant_stops
        for name, system in project.by_system.items()
        if system.scope == "factory" and system.factory.plant_stops is not None
        for plant in system.factory.plants(name)
    }


def _stops(stops: Stops, stream: tuple[int, int], replication: int, horizon: int) -> NDArray[np.int64]:
    """Return one plant's stops up to the horizon."""
    rows: list[tuple[int, int]] = []
    now, attempt, lasting = 0.0, 0, shape(stops.days)
    while True:
        now -= stops.mean_days_between.value * DAY * log1p(-uniform(stream, replication, attempt))
        if now >= horizon:
            return np.array(rows, np.int64).reshape(-1, 2)
        days = float(lasting.ppf(np.array([uniform(stream, replication, attempt + 1)]))[0])
        rows.append((floor(now + 0.5), floor(now + days * DAY + 0.5)))
        now, attempt = now + days * DAY, attempt + 2
