"""What is handed to a planner: one run as a schedule, the expected plan beside it, and how sure each date is.

How sure the dates of a schedule are: each task's P50 and P80 finish, and how often it was critical.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.config.load import as_loaded, checked
from sim.config.overrides import continued
from sim.config.project import Project
from sim.config.sections.contract import ContractMilestone
from sim.engine.backends import AUTO, COMPILED
from sim.metrics.schedule import NEVER, latest
from sim.plan.layout import Layout, layout_of
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.vocabulary import NOTE, WORK
from sim.report.exchange.roll_up import LEVELS, rolled_up
from sim.report.exchange.schedule_model import After, Changed, Key, Schedule, Task, in_groups, schedule
from sim.report.exchange.work_breakdown import POWER
from sim.study.api import Config
from sim.study.case import Case, prepare_case
from sim.study.chunk import Columns
from sim.study.intervals import rank
from sim.study.result import Result, folder_of
from sim.study.sample import representative
from sim.world.working_time import Calendar

# --- likely -----------------------------------------------------------------------------------------------------------


DAY = 1440
Ints = NDArray[np.int64]
_SMALL = 1e-6
TIMES = 1 << 20
"""A task's code is its step times this, plus how often the step had been done before."""
LOOKED_AT = 50
"""Replications performed once more to learn the spread of every task."""


@dataclass(frozen=True)
class Likely:
    """One task over many runs: percentiles of its finish (minutes) where it was done, and shares of all runs.

    `critical` counts the runs in which a day's delay of the task would have delayed the last block, waits for crews,
    cranes and places included. `done` is below 1 for rework, which not every run needs.
    """

    p50: float
    p80: float
    critical: float
    done: float


def likely(case: Case, seed: int, runs: int, bars: Mapping[Key, Key] | None = None) -> Mapping[Key, Likely]:
    """Simulate the first replications of a study again and count, task by task; `bars` are several tasks as one."""
    merged = _merged(bars or {})
    found: list[tuple[Ints, Ints, NDArray[np.bool_]]] = []
    for done in case.replications(seed, 0, runs):
        if done.outcome.deadlock is None:
            log = done.outcome.log
            rows, codes = _task_rows(case, log)
            bound = float_minutes(case, log, done.calendars)[rows]
            found.append(_by_task(merged(codes), log[rows, 0], bound < DAY))
    return _counted(found) if found else {}


def _task_rows(case: Case, log: Ints) -> tuple[Ints, Ints]:
    """Return the rows of a log that are works or notes, and the code of the task of each: its step, done how often before."""
    kinds = case.plan.rows[log[:, 1], 0]
    rows = np.flatnonzero((kinds == WORK) | (kinds == NOTE))
    steps = log[rows, 1]
    order = np.argsort(steps, kind="stable")
    ordered = steps[order]
    first = np.searchsorted(ordered, ordered)
    times = np.empty(len(steps), np.int64)
    times[order] = np.arange(len(steps)) - first
    return rows, steps * TIMES + times


def _merged(bars: Mapping[Key, Key]) -> Callable[[Ints], Ints]:
    """Return what turns the codes of tasks into those of the bars that they are a part of."""
    known = {step * TIMES + times: bar[0] * TIMES + bar[1] for (step, times), bar in bars.items()}
    codes = np.array(sorted(known), np.int64)
    into = np.array([known[code] for code in codes.tolist()], np.int64)

    def merge(tasks: Ints) -> Ints:
        place = np.minimum(np.searchsorted(codes, tasks), len(codes) - 1)
        return np.where(codes[place] == tasks, into[place], tasks)

    return merge if known else lambda tasks: tasks


def _by_task(codes: Ints, ends: Ints, urgent: NDArray[np.bool_]) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Return the tasks of one run by code, when each ended, and whether any part of it was critical."""
    tasks, place = np.unique(codes, return_inverse=True)
    last, critical = np.zeros(len(tasks), np.int64), np.zeros(len(tasks), bool)
    np.maximum.at(last, place, ends)
    np.logical_or.at(critical, place, urgent)
    return tasks, last, critical


def float_minutes(case: Case, log: Ints, hours: Sequence[Calendar]) -> Ints:
    """How much later each row could have been without delaying the last block, in minutes."""
    notes = np.array([note.kind == ONLINE for note in case.plan.notes])
    kinds, arguments = case.plan.rows[log[:, 1], 0], case.plan.rows[log[:, 1], 1]
    online = np.flatnonzero((kinds == NOTE) & notes[np.where(kinds == NOTE, arguments, 0)])
    last = int(online[np.argmax(log[online, 0])])
    return np.asarray(_latest(case, log, hours, {last: int(log[last, 0])}) - log[:, 0])


def _latest(case: Case, log: Ints, hours: Sequence[Calendar], anchors: Mapping[int, int]) -> Ints:
    """Return the late dates of a log, by machine code where the case has it and calendars are known far enough."""
    if case.engine == COMPILED:
        from sim.metrics.kernels.late_dates import latest as compiled

        found = compiled(case.plan, log, hours, anchors)
        if found is not None:
            return found
    return latest(case.plan, log, hours, anchors)


def _counted(runs: Sequence[tuple[Ints, Ints, NDArray[np.bool_]]]) -> dict[Key, Likely]:
    """Return the numbers of every task over all runs."""
    tasks, ends, urgent = (np.concatenate(column) for column in zip(*runs, strict=True))
    order = np.lexsort((ends, tasks))
    codes, first, count = np.unique(tasks[order], return_index=True, return_counts=True)
    critical = np.add.reduceat(urgent[order].astype(np.int64), first)
    p50, p80 = (ends[order][first + [rank(share, n) - 1 for n in count.tolist()]] for share in (0.5, 0.8))
    return {
        divmod(code, TIMES): Likely(float(middle), float(late), times / len(runs), n / len(runs))
        for code, middle, late, times, n in zip(
            *(column.tolist() for column in (codes, p50, p80, critical, count)), strict=True
        )
    }


# --- milestones of the contract ---------------------------------------------------------------------------------------


CONTRACT = (POWER, "Contract milestones")


def with_contract(schedule: Schedule, layout: Layout) -> Schedule:
    """Return a schedule with the contract's milestones, each after what it is reached with, as far as it reaches them."""
    number = 1 + max((task.number for task in schedule.tasks), default=-1)
    found: list[Task] = []
    for place, milestone in enumerate(schedule.project.milestones):
        met = _reached_with(milestone, schedule, layout)
        finish = max((task.finish for task in met), default=0)
        after = tuple(After(task.number) for task in met)
        if met:
            found.append(
                Task(number + place, (-1 - place, 0), milestone.name, "contract", CONTRACT, finish, finish, 0, "always",
                     after, milestone=True, due=milestone.date)
            )  # fmt: skip
    return replace(schedule, tasks=in_groups([*schedule.tasks, *found]))


def _reached_with(milestone: ContractMilestone, schedule: Schedule, layout: Layout) -> list[Task]:
    """Return the tasks with the last of which a milestone is reached; none where it is not."""
    tasks = schedule.tasks
    online = {task.block: task for task in tasks if task.block}
    if milestone.event == "first_power":
        units: dict[str, Task] = {}
        for task in tasks:
            if task.info.kind in ("generating_unit", "grid_feed"):
                units[task.unit] = max(units.get(task.unit, task), task, key=lambda one: one.finish)
        return [min(units.values(), key=lambda one: one.finish)] if units else []
    if milestone.hall is not None:
        blocks = layout.halls[milestone.hall - 1].blocks
        return [online[name] for name in blocks] if all(name in online for name in blocks) else []
    if milestone.mw is None:
        return list(online.values())
    wanted = ceil(milestone.mw / schedule.project.block.mw_gross.value - _SMALL)
    return sorted(online.values(), key=lambda one: one.finish)[:wanted] if len(online) >= wanted else []


def _contract_spread(result: Result, project: Project) -> dict[Key, Likely]:
    """Return P50 and P80 of the contract's milestones over all runs; how often they are critical is not known."""
    found: dict[Key, Likely] = {}
    for place, milestone in enumerate(project.milestones):
        days = np.sort(np.asarray(result.sample.runs[milestone.metric], dtype=float))
        p50, p80 = (float(days[rank(share, len(days)) - 1]) * DAY for share in (0.5, 0.8))
        if np.isfinite(p80):
            found[-1 - place, 0] = Likely(p50, p80, float("nan"), float(np.isfinite(days).mean()))
    return found


# --- handover ---------------------------------------------------------------------------------------------------------


FINISH, OF_ORDERS = "lead_time_full_days", "lead_time_mw_weighted_days"


@dataclass(frozen=True)
class Handover:
    """A result with its representative run as a schedule, the deterministic run, and the spread of every task."""

    result: Result
    run: Schedule
    planned: Mapping[Key, tuple[int, int]]
    spread: Mapping[Key, Likely]
    replication: int
    looked_at: int
    slack: Mapping[Key, int] = field(default_factory=dict)
    """Total float of each task in the representative run, in minutes by the clock."""
    level: int = max(LEVELS)
    since: int = 0
    """The minute until which dates are actual, of a project under way; 0 of one at its first day."""

    def progress(self, task: Task) -> tuple[bool, bool, int]:
        """Return whether a task has begun and has ended at the data date, and the working minutes that remain of it."""
        if self.since <= 0 or task.start >= self.since:
            return False, False, task.minutes
        if task.finish <= self.since:
            return True, True, 0
        hours = self.run.calendars[task.calendar]
        return True, False, hours.worked(task.finish) - hours.worked(self.since)

    @property
    def name(self) -> str:
        """The project's name."""
        return str(self.result.manifest["name"])

    def about(self) -> str:
        """What the dates are, in one line that travels with them."""
        manifest = self.result.manifest
        return (
            f"Run {self.replication} of {manifest['runs']} (the P50 finish), seed {manifest['seed']}; baseline: the "
            f"expected plan; P80 and criticality from {self.looked_at} runs. Simulated, not levelled; durations are "
            "those drawn in this run."
        )


def hand_over(
    result: Result, looked_at: int = LOOKED_AT, config: Config | None = None, *, directory: Path | None = None,
    level: int = max(LEVELS),
) -> Handover:  # fmt: skip
    """Perform the representative run of a result again, and others to learn the spread; Changed if it differs.

    Without the `config` it came from, that of its manifest is taken; a weather file lies in the result's `directory`.
    """
    known = checked(Project, result.manifest["config"])
    if config is None and (made := result.manifest.get("forecast")) is not None:
        config = continued(as_loaded(known), made["status"], learning=made["learning"], logic=made["logic"])
    folder = None if config or directory is None else folder_of(directory, known)
    case = replace(prepare_case(config or known, folder, engine=AUTO), sampling=result.sample.sampling)
    seed = int(result.manifest["seed"])
    replication = representative(result.sample, FINISH if FINISH in result.sample.runs else OF_ORDERS)
    (done,) = case.replications(seed, replication, 1)
    log, hours = done.outcome.log, done.calendars
    _same(case.event_table(done), result)
    many = min(looked_at, result.sample.size)
    layout = layout_of(case.project, case.crew_plan.resource_plan.released)
    planned = with_contract(schedule(case, case.planned_run.log, case.anticipated_calendars), layout)
    run, bars = rolled_up(with_contract(schedule(case, log, hours), layout), level)
    spread = {**likely(case, seed, many, bars), **_contract_spread(result, case.project)}
    return Handover(
        result, run, _planned(planned, bars), spread, replication, many,
        _slack(case, log, hours, bars), level, case.metric_context.since,
    )  # fmt: skip


def _planned(planned: Schedule, bars: Mapping[Key, Key]) -> dict[Key, tuple[int, int]]:
    """First start and last finish in the deterministic run, by task or bar."""
    found: dict[Key, tuple[int, int]] = {}
    for task in planned.tasks:
        key = bars.get(task.key, task.key)
        start, finish = found.get(key, (task.start, task.finish))
        found[key] = (min(start, task.start), max(finish, task.finish))
    return found


def _slack(case: Case, log: Ints, hours: Sequence[Calendar], bars: Mapping[Key, Key]) -> dict[Key, int]:
    """Total float by task; a bar has the least of its parts."""
    rows, codes = _task_rows(case, log)
    tasks, place = np.unique(_merged(bars)(codes), return_inverse=True)
    least = np.full(len(tasks), NEVER)
    np.minimum.at(least, place, float_minutes(case, log, hours)[rows])
    return {divmod(code, TIMES): minutes for code, minutes in zip(tasks.tolist(), least.tolist(), strict=True)}


def _same(again: Columns, result: Result) -> None:
    """Refuse a result whose run would be another one today."""
    if any(list(again[column]) != list(result.log[column]) for column in ("minute", "unit", "kind")):
        raise Changed("this result was made by another version of the program; run it again, then export it")
