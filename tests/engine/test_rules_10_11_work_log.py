"""Rule 10: how long a work takes, and when it is over on its calendar. Rule 11: one row per performed step."""

from __future__ import annotations

from typing import Any

import pytest

from sim.plan.vocabulary import Free, Hold, Jump, Label, Mode, Note, Plan, PlanError, Signal, Step, Wait
from sim.world.working_time import Calendar, NoWindow
from tests.engine.small_plans import HORIZON, at, finished, job, last, lines, told, work, write

ONE: dict[str, Any] = {"people": {"fitters": 1}, "area": "hall"}


def shifts(plan: Plan) -> Plan:
    """Give a plan a calendar that is open from 60 to 120, 180 to 240 and so on."""
    hours = [(start, start + 60) for start in range(60, HORIZON, 120)]
    plan.works_on({"shift": Calendar.of("shift", hours, HORIZON)})
    return plan


def over(minutes: float, begin: int, calendar: str, mode: Mode) -> int:
    """The minute at which one work is over."""
    plan = shifts(write({"a": [at(begin), work(minutes, calendar=calendar, mode=mode)]}))
    return last(finished(plan), "work")["a"]


# --- factors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "learning", "crowding", "expected"),
    [
        (5, 500_000, 1_000_000, 3),  # 2.5 is rounded up, not to even
        (1, 500_000, 1_000_000, 1),
        (1, 499_999, 1_000_000, 0),
        (3, 500_000, 1_500_000, 3),  # 1.5 → 2 and 2 × 1.5 = 3; at once it would be 2.25 → 2
        (3, 850_000, 1_000_000, 3),
        (7, 1_000_000, 333_333, 2),
        (2.5, 1_000_000, 1_000_000, 3),  # drawn minutes are whole ones
        (2.5, 500_000, 1_000_000, 2),
        (40_000, 1_000_001, 1_000_000, 40_000),
    ],
)
def test_minutes_are_rounded_half_up_after_every_factor(
    minutes: float, learning: int, crowding: int, expected: int
) -> None:
    plan = write({"a": [work(minutes, learning="curve", **ONE)]})
    plan.learns("curve", (learning,))
    plan.area("hall", (9_000_000, crowding))
    assert told(plan).finish == expected


def test_learning_goes_by_the_order_of_starts() -> None:
    learner = work(100, learning="curve")
    plan = write({"a": [at(3), learner], "b": [at(1), learner], "c": [at(2), learner], "d": [at(9), learner]})
    plan.learns("curve", (1_000_000, 500_000, 250_000))
    # The last factor stays.
    assert last(finished(plan), "work") == {"b": 101, "c": 52, "a": 28, "d": 34}


def test_only_first_attempts_learn_and_count() -> None:
    learner = work(10, learning="curve")
    repeated: list[Step] = [Label("top"), learner, Jump("top", limit=1)]
    plan = write({"a": repeated, "b": [at(15), learner], "c": [at(16), learner]})
    plan.learns("curve", (2_000_000, 500_000, 100_000))
    # a takes 20, then 10 as drawn; b is second to begin, c third.
    assert finished(plan) == lines("""
        15 b until date since 0
        16 c until date since 0
        17 c work since 16
        20 a work since 0
        20 a again: yes
        20 b work since 15
        30 a work since 20
        30 a again: no
    """)


def test_curves_are_learnt_apart() -> None:
    plan = write({"a": [work(10, learning="one")], "b": [work(10, learning="other")]})
    plan.learns("one", (1_000_000, 100_000))
    plan.learns("other", (1_500_000,))
    assert last(finished(plan), "work") == {"a": 10, "b": 15}


def test_crowding_is_fixed_at_the_start_and_counts_people() -> None:
    three: dict[str, Any] = {"people": {"fitters": 2, "riggers": 1}, "area": "hall"}
    plan = write({"a": [work(20, **ONE)], "b": [at(5), work(10, **three)], "c": [at(15), work(10, **ONE)]})
    plan.area("hall", (9_000_000, 1_000_000, 1_100_000, 1_200_000, 1_500_000))
    # a alone; b with 3 + 1 people; c, when b is still there with 3, finds 5 people: the last factor stays.
    assert last(finished(plan), "work") == {"a": 20, "b": 20, "c": 30}


def test_work_outside_an_area_does_not_crowd_it() -> None:
    plan = write({"a": [work(20, people={"fitters": 9})], "b": [work(10, **ONE)]})
    plan.area("hall", (9_000_000, 1_000_000, 5_000_000))
    assert last(finished(plan), "work") == {"a": 20, "b": 10}


def test_repeated_work_is_crowded_like_any_other() -> None:
    plan = write({"a": [Label("top"), work(10, **ONE), Jump("top", limit=1)], "b": [at(5), work(10, **ONE)]})
    plan.area("hall", (9_000_000, 1_000_000, 2_000_000))
    assert last(finished(plan), "work") == {"a": 30, "b": 25}


# --- calendars ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "begin", "expected"),
    [(60, 0, 120), (61, 0, 181), (90, 100, 310), (1, 119, 120), (1, 120, 181), (20, 110, 190)],
)
def test_pausing_work_goes_on_where_it_was(minutes: int, begin: int, expected: int) -> None:
    assert over(minutes, begin, "shift", "pausing") == expected


@pytest.mark.parametrize(
    ("minutes", "begin", "expected"), [(60, 0, 120), (60, 61, 240), (30, 90, 120), (31, 90, 211), (5, 130, 185)]
)
def test_whole_work_waits_for_a_window(minutes: int, begin: int, expected: int) -> None:
    assert over(minutes, begin, "shift", "whole") == expected


def test_whole_work_longer_than_any_window_is_an_error_that_names_it() -> None:
    plan = shifts(write({"crane 7": [work(61, "lift", "shift", mode="whole")]}))
    with pytest.raises(NoWindow, match=r"^crane 7, lift: calendar shift: work of .* does not fit"):
        told(plan)


def test_driving_stops_for_breaks_and_rest() -> None:
    # 8 h, half an hour off, 3 h more: 11 h driven. Then 10 h rest, and the last hour.
    assert over(11 * 60, 0, "always", "duty") == 11 * 60 + 30
    assert over(12 * 60, 0, "always", "duty") == 11 * 60 + 30 + 10 * 60 + 60
    assert over(70, 0, "shift", "duty") == 190


@pytest.mark.parametrize("mode", ["pausing", "whole", "duty"])
def test_less_than_no_minutes_are_an_error_that_names_the_work(mode: Mode) -> None:
    plan = shifts(write({"b1": [at(70), work(-3, "dig", "shift", mode=mode)]}))
    with pytest.raises(PlanError, match=r"^b1, dig: -3 minutes of work are less than none"):
        told(plan)


@pytest.mark.parametrize("mode", ["pausing", "whole", "duty"])
def test_no_minutes_are_over_at_once_even_when_closed(mode: Mode) -> None:
    assert over(0, 5, "shift", mode) == 5
    assert over(0.4, 130, "shift", mode) == 130


def test_pools_stay_held_while_work_pauses() -> None:
    plan = shifts(write({"a": job(70, "rig"), "b": [at(130), *job(5, "rig")]}, {"rig": 1}))
    plan.units["a"] = [step if step != work(70) else work(70, calendar="shift") for step in plan.units["a"]]
    assert finished(plan) == lines("""
        0   a hold rig
        130 b until date since 0
        190 a work since 0
        190 a free rig
        190 b hold rig since 130
        195 b work since 190
        195 b free rig
    """)


def test_a_calendar_may_be_another_one_in_every_replication() -> None:
    plan = shifts(write({"a": [work(30, calendar="shift")]}))
    stormy = Calendar.of("shift", [(70, 90), (200, 300)], HORIZON)
    assert told(plan).finish == 90
    assert told(plan, calendars={"shift": stormy}).finish == 210


# --- the log --------------------------------------------------------------------------------------------------


def test_a_row_is_the_minute_done_the_step_and_what_only_the_run_knows() -> None:
    plan = write(
        {
            "b10": [Hold({"rig": 1}), work(3), Free({"rig": 1}), Signal("g", 2)],
            "b2": [
                at(1),
                Hold({"rig": 1, "crane": 2}),
                Free({"crane": 2, "rig": 1}),
                Label("here"),
                Wait("g", 2),
                Jump("here", limit=1),
                Note("paid", "crane", 70),
            ],
        },
        {"crane": 2, "rig": 1},
        finish=("end", 1),
    )
    plan.gate("end")
    outcome = told(plan)
    # b2 comes before b10: its steps are 0 to 5, those of b10 6 to 9. A label is no step.
    assert outcome.compiled.units == ("b2", "b10")
    assert outcome.compiled.bundles == (((0, 2), (1, 1)), ((1, 1),))
    assert outcome.log == [
        (0, 6, 0),  # hold: asked at 0
        (1, 0, 0),  # until: waited since 0
        (3, 1, 1),  # hold: asked at 1
        (3, 2, 0),  # free: bundle 0
        (3, 3, 3),  # wait: the gate was open by then
        (3, 4, 1),  # again: jumped
        (3, 3, 3),
        (3, 4, 0),  # again: fell through
        (3, 5, 70),  # note: the amount
        (3, 7, 0),  # work: begun at 0
        (3, 8, 1),  # free: bundle 1
        (3, 9, 2),  # signal: the amount
    ]


def test_what_was_not_performed_is_not_logged() -> None:
    plan = write({"a": [Hold({"rig": 2}), work(5)], "b": [work(3), Wait("g")]}, {"rig": 1})
    plan.gate("g")
    outcome = told(plan)
    assert outcome.rows == [(3, "b", "work since 0")]
    assert outcome.deadlock.minute == 3


def test_a_plan_in_which_nothing_can_happen_has_an_empty_log() -> None:
    outcome = told(write({"a": [Hold({"rig": 1})]}, {"rig": 0}))
    assert outcome.outcome.log.shape == (0, 3)
    assert (outcome.deadlock.minute, len(outcome.deadlock.waiting)) == (0, 1)
