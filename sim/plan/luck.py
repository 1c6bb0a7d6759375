"""The luck of one replication: what every named input of a plan comes out at, the same in every strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import floor

import numpy as np
from numpy.typing import NDArray

from sim.plan.inputs import OTHERWISE, SPAN, Inputs
from sim.world.draws import key, uniform, uniforms
from sim.world.quantiles import sample, sample_one

FloatArray = NDArray[np.float64]
Uniforms = Callable[[Sequence[str], int, int], FloatArray]
"""Draws of first attempts: (names, first replication, count) → shape (names, count), strictly between 0 and 1."""


@dataclass(frozen=True)
class Luck:
    """One replication: `values` are minutes of spans and 0/1 of decisions; `content` minutes before losses."""

    replication: int
    values: list[int]
    content: NDArray[np.int64]
    factors: FloatArray
    later: Callable[[int, int], int]
    """Value of an input at its second and later attempts: (input, attempt) → minutes or 0/1."""


class Draws:
    """Draws the inputs of a plan, a chunk of replications at a time, each from its own named stream.

    First attempts come from `uniforms` if it is given (luck spread evenly over a study); later ones never do.
    """

    def __init__(self, inputs: Inputs, seed: int, uniforms: Uniforms | None = None) -> None:
        self.inputs, self.uniforms = inputs, uniforms or self._plain
        self.seed, self.keys = seed, [key(seed, name) for name in inputs.names]

    def chunk(self, first: int, count: int) -> Iterator[Luck]:
        """Yield the luck of replications first … first + count − 1."""
        inputs = self.inputs
        factors = sample(inputs.tables, inputs.factor_table, self.uniforms(inputs.factors, first, count))
        delays = sample(inputs.tables, inputs.delay_table, self.uniforms(inputs.delay_names, first, count))
        factors, delays = shared(inputs, factors, delays)
        luck = self.uniforms(inputs.names, first, count)
        content, values = settle(inputs, sample(inputs.tables, inputs.table, luck), luck, factors, delays)
        for column in range(count):
            later = self._later(first + column, factors[:, column], delays[:, column])
            yield Luck(first + column, values[:, column].tolist(), content[:, column], factors[:, column], later)

    def _plain(self, names: Sequence[str], first: int, count: int) -> FloatArray:
        """Draw each replication on its own."""
        keys = self.keys if names is self.inputs.names else [key(self.seed, name) for name in names]
        return uniforms(keys, first, count)

    def _later(self, replication: int, factors: FloatArray, delays: FloatArray) -> Callable[[int, int], int]:
        """Return the rule for repeated attempts; they are rare, so each is drawn when it is needed."""

        def draw(number: int, attempt: int) -> int:
            luck = uniform(self.keys[number], replication, attempt)
            return value_of(self.inputs, number, luck, factors, delays)

        return draw


def shared(inputs: Inputs, factors: FloatArray, delays: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return factors as they apply and delays in whole minutes, both of shape (names, replications).

    A factor that depends on another one is 1 where that one is 0: what did not happen does no harm.
    """
    named = np.flatnonzero(inputs.only_with >= 0)
    applies = factors[inputs.only_with[named]] != 0
    factors[named] = np.where(applies, factors[named], 1.0)
    minutes = _times(delays * inputs.delay_minutes[:, None], inputs.delay_losses, factors)
    return factors, np.floor(minutes + 0.5)


def settle(
    inputs: Inputs, shape: FloatArray, luck: FloatArray, factors: FloatArray, delays: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (content, values), both int64 of shape (inputs, replications): the one rounding of every draw.

    `shape` are the sampled values in their own unit, `luck` the uniforms they came from.
    """
    amount = shape * inputs.minutes[:, None]
    amount = _times(amount, inputs.content, factors)
    content = np.floor(amount + 0.5)
    amount = _times(amount, inputs.losses, factors)
    for column in inputs.delays.T:
        amount = amount + np.where(column[:, None] < 0, 0.0, delays[column] if len(delays) else 0.0)
    jumps = luck < np.where((inputs.kind == OTHERWISE)[:, None], 1.0 - amount, amount)
    values = np.where((inputs.kind == SPAN)[:, None], np.floor(amount + 0.5), jumps)
    return content.astype(np.int64), values.astype(np.int64)


def _times(amount: FloatArray, columns: NDArray[np.int64], factors: FloatArray) -> FloatArray:
    for column in columns.T:
        named = np.flatnonzero(column >= 0)
        amount[named] *= factors[column[named]]
    return amount


def value_of(inputs: Inputs, number: int, luck: float, factors: FloatArray, delays: FloatArray) -> int:
    """Return one input's value from its uniform: the same operations in the same order as `settle`."""
    amount = sample_one(inputs.tables, int(inputs.table[number]), luck) * float(inputs.minutes[number])
    for factor in (*inputs.content[number], *inputs.losses[number]):
        amount *= float(factors[factor]) if factor >= 0 else 1.0
    for delay in inputs.delays[number]:
        amount += float(delays[delay]) if delay >= 0 else 0.0
    if inputs.kind[number] == SPAN:
        return floor(amount + 0.5)
    return int(luck < (1.0 - amount if inputs.kind[number] == OTHERWISE else amount))


def planned(inputs: Inputs) -> Luck:
    """Return the luck of the deterministic run: everything at its planned value, decisions as is most likely."""
    even = np.full((len(inputs.names), 1), 0.5)
    factors, delays = (inputs.planned[table][:, None] for table in (inputs.factor_table, inputs.delay_table))
    factors, delays = shared(inputs, factors, delays)
    shape = inputs.planned[inputs.table][:, None]
    content, values = settle(inputs, shape, even, factors, delays)

    def again(number: int, _attempt: int) -> int:
        """Take for a repeated attempt what the first one took."""
        return int(values[number, 0])

    return Luck(-1, values[:, 0].tolist(), content[:, 0], factors[:, 0], again)
