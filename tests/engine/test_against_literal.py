"""Random plans, performed by the engine and by its rules written down once more: the same log, row for row."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.plan.vocabulary import FREE, Plan
from tests.engine.literal_engine import Entry, Naive, Walker, drawing
from tests.engine.random_plans import LAST, random_plan
from tests.engine.small_plans import Told, told

Order = Callable[[list[Walker]], list[Walker]]
PLANS = st.builds(random_plan, st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 5), sound=st.booleans())
ORDERS: dict[str, Order] = {
    "by name": list,
    "backwards": lambda units: units[::-1],
    "furthest first": lambda units: sorted(units, key=lambda unit: -unit.at),
}


def entries(told: Told) -> list[Entry]:
    """The engine's canonical log with units by name and steps counted from the start of their route."""
    plan = told.compiled
    unit_of, first, operation = plan.unit_of.tolist(), plan.first.tolist(), plan.rows[:, 0].tolist()
    return [
        (minute, plan.units[unit_of[step]], step - first[unit_of[step]], None if operation[step] == FREE else x)
        for minute, step, x in told.log
    ]


def follows_the_rules(plan: Plan, seed: int, order: Order) -> None:
    """Assert that the engine tells the same twice, and the same as the rules whoever moves first in a minute."""
    once, twice = told(plan, seed=seed), told(plan, seed=seed)
    assert once.outcome.log.tolist() == twice.outcome.log.tolist()
    naive = Naive(plan, drawing(once.compiled, once.draws), order)
    outcome = naive.run(LAST)
    rank = {name: number for number, name in enumerate(once.compiled.units)}
    assert entries(once) == sorted(naive.log, key=lambda row: (row[0], rank[row[1]]))
    assert outcome == ("finished" if once.outcome.deadlock is None else "stalled")
    if outcome == "stalled":
        waiting = [(unit.name, unit.wants) for unit in naive.units if not unit.over]
        # who looks at net levels may do so in later minutes, without anything that comes of it
        assert once.deadlock.minute == naive.now or any(unit.name.startswith("w") for unit in naive.units)
        assert [waiter.unit for waiter in once.deadlock.waiting] == [unit for unit, _ in waiting]
        assert all(wants in waiter.wants for waiter, (_, wants) in zip(once.deadlock.waiting, waiting, strict=True))


@settings(max_examples=80)
@given(PLANS, st.integers(0, 99), st.sampled_from(sorted(ORDERS)))
def test_the_engine_follows_its_rules(plan: Plan, seed: int, order: str) -> None:
    follows_the_rules(plan, seed, ORDERS[order])


@pytest.mark.slow
@pytest.mark.parametrize("thousand", range(10))
def test_the_engine_follows_its_rules_on_many_plans(thousand: int) -> None:
    for number in range(1_000):
        seed = 1_000 * thousand + number
        plan = random_plan(seed, 1 + number % 12, 1 + number % 5, sound=number % 2 == 0)
        follows_the_rules(plan, seed, ORDERS["backwards"])


def test_random_plans_are_worth_performing() -> None:
    finished = sum(told(random_plan(seed, 8, 4)).outcome.deadlock is None for seed in range(100))
    assert 20 < finished < 80
