"""What the weather of a climate closes, by machine code: twin of `sim.world.weather.generator.Derived.closed`.

Read that one first. Luck, the loops over hours and the joining of stretches are machine code; quantiles, logarithms
and powers stay in numpy and scipy, so that nobody's last bit depends on another library.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import gamma, sqrt
from threading import get_ident

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from sim.config.sections.systems import EXPOSURES, Exposure
from sim.world.kernels import (
    BY_CRANE,
    BY_EXTERIOR,
    BY_FROST,
    EVERYONE,
    GROUND,
    LISTS,
    OUTDOORS,
    RAINS,
    ROOF,
    SHUT,
    choose,
    close,
    draw,
)
from sim.world.randomness.streams import stream_key
from sim.world.weather.climate import LAGS, autocorrelation_weights, interpolation_weights
from sim.world.weather.closures import WARM_UP, Closed, Days, IntervalRows, WeatherDraws
from sim.world.weather.generator import STEP_HOURS, ClimateModel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

A_DAY = 24 // STEP_HOURS
BLOCK = 4
SERIES = {"wind": A_DAY, "wind of the day": 1, "temperature": 1, "rain": BLOCK, "storms": 2}
"""Numbers a day; the first three are quantiles of normal ones."""
NORMAL = 3
CLOSING: dict[Exposure, tuple[int, ...]] = {
    "earthwork": (GROUND, BY_FROST, OUTDOORS, SHUT),
    "exterior": (ROOF, BY_EXTERIOR, OUTDOORS, SHUT),
    "crane": (RAINS, BY_CRANE, OUTDOORS, SHUT),
    "interior": (EVERYONE, SHUT, SHUT, SHUT),  # the same one again closes nothing more
}


def closed(model: ClimateModel, span: Days, sky: WeatherDraws) -> Closed:
    """Return what one replication's weather closes."""
    series, laid = _series(span), _laid_out(model, span)
    room = _room(series, laid, get_ident())
    draw(_keys(sky.seed), sky.replication, series.blocks, room.luck)
    wet, both = choose(span.month, laid.chances, *series.of_days(room.luck), room.days, room.chosen)
    much = -np.log1p(-room.chosen[: 2 * wet : 2])
    grown = much ** (1 / model.climate.rain_shape)
    ndtri(room.luck[: series.normal], out=room.luck[: series.normal])
    rows, ends = room.rows, laid.ends.copy()
    _put(model.storms.intervals(room.days[wet:both], room.chosen[2 * wet : 2 * both : 2].copy()), rows, ends)
    close(span.month, laid.figures, laid.numbers, room.luck, room.days[:wet], room.chosen[1:], much, grown, rows, ends)
    places = [laid.joined, *ends[LISTS:].tolist()]
    return {
        exposure: rows[begin:end].reshape(-1, 2).copy()
        for exposure, begin, end in zip(EXPOSURES, places[:-1], places[1:], strict=True)
    }


def _put(seasons: tuple[IntervalRows, IntervalRows], rows: Ints, ends: Ints) -> None:
    """List what storm seasons close outdoors and for everyone."""
    for number, stretches in zip((OUTDOORS, EVERYONE), seasons, strict=True):
        begin = ends[number]
        ends[number] = begin + stretches.size
        rows[begin : ends[number]] = stretches.ravel()


@dataclass(frozen=True, eq=False)
class Series:
    """Where the luck of some days stands: first block and count of each series, its first number among those drawn."""

    blocks: Ints
    at: Ints
    normal: int
    length: int

    def of_days(self, luck: Floats) -> tuple[Floats, Floats]:
        """Return the luck of rain and storms, from the first day on."""
        return luck[self.at[NORMAL] :], luck[self.at[NORMAL + 1] :]


@lru_cache(maxsize=8)
def _series(span: Days) -> Series:
    """Look up the luck of some days; that of wind begins in the last days before the first."""
    firsts, counts = (
        np.array([days * per_day for per_day in SERIES.values()], np.int64) for days in (span.first, span.count)
    )
    firsts[0], counts[0] = firsts[0] + WARM_UP * A_DAY - LAGS, counts[0] - WARM_UP * A_DAY + LAGS + 1
    blocks = (firsts + counts - 1) // BLOCK - firsts // BLOCK + 1
    begins = np.cumsum(blocks) * BLOCK - blocks * BLOCK
    return Series(
        np.column_stack([firsts // BLOCK, blocks]).ravel(),
        begins + firsts % BLOCK,
        int(begins[NORMAL]),
        int(blocks.sum()) * BLOCK,
    )


@lru_cache(maxsize=8)
def _keys(seed: int) -> NDArray[np.uint64]:
    """Return the keys of the series, two words each."""
    return np.array([word for quantity in SERIES for word in stream_key(seed, f"weather/{quantity}")], np.uint64)


@dataclass(frozen=True, eq=False)
class LaidOut:
    """What all replications share: chances of days; figures and numbers of `closing`; where lists end while empty.

    Of so many `days` in all. Stretches have so much room; those that are joined begin at a place in it.
    """

    days: int
    chances: Floats
    figures: Floats
    numbers: Ints
    ends: Ints
    joined: int
    room: int


@lru_cache(maxsize=8)
def _laid_out(model: ClimateModel, span: Days) -> LaidOut:
    """Lay out a climate and the limits for some days."""
    climate, limits, at = model.climate, model.limits, _series(span).at
    count, early = span.count - WARM_UP, WARM_UP - LAGS  # no memory reaches back to those days
    most = np.full(LISTS, 2 * span.count)
    most[[BY_CRANE, BY_EXTERIOR, BY_FROST]] = 24 * count + 1
    begins = np.concatenate([[0], np.cumsum(most)])
    numbers = [
        *(WARM_UP, limits.mud_minutes, limits.exterior_drying),
        *(at[0], count * A_DAY + 1 + LAGS, at[1] + early, count + LAGS, at[2] + early, count + LAGS),
        *(number for exposure in EXPOSURES for number in CLOSING[exposure]),
        *begins,
    ]
    return LaidOut(
        span.count,
        np.column_stack([climate.p01, 1 - climate.p10, model.storms.daily]).ravel(),
        _figures(model),
        np.array(numbers, np.int64),
        np.concatenate([begins[:-1], np.zeros(len(EXPOSURES), np.int64)]),
        int(begins[-1]),
        int(begins[-1]) + sum(int(most[list(lists)].sum()) for lists in CLOSING.values()),
    )


@dataclass(frozen=True, eq=False)
class Room:
    """Where a thread works on one sky after the other: fresh memory would cost as much as a third of the work."""

    luck: Floats
    days: Ints
    chosen: Floats
    rows: Ints


@lru_cache(maxsize=8)
def _room(series: Series, laid: LaidOut, thread: int) -> Room:  # noqa: ARG001 (each has its own)
    """Return the room of a thread for luck, days that are chosen and their luck, and stretches."""
    count = laid.days
    return Room(
        np.empty(series.length), np.empty(2 * count, np.int64), np.empty(4 * count), np.empty(laid.room, np.int64)
    )


def _figures(model: ClimateModel) -> Floats:
    """Return what `closing` reads of a climate and of the limits."""
    climate, limits = model.climate, model.limits
    share, hold = climate.wind_daily_share, climate.wind_3h_persistence
    memories = (hold, climate.wind_daily_persistence, climate.temperature_persistence)
    frost = (limits.frost - climate.temperature) / climate.temperature_sd[:, None]
    parts = [
        *(np.hstack(autocorrelation_weights(correlation)) for correlation in memories),
        [sqrt(1 - share), sqrt(share)],
        *(interpolation_weights(hold, hour / STEP_HOURS) for hour in range(STEP_HOURS)),
        [gamma(1 + 1 / climate.rain_shape), limits.earthwork_rain, limits.mud_rain, limits.shut_rain],
        *(climate.rain_hours, climate.rain_mm),
        *(-ndtri(climate.windier(limit)) for limit in (limits.crane_wind, limits.exterior_wind)),
        *(frost, frost.max(axis=1)),
    ]
    return np.concatenate([np.ravel(part) for part in parts])
