"""A planner's network as activities and what they follow, on its way into a configuration.

Readers of the two formats give tasks and links as their file has them. Here links are carried over headings and levels
of effort (LOE), what a step network has no place for is left out and listed by kind with the ids of the activities, and
what contradicts itself is refused. Lengths are working days of each activity's own week.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from sim.config.sections.systems import LinkType
from sim.report.exchange.importers.planner_calendars import DAYS_OF_A_WEEK, PlannerCalendar
from sim.report.exchange.importers.source_text import WrongFile
from sim.report.formatting import counted
from sim.study.analyses.forecast.status import Logic

MOST_LINKS_CARRIED = 2_000
"""Links that one level of effort may stand for; a heading of a whole project would stand for millions."""
_LISTED = 10
Role = Literal["work", "heading", "effort", "inactive", "external"]


# --- what readers find ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Link:
    """What an activity follows: by which events, and how many calendar days later; a lead is below zero."""

    before: str
    lag_days: float = 0.0
    type: LinkType = "FS"
    calendar: PlannerCalendar | None = field(default=None, compare=False)
    """On which its lag is counted; None is by the clock."""

    @property
    def off_the_mean(self) -> float:
        """By how many days at most its lag, in calendar days, is shorter or longer than on its calendar."""
        if self.calendar is None or self.lag_days <= 0:
            return 0.0
        return self.calendar.off_the_mean(_working_minutes(self.lag_days, self.calendar))


def _working_minutes(lag_days: float, calendar: PlannerCalendar) -> float:
    return lag_days * calendar.days_a_week / DAYS_OF_A_WEEK * calendar.day_minutes


@dataclass(frozen=True)
class Activity:
    """One activity: its key in the file, name, length in working days of its calendar, links, and what is noted.

    `code` is the id that its planner knows it by, `group` the headings above it; `resources` are the planner's with
    how many of each, `crews` the crews by trade that a mapping makes of them.
    """

    key: str
    name: str
    days: float
    after: tuple[Link, ...] = ()
    note: str = ""
    code: str = ""
    calendar: PlannerCalendar = field(default_factory=lambda: PlannerCalendar("usual"))
    group: tuple[str, ...] = ()
    resources: tuple[tuple[str, float], ...] = ()
    crews: tuple[tuple[str, int], ...] = ()

    @property
    def id(self) -> str:
        """What messages call it."""
        return self.code or self.key


@dataclass
class SourceTask:
    """A row of the file: an activity, or something that only other tools schedule."""

    activity: Activity
    role: Role = "work"
    parts: list[str] = field(default_factory=list)
    """Of a heading: the activities below it, and whatever else stands there."""
    above: tuple[str, ...] = ()
    begun: datetime | None = None
    done: datetime | None = None
    is_begun: bool = False
    is_done: bool = False


@dataclass(frozen=True)
class SourceLink:
    """A link of the file; its ends may be anything. Its lag counts on a calendar, or by the clock where there is none."""

    before: str
    after: str
    type: LinkType
    lag_days: float
    calendar: PlannerCalendar | None = None


@dataclass(frozen=True)
class Progress:
    """Until when actuals are known, and how what has begun goes on: as the scheduling options of the file say.

    With retained logic what remains of an activity waits for what it follows; with progress override it goes on at once.
    """

    data_date: datetime | None = None
    logic: Logic = "retained_logic"


RESOURCES = "resources and costs, not taken over; of"


class Remarks:
    """What was carried in another way or left out: by kind, the ids of the activities."""

    def __init__(self) -> None:
        self.kinds: dict[str, list[str]] = {}

    def add(self, kind: str, ident: str) -> None:
        """Add one activity to a kind."""
        self.kinds.setdefault(kind, []).append(ident)

    def lines(self) -> Iterator[str]:
        """One line a kind: how many, and the first ids."""
        for kind, found in self.kinds.items():
            yield f"{kind}: {len(found):,} ({listed(list(dict.fromkeys(found)))})"


@dataclass(frozen=True)
class PlannerNetwork:
    """A file as activities, the week in which most of them are stated, and what became of everything else."""

    file: str
    activities: tuple[Activity, ...]
    week: PlannerCalendar
    remarks: Remarks
    encoding: str = "UTF-8"

    def describe(self, *, exact: bool = False) -> Iterator[str]:
        """What came in, a line a thing; with `exact` lags count on their calendars."""
        kinds = Counter(link.type for activity in self.activities for link in activity.after)
        lags = sum(link.lag_days > 0 for activity in self.activities for link in activity.after)
        leads = sum(link.lag_days < 0 for activity in self.activities for link in activity.after)
        types = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common()) or "none"
        counts = f"{counted(lags, 'lag', 'lags')}, {counted(leads, 'lead', 'leads')}"
        links = f"{counted(kinds.total(), 'link', 'links')} ({types}; {counts})"
        yield f"{counted(len(self.activities), 'activity', 'activities')}, {links}"
        yield f"working days are those of {self.week.name!r}: {self.week.describe()}"
        for calendar, count in self._other_weeks():
            many = counted(count, "activity works", "activities work")
            yield f"{many} by {calendar.name!r}: {calendar.describe()}"
        if not exact and (told := self._off_the_mean()):
            yield told
        if self.encoding.lower() not in ("utf-8", "ascii"):
            yield f"text read as {self.encoding}; another code page by --encoding"
        yield from self.remarks.lines()

    def _off_the_mean(self) -> str:
        """How far lags are from those on their calendars; nothing where they agree."""
        worst: dict[tuple[PlannerCalendar | None, float], float] = {}
        off = list[str]()
        for activity in self.activities:
            for link in activity.after:
                key = link.calendar, link.lag_days
                if worst.setdefault(key, link.off_the_mean if key not in worst else 0.0):
                    off.append(activity.id)
        if not off:
            return ""
        most = max(worst.values())
        return (
            f"lags of working days, taken as calendar days in the mean, up to {most:.1f} days too short or too long by the "
            f"day of the week (exact with --calendars); of: {len(off):,} ({listed(list(dict.fromkeys(off)))})"
        )

    def _other_weeks(self) -> list[tuple[PlannerCalendar, int]]:
        """The calendars besides the main one, and how many activities have them."""
        return Counter(a.calendar for a in self.activities if a.days and a.calendar != self.week).most_common()

    def in_week(self, activity: Activity) -> float:
        """The length of an activity in working days of the main week, taking as long by the clock."""
        return activity.days * self.week.days_a_week / activity.calendar.days_a_week


def listed(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return f"{', '.join(names[:_LISTED])}{more}"


# --- network ----------------------------------------------------------------------------------------------------------


def network_of(
    file: str, tasks: Mapping[str, SourceTask], links: Iterable[SourceLink], remarks: Remarks,
    project: PlannerCalendar, encoding: str = "UTF-8", progress: Progress = Progress(),
) -> PlannerNetwork:  # fmt: skip
    """Make a network of what a reader found; WrongFile where it contradicts itself."""
    carried = _by_progress(_between_work(tasks, links, remarks), tasks, progress, remarks)
    after: dict[str, dict[tuple[str, LinkType], Link]] = {}
    for link in carried:
        kind = _type_at_milestones(link, tasks)
        known = after.setdefault(link.after, {})
        if (same := known.get((link.before, kind))) is not None:
            remarks.add("links of one type between the same two activities, the one with the longest lag kept; of",
                        tasks[link.after].activity.id)  # fmt: skip
        if same is None or same.lag_days < link.lag_days:
            known[link.before, kind] = Link(link.before, round(link.lag_days, 4), kind, link.calendar)
    activities = tuple(
        replace(task.activity, after=tuple(after[key].values())) if key in after else task.activity
        for key, task in tasks.items()
        if task.role == "work"
    )
    _refuse_circles(file, activities)
    return PlannerNetwork(file, activities, _main_week(activities, project), remarks, encoding)


def _main_week(activities: Iterable[Activity], project: PlannerCalendar) -> PlannerCalendar:
    """The calendar of most activities that take time; the project's if it is among the first."""
    counts = Counter(activity.calendar for activity in activities if activity.days)
    most = max(counts.values(), default=0)
    return project if counts.get(project, 0) == most else counts.most_common(1)[0][0]


def _between_work(
    tasks: Mapping[str, SourceTask], links: Iterable[SourceLink], remarks: Remarks
) -> Iterator[SourceLink]:  # fmt: skip
    """Yield links between activities: those of headings and levels of effort carried over, others told and left out."""
    loes: dict[str, tuple[list[SourceLink], list[SourceLink]]] = {}
    for link in links:
        for one in _between_parts(link, tasks, remarks):
            ends = [tasks[one.before], tasks[one.after]]
            roles = {end.role for end in ends}
            for role in ("inactive", "external"):
                if role in roles:
                    other = ends[0] if ends[1].role == role else ends[1]
                    remarks.add(f"links with {role} tasks, left out; of", other.activity.id)
            if roles <= {"work"}:
                yield one
            elif roles <= {"work", "effort"}:
                for end, key in ((0, one.after), (1, one.before)):
                    if tasks[key].role == "effort":
                        loes.setdefault(key, ([], []))[end].append(one)
    yield from _through_loes(tasks, loes, remarks)


def _by_progress(
    links: Iterable[SourceLink], tasks: Mapping[str, SourceTask], progress: Progress, remarks: Remarks
) -> Iterator[SourceLink]:
    """Yield what of links is left after what has happened: of lags the rest, into finished activities nothing."""
    for link in links:
        before, after = tasks[link.before], tasks[link.after]
        goes_on = after.is_begun and progress.logic == "progress_override"
        if not (before.is_done if link.type[0] == "F" else before.is_begun or before.is_done):
            if after.is_done:
                remarks.add("links from unfinished into finished activities, left out; of", after.activity.id)
            elif goes_on:
                remarks.add("links into begun activities, which go on at once (progress override), left out; of",
                            after.activity.id)  # fmt: skip
            else:
                yield link
            continue
        rest = 0.0 if after.is_done or goes_on else _left_of_lag(link, before, progress)
        if rest != link.lag_days:
            remarks.add("lags that have passed by the data date, or in part; of", after.activity.id)
            link = replace(link, lag_days=rest)  # noqa: PLW2901 (the rest of it)
        if before.is_done or rest:
            yield link


def _left_of_lag(link: SourceLink, before: SourceTask, progress: Progress) -> float:
    """Return what of a lag is still to pass at the data date, in calendar days; all of it where dates are not known."""
    at = before.done if link.type[0] == "F" else before.begun
    if link.lag_days <= 0 or at is None or progress.data_date is None:
        return max(0.0, link.lag_days)
    if link.calendar is None:
        return max(0.0, link.lag_days - (progress.data_date - at).total_seconds() / 86_400)
    worked = link.calendar.worked(at, progress.data_date)
    return link.calendar.calendar_days(max(0.0, _working_minutes(link.lag_days, link.calendar) - worked))


def _between_parts(link: SourceLink, tasks: Mapping[str, SourceTask], remarks: Remarks) -> Iterator[SourceLink]:
    """Yield a link of headings as links of the activities below them; one from a heading to its own part is told."""
    before, after = tasks[link.before], tasks[link.after]
    if before.role != "heading" and after.role != "heading":
        yield link
        return
    if link.before in after.above or link.after in before.above:
        remarks.add("links between a heading and its own part, left out; of", after.activity.id)
        return
    firsts, lasts = _ends(link.before, tasks), _ends(link.after, tasks)
    if (before.role == "heading" and link.type[0] == "S") or (after.role == "heading" and link.type[1] == "F"):
        remarks.add(
            "links to the start of a heading, or held to its finish, taken for all its parts; of", after.activity.id
        )
    if len(firsts) * len(lasts) > MOST_LINKS_CARRIED:
        remarks.add(
            f"links of headings that stand for more than {MOST_LINKS_CARRIED:,}, left out; of", after.activity.id
        )
        return
    for first in firsts:
        for last in lasts:
            yield SourceLink(first, last, link.type, link.lag_days, link.calendar)


def _ends(key: str, tasks: Mapping[str, SourceTask]) -> list[str]:
    """The rows a link's end stands for: itself, or what is below a heading."""
    task = tasks[key]
    return [part for part in task.parts if tasks[part].role != "heading"] if task.role == "heading" else [key]


def _through_loes(
    tasks: Mapping[str, SourceTask], loes: Mapping[str, tuple[list[SourceLink], list[SourceLink]]], remarks: Remarks
) -> Iterator[SourceLink]:
    """Carry links through levels of effort, which take no time of their own: what they follow to what follows them."""
    into = {key: [link for link in before if tasks[link.before].role != "effort"] for key, (before, _) in loes.items()}
    for key in _in_order(loes):
        _, out = loes[key]
        ident = tasks[key].activity.id
        if len(into[key]) * len(out) > MOST_LINKS_CARRIED:
            remarks.add(f"levels of effort with more than {MOST_LINKS_CARRIED:,} pairs of links, left out", ident)
            continue
        if out:
            remarks.add("levels of effort whose links were carried over to what they span", ident)
        for before in into[key]:
            for after in out:
                if before.type[1] == "F" and after.type[0] == "S":
                    continue  # what holds its finish says nothing of its start
                kind = _TYPES[before.type[0] + after.type[1]]
                lags = [link.calendar for link in (before, after) if link.lag_days]
                calendar = lags[0] if lags and lags[0] == lags[-1] else None
                through = SourceLink(before.before, after.after, kind, before.lag_days + after.lag_days, calendar)
                if tasks[after.after].role == "effort":
                    into[after.after].append(through)
                elif through.before != through.after:
                    yield through


_TYPES: dict[str, LinkType] = {"FS": "FS", "SS": "SS", "FF": "FF", "SF": "SF"}


def _in_order(loes: Mapping[str, tuple[list[SourceLink], list[SourceLink]]]) -> list[str]:
    """Levels of effort so that each comes after those it follows; in a circle of them, in the order of the file."""
    graph = {key: {link.before for link in before if link.before in loes} for key, (before, _) in loes.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError:
        return list(loes)


def _type_at_milestones(link: SourceLink, tasks: Mapping[str, SourceTask]) -> LinkType:
    """A link's type where an end takes no time: its start is its finish, so SS from it and FF to it are FS."""
    first = "F" if tasks[link.before].activity.days == 0 else link.type[0]
    second = "S" if tasks[link.after].activity.days == 0 else link.type[1]
    return _TYPES[first + second]


def _refuse_circles(file: str, activities: Sequence[Activity]) -> None:
    """Refuse activities that wait for each other, naming them in a circle."""
    ids = {activity.key: activity.id for activity in activities}
    graph: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for activity in activities:
        graph.setdefault((activity.key, "F"), set()).add((activity.key, "S"))
        for link in activity.after:
            graph.setdefault((activity.key, link.type[1]), set()).add((link.before, link.type[0]))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        circle = list(dict.fromkeys(ids[key] for key, _ in cycle.args[1]))
        raise WrongFile(
            f"{file}: activities wait for each other: {' before '.join([*circle, circle[0]][:_LISTED])}"
        ) from cycle


def identifiers(activities: Iterable[Activity], others: Iterable[str] = ()) -> dict[str, str]:
    """A name for each step that a configuration can use, unlike every other and those of `others`."""
    found: dict[str, str] = {}
    taken = set(others)
    numbers: dict[str, int] = {}
    for activity in activities:
        plain = re.sub(r"[^a-z0-9]+", "_", activity.name.lower()).strip("_")[:48] or "step"
        name, number = plain, numbers.get(plain, 1)
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        numbers[plain] = number
        taken.add(name)
        found[activity.key] = name
    return found
