"""What everything shared has to carry, against what it can: lines, cranes, trucks, crews, places, power."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain

from sim.plan.analysis.critical_path import Schedule
from sim.plan.analysis.prerequisites import Prerequisites
from sim.plan.analysis.route_classes import route_classes
from sim.plan.compile import CompiledPlan
from sim.plan.context import day_minutes, sent_home_idle
from sim.plan.vocabulary import FREE, HOLD, MINUTES_PER_DAY, WORK
from sim.world.working_time import Calendar, CalendarEnds, union


@dataclass(frozen=True)
class Load:
    """One pool: who uses it, for how long, and how many there are of it.

    `each` is the mean of a user's days and `days` those of all users, shared by `capacity`; a day is a working day
    of the calendars on which the work is done. `window` is how many such days there are from the first use to the
    finish without limits, `until` the minute before which all users cannot be through, from the first use on and
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
        """The load in words."""
        if self.used_up:
            return f"{self.pool}: {self.used_up:,} of {self.capacity:,} used up"
        if not self.users:
            return f"{self.pool}: up to {self.peak:,} at once without limits, of {self.capacity:,}"
        work = f"{self.pool}: {self.users:,} {self.who} × {self.each:.1f} days"
        if self.peak <= self.capacity:
            return f"{work}, never more than {self.peak:,} of {self.capacity:,} {self.noun} at once"
        busy = f"{work} on {self.capacity:,} {self.noun} = {self.days:.0f} working days"
        if self.share > 1:
            return f"{busy}, and only {self.window:.0f} until the finish without limits{self._through}"
        return f"{busy}, busy at least {self.days:.0f} of {self.window:.0f} days{self._through}"

    @property
    def _through(self) -> str:
        return "" if self.until is None else f", not through before day {self.until // MINUTES_PER_DAY}"


@dataclass
class _Use:
    """What the log tells of a pool: users, minutes by calendar, and (minute, count) taken, supplied, used up."""

    users: set[int] = field(default_factory=set)
    minutes: Counter[int] = field(default_factory=Counter)
    taken: list[tuple[int, int]] = field(default_factory=list)
    supplied: list[tuple[int, int]] = field(default_factory=list)
    used_up: int = 0

    @property
    def first(self) -> int:
        """Return the minute of the first use."""
        return min((minute for minute, count in self.taken if count > 0), default=0)

    def exchange(self, minute: int, count: int, held: int) -> None:
        """Note that a unit that has `held` takes a count, or gives it if negative."""
        own = max(count, -max(0, held)) if count < 0 else max(0, count - max(0, -held))
        if own:
            self.taken.append((minute, own))
        if own > count and count < 0:
            self.supplied.append((minute, own - count))


def loads(plan: CompiledPlan, values: Sequence[int], schedule: Schedule, calendars: Sequence[Calendar]) -> list[Load]:
    """Return the load of every pool that is taken, first those that can run out, the busiest of them first.

    `values` are the planned minutes (learning and crowding left out), `schedule` the one without limits that they
    give (`earliest`), `calendars` those of the plan, in its order.
    """
    uses, place_pools = _uses(plan, values, schedule)
    end = schedule.completion if schedule.completion is not None else int(schedule.log[:, 0].max(initial=0))
    found = [_load(plan, calendars, pool, use, pool in place_pools, end) for pool, use in uses.items() if use.taken]
    return sorted(found, key=_busiest_first)


def _busiest_first(load: Load) -> tuple[bool, float, str]:
    return load.peak <= load.capacity, -load.share, load.pool


def _uses(plan: CompiledPlan, values: Sequence[int], schedule: Schedule) -> tuple[dict[int, _Use], frozenset[int]]:
    """Read from the log who holds what while working, and what changes hands; return also the pools of places."""
    classes = route_classes(plan)
    place_pools = Prerequisites(plan, classes).place_pools
    class_of = {unit: route_class for route_class in classes for unit in route_class.units}
    unit_of, first, rows = plan.unit_of.tolist(), plan.first.tolist(), plan.rows.tolist()
    uses: dict[int, _Use] = defaultdict(_Use)
    # without limits crews are idle all the time, and those that may go home go and come back again for ever
    away = {unit for unit, info in enumerate(plan.unit_info) if sent_home_idle(info)}
    for done, at, _, _ in schedule.log.tolist():
        unit, (operation, a, b, *_) = unit_of[at], rows[at]
        if unit in away:
            continue
        route_class = class_of[unit]
        held, kept = route_class.held[at - first[unit]] or {}, route_class.end or {}
        if operation == WORK:
            for pool, count in held.items():
                # what a unit keeps for ever is used up, and loads nobody
                if count > max(0, kept.get(pool, 0)):
                    uses[pool].users.add(unit)
                    uses[pool].minutes[b] += (count - max(0, kept.get(pool, 0))) * values[a]
        elif operation in (HOLD, FREE):
            for pool, count in plan.bundles[a]:
                uses[pool].exchange(done, count if operation == HOLD else -count, held.get(pool, 0))
                # a place changes hands with what stands on it: it is not gone because another unit gives it back
                if operation == HOLD and kept.get(pool, 0) > 0 and pool not in place_pools:
                    uses[pool].used_up += count
    return uses, place_pools


def _load(plan: CompiledPlan, calendars: Sequence[Calendar], pool: int, use: _Use, places: bool, end: int) -> Load:
    """Put together what is known of one pool; `places` come back, by whichever unit."""
    initial, minutes = int(plan.initial[pool]), sum(use.minutes.values())
    supplied = [] if places else use.supplied
    capacity = initial + sum(count for _, count in supplied)
    # a pool that serves several calendars is there whenever one of them is open
    on = reduce(union, (calendars[calendar] for calendar in use.minutes)) if use.minutes else None
    day = day_minutes(on) if on is not None else MINUTES_PER_DAY
    window = on.worked(max(use.first, end)) - on.worked(use.first) if on is not None else 0
    back = [(minute, -count) for minute, count in use.supplied] if places else []
    return Load(
        pool=plan.pools[pool],
        users=len(use.users),
        who="skids" if all(plan.unit_info[unit].kind == "skid" for unit in use.users) else "jobs",
        each=minutes / day / max(1, len(use.users)),
        capacity=capacity,
        noun=plan.pool_nouns[pool],
        days=minutes / day / max(1, capacity),
        window=window / day,
        until=_through(on, use.first, minutes, initial, sorted(supplied)) if on is not None else None,
        peak=_peak(chain(use.taken, back)),
        used_up=use.used_up,
    )


def _peak(changes: Iterable[tuple[int, int]]) -> int:
    """Return the most that are taken at once; what is given in a minute can be taken in the same minute."""
    most = taken = 0
    for _, count in sorted(changes):
        taken += count
        most = max(most, taken)
    return most


def _through(on: Calendar, first: int, minutes: int, there: int, supplied: Sequence[tuple[int, int]]) -> int | None:
    """Return the minute before which so much work cannot be done by what is there and what is supplied."""
    try:
        for minute, count in supplied:
            if minute > first:
                possible = there * (on.worked(minute) - on.worked(first))
                # done before more come: the count so far decides
                if possible >= minutes:
                    break
                first, minutes = minute, minutes - possible
            there += count
        return on.finish(first, -(-minutes // there)) if there else None
    except CalendarEnds:
        return None
