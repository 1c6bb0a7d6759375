"""A percentile as it is quoted: with its interval, and rounded to what that interval supports."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.report.words import WITHHELD, Measure, ProjectDates, interval, measure, number, step_for, together

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Quote:
    """One percentile of one metric, straight from the summary."""

    measure: Measure
    value: float
    low: float
    high: float

    @property
    def step(self) -> float:
        """Return the step to which the value may be rounded: three figures where there is no interval."""
        if not math.isfinite(self.high - self.low) and math.isfinite(self.value) and self.value:
            return max(self.measure.finest, 10.0 ** (math.floor(math.log10(abs(self.value))) - 2))
        return step_for(self.low, self.high, self.measure.finest)

    @property
    def is_coarse(self) -> bool:
        """Whether the value is rounded more than its unit asks for."""
        return self.step > self.measure.finest and math.isfinite(self.value)

    def says(self) -> str:
        """Write the value with its unit; `about` where the interval does not support the finest step."""
        text = self.measure.write(self.value, self.step)
        return f"about {text}" if self.is_coarse else text

    def between(self) -> str:
        """Write the 95 % interval of the value, or why it is withheld."""
        if math.isnan(self.value):
            return WITHHELD
        return interval(self.low, self.high, lambda v: self.measure.write(v, self.step))

    def on_date(self, dates: ProjectDates) -> str:
        """Write days after the decision as a date with its day number: `18 Aug 2028 (day 592)`."""
        if not math.isfinite(self.value):
            return number(self.value)
        about = "about " * self.is_coarse
        return f"{dates.say(self.value)} ({about}day {self._day(self.value)})"

    def between_dates(self, dates: ProjectDates) -> str:
        """Write the interval as dates with their day numbers."""
        if math.isnan(self.value):
            return WITHHELD
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return dates.say_between(self.low, self.high)
        return f"{dates.say_between(self.low, self.high)} (day {interval(self.low, self.high, self._day)})"

    def _day(self, day: float) -> str:
        """Write a day number without its unit."""
        return number(day, self.step)


def quote(summary: pd.DataFrame, metric: str, percentile: str) -> Quote:
    """Return a percentile (`p50`, `p80`) of a metric of the summary as it is quoted."""
    value, low, high = (float(summary[f"{percentile}{end}"][metric]) for end in ("", "_low", "_high"))
    return Quote(measure(metric), value, low, high)


def both(summary: pd.DataFrame, metric: str, between: str = " / ") -> str:
    """Write P50 and P80 of a metric with one unit: `563 / 592 days`."""
    p50, p80 = quote(summary, metric, "p50"), quote(summary, metric, "p80")
    return together(p50.measure.write(p50.value, p50.step), p80.measure.write(p80.value, p80.step), between)
