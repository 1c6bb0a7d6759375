"""Deterministic draws: the inputs of the most likely plan, and of the expected plan, which is the one to quote.

In the most likely plan every duration is at its mode and nothing fails; almost no run is done as early. In the expected
plan the durations of units that are alike are spread as their distribution is, and every decision is yes in its share of
cases: rework is in it, and so is the wait for the last of many. What a whole project shares (losses, suppliers, risk
drivers) is at its mean.
"""

from __future__ import annotations

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from sim.plan.draws import SPAN, Inputs, SampledInputs, content_and_values, factors_and_delays, mean_factors_and_delays
from sim.world.quantile_tables import sample
from sim.world.streams import FloatArray


def most_likely_draws(inputs: Inputs) -> SampledInputs:
    """Return the most likely plan's inputs: everything at its planned value, decisions as is most likely."""
    factors, delays = factors_and_delays(inputs, *_at_table_values(inputs, inputs.planned))
    medians = _medians(inputs)
    return _deterministic(inputs, inputs.planned[inputs.table], medians, factors, delays, inputs.planned)


def mean_draws(inputs: Inputs) -> SampledInputs:
    """Return the inputs by which crews and orders are planned: every duration at its mean, no risk driver occurs.

    Tests fail as in the expected plan. A planner who calls crews and places orders does not know which unit will be late.
    """
    events = inputs.only_with[inputs.only_with >= 0]
    factors, delays = _at_table_values(inputs, inputs.mean)
    factors[events] = 0.0
    factors, delays = factors_and_delays(inputs, factors, delays)
    uniforms, _ = _stratified_uniforms(inputs)
    return _deterministic(inputs, inputs.mean[inputs.table], uniforms, factors, delays, inputs.mean)


def expected_draws(inputs: Inputs) -> SampledInputs:
    """Return the expected plan's inputs: one stratified sample of the units, at the mean of what they share.

    Of n units with the same activity one has its duration from each n-th of the distribution, and a test that fails with
    probability 0.15 fails for every seventh unit, both spread evenly over the units in their order; its retest passes.
    An activity of a single unit is at its mean, a decision as is most likely; a risk driver counts with its probability.
    """
    factors, delays = mean_factors_and_delays(inputs, *_at_table_values(inputs, inputs.mean))
    uniforms, has_several_units = _stratified_uniforms(inputs)
    stratified = sample(inputs.tables, inputs.table, uniforms[:, None])[:, 0]
    shapes = np.where(has_several_units & (inputs.kind == SPAN), stratified, inputs.mean[inputs.table])
    return _deterministic(inputs, shapes, uniforms, factors, delays, inputs.mean)


def _at_table_values(inputs: Inputs, table_values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the common factors and delays, each at one value per quantile table, as columns."""
    return table_values[inputs.factor_table][:, None], table_values[inputs.delay_table][:, None]


def _deterministic(
    inputs: Inputs,
    shapes: FloatArray,
    uniforms: FloatArray,
    factors: FloatArray,
    delays: FloatArray,
    table_values: FloatArray,
) -> SampledInputs:
    """Return the sampled inputs of one run: durations from the values in `shapes`, decisions from `uniforms`.

    Attempts after the first take their table's value in `table_values`, and later decisions the more likely outcome.
    """
    content, values = content_and_values(inputs, shapes[:, None], uniforms[:, None], factors, delays)
    later_shapes, medians = table_values[inputs.table][:, None], _medians(inputs)[:, None]
    _, later_values = content_and_values(inputs, later_shapes, medians, factors, delays)

    def at_attempt(number: int, _attempt: int) -> int:
        return int(later_values[number, 0])

    return SampledInputs(-1, values[:, 0].tolist(), content[:, 0], factors[:, 0], at_attempt, later_values[:, 0])


def _medians(inputs: Inputs) -> NDArray[np.float64]:
    """Return a uniform of 0.5 for every input: a decision falls as is most likely."""
    return np.full(len(inputs.names), 0.5)


def _stratified_uniforms(inputs: Inputs) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return uniforms that are spread evenly over the units of every activity, and which inputs' activity has several units.

    Every activity has a rotation of its own (Cranley and Patterson 1976): else one unit would be last in everything.
    """
    uniforms, has_several_units = _medians(inputs), np.zeros(len(inputs.names), np.bool_)
    inputs_of = dict[str, list[int]]()
    for number, name in enumerate(inputs.names):
        activity, _, _unit = name.partition("/")
        inputs_of.setdefault(activity, []).append(number)
    for activity, numbers in inputs_of.items():
        if len(numbers) > 1:
            rotation = int.from_bytes(sha256(activity.encode()).digest()[:4], "big") / 2**32
            rotated = (_van_der_corput(len(numbers)) + rotation) % 1.0
            # one in the middle of each n-th: their mean is the distribution's, however few there are
            middle = (rotated.argsort().argsort() + 0.5) / len(numbers)
            uniforms[numbers] = np.where(inputs.kind[numbers] == SPAN, middle, rotated)
            has_several_units[numbers] = True
    return uniforms, has_several_units


def _van_der_corput(count: int) -> NDArray[np.float64]:
    """Return the first points of van der Corput's sequence: the digits of 1, 2, 3 … in base 2, reversed behind the point."""
    number, points, digit_weight = np.arange(1, count + 1), np.zeros(count), 0.5
    while number.any():
        points += (number & 1) * digit_weight
        number, digit_weight = number >> 1, digit_weight / 2
    return points
