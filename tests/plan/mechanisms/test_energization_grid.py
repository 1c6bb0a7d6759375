"""Power from a grid: it comes at a date and when the works on site are done, and is firm at once."""

from __future__ import annotations

import re

import pytest

from sim.errors import ConfigError
from sim.plan.layout import generating_units
from sim.plan.mechanisms.energization import TEMPORARY
from sim.plan.vocabulary import FREE, HOLD
from tests.plan.bench import notes
from tests.tiny_project import tiny, tiny_case, works

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


@pytest.mark.parametrize("temporary", [0, 6])
@pytest.mark.parametrize("turnover_blocks", [1, 2])
def test_power_that_blocks_of_broken_kilowatts_hold_is_what_their_turnover_gives_back(
    temporary: int, turnover_blocks: int
) -> None:
    """Two blocks of 2,666.7 kW take 2,667 kW each; both together have 5,333."""
    case = tiny_case(
        "block={mw_gross: 2.6667, mw_it: 2}", "scale.capacity_mw=5.3334", f"turnover_blocks={turnover_blocks}",
        "energization.units.mw=6", f"energization.temporary_mw={temporary}",
    )  # fmt: skip
    plan, log = case.plan, case.simulate(case.planned).log
    taken = dict.fromkeys(plan.pools, 0)
    given = dict.fromkeys(plan.pools, 0)
    for _, step, _ in log.tolist():
        operation, bundle = plan.rows[step, :2].tolist()
        for pool, count in plan.bundles[bundle] if operation in {HOLD, FREE} else ():
            (taken if operation == HOLD else given)[plan.pools[pool]] += count
    in_service = 2 * 2667
    assert (taken["p1.power"], given["p1.power"]) == (in_service, 6000)
    if temporary:
        assert taken[TEMPORARY] == given[TEMPORARY] == in_service
    online = [note[3] for note in notes(plan) if note[1] == "online"]
    assert online == [2667, 2667]


PHASES = ("scale.phases=2", "hall.blocks=1", "turnover_blocks=1")
TWO_FEEDS = "energization.grid=[{id: a, mw: 2.5, weeks: 5}, {id: b, mw: 2.5, weeks: 10}]"


def test_phases_that_share_a_plant_take_its_feeds_in_turn() -> None:
    """Each phase alone has its first feed in week 5, hour 840; together the second one waits for week 10, hour 1680."""
    alone = works(tiny_case(*PHASES, TWO_FEEDS, NO_UNITS))
    # the one commissioning crew is at the first block for 72 hours
    assert sorted(alone[f"b{block}.commissioning", "L3"][0] for block in (1, 2)) == [840, 912]
    together = works(tiny_case(*PHASES, TWO_FEEDS, NO_UNITS, "energization.shared=true"))
    assert sorted(together[f"b{block}.commissioning", "L3"][0] for block in (1, 2)) == [840, 1680]
    assert not any(unit.startswith("p2.grid") for unit, _ in together)


def test_a_shared_plant_is_paid_once_and_serves_blocks_of_every_phase() -> None:
    units = "energization.units={count: 2, spare: 0, mw: 2.5, first_week: 1, weeks_between: 20, slip_days: 0}"
    layout = tiny_case(*PHASES, units, "energization.shared=true").metric_context.layout
    assert [plant.blocks for plant in layout.power_plants] == [("b1", "b2")]
    serving = generating_units(tiny(*PHASES, units, "energization.shared=true"), layout)
    assert [(unit.name, unit.blocks) for unit in serving] == [("p1.g1", ("b1", "b2")), ("p1.g2", ("b2",))]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ((TWO_FEEDS.replace("{id: b, mw: 2.5, weeks: 10}", ""), NO_UNITS), "power for all phases (5 MW)"),
        (("orders.phase_after_units=1",), "energization.shared has one plant for all phases"),
    ],
)
def test_a_shared_plant_is_refused_where_it_cannot_serve(changes: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        tiny(*PHASES, *changes, "energization.shared=true")
