"""What stands already is not built and not waited for; buildings of different size; a site in twenty-five lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.config.load import load_as
from sim.config.project import Project
from sim.errors import ConfigError
from sim.plan.layout import layout_of
from sim.study.case import prepare_case
from tests.tiny_project import tiny, works

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how_to" / "own_site.md"


def ohio() -> str:
    """The configuration of the page."""
    found = re.search(r"```yaml\n# configs/ohio.yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_site_of_the_page_takes_at_most_25_lines_and_is_what_it_says(tmp_path: Path) -> None:
    assert len(ohio().strip().splitlines()) <= 25
    file = tmp_path / "ohio.yaml"
    file.write_text(ohio(), "utf-8")
    project = load_as(Project, file).value
    layout = layout_of(project)
    assert [hall.built_mw for hall in layout.halls] == [25, 25, 25, 15, 15, 15]
    assert len(layout.blocks) == 48
    assert len(project.pattern.shifts) == 2
    assert project.weather.kind == "ohio"
    assert {"grading", "clearing", "roads", "gas_line", "air_permit"}.isdisjoint(s.id for s in project.site_works.steps)


def test_shell_that_stands_is_not_waited_for() -> None:
    """The same project written with empty networks, as it had to be before, has the same dates."""
    short = tiny("existing=[shell.*]")
    assert short.shell.steps == ()
    assert not any(name.startswith("shell.") for system in short.by_system.values() for name in system.after)
    begun = {unit: times for (unit, _), times in works(prepare_case(short)).items()}
    assert not any(".shell." in unit for unit in begun)
    assert not any(".shell." in gate for gate in prepare_case(short).plan.gates)


def test_step_that_stands_leaves_its_followers_free() -> None:
    whole = tiny()
    first, second, *_ = whole.shell.steps
    short = tiny(f"existing=[shell.{first.id}]")
    assert [step.id for step in short.shell.steps] == [step.id for step in whole.shell.steps[1:]]
    assert all(link.id != first.id for step in short.shell.steps for link in step.after)
    assert second.id == short.shell.steps[0].id


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("existing=[shell.cellar]", "a step of site_works, shell or pad"),
        ("scale.buildings=[{mw: 2.5}]", "add up to scale.capacity_mw"),
        ("scale.buildings=[{mw: 2}, {mw: 3}]", "a multiple of block.mw_gross"),
    ],
)
def test_what_cannot_be_is_refused(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tiny(setting)


def test_turnover_does_not_reach_into_the_next_building() -> None:
    project = tiny("scale.capacity_mw=20", "hall.blocks=2", "turnover_blocks=4", "energization.units.mw=30",
                   "scale.buildings=[{mw: 15}, {mw: 5}]")  # fmt: skip
    layout = layout_of(project)
    assert [len(hall.blocks) for hall in layout.halls] == [2, 2, 2, 2]
    assert [turnover.blocks for turnover in layout.turnovers] == [
        ("b1", "b2", "b3", "b4"), ("b5", "b6"), ("b7", "b8"),
    ]  # fmt: skip
