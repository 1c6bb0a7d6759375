"""The expected plan's inputs: units that are alike differ as their distribution says, shared things are at their mean."""

from __future__ import annotations

import numpy as np
import pytest

from sim.plan.deterministic_draws import expected_draws, mean_draws
from sim.plan.draws import SPAN, Inputs, InputsBuilder
from sim.plan.vocabulary import Chance, Plan, Span
from sim.world.distributions import Fixed, Pert, RiskOccurrence

LENGTH = Pert(10.0, 20.0, 60.0)
P, SIZE, DAYS = 0.25, 1.4, 30.0


def inputs(units: int, *, fails: float = 0.15) -> Inputs:
    """So many units that work and are tested; a driver makes their work longer, another one adds days."""
    plan = Plan(("over", 1))
    plan.factor("occurs", RiskOccurrence.with_probability(P), group="risk")
    plan.factor("size", Fixed(SIZE), only_with="occurs", group="risk")
    plan.factor("days", Fixed(DAYS), only_with="occurs", group="risk")
    plan.delay("late", Span(Fixed(1), 60, losses=("occurs", "days")))
    builder = InputsBuilder(plan)
    for unit in range(units):
        builder.span("work", str(unit), Span(LENGTH, 60))
        builder.chance("passes", str(unit), Chance(fails, otherwise=True))
        builder.end_route()
    builder.span("hit", "1", Span(Fixed(10), 60, losses=("size",)))
    builder.span("late", "1", Span(Fixed(10), 60, delays=("late",)))
    builder.end_route()
    return builder.build([*map(str, range(units)), "1"], np.arange(units + 1), {})


def values(of: Inputs, name: str, *, mean: bool = False) -> np.ndarray:
    """What the inputs of a name come out at."""
    drawn = mean_draws(of) if mean else expected_draws(of)
    return np.array([value for known, value in zip(of.names, drawn.values, strict=True) if known.startswith(name)])


@pytest.mark.parametrize("units", [2, 5, 7, 100])
def test_one_unit_has_its_duration_from_each_nth_of_the_distribution(units: int) -> None:
    minutes = np.sort(values(inputs(units), "work/"))
    edges = LENGTH.ppf(np.arange(1, units) / units) * 60
    assert np.searchsorted(edges, minutes).tolist() == list(range(units))
    assert minutes.mean() == pytest.approx(LENGTH.mean() * 60, rel=0.05 if units < 10 else 0.002)


def test_a_single_unit_is_at_its_mean_and_so_are_all_by_which_orders_are_placed() -> None:
    assert values(inputs(1), "work/").tolist() == [round(LENGTH.mean() * 60)]
    assert set(values(inputs(9), "work/", mean=True)) == {round(LENGTH.mean() * 60)}


@pytest.mark.parametrize("fails", [0.05, 0.15, 0.5])
def test_a_test_fails_for_its_share_of_the_units(fails: float) -> None:
    failed = 1 - values(inputs(200, fails=fails), "passes/")
    assert failed.mean() == pytest.approx(fails, abs=0.01)


def test_a_driver_counts_with_its_probability_and_orders_are_placed_without_it() -> None:
    of = inputs(1)
    assert values(of, "hit/").tolist() == [round(10 * 60 * (1 + P * (SIZE - 1)))]
    assert values(of, "late/").tolist() == [10 * 60 + P * DAYS * 60]
    assert values(of, "hit/", mean=True).tolist() == values(of, "late/", mean=True).tolist() == [600]


def test_no_unit_is_late_in_everything() -> None:
    """Each name has an order of its own: the unit that is last in one thing is not last in the next."""
    plan = Plan(("over", 1))
    builder = InputsBuilder(plan)
    for name in ("a", "b", "c"):
        for unit in range(40):
            builder.span(name, str(unit), Span(LENGTH, 60))
            builder.end_route()
    of = builder.build([str(unit) for unit in range(40)] * 3, np.arange(120), {})
    drawn = np.array(expected_draws(of).values).reshape(3, 40)
    assert (of.kind == SPAN).all()
    assert (np.abs(np.corrcoef(drawn)[np.triu_indices(3, 1)]) < 0.5).all()
