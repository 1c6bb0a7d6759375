"""A planner's network as activities and their predecessors, to be written into a configuration.

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
from sim.report.exchange.importers.planner_calendars import DAYS_PER_WEEK, PlannerCalendar
from sim.report.exchange.importers.source_text import WrongFile
from sim.report.formatting import counted
from sim.study.analyses.forecast.status import Logic

MAX_REPLACED_LINKS = 2_000
"""Most links that replace those of one heading or level of effort; a whole project's would be millions."""
_LISTED = 10
Role = Literal["work", "heading", "effort", "inactive", "external"]


# --- what readers find ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Link:
    """A link to a predecessor: its type (FS, …) and its lag in calendar days; a lead is below zero."""

    before: str
    lag_days: float = 0.0
    type: LinkType = "FS"
    calendar: PlannerCalendar | None = field(default=None, compare=False)
    """The calendar on which its lag is counted; None is by the clock."""

    @property
    def max_deviation_days(self) -> float:
        """Return by how many days at most its lag, in calendar days, is shorter or longer than on its calendar."""
        if self.calendar is None or self.lag_days <= 0:
            return 0.0
        return self.calendar.max_deviation_days(_working_minutes(self.lag_days, self.calendar))


def _working_minutes(lag_days: float, calendar: PlannerCalendar) -> float:
    return lag_days * calendar.days_per_week / DAYS_PER_WEEK * calendar.day_minutes


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
        """Return what messages call it."""
        return self.code or self.key


@dataclass
class SourceTask:
    """A row of the file: an activity, a heading, a level of effort, or a task that is not taken over."""

    activity: Activity
    role: Role = "work"
    parts: list[str] = field(default_factory=list)
    """Of a heading: the keys of the rows below it."""
    headings: tuple[str, ...] = ()
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
class ScheduleStatus:
    """The data date of the file, and its scheduling option for activities that have begun out of sequence.

    With retained logic the rest of an activity waits for its predecessors; with progress override it continues at once.
    """

    data_date: datetime | None = None
    logic: Logic = "retained_logic"


RESOURCES = "resources and costs, not taken over; of"


class Remarks:
    """Remarks on what was changed or left out: by kind, the ids of the activities."""

    def __init__(self) -> None:
        self.kinds: dict[str, list[str]] = {}

    def add(self, kind: str, ident: str) -> None:
        """Add one activity to a kind."""
        self.kinds.setdefault(kind, []).append(ident)

    def lines(self) -> Iterator[str]:
        """One line a kind: how many, and the first ids."""
        for kind, ids in self.kinds.items():
            yield f"{kind}: {len(ids):,} ({listed(list(dict.fromkeys(ids)))})"


@dataclass(frozen=True)
class PlannerNetwork:
    """A file as activities, the week in which most of them are stated, and remarks on everything else."""

    file: str
    activities: tuple[Activity, ...]
    week: PlannerCalendar
    remarks: Remarks
    encoding: str = "UTF-8"

    def describe(self, *, exact: bool = False) -> Iterator[str]:
        """Yield what was read, line by line; with `exact` lags count on their calendars."""
        kinds = Counter(link.type for activity in self.activities for link in activity.after)
        lags = sum(link.lag_days > 0 for activity in self.activities for link in activity.after)
        leads = sum(link.lag_days < 0 for activity in self.activities for link in activity.after)
        types = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common()) or "none"
        counts = f"{counted(lags, 'lag', 'lags')}, {counted(leads, 'lead', 'leads')}"
        links = f"{counted(kinds.total(), 'link', 'links')} ({types}; {counts})"
        yield f"{counted(len(self.activities), 'activity', 'activities')}, {links}"
        yield f"working days are those of {self.week.name!r}: {self.week.describe()}"
        for calendar, count in self._other_weeks():
            works = counted(count, "activity works", "activities work")
            yield f"{works} by {calendar.name!r}: {calendar.describe()}"
        if not exact and (deviation_note := self._lag_deviations()):
            yield deviation_note
        if self.encoding.lower() not in ("utf-8", "ascii"):
            yield f"text read as {self.encoding}; another code page by --encoding"
        yield from self.remarks.lines()

    def _lag_deviations(self) -> str:
        """Return by how much lags deviate from those on their calendars, as text; empty where they agree."""
        deviations: dict[tuple[PlannerCalendar | None, float], float] = {}
        ids = list[str]()
        for activity in self.activities:
            for link in activity.after:
                key = link.calendar, link.lag_days
                if deviations.setdefault(key, link.max_deviation_days if key not in deviations else 0.0):
                    ids.append(activity.id)
        if not ids:
            return ""
        max_deviation = max(deviations.values())
        return (
            f"lags of working days, taken as calendar days in the mean, up to {max_deviation:.1f} days too short or too long "
            f"by the day of the week (exact with --calendars); of: {len(ids):,} ({listed(list(dict.fromkeys(ids)))})"
        )

    def _other_weeks(self) -> list[tuple[PlannerCalendar, int]]:
        """Return the calendars besides the main one, and how many activities have them."""
        return Counter(a.calendar for a in self.activities if a.days and a.calendar != self.week).most_common()

    def in_week(self, activity: Activity) -> float:
        """Return the length of an activity in working days of the main week, taking as long by the clock."""
        return activity.days * self.week.days_per_week / activity.calendar.days_per_week


def listed(names: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return f"{', '.join(names[:_LISTED])}{more}"


# --- network ----------------------------------------------------------------------------------------------------------


def network_of(
    file: str, tasks: Mapping[str, SourceTask], links: Iterable[SourceLink], remarks: Remarks,
    project: PlannerCalendar, encoding: str = "UTF-8", progress: ScheduleStatus = ScheduleStatus(),
) -> PlannerNetwork:  # fmt: skip
    """Return the network of what a reader found; WrongFile where it contradicts itself."""
    remaining_links = _without_elapsed_lags(_links_of_work(tasks, links, remarks), tasks, progress, remarks)
    links_into: dict[str, dict[tuple[str, LinkType], Link]] = {}
    for link in remaining_links:
        kind = _type_at_milestones(link, tasks)
        known_links = links_into.setdefault(link.after, {})
        if (duplicate := known_links.get((link.before, kind))) is not None:
            remarks.add("links of one type between the same two activities, the one with the longest lag kept; of",
                        tasks[link.after].activity.id)  # fmt: skip
        if duplicate is None or duplicate.lag_days < link.lag_days:
            known_links[link.before, kind] = Link(link.before, round(link.lag_days, 4), kind, link.calendar)
    activities = tuple(
        replace(task.activity, after=tuple(links_into[key].values())) if key in links_into else task.activity
        for key, task in tasks.items()
        if task.role == "work"
    )
    _require_no_cycles(file, activities)
    return PlannerNetwork(file, activities, _main_week(activities, project), remarks, encoding)


def _main_week(activities: Iterable[Activity], project: PlannerCalendar) -> PlannerCalendar:
    """Return the calendar of most activities that take time; the project's if it is among the first."""
    counts = Counter(activity.calendar for activity in activities if activity.days)
    max_count = max(counts.values(), default=0)
    return project if counts.get(project, 0) == max_count else counts.most_common(1)[0][0]


def _links_of_work(
    tasks: Mapping[str, SourceTask], links: Iterable[SourceLink], remarks: Remarks
) -> Iterator[SourceLink]:  # fmt: skip
    """Yield links between activities, those of headings and levels of effort replaced; others are left out with a remark."""
    loes: dict[str, tuple[list[SourceLink], list[SourceLink]]] = {}
    for link in links:
        for part_link in _links_of_parts(link, tasks, remarks):
            both_tasks = [tasks[part_link.before], tasks[part_link.after]]
            roles = {side.role for side in both_tasks}
            for role in ("inactive", "external"):
                if role in roles:
                    activity_of_link = both_tasks[0] if both_tasks[1].role == role else both_tasks[1]
                    remarks.add(f"links with {role} tasks, left out; of", activity_of_link.activity.id)
            if roles <= {"work"}:
                yield part_link
            elif roles <= {"work", "effort"}:
                for side, key in ((0, part_link.after), (1, part_link.before)):
                    if tasks[key].role == "effort":
                        loes.setdefault(key, ([], []))[side].append(part_link)
    yield from _links_through_loes(tasks, loes, remarks)


def _without_elapsed_lags(
    links: Iterable[SourceLink], tasks: Mapping[str, SourceTask], progress: ScheduleStatus, remarks: Remarks
) -> Iterator[SourceLink]:
    """Yield links with the lag that remains at the data date; links that progress has satisfied are left out."""
    for link in links:
        predecessor, successor = tasks[link.before], tasks[link.after]
        continues = successor.is_begun and progress.logic == "progress_override"
        if not (predecessor.is_done if link.type[0] == "F" else predecessor.is_begun or predecessor.is_done):
            if successor.is_done:
                remarks.add("links from unfinished into finished activities, left out; of", successor.activity.id)
            elif continues:
                remarks.add("links into begun activities, which go on at once (progress override), left out; of",
                            successor.activity.id)  # fmt: skip
            else:
                yield link
            continue
        remaining = 0.0 if successor.is_done or continues else _remaining_lag(link, predecessor, progress)
        if remaining != link.lag_days:
            remarks.add("lags that have passed by the data date, or in part; of", successor.activity.id)
            link = replace(link, lag_days=remaining)  # noqa: PLW2901 (the rest of it)
        if predecessor.is_done or remaining:
            yield link


def _remaining_lag(link: SourceLink, predecessor: SourceTask, progress: ScheduleStatus) -> float:
    """Return the calendar days of a lag that remain at the data date; all of it where dates are not known."""
    lag_start = predecessor.done if link.type[0] == "F" else predecessor.begun
    if link.lag_days <= 0 or lag_start is None or progress.data_date is None:
        return max(0.0, link.lag_days)
    if link.calendar is None:
        return max(0.0, link.lag_days - (progress.data_date - lag_start).total_seconds() / 86_400)
    minutes_worked = link.calendar.worked(lag_start, progress.data_date)
    return link.calendar.calendar_days(max(0.0, _working_minutes(link.lag_days, link.calendar) - minutes_worked))


def _links_of_parts(link: SourceLink, tasks: Mapping[str, SourceTask], remarks: Remarks) -> Iterator[SourceLink]:
    """Yield a link of headings as links of the activities below them; one from a heading to its own part is left out."""
    predecessor, successor = tasks[link.before], tasks[link.after]
    if predecessor.role != "heading" and successor.role != "heading":
        yield link
        return
    if link.before in successor.headings or link.after in predecessor.headings:
        remarks.add("links between a heading and its own part, left out; of", successor.activity.id)
        return
    predecessors, successors = _ends(link.before, tasks), _ends(link.after, tasks)
    if (predecessor.role == "heading" and link.type[0] == "S") or (successor.role == "heading" and link.type[1] == "F"):
        remarks.add(
            "links to the start of a heading, or held to its finish, taken for all its parts; of", successor.activity.id
        )
    if len(predecessors) * len(successors) > MAX_REPLACED_LINKS:
        remarks.add(
            f"links of headings that stand for more than {MAX_REPLACED_LINKS:,}, left out; of", successor.activity.id
        )
        return
    for from_key in predecessors:
        for to_key in successors:
            yield SourceLink(from_key, to_key, link.type, link.lag_days, link.calendar)


def _ends(key: str, tasks: Mapping[str, SourceTask]) -> list[str]:
    """Return the rows a link's end stands for: itself, or what is below a heading."""
    task = tasks[key]
    return [part for part in task.parts if tasks[part].role != "heading"] if task.role == "heading" else [key]


def _links_through_loes(
    tasks: Mapping[str, SourceTask], loes: Mapping[str, tuple[list[SourceLink], list[SourceLink]]], remarks: Remarks
) -> Iterator[SourceLink]:
    """Yield links that replace a level of effort, which takes no time: from its predecessors to its successors."""
    incoming = {
        key: [link for link in link_in if tasks[link.before].role != "effort"] for key, (link_in, _) in loes.items()
    }
    for key in _loe_order(loes):
        _, outgoing = loes[key]
        loe = tasks[key].activity.id
        if len(incoming[key]) * len(outgoing) > MAX_REPLACED_LINKS:
            remarks.add(f"levels of effort with more than {MAX_REPLACED_LINKS:,} pairs of links, left out", loe)
            continue
        if outgoing:
            remarks.add("levels of effort whose links were carried over to what they span", loe)
        for link_in in incoming[key]:
            for link_out in outgoing:
                if link_in.type[1] == "F" and link_out.type[0] == "S":
                    continue  # what holds its finish says nothing of its start
                kind = _TYPES[link_in.type[0] + link_out.type[1]]
                lags = [link.calendar for link in (link_in, link_out) if link.lag_days]
                calendar = lags[0] if lags and lags[0] == lags[-1] else None
                lag_days = link_in.lag_days + link_out.lag_days
                combined = SourceLink(link_in.before, link_out.after, kind, lag_days, calendar)
                if tasks[link_out.after].role == "effort":
                    incoming[link_out.after].append(combined)
                elif combined.before != combined.after:
                    yield combined


_TYPES: dict[str, LinkType] = {"FS": "FS", "SS": "SS", "FF": "FF", "SF": "SF"}


def _loe_order(loes: Mapping[str, tuple[list[SourceLink], list[SourceLink]]]) -> list[str]:
    """Levels of effort so that each comes after those it follows; in a circle of them, in the order of the file."""
    graph = {key: {link.before for link in incoming if link.before in loes} for key, (incoming, _) in loes.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError:
        return list(loes)


def _type_at_milestones(link: SourceLink, tasks: Mapping[str, SourceTask]) -> LinkType:
    """Return a link's type where an end takes no time: its start is its finish, so SS from it and FF to it are FS."""
    first = "F" if tasks[link.before].activity.days == 0 else link.type[0]
    second = "S" if tasks[link.after].activity.days == 0 else link.type[1]
    return _TYPES[first + second]


def _require_no_cycles(file: str, activities: Sequence[Activity]) -> None:
    """Raise WrongFile for activities that wait for each other, naming them in a circle."""
    ids = {activity.key: activity.id for activity in activities}
    graph: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for activity in activities:
        graph.setdefault((activity.key, "F"), set()).add((activity.key, "S"))
        for link in activity.after:
            graph.setdefault((activity.key, link.type[1]), set()).add((link.before, link.type[0]))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        cycle_ids = list(dict.fromkeys(ids[key] for key, _ in cycle.args[1]))
        raise WrongFile(
            f"{file}: activities wait for each other: {' before '.join([*cycle_ids, cycle_ids[0]][:_LISTED])}"
        ) from cycle


def identifiers(activities: Iterable[Activity], other_names: Iterable[str] = ()) -> dict[str, str]:
    """Return for each activity a step name that a configuration can use, unique among them and `other_names`."""
    names: dict[str, str] = {}
    names_taken = set(other_names)
    numbers: dict[str, int] = {}
    for activity in activities:
        base = re.sub(r"[^a-z0-9]+", "_", activity.name.lower()).strip("_")[:48] or "step"
        name, number = base, numbers.get(base, 1)
        while name in names_taken:
            number += 1
            name = f"{base}_{number}"
        numbers[base] = number
        names_taken.add(name)
        names[activity.key] = name
    return names
