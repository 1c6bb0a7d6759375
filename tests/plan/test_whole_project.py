from __future__ import annotations

import pytest

from tests.tiny_project import tiny_case, works

DAY = 24

# Two blocks in one hall, round the clock. Ten days of permits, two of grading (one crew), five of services.
# The slab is 96 h of work for four people: 24 h. Dry-in takes three days: the hall is ready at hour 384.
SITE = {
    ("p1.preparation", "permits and design"): (0, 240),
    ("p1.site_works.grading", "site_works.grading"): (240, 288),
    ("p1.site_works.services", "site_works.services"): (288, 408),
    ("h1.shell.slab", "shell.slab"): (288, 312),
    ("h1.shell.dry_in", "shell.dry_in"): (312, 384),
}
# Parts take a week; one line of one station (four days), one test bay (one day), one truck (94 miles: two hours).
SKIDS = {
    ("electrical.s1", "electrical parts"): (0, 168),
    ("electrical.s1", "electrical.assemble"): (168, 264),
    ("electrical.s1", "electrical factory test"): (264, 288),
    ("electrical.s1", "electrical load"): (288, 289),
    ("electrical.s1", "electrical drive"): (289, 291),
    ("electrical.s1", "electrical unload"): (291, 292),
    ("electrical.s1", "electrical return"): (292, 294),
    ("electrical.s2", "electrical.assemble"): (264, 360),
    ("electrical.s2", "electrical factory test"): (360, 384),
    ("electrical.s2", "electrical unload"): (388, 389),  # at the one gate behind both blocks' material
}
# One crane: block 1 first. Hook-up is 96 h for four people; the second crew of electricians stays for the racks.
# Mechanical is built in place by the one civil crew.
INSTALLATION = {
    ("b1.electrical", "electrical lift 1"): (384, 390),
    ("b1.electrical", "electrical.connect"): (390, 414),
    ("b2.electrical", "electrical lift 1"): (390, 396),
    ("b2.electrical", "electrical.connect"): (396, 420),
    ("b1.mechanical.material", "mechanical material unload"): (384, 386),
    ("b2.mechanical.material", "mechanical material unload"): (386, 388),
    ("b1.mechanical.pipe", "mechanical.pipe"): (386, 398),
    ("b1.mechanical.close", "mechanical.close"): (398, 404),
    ("b2.mechanical.pipe", "mechanical.pipe"): (404, 416),
    ("b2.mechanical.close", "mechanical.close"): (416, 422),
    ("b1.compute.material", "compute material unload"): (414, 415),
    ("b1.compute.racks", "compute.racks"): (415, 421),
    ("b2.compute.racks", "compute.racks"): (423, 429),
}
# N+1: the first firm power comes with the second unit, a week after the first. One commissioning crew.
POWER = {
    ("p1.g1", "generation.set"): (408, 480),
    ("p1.g2", "generation.set"): (504, 576),
    ("b1.commissioning", "L2"): (421, 445),
    ("b2.commissioning", "L2"): (445, 469),
    ("b1.commissioning", "L3"): (576, 600),
    ("b1.commissioning", "L4"): (600, 624),
    ("t1", "L5"): (624, 648),
    ("b2.commissioning", "L3"): (648, 672),
    ("b2.commissioning", "L4"): (672, 696),
    ("t2", "L5"): (696, 720),
}


@pytest.mark.parametrize("part", [SITE, SKIDS, INSTALLATION, POWER], ids=["site", "skids", "installation", "power"])
def test_every_date_of_the_tiny_project(part: dict[tuple[str, str], tuple[float, float]]) -> None:
    found = works(tiny_case())
    assert {key: found[key] for key in part} == part


def test_first_and_last_block() -> None:
    case = tiny_case()
    metrics, _ = case.measured(case.planned, case.simulate(case.planned))
    assert metrics["lead_time_first_mw_days"] == 648 / DAY
    assert metrics["lead_time_full_days"] == 720 / DAY
    assert metrics["lead_time_mw_weighted_days"] == (648 + 720) / 2 / DAY


def test_crews_are_called_nine_days_before_they_are_first_busy_and_leave_when_their_work_is_done() -> None:
    case = tiny_case()
    found = works(case)
    assert found["crew.earthworks.1", "week of hiring"] == (24, 192)  # first busy with grading at hour 240
    assert found["crew.civil.1", "induction"] == (240, 264)  # first busy with the slab at hour 288


def test_hours_are_work_content_and_paid_hours_are_presence() -> None:
    case = tiny_case()
    metrics, _ = case.measured(case.planned, case.simulate(case.planned))
    grading, slab, dry_in = 4 * 48, 96, 4 * 72
    blocks = 2 * (4 * 6 + 96 + 48 + 24 + 24 + 4 * 4 * 24)
    power = 2 * 4 * 72
    assert metrics["hours_earned"] == grading + slab + dry_in + blocks + power
    assert metrics["hours_worked"] == metrics["hours_earned"]  # no losses, nothing done twice
    assert metrics["hours_paid"] > metrics["hours_worked"]


def test_a_turnover_of_two_blocks_is_tested_once_and_comes_online_at_once() -> None:
    found = works(tiny_case("turnover_blocks=2"))
    assert found["t1", "L5"] == (672, 696)  # both blocks' L3 and L4 by one crew: 576 + 4 × 24
    assert ("t2", "L5") not in found


def test_a_skid_that_is_pushed_waits_for_nobody() -> None:
    called = works(tiny_case("logistics.release=just_in_time"))
    pushed = works(tiny_case("logistics.release=push"))
    assert pushed["electrical.s1", "electrical load"] == (288, 289)
    assert called["electrical.s1", "electrical load"] == (384, 385)  # called off when its hall is dry


def test_one_laydown_place_blocks_the_finished_goods_and_so_the_test_bay() -> None:
    found = works(tiny_case("logistics.laydown.electrical=1"))
    assert found["electrical.s2", "electrical load"] == (390, 391)  # s1 leaves the yard with its lift at 390


def test_temporary_power_lets_tests_begin_before_the_units() -> None:
    found = works(tiny_case("energization.temporary_mw=2.5"))
    # at 450 the crew goes on to block 2, which asked before block 1 had its power
    assert found["b1.commissioning", "L3"] == (469, 493)
    assert found["t1", "L5"][1] < 576  # tested before there is permanent power to be online on


def test_scope_moves_a_system_to_the_site() -> None:
    found = works(tiny_case("systems.electrical.scope=site"))
    assert found["b1.electrical.wire", "electrical.wire"][1] - found["b1.electrical.wire", "electrical.wire"][0] == 48
    assert not any(unit.startswith("electrical.s") for unit, _ in found)
