from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sim.plan.analysis.critical_path import NEVER, Link, Schedule, earliest
from sim.plan.compile import compile_plan
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.draws import Draws
from sim.plan.vocabulary import (
    BLOCKING_OPERATIONS,
    WORK,
    Chance,
    Free,
    Hold,
    Jump,
    Label,
    Plan,
    Pool,
    Signal,
    Step,
    Wait,
    Work,
    fixed,
)
from sim.world.working_time import Calendar
from tests.engine.small_plans import HORIZON, at, job, told, work, write
from tests.plan.random_sites import random_site

DAG = st.lists(st.tuples(st.integers(0, 50), st.sets(st.integers(0, 199), max_size=4)), min_size=1, max_size=200)
"""Per task: its minutes, and the earlier tasks it waits for (modulo its own number)."""


def planned(plan: Plan) -> tuple[CompiledPlan, list[int]]:
    """A plan as arrays, and the values of its first replication."""
    compiled = compile_plan(plan)
    (luck,) = Draws(compiled.inputs, 0).chunk(0, 1)
    return compiled, luck.values


def passed(plan: Plan, *, bound: bool = False) -> Schedule:
    """The schedule of a plan without limits."""
    compiled, values = planned(plan)
    return earliest(compiled, values, compiled.base_calendars, bound=bound)


def works(plan: Plan, *, bound: bool = False) -> dict[str, tuple[int, int]]:
    """When the last work of every unit is begun and done."""
    compiled, schedule = compile_plan(plan), passed(plan, bound=bound)
    steps = np.flatnonzero(compiled.rows[:, 0] == WORK).tolist()
    return {
        compiled.units[compiled.unit_of[step]]: (int(schedule.begun[step]), int(schedule.done[step])) for step in steps
    }


# --- A1: the critical path ------------------------------------------------------------------------------------


def network(tasks: Sequence[tuple[int, set[int]]]) -> tuple[Plan, list[set[int]]]:
    """A plan of tasks by one crew each and a single crane, and who each of them waits for."""
    before = [{other % number for other in others} if number else set() for number, (_, others) in enumerate(tasks)]
    routes: dict[str, list[Step]] = {
        f"t{number}": [
            *(Wait(f"done {other}") for other in sorted(before[number])),
            *job(minutes, "crane"),
            Signal(f"done {number}"),
        ]
        for number, (minutes, _) in enumerate(tasks)
    }
    return write(routes, {"crane": 1}), before


def longest_paths(tasks: Sequence[tuple[int, set[int]]], before: Sequence[set[int]]) -> list[tuple[int, int]]:
    """Earliest start and finish of every task, from the textbook recursion."""
    times: list[tuple[int, int]] = []
    for number, (minutes, _) in enumerate(tasks):
        start = max((times[other][1] for other in before[number]), default=0)
        times.append((start, start + minutes))
    return times


@given(DAG)
def test_earliest_times_are_longest_paths(tasks: list[tuple[int, set[int]]]) -> None:
    plan, before = network(tasks)
    times = longest_paths(tasks, before)
    assert works(plan) == {f"t{number}": time for number, time in enumerate(times)}
    schedule = passed(plan)
    assert schedule.completion == max(finish for _, finish in times)
    assert schedule.never == {}


@given(DAG)
def test_the_chain_is_a_path_without_gaps_that_ends_at_the_finish(tasks: list[tuple[int, set[int]]]) -> None:
    plan, before = network(tasks)
    chain = passed(plan).chain
    finish = max(time for _, time in longest_paths(tasks, before))
    assert sum(link.finish - link.start for link in chain) == finish
    assert [link.start for link in chain] == [0, *(link.finish for link in chain)][: len(chain)]
    for one, other in pairwise(chain):
        assert _leads_to(int(one.unit[1:]), int(other.unit[1:]), before)


def _leads_to(one: int, other: int, before: Sequence[set[int]]) -> bool:
    todo, seen = [other], set()
    while todo:
        task = todo.pop()
        if task not in seen:
            seen.add(task)
            todo += before[task]
    return one in seen


# --- by hand --------------------------------------------------------------------------------------------------


def test_dates_hours_and_gates() -> None:
    plan = write(
        {
            "permit": [at(100), Signal("permitted")],
            "dig": [Wait("permitted"), Work("dig", fixed(90), "shift"), Signal("dug")],
            "pour": [Wait("dug"), Work("pour", fixed(60), "shift", "whole"), Signal("poured", 2)],
            "cure": [Wait("poured", 2), work(30, "cure")],
        }
    )
    shift = [(day * 200 + 50, day * 200 + 150) for day in range(10)]
    plan.works_on({"shift": Calendar.of("shift", shift, HORIZON)})
    schedule = passed(plan)
    assert schedule.chain == (
        Link("permit", "date", 0, 100),
        Link("dig", "dig", 100, 290),
        Link("pour", "pour", 290, 350),
        Link("cure", "cure", 350, 380),
    )
    assert schedule.completion == 380


def test_crews_and_places_are_no_limit_but_are_not_there_before_they_come() -> None:
    plan = write(
        {
            "arrives": [at(7), Free({"crew": 1})],
            "a": job(5, "crew", "crane", "place"),
            "b": job(5, "crew", "crane", "place"),
        },
        {"crew": Pool(0, "supplied"), "crane": 1, "place": Pool(1, "passed")},
    )
    assert works(plan) == {"a": (7, 12), "b": (7, 12)}
    assert passed(plan).chain == (Link("arrives", "date", 0, 7), Link("a", "work", 7, 12))


def test_skids_go_to_those_who_ask_first_and_find_enough() -> None:
    def takers(since: int, *, bound: bool = False) -> dict[str, tuple[int, int]]:
        made: dict[str, list[Step]] = {f"s{n}": [work(10 * n), Free({"skid": 1})] for n in (1, 2, 3)}
        two: list[Step] = [Hold({"skid": 2}), work(1)]
        plan = write({**made, "two": two, "one": [at(since), Hold({"skid": 1}), work(1)]}, {"skid": Pool(0, "passed")})
        return {unit: times for unit, times in works(plan, bound=bound).items() if unit in {"one", "two"}}

    assert takers(5) == {"one": (10, 11), "two": (30, 31)}
    assert takers(20) == {"one": (30, 31), "two": (20, 21)}
    assert takers(20, bound=True) == {"one": (20, 21), "two": (20, 21)}


def test_places_that_a_consumer_hands_back_are_no_limit() -> None:
    skids: dict[str, list[Step]] = {f"s{n}": [Hold({"place": 1}), work(4), Free({"skid": 1})] for n in range(6)}
    sets: list[Step] = [Hold({"skid": 6}), work(1), Free({"place": 6})]
    plan = write({**skids, "b": sets}, {"skid": Pool(0, "passed"), "place": Pool(1, "passed")})
    assert works(plan)["b"] == (4, 5)


def test_spare_skids_do_not_make_the_others_come_by_themselves() -> None:
    made: list[Step] = [Hold({"place": 1}), work(30), Free({"skid": 1})]
    sets: list[Step] = [Hold({"skid": 1}), Free({"place": 1}), work(1)]
    plan = write({"s": made, "b1": sets, "b2": sets}, {"skid": Pool(1, "passed"), "place": Pool(4, "passed")})
    assert works(plan) == {"s": (0, 30), "b1": (0, 1), "b2": (30, 31)}


def test_a_gate_behind_a_branch_is_waited_for_on_that_branch_only() -> None:
    def passes(probability: float) -> dict[str, tuple[int, int]]:
        skip = Jump("on", "no permit needed", Chance(probability))
        return works(write({"a": [skip, Wait("permit"), Label("on"), work(1)], "p": [work(9), Signal("permit")]}))

    assert passes(1.0)["a"] == (0, 1)
    assert passes(0.0)["a"] == (9, 10)


def test_a_test_is_repeated_up_to_its_limit() -> None:
    def tested(probability: float) -> int | None:
        again = Jump("test", "fails", Chance(probability), limit=3)
        return passed(write({"a": [Label("test"), work(10), again]})).completion

    assert tested(0.0) == 10
    assert tested(1.0) == 40


def test_learning_and_crowding_are_at_their_best() -> None:
    plan = write({"a": [work(100, learning="curve")], "b": [work(100, area="hall")]})
    plan.learns("curve", (1_500_000, 900_000, 1_000_000))
    plan.area("hall", (1_000_000, 1_000_000, 1_400_000))
    assert works(plan) == {"a": (0, 90), "b": (0, 100)}


def test_who_waits_in_a_ring_never_comes() -> None:
    plan = write(
        {
            "a": [Wait("b"), work(1), Signal("a")],
            "b": [Wait("a"), work(1), Signal("b")],
            "c": [work(3)],
            "d": [Hold({"skid": 2}), work(1)],
            "e": [Label("round"), Jump("round")],
        },
        {"skid": Pool(1, "passed")},
    )
    schedule = passed(plan)
    assert schedule.never == {
        "a": "waits for b to reach 1 (it comes to 0)",
        "b": "waits for a to reach 1 (it comes to 0)",
        "d": "waits for more than ever comes of skid (1)",
        "e": "jumps for ever",
    }
    assert schedule.completion is None
    assert schedule.chain == (Link("c", "work", 0, 3),)
    assert works(plan)["a"] == (NEVER, NEVER)


def test_what_waits_for_the_end_of_the_run_is_not_performed() -> None:
    routes: dict[str, list[Step]] = {
        "b1": [work(5), Signal("over")],
        "order": [Wait("over"), work(1), Signal("done")],
        "truck": [work(9)],
        "crew": [Wait("done")],
    }
    schedule = passed(write(routes, finish=("over", 1)))
    assert schedule.completion == 5
    assert schedule.log[:, 0].max() == 9
    assert schedule.never == {"crew": "waits for done to reach 1 (it comes to 0)"}


def test_work_that_fits_no_window_or_runs_past_the_calendar_never_ends() -> None:
    plan = write({"a": [Work("pour", fixed(60), "shift", "whole")], "b": [Work("dig", fixed(200), "shift")]})
    plan.works_on({"shift": Calendar.of("shift", [(0, 50), (60, 100)], 100)})
    never = passed(plan).never
    assert "cannot pause" in never["a"]
    assert "calendar shift ends" in never["b"]


# --- against the engine ---------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(st.randoms(use_true_random=False))
def test_with_plenty_of_everything_the_engine_performs_this_schedule(random: Random) -> None:
    plan = random_site(random, unlimited=True)
    done = told(plan)
    compiled, values = planned(plan)
    schedule = earliest(compiled, values, compiled.base_calendars)
    assert (done.outcome.deadlock is None) == (schedule.completion is not None)
    waits = np.isin(compiled.rows[:, 0], BLOCKING_OPERATIONS)
    ours = sorted((minute, step, begun) for minute, step, begun, _ in schedule.log.tolist())
    assert ours == sorted((minute, step, x if waits[step] else minute) for minute, step, x in done.log)


@settings(max_examples=100)
@given(st.randoms(use_true_random=False))
def test_no_performance_is_over_before_the_bound(random: Random) -> None:
    plan = random_site(random)
    done = told(plan)
    assume(done.outcome.deadlock is None)
    bound = passed(plan, bound=True).completion
    assert bound is not None
    assert bound <= done.finish
