"""How runs of the compiled engine can end otherwise: in the words of the reference."""

from __future__ import annotations

import pytest

from sim.engine.simpy_engine import RunOutcome
from sim.errors import Stalled
from sim.plan.compile import compile_plan
from sim.plan.vocabulary import Free, Hold, Jump, Label, Mode, Note, Plan, Signal, Span, Step, Until, Wait, Work, fixed
from sim.world.distributions import Fixed
from sim.world.working_time import Calendar
from tests.engine.numba_engine.both import KernelPlan, agree, simulate


def plan_of(routes: dict[str, list[Step]], pools: dict[str, int] | None = None) -> Plan:
    """A plan on a short calendar, finished when everybody is at the end."""
    plan = Plan(("done", len(routes)))
    plan.works_on({"hours": Calendar.of("hours", [(10, 20), (30, 60)], 100)})
    for gate in ("done", "roof"):
        plan.gate(gate)
    for pool, count in (pools or {}).items():
        plan.pool(pool, count)
    for name, route in routes.items():
        plan.unit(name, [*route, Signal("done")])
    return plan


def test_a_stall_says_who_waits_for_what_and_who_has_it() -> None:
    routes: dict[str, list[Step]] = {
        "a": [Hold({"crane": 1}), Work("lift", fixed(3), "hours"), Wait("roof", 2)],
        "b": [Hold({"crane": 1}), Free({"crane": 1})],
        "c": [Signal("roof")],
    }
    done = agree(compile_plan(plan_of(routes, {"crane": 1})))
    assert isinstance(done, RunOutcome)
    assert done.deadlock is not None
    assert [waiter.unit for waiter in done.deadlock.waiting] == ["a", "b"]
    assert done.deadlock.minute == 13
    assert done.deadlock.holders == ("crane is held by a (1)",)


def test_a_work_that_outlasts_its_calendar_is_a_stall() -> None:
    routes: dict[str, list[Step]] = {"a": [Work("dig", fixed(41), "hours")], "b": [Work("dig", fixed(40), "hours")]}
    done = agree(compile_plan(plan_of(routes)))
    assert isinstance(done, RunOutcome)
    assert done.deadlock is not None
    assert done.deadlock.because.startswith("a, dig: calendar hours ends")


@pytest.mark.parametrize(("mode", "minutes"), [("whole", 31), ("pausing", -4), ("duty", -1), ("whole", -31)])
def test_a_work_that_can_never_be_done_is_refused_in_the_same_words(mode: Mode, minutes: int) -> None:
    routes: dict[str, list[Step]] = {"a": [Until("date", fixed(5)), Work("dig", Span(Fixed(minutes)), "hours", mode)]}
    refused = agree(compile_plan(plan_of(routes)))
    assert isinstance(refused, str)
    assert "a, dig: " in refused


@pytest.mark.parametrize("between", [[], [Work("nap", fixed(0), "hours")], [Until("past", fixed(0))]])
def test_a_unit_that_goes_round_for_ever_is_stopped(between: list[Step]) -> None:
    refused = agree(compile_plan(plan_of({"a": [Label("top"), *between, Jump("top")]})))
    assert refused == "EndlessLoop: minute 0: a goes round for ever while no time passes"


def test_a_log_longer_than_expected_is_kept_whole() -> None:
    routes: dict[str, list[Step]] = {
        "a": [Label("top"), Note("round"), Jump("top", limit=7_000)],
        "b": [Label("top"), Hold({"crane": 1}), Free({"crane": 1}), Jump("top", limit=5_000)],
    }
    done = agree(compile_plan(plan_of(routes, {"crane": 1})))
    assert isinstance(done, RunOutcome)
    assert len(done.log) == 2 * 7_001 + 3 * 5_001 + 2


def test_a_date_beyond_all_counting_is_refused() -> None:
    plan = compile_plan(plan_of({"a": [Until("one day", Span(Fixed(2**62)))]}))
    with pytest.raises(Stalled, match="beyond all counting"):
        simulate(KernelPlan(plan), 0, 0, plan.base_calendars)


def test_amounts_and_levels_may_be_large() -> None:
    routes: dict[str, list[Step]] = {
        "a": [Note("paid", "hall", 2**40), Note("paid", "hall", -(2**40)), Signal("roof", 2**40)],
        "b": [Wait("roof", 2**40)],
        "c": [Hold({"power": 2**40}, 2**50, 2**40), Free({"power": 2**40})],
    }
    done = agree(compile_plan(plan_of(routes, {"power": 2**40})))
    assert isinstance(done, RunOutcome)
    assert done.deadlock is None
