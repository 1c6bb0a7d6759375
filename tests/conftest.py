"""How tests behave on every machine: the same examples each time, no judgement of speed, and every run checked."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from sim.jit import door
from sim.metrics.conservation import SWITCH

# worker processes of a study inherit it
os.environ.setdefault(SWITCH, "1")

settings.register_profile("house", derandomize=True, deadline=None, database=None)
settings.load_profile("house")

# A shell that starts the tests in the background has them, and all they start, ignore Ctrl-C: here it is heard again.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def door_as_found() -> Iterator[None]:
    """Let every test begin without machine code: one that performs by the compiled engine leaves the door open."""
    with door(False):
        yield
