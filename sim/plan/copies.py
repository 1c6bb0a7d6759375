"""Copies: units that are alike share one written route, and are laid out from its compiled rows with numpy.

Eight hundred skids do the same under different names. A mechanism writes the route of the first of them; the others
differ in the names of their gates and places, in their place in the order of the work, and in what the plan says is a
unit's own. `Layout` says which row and which input of the written routes stands where in the whole plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
SmallArray = NDArray[np.integer]

# --- names ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Copy:
    """One of several units that share a route: the names it has where the written one has its own.

    A name stands for itself, and for all names that begin with it and a dot. `sequence` is the place in the order of
    the work, `number` that of the unit among its like, or 0 where it has none.

    >>> Copy({"b1": "b17"}).name_of("b1.electrical")
    'b17.electrical'
    """

    names: Mapping[str, str]
    sequence: int = 0
    number: int = 0

    def name_of(self, written: str) -> str:
        """Return what this copy calls what the written unit calls by a name."""
        key, rest = split_name(written, self.names)
        return self.names[key] + rest if key else rest


def split_name(name: str, known: Collection[str]) -> tuple[str, str]:
    """Return a name in two: the longest beginning up to a dot or the end that is known, or nothing, and the rest."""
    at = len(name)
    while at > 0:
        if name[:at] in known:
            return name[:at], name[at:]
        at = name.rfind(".", 0, at)
    return "", name


def names_of(written: str, copies: Sequence[Copy]) -> list[str]:
    """Return the names that copies have for a name; without copies there is only the one."""
    if not copies:
        return [written]
    key, rest = split_name(written, copies[0].names)
    return [copy.names[key] + rest for copy in copies] if key else [written] * len(copies)


class Copies(dict[str, Sequence[Copy]]):
    """The units that share a written route, by the name of the first of them; it is one of them."""

    def __init__(self) -> None:
        """Begin with units that share no route."""
        super().__init__()
        self._now: Sequence[Copy] = ()

    @contextmanager
    def repeated(self, copies: Sequence[Copy]) -> Iterator[None]:
        """Have all units, gates and areas that are added to a plan meanwhile be there for every copy."""
        self._now = copies
        try:
            yield
        finally:
            self._now = ()

    def add(self, unit: str) -> None:
        """Remember that a unit is being added."""
        if self._now:
            self[unit] = self._now

    def names_now(self, name: str) -> list[str]:
        """Return the names that the copies have which something is being added for."""
        return names_of(name, self._now)

    def units(self, unit: str) -> list[str]:
        """Return the names of all units that share the route of a written one."""
        return names_of(unit, self.get(unit, ()))

    def number(self, unit: str) -> int:
        """Return how many units share the route of a written one."""
        return len(self[unit]) if unit in self else 1


# --- layout -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """Where things of written routes stand in the whole plan, such as rows: end to end, unit by unit.

    `first` is where those of each unit begin, and one more; `source` which of all written ones each is, `unit` whose.
    """

    first: IntArray
    source: IntArray
    unit: IntArray


def spread(begin: Sequence[int], route: IntArray) -> Spread:
    """Lay things out: those of route r are numbered from `begin[r]` up to `begin[r + 1]`; `route` is by unit."""
    begins = np.asarray(begin, np.int64)
    lengths = np.diff(begins)[route]
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    unit = np.repeat(np.arange(len(route)), lengths)
    source = np.arange(first[-1]) - first[unit] + begins[route][unit]
    return Spread(first, source, unit)


class PerCopy:
    """Numbers that differ from copy to copy: a row names one of them, its unit says which copy is meant."""

    def __init__(self) -> None:
        """Begin with none."""
        self._begin: list[int] = []
        self._numbers: list[int] = []

    def add(self, numbers: Iterable[int]) -> int:
        """Add the numbers of all copies, in order, and return by which number a row names them."""
        self._begin.append(len(self._numbers))
        self._numbers += numbers
        return len(self._begin) - 1

    def of(self, named: IntArray, copy: IntArray) -> IntArray:
        """Return the numbers of copies."""
        found: IntArray = np.array(self._numbers, np.int64)[np.array(self._begin, np.int64)[named] + copy]
        return found


def in_order_met(numbers: IntArray) -> tuple[IntArray, IntArray]:
    """Return the different numbers, from 0 on, in the order in which they are first met; the place of each among them."""
    first = np.full(numbers.max(initial=-1) + 1, -1)
    # of those that are alike the first is written last, and stays
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]
    different = np.flatnonzero(first >= 0)
    different = different[np.argsort(first[different])]
    rank = np.zeros(len(first), np.int64)
    rank[different] = np.arange(len(different))
    return different, rank[numbers]


# --- rows that are alike ----------------------------------------------------------------------------------------------


def different(rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return the different rows of a table in order, and which of them each row is: `np.unique`, column by column.

    Hundreds of thousands of rows have a few dozen values in each column; sorting whole rows takes a hundred times as long.
    """
    kind, kinds = np.zeros(len(rows), np.int64), 1
    for column in rows.T:
        place, values = _ranked(column)
        if kinds * values >= 1 << 63:  # no more than fits a number
            kind, kinds = _ranked(kind)
        kind, kinds = kind * values + place, kinds * values
    kind, kinds = _ranked(kind)
    first = np.zeros(kinds, np.int64)
    # of those that are alike the first row is written last, and stays
    first[kind[::-1]] = np.arange(len(rows))[::-1]
    return rows[first], kind


def _ranked(numbers: IntArray) -> tuple[IntArray, int]:
    """Return numbers that are in the same order and begin with 0, and how many there may be of them."""
    least, most = int(numbers.min(initial=0)), int(numbers.max(initial=0))
    if most - least < len(numbers):
        return numbers - least, most - least + 1
    # without the inverse, which would be sorted with its index: far slower than a search among few
    values = np.unique(numbers)
    return np.searchsorted(values, numbers), len(values)
