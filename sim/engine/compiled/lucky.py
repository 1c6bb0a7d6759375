"""Where the draws of a plan come from, laid out for the kernel: keys, tables, and what a replication shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sim.engine.compiled.arrays import CONTENT_FACTORS, GIVEN, LUCK, bound
from sim.engine.compiled.preparing import different
from sim.machine.numbers import Floats, Ints, Words
from sim.plan.inputs import Inputs
from sim.plan.luck import Uniforms, shared
from sim.world.draws import key, uniforms
from sim.world.quantiles import sample


@dataclass(frozen=True)
class Common:
    """What a replication draws once for everybody: the shared factors, and all figures that change with it."""

    replication: int
    factors: Floats
    figures: Floats


class Luck:
    """The luck of a plan under one seed, as the kernel reads it: `numbers`, and the `figures` that never change.

    First attempts are drawn by the kernel, one by one as they are performed. Where `uniforms` is given they come
    from it: numbers strictly between 0 and 1, or NaN for an input that is to be drawn after all.
    """

    def __init__(self, inputs: Inputs, seed: int, uniforms: Uniforms | None = None) -> None:
        """Give every input its key and find the recipes they share."""
        self.inputs, self.seed, self.uniforms = inputs, seed, uniforms
        keys = np.array([key(seed, name) for name in inputs.names], np.uint64).reshape(-1, 2)
        made = recipes(inputs)
        self.numbers = _numbers(inputs, keys, made, (), forced=uniforms is not None)
        self.figures = np.concatenate([inputs.tables.data, made.minutes])

    def chunk(self, first: int, count: int) -> Iterator[Common]:
        """Yield what replications first … first + count − 1 share."""
        inputs = self.inputs
        draw = self.uniforms or self._plain
        factors = sample(inputs.tables, inputs.factor_table, draw(inputs.factors, first, count))
        delays = sample(inputs.tables, inputs.delay_table, draw(inputs.delay_names, first, count))
        factors, delays = shared(inputs, factors, delays)
        own = self.uniforms(inputs.names, first, count) if self.uniforms else np.empty((0, count))
        figures = np.concatenate([factors, delays, own])
        for column in range(count):
            yield Common(first + column, factors[:, column], figures[:, column])

    def _plain(self, names: Sequence[str], first: int, count: int) -> Floats:
        """Draw each replication on its own."""
        return uniforms([key(self.seed, name) for name in names], first, count)


def given(inputs: Inputs, values: Sequence[int]) -> tuple[Ints, Floats]:
    """Return (numbers, figures) that give every input its value, at later attempts too; nothing is drawn."""
    keys = np.zeros((len(inputs.names), 2), np.uint64)
    return _numbers(inputs, keys, recipes(inputs), values, forced=False), np.zeros(1)


@dataclass(frozen=True)
class Recipes:
    """What inputs are made of, each combination once: `rows` as in `arrays`, minutes per unit, who has which."""

    rows: Ints
    minutes: Floats
    made: Ints


def recipes(inputs: Inputs) -> Recipes:
    """Find the different combinations of table, kind, minutes, factors and delays among the inputs."""
    tables, table = inputs.tables, inputs.table
    groups = (inputs.content, inputs.losses, inputs.delays)
    row = (tables.start[table], tables.length[table], tables.kind[table], inputs.kind)
    rows = np.column_stack([inputs.minutes.view(np.int64), *row, *groups]).astype(np.int64)
    rows, made = different(rows)
    return Recipes(rows[:, 1:], rows[:, 0].copy().view(np.float64), made)


def _numbers(inputs: Inputs, keys: Words, made: Recipes, values: Sequence[int], *, forced: bool) -> Ints:
    """Return the luck as one array; `arrays` says what stands where."""
    losses = CONTENT_FACTORS + inputs.content.shape[1]
    minutes = len(inputs.tables.data)
    factors = minutes + len(made.minutes)
    delays = factors + len(inputs.factors)
    forced_at = delays + len(inputs.delay_names) if forced else 0
    numbers = [made.rows.shape[1], losses, losses + inputs.losses.shape[1], minutes, factors, delays, forced_at]
    luck = bound(LUCK, [np.column_stack([keys.view(np.int64), made.made]), made.rows, values], numbers)
    luck[GIVEN] *= len(values) > 0
    return luck
