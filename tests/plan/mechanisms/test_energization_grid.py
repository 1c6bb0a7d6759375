"""Power from a grid: it comes at a date and when the works on site are done, and is firm at once."""

from __future__ import annotations

from tests.plan.bench import notes
from tests.tiny_project import tiny_case, works

GRID = "energization.grid=[{id: line, mw: 5, weeks: 4, after: [site_works.services]}]"
NO_UNITS = "energization.units={count: 0, spare: 0, mw: 5, first_week: 0, weeks_between: 0, slip_days: 0}"


def test_a_site_can_live_from_the_grid_alone() -> None:
    """The feed is there in week 4, hour 672; block 1 has been waiting for power since its L2."""
    found = works(tiny_case(GRID, NO_UNITS))
    assert found["p1.grid.line", "grid feed"] == (0, 672)
    assert found["b1.commissioning", "L3"] == (672, 696)
    assert not any(unit.startswith("p1.g1") for unit, _ in found)


def test_a_feed_waits_for_the_works_on_site() -> None:
    early = GRID.replace("weeks: 4", "weeks: 1")
    found = works(tiny_case(early, NO_UNITS))
    assert found["b1.commissioning", "L3"][0] == 469  # at 445 the one crew goes to block 2, who has waited for L2


def test_feeds_that_come_one_after_the_other_serve_the_first_block_first() -> None:
    two = "energization.grid=[{id: a, mw: 2.5, weeks: 3}, {id: b, mw: 2.5, weeks: 5}]"
    found = works(tiny_case(two, NO_UNITS))
    assert found["b1.commissioning", "L3"] == (504, 528)
    assert found["b2.commissioning", "L3"] == (840, 864)


def test_a_feed_beside_units_is_firm_without_a_spare() -> None:
    """Units alone give firm power with the second one at 576; the feed is there at 504."""
    beside = "energization.grid=[{id: a, mw: 2.5, weeks: 3}]"
    found = works(tiny_case(beside))
    assert found["b1.commissioning", "L3"] == (504, 528)
    assert found["b2.commissioning", "L3"][0] == 576


def test_a_feed_is_noted_for_the_ledger_in_kilowatts() -> None:
    case = tiny_case(GRID, NO_UNITS)
    feed = [note for note in notes(case.plan) if note[2] == "grid/p1"]
    assert feed == [
        (0, "ordered", "grid/p1", 5000),
        (672, "delivered", "grid/p1", 5000),
        (672, "installed", "grid/p1", 5000),
    ]
