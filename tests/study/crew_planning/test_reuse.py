"""What a change touches: a crew plan is used again exactly where planning cannot tell two projects apart."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.config.project import Project
from sim.errors import SimError
from sim.study.crew_planning import reuse
from sim.study.crew_planning.crew_plan import CrewPlan, plan_crews
from sim.study.storage import disk_cache
from sim.world.weather.project_weather import WeatherModel, weather_model
from tests.tiny_project import TINY

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

    monkeypatch.setattr(reuse, "_plan_by_key", type(reuse._plan_by_key)())
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
        at[0] in UNTOUCHED
        or (at[:1] == ("money",) and at[1] in reuse.MONEY_NOT_PLANNED_FROM)
        or at[-1] in reuse.PROVENANCE
    )


@pytest.mark.parametrize("every", [29, pytest.param(1, marks=pytest.mark.slow)])
def test_every_key_of_the_base_makes_another_plan_or_is_one_that_planning_cannot_read(every: int) -> None:
    tree = sim.load(ONE_BLOCK).value.model_dump(mode="json")
    before = reuse.planning_key(tree)
    addresses = [at for at, _ in leaves(tree)][::every]
    assert len(addresses) > 1000 / every
    found = {at: reuse.planning_key(changed(tree, at)) == before for at in addresses}
    assert [at for at, same in found.items() if same != touches_no_crews(at)] == []


def moved(value: Any) -> Any:
    """Another value of the same kind: a little more, the other truth, another word."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value * 1.03 + 0.001 if isinstance(value, float) else f"{value} or another"


@pytest.mark.slow
def test_whatever_a_plan_is_used_again_for_planning_anew_gives_the_same_plan() -> None:
    base = sim.load(ONE_BLOCK)
    tree, known = base.value.model_dump(mode="json"), plan_crews(base.value)
    tried, refused = 0, 0
    for at, value in leaves(tree):
        if not touches_no_crews(at) or value is None:
            continue
        other = deepcopy(tree)
        part: Any = other
        for key in at[:-1]:
            part = part[key]
        part[at[-1]] = moved(value)
        try:
            project = Project.model_validate(other)
        except (ValueError, SimError):  # such as the name of a risk that something else refers to
            refused += 1
            continue
        tried += 1
        assert same(plan_crews(project), known), at
    assert tried > 500
    assert refused < tried


@pytest.mark.parametrize(
    "change",
    [
        "risks.mode=none", "risks.mode=mitigated", "limits.peak_workforce=null",
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
        assert project.limits.peak_workforce
        return plan_crews(project, weather)

    monkeypatch.setattr(reuse, "plan_crews", reading)
    project = sim.load(ONE_BLOCK).value
    assert pickle.dumps(reuse.crew_plan_of(project)) == pickle.dumps(plan_crews(project))
    assert not reuse._plan_by_key


def test_where_the_site_reacts_to_a_slip_nothing_is_used_again(planned: list[str]) -> None:
    reacting = ["labour.acceleration.active=true"]
    for change in ("risks.mode=none", "risks.mode=mitigated"):
        project = sim.load(ONE_BLOCK, [*reacting, change]).value
        weather = weather_model(project.weather, ONE_BLOCK.parent)
        assert pickle.dumps(reuse.crew_plan_of(project, weather)) == pickle.dumps(plan_crews(project, weather))
    assert len(planned) == 2


def test_the_plans_used_last_are_kept(planned: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reuse, "MAX_CACHED", 2)
    projects = [sim.load(ONE_BLOCK, [f"scale.target_days={days}"]).value for days in (500, 520, 540)]
    for number in (0, 1, 0, 2, 0, 1):
        reuse.crew_plan_of(projects[number])
    assert len(planned) == 4


# --- from one command to the next -------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which crew plans are kept."""
    monkeypatch.setenv(disk_cache.FOLDER, str(tmp_path))
    return tmp_path / "crew_plans"


def next_command(project: Project) -> CrewPlan:
    """Ask for a crew plan as a process does that has just begun."""
    reuse._plan_by_key.clear()
    return reuse.crew_plan_of(project)


def same(one: CrewPlan, other: CrewPlan) -> bool:
    """Whether two plans are the same to the last digit and type; digits of floats name them exactly."""
    return repr(reuse._to_json(one)) == repr(reuse._to_json(other)) and type(one) is type(other)


@pytest.mark.parametrize("overrides", [[], ["orders.policy=released"], ["labour.called_by=progress"]])
def test_the_next_command_reads_the_plan_that_planning_would_give(
    overrides: list[str], planned: list[str], folder: Path
) -> None:
    project = sim.load(TINY, overrides).value
    plans = [next_command(project) for _ in range(3)]
    assert len(planned) == 1
    assert len([*folder.iterdir()]) == 1
    assert all(same(plan, plan_crews(project)) for plan in plans)


@pytest.mark.parametrize("change", ["scale.preparation_days=12", "labour.utilisation=0.7"])
def test_another_project_is_planned_anew(change: str, planned: list[str], folder: Path) -> None:
    for overrides in ([], [change]):
        project = sim.load(TINY, overrides).value
        assert same(next_command(project), plan_crews(project))
    assert len(planned) == 2


def test_other_sources_plan_anew(planned: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = sim.load(TINY).value
    next_command(project)
    monkeypatch.setattr(disk_cache, "fingerprint_of", lambda _: "sources of tomorrow")
    next_command(project)
    assert len(planned) == 2


@pytest.mark.parametrize("damage", [b"", b"x", bytes(200)])
def test_a_damaged_plan_is_planned_anew(damage: bytes, planned: list[str], folder: Path) -> None:
    project = sim.load(TINY).value
    next_command(project)
    (kept,) = folder.iterdir()
    sound = kept.read_bytes()
    kept.write_bytes(damage + sound[len(damage) :] if damage else b"")
    assert same(next_command(project), plan_crews(project))
    assert len(planned) == 2
    assert kept.read_bytes() == sound


def test_without_a_folder_that_can_be_written_crews_are_planned_all_the_same(planned: list[str], folder: Path) -> None:
    folder.write_text("not a folder")
    project = sim.load(TINY).value
    assert same(next_command(project), plan_crews(project))


def test_the_newest_plans_stay_in_the_folder(planned: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reuse, "CREW_PLANS", replace(reuse.CREW_PLANS, max_files=2))
    for days in (10, 11, 12):
        next_command(sim.load(TINY, [f"scale.preparation_days={days}"]).value)
    assert len([*folder.iterdir()]) == 2


def test_nothing_is_kept_where_the_variable_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(disk_cache.FOLDER, "")
    assert reuse.CREW_PLANS.folder() is None
    monkeypatch.delenv(disk_cache.FOLDER)
    assert reuse.CREW_PLANS.folder() is not None
