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
from sim.plan.compiled_plan import LogColumn
from sim.plan.mechanisms.crews import UNLIMITED
from sim.plan.vocabulary import MINUTES_PER_DAY, MINUTES_PER_WEEK
from sim.study.crew_planning.manning import Manning, manning
from sim.study.crew_planning.rehearsal import ABREAST, Rehearsal

BEGINNINGS = (1.0, 1.3)
"""Multiples of the crews that the search begins with."""
MAX_EXCHANGES = 8
"""How often the search changes two trades at once, where no change of a single one makes a plan better."""
MAX_TRIED_IN_REPLICATIONS = 6
"""Plans of one step that are tried in replications, the best first: each costs as much as some thirty rehearsals."""
FINISH_STEP = 2 * MINUTES_PER_WEEK
"""Minutes by which the finish is relaxed at a time while a plan has too many people."""
MAX_TIMES_EARLIEST = 2
"""A plan for a limit of people may take so many times as long as the earliest possible one."""


@dataclass(frozen=True)
class Aim:
    """The latest dates of a crew plan, in minutes: of the last block online, of all blocks on the mean, and with chance.

    `with_chance` is for the mean finish of some replications; infinite where no plan is tried in replications.
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
        """Return whether the last block is online by the aim's minute, and all blocks on the mean by its mean minute."""
        return self.finish <= aim.finish and self.mean_online <= aim.mean_online

    @property
    def lateness(self) -> float:
        """Return how late a plan is: the minute of the last block online plus the mean minute of all blocks."""
        return self.finish + self.mean_online

    @property
    def rank(self) -> tuple[int, float]:
        """Return the key by which plans are compared, smaller is better: the peak, then the sum of squares."""
        return self.manning.peak, self.manning.sum_of_squares


class _KnownRuns:
    """Plans that were rehearsed, each with the fewest and the most crews with which its log is the same.

    A third of all plans that the search asks for is found here, and needs no run.
    """

    def __init__(self) -> None:
        """Start without any."""
        self._plans: list[Levelled] = []
        self._bounds = np.zeros((2, 0, 0), np.int64)

    def find(self, crews: Mapping[str, int]) -> Levelled | None:
        """Return a plan whose log these crews would have as well; None if there is none."""
        if not self._plans:
            return None
        counts, (min_crews, max_crews) = np.array([*crews.values()], np.int64), self._bounds[:, : len(self._plans)]
        same_log = np.flatnonzero(((min_crews <= counts) & (counts <= max_crews)).all(axis=1))
        return self._plans[same_log[0]] if len(same_log) else None

    def add(self, plan: Levelled, bounds: tuple[np.ndarray, np.ndarray] | None) -> None:
        """Add a plan that was rehearsed, with the fewest and the most crews by trade that have its log, if known."""
        if bounds is None:
            return
        number = len(self._plans)
        if number == self._bounds.shape[1]:
            new_rows = np.zeros((2, max(64, number), len(bounds[0])), np.int64)
            self._bounds = np.concatenate([self._bounds, new_rows], axis=1) if number else new_rows
        self._bounds[:, number] = bounds
        self._plans.append(plan)


class Levelling:
    """The search for a crew plan of one project; every plan that was tried is cached.

    A plan is tried by a rehearsal: the project is run once without chance, with the crews of the plan from the beginning.
    """

    def __init__(
        self, rehearsal: Rehearsal, entered: Collection[str] = (), available: Mapping[str, int] | None = None
    ) -> None:
        """Start the search; the crews of the trades in `entered` are stated in the project and stay as they are.

        `available` has by trade the most crews that the local market has, where it limits them.
        """
        self.rehearsal, self.entered, self.available = rehearsal, frozenset(entered), available or {}
        self.tried: dict[tuple[int, ...], Levelled] = {}
        self._with_chance: dict[tuple[int, ...], float] = {}
        self._known_runs = _KnownRuns()
        self._rehearsals = rehearsal.abreast(ABREAST)
        # it starts threads as they are needed; `level` and `within` end them
        self._threads = ThreadPoolExecutor(ABREAST)

    def plan(self, crews: Mapping[str, int]) -> Levelled:
        """Return the rehearsed plan with so many crews by trade; never fewer than one step takes at once."""
        return self.plans([crews])[0]

    def plans(self, crews_of_plans: Sequence[Mapping[str, int]]) -> list[Levelled]:
        """Return the rehearsed plans with these crews by trade, in order; new ones are rehearsed side by side."""
        crews_of_plans = [
            {trade: self._allowed(trade, count) for trade, count in crews.items()} for crews in crews_of_plans
        ]
        keys = [tuple(crews.values()) for crews in crews_of_plans]
        untried = {key: crews for key, crews in zip(keys, crews_of_plans, strict=True) if key not in self.tried}
        while untried:
            self._rehearse([untried.pop(key) for key in [*untried][: len(self._rehearsals)]])
        return [self.tried[key] for key in keys]

    def _allowed(self, trade: str, count: int) -> int:
        """Return `count` crews of a trade, limited to those its market has and to no fewer than one step takes at once."""
        return max(min(count, self.available.get(trade, count)), self.rehearsal.max_crews_at_once[trade])

    def _rehearse(self, crews_of_plans: Sequence[Mapping[str, int]]) -> None:
        """Rehearse plans, no more than there are threads, and cache them; those whose log is known need no run."""
        unknown = [crews for crews in crews_of_plans if self._known_runs.find(crews) is None]
        # the first one in this thread, the others in threads of their own
        pairs = zip(self._rehearsals[1:], unknown[1:], strict=False)
        futures = [self._threads.submit(_rehearsed, rehearsal, crews) for rehearsal, crews in pairs]
        first = [_rehearsed(self.rehearsal, crews) for crews in unknown[:1]]
        for plan, bounds in (*first, *(future.result() for future in futures)):
            self._known_runs.add(plan, bounds)
            self._store_tried(plan.crews, plan)
        for crews in crews_of_plans:
            plan_of_same_log = self._known_runs.find(crews)
            if plan_of_same_log is not None:
                self._store_tried(crews, plan_of_same_log)

    def _store_tried(self, crews: Mapping[str, int], plan: Levelled) -> None:
        """Cache the plan that these crews give, less the crews that are never busy."""
        if plan.finish != NEVER:
            trades = plan.manning.trades
            max_busy = dict(zip(trades, plan.manning.busy.max(axis=1).tolist(), strict=True))
            busy_crews = {
                trade: count if trade in self.entered else min(count, max_busy[trade]) for trade, count in crews.items()
            }
            plan = replace(plan, crews=busy_crews)
        self.tried[tuple(crews.values())] = plan

    def level(self, aim: Aim, start_crews: Mapping[str, int]) -> Levelled:
        """Return the plan with the smallest peak that keeps the aim's dates, searched from multiples of `start_crews`.

        Where no number of crews keeps them, the earliest plan that the search has come to.
        """
        with ThreadPoolExecutor(ABREAST) as self._threads:
            return self._level(aim, start_crews)

    def _level(self, aim: Aim, start_crews: Mapping[str, int]) -> Levelled:
        """Return the best plan of the searches from every multiple of `start_crews`; see `level`."""
        plans = []
        for multiple in BEGINNINGS:
            crews = {t: count if t in self.entered else round(count * multiple) for t, count in start_crews.items()}
            plans.append(self._with_smaller_peak(self._early_enough(self.plan(crews), aim), aim))
        if not any(plan.keeps(aim) for plan in plans):
            # more of one trade alone may gain nothing where several are short: start with all that any step asks for
            crews = {t: count if t in self.entered else UNLIMITED for t, count in start_crews.items()}
            plans.append(self._with_smaller_peak(self.plan(crews), aim))
        in_time = [plan for plan in plans if plan.keeps(aim)]
        return min(in_time, key=lambda plan: plan.rank) if in_time else min(plans, key=lambda plan: plan.lateness)

    def within(self, limit: int, earliest: int, start_crews: Mapping[str, int]) -> Levelled:
        """Return the earliest plan with at most `limit` people on site, to the day; `earliest` is its earliest minute.

        From as early as `start_crews` make it the finish is relaxed by two weeks at a time, and crews are taken away: a plan
        that is in time for one date is in time for the next, so each search goes on where the one before ended. In the last
        fortnight it starts from `start_crews` as well, for plans that the way there has missed.
        """
        with ThreadPoolExecutor(ABREAST) as self._threads:
            return self._earliest(limit, earliest, start_crews)

    def _earliest(self, limit: int, earliest: int, start_crews: Mapping[str, int]) -> Levelled:
        """Relax the finish until a plan keeps the limit of people, then bring it forward again by bisection; see `within`."""
        plan = last_above_limit = self.plan(start_crews)
        if plan.manning.peak <= limit:
            plan = last_above_limit = self._early_enough(plan, Aim(earliest))
        date, last_date = plan.finish, MAX_TIMES_EARLIEST * max(earliest, plan.finish)
        while plan.manning.peak > limit and date < last_date:
            date += FINISH_STEP
            last_above_limit, plan = plan, self._with_smaller_peak(plan, Aim(date))
        low = max(last_above_limit.finish, date - FINISH_STEP)
        while plan.manning.peak <= limit and plan.finish - low > MINUTES_PER_DAY:
            middle = Aim((low + plan.finish) // 2)
            candidates = self._with_smaller_peak(last_above_limit, middle), self._level(middle, start_crews)
            sooner = min(candidates, key=lambda candidate: candidate.rank)
            if sooner.manning.peak <= limit and sooner.finish <= middle.finish:
                plan = sooner
            else:
                low = int(middle.finish)
        return plan

    def _early_enough(self, plan: Levelled, aim: Aim) -> Levelled:
        """Return a plan with crews added until it keeps the aim's dates, or until no trade makes it earlier.

        In each step the trade is chosen that gains most days for the people it adds.
        """
        while not plan.keeps(aim):
            earlier = [candidate for candidate in self._with_more(plan) if candidate.lateness < plan.lateness]
            if not earlier:
                return plan
            # crews that are never all busy add nobody
            plan = min(
                earlier,
                key=lambda candidate: (
                    (candidate.lateness - plan.lateness) / max(1.0, self._added_people(plan, candidate))
                ),
            )
        return plan

    def _with_smaller_peak(self, plan: Levelled, aim: Aim) -> Levelled:
        """Return a plan with crews taken away, in ever smaller steps, while it keeps the aim's dates and the peak falls."""
        # a date that is not kept is not made worse
        with_chance = inf if aim.with_chance == inf else max(aim.with_chance, self.with_chance(plan.crews))
        aim = Aim(max(aim.finish, plan.finish), max(aim.mean_online, plan.mean_online), with_chance)
        steps = {trade: max(1, count // 2) for trade, count in plan.crews.items()}
        for _ in range(MAX_EXCHANGES):
            while (with_fewer := self._best(self._with_fewer(plan, aim, steps), aim)) is not None:
                plan = with_fewer
            exchanged = self._best(self._exchanged(plan, aim), aim)
            if exchanged is None:
                break
            plan = exchanged
        return plan

    def _best(self, plans: Iterable[Levelled], aim: Aim) -> Levelled | None:
        """Return the best plan that keeps the mean finish with chance, too; None if none of the first few does."""
        ranked = sorted(plans, key=lambda plan: plan.rank)
        if aim.with_chance == inf:
            return ranked[0] if ranked else None
        tried = ranked[:MAX_TRIED_IN_REPLICATIONS]
        return next((plan for plan in tried if self.with_chance(plan.crews) <= aim.with_chance), None)

    def with_chance(self, crews: Mapping[str, int]) -> float:
        """Return the mean minute of the last block online over some replications with so many crews by trade."""
        key = tuple(crews.values())
        if key not in self._with_chance:
            self._with_chance[key] = float(self.rehearsal.drawn_finishes(crews).mean())
        return self._with_chance[key]

    def _with_fewer(self, plan: Levelled, aim: Aim, steps: dict[str, int]) -> Iterator[Levelled]:
        """Yield by trade a better plan with fewer of its crews that is still in time, if there is one.

        Of each trade so many crews are taken away as `steps` says, or half as many, and so on; `steps` is changed in place.
        """
        min_crews, better_plans = self.rehearsal.max_crews_at_once, dict[str, Levelled]()
        crews_of = {trade: count for trade, count in self._changeable(plan) if count > min_crews[trade]}
        open_trades = [*crews_of]
        while open_trades:
            crews = [
                {**plan.crews, trade: max(min_crews[trade], crews_of[trade] - steps[trade])} for trade in open_trades
            ]
            for trade, candidate in zip(tuple(open_trades), self.plans(crews), strict=True):
                is_better = candidate.keeps(aim) and candidate.rank < plan.rank
                if is_better:
                    better_plans[trade] = candidate
                if is_better or steps[trade] == 1:
                    open_trades.remove(trade)
                else:
                    steps[trade] //= 2
        yield from (better_plans[trade] for trade in crews_of if trade in better_plans)

    def _exchanged(self, plan: Levelled, aim: Aim) -> Iterator[Levelled]:
        """Yield better plans with one crew more of a trade, or one fewer of a trade at the peak and one of another.

        More crews may lower the peak: they are through before the next trade comes.
        """
        peak_week = int(plan.manning.people.argmax())
        trades_at_peak = {
            trade for trade, crews in zip(plan.manning.trades, plan.manning.manned, strict=True) if crews[peak_week]
        }
        crews_of = dict(self._changeable(plan))
        changes = [{trade: 1} for trade in crews_of]
        changes += [
            {trade: -1, other: change}
            for trade in crews_of
            if trade in trades_at_peak
            for other in crews_of
            if other != trade
            for change in (-1, 1)
        ]
        crews = [
            {**plan.crews, **{trade: crews_of[trade] + change for trade, change in changed.items()}}
            for changed in changes
        ]
        yield from (other for other in self.plans(crews) if other.keeps(aim) and other.rank < plan.rank)

    def _with_more(self, plan: Levelled) -> Iterator[Levelled]:
        """Yield for every trade the plan with one tenth more of its crews, at least one."""
        changeable = self._changeable(plan)
        yield from self.plans([{**plan.crews, trade: count + max(1, count // 10)} for trade, count in changeable])

    def _changeable(self, plan: Levelled) -> list[tuple[str, int]]:
        """Return (trade, crews) of the trades whose crews the search may change: those that the project does not state."""
        return [(trade, count) for trade, count in plan.crews.items() if trade not in self.entered]

    def _added_people(self, plan: Levelled, larger: Levelled) -> float:
        """Return how many people a larger plan has more than a plan, all its crews together."""
        people = dict(zip(plan.manning.trades, plan.manning.people_per_crew.tolist(), strict=True))
        return float(sum(people[trade] * (larger.crews[trade] - count) for trade, count in plan.crews.items()))


def _rehearsed(rehearsal: Rehearsal, crews: Mapping[str, int]) -> tuple[Levelled, tuple[np.ndarray, np.ndarray] | None]:
    """Return the plan with these crews, and the fewest and the most crews by trade with which its log is the same, if known.

    The rehearsal runs it without chance. With so few crews that the calendars end before the work does, it is never finished.
    """
    try:
        log = rehearsal.log_with(crews)
    except Stalled:
        return Levelled(crews, NEVER, inf, manning(rehearsal, rehearsal.log)), None
    minutes_online = log[rehearsal.online_rows(log), LogColumn.MINUTE]
    plan = Levelled(crews, int(minutes_online.max()), float(minutes_online.mean()), manning(rehearsal, log))
    return plan, rehearsal.same_log(crews)
