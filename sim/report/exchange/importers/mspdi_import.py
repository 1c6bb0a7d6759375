"""Reads the activities of a Microsoft Project XML file (MSPDI): lengths, links of all types, lags, calendars.

Lengths are minutes on the task's own calendar, or elapsed ones where their format says so; lags are tenths of minutes
on the project's calendar, elapsed, or percent of the predecessor's length. The codes of formats come in two series,
the second for estimated values ("5 days?"), which are read as the first. What the options say of hours a day only
formats what is shown, and is used where the file has no calendar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import cast
from xml.etree.ElementTree import Element

from sim.config.sections.systems import LinkType
from sim.report.exchange.importers.network_import import (
    RESOURCES,
    Activity,
    PlannerNetwork,
    Remarks,
    ScheduleStatus,
    SourceLink,
    SourceTask,
    network_of,
)
from sim.report.exchange.importers.planner_calendars import ROUND_THE_CLOCK, PlannerCalendar, even_week, mspdi_calendars
from sim.report.exchange.importers.source_text import WrongFile, moment, read_xml
from sim.study.analyses.forecast.status import Logic

LINKS = {"0": "FF", "1": "FS", "2": "SF", "3": "SS"}
CONSTRAINTS = {
    "0": "", "1": "as late as possible", "2": "must start on", "3": "must finish on", "4": "start no earlier than",
    "5": "start no later than", "6": "finish no earlier than", "7": "finish no later than",
}  # fmt: skip
ELAPSED = {"4", "6", "8", "10", "12", "36", "38", "40", "42", "44"}
WORKING = {"3", "5", "7", "9", "11", "21", "35", "37", "39", "41", "43", "53"}
PERCENT, ELAPSED_PERCENT = {"19", "51"}, {"20", "52"}
_NUMBER = r"(\d+(?:[.,]\d+)?)"
_LENGTH = re.compile(rf"P(?:{_NUMBER}D)?(?:T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?")
_TENTHS = re.compile(r"[+-]?\d+([.,]\d+)?")
_YES, _NO = {"1", "true"}, {"0", "false"}


def read_mspdi(data: bytes, file: str, encoding: str | None = None) -> PlannerNetwork:
    """Read the network of an MSPDI file; WrongFile if it is none, or says something that has no meaning."""
    root = read_xml(data, file, encoding)
    if root.tag != "Project":
        raise WrongFile(f"{file}: not a Microsoft Project XML file: it begins with <{root.tag[:40]}>")
    return _Reader(root, file).network()


def duration_minutes(text: str, where: str) -> float:
    """Return the minutes of a duration like PT40H0M0S; WrongFile, naming `where` it is, for any other text."""
    match = _LENGTH.fullmatch(text)
    if not match or text in {"P", "PT"} or text.endswith("T"):
        problem = "below zero" if text.startswith("-P") else "no length like PT40H0M0S"
        raise WrongFile(f"{where}: {text[:40]!r} is {problem}")
    days, hours, minutes, seconds = (float((part or "0").replace(",", ".")) for part in match.groups())
    return days * 1440 + hours * 60 + minutes + seconds / 60


def progress_of(root: Element) -> ScheduleStatus:
    """Return the status date, and how tasks that have begun continue out of sequence.

    Project splits a task so that what remains waits for its predecessors, which is retained logic; unless it splits tasks
    (`SplitsInProgressTasks`), it leaves the task where it is.
    """
    logic: Logic = "progress_override" if _text(root, "SplitsInProgressTasks") in _NO else "retained_logic"
    return ScheduleStatus(moment(_text(root, "StatusDate")), logic)


class _Reader:
    """Reads the tasks of one document."""

    def __init__(self, root: Element, file: str) -> None:
        self.root, self.file = root, file
        self.remarks = Remarks()
        self.calendars = mspdi_calendars(root)
        self.project = self.calendars.get((root.findtext("CalendarUID") or "").strip()) or self._stated_week()
        self.minutes: dict[str, float] = {}

    def network(self) -> PlannerNetwork:
        """Return the network of the whole file."""
        elements = self._elements()
        tasks = {uid: self._task(uid, element) for uid, (element, _) in elements.items()}
        self._build_outline(tasks, elements)
        links = [link for uid, (element, _) in elements.items() for link in self._links(uid, element, tasks)]
        self._report_left_out(elements)
        self._resources(tasks, elements)
        return network_of(self.file, tasks, links, self.remarks, self.project, progress=progress_of(self.root))

    def _stated_week(self) -> PlannerCalendar:
        """Return the project's week by its options, where the file has no calendar for it."""
        day, week = (self._whole(tag, usual) for tag, usual in (("MinutesPerDay", 480), ("MinutesPerWeek", 2400)))
        return even_week("Standard", day / 60, week / 60)

    def _whole(self, tag: str, otherwise: int) -> int:
        """Return a whole number of the project that is more than nothing."""
        text = (self.root.findtext(tag) or str(otherwise)).strip()
        if not (text.isascii() and text.isdecimal()) or int(text[:9]) == 0:
            raise WrongFile(f"{self.file}: {tag} is {text[:40]!r}, not a number of minutes")
        return int(text[:9])

    def _elements(self) -> dict[str, tuple[Element, int]]:
        """Return the rows of tasks by UID, with their outline level, without blank rows and the project's own summary."""
        elements: dict[str, tuple[Element, int]] = {}
        for element in self.root.iterfind("Tasks/Task"):
            uid, level = _text(element, "UID"), _text(element, "OutlineLevel")
            if _text(element, "IsNull") in _YES:
                continue
            if uid == "0" and (level in ("", "0") or _text(element, "Summary") in _YES):
                continue
            if not (uid.isascii() and uid.isdecimal()) or uid in elements:
                raise WrongFile(f"{self.file}: a task whose UID is {uid or 'missing'!r}, not a number of its own")
            elements[uid] = (element, int(level) if level.isascii() and level.isdecimal() else 1)
        return elements

    def _task(self, uid: str, element: Element) -> SourceTask:
        """Return one row as an activity with its role, without its place in the outline."""
        name = _text(element, "Name") or f"task {uid}"
        task = SourceTask(Activity(uid, name, 0.0, note=self._constraint(uid, element), code=_text(element, "ID")))
        if _text(element, "ExternalTask") in _YES:
            task.role = "external"
        elif _text(element, "Active") in {"0", "false"}:
            task.role = "inactive"
        return task

    def _build_outline(self, tasks: dict[str, SourceTask], elements: Mapping[str, tuple[Element, int]]) -> None:
        """Add to every task its headings and parts; then read the durations of those that are no headings."""
        open_headings: list[tuple[int, str]] = []
        for uid, (_, level) in elements.items():
            open_headings = [row for row in open_headings if row[0] < level]
            ancestors = tuple(row[1] for row in open_headings)
            tasks[uid].headings = ancestors
            for ancestor in ancestors:
                tasks[ancestor].parts.append(uid)
                if tasks[ancestor].role == "inactive" and tasks[uid].role == "work":
                    tasks[uid].role = "inactive"
            open_headings.append((level, uid))
        for task in tasks.values():
            if task.parts:
                task.role = "heading"
        for uid, task in tasks.items():
            if task.role == "work":
                group = tuple(tasks[ancestor].activity.name for ancestor in task.headings)
                element = elements[uid][0]
                task.activity = self._with_duration(replace(task.activity, group=group), element)
                task.begun, task.done = moment(_text(element, "ActualStart")), moment(_text(element, "ActualFinish"))
                task.is_done = bool(_text(element, "ActualFinish")) or _text(element, "PercentComplete") == "100"
                task.is_begun = not task.is_done and (
                    bool(_text(element, "ActualStart")) or _text(element, "PercentComplete") not in ("", "0")
                )

    def _with_duration(self, activity: Activity, element: Element) -> Activity:
        """Return an activity with its remaining duration, in days of the calendar in which it is stated."""
        uid, calendar = activity.key, self._calendar(activity, element)
        if not calendar.day_minutes:
            raise WrongFile(f"{self.file}: task {activity.id}: its calendar {calendar.name!r} has no working time")
        minutes = self.minutes[uid] = self._remaining_minutes(activity, element)
        note = activity.note
        if _text(element, "ActualFinish") or _text(element, "PercentComplete") == "100":
            note = "; ".join(x for x in (note, f"finished {_text(element, 'ActualFinish')[:10]}".strip()) if x)
        return replace(activity, days=calendar.days(minutes), calendar=calendar, note=note)

    def _calendar(self, activity: Activity, element: Element) -> PlannerCalendar:
        """Return the calendar in which a duration is stated: elapsed, the task's own, or the project's."""
        format_code = _text(element, "DurationFormat") or "7"
        if format_code in ELAPSED:
            return ROUND_THE_CLOCK
        if format_code not in WORKING | PERCENT | ELAPSED_PERCENT:
            raise WrongFile(f"{self.file}: task {activity.id}: {format_code!r} is no format of a length")
        uid = _text(element, "CalendarUID")
        if uid in self.calendars or uid in {"", "-1", "0"}:
            return self.calendars.get(uid, self.project)
        self.remarks.add(f"calendars that are not in the file ({uid}), the project's taken; of", activity.id)
        return self.project

    def _remaining_minutes(self, activity: Activity, element: Element) -> float:
        """Return the minutes still to do: 0 if finished, the remaining duration if begun, else the whole duration."""
        uid, text = activity.key, _text(element, "Duration")
        if not text:
            if _text(element, "Milestone") in _YES or _text(element, "Summary") in _YES:
                text = "PT0H0M0S"
            else:
                raise WrongFile(f"{self.file}: task {activity.id} ({activity.name[:60]}): it has no duration")
        minutes = self._length(text, uid, activity)
        if _text(element, "Summary") in _YES:
            self.remarks.add("summaries without parts, taken as milestones", activity.id)
            return 0.0
        if _text(element, "ActualFinish") or _text(element, "PercentComplete") == "100":
            self.remarks.add("finished activities, nothing left to do", activity.id)
            return 0.0
        percent = _text(element, "PercentComplete")
        has_begun = _text(element, "ActualStart") or percent not in ("", "0")
        if has_begun and (remaining := _text(element, "RemainingDuration")):
            self.remarks.add("begun activities, what remains of them", activity.id)
            return self._length(remaining, uid, activity)
        if has_begun and percent.isascii() and percent.isdecimal():
            self.remarks.add("begun activities, what remains by their percent complete", activity.id)
            return minutes * max(0, 100 - int(percent[:4])) / 100
        return minutes

    def _length(self, text: str, uid: str, activity: Activity) -> float:
        """Return the minutes of an ISO length; a point or a comma stands before decimals."""
        return duration_minutes(text, f"{self.file}: task {activity.id or uid}")

    def _constraint(self, uid: str, element: Element) -> str:
        """Return what of its dates a step cannot say."""
        kind = _text(element, "ConstraintType") or "0"
        if kind not in CONSTRAINTS:
            raise WrongFile(f"{self.file}: task {uid}: {kind!r} is no type of constraint; known: 0 to 7")
        constraint_date = _text(element, "ConstraintDate")
        return f"not taken over: {CONSTRAINTS[kind]} {constraint_date}".rstrip() if CONSTRAINTS[kind] else ""

    def _report_left_out(self, elements: Mapping[str, tuple[Element, int]]) -> None:
        """Add a remark for each property of a task that the imported network has no field for."""
        for uid, (element, _) in elements.items():
            activity_id = _text(element, "ID") or uid
            for remark, is_present in (
                ("date constraints, not taken over", _text(element, "ConstraintType") not in ("", "0")),
                ("typed dates (scheduled by hand), not taken over", _text(element, "Manual") in _YES),
                ("deadlines, not taken over", bool(_text(element, "Deadline"))),
                ("subprojects, taken as one activity", bool(_text(element, "SubprojectName"))),
                ("inactive tasks, left out", _text(element, "Active") in {"0", "false"}),
                ("external tasks, left out", _text(element, "ExternalTask") in _YES),
            ):
                if is_present:
                    self.remarks.add(remark, activity_id)

    def _resources(self, tasks: Mapping[str, SourceTask], elements: Mapping[str, tuple[Element, int]]) -> None:
        """Add its resources to every task, each with its units, and a remark that it has some."""
        names = {
            _text(resource, "UID"): _text(resource, "Name") for resource in self.root.iterfind("Resources/Resource")
        }
        for assignment in self.root.iterfind("Assignments/Assignment"):
            uid, resource = _text(assignment, "TaskUID"), _text(assignment, "ResourceUID")
            if uid not in elements or resource in ("", "-65535"):
                continue
            self.remarks.add(RESOURCES, _text(elements[uid][0], "ID") or uid)
            stated_units = _text(assignment, "Units")
            units = float(stated_units) if re.fullmatch(r"\d+(\.\d*)?", stated_units) else 1.0
            activity = tasks[uid].activity
            resources = (*activity.resources, (names.get(resource) or resource, units))
            tasks[uid].activity = replace(activity, resources=resources)

    def _links(self, uid: str, element: Element, tasks: Mapping[str, SourceTask]) -> Iterator[SourceLink]:
        """Yield the links from a row's predecessors."""
        activity_id = tasks[uid].activity.id
        for link in element.iterfind("PredecessorLink"):
            link_type, predecessor = _text(link, "Type") or "1", _text(link, "PredecessorUID")
            if link_type not in LINKS:
                raise WrongFile(
                    f"{self.file}: task {activity_id}: {link_type!r} is no type of link; known: {', '.join(LINKS)}"
                )
            if _text(link, "CrossProject") in _YES:
                self.remarks.add("links to other projects, left out; of", activity_id)
            elif predecessor not in tasks:
                raise WrongFile(
                    f"{self.file}: task {activity_id} follows task {predecessor!r}, which is not in the file"
                )
            else:
                days, calendar = self._lag(link, predecessor, activity_id, tasks)
                yield SourceLink(predecessor, uid, cast(LinkType, LINKS[link_type]), days, calendar)

    def _lag(
        self, link: Element, predecessor: str, activity_id: str, tasks: Mapping[str, SourceTask]
    ) -> tuple[float, PlannerCalendar | None]:  # fmt: skip
        """Return the lag of a link in calendar days, and the calendar on which it counts; None if it counts by the clock."""
        text, format_code = _text(link, "LinkLag") or "0", _text(link, "LagFormat") or "7"
        if not _TENTHS.fullmatch(text):
            raise WrongFile(
                f"{self.file}: task {activity_id}: a lag of {text[:40]!r} is no number of tenths of minutes"
            )
        amount = float(text.replace(",", "."))
        if amount == 0:
            return 0.0, None
        if format_code in PERCENT | ELAPSED_PERCENT:
            if tasks[predecessor].role != "work":
                raise WrongFile(
                    f"{self.file}: task {activity_id}: a lag in percent of {predecessor}, which has no length of its own"
                )
            calendar = ROUND_THE_CLOCK if format_code in ELAPSED_PERCENT else tasks[predecessor].activity.calendar
            days = calendar.calendar_days(self.minutes[predecessor] * amount / 100)
            return days, None if calendar.always else calendar
        if format_code not in ELAPSED | WORKING:
            raise WrongFile(f"{self.file}: task {activity_id}: a lag in format {format_code!r}, which is not known")
        calendar = ROUND_THE_CLOCK if format_code in ELAPSED else self.project
        if not calendar.day_minutes:
            raise WrongFile(f"{self.file}: the project's calendar {calendar.name!r} has no working time for a lag")
        return calendar.calendar_days(amount / 10), None if calendar.always else calendar


def _text(element: Element, tag: str) -> str:
    """Return the text of one of its elements."""
    return (element.findtext(tag) or "").strip()
