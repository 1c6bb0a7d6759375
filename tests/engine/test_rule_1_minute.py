"""Rule 1: everything of a minute settles before anything is granted, and is granted before any work begins."""

from __future__ import annotations

from typing import Any

from sim.plan.vocabulary import Free, Hold, Note, Signal, Wait
from tests.engine.small_plans import at, finished, job, lines, work, write

HALVES = (1_000_000, 500_000, 250_000)


def test_works_begin_in_name_order_once_the_minute_has_settled() -> None:
    learner = work(10, learning="curve")
    plan = write({"b": [learner], "a": [Hold({"rig": 1}), learner, Free({"rig": 1})]}, {"rig": 1})
    plan.learns("curve", HALVES)
    # b is ready before a is granted its rig; still a begins first, and learns first.
    assert finished(plan) == lines("""
        0  a hold rig
        5  b work since 0
        10 a work since 0
        10 a free rig
    """)


def test_who_begins_later_in_the_same_minute_learns_later_whatever_the_name() -> None:
    learner = work(10, learning="curve")
    plan = write({"a": [work(0, "walk"), learner], "z": [learner]})
    plan.learns("curve", HALVES)
    # a's walk is over in the minute in which it began: a second round of the minute, after z has begun.
    assert finished(plan) == lines("""
        0  a walk
        5  a work since 0
        10 z work since 0
    """)


def test_an_area_is_read_with_oneself_and_without_those_who_leave_in_this_minute() -> None:
    one: dict[str, Any] = {"people": {"fitters": 1}, "area": "hall"}
    plan = write({"a": [work(10, **one)], "b": [work(10, **one)], "c": [at(20), work(10, **one)]})
    plan.area("hall", (9_000_000, 1_000_000, 2_000_000, 3_000_000))
    # a begins alone, b beside a; when c begins b is leaving.
    assert finished(plan) == lines("""
        10 a work since 0
        20 b work since 0
        20 c until date since 0
        30 c work since 20
    """)


def test_works_of_no_minutes_are_over_in_the_minute_they_begin_and_others_follow_on_them() -> None:
    plan = write(
        {
            "a": [work(0, "inspect"), Signal("go")],
            "b": [Wait("go"), *job(0, "crane"), *job(0, "rig", activity="drill")],
            "c": job(2, "rig"),
            "d": job(3, "crane"),
        },
        {"rig": 1, "crane": 1},
    )
    # b can ask only when a has inspected: c and d have been granted what b wants, and d has begun.
    assert finished(plan) == lines("""
        0 a inspect
        0 a signal go
        0 b wait go
        0 c hold rig
        0 d hold crane
        2 c work since 0
        2 c free rig
        3 b hold crane since 0
        3 b work
        3 b free crane
        3 b hold rig
        3 b drill
        3 b free rig
        3 d work since 0
        3 d free crane
    """)


def test_nothing_is_granted_before_everything_due_has_completed() -> None:
    urgent = [work(10, "come"), *job(1, "rig", priority=-1)]
    plan = write({"a": job(10, "rig"), "m": [at(5), *job(1, "rig")], "z": urgent}, {"rig": 1})
    # a's work is over before z's in the list of events, and m has waited since 5.
    assert finished(plan) == lines("""
        0  a hold rig
        5  m until date since 0
        10 a work since 0
        10 a free rig
        10 z come since 0
        10 z hold rig
        11 m hold rig since 5
        11 z work since 10
        11 z free rig
        12 m work since 11
        12 m free rig
    """)


def test_a_request_born_of_a_grant_joins_the_next_round() -> None:
    plan = write(
        {"a": [Hold({"rig": 1}), Hold({"crane": 1}), Free({"rig": 1, "crane": 1})], "b": job(5, "crane")},
        {"rig": 1, "crane": 1},
    )
    # a comes first by name, but asks for the crane only when it has the rig.
    assert finished(plan) == lines("""
        0 a hold rig
        0 b hold crane
        5 a hold crane since 0
        5 a free rig + crane
        5 b work since 0
        5 b free crane
    """)


def test_the_run_stops_after_the_whole_minute_in_which_its_gate_opens() -> None:
    plan = write(
        {
            "a": [work(10), Signal("done")],
            "b": job(10, "rig"),
            "c": [Hold({"rig": 1}), work(0, "set"), Note("placed"), work(1, "level")],
            "d": [work(10)],
            "e": [work(11)],
        },
        {"rig": 1},
        finish=("done", 1),
    )
    # b, c and d go on as far as minute 10 goes; what ends at 11 is not seen any more.
    assert finished(plan) == lines("""
        0  b hold rig
        10 a work since 0
        10 a signal done
        10 b work since 0
        10 b free rig
        10 c hold rig since 0
        10 c set
        10 c note placed
        10 d work since 0
    """)


def test_levels_beyond_the_one_that_finishes_the_run_are_reached_in_its_last_minute() -> None:
    plan = write({"a": [work(4), Signal("done", 3), Signal("done")]}, finish=("done", 2))
    assert finished(plan) == lines("""
        4 a work since 0
        4 a signal done 3
        4 a signal done
    """)
