"""The megawatts that an item of capital was built to serve, and the minutes from which it serves them.

A hall serves its blocks, a block's part its block, site works their phase. A generating unit serves the megawatts
of its place in the row: the third unit those between 60 and 90. What is built beyond what is ordered waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.metrics.event_log import Ints
from sim.plan.layout import Layout, Place

ServedKw = tuple[int, float]
"""(number of a moment, kW that an item serves from then on)."""


@dataclass(frozen=True)
class Serving:
    """Rows (item, number of a moment, kW that it serves from then on), and `built`: kW by item that it was built to serve."""

    item: Ints
    moment: Ints
    kw: NDArray[np.float64]
    built: NDArray[np.float64]


def served_by(places: Sequence[Place], compute: Sequence[bool], layout: Layout, project: Project) -> Serving:
    """Return the kW that the items at these places serve, and from which moments on, in the order of the places."""
    number_of_block = {block.name: number for number, block in enumerate(layout.blocks)}
    pairs_by_item = [
        list(_served_kw(place, is_compute, number_of_block, layout, project))
        for place, is_compute in zip(places, compute, strict=True)
    ]
    built_kw = [_built_kw(place, project) for place in places]
    item = np.repeat(np.arange(len(places)), [len(pairs) for pairs in pairs_by_item])
    all_pairs = [pair for pairs in pairs_by_item for pair in pairs]
    return Serving(
        item,
        np.array([moment for moment, _ in all_pairs], np.int64),
        np.array([kw for _, kw in all_pairs], np.float64),
        np.array(built_kw, np.float64),
    )


def _built_kw(place: Place, project: Project) -> float:
    """Return the kW an item at a place was built to serve; a spare unit serves with all the others."""
    units = project.energization.units
    # spare units come first in the row; each stands for all that are in use
    if place.unit and place.unit <= units.spare:
        return (units.count - units.spare) * units.mw.value * 1000
    return place.built_mw * 1000


def _served_kw(
    place: Place, is_compute: bool, number_of_block: Mapping[str, int], layout: Layout, project: Project
) -> Iterator[ServedKw]:
    """Yield (number of the moment, kW that an item serves from it on)."""
    kw = project.block.mw_gross.value * 1000
    if not place.unit:
        # moments of compute being useful are numbered behind those of blocks being online
        offset = len(number_of_block) if is_compute else 0
        yield from ((offset + number_of_block[block], kw) for block in place.blocks)
        return
    units, plant = project.energization.units, next(plant for plant in layout.power_plants if plant.name == place.phase)
    # moments are numbered: blocks online, blocks useful, then the blocks of each plant by their turn
    first_moment = 2 * len(number_of_block) + number_of_block[plant.blocks[0]]
    tranche = place.unit - 1 - units.spare
    unit_kw = units.mw.value * 1000
    # by the order in which blocks come online, not by name: the first MW need the first unit, whichever block they are in
    low, high = (0.0, np.inf) if tranche < 0 else (tranche * unit_kw, (tranche + 1) * unit_kw)
    for rank in range(len(plant.blocks)):
        overlap = min(high, (rank + 1) * kw) - max(low, rank * kw)
        if overlap > 0:
            yield first_moment + rank, overlap


def moments(online: Ints, useful: Ints, layout: Layout) -> Ints:
    """Return the minute by moment: blocks online, compute useful, then the blocks online of each power plant, ascending.

    `online` and `useful` are minutes by block; compute is useful from when its whole cluster is online (`in_clusters`).
    """
    online_by_plant, begin = [], 0
    for power_plant in layout.power_plants:
        online_by_plant.append(np.sort(online[begin : begin + len(power_plant.blocks)]))
        begin += len(power_plant.blocks)
    return np.concatenate([online, useful, *online_by_plant])


def in_clusters(online: Ints, blocks: int, size: int) -> Ints:
    """Return by block the minute from which its compute is useful: when all blocks of its cluster are online.

    Blocks fill clusters of `size` blocks in the order in which they come online; `blocks` is how many there will ever be.
    """
    # no cluster to wait for, and the common case
    if size == 1:
        return online
    order = np.argsort(online, kind="stable")
    # the last cluster may be smaller, but is whole only with the last block that will ever be
    last_of_cluster = np.minimum((np.arange(len(online)) // size + 1) * size, max(blocks, 1)) - 1
    useful = np.empty_like(online)
    useful[order] = np.maximum(online[order], online[order][last_of_cluster])
    return useful
