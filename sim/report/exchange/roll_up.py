"""A schedule rolled up: activities of a heading become one bar, for a plan of some dozens or hundreds of lines.

Level 4 is everything. Level 3 has a bar for each system of a block, its commissioning and each step of a hall and of
the site, and a tenth of each factory's skids. Level 2 has a bar for each hall, and for a hall's worth of blocks.
A bar begins with its first activity and ends with its last, so it follows what it follows by its start, with a lag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sim.config.project import Project
from sim.plan.layout import Layout, layout_of, place_kind, place_number
from sim.report.exchange.schedule_model import Schedule, Task, TaskLink
from sim.report.exchange.work_breakdown import POWER, SITE, SYSTEMS, heading_sort_key
from sim.world.working_time import ALWAYS_OPEN

SCHEDULE_LEVELS = (2, 3, 4)
SKID_BARS = 10
"""Bars for the skids of one factory."""


def bar_of(task: Task, project: Project, level: int, halls: Mapping[str, str]) -> tuple[str, ...]:
    """Return the bar that an activity is part of: its headings, and its own name where it is a bar by itself.

    `halls` are the bars of blocks and turnovers at level 2, as `hall_bars` has them.
    """
    group = task.group
    if task.milestone:
        depth = 2 if group[0] == POWER else level - 1
        return _hall_bar(task, halls) if task.info.kind == "turnover" and level < 3 else (*group[:depth], task.name)
    if task.info.kind == "skid":
        number, skids = task.info.number, project.by_system[task.info.part].skid.per_block * project.blocks
        part = SKID_BARS if level > 2 else 1
        tenth = min(part, 1 + (number - 1) * part // max(skids, 1))
        return (*group[:3], f"{group[2]} skids" + (f", part {tenth} of {part}" if part > 1 else ""))
    if group[:2] == (POWER, "Power"):
        return group if level > 2 else (*group[:2], "Power units")
    if group[0] in (SYSTEMS, POWER) and len(group) > 2:
        return group if level > 2 else _hall_bar(task, halls)
    if level > 2:
        return (*group, task.what or task.name)
    return group if len(group) > 1 else (*group, task.what or task.name)


def _hall_bar(task: Task, halls: Mapping[str, str]) -> tuple[str, ...]:
    """Headings in which a block or turnover is one of its hall's."""
    place = task.info.place
    return (*task.group[:2], halls[place], *task.group[3:]) if place in halls else task.group


def hall_bars(layout: Layout) -> dict[str, str]:
    """Return by block and turnover the name of what its hall has of them: `Blocks 5 to 7`, `Turnover 3`."""
    turnovers: dict[str, list[str]] = {}
    for turnover in layout.turnovers:
        turnovers.setdefault(turnover.hall, []).append(turnover.name)
    groups = (places for hall in layout.halls for places in (hall.blocks, turnovers.get(hall.name, [])) if places)
    return {place: _span_words(places[0], places[-1]) for places in groups for place in places}


def _span_words(first: str, last: str) -> str:
    """Return places that follow each other in words."""
    kind, number = place_kind(first).capitalize(), place_number(first)
    return f"{kind} {number}" if first == last else f"{kind}s {number} to {place_number(last)}"


def roll_up(schedule: Schedule, level: int) -> tuple[Schedule, Mapping[tuple[int, int], tuple[int, int]]]:
    """Return a schedule of bars, and for the key of each activity the key of its bar (that of its first activity)."""
    if level >= max(SCHEDULE_LEVELS):
        return schedule, {}
    bars: dict[tuple[str, ...], list[Task]] = {}
    halls = hall_bars(layout_of(schedule.project))
    for task in sorted(schedule.tasks, key=lambda task: (task.start, task.number)):
        bars.setdefault(bar_of(task, schedule.project, level, halls), []).append(task)
    bar_of_task = {task.number: number for number, tasks in enumerate(bars.values()) for task in tasks}
    bars_without_links = [_bar(number, name, tasks, schedule) for number, (name, tasks) in enumerate(bars.items())]
    linked_bars = [
        _with_reason(
            replace(bar, after=tuple(_links(bar, tasks, bars_without_links, bar_of_task))), bars_without_links, schedule
        )
        for bar, tasks in zip(bars_without_links, bars.values(), strict=True)
    ]
    keys = {task.key: bars_without_links[bar_of_task[task.number]].key for task in schedule.tasks}
    return replace(schedule, tasks=tuple(sorted(linked_bars, key=_sort_key))), keys


def _sort_key(bar: Task) -> tuple[object, ...]:
    """Return by what bars are sorted: heading, the number in the name (off site), start, finish, and their own number."""
    digits = re.search(r"\d+", bar.name) if bar.group[0] != SITE else None
    return (heading_sort_key(bar.group), int(digits[0]) if digits else -1, bar.start, bar.finish, bar.number)


def _with_reason(bar: Task, bars: Sequence[Task], schedule: Schedule) -> Task:
    """Return a bar with the reason for an earliest start, where its links alone would let it begin sooner."""
    links_allow = max((_event(link, bars) for link in bar.after), default=0)
    if bar.held_back or bar.start <= schedule.calendars[bar.calendar].next_open(links_allow):
        return bar
    return replace(bar, held_back="begins as in the run")


def _event(link: TaskLink, bars: Sequence[Task]) -> int:
    """Return the minute of the event that a link hangs on, its lag included."""
    before = bars[link.number]
    return (before.start if link.type == "SS" else before.finish) + link.lag


def _bar(number: int, name: tuple[str, ...], tasks: Sequence[Task], schedule: Schedule) -> Task:
    """Return one bar of several activities, without its links."""
    start, finish = min(task.start for task in tasks), max(task.finish for task in tasks)
    first = tasks[0]
    if len(tasks) == 1:
        bar_name = first.name if name[-1] in (first.name, first.what) else _title(name)
        return replace(first, number=number, name=bar_name, group=name[:-1] if len(name) > 1 else name)
    shift = next(iter(schedule.calendars))
    calendar = schedule.calendars[shift]
    working_minutes = calendar.worked(finish) - calendar.worked(start)
    fits = (
        working_minutes > 0 and calendar.next_open(start) == start and calendar.finish(start, working_minutes) == finish
    )
    minutes = working_minutes if fits else finish - start
    hours: dict[str, float] = {}
    for task in tasks:
        for trade, people in task.people.items():
            hours[trade] = hours.get(trade, 0.0) + people * task.minutes
    crews = {trade: max(1, round(total / max(minutes, 1))) for trade, total in hours.items()}
    return Task(
        number, first.key, _title(name), first.unit, name[:-1], start, finish, minutes, shift if fits else ALWAYS_OPEN,
        held_back=f"{len(tasks):,} activities", people=crews,
    )  # fmt: skip


def _title(name: tuple[str, ...]) -> str:
    """Return what a bar is called: with the heading above it, as planners sort and filter lists without headings."""
    return name[-1] if len(name) < 3 or name[-2] in name[-1] else f"{name[-2]}: {name[-1]}"


def _links(
    bar: Task, tasks: Sequence[Task], bars: Sequence[Task], bar_of_task: Mapping[int, int]
) -> Iterator[TaskLink]:
    """Yield links to the bars that a bar's activities follow: finish to start where these ended before, or start to start."""
    predecessors: dict[int, None] = {}
    for task in tasks:
        for link in task.after:
            predecessor_number = bar_of_task[link.number]
            if predecessor_number != bar.number:
                predecessors[predecessor_number] = None
    for predecessor_number in predecessors:
        predecessor = bars[predecessor_number]
        if predecessor.finish <= bar.start:
            yield TaskLink(predecessor_number)
        elif (predecessor.start, predecessor.number) < (bar.start, bar.number) and not bar.milestone:
            yield TaskLink(predecessor_number, 0, "SS")
