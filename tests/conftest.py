"""How tests behave on every machine: the same examples each time, no judgement of speed, and every run checked."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from hypothesis import settings

from sim.metrics.conservation import SWITCH
from tests.tiny_project import nothing_drawn

# worker processes of a study inherit it
os.environ.setdefault(SWITCH, "1")
# Where no compiled modules may be kept, each of the hundred programs that tests start compiles 270 of them, for a second.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# crews are planned by the code under test, which a test may have changed for itself
os.environ.setdefault("SIM_CACHE_DIR", "")

settings.register_profile("house", derandomize=True, deadline=None, database=None)
settings.load_profile("house")

# A shell that starts the tests in the background has them, and all they start, ignore Ctrl-C: here it is heard again.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_picture_files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eleven figures as files take most of a small run, and have tests of their own: these draw them, and the slow tests."""
    if not ({"draws", "slow"} & {*request.keywords}):
        monkeypatch.setattr("sim.report.figures.drawing.drawn", nothing_drawn)
        monkeypatch.setattr("sim.report.figures.drawing.FigureDrawing.get_ready", lambda *_: None)
