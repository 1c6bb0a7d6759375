"""Boxes and arrows by layers: each box to the left of what follows it, and no arrow through a box.

The steps are those of Sugiyama, Tagawa and Toda (1981): layers by the longest path; an arrow that passes a column has a lane
of its own there; the order in a column is by the mean position of the neighbours, swept back and forth; heights are as near
to those of the neighbours as the order allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import accumulate, combinations, pairwise
from math import inf
from statistics import fmean

WIDTH = 172
COLUMN_GAP, LABELLED_GAP = 44, 92
"""Distance between two columns of boxes, and where an arrow between them has a label."""
BOX_GAP, LANE_HEIGHT, MARGIN = 18, 16, 20
"""Distance between two boxes of a column; height of the lane of an arrow that passes a column; margin around all."""
SWEEPS = 12
Point = tuple[float, float]
Pair = tuple[str, str]
Item = str | tuple[str, str, int]
"""A box, or the lane of an arrow in a column that it passes."""


def layers(boxes: Iterable[str], arrows: Iterable[Pair]) -> list[list[str]]:
    """Return boxes by columns: each to the left of all its successors, as near to them as possible.

    An arrow that would close a cycle, such as a place that is given free, does not count.
    """
    successors: dict[str, set[str]] = {box: set() for box in boxes}
    for first, second in arrows:
        successors[first].add(second)
        try:
            TopologicalSorter(successors).prepare()
        except CycleError:
            successors[first].discard(second)
    longest_path: dict[str, int] = {}
    for box in TopologicalSorter(successors).static_order():
        longest_path[box] = max((longest_path[successor] + 1 for successor in successors[box]), default=0)
    last = max(longest_path.values(), default=-1)
    return [[box for box in successors if longest_path[box] == last - column] for column in range(last + 1)]


@dataclass(frozen=True)
class Layout:
    """The positions of boxes (left and top) and the paths of arrows, in gaps between columns and in lanes without a box.

    A path is points from the right of one box to the left of another; between two points of different height it
    bends inside one gap.
    """

    width: float
    height: float
    boxes: Mapping[str, Point]
    paths: Mapping[Pair, tuple[Point, ...]]


def layered_layout(heights: Mapping[str, float], arrows: Mapping[Pair, str]) -> Layout:
    """Return a layout of boxes by their heights; arrows with a text get room for it behind the box they come from."""
    box_columns = layers(heights, arrows)
    columns = [list[Item](column) for column in box_columns]
    column_of = {box: number for number, column in enumerate(box_columns) for box in column}
    chains: dict[Pair, list[Item]] = {}
    for pair in arrows:
        first_column, second_column = column_of[pair[0]], column_of[pair[1]]
        lanes: list[Item] = [(*pair, number) for number in range(first_column + 1, second_column)]
        for lane, number in zip(lanes, range(first_column + 1, second_column), strict=True):
            columns[number].append(lane)
        if first_column < second_column:
            chains[pair] = [pair[0], *lanes, pair[1]]
    links = [link for chain in chains.values() for link in pairwise(chain)]
    _order(columns, links)
    sizes = {item: heights[item] if isinstance(item, str) else LANE_HEIGHT for column in columns for item in column}
    middle = _middles(columns, links, sizes)
    left = _lefts(arrows, columns, column_of)
    top = min(y - sizes[item] / 2 for item, y in middle.items()) - MARGIN
    middle = {item: y - top for item, y in middle.items()}
    bottom = max(y + sizes[item] / 2 for item, y in middle.items())
    paths = _paths(arrows, chains, column_of, left, middle, heights, bottom + BOX_GAP)
    boxes = {box: (left[number], middle[box] - heights[box] / 2) for box, number in column_of.items()}
    return_space = BOX_GAP if len(paths) > len(chains) else 0
    return Layout(left[-1] + WIDTH + MARGIN, bottom + return_space + MARGIN, boxes, paths)


def _order(columns: list[list[Item]], links: Sequence[tuple[Item, Item]]) -> None:
    """Sort the items of each column by the mean position of their neighbours, back and forth; keep the fewest crossings."""
    min_crossings, best_columns = _crossings(columns, links), [list(column) for column in columns]
    for sweep in range(SWEEPS):
        forwards = sweep % 2 == 0
        neighbours = _neighbours([link if forwards else link[::-1] for link in links])
        for number in range(1, len(columns)) if forwards else range(len(columns) - 2, -1, -1):
            position = {item: rank for rank, item in enumerate(columns[number - 1 if forwards else number + 1])}
            present = {item: rank for rank, item in enumerate(columns[number])}
            mean = {
                item: fmean(position[neighbour] for neighbour in neighbours[item])
                if item in neighbours
                else present[item]
                for item in present
            }
            columns[number].sort(key=mean.__getitem__)
        crossings = _crossings(columns, links)
        if crossings < min_crossings:
            min_crossings, best_columns = crossings, [list(column) for column in columns]
    columns[:] = best_columns


def _neighbours(links: Iterable[tuple[Item, Item]]) -> dict[Item, list[Item]]:
    """Return by item those on the other side of its links."""
    neighbours_of: dict[Item, list[Item]] = {}
    for neighbour, item in links:
        neighbours_of.setdefault(item, []).append(neighbour)
    return neighbours_of


def _crossings(columns: list[list[Item]], links: Sequence[tuple[Item, Item]]) -> int:
    """Return how many pairs of links cross."""
    place = {item: (column, row) for column, items in enumerate(columns) for row, item in enumerate(items)}
    # a link as (column, row) of its start and row of its end; two between the same columns cross if their ends are swapped
    ends = sorted((place[start], place[end][1]) for start, end in links)
    return sum(
        column == other_column and row != other_row and end_row > other_end_row
        for ((column, row), end_row), ((other_column, other_row), other_end_row) in combinations(ends, 2)
    )


def _middles(
    columns: list[list[Item]], links: Sequence[tuple[Item, Item]], sizes: Mapping[Item, float]
) -> dict[Item, float]:
    """Return the height of each item's middle: as near to its neighbours as its column has space."""
    middle = {item: 0.0 for column in columns for item in column}
    neighbours = [_neighbours(links), _neighbours([link[::-1] for link in links])]
    for sweep in range(SWEEPS):
        forwards = sweep % 2 == 0
        for column in columns if forwards else reversed(columns):
            joined_items = [
                neighbours[not forwards].get(item) or neighbours[forwards].get(item) or [item] for item in column
            ]
            preferred = [fmean(middle[neighbour] for neighbour in joined) for joined in joined_items]
            middle |= zip(column, _without_overlap(preferred, [sizes[item] + BOX_GAP for item in column]), strict=True)
    return middle


def _without_overlap(preferred: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Return the middles of boxes, spaced by sizes, as near the preferred ones as can be (isotonic regression)."""
    offsets = list(accumulate(((size + next_size) / 2 for size, next_size in pairwise(sizes)), initial=0.0))
    groups: list[list[float]] = []
    for middle, offset in zip(preferred, offsets, strict=True):
        groups.append([middle - offset])
        while len(groups) > 1 and fmean(groups[-2]) > fmean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    level = [fmean(group) for group in groups for _ in group]
    return [height + offset for height, offset in zip(level, offsets, strict=True)]


def _lefts(arrows: Mapping[Pair, str], columns: list[list[Item]], column_of: Mapping[str, int]) -> list[float]:
    """Return where each column begins: behind a gap that has room for a label if an arrow begins there with one."""
    labelled = {column_of[first] for (first, _), label in arrows.items() if label}
    gaps = [LABELLED_GAP if at in labelled else COLUMN_GAP for at in range(len(columns) - 1)]
    return list(accumulate((WIDTH + gap for gap in gaps), initial=float(MARGIN)))


def _paths(
    arrows: Iterable[Pair],
    chains: Mapping[Pair, Sequence[Item]],
    column_of: Mapping[str, int],
    left: Sequence[float],
    middle: Mapping[Item, float],
    heights: Mapping[str, float],
    below_boxes: float,
) -> dict[Pair, tuple[Point, ...]]:
    """Return the paths of arrows; one that goes back, or stays in its column, runs below all boxes."""
    exit_heights, entry_heights = _ports(arrows, 0, chains, middle, heights), _ports(arrows, 1, chains, middle, heights)
    paths: dict[Pair, tuple[Point, ...]] = {}
    for pair in arrows:
        start = (left[column_of[pair[0]]] + WIDTH, exit_heights[pair])
        end = (left[column_of[pair[1]]], entry_heights[pair])
        if pair in chains:
            first = column_of[pair[0]] + 1
            lanes = [(left[first + offset], middle[lane]) for offset, lane in enumerate(chains[pair][1:-1])]
            paths[pair] = (start, *(point for x, y in lanes for point in ((x, y), (x + WIDTH, y))), end)
        else:
            right_of_box, left_of_box = start[0] + COLUMN_GAP / 2, end[0] - COLUMN_GAP / 2
            paths[pair] = (
                start,
                (right_of_box, start[1]),
                (right_of_box, below_boxes),
                (left_of_box, below_boxes),
                (left_of_box, end[1]),
                end,
            )
    return paths


def _ports(
    arrows: Iterable[Pair],
    side: int,
    chains: Mapping[Pair, Sequence[Item]],
    middle: Mapping[Item, float],
    heights: Mapping[str, float],
) -> dict[Pair, float]:
    """Return the height at which each arrow leaves (side 0) or enters (side 1) its box, ordered by where it goes."""
    at_box: dict[str, list[Pair]] = {}
    for pair in arrows:
        at_box.setdefault(pair[side], []).append(pair)
    ports: dict[Pair, float] = {}
    for box, pairs in at_box.items():
        pairs.sort(key=lambda pair: middle[chains[pair][-2 if side else 1]] if pair in chains else inf)
        for number, pair in enumerate(pairs):
            ports[pair] = middle[box] + heights[box] * ((number + 1) / (len(pairs) + 1) - 0.5)
    return ports
