"""Machine code: whether it can be had here, and whether this process uses it.

What a number is, stands in plain Python and numpy; where that takes long, a twin says it once more as loops that a
machine goes through ten times faster, equal in every bit. The door is closed until somebody who performs with the
compiled engine opens it, so that whoever runs SimPy neither needs numba nor waits for it.

A module with machine code has all its pieces and constants in itself: numba keeps the code as long as this one file
has not changed, and would go on with what another file had in it once. Importing this package does not load numba;
`sim.jit.toolkit` does.

Time in which Python does not look for garbage: while a plan is written or performed, what is made stays.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Timer

# --- machine ----------------------------------------------------------------------------------------------------------


log = logging.getLogger(__name__)

A_MOMENT = 3.0
"""Seconds to load machine code from the disk in; what takes longer is being compiled."""
COMPILING = "compiling the fast measuring for this machine: once, for about ten seconds"

_door = {"open": False}


def available() -> bool:
    """Whether machine code can be made here: it needs numba, an extra of the installation."""
    return find_spec("numba") is not None


def by_machine() -> bool:
    """Tell whether this process uses machine code besides the engine's."""
    return _door["open"]


def open_door() -> None:
    """Use machine code from now on, where it can be had."""
    _door["open"] = available()


@contextmanager
def door(opened: bool) -> Iterator[None]:
    """Use machine code, or none, for a while."""
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


# --- undisturbed ------------------------------------------------------------------------------------------------------


@contextmanager
def gc_paused() -> Iterator[None]:
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
