"""What a status says of one unit: what it has done when, what it has begun, and what remains of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from sim.study.analyses.forecast.plan_steps import NEVER


@dataclass
class Known:
    """What a status says of one unit: when it did which place of its route, and the first one it has not done.

    `begun` are works that were started and are not finished; `whole` says that the unit stands where it is reported.
    """

    done: dict[int, int] = field(default_factory=dict)
    dated: set[int] = field(default_factory=set)
    """Places whose minute is stated, not interpolated between counts."""
    begun: dict[int, int] = field(default_factory=dict)
    open_from: int = NEVER
    whole: bool = False

    @property
    def started(self) -> tuple[int, int] | None:
        """Return place and begin of the work at which the unit stands, if it was started."""
        return max(self.begun.items()) if self.begun else None


@dataclass(frozen=True)
class Remaining:
    """What a status says of work under way: minutes left, or a share of its length, when it stopped and goes on."""

    minutes: tuple[float, float, float] | None = None
    share: float | None = None
    suspended: int | None = None
    resumed: int | None = None


def capped(known: Known) -> dict[int, int]:
    """Return when a unit did which place: what lies between counts is no later than what is stated of places behind it."""
    found, limit = dict(known.done), known.started[1] if known.started is not None else NEVER
    for place in sorted(found, reverse=True):
        if known.started is not None and place > known.started[0]:
            continue
        if place in known.dated:
            limit = min(limit, found[place])
        else:
            found[place] = min(found[place], limit)
    return found


FINISHED = Remaining((0.0, 0.0, 0.0))


@dataclass(frozen=True)
class Interrupted:
    """Work that was begun out of sequence, since when, and what is said of its remaining time."""

    unit: int
    place: int
    begun: int
    remaining: Remaining


def between(planned: list[int], facts: list[tuple[int, int]]) -> list[int]:
    """Return the minutes of all places up to the last fact: the plan's distances, stretched between facts."""
    if not facts:
        return []
    times: list[int] = []
    (first, at), *_ = facts
    times += [max(0, min(at, at - max(0, planned[first] - planned[place]))) for place in range(first)] + [at]
    for (left, begin), (right, stated) in pairwise(facts):
        end = max(stated, begin)
        span = planned[right] - planned[left]
        for place in range(left + 1, right + 1):
            share = (planned[place] - planned[left]) / span if span and place < right else float(place == right)
            times.append(round(begin + share * (end - begin)))
    rising: list[int] = np.maximum.accumulate(times).tolist()
    return rising
