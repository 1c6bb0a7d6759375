from __future__ import annotations

from collections.abc import Sequence

import pytest

from sim.plan.vocabulary import Chance, Free, Hold, Jump, Label, Pool, Signal, Step, Wait
from tests.engine.small_plans import job, work, write
from tests.plan.plan_text import remarks, said, stalls


def test_what_is_held_must_not_depend_on_the_way() -> None:
    skip = Jump("done", "no crane needed", Chance(0.5))
    (line,) = said({"a": [skip, Hold({"crane": 1}), work(1), Label("done"), Free({"crane": 1})]}, {"crane": 1})[:1]
    assert line == (
        "error: a: what is held or has been signalled at step 4 (free) depends on the path taken: 0 or 1 of crane"
    )
    assert said({"a": [skip, *job(1, "crane"), Label("done")]}, {"crane": 1}) == []


def test_a_branch_that_skips_work_signals_as_much() -> None:
    skip = Jump("skip", "not ordered", Chance(0.5))
    ordered: list[Step] = [skip, work(1), Signal("ready"), Jump("end"), Label("skip")]
    (line,) = said({"a": [*ordered, Label("end")], "b": [Wait("ready")]})
    assert "at step 5 (signal) depends on the path taken: 0 or 1 of ready" in line
    assert said({"a": [*ordered, Signal("ready"), Label("end")], "b": [Wait("ready")]}) == []


@pytest.mark.parametrize(
    ("body", "endless"),
    [
        ([Label("x"), Jump("x", "test", Chance(0.5))], True),
        ([Label("x"), work(0), Jump("x", "test", Chance(0.5))], True),
        ([Label("x"), Wait("g"), Jump("x", gate="g")], True),
        ([Label("x"), work(1), Jump("x", "test", Chance(0.5))], False),
        ([Label("x"), Jump("x", "test", Chance(0.5), limit=3)], False),
        ([Label("x"), Jump("out", "passes", Chance(0.9)), Jump("x", limit=3), Label("out")], False),
        ([Jump("x"), Label("x")], False),
    ],
)
def test_no_circle_without_work_or_limit(body: Sequence[Step], endless: bool) -> None:
    lines = said({"a": body, "opens": [Signal("g")]})
    assert any("can be repeated for ever without work and without a limit" in line for line in lines) == endless


def test_a_step_no_way_leads_to() -> None:
    assert said({"a": [Jump("end"), work(1), Label("end")]}) == ["warning: a: no path leads to 'work 1'"]


def test_gates_nobody_opens_or_not_so_far() -> None:
    blocks: dict[str, list[Step]] = {f"b{n}": [Wait(f"h{n}.dry"), work(1)] for n in range(100)}
    lines = said({**blocks, "t": [Wait("tested", 3)], "x": [Signal("tested")], "y": [Signal("tested")]})
    assert "error: b0 and 99 more: waits for h0.dry and 99 more, which nobody ever opens" in lines
    assert "error: t: waits for tested, which only comes to 2 of 3" in lines
    assert lines[-1] == "error: the project can never finish: everybody is done comes to 2 of 103 at most"


def test_units_that_wait_for_each_other() -> None:
    ring: dict[str, list[Step]] = {
        "a": [Wait("c"), Signal("a")],
        "b": [Wait("a"), Signal("b")],
        "c": [Wait("b"), Signal("c")],
        "d": [Wait("c"), Signal("d")],
    }
    lines = said(ring)
    assert lines[0] == "error: units wait for each other: a waits for c (c), c waits for b (b), b waits for a (a)"
    assert len(lines) == 2
    assert stalls(ring)
    assert said({**ring, "e": [Signal("c")]}) == []


def test_a_long_ring_is_not_told_in_full() -> None:
    (ring, _) = said({f"u{n}": [Wait(f"g{n}"), Signal(f"g{(n + 1) % 50}")] for n in range(50)})
    assert ring.count("waits for") == 6
    assert "and so on through 44 more, u1 waits for u0 (g1)" in ring


def test_who_waits_for_someone_stuck_is_not_part_of_a_ring() -> None:
    takes: list[Step] = [Hold({"place": 3}), Signal("here")]
    lines = said({"b": [Wait("here"), Free({"place": 3})], "b.material": takes}, {"place": Pool(2, "passed")})
    assert lines[0] == "error: b.material: takes 3 of place, of which there are 2 at most"
    assert not any("wait for each other" in line for line in lines)


def test_a_wait_in_vain_on_one_way_only_is_a_warning() -> None:
    skip = Jump("on", "no permit needed", Chance(0.5))
    vain: list[Step] = [skip, work(1), Wait("permit"), Label("on"), Signal("begun")]
    assert said({"a": vain, "b": [Wait("begun")]}) == [
        "warning: a: waits on one of its paths for permit, which nobody ever opens"
    ]
    ring: dict[str, list[Step]] = {"a": vain, "p": [Wait("begun"), Signal("permit")]}
    assert said(ring) == [
        "warning: units wait for each other on one of their paths: a waits for p (permit), p waits for a (begun)"
    ]
    assert said({**ring, "other": [Signal("permit")]}) == []


def test_who_never_ends_is_only_a_warning_where_the_project_does() -> None:
    plan = write({"a": [Wait("nobody")], "b": [work(1), Signal("over")]}, finish=("over", 1))
    assert [str(remark) for remark in remarks(plan)] == [
        "warning: a: waits for nobody, which nobody ever opens",
    ]
