"""Where the draws of a plan come from, laid out for the kernel: keys, tables, and what a replication shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sim.engine.compiled.arrays import CONTENT_FACTORS, FORCED_AT, GIVEN, LUCK, Floats, Ints, bound
from sim.plan.inputs import Inputs
from sim.world.draws import key, uniforms
from sim.world.quantiles import sample

Uniforms = Mapping[str, Floats]
"""Uniforms to take instead of drawing, by name of input, factor or delay: one a replication of a chunk."""


@dataclass(frozen=True)
class Shared:
    """What a replication draws once for everybody; `figures` is all that the kernel reads of it."""

    replication: int
    factors: Floats
    figures: Floats


@dataclass(frozen=True)
class Luck:
    """The luck of a plan under one seed. First attempts of the inputs named in `forced` are not drawn."""

    inputs: Inputs
    seed: int
    forced: tuple[str, ...] = ()
    numbers: Ints = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Lay out the numbers that all replications have in common."""
        keys = np.array([key(self.seed, name) for name in self.inputs.names], np.uint64).reshape(-1, 2)
        object.__setattr__(self, "numbers", _numbers(self.inputs, keys, (), self.forced))

    def chunk(self, first: int, count: int, instead: Uniforms | None = None) -> Iterator[Shared]:
        """Yield what replications first … first + count − 1 share, with these uniforms `instead` of drawn ones."""
        instead, inputs = instead or {}, self.inputs

        def shapes(names: Sequence[str], table: Ints) -> Floats:
            """Return the sampled values of factors or delays, shape (names, count)."""
            luck = uniforms([key(self.seed, name) for name in names], first, count)
            for row, name in enumerate(names):
                luck[row] = instead.get(name, luck[row])
            return sample(inputs.tables, table, luck)

        factors = shapes(inputs.factors, inputs.factor_table)
        delays = shapes(inputs.delay_names, inputs.delay_table) * inputs.delay_minutes[:, None]
        own = np.array([instead[name] for name in self.forced]).reshape(-1, count)
        tail = np.concatenate([factors, np.floor(delays + 0.5), own])
        for column in range(count):
            figures = np.concatenate([inputs.tables.data, inputs.minutes, tail[:, column]])
            yield Shared(first + column, factors[:, column], figures)


def given(inputs: Inputs, values: Sequence[int]) -> tuple[Ints, Floats]:
    """Return (numbers, figures) that give every input its value, at later attempts too; nothing is drawn."""
    keys = np.zeros((len(inputs.names), 2), np.uint64)
    return _numbers(inputs, keys, values, ()), np.zeros(1)


def _numbers(inputs: Inputs, keys: Ints, values: Sequence[int], forced: Sequence[str]) -> Ints:
    """Return the luck as one array; `arrays` says what stands where."""
    groups = (inputs.content, inputs.losses, inputs.delays)
    widths = [group.shape[1] for group in groups]
    tables, table = inputs.tables, inputs.table
    row = (tables.start[table], tables.length[table], tables.kind[table], inputs.kind)
    rows = np.column_stack([keys.view(np.int64), *row, *groups]).astype(np.int64)
    losses = CONTENT_FACTORS + widths[0]
    minutes = len(tables.data)
    factors = minutes + len(inputs.minutes)
    delays = factors + len(inputs.factors)
    places = {name: place for place, name in enumerate(forced)}
    forced_at = [places.get(name, -1) for name in inputs.names] if forced else []
    numbers = [rows.shape[1], losses, losses + widths[1]]
    numbers += [minutes, factors, delays, delays + len(inputs.delay_names)]
    luck = bound(LUCK, [rows, values, forced_at], numbers)
    luck[GIVEN] *= len(values) > 0
    luck[FORCED_AT] *= len(forced) > 0
    return luck
