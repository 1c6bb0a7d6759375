"""One file for each physical mechanism: what it adds to the plan, written like a method statement."""

from __future__ import annotations
