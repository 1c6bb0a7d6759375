"""What is left to do, drawn from the facts: remaining times of the work under way, given what has passed.

Work that is under way and has taken `e` minutes is drawn from its distribution above `e` (a truncated distribution, by
inverse CDF): u' = F(e) + (1 - F(e)) u. Where `e` is beyond its whole range, a tenth of the planned length is left (an
assumption: 5 to 20 %). A stated remaining time is drawn within its range, a stated percentage of a drawn length.
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
from sim.study.analyses.forecast.reported import Remaining
from sim.world.distributions import Triangular
from sim.world.quantile_tables import sample
from sim.world.streams import stream_key, uniforms

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
OVERRUN = 0.1
"""Share of its planned length that is left of work that has taken longer than its whole range."""
SHARES = (1 - np.cos(np.linspace(0, np.pi, 402)[1:-1])) / 2
"""Shares of a distribution at which its quantiles are looked up: closer to each other towards both ends."""
CHUNK = 640
"""Replications that are drawn together, where there are many: of ten histories each takes 64 of them."""


class CommonFactors:
    """The shared factors and delays of replications, a chunk at a time: the same for all histories that they go on from."""

    def __init__(self, inputs: Inputs, draws: Uniforms, size: int = CHUNK) -> None:
        self.inputs, self.draws, self.size = inputs, draws, size
        self._chunk: tuple[int, Floats, Floats] = (-1, np.zeros((0, 0)), np.zeros((0, 0)))

    def of(self, first: int) -> tuple[Floats, Floats]:
        """Return factors and delays of a chunk, both of shape (names, replications)."""
        if self._chunk[0] != first:
            inputs = self.inputs
            factors = sample(inputs.tables, inputs.factor_table, self.draws(inputs.factors, first, self.size))
            delays = sample(inputs.tables, inputs.delay_table, self.draws(inputs.delay_names, first, self.size))
            self._chunk = first, *factors_and_delays(inputs, factors, delays)
        return self._chunk[1:]


class InputDraws:
    """The random numbers of single inputs under a seed, a chunk at a time: drawn once for all histories and cases."""

    def __init__(self, seed: int, size: int) -> None:
        self.seed, self.size, self._first, self._drawn = seed, size, -1, dict[str, Floats]()

    def of(self, names: Sequence[str], first: int) -> Floats:
        """Return the draws of some inputs in a chunk, shape (names, replications)."""
        if self._first != first:
            self._first, self._drawn = first, {}
        new = [name for name in names if name not in self._drawn]
        drawn = uniforms([stream_key(self.seed, name) for name in new], first, self.size)
        self._drawn.update(zip(new, drawn, strict=True))
        return np.array([self._drawn[name] for name in names])


draws_of = lru_cache(maxsize=2)(InputDraws)
"""The draws under a seed, so many together: those of the latest two are kept."""


@dataclass(frozen=True)
class History:
    """What has happened until the data date: the state it leaves, and the works that are under way in it.

    Works are those under way, in the order of their units, then the `waiting` ones that are interrupted, then those that go
    on beside others, which are not over before them (progress override; `beside` has pairs of such works). Of each there
    are its `step`, what is `stated` of it, and the working minutes that went into it, `elapsed`.
    """

    state: InitialState
    steps: Ints
    stated: tuple[Remaining, ...]
    elapsed: Floats
    waiting: slice
    beside: tuple[tuple[int, int], ...]


def history_of(progress: Progress, state: InitialState) -> History:
    """Return the history that a progress is, and the state it leaves."""
    routes = progress.steps.routes
    units = state.under_way.tolist()
    out = [*progress.waiting, *progress.beside]
    own = zip(units, state.at[units].tolist(), strict=True)
    places = [(unit, routes[unit].steps.index(step), int(state.begun[unit])) for unit, step in own]
    stated = [progress.stated.get((unit, place), Remaining()) for unit, place, _ in places]
    places += [(one.unit, one.place, one.begun) for one in out]
    stated += [one.remaining for one in out]
    steps = [routes[unit].steps[place] for unit, place, _ in places]
    waiting = slice(len(units), len(units) + len(progress.waiting))
    where = {unit: row for row, unit in enumerate(units)}
    beside = [(where[one.unit], waiting.stop + n) for n, one in enumerate(progress.beside) if one.unit in where]
    elapsed = [
        _elapsed(partial(progress.steps.calendar_minutes, step), begun, state.minute, said)
        for step, (_, _, begun), said in zip(steps, places, stated, strict=True)
    ]
    return History(
        state, np.array(steps, np.int64), tuple(stated), np.array(elapsed, np.float64), waiting, tuple(beside)
    )


class RemainingWork:
    """The state of every replication: the same history, and lengths of what is under way that are its own.

    `turn` is (n, k) where this history is the n-th of k that replications take in turns. Where new promises are not to be
    believed (`promised` is false), what they are about is not there yet, and takes what it was drawn to take.
    """

    def __init__(
        self, plan: CompiledPlan, seed: int, history: History, common: CommonFactors, turn: tuple[int, int] = (0, 1), *,
        promised: bool = True,
    ) -> None:  # fmt: skip
        self.plan, self.seed, self.history, self.common, self.turn = plan, seed, history, common, turn
        self.state = state = history.state
        inputs, self.units = plan.inputs, state.under_way
        self.stated = [one if promised or not one.promise else Remaining() for one in history.stated]
        self.numbers = plan.rows[history.steps, 1]
        self.names = [inputs.names[number] for number in self.numbers.tolist()]
        since = [max(one.resumed or 0, state.minute) for one in self.stated]
        self.since = np.array(since[: len(self.units)], np.int64)
        learning, crowding = factors_at_start(plan, state)
        plain = np.full(len(self.stated) - len(self.units), MILLION, np.int64)
        self.factors = np.concatenate([learning, plain]), np.concatenate([crowding, plain])
        self.scale = self.factors[0] / MILLION * (self.factors[1] / MILLION)
        # a few dozen distributions are shared by all inputs
        tables, self.quantiles_at = np.unique(inputs.table[self.numbers], return_inverse=True)
        self.quantiles = sample(inputs.tables, tables, np.tile(SHARES, (len(tables), 1)))
        self._chunk: tuple[int, Ints] = (-1, np.zeros((0, 0), np.int64))

    def __call__(self, replication: int) -> InitialState:
        """Return the state that a replication continues from."""
        first = replication - replication % self.common.size
        if self._chunk[0] != first:
            self._chunk = first, self._minutes(first)
        minutes = self._chunk[1][:, int(np.searchsorted(self._mine(first), replication))]
        state = self.state.lasting(minutes[: len(self.units)], self.state.minute)
        state.since[self.units] = self.since
        waiting = self.history.waiting
        state.interrupted[self.numbers[waiting]] = minutes[waiting]
        return state

    def _mine(self, first: int) -> Ints:
        """Return the replications of a chunk that take this history."""
        number, of = self.turn
        every = np.arange(first, first + self.common.size)
        return every[every % of == number]

    def _minutes(self, first: int) -> Ints:
        """Return what is left of all these works, shape (works, replications of a chunk that take this history)."""
        mine = self._mine(first) - first
        if not len(self.numbers):
            return np.zeros((0, len(mine)), np.int64)
        inputs, elapsed = self.plan.inputs, self.history.elapsed
        factors, delays = (of[:, mine] for of in self.common.of(first))
        drawn = draws_of(self.seed, self.common.size).of(self.names, first)[:, mine]
        times, added = self._common(factors, delays)
        table = inputs.table[self.numbers]
        above = (elapsed / self.scale)[:, None]
        shape_at = partial(sample, inputs.tables, table)
        reached = _cdf(self.quantiles, self.quantiles_at, (above - added) / times, elapsed > 0)
        amount = shape_at(np.clip(reached + (1 - reached) * drawn, 1e-9, 1 - 1e-9)) * times + added
        whole = whole_minutes(np.floor(amount + 0.5).astype(np.int64), *(one[:, None] for one in self.factors))
        planned = inputs.planned[table][:, None] * times + added
        left = np.maximum(whole - elapsed[:, None], 0)
        left = np.where(reached >= 1 - 1e-9, OVERRUN * planned, left)
        for row, stated in enumerate(self.stated):
            if stated.minutes is not None:
                left[row] = _range(stated.minutes, drawn[row])
            elif stated.share is not None:
                left[row] = stated.share * (shape_at(drawn)[row] * times[row] + added[row]) * self.scale[row]
        for row, other in self.history.beside:
            left[row] = np.maximum(left[row], left[other])
        least = np.zeros(len(left))
        least[: len(self.units)] = 1
        return np.maximum(np.floor(left + 0.5), least[:, None]).astype(np.int64)

    def _common(self, factors: Floats, delays: Floats) -> tuple[Floats, Floats]:
        """Return what each work is multiplied with and what is added to it, shape (works, replications)."""
        inputs = self.plan.inputs
        times = np.repeat(inputs.minutes[self.numbers][:, None], factors.shape[1], axis=1)
        for group in (inputs.content, inputs.losses):
            times = apply_factors(times, group[self.numbers], factors)
        added = add_delays(np.zeros_like(times), inputs.delays[self.numbers], delays)
        return np.maximum(times, 1e-12), added


def _elapsed(worked: Callable[[int, int], int], begun: int, now: int, stated: Remaining) -> int:
    """Return the working minutes that went into work until now, without those in which it was suspended."""
    if begun >= now:
        return 0
    if stated.suspended is None:
        return worked(begun, now)
    again = now if stated.resumed is None else min(stated.resumed, now)
    return worked(begun, max(begun, stated.suspended)) + worked(max(again, begun), now)


def _range(minutes: tuple[float, float, float], drawn: Floats) -> Floats:
    """Return draws of a stated remaining time: fixed, or triangular between its ends."""
    low, mode, high = minutes
    if low >= high:
        return np.full_like(drawn, mode)
    return Triangular(low, min(max(mode, low), high), high).ppf(drawn)


def _cdf(quantiles: Floats, which: NDArray[np.intp], values: Floats, asked: NDArray[np.bool_]) -> Floats:
    """Return the share of a row's distribution that lies below its values, between quantiles at `SHARES` by a line.

    Row r has the quantiles `which[r]`; rows that are not `asked` for have 0.
    """
    found = np.zeros_like(values)
    for row in np.flatnonzero(asked).tolist():
        # equal quantiles have the largest share, as of what is fixed nothing is left above it
        found[row] = np.interp(values[row], quantiles[which[row]], SHARES, left=0.0, right=1.0)
    return found
