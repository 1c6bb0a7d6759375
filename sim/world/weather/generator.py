"""Weather models: a synthetic year from a climate, a year resampled from a file, days lost by a planner's table.

`ClimateModel` makes weather that is seasonal, persistent and new in every replication. Rain: a two-state chain of wet
and dry days; a wet day has one interval of rain, of exponential length, and a Weibull depth, both from one draw,
because long rains are heavy rains. Temperature: the day's deviation from the usual one of the hour, normal and
autocorrelated. Wind: for every hour a normal score, part of it the whole day's and part of it three hours', each
autocorrelated; it is too windy where the score lies above that of the limit. So no wind speed is ever computed: the
chance of more than the limit comes from the Weibull distribution of that month and hour, once for a project
(Richardson 1981 and WGEN for the parts; wind by Brown, Katz and Murphy 1984). Rain, temperature and wind are
independent of each other, which the two years from West Texas neither show nor contradict.

`LostDaysModel` loses whole days, with the probability that each month has for each exposure. One autocorrelated normal
number a day says how bad the day is; the worst days are lost. So bad days come in groups, the same storm stops
all kinds of work, and every day has exactly its probability. Storm seasons come on top, as in a climate.

The year of the user's own file is put together anew every time, in blocks of days. Five days in a row of the
simulated calendar are five days in a row of the file, from at most two weeks earlier or later in the year (a block
bootstrap: Künsch 1989; for weather Rajagopalan and Lall 1999). So hours, days and the three readings keep together as
they were, and nothing has to be fitted. The alternative, to derive a climate as for West Texas, would fit some thirty
parameters a month to one month of data and needs a person to look at them. The price: no day comes that the file does
not have, and memory ends with a block; what a typical year lacks is added by `storms`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import gamma, sqrt

import numpy as np
from numpy.typing import NDArray

from sim.config.sections.systems import EXPOSURES, Exposure
from sim.config.sections.weather import DatedStorm, LostDays
from sim.jit import special_functions
from sim.world.distributions import Distribution, to_distribution
from sim.world.shifts import DAY
from sim.world.weather.climate import LAGS, Climate, Storms, autocorrelated, interpolated, wet_days
from sim.world.weather.closures import (
    WARM_UP_DAYS,
    Closed,
    Days,
    IntervalRows,
    Limits,
    WeatherDraws,
    closures_by_exposure,
    hourly,
    interval_rows,
)
from sim.world.weather.weather_files import Year

# --- from a climate ---------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]
Hours = NDArray[np.bool_]

WIND_STEP_HOURS = 3
_WIND_STEPS_PER_DAY = 24 // WIND_STEP_HOURS


@dataclass(frozen=True, eq=False)
class ClimateModel:
    """Weather drawn from a climate, with the limits at which work stops, and storm seasons, which a climate does not have."""

    climate: Climate
    limits: Limits
    storms: Storms

    def closed(self, span: Days, draws: WeatherDraws) -> Closed:
        """Return the minutes that the weather of a replication closes, by exposure, on the days of `span`."""
        scores = _scores(self, span)
        rain, ground, roof, site_shut = _rain_closures(self, span, draws)
        outdoors, everyone = self.storms.seasons(span, draws)
        crane, exterior = (hourly(windy, 0) for windy in _too_windy(self.climate, scores, span, draws))
        frost = hourly(_temperature_scores(self.climate, span, draws)[:, None] < scores.frost, 0)
        return closures_by_exposure(
            {
                "earthwork": (ground, frost, outdoors, site_shut),
                "exterior": (roof, exterior, outdoors, site_shut),
                "crane": (rain, crane, outdoors, site_shut),
                "interior": (everyone, site_shut),
            },
            (span.count - WARM_UP_DAYS) * DAY,
        )


@dataclass(frozen=True, eq=False)
class Scores:
    """Normal scores beyond which an hour is closed, by day; the same for all replications."""

    wind: tuple[Floats, Floats]  # crane and exterior; (3, 8 · days): hours after a knot, knots
    frost: Floats  # (days, 24)


@lru_cache(maxsize=8)
def _scores(model: ClimateModel, span: Days) -> Scores:
    """Return the normal scores of the wind and frost limits for every hour of the days of `span`."""
    ndtri = special_functions().ndtri
    climate, limits, month = model.climate, model.limits, span.month[WARM_UP_DAYS:]
    crane, exterior = (
        np.ascontiguousarray(-ndtri(climate.wind_exceedance(limit))[month].reshape(-1, WIND_STEP_HOURS).T)
        for limit in (limits.crane_wind, limits.exterior_wind)
    )
    frost = (limits.frost - climate.temperature) / climate.temperature_sd[:, None]
    return Scores((crane, exterior), frost[month])


def _too_windy(climate: Climate, scores: Scores, span: Days, draws: WeatherDraws) -> Hours:
    """Return which hours have more wind than the limits of crane and exterior: (2, days, 24)."""
    ndtri = special_functions().ndtri
    day_share, correlation = climate.wind_daily_share, climate.wind_3h_persistence
    count, first = (span.count - WARM_UP_DAYS) * _WIND_STEPS_PER_DAY, (span.first + WARM_UP_DAYS) * _WIND_STEPS_PER_DAY
    # the score of an hour is a part that changes within hours and a part of the whole day; variances add up to 1
    noise = ndtri(draws.series("wind", first - LAGS, count + LAGS + 1))
    knots = autocorrelated(noise, correlation) * sqrt(1 - day_share)
    day_noise = ndtri(draws.daily("wind of the day", span.first, span.count)[:, 0])
    of_day = autocorrelated(day_noise, climate.wind_daily_persistence)
    day_part = np.repeat(of_day[WARM_UP_DAYS - LAGS :], _WIND_STEPS_PER_DAY) * sqrt(day_share)
    windy_hours = np.empty((2, count, WIND_STEP_HOURS), dtype=bool)
    for hour in range(WIND_STEP_HOURS):
        score = interpolated(knots, correlation, hour / WIND_STEP_HOURS) + day_part
        for too_windy, limit in zip(windy_hours, scores.wind, strict=True):
            np.greater(score, limit[hour], out=too_windy[:, hour])
    return windy_hours.reshape(2, -1, 24)


def _temperature_scores(climate: Climate, span: Days, draws: WeatherDraws) -> Floats:
    """Return each day's deviation from the mean temperature of its month and hour, in standard deviations."""
    ndtri = special_functions().ndtri
    noise = ndtri(draws.daily("temperature", span.first, span.count)[:, 0])
    return autocorrelated(noise, climate.temperature_persistence)[WARM_UP_DAYS - LAGS :]


def _rain_closures(
    model: ClimateModel, span: Days, draws: WeatherDraws
) -> tuple[IntervalRows, IntervalRows, IntervalRows, IntervalRows]:
    """Return the intervals of rain, and those in which it closes the ground, roofs and the whole site.

    The days before the project count: yesterday's mud is there on its first morning.
    """
    climate, limits = model.climate, model.limits
    uniforms = draws.daily("rain", span.first, span.count, 4)
    # wet and dry days are a Markov chain, depth is a Weibull variable (after Richardson 1981)
    wet_day = np.flatnonzero(wet_days(uniforms[:, 0], climate.p01[span.month], climate.p10[span.month]))
    month, size = span.month[wet_day], -np.log1p(-uniforms[wet_day, 1])
    depth = climate.rain_mm[month] * size ** (1 / climate.rain_shape) / gamma(1 + 1 / climate.rain_shape)
    minutes = np.minimum(np.round(climate.rain_hours[month] * 60 * size), DAY).astype(np.int64)
    # one spell a wet day, somewhere within the day
    starts = (wet_day - WARM_UP_DAYS) * DAY + np.floor(uniforms[wet_day, 2] * (DAY - minutes)).astype(np.int64)
    ends = starts + minutes
    # soil is closed for longer the more it rained: while it rains, a day, or until the mud has dried
    ground_end = np.where(depth >= limits.earthwork_rain, starts + DAY, ends)
    ground_end = np.where(depth >= limits.mud_rain, starts + DAY + limits.mud_minutes, ground_end)
    site_shut = starts[depth >= limits.shut_rain]
    return (
        interval_rows(starts, ends),
        interval_rows(starts, ground_end),
        interval_rows(starts, ends + limits.exterior_drying),
        interval_rows(site_shut, site_shut + DAY),
    )


# --- from a table of lost days ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class LostDaysModel:
    """Probability of losing a day, by exposure and month, and the correlation of a day with the day before."""

    chance: dict[Exposure, Floats]
    persistence: float
    storms: Storms

    def closed(self, span: Days, draws: WeatherDraws) -> Closed:
        """Return the minutes that the weather of a replication closes, by exposure: whole days and storm seasons."""
        ndtr, ndtri = special_functions().ndtr, special_functions().ndtri
        count = span.count - WARM_UP_DAYS
        noise = ndtri(draws.daily("bad days", span.first, span.count)[:, 0])
        # back to a uniform: a day is lost where it is below the month's probability, so bad days come in spells
        uniform = ndtr(-autocorrelated(noise, self.persistence)[-count:])
        outdoors, everyone = self.storms.seasons(span, draws)
        parts = {}
        for exposure, chance in self.chance.items():
            lost = np.flatnonzero(uniform < chance[span.month[WARM_UP_DAYS:]]) * DAY
            parts[exposure] = [interval_rows(lost, lost + DAY), everyone if exposure == "interior" else outdoors]
        return closures_by_exposure(parts, count * DAY)


def lost_days_model(table: LostDays, storms: Storms) -> LostDaysModel:
    """Return the model of a table of lost days: their probability is lost days / working days of a month."""
    days = table.working_days.value
    chance = {exposure: np.array(getattr(table, exposure)) / days for exposure in EXPOSURES}
    return LostDaysModel(chance, table.persistence.value, storms)


# --- storms on known dates --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class DatedStorms:
    """Storms on known dates: first days (since the year 1), durations in days, minutes at the start without indoor work."""

    first: tuple[int, ...]
    duration: tuple[Distribution, ...]
    interior_minutes: tuple[int, ...]

    @classmethod
    def of(cls, storms: Sequence[DatedStorm]) -> DatedStorms:
        """Return the dated storms of a configuration."""
        return cls(
            tuple(storm.start.toordinal() for storm in storms),
            tuple(to_distribution(storm.days) for storm in storms),
            tuple(round(storm.interior_days.value * DAY) for storm in storms),
        )

    def added_to(self, closed: Closed, span: Days, draws: WeatherDraws) -> Closed:
        """Return closed minutes by exposure with those of the storms; each one's duration is drawn by its index."""
        uniforms = draws.series("dated storms", 0, len(self.first))
        starts = (np.array(self.first) - span.first - WARM_UP_DAYS) * DAY
        days = [float(duration.ppf(uniform)) for duration, uniform in zip(self.duration, uniforms, strict=True)]
        minutes = np.round(days).astype(np.int64) * DAY
        outdoors = interval_rows(starts, starts + minutes)
        everyone = interval_rows(starts, starts + np.minimum(minutes, self.interior_minutes))
        parts = {
            exposure: (rows, everyone if exposure == "interior" else outdoors) for exposure, rows in closed.items()
        }
        return closures_by_exposure(parts, (span.count - WARM_UP_DAYS) * DAY)


# --- resampling -------------------------------------------------------------------------------------------------------


BLOCK = 5
SHIFT = 14
MEASURABLE_MM = 0.25
"""An hour with less than 0.01 inch is no rain."""


@dataclass(frozen=True, eq=False)
class Resampled:
    """Weather resampled from a file's year: closed hours by exposure, (365, 24) each, and storm seasons on top."""

    hours: dict[Exposure, Hours]
    storms: Storms
    rain_from: str = ""

    def closed(self, span: Days, draws: WeatherDraws) -> Closed:
        """Return the minutes that the weather of a replication closes, by exposure, on the days of `span`."""
        source = _source_days(span, draws)[WARM_UP_DAYS:]
        outdoors, everyone = self.storms.seasons(span, draws)
        parts = {exposure: [hourly(hours[source], 0), outdoors] for exposure, hours in self.hours.items()}
        parts["interior"][1] = everyone
        return closures_by_exposure(parts, (span.count - WARM_UP_DAYS) * DAY)


def _source_days(span: Days, draws: WeatherDraws) -> NDArray[np.int64]:
    """Return for each day of `span` the day of the file's year from which it takes its weather."""
    day_in_block = (span.first + np.arange(span.count)) % BLOCK
    blocks = (span.first + np.arange(span.count)) // BLOCK
    uniforms = draws.series("days of the file", int(blocks[0]), int(blocks[-1] - blocks[0]) + 1)
    # five days in a row from within two weeks of the date: persistence and season of the file both stay
    shift = np.floor(uniforms * (2 * SHIFT + 1)).astype(np.int64)[blocks - blocks[0]] - SHIFT
    # the block's first day, and from it on in a row: so 29 February does not repeat a day within a block
    first = np.maximum(np.arange(span.count) - day_in_block, 0)
    source: NDArray[np.int64] = (span.of_year[first] + np.arange(span.count) - first + shift) % 365
    return source


def closed_hours(year: Year, limits: Limits) -> dict[Exposure, Hours]:
    """Return by exposure which hours of a year the limits close, (365, 24) each; December's closures run on in January."""
    rain = year.rain >= MEASURABLE_MM
    first_hour = rain & (np.cumsum(rain, axis=1) == 1)
    depth = year.rain.sum(axis=1, keepdims=True)
    earthwork_stopped, mud, site_shut = (
        first_hour & (depth >= limit) for limit in (limits.earthwork_rain, limits.mud_rain, limits.shut_rain)
    )
    all_closed = _after(site_shut, 24)
    mud_hours = 24 + -(-limits.mud_minutes // 60)
    return {
        "earthwork": rain
        | _after(earthwork_stopped, 24)
        | _after(mud, mud_hours)
        | (year.temperature < limits.frost)
        | all_closed,
        "exterior": _after(rain, 1 + -(-limits.exterior_drying // 60))
        | (year.wind > limits.exterior_wind)
        | all_closed,
        "crane": rain | (year.wind > limits.crane_wind) | all_closed,
        "interior": all_closed,
    }


def _after(marked: Hours, hours: int) -> Hours:
    """Return which hours are within so many `hours` from a marked one on, going round the year."""
    flat = marked.ravel()
    # a sum over a sliding window, as the difference of two running sums
    count = np.cumsum(np.concatenate([flat[-hours:], flat]))
    return (count[hours:] > count[:-hours]).reshape(marked.shape)
