"""What failed a test is mended where it keeps nobody else: timelines worked out by hand, in days."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.plan.vocabulary import WORK
from sim.study.case import Case
from tests.tiny_project import tiny, tiny_case

TWO_LINES = (
    "systems.electrical.factory.lines=2",
    "systems.electrical.factory.stations=[{id: assemble, days: 1}]",
    "systems.electrical.factory.test.fails=1",
)
"""Two skids are assembled on day 8 and share one test bay; each fails its test and its only retest."""
PLACE = "systems.electrical.factory.test.rework_places=1"
ACCEPTANCE = (
    "commissioning.l2.days=4",
    "commissioning.l2.fails=1",
    "commissioning.l2.fix_days=2",
    "commissioning.l2.retests=1",
)
"""L2 takes four days and fails twice, with two days of repair each; one commissioning crew for two blocks."""
FLUSH = "commissioning.flush={trade: civil, rigs: %d, days: 3, fails: 1, fix_days: 1, retests: 1}"


def dates(case: Case, *activities: str) -> dict[str, list[tuple[float, float]]]:
    """By unit, (begun, done) in days of these activities in the first replication, in order."""
    log = case.simulate(next(case.draws(1).chunk(0, 1))).log
    found: dict[str, list[tuple[float, float]]] = {}
    for done, step, begun in log[np.argsort(log[:, 2], kind="stable")].tolist():
        if case.plan.rows[step, 0] == WORK and case.plan.activities[case.plan.activity_of[step]] in activities:
            found.setdefault(case.plan.units[case.plan.unit_of[step]], []).append((begun / 1440, done / 1440))
    return found


TEST, REWORK = "electrical factory test", "electrical factory test rework"


def test_a_skid_that_is_mended_in_its_bay_keeps_it() -> None:
    assert dates(tiny_case(*TWO_LINES), TEST) == {
        "electrical.s1": [(8, 9), (10, 11)],
        "electrical.s2": [(12, 13), (14, 15)],
    }


def test_a_skid_that_is_mended_at_a_place_of_its_own_leaves_its_bay_to_others() -> None:
    case = tiny_case(*TWO_LINES, PLACE)
    assert dates(case, TEST) == {"electrical.s1": [(8, 9), (10, 11)], "electrical.s2": [(9, 10), (11, 12)]}
    assert dates(case, REWORK) == {"electrical.s1": [(9, 10), (11, 12)], "electrical.s2": [(10, 11), (12, 13)]}


def test_one_repair_place_mends_one_skid_after_the_other_while_the_bay_is_free() -> None:
    slow = "systems.electrical.factory.test.rework_days=3"
    case = tiny_case(*TWO_LINES, PLACE, slow, "systems.electrical.factory.test.retests=1")
    # s2 fails on day 10 and waits for the place until s1 has a bay again, on day 12
    assert dates(case, REWORK)["electrical.s1"][0] == (9, 12)
    assert dates(case, REWORK)["electrical.s2"][0] == (12, 15)
    assert dates(case, TEST)["electrical.s1"] == [(8, 9), (12, 13)]


FIRST = 17 + 13 / 24
"""b1 is complete and its L2 begins."""


def days_from(first: float, *spans: tuple[float, float]) -> list[tuple[object, object]]:
    """Spans in days after a day, to be compared with dates."""
    return [(pytest.approx(first + begun), pytest.approx(first + done)) for begun, done in spans]


def test_a_commissioning_crew_that_mends_itself_stays_in_its_block() -> None:
    found = dates(tiny_case(*ACCEPTANCE), "L2")
    assert found["b1.commissioning"] == days_from(FIRST, (0, 4), (6, 10))
    assert found["b2.commissioning"] == days_from(FIRST, (12, 16), (18, 22))


def test_a_commissioning_crew_goes_on_elsewhere_while_the_trade_that_installed_it_mends() -> None:
    case = tiny_case(*ACCEPTANCE, "commissioning.fix_trade=electricians")
    assert dates(case, "L2 fix")["b1.commissioning"] == days_from(FIRST, (4, 6), (12, 14))
    assert dates(case, "L2")["b2.commissioning"] == days_from(FIRST, (4, 8), (12, 16))
    assert dates(case, "L2")["b1.commissioning"] == days_from(FIRST, (0, 4), (8, 12))


def test_the_trade_that_mends_has_a_crew_there_to_the_last_test() -> None:
    case = tiny_case("commissioning.l5.fails=1", "commissioning.l5.retests=2", "commissioning.fix_trade=electricians")
    outcome = case.simulate(next(case.draws(1).chunk(0, 1)))
    assert outcome.deadlock is None
    assert len(dates(case, "L5 fix")["t2"]) == 3


def test_a_trade_that_installs_nothing_cannot_mend_and_must_be_known() -> None:
    with pytest.raises(ConfigError, match="a trade that has installed something here"):
        tiny("commissioning.fix_trade=controls")
    with pytest.raises(ConfigError, match="did you mean electricians"):
        tiny("commissioning.fix_trade=electrician")


def test_flushing_begins_with_the_mechanical_system_and_is_done_before_power_is_asked_for() -> None:
    case = tiny_case(FLUSH % 1)
    flush, mechanical = dates(case, "flush"), dates(case, "mechanical.close")
    assert flush["b1.commissioning.flush"][0][0] == mechanical["b1.mechanical.close"][0][1]
    (begun, done), (again, clean) = flush["b1.commissioning.flush"]
    assert (done - begun, again - done, clean - again) == pytest.approx((3, 1, 3))  # flushed, mended, flushed again
    last = dates(case, "flush fix")["b1.commissioning.flush"][-1][1]
    assert dates(case, "L3")["b1.commissioning"][0][0] >= last


def test_one_rig_is_at_one_block_at_a_time() -> None:
    """Two crews, but one rig: the second block's flush waits although a crew is free."""
    crews = (
        "labour.trades.civil.crews=2",
        "commissioning.flush={trade: civil, rigs: %d, days: 9, fails: 0, fix_days: 1}",
    )
    (one, _), (two, begun_by_two) = (
        (found["b1.commissioning.flush"][0], found["b2.commissioning.flush"][0])
        for found in (dates(tiny_case(crews[0], crews[1] % rigs), "flush") for rigs in (1, 2))
    )
    assert one == two
    assert begun_by_two[0] < one[1]
    second = dates(tiny_case(crews[0], crews[1] % 1), "flush")["b2.commissioning.flush"][0]
    assert second[0] == one[1]


def test_without_them_nothing_is_flushed() -> None:
    assert dates(tiny_case(), "flush") == {}


@pytest.mark.parametrize("fails", [0.0, 0.5])
def test_what_is_mended_elsewhere_earns_nothing_and_is_conserved(fails: float) -> None:
    levels = [f"commissioning.l{level}.fails={fails}" for level in (2, 3, 4, 5)]
    case = tiny_case(*levels, "commissioning.fix_trade=electricians", FLUSH.replace("fails: 1", f"fails: {fails}") % 1)
    earned = {case.measured(drawn, case.simulate(drawn))[0]["hours_earned"] for drawn in case.draws(1).chunk(0, 4)}
    assert len(earned) == 1
