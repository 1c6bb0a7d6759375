"""Earned value by its published definitions: PV, EV and AC in one unit, SPI, CPI, earned schedule and SPI(t).

In hours: those that the status reports as earned, or else what the works that are done were budgeted in the expected plan,
work by work, when they end (the 0/100 rule). In dollars: the plan's payments, earned as far as the hours say; a payment
follows delivery, not work, so that dollars have no measure of progress of their own. Actual cost is what the status reports,
or unknown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.metrics.money.ledger import ReportedPayments
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.vocabulary import MINUTES_PER_DAY, WORK, Log
from sim.study.analyses.forecast.status import Status

MINUTES_PER_HOUR = 60
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EarnedValue:
    """Earned value at one time, in one unit (hours or dollars), by the definitions of ANSI/PMI 19-006 and Lipke (2003).

    `earned_schedule` and `time` are in periods of the planned curve; `budget` is the whole of it.
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
    """Return earned value after `time` whole periods; `planned` is cumulative at the end of each period, from the first.

    Earned schedule is C + (EV - PV_C) / (PV_{C+1} - PV_C), with C the last period whose planned value is earned.
    """
    curve = np.concatenate([[0.0], planned])
    reached = int(np.searchsorted(curve, earned, side="right")) - 1
    schedule = float(len(planned))
    first = int(np.searchsorted(curve, earned, side="left"))
    if reached < len(planned):
        step = curve[reached + 1] - curve[reached]
        schedule = reached + (float((earned - curve[reached]) / step) if step else 0.0)
    if first <= reached:
        # nothing is planned for a while: of the periods with this planned value, the one nearest to now
        schedule = float(min(max(time, first), reached))
    at = float(curve[min(time, len(planned))])
    return EarnedValue(at, earned, actual, float(curve[-1]), schedule, float(time))


# --- of a project ---------------------------------------------------------------------------------------------------


def earned_hours(plan: CompiledPlan, log: Log, content: NDArray[np.int64], days: int) -> Floats:
    """Return the budgeted hours of the works that are done by the end of each day; what is done again earns nothing more."""
    works = log[plan.rows[log[:, 1], 0] == WORK]
    works = works[plan.earns[works[:, 1]]]
    _, first = np.unique(works[:, 1], return_index=True)
    works = works[first]
    people = plan.people[works[:, 1]].sum(axis=1)
    hours = people * content[plan.rows[works[:, 1], 1]] / MINUTES_PER_HOUR
    day = np.minimum((works[:, 0] - 1) // MINUTES_PER_DAY, days - 1)
    found: Floats = np.bincount(np.maximum(day, 0), hours, days).cumsum()
    return found


def project_earned_value(
    plan: CompiledPlan, expected: Log, history: Log, content: NDArray[np.int64], planned_usd: Floats, status: Status
) -> dict[str, dict[str, Any]]:
    """Return earned value at the data date in hours and in dollars, with its indices, as plain numbers.

    `expected` is the log of the expected plan, `history` that until the data date, `planned_usd` what the plan pays by day.
    """
    today = status.minute // MINUTES_PER_DAY
    days = max(int(expected[-1, 0]) // MINUTES_PER_DAY + 1, today)
    planned = earned_hours(plan, expected, content, days)
    earned = _reported(status, "hours", "earned")
    if np.isnan(earned):
        earned = float(earned_hours(plan, history, content, days)[today - 1])
    hours = earned_value(planned, earned, _reported(status, "hours", "spent"), today)
    paid = np.concatenate([planned_usd, np.full(max(0, days - len(planned_usd)), planned_usd[-1])])[:days]
    whole, part = divmod(hours.earned_schedule, 1.0)
    curve = np.concatenate([[0.0], paid])
    at = min(int(whole), len(curve) - 1)
    earned_usd = float(curve[at] + part * (curve[min(at + 1, len(curve) - 1)] - curve[at]))
    usd = earned_value(paid, earned_usd, _reported(status, "money", "paid"), today)
    return {"hours": described(hours), "usd": described(usd)}


def _reported(status: Status, kind: str, what: str) -> float:
    """Return the last amount of a kind that is reported; not-a-number where none is."""
    facts = sorted((fact for fact in status.of(kind) if fact.what == what), key=lambda fact: fact.date or 0)
    amount = None if not facts else facts[-1].count if kind == "hours" else facts[-1].value
    return float("nan") if amount is None else float(amount)


def payments(status: Status) -> ReportedPayments | None:
    """Return the last amounts that are reported as paid and as committed; None where none is."""
    last = {fact.what: fact for fact in sorted(status.of("money"), key=lambda fact: fact.date or 0)}
    if not last:
        return None
    amounts = {what: fact.value for what, fact in last.items()}
    minute = max(fact.date or 0 for fact in last.values())
    return ReportedPayments(minute, amounts.get("paid"), amounts.get("committed"))


def described(value: EarnedValue) -> dict[str, Any]:
    """Return amounts and indices as plain numbers, None where one is not known."""
    found = {**asdict(value), "spi": value.spi, "cpi": value.cpi, "spi_t": value.spi_t}
    found["estimate_at_completion"] = value.estimate_at_completion
    return {name: None if np.isnan(number) else round(float(number), 4) for name, number in found.items()}
