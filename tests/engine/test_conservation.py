"""What no plan can break: nothing is taken that is not there, time waited adds up, and no work is free."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.plan.compile import FREE, HOLD, WORK, compile_plan
from sim.plan.plan import Plan
from sim.plan.vocabulary import Free, Hold, Signal, Step, Wait
from tests.engine.naive import Naive
from tests.engine.random_plans import LAST, random_plan
from tests.engine.small_plans import Told, last, told, work, write
from tests.engine.test_against_naive import drawing, performed

SOUND = st.builds(random_plan, st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 4), sound=st.just(True))


@settings(max_examples=200)
@given(SOUND)
def test_a_replay_of_the_log_never_takes_what_is_not_there_and_all_comes_back(plan: Plan) -> None:
    compiled, _, performance = performed(plan, 0)
    free, held = compiled.initial.copy(), Counter[tuple[int, int]]()
    for _, step, _ in performance.log.tolist():
        operation, bundle = compiled.rows[step, :2].tolist()
        sign = {HOLD: -1, FREE: 1}.get(operation, 0)
        for pool, count in compiled.bundles[bundle] if sign else ():
            free[pool] += sign * count
            held[int(compiled.unit_of[step]), pool] -= sign * count
        assert (free >= 0).all()
        assert (free <= compiled.initial).all()
        assert min(held.values(), default=0) >= 0
    everybody_over = all(f"{unit}" in last(Told(compiled, performance).rows, "signal over") for unit in plan.units)
    if everybody_over:
        assert (free == compiled.initial).all()


@settings(max_examples=200)
@given(SOUND)
def test_pool_minutes_held_are_the_minutes_from_grant_to_giving_back(plan: Plan) -> None:
    compiled, _, performance = performed(plan, 0)
    rows = performance.log.tolist()
    steps = [(minute, *compiled.rows[step, :2].tolist()) for minute, step, _ in rows]
    taken = [(minute, *counts) for minute, what, bundle in steps if what == HOLD for counts in compiled.bundles[bundle]]
    given_back = [(minute, *counts) for minute, what, bundle in steps if what == FREE for counts in compiled.bundles[bundle]]
    end = rows[-1][0] if rows else 0
    in_use = Counter[int]()
    area = Counter[int]()
    for minute in range(end):
        for when, pool, count in taken:
            in_use[pool] += count * (when == minute)
        for when, pool, count in given_back:
            in_use[pool] -= count * (when == minute)
        area.update(in_use)
    for pool in range(len(compiled.pools)):
        took, gave = (
            sum(count * (end - when) for when, which, count in moves if which == pool) for moves in (taken, given_back)
        )
        assert area[pool] == took - gave


@settings(max_examples=150)
@given(SOUND)
def test_little_the_queue_over_time_is_the_sum_of_waits(plan: Plan) -> None:
    compiled, luck, performance = performed(plan, 0)
    naive = Naive(plan, drawing(compiled, luck))
    naive.run(LAST)
    waited = sum(
        minute - asked for minute, step, asked in performance.log.tolist() if compiled.rows[step, 0] == HOLD
    )
    still = sum(naive.now - unit.since for unit in naive.units if not unit.over and unit.doing == "asking")
    # The queue is counted at the end of every single minute, the waits come from the log.
    assert naive.queued == waited + still


@st.composite
def shared(draw: st.DrawFn) -> tuple[Plan, int]:
    """A network over shared pools, and a bound: the longest path, or the load of a pool over its capacity."""
    pools = {"crew": draw(st.integers(1, 3)), "crane": draw(st.integers(1, 2))}
    load, longest, routes = Counter[str](), [0], dict[str, list[Step]]()
    for task in range(draw(st.integers(1, 12))):
        others = sorted(draw(st.sets(st.integers(0, task - 1), max_size=3))) if task else []
        minutes = draw(st.integers(0, 9))
        counts = {pool: draw(st.integers(0, most)) for pool, most in pools.items()}
        hold = Hold(counts, patience=draw(st.sampled_from([None, 0, 4])))
        waits = [Wait(f"t{other}") for other in others]
        routes[f"t{task}"] = [*waits, hold, work(minutes), Free(counts), Signal(f"t{task}")]
        longest.append(minutes + max((longest[other + 1] for other in others), default=0))
        load.update({pool: count * minutes for pool, count in counts.items()})
    return write(routes, pools), max([*longest, *(-(-load[pool] // most) for pool, most in pools.items())])


@settings(max_examples=200)
@given(shared())
def test_no_plan_is_quicker_than_its_longest_path_or_its_heaviest_load(drawn: tuple[Plan, int]) -> None:
    plan, bound = drawn
    outcome = told(plan)
    assert outcome.performance.stuck is None
    assert outcome.finish >= bound
    # Nor is anything left undone, or kept waiting while all of it is free: some pool is always busy, or a work.
    works = sum(1 for step in compile_plan(plan).rows.tolist() if step[0] == WORK)
    assert sum(what.startswith("work") for _, _, what in outcome.rows) == works
