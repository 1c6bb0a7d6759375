"""One run as a planner's schedule: tasks with dates, what each follows, and why it did not begin sooner.

The dates are those of one run that was really performed, not means, which would violate the logic. Tasks that
follow each other are linked; a task that could have begun sooner but waited for a crew, a crane, a place, power or
weather says so, and has an earliest start where the planner's tool would otherwise move it.

What follows what in a run: through a unit's own route, through gates, and through what is handed on.

A gate reached or a token taken is a link to whatever was finished before it was signalled or handed on. Crews,
cranes, lines and places are not links: they are shared, and who had them before is no logic of the project.

A calendar as planners' tools keep it: a working week, and the days that are not as the week says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from sim.config.project import Project
from sim.errors import SimError
from sim.plan.compile import CompiledPlan
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.vocabulary import FREE, HOLD, NOTE, SIGNAL, UNTIL, WAIT, WORK, Log
from sim.study.case import Case
from sim.world.calendars.project_calendars import SHIFT
from sim.world.calendars.working_time import Calendar

# --- following --------------------------------------------------------------------------------------------------------


Tasks = frozenset[int]
NONE: Tasks = frozenset()


class Following:
    """The tasks that whatever a unit does next follows, kept up to date along the log."""

    def __init__(self, plan: CompiledPlan) -> None:
        self.plan = plan
        self._heads: dict[int, Tasks] = {}
        self._signals: dict[int, list[tuple[int, Tasks]]] = {}
        self._given: dict[int, list[tuple[int, Tasks]]] = {}
        self._taken: dict[int, int] = {}
        self._handed_on = handed_on(plan)

    def before(self, unit: int) -> tuple[int, ...]:
        """The tasks that what a unit does now follows."""
        return tuple(sorted(self._heads.get(unit, NONE)))

    def worked(self, unit: int, task: int) -> None:
        """A unit has done a task: what it does next follows that alone."""
        self._heads[unit] = frozenset([task])

    def give(self, unit: int, row: list[int], amount: int) -> None:
        """A unit signals a gate or hands something on."""
        heads = self._heads.get(unit, NONE)
        if row[0] == SIGNAL:
            self._add(self._signals, row[1], amount, heads)
            return
        for pool, count in self.plan.bundles[row[1]]:
            if pool in self._handed_on:
                self._add(self._given, pool, count, heads)

    def wait(self, unit: int, row: list[int]) -> None:
        """A unit has reached a gate, or has taken what was handed on."""
        found: Tasks = self._heads.get(unit, NONE)
        if row[0] == WAIT:
            found |= self._between(self._signals.get(row[1], []), 0, row[2])
        else:
            for pool, count in self.plan.bundles[row[1]]:
                if pool in self._handed_on:
                    begin = self._taken.get(pool, 0)
                    self._taken[pool] = begin + count
                    found |= self._between(self._given.get(pool, []), begin, begin + count)
        self._heads[unit] = found

    @staticmethod
    def _add(counters: dict[int, list[tuple[int, Tasks]]], which: int, amount: int, heads: Tasks) -> None:
        """Raise a counter and remember after what."""
        history = counters.setdefault(which, [])
        history.append(((history[-1][0] if history else 0) + amount, heads))

    @staticmethod
    def _between(history: Iterable[tuple[int, Tasks]], low: int, high: int) -> Tasks:
        """The tasks behind the rises of a counter that lie in (low, high]."""
        found: set[int] = set()
        before = 0
        for level, heads in history:
            if before < high and level > low:
                found |= heads
            before = level
        return frozenset(found)


def handed_on(plan: CompiledPlan) -> set[int]:
    """The pools through which one unit hands something to another: empty at first, and nobody gives back what he took.

    A finished skid and power are handed on; crews, lines, places and cranes are shared.
    """
    takes, gives = _users(plan, HOLD), _users(plan, FREE)
    return {
        pool
        for pool, initial in enumerate(plan.initial.tolist())
        if initial == 0 and takes.get(pool) and not takes[pool] & gives.get(pool, set())
    }


def _users(plan: CompiledPlan, operation: int) -> dict[int, set[int]]:
    """The units that take from (or give to) each pool."""
    users: dict[int, set[int]] = {}
    for step, (kind, bundle) in enumerate(plan.rows[:, :2].tolist()):
        if kind == operation:
            for pool, _ in plan.bundles[bundle]:
                users.setdefault(pool, set()).add(int(plan.unit_of[step]))
    return users


# --- schedule ---------------------------------------------------------------------------------------------------------


CREW, RETURN = "crew.", " return"
Wait = tuple[int, int, str]
"""Since when, until when, for what."""
Key = tuple[int, int]
"""A step of the plan, and which performance of it by its unit."""


@dataclass(frozen=True)
class Task:
    """One activity as it was performed; minutes since the project's start.

    `after` are the numbers of the tasks it follows. `held_back` says what it waited for where links alone would
    let it begin sooner. `minutes` is its length in working time of its calendar.
    """

    number: int
    key: Key
    name: str
    unit: str
    group: str
    start: int
    finish: int
    minutes: int
    calendar: str
    after: tuple[int, ...] = ()
    held_back: str = ""
    milestone: bool = False


@dataclass(frozen=True)
class Schedule:
    """The tasks of one run in order of their start within groups, and the calendars they name."""

    project: Project
    tasks: tuple[Task, ...]
    calendars: dict[str, Calendar] = field(default_factory=dict)

    def moment(self, minute: int) -> datetime:
        """The date and time of a minute."""
        return datetime.combine(self.project.scale.start_date, time()) + timedelta(minutes=minute)

    @property
    def groups(self) -> list[str]:
        """The headings, in order."""
        return list(dict.fromkeys(task.group for task in self.tasks))


class Changed(SimError):
    """A result that this version of the program would not get again."""

    exit_code = 2


def schedule(case: Case, log: Log, hours: Sequence[Calendar]) -> Schedule:
    """Write one performance down as a schedule; `hours` are the calendars it was performed on."""
    walk = _Walk(case, hours)
    for row in log.tolist():
        walk.take(*row)
    used = {SHIFT, *(task.calendar for task in walk.tasks)}
    calendars = {name: walk.stated[name] for name in sorted(used, key=lambda name: (name != SHIFT, name))}
    return Schedule(case.project, in_groups(walk.tasks), calendars)


class _Walk:
    """Goes through a log in the order in which it was performed and collects tasks."""

    def __init__(self, case: Case, hours: Sequence[Calendar]) -> None:
        self.plan: CompiledPlan = case.plan
        self.hours = hours
        self.stated = dict(zip(case.plan.calendars, case.plan.base_calendars, strict=True))
        self.rows = case.plan.rows.tolist()
        self.following = Following(case.plan)
        self.times: dict[int, int] = {}
        self.waits: dict[int, list[Wait]] = {}
        self.finishes: list[int] = []
        self.tasks: list[Task] = []

    def take(self, minute: int, step: int, x: int) -> None:
        """Take one row of the log."""
        operation, a = self.rows[step][:2]
        unit = int(self.plan.unit_of[step])
        if operation == WORK:
            self._work(minute, step, x, unit)
        elif operation in (WAIT, HOLD):
            self.following.wait(unit, self.rows[step])
            name = self.plan.gates[a] if operation == WAIT else bundle_words(self.plan, a)
            self.waits.setdefault(unit, []).append((x, minute, name))
        elif operation == UNTIL:
            self.waits.setdefault(unit, []).append((x, minute, "its date"))
        elif operation in (SIGNAL, FREE):
            self.following.give(unit, self.rows[step], x)
        elif operation == NOTE and self.plan.notes[a][0] == ONLINE:
            self._milestone(minute, step, unit, self.plan.notes[a][1])

    def _work(self, minute: int, step: int, begun: int, unit: int) -> None:
        """Make a task of a work, unless it is a crew's coming and going, a way home, or nothing at all."""
        waits = self.waits.pop(unit, [])
        name, activity = self.plan.units[unit], self.plan.activities[self.plan.activity_of[step]]
        if name.startswith(CREW) or activity.endswith(RETURN) or minute == begun:
            return
        calendar = self.plan.calendars[self.rows[step][2]]
        start = min(self.hours[self.rows[step][2]].next_open(begun), minute - 1)
        calendar = self._stated_for(calendar, start, minute)
        length = self.stated[calendar].worked(minute) - self.stated[calendar].worked(start)
        after = self.following.before(unit)
        held = self._held_back(after, start, calendar, waits)
        self._add(step, unit, f"{name}: {activity}", (start, minute, length), calendar, after, held)

    def _stated_for(self, name: str, start: int, finish: int) -> str:
        """The calendar a planner's tool gets: paid shifts on site; around the clock where the shifts do not fit."""
        shown = SHIFT if name.startswith("site.") else name
        calendar = self.stated[shown]
        length = calendar.worked(finish) - calendar.worked(start)
        fits = length > 0 and calendar.next_open(start) == start and calendar.finish(start, length) == finish
        return shown if fits else "always"

    def _held_back(self, after: Sequence[int], start: int, calendar: str, waits: Sequence[Wait]) -> str:
        """What kept a task from beginning when its links allowed; nothing if nothing did."""
        free = max((self.finishes[number] for number in after), default=0)
        if start <= self.stated[calendar].next_open(free):
            return ""
        minutes, name = max(((until - max(since, free), name) for since, until, name in waits), default=(0, ""))
        if minutes <= 0:
            return "waited for weather or the next shift"
        return (
            f"waited {minutes / 60:.1f} h for {name}"
            if minutes < 1440
            else f"waited {minutes / 1440:.1f} days for {name}"
        )

    def _milestone(self, minute: int, step: int, unit: int, item: str) -> None:
        """Make a milestone of a block that comes online."""
        after = self.following.before(unit)
        self._add(step, unit, f"{item}: online", (minute, minute, 0), "always", after, "", milestone=True)

    def _add(
        self, step: int, unit: int, name: str, when: tuple[int, int, int], calendar: str, after: Sequence[int],
        held: str, *, milestone: bool = False,
    ) -> None:  # fmt: skip
        """Add a task; whatever its unit does next follows it."""
        number, times = len(self.tasks), self.times.get(step, 0)
        self.times[step] = times + 1
        said = f"{name} (again, {times + 1})" if times else name
        units = self.plan.units[unit]
        self.tasks.append(
            Task(number, (step, times), said, units, group_of(units), *when, calendar, tuple(after), held, milestone)
        )
        self.finishes.append(when[1])
        if not milestone:
            self.following.worked(unit, number)


def bundle_words(plan: CompiledPlan, bundle: int) -> str:
    """What is held, in words: `1 crew.riggers + 1 crane`."""
    return " + ".join(f"{count} {plan.pools[pool]}" for pool, count in plan.bundles[bundle])


def group_of(unit: str) -> str:
    """The heading a unit stands under: its factory, its phase, hall, turnover or block."""
    first, _, rest = unit.partition(".")
    if rest[:1] == "s" and rest[1:].isdecimal():
        return f"{first}: factory and transport"
    return {"p": "Phase ", "h": "Hall ", "t": "Turnover ", "b": "Block "}.get(first[:1], "") + first


def in_groups(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Tasks by group, groups by their first start, tasks by theirs; numbers stay as they were."""
    first: dict[str, int] = {}
    for task in tasks:
        first[task.group] = min(first.get(task.group, task.start), task.start)
    order = {group: place for place, group in enumerate(sorted(first, key=lambda group: (first[group], group)))}
    return tuple(sorted(tasks, key=lambda task: (order[task.group], task.start, task.finish, task.number)))


# --- weeks ------------------------------------------------------------------------------------------------------------


DAY = 1440
Hours = tuple[tuple[int, int], ...]
"""Working times of a day, in minutes since midnight; the end of the day is 1440."""


@dataclass(frozen=True)
class Week:
    """Working times by weekday (Monday is 0), and by date where a day differs."""

    days: tuple[Hours, ...]
    exceptions: dict[date, Hours]

    def on(self, day: date) -> Hours:
        """The working times of one date."""
        return self.exceptions.get(day, self.days[day.weekday()])


def week_of(calendar: Calendar, start: date, until: int) -> Week:
    """Read the working week off a calendar, from its first day to minute `until`."""
    by_day = _by_day(calendar, until)
    count = -(-until // DAY)
    dates = [start + timedelta(days=day) for day in range(count)]
    met: list[Counter[Hours]] = [Counter() for _ in range(7)]
    for day, when in enumerate(dates):
        met[when.weekday()][by_day.get(day, ())] += 1
    days = tuple(counter.most_common(1)[0][0] if counter else () for counter in met)
    different = {when: by_day.get(day, ()) for day, when in enumerate(dates)}
    return Week(days, {when: hours for when, hours in different.items() if hours != days[when.weekday()]})


def _by_day(calendar: Calendar, until: int) -> dict[int, Hours]:
    """The working times of each day of the project that has any."""
    found: dict[int, list[tuple[int, int]]] = {}
    for begin, end in zip(calendar.starts.tolist(), calendar.ends.tolist(), strict=True):
        if begin >= until:
            break
        for day in range(begin // DAY, min(-(-end // DAY), -(-until // DAY))):
            found.setdefault(day, []).append((max(begin - day * DAY, 0), min(end - day * DAY, DAY)))
    return {day: tuple(times) for day, times in found.items()}


def clock(minute: int) -> str:
    """A minute of the day as HH:MM; the end of a day is 00:00."""
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"
