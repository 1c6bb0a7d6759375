"""Everything that luck decides in a plan: one named input per drawn duration, date or decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.plan.plan import Plan, PlanError
from sim.plan.vocabulary import Chance, Span
from sim.world.distributions import Distribution, Fixed
from sim.world.quantiles import Tables, compile_all

SPAN, CHANCE, OTHERWISE = range(3)
"""A drawn number of minutes; a jump with a probability; a jump with the complement of a probability."""


@dataclass(frozen=True)
class Inputs:
    """Inputs as arrays: which quantile table, minutes per unit, and which shared factors and delays apply.

    `content`, `losses` and `delays` are padded with -1 to rectangles, shape (inputs, most of any input).
    """

    names: tuple[str, ...]
    kind: NDArray[np.int8]
    table: NDArray[np.int64]
    minutes: NDArray[np.float64]
    content: NDArray[np.int64]
    losses: NDArray[np.int64]
    delays: NDArray[np.int64]
    tables: Tables
    planned: NDArray[np.float64]
    """The planner's value of every table, for the deterministic run."""
    factors: tuple[str, ...]
    factor_table: NDArray[np.int64]
    only_with: NDArray[np.int64]
    """Per factor the one without which it is 1, or -1."""
    delay_names: tuple[str, ...]
    delay_table: NDArray[np.int64]
    delay_minutes: NDArray[np.float64]
    delay_losses: NDArray[np.int64]
    """Per delay the factors it is multiplied with, padded with -1."""


class InputsBuilder:
    """Collects the inputs of a plan while its routes are compiled."""

    def __init__(self, plan: Plan) -> None:
        self.shapes: dict[Distribution, int] = {}
        self.factors = {name: number for number, name in enumerate(plan.factors)}
        self.delays = {name: number for number, name in enumerate(plan.delays)}
        self.factor_table = [self._shape(shape) for shape in plan.factors.values()]
        self.delay_table = [self._shape(span.shape) for span in plan.delays.values()]
        self.delay_minutes = [span.minutes for span in plan.delays.values()]
        self.delay_losses = [[self.factors[name] for name in span.losses] for span in plan.delays.values()]
        self.only_with = [self.factors[plan.only_with[name]] if name in plan.only_with else -1 for name in self.factors]
        self.spans: list[Span] = []
        self.kinds: list[int] = []
        self.names: dict[str, int] = {}

    def _shape(self, shape: Distribution) -> int:
        return self.shapes.setdefault(shape, len(self.shapes))

    def span(self, name: str, span: Span) -> int:
        """Add a drawn duration or date and return its number."""
        return self._add(name, span, SPAN)

    def chance(self, name: str, chance: Chance) -> int:
        """Add a drawn decision: a span whose value is a probability."""
        kind = OTHERWISE if chance.otherwise else CHANCE
        return self._add(name, Span(Fixed(chance.probability), losses=chance.factors), kind)

    def _add(self, name: str, span: Span, kind: int) -> int:
        if name in self.names:
            raise PlanError(f"{name}: the same unit draws for the same activity at two steps of its route")
        self._shape(span.shape)
        self.spans.append(span)
        self.kinds.append(kind)
        return self.names.setdefault(name, len(self.names))

    def build(self) -> Inputs:
        """Return the inputs as arrays."""
        return Inputs(
            names=tuple(self.names),
            kind=np.array(self.kinds, np.int8),
            table=np.array([self.shapes[span.shape] for span in self.spans], np.int64),
            minutes=np.array([span.minutes for span in self.spans], np.float64),
            content=_padded([[self.factors[name] for name in span.content] for span in self.spans]),
            losses=_padded([[self.factors[name] for name in span.losses] for span in self.spans]),
            delays=_padded([[self.delays[name] for name in span.delays] for span in self.spans]),
            tables=compile_all(list(self.shapes)),
            planned=np.array([shape.planned() for shape in self.shapes], np.float64),
            factors=tuple(self.factors),
            factor_table=np.array(self.factor_table, np.int64),
            only_with=np.array(self.only_with, np.int64),
            delay_names=tuple(self.delays),
            delay_table=np.array(self.delay_table, np.int64),
            delay_minutes=np.array(self.delay_minutes, np.float64),
            delay_losses=_padded(self.delay_losses),
        )


def _padded(lists: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    width = max(map(len, lists), default=0)
    rows = [(*numbers, *(-1,) * (width - len(numbers))) for numbers in lists]
    return np.array(rows, np.int64).reshape(len(lists), width)
