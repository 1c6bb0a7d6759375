"""How tests behave on every machine: the same examples each time, and no judgement of speed."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("house", derandomize=True, deadline=None, database=None)
settings.load_profile("house")
