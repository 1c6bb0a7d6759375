"""Earned value by its published definitions: PV, EV and AC in one unit, SPI, CPI, earned schedule and SPI(t)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    if reached < len(planned):
        step = curve[reached + 1] - curve[reached]
        schedule = reached + (float((earned - curve[reached]) / step) if step else 0.0)
    at = float(curve[min(time, len(planned))])
    return EarnedValue(at, earned, actual, float(curve[-1]), schedule, float(time))
