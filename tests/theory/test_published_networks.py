"""PSPLIB: exact with unlimited crews; with the given ones feasible, and as close to the best known as ever before."""

from __future__ import annotations

import sys
from statistics import mean

import pytest

from sim.plan.vocabulary import MINUTES_PER_DAY, WORK
from sim.study.case import prepare_case
from tests.engine.small_plans import Told
from tests.theory.published_networks import NEEDED, Problem, performed, problems
from tests.tiny_project import tiny, works

PROBLEMS = problems()
BY_NAME = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
TRADES = ("linemen", "pipelayers", "pipefitters", "controls")
GAP, WITHIN = 0.2038, 0.005
"""Mean of makespan over best known makespan − 1 with the shipped rule: first ready, first served, then by name."""
BY_LATEST_FINISH = 0.1362
"""The same where the engine is given priorities: what must be over first goes first."""


@NEEDED
@BY_NAME
def test_without_limits_it_is_the_published_longest_path(problem: Problem) -> None:
    assert performed(problem, limited=False).finish == problem.longest_path * MINUTES_PER_DAY


@NEEDED
@BY_NAME
def test_with_the_given_crews_it_is_feasible_and_never_below_the_best_known_bound(problem: Problem) -> None:
    done = performed(problem, limited=True)
    begun = {unit: x for _, unit, x in _works(done)}
    ended = {unit: minute for minute, unit, _ in _works(done)}
    for number, task in enumerate(problem.tasks):
        assert all(begun[f"t{follower}"] >= ended[f"t{number}"] for follower in task.followed_by)
    for kind, capacity in enumerate(problem.capacity):
        for moment in begun.values():
            busy = [task.needs[kind] for number, task in enumerate(problem.tasks)
                    if begun[f"t{number}"] <= moment < ended[f"t{number}"]]  # fmt: skip
            assert sum(busy) <= capacity
    days = done.finish / MINUTES_PER_DAY
    assert problem.best_bound <= days <= sum(task.days for task in problem.tasks)


@NEEDED
@pytest.mark.parametrize(("by_latest_finish", "record"), [(False, GAP), (True, BY_LATEST_FINISH)])
def test_the_gap_to_the_best_known_makespans_is_the_one_on_record(
    by_latest_finish: bool, record: float, capsys: pytest.CaptureFixture[str]
) -> None:
    gaps = {
        problem.name: performed(problem, limited=True, by_latest_finish=by_latest_finish).finish
        / (MINUTES_PER_DAY * problem.best_known) - 1
        for problem in PROBLEMS
    }  # fmt: skip
    rule = "latest finish first" if by_latest_finish else "first ready, first served (the shipped rule)"
    told = ", ".join(f"{name} {gap:.1%}" for name, gap in gaps.items())
    with capsys.disabled():
        sys.stdout.write(f"\nabove the best known makespans, {rule}: {told}; mean {mean(gaps.values()):.2%}\n")
    assert min(gaps.values()) >= 0
    assert mean(gaps.values()) == pytest.approx(record, abs=WITHIN)


def _works(done: Told) -> list[tuple[int, str, int]]:
    plan = done.compiled
    return [(minute, plan.units[plan.unit_of[step]], x) for minute, step, x in done.log if plan.rows[step, 0] == WORK]


def _small() -> list[object]:
    """The problems of 30 tasks."""
    return [pytest.param(problem, id=problem.name) for problem in PROBLEMS if len(problem.tasks) == 32]


@NEEDED
@pytest.mark.parametrize("problem", _small())
def test_a_published_network_as_site_works_takes_its_longest_path(problem: Problem) -> None:
    """Through the public configuration: with enough crews of every trade the site works end on the published day."""
    before: dict[int, list[str]] = {task: [] for task in range(len(problem.tasks))}
    for number, task in enumerate(problem.tasks):
        for follower in task.followed_by:
            before[follower].append(f"t{number}")
    steps = []
    for number, task in enumerate(problem.tasks):
        crews = ", ".join(f"{trade}: {count}" for trade, count in zip(TRADES, task.needs, strict=True) if count)
        steps.append(f"{{id: t{number}, crews: {{{crews}}}, days: {task.days}, after: [{', '.join(before[number])}]}}")
    last = f"t{len(problem.tasks) - 1}"
    most = [sum(task.needs[kind] for task in problem.tasks) for kind in range(len(problem.capacity))]
    there = {"crew_size": 1, "hired_per_week": 5000}
    trades = [f"labour.trades.{trade}.{key}={value}" for trade, crews in zip(TRADES, most, strict=True)
              for key, value in {**there, "crews": crews}.items()]  # fmt: skip
    project = tiny(
        f"site_works.steps=[{', '.join(steps)}]", *trades, "scale.preparation_days=30", "shell.steps.slab.after=[]",
        f"commissioning.after=[site_works.{last}]", f"energization.after=[site_works.{last}]",
    )  # fmt: skip
    found = works(prepare_case(project))
    assert found[f"p1.site_works.{last}", f"site_works.{last}"][1] == (30 + problem.longest_path) * 24
