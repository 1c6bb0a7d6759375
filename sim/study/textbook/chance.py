"""What is drawn: moments, merges, rework, learning, and streams whose bits are published."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import log2, sqrt

import numpy as np
from numpy.typing import NDArray

from sim.plan.compile import WORK
from sim.plan.vocabulary import Again, Chance, Free, Hold, Label, Span, Step, Work, fixed
from sim.study.intervals import interval_ranks
from sim.study.textbook.asking import Check, play, work
from sim.world.distributions import Distribution, Pert, Triangular, Uniform
from sim.world.draws import key, philox, uniforms

Floats = NDArray[np.float64]
DRAWS = 100_000
MERGES, PATHS = 400, 8
PARTS = 1000


@cache
def drawn(shape: Distribution) -> Floats:
    """Many draws of a distribution."""
    return shape.ppf(uniforms([key(1, "textbook draws")], 0, DRAWS)[0])


def four_errors_of_the_variance(values: Floats) -> float:
    """Four standard errors of a sample variance."""
    fourth = float(((values - values.mean()) ** 4).mean())
    return 4 * sqrt((fourth - float(values.var()) ** 2) / len(values))


@cache
def merged() -> Floats:
    """How long it takes until the last of some equal uniform paths is through, many times, in parts of 1."""
    path = Span(Uniform(0, 1), PARTS)
    finish = []
    for replication in range(MERGES):
        routes = {f"p{n}": [Work("path", path, "always")] for n in range(PATHS)}
        finish.append(play(routes, {}, replication=replication).finish / PARTS)
    return np.sort(np.array(finish))


def p80_error() -> float:
    """Half of the interval that holds P80 of the merge with a probability beyond four standard errors."""
    low, high = interval_ranks(0.8, MERGES, 0.99994)
    return float(merged()[high - 1] - merged()[low - 1]) / 2


@cache
def attempts(items: int, limit: int | None) -> Floats:
    """How often each of many items is tested while each test fails with probability 0.5."""
    test: list[Step] = [Label("top"), work(1, "test"), Again("top", "test fails", Chance(0.5), limit)]
    played = play({f"i{n}": test for n in range(items)}, {})
    times = np.bincount([int(played.plan.unit_of[step]) for _, step, _ in played.performance.log.tolist()
                         if played.plan.rows[step, 0] == WORK], minlength=items)  # fmt: skip
    return times.astype(np.float64)


def four_errors(values: Callable[[], Floats]) -> Callable[[], float]:
    """Four standard errors of a mean."""
    return lambda: 4 * float(values().std(ddof=1)) / sqrt(len(values()))


def practised(units: int, rate: float, first: int) -> float:
    """The sum of the times of units made one after the other on a Crawford curve, in those of the stated time."""
    curve = tuple(round(1_000_000 * n ** log2(rate)) for n in range(1, units + 1))
    make = Work("make", fixed(first), "always", learning="curve")
    route: list[Step] = [Hold({"line": 1}), make, Free({"line": 1})]
    return play({f"u{n}": route for n in range(units)}, {"line": 1}, learning={"curve": curve}).finish / first


SKEWED, ROUND = Pert(20, 25, 45), Triangular(2, 4, 9)
GROUP = "chance"
CHANCE = (
    Check(
        GROUP, "PERT 20, 25, 45: mean", 27.5, lambda: float(drawn(SKEWED).mean()), four_errors(lambda: drawn(SKEWED))
    ),
    Check(
        GROUP, "PERT 20, 25, 45: variance of its beta", 18.75, lambda: float(drawn(SKEWED).var(ddof=1)),
        lambda: four_errors_of_the_variance(drawn(SKEWED)),
    ),
    Check(GROUP, "triangular 2, 4, 9: mean", 5, lambda: float(drawn(ROUND).mean()), four_errors(lambda: drawn(ROUND))),
    Check(
        GROUP, f"the last of {PATHS} paths of 0 to 1: mean (merge bias)", PATHS / (PATHS + 1),
        lambda: float(merged().mean()), four_errors(merged),
    ),
    Check(
        GROUP, f"the last of {PATHS} paths of 0 to 1: P80", 0.8 ** (1 / PATHS),
        lambda: float(merged()[int(np.ceil(0.8 * MERGES)) - 1]), p80_error,
    ),
    Check(
        GROUP, "a test that fails every second time: tests a skid", 2, lambda: float(attempts(3000, None).mean()),
        four_errors(lambda: attempts(3000, None)),
    ),
    Check(
        GROUP, "the same with at most two retests", 1.75, lambda: float(attempts(3000, 2).mean()),
        four_errors(lambda: attempts(3000, 2)),
    ),
    Check(GROUP, "72 units on an 85 % curve, stated 100 for the first", 3390.133,
          lambda: 100 * practised(72, 0.85, 1_000_000), 0.001),
    Check(
        GROUP, "random words: bits off those published for Philox", 0,
        lambda: float((philox((0, 0, 0, 0), (0, 0))[0] ^ 0x16554D9ECA36314C).bit_count()),
    ),
)  # fmt: skip
