"""What is handed to a planner: one run as a schedule, the plan without luck beside it, and how sure each date is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sim.config.project import Project
from sim.report.exchange.likely import LOOKED_AT, Likely, likely
from sim.report.exchange.schedule import Changed, Key, Schedule, schedule
from sim.study.beside import folder_of
from sim.study.case import prepare
from sim.study.chunk import Columns
from sim.study.result import Result
from sim.study.running import Config
from sim.study.sample import representative

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

    @property
    def name(self) -> str:
        """The project's name."""
        return str(self.result.manifest["name"])

    def about(self) -> str:
        """What the dates are, in one line that travels with them."""
        manifest = self.result.manifest
        return (
            f"Run {self.replication} of {manifest['runs']} (the P50 finish), seed {manifest['seed']}; baseline: the "
            f"plan without luck; P80 and criticality from {self.looked_at} runs. Simulated, not levelled."
        )


def hand_over(
    result: Result, looked_at: int = LOOKED_AT, config: Config | None = None, *, directory: Path | None = None
) -> Handover:
    """Perform the representative run of a result again, and others to learn the spread; Changed if it differs.

    Without the `config` it came from, that of its manifest is taken; a weather file lies in the result's `directory`.
    """
    known = Project.model_validate(result.manifest["config"])
    folder = None if config or directory is None else folder_of(directory, known)
    case = replace(prepare(config or known, folder), sampling=result.sample.sampling)
    seed = int(result.manifest["seed"])
    replication = representative(result.sample, FINISH if FINISH in result.sample.runs else OF_ORDERS)
    (done,) = case.performed(seed, replication, 1)
    log, hours = done.performance.log, done.hours
    _same(case.story(done), result)
    many = min(looked_at, result.sample.size)
    planned = schedule(case, case.perform(case.planned).log, case.plan.base_calendars)
    return Handover(
        result, schedule(case, log, hours), {task.key: (task.start, task.finish) for task in planned.tasks},
        likely(case, seed, many), replication, many,
    )  # fmt: skip


def _same(again: Columns, result: Result) -> None:
    """Refuse a result whose run would be another one today."""
    if any(list(again[column]) != list(result.log[column]) for column in ("minute", "unit", "kind")):
        raise Changed("this result was made by another version of the program; run it again, then export it")
