"""Boxes and arrows by layers: each box to the left of what follows it, and no arrow through a box.

The steps are those of Sugiyama, Tagawa and Toda (1981): layers by the longest path; an arrow that passes a column has a place
of its own there; the order in a column is by the mean place of the neighbours, swept back and forth; heights as near to the
neighbours as the order allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import accumulate, combinations, pairwise
from math import inf
from statistics import fmean

WIDTH = 172
GAP, LABELLED_GAP = 44, 92
"""Between two columns of boxes; with a label on an arrow there."""
ROW, LANE, MARGIN = 18, 16, 20
"""Between two boxes of a column; the lane of an arrow that passes a column; around all."""
SWEEPS = 12
Point = tuple[float, float]
Pair = tuple[str, str]
Item = str | tuple[str, str, int]
"""A box, or the lane of an arrow in a column that it passes."""


def layers(boxes: Iterable[str], arrows: Iterable[Pair]) -> list[list[str]]:
    """Return boxes by columns: each to the left of all that follow it, as near to them as it can.

    An arrow that would close a circle, such as a place that is given free, does not count.
    """
    after: dict[str, set[str]] = {box: set() for box in boxes}
    for first, second in arrows:
        after[first].add(second)
        try:
            TopologicalSorter(after).prepare()
        except CycleError:
            after[first].discard(second)
    to_the_end: dict[str, int] = {}
    for box in TopologicalSorter(after).static_order():
        to_the_end[box] = max((to_the_end[one] + 1 for one in after[box]), default=0)
    last = max(to_the_end.values(), default=-1)
    return [[box for box in after if to_the_end[box] == last - at] for at in range(last + 1)]


@dataclass(frozen=True)
class Layout:
    """Where boxes stand (left and top) and the ways of arrows, in gaps between columns and in lanes without a box.

    A way is points from the right of one box to the left of another; between two points of different height it
    bends inside one gap.
    """

    width: float
    height: float
    boxes: Mapping[str, Point]
    ways: Mapping[Pair, tuple[Point, ...]]


def layered_layout(heights: Mapping[str, float], arrows: Mapping[Pair, str]) -> Layout:
    """Return a layout of boxes by their heights; arrows with a text get room for it behind the box they come from."""
    own = layers(heights, arrows)
    columns = [list[Item](column) for column in own]
    column_of = {box: at for at, column in enumerate(own) for box in column}
    chains: dict[Pair, list[Item]] = {}
    for pair in arrows:
        first, second = column_of[pair[0]], column_of[pair[1]]
        lanes: list[Item] = [(*pair, at) for at in range(first + 1, second)]
        for lane, at in zip(lanes, range(first + 1, second), strict=True):
            columns[at].append(lane)
        if first < second:
            chains[pair] = [pair[0], *lanes, pair[1]]
    links = [link for chain in chains.values() for link in pairwise(chain)]
    _order(columns, links)
    sizes = {item: heights[item] if isinstance(item, str) else LANE for column in columns for item in column}
    middle = _heights(columns, links, sizes)
    left = _lefts(arrows, columns, column_of)
    top = min(y - sizes[item] / 2 for item, y in middle.items()) - MARGIN
    middle = {item: y - top for item, y in middle.items()}
    bottom = max(y + sizes[item] / 2 for item, y in middle.items())
    ways = _ways(arrows, chains, column_of, left, middle, heights, bottom + ROW)
    boxes = {box: (left[at], middle[box] - heights[box] / 2) for box, at in column_of.items()}
    back = ROW if len(ways) > len(chains) else 0
    return Layout(left[-1] + WIDTH + MARGIN, bottom + back + MARGIN, boxes, ways)


def _order(columns: list[list[Item]], links: Sequence[tuple[Item, Item]]) -> None:
    """Sort each column by the mean place of what its items are joined to, back and forth; the fewest crossings are kept."""
    best = (_crossings(columns, links), [list(column) for column in columns])
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        beside = _beside([link if forth else link[::-1] for link in links])
        for at in range(1, len(columns)) if forth else range(len(columns) - 2, -1, -1):
            place = {item: number for number, item in enumerate(columns[at - 1 if forth else at + 1])}
            own = {item: number for number, item in enumerate(columns[at])}
            mean = {item: fmean(place[one] for one in beside[item]) if item in beside else own[item] for item in own}
            columns[at].sort(key=mean.__getitem__)
        crossed = _crossings(columns, links)
        if crossed < best[0]:
            best = (crossed, [list(column) for column in columns])
    columns[:] = best[1]


def _beside(links: Iterable[tuple[Item, Item]]) -> dict[Item, list[Item]]:
    """Return by item those on the other side of its links."""
    found: dict[Item, list[Item]] = {}
    for one, other in links:
        found.setdefault(other, []).append(one)
    return found


def _crossings(columns: list[list[Item]], links: Sequence[tuple[Item, Item]]) -> int:
    """Return how many links cross."""
    place = {item: (at, number) for at, column in enumerate(columns) for number, item in enumerate(column)}
    ends = sorted((place[one], place[other][1]) for one, other in links)
    pairs = ((*here, *there) for here, there in combinations(ends, 2))
    return sum(at == other and one != two and end > last for (at, one), end, (other, two), last in pairs)


def _heights(
    columns: list[list[Item]], links: Sequence[tuple[Item, Item]], sizes: Mapping[Item, float]
) -> dict[Item, float]:
    """Return the height of each item's middle: as near to what it is joined to as its column has place."""
    middle = {item: 0.0 for column in columns for item in column}
    beside = [_beside(links), _beside([link[::-1] for link in links])]
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        for column in columns if forth else reversed(columns):
            joined = [beside[not forth].get(item) or beside[forth].get(item) or [item] for item in column]
            wanted = [fmean(middle[one] for one in others) for others in joined]
            middle |= zip(column, _apart(wanted, [sizes[item] + ROW for item in column]), strict=True)
    return middle


def _apart(wanted: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Return heights in order, apart by their sizes and as near to the wanted ones as that allows (isotonic regression)."""
    offsets = list(accumulate(((one + other) / 2 for one, other in pairwise(sizes)), initial=0.0))
    groups: list[list[float]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        groups.append([want - offset])
        while len(groups) > 1 and fmean(groups[-2]) > fmean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    level = [fmean(group) for group in groups for _ in group]
    return [height + offset for height, offset in zip(level, offsets, strict=True)]


def _lefts(arrows: Mapping[Pair, str], columns: list[list[Item]], column_of: Mapping[str, int]) -> list[float]:
    """Return where each column begins: behind a gap that has room for a label if an arrow begins there with one."""
    labelled = {column_of[first] for (first, _), token in arrows.items() if token}
    gaps = [LABELLED_GAP if at in labelled else GAP for at in range(len(columns) - 1)]
    return list(accumulate((WIDTH + gap for gap in gaps), initial=float(MARGIN)))


def _ways(
    arrows: Iterable[Pair],
    chains: Mapping[Pair, Sequence[Item]],
    column_of: Mapping[str, int],
    left: Sequence[float],
    middle: Mapping[Item, float],
    heights: Mapping[str, float],
    below: float,
) -> dict[Pair, tuple[Point, ...]]:
    """Return the ways of arrows; one that goes back, or stays in its column, runs below all boxes."""
    leaves, enters = _ports(arrows, 0, chains, middle, heights), _ports(arrows, 1, chains, middle, heights)
    ways: dict[Pair, tuple[Point, ...]] = {}
    for pair in arrows:
        start = (left[column_of[pair[0]]] + WIDTH, leaves[pair])
        end = (left[column_of[pair[1]]], enters[pair])
        if pair in chains:
            first = column_of[pair[0]] + 1
            lanes = [(left[first + at], middle[lane]) for at, lane in enumerate(chains[pair][1:-1])]
            ways[pair] = (start, *(point for x, y in lanes for point in ((x, y), (x + WIDTH, y))), end)
        else:
            out, back = start[0] + GAP / 2, end[0] - GAP / 2
            ways[pair] = (start, (out, start[1]), (out, below), (back, below), (back, end[1]), end)
    return ways


def _ports(
    arrows: Iterable[Pair],
    side: int,
    chains: Mapping[Pair, Sequence[Item]],
    middle: Mapping[Item, float],
    heights: Mapping[str, float],
) -> dict[Pair, float]:
    """Return the height at which each arrow leaves (side 0) or enters (1) its box, in the order of where it goes."""
    at_box: dict[str, list[Pair]] = {}
    for pair in arrows:
        at_box.setdefault(pair[side], []).append(pair)
    ports: dict[Pair, float] = {}
    for box, pairs in at_box.items():
        pairs.sort(key=lambda pair: middle[chains[pair][-2 if side else 1]] if pair in chains else inf)
        for number, pair in enumerate(pairs):
            ports[pair] = middle[box] + heights[box] * ((number + 1) / (len(pairs) + 1) - 0.5)
    return ports
