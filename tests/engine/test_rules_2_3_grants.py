"""Rules 2 and 3: one order over all pools, and how long a request lets itself be overtaken."""

from __future__ import annotations

import pytest

from sim.plan.vocabulary import Free, Hold, Step
from tests.engine.small_plans import at, finished, job, last, lines, work, write


def taken(routes: dict[str, list[Step]], pools: dict[str, int]) -> dict[str, int]:
    """The minute at which every unit was last granted something."""
    return last(finished(write(routes, pools)), "hold")


def crew(minutes: int, asked: int, count: int = 1, priority: int = 0, patience: int | None = None) -> list[Step]:
    """Ask for so many of the crew at a minute and keep them for some minutes."""
    hold = Hold({"crew": count}, priority, patience)
    return [at(asked), hold, work(minutes), Free({"crew": count})]


# --- rule 2: one global order ---------------------------------------------------------------------------------


@pytest.mark.parametrize("pools", [{"rig": 1, "crane": 1}, {"crane": 1, "rig": 1}])
def test_who_asked_first_goes_first_on_whichever_pools(pools: dict[str, int]) -> None:
    plan = write(
        {"a": [at(5), *job(3, "rig")], "b": [at(9), *job(3, "crane", "rig")], "c": job(100, "crane", "rig")},
        pools,
    )
    both = " + ".join(pools)
    # Pool by pool, starting with the crane, b would have gone first.
    assert finished(plan) == lines(f"""
        0   c hold {both}
        5   a until date since 0
        9   b until date since 0
        100 a hold rig since 5
        100 c work since 0
        100 c free {both}
        103 a work since 100
        103 a free rig
        103 b hold {both} since 9
        106 b work since 103
        106 b free {both}
    """)


def test_priority_counts_before_the_minute_asked_and_that_before_the_name() -> None:
    routes = {
        "a": crew(10, 0),
        "b10": crew(1, 5),
        "b2": crew(1, 5),
        "z": crew(1, 1),
        "urgent": crew(1, 9, priority=-1),
        "any": crew(1, 0, priority=7),
    }
    assert taken(routes, {"crew": 1}) == {"a": 0, "urgent": 10, "z": 11, "b2": 12, "b10": 13, "any": 14}


def test_a_request_that_is_not_granted_is_passed_over() -> None:
    routes = {"a": crew(10, 0), "pair": crew(1, 1, count=2), "one": crew(3, 2)}
    assert taken(routes, {"crew": 2}) == {"a": 0, "one": 2, "pair": 10}


def test_one_pass_grants_all_that_is_there() -> None:
    routes = {"a": crew(10, 0, count=4), "b": crew(1, 1), "c": crew(1, 2, count=4), "d": crew(1, 3, count=2)}
    assert taken(routes, {"crew": 4}) == {"a": 0, "b": 10, "d": 10, "c": 11}


# --- rule 3: patience -----------------------------------------------------------------------------------------


def stream(patience: int | None) -> dict[str, int]:
    """A pair waits for two crews while single ones come one after the other."""
    routes = {
        "s0": crew(10, 0),
        "pair": crew(5, 1, count=2, patience=patience),
        "s1": crew(6, 5),
        "s2": crew(10, 10),
        "s3": crew(10, 11),
    }
    return taken(routes, {"crew": 2})


def test_without_patience_a_request_is_overtaken_for_ever() -> None:
    assert stream(None) == {"s0": 0, "s1": 5, "s2": 10, "s3": 11, "pair": 21}


def test_from_the_minute_its_patience_is_over_a_request_withholds() -> None:
    # At 10 the pair has waited 9 minutes and s2 still overtakes; at 11 it has waited 10.
    assert stream(10) == {"s0": 0, "s1": 5, "s2": 10, "pair": 20, "s3": 25}
    assert stream(11) == {"s0": 0, "s1": 5, "s2": 10, "s3": 11, "pair": 21}


def test_no_patience_at_all_is_the_strict_order() -> None:
    assert stream(0) == {"s0": 0, "pair": 10, "s1": 15, "s2": 15, "s3": 21}


def test_withholding_does_not_touch_those_who_come_before() -> None:
    routes = {
        "a": crew(20, 0),
        "pair": crew(1, 1, count=2, patience=0),
        "urgent": crew(30, 5, priority=-1),
        "late": crew(1, 6),
    }
    assert taken(routes, {"crew": 2}) == {"a": 0, "urgent": 5, "pair": 35, "late": 36}


def test_only_the_first_request_of_a_kind_withholds() -> None:
    routes = {
        "h": job(20, "crane"),
        "k1": [at(1), *job(5, "crew", "crane", patience=0)],
        "k2": [at(1), *job(5, "crane", "crew", patience=0)],
        "s1": [at(2), *job(30, "crew")],
        "s2": [at(3), *job(1, "crew")],
    }
    # k1 withholds one of two crews; k2, of the same kind however it is written, does not withhold the other.
    expected = {"h": 0, "s1": 2, "k1": 20, "k2": 25, "s2": 30}
    assert taken(routes, {"crew": 2, "crane": 1}) == expected


def test_a_patient_first_request_of_a_kind_lets_those_behind_it_be_overtaken_too() -> None:
    routes = {
        "h": job(20, "crane"),
        "k1": [at(1), *job(5, "crew", "crane", priority=-1)],
        "k2": [at(1), *job(5, "crew", "crane", patience=0)],
        "s1": [at(2), *job(30, "crew")],
    }
    assert taken(routes, {"crew": 1, "crane": 1}) == {"h": 0, "s1": 2, "k1": 32, "k2": 37}


def test_who_is_kept_back_is_let_go_when_a_patient_one_comes_before_who_keeps_back() -> None:
    routes = {
        "h": job(20, "crane"),
        "k1": [at(1), *job(5, "crew", "crane", patience=0)],
        "s": [at(2), *job(30, "crew")],
        "k2": [at(7), *job(5, "crew", "crane", priority=-1)],
    }
    # From 7 on the first of the kind is k2, which keeps nothing back: s has its crew though none was given back.
    assert taken(routes, {"crew": 1, "crane": 1}) == {"h": 0, "s": 7, "k2": 37, "k1": 42}


def test_every_kind_withholds_for_itself() -> None:
    routes = {
        "h": job(20, "crane", "hoist"),
        "x": [at(1), *job(5, "crew", "crane", patience=0)],
        "y": [at(1), *job(5, "crew", "hoist", patience=0)],
        "s": [at(2), *job(1, "crew")],
    }
    assert taken(routes, {"crew": 2, "crane": 1, "hoist": 1}) == {"h": 0, "x": 20, "y": 20, "s": 25}


def test_who_is_kept_back_withholds_in_turn() -> None:
    routes = {
        "h": job(20, "crane"),
        "x": [at(1), *job(5, "crew", "crane", patience=0)],
        "y": [at(2), *job(5, "crew", "rig", patience=0)],
        "s": [at(3), *job(1, "rig")],
    }
    # x keeps the crew from y, and y the rig from s, though both are free all the time.
    assert taken(routes, {"crew": 1, "crane": 1, "rig": 1}) == {"h": 0, "x": 20, "y": 25, "s": 30}
