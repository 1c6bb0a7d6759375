"""Work scales with its place: crews by area, cranes for steel, and buildings of several halls with one hand-over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.config.sections.systems import Step
from sim.errors import ConfigError
from sim.plan.layout import layout_of, sections
from sim.plan.mechanisms.logistics import CRANE
from sim.plan.mechanisms.shell import crews_by_area
from sim.plan.vocabulary import HOLD
from sim.study.api import load
from sim.study.case import prepare_case
from tests.plan.bench import bench
from tests.tiny_project import tiny, tiny_case, works

CONFIGS = Path(__file__).parents[3] / "configs"


def crews(sqft: float, **stated: object) -> dict[str, int]:
    """Crews of a step that is stated for 10,000 sq ft, in a hall of another size."""
    step = Step.model_validate({"id": "work", "hours": 100, "crews": {"civil": 4, "electricians": 1}, **stated})
    return crews_by_area(bench(), step, sqft, 10_000).crews


def test_crews_are_in_proportion_to_the_area_and_at_least_one_of_each_trade() -> None:
    assert crews(10_000) == {"civil": 4, "electricians": 1}
    assert crews(20_000) == {"civil": 8, "electricians": 2}
    assert crews(5_000) == {"civil": 2, "electricians": 1}
    assert crews(100) == {"civil": 1, "electricians": 1}


def test_a_step_has_its_least_and_most_crews() -> None:
    assert crews(50_000, most_crews=6) == {"civil": 6, "electricians": 5}
    assert crews(100, least_crews=2) == {"civil": 2, "electricians": 2}


def test_no_more_people_come_than_the_step_tolerates_in_the_room() -> None:
    """20 people on 10,000 sq ft have 500 sq ft each; at 1,000 sq ft each there is room for ten of them."""
    assert crews(10_000, least_sqft_per_person=500) == {"civil": 4, "electricians": 1}
    assert crews(10_000, least_sqft_per_person=1_000) == {"civil": 2, "electricians": 1}
    assert crews(40_000, least_sqft_per_person=1_000) == {"civil": 8, "electricians": 2}


def test_a_hall_of_twice_the_area_takes_the_same_time_with_twice_the_crews() -> None:
    """The slab, 96 h by a crew of four: 24 h; at 200 h on twice the area by two crews: 25 h."""
    by_area = ("shell.steps.slab={id: slab, crews: {civil: 1}, hours_per_sqft: 0.0192, after: [site_works.grading]}",)
    small = works(tiny_case(*by_area, "shell.crews_for_sqft=5000"))
    halls = ("scale.capacity_mw=10", "hall.blocks=4", "energization.units.count=3")
    large = works(tiny_case(*by_area, *halls, "shell.crews_for_sqft=5000", "labour.trades.civil.crews=2"))
    flat = works(tiny_case(*by_area, *halls, "labour.trades.civil.crews=2"))
    length = [done - begun for begun, done in (found["h1.shell.slab", "shell.slab"] for found in (small, large, flat))]
    assert length == [24, 24, 48]


def test_a_hall_of_ten_blocks_has_the_crews_that_are_stated_and_is_a_section() -> None:
    for name in ("stick_built", "hybrid"):
        project = load(CONFIGS / f"{name}.yaml").value
        sqft = 10 * project.block.mw_gross.value * project.hall.sqft_per_mw.value
        assert project.shell.crews_for_sqft is not None
        assert project.shell.crews_for_sqft.value == sqft
        assert project.shell.section_sqft == project.shell.crews_for_sqft


SAME_CREWS = {
    "earthworks": 5, "pipelayers": 3, "linemen": 4, "millwrights": 2, "electricians": 87, "civil": 40, "ironworkers": 30,
    "envelope": 30, "riggers": 11, "controls": 33, "pipefitters": 55, "operators": 25, "commissioning": 20,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hybrid", "stick_built"])
@pytest.mark.parametrize("planned", ["the same crews", "crews planned for each cut"])
def test_the_cut_of_the_halls_alone_moves_the_full_date_by_four_percent_at_most(name: str, planned: str) -> None:
    """250 MW in halls of 5, 10, 20 and 50 blocks, each built ten blocks at a time, as halls of ten are."""
    full, typed = {}, list[str]()
    if planned == "the same crews":
        typed = [f"labour.trades.{trade}.crews={number}" for trade, number in SAME_CREWS.items()]
    turnover = 1 if name == "hybrid" else 5
    for blocks in (10, 5, 20, 50):
        cut = [f"hall.blocks={blocks}", f"turnover_blocks={turnover}"]
        case = prepare_case(load(CONFIGS / f"{name}.yaml", [*cut, *typed]).value)
        full[blocks] = case.measured(case.planned, case.simulate(case.planned))[0]["lead_time_full_days"]
    assert all(abs(days / full[10] - 1) <= 0.04 for days in full.values()), full


LARGE = ("scale.capacity_mw=20", "energization.units.count=9", "energization.units.mw=5")
TWO_BLOCKS = "shell.section_sqft=5000"


@pytest.mark.parametrize(
    ("blocks", "sizes"),
    [(10, [10]), (14, [14]), (15, [8, 7]), (20, [10, 10]), (25, [9, 8, 8]), (29, [10, 10, 9]), (50, [10] * 5)],
)
def test_a_hall_is_cut_into_sections_as_near_to_the_stated_area_as_can_be(blocks: int, sizes: list[int]) -> None:
    large = ("scale.capacity_mw=125", "energization.units.mw=130")
    project = tiny(*large, f"hall.blocks={blocks}", "shell.section_sqft=25000")
    hall = layout_of(project).halls[0]
    assert [count for _, count in sections(project, hall)] == sizes


@pytest.mark.parametrize("in_proportion", [True, False])
def test_a_hall_in_sections_is_built_as_halls_of_their_size_are(in_proportion: bool) -> None:
    """Eight blocks in one hall of four sections, in two halls of two, and in four halls: the same works at the same time."""
    crews = ("shell.crews_for_sqft=10000",) if in_proportion else ()
    halls = [works(tiny_case(*LARGE, *crews, TWO_BLOCKS, f"hall.blocks={blocks}")) for blocks in (2, 4, 8)]
    spans = [sorted((what, *span) for (_, what), span in found.items()) for found in halls]
    assert spans[0] == spans[1] == spans[2]


def test_a_block_waits_for_its_own_section_and_the_last_one_may_be_smaller() -> None:
    case = tiny_case("scale.capacity_mw=12.5", "energization.units.count=6", "hall.blocks=5", TWO_BLOCKS)
    found = works(case)
    assert {unit for unit, what in found if what == "shell.slab"} == {f"h1.s{n}.shell.slab" for n in (1, 2, 3)}
    slabs = [found[f"h1.s{n}.shell.slab", "shell.slab"] for n in (1, 2, 3)]
    for block, section in ((1, 1), (2, 1), (3, 2), (4, 2), (5, 3)):
        dry = found[f"h1.s{section}.shell.dry_in", "shell.dry_in"][1]
        assert found[f"b{block}.electrical", "electrical lift 1"][0] >= dry
    assert slabs[0][0] < slabs[1][0] < slabs[2][0]
    case.measured(case.planned, case.simulate(case.planned))  # paid and conserved


def test_a_section_as_large_as_the_hall_is_the_hall() -> None:
    assert tiny_case("shell.section_sqft=9000").plan.units == tiny_case().plan.units


def test_steel_keeps_a_crane_of_those_that_set_skids() -> None:
    case = tiny_case("shell.steps.dry_in.cranes=1")
    crane = case.plan.pools.index(CRANE)
    (unit,) = (unit for unit, name in enumerate(case.plan.units) if name == "h1.shell.dry_in")
    taken = [dict(case.plan.bundles[case.plan.rows[step, 1]]) for step in np.flatnonzero(case.plan.rows[:, 0] == HOLD)
             if case.plan.unit_of[step] == unit]  # fmt: skip
    assert [bundle.get(crane, 0) for bundle in taken] == [1]
    # two halls, each dry in three days: with one crane one after the other, with two at the same time
    halls = ("hall.blocks=1", "labour.trades.civil.crews=2", "shell.steps.dry_in.cranes=1")
    one, two = (works(tiny_case(*halls, f"logistics.cranes={number}")) for number in (1, 2))
    assert one["h2.shell.dry_in", "shell.dry_in"][0] >= one["h1.shell.dry_in", "shell.dry_in"][1]
    assert two["h2.shell.dry_in", "shell.dry_in"][0] < two["h1.shell.dry_in", "shell.dry_in"][1]


def test_a_building_of_two_halls_is_handed_over_at_once() -> None:
    case = tiny_case("hall.blocks=1", "turnover_blocks=2")
    found = works(case)
    assert {unit for unit, what in found if what == "L5"} == {"t1"}
    assert {unit for unit, what in found if what == "shell.slab"} == {"h1.shell.slab", "h2.shell.slab"}
    assert found["t1", "L5"][0] >= max(found[f"b{block}.commissioning", "L4"][1] for block in (1, 2))
    case.measured(case.planned, case.simulate(case.planned))  # conserved


def test_a_turnover_is_a_part_of_a_hall_or_whole_halls() -> None:
    with pytest.raises(ConfigError, match=r"a divisor of hall\.blocks"):
        tiny("turnover_blocks=3")
    assert tiny("scale.capacity_mw=10", "turnover_blocks=4", "energization.units.count=3").turnover_blocks == 4
