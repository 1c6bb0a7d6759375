"""Draws of a plan: the value of every named input in a replication, the same in every strategy.

An input is a drawn duration, date or decision; it has a random stream of its own, addressed by its name, so that
strategies which share an input share its draws (common random numbers). `Draws` turns uniforms into minutes and
decisions with one rounding; `Spreader` spreads the uniforms over a study by Latin hypercube or Sobol points.

A Latin hypercube spreads evenly only what adds up, and Sobol points are even together only in their first dimensions.
So one number draws whether an event occurs and how large it is, and Sobol's first dimensions go to events and delays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import floor

import numpy as np
from numpy.typing import NDArray

from sim.plan.identical_units import spread
from sim.plan.vocabulary import Chance, FactorGroup, Plan, PlanError, Span
from sim.world.distributions import Distribution, Fixed
from sim.world.quantile_tables import DISCRETE, FIXED, Tables, compile_all, sample, sample_one
from sim.world.streams import (
    FloatArray,
    Key,
    Sampling,
    direction_numbers,
    latin_hypercube,
    ranks,
    rescaled_in_case,
    scrambled_directions,
    sobol_points,
    stream_key,
    stream_keys,
    uniform,
    uniforms,
)

# --- inputs -----------------------------------------------------------------------------------------------------------


SPAN, CHANCE, COMPLEMENT = range(3)
"""A drawn number of minutes; a jump with a probability; a jump with the complement of a probability."""
DRAWN_TOGETHER = 64
"""Replications whose inputs are drawn together: enough for numpy, little enough for memory."""


@dataclass(frozen=True)
class Inputs:
    """The drawn inputs of a plan as arrays: which quantile table, minutes per unit, which common factors and delays apply.

    `content`, `losses` and `delays` have by input the numbers of its factors and delays, padded with -1 to rectangles.
    """

    names: tuple[str, ...]
    kind: NDArray[np.int8]
    table: NDArray[np.int64]
    minutes: NDArray[np.float64]
    content: NDArray[np.int32]
    losses: NDArray[np.int32]
    delays: NDArray[np.int32]
    tables: Tables
    planned: NDArray[np.float64]
    """The planner's value of every table, for the most likely plan."""
    mean: NDArray[np.float64]
    """The mean of every table, for the expected plan; of a risk that may occur its probability."""
    factors: tuple[str, ...]
    factor_groups: tuple[FactorGroup, ...]
    factor_table: NDArray[np.int64]
    only_with: NDArray[np.int64]
    """Per factor the factor without which it is 1 (a size without its event), or -1."""
    delay_names: tuple[str, ...]
    delay_table: NDArray[np.int64]
    delay_minutes: NDArray[np.float64]
    delay_losses: NDArray[np.int32]
    """Per delay the factors it is multiplied with, padded with -1."""


class InputsBuilder:
    """Collects the inputs of a plan while its routes are compiled, route by route; `first` has the first input of each."""

    def __init__(self, plan: Plan) -> None:
        self.shapes: dict[Distribution, int] = {}
        self.factors = {name: number for number, name in enumerate(plan.factors)}
        self.factor_groups = tuple(plan.factor_groups.get(name, "other") for name in plan.factors)
        self.delays = {name: number for number, name in enumerate(plan.delays)}
        self.factor_table = [self._shape(shape) for shape in plan.factors.values()]
        self.delay_table = [self._shape(span.shape) for span in plan.delays.values()]
        self.delay_minutes = [span.minutes for span in plan.delays.values()]
        self.delay_losses = [[self.factors[name] for name in span.losses] for span in plan.delays.values()]
        self.only_with = [self.factors[plan.only_with[name]] if name in plan.only_with else -1 for name in self.factors]
        self.spans: list[Span] = []
        self.kinds: list[int] = []
        self.first = [0]
        self._routes: list[dict[str, int]] = [{}]

    def end_route(self) -> None:
        """Begin the inputs of the next route."""
        self.first.append(len(self.spans))
        self._routes.append({})

    def _shape(self, shape: Distribution) -> int:
        return self.shapes.setdefault(shape, len(self.shapes))

    def span(self, activity: str, unit: str, span: Span) -> int:
        """Add a drawn duration or date of a unit and return its number."""
        return self._add(activity, unit, span, SPAN)

    def chance(self, decision: str, unit: str, chance: Chance) -> int:
        """Add a drawn decision of a unit: a span whose value is a probability."""
        # a probability is scaled by factors like a duration, and decided by the same draw in all cases
        kind = COMPLEMENT if chance.otherwise else CHANCE
        return self._add(decision, unit, Span(Fixed(chance.probability), losses=chance.factors), kind)

    def _add(self, activity: str, unit: str, span: Span, kind: int) -> int:
        """Add an input of the route that is being compiled."""
        if activity in self._routes[-1]:
            raise PlanError(f"{activity}/{unit}: the same unit draws for the same activity at two steps of its route")
        # equal distributions share a table, so that a thousand skids need one
        self._shape(span.shape)
        self.spans.append(span)
        self.kinds.append(kind)
        self._routes[-1][activity] = len(self.spans) - 1
        return len(self.spans) - 1

    def build(
        self, units: Sequence[str], route: NDArray[np.int64], own_spans: Mapping[str, Mapping[str, Span]]
    ) -> Inputs:
        """Return all units' inputs as arrays; `own_spans` has the spans that differ from those of the unit's `route`."""
        layout = spread(self.first, route)
        table = np.array([self.shapes[span.shape] for span in self.spans], np.int64)[layout.source]
        minutes = np.array([span.minutes for span in self.spans], np.float64)[layout.source]
        losses = _padded([[self.factors[name] for name in span.losses] for span in self.spans])[layout.source]
        for unit, number, first in zip(units, route.tolist(), layout.first.tolist(), strict=False) if own_spans else ():
            for activity, span in own_spans.get(unit, {}).items():
                row = first + self._routes[number][activity] - self.first[number]
                table[row], minutes[row] = self._shape(span.shape), span.minutes
                # its own factors stand where those of the route's span do; what was added to that since stays
                losses[row, : len(span.losses)] = [self.factors[name] for name in span.losses]
        activities_of = [list(inputs_of_route) for inputs_of_route in self._routes]
        pairs = zip(units, route, strict=True)
        return Inputs(
            names=tuple(f"{activity}/{unit}" for unit, number in pairs for activity in activities_of[number]),
            kind=np.array(self.kinds, np.int8)[layout.source],
            table=table,
            minutes=minutes,
            content=_padded([[self.factors[name] for name in span.content] for span in self.spans])[layout.source],
            losses=losses,
            delays=_padded([[self.delays[name] for name in span.delays] for span in self.spans])[layout.source],
            tables=compile_all(list(self.shapes)),
            planned=np.array([shape.planned() for shape in self.shapes], np.float64),
            mean=np.array([shape.mean() for shape in self.shapes], np.float64),
            factors=tuple(self.factors),
            factor_groups=self.factor_groups,
            factor_table=np.array(self.factor_table, np.int64),
            only_with=np.array(self.only_with, np.int64),
            delay_names=tuple(self.delays),
            delay_table=np.array(self.delay_table, np.int64),
            delay_minutes=np.array(self.delay_minutes, np.float64),
            delay_losses=_padded(self.delay_losses),
        )


def _padded(lists: Sequence[Sequence[int]]) -> NDArray[np.int32]:
    """Return lists of numbers as a rectangle, shape (lists, longest), the shorter ones padded with -1."""
    width = max(map(len, lists), default=0)
    # rows of one length, so that the kernel reads them without offsets
    rows = [(*numbers, *(-1,) * (width - len(numbers))) for numbers in lists]
    return np.array(rows, np.int32).reshape(len(lists), width)


# --- draws ------------------------------------------------------------------------------------------------------------


Uniforms = Callable[[Sequence[str], int, int], FloatArray]
"""Draws of first attempts: (names, first replication, count) → shape (names, count), strictly between 0 and 1."""


@dataclass(frozen=True)
class SampledInputs:
    """The draws of one replication: `values` are minutes of spans and 0/1 of decisions; `content` minutes before losses."""

    replication: int
    values: list[int]
    content: NDArray[np.int64]
    factors: FloatArray
    at_attempt: Callable[[int, int], int]
    """Value of an input at an attempt after the first, which is number 0: (input, attempt) → minutes or 0/1."""
    later_values: NDArray[np.int64] | None = None
    """Value of each input at all later attempts, where it is the same at all of them."""


class Draws:
    """Draws the inputs of a plan, a chunk of replications at a time, each from its own named stream.

    First attempts come from `uniforms` if it is given (a stratified sample of the whole study); later attempts never do.
    """

    def __init__(self, inputs: Inputs, seed: int, uniforms: Uniforms | None = None) -> None:
        self.inputs, self.uniforms, self.seed = inputs, uniforms or self._plain, seed

    @cached_property
    def keys(self) -> list[Key]:
        """Return the key (two words) of every input's stream; with `uniforms` few of them are needed, or none."""
        return [(word0, word1) for word0, word1 in stream_keys(self.seed, self.inputs.names).tolist()]

    def chunk(self, first: int, count: int) -> Iterator[SampledInputs]:
        """Yield the draws of replications first … first + count − 1."""
        inputs = self.inputs
        factors = sample(inputs.tables, inputs.factor_table, self.uniforms(inputs.factors, first, count))
        delays = sample(inputs.tables, inputs.delay_table, self.uniforms(inputs.delay_names, first, count))
        factors, delays = factors_and_delays(inputs, factors, delays)
        drawn = self.uniforms(inputs.names, first, count)
        shapes = sample(inputs.tables, inputs.table, drawn)
        content, values = content_and_values(inputs, shapes, drawn, factors, delays)
        for column in range(count):
            # a repeated attempt has its own draw but the replication's factors: a bad project stays bad
            redraw = self._later(first + column, factors[:, column], delays[:, column])
            yield SampledInputs(
                first + column, values[:, column].tolist(), content[:, column], factors[:, column], redraw
            )

    def _plain(self, names: Sequence[str], first: int, count: int) -> FloatArray:
        """Return plain random uniforms, each replication's independent of the others: shape (names, count)."""
        keys = self.keys if names is self.inputs.names else [stream_key(self.seed, name) for name in names]
        return uniforms(keys, first, count)

    def _later(self, replication: int, factors: FloatArray, delays: FloatArray) -> Callable[[int, int], int]:
        """Return a function that draws an input at a repeated attempt; these are rare, so each is drawn when it is needed."""

        def draw(number: int, attempt: int) -> int:
            u = uniform(stream_key(self.seed, self.inputs.names[number]), replication, attempt)
            return value_of(self.inputs, number, u, factors, delays)

        return draw


def factors_and_delays(inputs: Inputs, factors: FloatArray, delays: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return drawn factors as they apply and drawn delays in whole minutes, both of shape (names, replications).

    A factor that depends on another one (the size of an event on whether it occurs) is 1 where that one is 0.
    """
    # a size is drawn in every replication, whether its event occurs or not: no draw of anything else moves
    dependent = np.flatnonzero(inputs.only_with >= 0)
    occurs = factors[inputs.only_with[dependent]] != 0
    factors[dependent] = np.where(occurs, factors[dependent], 1.0)
    minutes = apply_factors(delays * inputs.delay_minutes[:, None], inputs.delay_losses, factors)
    return factors, np.floor(minutes + 0.5)


def mean_factors_and_delays(inputs: Inputs, factors: FloatArray, delays: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return factors and delays as `factors_and_delays` does, from means: an event counts with its probability p.

    The factor of an event is 1 + p × (size − 1), its delay p × its minutes.
    """
    minutes = apply_factors(delays * inputs.delay_minutes[:, None], inputs.delay_losses, factors)
    dependent = np.flatnonzero(inputs.only_with >= 0)
    factors[dependent] = 1.0 + factors[inputs.only_with[dependent]] * (factors[dependent] - 1.0)
    return factors, np.floor(minutes + 0.5)


def content_and_values(
    inputs: Inputs, shapes: FloatArray, input_uniforms: FloatArray, factors: FloatArray, delays: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (content, values), both int64 of shape (inputs, replications): minutes before losses; minutes, or 0 and 1.

    `shapes` are sampled values in their own unit, `input_uniforms` where they came from. Durations are rounded only here.
    """
    # in this order, one factor after the other: floats must round alike here, in `value_of` and in the kernel
    amount = shapes * inputs.minutes[:, None]
    amount = apply_factors(amount, inputs.content, factors)
    content = np.floor(amount + 0.5)
    amount = apply_factors(amount, inputs.losses, factors)
    amount = add_delays(amount, inputs.delays, delays)
    jumps = input_uniforms < np.where((inputs.kind == COMPLEMENT)[:, None], 1.0 - amount, amount)
    values = np.where((inputs.kind == SPAN)[:, None], np.floor(amount + 0.5), jumps)
    return content.astype(np.int64), values.astype(np.int64)


def apply_factors(amount: FloatArray, factor_numbers: NDArray[np.int32], factors: FloatArray) -> FloatArray:
    """Multiply amounts in place with each input's factors: `factor_numbers` are rows of `factors`, padded with -1."""
    for column in factor_numbers.T:
        # only where there is a factor: multiplying by 1.0 would be right too, and slower
        has_factor = np.flatnonzero(column >= 0)
        amount[has_factor] *= factors[column[has_factor]]
    return amount


def add_delays(amount: FloatArray, delay_numbers: NDArray[np.int32], delays: FloatArray) -> FloatArray:
    """Return amounts with each input's delays added: `delay_numbers` are rows of `delays`, padded with -1."""
    for column in delay_numbers.T:
        amount = amount + np.where(column[:, None] < 0, 0.0, delays[column] if len(delays) else 0.0)
    return amount


def value_of(inputs: Inputs, number: int, uniform_drawn: float, factors: FloatArray, delays: FloatArray) -> int:
    """Return one input's value from its uniform: the same operations in the same order as `content_and_values`."""
    amount = sample_one(inputs.tables, int(inputs.table[number]), uniform_drawn) * float(inputs.minutes[number])
    for factor in (*inputs.content[number], *inputs.losses[number]):
        amount *= float(factors[factor]) if factor >= 0 else 1.0
    for delay in inputs.delays[number]:
        amount += float(delays[delay]) if delay >= 0 else 0.0
    if inputs.kind[number] == SPAN:
        return floor(amount + 0.5)
    return int(uniform_drawn < (1.0 - amount if inputs.kind[number] == COMPLEMENT else amount))


# --- spreading over a study -------------------------------------------------------------------------------------------


Randomisation = Callable[[int, int], FloatArray]
"""Uniforms of some inputs in replications inside one randomisation: (first, count) → shape (inputs, count)."""


class Spreader:
    """Draws the uniforms of named inputs as a stratified sample of a study: Latin hypercubes or Sobol points.

    Drivers are what a whole project shares, its factors and delays. They have the first of Sobol's dimensions:
    strategies with the same drivers have the same draws. Latin hypercubes go by name alone.
    The latest randomisation is kept, for the next chunk is mostly of the same one.
    """

    def __init__(self, inputs: Inputs, seed: int, sampling: Sampling) -> None:
        self.seed, self.sampling = seed, sampling
        self._events = _events_of_sizes(inputs)
        drivers = _drivers(inputs)
        by_sobol = {"sobol": drivers, "sobol-all": [*drivers, *inputs.names]}.get(sampling.method, [])
        self._dimension = {name: number for number, name in enumerate(by_sobol)}
        self._latest: dict[tuple[str, ...], tuple[int, Randomisation]] = {}

    def __call__(self, names: Sequence[str], first: int, count: int) -> FloatArray:
        """Return the uniforms of inputs by name in replications first … first + count − 1, shape (names, count)."""
        inputs = tuple(names)
        if self.sampling.is_plain or not inputs:
            return uniforms(self._keys_of(inputs), first, count)
        # a chunk may reach into the next randomisation: each part is drawn within its own
        size = self.sampling.size
        sources = tuple(self._events[name][0] if name in self._events else name for name in inputs)
        spans = _split_by_randomisation(first, count, size)
        parts = [self._randomisation(sources, part.start // size)(part.start, len(part)) for part in spans]
        drawn = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        for row, name in enumerate(inputs):
            if name in self._events:
                _, case_ends = self._events[name]
                drawn[row] = rescaled_in_case(case_ends, drawn[row])
        return drawn

    def _keys_of(self, names: tuple[str, ...]) -> NDArray[np.uint64]:
        """Return the keys of streams by name, shape (names, 2)."""
        return stream_keys(self.seed, names)

    def _randomisation(self, names: tuple[str, ...], number: int) -> Randomisation:
        """Return the function that draws inputs inside the randomisation of a number, from 0."""
        cached = self._latest.get(names)
        if cached is None or cached[0] != number:
            cached = self._latest[names] = number, self._new_randomisation(names, number)
        return cached[1]

    def _new_randomisation(self, names: tuple[str, ...], number: int) -> Randomisation:
        keys, size = self._keys_of(names), self.sampling.size
        if names[0] not in self._dimension:
            return partial(latin_hypercube, ranks(keys, number, size), keys)
        directions = direction_numbers(len(self._dimension), size.bit_length() - 1)
        scrambled = scrambled_directions(directions[[self._dimension[name] for name in names]], keys, number)
        return lambda first, count: sobol_points(scrambled, first - number * size, count)


def _events_of_sizes(inputs: Inputs) -> dict[str, tuple[str, FloatArray]]:
    """Return by factor that depends on another one: that one (the event), and its cases' ends as cumulative probabilities."""
    tables, events = inputs.tables, dict[str, tuple[str, FloatArray]]()
    for number in np.flatnonzero(inputs.only_with >= 0):
        event = int(inputs.only_with[number])
        table = int(inputs.factor_table[event])
        data = tables.of(table)
        case_ends = data[len(data) // 2 :] if tables.kind[table] == DISCRETE else np.ones(1)
        events[inputs.factors[number]] = inputs.factors[event], case_ends
    return events


def _drivers(inputs: Inputs) -> list[str]:
    """Return the names of common factors and delays with a uniform of their own: first events and delays, then the rest."""
    events = _events_of_sizes(inputs)
    uncertain = inputs.tables.kind[inputs.delay_table] != FIXED
    # Sobol's first dimensions are the most even ones: they go to what moves whole projects
    first = {event for event, _ in events.values()}
    first |= {name for name, is_drawn in zip(inputs.delay_names, uncertain, strict=True) if is_drawn}
    return [*sorted(first), *sorted({*inputs.factors, *inputs.delay_names} - first - events.keys())]


def _split_by_randomisation(first: int, count: int, size: int) -> Iterator[range]:
    """Yield replications first … first + count − 1 in parts that end where a randomisation of `size` does."""
    end = first + count
    while first < end:
        part_end = min((first // size + 1) * size, end)
        yield range(first, part_end)
        first = part_end
