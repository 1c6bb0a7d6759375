"""Everything a run is measured by, in one place: metrics by name and daily curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.checked_run import CheckedRun
from sim.metrics.conservation import require_conserved, switched_on
from sim.metrics.critical_chain import DrivingChain
from sim.metrics.delivery import demand_metrics, lead_times, mw_online, needed_blocks, online
from sim.metrics.event_log import Ints, PlanIndex, Record
from sim.metrics.kernels.interface import ChainKernels, Kernels
from sim.metrics.kernels.numpy_kernels import NUMPY
from sim.metrics.milestones import milestone_metrics
from sim.metrics.money.accounts import CURVES as MONEY_CURVES
from sim.metrics.money.accounts import Accounts, CostModel, keep_accounts, money_curves, money_metrics, with_budget
from sim.metrics.money.capital import capital_metrics
from sim.metrics.money.ledger import Run, ledger_table
from sim.metrics.workforce import headcount, hours, offsite_hours, paid_hours_by_day, payroll
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.layout import Layout
from sim.world.working_time import Calendar

Floats = NDArray[np.float64]
CURVES = ("mw_online", "headcount", *MONEY_CURVES)


def kernels_for(*, use_numba: bool) -> Kernels:
    """Return the loops over an event log: compiled, or in numpy. Only the compiled ones load numba."""
    if not use_numba:
        return NUMPY
    # imported here: these modules load numba
    from sim.metrics.kernels import capital, critical_chain, log
    from sim.metrics.kernels import ledger as ledger_kernels

    return Kernels(
        scan_log=log.scan_log,
        earned_minutes=log.earned_minutes,
        worked_minutes=log.worked_minutes,
        people_by_day=log.people_by_day,
        ledger_entries=ledger_kernels.ledger_entries,
        capital_timeline=capital.capital_timeline,
        capital_integrals=capital.capital_integrals,
        debt_drawdowns=ledger_kernels.debt_drawdowns,
        earned_until=ledger_kernels.earned_until,
        stable_order=capital.stable_order,
        chain=ChainKernels(critical_chain.walk, log.note_weather_loss, critical_chain.sum_causes),
    )


@dataclass(frozen=True)
class MetricContext:
    """The parts of measuring that all runs of a plan share: project, look-up tables, cost model, paid hours and kernels."""

    project: Project
    layout: Layout
    plan_index: PlanIndex
    cost_model: CostModel
    days: int
    paid_by_day: Floats
    kernels: Kernels = NUMPY
    since: int = 0
    """The minute until which runs are history, of a project under way."""

    @cached_property
    def mitigation_usd(self) -> float:
        """Return the dollars that measures against risks cost, in every run."""
        return self.project.risks.mitigation_usd

    @classmethod
    def of(
        cls, project: Project, layout: Layout, plan: CompiledPlan, site: Calendar, kernels: Kernels = NUMPY
    ) -> MetricContext:
        """Prepare the look-ups for a plan."""
        plan_index = PlanIndex.of(plan)
        days = project.curve_days
        # the site calendar is open in every shift, and each person works one of them
        paid = paid_hours_by_day(site, days) / len(project.pattern.shifts)
        return cls(project, layout, plan_index, CostModel.of(project, layout, plan_index), days, paid, kernels)

    def record(self, log: Ints, content: Ints, calendars: Sequence[Calendar], factors: Floats) -> Record:
        """Return a run as it is measured here."""
        return Record.of(self.plan_index, log, content, calendars, factors, self.kernels)

    def budgeted(self, planned: Record) -> MetricContext:
        """Return this context with the planned cost: that of the deterministic run."""
        people = headcount(planned, self.project, self.days)
        return replace(self, cost_model=with_budget(self.cost_model, Run.of(planned, people, self.paid_by_day)))


def accounts_of(metric_context: MetricContext, record: Record) -> Accounts:
    """Return the view of one run that its metrics share: its blocks, its people, and their money."""
    project = metric_context.project
    run = Run.of(record, headcount(record, project, metric_context.days), metric_context.paid_by_day)
    blocks = online(record, metric_context.layout, project)
    return keep_accounts(metric_context.cost_model, run, blocks, needed_blocks(record, project))


def ledger_of(metric_context: MetricContext, record: Record) -> dict[str, NDArray[np.generic]]:
    """Return the ledger of one run as people read it: columns day, item, event, usd."""
    return ledger_table(accounts_of(metric_context, record).entries, metric_context.plan_index)


def quick_metrics(metric_context: MetricContext, record: Record) -> tuple[dict[str, float], dict[str, Floats]]:
    """Return (metrics, curves) that are shown while a slider moves: a part of what `measure` returns, in less time."""
    project, days = metric_context.project, metric_context.days
    accounts = accounts_of(metric_context, record)
    blocks, people, cost = accounts.blocks, accounts.run.people, project.money.cost_of_capital.value
    metrics = {
        **lead_times(blocks, project),
        "peak_workforce_onsite": float(people.total.max(initial=0)),
        **capital_metrics(accounts.timeline, metric_context.cost_model.compute, blocks.wanted_mw, cost),
    }
    deployed, in_service, *_ = accounts.timeline.daily()
    return metrics, {
        "mw_online": mw_online(blocks, days),
        "headcount": people.total.astype(np.float64),
        "capital_deployed_usd": deployed,
        "idle_capital_usd": deployed - in_service,
    }


def measure(metric_context: MetricContext, record: Record) -> tuple[dict[str, float], dict[str, Floats]]:
    """Return (metrics, curves) of one run; curves have one value a day, to the end of the project."""
    project, days = metric_context.project, metric_context.days
    accounts = accounts_of(metric_context, record)
    blocks, run, people = accounts.blocks, accounts.run, accounts.run.people
    metrics = {
        **lead_times(blocks, project),
        **demand_metrics(blocks, accounts.needed, metric_context.layout, project),
        "peak_workforce_onsite": float(people.total.max(initial=0)),
        "peak_payroll": float(payroll(people, project)),
        "risk_mitigation_usd": metric_context.mitigation_usd,
        **hours(record, people, metric_context.paid_by_day),
        "offsite_hours_paid": offsite_hours(record, project),
        **money_metrics(accounts),
        **DrivingChain(record).days(),
        **milestone_metrics(record, blocks, metric_context.layout, project),
    }
    curves = {
        "mw_online": mw_online(blocks, days),
        "headcount": people.total.astype(np.float64),
        **money_curves(accounts, days),
    }
    # last, as the identities look at metrics and curves too
    if switched_on():
        model = metric_context.cost_model
        require_conserved(CheckedRun(project, run, blocks, model, metrics, curves, metric_context.since))
    return metrics, curves
