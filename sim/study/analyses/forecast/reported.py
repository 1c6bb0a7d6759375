"""What a status says of one unit: what it has done when, what it has begun, and what remains of that.

And the order of what is assumed between facts: nothing happens before what it waits for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, pairwise

import numpy as np

from sim.jit import special_functions
from sim.plan.compiled_plan import NONE
from sim.plan.vocabulary import AGAIN, FREE, NOTE, SIGNAL, Log
from sim.study.analyses.forecast.plan_steps import NEVER, Giver, PlanSteps, unit_and_place

Times = list[list[int]]
"""By unit the minute of each step of its route that is done."""


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

    def passed(self, place: int) -> int | None:
        """Return the minute by which a place is passed, as a stated minute says, None where none does."""
        if not self.dated:  # of most units nothing is stated, and every count asks each of its stage
            return None
        return min((self.done[dated] for dated in self.dated if dated >= place), default=None)

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
    promise: bool = False
    """Whether it is what a vendor has promised."""


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


def minutes_passed(planned: Sequence[int], points: Sequence[tuple[int, int]]) -> list[int]:
    """Return when units in order have passed a place, as many as there are by the dates of `points`.

    `planned` are their planned minutes; between two dates they keep the plan's rhythm.
    """
    if not planned:
        return []
    rising = np.maximum.accumulate(planned).tolist()
    minutes: list[int] = []
    begin, since = min(rising[0], points[0][0]), rising[0]
    for date, many in points:
        count = min(many, len(rising))
        # the moment nearest to the date at which the plan has as many: what goes as planned keeps the plan's dates
        until = max(date, rising[count - 1]) if count else since
        until = min(until, rising[count]) if count < len(rising) else until
        for number in range(len(minutes), count):
            share = (rising[number] - since) / max(1, until - since) if until < NEVER else 1.0
            minutes.append(round(begin + min(1.0, max(0.0, share)) * (date - begin)))
        begin, since = date, max(since, min(until, NEVER))
    return minutes


OVERDUE_SPREAD = 0.25
"""Standard deviation of how long a way takes, as a share of it (an assumption: 0.15 to 0.6; docs/decisions.md has
what it is in simulated pasts)."""


def left_when_overdue(drawn: float) -> float:
    """Return the share of its way that is left to a unit that has taken longer than it: the upper half of a normal spread."""
    return OVERDUE_SPREAD * float(special_functions().ndtri((1 + drawn) / 2))


def overdue(planned: Sequence[int], since: int, place: int, moved: int, now: int, left: Callable[[], float]) -> int:
    """Return by how much later a unit is than facts and plan, `moved`, make it, as it has not passed a place by now.

    Of the way from where it was `since` to that place so much is `left`: between nothing and all of it.
    """
    due, way = planned[place] + moved, planned[place] - planned[since]
    if due > now or planned[place] >= NEVER:
        return 0
    return now - due + max(1, round(left() * way))


def log_of(steps: PlanSteps, times: Times) -> Log:
    """Return the rows of what is done, in its order: minute, step, and since when, which branch or how much."""
    routes, rows, number = steps.routes, steps.plan.rows, [len(done) for done in times]
    unit, place = unit_and_place(number)
    minute = np.array([*chain.from_iterable(times)], np.int64)
    ways = [(routes[unit].steps, count) for unit, count in enumerate(number)]
    done = np.array([*chain.from_iterable(way[:count] for way, count in ways)], np.int64)
    after = np.array([*chain.from_iterable([*way[1 : count + 1], NONE][:count] for way, count in ways)], np.int64)
    operation, a, b = rows[done, :3].T
    detail = np.where(place > 0, np.concatenate([[0], minute[:-1]]), 0)
    detail = np.where(operation == FREE, a, np.where(np.isin(operation, (SIGNAL, NOTE)), b, detail))
    detail = np.where(operation == AGAIN, after == a, detail)
    return np.column_stack([minute, done, detail])[np.lexsort((place, unit, minute))]


ROUNDS = 200


class Order:
    """Puts the minutes of a history in order: what is not dated moves behind what it waits for or takes."""

    def __init__(self, steps: PlanSteps, times: Times, known: Mapping[int, Known]) -> None:
        self.steps, self.times, self.known = steps, times, known
        self.bundles = [dict(bundle) for bundle in steps.plan.bundles]
        self.moved: set[int] = set()

    def put(
        self, waits: Mapping[int, Collection[tuple[int, int, int]]], holders: Mapping[int, Collection[tuple[int, int]]]
    ) -> None:
        """Move units that passed gates, (level, unit, place), or hold what is supplied, (unit, place), as far as needed."""
        looked_at = {*(gate + 1 for gate in waits), *(-pool - 1 for pool in holders)}
        for _ in range(ROUNDS):
            self.moved = set()
            for one in sorted(looked_at):
                if one > 0 and one - 1 in waits:
                    self._behind_signals(one - 1, waits[one - 1])
                elif one < 0 and -one - 1 in holders:
                    self._behind_supply(-one - 1, holders[-one - 1])
            if not self.moved:
                return
            looked_at = {*self._touched(holders)}

    def _touched(self, holders: Mapping[int, Collection[tuple[int, int]]]) -> Iterator[int]:
        """Yield the gates (1 + number) and pools (-1 - number) that units which have moved give to, or take from."""
        for sign, of in ((1, self.steps.signallers), (-1, self.steps.suppliers)):
            for receiver, givers in of.items():
                if any(unit in self.moved for _, unit, _ in givers):
                    yield sign * (receiver + 1)
        yield from (-pool - 1 for pool, held in holders.items() if any(unit in self.moved for unit, _ in held))

    def _amount(self, unit: int, place: int, pool: int) -> int:
        """Return how much a step gives to a gate, or gives to or takes from a pool."""
        operation, a, b = self.steps.rows[self.steps.routes[unit].steps[place]][:3]
        return b if operation == SIGNAL else self.bundles[a][pool]

    def _given(self, givers: Collection[Giver], pool: int = -1) -> tuple[list[int], list[int]]:
        """Return the minutes at which something was given, and how much there was then."""
        times = self.times
        done = [(times[unit][place], unit, place) for _, unit, place in givers if place < len(times[unit])]
        done.sort()
        return [one[0] for one in done], list(accumulate(self._amount(unit, place, pool) for _, unit, place in done))

    def _behind_signals(self, gate: int, waits: Collection[tuple[int, int, int]]) -> None:
        minutes, levels = self._given(self.steps.signallers.get(gate, ()))
        for needed, unit, place in waits:
            self._move(unit, place, minutes, levels, needed)

    def _behind_supply(self, pool: int, holders: Collection[tuple[int, int]]) -> None:
        minutes, levels = self._given(self.steps.suppliers.get(pool, ()), pool)
        taken = -int(self.steps.plan.initial[pool])
        for _, unit, place in sorted((self.times[unit][place], unit, place) for unit, place in holders):
            taken += self._amount(unit, place, pool)
            self._move(unit, place, minutes, levels, taken)

    def _move(self, unit: int, place: int, minutes: list[int], levels: list[int], needed: int) -> None:
        """Move a place of a unit and all behind it to when so much had been given, unless it is stated."""
        at = bisect_left(levels, needed)
        times = self.times[unit]
        if needed <= 0 or at >= len(levels) or times[place] >= minutes[at]:
            return
        known = self.known.get(unit, Known())
        stated = [times[dated] for dated in known.dated if place <= dated < len(times)]
        stated += [known.started[1]] if known.started is not None else []
        if not stated or min(stated) >= minutes[at]:
            times[place:] = [max(minute, minutes[at]) for minute in times[place:]]
            self.moved.add(unit)
