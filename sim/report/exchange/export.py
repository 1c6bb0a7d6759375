"""What is handed to a planner: one run as a schedule, the expected plan beside it, and how sure each date is.

How sure the dates of a schedule are: each task's P50 and P80 finish, and how often it was critical.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sim.config.load import checked
from sim.config.project import Project
from sim.metrics.schedule import latest
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.vocabulary import NOTE, WORK
from sim.report.exchange.roll_up import LEVELS, rolled_up
from sim.report.exchange.schedule_model import Changed, Key, Schedule, schedule
from sim.study.api import Config
from sim.study.case import Case, prepare_case
from sim.study.chunk import Columns
from sim.study.intervals import rank
from sim.study.result import Result, folder_of
from sim.study.sample import representative
from sim.world.working_time import Calendar

# --- likely -----------------------------------------------------------------------------------------------------------


DAY = 1440
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
    finishes: dict[Key, list[int]] = {}
    critical: dict[Key, int] = {}
    performed = 0
    for done in case.replications(seed, 0, runs):
        outcome = done.outcome
        if outcome.deadlock is not None:
            continue
        performed += 1
        bound = _float(case, outcome.log, done.calendars)
        times: dict[int, int] = {}
        kinds = case.plan.rows[outcome.log[:, 1], 0]
        ends: dict[Key, int] = {}
        urgent: set[Key] = set()
        for row in np.flatnonzero((kinds == WORK) | (kinds == NOTE)).tolist():
            minute, step, _ = outcome.log[row].tolist()
            key = (step, times.get(step, 0))
            times[step] = key[1] + 1
            key = (bars or {}).get(key, key)
            ends[key] = max(minute, ends.get(key, 0))
            if bound[row] < DAY:
                urgent.add(key)
        for key, end in ends.items():
            finishes.setdefault(key, []).append(end)
            critical[key] = critical.get(key, 0) + (key in urgent)
    return {key: _counted(ends, critical[key], performed) for key, ends in finishes.items()}


def _float(case: Case, log: np.ndarray, hours: Sequence[Calendar]) -> np.ndarray:
    """How much later each row could have been without delaying the last block, in minutes."""
    notes = np.array([note.kind == ONLINE for note in case.plan.notes])
    kinds, arguments = case.plan.rows[log[:, 1], 0], case.plan.rows[log[:, 1], 1]
    online = np.flatnonzero((kinds == NOTE) & notes[np.where(kinds == NOTE, arguments, 0)])
    last = int(online[np.argmax(log[online, 0])])
    return np.asarray(latest(case.plan, log, hours, {last: int(log[last, 0])}) - log[:, 0])


def _counted(ends: list[int], critical: int, performed: int) -> Likely:
    """The numbers of one task."""
    ordered = sorted(ends)
    p50, p80 = (float(ordered[rank(share, len(ordered)) - 1]) for share in (0.5, 0.8))
    return Likely(p50, p80, critical / performed, len(ordered) / performed)


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
    folder = None if config or directory is None else folder_of(directory, known)
    case = replace(prepare_case(config or known, folder), sampling=result.sample.sampling)
    seed = int(result.manifest["seed"])
    replication = representative(result.sample, FINISH if FINISH in result.sample.runs else OF_ORDERS)
    (done,) = case.replications(seed, replication, 1)
    log, hours = done.outcome.log, done.calendars
    _same(case.event_table(done), result)
    many = min(looked_at, result.sample.size)
    planned = schedule(case, case.planned_run.log, case.anticipated_calendars)
    run, bars = rolled_up(schedule(case, log, hours), level)
    return Handover(
        result, run, _planned(planned, bars), likely(case, seed, many, bars), replication, many,
        _slack(case, log, hours, bars), level,
    )  # fmt: skip


def _planned(planned: Schedule, bars: Mapping[Key, Key]) -> dict[Key, tuple[int, int]]:
    """First start and last finish in the deterministic run, by task or bar."""
    found: dict[Key, tuple[int, int]] = {}
    for task in planned.tasks:
        key = bars.get(task.key, task.key)
        start, finish = found.get(key, (task.start, task.finish))
        found[key] = (min(start, task.start), max(finish, task.finish))
    return found


def _slack(case: Case, log: np.ndarray, hours: Sequence[Calendar], bars: Mapping[Key, Key]) -> dict[Key, int]:
    """Total float by task; a bar has the least of its parts."""
    bound = _float(case, log, hours)
    found: dict[Key, int] = {}
    times: dict[int, int] = {}
    kinds = case.plan.rows[log[:, 1], 0]
    for row in np.flatnonzero((kinds == WORK) | (kinds == NOTE)).tolist():
        step = int(log[row, 1])
        key = (step, times.get(step, 0))
        times[step] = key[1] + 1
        key = bars.get(key, key)
        found[key] = min(int(bound[row]), found.get(key, int(bound[row])))
    return found


def _same(again: Columns, result: Result) -> None:
    """Refuse a result whose run would be another one today."""
    if any(list(again[column]) != list(result.log[column]) for column in ("minute", "unit", "kind")):
        raise Changed("this result was made by another version of the program; run it again, then export it")
