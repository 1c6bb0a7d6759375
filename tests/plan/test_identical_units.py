"""Units that are alike share a written route: the whole plan is the one that is written unit by unit."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

import sim
from sim.config.project import Project
from sim.plan.compile import compile_plan
from sim.plan.compiled_plan import NONE, CompiledPlan
from sim.plan.identical_units import Copy, split_name, spread, unique_in_order
from sim.plan.plan_context import PlanContext, ResourcePlan
from sim.plan.project import write_plan
from sim.plan.vocabulary import JUMP, SIGNAL, WAIT
from sim.world.project_calendars import day_minutes, project_calendars

CONFIGS = ("hybrid", "stick_built", "modular", "electrical_skids", "incremental_hybrid", "cases/red_oak")
SMALL = " scale.capacity_mw=25 energization.units.count=2"
"""Ten blocks of 250 MW: still many units to a route, at a tenth of the time."""
BY_NUMBER = ("gates", "completion", "rows", "route_of", "inputs", "base_calendars")
"""Fields that are numbered, or refer to what is numbered, in the order in which it was written."""
OF_TABLES = ("table", "factor_table", "delay_table", "tables", "planned", "mean")


def compiled(project: Project, resource_plan: ResourcePlan) -> CompiledPlan:
    return compile_plan(write_plan(project, project_calendars(project), day_minutes(project), resource_plan))


@pytest.mark.parametrize(
    "config",
    [
        *(name + SMALL for name in CONFIGS),
        "stick_built shell.section_sqft=20000" + SMALL,
        *(pytest.param(name, marks=pytest.mark.slow) for name in CONFIGS),
    ],
)
def test_plan_is_the_one_written_unit_by_unit(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, *overrides = config.split()
    case = sim.prepare(sim.load(f"configs/{name}.yaml", overrides))
    project, resource_plan = case.project, case.crew_plan.resource_plan
    monkeypatch.setattr(PlanContext, "_groups_alike", lambda _, units: [[number] for number in range(len(units))])
    one_by_one = compiled(project, resource_plan)
    # many units to a route, and one to a route: else nothing is compared
    assert len(one_by_one.units) == len(set(one_by_one.route_of.tolist()))
    if "incremental" not in config:
        assert len(set(case.plan.route_of.tolist())) < len(case.plan.units)
    for name in {field.name for field in fields(CompiledPlan)} - {*BY_NUMBER}:
        one, other = getattr(case.plan, name), getattr(one_by_one, name)
        assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other, name
    assert np.array_equal(rows_by_name(case.plan), rows_by_name(one_by_one))
    assert drawn(case.plan) == drawn(one_by_one)


def rows_by_name(plan: CompiledPlan) -> np.ndarray:
    """Rows with gates by their place in the order of names."""
    rank = np.argsort(np.argsort(np.array(plan.gates)))
    rows, operation = plan.rows.copy(), plan.rows[:, 0]
    waits = (operation == WAIT) | (operation == SIGNAL)
    rows[waits, 1] = rank[rows[waits, 1]]
    watched = (operation == JUMP) & (rows[:, 4] != NONE)
    rows[watched, 4] = rank[rows[watched, 4]]
    return rows


def drawn(plan: CompiledPlan) -> list[object]:
    """Inputs with their tables by what is in them."""
    inputs = plan.inputs
    table = [(int(inputs.tables.kind[n]), inputs.tables.of(n).tobytes()) for n in range(len(inputs.tables.kind))]
    found: list[object] = [getattr(inputs, field.name) for field in fields(inputs) if field.name not in OF_TABLES]
    found = [value.tolist() if isinstance(value, np.ndarray) else value for value in found]
    for numbers in (inputs.table, inputs.factor_table, inputs.delay_table):
        found.append([(table[n], inputs.planned[n], inputs.mean[n]) for n in numbers.tolist()])
    return found


def test_name_of_copy_changes_only_what_is_its_own() -> None:
    copy = Copy({"b1": "b17", "h1": "h2", "electrical.s1": "electrical.s130"})
    assert [copy.name_of(name) for name in ("b1", "b1.electrical", "b10.electrical", "electrical.s1.in", "p1.b1")] == [
        "b17", "b17.electrical", "b10.electrical", "electrical.s130.in", "p1.b1",
    ]  # fmt: skip


def test_longest_known_beginning_counts() -> None:
    assert split_name("a.b.c", {"a", "a.b"}) == ("a.b", ".c")
    assert split_name("ab.c", {"a"}) == ("", "ab.c")


def test_spread_lays_routes_end_to_end() -> None:
    # two routes, of rows 0, 1, 2 and 3, 4; three units, the first and the last on the second route
    laid = spread([0, 3, 5], np.array([1, 0, 1]))
    assert laid.first.tolist() == [0, 2, 5, 7]
    assert laid.source.tolist() == [3, 4, 0, 1, 2, 3, 4]
    assert laid.unit.tolist() == [0, 0, 1, 1, 1, 2, 2]


def test_numbers_in_the_order_in_which_they_are_met() -> None:
    met, place = unique_in_order(np.array([7, 3, 7, 5]))
    assert (met.tolist(), place.tolist()) == ([7, 3, 5], [0, 1, 0, 2])
