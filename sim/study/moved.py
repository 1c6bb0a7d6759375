"""What is no longer where it was expected, and how far things may move before that is said.

The planned run has no luck in it, so its dates may move by a day and no more. What comes from the sample is
known only as well as its 95 % interval tells; it has moved when that of then and that of today do not meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, isnan, nan
from typing import Any

from sim.study.deliveries import Step, delivery, interval
from sim.study.intervals import Interval
from sim.study.sample import Sample
from sim.study.summary import number

QUANTILES = {"p50": 0.5, "p80": 0.8}


@dataclass(frozen=True)
class Tolerances:
    """How much may change before it counts as moved.

    `planned_days`: a date of the planned run. `planned_share`: another number of it, as a share of itself.
    `sampled_days`: a date of the sample never counts as moved by less, wherever the intervals lie.
    """

    planned_days: float = 1.0
    planned_share: float = 0.001
    sampled_days: float = 1.0


@dataclass(frozen=True)
class Moved:
    """One thing that is no longer where it was; `then` or `now` is not-a-number where it was not there."""

    what: str
    then: float
    now: float
    allowed: str

    def __str__(self) -> str:
        """On one line."""
        return f"{self.what}: {self.then:.10g}, now {self.now:.10g} (allowed: {self.allowed})"


def moved_blocks(then: Mapping[str, Any], now: Mapping[str, float], allowed: Tolerances) -> list[Moved]:
    """Blocks whose planned day online moved, the earliest first; blocks that came or went belong to them."""
    days = {block: (number(then.get(block)), now.get(block, nan)) for block in {**then, **now}}
    moved = [
        Moved(f"planned day online of block {block}", before, after, f"±{allowed.planned_days:g} days")
        for block, (before, after) in days.items()
        if not _close(before, after, allowed.planned_days)
    ]
    return sorted(moved, key=lambda one: min(day for day in (one.then, one.now, inf) if not isnan(day)))


def moved_numbers(then: Mapping[str, Any], now: Mapping[str, float], allowed: Tolerances) -> list[Moved]:
    """Key numbers of the planned run that moved."""
    moved = []
    for metric, kept in then.items():
        before, after = number(kept), now.get(metric, nan)
        dated = metric.endswith("_days")
        room = allowed.planned_days if dated else allowed.planned_share * abs(before)
        if not _close(before, after, room):
            told = f"±{room:g} days" if dated else f"±{100 * allowed.planned_share:g} %"
            moved.append(Moved(f"planned {metric}", before, after, told))
    return moved


def _close(then: float, now: float, room: float) -> bool:
    """Whether two numbers are within `room`, or are both infinite or both unknown."""
    return then == now or abs(then - now) <= room or (isnan(then) and isnan(now))


def sampled(sample: Sample, metrics: Iterable[str]) -> dict[str, dict[str, Interval]]:
    """P50 and P80 of those metrics the sample has."""
    return {
        metric: {name: sample.quantile(metric, share) for name, share in QUANTILES.items()}
        for metric in metrics
        if metric in sample.runs
    }


def moved_deliveries(steps: list[Mapping[str, Any]], sample: Sample, allowed: Tolerances) -> list[Moved]:
    """Days by which so many MW are online, early, middle and late, that moved."""
    then = [Step.read(step) for step in steps]
    now = delivery(sample, [step.mw for step in then])
    if len(now) != len(then):
        return [Moved("MW on a delivery curve", then[-1].mw, nan, "a curve mw_online")] if then else []
    pairs = [
        (f"{name.upper()} of the day with {before.mw:g} MW online", before.days[name], after.days[name])
        for before, after in zip(then, now, strict=True)
        for name in before.days
    ]
    return _apart(pairs, allowed.sampled_days)


def moved_metrics(then: Mapping[str, Any], sample: Sample, allowed: Tolerances) -> list[Moved]:
    """Key numbers of the sample that moved."""
    now, moved = sampled(sample, then), []
    for metric, quantiles in then.items():
        room = allowed.sampled_days if metric.endswith("_days") else 0.0
        pairs = [
            (
                f"{name.upper()} of {metric}",
                interval(kept),
                now.get(metric, {}).get(name, Interval(nan, nan, nan, 0)),
            )
            for name, kept in quantiles.items()
        ]
        moved += _apart(pairs, room)
    return moved


def _apart(pairs: list[tuple[str, Interval, Interval]], room: float) -> list[Moved]:
    """Those whose intervals do not meet, and that moved by more than `room`."""
    return [
        Moved(what, then.value, now.value, f"meets {then.low:.10g} to {then.high:.10g}")
        for what, then, now in pairs
        if not then.overlaps(now) and not _close(then.value, now.value, room)
    ]
