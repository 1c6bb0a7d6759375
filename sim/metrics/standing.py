"""What costs money as long as it is there: people, their beds, the open site. And the contractor's fee on his bills."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.record import DAY, MONTH, Ints
from sim.metrics.workforce import Headcount
from sim.plan.prices import CAMP, GENERAL_CONDITIONS, LABOUR

Floats = NDArray[np.float64]
FEE = "fee"
STANDING = (LABOUR, CAMP, GENERAL_CONDITIONS, FEE)
WEEK = 7 * DAY
LENGTHS = {LABOUR: WEEK, CAMP: WEEK, GENERAL_CONDITIONS: MONTH}
"""Minutes of the period at whose end each of them falls due."""


@dataclass(frozen=True)
class Periods:
    """Amounts that fall due at the end of a period: the minute of its end, whole cents; periods without have no row."""

    minute: Ints
    cents: Ints


def periods(dollars_by_day: Floats, minutes: int = WEEK) -> Periods:
    """Return what is due at the end of every week (or month) for costs by day; cents add up to the rounded total."""
    sums = np.bincount(_period_of_day(len(dollars_by_day), minutes), dollars_by_day)
    whole = np.rint(np.cumsum(sums) * 100).astype(np.int64)
    cents = np.diff(whole, prepend=0)
    there = np.flatnonzero(cents)
    return Periods((there + 1) * minutes, cents[there])


@lru_cache(maxsize=8)
def _period_of_day(days: int, minutes: int) -> Ints:
    """Return in which period of so many minutes each day ends; every run asks for the same."""
    return (np.arange(1, days + 1) * DAY - 1) // minutes


def wages(people: Headcount, paid_by_day: Floats, project: Project, factor: float) -> Floats:
    """Return dollars by day: headcount × paid hours × loaded rate, indirect people at the rate of those they serve."""
    rates = np.array([project.labour.trades[trade].paid_rate for trade in people.trades])
    crowd = people.direct.sum(axis=0)
    whole = np.divide(people.total, crowd, out=np.zeros(len(crowd)), where=crowd > 0)
    by_day: Floats = (rates @ people.direct) * paid_by_day * whole * factor
    return by_day


def beds(people: Headcount, project: Project, usd_per_bed_day: float) -> Floats:
    """Return dollars by day for a bed for everyone on site who lives in the camp."""
    housed = project.money.camp.housed.value if project.money.camp is not None else 0.0
    return np.asarray(people.total * (housed * usd_per_bed_day), np.float64)


def open_site(opened: int, closed: int, days: int, usd_per_month: float) -> Floats:
    """Return dollars by day for a site open from one minute to another."""
    edges = np.clip(np.arange(0, (days + 1) * DAY, DAY), opened, max(opened, closed))
    by_day: Floats = np.diff(edges) * (usd_per_month / MONTH)
    return by_day


def bills(minute: Ints, cents: Ints, fee: float) -> Periods:
    """Return the contractor's fee on everything he bills, by month."""
    if not fee or not len(minute):
        return Periods(np.zeros(0, np.int64), np.zeros(0, np.int64))
    month = minute // MONTH
    owed = np.cumsum(np.bincount(month, cents.astype(np.float64)))
    fees = np.diff(np.rint(owed * fee).astype(np.int64), prepend=0)
    there = np.flatnonzero(fees)
    return Periods(there * MONTH + MONTH - 1, fees[there])
