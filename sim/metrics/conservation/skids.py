"""Skids and megawatts: ordered before made, made before delivered, delivered before set, and all online at the end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sim.metrics.record import Ints

if TYPE_CHECKING:
    from sim.metrics.conservation.found import Found

STAGES = ("ordered", "started", "delivered", "set", "complete")


def skids(found: Found) -> Iterator[str]:
    """Yield systems of which more is further along than has come so far, and megawatts that were never built."""
    for name, system in found.project.by_system.items():
        made = system.scope == "factory"
        times = {stage: _when(found, name, stage) for stage in STAGES}
        if made:
            # set and complete are noted once a block, the stages before once a skid
            times |= {stage: np.repeat(times[stage], system.skid.per_block) for stage in ("set", "complete")}
        stages = [stage for stage in STAGES if made or stage not in ("started", "set")]
        yield from _in_turn(name, {stage: times[stage] for stage in stages})
        wanted = int(found.blocks.wanted.sum())
        whole = wanted * (system.skid.per_block if made else 1)
        if found.complete and len(times["complete"]) < whole:
            yield f"{len(times['complete'])} parts of {name} are complete where {whole} were ordered"
    yield from _megawatts(found)


def _when(found: Found, name: str, stage: str) -> Ints:
    """When a stage was noted of any part of a system."""
    noted = found.record.noted(stage)
    things = found.record.index.thing_of_item
    return np.sort(noted.minute[things[noted.item] == name]) if len(noted.item) else noted.minute


def _in_turn(name: str, times: dict[str, Ints]) -> Iterator[str]:
    """The n-th of a stage is never before the n-th of the stage before it."""
    stages = list(times)
    for before, after in pairwise(stages):
        first, second = times[before], times[after]
        if len(second) > len(first):
            yield f"{len(second)} of {name} are {after} and only {len(first)} {before}"
        elif bool((second < first[: len(second)]).any()):
            yield f"more of {name} are {after} than {before}"


def _megawatts(found: Found) -> Iterator[str]:
    """Megawatts online only grow, to what was ordered, and are those of the blocks."""
    curve, blocks = found.curves["mw_online"], found.blocks
    if bool((np.diff(curve) < 0).any()):
        yield "megawatts go offline"
    days = np.arange(len(curve))
    reached = np.sort(blocks.minute[blocks.reached])
    each = float(blocks.mw[0]) if len(blocks.mw) else 0.0
    counted = np.searchsorted(reached, (days + 1) * 1440, side="left") * each
    if not np.allclose(curve, counted, rtol=0, atol=1e-6):
        yield f"{curve[-1]:g} MW are online on the last day, the blocks have {counted[-1]:g}"
    if found.complete and int(blocks.reached.sum()) < int(blocks.wanted.sum()):
        yield f"{int(blocks.reached.sum())} blocks are online where {int(blocks.wanted.sum())} were ordered"
