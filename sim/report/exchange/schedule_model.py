"""One run as a planner's schedule: tasks with dates, what each follows, and why it did not begin sooner.

The dates are those of one run that was really performed, not means, which would violate the logic. Tasks that
follow each other are linked; a task that could have begun sooner but waited for a crew, a crane, a place, power or
weather says so, and has an earliest start where the planner's tool would otherwise move it.

Calendars are as planners' tools keep them: a working week, and the days that are not as the week says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from sim.config.project import Project
from sim.errors import SimError
from sim.plan.compile import CompiledPlan
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.vocabulary import CREW_KINDS, FREE, HOLD, NOTE, SIGNAL, UNTIL, WAIT, WORK, Log, UnitInfo
from sim.report.exchange.task_links import Following
from sim.report.exchange.work_breakdown import Names, order_of
from sim.study.case import Case
from sim.world.project_calendars import ON_SITE, SHIFT
from sim.world.working_time import Calendar

# --- schedule model ---------------------------------------------------------------------------------------------------


Wait = tuple[int, int, str]
"""Since when, until when, for what."""
Key = tuple[int, int]
"""A step of the plan, and which performance of it by its unit."""


class After(NamedTuple):
    """A link to another task: its number, the minutes by the clock between, FS or SS."""

    number: int
    lag: int = 0
    type: str = "FS"


@dataclass(frozen=True)
class Task:
    """One activity as it was performed; minutes since the project's start.

    `group` is where it stands in the work breakdown, from the outermost heading down; `after` what it follows.
    `held_back` says what it waited for where links alone would let it begin sooner. `minutes` is its length in working
    time of its calendar; `people` are with it, by trade.
    """

    number: int
    key: Key
    name: str
    unit: str
    group: tuple[str, ...]
    start: int
    finish: int
    minutes: int
    calendar: str
    after: tuple[After, ...] = ()
    held_back: str = ""
    milestone: bool = False
    people: Mapping[str, int] = field(default_factory=dict)
    what: str = ""
    """Its name without its place; empty for a milestone."""
    info: UnitInfo = field(default_factory=UnitInfo)
    block: str = ""
    """Of a milestone: the block that is online with it."""
    due: date | None = None
    """Of a milestone of the contract: the last day on which it is in time."""
    activity: str = ""
    """Its name in the plan, by which a status knows it; empty for a milestone and for a bar of several works."""


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
    def groups(self) -> list[tuple[str, ...]]:
        """The headings in order, each by the way to it."""
        return list(dict.fromkeys(task.group[:depth] for task in self.tasks for depth in range(1, len(task.group) + 1)))


class Changed(SimError):
    """A result that this version of the program would not get again."""

    exit_code = 2


def schedule(case: Case, log: Log, hours: Sequence[Calendar]) -> Schedule:
    """Write one performance down as a schedule; `hours` are the calendars it was performed on."""
    walk = _Walk(case, hours)
    for row in log.tolist():
        walk.take(*row)
    tasks = walk.finished()
    used = {SHIFT, *(task.calendar for task in tasks)}
    calendars = {name: walk.stated[name] for name in sorted(used, key=lambda name: (name != SHIFT, name))}
    return Schedule(case.project, in_groups(tasks), calendars)


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
        self.of_unit: dict[tuple[int, int], int] = {}
        self.names = Names(case.project)

    def finished(self) -> list[Task]:
        """The tasks, with the starts that they follow turned into links to the tasks that started."""
        return [replace(task, after=tuple(self._resolved(task.after))) for task in self.tasks]

    def _resolved(self, after: Iterable[After]) -> Iterator[After]:
        """Links with the numbers of tasks; a start that no task came of is left out."""
        for link in after:
            if link.number >= 0:
                yield link
                continue
            unit, done, _ = self.following.starts[-link.number - 1]
            if (number := self.of_unit.get((unit, done))) is not None:
                yield After(number, link.lag, "SS")

    def take(self, minute: int, step: int, detail: int) -> None:
        """Take one row of the log."""
        operation, a = self.rows[step][:2]
        unit = int(self.plan.unit_of[step])
        if operation == WORK:
            self._work(minute, step, detail, unit)
        elif operation in (WAIT, HOLD):
            self.following.wait(unit, self.rows[step])
            name = self.plan.gates[a] if operation == WAIT else bundle_words(self.plan, a)
            self.waits.setdefault(unit, []).append((detail, minute, name))
        elif operation == UNTIL:
            self.waits.setdefault(unit, []).append((detail, minute, "its date"))
        elif operation in (SIGNAL, FREE):
            self.following.give(unit, self.rows[step], detail, minute)
        elif operation == NOTE and (name := self.names.milestone(self.plan.unit_info[unit], self.plan.notes[a])):
            self._milestone(minute, step, unit, name)
            if self.plan.notes[a].kind == ONLINE:
                self.tasks[-1] = replace(self.tasks[-1], block=self.plan.notes[a].place)

    def _work(self, minute: int, step: int, begun: int, unit: int) -> None:
        """Make a task of a work, unless it is a crew's coming and going, a way home, or nothing at all."""
        waits = self.waits.pop(unit, [])
        info, role = self.plan.unit_info[unit], self.plan.work_roles[step]
        if info.kind in CREW_KINDS or role == "way_home" or minute == begun:
            return
        if role == "lag":  # to a planner no activity, but the lag of the links it stands between
            self.following.delayed(unit, minute - begun)
            return
        calendar = self.plan.calendars[self.rows[step][2]]
        start = min(self.hours[self.rows[step][2]].next_open(begun), minute - 1)
        calendar = self._stated_for(calendar, start, minute)
        length = self.stated[calendar].worked(minute) - self.stated[calendar].worked(start)
        after = [After(*head) for head in self.following.before(unit)]
        held = self._held_back(after, start, calendar, waits)
        people = {trade: int(n) for trade, n in zip(self.plan.trades, self.plan.people[step], strict=True) if n}
        where, what = self.names.task(self.plan.units[unit], info, self.plan.activities[self.plan.activity_of[step]])
        self._add(
            step, unit, f"{where}: {what}", (start, minute, length), calendar, after, held, what=what, people=people
        )

    def _stated_for(self, name: str, start: int, finish: int) -> str:
        """The calendar a planner's tool gets: paid shifts on site; around the clock where the shifts do not fit."""
        shown = SHIFT if name in ON_SITE else name
        calendar = self.stated[shown]
        length = calendar.worked(finish) - calendar.worked(start)
        fits = length > 0 and calendar.next_open(start) == start and calendar.finish(start, length) == finish
        return shown if fits else "always"

    def _free(self, link: After) -> int:
        """The minute from which a link lets a task begin."""
        if link.number < 0:
            return self.following.starts[-link.number - 1][2] + link.lag
        return self.finishes[link.number] + link.lag

    def _held_back(self, after: Sequence[After], start: int, calendar: str, waits: Sequence[Wait]) -> str:
        """What kept a task from beginning when its links allowed; nothing if nothing did."""
        free = max((self._free(link) for link in after), default=0)
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

    def _milestone(self, minute: int, step: int, unit: int, name: str) -> None:
        """Make a milestone of what was reached."""
        after = [After(*head) for head in self.following.before(unit)]
        held = "" if max((self._free(link) for link in after), default=0) >= minute else "reached with other works"
        self._add(step, unit, name, (minute, minute, 0), "always", after, held, milestone=True)

    def _add(
        self, step: int, unit: int, name: str, when: tuple[int, int, int], calendar: str, after: Sequence[After],
        held: str, *, what: str = "", milestone: bool = False, people: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        """Add a task; whatever its unit does next follows it."""
        number, times = len(self.tasks), self.times.get(step, 0)
        self.times[step] = times + 1
        text = f"{name} (again, {times + 1})" if times else name
        again = text.removeprefix(name) if what else ""
        info, key = self.plan.unit_info[unit], (step, times)
        self.tasks.append(
            Task(
                number,
                key,
                text,
                self.plan.units[unit],
                self.names.group(info),
                *when,
                calendar,
                tuple(after),
                held,
                milestone,
                people or {},
                what + again,
                info,
                activity="" if milestone else self.plan.activities[self.plan.activity_of[step]],
            )
        )
        self.finishes.append(when[1])
        if not milestone:
            self.of_unit[unit, self.following.worked(unit, number)] = number


def bundle_words(plan: CompiledPlan, bundle: int) -> str:
    """What is held, in words: `1 crew.riggers + 1 crane`."""
    return " + ".join(f"{count} {plan.pools[pool]}" for pool, count in plan.bundles[bundle])


def in_groups(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Tasks by heading, headings in the order of the work breakdown, tasks by their start; numbers stay as they were."""
    return tuple(sorted(tasks, key=lambda task: (order_of(task.group), task.start, task.finish, task.number)))


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
