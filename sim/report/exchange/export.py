"""What is exported to planners: one run as a schedule, the dates of the expected plan, and the P50 and P80 of each date.

How sure the dates of a schedule are: each task's P50 and P80 finish, and how often it was critical.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.config.sections.contract import ContractMilestone
from sim.engine.backends import AUTO, COMPILED
from sim.metrics.metric import finish_metric
from sim.metrics.schedule import NEVER, latest
from sim.plan.compiled_plan import LogColumn
from sim.plan.layout import Layout, layout_of
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.vocabulary import NOTE, WORK
from sim.report.exchange.importers.statused_schedule import activity_id
from sim.report.exchange.roll_up import SCHEDULE_LEVELS, roll_up
from sim.report.exchange.schedule_model import Changed, Key, Schedule, Task, TaskLink, in_groups, schedule
from sim.report.exchange.work_breakdown import POWER
from sim.study.analyses.forecast.case_under_way import ForecastCase
from sim.study.api import Config
from sim.study.case import Case, prepare_case
from sim.study.chunk import Columns
from sim.study.executors.worker_process import in_fork
from sim.study.result import Result, prepare_stored
from sim.study.sample import representative
from sim.study.statistics.intervals import quantile, rank
from sim.world.working_time import ALWAYS_OPEN, Calendar

# --- quantiles of tasks -----------------------------------------------------------------------------------------------


DAY = 1440
Ints = NDArray[np.int64]
_SMALL = 1e-6
MAX_ATTEMPTS = 1 << 20
"""The code of a task is its step times this, plus how often its unit had done the step before."""
QUANTILE_RUNS = 50
"""Replications that are simulated again for the quantiles of every task."""


@dataclass(frozen=True)
class TaskQuantiles:
    """One task over many runs: percentiles of its finish (minutes) where it was done, and shares of all runs.

    `critical` counts the runs in which a day's delay of the task would have delayed the last block, waits for crews,
    cranes and places included. `done` is below 1 for rework, which not every run needs.
    """

    p50: float
    p80: float
    critical: float
    done: float


def task_quantiles(
    case: Case, seed: int, runs: int, bars: Mapping[Key, Key] | None = None
) -> Mapping[Key, TaskQuantiles]:
    """Return by task the quantiles of its finish and its shares of runs, from the first replications, simulated again.

    `bars` maps a task to the bar into which it is merged: such tasks count as one, which ends with the last of them.
    """
    to_bars = _bar_codes(bars or {})
    by_run: list[tuple[Ints, Ints, NDArray[np.bool_]]] = []
    for replication in case.replications(seed, 0, runs):
        if replication.outcome.deadlock is None:
            log = replication.outcome.log
            rows, codes = _task_rows(case, log)
            float_ = float_minutes(case, log, replication.calendars)[rows]
            by_run.append(_last_of_task(to_bars(codes), log[rows, LogColumn.MINUTE], float_ < DAY))
    return _quantiles_of_runs(by_run) if by_run else {}


def _task_rows(case: Case, log: Ints) -> tuple[Ints, Ints]:
    """Return the log rows that are work or notes, and the code of the task of each: its step, how often done before."""
    kinds = case.plan.operation_of[log[:, LogColumn.STEP]]
    rows = np.flatnonzero((kinds == WORK) | (kinds == NOTE))
    steps = log[rows, LogColumn.STEP]
    order = np.argsort(steps, kind="stable")
    sorted_steps = steps[order]
    first_row = np.searchsorted(sorted_steps, sorted_steps)
    attempt = np.empty(len(steps), np.int64)
    attempt[order] = np.arange(len(steps)) - first_row
    return rows, steps * MAX_ATTEMPTS + attempt


def _bar_codes(bars: Mapping[Key, Key]) -> Callable[[Ints], Ints]:
    """Return a function that replaces the codes of tasks by those of the bars into which `bars` merges them."""
    bar_of = {step * MAX_ATTEMPTS + attempt: bar[0] * MAX_ATTEMPTS + bar[1] for (step, attempt), bar in bars.items()}
    codes = np.array(sorted(bar_of), np.int64)
    bar_codes = np.array([bar_of[code] for code in codes.tolist()], np.int64)

    def merge(tasks: Ints) -> Ints:
        position = np.minimum(np.searchsorted(codes, tasks), len(codes) - 1)
        return np.where(codes[position] == tasks, bar_codes[position], tasks)

    return merge if bar_of else lambda tasks: tasks


def _last_of_task(
    codes: Ints, finish_minutes: Ints, row_is_critical: NDArray[np.bool_]
) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Return the tasks of one run by code, when each ended, and whether any part of it was critical."""
    tasks, task_index = np.unique(codes, return_inverse=True)
    last_finish, is_critical = np.zeros(len(tasks), np.int64), np.zeros(len(tasks), bool)
    np.maximum.at(last_finish, task_index, finish_minutes)
    np.logical_or.at(is_critical, task_index, row_is_critical)
    return tasks, last_finish, is_critical


def float_minutes(case: Case, log: Ints, hours: Sequence[Calendar]) -> Ints:
    """Return how much later each row could have been without delaying the last block, in minutes."""
    notes = np.array([note.kind == ONLINE for note in case.plan.notes])
    kinds, arguments = case.plan.operation_of[log[:, LogColumn.STEP]], case.plan.argument_of[log[:, LogColumn.STEP]]
    online = np.flatnonzero((kinds == NOTE) & notes[np.where(kinds == NOTE, arguments, 0)])
    last = int(online[np.argmax(log[online, LogColumn.MINUTE])])
    return np.asarray(_latest(case, log, hours, {last: int(log[last, LogColumn.MINUTE])}) - log[:, LogColumn.MINUTE])


def _latest(case: Case, log: Ints, calendars: Sequence[Calendar], anchors: Mapping[int, int]) -> Ints:
    """Return the late dates of a log, from the compiled kernel if the engine is compiled and calendars reach far enough."""
    if case.engine == COMPILED:
        from sim.metrics.kernels.late_dates import latest as compiled

        late_dates = compiled(case.plan, log, calendars, anchors)
        if late_dates is not None:
            return late_dates
    return latest(case.plan, log, calendars, anchors)


def _quantiles_of_runs(runs: Sequence[tuple[Ints, Ints, NDArray[np.bool_]]]) -> dict[Key, TaskQuantiles]:
    """Return the quantiles and shares of every task over all runs."""
    tasks, finish_minutes, is_critical = (np.concatenate(column) for column in zip(*runs, strict=True))
    order = np.lexsort((finish_minutes, tasks))
    codes, first_row, done_runs = np.unique(tasks[order], return_index=True, return_counts=True)
    critical = np.add.reduceat(is_critical[order].astype(np.int64), first_row)
    p50, p80 = (
        finish_minutes[order][first_row + [rank(share, runs_done) - 1 for runs_done in done_runs.tolist()]]
        for share in (0.5, 0.8)
    )
    return {
        divmod(code, MAX_ATTEMPTS): TaskQuantiles(
            float(p50_minute), float(p80_minute), critical_runs / len(runs), runs_done / len(runs)
        )
        for code, p50_minute, p80_minute, critical_runs, runs_done in zip(
            *(column.tolist() for column in (codes, p50, p80, critical, done_runs)), strict=True
        )
    }


# --- milestones of the contract ---------------------------------------------------------------------------------------


CONTRACT = (POWER, "Contract milestones")


def with_contract(schedule: Schedule, layout: Layout) -> Schedule:
    """Return a schedule with those milestones of the contract that it reaches, each after the tasks that reach it."""
    number = 1 + max((task.number for task in schedule.tasks), default=-1)
    contract_tasks: list[Task] = []
    for index, milestone in enumerate(schedule.project.milestones):
        tasks = _tasks_reaching(milestone, schedule, layout)
        finish = max((task.finish for task in tasks), default=0)
        links = tuple(TaskLink(task.number) for task in tasks)
        if tasks:
            contract_tasks.append(
                Task(number + index, (-1 - index, 0), milestone.name, "contract", CONTRACT, finish, finish, 0, ALWAYS_OPEN,
                     links, milestone=True, due=milestone.date)
            )  # fmt: skip
    return replace(schedule, tasks=in_groups([*schedule.tasks, *contract_tasks])) if contract_tasks else schedule


def _tasks_reaching(milestone: ContractMilestone, schedule: Schedule, layout: Layout) -> list[Task]:
    """Return the tasks of which the last one reaches a milestone; none where it is not reached."""
    tasks = schedule.tasks
    online = {task.block: task for task in tasks if task.block}
    if milestone.event == "first_power":
        units: dict[str, Task] = {}
        for task in tasks:
            if task.info.kind in ("generating_unit", "grid_feed"):
                units[task.unit] = max(units.get(task.unit, task), task, key=lambda task: task.finish)
        return [min(units.values(), key=lambda task: task.finish)] if units else []
    if milestone.hall is not None:
        blocks = layout.halls[milestone.hall - 1].blocks
        return [online[name] for name in blocks] if all(name in online for name in blocks) else []
    if milestone.mw is None:
        return list(online.values())
    blocks_needed = ceil(milestone.mw / schedule.project.block.mw_gross.value - _SMALL)
    return sorted(online.values(), key=lambda task: task.finish)[:blocks_needed] if len(online) >= blocks_needed else []


def contract_quantiles(result: Result, project: Project) -> dict[Key, TaskQuantiles]:
    """Return P50 and P80 of the contract's milestones over the runs that did not fail; their criticality is not known."""
    quantiles: dict[Key, TaskQuantiles] = {}
    for index, milestone in enumerate(project.milestones):
        days = np.sort(result.sample.values(milestone.metric))
        p50, p80 = (quantile(days, share) * DAY for share in (0.5, 0.8))
        if np.isfinite(p80):
            quantiles[-1 - index, 0] = TaskQuantiles(p50, p80, float("nan"), float(np.isfinite(days).mean()))
    return quantiles


# --- exported result --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pause:
    """The minute from which an activity that has begun is suspended, None where it only waits, and when it goes on."""

    suspended: int | None
    resumed: int


@dataclass(frozen=True)
class ExportedResult:
    """A result with its representative run as a schedule, the deterministic dates, and the quantiles of every task."""

    result: Result
    schedule: Schedule
    planned: Mapping[Key, tuple[int, int]]
    quantiles: Mapping[Key, TaskQuantiles]
    replication: int
    quantile_runs: int
    total_float: Mapping[Key, int] = field(default_factory=dict)
    """Total float of each task in the representative run, in minutes by the clock."""
    level: int = max(SCHEDULE_LEVELS)
    since: int = 0
    """The minute until which dates are actual, of a project under way; 0 of one at its first day."""
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    """The pauses of activities that have begun and do not go on at the data date, by their ids."""

    def pause(self, task: Task) -> Pause | None:
        """Return the pause of a task that has begun; None where it goes on at the data date."""
        return self.pauses.get(activity_id(task.unit, task.activity, task.key[1]))

    def progress(self, task: Task) -> tuple[bool, bool, int]:
        """Return whether a task has begun and has ended at the data date, and the working minutes that remain of it."""
        if 0 < self.since >= task.finish:
            return True, True, 0
        if task.start >= self.since:
            return False, False, task.minutes
        hours = self.schedule.calendars[task.calendar]
        pause = self.pause(task)
        goes_on = self.since if pause is None else min(pause.resumed, task.finish)
        return True, False, hours.worked(task.finish) - hours.worked(goes_on)

    @property
    def name(self) -> str:
        """Return the project's name."""
        return str(self.result.manifest["name"])

    def about(self) -> str:
        """Return what the dates are, as one line that is stored with them."""
        manifest = self.result.manifest
        return (
            f"Run {self.replication} of {manifest['runs']} (the P50 finish), seed {manifest['seed']}; baseline: the "
            f"expected plan; P80 and criticality from {self.quantile_runs} runs. Simulated, not levelled; durations are "
            "those drawn in this run."
        )


def prepare_export(
    result: Result, quantile_runs: int = QUANTILE_RUNS, config: Config | None = None, *,
    level: int = max(SCHEDULE_LEVELS), workers: int = 1,
) -> ExportedResult:  # fmt: skip
    """Simulate the representative run of a result again, and others for the quantiles of tasks; Changed if it differs.

    Without the `config` it came from, that of its manifest is taken, with the files beside its tables. With two `workers` the
    planned dates are worked out in another process.
    """
    if config is None:
        case = prepare_stored(result)
    else:
        case = replace(prepare_case(config, engine=AUTO), sampling=result.sample.sampling)
    seed = int(result.manifest["seed"])
    replication = representative(result.sample, finish_metric(result.sample.runs))
    (simulated,) = case.replications(seed, replication, 1)
    log, calendars = simulated.outcome.log, simulated.calendars
    _require_same_events(case.event_table(simulated), result)
    runs = min(quantile_runs, result.sample.size)
    layout = layout_of(case.project, case.crew_plan.resource_plan.release_days)
    planned_dates = in_fork(_planned_dates, case, layout, fork=workers > 1)
    run, pauses = _paused(schedule(case, log, calendars), case)
    rolled_up_run, bars = roll_up(with_contract(run, layout), level)
    quantiles = {**task_quantiles(case, seed, runs, bars), **contract_quantiles(result, case.project)}
    return ExportedResult(
        result, rolled_up_run, _dates_of_bars(planned_dates(), bars), quantiles, replication, runs,
        _total_float(case, log, calendars, bars), level, case.metric_context.since, pauses,
    )  # fmt: skip


def _paused(run: Schedule, case: Case) -> tuple[Schedule, dict[str, Pause]]:
    """Return a run with the reported starts of work that has begun out of sequence, and the pauses of what has begun.

    In the run such work begins when it may go on.
    """
    if not isinstance(case, ForecastCase):
        return run, {}
    data_date, tasks, pauses = case.status.minute, [*run.tasks], dict[str, Pause]()
    unfinished = {fact.what: fact for fact in case.status.facts_of("activity") if fact.finish is None}
    for index, task in enumerate(tasks):
        fact = unfinished.get(activity_id(task.unit, task.activity, task.key[1]))
        if fact is None or fact.start is None:
            continue
        if task.start >= data_date > fact.start:
            pauses[fact.what] = Pause(fact.suspended, task.start)
            tasks[index] = replace(task, start=fact.start)
        elif fact.suspended is not None and (resumed := fact.resumed or data_date) >= data_date:
            pauses[fact.what] = Pause(fact.suspended, resumed)
    return replace(run, tasks=tuple(tasks)), pauses


def _planned_dates(case: Case, layout: Layout) -> list[tuple[Key, int, int]]:
    """Return start and finish of every task in the expected plan, in minutes."""
    before = case.baseline if case.baseline.plan.has_steps_of(case.plan) else case
    planned = with_contract(schedule(before, before.planned_run.log, before.planned_calendars), layout)
    return [(task.key, task.start, task.finish) for task in planned.tasks]


def _dates_of_bars(
    dates_of_tasks: Iterable[tuple[Key, int, int]], bars: Mapping[Key, Key]
) -> dict[Key, tuple[int, int]]:
    """Return the first start and the last finish by task, or by the bar that a task is part of."""
    dates: dict[Key, tuple[int, int]] = {}
    for task, task_start, task_finish in dates_of_tasks:
        key = bars.get(task, task)
        start, finish = dates.get(key, (task_start, task_finish))
        dates[key] = (min(start, task_start), max(finish, task_finish))
    return dates


def _total_float(case: Case, log: Ints, hours: Sequence[Calendar], bars: Mapping[Key, Key]) -> dict[Key, int]:
    """Total float by task; a bar has the least of its parts."""
    rows, codes = _task_rows(case, log)
    tasks, task_index = np.unique(_bar_codes(bars)(codes), return_inverse=True)
    min_float = np.full(len(tasks), NEVER)
    np.minimum.at(min_float, task_index, float_minutes(case, log, hours)[rows])
    return {
        divmod(code, MAX_ATTEMPTS): minutes for code, minutes in zip(tasks.tolist(), min_float.tolist(), strict=True)
    }


def _require_same_events(again: Columns, result: Result) -> None:
    """Refuse a result whose run would be another one today."""
    if any(list(again[column]) != list(result.log[column]) for column in ("minute", "unit", "kind")):
        raise Changed("this result was made by another version of the program; run it again, then export it")
