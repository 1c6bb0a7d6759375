"""What everything shared has to carry, against what it can: lines, cranes, trucks, crews, slots, power."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain

import numpy as np

from sim.plan.analysis.critical_path import Schedule
from sim.plan.analysis.prerequisites import Prerequisites
from sim.plan.analysis.route_classes import route_classes
from sim.plan.compiled_plan import CompiledPlan, LogColumn
from sim.plan.plan_context import is_idle_leave, mean_day_minutes
from sim.plan.vocabulary import FREE, HOLD, MINUTES_PER_DAY, WORK
from sim.world.working_time import Calendar, CalendarEnds, union


@dataclass(frozen=True)
class Load:
    """The load of one pool: who uses it, for how long, and how many there are of it.

    `each` is the mean of a user's days and `days` those of all users, shared by `capacity`; a day is a working day
    of the calendars on which the work is done. `window` is how many such days there are from the first use to the
    finish without limits, `until` the earliest minute at which all its work can be done, from the first use on and
    as the pool is supplied; None past the end of the calendar. `peak` is how many would be taken at once without
    limits, `used_up` how many are taken for good.
    """

    pool: str
    users: int
    who: str
    each: float
    capacity: int
    noun: str
    days: float
    window: float
    until: int | None
    peak: int
    used_up: int

    @property
    def share(self) -> float:
        """Return how much of the window the pool is busy at least; above 1 it makes the project later."""
        return self.days / self.window if self.window > 0 else float(self.days > 0)

    def __str__(self) -> str:
        """Return the load in words."""
        if self.used_up:
            return f"{self.pool}: {self.used_up:,} of {self.capacity:,} used up"
        if not self.users:
            return f"{self.pool}: up to {self.peak:,} at once without limits, of {self.capacity:,}"
        work = f"{self.pool}: {self.users:,} {self.who} × {self.each:.1f} days"
        if self.peak <= self.capacity:
            return f"{work}, never more than {self.peak:,} of {self.capacity:,} {self.noun} at once"
        busy = f"{work} on {self.capacity:,} {self.noun} = {self.days:.0f} working days"
        if self.share > 1:
            return f"{busy}, and only {self.window:.0f} until the finish without limits{self._earliest_end}"
        return f"{busy}, busy at least {self.days:.0f} of {self.window:.0f} days{self._earliest_end}"

    @property
    def _earliest_end(self) -> str:
        return "" if self.until is None else f", not through before day {self.until // MINUTES_PER_DAY}"


@dataclass
class _Use:
    """The use of a pool in a log: units, minutes of work by calendar, and the count used up for good.

    `changes` are (minute, count taken, or given back if negative), `supplied` (minute, count) of new supply.
    """

    users: set[int] = field(default_factory=set)
    minutes: Counter[int] = field(default_factory=Counter)
    changes: list[tuple[int, int]] = field(default_factory=list)
    supplied: list[tuple[int, int]] = field(default_factory=list)
    used_up: int = 0

    @property
    def first(self) -> int:
        """Return the minute of the first use."""
        return min((minute for minute, count in self.changes if count > 0), default=0)

    def add(self, minute: int, count: int, held_before: int) -> None:
        """Record that a unit takes `count` of the pool in a minute, or frees -count if `count` is negative.

        `held_before` is what the unit has taken and not freed before; it is negative where it has freed more than it took.
        """
        if count > 0:
            count_taken = max(0, count - max(0, -held_before))
        else:
            # a unit gives back no more than it holds; what it frees beyond that is new supply
            count_taken = max(count, -max(0, held_before))
            if count_taken > count:
                self.supplied.append((minute, count_taken - count))
        if count_taken:
            self.changes.append((minute, count_taken))


def loads(plan: CompiledPlan, values: Sequence[int], schedule: Schedule, calendars: Sequence[Calendar]) -> list[Load]:
    """Return the load of every pool that is taken, first those that can run out, the busiest of them first.

    `values` are the planned minutes (learning and crowding left out), `schedule` the one without limits that they
    give (`earliest`), `calendars` those of the plan, in its order.
    """
    uses, circulating_pools = _uses(plan, values, schedule)
    end = (
        schedule.completion
        if schedule.completion is not None
        else int(schedule.log[:, LogColumn.MINUTE].max(initial=0))
    )
    pool_loads = [
        _load(plan, calendars, pool, use, pool in circulating_pools, end) for pool, use in uses.items() if use.changes
    ]
    return sorted(pool_loads, key=_busiest_first)


def _busiest_first(load: Load) -> tuple[bool, float, str]:
    return load.peak <= load.capacity, -load.share, load.pool


def _uses(plan: CompiledPlan, values: Sequence[int], schedule: Schedule) -> tuple[dict[int, _Use], frozenset[int]]:
    """Return the use of every pool in the log of a schedule, and the circulating pools."""
    classes = route_classes(plan)
    circulating_pools = Prerequisites(plan, classes).circulating_pools
    class_of = {unit: route_class for route_class in classes for unit in route_class.units}
    unit_of, first, rows = plan.unit_of.tolist(), plan.first.tolist(), plan.rows.tolist()
    uses: dict[int, _Use] = defaultdict(_Use)
    # without limits crews are idle all the time, and those that may go home go and come back again for ever
    leaving = {unit for unit, info in enumerate(plan.unit_info) if is_idle_leave(info) or info.kind == "departure"}
    tokens = _tokens_passed(plan, leaving)
    for minute, step, _, _ in schedule.log.tolist():
        unit, (operation, input_or_bundle, calendar, *_) = unit_of[step], rows[step]
        if unit in leaving:
            continue
        route_class = class_of[unit]
        held_counts, held_at_end = route_class.held_at_step[step - first[unit]] or {}, route_class.held_at_end or {}
        if operation == WORK:
            for pool, count in held_counts.items():
                # what a unit keeps for ever is used up, and is no load
                given_back = count - max(0, held_at_end.get(pool, 0))
                if given_back > 0:
                    uses[pool].users.add(unit)
                    uses[pool].minutes[calendar] += given_back * values[input_or_bundle]
        elif operation in (HOLD, FREE):
            for pool, count in plan.bundles[input_or_bundle]:
                if pool in tokens:
                    continue
                uses[pool].add(minute, count if operation == HOLD else -count, held_counts.get(pool, 0))
                # a place changes hands with what stands on it: it is not gone because another unit gives it back
                if operation == HOLD and held_at_end.get(pool, 0) > 0 and pool not in circulating_pools:
                    uses[pool].used_up += count
    return uses, circulating_pools


def _tokens_passed(plan: CompiledPlan, units: Collection[int]) -> set[int]:
    """Return the pools of tokens that some units pass on: they count crews at home, and are no load."""
    steps = np.flatnonzero(np.isin(plan.unit_of, [*units]) & np.isin(plan.operation_of, (HOLD, FREE)))
    bundles = np.unique(plan.argument_of[steps]).tolist()
    return {pool for bundle in bundles for pool, _ in plan.bundles[bundle] if plan.pool_kinds[pool] == "passed"}


def _load(
    plan: CompiledPlan, calendars: Sequence[Calendar], pool: int, use: _Use, is_circulating: bool, end: int
) -> Load:
    """Return the load of one pool up to minute `end`; a circulating one is given back by whichever unit, not supplied."""
    initial, minutes = int(plan.initial[pool]), sum(use.minutes.values())
    supplies = [] if is_circulating else use.supplied
    capacity = initial + sum(count for _, count in supplies)
    # a pool that serves several calendars is there whenever one of them is open
    calendar = reduce(union, (calendars[number] for number in use.minutes)) if use.minutes else None
    day = mean_day_minutes(calendar) if calendar is not None else MINUTES_PER_DAY
    window = calendar.worked(max(use.first, end)) - calendar.worked(use.first) if calendar is not None else 0
    given_back = [(minute, -count) for minute, count in use.supplied] if is_circulating else []
    return Load(
        pool=plan.pools[pool],
        users=len(use.users),
        who="skids" if all(plan.unit_info[unit].kind == "skid" for unit in use.users) else "jobs",
        each=minutes / day / max(1, len(use.users)),
        capacity=capacity,
        noun=plan.pool_nouns[pool],
        days=minutes / day / max(1, capacity),
        window=window / day,
        until=None if calendar is None else _earliest_end(calendar, use.first, minutes, initial, sorted(supplies)),
        peak=_peak(chain(use.changes, given_back)),
        used_up=use.used_up,
    )


def _peak(changes: Iterable[tuple[int, int]]) -> int:
    """Return the most that are taken at once, from (minute, count taken or, if negative, given back).

    What is given back in a minute can be taken in the same minute.
    """
    peak = count_taken = 0
    for _, count in sorted(changes):
        count_taken += count
        peak = max(peak, count_taken)
    return peak


def _earliest_end(
    calendar: Calendar, start: int, minutes: int, available: int, supplies: Sequence[tuple[int, int]]
) -> int | None:
    """Return the minute at which so many minutes of work are done if all that is available works on it from `start` on.

    `supplies` are (minute, count) that come later, in order of time. None past the end of the calendar.
    """
    try:
        for minute, count in supplies:
            if minute > start:
                minutes_possible = available * (calendar.worked(minute) - calendar.worked(start))
                if minutes_possible >= minutes:  # done before more come
                    break
                start, minutes = minute, minutes - minutes_possible
            available += count
        return calendar.finish(start, -(-minutes // available)) if available else None
    except CalendarEnds:
        return None
