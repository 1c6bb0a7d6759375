"""What the weather of a climate closes, by machine code: twin of `sim.world.weather_derived.Derived.closed`.

Read that one first. Luck, the loops over hours and the joining of stretches are machine code; quantiles, logarithms
and powers stay in numpy and scipy, so that nobody's last bit depends on another library.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import gamma, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from sim.config.steps import EXPOSURES, Exposure
from sim.world.closures import Closed
from sim.world.compiled.closing import (
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
    close,
)
from sim.world.compiled.drawing import choose, draw
from sim.world.draws import key
from sim.world.persistence import MEMORY, memory, shares
from sim.world.weather_derived import STEP_HOURS, Derived
from sim.world.weather_luck import WARM_UP, Days, Sky

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


def closed(model: Derived, span: Days, sky: Sky) -> Closed:
    """Return what one replication's weather closes."""
    series, laid = _series(span), _laid_out(model, span)
    luck, days, chosen = np.empty(series.length), np.empty(2 * span.count, np.int64), np.empty(4 * span.count)
    draw(_keys(sky.seed), sky.replication, series.blocks, luck)
    wet, both = choose(span.month, laid.chances, luck[series.at[3] :], luck[series.at[4] :], days, chosen)
    much = -np.log1p(-chosen[: 2 * wet : 2])
    grown = much ** (1 / model.climate.rain_shape)
    ndtri(luck[: series.normal], out=luck[: series.normal])
    rows, ends = np.empty(laid.room, np.int64), laid.ends.copy()
    stormy = model.storms.begun(days[wet:both], chosen[2 * wet : 2 * both : 2].copy())
    for number, seasons in zip((OUTDOORS, EVERYONE), stormy, strict=True):
        begin = ends[number]
        ends[number] = begin + seasons.size
        rows[begin : ends[number]] = seasons.ravel()
    close(span.month, laid.figures, laid.numbers, luck, days[:wet], chosen[1:], much, grown, rows, ends)
    places = ends[LISTS:].tolist()
    return {
        exposure: rows[begin:end].reshape(-1, 2)
        for exposure, begin, end in zip(EXPOSURES, [laid.joined, *places], places, strict=False)
    }


@dataclass(frozen=True, eq=False)
class Series:
    """Where the luck of some days stands: first block and count of each series, its first number among those drawn."""

    blocks: Ints
    at: Ints
    normal: int
    length: int


@lru_cache(maxsize=8)
def _series(span: Days) -> Series:
    """Look up the luck of some days; that of wind begins in the last days before the first."""
    firsts, counts = (
        np.array([days * per_day for per_day in SERIES.values()], np.int64) for days in (span.first, span.count)
    )
    firsts[0], counts[0] = firsts[0] + WARM_UP * A_DAY - MEMORY, counts[0] - WARM_UP * A_DAY + MEMORY + 1
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
    return np.array([word for quantity in SERIES for word in key(seed, f"weather/{quantity}")], np.uint64)


@dataclass(frozen=True, eq=False)
class LaidOut:
    """What all replications share: chances of days; figures and numbers of `closing`; where lists end while empty.

    Stretches have so much room; those that are joined begin at a place in it.
    """

    chances: Floats
    figures: Floats
    numbers: Ints
    ends: Ints
    joined: int
    room: int


@lru_cache(maxsize=8)
def _laid_out(model: Derived, span: Days) -> LaidOut:
    """Lay out a climate and the limits for some days."""
    climate, limits, at = model.climate, model.limits, _series(span).at
    count, early = span.count - WARM_UP, WARM_UP - MEMORY  # no memory reaches back to those days
    most = np.full(LISTS, 2 * span.count)
    most[[BY_CRANE, BY_EXTERIOR, BY_FROST]] = 24 * count + 1
    begins = np.concatenate([[0], np.cumsum(most)])
    numbers = [
        *(WARM_UP, limits.mud_minutes, limits.exterior_drying),
        *(at[0], count * A_DAY + 1 + MEMORY, at[1] + early, count + MEMORY, at[2] + early, count + MEMORY),
        *(number for exposure in EXPOSURES for number in CLOSING[exposure]),
        *begins,
    ]
    return LaidOut(
        np.column_stack([climate.p01, 1 - climate.p10, model.storms.daily]).ravel(),
        _figures(model),
        np.array(numbers, np.int64),
        np.concatenate([begins[:-1], np.zeros(len(EXPOSURES), np.int64)]),
        int(begins[-1]),
        2 * int(begins[-1]),
    )


def _figures(model: Derived) -> Floats:
    """Return what `closing` reads of a climate and of the limits."""
    climate, limits = model.climate, model.limits
    share, hold = climate.wind_daily_share, climate.wind_3h_persistence
    memories = (hold, climate.wind_daily_persistence, climate.temperature_persistence)
    frost = (limits.frost - climate.temperature) / climate.temperature_sd[:, None]
    parts = [
        *(np.hstack(memory(correlation)) for correlation in memories),
        [sqrt(1 - share), sqrt(share)],
        *(shares(hold, hour / STEP_HOURS) for hour in range(STEP_HOURS)),
        [gamma(1 + 1 / climate.rain_shape), limits.earthwork_rain, limits.mud_rain, limits.shut_rain],
        *(climate.rain_hours, climate.rain_mm),
        *(-ndtri(climate.windier(limit)) for limit in (limits.crane_wind, limits.exterior_wind)),
        *(frost, frost.max(axis=1)),
    ]
    return np.concatenate([np.ravel(part) for part in parts])
