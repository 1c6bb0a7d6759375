"""What a unit or a pool is stands in the plan: with other names every metric, check and cause comes out the same."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from sim.plan.analysis.critical_path import earliest
from sim.plan.analysis.resource_load import loads
from sim.plan.checks import check
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.layout import layout_of
from sim.plan.vocabulary import OTHER
from sim.report.exchange.roll_up import SCHEDULE_LEVELS, bar_of, hall_bars
from sim.report.exchange.schedule_model import schedule
from sim.report.representative_run import hall_releases, online_days, skid_flow, stages
from sim.study.analyses.switch_off import groups_of_inputs
from sim.study.case import Case
from sim.study.gantt_ranges import gantt_rows
from tests.tiny_project import tiny_case

SITES = [
    (), ("systems.electrical.scope=site",), ("systems.compute.scope=factory",), ("logistics.gate_slots_per_day=9",),
]  # fmt: skip


def renamed(plan: CompiledPlan) -> CompiledPlan:
    """The plan with names that say nothing, in the same order."""
    units, pools, gates = (
        tuple(f"{letter}{number:05d}" for number in range(len(names)))
        for letter, names in (("u", plan.units), ("v", plan.pools), ("w", plan.gates))
    )
    return replace(plan, units=units, pools=pools, gates=gates)


@pytest.fixture(params=SITES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return tiny_case(*request.param)


def test_metrics_do_not_ask_for_names(case: Case) -> None:
    other = replace(case, plan=renamed(case.plan))
    metrics, curves = case.as_planned
    found, lines = other.as_planned
    assert found == pytest.approx(metrics, nan_ok=True, rel=0, abs=0)
    assert all((lines[name] == curves[name]).all() for name in curves)


def test_causes_loads_and_checks_do_not_ask_for_names(case: Case) -> None:
    plan, other = case.plan, renamed(case.plan)
    assert groups_of_inputs(other) == groups_of_inputs(plan)
    assert len(check(other)) == len(check(plan))
    found_loads = []
    for one in (plan, other):
        schedule = earliest(one, case.planned.values, one.base_calendars)
        found = loads(one, case.planned.values, schedule, one.base_calendars)
        found_loads.append(sorted((load.noun, load.who, load.days) for load in found))
    assert found_loads[0] == found_loads[1]


def test_charts_schedules_and_orders_do_not_ask_for_names(case: Case) -> None:
    """Rows of the Gantt chart, stages, headings and bars of a planner's file: only the names of units differ."""
    found: list[object] = []
    for one in (case, replace(case, plan=renamed(case.plan))):
        (done,) = one.replications(1, 0, 1)
        log = one.event_table(done)
        events = pd.DataFrame(log)
        rows = [row for row in gantt_rows(log) if row.places]
        tasks = schedule(one, done.outcome.log, done.calendars).tasks
        halls = hall_bars(layout_of(one.project))
        bars = [
            bar_of(task, one.project, level, halls) for task in tasks for level in SCHEDULE_LEVELS if task.info.place
        ]
        found.append([
            rows, [*stages(events)], hall_releases(events), online_days(events),
            {state: days.tolist() for state, days in skid_flow(events).items()},
            [(task.group, task.milestone, task.start) for task in tasks], bars,
        ])  # fmt: skip
    assert found[0] == found[1]


def test_every_unit_of_a_project_says_what_it_is(case: Case) -> None:
    assert not [name for name, info in zip(case.plan.units, case.plan.unit_info, strict=True) if info.kind == "unit"]
    assert OTHER not in case.plan.pool_causes
    assert "other" not in case.plan.inputs.factor_groups
