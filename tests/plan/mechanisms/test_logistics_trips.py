"""A skid on the road: permits, daylight, carriers, lateness, damage, gate slots; to the hour."""

from __future__ import annotations

import numpy as np
import pytest

from sim.plan.compile import compile_plan
from sim.plan.mechanisms.factory import build_skid, open_factories
from sim.plan.mechanisms.logistics import deliver, open_yard, write_laydown
from sim.plan.plan_context import PlanContext
from sim.plan.vocabulary import Free, Hold, Until, fixed
from tests.plan.bench import alone, bench, counts, fated, goes, notes, run
from tests.tiny_project import tiny_case, works

OVERSIZE = (
    "logistics.roads.enforced=true",
    "systems.electrical.skid.width_ft=12",
    "logistics.roads.classes.oversize={permit_days: 2, speed: 0.5}",
)
# A finished skid is loaded in 1 h, driven 94 miles at 47 mph, unloaded in 1 h; the truck drives back.
LEGAL = [
    ("electrical load", 0, 1),
    ("electrical drive", 1, 3),
    ("electrical unload", 3, 4),
    ("electrical return", 4, 6),
]


NOTHING_HAPPENS = (
    "logistics.roads.enforced=false",
    "logistics.late.share=0",
    "logistics.damage.minor=0",
    "logistics.damage.serious=0",
)


def finished_skids(*overrides: str, number: int = 1) -> PlanContext:
    """So many finished skids of the tiny project, each for a block, and nobody who fetches them from the yard."""
    places = f"systems.electrical.factory.finished_places={number}"
    context = bench(*NOTHING_HAPPENS, places, *overrides, units=number)
    open_yard(context)
    system = context.project.by_system["electrical"]
    (plant,) = open_factories(context, "electrical", system)
    write_laydown(context, "electrical")
    for skid in range(1, number + 1):
        unit = f"electrical.s{skid}"
        goes(context, unit, Hold({plant.finished: 1}), *deliver(context, plant, unit, (), context.layout.blocks[0]))
    return context


def whole_skids(*overrides: str, number: int = 1) -> PlanContext:
    """So many skids of the tiny project from their order to the yard."""
    context = bench(*NOTHING_HAPPENS, *overrides, units=number)
    open_yard(context)
    (plant,) = open_factories(context, "electrical", context.project.by_system["electrical"])
    write_laydown(context, "electrical")
    for skid in range(1, number + 1):
        unit, block = f"electrical.s{skid}", context.layout.blocks[0]
        made = build_skid(context, plant, Until("order", fixed(0)), block)
        delivered = deliver(context, plant, unit, (), block)
        # off the yard at once
        goes(context, unit, *made, *delivered, Hold({"electrical.skid": 1}), Free({"laydown.electrical": 1}))
    return context


def test_a_legal_load_is_on_its_way_at_once() -> None:
    assert alone(finished_skids("logistics.roads.enforced=true"))["electrical.s1"] == LEGAL


def test_an_oversize_load_waits_for_its_permit_and_for_daylight_and_drives_slower() -> None:
    """Two days for the permit, then the truck is loaded at midnight; day 2's light is from 07:20 (sunrise 07:50)."""
    light = 2 * 24 + 7 + 20 / 60
    assert alone(finished_skids(*OVERSIZE))["electrical.s1"] == [
        ("electrical permit", 0, 48),
        ("electrical load", 48, 49),
        ("electrical drive", 49, light + 4),  # 94 miles at half of 47 mph
        ("electrical unload", light + 4, light + 5),
        ("electrical return", light + 5, light + 7),  # empty it is a truck like any other
    ]


def test_a_long_oversize_trip_keeps_to_light_and_hours_of_service() -> None:
    """470 miles at 23.5 mph: 20 h. Day 0 from 07:20: 8 h, break, on to dusk at 18:33; day 1 from first light."""
    no_permit = "logistics.roads.classes.oversize={speed: 0.5}"
    far = "logistics.fleets.electrical.distance_miles=470"
    works = alone(finished_skids(*OVERSIZE, no_permit, far))["electrical.s1"]
    first_day = (18 + 33 / 60) - (7 + 20 / 60) - 0.5
    light = 24 + 7 + 20 / 60
    activity, begun, done = works[1]
    assert (activity, begun) == ("electrical drive", 1)
    assert done == pytest.approx(light + 8.5 + (20 - first_day - 8), abs=2.5 / 60)


def test_trips_are_noted_with_class_and_miles() -> None:
    plan = compile_plan(finished_skids(*OVERSIZE).plan)
    trips = [note for note in notes(plan) if note[1] == "trip"]
    assert trips == [(49, "trip", "oversize/electrical", 94)]


def test_a_hired_truck_comes_when_called_and_is_gone_after_unloading() -> None:
    hired = "logistics.fleets.electrical.kind=hired", "logistics.fleets.electrical.call_days=1"
    done = alone(finished_skids(*hired, number=2))
    called = [("electrical call", 0, 24), ("electrical load", 24, 25), ("electrical drive", 25, 27)]
    assert done["electrical.s1"] == [*called, ("electrical unload", 27, 28)]
    # the carrier has one truck for us at a time, but it need not come back from the site
    assert done["electrical.s2"][0] == ("electrical call", 28, 52)


def test_a_dedicated_truck_comes_back_first() -> None:
    done = alone(finished_skids(number=2))
    assert done["electrical.s2"][0] == ("electrical load", 6, 7)


def test_escorts_are_shared() -> None:
    wide = "systems.electrical.skid.width_ft=17"  # more than 16 ft: two escorts
    scarce = "logistics.roads.escort_vehicles=2"
    trucks, road = "logistics.fleets.electrical.trucks=2", "logistics.roads.classes.oversize={}"
    done = alone(finished_skids(*OVERSIZE, wide, trucks, road, scarce, number=2))
    assert done["electrical.s2"][0][1] == done["electrical.s1"][-1][2]  # when the first pair is back
    free = alone(finished_skids(*OVERSIZE, wide, trucks, road, number=2))
    assert free["electrical.s2"][0][1] == 0


def test_a_late_load_is_late_by_its_days_and_the_others_are_not() -> None:
    context = finished_skids("logistics.late={share: 0.2, days: 3}", number=2)
    plan = compile_plan(context.plan)
    assert run(plan)["electrical.s1"] == LEGAL
    done = run(plan, fated(plan, {"electrical on time/electrical.s1": 0}))["electrical.s1"]
    assert done[2:4] == [("electrical late", 3, 75), ("electrical unload", 75, 76)]


DAMAGED = ("logistics.damage.serious=0.3", "logistics.damage.rework_days=2")


def test_a_badly_damaged_skid_goes_back_is_mended_tested_and_comes_again() -> None:
    """Tiny works round the clock: mended for two days, tested for one, loaded again."""
    plan = compile_plan(whole_skids(*DAMAGED).plan)
    made = 168 + 96 + 24
    assert run(plan)["electrical.s1"][3:] == [(what, made + a, made + b) for what, a, b in LEGAL]
    bad = fated(plan, {"electrical arrives whole/electrical.s1": 0})
    assert run(plan, bad)["electrical.s1"][3:] == [
        *((what, made + a, made + b) for what, a, b in LEGAL[:3]),
        ("electrical damaged return", made + 4, made + 6),
        ("electrical rework of damage", made + 6, made + 54),
        ("electrical factory test", made + 54, made + 78),
        *((what, made + 78 + a, made + 78 + b) for what, a, b in LEGAL),
    ]


def test_a_damaged_skid_gives_everything_back_before_it_is_mended() -> None:
    plan = compile_plan(whole_skids(*DAMAGED, "logistics.laydown.electrical=1", number=2).plan)
    bad = fated(plan, {"electrical arrives whole/electrical.s1": 0})
    done = run(plan, bad)
    assert done["electrical.s2"][1] == ("electrical.assemble", 264, 360)
    back = [work for work in done["electrical.s1"] if work[0] == "electrical rework of damage"]
    assert back == [("electrical rework of damage", 360, 408)]  # behind the skid that is on the line
    trips = [note for note in notes(plan, bad) if note[1] == "trip"]
    assert len(trips) == 4  # there, back, there again; and the other one's


def test_trips_until_a_skid_arrives_whole_follow_the_geometric_law() -> None:
    """No limit: mean 1/(1 - p), variance p/(1 - p)²."""
    p, number, replications = 0.5, 40, 50
    context = whole_skids("logistics.damage.serious=0.5", "logistics.laydown.electrical=40", number=number)
    trips = counts(context, "electrical drive", replications)
    assert len(trips) == number * replications
    assert abs(trips.mean() - 1 / (1 - p)) / np.sqrt(p / (1 - p) ** 2 / len(trips)) <= 4


def test_no_more_loads_a_day_than_gate_slots() -> None:
    roomy = "logistics.fleets.electrical={trucks: 9, distance_miles: 94, speed_mph: 47, delay: 1}"
    gates = "logistics.gates=9"
    context = finished_skids(roomy, gates, "logistics.gate_slots_per_day=2", number=5)
    unloads = sorted(done[2][1] for unit, done in alone(context).items() if len(done) == 4)
    assert unloads == [3, 3, 24, 24, 48]


def test_what_a_block_is_built_of_takes_a_slot_a_load() -> None:
    case = tiny_case(*NOTHING_HAPPENS, "systems.mechanical.site.loads_per_block=3", "logistics.gate_slots_per_day=4")
    found = works(case)
    assert found["b1.mechanical.material", "mechanical material unload"][0] == 384  # day 16, 00:00: three of four
    assert found["b2.mechanical.material", "mechanical material unload"][0] == 408  # the next day


@pytest.mark.parametrize(
    "off",
    ["logistics.late={share: 0, days: 3}", "logistics.damage={minor: 0, mend_days: 9, serious: 0, rework_days: 9}"],
)
def test_a_probability_of_nothing_is_nothing(off: str) -> None:
    plain, same = compile_plan(finished_skids().plan), compile_plan(finished_skids(off).plan)
    assert np.array_equal(plain.rows, same.rows)
    assert plain.inputs.names == same.inputs.names


def test_an_unlimited_road_changes_nothing_for_legal_loads() -> None:
    plain, lawful = (compile_plan(finished_skids(f"logistics.roads.enforced={on}").plan) for on in ("false", "true"))
    assert np.array_equal(plain.rows, lawful.rows)
    assert plain.calendars == lawful.calendars
