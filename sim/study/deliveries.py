"""When the megawatts come: a delivery curve read as dates, "the date by which so many MW are online"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from sim.study.chunk import Column
from sim.study.intervals import Interval
from sim.study.sample import Sample
from sim.study.summary import number, plain

CURVE = "mw_online"
STEPS = 10
# the MW that nine in ten runs have on a day are few: they are a late date
CHANCES = {"p10": "p90", "p50": "p50", "p90": "p10"}


@dataclass(frozen=True)
class Step:
    """The days on which a level of MW is reached, early (P10), middle (P50) and late (P90), with intervals.

    A day is infinite where the level is not reached within the curve.
    """

    mw: float
    days: Mapping[str, Interval]

    def told(self) -> dict[str, Any]:
        """As it is written to a file: `{"mw": 25, "p50": [day, low, high, n], …}`."""
        return {"mw": self.mw} | {name: written(interval) for name, interval in self.days.items()}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Step:
        """Back from a file."""
        return cls(float(document["mw"]), {name: interval(document[name]) for name in CHANCES})


def written(value: Interval) -> list[Any]:
    """An interval in a file: value, low, high, n."""
    return [plain(part) for part in (value.value, value.low, value.high, value.n)]


def interval(document: list[Any]) -> Interval:
    """Back from a file."""
    value, low, high, n = document
    return Interval(number(value), number(low), number(high), int(n))


def levels(full_mw: float, steps: int = STEPS) -> list[float]:
    """The MW at which dates are read: equal steps up to all of it."""
    return [round(full_mw * k / steps, 6) for k in range(1, steps + 1)]


def delivery(sample: Sample, mw: list[float] | None = None) -> list[Step]:
    """The days by which these levels (ten equal steps if None) are reached; empty if there is no curve."""
    rows = sample.curves["curve"] == CURVE
    if not rows.any():
        return []
    band = {name: column[rows] for name, column in sample.curves.items() if name != "curve"}
    n = sample.size - sample.having("failed")
    wanted = levels(float(np.nanmax(band["p95"]))) if mw is None else mw
    return [Step(level, {name: _reached(band, CHANCES[name], level, n) for name in CHANCES}) for level in wanted]


def _reached(band: Mapping[str, Column], share: str, level: float, n: int) -> Interval:
    """The day a band reaches a level; more MW is earlier, so the ends of the interval change places."""
    low, high = (_day(band["day"], band[f"{share}_{end}"], level) for end in ("high", "low"))
    unbounded = bool(np.isnan(band[f"{share}_high"]).all())
    return Interval(_day(band["day"], band[share], level), -inf if unbounded else low, high, n)


def _day(days: Column, megawatts: Column, level: float) -> float:
    """The first day with that many MW online; infinite if there is none."""
    there = np.flatnonzero(megawatts >= level - 1e-6)
    return float(days[there[0]]) if len(there) else inf
