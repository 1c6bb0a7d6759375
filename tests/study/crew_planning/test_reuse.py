"""What a change touches: a crew plan is used again exactly where planning cannot tell two projects apart."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.config.project import Project
from sim.study.crew_planning import reuse
from sim.study.crew_planning.crew_plan import CrewPlan, plan_crews
from sim.world.weather.model import WeatherModel, weather_model

ONE_BLOCK = Path(__file__).parents[3] / "configs" / "one_block.yaml"
Address = tuple[str | int, ...]
UNTOUCHED = {"risks", *reuse.NOT_PLANNED_FROM}


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the projects whose crews are really planned, and nothing known from before."""
    names: list[str] = []

    def noted(project: Project, weather: WeatherModel = None) -> CrewPlan:
        names.append(project.name)
        return plan_crews(project, weather)

    monkeypatch.setattr(reuse, "_known", type(reuse._known)())
    monkeypatch.setattr(reuse, "plan_crews", noted)
    return names


def leaves(tree: Any, at: Address = ()) -> Iterator[tuple[Address, Any]]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    if inner is None:
        yield at, tree
        return
    for key, value in inner:
        yield from leaves(value, (*at, key))


def changed(tree: dict[str, Any], at: Address) -> dict[str, Any]:
    found = deepcopy(tree)
    part: Any = found
    for key in at[:-1]:
        part = part[key]
    part[at[-1]] = ["changed", part[at[-1]]]
    return found


def touches_no_crews(at: Address) -> bool:
    return (
        at[0] in UNTOUCHED or (at[:1] == ("money",) and at[1] in reuse.MONEY_NOT_PLANNED_FROM) or at[-1] in reuse.WORDS
    )


def test_every_key_of_the_base_makes_another_plan_or_is_one_that_planning_cannot_read() -> None:
    tree = sim.load(ONE_BLOCK).value.model_dump(mode="json")
    before = reuse.planning_key(tree)
    found = {at: reuse.planning_key(changed(tree, at)) == before for at, _ in leaves(tree)}
    assert len(found) > 1000
    assert [at for at, same in found.items() if same != touches_no_crews(at)] == []


@pytest.mark.parametrize(
    "change",
    [
        "risks.mode=none", "risks.mode=mitigated", "weather.kind=none", "limits.peak_workforce=null",
        "money.cost_of_capital=12", "milestones=[]",
    ],
)  # fmt: skip
def test_what_is_used_again_is_what_planning_anew_gives(change: str, planned: list[str]) -> None:
    base, other = sim.load(ONE_BLOCK).value, sim.load(ONE_BLOCK, [change]).value
    used = [reuse.crew_plan_of(project) for project in (base, other)]
    assert len(planned) == 1
    assert used[1] is used[0]
    assert pickle.dumps(used[1]) == pickle.dumps(plan_crews(other))


def test_a_part_that_planning_reads_after_all_is_planned_from(
    planned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def reading(project: Project, weather: WeatherModel = None) -> CrewPlan:
        assert project.weather.kind
        return plan_crews(project, weather)

    monkeypatch.setattr(reuse, "plan_crews", reading)
    project = sim.load(ONE_BLOCK).value
    assert pickle.dumps(reuse.crew_plan_of(project)) == pickle.dumps(plan_crews(project))
    assert not reuse._known


def test_where_the_site_reacts_to_a_slip_nothing_is_used_again(planned: list[str]) -> None:
    reacting = ["labour.acceleration.active=true"]
    for change in ("risks.mode=none", "risks.mode=mitigated"):
        project = sim.load(ONE_BLOCK, [*reacting, change]).value
        weather = weather_model(project.weather, ONE_BLOCK.parent)
        assert pickle.dumps(reuse.crew_plan_of(project, weather)) == pickle.dumps(plan_crews(project, weather))
    assert len(planned) == 2


def test_the_plans_used_last_are_kept(planned: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reuse, "KEPT", 2)
    projects = [sim.load(ONE_BLOCK, [f"scale.target_days={days}"]).value for days in (500, 520, 540)]
    for number in (0, 1, 0, 2, 0, 1):
        reuse.crew_plan_of(projects[number])
    assert len(planned) == 4
