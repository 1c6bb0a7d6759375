"""How tests behave on every machine: the same examples each time, no judgement of speed, and every run checked."""

from __future__ import annotations

import gc
import os
import signal
import sys
from functools import partial

import pytest
from hypothesis import settings

from sim.metrics.conservation import SWITCH
from sim.study.analyses.case_series import measure_levers
from sim.study.crew_planning import reuse
from tests.tiny_project import nothing_drawn

# worker processes of a study inherit it
os.environ.setdefault(SWITCH, "1")
# Where no compiled modules may be kept, each of the hundred programs that tests start compiles 270 of them, for a second.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# crews are planned by the code under test, which a test may have changed for itself
os.environ.setdefault("SIM_CACHE_DIR", "")
reuse.MAX_CACHED = 128  # many files of tests plan the same small projects

settings.register_profile("house", derandomize=True, deadline=None, database=None)
settings.load_profile("house")

# A shell that starts the tests in the background has them, and all they start, ignore Ctrl-C: here it is heard again.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Have Python look for garbage among what the tests make, not again and again among all that was imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)


FEW_LEVER_RUNS = 10


@pytest.fixture(autouse=True)
def no_more_than_is_looked_at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes most of a small run and has tests of its own: these do all of it, and the slow tests.

    That is eleven figures as files, a hundred replications of each lever, and waiting until the disk has every file: no
    test pulls a plug, and `files.fault_point` tells those of faults where one would have been pulled.
    """
    if "slow" in request.keywords:
        return
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr("sim.study.api.measure_levers", partial(measure_levers, runs=FEW_LEVER_RUNS))
    if "draws" not in request.keywords:
        monkeypatch.setattr("sim.report.figures.drawing.draw_figures", nothing_drawn)
        monkeypatch.setattr("sim.report.figures.drawing.FigureDrawing.get_ready", lambda *_: None)
