"""Where finished chunks wait until the last one is there: in memory, or on the disk (`resume`)."""

from __future__ import annotations

from typing import Protocol

from sim.study.chunk import Chunk, Column


class Shelf(Protocol):
    """A place for finished chunks."""

    def put(self, chunk: Chunk) -> None:
        """Keep a chunk."""

    def spans(self) -> list[range]:
        """Which stretches of replications are here."""

    def rows(self, span: range) -> Chunk:
        """Status, metrics and notes of a stretch, without its curves."""

    def curve_names(self) -> list[str]:
        """The names of the curves, sorted."""

    def curve(self, span: range, name: str) -> Column | None:
        """One curve of a stretch; None where every replication of it failed."""


class Memory:
    """Chunks in memory: for a run that keeps nothing."""

    def __init__(self) -> None:
        self._chunks: dict[range, Chunk] = {}

    def put(self, chunk: Chunk) -> None:
        """Keep a chunk."""
        self._chunks[chunk.span] = chunk

    def spans(self) -> list[range]:
        """Which stretches of replications are here."""
        return list(self._chunks)

    def rows(self, span: range) -> Chunk:
        """Status, metrics and notes of a stretch."""
        return self._chunks[span]

    def curve_names(self) -> list[str]:
        """The names of the curves, sorted."""
        return sorted({name for chunk in self._chunks.values() for name in chunk.curves})

    def curve(self, span: range, name: str) -> Column | None:
        """One curve of a stretch; None where every replication of it failed."""
        return self._chunks[span].curves.get(name)


class Window:
    """A stretch of another shelf, with its replications numbered from 0: where one of many studies in a row lies."""

    def __init__(self, shelf: Shelf, first: int, count: int) -> None:
        self.shelf = shelf
        self._stretch = range(first, first + count)

    def put(self, chunk: Chunk) -> None:
        """Keep a chunk."""
        first = self._stretch.start
        notes = {replication + first: note for replication, note in chunk.notes.items()}
        self.shelf.put(Chunk(chunk.first + first, chunk.runs, chunk.curves, notes))

    def spans(self) -> list[range]:
        """Which stretches of replications are here."""
        here = (span for span in self.shelf.spans() if span.start in self._stretch and span.stop <= self._stretch.stop)
        return [range(span.start - self._stretch.start, span.stop - self._stretch.start) for span in here]

    def rows(self, span: range) -> Chunk:
        """Status, metrics and notes of a stretch."""
        first, found = self._stretch.start, self.shelf.rows(self._there(span))
        notes = {replication - first: note for replication, note in found.notes.items()}
        return Chunk(span.start, found.runs, found.curves, notes)

    def curve_names(self) -> list[str]:
        """The names of the curves, sorted."""
        return self.shelf.curve_names()

    def curve(self, span: range, name: str) -> Column | None:
        """One curve of a stretch; None where every replication of it failed."""
        return self.shelf.curve(self._there(span), name)

    def _there(self, span: range) -> range:
        return range(span.start + self._stretch.start, span.stop + self._stretch.start)
