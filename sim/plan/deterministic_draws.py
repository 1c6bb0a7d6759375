"""Inputs without chance: the most likely plan, and the expected plan, which is the one to quote.

In the most likely plan every duration is most likely and nothing fails; it is kept in almost no run. In the expected plan
units that are alike differ as much as they will, and every decision has its share of yes and no: rework is in it, and so
is the wait for the last of many. What a whole project shares (losses, suppliers, risk drivers) is at its mean.
"""

from __future__ import annotations

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from sim.plan.draws import SPAN, Inputs, SampledInputs, settle, shared, shared_in_proportion
from sim.world.quantile_tables import sample
from sim.world.streams import FloatArray


def most_likely_draws(inputs: Inputs) -> SampledInputs:
    """Return the most likely plan's inputs: everything at its planned value, decisions as is most likely."""
    factors, delays = shared(inputs, *_of_tables(inputs, inputs.planned))
    half = _half(inputs)
    return _deterministic(inputs, inputs.planned[inputs.table], half, factors, delays, inputs.planned)


def mean_draws(inputs: Inputs) -> SampledInputs:
    """Return what crews and orders are planned by: every duration at its mean, no risk driver occurs.

    Tests fail as in the expected plan. Who calls crews and places orders does not know which of many will be late.
    """
    occurs = inputs.only_with[inputs.only_with >= 0]
    factors, delays = _of_tables(inputs, inputs.mean)
    factors[occurs] = 0.0
    uniform, _ = _in_proportion(inputs)
    return _deterministic(inputs, inputs.mean[inputs.table], uniform, *shared(inputs, factors, delays), inputs.mean)


def expected_draws(inputs: Inputs) -> SampledInputs:
    """Return the expected plan's inputs: one stratified sample of the units, at the mean of what they share.

    Of n units with the same activity one has its duration from each n-th of the distribution, and a test that fails with
    probability 0.15 fails for every seventh unit, both spread evenly over the units in their order; its retest passes.
    What a single unit does is at its mean, or as is most likely; a risk driver counts with its probability.
    """
    factors, delays = shared_in_proportion(inputs, *_of_tables(inputs, inputs.mean))
    uniform, several = _in_proportion(inputs)
    drawn = sample(inputs.tables, inputs.table, uniform[:, None])[:, 0]
    shape = np.where(several & (inputs.kind == SPAN), drawn, inputs.mean[inputs.table])
    return _deterministic(inputs, shape, uniform, factors, delays, inputs.mean)


def _of_tables(inputs: Inputs, by_table: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return factors and delays at the values of their tables."""
    return by_table[inputs.factor_table][:, None], by_table[inputs.delay_table][:, None]


def _deterministic(
    inputs: Inputs,
    shape: FloatArray,
    uniform: FloatArray,
    factors: FloatArray,
    delays: FloatArray,
    by_table: FloatArray,
) -> SampledInputs:
    """Return inputs without chance: these shapes, and uniforms that bring about each decision."""
    content, values = settle(inputs, shape[:, None], uniform[:, None], factors, delays)
    repeated = settle(inputs, by_table[inputs.table][:, None], _half(inputs)[:, None], factors, delays)[1]

    def later(number: int, _attempt: int) -> int:
        """Take for a repeated attempt the value of its table, and of a decision what is most likely."""
        return int(repeated[number, 0])

    return SampledInputs(-1, values[:, 0].tolist(), content[:, 0], factors[:, 0], later, repeated[:, 0])


def _half(inputs: Inputs) -> NDArray[np.float64]:
    return np.full(len(inputs.names), 0.5)


def _in_proportion(inputs: Inputs) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return uniforms that are spread evenly over the units of every name, and which names have several units.

    Every name has a rotation of its own (Cranley and Patterson 1976): else one unit would be last in everything.
    """
    found, several = _half(inputs), np.zeros(len(inputs.names), np.bool_)
    named = dict[str, list[int]]()
    for number, name in enumerate(inputs.names):
        named.setdefault(name.partition("/")[0], []).append(number)
    for name, numbers in named.items():
        if len(numbers) > 1:
            rotation = int.from_bytes(sha256(name.encode()).digest()[:4], "big") / 2**32
            rotated = (_points(len(numbers)) + rotation) % 1.0
            # one in the middle of each n-th: their mean is the distribution's, however few there are
            middle = (rotated.argsort().argsort() + 0.5) / len(numbers)
            found[numbers] = np.where(inputs.kind[numbers] == SPAN, middle, rotated)
            several[numbers] = True
    return found, several


def _points(count: int) -> NDArray[np.float64]:
    """Return so many points of van der Corput's sequence: the digits of 1, 2, 3 … in base 2, reversed behind the point."""
    number, found, weight = np.arange(1, count + 1), np.zeros(count), 0.5
    while number.any():
        found += (number & 1) * weight
        number, weight = number >> 1, weight / 2
    return found
