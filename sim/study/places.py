"""What a bar chart of a project has rows for: permits and site works, power, each hall's shell, some blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sim.study.chunk import Column

MOST_ROWS = 44
ONLINE = "online/b"


def places(log: Mapping[str, Column]) -> list[tuple[str, str]]:
    """Return the rows of a log as (name, pattern of the units in it), at most so many.

    `log` has the columns that `sim.metrics.story` gives. Of every tenth of the blocks there is the last to come online.
    """
    return [*_places(log)]


def _places(log: Mapping[str, Column]) -> Iterator[tuple[str, str]]:
    """Yield the rows from the first day's work to the last blocks."""
    ended = dict(zip(_list(log["unit"]), _list(log["minute"]), strict=True))
    yield "permits and design", r"p1\.preparation"
    site = {unit.split(".", 2)[2] for unit in ended if unit.startswith("p1.site_works.")}
    for step in sorted(site, key=lambda step: (ended[f"p1.site_works.{step}"], step)):
        yield step.replace("_", " "), re.escape(f"p1.site_works.{step}")
    yield "power units", r"p1\.(g\d+|grid\..*)"
    blocks = _last_blocks(log)
    halls = sorted({int(unit[1:].split(".")[0]) for unit in ended if re.match(r"h\d+\.shell\.", unit)})
    for hall in halls[: max(1, MOST_ROWS - len(site) - 2 - len(blocks))]:
        yield f"hall {hall}: shell", rf"h{hall}\.shell\..*"
    for block, turnover in blocks:
        yield f"block {block}", rf"b{block}\.(electrical|mechanical|compute|commissioning|pad).*|{turnover}"


def _last_blocks(log: Mapping[str, Column]) -> list[tuple[int, str]]:
    """Return of every tenth of the blocks the one that came online last, with the unit that handed it over."""
    noted = np.flatnonzero(np.asarray(log["kind"]) == "note")
    resource, minute, unit = (_list(np.asarray(log[name])[noted]) for name in ("resource", "minute", "unit"))
    ready = sorted(
        (int(what.removeprefix(ONLINE)), when, who)
        for what, when, who in zip(resource, minute, unit, strict=True)
        if what.startswith(ONLINE)
    )
    size = max(1, -(-len(ready) // 10))
    groups = [ready[at : at + size] for at in range(0, len(ready), size)]
    return [(last[0], re.escape(last[2])) for last in (max(group, key=lambda block: block[1]) for group in groups)]


def _list(column: Any) -> list[Any]:
    return list(np.asarray(column).tolist())
