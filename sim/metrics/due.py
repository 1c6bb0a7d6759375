"""When what is bought falls due: which events of the plan make how much of a price payable, owed, or one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config.money import Price, Stage
from sim.metrics.record import DAY, Ints

Floats = NDArray[np.float64]
Steps = Sequence[tuple[int, int]]
"""Notes of one kind about one thing: the step of the plan, and how much it notes."""
Noted = Mapping[str, Steps]
"""The notes about one item, by kind."""
Due = tuple[int, float, int]
"""A step of the plan, a share of the price, and minutes from the one to the other."""
DELIVERED = (Stage(since="delivered", share=1.0),)


@dataclass(frozen=True)
class Shares:
    """Steps of the plan that make a share of an item's price due, or owed; in the order of items."""

    item: Ints
    step: Ints
    share: Floats
    lag: Ints


def payments(terms: Price, noted: Noted) -> Iterator[Due]:
    """Yield (step, share up to and with it, lag): a milestone in parts is paid in parts, less what is kept back.

    Milestones that the plan does not note for this item leave their shares to the others.
    """
    retained = terms.retention
    kept = retained.share.value if retained is not None and noted.get(retained.until) else 0.0
    there = sum(payment.share for payment in terms.payments if noted.get(payment.on))
    upto = 0.0
    for payment in terms.payments:
        for step, part in _parts(noted.get(payment.on, ())):
            upto += payment.share / there * part * (1 - kept)
            yield step, upto, _minutes(payment.lag_days.value)
    if retained is not None and kept:
        for step, part in _parts(noted[retained.until]):
            upto += kept * part
            yield step, upto, _minutes(retained.lag_days.value)


def owed(terms: Price, noted: Noted) -> Iterator[Due]:
    """Yield (step, further share that is owed even if the item is cancelled, 0), stage after stage."""
    before = 0.0
    for stage in terms.cancelling or DELIVERED:
        for step, part in _parts(noted.get(stage.since, ())):
            yield step, (stage.share - before) * part, 0
        before = stage.share if noted.get(stage.since) else before


def title(kind: str, noted: Noted) -> Iterator[Due]:
    """Yield (step, share that changes hands, 0), part by part."""
    for step, part in _parts(noted.get(kind, ())):
        yield step, part, 0


def _parts(steps: Steps) -> Iterator[tuple[int, float]]:
    """Yield steps with their share of all that they note together."""
    whole = sum(amount for _, amount in steps)
    for step, amount in steps:
        yield step, amount / whole


def _minutes(days: float) -> int:
    return round(days * DAY)


def shares(rows: Sequence[Sequence[Due]]) -> Shares:
    """Return the rows of every item, in the order of items."""
    flat = [row for rows_ in rows for row in rows_]
    return Shares(
        np.repeat(np.arange(len(rows)), [len(one) for one in rows]),
        np.array([step for step, _, _ in flat], np.int64),
        np.array([share for _, share, _ in flat], np.float64),
        np.array([lag for _, _, lag in flat], np.int64),
    )
