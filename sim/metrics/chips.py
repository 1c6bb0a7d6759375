"""Which generation of chips every block has: the newest that could be ordered when its compute was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.contracts import Contracts
from sim.metrics.record import Ints, Record
from sim.plan.chips import ORDERABLE

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Newer:
    """By contract the factor on its price, and by block the factor on its revenue; 1 for the first generation."""

    price: Floats
    revenue: Floats


def newer(record: Record, ordered: Ints, bought: Contracts, project: Project) -> Newer:
    """Return what newer chips change in a run, by the minute at which every contract was ordered."""
    price, revenue = np.ones(len(bought.names)), np.ones(project.blocks)
    noted = record.noted(ORDERABLE)
    since = {record.index.items[item]: minute for item, minute in zip(noted.item, noted.minute, strict=True)}
    for generation in project.orders.generations:
        if generation.id in since:
            takes = bought.compute & (ordered >= since[generation.id])
            price[takes] = generation.price_factor.value
            revenue[bought.block[takes]] = generation.revenue_factor.value
    return Newer(price, revenue)
