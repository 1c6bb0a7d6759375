"""What no plan can break: nothing is taken that is not there, waits add up, and no work is free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.plan.vocabulary import FREE, HOLD, WORK, Free, Hold, Plan, Signal, Step, Wait
from tests.engine.literal_engine import Naive, drawing
from tests.engine.random_plans import LAST, OVER, random_plan
from tests.engine.small_plans import Told, last, told, work, write

SOUND = st.builds(random_plan, st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 4), sound=st.just(True))


def moves(told: Told) -> Iterator[tuple[int, int, int, int]]:
    """What the log says was given back (counts above zero) and taken: minute, unit, pool, count."""
    plan = told.compiled
    for minute, step, _ in told.outcome.log.tolist():
        operation, bundle = plan.rows[step, :2].tolist()
        for pool, count in plan.bundles[bundle] if operation in {HOLD, FREE} else ():
            yield minute, int(plan.unit_of[step]), pool, count if operation == FREE else -count


@settings(max_examples=80)
@given(SOUND)
def test_nothing_is_taken_that_is_not_there_and_everything_comes_back(plan: Plan) -> None:
    outcome = told(plan)
    initial = outcome.compiled.initial.tolist()
    free, held = list(initial), Counter[tuple[int, int]]()
    for _, unit, pool, count in moves(outcome):
        free[pool] += count
        held[unit, pool] -= count
        assert 0 <= free[pool] <= initial[pool]
        assert held[unit, pool] >= 0
    over = last(outcome.rows, f"signal {OVER}")
    assert all(count == 0 for (unit, _), count in held.items() if outcome.compiled.units[unit] in over)
    assert len(over) < len(plan.units) or free == initial


@settings(max_examples=80)
@given(SOUND)
def test_the_queue_over_time_is_the_sum_of_the_waits(plan: Plan) -> None:
    outcome = told(plan)
    rows = outcome.compiled.rows
    waited = sum(minute - asked for minute, step, asked in outcome.log if rows[step, 0] == HOLD)
    # Little's law: the queue is counted at the end of every single minute, the waits come from the log.
    naive = Naive(plan, drawing(outcome.compiled, outcome.draws))
    naive.run(LAST)
    still = sum(naive.now - unit.since for unit in naive.units if unit.doing == "asking")
    assert waited + still == naive.queued


@st.composite
def networks(draw: st.DrawFn) -> tuple[Plan, int]:
    """A network over shared pools, and a bound: its longest path, or the load of a pool over its capacity."""
    pools = {"crew": draw(st.integers(1, 3)), "crane": draw(st.integers(1, 2))}
    load, longest, routes = Counter[str](), list[int](), dict[str, list[Step]]()
    for task in range(draw(st.integers(1, 12))):
        others = sorted(draw(st.sets(st.integers(0, task - 1), max_size=3))) if task else []
        minutes = draw(st.integers(0, 9))
        counts = {pool: draw(st.integers(0, most)) for pool, most in pools.items()}
        hold = Hold(counts, patience=draw(st.sampled_from([None, 0, 4])))
        waits = [Wait(f"t{other}") for other in others]
        routes[f"t{task}"] = [*waits, hold, work(minutes), Free(counts), Signal(f"t{task}")]
        longest.append(minutes + max((longest[other] for other in others), default=0))
        load.update({pool: count * minutes for pool, count in counts.items()})
    heaviest = max(-(-load[pool] // most) for pool, most in pools.items())
    return write(routes, pools), max(heaviest, *longest)


@settings(max_examples=80)
@given(networks())
def test_no_network_is_quicker_than_its_longest_path_or_its_heaviest_load(network: tuple[Plan, int]) -> None:
    plan, bound = network
    outcome = told(plan)
    assert outcome.outcome.deadlock is None
    assert outcome.finish >= bound
    assert set(last(outcome.rows, "work")) == set(plan.units)


@st.composite
def lists_of_tasks(draw: st.DrawFn) -> dict[str, list[Step]]:
    """Tasks that need one of several equal crews each, some of them after others."""
    routes: dict[str, list[Step]] = {}
    for task in range(draw(st.integers(1, 12))):
        others = sorted(draw(st.sets(st.integers(0, task - 1), max_size=3))) if task else []
        own: list[Step] = [Hold({"crew": 1}), work(draw(st.integers(1, 9))), Free({"crew": 1}), Signal(f"t{task}")]
        routes[f"t{task}"] = [*(Wait(f"t{other}") for other in others), *own]
    return routes


@settings(max_examples=50)
@given(lists_of_tasks(), st.integers(1, 4), st.integers(1, 4))
def test_other_crews_never_make_it_longer_than_grahams_bound(tasks: dict[str, list[Step]], m: int, n: int) -> None:
    """From m equal crews to n: at most 1 + (m − 1) / n times as long (Graham 1969); more crews may take longer."""
    before, after = (told(write(tasks, {"crew": crews})).finish for crews in (m, n))
    assert after * n <= before * (n + m - 1)


@settings(max_examples=80)
@given(networks())
def test_pools_are_held_exactly_as_long_as_is_worked(network: tuple[Plan, int]) -> None:
    outcome = told(network[0])
    held = Counter[int]()
    for minute, _, pool, count in moves(outcome):
        held[pool] += minute * count
    worked = Counter[int]()
    rows, bundles = outcome.compiled.rows, outcome.compiled.bundles
    for minute, step, begun in outcome.log:
        if rows[step, 0] == WORK:
            worked.update({pool: (minute - begun) * count for pool, count in bundles[rows[step - 1, 1]]})
    assert {pool: held[pool] for pool in (0, 1)} == {pool: worked[pool] for pool in (0, 1)}
