"""The money metrics and curves of one run, from its books (DESIGN §7).

The books of one run: its ledger, the course of every item of capital, its draws, and what its blocks earn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.config.sections.money import PARTS
from sim.metrics.delivery import NeededBlocks, Online, matched
from sim.metrics.money.capital import MONTH_DAYS, Claims, Courses, capital_metrics, followed, over
from sim.metrics.money.contracts import STANDING, Contracts, contracts
from sim.metrics.money.finance import (
    MARK_DAYS,
    Draws,
    Earning,
    book_value,
    damages,
    draws,
    earning,
    foregone,
    gross_margin,
    interest,
    layers,
    monthly,
    net_present_value,
    obsolescence,
    peak_funding,
    per_gpu_hour,
    revenue_to,
    running,
    running_cost,
)
from sim.metrics.money.in_service import NEVER, in_clusters, moments
from sim.metrics.money.ledger import Ledger, Run, ledger
from sim.metrics.record import DAY, MONTH, Index, Ints
from sim.plan.layout import Layout

# --- books ------------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Purse:
    """What the money of all runs of a plan is measured with."""

    project: Project
    layout: Layout
    bought: Contracts
    planned_usd: float = 0.0
    planned_compute_usd: float = 0.0

    @classmethod
    def of(cls, project: Project, layout: Layout, index: Index) -> Purse:
        """Work out what is bought and when it is due; the planned cost comes from the run without luck."""
        return cls(project, layout, contracts(index, layout, project))

    @cached_property
    def land(self) -> Ints:
        """Return which items of the ledger are land."""
        return np.flatnonzero([name.startswith("land/") for name in self.bought.names])

    @cached_property
    def lot(self) -> Ints:
        """Return for everything that serves which lot it is authorised with."""
        return self.bought.group[self.bought.serving.item]

    @cached_property
    def lot_kw(self) -> Floats:
        """Return how many kW every lot serves."""
        lots = int(self.bought.group.max(initial=-1)) + 1
        return np.bincount(self.lot, self.bought.serving.kw, lots).astype(np.float64)

    @cached_property
    def part(self) -> Ints:
        """Return the part of the capital that every item of the ledger belongs to."""
        return np.append(self.bought.part, np.full(len(STANDING), PARTS.index("shell_and_systems")))

    @cached_property
    def compute(self) -> NDArray[np.bool_]:
        """Return which items of the ledger are compute."""
        return np.append(self.bought.compute, np.zeros(len(STANDING), np.bool_))


def with_budget(purse: Purse, planned: Run) -> Purse:
    """Return a purse that knows what the project costs as planned."""
    total = ledger(planned, purse.bought, purse.project).total / 100
    return replace(purse, planned_usd=float(total.sum()), planned_compute_usd=float(total[purse.compute].sum()))


@dataclass(frozen=True)
class Books:
    """The money of one run: its ledger, the course of every item, its draws, and what its blocks earn."""

    entries: Ledger
    courses: Courses
    draws: Draws
    earned: Earning
    online: Ints


def keep_books(purse: Purse, run: Run, blocks: Online, needed: NeededBlocks | None) -> Books:
    """Return the books of one run."""
    project = purse.project
    business, horizon = project.money.business, project.money.horizon_days * DAY
    online = np.where(blocks.reached, blocks.minute, NEVER)
    entries = ledger(run, purse.bought, project)
    useful = in_clusters(online, int(blocks.wanted.sum()), business.minimum_cluster_blocks)
    wanted = np.flatnonzero(blocks.ordered >= 0)
    drawn = draws(entries.minute, entries.item, entries.cents, project.money.finance)
    debt = np.empty(len(drawn.debt))
    debt[drawn.entry] = drawn.debt * 100
    block_kw = project.block.mw_gross.value * 1000
    claims = Claims(
        entries, debt, run.when, purse.bought, moments(online, useful, purse.layout), online[wanted], block_kw
    )
    found = followed(claims, _built(purse, wanted), horizon)
    from_then = np.maximum(useful, matched(online, needed))
    earned = earning(from_then, entries.revenue, project)
    return Books(entries, found, drawn, earned, online)


def _built(purse: Purse, wanted: Ints) -> Floats:
    """Return the kW every item of the ledger was built to serve."""
    whole = max(1, len(wanted)) * purse.project.block.mw_gross.value * 1000
    return np.append(purse.bought.serving.built, np.full(len(STANDING), whole))


# --- money ------------------------------------------------------------------------------------------------------------


CURVES = (
    "capital_deployed_usd",
    "capital_in_service_usd",
    "capital_committed_usd",
    "exposure_usd",
    "cash_flow_usd_per_month",
    "equity_drawn_usd",
    "debt_drawn_usd",
)


def money_metrics(purse: Purse, run: Run, books: Books, blocks: Online) -> dict[str, float]:
    """Return the money metrics of DESIGN §7 of one run."""
    project, entries = purse.project, books.entries
    horizon, total = project.money.horizon_days * DAY, entries.total.astype(np.float64)
    wanted = blocks.wanted
    mw, cost_of_capital = float(blocks.mw[wanted].sum()), project.money.cost_of_capital.value
    found = capital_metrics(books.courses, purse.compute, mw, cost_of_capital)
    late = books.online[wanted], blocks.ordered[wanted], horizon
    parts = _split(purse, total)
    return {
        **found,
        **parts,
        "authorised_idle_months": authorised(purse, books, blocks) / MONTH_DAYS,
        "exposure_at_first_mw_usd": _exposed_at_first(books),
        "censored": float((books.online[wanted] > horizon).any()),
        "interest_during_construction_usd": interest(books.courses, project.money.finance.debt_rate.value),
        "obsolescence_cost_usd": _obsolescence(purse, run, books, horizon),
        "foregone_revenue_usd": foregone(*late, project),
        "revenue_to_day_730_usd": revenue_to(books.earned, blocks.start + MARK_DAYS * DAY),
        "peak_net_funding_usd": peak_funding(books.draws.minute, books.draws.usd, books.earned),
        "npv_usd": _value(purse, books, horizon),
        **_budget(purse, total),
        **damages(*late, project),
        **_yearly(purse, parts, total, mw, found["carrying_cost_usd"]),
    }


def _split(purse: Purse, total: Floats) -> dict[str, float]:
    """Return the capital by part: to energise, shell and systems (with people and site), compute."""
    sums = np.bincount(purse.part, total, len(PARTS)) / 100
    return {f"capital_{name}_usd": float(usd) for name, usd in zip(PARTS, sums, strict=True)}


def authorised(purse: Purse, books: Books, blocks: Online) -> float:
    """Return the days from each lot's authorisation to the mean of its MW online, weighted by what it costs.

    A lot is everything of one kind that is authorised with one order; people and site are authorised with each.
    """
    bought, entries, serving = purse.bought, books.entries, purse.bought.serving
    horizon = purse.project.money.horizon_days * DAY
    online = np.minimum(books.online, horizon).astype(np.float64)
    at = np.minimum(moments(books.online, books.online, purse.layout)[serving.moment], horizon)
    mean = np.bincount(purse.lot, serving.kw * at, len(purse.lot_kw)) / purse.lot_kw
    since = _authorised_on(purse, blocks)
    contracts_ = entries.total[: len(bought.names)]
    waited = (contracts_ * (mean[bought.group] - since)).sum()
    wanted = blocks.ordered >= 0
    standing = entries.total[len(bought.names) :].sum()
    waited += standing * (float((online - blocks.ordered)[wanted].mean()) if wanted.any() else 0.0)
    return over(waited, float(entries.total.sum())) / DAY


def _authorised_on(purse: Purse, blocks: Online) -> Ints:
    """Return the minute at which every contract was authorised: with its place."""
    dated = purse.bought.authorised
    return np.where(dated >= 0, dated, blocks.ordered[purse.bought.block])


def _exposed_at_first(books: Books) -> float:
    """Return what could be lost on the day the first MW is online; all of it if none ever is."""
    found, first = books.courses, int(books.online.min())
    at = (found.minute <= first) & (found.until > first) | (found.until == found.horizon) & (first >= found.horizon)
    return float(found.exposed[at].sum()) / 100


def _obsolescence(purse: Purse, run: Run, books: Books, horizon: int) -> float:
    """Return what compute loses in value between title and service."""
    title = purse.bought.title
    when = run.when[title.step]
    there = when >= 0
    item = title.item[there]
    usd = books.entries.total[item] / 100 * title.share[there]
    online = books.online[purse.bought.block[item]]
    return obsolescence(when[there], online, usd, horizon, purse.project.money.business.obsolescence.value)


def _value(purse: Purse, books: Books, horizon: int) -> float:
    """Return the net present value on the project's first day."""
    drawn, project = books.draws, purse.project
    book = book_value(drawn.minute, drawn.usd, purse.compute[drawn.item], horizon, project)
    return net_present_value(
        (drawn.minute, drawn.usd), book, books.earned, horizon, project.money.cost_of_capital.value
    )


def _budget(purse: Purse, total: Floats) -> dict[str, float]:
    """Return the approved budget (planned cost and contingency), what is drawn of the contingency, and the overrun."""
    planned = purse.planned_usd
    if not planned:
        return {}
    contingency = purse.project.money.contingency.share.value * (planned - purse.planned_compute_usd)
    beyond = float(total.sum()) / 100 - planned
    return {
        "budget_usd": planned + contingency,
        "contingency_drawn_usd": min(contingency, max(0.0, beyond)),
        "cost_over_budget_usd": beyond - contingency,
    }


def _yearly(purse: Purse, parts: Mapping[str, float], total: Floats, mw: float, carrying: float) -> dict[str, float]:
    """Return what it costs to run a year, and what a GPU-hour costs."""
    project, usd = purse.project, total / 100
    finance, run = project.money.finance, running_cost(project.money.business, mw)
    financing = finance.gearing.value * finance.debt_rate.value / 100 * float(usd.sum())
    land = float(usd[purse.land].sum())
    energise, shell, compute = (parts[f"capital_{part}_usd"] for part in PARTS)
    cost = layers(project, mw, land, energise, shell - land + carrying, compute)
    return {
        "opex_financing_usd_per_year": financing,
        "opex_energy_usd_per_year": run["energy"],
        "opex_operations_usd_per_year": run["operations"],
        "opex_usd_per_year": financing + sum(run.values()),
        **per_gpu_hour(cost, project),
        "gross_margin_share": gross_margin(project, mw, energise + shell, compute),
    }


def money_curves(books: Books, days: int) -> dict[str, Floats]:
    """Return the curves of money by day: deployed, in service, committed, exposed; cash by the month; draws."""
    drawn = books.draws
    return {
        **dict(zip(CURVES, books.courses.daily(), strict=False)),
        "cash_flow_usd_per_month": _cash_flow(books, days),
        "equity_drawn_usd": running(drawn.minute, drawn.usd - drawn.debt, days),
        "debt_drawn_usd": running(drawn.minute, drawn.debt, days),
    }


def _cash_flow(books: Books, days: int) -> Floats:
    """Return net revenue less payments of the month in which each day lies."""
    ends = np.arange(days * DAY // MONTH + 2, dtype=np.float64) * MONTH
    earned = np.diff(books.earned.until(ends))[np.arange(days) * DAY // MONTH]
    return np.asarray(earned - monthly(books.draws.minute, books.draws.usd, days), np.float64)
