"""The books of one run: its ledger, the course of every item of capital, its draws, and what its blocks earn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.config.money import PARTS
from sim.config.project import Project
from sim.metrics.business import Earning, earning
from sim.metrics.capital import Courses
from sim.metrics.claims import Claims, followed
from sim.metrics.contracts import Contracts, contracts
from sim.metrics.delivery import Online
from sim.metrics.finance import Draws, draws
from sim.metrics.ledger import Ledger, Run, ledger
from sim.metrics.needed import Needs, matched
from sim.metrics.record import DAY, Index, Ints
from sim.metrics.serving import NEVER, in_clusters, moments
from sim.metrics.standing import STANDING
from sim.plan.layout import Layout

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


def keep_books(purse: Purse, run: Run, blocks: Online, needed: Needs | None) -> Books:
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
