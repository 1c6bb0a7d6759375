from __future__ import annotations

import numpy as np
import pytest

from sim.plan.compile import compile_plan
from sim.plan.draws import Inputs, Spreader
from sim.plan.vocabulary import Plan, Signal, Span, Work
from sim.world.distributions import Discrete, Fixed, RiskOccurrence, Triangular
from sim.world.streams import METHODS, PLAIN_MONTE_CARLO, Method, Sampling, stream_key, uniforms
from sim.world.working_time import always

SIZE = 64
SPREAD = [method for method in METHODS if method != "mc"]


def inputs(probability: float = 0.25, *others: str) -> Inputs:
    """One work that a flood may lengthen: two sizes of it, a date, a strike that is as it is, and a price."""
    plan = Plan(("done", 1))
    plan.works_on({"always": always(10**6)})
    plan.gate("done")
    for name in ("price", *others):
        plan.factor(name, Triangular(0.5, 1, 1.5))
    flood = plan.factor("risk.flood", RiskOccurrence.with_probability(probability))
    plan.factor("risk.flood.size", Triangular(1, 2, 4), only_with=flood)
    depth = plan.factor("depth", Discrete((0, 1, 5), (2, 1, 1)))
    plan.factor("depth.size", Triangular(1, 2, 4), only_with=depth)
    plan.delays |= {"begins": Span(Triangular(1, 2, 3), 60), "always as long": Span(Fixed(1), 60)}
    plan.unit("u1", [Work("dig", Span(Triangular(1, 2, 3), 60, ("risk.flood.size",)), "always"), Signal("done")])
    return compile_plan(plan).inputs


def drawn(of: Inputs, method: Method, first: int = 0, count: int = SIZE, seed: int = 1) -> dict[str, np.ndarray]:
    found = Spreader(of, seed, Sampling(method, SIZE) if method != "mc" else PLAIN_MONTE_CARLO)(
        of.factors, first, count
    )
    return dict(zip(of.factors, found, strict=True))


def is_even(luck: np.ndarray) -> bool:
    """Whether there is one draw in each slice."""
    return bool((np.sort((luck * len(luck)).astype(int)) == np.arange(len(luck))).all())


@pytest.mark.parametrize("method", SPREAD)
def test_what_happens_is_as_even_in_its_size(method: Method) -> None:
    """A quarter of 64 replications have the flood, and those sixteen have each sixteenth of its size once."""
    for block in range(4):
        luck = drawn(inputs(), method, block * SIZE)
        happens = luck["risk.flood"] >= 0.75
        assert happens.sum() == SIZE / 4
        assert is_even(luck["risk.flood.size"][happens])
        for low, high in ((0, 0.5), (0.5, 0.75), (0.75, 1)):  # the cases of the other one
            case = (luck["depth"] >= low) & (luck["depth"] < high)
            assert is_even(luck["depth.size"][case])


def test_plain_luck_has_a_number_for_each_name() -> None:
    of = inputs()
    plain = uniforms([stream_key(1, name) for name in of.factors], 0, SIZE)
    assert all((found == row).all() for found, row in zip(drawn(of, "mc").values(), plain, strict=True))


@pytest.mark.parametrize("method", SPREAD)
def test_the_size_follows_its_law_whenever_it_counts(method: Method) -> None:
    """Over 200 randomisations, a chance that does not divide them: its frequency, and mean and variance of the size."""
    luck = drawn(inputs(0.3), method, 0, 200 * SIZE)
    happens = luck["risk.flood"] >= 0.7
    size = luck["risk.flood.size"][happens]
    assert happens.mean() == pytest.approx(0.3, abs=0.002)
    assert size.mean() == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / len(size)))
    assert size.var() == pytest.approx(1 / 12, rel=0.03)
    assert 0 < luck["risk.flood.size"].min() < luck["risk.flood.size"].max() < 1


@pytest.mark.parametrize("method", SPREAD)
def test_a_draw_does_not_depend_on_the_chunk(method: Method) -> None:
    of = inputs()
    whole = Spreader(of, 1, Sampling(method, SIZE))(of.factors, 0, 3 * SIZE)
    other = Spreader(of, 1, Sampling(method, SIZE))
    parts = [other(of.factors, first, count) for first, count in ((0, 1), (1, 90), (91, 101))]
    assert (np.concatenate(parts, axis=1) == whole).all()


def test_a_price_more_moves_nothing_that_happens() -> None:
    """What happens and when has Sobol's first dimensions, where points are best; a strategy may have other prices."""
    one, other = (drawn(inputs(0.25, *more), "sobol") for more in ((), ("another price", "yet another")))
    for name in ("risk.flood", "risk.flood.size", "depth"):
        assert (one[name] == other[name]).all()
    assert (one["price"] != other["price"]).any()


@pytest.mark.parametrize("probability", [0.0, 1.0])
@pytest.mark.parametrize("method", SPREAD)
def test_what_never_or_always_happens(method: Method, probability: float) -> None:
    luck = drawn(inputs(probability), method)
    assert (luck["risk.flood.size"] == luck["risk.flood"]).all()


def many() -> Inputs:
    """Forty prices, and fifteen risks with a size each."""
    plan = Plan(("done", 1))
    plan.works_on({"always": always(10**6)})
    plan.gate("done")
    for number in range(40):
        plan.factor(f"price.{number:02d}", Triangular(0.5, 1, 1.5))
    for number in range(15):
        happens = plan.factor(f"risk.{number:02d}", RiskOccurrence.with_probability(0.25))
        plan.factor(f"risk.{number:02d}.size", Triangular(1, 2, 4), only_with=happens)
    plan.unit("u1", [Work("dig", Span(Triangular(1, 2, 3), 60), "always"), Signal("done")])
    return compile_plan(plan).inputs


@pytest.mark.parametrize("method", ["sobol", "sobol-all"])
def test_what_two_risks_do_together_is_known_better_from_a_small_randomisation(method: Method) -> None:
    """The mean of (sum of sizes)², 40 times from 128. With a number for every size it would be 10 times as sure."""
    of = many()
    found = {}
    for how in (Sampling(method, 128), PLAIN_MONTE_CARLO):
        luck = dict(zip(of.factors, Spreader(of, 1, how)(of.factors, 0, 40 * 128), strict=True))
        sizes = [(luck[name] >= 0.75) * (1 + luck[f"{name}.size"]) for name in of.factors if f"{name}.size" in luck]
        found[how.method] = (np.sum(sizes, axis=0) ** 2).reshape(40, 128).mean(axis=1).var()
    assert found[method] < found["mc"] / 20
