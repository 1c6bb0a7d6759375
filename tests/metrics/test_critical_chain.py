"""Why this date: chains that a person can see on a piece of paper, and what holds for every chain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from sim.metrics.critical_chain import DrivingChain, _trade_of
from sim.metrics.event_log import PlanIndex, Record
from sim.plan.compile import compile_plan
from sim.plan.compiled_plan import CAUSES, NONE
from sim.plan.mechanisms.camp import BEDS
from sim.plan.vocabulary import (
    DELAY_CAUSES,
    HOLD,
    OTHER,
    TOKEN,
    UNTIL,
    WORK,
    Free,
    Hold,
    Plan,
    PlanError,
    Pool,
    Signal,
    UnitInfo,
    Wait,
)
from sim.world.distributions import Fixed
from sim.world.working_time import Calendar, subtract_closures
from tests.engine.random_plans import random_plan
from tests.engine.small_plans import Told, at, job, told, work, write
from tests.tiny_project import tiny_case

Piece = tuple[int, int, str, str]
POOLS = {
    "crane": "crane", "crew.riggers": "crew", "crew.x": "crew", "laydown.electrical": "yard", "electrical.skid": TOKEN,
}  # fmt: skip
UNITS = {
    "h1.shell.roof": UnitInfo(cause="hall"), "electrical.s1": UnitInfo("skid", "factory"),
    "electrical.s2": UnitInfo("skid", "truck"), "crew.riggers.1": UnitInfo("crew", "crew"),
    "risk.strike.crew.x.1": UnitInfo("outage", "risk"),
}  # fmt: skip


def with_causes(plan: Plan) -> Plan:
    """State the causes of the plans below: what is not said otherwise is installation."""
    for name, pool in plan.pools.items():
        plan.pools[name] = replace(pool, cause=POOLS.get(name, OTHER))
    plan.unit_info.update({unit: UNITS.get(unit, UnitInfo(cause="installation")) for unit in plan.units})
    return plan


def chain_of(outcome: Told, hours: Mapping[str, Calendar] | None = None) -> DrivingChain:
    plan = outcome.compiled
    calendars = [(hours or {}).get(name, base) for name, base in zip(plan.calendars, plan.base_calendars, strict=True)]
    return DrivingChain(Record.of(PlanIndex.of(plan), outcome.outcome.log, outcome.draws.content, calendars))


def pieces(plan: Plan, hours: Mapping[str, Calendar] | None = None) -> list[Piece]:
    """(begin, end, unit, cause) of every piece of the chain."""
    outcome = told(with_causes(plan), calendars=hours)
    chain, compiled = chain_of(outcome, hours), outcome.compiled
    step = chain.record.step
    return [(p.begin, p.end, compiled.units[compiled.unit_of[step[p.row]]], p.cause) for p in chain.segments]


def test_a_gate_leads_to_who_signalled_it_last() -> None:
    plan = write(
        {
            "b1.a": [work(10), Wait("g", 2), work(5, "then")],
            "b2.b": [work(25), Signal("g")],
            "b3.c": [work(20), Signal("g")],
        }
    )
    assert pieces(plan) == [(0, 25, "b2.b", "installation"), (25, 30, "b1.a", "installation")]


def test_who_had_the_crane_is_why_another_waited_for_it() -> None:
    plan = write({"b1.a": job(100, "crane"), "b2.b": [work(60, "before"), *job(10, "crane")]}, {"crane": 1})
    assert pieces(plan) == [
        (0, 60, "b1.a", "installation"),  # nobody on the chain asked for the crane yet
        (60, 100, "b1.a", "crane"),
        (100, 110, "b2.b", "installation"),
    ]


def test_of_two_pools_freed_at_once_the_one_that_was_short_is_the_reason() -> None:
    plan = write(
        {
            "b1.a": job(30, "crew.riggers"),  # gives back a crew at 30, but another stood idle all the time
            "b2.b": job(30, "crane"),
            "b3.c": [at(1), *job(5, "crane", "crew.riggers")],
        },
        {"crane": 1, "crew.riggers": 2},
    )
    assert pieces(plan) == [
        (0, 1, "b2.b", "installation"),
        (1, 30, "b2.b", "crane"),
        (30, 35, "b3.c", "installation"),
    ]


def test_behind_a_gate_a_place_is_no_reason_any_more() -> None:
    """The yard is full because the hall is not dry: the skid that has no place waits for the hall."""
    plan = write(
        {
            "h1.shell.roof": [work(50), Signal("dry")],
            "b1.set": [Wait("dry"), work(4, "lift"), Free({"laydown.electrical": 1})],
            "electrical.s2": [work(20), Hold({"laydown.electrical": 1}), work(2, "electrical drive")],
        },
        {"laydown.electrical": Pool(0, "passed")},
    )
    assert pieces(plan) == [
        (0, 50, "h1.shell.roof", "hall"),
        (50, 54, "b1.set", "yard"),
        (54, 56, "electrical.s2", "truck"),
    ]


def test_a_chain_of_cranes_counts_every_minute_once() -> None:
    routes = {f"b{n}.lift": job(10, "crane") for n in (1, 2, 3)}
    assert pieces(write(routes, {"crane": 1})) == [
        (0, 10, "b1.lift", "crane"),
        (10, 20, "b2.lift", "crane"),
        (20, 30, "b3.lift", "installation"),
    ]


def test_a_finished_skid_leads_into_its_factory_and_a_crew_to_its_call() -> None:
    skid = write(
        {"electrical.s1": [work(40, "assemble", "factory"), Free({"electrical.skid": 1})],
         "b1.electrical": [Hold({"electrical.skid": 1}), work(5)]},
        {"electrical.skid": Pool(0, "passed")},
    )  # fmt: skip
    skid.calendars["factory"] = skid.calendars["always"]
    assert pieces(skid) == [(0, 40, "electrical.s1", "factory"), (40, 45, "b1.electrical", "installation")]
    crew = write(
        {"crew.riggers.1": [at(30, "called"), Free({"crew.riggers": 1})], "b1.a": job(5, "crew.riggers")},
        {"crew.riggers": Pool(0, "supplied")},
    )
    assert pieces(crew) == [(0, 30, "crew.riggers.1", "crew"), (30, 35, "b1.a", "installation")]


def test_who_waits_for_crews_that_a_risk_has_taken_away_waits_for_the_risk() -> None:
    plan = write(
        {"risk.strike.crew.x.1": [at(10), *job(50, "crew.x")], "b1.a": [work(20, "before"), *job(5, "crew.x")]},
        {"crew.x": 1},
    )
    assert pieces(plan) == [
        (0, 20, "b1.a", "installation"),
        (20, 60, "b1.a", "risk"),
        (60, 65, "b1.a", "installation"),
    ]


def test_weather_is_what_the_stated_calendar_would_have_saved() -> None:
    plan = write({"b1.a": [work(50), work(20, "then")]})
    always = plan.calendars["always"]
    stormy = {"always": subtract_closures(always, np.array([[30, 42]]))}
    assert pieces(plan, stormy) == [
        (0, 12, "b1.a", "weather"),
        (12, 62, "b1.a", "installation"),
        (62, 82, "b1.a", "installation"),
    ]


def test_a_lift_that_waits_for_a_calm_day_waits_for_weather() -> None:
    plan = write({"b1.lift": [work(20, mode="whole")]})
    gusts = {"always": subtract_closures(plan.calendars["always"], np.array([[15, 40], [50, 55]]))}
    # 15 minutes of calm at first, then 10: too short. It is lifted from 55 to 75, twenty minutes instead of at once.
    assert pieces(plan, gusts) == [(0, 55, "b1.lift", "weather"), (55, 75, "b1.lift", "installation")]


def test_a_run_that_stalls_has_no_chain() -> None:
    chain = chain_of(told(write({"a": [Hold({"rig": 2})]}, {"rig": 1})))
    assert chain.segments == []
    assert all(math.isnan(days) for days in chain.days().values())


def test_every_chain_reaches_from_the_decision_to_the_completion_without_gaps() -> None:
    finished = 0
    for seed in range(200):
        outcome = told(random_plan(seed, units=6, passages=5, sound=True))
        chain = chain_of(outcome)
        if outcome.outcome.deadlock is None:
            finished += 1
            ends = [0] + [piece.end for piece in chain.segments]
            assert [piece.begin for piece in chain.segments] == ends[:-1], seed
            assert sum(chain.minutes.values()) == ends[-1] == outcome.finish, seed
    assert finished > 40


def test_the_order_in_which_an_engine_performs_a_minute_does_not_matter() -> None:
    for seed in range(60):
        outcome = told(random_plan(seed, units=6, passages=5, sound=True))
        rows = outcome.outcome.log
        order = np.lexsort((-outcome.compiled.unit_of[rows[:, 1]], rows[:, 0]))  # units of a minute the other way round
        chain = chain_of(outcome)
        turned = DrivingChain(
            Record.of(chain.record.plan_index, rows[order], outcome.draws.content, chain.record.calendars)
        )
        assert turned.minutes == chain.minutes, seed


def test_the_tiny_project_waits_for_its_second_generating_unit_and_its_one_commissioning_crew() -> None:
    case = tiny_case()
    metrics, _ = case.measured(case.planned, case.simulate(case.planned))
    days = {name: metrics[f"chain_{name}_days"] for name in DELAY_CAUSES}
    # The second unit's slot is in week 3 and it is set in 3 days; block 2 then waits while block 1 is tested.
    assert {name: found for name, found in days.items() if found} == {"power": 24, "crew": 3, "commissioning": 3}
    assert sum(days.values()) == metrics["lead_time_full_days"] == 30


@pytest.mark.parametrize(
    ("pool", "cause"),
    [
        ("crew.electricians", "crew"), ("hiring.civil", "crew"), ("crane", "crane"), ("electrical.truck", "truck"),
        ("laydown.compute", "yard"), ("gate", "yard"), ("p1.power", "power"), ("compute.skid", TOKEN),
        ("compute.finished", "factory"), ("compute.burn_in", "factory"), ("electrical.test bay", "factory"),
    ],
)  # fmt: skip
def test_pools_state_their_cause(pool: str, cause: str) -> None:
    plan = tiny_case("systems.compute.scope=factory").plan
    assert plan.pool_causes[plan.pools.index(pool)] == cause


@pytest.mark.parametrize("overrides", [(), ("systems.electrical.scope=site",), ("systems.compute.scope=factory",)])
def test_everything_that_takes_time_in_a_project_has_a_cause(overrides: tuple[str, ...]) -> None:
    plan = tiny_case(*overrides).plan
    takes_time = np.isin(plan.rows[:, 0], [WORK, UNTIL])
    assert (takes_time == (plan.cause_of != NONE)).all()
    assert not (plan.cause_of == CAUSES.index(OTHER)).any()
    assert OTHER not in plan.pool_causes


def test_a_cause_that_is_not_in_the_list_is_an_error_where_it_is_written() -> None:
    plan = write({"b1.a": [work(5, cause="magic")]})
    with pytest.raises(PlanError, match=r"b1\.a: 'magic' is no cause of delay; there are permits, order_date"):
        compile_plan(plan)
    plan = write({"b1.a": job(5, "wand")}, {"wand": Pool(1, cause="magic")})
    with pytest.raises(PlanError, match="pool wand: 'magic' is no cause of delay"):
        compile_plan(plan)


def test_a_mechanism_that_states_no_cause_is_found_when_the_plan_of_a_project_is_written() -> None:
    plan = write({"b1.a": [work(5)]})
    with pytest.raises(PlanError, match=r"b1\.a: .* does not state its cause of delay"):
        plan.require_causes()
    plan = write({"b1.a": [work(5, cause="hall")]}, {"crane": Pool(1)})
    with pytest.raises(PlanError, match="pool crane does not state its cause of delay"):
        plan.require_causes()
    plan.pools["crane"] = Pool(1, cause="crane")
    plan.factor("heat", Fixed(1.0))
    with pytest.raises(PlanError, match="factor heat does not state its group"):
        plan.require_causes()


def test_a_crew_that_waits_for_a_bed_and_to_be_hired_is_of_its_trade() -> None:
    case = tiny_case("labour.camp={rooms: 0, stages: [{opens_days: 5}]}")
    plan, trades = case.plan, set[str]()
    for step, (operation, bundle) in enumerate(plan.rows[:, :2].tolist()):
        pools = [plan.pools[pool] for pool, _ in plan.bundles[bundle]] if operation == HOLD else []
        if BEDS in pools and any(pool.startswith("hiring.") for pool in pools):
            trades.add(_trade_of(plan, step))
    assert trades
    assert trades <= set(case.crew_plan.resource_plan.mobilisations)
