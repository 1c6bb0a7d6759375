"""Where two performances part, in words."""

from __future__ import annotations

import numpy as np
import pytest

from sim.engine.backends import describe_row, difference
from sim.engine.deadlock import Deadlock
from sim.engine.simpy_engine import RunOutcome, SimpyPlan, simulate
from sim.plan.compile import compile_plan
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.draws import Draws
from sim.plan.vocabulary import Jump, Note, Signal, Wait
from tests.engine.small_plans import job, write

ROUTES = {
    "b2": [*job(5, "crane"), Note("online", "block", 3), Jump("end", "skip", limit=0), Signal("roof", 2)],
    "b10": [Wait("roof"), *job(7, "crane", "crew")],
}


@pytest.fixture
def performed() -> tuple[CompiledPlan, RunOutcome]:
    from sim.plan.vocabulary import Label

    routes = {**ROUTES, "b2": [*ROUTES["b2"], Label("end")]}
    plan = compile_plan(write(routes, {"crane": 1, "crew": 2}))
    (luck,) = Draws(plan.inputs, 0).chunk(0, 1)
    return plan, simulate(SimpyPlan(plan), luck, plan.base_calendars)


def changed(done: RunOutcome, row: int, column: int, by: int) -> RunOutcome:
    """The same performance with one number changed."""
    log = done.log.copy()
    log[row, column] += by
    return RunOutcome(log, done.deadlock)


def test_a_performance_is_the_same_as_itself_in_any_order_of_units(performed: tuple[CompiledPlan, RunOutcome]) -> None:
    plan, done = performed
    order = np.lexsort((-plan.unit_of[done.log[:, 1]], done.log[:, 0]))
    assert difference(plan, done, RunOutcome(done.log[order])) is None
    assert difference(plan, done, done) is None


def test_any_changed_number_is_found(performed: tuple[CompiledPlan, RunOutcome]) -> None:
    plan, done = performed
    for row in range(len(done.log)):
        for column in (0, 2):
            assert difference(plan, done, changed(done, row, column, 1)) is not None


def test_the_first_row_that_differs_is_told_with_both_timelines(performed: tuple[CompiledPlan, RunOutcome]) -> None:
    plan, done = performed
    row = int(np.flatnonzero(plan.rows[done.log[:, 1], 0] == 2)[1])
    parting = difference(plan, done, changed(done, row, 0, 4), ("one", "two"))
    assert parting == "\n".join(
        [
            "the engines part at minute 12, in what b10 does:",
            "  one:",
            "    minute 5: b10, step 1: wait roof, since minute 0",
            "    minute 5: b10, step 2: hold 1 crane + 1 crew, since minute 5",
            "  > minute 12: b10, step 3: work work, since minute 5",
            "    minute 12: b10, step 4: free 1 crane + 1 crew",
            "    minute 12: b10, step 5: signal everybody is done: 1",
            "  two:",
            "    minute 5: b10, step 1: wait roof, since minute 0",
            "    minute 5: b10, step 2: hold 1 crane + 1 crew, since minute 5",
            "  > minute 12: b10, step 4: free 1 crane + 1 crew",
            "    minute 12: b10, step 5: signal everybody is done: 1",
            "    minute 16: b10, step 3: work work, since minute 5",
        ]
    )


def test_a_log_that_ends_early_differs(performed: tuple[CompiledPlan, RunOutcome]) -> None:
    plan, done = performed
    parting = difference(plan, done, RunOutcome(done.log[:-1]))
    assert parting is not None
    assert "  > nothing more" in parting


def test_another_end_differs(performed: tuple[CompiledPlan, RunOutcome]) -> None:
    plan, done = performed
    parting = difference(plan, done, RunOutcome(done.log, Deadlock(12, (), ())))
    assert parting is not None
    assert parting.startswith("the logs are the same, but not the ends:")


def test_rows_are_told_in_words(performed: tuple[CompiledPlan, RunOutcome]) -> None:
    plan, done = performed
    lines = [describe_row(plan, row) for row in done.log]
    assert "minute 5: b2, step 4: note online/block: 3" in lines
    assert "minute 5: b2, step 5: again skip: 0" in lines
    assert "minute 5: b2, step 6: signal roof: 2" in lines
