"""Everything a run is measured by, in one place: metrics by name and daily curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.capital import MONTH_DAYS, by_day, capital_metrics, idle
from sim.metrics.delivery import Online, lead_times, mw_online, online
from sim.metrics.ledger import Terms, ledger, terms
from sim.metrics.offsite import offsite_hours
from sim.metrics.record import DAY, Index, Record
from sim.metrics.workforce import headcount, hours, paid_hours_by_day
from sim.plan.compile import Compiled
from sim.plan.layout import Layout
from sim.world.calendars import Calendar

Floats = NDArray[np.float64]
CURVES = ("mw_online", "headcount", "capital_deployed_usd", "capital_in_service_usd")


@dataclass(frozen=True)
class Yardstick:
    """What all runs of a plan are measured with."""

    project: Project
    layout: Layout
    index: Index
    terms: Terms
    days: int
    paid_by_day: Floats

    @classmethod
    def of(cls, project: Project, layout: Layout, plan: Compiled, site: Calendar) -> Yardstick:
        """Prepare the look-ups for a plan; curves run to the evaluation horizon."""
        index = Index.of(plan)
        days = project.money.horizon_days
        return cls(project, layout, index, terms(index, layout, project), days, paid_hours_by_day(site, days))


def measure(yardstick: Yardstick, record: Record) -> tuple[dict[str, float], dict[str, Floats]]:
    """Return (metrics, curves) of one run; curves have one value a day from day 0 to the horizon."""
    project, days = yardstick.project, yardstick.days
    blocks = online(record, yardstick.layout, project)
    people = headcount(record, project, days)
    entries = ledger(record, yardstick.terms, people, yardstick.paid_by_day, project)
    money = idle(entries, blocks.minute, project.money.horizon_days * DAY)
    deployed, earning = by_day(money, days)
    metrics = {
        **lead_times(blocks),
        "peak_workforce_onsite": float(people.total.max(initial=0)),
        **hours(record, people, yardstick.paid_by_day),
        "offsite_hours_paid": offsite_hours(record, project),
        **capital_metrics(entries, money, float(blocks.mw.sum()), project.money.cost_of_capital.value),
        "authorised_idle_months": authorised(blocks) / MONTH_DAYS,
    }
    curves = {
        "mw_online": mw_online(blocks, days),
        "headcount": people.total.astype(np.float64),
        "capital_deployed_usd": deployed,
        "capital_in_service_usd": earning,
    }
    return metrics, curves


def authorised(blocks: Online) -> float:
    """Return the days from a lot's authorisation to its online date, weighted by its MW."""
    day = np.where(blocks.reached, blocks.minute / DAY, np.inf)
    return float((blocks.mw * (day - blocks.order_day)).sum() / blocks.mw.sum())
