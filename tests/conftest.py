"""How tests behave on every machine: the same examples each time, no judgement of speed, and every run checked."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

from sim.metrics.conservation import SWITCH

# worker processes of a study inherit it
os.environ.setdefault(SWITCH, "1")
# crews are planned by the code under test, which a test may have changed for itself
os.environ.setdefault("SIM_CACHE_DIR", "")

settings.register_profile("house", derandomize=True, deadline=None, database=None)
settings.load_profile("house")

# A shell that starts the tests in the background has them, and all they start, ignore Ctrl-C: here it is heard again.
signal.signal(signal.SIGINT, signal.default_int_handler)
