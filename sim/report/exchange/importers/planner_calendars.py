"""Calendars of planners' files: the week as it is really worked, not the hours that the options show.

P6 keeps a calendar in brackets of its own (`clndr_data`), Microsoft Project as weekdays, each of which a derived
calendar takes from its base unless it states it. The hours of a working day are the mean of the days worked, so that
a week of four tens and one four is a week of five days.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import groupby, pairwise
from json import dumps
from typing import Any
from xml.etree.ElementTree import Element

from sim.report.exchange.schedule_model import DAY, Hours, Week
from sim.report.formatting import counted
from sim.study.api import unique_name

DAYS_PER_WEEK = 7
NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = ((480, 720), (780, 1020))
USUAL_WEEK = Week((_DAY,) * 5 + ((), ()), {})
"""Microsoft Project's and P6's own default: Monday to Friday, 8 to 12 and 13 to 17."""
_MAX_DAYS = 3_660
"""Ten years: of a longer exception, or between moments that lie further apart, only so many days are looked at."""
_MORNING = 7 * 60
_P6_EPOCH = date(1899, 12, 30)
_TIME = r"(\d{1,2}:\d\d)"
_START_FIRST, _FINISH_FIRST = re.compile(rf"s\|{_TIME}\|f\|{_TIME}"), re.compile(rf"f\|{_TIME}\|s\|{_TIME}")


@dataclass(frozen=True)
class PlannerCalendar:
    """A calendar of a planner's file: its name, its week and the days that differ."""

    name: str
    week: Week = field(default=USUAL_WEEK, hash=False)

    @cached_property
    def minutes(self) -> tuple[int, ...]:
        """Working minutes from Monday to Sunday."""
        return tuple(_length(hours) for hours in self.week.days)

    @cached_property
    def days_per_week(self) -> int:
        """Return days of the week on which there is work."""
        return sum(minutes > 0 for minutes in self.minutes)

    @cached_property
    def day_minutes(self) -> float:
        """Minutes of a working day, mean over the week; 0 where no day is worked."""
        return sum(self.minutes) / self.days_per_week if self.days_per_week else 0.0

    def days(self, minutes: float) -> float:
        """Working minutes as working days of this week."""
        return minutes / self.day_minutes

    def calendar_days(self, minutes: float) -> float:
        """Working minutes as the calendar days they take in the mean."""
        return self.days(minutes) * DAYS_PER_WEEK / self.days_per_week

    @property
    def always(self) -> bool:
        """Return whether it works around the clock, every day."""
        return not self.week.exceptions and set(self.minutes) == {DAY}

    def worked(self, begin: datetime, end: datetime) -> float:
        """Return the working minutes between two moments; beyond ten years, those of the first ten."""
        first, days = begin.date(), min((end.date() - begin.date()).days, _MAX_DAYS)
        total = 0.0
        for number in range(-1, days + 1):
            day = first + timedelta(days=number)
            midnight = datetime.combine(day, time())
            low, high = ((moment.replace(tzinfo=None) - midnight).total_seconds() / 60 for moment in (begin, end))
            times = self.week.exceptions.get(day, self.week.days[day.weekday()])
            total += sum(max(0.0, min(stop, high) - max(start, low)) for start, stop in times)
        return total

    def max_deviation_days(self, minutes: float) -> float:
        """Return by how many calendar days, at most, a number of working minutes takes longer or shorter than on average.

        Over all starts in the week, without holidays: the extremes begin at the start or the end of a working time.
        """
        working_times = [
            (DAY * day + begin, DAY * day + end) for day, hours in enumerate(self.week.days) for begin, end in hours
        ]
        week_minutes = sum(self.minutes)
        remainder = minutes % week_minutes
        durations = (
            _clock_minutes(working_times, start, remainder) for working_time in working_times for start in working_time
        )
        mean_duration = DAYS_PER_WEEK * DAY * remainder / week_minutes
        return max(abs(duration - mean_duration) for duration in durations) / DAY if remainder else 0.0

    def describe(self) -> str:
        """Return the week in words: `5 days of 8 h (Mon-Fri), 12 other days`."""
        length = f"{self.day_minutes / 60:.2f}".rstrip("0").rstrip(".")
        even = "" if len({minutes for minutes in self.minutes if minutes}) == 1 else " in the mean"
        days = f"{self.days_per_week} days of {length} h{even} ({self._weekdays()})"
        other = counted(len(self.week.exceptions), "day that differs", "days that differ")
        return f"{days}, {other}" if self.week.exceptions else days

    def _weekdays(self) -> str:
        """Return the days worked: Mon-Fri, or Mon-Wed Sat."""
        worked = [day for day, minutes in enumerate(self.minutes) if minutes]
        runs = [list(run) for _, run in groupby(worked, key=lambda day: day - worked.index(day))]
        return " ".join(NAMES[run[0]] if len(run) == 1 else f"{NAMES[run[0]]}-{NAMES[run[-1]]}" for run in runs)


def _clock_minutes(working_times: Sequence[tuple[int, int]], start_minute: int, minutes: float) -> float:
    """Return how many minutes by the clock some working minutes take, from a minute of the week on; less than a week."""
    remaining = minutes
    next_week = [(start + DAYS_PER_WEEK * DAY, stop + DAYS_PER_WEEK * DAY) for start, stop in working_times]
    for start, stop in (*working_times, *next_week):
        if stop <= start_minute:
            continue
        resumed = max(start, start_minute)
        if remaining <= stop - resumed:
            return resumed + remaining - start_minute
        remaining -= stop - resumed
    return minutes


def as_config(calendar: PlannerCalendar) -> dict[str, object]:
    """Return a calendar as an entry of `calendars.named` of a configuration: hours by weekday, and exceptions."""
    week = calendar.week
    hours = {name.lower(): _spans(week.days[day]) for day, name in enumerate(NAMES) if week.days[day]}
    days_off = [day.isoformat() for day, times in sorted(week.exceptions.items()) if not times]
    other_days = [
        {"date": day.isoformat(), "hours": _spans(times)} for day, times in sorted(week.exceptions.items()) if times
    ]
    return {"hours": hours} | ({"off": days_off} if days_off else {}) | ({"other": other_days} if other_days else {})


def _spans(hours: Hours) -> list[dict[str, str]]:
    return [{"start": clock_time(begin), "end": clock_time(end)} for begin, end in hours]


def clock_time(minute: int) -> str:
    """Return a minute of the day as HH:MM; the end of a day is 24:00."""
    return "24:00" if minute == DAY else f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def calendar_names(calendars: Iterable[PlannerCalendar]) -> dict[PlannerCalendar, str]:
    """Return for each calendar a unique name that a configuration can use."""
    names: dict[PlannerCalendar, str] = {}
    for calendar in calendars:
        name = re.sub(r"[^a-z0-9]+", "_", calendar.name.lower()).strip("_")[:40] or "week"
        name = name if name[0].isalpha() else f"week_{name}"
        if calendar not in names:
            names[calendar] = unique_name(name, names.values(), "_no_")
    return names


def week_text(calendar: PlannerCalendar) -> str:
    """Return the planner's week as YAML of the site's calendar: days, shifts and breaks of its first working day."""
    days = [NAMES[day].lower() for day, times in enumerate(calendar.week.days) if times]
    times = next(times for times in calendar.week.days if times)
    breaks = ", ".join(_span(earlier[1], later[0]) for earlier, later in pairwise(times))
    shift = _span(times[0][0], times[-1][1])
    site = f"{{days: [{', '.join(days)}], shifts: [{shift}], breaks: [{breaks}], holidays: null}}"
    return (
        f"calendars:\n  site: {site} # {calendar.describe()}\nlabour: {{pattern: null}} # the week is calendars.site\n"
    )


def calendars_text(calendars: Mapping[PlannerCalendar, str]) -> str:
    """Return the planner's calendars as those of a configuration that steps may name."""
    lines = [f"    {name}: {dumps(as_config(one))} # {one.describe()}\n" for one, name in calendars.items()]
    return "".join(["calendars:\n  named:\n", *lines])


def _span(begin: int, end: int) -> str:
    """Return two minutes of a day as a span of clock times."""
    start, stop = (f"{minute // 60 % 24:02d}:{minute % 60:02d}" for minute in (begin, end))
    return f'{{start: "{start}", end: "{stop}"}}'


ROUND_THE_CLOCK = PlannerCalendar("elapsed", Week((((0, DAY),),) * 7, {}))


def _length(hours: Hours) -> int:
    return sum(end - begin for begin, end in hours)


def even_week(name: str, day_hours: float, week_hours: float) -> PlannerCalendar:
    """Return a calendar of which only the hours of a day and of a week are known, with working days from Monday on."""
    days = max(1, min(DAYS_PER_WEEK, round(week_hours / day_hours)))
    minutes = round(60 * day_hours)
    # nothing says when the day begins: in the morning, unless it is longer than that
    start = _MORNING if _MORNING + minutes <= DAY else 0
    working_times: Hours = ((start, start + minutes),)
    return PlannerCalendar(name, Week((working_times,) * days + ((),) * (DAYS_PER_WEEK - days), {}))


# --- P6 ---------------------------------------------------------------------------------------------------------------


def p6_week(text: str, base: Week | None = None) -> Week | None:
    """Return the working week in P6's `clndr_data`; days that it does not state are those of `base`, None without either.

    Days of the week are numbered from 1, Sunday; exceptions have a day number from 1899-12-30.
    """
    tree = _brackets(re.sub(r"[\x00-\x1f\x7f]", "", text))
    days: dict[int, Hours] = {}
    exceptions: dict[date, Hours] = dict(base.exceptions) if base else {}
    for node in _nodes(tree):
        label = str(node[0]).rpartition("||")[2].strip()
        for child in _children(node):
            number = str(child[0]).rpartition("||")[2].strip()
            if label == "DaysOfWeek" and number in {"1", "2", "3", "4", "5", "6", "7"}:
                days[(int(number) + 5) % DAYS_PER_WEEK] = _p6_hours(child)
            if label == "Exceptions" and (day_number := re.search(r"\bd\|(\d{1,6})\b", _flat(child))):
                exceptions[_P6_EPOCH + timedelta(days=int(day_number[1]))] = _p6_hours(child)
    if not days and base is None:
        return None
    return Week(tuple(days.get(day, base.days[day] if base else ()) for day in range(DAYS_PER_WEEK)), exceptions)


def _brackets(text: str) -> list[Any]:
    """Return nested brackets as nested lists; what is not closed ends with the text."""
    stack: list[list[Any]] = [[]]
    for part in re.findall(r"[()]|[^()]+", text):
        if part == "(":
            stack.append([])
        elif part == ")" and len(stack) > 1:
            inner_list = stack.pop()
            stack[-1].append(inner_list)
        elif part != ")" and part.strip():
            stack[-1].append(part)
    while len(stack) > 1:
        inner_list = stack.pop()
        stack[-1].append(inner_list)
    return stack[0]


def _nodes(tree: list[Any]) -> Iterator[list[Any]]:
    """Yield every list whose first part is a label, outermost first."""
    queue = [tree]
    while queue:
        node = queue.pop(0)
        if node and isinstance(node[0], str):
            yield node
        queue += [part for part in node if isinstance(part, list)]


def _children(node: list[Any]) -> list[list[Any]]:
    """Return the nodes directly below one: those in its last bracket."""
    last = node[-1] if isinstance(node[-1], list) else []
    return [part for part in last if isinstance(part, list) and part and isinstance(part[0], str)]


def _flat(node: list[Any]) -> str:
    return " ".join(_flat(part) if isinstance(part, list) else str(part) for part in node)


def _p6_hours(day: list[Any]) -> Hours:
    """Return the working times of one day; some versions of P6 write the finish before the start."""
    text = _flat(day)
    clock_times = [(a, b) for a, b in _START_FIRST.findall(text)] + [(b, a) for a, b in _FINISH_FIRST.findall(text)]
    return _in_order([(_minute(begin), _minute(end)) for begin, end in clock_times])


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _in_order(times: Sequence[tuple[int, int]]) -> Hours:
    """Working times in order; one that ends at or before its begin ends with the day, or on the next."""
    return tuple(sorted((begin, end if end > begin else end + DAY) for begin, end in times))


# --- Microsoft Project ------------------------------------------------------------------------------------------------


def mspdi_calendars(root: Element) -> dict[str, PlannerCalendar]:
    """Read every calendar by its UID, derived ones with what they have from their base."""
    elements = {(element.findtext("UID") or "").strip(): element for element in root.iterfind("Calendars/Calendar")}
    weeks: dict[str, Week] = {}
    for uid in elements:
        _mspdi_week(uid, elements, weeks, frozenset())
    return {uid: PlannerCalendar((elements[uid].findtext("Name") or uid).strip(), weeks[uid]) for uid in elements}


def _mspdi_week(
    uid: str, elements: Mapping[str, Element], weeks: dict[str, Week], descendants: frozenset[str]
) -> Week:  # fmt: skip
    """Return the week of one calendar, from the cache `weeks` if it is there; one derived from itself has the usual week."""
    if uid in weeks:
        return weeks[uid]
    if uid not in elements or uid in descendants:
        return USUAL_WEEK
    element = elements[uid]
    base = _mspdi_week((element.findtext("BaseCalendarUID") or "").strip(), elements, weeks, descendants | {uid})
    days, exceptions = list(base.days), dict(base.exceptions)
    for day in element.iterfind("WeekDays/WeekDay"):
        day_type = (day.findtext("DayType") or "").strip()
        if day_type in {"1", "2", "3", "4", "5", "6", "7"}:
            days[(int(day_type) + 5) % DAYS_PER_WEEK] = _mspdi_hours(day)
        elif day_type == "0":
            exceptions |= dict.fromkeys(_dates(day), _mspdi_hours(day))
    for exception in element.iterfind("Exceptions/Exception"):
        exceptions |= dict.fromkeys(_dates(exception), _mspdi_hours(exception))
    weeks[uid] = Week(tuple(days), exceptions)
    return weeks[uid]


def _mspdi_hours(day: Element) -> Hours:
    """Return the working times of a day; a working day without times has the usual ones."""
    if (day.findtext("DayWorking") or "").strip() not in {"1", "true"}:
        return ()
    times = [(_clock(t.findtext("FromTime")), _clock(t.findtext("ToTime"))) for t in day.iterfind("WorkingTimes/*")]
    working_times = [(begin, end) for begin, end in times if begin is not None and end is not None]
    return _in_order(working_times) if working_times else _DAY


def _clock(text: str | None) -> int | None:
    """Return a time of day in minutes; None if the text is none."""
    match = re.fullmatch(r"(?:\d{4}-\d\d-\d\dT)?(\d\d):(\d\d)(:\d\d(\.\d+)?)?", (text or "").strip())
    return int(match[1]) * 60 + int(match[2]) if match else None


def _dates(exception: Element) -> Iterator[date]:
    """Yield the days of an exception; of one that recurs, only the first."""
    first_and_last = [(exception.findtext(f"TimePeriod/{tag}") or "")[:10] for tag in ("FromDate", "ToDate")]
    try:
        first, last = (date.fromisoformat(text) for text in first_and_last)
    except ValueError:
        return
    recurs = (exception.findtext("Type") or "1").strip() != "1"
    for day in range(1 if recurs else min((last - first).days + 1, _MAX_DAYS)):
        yield first + timedelta(days=day)
