"""The two engines side by side on one replication."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from sim.engine import simpy_engine as processes
from sim.engine.backends import difference
from sim.errors import SimError
from sim.jit import available
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.draws import Draws, SampledInputs
from sim.plan.vocabulary import UNTIL, WORK
from sim.world.working_time import Calendar

if not available():
    pytest.skip("the compiled engine is an extra that is not installed", allow_module_level=True)

from sim.engine.numba_engine.simulate import CompiledOutcome, KernelPlan, simulate_many  # after the skip

__all__ = ["CompiledOutcome", "KernelPlan", "agree", "compiled", "drawn_by", "reference", "simulate"]

Outcome = processes.RunOutcome | str


def reference(plan: CompiledPlan, luck: SampledInputs, calendars: Sequence[Calendar]) -> Outcome:
    """What SimPy makes of it; an error in words."""
    try:
        return processes.simulate(processes.SimpyPlan(plan), luck, calendars)
    except SimError as refused:
        return f"{type(refused).__name__}: {refused}"


def simulate(prepared: KernelPlan, seed: int, replication: int, calendars: Sequence[Calendar]) -> CompiledOutcome:
    """Perform one replication by the kernel."""
    return next(simulate_many(prepared, seed, replication, 1, lambda _: calendars))


def compiled(plan: CompiledPlan, seed: int, replication: int, calendars: Sequence[Calendar]) -> CompiledOutcome | str:
    """What the kernel makes of it; an error in words."""
    try:
        return simulate(KernelPlan(plan), seed, replication, calendars)
    except SimError as refused:
        return f"{type(refused).__name__}: {refused}"


def agree(
    plan: CompiledPlan, seed: int = 0, replication: int = 0, calendars: Sequence[Calendar] | None = None
) -> Outcome:
    """Assert that both engines say the same of one replication, to the last digit, and return what."""
    hours = plan.base_calendars if calendars is None else calendars
    (luck,) = Draws(plan.inputs, seed).chunk(replication, 1)
    expected, found = reference(plan, luck, hours), compiled(plan, seed, replication, hours)
    if isinstance(expected, str) or isinstance(found, str):
        assert _kind(expected) == _kind(found)
        return expected
    parting = difference(plan, expected, found)
    assert parting is None, parting
    assert np.array_equal(found.factors, luck.factors)
    performed = drawn_by(plan, found)
    assert np.array_equal(found.content[performed], luck.content[performed])
    return expected


def _kind(outcome: Outcome) -> str:
    """An error in words; of two units that go round in one minute either engine may meet the other first."""
    if not isinstance(outcome, str):
        return "a performance"
    return outcome.partition(":")[0] if outcome.startswith("EndlessLoop") else outcome


def drawn_by(plan: CompiledPlan, performed: processes.RunOutcome) -> list[int]:
    """The inputs of all works and dates that came to their end."""
    steps = np.unique(performed.log[:, 1])
    rows: list[list[int]] = plan.rows[steps, :2].tolist()
    return [number for operation, number in rows if operation in (WORK, UNTIL)]
