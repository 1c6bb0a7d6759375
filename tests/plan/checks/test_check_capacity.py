from __future__ import annotations

from sim.plan.vocabulary import LEAVING_PRIORITY, Free, Hold, Jump, Label, Pool, Signal, Step, Wait
from tests.engine.small_plans import Pools, at, job, work, write
from tests.plan.plan_text import remarks, said, stalls


def test_what_is_taken_from_a_returned_pool_must_come_back() -> None:
    assert said({"a": [Hold({"crane": 2}), work(1), Free({"crane": 1})]}, {"crane": 2}) == [
        "error: a: 1 of crane is never given back"
    ]
    assert said({"a": [work(1), Free({"crane": 1})]}, {"crane": 2}) == [
        "error: a: gives back 1 more of crane than was taken"
    ]
    assert said({"a": job(1, "crane")}, {"crane": 2}) == []


def test_a_hold_that_is_larger_than_all_there_ever_is() -> None:
    pools: Pools = {"crew": Pool(1, "supplied")}
    arrives: list[Step] = [work(5), Free({"crew": 1})]
    takes: list[Step] = [Hold({"crew": 3}), work(1), Free({"crew": 3})]
    lines = said({"arrives": arrives, "b1": takes, "b2": takes}, pools)
    assert lines[0] == "error: b1 and 1 more: takes 3 of crew, of which there are 2 at most"
    assert "the project can never finish: everybody is done comes to 1 of 3 at most" in lines[1]
    assert said({"arrives": arrives, "too": arrives, "b1": takes}, pools) == []


def test_crews_that_leave_before_all_their_work_is_done() -> None:
    def crews(level: int) -> dict[str, list[Step]]:
        stay: list[Step] = [Free({"crew": 1}), Wait("done", level), Hold({"crew": 1}, LEAVING_PRIORITY)]
        report: list[Step] = [*job(2, "crew"), Signal("done")]
        return {"crew": stay, "b1": report, "b2": [Hold({"rain": 1}), work(9), Free({"rain": 1}), *report]}

    pools: Pools = {"crew": Pool(0, "supplied"), "rain": 1}
    (line,) = said(crews(1), pools)
    assert line == "warning: b1 and 1 more: takes 1 of crew, of which all but 0 may have left by then"
    assert stalls(crews(1), pools)
    assert said(crews(2), pools) == []
    assert not stalls(crews(2), pools)


def test_more_is_used_up_than_ever_comes() -> None:
    pools: Pools = {"power": Pool(0, "supplied")}
    units: dict[str, list[Step]] = {f"b{n}": [Hold({"power": 2_500}), work(1)] for n in range(3)}
    lines = said({**units, "g": [Free({"power": 5_000})]}, pools)
    assert lines == ["error: power: b0 and 2 more together take 7,500 of it for good, but only 5,000 of it ever come"]
    assert stalls({**units, "g": [Free({"power": 5_000})]}, pools)
    assert said({**units, "g": [Free({"power": 7_500})]}, pools) == []


def test_what_is_signalled_after_the_run_is_over_sends_nobody_home() -> None:
    never: list[Step] = [Label("never"), Signal("done"), Wait("over")]
    order: list[Step] = [
        Jump("never", gate="closed"),
        Wait("over"),
        Signal("done"),
        Jump("end"),
        *never,
        Label("end"),
    ]
    routes: dict[str, list[Step]] = {
        "order": order,
        "crew": [Free({"crew": 1}), Wait("done"), Hold({"crew": 1}, LEAVING_PRIORITY)],
        "b1": [*job(2, "crew"), Signal("done"), Signal("over")],
        "calendar": [at(999), Signal("closed")],
    }
    plan = write(routes, {"crew": Pool(0, "supplied")}, finish=("over", 1))
    assert [remark.sentence for remark in remarks(plan)] == []
