"""Rules 8 and 9: gates only rise, and a jump is decided by chance, by a gate or always, so often and no more."""

from __future__ import annotations

import pytest

from sim.plan.vocabulary import Chance, Jump, Label, Note, Signal, Span, Step, Wait, Work
from sim.world.distributions import Discrete
from sim.world.streams import stream_key, uniform
from tests.engine.small_plans import Row, at, finished, last, lines, told, work, write

# --- rule 8: gates --------------------------------------------------------------------------------------------


def test_a_gate_lets_everyone_through_whose_level_it_has_reached() -> None:
    plan = write(
        {
            "a": [work(5, "one"), Signal("g"), work(2, "two"), Signal("g", 2)],
            "b": [Wait("g", 1), Wait("g", 3)],
            "c": [Wait("g", 2)],
            "d": [at(9), Wait("g", 3)],
        }
    )
    assert finished(plan) == lines("""
        5 a one since 0
        5 a signal g
        5 b wait g since 0
        7 a two since 5
        7 a signal g 2
        7 b wait g since 5
        7 c wait g since 0
        9 d until date since 0
        9 d wait g
    """)


def test_units_let_each_other_through_in_one_minute_in_any_order_of_names() -> None:
    plan = write(
        {
            "a": [Signal("g1"), Wait("g2"), Signal("g3"), Wait("g4")],
            "b": [Wait("g1"), Signal("g2"), Wait("g3"), Signal("g4")],
        }
    )
    assert [(minute, unit) for minute, unit, _ in finished(plan)] == [(0, "a")] * 4 + [(0, "b")] * 4


def test_a_date_that_is_past_holds_nobody_up() -> None:
    assert finished(write({"a": [work(5), at(3), at(5, "now"), at(8, "then")]})) == lines("""
        5 a work since 0
        5 a until date
        5 a until now
        8 a until then since 5
    """)


@pytest.mark.parametrize("canceller", ["a", "z"])
def test_a_jump_sees_a_gate_as_it_was_before_this_minute(canceller: str) -> None:
    plan = write(
        {
            canceller: [work(5), Signal("cancel"), Signal("cancel")],
            "m": [
                work(5),
                Jump("out", "first", gate="cancel"),
                work(1, "go on"),
                Jump("out", "third", gate="cancel", level=3),
                Jump("out", "second", gate="cancel", level=2),
                Note("not cancelled"),
                Label("out"),
            ],
        }
    )
    assert [row for row in finished(plan) if row[1] == "m"] == lines("""
        5 m work since 0
        5 m again first: no
        6 m go on since 5
        6 m again third: no
        6 m again second: yes
    """)


def test_a_gate_signalled_in_the_first_minute_was_closed_before_it() -> None:
    plan = write({"a": [Signal("g"), Jump("end", gate="g"), Note("here"), Label("end")]})
    assert finished(plan) == lines("""
        0 a signal g
        0 a again: no
        0 a note here
    """)


# --- rule 9: again --------------------------------------------------------------------------------------------


def test_limits_are_never_reset() -> None:
    inner, outer = Jump("inner", "inner", limit=2), Jump("outer", "outer", limit=1)
    assert finished(write({"a": [Label("outer"), Label("inner"), work(1), inner, outer]})) == lines("""
        1 a work since 0
        1 a again inner: yes
        2 a work since 1
        2 a again inner: yes
        3 a work since 2
        3 a again inner: no
        3 a again outer: yes
        4 a work since 3
        4 a again inner: no
        4 a again outer: no
    """)


def test_a_limit_counts_how_often_the_step_was_performed_not_how_often_it_jumped() -> None:
    plan = write(
        {
            "a": [work(5), Signal("g")],
            "b": [
                Label("top"),
                work(3),
                Jump("top", "on gate", gate="g", limit=1),
                Jump("top", "once", limit=1),
            ],
        }
    )
    # At 6 the gate is open, but the jump has been performed before.
    assert [row for row in finished(plan) if row[1] == "b"] == lines("""
        3 b work since 0
        3 b again on gate: no
        3 b again once: yes
        6 b work since 3
        6 b again on gate: no
        6 b again once: no
    """)


def test_a_jump_may_lead_forward() -> None:
    route: list[Step] = [work(1), Jump("repair"), Note("passed"), Label("repair"), work(2, "repair")]
    assert finished(write({"a": route})) == lines("""
        1 a work since 0
        1 a again: yes
        3 a repair since 1
    """)


def test_a_limit_of_none_falls_through_and_certainties_are_certain() -> None:
    jumps = [
        Jump("end", "never", limit=0),
        Jump("end", "impossible", Chance(0.0)),
        Jump("end", "not certain", Chance(1.0, otherwise=True)),
        Jump("end", "certain", Chance(1.0)),
    ]
    assert finished(write({"a": [*jumps, Note("here"), Label("end")]})) == lines("""
        0 a again never: no
        0 a again impossible: no
        0 a again not certain: no
        0 a again certain: yes
    """)


def test_every_attempt_draws_its_own_luck_from_its_own_name() -> None:
    seed, units = 7, [f"u{number}" for number in range(40)]
    route: list[Step] = [
        Label("top"),
        Work("build", Span(Discrete((1, 100), (1, 1))), "always"),
        Jump("top", "test", Chance(0.5), limit=3),
    ]

    def duration(unit: str) -> int:
        """Build and test by hand: each attempt is one draw of (seed, name, replication 0, attempt)."""
        total, test, build = 0, stream_key(seed, f"test/{unit}"), stream_key(seed, f"build/{unit}")
        for attempt in range(4):
            total += 1 if uniform(build, 0, attempt) < 0.5 else 100
            if attempt == 3 or uniform(test, 0, attempt) >= 0.5:
                break
        return total

    assert last(finished(write(dict.fromkeys(units, route)), seed=seed), "again") == {
        unit: duration(unit) for unit in units
    }


def test_the_complement_of_a_chance_falls_the_other_way_on_the_same_draw() -> None:
    units = [f"u{number}" for number in range(50)]

    def rows_with(chance: Chance) -> list[Row]:
        route: list[Step] = [Label("top"), Jump("top", "test", chance, limit=5)]
        return finished(write(dict.fromkeys(units, route)))

    rows, others = rows_with(Chance(0.3)), rows_with(Chance(0.7, otherwise=True))
    # u < 0.3 is u < 1 - 0.7: the same luck, the same way.
    assert rows == others
    assert {what for _, _, what in rows} == {"again test: yes", "again test: no"}


def test_draws_of_one_unit_do_not_depend_on_who_else_is_there() -> None:
    route: list[Step] = [Label("top"), work(1), Jump("top", "test", Chance(0.5), limit=9)]
    alone = told(write({"u3": route})).rows
    assert [row for row in told(write({f"u{n}": route for n in range(6)})).rows if row[1] == "u3"] == alone
