"""What megawatts earn and what lateness costs: revenue, obsolescence, funding need, damages, present value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config.finance import Business, Damages
from sim.config.project import Project
from sim.machine import by_machine
from sim.metrics.record import DAY, Ints
from sim.metrics.sorting import by

Floats = NDArray[np.float64]
YEAR = 365.25 * DAY
HOURS_A_YEAR = 365.25 * 24
MARK_DAYS = 730


@dataclass(frozen=True)
class Earning:
    """Blocks in the order in which they earn: the minute from which each does (or never), and its dollars a minute.

    `gross` is revenue, `net` revenue less energy and operation.
    """

    minute: Ints
    gross: Floats
    net: Floats

    def until(self, moment: Floats) -> Floats:
        """Return net revenue earned up to each of these minutes, which are in order."""
        if by_machine():
            from sim.metrics.compiled.paying import earned_until

            earned = np.empty(len(moment))
            earned_until(self.minute, self.net, moment, earned)
            return earned
        count = np.searchsorted(self.minute, moment)
        rate = np.append(0.0, np.cumsum(self.net))[count]
        begun = np.append(0.0, np.cumsum(self.net * self.minute))[count]
        return np.asarray(rate * moment - begun, np.float64)


def earning(minute: Ints, revenue_factor: Floats, project: Project) -> Earning:
    """Return what blocks earn from the given minutes on; `revenue_factor` is by block, 1 for the first generation."""
    business, block = project.money.business, project.block
    order = by(minute)
    gross = business.usd_per_mw_it_year.value * block.mw_it.value / YEAR * revenue_factor[order]
    cost = running_cost(business, block.mw_gross.value)
    return Earning(minute[order], gross, gross - sum(cost.values()) / YEAR)


def running_cost(business: Business, mw_gross: float) -> dict[str, float]:
    """Return dollars a year for energy and operation of so many MW."""
    price = business.energy_usd_per_mwh.value * business.energy_price_factor.value
    return {
        "energy": mw_gross * business.load.value * HOURS_A_YEAR * price,
        "operations": mw_gross * business.operations_usd_per_mw_year.value,
    }


def revenue_to(earned: Earning, minute: float) -> float:
    """Return gross revenue up to a minute."""
    return float((earned.gross * np.maximum(0.0, minute - earned.minute)).sum())


def peak_funding(minute: Ints, usd: Floats, earned: Earning) -> float:
    """Return the most that is out at any moment: everything paid less everything earned, net of running cost.

    `minute` is in order. Between two payments the need only falls, so its peak is at one of them.
    """
    if not len(minute):
        return 0.0
    out = np.cumsum(usd) - earned.until(minute.astype(np.float64))
    return float(max(0.0, out.max()))


def foregone(online: Ints, ordered: Ints, horizon: int, project: Project) -> float:
    """Return the revenue of all MW-IT from their target date until they are online, or to the horizon."""
    rate = project.money.business.usd_per_mw_it_year.value * project.block.mw_it.value / YEAR
    target = ordered + project.scale.target_days * DAY
    late = np.maximum(0.0, np.minimum(online, horizon) - target)
    return float(rate * late.sum())


def obsolescence(title: Ints, online: Ints, usd: Floats, horizon: int, percent_per_month: float) -> float:
    """Return Σ V (1 − (1 − d)^m), m the months from title to online (or to the horizon), over parts of blocks."""
    months = np.maximum(0.0, np.minimum(online, horizon) - title) / (YEAR / 12)
    kept = (1 - percent_per_month / 100) ** months
    return float((usd * (1 - kept)).sum())


def net_present_value(
    paid: tuple[Ints, Floats], book: Floats, earned: Earning, horizon: int, percent_per_year: float
) -> float:
    """Return net revenue less payments up to the horizon plus the book value there, discounted to minute 0.

    `paid` is (minute, dollars); `book` what is left of each of them at the horizon, in dollars.
    """
    minute, usd = paid
    force = np.log1p(percent_per_year / 100) / YEAR
    inside = minute <= horizon
    out = (usd[inside] * np.exp(-force * minute[inside])).sum()
    left = book[inside].sum() * np.exp(-force * horizon)
    begin = np.minimum(earned.minute, horizon)
    if force:
        span = (np.exp(-force * begin) - np.exp(-force * horizon)) / force
    else:
        span = (horizon - begin).astype(np.float64)
    return float((earned.net * span).sum() + left - out)


def book_value(minute: Ints, usd: Floats, compute: NDArray[np.bool_], horizon: int, project: Project) -> Floats:
    """Return what is left of payments at the horizon: compute loses a share a month, the rest a year's part a year."""
    months = np.maximum(0.0, horizon - minute) / (YEAR / 12)
    left = np.maximum(0.0, 1 - months / 12 / project.money.ownership.infrastructure_years.value)
    left[compute] = (1 - project.money.business.obsolescence.value / 100) ** months[compute]
    return usd * left


def damages(online: Ints, ordered: Ints, horizon: int, project: Project) -> dict[str, float]:
    """Return liquidated damages, and whether the long-stop date is missed; nothing where none are agreed."""
    agreed: Damages | None = project.money.damages
    if agreed is None:
        return {}
    mw = project.block.mw_gross.value
    late = np.maximum(0.0, np.minimum(online, horizon) - ordered - agreed.promised_days.value * DAY) / DAY
    in_time = online <= ordered + agreed.long_stop_days.value * DAY
    wanted = agreed.minimum_mw.value or mw * len(online)
    return {
        "liquidated_damages_usd": float(min(agreed.cap_usd.value, mw * late.sum() * agreed.usd_per_mw_day.value)),
        "long_stop_missed": float(mw * in_time.sum() < wanted),
    }
