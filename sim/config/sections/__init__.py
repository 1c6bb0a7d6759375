"""The sections of a project's YAML, one module for each: what may stand in it, in which unit, within which bounds."""

from __future__ import annotations
