"""A run as a schedule: what follows what, and that recalculating it moves no date."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sim
from sim.report.exchange.export import Handover, hand_over
from sim.report.exchange.schedule_model import After, Changed, Schedule, schedule, week_of
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
        free = max((done[link.number] + link.lag for link in task.after), default=0)
        begin = max(free, task.start) if task.held_back else free
        done[task.number] = calendar.finish(calendar.next_open(begin), task.minutes)
        assert done[task.number] == task.finish, task
    assert any(task.held_back for task in block.run.tasks)
    assert sum(not task.held_back for task in block.run.tasks) > len(block.run.tasks) / 2


def test_links_are_the_logic_of_the_project(planned: Schedule) -> None:
    names = {task.number: task.name for task in planned.tasks}
    follows = {task.name: {names[link.number] for link in task.after} for task in planned.tasks}
    assert follows["Site: Grading"] == {"Site: Permits and design"}
    assert follows["Block 1 electrical: Lift 1"] == {"Electrical skid 1: Unload", "Hall 1: Dry in"}
    assert "Power unit 2: Set" in follows["Block 1: L3"]  # its power, N+1
    # the second skid waits for the line, which is shared and no logic
    assert follows["Electrical skid 2: Assemble"] == {"Electrical skid 2: Parts"}
    assert follows["Hall 1 dry-in"] == {"Hall 1: Dry in"}
    assert follows["Permits granted"] == {"Site: Permits and design"}


def test_what_held_a_task_back_is_said(planned: Schedule) -> None:
    held = {task.name: task.held_back for task in planned.tasks}
    assert held["Electrical skid 2: Assemble"] == "waited 4.0 days for 1 electrical.assemble"
    assert held["Block 2 electrical: Lift 1"].endswith(("1 crew.riggers", "1 crane + 1 crew.riggers", "crane"))
    assert held["Hall 1: Dry in"] == ""


def test_the_work_breakdown_has_four_levels_in_the_order_of_building(planned: Schedule) -> None:
    assert [group[0] for group in planned.groups if len(group) == 1] == [
        "Site works", "Halls", "Systems", "Commissioning and power"
    ]  # fmt: skip
    assert ("Systems", "Blocks", "Block 2", "Electrical") in planned.groups
    assert max(len(group) for group in planned.groups) == 4
    blocks = [group[2] for group in planned.groups if group[:2] == ("Systems", "Blocks") and len(group) == 3]
    assert blocks == ["Block 1", "Block 2"]


def test_lags_and_starts_are_links_not_activities() -> None:
    """Services 3 days after the start of grading, and the pads 2 days after its end."""
    steps = [
        {"id": "grading", "days": 6},
        {"id": "services", "days": 5, "after": [{"id": "grading", "type": "SS", "lag_days": 3}]},
        {"id": "pads", "days": 1, "after": [{"id": "grading", "lag_days": 2}]},
    ]
    case = tiny_case(f"site_works.steps={json.dumps(steps)}")
    found = schedule(case, case.simulate(case.planned).log, case.plan.base_calendars)
    tasks = {task.name: task for task in found.tasks}
    grading = tasks["Site: Grading"]
    assert tasks["Site: Services"].after == (After(grading.number, 3 * 1440, "SS"),)
    assert tasks["Site: Pads"].after == (After(grading.number, 2 * 1440, "FS"),)
    assert tasks["Site: Services"].held_back == tasks["Site: Pads"].held_back == ""
    assert not [name for name in tasks if "after" in name or "lag" in name]


def test_crews_and_ways_home_are_not_activities(planned: Schedule) -> None:
    assert not [task.name for task in planned.tasks if "rew" in task.unit.split(".")[0] or "eturn" in task.name]


def test_the_dates_are_those_of_the_representative_run(block: Handover) -> None:
    online = next(task for task in block.run.tasks if task.name == "Block 1 handed over")
    finishes = sorted(block.result.runs["lead_time_full_days"])
    assert online.finish / 1440 == finishes[1]  # the P50 of four
    events = block.result.events
    assert online.finish == events[events["resource"] == "online/b1"]["minute"].item()


def test_spread_and_criticality_come_from_the_same_runs(block: Handover) -> None:
    online = next(task for task in block.run.tasks if task.name == "Block 1 handed over")
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
