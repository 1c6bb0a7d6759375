"""What the table of metrics says of each, and which metrics say when a project has its first and all its MW.

A lead time counts from the first order, a date from 00:00 of the start date. They are the same number where the first order
is on the start date; where it may be later, a project has metrics of their own for the dates.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

# --- a row of the table -----------------------------------------------------------------------------------------------


LESS, NEITHER, MORE = -1, 0, 1
"""Which way a metric is better; NEITHER also for the parts of a sum that is itself compared."""
DIRECTION_NAMES = {LESS: "less", NEITHER: "", MORE: "more"}


@dataclass(frozen=True)
class Metric:
    """One number per replication.

    name        column of `runs.parquet` and key of `summary.json`
    label       what tables, axes and Excel call it
    unit        days, months, MW, people, hours, $, share, flag, …; decides how a value is written
    direction   LESS or MORE is better, or NEITHER
    step        finest step to which a value is rounded in text, in the unit
    definition  one sentence
    function    where it is computed
    is_date     whether something happens after so many days: `date_metric` says which metric counts from the start date
    of_orders   whether it is unknown, not-a-number, in a run in which nothing is ordered, or all of it is cancelled
    """

    name: str
    label: str
    unit: str
    direction: int
    step: float
    definition: str
    function: Callable[..., Any]
    is_date: bool = False
    of_orders: bool = False


# --- when the MW are online -------------------------------------------------------------------------------------------


FIRST, FINISH, OF_ORDERS = LEAD_TIMES = (
    "lead_time_first_mw_days", "lead_time_full_days", "lead_time_mw_weighted_days",
)  # fmt: skip
"""Lead times: of the first MW, of all MW, and in the mean over MW, each from its own order."""
FIRST_DAY, FINISH_DAY = "first_mw_online_day", "all_mw_online_day"
"""Days from the start date on which the first MW and all MW are online."""
_DAY_OF_LEAD_TIME = {FIRST: FIRST_DAY, FINISH: FINISH_DAY}
ORDERED, CANCELLED = "mw_ordered", "mw_cancelled"


def finish_metric(metrics: Container[str]) -> str:
    """Return which of a project's metrics is its finish: all MW online, or where orders come over time the mean over MW.

    >>> finish_metric(["lead_time_mw_weighted_days", "mw_ordered"])
    'lead_time_mw_weighted_days'
    """
    return FINISH if FINISH in metrics else OF_ORDERS


def date_metric(metric: str, metrics: Container[str]) -> str:
    """Return which of a project's metrics has the day, from the start date, on which a lead time ends; others as they are.

    >>> date_metric("lead_time_first_mw_days", ["lead_time_first_mw_days", "first_mw_online_day"])
    'first_mw_online_day'
    """
    day = _DAY_OF_LEAD_TIME.get(metric, metric)
    return day if day in metrics else metric
