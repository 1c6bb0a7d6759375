from __future__ import annotations

from datetime import date
from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sim.plan.analysis.critical_path import earliest
from sim.plan.analysis.resource_load import Load, loads
from sim.plan.compile import compile_plan
from sim.plan.plan_context import mean_day_minutes
from sim.plan.vocabulary import Free, Hold, Plan, Pool, Step, UnitInfo, Work, fixed
from sim.world.working_time import always, weekly
from tests.engine.small_plans import Pools, Routes, at, job, told, work, write
from tests.plan.random_sites import random_site

MONDAY = date(2026, 1, 5)
TEN_HOURS = 600
DAYS = always(1_440 * 1_000)
WEEKS = weekly("factory", MONDAY, 3_650, days="mon-fri", shifts=[("07:00", "17:00")])


def daily(routes: Routes, pools: Pools) -> Plan:
    """A plan on calendars of whole days."""
    plan = write(routes, pools)
    plan.works_on({"always": DAYS, "factory": WEEKS})
    return plan


def carried(plan: Plan) -> dict[str, Load]:
    """The load of every pool of a plan in its first replication."""
    compiled = compile_plan(plan)
    values = told(plan).draws.values
    schedule = earliest(compiled, values, compiled.base_calendars)
    return {load.pool: load for load in loads(compiled, values, schedule, compiled.base_calendars)}


def factory(skids: int, lines: int) -> Plan:
    """Skids of six working days each, on lines that are all there from the beginning."""
    wire = Work("wire", fixed(6 * TEN_HOURS), "factory")
    opens: dict[str, list[Step]] = {"lines": [Free({"electrical.wire": lines})]}
    made: dict[str, list[Step]] = {
        f"electrical.s{n + 1}": [Hold({"electrical.wire": 1}), wire, Free({"electrical.wire": 1})] for n in range(skids)
    }
    plan = write({**opens, **made}, {"electrical.wire": Pool(0, "supplied", noun="lines")})
    plan.unit_info.update(dict.fromkeys(made, UnitInfo("skid")))
    plan.works_on({"factory": WEEKS})
    return plan


def test_two_hundred_skids_on_eight_lines() -> None:
    load = carried(factory(200, 8))["electrical.wire"]
    assert (load.users, load.who, load.each, load.capacity, load.noun) == (200, "skids", 6.0, 8, "lines")
    assert (load.days, load.window, load.peak) == (150.0, 6.0, 200)
    assert load.until == 29 * 7 * 1440 + 4 * 1440 + 17 * 60  # Friday of the thirtieth week
    assert str(load) == (
        "electrical.wire: 200 skids × 6.0 days on 8 lines = 150 working days,"
        " and only 6 until the finish without limits, not through before day 207"
    )


def test_what_never_runs_out_says_so() -> None:
    load = carried(factory(3, 8))["electrical.wire"]
    assert str(load) == "electrical.wire: 3 skids × 6.0 days, never more than 3 of 8 lines at once"
    assert load.share == 3 / 8


def test_a_share_of_the_window() -> None:
    routes: Routes = {"a": job(1_440, "crane"), "b": job(2_880, "crane"), "c": [work(14_400)]}
    load = carried(daily(routes, {"crane": Pool(1, noun="cranes")}))["crane"]
    assert load.share == 0.3
    assert str(load) == (
        "crane: 2 jobs × 1.5 days on 1 cranes = 3 working days, busy at least 3 of 10 days, not through before day 3"
    )


def test_lines_that_open_one_after_the_other() -> None:
    opens: dict[str, list[Step]] = {f"line{n}": [at(n * 10), Free({"line": 1})] for n in range(3)}
    jobs: dict[str, list[Step]] = {f"u{n}": job(10, "line") for n in range(9)}
    load = carried(write({**opens, **jobs}, {"line": Pool(0, "supplied")}))["line"]
    # 10 done by minute 10, 30 by minute 20, and 60 more by three lines
    assert (load.capacity, load.until, load.peak) == (3, 40, 9)


def test_work_on_several_calendars_is_told_in_days_of_any_of_them() -> None:
    trip: list[Step] = [Hold({"truck": 1}), work(720), Work("load", fixed(600), "factory"), Free({"truck": 1})]
    load = carried(daily({"a": trip}, {"truck": 1}))["truck"]
    assert load.days == 1_320 / 1_440
    assert load.until == 1_320


def test_places_and_what_is_used_up() -> None:
    skids: dict[str, list[Step]] = {f"s{n}": [Hold({"place": 1}), work(4), Free({"skid": 1})] for n in range(6)}
    sets: list[Step] = [at(90), Hold({"skid": 6, "power": 5}), work(1), Free({"place": 6})]
    supply: dict[str, list[Step]] = {"g": [Free({"power": 8})]}
    pools = {"skid": Pool(0, "passed"), "place": Pool(9, "passed"), "power": Pool(0, "supplied")}
    found = carried(write({**skids, "b": sets, **supply}, pools))
    assert str(found["place"]) == "place: up to 6 at once without limits, of 9"
    assert str(found["skid"]) == "skid: 6 of 6 used up"
    assert str(found["power"]) == "power: 5 of 8 used up"


def test_places_come_back_through_others() -> None:
    skids: dict[str, list[Step]] = {
        f"s{n}": [at(10 * n), Hold({"place": 1}), work(4), Free({"skid": 1})] for n in range(6)
    }
    sets: dict[str, list[Step]] = {f"b{n}": [Hold({"skid": 2}), work(1), Free({"place": 2})] for n in range(3)}
    pools = {"skid": Pool(0, "passed"), "place": Pool(9, "passed")}
    assert carried(write({**skids, **sets}, pools))["place"].peak == 2


def test_two_crews_at_once_count_twice() -> None:
    two: list[Step] = [Hold({"crew.fitters": 2}), work(1_440), Free({"crew.fitters": 2})]
    load = carried(daily({"a": two}, {"crew.fitters": Pool(2, noun="crews")}))["crew.fitters"]
    assert (load.each, load.days, load.noun) == (2.0, 1.0, "crews")


def test_the_busiest_that_can_run_out_comes_first() -> None:
    minutes = {"a": (10, "x"), "b": (10, "x"), "c": (30, "y"), "d": (20, "z"), "e": (20, "z")}
    plan = write({unit: job(length, pool) for unit, (length, pool) in minutes.items()}, {"x": 1, "y": 1, "z": 1})
    assert list(carried(plan)) == ["z", "x", "y"]


def test_a_mean_working_day() -> None:
    assert mean_day_minutes(WEEKS) == TEN_HOURS
    assert mean_day_minutes(always(1_440 * 100)) == 1_440
    two_shifts = weekly("two", MONDAY, 70, shifts=[("06:00", "14:00"), ("14:30", "22:30")])
    assert mean_day_minutes(two_shifts) == 960


@settings(max_examples=100)
@given(st.randoms(use_true_random=False))
def test_nothing_is_through_before_its_load_says(random: Random) -> None:
    plan = random_site(random)
    done = told(plan)
    assume(done.outcome.deadlock is None)
    for load in carried(plan).values():
        assert load.until is None or load.until <= done.finish


def test_a_crew_that_goes_home_for_lack_of_work_loads_nobody() -> None:
    day = Work("lift", fixed(1_440), "always")
    routes: dict[str, list[Step]] = {
        f"j{n}": [Hold({"crew.riggers": 1}), day, Free({"crew.riggers": 1})] for n in range(6)
    }
    home = Work("week of hiring again", fixed(700 * 1_440), "always")
    away: dict[str, list[Step]] = {"leave.riggers.1": [Hold({"crew.riggers": 1}), home, Free({"crew.riggers": 1})]}
    plan = daily({**routes, **away}, {"crew.riggers": Pool(2, "crew", noun="crews")})
    plan.unit_info["leave.riggers.1"] = UnitInfo("crew", "crew", "", "riggers", "leave", 1)
    load = carried(plan)["crew.riggers"]
    assert (load.users, load.each, load.days, load.peak) == (6, 1.0, 3.0, 6)


def test_tokens_of_crews_at_home_are_no_load() -> None:
    """Who leaves for good takes one of those at home, if there are any: a count, of which nothing is used up."""
    day = Work("lift", fixed(1_440), "always")
    routes: dict[str, list[Step]] = {
        "j1": [Hold({"crew.riggers": 1}), day, Free({"crew.riggers": 1})],
        "crew.riggers.1": [Free({"departures_due.riggers": 1}), Hold({"departures_made.riggers": 1})],
        "leaving.riggers.1": [
            Hold({"departures_due.riggers": 1, "crew.riggers": 1}), Free({"departures_made.riggers": 1})
        ],
    }  # fmt: skip
    tokens = {f"departures_{which}.riggers": Pool(0, "passed", cause="crew") for which in ("due", "made")}
    plan = daily(routes, {"crew.riggers": Pool(2, "supplied", noun="crews"), **tokens})
    plan.unit_info["crew.riggers.1"] = UnitInfo("crew", "crew", "", "riggers", "", 1)
    plan.unit_info["leaving.riggers.1"] = UnitInfo("departure", "crew", "", "riggers", "here", 1)
    assert [*carried(plan)] == ["crew.riggers"]
    assert carried(plan)["crew.riggers"].used_up == 0
