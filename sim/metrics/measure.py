"""Everything a run is measured by, in one place: metrics by name and daily curves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.conservation import Found, require_conserved, switched_on
from sim.metrics.critical_chain import Chain
from sim.metrics.delivery import demand_metrics, lead_times, mw_online, needed_blocks, one_order, online
from sim.metrics.money.accounts import CURVES as MONEY_CURVES
from sim.metrics.money.accounts import Purse, keep_books, money_curves, money_metrics, with_budget
from sim.metrics.money.capital import capital_metrics
from sim.metrics.money.ledger import Run, ledger, told
from sim.metrics.record import Index, Record
from sim.metrics.workforce import headcount, hours, offsite_hours, paid_hours_by_day, payroll
from sim.plan.compile import CompiledPlan
from sim.plan.layout import Layout
from sim.world.calendars.working_time import Calendar

Floats = NDArray[np.float64]
CURVES = ("mw_online", "headcount", *MONEY_CURVES)


@dataclass(frozen=True)
class Yardstick:
    """What all runs of a plan are measured with."""

    project: Project
    layout: Layout
    index: Index
    purse: Purse
    days: int
    paid_by_day: Floats

    @cached_property
    def mitigation_usd(self) -> float:
        """Return what measures against risks cost, in every run."""
        return self.project.risks.mitigation_usd

    @classmethod
    def of(cls, project: Project, layout: Layout, plan: CompiledPlan, site: Calendar) -> Yardstick:
        """Prepare the look-ups for a plan; curves run to the evaluation horizon."""
        index = Index.of(plan)
        days = project.money.horizon_days
        paid = paid_hours_by_day(site, days) / len(project.pattern.shifts)
        return cls(project, layout, index, Purse.of(project, layout, index), days, paid)

    def budgeted(self, planned: Record) -> Yardstick:
        """Return this yardstick with the planned cost: that of the run without luck."""
        people = headcount(planned, self.project, self.days)
        return replace(self, purse=with_budget(self.purse, Run.of(planned, people, self.paid_by_day)))


def ledger_of(yardstick: Yardstick, record: Record) -> dict[str, NDArray[np.generic]]:
    """Return the ledger of one run as people read it: columns day, item, event, usd."""
    people = headcount(record, yardstick.project, yardstick.days)
    run = Run.of(record, people, yardstick.paid_by_day)
    return told(ledger(run, yardstick.purse.bought, yardstick.project), yardstick.index)


def glance(yardstick: Yardstick, record: Record) -> tuple[dict[str, float], dict[str, Floats]]:
    """Return the few metrics and curves that are looked at while a slider moves: the same numbers, in less time."""
    project, days = yardstick.project, yardstick.days
    blocks = online(record, yardstick.layout, project)
    people = headcount(record, project, days)
    run = Run.of(record, people, yardstick.paid_by_day)
    books = keep_books(yardstick.purse, run, blocks, needed_blocks(record, project))
    cost = project.money.cost_of_capital.value
    mw = float(blocks.mw[blocks.wanted].sum())
    metrics = {
        **lead_times(blocks, one_order(yardstick.layout, project)),
        "peak_workforce_onsite": float(people.total.max(initial=0)),
        **capital_metrics(books.courses, yardstick.purse.compute, mw, cost),
    }
    deployed, in_service, *_ = books.courses.daily()
    return metrics, {
        "mw_online": mw_online(blocks, days),
        "headcount": people.total.astype(np.float64),
        "idle_capital_usd": deployed - in_service,
    }


def measure(yardstick: Yardstick, record: Record) -> tuple[dict[str, float], dict[str, Floats]]:
    """Return (metrics, curves) of one run; curves have one value a day from day 0 to the horizon."""
    project, days = yardstick.project, yardstick.days
    blocks = online(record, yardstick.layout, project)
    people = headcount(record, project, days)
    needed = needed_blocks(record, project)
    run = Run.of(record, people, yardstick.paid_by_day)
    books = keep_books(yardstick.purse, run, blocks, needed)
    metrics = {
        **lead_times(blocks, one_order(yardstick.layout, project)),
        **demand_metrics(blocks, needed, yardstick.layout, project),
        "peak_workforce_onsite": float(people.total.max(initial=0)),
        "peak_payroll": float(payroll(people, project)),
        "risk_mitigation_usd": yardstick.mitigation_usd,
        **hours(record, people, yardstick.paid_by_day),
        "offsite_hours_paid": offsite_hours(record, project),
        **money_metrics(yardstick.purse, run, books, blocks),
        **Chain(record).days(),
    }
    curves = {
        "mw_online": mw_online(blocks, days),
        "headcount": people.total.astype(np.float64),
        **money_curves(books, days),
    }
    if switched_on():
        require_conserved(Found(project, run, blocks, yardstick.purse.bought, metrics, curves))
    return metrics, curves
