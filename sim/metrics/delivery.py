"""When MW come online, against the decision, the order and the need: lead times, unmet demand, idle capacity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.event_log import DAY, MONTH, Ints, Record
from sim.metrics.kernels.interface import NEVER
from sim.plan.layout import Layout, look_ahead
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.mechanisms.orders import APPROVED, CANCELLED

# --- lead times -------------------------------------------------------------------------------------------------------


MW_DAYS = (365, 540)


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
    """Return by block: the minutes when it came online and was ordered (-1 if never), its MW, whether it was cancelled."""
    block_of_item = record.index.item_positions(layout.block_names)
    minute, cancelled = np.full(len(layout.blocks), -1, np.int64), np.zeros(len(layout.blocks), np.bool_)
    notes = record.noted(ONLINE)
    minute[block_of_item[notes.item]] = notes.minute
    ordered = layout.order_minutes.copy()
    # blocks whose order the plan notes have no date of their own: until it is approved they are not ordered
    undated = block_of_item[record.index.item_of_note[record.index.kind_of_note == _kind(record, APPROVED)]]
    ordered[undated] = -1
    approvals = record.noted(APPROVED)
    ordered[block_of_item[approvals.item]] = approvals.minute
    cancelled[block_of_item[record.noted(CANCELLED).item]] = True
    mw = np.full(len(layout.blocks), project.block.mw_gross.value)
    return Online(minute, mw, ordered, cancelled)


def _kind(record: Record, kind: str) -> int:
    return record.index.kinds.index(kind) if kind in record.index.kinds else -1


def one_order(layout: Layout, project: Project) -> bool:
    """Return whether everything is ordered at once, on a date."""
    orders = project.orders
    dated = orders.policy == "given" and not (orders.phase_after_units and len(layout.phases) > 1)
    return dated and len({block.order_day for block in layout.blocks}) == 1


def lead_times(blocks: Online, project: Project) -> dict[str, float]:
    """Return the lead times in days after the order; infinite where a block never comes online.

    The full date is that of a project whose MW are all ordered by a schedule, in one order or phase after phase: from
    the first decision to the last of its MW. Not-a-number where nothing is ordered in a run.
    """
    ordered, first = blocks.wanted, blocks.start / DAY
    day = np.where(blocks.reached, blocks.minute / DAY, np.inf)[ordered]
    lead_days, mw = day - blocks.ordered[ordered] / DAY, blocks.mw[ordered]
    # nothing ordered: no lead time, rather than one of 0 days
    total = float(mw.sum()) or np.nan
    metrics = {
        "lead_time_first_mw_days": float(day.min(initial=np.inf)) - first if len(day) else np.nan,
        "lead_time_mw_weighted_days": float((mw * lead_days).sum()) / total,
        "lead_time_from_need_days": float((mw * np.maximum(0.0, lead_days)).sum()) / total,
    }
    if project.orders.policy == "given":
        metrics["lead_time_full_days"] = (float(day.max()) if ordered.all() else np.inf) - first
    for day_mark in MW_DAYS:
        # from the first order, so that strategies with other decision dates compare
        metrics[f"mw_online_day_{day_mark}"] = float(mw[day <= first + day_mark].sum())
    return metrics


def mw_online(blocks: Online, days: int) -> NDArray[np.float64]:
    """Return MW online at the end of every day from day 0, shape (days,)."""
    by_day = np.zeros(days)
    reached = blocks.reached & (blocks.minute < days * DAY)
    np.add.at(by_day, blocks.minute[reached] // DAY, blocks.mw[reached])
    return np.cumsum(by_day)


# --- demand -----------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NeededBlocks:
    """The minute at which each block is needed, in order; those that never are, are left out."""

    minute: Ints


def demand_metrics(blocks: Online, needed: NeededBlocks | None, layout: Layout, project: Project) -> dict[str, float]:
    """Return the metrics of orders over time: none where everything is ordered once and no demand is stated."""
    if needed is None and one_order(layout, project):
        return {}
    ordered = blocks.wanted
    online_minute = np.where(blocks.reached, blocks.minute, NEVER)[ordered]
    metrics = order_lead_times(online_minute, blocks.ordered[ordered], _lots(layout, project)[ordered])
    if needed is not None:
        mw = project.block.mw_gross.value
        metrics["lead_time_from_need_days"] = mean_days_late(online_minute, needed)
        metrics |= demand_balance(online_minute, needed, mw, project.money.horizon_days * DAY)
    return metrics | {
        "mw_ordered": float(blocks.mw[blocks.ordered >= 0].sum()),
        "mw_cancelled": float(blocks.mw[blocks.cancelled].sum()),
    }


def _lots(layout: Layout, project: Project) -> Ints:
    """Return the number of every block's order."""
    if project.orders.policy == "follow_demand":
        return np.arange(len(layout.blocks)) // project.orders.lot_blocks
    keys = [(block.phase if project.orders.phase_after_units else "", block.order_day) for block in layout.blocks]
    number = {key: at for at, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys])


def needed_blocks(record: Record, project: Project) -> NeededBlocks | None:
    """Return when blocks are needed, from the log; None where the project knows no demand.

    What was in sight but not needed yet when demand broke off is not needed.
    """
    if project.orders.demand is None:
        return None
    notes = record.noted("needed")
    # the log notes demand when it comes in sight; it is needed the look-ahead later
    minute = np.repeat(notes.minute + round(look_ahead(project) * DAY), notes.amount)
    broken_off = record.noted("broken off").minute
    return NeededBlocks(minute[minute <= broken_off[0]] if len(broken_off) else minute)


def useful_from(online: Ints, needed: NeededBlocks | None) -> Ints:
    """Return the minute from which each block is both online and needed, first in first out; NEVER if it is not needed."""
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
    late = np.full(count, np.inf)
    late[: len(online_days)] = np.maximum(0.0, online_days - needed.minute[: len(online_days)] / DAY)
    return float(late.mean())


def demand_balance(online: Ints, needed: NeededBlocks, mw: float, horizon: int) -> dict[str, float]:
    """Return the MW-months of demand not met and of capacity not needed, up to the horizon; `mw` is one block."""
    minute = np.concatenate([needed.minute, online[online < NEVER]])
    demand_change = np.concatenate([np.ones(len(needed.minute)), -np.ones(len(minute) - len(needed.minute))])
    order = np.argsort(minute, kind="stable")
    # one running balance: above 0 demand waits, below 0 capacity does, never both
    waiting_blocks, minute = np.cumsum(demand_change[order]), np.minimum(minute[order], horizon)
    length = np.diff(minute, append=horizon) / MONTH
    return {
        "unmet_demand_mw_months": float(mw * (np.maximum(waiting_blocks, 0.0) * length).sum()),
        "idle_capacity_mw_months": float(mw * (np.maximum(-waiting_blocks, 0.0) * length).sum()),
    }


def order_lead_times(online: Ints, ordered: Ints, lot: Ints) -> dict[str, float]:
    """Return the lead time of orders, from each to the last of its MW: mean, median and P90 of this run's orders.

    `lot` numbers the order of every block given; infinite for an order that is never complete.
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
