"""Levelling: the fewest people on site by whom a date is kept, found by many rehearsals.

The levels are crews by trade, each there from the beginning and manned as the work needs them. A search removes crews
while the rehearsed finish keeps the date, always those by which the peak falls most; from several beginnings, since
it stops at the first plan that no single trade improves. It draws nothing, so it is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from sim.errors import Stalled
from sim.metrics.schedule import NEVER
from sim.plan.vocabulary import MINUTES_PER_DAY
from sim.study.crew_planning.manning import Manning, manning
from sim.study.crew_planning.rehearsal import Rehearsal

BEGINNINGS = (1.0, 1.3)
"""Multiples of the crews that the search begins with."""
MOST_EXCHANGES = 8
"""How often two trades are changed at once where no change of a single one makes a plan better."""
MOST_DAYS_LATE = 2
"""How many times as long as the earliest date a plan for a limit of people may take."""


@dataclass(frozen=True)
class Aim:
    """What a crew plan must keep: the minute of the last block online, and the mean minute of all blocks."""

    finish: float
    mean_online: float = inf


@dataclass(frozen=True)
class Levelled:
    """A crew plan: crews by trade, the minutes of the last block online and of all on the mean, and the manning."""

    crews: Mapping[str, int]
    finish: int
    mean_online: float
    manning: Manning

    def keeps(self, aim: Aim) -> bool:
        """Return whether all blocks are online by the aim's minute, and on the mean not later than its mean."""
        return self.finish <= aim.finish and self.mean_online <= aim.mean_online

    @property
    def lateness(self) -> float:
        """Return how late a plan is by both measures together."""
        return self.finish + self.mean_online

    @property
    def rank(self) -> tuple[int, float]:
        """Return what is made small: the peak, then the sum of squares."""
        return self.manning.peak, self.manning.sum_of_squares


class _KnownRuns:
    """Plans that were run, by the fewest and the most crews with which the log is the same: a third of all need no run."""

    def __init__(self) -> None:
        """Begin with none."""
        self._plans: list[Levelled] = []
        self._bounds = np.zeros((2, 0, 0), np.int64)

    def find(self, crews: Mapping[str, int]) -> Levelled | None:
        """Return a plan whose log these crews have as well, if it is known."""
        if not self._plans:
            return None
        counts, (least, most) = np.array([*crews.values()], np.int64), self._bounds[:, : len(self._plans)]
        same = np.flatnonzero(((least <= counts) & (counts <= most)).all(axis=1))
        return self._plans[same[0]] if len(same) else None

    def add(self, plan: Levelled, bounds: tuple[np.ndarray, np.ndarray] | None) -> None:
        """Remember a plan that was run."""
        if bounds is None:
            return
        number = len(self._plans)
        if number == self._bounds.shape[1]:
            more = np.zeros((2, max(64, number), len(bounds[0])), np.int64)
            self._bounds = np.concatenate([self._bounds, more], axis=1) if number else more
        self._bounds[:, number] = bounds
        self._plans.append(plan)


class Levelling:
    """The search for a crew plan of one rehearsed project; every plan that was tried is remembered."""

    def __init__(
        self, rehearsal: Rehearsal, typed: Collection[str] = (), available: Mapping[str, int] | None = None
    ) -> None:
        """Begin with nothing tried; the crews of the trades in `typed` are stated and stay as they are.

        `available` has the most crews of trades of which the local market has no more.
        """
        self.rehearsal, self.typed, self.available = rehearsal, frozenset(typed), available or {}
        self.tried: dict[tuple[int, ...], Levelled] = {}
        self._known = _KnownRuns()

    def plan(self, crews: Mapping[str, int]) -> Levelled:
        """Return the plan with so many crews, rehearsed; never fewer than one step takes at once."""
        crews = {
            trade: max(min(count, self.available.get(trade, count)), self.rehearsal.most[trade])
            for trade, count in crews.items()
        }
        key = tuple(crews.values())
        if key not in self.tried:
            self.tried[key] = self._rehearsed(crews)
        return self.tried[key]

    def _rehearsed(self, crews: Mapping[str, int]) -> Levelled:
        """Rehearse a plan; with so few crews that the calendars end before the work does, it is never finished."""
        found = self._known.find(crews)
        if found is None:
            try:
                log = self.rehearsal.log_with(crews)
            except Stalled:
                return Levelled(crews, NEVER, inf, manning(self.rehearsal, self.rehearsal.log))
            online = log[self.rehearsal.online_rows(log), 0]
            found = Levelled(crews, int(online.max()), float(online.mean()), manning(self.rehearsal, log))
            self._known.add(found, self.rehearsal.same_log(crews))
        # crews that are never all busy might as well not be there: the log is the same without them
        trades = found.manning.trades
        busy = dict(zip(trades, found.manning.busy.max(axis=1).tolist(), strict=True))
        return replace(found, crews={t: n if t in self.typed else min(n, busy[t]) for t, n in crews.items()})

    def level(self, aim: Aim, begin: Mapping[str, int]) -> Levelled:
        """Return the plan with the smallest peak that is finished by a minute, searched from several beginnings.

        Where no number of crews keeps the date, the earliest plan that adding crews one trade at a time leads to.
        """
        found = []
        for multiple in BEGINNINGS:
            crews = {t: count if t in self.typed else round(count * multiple) for t, count in begin.items()}
            found.append(self._fewer(self._early_enough(self.plan(crews), aim), aim))
        kept = [plan for plan in found if plan.keeps(aim)]
        return min(kept, key=lambda plan: plan.rank) if kept else min(found, key=lambda plan: plan.lateness)

    def within(self, limit: int, earliest: int, begin: Mapping[str, int]) -> Levelled:
        """Return the earliest plan with at most so many people on site: the date is bisected to the day."""
        low, high, best = earliest, earliest * MOST_DAYS_LATE, None
        while high - low > MINUTES_PER_DAY:
            middle = (low + high) // 2
            plan = self.level(Aim(middle), best.crews if best else begin)
            if plan.manning.peak <= limit and plan.finish <= middle:
                best, high = plan, plan.finish
            else:
                low = middle
        return best or self.level(Aim(high), begin)

    def _early_enough(self, plan: Levelled, aim: Aim) -> Levelled:
        """Add crews until the date is kept or no trade makes it earlier: those that gain most days for their people."""
        while not plan.keeps(aim):
            better = [more for more in self._with_more(plan) if more.lateness < plan.lateness]
            if not better:
                return plan
            plan = min(better, key=lambda more: (more.lateness - plan.lateness) / self._added(plan, more))
        return plan

    def _fewer(self, plan: Levelled, aim: Aim) -> Levelled:
        """Take crews away while the date is kept and the peak falls, in ever smaller steps."""
        # a date that is not kept is not made worse
        aim = Aim(max(aim.finish, plan.finish), max(aim.mean_online, plan.mean_online))
        steps = {trade: max(1, count // 2) for trade, count in plan.crews.items()}
        for _ in range(MOST_EXCHANGES):
            while better := [*self._with_fewer(plan, aim, steps)]:
                plan = min(better, key=lambda fewer: fewer.rank)
            if not (exchanged := [*self._exchanged(plan, aim)]):
                break
            plan = min(exchanged, key=lambda other: other.rank)
        return plan

    def _with_fewer(self, plan: Levelled, aim: Aim, steps: dict[str, int]) -> Iterator[Levelled]:
        """Yield for every trade the plan with the largest step fewer crews that is still in time and better."""
        for trade, count in self._free(plan):
            while count > self.rehearsal.most[trade]:
                step = min(steps[trade], count - self.rehearsal.most[trade])
                fewer = self.plan({**plan.crews, trade: count - step})
                if fewer.keeps(aim) and fewer.rank < plan.rank:
                    yield fewer
                    break
                if steps[trade] == 1:
                    break
                steps[trade] = max(1, steps[trade] // 2)

    def _exchanged(self, plan: Levelled, aim: Aim) -> Iterator[Levelled]:
        """Yield better plans with one crew more of a trade, or one fewer of a trade at the peak and one of another.

        More crews may lower the peak: they are through before the next trade comes.
        """
        week = int(plan.manning.people.argmax())
        there = {trade for trade, row in zip(plan.manning.trades, plan.manning.manned, strict=True) if row[week]}
        free = dict(self._free(plan))
        changes = [{trade: 1} for trade in free]
        changes += [
            {t: -1, other: step} for t in free if t in there for other in free if other != t for step in (-1, 1)
        ]
        for change in changes:
            found = self.plan({**plan.crews, **{trade: free[trade] + step for trade, step in change.items()}})
            if found.keeps(aim) and found.rank < plan.rank:
                yield found

    def _with_more(self, plan: Levelled) -> Iterator[Levelled]:
        """Yield for every trade the plan with one tenth more crews, or one."""
        for trade, count in self._free(plan):
            yield self.plan({**plan.crews, trade: count + max(1, count // 10)})

    def _free(self, plan: Levelled) -> list[tuple[str, int]]:
        """Return the trades whose crews may be changed, with their crews."""
        return [(trade, count) for trade, count in plan.crews.items() if trade not in self.typed]

    def _added(self, plan: Levelled, more: Levelled) -> float:
        """Return the people by which one plan has more than another."""
        people = dict(zip(plan.manning.trades, plan.manning.people_per_crew.tolist(), strict=True))
        return float(sum(people[trade] * (more.crews[trade] - count) for trade, count in plan.crews.items()))
