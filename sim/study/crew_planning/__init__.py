"""Crew planning: how many crews of every trade come when, found by rehearsals; and the dates of orders."""

from __future__ import annotations
