"""One run as a planner's schedule: tasks with dates, what each follows, and why it did not begin sooner.

The dates are those of one simulated run, not means, which would violate the logic. Tasks that
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
from sim.plan.compiled_plan import NONE, Column, CompiledPlan
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.vocabulary import CREW_KINDS, FREE, HOLD, NOTE, SIGNAL, UNTIL, WAIT, WORK, Log, UnitInfo
from sim.report.exchange.task_links import PredecessorTracker
from sim.report.exchange.work_breakdown import TaskNames, heading_sort_key
from sim.study.case import Case
from sim.world.project_calendars import ON_SITE, SHIFT
from sim.world.working_time import ALWAYS_OPEN, Calendar

# --- schedule model ---------------------------------------------------------------------------------------------------


Wait = tuple[int, int, str]
"""(begin, end, what was waited for), in minutes since the start."""
Key = tuple[int, int]
"""A step of the plan, and how often its unit had done it before."""


class TaskLink(NamedTuple):
    """A link to a predecessor: its number, the lag in minutes by the clock, FS or SS."""

    number: int
    lag: int = 0
    type: str = "FS"


@dataclass(frozen=True)
class Task:
    """One activity as it was simulated; times in minutes since the project's start.

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
    after: tuple[TaskLink, ...] = ()
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
        """Return the date and time of a minute."""
        return datetime.combine(self.project.scale.start_date, time()) + timedelta(minutes=minute)

    @property
    def groups(self) -> list[tuple[str, ...]]:
        """Return the headings in order, each by the way to it."""
        return list(dict.fromkeys(task.group[:depth] for task in self.tasks for depth in range(1, len(task.group) + 1)))


class Changed(SimError):
    """A result that this version of the program does not reproduce."""

    exit_code = 2


def schedule(case: Case, log: Log, calendars_of_run: Sequence[Calendar]) -> Schedule:
    """Return one run as a schedule; `calendars_of_run` are the calendars of that replication."""
    collector = _TaskCollector(case, calendars_of_run)
    for row in log.tolist():
        collector.add_row(*row)
    tasks = collector.linked_tasks()
    calendar_names = {SHIFT, *(task.calendar for task in tasks)}
    calendars = {
        name: collector.base_calendars[name] for name in sorted(calendar_names, key=lambda name: (name != SHIFT, name))
    }
    return Schedule(case.project, in_groups(tasks), calendars)


class _TaskCollector:
    """Collects tasks from the rows of a log, in their order."""

    def __init__(self, case: Case, calendars_of_run: Sequence[Calendar]) -> None:
        self.plan: CompiledPlan = case.plan
        self.since = case.metric_context.since or NONE
        self.calendars_of_run = calendars_of_run
        self.base_calendars = dict(zip(case.plan.calendars, case.plan.base_calendars, strict=True))
        self.rows = case.plan.rows.tolist()
        self.predecessors = PredecessorTracker(case.plan)
        self.attempts: dict[int, int] = {}
        self.waits: dict[int, list[Wait]] = {}
        self.finishes: list[int] = []
        self.tasks: list[Task] = []
        self.task_of_work: dict[tuple[int, int], int] = {}
        self.names = TaskNames(case.project)

    def linked_tasks(self) -> list[Task]:
        """Return the tasks, with the starts that they follow turned into links to the tasks that started."""
        return [
            replace(task, after=tuple(self._resolved(task.after)))
            if any(link.number < 0 for link in task.after)
            else task
            for task in self.tasks
        ]

    def _resolved(self, links: Iterable[TaskLink]) -> Iterator[TaskLink]:
        """Yield links with the numbers of tasks; one from a start of which no task came is left out."""
        for link in links:
            if link.number >= 0:
                yield link
                continue
            unit, position, _ = self.predecessors.starts[-link.number - 1]
            if (number := self.task_of_work.get((unit, position))) is not None:
                yield TaskLink(number, link.lag, "SS")

    def add_row(self, minute: int, step: int, detail: int) -> None:
        """Add what one row of the log says: a task, a wait, a link or a milestone.

        `detail` is the minute begun of work and waits, the amount of a signal or note, the bundle of what is freed.
        """
        operation, argument = self.rows[step][:2]
        unit = int(self.plan.unit_of[step])
        if operation == WORK:
            self._work(minute, step, detail, unit)
        elif operation in (WAIT, HOLD):
            self.predecessors.wait(unit, self.rows[step])
            name = self.plan.gates[argument] if operation == WAIT else bundle_words(self.plan, argument)
            self.waits.setdefault(unit, []).append((detail, minute, name))
        elif operation == UNTIL:
            self.waits.setdefault(unit, []).append((detail, minute, "its date"))
        elif operation in (SIGNAL, FREE):
            self.predecessors.give(unit, self.rows[step], detail, minute)
        elif operation == NOTE and (name := self.names.milestone(self.plan.unit_info[unit], self.plan.notes[argument])):
            self._milestone(minute, step, unit, name)
            if self.plan.notes[argument].kind == ONLINE:
                self.tasks[-1] = replace(self.tasks[-1], block=self.plan.notes[argument].place)

    def _work(self, minute: int, step: int, minute_begun: int, unit: int) -> None:
        """Add a task for a work row, except for the travel of crews and trucks, lags, and work that took no time.

        Work before the data date is added whatever its dates: it was done, and a planner's tool must know.
        """
        waits = self.waits.pop(unit, [])
        info, role = self.plan.unit_info[unit], self.plan.work_roles[step]
        took_no_time = minute == minute_begun
        if info.kind in CREW_KINDS or role == "way_home" or (took_no_time and minute > self.since):
            return
        if role == "lag":  # to a planner no activity, but the lag of the links it stands between
            self.predecessors.delayed(unit, minute - minute_begun)
            return
        calendar = self.plan.calendars[self.rows[step][Column.CALENDAR]]
        opens = self.calendars_of_run[self.rows[step][Column.CALENDAR]].next_open(minute_begun)
        start = minute if took_no_time else min(opens, minute - 1)
        calendar = self._exported_calendar(calendar, start, minute)
        length = self.base_calendars[calendar].worked(minute) - self.base_calendars[calendar].worked(start)
        links = [TaskLink(*link) for link in self.predecessors.before(unit)]
        reason = self._held_back(links, start, calendar, waits)
        people = {
            trade: int(count) for trade, count in zip(self.plan.trades, self.plan.people[step], strict=True) if count
        }
        place, activity_name = self.names.task(
            self.plan.units[unit], info, self.plan.activities[self.plan.activity_of[step]]
        )
        self._add(
            step,
            unit,
            f"{place}: {activity_name}",
            (start, minute, length),
            calendar,
            links,
            reason,
            short_name=activity_name,
            people=people,
        )

    def _exported_calendar(self, name: str, start: int, finish: int) -> str:
        """Return the name of a task's calendar in the planner's tool: paid shifts on site, else around the clock."""
        calendar_name = SHIFT if name in ON_SITE else name
        calendar = self.base_calendars[calendar_name]
        length = calendar.worked(finish) - calendar.worked(start)
        fits = length > 0 and calendar.next_open(start) == start and calendar.finish(start, length) == finish
        return calendar_name if fits else ALWAYS_OPEN

    def _free(self, link: TaskLink) -> int:
        """Return the minute from which a link lets a task begin."""
        if link.number < 0:
            return self.predecessors.starts[-link.number - 1][2] + link.lag
        return self.finishes[link.number] + link.lag

    def _held_back(self, links: Sequence[TaskLink], start: int, calendar: str, waits: Sequence[Wait]) -> str:
        """Return why a task began later than its links allow; empty if it did not."""
        links_allow = max((self._free(link) for link in links), default=0)
        if start <= self.base_calendars[calendar].next_open(links_allow):
            return ""
        minutes, name = max(((until - max(since, links_allow), name) for since, until, name in waits), default=(0, ""))
        if minutes <= 0:
            return "waited for weather or the next shift"
        return (
            f"waited {minutes / 60:.1f} h for {name}"
            if minutes < 1440
            else f"waited {minutes / 1440:.1f} days for {name}"
        )

    def _milestone(self, minute: int, step: int, unit: int, name: str) -> None:
        """Add a milestone for a note of a unit, at its minute."""
        after = [TaskLink(*head) for head in self.predecessors.before(unit)]
        held = "" if max((self._free(link) for link in after), default=0) >= minute else "reached with other works"
        self._add(step, unit, name, (minute, minute, 0), ALWAYS_OPEN, after, held, milestone=True)

    def _add(
        self, step: int, unit: int, name: str, times: tuple[int, int, int], calendar: str, links: Sequence[TaskLink],
        reason: str, *, short_name: str = "", milestone: bool = False, people: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        """Add a task with its `times` (start, finish, working minutes); the next task of its unit follows it."""
        number, done_before = len(self.tasks), self.attempts.get(step, 0)
        self.attempts[step] = done_before + 1
        text = f"{name} (again, {done_before + 1})" if done_before else name
        repetition = text.removeprefix(name) if short_name else ""
        info, key = self.plan.unit_info[unit], (step, done_before)
        self.tasks.append(
            Task(
                number,
                key,
                text,
                self.plan.units[unit],
                self.names.group(info),
                *times,
                calendar,
                tuple(links),
                reason,
                milestone,
                people or {},
                short_name + repetition,
                info,
                activity="" if milestone else self.plan.activities[self.plan.activity_of[step]],
            )
        )
        self.finishes.append(times[1])
        if not milestone:
            self.task_of_work[unit, self.predecessors.worked(unit, number)] = number


def bundle_words(plan: CompiledPlan, bundle: int) -> str:
    """Return what is held, in words: `1 crew.riggers + 1 crane`."""
    return " + ".join(f"{count} {plan.pools[pool]}" for pool, count in plan.bundles[bundle])


def in_groups(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Tasks by heading, headings in the order of the work breakdown, tasks by their start; numbers stay as they were."""
    return tuple(sorted(tasks, key=lambda task: (heading_sort_key(task.group), task.start, task.finish, task.number)))


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
        """Return the working times of one date."""
        return self.exceptions.get(day, self.days[day.weekday()])


def week_of(calendar: Calendar, start: date, until: int) -> Week:
    """Read the working week off a calendar, from its first day to minute `until`."""
    by_day = _by_day(calendar, until)
    count = -(-until // DAY)
    dates = [start + timedelta(days=day) for day in range(count)]
    hours_by_weekday: list[Counter[Hours]] = [Counter() for _ in range(7)]
    for day, day_date in enumerate(dates):
        hours_by_weekday[day_date.weekday()][by_day.get(day, ())] += 1
    days = tuple(counter.most_common(1)[0][0] if counter else () for counter in hours_by_weekday)
    hours_of_date = {day_date: by_day.get(day, ()) for day, day_date in enumerate(dates)}
    return Week(
        days, {day_date: hours for day_date, hours in hours_of_date.items() if hours != days[day_date.weekday()]}
    )


def _by_day(calendar: Calendar, until: int) -> dict[int, Hours]:
    """Return the working times of each day of the project that has any."""
    times_by_day: dict[int, list[tuple[int, int]]] = {}
    for begin, end in zip(calendar.starts.tolist(), calendar.ends.tolist(), strict=True):
        if begin >= until:
            break
        for day in range(begin // DAY, min(-(-end // DAY), -(-until // DAY))):
            times_by_day.setdefault(day, []).append((max(begin - day * DAY, 0), min(end - day * DAY, DAY)))
    return {day: tuple(times) for day, times in times_by_day.items()}


def clock(minute: int) -> str:
    """Return a minute of the day as HH:MM; the end of a day is 00:00."""
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"
