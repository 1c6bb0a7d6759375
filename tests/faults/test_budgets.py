"""Every budget ends in a diagnosis, in both engines with the same words, and never in a hang."""

from __future__ import annotations

import pytest

from sim.engine import simpy_engine as processes
from sim.engine.dispatcher import EndlessLoop
from sim.plan.compile import compile_plan
from sim.plan.vocabulary import Jump, Label, Step, Until, fixed
from tests.engine.numba_engine.both import agree
from tests.engine.small_plans import told, work, write
from tests.faults.conftest import Observed

pytestmark = pytest.mark.faults


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that is used up in milliseconds."""
    monkeypatch.setattr(processes, "MAX_EVENTS_PER_RUN", 1_000)


def endless(*between: Step) -> dict[str, list[Step]]:
    """A unit that goes round, and another that is done some time."""
    return {"a": [work(9)], "b7": [Until("then", fixed(4)), Label("top"), *between, Jump("top")]}


def test_a_route_that_goes_round_for_ever_is_ended(small: None, observed: Observed) -> None:
    """Time passes, so no minute is too full: only the budget of the whole replication ends it."""
    with pytest.raises(EndlessLoop, match=r"minute \d+: 1,000 steps .* b7 went round last") as stopped:
        told(write(endless(work(1))))
    assert stopped.value.exit_code == 3
    observed(f"exit code 3: {stopped.value}")


@pytest.mark.slow
def test_the_compiled_engine_keeps_the_same_budget_in_the_same_words(small: None, observed: Observed) -> None:
    pytest.importorskip("numba")
    refused = agree(compile_plan(write(endless(work(1)))))
    assert isinstance(refused, str)
    assert "1,000 steps" in refused
    observed(refused)


def test_the_budget_is_far_beyond_any_project() -> None:
    assert processes.MAX_EVENTS_PER_RUN >= 100 * 22_000
