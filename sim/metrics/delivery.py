"""When MW come online: lead times from the decision, one order or many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.record import DAY, Ints, Record
from sim.plan.commissioning import ONLINE
from sim.plan.layout import Layout

MARKS = (365, 540)


@dataclass(frozen=True)
class Online:
    """Blocks in the order of the layout: minute online (or -1), MW, and the day of their order."""

    minute: Ints
    mw: NDArray[np.float64]
    order_day: Ints

    @property
    def reached(self) -> NDArray[np.bool_]:
        """Return which blocks came online."""
        return self.minute >= 0


def online(record: Record, layout: Layout, project: Project) -> Online:
    """Return when every block came online."""
    number = {block.name: at for at, block in enumerate(layout.blocks)}
    minute = np.full(len(number), -1, np.int64)
    noted = record.noted(ONLINE)
    places = np.array([number.get(name, -1) for name in record.index.items], np.int64)
    minute[places[noted.item]] = noted.minute
    mw = np.full(len(number), project.block.mw_gross.value)
    return Online(minute, mw, np.array([block.order_day for block in layout.blocks], np.int64))


def lead_times(blocks: Online) -> dict[str, float]:
    """Return the dates of DESIGN §7 in days after the decision; infinite where a block never comes online."""
    day = np.where(blocks.reached, blocks.minute / DAY, np.inf)
    first, waited = float(blocks.order_day.min()), day - blocks.order_day
    total = float(blocks.mw.sum())
    found = {
        "lead_time_first_mw_days": float(day.min()) - first,
        "lead_time_mw_weighted_days": float((blocks.mw * waited).sum()) / total,
        "lead_time_from_need_days": float((blocks.mw * np.maximum(0.0, waited)).sum()) / total,
    }
    if len(np.unique(blocks.order_day)) == 1:
        found["lead_time_full_days"] = float(day.max()) - first
    for mark in MARKS:
        found[f"mw_online_day_{mark}"] = float(blocks.mw[day <= first + mark].sum())
    return found


def mw_online(blocks: Online, days: int) -> NDArray[np.float64]:
    """Return MW online at the end of every day from day 0, shape (days,)."""
    by_day = np.zeros(days)
    reached = blocks.reached & (blocks.minute < days * DAY)
    np.add.at(by_day, blocks.minute[reached] // DAY, blocks.mw[reached])
    return np.cumsum(by_day)
