"""Rules 4 to 7: holding together, giving to others, and the deadlocks that a plan must not contain."""

from __future__ import annotations

import pytest

from sim.plan.analysis.route_classes import states
from sim.plan.compile import compile_plan
from sim.plan.vocabulary import (
    LEAVING_PRIORITY,
    Free,
    Hold,
    Jump,
    Label,
    NetLevelCondition,
    Note,
    PlanError,
    Pool,
    Signal,
    Step,
    Until,
    Wait,
    fixed,
)
from tests.engine.small_plans import Pools, Routes, Told, at, finished, job, last, lines, told, work, write


def stalls(routes: Routes, pools: Pools) -> dict[str, str]:
    """Who waits for what in a plan that must not come to its end."""
    return {waiter.unit: waiter.wants for waiter in told(write(routes, pools)).deadlock.waiting}


# --- rule 4: hold order ---------------------------------------------------------------------------------------


def test_nothing_is_held_while_waiting_for_the_rest() -> None:
    routes = {"a": job(10, "crane"), "b": [at(1), *job(1, "crane", "rig")], "c": [at(2), *job(3, "rig")]}
    assert finished(write(routes, {"crane": 1, "rig": 1})) == lines("""
        0  a hold crane
        1  b until date since 0
        2  c until date since 0
        2  c hold rig
        5  c work since 2
        5  c free rig
        10 a work since 0
        10 a free crane
        10 b hold crane + rig since 1
        11 b work since 10
        11 b free crane + rig
    """)


def one_after_the_other(first: str, second: str) -> list[Step]:
    """Take a pool, work, and take another before both are given back."""
    return [Hold({first: 1}), work(5), Hold({second: 1}), Free({first: 1, second: 1})]


def test_two_orders_of_taking_stall_and_one_declared_order_does_not() -> None:
    pools = {"gate": 1, "crane": 1}
    crossed = {"a": one_after_the_other("gate", "crane"), "b": one_after_the_other("crane", "gate")}
    assert stalls(crossed, pools) == {"a": "waits for 1 of crane (0 free)", "b": "waits for 1 of gate (0 free)"}
    ordered = {name: one_after_the_other("gate", "crane") for name in "ab"}
    assert last(finished(write(ordered, pools)), "free") == {"a": 5, "b": 10}


# --- rule 5: supplied and passed pools ------------------------------------------------------------------------


def gang(*before_leaving: Step) -> list[Step]:
    """A crew that comes at 10 and goes when nobody wants it any more."""
    come: list[Step] = [at(10, "mobilise"), Note("people", "crew", 5), Free({"crew": 1})]
    return [*come, *before_leaving, Hold({"crew": 1}, LEAVING_PRIORITY), Note("people", "crew", -5)]


def test_a_crew_supplies_itself_and_leaves_behind_everyone_who_waits() -> None:
    routes = {"gang": gang(), "j1": job(5, "crew"), "j2": [at(12), *job(5, "crew")], "j3": [at(19), *job(5, "crew")]}
    assert finished(write(routes, {"crew": Pool(0, "supplied")})) == lines("""
        10 gang until mobilise since 0
        10 gang note people crew 5
        10 gang free crew
        10 j1 hold crew since 0
        12 j2 until date since 0
        15 j1 work since 10
        15 j1 free crew
        15 j2 hold crew since 12
        19 j3 until date since 0
        20 j2 work since 15
        20 j2 free crew
        20 j3 hold crew since 19
        25 gang hold crew since 10
        25 gang note people crew -5
        25 j3 work since 20
        25 j3 free crew
    """)


def test_the_last_crew_of_a_trade_waits_for_all_its_work() -> None:
    routes = {"j": [at(30), *job(5, "crew"), Signal("crew done")]}
    pools = {"crew": Pool(0, "supplied")}
    gone = told(write({"gang": gang()} | routes, pools)).deadlock
    assert [waiter.unit for waiter in gone.waiting] == ["j"]
    stayed = finished(write({"gang": gang(Wait("crew done"))} | routes, pools))
    assert last(stayed, "hold") == {"j": 30, "gang": 35}


def test_whoever_waits_longest_takes_what_another_has_passed_on() -> None:
    routes: dict[str, list[Step]] = {
        "m1": [work(9), Free({"skid": 1})],
        "m2": [work(4), Free({"skid": 1})],
        "b1": [at(2), Hold({"skid": 1})],
        "b2": [at(1), Hold({"skid": 1})],
    }
    assert last(finished(write(routes, {"skid": Pool(0, "passed")})), "hold") == {"b2": 4, "b1": 9}


# --- rule 6: what is held does not depend on the way ----------------------------------------------------------


def test_a_way_back_that_holds_more_is_a_conflict_and_one_that_gives_back_is_none() -> None:
    back = Jump("top", limit=1)
    plan = write({"a": [Label("top"), Hold({"rig": 1}), back, Free({"rig": 1})]}, {"rig": 2})
    _, conflicts = states(compile_plan(plan), 0)
    assert [(conflict.unit, conflict.step, conflict.one_path, conflict.other_path) for conflict in conflicts] == [
        ("a", 0, {}, {"rig": 1})
    ]
    plan = write({"a": [Label("top"), *job(1, "rig"), back]}, {"rig": 1})
    assert states(compile_plan(plan), 0)[1] == []


def test_a_jump_over_a_signal_is_a_conflict() -> None:
    skip = Jump("end", limit=1)
    plan = write({"a": [skip, Signal("done"), Label("end")]})
    (conflict,) = states(compile_plan(plan), 0)[1]
    assert (conflict.one_path, conflict.other_path) in [({}, {"done": 1}), ({"done": 1}, {})]


# --- rule 7: deadlocks ----------------------------------------------------------------------------------------


def skid(kind: str, finished_at: int, yard: str) -> list[Step]:
    """Lie in the yard from a minute on until a block takes a skid of this kind."""
    return [at(finished_at), Hold({yard: 1}), Free({kind: 1}), Wait(f"{kind} set"), Free({yard: 1})]


def test_a_yard_full_of_one_kind_stalls_and_places_per_kind_do_not() -> None:
    block: list[Step] = [Hold({"power": 1, "cooling": 1}), work(5), Signal("power set", 2), Signal("cooling set")]
    kinds = {"power": Pool(0, "passed"), "cooling": Pool(0, "passed")}

    def outcome(power: str, cooling: str, places: dict[str, Pool]) -> Told:
        skids = {"s1": skid("power", 1, power), "s2": skid("power", 2, power), "s3": skid("cooling", 3, cooling)}
        return told(write({"block": block} | skids, kinds | places))

    shared = outcome("yard", "yard", {"yard": Pool(2)})
    assert shared.deadlock.holders[-1] == "yard is held by s1 (1), s2 (1)"
    apart = outcome("yard p", "yard c", {"yard p": Pool(1), "yard c": Pool(1)})
    assert last(apart.rows, "hold") == {"s1": 1, "s3": 3, "block": 3, "s2": 8}


def test_fewer_beds_than_crews_that_stay_to_the_end_stall() -> None:
    def crew(trade: str) -> list[Step]:
        return [
            Hold({"bed": 1}),
            Free({trade: 1}),
            Wait("all done"),
            Hold({trade: 1}, LEAVING_PRIORITY),
            Free({"bed": 1}),
        ]

    of_both = [*job(5, "electricians", activity="wire"), *job(5, "pipefitters", activity="pipe")]
    routes = {"e": crew("electricians"), "p": crew("pipefitters"), "w": [*of_both, Signal("all done")]}
    pools = {"electricians": Pool(0, "supplied"), "pipefitters": Pool(0, "supplied")}
    deadlock = told(write(routes, pools | {"bed": Pool(1)})).deadlock
    assert "bed is held by e (1)" in deadlock.holders
    assert last(finished(write(routes, pools | {"bed": Pool(2)})), "free bed") == {"e": 10, "p": 10}


def test_waiting_for_a_gate_with_a_pool_that_is_needed_to_open_it_stalls() -> None:
    holder: list[Step] = [Hold({"rig": 1}), Wait("dry"), Free({"rig": 1})]
    routes: dict[str, list[Step]] = {"a": holder, "b": [Hold({"rig": 1}), work(5), Signal("dry"), Free({"rig": 1})]}
    assert stalls(routes, {"rig": 1}) == {
        "a": "waits for dry to reach 1 (it is at 0)",
        "b": "waits for 1 of rig (0 free)",
    }
    assert last(finished(write(routes, {"rig": 2})), "free") == {"a": 5, "b": 5}


def away(spare: NetLevelCondition, short: NetLevelCondition) -> list[Step]:
    """The route of one who takes a crew away when it was spare, and brings it back when it is asked for."""
    gone, idle, back = Hold({"crew": 1}, LEAVING_PRIORITY), Until("idle", fixed(0), net_level=spare), Free({"crew": 1})
    return [idle, gone, Free({"home": 1}), Until("short", fixed(0), net_level=short), Hold({"home": 1}), back]


def test_a_crew_leaves_after_its_idle_minutes_and_returns_after_work_has_waited() -> None:
    spare = NetLevelCondition(("crew", "home"), 1, 30, 1_000)
    short = NetLevelCondition(("crew", "home"), 1, 5, 1_000, below=True)
    # one crew works until 10 and has nothing to do until 100; a second piece of work then waits for it
    routes = {
        "first": job(10, "crew"),
        "later": [at(100), *job(10, "crew")],
        "away": away(spare, short),
    }
    told_rows = told(write(routes, {"crew": 1, "home": 0})).rows
    assert (40, "away", "until idle since 0") in told_rows  # spare at the ends of minutes 10 to 39
    assert (105, "away", "until short since 40") in told_rows  # short at the ends of minutes 100 to 104
    assert (115, "later", "work since 105") in told_rows


def test_a_crew_that_is_wanted_now_and_then_stays() -> None:
    spare = NetLevelCondition(("crew",), 1, 30, 1_000)
    routes = {
        "a": [at(20), *job(1, "crew")],
        "b": [at(45), *job(1, "crew")],
        "c": [at(70), *job(1, "crew")],
        "idle": [Until("idle", fixed(0), net_level=spare)],
    }
    assert (101, "idle", "until idle since 0") in told(write(routes, {"crew": 1})).rows


def test_nobody_looks_after_the_last_minute() -> None:
    never = NetLevelCondition(("crew",), 1, 30, 29)
    assert told(write({"idle": [Until("idle", fixed(0), net_level=never)]}, {"crew": 1})).outcome.deadlock is not None


def test_a_pool_is_in_one_net_level_at_most() -> None:
    one, other = NetLevelCondition(("crew",), 1, 30, 99), NetLevelCondition(("crew", "home"), 1, 30, 99)
    routes = {"a": [Until("a", fixed(0), net_level=one)], "b": [Until("b", fixed(0), net_level=other)]}
    with pytest.raises(PlanError, match="in another condition"):
        told(write(routes, {"crew": 1, "home": 0}))
