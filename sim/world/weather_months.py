"""Weather as a planner's table: so many working days lost in each month.

A day is lost as a whole, with the chance its month states, for each exposure. One normal number a day, with a
memory, stands for how bad the day is; the worst are lost. So bad days come in groups, the same storm stops all
kinds of work, and every day has exactly its stated chance whatever the day before was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config.steps import EXPOSURES, Exposure
from sim.config.weather import LostDays
from sim.world.closures import Closed, gathered, stretches
from sim.world.persistence import remembered
from sim.world.shifts import DAY
from sim.world.weather_luck import WARM_UP, Days, Sky

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Monthly:
    """Chance of losing a day, by exposure and month, and how strongly a day resembles the day before."""

    chance: dict[Exposure, Floats]
    persistence: float

    def closed(self, span: Days, sky: Sky) -> Closed:
        """Return the whole days one replication loses."""
        from scipy.special import ndtr, ndtri

        count = span.count - WARM_UP
        noise = ndtri(sky.daily("bad days", span.first, span.count)[:, 0])
        worse = ndtr(-remembered(noise, self.persistence)[-count:])
        parts = {}
        for exposure, chance in self.chance.items():
            lost = np.flatnonzero(worse < chance[span.month[WARM_UP:]]) * DAY
            parts[exposure] = [stretches(lost, lost + DAY)]
        return gathered(parts, count * DAY)


def monthly(table: LostDays) -> Monthly:
    """Turn lost working days into chances: lost / working days of a month."""
    days = table.working_days.value
    return Monthly(
        {exposure: np.array(getattr(table, exposure)) / days for exposure in EXPOSURES}, table.persistence.value
    )
