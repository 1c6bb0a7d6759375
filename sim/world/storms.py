"""Storm seasons that a typical year lacks: weeks of rain and wind, once in many years.

Months of typical years are picked for being typical, so what stops a job for a whole season is in none of them.
Each day a season may begin, more likely in rainy months; it lasts as long as the planner's estimate says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config import weather as stated
from sim.world.closures import Stretches, nothing, stretches
from sim.world.distributions import Distribution
from sim.world.shapes import shape
from sim.world.shifts import DAY
from sim.world.weather_luck import MONTH_DAYS, WARM_UP, Days, Sky

Floats = NDArray[np.float64]

LONGEST = 90
"""Days; a season that began before the project is known only as far as weather is drawn before it."""


@dataclass(frozen=True, eq=False)
class Storms:
    """Chance per day that a season begins, by month; how long it lasts; days at its start without anyone."""

    daily: Floats
    lasting: Distribution
    interior_minutes: int

    def seasons(self, span: Days, sky: Sky) -> tuple[Stretches, Stretches]:
        """Return what closes all work outdoors, and what closes the whole site."""
        luck = sky.daily("storms", span.first, span.count, 2)
        began = np.flatnonzero(luck[:, 0] < self.daily[span.month])
        return self.begun(began, luck[began, 1])

    def begun(self, days: NDArray[np.int64], luck: Floats) -> tuple[Stretches, Stretches]:
        """Return what seasons close that begin on these days, each with the luck of its length."""
        if not len(days):
            return nothing(), nothing()
        starts = (days - WARM_UP) * DAY
        minutes = np.round(np.clip(self.lasting.ppf(luck), 1, LONGEST)).astype(np.int64) * DAY
        return (
            stretches(starts, starts + minutes),
            stretches(starts, starts + np.minimum(minutes, self.interior_minutes)),
        )


def storms_of(storms: stated.Storms, monthly_rain: Floats) -> Storms:
    """Spread a year's chance over its months by their share of the rain; evenly where there is none."""
    total = monthly_rain.sum()
    share = monthly_rain / total if total > 0 else np.array(MONTH_DAYS) / 365
    return Storms(
        daily=np.minimum(storms.per_year.value * share / np.array(MONTH_DAYS), 1.0),
        lasting=shape(storms.days),
        interior_minutes=round(storms.interior_days.value * DAY),
    )
