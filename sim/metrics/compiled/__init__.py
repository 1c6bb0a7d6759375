"""Measuring by machine code: twins of the slow passes of `sim.metrics`, equal to them in every bit.

What a metric is, stands in numpy in `sim.metrics`; here is the same arithmetic once more, as loops that a machine
goes through ten times faster. The door is closed until somebody who performs with the compiled engine opens it, so
that whoever runs SimPy neither needs numba nor waits for it.

A module with machine code has all its pieces and constants in itself: numba keeps the code as long as this one file
has not changed, and would go on with what another file had in it once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from sim.engine.compiled import available

log = logging.getLogger(__name__)

A_MOMENT = 3.0
"""Seconds to load machine code from the disk in; what takes longer is being compiled."""
COMPILING = "compiling the fast measuring for this machine: once, for about ten seconds"

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


@contextmanager
def announced() -> Iterator[None]:
    """Say on stderr that machine code is being compiled, if measuring for the first time takes longer than a moment."""
    telling = Timer(A_MOMENT, log.warning, [COMPILING])
    if by_machine():
        telling.start()
    try:
        yield
    finally:
        telling.cancel()
