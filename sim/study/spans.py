"""Stretches of replications: which are wanted, which are there, and the next piece to hand out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def missing(have: Iterable[range], wanted: range) -> list[range]:
    """The gaps of `wanted` that `have` leaves, in order."""
    gaps, position = [], wanted.start
    for span in sorted(have, key=lambda span: span.start):
        if position < min(span.start, wanted.stop):
            gaps.append(range(position, min(span.start, wanted.stop)))
        position = max(position, span.stop)
    if position < wanted.stop:
        gaps.append(range(position, wanted.stop))
    return gaps


def pieces(have: Iterable[range], wanted: range) -> Iterator[tuple[range, slice]]:
    """Each stretch needed to cover `wanted` without gap or repetition, with the part of it to use."""
    position = wanted.start
    for span in sorted(have, key=lambda span: (span.start, -len(span))):
        start, stop = max(position, span.start), min(span.stop, wanted.stop)
        if start < stop:
            yield span, slice(start - span.start, stop - span.start)
            position = stop


def total(spans: Iterable[range]) -> int:
    """How many replications they are."""
    return sum(len(span) for span in spans)


def worded(spans: Iterable[range]) -> str:
    """For people: "0-63, 128, 200-255"."""
    return ", ".join(f"{s.start}-{s.stop - 1}" if len(s) > 1 else f"{s.start}" for s in spans)


class Todo:
    """What is still to be handed out, in order, in pieces of any size."""

    def __init__(self, spans: Iterable[range]) -> None:
        self._spans = list(reversed(list(spans)))

    @property
    def count(self) -> int:
        """How many replications are left."""
        return total(self._spans)

    def take(self, size: int) -> range:
        """The next `size` replications, fewer at a gap; there must be some left."""
        span = self._spans.pop()
        if len(span) > size:
            self._spans.append(range(span.start + size, span.stop))
        return range(span.start, min(span.stop, span.start + size))

    def put_back(self, span: range) -> None:
        """Hand a piece back; it is the next to be taken."""
        self._spans.append(span)
