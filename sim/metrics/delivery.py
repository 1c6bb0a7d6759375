"""When MW come online: lead times from the decision, one order or many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.record import DAY, Ints, Record
from sim.plan.commissioning import ONLINE
from sim.plan.layout import Layout
from sim.plan.orders import APPROVED, CANCELLED

MARKS = (365, 540)


@dataclass(frozen=True)
class Online:
    """Blocks in the order of the layout: minute online and minute of their order (or -1), and MW."""

    minute: Ints
    mw: NDArray[np.float64]
    ordered: Ints
    cancelled: NDArray[np.bool_]

    @property
    def reached(self) -> NDArray[np.bool_]:
        """Return which blocks came online."""
        return self.minute >= 0

    @property
    def wanted(self) -> NDArray[np.bool_]:
        """Return which blocks were ordered and not cancelled."""
        return (self.ordered >= 0) & ~self.cancelled

    @property
    def start(self) -> int:
        """Return the minute of the first order; 0 where nothing was ordered."""
        placed = self.ordered[self.ordered >= 0]
        return int(placed.min()) if len(placed) else 0


def online(record: Record, layout: Layout, project: Project) -> Online:
    """Return when every block was ordered and came online."""
    places = record.index.places_of([block.name for block in layout.blocks])
    minute, cancelled = np.full(len(layout.blocks), -1, np.int64), np.zeros(len(layout.blocks), np.bool_)
    noted = record.noted(ONLINE)
    minute[places[noted.item]] = noted.minute
    ordered = np.array([block.order_day * DAY for block in layout.blocks], np.int64)
    undated = places[record.index.item_of_note[record.index.kind_of_note == _kind(record, APPROVED)]]
    ordered[undated] = -1
    approved = record.noted(APPROVED)
    ordered[places[approved.item]] = approved.minute
    cancelled[places[record.noted(CANCELLED).item]] = True
    mw = np.full(len(layout.blocks), project.block.mw_gross.value)
    return Online(minute, mw, ordered, cancelled)


def _kind(record: Record, kind: str) -> int:
    return record.index.kinds.index(kind) if kind in record.index.kinds else -1


def one_order(layout: Layout, project: Project) -> bool:
    """Tell whether everything is ordered at once, on a date."""
    orders = project.orders
    dated = orders.policy == "given" and not (orders.phase_after_units and len(layout.phases) > 1)
    return dated and len({block.order_day for block in layout.blocks}) == 1


def lead_times(blocks: Online, single: bool) -> dict[str, float]:
    """Return the dates of DESIGN §7 in days after the order; infinite where a block never comes online.

    With `single`, everything is ordered at once. Where nothing is ordered in a run, there is no number.
    """
    wanted, first = blocks.wanted, blocks.start / DAY
    day = np.where(blocks.reached, blocks.minute / DAY, np.inf)[wanted]
    waited, mw = day - blocks.ordered[wanted] / DAY, blocks.mw[wanted]
    total = float(mw.sum()) or np.nan
    found = {
        "lead_time_first_mw_days": float(day.min(initial=np.inf)) - first if len(day) else np.nan,
        "lead_time_mw_weighted_days": float((mw * waited).sum()) / total,
        "lead_time_from_need_days": float((mw * np.maximum(0.0, waited)).sum()) / total,
    }
    if single:
        found["lead_time_full_days"] = float(day.max()) - first
    for mark in MARKS:
        found[f"mw_online_day_{mark}"] = float(mw[day <= first + mark].sum())
    return found


def mw_online(blocks: Online, days: int) -> NDArray[np.float64]:
    """Return MW online at the end of every day from day 0, shape (days,)."""
    by_day = np.zeros(days)
    reached = blocks.reached & (blocks.minute < days * DAY)
    np.add.at(by_day, blocks.minute[reached] // DAY, blocks.mw[reached])
    return np.cumsum(by_day)
