"""What can be read off a plan without simulating it: critical path, load, prerequisites, classes of routes."""

from __future__ import annotations
