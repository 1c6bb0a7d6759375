"""Capital over time: paid, in service, committed and exposed to loss, by item; and how long it is idle.

Everything that changes an item is an event: a payment, MW of it coming online, a claim on a cancelled order, its
contract. Between two events nothing changes, so every integral is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.metrics.event_log import MONTH, Ints
from sim.metrics.kernels.interface import (
    COMMITTED,
    DEBT_DRAWDOWN,
    EXPOSED,
    IN_SERVICE,
    PAID,
    ROW_ITEM,
    ROW_MINUTE,
    ROW_UNTIL,
    SHARE_ONLINE,
    CapitalEvents,
    Integrals,
    Kernels,
    Timeline,
)
from sim.metrics.kernels.numpy_kernels import NUMPY
from sim.metrics.money.contracts import Contracts
from sim.metrics.money.ledger import Ledger

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
MONTH_DAYS = 365.25 / 12


@dataclass(frozen=True)
class CapitalTimeline:
    """The state of every item of capital from one event to the next, in cents.

    `table` has the rows; `total` is cents ever paid by item, `horizon` the minute up to which capital is counted, `days` the
    length of daily curves.
    """

    table: Timeline
    horizon: int
    total: Floats
    days: int
    kernels: Kernels = NUMPY

    @classmethod
    def of(
        cls, events: CapitalEvents, built_kw: Floats, horizon: int, days: int, kernels: Kernels = NUMPY
    ) -> CapitalTimeline:
        """Compute the timeline from the events of all items; `built_kw` is by item the kW that it was built to serve."""
        return cls(kernels.capital_timeline(events, built_kw, horizon), horizon, events.total, days, kernels)

    @property
    def item(self) -> Ints:
        """Return by row the number of its item."""
        return self.table.rows[ROW_ITEM]

    @property
    def minute(self) -> Ints:
        """Return by row the minute from which it holds."""
        return self.table.rows[ROW_MINUTE]

    @property
    def until(self) -> Ints:
        """Return by row the minute until which it holds."""
        return self.table.rows[ROW_UNTIL]

    @property
    def paid(self) -> Floats:
        """Return by row the cents paid for its item."""
        return self.table.states[PAID]

    @property
    def earning(self) -> Floats:
        """Return by row the cents of its item that are in service."""
        return self.table.states[IN_SERVICE]

    @property
    def committed(self) -> Floats:
        """Return by row the cents that its item's contract obliges to pay."""
        return self.table.states[COMMITTED]

    @property
    def exposed(self) -> Floats:
        """Return by row the cents of its item that could be lost."""
        return self.table.states[EXPOSED]

    @property
    def share(self) -> Floats:
        """Return by row the share of its item that is online, in 0..1."""
        return self.table.states[SHARE_ONLINE]

    @property
    def debt(self) -> Floats:
        """Return by row the cents of debt drawn."""
        return self.table.states[DEBT_DRAWDOWN]

    @cached_property
    def integrals(self) -> Integrals:
        """Return the integrals over all rows up to the horizon, and the states by day."""
        return self.kernels.capital_integrals(self.table, self.total, self.horizon, self.days)

    def daily(self) -> Floats:
        """Return dollars paid, in service, committed and exposed at the end of every day, shape (4, days)."""
        # summed in cents and divided once: dollars of single changes are no whole numbers
        daily: Floats = self.integrals.by_day / 100
        return daily


def capital_events(
    entries: Ledger, debt: Floats, when: Ints, contracts: Contracts, moments: Ints, online: Ints, block_kw: float
) -> CapitalEvents:
    """Return the events that change an item of capital in one run.

    `debt` is cents by ledger entry, `when` the minute by step of the plan, `moments` the minutes at which items begin to
    serve, `online` those at which the ordered blocks are online, `block_kw` the kW of one block.
    """
    serving, owed = contracts.serving, contracts.owed
    return CapitalEvents(
        item=entries.item,
        minute=entries.minute,
        cents=entries.cents,
        debt=debt,
        when=when,
        serving_item=serving.item,
        serving_moment=serving.moment,
        serving_kw=serving.kw,
        moments=moments,
        owed_item=owed.item,
        owed_step=owed.step,
        owed_share=owed.share,
        value=entries.value,
        ordered=entries.ordered,
        cancelled=entries.cancelled,
        total=entries.total.astype(np.float64),
        online=online,
        block_kw=block_kw,
    )


def capital_metrics(timeline: CapitalTimeline, compute: Flags, mw: float, cost_of_capital: float) -> dict[str, float]:
    """Return the capital metrics that follow from the timeline, in dollars and months."""
    dollars, integrals = timeline.total / 100, timeline.integrals
    # from cents × minutes to dollars × months
    idle, committed_idle = integrals.idle / 100 / MONTH, integrals.waiting / 100 / MONTH
    total_usd, idle_usd_months = float(dollars.sum()), float(idle.sum())
    return {
        "capital_total_usd": total_usd,
        "idle_capital_peak_usd": integrals.highest / 100,
        "idle_capital_usd_months": idle_usd_months,
        "idle_capital_months": ratio(idle_usd_months, total_usd),
        "idle_capital_months_infrastructure": ratio(idle[~compute].sum(), dollars[~compute].sum()),
        "idle_capital_months_compute": ratio(idle[compute].sum(), dollars[compute].sum()),
        "committed_idle_months": ratio(committed_idle.sum(), total_usd),
        "stranded_capital_usd": float(integrals.stranded.sum()) / 100,
        "carrying_cost_usd": cost_of_capital / 100 / 12 * idle_usd_months,
        "installed_cost_usd_per_mw": ratio(total_usd, mw),
    }


def ratio(part: float, whole: float) -> float:
    """Return a ratio, 0 where there is nothing to divide by."""
    return float(part / whole) if whole else 0.0
