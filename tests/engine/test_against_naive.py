"""Random plans, performed by the engine and by its rules written down once more: the same log, row for row."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.processes import Performance, Prepared, perform
from sim.plan.compile import FREE, Compiled, compile_plan
from sim.plan.luck import Luck
from sim.plan.plan import Plan
from tests.engine.naive import Draw, Entry, Naive, Walker
from tests.engine.random_plans import LAST, random_plan
from tests.engine.small_plans import Told, lucks

PLANS = st.builds(random_plan, st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 5), sound=st.booleans())
ORDERS: dict[str, Callable[[list[Walker]], list[Walker]]] = {
    "by name": list,
    "backwards": lambda units: units[::-1],
    "furthest first": lambda units: sorted(units, key=lambda unit: -unit.at),
}


def drawing(compiled: Compiled, luck: Luck) -> Draw:
    """Look luck up by name."""
    number = {name: place for place, name in enumerate(compiled.inputs.names)}

    def draw(name: str, attempt: int) -> int:
        return luck.values[number[name]] if attempt == 0 else luck.later(number[name], attempt)

    return draw


def entries(told: Told) -> list[Entry]:
    """The engine's canonical log with units by name and steps counted from the start of their route."""
    plan = told.compiled
    return [
        (
            minute,
            plan.units[plan.unit_of[step]],
            int(step - plan.first[plan.unit_of[step]]),
            None if plan.rows[step, 0] == FREE else x,
        )
        for minute, step, x in told.log
    ]


def performed(plan: Plan, seed: int) -> tuple[Compiled, Luck, Performance]:
    """Perform a plan once."""
    compiled = compile_plan(plan)
    (luck,) = lucks(compiled, 1, seed)
    return compiled, luck, perform(Prepared(compiled), luck, list(plan.calendars.values()))


def same_twice(plan: Plan, seed: int, order: Callable[[list[Walker]], list[Walker]]) -> None:
    """Assert that the engine tells the same twice, and the same as the rules."""
    compiled, luck, performance = performed(plan, seed)
    assert (performed(plan, seed)[2].log == performance.log).all()
    naive = Naive(plan, drawing(compiled, luck), order)
    outcome = naive.run(LAST)
    rank = {name: number for number, name in enumerate(compiled.units)}
    assert entries(Told(compiled, performance)) == sorted(naive.log, key=lambda row: (row[0], rank[row[1]]))
    stuck = performance.stuck
    assert outcome == ("finished" if stuck is None else "stalled")
    if stuck is not None:
        assert stuck.minute == naive.now
        waiting = [unit for unit in naive.units if not unit.over]
        assert [waiter.unit for waiter in stuck.waiting] == [unit.name for unit in waiting]
        assert all(f"waits for {unit.wants}" in waiter.wants for unit, waiter in zip(waiting, stuck.waiting))


@settings(max_examples=300)
@given(PLANS, st.integers(0, 99), st.sampled_from(sorted(ORDERS)))
def test_the_engine_follows_its_rules(plan: Plan, seed: int, order: str) -> None:
    same_twice(plan, seed, ORDERS[order])


@pytest.mark.slow
@pytest.mark.parametrize("tenth", range(10))
def test_the_engine_follows_its_rules_on_many_plans(tenth: int) -> None:
    for number in range(1_000):
        seed = 1_000 * tenth + number
        plan = random_plan(seed, 1 + number % 12, 1 + number % 5, sound=number % 2 == 0)
        same_twice(plan, seed, ORDERS["backwards"])


def test_random_plans_are_worth_performing() -> None:
    outcomes = [performed(random_plan(seed, 8, 4), 0)[2].stuck is None for seed in range(100)]
    assert 20 < sum(outcomes) < 80
