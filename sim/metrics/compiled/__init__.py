"""Measuring by machine code: twins of the slow passes of `sim.metrics`, equal to them in every bit.

What a metric is, stands in numpy in `sim.metrics`; here is the same arithmetic once more, as loops that a machine
goes through ten times faster. The door is closed until somebody who performs with the compiled engine opens it, so
that whoever runs SimPy neither needs numba nor waits for it.

A module with machine code has all its pieces and constants in itself: numba keeps the code as long as this one file
has not changed, and would go on with what another file had in it once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sim.engine.compiled import available

_door = {"open": False}


def by_machine() -> bool:
    """Tell whether this process measures with machine code."""
    return _door["open"]


def open_door() -> None:
    """Measure with machine code from now on, where it can be had."""
    _door["open"] = available()


@contextmanager
def door(opened: bool) -> Iterator[None]:
    """Measure with machine code, or without, for a while."""
    before = _door["open"]
    _door["open"] = opened and available()
    try:
        yield
    finally:
        _door["open"] = before
