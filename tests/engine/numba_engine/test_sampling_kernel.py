"""Luck in the kernel: the same bits as in Python, drawn only where something is performed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.engine.backends import difference
from sim.engine.numba_engine.simulate import simulate_given, simulate_many
from sim.plan.compile import compile_plan
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.deterministic_draws import most_likely_draws
from sim.plan.draws import Draws
from sim.plan.vocabulary import Chance, Jump, Label, Plan, Signal, Span, Step, Work
from sim.world import streams as draws
from sim.world.distributions import Discrete, Distribution, Fixed, Lognormal, Pert, Triangular, Uniform
from sim.world.working_time import always
from tests.engine.numba_engine.any_plans import any_plan
from tests.engine.numba_engine.both import CompiledOutcome, KernelPlan, reference, simulate

SHAPES: tuple[Distribution, ...] = (
    Fixed(40),
    Uniform(0, 900),
    Triangular(10, 20, 500),
    Pert(5, 300, 4_000),
    Lognormal(100, 900),
    Discrete((1, 50, 700), (1, 3, 1)),
    Discrete((8,), (1,)),
)
TAILS = [2.0**-54, 2.0**-53, 1e-12, 2.0**-22, 2.0**-21, 2.0**-21 * (1 - 2**-52), 0.25, 0.5, 0.5 + 2.0**-52]
TAILS += [1 - tail for tail in TAILS if tail > 2.0**-53] + [1 - 2.0**-53, 0.2, 0.8]
Uniforms = Callable[[Sequence[str], int, int], NDArray[np.float64]]


def works(seconds: float = 1 / 60) -> CompiledPlan:
    """A plan of one work of every shape, with common factors and delays, and one chance of every kind."""
    plan = Plan(("done", len(SHAPES)))
    plan.works_on({"always": always(10**7)})
    plan.gate("done")
    plan.factor("haste", Uniform(0.5, 1.5))
    plan.factor("storm", Discrete((0, 1.25), (1, 1)))
    plan.only_with["haste"] = "storm"
    plan.delays["strike"] = Span(Triangular(0, 5, 60), 60.0, losses=("haste",))
    for number, shape in enumerate(SHAPES):
        span = Span(shape, 60 * seconds, ("haste",), ("storm", "haste"), ("strike",) if number % 2 else ())
        chance = Chance(0.4, ("haste",), otherwise=number % 2 == 0)
        route: list[Step] = [
            Label("top"),
            Work("dig", span, "always"),
            Jump("top", "again", chance, 3),
            Signal("done"),
        ]
        plan.unit(f"u{number}", route)
    return compile_plan(plan)


def differences(
    plan: CompiledPlan, seed: int, found: Sequence[CompiledOutcome], uniforms: Uniforms | None = None
) -> list[str]:
    """What differs between these replications from 0 on and the reference's, in words."""
    lucks = Draws(plan.inputs, seed, uniforms).chunk(0, len(found))
    expected = [reference(plan, luck, plan.base_calendars) for luck in lucks]
    assert not any(isinstance(outcome, str) for outcome in expected)
    pairs = zip(expected, found, strict=True)
    partings = (difference(plan, one, other) for one, other in pairs if not isinstance(one, str))
    return [parting for parting in partings if parting]


def test_uniforms_have_the_bits_of_the_python_ones() -> None:
    from numba import njit

    from sim.jit import toolkit as philox

    pick = Random(1)

    def drawn(words: NDArray[np.uint64]) -> float:
        return philox.to_unit(philox.block(words[0], words[1], words[2], words[3], np.uint64(0))[0])

    compiled: Any = njit(drawn)

    ends = [0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1]
    for _ in range(2_000):
        k0, k1, replication, attempt = (pick.choice([pick.getrandbits(64), pick.choice(ends)]) for _ in range(4))
        words = np.array([k0, k1, replication, attempt], np.uint64)
        assert compiled(words) == draws.uniform((k0, k1), replication, attempt)


def test_every_shape_is_looked_up_alike_even_far_out_in_the_tails() -> None:
    plan, random = works(), np.random.default_rng(3)

    def tails(names: Sequence[str], _first: int, count: int) -> NDArray[np.float64]:
        return random.choice(np.array(TAILS), (len(names), count))

    state = random.bit_generator.state
    found = list(simulate_many(KernelPlan(plan), 0, 0, 60, lambda _: plan.base_calendars, tails))
    random.bit_generator.state = state
    assert differences(plan, 0, found, tails) == []


def test_an_input_whose_uniform_is_not_given_is_drawn() -> None:
    plan = works()

    def half(names: Sequence[str], first: int, count: int) -> NDArray[np.float64]:
        plain = draws.uniforms([draws.stream_key(5, name) for name in names], first, count)
        own = names is plan.inputs.names
        return np.where(np.arange(len(names))[:, None] % 2 == 0, np.nan, plain) if own else plain

    found = list(simulate_many(KernelPlan(plan), 5, 0, 10, lambda _: plan.base_calendars, half))
    assert differences(plan, 5, found) == []


def test_seconds_are_rounded_alike() -> None:
    plan = works(seconds=0.123)
    assert differences(plan, 2, list(simulate_many(KernelPlan(plan), 2, 0, 80, lambda _: plan.base_calendars))) == []


def test_the_planned_run_is_the_same() -> None:
    plan = compile_plan(any_plan(4, 12, 6, sound=True))
    luck = most_likely_draws(plan.inputs)
    expected = reference(plan, luck, plan.base_calendars)
    assert not isinstance(expected, str)
    found = simulate_given(KernelPlan(plan), luck, plan.base_calendars)
    assert difference(plan, expected, found) is None


@pytest.mark.parametrize("replication", [0, 1, 63, 64, 65, 130])
def test_a_replication_does_not_depend_on_those_around_it(replication: int) -> None:
    plan = works()
    alone = simulate(KernelPlan(plan), 9, replication, plan.base_calendars)
    among = list(simulate_many(KernelPlan(plan), 9, 0, 131, lambda _: plan.base_calendars))[replication]
    assert np.array_equal(alone.log, among.log)
    assert np.array_equal(alone.content, among.content)
    assert np.array_equal(alone.factors, among.factors)


def test_content_is_kept_of_what_was_performed_and_of_nothing_else() -> None:
    plan = Plan(("done", 1))
    plan.works_on({"always": always(1_000)})
    plan.gate("done")
    plan.factor("loss", Fixed(3))
    plan.unit("a", [Work("dig", Span(Fixed(7), losses=("loss",)), "always"), Signal("done")])
    plan.unit("b", [Work("rest", Span(Fixed(900)), "always"), Work("dream", Span(Fixed(5)), "always")])
    plan.unit("c", [Jump("end", "skip", Chance(1.0)), Work("dig", Span(Fixed(9)), "always"), Label("end")])
    compiled = compile_plan(plan)
    done = simulate(KernelPlan(compiled), 0, 0, compiled.base_calendars)
    content = dict(zip(compiled.inputs.names, done.content.tolist(), strict=True))
    assert content.pop("skip/c") == 1
    assert content == {"dig/a": 7, "rest/b": 900, "dream/b": 0, "dig/c": 0}
    assert done.log[-1, 0] == 21
