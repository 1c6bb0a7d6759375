"""Sampling in the kernel: the value of an input is a quantile of its table, times factors, plus delays, rounded once.

The operations and their order are those of `sim.world.quantile_tables` and `sim.plan.draws`: only so do two
engines get the same last bit. `DrawTables` lays out keys, tables and factors of a plan; thousands of inputs share a few
dozen recipes: combinations of table, kind, factors and delays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, isnan

import numpy as np

from sim.engine.numba_engine.memory_layout import (
    CONTENT,
    CONTENT_FACTORS,
    DELAY_MINUTES,
    DELAYS,
    DRAWS_HEADER,
    FACTORS,
    FIXED_VALUES,
    FORCED,
    INPUT_KIND,
    INPUT_RECIPE,
    INPUT_SIZE,
    INPUTS,
    INTERRUPTED,
    KEY_0,
    KEY_1,
    LENGTH,
    LOSSES,
    MINUTES,
    RECIPE_SIZE,
    RECIPES,
    REPLICATION,
    TABLE,
    TABLE_KIND,
    with_header,
)
from sim.jit import toolkit
from sim.jit.toolkit import Floats, FloatView, Ints, IntView, Words, bits_to_float, float_to_bits, inline, jit
from sim.plan.draws import COMPLEMENT, SPAN, Inputs, Uniforms, factors_and_delays
from sim.plan.identical_units import unique_rows
from sim.world.quantile_tables import CELLS, DISCRETE, FIXED, OCTAVES, SIDE, sample
from sim.world.streams import CommonUniforms, stream_key, stream_keys, uniforms

# --- one input -------------------------------------------------------------------------------------------------------


_ZERO = np.uint64(0)
_SCALE = 2.0 * CELLS
_FIRST = OCTAVES * CELLS + 1
_DEEP = 2.0 ** (OCTAVES + 1)
_FRACTION, _BIAS = 52, 1022
_FRACTION_BITS, _HALF_BITS = (1 << _FRACTION) - 1, _BIAS << _FRACTION
"""How a float is written: a number from 0.5 to 1 in its fraction's bits, times a power of two (IEEE 754)."""


@inline
def discrete_value(parameters: FloatView, start: int, cases: int, u: float) -> float:
    """Return the value of a discrete distribution at `u`; from `start` on stand its values, then cumulated weights."""
    # the first cumulated weight above u, as `searchsorted(…, side="right")` in the reference
    low, high = start + cases, start + 2 * cases
    while low < high:
        middle = (low + high) >> 1
        if parameters[middle] <= u:
            low = middle + 1
        else:
            high = middle
    return parameters[low - cases]


@inline
def quantile(parameters: FloatView, start: int, u: float) -> float:
    """Return the quantile at `u` from the table that begins at `start`, interpolated between its knots."""
    # both halves are tabulated by their distance from the end, as 1 - u near 0 has more digits than u near 1
    tail = u
    if u > 0.5:
        tail = 1.0 - u
        start += SIDE
    # frexp by hand: exponent and fraction stand in the float, and exactly so on every machine
    bits = float_to_bits(tail)
    exponent = (bits >> _FRACTION) - _BIAS
    cell_position = (bits_to_float(bits & _FRACTION_BITS | _HALF_BITS) - 0.5) * _SCALE
    cell = int(cell_position)
    fraction = cell_position - cell
    knot = cell + exponent * CELLS + _FIRST
    # below the finest octave one cell reaches down to 0
    if exponent < -OCTAVES:
        knot = 0
        fraction = tail * _DEEP
    # in this form, as numpy reads its tables: (1 - f) * low + f * high has another last bit
    low = parameters[start + knot]
    return low + fraction * (parameters[start + knot + 1] - low)


@inline
def uniform_of(draws: IntView, parameters: FloatView, input_number: int, replication: int, attempt: int) -> float:
    """Return the uniform of an input at an attempt: drawn from its stream, unless that of its first attempt is given."""
    # designs stratify first attempts only; repeats and whatever is NaN are drawn plainly
    if attempt == 0 and draws[FORCED] > 0 and not isnan(parameters[draws[FORCED] + input_number]):
        return parameters[draws[FORCED] + input_number]
    input_at = draws[INPUTS] + input_number * INPUT_SIZE
    # unsigned throughout: of one signed and one unsigned number numba makes a float
    key_0, key_1 = np.uint64(draws[input_at + KEY_0]), np.uint64(draws[input_at + KEY_1])
    return toolkit.to_unit(toolkit.block(key_0, key_1, np.uint64(replication), np.uint64(attempt), _ZERO)[0])


@inline
def distribution_value(draws: IntView, parameters: FloatView, recipe: int, u: float) -> float:
    """Return the value of a recipe's distribution at `u`, in its own unit."""
    start, kind = draws[recipe + TABLE], draws[recipe + TABLE_KIND]
    if kind == FIXED:
        return parameters[start]
    if kind == DISCRETE:
        return discrete_value(parameters, start, draws[recipe + LENGTH] >> 1, u)
    return quantile(parameters, start, u)


@inline
def with_factors(draws: IntView, parameters: FloatView, begin: int, end: int, amount: float) -> float:
    """Return an amount times the common factors whose numbers stand in `draws` from `begin` to `end`, up to a -1."""
    for position in range(begin, end):
        if draws[position] < 0:
            break
        amount *= parameters[draws[FACTORS] + draws[position]]
    return amount


@inline
def interrupted_minutes(run: IntView, input_number: int) -> int:
    """Return the remaining minutes of an input's interrupted work, all its factors included; -1 if it was not interrupted."""
    if run[INTERRUPTED] == 0 or run[run[CONTENT] + input_number] >= 0:
        return -1
    run[run[CONTENT] + input_number] = -1 - run[run[CONTENT] + input_number]
    run[INTERRUPTED] -= 1
    return run[run[CONTENT] + input_number]


@jit
def input_value(run: IntView, draws: IntView, parameters: FloatView, input_number: int, attempt: int) -> int:
    """Return the value of an input at an attempt: minutes, or 1 and 0 of a decision.

    At the first attempt its minutes before losses are recorded in the run, for the metrics.
    """
    if draws[FIXED_VALUES] > 0:
        return draws[draws[FIXED_VALUES] + 2 * input_number + min(attempt, 1)]
    recipe_number = draws[draws[INPUTS] + input_number * INPUT_SIZE + INPUT_RECIPE]
    recipe_at = draws[RECIPES] + recipe_number * draws[RECIPE_SIZE]
    # what is fixed saves its draw; a decision needs one even where its chance is fixed
    needs_no_draw = draws[recipe_at + TABLE_KIND] == FIXED and draws[recipe_at + INPUT_KIND] == SPAN
    u = 0.5 if needs_no_draw else uniform_of(draws, parameters, input_number, run[REPLICATION], attempt)
    amount = distribution_value(draws, parameters, recipe_at, u) * parameters[draws[MINUTES] + recipe_number]
    # content before losses: what stands between the two is what the work is worth, and earned hours count only that
    amount = with_factors(draws, parameters, recipe_at + CONTENT_FACTORS, recipe_at + draws[LOSSES], amount)
    # floor(x + 0.5), not round(), which rounds halves to even
    if attempt == 0:
        run[run[CONTENT] + input_number] = floor(amount + 0.5)
    amount = with_factors(draws, parameters, recipe_at + draws[LOSSES], recipe_at + draws[DELAYS], amount)
    for position in range(recipe_at + draws[DELAYS], recipe_at + draws[RECIPE_SIZE]):
        if draws[position] < 0:
            break
        amount += parameters[draws[DELAY_MINUTES] + draws[position]]
    if draws[recipe_at + INPUT_KIND] == SPAN:
        return floor(amount + 0.5)
    # the complement is taken of the probability, not of the random number, as in the reference: equal to the last bit
    probability = 1.0 - amount if draws[recipe_at + INPUT_KIND] == COMPLEMENT else amount
    return 1 if u < probability else 0


# --- draws of a plan --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CommonDraws:
    """What a replication draws once for all inputs: its common factors, and all `parameters` that are its own."""

    replication: int
    factors: Floats
    parameters: Floats


class DrawTables:
    """The draws of a plan under one seed, as the kernel reads them: `draws`, and the `parameters` of all replications.

    First attempts are drawn by the kernel, one by one as they are reached. Where `uniforms` is given they come
    from it: numbers strictly between 0 and 1, or NaN for an input that is to be drawn after all; of `CommonUniforms` only the
    common factors and delays do.
    """

    def __init__(self, inputs: Inputs, seed: int, uniforms: Uniforms | None = None) -> None:
        """Give every input its key and find the recipes they share."""
        self.inputs, self.seed, self.uniforms = inputs, seed, uniforms
        self.forced = uniforms is not None and not isinstance(uniforms, CommonUniforms)
        # by name, not by number: an input keeps its random numbers when others come or go
        keys = stream_keys(seed, inputs.names)
        recipes = find_recipes(inputs)
        self.draws = _draws_array(inputs, keys, recipes, (), forced=self.forced)
        self.parameters = np.concatenate([inputs.tables.data, recipes.minutes])

    def chunk(self, first: int, count: int) -> Iterator[CommonDraws]:
        """Yield the common draws of replications first … first + count − 1, one by one."""
        inputs = self.inputs
        draw = self.uniforms or self._plain
        factors = sample(inputs.tables, inputs.factor_table, draw(inputs.factors, first, count))
        delays = sample(inputs.tables, inputs.delay_table, draw(inputs.delay_names, first, count))
        factors, delays = factors_and_delays(inputs, factors, delays)
        # after the parameters of all replications, so that all that changes with the replication is one column
        forced_uniforms = draw(inputs.names, first, count) if self.forced else np.empty((0, count))
        parameters = np.concatenate([factors, delays, forced_uniforms])
        for column in range(count):
            yield CommonDraws(first + column, factors[:, column], parameters[:, column])

    def _plain(self, names: Sequence[str], first: int, count: int) -> Floats:
        """Return plain random uniforms, each replication's independent of the others: shape (names, count)."""
        return uniforms([stream_key(self.seed, name) for name in names], first, count)


def fixed_draws(inputs: Inputs, values: Sequence[int], later_values: Sequence[int] | Ints) -> tuple[Ints, Floats]:
    """Return (draws, parameters) for the kernel with which every input has given values, at first and later attempts."""
    keys = np.zeros((len(inputs.names), 2), np.uint64)
    pairs = np.column_stack([values, later_values]).ravel().astype(np.int64) if len(values) else np.zeros(0, np.int64)
    return _draws_array(inputs, keys, find_recipes(inputs), pairs, forced=False), np.zeros(1)


@dataclass(frozen=True)
class Recipes:
    """The different combinations of table, kind, minutes per unit, factors and delays among inputs.

    `rows` are laid out as in `memory_layout`, `minutes` are per unit of each; `of_input` is every input's recipe.
    """

    rows: Ints
    minutes: Floats
    of_input: Ints


def find_recipes(inputs: Inputs) -> Recipes:
    """Return the recipes of the inputs of a plan."""
    tables, table = inputs.tables, inputs.table
    groups = (inputs.content, inputs.losses, inputs.delays)
    row = (tables.start[table], tables.length[table], tables.kind[table], inputs.kind)
    # minutes by their bits: one recipe only where they are equal to the last one
    rows = np.column_stack([inputs.minutes.view(np.int64), *row, *groups]).astype(np.int64, copy=False)
    rows, of_input = unique_rows(rows)
    return Recipes(rows[:, 1:], rows[:, 0].copy().view(np.float64), of_input)


def _draws_array(inputs: Inputs, keys: Words, recipes: Recipes, values: Sequence[int], *, forced: bool) -> Ints:
    """Return the `draws` array of the kernel, with the columns and numbers of `memory_layout`; `values` may be empty."""
    losses_at = CONTENT_FACTORS + inputs.content.shape[1]
    minutes_at = len(inputs.tables.data)
    factors_at = minutes_at + len(recipes.minutes)
    delays_at = factors_at + len(inputs.factors)
    forced_at = delays_at + len(inputs.delay_names) if forced else 0
    in_recipe = (recipes.rows.shape[1], losses_at, losses_at + inputs.losses.shape[1])
    in_parameters = (minutes_at, factors_at, delays_at, forced_at)
    columns = [np.column_stack([keys.view(np.int64), recipes.of_input]), recipes.rows, values]
    draws = with_header(DRAWS_HEADER, columns, [*in_recipe, *in_parameters])
    # place 0 is the list of contents itself, so it can stand for: no values are given
    draws[FIXED_VALUES] *= len(values) > 0
    return draws
