"""The luck of the sky: every number of the weather belongs to a civil day.

A draw is addressed by (seed, quantity, replication, civil day), never by who asks or in which order. So the
weather of 3 March 2027 is the same under every strategy, in every process, and for a project that starts a
month later; what moves is which work meets it.

One stream per quantity ("weather/rain", "weather/wind", …): Philox4x64-10 as in `draws`, with the same key
rule, but with the place in the series as its first counter word, because years are drawn at once for one
replication, where `draws` draws one input for many replications. Counter (place // 4, 0, replication, 0) gives
four numbers; place counts from the year 1, so a day's numbers do not depend on where a series begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.world.draws import key

Floats = NDArray[np.float64]

WARM_UP = 96
"""Days drawn before the first: what the weather still remembers, and storm seasons that are under way."""

MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_BEFORE = np.array([0, *accumulate(MONTH_DAYS)][:12])
_ALL = (1 << 256) - 1
_WORD = (1 << 64) - 1
_UNUSED: dict[str, Any] = {
    "bit_generator": "Philox",
    "has_uint32": 0,
    "uinteger": 0,
    "buffer": [0] * 4,
    "buffer_pos": 4,
}
_HALF_STEP = 2.0**-54
_TOP = 1.0 - 2.0**-53


@dataclass(frozen=True, eq=False)
class Days:
    """Civil days in a row: `month` from 0, `of_year` from 0 in a year of 365 days (29 February is the 28th)."""

    first: int
    count: int
    month: NDArray[np.int64]
    of_year: NDArray[np.int64]


@lru_cache(maxsize=8)
def days(start: date, count: int) -> Days:
    """Look up months of `count` days before and from `start`: WARM_UP days are put before it."""
    stamps = np.datetime64(start) + np.arange(-WARM_UP, count)
    month = stamps.astype("datetime64[M]").astype(np.int64) % 12
    day = (stamps - stamps.astype("datetime64[M]")).astype(np.int64)
    day = np.minimum(day, np.array(MONTH_DAYS)[month] - 1)
    return Days(start.toordinal() - WARM_UP, count + WARM_UP, month, _BEFORE[month] + day)


@dataclass(frozen=True)
class Sky:
    """The luck of one replication's weather."""

    seed: int
    replication: int

    def daily(self, quantity: str, first: int, count: int, per_day: int = 1) -> Floats:
        """Draw `per_day` numbers in (0, 1) for each of `count` days from ordinal `first`: (count, per_day)."""
        return self.numbers(quantity, first * per_day, count * per_day).reshape(count, per_day)

    def numbers(self, quantity: str, first: int, count: int) -> Floats:
        """Draw the numbers at places first … first + count − 1 of a quantity's endless series."""
        block, skipped = divmod(first, 4)
        before = ((block | self.replication << 128) - 1) & _ALL  # numpy steps before its first output
        place = {"counter": [before >> shift & _WORD for shift in (0, 64, 128, 192)]}
        self._moved.state = _UNUSED | {"state": place | {"key": key(self.seed, f"weather/{quantity}")}}
        drawn = np.random.Generator(self._moved).random(skipped + count)[skipped:]
        drawn += _HALF_STEP
        return np.minimum(drawn, _TOP, out=drawn)

    @cached_property
    def _moved(self) -> Any:
        """Return a generator that is moved to the start of each series: making one takes ten times as long."""
        return np.random.Philox(key=0)
