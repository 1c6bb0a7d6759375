"""Levelling: the fewest people on site by whom a date is kept, found by many rehearsals.

The levels are crews by trade, each there from the beginning and manned as the work needs them. A search removes crews
while the rehearsed finish keeps the date, always those by which the peak falls most; from several beginnings, since
it stops at the first plan that no single trade improves. A plan that is level where everything takes as long as expected
may be late where it does not: so what a step of the search chooses must keep its place in some replications as well, on
random numbers that are the same for all plans. It is the same on every machine, and with any number of threads: what a
step looks at is rehearsed side by side, and judged in order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from sim.errors import Stalled
from sim.metrics.schedule import NEVER
from sim.plan.mechanisms.crews import UNLIMITED
from sim.plan.vocabulary import MINUTES_PER_DAY, MINUTES_PER_WEEK
from sim.study.crew_planning.manning import Manning, manning
from sim.study.crew_planning.rehearsal import ABREAST, Rehearsal

BEGINNINGS = (1.0, 1.3)
"""Multiples of the crews that the search begins with."""
MOST_EXCHANGES = 8
"""How often two trades are changed at once where no change of a single one makes a plan better."""
MOST_IN_REPLICATIONS = 6
"""Plans of one step that are looked at in replications, the best first: each costs as much as some thirty rehearsals."""
FINISH_STEP = 2 * MINUTES_PER_WEEK
"""So much later at a time may a plan be that has too many people."""
MOST_TIMES_EARLIEST = 2
"""How many times as long as the earliest date a plan for a limit of people may take."""


@dataclass(frozen=True)
class Aim:
    """What a crew plan must keep: the minute of the last block online, the mean minute of all, and the end with chance.

    The last is the mean finish of some replications; where it is not stated, no plan is looked at in replications.
    """

    finish: float
    mean_online: float = inf
    with_chance: float = inf


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
        self._with_chance: dict[tuple[int, ...], float] = {}
        self._known = _KnownRuns()
        self._abreast = rehearsal.abreast(ABREAST)
        # it starts threads as they are needed; `level` and `within` end them
        self._threads = ThreadPoolExecutor(ABREAST)

    def plan(self, crews: Mapping[str, int]) -> Levelled:
        """Return the plan with so many crews, rehearsed; never fewer than one step takes at once."""
        return self.plans([crews])[0]

    def plans(self, wanted: Sequence[Mapping[str, int]]) -> list[Levelled]:
        """Return several plans, in their order; those that have to be rehearsed are rehearsed side by side."""
        wanted = [{trade: self._allowed(trade, count) for trade, count in crews.items()} for crews in wanted]
        keys = [tuple(crews.values()) for crews in wanted]
        left = {key: crews for key, crews in zip(keys, wanted, strict=True) if key not in self.tried}
        while left:
            self._rehearse([left.pop(key) for key in [*left][: len(self._abreast)]])
        return [self.tried[key] for key in keys]

    def _allowed(self, trade: str, count: int) -> int:
        """Return the crews of a trade: no more than its market has, and no fewer than one step takes at once."""
        return max(min(count, self.available.get(trade, count)), self.rehearsal.most[trade])

    def _rehearse(self, wanted: Sequence[Mapping[str, int]]) -> None:
        """Rehearse as many plans as there are rehearsals, if their logs are not known already."""
        unknown = [crews for crews in wanted if self._known.find(crews) is None]
        others = [self._threads.submit(_rehearsed, *one) for one in zip(self._abreast[1:], unknown[1:], strict=False)]
        found = [_rehearsed(self.rehearsal, crews) for crews in unknown[:1]]
        for plan, bounds in (*found, *(other.result() for other in others)):
            self._known.add(plan, bounds)
            self._note(plan.crews, plan)
        for crews in wanted:
            known = self._known.find(crews)
            if known is not None:
                self._note(crews, known)

    def _note(self, crews: Mapping[str, int], plan: Levelled) -> None:
        """Remember what came of some crews; those that are never all busy might as well not be there."""
        if plan.finish != NEVER:
            trades = plan.manning.trades
            busy = dict(zip(trades, plan.manning.busy.max(axis=1).tolist(), strict=True))
            kept = {t: n if t in self.typed else min(n, busy[t]) for t, n in crews.items()}
            plan = replace(plan, crews=kept)
        self.tried[tuple(crews.values())] = plan

    def level(self, aim: Aim, begin: Mapping[str, int]) -> Levelled:
        """Return the plan with the smallest peak that is finished by a minute, searched from several beginnings.

        Where no number of crews keeps the date, the earliest plan that was found.
        """
        with ThreadPoolExecutor(ABREAST) as self._threads:
            return self._level(aim, begin)

    def _level(self, aim: Aim, begin: Mapping[str, int]) -> Levelled:
        """Search from every beginning."""
        found = []
        for multiple in BEGINNINGS:
            crews = {t: count if t in self.typed else round(count * multiple) for t, count in begin.items()}
            found.append(self._fewer(self._early_enough(self.plan(crews), aim), aim))
        if not any(plan.keeps(aim) for plan in found):
            # more of one trade alone may gain nothing where several are short: begin with all that anybody asks for
            crews = {t: count if t in self.typed else UNLIMITED for t, count in begin.items()}
            found.append(self._fewer(self.plan(crews), aim))
        kept = [plan for plan in found if plan.keeps(aim)]
        return min(kept, key=lambda plan: plan.rank) if kept else min(found, key=lambda plan: plan.lateness)

    def within(self, limit: int, earliest: int, begin: Mapping[str, int]) -> Levelled:
        """Return the earliest plan with at most so many people on site, to the day.

        From as early as the crews of `begin` make it the finish is relaxed by two weeks at a time, and crews are taken away:
        a plan that is in time for one date is in time for the next, so each search goes on where the one before ended.
        In the last fortnight it begins anew as well, for what the way there has missed.
        """
        with ThreadPoolExecutor(ABREAST) as self._threads:
            return self._earliest(limit, earliest, begin)

    def _earliest(self, limit: int, earliest: int, begin: Mapping[str, int]) -> Levelled:
        """Relax the finish until a plan keeps the limit, then bring it forward again as far as that is kept."""
        plan = before = self.plan(begin)
        if plan.manning.peak <= limit:
            plan = before = self._early_enough(plan, Aim(earliest))
        date, last = plan.finish, MOST_TIMES_EARLIEST * max(earliest, plan.finish)
        while plan.manning.peak > limit and date < last:
            date += FINISH_STEP
            before, plan = plan, self._fewer(plan, Aim(date))
        low = max(before.finish, date - FINISH_STEP)
        while plan.manning.peak <= limit and plan.finish - low > MINUTES_PER_DAY:
            middle = (low + plan.finish) // 2
            sooner = min(self._fewer(before, Aim(middle)), self._level(Aim(middle), begin), key=lambda one: one.rank)
            if sooner.manning.peak <= limit and sooner.finish <= middle:
                plan = sooner
            else:
                low = middle
        return plan

    def _early_enough(self, plan: Levelled, aim: Aim) -> Levelled:
        """Add crews until the date is kept or no trade makes it earlier: those that gain most days for their people."""
        while not plan.keeps(aim):
            better = [more for more in self._with_more(plan) if more.lateness < plan.lateness]
            if not better:
                return plan
            # crews that are never all busy add nobody
            plan = min(better, key=lambda more: (more.lateness - plan.lateness) / max(1.0, self._added(plan, more)))
        return plan

    def _fewer(self, plan: Levelled, aim: Aim) -> Levelled:
        """Take crews away while the date is kept and the peak falls, in ever smaller steps."""
        # a date that is not kept is not made worse
        with_chance = inf if aim.with_chance == inf else max(aim.with_chance, self.with_chance(plan.crews))
        aim = Aim(max(aim.finish, plan.finish), max(aim.mean_online, plan.mean_online), with_chance)
        steps = {trade: max(1, count // 2) for trade, count in plan.crews.items()}
        for _ in range(MOST_EXCHANGES):
            while (fewer := self._best(self._with_fewer(plan, aim, steps), aim)) is not None:
                plan = fewer
            exchanged = self._best(self._exchanged(plan, aim), aim)
            if exchanged is None:
                break
            plan = exchanged
        return plan

    def _best(self, plans: Iterable[Levelled], aim: Aim) -> Levelled | None:
        """Return the best of some plans that keep the aim's end with chance too; None if none of the first few does."""
        ranked = sorted(plans, key=lambda plan: plan.rank)
        if aim.with_chance == inf:
            return ranked[0] if ranked else None
        looked_at = ranked[:MOST_IN_REPLICATIONS]
        return next((plan for plan in looked_at if self.with_chance(plan.crews) <= aim.with_chance), None)

    def with_chance(self, crews: Mapping[str, int]) -> float:
        """Return the mean finish of some replications with so many crews."""
        key = tuple(crews.values())
        if key not in self._with_chance:
            self._with_chance[key] = float(self.rehearsal.drawn_finishes(crews).mean())
        return self._with_chance[key]

    def _with_fewer(self, plan: Levelled, aim: Aim, steps: dict[str, int]) -> Iterator[Levelled]:
        """Yield for every trade the plan with the largest step fewer crews that is still in time and better."""
        most, found = self.rehearsal.most, dict[str, Levelled]()
        free = {trade: count for trade, count in self._free(plan) if count > most[trade]}
        left = [*free]
        while left:
            fewer = [{**plan.crews, trade: max(most[trade], free[trade] - steps[trade])} for trade in left]
            for trade, other in zip(tuple(left), self.plans(fewer), strict=True):
                better = other.keeps(aim) and other.rank < plan.rank
                if better:
                    found[trade] = other
                if better or steps[trade] == 1:
                    left.remove(trade)
                else:
                    steps[trade] //= 2
        yield from (found[trade] for trade in free if trade in found)

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
        crews = [{**plan.crews, **{trade: free[trade] + step for trade, step in change.items()}} for change in changes]
        yield from (found for found in self.plans(crews) if found.keeps(aim) and found.rank < plan.rank)

    def _with_more(self, plan: Levelled) -> Iterator[Levelled]:
        """Yield for every trade the plan with one tenth more crews, or one."""
        free = self._free(plan)
        yield from self.plans([{**plan.crews, trade: count + max(1, count // 10)} for trade, count in free])

    def _free(self, plan: Levelled) -> list[tuple[str, int]]:
        """Return the trades whose crews may be changed, with their crews."""
        return [(trade, count) for trade, count in plan.crews.items() if trade not in self.typed]

    def _added(self, plan: Levelled, more: Levelled) -> float:
        """Return the people by which one plan has more than another."""
        people = dict(zip(plan.manning.trades, plan.manning.people_per_crew.tolist(), strict=True))
        return float(sum(people[trade] * (more.crews[trade] - count) for trade, count in plan.crews.items()))


def _rehearsed(rehearsal: Rehearsal, crews: Mapping[str, int]) -> tuple[Levelled, tuple[np.ndarray, np.ndarray] | None]:
    """Return a plan as it is rehearsed, and the crews with which its log is the same, if known.

    With so few crews that the calendars end before the work does, it is never finished.
    """
    try:
        log = rehearsal.log_with(crews)
    except Stalled:
        return Levelled(crews, NEVER, inf, manning(rehearsal, rehearsal.log)), None
    online = log[rehearsal.online_rows(log), 0]
    plan = Levelled(crews, int(online.max()), float(online.mean()), manning(rehearsal, log))
    return plan, rehearsal.same_log(crews)
