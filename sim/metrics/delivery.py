"""When MW come online, against the decision, the order and the need: lead times, unmet demand, idle capacity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.event_log import DAY, MONTH, Ints, Record, running_total
from sim.metrics.kernels.interface import NEVER
from sim.metrics.metric import CANCELLED as MW_CANCELLED
from sim.metrics.metric import FINISH, FINISH_DAY, FIRST, FIRST_DAY, OF_ORDERS
from sim.metrics.metric import ORDERED as MW_ORDERED
from sim.plan.layout import Layout, look_ahead
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.mechanisms.orders import APPROVED, CANCELLED
from sim.world.working_time import day_of_finish

# --- lead times -------------------------------------------------------------------------------------------------------


MW_DAYS = (365, 540)
"""Days after the first order at which MW online are counted."""


@dataclass(frozen=True)
class Online:
    """Blocks in the order of the layout: minute online, MW, minute of the order (-1: never), and whether it was cancelled."""

    minute: Ints
    mw: NDArray[np.float64]
    ordered: Ints
    cancelled: NDArray[np.bool_]

    @cached_property
    def reached(self) -> NDArray[np.bool_]:
        """Return by block whether it came online."""
        return self.minute >= 0

    @cached_property
    def wanted(self) -> NDArray[np.bool_]:
        """Return by block whether it was ordered and not cancelled."""
        return (self.ordered >= 0) & ~self.cancelled

    @cached_property
    def wanted_mw(self) -> float:
        """Return the MW that were ordered and not cancelled."""
        return float(self.mw[self.wanted].sum())

    @cached_property
    def start(self) -> int:
        """Return the minute of the first order; 0 where nothing was ordered."""
        order_minutes = self.ordered[self.ordered >= 0]
        return int(order_minutes.min()) if len(order_minutes) else 0


def online(record: Record, layout: Layout, project: Project) -> Online:
    """Return by block, from the log of a run: minute online, MW, minute of the order, and whether it was cancelled."""
    block_of_item = record.plan_index.item_positions(layout.block_names)
    minute, cancelled = np.full(len(layout.blocks), -1, np.int64), np.zeros(len(layout.blocks), np.bool_)
    notes = record.noted(ONLINE)
    minute[block_of_item[notes.item]] = notes.minute
    ordered = layout.order_minutes.copy()
    # blocks whose order the plan notes have no date of their own: until it is approved they are not ordered
    ordered[block_of_item[record.plan_index.items_noted(APPROVED)]] = -1
    approvals = record.noted(APPROVED)
    ordered[block_of_item[approvals.item]] = approvals.minute
    cancelled[block_of_item[record.noted(CANCELLED).item]] = True
    mw = np.full(len(layout.blocks), project.block.mw_gross.value)
    return Online(minute, mw, ordered, cancelled)


def one_order(layout: Layout, project: Project) -> bool:
    """Return whether all blocks are ordered at once, on a date."""
    orders = project.orders
    dated = orders.policy == "given" and not (orders.phase_after_units and len(layout.phases) > 1)
    return dated and len(layout.order_days) == 1


def first_order_day_of_schedule(project: Project) -> int | None:
    """Return the day of the first order; None where orders are not given by a schedule, so that it may be any day."""
    return min((order.day for order in project.orders.given), default=0) if project.orders.policy == "given" else None


def lead_times(blocks: Online, project: Project) -> dict[str, float]:
    """Return by metric the lead times in days after the order, and MW online; infinite where a block never comes online.

    The full date is that of a project whose MW are all ordered by a schedule, in one order or phase after phase: from
    the first decision to the last of its MW. Not-a-number where nothing is ordered in a run. Where the first order may
    be later than the start date, the days from that date are metrics as well.
    """
    ordered, first_order_day = blocks.wanted, blocks.start / DAY
    online_day = np.where(blocks.reached, blocks.minute / DAY, np.inf)[ordered]
    lead_days, mw = online_day - blocks.ordered[ordered] / DAY, blocks.mw[ordered]
    # nothing ordered: no lead time, rather than one of 0 days
    total_mw = blocks.wanted_mw or np.nan
    first_day = float(online_day.min()) if len(online_day) else np.nan
    metrics = {
        FIRST: first_day - first_order_day,
        OF_ORDERS: float((mw * lead_days).sum()) / total_mw,
        "lead_time_from_need_days": float((mw * np.maximum(0.0, lead_days)).sum()) / total_mw,
    }
    days_from_start = {FIRST_DAY: first_day}
    if project.orders.policy == "given":
        last_day = float(online_day.max()) if ordered.all() else np.inf
        metrics[FINISH] = last_day - first_order_day
        days_from_start[FINISH_DAY] = last_day
    if first_order_day_of_schedule(project) != 0:
        metrics |= days_from_start
    for days in MW_DAYS:
        # from the first order, so that strategies with other decision dates compare
        metrics[f"mw_online_day_{days}"] = float(mw[online_day <= first_order_day + days].sum())
    return metrics


def mw_online(blocks: Online, days: int) -> NDArray[np.float64]:
    """Return MW online at the end of every day from day 0, shape (days,)."""
    return running_total(day_of_finish(blocks.minute[blocks.reached]), blocks.mw[blocks.reached], days)


# --- levels of MW -----------------------------------------------------------------------------------------------------


TENTHS = 10
MAX_LEVELS = 200
"""Of the MW whose dates are kept of every replication, beside the tenths."""
MAX_FIRST_BLOCKS = 100
"""Handed over on the first day that has any, where the MW of a block are read off a curve."""


def days_reached(curve: NDArray[np.floating], max_mw: float, step: float = 0.0) -> dict[str, NDArray[np.float64]]:
    """Return by level of MW (its number as text) the day on which each replication had so much online.

    Levels are tenths of `max_mw` and multiples of `step`; without a step tenths only. `curve` is (replications, days) and
    never falls. Infinite where a replication never has so much.
    """
    levels = ramp_levels(max_mw, step)
    thresholds = np.array(levels) - 1e-6 * max_mw
    days = np.array([row.searchsorted(thresholds) for row in curve], dtype=np.float64).reshape(len(curve), len(levels))
    days[days == curve.shape[1]] = np.inf
    return {f"{level:g}": days[:, column] for column, level in enumerate(levels)}


def ramp_levels(max_mw: float, block_mw: float) -> list[float]:
    """Return the MW whose dates are kept: every tenth, and every block, or every so many where there are too many."""
    if not max_mw > 0:
        return []
    blocks = round(max_mw / block_mw) if block_mw > 0 else 0
    stride = max(1, -(-blocks // MAX_LEVELS))
    levels = [
        *(max_mw * k / TENTHS for k in range(1, TENTHS + 1)),
        *(block_mw * k for k in range(stride, blocks + 1, stride)),
    ]
    return sorted({float(f"{level:g}") for level in levels})


def block_of_curves(curves: Iterable[NDArray[np.floating]]) -> tuple[float, float]:
    """Return the most MW of all curves (replications, days), and the MW of a block, or of what is handed over at once.

    The smallest rise is the difference of two numbers in float32, and too small by their rounding. The least MW that any
    curve has above 0 are few blocks and exact to seven digits, so a block is a fraction of them; the most are a multiple.
    """
    most = 0.0
    rise = least = np.inf
    for curve in curves:
        rises = np.diff(curve, axis=1, prepend=0)
        rise = min(rise, float(rises[rises > 0].min(initial=np.inf)))
        least = min(least, float(curve[curve > 0].min(initial=np.inf)))
        most = max(most, float(curve.max(initial=0.0)))
    if not np.isfinite(rise):
        return most, 0.0
    rounding = float(np.spacing(np.float32(most)))
    block = float(f"{least * Fraction(rise / least).limit_denominator(MAX_FIRST_BLOCKS):.7g}")
    if abs(block - rise) > 2 * rounding:
        return most, rise
    blocks = round(most / block)
    return (block * blocks if abs(block * blocks - most) <= 2 * rounding else most), block


# --- demand -----------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NeededBlocks:
    """The minutes at which blocks are needed, ascending; blocks that never are needed are left out."""

    minute: Ints


def demand_metrics(blocks: Online, needed: NeededBlocks | None, layout: Layout, project: Project) -> dict[str, float]:
    """Return the metrics of orders over time; none where all blocks are ordered at once and no demand is stated."""
    if needed is None and one_order(layout, project):
        return {}
    ordered = blocks.wanted
    online_minute = np.where(blocks.reached, blocks.minute, NEVER)[ordered]
    metrics = order_lead_times(online_minute, blocks.ordered[ordered], _lots(layout, project)[ordered])
    if needed is not None:
        if blocks.cancelled.any():  # who needed them has gone away: nobody waits for what was cancelled
            needed = NeededBlocks(needed.minute[: len(online_minute)])
        mw = project.block.mw_gross.value
        metrics["lead_time_from_need_days"] = mean_days_late(online_minute, needed)
        metrics |= demand_balance(online_minute, needed, mw, project.money.horizon_days * DAY)
    return metrics | {
        MW_ORDERED: float(blocks.mw[blocks.ordered >= 0].sum()),
        MW_CANCELLED: float(blocks.mw[blocks.cancelled].sum()),
    }


def _lots(layout: Layout, project: Project) -> Ints:
    """Return by block the number of its order."""
    if project.orders.policy == "follow_demand":
        return np.arange(len(layout.blocks)) // project.orders.lot_blocks
    keys = [(block.phase if project.orders.phase_after_units else "", block.order_day) for block in layout.blocks]
    number_of_key = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([number_of_key[key] for key in keys])


def needed_blocks(record: Record, project: Project) -> NeededBlocks | None:
    """Return the minutes at which blocks are needed, from the log; None where the project states no demand.

    Blocks that were in sight (within the look-ahead) but not needed yet when demand ended early are not needed.
    """
    if project.orders.demand is None:
        return None
    notes = record.noted("needed")
    # the log notes demand when it comes in sight; it is needed the look-ahead later
    minute = np.repeat(notes.minute + round(look_ahead(project) * DAY), notes.amount)
    broken_off = record.noted("broken off").minute
    return NeededBlocks(minute[minute <= broken_off[0]] if len(broken_off) else minute)


def useful_from(online: Ints, needed: NeededBlocks | None) -> Ints:
    """Return by block the minute from which it is both online and needed, first in first out; NEVER if it is not needed."""
    if needed is None:
        return online
    # MW are alike: the first to come online serves the first that are needed
    order = np.argsort(online, kind="stable")
    useful = np.full(len(online), NEVER, np.int64)
    count = min(len(online), len(needed.minute))
    useful[order[:count]] = np.maximum(online[order[:count]], needed.minute[:count])
    return useful


def mean_days_late(online: Ints, needed: NeededBlocks) -> float:
    """Return the mean days from need to online over needed blocks, first in first out; 0 where capacity came first."""
    count = len(needed.minute)
    if not count:
        return 0.0
    online_days = np.sort(online[online < NEVER])[:count] / DAY
    # needed and never online: infinitely late, so that the mean shows it
    days_late = np.full(count, np.inf)
    days_late[: len(online_days)] = np.maximum(0.0, online_days - needed.minute[: len(online_days)] / DAY)
    return float(days_late.mean())


def demand_balance(online: Ints, needed: NeededBlocks, mw: float, horizon: int) -> dict[str, float]:
    """Return the MW-months of demand not met and of capacity not needed, up to the horizon; `mw` is one block."""
    minute = np.concatenate([needed.minute, online[online < NEVER]])
    backlog_change = np.concatenate([np.ones(len(needed.minute)), -np.ones(len(minute) - len(needed.minute))])
    order = np.argsort(minute, kind="stable")
    # blocks needed less blocks online: above 0 demand waits, below 0 capacity does
    backlog, minute = np.cumsum(backlog_change[order]), np.minimum(minute[order], horizon)
    months = np.diff(minute, append=horizon) / MONTH
    return {
        "unmet_demand_mw_months": float(mw * (np.maximum(backlog, 0.0) * months).sum()),
        "idle_capacity_mw_months": float(mw * (np.maximum(-backlog, 0.0) * months).sum()),
    }


def order_lead_times(online: Ints, ordered: Ints, lot: Ints) -> dict[str, float]:
    """Return the lead time of orders in days, from each to the last of its MW: mean, median and P90 of this run's orders.

    All three are by block, and `lot` is the number of its order; infinite for an order that is never complete.
    """
    if not len(online):
        return dict.fromkeys(("lead_time_per_order_days", *_QUANTILES), float("nan"))
    last_online, order_minute = np.zeros(int(lot.max()) + 1, np.int64), np.full(int(lot.max()) + 1, NEVER)
    np.maximum.at(last_online, lot, online)
    np.minimum.at(order_minute, lot, ordered)
    days = np.where(last_online >= NEVER, np.inf, (last_online - order_minute) / DAY)[np.unique(lot)]
    # a date that some order really had, not one between two; infinite ones would make that not-a-number
    quantiles = np.quantile(days, list(_QUANTILES.values()), method="inverted_cdf")
    return {"lead_time_per_order_days": float(days.mean()), **dict(zip(_QUANTILES, quantiles.tolist(), strict=True))}


_QUANTILES = {"lead_time_per_order_days_p50": 0.5, "lead_time_per_order_days_p90": 0.9}
