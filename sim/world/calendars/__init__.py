"""Working time: shifts, holidays and daylight as intervals of minutes, and the calendars of a project."""

from __future__ import annotations
