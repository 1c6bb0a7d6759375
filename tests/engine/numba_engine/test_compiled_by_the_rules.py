"""Every test of the rules that was written for the SimPy engine, passed by the compiled one as well.

Timelines worked out by hand, answers known from books, the rules performed literally: `tests/engine/` tells them
all through `small_plans`, where the engine is exchanged here. So the two engines are not only equal to each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

import pytest

from sim.plan.draws import Draws, Inputs, SampledInputs
from sim.world.working_time import Calendar
from tests.engine import small_plans
from tests.engine.numba_engine.both import CompiledOutcome, KernelPlan, simulate

ENGINE = Path(__file__).parents[1]


class Exchange:
    """Stands in for the reference: it remembers the seed that was asked for, as a kernel draws for itself."""

    seed = 0

    def draws(self, inputs: Inputs, seed: int) -> Draws:
        """Make the draws of a seed."""
        self.seed = seed
        return Draws(inputs, seed)

    def simulate(self, prepared: KernelPlan, luck: SampledInputs, hours: Sequence[Calendar]) -> CompiledOutcome:
        """Perform a plan with the luck that was drawn last."""
        return simulate(prepared, self.seed, luck.replication, hours)


@pytest.fixture(autouse=True, scope="module")
def on_the_compiled_engine() -> Iterator[None]:
    exchange = Exchange()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_plans, "Draws", exchange.draws)
        patch.setattr(small_plans, "SimpyPlan", KernelPlan)
        patch.setattr(small_plans, "simulate", exchange.simulate)
        yield


BOTH_ALREADY = "test_initial_state"  # these tests continue every project in both engines themselves

for path in sorted(path for path in ENGINE.glob("test_*.py") if path.stem != BOTH_ALREADY):
    for name, value in vars(import_module(f"tests.engine.{path.stem}")).items():
        if name.startswith("test_"):
            assert name not in globals(), f"two tests are called {name}"
            globals()[name] = value
