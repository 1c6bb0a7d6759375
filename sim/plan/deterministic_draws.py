"""Inputs without chance: the most likely plan, and the expected plan, which is the one to quote.

In the most likely plan every duration is most likely and nothing fails; it is kept in almost no run. The expected plan
has means, and of every decision its share of yes and no, so that rework is in it.
"""

from __future__ import annotations

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from sim.plan.draws import SPAN, Inputs, SampledInputs, settle, shared
from sim.world.streams import FloatArray


def most_likely_draws(inputs: Inputs) -> SampledInputs:
    """Return the most likely plan's inputs: everything at its planned value, decisions as is most likely."""
    return _deterministic(inputs, inputs.planned, _most_likely(inputs))


def expected_draws(inputs: Inputs) -> SampledInputs:
    """Return the expected plan's inputs: everything at its mean, and of every decision its share of yes and no.

    A test that fails with probability 0.15 fails for every seventh unit, spread evenly over the units in their order;
    its retest passes. A decision that a single unit takes comes out as is most likely. Risks do not occur.
    """
    return _deterministic(inputs, inputs.mean, _in_proportion(inputs))


def _deterministic(inputs: Inputs, by_table: FloatArray, decided: NDArray[np.float64]) -> SampledInputs:
    """Return inputs without chance: the values of tables, and a uniform that brings about each decision."""
    factors, delays = (by_table[table][:, None] for table in (inputs.factor_table, inputs.delay_table))
    factors, delays = shared(inputs, factors, delays)
    shape = by_table[inputs.table][:, None]
    content, values = settle(inputs, shape, decided[:, None], factors, delays)
    repeated = settle(inputs, shape, _most_likely(inputs)[:, None], factors, delays)[1]

    def later(number: int, _attempt: int) -> int:
        """Take for a repeated attempt the minutes of the first one, and of a decision what is most likely."""
        return int(repeated[number, 0])

    return SampledInputs(-1, values[:, 0].tolist(), content[:, 0], factors[:, 0], later)


def _most_likely(inputs: Inputs) -> NDArray[np.float64]:
    return np.full(len(inputs.names), 0.5)


def _in_proportion(inputs: Inputs) -> NDArray[np.float64]:
    """Return uniforms by which decisions of one name come out yes and no in proportion, spread over its units.

    Every name has a rotation of its own (Cranley and Patterson 1976): else one unit would fail in everything.
    """
    found, named = _most_likely(inputs), dict[str, list[int]]()
    for number in np.flatnonzero(inputs.kind != SPAN).tolist():
        named.setdefault(inputs.names[number].partition("/")[0], []).append(number)
    for name, numbers in named.items():
        rotation = int.from_bytes(sha256(name.encode()).digest()[:4], "big") / 2**32
        for place, number in enumerate(numbers if len(numbers) > 1 else (), 1):
            found[number] = (_van_der_corput(place) + rotation) % 1.0
    return found


def _van_der_corput(number: int) -> float:
    """Return the digits of a number in base 2 behind the point, in reverse: 1, 2, 3 are 1/2, 1/4, 3/4."""
    value, weight = 0.0, 0.5
    while number:
        number, digit = divmod(number, 2)
        value += digit * weight
        weight /= 2
    return value
