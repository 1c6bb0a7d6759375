"""Earnings of capital and costs of its waiting, from payments and the minutes at which blocks are online.

Three parts, each a set of formulas on arrays: the business (revenue, obsolescence, damages, present value and peak
funding); financing (drawdowns of equity and debt, interest until the MW are online); and ownership (the cost
of a GPU-hour for one owner of all layers, and for a tenant of owners of whom each adds a margin).

All formulas count to the evaluation horizon: a block that is not online by then earns nothing and is late until then.
Yearly or monthly rates are turned into a continuous rate per minute, so that discounting is one exponential.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import fsum, nan

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.config.sections.money import Business, Damages, Finance
from sim.metrics.event_log import DAY, MONTH, Ints
from sim.metrics.kernels.interface import Kernels
from sim.metrics.kernels.numpy_kernels import NUMPY
from sim.metrics.money.capital import CapitalTimeline

# --- business ---------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]
YEAR = 365.25 * DAY
"""Minutes of a year."""
HOURS_PER_YEAR = 365.25 * 24
REVENUE_DAYS = 730
"""Days after the first order up to which `revenue_to_day_730_usd` counts."""


@dataclass(frozen=True)
class Earning:
    """Earnings by block, in the order in which blocks begin to earn: the minute from then on, and dollars a minute.

    `minute` is `NEVER` for a block that never earns; `gross` is revenue, `net` revenue less energy and operation.
    """

    minute: Ints
    gross: Floats
    net: Floats
    kernels: Kernels = NUMPY

    def until(self, moment: Floats) -> Floats:
        """Return the dollars of net revenue earned up to each of these minutes, which must rise."""
        return self.kernels.earned_until(self.minute, self.net, moment)


def earning(minute: Ints, revenue_factor: Floats, project: Project, kernels: Kernels = NUMPY) -> Earning:
    """Return the earnings of blocks from the given minutes on; `revenue_factor` is by block, 1 for the first generation."""
    business, block = project.money.business, project.block
    # by date, as running sums up to a moment need it; stable, so that ties keep the order of blocks
    order = np.argsort(minute, kind="stable")
    gross = business.usd_per_mw_it_year.value * block.mw_it.value / YEAR * revenue_factor[order]
    cost = running_cost(business, block.mw_gross.value)
    return Earning(minute[order], gross, gross - fsum(cost.values()) / YEAR, kernels)


def running_cost(business: Business, mw_gross: float) -> dict[str, float]:
    """Return dollars a year for energy and operations of so many MW."""
    usd_per_mwh = business.energy_usd_per_mwh.value * business.energy_price_factor.value
    return {
        "energy": mw_gross * business.load.value * HOURS_PER_YEAR * usd_per_mwh,
        "operations": mw_gross * business.operations_usd_per_mw_year.value,
    }


def revenue_to(earned: Earning, minute: float) -> float:
    """Return the dollars of gross revenue up to a minute."""
    return float((earned.gross * np.maximum(0.0, minute - earned.minute)).sum())


def peak_funding(minute: Ints, usd: Floats, earned: Earning) -> float:
    """Return the peak of the dollars that must be funded: payments less net revenue until then.

    `minute` is in order. Between two payments the need only falls, so its peak is at one of them.
    """
    if not len(minute):
        return 0.0
    funding_need = np.cumsum(usd) - earned.until(minute.astype(np.float64))
    return float(max(0.0, funding_need.max()))


def foregone(online: Ints, ordered: Ints, horizon: int, project: Project) -> float:
    """Return the dollars of revenue foregone by all MW-IT from their target date until they are online, or to the horizon.

    `online` and `ordered` are minutes by block.
    """
    usd_per_minute = project.money.business.usd_per_mw_it_year.value * project.block.mw_it.value / YEAR
    # from each block's own order: one that is ordered later has a later target
    target = ordered + project.scale.target_days * DAY
    minutes_late = np.maximum(0.0, np.minimum(online, horizon) - target)
    return float(usd_per_minute * minutes_late.sum())


def obsolescence(title: Ints, online: Ints, usd: Floats, horizon: int, percent_per_month: float) -> float:
    """Return the dollars lost by compute between title and online: Σ V (1 − (1 − d)^m) over parts of blocks.

    V is the dollars paid, d the loss in a month, m the months from title to online or to the horizon.
    """
    months = np.maximum(0.0, np.minimum(online, horizon) - title) / (YEAR / 12)
    # compounded: a share of what is left, month by month
    share_kept = (1 - percent_per_month / 100) ** months
    return float((usd * (1 - share_kept)).sum())


def net_present_value(
    paid: tuple[Ints, Floats], book: Floats, earned: Earning, horizon: int, percent_per_year: float
) -> float:
    """Return the net present value at minute 0 in dollars: net revenue less payments up to the horizon, plus book value.

    `paid` is (minute, dollars), by date; `book` what is left of each of them at the horizon, in dollars.
    """
    minute, usd = paid
    # the continuous rate that gives the yearly one: any minute is discounted by one exponential
    rate = np.log1p(percent_per_year / 100) / YEAR
    # payments beyond the horizon are left out on both sides: neither cost nor book value
    within_horizon = slice(np.searchsorted(minute, horizon, side="right"))
    discounted_payments = (usd[within_horizon] * np.exp(-rate * minute[within_horizon])).sum()
    discounted_book = book[within_horizon].sum() * np.exp(-rate * horizon)
    # blocks that come online after the horizon earn nothing
    begin = np.minimum(earned.minute, horizon)
    # the integral of e^(-rate × t); where money costs nothing the formula would be 0/0
    if rate:
        discounted_minutes = (np.exp(-rate * begin) - np.exp(-rate * horizon)) / rate
    else:
        discounted_minutes = (horizon - begin).astype(np.float64)
    return float((earned.net * discounted_minutes).sum() + discounted_book - discounted_payments)


def book_value(minute: Ints, usd: Floats, compute: NDArray[np.bool_], horizon: int, project: Project) -> Floats:
    """Return by payment its book value at the horizon in dollars: compute by a share a month, the rest straight-line."""
    months = np.maximum(0.0, horizon - minute) / (YEAR / 12)
    share_left = np.maximum(0.0, 1 - months / 12 / project.money.ownership.infrastructure_years.value)
    # compute is written down by what newer chips leave of it, not by its age alone
    rows = np.flatnonzero(compute)
    share_left[rows] = (1 - project.money.business.obsolescence.value / 100) ** months[rows]
    return usd * share_left


def damages(online: Ints, ordered: Ints, horizon: int, project: Project) -> dict[str, float]:
    """Return liquidated damages in dollars, and 1 if the long-stop date is missed, else 0; empty where none are agreed."""
    terms: Damages | None = project.money.damages
    if terms is None:
        return {}
    mw = project.block.mw_gross.value
    days_late = np.maximum(0.0, np.minimum(online, horizon) - ordered - terms.promised_days.value * DAY) / DAY
    in_time = online <= ordered + terms.long_stop_days.value * DAY
    # 0 stands for all that was ordered
    minimum_mw = terms.minimum_mw.value or mw * len(online)
    return {
        "liquidated_damages_usd": float(min(terms.cap_usd.value, mw * days_late.sum() * terms.usd_per_mw_day.value)),
        "long_stop_missed": float(mw * in_time.sum() < minimum_mw),
    }


# --- finance ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawdowns:
    """All payments of a run by date: minute, item, dollars, dollars of it that are debt; and index of its ledger entry."""

    minute: Ints
    item: Ints
    usd: Floats
    debt: Floats
    entry: Ints


def drawdowns(minute: Ints, item: Ints, cents: Ints, finance: Finance, kernels: Kernels = NUMPY) -> Drawdowns:
    """Return the drawdowns of equity and debt by payment: debt by the gearing ratio, or only once equity is spent."""
    order = kernels.stable_order(minute)
    usd, gearing = cents[order] / 100, finance.gearing.value
    debt = usd * gearing
    if finance.draw == "equity_first":
        # in whole minutes: within one of them no payment comes before another
        debt = usd * _debt_shares(minute[order], usd, (1 - gearing) * usd.sum())
    return Drawdowns(minute[order], item[order], usd, debt, order)


def _debt_shares(minute: Ints, usd: Floats, equity: float) -> Floats:
    """Return by payment the share that exceeds the equity, in 0..1; payments of one minute have the same share."""
    first_of_minute = np.flatnonzero(np.diff(minute, prepend=-1))
    # `reduceat` refuses an empty list of begins
    paid_in_minute = np.add.reduceat(usd, first_of_minute) if len(first_of_minute) else usd
    debt = np.diff(np.maximum(np.cumsum(paid_in_minute) - equity, 0.0), prepend=0.0)
    # a minute whose payments cancel out draws nothing, and has no share
    shares = np.divide(debt, paid_in_minute, out=np.zeros(len(paid_in_minute)), where=paid_in_minute != 0)
    return np.repeat(shares, np.diff(np.append(first_of_minute, len(minute))))


def interest(timeline: CapitalTimeline, percent_per_year: float) -> float:
    """Return the dollars of interest on debt until the blocks it was drawn for are online, or to the horizon.

    Compounded monthly: a drawdown D for an item, of which block b is the share w, costs D × Σ w ((1 + r/12)^m − 1), m the
    months from the drawdown to b online; a block online before it costs nothing, one that is never online costs interest
    up to the horizon.
    """
    if not percent_per_year or not len(timeline.debt):
        return 0.0
    # compounded by the month, at any minute: (1 + r/12)^m with a real m
    rate = np.log1p(percent_per_year / 1200) / MONTH
    debt_drawdowns = timeline.kernels.debt_drawdowns(timeline.table)
    # one exponential a minute: the factor between two minutes is the quotient of theirs
    growth, growth_at_change = (
        np.exp(rate * np.minimum(minute, timeline.horizon))
        for minute in (debt_drawdowns.minute, debt_drawdowns.change_minute)
    )
    # by the number of changes that have been, from none
    cumulated = np.zeros(len(debt_drawdowns.change) + 1)
    np.cumsum(debt_drawdowns.change * growth_at_change, out=cumulated[1:])
    # what comes online after a drawdown ends its interest then; what is never online, at the horizon
    until_online = cumulated[debt_drawdowns.in_the_end] - cumulated[debt_drawdowns.so_far]
    share_never_online = 1.0 - debt_drawdowns.share_last
    at_horizon = share_never_online * np.exp(rate * timeline.horizon)
    factor = (until_online + at_horizon) / growth - (1.0 - debt_drawdowns.share)
    return float((debt_drawdowns.debt * factor).sum()) / 100  # no matrix product, see `wages`


def paid_by_month(minute: Ints, usd: Floats, days: int) -> Floats:
    """Return by month the dollars paid within so many days, by date; months as in `months_of`."""
    within = slice(np.searchsorted(minute, days * DAY))
    sums = np.bincount(minute[within] // MONTH, usd[within], len(months_of(days)[0]) - 1)
    return np.asarray(sums, np.float64)


@lru_cache(maxsize=8)
def months_of(days: int) -> tuple[Floats, Ints]:
    """Return the minutes at which months begin and the last one ends, and by day its month; every run asks for the same.

    Months are of equal length, not of the calendar: steps of a curve must not depend on the start date.
    """
    return np.arange(days * DAY // MONTH + 2, dtype=np.float64) * MONTH, np.arange(days) * DAY // MONTH


# --- ownership --------------------------------------------------------------------------------------------------------


COST_PARTS = ("chips", "shell", "power", "energy", "operations", "financing")
"""Parts of the cost of a GPU-hour; the first three are capital spread evenly over its life, without interest."""


@dataclass(frozen=True)
class Layers:
    """Cost of each layer in dollars a year, GPU-hours sold a year, running cost by kind and depreciation in dollars a year.

    `depreciation` is straight-line, of chips, shell and power plant; the cost of the layers beyond it and the running cost
    is financing.
    """

    land: float
    energy: float
    building: float
    operation: float
    compute: float
    gpu_hours: float
    running: Mapping[str, float]
    depreciation: tuple[float, float, float]

    @property
    def owned(self) -> float:
        """Return the dollars a year of all layers together, for one owner."""
        return self.land + self.energy + self.building + self.operation + self.compute


def layers(
    project: Project, mw: float, land: float, energise: float, building: float, compute: float, carrying: float = 0.0
) -> Layers:
    """Return the layers of a project with so many MW; the other numbers are dollars of capital.

    Capital is spread over its life by the capital recovery factor at the cost of capital; so is `carrying`, the carrying
    cost of idle capital, with the building.
    """
    money, ownership = project.money, project.money.ownership
    rate = money.cost_of_capital.value / 100
    annuity_factor = recovery(rate, ownership.infrastructure_years.value)
    costs = running_cost(money.business, mw)
    gpus = mw / project.block.mw_gross.value * project.block.mw_it.value * ownership.gpus_per_mw_it.value
    years, compute_years = ownership.infrastructure_years.value, ownership.compute_years.value
    return Layers(
        land * rate,
        costs["energy"] + energise * annuity_factor,
        (building + carrying) * annuity_factor,
        costs["operations"],
        compute * recovery(rate, compute_years),
        gpus * HOURS_PER_YEAR * ownership.utilisation.value,
        costs,
        (compute / compute_years, building / years, energise / years),
    )


def recovery(rate: float, years: float) -> float:
    """Return the yearly payment that returns a dollar with interest over so many years."""
    # an annuity; without interest the formula is 0/0, and its limit the straight line
    return float(rate / (1 - (1 + rate) ** -years)) if rate else 1 / years


def rented(cost: Layers, project: Project, year: float = 0.0) -> float:
    """Return the same costs a year, in dollars, where each layer adds its margin to its own cost and to all it buys.

    The landlord builds on rented land; the operator rents the building and buys power; the computers' owner pays
    the operator. The margin on compute falls by a share a year; the others stay.
    """
    margins = project.money.ownership.margins
    margin_kept = 1 - project.money.ownership.compute_margin_falls.value / 100
    # each layer buys from those before it: margins are paid on margins
    land = cost.land * (1 + margins.land.value)
    energy = cost.energy * (1 + margins.energy.value)
    building = (cost.building + land) * (1 + margins.building.value)
    operation = (cost.operation + building + energy) * (1 + margins.operation.value)
    return float((cost.compute + operation) * (1 + margins.compute.value * margin_kept**year))


def per_gpu_hour(cost: Layers, project: Project) -> dict[str, float]:
    """Return the cost of a GPU-hour owned and rented, in dollars, and the share that owning saves: today and in three years.

    Not-a-number where nothing was built.
    """
    today, later, hours = rented(cost, project), rented(cost, project, 3.0), cost.gpu_hours or nan
    return {
        "cost_per_gpu_hour_usd": cost.owned / hours,
        "rented_gpu_hour_usd": today / hours,
        "owning_saves_share": 1 - cost.owned / today if today else 0.0,
        "owning_saves_share_year_3": 1 - cost.owned / later if later else 0.0,
    }


def gpu_hour_parts(cost: Layers, project: Project) -> dict[str, float]:
    """Return the parts of the cost of an owned GPU-hour, and the cost of a million output tokens, in dollars.

    The parts add up to `cost_per_gpu_hour_usd`; financing is the rest of the annuities beyond straight-line
    depreciation, and land, which is not depreciated. Tokens only where their throughput is stated.
    """
    hours, tokens_per_hour = cost.gpu_hours or nan, project.money.ownership.tokens_per_gpu_second.value * 3600 / 1e6
    parts_but_financing = (*cost.depreciation, cost.running["energy"], cost.running["operations"])
    parts = dict(zip(COST_PARTS, (*parts_but_financing, cost.owned - fsum(parts_but_financing)), strict=True))
    # both per hour in which the GPU is used: utilisation is in the hours already
    tokens = {"cost_per_million_tokens_usd": cost.owned / hours / tokens_per_hour} if tokens_per_hour else {}
    return {f"gpu_hour_{name}_usd": usd / hours for name, usd in parts.items()} | tokens


def gross_margin(project: Project, mw: float, infrastructure: float, compute: float) -> float:
    """Return (revenue − energy − operation − straight-line depreciation) / revenue of a full year."""
    business, ownership = project.money.business, project.money.ownership
    revenue = business.usd_per_mw_it_year.value * mw / project.block.mw_gross.value * project.block.mw_it.value
    depreciation = infrastructure / ownership.infrastructure_years.value + compute / ownership.compute_years.value
    return (revenue - fsum(running_cost(business, mw).values()) - depreciation) / revenue if revenue else 0.0
