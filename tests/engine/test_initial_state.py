"""A project cut at any minute and continued from its state has the log of the whole, row by row, in both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.engine.backends import Replication, difference
from sim.engine.initial_state import InitialState, factors_at_start, state_of_history, whole_minutes
from sim.engine.simpy_engine import RunOutcome, simulate
from sim.jit import available
from sim.plan.draws import SampledInputs
from sim.study.case import Case, prepare_case

CONFIGS = sorted(path.stem for path in Path("configs").glob("*.yaml") if path.stem not in {"base", "horizon_2gw"})
SEED = 23
EACH = 4
"""Cuts of a replication where there are thousands: the whole one is the dear part."""


SMALL = ("scale.capacity_mw=25", "energization.units.count=2")
"""A tenth of a shipped project."""


@cache
def case_of(name: str, *overrides: str) -> Case:
    return prepare_case(sim.load(f"configs/{name}.yaml", overrides), engine="auto")


def cut(case: Case, sampled: SampledInputs, done: Replication, minute: int) -> InitialState:
    """The complete state at a minute: all rows until then, and the whole length of all work under way."""
    plan, log = case.plan, done.outcome.log
    state = state_of_history(plan, log[log[:, 0] <= minute], minute, done.content)
    steps = state.at[state.under_way]
    made = zip(plan.rows[steps, 1].tolist(), (state.attempts[steps] - 1).tolist(), strict=True)
    drawn = [sampled.at_attempt(number, attempt) if attempt else sampled.values[number] for number, attempt in made]
    return state.lasting(whole_minutes(np.array(drawn, np.int64), *factors_at_start(plan, state)))


def parting(case: Case, replication: int, minute: int) -> str | None:
    """Where a replication, cut at a minute and continued, parts from the whole one."""
    return next(partings(case, replication, lambda _: [minute]))


def partings(case: Case, replication: int, minutes_of: Callable[[int], list[int]]) -> Iterator[str | None]:
    """The same for several minutes of one replication, chosen when its last minute is known."""
    (done,) = case.replications(SEED, replication, 1)
    (sampled,) = case.draws(SEED).chunk(replication, 1)
    for minute in minutes_of(int(done.outcome.log[:, 0].max())):
        state = cut(case, sampled, done, minute)
        both = continued(case, replication, sampled, state)
        found = [difference(case.plan, done.outcome, one, ("whole", "continued")) for one in both]
        yield next((f"cut at minute {minute}: {text}" for text in found if text), None)


def continued(case: Case, replication: int, sampled: SampledInputs, state: InitialState) -> list[RunOutcome]:
    """Both engines, going on from a state."""
    done = [simulate(case.simpy_plan, sampled, case.calendars_of(SEED, replication, engine="simpy"), state)]
    if available():
        from sim.engine.numba_engine.simulate import simulate_many

        calendars = case.calendars_of(SEED, replication)
        done += simulate_many(case.kernel_plan, SEED, replication, 1, lambda _: calendars, state_of=lambda _: state)
    return done


def cuts(name: str, number: int, *overrides: str, each: int = 1) -> list[str]:
    """Where projects part from themselves: `number` replications, each cut at so many minutes of its length."""
    rng, case = np.random.default_rng(SEED), case_of(name, *overrides)
    found = [
        text
        for replication in range(number)
        for text in partings(case, replication, lambda last: (rng.random(each) * last).astype(int).tolist())
    ]
    assert len(found) == number * each
    return [text for text in found if text]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_cut_project_continues_to_the_identical_log(name: str) -> None:
    assert cuts(name, 12, *(() if name == "one_block" else SMALL)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_many_cut_projects_continue_to_the_identical_log(name: str) -> None:
    assert cuts(name, -(-4000 // (EACH * len(CONFIGS))), each=EACH) == []


@pytest.mark.slow
def test_a_cut_campus_of_2_gw_continues_to_the_identical_log() -> None:
    assert cuts("horizon_2gw", 3) == []


def test_the_state_at_the_first_minute_and_after_the_last_are_the_project_itself() -> None:
    case = case_of("one_block")
    (done,) = case.replications(SEED, 3, 1)
    last = int(done.outcome.log[:, 0].max())
    assert parting(case, 3, 1) is None
    assert parting(case, 3, last) is None


def test_a_state_with_other_lengths_continues_to_another_log() -> None:
    case = case_of("one_block")
    (done,) = case.replications(SEED, 0, 1)
    (sampled,) = case.draws(SEED).chunk(0, 1)
    state = cut(case, sampled, done, int(done.outcome.log[:, 0].max()) // 2)
    later = state.lasting(state.minutes[state.under_way] + 100_000)
    hours = case.calendars_of(SEED, 0, engine="simpy")
    assert simulate(case.simpy_plan, sampled, hours, later).log[-1, 0] > done.outcome.log[:, 0].max()
