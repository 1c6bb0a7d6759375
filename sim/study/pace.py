"""How fast it goes: how many replications make a chunk of about a second, and when it will be finished."""

from __future__ import annotations

import time

CHUNK_SECONDS = 1.0
FIRST_SIZE = 4
LARGEST = 1000


class Pace:
    """Learns from finished chunks; it decides how work is cut up, which no result can show."""

    def __init__(self, chunk: int | None = None) -> None:
        self._fixed = chunk
        self._seconds_each: float | None = None
        self._began = time.perf_counter()
        self._done = 0

    def learn(self, count: int, seconds: float) -> None:
        """Take note of a finished chunk."""
        self._done += count
        if seconds > 0:
            # the latest counts, not the mean: a worker's first chunk includes its warming up
            self._seconds_each = seconds / count

    def size(self, left: int, workers: int) -> int:
        """How many replications the next chunk is to have, so that all workers finish together."""
        if self._fixed:
            return self._fixed
        if self._seconds_each is None:
            return FIRST_SIZE
        fair = -(-left // (2 * max(workers, 1)))
        return max(1, min(round(CHUNK_SECONDS / self._seconds_each), fair, LARGEST))

    def seconds_left(self, left: int) -> float | None:
        """How long what is left will take at the pace so far; None before anything is finished."""
        if not self._done:
            return None
        return (time.perf_counter() - self._began) / self._done * left
