"""The luck of one plan under one seed, spread over the replications as a study's way of sampling says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from sim.plan.inputs import Inputs
from sim.world.draws import Key, key, uniforms
from sim.world.sampling import Sampling
from sim.world.spread import FloatArray, directions, latin, ranks, scrambled, sobol

Randomisation = Callable[[int, int], FloatArray]
"""Draws of some inputs in replications inside one randomisation: (first, count) → shape (inputs, count)."""


class Spreader:
    """Draws the first attempts of named inputs; a `Uniforms` of `sim.plan.luck`.

    Drivers are what a whole project shares, its factors and delays. They have the first of Sobol's dimensions, in
    alphabetical order: strategies with the same drivers have the same luck. Latin hypercubes go by name alone.
    What was worked out for the latest randomisation is remembered, for the next chunk is mostly of the same one.
    """

    def __init__(self, inputs: Inputs, seed: int, sampling: Sampling) -> None:
        self.seed, self.sampling = seed, sampling
        drivers = sorted({*inputs.factors, *inputs.delay_names})
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
        parts = [self._within(asked, part.start // size)(part.start, len(part)) for part in _cut(first, count, size)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

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


def _cut(first: int, count: int, size: int) -> Iterator[range]:
    """Cut replications where a randomisation ends."""
    last = first + count
    while first < last:
        upto = min((first // size + 1) * size, last)
        yield range(first, upto)
        first = upto
