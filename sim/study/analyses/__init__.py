"""Questions that take many runs: sweeps, sensitivities, switching off, tuning, baselines, validation."""

from __future__ import annotations
