"""A plan that cannot come to its end says who waits for what; one that goes round for ever says who goes round."""

from __future__ import annotations

import pytest

from sim.engine import dispatcher as dispatch
from sim.engine import simpy_engine as processes
from sim.engine.deadlock import BlockedUnit, Deadlock
from sim.engine.dispatcher import EndlessLoop
from sim.errors import SimError, Stalled
from sim.plan.vocabulary import Free, Hold, Jump, Label, Pool, Signal, Step, Wait
from sim.world.working_time import Calendar
from tests.engine.small_plans import at, job, told, work, write


def test_a_stall_names_units_pools_gates_and_holders() -> None:
    routes: dict[str, list[Step]] = {
        "b1": [Hold({"crew": 2}), work(5), Wait("power", 3)],
        "b2": [at(1), Hold({"crew": 2, "crane": 1}), Free({"crew": 2, "crane": 1})],
        "b3": [at(2), Wait("power", 2)],
        "unit": [work(1440), Signal("power")],
    }
    deadlock = told(write(routes, {"crew": 3, "crane": 1})).deadlock
    assert deadlock.minute == 1440
    assert deadlock.waiting == (
        BlockedUnit("b1", "waits for power to reach 3 (it is at 1)"),
        BlockedUnit("b2", "waits for 2 of crew (1 free) and 1 of crane (1 free)"),
        BlockedUnit("b3", "waits for power to reach 2 (it is at 1)"),
    )
    assert deadlock.holders == ("crew is held by b1 (2)",)
    assert deadlock.explain().splitlines() == [
        "stalled on day 1.0, units not at their end: 3",
        "  b1: waits for power to reach 3 (it is at 1)",
        "  b2: waits for 2 of crew (1 free) and 1 of crane (1 free)",
        "  b3: waits for power to reach 2 (it is at 1)",
        "  crew is held by b1 (2)",
    ]


def test_many_units_in_one_trouble_make_one_line() -> None:
    holders: dict[str, list[Step]] = {f"h{n}": [Hold({"yard": 1}), Wait("go")] for n in range(7)}
    routes = holders | {f"w{n}": [at(5), Hold({"yard": 1})] for n in range(5)}
    assert told(write(routes, {"yard": 7})).deadlock.explain().splitlines()[1:] == [
        "  h0, h1, h2 and 4 more: waits for go to reach 1 (it is at 0)",
        "  w0, w1, w2 and 2 more: waits for 1 of yard (0 free)",
        "  yard is held by h0 (1), h1 (1), h2 (1), h3 (1), h4 (1) and 2 more",
    ]


def test_a_pool_that_nobody_holds_or_will_ever_fill_is_said_to_be_so() -> None:
    routes: dict[str, list[Step]] = {"a": [Hold({"token": 2})], "b": [Free({"token": 1}), Wait("more")]}
    deadlock = told(write(routes, {"token": Pool(0, "passed")})).deadlock
    assert deadlock.holders == ("token is held by nobody",)


def test_who_waits_for_what_is_free_but_kept_back_is_told_why() -> None:
    routes: dict[str, list[Step]] = {
        "big": [Hold({"crew": 1, "crane": 1}, patience=0)],
        "small": [at(5), Hold({"crew": 1})],
    }
    deadlock = told(write(routes, {"crew": 1, "crane": 0})).deadlock
    assert [waiter.wants for waiter in deadlock.waiting] == [
        "waits for 1 of crew (1 free) and 1 of crane (0 free)",
        "waits for 1 of crew (1 free), kept back for who has waited longer",
    ]
    assert deadlock.holders == ("crane is held by nobody",)


def test_a_project_that_finishes_has_no_stall_whoever_else_still_waits() -> None:
    plan = write({"a": [work(5), Signal("done")], "b": [Hold({"crew": 1})]}, {"crew": 0}, finish=("done", 1))
    assert told(plan).outcome.deadlock is None


def test_a_run_that_gets_to_the_end_of_its_calendars_is_a_stall_with_the_reason() -> None:
    plan = write({"a": [Wait("never")], "outage": [Label("top"), work(7), Jump("top")]})
    outcome = told(plan, calendars={"always": Calendar.of("always", [(0, 30)], 30)})
    assert [row[0] for row in outcome.rows if row[2].startswith("work")] == [7, 14, 21, 28]
    assert outcome.deadlock.minute == 28
    assert outcome.deadlock.because.startswith("outage, work: calendar always ends on day 0")
    assert outcome.deadlock.waiting == (
        BlockedUnit("a", "waits for never to reach 1 (it is at 0)"),
        BlockedUnit("outage", "is under way"),
    )
    assert outcome.deadlock.because in outcome.deadlock.explain()


@pytest.mark.parametrize(
    "between",
    [[], [work(0)], job(0, "rig"), [Signal("g"), Wait("g")], [at(3)], [Free({"rig": 1}), Hold({"rig": 1})]],
    ids=["nothing", "work", "job", "gate", "date", "pool"],
)
def test_a_unit_that_goes_round_while_no_time_passes_is_named(
    between: list[Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "MAX_JUMPS_PER_MINUTE", 500)
    plan = write({"a": [work(9)], "b7": [at(4, "then"), Label("top"), *between, Jump("top")]}, {"rig": 1})
    with pytest.raises(EndlessLoop, match=r"^minute 4: b7 goes round for ever") as stopped:
        told(plan)
    assert isinstance(stopped.value, Stalled)
    assert isinstance(stopped.value, SimError)
    assert stopped.value.exit_code == 3


def test_units_that_hand_something_round_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "MAX_ROUNDS_PER_MINUTE", 500)
    ring: dict[str, list[Step]] = {
        f"u{n}": [Label("top"), Hold({f"t{n}": 1}), Free({f"t{(n + 1) % 4}": 1}), Jump("top")] for n in range(4)
    }
    pools = {f"t{n}": Pool(int(n == 0), "passed") for n in range(4)}
    with pytest.raises(EndlessLoop, match=r"^minute 0: u\d and others go round for ever"):
        told(write(ring, pools))


def test_many_rounds_and_jumps_in_many_minutes_are_no_fault() -> None:
    route: list[Step] = [Label("top"), *job(1, "rig"), Jump("top", limit=12_000)]
    assert told(write({"a": route}, {"rig": 1})).finish == 12_001


def test_only_ten_thousand_jumps_in_one_minute_are_a_fault() -> None:
    assert told(write({"a": [Label("top"), Jump("top", limit=9_999)]})).finish == 0
    with pytest.raises(EndlessLoop):
        told(write({"a": [Label("top"), Jump("top", limit=10_000)]}))


def test_where_time_ran_out_a_few_of_those_that_wait_are_enough() -> None:
    """Was: a line for each of the first twelve halls, which hid the first one with the cause."""
    waiting = tuple(BlockedUnit(f"h{number}", f"waits for h{number}.dry_in") for number in range(43))
    lines = Deadlock(1440, waiting, (), "calendar site ends on day 9").explain().splitlines()
    assert lines[:2] == ["stalled on day 1.0, units not at their end: 43", "  calendar site ends on day 9"]
    assert lines[2:] == [
        *(f"  h{number}: waits for h{number}.dry_in" for number in range(3)),
        "  and 40 more that others wait for",
    ]
    assert len(Deadlock(1440, waiting[:12], ()).explain().splitlines()) == 13
