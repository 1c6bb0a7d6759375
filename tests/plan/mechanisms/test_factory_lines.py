"""Lines that open one after the other, learn, fail their tests, stand still, and belong to several plants."""

from __future__ import annotations

import numpy as np
import pytest

from sim.config.sections.systems import Learning
from sim.plan.compile import compile_plan
from sim.plan.mechanisms.factory import Plant, build_skid, crawford, makers_in_order, open_factories, plants_of
from sim.plan.plan_context import PlanContext
from sim.plan.vocabulary import Free, Until, fixed
from sim.world.working_time import subtract_closures
from tests.plan.bench import Replication, alone, bench, counts, fated, goes, run
from tests.tiny_project import tiny_case, works

PARTS, STATION = 168, 96
MADE = ("systems.electrical.factory.finished_places=200",)


def skids(*overrides: str, number: int = 1) -> PlanContext:
    """So many skids from their order to a place among the finished, which each gives back at once."""
    context = bench(*MADE, *overrides, units=number)
    system = context.project.by_system["electrical"]
    makers = makers_in_order(open_factories(context, "electrical", system), number)
    for skid, plant in enumerate(makers, 1):
        order = Until("order", fixed(0))
        made = build_skid(context, plant, order, context.layout.blocks[0])
        goes(context, f"electrical.s{skid}", *made, Free({plant.finished: 1}))
    return context


def begins(done: list[Replication], activity: str) -> float:
    """When an activity was begun for the first time."""
    return next(begun for what, begun, _ in done if what == activity)


def test_lines_open_one_after_the_other_until_the_rated_rate_is_reached() -> None:
    ramp = ("lines=3", "opens_week=2", "ramp_weeks=3")
    done = alone(skids(*(f"systems.electrical.factory.{key}" for key in ramp), number=4))
    week = 168
    starts = sorted(begins(of_skid, "electrical.assemble") for unit, of_skid in done.items() if ".s" in unit)
    assert starts == [
        2 * week,
        2 * week + STATION,
        3 * week,
        2 * week + 2 * STATION,
    ]  # the second line opens a week later


# --- learning ---------------------------------------------------------------------------------------------------


def test_the_sum_of_a_crawford_curve_is_its_closed_form() -> None:
    """Σ a n^b = a [ζ(-b) - ζ(-b, N + 1)], b = log2 of the rate: 3390.133 for a = 100, 85 %, 72 units."""
    curve = np.array(crawford(Learning(rate=0.85, plateau=72))) / 1e6
    first = 100 * 72 ** np.log2(0.85)  # the curve is relative to the unit of the plateau
    assert (curve * first).sum() == pytest.approx(3390.133, abs=5e-3)


def test_twice_the_number_takes_the_rate_and_after_the_plateau_nothing_is_learnt() -> None:
    curve = crawford(Learning(rate=0.9, plateau=32))
    doubled = [curve[2 * n - 1] / curve[n - 1] for n in range(1, 17)]
    assert doubled == pytest.approx([0.9] * 16, abs=2e-6)
    assert (len(curve), curve[-1]) == (32, 1_000_000)


def test_a_line_learns_by_what_it_has_begun_and_reworks_teach_nothing() -> None:
    """80 % to a plateau of 4 units: 1.5625, 1.3195…, 1.25^… of four days; the fourth and later take four days."""
    learning = "systems.electrical.factory.learning={rate: 0.8, plateau: 4}"
    plan = compile_plan(skids(learning, number=5).plan)
    curve = [(n / 4) ** np.log2(0.8) for n in (1, 2, 3, 4)] + [1.0]
    for luck in (None, fated(plan, {"electrical factory test passes/electrical.s1": 0})):
        done = run(plan, luck)
        took = [
            next(b - a for what, a, b in done[f"electrical.s{n}"] if what.endswith("assemble")) for n in range(1, 6)
        ]
        assert took == pytest.approx([STATION * factor for factor in curve], abs=1 / 60)


# --- tests and rework -------------------------------------------------------------------------------------------


def test_a_failed_test_is_mended_and_repeated_in_the_same_bay() -> None:
    plan = compile_plan(skids(number=2).plan)
    tested = PARTS + STATION + 24
    assert run(plan)["electrical.s1"][-1] == ("electrical factory test", tested - 24, tested)
    done = run(plan, fated(plan, {"electrical factory test passes/electrical.s1": 0}))
    assert done["electrical.s1"][2:] == [
        ("electrical factory test", tested - 24, tested),
        ("electrical factory test rework", tested, tested + 24),
        ("electrical factory test", tested + 24, tested + 48),
    ]


@pytest.mark.parametrize("retests", [1, 3])
def test_tests_until_a_skid_passes_follow_the_geometric_law(retests: int) -> None:
    """At most K = 1 + retests: mean (1 - p^K)/(1 - p); p = 0.5, as a small p cannot see a missing second rework."""
    p, most = 0.5, retests + 1
    often = ("fails=0.5", f"retests={retests}", "bays=50")
    context = skids(*(f"systems.electrical.factory.test.{key}" for key in often), number=40)
    tests = counts(context, "electrical factory test", 60)
    chances = np.array([p ** (k - 1) * (1 - p) for k in range(1, most)] + [p ** (most - 1)])
    k = np.arange(1, most + 1)
    mean = (chances * k).sum()
    assert mean == pytest.approx((1 - p**most) / (1 - p))
    spread = np.sqrt((chances * (k - mean) ** 2).sum() / len(tests))
    assert abs(tests.mean() - mean) / spread <= 4
    assert tests.max() == most


# --- stops ------------------------------------------------------------------------------------------------------


STOPS = "systems.electrical.factory.line_stops={mean_days_between: 1, days: 2}"


def test_a_line_stops_behind_the_skid_that_is_on_it_and_before_all_that_wait() -> None:
    """Without luck a line stops after twelve times its mean: at hour 288, while the second skid is on it."""
    plan = compile_plan(skids(STOPS, number=3).plan)
    done = run(plan)
    assert done["electrical.line1"][:2] == [("line runs", 0, 288), ("line stands still", 360, 408)]
    assembled = [done[f"electrical.s{n}"][1] for n in (1, 2, 3)]
    assert assembled == [("electrical.assemble", a, a + 96) for a in (168, 264, 408)]


def test_a_stop_lets_skids_further_down_the_line_go_on() -> None:
    """Two stations of four days. The first one's stop is asked for at 288, taken at 360, when skid 2 moves on."""
    stations = "systems.electrical.factory.stations=[{id: assemble, days: 4}, {id: wire, days: 4}]"
    done = run(compile_plan(skids(STOPS, stations, number=3).plan))
    assert done["electrical.line1"][1] == ("line stands still", 360, 408)
    assert done["electrical.s2"][2] == ("electrical.wire", 360, 456)
    assert done["electrical.s3"][1] == ("electrical.assemble", 408, 504)


def test_a_second_line_goes_on() -> None:
    """At 264 both lines are done; the one test bay takes the first skid, the second stays on its line until 288."""
    plan = compile_plan(skids(STOPS, "systems.electrical.factory.lines=2", number=4).plan)
    stop = fated(plan, {"line runs/electrical.line2": 10_000 * 60})
    done = run(plan, stop)
    assert done["electrical.line1"][1] == ("line stands still", 288, 336)
    starts = sorted(begins(done[f"electrical.s{n}"], "electrical.assemble") for n in range(1, 5))
    assert starts == [168, 168, 264, 336]


def test_a_plant_that_stands_still_pauses_its_work_and_nobody_elses() -> None:
    """A stop of two days in the middle of the first station: all lines pause and resume."""
    override = "systems.electrical.factory.plant_stops={mean_days_between: 36000, days: 2}"
    plan = compile_plan(skids(override, "systems.electrical.factory.lines=2", number=2).plan)
    closed = np.array([[200 * 60, 248 * 60]])
    hours = [
        subtract_closures(calendar, closed) if name == "factory.electrical" else calendar
        for name, calendar in zip(plan.calendars, plan.base_calendars, strict=True)
    ]
    done = run(plan, hours=hours)
    assert [done[f"electrical.s{n}"][1][1:] for n in (1, 2)] == [(168, 312), (168, 312)]
    assert run(plan)["electrical.s1"][1][1:] == (168, 264)


# --- partners and phases ----------------------------------------------------------------------------------------


def partner(share: float, name: str = "east", weeks: int = 0, miles: int = 940) -> str:
    fleet = f"{{trucks: 2, distance_miles: {miles}, speed_mph: 47, delay: 1}}"
    plant = f"lines: 1, test_bays: 1, finished_places: 9, opens_week: {weeks}, ramp_weeks: 0, fleet: {fleet}"
    return f"{{id: {name}, share: {share}, {plant}}}"


def plants(*given: str) -> list[Plant]:
    context = bench(f"systems.electrical.factory.partners=[{', '.join(given)}]")
    return plants_of(context, "electrical", context.project.by_system["electrical"])


def test_partners_make_their_planned_share_at_every_moment() -> None:
    three = plants(partner(0.3, "east"), partner(0.2, "west"))
    made = [plant.name for plant in makers_in_order(three, 100)]
    for so_far in range(1, 101):
        for plant in three:
            assert abs(made[:so_far].count(plant.name) - plant.share * so_far) < 1
    assert [made.count(plant.name) for plant in three] == [50, 30, 20]


def test_partners_who_make_everything_leave_the_first_factory_closed() -> None:
    assert [plant.name for plant in plants(partner(0.5, "east"), partner(0.5, "west"))] == [
        "electrical@east",
        "electrical@west",
    ]


def test_a_partner_works_on_its_own_lines_from_its_own_week_and_distance() -> None:
    east = partner(0.5, weeks=2)
    case = tiny_case(f"systems.electrical.factory.partners=[{east}]", "logistics.release=push")
    found = works(case)
    assert found["electrical.s1", "electrical.assemble"] == (168, 264)
    assert found["electrical.s2", "electrical.assemble"] == (336, 432)
    begun, done = found["electrical.s2", "electrical drive"]
    assert done - begun == 11.5 + 10 + 9.5  # 940 miles are 20 h: 11 h with a break, a rest, 9 h with a break


def test_a_skid_has_the_same_luck_whoever_makes_it() -> None:
    uncertain = "systems.electrical.factory.stations=[{id: assemble, days: {low: 2, mode: 4, high: 8}}]"
    one = compile_plan(skids(uncertain, number=4).plan).inputs.names
    several = skids(uncertain, f"systems.electrical.factory.partners=[{partner(0.5)}]", number=4)
    assert {name for name in one if ".s" in name} == {
        name for name in compile_plan(several.plan).inputs.names if ".s" in name
    }


def test_phases_share_one_factory() -> None:
    """Two phases of one block: the second one's skid waits for the one line, although it was ordered at its own day."""
    case = tiny_case("scale.phases=2", "scale.phase_interval_days=1", "hall.blocks=1")
    found = works(case)
    assert found["electrical.s1", "electrical.assemble"] == (168, 264)
    assert found["electrical.s2", "electrical parts"] == (24, 192)
    assert found["electrical.s2", "electrical.assemble"] == (264, 360)
