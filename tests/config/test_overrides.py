from __future__ import annotations

from pathlib import Path

import pytest

from sim.config.load import Loaded
from sim.config.overrides import expand_wildcards, scaled, takes_integers, with_settings
from sim.config.project import Project
from sim.config.source_positions import Position
from sim.errors import ConfigError
from sim.study.api import load

BLOCK = Path(__file__).parents[2] / "configs" / "one_block.yaml"


@pytest.fixture(scope="module")
def block() -> Loaded[Project]:
    return load(BLOCK)


def test_a_change_is_what_set_would_make_and_leaves_the_original(block: Loaded[Project]) -> None:
    three = with_settings(block, {"logistics.cranes": 3, "scale.target_days": 500.0})
    assert three.value == load(BLOCK, ["logistics.cranes=3", "scale.target_days=500.0"]).value
    assert block.value == load(BLOCK).value


def test_a_star_is_every_key_and_every_id(block: Loaded[Project]) -> None:
    assert expand_wildcards(block, ["logistics.fleets.*.trucks"]) == [
        "logistics.fleets.electrical.trucks",
        "logistics.fleets.mechanical.trucks",
        "logistics.fleets.compute.trucks",
    ]
    assert expand_wildcards(block, ["systems.electrical.factory.stations.*.days"])[0].endswith("stations.assemble.days")


def test_a_star_that_finds_nothing_is_told(block: Loaded[Project]) -> None:
    with pytest.raises(ConfigError, match=r"study.yaml:7: label.\*.x: no key is there"):
        expand_wildcards(block, ["label.*.x"], {"label.*.x": Position("study.yaml", 7, 3)})


def test_a_factor_scales_all_numbers_of_an_estimate_and_keeps_its_source(block: Loaded[Project]) -> None:
    weeks = scaled(block, "systems.electrical.factory.parts_weeks", 2)
    assert (weeks["low"], weeks["mode"], weeks["high"]) == (50, 60, 90)
    assert "FACTS" in weeks["source"]
    path = "systems.electrical.factory.stations.assemble.days"
    assert with_settings(block, {path: scaled(block, path, 0.5)}).value.by_system["electrical"].factory is not None


def test_whole_numbers_stay_whole(block: Loaded[Project]) -> None:
    assert takes_integers(block, "logistics.cranes")
    assert not takes_integers(block, "scale.capacity_mw")
    assert scaled(block, "logistics.cranes", 1.4) == 4  # of 3


def test_a_factor_on_what_is_no_number_is_told(block: Loaded[Project]) -> None:
    with pytest.raises(ConfigError, match="no number here"):
        scaled(block, "label", 2)


def test_a_wrong_value_is_told_at_the_line_that_asked_for_it(block: Loaded[Project]) -> None:
    with pytest.raises(ConfigError, match=r"^study.yaml:9: logistics.cranes: 0 given, 1 to 200 cranes expected$"):
        with_settings(block, {"logistics.cranes": 0}, {"logistics.cranes": Position("study.yaml", 9, 1)})
