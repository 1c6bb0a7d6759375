"""Published scheduling problems (PSPLIB): read, written as plans, and where they lie."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sim.plan.vocabulary import CREW_PATIENCE, MINUTES_PER_DAY, Free, Hold, Signal, Step, Wait
from sim.world.working_time import always
from tests.engine.small_plans import Told, told, work, write

FOLDER = Path(os.environ.get("PSPLIB", Path(__file__).parents[3] / "shared" / "psplib"))
HERE = (FOLDER / "MANIFEST.csv").is_file()
NEEDED = pytest.mark.skipif(not HERE, reason="the published problems are not here: set PSPLIB to their folder")


@dataclass(frozen=True)
class Task:
    """A task: days, how many it needs of every resource, and who follows it."""

    days: int
    needs: tuple[int, ...]
    followed_by: tuple[int, ...]


@dataclass(frozen=True)
class Problem:
    """A published problem with its published answers."""

    name: str
    capacity: tuple[int, ...]
    tasks: tuple[Task, ...]
    longest_path: int
    best_bound: int
    best_known: int


def problems() -> list[Problem]:
    """Every problem of the folder; none where it is not here."""
    if not HERE:
        return []
    with (FOLDER / "MANIFEST.csv").open(encoding="utf-8") as lines:
        return [_read(row) for row in csv.DictReader(lines)]


def _read(row: dict[str, str]) -> Problem:
    """Read one problem in Patterson's format: a stream of numbers."""
    numbers = iter(int(word) for word in (FOLDER / row["file"]).read_text(encoding="ascii").split())
    count, resources = next(numbers), next(numbers)
    capacity = tuple(next(numbers) for _ in range(resources))
    tasks = tuple(_task(numbers, resources) for _ in range(count))
    answers = (row["cpm_makespan_infinite_resources"], row["best_known_lb"], row["best_known_ub"])
    return Problem(row["psplib_name"], capacity, tasks, *map(int, answers))


def _task(numbers: Iterator[int], resources: int) -> Task:
    days, needs = next(numbers), tuple(next(numbers) for _ in range(resources))
    return Task(days, needs, tuple(next(numbers) - 1 for _ in range(next(numbers))))


def latest_finishes(problem: Problem) -> list[int]:
    """The day on which each task must be over if crews were no limit: the backward pass from the longest path."""
    latest = [problem.longest_path] * len(problem.tasks)
    for number in range(len(latest) - 1, -1, -1):
        followers = problem.tasks[number].followed_by
        latest[number] = min([latest[number], *(latest[after] - problem.tasks[after].days for after in followers)])
    return latest


def performed(problem: Problem, *, limited: bool, by_latest_finish: bool = False) -> Told:
    """Perform a problem: crews of several trades together, by the priority rule of the shipped step networks.

    That is first ready, first served; `by_latest_finish` is what a planner's list of priorities would do instead.
    """
    priorities = latest_finishes(problem) if by_latest_finish else [0] * len(problem.tasks)
    before: dict[int, list[int]] = {task: [] for task in range(len(problem.tasks))}
    for number, task in enumerate(problem.tasks):
        for follower in task.followed_by:
            before[follower].append(number)
    routes: dict[str, list[Step]] = {}
    for number, task in enumerate(problem.tasks):
        crews = {f"r{kind}": count for kind, count in enumerate(task.needs) if count} if limited else {}
        waits = [Wait(f"t{other}") for other in before[number]]
        hold = Hold(crews, priorities[number], CREW_PATIENCE)
        together: list[Step] = [hold, work(task.days * MINUTES_PER_DAY, "task"), Free(crews)]
        routes[f"t{number}"] = [*waits, *together, Signal(f"t{number}")]
    plan = write(routes, {f"r{kind}": count for kind, count in enumerate(problem.capacity)})
    plan.works_on({"always": always(1_000_000)})
    return told(plan)
