"""Weather from the user's own file: its year, cut into blocks of days and put together anew every time.

Five days in a row of the simulated calendar are five days in a row of the file, from at most two weeks earlier or
later in the year (a block bootstrap: Künsch 1989; for weather Rajagopalan and Lall 1999). So hours, days and the
three readings keep together as they were, and nothing has to be fitted. The alternative, to derive a climate
as for West Texas, would fit some thirty parameters a month to one month of data and needs a person to look at
them. The price: no day comes that the file does not have, and memory ends with a block; what a typical year
lacks is added by `storms`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config.sections.systems import Exposure
from sim.world.calendars.shifts import DAY
from sim.world.weather.climate import Storms
from sim.world.weather.closures import (
    WARM_UP,
    Closed,
    Days,
    Limits,
    WeatherDraws,
    closures_by_exposure,
    hourly,
)
from sim.world.weather.weather_files import Year

Hours = NDArray[np.bool_]

BLOCK = 5
SHIFT = 14
MEASURABLE_MM = 0.25
"""An hour with less than 0.01 inch is no rain."""


@dataclass(frozen=True, eq=False)
class Resampled:
    """Hours that the file's year closes, (365, 24) by exposure, and the storms it lacks."""

    hours: dict[Exposure, Hours]
    storms: Storms
    rain_from: str = ""

    def closed(self, span: Days, draws: WeatherDraws) -> Closed:
        """Return what one replication's weather closes."""
        source = _sources(span, draws)[WARM_UP:]
        outdoors, everyone = self.storms.seasons(span, draws)
        parts = {exposure: [hourly(hours[source], 0), outdoors] for exposure, hours in self.hours.items()}
        parts["interior"][1] = everyone
        return closures_by_exposure(parts, (span.count - WARM_UP) * DAY)


def _sources(span: Days, draws: WeatherDraws) -> NDArray[np.int64]:
    """Return the day of the file's year that each day takes its weather from."""
    into = (span.first + np.arange(span.count)) % BLOCK
    blocks = (span.first + np.arange(span.count)) // BLOCK
    uniforms = draws.series("days of the file", int(blocks[0]), int(blocks[-1] - blocks[0]) + 1)
    shift = np.floor(uniforms * (2 * SHIFT + 1)).astype(np.int64)[blocks - blocks[0]] - SHIFT
    # The block's first day, and from it on in a row: so 29 February does not repeat a day within a block.
    first = np.maximum(np.arange(span.count) - into, 0)
    source: NDArray[np.int64] = (span.of_year[first] + np.arange(span.count) - first + shift) % 365
    return source


def closed_hours(year: Year, limits: Limits) -> dict[Exposure, Hours]:
    """Apply the limits to a year, which goes round: mud of 31 December is there on 1 January. (365, 24) each."""
    rain = year.rain >= MEASURABLE_MM
    first = rain & (np.cumsum(rain, axis=1) == 1)
    depth = year.rain.sum(axis=1, keepdims=True)
    costly, muddy, shut = (
        first & (depth >= much) for much in (limits.earthwork_rain, limits.mud_rain, limits.shut_rain)
    )
    closed = _after(shut, 24)
    mud_hours = 24 + -(-limits.mud_minutes // 60)
    return {
        "earthwork": rain | _after(costly, 24) | _after(muddy, mud_hours) | (year.temperature < limits.frost) | closed,
        "exterior": _after(rain, 1 + -(-limits.exterior_drying // 60)) | (year.wind > limits.exterior_wind) | closed,
        "crane": rain | (year.wind > limits.crane_wind) | closed,
        "interior": closed,
    }


def _after(began: Hours, hours: int) -> Hours:
    """Mark every hour that is one of `hours` from a marked one on."""
    flat = began.ravel()
    count = np.cumsum(np.concatenate([flat[-hours:], flat]))
    return (count[hours:] > count[:-hours]).reshape(began.shape)
