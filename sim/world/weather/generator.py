"""Weather models: a synthetic year from a climate, and whole days lost by a planner's table.

`ClimateModel` makes weather that is seasonal, persistent and new in every replication. Rain: a two-state chain of wet
and dry days; a wet day has one interval of rain, of exponential length, and a Weibull depth, both from one draw,
because long rains are heavy rains. Temperature: the day's deviation from the usual one of the hour, normal and
autocorrelated. Wind: for every hour a normal score, part of it the whole day's and part of it three hours', each
autocorrelated; it is too windy where the score lies above that of the limit. So no wind speed is ever computed: the
chance of more than the limit comes from the Weibull distribution of that month and hour, once for a project
(Richardson 1981 and WGEN for the parts; wind by Brown, Katz and Murphy 1984). Rain, temperature and wind are
independent of each other, which the two years from West Texas neither show nor contradict.

`LostDaysModel` loses whole days, with the chance that each month states for each exposure. One autocorrelated normal
number a day stands for how bad the day is; the worst days are lost. So bad days come in groups, the same storm stops
all kinds of work, and every day has exactly its stated chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import gamma, sqrt

import numpy as np
from numpy.typing import NDArray

from sim.config.sections.systems import EXPOSURES, Exposure
from sim.config.sections.weather import LostDays
from sim.world.calendars.shifts import DAY
from sim.world.weather.climate import LAGS, Climate, Storms, autocorrelated, interpolated, wet_days
from sim.world.weather.closures import (
    WARM_UP,
    Closed,
    Days,
    IntervalRows,
    Limits,
    WeatherDraws,
    closures_by_exposure,
    hourly,
    interval_rows,
)

# --- from a climate ---------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]
Hours = NDArray[np.bool_]

STEP_HOURS = 3
_A_DAY = 24 // STEP_HOURS


@dataclass(frozen=True, eq=False)
class ClimateModel:
    """A climate with the limits at which work stops and the storms it lacks."""

    climate: Climate
    limits: Limits
    storms: Storms

    def closed(self, span: Days, draws: WeatherDraws) -> Closed:
        """Return what one replication's weather closes."""
        scores = _scores(self, span)
        rain, ground, roof, shut = _rain(self, span, draws)
        outdoors, everyone = self.storms.seasons(span, draws)
        crane, exterior = (hourly(windy, 0) for windy in _too_windy(self.climate, scores, span, draws))
        frost = hourly(_temperature_scores(self.climate, span, draws)[:, None] < scores.frost, 0)
        return closures_by_exposure(
            {
                "earthwork": (ground, frost, outdoors, shut),
                "exterior": (roof, exterior, outdoors, shut),
                "crane": (rain, crane, outdoors, shut),
                "interior": (everyone, shut),
            },
            (span.count - WARM_UP) * DAY,
        )


@dataclass(frozen=True, eq=False)
class Scores:
    """Normal scores beyond which an hour is closed: what all replications share."""

    wind: tuple[Floats, Floats]  # crane and exterior; (3, 8 · days): hours after a knot, knots
    frost: Floats  # (days, 24)


@lru_cache(maxsize=8)
def _scores(model: ClimateModel, span: Days) -> Scores:
    """Spread the scores of the limits over the days of a project."""
    from scipy.special import ndtri

    climate, limits, month = model.climate, model.limits, span.month[WARM_UP:]
    crane, exterior = (
        np.ascontiguousarray(-ndtri(climate.windier(limit))[month].reshape(-1, STEP_HOURS).T)
        for limit in (limits.crane_wind, limits.exterior_wind)
    )
    frost = (limits.frost - climate.temperature) / climate.temperature_sd[:, None]
    return Scores((crane, exterior), frost[month])


def _too_windy(climate: Climate, scores: Scores, span: Days, draws: WeatherDraws) -> Hours:
    """Return the hours with more wind than the limits of crane and exterior: (2, days, 24)."""
    from scipy.special import ndtri

    share, hold = climate.wind_daily_share, climate.wind_3h_persistence
    count, first = (span.count - WARM_UP) * _A_DAY, (span.first + WARM_UP) * _A_DAY
    knots = autocorrelated(ndtri(draws.series("wind", first - LAGS, count + LAGS + 1)), hold) * sqrt(1 - share)
    day = autocorrelated(
        ndtri(draws.daily("wind of the day", span.first, span.count)[:, 0]), climate.wind_daily_persistence
    )
    whole = np.repeat(day[WARM_UP - LAGS :], _A_DAY) * sqrt(share)
    windy = np.empty((2, count, STEP_HOURS), dtype=bool)
    for hour in range(STEP_HOURS):
        score = interpolated(knots, hold, hour / STEP_HOURS) + whole
        for closed, limit in zip(windy, scores.wind, strict=True):
            np.greater(score, limit[hour], out=closed[:, hour])
    return windy.reshape(2, -1, 24)


def _temperature_scores(climate: Climate, span: Days, draws: WeatherDraws) -> Floats:
    """Return each day's deviation from the usual temperature, in standard deviations."""
    from scipy.special import ndtri

    noise = ndtri(draws.daily("temperature", span.first, span.count)[:, 0])
    return autocorrelated(noise, climate.temperature_persistence)[WARM_UP - LAGS :]


def _rain(
    model: ClimateModel, span: Days, draws: WeatherDraws
) -> tuple[IntervalRows, IntervalRows, IntervalRows, IntervalRows]:
    """Return the rain itself, and what it closes of ground, roof and the whole site.

    The days before the project count: yesterday's mud is there on its first morning.
    """
    climate, limits = model.climate, model.limits
    uniforms = draws.daily("rain", span.first, span.count, 4)
    wet = np.flatnonzero(wet_days(uniforms[:, 0], climate.p01[span.month], climate.p10[span.month]))
    month, size = span.month[wet], -np.log1p(-uniforms[wet, 1])
    depth = climate.rain_mm[month] * size ** (1 / climate.rain_shape) / gamma(1 + 1 / climate.rain_shape)
    minutes = np.minimum(np.round(climate.rain_hours[month] * 60 * size), DAY).astype(np.int64)
    starts = (wet - WARM_UP) * DAY + np.floor(uniforms[wet, 2] * (DAY - minutes)).astype(np.int64)
    ends = starts + minutes
    ground = np.where(depth >= limits.earthwork_rain, starts + DAY, ends)
    ground = np.where(depth >= limits.mud_rain, starts + DAY + limits.mud_minutes, ground)
    shut = starts[depth >= limits.shut_rain]
    return (
        interval_rows(starts, ends),
        interval_rows(starts, ground),
        interval_rows(starts, ends + limits.exterior_drying),
        interval_rows(shut, shut + DAY),
    )


# --- from a table of lost days ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class LostDaysModel:
    """Chance of losing a day, by exposure and month, and how strongly a day resembles the day before."""

    chance: dict[Exposure, Floats]
    persistence: float

    def closed(self, span: Days, draws: WeatherDraws) -> Closed:
        """Return the whole days one replication loses."""
        from scipy.special import ndtr, ndtri

        count = span.count - WARM_UP
        noise = ndtri(draws.daily("bad days", span.first, span.count)[:, 0])
        worse = ndtr(-autocorrelated(noise, self.persistence)[-count:])
        parts = {}
        for exposure, chance in self.chance.items():
            lost = np.flatnonzero(worse < chance[span.month[WARM_UP:]]) * DAY
            parts[exposure] = [interval_rows(lost, lost + DAY)]
        return closures_by_exposure(parts, count * DAY)


def lost_days_model(table: LostDays) -> LostDaysModel:
    """Turn lost working days into chances: lost / working days of a month."""
    days = table.working_days.value
    return LostDaysModel(
        {exposure: np.array(getattr(table, exposure)) / days for exposure in EXPOSURES}, table.persistence.value
    )
