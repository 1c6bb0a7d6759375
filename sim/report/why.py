"""Why this date, in words: the driving chain of one run told as spells, and what was critical in how many runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.metrics.mechanisms import MECHANISMS
from sim.report import reading
from sim.report.reading import Result, Share, Values
from sim.report.words import counted, day_of_month, interval, number, step_for
from sim.study.intervals import mean_interval

if TYPE_CHECKING:
    import pandas as pd

MINUTES = 1440
CRITICAL_DAYS = 1.0
"""A mechanism was critical in a run if at least so many days of its driving chain are due to it."""


@dataclass(frozen=True)
class Spell:
    """Consecutive pieces of the chain that are due to one mechanism: days from the start, and what happened."""

    begin: float
    end: float
    mechanism: str
    what: str
    waiting: str

    @property
    def days(self) -> float:
        """Return how long it took."""
        return self.end - self.begin

    @property
    def name(self) -> str:
        """Return the mechanism in a planner's words."""
        return MECHANISMS[self.mechanism]


@dataclass(frozen=True)
class Critical:
    """How much one mechanism decided about the date, over all runs that were finished."""

    mechanism: str
    days: float
    part: float
    runs: Share
    low: float = float("nan")
    high: float = float("nan")

    @property
    def name(self) -> str:
        """Return the mechanism in a planner's words."""
        return MECHANISMS[self.mechanism]

    def mean(self) -> str:
        """Write its mean days, rounded as their interval allows."""
        return number(self.days, step_for(self.low, self.high, 1.0))

    def between(self) -> str:
        """Write the 95 % interval of its mean days; no days are less than none."""
        step = step_for(self.low, self.high, 1.0)
        return interval(
            max(self.low, 0.0) if isfinite(self.low) else self.low, self.high, lambda day: number(day, step)
        )


def spells(chain: pd.DataFrame) -> list[Spell]:
    """Return the driving chain with consecutive pieces of one mechanism put together."""
    pieces = [*chain.itertuples(index=False)]
    return [_spell(mechanism, [*group]) for mechanism, group in groupby(pieces, key=lambda piece: piece.mechanism)]


def _spell(mechanism: str, pieces: list[Any]) -> Spell:
    """Put pieces together: the activity that took longest, where, and who waited for the last of them."""
    days: dict[str, float] = {}
    for piece in pieces:
        days[piece.activity] = days.get(piece.activity, 0.0) + piece.days
    longest = max(days, key=lambda activity: days[activity])
    units = [*dict.fromkeys(piece.unit for piece in pieces)]
    last = pieces[-1]
    waiting = f"{last.waiting} waited for {last.waiting_for}" if last.waiting else ""
    return Spell(pieces[0].begin / MINUTES, last.end / MINUTES, mechanism, _told(longest, len(days), units), waiting)


def _told(activity: str, activities: int, units: list[str]) -> str:
    more = f" and {activities - 1} more" if activities > 1 else ""
    where = units[0] if len(units) == 1 else f"{units[0]} to {units[-1]}, {len(units)} in a row"
    return f"{activity}{more} ({where})"


def critical(runs: pd.DataFrame) -> list[Critical]:
    """Return the mechanisms that decided about the date of the finished runs, those with most days first."""
    columns = {name: f"chain_{name}_days" for name in MECHANISMS if f"chain_{name}_days" in runs}
    if not columns:
        return []
    days = runs[[*columns.values()]].to_numpy(dtype=np.float64)
    days = days[np.isfinite(days).all(axis=1)]
    total = float(days.sum()) or 1.0
    found = [
        _critical(name, of, float(of.sum()) / total)
        for name, of in zip(columns, days.T, strict=True)
        if len(of) and of.any()
    ]
    return sorted(found, key=lambda mechanism: -mechanism.days)


def _critical(name: str, days: Values, part: float) -> Critical:
    """Return what one mechanism decided, by its days in every finished run."""
    mean = mean_interval(days)
    return Critical(name, mean.value, part, Share(int((days >= CRITICAL_DAYS).sum()), len(days)), mean.low, mean.high)


def told(result: Result, most: int = 4) -> str:
    """Return in a sentence what the date of the representative run is made of."""
    by_days: dict[str, float] = {}
    found = spells(result.chain)
    for spell in found:
        by_days[spell.name] = by_days.get(spell.name, 0.0) + spell.days
    if not by_days:
        return "No run was finished, so there is no chain."
    first = sorted(by_days, key=lambda name: -by_days[name])[:most]
    listed = [f"{name} {number(by_days[name])}" for name in first]
    rest = sum(by_days.values()) - sum(by_days[name] for name in first)
    listed += [f"other {number(rest)}"] if rest >= 0.5 else []
    end = reading.project_dates(result).say(found[-1].end)
    return f"{end} is {counted(sum(by_days.values()), 'day', 'days')} after the decision: {', '.join(listed)}."


def lines(result: Result) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the chain as a table: from, to, days, what it is due to, and what happened."""
    dates = reading.project_dates(result)
    for spell in spells(result.chain):
        began, ended = (day_of_month(dates.on(day)) for day in (spell.begin, spell.end))
        yield began, ended, number(spell.days, 0.1), spell.name, spell.what
