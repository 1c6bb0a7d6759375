"""Identical units share one written route, and are laid out as copies of it from its compiled rows with numpy.

Eight hundred skids do the same under different names. A mechanism writes the route of the first of them; the others
differ in the names of their gates and places, in their place in the order of the work, and in what the plan says is a
unit's own. `Spread` says which row and which input of the written routes stands where in the whole plan.
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


def split_name(name: str, prefixes: Collection[str]) -> tuple[str, str]:
    """Return a dotted name as (the longest prefix of whole parts that is in `prefixes`, or "", the rest).

    >>> split_name("b1.electrical", {"b1"})
    ('b1', '.electrical')
    """
    end = len(name)
    while end > 0:
        if name[:end] in prefixes:
            return name[:end], name[end:]
        end = name.rfind(".", 0, end)
    return "", name


def names_of(written_name: str, copies: Sequence[Copy]) -> list[str]:
    """Return what each copy calls what the written unit calls by a name; without copies the written name alone."""
    if not copies:
        return [written_name]
    key, suffix = split_name(written_name, copies[0].names)
    return [copy.names[key] + suffix for copy in copies] if key else [written_name] * len(copies)


class Copies(dict[str, Sequence[Copy]]):
    """The units that share a written route, by the name of the first of them; it is one of them."""

    def __init__(self) -> None:
        """Begin with units that share no route."""
        super().__init__()
        self._current: Sequence[Copy] = ()

    @contextmanager
    def adding_all(self, copies: Sequence[Copy]) -> Iterator[None]:
        """Within this context, every unit, gate and area that is added to a plan is added for every copy."""
        self._current = copies
        try:
            yield
        finally:
            self._current = ()

    def add(self, unit: str) -> None:
        """Record the current copies of a unit that is added to the plan."""
        if self._current:
            self[unit] = self._current

    def names_now(self, name: str) -> list[str]:
        """Return what the current copies call a name: one name for each of them, or only this one outside `adding_all`."""
        return names_of(name, self._current)

    def units(self, unit: str) -> list[str]:
        """Return the names of all units that share the route of a written one."""
        return names_of(unit, self.get(unit, ()))

    def number(self, unit: str) -> int:
        """Return how many units share the route of a written one."""
        return len(self[unit]) if unit in self else 1


# --- layout -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """Where the rows (or inputs) of the written routes stand in the whole plan: end to end, unit by unit.

    `first` is by unit the number of its first row, and at the end the count of all; `source` is by row the number of the
    written row it is a copy of, `unit` the unit it belongs to.
    """

    first: IntArray
    source: IntArray
    unit: IntArray


def spread(begin: Sequence[int], route: IntArray) -> Spread:
    """Return where the rows of all units stand: those of route r are `begin[r]` up to `begin[r + 1]`, `route` is by unit."""
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
        """Return each row's number: the one that copy `copy` has of what the row names, both by row."""
        numbers: IntArray = np.array(self._numbers, np.int64)[np.array(self._begin, np.int64)[named] + copy]
        return numbers


def unique_in_order(numbers: IntArray) -> tuple[IntArray, IntArray]:
    """Return the unique values of an array in the order of their first appearance, and the index of each entry's value.

    Values are 0 or greater. As `pandas.factorize`, with its two results exchanged.
    """
    first = np.full(numbers.max(initial=-1) + 1, -1)
    # written backwards, so that of equal values the first position is the one that stays
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]
    unique = np.flatnonzero(first >= 0)
    unique = unique[np.argsort(first[unique])]
    index = np.zeros(len(first), np.int64)
    index[unique] = np.arange(len(unique))
    return unique, index[numbers]


# --- unique rows ------------------------------------------------------------------------------------------------------


def unique_rows(rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return the unique rows of a table in order, and the index of each row among them: `np.unique` by rows, but faster.

    Hundreds of thousands of rows have a few dozen values in each column; sorting whole rows takes a hundred times as long.
    There may be entries to which no row refers; they repeat the first row.
    """
    key, key_count = np.zeros(len(rows), np.int64), 1
    for column in rows.T:
        rank, rank_count = _ranked(column)
        if key_count * rank_count >= 1 << 63:  # the combined key would not fit 63 bits
            key, key_count = _ranked(key)
        key, key_count = key * rank_count + rank, key_count * rank_count
    index, count = _ranked(key)
    first = np.zeros(count, np.int64)
    # written backwards, so that of equal rows the first position is the one that stays
    first[index[::-1]] = np.arange(len(rows))[::-1]
    return rows[first], index


def _ranked(numbers: IntArray) -> tuple[IntArray, int]:
    """Return numbers from 0 on that are in the same order, and an upper bound of how many different ones there are."""
    smallest, largest = int(numbers.min(initial=0)), int(numbers.max(initial=0))
    if largest - smallest < len(numbers):
        return numbers - smallest, largest - smallest + 1
    # without the inverse, which would be sorted with its index: far slower than a search among few
    values = np.unique(numbers)
    return np.searchsorted(values, numbers), len(values)
