"""Remaining durations of the works in progress at the data date, drawn for every replication.

The duration of a work that has taken `e` minutes so far is drawn from its distribution truncated below `e`, by inverse CDF:
u' = F(e) + (1 - F(e)) u. Where `e` is beyond the largest value of the distribution, a tenth of the planned duration remains
(an assumption: 5 to 20 %). A reported remaining duration is drawn from its range; a reported percentage is a share of a
drawn duration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from sim.engine.initial_state import MILLION, InitialState, factors_at_start, whole_minutes
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.draws import Inputs, Uniforms, add_delays, apply_factors, factors_and_delays
from sim.study.analyses.forecast.progress import Progress
from sim.study.analyses.forecast.unit_status import RemainingDuration
from sim.world.distributions import Triangular
from sim.world.quantile_tables import sample
from sim.world.streams import stream_key, uniforms

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
OVERRUN = 0.1
"""Share of its planned duration that remains of a work that has exceeded the largest value of its distribution."""
PROBABILITIES = (1 - np.cos(np.linspace(0, np.pi, 402)[1:-1])) / 2
"""Probabilities at which the quantiles of a distribution are tabulated: denser towards both tails."""
CHUNK = 640
"""Replications that are drawn together, where there are many: with ten histories, 64 for each."""


class CommonFactors:
    """The common factors and delays of replications, drawn chunk by chunk; the same ones for all histories."""

    def __init__(self, inputs: Inputs, draws: Uniforms, size: int = CHUNK) -> None:
        self.inputs, self.draws, self.size = inputs, draws, size
        self._chunk: tuple[int, Floats, Floats] = (-1, np.zeros((0, 0)), np.zeros((0, 0)))

    def chunk(self, first: int) -> tuple[Floats, Floats]:
        """Return factors and delays of the replications from `first` on, both of shape (names, replications)."""
        if self._chunk[0] != first:
            inputs = self.inputs
            factors = sample(inputs.tables, inputs.factor_table, self.draws(inputs.factors, first, self.size))
            delays = sample(inputs.tables, inputs.delay_table, self.draws(inputs.delay_names, first, self.size))
            self._chunk = first, *factors_and_delays(inputs, factors, delays)
        return self._chunk[1:]


class InputDraws:
    """The uniform random numbers of single inputs under a seed, chunk by chunk; drawn once for all histories and cases."""

    def __init__(self, seed: int, size: int) -> None:
        self.seed, self.size, self._first, self._drawn = seed, size, -1, dict[str, Floats]()

    def chunk(self, names: Sequence[str], first: int) -> Floats:
        """Return the draws of some inputs in the replications from `first` on, shape (names, replications)."""
        if self._first != first:
            self._first, self._drawn = first, {}
        new = [name for name in names if name not in self._drawn]
        drawn = uniforms([stream_key(self.seed, name) for name in new], first, self.size)
        self._drawn.update(zip(new, drawn, strict=True))
        return np.array([self._drawn[name] for name in names])


input_draws = lru_cache(maxsize=2)(InputDraws)
"""The draws of inputs by seed and chunk size; the latest two are cached."""


@dataclass(frozen=True)
class History:
    """A history of the project up to the data date: the state that it ends in, and the works in progress at that time.

    First come the works of units in progress, in the order of the units; then the `retained` ones, out-of-sequence works
    that wait for their predecessors; then works in parallel to the unit's current one (progress override). `parallel` has
    the indices of such pairs: (current work, parallel work); the current one does not finish before the parallel one. By
    work there are its `steps`, what is reported to remain of it, and the working minutes `elapsed` in it.
    """

    state: InitialState
    steps: Ints
    remaining: tuple[RemainingDuration, ...]
    elapsed: Floats
    retained: slice
    parallel: tuple[tuple[int, int], ...]


def history_of(progress: Progress, state: InitialState) -> History:
    """Return the history that a progress has worked out, whose state at the data date is `state`."""
    routes = progress.plan_steps.routes
    units = state.under_way.tolist()
    out_of_sequence = [*progress.retained, *progress.parallel]
    works = [(unit, progress.position_of(unit), int(state.begun[unit])) for unit in units]
    remaining = [progress.remaining.get((unit, position), RemainingDuration()) for unit, position, _ in works]
    works += [(work.unit, work.position, work.start) for work in out_of_sequence]
    remaining += [work.remaining for work in out_of_sequence]
    steps = [routes[unit].steps[position] for unit, position, _ in works]
    retained = slice(len(units), len(units) + len(progress.retained))
    index_of_unit = {unit: index for index, unit in enumerate(units)}
    parallel = [
        (index_of_unit[work.unit], retained.stop + number)
        for number, work in enumerate(progress.parallel)
        if work.unit in index_of_unit
    ]
    elapsed = [
        _elapsed(partial(progress.plan_steps.working_minutes, step), start, state.minute, reported)
        for step, (_, _, start), reported in zip(steps, works, remaining, strict=True)
    ]
    return History(
        state, np.array(steps, np.int64), tuple(remaining), np.array(elapsed, np.float64), retained, tuple(parallel)
    )


class StateSampler:
    """Samples the state that a replication continues from: a history, with drawn remaining durations of works in progress.

    Replications take several histories in turns; `turn` is (index of this one, number of them). Without `use_promises`
    promises are not believed: what is promised has not arrived by the data date, and its lead time is drawn.
    """

    def __init__(
        self, plan: CompiledPlan, seed: int, history: History, common: CommonFactors, turn: tuple[int, int] = (0, 1), *,
        use_promises: bool = True,
    ) -> None:  # fmt: skip
        self.plan, self.seed, self.history, self.common, self.turn = plan, seed, history, common, turn
        self.state = state = history.state
        inputs, self.units = plan.inputs, state.under_way
        self.remaining = [
            RemainingDuration() if reported.is_promise and not use_promises else reported
            for reported in history.remaining
        ]
        self.input_numbers = plan.argument_of[history.steps]
        self.input_names = [inputs.names[number] for number in self.input_numbers.tolist()]
        resume = [max(reported.resumed or 0, state.minute) for reported in self.remaining]
        self.resume = np.array(resume[: len(self.units)], np.int64)
        learning, crowding = factors_at_start(plan, state)
        unscaled = np.full(len(self.remaining) - len(self.units), MILLION, np.int64)
        self.factors = np.concatenate([learning, unscaled]), np.concatenate([crowding, unscaled])
        self.scale = self.factors[0] / MILLION * (self.factors[1] / MILLION)
        # a few dozen distributions are shared by all inputs
        tables, self.quantiles_row = np.unique(inputs.table[self.input_numbers], return_inverse=True)
        self.quantiles = sample(inputs.tables, tables, np.tile(PROBABILITIES, (len(tables), 1)))
        self._chunk: tuple[int, Ints] = (-1, np.zeros((0, 0), np.int64))

    def __call__(self, replication: int) -> InitialState:
        """Return the state that a replication continues from."""
        first = replication - replication % self.common.size
        if self._chunk[0] != first:
            self._chunk = first, self._remaining_minutes(first)
        column = int(np.searchsorted(self._replications(first), replication))
        minutes = self._chunk[1][:, column]
        state = self.state.lasting(minutes[: len(self.units)], self.state.minute)
        state.since[self.units] = self.resume
        retained = self.history.retained
        state.interrupted[self.input_numbers[retained]] = minutes[retained]
        return state

    def _replications(self, first: int) -> Ints:
        """Return those replications of the chunk from `first` on whose turn is this history."""
        index, number_of_histories = self.turn
        replications = np.arange(first, first + self.common.size)
        return replications[replications % number_of_histories == index]

    def _remaining_minutes(self, first: int) -> Ints:
        """Return the remaining minutes of all works in the replications of a chunk, shape (works, replications)."""
        columns = self._replications(first) - first
        if not len(self.input_numbers):
            return np.zeros((0, len(columns)), np.int64)
        inputs, elapsed = self.plan.inputs, self.history.elapsed
        factors, delays = (values[:, columns] for values in self.common.chunk(first))
        drawn = input_draws(self.seed, self.common.size).chunk(self.input_names, first)[:, columns]
        multiplier, added = self._common(factors, delays)
        table = inputs.table[self.input_numbers]
        quantile = partial(sample, inputs.tables, table)
        # the distribution is that of the duration before common factors, learning and crowding
        unscaled_elapsed = ((elapsed / self.scale)[:, None] - added) / multiplier
        below_elapsed = _cdf(self.quantiles, self.quantiles_row, unscaled_elapsed, elapsed > 0)
        truncated = np.clip(below_elapsed + (1 - below_elapsed) * drawn, 1e-9, 1 - 1e-9)
        duration = quantile(truncated) * multiplier + added
        whole_duration = whole_minutes(
            np.floor(duration + 0.5).astype(np.int64), *(factor[:, None] for factor in self.factors)
        )
        planned_duration = inputs.planned[table][:, None] * multiplier + added
        remaining = np.maximum(whole_duration - elapsed[:, None], 0)
        remaining = np.where(below_elapsed >= 1 - 1e-9, OVERRUN * planned_duration, remaining)
        for row, reported in enumerate(self.remaining):
            if reported.minutes is not None:
                remaining[row] = _sample_range(reported.minutes, drawn[row])
            elif reported.share is not None:
                drawn_duration = quantile(drawn)[row] * multiplier[row] + added[row]
                remaining[row] = reported.share * drawn_duration * self.scale[row]
        for current, parallel in self.history.parallel:
            remaining[current] = np.maximum(remaining[current], remaining[parallel])
        # a work in progress takes at least a minute from the data date on
        least = np.zeros(len(remaining))
        least[: len(self.units)] = 1
        return np.maximum(np.floor(remaining + 0.5), least[:, None]).astype(np.int64)

    def _common(self, factors: Floats, delays: Floats) -> tuple[Floats, Floats]:
        """Return what each duration is multiplied by and what is added to it, shape (works, replications)."""
        inputs = self.plan.inputs
        multiplier = np.repeat(inputs.minutes[self.input_numbers][:, None], factors.shape[1], axis=1)
        for factors_of_input in (inputs.content, inputs.losses):
            multiplier = apply_factors(multiplier, factors_of_input[self.input_numbers], factors)
        added = add_delays(np.zeros_like(multiplier), inputs.delays[self.input_numbers], delays)
        return np.maximum(multiplier, 1e-12), added


def _elapsed(
    working_minutes: Callable[[int, int], int], start: int, data_date: int, reported: RemainingDuration
) -> int:
    """Return the working minutes spent on a work by the data date, without those of its suspension."""
    if start >= data_date:
        return 0
    if reported.suspended is None:
        return working_minutes(start, data_date)
    resumed = data_date if reported.resumed is None else min(reported.resumed, data_date)
    return working_minutes(start, max(start, reported.suspended)) + working_minutes(max(resumed, start), data_date)


def _sample_range(minutes: tuple[float, float, float], drawn: Floats) -> Floats:
    """Return draws of a reported remaining duration: fixed, or triangular between low and high."""
    low, mode, high = minutes
    if low >= high:
        return np.full_like(drawn, mode)
    return Triangular(low, min(max(mode, low), high), high).ppf(drawn)


def _cdf(quantiles: Floats, quantiles_row: NDArray[np.intp], values: Floats, needed: NDArray[np.bool_]) -> Floats:
    """Return the probabilities of values not above `values`, interpolated linearly between quantiles at `PROBABILITIES`.

    Row r of the values has the quantiles `quantiles_row[r]`; where it is not `needed` its probabilities are 0.
    """
    probabilities = np.zeros_like(values)
    for row in np.flatnonzero(needed).tolist():
        # of equal quantiles the largest probability counts: once a fixed duration has passed nothing remains of it
        probabilities[row] = np.interp(values[row], quantiles[quantiles_row[row]], PROBABILITIES, left=0.0, right=1.0)
    return probabilities
