from __future__ import annotations

from pathlib import Path

import pytest

from sim.config.load import Loaded
from sim.config.project import Project
from sim.report.assumptions import Row, number_text, page, rows, write
from sim.study.api import load

ROOT = Path(__file__).parents[2]
BASE = ROOT / "configs" / "base.yaml"
STRATEGIES = [ROOT / "configs" / f"{name}.yaml" for name in ("stick_built", "modular", "hybrid")]
COMMITTED = ROOT / "docs" / "assumptions.md"


@pytest.fixture(scope="module")
def base() -> Loaded[Project]:
    return load(BASE)


@pytest.fixture(scope="module")
def found(base: Loaded[Project]) -> dict[str, Row]:
    return {row.path: row for row in rows(base)}


def test_the_committed_page_is_the_one_that_the_configuration_makes(tmp_path: Path) -> None:
    write(tmp_path / "page.md", [BASE, *STRATEGIES])
    assert COMMITTED.read_text(encoding="utf-8") == (tmp_path / "page.md").read_text(encoding="utf-8"), (
        "docs/assumptions.md is not what the configuration makes: make docs"
    )


def test_a_number_that_is_changed_changes_the_page(base: Loaded[Project]) -> None:
    assert page(base) != page(load(BASE, ["labour.indirect_ratio=0.3"]))


@pytest.mark.parametrize(
    ("path", "cells"),
    [
        ("labour.losses", ("1.2", "1.08 to 1.4", "×", "C")),
        ("labour.indirect_ratio", ("0.25", "0.15 to 0.35", "×", "C")),
        ("scale.preparation_days", ("120", "90 to 180", "days", "C")),
        ("systems.electrical.skid.lift_hours", ("3", "1.5 to 6", "h", "A")),
        ("systems.electrical.factory.lines", ("9", "", "number", "B")),
        ("site_works.steps.grading.hours_per_mw", ("60", "", "h/MW", "C")),
    ],
)
def test_value_range_unit_and_confidence(found: dict[str, Row], path: str, cells: tuple[str, ...]) -> None:
    row = found[path]
    assert (row.value, row.range, row.unit, row.confidence) == cells


def test_the_source_is_the_nearest_one_around_the_number(found: dict[str, Row]) -> None:
    assert found["systems.electrical.factory.stations.assemble.days"].source.startswith("Line cycle time per skid")
    assert found["systems.electrical.factory.lines"].source.startswith("Nine lines")
    assert found["site_works.steps.grading.hours_per_mw"].source.startswith("Site-wide hours 500")
    assert found["scale.capacity_mw"].source == ""


def test_every_number_of_the_file_is_there_and_nothing_else(base: Loaded[Project], found: dict[str, Row]) -> None:
    provenance = {"source", "date", "confidence", "note", "shape"}
    estimates = {row.address for row in found.values()}

    def numbers(tree: object, address: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
        """Addresses of plain numbers below a part of the tree, those inside an estimate under its own address."""
        if address in estimates:
            return [address]
        if isinstance(tree, dict):
            parts = [(key, value) for key, value in tree.items() if key not in provenance]
        elif isinstance(tree, list):
            parts = list(enumerate(tree))
        else:
            return [address] if isinstance(tree, int | float) and not isinstance(tree, bool) else []
        return [below for key, value in parts for below in numbers(value, (*address, key))]

    assert set(numbers(base.tree, ())) == estimates


def test_what_a_drawn_number_means_is_backed_by_a_source(found: dict[str, Row]) -> None:
    drawn = [row for row in found.values() if row.range]
    assert [row.path for row in drawn if not row.source] == []
    assert [row.path for row in drawn if not row.confidence] == []


def test_a_strategy_lists_what_its_own_file_states(base: Loaded[Project]) -> None:
    text = page(base, [load(STRATEGIES[2])])
    own = text[text.index("## What hybrid.yaml states instead") :]
    assert "`hall.sqft_per_mw` | 2,000 | 1,770 to 2,500" in own
    assert "labour.losses" not in own


def test_a_bar_in_a_source_does_not_end_its_cell(tmp_path: Path) -> None:
    config = load(BASE, ['labour.indirect_ratio={value: 0.3, source: "a | b"}'])
    line = next(line for line in page(config).splitlines() if "labour.indirect_ratio" in line)
    assert "a \\| b" in line


@pytest.mark.parametrize(("number", "words"), [(22_000_000, "22,000,000"), (0.35, "0.35"), (1.5, "1.5"), (0, "0")])
def test_numbers_as_people_read_them(number: float, words: str) -> None:
    assert number_text(number) == words
