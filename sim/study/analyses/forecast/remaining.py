"""What is left to do, drawn from the facts: remaining times given what has passed, and factors learnt from actuals.

Work that is under way and has taken `e` minutes is drawn from its distribution above `e` (a truncated distribution, by
inverse CDF): u' = F(e) + (1 - F(e)) u. Where `e` is beyond its whole range, a tenth of the planned length is left (an
assumption: 5 to 20 %).

Learning is conjugate, on the log scale (Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.5, normal mean with known
variance): a common factor is taken as lognormal with the quantiles of its prior, each finished work as one observation of
it with the spread of its own distribution. The posterior moves the factor's draws, so what is common stays common random
numbers: few data move little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sim.engine.initial_state import InitialState, factors_at_start, whole_minutes
from sim.plan.compile import CompiledPlan
from sim.plan.draws import Inputs, Uniforms, delayed, multiplied, shared
from sim.plan.vocabulary import WORK
from sim.study.analyses.forecast.progress import Progress, Remaining
from sim.world.distributions import Triangular
from sim.world.quantile_tables import DISCRETE, FIXED, sample, sample_one
from sim.world.streams import stream_key, uniforms

Floats = NDArray[np.float64]
OVERRUN = 0.1
"""Share of its planned length that is left of work that has taken longer than its whole range."""
HALVINGS = 40
CHUNK = 64
LEAST_EVIDENCE = 3
"""Finished works below which a factor is not learnt: one or two observations say more about themselves."""
EDGE = 1e-6


@dataclass(frozen=True)
class Learnt:
    """One common factor: its prior and posterior median and P10 to P90, and how many finished works speak of it."""

    factor: str
    evidence: int
    prior: tuple[float, float, float]
    posterior: tuple[float, float, float]
    mean: float
    spread: float
    """Mean and standard deviation of the posterior's logarithm."""
    prior_mean: float
    prior_spread: float


def learn(
    plan: CompiledPlan, progress: Progress, groups: Sequence[str] = ("productivity", "suppliers")
) -> list[Learnt]:
    """Return the factors that the finished works of a status speak of, by name."""
    inputs, found = plan.inputs, list[Learnt]()
    observed = _observations(plan, progress)
    for number, name in enumerate(inputs.factors):
        table = int(inputs.factor_table[number])
        if inputs.factor_groups[number] not in groups or inputs.tables.kind[table] in (FIXED, DISCRETE):
            continue
        seen = [(value, spread) for factor, value, spread in observed if factor == number]
        if len(seen) >= LEAST_EVIDENCE:
            found.append(_posterior(inputs, name, table, seen))
    return found


def _observations(plan: CompiledPlan, progress: Progress) -> list[tuple[int, float, float]]:
    """Return factor, log of actual over expected minutes without it, and its spread, for every work reported as finished."""
    inputs, found = plan.inputs, list[tuple[int, float, float]]()
    for unit, known in progress.known.items():
        route, times = progress.steps.routes[unit], progress.times[unit]
        for place in known.done:
            step = route.steps[place]
            if plan.rows[step, 0] != WORK or place == 0 or place >= len(times) or place - 1 not in known.done:
                continue
            number = int(plan.rows[step, 1])
            factors = [factor for factor in (*inputs.content[number], *inputs.losses[number]) if factor >= 0]
            actual = progress.steps.calendar_minutes(step, times[place - 1], times[place])
            low, middle, high = (_quantile(inputs, int(inputs.table[number]), u) for u in (0.1, 0.5, 0.9))
            others = [float(inputs.planned[inputs.factor_table[factor]]) for factor in factors]
            if actual <= 0 or low <= 0 or not others or min(others) <= 0:
                continue
            spread = max(0.05, float(np.log(high / low)) / 2.563)
            for factor, own in zip(factors, others, strict=True):
                expected = middle * inputs.minutes[number] * float(np.prod(others)) / own
                found.append((factor, float(np.log(actual / expected)), spread))
    return found


def _posterior(inputs: Inputs, name: str, table: int, seen: list[tuple[float, float]]) -> Learnt:
    """Return prior and posterior of a factor, given (log of what it was seen at, spread) of finished works."""
    low, middle, high = (_quantile(inputs, table, u) for u in (0.1, 0.5, 0.9))
    prior, spread = float(np.log(middle)), max(1e-6, float(np.log(high / low)) / 2.563)
    weight = 1 / spread**2 + sum(1 / own**2 for _, own in seen)
    mean = (prior / spread**2 + sum(value / own**2 for value, own in seen)) / weight
    after = float(weight**-0.5)
    z = 1.2815515655446004
    quantiles = tuple(float(np.exp(mean + after * at)) for at in (-z, 0.0, z))
    return Learnt(name, len(seen), (low, middle, high), quantiles, mean, after, prior, spread)  # type: ignore[arg-type]


def _quantile(inputs: Inputs, table: int, u: float) -> float:
    return sample_one(inputs.tables, table, u)


class LearntUniforms:
    """Draws of first attempts as elsewhere, but those of learnt factors are moved to where the posterior has them."""

    def __init__(self, inputs: Inputs, plain: Uniforms, learnt: Sequence[Learnt]) -> None:
        self.inputs, self.plain = inputs, plain
        self.learnt = {one.factor: one for one in learnt}

    def __call__(self, names: Sequence[str], first: int, count: int) -> Floats:
        """Return the draws of these names, shape (names, count)."""
        drawn = self.plain(names, first, count)
        if names is not self.inputs.factors:
            return drawn
        for row, name in enumerate(names):
            if name in self.learnt:
                drawn[row] = [self._moved(self.learnt[name], u) for u in drawn[row].tolist()]
        return drawn

    def _moved(self, one: Learnt, u: float) -> float:
        """Return the uniform at which the prior has what the posterior has at `u`."""
        value = NormalDist(one.mean, one.spread).inv_cdf(u)
        moved = NormalDist(one.prior_mean, one.prior_spread).cdf(value)
        return min(max(moved, EDGE), 1 - EDGE)


class RemainingWork:
    """The state of every replication: the same history, and lengths of what is under way that are its own."""

    def __init__(self, plan: CompiledPlan, seed: int, state: InitialState, progress: Progress, draws: Uniforms) -> None:
        self.plan, self.seed, self.state, self.draws = plan, seed, state, draws
        inputs = plan.inputs
        self.units = state.under_way
        steps = state.at[self.units]
        self.numbers = plan.rows[steps, 1]
        self.keys = [stream_key(seed, inputs.names[number]) for number in self.numbers.tolist()]
        self.stated = [progress.remaining.get(unit, Remaining()) for unit in self.units.tolist()]
        self.since = np.array([one.since or state.minute for one in self.stated], np.int64)
        learning, crowding = factors_at_start(plan, state)
        self.scale = learning / 1e6 * crowding / 1e6
        self.factors = learning, crowding
        elapsed = [
            progress.steps.calendar_minutes(step, int(state.begun[unit]), state.minute)
            for unit, step in zip(self.units.tolist(), steps.tolist(), strict=True)
        ]
        self.elapsed = np.array(elapsed, np.float64)
        self._chunk: tuple[int, NDArray[np.int64]] = (-1, np.zeros((0, 0), np.int64))

    def __call__(self, replication: int) -> InitialState:
        """Return the state that a replication continues from."""
        first = replication - replication % CHUNK
        if self._chunk[0] != first:
            self._chunk = first, self._minutes(first)
        state = self.state.lasting(self._chunk[1][:, replication - first], self.state.minute)
        state.since[self.units] = self.since
        return state

    def _minutes(self, first: int) -> NDArray[np.int64]:
        """Return what is left of all work under way, shape (works, replications of a chunk)."""
        if not len(self.units):
            return np.zeros((0, CHUNK), np.int64)
        inputs = self.plan.inputs
        factors = sample(inputs.tables, inputs.factor_table, self.draws(inputs.factors, first, CHUNK))
        delays = sample(inputs.tables, inputs.delay_table, self.draws(inputs.delay_names, first, CHUNK))
        factors, delays = shared(inputs, factors, delays)
        drawn = uniforms(self.keys, first, CHUNK)
        times, added = self._common(factors, delays)
        table = inputs.table[self.numbers]
        above = (self.elapsed / self.scale)[:, None]
        shape_at = partial(sample, inputs.tables, table)
        reached = _cdf(shape_at, (above - added) / times)
        reached = np.where((self.elapsed > 0)[:, None], reached, 0.0)
        amount = shape_at(np.clip(reached + (1 - reached) * drawn, 1e-9, 1 - 1e-9)) * times + added
        whole = whole_minutes(np.floor(amount + 0.5).astype(np.int64), *(one[:, None] for one in self.factors))
        planned = inputs.planned[table][:, None] * times + added
        left = np.maximum(whole - self.elapsed[:, None], 0)
        left = np.where(reached >= 1 - 1e-9, OVERRUN * planned, left)
        for row, stated in enumerate(self.stated):
            if stated.minutes is not None:
                left[row] = _range(stated.minutes, drawn[row])
            elif stated.share is not None:
                left[row] = stated.share * (shape_at(drawn)[row] * times[row] + added[row]) * self.scale[row]
        return np.maximum(np.floor(left + 0.5), 1).astype(np.int64)

    def _common(self, factors: Floats, delays: Floats) -> tuple[Floats, Floats]:
        """Return what each work is multiplied with and what is added to it, shape (works, replications)."""
        inputs = self.plan.inputs
        times = np.repeat(inputs.minutes[self.numbers][:, None], CHUNK, axis=1)
        for group in (inputs.content, inputs.losses):
            times = multiplied(times, group[self.numbers], factors)
        added = delayed(np.zeros_like(times), inputs.delays[self.numbers], delays)
        return np.maximum(times, 1e-12), added


def _range(minutes: tuple[float, float, float], drawn: Floats) -> Floats:
    """Return draws of a stated remaining time: fixed, or triangular between its ends."""
    low, mode, high = minutes
    if low >= high:
        return np.full_like(drawn, mode)
    return Triangular(low, min(max(mode, low), high), high).ppf(drawn)


def _cdf(shape_at: partial[Floats], values: Floats) -> Floats:
    """Return the share of each distribution that lies below a value, by halving."""
    low, high = np.zeros_like(values), np.ones_like(values)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = shape_at(np.clip(middle, 1e-12, 1 - 1e-12)) < values
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return low
