from __future__ import annotations

from collections.abc import Sequence

from sim.plan.vocabulary import LEAVING_PRIORITY, Chance, Free, Hold, Jump, Label, Pool, Signal, Step, Wait
from tests.engine.small_plans import Pools, Routes, job, work
from tests.plan.plan_text import remarks, said, site, stalls

TOKENS = Pool(0, "passed")


# --- rule 4: second holds follow one order of pools -----------------------------------------------------------


def test_pools_taken_in_this_order_and_the_other_are_refused() -> None:
    here: list[Step] = [Hold({"truck": 1}), work(1), Hold({"crane": 1}), Free({"truck": 1, "crane": 1})]
    there: list[Step] = [Hold({"crane": 1}), work(1), Hold({"truck": 1}), Free({"truck": 1, "crane": 1})]
    pools = {"truck": 1, "crane": 1}
    (remark,) = remarks(site({"lift": here, "haul": there}, pools))
    assert (remark.severity, remark.about) == ("error", "truck and crane")
    assert "haul and 1 more: can wait for each other for ever" in remark.sentence
    assert "truck is kept while waiting for crane; crane is kept while waiting for truck" in remark.sentence
    assert stalls({"lift": here, "haul": there}, pools)
    assert said({"lift": here, "haul": here}, pools) == []


def test_a_ring_of_three_pools_is_one_remark_for_all_units() -> None:
    pools = ("line", "bay", "yard")
    routes: dict[str, list[Step]] = {}
    for number in range(60):
        one, other = pools[number % 3], pools[(number + 1) % 3]
        routes[f"s{number}"] = [Hold({one: 1}), work(1), Hold({other: 1}), Free({one: 1, other: 1})]
    (line,) = said(routes, dict.fromkeys(pools, 2))
    assert line.startswith("error: s0 and 59 more")


def test_taking_more_of_the_same_while_holding_some_is_refused_if_there_are_not_enough_for_all() -> None:
    twice: list[Step] = [Hold({"crew": 1}), work(1), Hold({"crew": 1}), Free({"crew": 2})]
    assert "crew is kept while waiting for crew" in said({"a": twice, "b": twice}, {"crew": 2})[0]
    assert stalls({"a": twice, "b": twice}, {"crew": 2})
    assert said({"a": twice, "b": twice}, {"crew": 3}) == []


def test_both_orders_do_no_harm_where_there_is_enough_for_everybody() -> None:
    here: list[Step] = [Hold({"truck": 1}), work(1), Hold({"crane": 1}), Free({"truck": 1, "crane": 1})]
    there: list[Step] = [Hold({"crane": 1}), work(1), Hold({"truck": 1}), Free({"truck": 1, "crane": 1})]
    assert said({"lift": here, "haul": there}, {"truck": 2, "crane": 1}) == []


def test_what_is_kept_back_for_the_impatient_can_close_a_ring() -> None:
    keeps: list[Step] = [Hold({"crew": 1}), work(5), *job(1, "crane"), Free({"crew": 1})]
    needs_both: list[Step] = [work(1), Hold({"crew": 1, "crane": 1}, patience=1), Free({"crew": 1, "crane": 1})]
    (line,) = said({"keeps": keeps, "both": needs_both}, {"crew": 1, "crane": 1})
    assert line.startswith("warning: keeps: can wait for others for ever, and what is withheld for requests")
    assert stalls({"keeps": keeps, "both": needs_both}, {"crew": 1, "crane": 1})
    patient: list[Step] = [work(1), *job(0, "crew", "crane")]
    assert said({"keeps": keeps, "both": patient}, {"crew": 1, "crane": 1}) == []
    assert not stalls({"keeps": keeps, "both": patient}, {"crew": 1, "crane": 1})


# --- rule 7: places, beds, gates ------------------------------------------------------------------------------


def yard(places: int, each: int, skids: int) -> tuple[Routes, Pools]:
    """Skids that take a place each, and a crane that sets `each` of them at once."""
    made: dict[str, Sequence[Step]] = {f"s{n}": [Hold({"place": 1}), work(1), Free({"skid": 1})] for n in range(skids)}
    sets: Routes = {f"b{n}": [Hold({"skid": each}), work(1), Free({"place": each})] for n in range(skids // each)}
    return {**made, **sets}, {"place": Pool(places, "passed"), "skid": TOKENS}


def test_a_yard_that_never_holds_what_is_taken_at_once() -> None:
    lines = said(*yard(2, 3, 6))
    assert lines[0] == (
        "error: b0 and 1 more: 3 of skid at once can never be there: they lie on 3 places of place, which has 2"
    )
    assert stalls(*yard(2, 3, 6))
    assert said(*yard(3, 3, 6)) == []
    assert not stalls(*yard(3, 3, 6))


def test_two_kinds_on_one_yard_can_shut_each_other_out() -> None:
    def shared(places: int, **limits: int) -> tuple[Routes, Pools]:
        own = {kind: {"place": 1, **({f"{kind} place": 1} if kind in limits else {})} for kind in ("bus", "pipe")}
        made: Routes = {f"{kind}{n}": [Hold(own[kind]), work(1), Free({kind: 1})] for kind in own for n in range(4)}
        back = {pool: 2 * count for holds in own.values() for pool, count in holds.items() if pool != "place"}
        takes: list[Step] = [Hold({"bus": 2, "pipe": 2}), work(1), Free({"place": 4, **back})]
        kinds = {f"{kind} place": Pool(limit, "passed") for kind, limit in limits.items()}
        return {**made, "b1": takes, "b2": takes}, {
            "place": Pool(places, "passed"),
            "bus": TOKENS,
            "pipe": TOKENS,
            **kinds,
        }

    lines = said(*shared(5))
    assert "warning: b1 and 1 more: bus can take so many of the 5 places of place that too few" in " ".join(lines)
    assert stalls(*shared(5))
    assert said(*shared(8)) == []
    assert said(*shared(4, bus=2, pipe=2)) == []
    assert not stalls(*shared(4, bus=2, pipe=2))


def test_waiting_at_a_gate_while_keeping_what_opens_it() -> None:
    keeps: list[Step] = [Hold({"crane": 1}), Wait("set"), work(1), Free({"crane": 1})]
    opens: list[Step] = [work(3), *job(1, "crane"), Signal("set")]
    (remark,) = remarks(site({"keeps": keeps, "opens": opens}, {"crane": 1}))
    assert (remark.severity, remark.about) == ("error", "crane")
    assert remark.sentence == (
        "keeps: can wait for others for ever, behind a gate: crane is kept while waiting for crane"
    )
    assert stalls({"keeps": keeps, "opens": opens}, {"crane": 1})
    assert said({"keeps": keeps, "opens": opens}, {"crane": 2}) == []


def test_a_gate_that_others_open_too_needs_no_crane() -> None:
    keeps: list[Step] = [Hold({"crane": 1}), Wait("set"), work(1), Free({"crane": 1})]
    opens: list[Step] = [work(3), *job(1, "crane"), Signal("set")]
    assert said({"keeps": keeps, "opens": opens, "also": [work(9), Signal("set")]}, {"crane": 1}) == []


def test_waiting_for_what_one_has_set_going_oneself() -> None:
    asks: list[Step] = [Hold({"crane": 1}), Signal("ask"), Wait("answer"), Free({"crane": 1})]
    answers: list[Step] = [Wait("ask"), work(1), Signal("answer")]
    assert said({"asks": asks, "answers": answers, "other": job(1, "crane")}, {"crane": 1}) == []


def test_a_crane_that_is_needed_on_some_ways_only() -> None:
    keeps: list[Step] = [Hold({"crane": 1}), Wait("set"), work(1), Free({"crane": 1})]
    skip = Jump("set", "small enough to carry", Chance(0.5))
    opens: list[Step] = [work(3), skip, *job(1, "crane"), Label("set"), Signal("set")]
    assert "crane is kept while waiting for crane" in said({"keeps": keeps, "opens": opens}, {"crane": 1})[0]


def camp(beds: int, *, fitters: int = 2, riggers: int = 2) -> tuple[Routes, Pools]:
    """Crews of two trades that keep a bed until their trade is done; riggers work only behind the fitters."""

    def crew(trade: str) -> list[Step]:
        stay: list[Step] = [Hold({"bed": 1}), work(1), Free({trade: 1}), Wait(f"done {trade}", 2)]
        return [*stay, Hold({trade: 1}, LEAVING_PRIORITY), Free({"bed": 1})]

    routes: dict[str, list[Step]] = {f"fitters{n}": crew("fitters") for n in range(fitters)}
    routes |= {f"riggers{n}": crew("riggers") for n in range(riggers)}
    routes["b1"] = [*job(3, "fitters"), Signal("done fitters"), *job(3, "riggers"), Signal("done riggers")]
    routes["b2"] = [*job(3, "riggers"), Signal("done riggers"), *job(3, "fitters"), Signal("done fitters")]
    return routes, {"bed": beds, "fitters": Pool(0, "supplied"), "riggers": Pool(0, "supplied")}


def test_beds_for_all_crews_that_stay_to_the_end() -> None:
    (line,) = said(*camp(2))
    assert line.startswith("warning: fitters0 and 3 more: can wait for each other for ever, behind a gate: bed is kept")
    assert stalls(*camp(2))
    assert said(*camp(3)) == []
    assert not stalls(*camp(3))


def test_places_that_someone_gives_back_himself_can_be_taken_again() -> None:
    gives_back: list[Step] = [Hold({"power": 1}), work(1), Signal("tested"), Free({"power": 1})]
    leaves_it: list[Step] = [Hold({"power": 1}), work(1), Signal("tested")]
    hall: list[Step] = [Wait("tested", 2), Free({"power": 1})]
    routes: Routes = {"a": gives_back, "b": leaves_it, "hall": hall}
    pools: Pools = {"power": Pool(1, "passed")}
    assert not any("can never" in line for line in said(routes, pools))
    assert not stalls(routes, pools)


def test_test_power_that_comes_back_only_for_a_whole_hall() -> None:
    def hall(power: int, halls: int) -> tuple[Routes, Pools]:
        tests: dict[str, list[Step]] = {}
        for h in range(halls):
            for block in range(3):
                tests[f"h{h}.b{block}"] = [Hold({"power": 2}), work(1), Signal(f"h{h}.tested")]
            tests[f"h{h}"] = [Wait(f"h{h}.tested", 3), Free({"power": 6})]
        return tests, {"power": Pool(power, "passed")}

    assert said(*hall(5, 2))[0] == (
        "error: h0 and 1 more: power comes back only when 6 of it have been taken, and there are 5"
    )
    (line,) = said(*hall(8, 2))
    assert line.startswith("warning: h0 and 1 more: power comes back only when several have taken theirs; of 8 too")
    assert said(*hall(10, 2)) == []
    assert said(*hall(6, 1)) == []
