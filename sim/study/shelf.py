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
