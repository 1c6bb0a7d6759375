"""Earned value by its published definitions: PV, EV and AC in one unit, SPI, CPI, earned schedule and SPI(t).

In hours, earned value is the amount that the status reports as earned. Where it reports none, every work earns its budgeted
hours when it finishes (the 0/100 rule). In dollars, planned value is the cumulative payments of the expected plan, and earned
value is its value at the earned schedule of the hours: a payment follows delivery, not work, so dollars have no measure of
progress of their own. Actual cost is what the status reports, or unknown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.metrics.money.ledger import ReportedPayments
from sim.plan.compiled_plan import CompiledPlan, LogColumn
from sim.plan.vocabulary import MINUTES_PER_DAY, MINUTES_PER_HOUR, WORK, Log
from sim.study.analyses.forecast.status import Status
from sim.world.working_time import day_of_finish

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EarnedValue:
    """Earned value at one time, in one unit (hours or dollars), by the definitions of ANSI/PMI 19-006 and Lipke (2003).

    `earned_schedule` and `time` are in periods of the curve of planned value; `budget` is the last value of that curve.
    """

    planned: float
    earned: float
    actual: float
    budget: float
    earned_schedule: float
    time: float

    @property
    def spi(self) -> float:
        """Return the schedule performance index, earned over planned value."""
        return self.earned / self.planned if self.planned else float("nan")

    @property
    def cpi(self) -> float:
        """Return the cost performance index, earned value over actual cost."""
        return self.earned / self.actual if self.actual else float("nan")

    @property
    def spi_t(self) -> float:
        """Return the schedule performance index by time, earned schedule over actual time."""
        return self.earned_schedule / self.time if self.time else float("nan")

    @property
    def estimate_at_completion(self) -> float:
        """Return the budget over the cost performance index."""
        return self.budget / self.cpi if self.cpi else float("nan")


def earned_value(planned: Floats, earned: float, actual: float, time: int) -> EarnedValue:
    """Return earned value after `time` whole periods; `planned` is cumulative planned value at the end of each period.

    Earned schedule is C + (EV - PV_C) / (PV_{C+1} - PV_C), with C the last period whose planned value is earned.
    """
    planned_from_zero = np.concatenate([[0.0], planned])
    last_earned_period = int(np.searchsorted(planned_from_zero, earned, side="right")) - 1
    first_earned_period = int(np.searchsorted(planned_from_zero, earned, side="left"))
    earned_schedule = float(len(planned))
    if last_earned_period < len(planned):
        earned_at_period = planned_from_zero[last_earned_period]
        increment = planned_from_zero[last_earned_period + 1] - earned_at_period
        earned_schedule = last_earned_period + (float((earned - earned_at_period) / increment) if increment else 0.0)
    if first_earned_period <= last_earned_period:
        # several periods have exactly this planned value (nothing is planned in between): the one nearest to `time`
        earned_schedule = float(min(max(time, first_earned_period), last_earned_period))
    planned_value = float(planned_from_zero[min(time, len(planned))])
    return EarnedValue(planned_value, earned, actual, float(planned_from_zero[-1]), earned_schedule, float(time))


# --- of a project ---------------------------------------------------------------------------------------------------


def cumulative_earned_hours(plan: CompiledPlan, log: Log, content: NDArray[np.int64], days: int) -> Floats:
    """Return the budgeted hours of all works that are finished by the end of each day; a repetition earns nothing."""
    work_rows = log[plan.operation_of[log[:, LogColumn.STEP]] == WORK]
    work_rows = work_rows[plan.earns[work_rows[:, LogColumn.STEP]]]
    _, first_occurrence = np.unique(work_rows[:, LogColumn.STEP], return_index=True)
    work_rows = work_rows[first_occurrence]
    finish_minute, step = work_rows[:, LogColumn.MINUTE], work_rows[:, LogColumn.STEP]
    people = plan.people[step].sum(axis=1)
    budgeted_hours = people * content[plan.argument_of[step]] / MINUTES_PER_HOUR
    cumulative: Floats = np.bincount(np.minimum(day_of_finish(finish_minute), days - 1), budgeted_hours, days).cumsum()
    return cumulative


def project_earned_value(
    plan: CompiledPlan, expected: Log, history: Log, content: NDArray[np.int64], planned_usd: Floats, status: Status
) -> dict[str, dict[str, Any]]:
    """Return earned value at the data date in hours and in dollars, with its indices, as plain numbers.

    `expected` is the event log of the expected plan, `history` the event log up to the data date, `planned_usd` the
    cumulative payments of the expected plan by day.
    """
    today = status.minute // MINUTES_PER_DAY
    days = max(int(expected[-1, LogColumn.MINUTE]) // MINUTES_PER_DAY + 1, today)
    planned_hours = cumulative_earned_hours(plan, expected, content, days)
    earned_hours = _last_reported(status, "hours", "earned")
    if np.isnan(earned_hours):
        earned_hours = float(cumulative_earned_hours(plan, history, content, days)[today - 1])
    hours = earned_value(planned_hours, earned_hours, _last_reported(status, "hours", "spent"), today)
    # to the last planned payment, which may come after the last MW; from then on planned value stays the same
    padding = np.full(max(0, days - len(planned_usd)), planned_usd[-1])
    planned_usd = np.concatenate([planned_usd, padding])[: max(days, int(np.argmax(planned_usd)) + 1)]
    earned_usd = _interpolate(np.concatenate([[0.0], planned_usd]), hours.earned_schedule)
    usd = earned_value(planned_usd, earned_usd, _last_reported(status, "money", "paid"), today)
    return {"hours": as_numbers(hours), "usd": as_numbers(usd)}


def _interpolate(curve: Floats, period: float) -> float:
    """Return the value of a curve at a period, which need not be a whole number; beyond its end, its last value."""
    whole_periods, fraction = divmod(period, 1.0)
    index = min(int(whole_periods), len(curve) - 1)
    next_index = min(index + 1, len(curve) - 1)
    return float(curve[index] + fraction * (curve[next_index] - curve[index]))


def _last_reported(status: Status, kind: str, what: str) -> float:
    """Return the amount of the latest fact about something; not-a-number where there is none."""
    fact = status.latest(kind).get(what)
    amount = None if fact is None else fact.count if kind == "hours" else fact.value
    return float("nan") if amount is None else float(amount)


def reported_payments(status: Status) -> ReportedPayments | None:
    """Return the latest amounts that are reported as paid and as committed; None where none is."""
    latest = status.latest("money")
    if not latest:
        return None
    amount_and_minute = {what: (fact.value, fact.date or 0) for what, fact in latest.items()}
    paid_usd, paid_minute = amount_and_minute.get("paid", (None, 0))
    committed_usd, committed_minute = amount_and_minute.get("committed", (None, 0))
    return ReportedPayments(paid_usd, committed_usd, paid_minute, committed_minute)


def as_numbers(value: EarnedValue) -> dict[str, Any]:
    """Return amounts and indices as plain numbers, None where one is not known."""
    numbers = {**asdict(value), "spi": value.spi, "cpi": value.cpi, "spi_t": value.spi_t}
    numbers["estimate_at_completion"] = value.estimate_at_completion
    return {name: None if np.isnan(number) else round(float(number), 4) for name, number in numbers.items()}
