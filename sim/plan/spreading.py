"""The luck of one plan under one seed, spread over the replications as a study's way of sampling says.

Only what adds up is spread evenly by a Latin hypercube, and Sobol points are even together in their first dimensions
only. So two things are said here: what happens and how large it then is come from one number, for the one without the
other means nothing; and Sobol's first dimensions go to what happens at all and when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from sim.plan.inputs import Inputs
from sim.world.draws import Key, key, uniforms
from sim.world.quantiles import DISCRETE, FIXED
from sim.world.sampling import Sampling
from sim.world.spread import FloatArray, directions, latin, ranks, scrambled, sobol, within

Randomisation = Callable[[int, int], FloatArray]
"""Draws of some inputs in replications inside one randomisation: (first, count) → shape (inputs, count)."""


class Spreader:
    """Draws the first attempts of named inputs; a `Uniforms` of `sim.plan.luck`.

    Drivers are what a whole project shares, its factors and delays. They have the first of Sobol's dimensions:
    strategies with the same drivers have the same luck. Latin hypercubes go by name alone.
    What was worked out for the latest randomisation is remembered, for the next chunk is mostly of the same one.
    """

    def __init__(self, inputs: Inputs, seed: int, sampling: Sampling) -> None:
        self.seed, self.sampling = seed, sampling
        self._cases = _cases(inputs)
        drivers = _drivers(inputs)
        by_sobol = {"sobol": drivers, "sobol-all": [*drivers, *inputs.names]}.get(sampling.method, [])
        self._dimension = {name: number for number, name in enumerate(by_sobol)}
        self._keys: dict[tuple[str, ...], list[Key]] = {}
        self._latest: dict[tuple[str, ...], tuple[int, Randomisation]] = {}

    def __call__(self, names: Sequence[str], first: int, count: int) -> FloatArray:
        """Return the draws of these names in replications first … first + count − 1, shape (names, count)."""
        asked = tuple(names)
        if self.sampling.is_plain or not asked:
            return uniforms(self._keys_of(asked), first, count)
        size = self.sampling.size
        sources = tuple(self._cases[name][0] if name in self._cases else name for name in asked)
        parts = [self._within(sources, part.start // size)(part.start, len(part)) for part in _cut(first, count, size)]
        drawn = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        for row, name in enumerate(asked):
            if name in self._cases:
                drawn[row] = within(self._cases[name][1], drawn[row])
        return drawn

    def _keys_of(self, names: tuple[str, ...]) -> list[Key]:
        if names not in self._keys:
            self._keys[names] = [key(self.seed, name) for name in names]
        return self._keys[names]

    def _within(self, names: tuple[str, ...], block: int) -> Randomisation:
        """Return what draws these names inside a randomisation."""
        known = self._latest.get(names)
        if known is None or known[0] != block:
            known = self._latest[names] = block, self._randomisation(names, block)
        return known[1]

    def _randomisation(self, names: tuple[str, ...], block: int) -> Randomisation:
        keys, size = self._keys_of(names), self.sampling.size
        if names[0] not in self._dimension:
            return partial(latin, ranks(keys, block, size), keys)
        numbers = directions(len(self._dimension), size.bit_length() - 1)
        mixed = scrambled(numbers[[self._dimension[name] for name in names]], keys, block)
        return lambda first, count: sobol(mixed, first - block * size, count)


def _cases(inputs: Inputs) -> dict[str, tuple[str, FloatArray]]:
    """Return by factor that depends on another one: that one, and where its cases end in its draw."""
    tables, found = inputs.tables, dict[str, tuple[str, FloatArray]]()
    for number in np.flatnonzero(inputs.only_with >= 0):
        happens = int(inputs.only_with[number])
        table = int(inputs.factor_table[happens])
        data = tables.of(table)
        ends = data[len(data) // 2 :] if tables.kind[table] == DISCRETE else np.ones(1)
        found[inputs.factors[number]] = inputs.factors[happens], ends
    return found


def _drivers(inputs: Inputs) -> list[str]:
    """Return what has a number of its own and is shared: first what happens and when, then the rest, each by name."""
    cases = _cases(inputs)
    drawn = inputs.tables.kind[inputs.delay_table] != FIXED
    first = {happens for happens, _ in cases.values()}
    first |= {name for name, luck in zip(inputs.delay_names, drawn, strict=True) if luck}
    return [*sorted(first), *sorted({*inputs.factors, *inputs.delay_names} - first - cases.keys())]


def _cut(first: int, count: int, size: int) -> Iterator[range]:
    """Cut replications where a randomisation ends."""
    last = first + count
    while first < last:
        upto = min((first // size + 1) * size, last)
        yield range(first, upto)
        first = upto
