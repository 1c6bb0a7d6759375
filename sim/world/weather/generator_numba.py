"""The compiled version of `sim.world.weather.generator.ClimateModel.closed`; read that one first.

Draws, the loops over hours and the joining of intervals are compiled (`sim.world.kernels`); quantiles, logarithms and
powers stay in numpy and scipy, so that the last bit does not depend on another library.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import gamma, sqrt
from threading import get_ident

import numpy as np
from numpy.typing import NDArray

from sim.config.sections.systems import EXPOSURES, Exposure
from sim.jit import special_functions
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
    choose_days,
    draw_uniforms,
    find_closures,
)
from sim.world.streams import stream_key
from sim.world.weather.climate import LAGS, autocorrelation_weights, interpolation_weights
from sim.world.weather.closures import WARM_UP_DAYS, Closed, Days, IntervalRows, WeatherDraws
from sim.world.weather.generator import WIND_STEP_HOURS, ClimateModel

ndtri = special_functions().ndtri
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

WIND_STEPS_PER_DAY = 24 // WIND_STEP_HOURS
BLOCK = 4
SERIES = {"wind": WIND_STEPS_PER_DAY, "wind of the day": 1, "temperature": 1, "rain": BLOCK, "storms": 2}
"""Numbers a day; the first three are quantiles of normal ones."""
NORMAL = 3
CLOSING: dict[Exposure, tuple[int, ...]] = {
    "earthwork": (GROUND, BY_FROST, OUTDOORS, SHUT),
    "exterior": (ROOF, BY_EXTERIOR, OUTDOORS, SHUT),
    "crane": (RAINS, BY_CRANE, OUTDOORS, SHUT),
    "interior": (EVERYONE, SHUT, SHUT, SHUT),  # the same one again closes nothing more
}


def closed(model: ClimateModel, span: Days, draws: WeatherDraws) -> Closed:
    """Return the minutes that the weather of a replication closes, by exposure: those of `ClimateModel.closed`."""
    series, inputs = _series(span), _kernel_inputs(model, span)
    work = _workspace(series, inputs, get_ident())
    # one workspace per thread: replications run side by side in threads, as kernels release the GIL
    draw_uniforms(_keys(draws.seed), draws.replication, series.blocks, work.uniforms)
    wet_days, wet_and_storms = choose_days(
        span.month, inputs.chances, *series.of_days(work.uniforms), work.days, work.chosen
    )
    # logarithm, power and normal quantile stay in numpy and scipy, between two kernels: see the module
    sizes = -np.log1p(-work.chosen[: 2 * wet_days : 2])
    powers = sizes ** (1 / model.climate.rain_shape)
    ndtri(work.uniforms[: series.normal], out=work.uniforms[: series.normal])
    # a copy, as the kernel moves these ends; the rows are only written
    rows, ends = work.rows, inputs.ends.copy()
    _write_storm_seasons(
        model.storms.intervals(
            work.days[wet_days:wet_and_storms], work.chosen[2 * wet_days : 2 * wet_and_storms : 2].copy()
        ),
        rows,
        ends,
    )
    find_closures(
        span.month,
        inputs.figures,
        inputs.numbers,
        work.uniforms,
        work.days[:wet_days],
        work.chosen[1:],
        sizes,
        powers,
        rows,
        ends,
    )
    # the joined intervals of the exposures lie end to end, so each begins where the one before ends
    positions = [inputs.joined, *ends[LISTS:].tolist()]
    return {
        exposure: rows[begin:end].reshape(-1, 2).copy()
        for exposure, begin, end in zip(EXPOSURES, positions[:-1], positions[1:], strict=True)
    }


def _write_storm_seasons(seasons: tuple[IntervalRows, IntervalRows], rows: Ints, ends: Ints) -> None:
    """Write the intervals of storm seasons, outdoors and for all work, into their lists in `rows`."""
    for number, intervals in zip((OUTDOORS, EVERYONE), seasons, strict=True):
        begin = ends[number]
        ends[number] = begin + intervals.size
        rows[begin : ends[number]] = intervals.ravel()


@dataclass(frozen=True, eq=False)
class Series:
    """The layout of the uniforms of some days: (first block, count) of each series, and where each begins.

    The first `normal` of them become normal scores; `length` is their number in all.
    """

    blocks: Ints
    begin: Ints
    normal: int
    length: int

    def of_days(self, uniforms: Floats) -> tuple[Floats, Floats]:
        """Return the uniforms of rain and storms, from the first day on."""
        return uniforms[self.begin[NORMAL] :], uniforms[self.begin[NORMAL + 1] :]


@lru_cache(maxsize=8)
def _series(span: Days) -> Series:
    """Return the layout of the uniforms of some days; those of wind begin in the last days before the project."""
    firsts, counts = (
        np.array([days * per_day for per_day in SERIES.values()], np.int64) for days in (span.first, span.count)
    )
    # an autocorrelated series needs the numbers of LAGS steps before the first one that is used
    skipped = WARM_UP_DAYS * WIND_STEPS_PER_DAY - LAGS
    firsts[0], counts[0] = firsts[0] + skipped, counts[0] - skipped + 1
    # whole blocks, the first and the last included: a number's place in its block must not depend on the span
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
    """Return the keys of all series under a seed, two words each, end to end."""
    return np.array([word for quantity in SERIES for word in stream_key(seed, f"weather/{quantity}")], np.uint64)


@dataclass(frozen=True, eq=False)
class KernelInputs:
    """Inputs of the kernels that all replications share: those of `choose_days` and `find_closures`, for so many days.

    `ends` is where the empty lists end; `room` is the size of the array of rows, `joined` where joined intervals begin in it.
    """

    days: int
    chances: Floats
    figures: Floats
    numbers: Ints
    ends: Ints
    joined: int
    room: int


@lru_cache(maxsize=8)
def _kernel_inputs(model: ClimateModel, span: Days) -> KernelInputs:
    """Return a climate, its limits and storms as inputs of the kernels for some days."""
    climate, limits, first_of_series = model.climate, model.limits, _series(span).begin
    count, days_skipped = (
        span.count - WARM_UP_DAYS,
        WARM_UP_DAYS - LAGS,
    )  # no autocorrelation reaches back to those days
    list_sizes = np.full(LISTS, 2 * span.count)
    list_sizes[[BY_CRANE, BY_EXTERIOR, BY_FROST]] = 24 * count + 1
    begins = np.concatenate([[0], np.cumsum(list_sizes)])
    numbers = [
        *(WARM_UP_DAYS, limits.mud_minutes, limits.exterior_drying),
        *(first_of_series[0], count * WIND_STEPS_PER_DAY + 1 + LAGS),
        *(first_of_series[1] + days_skipped, count + LAGS),
        *(first_of_series[2] + days_skipped, count + LAGS),
        *(number for exposure in EXPOSURES for number in CLOSING[exposure]),
        *begins,
    ]
    return KernelInputs(
        span.count,
        np.column_stack([climate.p01, 1 - climate.p10, model.storms.daily]).ravel(),
        _climate_figures(model),
        np.array(numbers, np.int64),
        np.concatenate([begins[:-1], np.zeros(len(EXPOSURES), np.int64)]),
        int(begins[-1]),
        int(begins[-1]) + sum(int(list_sizes[list(lists)].sum()) for lists in CLOSING.values()),
    )


@dataclass(frozen=True, eq=False)
class Workspace:
    """Arrays of one thread, used again for every replication: fresh memory would cost a third of the time."""

    uniforms: Floats
    days: Ints
    chosen: Floats
    rows: Ints


@lru_cache(maxsize=8)
def _workspace(series: Series, inputs: KernelInputs, thread: int) -> Workspace:  # noqa: ARG001 (each has its own)
    """Return the arrays of a thread: uniforms, chosen days and their uniforms, intervals."""
    count = inputs.days
    return Workspace(
        np.empty(series.length), np.empty(2 * count, np.int64), np.empty(4 * count), np.empty(inputs.room, np.int64)
    )


def _climate_figures(model: ClimateModel) -> Floats:
    """Return the `figures` of `find_closures`: the numbers of a climate and of its limits, end to end."""
    climate, limits = model.climate, model.limits
    share, persistence = climate.wind_daily_share, climate.wind_3h_persistence
    correlations = (persistence, climate.wind_daily_persistence, climate.temperature_persistence)
    frost = (limits.frost - climate.temperature) / climate.temperature_sd[:, None]
    parts = [
        *(np.hstack(autocorrelation_weights(correlation)) for correlation in correlations),
        [sqrt(1 - share), sqrt(share)],
        *(interpolation_weights(persistence, hour / WIND_STEP_HOURS) for hour in range(WIND_STEP_HOURS)),
        [gamma(1 + 1 / climate.rain_shape), limits.earthwork_rain, limits.mud_rain, limits.shut_rain],
        *(climate.rain_hours, climate.rain_mm),
        *(-ndtri(climate.wind_exceedance(limit)) for limit in (limits.crane_wind, limits.exterior_wind)),
        *(frost, frost.max(axis=1)),
    ]
    return np.concatenate([np.ravel(part) for part in parts])
