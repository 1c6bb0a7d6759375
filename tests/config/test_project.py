from __future__ import annotations

from pathlib import Path

import pytest

from sim.config.load import load_as
from sim.config.project import Project
from sim.errors import ConfigError

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path for path in (ROOT / "configs").glob("*.yaml") if path.name != "base.yaml")
STRATEGIES = ("stick_built", "hybrid", "modular")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_configuration_loads_and_points_editors_at_the_schema(path: Path) -> None:
    assert load_as(Project, path).value.name == path.stem
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=schema.json\n")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_three_strategies_are_small_tables_for_the_same_250_mw(strategy: str) -> None:
    project = load_as(Project, ROOT / "configs" / f"{strategy}.yaml").value
    assert (project.scale.capacity_mw, project.blocks) == (250, 100)


def test_strategies_share_what_is_equal_for_all() -> None:
    projects = [load_as(Project, ROOT / "configs" / f"{strategy}.yaml").value for strategy in STRATEGIES]
    for part in ("scale", "calendars", "labour", "procurement", "orders", "site_works", "energization"):
        assert all(getattr(project, part) == getattr(projects[0], part) for project in projects), part


def test_ten_different_mistakes_give_ten_messages_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        load_as(Project, ROOT / "tests" / "configs" / "ten_mistakes.yaml")
    told = str(refused.value).splitlines()
    where = {
        "scale.capacity_mw", "turnover_blocks", "labour.indirect_ratio", "labour.trades.electricians.crew_sise",
        "systems.electrical.scope", "systems.mechanical.hook_up.connect.crews", "commissioning.l3.days",
        "logistics.cranes", "procurement.items.switchgear.per", "money.prices.pad.payments",
    }  # fmt: skip
    for path in where:
        assert any(path in line for line in told), path
    assert len(told) >= 10
    assert any("did you mean crew_size?" in line for line in told)
    assert all(line.split(":")[1].isdigit() for line in told)  # each with its line


def test_a_step_that_waits_for_itself_is_refused_at_load() -> None:
    with pytest.raises(ConfigError, match="wait for each other: clearing after clearing"):
        load_as(Project, ROOT / "configs" / "hybrid.yaml", ["site_works.steps.clearing.after=[clearing]"])
