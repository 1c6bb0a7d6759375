"""What the road and the factory did to a skid and the site finds out: mended there, or sent back and set again."""

from __future__ import annotations

import numpy as np
import pytest

from sim.plan.mechanisms.defects import at_least_one, site_defects
from sim.study.case import Case
from tests.plan.bench import Replication, bench, counts, fated, goes, told
from tests.tiny_project import tiny_case

BLOCK = "b1.commissioning"
PLACE = "systems.electrical.factory.site_defects"
DEFECTS = f"{PLACE}={{found: 0.1, mend_days: 1, sent_back: 0.2, rework_days: 2, reconnect_days: 1}}"
HURT = ("logistics.damage.minor=0.1", "logistics.damage.mend_days=1")


def fate(case: Case, **first: int) -> dict[str, list[Replication]]:
    """The works of a case in which nothing is lucky or unlucky but what is said, by "activity/unit"."""
    luck = fated(case.plan, first)
    return dict(told(case.plan, case.simulate(luck)))


def test_minor_damage_is_mended_by_the_hook_up_crew_before_it_hooks_up() -> None:
    case = tiny_case(*HURT)
    plain = fate(case)["b1.electrical"]
    assert plain == [("electrical lift 1", 384, 390), ("electrical.connect", 390, 414)]
    assert fate(case, **{"electrical unhurt on the road/b1.electrical": 0})["b1.electrical"] == [
        ("electrical lift 1", 384, 390),
        ("electrical mend transit damage", 390, 414),
        ("electrical.connect", 414, 438),
    ]


def test_a_site_defect_is_mended_in_place_by_the_commissioning_crew() -> None:
    case = tiny_case(DEFECTS)
    assert fate(case)[BLOCK][:2] == [("L2", 421, 445), ("L3", 576, 600)]
    done = fate(case, **{f"electrical has no site defect/{BLOCK}": 0})[BLOCK]
    assert done[:3] == [("L2", 421, 445), ("electrical mend defect", 445, 469), ("L3", 576, 600)]
    # block 2's L2 waits: an earlier block is served first


def test_a_defect_that_goes_back_travels_both_ways_and_is_set_again() -> None:
    case = tiny_case(DEFECTS)
    bad = {f"electrical has no site defect/{BLOCK}": 0, f"electrical defect goes back/{BLOCK}": 1}
    assert fate(case, **bad)[BLOCK][1:7] == [
        ("electrical lift out", 445, 451),
        ("electrical defect out", 451, 453),
        ("electrical rework of defect", 453, 501),
        ("electrical defect back", 501, 503),
        ("electrical lift in", 503, 509),
        ("electrical reconnect", 509, 533),
    ]


def test_defects_are_found_and_sent_back_as_often_as_stated() -> None:
    """Three skids a block, 0.3 a skid: a block has a defect with 1 - 0.7³; of these 0.4 go back."""
    often = DEFECTS.replace("0.1", "0.3").replace("0.2", "0.4")
    number, replications = 30, 60
    context = bench(often, "systems.electrical.skid.per_block=3", "logistics.cranes=99", units=number)
    context.plan.pool("crane", 99)
    context.plan.pool("crew.commissioning", 99)
    context.plan.pool("electrical.assemble", 99)
    context.plan.pool("electrical.truck", 99)
    for unit in range(number):
        goes(context, f"u{unit}", *site_defects(context, context.layout.blocks[0]))
    mended = counts(context, "electrical mend defect", replications)
    back = counts(context, "electrical reconnect", replications)
    found = 1 - 0.7**3
    for seen, p in ((mended, found * 0.6), (back, found * 0.4)):
        assert abs(seen.mean() - p) / np.sqrt(p * (1 - p) / len(seen)) <= 4
        assert seen.max() == 1


@pytest.mark.parametrize(("probability", "number"), [(0.02, 3), (0.5, 2), (0.1, 1)])
def test_at_least_one_of_several(probability: float, number: int) -> None:
    none = 1.0
    for _ in range(number):
        none *= 1 - probability
    assert at_least_one(probability, number) == pytest.approx(1 - none)


def test_nothing_to_find_changes_nothing() -> None:
    plain, same = tiny_case(*HURT[1:]), tiny_case(DEFECTS.replace("found: 0.1", "found: 0"), *HURT[1:])
    assert np.array_equal(plain.plan.rows, same.plan.rows)


def test_crews_that_mend_are_still_there_when_the_last_block_is_tested() -> None:
    """Every defect and every damage there can be: nobody waits for people who have left."""
    case = tiny_case(DEFECTS, *HURT)
    names = [name for name in case.plan.inputs.names if "no site defect" in name or "unhurt" in name]
    assert len(names) == 4
    outcome = case.simulate(fated(case.plan, dict.fromkeys(names, 0)))
    assert outcome.deadlock is None
