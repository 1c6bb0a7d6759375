"""A run as a schedule: what follows what, and that recalculating it moves no date."""

from __future__ import annotations

from pathlib import Path

import pytest

import sim
from sim.report.exchange.export import Handover, hand_over
from sim.report.exchange.schedule_model import Changed, Schedule, schedule, week_of
from sim.study.result import Result
from tests.tiny_project import tiny_case

BLOCK = Path(__file__).parents[3] / "configs" / "one_block.yaml"


@pytest.fixture(scope="module")
def block() -> Handover:
    """One block on real calendars, with luck."""
    return hand_over(sim.run(sim.load(BLOCK), runs=4, seed=3, workers=1))


@pytest.fixture(scope="module")
def planned() -> Schedule:
    case = tiny_case()
    return schedule(case, case.simulate(case.planned).log, case.plan.base_calendars)


def test_recalculating_moves_nothing(block: Handover) -> None:
    done: dict[int, int] = {}
    for task in sorted(block.run.tasks, key=lambda task: task.number):
        calendar = block.run.calendars[task.calendar]
        free = max((done[before] for before in task.after), default=0)
        begin = max(free, task.start) if task.held_back else free
        done[task.number] = calendar.finish(calendar.next_open(begin), task.minutes)
        assert done[task.number] == task.finish, task
    assert any(task.held_back for task in block.run.tasks)
    assert sum(not task.held_back for task in block.run.tasks) > len(block.run.tasks) / 2


def test_links_are_the_logic_of_the_project(planned: Schedule) -> None:
    names = {task.number: task.name for task in planned.tasks}
    follows = {task.name: {names[before] for before in task.after} for task in planned.tasks}
    assert follows["p1.site_works.grading: site_works.grading"] == {"p1.preparation: permits and design"}
    assert follows["b1.electrical: electrical lift 1"] == {
        "electrical.s1: electrical unload",
        "h1.shell.dry_in: shell.dry_in",
    }
    assert "p1.g2: generation.set" in follows["b1.commissioning: L3"]  # its power, N+1
    # the second skid waits for the line, which is shared and no logic
    assert follows["electrical.s2: electrical.assemble"] == {"electrical.s2: electrical parts"}


def test_what_held_a_task_back_is_said(planned: Schedule) -> None:
    held = {task.name: task.held_back for task in planned.tasks}
    assert held["electrical.s2: electrical.assemble"] == "waited 4.0 days for 1 electrical.assemble"
    assert held["b2.electrical: electrical lift 1"].endswith(("1 crew.riggers", "1 crane + 1 crew.riggers", "crane"))
    assert held["h1.shell.dry_in: shell.dry_in"] == ""


def test_crews_and_ways_home_are_not_activities(planned: Schedule) -> None:
    assert not [task.name for task in planned.tasks if "crew." in task.name or "return" in task.name]


def test_the_dates_are_those_of_the_representative_run(block: Handover) -> None:
    online = next(task for task in block.run.tasks if task.milestone)
    finishes = sorted(block.result.runs["lead_time_full_days"])
    assert online.finish / 1440 == finishes[1]  # the P50 of four
    events = block.result.events
    assert online.finish == events[events["resource"] == "online/b1"]["minute"].item()


def test_spread_and_criticality_come_from_the_same_runs(block: Handover) -> None:
    online = next(task for task in block.run.tasks if task.milestone)
    spread = block.spread[online.key]
    assert spread.p80 / 1440 == sorted(block.result.runs["lead_time_full_days"])[3]
    assert (spread.critical, spread.done) == (1.0, 1.0)
    assert {0.0} < {found.critical for found in block.spread.values()} or block.looked_at == 4


def test_a_result_of_another_program_is_refused(block: Handover) -> None:
    log = dict(block.result.log)
    log["minute"] = log["minute"] + 1
    with pytest.raises(Changed, match="another version"):
        hand_over(Result(block.result.manifest, block.result.sample, log))


def test_a_calendar_is_a_week_and_the_days_that_differ(block: Handover) -> None:
    start = block.run.project.scale.start_date
    week = week_of(block.run.calendars["shift"], start, 400 * 1440)
    assert week.days == (((420, 1020),),) * 6 + ((),)
    assert [day.isoformat() for day in sorted(week.exceptions)][:2] == ["2026-01-19", "2026-02-16"]
    assert set(week.exceptions.values()) == {()}
    always = week_of(block.run.calendars["always"], start, 14 * 1440)
    assert always.days == (((0, 1440),),) * 7
