"""The accounts of one run, and the money metrics and curves that follow from them.

`keep_accounts` works out once per run the parts that all money metrics share: ledger, capital over time, drawdowns of debt
and equity, and earnings of blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import fsum

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.config.sections.money import PARTS
from sim.metrics.delivery import NeededBlocks, Online, useful_from
from sim.metrics.event_log import DAY, Ints, PlanIndex, running_total
from sim.metrics.kernels.interface import NEVER
from sim.metrics.money.capital import MONTH_DAYS, CapitalTimeline, capital_events, capital_metrics, ratio
from sim.metrics.money.contracts import STANDING_COSTS, Contracts, contracts
from sim.metrics.money.finance import (
    REVENUE_DAYS,
    Drawdowns,
    Earning,
    book_value,
    damages,
    drawdowns,
    earning,
    foregone,
    gpu_hour_parts,
    gross_margin,
    interest,
    layers,
    months_of,
    net_present_value,
    obsolescence,
    paid_by_month,
    peak_funding,
    per_gpu_hour,
    revenue_to,
    running_cost,
)
from sim.metrics.money.in_service import in_clusters, moments
from sim.metrics.money.ledger import Ledger, ReportedPayments, Run, ledger, reconciled
from sim.plan.layout import Layout

# --- cost model -------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CostModel:
    """The parts of measuring money that all runs of a plan share: contracts, layout, planned cost, reported payments."""

    project: Project
    layout: Layout
    contracts: Contracts
    planned_usd: float = 0.0
    planned_compute_usd: float = 0.0
    reported: ReportedPayments | None = None
    """Payments that a project under way has reported."""

    @classmethod
    def of(cls, project: Project, layout: Layout, plan_index: PlanIndex) -> CostModel:
        """Work out the contracts of a plan; the planned cost comes later, from the deterministic run."""
        return cls(project, layout, contracts(plan_index, layout, project))

    @property
    def standing(self) -> int:
        """Return how many items of the ledger are standing costs or the reconciliation, not contracts."""
        return len(STANDING_COSTS) + (self.reported is not None)

    def ledger(self, run: Run) -> Ledger:
        """Return the ledger of a run, reconciled with the payments that were reported until the data date."""
        entries = ledger(run, self.contracts, self.project)
        return entries if self.reported is None else reconciled(entries, self.reported)

    @cached_property
    def land(self) -> Ints:
        """Return the numbers of the ledger's items that are land."""
        return np.flatnonzero([name == "land" for name in self.contracts.prices])

    @cached_property
    def lot(self) -> Ints:
        """Return by row of `contracts.serving` the number of the lot that its item is authorised with."""
        return self.contracts.group[self.contracts.serving.item]

    @cached_property
    def lot_kw(self) -> Floats:
        """Return by lot the kW that it serves."""
        lots = int(self.contracts.group.max(initial=-1)) + 1
        return np.bincount(self.lot, self.contracts.serving.kw, lots).astype(np.float64)

    def built_kw(self, ordered_blocks: int) -> Floats:
        """Return by item of the ledger the kW that it was built to serve, where so many blocks are ordered."""
        if ordered_blocks not in self._built_kw:
            # people and site serve every block that was ordered, and none alone; 1 avoids a division by 0
            all_kw = max(1, ordered_blocks) * self.project.block.mw_gross.value * 1000
            self._built_kw[ordered_blocks] = np.append(self.contracts.serving.built, np.full(self.standing, all_kw))
        return self._built_kw[ordered_blocks]

    @cached_property
    def _built_kw(self) -> dict[int, Floats]:
        return {}

    @cached_property
    def part(self) -> Ints:
        """Return by item of the ledger its part of the capital, as an index into `PARTS`."""
        return np.append(self.contracts.part, np.full(self.standing, PARTS.index("shell_and_systems")))

    @cached_property
    def compute(self) -> NDArray[np.bool_]:
        """Return by item of the ledger whether it is compute."""
        return np.append(self.contracts.compute, np.zeros(self.standing, np.bool_))


def with_budget(cost_model: CostModel, planned: Run) -> CostModel:
    """Return a cost model with the planned cost of the project, from the deterministic run."""
    total = ledger(planned, cost_model.contracts, cost_model.project).total / 100
    return replace(
        cost_model, planned_usd=float(total.sum()), planned_compute_usd=float(total[cost_model.compute].sum())
    )


@dataclass(frozen=True)
class Accounts:
    """The accounts of one run, from which all money metrics are worked out.

    They are its ledger, the timeline of every item of capital, drawdowns of equity and debt, and the earnings of its blocks.
    `online` is the minute by block, `NEVER` where it never comes online; `online_moments` is `moments` if compute is useful
    as soon as its block is online.
    """

    cost_model: CostModel
    run: Run
    blocks: Online
    needed: NeededBlocks | None
    entries: Ledger
    timeline: CapitalTimeline
    drawdowns: Drawdowns
    earned: Earning
    online: Ints
    online_moments: Ints

    @property
    def horizon(self) -> int:
        """Return the minute up to which money is counted."""
        return self.cost_model.project.money.horizon_days * DAY


def keep_accounts(cost_model: CostModel, run: Run, blocks: Online, needed: NeededBlocks | None) -> Accounts:
    """Return the accounts of one run: ledger, timeline of capital, drawdowns and earnings."""
    project = cost_model.project
    business, horizon = project.money.business, project.money.horizon_days * DAY
    # a minute beyond all others instead of a mark, so that minima and sums over blocks need no case
    online = np.where(blocks.reached, blocks.minute, NEVER)
    entries = cost_model.ledger(run)
    useful = in_clusters(online, int(blocks.wanted.sum()), business.minimum_cluster_blocks)
    ordered_blocks = np.flatnonzero(blocks.ordered >= 0)
    kernels = run.record.kernels
    drawdowns_by_date = drawdowns(entries.minute, entries.item, entries.cents, project.money.finance, kernels)
    # drawdowns are by date, entries by item: back to the order of the ledger
    debt_cents = np.empty(len(drawdowns_by_date.debt))
    debt_cents[drawdowns_by_date.entry] = drawdowns_by_date.debt * 100
    block_kw = project.block.mw_gross.value * 1000
    online_moments = moments(online, online, cost_model.layout)
    # mostly no cluster is waited for: then both are the same
    serving_moments = online_moments if useful is online else moments(online, useful, cost_model.layout)
    events = capital_events(
        entries, debt_cents, run.when, cost_model.contracts, serving_moments, online[ordered_blocks], block_kw
    )
    built_kw = cost_model.built_kw(len(ordered_blocks))
    timeline = CapitalTimeline.of(events, built_kw, horizon, project.curve_days, kernels)
    # a block earns once its cluster is whole and it is needed; each in its own order of blocks
    earning_from = np.maximum(useful, useful_from(online, needed))
    earned = earning(earning_from, entries.revenue, project, kernels)
    return Accounts(
        cost_model, run, blocks, needed, entries, timeline, drawdowns_by_date, earned, online, online_moments
    )


# --- metrics and curves -----------------------------------------------------------------------------------------------


CURVES = (
    "capital_deployed_usd",
    "capital_in_service_usd",
    "capital_committed_usd",
    "exposure_usd",
    "cash_flow_usd_per_month",
    "equity_drawn_usd",
    "debt_drawn_usd",
)


def money_metrics(accounts: Accounts) -> dict[str, float]:
    """Return the money metrics of one run."""
    project, blocks, horizon = accounts.cost_model.project, accounts.blocks, accounts.horizon
    built, mw = blocks.wanted, blocks.wanted_mw
    online_ordered_horizon = accounts.online[built], blocks.ordered[built], horizon
    capital = capital_metrics(accounts.timeline, accounts.cost_model.compute, mw, project.money.cost_of_capital.value)
    parts = _capital_parts(accounts)
    return {
        **capital,
        **parts,
        "authorised_idle_months": authorised_idle_days(accounts) / MONTH_DAYS,
        "exposure_at_first_mw_usd": _exposure_at_first_mw(accounts),
        "censored": float((accounts.online[built] > horizon).any()),
        **_financing_costs(accounts, capital["capital_total_usd"]),
        "obsolescence_cost_usd": _obsolescence(accounts),
        "foregone_revenue_usd": foregone(*online_ordered_horizon, project),
        "revenue_to_day_730_usd": revenue_to(accounts.earned, blocks.start + REVENUE_DAYS * DAY),
        "peak_net_funding_usd": peak_funding(accounts.drawdowns.minute, accounts.drawdowns.usd, accounts.earned),
        "npv_usd": _net_present_value(accounts),
        **_budget(accounts),
        **damages(*online_ordered_horizon, project),
        **_yearly_costs(accounts, parts, mw, capital["carrying_cost_usd"]),
    }


def _capital_parts(accounts: Accounts) -> dict[str, float]:
    """Return the dollars of capital by part: to energise, shell and systems (with people and site), compute."""
    sums = np.bincount(accounts.cost_model.part, accounts.entries.total, len(PARTS)) / 100
    return {f"capital_{name}_usd": float(usd) for name, usd in zip(PARTS, sums, strict=True)}


def _financing_costs(accounts: Accounts, total: float) -> dict[str, float]:
    """Return the dollars of interest until the MW are online, of the lenders' fees, and of the capital with both."""
    finance = accounts.cost_model.project.money.finance
    interest_usd = interest(accounts.timeline, finance.debt_rate.value)
    fees = finance.fee.value * float(accounts.drawdowns.debt.sum())
    return {
        "interest_during_construction_usd": interest_usd,
        "financing_fees_usd": fees,
        "capital_with_financing_usd": total + interest_usd + fees,
    }


def authorised_idle_days(accounts: Accounts) -> float:
    """Return the days from each lot's authorisation to the mean of its MW online, weighted by what it costs.

    A lot is everything of one kind that is authorised with one order; people and site are authorised with each.
    """
    cost_model, blocks, horizon = accounts.cost_model, accounts.blocks, accounts.horizon
    contracts, entries, serving = cost_model.contracts, accounts.entries, cost_model.contracts.serving
    online = np.minimum(accounts.online, horizon).astype(np.float64)
    online_minute = np.minimum(accounts.online_moments[serving.moment], horizon)
    mean_online = np.bincount(cost_model.lot, serving.kw * online_minute, len(cost_model.lot_kw)) / cost_model.lot_kw
    authorised_minute = _authorised_minute(cost_model, blocks)
    contract_cents = entries.total[: len(contracts.names)]
    idle_cent_minutes = (contract_cents * (mean_online[contracts.group] - authorised_minute)).sum()
    ordered = blocks.ordered >= 0
    standing_cents = entries.total[len(contracts.names) :].sum()
    # standing costs have no order of their own: they are idle as long as blocks are on average
    idle_cent_minutes += standing_cents * (float((online - blocks.ordered)[ordered].mean()) if ordered.any() else 0.0)
    return ratio(idle_cent_minutes, float(entries.total.sum())) / DAY


def _authorised_minute(cost_model: CostModel, blocks: Online) -> Ints:
    """Return by contract the minute at which it was authorised: its own, else that of its block's order."""
    own_minute = cost_model.contracts.authorised
    return np.where(own_minute >= 0, own_minute, blocks.ordered[cost_model.contracts.block])


def _exposure_at_first_mw(accounts: Accounts) -> float:
    """Return the dollars that could be lost in the minute the first MW is online; if none ever is, at the horizon."""
    timeline, first_online = accounts.timeline, int(accounts.online.min())
    # the rows of all items that hold at that minute
    is_current = (timeline.minute <= first_online) & (timeline.until > first_online)
    if first_online >= timeline.horizon:  # `until` stops at the horizon, so a later minute is there
        is_current |= timeline.until == timeline.horizon
    return float(timeline.exposed[is_current].sum()) / 100


def _obsolescence(accounts: Accounts) -> float:
    """Return the dollars of value that compute loses between title and service."""
    contracts = accounts.cost_model.contracts
    percent_per_month = accounts.cost_model.project.money.business.obsolescence.value
    title = contracts.title
    title_minute = accounts.run.when[title.step]
    has_title = title_minute >= 0
    item = title.item[has_title]
    usd = accounts.entries.total[item] / 100 * title.share[has_title]
    return obsolescence(
        title_minute[has_title], accounts.online[contracts.block[item]], usd, accounts.horizon, percent_per_month
    )


def _net_present_value(accounts: Accounts) -> float:
    """Return the net present value on the project's first day, in dollars."""
    payments, project, horizon = accounts.drawdowns, accounts.cost_model.project, accounts.horizon
    book = book_value(payments.minute, payments.usd, accounts.cost_model.compute[payments.item], horizon, project)
    return net_present_value(
        (payments.minute, payments.usd), book, accounts.earned, horizon, project.money.cost_of_capital.value
    )


def _budget(accounts: Accounts) -> dict[str, float]:
    """Return in dollars the budget (planned cost and contingency), the contingency drawn, and the cost over budget."""
    cost_model, planned = accounts.cost_model, accounts.cost_model.planned_usd
    if not planned:
        return {}
    contingency = cost_model.project.money.contingency.share.value * (planned - cost_model.planned_compute_usd)
    over_plan = float(accounts.entries.total.sum()) / 100 - planned
    return {
        "budget_usd": planned + contingency,
        # a cost below plan adds nothing to the contingency
        "contingency_drawn_usd": min(contingency, max(0.0, over_plan)),
        "cost_over_budget_usd": over_plan - contingency,
    }


def _yearly_costs(accounts: Accounts, parts: Mapping[str, float], mw: float, carrying: float) -> dict[str, float]:
    """Return running costs in dollars a year, the cost of a GPU-hour, and the gross margin."""
    project, usd = accounts.cost_model.project, accounts.entries.total / 100
    finance, costs_of_year = project.money.finance, running_cost(project.money.business, mw)
    financing = finance.gearing.value * finance.debt_rate.value / 100 * float(usd.sum())
    # land is part of shell and systems in the ledger, and a layer of its own here: it is not depreciated
    land = float(usd[accounts.cost_model.land].sum())
    energise, shell, compute = (parts[f"capital_{part}_usd"] for part in PARTS)
    cost = layers(project, mw, land, energise, shell - land, compute, carrying)
    return {
        "opex_financing_usd_per_year": financing,
        "opex_energy_usd_per_year": costs_of_year["energy"],
        "opex_operations_usd_per_year": costs_of_year["operations"],
        "opex_usd_per_year": financing + fsum(costs_of_year.values()),
        **per_gpu_hour(cost, project),
        **gpu_hour_parts(cost, project),
        "gross_margin_share": gross_margin(project, mw, energise + shell, compute),
    }


def money_curves(accounts: Accounts, days: int) -> dict[str, Floats]:
    """Return dollars by day for each of `CURVES`: four of capital, cash flow of the month, equity and debt drawn."""
    drawn = accounts.drawdowns
    day = drawn.minute // DAY
    return {
        # the first four of CURVES, in the timeline's order
        **dict(zip(CURVES, accounts.timeline.daily(), strict=False)),
        "cash_flow_usd_per_month": _cash_flow(accounts, days),
        "equity_drawn_usd": running_total(day, drawn.usd - drawn.debt, days),
        "debt_drawn_usd": running_total(day, drawn.debt, days),
    }


def _cash_flow(accounts: Accounts, days: int) -> Floats:
    """Return by day the dollars of net revenue less payments of the month in which it lies: a step curve of months."""
    borders, month_of_day = months_of(days)
    earned = accounts.earned.until(borders)
    paid = paid_by_month(accounts.drawdowns.minute, accounts.drawdowns.usd, days)
    return np.asarray((earned[1:] - earned[:-1] - paid)[month_of_day], np.float64)
