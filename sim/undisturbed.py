"""Time in which Python does not look for garbage: while a plan is written or performed, what is made stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_thrown_away() -> Iterator[None]:
    """Put off the search for garbage; it would walk over all that was made again and again and find nothing.

    What is no longer needed is freed as always; only circles wait.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
